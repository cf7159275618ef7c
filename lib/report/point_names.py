"""Names beside points of a scatter plot, none covering another."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patheffects import withStroke

from lib.stats import order

DIRECTIONS = (
    *(0, 180, 90, 270, 45, 135, 225, 315, 20, 160, 200, 340),
    *(70, 110, 250, 290),
)
"""Degrees from the point to its name, the most readable first."""

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of red, green and blue, Rec. 709
DARK = 0.45  # luminance of a name at most

DISTANCES = (5, 9, 15, 23, 33, 45, 60, 78, 100)
"""From the point to its name, in typographic points."""


def name_points(
    ax: Axes, points: np.ndarray, names: Sequence[str], colours: Sequence[str], *, size: float = 8
) -> None:
    """Write names beside points so that none covers another name or point.

    Each takes the nearest free position of some directions and distances; a name that had to go far
    has a line to its point. Limits of the axes must be final.

    Parameters
    ----------
    ax : Axes
        Axes with the points already drawn.
    points : (n, 2) array
        In data coordinates.
    names : sequence of n str
        Names; earlier ones choose first.
    colours : sequence of n colours
        Of each point; a name has the hue of its point, dark enough to be read on white.
    size : float
        Of the letters, in points.
    """
    figure = ax.figure.figure  # of a part of a figure, the whole
    figure.draw_without_rendering()
    scale = figure.dpi / 72  # pixels a typographic point
    places = ax.transData.transform(points)  # (n, 2) in pixels
    # left, bottom, right, top of each
    taken = [(*(place - 3 * scale), *(place + 3 * scale)) for place in places]
    inside = ax.get_window_extent()
    turns = np.deg2rad(DIRECTIONS)
    for place, name, colour in zip(places, names, colours, strict=True):
        dark = _readable(colour)
        text = ax.annotate(name, place, xycoords="figure pixels", fontsize=size)
        extent = text.get_window_extent()
        text.remove()
        half = np.array([extent.width, extent.height]) / 2 + scale  # with a point of air
        offsets = [_beside(turn, half, away * scale) for away in DISTANCES for turn in turns]
        boxes = [(*(place + offset - half), *(place + offset + half)) for offset in offsets]
        costs = [_overlap(box, taken) + (0 if _contains(inside, box) else 1e6) for box in boxes]
        best = order.smallest(costs)  # the first of equals is the nearest
        taken.append(boxes[best])
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
        ax.annotate(
            name,
            ax.transData.inverted().transform(place),
            offsets[best] / scale,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            color=dark,
            path_effects=[withStroke(linewidth=1.5, foreground="white")],
            arrowprops=line if best >= 2 * len(turns) else None,
        )


def _readable(colour: str) -> tuple[float, ...]:
    """Return a colour dark enough for small letters on white, of the same hue."""
    rgb = np.array(to_rgb(colour))
    luminance = float(rgb @ LUMINANCE)
    return tuple(rgb * min(1.0, DARK / max(luminance, 1e-9)))


def _beside(turn: float, half: np.ndarray, away: float) -> np.ndarray:
    """Return the offset of the centre of a box that lies `away` from the point in a direction."""
    direction = np.array([np.cos(turn), np.sin(turn)])
    return direction * away + np.round(direction, 6) * half


def _overlap(box: tuple, taken: list[tuple]) -> float:
    others = np.array(taken)  # (boxes, 4)
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return float((np.maximum(width, 0) * np.maximum(height, 0)).sum())


def _contains(area, box: tuple) -> bool:
    return area.x0 <= box[0] and area.y0 <= box[1] and box[2] <= area.x1 and box[3] <= area.y1
