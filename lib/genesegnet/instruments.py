"""Folders of instruments and of other tools: MERSCOPE, pciSeq, and where each writes its pixel
size.
"""

import json
import os
import re
from pathlib import Path

import numpy as np

from lib.data.errors import InputError, listed
from lib.genesegnet import coordinates, pictures, polygons, samples
from lib.genesegnet import spots as spot_tables
from lib.genesegnet.samples import Reading, Sample
from lib.run import store

TRANSFORM = "micron_to_mosaic_pixel_transform.csv"
OUTLINES = "cell*.parquet"  # of MERSCOPE's cells, in µm


def known_pixel_size(raw: str | os.PathLike) -> float:
    """Return the pixel size that the first image of a raw folder carries.

    Parameters
    ----------
    raw : path

    Returns
    -------
    float
        µm per pixel; 0 if the image does not tell.
    """
    image = next(iter(samples.find(raw, labelled=False).values()))["images"]
    try:
        return pixel_size(image) if image.suffix.lower() in (".tif", ".tiff") else 0.0
    except InputError:
        return 0.0


def read_merscope(
    folder: str | os.PathLike, *, stain: str = "DAPI", z: int = 3, min_qv: float = 20.0
) -> Sample:
    """Read a MERSCOPE region: a mosaic, transcripts in µm, and the transform between them.

    Parameters
    ----------
    folder : path
        With `mosaic_<stain>_z<z>.tif`, `detected_transcripts.csv`, the transform and, for labels,
        a file of outlines such as `cell_boundaries.parquet`.
    stain : str
        Name of the mosaic's stain.
    z : int
        Its plane.
    min_qv : float
        Quality below which a transcript is left out.

    Returns
    -------
    Sample
        Named as the folder. Of several files of outlines the first by name is taken.

    Raises
    ------
    InputError
        For a missing file, naming the mosaics that are there, and what the readers refuse.
    """
    folder = Path(store.resolve(folder))
    image = folder / f"mosaic_{stain}_z{z}.tif"
    if not image.exists():
        there = sorted(path.name for path in folder.glob("mosaic_*.tif"))
        raise InputError(f"no mosaic of {stain} at z {z}; found {listed(there)}", file=image)
    transform = read_transform(folder / TRANSFORM)
    pixels = pictures.read_stain(image)
    found = coordinates.to_pixels(
        spot_tables.read(folder / "detected_transcripts.csv"), transform=transform
    )
    coordinates.check_extent(found, pixels.shape, file=folder / "detected_transcripts.csv")
    labels = None
    if files := sorted(folder.glob(OUTLINES)):
        outlines = polygons.transform(polygons.read_merscope(files[0]), transform)
        labels = polygons.to_labels(outlines, pixels.shape)
    return samples.assemble(folder.name, pixels, labels, found, Reading(min_qv=min_qv))


def read_transform(path: str | os.PathLike) -> np.ndarray:
    """Read the transform from µm to pixels of a mosaic; a file that repeats it is taken once.

    Parameters
    ----------
    path : path

    Returns
    -------
    (3, 3) float

    Raises
    ------
    InputError
        If it is not such a matrix, or repeats differ.
    """
    path = Path(store.resolve(path))
    try:
        rows = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(f"no transform ({error})", file=path) from None
    if rows.shape[1] != 3 or len(rows) % 3 or len(rows) == 0:
        raise InputError(f"a table of {rows.shape}, expected 3 rows of 3 numbers", file=path)
    # some exports repeat the matrix per plane
    matrix = rows[:3]
    if not (rows.reshape(-1, 3, 3) == matrix).all():
        raise InputError(
            "several transforms that differ", file=path, fix="keep that of your region"
        )
    if not np.array_equal(matrix[2], [0, 0, 1]) or np.linalg.det(matrix) <= 0:
        raise InputError(f"not a map from µm to pixels: last row {matrix[2]}", file=path)
    return matrix


def pixel_size(path: str | os.PathLike) -> float:
    """Return µm per pixel from what the instrument wrote; sizes differ between generations of one
    instrument.

    Known are CosMx (`ImPixel_nm` in a CSV or text file), Xenium (`pixel_size` in
    `experiment.xenium`), MERSCOPE (the transform) and OME-TIFF (`PhysicalSizeX`).

    Raises
    ------
    InputError
        If the file does not tell.
    """
    path = Path(store.resolve(path))
    if path.suffix.lower() in (".tif", ".tiff"):
        return _from_ome(path)
    if path.name == TRANSFORM:
        return float(1 / np.sqrt(np.linalg.det(read_transform(path)[:2, :2])))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"not readable ({type(error).__name__})", file=path) from None
    size = _from_json(text) or _from_nanometres(text)
    if not size:
        raise InputError(
            "no pixel size in it", file=path, fix="give the pixel size in µm as a parameter"
        )
    return size


def _from_json(text: str) -> float | None:
    try:
        return float(json.loads(text)["pixel_size"])
    except (ValueError, KeyError, TypeError):
        return None


def _from_nanometres(text: str) -> float | None:
    """Return the value beside or below `ImPixel_nm`."""
    beside = re.search(r"ImPixel_nm\"?\s*[:=,]\s*([0-9.]+)", text)
    if beside:
        return float(beside.group(1)) / 1000
    lines = [line.split(",") for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and "ImPixel_nm" in lines[0]:
        return float(lines[1][lines[0].index("ImPixel_nm")]) / 1000
    return None


def _from_ome(path: Path) -> float:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            text = file.ome_metadata or ""
    except (OSError, ValueError) as error:
        raise InputError(f"no whole TIFF ({type(error).__name__})", file=path) from None
    size = re.search(r'PhysicalSizeX="([0-9.eE+-]+)"', text)
    unit = re.search(r'PhysicalSizeXUnit="([^"]+)"', text)
    if not size:
        raise InputError(
            "an image without PhysicalSizeX", file=path, fix="give the pixel size in µm"
        )
    factor = {"nm": 1e-3, "mm": 1e3}.get(unit.group(1) if unit else "µm", 1.0)
    return float(size.group(1)) * factor
