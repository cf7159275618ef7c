"""Claims about the planted truth of the simulations, and how they spread over seeds.

`params/planted.yaml` says what is measured and what the best possible value is.
`params/planted_spread.csv`, written by `python -m benchmarks seeds`, says how the values spread
over worlds and trainings; the bounds follow from it alone.
"""

import csv
import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lib.data.errors import InputError
from lib.report.published import Text, _parse, _read, _Strict
from lib.run import store

CLAIMS, SPREAD = "params/planted.yaml", "params/planted_spread.csv"
LEAST_SEEDS, N_SD = 10, 3
SPREAD_COLUMNS = ("profile", "id", "n_seeds", "mean", "sd", "min", "max")


class Planted(_Strict):
    """One quantity that measures how much of a planted truth comes back."""

    id: Annotated[
        str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", description="imaging.planted.power")
    ]
    analysis: Annotated[Text, Field(description="heading under which it is shown")]
    what: Annotated[Text, Field(description="the quantity in words")]
    best: Annotated[float, Field(description="the best possible value")]
    direction: Annotated[
        Literal["higher", "lower", "near"], Field(description="which values are good")
    ]
    limits: Annotated[
        list[float], Field(min_length=2, max_length=2, description="range of possible values")
    ]
    source: Text
    note: str = ""

    @model_validator(mode="after")
    def _within(self):
        low, high = self.limits
        if not low <= self.best <= high or low == high:
            raise ValueError(f"best = {self.best} has to lie within limits = {self.limits}")
        return self


class Spread(BaseModel):
    """How one planted claim spreads over the seeds of one profile."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    profile: Text
    id: Text
    n_seeds: Annotated[int, Field(ge=1)]
    mean: float
    sd: Annotated[float, Field(ge=0, description="sample standard deviation; 0 for one seed")]
    min: float
    max: float

    @model_validator(mode="after")
    def _in_order(self):
        slack = 1e-6  # the last digit that is written
        if not self.min - slack <= self.mean <= self.max + slack:
            raise ValueError(
                f"min, mean, max = {self.min}, {self.mean}, {self.max} are not in order"
            )
        return self


class Bound(_Strict):
    """Smallest and largest value that is expected; infinite where the direction sets none."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=True)

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        """Return whether a value lies within, whatever its last digit.

        Parameters
        ----------
        value : float
            In the unit of the claim.

        Returns
        -------
        bool
        """
        return self.low - 1e-9 <= value <= self.high + 1e-9

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"≥ {self.low:.3g}"
        return (
            f"≤ {self.high:.3g}" if math.isinf(self.low) else f"{self.low:.3g} to {self.high:.3g}"
        )


def load(path: Path | str = CLAIMS) -> dict[str, Planted]:
    """Read the planted claims.

    Parameters
    ----------
    path : path
        YAML file; default that of the project.

    Returns
    -------
    dict of str to Planted
        By id, in the order of the file.

    Raises
    ------
    InputError
        If the file or an entry is malformed, or an id is given twice; names file and entry.
    """
    path = store.resolve(path)
    found: dict[str, Planted] = {}
    for number, entry in enumerate(_read(path, "claims", list), start=1):
        name = entry.get("id", "no id") if isinstance(entry, dict) else "not a mapping"
        claim = _parse(Planted, entry, f"{path.name}, entry {number} ({name})")
        if claim.id in found:
            raise InputError(f"{path.name}, entry {number}: the id {claim.id} is given twice")
        found[claim.id] = claim
    return found


def spreads(profile: str, path: Path | str = SPREAD) -> dict[str, Spread]:
    """Read the spread of each planted claim under a profile.

    Parameters
    ----------
    profile : str
        For example `mini`.
    path : path
        CSV with `SPREAD_COLUMNS`; default that of the project.

    Returns
    -------
    dict of str to Spread
        By id; empty for a profile that has none.

    Raises
    ------
    InputError
        If the table is malformed or has a row twice; names file and row.
    """
    return {row.id: row for row in all_spreads(path) if row.profile == profile}


def all_spreads(path: Path | str = SPREAD) -> list[Spread]:
    """Read every row of the table of spreads.

    Parameters
    ----------
    path : path
        CSV with `SPREAD_COLUMNS`; default that of the project.

    Returns
    -------
    list of Spread
        None if there is no table yet.

    Raises
    ------
    InputError
        If the table is malformed or has a row twice; names file and row.
    """
    path = store.resolve(path)
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        # an old table would be read with columns exchanged
        if tuple(reader.fieldnames or ()) != SPREAD_COLUMNS:
            raise InputError(f"{path.name}: expected the columns {', '.join(SPREAD_COLUMNS)}")
        rows = [
            _spread(row, f"{path.name}, row {number}") for number, row in enumerate(reader, start=2)
        ]
    # a claim has one row per profile
    names = [(row.profile, row.id) for row in rows]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{path.name}: {' '.join(repeated[0])} is there twice; keep one row")
    return rows


def bound(claim: Planted, spread: Spread | None) -> Bound | None:
    """Return the bound of a planted claim: the mean over seeds and 3 SD on the side that is worse.

    It is never beyond the possible range.

    Parameters
    ----------
    claim : Planted
        Says which side is worse, and the range.
    spread : Spread or None
        Of the claim over seeds.

    Returns
    -------
    Bound or None
        None where fewer than 10 seeds were run.

    Examples
    --------
    >>> texts = {"id": "a.b", "analysis": "a", "what": "b", "source": "s"}
    >>> auc = Planted(**texts, best=1.0, direction="higher", limits=[0.0, 1.0])
    >>> numbers = {"n_seeds": 10, "mean": 0.9, "sd": 0.02, "min": 0.85, "max": 0.93}
    >>> str(bound(auc, Spread(profile="mini", id="a.b", **numbers)))
    '≥ 0.84'
    """
    if spread is None or spread.n_seeds < LEAST_SEEDS:
        return None
    # one normal value in 740 lies below
    low = max(claim.limits[0], spread.mean - N_SD * spread.sd)
    high = min(claim.limits[1], spread.mean + N_SD * spread.sd)
    # no bound on the better side
    if claim.direction == "higher":
        return Bound(low=low)
    return Bound(high=high) if claim.direction == "lower" else Bound(low=low, high=high)


def _spread(row: dict, where: str) -> Spread:
    try:
        return Spread.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "row"
        raise InputError(
            f"{where}: {field}: {first['msg'].removeprefix('Value error, ')}"
        ) from None
