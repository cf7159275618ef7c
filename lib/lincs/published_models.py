"""What is made of the published weights: the S-VQ-VAE, the order of its genes, files of today."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.numpy
import torch

from lib.data.errors import InputError, listed
from lib.lincs import codes, svqvae
from lib.lincs.published_weights import Weights
from lib.lincs.svqvae import SVQVAE
from lib.lincs.tables import N_LANDMARKS
from lib.run import store

FIRST = ("780", "7849", "6193", "23", "9552", "387", "10921", "10285")
LAST = ("6915", "6253", "7264", "5467", "2767", "23038", "57048", "79716")
"""First and last landmarks of the matrix of GSE70138, by which its order is known."""


def svqvae_of(found: Mapping[str, Weights]) -> SVQVAE:
    """Return the published S-VQ-VAE: 978 landmarks in the order of GSE70138, 75 classes.

    Parameters
    ----------
    found : mapping
        From `published_weights.read_folder`.

    Returns
    -------
    SVQVAE
        2,032,978 parameters; the factor 10 of the output, which no file holds, is in it.

    Raises
    ------
    InputError
        If one of its three files is missing.
    """
    names = [f"S_VQ_VAE_{part}" for part in ("encode", "decode", "embedding")]
    if lost := [name for name in names if name not in found]:
        raise InputError(
            f"the published S-VQ-VAE needs {listed(lost)}", fix="fetch the files of the repository"
        )
    encode, decode, embedding = (found[name].arrays for name in names)
    size, n_genes = encode["0.weight"].shape
    classes = codes.published_classes()["pcl"]
    model = svqvae.linear(n_genes, size, list(classes), np.random.default_rng(0))
    state = {f"encoder.{name}": value for name, value in encode.items()}
    state |= {f"decoder.{name}": value for name, value in decode.items()}
    state["codebook"] = embedding["weight"]
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    return model.eval()


def landmark_order(places: pd.Series) -> list[str]:
    """Return the landmarks in the order of the published weights, which no file of them holds.

    Parameters
    ----------
    places : Series
        Entrez id → place of the gene in the matrix file of GSE70138 (`file_row` of the data).

    Returns
    -------
    list of str
        978 Entrez ids.

    Raises
    ------
    InputError
        If they are not 978, or do not begin and end as those of GSE70138.
    """
    order = places.sort_values(kind="stable").index.astype(str).tolist()
    ends = (*order[: len(FIRST)], *order[-len(LAST) :])
    if len(order) != N_LANDMARKS or ends != (*FIRST, *LAST):
        raise InputError(
            f"{len(order)} landmarks that begin with {listed(order, limit=4)}; the published "
            f"weights expect {N_LANDMARKS} that begin with {listed(FIRST, limit=4)}",
            fix="give the matrix of GSE70138 as lincs_data.smp_matrix_path; its order is theirs",
        )
    return order


def export(found: Mapping[str, Weights], folder: str | os.PathLike) -> list[Path]:
    """Write published weights as safetensors, one file each, with a card in the file's header.

    The card says the kind of module, the sha256 of the published file, and what no file holds: the
    output is multiplied by 10, and genes are in the order of the landmarks of GSE70138.

    Parameters
    ----------
    found : mapping
        From `published_weights.read_folder`.
    folder : path

    Returns
    -------
    list of Path
    """
    paths = []
    for name, weights in found.items():
        card = {
            "module": weights.kind,
            "source": f"evasnow1992/DeepGenerativeModelLINCS, {name}.pth",
            "sha256": weights.sha256,
            "note": "decoders are multiplied by 10 outside; genes are the landmarks of GSE70138",
        }
        arrays = {key: np.ascontiguousarray(value) for key, value in weights.arrays.items()}
        with store.atomic(store.resolve(folder) / f"{name}.safetensors") as part:
            part.write_bytes(safetensors.numpy.save(arrays, {"card": json.dumps(card)}))
        paths.append(store.resolve(folder) / f"{name}.safetensors")
    return paths
