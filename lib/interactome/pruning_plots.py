"""Figures of the pruning: confidence curve of Fig 3A, hub sweep, histograms of prizes and costs."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report import figures

RED = figures.ACCENT
_HUB_PANELS = {
    "n_nodes_largest_comp": "nodes",
    "n_edges_largest_comp": "edges in 1 000",
    "n_targets_largest_comp": "regulators",
}


def confidence(
    sweep: pd.DataFrame, *, cutoff: float, n_regulators: int
) -> tuple[Figure, pd.DataFrame]:
    """Draw the number of edges by confidence cut-off as in Fig 3A, and the regulators that survive.

    Parameters
    ----------
    sweep : DataFrame
        From `pruning.confidence_sweep`.
    cutoff : float
        Where the dashed line is drawn.
    n_regulators : int
        All structural regulators, whether the network has them or not.

    Returns
    -------
    Figure
    DataFrame
        `sweep`.
    """
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 3.4))
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        top.plot(sweep["cutoff"], sweep["n_edges"] / 1000, color="black")
        top.set_ylabel("number of edges in 1 000")
        bottom.plot(sweep["cutoff"], sweep["n_targets"], color="black")
        bottom.axhline(n_regulators, color="0.6", linewidth=0.8)
        bottom.text(0, n_regulators, f"all {n_regulators}", color="0.4", va="bottom", fontsize=7)
        bottom.set_ylabel("regulators left")
        # room for the words above the line
        bottom.set_ylim(0, 1.25 * n_regulators)
        bottom.set_xlabel("MINT-inspired confidence score (0 = most confident)")
        _threshold(top, bottom, at=cutoff, words=f"cut-off {cutoff:g}")
    return figure, sweep


def hubs(
    sweep: pd.DataFrame, *, quantile: float, removed: pd.DataFrame, n_named: int = 6
) -> tuple[Figure, pd.DataFrame]:
    """Draw what is left in the largest component when nodes above a degree quantile go.

    Parameters
    ----------
    sweep : DataFrame
        From `pruning.hub_sweep`.
    quantile : float
        Where the dashed line is drawn.
    removed : DataFrame
        `gene`, `degree` of the hubs that are removed, highest first.
    n_named : int
        How many of them are named.

    Returns
    -------
    Figure
    DataFrame
        `sweep`.
    """
    # the axis counts thousands, the table behind it does not
    shown = sweep.assign(n_edges_largest_comp=sweep["n_edges_largest_comp"] / 1000)
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.5))
        axes = figure.subplots(1, 3)
        for ax, (column, name) in zip(axes, _HUB_PANELS.items(), strict=True):
            ax.plot(shown["cutoff"], shown[column], color="black", drawstyle="steps-post")
            ax.set_ylabel(name)
            ax.set_ylim(0, 1.12 * max(shown[column].max(), 1e-9))
        axes[1].set_xlabel(
            "largest component, by the quantile of the degree up to which nodes are kept"
        )
        _threshold(*axes, at=quantile, words=f"{quantile:g}")
        named = ", ".join(
            f"{row.gene} ({row.degree})" for row in removed.head(n_named).itertuples()
        )
        more = f" and {len(removed) - n_named} more" if len(removed) > n_named else ""
        figure.suptitle(f"hubs removed (degree): {named}{more}", fontsize=7, x=0.01, ha="left")
    return figure, sweep


def prizes_and_costs(
    nodes: pd.DataFrame, edges: pd.DataFrame, *, bins: int = 50
) -> tuple[Figure, pd.DataFrame]:
    """Draw histograms of the node prizes and of the edge costs 1 − |ρ|, as beside Fig 3A.

    Parameters
    ----------
    nodes : DataFrame
        `prize` (|log2 fold change|), `is_regulator`.
    edges : DataFrame
        `cost_spearman`.
    bins : int
        Bars of each histogram.

    Returns
    -------
    Figure
    DataFrame
        The bars: `quantity`, `group`, `low`, `high`, `n`.
    """
    groups = {"regulators": nodes["is_regulator"], "other genes": ~nodes["is_regulator"]}
    # (bins + 1,) shared by both groups
    limits = np.linspace(0, max(nodes["prize"].max(), 1e-9), bins + 1)
    bars = [
        _bars("prize_abs_log2_fc", name, nodes.loc[rows, "prize"], limits)
        for name, rows in groups.items()
    ]
    bars.append(
        _bars("cost_1_minus_abs_rho", "edges", edges["cost_spearman"], np.linspace(0, 1, bins + 1))
    )
    drawn = pd.concat(bars, ignore_index=True)
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.4))
        left, right = figure.subplots(1, 2)
        for name, colour in {"other genes": "0.6", "regulators": RED}.items():
            _draw_bars(
                left,
                drawn[(drawn["quantity"] == "prize_abs_log2_fc") & (drawn["group"] == name)],
                colour,
                name,
            )
        left.set(
            xlabel="prize, |log2 fold change| U2OS / other lines", ylabel="genes", yscale="log"
        )
        # a bar of one gene shows on a logarithmic axis
        left.set_ylim(0.7, None)
        figures.plain_numbers(left.yaxis)
        left.legend()
        _draw_bars(right, drawn[drawn["quantity"] == "cost_1_minus_abs_rho"], "0.6", "")
        right.set(xlabel="edge cost, 1 − |Spearman ρ|", ylabel="edges")
    return figure, drawn


def _threshold(*axes: Axes, at: float, words: str) -> None:
    for ax in axes:
        ax.axvline(at, color=RED, linestyle="--", linewidth=1)
    axes[0].text(
        at,
        1.01,
        words,
        color=RED,
        ha="center",
        va="bottom",
        # x in data, y as a share of the axes
        transform=axes[0].get_xaxis_transform(),
    )


def _bars(quantity: str, group: str, values: pd.Series, limits: np.ndarray) -> pd.DataFrame:
    counts, _ = np.histogram(values, limits)
    return pd.DataFrame(
        {"quantity": quantity, "group": group, "low": limits[:-1], "high": limits[1:], "n": counts}
    )


def _draw_bars(ax: Axes, bars: pd.DataFrame, colour: str, label: str) -> None:
    ax.bar(
        bars["low"],
        bars["n"],
        bars["high"] - bars["low"],
        align="edge",
        color=colour,
        label=label,
        linewidth=0,
    )
