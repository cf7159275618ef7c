"""The prize weight β: Steiner trees over a range of β, their statistics, and the rule for one.

For a network (V, E) with costs c and prizes p, scaled to 0 … 1, a tree minimises Σ c over its edges
+ β Σ p over the nodes left out. The *augmented* solution is the subgraph of the network induced on
the tree's nodes; all statistics are of that.
"""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.interactome import pcst, prizes
from lib.interactome.network import Network
from lib.stats import order

BETAS = np.arange(1, 100) / 10
"""Prize weights of the paper, 0.1 … 9.9."""

ALIKE = 0.95
"""Overlap of genes from which two solutions count as the same."""


@dataclass(frozen=True)
class Sweep:
    """The trees of one cost over B prize weights.

    Attributes
    ----------
    betas : (B,) ndarray
        Prize weights, ascending as given.
    nodes : (B, N) ndarray of bool
        Nodes of each tree; no node where the tree has no edge.
    trees : tuple of (L,) ndarray of int
        Edges of each tree, as rows of the network's `ends`.
    solver_seconds : float
        Time spent in the solver.
    """

    betas: np.ndarray
    nodes: np.ndarray
    trees: tuple[np.ndarray, ...]
    solver_seconds: float


def run(
    network: Network, node_prizes: np.ndarray, costs: np.ndarray, betas: Iterable[float] = BETAS
) -> Sweep:
    """Find the tree of every β: unrooted, one tree, strong pruning.

    Parameters
    ----------
    network : Network
        Components other than the tree's are left out, so hand over a connected one.
    node_prizes : (N,) ndarray
        As they are; they are scaled to 0 … 1 here.
    costs : (E,) ndarray
        One per row of `network.ends`, ≥ 0.
    betas : iterable of float
        Prize weights; default those of the paper.

    Returns
    -------
    Sweep
        In the order of `betas`.

    Raises
    ------
    ValueError
        If a cost or prize is negative or not finite, or their number is not the network's.

    References
    ----------
    Paysan et al., Image2Reg, Methods of the interactome; code `uhlerlab/image2reg`,
    `src/utils/notebooks/ppi/inference.py`
    """
    betas = np.asarray(list(betas), float)
    weights, seconds = order.rounded(prizes.scaled(node_prizes)), 0.0
    costs = order.rounded(costs)  # the solver decides by comparing sums
    nodes, trees = np.zeros((len(betas), network.n_nodes), bool), []
    for row, beta in enumerate(betas):
        start = time.perf_counter()
        # β scales prizes, so a larger β buys more edges
        chosen, tree = pcst.solve(network.ends, beta * weights, costs)
        seconds += time.perf_counter() - start
        nodes[row, chosen] = len(tree) > 0  # a tree without an edge is no solution
        trees.append(tree)
    return Sweep(betas, nodes, tuple(trees), seconds)


