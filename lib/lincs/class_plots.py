"""Pictures of classes, codes and targets. Each function returns the figure and every drawn
mark.
"""

from collections.abc import Mapping, Sequence

import networkx as nx
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from lib.lincs.codes import leaf_order
from lib.lincs.plots import short
from lib.report import figures


def score_dots(
    table: pd.DataFrame, chance: dict[str, float], *, value: str, label: str = ""
) -> tuple[Figure, pd.DataFrame]:
    """Draw a score of each representation, one colour per way of cutting folds, with chance and
    best as lines.

    Parameters
    ----------
    table : DataFrame
        `representation`, `folds`, the score, and optionally `low`, `high`.
    chance : dict
        Name → value of the lines.
    value : str
        Column of the score.
    label : str
        Of its axis; by default the name of the column.

    Returns
    -------
    figure, drawn
        Each dot with its interval, and the lines.
    """
    names = list(dict.fromkeys(table["representation"]))
    ways = list(dict.fromkeys(table["folds"]))
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 0.9 + 0.3 * len(names)))
        ax = figure.add_subplot()
        for i, (way, colour) in enumerate(zip(ways, figures.PALETTE, strict=False)):
            own = table[table["folds"] == way]
            at = np.array([names.index(name) for name in own["representation"]]) + 0.18 * (
                i - (len(ways) - 1) / 2
            )
            errors = (
                np.abs(own[["low", "high"]].to_numpy().T - own[value].to_numpy())
                if "low" in own
                else None
            )
            ax.errorbar(
                own[value],
                at,
                xerr=errors,
                fmt="o",
                markersize=4,
                color=colour,
                linewidth=0.8,
                label=way,
            )
        for (name, at), style in zip(chance.items(), (":", "--", "-."), strict=False):
            ax.axvline(at, color="0.4", linestyle=style, linewidth=0.8, label=name)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_xlabel(label or value.replace("_", " "))
        ax.set_xlim(0, 1)
        figure.legend(loc="outside upper center", ncols=3)
    lines = pd.DataFrame(
        {"representation": list(chance), value: list(chance.values()), "folds": "line"}
    )
    columns = ["folds", "representation", value, *(c for c in ("low", "high", "n") if c in table)]
    return figure, pd.concat([table[columns], lines], ignore_index=True)


def confusion(shares: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw which class (rows) is predicted as which (columns).

    Parameters
    ----------
    shares : DataFrame
        From `classification.confusion`.
    """
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 0.82 * figures.MIDDLE))
        ax = figure.add_subplot()
        image = ax.imshow(shares, cmap="viridis", vmin=0, vmax=1)
        ax.set_xticks(range(shares.shape[1]), [short(name) for name in shares.columns], rotation=90)
        ax.set_yticks(range(len(shares)), [short(name) for name in shares.index])
        ax.set_xlabel("predicted class")
        ax.set_ylabel("class")
        figure.colorbar(image, ax=ax, label="share of the class's signatures")
    return figure, shares.reset_index().melt("pcl", var_name="predicted", value_name="share")


def target_ranks(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the mean rank of each drug's best target among genes, and 95 % of random genes'.

    Parameters
    ----------
    table : DataFrame
        `drug`, `gene_rank`, `null_low`, `null_high`, `p` from `target_tests.permutation_test`.
    """
    shown = table.sort_values(["gene_rank", "drug"], ascending=False).reset_index(drop=True)
    at = np.arange(len(shown))
    found = shown["p"] < 0.05
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 0.9 + 0.115 * len(shown)))
        ax = figure.add_subplot()
        ax.hlines(
            at,
            shown["null_low"],
            shown["null_high"],
            color="0.8",
            linewidth=3,
            label="random genes, 95 %",
        )
        for mask, colour, label in (
            (found, "#0072B2", "p < 0.05"),
            (~found, "#D55E00", "p ≥ 0.05"),
        ):
            ax.scatter(
                shown["gene_rank"][mask], at[mask], color=colour, s=10, zorder=3, label=label
            )
        ax.set_yticks(at, shown["drug"], fontsize=6)
        ax.set_ylim(-1, len(shown))
        ax.set_xlabel("mean rank of the best target among genes (0 = first)")
        figure.legend(loc="outside upper center", ncols=3)
    return figure, shown


