"""Where spots lie: µm to pixels, pixels to rows and columns, and whether spots and image belong
together.
"""

import os
from typing import Literal

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed

Origin = Literal["corner", "centre"]

SNAP = 1e-4  # pixels: coordinates stored as 32-bit numbers fall this much short of an edge

REACHED = 0.5  # share of one of the image's sides that spots must reach
INSIDE = 0.25  # share of the spots that must lie inside
N_JUDGED = 20  # spots below which their extent says nothing


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

    Coordinates are rounded down, after those within 1e-4 pixels of an edge were put on it; nothing
    wraps around and nothing below 0 is taken for 0.

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
    # checked after rounding down: −0.4 is outside and not row 0
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows, columns, inside


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
        f"spots from x {x[0]:.6g} to {x[1]:.6g} and y {y[0]:.6g} to {y[1]:.6g} for an image of "
        f"{shape[1]} × {shape[0]} pixels (columns × rows): {inside:.0%} of {len(spots)} spots lie "
        "inside",
        file=file,
        fix="give the pixel size if the spots are in µm; else look for another image's spots, "
        "or for x and y in exchange",
    )


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
        `transpose`, `flip_x`, `flip_y`, `share` of spots inside on foreground; the first row is how
        they lie now.
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
    """Tell in words if another orientation puts clearly more spots on foreground.

    Parameters
    ----------
    spots : DataFrame
        `x` and `y` in pixels.
    foreground : (rows, columns) bool
    margin : float
        Share of the spots by which another orientation must be better.

    Returns
    -------
    str
        Empty if none is.
    """
    table = orientations(spots, foreground)
    best = table.loc[table["share"].idxmax()]
    if best["share"] <= table["share"].iloc[0] + margin:
        return ""
    turns = [name for name in ("transpose", "flip_x", "flip_y") if best[name]]
    return (
        f"{table['share'].iloc[0]:.0%} of the spots lie on foreground, but {best['share']:.0%} "
        f"would after {listed(turns)}: look at image and spots together before going on"
    )


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
