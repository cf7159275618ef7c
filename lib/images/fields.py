"""Read a field of view with its mask, scale it to 8 bits once, and cut the windows around its
nuclei."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lib.data.errors import InputError

Scaling = Literal["percentile_range", "reference"]

LOW, HIGH, FILL = 0.1, 99.9, 1.0
"""Percentiles of a field: black, white, and the grey that surrounds it."""

BATCH = 64  # windows held at full size at one time


class ImageError(InputError):
    """A field or mask that cannot be used; one line that names the file and what to do."""


class EmptyMask(ImageError):
    """A mask without any object."""


@dataclass(frozen=True)
class Field:
    """A field of view.

    Parameters
    ----------
    path : Path
    image : (rows, columns) uint8 or uint16
    labels : (rows, columns) int32, optional
        0 = background.
    """

    path: Path
    image: np.ndarray
    labels: np.ndarray | None = None


def read_field(image_path: str | os.PathLike, mask_path: str | os.PathLike | None = None) -> Field:
    """Read a single-channel TIFF and, where given, its label image.

    Parameters
    ----------
    image_path : path
        8- or 16-bit unsigned grey image.
    mask_path : path, optional
        Integer label image of the same size.

    Returns
    -------
    Field

    Raises
    ------
    ImageError
        For a file that is absent, truncated, not TIFF, coloured, a stack or of another type; for a
        mask that is absent, of another size, binary or not of integers.
    EmptyMask
        For a mask without an object.
    """
    image_path = Path(image_path)
    image = read_plane(image_path, "field")
    if image.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"{image_path}: field has type {image.dtype}, expected uint8 or uint16; save it as "
            "16-bit grey"
        )
    return Field(
        image_path, image, None if mask_path is None else read_mask(mask_path, shape=image.shape)
    )


def read_mask(mask_path: str | os.PathLike, *, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a label image.

    Parameters
    ----------
    mask_path : path
        TIFF of integer labels, 0 = background.
    shape : (int, int), optional
        Rows and columns of its field, if they are to be checked.

    Returns
    -------
    (rows, columns) int32 array

    Raises
    ------
    ImageError
        For a mask that is absent, not readable, of another size, binary or not of integers.
    EmptyMask
        For a mask without an object.
    """
    mask_path = Path(mask_path)
    if not mask_path.exists():
        raise ImageError(
            f"{mask_path}: field has no mask; put its label image there, or leave masks out to "
            "segment it"
        )
    return check_labels(read_plane(mask_path, "mask"), name=str(mask_path), shape=shape)


def check_labels(
    labels: np.ndarray, *, name: str, shape: tuple[int, int] | None = None
) -> np.ndarray:
    """Check type, size and sign of labels, and that they are not merely a binary mask.

    Parameters
    ----------
    labels : (rows, columns) array of integers
    name : str
        What the labels are called in a message.
    shape : (int, int), optional
        Rows and columns of the field.

    Returns
    -------
    (rows, columns) int32 array

    Raises
    ------
    ImageError
        For another type or size, labels below 0 or above 2^31, or one value in several pieces.
    EmptyMask
        If there is no object.
    """
    from scipy import ndimage

    if labels.dtype.kind not in "ui":
        raise ImageError(
            f"{name}: mask has type {labels.dtype}, expected integer labels; save it as 16-bit "
            "integers"
        )
    if shape is not None and labels.shape != tuple(shape):
        raise ImageError(
            f"{name}: mask is {labels.shape}, its field {tuple(shape)} pixels; use the field's own "
            "mask"
        )
    if labels.min(initial=0) < 0 or labels.max(initial=0) > np.iinfo(np.int32).max:
        raise ImageError(
            f"{name}: mask has labels below 0 or above 2^31; number the objects from 1"
        )
    if not labels.any():
        raise EmptyMask(f"{name}: mask has no object; leave this field out or segment it again")
    # one value in several pieces is a binary mask
    values = labels[labels > 0]
    if (values == values[0]).all() and (n_pieces := ndimage.label(labels, np.ones((3, 3)))[1]) > 1:
        raise ImageError(
            f"{name}: mask has the one value {values[0]} in {n_pieces} pieces, so it is binary; "
            "number its objects with lib.images.segmentation.accept_masks"
        )
    return labels.astype(np.int32)


def eight_bit(image: np.ndarray, *, scaling: Scaling = "percentile_range") -> np.ndarray:
    """Scale a whole field to 8 bits between its 0.1 and 99.9 percentiles.

    `percentile_range` divides by the distance of the two percentiles and leaves 8-bit fields as
    they are. `reference` is what the published weights and numbers were made with: it divides by
    the upper percentile alone, leaves fields without a value above 255 as they are, and turns those
    whose upper percentile is at most 255 almost binary.

    Parameters
    ----------
    image : (rows, columns) uint8 or uint16
    scaling : `percentile_range` or `reference`

    Returns
    -------
    (rows, columns) uint8

    Raises
    ------
    ImageError
        For an unknown scaling.

    References
    ----------
    Image2Reg's code divides by the 99.9 percentile (`reference`).

    Examples
    --------
    >>> eight_bit(np.array([[1000, 2000], [3000, 5000]], np.uint16))
    array([[  0,  63],
           [127, 255]], dtype=uint8)
    """
    if scaling not in ("percentile_range", "reference"):
        raise ImageError(f"scaling {scaling!r} is unknown; choose percentile_range or reference")
    if image.dtype == np.uint8:
        return image
    if scaling == "percentile_range":
        return stretched(image)
    counts = np.bincount(image.ravel())
    if len(counts) <= 256:
        return image.astype(np.uint8)
    low, high = _percentile(counts, LOW), _percentile(counts, HIGH)
    return _table(len(counts), low, high, scaling)[image]  # one look-up per pixel


