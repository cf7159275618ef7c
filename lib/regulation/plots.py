"""Pictures of regulatory embeddings: Fig 3B, its cluster map, the choice of k, agreement between
runs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from lib.report import figures
from lib.report.point_names import name_points
from lib.stats import order

NO_CLUSTER = "no cluster"
_NAMED = 62  # regulators up to which a page has room for their names


def regulator_map(
    layout: pd.DataFrame, regulators: Sequence[str], labels: Mapping[str, str]
) -> tuple[Figure, pd.DataFrame]:
    """Draw Fig 3B: all genes of the network in grey, regulators by name and in the colour of their
    cluster.

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

    References
    ----------
    Image2Reg, Fig 3B.
    """
    is_regulator = layout["gene"].isin(list(regulators))
    drawn = layout.assign(
        is_regulator=is_regulator,
        perturbation_cluster=[
            labels.get(gene, NO_CLUSTER) if named else ""
            for gene, named in zip(layout["gene"], is_regulator, strict=True)
        ],
    )
    named = drawn[is_regulator]  # one row per regulator
    colours = cluster_colours(named["perturbation_cluster"])
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 4.4))
        ax = figure.add_subplot()
        others = drawn[~is_regulator]  # drawn first, below the regulators
        ax.scatter(others["tsne_1"], others["tsne_2"], s=6, color="grey", alpha=0.3, linewidth=0)
        for cluster, colour in colours.items():
            rows = named[named["perturbation_cluster"] == cluster]
            ax.scatter(
                rows["tsne_1"],
                rows["tsne_2"],
                s=18,
                color=colour,
                edgecolor="white",
                linewidth=0.4,
                zorder=3,
            )
        ax.set(xlabel="t-SNE 1", ylabel="t-SNE 2")
        ax.margins(0.05)
        _cluster_legend(ax, colours, others=f"other genes ({len(others)})")
        name_points(
            ax,
            named[["tsne_1", "tsne_2"]].to_numpy(),
            named["gene"].tolist(),
            [colours[cluster] for cluster in named["perturbation_cluster"]],
            size=6.5,
        )
    return figure, drawn.rename(columns={"tsne_1": "tsne_1_au", "tsne_2": "tsne_2_au"})


def cluster_map(embeddings: AnnData, labels: Mapping[str, str]) -> tuple[Figure, pd.DataFrame]:
    """Draw the latents of regulators, standardised within each, as a heat map (companion of Fig
    3B).

    Rows are latent dimensions and columns regulators, both in the order of complete linkage by
    cosine distance; colours on top are gene-perturbation clusters.

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
        One row per cell of the map as drawn: `latent`, `gene`, `z_score`, `perturbation_cluster`.
    """
    values = np.asarray(embeddings.X, np.float64).T  # (L, R)
    values = (values - values.mean(axis=0)) / np.where(  # z-score within each regulator
        (spread := values.std(axis=0)) > 0, spread, 1
    )
    columns, rows = _tree(values.T), _tree(values)  # of regulators, of latent dimensions
    order, genes = hierarchy.leaves_list(columns), embeddings.obs_names.astype(str)
    table = pd.DataFrame(values, index=embeddings.var_names, columns=genes).iloc[
        hierarchy.leaves_list(rows), order
    ]
    found = [labels.get(gene, NO_CLUSTER) for gene in table.columns]  # (R,)
    colours = cluster_colours(found)
    width, height = figures.MIDDLE if len(genes) <= 24 else figures.PAGE, 4.6
    named = len(genes) <= _NAMED
    with figures.style():
        figure = Figure(figsize=(width, height), layout="none")
        left, body = 0.25 / width, 1 - 1.55 / width  # room for the legend at the right
        ax = figure.add_axes((left, 0.14, body, 0.64))
        image = ax.imshow(
            table, cmap="inferno", aspect="auto", interpolation="nearest", vmin=-3, vmax=3
        )
        ax.set_xticks(
            range(len(genes)) if named else [],
            table.columns if named else [],
            rotation=90,
            fontsize=6,
        )
        ax.set_yticks([])
        ax.set_ylabel(f"{len(table)} latent dimensions")
        strip = figure.add_axes((left, 0.785, body, 0.03))
        codes = [list(colours).index(cluster) for cluster in found]  # (R,)
        strip.imshow(
            [codes],
            cmap=ListedColormap(list(colours.values())),
            aspect="auto",
            vmin=-0.5,
            vmax=len(colours) - 0.5,
            interpolation="nearest",
        )
        strip.axis("off")
        _dendrogram(figure.add_axes((left, 0.82, body, 0.12)), columns, len(genes))
        _cluster_legend(strip, colours)
        bar = figure.add_axes((left + body + 0.2 / width, 0.14, 0.12 / width, 0.25))
        figure.colorbar(image, cax=bar, label="latent, z-score\nwithin the gene", extend="both")
    long = table.rename_axis(index="latent", columns="gene").stack().rename("z_score").reset_index()
    return figure, long.assign(
        perturbation_cluster=long["gene"].map(lambda gene: labels.get(gene, NO_CLUSTER))
    )


def index_curves(curves: pd.DataFrame, *, k: int) -> tuple[Figure, pd.DataFrame]:
    """Draw silhouette, Calinski-Harabasz index and distortion over the number of clusters.

    Parameters
    ----------
    curves : DataFrame
        From `lib.regulation.clusters.curves`.
    k : int
        Chosen number of clusters, marked by a line.

    Returns
    -------
    Figure
    DataFrame
        `curves` with `is_chosen`.
    """
    names = {
        "silhouette": "silhouette (cosine)",
        "calinski_harabasz": "Calinski-Harabasz index",
        "distortion": "distortion",
    }
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.4))
        axes = figure.subplots(1, 3)  # one panel per index
        for ax, (column, name) in zip(axes, names.items(), strict=True):
            ax.plot(curves["k"], curves[column], color="black", marker="o", markersize=3)
            ax.axvline(k, color=figures.ACCENT, linestyle="--", linewidth=1)
            ax.set(xlabel="clusters", ylabel=name)
            ax.xaxis.get_major_locator().set_params(integer=True)
        axes[0].text(
            k,
            1.02,
            f"k = {k}",
            color=figures.ACCENT,
            ha="center",
            transform=axes[0].get_xaxis_transform(),
        )
    return figure, curves.assign(is_chosen=curves["k"] == k)


def agreement(
    table: pd.DataFrame, *, k: int, others: Sequence[str] = ()
) -> tuple[Figure, pd.DataFrame]:
    """Draw how well runs agree: every two at the chosen k, and the mean over all pairs by k.

    Parameters
    ----------
    table : DataFrame
        From `lib.regulation.clusters.agreement_by_k`.
    k : int
        Chosen number of clusters.
    others : sequence of str
        Names that are no runs, such as planted modules; the curves show runs against them apart.

    Returns
    -------
    Figure
    DataFrame
        `table`.
    """
    against = table["second"].isin(list(others))  # comparisons with something else than a run
    curves = {
        "two runs, ARI": table[~against].groupby("k")["ari"],
        "two runs, AMI": table[~against].groupby("k")["ami"],
    }
    curves |= {
        f"run and {name}, ARI": table[table["second"] == name].groupby("k")["ari"]
        for name in others
    }
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 3.2))
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
        _grid(left, table[table["k"] == k])
        for (name, groups), colour in zip(curves.items(), figures.CLUSTERS, strict=False):
            mean = groups.mean()
            right.plot(mean.index, mean, color=colour, marker="o", markersize=3, label=name)
            # mean over pairs of runs, range as a band
            right.fill_between(
                mean.index, groups.min(), groups.max(), color=colour, alpha=0.15, linewidth=0
            )
        right.axvline(k, color=figures.ACCENT, linestyle="--", linewidth=1)
        right.set(
            xlabel="clusters",
            ylabel="agreement, mean and range",
            ylim=(min(0, right.get_ylim()[0]), 1.03),
        )
        right.xaxis.get_major_locator().set_params(integer=True)
        right.legend(loc="lower right")
    return figure, table


def _grid(ax: Axes, table: pd.DataFrame) -> None:
    """Draw ARI below and AMI above the diagonal."""
    names = list(dict.fromkeys([*table["first"], *table["second"]]))
    grid = np.full((len(names), len(names)), np.nan)  # the diagonal stays empty
    for row in table.itertuples():
        i, j = names.index(row.first), names.index(row.second)
        grid[max(i, j), min(i, j)], grid[min(i, j), max(i, j)] = row.ari, row.ami
    ax.imshow(grid, cmap="Blues", vmin=0, vmax=1)
    for i, j in zip(*np.nonzero(np.isfinite(grid)), strict=True):
        ax.text(
            j,
            i,
            f"{grid[i, j]:.2f}",
            ha="center",
            va="center",
            color="white" if grid[i, j] > 0.6 else "black",
        )
    words = [name.replace("_", " ") for name in names]
    ax.set_xticks(range(len(names)), words, rotation=90)
    ax.set_yticks(range(len(names)), words)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(f"k = {table['k'].iloc[0]}; above AMI, below ARI", fontsize=7, fontweight="normal")


def cluster_colours(labels: Sequence[str]) -> dict[str, str]:
    """Return the colour of every cluster.

    Parameters
    ----------
    labels : sequence of str
        Clusters, repeats allowed.

    Returns
    -------
    dict of str to str
        Cluster → colour, in the order of their numbers; grey for regulators without a cluster.
    """
    known = figures.cluster_colours(set(map(str, labels)) - {NO_CLUSTER})
    return known | ({NO_CLUSTER: figures.FLAT} if NO_CLUSTER in set(labels) else {})


def _tree(values: np.ndarray) -> np.ndarray:
    return hierarchy.linkage(order.rounded(pdist(values, "cosine"), scale=1), method="complete")


def _dendrogram(ax: Axes, tree: np.ndarray, n: int) -> None:
    drawn = hierarchy.dendrogram(tree, no_plot=True)
    for places, heights in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        ax.plot(
            (np.array(places) - 5) / 10, heights, color="0.3", linewidth=0.7
        )  # SciPy puts leaf i at 10 i + 5
    ax.set(xlim=(-0.5, n - 0.5), ylim=(0, tree[-1, 2] * 1.05))
    ax.axis("off")


def _cluster_legend(ax: Axes, colours: Mapping[str, str], *, others: str = "") -> None:
    marks = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=name)
        for name, colour in colours.items()
    ]
    if others:
        marks.append(
            Line2D(
                [],
                [],
                marker="o",
                linestyle="",
                color="grey",
                alpha=0.4,
                markersize=3,
                label=others,
            )
        )
    ax.legend(
        handles=marks,
        title="gene-perturbation\ncluster",
        loc="upper left",
        bbox_to_anchor=(1.005, 1),
    )
