"""Node features and links of the network: values that can be checked by hand, properties, and input
that is wrong."""

import re
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import toy_regulation as toy
from anndata import AnnData
from hypothesis import given
from hypothesis import strategies as st

from lib.data.errors import InputError
from lib.regulation import features, links

GENES = ["JUN", "SRC", "UBC"]


def expression(values, genes=GENES):
    values = np.asarray(values, np.float32)
    cells = pd.DataFrame(index=[f"c{i}" for i in range(len(values))])
    return AnnData(values, obs=cells, var=pd.DataFrame(index=list(genes)))


def table(*pairs):
    return pd.DataFrame(pairs, columns=["gene_a", "gene_b"])


def test_features_are_scaled_within_the_cell_over_the_genes_of_the_network():
    found = features.node_features(
        expression([[9, 1, 3, 2], [0, 4, 4, 4]], genes=["ACTB", *GENES]),
        {"A": ["SRC", "X"], "B": ["UBC"]},
        GENES,
    )
    assert found.obs_names.tolist() == GENES and found.var_names.tolist() == [
        "cell c0",
        "cell c1",
        "A",
        "B",
    ]
    assert found.var["kind"].tolist() == ["expression", "expression", "gene set", "gene set"]
    # cell 0: 1, 3, 2 → 0, 1, 0.5 without ACTB; cell 1 is constant over the three genes
    assert (
        found.X.tolist() == [[0, 0, 0, 0], [1, 0, 1, 0], [0.5, 0, 0, 1]]
        and found.X.dtype == np.float32
    )


def test_order_of_genes_permutes_rows_and_sparse_expression_is_the_same():
    from scipy import sparse

    nodes, _ = toy.network(2, 5)
    table, sets = toy.expression(nodes, n_cells=6), toy.gene_sets(nodes)
    genes = nodes["gene"].tolist()
    plain = features.node_features(table, sets, genes)
    turned = features.node_features(table, sets, genes[::-1])
    np.testing.assert_array_equal(plain.X, turned.X[::-1])
    packed = AnnData(sparse.csr_matrix(table.X), obs=table.obs, var=table.var)
    np.testing.assert_array_equal(plain.X, features.node_features(packed, sets, genes).X)
    assert plain.X.min() == 0 and plain.X.max() == 1


@pytest.mark.parametrize(
    ("found", "genes", "message"),
    [
        (
            expression([[1, 2, 3]]),
            ["JUN", "MOS"],
            "1 of 2 genes of the network have no expression (MOS)",
        ),
        (expression([[1, 2, 3]]), ["JUN", "JUN"], "JUN is there twice in the network"),
        (
            expression([[1, 2, 3]], ["JUN", "JUN", "SRC"]),
            ["JUN"],
            "JUN is there twice in the expression table",
        ),
        (
            expression([[1, np.nan, 3]]),
            GENES,
            "expression of SRC (and 0 other genes) is not a finite number",
        ),
        (expression([[1, 2, 3]]), [], "the network has no gene"),
    ],
)
def test_expression_that_does_not_fit_is_told(found, genes, message):
    with pytest.raises(InputError, match=re.escape(message)):
        features.node_features(found, {}, genes)


def test_links_are_numbers_with_the_smaller_first():
    assert links.from_table(table(("UBC", "JUN"), ("JUN", "SRC")), GENES).tolist() == [
        [0, 0],
        [2, 1],
    ]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (table(), "the network has no links"),
        (table(("JUN", "JUN")), "row 2 of the links: JUN is linked with itself"),
        (table(("JUN", "SRC"), ("SRC", "JUN")), "row 3 of the links: SRC and JUN are linked twice"),
        (table(("JUN", "SRC"), ("SRC", "MOS")), "row 3 of the links: MOS is not among the 3 genes"),
        (pd.DataFrame({"gene_a": ["JUN"]}), "lacks the column 'gene_b'"),
    ],
)
def test_links_that_cannot_be_used_are_told(found, message):
    with pytest.raises(InputError, match=re.escape(message)):
        links.from_table(found, GENES)


def random_links(n_links, n_nodes, seed=0):
    pairs = np.vstack(np.triu_indices(n_nodes, k=1))
    return pairs[:, np.random.default_rng(seed).choice(pairs.shape[1], n_links, replace=False)]


def as_set(pairs):
    return set(map(tuple, pairs.T.tolist()))


def test_the_papers_links_split_as_the_paper_says():
    parts = links.split(random_links(526, 249), 249, rng=np.random.default_rng(0))
    sizes = [part.shape[1] for part in (parts.train, parts.validation, parts.test)]
    assert sizes == [369, 52, 105] and parts.known.shape[1] == 421
    assert [parts.validation_negatives.shape[1], parts.test_negatives.shape[1]] == [52, 105]


@given(st.integers(10, 60), st.integers(0, 1000))
def test_a_split_is_a_partition_and_negatives_are_never_linked(n_links, seed):
    every = random_links(n_links, 16, seed)
    parts = links.split(every, 16, rng=np.random.default_rng(seed))
    groups = [as_set(part) for part in (parts.train, parts.validation, parts.test)]
    assert set.union(*groups) == as_set(every) and sum(map(len, groups)) == n_links
    negatives = [as_set(parts.validation_negatives), as_set(parts.test_negatives)]
    assert not negatives[0] & negatives[1] and [len(found) for found in negatives] == [
        len(g) for g in groups[1:]
    ]
    for pair in set.union(*negatives):
        assert pair[0] < pair[1] and pair not in as_set(every)


