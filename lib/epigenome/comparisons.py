"""Comparisons of what a screen found: one mark with all, pairs, cells, genes with relatives."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.epigenome.evaluation import bootstrap_r, by_unit, paired_tests, pearson
from lib.epigenome.plans import NARROW, WIDE
from lib.epigenome.relatives import has_relative

RANGES = ((NARROW, WIDE), ("ridge 6 kbp", "ridge 40 kbp + contacts"))
"""Models of one kind that see little and much."""

UNIT = ["model", "assay", "cell", "fold"]


def cross_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the mean r over the folds, by training cell and cell.

    Parameters
    ----------
    predictions : DataFrame
        From `screen.run_cross`.

    Returns
    -------
    DataFrame
        trained_on, cell, r.
    """
    units_ = by_unit(predictions)
    trained_on = units_["model"].str.split(" of ").str[-1]
    table = units_.assign(trained_on=trained_on).groupby(
        ["trained_on", "cell"], as_index=False, sort=False
    )["r"]
    return table.mean()


def gap_to_all(cells: pd.DataFrame, assays: Sequence[str], every: str) -> float:
    """Return how far the mean r of some assays is from that of all marks, in points (hundredths).

    Parameters
    ----------
    cells : DataFrame
        assay, cell, r; from `evaluation.by_cell`, of one model.
    assays : sequence of str
    every : str
        Assay of all marks.
    """
    mean = cells.groupby("assay")["r"].mean()
    return float(100 * (mean[every] - mean.reindex(list(assays)).mean()))


def share_closed(
    cells: pd.DataFrame, pairs: Sequence[str], singles: Sequence[str], every: str
) -> float:
    """Return the share of the gap between one mark and all that a second mark closes.

    Parameters
    ----------
    cells, every
        As of `gap_to_all`.
    pairs, singles : sequences of str
    """
    one, two = gap_to_all(cells, singles, every), gap_to_all(cells, pairs, every)
    return (one - two) / one


def pair_gains(cells: pd.DataFrame) -> pd.DataFrame:
    """Return in every cell what a second mark adds to the first: r of the pair minus that of the
    first alone.

    Parameters
    ----------
    cells : DataFrame
        assay, cell, r; from `evaluation.by_cell`, of one model.

    Returns
    -------
    DataFrame
        first, second, assay (the pair), cell, gain.
    """
    pairs = cells[cells["assay"].str.count("-") == 1]
    named = pairs["assay"].str.split("-", expand=True).reindex(columns=[0, 1])
    pairs = pairs.assign(first=named[0], second=named[1])
    alone = cells[["assay", "cell", "r"]].rename(columns={"assay": "first", "r": "r_first"})
    table = pairs.merge(alone, on=["first", "cell"])
    table["gain"] = table["r"] - table["r_first"]
    return table[["first", "second", "assay", "cell", "gain"]]


def models_tested(cells: pd.DataFrame, assay: str) -> pd.DataFrame:
    """Compare each network with each simple model over the cells, on the same test genes.

    Parameters
    ----------
    cells : DataFrame
        model, assay, cell, r; from `evaluation.by_cell`.

    Returns
    -------
    DataFrame
        As of `evaluation.paired_tests`; first is the network.
    """
    shown = cells[(cells["assay"] == assay) & cells["r"].notna()]
    names = shown["model"].unique()
    simple = [name for name in names if name not in (WIDE, NARROW)]
    networks = [name for name in (WIDE, NARROW) if name in names]
    return paired_tests(shown, list(itertools.product(networks, simple)), column="model")


