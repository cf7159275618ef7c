"""How alike are classes of perturbagens? Codes, or mean signatures, compared by correlation."""

from collections.abc import Sequence
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from lib.data.errors import InputError
from lib.run import store

PREFIX = "CP_"
PUBLISHED = "params/published/lincs_classes.csv"
DIGITS = 10  # distances that differ by less are equal; the class that comes first then counts


def published_classes(path: str | Path = PUBLISHED) -> pd.DataFrame:
    """Return the 75 classes of the published codebook in the order of its codes, with their
    published neighbours.

    Returns
    -------
    DataFrame
        `code`, `pcl`, `nearest_code`, `distance` as the stored output of the paper's notebook has
        them. The order is that of a Python-2 dictionary and cannot be made again.
    """
    return pd.read_csv(store.resolve(path))


def correlation_distances(codes: np.ndarray) -> np.ndarray:
    """Return 1 − Pearson r between rows, (K, K); NaN for a constant row.

    Parameters
    ----------
    codes : (K, D) array
        Codes, or class means.

    Returns
    -------
    (K, K) array
        From 0 to 2.

    Examples
    --------
    >>> correlation_distances(np.array([[1.0, 2, 3], [2, 4, 6], [3, 2, 1]])).round(6)[0].tolist()
    [0.0, 0.0, 2.0]
    """
    values = np.asarray(codes, np.float64)
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = centred @ centred.T / np.outer(length, length)
    distances = 1 - correlations
    np.fill_diagonal(distances, 0)
    return distances


def neighbours(distances: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Return the nearest other class of each class: `pcl`, `nearest`, `distance`, and their codes.

    Parameters
    ----------
    distances : (K, K) array
    classes : (K,) sequence of str

    Returns
    -------
    DataFrame
        `code`, `pcl`, `nearest_code`, `nearest`, `distance`; of equals the class that comes first.

    Raises
    ------
    InputError
        If a class has no finite distance to another: its code is constant.
    """
    others = distances + np.diag(np.full(len(distances), np.inf))
    if lost := [
        name for name, row in zip(classes, others, strict=True) if not np.isfinite(row).any()
    ]:
        raise InputError(
            f"the code of {lost[0]} is constant and correlates with nothing",
            fix="leave the class out",
        )
    nearest = np.where(np.isfinite(others), others, np.inf).round(DIGITS).argmin(axis=1)
    return pd.DataFrame(
        {
            "code": np.arange(len(classes)),
            "pcl": list(classes),
            "nearest_code": nearest,
            "nearest": np.asarray(classes, object)[nearest],
            "distance": others[np.arange(len(classes)), nearest],
        }
    )


def network(found: pd.DataFrame) -> nx.DiGraph:
    """Return the nearest-neighbour network: an edge from the nearest class to each class, weight 1
    − distance.

    The published weight is 50 − distance, which is almost the same for every edge.

    Parameters
    ----------
    found : DataFrame
        From `neighbours`.
    """
    graph = nx.DiGraph()
    labels = found["pcl"].str.removeprefix(PREFIX)
    graph.add_nodes_from(
        (code, {"label": name}) for code, name in zip(found["code"], labels, strict=True)
    )
    for row in found.itertuples():
        graph.add_edge(row.nearest_code, row.code, weight=1 - row.distance)
    return graph


def gephi(found: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of edges and nodes that Gephi imports, with the columns of the paper's
    files.

    Parameters
    ----------
    found : DataFrame
        From `neighbours`.

    Returns
    -------
    edges, nodes : DataFrame
    """
    label = found["pcl"].str.removeprefix(PREFIX)
    edges = pd.DataFrame(
        {
            "Source": found["nearest_code"],
            "Target": found["code"],
            "Type": "directed",
            "Weight": 1 - found["distance"],
            "Label1": found["nearest"].str.removeprefix(PREFIX),
            "Label2": label,
        }
    )
    return edges, pd.DataFrame({"Id": found["code"], "Label": label})


def leaf_order(distances: np.ndarray) -> np.ndarray:
    """Return the order of classes along the dendrogram of average linkage, (K,).

    Parameters
    ----------
    distances : (K, K) array
    """
    condensed = squareform(distances.round(DIGITS), checks=False)
    return hierarchy.leaves_list(
        hierarchy.linkage(condensed, "average", optimal_ordering=len(distances) <= 200)
    )


def extremes(found: pd.DataFrame, *, n: int = 5) -> pd.DataFrame:
    """Return the closest pairs, each once, and the most isolated classes: `kind`, `pcl`, `nearest`,
    `distance`.

    Parameters
    ----------
    found : DataFrame
        From `neighbours`.
    n : int
        Pairs, and classes.
    """
    pair = [frozenset(codes) for codes in found[["code", "nearest_code"]].to_numpy()]
    once = found[~pd.Series(pair, index=found.index).duplicated()]
    near = once.sort_values(["distance", "code"]).head(n).assign(kind="closest")
    far = (
        found.sort_values(["distance", "code"], ascending=[False, True])
        .head(n)
        .assign(kind="isolated")
    )
    return pd.concat([near, far], ignore_index=True)[["kind", "pcl", "nearest", "distance"]]


def summary(distances: np.ndarray) -> dict[str, float]:
    """Return minimum, median and maximum of the distances between different classes."""
    off = distances[np.triu_indices(len(distances), 1)]
    return {"min": float(off.min()), "median": float(np.median(off)), "max": float(off.max())}
