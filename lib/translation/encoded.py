"""The nuclei of a screen as one encoder sees them, and which of them trained it."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import h5ad
from lib.data.errors import InputError
from lib.learning import weights
from lib.run import store
from lib.screen import encoding, networks, runs
from lib.screen.samples import Samples
from lib.translation import distance

COLUMNS = ["nucleus_id", "gene_symbol", "plate", "well", "slide_image_name", "use"]


@dataclass(frozen=True)
class Encoded:
    """The nuclei of a screen as one encoder sees them.

    Parameters
    ----------
    network : bytes
        The encoder, as `lib.learning.weights.pack` gives it.
    table : DataFrame
        One row per nucleus: `nucleus_id`, `gene_symbol`, `plate`, `well`, `slide_image_name`, and
        `use`: train, held_out (of a known condition), or out (of a condition or nucleus that took
        no part in the training).
    features : (n, D + 4) array
        Image embedding and the plain measures of `lib.translation.distance`.
    """

    network: bytes
    table: pd.DataFrame
    features: np.ndarray

    @property
    def embeddings(self) -> np.ndarray:
        """Image embeddings (n, D)."""
        return self.features[:, : -len(distance.MEASURES)]

    @property
    def classes(self) -> list[str]:
        """Conditions that the encoder was trained on."""
        return list(weights.read_card(self.network).classes)


def encode_classes(
    network_path: str | os.PathLike,
    embeddings_path: str | os.PathLike,
    nuclei_path: str | os.PathLike,
    stores_dir: str | os.PathLike,
) -> Encoded:
    """Encode all nuclei of the screen by the network of fold 0 of all impactful genes.

    Parameters
    ----------
    network_path : path
        Its weights, `.safetensors`.
    embeddings_path : path
        `.h5ad` with the test nuclei of all folds; those of fold 0 were kept from the network, the
        others trained it or chose its epoch.
    nuclei_path, stores_dir : path
        The table of nuclei, and the stores of its plates.

    Returns
    -------
    Encoded
        Every nucleus of the conditions that the network has a class for.

    Raises
    ------
    InputError
        If a file cannot be used.
    """
    network = store.resolve(network_path).read_bytes()
    table, samples = _open(network, nuclei_path, stores_dir)
    fold = h5ad.read(embeddings_path).obs.set_index("nucleus_id")["fold"]
    fold_of = table["nucleus_id"].map(fold)  # NaN for nuclei that took no part
    use = np.select([fold_of == 0, fold_of > 0], ["held_out", "train"], "out")
    # nothing is asked of conditions that have no class
    known = set(weights.read_card(network).classes)
    rows = np.flatnonzero(table["gene_symbol"].isin(known))
    embeddings, _ = encoding.encode(networks.unpack(network), samples, rows)
    return _encoded(network, table.assign(use=use).iloc[rows], embeddings, samples, rows)


def encoded_target(
    path: str | os.PathLike, nuclei_path: str | os.PathLike, stores_dir: str | os.PathLike
) -> Encoded:
    """Return the nuclei of a network that left targets out, as its file has them.

    Parameters
    ----------
    path : path
        `.h5ad` of `lib.screen.runs.target_run`.
    nuclei_path, stores_dir : path
        The table of nuclei, and the stores of its plates.

    Returns
    -------
    Encoded

    Raises
    ------
    InputError
        If the file holds no network, or a nucleus is not in the table.
    """
    network = weights.from_h5ad(store.resolve(path))
    table, samples = _open(network, nuclei_path, stores_dir)
    found = h5ad.read(path)
    row_of = pd.Series(np.arange(len(table)), index=table["nucleus_id"].to_numpy())
    rows = row_of.reindex(found.obs["nucleus_id"].astype(str)).to_numpy()
    if np.isnan(rows).any():
        raise InputError("it has nuclei that the table lacks", file=path, fix="make it again")
    rows = rows.astype(int)
    split = found.obs["split"].astype(str).to_numpy()
    use = np.select([split == "train", split == "out"], ["train", "out"], "held_out")
    return _encoded(network, table.iloc[rows].assign(use=use), found.X, samples, rows)


def _open(network: bytes, nuclei_path, stores_dir) -> tuple[pd.DataFrame, Samples]:
    looks = weights.read_card(network).inputs
    shape = runs.Network(inputs=looks["images"], size=looks["size"])
    return runs.open_screen(store.resolve(nuclei_path), store.resolve(stores_dir), shape)


def _encoded(network, table: pd.DataFrame, embeddings, samples: Samples, rows) -> Encoded:
    plain = distance.measures(samples, rows)  # (n, 4)
    features = np.hstack([np.asarray(embeddings, float), plain])
    return Encoded(network, table[COLUMNS].reset_index(drop=True), features)


def field_means(path: Path, target: str) -> np.ndarray:
    """Return the mean image embedding of every field of a left-out target.

    Parameters
    ----------
    path : Path
        `.h5ad` of `lib.screen.runs.target_run`.
    target : str

    Returns
    -------
    (fields, D) array
    """
    found = h5ad.read(path)
    own = ((found.obs["split"] == "out") & (found.obs["labels"] == target)).to_numpy()
    field = field_names(found.obs[own]).to_numpy()
    return pd.DataFrame(found.X[own].astype(float)).groupby(field).mean().to_numpy()


def field_names(nuclei: pd.DataFrame) -> pd.Series:
    """Name the field of every nucleus.

    Parameters
    ----------
    nuclei : DataFrame
        `plate` and `slide_image_name`; names of fields may repeat on another plate.

    Returns
    -------
    Series of str
        `<plate>/<field>`.
    """
    return nuclei["plate"].astype(str) + "/" + nuclei["slide_image_name"].astype(str)


def held_out_fields(encoded: Encoded, fields: pd.DataFrame, *, never_seen: int = 2) -> pd.DataFrame:
    """List fields no nucleus of which was trained on: of every known condition, and some others.

    Parameters
    ----------
    encoded : Encoded
    fields : DataFrame
        `plate`, `well`, `field`, `gene_symbol`.
    never_seen : int
        Conditions without any class of the encoder, by name, with all of their fields.

    Returns
    -------
    DataFrame
        The rows of `fields` that are held out, with `is_known` (the encoder has a class of the
        condition, from other fields).
    """
    own = field_names(encoded.table)
    trained = own[encoded.table["use"] == "train"]
    held = own[encoded.table["use"] == "held_out"]
    names = fields["plate"].astype(str) + "/" + fields["field"]
    is_known = fields["gene_symbol"].isin(encoded.classes)
    others = sorted(set(fields.loc[~is_known, "gene_symbol"]))[:never_seen]
    chosen = (is_known & names.isin(held)) | fields["gene_symbol"].isin(others)
    assert not names[chosen].isin(trained).any(), "a field was trained on"
    return fields.assign(is_known=is_known)[chosen].reset_index(drop=True)
