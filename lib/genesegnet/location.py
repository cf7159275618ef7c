"""The location map: where transcripts of any gene are, as one more channel beside the stain."""

import numpy as np

CUT = 4.6052  # exponent beyond which a spot is not felt, as published (about ln 100)
SIGMA = 7.0  # pixels, as published


def location_map(
    rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int], *, sigma: float = SIGMA
) -> np.ndarray:
    """Return the truncated Gaussian of the distance to the nearest spot.

    The published map is the pixelwise maximum of one Gaussian per spot. A Gaussian falls with
    distance, so the maximum is that of the nearest spot, and one exact distance transform gives it
    at a cost that does not depend on the number of spots.

    Parameters
    ----------
    rows, columns : (n,) int
        Pixels of the spots, inside the image.
    shape : (int, int)
        Rows and columns of the image.
    sigma : float
        Width in pixels.

    Returns
    -------
    (rows, columns) float32
        1 at a spot, 0 beyond `reach(sigma)` and where there is no spot at all.

    References
    ----------
    Wang et al., Genome Biology 24:235 (2023), section on the location map.

    Examples
    --------
    >>> location_map(np.array([0]), np.array([0]), (1, 3), sigma=1.0).round(4)
    array([[1.    , 0.6065, 0.1353]], dtype=float32)
    """
    from scipy.ndimage import distance_transform_edt

    if sigma <= 0:
        raise ValueError(f"sigma is {sigma} pixels; expected more than 0")
    if len(rows) == 0:
        return np.zeros(shape, np.float32)
    no_spot = np.ones(shape, bool)
    no_spot[rows, columns] = False
    squared = np.rint(distance_transform_edt(no_spot) ** 2)  # of whole pixels, so whole
    exponent = squared / (2 * sigma**2)
    return np.where(exponent > CUT, 0.0, np.exp(-exponent)).astype(np.float32)


def reach(sigma: float = SIGMA) -> int:
    """Return the distance in pixels beyond which a spot changes nothing: the halo that a tile
    needs.

    Examples
    --------
    >>> reach(7.0)
    22
    """
    return int(np.ceil(sigma * np.sqrt(2 * CUT)))


def spot_density(
    rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int], *, sigma: float = SIGMA
) -> np.ndarray:
    """Return spots per pixel, smoothed by a Gaussian: what the location map leaves out, their
    number.

    Shapes and units as in `location_map`; the sum over the image is about the number of spots.
    """
    from scipy.ndimage import gaussian_filter

    counts = np.zeros(shape, np.float32)
    np.add.at(counts, (rows, columns), 1)
    return gaussian_filter(counts, sigma, mode="constant")
