"""Semantic similarity: two terms by hand, stored similarities, and the terms that clusterProfiler
keeps."""

import numpy as np
import pandas as pd
import pytest

from lib import go

# 1 is the root; 2 is below it, 3 and 4 are below 2 by different relations
EDGES = pd.DataFrame(
    [("2", "1", "isa"), ("3", "2", "isa"), ("4", "2", "part of"), ("1", "all", "isa")],
    columns=["child", "parent", "relation"],
)


def test_similarity_of_siblings_by_hand():
    # both give themselves 1, their parent 0.7 and the root 0.49: common 2 * 1.19 of a total of 2 *
    # 2.19
    similarity = go.wang_similarity(["3", "4"], EDGES)
    assert similarity.to_numpy().tolist() == [
        [1, round(1.19 / 2.19, 3)],
        [round(1.19 / 2.19, 3), 1],
    ]


def test_weights_of_the_paper_by_hand():
    # 3: 1, 0.8, 0.64; 4: 1, 0.6, 0.48
    similarity = go.wang_similarity(["3", "4"], EDGES, weights=go.PAPER_WEIGHTS)
    assert similarity.loc["3", "4"] == round((0.8 + 0.64 + 0.6 + 0.48) / (2.44 + 2.08), 3)


def test_a_term_outside_the_graph_resembles_itself_only():
    assert go.wang_similarity(["3", "x"], EDGES).to_numpy().tolist() == [[1, 0], [0, 1]]


def test_the_first_value_to_reach_an_ancestor_stays():
    shortcut = pd.concat([EDGES, pd.DataFrame([("3", "1", "other")], columns=EDGES.columns)])
    # the root gets 0.7 by the direct edge, not 0.49 through term 2
    assert go.wang_similarity(["3", "1"], shortcut).loc["3", "1"] == round(
        (0.7 + 1) / (1 + 0.7 + 0.7 + 1), 3
    )


def table(p, cluster=None):
    """Return a table of terms 3 and 4 (similar) and 1."""
    rows = pd.DataFrame({"ID": ["3", "4", "1"], "p.adjust": p})
    return rows if cluster is None else rows.assign(Cluster=cluster)


@pytest.mark.parametrize(
    ("p", "kept"),
    [
        ((0.01, 0.02, 0.5), ["3", "1"]),
        ((0.02, 0.01, 0.5), ["4", "1"]),
        ((0.01, 0.01, 0.5), ["3", "4", "1"]),
    ],
)
def test_the_most_significant_of_alike_terms_stays(p, kept):
    assert go.simplify(table(p), EDGES, threshold=0.5)["ID"].tolist() == kept


def test_nothing_is_dropped_when_nothing_is_alike():
    assert len(go.simplify(table((0.01, 0.02, 0.5)), EDGES, threshold=0.9)) == 3


def test_clusters_are_simplified_apart():
    both = pd.concat(
        [table((0.01, 0.02, 0.5), "a"), table((0.02, 0.01, 0.5), "b")], ignore_index=True
    )
    kept = go.simplify(both, EDGES, threshold=0.5)
    assert kept[["Cluster", "ID"]].to_numpy().tolist() == [
        ["a", "3"],
        ["a", "1"],
        ["b", "4"],
        ["b", "1"],
    ]


def test_an_empty_table_stays_empty():
    assert go.simplify(table((0.01, 0.02, 0.5)).iloc[:0], EDGES).empty


@pytest.fixture(params=["stored", "installed"])
def edges(request, real):
    """Graph of GOSemSim 2.24, from the stored table and from the installed package."""
    if request.param == "stored":
        return pd.read_csv(
            real / "reference" / "go" / "enrichgo_bioc316" / "simplify_dag_edges.csv"
        )
    try:
        version = go.r.package_version("GOSemSim")
    except go.RNotAvailable as error:
        pytest.skip(str(error))
    if not version.startswith("2.24"):
        pytest.skip(f"the stored similarities are of GOSemSim 2.24, installed is {version}")
    return go.gosemsim_edges()


@pytest.mark.real
def test_stored_similarities(real, edges):
    stored = pd.read_csv(
        real / "reference" / "go" / "enrichgo_bioc316" / "wang_similarity_top30.csv", index_col=0
    )
    np.testing.assert_allclose(go.wang_similarity(stored.index, edges), stored, atol=0.0005, rtol=0)


@pytest.mark.real
def test_stored_choice_of_terms(real, edges):
    stored = pd.read_csv(
        real / "reference" / "go" / "enrichgo_bioc316" / "simplify_wang07_top120.csv"
    )
    listed = stored.rename(columns={"go_id": "ID", "p_adjust": "p.adjust"})
    kept = go.simplify(listed, edges)["ID"].tolist()
    assert len(kept) == 70 and kept == stored.loc[stored["kept"] == 1, "go_id"].tolist()
    assert len(go.simplify(listed, edges, weights=go.PAPER_WEIGHTS)) < 70
