"""Evaluation: correlations that cannot be had by accident, and what is specific to a cell."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.epigenome import evaluation
from lib.stats.multiple_testing import benjamini_hochberg


def test_one_correlation_for_all_genes_not_a_mean_over_batches():
    x, y = np.array([0, 1, 10, 11.0]), np.array([10, 11, 0, 1.0])
    assert evaluation.pearson(x[:2], y[:2]) == pytest.approx(1) == evaluation.pearson(x[2:], y[2:])
    assert evaluation.pearson(x, y) == pytest.approx(-0.980, abs=5e-4)


def test_large_means_do_not_spoil_the_correlation():
    assert evaluation.pearson(1e6 + np.arange(4), [0, 1, 2, 4]) == pytest.approx(0.9827, abs=1e-4)


def test_a_constant_has_no_correlation_and_the_reason_is_told():
    found = evaluation.scores([1.0, 2, 3], [2.0, 2, 2])
    assert np.isnan(found["r"]) and found["note"] == "predicted values are constant"
    assert found["r2"] == 0 and found["mse"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("shape", [(3, 1), (1, 3), (2,), (3, 1, 1)])
def test_shapes_that_would_broadcast_are_refused(shape):
    with pytest.raises(InputError, match="not two lists of one length"):
        evaluation.scores(np.zeros(3), np.zeros(shape))


def test_across_gene_correlation_is_not_cell_specificity():
    seen = pd.DataFrame({"A": [0.0, 5, 10], "B": [1.0, 5, 9]})
    found = evaluation.residual_r(seen, pd.DataFrame({"A": seen["B"], "B": seen["A"]})).set_index(
        "cell"
    )
    assert found.loc["A", "r"] == pytest.approx(1) and np.isnan(found.loc["A", "r_residual"])
    assert found.loc["A", "r_mean"] == pytest.approx(1)
    with pytest.raises(InputError, match="one cell has no other"):
        evaluation.residual_r(seen[["A"]], seen[["A"]])


def predictions(n=40):
    rng = np.random.default_rng(0)
    rows = []
    for cell in ("E003", "E118"):
        for assay, noise in (("good", 0.3), ("bad", 3.0)):
            y = rng.normal(size=n)
            part = ["train", "test"] * (n // 2)
            pred = y + noise * rng.normal(size=n)
            columns = {"fold": 1, "model": "m", "assay": assay, "cell": cell, "gene": range(n)}
            rows.append(pd.DataFrame({**columns, "part": part, "label": 1, "act": y, "pred": pred}))
    return pd.concat(rows)


def test_only_test_genes_count_and_units_start_from_nothing():
    table = predictions()
    found = evaluation.by_unit(table).set_index(["assay", "cell"])
    alone = table[(table["assay"] == "bad") & (table["cell"] == "E118") & (table["part"] == "test")]
    assert found.loc[("bad", "E118"), "r"] == evaluation.pearson(alone["act"], alone["pred"])
    assert (found["n"] == 20).all() and set(found["group"]) == {"ESC", "Cancer line"}
    spoiled = table.assign(pred=table["pred"].where(table["part"] == "test", 1e9))
    pd.testing.assert_frame_equal(evaluation.by_unit(spoiled), evaluation.by_unit(table))


def test_bootstrap_interval_holds_the_truth_and_narrows():
    rng = np.random.default_rng(1)
    x = rng.normal(size=2_000)
    y = 0.6 * x + 0.8 * rng.normal(size=2_000)
    wide = evaluation.bootstrap_r(x[:60], y[:60], rng, n=500)
    narrow = evaluation.bootstrap_r(x, y, rng, n=300)
    assert narrow[0] < 0.6 < narrow[1] and narrow[1] - narrow[0] < (wide[1] - wide[0]) / 2


def test_paired_tests_are_exact_and_adjusted():
    assert evaluation.sign_flip_p([1, 2, 3, 4, 5]) == 2 / 32
    assert evaluation.sign_flip_p([1, -1]) == 1 and evaluation.sign_flip_p([0, 0]) == 1
    rows = [(cell, assay, 0.01 * i) for i, cell in enumerate("vwxyz") for assay in "abc"]
    cells = pd.DataFrame(rows, columns=["cell", "assay", "r"])
    cells["r"] += 0.1 * (cells["assay"] == "a")
    found = evaluation.paired_tests(cells, [("a", "b"), ("b", "c")])
    assert found["p"].tolist() == [2 / 32, 1] and found["difference"].round(6).tolist() == [0.1, 0]
    np.testing.assert_array_equal(found["q"], benjamini_hochberg(found["p"]))
