"""The prize-collecting Steiner tree: the cheapest forest that reaches the most valuable nodes."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pcst_fast import pcst_fast

Pruning = Literal["none", "simple", "gw", "strong"]

REBUILD = (
    ".tools/bin/uv pip install --python .venv --reinstall-package pcst-fast --no-binary pcst-fast "
    "--no-cache --no-deps pcst-fast==1.0.10"
)


def solve(
    edges: ArrayLike,
    prizes: ArrayLike,
    costs: ArrayLike,
    *,
    root: int = -1,
    n_clusters: int = 1,
    pruning: Pruning = "strong",
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find a forest with a small sum of edge costs inside and node prizes left outside.

    Parameters
    ----------
    edges : (E, 2) array_like of int
        End points of each undirected edge, as indices into `prizes`.
    prizes : (N,) array_like of float
        What leaving a node out costs; finite and not negative.
    costs : (E,) array_like of float
        What taking an edge costs; finite and not negative.
    root : int
        Node that the tree must hold, or -1 for none.
    n_clusters : int
        Number of trees. A rooted solution is one tree.
    pruning : {"none", "simple", "gw", "strong"}
        How branches that cost more than they bring are removed, from least to most thorough.

    Returns
    -------
    nodes : (K,) ndarray of int64
        Indices of the chosen nodes, ascending.
    edges : (L,) ndarray of int64
        Indices of the chosen rows of `edges`, ascending.

    Raises
    ------
    ValueError
        If shapes disagree, a number is negative or not finite, or an index is out of range.

    References
    ----------
    Hegde, Indyk and Schmidt, "A nearly-linear time framework for graph-structured sparsity", ICML
    2015.

    Examples
    --------
    Joining nodes 1 and 2 costs 4 and saves 5; node 0 has no prize and is left out.

    >>> nodes, chosen = solve([[0, 1], [1, 2]], prizes=[0, 5, 6], costs=[3, 4])
    >>> nodes.tolist(), chosen.tolist()
    ([1, 2], [1])
    """
    # pcst_fast reads memory as it is: types and indices are checked before
    edges, prizes, costs = (
        _checked_edges(edges),
        _checked(prizes, "prizes"),
        _checked(costs, "costs"),
    )
    _check_problem(edges, prizes, costs)
    _check_options(len(prizes), root, n_clusters, pruning)
    # 0: prints nothing
    nodes, chosen = pcst_fast(edges, prizes, costs, root, n_clusters, pruning, 0)
    return np.sort(nodes).astype(np.int64), np.sort(chosen).astype(np.int64)


def _checked_edges(edges: ArrayLike) -> NDArray[np.int64]:
    edges = np.asarray(edges)
    # an empty list has no second axis to check
    if edges.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu":
        raise ValueError(
            f"edges: expected whole numbers of shape (E, 2), got {edges.dtype} of shape "
            f"{edges.shape}"
        )
    return edges.astype(np.int64)


def _checked(values: ArrayLike, name: str) -> NDArray[np.float64]:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"{name}: expected one dimension, got shape {values.shape}")
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(
            f"{name}: must be finite and not negative; {name}[{first}] is {values[first]}"
        )
    return values


def _check_problem(
    edges: NDArray[np.int64], prizes: NDArray[np.float64], costs: NDArray[np.float64]
) -> None:
    if len(costs) != len(edges):
        raise ValueError(
            f"costs: one for each edge is needed, got {len(costs)} for {len(edges)} edges"
        )
    outside = ((edges < 0) | (edges >= len(prizes))).any(axis=1)
    if outside.any():
        first = int(np.argmax(outside))
        raise ValueError(
            f"edges[{first}] is {edges[first].tolist()}, but nodes go from 0 to {len(prizes) - 1}"
        )


def _check_options(n_nodes: int, root: int, n_clusters: int, pruning: str) -> None:
    if not -1 <= root < n_nodes:
        raise ValueError(f"root: expected -1 (none) or a node from 0 to {n_nodes - 1}, got {root}")
    if n_clusters < 1 or (root >= 0 and n_clusters != 1):
        raise ValueError(
            f"n_clusters: expected 1 or more, and 1 with a root; got {n_clusters} with root {root}"
        )
    if pruning not in get_args(Pruning):
        raise ValueError(
            f"pruning: expected one of {', '.join(get_args(Pruning))}; got {pruning!r}"
        )


def _refuse_broken_solver() -> None:
    """Raise ImportError if a known instance comes out wrong, as by wheels built for NumPy 1."""
    # Reaching node 3 costs 8 and brings 10; the last edge costs 2 and would bring 1.
    nodes, chosen = solve(
        [[0, 1], [1, 2], [2, 3], [3, 4]], prizes=[10, 0, 1, 10, 1], costs=[4, 3, 1, 2]
    )
    if (nodes.tolist(), chosen.tolist()) != ([0, 1, 2, 3], [0, 1, 2]):
        raise ImportError(
            "pcst-fast gives wrong answers on a known instance, as published wheels may with "
            "NumPy 2 or later.\n"
            f"Build it from source, from the project's folder:\n  {REBUILD}"
        )


_refuse_broken_solver()
