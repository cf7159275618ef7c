"""AnnData on disk: written whole or not at all, text in the form that every anndata reads."""

import os
from pathlib import Path

import anndata
import pandas as pd
from anndata import AnnData

from lib.data.errors import InputError
from lib.run import store


def read(path: str | os.PathLike) -> AnnData:
    """Read an `.h5ad`.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.

    Returns
    -------
    AnnData
        In memory.

    Raises
    ------
    InputError
        If the file is missing or is no `.h5ad`.
    """
    try:
        return anndata.read_h5ad(store.resolve(path))
    except OSError as error:
        raise InputError(
            f"not readable as .h5ad ({error})", file=path, fix="make it again"
        ) from None


def write(path: str | os.PathLike, table: AnnData) -> Path:
    """Write an AnnData as `.h5ad`, whole or not at all.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.
    table : AnnData
        X, layers, obs, var, obsm and uns are written; other parts, such as obsp, are not.

    Returns
    -------
    Path
        The absolute path.
    """
    parts = {"uns": table.uns, "obsm": dict(table.obsm), "layers": dict(table.layers)}
    plain = AnnData(table.X, obs=_plain(table.obs), var=_plain(table.var), **parts)
    with store.atomic(path) as part:
        plain.write_h5ad(part)
    return store.resolve(path)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with text as objects: anndata refuses to write what pandas 3 makes of it."""
    table = table.set_axis(
        pd.Index(table.index.to_numpy(object), dtype=object, name=table.index.name)
    )
    return table.astype(dict.fromkeys(table.columns[table.dtypes == "str"], object))
