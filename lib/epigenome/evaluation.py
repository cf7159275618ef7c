"""Evaluation: one correlation per set of genes, what is specific to a cell, intervals and paired
tests."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.epigenome.marks import group_of
from lib.stats.multiple_testing import benjamini_hochberg

TINY = 1e-12  # of a spread, against the size of the values: below it they are constant
PREDICTION_COLUMNS = ["fold", "model", "assay", "cell", "gene", "part", "label", "act", "pred"]


def vectors(observed, predicted) -> tuple[np.ndarray, np.ndarray]:
    """Return both as (n,) float64.

    Parameters
    ----------
    observed, predicted : (n,) sequences of float

    Raises
    ------
    InputError
        For shapes that would broadcast, no gene, or values that are not finite.
    """
    observed, predicted = np.asarray(observed, float), np.asarray(predicted, float)
    if observed.ndim != 1 or observed.shape != predicted.shape or not len(observed):
        raise InputError(
            f"observed {observed.shape} and predicted {predicted.shape} are not two lists of one "
            "length"
        )
    if not (np.isfinite(observed).all() and np.isfinite(predicted).all()):
        raise InputError("a value that is not finite among observed or predicted expression")
    return observed, predicted


def pearson(observed, predicted) -> float:
    """Return Pearson's r over all genes at once, NaN where one side is constant.

    Parameters
    ----------
    observed, predicted : (n,) sequences of float
        Finite; computed in float64.

    Examples
    --------
    >>> round(pearson(1e6 + np.arange(4), [0, 1, 2, 4]), 4)
    0.9827
    """
    x, y = (values - values.mean() for values in vectors(observed, predicted))
    sizes = [np.abs(np.asarray(values, float)).max() for values in (observed, predicted)]
    if any(np.abs(v).max() <= TINY * max(size, 1) for v, size in zip((x, y), sizes, strict=True)):
        return float("nan")
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def scores(observed, predicted) -> dict[str, float | str]:
    """Return r, Spearman's rho, R², the mean squared error, n, and why r is missing where it is.

    Parameters
    ----------
    observed, predicted : (n,) sequences of float

    Returns
    -------
    dict
        r, rho, r2, mse, n, note.
    """
    x, y = vectors(observed, predicted)
    ranks = [pd.Series(values).rank().to_numpy() for values in (x, y)]
    spread = ((x - x.mean()) ** 2).sum()
    r = pearson(x, y)
    side = "observed" if np.ptp(x) <= TINY * max(np.abs(x).max(), 1) else "predicted"
    return {
        "r": r,
        "rho": pearson(*ranks),
        "r2": float(1 - ((x - y) ** 2).sum() / spread) if spread > 0 else float("nan"),
        "mse": float(((x - y) ** 2).mean()),
        "n": len(x),
        "note": f"{side} values are constant" if np.isnan(r) else "",
    }


def by_unit(
    predictions: pd.DataFrame, by: Sequence[str] = ("model", "assay", "cell", "fold")
) -> pd.DataFrame:
    """Return `scores` on the test genes of every unit, each from nothing.

    Parameters
    ----------
    predictions : DataFrame
        `PREDICTION_COLUMNS`, one row per gene and unit.
    """
    test = predictions[predictions["part"] == "test"]
    rows = []
    for key, group in test.groupby(list(by), sort=False):
        rows.append(dict(zip(by, key, strict=True)) | scores(group["act"], group["pred"]))
    table = pd.DataFrame(rows)
    return table.assign(group=table["cell"].map(group_of)) if "cell" in table else table


def class_scores(label, score) -> dict[str, float]:
    """Return how well scores tell expressed genes (label 1) from the others (0).

    Returns
    -------
    dict
        auc, ap (average precision), accuracy (at a probability of 0.5; NaN where scores are no
        probabilities), n; NaN where all genes have one label.

    Examples
    --------
    >>> class_scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])["auc"]
    0.75
    """
    from sklearn.metrics import average_precision_score, roc_auc_score  # slow to load, seldom used

    truth, found = vectors(label, score)
    is_both = len(np.unique(truth)) == 2
    is_probability = found.min() >= 0 and found.max() <= 1
    right = (found > 0.5) == (truth == 1)
    return {
        "auc": float(roc_auc_score(truth, found)) if is_both else float("nan"),
        "ap": float(average_precision_score(truth, found)) if is_both else float("nan"),
        "accuracy": float(right.mean()) if is_probability else float("nan"),
        "n": len(truth),
    }


def classes_by_unit(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return `class_scores` on the test genes of every unit; a regression's predictions rank genes.

    Parameters
    ----------
    predictions : DataFrame
        `PREDICTION_COLUMNS`, one row per gene and unit.
    """
    rows, by = [], ["model", "assay", "cell", "fold"]
    for key, group in predictions[predictions["part"] == "test"].groupby(by, sort=False):
        found = class_scores(group["label"], group["pred"])
        rows.append(dict(zip(by, key, strict=True)) | found)
    return pd.DataFrame(rows)


