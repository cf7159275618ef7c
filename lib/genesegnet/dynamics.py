"""Flows → masks: every foreground pixel follows the flow, and pixels that end together are one
cell.
"""

from dataclasses import dataclass
from functools import partial

import numba
import numpy as np

from lib.genesegnet import flows as flow_fields
from lib.genesegnet import labels as label_images
from lib.genesegnet.flows import FLOW_SCALE

PAD = 6  # bins around the histogram, so that no window of a peak leaves it
MIN_PEAK, MIN_BIN, REACH = (
    10,
    2,
    5,
)  # a peak holds more pixels than 10, a bin that joins it more than 2
CENTRE_SIGMA, MIN_CENTRE = 3.0, 0.1  # pixels, and height of a centre, of the early design
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


@dataclass(frozen=True)
class Settings:
    """Thresholds of the published post-processing.

    Parameters
    ----------
    confidence_threshold : float
        Logit above which a pixel belongs to a cell.
    flow_threshold : float
        Largest mean squared difference between a mask's own flow and the predicted one; 0 keeps
        every mask.
    n_steps : int
        Steps along the flow, of at most one pixel each.
    min_area : int
        Smallest cell in pixels.
    max_share : float
        Largest share of the image for one mask. The published 0.4 loses cells that fill a crop; 1
        keeps them.
    """

    confidence_threshold: float = 0.0
    flow_threshold: float = 0.4
    n_steps: int = 200
    min_area: int = 15
    max_share: float = 1.0


@dataclass(frozen=True)
class Masks:
    """Cells of one image, numbered by their peaks in reading order.

    Attributes
    ----------
    labels : (rows, columns) int32
    peaks : (cells, 2) int
        Row and column where the pixels of each cell met.
    """

    labels: np.ndarray
    peaks: np.ndarray


def find_masks(
    flows: np.ndarray,
    logits: np.ndarray,
    settings: Settings | None = None,
    *,
    centres: np.ndarray | None = None,
) -> Masks:
    """Return the cells of predicted maps.

    All foreground pixels move; in the published code those without a flow along rows stay, which
    cuts a perfect disk in two. Peaks are taken in the order of their height, as the published code
    meant to.

    Parameters
    ----------
    flows : (2, rows, columns) float
        Five times the unit vector towards the cell's source, rows first.
    logits : (rows, columns) float
        Of being in a cell.
    settings : Settings, optional
    centres : (rows, columns) float, optional
        The centre map of a network that has one. Pixels then join the centre that is nearest to
        where the flow leads them, as in the early public design, whose network predicted the way
        to the centre itself.

    Returns
    -------
    Masks
    """
    settings = settings or Settings()
    foreground = logits > settings.confidence_threshold
    field = np.ascontiguousarray(np.where(foreground, flows, 0) / FLOW_SCALE, dtype=np.float32)
    starts = np.argwhere(foreground)
    ends = follow(field, starts, n_steps=settings.n_steps)
    gather = _gather if centres is None else partial(_join_centres, centres)
    labels, peaks = gather(starts, ends, logits.shape)
    labels = _drop_large(labels, settings.max_share)
    if settings.flow_threshold > 0:
        ids, errors = flow_errors(labels, field)
        labels = label_images.keep(labels, ids[errors <= settings.flow_threshold])
    labels = label_images.drop_small(label_images.fill_holes(labels), settings.min_area)
    ids, ranks = label_images.dense(labels)
    return Masks(ranks, peaks[ids[1:] - 1])


def follow(field: np.ndarray, starts: np.ndarray, *, n_steps: int = 200) -> np.ndarray:
    """Return where pixels are after following a field, sampled bilinearly, within the image.

    Parameters
    ----------
    field : (2, rows, columns) float32
        Pixels per step, rows first.
    starts : (n, 2) int
        Pixels that set out.

    Returns
    -------
    (n, 2) float64
    """
    return _follow(field, starts.astype(np.float64), n_steps)


