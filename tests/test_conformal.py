"""Sets of candidates: quantiles by hand, coverage in repeated draws, several images of a target."""

import numpy as np
import pytest

from lib.translation import conformal


@pytest.mark.parametrize(
    ("ranks", "level", "size"),
    [
        ([3, 1, 2, 9], 0.8, 9),  # ceil(5 · 0.8) = 4th smallest of 4
        ([3, 1, 2, 9], 0.6, 3),  # the 3rd
        ([3, 1, 2, 9], 0.81, 50),  # would be the 5th of 4
        (list(range(1, 20)), 0.95, 19),  # 19 targets are just enough: 0.95 · 20 = 19
        (list(range(1, 19)), 0.95, 50),
    ],
)
def test_the_size_is_the_quantile_that_can_be_counted_out(ranks, level, size):
    assert conformal.set_size(ranks, range(len(ranks)), level=level, n_genes=50) == size


def test_several_images_of_a_target_have_the_weight_of_one():
    """Two targets: one with ten images of rank 1, one with a single image of rank 5."""
    ranks, targets = [1] * 10 + [5], [0] * 10 + [1]
    assert conformal.set_size(ranks, targets, level=1 / 3, n_genes=9) == 1
    assert conformal.set_size(ranks, targets, level=2 / 3, n_genes=9) == 5
    assert conformal.set_size(ranks, targets, level=0.7, n_genes=9) == 9


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_new_targets_are_covered_as_often_as_promised(level):
    """Skewed ranks of 25 targets, four images each; a new image of a new target, 2,000 times."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(2000):
        centre = rng.geometric(0.05, size=26)  # of a target
        ranks = np.minimum(centre[:, None] + rng.integers(0, 5, (26, 4)), 110)
        known = ranks[:25].ravel(), np.repeat(np.arange(25), 4)
        size = conformal.set_size(*known, level=level, n_genes=110)
        covered.append(ranks[25, 0] <= size)
    error = np.sqrt(level * (1 - level) / 2000)
    assert np.mean(covered) > level - 4 * error
    assert np.mean(covered) < level + 1 / 26 + 4 * error  # and not much more than promised


def test_the_coverage_of_each_target_is_measured_without_it():
    """Four of five ranks are 1; the fifth target alone is not covered by the others' set."""
    table = conformal.coverage([1, 1, 1, 1, 9], range(5), n_genes=20, levels=[0.8, 0.9])
    assert table["set_size"].tolist() == [9, 20]  # ceil(6 · 0.8) = 5th of 5
    # without the fifth, ceil(5 · 0.8) = 4th of 4 is 1
    assert table["coverage"].tolist() == [0.8, 1.0]
    assert table["is_informative"].tolist() == [True, False]
    assert (table["low"] <= table["coverage"]).all() and (table["coverage"] <= table["high"]).all()
