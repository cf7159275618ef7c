"""A bundle: all that is needed to name the genes behind an image, in one folder that can be passed
on.

`card.json` says what it is, where its data come from and what an image must look like; four
safetensors files hold the encoder, the regression, the regulatory embeddings, and what a prediction
is compared with. The card has the sha256 of every part and one of itself, so that a bundle that was
changed, cut short or mixed with another is refused. Nothing in it is code.

>>> bundle.save("runs/mini/data/bundles/all", made)        # doctest: +SKIP
>>> found = bundle.load("runs/mini/data/bundles/all")      # doctest: +SKIP
>>> found.predict(embeddings.mean(axis=0))                 # doctest: +SKIP
"""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.data.errors import InputError
from lib.run import store
from lib.translation import kernel
from lib.translation.bundle_card import AGAIN, CARD, Card, read_card

ENCODER, SUFFIX = "encoder", ".safetensors"
ARRAYS = {
    "regression": ("images", "dual"),
    "regulatory": ("embeddings",),
    "training": (
        "conditions",
        "centre",
        "whitening",
        "field_distances",
        "control",
        "control_well",
        "control_field",
    ),
    "calibration": ("ranks", "image_ranks", "image_target"),
}
"""Part → its arrays; the sizes are those of `Bundle`."""


@dataclass(frozen=True)
class Bundle:
    """A trained chain from images of nuclei to genes.

    Parameters
    ----------
    card : Card
    network : bytes
        The encoder as `lib.learning.weights.pack` gives it; `encoder` builds it.
    images : (N, D) array
        Mean image embedding of each training gene.
    dual : (N, R) array
        (K + λ)⁻¹ Y, the regression's coefficients.
    embeddings : (G, R) array
        Regulatory embedding of each gene, rows of length 1.
    conditions : (C, E) array
        Mean features of each condition of the encoder, the control too.
    centre, whitening : (E,), (E, E) arrays
        (x − centre) @ whitening has unit covariance over the training nuclei; E = D + plain
        measures, see `lib.translation.distance`.
    field_distances : (F,) array
        Distance of held-out fields of known conditions, sorted, in SD.
    control, control_well, control_field : (m, D), (m,), (m,) arrays
        Embeddings of control nuclei that were not trained on, with the number of well and field.
    ranks : (T,) array of int
        Rank of each left-out target, from 1.
    image_ranks, image_target : (S,) arrays of int
        Rank of a left-out target from one of its fields alone, and the number of the target.
    """

    card: Card
    network: bytes
    images: np.ndarray
    dual: np.ndarray
    embeddings: np.ndarray
    conditions: np.ndarray
    centre: np.ndarray
    whitening: np.ndarray
    field_distances: np.ndarray
    control: np.ndarray
    control_well: np.ndarray
    control_field: np.ndarray
    ranks: np.ndarray
    image_ranks: np.ndarray
    image_target: np.ndarray

    def encoder(self):
        """Return the encoder, in evaluation mode on the CPU.

        Returns
        -------
        Module
            From `lib.screen.networks.build`.
        """
        from lib.screen import networks

        return networks.unpack(self.network)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Predict regulatory embeddings from mean image embeddings.

        Parameters
        ----------
        images : (M, D) array

        Returns
        -------
        (M, R) array

        Raises
        ------
        InputError
            For NaN, infinity or another D.

        References
        ----------
        Image2Reg's demo: neural tangent kernel, λ = 1, no further features.
        """
        return kernel.ntk(np.atleast_2d(images), self.images) @ self.dual


def fit_dual(images: np.ndarray, genes: np.ndarray, ridge: float) -> np.ndarray:
    """Return the coefficients (K + λ)⁻¹ Y of kernel ridge regression.

    Parameters
    ----------
    images : (N, D) array
        Training rows.
    genes : (N, R) array
        Their targets.
    ridge : float
        λ.

    Returns
    -------
    (N, R) array

    Raises
    ------
    InputError
        As `lib.translation.kernel.ridge_weights`.
    """
    inverse = kernel.ridge_weights(kernel.ntk(images), np.eye(len(images)), [ridge])[0]  # (N, N)
    return inverse @ genes


def save(path: str | os.PathLike, bundle: Bundle) -> Card:
    """Write a bundle as a folder, the card last; what is there of an older one is replaced.

    Parameters
    ----------
    path : path
        Folder of the bundle.
    bundle : Bundle
        Parts and sha256 of its card are made anew.

    Returns
    -------
    Card
        As it was written.

    Raises
    ------
    InputError
        If an array is not finite or sizes do not go together.
    """
    from safetensors.numpy import save as serialise

    _check(bundle, Path(path))
    folder = store.resolve(path)
    shutil.rmtree(folder, ignore_errors=True)
    data = {ENCODER: bundle.network}
    for part, names in ARRAYS.items():
        # safetensors writes the memory behind a view as it lies there
        data[part] = serialise(
            {name: np.ascontiguousarray(getattr(bundle, name)) for name in names}
        )
    for part, content in data.items():
        with store.atomic(folder / f"{part}{SUFFIX}") as temporary:
            temporary.write_bytes(content)
    parts = {part: hashlib.sha256(content).hexdigest() for part, content in data.items()}
    card = bundle.card.model_copy(update={"parts": parts})
    card = card.model_copy(update={"sha256": card.digest()})
    store.write_json(folder / CARD, card.model_dump())  # last: a folder without is no bundle
    return card


def load(path: str | os.PathLike) -> Bundle:
    """Read a bundle onto the CPU, after all its hashes were checked.

    Parameters
    ----------
    path : path
        Folder of the bundle.

    Returns
    -------
    Bundle

    Raises
    ------
    InputError
        If the folder is absent or no bundle, of another format, if a part is missing, was changed
        or does not go with the others.
    """
    from safetensors.numpy import load as deserialise

    folder = store.resolve(path)
    card = read_card(folder)
    if set(card.parts) != {ENCODER, *ARRAYS}:
        raise InputError(f"{folder.name}: the card names the parts {sorted(card.parts)}", fix=AGAIN)
    data = {part: _checked_bytes(folder, part, sha256) for part, sha256 in card.parts.items()}
    arrays: dict[str, np.ndarray] = {}
    for part, names in ARRAYS.items():
        found = deserialise(data[part])
        if missing := [name for name in names if name not in found]:
            raise InputError(f"the part {part} lacks {missing[0]}", file=folder, fix=AGAIN)
        arrays |= {name: found[name] for name in names}
    bundle = Bundle(card, data[ENCODER], **arrays)
    _check(bundle, folder)
    return bundle


def _checked_bytes(folder: Path, part: str, sha256: str) -> bytes:
    path = folder / f"{part}{SUFFIX}"
    if not path.is_file():
        raise InputError(f"{folder.name}: the part {path.name} is missing", fix=AGAIN)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InputError(
            f"{folder.name}: the part {path.name} is not the one that its card describes "
            "(another sha256)",
            fix=AGAIN,
        )
    return content


def _check(bundle: Bundle, folder: Path) -> None:
    """Check that the sizes of all arrays go together and with the card, and that all are finite."""
    card = bundle.card
    n_dims, n_outputs = bundle.images.shape[1], bundle.embeddings.shape[1]
    n_controls = len(bundle.control)
    expected = {
        "images": (len(card.train_genes), n_dims),
        "dual": (len(card.train_genes), n_outputs),
        "embeddings": (len(card.genes), n_outputs),
        "conditions": (len(card.conditions), len(bundle.centre)),
        "whitening": (len(bundle.centre),) * 2,
        "control": (n_controls, n_dims),
        "control_well": (n_controls,),
        "control_field": (n_controls,),
        "ranks": (len(card.targets),),
        "image_ranks": (len(bundle.image_target),),
    }
    for name, shape in expected.items():
        if getattr(bundle, name).shape != shape:
            found = getattr(bundle, name).shape
            raise InputError(f"{folder.name}: {name} is {found}, its card says {shape}", fix=AGAIN)
    for name in (name for names in ARRAYS.values() for name in names):
        if not np.isfinite(getattr(bundle, name)).all():
            raise InputError(f"{folder.name}: {name} has NaN or infinity", fix="make it again")
    if unknown := sorted(set(card.train_genes) - set(card.genes)):
        raise InputError(f"{folder.name}: the training gene {unknown[0]} is none of the network")
