"""Labels that the embedding learns: clusters of image embeddings or of expression signatures, with
or without a target."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import anndata
import pandas as pd
from anndata import AnnData

from lib.data.errors import InputError
from lib.interactome import cmap
from lib.regulation.settings import SOURCES
from lib.report import gene_lists
from lib.screen import clusters as screen_clusters
from lib.screen.embeddings import condition_means
from lib.stats.clustering import FEWEST

Labels = dict[str, str]
"""Gene → cluster; genes that are not in it have no label."""


def perturbation_clusters(path: Path) -> Labels:
    """Return the gene-perturbation clusters of Fig 2E.

    Parameters
    ----------
    path : Path
        CSV with columns gene and cluster, each gene once.

    Returns
    -------
    dict of str to str
        Gene → cluster.

    Raises
    ------
    InputError
        As `lib.report.gene_lists.clusters`.
    """
    return {
        gene: name
        for name, genes in gene_lists.clusters(path, default="").items()
        for gene in genes
    }


def image_means(path: Path) -> AnnData:
    """Return the gene-perturbation embeddings by a network that did not see its left-out targets.

    Means over the nuclei that it was trained on, and over all nuclei of the targets left out; the
    control is left out.

    Parameters
    ----------
    path : Path
        `.h5ad` of a left-out target, from the notebook leave_one_target_out.

    Returns
    -------
    AnnData
        (conditions, L), named by gene.
    """
    found = anndata.read_h5ad(path)  # (nuclei, L)
    return condition_means(found[found.obs["split"].isin(["train", "out"]).to_numpy()])


def image_clusters(means: AnnData, *, k: int, without: str = "") -> Labels:
    """Return clusters of the conditions: Euclidean distance, complete linkage, as for Fig 2E.

    Parameters
    ----------
    means : AnnData
        From `image_means`.
    k : int
        Clusters; fewer if there are fewer conditions (paper: 10). Of one or two conditions each is
        its own.
    without : str
        Condition that is left out before the tree is built, and gets no label; empty = none.

    Returns
    -------
    dict of str to str
        Gene → cluster, numbered from 1.

    Raises
    ------
    InputError
        If that condition is not there, or none is left beside it.

    References
    ----------
    Image2Reg, labels of the setting `physical`.
    """
    if without and without not in means.obs_names:
        raise InputError(
            f"no image embedding of the target {without}; make leave_one_target_out again"
        )
    kept = means[means.obs_names != without]  # conditions of the tree
    if not kept.n_obs:
        raise InputError(f"no condition is left without {without}; give two or more")
    if (
        kept.n_obs < FEWEST
    ):  # too few for a tree, and each would be a cluster of its own in any case
        return {gene: str(number) for number, gene in enumerate(kept.obs_names, start=1)}
    table = screen_clusters.assign(kept, k=min(k, kept.n_obs))  # numbered along the dendrogram
    return dict(zip(table["gene"], table["cluster"].astype(str), strict=True))


def signature_clusters(signatures: AnnData, genes: Sequence[str], *, k: int) -> Labels:
    """Return clusters of the genes that have an expression signature: cosine distance, complete
    linkage.

    Parameters
    ----------
    signatures : AnnData
        Over-expressed genes × landmark genes, mean level-5 z-scores of CMap.
    genes : sequence of str
        Those to cluster; genes without a signature are left out (paper: 47 of 249, or the 39
        regulators).
    k : int
        Clusters; fewer if there are fewer genes (paper: 10).

    Returns
    -------
    dict of str to str
        Gene → cluster.

    Raises
    ------
    InputError
        If fewer than three genes have a signature.

    References
    ----------
    Image2Reg, labels of the CMap settings: 10 clusters of 47 genes.
    """
    covered = [gene for gene in genes if gene in signatures.obs_names]  # in the order of `genes`
    if len(covered) < FEWEST:
        raise InputError(
            f"{len(covered)} of {len(genes)} genes have a CMap signature; {FEWEST} or more are "
            "needed"
        )
    table = cmap.cluster(signatures, covered, k=k)
    return dict(zip(table["gene"], table["cluster"].astype(str), strict=True))


def target_labels(
    source: str,
    target: str,
    *,
    means: AnnData,
    signatures: AnnData,
    nodes: pd.DataFrame,
    k_image: int,
    k_signature: int,
) -> Labels:
    """Return the labels of a source of `settings.SOURCES` for one left-out target.

    Parameters
    ----------
    source : str
        Name in `settings.SOURCES`.
    target : str
        Gene that is left out; it gets no label unless the source is leaky.
    means : AnnData
        Image embeddings of the conditions by the network that did not see the target, from
        `image_means`.
    signatures : AnnData
        As in `signature_clusters`.
    nodes : DataFrame
        `gene`, `is_regulator` of the network.
    k_image, k_signature : int
        Numbers of clusters.

    Returns
    -------
    dict of str to str
        Gene → cluster; empty for `none`.

    Raises
    ------
    InputError
        As `image_clusters` and `signature_clusters`.
    """
    if source == "none":
        return {}
    if source.startswith("physical"):  # image clusters; the others are CMap's
        return image_clusters(means, k=k_image, without="" if SOURCES[source].is_leaky else target)
    genes = (
        nodes["gene"]
        if source.endswith("all_nodes")
        else nodes.loc[nodes["is_regulator"].astype(bool), "gene"]
    )
    found = signature_clusters(signatures, genes.tolist(), k=k_signature)
    # the target takes part in the tree; only its label is masked, as published
    return found if SOURCES[source].is_leaky else without(found, target)


def without(labels: Mapping[str, str], target: str) -> Labels:
    """Return the labels without that of the target.

    Parameters
    ----------
    labels : mapping of str to str
        Gene → label.
    target : str

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> without({"JUN": "1", "SRC": "2"}, "SRC")
    {'JUN': '1'}
    """
    return {gene: name for gene, name in labels.items() if gene != target}
