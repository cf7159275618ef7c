"""Single-cell expression of the FUCCI data: from raw counts to log expression by symbol."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from anndata import AnnData
from anndata.utils import make_index_unique
from scipy import sparse

from lib.data.errors import InputError


def filter_counts(counts: AnnData, *, min_genes: int = 8000, min_cells: int = 10) -> AnnData:
    """Keep the cells with enough detected genes, then the genes detected in enough of these cells.

    The published data keep 1126 of 1152 cells.

    Parameters
    ----------
    counts : AnnData
        Cells × genes, raw counts, sparse or dense.
    min_genes : int
        Fewest detected genes of a cell that is kept; 8000 in the paper.
    min_cells : int
        Fewest kept cells in which a kept gene is detected; 10 in the paper.

    Returns
    -------
    AnnData
        A copy of the kept part, with obs `n_genes_per_cell`, `n_genes` (detected before and after
        the genes were filtered), var `n_cells_per_gene`, `n_cells` (before and after the cells
        were).

    Raises
    ------
    InputError
        If no cell or no gene is left.

    References
    ----------
    Paysan et al., Image2Reg, Methods; code `uhlerlab/image2reg`,
    `notebooks/rohban/ppi/gex_analyses/scgex_preprocessing.ipynb`; data: GEO GSE146773
    """
    detected = sparse.csr_matrix(counts.X > 0, dtype=np.int32)
    per_cell = np.asarray(detected.sum(axis=1)).ravel()  # (cells,)
    per_gene = np.asarray(detected.sum(axis=0)).ravel()  # (genes,)
    cells = np.flatnonzero(per_cell >= min_genes)
    if not len(cells):
        raise InputError(
            f"no cell has {min_genes} detected genes or more, the best has {per_cell.max()}; lower "
            "min_genes"
        )
    # cells first, then genes in the cells that are left: the paper's order
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
    """Scale every cell to the same total and take log(1 + x).

    Symbols that are equal in capitals get a suffix, `-1` and so on, as AnnData does.

    Parameters
    ----------
    counts : AnnData
        Cells × genes, raw counts, sparse or dense.
    target_sum : float
        Total of every cell; 1e6 in the paper.

    Returns
    -------
    AnnData
        Cells × symbols in capitals, dense float32, natural logarithm.

    Raises
    ------
    InputError
        If a cell has no counts.

    References
    ----------
    Paysan et al., Image2Reg, Methods
    """
    values = counts.X.toarray() if sparse.issparse(counts.X) else np.array(counts.X)
    # (cells, 1); float32 sums would be inexact
    totals = values.sum(axis=1, dtype=np.float64, keepdims=True)
    if not totals.all():
        raise InputError(
            f"cell {counts.obs_names[np.flatnonzero(totals.ravel() == 0)[0]]} has no counts; "
            "filter the cells first"
        )
    # in place from here: the published matrix is 100 MB
    scaled = values.astype(np.float32, copy=False)
    scaled *= (target_sum / totals).astype(np.float32)
    np.log1p(scaled, out=scaled)
    # every consumer joins by capitals, so symbols are capitals once and for all
    names = make_index_unique(pd.Index(counts.var_names.str.upper()))
    return AnnData(
        scaled, obs=counts.obs.copy(), var=counts.var.set_axis(names), uns=dict(counts.uns)
    )


def steps(stages: Mapping[str, AnnData]) -> pd.DataFrame:
    """Return how many cells and genes are left after each step.

    Parameters
    ----------
    stages : mapping of str to AnnData
        Name of a step → the data after it, in order.

    Returns
    -------
    DataFrame
        One row per step: `step`, `n_cells`, `n_genes`.
    """
    rows = [(name, data.n_obs, data.n_vars) for name, data in stages.items()]
    return pd.DataFrame(rows, columns=["step", "n_cells", "n_genes"])


def constant_genes(expression: AnnData) -> list[str]:
    """Return the genes with one value in all cells, which correlate with nothing.

    Parameters
    ----------
    expression : AnnData
        Cells × genes, dense.

    Returns
    -------
    list of str
    """
    return expression.var_names[np.ptp(expression.X, axis=0) == 0].tolist()
