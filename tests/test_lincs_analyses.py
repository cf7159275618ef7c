"""Classes, targets, connectivity, generation, codes and queries: by hand, against slow forms, on a
planted truth."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.lincs import (
    claims,
    classification,
    codes,
    connectivity,
    distributions,
    generation,
    query,
    runs,
    search,
    target_tests,
    targets,
    vae,
)
from lib.lincs.vae import Architecture
from lib.report import published
from lib.stats import groups
from tests.toy_lincs import toy


def rng(seed=0):
    return np.random.default_rng(seed)


def some(n, width=6, seed=0):
    return rng(seed).normal(size=(n, width))


# --- targets


def slow_rank(query, references, genes, wanted):
    """Return the place of the first target in the full order by correlation distance."""
    distance = [1 - np.corrcoef(query, reference)[0, 1] for reference in references]
    return next(
        place
        for place, row in enumerate(np.argsort(distance, kind="stable"))
        if genes[row] in wanted
    )


def test_counted_ranks_are_those_of_a_full_sort(monkeypatch):
    monkeypatch.setattr(targets, "BLOCK", 200)  # several blocks
    queries, references = some(9), some(60, seed=1)
    genes = rng(2).choice(list("ABCDEFG"), 60)
    drugs = np.array(["x", "y", "x", "z", "y", "x", "x", "y", "z"])
    known = {"x": ["A"], "y": ["B", "C"]}
    pool = targets.pool(references, genes)
    found = targets.rank(queries, drugs, pool, known)
    assert found["query"].tolist() == [0, 1, 2, 4, 5, 6, 7] and found["is_defined"].all()
    slow = [slow_rank(queries[row], references, genes, known[drugs[row]]) for row in found["query"]]
    assert found["rank"].tolist() == slow and (found["optimistic"] == found["pessimistic"]).all()
    best = targets.gene_scores(queries, pool)
    for row, place in zip(found["query"], found["gene_rank"], strict=True):
        own = np.isin(pool.genes, known[drugs[row]])
        assert place == (best[row][~own] > best[row][own].max()).sum()


def test_ties_are_shared_between_both_orders():
    pool = targets.pool(
        np.array([[1.0, 2, 3], [2, 4, 6], [10, 20, 30], [3, 2, 1]]), np.array(list("ABCD"))
    )
    found = targets.rank(np.array([[0.0, 1, 2]]), np.array(["x"]), pool, {"x": ["B"]}).iloc[0]
    assert (found["optimistic"], found["pessimistic"], found["rank"], found["gene_rank"]) == (
        0,
        2,
        1,
        0,
    )


def test_a_constant_query_has_no_rank():
    pool = targets.pool(np.vstack([some(5, 3), np.ones((1, 3))]), np.array(list("ABCDEA")))
    assert pool.n_constant == 1 and len(pool.units) == 5
    found = targets.rank(
        np.array([[0.0, 0, 0], [1, 2, 0]]), np.array(["x", "x"]), pool, {"x": ["A"]}
    )
    assert found["is_defined"].tolist() == [False, True] and np.isnan(found["rank"][0])
    summary = targets.summarise(found, pool, {"x": ["A"]}).iloc[0]
    assert (summary["n_queries"], summary["n_undefined"]) == (2, 1) and summary[
        "mean_rank"
    ] == found["rank"][1]


def test_chance_of_the_best_rank_by_hand_and_by_draws():
    assert targets.null_best_rank(9, 1) == 4 and targets.null_best_rank(
        116_782, 27
    ) == pytest.approx(4169.8, abs=0.1)
    places = np.array([rng(i).choice(50, 4, replace=False).min() for i in range(4000)])
    assert targets.null_best_rank(50, 4) == pytest.approx(places.mean(), abs=0.4)
    for level in (0.1, 0.5, 0.975):
        assert abs((places <= targets.null_best_rank(50, 4, level)).mean() - level) < 0.09
    best = np.sort(
        np.array(
            [
                [rng([i, j]).choice(2000, 3, replace=False).min() for j in range(42)]
                for i in range(50)
            ]
        )
    )
    assert best[:, 0].mean() < best[:, 9].mean()


def test_drugs_without_data_are_reported_and_none_is_an_error():
    table = pd.DataFrame({"drug": ["mg-132", "absent", "x", "x"], "gene": ["A", "A", "Q", "B"]})
    known, report = targets.match(table, np.array(["MG-132", "x"]), np.array(["A", "B"]))
    assert known == {"MG-132": ["A"], "x": ["B"]}
    assert report.set_index("drug")["status"].to_dict() == {
        "absent": "no signature of the drug",
        "mg-132": "evaluated",
        "x": "evaluated",
    }
    assert list(
        targets.match(table, np.array(["MG-132", "x"]), np.array(["B"]), exact=True)[0]
    ) == ["x"]
    with pytest.raises(InputError, match="none of the drugs absent, mg-132, x"):
        targets.match(table, np.array(["y"]), np.array(["A"]))


def test_planted_targets_rank_above_chance_and_exchanged_ones_do_not():
    one = toy()
    drugs, genes = (part.obs["pert_iname"].to_numpy(str) for part in (one.small, one.genetic))
    known = one.world.targets.groupby("pert_iname")["gene"].agg(list).to_dict()
    pool = targets.pool(one.genetic.X, genes)
    found = target_tests.permutation_test(one.small.X, drugs, pool, known, n=200, rng=rng())
    assert found.iloc[-1]["drug"] == "all drugs" and found.iloc[-1]["p"] <= 0.01
    assert found.iloc[-1]["gene_rank"] < found.iloc[-1]["null_low"]
    others = {
        drug: list(rng(i).choice(pool.genes, 2, replace=False)) for i, drug in enumerate(known)
    }
    wrong = target_tests.permutation_test(one.small.X, drugs, pool, others, n=200, rng=rng())
    assert wrong.iloc[-1]["p"] > 0.01


# --- connectivity


def slow_enrichment(values, genes):
    """Return the weighted Kolmogorov-Smirnov statistic by walking down the list."""
    order = np.argsort(-values, kind="stable")
    hits = np.isin(order, genes)
    step = np.where(
        hits, np.abs(values[order]) / np.abs(values[list(genes)]).sum(), -1 / (~hits).sum()
    )
    walk = np.concatenate([[0], np.cumsum(step)])
    return max(walk.max(), -walk.min()) * (1 if walk.max() > -walk.min() - 1e-9 else -1)


def test_enrichment_is_that_of_the_plain_walk():
    values = some(20, 30)
    sorted_once = connectivity.reference(values, [str(i) for i in range(30)])
    for size in (1, 3, 12):
        genes = rng(size).choice(30, size, replace=False)
        found = connectivity.enrichment(sorted_once, [str(gene) for gene in genes])
        np.testing.assert_allclose(
            found, [slow_enrichment(row, genes) for row in values], atol=1e-6
        )


def test_connectivity_by_hand():
    one = connectivity.reference(np.array([[3.0, 2, 1, -1, -2, -3]]), list("123456"))
    assert connectivity.weighted_connectivity(one, ["1", "2"], ["5", "6"]).tolist() == [1.0]
    assert connectivity.weighted_connectivity(one, ["5", "6"], ["1", "2"]).tolist() == [-1.0]
    assert [connectivity.enrichment(one, [gene])[0].round(6) for gene in "12"] == [1.0, 0.8]
    assert connectivity.weighted_connectivity(one, ["1"], ["2"]).tolist() == [0.0]
    with_unknown = connectivity.weighted_connectivity(one, ["1", "2", "77"], ["5", "6", "88"])
    assert with_unknown.tolist() == [1.0]
    assert (
        connectivity.report_unknown(["1", "77"], one.genes)
        == "1 of 2 genes are not measured and do not count: 77"
    )
    with pytest.raises(InputError, match="0 genes of the set are among the 6"):
        connectivity.enrichment(one, ["77"])
    with pytest.raises(InputError, match="both sets of the query are empty"):
        connectivity.weighted_connectivity(one, [], [])


def test_a_signature_connects_most_to_itself_and_tau_compares_with_ones_own_background():
    values = some(12, 40)
    genes = [f"g{i}" for i in range(40)]
    scores = connectivity.scores(values, connectivity.reference(values, genes), size=8)
    assert (scores.argmax(axis=1) == np.arange(12)).all() and np.abs(scores).max() <= 1
    found = connectivity.tau(scores[0], scores[1:])
    assert found[0] == 100 and np.abs(found).max() <= 100
    normal = connectivity.normalise(np.array([1.0, 3, -2, -6, 5]), ["a", "a", "a", "a", "b"])
    assert normal.tolist() == [0.5, 1.5, -0.5, -1.5, 1.0]
    with pytest.raises(InputError, match="30 genes each way of 40"):
        connectivity.query_sets(values[0], genes, size=30)


# --- classes


def test_published_folds_leave_the_last_rows_untested():
    found = classification.published_folds(12_079)
    assert [len(found.rows(number)[1]) for number in found.numbers] == [1207] * 10
    order = np.random.RandomState(0).permutation(12_079)  # noqa: NPY002
    assert (np.flatnonzero(found.fold == -1) == np.sort(order[-9:])).all()


def test_scores_by_hand():
    labels, predicted = list("aaab"), np.array(["a", "a", "b", "b"], object)
    found = classification.scores(labels, predicted)
    assert found["accuracy"] == 0.75 and found["balanced_accuracy"] == pytest.approx(
        (2 / 3 + 1) / 2
    )
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert (found["majority"], found["uniform"], found["n"], found["n_classes"]) == (
        0.75,
        0.5,
        4,
        2,
    )
    predicted[2] = ""
    assert classification.scores(labels, predicted)["accuracy"] == 1.0


def test_classes_are_recovered_less_by_honest_folds_and_not_at_all_without_signal():
    one = toy().classified
    labels = one.obs["pcl"].to_numpy(str)
    units = groups.connected(one.obs, ["pert_id", "pert_iname"])
    honest = groups.stratified_folds(labels, units, 3, rng=rng())
    assert "CP_BILE_ACID" in honest.untestable
    grouped = classification.predict(one.X, labels, honest, classifier="lda").labels
    tested = grouped != ""
    random = classification.predict(
        one.X, labels, classification.random_folds(labels, 3, seed=0), classifier="lda"
    )
    noise = classification.predict(some(len(labels), 5), labels, honest, classifier="lda").labels
    majority = classification.predict(one.X, labels, honest, classifier="majority").labels
    found, chance = (
        classification.scores(labels, p)["balanced_accuracy"] for p in (grouped, noise)
    )
    assert chance < 0.25 < found < 0.95 and set(majority[tested]) != set(labels[tested])
    assert classification.scores(labels, random.labels)["balanced_accuracy"] > found
    table = classification.compare(
        labels, {"raw": grouped, "noise": noise}, units, against="raw", n=400, rng=rng()
    ).set_index("representation")
    assert table.loc["noise", "p"] < 0.05 and table.loc["noise", "difference_high"] < 0
    assert table.loc["raw", "low"] < table.loc["raw", "mean"] < table.loc["raw", "high"]
    shares = classification.confusion(labels, grouped)
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_a_representation_may_differ_from_fold_to_fold():
    labels = np.repeat(["a", "b"], 20)
    folds = classification.random_folds(labels, 2, seed=0)
    asked = []

    def fold_values(number):
        asked.append(number)
        return (labels == "a")[:, None] + 0.1 * some(40, 2)

    assert (
        classification.predict(fold_values, labels, folds, classifier="class mean").labels == labels
    ).all()
    assert asked == [0, 1]
    with pytest.raises(InputError, match="fold 0 is not finite"):
        classification.predict(np.full((40, 2), np.nan), labels, folds, classifier="svm")
    with pytest.raises(InputError, match="fewer than two classes can be tested"):
        classification.predict(some(40), ["a"] * 40, folds, classifier="svm")


def test_what_learns_nothing_is_beside_what_does():
    one = toy().classified
    labels = one.obs["pcl"].to_numpy(str)
    units = groups.connected(one.obs, ["pert_id", "pert_iname"])
    honest = groups.stratified_folds(labels, units, 3, rng=rng())
    found = runs.baselines(one.X, one.var_names, labels, honest, size=10)
    assert list(found) == ["class mean", "majority", "connectivity"]
    tested = honest.fold >= 0
    assert all(((predicted != "") == tested).all() for predicted in found.values())
    scores = {n: classification.scores(labels, p)["balanced_accuracy"] for n, p in found.items()}
    assert scores["majority"] < scores["connectivity"] and scores["majority"] < scores["class mean"]


def test_accuracies_of_the_paper_are_measured_under_their_ids():
    one = toy().classified
    known = set(published.load())
    found = runs.published_accuracies(one.X, one.obs["pcl"].to_numpy(str))
    assert len(found) == 4 and set(found) <= known
    assert found["lincs.classification.raw_svm_train"] > found["lincs.classification.raw_svm_test"]
    history = pd.DataFrame({"train_mse": [2.0, 1.0]})
    errors = claims.svqvae(history) | claims.vae(history, sampled_mse=1.5)
    assert set(errors) <= known and errors["lincs.vae.gp_validation_mse"] == 1.5


# --- generation


def test_signature_nodes_by_hand():
    mu = np.array([[1.0, 0.4, -0.6], [-1, -0.4, 0.6]])
    assert generation.signature_nodes(mu) == [0, 2]
    means = generation.class_means(mu, ["b", "a"], [0, 2])
    assert means.index.tolist() == ["a", "b"] and means.loc["b"].tolist() == [1.0, -0.6]
    weight = np.diag([1.0, 0.1, 0.9, 0.11])
    assert generation.nodes_of_weights(weight) == [0, 2]


def test_samples_follow_their_fixed_nodes_and_noise():
    model = vae.build(Architecture(6, 5, 3), rng())
    made = generation.draw(model, 5, rng=rng(), fixed={0: 1.0, 1: 2.0, 2: 3.0})
    np.testing.assert_allclose(made, np.tile(vae.decode(model, [[1.0, 2, 3]]), (5, 1)), rtol=1e-6)
    noisy = generation.draw(
        model, 20_000, rng=rng(), fixed={0: 1.0, 1: 2.0, 2: 3.0}, noise=np.arange(6.0)
    )
    np.testing.assert_allclose(noisy.std(axis=0), np.arange(6.0), rtol=0.05, atol=1e-3)
    with pytest.raises(InputError, match="node 97; the latent has dimensions 0 to 2"):
        generation.draw(model, 1, rng=rng(), fixed={97: 1.0})
    assert (
        all(max(pattern) < 100 for pattern in generation.PATTERNS.values())
        and len(generation.PATTERNS) == 9
    )


def test_nearest_rows_are_those_of_all_distances():
    made, real = some(30), some(40, seed=1)
    slow = np.linalg.norm(made[:, None] - real[None], axis=2).argmin(axis=1)
    np.testing.assert_array_equal(generation.nearest_rows(made, real, block=7), slow)
    table = pd.DataFrame({"pcl": np.repeat(["A", "B"], 20), "pert_iname": "x"})
    assert generation.nearest_counts(made, real, table)["n"].sum() == 30


def test_paths_through_the_latent():
    model = vae.build(Architecture(6, 5, 3), rng())
    path = generation.interpolate(model, np.zeros(3), np.ones(3), n=3)
    np.testing.assert_allclose(
        path, vae.decode(model, [[0, 0, 0], [0.5] * 3, [1, 1, 1]]), rtol=1e-6
    )
    path = generation.traverse(model, np.ones(3), 1, [-2.0, 2.0])
    np.testing.assert_allclose(path, vae.decode(model, [[1, -2, 1], [1, 2, 1]]), rtol=1e-6)


def test_the_share_of_a_direction_within_programmes():
    programmes = some(3, 50)
    inside, outside = rng(1).normal(size=(2, 3)) @ programmes, some(200, 50, seed=2)
    np.testing.assert_allclose(generation.share_within(inside, programmes), 1)
    assert generation.share_within(outside, programmes).mean() == pytest.approx(3 / 50, abs=0.02)


def test_distributions_are_told_apart_only_if_they_differ():
    real, same, shifted = some(200, 12), some(200, 12, seed=1), some(200, 12, seed=2) + 0.7
    wide = 2 * some(200, 12, seed=3)
    equal = distributions.discriminate(real, same, seed=0)
    assert max(abs(value - 0.5) for value in equal.values()) < 0.12
    assert distributions.discriminate(real, shifted, seed=0)["linear"] > 0.8
    by_shape = distributions.discriminate(real, wide, seed=0)
    assert by_shape["forest"] > 0.8 and abs(by_shape["linear"] - 0.5) < 0.15
    assert (
        distributions.mixing(real, same) == pytest.approx(1, abs=0.15)
        and distributions.mixing(real, shifted + 9) == 0
    )
    table = distributions.by_gene(real, shifted, np.arange(12))
    assert (table["made_mean"] - table["real_mean"]).mean() == pytest.approx(
        0.7, abs=0.1
    ) and table["ks"].min() > 0.1
    mixed = real @ some(12, 12, seed=4)
    assert distributions.gene_correlations(mixed, same @ some(12, 12, seed=4)) > 0.9
    (scores, others), shares = distributions.principal_components(mixed, mixed)
    np.testing.assert_allclose(scores, others)
    assert shares[0] >= shares[1]


# --- codes


def test_neighbours_network_and_its_tables():
    names = ["CP_A", "CP_B", "CP_C"]
    distances = np.array([[0, 0.2, 0.9], [0.2, 0, 0.5], [0.9, 0.5, 0]])
    found = codes.neighbours(distances, names)
    assert found["nearest"].tolist() == ["CP_B", "CP_A", "CP_B"] and found["distance"].tolist() == [
        0.2,
        0.2,
        0.5,
    ]
    edges, nodes = codes.gephi(found)
    assert list(edges) == ["Source", "Target", "Type", "Weight", "Label1", "Label2"] and list(
        nodes
    ) == ["Id", "Label"]
    assert edges.iloc[2].tolist() == [1, 2, "directed", 0.5, "B", "C"]
    graph = codes.network(found)
    assert set(graph.edges) == {(1, 0), (0, 1), (1, 2)} and graph.nodes[2]["label"] == "C"
    assert codes.extremes(found, n=1)[["kind", "pcl"]].to_numpy().tolist() == [
        ["closest", "CP_A"],
        ["isolated", "CP_C"],
    ]
    assert sorted(codes.leaf_order(distances)) == [0, 1, 2]


def test_a_constant_code_is_told():
    with pytest.raises(InputError, match="the code of CP_B is constant"):
        codes.neighbours(
            codes.correlation_distances(np.array([[1.0, 2], [3, 3], [2, 5]])),
            ["CP_A", "CP_B", "CP_C"],
        )


# --- your own signatures


def test_normalised_connectivity_is_the_same_for_one_query_and_for_many():
    scores, groups_of = some(5, 30), np.repeat(["a", "b", "c"], 10)
    many = connectivity.normalise(scores, groups_of)
    np.testing.assert_allclose(many[3], connectivity.normalise(scores[3], groups_of))
    mean = [many[2][(groups_of == "b") & (many[2] > 0)].mean(), many[2][many[2] < 0].mean()]
    np.testing.assert_allclose(mean, [1, -1])


def test_places_of_classes_and_ties():
    scores = pd.DataFrame({"CP_A": [0.9, 0.5, np.nan], "CP_B": [0.2, 0.5, np.nan]})
    found = search.places(scores, ["CP_B", "CP_A", "CP_A"])
    assert found[:2].tolist() == [1.0, 0.5] and np.isnan(found[2])
    with pytest.raises(InputError, match="class CP_C has no signature in the reference"):
        search.places(scores, ["CP_A", "CP_C", "CP_A"])


def test_searches_are_compared_unit_by_unit():
    own, labels = (
        np.eye(4)[[0, 1, 0, 1]] + 0.01 * some(4, 4),
        np.array(["CP_A", "CP_B", "", "CP_B"]),
    )
    reference = np.eye(4)[[0, 1, 2, 1]]
    truth = ["CP_A", "CP_B", "CP_A", "CP_B"]
    found = search.without_network({"raw": (own, reference)}, labels)
    wrong = found["raw"].rename(columns={"CP_A": "CP_B", "CP_B": "CP_A"})
    table = search.compare(
        {**found, "wrong": wrong}, truth, list("wxyz"), against="raw", n=200, rng=rng()
    ).set_index("search")
    assert table["share"].tolist() == [1.0, 0.0] and table["chance"].tolist() == [0.5, 0.5]
    assert table.loc["wrong", "difference"] == -1 and table.loc["wrong", "p"] == 2 / 2**4
    scores = np.array([[3.0, 1, 9, 2]])
    by = search.by_connectivity(scores, labels)
    assert by.loc[0].to_dict() == {"CP_A": 3.0, "CP_B": 1.5}
    flat = search.by_correlation(np.ones((1, 4)), search.class_means(reference, labels))
    assert flat.isna().all(axis=None)


def test_the_strongest_connections_are_listed_with_all_measures():
    table = pd.DataFrame(
        {"sig_id": list("abc"), "pert_iname": list("xyz"), "pert_type": "trt_sh", "cell_id": "PC3"}
    )
    measures = {"ncs": np.array([[0.1, 2.0, -3.0]]), "tau": np.array([[1.0, 99.0, -100.0]])}
    found = query.connected(measures, table, n=2, names=["s"])
    assert found["sig_id"].tolist() == ["b", "a"] and found["tau"].tolist() == [99.0, 1.0]


def test_targets_by_any_score_of_genes():
    best, names = target_tests.best_of_gene(np.array([[1.0, 5, 2, 4]]), np.array(list("BABC")))
    assert names.tolist() == ["A", "B", "C"] and best.tolist() == [[5.0, 2.0, 4.0]]
    scores = {"x": rng(0).normal(size=(3, 40)), "y": rng(1).normal(size=(3, 40))}
    genes = np.array([f"g{i:02d}" for i in range(40)])
    scores["x"][:, 7] = 9.0
    known = {"x": ["g07"], "y": ["g01", "g02"]}
    tests = {
        "good": target_tests.rank_test(scores, genes, known, n=400, rng=rng()),
        "same": target_tests.rank_test(scores, genes, known, n=400, rng=rng()),
    }
    first = tests["good"].iloc[0]
    assert first["gene_rank"] == 0 and first["p"] < 0.06
    assert first["null_mean"] == pytest.approx(19.5, abs=1.5)  # of one random gene among 40
    assert tests["good"].iloc[1]["null_mean"] == pytest.approx(38 / 3, abs=1.5)  # the best of two
    table = target_tests.compare(tests, 40, against="good", n=100, rng=rng())
    assert table["difference"].tolist() == [0, 0] and table["p"].tolist()[1] == 1


def test_random_sets_are_without_repeats_and_even():
    sets = target_tests._random_sets(6, 3, n=2000, rng=rng())
    assert (np.sort(sets, axis=1)[:, 1:] > np.sort(sets, axis=1)[:, :-1]).all()
    np.testing.assert_allclose(np.bincount(sets.ravel(), minlength=6) / 2000, 0.5, atol=0.05)


def test_own_signatures_find_their_classes_perturbations_and_genes():
    centres = pd.DataFrame(np.eye(4)[:2], index=["CP_A", "CP_B"])
    own, background = np.array([[5.0, 0, 0.1, 0], [1, 1, 1, 1]]), some(99, 4)
    found = query.nearest_classes(own, centres, background, n=2, names=["s", "flat"])
    assert found["signature"].tolist() == ["s", "s"] and found["pcl"].tolist() == ["CP_A", "CP_B"]
    assert found["p"][0] < 0.1 < found["p"][1] and query.undefined(own, ["s", "flat"]) == ["flat"]
    assert found["null_rank"][0] == (found["p"][0] * 100 - 1).round()
    table = pd.DataFrame(
        {"sig_id": list("abc"), "pert_iname": list("xyz"), "pert_type": "trt_cp", "cell_id": "PC3"}
    )
    found = query.nearest_perturbations(
        own[:1], np.array([[0.0, 1, 0, 0], [2, 0, 0, 0], [-1, 0, 0, 0]]), table, n=2, names=["s"]
    )
    assert found["sig_id"].tolist() == ["b", "a"] and found["correlation"][0] > 0.99
    with pytest.raises(InputError, match="signatures have 4 values and the reference 3"):
        query.nearest_perturbations(own, some(3, 3), table, n=1, names=["s", "t"])


def test_a_gene_with_more_signatures_needs_a_better_one():
    references = np.vstack([some(60, 8, seed=1), some(2, 8, seed=2)])
    pool = targets.pool(references, np.array(["MANY"] * 60 + ["FEW"] * 2))
    found = query.ranked_genes(references[-1:] + 0.01 * some(1, 8), pool, n=2, names=["s"])
    assert found["gene"][0] == "FEW" and found["n_signatures"].tolist() == [2, 60]
    assert found["p"][0] == pytest.approx(1 - (1 - 1 / 62) ** 2) and found["p"][1] > 0.5


def test_chance_levels_of_genes_hold_for_random_queries():
    pool = targets.pool(some(300, 10, seed=1), rng(2).choice([f"g{i}" for i in range(20)], 300))
    found = query.ranked_genes(some(200, 10, seed=3), pool, n=20, names=range(200))
    assert (found["p"] < 0.1).mean() == pytest.approx(0.1, abs=0.04)
