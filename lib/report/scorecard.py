"""The published numbers beside the reproduced ones, value by value and figure by figure."""

import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lib.report import paper_figures
from lib.report.paper_figures import Place
from lib.report.published import Published, load
from lib.run import store

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

COLUMNS = ["id", "kind", "figure", "analysis", "quantity", "published", "reproduced", "unit", "difference",
           "tolerance", "certainty", "basis", "status", "needs", "source", "note"]  # fmt: skip
DEFINED = "defined"
OVERVIEW = ["figure", "title", *MARKS, DEFINED, "summary"]

Measured = float | bool | str


class ClaimNotReproduced(AssertionError):
    """A published value that should come out does not."""


def record(path: Path | str, measured: Mapping[str, Measured], notes: Mapping[str, str] | None = None) -> Path:
    """Write what a notebook measured, by the id of the published value, for the scorecard to compare.

    Parameters
    ----------
    path : path
        `runs/<profile>/results/<slug>__measured.json`.
    measured : mapping of id to number, boolean or text
    notes : mapping of id to str, optional
        Why a value differs, where the reason is known (another annotation release, simulated data).

    Raises
    ------
    ValueError
        If a value is not finite or not a plain value, or a note has no value.
    """
    values = {name: _plain(name, value) for name, value in measured.items()}
    stray = sorted(set(notes or {}) - set(values))
    if stray:
        raise ValueError(f"notes without a measured value: {', '.join(stray)}")
    return store.write_json(path, {"measured": values, "notes": dict(notes or {})})


def collect(results_dir: Path | str) -> tuple[dict[str, Measured], dict[str, str]]:
    """Read every `*__measured.json` of a profile: the measured values and the notes, by id."""
    measured, notes, origin = {}, {}, {}
    for path in sorted(store.resolve(results_dir).glob("*__measured.json")):
        content = store.read_json(path)
        for name, value in content["measured"].items():
            if name in measured:
                raise ValueError(f"{name} is measured twice, in {origin[name]} and {path.name}")
            measured[name], origin[name] = value, path.name
        notes |= content["notes"]
    return measured, notes


