"""Claims: what depends on a draw, a training or a release; recorded and judged, never in the way.

An invariant, which holds for any data and any draw, is an `assert` in its notebook. Everything else
is a claim: an id of `params/published` or `params/planted.yaml`, the value measured here, an
interval where there is one, and a bound. A claim that falls short stops no run.
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.report import planted, published
from lib.report.planted import Planted
from lib.report.published import Published
from lib.run import store

HOLDS, SHORT = "holds", "falls short"
EXPLAINED, NO_BOUND, NOT_MEASURED = "differs, as explained", "no bound yet", "not measured"

COLUMNS = [
    "id",
    "kind",
    "notebook",
    "analysis",
    "quantity",
    "value",
    "low",
    "high",
    "interval",
    "expected",
    "bound",
    "bound_low",
    "bound_high",
    "unit",
    "mean",
    "sd",
    "min",
    "max",
    "n_seeds",
    "status",
    "source",
    "note",
]
SHOWN = ["id", "quantity", "value", "interval", "bound", "status", "source"]
SUFFIX = "__measured.json"

Measured = float | bool | str
Interval = tuple[float, float]
Claim = Published | Planted


def known() -> dict[str, Claim]:
    """Return every claim that can be made, published and planted.

    Returns
    -------
    dict of str to Published or Planted
        By id, in the order of the files of claims.

    Raises
    ------
    InputError
        If a file is malformed, or an id is both published and planted.
    """
    found: dict[str, Claim] = {**published.load()}
    for name, claim in planted.load().items():
        if name in found:
            raise InputError(f"{planted.CLAIMS}: {name} is in {published.FOLDER} as well")
        found[name] = claim
    return found


def record(
    path: Path | str,
    measured: Mapping[str, Measured],
    *,
    intervals: Mapping[str, Interval] | None = None,
    notes: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Write what a notebook measured, and return the rows to show beside it.

    A value off its bound stops nothing.

    Parameters
    ----------
    path : path
        `runs/<profile>/results/<slug>__measured.json`; the profile's name gives the bounds of
        planted claims.
    measured : mapping of id to number, boolean or text
        Values in the unit of the claim.
    intervals : mapping of id to (low, high), optional
        95 % interval of a value.
    notes : mapping of id to str, optional
        Why a value differs, where the reason is known (another annotation release, simulated data).

    Returns
    -------
    DataFrame
        `id`, `quantity`, `value`, `interval`, `bound`, `status`, `source`; one row per claim.

    Raises
    ------
    ValueError
        If an id is unknown, a value is not finite or not plain, an interval is upside down, or an
        interval or a note has no value.
    """
    path, claims = Path(path), known()
    refuse_unknown(measured, claims)
    values = {name: _plain(name, value) for name, value in measured.items()}
    _refuse_words(values, claims)
    given = {name: _interval(name, interval) for name, interval in (intervals or {}).items()}
    for what, names in {"intervals": given, "notes": notes or {}}.items():
        if stray := sorted(set(names) - set(values)):
            raise ValueError(f"{what} without a measured value: {', '.join(stray)}")
    # bounds are not stored: they are looked up whenever claims are judged
    content = {"measured": values, "intervals": given, "notes": dict(notes or {})}
    store.write_json(path, content)
    return _judged(
        [claims[name] for name in values], {path.name: content}, path.parent.parent.name
    )[SHOWN]


def table(results_dir: Path | str, profile: str) -> pd.DataFrame:
    """Judge every claim by what a folder of results holds.

    Parameters
    ----------
    results_dir : path
        Folder of `*__measured.json` files.
    profile : str
        Profile whose seeds give the bounds of planted claims.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row per claim in the order of the files of claims: `kind` is published or
        planted, `notebook` the slug that measured it, `low` and `high` the ends of the interval,
        `expected` the published or the best possible value, `bound_low` and `bound_high` infinite
        where there is none; `mean`, `sd`, `min`, `max` over `n_seeds` seeds for planted claims, NaN
        and 0 where no seeds were run.

    Raises
    ------
    ValueError
        If two notebooks measured one claim.
    """
    return _judged(known().values(), read(results_dir), profile)


def read(results_dir: Path | str, slugs: Iterable[str] | None = None) -> dict[str, dict]:
    """Read what notebooks recorded.

    Parameters
    ----------
    results_dir : path
        Folder of `*__measured.json` files.
    slugs : iterable of str, optional
        Only what these notebooks recorded.

    Returns
    -------
    dict
        File name → `measured`, `intervals` and `notes`, each by id.

    Raises
    ------
    ValueError
        If two notebooks measured one claim.
    """
    # sorted: the order of a folder differs between file systems
    paths = sorted(store.resolve(results_dir).glob(f"*{SUFFIX}"))
    wanted = (
        paths
        if slugs is None
        else [path for path in paths if path.name.removesuffix(SUFFIX) in set(slugs)]
    )
    files = {path.name: {"intervals": {}, **store.read_json(path)} for path in wanted}
    origin: dict[str, str] = {}
    for file, content in files.items():
        for name in content["measured"]:
            if name in origin:
                raise ValueError(f"{name} is measured twice, in {origin[name]} and {file}")
            origin[name] = file
    return files


def collect(results_dir: Path | str) -> tuple[dict[str, Measured], dict[str, str]]:
    """Return the measured values and the notes of all notebooks.

    Parameters
    ----------
    results_dir : path
        Folder of `*__measured.json` files.

    Returns
    -------
    measured, notes : dict
        By id.

    Raises
    ------
    ValueError
        If two notebooks measured one claim.
    """
    measured, notes = {}, {}
    # no id is in two files, `read` saw to that
    for content in read(results_dir).values():
        measured |= content["measured"]
        notes |= content["notes"]
    return measured, notes


