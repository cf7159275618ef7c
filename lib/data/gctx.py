"""GCT and GCTX, the matrix formats of CMap, as AnnData with one row per signature."""

import os
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data.errors import InputError, listed
from lib.run import store

MATRIX, ROWS, COLUMNS = "0/DATA/0/matrix", "0/META/ROW", "0/META/COL"
MISSING = ("na", "NA", "NaN", "nan", "")
AGAIN = "download the file again"
BLOCK_BYTES = 2**23  # of the matrix beside the result: small enough for a processor's cache


def read(
    path: str | os.PathLike,
    *,
    signatures: Sequence[str] | None = None,
    genes: Sequence[str] | None = None,
) -> AnnData:
    """Read a GCT or a GCTX, whichever its name says.

    Parameters
    ----------
    path : path
        File whose name ends in `.gct` or `.gctx`.
    signatures, genes : sequence of str, optional
        Ids wanted, in the order wanted; default all, in the order of the file.

    Returns
    -------
    AnnData
        Signatures × genes, as `read_gctx` returns it.

    Raises
    ------
    InputError
        If the name ends in neither `.gct` nor `.gctx`, the file is not what its name says, or an id
        is not in it.
    """
    path = store.resolve(path)
    if path.suffix.lower() == ".gctx":
        return read_gctx(path, signatures=signatures, genes=genes)
    if path.suffix.lower() != ".gct":
        raise InputError(
            "a matrix of signatures is a .gct or a .gctx",
            file=path,
            fix="unpack or convert the file",
        )
    table = read_gct(path)
    rows = _positions(table.obs_names, signatures, path, "signature")
    return table[rows, _positions(table.var_names, genes, path, "gene")].copy()


def read_gctx(
    path: str | os.PathLike,
    *,
    signatures: Sequence[str] | None = None,
    genes: Sequence[str] | None = None,
) -> AnnData:
    """Read some signatures of a GCTX by id; the rest of the matrix stays on disk.

    In HDF5 the matrix is signatures × genes, although the format calls genes its rows. It is read
    in blocks of neighbouring rows, since HDF5 takes hours over long lists of single rows; beside
    the result, some 8 MB are held.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.
    signatures, genes : sequence of str, optional
        Ids wanted, in the order wanted, compared as text: 2 is the gene "2", not the third row.
        Default all, in the order of the file.

    Returns
    -------
    AnnData
        Signatures × genes, ids as names, further metadata in `obs` and `var`.

    Raises
    ------
    InputError
        If the file is truncated or no GCTX, an id is there twice or not at all, or the matrix does
        not fit the ids.
    """
    path = store.resolve(path)
    _refuse_text(path)
    try:
        with h5py.File(path, "r") as file:
            obs, var = _metadata(file[COLUMNS]), _metadata(file[ROWS])
            matrix = file[MATRIX]
            if matrix.shape != (len(obs), len(var)):
                raise InputError(
                    f"the matrix is {matrix.shape[0]} × {matrix.shape[1]}, but there are "
                    f"{len(obs)} signature ids and {len(var)} gene ids",
                    file=path,
                    fix=AGAIN,
                )
            rows = _positions(obs.index, signatures, path, "signature")
            columns = _positions(var.index, genes, path, "gene")
            values = _cut(matrix, rows, columns)
    except (OSError, KeyError) as error:
        raise InputError(f"no whole GCTX ({error})", file=path, fix=AGAIN) from None
    return AnnData(values, obs=obs.iloc[rows], var=var.iloc[columns])


def read_ids(path: str | os.PathLike) -> tuple[pd.Index, pd.Index]:
    """Read the ids of a GCTX alone, in the order of the file.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.

    Returns
    -------
    signatures, genes : Index of str

    Raises
    ------
    InputError
        If the file is truncated or no GCTX.
    """
    path = store.resolve(path)
    _refuse_text(path)
    try:
        with h5py.File(path, "r") as file:
            return tuple(pd.Index(_text(file[group]["id"][:])) for group in (COLUMNS, ROWS))
    except (OSError, KeyError) as error:
        raise InputError(f"no whole GCTX ({error})", file=path, fix=AGAIN) from None


