"""Files of the units: columns of the prediction table, and the packed network if it is kept.

A unit's file is an `.npz` without pickled objects.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.epigenome.evaluation import PREDICTION_COLUMNS
from lib.run import store


def table(
    genes: pd.DataFrame, *, fold: int, model: str, assay: str, cell: str, part, act, pred
) -> pd.DataFrame:
    """Return a table of predictions, one row per gene.

    Parameters
    ----------
    genes : DataFrame
        gene_id, label.
    part : (G,) sequence of str
        Part of the fold that each gene is in.
    act, pred : (G,) arrays
        Observed and predicted: log2(RPKM + 1), or the label and its probability.

    Returns
    -------
    DataFrame
        `evaluation.PREDICTION_COLUMNS`.
    """
    named = {"fold": fold, "model": model, "assay": assay, "cell": cell}
    columns = {"gene": genes["gene_id"], "part": part, "label": genes["label"]}
    return pd.DataFrame({**named, **columns, "act": act, "pred": pred}, index=genes.index)


def write(part: Path, predictions: pd.DataFrame, network: bytes = b"") -> None:
    """Write predictions, and a network if there is one.

    Parameters
    ----------
    part : Path
    predictions : DataFrame
        From `table`.
    network : bytes
        Packed weights; empty = none.
    """
    columns = {}
    for name in PREDICTION_COLUMNS:
        values = predictions[name].to_numpy()
        columns[name] = values.astype(str) if values.dtype == object else values
    with open(part, "wb") as file:
        np.savez_compressed(file, **columns, network=np.frombuffer(network, np.uint8))


def read_predictions(paths: Sequence[str | os.PathLike]) -> pd.DataFrame:
    """Return the prediction tables of units, one below the other.

    Parameters
    ----------
    paths : sequence of paths
        From `write`.

    Returns
    -------
    DataFrame
        `evaluation.PREDICTION_COLUMNS`.
    """
    tables = []
    for path in paths:
        with np.load(store.resolve(path), allow_pickle=False) as file:
            tables.append(pd.DataFrame({name: file[name] for name in PREDICTION_COLUMNS}))
    return pd.concat(tables, ignore_index=True)


def read_network(path: str | os.PathLike) -> bytes:
    """Return the packed network of a unit.

    Raises
    ------
    InputError
        If the unit kept none.
    """
    with np.load(store.resolve(path), allow_pickle=False) as file:
        data = file["network"].tobytes()
    if not data:
        raise InputError("this unit kept no network", file=path, fix="fit it with keep")
    return data
