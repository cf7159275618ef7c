"""Features: what the networks see of the signals, at every resolution, in the direction of
transcription.

Shapes: G genes, F marks, L bins, R contact regions, P partner slots.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lib.data.errors import InputError
from lib.epigenome import bins
from lib.epigenome.chromoformer import RESOLUTIONS, Inputs
from lib.epigenome.marks import rows_of
from lib.epigenome.signals import SIZE, WINDOW, Signals


@dataclass(frozen=True)
class Features:
    """Inputs of Chromoformer for the genes of one cell.

    Parameters
    ----------
    marks : tuple of str
    sums : (G, F, W) float32 array
        100-bp sums of the promoter window, oriented; what a perturbation changes.
    promoters, partners : mapping
        Bin size in bp → (G, L, F) and (R, L, F) float32, ln(1 + mean depth), padded.
    promoter_spans, partner_spans : mapping
        Bin size → (G, 2) and (R, 2): bins of padding on the left, bins of data.
    slots, scores : (G, P) arrays
    """

    marks: tuple[str, ...]
    sums: np.ndarray
    promoters: Mapping[int, np.ndarray]
    partners: Mapping[int, np.ndarray]
    promoter_spans: Mapping[int, np.ndarray]
    partner_spans: Mapping[int, np.ndarray]
    slots: np.ndarray
    scores: np.ndarray

    def inputs(self, rows: np.ndarray) -> Inputs:
        """Return one batch of genes as tensors."""
        found = self.slots[rows]  # (B, P)
        owners, slots = np.nonzero(found >= 0)
        chosen = found[owners, slots]  # (N,)

        def tensors(arrays: Mapping[int, np.ndarray], index: np.ndarray) -> dict[int, torch.Tensor]:
            return {size: torch.from_numpy(values[index]) for size, values in arrays.items()}

        return Inputs(
            tensors(self.promoters, rows),
            tensors(self.partners, chosen),
            tensors(self.promoter_spans, rows),
            tensors(self.partner_spans, chosen),
            torch.from_numpy(owners),
            torch.from_numpy(slots),
            torch.from_numpy(self.scores[rows]),
            torch.from_numpy((found >= 0).sum(axis=1)),
        )


def features(
    signals: Signals,
    marks: Sequence[str],
    *,
    window: int = WINDOW,
    resolutions: Sequence[int] = RESOLUTIONS,
) -> Features:
    """Return the inputs of Chromoformer from the marks that are named, in that order.

    Parameters
    ----------
    window : int
        Width of the promoter that is seen, in bp; a multiple of twice the coarsest bin keeps bins
        centred.
    """
    rows = rows_of(marks, signals.marks)
    sums = oriented(signals, rows, window=window)
    partners, partner_spans = {}, {}
    for size in resolutions:
        partners[size], partner_spans[size] = region_bins(signals, rows, size)
    return Features(
        tuple(marks),
        sums,
        {size: promoter_bins(sums, size) for size in resolutions},
        partners,
        {size: _spans(signals, size, window) for size in resolutions},
        partner_spans,
        signals.slots,
        signals.scores,
    )


def oriented(signals: Signals, rows: np.ndarray, *, window: int = WINDOW) -> np.ndarray:
    """Return the 100-bp sums (G, F, window / 100) around the start sites, reversed for genes on
    -."""
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
    in the window."""
    means = bins.coarsen(sums, size // SIZE) / np.float32(size)
    n, total = means.shape[-1], length // size
    left = bins.pad_left(n, total)
    out = np.zeros((*means.shape[:-2], total, means.shape[-2]), np.float32)
    out[..., left : left + n, :] = np.log1p(means).swapaxes(-1, -2)
    return out


def narrow(signals: Signals, marks: Sequence[str], *, window: int = 6_000) -> np.ndarray:
    """Return the promoter networks' input: ln(1 + mean depth) of 100-bp bins, (G, window / 100,
    F)."""
    sums = oriented(signals, rows_of(marks, signals.marks), window=window)
    return promoter_bins(sums, SIZE, length=window)


def region_bins(signals: Signals, rows: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return contact regions as padded bins (R, L, F) and spans (R, 2); never reversed.

    The last bin of a region may be short and is averaged over its own bases.
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


def _spans(signals: Signals, size: int, window: int) -> np.ndarray:
    """Return the bins (G, 2) of the oriented promoter that lie in the window and the chromosome."""
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
