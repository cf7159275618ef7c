"""From plates to signatures: robust z-scores, and replicates collapsed to one signature with known
weights (MODZ).
"""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from lib.lincs.signatures import BOUND

LEAST_WEIGHT = 0.01  # of a replicate that agrees with no other one
# of a gene that hardly varies; published level 4 has it, and cannot be made again from level 3
LEAST_MAD = 0.1
NORMAL = 1.4826  # MAD of a normal distribution is its SD / 1.4826


def robust_z(values: np.ndarray, plates: np.ndarray, *, clip: float | None = BOUND) -> np.ndarray:
    """Return (x − median) / (1.4826 · MAD) of each gene within its plate, (n, G).

    Whatever all wells of a plate share is gone afterwards: cell lines that were on plates of their
    own cannot be told apart by z-scores, only by expression (level 3).

    Parameters
    ----------
    values : (n, G) array
        Expression of level 3, log2.
    plates : (n,) array
        Plate of each row.
    clip : float, optional
        Largest size; None leaves all.

    Examples
    --------
    >>> values = np.array([[5.0], [5], [5], [5], [8]])
    >>> robust_z(values, np.zeros(5), clip=None)[-1].round(2).tolist()
    [20.23]
    """
    found = np.empty(np.shape(values))
    for plate in np.unique(plates):
        rows = plates == plate
        centred = values[rows] - np.median(values[rows], axis=0)
        found[rows] = centred / (NORMAL * np.maximum(np.median(np.abs(centred), axis=0), LEAST_MAD))
    return found if clip is None else found.clip(-clip, clip)


def weights(correlations: np.ndarray) -> np.ndarray:
    """Return the weight of each replicate from the Spearman correlations between them (n, n).

    A replicate counts by its mean positive correlation with the others, at least 0.01; weights add
    up to 1. Two replicates always count the same.

    Examples
    --------
    >>> weights(np.array([[1, 0.8, 0.4], [0.8, 1, 0], [0.4, 0, 1]])).round(3).tolist()
    [0.5, 0.333, 0.167]
    """
    n = len(correlations)
    if n == 1:
        return np.ones(1)
    positive = np.maximum(correlations, 0) * (1 - np.eye(n))
    raw = np.maximum(positive.sum(axis=1) / (n - 1), LEAST_WEIGHT)
    return raw / raw.sum()


def collapse(values: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, pd.DataFrame]:
    """Collapse replicates to moderated z-scores, one signature per group.

    Parameters
    ----------
    values : (n, G) array
        z-scores of level 4 over the landmark genes.
    groups : (n,) array
        Treatment of each replicate.

    Returns
    -------
    signatures : (groups, G) float32 array
        Weighted means, groups sorted.
    report : DataFrame
        Per replicate: `group`, `weight`, `mean_correlation` with the others (NaN for a single one).
    """
    names = np.unique(groups)
    signatures, report = [], []
    for name in names:
        rows = np.flatnonzero(groups == name)
        correlations = _spearman(values[rows])
        weight = weights(correlations)
        others = (
            np.nan if len(rows) == 1 else (correlations.sum(axis=1) - 1) / max(len(rows) - 1, 1)
        )
        signatures.append(weight @ values[rows])
        report.append(
            pd.DataFrame({"row": rows, "group": name, "weight": weight, "mean_correlation": others})
        )
    return np.array(signatures, np.float32), pd.concat(report, ignore_index=True)


def _spearman(values: np.ndarray) -> np.ndarray:
    """Return rank correlations between rows, (n, n); 0 with a constant row."""
    ranks = rankdata(values, axis=1)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1)
    length = np.outer(length, length)
    found = np.divide(centred @ centred.T, length, out=np.zeros(length.shape), where=length > 0)
    np.fill_diagonal(found, 1)
    return found
