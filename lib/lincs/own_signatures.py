"""A user's own matrices: read whatever their form, brought to the landmarks of a model."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa
from anndata import AnnData

from lib.data import gctx, tables
from lib.data.errors import InputError, listed
from lib.lincs.signatures import check
from lib.run import store

TABLES = {".csv", ".tsv", ".txt"}
GENE_COLUMNS = ("pr_gene_id", "pr_gene_symbol")  # of files whose rows are named by probe
MOST_MISSING = 0.1  # share of landmarks that may be imputed
ALIASES = {
    "CEMIP2": "TMEM2",
    "H2BC12": "HIST1H2BK",
    "H2BC21": "HIST2H2BE",
    "COQ8A": "ADCK3",
    "AARS1": "AARS",
}


def read_own(path: str | os.PathLike, landmarks: pd.Series) -> AnnData:
    """Read a user's signatures: GCT, GCTX, or a table with one row or one column per signature.

    Parameters
    ----------
    path : path
        `.gct`, `.gctx`; or a CSV, TSV or TXT whose first row and column are names. Which of them
        are genes is seen from the landmarks among them.
    landmarks : Series
        Entrez id → symbol.

    Returns
    -------
    AnnData
        Signatures × genes as the file has them, not yet in the order of a model; see `align`.

    Raises
    ------
    InputError
        If the file is of another kind, a name is there twice, or a cell is no number.
    """
    path = store.resolve(path)
    if path.suffix.lower() in (".gct", ".gctx"):
        return gctx.read(path)
    if not TABLES.intersection(path.suffixes):
        raise InputError("no signatures", file=path, fix="give a .gct, .gctx, .csv, .tsv or .txt")
    # as text without a header: pandas would rename a gene that is there twice
    cells = tables.read(path, pa.DataFrameSchema({}), header=None, dtype=str)
    table = cells.iloc[1:, 1:].set_axis(cells.iloc[0, 1:].to_numpy(str), axis=1)
    table = table.set_axis(cells.iloc[1:, 0].to_numpy(str), axis=0)
    rows, columns = (pd.DataFrame(index=names.astype(object)) for names in table.axes)
    return _turned(AnnData(_numbers(table, path), rows, columns), landmarks)


def align(
    own: AnnData, landmarks: pd.Series, *, missing: Literal["refuse", "zero", "mean"] = "refuse"
) -> AnnData:
    """Put a user's signatures into the order of the landmarks a model was trained on.

    Parameters
    ----------
    own : AnnData
        Signatures × genes, named by Entrez id or by symbol, or with a column `pr_gene_id` or
        `pr_gene_symbol`; a symbol that was renamed is recognised for some genes.
    landmarks : Series
        Entrez id → symbol, in the model's order.
    missing : str
        What becomes of landmarks that are not there: an error; 0, which is no change; or the mean
        over the other genes of the signature. At most a tenth may be missing.

    Returns
    -------
    AnnData
        Signatures × landmarks, float32; `uns["imputed"]` names the imputed ids.

    Raises
    ------
    InputError
        Naming the missing landmarks, or genes given twice.
    """
    ids = entrez_ids(_gene_names(own, landmarks), landmarks)
    columns = pd.Index(ids).get_indexer(landmarks.index)
    lost = landmarks.index[columns < 0]
    if len(lost) and (missing == "refuse" or len(lost) > MOST_MISSING * len(landmarks)):
        names = [f"{gene} ({landmarks[gene]})" for gene in lost]
        raise InputError(
            f"{len(lost)} of {len(landmarks)} landmark genes are missing: {listed(names)}",
            fix="give all of them, or impute up to a tenth with missing = zero or mean",
        )
    values = np.asarray(own.X, np.float32)[:, columns]
    present = columns >= 0
    fill = 0.0 if missing == "zero" else values[:, present].mean(axis=1, keepdims=True)
    values = np.where(present, values, fill).astype(np.float32)
    check(values, own.obs_names, landmarks.index)
    var = pd.DataFrame(
        {"symbol": landmarks.to_numpy(object)}, index=pd.Index(landmarks.index, dtype=object)
    )
    return AnnData(values, obs=own.obs.copy(), var=var, uns={**own.uns, "imputed": list(lost)})


def to_landmarks(wells: AnnData, landmarks: pd.Series) -> AnnData:
    """Return the landmarks that a file has, in their order; nothing is imputed or checked here.

    Parameters
    ----------
    wells : AnnData
        Wells (or signatures) × genes; see `align` for their names.
    landmarks : Series
        Entrez id → symbol.

    Raises
    ------
    InputError
        If more than a tenth of the landmarks are missing, or a gene is given twice.
    """
    columns = pd.Index(entrez_ids(_gene_names(wells, landmarks), landmarks)).get_indexer(
        landmarks.index
    )
    there = columns >= 0
    if (~there).sum() > MOST_MISSING * len(landmarks):
        raise InputError(
            f"{(~there).sum()} of {len(landmarks)} landmark genes are missing: "
            f"{listed(landmarks.index[~there])}",
            fix="name the genes by Entrez id or symbol",
        )
    found = wells[:, columns[there]].copy()
    found.var_names = landmarks.index[there].to_numpy(object)
    return found


def entrez_ids(names: Sequence[str], landmarks: pd.Series) -> list[str]:
    """Return Entrez ids of genes named by id or symbol, old or new; others stay as they are.

    Parameters
    ----------
    names : sequence of str
    landmarks : Series
        Entrez id → symbol.

    Raises
    ------
    InputError
        If two names are of one gene.

    Examples
    --------
    >>> entrez_ids(["CEMIP2", "780", "?"], pd.Series({"780": "DDR1", "23670": "TMEM2"}))
    ['23670', '780', '?']
    """
    upper = {symbol.upper(): gene for gene, symbol in landmarks.items()}
    renamed = {new: upper[old] for new, old in ALIASES.items() if old in upper}
    renamed |= {old: upper[new] for new, old in ALIASES.items() if new in upper}
    by_symbol = {**renamed, **upper}
    ids = [
        str(name) if str(name) in landmarks.index else by_symbol.get(str(name).upper(), str(name))
        for name in names
    ]
    twice = pd.Index(ids)[pd.Index(ids).duplicated()]
    if len(twice):
        raise InputError(
            f"genes are there twice: {listed(twice)}", fix="keep one column per Entrez id"
        )
    return ids


def _numbers(table: pd.DataFrame, path: Path) -> np.ndarray:
    """Return a table of text as numbers; empty cells are NaN, which `check` tells of."""
    for names in table.axes:
        if twice := names[names.duplicated()].tolist():
            raise InputError(f"{twice[0]} is there twice", file=path, fix="make names unique")
    values = table.apply(pd.to_numeric, errors="coerce")
    bad = (values.isna() & table.notna()).to_numpy()
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"{table.index[row]}, {table.columns[column]} is {table.iat[row, column]!r}; "
            "expected a number",
            file=path,
            row=int(row) + 2,
            fix="the first row and the first column are names, all other cells z-scores",
        )
    return values.to_numpy(np.float32)


def _turned(own: AnnData, landmarks: pd.Series) -> AnnData:
    """Return signatures × genes: turned if the landmarks are among the names of the rows."""
    known = {*landmarks.index, *landmarks.str.upper()}
    rows, columns = (
        names.str.upper().isin(known).sum() for names in (own.obs_names, own.var_names)
    )
    return own.T.copy() if rows > columns else own


def _gene_names(own: AnnData, landmarks: pd.Series) -> pd.Index:
    """Return the names of genes that landmarks are found by: ids of the file, or of its table."""
    columns = [own.var[name] for name in GENE_COLUMNS if name in own.var]
    names = [own.var_names, *(pd.Index(column.astype(str)) for column in columns)]
    known = {*landmarks.index, *landmarks.str.upper()}
    return max(names, key=lambda one: one.str.upper().isin(known).sum())
