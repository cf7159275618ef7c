"""Groups of rows that belong together, and splits that keep them together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lib.data.errors import InputError


@dataclass(frozen=True)
class Folds:
    """Folds over rows, made so that no group is in two of them.

    What it guarantees: no group is in two folds. What it does not: that every class is in every
    fold; a class of two groups is in two of them.

    Parameters
    ----------
    fold : (rows,) array of int
        Fold of each row, counted from 0; −1 for rows that are never tested.
    untestable : tuple of str
        Classes that have one group only, and so cannot be learnt and tested at once.
    """

    fold: np.ndarray
    untestable: tuple[str, ...]

    @property
    def numbers(self) -> list[int]:
        """Folds that there are, ascending."""
        return sorted(set(self.fold.tolist()) - {-1})

    def rows(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the training and the test rows of a fold.

        Parameters
        ----------
        number : int
            A fold, one of `numbers`.

        Returns
        -------
        train, test : (n,) arrays of int
            Positions of rows, ascending; rows that are never tested are among the training rows.
        """
        return np.flatnonzero(self.fold != number), np.flatnonzero(self.fold == number)


def connected(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Number the groups of rows that share an entry in any column, directly or through other rows.

    A perturbagen with two ids, or an id with two names, is one group. Empty entries connect
    nothing.

    Parameters
    ----------
    table : DataFrame
        One row per item.
    columns : sequence of str
        Columns whose entries connect rows; missing values connect nothing.

    Returns
    -------
    (rows,) array of int
        Group of each row, numbered from 0 in the order of their first row.

    Examples
    --------
    >>> names = ["aspirin", "aspirin", "ASA", "x"]
    >>> rows = pd.DataFrame({"id": ["P1", "P2", "P2", "P3"], "name": names})
    >>> connected(rows, ["id", "name"]).tolist()
    [0, 0, 0, 1]
    """
    # one graph of two kinds of nodes: rows first, then the entries of each column
    nodes, offset, links = len(table), len(table), []
    for column in columns:
        codes, names = pd.factorize(table[column])
        known = np.flatnonzero(codes >= 0)  # −1 stands for a missing value
        links.append(np.stack([known, offset + codes[known]]))  # (2, known): row, its entry
        offset += len(names)
    rows, entries = np.hstack(links)
    graph = coo_array((np.ones(len(rows)), (rows, entries)), shape=(offset, offset))
    return pd.factorize(connected_components(graph, directed=False)[1][:nodes])[0]


def hold_out(groups: np.ndarray, share: float, *, rng: np.random.Generator) -> np.ndarray:
    """Choose whole groups at random until they hold at least a share of the rows.

    Parameters
    ----------
    groups : (rows,) array
        Group of each row.
    share : float
        Least share of the rows to hold out, in (0, 1).
    rng : Generator
        Draws the order in which groups are taken.

    Returns
    -------
    (rows,) array of bool
        True for held-out rows; at least one group is left.

    Raises
    ------
    InputError
        If there are fewer than two groups, or the share is outside (0, 1).
    """
    names, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2 or not 0 < share < 1:
        raise InputError(
            f"{len(names)} groups and a share of {share}; expected two groups and a share in (0, 1)"
        )
    order = rng.permutation(len(names))
    # rows held out before each group's turn; a group is taken while that is too few
    before = np.cumsum(sizes[order]) - sizes[order]
    chosen = order[before < share * len(groups)][: len(names) - 1]
    return np.isin(codes, chosen)


def stratified_folds(
    classes: Sequence[str], groups: np.ndarray, n_folds: int, *, rng: np.random.Generator
) -> Folds:
    """Deal whole groups to folds, class by class, so that each fold has a like share of each class.

    A class with one group cannot be learnt and tested at once: it is declared untestable and stays
    in training.

    Parameters
    ----------
    classes : sequence of str
        Class of each row.
    groups : (rows,) array
        Group of each row; no group is split.
    n_folds : int
        Number of folds.
    rng : Generator
        Draws the order among groups of the same size.

    Returns
    -------
    Folds
        Fold of each row, and the classes that cannot be tested.

    Raises
    ------
    InputError
        If a fold would be empty: fewer groups than folds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = stratified_folds(["A", "A", "B"], np.array([0, 1, 2]), 2, rng=rng)
    >>> sorted(found.fold.tolist()), found.untestable
    ([-1, 0, 1], ('B',))
    """
    rows = pd.DataFrame({"class": np.asarray(classes, object), "group": groups})
    sizes = rows.groupby(["class", "group"], sort=True).size().rename("n").reset_index()
    n_groups = sizes.groupby("class")["group"].nunique()
    untestable = tuple(n_groups.index[n_groups < 2])
    testable = sizes[~sizes["class"].isin(untestable)]
    dealt, load = {}, np.zeros(n_folds)
    for _, members in testable.groupby("class", sort=True):
        # the largest groups are dealt first, as small ones can still even out the folds
        own = np.zeros(n_folds)
        members = members.iloc[rng.permutation(len(members))].sort_values(
            "n", ascending=False, kind="stable"
        )
        for group, n in zip(members["group"], members["n"], strict=True):
            fold = dealt.setdefault(
                group, int(np.lexsort([load, own])[0])
            )  # fewest rows of the class, then of all
            own[fold] += n
            load[fold] += n
    if empty := int((load == 0).sum()):
        raise InputError(
            f"{empty} of {n_folds} folds are empty: the testable classes have {len(dealt)} groups",
            fix="ask for fewer folds",
        )
    fold = rows["group"].map(dealt).fillna(-1).to_numpy(int)
    fold[rows["class"].isin(untestable)] = -1
    return Folds(fold, untestable)
