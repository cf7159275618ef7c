"""Bins as models see them: promoter windows in the direction of transcription, and contact regions.

Shapes: G genes, F marks, W 100-bp bins of a window, L bins, R contact regions.
"""

from collections.abc import Sequence

import numpy as np

from lib.data.errors import InputError
from lib.epigenome import bins
from lib.epigenome.marks import rows_of
from lib.epigenome.signals import SIZE, WINDOW, Signals


def oriented(signals: Signals, rows: np.ndarray, *, window: int = WINDOW) -> np.ndarray:
    """Return the 100-bp sums (G, F, window / 100) around the start sites, reversed for genes on
    -.

    Parameters
    ----------
    signals : Signals
    rows : (F,) array
        Of the marks, from `marks.rows_of`.
    window : int
        bp.

    Returns
    -------
    (G, F, window / 100) float32 array

    Raises
    ------
    InputError
        For a window that is not a multiple of 200 bp within the stored one.
    """
    n = signals.promoters.shape[2]
    if window % (2 * SIZE) or not 0 < window <= n * SIZE:
        raise InputError(
            f"a window of {window} bp cannot be cut",
            fix=f"expected a multiple of {2 * SIZE} up to {n * SIZE}",
        )
    middle, half = n // 2, window // (2 * SIZE)
    sums = signals.promoters[:, rows, middle - half : middle + half].copy()
    is_minus = (signals.genes["strand"] == "-").to_numpy()
    sums[is_minus] = sums[is_minus, :, ::-1]
    return sums


def promoter_bins(sums: np.ndarray, size: int, *, length: int = WINDOW) -> np.ndarray:
    """Return ln(1 + mean depth) of promoter bins (..., L, F) from 100-bp sums (..., F, W), centred
    in the window.

    Parameters
    ----------
    sums : (..., F, W) array
    size : int
        bp of a bin, a multiple of 100.
    length : int
        bp of the padded window.

    Returns
    -------
    (..., length / size, F) float32 array
    """
    means = bins.coarsen(sums, size // SIZE) / np.float32(size)
    n, total = means.shape[-1], length // size
    left = bins.pad_left(n, total)
    out = np.zeros((*means.shape[:-2], total, means.shape[-2]), np.float32)
    out[..., left : left + n, :] = np.log1p(means).swapaxes(-1, -2)
    return out


def narrow(signals: Signals, marks: Sequence[str], *, window: int = 6_000) -> np.ndarray:
    """Return the promoter networks' input: ln(1 + mean depth) of 100-bp bins, (G, window / 100,
    F).

    Parameters
    ----------
    signals : Signals
    marks : sequence of str
    window : int
        bp.
    """
    sums = oriented(signals, rows_of(marks, signals.marks), window=window)
    return promoter_bins(sums, SIZE, length=window)


def activity(known: Signals, marks: Sequence[str], *, window: int) -> np.ndarray:
    """Return mean activity (G, F): the mean of ln(1 + mean depth) over the 100-bp bins of a
    window.

    Parameters
    ----------
    known : Signals
    marks : sequence of str
    window : int
        bp.
    """
    return narrow(known, marks, window=window).mean(axis=1)


def region_bins(signals: Signals, rows: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return contact regions as padded bins (R, L, F) and spans (R, 2); never reversed.

    The last bin of a region may be short and is averaged over its own bases.

    Parameters
    ----------
    signals : Signals
    rows : (F,) array
    size : int
        bp of a bin.
    """
    length, factor = WINDOW // size, size // SIZE
    lengths = signals.lengths
    n = -(-lengths // size)  # (R,) bins of this size
    left = -(-(length - n) // 2)
    spans = np.stack([left, n], axis=1).astype(np.int64)
    out = np.zeros((len(n), length, len(rows)), np.float32)
    if not len(n):
        return out, spans
    region = np.repeat(np.arange(len(n)), n)  # (bins,)
    place = np.arange(len(region)) - np.repeat(np.cumsum(n) - n, n)
    starts = signals.offsets[:-1][region] + place * factor
    sums = np.add.reduceat(signals.partners[:, rows].astype(np.float64), starts, axis=0)
    bases = np.minimum(size, lengths[region] - place * size)
    out[region, left[region] + place] = np.log1p((sums / bases[:, None]).astype(np.float32))
    return out, spans


def promoter_spans(signals: Signals, size: int, window: int) -> np.ndarray:
    """Return the bins (G, 2) of the oriented promoter that lie in the window and the chromosome.

    Parameters
    ----------
    signals : Signals
    size, window : int
        bp of a bin and of the window.

    Returns
    -------
    (G, 2) int array
        Bins of padding on the left, bins of data.
    """
    n = signals.promoters.shape[2]
    half = window // (2 * SIZE)
    first = np.maximum(signals.inside[:, 0], n // 2 - half)
    last = np.minimum(signals.inside.sum(axis=1), n // 2 + half)
    is_minus = (signals.genes["strand"] == "-").to_numpy()
    first, last = np.where(is_minus, n - last, first), np.where(is_minus, n - first, last)
    cut = window // SIZE
    first, last = first - (n - cut) // 2, last - (n - cut) // 2  # within the window
    factor, total, bins_here = size // SIZE, WINDOW // size, -(-window // size)
    left = bins.pad_left(bins_here, total)
    low, high = first // factor, -(-last // factor)
    return np.stack([left + low, high - low], axis=1).astype(np.int64)
