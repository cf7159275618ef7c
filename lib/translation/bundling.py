"""Make the bundles of a run: one whose encoder knows every impactful gene, and one for each
condition of the demo, whose encoder never saw it."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.data.origin import Origin
from lib.images import nuclei_store
from lib.images.extraction import Settings
from lib.images.fields import read_plane
from lib.images.screens import PARTS
from lib.learning import weights
from lib.run import store
from lib.translation import bundle, distance, inputs
from lib.translation.bundle import Bundle
from lib.translation.bundle_card import Card, Imaging
from lib.translation.calibration import RIDGE, Calibration
from lib.translation.encoded import Encoded, encoded_target, field_names
from lib.translation.inputs import CONTROL

ALL = "all"  # name of the bundle whose encoder knows every impactful gene
N_CONTROLS = 5000  # control nuclei that a bundle keeps at most


def make(
    name: str,
    encoded: Encoded,
    regulatory: pd.DataFrame,
    calibration: Calibration,
    *,
    imaging: Imaging,
    origin: Origin,
    licence: str,
    setting: str,
    left_out: Sequence[str] = (),
) -> Bundle:
    """Put a bundle together.

    Parameters
    ----------
    name : str
    encoded : Encoded
        Nuclei by the bundle's encoder.
    regulatory : DataFrame, (genes, R)
        Regulatory embeddings, index = gene; rows of any length.
    calibration : Calibration
        Of targets that neither encoder nor regression had seen.
    imaging : Imaging
    origin : Origin
        Of the images and of the network.
    licence, setting : str
    left_out : sequence of str
        Conditions whose pair the regression must not learn.

    Returns
    -------
    Bundle

    Raises
    ------
    InputError
        For NaN, a row of zeros, fewer than two training genes, or a left-out condition that the
        encoder was trained on.
    """
    if seen := sorted(set(left_out) & set(encoded.classes)):
        raise InputError(f"the encoder of bundle {name} was trained on {seen[0]}, to be left out")
    names, embeddings = _genes(regulatory)
    means = _means(encoded)
    train = sorted(set(means.index) & set(names) - set(left_out) - {CONTROL})  # N genes
    if len(train) < 2:
        raise InputError(f"{len(train)} genes have images and embeddings; two are needed at least")
    images = means.loc[train].to_numpy()[:, : encoded.embeddings.shape[1]]  # (N, D)
    targets = embeddings[[names.index(gene) for gene in train]]  # (N, R)
    card = Card(
        name=name,
        origin=_origin_rows(origin),
        licence=licence,
        conditions=[gene for gene in means.index if gene in encoded.classes],
        control=CONTROL,
        genes=names,
        train_genes=train,
        targets=list(calibration.targets),
        left_out=sorted(left_out),
        setting=setting,
        ridge=RIDGE,
        imaging=imaging,
        versions=dict(weights.read_card(encoded.network).versions),
    )
    return Bundle(
        card,
        encoded.network,
        images=images,
        dual=bundle.fit_dual(images, targets, RIDGE),
        embeddings=embeddings,
        conditions=means.loc[card.conditions].to_numpy(),
        **_reference(encoded),
        ranks=calibration.ranks,
        image_ranks=calibration.image_ranks,
        image_target=calibration.image_target,
    )


def _genes(regulatory: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """Return the genes by name and their embeddings, rows of length 1."""
    if not np.isfinite(regulatory.to_numpy(float)).all():
        raise InputError("a regulatory embedding has NaN or infinity; train again")
    names = sorted(regulatory.index)
    values = regulatory.loc[names].to_numpy(float)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)  # (G, 1)
    if not lengths.all():
        raise InputError(f"the regulatory embedding of {names[lengths.argmin()]} is zero")
    return names, values / lengths


def _means(encoded: Encoded) -> pd.DataFrame:
    """Return the mean features of every condition: training nuclei, or those of genes left out of
    the encoder together with the target."""
    known = encoded.table["gene_symbol"].isin(encoded.classes)
    used = (encoded.table["use"] == "train") | ((encoded.table["use"] == "out") & ~known)
    rows = pd.DataFrame(encoded.features[used.to_numpy()])
    return rows.groupby(encoded.table.loc[used, "gene_symbol"].to_numpy()).mean()


def _reference(encoded: Encoded) -> dict[str, np.ndarray]:
    """Return what a prediction is compared with: training nuclei, held-out fields, controls."""
    table = encoded.table
    centre, whitening = distance.fit(encoded.features[(table["use"] == "train").to_numpy()])
    held = (table["use"] == "held_out").to_numpy()
    far = distance.of_nuclei(encoded.features[held], centre, whitening)
    fields = pd.Series(far).groupby(field_names(table[held]).to_numpy()).median()
    control = np.flatnonzero((table["gene_symbol"] == CONTROL) & (table["use"] != "train"))
    # evenly thinned, so that every well is in
    control = control[np.unique(np.linspace(0, len(control) - 1, N_CONTROLS).astype(int))]
    own = table.iloc[control]
    return {
        "centre": centre,
        "whitening": whitening,
        "field_distances": np.sort(fields.to_numpy()),
        "control": encoded.embeddings[control].astype(np.float32),
        "control_well": (own["plate"].astype(str) + own["well"]).factorize()[0],
        "control_field": field_names(own).factorize()[0],
    }


def _origin_rows(origin: Origin) -> list[dict[str, str]]:
    return [
        {"name": name, "kind": kind, "source": source}
        for name, (kind, source) in origin.parts.items()
    ]


def imaging_of(
    stores_dir: str | os.PathLike,
    network: bytes,
    *,
    field_size: Sequence[int],
    pixel_size: float,
) -> Imaging:
    """Return how the screen's nuclei were cut, as new images must be.

    Parameters
    ----------
    stores_dir : path
        Stores of the plates, which keep the settings that made them.
    network : bytes
        The encoder.
    field_size : (rows, columns)
        In pixels.
    pixel_size : float
        In µm.

    Returns
    -------
    Imaging

    Raises
    ------
    InputError
        If there is no store.
    """
    paths = sorted(store.resolve(stores_dir).glob(f"*{nuclei_store.SUFFIX}"))
    if not paths:
        raise InputError(f"{stores_dir} holds no store; make it with `python run_all.py nuclei`")
    cut = Settings.of(nuclei_store.open_store(paths[0]).attributes["settings"])
    return imaging_of_cut(cut, network, field_size=field_size, pixel_size=pixel_size)


def imaging_of_cut(
    cut: Settings, network: bytes, *, field_size: Sequence[int], pixel_size: float
) -> Imaging:
    """Return what images must look like for nuclei that were cut with known settings.

    Parameters
    ----------
    cut : Settings
        Of the extraction.
    network, field_size, pixel_size
        As in `imaging_of`.

    Returns
    -------
    Imaging
    """
    looks = weights.read_card(network).inputs
    # plain JSON values; a new image that cannot be read is told
    values = json.loads(json.dumps({**asdict(cut), "unreadable": "fail"}))
    return Imaging(
        pixel_size=pixel_size,
        field_size=list(field_size),
        cut=values,
        inputs=list(looks["images"]),
        size=looks["size"],
    )


def cut_settings(imaging: Imaging) -> Settings:
    """Return the settings of the extraction that a bundle asks for.

    Parameters
    ----------
    imaging : Imaging

    Returns
    -------
    Settings
    """
    return Settings.of(imaging.cut)


def field_size(fields: pd.DataFrame, screen_dir: str | os.PathLike) -> tuple[int, int]:
    """Return the size of a screen's fields, from the first of them.

    Parameters
    ----------
    fields : DataFrame
        `plate`, `field`.
    screen_dir : path
        Folder of the screen.

    Returns
    -------
    (int, int)
        Rows and columns, in pixels.

    Raises
    ------
    InputError
        If the field cannot be read.
    """
    first = fields.iloc[0]
    folder = store.resolve(screen_dir) / PARTS[0] / str(first["plate"])
    n_rows, n_columns = read_plane(folder / first["field"], "field").shape
    return n_rows, n_columns


def save_left_out(
    directory: str | os.PathLike,
    targets: Sequence[str],
    calibration: Calibration,
    *,
    images_dir: Path,
    networks_dir: Path,
    nuclei_path: Path,
    stores_dir: Path,
    **about: Any,
) -> list[str]:
    """Write a bundle for each target, of the encoder and the network that never saw it.

    Parameters
    ----------
    directory : path
        Folder of the bundles; each has the name of its target.
    targets : sequence of str
        Those that this run did not leave out are passed over.
    calibration : Calibration
        The target's own rank is taken out of it.
    images_dir, networks_dir : Path
        `<gene>.h5ad`: the encoders with their embeddings, and the regulatory embeddings.
    nuclei_path, stores_dir : Path
        The table of nuclei, and the stores of its plates.
    **about
        `imaging`, `origin`, `licence`, `setting` of `make`.

    Returns
    -------
    list of str
        Targets with a bundle.

    Raises
    ------
    InputError
        As `make`.
    """
    there = [target for target in targets if target in calibration.targets]
    for target in there:
        own = encoded_target(images_dir / f"{target}.h5ad", nuclei_path, stores_dir)
        regulatory = inputs.read_regulatory(networks_dir / f"{target}.h5ad")
        found = make(
            target, own, regulatory, calibration.without(target), left_out=[target], **about
        )
        bundle.save(store.resolve(directory) / target, found)
    return there
