"""The scorecard at a glance: one line per figure of the papers, as wide as a journal page."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report import figures, scorecard
from lib.report.scorecard import (
    DEFINED,
    DIFFERS,
    EXPLAINED,
    MARKS,
    NEEDS_DATA,
    NOT_RUN,
    REPRODUCED,
    WITHIN,
)

JUDGED = (REPRODUCED, WITHIN, EXPLAINED, DIFFERS)
"""Statuses of values that were measured; the bars are made of these."""

HEADINGS = {
    REPRODUCED: "repro-\nduced",
    WITHIN: "within\ntolerance",
    EXPLAINED: "differs,\nexplained",
    DIFFERS: "differs",
    NEEDS_DATA: "needs the\npaper's data",
    NOT_RUN: "not\nrun",
    DEFINED: "defined,\nread back",
}
_ROW = 0.27  # inches
_WIDTH = figures.PAGE
_COLUMNS = dict(zip(HEADINGS, (0.5, 1.45, 2.55, 3.5, 4.65, 5.8, 6.85), strict=True))
"""Centres of the columns of numbers; what was not measured, and what needs no measuring, stand
apart."""


def draw(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw how many published values of each figure are reproduced, differ or are missing.

    Parameters
    ----------
    table : DataFrame
        From `lib.report.scorecard.compare`.

    Returns
    -------
    Figure
        At most 183 mm wide. Bars: values that were measured, by status; numbers: all.
    DataFrame
        `table`, which is the data behind it.

    Raises
    ------
    ValueError
        If there is no published value.
    """
    counts = scorecard.overview(table)
    if counts.empty:
        raise ValueError("the scorecard is empty; check params/published")
    height = _ROW * (len(counts) + 1) + 0.75
    with figures.style():
        sheet = Figure(figsize=(_WIDTH, height), layout="none")
        bottom, share = 0.42 / height, _ROW * (len(counts) + 1) / height
        bars = sheet.add_axes((0.295, bottom, 0.195, share))
        numbers = sheet.add_axes((0.495, bottom, 0.505, share))
        _draw_bars(bars, counts)
        _draw_numbers(numbers, counts)
    return sheet, table


def _draw_bars(ax: Axes, counts: pd.DataFrame) -> None:
    rows, left = range(len(counts)), 0
    for status in JUDGED:
        ax.barh(rows, counts[status], left=left, height=0.62, color=MARKS[status][1], linewidth=0)
        # stacked: each status begins where the last one ends
        left = left + counts[status]
    ax.set(
        ylim=(len(counts), -0.6),
        xlim=(0, max(left.max(), 1)),
        xlabel="published values measured here",
    )
    ax.spines["bottom"].set_visible(len(counts) > 0)
    ax.set_yticks([])
    for y, label, title in zip(rows, counts["figure"], counts["title"], strict=True):
        # x as a share of the axes: left of the bars
        words = dict(transform=ax.get_yaxis_transform(), va="center", clip_on=False)
        ax.text(-1.5, y - 0.18, label, fontweight="bold", fontsize=7.5, **words)
        ax.text(-1.5, y + 0.24, title, fontsize=6.2, color="0.3", **words)
    _total_label(ax, len(counts))


def _total_label(ax: Axes, y: int) -> None:
    ax.text(
        -1.5, y - 0.1, "all figures", transform=ax.get_yaxis_transform(), va="center", fontsize=7.5
    )


def _draw_numbers(ax: Axes, counts: pd.DataFrame) -> None:
    ax.set(ylim=(len(counts), -0.6), xlim=(0, 7.4))
    ax.set_axis_off()
    totals = counts[list(HEADINGS)].sum()
    for status, x in _COLUMNS.items():
        ax.text(x, -1.15, HEADINGS[status], ha="center", va="bottom", fontsize=6.2, color="0.2")
        if status in MARKS:
            marker, colour = MARKS[status]
            ax.scatter(
                x,
                -0.85,
                s=16,
                marker=marker,
                color=colour,
                clip_on=False,
                linewidths=0 if marker != "_" else 1,
            )
        for y, number in enumerate([*counts[status], totals[status]]):
            # the last row adds up all figures
            is_total = y == len(counts)
            ax.text(
                x,
                y - 0.1 * is_total,
                str(number) if number else "–",
                ha="center",
                va="center",
                fontsize=7.5,
                color="0.1" if number else "0.6",
                fontweight="bold" if is_total else "normal",
            )
    ax.axhline(len(counts) - 0.5, color="0.7", linewidth=0.5, clip_on=False)
