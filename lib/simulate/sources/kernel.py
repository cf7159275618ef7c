"""How alike two genes are, from the distance of their latent states."""

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from lib.simulate.states import DIMENSIONS


def similarity(genes: pd.DataFrame, *, scale: float) -> np.ndarray:
    """Return how alike the states of every two genes are.

    Parameters
    ----------
    genes : DataFrame
        G rows with `s1` … `s6`.
    scale : float
        Distance at which the similarity has fallen to exp(−1/2).

    Returns
    -------
    (G, G) array
        exp(−d² / 2 scale²), 1 on the diagonal.
    """
    states = genes[list(DIMENSIONS)].to_numpy(float)
    return np.exp(-cdist(states, states, "sqeuclidean") / (2 * scale**2))


def correlated(
    genes: pd.DataFrame, n: int, *, scale: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw standard normal vectors over genes whose correlation is their similarity.

    Parameters
    ----------
    genes : DataFrame
        G rows with `s1` … `s6`.
    n : int
        Vectors.
    scale : float
        As in `similarity`.
    rng : Generator

    Returns
    -------
    (n, G) array
    """
    jitter = 1e-6 * np.eye(len(genes))  # equal states would make the matrix singular
    return (
        rng.normal(size=(n, len(genes)))
        @ np.linalg.cholesky(similarity(genes, scale=scale) + jitter).T
    )


def strength(genes: pd.DataFrame) -> np.ndarray:
    """Return how strong the state of each gene is.

    Parameters
    ----------
    genes : DataFrame
        G rows with `s1` … `s6`.

    Returns
    -------
    (G,) array
        Length of the state over the median length of non-zero ones; 0 for genes without a state.
    """
    length = np.linalg.norm(genes[list(DIMENSIONS)].to_numpy(float), axis=1)  # (G,)
    return length / np.median(length[length > 0]) if (length > 0).any() else length
