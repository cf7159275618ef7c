"""The two nulls: they hold their level, gather what refitting gives, and count the choice of the
model in."""

from dataclasses import replace

import numpy as np
import pytest
from toy_pairs import problems, world

from lib.data.errors import InputError
from lib.simulate import power
from lib.translation import exchange, grid, metrics, permutation, regressors
from lib.translation.grid import Axes

PLAIN = Axes(ridges=(1,), means=(False,), neighbours=((0,),))
SMALL = Axes(ridges=(1, 50), encodings=(2,), neighbours=((0, 4), (38,)), n_draws=1, sigmas=(5,))


@pytest.fixture(scope="module")
def made():
    return problems()


@pytest.fixture(scope="module")
def reduced(made):
    return [grid.reduce(one) for one in made]


def test_pairings_start_with_the_observed_one_and_mix_targets_among_themselves(reduced):
    orders = permutation.pairings(reduced[:5], 200, np.random.default_rng(0))
    assert orders[0].tolist() == list(range(12)) and (np.sort(orders) == np.arange(12)).all()
    assert (
        orders[:, :5].max() == 4
        and orders[:, 5:].min() == 5
        and len(np.unique(orders, axis=0)) > 150
    )
    with pytest.raises(InputError, match="0 permutations"):
        permutation.pairings(reduced, 0, np.random.default_rng(0))


@pytest.mark.parametrize("use_mean", [False, True])
def test_gathered_null_is_refitting_on_re_paired_embeddings(made, reduced, use_mean):
    orders = permutation.pairings(reduced, 3, np.random.default_rng(1))
    found = permutation.places(reduced, orders, ridge=1.0, use_mean=use_mean)
    axes = replace(PLAIN, means=(use_mean,))
    assert found[0].tolist() == [
        int(grid.places_of(one, grid.model_weights(one, axes))[0]) for one in reduced
    ]
    for order, places in zip(orders, found, strict=True):
        for t, one in enumerate(made):
            network = made[order[t]]
            images, others = one.images, [g for g in range(12) if g != t]
            y = network.regulatory[network.positions[order[others]]]
            x, z = images[others], images[[t]]
            if use_mean:
                x, z = (
                    np.hstack([rows, np.tile(y.mean(axis=0), (len(rows), 1))]) for rows in (x, z)
                )
            refitted = regressors.ntk_ridge(x, y, z)
            target = int(network.positions[network.own])
            assert int(metrics.hits_of(refitted, network.regulatory, target)[0]) == places[t]


def test_p_counts_the_observed_value():
    assert permutation.p_value([0.5, 0.1, 0.5, 0.2]) == 0.5
    assert permutation.p_value([0.5, 0.1, 0.2]) == pytest.approx(1 / 3)
    table = permutation.summary({"auc_20": np.array([0.5, 0.1, 0.3])})
    assert table.loc[0, ["observed", "null_mean", "p"]].tolist() == pytest.approx([0.5, 0.2, 1 / 3])


def test_both_nulls_hold_their_level_without_an_effect():
    """60 worlds without information: at a level of 20 % some 12 pass; 21 or more happen once in 200
    times."""
    by_pairs, by_targets = [], []
    for seed in range(60):
        reduced = [
            grid.reduce(one)
            for one in problems(n_genes=40, n_screened=10, effect=0.0, seed=100 + seed)
        ]
        rng = np.random.default_rng(seed)
        paired = permutation.places(reduced, permutation.pairings(reduced, 99, rng))
        by_pairs.append(permutation.p_value(metrics.area(paired, 20)))
        found = exchange.places(reduced, PLAIN)
        values = exchange.areas(found, exchange.orders(10, 99, rng), [0] * 10)
        by_targets.append(permutation.p_value(values["auc_20"]))
    for p in (np.array(by_pairs), np.array(by_targets)):
        assert (p <= 0.2).sum() <= 21 and 0.3 < p.mean() < 0.7


def test_a_planted_effect_is_found_by_both():
    reduced = [grid.reduce(one) for one in problems(n_genes=100, n_screened=20, size=48, groups=5)]
    rng = np.random.default_rng(0)
    paired = metrics.area(permutation.places(reduced, permutation.pairings(reduced, 2000, rng)), 20)
    assert paired[0] > np.quantile(paired[1:], 0.999)
    found, orders = exchange.places(reduced, SMALL), exchange.orders(20, 500, rng)
    kept = found[~grid.configurations(SMALL)["is_excluded"].to_numpy()]
    for values in (exchange.areas(found, orders, [0] * 20), exchange.areas_of_choice(kept, orders)):
        assert permutation.p_value(values["auc_20"]) < 0.01


