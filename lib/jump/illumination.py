"""Divide images by the illumination function of their plate.

The quotient is a float, clipped to 16 bits and rounded. The paper truncates: a pixel loses up to
one count, and a quotient above 65,535 starts again from 0 (`rounding="paper"`).
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.images import fields as fields_of_view
from lib.run import compute, store

Rounding = Literal["nearest", "paper"]
TOP = np.iinfo(np.uint16).max


def correct(
    image: np.ndarray, function: np.ndarray, *, rounding: Rounding = "nearest"
) -> np.ndarray:
    """Return an image divided by its illumination function.

    Parameters
    ----------
    image : (rows, columns) uint8 or uint16
    function : (rows, columns) array
        Positive; 1 at its least by the usual convention.
    rounding : str
        `nearest` clips and rounds; `paper` truncates and lets large values wrap around.

    Returns
    -------
    (rows, columns) uint16

    Raises
    ------
    InputError
        For another shape, or a function that is not finite and positive.

    References
    ----------
    Image2Reg, `notebooks/jump/eda/data_extraction.ipynb`: `uint16(raw / function)`.

    Examples
    --------
    >>> one = np.full((1, 1), 1.5)
    >>> image = np.array([[100]], np.uint16)
    >>> correct(image, one).item(), correct(image, one, rounding="paper").item()
    (67, 66)
    """
    image, function = np.asarray(image), np.asarray(function, float)
    if image.shape != function.shape:
        raise InputError(
            f"the image has {image.shape} pixels, its illumination function {function.shape}; take "
            "the function of its own plate"
        )
    if not (np.isfinite(function) & (function > 0)).all():
        raise InputError("the illumination function is not positive everywhere; fetch it anew")
    quotient = image / function
    if rounding == "paper":
        # through 64 bits: the cast of a float that is too large has no defined result
        return (quotient.astype(np.int64) & TOP).astype(np.uint16)
    if rounding != "nearest":
        raise InputError(f"rounding {rounding!r} is unknown; choose nearest or paper")
    return np.rint(np.clip(quotient, 0, TOP)).astype(np.uint16)


def read_function(path: str | os.PathLike) -> np.ndarray:
    """Read an illumination function.

    Parameters
    ----------
    path : path
        `.npy` of numbers in two dimensions.

    Returns
    -------
    (rows, columns) float array

    Raises
    ------
    InputError
        If the file is absent, no `.npy`, or no image.
    """
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"not readable as .npy ({error})", file=path, fix="fetch it anew"
        ) from None
    if found.ndim != 2 or found.dtype.kind not in "fiu":
        raise InputError(
            f"holds {found.dtype} of shape {found.shape}, no image of numbers", file=path
        )
    return found.astype(float)


def correct_plates(
    fields: str | os.PathLike,
    *,
    root: str | os.PathLike,
    images: str | os.PathLike,
    directory: str | os.PathLike,
    rounding: Rounding = "nearest",
    executor: str | None = None,
) -> pd.DataFrame:
    """Correct the images of all plates; a plate is a unit of work.

    Parameters
    ----------
    fields : path
        Parquet, from `lib.jump.load_data.fields`.
    root : path
        Of the local copy.
    images : path
        Folder of the corrected images: `<plate>/<field>`.
    directory : path
        Folder of the units' reports.
    rounding : str
        As in `correct`.
    executor : str, optional
        As in `compute.run_units`.

    Returns
    -------
    DataFrame
        One row per field: `plate`, `field`, `lowest`, `highest` (of the function), `n_clipped`.

    Raises
    ------
    UnitsFailed
        If an image or a function cannot be used.
    """
    fields, root, out = store.resolve(fields), store.resolve(root), store.resolve(images)
    table = pd.read_parquet(fields)
    units = {
        str(plate): {
            "fields": fields,
            "raw": _folder(root, rows["image"]),
            "light": _folder(root, rows["function"]),
            "images": os.fspath(images),
            "plate": str(plate),
            "rounding": rounding,
        }
        for plate, rows in table.groupby("plate", sort=True)
    }
    options: dict[str, Any] = {
        "directory": store.resolve(directory),
        "suffix": ".parquet",
        "seed": 0,
    }
    for plate, arguments in units.items():
        expected = set(table.loc[table["plate"] == plate, "field"])
        if expected != {path.name for path in (out / plate).glob("*.tif")}:
            # a unit is done only while its images are there
            compute.unit_path(correct_plate, plate, arguments, **options).unlink(missing_ok=True)
            shutil.rmtree(out / plate, ignore_errors=True)
    made = compute.run_units(correct_plate, units, executor=executor, **options)
    return pd.concat([pd.read_parquet(made[plate]) for plate in units], ignore_index=True)


def correct_plate(
    part: Path,
    *,
    seed: int,
    fields: Path,
    raw: Path,
    light: Path,
    images: str,
    plate: str,
    rounding: Rounding,
) -> None:
    """Write the corrected images of a plate, then the report on its functions.

    A unit of `lib.run.compute`.

    Parameters
    ----------
    part : Path
        Report to write, see `correct_plates`.
    seed : int
        Not used: nothing here is drawn.
    fields, images, rounding
        As in `correct_plates`.
    raw, light : Path
        Folders of the plate's images and functions.
    plate : str

    Raises
    ------
    InputError
        As `correct`, `read_function` and `lib.images.fields.read_field`.
    """
    table = pd.read_parquet(fields)
    table = table[table["plate"] == plate]
    folder = store.resolve(images) / plate
    folder.mkdir(parents=True, exist_ok=True)
    names = table["function"].map(os.path.basename)
    functions = {name: read_function(light / name) for name in names.unique()}
    rows = [
        _correct_field(row, functions[name], raw, folder, rounding)
        for row, name in zip(table.to_dict("records"), names, strict=True)
    ]
    pd.DataFrame(rows).to_parquet(part)


def _folder(root: Path, paths: pd.Series) -> Path:
    """Return the one folder of a plate's files."""
    folders = paths.map(os.path.dirname).unique()
    if len(folders) > 1:
        raise InputError(
            f"images of one plate lie in {len(folders)} folders, such as {folders[0]} and "
            f"{folders[1]}; keep one measurement of a plate"
        )
    if not (root / folders[0]).is_dir():
        raise InputError(f"there is no folder {folders[0]} below {root.name}; fetch the plate")
    return root / folders[0]


def _correct_field(
    row: Mapping[str, Any], function: np.ndarray, raw: Path, folder: Path, rounding: Rounding
) -> dict[str, Any]:
    import tifffile  # slow to import, and workers need it only here

    image = fields_of_view.read_field(raw / os.path.basename(row["image"])).image
    corrected = correct(image, function, rounding=rounding)
    options = {"photometric": "minisblack", "metadata": None, "software": False}
    tifffile.imwrite(folder / row["field"], corrected, **options)  # equal pixels, equal bytes
    return {
        "plate": row["plate"],
        "field": row["field"],
        "lowest": float(function.min()),
        "highest": float(function.max()),
        "n_clipped": int((image > function * TOP).sum()),
    }


def example(
    row: pd.Series, root: str | os.PathLike, images: str | os.PathLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read a field before and after the correction, and its function.

    Parameters
    ----------
    row : Series
        A row of `lib.jump.load_data.fields`.
    root, images : path
        As in `correct_plates`.

    Returns
    -------
    raw, function, corrected : (rows, columns) arrays
    """
    root, images = store.resolve(root), store.resolve(images)
    after = fields_of_view.read_field(images / row["plate"] / row["field"]).image
    before = fields_of_view.read_field(root / row["image"]).image
    return before, read_function(root / row["function"]), after
