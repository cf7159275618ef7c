"""The screen: one network per cell, mark set and fold, two kinds of network, and the simple models
beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from lib.data.errors import InputError
from lib.epigenome import fitting, simple
from lib.epigenome.evaluation import bootstrap_r, by_unit
from lib.epigenome.fitting import Plan
from lib.epigenome.marks import MARKS, PAIRS
from lib.run import compute, store

WIDE, NARROW = "chromoformer", "promoter"


def mark_sets(
    singles: Sequence[str], pairs: Sequence[str], *, with_all: bool = True
) -> list[tuple[str, ...]]:
    """Return the mark sets of a screen; `pairs` are joined by `-`, or the one word `paper` for its
    15.

    Examples
    --------
    >>> mark_sets(["H3K4me3"], ["H3K4me3-H3K27ac"], with_all=False)
    [('H3K4me3',), ('H3K4me3', 'H3K27ac')]
    """
    chosen = list(PAIRS) if list(pairs) == ["paper"] else [tuple(pair.split("-")) for pair in pairs]
    bad = [pair for pair in chosen if len(set(pair)) != 2]
    if bad:
        raise InputError(
            f"{'-'.join(bad[0])} is no pair of marks", fix="write it as H3K4me3-H3K27ac"
        )
    return [(mark,) for mark in singles] + chosen + ([tuple(MARKS)] if with_all else [])


def sizes(width: int, pair_layers: int, regulation_layers: int) -> dict[str, int]:
    """Return Chromoformer's sizes from its width; 128, 2 and 6 are the published ones.

    Examples
    --------
    >>> from lib.epigenome.chromoformer import Sizes
    >>> Sizes(**sizes(128, 2, 6)) == Sizes()
    True
    """
    return {
        "width": width,
        "embed_hidden": width,
        "pair_layers": pair_layers,
        "pair_hidden": 2 * width,
        "regulation_layers": regulation_layers,
        "regulation_width": 2 * width,
        "regulation_hidden": 2 * width,
        "head_hidden": width,
    }


def training(
    kind: str,
    *,
    generation: str,
    learning_rate: float,
    batch_size: int,
    patience: int,
    max_epochs: int,
) -> dict:
    """Return the settings of a training as JSON-able values.

    Parameters
    ----------
    generation : str
        `paper`, or `authors` for Chromoformer as its authors trained it: rate times 0.87 an epoch,
        last epoch kept.
    patience : int
        Epochs without a lower validation loss after which training stops, as Keras counts.
    """
    name = "authors" if generation == "authors" and kind == WIDE else kind
    base = fitting.PAPER[name]
    waits = None if base.patience is None else patience - 1
    return replace(
        base,
        learning_rate=learning_rate,
        batch_size=batch_size,
        patience=waits,
        max_epochs=max_epochs,
    ).as_dict()


def kept(paths: Mapping[str, Path], found: Mapping[str, dict], folder: str | Path) -> Path:
    """Copy the units that kept their network into a folder, as CELL__KIND__ASSAY__FOLD.npz."""
    folder = store.resolve(folder)
    for name, path in paths.items():
        if found[name]["keep"]:
            with store.atomic(folder / f"{name}.npz") as part:
                part.write_bytes(path.read_bytes())
    return folder


def networks(
    folder: str | Path, *, cell: str = "*", kind: str = WIDE, assay: str = "*"
) -> dict[str, Path]:
    """Return name → file of the kept networks of a cell, kind and assay.

    Raises
    ------
    InputError
        If there is none.
    """
    paths = sorted(store.resolve(folder).glob(f"{cell}__{kind}__{assay}__[0-9]*.npz"))
    if not paths:
        raise InputError(
            f"there is no {kind} of {cell} for {assay}",
            file=folder,
            fix="add the assay to mark_screen.keep",
        )
    return {path.stem: path for path in paths}


def units(
    data: Mapping[str, Path],
    sets: Sequence[Sequence[str]],
    cuts: Mapping[str, Sequence[str]],
    *,
    kind: str,
    window: int,
    options: Mapping[str, Any],
    settings: Mapping[str, Any],
    keep: Sequence[str] = (),
) -> dict[str, dict]:
    """Return the units of a screen with one kind of network: name → arguments of
    `fitting.fit_unit`.

    Parameters
    ----------
    data : mapping
        Cell → file of signals.
    cuts : mapping
        Fold, as text → test chromosomes.
    keep : sequence of str
        Assays whose networks are kept.
    """
    found = {}
    for cell, path in data.items():
        for marks in sets:
            for fold, test in cuts.items():
                plan = Plan(kind, list(marks), int(fold), window=window, options=dict(options))
                name = f"{cell}__{kind}__{plan.assay}__{fold}"
                found[name] = {
                    "data": path,
                    "plan": fitting.as_dict(plan),
                    "settings": dict(settings),
                    "test": list(test),
                    "keep": plan.assay in keep,
                }
    return found


def run(
    found: Mapping[str, dict], *, directory: str | Path, seed: int
) -> tuple[pd.DataFrame, dict[str, Path]]:
    """Fit the networks of a screen; return their predictions and name → file."""
    paths = compute.run_units(
        fitting.fit_unit, found, directory=directory, suffix=".npz", seed=seed
    )
    return fitting.read_predictions(list(paths.values())), paths


def run_simple(
    data: Mapping[str, Path],
    sets: Sequence[Sequence[str]],
    cuts: Mapping[str, Sequence[str]],
    *,
    directory: str | Path,
    seed: int,
    models: Sequence[str] = simple.MODELS,
) -> pd.DataFrame:
    """Fit the simple models on the same genes; return their predictions."""
    found = {}
    for cell, path in data.items():
        for marks in sets:
            name = f"{cell}__{'-'.join(marks)}"
            found[name] = {
                "data": path,
                "marks": list(marks),
                "cuts": {k: list(v) for k, v in cuts.items()},
                "models": list(models),
            }
    paths = compute.run_units(
        simple.simple_unit, found, directory=directory, suffix=".npz", seed=seed
    )
    return fitting.read_predictions(list(paths.values()))


def run_cross(
    networks_: Mapping[str, Path], data: Mapping[str, Path], *, directory: str | Path
) -> pd.DataFrame:
    """Predict the test genes of every cell with every network; return the predictions."""
    found = {}
    for name, path in networks_.items():
        for cell, signals_path in data.items():
            found[f"{name}__in__{cell}"] = {"network": path, "data": signals_path}
    paths = compute.run_units(fitting.cross_unit, found, directory=directory, suffix=".npz")
    return fitting.read_predictions(list(paths.values()))


def cross_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return trained_on, cell and the mean r over the folds."""
    units_ = by_unit(predictions)
    trained_on = units_["model"].str.split(" of ").str[-1]
    table = units_.assign(trained_on=trained_on).groupby(
        ["trained_on", "cell"], as_index=False, sort=False
    )["r"]
    return table.mean()


