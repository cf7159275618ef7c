"""CMap over-expression signatures: the mean level-5 signature of each gene over landmark genes."""

import os
from collections.abc import Collection

import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data import gctx
from lib.data.errors import InputError
from lib.interactome.sources import read_columns
from lib.screen import clusters

SIGNATURE_COLUMNS = ("sig_id", "project_code", "cell_iname", "pert_type", "cmap_name")
GENE_COLUMNS = ("gene_id", "gene_symbol", "feature_space")
LANDMARK = "landmark"


def select_signatures(
    path: str | os.PathLike,
    *,
    project: str = "TA",
    cell: str = "U2OS",
    perturbation: str = "trt_oe",
) -> pd.DataFrame:
    """Read the rows of a siginfo table for one project, cell line and type of perturbation.

    In the release of 2020, 324 signatures of 188 genes.

    Parameters
    ----------
    path : path
        Tab-separated table of CMap with `SIGNATURE_COLUMNS`.
    project, cell, perturbation : str
        Values of `project_code`, `cell_iname` and `pert_type`; the defaults are the paper's.

    Returns
    -------
    DataFrame
        One row per signature, in the order of the file, columns `SIGNATURE_COLUMNS`, all text.

    Raises
    ------
    InputError
        If a column is missing, a signature is there twice, or no row is left.
    """
    table = read_columns(path, SIGNATURE_COLUMNS)
    wanted = {"project_code": project, "cell_iname": cell, "pert_type": perturbation}
    kept = table[np.logical_and.reduce([table[name] == value for name, value in wanted.items()])]
    if kept.empty:
        seen = "; ".join(
            f"{name} has {', '.join(sorted(table[name].dropna().unique())[:4])}" for name in wanted
        )
        raise InputError(f"{path}: no signature of {project}, {cell}, {perturbation}; {seen}")
    if kept["sig_id"].duplicated().any():
        raise InputError(
            f"{path}: signature {kept['sig_id'][kept['sig_id'].duplicated()].iloc[0]} is there "
            "twice"
        )
    return kept.reset_index(drop=True)


def landmarks(path: str | os.PathLike) -> pd.Series:
    """Read the landmark genes of a geneinfo table.

    Parameters
    ----------
    path : path
        Tab-separated table of CMap with `GENE_COLUMNS`.

    Returns
    -------
    Series of str
        Symbol in upper case by gene id, sorted by symbol; 978 genes in the release of 2020.

    Raises
    ------
    InputError
        If a column is missing, no gene is a landmark, or two landmarks share id or symbol.
    """
    table = read_columns(path, GENE_COLUMNS)
    chosen = table[table["feature_space"] == LANDMARK]
    symbols = pd.Series(
        chosen["gene_symbol"].str.upper().to_numpy(),
        index=chosen["gene_id"].to_numpy(),
        name="symbol",
    )
    if symbols.empty:
        raise InputError(f"{path}: no gene with feature_space = {LANDMARK!r}")
    if symbols.index.has_duplicates or symbols.duplicated().any():
        twice = symbols[symbols.duplicated() | symbols.index.duplicated()].iloc[0]
        raise InputError(f"{path}: landmark gene {twice} is there twice; keep one row")
    # the reference's order is that of a set, so another on every run
    return symbols.sort_values()