def write_gctx(
    path: str | os.PathLike, values: np.ndarray, signatures: Sequence[str], genes: Sequence[str]
) -> Path:
    """Write a GCTX of float32, genes as the rows and signatures as the columns of the format.

    Parameters
    ----------
    path : path
        Written whole or not at all; a relative one is taken from the project root.
    values : (signatures, genes) array
        The matrix.
    signatures, genes : sequence of str
        Ids of its rows and columns; ASCII.

    Returns
    -------
    Path
        The absolute path.
    """
    # no times and no order of creation: the same matrix has the same bytes
    with store.atomic(path) as part, h5py.File(part, "w", track_order=False) as file:
        file.attrs["version"] = np.bytes_("GCTX1.0")
        file.create_dataset(MATRIX, data=np.asarray(values, np.float32), track_times=False)
        file.create_dataset(f"{ROWS}/id", data=np.asarray(genes).astype("S"), track_times=False)
        file.create_dataset(
            f"{COLUMNS}/id", data=np.asarray(signatures).astype("S"), track_times=False
        )
    return store.resolve(path)


def read_gct(path: str | os.PathLike) -> AnnData:
    """Read a GCT, version 1.2 or 1.3, with its metadata; values that are not numbers become NaN.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.

    Returns
    -------
    AnnData
        Samples × rows (probes or genes) of the file, float64: its transpose, as `read_gctx` gives
        it. Metadata of the samples are in `obs`, those of the rows in `var`, all of them text.

    Raises
    ------
    InputError
        If there is no such file, the version is another, the file does not have the size that it
        declares, or an id is there twice.
    """
    path = store.resolve(path)
    n_rows, n_columns, n_row_fields, n_column_fields = _header(path)
    table = pd.read_csv(
        path, sep="\t", skiprows=2, header=None, dtype=str, index_col=0, keep_default_na=False
    )
    # the third line names the columns; read as data, so that pandas renames no repeated id
    table = table.iloc[1:].set_axis(table.iloc[0].to_numpy(), axis=1).rename_axis(None)
    _refuse_repeated(table.columns[n_row_fields:], path, "column", "line 3")
    # metadata of columns come as rows before the matrix, those of rows as columns before it
    expected = (n_rows + n_column_fields, n_columns + n_row_fields)
    if table.shape != expected:
        raise InputError(
            f"{table.shape[0]} rows and {table.shape[1]} columns below the header, its second line "
            f"promises {expected[0]} and {expected[1]}",
            file=path,
            fix="the file is cut off, or its second line is wrong",
        )
    _refuse_repeated(
        table.index[n_column_fields:], path, "row", f"lines from {4 + n_column_fields}"
    )
    body = table.iloc[n_column_fields:, n_row_fields:]
    # every spelling of a missing value becomes one that NumPy reads
    values = body.mask(body.isin(MISSING), "nan").to_numpy().astype(np.float64)
    obs = table.iloc[:n_column_fields, n_row_fields:].T  # (samples, fields)
    return AnnData(
        values.T, obs=obs.rename_axis(None), var=table.iloc[n_column_fields:, :n_row_fields]
    )


