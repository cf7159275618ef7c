"""Transcripts: whose columns, whose units, which of them count, and on which pixel each lies.

A table of spots has the columns `x`, `y` (pixels, x along columns), `gene`, and `cell`, `z`, `qv`
where the file has them. Whole numbers in `x` and `y` are corners of pixels unless the origin is
said to be their centre.
"""

import os
import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed

ALIASES = {
    "x": ("x", "spotx", "x_location", "x_global_px", "global_x", "x_px", "px_x", "column"),
    "y": ("y", "spoty", "y_location", "y_global_px", "global_y", "y_px", "px_y", "row"),
    "gene": ("gene", "feature_name", "target", "target_gene", "name", "genes"),
    "z": ("global_z", "z_location", "z"),
    "qv": ("qv", "quality", "quality_value"),
    "cell": ("cell_id", "cell", "cellid"),
    "fov": ("fov", "fov_name"),
}
MICRON_COLUMNS = ("x_location", "y_location", "global_x", "global_y")  # Xenium and MERSCOPE

CONTROLS = re.compile(
    r"(NegControl(Probe|Codeword)?[_-].*|Neg(ative)?(Prb|Control|Probe)?[_-]?\d+|antisense[_-].*"
    r"|(Unassigned|Deprecated)Codeword[_-].*|blank[_-]?\d+|Intergenic_Region[_-].*"
    r"|(False|System)(Code|Control)[_-]?\d*)",
    re.IGNORECASE,
)
UNASSIGNED = {"", "0", "-1", "nan", "none", "unassigned", "4294967295", "background"}


def read(path: str | os.PathLike, *, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read a table of spots, CSV or Parquet, whatever its columns are called.

    Parameters
    ----------
    path : path
    columns : mapping, optional
        Own names for `x`, `y`, `gene`, `z`, `qv`, `cell`, `fov`; the usual ones are found without.

    Returns
    -------
    DataFrame
        One row per spot in the file's order; `x` and `y` float64 in the file's unit;
        `attrs["micron"]` says whether the column names are those of instruments that write µm.

    Raises
    ------
    InputError
        If a column is missing or in doubt, or a coordinate is no number.
    """
    return named(tables.read(path, pa.DataFrameSchema({})), columns=columns, file=path)


def named(
    table: pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    file: str | os.PathLike = "spots",
) -> pd.DataFrame:
    """Return a table of spots with the columns that this package uses; see `read`."""
    names = {name: _find(table, name, columns or {}, file) for name in ALIASES}
    found = {name: column for name, column in names.items() if column is not None}
    spots = pd.DataFrame({name: table[column] for name, column in found.items()})
    for name in {"x", "y", "z", "qv"} & set(spots):
        spots[name] = _numbers(spots[name], found[name], file)
    spots["gene"] = spots["gene"].astype(str)
    spots.attrs["micron"] = {found["x"].lower(), found["y"].lower()} <= set(MICRON_COLUMNS)
    return spots


def quality(spots: pd.DataFrame, *, min_qv: float = 20.0) -> np.ndarray:
    """Return per spot `gene`, `control` or `low`: one filter for every table and matrix.

    Parameters
    ----------
    spots : DataFrame
        `gene`, and `qv` where the instrument gives a quality.
    min_qv : float
        Spots of genes below it are `low`.

    Examples
    --------
    >>> quality(pd.DataFrame({"gene": ["NEGR1", "BLANK_1", "ACTA2"], "qv": [40, 38, 12]})).tolist()
    ['gene', 'control', 'low']
    """
    names, codes = np.unique(spots["gene"].to_numpy(str), return_inverse=True)
    is_control = np.array([bool(CONTROLS.fullmatch(name)) for name in names], bool)[codes]
    low = spots["qv"].to_numpy(np.float64) < min_qv if "qv" in spots else np.zeros(len(spots), bool)
    return np.where(is_control, "control", np.where(low, "low", "gene"))


def cell_keys(spots: pd.DataFrame) -> pd.Series:
    """Return one key per cell of a vendor's table.

    Parameters
    ----------
    spots : DataFrame
        `cell`, and `fov` where ids are unique per field of view only.

    Returns
    -------
    Series of str
        Empty for a spot that is in no cell, however the file spells it (UNASSIGNED, −1, 0,
        4294967295, …).
    """
    names = spots["cell"].astype(str).str.strip().str.replace(r"\.0$", "", regex=True)
    unassigned = names.str.lower().isin(UNASSIGNED)
    keys = spots["fov"].astype(str) + ":" + names if "fov" in spots else names
    return keys.where(~unassigned, "")


def _find(
    table: pd.DataFrame, name: str, columns: Mapping[str, str], path: str | os.PathLike
) -> str | None:
    """Return the column that stands for a name; None if there is none and none is needed."""
    if name in columns:
        if columns[name] not in table:
            raise InputError(
                f"no column {columns[name]!r}; found {listed(table.columns, limit=12)}", file=path
            )
        return columns[name]
    lower = {str(column).lower(): column for column in table.columns}
    found = [lower[alias] for alias in ALIASES[name] if alias in lower]
    if not found and name in ("x", "y", "gene"):
        raise InputError(
            f"no column for {name} ({listed(ALIASES[name])}); found "
            f"{listed(table.columns, limit=12)}",
            file=path,
            fix="name the columns x, y and gene",
        )
    return _global_first(found, name) if found else None


def _global_first(found: list[str], name: str) -> str:
    """Prefer coordinates of the slide to those of one field of view where a file has both."""
    whole = [column for column in found if "global" in str(column).lower()]
    return (whole or found)[0]


def _numbers(values: pd.Series, column: str, path: str | os.PathLike) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce").astype(np.float64)
    bad = ~np.isfinite(numbers.to_numpy())
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(
            f"{column} {values.iloc[first]!r} is no number ({int(bad.sum())} such rows)",
            file=path,
            row=first + tables.HEADER,
        )
    return numbers
