"""Pictures that set results of the screen beside each other: methods, planted truth, left-out
targets."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from lib.report import figures
from lib.screen import plots
from lib.stats import order

_COLOURS = ("#9ECAE1", "#0072B2", "#E69F00", "#CC79A7")


def accuracies(folds: Mapping[str, pd.Series], *, chance: float) -> tuple[Figure, pd.DataFrame]:
    """Draw the balanced accuracy of several methods, one dot per fold and a bar at the mean.

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
        `method`, `fold`, `balanced_accuracy`, `chance`.
    """
    drawn = pd.concat(
        {name: values.reset_index(drop=True) for name, values in folds.items()},
        names=["method", "fold"],
    )
    drawn = drawn.rename("balanced_accuracy").reset_index().assign(chance=chance)
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 2.6))
        ax = figure.add_subplot()
        for x, values in enumerate(folds.values()):
            ax.bar(x, values.mean(), width=0.6, color=_COLOURS[x % len(_COLOURS)])
            ax.plot(
                x + np.linspace(-0.12, 0.12, len(values)), values, "o", markersize=3, color="black"
            )
        ax.axhline(chance, color=figures.ACCENT, linestyle="--", linewidth=0.8)
        ax.set_xticks(range(len(folds)), list(folds))
        ax.set_ylabel("balanced accuracy")
        ax.set_ylim(0, None)
    return figure, drawn


def planted_truth(table: pd.DataFrame, truth: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw scores against the planted effects, or say that nothing is planted in a real screen.

    Parameters
    ----------
    table : DataFrame
        From `lib.screen.impact.specificity`.
    truth : DataFrame
        Planted genes, as for `lib.screen.plots.planted_truth`; empty for a real screen.

    Returns
    -------
    Figure
    DataFrame
        As `lib.screen.plots.planted_truth`, or `absent`, the reason.
    """
    if truth.empty:
        return figures.absent("A real screen has no planted truth to compare with.")
    return plots.planted_truth(table, truth)


def taken_for(shares: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw which conditions the nuclei of left-out targets are predicted as, as a heat map.

    Targets are in the order of complete linkage of their shares, conditions in the order of the
    targets that are predicted as them most, so that likely confusions lie side by side; a dot marks
    the most frequent condition of each target.

    Parameters
    ----------
    shares : DataFrame, (targets, conditions)
        From `lib.screen.tables.target_predictions`; rows sum to 1.

    Returns
    -------
    Figure
    DataFrame
        Long, in the order drawn: `target`, `condition`, `share`.
    """
    rows = _by_likeness(shares)  # (targets, conditions)
    # the row in which a column is largest
    first = pd.Series(rows.to_numpy().argmax(axis=0), index=rows.columns)
    table = rows[first.sort_values(kind="stable").index]  # columns in the order of their row
    most = table.to_numpy().argmax(axis=1)
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, min(6.5, 0.115 * len(table) + 1.3)))
        ax = figure.add_subplot()
        image = ax.imshow(table, cmap="Blues", vmin=0, aspect="auto", interpolation="nearest")
        ax.plot(most, range(len(table)), "o", color=figures.ACCENT, markersize=2)
        ax.set_xticks(range(table.shape[1]), table.columns, rotation=90, fontsize=6)
        ax.set_yticks(range(len(table)), table.index, fontsize=6)
        ax.tick_params(length=1.5, pad=1)
        ax.set(xlabel="taken for", ylabel="left-out target")
        figure.colorbar(
            image, ax=ax, label="share of the target's nuclei", shrink=0.6, aspect=18, pad=0.01
        )
    long = table.rename_axis(index="target", columns="condition").stack(future_stack=True)
    return figure, long.rename("share").reset_index()


def _by_likeness(shares: pd.DataFrame) -> pd.DataFrame:
    if len(shares) < 3:  # a tree of two has no order
        return shares
    tree = hierarchy.linkage(order.rounded(pdist(shares.to_numpy())), "complete")
    return shares.iloc[hierarchy.leaves_list(tree)]
