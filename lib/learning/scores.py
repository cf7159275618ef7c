"""Scores by which the best epoch is chosen, by name; the higher, the better.

A score that looks at single samples says so (`sees_outputs`); only then are they kept in memory.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lib.learning.metrics import Metrics


@dataclass(frozen=True)
class Score:
    """A number for one pass over the data.

    Parameters
    ----------
    name : str
        The history has the score as `val_<name>` if it sees outputs.
    of : callable
        Metrics → number, higher is better.
    sees_outputs : bool
        Whether the metrics are to hold the outputs and targets of all samples.
    """

    name: str
    of: Callable[[Metrics], float]
    sees_outputs: bool = False


def pearson_r(metrics: Metrics) -> float:
    """Return Pearson's correlation of outputs and targets.

    Parameters
    ----------
    metrics : Metrics
        Holds outputs and targets, (n,) each.

    Returns
    -------
    float
        From −1 to 1; NaN if one of them is constant or n is below 2.

    Raises
    ------
    ValueError
        If outputs and targets are absent or not one number per sample.
    """
    outputs, targets = _one_number_each(metrics)
    # NumPy would divide by a spread of 0
    if len(outputs) < 2 or not (np.ptp(outputs) and np.ptp(targets)):
        return math.nan
    return float(np.corrcoef(outputs, targets)[0, 1])


def r2(metrics: Metrics) -> float:
    """Return the coefficient of determination: 1 − squared error ÷ squared deviation from the mean.

    Parameters
    ----------
    metrics : Metrics
        Holds outputs and targets, (n,) each.

    Returns
    -------
    float
        At most 1; NaN if the targets are constant.

    Raises
    ------
    ValueError
        If outputs and targets are absent or not one number per sample.
    """
    outputs, targets = _one_number_each(metrics)
    spread = np.square(targets - targets.mean()).sum()  # 0 for constant targets
    return float(1 - np.square(targets - outputs).sum() / spread) if spread else math.nan


def average_precision(metrics: Metrics) -> float:
    """Return the average precision of class 1, samples ranked by their logit.

    Parameters
    ----------
    metrics : Metrics
        Holds outputs, (n,) or (n, 2), of which the logit of class 0 is taken from that of class 1,
        and targets (n,) of 0 and 1.

    Returns
    -------
    float
        From 0 to 1; NaN if no sample is of class 1.

    Raises
    ------
    ValueError
        If outputs and targets are absent, or are of more than two classes.
    """
    from sklearn.metrics import average_precision_score  # slow to import, and few runs need it

    outputs, targets = _kept(metrics)
    if outputs.ndim == 2 and outputs.shape[1] == 2:
        outputs = outputs[:, 1] - outputs[:, 0]  # (n,)
    if outputs.ndim != 1 or not np.isin(targets, (0, 1)).all():
        raise ValueError(
            f"average precision needs logits (n,) or (n, 2) and classes 0 and 1; the outputs are "
            f"{outputs.shape}, the targets {np.unique(targets)[:5].tolist()}"
        )
    return float(average_precision_score(targets, outputs)) if targets.any() else math.nan


def named(name: str) -> Score | None:
    """Return the score of a name; None for `last_epoch`.

    Parameters
    ----------
    name : str
        A key of `SCORES`.

    Returns
    -------
    Score or None
        None for `last_epoch`.

    Raises
    ------
    ValueError
        If there is no score of that name.
    """
    if name not in SCORES:
        raise ValueError(f"score {name!r} is unknown: expected one of {', '.join(SCORES)}")
    return SCORES[name]


def _kept(metrics: Metrics) -> tuple[np.ndarray, np.ndarray]:
    if metrics.outputs is None or metrics.targets is None:
        raise ValueError("this score needs outputs and targets, and the loss gives none")
    return metrics.outputs.astype(np.float64), metrics.targets


def _one_number_each(metrics: Metrics) -> tuple[np.ndarray, np.ndarray]:
    outputs, targets = _kept(metrics)
    if outputs.shape != targets.shape or outputs.ndim != 1:
        raise ValueError(
            f"outputs {outputs.shape} and targets {targets.shape}: expected one number per sample"
        )
    return outputs, targets.astype(np.float64)


_ALL = (
    Score("balanced_accuracy", lambda metrics: metrics.balanced_accuracy),
    Score("accuracy", lambda metrics: metrics.accuracy),
    Score("loss", lambda metrics: -metrics.loss),
    Score("pearson_r", pearson_r, sees_outputs=True),
    Score("r2", r2, sees_outputs=True),
    Score("average_precision", average_precision, sees_outputs=True),
)
SCORES: dict[str, Score | None] = {**{score.name: score for score in _ALL}, "last_epoch": None}
"""`loss` is minus the loss; `last_epoch` chooses none, and nothing stops early."""
