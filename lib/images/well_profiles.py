"""Average nuclei by well, and put the profiles on the scale of the plate's control wells."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from lib.data.errors import InputError

WELL = ["plate", "well", "gene_symbol"]


def well_means(values, obs: pd.DataFrame, *, names: Collection[str] | None = None) -> pd.DataFrame:
    """Average nuclei by well.

    Parameters
    ----------
    values : (N, L) array
        Embeddings or features of nuclei.
    obs : DataFrame, (N, …)
        `plate`, `well`, `gene_symbol` of the same nuclei.
    names : collection of str, optional
        Names of the L columns, by default `0`, `1`, ….

    Returns
    -------
    DataFrame
        One row per well: index `plate`, `well`, `gene_symbol`; L columns.

    Raises
    ------
    InputError
        If `values` and `obs` have different lengths.
    """
    values = np.asarray(values)
    if len(values) != len(obs):
        raise InputError(
            f"{len(values)} rows of values for {len(obs)} nuclei; give one row a nucleus"
        )
    columns = list(names) if names is not None else [str(i) for i in range(values.shape[1])]
    keys = [obs[name].to_numpy() for name in WELL]
    return (
        pd.DataFrame(values, columns=columns).groupby(keys, observed=True).mean().rename_axis(WELL)
    )


def scale_to_controls(profiles: pd.DataFrame, *, control: str = "EMPTY") -> pd.DataFrame:
    """Return well profiles in units of their plate's control wells: minus their mean, divided by
    their SD.

    The SD is pooled over plates, since one plate has few controls. Columns that no control well
    varies in are dropped.

    Parameters
    ----------
    profiles : DataFrame
        From `well_means`.
    control : str
        Symbol of the control wells.

    Returns
    -------
    DataFrame
        The profiles in SD of control wells, with the same index.

    Raises
    ------
    InputError
        If a plate has no control well, or there are not two on any plate.
    """
    is_control = profiles.index.get_level_values("gene_symbol") == control
    plates = profiles.index.get_level_values("plate")
    bare = sorted(set(plates) - set(plates[is_control]))
    if bare:
        raise InputError(f"plate {bare[0]} has no {control} well to scale by; leave the plate out")
    centres = profiles[is_control].groupby(level="plate", observed=True).mean()
    centred = profiles - centres.loc[plates].to_numpy()  # wells × L
    n_free = is_control.sum() - len(centres)  # one degree of freedom per plate is spent
    if n_free < 1:
        raise InputError(f"no plate has two {control} wells, so their spread is unknown")
    spread = np.sqrt((centred[is_control] ** 2).sum() / n_free)  # (L,) pooled over plates
    return centred.loc[:, spread > 1e-9] / spread[spread > 1e-9]
