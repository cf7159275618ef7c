"""Matrices of signatures: joined with their tables by id, cut to the landmark genes, checked."""

import os
from collections.abc import Sequence

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data import gctx
from lib.data.errors import InputError

BOUND = (
    10.0  # z-scores of level 5 are clipped there, up to float32 (the largest seen is 10.0000019)
)
CODE = 666.0  # what LINCS writes for a missing value; in a matrix it is an error


def load(
    path: str | os.PathLike, table: pd.DataFrame, landmarks: pd.Series, *, simulated: bool
) -> AnnData:
    """Read the signatures of a table, over the landmark genes.

    Parameters
    ----------
    path : path
        GCTX or GCT. Only the wanted part is kept, so the 118,050 × 12,328 file needs less than 1
        GB.
    table : DataFrame
        `sig_id` (joined by it, never by position) and further columns; an id may be there twice,
        with two classes.
    landmarks : Series
        Entrez id → symbol, in the order wanted.
    simulated : bool
        Where the file comes from; kept in `uns`.

    Returns
    -------
    AnnData
        Signatures × landmarks, float32 z-scores; obs = the table, var = `symbol`.

    Raises
    ------
    InputError
        If an id is not in the file, or a value is no z-score.
    """
    distinct, rows = np.unique(table["sig_id"].to_numpy(str), return_inverse=True)
    found = gctx.read(path, signatures=distinct.tolist(), genes=landmarks.index.tolist())
    values = np.asarray(found.X, np.float32)
    check(values, found.obs_names, found.var_names, file=path)
    obs = table.set_axis(pd.Index([str(i) for i in range(len(table))], dtype=object))
    obs = obs.astype(dict.fromkeys(obs.columns[obs.dtypes == "str"], object))
    var = pd.DataFrame(
        {"symbol": landmarks.to_numpy(object)}, index=pd.Index(landmarks.index, dtype=object)
    )
    return AnnData(values[rows], obs=obs, var=var, uns={"simulated": simulated})


def check(
    values: np.ndarray,
    signatures: Sequence[str],
    genes: Sequence[str],
    *,
    file: str | os.PathLike = "",
) -> None:
    """Refuse a matrix that does not hold z-scores.

    Parameters
    ----------
    values : (n, G) array
    signatures, genes : sequence of str
        Names of rows and columns, for the message.
    file : path, optional
        Where they come from, for the message.

    Raises
    ------
    InputError
        For NaN or infinity, the missing code ±666, or values beyond ±10; names the first of them.
    """
    bad = ~(np.abs(values) <= BOUND + 1e-4)  # (signatures, genes); True for NaN too
    if not bad.any():
        return
    row, column = np.argwhere(bad)[0]
    value = float(values[row, column])
    kind = (
        "the code of a missing value" if abs(value) == CODE else "not a z-score between -10 and 10"
    )
    raise InputError(
        f"{signatures[row]}, gene {genes[column]} is {value:g}, {kind}; {int(bad.sum())} such "
        "values",
        file=file or None,
        fix="use level 5; remove or impute what is missing, and clip what is larger",
    )


def join(sets: Sequence[AnnData]) -> AnnData:
    """Stack sets of signatures over the same genes, one after the other; simulated if any of them
    is.

    Parameters
    ----------
    sets : sequence of AnnData

    Returns
    -------
    AnnData
        obs of all, with the columns of any.

    Raises
    ------
    InputError
        If the genes are not the same in the same order.
    """
    first = sets[0]
    if any(not first.var_names.equals(other.var_names) for other in sets[1:]):
        raise InputError(
            "the sets do not have the same genes in the same order",
            fix="load both with one gene table",
        )
    joined = anndata.concat(sets, join="outer", index_unique="-")
    joined.var = first.var.copy()
    joined.uns["simulated"] = any(one.uns["simulated"] for one in sets)
    return joined