# exchanged targets
# ------------------------------------------------------------------------------------------


def test_the_diagonal_is_the_translation_and_off_it_two_genes_are_left_out(made, reduced):
    found = exchange.places(reduced, SMALL)
    _, places = grid.evaluate(made, SMALL)
    assert (found[:, range(12), range(12)] == places).all()
    t, u = 2, 7
    others = [g for g in range(12) if g not in (t, u)]
    y = made[u].regulatory[made[u].positions[others]]
    refitted = regressors.ntk_ridge(made[t].images[others], y, made[t].images[[t]])
    assert (
        int(metrics.hits_of(refitted, made[u].regulatory, int(made[u].positions[u]))[0])
        == found[0, t, u]
    )


def test_choosing_anew_is_choosing_on_every_exchange():
    rng = np.random.default_rng(3)
    found, orders = rng.integers(0, 60, (7, 5, 5)), exchange.orders(5, 20, rng)
    values = exchange.areas_of_choice(found, orders)
    for i, order in enumerate(orders):
        places = found[:, range(5), order]
        best = int(exchange.selection.choose(metrics.area(places, 20), metrics.area(places, 50)))
        assert values["auc_20"][i] == pytest.approx(metrics.area(places[best], 20))


def test_the_null_of_a_choice_lies_above_that_of_a_fixed_model():
    rng = np.random.default_rng(4)
    found, orders = rng.integers(0, 60, (200, 10, 10)), exchange.orders(10, 300, rng)
    chosen, fixed = exchange.areas_of_choice(found, orders), exchange.areas(found, orders, [0] * 10)
    assert chosen["auc_20"][1:].mean() > fixed["auc_20"][1:].mean() + 0.05
    naive = (fixed["auc_20"][1:] >= chosen["auc_20"][0]).mean()
    assert (
        permutation.p_value(chosen["auc_20"]) > naive
    )  # what ignoring the choice would have claimed


def test_too_few_genes_for_two_left_out():
    reduced = [grid.reduce(one) for one in problems(n_genes=9, n_screened=3)]
    assert exchange.places(reduced, PLAIN).shape == (72, 3, 3)
    with pytest.raises(InputError, match="leave none to learn from"):
        exchange.places([replace(reduced[0], train=reduced[0].train[:1])], PLAIN)


# bands and power
# ------------------------------------------------------------------------------------------


def test_bands_hold_what_they_say():
    curves = np.cumsum(np.random.default_rng(5).normal(size=(4000, 20)), axis=1)
    band = permutation.band(curves)
    inside = (curves >= band["low"].to_numpy()) & (curves <= band["high"].to_numpy())
    assert inside.mean() == pytest.approx(0.95, abs=0.01) and inside.all(axis=1).mean() < 0.9
    everywhere = (curves >= band["low_all"].to_numpy()) & (curves <= band["high_all"].to_numpy())
    assert everywhere.all(axis=1).mean() == pytest.approx(0.95, abs=0.01)


def test_bootstrap_band_is_in_range_and_shrinks_with_targets():
    rng = np.random.default_rng(6)
    few, many = (
        permutation.bootstrap(np.arange(n) % 40, n=300, k_max=30, rng=rng) for n in (40, 1000)
    )
    for band in (few, many):
        assert (band["low_all"] >= 0).all() and (band["high_all"] <= 1).all() and len(band) == 30
    assert (many["high"] - many["low"]).mean() < 0.3 * (few["high"] - few["low"]).mean()


def test_power_falls_with_the_effect():
    from lib.simulate import states

    genes = [f"G{i:02d}" for i in range(60)]
    table = states.states(genes, n_groups=4, n_active=60, rng=np.random.default_rng(0))
    found = power.power(
        table,
        genes[:14],
        [0.0, 0.2, 1.0],
        n_draws=30,
        n_permutations=99,
        rng=np.random.default_rng(1),
    )
    rows = power.summarise(found)
    assert rows["auc_20"].is_monotonic_increasing and rows["power"].is_monotonic_increasing
    assert rows["power"].iloc[0] <= 0.2 and rows["power"].iloc[-1] >= 0.9


def test_power_without_a_planted_truth_says_so(made):
    figure, drawn = power.figure(
        world().images.iloc[:0].assign(gene=[]), made[0], [1.0], rng=np.random.default_rng(0)
    )
    assert list(drawn) == ["absent"]
