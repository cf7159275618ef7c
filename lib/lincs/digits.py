"""The tutorial of the S-VQ-VAE: one code per digit, on scikit-learn's digits (8 × 8) or on MNIST
(28 × 28).
"""

import gzip
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import nn

from lib.data.errors import InputError
from lib.lincs.fitting import SVQVAE_SETTINGS
from lib.lincs.svqvae import SVQVAE
from lib.run import store

CLASSES = tuple("0123456789")
MNIST = replace(SVQVAE_SETTINGS, learning_rate=1e-3, max_epochs=25)
"""Of the paper's tutorial; it ends with a reconstruction error of 0.22 and an accuracy of the
nearest code of 0.83.
"""
KINDS = {0x803: 3, 0x801: 1}  # magic number of an IDX file → its dimensions: images, labels


def small() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's 1,797 digits (n, 1, 8, 8), scaled to −1 … 1, and their labels."""
    found = load_digits()
    return (found.images[:, None] / 8 - 1).astype(np.float32), found.target.astype(np.int64)


def read_mnist(
    images: str | os.PathLike, labels: str | os.PathLike
) -> tuple[np.ndarray, np.ndarray]:
    """Read MNIST's IDX files, gzipped or not: images (n, 1, 28, 28) scaled to −1 … 1, and labels
    (n,).

    Parameters
    ----------
    images, labels : path

    Raises
    ------
    InputError
        If a file is no IDX file of its kind, is cut off, or the two do not belong together.
    """
    pixels, classes = _idx(images, 0x803), _idx(labels, 0x801)
    if len(pixels) != len(classes):
        raise InputError(
            f"{len(pixels)} images and {len(classes)} labels", fix="give both of one part of MNIST"
        )
    return (pixels[:, None] / 127.5 - 1).astype(np.float32), classes.astype(np.int64)


def network(side: int, rng: np.random.Generator) -> SVQVAE:
    """Return the network for images of 28 or 8 pixels a side; that of 28 has the paper's layers, D
    = 3200 (8: 800).

    Parameters
    ----------
    side : int
        Pixels.
    rng : Generator

    Raises
    ------
    InputError
        If the images have another size.
    """
    if side not in (28, 8):
        raise InputError(f"images of {side} pixels a side; expected 28 (MNIST) or 8 (scikit-learn)")
    stride, kernel, inner = (2, 5, 8) if side == 28 else (1, 3, 4)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(rng.integers(2**63)))
        encoder = nn.Sequential(
            nn.Conv2d(1, 20, kernel, stride=stride),
            nn.ReLU(),
            nn.Conv2d(20, 50, kernel),
            nn.ReLU(),
            nn.Flatten(),
            nn.Tanh(),
        )  # (n, 50 · inner²)
        decoder = nn.Sequential(
            nn.Unflatten(1, (50, inner, inner)),
            nn.ConvTranspose2d(50, 20, 3, stride=3 if side == 28 else 1),
            nn.ReLU(),
            nn.ConvTranspose2d(20, 1, kernel),
            nn.Tanh(),
        )  # (n, 1, side, side)
        return SVQVAE(encoder, decoder, CLASSES, size=50 * inner**2, scale=1.0)


def code_distances(codebook: np.ndarray) -> pd.DataFrame:
    """Return the Euclidean distances between the codes of the digits, 10 × 10.

    Parameters
    ----------
    codebook : (10, D) array
    """
    values = codebook.astype(np.float64)
    distances = np.linalg.norm(values[:, None] - values[None], axis=2)
    return pd.DataFrame(distances, index=list(CLASSES), columns=list(CLASSES))


def extremes(distances: pd.DataFrame) -> dict[str, str]:
    """Return the closest and the most remote pair of digits, such as "4–9"."""
    first, second = np.triu_indices(len(distances), 1)
    values = distances.to_numpy()[first, second].round(6)
    pairs = {"closest": values.argmin(), "most remote": values.argmax()}
    return {name: f"{CLASSES[first[i]]}–{CLASSES[second[i]]}" for name, i in pairs.items()}


def _idx(path: str | os.PathLike, magic: int) -> np.ndarray:
    path = store.resolve(path)
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise InputError(
            f"not readable ({error})", file=path, fix="download the file again"
        ) from None
    found, start = int.from_bytes(content[:4], "big"), 4 + 4 * KINDS[magic]
    sizes = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4))
    values = np.frombuffer(content, np.uint8)[start:]
    if found != magic or len(values) != np.prod(sizes, dtype=np.int64):
        raise InputError(
            f"magic number {found:#x} and {len(values)} bytes of data; expected {magic:#x} and "
            f"sizes {sizes}",
            file=Path(path),
            fix="give the IDX file of images first, that of labels second",
        )
    return values.reshape(sizes)
