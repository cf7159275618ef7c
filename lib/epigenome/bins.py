"""Bins: sums over bases, their log means, padding and orientation.

Sums over 100-bp bins are what is stored; those of 500 and 2,000 bp follow by adding before the
logarithm.
"""

import numpy as np

from lib.data.errors import InputError


def n_bins(length: int, size: int) -> int:
    """Return the number of bins of a region; the last may be short."""
    return -(-length // size)


def edges(length: int, size: int) -> np.ndarray:
    """Return the borders (n + 1,) of a region's bins.

    Raises
    ------
    InputError
        For a bin or region without bases.

    Examples
    --------
    >>> edges(250, 100).tolist()
    [0, 100, 200, 250]
    """
    if size < 1 or length < 1:
        raise InputError(f"a region of {length} bases cannot be cut into bins of {size}")
    return np.append(np.arange(0, length, size), length)


def coarsen(sums: np.ndarray, factor: int) -> np.ndarray:
    """Add groups of `factor` neighbouring bins along the last axis; the last group may be short.

    Examples
    --------
    >>> coarsen(np.array([1, 2, 3, 4, 5]), 2).tolist()
    [3, 7, 5]
    """
    return np.add.reduceat(sums, np.arange(0, sums.shape[-1], factor), axis=-1)


def log_means(sums: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return ln(1 + mean depth) as float32, from sums (..., n) and the bases of each bin (n,)."""
    return np.log1p((sums / lengths).astype(np.float32))


def pad_left(n: int, length: int) -> int:
    """Return the bins of padding before `n` bins that are centred in `length`; the larger half is
    in front.

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


def padded(values: np.ndarray, length: int) -> np.ndarray:
    """Centre bins (n, F) in zeros (length, F)."""
    left = pad_left(len(values), length)
    out = np.zeros((length, *values.shape[1:]), values.dtype)
    out[left : left + len(values)] = values
    return out


def rebin(values, size: int, start: float, end: float, *, n: int = 1) -> np.ndarray:
    """Return means of `n` equal bins of [start, end) of a track of values of `size` bases each,
    from base 0.

    Every value counts by the bases it shares with a bin.

    Raises
    ------
    InputError
        For more bins than bases, or an interval outside the track.

    Examples
    --------
    >>> rebin([1, 2, 3], 25, 40, 60).tolist()
    [2.5]
    """
    values = np.asarray(values, float)
    if not 0 <= start < end <= len(values) * size:
        raise InputError(
            f"[{start}, {end}) is not within the {len(values) * size} bases of the track"
        )
    if n > end - start:
        raise InputError(f"{n} bins over {end - start:g} bases: a bin would be shorter than a base")
    total = np.concatenate([[0.0], np.cumsum(values * size)])
    at = np.interp(np.linspace(start, end, n + 1), np.arange(len(total)) * size, total)
    return np.diff(at) / ((end - start) / n)
