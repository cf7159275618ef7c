"""Pictures of regulatory embeddings: Fig 3B, its cluster map, the choice of k, agreement between runs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from lib import figures

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#000000", "#999933",
           "#44AA99", "#AA4499")  # fmt: skip
"""Eleven colours, one a gene-perturbation cluster of the paper."""

NO_CLUSTER = "no cluster"
_GREY = "#8C8C8C"


def regulator_map(
    layout: pd.DataFrame, regulators: Sequence[str], labels: Mapping[str, str]
) -> tuple[Figure, pd.DataFrame]:
    """Draw Fig 3B: all genes of the network in grey, regulators by name and in the colour of their cluster.

    Parameters
    ----------
    layout : DataFrame
        `gene`, `tsne_1`, `tsne_2`.
    regulators : sequence of str
        Genes to name.
    labels : mapping of str to str
        Gene → gene-perturbation cluster.

    Returns
    -------
    Figure
    DataFrame
        `layout` with `is_regulator` and `perturbation_cluster`, empty for other genes.
    """
    is_regulator = layout["gene"].isin(list(regulators))
    drawn = layout.assign(
        is_regulator=is_regulator,
        perturbation_cluster=[
            labels.get(gene, NO_CLUSTER) if named else ""
            for gene, named in zip(layout["gene"], is_regulator, strict=True)
        ],
    )
    named = drawn[is_regulator]
    colours = cluster_colours(named["perturbation_cluster"])
    with figures.style():
        figure = Figure(figsize=(14, 6))
        ax = figure.add_subplot()
        others = drawn[~is_regulator]
        ax.scatter(others["tsne_1"], others["tsne_2"], s=10, color="grey", alpha=0.3, linewidth=0)
        for cluster, colour in colours.items():
            rows = named[named["perturbation_cluster"] == cluster]
            ax.scatter(rows["tsne_1"], rows["tsne_2"], s=28, color=colour, edgecolor="white", linewidth=0.4, zorder=3)
        ax.set(xlabel="t-SNE 1", ylabel="t-SNE 2")
        ax.margins(0.05)
        _cluster_legend(ax, colours, others=f"other genes ({len(others)})")
        name_points(ax, named[["tsne_1", "tsne_2"]].to_numpy(), named["gene"].tolist(),
                    [colours[cluster] for cluster in named["perturbation_cluster"]])  # fmt: skip
    return figure, drawn


def cluster_map(embeddings: AnnData, labels: Mapping[str, str]) -> tuple[Figure, pd.DataFrame]:
    """Draw the latents of regulators, standardised within each: rows are latent dimensions, columns regulators.

    Rows and columns are in the order of complete linkage by cosine distance; colours on top are gene-perturbation
    clusters.

    Parameters
    ----------
    embeddings : AnnData, (R, L)
        Regulators, three or more.
    labels : mapping of str to str
        Gene → gene-perturbation cluster.

    Returns
    -------
    Figure
    DataFrame
        `latent` and one column a regulator, as drawn.
    """
    values = np.asarray(embeddings.X, np.float64).T  # (L, R)
    values = (values - values.mean(axis=0)) / np.where((spread := values.std(axis=0)) > 0, spread, 1)
    columns, rows = _tree(values.T), _tree(values)
    order, genes = hierarchy.leaves_list(columns), embeddings.obs_names.astype(str)
    table = pd.DataFrame(values, index=embeddings.var_names, columns=genes).iloc[hierarchy.leaves_list(rows), order]
    found = [labels.get(gene, NO_CLUSTER) for gene in table.columns]
    colours = cluster_colours(found)
    width, height = max(5.0, 0.17 * len(genes) + 2.2), 6.0
    with figures.style():
        figure = Figure(figsize=(width, height), layout="none")
        left, body = 0.5 / width, 1 - 2.2 / width
        ax = figure.add_axes((left, 0.14, body, 0.64))
        image = ax.imshow(table, cmap="inferno", aspect="auto", interpolation="nearest", vmin=-3, vmax=3)
        ax.set_xticks(range(len(genes)), table.columns, rotation=90, fontsize=7)
        ax.set_yticks([])
        ax.set_ylabel(f"{len(table)} latent dimensions")
        strip = figure.add_axes((left, 0.785, body, 0.03))
        codes = [list(colours).index(cluster) for cluster in found]
        strip.imshow([codes], cmap=ListedColormap(list(colours.values())), aspect="auto", vmin=-0.5,
                     vmax=len(colours) - 0.5, interpolation="nearest")  # fmt: skip
        strip.axis("off")
        _dendrogram(figure.add_axes((left, 0.82, body, 0.12)), columns, len(genes))
        _cluster_legend(strip, colours)
        bar = figure.add_axes((left + body + 0.3 / width, 0.14, 0.12 / width, 0.25))
        figure.colorbar(image, cax=bar, label="latent, z-score\nwithin the gene", extend="both")
    return figure, table.rename_axis("latent").reset_index()


def index_curves(curves: pd.DataFrame, *, k: int) -> tuple[Figure, pd.DataFrame]:
    """Draw silhouette, Calinski-Harabasz index and distortion over the number of clusters, with the chosen k.

    Returns
    -------
    Figure
    DataFrame
        `curves` with `is_chosen`.
    """
    names = {"silhouette": "silhouette (cosine)", "calinski_harabasz": "Calinski-Harabasz index",
             "distortion": "distortion"}  # fmt: skip
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.4))
        axes = figure.subplots(1, 3)
        for ax, (column, name) in zip(axes, names.items(), strict=True):
            ax.plot(curves["k"], curves[column], color="black", marker="o", markersize=3)
            ax.axvline(k, color="#D62728", linestyle="--", linewidth=1)
            ax.set(xlabel="clusters", ylabel=name)
            ax.xaxis.get_major_locator().set_params(integer=True)
        axes[0].text(k, 1.02, f"k = {k}", color="#D62728", ha="center", transform=axes[0].get_xaxis_transform())
    return figure, curves.assign(is_chosen=curves["k"] == k)


def agreement_grid(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw how well clusterings agree: adjusted Rand index below the diagonal, adjusted mutual information above.

    Parameters
    ----------
    table : DataFrame
        From `lib.regulation.clusters.agreement`.

    Returns
    -------
    Figure
    DataFrame
        `table`.
    """
    names = list(dict.fromkeys([*table["first"], *table["second"]]))
    grid = np.full((len(names), len(names)), np.nan)
    for row in table.itertuples():
        i, j = names.index(row.first), names.index(row.second)
        grid[max(i, j), min(i, j)], grid[min(i, j), max(i, j)] = row.ari, row.ami
    side = 0.55 * len(names) + 1.4
    with figures.style():
        figure = Figure(figsize=(side + 0.9, side))
        ax = figure.add_subplot()
        image = ax.imshow(grid, cmap="Blues", vmin=0, vmax=1)
        for i, j in zip(*np.nonzero(np.isfinite(grid)), strict=True):
            ax.text(j, i, f"{grid[i, j]:.2f}", ha="center", va="center", color="white" if grid[i, j] > 0.6 else "black")
        ax.set_xticks(range(len(names)), names, rotation=90)
        ax.set_yticks(range(len(names)), names)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_title("above: AMI · below: ARI", fontsize=8, fontweight="normal")
        figure.colorbar(image, ax=ax, shrink=0.7, label="agreement")
    return figure, table


