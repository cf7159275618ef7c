"""Does the image of a left-out gene point to its own place rather than to that of another left-out
gene?

Image t, which its encoder never saw, is translated into the network that never saw u, with the true
pairs of all other genes to learn from; then u is looked for. Under the hypothesis that a left-out
image says nothing about the place of its gene, image t and network t belong together no more than t
and u. Whatever training pairs, labels and central genes do to a prediction is in this null, and so
is every configuration of the grid: nothing is fitted anew for a permutation.

The null is near, not exact: in the data two left-out genes learn from each other's pair, so that a
chance likeness of both counts twice, and in an exchange neither is trained on. In worlds without
any effect 8.7 % of 600 had p ≤ 0.05 with 16 targets, 5.8 % of 120 with 39. Read a p-value near the
level with that in mind; the null of `permutation` is exact.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lib.data.errors import InputError
from lib.translation import grid, metrics, selection
from lib.translation.grid import Axes, Reduced


def places(reduced: Sequence[Reduced], axes: Axes) -> np.ndarray:
    """Return the place of every network's target for every left-out image.

    Off the diagonal there is one training gene less: both t and u are left out.

    Parameters
    ----------
    reduced : sequence of Reduced
        One per target, T.
    axes : Axes
        Of the grid, with C configurations.

    Returns
    -------
    (C, T, T) array of int16
        Configuration × image t × network u; the diagonal is the translation itself.

    Raises
    ------
    InputError
        If fewer than two genes are there to learn from.
    """
    if len(reduced[0].train) < 2:
        raise InputError(
            "two genes with both embeddings leave none to learn from when two are left out"
        )
    configs, n_train = grid.configurations(axes), len(reduced[0].train)
    # a model of 38 neighbours is one of all where fewer are there
    model = {n: grid.model_of(configs, axes, n) for n in (n_train, n_train - 1)}
    found = np.empty((len(configs), len(reduced), len(reduced)), np.int16)
    for t, image in enumerate(reduced):
        for u, network in enumerate(reduced):
            # neither t nor u is trained on
            train = image.train[image.train != network.own]
            pair = replace(image, train=train, gram=network.gram, genes=network.genes)
            weights = grid.model_weights(pair, axes)  # (M, S)
            row = int(network.positions[network.own])  # of the gene that is looked for
            # (M,) places by distinct model
            hits = metrics.hits(weights @ network.gram, row, scale=np.abs(weights).sum(axis=-1))
            found[:, t, u] = hits[model[len(train)]]  # (C,)
    return found


def orders(n_targets: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw which network each left-out image is looked for in.

    Parameters
    ----------
    n_targets : int
        T.
    n : int
        Exchanges.
    rng : Generator

    Returns
    -------
    (1 + n, T) array of int
        The first row is the order as it is.
    """
    found = np.tile(np.arange(n_targets), (n + 1, 1))  # row 0: nothing is exchanged
    found[1:] = rng.permuted(found[1:], axis=1)
    return found


def areas(found: np.ndarray, exchanges: np.ndarray, chosen: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the areas of a procedure that has one configuration per image, under every exchange.

    Parameters
    ----------
    found : (C, T, T) array
        From `places`.
    exchanges : (1 + B, T) array
        From `orders`.
    chosen : (T,) sequence of int
        Configuration of each image.

    Returns
    -------
    dict of str to (1 + B,) array
        `auc_<k>`, the observed value first.
    """
    images = np.arange(found.shape[1])  # (T,)
    return metrics.areas(found[np.asarray(chosen), images, exchanges])


def areas_of_choice(found: np.ndarray, exchanges: np.ndarray) -> dict[str, np.ndarray]:
    """Return the areas when the published rule chooses a configuration anew for every exchange.

    The rule looks at the very areas that are then reported, as it did for the observed ones: the
    optimism of the choice is in the null too. Leave excluded configurations out of `found`.

    Parameters
    ----------
    found : (C, T, T) array
        From `places`.
    exchanges : (1 + B, T) array
        From `orders`.

    Returns
    -------
    dict of str to (1 + B,) array
        `auc_<k>`, the observed value first.
    """
    best = selection.choose(
        _all_areas(found, exchanges, 20), _all_areas(found, exchanges, 50)
    )  # (1 + B,)
    return metrics.areas(found[best[:, None], np.arange(found.shape[1]), exchanges])


def _all_areas(found: np.ndarray, exchanges: np.ndarray, k: int) -> np.ndarray:
    """Return AUC_k of every configuration under every exchange, (C, 1 + B), as one product of
    matrices."""
    n_configs, n_targets, _ = found.shape
    gained = (
        np.maximum(k - found, 0).reshape(n_configs, -1).astype(float)
    )  # (C, T · T), whole numbers
    taken = np.zeros((n_targets * n_targets, len(exchanges)))
    cells = exchanges + n_targets * np.arange(n_targets)  # (1 + B, T)
    taken[cells.ravel(), np.repeat(np.arange(len(exchanges)), n_targets)] = 1
    return gained @ taken / n_targets / (k + 1)  # the published denominator
