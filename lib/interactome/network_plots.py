"""Fig 3A: the interactome drawn by a script, with regulators, prizes, costs and Steiner tree."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from lib.interactome import layout
from lib.interactome.network import of_table
from lib.report import figures

REGULATOR, SCREENED, OTHER = "#D55E00", "#56B4E9", "#C9CED3"
KINDS = {"regulator": REGULATOR, "screened gene": SCREENED, "other gene": OTHER}
_WIDTH, _HEIGHT = figures.PAGE, 5.6  # inches of the map
_ASPECT = _WIDTH / _HEIGHT


def place(nodes: pd.DataFrame, edges: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Add to the nodes the positions at which they are drawn.

    Parameters
    ----------
    nodes : DataFrame
        `gene`, `module`.
    edges : DataFrame
        `gene_a`, `gene_b`, `cost_spearman`.
    seed : int
        Of the layout.

    Returns
    -------
    DataFrame
        The nodes with `x` (0 … 1.29) and `y` (0 … 1), in heights of the map.
    """
    network = of_table(edges, cost="cost_spearman", nodes=nodes["gene"])
    points = layout.positions(network, nodes["module"].to_numpy(), seed=seed, aspect=_ASPECT)
    return nodes.assign(x=points[:, 0].round(6), y=points[:, 1].round(6))


