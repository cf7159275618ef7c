"""Label images, 0 = background: what is checked when they come in, and what is mended, all at once
for every cell.
"""

import os

import numpy as np

from lib.data.errors import InputError, listed

EIGHT = np.ones((3, 3), bool)


def check(
    labels: np.ndarray,
    *,
    file: str | os.PathLike | None = None,
    shape: tuple[int, int] | None = None,
    split: bool = False,
) -> np.ndarray:
    """Return labels as integers wide enough for every id, or say what is wrong with them.

    Parameters
    ----------
    labels : (rows, columns)
        Whole numbers from 0; an image of one value in several pieces is a mask, not labels.
    file : path, optional
        Named in the message.
    shape : (int, int), optional
        Size of the image that they belong to.
    split : bool
        Number the connected pieces of a mask instead of refusing it.

    Returns
    -------
    (rows, columns) int32, or int64 where an id needs it

    Raises
    ------
    InputError
        For colour, fractions, negative ids, another size, or a mask.
    """
    from scipy import ndimage

    labels = np.asarray(labels)
    if labels.ndim != 2:
        raise InputError(
            f"a label image of shape {labels.shape}, expected (rows, columns)",
            file=file,
            fix="save ids as one grey channel of 16 or 32 bits",
        )
    if labels.dtype.kind == "f" and not (labels == np.floor(labels)).all():
        raise InputError("labels with fractions", file=file, fix="save whole numbers")
    if shape is not None and labels.shape != tuple(shape):
        raise InputError(
            f"labels of {labels.shape} pixels for an image of {tuple(shape)}", file=file
        )
    if labels.size and labels.min() < 0:
        raise InputError(f"a negative label, {labels.min()}", file=file, fix="use 0 for background")
    largest = int(labels.max(initial=0))
    labels = labels.astype(np.int32 if largest < 2**31 else np.int64)
    values = labels[labels > 0]
    n_pieces = ndimage.label(labels, EIGHT)[1] if (values == largest).all() else 1
    if n_pieces == 1:
        return labels
    if not split and n_pieces > 1:
        raise InputError(
            f"the one value {largest} lies in {n_pieces} pieces, so this is a mask and not labels",
            file=file,
            fix="number the pieces: split=True, or --split-masks in a run",
        )
    return ndimage.label(labels, EIGHT)[0]


def smallest_type(largest: int) -> type[np.unsignedinteger]:
    """Return the narrowest type of a label file that holds an id: 16 bits, else 32.

    Examples
    --------
    >>> smallest_type(65535), smallest_type(65536)
    (<class 'numpy.uint16'>, <class 'numpy.uint32'>)
    """
    if largest >= 2**32:
        raise InputError(f"the cell id {largest} needs more than 32 bits", fix="renumber the cells")
    return np.uint16 if largest < 2**16 else np.uint32