def by_cell(units: pd.DataFrame) -> pd.DataFrame:
    """Return the mean r over the folds of each model, assay and cell; means of cells are taken from
    these.

    Parameters
    ----------
    units : DataFrame
        From `by_unit`.

    Returns
    -------
    DataFrame
        model, assay, cell, group, r, rho, r2, mse.
    """
    keys = ["model", "assay", "cell", "group"]
    return units.groupby(keys, as_index=False, sort=False)[["r", "rho", "r2", "mse"]].mean()


def residual_r(values: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return what a prediction says of a cell beyond what the other cells say of a gene.

    Parameters
    ----------
    values, predicted : (G, C) DataFrame
        Observed and predicted expression, genes × cells.

    Returns
    -------
    DataFrame
        One row per cell: `r`; `r_residual` after each gene's mean over the other cells is taken
        from both; and `r_mean`, of that mean alone as the prediction.

    Examples
    --------
    >>> seen = pd.DataFrame({"A": [0.0, 5, 10], "B": [1.0, 5, 9]})
    >>> guess = pd.DataFrame({"A": seen["B"], "B": seen["A"]})
    >>> row = residual_r(seen, guess).loc[0, ["r", "r_residual", "r_mean"]]
    >>> row.astype(float).round(2).tolist()
    [1.0, nan, 1.0]
    """
    if values.shape[1] < 2:
        raise InputError("one cell has no other to be compared with", fix="give at least two cells")
    rows = []
    for cell in values:
        mean = values.drop(columns=cell).mean(axis=1)
        left = predicted[cell] - mean
        flat = np.abs(left).max() <= TINY * max(np.abs(mean).max(), 1)
        r_left = float("nan") if flat else pearson(values[cell] - mean, left)
        rows.append(
            [cell, pearson(values[cell], predicted[cell]), r_left, pearson(values[cell], mean)]
        )
    return pd.DataFrame(rows, columns=["cell", "r", "r_residual", "r_mean"])


def bootstrap_r(
    observed, predicted, rng: np.random.Generator, *, n: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Return an interval of r from `n` draws of genes with replacement.

    Parameters
    ----------
    observed, predicted : (n_genes,) sequences of float
    n : int
        Draws.
    level : float
        Share of the draws within the interval.

    Returns
    -------
    float, float
        NaN if all draws are constant.
    """
    x, y = vectors(observed, predicted)
    rows = rng.integers(len(x), size=(n, len(x)))
    x, y = x[rows], y[rows]
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    spread = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    r = (x * y).sum(axis=1)[spread > 0] / spread[spread > 0]
    low, high = np.quantile(r, [(1 - level) / 2, (1 + level) / 2]) if len(r) else (np.nan, np.nan)
    return float(low), float(high)


def sign_flip_p(differences) -> float:
    """Return the two-sided p-value of paired differences: exact, over all flips of their signs.

    Assumes that, without an effect, a difference is as likely to be positive as negative. With n
    pairs it cannot fall below 2 / 2ⁿ. Missing pairs are left out.

    Parameters
    ----------
    differences : (n,) sequence of float
        1 to 20 that are finite.

    Examples
    --------
    >>> sign_flip_p([1, 2, 3, 4, 5])
    0.0625
    """
    d = np.asarray(differences, float)
    d = d[np.isfinite(d)]
    if not len(d) or len(d) > 20:
        raise InputError(f"{len(d)} pairs: expected 1 to 20")
    signs = np.array(list(itertools.product([1, -1], repeat=len(d))))
    sums = np.abs(signs @ d)
    return float(np.mean(sums >= abs(d.sum()) * (1 - 1e-9)))


def paired_tests(
    cells: pd.DataFrame, pairs: Sequence[tuple[str, str]], *, column: str = "assay"
) -> pd.DataFrame:
    """Compare two assays, or models, over the cells that have both.

    Parameters
    ----------
    cells : DataFrame
        cell, r and `column`, one row per cell and assay.

    Returns
    -------
    DataFrame
        first, second, n cells, mean difference of r, p (sign flips), q (Benjamini-Hochberg over the
        rows).
    """
    wide = cells.pivot_table(index="cell", columns=column, values="r")
    rows = []
    for first, second in pairs:
        d = (wide[first] - wide[second]).dropna()
        rows.append([first, second, len(d), d.mean(), sign_flip_p(d) if len(d) else np.nan])
    table = pd.DataFrame(rows, columns=["first", "second", "n_cells", "difference", "p"])
    return table.assign(q=benjamini_hochberg(table["p"]))
