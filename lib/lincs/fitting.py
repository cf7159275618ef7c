"""Training of both models in the common loop, on tensors that stay in memory, and baselines beside
them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from lib.data.errors import InputError
from lib.learning import training
from lib.learning.metrics import Loss
from lib.learning.optimisers import Adam
from lib.learning.scores import Score
from lib.learning.settings import Settings
from lib.learning.training import Fitted, row_batches
from lib.lincs import svqvae, vae
from lib.lincs.svqvae import SVQVAE
from lib.lincs.vae import VAE, Architecture

VAE_SETTINGS = Settings(
    learning_rate=1e-3,
    weight_decay=0,
    batch_size=512,
    patience=None,
    max_epochs=300,
    score="last_epoch",
)
"""Of the paper: Adam at 10⁻³, no weight decay, 300 epochs, the last of which is kept."""
SVQVAE_SETTINGS = Settings(
    learning_rate=1e-4,
    weight_decay=0,
    batch_size=256,
    patience=None,
    max_epochs=900,
    optimiser=Adam(amsgrad=True),
    score="last_epoch",
)
"""Of the paper: Adam with AMSGrad at 10⁻⁴, 900 epochs."""
LOWEST_MSE = Score("mse", lambda metrics: -metrics.parts["mse"])
"""By which the best epoch is chosen where the settings have patience."""


@dataclass(frozen=True)
class Split:
    """Rows for training and for validation; none is in both.

    `leaks` says that some may be, as in the published run of the S-VQ-VAE, which trains on all
    rows.
    """

    train: np.ndarray
    validation: np.ndarray
    leaks: bool = False


class Batches:
    """Batches of rows of tensors in memory: no copy in order, one gather per batch if shuffled.

    One tensor gives tensors; several give tuples.
    """

    def __init__(self, *tensors: Tensor, size: int) -> None:
        self.tensors, self.size = tensors, size

    def __call__(self, rng: np.random.Generator | None) -> Iterator[Tensor | tuple[Tensor, ...]]:
        for rows in row_batches(len(self.tensors[0]), self.size, rng):
            if rng is None:
                parts = tuple(tensor[rows[0] : rows[-1] + 1] for tensor in self.tensors)
            else:
                chosen = torch.from_numpy(rows).to(self.tensors[0].device)
                parts = tuple(tensor.index_select(0, chosen) for tensor in self.tensors)
            yield parts[0] if len(parts) == 1 else parts


def random_split(n: int, *, share: float = 0.1, rng: np.random.Generator) -> Split:
    """Hold out floor(n · share) rows at random, as published: replicates of one perturbagen fall on
    both sides.

    Parameters
    ----------
    n : int
        Rows.
    share : float
        Of the rows that are held out.
    rng : Generator

    Returns
    -------
    Split
        The published one is 9 to 1, without a seed.
    """
    order = rng.permutation(n)
    n_held = int(n * share)
    return Split(np.sort(order[n_held:]), np.sort(order[:n_held]))


def fit_vae(
    values: np.ndarray,
    split: Split,
    *,
    architecture: Architecture,
    rng: np.random.Generator,
    settings: Settings = VAE_SETTINGS,
    kl_weight: float = 1.0,
    checkpoint: Path | None = None,
) -> tuple[VAE, Fitted]:
    """Train a VAE on signatures.

    Parameters
    ----------
    values : (n, G) array
        z-scores.
    split : Split
        The validation rows never train. With `patience` in the settings, the epoch with their
        lowest MSE is kept; without, the last one, as published.
    architecture, settings, kl_weight
        Sizes of the network, of the training loop, and of the KL term.
    rng : Generator
        First weights, order and noise.

    Returns
    -------
    VAE, Fitted
        The history has `train_mse`, `train_kl` and, from the mean of the latent, `val_mse`,
        `val_kl`: means over rows. The published numbers are means over batches, which differ by
        less than 0.0001.

    Raises
    ------
    InputError
        If a part of the split is empty.
    """
    _check(values, split)
    model = vae.build(architecture, rng)
    device = training.pick_device(settings.device)
    x = torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(device)
    train, validation = (
        Batches(x[rows], size=settings.batch_size) for rows in (split.train, split.validation)
    )
    loss = vae.loss(kl_weight=kl_weight)
    return model, _fit(model, train, validation, loss, settings, rng, checkpoint)


def fit_svqvae(
    model: SVQVAE,
    inputs: np.ndarray,
    labels: np.ndarray,
    split: Split,
    *,
    rng: np.random.Generator,
    loss: Loss | None = None,
    settings: Settings = SVQVAE_SETTINGS,
    checkpoint: Path | None = None,
) -> Fitted:
    """Train an S-VQ-VAE in place on inputs (n, …) with class numbers (n,).

    The published run trains on its validation rows too; to repeat it, give a split of all rows that
    leaks.

    Parameters
    ----------
    model : SVQVAE
        Changed in place.
    inputs : (n, …) array
    labels : (n,) array of int
        Class numbers.
    split : Split
    rng : Generator
        Order of the rows.
    loss : Loss, optional
        By default `svqvae.loss()`, that of the paper.
    settings : Settings
    checkpoint : Path, optional
        Where training goes on after it was stopped.

    Returns
    -------
    Fitted
        The history has each term of the loss, and `train_acc`, `val_acc` of the nearest code.

    Raises
    ------
    InputError
        If a part of the split is empty, or a class has no row for training.
    """
    _check(inputs, split)
    absent = np.setdiff1d(np.arange(len(model.classes)), labels[split.train])
    if len(absent):
        raise InputError(
            f"class {model.classes[absent[0]]} has no signature for training, so its code would "
            "never move",
            fix="leave the class out, or keep one of its perturbagens in training",
        )
    device = training.pick_device(settings.device)
    x = torch.from_numpy(np.ascontiguousarray(inputs, np.float32)).to(device)
    y = torch.from_numpy(np.asarray(labels, np.int64)).to(device)
    parts = [
        Batches(x[rows], y[rows], size=settings.batch_size)
        for rows in (split.train, split.validation)
    ]
    return _fit(model, *parts, loss or svqvae.loss(), settings, rng, checkpoint)


def class_numbers(names: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return the number of each row's class, and the classes in alphabetical order.

    Parameters
    ----------
    names : (n,) Series of str

    Returns
    -------
    numbers : (n,) array of int
    classes : list of str
    """
    classes, numbers = np.unique(names.to_numpy(str), return_inverse=True)
    return numbers, classes.tolist()


