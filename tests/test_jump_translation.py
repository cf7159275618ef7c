"""The grid of JUMP, its evaluation sets, its choices and its null (Fig 4C)."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.jump import claims, evaluation, exchange, genes, grid
from lib.jump import translation_plots as plots
from lib.report import published
from lib.translation import grid as loto
from lib.translation import metrics, regressors
from lib.translation.features import explicit

PUBLISHED = published.load()
SMALL = replace(
    grid.PUBLISHED, ridges=(1.0, 10.0), neighbours=((0, 3, 31),), encodings=(2,), sigmas=(1.0,)
)
CLUSTERS = {  # cluster → training and test genes, as published
    0: (0, 32),
    1: (2, 21),
    2: (6, 20),
    3: (0, 16),
    4: (8, 12),
    5: (2, 8),
    6: (6, 6),
    7: (1, 20),
    8: (6, 9),
}


def world(n_train=8, n_test=6, n_others=6, width=12, noise=0.0, seed=0):
    """Return images, regulatory embeddings and regulators of genes with common states."""
    rng = np.random.default_rng(seed)
    names = [f"G{i:02d}" for i in range(n_train + n_test + n_others)]
    states = rng.normal(size=(len(names), 4))
    regulatory = pd.DataFrame(states @ rng.normal(size=(4, 10)), index=names)
    images = states @ rng.normal(size=(4, width)) + 0.3 * rng.normal(size=(len(names), width))
    images = pd.DataFrame(images + noise * rng.normal(size=images.shape), index=names)
    return images.iloc[: n_train + n_test], regulatory, names[:n_train]


def translated(axes=SMALL, **options):
    images, regulatory, regulators = world(**options)
    train, test = genes.split_genes(images, regulatory, regulators)
    found = genes.problems(images, regulatory, train, test)
    return evaluation.translate(found, np.ones(len(test), bool), axes)


def test_the_grid_has_the_published_size_and_numbers():
    configs = grid.configurations()
    assert len(configs) == PUBLISHED["jump.grid.n_configurations"].value
    for number in (5318, 638):
        assert claims.describe(configs, number) == PUBLISHED[f"jump.grid.config_{number}"].value
    assert not (configs["n_neighbours"].eq(10) & configs["append"].eq("none")).any()
    # the innermost loop is that of the images, then that of the prediction
    assert configs["normalize_inputs"].iloc[:4].tolist() == [True, False, True, False]


def test_the_definition_is_recorded_for_the_published_grid_alone():
    assert claims.grid_definition(grid.PUBLISHED).keys() == {
        "jump.grid.n_configurations",
        "jump.grid.config_5318",
        "jump.grid.config_638",
    }
    assert claims.grid_definition(SMALL) == {}
    same = evaluation.axes_of([0.0, 1.0, 5.0, 10.0, 50.0], [0, 10, 31], n_draws=1, seed=0)
    assert claims.grid_definition(same)


def test_a_prediction_of_length_1_moves_no_gene():
    found = translated()
    configs = found.scores.configs
    pairs = configs.groupby([name for name in configs if name not in ("normalize_prediction",)])
    assert (pairs["normalize_prediction"].nunique() == 2).all(), "both share one model"


@pytest.mark.parametrize("normalize", [True, False])
def test_places_are_those_of_written_out_features(normalize):
    """Every model of the small grid against its definition, for one test gene."""
    found = translated()
    one = found.problems[2]
    one = grid.unit_length(one) if normalize else one
    rows_of, targets, new = one.split()
    configs = found.scores.configs
    for config in configs[configs["normalize_inputs"] == normalize].to_dict("records"):
        draw = None
        if config["encoding"] == "gauss" and config["n_neighbours"]:
            k = min(config["n_neighbours"], len(rows_of))
            draw = loto.gauss_draws(1, config["n_encodings"], k, SMALL.seed, one.target)[0]
        rows, row = explicit(rows_of, targets, new, config, normal=draw)
        prediction = regressors.ntk_ridge(rows, targets, row, ridge=config["ridge"])
        place = metrics.hits_of(prediction[0], one.regulatory, one.names.index(one.target))
        assert found.scores.own[config["model"], 2] == place, config


def test_the_score_adds_five_areas():
    places = np.array([0, 12, 60])
    by_hand = sum(sum((places < i).mean() for i in range(1, k + 1)) / k for k in grid.KS)
    assert grid.score(places) == pytest.approx(by_hand)
    assert evaluation.chance_score(249) == pytest.approx(sum((k + 1) / 2 / 249 for k in grid.KS))


def test_published_accuracies_fit_the_published_scores():
    """Five points of a rising curve bound the sum of its areas."""
    for name in ("image", "mean_all", "mean_train"):
        known = {k: PUBLISHED[f"jump.translation.{name}.acc_{k}"].value for k in grid.KS}
        points = {0: 0.0, **known}
        low, high = (
            sum(
                sum(points[pick(p for p in points if fits(p, i))] for i in range(1, k + 1)) / k
                for k in grid.KS
            )
            for pick, fits in ((max, lambda p, i: p <= i), (min, lambda p, i: p >= i))
        )
        assert low <= PUBLISHED[f"jump.translation.{name}.score"].value <= high + 5e-4


def test_evaluation_sets_are_the_published_ones():
    names_of = {"train": [], "test": []}
    clusters = {}
    for cluster, numbers in CLUSTERS.items():
        for kind, n in zip(names_of, numbers, strict=True):
            names = [f"{kind}_{cluster}_{i}" for i in range(n)]
            names_of[kind] += names
            clusters |= dict.fromkeys(names, cluster)
    sets = genes.evaluation_sets(pd.Series(clusters), names_of["train"], names_of["test"])
    assert [sorted(one) for one in sets["dropped"]] == [[], [0, 3], [0, 3, 7], [0, 1, 3, 7]]
    assert sets["n_test"].tolist() == [144, 96, 76, 55]
    assert sets["n_test"].iloc[0] == PUBLISHED["jump.translation.n_test"].value
    assert sets["n_test"].iloc[2] == PUBLISHED["jump.translation.n_reported"].value
    assert len(names_of["train"]) == PUBLISHED["jump.translation.n_train"].value


def test_published_counts_agree():
    value = {name: entry.value for name, entry in PUBLISHED.items() if name.startswith("jump.")}
    wells, n_genes = value["jump.joins.gene_wells"], value["jump.joins.genes"]
    assert wells + value["jump.joins.control_wells"] == value["jump.joins.wells"]
    assert wells / n_genes == pytest.approx(value["jump.joins.wells_per_gene"], abs=1e-6)
    assert n_genes == value["jump.translation.n_train"] + value["jump.translation.n_test"]


def test_genes_with_common_states_are_found_and_no_test_gene_is_trained_on():
    found = translated()
    assert all(one.target not in set(one.shared) - {one.target} for one in found.problems)
    shared = {frozenset(set(one.shared) - {one.target}) for one in found.problems}
    assert len(shared) == 1, "all learn from the same genes"
    scores = {name: float(grid.score(places)) for name, places in found.places.items()}
    assert scores[evaluation.PUBLISHED] >= scores[evaluation.NESTED]
    assert scores[evaluation.NESTED] > scores["mean (train)"]


def test_the_nested_choice_does_not_see_the_test_genes():
    images, regulatory, regulators = world()
    train, test = genes.split_genes(images, regulatory, regulators)
    first = evaluation.nested(genes.problems(images, regulatory, train, test), SMALL)
    changed = images.copy()
    changed.loc[test] = changed.loc[test].to_numpy()[::-1] * 3
    second = evaluation.nested(genes.problems(changed, regulatory, train, test), SMALL)
    assert first == second


def test_exchanges_hold_the_observed_score_and_the_choice_is_made_anew():
    found = translated()
    values = exchange.exchanged(found, n=200, rng=np.random.default_rng(0))
    for name in (evaluation.PUBLISHED, evaluation.NESTED, evaluation.PLAIN):
        observed = float(grid.score(found.places[name]))
        assert values[name][0] == pytest.approx(observed, abs=1e-6)
    assert (values[evaluation.PUBLISHED] >= values[evaluation.PLAIN] - 1e-6).all()
    table = exchange.tests_table(found, values)
    assert table["p"].between(0, 1).all() and table["beats_means"].between(0, 1).all()
    curves = exchange.exchanged_curves(found, n=20, rng=np.random.default_rng(0))
    assert curves.shape == (20, found.n_genes) and (np.diff(curves, axis=1) >= 0).all()


def test_p_values_of_images_that_say_nothing_are_uniform():
    """The model fixed in advance: 25 worlds whose test images are noise."""
    plain = replace(SMALL, ridges=(1.0,), neighbours=((0,),))
    found = []
    for seed in range(25):
        images, regulatory, regulators = world(n_test=8, seed=seed)
        train, test = genes.split_genes(images, regulatory, regulators)
        rng = np.random.default_rng(seed)
        images.loc[test] = rng.normal(size=(len(test), images.shape[1]))
        problems = genes.problems(images, regulatory, train, test)
        scores = grid.evaluate(problems, plain)
        one = evaluation.Translated(
            problems, np.ones(len(test), bool), scores, {evaluation.NESTED: 0}, {}
        )
        values = exchange.exchanged(one, n=99, rng=rng)[evaluation.PLAIN]
        found.append((values >= values[0] - 1e-12).mean())
    assert np.mean(found) == pytest.approx(0.5, abs=0.18)  # 3 SD of a mean of 25
    assert np.mean(np.array(found) <= 0.1) <= 0.3


def test_narrow_profiles_are_translated_without_neighbours():
    images, regulatory, regulators = world(width=5)
    train, test = genes.split_genes(images, regulatory, regulators)
    axes = evaluation.fitting(SMALL, images, train)
    assert axes.counts == [0] and evaluation.fitting(SMALL, world()[0], train) == SMALL
    problems = genes.problems(images, regulatory, train, test)
    found = evaluation.translate(problems, np.ones(len(test), bool), axes)
    assert grid.score(found.places[evaluation.PUBLISHED]) > 0


def test_what_cannot_be_translated_is_said():
    images, regulatory, regulators = world()
    with pytest.raises(InputError, match="2 training and 12 test genes"):
        genes.split_genes(images, regulatory, regulators[:2])
    with pytest.raises(InputError, match="has no regulatory cluster"):
        genes.cluster_counts(pd.Series({"G00": 1}), ["G00"], ["G09"])
    found = translated(replace(SMALL, ridges=(5.0,)))
    with pytest.raises(InputError, match="the grid lacks the model fixed in advance"):
        exchange.exchanged(found, n=20, rng=np.random.default_rng(0))


def test_pictures_hold_every_mark():
    found = translated()
    rng = np.random.default_rng(0)
    random = regressors.random_places(found.problems, rng, n=10)
    lines = {"Image2Reg": found.places[evaluation.PUBLISHED]}
    means = {name: found.places[name] for name in plots.LINES}
    _, drawn = plots.fig4c(lines, means, n_genes=found.n_genes, random=random)
    assert set(drawn["line"]) == {
        "Image2Reg",
        "mean baseline",
        "mean baseline (train)",
        "random baseline",
    }
    assert (drawn.groupby("line").size() == found.n_genes).all()
    counts = pd.DataFrame({"cluster": [0, 1], "genes": [5, 4], "train": [0, 2], "test": [3, 1]})
    _, bars = plots.cluster_bars(counts, dropped=[0])
    assert bars["is_reported"].tolist() == [False, True]
    exchanges = exchange.exchanged(found, n=50, rng=rng)
    _, histograms = plots.null_histograms(exchanges, dict.fromkeys(plots.LINES, 0.1))
    assert (histograms.groupby("model")["n_exchanges"].sum() == 50).all()
