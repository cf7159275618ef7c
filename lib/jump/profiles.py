"""Averages of nuclei by well, of wells by reagent, of reagents by gene; each kept apart until it is
averaged by name."""

import os
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data import h5ad
from lib.data.errors import InputError

WELL = ("batch", "plate", "well", "reagent", "gene_symbol")
"""What names a well and what is in it."""

Weighting = Literal["well", "reagent"]


def by_well(values, obs: pd.DataFrame) -> pd.DataFrame:
    """Average nuclei by well.

    Parameters
    ----------
    values : (N, L) array
        Embeddings or features of nuclei.
    obs : DataFrame, (N, …)
        `batch`, `plate`, `well`, `reagent`, `gene_symbol` of the same nuclei.

    Returns
    -------
    DataFrame, (wells, L)
        Index `WELL`, sorted.

    Raises
    ------
    InputError
        For another number of rows, or a value that is not finite.
    """
    values = np.asarray(values, float)
    if len(values) != len(obs):
        raise InputError(
            f"{len(values)} rows of values for {len(obs)} nuclei; give one per nucleus"
        )
    if not np.isfinite(values).all():
        raise InputError("a value of a nucleus has NaN or infinity; leave it out, or make it again")
    keys = [obs[name].astype(str).to_numpy() for name in WELL]
    return pd.DataFrame(values).groupby(keys).mean().rename_axis(list(WELL))


def by_gene(wells: pd.DataFrame, *, weighting: Weighting = "well") -> pd.DataFrame:
    """Average wells by gene.

    Parameters
    ----------
    wells : DataFrame, (wells, L)
        Index with `reagent` and `gene_symbol`.
    weighting : str
        `well` gives every well the same weight, as the paper does; `reagent` averages the wells of
        each ORF first, so that an ORF with many wells does not speak for its gene alone.

    Returns
    -------
    DataFrame, (genes, L)
        Index `gene_symbol`, sorted; the control is one of them.

    Raises
    ------
    InputError
        For another weighting.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples(
    ...     [("r1", "G"), ("r1", "G"), ("r1", "G"), ("r1", "G"), ("r2", "G")],
    ...     names=["reagent", "gene_symbol"],
    ... )
    >>> wells = pd.DataFrame({"x": [0.0, 0, 0, 0, 10]}, index=index)
    >>> by_gene(wells)["x"].item(), by_gene(wells, weighting="reagent")["x"].item()
    (2.0, 5.0)
    """
    if weighting not in ("well", "reagent"):
        raise InputError(f"weighting {weighting!r} is unknown; choose well or reagent")
    if weighting == "reagent":
        wells = wells.groupby(level=["gene_symbol", "reagent"]).mean()
    return wells.groupby(level="gene_symbol").mean()


def n_reagents(wells: pd.DataFrame) -> pd.DataFrame:
    """Count wells, plates, batches and reagents of every gene.

    Parameters
    ----------
    wells : DataFrame
        Index `WELL`.

    Returns
    -------
    DataFrame
        Index `gene_symbol`: `n_wells`, `n_plates`, `n_batches`, `n_reagents`.
    """
    keys = wells.index.to_frame(index=False)
    return keys.groupby("gene_symbol").agg(
        n_wells=("well", "size"),
        n_plates=("plate", "nunique"),
        n_batches=("batch", "nunique"),
        n_reagents=("reagent", "nunique"),
    )


SHAPES = (
    "area",
    "minor_axis_length",
    "major_axis_length",
    "aspect_ratio",
    "eccentricity",
    "solidity",
    "mean_intensity",
    "nuclei_count_image",
)
"""Size, shape and brightness of a nucleus, and the crowd around it: the profile baseline."""


def shapes(nuclei: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Return a profile of every nucleus without any network.

    Parameters
    ----------
    nuclei : DataFrame
        From `lib.jump.nuclei.collect`.

    Returns
    -------
    (N, 8) array
        The columns `SHAPES`.
    DataFrame
        What `by_well` needs to know.
    """
    return nuclei[list(SHAPES)].to_numpy(float), nuclei[list(WELL)]


def write(path: str | os.PathLike, genes: pd.DataFrame) -> Path:
    """Write the profiles of genes as `.h5ad`.

    Parameters
    ----------
    path : path
    genes : DataFrame, (genes, L)
        Index = gene.

    Returns
    -------
    Path
    """
    obs = pd.DataFrame(index=pd.Index(genes.index.astype(str), name="gene_symbol"))
    var = pd.DataFrame(index=[str(name) for name in genes.columns])
    return h5ad.write(path, AnnData(genes.to_numpy(float), obs=obs, var=var))


def read(path: str | os.PathLike) -> pd.DataFrame:
    """Read profiles of genes.

    Parameters
    ----------
    path : path
        `.h5ad`, obs_names = genes.

    Returns
    -------
    DataFrame, (genes, L)

    Raises
    ------
    InputError
        If the file is absent or cannot be read.
    """
    found = h5ad.read(path)
    return pd.DataFrame(np.asarray(found.X, float), index=found.obs_names.astype(str))
