"""With the annotation of the paper, the published numbers come out; with another, the difference is
excused by name."""

from dataclasses import replace

import pandas as pd
import pytest

from lib import go
from lib.go import claims
from lib.report import claims as report_claims
from lib.report import published, scorecard

LISTS = published.gene_lists()
CLUSTERS = published.gene_clusters("gene_perturbation_clusters")


def paper_annotation(folder, tables):
    """Return the stored 3.12 annotation with the term names that its tables print."""
    names = pd.concat([pd.read_csv(folder / table) for table in tables])[
        ["go_id", "term"]
    ].drop_duplicates("go_id")
    return replace(go.read_tables(folder), terms=names)


def compare(measured):
    return scorecard.compare(
        [entry for name, entry in published.load().items() if name in measured], measured
    )


@pytest.mark.real
def test_impactful_genes_come_out_as_published(real):
    folder = real / "reference/go/topgo_bioc312/physical_regulators"
    annotation = paper_annotation(folder, ["result.csv"])
    table = go.enrich(annotation, LISTS["impactful_genes"], LISTS["over_expression_targets"])
    n_feasible = len(set(LISTS["over_expression_targets"]) & set(annotation.pairs["symbol"]))
    compared = compare(claims.impactful_genes(table, n_feasible=n_feasible))
    assert len(compared) == 6 and set(compared["status"]) == {"reproduced"}


@pytest.mark.real
def test_gene_perturbation_clusters_come_out_as_published(real):
    folder = real / "reference/go/topgo_bioc312/clusters"
    annotation = paper_annotation(folder, [f"cluster{name}_result.csv" for name in "12345"])
    tables = {
        name: go.enrich(annotation, genes, LISTS["impactful_genes"])
        for name, genes in CLUSTERS.items()
    }
    compared = compare(claims.gene_perturbation_clusters(tables))
    assert len(compared) == 17 and set(compared["status"]) == {"reproduced"}


@pytest.mark.real
def test_published_lists_are_those_of_the_stored_analyses(real):
    stored = pd.read_csv(real / "reference/image2reg/regulatory_clusters_249.csv")
    clusters = published.gene_clusters("regulatory_clusters")
    assert list(clusters) == [str(number) for number in range(8)]
    assert {gene: name for name, genes in clusters.items() for gene in genes} == dict(
        zip(stored["gene"], stored["cluster"].astype(str), strict=True)
    )
    universe = pd.read_json(
        real / "reference/go/topgo_bioc312/clusters/universe.json", typ="series"
    )["universe"]
    assert LISTS["impactful_genes"] == universe


def test_the_nine_clusters_and_two_singletons_are_the_41():
    genes = [gene for members in CLUSTERS.values() for gene in members] + LISTS[
        "gene_perturbation_singletons"
    ]
    assert sorted(genes) == sorted(LISTS["impactful_genes"]) and len(genes) == 41
    assert set(LISTS["impactful_genes"]) < set(LISTS["over_expression_targets"])
    assert [len(members) for members in CLUSTERS.values()] == [7, 7, 5, 2, 4, 6, 3, 2, 3]


def regulatory_table(p_of_second):
    """A table of two clusters: 6 has its theme, 4 has one term whose adjusted p is given."""
    return pd.DataFrame(
        {
            "Cluster": ["4", "6", "6"],
            "ID": ["GO:0000001", "GO:0007049", "GO:0000280"],
            "Description": ["growth", "cell cycle", "nuclear division"],
            "GeneRatio": ["3/21", "36/37", "29/37"],
            "BgRatio": ["9/248", "90/248", "42/248"],
            "pvalue": [p_of_second / 10, 1e-15, 1e-14],
            "p.adjust": [p_of_second, 1e-14, 1e-13],
        }
    )


def test_regulatory_claims_by_hand():
    measured = claims.regulatory_clusters(regulatory_table(0.5))
    assert measured["go.regulatory.n_background"] == 248
    assert measured["go.regulatory.annotated.6"] == 37
    assert measured["go.regulatory.significant.4"] is False
    assert (
        measured["go.regulatory.significant.6"] is True
        and measured["go.regulatory.theme.6"] is True
    )
    assert measured["go.regulatory.top.6"] == 14.0
    assert set(measured) <= set(published.load())


def test_a_significant_term_where_none_is_published_falls_short(tmp_path):
    path = tmp_path / "smoke/results/regulatory_cluster_go__measured.json"
    rows = report_claims.record(path, claims.regulatory_clusters(regulatory_table(0.01))).set_index(
        "id"
    )
    assert rows.loc["go.regulatory.significant.4", "status"] == report_claims.SHORT
    assert (
        report_claims.record(path, claims.regulatory_clusters(regulatory_table(0.5)))
        .set_index("id")
        .loc["go.regulatory.significant.4", "status"]
        == report_claims.HOLDS
    )
    [line] = [told for told in _told(path, 0.01) if "cluster 4" in told]
    assert line.startswith("cluster 4 has a significant term: yes here, expected no; ")


def _told(path, p):
    report_claims.record(path, claims.regulatory_clusters(regulatory_table(p)))
    return report_claims.shortfalls(path.parent, "smoke", ["regulatory_cluster_go"])


@pytest.mark.skipif(not go.r.is_available(), reason="R is not installed")
def test_theme_terms_exist_and_are_named_as_meant():
    names = go.read_installed().term_names
    found = {go_id: names[go_id] for terms in claims.THEMES.values() for go_id in terms}
    assert (
        found["GO:0007049"] == "cell cycle"
        and found["GO:0030036"] == "actin cytoskeleton organization"
    )
    assert found["GO:0030522"] == "intracellular receptor signaling pathway"


@pytest.fixture(scope="module")
def as_published():
    """Cluster of Fig 2E → its terms with the annotation that the paper had."""
    annotation = go.read_tables("params/published/go_3_12")
    genes = LISTS["impactful_genes"]
    return {
        name: go.enrich(annotation, members, genes, engine="builtin")
        for name, members in CLUSTERS.items()
    }


def test_with_the_papers_annotation_its_first_cluster_comes_out(as_published):
    first = as_published["1"].iloc[0]
    assert (first["GO.ID"], first["Term"], first["pval"]) == (
        "GO:0071396",
        "cellular response to lipid",
        "0.0096",
    )
    assert all((table["qval"] >= 0.05).all() for table in as_published.values()), (
        "none survives correction"
    )


@pytest.mark.real
def test_with_the_papers_annotation_clusters_come_out_to_the_last_digit(as_published, real):
    for number in range(1, 6):
        theirs = pd.read_csv(
            real / f"reference/go/topgo_bioc312/clusters/cluster{number}_result.csv", dtype=str
        )
        assert as_published[str(number)]["GO.ID"].tolist() == theirs["go_id"].tolist()
        assert as_published[str(number)]["pval"].tolist() == theirs["pval"].tolist()
