"""The first approach: signal tracks in 25-bp bins over 10 kbp, a profile network, min-max targets,
five blind sets."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch

from lib.data.errors import InputError, listed
from lib.epigenome import expression, fitting, genes, plans, splits, tracks, unit_files
from lib.epigenome.genes import AUTOSOMES
from lib.epigenome.inputs import track_paths
from lib.epigenome.marks import rows_of
from lib.learning.settings import Settings
from lib.run import compute, store

Scaling = Literal["min_max", "z_score", "log"]


def write_windows(
    part: str | os.PathLike,
    table: pd.DataFrame,
    paths: Mapping[str, str | os.PathLike],
    *,
    cell: str,
    window: int = 10_000,
    size: int = 25,
    build: str = "",
) -> None:
    """Cut the tracks of a cell around the start sites of its autosomal genes, and write arcsinh of
    the bins' means.

    Parameters
    ----------
    table : DataFrame
        gene_id, chrom, start, end, strand, expression.
    paths : mapping
        Assay → bigWig.
    window, size : int
        bp. Uncovered bases count as zero; bins off the chromosome are zero; nothing is reversed, as
        in the paper's first approach, but the anchor is the start site on both strands.
    """
    table = table[table["chrom"].isin(AUTOSOMES)].reset_index(drop=True)
    if table.empty:
        raise InputError("no gene lies on an autosome", fix="name chromosomes chr1 to chr22")
    windows = genes.window(table, window)
    values = []
    for path in paths.values():
        with tracks.opened(path) as track:
            if build:
                genes.check_build(track.sizes, build, file=path)
            values.append(np.arcsinh(tracks.cut(track, windows, size=size).means))
    columns = {name: table[name].to_numpy() for name in ("gene_id", "chrom", "expression")}
    texts = {name: columns[name].astype(str) for name in ("gene_id", "chrom")}
    with open(part, "wb") as file:
        np.savez(
            file,
            **{**columns, **texts},
            values=np.stack(values, axis=2).astype(np.float32),
            assays=np.array(list(paths)),
            cell=np.array(cell),
        )


def windows_unit(
    part: Path,
    *,
    seed: int,
    table: Path,
    cell: str,
    window: int,
    size: int,
    build: str = "",
    **paths: Path,
) -> None:
    """Write the windows of the first approach for one cell; a unit of `lib.run.compute`.

    Parameters
    ----------
    table : Path
        Table of genes, Parquet.
    cell, window, size, build
        As of `write_windows`.
    paths : Path
        `track_ASSAY` → track.
    """
    named = {name.removeprefix("track_"): path for name, path in paths.items()}
    write_windows(
        part, pd.read_parquet(table), named, cell=cell, window=window, size=size, build=build
    )


def windows_of(
    found: Mapping[str, pd.DataFrame],
    tracks: str | os.PathLike,
    *,
    assays: Sequence[str],
    window: int,
    size: int,
    units_dir: str | os.PathLike,
    build: str = "",
) -> dict[str, Path]:
    """Cut the windows of the first approach for every cell, one unit per cell; return cell → file.

    Parameters
    ----------
    found : mapping
        Cell → table of genes.
    tracks : path
        Folder of tracks, such as p-value signal.
    """
    units = {}
    for cell, table in found.items():
        path = store.write_table(store.resolve(units_dir) / "tables" / f"{cell}.parquet", table)
        named = {f"track_{assay}": one for assay, one in track_paths(tracks, cell, assays).items()}
        units[cell] = {
            "table": path,
            "cell": cell,
            "window": window,
            "size": size,
            "build": build,
            **named,
        }
    return compute.run_units(windows_unit, units, directory=units_dir, suffix=".npz")


def fit_unit(
    part: Path,
    *,
    seed: int,
    data: Path,
    assay: str,
    blind: Sequence[str],
    number: int,
    settings: dict,
    options: dict,
    scaling: Scaling = "min_max",
) -> None:
    """Fit the profile network of one assay and blind set; a unit of `lib.run.compute`.

    Parameters
    ----------
    data : Path
        File of `write_windows`.
    blind : sequence of str
        Test chromosomes; `number` names the set.
    scaling : str
        Of the target; its constants are those of the training genes, so that no test gene takes
        part.
    """
    with np.load(data, allow_pickle=False) as file:
        known = {name: file[name] for name in file.files}
    column = rows_of([assay], known["assays"].tolist(), file=data)
    values = np.ascontiguousarray(known["values"][:, :, column])  # (G, L, 1)
    parts = splits.assign_blind(
        pd.Series(known["chrom"]), blind, np.random.default_rng(101 + number)
    )
    y = scaled(known["expression"], (parts == "train").to_numpy(), scaling)
    network = fitting.plain_network("profile", values.shape[1:], options, seed=seed)

    def batch(rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values[rows])

    fitting.fit(
        network, batch, y, parts, settings=Settings(**settings), task="regression", seed=seed
    )
    genes_ = pd.DataFrame(
        {"gene_id": known["gene_id"], "label": expression.is_expressed(known["expression"])}
    )
    pred = fitting.predict(network, batch, len(y))
    named = {"fold": number, "model": "profile", "assay": assay, "cell": str(known["cell"])}
    unit_files.write(part, unit_files.table(genes_, **named, part=parts, act=y, pred=pred))


def run(
    windows: Mapping[str, Path],
    assays: Sequence[str],
    blind: Sequence[Sequence[str]],
    *,
    training: Mapping[str, float],
    options: Mapping[str, float],
    scaling: Scaling,
    directory: str | os.PathLike,
    seed: int,
) -> pd.DataFrame:
    """Fit one network per cell, assay and blind set; return their predictions.

    Parameters
    ----------
    windows : mapping
        Cell → file of `write_windows`.
    training : mapping
        learning_rate, batch_size, patience (as Keras counts), max_epochs.
    options : mapping
        Of `promoter_networks.ProfileNetwork`.
    """
    settings = replace(
        plans.PAPER["profile"], **{**training, "patience": training["patience"] - 1}
    ).as_dict()
    units = {}
    for cell, path in windows.items():
        for assay in assays:
            for number, names in enumerate(blind):
                units[f"{cell}__{assay}__{number}"] = {
                    "data": path,
                    "assay": assay,
                    "blind": list(names),
                    "number": number,
                    "settings": settings,
                    "options": dict(options),
                    "scaling": scaling,
                }
    paths = compute.run_units(fit_unit, units, directory=directory, suffix=".npz", seed=seed)
    return unit_files.read_predictions(list(paths.values()))


def mean_errors(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the squared error of the training genes' mean on the test genes: assay, cell, fold,
    mse.

    Parameters
    ----------
    predictions : DataFrame
        From `run`.

    Returns
    -------
    DataFrame
        assay, cell, fold, mse.
    """
    rows = []
    for key, group in predictions.groupby(["assay", "cell", "fold"], sort=False):
        mean = group.loc[group["part"] == "train", "act"].mean()
        test = group.loc[group["part"] == "test", "act"]
        rows.append((*key, float(np.mean((test - mean) ** 2))))
    return pd.DataFrame(rows, columns=["assay", "cell", "fold", "mse"])


def scaled(rpkm: np.ndarray, train: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Return the target of the first approach, scaled by the training genes (bool mask).

    Parameters
    ----------
    rpkm : (G,) array
    train : (G,) bool array
    scaling : str
        `log`, `min_max` or `z_score`.

    Returns
    -------
    (G,) float array
    """
    if scaling == "log":
        return expression.log_target(rpkm)
    if scaling == "min_max":
        return expression.min_max_target(rpkm, rpkm[train])
    if scaling == "z_score":
        return (rpkm - rpkm[train].mean()) / rpkm[train].std()
    raise InputError(
        f"the scaling {scaling!r} is unknown", fix=f"known are {listed(Scaling.__args__)}"
    )
