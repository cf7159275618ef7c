"""Slides of any size: windows through the network, tiles through the dynamics, one set of labels.

Every tile computes what it needs from a grid of windows that belongs to the slide, so its maps are
those of the whole. It keeps the cells whose peak lies in its own part; a halo holds the rest of
them. Tiles can thus be made in any order, on any machine, and the labels are those of one piece.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lib.data.errors import InputError
from lib.genesegnet import crops, prediction
from lib.genesegnet.dynamics import Settings, flow_errors
from lib.genesegnet.flows import FLOW_SCALE
from lib.genesegnet.location import SIGMA, location_map, reach
from lib.genesegnet.network import CELL, SegmentationNetwork
from lib.genesegnet.samples import Sample
from lib.genesegnet.stitching import TileCells, stitch
from lib.genesegnet.tiling import Box, Plan, common, taper, tiles, window_batches

BAND = 64  # rows of a band of the index of spots


@dataclass(frozen=True)
class Slide:
    """What inference reads: pixels on disk or in memory, and spots with an index.

    Attributes
    ----------
    stain : (rows, columns) array, of NumPy or Zarr
    rows, columns : (n,) int
        Pixels of the spots.
    low, high : float
        Levels of the whole slide that become 0 and 1.
    sigma : float
        Of the location map, in pixels.
    inputs : both, stain or rna
        What the network was trained to look at; the other channel is blank.
    order, codes : (n,) int
        Index of the spots by band of rows, then column.
    """

    stain: Any
    rows: np.ndarray
    columns: np.ndarray
    low: float
    high: float
    sigma: float = SIGMA
    inputs: str = "both"
    order: np.ndarray = field(init=False, repr=False)
    codes: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        codes = np.asarray(self.rows, np.int64) // BAND * self.stain.shape[1] + self.columns
        order = np.argsort(codes, kind="stable")
        # the only way into a frozen dataclass; made once, used by every window
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "codes", codes[order])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return tuple(self.stain.shape[:2])


def from_sample(sample: Sample, *, sigma: float = SIGMA, inputs: str = "both") -> Slide:
    """Return a sample as a slide.

    Parameters
    ----------
    sample : Sample
    sigma : float
        Of the location map, in pixels.
    inputs : both, stain or rna
        What the network was trained to look at.

    Returns
    -------
    Slide
    """
    low, high = crops.levels(sample.stain)
    return Slide(sample.stain, sample.rows, sample.columns, low, high, sigma, inputs)


def select(slide: Slide, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Select the spots inside a box, by a search in every band of rows.

    Parameters
    ----------
    slide : Slide
    box : Box

    Returns
    -------
    rows, columns : (n,) int
        Counted from the box's corner.
    """
    width = slide.shape[1]
    # within a band spots are sorted by column: two searches find those of the box
    bands = np.arange(box.top // BAND, (box.bottom - 1) // BAND + 1) * width
    first, last = np.searchsorted(slide.codes, np.stack([bands + box.left, bands + box.right]))
    near = np.concatenate([slide.order[a:b] for a, b in zip(first, last, strict=True)])
    rows = slide.rows[near] - box.top
    inside = (rows >= 0) & (rows < box.bottom - box.top)
    return rows[inside], slide.columns[near[inside]] - box.left


def inputs(slide: Slide, box: Box) -> np.ndarray:
    """Return what the network sees of a box.

    Parameters
    ----------
    slide : Slide
    box : Box

    Returns
    -------
    (2, rows, columns) float32
        Stain by the slide's levels; location map with the spots from beyond the box.
    """
    wide = box.grown(reach(slide.sigma), slide.shape)
    spots = location_map(*select(slide, wide), wide.shape, sigma=slide.sigma)
    top, left = box.top - wide.top, box.left - wide.left
    near = spots[top : top + box.shape[0], left : left + box.shape[1]]
    stain = crops.normalise(np.asarray(slide.stain[box.slices()]), slide.low, slide.high)
    kept = {"stain": (stain, 0 * near), "rna": (0 * stain, near)}
    return np.stack(kept.get(slide.inputs, (stain, near)))


def maps(
    network: SegmentationNetwork,
    slide: Slide,
    box: Box,
    plan: Plan,
    *,
    diameter: float | None = None,
) -> np.ndarray:
    """Return blended flow and logit of a box, from all windows of the slide that meet it.

    Returns
    -------
    (3 or 4, rows, columns) float32
    """
    total = np.zeros((network.architecture.n_outputs, *box.shape), np.float32)
    weights = np.zeros(box.shape, np.float32)
    shape = tuple(min(plan.window, length) for length in slide.shape)
    weight = taper(shape) if plan.taper else np.ones(shape, np.float32)
    for batch in window_batches(slide.shape, box, plan):
        planes = np.stack([inputs(slide, window) for window in batch])
        spare = np.repeat(
            planes[-1:], plan.batch_size - len(planes), axis=0
        )  # one shape, one result
        found = prediction.maps(
            network,
            np.concatenate([planes, spare]),
            diameter=diameter,
            batch_size=plan.batch_size,
        )
        for window, output in zip(batch, found, strict=False):
            here, there = common(box, window)
            total[:, *here] += output[:, *there] * weight[there]
            weights[here] += weight[there]
    return total / weights


def segment_tile(
    network: SegmentationNetwork,
    slide: Slide,
    tile: Box,
    plan: Plan | None = None,
    *,
    settings: Settings | None = None,
    diameter: float | None = None,
) -> TileCells:
    """Find the cells of one tile.

    Parameters
    ----------
    network : SegmentationNetwork
    slide : Slide
    tile : Box
    plan : Plan, optional
    settings : Settings, optional
    diameter : float, optional
        Size of the cells in pixels; default: that of training.

    Returns
    -------
    TileCells
        Those whose peak lies in the tile, with their pixels beyond it.
    """
    plan = plan or Plan()
    box = tile.grown(plan.halo, slide.shape)
    found = maps(network, slide, box, plan, diameter=diameter)
    masks = prediction.cells(found, settings)
    peaks = masks.peaks + [box.top, box.left]
    # a peak lies in one tile only, so no cell is found twice
    own = (peaks >= [tile.top, tile.left]) & (peaks < [tile.bottom, tile.right])
    mine = np.flatnonzero(own.all(axis=1)) + 1
    names = np.zeros(len(peaks) + 1, np.int32)
    names[mine] = np.arange(1, len(mine) + 1)
    labels = names[masks.labels]
    rows, columns = np.nonzero(labels)
    confidence = _confidence(labels, found)
    return TileCells(
        rows + box.top, columns + box.left, labels[rows, columns], peaks[mine - 1], confidence
    )


def segment(
    network: SegmentationNetwork,
    slide: Slide,
    plan: Plan | None = None,
    *,
    settings: Settings | None = None,
    diameter: float | None = None,
    progress: str = "",
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of a slide and the confidence of every cell, tile by tile.

    Parameters
    ----------
    diameter : float, optional
        Size of cells in pixels; default: that of training.
    progress : str
        Label of a progress bar; empty for none.

    Returns
    -------
    labels : (rows, columns) int32
        1 … n in reading order of the cells' peaks.
    confidence : (n, 2) float
        Mean probability of being in a cell, and error of the flow.
    """
    from tqdm.auto import tqdm

    plan = plan or Plan()
    parts = tqdm(tiles(slide.shape, plan), desc=progress, unit="tile", disable=not progress)
    done = (
        segment_tile(network, slide, tile, plan, settings=settings, diameter=diameter)
        for tile in parts
    )
    return stitch(list(done), np.zeros(slide.shape, np.int32))


def estimate_diameter(
    network: SegmentationNetwork, slide: Slide, plan: Plan, *, settings: Settings | None = None
) -> float:
    """Estimate the size of a slide's cells from those found at the size of training.

    Parameters
    ----------
    network : SegmentationNetwork
    slide : Slide
        The tile with most spots is segmented.
    plan : Plan
    settings : Settings, optional

    Returns
    -------
    float
        Median diameter in pixels.

    Raises
    ------
    InputError
        If no cell is found there.
    """
    from lib.genesegnet.labels import diameter

    counts = [len(select(slide, tile)[0]) for tile in tiles(slide.shape, plan)]
    tile = tiles(slide.shape, plan)[int(np.argmax(counts))]
    found = maps(network, slide, tile, plan)
    size = diameter(prediction.cells(found, settings).labels)
    if not size > 0:
        raise InputError("no cell was found to take the diameter from", fix="give the diameter")
    return size


def _confidence(labels: np.ndarray, found: np.ndarray) -> np.ndarray:
    n = int(labels.max(initial=0))
    if not n:
        return np.zeros((0, 2))
    probability = 1 / (1 + np.exp(-found[CELL].astype(np.float64)))
    counts = np.bincount(labels.ravel(), minlength=n + 1)
    means = np.bincount(labels.ravel(), weights=probability.ravel(), minlength=n + 1) / counts
    return np.stack([means[1:], flow_errors(labels, found[:CELL] / FLOW_SCALE)[1]], axis=1)
