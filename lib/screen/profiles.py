"""The baseline: a linear classifier on morphological features of nuclei, with the splits of the
networks."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from lib.data.errors import InputError
from lib.screen import embeddings

ID = "nucleus_id"
OTHER_STAINS = ("ER", "RNA", "AGP", "Mito", "Syto", "SYTO", "Ph_golgi", "Golgi", "Actin")
NOT_SHAPE = re.compile(
    r"(^|_)(AreaShape_(Center|BoundingBoxM(ax|in)imum)|Location|Number_Object|ObjectNumber|Parent|Children|Neighbors)"
    r"|Orientation"
)
"""CellProfiler columns that tell where a nucleus lies, how it is turned or numbered, or who its
neighbours are."""

KEYS = ("ImageNumber", "labels", "gene_symbol", "image_file", "slide_image_name", ID)


@dataclass(frozen=True)
class Baseline:
    """Results of the baseline.

    Parameters
    ----------
    accuracy : DataFrame
        One row per fold.
    predictions : DataFrame
        One row per test nucleus and fold.
    columns : DataFrame
        One row per column of the features: was it used, and if not, why.
    """

    accuracy: pd.DataFrame
    predictions: pd.DataFrame
    columns: pd.DataFrame


def choose_columns(
    table: pd.DataFrame, *, other_stains: Collection[str] = OTHER_STAINS
) -> pd.DataFrame:
    """Say which columns of a CellProfiler or chromatin feature table describe a nucleus.

    Left out are keys and texts, columns of other stains, and those that tell position, orientation,
    object numbers or neighbours rather than how the nucleus looks. Both the X and the Y part of
    every position go; the reference lists `MaxIntensity_X` twice and keeps `MaxIntensity_Y`.

    Parameters
    ----------
    table : DataFrame
        One row per nucleus, with keys and features.
    other_stains : collection of str
        Names of the stains whose columns are left out; DNA is kept.

    Returns
    -------
    DataFrame
        `column`, `is_used`, `reason` (empty where used), in the order of the table.

    References
    ----------
    Image2Reg's morphological-profile baseline, which keeps 118 to 126 features of the DNA channel.
    """
    stain = (
        re.compile(rf"_({'|'.join(map(re.escape, other_stains))})(_|$)")
        if other_stains
        else re.compile(r"(?!)")
    )
    rows = []
    for name in map(str, table.columns):
        reason = (
            "key"
            if name in KEYS
            else "not numeric"
            if not pd.api.types.is_numeric_dtype(table[name])
            else "other stain"
            if stain.search(name)
            else "position, orientation, number or neighbours"
            if NOT_SHAPE.search(name)
            else ""
        )
        rows.append((name, not reason, reason))
    return pd.DataFrame(rows, columns=["column", "is_used", "reason"])


def scale(
    train: np.ndarray, other: np.ndarray, *, clip: float = 15.0
) -> tuple[np.ndarray, np.ndarray]:
    """Standardise both with the mean and SD of the training rows, clipped to ±`clip`.

    The reference scales every split by itself, which hands the test set its own mean.

    Parameters
    ----------
    train : (N, F) array
    other : (M, F) array
        Columns must vary in `train`.
    clip : float
        Largest absolute value of the result, in SD (paper: 15).

    Returns
    -------
    (N, F) array, (M, F) array
    """
    centre, spread = train.mean(axis=0), train.std(axis=0)
    return tuple(np.clip((values - centre) / spread, -clip, clip) for values in (train, other))


def baseline(
    features: pd.DataFrame,
    labels: pd.Series,
    splits: pd.DataFrame,
    *,
    clip: float = 15.0,
    max_iterations: int = 300,
    strength: float = 1.0,
) -> Baseline:
    """Classify nuclei by a multinomial logistic regression on their features, fold by fold.

    Classes weigh the same, as in the training of the networks. Columns that are missing somewhere
    or constant in the training nuclei of a fold are dropped in that fold and reported.

    Parameters
    ----------
    features : DataFrame
        `nucleus_id` and feature columns, see `choose_columns`.
    labels : Series
        Condition of each nucleus, indexed by `nucleus_id`.
    splits : DataFrame
        From `lib.screen.splits`: index `nucleus_id`, one column per fold, holding `train`, `val`,
        `test` or `out`.
    clip : float
        Limit of a standardised feature (paper: 15).
    max_iterations : int
        Of the optimiser.
    strength : float
        Inverse weight of the L2 penalty.

    Returns
    -------
    Baseline
        `accuracy`: `fold`, `n_train`, `n_test`, `n_features`, `balanced_accuracy`; `predictions`:
        `nucleus_id`, `fold`, `truth`, `predicted`; `columns`: `column`, `is_used`, `reason`.

    Raises
    ------
    InputError
        For a nucleus of the splits without features or label, a repeated nucleus, or no usable
        column.

    References
    ----------
    Image2Reg's morphological-profile baseline, a linear classifier on standardised features.
    """
    columns = choose_columns(features)
    names = columns.loc[columns["is_used"], "column"].tolist()
    values = _aligned(features, splits)[names]  # (nuclei of the splits, F)
    truth = labels.reindex(splits.index)  # (nuclei of the splits,)
    if truth.isna().any():
        raise InputError(
            f"nucleus {truth.index[truth.isna()][0]} has no label; labels are indexed by nucleus_id"
        )
    truth = truth.astype(str).to_numpy()
    accuracy, predictions, dropped = [], [], []
    # one model per fold; validation nuclei are not used
    for fold, (name, roles) in enumerate(splits.items()):
        train, test = ((roles == role).to_numpy() for role in ("train", "test"))
        unfit = _unfit(values, train, str(name))  # column → reason, in this fold
        kept = [column for column in names if column not in unfit.index]
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=max_iterations)
        scaled = scale(
            values.loc[train, kept].to_numpy(float),
            values.loc[test, kept].to_numpy(float),
            clip=clip,
        )
        predicted = model.fit(scaled[0], truth[train]).predict(scaled[1])
        shares = embeddings.confusion(truth[test], predicted, sorted(set(truth)))  # (C, C)
        accuracy.append(
            (
                fold,
                int(train.sum()),
                int(test.sum()),
                len(kept),
                embeddings.balanced_accuracy(shares),
            )
        )
        predictions.append(
            pd.DataFrame(
                {ID: splits.index[test], "fold": fold, "truth": truth[test], "predicted": predicted}
            )
        )
        dropped.append(unfit + f" in {name}")
    return Baseline(
        pd.DataFrame(
            accuracy, columns=["fold", "n_train", "n_test", "n_features", "balanced_accuracy"]
        ),
        pd.concat(predictions, ignore_index=True),
        _report(columns, dropped),
    )


def _aligned(features: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Return the features in the order of the splits."""
    if ID not in features:
        raise InputError(f"the features lack the column {ID!r}")
    nuclei = pd.Index(features[ID])
    for what, index in {"features": nuclei, "splits": splits.index}.items():
        if index.has_duplicates:
            raise InputError(f"the {what} hold nucleus {index[index.duplicated()][0]} twice")
    positions = nuclei.get_indexer(splits.index)  # (nuclei of the splits,), −1 where absent
    absent = splits.index[positions < 0]
    if len(absent):
        raise InputError(
            f"{len(absent)} nuclei of the splits have no features, such as {absent[0]}"
        )
    return features.iloc[positions].reset_index(drop=True)


