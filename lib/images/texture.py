"""Co-occurrence texture of all nuclei of a field, from lists of pixel pairs instead of matrices."""

from collections.abc import Sequence

import numpy as np

from lib.images import pixels

DISTANCES = (1, 5, 20)
ANGLES = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
MEASURES = ("contrast", "dissimilarity", "homogeneity", "asm", "energy", "correlation")


def texture(
    image: np.ndarray, labels: np.ndarray, wanted: np.ndarray, distances: Sequence[int] = DISTANCES
) -> dict:
    """Return Haralick's measures of the symmetric grey-level co-occurrence matrix of each nucleus.

    Pairs have both pixels inside the nucleus, so that neither the surroundings nor a neighbour
    count; the four directions are pooled, which keeps the measures stable under rotation. No pair
    at a distance: all measures are 0.

    Parameters
    ----------
    image : (rows, columns) uint8
        Grey values.
    labels : (rows, columns) int
        0 = background.
    wanted : (n,) int
        Labels.
    distances : sequence of int
        In pixels; 1, 5 and 20 as in the paper.

    Returns
    -------
    dict
        `texture_<measure>_<distance>` → (n,) float.

    References
    ----------
    Haralick, Shanmugam and Dinstein (1973), https://doi.org/10.1109/TSMC.1973.4309314
    """
    nucleus_of = np.full(max(labels.max(initial=0), np.max(wanted, initial=0)) + 1, -1)
    nucleus_of[wanted] = np.arange(len(wanted))
    nucleus_of[0] = -1
    nuclei = nucleus_of[labels]  # (rows, columns), −1 = not wanted
    features = {}
    for distance in distances:
        # one list per direction
        pairs = [_pairs(image, nuclei, distance, angle) for angle in ANGLES]
        nucleus, first, second = (np.concatenate(part) for part in zip(*pairs, strict=True))
        measures = _measures(nucleus, first, second, len(wanted))
        features |= {f"texture_{name}_{distance}": measures[name] for name in MEASURES}
    return features


def _pairs(
    image: np.ndarray, nuclei: np.ndarray, distance: int, angle: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return nucleus and both grey values of the pairs at one offset."""
    down, right = round(np.sin(angle) * distance), round(np.cos(angle) * distance)
    n_rows, n_columns = nuclei.shape
    left = max(0, -right)
    here = (slice(0, max(n_rows - down, 0)), slice(left, max(n_columns - max(right, 0), left)))
    there = (slice(down, n_rows), slice(left + right, max(n_columns + min(right, 0), left + right)))
    both = (nuclei[here] >= 0) & (nuclei[here] == nuclei[there])  # both pixels in one nucleus
    return nuclei[here][both], image[here][both], image[there][both]


def _measures(
    nucleus: np.ndarray, first: np.ndarray, second: np.ndarray, n: int
) -> dict[str, np.ndarray]:
    """Return each measure (n,) of pairs of grey values (p,)."""
    a, b = first.astype(float), second.astype(float)
    difference = np.abs(a - b)  # (p,)
    mean = pixels.means(nucleus, (a + b) / 2, n)
    da, db = a - mean[nucleus], b - mean[nucleus]  # the matrix is symmetric, so both have this mean
    covariance, variance = (
        pixels.means(nucleus, da * db, n),
        pixels.means(nucleus, (da**2 + db**2) / 2, n),
    )
    asm = _second_moment(nucleus, first, second, n)  # angular second moment
    n_pairs = np.bincount(nucleus, minlength=n)  # (n,)
    uniform = (n_pairs > 0).astype(float)  # correlation of a constant texture, as in scikit-image
    return {
        "contrast": pixels.means(nucleus, difference**2, n),
        "dissimilarity": pixels.means(nucleus, difference, n),
        "homogeneity": pixels.means(nucleus, 1 / (1 + difference**2), n),
        "asm": asm,
        "energy": np.sqrt(asm),
        "correlation": np.divide(covariance, variance, out=uniform, where=variance > 1e-12),
    }


def _second_moment(
    nucleus: np.ndarray, first: np.ndarray, second: np.ndarray, n: int
) -> np.ndarray:
    """Return the sum of squares of the symmetric matrix's shares, (n,)."""
    low, high = (
        np.minimum(first, second).astype(np.uint64),
        np.maximum(first, second).astype(np.uint64),
    )
    # nucleus and the two grey values in one number, so that a sort counts equal pairs
    cells = np.sort((nucleus.astype(np.uint64) << np.uint64(16)) | (low << np.uint64(8)) | high)
    starts = np.flatnonzero(np.diff(cells, prepend=np.uint64(2**63)))
    counts = np.diff(starts, append=len(cells)).astype(float)
    cell = cells[starts]
    on_diagonal = (cell >> np.uint64(8)) % np.uint64(256) == cell % np.uint64(256)
    # off the diagonal, c pairs are c in each of two cells; on it, 2 c in one
    squares = np.where(on_diagonal, 4 * counts**2, 2 * counts**2)
    total = 2 * np.bincount(nucleus, minlength=n)
    return np.bincount((cell >> np.uint64(16)).astype(int), squares, n) / np.maximum(total, 1) ** 2
