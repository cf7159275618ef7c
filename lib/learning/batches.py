"""Input of the training loop: the batches of an epoch, how rows are cut into them, the device."""

from collections.abc import Callable, Iterable

import numpy as np
import torch

from lib.learning.metrics import Batch

Batches = Callable[[np.random.Generator | None], Iterable[Batch]]
"""One epoch: with a generator shuffled and augmented, with None every sample once, in order."""


def row_batches(n: int, size: int, rng: np.random.Generator | None) -> list[np.ndarray]:
    """Cut `n` row numbers into batches, shuffled if there is a generator; nothing is dropped.

    With a generator the batches are for training: batch normalisation needs two samples, so a
    single last one joins the batch before.

    Parameters
    ----------
    n : int
        Number of rows.
    size : int
        Rows per batch; the last batch holds what is left.
    rng : Generator or None
        Shuffles the rows; None keeps them in order.

    Returns
    -------
    list of (size,) arrays of int
        Row numbers of each batch; every row is in exactly one.

    Examples
    --------
    >>> [len(rows) for rows in row_batches(7, 3, np.random.default_rng(0))]
    [3, 4]
    >>> row_batches(4, 3, None)
    [array([0, 1, 2]), array([3])]
    """
    order = np.arange(n) if rng is None else rng.permutation(n)
    # slices of one permutation: every row once
    batches = [order[start : start + size] for start in range(0, n, size)]
    if rng is not None and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of that name.

    Parameters
    ----------
    name : str
        A device as torch names it, such as `cpu` or `cuda:1`; `auto` takes the first GPU, else the
        CPU.

    Returns
    -------
    torch.device

    Raises
    ------
    RuntimeError
        If torch knows no device of that name.
    """
    first = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(first if name == "auto" else name)
