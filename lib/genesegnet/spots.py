"""Transcripts: whose columns, whose units, which of them count, and on which pixel each lies.

A table of spots has the columns `x`, `y` (pixels, x along columns), `gene`, and `cell`, `z`, `qv` where the file has
them. Whole numbers in `x` and `y` are corners of pixels unless the origin is said to be their centre.
"""

import os
import re
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed

Origin = Literal["corner", "centre"]

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
SNAP = 1e-4  # pixels: coordinates stored as 32-bit numbers fall this much short of an edge

REACHED = 0.5  # share of one of the image's sides that spots must reach
INSIDE = 0.25  # share of the spots that must lie inside
N_JUDGED = 20  # spots below which their extent says nothing


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
        One row per spot in the file's order; `x` and `y` float64 in the file's unit; `attrs["micron"]` says whether
        the column names are those of instruments that write µm.

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


def to_pixels(
    spots: pd.DataFrame, *, pixel_size: float | None = None, transform: np.ndarray | None = None
) -> pd.DataFrame:
    """Return the spots with `x` and `y` in pixels.

    Parameters
    ----------
    spots : DataFrame
    pixel_size : float, optional
        µm per pixel; coordinates are divided by it.
    transform : (3, 3), optional
        µm → pixels, applied to (x, y, 1), as MERSCOPE gives it. Without either, coordinates stay.

    Raises
    ------
    InputError
        If the columns are in µm and neither is given.
    """
    x, y = spots["x"].to_numpy(np.float64), spots["y"].to_numpy(np.float64)
    if transform is not None:
        x, y, _ = np.asarray(transform, np.float64) @ np.stack([x, y, np.ones_like(x)])
    elif pixel_size is not None:
        if not 0.005 < pixel_size < 50:
            raise InputError(
                f"a pixel size of {pixel_size} µm", fix="give µm per pixel, such as 0.2125"
            )
        x, y = (_snap(v / pixel_size, _slack(v) / pixel_size) for v in (x, y))
    elif spots.attrs.get("micron"):
        raise InputError(
            "the coordinates' columns are those of instruments that write µm",
            fix="give the pixel size in µm, or the transform to pixels; 1 if they are pixels",
        )
    moved = spots.assign(x=x, y=y)
    moved.attrs = {**spots.attrs, "micron": False}
    return moved


