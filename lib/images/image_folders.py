"""Images that somebody else took: found in a folder, checked, and cut into nuclei in memory.

Conditions are the subfolders of the folder, or a table says which image shows which condition. All
images are checked before any work starts, and all faults are told at once.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed
from lib.images import extraction
from lib.run import store

SUFFIXES = (".tif", ".tiff")
COLUMNS = ("condition", "image", "image_path", "mask_path")
SAME_PIXEL = 0.02  # relative difference of pixel sizes that is taken for none
PLAUSIBLE = (0.01, 20.0)  # µm per pixel; tags of 72 dots per inch mean nothing
MICROMETRES = {2: 25_400.0, 3: 10_000.0}  # TIFF's unit of resolution: inch, centimetre

NAMED = pa.Check(lambda names: names.str.strip() != "", error="is empty")
TABLE = pa.DataFrameSchema(
    {
        "image": pa.Column(
            str,
            [
                NAMED,
                pa.Check(
                    lambda name: ~name.str.contains(r"(?:^[/\\]|\.\.)"),
                    error="is not a path below the folder",
                ),
            ],
            unique=True,
        ),
        "condition": pa.Column(
            str, pa.Check(lambda name: name.str.strip() != "", error="is empty")
        ),
    },
    strict="filter",
)
"""Table of images: path below the folder, and condition."""


def find(
    folder: str | os.PathLike, *, masks: str | os.PathLike = "", table: str | os.PathLike = ""
) -> pd.DataFrame:
    """List the images of a folder with their conditions and masks.

    Parameters
    ----------
    folder : path
        `<condition>/<image>.tif`; images right in the folder are one condition, called as the
        folder is.
    masks : path, optional
        Folder with a label image of the same name for every image; empty = no masks.
    table : path, optional
        CSV with `image` (path below the folder) and `condition`, instead of subfolders.

    Returns
    -------
    DataFrame
        One row per image, by condition and name: `condition`, `image`, `image_path`, `mask_path`
        (None without masks).

    Raises
    ------
    InputError
        If there is no image, an image or mask is missing, the table is malformed, or images lie
        both in the folder and in subfolders.
    """
    folder = store.resolve(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", fix="give the folder that holds the images")
    found = _listed_in(table, folder) if table else _below(folder)
    found = found.sort_values(["condition", "image"], ignore_index=True)
    found["image_path"] = [folder / name for name in found["image"]]
    root = store.resolve(masks) if masks else None
    found["mask_path"] = [root and root / name for name in found["image"]]
    _refuse_missing(found)
    return found


def _listed_in(table: str | os.PathLike, folder: Path) -> pd.DataFrame:
    return tables.read(table, TABLE)[["condition", "image"]]


def _below(folder: Path) -> pd.DataFrame:
    paths = [path for path in folder.rglob("[!.]*") if path.suffix.lower() in SUFFIXES]
    below = [path.relative_to(folder) for path in sorted(paths)]
    if not below:
        raise InputError(
            f"{folder}: no image ({', '.join(SUFFIXES)})",
            fix="put one folder per condition there, or say where the images are",
        )
    loose = [path for path in below if len(path.parts) == 1]
    if loose and len(loose) < len(below):
        raise InputError(
            f"{folder}: {len(loose)} images lie in the folder itself ({loose[0]}) and "
            f"{len(below) - len(loose)} in its subfolders",
            fix="put every image in the subfolder of its condition, or give a table",
        )
    conditions = [folder.name if loose else path.parts[0] for path in below]
    return pd.DataFrame({"condition": conditions, "image": [path.as_posix() for path in below]})


def _refuse_missing(found: pd.DataFrame) -> None:
    for kind in ("image", "mask"):
        paths = [path for path in found[f"{kind}_path"] if path is not None]
        if absent := [path for path in paths if not path.is_file()]:
            raise InputError(
                f"{len(absent)} of {len(paths)} {kind}s are not there: {listed(absent, limit=3)}",
                fix="correct the names; without masks, nuclei are segmented here",
            )


def cut(
    found: pd.DataFrame,
    settings: extraction.Settings,
    *,
    field_size: Sequence[int] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, np.ndarray]]:
    """Cut the nuclei of images, in memory, and refuse what cannot be used: all faults at once.

    Parameters
    ----------
    found : DataFrame
        From `find`.
    settings : Settings
        Sizes and limits that the network was trained with.
    field_size : (rows, columns), optional
        Size that every image must have, in pixels.

    Returns
    -------
    nuclei : DataFrame
        One row per nucleus: `condition`, `image`, then geometry as `lib.images.nuclei.measure`.
    report : DataFrame
        One row per image: `condition`, `image`, `n_objects`, `lost_<rule>`, `n_nuclei`, `problem`.
    arrays : dict of str to array
        `nuclei` (n, size, size) and `regions` (n, region_size, region_size) uint8.

    Raises
    ------
    InputError
        For images that cannot be read or have another size, or a condition without any nucleus.
    """
    parts, reports, faults = [], [], []
    for row in found.to_dict("records"):
        try:
            report, part = _cut_one(row, settings, field_size)
        except InputError as error:
            faults.append(str(error))
            continue
        reports.append(report)
        parts += [part] if part else []
    if faults:
        more = f"; and {len(faults) - 3} more images" if len(faults) > 3 else ""
        raise InputError("; ".join(faults[:3]) + more)
    every = pd.DataFrame(reports)
    _refuse_empty(every)
    nuclei = pd.concat([part[0] for part in parts], ignore_index=True)
    names = ("nuclei", "regions")
    arrays = {name: np.concatenate([part[1][name] for part in parts]) for name in names}
    return nuclei, every, arrays


def _cut_one(row: dict, settings: extraction.Settings, field_size: Sequence[int] | None):
    """Return the report of an image and, unless it has no nucleus, their table and arrays."""
    path, mask = row["image_path"], row["mask_path"]
    if field_size is not None:
        _refuse_size(path, field_size)
    about = {"plate": "", "well": "", "gene_symbol": row["condition"], "field": path.name}
    folder = mask.parent if mask is not None else None
    report, found = extraction.extract_field(about, path.parent, folder, settings)
    where = {"condition": row["condition"], "image": row["image"]}
    dropped = ("plate", "well", "gene_symbol", "slide_image_name")
    report = where | {name: value for name, value in report.items() if name not in dropped}
    if found is None or not len(found[1]["nuclei"]):
        return report, None
    table, arrays = found
    stored = table[table["row"] >= 0].reset_index(drop=True)
    return report, (stored.assign(**where), arrays)


def _refuse_size(path: Path, field_size: Sequence[int]) -> None:
    from lib.images.fields import read_plane

    shape = read_plane(path, "field").shape
    if tuple(shape) != tuple(field_size):
        raise InputError(
            f"{path}: the field is {shape[0]} × {shape[1]} pixels, the encoder was trained on "
            f"{field_size[0]} × {field_size[1]}",
            fix="give images of that size, or allow any size if the pixels are as large",
        )


def _refuse_empty(report: pd.DataFrame) -> None:
    counts = report.groupby("condition")["n_nuclei"].sum()
    if (counts == 0).any():
        empty = report[report["condition"] == counts.index[counts == 0][0]]
        raise InputError(
            f"the condition {empty['condition'].iloc[0]} has no nucleus within the limits: "
            f"{len(empty)} images, {int(empty['n_objects'].sum())} objects in their masks",
            fix="check its images and masks, or leave the condition out",
        )


def check_pixel_size(found: pd.DataFrame, expected: float, *, given: float = 0.0) -> None:
    """Refuse images whose pixels are not as large as those that the network was trained on.

    Parameters
    ----------
    found : DataFrame
        From `find`.
    expected : float
        Side of a pixel in µm in training.
    given : float
        What the user says, in µm; 0 = what the files say.

    Raises
    ------
    InputError
        If a size differs by more than 2 %, or neither the user nor a file says it.
    """
    for path in found["image_path"]:
        size = given or pixel_size(path)
        if size is None:
            raise InputError(
                f"{path.name} does not say how large its pixels are; the encoder was trained on "
                f"{expected:g} µm",
                fix="give the size in µm as pixel_size",
            )
        if abs(size / expected - 1) > SAME_PIXEL:
            raise InputError(
                f"{path.name} has pixels of {size:.4g} µm, the encoder was trained on "
                f"{expected:g} µm",
                fix=f"scale the images by {size / expected:.4g} first",
            )


def pixel_size(path: Path) -> float | None:
    """Return the side of a pixel that a TIFF states: OME-XML, ImageJ's or the plain tags.

    Parameters
    ----------
    path : Path

    Returns
    -------
    float or None
        In µm; None if the file does not say it, or says what no microscope has.

    Raises
    ------
    InputError
        If the file is no TIFF.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            stated = _ome_size(file.ome_metadata) or _tag_size(file)
    except (tifffile.TiffFileError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a whole TIFF ({error}); copy it again") from None
    return stated if stated and PLAUSIBLE[0] <= stated <= PLAUSIBLE[1] else None


def _ome_size(xml: str | None) -> float | None:
    import re

    if not xml:
        return None
    size = re.search(r'PhysicalSizeX="([0-9.eE+-]+)"', xml)
    unit = re.search(r'PhysicalSizeXUnit="([^"]+)"', xml)
    factor = {"nm": 1e-3, "mm": 1e3}.get(unit[1] if unit else "µm", 1.0)  # OME's default is µm
    return float(size[1]) * factor if size else None


def _tag_size(file) -> float | None:
    tags = file.pages[0].tags
    if "XResolution" not in tags:
        return None
    pixels, per = tags["XResolution"].value
    unit = (file.imagej_metadata or {}).get("unit", "")
    if unit in ("micron", "um", "µm", "\\u00B5m"):
        return per / pixels if pixels else None
    code = int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 1
    return MICROMETRES[code] * per / pixels if code in MICROMETRES and pixels else None