def cluster_colours(labels: Sequence[str]) -> dict[str, str]:
    """Return cluster → colour, clusters in order of their number; grey for regulators without cluster."""
    names = sorted({str(name) for name in labels} - {NO_CLUSTER}, key=lambda name: (len(name), name))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    return colours | ({NO_CLUSTER: _GREY} if NO_CLUSTER in set(labels) else {})


def name_points(ax: Axes, points: np.ndarray, names: Sequence[str], colours: Sequence[str], *, size: float = 8) -> None:
    """Write names beside points so that none covers another name or point; a name that had to go far has a line.

    Each takes the nearest free place of some directions and distances. Limits of the axes must be final.

    Shapes: `points` (n, 2) in data coordinates.
    """
    figure = ax.figure
    figure.draw_without_rendering()
    scale = figure.dpi / 72  # pixels a typographic point
    places = ax.transData.transform(points)  # (n, 2) in pixels
    taken = [(*(place - 3 * scale), *(place + 3 * scale)) for place in places]
    inside = ax.get_window_extent()
    turns = np.deg2rad([0, 180, 90, 270, 45, 135, 225, 315, 20, 160, 200, 340])
    for place, name, colour in zip(places, names, colours, strict=True):
        text = ax.annotate(name, place, xycoords="figure pixels", fontsize=size, color=colour)
        extent = text.get_window_extent()
        text.remove()
        half = np.array([extent.width, extent.height]) / 2
        offsets = [_beside(turn, half, away * scale) for away in (5, 9, 15, 23, 33, 45, 60) for turn in turns]
        boxes = [(*(place + offset - half), *(place + offset + half)) for offset in offsets]
        costs = [_overlap(box, taken) + (0 if _contains(inside, box) else 1e6) for box in boxes]
        best = int(np.argmin(costs))  # the first of equals is the nearest
        taken.append(boxes[best])
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
        ax.annotate(name, ax.transData.inverted().transform(place), offsets[best] / scale, textcoords="offset points",
                    ha="center", va="center", fontsize=size, color=colour,
                    path_effects=[withStroke(linewidth=1.5, foreground="white")],
                    arrowprops=line if best >= 2 * len(turns) else None)  # fmt: skip


def _beside(turn: float, half: np.ndarray, away: float) -> np.ndarray:
    """Return the offset of a box's centre such that the box lies `away` from the point in that direction."""
    direction = np.array([np.cos(turn), np.sin(turn)])
    return direction * away + np.round(direction, 6) * half


def _overlap(box: tuple, taken: list[tuple]) -> float:
    others = np.array(taken)
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return float((np.maximum(width, 0) * np.maximum(height, 0)).sum())


def _contains(area, box: tuple) -> bool:
    return area.x0 <= box[0] and area.y0 <= box[1] and box[2] <= area.x1 and box[3] <= area.y1


def _tree(values: np.ndarray) -> np.ndarray:
    return hierarchy.linkage(pdist(values, "cosine"), method="complete")


def _dendrogram(ax: Axes, tree: np.ndarray, n: int) -> None:
    drawn = hierarchy.dendrogram(tree, no_plot=True)
    for places, heights in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        ax.plot((np.array(places) - 5) / 10, heights, color="0.3", linewidth=0.7)  # SciPy puts leaf i at 10 i + 5
    ax.set(xlim=(-0.5, n - 0.5), ylim=(0, tree[-1, 2] * 1.05))
    ax.axis("off")


def _cluster_legend(ax: Axes, colours: Mapping[str, str], *, others: str = "") -> None:
    marks = [Line2D([], [], marker="o", linestyle="", color=colour, label=name) for name, colour in colours.items()]
    if others:
        marks.append(Line2D([], [], marker="o", linestyle="", color="grey", alpha=0.4, markersize=3, label=others))
    ax.legend(handles=marks, title="gene-perturbation\ncluster", loc="upper left", bbox_to_anchor=(1.005, 1))