def _unfit(values: pd.DataFrame, train: np.ndarray, fold: str) -> pd.Series:
    """Return column → reason for those that this fold cannot use."""
    array = values.to_numpy(float)
    if not train.any():
        raise InputError(
            f"{fold} has no training nucleus; a column of splits holds train, val, test or out"
        )
    missing = ~np.isfinite(array).all(axis=0)  # (F,)
    spread = np.ptp(np.where(np.isfinite(array[train]), array[train], 0), axis=0)  # (F,)
    # relative to the column's size: sums of floats leave a spread in constants
    constant = ~missing & (spread <= 1e-9 * np.abs(array[train]).max(axis=0))
    if (missing | constant).all():
        raise InputError(f"{fold}: none of {array.shape[1]} feature columns is complete and varies")
    reasons = pd.Series(np.where(missing, "missing values", "constant"), index=values.columns)
    return reasons[missing | constant]


def _report(columns: pd.DataFrame, dropped: list[pd.Series]) -> pd.DataFrame:
    """Add the columns that folds dropped to those left out from the start."""
    reasons = pd.concat(dropped)
    reasons = reasons.groupby(level=0).agg("; ".join) if len(reasons) else reasons
    reason = columns["column"].map(reasons.to_dict()).fillna(columns["reason"])
    n_dropped = columns["column"].map(pd.concat(dropped).index.value_counts().to_dict()).fillna(0)
    # a column is used where one fold or more could use it
    return columns.assign(reason=reason, is_used=columns["is_used"] & (n_dropped < len(dropped)))
