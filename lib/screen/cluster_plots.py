"""Pictures of gene-perturbation clusters: Fig 2E, the curves behind the choice of k, and
co-clustering."""

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from scipy.cluster import hierarchy

from lib.report import figures
from lib.screen import clusters

_CELL = 0.125  # inches a gene takes in the heat map, where there is room
_NAMED = 62  # genes up to which a page has room for their names


def distance_heatmap(means: AnnData, table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw Fig 2E: Euclidean distances of conditions, dendrograms and cluster colours on both axes.

    Clusters of one gene are pale grey. The numbers on the colour bar are those of the table.

    Parameters
    ----------
    means : AnnData
        Conditions × L, from `lib.screen.embeddings.condition_means`.
    table : DataFrame
        `gene`, `cluster`, from `lib.screen.clusters.assign`.

    Returns
    -------
    Figure
    DataFrame
        One row per pair in the order drawn: `gene_symbol`, `other`, `distance_au` (units of the
        embedding), `cluster` of the first.

    References
    ----------
    Image2Reg, Fig 2E.
    """
    tree = clusters.linkage(means)
    leaves = hierarchy.leaves_list(tree)
    distances = clusters.distance_table(means).iloc[leaves, leaves]
    # colours follow the leaves, not the alphabet
    numbers = table.set_index("gene")["cluster"].loc[distances.index]  # (G,)
    n = len(distances)
    strip, branch, names, scale = 0.16, 0.6, 0.72, 0.68  # inches
    # a page's width where the names need it
    width = figures.MIDDLE if _CELL * n < figures.MIDDLE - 2.16 else figures.PAGE
    heat = width - branch - strip - names - scale
    height = branch + strip + heat + names
    with figures.style():
        figure = Figure(figsize=(width, height), layout="none")

        def place(left: float, bottom: float, w: float, h: float) -> Axes:
            return figure.add_axes((left / width, bottom / height, w / width, h / height))

        ax = place(branch + strip, names, heat, heat)  # the heat map, then what surrounds it
        image = ax.imshow(distances, cmap="Greys_r", vmin=0, aspect="auto", interpolation="nearest")
        _dendrogram(
            place(branch + strip, names + heat + strip, heat, branch), tree, n, turned=False
        )
        _dendrogram(place(0, names, branch, heat), tree, n, turned=True)
        _strip(place(branch + strip, names + heat, heat, strip), numbers, turned=False)
        _strip(place(branch, names, strip, heat), numbers, turned=True)
        _gene_names(ax, list(distances.index))
        bar = place(width - 0.55, names + heat - min(heat, 1.6), 0.1, min(heat, 1.6))
        figure.colorbar(image, cax=bar, label="Euclidean distance")
    long = (
        distances.rename_axis(index="gene_symbol", columns="other")
        .stack()
        .rename("distance_au")
        .reset_index()
    )
    return figure, long.assign(cluster=long["gene_symbol"].map(numbers))


def index_curves(curves: pd.DataFrame, *, k: int) -> tuple[Figure, pd.DataFrame]:
    """Draw silhouette and Calinski-Harabasz index over the number of clusters, with the chosen k.

    Parameters
    ----------
    curves : DataFrame
        From `lib.screen.clusters.curves`.
    k : int
        Number of clusters that was chosen.

    Returns
    -------
    Figure
    DataFrame
        `curves` with `is_chosen`.
    """
    names = {"calinski_harabasz": "Calinski-Harabasz", "silhouette": "silhouette"}
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 3.0))
        axes = figure.subplots(2, 1, sharex=True)
        for ax, (column, name) in zip(axes, names.items(), strict=True):
            ax.plot(curves["k"], curves[column], color="black", marker="o", markersize=3)
            ax.axvline(k, color=figures.ACCENT, linestyle="--", linewidth=1)
            ax.set_ylabel(name)
        axes[0].text(
            k,
            1.02,
            f"k = {k}",
            color=figures.ACCENT,
            ha="center",
            transform=axes[0].get_xaxis_transform(),
        )
        axes[1].set_xlabel("clusters")
        axes[1].xaxis.get_major_locator().set_params(integer=True)
    return figure, curves.assign(is_chosen=curves["k"] == k)


def co_clustering_grid(
    table: pd.DataFrame, *, first: str, second: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the permutation p of two clusterings over all pairs of cluster numbers, colours from 0
    to 0.1.

    Parameters
    ----------
    table : DataFrame
        From `lib.screen.clusters.co_clustering_grid`.
    first, second : str
        What the two embeddings are, for the axes.

    Returns
    -------
    Figure
    DataFrame
        `table`.
    """
    grid = table.pivot(index="k_first", columns="k_second", values="p")  # (K, K)
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 3.0))
        ax = figure.add_subplot()
        image = ax.imshow(grid, cmap="viridis_r", vmin=0, vmax=0.1, origin="lower")
        for axis, labels in ((ax.xaxis, grid.columns), (ax.yaxis, grid.index)):
            step = -(-len(labels) // 10)  # at most ten numbers per axis
            axis.set_ticks(range(0, len(labels), step), labels[::step])
        ax.set(xlabel=f"clusters of {second}", ylabel=f"clusters of {first}")
        figure.colorbar(image, ax=ax, extend="max", shrink=0.8, label="permutation p")
    return figure, table


def _dendrogram(ax: Axes, tree: np.ndarray, n: int, *, turned: bool) -> None:
    drawn = hierarchy.dendrogram(tree, no_plot=True)  # places of the branches alone
    for places, heights in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        x = (np.array(places) - 5) / 10  # SciPy puts leaf i at 10 i + 5
        ax.plot(*((heights, x) if turned else (x, heights)), color="0.3", linewidth=0.7)
    if turned:
        ax.set(xlim=(tree[-1, 2] * 1.05, 0), ylim=(n - 0.5, -0.5))
    else:
        ax.set(xlim=(-0.5, n - 0.5), ylim=(0, tree[-1, 2] * 1.05))
    ax.axis("off")


def _strip(ax: Axes, numbers: pd.Series, *, turned: bool) -> None:
    """Draw cluster colours along one side and number the clusters of two genes or more."""
    sizes = numbers.value_counts()
    labels = list(dict.fromkeys(numbers))
    large = [label for label in labels if sizes[label] > 1]
    known = figures.cluster_colours(labels)
    # singletons are grey: a colour says that genes go together
    colours = {
        label: known[str(label)] if label in large else figures.NO_CLUSTER for label in labels
    }
    codes = np.array([labels.index(label) for label in numbers])  # (G,)
    colour_map = ListedColormap([to_rgb(colours[label]) for label in labels])
    ax.imshow(
        codes[:, None] if turned else codes[None],
        cmap=colour_map,
        aspect="auto",
        vmin=-0.5,
        vmax=len(labels) - 0.5,
        interpolation="nearest",
    )
    for label in large:
        middle = np.flatnonzero(numbers.to_numpy() == label).mean()
        x, y = (0, middle) if turned else (middle, 0)
        ax.text(
            x,
            y,
            label,
            ha="center",
            va="center_baseline",
            fontsize=6.5,
            fontweight="bold",
            color=figures.on(colours[label]),
        )
    ax.axis("off")


def _gene_names(ax: Axes, names: list[str]) -> None:
    if len(names) > _NAMED:  # they would overlap; the table beside the picture has them
        ax.set(xticks=[], yticks=[], xlabel=f"{len(names)} conditions")
        return
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
    ax.set_yticks(range(len(names)), names, fontsize=6)
    ax.yaxis.tick_right()
    ax.tick_params(length=1.5, pad=1)
