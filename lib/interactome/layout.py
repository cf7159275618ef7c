"""Positions of genes in a drawn network and of their names; seeded, so the same on every run."""

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform

from lib.interactome.network import Network
from lib.stats import order

GAP = 0.045  # least distance of two nodes, as a share of the longer side of the drawing
_DIRECTIONS = np.array(
    [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)], float
)


def positions(
    network: Network, modules: np.ndarray, *, seed: int, gap: float = GAP, aspect: float = 1.25
) -> np.ndarray:
    """Place every gene of a network in a drawing.

    Modules start apart, each as a small ring; springs along the edges, stronger inside a module,
    then draw neighbours together, and nodes that still lie on each other are pushed apart.

    Parameters
    ----------
    network : Network
        Of at least one gene.
    modules : (N,) ndarray of int
        Groups that are kept together, such as Louvain clusters.
    seed : int
        Of the angle at which the first module starts, and of the springs.
    gap : float
        Least distance of two nodes, as a share of the height.
    aspect : float
        Width of the drawing as a multiple of its height.

    Returns
    -------
    (N, 2) ndarray of float
        x from 0 to `aspect`, y from 0 to 1.
    """
    import networkx as nx

    if network.n_nodes == 1:
        return np.array([[aspect / 2, 0.5]])
    # (E,) both ends in one module
    inside = modules[network.ends[:, 0]] == modules[network.ends[:, 1]]
    graph = nx.Graph()
    graph.add_nodes_from(range(network.n_nodes))
    graph.add_weighted_edges_from(
        (a, b, weight)
        for (a, b), weight in zip(network.ends.tolist(), np.where(inside, 1.0, 0.35), strict=True)
    )
    start = _rings(network, modules, np.random.default_rng(seed))
    placed = nx.spring_layout(
        graph,
        pos=dict(enumerate(start)),
        k=1.6 / np.sqrt(network.n_nodes),  # springs at rest: some more than the mean spacing
        iterations=150,
        seed=seed,
        method="force",
    )
    points = _evened(np.array([placed[node] for node in range(network.n_nodes)]))
    return _apart(points * [aspect, 1], gap, aspect)


def labels(
    points: np.ndarray, texts: pd.Series, *, sizes: np.ndarray, height: float, width: float
) -> pd.DataFrame:
    """Choose for each name the position beside its node where it covers least.

    Parameters
    ----------
    points : (N, 2) ndarray
        All nodes.
    texts : Series of str
        Names, by position of their node.
    sizes : (N,) ndarray
        Radius of each node, in the unit of `points`.
    height, width : float
        Height of a line of text and mean width of a character, in the unit of `points`.

    Returns
    -------
    DataFrame
        One row per name, the most crowded node first: `node`, `text`, `x`, `y` (the centre of the
        name), `is_far`: whether it needs a line to its node.
    """
    boxes: list[np.ndarray] = []  # left, bottom, right, top of the names placed so far
    rows = []
    # names in a crowd have few free positions, so they choose first
    crowded_first = texts.index[np.argsort(-_crowding(points)[texts.index], kind="stable")]
    for node in crowded_first:
        half = np.array([0.5 * width * len(texts[node]) + 0.2 * height, 0.5 * height])
        reach = half + sizes[node] + 0.1 * height
        # (24, 2): eight directions at three distances
        options = np.concatenate(
            [points[node] + step * reach * _DIRECTIONS for step in (1.0, 1.7, 2.6)]
        )
        costs = [
            _cover(centre, half, points, sizes, boxes) + 0.35 * (i // len(_DIRECTIONS))
            for i, centre in enumerate(options)
        ]
        best = order.smallest(costs, scale=1)  # of equals the first direction
        centre = options[best]
        boxes.append(np.concatenate([centre - half, centre + half]))
        rows.append((node, texts[node], *centre, best >= len(_DIRECTIONS)))
    return pd.DataFrame(rows, columns=["node", "text", "x", "y", "is_far"])


def _rings(network: Network, modules: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a start for every node: modules around a circle, neighbours side by side."""
    names, codes = np.unique(modules, return_inverse=True)
    between = np.zeros((len(names), len(names)))  # edges between every two modules
    np.add.at(between, (codes[network.ends[:, 0]], codes[network.ends[:, 1]]), 1)
    circle, between = [0], between + between.T
    while len(circle) < len(names):
        rest = [name for name in range(len(names)) if name not in circle]
        # greedy: the module with most edges to the last one comes next
        circle.append(max(rest, key=lambda name: (between[circle[-1], name], -name)))
    sizes = np.bincount(codes)
    angles = np.empty(len(names))
    angles[circle] = 2 * np.pi * (np.cumsum(sizes[circle]) - sizes[circle] / 2) / len(
        codes
    ) + rng.uniform(0, 2 * np.pi)
    points = np.empty((len(codes), 2))
    for name in range(len(names)):
        members = np.flatnonzero(codes == name)
        turn = 2 * np.pi * np.arange(len(members)) / len(members)  # (members,) angles on the ring
        centre = 0.7 * np.array([np.cos(angles[name]), np.sin(angles[name])]) * (len(names) > 1)
        points[members] = (
            centre
            + 0.4 * np.sqrt(len(members) / len(codes)) * np.stack([np.cos(turn), np.sin(turn)]).T
        )
    return points


def _evened(points: np.ndarray) -> np.ndarray:
    """Return points between 0 and 1, spread so that a dense middle gets room.

    They are most of the way to equal ranks.
    """
    ranks = np.argsort(order.ascending(points, scale=1, axis=0), axis=0) / max(len(points) - 1, 1)
    # a share of the true place keeps the shape of modules
    low, high = points.min(axis=0), points.max(axis=0)
    return 0.35 * (points - low) / np.maximum(high - low, 1e-12) + 0.65 * ranks


def _apart(points: np.ndarray, gap: float, aspect: float, n_steps: int = 200) -> np.ndarray:
    """Push nodes that are closer than `gap` away from each other, and keep all in the frame."""
    gap = min(gap, 0.8 * np.sqrt(aspect / len(points)))  # no more than there is room for
    for _ in range(n_steps):
        away = points[:, None] - points[None]  # (N, N, 2)
        distance = np.maximum(np.linalg.norm(away, axis=2), 1e-9)
        push = np.clip(gap - distance, 0, None) / distance  # (N, N)
        np.fill_diagonal(push, 0)
        if push.max() < 1e-3:
            break
        points = np.clip(points + 0.35 * (away * push[..., None]).sum(axis=1), 0, [aspect, 1])
    return points


def _crowding(points: np.ndarray) -> np.ndarray:
    return (order.rounded(squareform(pdist(points)), scale=1) < 3 * GAP).sum(axis=1)


def _cover(centre, half, points, sizes, boxes) -> float:
    """Return how badly a name at `centre` would cover nodes, by depth, and names, by area."""
    beyond = np.abs(points - centre) - half - sizes[:, None]  # (N, 2), negative inside the name
    nodes = np.prod(np.clip(-beyond, 0, None), axis=1).sum() / np.prod(half)
    if not boxes:
        return float(nodes)
    placed = np.array(boxes)
    # (names, 2) width and height of each overlap
    shared = np.minimum(centre + half, placed[:, 2:]) - np.maximum(centre - half, placed[:, :2])
    # a covered name costs more than a covered node
    return float(nodes + 4 * np.prod(np.clip(shared, 0, None), axis=1).sum() / np.prod(half))
