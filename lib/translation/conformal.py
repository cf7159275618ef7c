"""Sets of candidate genes that hold the true one in a chosen share of cases, calibrated on left-out
targets.

The score of a case is the rank of its true gene. A set of the r nearest genes holds the true one
whenever the rank is at most r, so r is a quantile of the ranks of targets that were left out. What
it means: among conditions drawn like the left-out targets, at least the chosen share is covered. It
says nothing of a condition of another kind, such as one that leaves the image of the control
unchanged. Several images of one target are not independent: each target has the weight of one case,
shared among its images.

References
----------
Vovk, Gammerman and Shafer (2005), Algorithmic learning in a random world; Dunn, Wasserman and
Ramdas (2023), Distribution-free prediction sets for two-layer hierarchical models, JASA 118,
https://doi.org/10.1080/01621459.2022.2060112
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

LEVELS = (0.80, 0.95)
"""Shares of cases in which a set is to hold the true gene."""


def set_size(ranks, targets, *, level: float, n_genes: int) -> int:
    """Return how many of the nearest genes make up a set of the wanted coverage.

    Parameters
    ----------
    ranks : (S,) array of int
        Rank of the true gene of every case, from 1.
    targets : (S,) array
        Which target a case belongs to; T different ones, all of the same weight.
    level : float
        Wanted coverage, in (0, 1).
    n_genes : int
        All genes; the answer where too few targets allow no smaller set.

    Returns
    -------
    int
        1 … n_genes.

    Examples
    --------
    >>> set_size([3, 1, 2, 9], [0, 1, 2, 3], level=0.8, n_genes=50)  # 0.8 · 5 = the 4th of 4
    9
    >>> set_size([3, 1, 2, 9], [0, 1, 2, 3], level=0.95, n_genes=50)  # would take 19 targets
    50
    """
    ranks = np.asarray(ranks)
    _, target, counts = np.unique(targets, return_inverse=True, return_counts=True)
    # a new target has the weight of one, too, and may have any rank
    weights = 1 / counts[target] / (len(counts) + 1)  # (S,)
    by_rank = np.argsort(ranks, kind="stable")
    covered = np.cumsum(weights[by_rank])
    first = int(np.searchsorted(covered, level - 1e-9))  # the last digit of a sum decides nothing
    return int(ranks[by_rank][first]) if first < len(ranks) else n_genes


def coverage(ranks, targets, *, n_genes: int, levels: Sequence[float] = LEVELS) -> pd.DataFrame:
    """Measure the coverage on every target with the set that the others calibrate.

    Parameters
    ----------
    ranks, targets : (S,) arrays
        As in `set_size`.
    n_genes : int
    levels : sequence of float

    Returns
    -------
    DataFrame
        One row per level: `level`, `n_targets`, `set_size` from all targets, `coverage` and its
        exact 95 % interval `low`, `high`, `is_informative` (the set is smaller than all genes).

    References
    ----------
    Clopper and Pearson, Biometrika 26 (1934), https://doi.org/10.2307/2331986
    """
    ranks, targets = np.asarray(ranks), np.asarray(targets)
    rows = []
    for level in levels:
        shares = _left_out_coverage(ranks, targets, level=level, n_genes=n_genes)  # (T,)
        found, n_targets = shares.mean(), len(shares)
        interval = stats.binomtest(round(found * n_targets), n_targets).proportion_ci()
        size = set_size(ranks, targets, level=level, n_genes=n_genes)
        rows.append([level, n_targets, size, found, interval.low, interval.high, size < n_genes])
    columns = ["level", "n_targets", "set_size", "coverage", "low", "high", "is_informative"]
    return pd.DataFrame(rows, columns=columns)


def _left_out_coverage(ranks, targets, *, level: float, n_genes: int) -> np.ndarray:
    """Return the share of each target's cases that the other targets' set covers, (T,)."""
    shares = []
    for target in np.unique(targets):
        own = targets == target
        size = set_size(ranks[~own], targets[~own], level=level, n_genes=n_genes)
        shares.append((ranks[own] <= size).mean())
    return np.array(shares)
