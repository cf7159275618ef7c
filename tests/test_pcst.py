"""The Steiner tree solver: instances solved by hand, those of its authors, wrong input, and a
solver that is wrong."""

import importlib
import json

import numpy as np
import pcst_fast
import pytest

from lib.interactome import pcst

CHAIN = [[0, 1], [1, 2]]


def solved(*args, **options) -> tuple[list[int], list[int]]:
    nodes, edges = pcst.solve(*args, **options)
    return nodes.tolist(), edges.tolist()


def test_an_edge_is_taken_when_it_costs_less_than_the_prize_it_reaches():
    assert solved(CHAIN, [0, 5, 6], [3, 4]) == ([1, 2], [1])


def test_an_edge_is_left_when_it_costs_more():
    assert solved(CHAIN, [0, 3, 6], [3, 4]) == ([2], [])


def test_the_root_is_kept_whatever_it_costs():
    assert solved(CHAIN, [0, 5, 6], [3, 4], root=0) == ([0, 1, 2], [0, 1])


def test_a_node_without_a_prize_joins_two_that_have_one():
    star = [[0, 1], [0, 2], [0, 3]]
    assert solved(star, [0, 9, 9, 1], [2, 2, 2]) == ([0, 1, 2], [0, 1])


def test_two_trees_are_found_when_two_are_asked_for():
    assert solved([[0, 1], [2, 3]], [5, 5, 5, 5], [1, 1], n_clusters=2) == ([0, 1, 2, 3], [0, 1])


def test_without_edges_the_best_single_node_is_chosen():
    assert solved([], [1, 4, 2], []) == ([1], [])


def test_the_answer_is_a_tree_inside_the_graph():
    rng = np.random.default_rng(0)
    edges = rng.integers(0, 200, (600, 2))
    edges = edges[edges[:, 0] != edges[:, 1]]
    nodes, chosen = pcst.solve(edges, rng.exponential(size=200), rng.exponential(size=len(edges)))
    assert len(chosen) == len(nodes) - 1
    assert set(edges[chosen].ravel()) == set(nodes)
    assert (np.diff(nodes) > 0).all() and (np.diff(chosen) > 0).all()


@pytest.mark.real
def test_every_instance_of_the_authors(real):
    instances = json.loads(
        (real / "data/ppi/pcst_fast_tests/instances.json").read_text(encoding="utf-8")
    )
    assert len(instances) == 18
    for case in instances:
        options = {
            "root": case["root"],
            "n_clusters": case["num_clusters"] or 1,
            "pruning": case["pruning"],
        }
        found = solved(case["edges"], case["prizes"], case["costs"], **options)
        assert found == (sorted(case["expected_nodes"]), sorted(case["expected_edges"])), case[
            "name"
        ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edges": [[0, 1, 2]]}, r"edges: .*shape \(E, 2\)"),
        ({"edges": [[0.5, 1], [1, 2]]}, "edges: expected whole numbers"),
        ({"edges": [[0, 1], [1, 3]]}, r"edges\[1\] is \[1, 3\], but nodes go from 0 to 2"),
        ({"edges": [[-1, 1], [1, 2]]}, r"edges\[0\] is \[-1, 1\]"),
        ({"costs": [1]}, "costs: one for each edge is needed, got 1 for 2"),
        ({"costs": [1, -1]}, r"costs: .*costs\[1\] is -1"),
        ({"costs": [1, np.inf]}, r"costs\[1\] is inf"),
        ({"prizes": [0, np.nan, 1]}, r"prizes\[1\] is nan"),
        ({"prizes": [[0, 1, 1]]}, "prizes: expected one dimension"),
        ({"root": 3}, "root: .*0 to 2, got 3"),
        ({"root": 0, "n_clusters": 2}, "n_clusters: .*1 with a root"),
        ({"n_clusters": 0}, "n_clusters: expected 1 or more"),
        ({"pruning": "hard"}, "pruning: expected one of none, simple, gw, strong"),
    ],
)
def test_wrong_input_is_named(change, message):
    problem = {"edges": CHAIN, "prizes": [0, 5, 6], "costs": [3, 4]} | change
    with pytest.raises(ValueError, match=message):
        pcst.solve(**problem)


def test_a_solver_that_answers_wrongly_is_refused_at_import(monkeypatch):
    shifted = pcst_fast.pcst_fast
    monkeypatch.setattr(
        pcst_fast, "pcst_fast", lambda *problem: tuple(answer + 1 for answer in shifted(*problem))
    )
    with pytest.raises(ImportError, match="known instance.*\n.*\n.*--no-binary pcst-fast"):
        importlib.reload(pcst)
    monkeypatch.undo()
    importlib.reload(pcst)
