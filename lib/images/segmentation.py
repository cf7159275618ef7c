"""Find nuclei without training, take masks of other tools as they are, and compare two
segmentations.

Steps: smooth; subtract a background that may be uneven; Otsu's threshold, lowered; split touching
nuclei by a watershed of the distance map; then give each piece its own threshold between background
and its own brightness, so that dim nuclei beside bright ones keep their outline; split once more.
Every length is a share of the typical nucleus of the image itself, so one set of numbers serves all
magnifications.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.images.fields import ImageError, check_labels, read_plane
from lib.stats import order


@dataclass(frozen=True)
class Settings:
    """Shares and lengths of the segmentation.

    Attributes
    ----------
    sigma : float
        Smoothing of the image in pixels.
    low : float
        First threshold: share of the way from background to Otsu's threshold.
    half : float
        Outline of a nucleus: share of the way from background to the nucleus's own bright part.
    smoothing, depth : float
        Smoothing of the distance map and depth of a neck that separates two nuclei, in typical
        diameters.
    min_area : float
        Smallest nucleus, in areas of a typical one.
    background : float
        Reach of the background estimate, in typical diameters; 0 takes one value for the whole
        image.
    keep_border : bool
        Keep nuclei that touch the edge of the image.
    """

    sigma: float = 1.0
    low: float = 0.35
    half: float = 0.4
    smoothing: float = 0.03
    depth: float = 0.02
    min_area: float = 0.08
    background: float = 3.0
    keep_border: bool = True


TILES, DARK = 8, 10  # parts of a side, percentile
NOISE = 3.0  # standard deviations of the background below which nothing is a nucleus
ROUNDS = 2  # of background and threshold, each from the other
BRIGHT = 80  # percentile of a piece that stands for its brightness


def segment(image: np.ndarray, settings: Settings | None = None) -> np.ndarray:
    """Label the nuclei of a fluorescence image (bright on dark).

    Parameters
    ----------
    image : (rows, columns) array of any real type
        One field of view.
    settings : Settings
        By default those that serve all magnifications.

    Returns
    -------
    (rows, columns) int32
        1 … n, 0 = background; all 0 where nothing stands out.
    """
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    settings = settings or Settings()
    smooth = order.rounded(ndimage.gaussian_filter(np.asarray(image, np.float64), settings.sigma))
    if smooth.max() == smooth.min():
        return np.zeros(image.shape, np.int32)
    smooth = smooth - _tilt(smooth) if settings.background else smooth
    threshold = threshold_otsu(smooth)
    diameter = typical_diameter(ndimage.label(smooth > threshold)[0])
    for _ in range(ROUNDS if settings.background else 0):
        smooth = smooth - _background(smooth, smooth > threshold, settings.background * diameter)
        threshold = threshold_otsu(smooth)
        diameter = typical_diameter(ndimage.label(smooth > threshold)[0])
    # background level and noise from what the threshold leaves
    dark = smooth[smooth <= threshold]
    level = np.median(dark)
    noise = 1.4826 * np.median(np.abs(dark - level))  # SD from the median absolute deviation
    # the first threshold is low, so that no dim nucleus is lost
    labels = _split(
        smooth > level + max(settings.low * (threshold - level), NOISE * noise), diameter, settings
    )
    # each piece gets its own outline; what that separates is split again
    labels = _split(_outlines(smooth, labels, level, settings.half), diameter, settings)
    return _tidy(labels, diameter, settings)


def typical_diameter(labels: np.ndarray) -> float:
    """Return the diameter of the object that holds the median foreground pixel, taken as a circle.

    Parameters
    ----------
    labels : (rows, columns) int
        0 = background.

    Returns
    -------
    float
        In pixels, at least 1.
    """
    areas = np.sort(np.bincount(labels.ravel())[1:])
    if not areas.sum():
        return 1.0
    return max(1.0, 2 * np.sqrt(areas[np.searchsorted(np.cumsum(areas), areas.sum() / 2)] / np.pi))


def accept_masks(
    masks: np.ndarray | str | os.PathLike, *, shape: tuple[int, int] | None = None
) -> np.ndarray:
    """Take masks of Cellpose, StarDist or any other tool: an array, a TIFF or PNG, or a plain
    `.npy` of labels.

    Labels are renumbered 1 … n; a binary mask is split in its connected pieces.

    Parameters
    ----------
    masks : array or path
    shape : (int, int), optional
        Size of the field in pixels.

    Returns
    -------
    (rows, columns) int32

    Raises
    ------
    ImageError
        For Cellpose's `_seg.npy`, which only unpickling could read; for a stack, a type that is no
        label, another size.
    EmptyMask
        If there is no object.
    """
    from scipy import ndimage
    from skimage.segmentation import relabel_sequential

    name = "mask" if isinstance(masks, np.ndarray) else str(masks)
    labels = masks if isinstance(masks, np.ndarray) else _read_masks(Path(masks))
    if labels.ndim != 2:
        raise ImageError(
            f"{name}: mask has shape {labels.shape}, expected (rows, columns); project or split "
            "the stack"
        )
    if labels.dtype.kind == "f" and (labels == np.round(labels)).all():
        labels = labels.astype(np.int64)
    if labels.dtype == bool or (
        labels.dtype.kind in "ui" and len(np.unique(labels[labels != 0])) == 1
    ):
        labels = ndimage.label(labels, np.ones((3, 3)))[0]
    return relabel_sequential(check_labels(labels, name=name, shape=shape))[0].astype(np.int32)


def f1_at_iou(truth: np.ndarray, predicted: np.ndarray, iou: float = 0.5) -> dict[str, float]:
    """Compare two label images object by object.

    Parameters
    ----------
    truth, predicted : (rows, columns) int
        0 = background.
    iou : float
        Overlap, intersection by union, that a match must exceed; from 0.5 on, an object has one
        match at most.

    Returns
    -------
    dict
        `f1`, `precision`, `recall`, `n_matched`, `n_truth`, `n_predicted`; F1 is 1 for two empty
        images.

    Raises
    ------
    ValueError
        For images of different sizes or an overlap below 0.5.

    Examples
    --------
    >>> f1_at_iou(np.array([[1, 1, 0, 2]]), np.array([[7, 7, 0, 0]]))["recall"]
    0.5
    """
    if truth.shape != predicted.shape or iou < 0.5:
        raise ValueError(
            f"compare images of one size at iou ≥ 0.5, got {truth.shape}, {predicted.shape}, {iou}"
        )
    n_truth, true = _dense(truth)  # number of objects, flat labels
    n_predicted, found = _dense(predicted)
    overlap = np.bincount(
        true * (n_predicted + 1) + found, minlength=(n_truth + 1) * (n_predicted + 1)
    )
    overlap = overlap.reshape(n_truth + 1, n_predicted + 1)  # pixels; row and column 0: background
    # (n_truth, n_predicted)
    union = overlap.sum(1)[1:, None] + overlap.sum(0)[None, 1:] - overlap[1:, 1:]
    n_matched = int((overlap[1:, 1:] > iou * union).sum())
    return {
        "f1": 2 * n_matched / (n_truth + n_predicted) if n_truth + n_predicted else 1.0,
        "precision": n_matched / n_predicted if n_predicted else float(n_truth == 0),
        "recall": n_matched / n_truth if n_truth else float(n_predicted == 0),
        "n_matched": n_matched,
        "n_truth": n_truth,
        "n_predicted": n_predicted,
    }


def _tilt(smooth: np.ndarray) -> np.ndarray:
    """Return the plane through the dark parts of an 8 × 8 grid: a first guess of uneven light."""
    tiles = [np.array_split(rows, TILES, axis=1) for rows in np.array_split(smooth, TILES)]
    low = np.array(
        [
            [np.percentile(tile, DARK) if tile.size else smooth.min() for tile in row]
            for row in tiles
        ]
    )
    # the median step between tiles, so that bright tiles do not tilt the plane
    slopes = [np.median(np.diff(low, axis=axis)) * TILES for axis in (0, 1)]
    row, column = (np.arange(n) / n - 0.5 for n in smooth.shape)
    return slopes[0] * row[:, None] + slopes[1] * column


def _background(smooth: np.ndarray, bright: np.ndarray, reach: float) -> np.ndarray:
    """Return the local mean of what is not bright, on a coarse grid; far from it the global one."""
    from scipy import ndimage
    from skimage.measure import block_reduce
    from skimage.transform import resize

    dark = (~ndimage.binary_dilation(bright, iterations=3)).astype(float)
    if not dark.any():
        return np.full(smooth.shape, smooth.min())
    level = np.median(smooth[dark > 0])
    side = max(1, int(reach / 4))
    # share of background nearby
    weight = ndimage.gaussian_filter(block_reduce(dark, side, np.mean), reach / side)
    excess = ndimage.gaussian_filter(
        block_reduce(dark * (smooth - level), side, np.mean), reach / side
    )
    coarse = excess / (weight + 0.01)  # 0.01: where hardly any background is near, the global level
    rows, columns = (side * n for n in coarse.shape)
    return (
        level
        + resize(coarse, (rows, columns), order=1, mode="edge")[
            : smooth.shape[0], : smooth.shape[1]
        ]
    )


def _split(mask: np.ndarray, diameter: float, settings: Settings) -> np.ndarray:
    """Clean a mask and label its pieces, cut at the necks of the distance map."""
    from scipy import ndimage
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    mask = ndimage.binary_opening(ndimage.binary_fill_holes(mask))
    distance = ndimage.gaussian_filter(
        ndimage.distance_transform_edt(mask), settings.smoothing * diameter
    )
    # maxima that rise by `depth` above the neck between them
    seeds = ndimage.label(
        (h_maxima(distance, settings.depth * diameter) > 0) & mask, np.ones((3, 3))
    )[0]
    return watershed(-distance, seeds, mask=mask)


def _outlines(smooth: np.ndarray, labels: np.ndarray, level: float, half: float) -> np.ndarray:
    """Return the part of each piece above its own threshold."""
    order = np.lexsort((smooth.ravel(), labels.ravel()))  # pixels by label, then by brightness
    counts = np.bincount(labels.ravel())
    last = np.cumsum(counts) - 1
    bright = smooth.ravel()[
        order[np.maximum(last - np.round((1 - BRIGHT / 100) * counts).astype(int), 0)]
    ]
    return (labels > 0) & (smooth > (level + half * (bright - level))[labels])


def _tidy(labels: np.ndarray, diameter: float, settings: Settings) -> np.ndarray:
    """Drop small objects, and those at the edge if asked to, and number the others 1 … n."""
    areas = np.bincount(labels.ravel())  # (1 + n,)
    keep = areas >= settings.min_area * np.pi / 4 * diameter**2  # (1 + n,)
    keep[0] = False
    if not settings.keep_border:
        keep[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = False
    return np.where(keep, np.cumsum(keep), 0)[labels].astype(np.int32)


def _read_masks(path: Path) -> np.ndarray:
    """Read labels from a picture or a plain array; never unpickle."""
    from PIL import Image

    if not path.exists():
        raise ImageError(f"{path}: mask is missing; put the label image there")
    if path.suffix == ".npy":
        try:
            return np.load(path, allow_pickle=False)
        except ValueError:
            raise ImageError(
                f"{path}: holds a pickle, as Cellpose's _seg.npy does, which can run code when it "
                "is read; save its masks as TIFF (cellpose --save_tif) and pass that file"
            ) from None
    if path.suffix.lower() == ".png":
        with Image.open(path, formats=["PNG"]) as image:
            return np.array(image)
    return read_plane(path, "mask")


def _dense(labels: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the number of objects and the flat labels renumbered 0 … n, 0 = background."""
    values, dense = np.unique(labels, return_inverse=True)
    dense = dense.ravel() if len(values) and values[0] == 0 else dense.ravel() + 1
    return int(dense.max(initial=0)), dense
