"""Figures of the sweep over the prize weight β: six statistics, and the overlap of two costs."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report import figures

PANELS = {
    "n_nodes": "nodes",
    "n_edges": "edges",
    "avg_node_degree": "mean degree",
    "n_leaf_nodes": "leaves",
    "n_target_nodes": "genes of the screen",
    "n_spec_target_nodes": "structural regulators",
}
COSTS = {"mi_score": "MI cost", "cost_spearman": "Spearman cost"}
"""Edge cost → its name in the figures, in the order drawn."""

COLOURS = ("#0072B2", "#D55E00")


def sweep(table: pd.DataFrame, chosen: Mapping[str, float]) -> tuple[Figure, pd.DataFrame]:
    """Draw six statistics of the augmented solutions over β, one line per cost.

    The chosen β are dotted lines.

    Parameters
    ----------
    table : DataFrame
        `cost` and the columns of `lib.interactome.sweep.statistics`.
    chosen : mapping of str to float
        Cost → chosen β.

    Returns
    -------
    Figure
    DataFrame
        `table`.
    """
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 6.0))
        axes = figure.subplots(3, 2, sharex=True)
        for ax, (column, name) in zip(axes.flat, PANELS.items(), strict=True):
            for colour, (cost, rows) in zip(
                COLOURS, table.groupby("cost", sort=False), strict=False
            ):
                ax.plot(
                    rows["beta"],
                    rows[column],
                    color=colour,
                    label=f"{COSTS[cost]}, β = {chosen[cost]:g} chosen",
                )
                ax.axvline(chosen[cost], color=colour, linestyle=":", linewidth=0.9)
            ax.set_ylabel(name)
            ax.set_ylim(0, None)
        for ax in axes[-1]:
            ax.set_xlabel("prize weight β")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure, table


def iou(
    values: np.ndarray, betas: np.ndarray, chosen: Mapping[str, float]
) -> tuple[Figure, pd.DataFrame]:
    """Draw the node overlap of every MI and Spearman solution, and the best partner of each.

    Parameters
    ----------
    values : (B, B) ndarray
        Intersection over union of nodes, rows = MI cost, columns = Spearman cost.
    betas : (B,) ndarray
        Prize weights of both, evenly spaced.
    chosen : mapping of str to float
        Cost → chosen β, marked by a circle.

    Returns
    -------
    Figure
    DataFrame
        Long: `beta_mi`, `beta_spearman`, `iou`.
    """
    # cells of the heat map are centred on their β
    half = (betas[1] - betas[0]) / 2 if len(betas) > 1 else 0.05
    extent = (betas[0] - half, betas[-1] + half) * 2
    # rows are MI solutions, columns Spearman ones
    best = {"mi_score": values.max(axis=1), "cost_spearman": values.max(axis=0)}
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 3.1))
        heat, curves = figure.subplots(1, 2, width_ratios=[1.15, 1])
        image = heat.imshow(
            values, origin="lower", extent=extent, vmin=0, interpolation="nearest", aspect="equal"
        )
        heat.plot(
            chosen["cost_spearman"],
            chosen["mi_score"],
            "o",
            color="none",
            markeredgecolor="white",
            markersize=7,
            markeredgewidth=1.5,
        )
        heat.set(xlabel="β, Spearman cost", ylabel="β, MI cost")
        figure.colorbar(image, ax=heat, label="node overlap (intersection / union)")
        for colour, (cost, name) in zip(COLOURS, COSTS.items(), strict=True):
            curves.plot(betas, best[cost], color=colour, label=f"{name}, best match of the other")
        curves.set(xlabel="prize weight β", ylabel="largest node overlap")
        curves.set_ylim(0, max(1.05 * values.max(), 1e-9))
        figure.legend(*curves.get_legend_handles_labels(), loc="outside upper right", ncols=2)
    # in the order of values.ravel()
    rows, columns = np.meshgrid(betas, betas, indexing="ij")
    long = {"beta_mi": rows.ravel(), "beta_spearman": columns.ravel(), "iou": values.ravel()}
    return figure, pd.DataFrame(long)