def fig3a(placed: pd.DataFrame, edges: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the interactome: size = prize, grey and width = cost, regulators named, tree edges dark.

    Parameters
    ----------
    placed : DataFrame
        Nodes from `place`: `gene`, `prize`, `is_regulator`, `is_orf_target`, `x`, `y`.
    edges : DataFrame
        `gene_a`, `gene_b`, `cost_spearman`, `in_tree`.

    Returns
    -------
    Figure
    DataFrame
        The nodes drawn, with `kind`, and the edges: `mark` is node or edge.
    """
    drawn = placed.assign(kind=kinds(placed))
    colours = drawn["kind"].map(KINDS)
    with figures.style():
        figure, ax = _sheet()
        _draw_edges(ax, drawn, edges)
        # areas, for the legend
        radii = _draw_nodes(ax, drawn, colours, names=drawn["is_regulator"])
        _kind_legend(figure, drawn)
        _edge_legend(figure, edges)
        _prize_legend(figure, drawn, radii)
    return figure, _marks(drawn, edges)


def planted(
    placed: pd.DataFrame, edges: pd.DataFrame, truth: pd.DataFrame
) -> tuple[Figure, pd.DataFrame]:
    """Draw the interactome with each gene in the colour of its planted module.

    Where nothing is planted, the figure says so.

    Parameters
    ----------
    placed : DataFrame
        Nodes from `place`, as in `fig3a`.
    edges : DataFrame
        `gene_a`, `gene_b`, `cost_spearman`, `in_tree`.
    truth : DataFrame
        `gene`, `module` ("none" for genes of no module); empty for real sources.

    Returns
    -------
    Figure
    DataFrame
        The nodes drawn, with `planted`, and the edges: `mark` is node or edge.
    """
    if truth.empty:
        return figures.absent("Real sources have no planted modules to compare with.")
    modules = truth.set_index("gene")["module"].astype(str)
    drawn = placed.assign(planted=placed["gene"].map(modules).fillna("none"))
    names = sorted(set(drawn["planted"]) - {"none"})
    palette = figures.cluster_colours([*names, "none"])
    with figures.style():
        figure, ax = _sheet()
        _draw_edges(ax, drawn, edges)
        _draw_nodes(ax, drawn, drawn["planted"].map(palette), names=drawn["is_regulator"])
        counts = drawn["planted"].value_counts()
        handles = [
            _dot(colour, f"{name} ({counts.get(name, 0)})") for name, colour in palette.items()
        ]
        # colours are taken by modules, so a ring marks regulators
        handles.append(_dot("white", "black ring: regulator", ring="black"))
        figure.legend(
            handles=handles,
            title="planted module (genes)",
            loc="upper left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=len(handles),
            handletextpad=0.1,
            columnspacing=0.8,
            alignment="left",
        )
    return figure, _marks(drawn, edges)


def _marks(nodes: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """Return one row per node and then one per edge, which has a `partner`.

    `x` and `y` are in heights of the map.
    """
    names = {"x": "x_map_heights", "y": "y_map_heights", "prize": "prize_abs_log2_fc"}
    columns = {"gene_a": "gene", "gene_b": "partner", "cost_spearman": "cost_1_minus_abs_rho"}
    lines = edges[[*columns, "in_tree"]].rename(columns=columns)
    return (
        pd.concat({"node": nodes.rename(columns=names), "edge": lines}, names=["mark"])
        .reset_index(level="mark")
        .reset_index(drop=True)
    )


def kinds(nodes: pd.DataFrame) -> np.ndarray:
    """Return the kind of each node, which gives its colour.

    Parameters
    ----------
    nodes : DataFrame
        `is_regulator`, `is_orf_target`.

    Returns
    -------
    (N,) ndarray of str
        `regulator`, `screened gene` (screened, not selected) or `other gene`.
    """
    return np.select(
        [nodes["is_regulator"], nodes["is_orf_target"]],
        ["regulator", "screened gene"],
        "other gene",
    )


def _sheet() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, _HEIGHT + 0.6), layout="none")  # 0.6 inches on top for legends
    ax = figure.add_axes((0, 0, 1, _HEIGHT / (_HEIGHT + 0.6)))
    ax.set(xlim=(-0.05, _ASPECT + 0.05), ylim=(-0.04, 1.04), aspect="equal")
    ax.axis("off")
    return figure, ax


def _draw_edges(ax: Axes, nodes: pd.DataFrame, edges: pd.DataFrame) -> None:
    """Draw edges, dear ones thin and pale, and those of the tree last and dark."""
    places = nodes.set_index("gene")[["x", "y"]]
    lines = np.stack(
        [places.loc[edges[name]].to_numpy() for name in ("gene_a", "gene_b")], axis=1
    )  # (E, 2 ends, 2)
    # (E,) shades and widths are relative to the edges drawn
    tightness = _tightness(edges)
    in_tree = edges["in_tree"].to_numpy(bool)
    # drawn last, so on top: edges of the tree, then cheap ones
    order = np.lexsort((tightness, in_tree))
    # grey level, 0 is black
    shades = np.where(in_tree, 0.25, 0.88 - 0.35 * tightness)
    widths = np.where(in_tree, 0.7 + 0.7 * tightness, 0.3 + 0.6 * tightness)
    ax.add_collection(
        LineCollection(
            lines[order],
            colors=[(s, s, s) for s in shades[order]],
            linewidths=widths[order],
            zorder=1,
        )
    )


def _tightness(edges: pd.DataFrame) -> np.ndarray:
    """Return 0 for the dearest edge drawn and 1 for the cheapest."""
    costs = edges["cost_spearman"].to_numpy(float)
    span = np.ptp(costs) if len(costs) else 0.0
    return (costs.max() - costs) / span if span > 0 else np.full(len(costs), 0.5)


def _area(prizes: np.ndarray, most: float) -> np.ndarray:
    """Return the area of a node in square points: 10 without a prize, 75 with the largest."""
    return 10 + 65 * np.asarray(prizes, float) / max(most, 1e-12)


def _draw_nodes(
    ax: Axes, nodes: pd.DataFrame, colours: pd.Series, *, names: pd.Series
) -> np.ndarray:
    """Draw nodes, with a black ring around regulators, and the names of some; return the areas."""
    areas = _area(nodes["prize"], nodes["prize"].max())
    ring = np.where(nodes["is_regulator"], "black", "white")
    ax.scatter(
        nodes["x"],
        nodes["y"],
        s=areas,
        c=list(colours),
        edgecolors=list(ring),
        linewidths=np.where(nodes["is_regulator"], 0.7, 0.4),
        zorder=2,
    )
    point = 1.1 / (72 * _HEIGHT)  # a point of print, in units of the axes
    chosen = pd.Series(nodes["gene"].to_numpy()[names.to_numpy()], index=np.flatnonzero(names))
    spots = layout.labels(
        nodes[["x", "y"]].to_numpy(),
        chosen,
        sizes=np.sqrt(areas / np.pi) * point,
        height=7 * point,
        width=4.6 * point,
    )
    for spot in spots.itertuples():
        if spot.is_far:
            node = nodes.iloc[spot.node]
            ax.plot(
                [spot.x, node["x"]], [spot.y, node["y"]], color=REGULATOR, linewidth=0.5, zorder=1.5
            )
        ax.text(
            spot.x,
            spot.y,
            spot.text,
            fontsize=6.3,
            fontweight="bold",
            ha="center",
            va="center",
            zorder=3,
            path_effects=[withStroke(linewidth=1.6, foreground="white")],
        )
    return areas


def _kind_legend(figure: Figure, nodes: pd.DataFrame) -> None:
    counts = nodes["kind"].value_counts()
    handles = [
        _dot(
            colour,
            f"{kind} ({counts.get(kind, 0)})",
            ring="black" if kind == "regulator" else "white",
        )
        for kind, colour in KINDS.items()
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        handletextpad=0.1,
        labelspacing=0.3,
    )


def _edge_legend(figure: Figure, edges: pd.DataFrame) -> None:
    low, high = edges["cost_spearman"].min(), edges["cost_spearman"].max()
    handles = [
        Line2D(
            [],
            [],
            color="0.25",
            linewidth=1.3,
            label=f"Steiner tree ({int(edges['in_tree'].sum())} edges)",
        ),
        Line2D([], [], color="0.53", linewidth=0.9, label=f"other interaction, cost {low:.2f}"),
        Line2D([], [], color="0.88", linewidth=0.4, label=f"other interaction, cost {high:.2f}"),
    ]
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.44, 1.0), labelspacing=0.3)


def _prize_legend(figure: Figure, nodes: pd.DataFrame, areas: np.ndarray) -> None:
    most = nodes["prize"].max()
    values = [0.0, most / 2, most]
    handles = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            color=OTHER,
            markeredgecolor="white",
            label=f"{value:.1f}",
            markersize=np.sqrt(_area(value, most)),
        )
        for value in values
    ]
    figure.legend(
        handles=handles,
        title="prize, |log2 fold change|",
        loc="upper right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=3,
        handletextpad=0.1,
        columnspacing=1.0,
        alignment="left",
    )


def _dot(colour: str, label: str, ring: str = "white") -> Line2D:
    return Line2D(
        [],
        [],
        marker="o",
        linestyle="",
        color=colour,
        markeredgecolor=ring,
        markersize=6,
        label=label,
    )
