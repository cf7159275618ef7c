"""Predict a regulatory embedding: kernel ridge regression, its rivals, and two controls."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lib.stats import order
from lib.translation import kernel, metrics
from lib.translation.inputs import Problem

N_RANDOM = 100  # draws of the random baseline (paper: 100)

Predict = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def ntk_ridge(images, genes, new, *, ridge: float = 1.0) -> np.ndarray:
    """Predict k(new)ᵀ (K + λ)⁻¹ Y with the neural tangent kernel, without intercept.

    Parameters
    ----------
    images : (N, D) array
        Training rows.
    genes : (N, R) array
        Their targets.
    new : (M, D) array
    ridge : float
        λ.

    Returns
    -------
    (M, R) array

    Raises
    ------
    InputError
        For NaN or infinity, rows of different lengths, or a kernel without inverse.

    References
    ----------
    Image2Reg, Methods; the kernel is that of `lib.translation.kernel`.
    """
    # (M, N)
    weights = kernel.ridge_weights(kernel.ntk(images), kernel.ntk(new, images), [ridge])[0]
    return weights @ np.asarray(genes, float)


def synthetic_intervention(images, genes, new) -> np.ndarray:
    """Predict with the weights that make the new row from the training rows: new · X⁺ Y.

    Parameters
    ----------
    images, genes, new
        As in `ntk_ridge`.

    Returns
    -------
    (M, R) array
    """
    return (
        np.asarray(new, float)
        @ np.linalg.pinv(np.asarray(images, float))
        @ np.asarray(genes, float)
    )


def mean_train(images, genes, new) -> np.ndarray:
    """Predict the mean of the training targets for every new row.

    Parameters
    ----------
    images, genes, new
        As in `ntk_ridge`.

    Returns
    -------
    (M, R) array
    """
    return np.tile(np.mean(genes, axis=0), (len(np.atleast_2d(new)), 1))


def places(problems: Sequence[Problem], predict: Predict) -> np.ndarray:
    """Return the place of every target in the neighbour list of its prediction.

    Parameters
    ----------
    problems : sequence of Problem
        One per target, T.
    predict : callable
        (images, genes, new) → prediction, such as `ntk_ridge`.

    Returns
    -------
    (T,) array of int
        0 = nearest.
    """
    return np.array(
        [
            int(metrics.hits_of(predict(*one.split()), one.regulatory, _row(one))[0])
            for one in problems
        ]
    )


def mean_all_places(problems: Sequence[Problem]) -> np.ndarray:
    """Return the places when the prediction is the mean of all genes of the network, the target's
    too.

    Parameters
    ----------
    problems : sequence of Problem
        One per target, T.

    Returns
    -------
    (T,) array of int

    References
    ----------
    Mean baseline of Image2Reg's Fig 4B.
    """
    return np.array(
        [
            int(metrics.hits_of(one.regulatory.mean(axis=0), one.regulatory, _row(one)))
            for one in problems
        ]
    )


def random_places(
    problems: Sequence[Problem], rng: np.random.Generator, *, n: int = N_RANDOM
) -> np.ndarray:
    """Return the places when the prediction is the embedding of a gene drawn at random, all genes
    alike.

    Parameters
    ----------
    problems : sequence of Problem
        One per target, T.
    rng : Generator
    n : int
        Draws (paper: 100).

    Returns
    -------
    (n, T) array of int

    References
    ----------
    Random baseline of Image2Reg's Fig 4B.
    """
    # (n, R) per target
    drawn = [one.regulatory[rng.integers(len(one.names), size=n)] for one in problems]
    return np.stack(
        [
            metrics.hits_of(rows, one.regulatory, _row(one))
            for rows, one in zip(drawn, problems, strict=True)
        ],
        axis=1,
    )


def permuted(one: Problem, rng: np.random.Generator) -> Problem:
    """Return the problem with the rows of both embeddings in random order: a control.

    Parameters
    ----------
    one : Problem
    rng : Generator

    Returns
    -------
    Problem

    References
    ----------
    Random mode of Image2Reg's demo.
    """
    images, regulatory = rng.permutation(one.images), rng.permutation(one.regulatory)
    return replace(one, images=images, regulatory=regulatory)


def permuted_places(
    problems: Sequence[Problem], rng: np.random.Generator, *, n: int = 20
) -> np.ndarray:
    """Return the places of kernel regression (λ = 1) on embeddings in random order.

    Parameters
    ----------
    problems : sequence of Problem
        One per target, T.
    rng : Generator
    n : int
        Orders.

    Returns
    -------
    (n, T) array of int
    """
    return np.stack([places([permuted(one, rng) for one in problems], ntk_ridge) for _ in range(n)])


def nearest(
    new, images, regulatory, names: Sequence[str], *, rows: Sequence[int], k: int = 10
) -> list[list[str]]:
    """Name the genes nearest to the predictions for new image embeddings.

    Parameters
    ----------
    new : (M, D) array
    images : (N, D) array
        Training rows.
    regulatory : (G, R) array
        Embeddings of all genes, rows of length 1.
    names : (G,) sequence of str
    rows : (N,) sequence of int
        Where the training genes are among all genes.
    k : int
        Genes named.

    Returns
    -------
    list of M lists of str
        Nearest first.

    Raises
    ------
    InputError
        As `ntk_ridge`.

    References
    ----------
    Image2Reg's demo: λ = 1, no further features.
    """
    regulatory = np.asarray(regulatory, float)
    predictions = ntk_ridge(images, regulatory[list(rows)], np.atleast_2d(new))  # (M, R)
    nearest = order.descending(predictions @ regulatory.T, scale=1)[:, :k]
    return [[names[i] for i in row] for row in nearest]


def _row(one: Problem) -> int:
    return one.names.index(one.target)
