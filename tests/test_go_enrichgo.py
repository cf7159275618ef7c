"""Clusters compared as clusterProfiler does: by hand, against its stored results, and Figure 3C of
the paper."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_go_gene_sets import installed_annotation, make
from test_go_topgo import GENES, NESTED, TAILS, fisher

from lib import go
from lib.data.errors import InputError
from lib.go import r

ALL = {"p_cutoff": 1, "q_cutoff": 10, "engine": "builtin"}
SMALL = ALL | {"min_size": 1, "tail": "scipy"}
STORED = ["physical_regulators", *(f"cluster{k}" for k in range(1, 6))]


def rows(table):
    """Return the rows by the number of the term."""
    return {
        int(term[3:]): row for term, (_, row) in zip(table["ID"], table.iterrows(), strict=True)
    }


def test_one_cluster_by_hand():
    table = rows(go.compare_clusters(NESTED, {"a": ["g1", "g0", "g5"]}, GENES, **SMALL))
    assert set(table) == {1, 2, 3}
    assert table[3]["pvalue"] == pytest.approx(fisher(2, 4, 3, 12))
    text = table[3][["GeneRatio", "BgRatio", "geneID", "Count"]].tolist()
    assert text == ["2/3", "4/12", "Eg1/Eg0", 2]
    assert list(table) == [2, 3, 1] or list(table) == [3, 2, 1]
    p = [row["pvalue"] for row in table.values()]
    assert [row["p.adjust"] for row in table.values()] == pytest.approx(
        [min(1.5 * p[1], 3 * p[0]), 1.5 * p[1], 1]
    )


def test_terms_that_a_cluster_does_not_hit_are_no_tests():
    table = go.compare_clusters(NESTED, {"a": ["g5"], "b": ["g0"]}, GENES, **SMALL)
    assert table.groupby("Cluster", observed=True)["ID"].nunique().to_dict() == {"a": 2, "b": 3}


def test_genes_outside_the_universe_count_as_drawn_but_not_as_hits(caplog):
    table = go.compare_clusters(NESTED, {"a": ["g0", "g1"]}, GENES[1:], **SMALL)
    row = rows(table)[3]
    assert (row["GeneRatio"], row["BgRatio"], row["geneID"]) == ("1/2", "3/11", "Eg1")
    assert row["pvalue"] == pytest.approx(fisher(1, 3, 2, 11))
    assert "1 cluster genes are not in the background" in caplog.text and table.attrs[
        "outside_background"
    ] == ["Eg0"]


def test_a_term_hit_only_outside_the_universe_is_tested_with_no_hit():
    annotation = make(
        pairs=[(g, "2") for g in "ab"] + [(g, "1") for g in "abcd"], edges=[("2", "1")]
    )
    table = go.compare_clusters(annotation, {"x": ["a"]}, list("bcd"), **SMALL)
    assert rows(table)[2][["Count", "pvalue", "geneID"]].tolist() == [0, 1, ""]


def test_size_limits_count_genes_inside_the_universe():
    table = go.compare_clusters(
        NESTED, {"a": ["g0"]}, GENES[:5], **SMALL | {"min_size": 5, "max_size": 5}
    )
    assert sorted(rows(table)) == [1, 2]


def test_without_universe_all_annotated_genes_are_it():
    table = go.compare_clusters(NESTED, {"a": ["g0"]}, None, **SMALL)
    assert set(table["BgRatio"].str.split("/").str[1]) == {"12"}


def test_repeated_genes_count_once():
    once, twice = (go.compare_clusters(NESTED, {"a": ["g0"] * n}, GENES, **SMALL) for n in (1, 2))
    pd.testing.assert_frame_equal(once, twice)


def test_an_annotation_without_entrez_ids_is_used_by_symbol():
    plain = replace(NESTED, pairs=NESTED.pairs.assign(entrez=None), genes=NESTED.genes.iloc[:0])
    table = go.compare_clusters(plain, {"a": ["g1", "g0"]}, GENES, **SMALL)
    assert rows(table)[3]["geneID"] == "g1/g0"


def test_nothing_found_is_an_empty_table_with_its_columns():
    table = go.compare_clusters(NESTED, {"b": ["g0"]}, GENES, **SMALL | {"p_cutoff": 0.01})
    assert table.empty and table.columns.tolist() == [
        "Cluster",
        "ID",
        "Description",
        "GeneRatio",
        "BgRatio",
        "pvalue",
        "p.adjust",
        "qvalue",
        "geneID",
        "Count",
    ]
    assert table["Cluster"].cat.categories.tolist() == ["b"]
    assert pd.api.types.is_object_dtype(table["Description"])


def test_clusters_keep_their_order_and_numbers_become_names():
    table = go.compare_clusters(NESTED, {2: ["g0"], 1: ["g5"]}, GENES, **SMALL)
    assert table["Cluster"].cat.categories.tolist() == ["2", "1"]
    assert table["Cluster"].tolist() == ["2"] * 3 + ["1"] * 2


def test_unmapped_symbols_are_named_and_a_cluster_of_them_has_no_row(caplog):
    table = go.compare_clusters(NESTED, {"a": ["g0", "lost"], "b": ["gone"]}, GENES, **SMALL)
    assert table.attrs["unmapped"] == ["lost", "gone"] and set(table["Cluster"]) == {"a"}
    assert "lost, gone" in caplog.text and "cluster b" in caplog.text


@pytest.mark.parametrize(
    ("clusters", "options", "message"),
    [
        ({}, {}, "there is no cluster"),
        ({"a": ["g0"], "b": []}, {}, "cluster b has no gene; leave it out"),
        ({"a": ["g0"]}, {"by": "ensembl"}, "by 'ensembl' is unknown"),
        ({"a": ["g0"]}, {"engine": "topgo"}, "choose one of auto, builtin, clusterprofiler"),
    ],
)
def test_what_is_refused(clusters, options, message):
    with pytest.raises(InputError, match=message):
        go.compare_clusters(NESTED, clusters, GENES, **SMALL | options)


def test_background_without_annotation_is_refused():
    with pytest.raises(InputError, match="none of the 1 background genes"):
        go.compare_clusters(NESTED, {"a": ["Eg0"]}, ["Ex"], by="entrez", **SMALL)


def assert_same(table, expected, *, tail, genes=True):
    """Assert that a table is the stored one of clusterProfiler."""
    columns = [
        ("ID", "go_id"),
        ("Description", "description"),
        ("GeneRatio", "gene_ratio"),
        ("BgRatio", "bg_ratio"),
        ("Count", "count"),
    ]
    for ours, theirs in columns + ([("geneID", "gene_id")] if genes else []):
        assert table[ours].tolist() == expected[theirs].fillna("").tolist(), ours
    for ours, theirs in (("pvalue", "pvalue"), ("p.adjust", "p_adjust"), ("qvalue", "qvalue")):
        np.testing.assert_allclose(
            table[ours], expected[theirs], rtol=0 if tail == "r" else 1e-12, atol=0
        )


def stored(real, name):
    """Read a stored table."""
    path = real / "reference" / "go" / "enrichgo_bioc316" / name
    return (
        json.loads(path.read_text())
        if name.endswith("json")
        else pd.read_csv(path, dtype={"gene_id": str}, float_precision="round_trip")
    )


@pytest.fixture(scope="module")
def annotated(real):
    """Annotation from the stored tables, with the stored Entrez ids."""
    ids = (
        stored(real, "symbol_to_entrez.csv")
        .dropna()
        .astype({"entrez": int})
        .set_index("symbol")["entrez"]
        .astype(str)
    )
    annotation = go.read_tables(real / "reference" / "go" / "topgo_bioc316" / "physical_regulators")
    return replace(
        annotation, pairs=annotation.pairs.assign(entrez=annotation.pairs["symbol"].map(ids))
    )


@pytest.mark.real
@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("name", STORED)
def test_stored_tables_of_clusterprofiler(real, annotated, name, tail):
    inputs = stored(real, "inputs.json")
    clusters = {name: inputs["clusters_entrez"][name]}
    table = go.compare_clusters(
        annotated, clusters, inputs["universe_entrez"], by="entrez", **ALL, tail=tail
    )
    assert_same(table, stored(real, f"compare_{name}.csv"), tail=tail)
    strict = go.compare_clusters(
        annotated, clusters, inputs["universe_entrez"], by="entrez", engine="builtin", q_cutoff=10
    )
    assert strict.empty


@pytest.fixture
def installed():
    """Annotation of the installed packages."""
    return installed_annotation()


@pytest.fixture
def release_316(installed):
    """The installed annotation, if it is the one of the stored tables."""
    if (
        installed.release["GOSOURCEDATE"] != "2022-07-01"
        or installed.release["org.Hs.eg.db"] != "3.16.0"
    ):
        pytest.skip(f"the stored tables are of release 3.16, installed is {installed.release}")
    return installed


@pytest.mark.real
@pytest.mark.parametrize("tail", TAILS)
def test_stored_table_of_a_query_outside_the_universe(real, release_316, tail):
    query = stored(real, "query_outside_universe.json")["query_entrez"]
    universe = stored(real, "inputs.json")["universe_entrez"]
    table = go.compare_clusters(
        release_316, {"query": query}, universe, by="entrez", **ALL, tail=tail
    )
    assert_same(table, stored(real, "query_outside_universe.csv"), tail=tail)


@pytest.mark.real
@pytest.mark.parametrize("tail", TAILS)
def test_stored_table_of_the_whole_genome(real, release_316, tail):
    query = {"x": stored(real, "inputs.json")["clusters_entrez"]["physical_regulators"]}
    table = go.compare_clusters(release_316, query, None, by="entrez", **ALL, tail=tail)
    assert len(table) == 2338
    assert_same(
        table, stored(real, "whole_genome_universe_physical_regulators.csv"), tail=tail, genes=False
    )
    assert (
        len(go.compare_clusters(release_316, query, None, by="entrez", engine="builtin", tail=tail))
        == 764
    )


@pytest.mark.real
def test_real_clusterprofiler_gives_the_same_table(real, installed):
    if r.package_dir("clusterProfiler") is None:
        pytest.skip("clusterProfiler is not installed")
    inputs = stored(real, "inputs.json")
    case = (installed, inputs["clusters_entrez"], inputs["universe_entrez"])
    options = {"by": "entrez", "p_cutoff": 1, "q_cutoff": 10}
    theirs = go.compare_clusters(*case, **options, engine="clusterprofiler")
    pd.testing.assert_frame_equal(
        go.compare_clusters(*case, **options, engine="builtin"), theirs, check_dtype=False
    )


THEMES = {  # cluster: words of a leading term, in Figure 3C and in release 3.16 alike
    "2": "actin cytoskeleton organization",
    "3": "intracellular receptor signaling pathway",
    "6": "cell cycle",
    "7": "DNA replication",
}


@pytest.mark.real
def test_clusters_of_figure_3c_keep_their_themes(real, release_316):
    members = pd.read_csv(
        real / "reference" / "image2reg" / "regulatory_clusters_249.csv", dtype=str
    )
    clusters = {name: part["gene"].tolist() for name, part in members.groupby("cluster")}
    table = go.compare_clusters(release_316, clusters, members["gene"].tolist(), **ALL)
    n_genes = {
        name: part["GeneRatio"].iloc[0].split("/")[1]
        for name, part in table.groupby("Cluster", observed=True)
    }
    assert list(n_genes.values()) == ["56", "26", "40", "24", "21", "17", "37", "27"]
    assert set(table["BgRatio"].str.split("/").str[1]) == {"248"}
    significant = table[table["p.adjust"] <= 0.05]
    assert set(significant["Cluster"]) == {
        "0",
        "2",
        "3",
        "6",
        "7",
    }  # cluster 1 is lost from 3.12 to 3.16
    for name, theme in THEMES.items():
        leading = significant[significant["Cluster"] == name].head(5)["Description"]
        assert leading.str.contains(theme).any(), (name, leading.tolist())


def test_random_clusters_seldom_beat_a_planted_one():
    genes = [f"g{i}" for i in range(60)]
    rng = np.random.default_rng(5)
    scattered = [(gene, str(term)) for gene in genes for term in rng.integers(3, 9, 2)]
    annotation = make(
        pairs=[(g, "2") for g in genes[:12]] + scattered,
        edges=[(str(term), "1") for term in range(2, 9)],
    )
    clusters = {"planted": genes[:10], "random": rng.choice(genes, 10, replace=False).tolist()}
    options = {"cutoffs": go.Cutoffs(min_size=2), "n_draws": 300, "tail": "scipy"}
    null = go.permutation_null(annotation, clusters, genes, rng=np.random.default_rng(1), **options)
    assert null["n_genes"].tolist() == [10, 10]
    assert (
        null["permutation_p"].iloc[0] == pytest.approx(1 / 301)
        and null["permutation_p"].iloc[1] > 0.05
    )
    again = go.permutation_null(
        annotation, clusters, genes, rng=np.random.default_rng(1), **options
    )
    pd.testing.assert_frame_equal(null, again)
    test = go.compare_clusters(annotation, clusters, genes, **SMALL | {"min_size": 2})
    smallest = test.groupby("Cluster", observed=True)["pvalue"].min()
    np.testing.assert_allclose(null["min_pvalue"], smallest[null["Cluster"]])
