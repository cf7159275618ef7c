"""The null of EMPTY wells holds its level on inert genes, where permuted nuclei do not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold

from lib.data.errors import InputError
from lib.screen import significance

N_PLATES, N_CONTROLS, N_FIELDS, N_NUCLEI, N_FEATURES = 3, 12, 4, 12, 6


def screen(rng, *, n_inert, n_active, well_sd=0.5, effect=2.5):
    """Simulate nuclei with plate and well effects; a gene has a well on every plate."""
    genes = [f"inert{i}" for i in range(n_inert)] + [f"active{i}" for i in range(n_active)]
    wells = [
        {"plate": plate, "well": f"w{number:02d}", "gene_symbol": gene}
        for plate in range(N_PLATES)
        for number, gene in enumerate(["EMPTY"] * N_CONTROLS + genes)
    ]
    wells = pd.DataFrame(wells)
    centres = (
        rng.normal(scale=well_sd, size=(len(wells), N_FEATURES))
        + rng.normal(size=(N_PLATES, N_FEATURES))[wells["plate"]]
    )
    direction = {gene: rng.normal(size=N_FEATURES) for gene in genes}
    centres += [
        effect * direction[g] / np.linalg.norm(direction[g])
        if g.startswith("active")
        else np.zeros(N_FEATURES)
        for g in wells["gene_symbol"]
    ]
    nuclei = wells.loc[wells.index.repeat(N_FIELDS * N_NUCLEI)].reset_index(drop=True)
    nuclei["field"] = np.repeat(np.arange(len(wells) * N_FIELDS), N_NUCLEI)
    return nuclei, np.repeat(centres, N_FIELDS * N_NUCLEI, axis=0) + rng.normal(
        size=(len(nuclei), N_FEATURES)
    )


def score(nuclei, values, gene, rng):
    """Mean balanced accuracy of gene against as many EMPTY nuclei, 4 field-grouped folds: the
    screen in small."""
    chosen = np.flatnonzero(nuclei["gene_symbol"] == gene)
    chosen = np.r_[
        chosen,
        rng.choice(np.flatnonzero(nuclei["gene_symbol"] == "EMPTY"), len(chosen), replace=False),
    ]
    x, y = values[chosen], (nuclei["gene_symbol"].to_numpy()[chosen] == gene).astype(int)
    folds = GroupKFold(4).split(x, y, nuclei["field"].to_numpy()[chosen])
    return np.mean(
        [
            balanced_accuracy_score(
                y[b], LinearDiscriminantAnalysis().fit(x[a], y[a]).predict(x[b])
            )
            for a, b in folds
        ]
    )


def screened(rng, *, n_inert, n_active, n_draws):
    nuclei, values = screen(rng, n_inert=n_inert, n_active=n_active)
    genes = sorted(set(nuclei["gene_symbol"]) - {"EMPTY"})
    draws = significance.null_genes(nuclei, n_draws=n_draws, rng=rng)
    null = [
        score(significance.relabel(nuclei, draws, name), values, name, rng)
        for name in draws["gene_symbol"].unique()
    ]
    return pd.DataFrame(
        {"gene_symbol": genes, "score": [score(nuclei, values, g, rng) for g in genes]}
    ), null


@pytest.fixture(scope="module")
def screens():
    rng = np.random.default_rng(1)
    return [screened(rng, n_inert=20, n_active=5, n_draws=40) for _ in range(8)]


@pytest.mark.parametrize("method", ["rank", "student"])
def test_false_positive_rate_on_inert_genes_is_near_nominal(screens, method):
    """160 inert genes: at a level of 10 % some 16 pass; 26 or more happen once in 100 runs."""
    p = np.concatenate(
        [
            significance.p_values(table["score"], null, method=method)[
                table["gene_symbol"].str.startswith("inert")
            ]
            for table, null in screens
        ]
    )
    assert (p <= 0.10).sum() <= 26 and (p <= 0.5).mean() == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("method", ["rank", "student"])
def test_realised_fdr_and_power(screens, method):
    selected = pd.concat(
        [significance.select(table, null, fdr=0.2, method=method) for table, null in screens]
    )
    called, is_active = selected["is_active"], selected["gene_symbol"].str.startswith("active")
    assert (called & ~is_active).sum() / max(called.sum(), 1) <= 0.3
    assert called[is_active].mean() >= 0.8


def test_a_half_is_not_the_null():
    """Leakage of wells over field-grouped folds lifts inert genes far above chance: shuffled nuclei
    call them all."""
    rng = np.random.default_rng(2)
    nuclei, values = screen(rng, n_inert=12, n_active=0)
    inert = [score(nuclei, values, f"inert{i}", rng) for i in range(12)]
    shuffled = []
    for _ in range(20):
        labels = nuclei["gene_symbol"].to_numpy().copy()
        pool = np.flatnonzero((labels == "EMPTY") | (labels == "inert0"))
        labels[pool] = rng.permutation(labels[pool])
        shuffled.append(score(nuclei.assign(gene_symbol=labels), values, "inert0", rng))
    assert np.mean(shuffled) < 0.55 < np.mean(inert)
    assert (significance.p_values(inert, shuffled) < 0.05).mean() > 0.5


# the draws
# ------------------------------------------------------------------------------------------


def test_a_null_gene_has_the_plates_of_its_template_and_only_control_wells():
    nuclei, _ = screen(np.random.default_rng(0), n_inert=3, n_active=0)
    nuclei = nuclei[~((nuclei["gene_symbol"] == "inert1") & (nuclei["plate"] == 2))]
    draws = significance.null_genes(nuclei, n_draws=6, rng=np.random.default_rng(5))
    assert draws["gene_symbol"].nunique() == 6 and set(draws["template"]) == {
        "inert0",
        "inert1",
        "inert2",
    }
    sizes = draws.groupby(["template", "plate"]).size().unstack(fill_value=0)
    assert sizes.loc["inert1"].tolist() == [2, 2, 0] and sizes.loc["inert0"].tolist() == [2, 2, 2]
    assert set(draws["well"]) <= {f"w{number:02d}" for number in range(N_CONTROLS)}
    assert draws.equals(significance.null_genes(nuclei, n_draws=6, rng=np.random.default_rng(5)))


def test_relabelling_moves_whole_wells_and_nothing_else():
    nuclei, _ = screen(np.random.default_rng(0), n_inert=1, n_active=0)
    draws = significance.null_genes(nuclei, n_draws=2, rng=np.random.default_rng(5))
    renamed = significance.relabel(nuclei, draws, "EMPTY~001")
    moved = renamed["gene_symbol"] == "EMPTY~001"
    assert moved.sum() == N_PLATES * N_FIELDS * N_NUCLEI and set(nuclei["gene_symbol"][moved]) == {
        "EMPTY"
    }
    assert (renamed["gene_symbol"] == nuclei["gene_symbol"])[~moved].all()
    with pytest.raises(InputError, match="no null gene 'EMPTY~9'"):
        significance.relabel(nuclei, draws, "EMPTY~9")


def test_too_few_controls():
    wells = pd.DataFrame(
        {"plate": 1, "well": ["a", "b", "c"], "gene_symbol": ["EMPTY", "JUN", "JUN"]}
    )
    with pytest.raises(InputError, match="plate 1 has 1 EMPTY wells; a null gene like JUN takes 2"):
        significance.null_genes(wells, n_draws=1, rng=np.random.default_rng())


# p-values
# ------------------------------------------------------------------------------------------


def test_rank_p_by_hand():
    assert significance.p_values([0.9, 0.6, 0.4], [0.5, 0.6, 0.7, 0.55]).tolist() == [
        1 / 5,
        3 / 5,
        1.0,
    ]


def test_student_p_of_the_mean_is_a_half_and_the_method_is_checked():
    assert significance.p_values([0.6], [0.5, 0.7], method="student") == pytest.approx([0.5])
    # t = 0.2 / (0.1 √2 √1.5) = 2 / √3 with one degree of freedom: 1/2 − arctan(t) / π
    assert significance.p_values([0.8], [0.5, 0.7], method="student") == pytest.approx(
        [0.2272], abs=5e-5
    )
    with pytest.raises(InputError, match="choose rank or student"):
        significance.p_values([0.6], [0.5, 0.7], method="normal")
    with pytest.raises(InputError, match="2 null scores, 1 missing"):
        significance.p_values([0.6], [0.5, np.nan])


def test_nulls_that_all_score_chance_make_no_gene_active():
    """Networks that never left their start score 0.5 exactly; a score of 0.504 is then no effect."""
    table = pd.DataFrame({"gene_symbol": ["A", "B"], "score": [0.504, 0.9]})
    found = significance.select(table, [0.5] * 12, method="student")
    assert found["p"][0] > 0.3 and found["is_active"].tolist() == [False, True]
    assert found["p_rank"].tolist() == [1 / 13, 1 / 13]
    folds = pd.DataFrame(
        {"gene": ["A", "A", "B"], "fold": [0, 1, 0], "test_bacc": [0.5, 0.6, 0.51]}
    )
    assert significance.never_left_start(folds)[["gene", "fold"]].values.tolist() == [["A", 0]]


def test_no_null_genes_may_be_asked_for():
    wells = pd.DataFrame({"plate": [1, 1], "well": ["a", "b"], "gene_symbol": ["A", "EMPTY"]})
    drawn = significance.null_genes(wells, n_draws=0, rng=np.random.default_rng(0))
    assert drawn.empty and list(drawn) == ["gene_symbol", "plate", "well", "template"]
