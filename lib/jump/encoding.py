"""Embed the nuclei of all conditions with a network that was trained on some of them: one unit per
plate."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data import h5ad
from lib.data.errors import InputError
from lib.run import compute, store
from lib.screen import encoding
from lib.screen.samples import open_samples

KEPT = ("batch", "reagent", "source")
"""Columns of the nuclei that go on beside those of every embedding."""


def encode_all(
    nuclei_path: str | os.PathLike,
    *,
    stores_dir: str | os.PathLike,
    network_path: str | os.PathLike,
    directory: str | os.PathLike,
    executor: str | None = None,
) -> AnnData:
    """Embed all nuclei of a table; a plate is a unit of work.

    Parameters
    ----------
    nuclei_path : path
        Parquet, one row per nucleus, with `batch` and `reagent`.
    stores_dir : path
        Folder of the plates' stores.
    network_path : path
        `.h5ad` of `lib.screen.runs.class_run`, which holds its network.
    directory : path
        Folder of the units' files.
    executor : str, optional
        As in `compute.run_units`.

    Returns
    -------
    AnnData
        X (N, L) float32; obs as `lib.screen.encoding.write_embeddings`, with batch, reagent and
        source; ordered by plate.

    Raises
    ------
    InputError
        If a column is missing.
    UnitsFailed
        If a store or the network cannot be used.

    References
    ----------
    Image2Reg, JUMP validation: 32-class network, then all 175 conditions encoded.
    """
    nuclei_path = store.resolve(nuclei_path)
    nuclei = pd.read_parquet(nuclei_path, columns=["plate"])
    units = {
        str(plate): {
            "nuclei_path": nuclei_path,
            "stores_dir": store.resolve(stores_dir),
            "network_path": store.resolve(network_path),
            "plate": str(plate),
        }
        for plate in sorted(nuclei["plate"].unique())
    }
    made = compute.run_units(
        encode_plate,
        units,
        directory=store.resolve(directory),
        suffix=".h5ad",
        seed=0,
        executor=executor,
    )
    return _join([h5ad.read(made[plate]) for plate in units])


def encode_plate(
    part: Path, *, seed: int, nuclei_path: Path, stores_dir: Path, network_path: Path, plate: str
) -> None:
    """Write the embeddings of the nuclei of a plate: a unit of `lib.run.compute`.

    Parameters
    ----------
    part : Path
        `.h5ad` to write; split is `out` for all nuclei, fold −1.
    seed : int
        Not used: nothing here is drawn.
    nuclei_path, stores_dir, network_path
        As in `encode_all`.
    plate : str

    Raises
    ------
    InputError
        If a column is missing, and as `lib.screen.encoding.read_network`.
    """
    table = pd.read_parquet(nuclei_path)
    if missing := [name for name in KEPT if name not in table]:
        raise InputError(f"the column {missing[0]} is missing", file=nuclei_path)
    table = table[table["plate"].astype(str) == plate].reset_index(drop=True)
    model, card = encoding.read_network(network_path)
    samples = open_samples(
        table[["plate", "row"]],
        stores_dir,
        inputs=tuple(card.inputs["images"]),
        size=int(card.inputs["size"]),
    ).loaded()
    labels = pd.Series("out", index=table["nucleus_id"])
    about = {name: table[name].to_numpy(object) for name in KEPT}
    encoding.write_embeddings(
        part, table, samples, labels, model, list(card.classes), fold=-1, about=about
    )


def _join(parts: list[AnnData]) -> AnnData:
    obs = pd.concat([part.obs.assign(**{name: part.uns[name] for name in KEPT}) for part in parts])
    values = np.concatenate([part.X for part in parts])
    return AnnData(values, obs=obs.set_axis(obs["nucleus_id"].astype(str)), var=parts[0].var)
