"""Stain and label images on disk: TIFF, PNG or JPEG, 8 or 16 bits."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np

from lib.data.errors import InputError
from lib.genesegnet import labels as label_images
from lib.run import store

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
LOSSY = (".jpg", ".jpeg")


def read_stain(path: str | os.PathLike, *, n_channels: int = 1) -> np.ndarray:
    """Read a stain image as it is stored.

    Parameters
    ----------
    path : path
    n_channels : int
        1 for a grey image; 3 for a colour image, of which any fourth channel is dropped.

    Returns
    -------
    (rows, columns) or (rows, columns, 3) uint8 or uint16

    Raises
    ------
    InputError
        For a file that is missing, broken, of another type or of another number of channels.
    """
    image = _read(Path(store.resolve(path)))
    if image.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"an image of type {image.dtype}, expected 8 or 16 bits",
            file=path,
            fix="save it as 16-bit grey",
        )
    if n_channels == 1 and image.ndim == 3 and (image[..., :3] == image[..., :1]).all():
        image = image[..., 0]  # grey stored as colour, as JPEG writers like to do
    if n_channels == 1 and image.ndim != 2:
        raise InputError(
            f"an image of shape {image.shape}, expected one grey channel",
            file=path,
            fix="save the stain as grey, or set chan to 4 for a colour image",
        )
    if n_channels == 3 and (image.ndim != 3 or image.shape[-1] < 3):
        raise InputError(f"an image of shape {image.shape}, expected colour", file=path)
    return image[..., :3] if n_channels == 3 else image


def read_labels(
    path: str | os.PathLike, *, shape: tuple[int, int] | None = None, split: bool = False
) -> np.ndarray:
    """Read a label image: TIFF, PNG, MATLAB (`CellMap`) or sparse `.npz` (row, col, data, shape).

    Parameters and errors are those of `labels.check`; a JPEG is refused, as it changes ids.
    """
    path = Path(store.resolve(path))
    if path.suffix.lower() in LOSSY:
        raise InputError("labels in a JPEG, which changes ids", file=path, fix="save PNG or TIFF")
    readers = {".mat": _read_mat, ".npz": _read_sparse}
    values = readers.get(path.suffix.lower(), _read)(path)
    return label_images.check(values, file=path, shape=shape, split=split)


def write_labels(path: str | os.PathLike, labels: np.ndarray) -> Path:
    """Write labels as 16-bit PNG, or as 32-bit TIFF where an id needs it; return the path that was
    written.
    """
    path = Path(store.resolve(path))
    kind = label_images.smallest_type(int(labels.max(initial=0)))
    if kind is np.uint32:
        path = path.with_suffix(".tif")
    return write_image(path, labels.astype(kind))


def write_image(
    path: str | os.PathLike, image: np.ndarray, *, pixel_size: float | None = None
) -> Path:
    """Write an image as PNG, JPEG or TIFF.

    Parameters
    ----------
    path : path
        Its suffix says the format; `.ome.tif` is OME-TIFF, and so is `.tif` with a pixel size.
    image : (rows, columns[, 3]) uint8, uint16 or uint32
    pixel_size : float, optional
        µm per pixel.

    Returns
    -------
    Path
        Absolute. The same image gives the same bytes.
    """
    import tifffile
    from PIL import Image

    path = Path(store.resolve(path))
    with store.atomic(path) as part:
        if path.suffix.lower() in (".tif", ".tiff"):
            ome = bool(pixel_size) or path.name.lower().endswith((".ome.tif", ".ome.tiff"))
            about = _ome(image, pixel_size) if ome else None
            tifffile.imwrite(part, image, compression="zlib", ome=ome, metadata=about)
        else:
            Image.fromarray(image).save(part)
    return path


def _ome(image: np.ndarray, pixel_size: float | None) -> dict[str, Any]:
    """Return what OME-TIFF says of an image; its id is made of the pixels and not by chance."""
    size = {f"PhysicalSize{axis}": pixel_size for axis in "XY"} if pixel_size else {}
    axes = "YX" if image.ndim == 2 else "YXS"
    return {
        "axes": axes,
        "UUID": str(uuid5(NAMESPACE_OID, sha256(image.tobytes()).hexdigest())),
        **size,
    }


def _read(path: Path) -> np.ndarray:
    """Read one page of pixels, or name the file that cannot be read."""
    import tifffile
    from PIL import Image

    if not path.exists():
        raise InputError("there is no such file", file=path, fix="check the path")
    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            values = tifffile.imread(path)
        else:
            with Image.open(path, formats=["PNG", "JPEG"]) as image:
                values = np.array(image)
    except Exception as error:  # a broken file makes the readers fail in many ways
        reason = " ".join(str(error).split())[:100]
        raise InputError(
            f"no whole image ({reason})", file=path, fix="copy or convert it again"
        ) from None
    values = (
        values.astype(np.uint16) if values.dtype == np.int32 and path.suffix == ".png" else values
    )
    values = values.reshape([side for side in values.shape if side != 1] or [1, 1])
    if values.ndim < 2 or values.ndim > 3 or (values.ndim == 3 and values.shape[-1] not in (3, 4)):
        raise InputError(
            f"an image of shape {values.shape}, expected (rows, columns)",
            file=path,
            fix="project or split the stack",
        )
    return values


def _read_mat(path: Path) -> np.ndarray:
    from scipy.io import loadmat

    try:
        return loadmat(path)["CellMap"]
    except KeyError:
        raise InputError("no variable CellMap", file=path) from None
    except (ValueError, OSError, NotImplementedError) as error:
        raise InputError(f"no MATLAB 5 file ({error})", file=path) from None


def _read_sparse(path: Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as file:
            labels = np.zeros(file["shape"], file["data"].dtype)
            labels[file["row"], file["col"]] = file["data"]
    except (KeyError, ValueError, OSError, IndexError) as error:
        raise InputError(
            f"no sparse label image ({error})", file=path, fix="expected row, col, data and shape"
        ) from None
    return labels
