"""What a network's loss tells of a batch, and what becomes of it over a pass: means, accuracy, confusion matrix."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Batch = Any  # what the loss understands; images and tables: (inputs, targets)


@dataclass(frozen=True)
class Outcome:
    """What a loss tells of one batch: its mean over `n` samples, and logits (n, C) and targets (n,) of a classifier.

    `parts` are further means, such as the terms of a sum, that the history keeps under their names.
    """

    loss: Tensor
    n: int
    logits: Tensor | None = None
    targets: Tensor | None = None
    parts: Mapping[str, Tensor] = field(default_factory=dict)


Loss = Callable[[nn.Module, Batch], Outcome]


@dataclass(frozen=True)
class Metrics:
    """Means over one pass: the loss, and for a classifier the confusion matrix (C, C), rows = true classes."""

    loss: float
    n: int
    confusion: np.ndarray | None = None
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """Share of samples that are classified right; NaN where there are no classes."""
        return math.nan if self.confusion is None else float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes that occur of the share that is classified right; NaN where there are no classes."""
        if self.confusion is None:
            return math.nan
        sizes = self.confusion.sum(axis=1)
        return float(np.mean(np.diag(self.confusion)[sizes > 0] / sizes[sizes > 0]))

    def row(self, prefix: str) -> dict[str, float]:
        """Return the metrics as columns `<prefix>_loss`, `<prefix>_acc`, `<prefix>_bacc` and one a further part."""
        classes = {"acc": self.accuracy, "bacc": self.balanced_accuracy} if self.confusion is not None else {}
        return {f"{prefix}_{name}": value for name, value in ({"loss": self.loss} | classes | dict(self.parts)).items()}


def balanced_accuracy(metrics: Metrics) -> float:
    """Score of the paper: balanced accuracy, higher is better."""
    return metrics.balanced_accuracy


def lowest_loss(metrics: Metrics) -> float:
    """Score of networks without classes: minus the loss."""
    return -metrics.loss


def cross_entropy(class_weights: Sequence[float] | None = None) -> Loss:
    """Return the loss of a classifier whose batches are (inputs, targets).

    Parameters
    ----------
    class_weights : (C,) floats, optional
        Weight of each class. As usual, a batch's mean is divided by the weights of its samples.
    """

    def loss(model: nn.Module, batch: Batch) -> Outcome:
        inputs, targets = batch
        logits = model(inputs).float()  # (n, C)
        weights = None if class_weights is None else torch.as_tensor(class_weights, dtype=torch.float32).to(logits)
        return Outcome(functional.cross_entropy(logits, targets, weight=weights), len(targets), logits, targets)

    return loss


class Total:
    """Sums over the batches of a pass, kept on the device so that no step waits for a number."""

    def __init__(self) -> None:
        self.n = 0
        self.sums: dict[str, Tensor] = {}
        self.confusion: Tensor | None = None

    def add(self, outcome: Outcome) -> None:
        self.n += outcome.n
        for name, value in {"loss": outcome.loss, **outcome.parts}.items():
            self.sums[name] = self.sums.get(name, 0) + value.detach().double() * outcome.n
        if outcome.logits is not None:
            n_classes = outcome.logits.shape[1]
            cells = outcome.targets * n_classes + outcome.logits.detach().argmax(dim=1)
            counts = torch.bincount(cells, minlength=n_classes**2).view(n_classes, n_classes)
            self.confusion = counts if self.confusion is None else self.confusion + counts

    def metrics(self) -> Metrics:
        if not self.n:
            raise ValueError("no samples: a split is empty, so there is nothing to train on or to evaluate")
        means = {name: float(value) / self.n for name, value in self.sums.items()}
        confusion = None if self.confusion is None else self.confusion.cpu().numpy()
        return Metrics(means.pop("loss"), self.n, confusion, means)
