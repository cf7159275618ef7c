"""Clusters of regulatory embeddings: cosine distance, complete linkage, the choice of k, agreement
between runs."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn import metrics

from lib.data.errors import InputError
from lib.stats import clustering


def linkage(embeddings: AnnData) -> np.ndarray:
    """Return the complete linkage of genes by cosine distance of their latents.

    Parameters
    ----------
    embeddings : AnnData
        (N, L), named by gene.

    Returns
    -------
    (N − 1, 4) array
        In SciPy's layout.

    Raises
    ------
    InputError
        For fewer than three genes, a latent that is not finite, or one of length 0, which has no
        direction.

    References
    ----------
    Image2Reg, clusters behind Fig 3C.
    """
    values = np.asarray(embeddings.X, np.float64)  # (N, L)
    lengths = np.linalg.norm(values, axis=1)  # (N,)
    broken = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(broken):
        raise InputError(
            f"the vector of {embeddings.obs_names[broken[0]]} is zero or not finite, so it has no "
            "direction to compare"
        )
    return clustering.linkage(values, what="genes", metric="cosine")


def assign(embeddings: AnnData, *, k: int) -> pd.DataFrame:
    """Cut the tree of `linkage` into k clusters.

    Parameters
    ----------
    embeddings : AnnData
        (N, L), named by gene.
    k : int
        Clusters (paper: 8).

    Returns
    -------
    DataFrame
        `gene` in the order of the embeddings, `cluster` from 0, numbered from one end of the
        dendrogram to the other.

    Raises
    ------
    InputError
        As `linkage`, or if there are fewer genes than clusters.

    References
    ----------
    Image2Reg, clusters behind Fig 3C: cosine distance, complete linkage, k = 8.
    """
    numbers = clustering.cut(linkage(embeddings), k, what="genes")
    return pd.DataFrame({"gene": embeddings.obs_names.astype(str), "cluster": numbers})


def curves(embeddings: AnnData, *, k_max: int = 15) -> pd.DataFrame:
    """Return how good the cuts into 2 … k_max clusters are.

    Parameters
    ----------
    embeddings : AnnData
        (N, L), named by gene.
    k_max : int
        Largest number of clusters (paper: 15).

    Returns
    -------
    DataFrame
        One row per cut: `k`; `silhouette` by cosine distance (−1 to 1, higher is better);
        `calinski_harabasz` (≥ 0, higher is better); `distortion`, the sum of squared Euclidean
        distances from the clusters' means (≥ 0, falls with k).

    Raises
    ------
    InputError
        As `linkage`.

    References
    ----------
    Image2Reg chooses 8 clusters from silhouette, distortion and Calinski-Harabasz index.
    """
    return clustering.curves(linkage(embeddings), embeddings.X, k_max=k_max, metric="cosine")


def choose_k(table: pd.DataFrame) -> int:
    """Return the k with the highest silhouette, the smallest of equals (paper: 8, read off the
    curves).

    Parameters
    ----------
    table : DataFrame
        From `curves`.

    Returns
    -------
    int

    Raises
    ------
    InputError
        If the table has no row.
    """
    return clustering.choose_k(table, rule="silhouette")


def agreement(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare every two clusterings of the same genes.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Name → `gene`, `cluster`, each gene once; genes may come in any order.

    Returns
    -------
    DataFrame
        One row per pair of clusterings: `first`, `second`, `n_genes` (shared), `ari` (adjusted Rand
        index), `ami` (adjusted mutual information); both are 1 for equal clusterings and 0 on
        average for random ones.

    Raises
    ------
    InputError
        If a gene is clustered twice, or two clusterings share fewer than two genes.

    Examples
    --------
    >>> one = pd.DataFrame({"gene": ["JUN", "SRC", "MOS"], "cluster": [0, 0, 1]})
    >>> agreement({"one": one, "two": one.assign(cluster=[7, 7, 3])})["ari"].item()
    1.0
    """
    # by gene, as the tables may have any order
    columns = {name: table.set_index("gene")["cluster"] for name, table in tables.items()}
    for name, column in columns.items():
        if column.index.has_duplicates:
            raise InputError(
                f"{name}: {column.index[column.index.duplicated()][0]} is clustered twice; keep one"
            )
    rows = []
    for first, second in combinations(columns, 2):
        # (shared genes, 2)
        both = pd.concat([columns[first], columns[second]], axis=1, join="inner").to_numpy()
        if len(both) < 2:
            raise InputError(
                f"{first} and {second} share {len(both)} genes; two or more are needed"
            )
        scores = metrics.adjusted_rand_score(*both.T), metrics.adjusted_mutual_info_score(*both.T)
        rows.append((first, second, len(both), *map(float, scores)))
    return pd.DataFrame(rows, columns=["first", "second", "n_genes", "ari", "ami"])


def agreement_by_k(
    embeddings: Mapping[str, AnnData], others: Mapping[str, pd.DataFrame], *, k_max: int = 15
) -> pd.DataFrame:
    """Compare the clusters of several runs with each other and with other groupings, for every
    number of clusters.

    Parameters
    ----------
    embeddings : mapping of str to AnnData
        Run → latents of the same genes.
    others : mapping of str to DataFrame
        Name → `gene`, `cluster`, the same for every k; such as planted modules.
    k_max : int
        Largest number of clusters (paper: 15).

    Returns
    -------
    DataFrame
        Columns of `agreement` after `k`, 2 … k_max or as many as there are genes.

    Raises
    ------
    InputError
        As `agreement` and `linkage`.
    """
    fewest = min(found.n_obs for found in embeddings.values())
    tables = []
    for k in range(2, min(k_max, fewest) + 1):
        # the cut of each run into k
        assigned = {name: assign(found, k=k) for name, found in embeddings.items()}
        tables.append(agreement(assigned | dict(others)).assign(k=k))
    found = pd.concat(tables, ignore_index=True)
    return found[["k", *found.columns.drop("k")]]