def compare(
    published: Iterable[Published],
    measured: Mapping[str, Measured],
    notes: Mapping[str, str] | None = None,
    *,
    ran: Collection[str] | None = None,
) -> pd.DataFrame:
    """Return the scorecard, one row per published value, by figure in reading order.

    Equal values are *reproduced* (floats to 1 part in 10⁹); others are *within tolerance*, or *differ*; those that rest
    on other data or another release than here, or carry a note, differ *as explained*. A published value without a
    measured one *needs the paper's data*, or was *not run*: planted truths, definitions, and what belongs to a notebook
    that has not run.

    Parameters
    ----------
    published : iterable of Published
    measured : mapping of id to value
        As given to `record`.
    notes : mapping of id to str, optional
        Why a value differs, shown where it does.
    ran : collection of str, optional
        Slugs of the notebooks that have run; by default all.

    Raises
    ------
    ValueError
        If a measured id is not among the published ones.
    """
    published, places = list(published), paper_figures.places()
    _refuse_unknown(measured, [entry.id for entry in published])
    ordered = sorted(published, key=lambda entry: _place(entry, places).number)
    rows = [
        _row(entry, measured.get(entry.id), (notes or {}).get(entry.id, ""), _place(entry, places), ran)
        for entry in ordered
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def overview(table: pd.DataFrame) -> pd.DataFrame:
    """Count the statuses of every figure of the papers.

    Parameters
    ----------
    table : DataFrame
        From `compare`; planted truths are left out.

    Returns
    -------
    DataFrame
        One row per figure: `figure`, `title`, one column per status (measured values only), `defined` (values that are
        defined or read back, where they agree), `summary` in words.
    """
    titles = {place.figure: place.title for place in paper_figures.places().values()}
    rows = []
    for name, group in table[table["kind"] == "published"].groupby("figure", sort=False):
        is_measured = group["basis"] == "measured"
        agrees = group["status"].isin([REPRODUCED, WITHIN])
        rows.append(
            {"figure": name, "title": titles.get(name, ""), **summary(group[is_measured])}
            | {DEFINED: int((agrees & ~is_measured).sum()), "summary": _in_words(group[is_measured])}
        )
    return pd.DataFrame(rows, columns=OVERVIEW)


def check(measured: Mapping[str, Measured], entries: Mapping[str, Published] | None = None) -> pd.DataFrame:
    """Compare what a notebook measured with its published values, and fail loudly where a claim is not reproduced.

    A value that needs data or a release that may be absent is shown, not required; so is a planted truth, which has
    its bound in the notebook that measures it.

    Returns
    -------
    DataFrame
        The rows of the scorecard for the measured values.

    Raises
    ------
    ClaimNotReproduced
        Listing every published value that nothing excuses and that ours differs from.
    """
    known = load() if entries is None else entries
    table = compare([entry for entry in known.values() if entry.id in measured], measured)
    failed = table[(table["status"] == DIFFERS) & (table["kind"] == "published")]
    if len(failed):
        rows = failed[["quantity", "published", "reproduced"]].itertuples(index=False)
        listing = "; ".join(f"{quantity}: published {value}, here {ours}" for quantity, value, ours in rows)
        raise ClaimNotReproduced(f"{len(failed)} published claims are not reproduced: {listing}")
    return table


def summary(table: pd.DataFrame) -> dict[str, int]:
    """Count the rows of each status, every status named."""
    counts = table["status"].value_counts()
    return {status: int(counts.get(status, 0)) for status in MARKS}


def _place(entry: Published, places: Mapping[str, Place]) -> Place:
    """Return the figure of a value; an analysis of no listed figure is one of its own, after the others."""
    return places.get(entry.analysis, Place(entry.analysis, "", len(places), ""))


def _row(entry: Published, value: Measured | None, note: str, place: Place, ran: Collection[str] | None) -> dict:
    status = _status(entry, value, is_run=ran is None or place.notebook in ran)
    reasons = [f"published with {entry.needs}" if entry.needs else "", note] if status == DIFFERS else []
    if any(reasons):
        status = EXPLAINED
    return {
        "id": entry.id,
        "kind": entry.kind,
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
    """Sum up the measured values of a figure: how many agree, why others differ, what is missing."""
    counts, n = summary(rows), len(rows)
    n_values = n - counts[NEEDS_DATA] - counts[NOT_RUN]
    parts = [f"{counts[REPRODUCED] + counts[WITHIN]} of {n_values} agree"] if n_values else []
    if counts[EXPLAINED]:
        parts.append(f"{_of(counts[EXPLAINED], 'differ')}: {_most_common(rows, EXPLAINED)}")
    parts += [f"{_of(counts[DIFFERS], 'differ')} without a known reason"] if counts[DIFFERS] else []
    if counts[NEEDS_DATA]:
        lacking = _most_common(rows, NEEDS_DATA).removeprefix("published with ") or "the paper's data"
        parts.append(f"{_of(counts[NEEDS_DATA], 'need')} {lacking}")
    parts += [f"{counts[NOT_RUN]} not run"] if counts[NOT_RUN] else []
    return "; ".join(parts) or "nothing to measure"


def _of(number: int, verb: str) -> str:
    return f"{number} {verb}{'s' if number == 1 else ''}"


def _most_common(rows: pd.DataFrame, status: str) -> str:
    """Return the reason that most rows of a status give; the first of those that are tied."""
    chosen = rows[rows["status"] == status]
    reasons = chosen["note"].where(chosen["needs"] == "", "published with " + chosen["needs"])
    counts = reasons[reasons != ""].value_counts(sort=False)
    return str(counts.idxmax()) if len(counts) else ""


def _status(entry: Published, value: Measured | None, *, is_run: bool) -> str:
    if value is None:
        lacks_data = entry.kind == "published" and entry.basis == "measured" and is_run
        return NEEDS_DATA if lacks_data else NOT_RUN
    if _equal(entry.value, value):
        return REPRODUCED
    return WITHIN if entry.tolerance != "exact" and _agrees(entry, value) else DIFFERS


def _equal(published: Measured, value: Measured) -> bool:
    if _is_number(published) and _is_number(value):
        return math.isclose(published, value, rel_tol=1e-9, abs_tol=1e-12)
    return type(published) is type(value) and published == value


def _agrees(entry: Published, value: Measured) -> bool:
    tolerance = entry.tolerance
    if tolerance.one_of is not None:
        return value in tolerance.one_of
    if not (_is_number(entry.value) and _is_number(value)):
        return False
    distance = abs(value - entry.value)
    slack = 1 + 1e-9  # a difference of exactly the tolerance agrees, whatever the last bit
    checks = {
        "abs": lambda limit: distance <= limit * slack,
        "rel": lambda limit: distance <= limit * abs(entry.value) * slack,
        "at_least": lambda limit: value >= limit,
        "at_most": lambda limit: value <= limit,
    }
    return all(
        check(getattr(tolerance, name)) for name, check in checks.items() if getattr(tolerance, name) is not None
    )


def _difference(published: Measured, value: Measured | None) -> float:
    return float(value - published) if _is_number(published) and _is_number(value) else math.nan


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Measured) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _plain(name: str, value: object) -> Measured:
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"{name}: a measured value is a number, a boolean or a text, not {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}: the measured value is {value}")
    return value


def _refuse_unknown(measured: Mapping[str, Measured], known: list[str]) -> None:
    for name in measured:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(f"{name} is measured but not in params/published{hint}")