def shortfalls(results_dir: Path | str, profile: str, slugs: Iterable[str]) -> list[str]:
    """Say in one line each which claims of some notebooks fall short.

    Parameters
    ----------
    results_dir : path
        Folder of `*__measured.json` files.
    profile : str
        Profile whose seeds give the bounds of planted claims.
    slugs : iterable of str
        Notebooks.

    Returns
    -------
    list of str
        What was measured, our value, what is expected, and the source.

    Raises
    ------
    ValueError
        If two notebooks measured one claim.
    """
    found = _judged(known().values(), read(results_dir, slugs), profile)
    return [_told(row) for row in found[found["status"] == SHORT].to_dict("records")]


def refuse_unknown(measured: Iterable[str], claims: Iterable[str]) -> None:
    """Refuse ids that are no claim, with what was probably meant.

    Parameters
    ----------
    measured : iterable of str
        Ids that were measured.
    claims : iterable of str
        Ids that can be.

    Raises
    ------
    ValueError
        If an id is no claim.
    """
    claims = list(claims)
    for name in measured:
        if name not in claims:
            # most unknown ids are misspelt
            close = difflib.get_close_matches(name, claims, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(
                f"{name} is measured but not in {published.FOLDER} or {planted.CLAIMS}{hint}"
            )


def _judged(claims: Iterable[Claim], files: Mapping[str, dict], profile: str) -> pd.DataFrame:
    spreads = planted.spreads(profile)  # bounds of planted claims hang on the profile
    recorded = {
        name: {
            "value": value,
            "interval": content["intervals"].get(name),
            "note": content["notes"].get(name, ""),
            "notebook": file.removesuffix(SUFFIX),
        }
        for file, content in files.items()
        for name, value in content["measured"].items()
    }
    rows = []
    for claim in claims:
        ours = recorded.get(claim.id, {"value": None, "interval": None, "note": "", "notebook": ""})
        judged = (
            _planted(claim, ours, spreads)
            if isinstance(claim, Planted)
            else _published(claim, ours)
        )
        rows.append(_common(claim, ours) | judged)
    return pd.DataFrame(rows, columns=COLUMNS)


def _common(claim: Claim, ours: Mapping) -> dict:
    low, high = ours["interval"] or (math.nan, math.nan)
    return {
        "id": claim.id,
        "notebook": ours["notebook"],
        "analysis": claim.analysis,
        "quantity": claim.what,
        "value": ours["value"],
        "low": low,
        "high": high,
        "interval": f"{low:.3g} to {high:.3g}" if ours["interval"] else "",
        "source": claim.source,
        "note": "; ".join(filter(None, [ours["note"], claim.note])),
    }


def _published(claim: Published, ours: Mapping) -> dict:
    value = ours["value"]
    status = NOT_MEASURED
    if value is not None:
        # a value that needs the paper's data or release differs for a known reason
        status = HOLDS if claim.agrees(value) else EXPLAINED if claim.needs else SHORT
    bound = claim.bound
    return {
        "kind": "published",
        "expected": claim.value,
        "bound": claim.expectation,
        "unit": claim.unit,
        "status": status,
        "bound_low": bound[0],
        "bound_high": bound[1],
        "mean": math.nan,
        "sd": math.nan,
        "min": math.nan,
        "max": math.nan,
        "n_seeds": 0,
    }


def _planted(claim: Planted, ours: Mapping, spreads: Mapping[str, planted.Spread]) -> dict:
    spread = spreads.get(claim.id)
    bound = planted.bound(claim, spread)
    n_seeds = spread.n_seeds if spread else 0
    status = NOT_MEASURED
    if ours["value"] is not None:
        status = NO_BOUND if bound is None else HOLDS if bound.holds(ours["value"]) else SHORT
    # NaN where no seeds were run
    numbers = {name: getattr(spread, name, math.nan) for name in ("mean", "sd", "min", "max")}
    return {
        "kind": "planted",
        "expected": claim.best,
        "unit": "",
        "status": status,
        "n_seeds": n_seeds,
        **numbers,
        "bound": str(bound) if bound else f"none yet: {n_seeds} of {planted.LEAST_SEEDS} seeds",
        "bound_low": bound.low if bound else -math.inf,
        "bound_high": bound.high if bound else math.inf,
    }


def _told(row: Mapping) -> str:
    value = _text(row["value"]) + (f" [{row['interval']}]" if row["interval"] else "")
    # some quantities name their unit themselves
    unit = f" {row['unit']}" if row["unit"] and row["unit"] not in row["quantity"] else ""
    why = (
        f" (from {row['n_seeds']} seeds, mean {row['mean']:.3g})"
        if row["kind"] == "planted"
        else ""
    )
    return (
        f"{row['quantity']}: {value}{unit} here, expected {row['bound']}{why}; {row['source']}; "
        f"measured by {row['notebook']}"
    )


def _text(value: Measured) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(name: str, value: object) -> Measured:
    # JSON knows no NumPy numbers
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, bool | int | float | str):
        raise ValueError(
            f"{name}: a measured value is a number, a boolean or a text, not {type(value).__name__}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}: the measured value is {value}")
    return value


def _refuse_words(values: Mapping[str, Measured], claims: Mapping[str, Claim]) -> None:
    for name, value in values.items():
        # a spread over seeds needs numbers
        if isinstance(claims[name], Planted) and isinstance(value, bool | str):
            raise ValueError(f"{name}: a planted claim is a number, not {value!r}")


def _interval(name: str, interval: Interval) -> list[float]:
    low, high = (float(_plain(name, end)) for end in interval)
    if low > high:
        raise ValueError(f"{name}: the interval {low} to {high} is upside down")
    return [low, high]
