"""What the notebooks of the regulatory embeddings hand from one step to the next."""

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
    """Return the genes of the network: `gene`, `is_regulator` and what else the table has, each
    gene once.

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
    """Return `gene`, `module` where all sources and the screen are simulated; no row with a real
    one among them.

    Parameters
    ----------
    sources_dir, screen_dir : path
        Folders that say where they come from.
    """
    return sources.read_truth(sources_dir, screen_dir)[["gene", "module"]].astype(str)


def annotate(
    embeddings: AnnData, nodes: pd.DataFrame, labels: Mapping[str, str], clusters: pd.DataFrame
) -> AnnData:
    """Return the latents with obs `is_regulator`, `perturbation_cluster` (empty for none) and
    `cluster` from 0."""
    genes = embeddings.obs_names
    observed = pd.DataFrame(
        {
            "is_regulator": nodes.set_index("gene")["is_regulator"].reindex(genes).to_numpy(bool),
            "perturbation_cluster": [labels.get(gene, "") for gene in genes],
            "cluster": clusters.set_index("gene")["cluster"].reindex(genes).to_numpy(),
        },
        index=genes,
    )
    return AnnData(embeddings.X, obs=observed, var=embeddings.var)
