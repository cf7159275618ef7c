"""Prizes of genes: how much U2OS differs from other cell lines; the largest for regulators."""

import os
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.run import store


def node_prizes(prizes: pd.Series, genes: np.ndarray, regulators: Collection[str]) -> np.ndarray:
    """Return the prize of each gene of a network, (N,).

    A regulator gets the largest prize of all, 8.65 in the paper (DHRS2); another gene its own, or 0
    if it has none.

    Parameters
    ----------
    prizes : Series of float, by gene
        |log fold change| of U2OS against the mean of other lines (log2), of every gene of the
        marker screen.
    genes : (N,) ndarray of str
        Genes of the network.
    regulators : collection of str
        Structural regulators, in the network or not.

    Returns
    -------
    (N,) ndarray of float
        In the order of `genes`, ≥ 0.

    Raises
    ------
    InputError
        For a repeated gene, a prize that is missing or negative, or no prize at all.

    References
    ----------
    Paysan et al., Image2Reg, Methods of the interactome
    """
    _check(prizes)
    # a gene that the screen dropped has no change, so no prize
    own = prizes.reindex(genes, fill_value=0.0).to_numpy(float)
    return np.where(np.isin(genes, np.array(list(regulators), dtype=str)), float(prizes.max()), own)


def scaled(prizes: np.ndarray) -> np.ndarray:
    """Scale prizes to 0 … 1: (p − min) / (max − min), or zeros where all are equal.

    As regulators have the largest prize, their scaled prize is exactly 1.

    Parameters
    ----------
    prizes : (N,) ndarray of float
        Prizes of one network's genes.

    Returns
    -------
    (N,) ndarray of float
    """
    low, high = prizes.min(), prizes.max()
    return np.zeros(len(prizes)) if high == low else (prizes - low) / (high - low)


def read(path: str | os.PathLike, *, value: str = "prize") -> pd.Series:
    """Read prizes by gene from a table whose first column is the gene.

    Parameters
    ----------
    path : path
        `.tsv` or `.txt` (tabs) or `.csv` (commas), with a header.
    value : str
        Column of the prizes: `abs_log_fc` in a marker screen.

    Returns
    -------
    Series of float
        By symbol in upper case.

    Raises
    ------
    InputError
        For a missing column, a gene without a name or named twice, a prize that is no number of 0
        or more.
    """
    path = Path(path)
    separator = "," if path.suffix == ".csv" else "\t"
    try:
        table = pd.read_csv(
            store.resolve(path), sep=separator, dtype=str, na_filter=False, index_col=False
        )
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; expected a table of genes with a column {value!r}"
        ) from None
    if value not in table or table.columns[0] == value:
        got = ", ".join(table.columns)[:100]
        raise InputError(
            f"{path.name}: expected a first column of genes and a column {value!r}, got {got}"
        )
    # the network's symbols are capitals
    names = table.iloc[:, 0].str.strip().str.upper()
    if (names == "").any():
        raise InputError(
            f"{path.name}: row {int(np.argmax(names == '')) + 2}: the gene has no name"
        )
    values = pd.to_numeric(table[value], errors="coerce")
    try:
        _check(found := pd.Series(values.to_numpy(float), index=names.to_numpy(object)))
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None
    return found


def _check(prizes: pd.Series) -> None:
    if prizes.empty:
        raise InputError("no gene has a prize")
    # which of two prizes is meant cannot be known
    again = prizes.index.duplicated()
    if again.any():
        gene = prizes.index[again][0]
        raise InputError(f"{gene} has {int((prizes.index == gene).sum())} prizes; keep one")
    wrong = ~np.isfinite(prizes.to_numpy(float)) | (prizes.to_numpy(float) < 0)
    if wrong.any():
        gene, value = prizes.index[wrong][0], prizes[wrong].iloc[0]
        raise InputError(f"the prize of {gene} is {value}; a prize is a finite number of 0 or more")
