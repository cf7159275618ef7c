"""Pictures of signatures: every mark drawn is in the table beside it, widths are a journal's, and
sentences say what came out."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from lib.lincs import (
    class_plots,
    digits_plots,
    generation_plots,
    inputs,
    own_plots,
    plots,
    sentences,
)
from lib.report import figures


def is_of_a_journal(figure):
    return min(abs(figure.get_figwidth() - width) for width in figures.WIDTHS.values()) < 1e-9


def test_what_is_not_given_is_simulated_and_a_file_is_named_without_its_folder():
    found = inputs.origin({"smp_matrix": "/lab/a.gctx", "gp_matrix": "/lab/b.gctx", "classes": ""})
    assert (
        found.simulated == ("classes", "targets") and found.parts["small molecules"][1] == "a.gctx"
    )
    assert inputs.origin({}).is_planted


def test_components_and_the_arm():
    near = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    figure, drawn = plots.scatter({"others": near, "arm": near + [10, 0]}, np.array([0.5, 0.1]))
    assert is_of_a_journal(figure) and drawn["pc1_z"].tolist() == [1, -1, 0, 0, 11, 9, 10, 10]
    assert sentences.arm(drawn, "arm").endswith("is 10.0 for arm, 1.0 for the others.")


def test_densities_share_their_bins_and_add_to_one():
    rng = np.random.default_rng(0)
    sets = {"real": rng.normal(size=(4_000, 2)) * [2, 1], "made": rng.normal(size=(4_000, 2))}
    figure, drawn = generation_plots.densities(sets, np.array([0.5, 0.1]), bins=20)
    grid = drawn[drawn["set"] == "real"]
    area = np.prod([np.diff(np.unique(grid[name]))[0] for name in ("pc1_z", "pc2_z")])
    assert is_of_a_journal(figure) and len(drawn) == 2 * 400
    assert grid["density_per_z2"].sum() * area == pytest.approx(1)
    assert (
        sentences.spread(drawn) == "SD along PC1 and PC2: 2.0 and 1.0 (real), 1.0 and 1.0 (made)."
    )


@pytest.mark.parametrize("unit", ["z", "grey"])
def test_losses_with_their_lines(unit):
    history = pd.DataFrame({"epoch": [1, 2], "train_mse": [2.0, 1.0], "val_mse": [2.0, 1.5]})
    figure, drawn = plots.losses(history, {"zero": 3.0}, unit=unit)
    assert is_of_a_journal(figure) and drawn[f"error_{unit}2"].tolist() == [2, 1, 2, 1.5, 3]
    assert sentences.losses(drawn) == (
        "After 2 epochs the error is 1 in training and 1.5 held out; beside it: zero 3."
    )


def test_latent_and_classes():
    mu = np.array([[2.0, 0.1], [-2, 0.1]])
    figure, drawn = plots.latent_heat(mu, [0])
    assert is_of_a_journal(figure) and drawn[plots.LATENT].tolist() == mu.ravel().tolist()
    assert "1 of 2 dimensions are alive: mean |μ| is 2.00 in them and 0.10" in sentences.latent(
        drawn, [0]
    )
    means = pd.DataFrame({3: [0.2, -4.0], 7: [0.1, 1.0]}, index=["CP_A", "CP_MTOR_INHIBITOR"])
    figure, drawn = generation_plots.class_heat(means)
    assert is_of_a_journal(figure) and len(drawn) == 4
    assert "-4.0, of MTOR inhibitor in node 3" in sentences.classes(drawn)


def test_gains_and_the_pattern_of_a_class():
    hits = pd.DataFrame(
        [("CP_A", 1, 0.5, 0.1), ("CP_B", 1, 0.3, 0.3), ("CP_A", 2, 1, 0.1), ("CP_B", 2, 0.6, 0.3)],
        columns=["pcl", "gain", "hits", "expected"],
    )
    figure, drawn = generation_plots.gains(hits)
    assert is_of_a_journal(figure) and drawn["chance"].tolist() == [0.1, 0.3, 0.1, 0.3]
    assert sentences.gains(drawn) == (
        "At gain 2 80% of the samples are nearest to their class, 20% by chance; fewest for B "
        "(60%)."
    )
    counts = pd.DataFrame({"pcl": ["CP_A", "CP_B", "CP_C"], "n": [30, 68, 2]})
    figure, drawn = generation_plots.pattern({3: -2.0, 5: 1.0}, counts, pcl="CP_A")
    shares = drawn[drawn["part"] == "nearest"].set_index("name")["share"]
    assert is_of_a_journal(figure) and shares.round(6).to_dict() == {
        "B": 0.68,
        "A": 0.3,
        "other": 0.02,
    }
    assert sentences.pattern(drawn, "CP_A").startswith("30% of")


def test_the_way_from_class_to_class():
    path = np.array([[0.0, 1, 0], [0, 0, 2], [0, -1, 4]])
    figure, drawn = generation_plots.path_heat(
        path, ["0.0", "0.5", "1.0"], list("ABC"), n=2, what="way"
    )
    assert is_of_a_journal(figure) and set(drawn["gene"]) == {"B", "C"}
    steps = ["−2", "0", "1"]  # sorted as text, 0 would be first
    other = generation_plots.path_heat(path, steps, list("ABC"), n=2, what="way")[1]
    assert sentences.path(other) == sentences.path(drawn)
    assert sentences.path(drawn) == "B falls most, by 2.0; C rises most, by 4.0 in z."


def test_made_signatures_and_their_genes():
    table = pd.DataFrame(
        {
            "gene": ["1", "2", "3"],
            "real_mean": [0.0, 1, 2],
            "made_mean": [0.0, 2, 4],
            "real_sd": [1.0, 1, 2],
            "made_sd": [0.5, 0.5, 1],
            "ks": 0.1,
        }
    )
    figure, drawn = generation_plots.by_gene(table)
    assert is_of_a_journal(figure) and "made_sd_z" in drawn
    assert "r is 1.00 for means and 1.00 for SDs; a made SD is 0.50" in sentences.genes(drawn)
    compared = pd.DataFrame(
        {"set": ["training rows", "made"], "auc_forest": [0.5, 0.8], "auc_linear": [0.51, 0.7]}
    )
    assert "AUC of 0.80, a linear classifier with 0.70" in sentences.made(compared, "made")


def test_codes_and_their_network():
    names = ["CP_A", "CP_B", "CP_C"]
    distances = np.array([[0, 0.2, 0.9], [0.2, 0, 0.8], [0.9, 0.8, 0]])
    figure, drawn = class_plots.code_heat(distances, names)
    assert is_of_a_journal(figure) and len(drawn) == 9
    assert sentences.codes(drawn) == (
        "The codes of A and B are nearest (0.20); C is farthest from its nearest class (0.80)."
    )
    graph = nx.DiGraph()
    for number, name in enumerate("ABC"):
        graph.add_node(number, label=name)
    graph.add_weighted_edges_from([(0, 1, 0.8), (1, 0, 0.8), (1, 2, 0.2)])
    figure, drawn = class_plots.code_network(graph)
    assert is_of_a_journal(figure) and drawn["mark"].value_counts().to_dict() == {
        "node": 3,
        "edge": 3,
    }
    assert drawn["to"].dropna().tolist() == ["B", "A", "C"]
    assert sentences.network(drawn) == (
        "2 of 3 classes are the nearest of their own nearest class; its correlation lies between "
        "0.20 and 0.80."
    )


def test_scores_of_representations_and_confusions():
    rows = [
        ("by perturbagen", "raw", 0.6),
        ("by perturbagen", "mu", 0.5),
        ("at random", "raw", 0.9),
        ("at random", "mu", 0.7),
    ]
    table = pd.DataFrame(rows, columns=["folds", "representation", "score"])
    table = table.assign(low=table["score"] - 0.1, high=table["score"] + 0.1, n=9, uniform=0.1)
    figure, drawn = class_plots.score_dots(table, {"chance": 0.1}, value="score")
    assert is_of_a_journal(figure) and "uniform" not in drawn and len(drawn) == 5
    assert sentences.accuracy(drawn, "score") == (
        "raw is best for perturbagens held out whole, 0.60 (0.90 in random folds); beside it: "
        "chance 0.10."
    )
    alone = drawn[drawn["folds"] != "at random"]
    assert "0.60; beside it" in sentences.accuracy(alone, "score")
    names = pd.Index(["CP_A", "CP_B"], name="pcl")
    figure, drawn = class_plots.confusion(pd.DataFrame([[0.9, 0.1], [0.3, 0.7]], names, names))
    assert is_of_a_journal(figure)
    assert sentences.confusion(drawn) == (
        "On average 80% of a class's signatures are right; the commonest error takes 30% of B for "
        "A."
    )


def test_targets_among_genes():
    ranks = pd.DataFrame({"drug": "a", "rank": [1.0, 5.0, 9.0], "is_defined": [True, True, False]})
    summary = pd.DataFrame({"drug": ["a", "b"], "mean_rank": [3.0, 40], "chance": [20.0, 30]})
    figure, drawn = class_plots.rank_chance(ranks, summary)
    assert is_of_a_journal(figure) and drawn["part"].tolist() == ["query", "query", "drug", "drug"]
    assert "1 of 2 drugs rank a target better" in sentences.ranks(drawn)
    tests = pd.DataFrame(
        {
            "drug": ["a", "b", "all drugs"],
            "gene_rank": [1.0, 50, 25],
            "null_mean": 40.0,
            "null_low": 20.0,
            "null_high": 60.0,
            "p": [0.001, 0.7, 0.01],
        }
    )
    figure, drawn = class_plots.target_ranks(tests)
    assert is_of_a_journal(figure)
    assert sentences.drugs(drawn) == (
        "1 of 2 drugs have p < 0.05; over all, the mean rank is 25.0, that of random genes 40.0 (p "
        "= 0.01)."
    )


def test_digits():
    names = list("0123456789")
    apart = np.abs(np.subtract.outer(np.arange(10.0), np.arange(10.0)))
    distances = pd.DataFrame(apart, index=names, columns=names)
    figure, drawn = digits_plots.digit_codes(np.zeros((10, 1, 8, 8)), distances)
    assert is_of_a_journal(figure) and len(drawn) == 100
    assert "those of 0 and 9 farthest (9.00)" in sentences.digits(drawn)
    chosen = np.array([0, 1, 1, 2])
    figure, drawn = digits_plots.chosen_codes(np.array([0, 1, 2, 2]), chosen, names)
    assert is_of_a_journal(figure)
    assert sentences.chosen(drawn) == "3 of 4 choose the code of their own digit."


def test_own_signatures_and_their_searches():
    table = pd.DataFrame(
        {
            "signature": ["s", "s", "t"],
            "rank": [1, 2, 1],
            "pcl": ["CP_A", "CP_B", "CP_B"],
            "correlation": [0.9, 0.1, 0.2],
            "null_low": -0.5,
            "null_high": 0.5,
            "p": [0.01, 0.6, 0.3],
        }
    )
    figure, drawn = own_plots.nearest(table)
    assert is_of_a_journal(figure) and drawn["signature"].tolist() == ["t", "s"]
    assert sentences.own(drawn).startswith("1 of 2 signatures are more like")
    compared = pd.DataFrame(
        {"search": ["mu", "raw"], "share": [0.5, 0.75], "low": 0.2, "high": 0.9, "chance": 0.1}
    ).assign(n=4)
    figure, drawn = own_plots.searches(compared)
    assert is_of_a_journal(figure) and len(drawn) == 3
    assert sentences.searches(drawn) == (
        "The true class comes first by mu 50%, raw 75%; by chance 10%."
    )


def test_replicates_and_what_their_weights_are_worth():
    report = pd.DataFrame(
        {
            "well": list("abc"),
            "signature": ["x", "x", "y"],
            "weight": [0.9, 0.1, 1.0],
            "mean_correlation": [0.5, 0.1, np.nan],
        }
    )
    figure, drawn = own_plots.weights(report, np.array([False, True, False]))
    assert is_of_a_journal(figure) and drawn["well"].tolist() == ["a", "b"]
    assert sentences.weights(drawn) == (
        "A replicate has a weight of 0.90 (median); a well that failed 0.10."
    )
    table = pd.DataFrame({"way": ["weighted", "plain"], "r": [0.8, 0.7], "low": 0.6, "high": 0.9})
    figure, drawn = own_plots.recovery(table)
    assert is_of_a_journal(figure)
    assert sentences.recovery(drawn).endswith("weighted 0.800, plain 0.700.")


def test_codes_in_use():
    usage = pd.DataFrame({"pcl": ["CP_A", "CP_B"], "n": [3, 2], "chosen": [5, 0]})
    figure, drawn = class_plots.code_usage({"training": usage, "unseen": usage})
    assert is_of_a_journal(figure) and len(drawn) == 4
    assert sentences.usage(drawn).endswith("1 of 2 in training, 1 of 2 in unseen.")
    layers = pd.DataFrame({"folds": ["a", "line"], "representation": ["mu", "chance"]})
    assert sentences.layers(layers.assign(share=[0.1, 0.3])).endswith("mu 0.10; by chance 0.30.")
