"""Labels → flows: in every cell heat spreads from a source near the middle, and the flow points up
its slope.

Each cell is computed alone, in its own box and with a number of steps of its own. The published GPU
path takes differences across touching cells, and Cellpose one number of steps for the whole image,
so that a cell's flow depends on its neighbours and on where a slide was cut; here it does not.
"""

import numba
import numpy as np

from lib.genesegnet.labels import renumber

EPS = 1e-20
FLOW_SCALE = 5.0  # the network predicts five times the unit vector


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
    Stringer et al., Nature Methods 18:100 (2021); as released with GeneSegNet: logarithm of the
    temperature, source at the pixel closest to the medians.

    Examples
    --------
    >>> label_flows(np.array([[1, 1, 1]]))[1]
    array([[ 1.,  0., -1.]], dtype=float32)
    """
    from scipy.ndimage import find_objects

    ranks = renumber(labels)
    flows = np.zeros((2, *labels.shape), np.float32)
    boxes = [(rows.start, rows.stop, cols.start, cols.stop) for rows, cols in find_objects(ranks)]
    if boxes:
        _spread_all(ranks, np.array(boxes, np.int64), sources(labels), flows)
    return flows


def sources(labels: np.ndarray) -> np.ndarray:
    """Return every cell's pixel closest to its median row and column, the first of equals in
    reading order.

    Returns
    -------
    (cells, 2) int64
        Row and column, in the order of the ids.
    """
    ranks = renumber(labels)
    rows, columns = np.nonzero(ranks)
    if not len(rows):
        return np.zeros((0, 2), np.int64)
    cells = ranks[rows, columns]
    away = (rows - _medians(rows, cells)) ** 2 + (columns - _medians(columns, cells)) ** 2
    order = np.lexsort((away, cells))  # stable, so that reading order breaks ties
    first = order[np.r_[True, np.diff(cells[order]) != 0]]
    return np.stack([rows[first], columns[first]], axis=1)


def centre_map(labels: np.ndarray, *, sigma: float = 3.0) -> np.ndarray:
    """Return the target of the early design's fourth output.

    Parameters
    ----------
    labels : (rows, columns) int
    sigma : float
        In pixels.

    Returns
    -------
    (rows, columns) float32
        A Gaussian at every source, merged by maximum.
    """
    from lib.genesegnet.location import location_map

    rows, columns = sources(labels).T
    return location_map(rows, columns, labels.shape, sigma=sigma)


def _medians(values: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return for every pixel the median of its cell's values; cells are numbered 1 … n."""
    ordered = values[np.lexsort((values, cells))]
    counts = np.bincount(cells)[1:]
    first = np.cumsum(counts) - counts
    middle = ordered[first + (counts - 1) // 2] + ordered[first + counts // 2]
    return (middle / 2)[cells - 1]


@numba.njit(cache=True)
def _spread_all(ranks, boxes, sources, flows):
    """Write the flows of all cells; heat has a rim of background, rows holds sums over three
    columns.
    """
    for k in range(len(boxes)):
        top, bottom, left, right = boxes[k, 0], boxes[k, 1], boxes[k, 2], boxes[k, 3]
        height, width = bottom - top, right - left
        heat = np.zeros((height + 2, width + 2))
        rows = np.zeros((height + 2, width + 2))
        inside = np.zeros((height + 2, width + 2))
        for y in range(height):
            for x in range(width):
                if ranks[top + y, left + x] == k + 1:
                    inside[y + 1, x + 1] = 1.0 / 9.0
        row, column = sources[k, 0] - top + 1, sources[k, 1] - left + 1
        for _ in range(2 * (height + width + 2)):
            heat[row, column] += 1.0
            _step(heat, rows, inside)
        for y in range(height):
            for x in range(width):
                if inside[y + 1, x + 1] > 0:
                    dy = np.log1p(heat[y + 2, x + 1]) - np.log1p(heat[y, x + 1])
                    dx = np.log1p(heat[y + 1, x + 2]) - np.log1p(heat[y + 1, x])
                    length = np.sqrt(dy * dy + dx * dx) + EPS
                    flows[0, top + y, left + x] = dy / length
                    flows[1, top + y, left + x] = dx / length


@numba.njit(cache=True)
def _step(heat, rows, inside):
    """Replace every pixel of the cell by the mean of its 3 × 3 neighbourhood, with 0 outside the
    cell.
    """
    for y in range(heat.shape[0]):
        for x in range(1, heat.shape[1] - 1):
            rows[y, x] = heat[y, x - 1] + heat[y, x] + heat[y, x + 1]
    for y in range(1, heat.shape[0] - 1):
        for x in range(1, heat.shape[1] - 1):
            heat[y, x] = (rows[y - 1, x] + rows[y, x] + rows[y + 1, x]) * inside[y, x]