def gap_to_all(cells: pd.DataFrame, assays: Sequence[str], every: str) -> float:
    """Return how far the mean r of some assays is from that of all marks, in points
    (hundredths)."""
    mean = cells.groupby("assay")["r"].mean()
    return float(100 * (mean[every] - mean.reindex(list(assays)).mean()))


def share_closed(
    cells: pd.DataFrame, pairs: Sequence[str], singles: Sequence[str], every: str
) -> float:
    """Return the share of the gap between one mark and all that a second mark closes."""
    one, two = gap_to_all(cells, singles, every), gap_to_all(cells, pairs, every)
    return (one - two) / one


def second_mark_gain(cells: pd.DataFrame) -> pd.DataFrame:
    """Return what a second mark adds to the first: mean r of the pair minus that of the first
    alone.

    Parameters
    ----------
    cells : DataFrame
        assay, cell, r; from `evaluation.by_cell`.

    Returns
    -------
    DataFrame
        first, second, gain, pair_r.
    """
    mean = cells.groupby("assay")["r"].mean()
    rows = []
    for pair in [name for name in mean.index if name.count("-") == 1]:
        first, second = pair.split("-")
        if first in mean.index:
            rows.append((first, second, mean[pair] - mean[first], mean[pair]))
    return pd.DataFrame(rows, columns=["first", "second", "gain", "pair_r"])


def intervals(predictions: pd.DataFrame, rng, *, n: int) -> pd.DataFrame:
    """Return r with a bootstrap interval over genes, by model and assay; all test genes of all
    cells and folds.

    Values and predictions are centred within each cell and fold first, so that differences between
    units do not count.
    """
    test = predictions[predictions["part"] == "test"].copy()
    for name in ("act", "pred"):
        test[name] -= test.groupby(["model", "assay", "cell", "fold"])[name].transform("mean")
    rows = []
    for (model, assay), group in test.groupby(["model", "assay"], sort=False):
        low, high = bootstrap_r(group["act"], group["pred"], rng, n=n)
        rows.append((model, assay, low, high, len(group)))
    return pd.DataFrame(rows, columns=["model", "assay", "low", "high", "n"])