def statistics(
    network: Network,
    found: Sweep,
    *,
    regulators: Collection[str],
    orf_targets: Collection[str],
    louvain_up_to: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Describe the augmented solution of every β.

    Parameters
    ----------
    network : Network
        The network that the trees are of.
    found : Sweep
        Its trees.
    regulators, orf_targets : collection of str
        Structural regulators, and all genes of the screen.
    louvain_up_to : int
        Largest solution, in nodes, whose Louvain clusters are counted; beyond it, and for empty
        ones, NaN. Counting takes longer than the solver.
    seed : int
        Of the Louvain method.

    Returns
    -------
    DataFrame
        One row per β: `beta`, `n_nodes`, `n_edges`, `n_connected_components`, `n_louvain_clusters`,
        `avg_node_degree`, `std_node_degree` (population), `n_leaf_nodes`, `n_target_nodes` (genes
        of the screen), `n_spec_target_nodes` (regulators), `n_spec_target_leafs`,
        `avg_spec_target_degree`, `std_spec_target_degree`; NaN for means of no node.
    """
    is_regulator, is_target = network.has(regulators), network.has(orf_targets)
    rows = []
    for beta, kept in zip(found.betas, found.nodes, strict=True):
        part = network.induced(kept)
        rows.append(
            {"beta": beta}
            | _describe(part, is_regulator[kept], is_target[kept], louvain_up_to, seed)
        )
    return pd.DataFrame(rows)


def choose(table: pd.DataFrame, overlap: np.ndarray | None = None, *, plateau: int = 0) -> float:
    """Return the β that is kept among those whose solutions hold the most regulators.

    The paper takes the smallest of them, which sits on the steep foot of the sweep: another last
    digit of a prize makes another interactome. Where solutions hardly change over a range of β, the
    plateau, its middle is taken instead.

    Parameters
    ----------
    table : DataFrame
        `beta`, ascending, and `n_spec_target_nodes`, from `statistics`; B rows.
    overlap : (B, B) ndarray, optional
        Overlap of every two solutions, from `node_iou`; needed for a plateau.
    plateau : int
        Fewest consecutive β that make a plateau, the first and last of which share at least `ALIKE`
        of their genes. The first plateau counts, as the paper wants β small. Where there is none,
        or for 0, the paper's rule holds.

    Returns
    -------
    float
        One of the β of the table; 2.6 by the paper's rule for the Spearman cost.

    Raises
    ------
    InputError
        If no solution holds a regulator.
    """
    most = table["n_spec_target_nodes"].max()
    # NaN where the table has no row
    if not most > 0:
        raise InputError(
            f"no tree up to β = {table['beta'].max():g} holds a structural regulator; raise β, or "
            "check that the network has them"
        )
    # the paper's first condition: no solution holds more regulators
    tied = (table["n_spec_target_nodes"] == most).to_numpy()
    first, length = (
        first_plateau(overlap, tied, plateau) if plateau and overlap is not None else (0, 0)
    )
    row = first + (length - 1) // 2 if length else int(tied.argmax())
    return float(table["beta"].iloc[row])


def first_plateau(overlap: np.ndarray, tied: np.ndarray, least: int) -> tuple[int, int]:
    """Find the first long run of tied β whose two ends have alike solutions.

    Parameters
    ----------
    overlap : (B, B) ndarray
        Overlap of every two solutions, from `node_iou`.
    tied : (B,) ndarray of bool
        Whether a solution holds the most regulators.
    least : int
        Fewest β of a run.

    Returns
    -------
    first, length : int
        First row and full length of the run; zeros where there is none.
    """
    places = np.arange(len(tied))  # rows of the sweep
    broken = np.concatenate([[0], np.cumsum(~tied)])  # (B + 1,)
    unbroken = (
        broken[places + 1][None] == broken[places][:, None]
    )  # (from, to): every β between is tied
    # longest run from each row whose two ends are alike
    lengths = np.where(unbroken & (overlap >= ALIKE), places[None] - places[:, None] + 1, 0).max(
        axis=1
    )  # (from,)
    first = int((lengths >= least).argmax())
    return (first, int(lengths[first])) if lengths[first] >= least else (0, 0)


def node_iou(first: Sweep, second: Sweep) -> np.ndarray:
    """Compute the overlap of the nodes of every two solutions, intersection over union.

    Every entry is filled; the reference leaves column 0 empty.

    Parameters
    ----------
    first, second : Sweep
        B₁ and B₂ solutions of one network.

    Returns
    -------
    (B₁, B₂) ndarray of float
        From 0 to 1; 0 for two empty solutions.
    """
    one, other = first.nodes.astype(np.float64), second.nodes.astype(np.float64)
    shared = one @ other.T  # (B₁, B₂) nodes in both
    either = one.sum(axis=1)[:, None] + other.sum(axis=1)[None] - shared  # (B₁, B₂) nodes in either
    return np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)


def louvain(network: Network, *, seed: int) -> np.ndarray:
    """Find the Louvain clusters of a network, the largest first.

    Parameters
    ----------
    network : Network
        Edges count alike, whatever their cost.
    seed : int
        Of the order in which the method visits nodes.

    Returns
    -------
    (N,) ndarray of int
        Cluster of every node, from 1; clusters of one size are ordered by their first gene.

    References
    ----------
    Blondel et al., Fast unfolding of communities in large networks, J. Stat. Mech. (2008),
    https://doi.org/10.1088/1742-5468/2008/10/P10008
    """
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(network.n_nodes))
    graph.add_edges_from(network.ends.tolist())
    clusters = sorted(
        nx.community.louvain_communities(graph, seed=seed), key=lambda c: (-len(c), min(c))
    )
    labels = np.zeros(network.n_nodes, np.int64)
    for number, members in enumerate(clusters, start=1):
        labels[list(members)] = number
    return labels


def _describe(
    part: Network, is_regulator: np.ndarray, is_target: np.ndarray, louvain_up_to: int, seed: int
) -> dict:
    degrees = part.degrees
    # Louvain takes longer than the solver on large solutions
    counted = 0 < part.n_nodes <= louvain_up_to
    return {
        "n_nodes": part.n_nodes,
        "n_edges": part.n_edges,
        "n_connected_components": part.n_components,
        "n_louvain_clusters": louvain(part, seed=seed).max() if counted else np.nan,
        "avg_node_degree": _mean(degrees),
        "std_node_degree": _spread(degrees),
        "n_leaf_nodes": int((degrees == 1).sum()),
        "n_target_nodes": int(is_target.sum()),
        "n_spec_target_nodes": int(is_regulator.sum()),
        "n_spec_target_leafs": int((degrees[is_regulator] == 1).sum()),
        "avg_spec_target_degree": _mean(degrees[is_regulator]),
        "std_spec_target_degree": _spread(degrees[is_regulator]),
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _spread(values: np.ndarray) -> float:
    return float(values.std()) if len(values) else np.nan