def dense(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids, 0 first, and the image of their ranks.

    Examples
    --------
    >>> dense(np.array([[7, 7, 0, 3]]))
    (array([0, 3, 7]), array([[2, 2, 0, 1]], dtype=int32))
    """
    largest = int(labels.max(initial=0))
    if largest <= 4 * labels.size + 1024:  # a table of all ids is cheaper than sorting the pixels
        there = np.zeros(largest + 1, bool)
        there[labels.ravel()] = True
        there[0] = True
        return np.flatnonzero(there), (np.cumsum(there, dtype=np.int32) - 1)[labels]
    ids, ranks = np.unique(labels, return_inverse=True)
    ranks = ranks.reshape(labels.shape).astype(np.int32)
    return (ids, ranks) if ids[0] == 0 else (np.append(0, ids), ranks + 1)


def renumber(labels: np.ndarray) -> np.ndarray:
    """Number the cells 1 … n in the order of their ids."""
    return dense(labels)[1]


def areas(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ids (without background) and their areas in pixels."""
    ids, ranks = dense(labels)
    return ids[1:], np.bincount(ranks.ravel(), minlength=len(ids))[1:]


def diameter(labels: np.ndarray) -> float:
    """Return the median over cells of the diameter in pixels of a disk of the same area; NaN
    without cells.

    Examples
    --------
    >>> round(diameter(np.ones((2, 2), int)), 4)
    2.2568
    """
    sizes = areas(labels)[1]
    return float(np.median(np.sqrt(sizes)) * 2 / np.sqrt(np.pi)) if len(sizes) else float("nan")


def keep(labels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return the labels with every id that is not in `ids` set to background; other ids stay."""
    known, ranks = dense(labels)
    return np.where(np.isin(known, ids), known, 0).astype(labels.dtype)[ranks]


def drop_small(labels: np.ndarray, min_area: int) -> np.ndarray:
    """Drop cells of fewer than `min_area` pixels; the others keep their ids.

    Examples
    --------
    >>> drop_small(np.array([[2, 2, 3]]), 2)
    array([[2, 2, 0]])
    """
    ids, sizes = areas(labels)
    return keep(labels, ids[sizes >= min_area])


def largest_pieces(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Keep the largest connected piece of every cell, the first of equals; also return how many
    pixels went.
    """
    from skimage.measure import label

    pieces = label(labels, connectivity=2)
    sizes = np.bincount(pieces.ravel())
    owners = np.zeros(len(sizes), labels.dtype)
    owners[pieces.ravel()] = labels.ravel()
    order = np.lexsort((np.arange(len(sizes)), -sizes, owners))
    first = order[np.r_[True, np.diff(owners[order]) != 0]]
    owners[~np.isin(np.arange(len(sizes)), first)] = 0
    kept = np.where(labels > 0, owners[pieces], 0).astype(labels.dtype)
    return kept, int((labels > 0).sum() - (kept > 0).sum())


def fill_holes(labels: np.ndarray) -> np.ndarray:
    """Give background that one cell encloses to this cell; what lies between two cells stays
    background.
    """
    from skimage.measure import label

    holes = label(labels == 0, connectivity=1)
    n_holes = int(holes.max())
    low, high = np.full(n_holes + 1, np.iinfo(labels.dtype).max), np.zeros(n_holes + 1, np.int64)
    for here, there in _neighbours(holes, labels):
        touching = (here > 0) & (there > 0)
        np.minimum.at(low, here[touching], there[touching])
        np.maximum.at(high, here[touching], there[touching])
    rim = np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])
    high[rim] = 0
    owner = np.where(low == high, high, 0).astype(labels.dtype)
    return np.where(holes > 0, owner[holes], labels)


def open_labels(labels: np.ndarray, size: int = 5) -> np.ndarray:
    """Take off what is thinner than `size` pixels, cell by cell.

    The published script opens the grey values of the label image, which moves the border between
    touching cells of different ids; here a pixel keeps its own id or becomes background.
    """
    from scipy.ndimage import maximum_filter

    kept = maximum_filter(core(labels, size), size=size, mode="constant", cval=0)
    return np.where(kept > 0, labels, 0)


def core(labels: np.ndarray, size: int = 3) -> np.ndarray:
    """Erode every cell by a box of `size` pixels; what lies outside the image is background."""
    from scipy.ndimage import maximum_filter, minimum_filter

    low = minimum_filter(labels, size=size, mode="constant", cval=0)
    high = maximum_filter(labels, size=size, mode="constant", cval=0)
    return np.where(low == high, labels, 0)


def grow(labels: np.ndarray, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Let cells grow into background without overlap, and return each pixel's distance to the cell
    it joined.

    Parameters
    ----------
    labels : (rows, columns) int
    distance : float
        How far a cell may grow, in pixels.

    Returns
    -------
    labels : (rows, columns) int
    distances : (rows, columns) float32
        0 within the cells as they were; NaN where no cell came.

    Examples
    --------
    >>> grow(np.array([[1, 0, 0, 0, 2]]), 1)[0]
    array([[1, 1, 0, 2, 2]])
    """
    from scipy.ndimage import distance_transform_edt

    distances, (rows, columns) = distance_transform_edt(labels == 0, return_indices=True)
    near = distances <= distance if labels.any() else np.zeros(labels.shape, bool)
    grown = np.where(near, labels[rows, columns], 0).astype(labels.dtype)
    return grown, np.where(near, distances, np.nan).astype(np.float32)


def require_cells(labels: np.ndarray, *, file: str | os.PathLike | None = None) -> np.ndarray:
    """Return the labels, or raise InputError if there is no cell in them."""
    if not labels.any():
        raise InputError("the label image has no cell", file=file, fix="leave the sample out")
    return labels


def describe_pieces(labels: np.ndarray) -> str:
    """Return in words which ids lie in several pieces, for a warning; empty if none does."""
    kept, n_lost = largest_pieces(labels)
    ids = np.unique(labels[labels != kept])
    return f"{len(ids)} cells lie in pieces ({listed(ids)}): {n_lost} pixels" if n_lost else ""


def _neighbours(a: np.ndarray, b: np.ndarray):
    """Yield flat views of `a` beside `b` in the four directions."""
    yield a[1:].ravel(), b[:-1].ravel()
    yield a[:-1].ravel(), b[1:].ravel()
    yield a[:, 1:].ravel(), b[:, :-1].ravel()
    yield a[:, :-1].ravel(), b[:, 1:].ravel()
