"""Simple models on the same splits and genes as the networks: what the networks have to add to.

Shapes: G genes, F marks, L bins.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib.epigenome import expression, promoters, signals, splits, unit_files
from lib.epigenome.evaluation import pearson
from lib.epigenome.marks import rows_of
from lib.epigenome.signals import SIZE, WINDOW, Signals

RIDGES = (0.1, 1.0, 10.0, 100.0, 1000.0)
COARSE = 500  # bp a bin of the linear models and the gene score
TREE_BIN = 2_000  # bp a bin of trees that see 40 kbp
SCORE_REACH, SCORE_UPSTREAM = 5_000.0, 5_000.0  # bp, of the gene score
MODELS = (
    "mean",
    "activity 6 kbp",
    "activity 40 kbp",
    "gene score",
    "ridge 6 kbp",
    "ridge 10 kbp",
    "ridge 40 kbp",
    "ridge 40 kbp + contacts",
    "boosting 6 kbp",
    "boosting 10 kbp",
    "boosting 40 kbp + contacts",
)


def simple_unit(
    part: Path,
    *,
    seed: int,
    data: Path,
    marks: Sequence[str],
    cuts: dict[str, Sequence[str]],
    models: Sequence[str] = MODELS,
    families: Path | None = None,
) -> None:
    """Fit all simple models of one cell and mark set on every fold; a unit of `lib.run.compute`.

    Parameters
    ----------
    data : Path
        File of `signals.write`.
    cuts : dict
        Fold, as text → test chromosomes.
    models : sequence of str
        Names of `MODELS`.
    families : Path, optional
        Of genes; training genes with a held-out relative are then left out.
    """
    known = signals.read(data)
    y = expression.log_target(known.genes["expression"])
    parts = {
        int(fold): splits.parts_of(known.genes, int(fold), test, families)
        for fold, test in cuts.items()
    }
    tables = []
    for name in models:
        values = inputs(known, marks, name)
        for fold, part_ in parts.items():
            pred = fit(name, values, y, part_.to_numpy(), seed=seed)
            named = {"fold": fold, "model": name, "assay": "-".join(marks), "cell": known.cell}
            tables.append(unit_files.table(known.genes, **named, part=part_, act=y, pred=pred))
    unit_files.write(part, pd.concat(tables, ignore_index=True))


def inputs(known: Signals, marks: Sequence[str], model: str) -> np.ndarray:
    """Return what a simple model sees, (G, n).

    Parameters
    ----------
    known : Signals
    marks : sequence of str
    model : str
        Name of `MODELS`.
    """
    if model == "mean":
        return np.zeros((len(known.genes), 1))
    if model == "gene score":
        return gene_score(known, marks)
    kind, kbp, *rest = model.split(" ")
    window = int(kbp) * 1_000
    if kind == "activity":
        return promoters.activity(known, marks, window=window)
    sums = promoters.oriented(known, rows_of(marks, known.marks), window=window)
    size = TREE_BIN if kind == "boosting" and window == WINDOW else COARSE
    values = promoters.promoter_bins(sums, size, length=window).reshape(len(sums), -1)
    return np.hstack([values, contact_sums(known, marks)]) if "contacts" in rest else values


def contact_sums(known: Signals, marks: Sequence[str]) -> np.ndarray:
    """Return per mark the sum over the partners of their mean activity, plain and times the score,
    (G, 2 F).

    Parameters
    ----------
    known : Signals
    marks : sequence of str
    """
    rows = rows_of(marks, known.marks)
    used = known.slots >= 0
    if not used.any():
        return np.zeros((len(known.slots), 2 * len(rows)))
    values, spans = promoters.region_bins(known, rows, SIZE)
    means = values.sum(axis=1) / spans[:, 1:]  # (R, F)
    found = np.where(used[..., None], means[known.slots], 0.0)  # (G, P, F)
    return np.hstack([found.sum(axis=1), (found * known.scores[..., None]).sum(axis=1)])


def gene_score(known: Signals, marks: Sequence[str]) -> np.ndarray:
    """Return a score of accessible-chromatin studies, (G, F): activity weighted by distance from
    the start site.

    A 500-bp bin counts 1 + 1/e from 5 kbp upstream to the start site, and exp(-d / 5 kbp) + 1/e
    elsewhere. The distance d is in bp, where the reference counted bins and so had no decay; gene
    bodies are not known to a table of start sites, and the window is 40 kbp where the original has
    200.
    """
    sums = promoters.oriented(known, rows_of(marks, known.marks), window=WINDOW)
    values = promoters.promoter_bins(sums, COARSE)  # (G, 80, F)
    middle = -WINDOW / 2 + COARSE * (np.arange(values.shape[1]) + 0.5)
    away = np.where(middle < 0, np.maximum(-middle - SCORE_UPSTREAM, 0), middle)
    return np.einsum("glf,l->gf", values, np.exp(-away / SCORE_REACH) + np.exp(-1))


def fit(
    model: str, values: np.ndarray, y: np.ndarray, parts: np.ndarray, *, seed: int
) -> np.ndarray:
    """Fit one simple model on the training genes and return its predictions for all, (G,).

    The ridge and the number of trees are those of the lowest error on the validation genes.

    Parameters
    ----------
    model : str
        Name of `MODELS`.
    values : (G, n) array
        From `inputs`.
    y : (G,) array
    parts : (G,) array
        `train`, `validation`, or another word for genes that take no part.
    seed : int
        Of the trees.
    """
    train, validation = parts == "train", parts == "validation"
    if model == "mean":
        return np.full(len(y), y[train].mean())
    center, scale = values[train].mean(axis=0), values[train].std(axis=0)
    values = (values - center) / np.where(scale > 1e-9, scale, 1.0)
    if model.startswith("boosting"):
        return _boosting(values, y, train, validation, seed)
    return _ridge(values, y, train, validation)


def _ridge(
    values: np.ndarray, y: np.ndarray, train: np.ndarray, validation: np.ndarray
) -> np.ndarray:
    """Return predictions of the ridge with the lowest validation error; ties go to the stronger
    one."""
    x, mean = values[train], y[train].mean()
    # with more bins than genes the same ridge costs less over the genes
    is_wide = x.shape[1] > len(x)
    gram = x @ x.T if is_wide else x.T @ x
    toward = y[train] - mean if is_wide else x.T @ (y[train] - mean)
    best, chosen = np.inf, None
    for ridge in sorted(RIDGES, reverse=True):
        found = np.linalg.solve(gram + ridge * np.eye(len(gram)), toward)
        pred = values @ (x.T @ found if is_wide else found) + mean
        error = round(float(np.mean((pred[validation] - y[validation]) ** 2)), 6)
        if error < best:
            best, chosen = error, pred
    return chosen


def _boosting(values, y, train, validation, seed: int) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(
        max_iter=60,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=10,
        early_stopping=False,
        random_state=seed % 2**32,
    )
    model.fit(values[train], y[train])
    staged = list(model.staged_predict(values))
    errors = [round(float(np.mean((pred[validation] - y[validation]) ** 2)), 6) for pred in staged]
    return staged[int(np.argmin(errors))]


def activity_correlations(
    known: Signals, *, windows: Sequence[int] = (1_600, 3_000, 6_000, 40_000)
) -> pd.DataFrame:
    """Return Pearson's r of mean activity and log2(RPKM + 1) over all genes: no model at all.

    Returns
    -------
    DataFrame
        cell, mark, window (bp), r.
    """
    y = expression.log_target(known.genes["expression"])
    rows = []
    for window in windows:
        values = promoters.activity(known, known.marks, window=window)
        rows += [
            (known.cell, mark, window, pearson(y, values[:, i]))
            for i, mark in enumerate(known.marks)
        ]
    return pd.DataFrame(rows, columns=["cell", "mark", "window", "r"])
