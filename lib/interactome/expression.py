"""Single-cell expression of the FUCCI data: from raw counts by Ensembl id to log expression by symbol."""

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from anndata.utils import make_index_unique
from scipy import sparse

from lib import store
from lib.interactome.sources import SourceError

ID_COLUMNS = ("ensembl", "symbol")


def read_counts(path: str | os.PathLike) -> AnnData:
    """Read raw counts from a CSV with a row a cell and a column an Ensembl id; plain or `.gz`.

    One line is in memory at a time, and only what is not zero is kept: the published 1152 × 42,728 table takes some
    seconds and 150 MB.

    Returns
    -------
    AnnData
        Cells × ids, sparse, float32.

    Raises
    ------
    SourceError
        For a repeated cell or id, a line of another length, and a count that is negative or no whole number.
    """
    path = store.resolve(path)
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as file:
        ids = [name.strip('" ') for name in file.readline().rstrip("\r\n").split(",")[1:]]
        cells, rows = [], []
        for line in file:
            cell, _, values = line.rstrip("\r\n").partition(",")
            cells.append(cell.strip('" '))
            rows.append(_sparse_row(values, ids, where=f"{path.name}: cell {cells[-1]}"))
    if not rows:
        raise SourceError(f"{path.name}: no cells; expected a header of Ensembl ids and one line a cell")
    for what, names in (("cell", pd.Index(cells)), ("gene", pd.Index(ids))):
        if names.has_duplicates:
            raise SourceError(f"{path.name}: {what} {names[names.duplicated()][0]} is there twice; keep one")
    lengths = [len(columns) for columns, _ in rows]
    columns, values = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    matrix = sparse.csr_matrix((values, columns, np.r_[0, np.cumsum(lengths)]), shape=(len(cells), len(ids)))
    return AnnData(matrix, obs=pd.DataFrame(index=cells), var=pd.DataFrame(index=ids))


def read_gene_ids(path: str | os.PathLike) -> pd.DataFrame:
    """Read the pinned table of Ensembl ids and symbols: `ensembl`, `symbol`, in the order of precedence.

    It stands for the paper's live query of MyGene, whose answers drift: rows are taken as its answers.
    """
    from lib.interactome.cmap import read_columns  # it brings the clusters along, which nothing else here needs

    table = read_columns(path, ID_COLUMNS)
    return table.mask(table == "")


def to_symbols(counts: AnnData, gene_ids: pd.DataFrame) -> AnnData:
    """Rename Ensembl ids to symbols as the paper does: ids in file order, the first id of each symbol.

    An id without a symbol and the later ids of a symbol are dropped; an id with several symbols gives as many columns.

    Parameters
    ----------
    counts : AnnData
        Cells × Ensembl ids; versions (`.14`) are ignored.
    gene_ids : DataFrame
        `ensembl`, `symbol`.

    Returns
    -------
    AnnData
        Cells × symbols, var `gene_symbol`, `ens_ids`; uns `n_missing`, `n_repeated`: answers dropped.

    Raises
    ------
    SourceError
        If no id is known.
    """
    ids = pd.DataFrame({"ensembl": counts.var_names.str.replace(r"\.\d+$", "", regex=True)})
    ids["position"] = np.arange(len(ids))
    answers = ids.merge(gene_ids[["ensembl", "symbol"]].drop_duplicates(), on="ensembl", how="left")
    known = answers.dropna(subset="symbol")
    if known.empty:
        raise SourceError(f"none of {len(ids)} gene ids has a symbol, such as {ids['ensembl'].iloc[0]}; "
                          "expected Ensembl ids (ENSG…)")  # fmt: skip
    first = known.drop_duplicates("symbol")
    var = pd.DataFrame({"gene_symbol": first["symbol"].to_numpy(), "ens_ids": first["ensembl"].to_numpy()})
    named = AnnData(counts.X[:, first["position"].to_numpy()], obs=counts.obs.copy(),
                    var=var.set_axis(var["gene_symbol"].rename(None)))  # fmt: skip
    named.uns["n_missing"] = len(answers) - len(known)
    named.uns["n_repeated"] = len(known) - len(first)
    return named


