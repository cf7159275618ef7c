"""Bootstrap intervals and sign-flip tests over independent units, such as drugs."""

import numpy as np


def bootstrap_mean(
    values: np.ndarray, *, n: int, rng: np.random.Generator, level: float = 0.95
) -> tuple[float, float]:
    """Return the percentile interval of a mean over units that are drawn with replacement.

    Parameters
    ----------
    values : (units,) array of float
        One value per independent unit.
    n : int
        Number of draws.
    rng : Generator
        Draws the units.
    level : float
        Share of the draws inside the interval.

    Returns
    -------
    (low, high) : tuple of float
        In the unit of the values.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13
    """
    values = np.asarray(values, float)
    # (n, units) drawn, one mean per draw
    means = values[rng.integers(len(values), size=(n, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def sign_flip(differences: np.ndarray, *, n: int, rng: np.random.Generator) -> float:
    """Return the two-sided p-value of a mean difference by flipping the sign of each unit.

    Under the null hypothesis the sign of each unit is a coin's. All sign patterns are taken if they
    are no more than `n`; else `n` are drawn and the observed one counts as one.

    Parameters
    ----------
    differences : (units,) array of float
        One difference per independent unit.
    n : int
        Largest number of sign patterns.
    rng : Generator
        Draws patterns where not all are taken.

    Returns
    -------
    float
        In (0, 1].

    Examples
    --------
    >>> sign_flip([1.0, 2.0, 3.0], n=100, rng=np.random.default_rng(0))  # 2 of 8 are as large
    0.25
    """
    differences = np.asarray(differences, float)
    if 2 ** min(len(differences), 40) <= n:
        # (patterns, units) of 0 and 1
        bits = np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences)) & 1
        sums, extra = (1 - 2 * bits) @ differences, 0
    else:
        # (n,); sums rank as means do
        sums, extra = rng.choice([-1.0, 1.0], size=(n, len(differences))) @ differences, 1
    scale = np.abs(differences).sum()
    # sums equal but for the last digits count as equal
    as_large = np.abs(sums) >= abs(differences.sum()) - 1e-9 * scale
    return float((as_large.sum() + extra) / (len(sums) + extra))
