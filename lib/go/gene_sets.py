"""Gene sets of the GO terms over one universe: rows of packed bits, propagated up the graph.

A term's set is a row of ceil(genes / 8) bytes, one bit per gene, so that a union is an OR and a
size is a popcount.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.go.annotation import Annotation


@dataclass(frozen=True, eq=False)
class GeneSets:
    """Terms with the genes annotated to them or to a descendant, and the edges between these terms.

    Attributes
    ----------
    terms : (T,) Index of str
        GO ids, ascending.
    genes : (G,) Index of str
        The universe in the order given; genes without annotation are in no set.
    bits : (T, ceil(G / 8)) uint8 array
        Row t holds the genes of term t, the first gene in the highest bit of the first byte.
    child, parent : (E,) int array
        Edges as positions in `terms`, sorted by parent, then child.
    feasible : (ceil(G / 8),) uint8 array
        Genes annotated to any term of the ontology, pruned terms included.
    """

    terms: pd.Index
    genes: pd.Index
    bits: np.ndarray
    child: np.ndarray
    parent: np.ndarray
    feasible: np.ndarray

    @cached_property
    def sizes(self) -> np.ndarray:
        """(T,) number of genes of every term."""
        return count(self.bits)

    @cached_property
    def level(self) -> np.ndarray:
        """(T,) length of the longest path from the root."""
        return _longest_path(self.child, self.parent, len(self.terms))

    def pack(self, genes) -> np.ndarray:
        """Return a list of genes as a row of bits.

        Parameters
        ----------
        genes : sequence of str
            Genes outside the universe are ignored.

        Returns
        -------
        (ceil(G / 8),) uint8 array
        """
        member = np.zeros(len(self.genes), bool)
        position = self.genes.get_indexer(pd.Index(genes, dtype=object))
        member[position[position >= 0]] = True
        return np.packbits(member)


def count(bits: np.ndarray) -> np.ndarray:
    """Count the set bits along the last axis.

    Parameters
    ----------
    bits : (…, B) uint8 array
        Packed rows.

    Returns
    -------
    (…) int64 array
    """
    return np.bitwise_count(bits).sum(axis=-1, dtype=np.int64)


def gene_sets(annotation: Annotation, universe, *, by: str = "symbol") -> GeneSets:
    """Build the gene sets of a universe.

    Direct annotations are propagated along all relations up to the root.

    Parameters
    ----------
    annotation : Annotation
        One release and ontology.
    universe : sequence of str
        G distinct genes.
    by : str
        `symbol` or `entrez`: what the universe lists.

    Returns
    -------
    GeneSets
        Every term with a gene of the universe, and all ancestors.

    Raises
    ------
    InputError
        If no gene of the universe is annotated.
    """
    codes = annotation.codes
    names, pair_gene = (
        (codes.symbols, codes.pair_symbol) if by == "symbol" else (codes.entrez, codes.pair_entrez)
    )
    genes = pd.Index(universe, dtype=object)  # (G,) bits stand in this order
    column = np.append(genes.get_indexer(names), -1)[
        pair_gene
    ]  # (P,) position of each pair's gene in the universe
    kept = column >= 0
    if not kept.any():
        raise InputError(
            f"none of the {len(genes)} background genes has a GO {annotation.ontology} annotation; "
            f"the annotation is read by {by}, and the first genes are {listed(genes, limit=3)}"
        )
    member = _ancestors(codes.pair_term[kept], codes.child, codes.parent, len(codes.terms))
    row = np.cumsum(member) - 1
    child, parent = _induced(codes.child, codes.parent, member)
    # (T, ceil(G / 8)) direct annotations only
    bits = _packed(row[codes.pair_term[kept]], column[kept], (int(member.sum()), len(genes)))
    _propagate(bits, child, parent)
    return GeneSets(
        codes.terms[member], genes, bits, child, parent, np.bitwise_or.reduce(bits, axis=0)
    )


def prune(sets: GeneSets, *, node_size: int) -> GeneSets:
    """Drop the terms with few genes.

    What is left is closed under ancestors by itself, since a parent is never smaller than its
    child.

    Parameters
    ----------
    sets : GeneSets
        All terms of a universe.
    node_size : int
        Fewest genes of a term that is kept.

    Returns
    -------
    GeneSets
        `feasible` stays: genes count as annotated even if all their terms were dropped.

    Raises
    ------
    InputError
        If `node_size` is not positive, or no term is that large.
    """
    if node_size < 1:
        raise InputError(f"node_size is {node_size}; a term needs at least 1 gene to be tested")
    kept = sets.sizes >= node_size  # (T,)
    if not kept.any():
        raise InputError(
            f"no term has {node_size} of the {count(sets.feasible)} annotated background genes "
            f"(the largest has {sets.sizes.max()}); give a smaller node_size or a larger background"
        )
    child, parent = _induced(sets.child, sets.parent, kept)
    return GeneSets(sets.terms[kept], sets.genes, sets.bits[kept], child, parent, sets.feasible)


def union_of_children(
    bits: np.ndarray, child: np.ndarray, parent: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Unite the children of each parent.

    Parameters
    ----------
    bits : (T, B) uint8 array
        Packed gene sets.
    child, parent : (E,) int array
        Edges, sorted by parent.

    Returns
    -------
    parents : (Q,) int array
        Distinct parents, ascending.
    unions : (Q, B) uint8 array
        Union of the children of each.
    """
    if not len(parent):
        return parent, np.zeros((0, bits.shape[1]), np.uint8)
    first = np.flatnonzero(np.diff(parent, prepend=-1))
    return parent[first], np.bitwise_or.reduceat(bits[child], first, axis=0)


