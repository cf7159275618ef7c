"""What the notebooks of the screen hand on: gene lists, inputs of units, joined results, planted
truth."""

import anndata
import numpy as np
import pandas as pd
import pytest

from lib.screen import ablations, tables

TRUTH = pd.DataFrame(
    {
        "gene": ["A", "B", "C", "D"],
        "group": ["group 1", "group 1", "inert", "inert"],
        "is_active": [True, True, False, False],
        "effect": [2.0, 2.0, 0.0, 0.0],
    }
)
NO_TRUTH = TRUTH.iloc[:0]


def scores(values, called=None):
    table = pd.DataFrame(
        {"gene_symbol": list("ABCD"), "score": values, "is_selected": [True, True, False, False]}
    )
    return table if called is None else table.assign(is_active=called)


def test_genes_are_sorted_and_controls_left_out():
    nuclei = pd.DataFrame(
        {"gene_symbol": ["JUN", "EMPTY", "BRAF", "LacZ", "JUN", "eGFP", "Luciferase"]}
    )
    assert tables.genes_of(nuclei) == ["BRAF", "JUN"]


def test_planted_screen_by_hand():
    measured = tables.planted_screen(
        scores([0.9, 0.6, 0.7, 0.5], [True, False, True, False]), TRUTH
    )
    assert measured == {
        # of four pairs active against inert, one is the wrong way round
        "imaging.planted.screen_auroc": 0.75,
        "imaging.planted.fdr": 0.5,
        "imaging.planted.power": 0.5,
    }
    assert tables.planted_screen(scores([0.9, 0.8, 0.6, 0.5]), TRUTH) == {
        "imaging.planted.screen_auroc": 1.0
    }


def test_a_real_screen_has_nothing_planted():
    assert tables.planted_screen(scores([0.9, 0.8, 0.6, 0.5]), NO_TRUTH) == {}
    assert (
        tables.planted_clusters(pd.DataFrame({"gene": ["A", "B"], "cluster": [1, 1]}), NO_TRUTH)
        == {}
    )
    assert tables.planted_accuracy({"embedding": pd.Series([0.5])}, NO_TRUTH, n_classes=4) == {}


def test_clusters_and_margin_by_hand():
    truth = TRUTH.assign(group=["group 1", "group 2", "group 1", "group 2"], is_active=True)
    right = pd.DataFrame({"gene": list("ABCD"), "cluster": [1, 2, 1, 2]})
    assert tables.planted_clusters(right, truth) == {"imaging.planted.cluster_ari": 1.0}
    folds = {"network": pd.Series([0.5, 0.3]), "profiles": pd.Series([0.45, 0.45])}
    assert tables.planted_accuracy(folds, TRUTH, n_classes=4) == {
        "imaging.planted.profile_margin": 0.2,
        "imaging.planted.network_over_profiles": -0.05,
    }
    assert tables.planted_accuracy({"embedding": pd.Series([0.5, 0.7])}, TRUTH, n_classes=5) == {
        "imaging.planted.embedding_margin": 0.4
    }


def test_calls_name_each_method_and_keep_to_screened_genes():
    called = {
        "profiles": pd.DataFrame(
            {"gene_symbol": ["A", "C", "LacZ"], "is_active": [True, False, True]}
        )
    }
    found = tables.calls(
        scores([0.9, 0.6, 0.7, 0.5], [True, False, False, False]), called, fdr=0.05
    )
    assert found == {"paper's rule": ["A", "B"], "screen, FDR 0.05": ["A"], "mAP, profiles": ["A"]}


def test_best_recognised_leaves_the_control_out():
    shares = pd.DataFrame(
        np.diag([0.9, 0.2, 0.7]), index=["EMPTY", "JUN", "BRAF"], columns=["EMPTY", "JUN", "BRAF"]
    )
    assert tables.best_recognised(shares, n=1) == ["BRAF"]


def test_ablations_have_the_papers_variants_and_like_nuclei(tmp_path):
    nuclei = pd.DataFrame(
        {"nucleus_id": map(str, range(9)), "area": range(9), "mean_intensity": [5.0] * 9}
    )
    written = tables.write_ablation_tables(nuclei, tmp_path)
    assert set(written["input"]) == set(ablations.INPUTS)
    by_input = written.set_index("input")
    assert (
        by_input.loc["nucleus_area_filtered", "n_nuclei"] == 5
    )  # median 4, interquartile range 4: areas 2 to 6
    assert pd.read_parquet(by_input.loc["nucleus_area_filtered", "nuclei"])["area"].tolist() == [
        2,
        3,
        4,
        5,
        6,
    ]
    assert (
        by_input.loc["nucleus_intensity_filtered", "n_nuclei"]
        == by_input.loc["nucleus", "n_nuclei"]
        == 9
    )


@pytest.fixture
def target_file(tmp_path):
    obs = pd.DataFrame(
        {
            "nucleus_id": ["a", "b", "c", "d"],
            "split": ["out", "out", "train", "out"],
            "fold": 0,
            "gene_symbol": ["JUN", "JUN", "X", "MOS"],
            "predicted": ["X", "X", "Y", "Y"],
        },
        index=["a", "b", "c", "d"],
    )
    path = tmp_path / "unit.h5ad"
    anndata.AnnData(
        np.zeros((4, 2), np.float32), obs=obs, uns={"metrics": {"test_bacc": 0.5}}
    ).write_h5ad(path)
    return path


def test_targets_are_counted_and_placed(target_file, tmp_path):
    assert tables.target_metrics({"JUN": target_file}).to_dict("records") == [
        {"target": "JUN", "test_bacc": 0.5, "n_out": 2}
    ]
    assert tables.target_predictions({"JUN": target_file}).loc["JUN"].to_dict() == {"X": 1.0}
    (tmp_path / "placed").mkdir()
    (tmp_path / "placed/OLD.h5ad").touch()
    tables.place_targets({"JUN": target_file}, tmp_path / "placed")
    assert [file.name for file in (tmp_path / "placed").iterdir()] == ["JUN.h5ad"]


def test_folds_are_joined_with_their_metrics(target_file):
    joined = tables.join_embeddings([target_file])
    assert joined.n_obs == 4 and joined.obs_names[0] == "a/0"
    assert tables.fold_metrics([target_file])["test_bacc"].tolist() == [0.5]
    assert tables.ablation_metrics({"nucleus_region_3": target_file})[
        ["input", "fold"]
    ].values.tolist() == [["nucleus_region", 3]]
