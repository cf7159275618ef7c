"""Comparisons of a screen: pairs, windows, models, classes, and genes with relatives."""

import numpy as np
import pandas as pd
import pytest
import toy_epigenome as toy

from lib.data.errors import InputError
from lib.epigenome import (
    comparison_plots,
    comparisons,
    evaluation,
    plans,
    relatives,
    screen,
    sentences,
    splits,
)
from lib.report import figures


def predictions(model="m", assay="a", cell="E003", fold=1, parts="ttttTTTT", pred=None):
    """Return eight genes G0 to G7, observed 0 to 7; T is test, t is train."""
    names = {"t": "train", "T": "test"}
    table = pd.DataFrame({"gene": [f"G{i}" for i in range(8)], "act": np.arange(8.0)})
    table["part"] = [names[letter] for letter in parts]
    table["label"] = (table["act"] >= 4).astype(int)
    table["pred"] = table["act"] if pred is None else pred
    return table.assign(model=model, assay=assay, cell=cell, fold=fold)


def is_of_a_journal(figure):
    return min(abs(figure.get_figwidth() - width) for width in figures.WIDTHS.values()) < 1e-9


def test_a_paralog_in_training_is_found_and_can_be_left_out(tmp_path):
    path = tmp_path / "families.csv"
    path.write_text("gene_id,family\nA.2,f\nB,f\nC,g\nB,h\nD,h\n")
    families = relatives.read_families(path)
    tested = pd.Series(["B", "C", "X"])
    assert relatives.has_relative(tested, pd.Series(["A"]), families).tolist() == [
        True,
        False,
        False,
    ]
    table = pd.DataFrame(
        {"gene_id": list("ABCDE"), "chrom": ["chr2", "chr1", "chr2", "chr5", "chr6"]}
    )
    part = splits.parts_of(table, 1, ["chr1", "chr6"], path)
    assert part.tolist() == ["left out", "test", "train", "validation", "test"]
    assert splits.parts_of(table, 1, ["chr1", "chr6"]).tolist()[0] == "train"
    with pytest.raises(InputError, match="family"):
        path.write_text("gene_id,clan\nA,f\n")
        relatives.read_families(path)


def test_r_with_and_without_relatives():
    """G4 and G5 have relatives in training and are predicted; G6 and G7 are turned round."""
    families = pd.DataFrame({"gene_id": ["G0", "G4", "G1", "G5"], "family": list("ffgg")})
    parts = [
        predictions(cell=cell, pred=[0, 1, 2, 3, 4, 5, 7, 6]) for cell in ("E003", "E004", "E118")
    ]
    row = comparisons.by_relatives(pd.concat(parts, ignore_index=True), families).iloc[0]
    assert (row["n_without"], row["n_with"]) == (6, 6)
    assert row["r_with"] == pytest.approx(1) and row["r_without"] == pytest.approx(-1)
    assert row["r_without"] < row["r_all"] < row["r_with"]


def test_what_a_second_mark_adds_is_counted_in_every_cell():
    rows = [("a", "x", 0.6), ("a", "y", 0.5), ("b", "x", 0.9), ("a-b", "x", 0.8), ("a-b", "y", 0.6)]
    cells = pd.DataFrame(rows, columns=["assay", "cell", "r"])
    gains = comparisons.pair_gains(cells)
    assert gains["gain"].round(6).tolist() == [0.2, 0.1] and set(gains["first"]) == {"a"}
    assert comparisons.pair_gains(cells[cells["assay"] == "a"]).empty
    tests = evaluation.paired_tests(cells, [("a-b", "a")])
    figure, drawn = comparison_plots.gains(gains, tests)
    assert is_of_a_journal(figure) and drawn["q"].tolist() == [0.5, 0.5]  # 2 / 2² flips
    assert sentences.gains(drawn) == "a + b gains most, +0.15; 0 of 1 pairs have q ≤ 0.05."


def test_each_network_is_tested_against_each_simple_model():
    rows = [(plans.WIDE, 0.8), (plans.NARROW, 0.6), ("ridge", 0.7), ("mean", np.nan)]
    cells = pd.concat(
        pd.DataFrame(rows, columns=["model", "r"]).assign(cell=cell, assay="all")
        for cell in ("E003", "E004", "E118")
    )
    found = comparisons.models_tested(cells, "all")
    assert found[["first", "second"]].values.tolist() == [
        [plans.WIDE, "ridge"],
        [plans.NARROW, "ridge"],
    ]
    assert found["difference"].round(6).tolist() == [0.1, -0.1] and (found["p"] == 0.25).all()
    assert (found["q"] == 0.25).all()


