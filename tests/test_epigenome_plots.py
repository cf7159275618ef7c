"""Pictures: every mark drawn is in the table beside it, widths are a journal's, and sentences say
what came out."""

import numpy as np
import pandas as pd
import pytest
import toy_epigenome as toy

from lib.epigenome import cell_plots, comparison_plots, perturbation_plots, plots, sentences
from lib.report import figures

SINGLES = ("H3K4me3", "H3K36me3", "H3K9me3")


def units(models=("promoter", "chromoformer")):
    """Return r of two cells and folds: the wide network gains 0.3 for H3K36me3 only."""
    base = {"H3K4me3": 0.6, "H3K36me3": 0.1, "H3K9me3": 0.0, "H3K4me3-H3K36me3": 0.75}
    rows = []
    for model in models:
        for assay, r in base.items():
            wide = 0.3 * (model == "chromoformer" and assay == "H3K36me3")
            for cell, group in (("E003", "ESC"), ("E118", "Cancer line")):
                rows += [
                    (model, assay, cell, group, fold, r + wide + 0.02 * fold) for fold in (1, 2)
                ]
    return pd.DataFrame(rows, columns=["model", "assay", "cell", "group", "fold", "r"])


def is_of_a_journal(figure):
    return min(abs(figure.get_figwidth() - width) for width in figures.WIDTHS.values()) < 1e-9


def test_profiles_are_drawn_for_both_kinds_of_genes():
    figure, drawn = plots.profiles(toy.signals(), ["H3K4me3", "H3K9me3"])
    assert is_of_a_journal(figure) and len(drawn) == 2 * 2 * 80
    assert "differ most in H3K4me3" in sentences.profiles(drawn)


@pytest.mark.parametrize("by_cell", [False, True])
def test_marks_with_mean_and_spread(by_cell):
    found = units(["chromoformer"])
    figure, drawn = plots.by_mark(found, marks=SINGLES, reference=0.9, by_cell=by_cell)
    assert is_of_a_journal(figure) and len(drawn) == 3 * (2 if by_cell else 1)
    assert drawn.loc[drawn["assay"] == "H3K4me3", "mean_r"].tolist() == pytest.approx(
        [0.63] * (1 + by_cell)
    )
    assert (
        sentences.marks(drawn)
        == "H3K4me3 alone reaches a mean r of 0.63, H3K9me3 0.03; all marks reach 0.90."
    )


def test_the_wider_view_and_the_second_mark():
    figure, drawn = plots.receptive_field(units())
    assert is_of_a_journal(figure) and len(drawn) == 6
    assert "H3K36me3 gains most, +0.30" in sentences.receptive_field(drawn)
    figure, drawn = plots.second_mark(units(["chromoformer"]), "all")
    assert drawn["assay"].tolist() == ["H3K4me3", "H3K4me3-H3K36me3"] and is_of_a_journal(figure)
    assert "H3K4me3 + H3K36me3, has a mean r of 0.78" in sentences.pairs(drawn)


def test_models_beside_each_other():
    cells = pd.DataFrame(
        [("promoter", "m", "E003", 0.6), ("ridge", "m", "E003", 0.7)],
        columns=["model", "assay", "cell", "r"],
    )
    bands = cells.assign(low=0.5, high=0.8, n=50).drop(columns=["cell", "r"])
    figure, drawn = comparison_plots.models(cells, bands, "m")
    assert is_of_a_journal(figure) and len(drawn) == 2
    assert sentences.models(drawn).endswith("the best simple model (ridge) 0.70.")


def test_correlation_of_performance_is_a_lower_triangle():
    rng = np.random.default_rng(0)
    found = units(["chromoformer"]).assign(r=lambda t: rng.normal(size=len(t)))
    figure, drawn = cell_plots.correlation(found)
    assert is_of_a_journal(figure) and len(drawn) == 6 and (drawn["n"] == 4).all()
    assert "goes together most" in sentences.correlation(drawn)


def test_groups_and_activity():
    found = units(["chromoformer"]).assign(activity_ln_depth=lambda t: 2 * t["r"])
    figure, drawn = cell_plots.by_group(found, value="r", label="r", marks=SINGLES)
    assert (
        is_of_a_journal(figure)
        and len(drawn) == 12
        and "Groups differ most" in sentences.groups(drawn, "r")
    )
    figure, drawn = cell_plots.activity_and_performance(found[found["assay"].isin(SINGLES)])
    assert is_of_a_journal(figure) and drawn["line_r"].round(6).tolist() == [1.0] * 12
    assert "ESC r = 1.00" in sentences.lines(drawn)


