"""Cells for other programs: the published files, and those that viewers and packages read."""

import os
from pathlib import Path

import numpy as np

from lib.genesegnet import pictures
from lib.genesegnet.labels import smallest_type
from lib.run import store

SMALLEST = 64  # side in pixels below which a pyramid ends


def write_published(folder: str | os.PathLike, name: str, labels: np.ndarray) -> list[Path]:
    """Write `label_<name>.png` (16 bits), `.mat` (variable `CellMap`) and the picture
    `label_plt_<name>.jpg`.

    With more than 65,535 cells the first is a 32-bit TIFF.
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
    """Write stain and labels as OME-NGFF 0.4 with pyramids, readable in napari; return the folder.

    Labels are shrunk by taking every second pixel, so that no id is averaged.
    """
    import shutil

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
    part.rename(path)
    return path


def _write_pyramid(group: "object", image: np.ndarray, pixel_size: float | None) -> None:
    """Write an image and its halves, and say how large a pixel of each is."""
    datasets, step = [], 1
    while step == 1 or min(image.shape) // step >= SMALLEST:
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