def by_window(units: pd.DataFrame, more: pd.DataFrame, *, narrow: int, wide: int) -> pd.DataFrame:
    """Return r by what single marks' models see, networks and ridges, one row per unit.

    Parameters
    ----------
    units : DataFrame
        From `evaluation.by_unit`, of the screen and of the simple models.
    more : DataFrame
        Predictions of the promoter network with a column window; from `screen.run_windows`.
    narrow, wide : int
        Windows of the promoter network and of Chromoformer in the screen, in bp.

    Returns
    -------
    DataFrame
        kind (`networks`, `ridge`), seen (kbp as text; `40 + contacts`), assay, cell, fold, r.
    """
    one_mark = units[~units["assay"].str.contains("-")]
    at = by_unit(more, ["window", "assay", "cell", "fold"])
    text = at["window"].map(_kbp)
    names = {NARROW: _kbp(narrow), WIDE: f"{_kbp(wide)} + contacts"}
    networks = one_mark[one_mark["model"].isin(names)]
    networks = networks.assign(seen=networks["model"].map(names))
    ridges = one_mark[one_mark["model"].str.startswith("ridge ")]
    ridges = ridges.assign(seen=ridges["model"].str.removeprefix("ridge ").str.replace(" kbp", ""))
    both = pd.concat([networks, at.assign(seen=text)]).assign(kind="networks")
    every = pd.concat([both, ridges.assign(kind="ridge")], ignore_index=True)
    return every[["kind", "seen", "assay", "cell", "fold", "r"]]


def intervals(predictions: pd.DataFrame, rng: np.random.Generator, *, n: int) -> pd.DataFrame:
    """Return r with a bootstrap interval over genes, by model and assay; all test genes of all
    cells and folds.

    Parameters
    ----------
    predictions : DataFrame
        `evaluation.PREDICTION_COLUMNS`.
    n : int
        Draws of genes.

    Returns
    -------
    DataFrame
        model, assay, low, high (95 %), n genes.
    """
    rows = []
    for (model, assay), group in _centred(predictions).groupby(["model", "assay"], sort=False):
        low, high = bootstrap_r(group["act"], group["pred"], rng, n=n)
        rows.append((model, assay, low, high, len(group)))
    return pd.DataFrame(rows, columns=["model", "assay", "low", "high", "n"])


def pooled_r(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return one r per model and assay over the test genes of all cells and folds.

    Parameters
    ----------
    predictions : DataFrame
        `evaluation.PREDICTION_COLUMNS`.

    Returns
    -------
    DataFrame
        One row per assay, one column per model; 0 where predictions are constant.
    """
    groups = _centred(predictions).groupby(["model", "assay"])[["act", "pred"]]
    return groups.apply(_r).unstack("model").fillna(0.0)


def gain_of_range(pooled: pd.DataFrame) -> pd.Series:
    """Return what a wider view adds to r by assay: mean over the kinds of `RANGES` that are there.

    Parameters
    ----------
    pooled : DataFrame
        From `pooled_r`.
    """
    there = [(near, far) for near, far in RANGES if {near, far} <= set(pooled)]
    return sum(pooled[far] - pooled[near] for near, far in there) / len(there)


def by_relatives(predictions: pd.DataFrame, families: pd.DataFrame) -> pd.DataFrame:
    """Return r on test genes with and without a relative among the training genes of their fold.

    Parameters
    ----------
    predictions : DataFrame
        `evaluation.PREDICTION_COLUMNS`, of one assay.
    families : DataFrame
        From `relatives.read_families`.

    Returns
    -------
    DataFrame
        model, r_all, r_without, r_with, n_without, n_with; r over all cells and folds, NaN for
        fewer than three genes.
    """
    test = _centred(predictions)
    test["is_related"] = False
    for _, unit in predictions.groupby(UNIT, sort=False):
        held = unit[unit["part"] == "test"]
        train = unit.loc[unit["part"] == "train", "gene"]
        test.loc[held.index, "is_related"] = has_relative(held["gene"], train, families)
    rows = []
    for model, group in test.groupby("model", sort=False):
        parts = (group, group[~group["is_related"]], group[group["is_related"]])
        found = [_r(part) for part in parts]
        rows.append((model, *found, len(parts[1]), len(parts[2])))
    columns = ["model", "r_all", "r_without", "r_with", "n_without", "n_with"]
    return pd.DataFrame(rows, columns=columns)


def _kbp(window: int) -> str:
    return f"{window / 1_000:g}"


def _r(group: pd.DataFrame) -> float:
    return pearson(group["act"], group["pred"]) if len(group) > 2 else float("nan")


def _centred(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the test genes with the mean of their unit taken away, so that differences between
    units do not count."""
    test = predictions[predictions["part"] == "test"].copy()
    for name in ("act", "pred"):
        test[name] -= test.groupby(UNIT)[name].transform("mean")
    return test
