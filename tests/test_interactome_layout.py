"""Places of nodes and names in the drawing of a network, each step on points whose answer is known
by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lib.interactome import layout

# A name of two letters is 0.28 wide and 0.2 high here; beside a node of radius 0.1 its centre is
# 0.26 or 0.22 away.
BOX = {"height": 0.2, "width": 0.1}
RIGHT, UP = 0.26, 0.22
NEAR = [(x, y) for x in (-RIGHT, 0, RIGHT) for y in (-UP, 0, UP) if (x, y) != (0, 0)]


def place(points, names):
    points = np.array(points, float)
    found = layout.labels(points, pd.Series(names), sizes=np.full(len(points), 0.1), **BOX)
    return {row.node: (round(row.x, 6), round(row.y, 6), row.is_far) for row in found.itertuples()}


def test_a_name_stands_right_of_its_node_or_left_if_a_node_is_there():
    assert place([(0, 0)], {0: "AB"}) == {0: (RIGHT, 0, False)}
    assert place([(0, 0), (RIGHT, 0)], {0: "AB"}) == {0: (-RIGHT, 0, False)}
    assert place([(0, 0), (RIGHT, 0), (-RIGHT, 0)], {0: "AB"}) == {0: (0, UP, False)}


def test_two_names_do_not_cover_each_other():
    assert sorted(place([(0, 0), (0, 0)], {0: "AB", 1: "CD"}).values()) == [
        (-RIGHT, 0, False),
        (RIGHT, 0, False),
    ]


def test_where_all_near_places_are_taken_the_name_goes_further_and_says_so():
    assert place([(0, 0), *NEAR], {0: "AB"}) == {
        0: (round(1.7 * RIGHT, 6), round(1.7 * UP, 6), True)
    }


def test_the_longer_name_needs_more_room():
    assert place([(0, 0)], {0: "ABCD"}) == {0: (RIGHT + 0.1, 0, False)}


def test_what_a_name_covers_is_counted_by_area():
    half, corner = np.array([1.0, 1.0]), np.zeros(2)
    nodes = np.array([[0.0, 0.0], [5.0, 5.0]])
    assert layout._cover(corner, half, nodes, np.zeros(2), []) == 1  # a node under its centre
    assert layout._cover(corner, half, nodes + 3, np.zeros(2), []) == 0
    assert (
        layout._cover(corner, half, nodes + 3, np.zeros(2), [np.array([0.0, 0, 2, 2])]) == 4
    )  # a quarter of a name


def test_points_are_spread_between_0_and_1_most_of_the_way_to_ranks():
    found = layout._evened(np.array([[0.0, 3], [1, 2], [10, 1]]))
    assert found[:, 0] == pytest.approx([0, 0.35 * 0.1 + 0.65 * 0.5, 1])
    assert found[:, 1] == pytest.approx([1, 0.5, 0])


def test_nodes_on_each_other_are_pushed_apart_within_the_frame_and_others_stay():
    points = np.array([[0.5, 0.5], [0.51, 0.5], [1.0, 0.99]])
    found = layout._apart(points, 0.1, 1.25)
    assert np.linalg.norm(found[0] - found[1]) == pytest.approx(0.1, rel=0.01)
    assert found[:2, 0].mean() == pytest.approx(0.505) and (found[2] == points[2]).all()
    edge = layout._apart(np.array([[0.0, 0.0], [0.0, 0.01]]), 0.2, 1.25)
    assert edge.min() >= 0 and np.linalg.norm(edge[0] - edge[1]) == pytest.approx(0.2, rel=0.01)


def test_no_gap_is_asked_for_that_the_frame_has_no_room_for():
    found = layout._apart(np.random.default_rng(0).uniform(0, 1, (100, 2)), 5.0, 1.25)
    assert (
        (found >= 0).all()
        and (found <= [1.25, 1]).all()
        and len(np.unique(found.round(3), axis=0)) == 100
    )


def test_modules_start_on_a_circle_with_those_that_share_edges_side_by_side():
    chain = SimpleNamespace(
        ends=np.array([[0, 4], [4, 2], [2, 6]])
    )  # modules 0 – 2 – 1 – 3, of two nodes each
    points = layout._rings(chain, np.repeat([0, 1, 2, 3], 2), np.random.default_rng(0))
    centres = points.reshape(4, 2, 2).mean(axis=1)
    assert np.linalg.norm(centres, axis=1) == pytest.approx(0.7)
    angles = np.arctan2(centres[[0, 2, 1, 3], 1], centres[[0, 2, 1, 3], 0])
    assert np.diff(angles) % (2 * np.pi) == pytest.approx([np.pi / 2] * 3)
    assert np.linalg.norm(points[0] - points[1]) == pytest.approx(2 * 0.4 * np.sqrt(2 / 8))


def test_one_module_alone_is_in_the_middle():
    points = layout._rings(
        SimpleNamespace(ends=np.array([[0, 1]])), np.zeros(4, int), np.random.default_rng(0)
    )
    assert points.mean(axis=0) == pytest.approx([0, 0]) and np.linalg.norm(
        points, axis=1
    ) == pytest.approx(0.4)
