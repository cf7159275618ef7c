"""The published numbers beside the reproduced ones, value by value and figure by figure."""

import math
from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from lib.report import claims, paper_figures
from lib.report.paper_figures import Place
from lib.report.published import Published

REPRODUCED, WITHIN, DIFFERS = "reproduced", "within tolerance", "differs"
EXPLAINED = "differs, as explained"
NEEDS_DATA, NOT_RUN = "needs the paper's data", "not run"
MARKS = {
    REPRODUCED: ("o", "#009E73"),
    WITHIN: ("D", "#56B4E9"),
    EXPLAINED: ("v", "#E69F00"),
    DIFFERS: ("X", "#D55E00"),
    NEEDS_DATA: ("o", "#BBBBBB"),
    NOT_RUN: ("_", "#888888"),
}
"""Shape and colour of each status; shapes tell them apart without colour."""

COLUMNS = [
    "id",
    "figure",
    "analysis",
    "quantity",
    "published",
    "reproduced",
    "unit",
    "difference",
    "tolerance",
    "certainty",
    "basis",
    "status",
    "needs",
    "source",
    "note",
]
DEFINED = "defined"
OVERVIEW = ["figure", "title", *MARKS, DEFINED, "summary"]

Measured = float | bool | str


def compare(
    published: Iterable[Published],
    measured: Mapping[str, Measured],
    notes: Mapping[str, str] | None = None,
    *,
    ran: Collection[str] | None = None,
) -> pd.DataFrame:
    """Set every published value beside the one measured here, by figure in reading order.

    Equal values are *reproduced* (floats to 1 part in 10⁹); others are *within tolerance*, or
    *differ*; those that rest on other data or another release than here, or carry a note, differ
    *as explained*. A published value without a measured one *needs the paper's data*, or was *not
    run*: definitions, and what belongs to a notebook that has not run.

    Parameters
    ----------
    published : iterable of Published
        From `lib.report.published.load`.
    measured : mapping of id to value
        As given to `claims.record`.
    notes : mapping of id to str, optional
        Why a value differs, shown where it does.
    ran : collection of str, optional
        Slugs of the notebooks that have run; by default all.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row per published value; `published` and `reproduced` are texts, `difference`
        is a number in the unit of the value, NaN for texts and where nothing was measured.

    Raises
    ------
    ValueError
        If a measured id is not among the published ones.
    """
    published, places = list(published), paper_figures.places()
    claims.refuse_unknown(measured, [entry.id for entry in published])
    # stable: within a figure, the order of the files
    ordered = sorted(published, key=lambda entry: _place(entry, places).number)
    rows = [
        _row(
            entry,
            measured.get(entry.id),
            (notes or {}).get(entry.id, ""),
            _place(entry, places),
            ran,
        )
        for entry in ordered
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def overview(table: pd.DataFrame) -> pd.DataFrame:
    """Count the statuses of every figure of the papers.

    Parameters
    ----------
    table : DataFrame
        From `compare`.

    Returns
    -------
    DataFrame
        One row per figure: `figure`, `title`, one column per status (measured values only),
        `defined` (values that are defined or read back, where they agree), `summary` in words.

    Raises
    ------
    InputError
        If the file of figures is malformed.
    """
    # several analyses share a figure
    titles = {place.figure: place.title for place in paper_figures.places().values()}
    rows = []
    for name, group in table.groupby("figure", sort=False):
        is_measured = group["basis"] == "measured"
        agrees = group["status"].isin([REPRODUCED, WITHIN])
        rows.append(
            {"figure": name, "title": titles.get(name, ""), **summary(group[is_measured])}
            | {
                DEFINED: int((agrees & ~is_measured).sum()),
                "summary": _in_words(group[is_measured]),
            }
        )
    return pd.DataFrame(rows, columns=OVERVIEW)


def summary(table: pd.DataFrame) -> dict[str, int]:
    """Count the rows of each status.

    Parameters
    ----------
    table : DataFrame
        `status`, from `compare`.

    Returns
    -------
    dict of str to int
        Every status of `MARKS`, 0 where no row has it.
    """
    counts = table["status"].value_counts()
    return {status: int(counts.get(status, 0)) for status in MARKS}


def _place(entry: Published, places: Mapping[str, Place]) -> Place:
    """Return the figure of a value.

    An analysis of no listed figure is one of its own, after the others.
    """
    return places.get(entry.analysis, Place(entry.analysis, "", len(places), ""))


def _row(
    entry: Published, value: Measured | None, note: str, place: Place, ran: Collection[str] | None
) -> dict:
    status = _status(entry, value, is_run=ran is None or place.notebook in ran)
    # a reason counts only where a value differs
    reasons = (
        [f"published with {entry.needs}" if entry.needs else "", note] if status == DIFFERS else []
    )
    # a difference that has a reason is no failure
    if any(reasons):
        status = EXPLAINED
    return {
        "id": entry.id,
        "figure": place.figure,
        "analysis": entry.analysis,
        "quantity": entry.what,
        "published": _text(entry.value),
        "reproduced": "" if value is None else _text(value),
        "unit": entry.unit,
        "difference": _difference(entry.value, value),
        "tolerance": str(entry.tolerance),
        "certainty": entry.certainty,
        "basis": entry.basis,
        "status": status,
        "needs": entry.needs,
        "source": entry.source,
        "note": "; ".join(filter(None, [*reasons, entry.note])),
    }


def _in_words(rows: pd.DataFrame) -> str:
    """Sum up a figure's measured values: how many agree, why others differ, what is missing."""
    counts, n = summary(rows), len(rows)
    n_values = n - counts[NEEDS_DATA] - counts[NOT_RUN]
    parts = [f"{counts[REPRODUCED] + counts[WITHIN]} of {n_values} agree"] if n_values else []
    if counts[EXPLAINED]:
        parts.append(f"{_of(counts[EXPLAINED], 'differ')}: {_most_common(rows, EXPLAINED)}")
    parts += [f"{_of(counts[DIFFERS], 'differ')} without a known reason"] if counts[DIFFERS] else []
    if counts[NEEDS_DATA]:
        lacking = (
            _most_common(rows, NEEDS_DATA).removeprefix("published with ") or "the paper's data"
        )
        parts.append(f"{_of(counts[NEEDS_DATA], 'need')} {lacking}")
    parts += [f"{counts[NOT_RUN]} not run"] if counts[NOT_RUN] else []
    return "; ".join(parts) or "nothing to measure"


def _of(number: int, verb: str) -> str:
    return f"{number} {verb}{'s' if number == 1 else ''}"


def _most_common(rows: pd.DataFrame, status: str) -> str:
    """Return the reason that most rows of a status give; the first of those that are tied."""
    chosen = rows[rows["status"] == status]
    # what a value needs comes before notes
    reasons = chosen["note"].where(chosen["needs"] == "", "published with " + chosen["needs"])
    # unsorted: idxmax then takes the first of equals
    counts = reasons[reasons != ""].value_counts(sort=False)
    return str(counts.idxmax()) if len(counts) else ""


def _status(entry: Published, value: Measured | None, *, is_run: bool) -> str:
    if value is None:
        return NEEDS_DATA if entry.basis == "measured" and is_run else NOT_RUN
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
