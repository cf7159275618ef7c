"""The picture of the demo: where the prediction lies, which genes are nearest, and chance."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report import figures
from lib.report.point_names import name_points

KINDS = {
    "gene": ("#BBBBBB", 8, "genes of the network"),
    "known": (figures.PALETTE[0], 16, "genes whose images were trained on"),
    "true": (figures.ACCENT, 42, "true gene"),
    "prediction": ("black", 60, "prediction from the image"),
}
"""Kind of a point → colour, area in square points, words."""

N_BINS = 30


@figures.style()
def answer(
    places: pd.DataFrame,
    nearest: pd.DataFrame,
    *,
    by_chance: np.ndarray,
    over_nuclei: np.ndarray | None = None,
    n_genes: int,
) -> tuple[Figure, pd.DataFrame]:
    """Draw the prediction among the genes, its nearest genes, and its rank beside chance.

    Parameters
    ----------
    places, nearest : DataFrame
        From `demo.places` and `demo.neighbours`.
    by_chance, over_nuclei : (n,) array of int
        Ranks of the true gene, from 1, with embeddings in random order and with nuclei drawn anew.
    n_genes : int
        Genes of the network.

    Returns
    -------
    Figure
    DataFrame
        One row per mark: `panel`, `name`, `x`, `y`, `kind`, and what x and y are: `x_is`, `y_is`.
    """
    figure = Figure(figsize=(figures.PAGE, 3.4))
    left, right = figure.subfigures(1, 2, width_ratios=(1.25, 1))
    top, bottom = right.subplots(2, 1, height_ratios=(1.5, 1))
    drawn = [
        _map(left.subplots(), places),
        _bars(top, nearest),
        _ranks(bottom, by_chance, over_nuclei, n_genes),
    ]
    return figure, pd.concat(drawn, ignore_index=True)


def _map(ax: Axes, places: pd.DataFrame) -> pd.DataFrame:
    for kind, (colour, size, words) in KINDS.items():
        rows = places[places["kind"] == kind]
        marker = "*" if kind == "prediction" else "o"
        ax.scatter(
            rows["pc_1"],
            rows["pc_2"],
            s=size,
            color=colour,
            marker=marker,
            label=words,
            edgecolor="white",
            linewidth=0.4,
        )
    ax.set(xlabel="PC 1 of the regulatory embeddings", ylabel="PC 2")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=6.5)
    named = places[places["kind"].isin(["true", "prediction"])]
    colours = [KINDS[kind][0] for kind in named["kind"]]
    name_points(ax, named[["pc_1", "pc_2"]].to_numpy(), named["gene"].tolist(), colours, size=7)
    return places.rename(columns={"pc_1": "x", "pc_2": "y", "gene": "name"}).assign(
        panel="map", x_is="pc_1_au", y_is="pc_2_au"
    )


def _bars(ax: Axes, nearest: pd.DataFrame) -> pd.DataFrame:
    rows = np.arange(len(nearest))[::-1]
    kinds = np.select([nearest["is_true"], nearest["is_known"]], ["true", "known"], "gene")
    ax.barh(rows, nearest["cosine"], color=[KINDS[kind][0] for kind in kinds], height=0.75)
    ax.set_yticks(
        rows,
        [f"{gene}  {rank}" for gene, rank in zip(nearest["gene"], nearest["rank"], strict=True)],
        fontsize=6.5,
    )
    ax.set_xlabel("cosine of prediction and gene")
    return pd.DataFrame(
        {
            "panel": "nearest",
            "name": nearest["gene"],
            "x": nearest["cosine"],
            "y": nearest["rank"],
            "kind": kinds,
            "x_is": "cosine",
            "y_is": "rank",
        }
    )


def _ranks(
    ax: Axes, by_chance: np.ndarray, over_nuclei: np.ndarray | None, n_genes: int
) -> pd.DataFrame:
    edges = np.linspace(0.5, n_genes + 0.5, N_BINS + 1)
    lines = {"embeddings in random order": (by_chance, "#BBBBBB")}
    if over_nuclei is not None:
        lines["nuclei drawn anew"] = (over_nuclei, figures.ACCENT)
    drawn = []
    for name, (ranks, colour) in lines.items():
        shares = np.histogram(ranks, edges)[0] / len(ranks)  # (N_BINS,)
        ax.stairs(shares, edges, color=colour, fill=name != "nuclei drawn anew", label=name)
        middles = (edges[:-1] + edges[1:]) / 2
        drawn.append(pd.DataFrame({"panel": "ranks", "name": name, "x": middles, "y": shares}))
    ax.set(xlabel=f"rank of the true gene among {n_genes}", ylabel="share of draws")
    ax.legend(fontsize=6.5)
    return pd.concat(drawn).assign(kind="share", x_is="rank", y_is="share")
