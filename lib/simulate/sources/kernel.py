"""How alike two genes are, from the distance of their latent states."""

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from lib.simulate.states import DIMENSIONS


def similarity(genes: pd.DataFrame, *, scale: float) -> np.ndarray:
    """Return exp(−d² / 2 scale²) of the states of every two genes, (G, G), 1 on the diagonal."""
    states = genes[list(DIMENSIONS)].to_numpy(float)
    return np.exp(-cdist(states, states, "sqeuclidean") / (2 * scale**2))


def correlated(
    genes: pd.DataFrame, n: int, *, scale: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw n standard normal vectors over genes whose correlation is their similarity, (n, G)."""
    jitter = 1e-6 * np.eye(len(genes))  # equal states would make the matrix singular
    return (
        rng.normal(size=(n, len(genes)))
        @ np.linalg.cholesky(similarity(genes, scale=scale) + jitter).T
    )


def strength(genes: pd.DataFrame) -> np.ndarray:
    """Return the length of each state over the median length of non-zero ones, (G,); 0 for genes
    without a state."""
    length = np.linalg.norm(genes[list(DIMENSIONS)].to_numpy(float), axis=1)
    return length / np.median(length[length > 0]) if (length > 0).any() else length
