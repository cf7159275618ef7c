"""The published numbers beside the reproduced ones."""

import math
from collections.abc import Iterable, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report import claims, figures
from lib.report.published import Published

REPRODUCED, WITHIN, DIFFERS = "reproduced", "within tolerance", "differs"
EXPLAINED = "differs, as explained"
NEEDS_DATA = "needs the paper's data"
MARKS = {
    REPRODUCED: ("o", "#009E73"),
    WITHIN: ("D", "#56B4E9"),
    EXPLAINED: ("v", "#E69F00"),
    DIFFERS: ("X", "#D55E00"),
    NEEDS_DATA: ("o", "#BBBBBB"),
}
"""Shape and colour of each status; shapes tell them apart without colour."""

COLUMNS = ["id", "analysis", "quantity", "published", "reproduced", "unit", "difference", "tolerance",
           "certainty", "status", "source", "note"]  # fmt: skip
_ROW, _WIDTH = 0.17, 6.6  # inches: height of a line of the picture, width of a column of it
_VALUES = 0.70, 0.94  # right ends of the two values, as shares of the width of a column

Measured = float | bool | str


def compare(
    published: Iterable[Published], measured: Mapping[str, Measured], notes: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return the scorecard, one row a published value in the order given.

    Equal values are *reproduced* (floats to 1 part in 10⁹); others are *within tolerance*, or *differ*; those that rest
    on other data or another release than here, or carry a note, differ *as explained*. A published value without a
    measured one *needs the paper's data*.

    Parameters
    ----------
    published : iterable of Published
    measured : mapping of id to value
        As given to `claims.record`.
    notes : mapping of id to str, optional
        Why a value differs, shown where it does.

    Raises
    ------
    ValueError
        If a measured id is not among the published ones.
    """
    published = list(published)
    claims.refuse_unknown(measured, [entry.id for entry in published])
    rows = [_row(entry, measured.get(entry.id), (notes or {}).get(entry.id, "")) for entry in published]
    return pd.DataFrame(rows, columns=COLUMNS)


def figure(table: pd.DataFrame, *, rows_a_column: int = 48, title: str = "") -> tuple[Figure, pd.DataFrame]:
    """Draw the scorecard as a list of quantities under their analyses, each with its status.

    Long scorecards flow into several columns; an analysis is kept together where it fits.

    Returns
    -------
    Figure
    DataFrame
        `table`, which is the data behind it.
    """
    if table.empty:
        raise ValueError("the scorecard is empty; check params/published")
    blocks = _columns(table, rows_a_column)
    tallest = max(len(lines) for lines in blocks)
    height = _ROW * (tallest + 1) + 0.75
    with figures.style():
        sheet = Figure(figsize=(_WIDTH * len(blocks), height), layout="none")
        axes = sheet.subplots(1, len(blocks), squeeze=False)[0]
        sheet.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=1 - 0.75 / height, wspace=0.02)
        for ax, lines in zip(axes, blocks, strict=True):
            _draw_column(ax, lines, tallest)
        _legend(sheet, table)
        sheet.suptitle(title, x=0.01, y=1 - 0.05 / height, ha="left", va="top", fontsize=10, fontweight="bold")
    return sheet, table


def summary(table: pd.DataFrame) -> dict[str, int]:
    """Count the rows of each status, every status named."""
    counts = table["status"].value_counts()
    return {status: int(counts.get(status, 0)) for status in MARKS}


def _row(entry: Published, value: Measured | None, note: str) -> dict:
    status = _status(entry, value)
    reasons = [f"published with {entry.needs}" if entry.needs else "", note] if status == DIFFERS else []
    if any(reasons):
        status = EXPLAINED
    return {
        "id": entry.id,
        "analysis": entry.analysis,
        "quantity": entry.what,
        "published": _text(entry.value),
        "reproduced": "" if value is None else _text(value),
        "unit": entry.unit,
        "difference": _difference(entry.value, value),
        "tolerance": str(entry.tolerance),
        "certainty": entry.certainty,
        "status": status,
        "source": entry.source,
        "note": "; ".join(filter(None, [*reasons, entry.note])),
    }


def _status(entry: Published, value: Measured | None) -> str:
    if value is None:
        return NEEDS_DATA
    if entry.equals(value):
        return REPRODUCED
    return WITHIN if entry.agrees(value) else DIFFERS


def _difference(published: Measured, value: Measured | None) -> float:
    return float(value - published) if _is_number(published) and _is_number(value) else math.nan


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Measured) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _columns(table: pd.DataFrame, longest: int) -> list[list[pd.Series | str]]:
    """Flow the lines, a heading (text) before its quantities (rows), into columns of about equal length."""
    groups = list(table.groupby("analysis", sort=False))
    n_lines = len(table) + 2 * len(groups)  # a blank line and a heading an analysis
    longest = math.ceil(n_lines / math.ceil(n_lines / longest)) + 2
    columns: list[list[pd.Series | str]] = [[]]
    for analysis, rows in groups:
        if columns[-1] and len(columns[-1]) + min(len(rows), 5) + 2 > longest:
            columns.append([])
        columns[-1] += ["", analysis] if columns[-1] else [analysis]
        for _, row in rows.iterrows():
            if len(columns[-1]) >= longest:
                columns.append([f"{analysis} (continued)"])
            columns[-1].append(row)
    return columns


def _draw_column(ax: Axes, lines: list[pd.Series | str], tallest: int) -> None:
    ax.set(xlim=(0, 1), ylim=(tallest + 0.5, -1))
    ax.set_axis_off()
    for text, x in zip(("published", "here"), _VALUES, strict=True):
        ax.text(x, -0.7, text, ha="right", va="center", color="0.35", fontsize=7)
    for y, line in enumerate(lines):
        if not isinstance(line, str):
            _draw_row(ax, y, line)
        elif line:
            ax.text(0, y, line, va="center", fontweight="bold", fontsize=8)
            ax.plot([0, 1], [y + 0.5, y + 0.5], color="0.8", linewidth=0.5)


def _draw_row(ax: Axes, y: int, row: pd.Series) -> None:
    marker, colour = MARKS[row["status"]]
    ax.scatter(0.975, y, s=26, marker=marker, color=colour, linewidths=0)
    unit = "" if row["unit"] in row["quantity"] else f" ({row['unit']})"
    ax.text(0.015, y, _shorten(row["quantity"], 50 - len(unit)) + unit, va="center", fontsize=7.5)
    wordy = max(len(row["published"]), len(row["reproduced"])) > 12
    for x, value in zip(_VALUES, (row["published"], row["reproduced"] or "–"), strict=True):
        ax.text(x, y, _shorten(value, 30) if wordy else value, va="center", ha="right", fontsize=6 if wordy else 7.5)


def _shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _legend(sheet: Figure, table: pd.DataFrame) -> None:
    counts = {status: number for status, number in summary(table).items() if number}
    ax = sheet.axes[-1]
    handles = [
        ax.scatter([], [], s=26, marker=MARKS[s][0], color=MARKS[s][1], label=f"{s} ({n})") for s, n in counts.items()
    ]
    top = 1 - 0.25 / sheet.get_figheight()
    sheet.legend(handles=handles, loc="upper left", ncols=len(counts), bbox_to_anchor=(0, top), handletextpad=0.1)
