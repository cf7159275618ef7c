"""Metrics on images small enough to count by hand, and against the looped definitions."""

import numpy as np
import pytest

from lib.genesegnet import alternatives, metrics

TRUTH = np.array([[1, 1, 1, 0, 2, 2, 0, 3]])
FOUND = np.array([[5, 5, 0, 0, 6, 6, 7, 0]])


def test_scores_by_hand():
    table = metrics.scores(TRUTH, FOUND, [0.5, 0.75])
    assert table["n_matched"].tolist() == [2, 1]  # IoU 2/3 and 1
    assert table["ap"].tolist() == [2 / 4, 1 / 5]
    assert table["precision"].tolist() == [2 / 3, 1 / 3] and table["f1"].tolist() == [2 / 3, 1 / 3]
    assert table["pq"].tolist() == pytest.approx([(2 / 3 + 1) / 3, 1 / 3])


def test_a_low_threshold_pairs_as_many_as_it_can():
    truth = np.repeat([1, 2], [4, 4])[None]
    found = np.repeat([1, 2, 0], [6, 1, 1])[
        None
    ]  # 1 covers all of the first and half of the second
    table = metrics.scores(truth, found, [0.25])
    assert table["n_matched"].item() == 2


def test_empty_images():
    nothing = np.zeros((2, 2), int)
    assert np.isnan(metrics.scores(nothing, nothing, [0.5])["ap"].item())
    assert metrics.scores(TRUTH, np.zeros_like(TRUTH), [0.5])["ap"].item() == 0


def test_images_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="different sizes"):
        metrics.scores(TRUTH, FOUND[:, :3])


def test_jaccard_of_the_textbook_pays_for_spare_predictions():
    # matched: 2 of 3 pixels, 2 of 2; true cell 3 has no partner, prediction 7 is spare
    assert metrics.aggregated_jaccard(TRUTH, FOUND) == pytest.approx(4 / (3 + 2 + 1 + 1))
    assert metrics.aggregated_jaccard(TRUTH, FOUND, published=True) == pytest.approx(4 / 7)
    apart = np.array([[1, 1, 0, 0]]), np.array([[0, 0, 1, 1]])
    assert metrics.aggregated_jaccard(*apart) == 0


def test_cell_iou_and_gene_iou_by_hand():
    assert metrics.cell_iou(TRUTH, FOUND).tolist() == pytest.approx([2 / 3, 1, 0])
    columns = np.array(
        [0, 2, 2, 4, 5, 7]
    )  # cell 1: {0, 2}, found {0}; cell 2: both; cell 3: none found
    values = metrics.gene_iou(TRUTH, FOUND, np.zeros(6, int), columns)
    assert values.tolist() == pytest.approx([1 / 2, 1, 0])


def looped_gene_iou(truth, found, rows, columns):
    values = []
    for cell in np.unique(truth[truth > 0]):
        own = {(r, c) for r, c in zip(rows, columns, strict=True) if truth[r, c] == cell}
        if not own:
            continue
        ids, counts = np.unique(found[truth == cell], return_counts=True)
        ious = {
            k: n / ((truth == cell) | (found == k)).sum()
            for k, n in zip(ids, counts, strict=True)
            if k
        }
        best = max(ious, key=ious.get) if ious else None
        other = {(r, c) for r, c in zip(rows, columns, strict=True) if best and found[r, c] == best}
        values.append(len(own & other) / len(own | other))
    return values


def test_gene_iou_equals_the_loop():
    rng = np.random.default_rng(5)
    truth = np.kron(rng.integers(0, 6, (6, 6)), np.ones((4, 4), int))
    found = np.kron(rng.integers(0, 9, (8, 8)), np.ones((3, 3), int))
    rows, columns = rng.integers(0, 24, (2, 200))
    values = metrics.gene_iou(truth, found, rows, columns)
    assert values.tolist() == pytest.approx(looped_gene_iou(truth, found, rows, columns))


def test_boundary_scores_forgive_a_small_shift():
    truth, moved = np.zeros((40, 40), int), np.zeros((40, 40), int)
    truth[10:30, 10:30], moved[10:30, 11:31] = 1, 1
    assert metrics.boundary_scores(truth, moved)["f"] == 1
    assert metrics.boundary_scores(truth, np.roll(moved, 9, 1))["f"] < 0.8


def test_shape_statistics_of_a_disk_and_a_bar():
    image = np.zeros((60, 60), int)
    y, x = np.mgrid[:60, :60]
    image[(y - 30) ** 2 + (x - 20) ** 2 <= 144], image[25:31, 40:59] = 1, 2
    table = metrics.shape_statistics(image).set_index("label")
    assert table.loc[1, "elongation"] == pytest.approx(1, abs=0.01)
    assert table.loc[2, "elongation"] > 2
    assert table.loc[1, "compactness"] > table.loc[2, "compactness"]
    assert table["area"].tolist() == [(image == 1).sum(), 6 * 19]


def test_purity_counts_the_most_frequent_type_and_strays_against_it():
    owner = np.array([1, 1, 1, 2, 2, 0])
    assert alternatives.purity(owner, np.array([0, 0, 1, 1, -1, 1])) == 3 / 5
