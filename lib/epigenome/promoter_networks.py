"""Promoter networks: the screen's small network, and the profile network of the first approach.

Shapes: B genes, L bins, F marks. Inputs are (B, L, F), position first, as the published ones.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

KERAS_MOMENTUM, KERAS_EPS = 0.01, 1e-3  # batch normalisation: 1 - 0.99, and the same epsilon


class SameConv(nn.Module):
    """Convolution that keeps the length; an even kernel pads one bin more on the right."""

    def __init__(self, n_in: int, n_out: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, kernel)
        self.padding = ((kernel - 1) // 2, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.pad(x, self.padding))


class PromoterNetwork(nn.Module):
    """Three convolutions and three dense layers on the bins around a start site ("covnet").

    Parameters
    ----------
    n_bins, n_marks : int
        6 kbp at 100 bp are 60 bins; the paper has one mark.
    channels : sequence of int
        Of the three convolutions.
    hidden : sequence of int
        Of the two dense layers.
    rng : torch.Generator
        Draws the weights: Glorot uniform, biases zero.
    """

    def __init__(
        self,
        n_bins: int = 60,
        n_marks: int = 1,
        *,
        rng: torch.Generator,
        channels: Sequence[int] = (175, 350, 700),
        hidden: Sequence[int] = (625, 125),
    ) -> None:
        super().__init__()
        layers, n_in, length = [], n_marks, n_bins
        for n_out, kernel, pool in zip(channels, (8, 4, 4), (4, 2, 2), strict=True):
            layers += [
                SameConv(n_in, n_out, kernel),
                nn.ReLU(),
                nn.MaxPool1d(pool),
                nn.Dropout(0.1),
            ]
            n_in, length = n_out, length // pool
        if length < 1:
            raise ValueError(f"{n_bins} bins are too few for three poolings: at least 16")
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Dropout(0.4),
            nn.Linear(n_in * length, hidden[0]),
            nn.ReLU(),
            nn.Linear(hidden[0], hidden[1]),
            nn.ReLU(),
            nn.Linear(hidden[1], 1),
        )
        glorot(self, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, L, F) to (B, 1)."""
        h = self.features(x.transpose(1, 2))  # (B, C, L')
        return self.head(h.transpose(1, 2).flatten(1))  # position-major, as the published weights


class ProfileNetwork(nn.Module):
    """The network of the first approach: GOPHER's profile model with one value as its profile.

    Toneyan, Tang & Koo, Nature Machine Intelligence 4:1088 (2022).

    Parameters
    ----------
    n_bins, n_marks : int
        10 kbp at 25 bp are 400 bins.
    width : float
        Share of the published channels; 1 for the paper.
    is_positive : bool
        Softplus output, as in the second plan; linear in the first.
    momentum : float
        Of the running means of batch normalisation, per batch; the published one needs hundreds of
        batches.
    """

    def __init__(
        self,
        n_bins: int = 400,
        n_marks: int = 1,
        *,
        rng: torch.Generator,
        width: float = 1.0,
        is_positive: bool = False,
        momentum: float = KERAS_MOMENTUM,
    ) -> None:
        super().__init__()
        wide = [max(4, round(n * width)) for n in (192, 256, 512, 256, 256, 64)]
        layers, n_in, length = [], n_marks, n_bins
        stem = zip(wide, (19, 7, 7), (8, 4, 4), (0.1, 0.1, 0.2), strict=False)
        for n_out, kernel, pool, drop in stem:
            layers += [
                *_normed(SameConv(n_in, n_out, kernel), n_out),
                nn.MaxPool1d(pool),
                nn.Dropout(drop),
            ]
            n_in, length = n_out, length // pool
        if length < 1:
            raise ValueError(f"{n_bins} bins are too few for three poolings: at least 128")
        self.features = nn.Sequential(*layers)
        self.dense = nn.Sequential(
            *_normed(nn.Linear(n_in * length, wide[3]), wide[3]),
            nn.Dropout(0.3),
            *_normed(nn.Linear(wide[3], 8), 8),
            nn.Dropout(0.1),
        )
        self.profile = nn.Sequential(
            *_normed(SameConv(8, wide[4], 7), wide[4]),
            nn.Dropout(0.2),
            *_normed(SameConv(wide[4], wide[5], 7), wide[5]),
            nn.Dropout(0.1),
        )
        self.output = nn.Linear(wide[5], 1)
        self.is_positive = is_positive
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.momentum = momentum
        glorot(self, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, L, F) to (B, 1)."""
        h = self.features(x.transpose(1, 2))  # (B, C, L')
        h = self.dense(h.transpose(1, 2).flatten(1))  # (B, 8)
        h = self.profile(h[:, :, None])[:, :, 0]  # (B, 8, 1): a profile of length one
        y = self.output(h)
        return functional.softplus(y) if self.is_positive else y


def glorot(model: nn.Module, rng: torch.Generator) -> None:
    """Draw all weights Glorot uniform and set all biases to zero, as Keras does."""
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=rng)
            nn.init.zeros_(module.bias)


def _normed(layer: nn.Module, n: int) -> list[nn.Module]:
    return [layer, nn.BatchNorm1d(n, eps=KERAS_EPS), nn.ReLU()]
