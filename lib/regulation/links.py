"""Read the links of the network, split them at random into train, validation and test, and draw
pairs that are not linked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data.errors import InputError

VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2  # paper: 526 links → 369, 52, 105
DENSE = 4  # pairs per link and negative, above which at least three of four random pairs are free


@dataclass(frozen=True)
class LinkSplit:
    """A split of the links; every array is (2, n) of node numbers, the smaller first, each pair
    once.

    Parameters
    ----------
    train, validation, test : (2, E) int array
        The links.
    validation_negatives, test_negatives : (2, E) int array
        As many pairs that are nowhere linked.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    validation_negatives: np.ndarray
    test_negatives: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Links over which messages pass when the test links are scored: train and validation."""
        return np.hstack([self.train, self.validation])


def from_table(table: pd.DataFrame, genes: Sequence[str]) -> np.ndarray:
    """Return the links of a table as node numbers, in the order of the table.

    Parameters
    ----------
    table : DataFrame
        `gene_a`, `gene_b`, one row per undirected link.
    genes : sequence of str
        Nodes in order.

    Returns
    -------
    (2, E) int array
        The smaller number first.

    Raises
    ------
    InputError
        For no links, a gene that is no node, a link of a gene with itself, or a link that is there
        twice.

    Examples
    --------
    >>> from_table(pd.DataFrame({"gene_a": ["SRC"], "gene_b": ["JUN"]}), ["JUN", "SRC"]).tolist()
    [[0], [1]]
    """
    missing = [name for name in ("gene_a", "gene_b") if name not in table]
    if missing:
        raise InputError(
            f"the table of links lacks the column {missing[0]!r}; expected gene_a, gene_b"
        )
    if table.empty:
        raise InputError(
            "the network has no links; choose a larger beta in the notebook interactome"
        )
    nodes = pd.Index(genes)
    ends = np.vstack([nodes.get_indexer(table[name]) for name in ("gene_a", "gene_b")])  # (2, E)
    names = table[["gene_a", "gene_b"]].to_numpy(object)
    unknown = np.argwhere(ends.T < 0)  # (row, column) of names that are no node
    if len(unknown):
        row, column = unknown[0]
        raise InputError(
            f"row {row + 2} of the links: {names[row, column]} is not among the {len(nodes)} genes"
        )
    links = np.sort(ends, axis=0)  # (2, E)
    loops = np.flatnonzero(links[0] == links[1])
    if len(loops):
        raise InputError(
            f"row {loops[0] + 2} of the links: {names[loops[0], 0]} is linked with itself; drop it"
        )
    repeated = np.flatnonzero(pd.DataFrame(links.T).duplicated())
    if len(repeated):
        a, b = names[repeated[0]]
        raise InputError(
            f"row {repeated[0] + 2} of the links: {a} and {b} are linked twice; keep one"
        )
    return links


def split(links: np.ndarray, n_nodes: int, *, rng: np.random.Generator) -> LinkSplit:
    """Deal the links at random to train, validation and test, as torch_geometric does.

    Validation gets a tenth and test a fifth, rounded down, and both as many fixed negatives:
    different pairs, none of them linked in the whole network.

    Parameters
    ----------
    links : (2, E) int array
        Undirected, each given once.
    n_nodes : int
    rng : Generator

    Returns
    -------
    LinkSplit
        Paper: 526 links → 369, 52, 105.

    Raises
    ------
    InputError
        For a network with too few links, or with too few pairs that are not linked.

    References
    ----------
    Image2Reg's split of the links, made by torch_geometric.
    """
    n_links = links.shape[1]
    n_validation, n_test = int(VALIDATION_SHARE * n_links), int(TEST_SHARE * n_links)
    if not n_validation:
        raise InputError(
            f"{n_links} links cannot be split into train, validation and test; 10 or more are "
            "needed"
        )
    order = rng.permutation(n_links)  # (E,)
    # what rounding down leaves goes to training
    n_train = n_links - n_validation - n_test
    train, validation, test = (
        # sorted, so that the order of the table is kept within each part
        np.sort(part)
        for part in np.split(order, [n_train, n_train + n_validation])
    )
    free = n_unlinked(links, n_nodes)  # pairs that may serve as negatives
    if free < n_validation + n_test:
        raise InputError(
            f"{n_links} links among {n_nodes} genes leave {free} pairs that are not linked; "
            f"{n_validation + n_test} are needed as negatives"
        )
    negatives = draw_negatives(links, n_nodes, n_validation + n_test, rng=rng)
    return LinkSplit(
        links[:, train],
        links[:, validation],
        links[:, test],
        negatives[:, :n_validation],
        negatives[:, n_validation:],
    )


def n_unlinked(links: np.ndarray, n_nodes: int) -> int:
    """Return how many pairs of different nodes have no link in either direction.

    Parameters
    ----------
    links : (2, E) int array
        In either direction; repeats count once.
    n_nodes : int

    Returns
    -------
    int

    Examples
    --------
    >>> n_unlinked(np.array([[0, 2], [1, 1]]), 3)  # only 0 and 2 are not linked
    1
    """
    return n_nodes * (n_nodes - 1) // 2 - len(np.unique(_codes(links, n_nodes)))


def unlinked(links: np.ndarray, n_nodes: int) -> np.ndarray:
    """Return all pairs of different nodes that have no link in either direction.

    Memory grows with the square of the number of nodes; `draw_negatives` needs the pairs only of
    dense networks.

    Parameters
    ----------
    links : (2, E) int array
        In either direction.
    n_nodes : int

    Returns
    -------
    (2, P) int array
        In order, the smaller node first.

    Examples
    --------
    >>> unlinked(np.array([[0, 2], [1, 1]]), 3).tolist()
    [[0], [2]]
    """
    codes = _codes(np.vstack(np.triu_indices(n_nodes, k=1)), n_nodes)  # every unordered pair
    return _pairs(codes[~np.isin(codes, _codes(links, n_nodes))], n_nodes)


def draw_negatives(
    links: np.ndarray, n_nodes: int, n: int, *, rng: np.random.Generator
) -> np.ndarray:
    """Draw different pairs of nodes that are not linked, each set of them equally likely.

    For training the links are those of `split.train`: held-out links may be drawn, as nothing tells
    them from other pairs while training. The published code could draw the reverse of a link that
    it trains on; here it cannot.

    Pairs are drawn until `n` are new and free, so that memory grows with links and `n` only. Where
    few pairs are free that would take long, and all of them are listed instead.

    Parameters
    ----------
    links : (2, E) ndarray of int
        Pairs of nodes, in either direction.
    n_nodes, n : int
        Number of nodes; number of pairs wanted.
    rng : Generator
        Decides alone which pairs are drawn.

    Returns
    -------
    (2, n) ndarray of int
        In random order, the smaller node first; all free pairs in order if there are no more than
        `n`.

    References
    ----------
    Image2Reg draws training negatives anew in every epoch.
    """
    n_pairs = n_nodes * (n_nodes - 1) // 2  # unordered
    if n_pairs > DENSE * (links.shape[1] + n):
        return _pairs(_rejected(np.unique(_codes(links, n_nodes)), n_nodes, n, rng), n_nodes)
    pool = unlinked(links, n_nodes)
    return pool if pool.shape[1] <= n else pool[:, rng.choice(pool.shape[1], n, replace=False)]


def _rejected(linked: np.ndarray, n_nodes: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the codes of the first `n` different free pairs in a random sequence of pairs; most
    pairs must be free."""
    found = np.empty(0, np.int64)
    while len(found) < n:
        # twice as many as are missing, as some are linked or repeated
        ends = rng.integers(n_nodes, size=(2, 2 * (n - len(found)) + 8))
        codes = _codes(ends[:, ends[0] != ends[1]], n_nodes)
        found = pd.unique(
            np.concatenate([found, codes[~np.isin(codes, linked)]])
        )  # in the order of drawing
    return found[:n]


def _codes(pairs: np.ndarray, n_nodes: int) -> np.ndarray:
    """Return one number for each pair (2, n) whatever its direction, (n,): smaller · N + larger."""
    return pairs.min(axis=0).astype(np.int64) * n_nodes + pairs.max(axis=0)


def _pairs(codes: np.ndarray, n_nodes: int) -> np.ndarray:
    return np.vstack(np.divmod(codes, n_nodes))  # (2, n)
