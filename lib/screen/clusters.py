"""Gene-perturbation clusters: complete linkage, the choice of k, and tests against other groupings
of the genes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from sklearn import metrics

from lib.data.errors import InputError
from lib.stats import clustering


@dataclass(frozen=True)
class CoClustering:
    """Mutual information (nats) of two clusterings of the same genes, and its permutation
    p-value."""

    mutual_information: float
    p: float
    n_genes: int


def linkage(means: AnnData) -> np.ndarray:
    """Return the complete linkage of conditions by Euclidean distance, leaves in optimal order, as
    SciPy's (G − 1, 4).

    Raises
    ------
    InputError
        For fewer than three conditions.
    """
    return clustering.linkage(means.X, what="conditions", optimal=True)


def distance_table(means: AnnData) -> pd.DataFrame:
    """Return the Euclidean distances of every two conditions, (G, G), rows and columns by
    symbol."""
    names = pd.Index(means.obs_names.astype(str), name="gene_symbol")
    return pd.DataFrame(
        squareform(clustering.distances(means.X)), index=names, columns=names.rename(None)
    )


def curves(means: AnnData, *, k_max: int = 20) -> pd.DataFrame:
    """Return silhouette and Calinski-Harabasz index of the cuts into 2 … k_max clusters (paper: 20,
    later 15).

    Returns
    -------
    DataFrame
        `k`, `silhouette`, `calinski_harabasz`, as in `lib.stats.clustering.curves`.
    """
    found = clustering.curves(linkage(means), means.X, k_max=k_max)
    return found[["k", "silhouette", "calinski_harabasz"]]


def choose_k(table: pd.DataFrame, *, rule: str = "calinski_harabasz", k_min: int = 2) -> int:
    """Return the k at which the curve named by `rule` is highest, the smallest of equals.

    The paper reads k = 11 off both curves: Calinski-Harabasz peaks there, silhouette has a local
    plateau (its global maximum is the trivial k = 2).

    Parameters
    ----------
    table : DataFrame
        From `curves`.
    rule : str
        `calinski_harabasz` or `silhouette`.
    k_min : int
        Smallest k to consider.
    """
    return clustering.choose_k(table, rule=rule, k_min=k_min)


def assign(means: AnnData, *, k: int) -> pd.DataFrame:
    """Cut the tree into k clusters.

    Returns
    -------
    DataFrame
        `gene`, `cluster` (1 … k, from one end of the dendrogram to the other), in the order of the
        leaves. Written as CSV it is what `lib.report.gene_lists.clusters` reads.
    """
    tree = linkage(means)
    leaves = hierarchy.leaves_list(tree)
    numbers = clustering.cut(tree, k, what="conditions", first=1)
    return pd.DataFrame({"gene": means.obs_names.astype(str)[leaves], "cluster": numbers[leaves]})


def split_by_size(table: pd.DataFrame, *, min_size: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a cluster table into clusters of `min_size` genes or more, which GO can test, and the
    smaller ones.

    Cluster numbers stay as they are, so that both parts can be found in the dendrogram.
    """
    sizes = table.groupby("cluster")["gene"].transform("size")
    large, small = table[sizes >= min_size], table[sizes < min_size]
    return large.reset_index(drop=True), small.reset_index(drop=True)


def agreement(table: pd.DataFrame, groups: Mapping[str, str]) -> float:
    """Return the adjusted Rand index of clusters against known groups, over the genes that have a
    group.

    Parameters
    ----------
    table : DataFrame
        `gene`, `cluster`.
    groups : mapping of str to str
        Gene → planted group.
    """
    known = table[table["gene"].isin(list(groups))]
    if len(known) < 2:
        raise InputError(f"{len(known)} clustered genes have a known group; two or more are needed")
    return float(
        metrics.adjusted_rand_score([groups[gene] for gene in known["gene"]], known["cluster"])
    )


def co_clustering(
    first, second, *, n_permutations: int = 1000, rng: np.random.Generator
) -> CoClustering:
    """Test whether two clusterings of the same genes go together: mutual information under permuted
    labels.

    Parameters
    ----------
    first, second : (G,) arrays
        Labels of the same genes in the same order.
    n_permutations : int
        Random orders of the second labels (paper: 1000).

    Notes
    -----
    The observed order counts as one of the permutations, so p is at least 1 / (n_permutations + 1);
    the paper's share without it can be 0, which no permutation test can show.
    """
    (observed,), (p,) = (
        values.ravel() for values in _permuted([first], [second], n_permutations, rng)
    )
    return CoClustering(float(observed), float(p), len(first))


def co_clustering_grid(
    first: AnnData,
    second: AnnData,
    ks: Iterable[int],
    *,
    n_permutations: int = 1000,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Test two embeddings of genes over all pairs of cluster numbers, on the genes they share.

    Returns
    -------
    DataFrame
        `k_first`, `k_second`, `mutual_information`, `p`.
    """
    genes = [gene for gene in first.obs_names if gene in second.obs_names]
    if len(genes) < 3:
        raise InputError(f"the two embeddings share {len(genes)} genes; three or more are needed")
    ks = [k for k in ks if k <= len(genes)]
    cuts = [
        hierarchy.cut_tree(linkage(means[genes]), ks).T for means in (first, second)
    ]  # (K, G) each
    observed, p = _permuted(*cuts, n_permutations, rng)
    pairs = pd.MultiIndex.from_product([ks, ks], names=["k_first", "k_second"])
    return pd.DataFrame(
        {"mutual_information": observed.ravel(), "p": p.ravel()}, index=pairs
    ).reset_index()


def _permuted(
    first, second, n_permutations: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return mutual information and p, (A, B) each, of A with B clusterings of G genes; one set of
    orders for all."""
    first = [pd.factorize(np.asarray(labels))[0] for labels in first]
    second = [pd.factorize(np.asarray(labels))[0] for labels in second]
    n_genes = len(first[0])
    if any(len(labels) != n_genes for labels in first + second):
        raise InputError(
            f"the clusterings have {n_genes} and {len(second[0])} genes; give the same genes to "
            "both"
        )
    orders = np.vstack(
        [np.arange(n_genes), rng.permuted(np.tile(np.arange(n_genes), (n_permutations, 1)), axis=1)]
    )
    scores = np.array(
        [[_mutual_information(a, b[orders]) for b in second] for a in first]
    )  # (A, B, 1 + permutations)
    return scores[..., 0], (scores >= scores[..., :1] - 1e-8).mean(axis=-1)


def _mutual_information(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the mutual information in nats of (G,) labels with each row of (P, G) labels, from 0,
    as (P,)."""
    n_rows, n_genes = second.shape
    n_a, n_b = first.max() + 1, second.max() + 1
    cells = (np.arange(n_rows)[:, None] * n_a + first) * n_b + second  # (P, G)
    joint = (
        np.bincount(cells.ravel(), minlength=n_rows * n_a * n_b).reshape(n_rows, n_a, n_b) / n_genes
    )
    product = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)
    ratio = np.divide(joint, product, out=np.ones_like(joint), where=joint > 0)
    return (joint * np.log(ratio)).sum(axis=(1, 2))
