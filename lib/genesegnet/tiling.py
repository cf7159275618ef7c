"""How a slide is cut: a grid of windows for the network, tiles with a halo for the dynamics."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BLUR = 7.5  # pixels over which a window's weight falls, as published
EDGE = 20  # pixels from a window's border to half its weight


@dataclass(frozen=True)
class Plan:
    """How a slide is cut.

    Parameters
    ----------
    window, step : int
        Side of what the network sees at once, and distance from one to the next, in pixels of the
        slide. The published 256 and 240 leave 16 pixels of overlap, and seams.
    tile : int
        Side of a tile of the dynamics; memory grows with its square, not with the slide.
    halo : int
        Pixels around a tile; two cell diameters or more.
    batch_size : int
        Windows in one pass. A CPU is fastest with 1, as the last pass of a tile is filled up.
    taper : bool
        Let the middle of a window count more than its border; the published average does not.
    """

    window: int = 256
    step: int = 192
    tile: int = 1024
    halo: int = 96
    batch_size: int = 1
    taper: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.step <= self.window or min(self.tile, self.batch_size) < 1 or self.halo < 0:
            raise ValueError(
                f"{self}: expected 0 < step <= window, tile and batch_size >= 1, halo >= 0"
            )


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels: rows from `top` to below `bottom`, columns from `left` to below
    `right`.
    """

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, by: int, shape: tuple[int, int]) -> "Box":
        """Return the box with a rim, cut at the slide's border."""
        return Box(
            max(0, self.top - by),
            min(shape[0], self.bottom + by),
            max(0, self.left - by),
            min(shape[1], self.right + by),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    def slices(self) -> tuple[slice, slice]:
        """Return the box as an index."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def starts(length: int, window: int, step: int) -> np.ndarray:
    """Return where windows start along a side.

    Parameters
    ----------
    length, window, step : int
        Of the side, of a window, and from one window to the next, in pixels.

    Returns
    -------
    (n,) int
        Every `step`; the last window is moved back to end at the border.

    Examples
    --------
    >>> starts(600, 256, 240)
    array([  0, 240, 344])
    """
    if length <= window:
        return np.array([0])
    # the last window is moved back, so that it never reaches beyond the slide
    regular = np.arange(0, length - window, step)
    return np.append(regular, length - window)


def tiles(shape: tuple[int, int], plan: Plan) -> list[Box]:
    """Cut a slide into tiles that do not overlap.

    Parameters
    ----------
    shape : (int, int)
    plan : Plan

    Returns
    -------
    list of Box
        In reading order; those at the right and the lower border may be smaller.
    """
    edges = [range(0, length, plan.tile) for length in shape]
    return [
        Box(top, min(top + plan.tile, shape[0]), left, min(left + plan.tile, shape[1]))
        for top in edges[0]
        for left in edges[1]
    ]


def window_batches(shape: tuple[int, int], box: Box, plan: Plan) -> Iterator[list[Box]]:
    """Yield the windows of a slide that meet a box.

    Parameters
    ----------
    shape : (int, int)
        Of the slide, to which the grid of windows belongs.
    box : Box
    plan : Plan

    Yields
    ------
    list of Box
        `batch_size` windows or fewer, in reading order.
    """
    firsts = [starts(length, plan.window, plan.step) for length in shape]
    size = [min(plan.window, length) for length in shape]
    rows = firsts[0][(firsts[0] < box.bottom) & (firsts[0] + size[0] > box.top)]
    columns = firsts[1][(firsts[1] < box.right) & (firsts[1] + size[1] > box.left)]
    corners = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    for start in range(0, len(corners), plan.batch_size):
        part = corners[start : start + plan.batch_size].tolist()
        yield [Box(top, top + size[0], left, left + size[1]) for top, left in part]


def common(box: Box, window: Box) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the common part of two boxes that meet.

    Parameters
    ----------
    box, window : Box

    Returns
    -------
    here, there : (slice, slice)
        The part as an index into an array of the first and of the second box.
    """
    top, bottom = max(box.top, window.top), min(box.bottom, window.bottom)
    left, right = max(box.left, window.left), min(box.right, window.right)
    part = Box(top, bottom, left, right)
    return tuple(
        Box(
            part.top - at.top, part.bottom - at.top, part.left - at.left, part.right - at.left
        ).slices()
        for at in (box, window)
    )


def taper(shape: tuple[int, int]) -> np.ndarray:
    """Return how much each pixel of a window counts in the average.

    Parameters
    ----------
    shape : (int, int)
        Of the window.

    Returns
    -------
    (rows, columns) float32
        1 in the middle, half 20 pixels from the border.
    """
    sides = []
    for length in shape:
        away = np.abs(np.arange(length) - (length - 1) / 2)
        sides.append(1 / (1 + np.exp((away - (length / 2 - min(EDGE, length / 4))) / BLUR)))
    return np.outer(*sides).astype(np.float32)


def straight_edges(labels: np.ndarray, plan: Plan, *, least: int = 8) -> int:
    """Count cells that end in a straight line on a border between tiles, as cut ones do.

    Parameters
    ----------
    labels : (rows, columns) int
    plan : Plan
    least : int
        Length of the line in pixels.

    Returns
    -------
    int
    """
    cut = set()
    for axis, length in enumerate(labels.shape):
        along = np.moveaxis(labels, axis, 0)
        for seam in range(plan.tile, length, plan.tile):
            before, after = along[seam - 1], along[seam]
            for side, other in ((before, after), (after, before)):
                ids, counts = np.unique(side[(side > 0) & (side != other)], return_counts=True)
                cut |= set(ids[counts >= least].tolist())
    return len(cut)
