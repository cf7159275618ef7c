"""Clusters of genes that the embedding learns: of image embeddings, of expression signatures, without a target."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import anndata
import pandas as pd
from anndata import AnnData

from lib import gene_lists
from lib.regulation import clusters
from lib.regulation.errors import RegulationError
from lib.regulation.settings import SOURCES
from lib.screen import clusters as screen_clusters
from lib.screen.embeddings import condition_means

Labels = dict[str, str]
"""Gene → cluster; genes that are not in it have no label."""


def perturbation_clusters(path: Path) -> Labels:
    """Return the gene-perturbation clusters of Fig 2E from a CSV with columns gene and cluster, each gene once."""
    return {gene: name for name, genes in gene_lists.clusters(path, default="").items() for gene in genes}


def image_clusters(path: Path, *, k: int, without: str = "") -> Labels:
    """Return clusters of the conditions by a network that did not see the left-out targets.

    Means of the nuclei that it was trained on, and of all nuclei of targets left out; Euclidean distance, complete
    linkage, as for Fig 2E; control left out.

    Parameters
    ----------
    path : Path
        `.h5ad` of a left-out target, from the notebook leave_one_target_out.
    k : int
        Clusters; fewer if there are fewer conditions (paper: 10).
    without : str
        Condition that gets no label; empty = none.
    """
    found = anndata.read_h5ad(path)
    used = found[found.obs["split"].isin(["train", "out"]).to_numpy()]
    means = condition_means(used)
    if without and without not in means.obs_names:
        raise RegulationError(f"{path.name} has no nucleus of {without}; expected its left-out target")
    means = means[means.obs_names != without]
    table = screen_clusters.assign(means, k=min(k, means.n_obs))
    return dict(zip(table["gene"], table["cluster"].astype(str), strict=True))


def signature_clusters(signatures: AnnData, genes: Sequence[str], *, k: int) -> Labels:
    """Return clusters of the genes that have an expression signature: cosine distance, complete linkage.

    Parameters
    ----------
    signatures : AnnData
        Over-expressed genes × landmark genes, mean level-5 z-scores of CMap.
    genes : sequence of str
        Those to cluster; genes without a signature are left out (paper: 47 of 249, or the 39 regulators).
    k : int
        Clusters; fewer if there are fewer genes (paper: 10).
    """
    covered = [gene for gene in genes if gene in signatures.obs_names]
    if len(covered) < clusters.FEWEST:
        raise RegulationError(
            f"{len(covered)} of {len(genes)} genes have a CMap signature; {clusters.FEWEST} or more are needed"
        )
    table = clusters.assign(signatures[covered], k=min(k, len(covered)))
    return dict(zip(table["gene"], table["cluster"].astype(str), strict=True))


def target_labels(
    source: str,
    target: str,
    *,
    image_path: Path,
    signatures: AnnData,
    nodes: pd.DataFrame,
    k_image: int,
    k_signature: int,
) -> Labels:
    """Return the labels of a source of `settings.SOURCES` for one left-out target.

    Parameters
    ----------
    nodes : DataFrame
        `gene`, `is_regulator` of the network.
    """
    if source == "none":
        return {}
    if source.startswith("physical"):
        return image_clusters(image_path, k=k_image, without="" if SOURCES[source].is_leaky else target)
    genes = nodes["gene"] if source.endswith("all_nodes") else nodes.loc[nodes["is_regulator"].astype(bool), "gene"]
    found = signature_clusters(signatures, genes.tolist(), k=k_signature)
    return found if SOURCES[source].is_leaky else without(found, target)


def without(labels: Mapping[str, str], target: str) -> Labels:
    """Return the labels without that of the target."""
    return {gene: name for gene, name in labels.items() if gene != target}