def flow_errors(labels: np.ndarray, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each cell's own flow is from the predicted one.

    Parameters
    ----------
    labels : (rows, columns) int
    field : (2, rows, columns) float
        Predicted unit flow.

    Returns
    -------
    ids : (cells,) int
    errors : (cells,) float
        Mean over the cell's pixels of the squared difference.
    """
    own = flow_fields.label_flows(labels)
    squared = ((own.astype(np.float64) - field) ** 2).sum(axis=0)
    ids, ranks = label_images.dense(labels)
    counts = np.bincount(ranks.ravel(), minlength=len(ids))
    sums = np.bincount(ranks.ravel(), weights=squared.ravel(), minlength=len(ids))
    return ids[1:], sums[1:] / counts[1:]


@numba.njit(cache=True)
def _follow(field, places, n_steps):
    height, width = field.shape[1:]
    for k in range(len(places)):
        y, x = places[k]
        for _ in range(n_steps):
            top, left = int(y), int(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            v, u = y - top, x - left
            a, b, c, d = (1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u
            dy = a * field[0, top, left] + b * field[0, top, right]
            dy += c * field[0, bottom, left] + d * field[0, bottom, right]
            dx = a * field[1, top, left] + b * field[1, top, right]
            dx += c * field[1, bottom, left] + d * field[1, bottom, right]
            if dy == 0.0 and dx == 0.0:
                break
            y = min(max(y + dy, 0.0), height - 1.0)
            x = min(max(x + dx, 0.0), width - 1.0)
        places[k, 0], places[k, 1] = y, x
    return places


def _gather(
    starts: np.ndarray, ends: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of the pixels by the peak they ended at, and the peaks in reading order."""
    from scipy.ndimage import maximum_filter

    bins = np.rint(ends).astype(np.int64) + PAD
    counts = np.zeros((shape[0] + 2 * PAD, shape[1] + 2 * PAD), np.int32)
    np.add.at(counts, (bins[:, 0], bins[:, 1]), 1)
    highest = maximum_filter(counts, size=5, mode="constant")
    peaks = np.argwhere((counts == highest) & (counts > MIN_PEAK))
    owners = _grow_peaks(counts, peaks)
    labels = np.zeros(shape, np.int32)
    labels[starts[:, 0], starts[:, 1]] = owners[bins[:, 0], bins[:, 1]]
    return labels, peaks - PAD


def _join_centres(
    centres: np.ndarray, starts: np.ndarray, ends: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of the pixels by the centre nearest to where they ended, and the centres."""
    from scipy.ndimage import gaussian_filter, label, maximum_filter
    from scipy.spatial import cKDTree

    smooth = gaussian_filter(centres.astype(np.float64), CENTRE_SIGMA)
    highest = maximum_filter(smooth, footprint=CROSS)
    # rounded, and one centre per piece: a last digit makes no second centre of a flat top
    tops, _ = label((np.round(smooth - highest, 6) == 0) & (smooth > MIN_CENTRE), np.ones((3, 3)))
    first = np.unique(tops[tops > 0], return_index=True)[1]  # argwhere has the same order
    peaks = np.argwhere(tops)[first]
    labels = np.zeros(shape, np.int32)
    if len(peaks) and len(starts):
        labels[starts[:, 0], starts[:, 1]] = cKDTree(peaks).query(ends)[1] + 1
    return labels, peaks


def _grow_peaks(counts: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Return the owner of every bin: a peak takes bins of more than two pixels around it; the
    highest peak wins.
    """
    from scipy.ndimage import maximum_filter

    owners = np.zeros(counts.shape, np.int32)
    if not len(peaks):
        return owners
    offsets = np.arange(-REACH, REACH + 1)
    rows = (peaks[:, 0, None] + offsets)[:, :, None]  # (peaks, 11, 1)
    columns = (peaks[:, 1, None] + offsets)[:, None, :]  # (peaks, 1, 11)
    allowed = counts[rows, columns] > MIN_BIN
    taken = np.zeros(allowed.shape, bool)
    taken[:, REACH, REACH] = True
    for _ in range(REACH):
        taken = maximum_filter(taken, size=(1, 3, 3), mode="constant") & allowed
    which, row, column = np.nonzero(taken)
    heights = counts[peaks[:, 0], peaks[:, 1]]
    last_wins = np.lexsort((-which, heights[which]))  # equals: the first in reading order
    which, row, column = which[last_wins], row[last_wins], column[last_wins]
    owners[rows[which, row, 0], columns[which, 0, column]] = which + 1
    return owners


def _drop_large(labels: np.ndarray, max_share: float) -> np.ndarray:
    ids, sizes = label_images.areas(labels)
    return label_images.keep(labels, ids[sizes <= max_share * labels.size])
