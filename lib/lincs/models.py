"""Trained models on disk: weights with a card that says how to build the network and on which
genes.
"""

import os
from pathlib import Path

import numpy as np

from lib.learning import weights
from lib.learning.settings import Settings
from lib.learning.training import Fitted
from lib.learning.weights import Card
from lib.lincs import svqvae, vae
from lib.lincs.svqvae import SVQVAE
from lib.lincs.vae import VAE, Architecture


def save_vae(
    path: Path, model: VAE, fitted: Fitted, *, settings: Settings, genes: list[str], origin: str
) -> Path:
    """Write a VAE as safetensors; the card has its sizes, settings and genes in their order.

    Parameters
    ----------
    path : Path
    model : VAE
    fitted : Fitted
        Its history goes into the card.
    settings : Settings
    genes : list of str
        Entrez ids in the order of the input.
    origin : str
        Where its signatures came from, in words.
    """
    sizes = vars(model.architecture)
    return weights.save(path, model, _card("vae", sizes, fitted, settings, genes, origin))


def load_vae(path: str | os.PathLike) -> tuple[VAE, list[str]]:
    """Return a VAE and its genes (Entrez ids, in the order of its input).

    Parameters
    ----------
    path : path
        From `save_vae`.

    Raises
    ------
    InputError
        If the file was changed or cut short.
    """
    card = weights.read_card(path)
    sizes = {name: value for name, value in card.architecture.items() if name != "kind"}
    model = vae.build(Architecture(**sizes), np.random.default_rng(0))
    weights.load(path, model)
    return model, list(card.inputs["genes"])


def save_svqvae(
    path: Path, model: SVQVAE, fitted: Fitted, *, settings: Settings, genes: list[str], origin: str
) -> Path:
    """Write an S-VQ-VAE of signatures as safetensors; the card has the classes in the order of the
    codes.
    """
    sizes = {"n_genes": len(genes), "size": model.codebook.shape[1]}
    card = _card("svqvae", sizes, fitted, settings, genes, origin, classes=model.classes)
    return weights.save(path, model, card)


def load_svqvae(path: str | os.PathLike) -> tuple[SVQVAE, list[str]]:
    """Return an S-VQ-VAE and its genes.

    Parameters
    ----------
    path : path
        From `save_svqvae`.
    """
    card = weights.read_card(path)
    sizes = {name: value for name, value in card.architecture.items() if name != "kind"}
    model = svqvae.linear(**sizes, classes=card.classes, rng=np.random.default_rng(0))
    weights.load(path, model)
    return model, list(card.inputs["genes"])


def _card(kind, sizes, fitted, settings, genes, origin, classes=()) -> Card:
    return Card(
        architecture={"kind": kind, **sizes},
        settings=settings.as_dict(),
        origin=origin,
        classes=tuple(classes),
        inputs={"genes": list(genes)},
        history=fitted.summary(),
    )
