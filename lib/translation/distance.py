"""How far images lie from those that the encoder was trained on, in units of their own spread.

A nucleus is its image embedding and four plain measures of its pixels, which see what an encoder
may be blind to: size, brightness, and mean and spread of the region around it. Distances are those
of Mahalanobis over the training nuclei, divided by √E, so that a training nucleus has about 1. A
field has the median of its nuclei, and is compared with fields of known conditions that were held
out of the training.
"""

import numpy as np

from lib.screen.samples import Samples

MEASURES = ("size", "brightness", "region_mean", "region_sd")
"""Plain measures of a nucleus: √(pixels above 0), mean of these, mean and SD of the region; 8-bit
grey values at the size of the encoder's inputs."""
BATCH = 1024  # nuclei measured at one time
FAR = 0.99  # share of held-out fields beyond which an image counts as outside


def measures(samples: Samples, rows: np.ndarray) -> np.ndarray:
    """Return the plain measures of nuclei from the pixels that the encoder sees.

    Parameters
    ----------
    samples : Samples
        Its first input gives size and brightness, its last the region.
    rows : (k,) int array
        Nuclei wanted.

    Returns
    -------
    (k, 4) array
        Columns as `MEASURES`.
    """
    rows = np.asarray(rows)
    parts = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    return np.concatenate([_measures(samples, part) for part in parts])


def _measures(samples: Samples, rows: np.ndarray) -> np.ndarray:
    found = [pixels.numpy().astype(float) for pixels in samples.fetch(rows)]
    nucleus, region = found[0], found[-1]  # (k, s, s) each
    n_pixels = (nucleus > 0).sum(axis=(1, 2))  # (k,)
    brightness = nucleus.sum(axis=(1, 2)) / np.maximum(n_pixels, 1)
    return np.column_stack(
        [np.sqrt(n_pixels), brightness, region.mean(axis=(1, 2)), region.std(axis=(1, 2))]
    )


def fit(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return centre and whitening of the training nuclei.

    Parameters
    ----------
    features : (n, E) array
        Embeddings with plain measures.

    Returns
    -------
    centre : (E,) array
    whitening : (E, E) array
        (x − centre) @ whitening has unit covariance; the covariance is shrunk towards equal
        spreads where nuclei are few.

    References
    ----------
    Ledoit and Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices,
    https://doi.org/10.1016/S0047-259X(03)00096-4
    """
    from sklearn.covariance import ledoit_wolf

    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)  # a dead dimension has no direction
    covariance, _ = ledoit_wolf((features - centre) / spread, assume_centered=True)  # (E, E)
    root = np.linalg.cholesky(np.linalg.inv(covariance))  # (E, E)
    return centre, root / spread[:, None]


def of_nuclei(features: np.ndarray, centre: np.ndarray, whitening: np.ndarray) -> np.ndarray:
    """Return the distance of nuclei from the training nuclei.

    Parameters
    ----------
    features : (k, E) array
    centre, whitening : (E,), (E, E) arrays
        From `fit`.

    Returns
    -------
    (k,) array
        In SD; about 1 for a training nucleus.
    """
    scaled = (features - centre) @ whitening  # (k, E)
    return np.linalg.norm(scaled, axis=1) / np.sqrt(len(centre))


def share_as_far(distance: float, field_distances: np.ndarray) -> float:
    """Return the share of held-out fields that lie as far as an image, the image among them.

    Parameters
    ----------
    distance : float
        Median over the image's nuclei.
    field_distances : (F,) array
        Of held-out fields of known conditions.

    Returns
    -------
    float
        1 / (F + 1) for an image beyond all of them.

    Examples
    --------
    >>> share_as_far(5.0, np.array([0.9, 1.0, 1.1]))
    0.25
    """
    return float((1 + (field_distances >= distance).sum()) / (len(field_distances) + 1))


def is_outside(share: float, n_fields: int) -> bool:
    """Return whether an image lies outside what was trained on.

    Parameters
    ----------
    share : float
        From `share_as_far`.
    n_fields : int
        F.

    Returns
    -------
    bool
        Beyond 99 % of the held-out fields, or beyond all where they are fewer than a hundred.
    """
    return share <= max(1 - FAR, 1 / (n_fields + 1)) + 1e-12
