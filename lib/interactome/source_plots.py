"""Figures of the sources as they arrive: shared genes, and the interactome's costs and hubs."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report import figures

_N_HUBS = 3


def overview(
    edges: pd.DataFrame, universes: Mapping[str, Collection[str]], truth: pd.DataFrame
) -> tuple[Figure, pd.DataFrame]:
    """Draw the genes of each source and those all share, and the interactome's costs and degrees.

    Parameters
    ----------
    edges : DataFrame
        `protein1`, `protein2`, `cost`.
    universes : mapping of str to collection of str
        Source → its genes.
    truth : DataFrame
        `gene`, `module` of the planted truth; without rows for real sources.

    Returns
    -------
    Figure
    DataFrame
        `panel`, `name`, `x`, `y` and what they are: `x_is`, `y_is`.
    """
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.4))
        axes = figure.subplots(1, 3)
        drawn = [
            _shared(axes[0], universes),
            _costs(axes[1], edges, truth),
            _degrees(axes[2], edges),
        ]
    return figure, pd.concat(drawn, ignore_index=True)


def _shared(ax: Axes, universes: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """Draw one bar per source, the genes that all share in dark."""
    # genes in every source
    shared = len(set.intersection(*(set(genes) for genes in universes.values())))
    sizes = {name: len(set(genes)) for name, genes in universes.items()}
    ax.barh(list(sizes), list(sizes.values()), color="#9ecae1", label="genes")
    ax.barh(list(sizes), shared, color="#0072B2", label=f"in all ({shared:,})")
    ax.set(xlabel="genes", ylim=(len(sizes) - 0.5, -1.6))
    ax.legend(loc="upper right", ncols=2, handlelength=1, columnspacing=1, borderaxespad=0)
    values = {**sizes, "in all": shared}
    return pd.DataFrame(
        {"panel": "genes", "name": list(values), "y": list(values.values()), "y_is": "genes"}
    )


def _costs(ax: Axes, edges: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Draw the costs of all edges, and of those within planted modules; the two ties stand out."""
    module = truth.set_index("gene")["module"] if len(truth) else pd.Series(dtype=str)
    first, second = (edges[name].map(module).fillna("none") for name in ("protein1", "protein2"))
    within = (
        (first == second) & (first != "none") & (edges["protein1"] != edges["protein2"])
    ).to_numpy()
    bins = np.linspace(0, max(0.9, edges["cost"].max()), 46)
    drawn = []
    for name, chosen, colour in (
        ("all edges", np.ones(len(edges), bool), "0.7"),
        ("within modules", within, "#D55E00"),
    ):
        if not chosen.any():
            continue
        heights = np.histogram(edges["cost"][chosen], bins)[0]
        ax.stairs(heights, bins, color=colour, fill=True, label=f"{name} ({chosen.sum():,})")
        rows = {
            "panel": "costs",
            "name": name,
            "x": bins[:-1],
            "x_is": "cost (0 = confident)",
            "y": heights,
        }
        drawn.append(pd.DataFrame(rows | {"y_is": "edges"}))
    ax.set(xlabel="cost (low = confident)", ylabel="edges", yscale="log")
    # room for the legend
    ax.set_ylim(top=20 * np.histogram(edges["cost"], bins)[0].max())
    figures.plain_numbers(ax.yaxis)
    ax.legend(loc="upper left", handlelength=1, borderaxespad=0)
    return pd.concat(drawn)


def _degrees(ax: Axes, edges: pd.DataFrame) -> pd.DataFrame:
    """Draw how many genes have how many partners or more, and name the hubs."""
    apart = edges[edges["protein1"] != edges["protein2"]]
    # each edge counts at both ends; self-loops do not
    degree = pd.concat([apart["protein1"], apart["protein2"]]).value_counts()
    # degrees descend, so the rank counts genes with as many or more
    rank = np.arange(1, len(degree) + 1)
    ax.loglog(degree, rank, color="#0072B2")
    for name, x, y in zip(degree.index[:_N_HUBS], degree, rank, strict=False):
        ax.annotate(
            name, (x, y), xytext=(-4, -2), textcoords="offset points", fontsize=6, ha="right"
        )
    figures.plain_numbers(ax.xaxis, ax.yaxis)
    ax.set(xlabel="partners", ylabel="genes with as many or more")
    rows = {
        "panel": "partners",
        "name": degree.index,
        "x": degree.to_numpy(),
        "x_is": "partners",
        "y": rank,
    }
    return pd.DataFrame(rows | {"y_is": "genes with as many or more"})
