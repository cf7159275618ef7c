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
    """Mutual information of two clusterings of the same genes, and its permutation p-value.

    Parameters
    ----------
    mutual_information : float
        In nats.
    p : float
        Share of the orders that reach it, the observed one counted.
    n_genes : int
    """

    mutual_information: float
    p: float
    n_genes: int


def linkage(means: AnnData) -> np.ndarray:
    """Return the complete linkage of conditions by Euclidean distance, leaves in optimal order.

    Parameters
    ----------
    means : AnnData
        (G, L), from `lib.screen.embeddings.condition_means`.

    Returns
    -------
    (G − 1, 4) array
        In SciPy's layout.

    Raises
    ------
    InputError
        For fewer than three conditions.

    References
    ----------
    Image2Reg, Fig 2E.
    """
    return clustering.linkage(means.X, what="conditions", optimal=True)


def distance_table(means: AnnData) -> pd.DataFrame:
    """Return the Euclidean distances of every two conditions.

    Parameters
    ----------
    means : AnnData
        (G, L), from `lib.screen.embeddings.condition_means`.

    Returns
    -------
    DataFrame, (G, G)
        Rows and columns by symbol; in units of the embedding.
    """
    names = pd.Index(means.obs_names.astype(str), name="gene_symbol")
    return pd.DataFrame(
        squareform(clustering.distances(means.X)), index=names, columns=names.rename(None)
    )


def curves(means: AnnData, *, k_max: int = 20) -> pd.DataFrame:
    """Return the indices behind the choice of the number of clusters.

    Parameters
    ----------
    means : AnnData
        (G, L), from `lib.screen.embeddings.condition_means`.
    k_max : int
        Largest number of clusters (paper: 20, later 15).

    Returns
    -------
    DataFrame
        One row per cut into 2 … k_max clusters: `k`, `silhouette`, `calinski_harabasz`, as in
        `lib.stats.clustering.curves`.

    Raises
    ------
    InputError
        For fewer than three conditions.

    References
    ----------
    Image2Reg, choice of the number of clusters in Fig 2E.
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

    Returns
    -------
    int

    Raises
    ------
    InputError
        For an unknown rule, or no cut into `k_min` clusters or more.
    """
    return clustering.choose_k(table, rule=rule, k_min=k_min)


def assign(means: AnnData, *, k: int) -> pd.DataFrame:
    """Cut the tree into k clusters.

    Parameters
    ----------
    means : AnnData
        (G, L), from `lib.screen.embeddings.condition_means`.
    k : int
        Clusters (paper: 11).

    Returns
    -------
    DataFrame
        `gene`, `cluster` (1 … k, from one end of the dendrogram to the other), in the order of the
        leaves. Written as CSV it is what `lib.report.gene_lists.clusters` reads.

    Raises
    ------
    InputError
        For fewer than three conditions, or k outside 1 … G.

    References
    ----------
    Image2Reg, Fig 2E: 11 clusters of 41 genes.
    """
    tree = linkage(means)
    leaves = hierarchy.leaves_list(tree)  # (G,) from one end of the dendrogram to the other
    numbers = clustering.cut(tree, k, what="conditions", first=1)
    return pd.DataFrame({"gene": means.obs_names.astype(str)[leaves], "cluster": numbers[leaves]})


def split_by_size(table: pd.DataFrame, *, min_size: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a cluster table into the clusters that GO can test and the smaller ones.

    Cluster numbers stay as they are, so that both parts can be found in the dendrogram.

    Parameters
    ----------
    table : DataFrame
        From `assign`: `gene`, `cluster`.
    min_size : int
        Fewest genes of a cluster in the first table (paper: 2).

    Returns
    -------
    large, small : DataFrame
        With the columns of `table`.
    """
    sizes = table.groupby("cluster")["gene"].transform("size")  # of each gene's cluster
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

    Returns
    -------
    float
        1 for the same partition, about 0 for unrelated ones.

    Raises
    ------
    InputError
        If fewer than two clustered genes have a group.
    """
    known = table[table["gene"].isin(list(groups))]  # inert genes have no group
    if len(known) < 2:
        raise InputError(f"{len(known)} clustered genes have a known group; two or more are needed")
    return float(
        metrics.adjusted_rand_score([groups[gene] for gene in known["gene"]], known["cluster"])
    )


def co_clustering(
    first, second, *, n_permutations: int = 1000, rng: np.random.Generator
) -> CoClustering:
    """Test whether two clusterings of the same genes agree: mutual information under permuted
    labels.

    Parameters
    ----------
    first, second : (G,) arrays
        Labels of the same genes in the same order.
    n_permutations : int
        Random orders of the second labels (paper: 1000).
    rng : Generator

    Returns
    -------
    CoClustering

    Raises
    ------
    InputError
        If the two have different lengths.

    Notes
    -----
    The observed order counts as one of the permutations, so p is at least 1 / (n_permutations + 1);
    the paper's share without it can be 0, which no permutation test can show.

    References
    ----------
    Image2Reg compares clusters of image embeddings with those of CMap signatures in this way.
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
    """Test two embeddings of the same genes over all pairs of cluster numbers.

    Parameters
    ----------
    first, second : AnnData
        (G, L) each, named by gene; genes that only one of them has are left out.
    ks : iterable of int
        Numbers of clusters; those above the number of shared genes are left out.
    n_permutations : int
        Random orders of the second labels (paper: 1000).
    rng : Generator

    Returns
    -------
    DataFrame
        One row per pair of numbers: `k_first`, `k_second`, `mutual_information` (nats), `p`.

    Raises
    ------
    InputError
        If the embeddings share fewer than three genes.
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
    # row 0 is the observed order, so that it counts as one of the permutations
    orders = np.vstack(
        [np.arange(n_genes), rng.permuted(np.tile(np.arange(n_genes), (n_permutations, 1)), axis=1)]
    )
    scores = np.array(
        [[_mutual_information(a, b[orders]) for b in second] for a in first]
    )  # (A, B, 1 + permutations)
    # 1e-8: sums in another order are no smaller score
    return scores[..., 0], (scores >= scores[..., :1] - 1e-8).mean(axis=-1)


def _mutual_information(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the mutual information in nats of (G,) labels with each row of (P, G) labels, from 0,
    as (P,)."""
    n_rows, n_genes = second.shape
    n_a, n_b = first.max() + 1, second.max() + 1
    # one bin per permutation and pair of labels
    cells = (np.arange(n_rows)[:, None] * n_a + first) * n_b + second  # (P, G)
    joint = (
        np.bincount(cells.ravel(), minlength=n_rows * n_a * n_b).reshape(n_rows, n_a, n_b) / n_genes
    )
    product = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)  # (P, A, B)
    # 0 · log 0 counts as 0
    ratio = np.divide(joint, product, out=np.ones_like(joint), where=joint > 0)
    return (joint * np.log(ratio)).sum(axis=(1, 2))