def test_levels_of_expression():
    genes = [f"G{i}" for i in range(12)]
    test = pd.DataFrame(
        {"model": "m", "part": "test", "cell": "E003", "gene": genes, "act": range(12), "pred": 6.0}
    )
    levels = {"E003": pd.Series(np.arange(12) // 6, genes)}
    figure, drawn = cell_plots.strata(test, levels)
    assert (
        is_of_a_journal(figure)
        and drawn["bias_log2_rpkm"].tolist() == [3.5, -2.5]
        and drawn["n"].tolist() == [6, 6]
    )
    assert "+3.50 at the lowest level and -2.50" in sentences.levels(drawn)


def test_from_cell_to_cell():
    table = pd.DataFrame(
        [(a, b, 0.9 if a == b else 0.5) for a in "xy" for b in "xy"],
        columns=["trained_on", "cell", "r"],
    )
    figure, drawn = cell_plots.matrix(
        table, rows="trained_on", columns="cell", value="r", label="r"
    )
    assert (
        is_of_a_journal(figure)
        and sentences.cross(drawn) == "Mean r is 0.90 in the training cell and 0.50 in others."
    )


def test_perturbations_start_from_no_change():
    rows = [("H3K27ac", "E003", g, -3_000, 3_000, f, 1 - f) for g in "abc" for f in (0.5, 0.0)]
    found = pd.DataFrame(
        rows, columns=["assay", "cell", "gene", "start", "end", "factor", "difference"]
    )
    figure, drawn = perturbation_plots.dose(found)
    assert is_of_a_journal(figure) and drawn["factor"].tolist() == [0, 0.5, 1]
    assert drawn["change_log2_rpkm"].tolist() == [-1, -0.5, 0]
    assert "H3K27ac -1.00 log2" in sentences.dose(drawn)
    where = pd.DataFrame(
        {
            "assay": "H3K27ac",
            "cell": "E003",
            "start": [-20_000, 4_000],
            "end": [-18_000, 6_000],
            "difference": [0.1, 0.4],
            "middle": [-19_000, 5_000],
        }
    )
    figure, drawn = perturbation_plots.positions(where, {"H3K27ac": np.ones(20)})
    assert is_of_a_journal(figure) and "H3K27ac +5 kbp" in sentences.positions(where)
    assert drawn["start_bp"].tolist() == [-20_000, 4_000]
    assert drawn["change_log2_rpkm"].tolist() == [-0.1, -0.4]
    assert drawn["planted_log2_rpkm"].tolist() == [-0.4, -0.4]  # scaled to the largest change


def test_eqtl_and_folds():
    table = pd.DataFrame(
        {
            "score": "predicted effect",
            "tissue": "Liver",
            "decile": range(1, 11),
            "enrichment": np.arange(10) / 3,
            "p": 0.5,
            "q": 0.01,
        }
    )
    figure, _ = perturbation_plots.deciles(table)
    assert (
        is_of_a_journal(figure)
        and sentences.eqtl(table) == "Enrichment of the top decile: predicted effect 3.0."
    )
    assert sentences.eqtl(table.iloc[:0]) == "There is nothing to compare."
    one = pd.DataFrame({"first": [1], "second": [1], "r": [1.0]})
    assert sentences.folds(one) == "There is only one fold."


@pytest.mark.parametrize("is_known", [True, False])
def test_your_own_cell_with_and_without_expression(is_known):
    table = pd.DataFrame(
        {
            "gene": list("abcd"),
            "expected": [1.0, 2, 3, 4],
            "n_outside": [0, 0, 1, 0],
            "observed": [1.0, 2, 3, 4] if is_known else np.nan,
        }
    )
    importance = pd.DataFrame({"mark": ["H3K4me3"], "change": [0.5], "r_kept": [0.2]})
    positions = pd.DataFrame({"start": [-2_000, 0], "end": [0, 2_000], "difference": [0.1, 0.2]})
    figure, drawn = perturbation_plots.own_cell(table, importance, positions)
    assert is_of_a_journal(figure) and drawn["what"].value_counts().to_dict() == {
        "gene": 4,
        "position": 2,
        "mark": 1,
    }
    assert ("r = 1.00" in sentences.own(table, importance)) == is_known