@given(st.integers(0, 1000))
def test_training_negatives_are_no_training_link_in_either_direction(seed):
    rng = np.random.default_rng(seed)
    train = random_links(30, 12, seed)
    train = np.where(rng.random(30) < 0.5, train, train[::-1])  # some given the other way round
    pool = links.unlinked(train, 12)
    assert links.n_unlinked(train, 12) == pool.shape[1]
    drawn = links.draw_negatives(train, 12, 20, rng=rng)
    both = as_set(train) | as_set(train[::-1])
    assert len(as_set(drawn)) == 20 and not (as_set(drawn) | as_set(drawn[::-1])) & both
    assert (drawn[0] != drawn[1]).all() and pool.shape[1] == 12 * 11 // 2 - 30
    assert as_set(links.draw_negatives(train, 12, 1000, rng=rng)) == as_set(
        pool
    )  # all that there are


@pytest.mark.parametrize(("n_links", "n"), [(2, 8), (2, 20), (30, 15), (0, 11)])
def test_every_free_pair_is_drawn_equally_often(n_links, n):
    """Of 10 nodes; 8 and 11 pairs are drawn by rejection, 15 of 15 and 20 of 43 from a list."""
    every = random_links(n_links, 10)
    rng = np.random.default_rng(5)
    drawn = np.hstack([links.draw_negatives(every, 10, n, rng=rng) for _ in range(4000)])
    pairs, counts = np.unique(drawn, axis=1, return_counts=True)
    assert as_set(pairs) == as_set(links.unlinked(every, 10)) and pairs.shape[1] == 45 - n_links
    assert counts.sum() == 4000 * n
    assert np.abs(counts - counts.mean()).max() <= 5 * np.sqrt(
        counts.mean() * (1 - n / pairs.shape[1])
    )


def test_the_first_drawn_are_no_other_than_the_last():
    """The split gives the first to validation and the rest to test."""
    rng = np.random.default_rng(6)
    first = np.hstack(
        [links.draw_negatives(random_links(2, 10), 10, 8, rng=rng)[:, :2] for _ in range(4000)]
    )
    counts = np.unique(first, axis=1, return_counts=True)[1]
    assert len(counts) == 43 and np.abs(counts - counts.mean()).max() <= 5 * np.sqrt(counts.mean())


def test_where_all_but_a_few_pairs_are_linked_the_draw_still_ends():
    every = np.vstack(np.triu_indices(300, k=1))
    linked = np.delete(every, [5, 4000, 40000], axis=1)
    for n, expected in ((1, 1), (2, 2), (3, 3), (9, 3)):
        drawn = as_set(links.draw_negatives(linked, 300, n, rng=np.random.default_rng(n)))
        assert len(drawn) == expected and drawn <= as_set(every[:, [5, 4000, 40000]])
    assert links.draw_negatives(every, 300, 4, rng=np.random.default_rng(0)).shape == (2, 0)


def test_a_large_network_needs_memory_for_its_links_not_for_all_pairs():
    """20,000 nodes have 200 million pairs: 3.2 GB as a list, 400 MB as a mask."""
    rng = np.random.default_rng(0)
    every = np.unique(np.sort(rng.integers(20_000, size=(2, 60_000)), axis=0), axis=1)
    every = every[:, every[0] != every[1]]
    tracemalloc.start()
    parts = links.split(every, 20_000, rng=rng)
    drawn = links.draw_negatives(parts.train, 20_000, parts.train.shape[1] + 20_000, rng=rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * every.nbytes
    pairs = pd.DataFrame(drawn.T)
    assert len(pairs.drop_duplicates()) == drawn.shape[1] and not len(
        pairs.merge(pd.DataFrame(parts.train.T))
    )


def test_the_same_seed_gives_the_same_split():
    every = random_links(40, 20)
    first, second, other = (
        links.split(every, 20, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.train, second.train)
    np.testing.assert_array_equal(first.test_negatives, second.test_negatives)
    assert as_set(first.train) != as_set(other.train)


def test_too_few_links_or_too_few_free_pairs_are_told():
    with pytest.raises(InputError, match="9 links cannot be split .* 10 or more"):
        links.split(random_links(9, 20), 20, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="15 links among 6 genes leave 0 pairs .* 4 are needed"):
        links.split(random_links(15, 6), 6, rng=np.random.default_rng(0))


@pytest.mark.real
def test_the_published_network_splits_as_published(real):
    """The 526 links of the published 249 genes, from the interactome at the paper's cut-off."""
    file = next((real / "data" / "ppi").glob("*/*C9.costs*"), None)
    if file is None:
        pytest.skip("the interactome is not among the real data")
    ppi = pd.read_csv(file, sep="\t")
    genes = pd.read_csv(real / "reference" / "image2reg" / "regulatory_clusters_249.csv")[
        "gene"
    ].tolist()
    kept = ppi[(ppi["cost"] < 0.594) & ppi["protein1"].isin(genes) & ppi["protein2"].isin(genes)]
    kept = kept[kept["protein1"] != kept["protein2"]]
    found = links.from_table(
        kept.rename(columns={"protein1": "gene_a", "protein2": "gene_b"}), genes
    )
    parts = links.split(found, len(genes), rng=np.random.default_rng(0))
    assert [part.shape[1] for part in (parts.train, parts.validation, parts.test)] == [369, 52, 105]