def test_one_r_for_all_test_genes_does_not_count_differences_between_units():
    """Each unit is predicted exactly, up to a constant of its own."""
    both = [predictions(fold=fold, pred=np.arange(8.0) + 50 * fold) for fold in (1, 2)]
    pooled = comparisons.pooled_r(pd.concat(both, ignore_index=True))
    assert pooled.loc["a", "m"] == pytest.approx(1)
    table = pd.DataFrame({plans.NARROW: [0.5, 0.1], plans.WIDE: [0.5, 0.5]}, index=["a", "b"])
    assert comparisons.gain_of_range(table).round(6).tolist() == [0, 0.4]
    table[["ridge 6 kbp", "ridge 40 kbp + contacts"]] = [[0.4, 0.4], [0.0, 0.6]]
    assert comparisons.gain_of_range(table).round(6).tolist() == [0, 0.5]


def test_windows_are_units_of_their_own_and_stand_in_order():
    base = screen.units(
        {"E003": "x.npz"},
        [("H3K4me3",)],
        {"1": ["chr1"]},
        kind=plans.NARROW,
        window=6_000,
        options={},
        settings={},
    )
    found = screen.at_windows(base, [10_000, 40_000])
    assert [unit["plan"]["window"] for unit in found.values()] == [10_000, 40_000]
    assert len(set(found) | set(base)) == 3  # no name, and so no seed, is used twice
    units = pd.concat(
        predictions(model, "H3K4me3") for model in (plans.NARROW, plans.WIDE, "ridge 10 kbp")
    )
    more = predictions(plans.NARROW, "H3K4me3").assign(window=10_000)
    seen = comparisons.by_window(evaluation.by_unit(units), more, narrow=6_000, wide=40_000)
    assert seen["seen"].tolist() == ["6", "40 + contacts", "10", "10"]
    figure, drawn = comparison_plots.windows(seen, ["H3K4me3"])
    assert is_of_a_journal(figure) and drawn["mean_r"].round(6).tolist() == [1.0] * 4
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["6", "10", "40\n+ contacts"]
    assert sentences.seen(drawn).count("H3K4me3") == 2


def test_classes_are_scored_by_hand():
    """Of four pairs one is in the wrong order; at 0.5 two of four genes are right."""
    found = evaluation.class_scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    assert found["auc"] == 0.75 and found["accuracy"] == 0.5
    assert found["ap"] == pytest.approx((1 + 2 / 3) / 2)
    regression = evaluation.class_scores([0, 0, 1, 1], [0.1, 1.6, 0.4, 2.9])
    assert regression["auc"] == 0.75 and np.isnan(regression["accuracy"])
    assert np.isnan(evaluation.class_scores([1, 1], [0.2, 0.3])["auc"])
    with pytest.raises(InputError, match="not two lists"):
        evaluation.class_scores([0, 1], [[0.1], [0.9]])


def test_classes_are_drawn_beside_what_regressions_rank():
    parts = "ttttTTTT"
    label = [0, 1] * 4
    classes = predictions("chromoformer classes", parts=parts, pred=[0.2, 0.7] * 4)
    ridge = predictions("ridge", parts=parts, pred=[1.0, 0.5] * 4)
    both = pd.concat([classes, ridge]).assign(label=label * 2)
    figure, drawn = comparison_plots.classes(evaluation.classes_by_unit(both))
    assert is_of_a_journal(figure) and drawn["auc"].tolist() == [1.0, 0.0]
    assert "The classifier's mean area is 1.00" in sentences.classes(drawn)


def test_trans_contacts_share_bases_across_the_split():
    """A chr1 gene's partner lies within the window of a chr2 gene; cis partners share nothing."""
    table = pd.DataFrame(
        {
            "chrom": ["chr1", "chr2", "chr5"],
            "start": [100_000, 200_000, 300_000],
            "strand": ["+", "-", "+"],
            "neighbors": ["chr2:190000-191000;chr1:150000-151000", None, ""],
        }
    )
    part = pd.Series(["test", "train", "validation"])
    found = splits.shared_between(table, part)
    assert found["n_bases"].tolist() == [1_000]
    assert splits.shared_between(table.drop(columns="neighbors"), part).empty


def test_simulated_families_are_spread_and_share_nothing_planted():
    from lib.simulate import epigenome_files

    world = toy.world()
    found = epigenome_files.families(world)
    sizes = found["family"].value_counts()
    assert len(found) == 100 and sizes.max() <= 4 and found["gene_id"].is_unique
    level = pd.Series(world.log_expression[0], world.genes["gene_id"])[found["gene_id"]].to_numpy()
    members = pd.Series(level).groupby(found["family"].to_numpy())
    two = members.agg(["first", "last"])[members.size() > 1]
    assert abs(np.corrcoef(two["first"], two["last"])[0, 1]) < 0.5
