"""Expression: the RPKM matrix of the epigenomes, and the targets that are made of it."""

import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.epigenome.marks import unknown
from lib.run import store


def read_rpkm(path: str | os.PathLike, cells: Sequence[str] = ()) -> pd.DataFrame:
    """Read an RPKM matrix: a header `gene_id` and one column per epigenome, tab separated.

    Rows of the published file end in a tab that its header lacks; read as they stand, every column
    would carry its right neighbour's values and the last would be empty.

    Parameters
    ----------
    path : path
        `.gz` is allowed.
    cells : sequence of str
        Epigenomes to return; all by default.

    Returns
    -------
    DataFrame
        One row per gene (index `gene_id`), one float column per epigenome.

    Raises
    ------
    InputError
        For a missing file, a row of another length, a repeated gene, an empty column, a value that
        is no number or negative, or an unknown epigenome.
    """
    path = store.resolve(path)
    header, first = _head(path)
    if len(first) not in (len(header), len(header) + 1) or "".join(first[len(header) :]):
        raise InputError(
            f"the header has {len(header)} columns, the row has {len(first)}",
            file=path,
            row=2,
            fix="one column per epigenome after gene_id",
        )
    names = [*header, *(["tail"] * (len(first) - len(header)))]
    try:
        text = pd.read_csv(
            path,
            sep="\t",
            skiprows=1,
            header=None,
            names=names,
            dtype=str,
            index_col=False,
            keep_default_na=False,
            on_bad_lines="error",
        )
    except ValueError as error:
        raise InputError(f"not readable as a table ({error})", file=path) from None
    table = _numbers(text[header].set_index("gene_id"), path)
    absent = [cell for cell in cells if cell not in table]
    if absent:
        raise unknown("epigenome", absent, list(table.columns), file=path)
    return table[list(cells)] if cells else table


def log_target(rpkm) -> np.ndarray:
    """Return log2(RPKM + 1), the target of the paper.

    Parameters
    ----------
    rpkm : (G,) array

    Returns
    -------
    (G,) float array

    Examples
    --------
    >>> log_target([0.0, 3.0]).tolist()
    [0.0, 2.0]
    """
    return np.log2(np.asarray(rpkm, float) + 1)


def min_max_target(rpkm, reference) -> np.ndarray:
    """Return RPKM scaled so that the reference, the training genes, span 0 to 1; others may leave
    that range.

    Parameters
    ----------
    rpkm : (G,) array
    reference : (T,) array
        RPKM of the training genes.

    Returns
    -------
    (G,) float array

    Raises
    ------
    InputError
        If all reference genes have one value.
    """
    rpkm, reference = np.asarray(rpkm, float), np.asarray(reference, float)
    low, high = reference.min(), reference.max()
    if high <= low:
        raise InputError(f"all {len(reference)} training genes have the expression {low:g}")
    return (rpkm - low) / (high - low)


def is_expressed(rpkm) -> np.ndarray:
    """Return the published label: 1 where RPKM reaches the cell's median over the genes, else 0.

    Parameters
    ----------
    rpkm : (G,) array

    Returns
    -------
    (G,) int array

    Examples
    --------
    >>> is_expressed([0.0, 1.0, 5.0]).tolist()
    [0, 1, 1]
    """
    rpkm = np.asarray(rpkm, float)
    return (rpkm >= np.median(rpkm)).astype(int)


def strata(rpkm, *, n: int = 4) -> np.ndarray:
    """Return each gene's level: 0 = not expressed (RPKM 0), then `n` groups of equal size by rank.

    Parameters
    ----------
    rpkm : (G,) array
    n : int
        Groups of expressed genes.

    Returns
    -------
    (G,) int array

    Examples
    --------
    >>> strata([0, 0, 1, 2, 3, 4], n=2).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    rpkm = np.asarray(rpkm, float)
    level = np.zeros(len(rpkm), int)
    some = np.flatnonzero(rpkm > 0)
    rank = np.argsort(np.argsort(rpkm[some], kind="stable"), kind="stable")
    level[some] = 1 + rank * n // max(len(some), 1)
    return level


def _head(path: Path) -> tuple[list[str], list[str]]:
    """Return the fields of the header and of the first row."""
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            lines = [file.readline().rstrip("\r\n").split("\t") for _ in range(2)]
    except FileNotFoundError:
        raise InputError("there is no such file", file=path, fix="check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"not readable ({error})", file=path) from None
    header = lines[0][:-1] if lines[0][-1] == "" else lines[0]
    if header[:1] != ["gene_id"] or len(header) < 2:
        raise InputError(
            f"the header starts with {header[0]!r} and has {len(header)} columns",
            file=path,
            row=1,
            fix="expected gene_id and one tab-separated column per epigenome",
        )
    if len(set(header)) < len(header):
        raise InputError("an epigenome is there twice", file=path, row=1)
    return header, lines[1]


def _numbers(text: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the values as floats, or name the first that is none."""
    repeated = text.index[text.index.duplicated()].unique()
    if len(repeated):
        raise InputError(f"genes are there more than once: {listed(repeated)}", file=path)
    empty = [name for name in text if (text[name].fillna("") == "").all()]
    if empty:
        raise InputError(
            f"the column {listed(empty)} has no value",
            file=path,
            fix="look for a header that is shifted against its rows",
        )
    values = text.apply(pd.to_numeric, errors="coerce")
    bad = ~(values >= 0).to_numpy() | np.isinf(values.to_numpy())
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"{text.columns[column]} {text.iat[row, column]!r} is no RPKM",
            file=path,
            row=int(row) + 2,
            fix="expected a finite number >= 0",
        )
    return values.astype(float)
