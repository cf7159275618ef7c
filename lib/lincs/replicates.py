"""From plates to signatures: robust z-scores, and replicates collapsed to one signature with known
weights (MODZ).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.stats import rankdata

from lib.data.errors import InputError, listed
from lib.lincs import targets
from lib.lincs.signatures import BOUND
from lib.stats import resampling

LEAST_WELLS = 8  # of a plate, most of which must be as good as untreated
LEAST_WEIGHT = 0.01  # of a replicate that agrees with no other one
# of a gene that hardly varies; published level 4 has it, and cannot be made again from level 3
LEAST_MAD = 0.1
NORMAL = 1.4826  # MAD of a normal distribution is its SD / 1.4826


def robust_z(values: np.ndarray, plates: np.ndarray, *, clip: float | None = BOUND) -> np.ndarray:
    """Return (x − median) / (1.4826 · MAD) of each gene within its plate, (n, G).

    Whatever all wells of a plate share is gone afterwards: cell lines that were on plates of their
    own cannot be told apart by z-scores, only by expression (level 3).

    Parameters
    ----------
    values : (n, G) array
        Expression of level 3, log2.
    plates : (n,) array
        Plate of each row.
    clip : float, optional
        Largest size; None leaves all.

    Examples
    --------
    >>> values = np.array([[5.0], [5], [5], [5], [8]])
    >>> robust_z(values, np.zeros(5), clip=None)[-1].round(2).tolist()
    [20.23]
    """
    found = np.empty(np.shape(values))
    for plate in np.unique(plates):
        rows = plates == plate
        centred = values[rows] - np.median(values[rows], axis=0)
        found[rows] = centred / (NORMAL * np.maximum(np.median(np.abs(centred), axis=0), LEAST_MAD))
    return found if clip is None else found.clip(-clip, clip)


def weights(correlations: np.ndarray) -> np.ndarray:
    """Return the weight of each replicate from the Spearman correlations between them (n, n).

    A replicate counts by its mean positive correlation with the others, at least 0.01; weights add
    up to 1. Two replicates always count the same.

    Parameters
    ----------
    correlations : (n, n) array
        Spearman, over the landmarks.

    Returns
    -------
    (n,) array
        They add up to 1.

    References
    ----------
    Subramanian et al., Cell 171 (2017), https://doi.org/10.1016/j.cell.2017.10.049

    Examples
    --------
    >>> weights(np.array([[1, 0.8, 0.4], [0.8, 1, 0], [0.4, 0, 1]])).round(3).tolist()
    [0.5, 0.333, 0.167]
    """
    n = len(correlations)
    if n == 1:
        return np.ones(1)
    positive = np.maximum(correlations, 0) * (1 - np.eye(n))
    raw = np.maximum(positive.sum(axis=1) / (n - 1), LEAST_WEIGHT)
    return raw / raw.sum()


def collapse(values: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, pd.DataFrame]:
    """Collapse replicates to moderated z-scores, one signature per group.

    Parameters
    ----------
    values : (n, G) array
        z-scores of level 4 over the landmark genes.
    groups : (n,) array
        Treatment of each replicate.

    Returns
    -------
    signatures : (groups, G) float32 array
        Weighted means, groups sorted.
    report : DataFrame
        Per replicate: `group`, `weight`, `mean_correlation` with the others (NaN for a single one).
    """
    names = np.unique(groups)
    signatures, report = [], []
    for name in names:
        rows = np.flatnonzero(groups == name)
        correlations = _spearman(values[rows])
        weight = weights(correlations)
        others = (
            np.nan if len(rows) == 1 else (correlations.sum(axis=1) - 1) / max(len(rows) - 1, 1)
        )
        signatures.append(weight @ values[rows])
        report.append(
            pd.DataFrame({"row": rows, "group": name, "weight": weight, "mean_correlation": others})
        )
    return np.array(signatures, np.float32), pd.concat(report, ignore_index=True)


def _spearman(values: np.ndarray) -> np.ndarray:
    """Return rank correlations between rows, (n, n); 0 with a constant row."""
    ranks = rankdata(values, axis=1)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1)
    length = np.outer(length, length)
    found = np.divide(centred @ centred.T, length, out=np.zeros(length.shape), where=length > 0)
    np.fill_diagonal(found, 1)
    return found


def signatures(
    plates: AnnData, *, by: Sequence[str], plate: str, level: int, without: Sequence[str] = ()
) -> tuple[AnnData, pd.DataFrame]:
    """Make signatures (level 5) of wells: z-scores within plates, replicates collapsed.

    Parameters
    ----------
    plates : AnnData
        Wells × landmarks: log2 expression of level 3, or z-scores of level 4.
    by : sequence of str
        Columns of its wells that say the treatment, such as `pert_iname`, `cell_id`, `pert_idose`.
    plate : str
        Column that says the plate; not looked at for level 4.
    level : int
        3 or 4.
    without : sequence of str
        Treatments (by their first column) that get no signature, such as vehicles; they still count
        for their plates.

    Returns
    -------
    signatures : AnnData
        One row per treatment, named by its columns joined by `:`; obs has the columns and
        `n_replicates`.
    report : DataFrame
        One row per well: `well`, `signature`, `weight`, `mean_correlation` with the other
        replicates (NaN for a single one).

    Raises
    ------
    InputError
        If a column is missing or empty in a well, a value is not finite, or a plate has fewer wells
        than its median needs.
    """
    named = [*by, plate] if level == 3 else list(by)
    if lost := [name for name in named if name not in plates.obs]:
        raise InputError(
            f"no column {lost[0]} of the wells; there are {listed(plates.obs.columns, limit=12)}",
            fix="name the columns that say treatment and plate",
        )
    obs = plates.obs[named].astype(object).reset_index(drop=True)
    if (empty := obs.isna().any(axis=1)).any():
        raise InputError(f"well {plates.obs_names[empty.argmax()]} has an empty {listed(named)}")
    if not np.isfinite(plates.X).all():
        bad = np.flatnonzero(~np.isfinite(plates.X).all(axis=1))
        raise InputError(f"well {plates.obs_names[bad[0]]} has values that are not finite")
    values = plates.X if level == 4 else robust_z(plates.X, _plates(obs[plate]))
    names = obs[list(by)].astype(str).agg(":".join, axis=1).to_numpy(str)
    kept = np.flatnonzero(~obs[by[0]].isin(without))
    found, report = collapse(np.asarray(values, np.float64)[kept], names[kept])
    report["row"] = kept[report["row"]]
    first = obs.assign(signature=names).iloc[kept].drop_duplicates("signature")
    first = first.set_index("signature")
    first = first.sort_index()[list(by)].assign(
        n_replicates=report.groupby("group").size().sort_index().to_numpy()
    )
    first.index = pd.Index(first.index, dtype=object, name=None)
    report = report.rename(columns={"group": "signature"})
    report.insert(0, "well", plates.obs_names.to_numpy(object)[report["row"]])
    return AnnData(found, obs=first, var=plates.var.copy()), report.drop(columns="row")


def _plates(column: pd.Series) -> np.ndarray:
    """Return the plate of each well; refuse plates whose median would be of a handful."""
    sizes = column.value_counts()
    if (small := sizes[sizes < LEAST_WELLS]).size:
        raise InputError(
            f"plate {small.index[0]} has {small.iloc[0]} wells; a robust z-score needs "
            f"{LEAST_WELLS} or more",
            fix="give whole plates, or z-scores with level = 4",
        )
    return column.to_numpy(str)


def recovered(
    values: Mapping[str, np.ndarray], truth: np.ndarray, *, n: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Compare ways to collapse replicates by how well they correlate with the known effects.

    Parameters
    ----------
    values : mapping
        Way → signatures (T, G); the first one is what the others are compared with.
    truth : (T, G) array
        Effects of the treatments.
    n : int
        Draws behind intervals and p-values.
    rng : Generator

    Returns
    -------
    DataFrame
        Per way: `way`, `r` (mean over treatments of Pearson r over genes) with its interval `low`,
        `high`, `difference` to the first way and its `p` from a sign-flip test.
    """
    units, _ = targets.standardise(truth)
    each = {way: (targets.standardise(one)[0] * units).sum(axis=1) for way, one in values.items()}
    first, rows = next(iter(each.values())), []
    for way, r in each.items():
        low, high = resampling.bootstrap_mean(r, n=n, rng=rng)
        p = np.nan if r is first else resampling.sign_flip(r - first, n=n, rng=rng)
        row = {"way": way, "r": r.mean(), "low": low, "high": high}
        rows.append({**row, "difference": (r - first).mean(), "p": p})
    return pd.DataFrame(rows)
