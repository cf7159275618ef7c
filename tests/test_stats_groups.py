"""Groups that stay together, folds, and tests over groups."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.stats import groups, resampling


def test_ids_and_names_join_rows_through_each_other():
    table = pd.DataFrame(
        {
            "id": ["P1", "P2", "P2", "P3", None, None],
            "name": ["aspirin", "aspirin", "ASA", "x", None, "x"],
        }
    )
    assert groups.connected(table, ["id", "name"]).tolist() == [0, 0, 0, 1, 2, 1]


def test_whole_groups_are_held_out():
    labels = np.repeat(np.arange(10), 7)
    for seed in range(5):
        held = groups.hold_out(labels, 0.25, rng=np.random.default_rng(seed))
        assert 0.25 <= held.mean() <= 0.35 and not set(labels[held]) & set(labels[~held])
    with pytest.raises(InputError, match="1 groups and a share of 0.5"):
        groups.hold_out(np.zeros(4), 0.5, rng=np.random.default_rng(0))


def test_folds_keep_groups_together_and_name_what_cannot_be_tested():
    classes = np.repeat(["A", "B", "C"], [40, 10, 30])
    labels = np.concatenate(
        [np.repeat(np.arange(8), 5), np.full(10, 8), np.repeat(np.arange(9, 12), 10)]
    )
    for seed in range(5):
        found = groups.stratified_folds(classes, labels, 3, rng=np.random.default_rng(seed))
        assert found.untestable == ("B",) and found.numbers == [0, 1, 2]
        assert (found.fold[classes == "B"] == -1).all()
        per_group = pd.Series(found.fold).groupby(labels).nunique()
        assert (per_group == 1).all()
        assert pd.Series(found.fold[classes == "C"]).value_counts().tolist() == [10, 10, 10]
        for number in found.numbers:
            train, test = found.rows(number)
            assert not set(labels[train]) & set(labels[test]) and len(train) + len(test) == 80
    with pytest.raises(InputError, match="6 of 10 folds are empty|of 10 folds are empty"):
        groups.stratified_folds(
            ["A", "A", "B", "B"], np.arange(4), 10, rng=np.random.default_rng(0)
        )


def test_sign_flips_by_hand_and_at_random():
    assert resampling.sign_flip([2.0, 1.0], n=10, rng=np.random.default_rng(0)) == 0.5
    assert resampling.sign_flip([0.0, 0.0], n=10, rng=np.random.default_rng(0)) == 1.0
    values = np.random.default_rng(0).normal(0.8, 1, 40)
    exact = resampling.sign_flip(values, n=2000, rng=np.random.default_rng(1))
    assert exact < 0.01 and exact >= 1 / 2001


def test_p_values_are_uniform_without_an_effect():
    rng = np.random.default_rng(0)
    p = np.array([resampling.sign_flip(rng.normal(size=15), n=400, rng=rng) for _ in range(300)])
    assert abs((p < 0.2).mean() - 0.2) < 0.07  # three standard errors


def test_an_interval_covers_the_mean():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        low, high = resampling.bootstrap_mean(rng.normal(size=40), n=300, rng=rng)
        inside += low <= 0 <= high
    assert 0.86 < inside / 200 <= 1
