"""Features: what the networks see of the signals, at every resolution, in the direction of
transcription.

Shapes: G genes, F marks, L bins, R contact regions, P partner slots.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lib.epigenome.chromoformer import RESOLUTIONS, Inputs
from lib.epigenome.marks import rows_of
from lib.epigenome.promoters import oriented, promoter_bins, promoter_spans, region_bins
from lib.epigenome.signals import WINDOW, Signals


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
        {size: promoter_spans(signals, size, window) for size in resolutions},
        partner_spans,
        signals.slots,
        signals.scores,
    )
