"""Outlines of nuclei: radii, calipers and local curvature, all nuclei of a field in one list of
points."""

from dataclasses import dataclass

import numpy as np

from lib.images import pixels
from lib.stats import order

STEP = 5
"""Curvature at a point is that of the circle through it and the points this many steps before and
after."""

SMOOTH = 3
"""Neighbours on each side that a point is averaged with before its curvature is taken."""

PROMINENCE = 0.1
"""Rise in 1/pixel that makes a maximum of curvature a prominent one."""

N_DIRECTIONS = 180


@dataclass(frozen=True)
class Outlines:
    """Closed outlines of n nuclei, one after the other.

    Attributes
    ----------
    nucleus : (m,) int
        0 … n − 1, ascending.
    points : (m, 2) float
        Row and column in the field, on the half-way line between inside and outside.
    lengths : (n,) int
        Points of each outline.
    """

    nucleus: np.ndarray
    points: np.ndarray
    lengths: np.ndarray

    @property
    def n(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> np.ndarray:
        """Index of the first point of each outline, (n,)."""
        return np.cumsum(self.lengths) - self.lengths

    def shifted(self, steps: int) -> np.ndarray:
        """Return, for every point, the index of the one `steps` further round its outline.

        Parameters
        ----------
        steps : int
            May be negative.

        Returns
        -------
        (m,) int array
        """
        start, length = self.starts[self.nucleus], self.lengths[self.nucleus]
        return start + (np.arange(len(self.nucleus)) - start + steps) % length


def trace(labels: np.ndarray, wanted: np.ndarray, corners: np.ndarray) -> Outlines:
    """Trace the longest outline of every nucleus.

    Parameters
    ----------
    labels : (rows, columns) int
        Mask of the field, 0 = background.
    wanted : (n,) int
        Labels.
    corners : (n, 4) int
        Bounding boxes: first row, first column, last row + 1, last column + 1.

    Returns
    -------
    Outlines
        Of the nuclei in the order of `wanted`.
    """
    from skimage.measure import find_contours

    loops = []  # one (points, 2) array per nucleus
    for label, (top, left, bottom, right) in zip(wanted, np.asarray(corners), strict=True):
        # one pixel of frame closes the outlines at the edge of the box
        mask = np.pad(labels[top:bottom, left:right] == label, 1)
        longest = max(find_contours(mask.astype(float), 0.5), key=len)
        loops.append(longest[:-1] + (top - 1, left - 1))  # its last point is its first
    lengths = np.array([len(loop) for loop in loops], int)  # (n,)
    points = np.concatenate([np.empty((0, 2)), *loops])
    return Outlines(np.repeat(np.arange(len(loops)), lengths), points, lengths)


def radii(outlines: Outlines, centroids: np.ndarray) -> dict[str, np.ndarray]:
    """Return statistics of the distance from the centroid to the outline.

    Parameters
    ----------
    outlines : Outlines
        Of n nuclei.
    centroids : (n, 2) float
        Row and column in the field.

    Returns
    -------
    dict of str to (n,) float array
        `radius_min`, `_q25`, `_median`, `_q75`, `_max`, `_mean`, `_sd`, in pixels.
    """
    distance = np.hypot(*(outlines.points - centroids[outlines.nucleus]).T)  # (m,)
    low, q25, median, q75, high = pixels.quantiles(
        outlines.nucleus, distance, outlines.n, (0, 0.25, 0.5, 0.75, 1)
    )
    return {
        "radius_min": low,
        "radius_q25": q25,
        "radius_median": median,
        "radius_q75": q75,
        "radius_max": high,
        "radius_mean": pixels.means(outlines.nucleus, distance, outlines.n),
        "radius_sd": pixels.deviations(outlines.nucleus, distance, outlines.n),
    }


def calipers(outlines: Outlines) -> dict[str, np.ndarray]:
    """Return the smallest and largest width over 180 directions, and their ratio.

    Parameters
    ----------
    outlines : Outlines
        Of n nuclei.

    Returns
    -------
    dict of str to (n,) float array
        `caliper_min`, `caliper_max` in pixels, `caliper_ratio` (smallest by largest).
    """
    angles = np.arange(N_DIRECTIONS) * np.pi / N_DIRECTIONS
    along = outlines.points @ np.stack([np.sin(angles), np.cos(angles)])  # (m, 180)
    if not outlines.n:
        return dict.fromkeys(("caliper_min", "caliper_max", "caliper_ratio"), np.empty(0))
    widths = np.maximum.reduceat(along, outlines.starts) - np.minimum.reduceat(
        along, outlines.starts
    )  # (n, 180)
    smallest, largest = widths.min(axis=1), widths.max(axis=1)
    return {"caliper_min": smallest, "caliper_max": largest, "caliper_ratio": smallest / largest}


def local_curvature(outlines: Outlines) -> np.ndarray:
    """Return the signed curvature at every point of the outlines.

    Points are first averaged with their neighbours, which takes the stairs of the pixels out. The
    curvature is that of the circle through a point and those `STEP` points before and after.

    Parameters
    ----------
    outlines : Outlines
        m points.

    Returns
    -------
    (m,) float array
        In 1/pixel, positive where the nucleus bulges out.
    """
    smooth = np.mean(
        [outlines.points[outlines.shifted(i)] for i in range(-SMOOTH, SMOOTH + 1)], axis=0
    )
    before, after = smooth[outlines.shifted(-STEP)], smooth[outlines.shifted(STEP)]
    # curvature of the circle through three points: 2 × cross product by the product of its sides
    sides = [np.hypot(*side.T) for side in (smooth - before, after - smooth, after - before)]
    product = np.prod(sides, axis=0)
    cross = _cross(smooth - before, after - smooth)  # (m,), its sign tells bulge from dent
    curvature = np.divide(2 * cross, product, out=np.zeros_like(product), where=product > 0)
    # (n,) twice the signed area: tells in which direction an outline was traced
    turning = pixels.sums(outlines.nucleus, _cross(smooth, smooth[outlines.shifted(1)]), outlines.n)
    return curvature * np.sign(turning)[outlines.nucleus]


def curvature_features(outlines: Outlines) -> dict[str, np.ndarray]:
    """Return statistics of the local curvature.

    Parameters
    ----------
    outlines : Outlines
        Of n nuclei.

    Returns
    -------
    dict of str to (n,) float array
        `curvature_mean`, `_sd` (1/pixel), sign changes as number and as share of the points; by
        sign mean, median, SD, maximum and sum (1/pixel), share of the points, number, prominence
        (1/pixel) and width (points) of prominent maxima. Those of a sign that a nucleus does not
        have are 0.
    """
    curvature, nucleus, n = local_curvature(outlines), outlines.nucleus, outlines.n
    n_points = np.maximum(np.bincount(nucleus, minlength=n), 1)  # (n,)
    changes = np.sign(curvature) != np.sign(curvature[outlines.shifted(1)])  # (m,)
    features = {
        "curvature_mean": pixels.means(nucleus, curvature, n),
        "curvature_sd": pixels.deviations(nucleus, curvature, n),
        "curvature_sign_changes": np.bincount(nucleus, changes, n),
        "curvature_sign_change_share": np.bincount(nucleus, changes, n) / n_points,
    }
    for sign, name in ((1, "positive"), (-1, "negative")):
        size = sign * curvature
        of, part = nucleus[size > 0], size[size > 0]  # points of this sign
        median, largest = pixels.quantiles(of, part, n, (0.5, 1))
        features |= {
            f"curvature_{name}_mean": pixels.means(of, part, n),
            f"curvature_{name}_median": median,
            f"curvature_{name}_sd": pixels.deviations(of, part, n),
            f"curvature_{name}_max": largest,
            f"curvature_{name}_sum": pixels.sums(of, part, n),
            f"curvature_{name}_share": np.bincount(of, minlength=n) / n_points,
        }
        features |= _prominent(outlines, size, name)
    return features


def _prominent(outlines: Outlines, size: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Count prominent maxima round each outline, with mean prominence in 1/pixel and width in
    points."""
    from scipy.signal import find_peaks

    # so that no peak hangs on a last digit
    size = order.rounded(size, scale=1)
    found = np.zeros((outlines.n, 3))  # number, mean prominence, mean width
    for i, (start, length) in enumerate(zip(outlines.starts, outlines.lengths, strict=True)):
        loop = size[start : start + length]
        at_lowest = np.roll(loop, -int(loop.argmin()))  # so that no peak lies across the seam
        peaks, about = find_peaks(
            np.append(at_lowest, at_lowest[0]), prominence=PROMINENCE, width=0
        )
        if len(peaks):
            found[i] = len(peaks), about["prominences"].mean(), about["widths"].mean()
    names = [
        f"curvature_{name}_peaks",
        f"curvature_{name}_peak_prominence",
        f"curvature_{name}_peak_width",
    ]
    return dict(zip(names, found.T, strict=True))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
