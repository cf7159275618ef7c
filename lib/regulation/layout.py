"""Two-dimensional layout of regulatory embeddings, as in Fig 3B."""

import math

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from lib.data.errors import InputError


def normalised(embeddings: AnnData) -> np.ndarray:
    """Return the latents with length 1.

    Parameters
    ----------
    embeddings : AnnData
        (N, L), named by gene.

    Returns
    -------
    (N, L) float64 array

    Raises
    ------
    InputError
        If a latent is zero or not finite; names the gene.
    """
    values = np.asarray(embeddings.X, np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)  # (N, 1)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        gene = embeddings.obs_names[np.flatnonzero(~(lengths > 0).ravel())[0]]
        raise InputError(
            f"the latent of {gene} is zero or not finite; look for a diverged training"
        )
    return values / lengths


def tsne(embeddings: AnnData, *, learning_rate: float = 200.0, seed: int = 1234) -> pd.DataFrame:
    """Lay genes out by t-SNE of their latents of length 1 (Fig 3B): perplexity ⌈√N⌉, start by PCA.

    Parameters
    ----------
    embeddings : AnnData, (N, L)
        Perplexity has to be below N: four genes or more.
    learning_rate : float
        Paper: 200, for 249 genes. For a hundred it throws single genes far out, and 50 serves.
    seed : int
        Paper: 1234.

    Returns
    -------
    DataFrame
        `gene`, `tsne_1`, `tsne_2`.

    Raises
    ------
    InputError
        For fewer than four genes, or as `normalised`.

    References
    ----------
    Image2Reg, Fig 3B.
    """
    n = embeddings.n_obs  # N
    perplexity = math.ceil(math.sqrt(n))  # 16 for the paper's 249 genes
    if perplexity >= n:
        raise InputError(f"{n} genes are too few for a layout; four or more are needed")
    # a start by PCA keeps the picture alike from run to run
    method = TSNE(perplexity=perplexity, init="pca", learning_rate=learning_rate, random_state=seed)
    with threadpool_limits(1):  # sums of threads have no fixed order
        places = method.fit_transform(normalised(embeddings)).astype(float)
    return pd.DataFrame(
        {"gene": embeddings.obs_names.astype(str), "tsne_1": places[:, 0], "tsne_2": places[:, 1]}
    )
