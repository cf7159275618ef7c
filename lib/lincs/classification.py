"""Which class (PCL) is a signature of? The same classifiers on any representation, with folds that
are honest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import NearestCentroid
from sklearn.svm import LinearSVC

from lib.data.errors import InputError
from lib.stats import resampling
from lib.stats.groups import Folds

CLASSIFIERS: Mapping[str, Callable[[], ClassifierMixin]] = {
    "logistic": lambda: LogisticRegression(max_iter=100),  # of the paper, as is LinearSVC
    "svm": lambda: LinearSVC(random_state=0),
    "lda": lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "class mean": NearestCentroid,
    "majority": DummyClassifier,
}


@dataclass(frozen=True)
class Predicted:
    """Predicted class of every row, empty for rows that are never tested, and the mean accuracy in
    training.
    """

    labels: np.ndarray
    train_accuracy: float


def published_folds(n: int, *, n_folds: int = 10) -> Folds:
    """Cut folds as published: one permutation of NumPy's seed 0, floor(n / 10) rows each.

    Rows of one drug are on both sides, classes are not balanced, and the last n mod 10 rows are
    never tested.

    Parameters
    ----------
    n : int
        Signatures.
    n_folds : int

    Returns
    -------
    Folds
        Fold of each row, −1 for those that are never tested.
    """
    order, size = np.random.RandomState(0).permutation(n), n // n_folds  # noqa: NPY002, the published generator
    fold = np.full(n, -1)
    fold[order[: size * n_folds]] = np.repeat(np.arange(n_folds), size)
    return Folds(fold, ())


def random_folds(labels: Sequence[str], n_folds: int, *, seed: int) -> Folds:
    """Cut stratified folds that do not keep drugs together; classes smaller than the folds are
    never tested.

    Parameters
    ----------
    labels : (n,) sequence of str
    n_folds : int
    seed : int

    Returns
    -------
    Folds
    """
    labels = np.asarray(labels, str)
    names, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(sizes[codes] >= n_folds)
    fold = np.full(len(labels), -1)
    parts = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(rows, labels[rows])
    for number, (_, test) in enumerate(parts):
        fold[rows[test]] = number
    return Folds(fold, tuple(names[sizes < n_folds]))


def predict(
    representation: np.ndarray | Callable[[int], np.ndarray],
    labels: Sequence[str],
    folds: Folds,
    *,
    classifier: str,
) -> Predicted:
    """Predict the class of each row by a classifier that was trained on the other folds.

    Parameters
    ----------
    representation : (n, width) array, or callable
        A callable gives the representation of a fold, from an encoder that has not seen its test
        rows.
    labels : sequence of str
        Class of each row.
    folds : Folds
    classifier : str
        One of `CLASSIFIERS`.

    Raises
    ------
    InputError
        If fewer than two classes can be tested, or the representation is not finite.
    """
    labels = np.asarray(labels, str)
    if len(set(labels[folds.fold >= 0])) < 2:
        raise InputError(
            "fewer than two classes can be tested", fix="give more perturbagens, or fewer folds"
        )
    found, accuracies = np.full(len(labels), "", dtype=object), []
    for number in folds.numbers:
        train, test = folds.rows(number)
        values = representation(number) if callable(representation) else representation
        if not np.isfinite(values).all():
            raise InputError(f"the representation of fold {number} is not finite")
        scale = (
            values[train].std() or 1.0
        )  # one number: it leaves directions as they are and speeds up the solver
        fitted = CLASSIFIERS[classifier]().fit(values[train] / scale, labels[train])
        found[test] = fitted.predict(values[test] / scale)
        accuracies.append(np.mean(fitted.predict(values[train] / scale) == labels[train]))
    return Predicted(found, float(np.mean(accuracies)))


def scores(labels: Sequence[str], predicted: np.ndarray) -> dict[str, float]:
    """Return accuracy, balanced accuracy and macro-F1 over the tested rows, with what chance would
    give.

    Returns
    -------
    dict
        `accuracy`, `balanced_accuracy`, `macro_f1`, `majority` (share of the largest class),
        `uniform` (1 / classes), `n`, `n_classes`.
    """
    tested = predicted != ""
    truth, found = np.asarray(labels, str)[tested], predicted[tested].astype(str)
    classes, codes, sizes = np.unique(truth, return_inverse=True, return_counts=True)
    hits = np.bincount(codes[truth == found], minlength=len(classes))
    return {
        "accuracy": float(hits.sum() / len(truth)),
        "balanced_accuracy": float(np.mean(hits / sizes)),
        "macro_f1": float(f1_score(truth, found, labels=classes, average="macro")),
        "majority": float(sizes.max() / len(truth)),
        "uniform": 1 / len(classes),
        "n": len(truth),
        "n_classes": len(classes),
    }


def group_accuracy(labels: Sequence[str], predicted: np.ndarray, groups: np.ndarray) -> pd.Series:
    """Return the accuracy within each group (perturbagen) that is tested: the independent units.

    Parameters
    ----------
    labels : (n,) sequence of str
    predicted : (n,) array of str
        Empty where a row is not tested.
    groups : (n,) array
    """
    tested = predicted != ""
    right = np.asarray(labels, str)[tested] == predicted[tested]
    return pd.Series(right.astype(float)).groupby(groups[tested], sort=True).mean()


def compare(
    labels: Sequence[str],
    predictions: Mapping[str, np.ndarray],
    groups: np.ndarray,
    *,
    against: str,
    n: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare representations by their accuracies within perturbagens, paired.

    Returns
    -------
    DataFrame
        Per representation: `mean` accuracy over perturbagens with its interval `low`, `high`;
        `difference` to the one named by `against` with its interval, and `p` of a sign-flip test.
    """
    units = {
        name: group_accuracy(labels, predicted, groups) for name, predicted in predictions.items()
    }
    rows = []
    for name, own in units.items():
        low, high = resampling.bootstrap_mean(own.to_numpy(), n=n, rng=rng)
        row = {
            "representation": name,
            "mean": own.mean(),
            "low": low,
            "high": high,
            "n_groups": len(own),
        }
        if name != against:
            off = (own - units[against]).to_numpy()
            row["difference"] = off.mean()
            row["difference_low"], row["difference_high"] = resampling.bootstrap_mean(
                off, n=n, rng=rng
            )
            row["p"] = resampling.sign_flip(off, n=n, rng=rng)
        rows.append(row)
    return pd.DataFrame(rows)


def confusion(labels: Sequence[str], predicted: np.ndarray) -> pd.DataFrame:
    """Return the share of each class (rows) that was predicted as each class (columns), tested rows
    only.

    Parameters
    ----------
    labels : (n,) sequence of str
    predicted : (n,) array of str
    """
    tested = predicted != ""
    return pd.crosstab(
        np.asarray(labels, str)[tested], predicted[tested], normalize="index"
    ).rename_axis(index="pcl", columns="predicted")
