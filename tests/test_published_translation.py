"""The published numbers of Fig 4B agree with each other and with the definition of the area."""

import numpy as np
import pytest

from lib.report import published
from lib.translation import claims, metrics
from lib.translation.grid import Axes

VALUES = {
    name: entry.value for name, entry in published.load().items() if name.startswith("translation.")
}
N_TARGETS = VALUES["translation.n_targets"]
AREAS = [name for name in VALUES if ".auc_" in name]
CURVES = sorted(
    {name.rpartition(".acc_")[0] for name in VALUES if ".acc_" in name} - {"translation.random"}
)


@pytest.mark.parametrize("name", AREAS)
def test_areas_are_sums_of_counts_over_k_plus_one(name):
    """39 (K + 1) AUC is a whole number of hits; with the other denominator it seldom is."""
    k = int(name.rpartition("_")[2])
    total = VALUES[name] * N_TARGETS * (k + 1)
    assert total == pytest.approx(round(total), abs=2e-6 * N_TARGETS * (k + 1))


def test_the_other_denominator_does_not_fit():
    totals = np.array([VALUES[name] * N_TARGETS * int(name.rpartition("_")[2]) for name in AREAS])
    assert (np.abs(totals - totals.round()) > 0.01).mean() > 0.8


@pytest.mark.parametrize("name", CURVES)
def test_accuracies_are_counts_of_targets_and_rise(name):
    curve = np.array([VALUES[f"{name}.acc_{k}"] for k in (1, 5, 10, 20, 30, 50)])
    assert (
        np.allclose(curve * N_TARGETS, (curve * N_TARGETS).round(), atol=0.03)
        and (np.diff(curve) >= 0).all()
    )


@pytest.mark.parametrize("name", [name for name in CURVES if f"{name}.auc_20" in VALUES])
@pytest.mark.parametrize("k_max", [20, 50])
def test_areas_lie_between_the_bounds_that_the_accuracies_leave(name, k_max):
    known = {
        0: 0,
        **{k: round(VALUES[f"{name}.acc_{k}"] * N_TARGETS) for k in (1, 5, 10, 20, 30, 50)},
    }
    low = sum(known[max(k for k in known if k <= i)] for i in range(1, k_max + 1))
    high = sum(known[min(k for k in known if k >= i)] for i in range(1, k_max + 1))
    total = round(VALUES[f"{name}.auc_{k_max}"] * N_TARGETS * (k_max + 1))
    assert low <= total <= high


def test_random_baseline_is_near_k_of_249():
    n_genes = VALUES["translation.n_genes"]
    for k in (1, 5, 10, 20, 30, 50):
        assert VALUES[f"translation.random.acc_{k}"] == pytest.approx(k / n_genes, abs=0.05)


def test_areas_of_places_with_these_accuracies():
    """39 places with the curve of Image2Reg using CMap, each late in its interval: the lower bound
    of its area."""
    counts = [
        round(VALUES[f"translation.cmap_full_all_nodes.acc_{k}"] * 39)
        for k in (1, 5, 10, 20, 30, 50)
    ]
    places = np.repeat([0, 4, 9, 19, 29, 49, 248], np.diff([0, *counts, 39]))
    assert metrics.accuracy(places)[[0, 4, 9, 19, 29, 49]] * 39 == pytest.approx(counts)
    assert metrics.area(places, 20) <= VALUES["translation.cmap_full_all_nodes.auc_20"]


def test_the_definition_of_the_grid_is_not_called_measured():
    entries = published.load()
    defined = {
        name
        for name, one in entries.items()
        if one.basis == "defined" and name.startswith("translation.")
    }
    assert defined == set(claims.grid_definition(Axes()))
