"""GCT and GCTX, the matrix formats of CMap, as AnnData with a row a signature and a column a gene."""

import os
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data.errors import InputError
from lib.run import store

MATRIX, ROWS, COLUMNS = "0/DATA/0/matrix", "0/META/ROW", "0/META/COL"
MISSING = ("na", "NA", "NaN", "nan", "")


def read_gctx(
    path: str | os.PathLike, *, signatures: Sequence[str] | None = None, genes: Sequence[str] | None = None
) -> AnnData:
    """Read some signatures of a GCTX, by id and never by position; the rest of the matrix stays on disk.

    In HDF5 the matrix is signatures × genes, although the format calls genes its rows.

    Parameters
    ----------
    path : path
    signatures, genes : sequence of str, optional
        Ids wanted, in the order wanted; default all, in the order of the file.

    Returns
    -------
    AnnData
        Signatures × genes, ids as names, further metadata in `obs` and `var`.

    Raises
    ------
    InputError
        If the file is truncated or no GCTX, an id is there twice or not at all, or the matrix does not fit the ids.
    """
    path = store.resolve(path)
    try:
        with h5py.File(path, "r") as file:
            obs, var = _metadata(file[COLUMNS]), _metadata(file[ROWS])
            matrix = file[MATRIX]
            if matrix.shape != (len(obs), len(var)):
                raise InputError(
                    f"{path.name}: the matrix is {matrix.shape[0]} × {matrix.shape[1]}, but there are {len(obs)} "
                    f"signature ids and {len(var)} gene ids; download the file again"
                )
            rows, columns = _positions(obs, signatures, path, "signature"), _positions(var, genes, path, "gene")
            values = _rows(matrix, rows)[:, columns]
    except (OSError, KeyError) as error:
        raise InputError(f"{path.name}: no whole GCTX ({error}); download the file again") from None
    return AnnData(values, obs=obs.iloc[rows], var=var.iloc[columns])


def read_gct(path: str | os.PathLike) -> AnnData:
    """Read a GCT, version 1.2 or 1.3, with its metadata; values that are not numbers become NaN.

    Returns
    -------
    AnnData
        Samples × rows (probes or genes) of the file: its transpose, as `read_gctx` gives it.

    Raises
    ------
    InputError
        If the version is another, or the file does not have the size that it declares.
    """
    path = store.resolve(path)
    with path.open(encoding="utf-8") as file:
        version = file.readline().strip()
        sizes = [int(size) for size in file.readline().split()]
    if version not in ("#1.2", "#1.3"):
        raise InputError(f"{path.name}: first line {version[:20]!r}; expected '#1.2' or '#1.3' of a GCT")
    n_rows, n_columns, n_row_fields, n_column_fields = sizes if version == "#1.3" else (*sizes, 1, 0)
    table = pd.read_csv(path, sep="\t", skiprows=2, dtype=str, index_col=0, keep_default_na=False)
    expected = (n_rows + n_column_fields, n_columns + n_row_fields)
    if table.shape != expected:
        raise InputError(
            f"{path.name}: {table.shape[0]} rows and {table.shape[1]} columns below the header, "
            f"its second line promises {expected[0]} and {expected[1]}; the file is cut off"
        )
    body = table.iloc[n_column_fields:, n_row_fields:]
    values = body.mask(body.isin(MISSING), "nan").to_numpy().astype(np.float64)
    obs = table.iloc[:n_column_fields, n_row_fields:].T
    return AnnData(values.T, obs=obs.rename_axis(None), var=table.iloc[n_column_fields:, :n_row_fields])


def _metadata(group: h5py.Group) -> pd.DataFrame:
    """Return one row an id with the other fields of the group that have one value an id."""
    ids = pd.Index(_text(group["id"][:]))
    fields = {name: _text(data[:]) for name, data in group.items() if name != "id" and data.shape == ids.shape}
    return pd.DataFrame(fields, index=ids)


def _text(values: np.ndarray) -> np.ndarray:
    """Return bytes as text without the padding some writers leave; other values as they are."""
    if values.dtype.kind not in "SO":
        return values
    texts = (value.decode() if isinstance(value, bytes) else str(value) for value in values)
    return np.array([text.strip() for text in texts], dtype=object)


def _positions(table: pd.DataFrame, wanted: Sequence[str] | None, path: Path, what: str) -> np.ndarray:
    """Return the positions of the wanted ids, (wanted,)."""
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise InputError(f"{path.name}: {what} {twice} is there twice; ids must be unique to be joined")
    if wanted is None:
        return np.arange(len(table))
    found = table.index.get_indexer(pd.Index(wanted, dtype=object))
    if (found < 0).any():
        lost = pd.Index(wanted)[found < 0]
        raise InputError(f"{path.name}: {len(lost)} of {len(wanted)} {what}s are not in it, such as {lost[0]}; "
                          "are the tables of the same release?")  # fmt: skip
    return found


def _rows(matrix: h5py.Dataset, rows: np.ndarray) -> np.ndarray:
    """Return rows of a matrix on disk in any order, (rows, columns): HDF5 wants them ascending and once."""
    distinct, back = np.unique(rows, return_inverse=True)
    everything = len(distinct) == len(matrix)
    return (matrix[:] if everything else matrix[distinct])[back]