def edges_by_level(level: np.ndarray, child: np.ndarray, parent: np.ndarray):
    """Yield the edges into each level, the deepest parents first.

    When an edge comes, every edge into its child has come before.

    Parameters
    ----------
    level : (T,) int array
        Length of the longest path from the root.
    child, parent : (E,) int array
        Edges, sorted by parent.

    Yields
    ------
    child, parent : int array
        Edges into the terms of one level, sorted by parent.
    """
    order = np.argsort(-level[parent], kind="stable")  # stable: parents stay sorted inside a level
    steps = np.flatnonzero(np.diff(level[parent[order]])) + 1
    for part in np.split(order, steps):
        yield child[part], parent[part]


def _propagate(bits: np.ndarray, child: np.ndarray, parent: np.ndarray) -> None:
    """Add the genes of every term to its ancestors, in place."""
    level = _longest_path(child, parent, len(bits))
    for children, parents in edges_by_level(level, child, parent):
        rows, union = union_of_children(bits, children, parents)
        # children are complete when their parents' turn comes
        bits[rows] |= union


def _packed(row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a (shape[0], ceil(shape[1] / 8)) array with the bits at (row, column) set.

    Pairs of row and column may repeat.
    """
    bits = np.zeros((shape[0], -(-shape[1] // 8)), np.uint8)
    np.bitwise_or.at(bits, (row, column >> 3), (128 >> (column & 7)).astype(np.uint8))
    return bits


def _ancestors(
    terms: np.ndarray, child: np.ndarray, parent: np.ndarray, n_terms: int
) -> np.ndarray:
    """Return (n_terms,) truth values: the given terms and everything above them."""
    member = np.zeros(n_terms, bool)
    member[terms] = True
    n_before = 0
    # one step up per turn, until nothing new is reached
    while (n_now := int(member.sum())) > n_before:
        member[parent[member[child]]] = True
        n_before = n_now
    return member


def _induced(
    child: np.ndarray, parent: np.ndarray, member: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges between members, renumbered and sorted by parent, then child."""
    kept = member[child] & member[parent]
    row = np.cumsum(member) - 1
    child, parent = row[child[kept]], row[parent[kept]]
    order = np.lexsort((child, parent))
    return child[order], parent[order]


def _longest_path(child: np.ndarray, parent: np.ndarray, n_terms: int) -> np.ndarray:
    """Return (n_terms,) lengths of the longest path from the root; the graph has no cycle."""
    level = np.zeros(n_terms, np.int64)
    while True:
        deeper = level.copy()
        np.maximum.at(deeper, child, level[parent] + 1)
        if (deeper == level).all():
            return level
        level = deeper