def filter_counts(counts: AnnData, *, min_genes: int = 8000, min_cells: int = 10) -> AnnData:
    """Keep cells with `min_genes` detected genes or more, then genes detected in `min_cells` of these or more.

    Returns
    -------
    AnnData
        obs `n_genes_per_cell`, `n_genes` (detected before and after the genes were filtered), var `n_cells_per_gene`,
        `n_cells` (before and after the cells were).

    Raises
    ------
    SourceError
        If no cell or no gene is left.
    """
    detected = sparse.csr_matrix(counts.X > 0, dtype=np.int32)
    per_cell = np.asarray(detected.sum(axis=1)).ravel()
    per_gene = np.asarray(detected.sum(axis=0)).ravel()
    cells = np.flatnonzero(per_cell >= min_genes)
    if not len(cells):
        raise SourceError(f"no cell has {min_genes} detected genes or more, the best has {per_cell.max()}; "
                          "lower min_genes")  # fmt: skip
    left = np.asarray(detected[cells].sum(axis=0)).ravel()
    genes = np.flatnonzero(left >= min_cells)
    if not len(genes):
        raise SourceError(f"no gene is detected in {min_cells} of {len(cells)} cells or more; lower min_cells")
    kept = counts[cells][:, genes].copy()
    kept.obs["n_genes_per_cell"] = per_cell[cells]
    kept.obs["n_genes"] = np.asarray(detected[cells][:, genes].sum(axis=1)).ravel()
    kept.var["n_cells_per_gene"], kept.var["n_cells"] = per_gene[genes], left[genes]
    return kept


def log_normalise(counts: AnnData, *, target_sum: float = 1e6) -> AnnData:
    """Scale every cell to the same total and take log(1 + x): cells × genes, dense float32, symbols in capitals.

    Symbols that are equal in capitals get a suffix, `-1` and so on, as AnnData does.
    """
    values = counts.X.toarray() if sparse.issparse(counts.X) else np.asarray(counts.X)
    values = values.astype(np.float64)
    totals = values.sum(axis=1, keepdims=True)
    if not totals.all():
        raise SourceError(f"cell {counts.obs_names[np.flatnonzero(totals.ravel() == 0)[0]]} has no counts; "
                          "filter the cells first")  # fmt: skip
    scaled = np.log1p(values * (target_sum / totals)).astype(np.float32)
    names = make_index_unique(pd.Index(counts.var_names.str.upper()))
    return AnnData(scaled, obs=counts.obs.copy(), var=counts.var.set_axis(names), uns=dict(counts.uns))


def prepare(
    counts: AnnData,
    gene_ids: pd.DataFrame,
    *,
    min_genes: int = 8000,
    min_cells: int = 10,
    target_sum: float = 1e6,
) -> tuple[AnnData, pd.DataFrame]:
    """Name, filter, normalise: the whole way from raw counts to log expression.

    Returns
    -------
    AnnData
        Cells × genes, from `log_normalise`.
    DataFrame
        `step`, `n_cells`, `n_genes`: what is left after each step.
    """
    named = to_symbols(counts, gene_ids)
    kept = filter_counts(named, min_genes=min_genes, min_cells=min_cells)
    expression = log_normalise(kept, target_sum=target_sum)
    steps = [
        ("raw counts", counts.n_obs, counts.n_vars),
        ("with a symbol, the first id of each", named.n_obs, named.n_vars),
        (f"cells with {min_genes} genes, genes in {min_cells} cells", kept.n_obs, kept.n_vars),
        ("not constant over cells", kept.n_obs, kept.n_vars - len(constant_genes(expression))),
    ]
    return expression, pd.DataFrame(steps, columns=["step", "n_cells", "n_genes"])


def constant_genes(expression: AnnData) -> list[str]:
    """Return the genes with one value in all cells: they correlate with nothing."""
    return expression.var_names[np.ptp(expression.X, axis=0) == 0].tolist()


def write(path: str | os.PathLike, data: AnnData) -> Path:
    """Write an `.h5ad`, whole or not at all."""
    with store.atomic(path) as part:
        data.write_h5ad(part)
    return store.resolve(path)


def _sparse_row(text: str, ids: list[str], *, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return columns and values of one line's counts that are not zero; `where` names the line in messages."""
    try:
        values = np.fromstring(text, sep=",")
    except (ValueError, DeprecationWarning):
        values = np.empty(0)
    if len(values) != len(ids):
        found = text.count(",") + 1
        problem = f"{found} counts for {len(ids)} genes" if found != len(ids) else "a count that is no number"
        raise SourceError(f"{where} has {problem}; is the file cut off or not separated by commas?")
    bad = np.flatnonzero(~((values >= 0) & (values == np.floor(values)) & np.isfinite(values)))
    if len(bad):
        raise SourceError(f"{where}, gene {ids[bad[0]]}: {values[bad[0]]:g} is no count; raw counts are whole "
                          "numbers from 0")  # fmt: skip
    columns = np.flatnonzero(values)
    return columns.astype(np.int32), values[columns].astype(np.float32)
