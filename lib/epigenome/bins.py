"""Bins: coarser ones from finer ones, and where they are centred.

Sums over 100-bp bins are what is stored; those of 500 and 2,000 bp follow by adding before the
logarithm.
"""

import numpy as np

from lib.data.errors import InputError


def coarsen(sums: np.ndarray, factor: int) -> np.ndarray:
    """Add groups of `factor` neighbouring bins along the last axis; the last group may be short.

    Parameters
    ----------
    sums : (..., n) array
    factor : int

    Returns
    -------
    (..., ceil(n / factor)) array

    Examples
    --------
    >>> coarsen(np.array([1, 2, 3, 4, 5]), 2).tolist()
    [3, 7, 5]
    """
    return np.add.reduceat(sums, np.arange(0, sums.shape[-1], factor), axis=-1)


def pad_left(n: int, length: int) -> int:
    """Return the bins of padding before `n` bins that are centred in `length`; the larger half is
    in front.

    Parameters
    ----------
    n, length : int
        Bins of data, and of the padded axis.

    Examples
    --------
    >>> pad_left(3, 6), pad_left(6, 6)
    (2, 0)
    """
    if n > length:
        raise InputError(
            f"{n} bins do not fit into {length}", fix="shorten the region or widen the window"
        )
    return -(-(length - n) // 2)