def mean_signatures(
    level5: str | os.PathLike, signatures: pd.DataFrame, symbols: pd.Series
) -> AnnData:
    """Average the level-5 z-scores of each over-expressed gene, joined by id.

    Parameters
    ----------
    level5 : path
        GCTX of signatures × genes, moderated z-scores.
    signatures : DataFrame
        `sig_id`, `cmap_name`, from `select_signatures`.
    symbols : Series
        Gene id → symbol, from `landmarks`.

    Returns
    -------
    AnnData
        Over-expressed genes (sorted) × landmark genes (sorted), mean z-scores; obs `n_signatures`.

    Raises
    ------
    InputError
        If the file lacks a signature or gene, or a value is not finite.

    References
    ----------
    Paysan et al., Image2Reg, Methods; code `uhlerlab/image2reg`,
    `notebooks/rohban/ppi/gex_analyses/cmap_preprocessing.ipynb`
    """
    found = gctx.read_gctx(
        level5, signatures=signatures["sig_id"].tolist(), genes=symbols.index.tolist()
    )
    values = np.asarray(found.X, np.float64)  # (signatures, genes)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise InputError(
            f"{level5}: {found.obs_names[row]}, gene {symbols.iloc[column]} is not a finite number"
        )
    # codes (signatures,): row of each signature's gene
    names, codes, counts = np.unique(
        signatures["cmap_name"].str.upper().to_numpy(str), return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, codes, values)  # unbuffered: a gene with several signatures adds up
    obs = pd.DataFrame({"n_signatures": counts}, index=pd.Index(names.astype(object), name="gene"))
    var = pd.DataFrame(
        {"gene_id": symbols.index.to_numpy()}, index=pd.Index(symbols.to_numpy(), name="symbol")
    )
    return AnnData((sums / counts[:, None]).astype(np.float32), obs=obs, var=var)


def unit_length(signatures: AnnData) -> AnnData:
    """Scale every signature to length 1.

    Euclidean distances then order pairs as cosine distances do, so complete linkage of these by
    `lib.screen.clusters` merges exactly as the paper's by cosine distance.

    Parameters
    ----------
    signatures : AnnData
        Genes × landmarks.

    Returns
    -------
    AnnData
        The same rows and columns, float64.

    Raises
    ------
    InputError
        If a signature is zero everywhere.
    """
    values = np.asarray(signatures.X, np.float64)
    length = np.linalg.norm(values, axis=1, keepdims=True)  # (genes, 1)
    if not length.all():
        gene = signatures.obs_names[np.flatnonzero(length.ravel() == 0)[0]]
        raise InputError(
            f"the signature of {gene} is zero everywhere; it has no direction to compare"
        )
    return AnnData(values / length, obs=signatures.obs.copy(), var=signatures.var.copy())


def cluster(
    signatures: AnnData, genes: Collection[str] | None = None, *, k: int = 10
) -> pd.DataFrame:
    """Cluster genes by their signatures: cosine distance, complete linkage.

    The paper has 47 genes of the network and k = 10.

    Parameters
    ----------
    signatures : AnnData
        Genes × landmarks, from `mean_signatures`.
    genes : collection of str, optional
        Genes to cluster; those without a signature are left out. Default all.
    k : int
        Number of clusters; at most one per gene.

    Returns
    -------
    DataFrame
        `gene`, `cluster` (1 … k), in the order of the dendrogram's leaves.

    Raises
    ------
    InputError
        If fewer than three genes have a signature, or one is zero everywhere.
    """
    wanted = list(
        signatures.obs_names
        if genes is None
        else signatures.obs_names[signatures.obs_names.isin(genes)]
    )
    return clusters.assign(unit_length(signatures[wanted]), k=min(k, len(wanted)))


def coverage(path: str | os.PathLike, genes: Collection[str]) -> pd.DataFrame:
    """Return how CMap measures some genes.

    Parameters
    ----------
    path : path
        Tab-separated geneinfo table with `GENE_COLUMNS`.
    genes : collection of str
        Symbols as the table spells them.

    Returns
    -------
    DataFrame
        One row per gene in the order given: `gene`, `feature_space` ("landmark", "best inferred",
        "inferred", "not reported", or "absent" for those that the table lacks).

    Raises
    ------
    InputError
        If the file is not readable, or a column is missing.
    """
    table = (
        read_columns(path, GENE_COLUMNS)
        .drop_duplicates("gene_symbol")
        .set_index("gene_symbol")["feature_space"]
    )
    return pd.DataFrame(
        {
            "gene": list(genes),
            "feature_space": table.reindex(list(genes)).fillna("absent").to_numpy(),
        }
    )
