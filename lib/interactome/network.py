"""An undirected simple graph of genes, and the graph algebra that pruning needs."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph


@dataclass(frozen=True, eq=False)
class Network:
    """An undirected simple graph of genes.

    Attributes
    ----------
    genes : (N,) ndarray of str
        Sorted symbols.
    ends : (E, 2) ndarray of int64
        Positions in `genes`, the smaller first; rows sorted.
    costs : (E,) ndarray of float
        Cost of an edge, low = confident.
    n_loops : int
        Self-loops that were left out when the table was read.
    """

    genes: np.ndarray
    ends: np.ndarray
    costs: np.ndarray
    n_loops: int = 0

    @property
    def n_nodes(self) -> int:
        return len(self.genes)

    @property
    def n_edges(self) -> int:
        return len(self.ends)

    @cached_property
    def degrees(self) -> np.ndarray:
        """Number of neighbours of each gene, (N,)."""
        return np.bincount(self.ends.ravel(), minlength=self.n_nodes)

    @cached_property
    def components(self) -> np.ndarray:
        """Number of the connected component of each gene, (N,), from 0.

        The largest component is 0; components of one size are ordered by their first gene.
        """
        # one entry per edge is enough: components take the graph as undirected
        graph = sparse.coo_array(
            (np.ones(self.n_edges, bool), self.ends.T), shape=(self.n_nodes, self.n_nodes)
        )
        _, labels = csgraph.connected_components(graph, directed=False)
        sizes = np.bincount(labels, minlength=0)
        rank = np.empty(len(sizes), np.int64)
        # stable: labels come in the order of first genes
        rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
        return rank[labels]

    @property
    def n_components(self) -> int:
        return int(self.components.max(initial=-1)) + 1

    def has(self, genes: Iterable[str]) -> np.ndarray:
        """Return which nodes are among some genes.

        Parameters
        ----------
        genes : iterable of str
            Symbols.

        Returns
        -------
        (N,) ndarray of bool
        """
        return np.isin(self.genes, np.array(list(genes), dtype=str))

    def induced(self, kept: np.ndarray) -> "Network":
        """Return the subgraph on some nodes; isolated ones stay.

        Parameters
        ----------
        kept : (N,) ndarray of bool
            Nodes to keep.

        Returns
        -------
        Network
        """
        return self._take(kept, kept[self.ends].all(axis=1))

    def below(self, cutoff: float) -> "Network":
        """Return the graph of the edges with a cost strictly below a cut-off.

        Parameters
        ----------
        cutoff : float
            Edges at or above it go, and with them the nodes that have no other edge.

        Returns
        -------
        Network
        """
        chosen = self.costs < cutoff
        return self._take(
            np.bincount(self.ends[chosen].ravel(), minlength=self.n_nodes) > 0, chosen
        )

    def largest(self) -> "Network":
        """Return the largest connected component."""
        return self.induced(self.components == 0)

    def edge_table(self) -> pd.DataFrame:
        """Return the edges as a table.

        Returns
        -------
        DataFrame
            One row per edge: `gene_a`, `gene_b`, `cost`, `gene_a` before `gene_b` in the alphabet.
        """
        first, second = self.genes[self.ends].T
        return pd.DataFrame({"gene_a": first, "gene_b": second, "cost": self.costs})

    def _take(self, nodes: np.ndarray, edges: np.ndarray) -> "Network":
        place = np.cumsum(nodes) - 1  # new position of each node that stays
        return Network(self.genes[nodes], place[self.ends[edges]], self.costs[edges], self.n_loops)


def of_table(edges: pd.DataFrame, *, cost: str, nodes: Iterable[str] = ()) -> Network:
    """Build the network of a table of edges.

    Parameters
    ----------
    edges : DataFrame
        `gene_a`, `gene_b` and the column of costs; each pair once, no self-loops.
    cost : str
        Column of the costs.
    nodes : iterable of str
        Genes that the network has in any case, with edges or without.

    Returns
    -------
    Network
    """
    # genes without an edge keep their row
    genes = np.array(sorted({*nodes, *edges["gene_a"], *edges["gene_b"]}), dtype=str)
    ends = np.sort(
        np.stack(
            [np.searchsorted(genes, edges[name].to_numpy(str)) for name in ("gene_a", "gene_b")]
        ).T
    )
    order = np.lexsort(ends.T[::-1])  # by the first gene, then the second
    return Network(genes, ends[order].astype(np.int64), edges[cost].to_numpy(float)[order])
