"""Clusters of regulatory embeddings: cosine distance, complete linkage, the choice of k, agreement between runs."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist
from sklearn import metrics

from lib.regulation.errors import RegulationError
from lib.stats import order

FEWEST = 3  # genes that can be clustered


def linkage(embeddings: AnnData) -> np.ndarray:
    """Return the complete linkage of genes by cosine distance of their latents, as SciPy's (N − 1, 4).

    Raises
    ------
    RegulationError
        For fewer than three genes, a latent that is not finite, or one of length 0, which has no direction.
    """
    values = np.asarray(embeddings.X, np.float64)  # (N, L)
    if len(values) < FEWEST:
        raise RegulationError(f"{len(values)} genes cannot be clustered; {FEWEST} or more are needed")
    lengths = np.linalg.norm(values, axis=1)
    broken = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(broken):
        raise RegulationError(
            f"the vector of {embeddings.obs_names[broken[0]]} is zero or not finite, so it has no direction to compare"
        )
    return hierarchy.linkage(order.rounded(pdist(values, "cosine"), scale=1), method="complete")


def assign(embeddings: AnnData, *, k: int) -> pd.DataFrame:
    """Cut the tree of `linkage` into k clusters.

    Returns
    -------
    DataFrame
        `gene` in the order of the embeddings, `cluster` from 0, numbered from one end of the dendrogram to the other.
    """
    if not 1 <= k <= embeddings.n_obs:
        raise RegulationError(f"{embeddings.n_obs} genes can be cut into 1 to {embeddings.n_obs} clusters, not {k}")
    tree = linkage(embeddings)
    labels = hierarchy.cut_tree(tree, k).ravel()
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels[hierarchy.leaves_list(tree)]))}
    return pd.DataFrame({"gene": embeddings.obs_names.astype(str), "cluster": [numbers[label] for label in labels]})


def curves(embeddings: AnnData, *, k_max: int = 15) -> pd.DataFrame:
    """Return how good the cuts into 2 … k_max clusters are (paper: 15).

    Returns
    -------
    DataFrame
        `k`; `silhouette` by cosine distance (−1 to 1, higher is better); `calinski_harabasz` (≥ 0, higher is better);
        `distortion`, the sum of squared Euclidean distances from the clusters' means (≥ 0, falls with k).
    """
    tree, values = linkage(embeddings), np.asarray(embeddings.X, np.float64)
    rows = []
    for k in range(2, min(k_max, embeddings.n_obs - 1) + 1):
        labels = hierarchy.cut_tree(tree, k).ravel()
        silhouette = metrics.silhouette_score(values, labels, metric="cosine")
        rows.append((k, silhouette, metrics.calinski_harabasz_score(values, labels), distortion(values, labels)))
    return pd.DataFrame(rows, columns=["k", "silhouette", "calinski_harabasz", "distortion"])


def choose_k(table: pd.DataFrame) -> int:
    """Return the k of `curves` with the highest silhouette, the smallest of equals (paper: 8, read off the curves)."""
    return int(table["k"].iloc[order.largest(table["silhouette"], scale=1)])


def distortion(values: np.ndarray, labels: np.ndarray) -> float:
    """Return the sum of squared distances of vectors (N, L) from the mean of their cluster.

    Examples
    --------
    >>> distortion(np.array([[0.0], [2.0], [7.0]]), np.array([0, 0, 1]))
    2.0
    """
    return float(sum(((values[labels == k] - values[labels == k].mean(axis=0)) ** 2).sum() for k in np.unique(labels)))


def agreement(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare every two clusterings of the same genes.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Name → `gene`, `cluster`, each gene once; genes may come in any order.

    Returns
    -------
    DataFrame
        `first`, `second`, `n_genes` (shared), `ari` (adjusted Rand index), `ami` (adjusted mutual information); both
        are 1 for equal clusterings and 0 on average for random ones.
    """
    columns = {name: table.set_index("gene")["cluster"] for name, table in tables.items()}
    for name, column in columns.items():
        if column.index.has_duplicates:
            raise RegulationError(f"{name}: {column.index[column.index.duplicated()][0]} is clustered twice; keep one")
    rows = []
    for first, second in combinations(columns, 2):
        both = pd.concat([columns[first], columns[second]], axis=1, join="inner").to_numpy()
        if len(both) < 2:
            raise RegulationError(f"{first} and {second} share {len(both)} genes; two or more are needed")
        scores = metrics.adjusted_rand_score(*both.T), metrics.adjusted_mutual_info_score(*both.T)
        rows.append((first, second, len(both), *map(float, scores)))
    return pd.DataFrame(rows, columns=["first", "second", "n_genes", "ari", "ami"])


def agreement_by_k(
    embeddings: Mapping[str, AnnData], others: Mapping[str, pd.DataFrame], *, k_max: int = 15
) -> pd.DataFrame:
    """Compare the clusters of several runs with each other, and with other groupings, for every number of clusters.

    Parameters
    ----------
    embeddings : mapping of str to AnnData
        Run → latents of the same genes.
    others : mapping of str to DataFrame
        Name → `gene`, `cluster`, the same for every k; such as planted modules.

    Returns
    -------
    DataFrame
        Columns of `agreement` after `k`, 2 … k_max or as many as there are genes.
    """
    fewest = min(found.n_obs for found in embeddings.values())
    tables = []
    for k in range(2, min(k_max, fewest) + 1):
        assigned = {name: assign(found, k=k) for name, found in embeddings.items()}
        tables.append(agreement(assigned | dict(others)).assign(k=k))
    found = pd.concat(tables, ignore_index=True)
    return found[["k", *found.columns.drop("k")]]