def rank_chance(ranks: pd.DataFrame, summary: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the ranks of all queries among signatures, and each drug's mean against what chance
    gives.

    Parameters
    ----------
    ranks, summary : DataFrame
        From `targets.rank` and `targets.summarise`.
    """
    defined = ranks[ranks["is_defined"]]
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.8))
        left, right = figure.subplots(1, 2)
        left.hist(defined["rank"], bins=40, color=figures.PALETTE[0])
        left.set_xlabel("rank of the best target signature")
        left.set_ylabel(f"signatures of drugs (n = {len(defined)})")
        right.scatter(
            summary["chance"],
            summary["mean_rank"],
            s=10,
            alpha=0.6,
            linewidth=0,
            color=figures.PALETTE[0],
        )
        ends = [0, 1.15 * summary["chance"].max()]
        right.plot(ends, ends, color="0.5", linewidth=0.8)
        right.set_xlim(ends)
        right.set_xlabel("rank expected by chance")
        right.set_ylabel(f"mean rank of a drug (n = {len(summary)})")
    rows = pd.concat([defined.assign(part="query"), summary.assign(part="drug")], ignore_index=True)
    return figure, rows[["part", "drug", "rank", "mean_rank", "chance"]]


def code_heat(distances: np.ndarray, classes: Sequence[str]) -> tuple[Figure, pd.DataFrame]:
    """Draw the correlation distances between codes, in a dendrogram's order; dark is close.

    Parameters
    ----------
    distances : (K, K) array
    classes : (K,) sequence of str
    """
    order = leaf_order(distances)
    names = [short(classes[i]) for i in order]
    width = figures.MIDDLE if len(order) <= 20 else figures.PAGE
    with figures.style():
        figure = Figure(figsize=(width, 0.85 * width if len(order) <= 20 else 1.05 * width))
        ax = figure.add_subplot()
        image = ax.imshow(distances[np.ix_(order, order)], cmap="viridis")
        ax.set_xticks(range(len(order)), names, rotation=90, fontsize=figures.LEAST)
        ax.set_yticks(range(len(order)), names, fontsize=figures.LEAST)
        figure.colorbar(image, ax=ax, label="1 − Pearson r of the codes", shrink=0.6)
    table = (
        pd.DataFrame(distances, index=list(classes), columns=list(classes))
        .rename_axis("pcl")
        .reset_index()
    )
    return figure, table.melt("pcl", var_name="other", value_name="distance_1_minus_r")


def code_network(graph: nx.DiGraph) -> tuple[Figure, pd.DataFrame]:
    """Draw the nearest-neighbour network: an arrow to each class from the class nearest to it.

    Parameters
    ----------
    graph : DiGraph
        From `codes.network`.
    """
    places, names = _layout(graph), dict(graph.nodes(data="label"))
    edges = pd.DataFrame(
        [(names[a], names[b], data["weight"]) for a, b, data in graph.edges(data=True)],
        columns=["from", "to", "r"],
    )
    width, height = (figures.MIDDLE, 3.6) if len(graph) <= 20 else (figures.PAGE, 8.6)
    with figures.style():
        figure = Figure(figsize=(width, height))
        ax = figure.add_subplot()
        scale = ScalarMappable(Normalize(0, 1), _blues())
        nx.draw_networkx_edges(
            graph,
            places,
            ax=ax,
            edge_color=edges["r"],
            edge_cmap=scale.cmap,
            edge_vmin=0,
            edge_vmax=1,
            arrowsize=7,
            node_size=40,
            width=1.2,
        )
        nx.draw_networkx_nodes(graph, places, ax=ax, node_size=28, node_color=figures.PALETTE[1])
        for node, at in places.items():
            words = "\n".join(short(names[node]).rsplit(" ", 1))
            ax.annotate(
                words,
                at,
                (0, 4),
                textcoords="offset points",
                ha="center",
                fontsize=figures.LEAST,
                bbox={"color": "white", "alpha": 0.6, "pad": 0},
                zorder=1.5,  # below the nodes
            )
        ax.margins(0.14)
        ax.set_axis_off()
        figure.colorbar(scale, ax=ax, label="Pearson r of the codes", shrink=0.4)
    at = pd.DataFrame(
        [(names[node], *places[node]) for node in graph],
        columns=["label", "x_au", "y_au"],
    )
    return figure, pd.concat([at.assign(mark="node"), edges.assign(mark="edge")], ignore_index=True)


def code_usage(tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, pd.DataFrame]:
    """Draw how many signatures choose each code, one panel per set of signatures.

    Parameters
    ----------
    tables : mapping
        Name of a set → result of `codebook.usage`, all of one codebook.

    Returns
    -------
    figure, drawn
        Bars of the signatures that choose a code, ticks of those of its class.
    """
    names = [short(pcl) for pcl in next(iter(tables.values()))["pcl"]]
    at = np.arange(len(names))
    with figures.style():
        # laid out at the resolution of the file, where small letters have their true widths
        figure = Figure(figsize=(figures.MIDDLE, 1.0 + 0.14 * len(names)), dpi=300)
        axes = figure.subplots(1, len(tables), sharey=True)
        for ax, (name, table), colour in zip(axes, tables.items(), figures.PALETTE, strict=False):
            ax.barh(at, table["chosen"], color=colour, height=0.6)
            ax.plot(table["n"], at, "|", color="0.2", label="signatures of the class")
            ax.set_title(f"{name}: {(table['chosen'] > 0).sum()} of {len(table)} in use")
            ax.set_xlabel("signatures nearest to the code")
        axes[0].set_yticks(at, names, fontsize=figures.LEAST)
        axes[0].set_ylim(len(names) - 0.5, -0.5)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center")
    drawn = pd.concat(tables, names=["set"]).reset_index(level=0)
    return figure, drawn[["set", "pcl", "n", "chosen"]].rename(columns={"chosen": "n_chosen"})


def _layout(graph: nx.DiGraph) -> dict:
    """Return places by components: Kamada-Kawai within each, components side by side in rows."""
    parts = sorted(
        nx.weakly_connected_components(graph), key=lambda nodes: (-len(nodes), min(nodes))
    )
    places, x, y, height, width = {}, 0.0, 0.0, 0.0, 2.4 * np.sqrt(len(graph))
    for nodes in parts:
        side = 1.5 * np.sqrt(len(nodes))
        local = nx.kamada_kawai_layout(
            graph.subgraph(sorted(nodes)).to_undirected(), scale=side / 2
        )
        if x + side > width:
            x, y, height = 0.0, y - height - 0.6, 0.0
        places |= {node: at + [x + side / 2, y - side / 2] for node, at in local.items()}
        x, height = x + side + 1.0, max(height, side)
    return places


def _blues() -> LinearSegmentedColormap:
    """Return blues of which the lightest is seen on white."""
    shown = colormaps["Blues"](np.linspace(0.25, 1, 256))
    return LinearSegmentedColormap.from_list("shown blues", shown)
