"""Hierarchical clusters: the tree, the cut into k, the numbering, the curves behind a choice of k.

Every clustering of genes in this project goes through here. Clusters are numbered from one end of
the dendrogram to the other, so that a number is a place in the picture of the tree; each paper has
its own first number.
"""

import numpy as np
import pandas as pd
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist
from sklearn import metrics

from lib.data.errors import InputError
from lib.stats import order

FEWEST = 3  # rows that can be clustered
RULES = ("calinski_harabasz", "silhouette")


def distances(values, *, metric: str = "euclidean") -> np.ndarray:
    """Return the rounded distances of every two rows, in SciPy's condensed form.

    Parameters
    ----------
    values : (N, L) array of float
        One row per vector.
    metric : str
        Name of a metric of `scipy.spatial.distance.pdist`.

    Returns
    -------
    (N * (N - 1) / 2,) array of float
        Distances of rows 0 and 1, 0 and 2, …; nine digits of each, so that ties stay ties on every
        processor. Those of `cosine` are rounded on the scale of 1.
    """
    values = np.asarray(values, np.float64)
    return order.rounded(pdist(values, metric), scale=1 if metric == "cosine" else None)


def linkage(values, *, what: str, metric: str = "euclidean", optimal: bool = False) -> np.ndarray:
    """Return the tree of complete linkage.

    Parameters
    ----------
    values : (N, L) array of float
        One row per vector.
    what : str
        What a row is, for the message: `genes`.
    metric : str
        `euclidean` or `cosine`.
    optimal : bool
        Order the leaves so that neighbours are as near as the tree allows.

    Returns
    -------
    (N - 1, 4) array of float
        SciPy's linkage matrix: one row per merge, with the two clusters merged, their
        distance and the number of rows in the new cluster.

    Raises
    ------
    InputError
        For fewer than three rows.
    """
    if len(values) < FEWEST:
        raise InputError(f"{len(values)} {what} cannot be clustered; three or more are needed")
    return hierarchy.linkage(
        distances(values, metric=metric), method="complete", optimal_ordering=optimal
    )


def cut(tree: np.ndarray, k: int, *, what: str, first: int = 0) -> np.ndarray:
    """Cut a tree into k clusters, numbered from one end of the dendrogram to the other.

    Parameters
    ----------
    tree : (N - 1, 4) array
        As `linkage` returns it.
    k : int
        Number of clusters.
    what : str
        What a row is, for the message: `genes`.
    first : int
        Number of the first cluster; papers begin at 0 or at 1.

    Returns
    -------
    (N,) array of int
        The cluster of each row, `first` … `first` + k - 1.

    Raises
    ------
    InputError
        If k is below 1 or above the number of rows.

    Examples
    --------
    >>> cut(linkage(np.array([[9.0], [0.0], [9.5], [0.2]]), what="genes"), 2, what="genes").tolist()
    [1, 0, 1, 0]
    """
    n_rows = len(tree) + 1
    if not 1 <= k <= n_rows:
        raise InputError(f"k is {k}; {n_rows} {what} can be cut into 1 to {n_rows} clusters")
    labels = hierarchy.cut_tree(tree, k).ravel()
    numbers = pd.unique(labels[hierarchy.leaves_list(tree)])  # the label that stands in each place
    return np.argsort(numbers)[labels] + first


def curves(tree: np.ndarray, values, *, k_max: int, metric: str = "euclidean") -> pd.DataFrame:
    """Score the cuts of a tree into 2 … k_max clusters.

    Parameters
    ----------
    tree : (N - 1, 4) array
        As `linkage` returns it.
    values : (N, L) array of float
        The rows that the tree is of.
    k_max : int
        Largest number of clusters; at most N - 1 are scored.
    metric : str
        Metric of the silhouette; the other two scores are Euclidean.

    Returns
    -------
    DataFrame
        One row per k, columns `k`; `silhouette` by `metric` (−1 to 1, higher is better);
        `calinski_harabasz` (≥ 0, higher is better); `distortion` (≥ 0, falls with k).
    """
    values = np.asarray(values, np.float64)
    rows = []
    for k in range(2, min(k_max, len(values) - 1) + 1):
        labels = hierarchy.cut_tree(tree, k).ravel()
        # one value: the mean over the rows
        silhouette = metrics.silhouette_score(values, labels, metric=metric)
        rows.append(
            (
                k,
                silhouette,
                metrics.calinski_harabasz_score(values, labels),
                distortion(values, labels),
            )
        )
    return pd.DataFrame(rows, columns=["k", "silhouette", "calinski_harabasz", "distortion"])


def distortion(values: np.ndarray, labels: np.ndarray) -> float:
    """Return the sum of squared distances of vectors (N, L) from the mean of their cluster.

    Parameters
    ----------
    values : (N, L) array of float
        One row per vector.
    labels : (N,) array
        Cluster of each row.

    Returns
    -------
    float
        In squared units of the values.

    Examples
    --------
    >>> distortion(np.array([[0.0], [2.0], [7.0]]), np.array([0, 0, 1]))
    2.0
    """
    return float(
        sum(
            # one cluster's vectors (n_k, L) less their mean (L,)
            ((values[labels == k] - values[labels == k].mean(axis=0)) ** 2).sum()
            for k in np.unique(labels)
        )
    )


def choose_k(table: pd.DataFrame, *, rule: str, k_min: int = 2) -> int:
    """Return the k at which a score is highest, the smallest of equals.

    Parameters
    ----------
    table : DataFrame
        As `curves` returns it.
    rule : str
        Column that decides, one of `RULES`.
    k_min : int
        Smallest k that may be chosen.

    Returns
    -------
    int
        The chosen number of clusters.

    Raises
    ------
    InputError
        If the rule is none of `RULES`, or the table has no k of `k_min` or more.
    """
    if rule not in RULES:
        raise InputError(f"rule {rule!r} is unknown; choose {' or '.join(RULES)}")
    allowed = table[table["k"] >= k_min]
    if allowed.empty:
        raise InputError(f"no cut into {k_min} clusters or more; k runs to {table['k'].max()}")
    return int(
        # silhouettes are at most 1; the index has no bound, so its own size counts
        allowed["k"].iloc[order.largest(allowed[rule], scale=1 if rule == "silhouette" else None)]
    )
