"""Links of the network: reading, the random split into train, validation and test, and pairs that are not linked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.regulation.errors import RegulationError

VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2  # paper: 526 links → 369, 52, 105


@dataclass(frozen=True)
class LinkSplit:
    """A split of the links; every array is (2, n) of node numbers, the smaller first, each pair once.

    Shapes
    ------
    train, validation, test : (2, E), the links
    validation_negatives, test_negatives : (2, E), as many pairs that are nowhere linked
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
    """Return the links of a table as node numbers, (2, E), the smaller first, in the order of the table.

    Parameters
    ----------
    table : DataFrame
        `gene_a`, `gene_b`, one row an undirected link.
    genes : sequence of str
        Nodes in order.

    Raises
    ------
    RegulationError
        For no links, a gene that is no node, a link of a gene with itself, or a link that is there twice.
    """
    missing = [name for name in ("gene_a", "gene_b") if name not in table]
    if missing:
        raise RegulationError(f"the table of links lacks the column {missing[0]!r}; expected gene_a, gene_b")
    if table.empty:
        raise RegulationError("the network has no links; choose a larger beta in the notebook interactome")
    nodes = pd.Index(genes)
    ends = np.vstack([nodes.get_indexer(table[name]) for name in ("gene_a", "gene_b")])  # (2, E)
    names = table[["gene_a", "gene_b"]].to_numpy(object)
    unknown = np.argwhere(ends.T < 0)
    if len(unknown):
        row, column = unknown[0]
        raise RegulationError(f"row {row + 2} of the links: {names[row, column]} is not among the {len(nodes)} genes")
    links = np.sort(ends, axis=0)
    loops = np.flatnonzero(links[0] == links[1])
    if len(loops):
        raise RegulationError(f"row {loops[0] + 2} of the links: {names[loops[0], 0]} is linked with itself; drop it")
    repeated = np.flatnonzero(pd.DataFrame(links.T).duplicated())
    if len(repeated):
        a, b = names[repeated[0]]
        raise RegulationError(f"row {repeated[0] + 2} of the links: {a} and {b} are linked twice; keep one")
    return links


def split(links: np.ndarray, n_nodes: int, *, rng: np.random.Generator) -> LinkSplit:
    """Deal the links at random to train, validation (a tenth, rounded down) and test (a fifth), as torch_geometric.

    Validation and test get as many fixed negatives as links: different pairs, none of them linked in the whole network.

    Raises
    ------
    RegulationError
        For a network with too few links, or with too few pairs that are not linked.
    """
    n_links = links.shape[1]
    n_validation, n_test = int(VALIDATION_SHARE * n_links), int(TEST_SHARE * n_links)
    if not n_validation:
        raise RegulationError(f"{n_links} links cannot be split into train, validation and test; 10 or more are needed")
    order = rng.permutation(n_links)
    n_train = n_links - n_validation - n_test
    train, validation, test = (np.sort(part) for part in np.split(order, [n_train, n_train + n_validation]))
    pool = unlinked(links, n_nodes)
    if pool.shape[1] < n_validation + n_test:
        raise RegulationError(
            f"{n_links} links among {n_nodes} genes leave {pool.shape[1]} pairs that are not linked; "
            f"{n_validation + n_test} are needed as negatives"
        )
    negatives = pool[:, rng.choice(pool.shape[1], n_validation + n_test, replace=False)]
    return LinkSplit(
        links[:, train], links[:, validation], links[:, test], negatives[:, :n_validation], negatives[:, n_validation:]
    )


def unlinked(links: np.ndarray, n_nodes: int) -> np.ndarray:
    """Return all pairs of different nodes that have no link in either direction, (2, P), the smaller first."""
    free = np.triu(np.ones((n_nodes, n_nodes), bool), k=1)
    free[tuple(np.sort(links, axis=0))] = False
    return np.vstack(np.nonzero(free))


def draw_negatives(pool: np.ndarray, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` different pairs from a pool (2, P), or take all if it holds fewer.

    For training the pool is `unlinked(split.train, …)`: held-out links may be drawn, as nothing tells them from other
    pairs while training. The published code could draw the reverse of a link that it trains on; here it cannot.
    """
    if pool.shape[1] <= n:
        return pool
    return pool[:, rng.choice(pool.shape[1], n, replace=False, shuffle=False)]
