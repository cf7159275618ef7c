"""Pixels of all nuclei of a field in one list, and statistics of such lists by nucleus."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pixels:
    """The m pixels of n nuclei, sorted by nucleus.

    Attributes
    ----------
    nucleus : (m,) int
        0 … n − 1, ascending.
    row, column : (m,) int
        Position in the field.
    n : int
    """

    nucleus: np.ndarray
    row: np.ndarray
    column: np.ndarray
    n: int

    def of(self, image: np.ndarray) -> np.ndarray:
        """Return the values of an image at the pixels, (m,)."""
        return image[self.row, self.column]


def list_pixels(labels: np.ndarray, wanted: np.ndarray) -> Pixels:
    """List the pixels of nuclei, nucleus by nucleus.

    Parameters
    ----------
    labels : (rows, columns) int
        0 = background.
    wanted : (n,) int
        Labels, in the order in which nuclei are numbered; each must have one pixel at least.

    Returns
    -------
    Pixels

    Examples
    --------
    >>> list_pixels(np.array([[0, 5], [2, 5]]), np.array([5, 2])).nucleus.tolist()
    [0, 0, 1]
    """
    # label → number of the nucleus, −1 = not wanted
    nucleus_of = np.full(max(labels.max(), np.max(wanted, initial=0)) + 1, -1)
    nucleus_of[wanted] = np.arange(len(wanted))
    nucleus_of[0] = -1
    row, column = np.nonzero(labels)
    nucleus = nucleus_of[labels[row, column]]
    # unwanted pixels have −1, come first and are cut off
    order = np.argsort(nucleus, kind="stable")[np.count_nonzero(nucleus < 0) :]
    return Pixels(nucleus[order], row[order], column[order], len(wanted))


def sums(groups: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Return the sum of values by group.

    Parameters
    ----------
    groups : (m,) int
        0 … n − 1.
    values : (m,) float
    n : int
        Number of groups.

    Returns
    -------
    (n,) float array
        0 where a group has no value.
    """
    return np.bincount(groups, values, n)


def means(groups: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Return the mean by group.

    Parameters
    ----------
    groups, values, n
        As in `sums`.

    Returns
    -------
    (n,) float array
        0 where a group has no value.

    Examples
    --------
    >>> means(np.array([0, 0, 2]), np.array([1.0, 3.0, 5.0]), 3).tolist()
    [2.0, 0.0, 5.0]
    """
    return sums(groups, values, n) / np.maximum(np.bincount(groups, minlength=n), 1)


def deviations(groups: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Return the population standard deviation by group.

    Parameters
    ----------
    groups, values, n
        As in `sums`.

    Returns
    -------
    (n,) float array
        0 where a group has no value.
    """
    return np.sqrt(means(groups, (values - means(groups, values, n)[groups]) ** 2, n))


def quantiles(groups: np.ndarray, values: np.ndarray, n: int, at: Sequence[float]) -> np.ndarray:
    """Return quantiles by group with linear interpolation, as `np.quantile`; 0 where a group has no
    value.

    Parameters
    ----------
    groups, values : (m,)
    n : int
        Number of groups.
    at : sequence of k floats between 0 and 1

    Returns
    -------
    (k, n) float
    """
    values = np.asarray(values, float)
    ordered = values[np.lexsort((values, groups))]  # by group, then by value
    counts = np.bincount(groups, minlength=n)
    starts = np.cumsum(counts) - counts  # (n,)
    position = np.asarray(at, float)[:, None] * np.maximum(counts - 1, 0)  # (k, n)
    below = np.floor(position).astype(int)
    last = max(len(ordered) - 1, 0)
    lower = ordered[np.minimum(starts + below, last)] if len(ordered) else np.zeros(position.shape)
    upper = (
        ordered[np.minimum(starts + np.ceil(position).astype(int), last)] if len(ordered) else lower
    )
    return np.where(counts > 0, lower + (upper - lower) * (position - below), 0.0)