def pixels(
    spots: pd.DataFrame, shape: tuple[int, int], *, origin: Origin = "corner"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pixel of every spot and whether it lies inside the image.

    Coordinates are rounded down, after those within 1e-4 pixels of an edge were put on it; nothing wraps around and
    nothing below 0 is taken for 0.

    Parameters
    ----------
    spots : DataFrame
        `x` and `y` in pixels.
    shape : (int, int)
    origin : `corner` or `centre`
        What (0, 0) is: the corner of the first pixel, or its centre.

    Returns
    -------
    rows, columns : (n,) int64
    inside : (n,) bool

    Examples
    --------
    >>> pixels(pd.DataFrame({"x": [1.6, -0.4], "y": [0.0, 0.2]}), (1, 4), origin="centre")[1]
    array([2, 0])
    """
    shift = {"corner": 0.0, "centre": 0.5}[origin]
    columns, rows = (_floor(spots[name].to_numpy(np.float64) + shift) for name in ("x", "y"))
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows, columns, inside


def first_pixel(start: float) -> int:
    """Return the first row or column of a crop that starts at a coordinate: pixel i is in if i + 0.5 is.

    Examples
    --------
    >>> first_pixel(2.3)
    2
    """
    return int(np.ceil(start - 0.5))


def check_extent(
    spots: pd.DataFrame, shape: tuple[int, int], *, file: str | os.PathLike | None = None
) -> None:
    """Stop if spots and image cannot belong together: µm taken for pixels, or the other way round.

    Raises
    ------
    InputError
        If under a quarter of the spots lie inside the image, or if they do not reach half of
        either side. Both extents are named. Few spots are let through.
    """
    if len(spots) < N_JUDGED:
        return
    inside = pixels(spots, shape)[2].mean()
    reached = max(spots["x"].max() / shape[1], spots["y"].max() / shape[0])
    if inside >= INSIDE and reached >= REACHED:
        return
    x, y = ((spots[name].min(), spots[name].max()) for name in ("x", "y"))
    raise InputError(
        f"spots from x {x[0]:.6g} to {x[1]:.6g} and y {y[0]:.6g} to {y[1]:.6g} for an image of {shape[1]} × {shape[0]} "
        f"pixels (columns × rows): {inside:.0%} of {len(spots)} spots lie inside",
        file=file,
        fix="give the pixel size if the spots are in µm; look for another image's spots, or for x and y in exchange",
    )


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
    """Return one key per cell of a vendor's table, empty for a spot that is in none.

    Ids that are unique per field of view only are joined with it. Every spelling of "no cell" (UNASSIGNED, −1, 0,
    4294967295, …) is empty.
    """
    names = spots["cell"].astype(str).str.strip().str.replace(r"\.0$", "", regex=True)
    unassigned = names.str.lower().isin(UNASSIGNED)
    keys = spots["fov"].astype(str) + ":" + names if "fov" in spots else names
    return keys.where(~unassigned, "")


def orientations(spots: pd.DataFrame, foreground: np.ndarray) -> pd.DataFrame:
    """Score the eight ways that spots may lie on an image by the share that falls on foreground.

    Nothing is ever turned by itself: the table is for a warning, and for the person to decide.

    Parameters
    ----------
    spots : DataFrame
        `x` and `y` in pixels.
    foreground : (rows, columns) bool

    Returns
    -------
    DataFrame
        `transpose`, `flip_x`, `flip_y`, `share` of spots inside on foreground; the first row is how they lie now.
    """
    rows = []
    for transpose in (False, True):
        x, y = (spots["y"], spots["x"]) if transpose else (spots["x"], spots["y"])
        for flip_x, flip_y in ((False, False), (True, False), (False, True), (True, True)):
            turned = pd.DataFrame(
                {
                    "x": foreground.shape[1] - x if flip_x else x,
                    "y": foreground.shape[0] - y if flip_y else y,
                }
            )
            row, column, inside = pixels(turned, foreground.shape)
            share = foreground[row[inside], column[inside]].sum() / max(len(spots), 1)
            rows.append((transpose, flip_x, flip_y, float(share)))
    return pd.DataFrame(rows, columns=["transpose", "flip_x", "flip_y", "share"])


def orientation_warning(spots: pd.DataFrame, foreground: np.ndarray, *, margin: float = 0.1) -> str:
    """Return a sentence if another orientation puts clearly more spots on foreground; else nothing."""
    table = orientations(spots, foreground)
    best = table.loc[table["share"].idxmax()]
    if best["share"] <= table["share"].iloc[0] + margin:
        return ""
    turns = [name for name in ("transpose", "flip_x", "flip_y") if best[name]]
    return (
        f"{table['share'].iloc[0]:.0%} of the spots lie on foreground, but {best['share']:.0%} would after "
        f"{listed(turns)}: look at image and spots together before going on"
    )


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
            f"no column for {name} ({listed(ALIASES[name])}); found {listed(table.columns, limit=12)}",
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


def _floor(values: np.ndarray) -> np.ndarray:
    return np.floor(_snap(values, SNAP)).astype(np.int64)


def _snap(values: np.ndarray, slack: float | np.ndarray) -> np.ndarray:
    """Put values on the edge of a pixel that they miss by less than a 32-bit number can tell."""
    nearest = np.rint(values)
    return np.where(np.abs(values - nearest) < np.maximum(slack, SNAP), nearest, values)


def _slack(values: np.ndarray) -> np.ndarray:
    """Return the error of values that were stored in 32 bits; 0 for those that need more."""
    short = values.astype(np.float32)
    return np.spacing(np.abs(short)).astype(np.float64) * np.array_equal(short, values)
