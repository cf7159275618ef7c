"""The screen: one network per cell, mark set and fold, and the simple models beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lib.data.errors import InputError
from lib.epigenome import fitting, plans, simple, trained, unit_files
from lib.epigenome.marks import MARKS, PAIRS
from lib.epigenome.plans import WIDE, Plan
from lib.run import compute, store


def mark_sets(
    singles: Sequence[str], pairs: Sequence[str], *, with_all: bool = True
) -> list[tuple[str, ...]]:
    """Return the mark sets of a screen; `pairs` are joined by `-`, or the one word `paper` for its
    15.

    Parameters
    ----------
    singles, pairs : sequences of str
    with_all : bool
        Whether all seven marks are a set as well.

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


def kept(paths: Mapping[str, Path], found: Mapping[str, dict], folder: str | Path) -> Path:
    """Copy the units that kept their network into a folder, as CELL__KIND__ASSAY__FOLD.npz.

    Parameters
    ----------
    paths : mapping
        Name → file; from `run`.
    found : mapping
        From `units`.
    folder : path
    """
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

    Parameters
    ----------
    folder : path
        From `kept`.
    cell, kind, assay : str
        `*` = any.

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
    task: plans.Task = "regression",
    keep: Sequence[str] = (),
    families: Path | None = None,
) -> dict[str, dict]:
    """Return the units of a screen with one kind of network.

    Parameters
    ----------
    data : mapping
        Cell → file of signals.
    sets : sequence of sequences of str
        From `mark_sets`.
    cuts : mapping
        Fold, as text → test chromosomes.
    kind, window, options, task
        Of `plans.Plan`.
    settings : mapping
        From `plans.training`.
    keep : sequence of str
        Assays whose networks are kept.
    families : Path, optional
        As of `fitting.fit_unit`.

    Returns
    -------
    dict
        Name → arguments of `fitting.fit_unit`.
    """
    relatives = {} if families is None else {"families": families}
    found = {}
    for cell, path in data.items():
        for marks in sets:
            for fold, test in cuts.items():
                plan = Plan(kind, list(marks), int(fold), task, window, dict(options))
                found[f"{cell}__{plan.model.replace(' ', '_')}__{plan.assay}__{fold}"] = {
                    "data": path,
                    "plan": plans.as_dict(plan),
                    "settings": dict(settings),
                    "test": list(test),
                    "keep": plan.assay in keep,
                    **relatives,
                }
    return found


def at_windows(found: Mapping[str, dict], windows: Sequence[int]) -> dict[str, dict]:
    """Return the units of a screen at other windows in bp, named NAME__WINDOW."""
    return {
        f"{name}__{window}": {**unit, "plan": {**unit["plan"], "window": window}}
        for window in windows
        for name, unit in found.items()
    }


def run(
    found: Mapping[str, dict], *, directory: str | Path, seed: int
) -> tuple[pd.DataFrame, dict[str, Path]]:
    """Fit the networks of a screen; return their predictions and name → file.

    Parameters
    ----------
    found : mapping
        From `units`.

    Returns
    -------
    DataFrame
        `evaluation.PREDICTION_COLUMNS`, one row per gene and unit.
    dict
        Name → file.
    """
    paths = compute.run_units(
        fitting.fit_unit, found, directory=directory, suffix=".npz", seed=seed
    )
    return unit_files.read_predictions(list(paths.values())), paths


def run_windows(
    found: Mapping[str, dict], windows: Sequence[int], *, directory: str | Path, seed: int
) -> pd.DataFrame:
    """Fit networks at other windows; return their predictions with a column window, in bp.

    Parameters
    ----------
    found : mapping
        From `units`.
    """
    wanted = at_windows(found, windows)
    paths = compute.run_units(
        fitting.fit_unit, wanted, directory=directory, suffix=".npz", seed=seed
    )
    tables = []
    for window in windows:
        here = [paths[name] for name in at_windows(found, [window])]
        tables.append(unit_files.read_predictions(here).assign(window=window))
    return pd.concat(tables, ignore_index=True)


def run_simple(
    data: Mapping[str, Path],
    sets: Sequence[Sequence[str]],
    cuts: Mapping[str, Sequence[str]],
    *,
    directory: str | Path,
    seed: int,
    models: Sequence[str] = simple.MODELS,
    all_mark_models: Sequence[str] = (),
    families: Path | None = None,
) -> pd.DataFrame:
    """Fit the simple models on the same genes; return their predictions.

    Parameters
    ----------
    data, sets, cuts, families
        As of `units`.
    models : sequence of str
        Names of `simple.MODELS`, for every mark set.
    all_mark_models : sequence of str
        More of them, for all seven marks.
    """
    relatives = {} if families is None else {"families": families}
    found = {}
    for cell, path in data.items():
        for marks in sets:
            name = f"{cell}__{'-'.join(marks)}"
            found[name] = {
                "data": path,
                "marks": list(marks),
                "cuts": {k: list(v) for k, v in cuts.items()},
                "models": [*models, *(all_mark_models if len(marks) == len(MARKS) else ())],
                **relatives,
            }
    paths = compute.run_units(
        simple.simple_unit, found, directory=directory, suffix=".npz", seed=seed
    )
    return unit_files.read_predictions(list(paths.values()))


def run_cross(
    networks_: Mapping[str, Path], data: Mapping[str, Path], *, directory: str | Path
) -> pd.DataFrame:
    """Predict the test genes of every cell with every network; return the predictions.

    Parameters
    ----------
    networks_ : mapping
        From `networks`.
    data : mapping
        Cell → file of signals.

    Returns
    -------
    DataFrame
        `evaluation.PREDICTION_COLUMNS`; the model names the training cell.
    """
    found = {}
    for name, path in networks_.items():
        for cell, signals_path in data.items():
            found[f"{name}__in__{cell}"] = {"network": path, "data": signals_path}
    paths = compute.run_units(trained.cross_unit, found, directory=directory, suffix=".npz")
    return unit_files.read_predictions(list(paths.values()))
