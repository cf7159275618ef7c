"""topGO's tests of one foreground against a universe: classic, elim and weight01, by Fisher.

`weight01` is what the released program computes, which is not what its name and description say. A
child is meant to take its genes from a parent only if it scores better; in the program the
comparison always succeeds, so every child with a foreground gene removes its genes from all its
parents, whatever the p-values. See `_weight01`.
"""

from dataclasses import dataclass

import numpy as np

from lib.go.gene_sets import GeneSets, count, edges_by_level, union_of_children
from lib.go.tails import upper_tail

ELIM_CUTOFF = (
    0.01  # topGO's default: a term with p at most this removes its genes from its ancestors
)


@dataclass(frozen=True, eq=False)
class TermTests:
    """Tests of T terms. `annotated` and `significant` are the counts before any gene is removed.

    Attributes
    ----------
    annotated, significant : (T,) int array
        Genes and foreground genes of every term.
    expected : (T,) float array
        Foreground genes expected by chance, two decimals.
    p : (T,) float array
        1 for terms without a foreground gene.
    """

    annotated: np.ndarray
    significant: np.ndarray
    expected: np.ndarray
    p: np.ndarray


def test_terms(
    sets: GeneSets, foreground, *, algorithm: str = "weight01", tail: str = "auto"
) -> TermTests:
    """Test every term of a pruned universe for too many foreground genes.

    Parameters
    ----------
    sets : GeneSets
        The universe after pruning.
    foreground : sequence of str
        Genes; those without annotation in the universe take no part.
    algorithm : str
        `classic`, `elim` or `weight01`.
    tail : str
        See `lib.go.tails.upper_tail`.

    Returns
    -------
    TermTests
        In the order of `sets.terms`.

    References
    ----------
    Alexa, Rahnenführer and Lengauer, Bioinformatics 22 (2006),
    https://doi.org/10.1093/bioinformatics/btl140
    """
    # genes without annotation leave foreground and universe alike
    chosen = sets.pack(foreground) & sets.feasible
    significant = count(sets.bits & chosen)
    p = ALGORITHMS[algorithm](sets, chosen, significant > 0, tail)
    share = int(count(chosen)) / int(count(sets.feasible))
    # two decimals, as topGO prints it
    expected = np.array([round(size * share, 2) for size in sets.sizes.tolist()])
    return TermTests(sets.sizes, significant, expected, np.where(significant > 0, p, 1.0))


test_terms.__test__ = False  # a verb, not a test for pytest


def restricted_edges(sets: GeneSets, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges between terms that have a foreground gene: those the algorithms use.

    Parameters
    ----------
    sets : GeneSets
        The universe after pruning.
    hit : (T,) bool array
        Terms with a foreground gene.

    Returns
    -------
    child, parent : int array
        Positions in `sets.terms`, sorted by parent.
    """
    kept = hit[sets.child]  # the parent of a hit term is hit
    return sets.child[kept], sets.parent[kept]


def _classic(sets: GeneSets, chosen: np.ndarray, hit: np.ndarray, tail: str) -> np.ndarray:
    """Test every term by itself."""
    return _p_without(sets, np.zeros((len(sets.terms), 1), np.uint8), chosen, tail)


def _weight01(sets: GeneSets, chosen: np.ndarray, hit: np.ndarray, tail: str) -> np.ndarray:
    """Test every term without the genes of its children in the restricted graph.

    Genes that deeper terms hand up to their ancestors are already in some child's set, so nothing
    is iterated.
    """
    removed = np.zeros_like(sets.bits)
    rows, union = union_of_children(sets.bits, *restricted_edges(sets, hit))
    removed[rows] = union
    return _p_without(sets, removed, chosen, tail)


def _elim(sets: GeneSets, chosen: np.ndarray, hit: np.ndarray, tail: str) -> np.ndarray:
    """Test from the deepest level up.

    A term with p at most the cut-off removes all its genes from its ancestors.
    """
    p = np.ones(len(sets.terms))
    removed = np.zeros_like(sets.bits)
    handed_up = np.zeros_like(sets.bits)
    child, parent = restricted_edges(sets, hit)
    incoming = {
        int(sets.level[part[1][0]]): part
        for part in edges_by_level(sets.level, child, parent)
        if len(part[1])
    }
    # deepest first: removals reach all ancestors before their test
    for level in range(int(sets.level.max()), -1, -1):
        if level in incoming:
            rows, union = union_of_children(handed_up, *incoming[level])
            removed[rows] = union
        here = np.flatnonzero(hit & (sets.level == level))
        p[here] = _p_without(sets, removed[here], chosen, tail, rows=here)
        # all genes of the term go, not only those that were left for its test
        passed = p[here] <= ELIM_CUTOFF
        handed_up[here] = removed[here] | np.where(passed[:, None], sets.bits[here], np.uint8(0))
    return p


def _p_without(
    sets: GeneSets, removed: np.ndarray, chosen: np.ndarray, tail: str, rows=slice(None)
) -> np.ndarray:
    """Return p of the terms at `rows` after genes were removed from the universe.

    Only genes of the term itself are removed.
    """
    bits = sets.bits[rows]
    gone = removed & bits  # the universe shrinks only by genes of the term itself
    rest = bits & ~removed
    n_genes = int(count(sets.feasible)) - count(gone)
    n_chosen = int(count(chosen)) - count(gone & chosen)
    return upper_tail(count(rest & chosen), n_chosen, n_genes - n_chosen, count(rest), tail=tail)


ALGORITHMS = {"classic": _classic, "elim": _elim, "weight01": _weight01}
