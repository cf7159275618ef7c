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
    """Return the narrowest type of a label file that holds an id.

    Parameters
    ----------
    largest : int
        The largest id.

    Returns
    -------
    type
        16 bits, else 32.

    Raises
    ------
    InputError
        If an id needs more.

    Examples
    --------
    >>> smallest_type(65535), smallest_type(65536)
    (<class 'numpy.uint16'>, <class 'numpy.uint32'>)
    """
    if largest >= 2**32:
        raise InputError(f"the cell id {largest} needs more than 32 bits", fix="renumber the cells")
    return np.uint16 if largest < 2**16 else np.uint32


def dense(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Replace ids by their ranks.

    Parameters
    ----------
    labels : (rows, columns) int

    Returns
    -------
    ids : (cells + 1,) int
        Ascending, 0 first whether or not there is background.
    ranks : (rows, columns) int32

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
    """Number the cells 1 … n in the order of their ids.

    Parameters
    ----------
    labels : (rows, columns) int

    Returns
    -------
    (rows, columns) int32
    """
    return dense(labels)[1]


def areas(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ids and areas of the cells.

    Parameters
    ----------
    labels : (rows, columns) int

    Returns
    -------
    ids : (cells,) int
        Ascending, without the background.
    areas : (cells,) int
        In pixels.
    """
    ids, ranks = dense(labels)
    return ids[1:], np.bincount(ranks.ravel(), minlength=len(ids))[1:]


def diameter(labels: np.ndarray) -> float:
    """Return the median over cells of the diameter of a disk of the same area.

    Parameters
    ----------
    labels : (rows, columns) int

    Returns
    -------
    float
        In pixels; NaN without cells.

    Examples
    --------
    >>> round(diameter(np.ones((2, 2), int)), 4)
    2.2568
    """
    sizes = areas(labels)[1]
    return float(np.median(np.sqrt(sizes)) * 2 / np.sqrt(np.pi)) if len(sizes) else float("nan")


def keep(labels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Set every cell to background that is not to be kept; the others keep their ids.

    Parameters
    ----------
    labels : (rows, columns) int
    ids : (n,) int
        Cells to keep.

    Returns
    -------
    (rows, columns) int
        Of the type of the labels.
    """
    known, ranks = dense(labels)
    return np.where(np.isin(known, ids), known, 0).astype(labels.dtype)[ranks]


def drop_small(labels: np.ndarray, min_area: int) -> np.ndarray:
    """Drop small cells; the others keep their ids.

    Parameters
    ----------
    labels : (rows, columns) int
    min_area : int
        Pixels of the smallest cell that stays.

    Returns
    -------
    (rows, columns) int

    Examples
    --------
    >>> drop_small(np.array([[2, 2, 3]]), 2)
    array([[2, 2, 0]])
    """
    ids, sizes = areas(labels)
    return keep(labels, ids[sizes >= min_area])


def largest_pieces(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Keep the largest connected piece of every cell, the first of equals.

    Parameters
    ----------
    labels : (rows, columns) int
        Pieces that touch at a corner are connected.

    Returns
    -------
    labels : (rows, columns) int
    n_lost : int
        Pixels that became background.
    """
    from skimage.measure import label

    pieces = label(labels, connectivity=2)
    sizes = np.bincount(pieces.ravel())
    owners = np.zeros(len(sizes), labels.dtype)
    owners[pieces.ravel()] = labels.ravel()
    # by cell, then size, then place: the first of each cell stays
    order = np.lexsort((np.arange(len(sizes)), -sizes, owners))
    first = order[np.r_[True, np.diff(owners[order]) != 0]]
    owners[~np.isin(np.arange(len(sizes)), first)] = 0
    kept = np.where(labels > 0, owners[pieces], 0).astype(labels.dtype)
    return kept, int((labels > 0).sum() - (kept > 0).sum())


def fill_holes(labels: np.ndarray) -> np.ndarray:
    """Give background that one cell encloses to this cell.

    Parameters
    ----------
    labels : (rows, columns) int

    Returns
    -------
    (rows, columns) int
        What lies between two cells, or is open to the image's border, stays background.
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
    # what reaches the border is no hole
    high[rim] = 0
    # a hole between two cells touches two ids, and is nobody's
    owner = np.where(low == high, high, 0).astype(labels.dtype)
    return np.where(holes > 0, owner[holes], labels)


def require_cells(labels: np.ndarray, *, file: str | os.PathLike | None = None) -> np.ndarray:
    """Return the labels if there is a cell in them.

    Parameters
    ----------
    labels : (rows, columns) int
    file : path, optional
        Named in the message.

    Returns
    -------
    (rows, columns) int
        The same.

    Raises
    ------
    InputError
        If all is background.
    """
    if not labels.any():
        raise InputError("the label image has no cell", file=file, fix="leave the sample out")
    return labels


def describe_pieces(labels: np.ndarray) -> str:
    """Tell in words which cells lie in several pieces.

    Parameters
    ----------
    labels : (rows, columns) int

    Returns
    -------
    str
        Empty if none does.
    """
    kept, n_lost = largest_pieces(labels)
    ids = np.unique(labels[labels != kept])
    return f"{len(ids)} cells lie in pieces ({listed(ids)}): {n_lost} pixels" if n_lost else ""


def _neighbours(a: np.ndarray, b: np.ndarray):
    """Yield flat views of `a` beside `b` in the four directions."""
    yield a[1:].ravel(), b[:-1].ravel()
    yield a[:-1].ravel(), b[1:].ravel()
    yield a[:, 1:].ravel(), b[:, :-1].ravel()
    yield a[:, :-1].ravel(), b[:, 1:].ravel()
