"""What a loss returns for a batch, and the metrics of a pass over the data.

Means of the loss and of its terms for any network; accuracy and confusion matrix for a classifier;
outputs and targets of all samples where they are asked for.
"""

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
    """What a loss returns for one batch.

    | network           | gives                                                              |
    |-------------------|--------------------------------------------------------------------|
    | classifier        | `logits`, `targets`                                                |
    | regression        | `outputs`, `targets` of one shape                                  |
    | generative model  | `parts`: its named terms; `logits` too, if it tells classes apart  |

    Parameters
    ----------
    loss : () tensor
        What is minimised: a mean over the samples.
    n : int
        Samples of the batch.
    logits : (n, C) tensor, optional
        Of a classifier.
    targets : (n, …) tensor, optional
        Class numbers where there are logits, else what `outputs` should be.
    parts : mapping
        Further means over the samples, such as the terms of a sum; the history has their names.
    outputs : (n, …) tensor, optional
        What a score that sees outputs looks at; default the logits.
    """

    loss: Tensor
    n: int
    logits: Tensor | None = None
    targets: Tensor | None = None
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    outputs: Tensor | None = None


Loss = Callable[[nn.Module, Batch], Outcome]


@dataclass(frozen=True)
class Metrics:
    """Means over one pass over the data.

    Parameters
    ----------
    loss : float
        Mean over the samples.
    n : int
        Samples.
    confusion : (C, C) int array, optional
        Counts of a classifier; rows are the true classes.
    parts : mapping
        Means of the loss's further parts.
    outputs, targets : (n, …) arrays, optional
        Of all samples in the order of the pass, where they were asked for.
    """

    loss: float
    n: int
    confusion: np.ndarray | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    outputs: np.ndarray | None = None
    targets: np.ndarray | None = None

    @property
    def accuracy(self) -> float:
        """Share of samples that are classified right; NaN where there are no classes."""
        if self.confusion is None:
            return math.nan
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes that occur of the share that is classified right; NaN without."""
        if self.confusion is None:
            return math.nan
        sizes = self.confusion.sum(axis=1)  # (C,) samples of each true class
        return float(np.mean(np.diag(self.confusion)[sizes > 0] / sizes[sizes > 0]))

    def row(self, prefix: str) -> dict[str, float]:
        """Return the metrics as columns of the history.

        Parameters
        ----------
        prefix : str
            Name of the pass: `train` or `val`.

        Returns
        -------
        dict
            `<prefix>_loss`; of a classifier also `<prefix>_acc` and `<prefix>_bacc`, shares from 0
            to 1; and `<prefix>_<part>` for each part of the loss.
        """
        values = {"loss": self.loss}
        if self.confusion is not None:
            values |= {"acc": self.accuracy, "bacc": self.balanced_accuracy}
        return {f"{prefix}_{name}": value for name, value in {**values, **self.parts}.items()}


def cross_entropy(class_weights: Sequence[float] | None = None) -> Loss:
    """Return the loss of a classifier whose batches are (inputs, targets).

    Parameters
    ----------
    class_weights : (C,) floats, optional
        Weight of each class. As usual, a batch's mean is divided by the weights of its samples.

    Returns
    -------
    callable
        `loss(model, batch)` → `Outcome` with logits (n, C) and targets (n,).
    """

    def loss(model: nn.Module, batch: Batch) -> Outcome:
        inputs, targets = batch
        logits = model(inputs).float()  # (n, C)
        weights = None
        if class_weights is not None:
            weights = torch.as_tensor(class_weights, dtype=torch.float32).to(logits)
        # in float32 even under bfloat16: the exponential needs the digits
        mean = functional.cross_entropy(logits, targets, weight=weights)
        return Outcome(mean, len(targets), logits, targets)

    return loss


def mean_squared_error() -> Loss:
    """Return the loss of a regression whose batches are (inputs, targets).

    Returns
    -------
    callable
        `loss(model, batch)` → `Outcome` with outputs and targets of one shape.

    Raises
    ------
    ValueError
        From the loss, where outputs (n, 1) meet targets (n,): torch would compare every output with
        every target.
    """

    def loss(model: nn.Module, batch: Batch) -> Outcome:
        inputs, targets = batch
        outputs = model(inputs).float()  # (n,) or (n, targets)
        if outputs.shape != targets.shape:
            shapes = f"{tuple(outputs.shape)} and targets {tuple(targets.shape)}"
            raise ValueError(f"outputs {shapes}: expected one shape")
        error = functional.mse_loss(outputs, targets)
        return Outcome(error, len(targets), targets=targets, outputs=outputs)

    return loss


class Total:
    """Sums over the batches of a pass, kept on the device so that no step waits for a number.

    Parameters
    ----------
    keeps_outputs : bool
        Whether outputs and targets of all samples are kept, which takes their memory.
    """

    def __init__(self, *, keeps_outputs: bool = False) -> None:
        self.n = 0
        self.sums: dict[str, Tensor] = {}
        self.confusion: Tensor | None = None
        self.keeps_outputs = keeps_outputs
        self.kept: dict[str, list[Tensor]] = {"outputs": [], "targets": []}

    def add(self, outcome: Outcome) -> None:
        self.n += outcome.n
        for name, value in {"loss": outcome.loss, **outcome.parts}.items():
            # double: float32 sums lose digits over a long pass
            self.sums[name] = self.sums.get(name, 0) + value.detach().double() * outcome.n
        if outcome.logits is not None:
            n_classes = outcome.logits.shape[1]
            # one number per pair of true and predicted class, so that one bincount fills the matrix
            cells = outcome.targets * n_classes + outcome.logits.detach().argmax(dim=1)
            # (C, C)
            counts = torch.bincount(cells, minlength=n_classes**2).view(n_classes, n_classes)
            self.confusion = counts if self.confusion is None else self.confusion + counts
        if self.keeps_outputs:
            outputs = outcome.logits if outcome.outputs is None else outcome.outputs
            for name, value in (("outputs", outputs), ("targets", outcome.targets)):
                if value is not None:
                    self.kept[name].append(value.detach())

    def metrics(self) -> Metrics:
        if not self.n:
            raise ValueError(
                "no samples: a split is empty, so there is nothing to train on or to evaluate"
            )
        # numbers leave the device only here
        means = {name: float(value) / self.n for name, value in self.sums.items()}
        confusion = None if self.confusion is None else self.confusion.cpu().numpy()
        kept = {name: _joined(parts) for name, parts in self.kept.items() if parts}
        return Metrics(means.pop("loss"), self.n, confusion, means, **kept)


def _joined(parts: list[Tensor]) -> np.ndarray:
    """Return the batches as one array; NumPy has no bfloat16, so numbers come as float32."""
    whole = torch.cat(parts).cpu()
    return (whole.float() if whole.dtype == torch.bfloat16 else whole).numpy()