def stretched(image: np.ndarray) -> np.ndarray:
    """Scale a whole field to 8 bits between its 0.1 and 99.9 percentiles, an 8-bit field too.

    A hot pixel or a bright speck changes nothing but itself.

    Parameters
    ----------
    image : (rows, columns) uint8 or uint16

    Returns
    -------
    (rows, columns) uint8 array
        0 everywhere for a constant field.

    Examples
    --------
    >>> stretched(np.array([[10, 20], [30, 50]], np.uint8))
    array([[  0,  63],
           [127, 255]], dtype=uint8)
    """
    # percentiles from the histogram: no sorting of a million pixels
    counts = np.bincount(image.ravel())
    low, high = _percentile(counts, LOW), _percentile(counts, HIGH)
    return _table(len(counts), low, high, "percentile_range")[image]


def _table(n_values: int, low: float, high: float, scaling: Scaling) -> np.ndarray:
    """Return the 8-bit value of each 16-bit value."""
    values = np.arange(n_values, dtype=np.float64)
    if scaling == "percentile_range":
        values = (values - low) / max(high - low, 1.0)
    elif high > 255:
        values = (values - low) / high
    return (255 * np.clip(values, 0, 1)).astype(np.uint8)


def fill_value(field: np.ndarray) -> int:
    """Return the grey outside an 8-bit field: its 1st percentile, truncated.

    Parameters
    ----------
    field : (rows, columns) uint8

    Returns
    -------
    int

    Examples
    --------
    >>> fill_value(np.array([[7, 7], [7, 200]], np.uint8))
    7
    """
    return int(_percentile(np.bincount(field.ravel()), FILL))


def region_windows(
    field: np.ndarray,
    centroids: np.ndarray | Sequence[Sequence[float]],
    *,
    window: int = 448,
    size: int = 224,
) -> np.ndarray:
    """Cut square windows of an 8-bit field, centred on truncated centroids, and resize them
    (bilinear, antialiased).

    What lies outside the field has its 1st percentile.

    Parameters
    ----------
    field : (rows, columns) uint8
    centroids : (n, 2) float
        Row and column in pixels, inside the field.
    window, size : int
        Side in pixels of the window and of the result.

    Returns
    -------
    (n, size, size) uint8

    References
    ----------
    Image2Reg's region images: windows of 448 pixels, resized to 224.
    """
    before, after = window // 2, window - window // 2
    # (rows + window, columns + window)
    padded = np.pad(field, ((before, after), (before, after)), constant_values=fill_value(field))
    every = np.lib.stride_tricks.sliding_window_view(
        padded, (window, window)
    )  # starts at centroid - window // 2
    # (n,) each, truncated
    rows, columns = np.asarray(centroids, float).reshape(-1, 2).astype(int).T
    regions = np.empty((len(rows), size, size), np.uint8)
    for start in range(0, len(rows), BATCH):
        part = slice(start, start + BATCH)
        regions[part] = resize(every[rows[part], columns[part]], size)  # a view is copied here only
    return regions


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """Resize images by Pillow's bilinear filter, which averages as it shrinks.

    Parameters
    ----------
    images : (n, rows, columns) uint8
    size : int
        Side of the result in pixels.

    Returns
    -------
    (n, size, size) uint8 array
    """
    from PIL import Image

    if images.shape[1:] == (size, size):
        return images
    resized = np.empty((len(images), size, size), np.uint8)
    for target, image in zip(resized, images, strict=True):
        target[:] = np.asarray(
            Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
        )
    return resized


def _percentile(counts: np.ndarray, percent: float) -> float:
    """Return what `np.percentile` gives for the values counted, without sorting them."""
    position = percent / 100 * (counts.sum() - 1)
    below = int(position)
    fraction = position - below
    # the values at the two places between which the percentile lies
    lower, upper = np.searchsorted(
        np.cumsum(counts), [below, below + (fraction > 0)], side="right"
    ).astype(float)
    return (
        upper - (upper - lower) * (1 - fraction)
        if fraction >= 0.5
        else lower + (upper - lower) * fraction
    )


def read_plane(path: Path, what: str) -> np.ndarray:
    """Read a TIFF and check that it is one grey plane.

    Parameters
    ----------
    path : Path
    what : str
        What the file is called in a message: field or mask.

    Returns
    -------
    (rows, columns) array
        In the file's own type.

    Raises
    ------
    ImageError
        For a file that is absent, not a whole TIFF, coloured or a stack.
    """
    if not path.exists():
        raise ImageError(
            f"{path}: {what} is missing; copy it there or take its row out of the metadata"
        )
    try:
        plane = _read_tiff(path)
    except Exception as error:  # a broken file makes the reader fail in many ways
        reason = " ".join(str(error).split())[:120]
        raise ImageError(
            f"{path}: {what} is not a whole TIFF ({reason}); copy or convert it again"
        ) from None
    # axes of length 1 go
    plane = plane.reshape([side for side in plane.shape if side != 1]) if plane.ndim > 2 else plane
    if plane.ndim == 3 and plane.shape[-1] in (3, 4):
        raise ImageError(
            f"{path}: {what} is an RGB image {plane.shape}, expected one channel; save it as grey"
        )
    if plane.ndim != 2 or not plane.size:
        raise ImageError(
            f"{path}: {what} has shape {plane.shape}, expected (rows, columns); project or split "
            "the stack"
        )
    return plane


def _read_tiff(path: Path) -> np.ndarray:
    """Read by tifffile, or by Pillow where a compression needs codecs that tifffile does not
    have."""
    import tifffile
    from PIL import Image

    try:
        return tifffile.imread(path)
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
    with Image.open(path, formats=["TIFF"]) as image:
        return np.array(image)
