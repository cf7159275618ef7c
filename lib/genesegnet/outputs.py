"""Cells for other programs: the published files, and those that viewers and packages read."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.genesegnet import pictures, samples
from lib.genesegnet.labels import smallest_type
from lib.run import store

SMALLEST = 64  # side in pixels below which a pyramid ends


def emptied(folder: str | os.PathLike) -> Path:
    """Empty a folder of results, so that no file of slides of another run stays beside them.

    Parameters
    ----------
    folder : path

    Returns
    -------
    Path
        Absolute.
    """
    folder = Path(store.resolve(folder))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_published(folder: str | os.PathLike, name: str, labels: np.ndarray) -> list[Path]:
    """Write the three published files of a slide's cells.

    Parameters
    ----------
    folder : path
    name : str
        Of the slide.
    labels : (rows, columns) int

    Returns
    -------
    list of Path
        `label_<name>.png` (16 bits; with more than 65,535 cells a 32-bit TIFF), `.mat` (variable
        `CellMap`) and the picture `label_plt_<name>.jpg`.
    """
    from scipy.io import savemat

    folder = Path(store.resolve(folder))
    paths = [pictures.write_labels(folder / f"label_{name}.png", labels)]
    kind = smallest_type(int(labels.max(initial=0)))
    with store.atomic(folder / f"label_{name}.mat") as part:
        savemat(part, {"CellMap": labels.astype(kind)}, do_compression=True)
    paths.append(folder / f"label_{name}.mat")
    paths.append(pictures.write_image(folder / f"label_plt_{name}.jpg", colours(labels)))
    return paths


def labels_path(folder: str | os.PathLike, name: str) -> Path:
    """Return where `write_published` put the labels of a slide: a PNG, or a TIFF.

    Parameters
    ----------
    folder : path
    name : str

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If there are none.
    """
    path = Path(store.resolve(folder)) / f"label_{name}.png"
    found = [place for place in (path, path.with_suffix(".tif")) if place.exists()]
    if not found:
        raise InputError(f"no labels of {name}", file=folder, fix="segment the slide first")
    return found[0]


def with_spots(
    folder: str | os.PathLike, names: Sequence[str], raw: str | os.PathLike
) -> dict[str, dict[str, Path]]:
    """Pair the labels found on slides with the slides' spots.

    Parameters
    ----------
    folder : path
        Of the published files.
    names : sequence of str
    raw : path
        Raw folder of the slides.

    Returns
    -------
    dict
        Name → `labels` and `spots`, as `samples.find` gives them.
    """
    spots = samples.find(raw, labelled=False)
    return {
        name: {"labels": labels_path(folder, name), "spots": spots[name]["spots"]} for name in names
    }


def read_confidence(folder: str | os.PathLike, name: str) -> np.ndarray:
    """Read how sure the network is of the cells of a slide.

    Parameters
    ----------
    folder : path
    name : str

    Returns
    -------
    (cells, 2) float
        Mean probability of being in a cell, and error of the flow, in the order of the ids.
    """
    table = pd.read_csv(Path(store.resolve(folder)) / f"{name}_confidence.csv")
    return table[["probability", "flow_error"]].to_numpy()


def write_ome(
    path: str | os.PathLike, labels: np.ndarray, *, pixel_size: float | None = None
) -> Path:
    """Write labels as OME-TIFF of 16 bits, or of 32 where an id needs it.

    Parameters
    ----------
    path : path
        Ends in `.ome.tif`.
    labels : (rows, columns) int
    pixel_size : float, optional
        µm per pixel.

    Returns
    -------
    Path
    """
    kind = smallest_type(int(labels.max(initial=0)))
    return pictures.write_image(path, labels.astype(kind), pixel_size=pixel_size)


def colours(labels: np.ndarray) -> np.ndarray:
    """Return a picture of labels, (rows, columns, 3) uint8: neighbours differ, else black."""
    from matplotlib import colormaps

    palette = (255 * colormaps["turbo"](np.linspace(0.05, 0.95, 251))[:, :3]).astype(np.uint8)
    shuffled = (labels.astype(np.int64) * 97) % len(palette)
    return np.where(labels[..., None] > 0, palette[shuffled], 0).astype(np.uint8)


def write_ngff(
    path: str | os.PathLike,
    stain: np.ndarray,
    labels: np.ndarray,
    *,
    pixel_size: float | None = None,
) -> Path:
    """Write stain and labels as OME-NGFF 0.4 with pyramids, readable in napari.

    Parameters
    ----------
    path : path
        Ends in `.zarr`; a folder that is there is replaced.
    stain : (rows, columns[, 3]) uint8 or uint16
    labels : (rows, columns) int
        Shrunk by taking every second pixel, so that no id is averaged.
    pixel_size : float, optional
        µm per pixel.

    Returns
    -------
    Path
        The folder.
    """
    import zarr

    path = Path(store.resolve(path))
    part = path.with_name(f".{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    root = zarr.create_group(part, zarr_format=2)
    _write_pyramid(root, stain, pixel_size)
    group = root.create_group("labels")
    group.attrs["labels"] = ["cells"]
    cells = group.create_group("cells")
    _write_pyramid(cells, labels.astype(smallest_type(int(labels.max(initial=0)))), pixel_size)
    cells.attrs["image-label"] = {"version": "0.4", "source": {"image": "../../"}}
    shutil.rmtree(path, ignore_errors=True)
    # whole or not at all: no reader meets half a pyramid
    part.rename(path)
    return path


def _write_pyramid(group: "object", image: np.ndarray, pixel_size: float | None) -> None:
    """Write an image and its halves, and say how large a pixel of each is."""
    datasets, step = [], 1
    while step == 1 or min(image.shape) // step >= SMALLEST:
        # taken and not averaged, for ids and for a stain alike
        level = image[::step, ::step]
        name = str(len(datasets))
        group.create_array(name, data=np.ascontiguousarray(level), chunks=(512, 512))
        scale = [step * (pixel_size or 1.0)] * 2
        datasets.append(
            {"path": name, "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        )
        step *= 2
    unit = {"unit": "micrometer"} if pixel_size else {}
    axes = [{"name": name, "type": "space", **unit} for name in ("y", "x")]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
