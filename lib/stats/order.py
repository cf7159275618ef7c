"""Order and choice by rounded values, so that no choice hangs on a last digit.

Sums in another order and another processor's exponential differ in the last digits. Values that are
the same but for those count as equal here, and a named rule decides: the smaller row, or the name
that comes first.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

BITS = 30
"""Binary digits that count: nine decimal ones."""


def rounded(values: ArrayLike, *, scale: float | None = None) -> np.ndarray:
    """Round to nine significant digits, exactly alike on every processor; what is not finite stays.

    Parameters
    ----------
    values : array of float
        Of any shape.
    scale : float, optional
        Size of the terms that the values are sums or differences of, such as 1 for cosines; digits
        are then counted from there, as values near 0 have fewer true ones. Default: each value's
        own size.

    Returns
    -------
    array of float
        The same shape, rounded.

    Examples
    --------
    >>> rounded([0.1 + 0.2, 1e-300, np.inf]) == rounded([0.3, 1e-300, np.inf])
    array([ True,  True,  True])
    >>> rounded([1e-17, -1e-17], scale=1) + 0.0
    array([0., 0.])
    """
    values = np.asarray(values, np.float64)
    if scale is not None:
        # a power of two, so that dividing by it is exact
        step = np.ldexp(1.0, int(np.frexp(scale)[1]) - BITS)
        return np.round(values / step) * step
    mantissa, exponent = np.frexp(values)  # values = mantissa · 2^exponent, |mantissa| in [0.5, 1)
    return np.ldexp(np.round(np.ldexp(mantissa, BITS)), exponent - BITS)


def largest(values: ArrayLike, *, scale: float | None = None) -> int:
    """Return the position of the largest value, of equal ones the first.

    Parameters
    ----------
    values : (N,) array of float
        A missing value is never the largest.
    scale : float, optional
        As in `rounded`.

    Returns
    -------
    int
        Position, from 0.

    Raises
    ------
    ValueError
        If there is no value, or all are missing.
    """
    return int(np.nanargmax(rounded(values, scale=scale)))


def smallest(values: ArrayLike, *, scale: float | None = None) -> int:
    """Return the position of the smallest value, of equal ones the first.

    Parameters
    ----------
    values : (N,) array of float
        A missing value is never the smallest.
    scale : float, optional
        As in `rounded`.

    Returns
    -------
    int
        Position, from 0.

    Raises
    ------
    ValueError
        If there is no value, or all are missing.
    """
    return int(np.nanargmin(rounded(values, scale=scale)))


def ascending(values: ArrayLike, *, scale: float | None = None, axis: int = -1) -> np.ndarray:
    """Return the positions that sort values from the smallest to the largest.

    Parameters
    ----------
    values : array of float
        To be sorted along `axis`; missing values come last.
    scale : float, optional
        As in `rounded`.
    axis : int
        Axis to sort along.

    Returns
    -------
    array of int
        The same shape; equal values stay in the order given.
    """
    return np.argsort(rounded(values, scale=scale), axis=axis, kind="stable")


def descending(values: ArrayLike, *, scale: float | None = None, axis: int = -1) -> np.ndarray:
    """Return the positions that sort values from the largest to the smallest.

    Parameters
    ----------
    values : array of float
        To be sorted along `axis`; missing values come last.
    scale : float, optional
        As in `rounded`.
    axis : int
        Axis to sort along.

    Returns
    -------
    array of int
        The same shape; equal values stay in the order given.
    """
    return np.argsort(-rounded(values, scale=scale), axis=axis, kind="stable")


def by_p_value(p: ArrayLike) -> np.ndarray:
    """Return the positions that sort p-values from the smallest to the largest.

    Those above a half lie closer to 1 than nine digits show, and nothing is chosen among them: they
    count as they are.

    Parameters
    ----------
    p : (M,) array of float
        P-values.

    Returns
    -------
    (M,) array of int
        Positions; equal values stay in the order given.
    """
    p = np.asarray(p, np.float64)
    return np.argsort(np.where(p < 0.5, rounded(p), p), kind="stable")


def sort_table(
    table: pd.DataFrame, by: str, *, ties: str | Sequence[str] = (), largest_first: bool = False
) -> pd.DataFrame:
    """Sort a table by a column of numbers, equal ones by the columns `ties`, then as they are.

    Parameters
    ----------
    table : DataFrame
        Its values stay as they are; only their order is that of rounded ones.
    by : str
        Column of numbers; missing ones come last.
    ties : str or sequence of str
        Columns that order equal rows, each ascending.
    largest_first : bool
        Whether `by` is descending; `ties` stay ascending.

    Returns
    -------
    DataFrame
        The same rows in the new order, each with its index.
    """
    names = [ties] if isinstance(ties, str) else list(ties)
    rows = np.arange(len(table))
    # stable sorts, the last one decides first: ties backwards, then `by`
    for name in reversed(names):
        rows = rows[np.argsort(table[name].to_numpy()[rows], kind="stable")]
    sign = -1.0 if largest_first else 1.0
    rows = rows[ascending(sign * table[by].to_numpy(np.float64)[rows])]
    return table.iloc[rows]