def _header(path: Path) -> tuple[int, int, int, int]:
    """Return the sizes that a GCT declares: rows, columns, fields of a row, fields of a column."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            version, sizes = file.readline().strip(), file.readline().split()
    except FileNotFoundError:
        raise InputError("there is no such file", file=path, fix="check the path") from None
    if version not in ("#1.2", "#1.3"):
        raise InputError(
            f"first line {version[:20]!r}; expected '#1.2' or '#1.3' of a GCT", file=path
        )
    if len(sizes) != (2 if version == "#1.2" else 4) or not all(size.isdigit() for size in sizes):
        found = " ".join(sizes)[:40]
        raise InputError(
            f"sizes {found!r}; expected 2 numbers of version 1.2, 4 of 1.3", file=path, row=2
        )
    numbers = [int(size) for size in sizes]
    # version 1.2 has one field per row, the description, and none per column
    return tuple(numbers) if version == "#1.3" else (*numbers, 1, 0)


def _refuse_text(path: Path) -> None:
    """Say that a file is a text GCT although its name ends in `.gctx`."""
    try:
        with path.open("rb") as file:
            is_text = file.read(3) == b"#1."
    except OSError:
        return  # the reader tells
    if is_text:
        raise InputError(
            "this is a text GCT under the name of a GCTX, which is HDF5",
            file=path,
            fix="rename it to end in .gct",
        )


def _refuse_repeated(ids: Sequence[str], path: Path, what: str, line: str) -> None:
    """Name the first id that is there more than once."""
    index = pd.Index(ids)
    if index.has_duplicates:
        twice = index[index.duplicated()][0]
        raise InputError(
            f"the {what} id {twice} is there {(index == twice).sum()} times",
            file=path,
            row=line,
            fix="ids may have been cut off when the file was written; make them unique",
        )


def _metadata(group: h5py.Group) -> pd.DataFrame:
    """Return one row per id, with the other fields of the group that have one value per id."""
    ids = pd.Index(_text(group["id"][:]))
    # fields of another shape belong to no id
    fields = {
        name: _text(data[:])
        for name, data in group.items()
        if name != "id" and data.shape == ids.shape
    }
    return pd.DataFrame(fields, index=ids)


def _text(values: np.ndarray) -> np.ndarray:
    """Return bytes as text without the padding some writers leave; other values as they are."""
    if values.dtype.kind not in "SO":
        return values
    texts = (value.decode() if isinstance(value, bytes) else str(value) for value in values)
    return np.array([text.strip() for text in texts], dtype=object)


def _positions(ids: pd.Index, wanted: Sequence[str] | None, path: Path, what: str) -> np.ndarray:
    """Return the positions of the wanted ids, (wanted,)."""
    if ids.has_duplicates:
        twice = ids[ids.duplicated()][0]
        raise InputError(
            f"{what} {twice} is there twice", file=path, fix="ids must be unique to be joined"
        )
    if wanted is None:
        return np.arange(len(ids))
    # as text: an integer id must never be taken for a position
    asked = pd.Index([str(name) for name in wanted], dtype=object)
    found = pd.Index(ids.astype(str), dtype=object).get_indexer(asked)
    if (found < 0).any():
        lost = asked[found < 0]
        raise InputError(
            f"{len(lost)} of {len(asked)} {what}s are not in it, such as {listed(lost, limit=5)}",
            file=path,
            fix=f"its {what}s read {listed(ids, limit=2)}; are the tables of the same release?",
        )
    return found


def _cut(matrix: h5py.Dataset, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return rows and columns of a matrix on disk in any order, (rows, columns).

    Whole blocks of rows are read, all into the same memory: fresh memory for every block costs more
    than reading it.
    """
    found = np.empty((len(rows), len(columns)), matrix.dtype)
    order = np.argsort(rows, kind="stable")  # blocks ascend, the result keeps the order asked for
    ascending = rows[order]
    step = _block_rows(matrix)
    block = np.empty((min(step, len(matrix)), matrix.shape[1]), matrix.dtype)
    for start in range(0, len(matrix), step):
        first, last = np.searchsorted(ascending, [start, start + step])
        if first == last:
            continue
        low, high = ascending[first], ascending[last - 1] + 1
        matrix.read_direct(block, np.s_[low:high], np.s_[: high - low])
        found[order[first:last]] = block[ascending[first:last, None] - low, columns]
    return found


def _block_rows(matrix: h5py.Dataset) -> int:
    """Return how many rows are read at once: whole chunks, some 8 MB."""
    # at least one row, however wide
    n_rows = max(1, BLOCK_BYTES // max(1, matrix.shape[1] * matrix.dtype.itemsize))
    chunk = matrix.chunks[0] if matrix.chunks else 1
    return max(chunk, n_rows // chunk * chunk)  # HDF5 decompresses whole chunks
