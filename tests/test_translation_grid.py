"""The grid: its order, its reductions against the features written out, places, areas, choices."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_pairs import problems

from lib.data.errors import InputError
from lib.translation import features, grid, kernel, metrics, regressors, results, selection
from lib.translation.grid import Axes

SMALL = Axes(ridges=(1, 10), encodings=(2, 5), neighbours=((0, 4), (38,)), n_draws=2)


# order
# ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "values"),
    [
        (26, (1, False, 0, 5, "images", "positional", 10)),
        (324, (5, False, 0, 10, "none", "positional", 1)),
        (1367, (100, True, 0, 20, "genes", "gauss", 10)),
        (1516, (1, True, 38, 2, "none", "gauss", 5)),
        (1945, (50, True, 38, 2, "none", "positional", 5)),
        (1150, (50, True, 10, 20, "genes", "gauss", 5)),
    ],
)
def test_published_numbers_of_configurations(number, values):
    configs = grid.configurations()
    assert len(configs) == 2160 and tuple(configs.loc[number, grid.CHOICES]) == values


def test_excluded_are_ten_neighbours_of_which_none_is_appended():
    configs = grid.configurations()
    assert configs["is_excluded"].sum() == 2160 // 3 // 3
    assert set(configs.loc[configs["is_excluded"], "n_neighbours"]) == {10}


def test_distinct_models():
    configs = grid.configurations()
    model = grid.model_of(configs, Axes(), 38)
    plain = configs["n_neighbours"] == 0
    assert len(set(model[plain])) == 10 and len(set(model)) == 10 + (~plain).sum() == 1450
    few = grid.model_of(configs, Axes(), 8)  # 10 and 38 both mean all eight
    assert len(set(few)) == 730 and few[configs.index[configs["n_neighbours"] == 10][0]] < 730


# reductions
# ------------------------------------------------------------------------------------------


def long_way(one, config, axes):
    """Predict with the features written out, averaged over the draws of a gauss encoding."""
    images, genes, new = one.split()
    count = min(config["n_neighbours"], len(images))
    draws = (
        grid.gauss_draws(axes.n_draws, config["n_encodings"], count, axes.seed, one.target)
        if count
        else [None]
    )
    found = []
    for normal in draws if config["encoding"] == "gauss" else draws[:1]:
        x, z = features.explicit(images, genes, new, config, normal=normal)
        found.append(regressors.ntk_ridge(x, genes, z, ridge=config["ridge"])[0])
    return np.mean(found, axis=0)


@pytest.mark.parametrize("axes", [replace(SMALL, n_draws=3), replace(SMALL, n_draws=1, seed=5)])
def test_reductions_equal_the_features_written_out(axes):
    one = problems()[3]
    reduced, configs = grid.reduce(one), grid.configurations(axes)
    weights = grid.model_weights(reduced, axes)[grid.model_of(configs, axes, len(reduced.train))]
    shared = one.regulatory[one.positions]
    for number in range(0, len(configs), 7):
        expected = long_way(one, configs.loc[number], axes)
        assert (
            np.abs(weights[number] @ shared - expected).max() <= 1e-10 * np.abs(expected).max()
        ), configs.loc[number]


def test_training_rows_have_their_own_weight_alone():
    rows = np.random.default_rng(0).normal(size=(7, 12))
    lists = features.neighbour_lists(features.geometry(rows).distances, 3)
    assert lists[:-1, 0].tolist() == list(range(6)) and 6 not in lists
    weights = [
        row @ np.linalg.pinv(rows[near]) for row, near in zip(rows[:-1], lists, strict=False)
    ]
    assert np.allclose(weights, [[1, 0, 0]] * 6)


def test_blocks_of_features_add_up():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(5, 4))
    both, added = features.geometry(np.hstack([a, b])), features.geometry(a) + features.geometry(b)
    assert np.allclose(both.dots, added.dots) and np.allclose(both.distances, added.distances)
    lists = rng.integers(0, 5, (5, 3))
    long, gathered = (
        features.geometry(a[lists].reshape(5, -1)),
        features.geometry(a).gathered(lists),
    )
    assert np.allclose(long.dots, gathered.dots) and np.allclose(long.distances, gathered.distances)


def test_the_grid_does_not_see_the_order_of_genes_and_columns():
    one = problems()[2]
    flipped = replace(one, images=one.images[:, ::-1], regulatory=one.regulatory[:, ::-1])
    first, second = (grid.model_weights(grid.reduce(p), SMALL) for p in (one, flipped))
    assert np.allclose(first, second, atol=1e-9)


def test_dependent_rows_are_refused_where_neighbours_need_them():
    made = problems(size=5)  # 11 training rows in 5 dimensions
    with pytest.raises(
        InputError, match=r"11 training rows span 5 dimensions.*n_neighbours: \[0\]"
    ):
        grid.evaluate(made, SMALL)
    table, _ = grid.evaluate(made, Axes(neighbours=((0,),)))
    assert table["auc_20"].notna().all()


def test_fewer_genes_than_neighbours():
    made = problems(n_genes=9, n_screened=4)
    table, places = grid.evaluate(made)
    assert len(table) == 2160 and places.max() < 9
    same = table[grid.CHOICES].assign(n_neighbours=table["n_neighbours"].replace(10, 38))
    assert (table.groupby([same[name] for name in grid.CHOICES])["auc_20"].nunique() == 1).all()


def test_two_equal_images_do_not_break_a_model_without_neighbours():
    one = problems()[0]
    twice = one.images.copy()
    twice[3] = twice[4]
    weights = grid.model_weights(grid.reduce(replace(one, images=twice)), Axes(neighbours=((0,),)))
    assert np.isfinite(weights).all() and np.allclose(weights[:, 3], weights[:, 4])


# places and areas
# ------------------------------------------------------------------------------------------


def test_places_by_hand_with_ties_by_row():
    assert metrics.hits([[0.9, 0.1, 0.5]] * 3, 2).tolist() == [1, 1, 1]
    assert [int(metrics.hits([0.5, 0.5, 0.5], row)) for row in range(3)] == [0, 1, 2]
    assert (
        int(metrics.hits([0.5 + 1e-15, 0.5], 1)) == 1
        and int(metrics.hits([0.5, 0.5 + 1e-15], 0)) == 0
    )
    with pytest.raises(InputError, match="row 3 of the true gene is none of 3 genes"):
        metrics.hits([1.0, 2.0, 3.0], 3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_places_are_those_of_euclidean_neighbours(seed):
    rng = np.random.default_rng(seed)
    genes = rng.normal(size=(12, 4))
    genes /= np.linalg.norm(genes, axis=1, keepdims=True)
    predicted = 10 ** rng.uniform(-3, 3) * rng.normal(size=4)
    order = np.argsort(np.linalg.norm(genes - predicted, axis=1))
    assert [int(metrics.hits_of(predicted, genes, target)) for target in order] == list(range(12))


def test_embeddings_of_other_lengths_are_refused():
    with pytest.raises(InputError, match="rows of length 1"):
        metrics.hits_of([1.0, 0.0], [[2.0, 0.0], [0.0, 1.0]], 0)


def test_curve_and_areas_by_hand():
    places = np.array([0, 2, 7])
    assert metrics.accuracy(places, k_max=4).tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert float(metrics.area(places, 4)) == pytest.approx(2 / 5)
    assert float(metrics.area(places, 4, denominator="jump")) == pytest.approx(2 / 4)
    with pytest.raises(InputError, match="choose loto or jump"):
        metrics.area(places, 4, denominator="both")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 248), min_size=1, max_size=39), st.sampled_from(metrics.KS))
def test_area_is_the_sum_of_the_curve(places, k):
    assert float(metrics.area(places, k)) == pytest.approx(
        metrics.accuracy(places, k_max=k).sum() / (k + 1)
    )


# choices
# ------------------------------------------------------------------------------------------


def grow(first, second):
    """The published rule, step by step."""
    a, b = (list(np.argsort(-np.asarray(x), kind="stable")) for x in (first, second))
    for n in range(1, len(a) + 1):
        shared = [i for i in a[:n] if i in b[:n]]
        if shared:
            return shared[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_choice_is_growing_two_lists(areas):
    first, second = np.array(areas, float).T
    assert int(selection.choose(first, second)) == grow(first, second)


def test_choice_of_many_data_sets_and_of_nothing():
    areas = np.random.default_rng(0).random((2, 9, 5))
    assert selection.choose(*areas).tolist() == [
        int(selection.choose(*areas[:, :, i])) for i in range(5)
    ]
    with pytest.raises(InputError, match="no configuration to choose from"):
        selection.choose([], [])


def test_excluded_configurations_are_never_chosen():
    table = pd.DataFrame({"auc_20": [0.9, 0.1], "auc_50": [0.9, 0.1], "is_excluded": [True, False]})
    assert selection.published(table) == 1


def test_nested_choice_never_sees_the_target():
    """Neither its image nor its embedding moves the configuration chosen for it."""
    made = problems()[:3]
    configs = grid.configurations(SMALL)
    spoiled = []
    for one in made:
        images, regulatory = one.images.copy(), one.regulatory.copy()
        images[one.own] *= -3
        regulatory[one.names.index(one.target)] = np.eye(regulatory.shape[1])[0]
        spoiled.append(replace(one, images=images, regulatory=regulatory))
    chosen, again = (
        selection.nested([grid.reduce(p) for p in ps], SMALL, configs) for ps in (made, spoiled)
    )
    assert chosen[["config", "inner_auc_20"]].equals(again[["config", "inner_auc_20"]])
    assert not chosen["hit"].equals(again["hit"])


def test_nested_without_neighbours_is_closed_form_leave_one_out():
    one, axes = problems()[1], Axes(ridges=(1, 50), means=(False,), neighbours=((0,),))
    reduced = grid.reduce(one)
    images, _, _ = one.split()
    weights = kernel.leave_one_out_weights(kernel.ntk(images), axes.ridges)  # (L, N, N)
    for i, row in enumerate(reduced.train):
        refitted = grid.model_weights(reduced.predicting(row), axes)
        assert np.allclose(refitted[:, reduced.train], weights[:, i], atol=1e-10)


def test_recovery_on_simulated_pairs_and_the_controls():
    made = problems(n_genes=100, n_screened=20, size=48, groups=5)
    table, places = grid.evaluate(made, SMALL)
    best = metrics.area(places[selection.published(table)], 20)
    rivals = [regressors.places(made, regressors.mean_train), regressors.mean_all_places(made)]
    assert best > 0.35 > max(float(metrics.area(rival, 20)) for rival in rivals)
    rng = np.random.default_rng(0)
    permuted = metrics.area(regressors.permuted_places(made, rng, n=20), 20)
    chance = float(metrics.area(np.arange(100), 20))
    assert permuted.mean() < chance + 3 * permuted.std() / np.sqrt(20)
    random = metrics.area(regressors.random_places(made, rng, n=200), 20)
    assert random.mean() == pytest.approx(chance, abs=0.05)


def test_tables_have_a_row_a_target_and_a_configuration():
    made = problems()
    found = results.translate("physical", made, SMALL)
    hits = results.hits_table([found])
    assert list(hits) == ["setting", "model", "target", "hit", "rank", "n_genes"]
    assert (
        len(hits) == 5 * 12
        and (hits["rank"] == hits["hit"] + 1).all()
        and set(hits["n_genes"]) == {60}
    )
    table = results.grid_table([found, replace(found, setting="other")])
    assert len(table) == 2 * len(grid.configurations(SMALL)) and table["is_chosen"].sum() == 2
