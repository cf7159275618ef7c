"""What each part of the input is worth: balanced accuracy by input variant."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.data.errors import InputError
from lib.report import figures
from lib.screen.impact import SCORE
from lib.stats import order as ordering

INPUTS = {
    "binary_nucleus": "binarised nucleus",
    "nucleus_area_filtered": "nucleus, area-filtered",
    "nucleus_intensity_filtered": "nucleus, intensity-filtered",
    "nucleus": "nucleus",
    "binary_nucleus_binary_region": "binarised nucleus + binarised region",
    "binary_region": "binarised region",
    "nucleus_binary_region": "nucleus + binarised region",
    "binary_nucleus_region": "binarised nucleus + region",
    "nucleus_region": "nucleus + region (paper's model)",
    "region": "region",
}
"""Input variants in the paper's order, and their words; `imaging.ablation.<variant>` is the published number."""

_BAR, _CHANCE = "#9ecae1", "#D55E00"


def summarise(results: pd.DataFrame, *, score: str = SCORE) -> pd.DataFrame:
    """Return mean and sample SD (ddof 1, as published) over folds of the balanced accuracy of each input.

    Parameters
    ----------
    results : DataFrame
        `input`, `fold` and the column `score` (0 to 1), one row a fold.

    Returns
    -------
    DataFrame
        `input`, `words`, `balanced_accuracy`, `sd` (missing for one fold), `n_folds`; the paper's variants first and in
        its order, then others by accuracy.
    """
    missing = [name for name in ("input", "fold", score) if name not in results]
    if missing:
        raise InputError(f"the ablation results lack column {missing[0]!r}; they have {', '.join(results)}")
    if results.empty or results.duplicated(["input", "fold"]).any():
        raise InputError("the ablation results have no row, or an input and fold twice; give one row each")
    folds = results.groupby("input", observed=True)[score]
    table = pd.DataFrame({"balanced_accuracy": folds.mean(), "sd": folds.std(ddof=1), "n_folds": folds.size()})
    table = ordering.sort_table(table.reset_index(), "balanced_accuracy", ties="input").reset_index(drop=True)
    place = {name: i for i, name in enumerate(INPUTS)}
    order = table["input"].map(place).fillna(len(INPUTS)).argsort(kind="stable")
    table = table.iloc[order].reset_index(drop=True)
    table.insert(1, "words", [INPUTS.get(name, name.replace("_", " ")) for name in table["input"]])
    return table


def bars(
    table: pd.DataFrame, *, n_classes: int, published: Mapping[str, float] | None = None, title: str = ""
) -> tuple[Figure, pd.DataFrame]:
    """Draw the balanced accuracy of each input as horizontal bars, with the line of chance and the published values.

    Parameters
    ----------
    table : DataFrame
        From `summarise`; drawn from the bottom up.
    n_classes : int
        Chance is one over it.
    published : mapping of str to float, optional
        Input → the paper's balanced accuracy, drawn as a diamond. Its scale is that of 42 classes.
    title : str

    Returns
    -------
    Figure
    DataFrame
        `table` with `chance` and `published`.
    """
    drawn = table.assign(chance=1 / n_classes, published=table["input"].map(dict(published or {})).astype(float))
    rows = np.arange(len(drawn))
    with figures.style():
        figure = Figure(figsize=(5.6, 1.15 + 0.24 * len(drawn)))
        ax = figure.add_subplot()
        ax.barh(rows, drawn["balanced_accuracy"], height=0.7, color=_BAR, label="mean over folds, SD")
        ax.errorbar(
            drawn["balanced_accuracy"], rows, xerr=drawn["sd"].fillna(0), fmt="none", ecolor="0.2", elinewidth=1
        )
        ax.axvline(1 / n_classes, color=_CHANCE, linestyle="--", linewidth=1, label=f"chance, 1/{n_classes}")
        if drawn["published"].notna().any():
            ax.scatter(
                drawn["published"], rows, s=22, marker="D", color="black", zorder=3, label="published, 42 classes"
            )
        ax.set_yticks(rows, drawn["words"])
        ax.tick_params(axis="y", length=0)
        tops = (drawn["balanced_accuracy"] + drawn["sd"].fillna(0)).max(), drawn["published"].max(), 1.5 / n_classes
        ax.set(xlim=(0, max(0.3, 1.05 * np.nanmax(tops))), ylim=(-0.6, len(drawn) - 0.4), xlabel="balanced accuracy")
        figure.legend(loc="outside upper left", ncols=3, columnspacing=1.2, handlelength=1.6, title=title or None,
                      alignment="left")  # fmt: skip
    return figure, drawn
