"""Measure how near a prediction comes to the true gene: its place among all genes, accuracy within
k, area under that curve."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lib.data.errors import InputError

KS = (5, 10, 15, 20, 25, 30, 50)
"""Lengths of the lists whose areas the paper reports."""

TIE = 1e-12  # scores closer than this share of their scale are equal

Denominator = Literal["loto", "jump"]


def hits(scores, target: int, *, scale=None) -> np.ndarray:
    """Return the place of the target when genes are ordered by score, 0 for the best; equal scores
    go by row.

    Parameters
    ----------
    scores : (..., G) array
        Larger is nearer. For embeddings of length 1 the inner product with the prediction: it
        orders genes as their Euclidean distance does, and as cosine does, whatever the length of
        the prediction.
    target : int
        Row of the true gene.
    scale : (...) array, optional
        Size that rounding errors of the scores go with; by default the largest absolute score.

    Returns
    -------
    (...) array of int

    Raises
    ------
    InputError
        If `target` is no row of the scores.

    Examples
    --------
    >>> hits([[0.1, 0.9, 0.5]], 2).tolist()
    [1]
    """
    scores = np.asarray(scores, float)
    if not 0 <= target < scores.shape[-1]:
        raise InputError(f"row {target} of the true gene is none of {scores.shape[-1]} genes")
    scale = np.abs(scores).max(axis=-1) if scale is None else np.asarray(scale)
    own, slack = scores[..., target], TIE * scale  # (...)
    # equal scores go by row: those of earlier rows count as nearer
    before = (scores[..., :target] >= (own - slack)[..., None]).sum(axis=-1)
    return before + (scores[..., target + 1 :] > (own + slack)[..., None]).sum(axis=-1)


def hits_of(predictions, embeddings, target: int) -> np.ndarray:
    """Return the places of the target in the nearest-neighbour lists of predicted embeddings.

    Parameters
    ----------
    predictions : (..., R) array
        Of any length.
    embeddings : (G, R) array
        Of all genes, rows of length 1.
    target : int
        Row of the true gene.

    Returns
    -------
    (...) array of int
        0 = nearest.

    Raises
    ------
    InputError
        If a row is not of length 1, or `target` is no row.
    """
    predictions, embeddings = np.asarray(predictions, float), np.asarray(embeddings, float)
    if not np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6):
        raise InputError("embeddings must have rows of length 1; divide each by its length")
    return hits(predictions @ embeddings.T, target, scale=np.linalg.norm(predictions, axis=-1))


def accuracy(places, *, k_max: int = 50) -> np.ndarray:
    """Return the share of targets found among the k nearest genes, k = 1 … k_max.

    Parameters
    ----------
    places : (..., T) array of int
        0 = nearest.
    k_max : int
        Length of the curve (paper: 50).

    Returns
    -------
    (..., k_max) array

    References
    ----------
    Image2Reg, Fig 4B.

    Examples
    --------
    >>> accuracy([0, 2], k_max=3).tolist()
    [0.5, 0.5, 1.0]
    """
    places = np.asarray(places)
    return np.stack([(places < k).mean(axis=-1) for k in range(1, k_max + 1)], axis=-1)


def area(places, k: int, *, denominator: Denominator = "loto") -> np.ndarray:
    """Return the area under the accuracy curve up to k: the sum of acc(1) … acc(k), divided.

    Parameters
    ----------
    places : (..., T) array of int
        0 = nearest.
    k : int
        Length of the longest list.
    denominator : str
        `loto` divides by k + 1, as the paper does for left-out targets; `jump` by k, as it does for
        JUMP.

    Returns
    -------
    (...) array

    Raises
    ------
    InputError
        For another denominator.

    References
    ----------
    Image2Reg divides by k + 1 for Fig 4B and by k for Fig 4C.

    Examples
    --------
    >>> round(float(area([0, 1, 30], 5)), 3)  # (5 + 4 + 0) / 3 targets / 6
    0.5
    """
    if denominator not in ("loto", "jump"):
        raise InputError(f"denominator {denominator!r} is unknown; choose loto or jump")
    # a target at place p is in the lists of p + 1 … k genes
    total = np.maximum(k - np.asarray(places), 0).mean(axis=-1)
    return total / (k + 1 if denominator == "loto" else k)


def areas(
    places, *, ks: Sequence[int] = KS, denominator: Denominator = "loto"
) -> dict[str, np.ndarray]:
    """Return the areas up to every k.

    Parameters
    ----------
    places : (..., T) array of int
        0 = nearest.
    ks : sequence of int
        By default those that the paper reports.
    denominator : str
        As in `area`.

    Returns
    -------
    dict of str to (...) array
        `auc_<k>`.

    Raises
    ------
    InputError
        For another denominator.
    """
    return {f"auc_{k}": area(places, k, denominator=denominator) for k in ks}
