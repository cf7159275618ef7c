"""Measure what each part of the input is worth: balanced accuracy by input variant."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
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
"""Input variants in the paper's order, and their words; `imaging.ablation.<variant>` is the
published number."""

_BAR, _CHANCE = "#9ECAE1", figures.ACCENT
PAPER_CLASSES = 42  # 41 genes and the control


def summarise(results: pd.DataFrame, *, score: str = SCORE) -> pd.DataFrame:
    """Summarise the balanced accuracy of each input over the folds.

    Parameters
    ----------
    results : DataFrame
        `input`, `fold` and the column `score` (0 to 1), one row per input and fold.
    score : str
        Column to summarise.

    Returns
    -------
    DataFrame
        `input`, `words`, `balanced_accuracy`, `sd` (sample SD with ddof 1, as published; missing
        for one fold), `n_folds`; the paper's variants first and in its order, then others by
        accuracy.

    Raises
    ------
    InputError
        For a missing column, no row, or an input and fold given twice.

    References
    ----------
    Image2Reg's ablation study: 42 classes, mean ± SD over 4 folds.
    """
    missing = [name for name in ("input", "fold", score) if name not in results]
    if missing:
        raise InputError(
            f"the ablation results lack column {missing[0]!r}; they have {', '.join(results)}"
        )
    if results.empty or results.duplicated(["input", "fold"]).any():
        raise InputError(
            "the ablation results have no row, or an input and fold twice; give one row each"
        )
    folds = results.groupby("input", observed=True)[score]
    table = pd.DataFrame(
        {"balanced_accuracy": folds.mean(), "sd": folds.std(ddof=1), "n_folds": folds.size()}
    )
    table = ordering.sort_table(table.reset_index(), "balanced_accuracy", ties="input").reset_index(
        drop=True
    )
    # the paper's order; others follow by accuracy
    place = {name: i for i, name in enumerate(INPUTS)}
    order = table["input"].map(place).fillna(len(INPUTS)).argsort(kind="stable")
    table = table.iloc[order].reset_index(drop=True)
    table.insert(1, "words", [INPUTS.get(name, name.replace("_", " ")) for name in table["input"]])
    return table


def bars(
    table: pd.DataFrame,
    *,
    n_classes: int,
    published: Mapping[str, float] | None = None,
    title: str = "",
) -> tuple[Figure, pd.DataFrame]:
    """Draw the balanced accuracy of each input as horizontal bars; the published values have a
    panel of their own.

    The two are no repetition of one experiment where the numbers of classes differ, so they share
    no axis; each panel has its own line of chance.

    Parameters
    ----------
    table : DataFrame
        From `summarise`; drawn from the bottom up.
    n_classes : int
        Chance is one over it.
    published : mapping of str to float, optional
        Input → the paper's balanced accuracy for 42 classes.
    title : str
        Words before the number of classes.

    Returns
    -------
    Figure
    DataFrame
        `table` with `n_classes`, `chance`, `published`, `published_chance`.
    """
    # missing where the paper has no such input
    known = table["input"].map(dict(published or {})).astype(float)
    drawn = table.assign(
        n_classes=n_classes,
        chance=1 / n_classes,
        published=known,
        published_chance=1 / PAPER_CLASSES,
    )
    rows = np.arange(len(drawn))
    has_paper = drawn["published"].notna().any()
    with figures.style():
        figure = Figure(
            figsize=(figures.PAGE if has_paper else figures.MIDDLE, 0.95 + 0.19 * len(drawn))
        )
        # the published panel is left out where nothing is published
        ours, *paper = figure.subplots(1, 1 + has_paper, sharey=True, squeeze=False)[0]
        ours.barh(rows, drawn["balanced_accuracy"], height=0.7, color=_BAR)
        ours.errorbar(
            drawn["balanced_accuracy"],
            rows,
            xerr=drawn["sd"].fillna(0),  # one fold has no SD
            fmt="none",
            ecolor="0.2",
            elinewidth=0.8,
        )
        folds = drawn["n_folds"].max()
        spread = f"mean and SD of {folds} folds" if folds > 1 else "one fold, no SD"
        _finish(ours, n_classes, f"{title or 'This run'}: {n_classes} classes\n{spread}")
        ours.set_yticks(rows, drawn["words"])
        for ax in paper:
            ax.scatter(drawn["published"], rows, s=16, marker="D", color="black")
            _finish(
                ax,
                PAPER_CLASSES,
                f"Published: {PAPER_CLASSES} classes\nanother task; compare the order only",
            )
    return figure, drawn


def _finish(ax: Axes, n_classes: int, title: str) -> None:
    ax.axvline(1 / n_classes, color=_CHANCE, linestyle="--", linewidth=1)
    ax.text(
        1 / n_classes,
        1,
        f" chance, 1/{n_classes}",
        color=_CHANCE,
        transform=ax.get_xaxis_transform(),
        va="top",
    )
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(0, None), xlabel="balanced accuracy")
    ax.set_ylim(-0.6, top=ax.get_ylim()[1] + 0.6)
    ax.set_title(title, loc="left", fontsize=7)
