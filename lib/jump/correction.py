"""Take away what batches and well positions do to profiles of wells.

Three steps, each learnt from the control wells alone, for a gene and its batch go together: the
mean of every well position over plates; the mean and spread of a batch's controls; the directions
in which a linear classifier tells batches apart.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.svm import LinearSVC

from lib.data.errors import InputError, listed
from lib.jump.metadata import CONTROL

OWN, POOLED, NOT_SCALED = "own controls", "pooled negative controls", "not scaled"


@dataclass(frozen=True)
class Scaling:
    """Mean and spread of the controls of every batch.

    Parameters
    ----------
    centre, spread : DataFrame, (batches, L)
    report : DataFrame
        Index `batch`: `n_controls`, `status` (own controls, pooled negative controls, not scaled).
    """

    centre: pd.DataFrame
    spread: pd.DataFrame
    report: pd.DataFrame


def subtract_positions(wells: pd.DataFrame) -> pd.DataFrame:
    """Subtract from every well the mean of its position over all plates.

    Replicates of an ORF share one position, so a gene that has a position for itself is subtracted
    away, too; for plates on which genes change places.

    Parameters
    ----------
    wells : DataFrame, (wells, L)
        Index with `well`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([("p1", "O23"), ("p2", "O23")], names=["plate", "well"])
    >>> subtract_positions(pd.DataFrame({"x": [2.0, 2.0]}, index=index))["x"].tolist()
    [0.0, 0.0]
    """
    return wells - wells.groupby(level="well").transform("mean")


def fit_scaling(
    wells: pd.DataFrame,
    *,
    control: str = CONTROL,
    others: tuple[str, ...] = (),
    min_controls: int = 3,
    ddof: int = 1,
) -> Scaling:
    """Learn mean and SD of the control wells of every batch.

    Parameters
    ----------
    wells : DataFrame, (wells, L)
        Index with `batch` and `gene_symbol`.
    control : str
        Condition of the control wells.
    others : tuple of str
        Further negative controls, pooled with the control where that has too few wells.
    min_controls : int
        Wells below which a batch is not scaled, 2 or more.
    ddof : int
        1 divides by n − 1.

    Returns
    -------
    Scaling

    Raises
    ------
    InputError
        For `min_controls` below 2, or if no batch can be scaled.

    References
    ----------
    Image2Reg, JUMP validation: z-scores to within-batch controls.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples(
    ...     [("b", "EMPTY"), ("b", "EMPTY"), ("b", "G")], names=["batch", "gene_symbol"]
    ... )
    >>> wells = pd.DataFrame({"x": [4.0, 6.0, 8.0]}, index=index)
    >>> scaled = scale(wells, fit_scaling(wells, min_controls=2))
    >>> round(float(scaled["x"].iloc[2]), 2)
    2.12
    """
    if min_controls < 2:
        raise InputError(f"min_controls = {min_controls}: one well has no spread; give 2 or more")
    symbols = wells.index.get_level_values("gene_symbol")
    own = wells[symbols == control]
    pooled = wells[symbols.isin([control, *others])]
    rows, centres, spreads = {}, {}, {}
    for batch in sorted(set(wells.index.get_level_values("batch"))):
        status, chosen = _controls(own, pooled, batch, min_controls)
        rows[batch] = {"n_controls": len(chosen), "status": status}
        if status != NOT_SCALED:
            centres[batch], spreads[batch] = chosen.mean(), chosen.std(ddof=ddof)
    report = pd.DataFrame.from_dict(rows, orient="index").rename_axis("batch")
    if not centres:
        raise InputError(
            f"no batch has {min_controls} wells of {control}; lower min_controls or pool controls"
        )
    return Scaling(pd.DataFrame(centres).T, pd.DataFrame(spreads).T, report)


def scale(wells: pd.DataFrame, scaling: Scaling) -> pd.DataFrame:
    """Return wells in SD of the controls of their batch; wells of batches that have too few are
    left out.

    Columns that the controls of a batch do not vary in are dropped.

    Parameters
    ----------
    wells : DataFrame, (wells, L)
        Index with `batch`.
    scaling : Scaling
        From `fit_scaling`.

    Returns
    -------
    DataFrame
        Finite.

    Raises
    ------
    InputError
        For a batch that the scaling does not know.
    """
    batches = wells.index.get_level_values("batch")
    unknown = sorted(set(batches) - set(scaling.report.index))
    if unknown:
        raise InputError(
            f"batch {unknown[0]} is unknown; it was not among {listed(scaling.report.index)} when "
            "the controls were read"
        )
    kept = batches.isin(scaling.centre.index)
    varies = (scaling.spread > 1e-12 * scaling.centre.abs().max(axis=0)).all(axis=0)  # (L,)
    centre, spread = scaling.centre.loc[:, varies], scaling.spread.loc[:, varies]
    found = wells.loc[kept, varies]
    return (found - centre.loc[batches[kept]].to_numpy()) / spread.loc[batches[kept]].to_numpy()


def null_space(values, batches, *, n_rounds: int = 5) -> np.ndarray:
    """Learn a projection onto directions in which batches cannot be told apart.

    In every round one linear classifier per batch is trained on what is left, and the directions of
    all of them are taken away: 13 batches and 5 rounds leave 1,024 − 65 = 959 dimensions.

    Parameters
    ----------
    values : (N, L) array
    batches : (N,) sequence
    n_rounds : int

    Returns
    -------
    (L, K) array
        Orthonormal columns; `values @ projection` has K dimensions.

    Raises
    ------
    InputError
        If there is one batch, or no dimension would be left.

    References
    ----------
    Ravfogel et al. (2020), iterative null-space projection, https://arxiv.org/abs/2004.07667;
    Image2Reg, JUMP validation: 5 rounds, 959 dimensions.
    """
    values, batches = np.asarray(values, float), np.asarray(batches)
    names = np.unique(batches)
    if len(names) < 2:
        raise InputError("one batch cannot be told from others; leave the projection out")
    if n_left(values.shape[1], len(names), n_rounds) < 1:
        raise InputError(
            f"{n_rounds} rounds of {len(names)} batches take {n_rounds * len(names)} of "
            f"{values.shape[1]} dimensions; take fewer rounds or wider embeddings"
        )
    basis = np.eye(values.shape[1])  # (L, K)
    for _ in range(n_rounds):
        directions = _directions(values @ basis, batches, names)  # (batches, K)
        # the rest of an orthonormal basis whose first columns are the directions
        full = np.linalg.svd(directions)[2]  # (K, K)
        basis = basis @ full[len(names) :].T
    return basis


def n_left(width: int, n_batches: int, n_rounds: int) -> int:
    """Return the dimensions that a null-space projection leaves.

    Parameters
    ----------
    width : int
        Dimensions of the embeddings.
    n_batches, n_rounds : int

    Returns
    -------
    int

    Examples
    --------
    >>> n_left(1024, 13, 5)  # as published
    959
    """
    return width - n_rounds * n_batches


def _controls(
    own: pd.DataFrame, pooled: pd.DataFrame, batch: str, least: int
) -> tuple[str, pd.DataFrame]:
    """Return the controls of a batch that are enough, and which they are."""
    for status, table in ((OWN, own), (POOLED, pooled)):
        chosen = table[table.index.get_level_values("batch") == batch]
        if len(chosen) >= least:
            return status, chosen
    return NOT_SCALED, chosen


def _directions(values: np.ndarray, batches: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Return the normal vectors (batches, K) of one linear classifier per batch."""
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    rows = []
    for name in names:  # one against the rest, for two batches as well
        model = LinearSVC(dual=False, class_weight="balanced", C=0.1, max_iter=1000)
        rows.append(model.fit(scaled, batches == name).coef_[0] / np.where(spread > 0, spread, 1))
    return np.array(rows)
