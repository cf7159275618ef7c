"""Raw single-cell counts: read by Ensembl id, named by symbol."""

import gzip
import os

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from lib.data.errors import InputError
from lib.interactome.sources import read_columns
from lib.run import store

ID_COLUMNS = ("ensembl", "symbol")


def read_counts(path: str | os.PathLike) -> AnnData:
    """Read raw counts from a CSV, plain or `.gz`: one row per cell, one column per Ensembl id.

    One line is in memory at a time, and only what is not zero is kept: the published 1152 × 42,728
    table takes some seconds and some hundred MB.

    Parameters
    ----------
    path : path
        First line: ids; first column: names of the cells.

    Returns
    -------
    AnnData
        Cells × ids, sparse rows (CSR), float32.

    Raises
    ------
    InputError
        For a repeated cell or id, a line of another length, and a count that is negative or no
        whole number.
    """
    path = store.resolve(path)
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8") as file
    ):
        ids = [name.strip('" ') for name in file.readline().rstrip("\r\n").split(",")[1:]]
        if not ids:
            raise InputError(
                f"{path.name}: no gene ids in its first line; expected names separated by commas"
            )
        cells, rows = [], []
        for line in file:
            # counts stay text until they are parsed at once
            cell, _, values = line.rstrip("\r\n").partition(",")
            cells.append(cell.strip('" '))
            rows.append(_sparse_row(values, ids, where=f"{path.name}: cell {cells[-1]}"))
    if not rows:
        raise InputError(
            f"{path.name}: no cells; expected a header of Ensembl ids and one line a cell"
        )
    for what, names in (("cell", pd.Index(cells)), ("gene", pd.Index(ids))):
        if names.has_duplicates:
            raise InputError(
                f"{path.name}: {what} {names[names.duplicated()][0]} is there twice; keep one"
            )
    lengths = [len(columns) for columns, _ in rows]
    columns, values = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    matrix = sparse.csr_matrix(
        # CSR: values, columns, row starts
        (values, columns, np.r_[0, np.cumsum(lengths)]),
        shape=(len(cells), len(ids)),
    )
    return AnnData(matrix, obs=pd.DataFrame(index=cells), var=pd.DataFrame(index=ids))


def read_gene_ids(path: str | os.PathLike) -> pd.DataFrame:
    """Read the pinned table of Ensembl ids and symbols.

    It stands for the paper's live query of MyGene, whose answers drift: rows are taken as its
    answers.

    Parameters
    ----------
    path : path
        Tab-separated table with `ID_COLUMNS`.

    Returns
    -------
    DataFrame
        `ensembl`, `symbol`, in the order of precedence; an empty cell is a missing value.

    Raises
    ------
    InputError
        If the file is absent or a column is missing.
    """
    table = read_columns(path, ID_COLUMNS)
    return table.mask(table == "")


def to_symbols(counts: AnnData, gene_ids: pd.DataFrame) -> AnnData:
    """Rename Ensembl ids to symbols as the paper does: the first id, in file order, of each symbol.

    Parameters
    ----------
    counts : AnnData
        Cells × Ensembl ids; versions (`.14`) are ignored.
    gene_ids : DataFrame
        `ensembl`, `symbol`, from `read_gene_ids`.

    Returns
    -------
    AnnData
        Cells × symbols, var `gene_symbol`, `ens_ids`; uns `n_missing`, `n_repeated`: answers
        dropped.

    Raises
    ------
    InputError
        If no id is known.
    """
    ids = pd.DataFrame({"ensembl": counts.var_names.str.replace(r"\.\d+$", "", regex=True)})
    ids["position"] = np.arange(len(ids))  # column of the counts
    # left join: an id with several symbols gives several rows, one without gives NaN
    answers = ids.merge(gene_ids[["ensembl", "symbol"]].drop_duplicates(), on="ensembl", how="left")
    known = answers.dropna(subset="symbol")
    if known.empty:
        raise InputError(
            f"none of {len(ids)} gene ids has a symbol, such as {ids['ensembl'].iloc[0]}; expected "
            "Ensembl ids (ENSG…)"
        )
    first = known.drop_duplicates("symbol")
    var = pd.DataFrame(
        {"gene_symbol": first["symbol"].to_numpy(), "ens_ids": first["ensembl"].to_numpy()}
    )
    named = AnnData(
        counts.X[:, first["position"].to_numpy()],
        obs=counts.obs.copy(),
        var=var.set_axis(var["gene_symbol"].rename(None)),
    )
    named.uns["n_missing"] = len(answers) - len(known)
    named.uns["n_repeated"] = len(known) - len(first)
    return named


def _sparse_row(text: str, ids: list[str], *, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return columns and values of one line's counts that are not zero.

    In messages, `where` names the line.
    """
    try:
        values = np.fromstring(text, sep=",")
    except (ValueError, DeprecationWarning):
        values = np.empty(0)
    if len(values) != len(ids):
        found = text.count(",") + 1
        problem = (
            f"{found} counts for {len(ids)} genes"
            if found != len(ids)
            else "a count that is no number"
        )
        raise InputError(f"{where} has {problem}; is the file cut off or not separated by commas?")
    # a value that is no whole number is normalised already
    bad = np.flatnonzero(~((values >= 0) & (values == np.floor(values)) & np.isfinite(values)))
    if len(bad):
        raise InputError(
            f"{where}, gene {ids[bad[0]]}: {values[bad[0]]:g} is no count; raw counts are whole "
            "numbers from 0"
        )
    columns = np.flatnonzero(values)
    return columns.astype(np.int32), values[columns].astype(np.float32)
