"""What the notebooks of the regulatory embeddings hand from one step to the next."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from lib.interactome import sources
from lib.regulation.errors import RegulationError
from lib.run import store


def read_nodes(path: str | os.PathLike) -> pd.DataFrame:
    """Return the genes of the network: `gene`, `is_regulator` and what else the table has, each gene once.

    Raises
    ------
    RegulationError
        For a missing column, no row, or a gene that is there twice.
    """
    table = pd.read_csv(store.resolve(path))
    missing = [name for name in ("gene", "is_regulator") if name not in table]
    name = Path(path).name
    if missing:
        raise RegulationError(f"{name} lacks the column {missing[0]!r}; the notebook interactome makes it")
    if table.empty:
        raise RegulationError(
            f"{name} has no gene: the tree is empty; choose a larger beta in the notebook interactome"
        )
    repeated = table["gene"].duplicated()
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0])
        raise RegulationError(f"{name}: row {row + 2}: {table['gene'].iloc[row]} is there twice; keep one")
    return table.astype({"gene": str, "is_regulator": bool})


def planted_modules(sources_dir: str | os.PathLike, screen_dir: str | os.PathLike) -> pd.DataFrame:
    """Return `gene`, `module` where all sources and the screen are simulated; no row with a real one among them.

    Parameters
    ----------
    sources_dir, screen_dir : path
        Folders that say where they come from.
    """
    return sources.read_truth(sources_dir, screen_dir)[["gene", "module"]].astype(str)


def annotate(embeddings: AnnData, nodes: pd.DataFrame, labels: Mapping[str, str], clusters: pd.DataFrame) -> AnnData:
    """Return the latents with obs `is_regulator`, `perturbation_cluster` (empty for none) and `cluster` from 0."""
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
