"""Clusters of a line of points, whose tree and cuts can be checked by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.cluster import hierarchy

from lib.data.errors import InputError
from lib.stats import clustering

LINE = np.array([[9.0], [0.0], [9.2], [0.2], [30.0]])  # two pairs and a point far away


def linkage(values, **options):
    return clustering.linkage(values, what="genes", **options)


def test_heights_are_the_largest_distance_within():
    assert linkage(LINE)[:, 2] == pytest.approx([0.2, 0.2, 9.2, 30])


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_follow_the_dendrogram_from_one_end_to_the_other(first):
    tree = linkage(LINE, optimal=True)
    for k in range(1, 6):
        found = clustering.cut(tree, k, what="genes", first=first)
        along = found[hierarchy.leaves_list(tree)]
        assert (
            along[0] == first
            and np.all(np.isin(np.diff(along), [0, 1]))
            and along[-1] == first + k - 1
        )
    pairs = clustering.cut(tree, 3, what="genes")
    assert pairs[0] == pairs[2] != pairs[1] == pairs[3] and np.sum(pairs == pairs[4]) == 1


def test_cosine_does_not_see_lengths():
    rows = np.array([[1.0, 0], [9, 0.1], [0, 2], [0.1, 1]])
    found = clustering.cut(linkage(rows, metric="cosine"), 2, what="genes")
    assert found[0] == found[1] != found[2] == found[3]


def test_the_best_cut_is_that_of_the_planted_groups():
    table = clustering.curves(linkage(LINE), LINE, k_max=9)
    assert table["k"].tolist() == [2, 3, 4]
    assert table["distortion"].iloc[1] == pytest.approx(4 * 0.1**2)  # k = 3
    assert (
        clustering.choose_k(table, rule="calinski_harabasz")
        == 3
        == clustering.choose_k(table, rule="silhouette")
    )
    assert clustering.choose_k(table, rule="silhouette", k_min=4) == 4


def test_the_smallest_of_equal_k_is_chosen():
    table = pd.DataFrame({"k": [2, 3, 4], "silhouette": [0.1, 0.5, 0.5 + 1e-13]})
    assert clustering.choose_k(table, rule="silhouette") == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: linkage(LINE[:2]), "2 genes cannot be clustered; three or more are needed"),
        (
            lambda: clustering.cut(linkage(LINE), 6, what="genes"),
            "k is 6; 5 genes can be cut into 1 to 5 clusters",
        ),
        (lambda: clustering.cut(linkage(LINE), 0, what="genes"), "k is 0"),
        (
            lambda: clustering.choose_k(
                clustering.curves(linkage(LINE), LINE, k_max=4), rule="gap"
            ),
            "rule 'gap'",
        ),
    ],
)
def test_what_cannot_be_cut_is_told(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
