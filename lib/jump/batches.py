"""How well the batch of a control well can be told from its profile, before and after a correction.

A correction learns from wells, so it is learnt anew in every fold, on the training wells alone:
wells that it has seen would flatter it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from lib.data.errors import InputError
from lib.jump import correction, profiles
from lib.jump.metadata import CONTROL

Correct = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
"""(wells to learn from, wells to correct) → corrected wells."""

Grouping = Literal["well", "plate"]


def raw(known: pd.DataFrame, wells: pd.DataFrame) -> pd.DataFrame:
    """Return the wells as they are.

    Parameters
    ----------
    known, wells : DataFrame

    Returns
    -------
    DataFrame
    """
    return wells


def scaled(known: pd.DataFrame, wells: pd.DataFrame, *, min_controls: int = 3) -> pd.DataFrame:
    """Return the wells in SD of the known controls of their batch.

    Parameters
    ----------
    known, wells : DataFrame, (wells, L)
        Wells to learn from, and to correct; index with `batch`, `gene_symbol`.
    min_controls : int
        As in `correction.fit_scaling`.

    Returns
    -------
    DataFrame
    """
    return correction.scale(wells, correction.fit_scaling(known, min_controls=min_controls))


def projected(
    known: pd.DataFrame, wells: pd.DataFrame, *, nuclei: pd.DataFrame, n_rounds: int = 5
) -> pd.DataFrame:
    """Return the wells without the directions that tell the batches of control nuclei.

    Parameters
    ----------
    known, wells : DataFrame, (wells, L)
        Wells to learn from, and to correct.
    nuclei : DataFrame, (N, L)
        Control nuclei; index as that of the wells. Those of the known wells are learnt from: there
        are too few wells for as many directions.
    n_rounds : int
        As in `correction.null_space`.

    Returns
    -------
    DataFrame, (wells, K)
    """
    here = nuclei[nuclei.index.isin(known.index)]
    basis = correction.null_space(
        here.to_numpy(), here.index.get_level_values("batch"), n_rounds=n_rounds
    )
    return pd.DataFrame(wells.to_numpy() @ basis, index=wells.index)


def projected_and_scaled(
    known: pd.DataFrame,
    wells: pd.DataFrame,
    *,
    nuclei: pd.DataFrame,
    n_rounds: int = 5,
    min_controls: int = 3,
) -> pd.DataFrame:
    """Return the wells projected as by `projected`, then scaled as by `scaled`.

    Parameters
    ----------
    known, wells, nuclei, n_rounds, min_controls
        As there.

    Returns
    -------
    DataFrame, (wells, K)
    """
    options = {"nuclei": nuclei, "n_rounds": n_rounds}
    seen, found = projected(known, known, **options), projected(known, wells, **options)
    return scaled(seen, found, min_controls=min_controls)


def corrections(
    values, obs: pd.DataFrame, *, n_rounds: int, min_controls: int
) -> dict[str, Correct]:
    """Return the corrections that are compared.

    Parameters
    ----------
    values : (N, L) array
        Embeddings of all nuclei.
    obs : DataFrame
        As in `profiles.by_well`.
    n_rounds, min_controls : int
        Of the null-space projection and of the scaling.

    Returns
    -------
    dict of str to callable
        none, scaled, projected, projected and scaled.
    """
    index = pd.MultiIndex.from_frame(obs[list(profiles.WELL)].astype(str))
    nuclei = pd.DataFrame(np.asarray(values, float)).set_axis(index)
    nuclei = nuclei[nuclei.index.get_level_values("gene_symbol") == CONTROL]
    least, rounds = {"min_controls": min_controls}, {"n_rounds": n_rounds, "nuclei": nuclei}
    return {
        "none": raw,
        "scaled": partial(scaled, **least),
        "projected": partial(projected, **rounds),
        "projected and scaled": partial(projected_and_scaled, **least, **rounds),
    }


def accuracy(
    wells: pd.DataFrame,
    correct: Correct,
    *,
    n_folds: int = 4,
    grouping: Grouping = "well",
    n_trees: int = 100,
    seed: int = 0,
) -> np.ndarray:
    """Return how well a random forest tells the batch of held-out control wells.

    Parameters
    ----------
    wells : DataFrame, (wells, L)
        Index `batch`, `plate`, `well`, `gene_symbol`.
    correct : callable
        As `raw`, `scaled` and `projected`.
    n_folds : int
        Folds of the control wells.
    grouping : str
        What is whole within one fold: a well, or all of a plate.
    n_trees : int
    seed : int
        Of folds and forest.

    Returns
    -------
    (n_folds,) array
        Balanced accuracy of every fold.

    Raises
    ------
    InputError
        If a batch has fewer controls, or plates, than folds.

    References
    ----------
    Image2Reg, JUMP validation: .81 ± .04 before, .31 after scaling; chance .076.
    """
    controls = wells[wells.index.get_level_values("gene_symbol") == CONTROL]
    batches = controls.index.get_level_values("batch").to_numpy()
    found = []
    for train, test in _folds(controls, batches, n_folds, grouping, seed):
        # the wells that are tested have no say in the correction
        known = controls.iloc[train]
        seen, new = correct(known, known), correct(known, controls.iloc[test])
        forest = RandomForestClassifier(n_trees, class_weight="balanced", random_state=seed)
        forest.fit(seen.to_numpy(), seen.index.get_level_values("batch"))
        truth = new.index.get_level_values("batch")
        found.append(balanced_accuracy_score(truth, forest.predict(new.to_numpy())))
    return np.array(found)


def compare(wells: pd.DataFrame, corrections: Mapping[str, Correct], **options) -> pd.DataFrame:
    """Return the batch accuracy after every correction.

    Parameters
    ----------
    wells : DataFrame
        As in `accuracy`.
    corrections : mapping of str to callable
    options
        Of `accuracy`.

    Returns
    -------
    DataFrame
        One row per correction: `correction`, `accuracy`, `sd` (over folds, ddof 1), `chance`,
        `n_wells`, `n_batches`.
    """
    controls = wells[wells.index.get_level_values("gene_symbol") == CONTROL]
    n_batches = controls.index.get_level_values("batch").nunique()
    rows = []
    for name, correct in corrections.items():
        values = accuracy(wells, correct, **options)
        rows.append([name, values.mean(), values.std(ddof=1)])
    table = pd.DataFrame(rows, columns=["correction", "accuracy", "sd"])
    return table.assign(chance=1 / n_batches, n_wells=len(controls), n_batches=n_batches)


def _folds(controls, batches, n_folds: int, grouping: str, seed: int):
    groups = controls.index.get_level_values("plate").to_numpy()
    if grouping == "well":
        splitter, groups = StratifiedKFold(n_folds, shuffle=True, random_state=seed), None
        units = pd.Series(batches).value_counts()
    elif grouping == "plate":
        splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        units = pd.Series(groups).groupby(batches).nunique()
    else:
        raise InputError(f"grouping {grouping!r} is unknown; choose well or plate")
    if units.min() < n_folds:
        raise InputError(
            f"batch {units.idxmin()} has {units.min()} control {grouping}s for {n_folds} folds; "
            "take fewer folds"
        )
    return splitter.split(controls, batches, groups)
