"""Cells made smaller or larger, all at once and without overlap."""

import numpy as np


def open_labels(labels: np.ndarray, size: int = 5) -> np.ndarray:
    """Take off what is thinner than a box, cell by cell.

    The published script opens the grey values of the label image, which moves the border between
    touching cells of different ids; here a pixel keeps its own id or becomes background.

    Parameters
    ----------
    labels : (rows, columns) int
    size : int
        Side of the box in pixels.

    Returns
    -------
    (rows, columns) int
    """
    from scipy.ndimage import maximum_filter

    kept = maximum_filter(core(labels, size), size=size, mode="constant", cval=0)
    return np.where(kept > 0, labels, 0)


def core(labels: np.ndarray, size: int = 3) -> np.ndarray:
    """Erode every cell by a box; what lies outside the image is background.

    Parameters
    ----------
    labels : (rows, columns) int
    size : int
        Side of the box in pixels.

    Returns
    -------
    (rows, columns) int
        The pixels around which the whole box is of one cell.
    """
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
