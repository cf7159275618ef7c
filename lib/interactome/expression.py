"""Single-cell expression of the FUCCI data: from raw counts by Ensembl id to log expression by
symbol."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from anndata import AnnData
from anndata.utils import make_index_unique
from scipy import sparse

from lib.data.errors import InputError


def filter_counts(counts: AnnData, *, min_genes: int = 8000, min_cells: int = 10) -> AnnData:
    """Keep cells with `min_genes` detected genes or more, then genes detected in `min_cells` of
    these or more.

    Returns
    -------
    AnnData
        obs `n_genes_per_cell`, `n_genes` (detected before and after the genes were filtered), var
        `n_cells_per_gene`, `n_cells` (before and after the cells were).

    Raises
    ------
    InputError
        If no cell or no gene is left.
    """
    detected = sparse.csr_matrix(counts.X > 0, dtype=np.int32)
    per_cell = np.asarray(detected.sum(axis=1)).ravel()
    per_gene = np.asarray(detected.sum(axis=0)).ravel()
    cells = np.flatnonzero(per_cell >= min_genes)
    if not len(cells):
        raise InputError(
            f"no cell has {min_genes} detected genes or more, the best has {per_cell.max()}; lower "
            "min_genes"
        )
    left = np.asarray(detected[cells].sum(axis=0)).ravel()
    genes = np.flatnonzero(left >= min_cells)
    if not len(genes):
        raise InputError(
            f"no gene is detected in {min_cells} of {len(cells)} cells or more; lower min_cells"
        )
    kept = counts[cells][:, genes].copy()
    kept.obs["n_genes_per_cell"] = per_cell[cells]
    kept.obs["n_genes"] = np.asarray(detected[cells][:, genes].sum(axis=1)).ravel()
    kept.var["n_cells_per_gene"], kept.var["n_cells"] = per_gene[genes], left[genes]
    return kept


def log_normalise(counts: AnnData, *, target_sum: float = 1e6) -> AnnData:
    """Scale every cell to the same total and take log(1 + x): cells × genes, dense float32, symbols
    in capitals.

    Symbols that are equal in capitals get a suffix, `-1` and so on, as AnnData does.
    """
    values = counts.X.toarray() if sparse.issparse(counts.X) else np.array(counts.X)
    totals = values.sum(axis=1, dtype=np.float64, keepdims=True)
    if not totals.all():
        raise InputError(
            f"cell {counts.obs_names[np.flatnonzero(totals.ravel() == 0)[0]]} has no counts; "
            "filter the cells first"
        )
    scaled = values.astype(np.float32, copy=False)
    scaled *= (target_sum / totals).astype(np.float32)
    np.log1p(scaled, out=scaled)
    names = make_index_unique(pd.Index(counts.var_names.str.upper()))
    return AnnData(
        scaled, obs=counts.obs.copy(), var=counts.var.set_axis(names), uns=dict(counts.uns)
    )


def steps(stages: Mapping[str, AnnData]) -> pd.DataFrame:
    """Return `step`, `n_cells`, `n_genes` of the data after each step."""
    rows = [(name, data.n_obs, data.n_vars) for name, data in stages.items()]
    return pd.DataFrame(rows, columns=["step", "n_cells", "n_genes"])


def constant_genes(expression: AnnData) -> list[str]:
    """Return the genes with one value in all cells: they correlate with nothing."""
    return expression.var_names[np.ptp(expression.X, axis=0) == 0].tolist()
