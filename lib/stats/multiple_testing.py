"""P-values: adjustment for many tests, and the text that R prints."""

import numpy as np


def benjamini_hochberg(p) -> np.ndarray:
    """Return Benjamini-Hochberg adjusted p-values; a missing value stays missing and is no test.

    Parameters
    ----------
    p : (M,) array of float
        NaN stands for a missing value.

    Returns
    -------
    (M,) array of float
        Adjusted p-values in the order given, at most 1; NaN where p is missing.

    References
    ----------
    Benjamini and Hochberg, Controlling the false discovery rate, J. R. Stat. Soc. B 57 (1995),
    https://doi.org/10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.02, 0.04, 0.04, 0.02]
    """
    p = np.asarray(p, float)
    adjusted = np.full(p.shape, np.nan)
    finite = np.isfinite(p)
    adjusted[finite] = _step_up(p[finite], lambda sorted_p, rank, n: n / rank * sorted_p)
    return adjusted


def storey_q(p, *, threshold: float = 0.05) -> np.ndarray:
    """Return q-values as clusterProfiler takes them from the qvalue package with a single lambda.

    The share of true null hypotheses is estimated from the p-values at or above the threshold.
    Where it is zero, all q-values are missing.

    Parameters
    ----------
    p : (M,) array of float
        P-values, none of them missing.
    threshold : float
        The lambda of the method, in [0, 1).

    Returns
    -------
    (M,) array of float
        Q-values in the order given; all NaN if no p reaches the threshold.

    References
    ----------
    Storey, A direct approach to false discovery rates, J. R. Stat. Soc. B 64 (2002),
    https://doi.org/10.1111/1467-9868.00346
    """
    p = np.asarray(p, float)
    null_share = min(1.0, np.mean(p >= threshold) / (1 - threshold)) if len(p) else 0.0
    if null_share <= 0:
        return np.full(p.shape, np.nan)
    return null_share * _step_up(p, lambda sorted_p, rank, n: sorted_p * n / rank)


def format_p(p, *, eps: float = 1e-30) -> list[str]:
    """Return a column of p-values as R's `format.pval(p, digits = 2, eps = eps)` prints it.

    The column is formatted as a whole: one small value gives all of them more decimals. Values
    below 1e-4 are a group of their own, and those below `eps` become `<1e-30`.

    Parameters
    ----------
    p : (M,) array of float
        P-values of one column, none of them missing.
    eps : float
        Smallest value that is printed as a number.

    Returns
    -------
    list of str
        M texts, in the order given.

    Examples
    --------
    >>> format_p([0.05, 1.0]), format_p([0.0048, 1.0])
    (['0.05', '1.00'], ['0.0048', '1.0000'])
    """
    p = np.asarray(p, float)
    text = np.empty(len(p), dtype=object)
    # R formats values with and without many leading zeros apart
    for group in ((p >= 1e-4), (p >= eps) & (p < 1e-4)):
        if group.any():
            text[group] = _format_together(p[group])
    tiny = p < eps
    widest = max((len(value) for value in text[~tiny]), default=0)
    # R pads after `<` where the column is wider than `<1e-30`
    text[tiny] = f"<{' ' if widest > 6 else ''}{eps:.0e}"
    return text.tolist()


def _step_up(p: np.ndarray, scaled) -> np.ndarray:
    """Return the running minimum of scaled p-values from the largest p down, at most 1.

    The result is in the order of p.
    """
    order = np.argsort(-p, kind="stable")
    # the largest p has rank M
    rank = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.minimum.accumulate(scaled(p[order], rank, len(p))))
    return adjusted


def _format_together(p: np.ndarray) -> list[str]:
    """Format values with two significant digits and a common number of decimals.

    Notation is fixed where that is no wider than the scientific one.
    """
    unique, inverse = np.unique(p, return_inverse=True)  # (U,), (M,)
    parts = [f"{value:.1e}".split("e") for value in unique]
    exponents = [int(exponent) for _, exponent in parts]
    # trailing zeros are dropped
    digits = [1 if mantissa.endswith("0") else 2 for mantissa, _ in parts]
    decimals = max(0, *(n - e - 1 for n, e in zip(digits, exponents, strict=True)))
    fixed_width = max(1, max(exponents) + 1) + (decimals + 1 if decimals else 0)
    exponent_width = 3 if max(map(abs, exponents)) >= 100 else 2
    scientific_width = (1 if max(digits) == 1 else 3) + 2 + exponent_width
    # as R: fixed notation unless the scientific one is narrower
    form = f".{decimals}f" if fixed_width <= scientific_width else f".{max(digits) - 1}e"
    text = np.array([format(value, form) for value in unique], dtype=object)
    return text[inverse].tolist()