def baselines(values: np.ndarray, split: Split, *, n_components: int) -> dict[str, float]:
    """Return the MSE of the validation rows under trivial reconstructions.

    Signatures of level 5 are centred near 0, so that an error below 1 by itself says little.

    Returns
    -------
    dict
        `zero`, `mean` (of the training rows), `pca` (of as many components as asked, or as rows
        allow).
    """
    train, held = (values[rows].astype(np.float64) for rows in (split.train, split.validation))
    n_components = min(n_components, *train.shape)
    pca = PCA(n_components, svd_solver="covariance_eigh").fit(train)
    restored = pca.inverse_transform(pca.transform(held))
    return {
        "zero": float(np.mean(held**2)),
        "mean": float(np.mean((held - train.mean(axis=0)) ** 2)),
        "pca": float(np.mean((held - restored) ** 2)),
    }


def explained(mse: float, zero_mse: float) -> float:
    """Return the share of the squared signal that a reconstruction explains.

    Examples
    --------
    >>> round(explained(0.9, 1.5), 6)
    0.4
    """
    return 1 - mse / zero_mse


def _fit(
    model: nn.Module,
    train: Batches,
    validation: Batches,
    loss: Loss,
    settings: Settings,
    rng: np.random.Generator,
    checkpoint: Path | None,
) -> Fitted:
    score = None if settings.patience is None else LOWEST_MSE
    return training.fit(
        model,
        train,
        validation,
        loss=loss,
        rng=rng,
        score=score,
        settings=settings,
        checkpoint=checkpoint,
    )


def _check(values: np.ndarray, split: Split) -> None:
    for name, rows in (("training", split.train), ("validation", split.validation)):
        if len(rows) < 2:
            raise InputError(
                f"{len(rows)} of {len(values)} signatures for {name}; expected two or more"
            )
    both = len(np.intersect1d(split.train, split.validation))
    if both and not split.leaks:
        raise InputError(f"{both} rows are in training and validation", fix="split once, by group")
