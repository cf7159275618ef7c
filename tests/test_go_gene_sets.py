"""GO gene sets: propagation, pruning and counts, on a graph small enough to check by hand."""

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib import go
from lib.data.errors import InputError
from lib.go.gene_sets import count, gene_sets, prune

# root 1 over 2 and 3; 4 is below both; 5 is below 4
EDGES = [("2", "1"), ("3", "1"), ("4", "2"), ("4", "3"), ("5", "4")]
DIRECT = [("a", "5"), ("b", "4"), ("c", "2"), ("d", "3"), ("e", "1")]


def make(pairs=DIRECT, edges=EDGES):
    """Return an annotation from short names: `2` is GO:0000002; gene `a` has the Entrez id `Ea`."""
    pairs = [(gene, f"E{gene}", f"GO:{int(term):07d}") for gene, term in pairs]
    edges = [(f"GO:{int(child):07d}", f"GO:{int(parent):07d}", "isa") for child, parent in edges]
    terms = sorted({term for child, parent, _ in edges for term in (child, parent)})
    genes = sorted({(gene, entrez) for gene, entrez, _ in pairs})
    return go.Annotation(
        pairs=pd.DataFrame(pairs, columns=["symbol", "entrez", "go_id"]),
        edges=pd.DataFrame(edges, columns=["child", "parent", "relation"]),
        terms=pd.DataFrame({"go_id": terms, "term": [f"term {int(term[3:])}" for term in terms]}),
        genes=pd.DataFrame(genes, columns=["name", "entrez"]).assign(is_alias=False),
        release={"source": "test"},
    )


@functools.cache
def installed_annotation():
    """Read the installed packages once, or skip the test."""
    try:
        return go.read_installed()
    except go.RNotAvailable as error:
        pytest.skip(str(error))


def members(sets):
    """Return the genes of every term as sets, by the number of the term."""
    bits = np.unpackbits(sets.bits, axis=1, count=len(sets.genes)).astype(bool)
    return {int(term[3:]): set(sets.genes[row]) for term, row in zip(sets.terms, bits, strict=True)}


def test_a_gene_belongs_to_its_term_and_to_all_above():
    sets = gene_sets(make(), list("abcde"))
    assert members(sets) == {
        1: set("abcde"),
        2: set("abc"),
        3: set("abd"),
        4: set("ab"),
        5: set("a"),
    }
    assert sets.sizes.tolist() == [5, 3, 3, 2, 1]


def test_level_is_the_longest_path_from_the_root():
    shortcut = [*EDGES, ("5", "1")]
    assert gene_sets(make(edges=shortcut), list("abcde")).level.tolist() == [0, 1, 1, 2, 3]


def test_only_annotated_genes_are_feasible_and_terms_without_genes_are_left_out():
    sets = gene_sets(make(), ["c", "unknown", "e"])
    assert members(sets) == {1: {"c", "e"}, 2: {"c"}}
    assert count(sets.feasible) == 2


def test_pruning_keeps_large_terms_their_edges_and_the_feasible_genes():
    sets = prune(gene_sets(make(), list("abcde")), node_size=3)
    assert list(sets.terms) == ["GO:0000001", "GO:0000002", "GO:0000003"]
    assert list(zip(sets.child, sets.parent, strict=True)) == [(1, 0), (2, 0)]
    assert count(sets.feasible) == 5


def test_propagating_complete_sets_changes_nothing():
    sets = gene_sets(make(), list("abcde"))
    complete = [(gene, term) for term, genes in members(sets).items() for gene in genes]
    assert members(gene_sets(make(pairs=complete), list("abcde"))) == members(sets)


def test_genes_can_be_read_by_entrez_id():
    assert members(gene_sets(make(), ["Ec", "c"], by="entrez"))[2] == {"Ec"}


def test_a_pair_listed_twice_counts_once():
    assert gene_sets(make(pairs=DIRECT * 2), list("abcde")).sizes.tolist() == [5, 3, 3, 2, 1]


def test_no_annotated_gene_is_an_error_that_names_genes():
    with pytest.raises(InputError, match="none of the 2 background genes.*x, y"):
        gene_sets(make(), ["x", "y"])


def test_no_large_term_is_an_error_that_names_the_largest():
    with pytest.raises(InputError, match="no term has 10 of the 5 .*largest has 5"):
        prune(gene_sets(make(), list("abcde")), node_size=10)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_graph_agrees_with_sets_of_python(seed):
    rng = np.random.default_rng(seed)
    n_terms, n_genes = int(rng.integers(2, 14)), int(rng.integers(1, 30))
    edges = {
        (str(child + 1), str(int(rng.integers(child)) + 1))
        for child in range(1, n_terms)
        for _ in range(2)
    }
    pairs = [
        (f"g{gene}", str(int(rng.integers(n_terms)) + 1))
        for gene in range(n_genes)
        for _ in range(2)
    ]
    sets = gene_sets(
        make(pairs=pairs, edges=sorted(edges)), [f"g{gene}" for gene in range(n_genes)]
    )
    expected = {}
    for gene, term in pairs:
        waiting = [term]
        while waiting:
            here = waiting.pop()
            expected.setdefault(int(here), set()).add(gene)
            waiting += [parent for child, parent in edges if child == here]
    assert members(sets) == expected


@settings(max_examples=10, deadline=None)
@given(st.permutations(list("abcde")))
def test_the_order_of_genes_changes_no_set(genes):
    assert members(gene_sets(make(), genes)) == members(gene_sets(make(), list("abcde")))
