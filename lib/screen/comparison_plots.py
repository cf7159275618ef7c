"""Pictures that set results of the screen beside each other: methods, planted truth, left-out targets."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report import figures
from lib.screen import plots
from lib.stats import order

_COLOURS = ("#9ecae1", "#1F77B4", "#2CA02C", "#9467BD")


def accuracies(folds: Mapping[str, pd.Series], *, chance: float) -> tuple[Figure, pd.DataFrame]:
    """Draw the balanced accuracy of several methods, a dot a fold and a bar at the mean.

    Parameters
    ----------
    folds : mapping of str to Series
        Method → balanced accuracy by fold.
    chance : float
        Height of the dashed line.

    Returns
    -------
    Figure
    DataFrame
        `method`, `fold`, `balanced_accuracy`.
    """
    drawn = pd.concat({name: values.reset_index(drop=True) for name, values in folds.items()}, names=["method", "fold"])
    drawn = drawn.rename("balanced_accuracy").reset_index()
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 2.6))
        ax = figure.add_subplot()
        for x, values in enumerate(folds.values()):
            ax.bar(x, values.mean(), width=0.6, color=_COLOURS[x % len(_COLOURS)])
            ax.plot(x + np.linspace(-0.12, 0.12, len(values)), values, "o", markersize=3, color="black")
        ax.axhline(chance, color="#D55E00", linestyle="--", linewidth=0.8)
        ax.set_xticks(range(len(folds)), list(folds))
        ax.set_ylabel("balanced accuracy")
        ax.set_ylim(0, None)
    return figure, drawn


def planted_truth(table: pd.DataFrame, truth: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw scores against the planted effects, or say that nothing is planted in a real screen."""
    if truth.empty:
        return figures.absent("A real screen has no planted truth to compare with.")
    return plots.planted_truth(table, truth)


def taken_for(shares: pd.DataFrame, *, n_shown: int = 4) -> tuple[Figure, pd.DataFrame]:
    """Draw what the nuclei of left-out targets are taken for: the largest shares of each target.

    Parameters
    ----------
    shares : DataFrame, (targets, conditions)
        Rows sum to 1.

    Returns
    -------
    Figure
    DataFrame
        Long: `target`, `condition`, `share`, the `n_shown` largest of each.
    """
    long = shares.rename_axis("target").reset_index().melt("target", var_name="condition", value_name="share")
    long = order.sort_table(long, "share", ties="condition", largest_first=True).sort_values("target", kind="stable")
    drawn = long.groupby("target", sort=False).head(n_shown).reset_index(drop=True)
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 0.3 * len(shares) + 0.8))
        ax = figure.add_subplot()
        for y, (_, rows) in enumerate(drawn.groupby("target", sort=False)):
            left = 0.0
            for rank, row in enumerate(rows.itertuples()):
                ax.barh(y, row.share, left=left, color="0.8" if rank else "#9ecae1", edgecolor="white", height=0.8)
                if row.share > 0.05:
                    ax.text(left + row.share / 2, y, row.condition, ha="center", va="center", fontsize=6)
                left += row.share
        ax.set_yticks(range(len(shares)), drawn["target"].drop_duplicates())
        ax.invert_yaxis()
        ax.set_xlim(0, 1)
        ax.set_xlabel(f"share of the target's nuclei, {n_shown} most frequent conditions")
    return figure, drawn
