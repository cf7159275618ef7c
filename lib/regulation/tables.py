"""Hand tables from one notebook of the regulatory embeddings to the next."""

import os
from collections.abc import Mapping

import pandas as pd
import pandera.pandas as pa
from anndata import AnnData

from lib.data import tables
from lib.data.errors import InputError
from lib.interactome import sources

NODES = pa.DataFrameSchema({"gene": pa.Column(str, unique=True), "is_regulator": pa.Column(bool)})


def read_nodes(path: str | os.PathLike) -> pd.DataFrame:
    """Return the genes of the network.

    Parameters
    ----------
    path : path
        Table with at least `gene` and `is_regulator`.

    Returns
    -------
    DataFrame
        One row per gene; further columns are kept.

    Raises
    ------
    InputError
        For a missing column, no row, or a gene that is there twice.
    """
    try:
        return tables.read(path, NODES)
    except InputError as error:
        fix = "the notebook interactome makes it; a larger beta there gives a larger tree"
        raise InputError(f"{error}; {fix}") from None


def planted_modules(sources_dir: str | os.PathLike, screen_dir: str | os.PathLike) -> pd.DataFrame:
    """Return the planted modules of the genes, where all sources and the screen are simulated.

    Parameters
    ----------
    sources_dir, screen_dir : path
        Folders that say where they come from.

    Returns
    -------
    DataFrame
        One row per gene: `gene`, `module`; no row with a real source or screen among them.
    """
    return sources.read_truth(sources_dir, screen_dir)[["gene", "module"]].astype(str)


def annotate(
    embeddings: AnnData, nodes: pd.DataFrame, labels: Mapping[str, str], clusters: pd.DataFrame
) -> AnnData:
    """Add what is known of every gene to its latent.

    Parameters
    ----------
    embeddings : AnnData
        (N, L), named by gene.
    nodes : DataFrame
        `gene`, `is_regulator`.
    labels : mapping of str to str
        Gene → gene-perturbation cluster.
    clusters : DataFrame
        `gene`, `cluster` from 0.

    Returns
    -------
    AnnData
        obs has `is_regulator`, `perturbation_cluster` (empty for none) and `cluster`.
    """
    genes = embeddings.obs_names
    observed = pd.DataFrame(
        {
            # in the order of the latents
            "is_regulator": nodes.set_index("gene")["is_regulator"].reindex(genes).to_numpy(bool),
            "perturbation_cluster": [labels.get(gene, "") for gene in genes],
            "cluster": clusters.set_index("gene")["cluster"].reindex(genes).to_numpy(),
        },
        index=genes,
    )
    return AnnData(embeddings.X, obs=observed, var=embeddings.var)
