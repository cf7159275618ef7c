"""Labels → flows: in every cell heat spreads from a source near the middle, and the flow points up its slope.

Each cell is computed alone, in its own box and with a number of steps of its own. The published GPU path takes
differences across touching cells, and Cellpose one number of steps for the whole image, so that a cell's flow depends
on its neighbours and on where a slide was cut; here it does not.
"""

import numba
import numpy as np

EPS = 1e-20


def label_flows(labels: np.ndarray) -> np.ndarray:
    """Return the unit vectors that lead every pixel of a cell to the cell's source.

    Parameters
    ----------
    labels : (rows, columns) int

    Returns
    -------
    (2, rows, columns) float32
        Flow along rows and along columns; 0 in the background.

    References
    ----------
    Stringer et al., Nature Methods 18:100 (2021); as released with GeneSegNet: logarithm of the temperature, source
    at the pixel closest to the medians.

    Examples
    --------
    >>> label_flows(np.array([[1, 1, 1]]))[1]
    array([[ 1.,  0., -1.]], dtype=float32)
    """
    from scipy.ndimage import find_objects

    from lib.genesegnet.labels import renumber

    ranks = renumber(labels)
    flows = np.zeros((2, *labels.shape), np.float32)
    boxes = [
        (box[0].start, box[0].stop, box[1].start, box[1].stop) for box in find_objects(ranks)
    ]
    if boxes:
        _spread_all(ranks, np.array(boxes, np.int64), flows)
    return flows


def sources(labels: np.ndarray) -> np.ndarray:
    """Return the source of every cell, (cells, 2) rows and columns: its pixel closest to its median row and column."""
    from scipy.ndimage import find_objects

    from lib.genesegnet.labels import renumber

    ranks = renumber(labels)
    found = np.zeros((int(ranks.max(initial=0)), 2), np.int64)
    for rank, (rows, columns) in enumerate(find_objects(ranks), start=1):
        place = _source(ranks[rows, columns], rank)
        found[rank - 1] = place[0] + rows.start, place[1] + columns.start
    return found


def centre_map(labels: np.ndarray, *, sigma: float = 3.0) -> np.ndarray:
    """Return the target of the early design's fourth output: a Gaussian of `sigma` pixels at every source."""
    from lib.genesegnet.location import location_map

    rows, columns = sources(labels).T
    return location_map(rows, columns, labels.shape, sigma=sigma)


@numba.njit(cache=True)
def _spread_all(ranks, boxes, flows):
    for k in range(len(boxes)):
        top, bottom, left, right = boxes[k]
        _spread(ranks[top:bottom, left:right], k + 1, flows[:, top:bottom, left:right])


@numba.njit(cache=True)
def _spread(ranks, rank, flows):
    """Write the flow of one cell; `ranks` and `flows` are cut to its box."""
    height, width = ranks.shape
    heat = np.zeros((height + 2, width + 2))  # a rim of background
    rows = np.zeros((height + 2, width + 2))  # sums over three columns
    row, column = _source(ranks, rank)
    for _ in range(2 * (height + width + 2)):
        heat[row + 1, column + 1] += 1.0
        for y in range(1, height + 1):
            for x in range(1, width + 1):
                rows[y, x] = heat[y, x - 1] + heat[y, x] + heat[y, x + 1]
        for y in range(1, height + 1):
            for x in range(1, width + 1):
                inside = ranks[y - 1, x - 1] == rank
                mean = (rows[y - 1, x] + rows[y, x] + rows[y + 1, x]) / 9.0
                heat[y, x] = mean if inside else 0.0
    for y in range(height + 2):
        for x in range(width + 2):
            heat[y, x] = np.log1p(heat[y, x])
    for y in range(height):
        for x in range(width):
            if ranks[y, x] == rank:
                dy = heat[y + 2, x + 1] - heat[y, x + 1]
                dx = heat[y + 1, x + 2] - heat[y + 1, x]
                length = np.sqrt(dy * dy + dx * dx) + EPS
                flows[0, y, x] = dy / length
                flows[1, y, x] = dx / length


@numba.njit(cache=True)
def _source(ranks, rank):
    """Return the pixel of the cell closest to its median row and column, the first of equals in reading order."""
    ys, xs = np.nonzero(ranks == rank)
    y0, x0 = np.median(ys), np.median(xs)
    best = np.argmin((ys - y0) ** 2 + (xs - x0) ** 2)
    return ys[best], xs[best]
