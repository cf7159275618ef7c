"""Tables of image embeddings of nuclei: means of conditions, layouts, confusion of the classes."""

import os
import warnings
from collections.abc import Collection
from typing import Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from threadpoolctl import threadpool_limits

from lib.data import h5ad
from lib.data.errors import InputError

OBS = ("nucleus_id", "gene_symbol", "plate", "well", "site", "slide_image_name", "fold", "split")
"""What is known of every embedded nucleus."""


def make(vectors, obs: pd.DataFrame) -> AnnData:
    """Put embeddings and what is known of their nuclei into one object.

    Parameters
    ----------
    vectors : (N, L) array
        Finite; stored as float32.
    obs : DataFrame, (N, …)
        One row per nucleus with at least the columns `OBS`; any index.

    Returns
    -------
    AnnData
        X (N, L) float32, obs with a running number as its index.

    Raises
    ------
    InputError
        For a missing column, another number of rows, or a vector with NaN or infinity.
    """
    vectors = np.asarray(vectors, np.float32)
    missing = [name for name in OBS if name not in obs]
    if missing:
        raise InputError(f"embeddings lack the column {missing[0]!r}; they need {', '.join(OBS)}")
    if len(vectors) != len(obs):
        raise InputError(f"{len(vectors)} embeddings for {len(obs)} nuclei; give one row a nucleus")
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        nucleus = obs["nucleus_id"].iloc[broken[0]]
        raise InputError(
            f"{len(broken)} embeddings are not finite, such as that of {nucleus}; look for a "
            "diverged training"
        )
    obs = obs.reset_index(drop=True)
    return AnnData(vectors, obs=obs.set_axis(obs.index.astype(str)))


def read(path: str | os.PathLike) -> AnnData:
    """Read an `.h5ad` of embeddings of nuclei and check it as `make` does.

    Parameters
    ----------
    path : path

    Returns
    -------
    AnnData
        X (N, L) float32.

    Raises
    ------
    InputError
        If the file cannot be read as AnnData, and as `make`.
    """
    found = h5ad.read(path)
    return make(found.X, found.obs)


def subset(embeddings: AnnData, *, fold: int | None = 0, split: str | None = "test") -> AnnData:
    """Return the nuclei of one fold and split.

    Models of different folds span different spaces, so figures show fold 0 alone, as in the paper.

    Parameters
    ----------
    embeddings : AnnData
        From `make` or `read`.
    fold : int, optional
        None takes all folds.
    split : str, optional
        train, val, test or out; None takes all.

    Returns
    -------
    AnnData
        A copy.

    Raises
    ------
    InputError
        If no nucleus is left.
    """
    chosen = np.ones(embeddings.n_obs, bool)  # (N,)
    for name, value in {"fold": fold, "split": split}.items():
        if value is not None:
            chosen &= embeddings.obs[name].astype(str).to_numpy() == str(value)
    if not chosen.any():
        raise InputError(
            f"no nucleus in fold {fold}, split {split!r} among {embeddings.n_obs} embeddings"
        )
    return embeddings[chosen].copy()


def condition_means(embeddings: AnnData, *, exclude: Collection[str] = ("EMPTY",)) -> AnnData:
    """Average the embeddings of each condition: its gene-perturbation embedding.

    Parameters
    ----------
    embeddings : AnnData
        (N, L), of one fold.
    exclude : collection of str
        Symbols left out (paper: the control).

    Returns
    -------
    AnnData
        Conditions × L, sorted by symbol; obs index `gene_symbol`, column `n_nuclei`.

    Raises
    ------
    InputError
        If the nuclei come from several folds or no condition is left.

    References
    ----------
    Image2Reg, gene-perturbation embeddings behind Fig 2E: means of the raw test embeddings of fold
    0.
    """
    folds = embeddings.obs["fold"].unique()
    if len(folds) > 1:
        raise InputError(
            f"embeddings of {len(folds)} folds do not share a space; take one with subset(fold=…)"
        )
    symbols = embeddings.obs["gene_symbol"].astype(str).to_numpy()  # (N,)
    kept = ~np.isin(symbols, list(exclude))
    if not kept.any():
        raise InputError(f"no condition is left without {', '.join(exclude)}")
    # (G,) names, (N,) codes, (G,) counts
    names, codes, counts = np.unique(symbols[kept], return_inverse=True, return_counts=True)
    # rows of one condition side by side, for the sums below
    order = np.argsort(codes, kind="stable")
    starts = np.r_[0, np.cumsum(counts)[:-1]]
    sums = np.add.reduceat(
        embeddings.X[kept][order].astype(np.float64), starts, axis=0
    )  # (conditions, L)
    obs = pd.DataFrame({"n_nuclei": counts}, index=pd.Index(names, name="gene_symbol"))
    return AnnData((sums / counts[:, None]).astype(np.float32), obs=obs)


def standardise(embeddings: AnnData) -> AnnData:
    """Return the embeddings with mean 0 and SD 1 in every column within each fold.

    Parameters
    ----------
    embeddings : AnnData
        (N, L); obs has `fold`.

    Returns
    -------
    AnnData
        A copy; a column that is constant within a fold is 0 there.
    """
    scaled = embeddings.copy()
    folds = embeddings.obs["fold"].to_numpy()
    for fold in pd.unique(folds):
        rows = np.flatnonzero(folds == fold)  # folds span spaces of their own
        values = embeddings.X[rows].astype(np.float64)  # (n of the fold, L)
        spread = values.std(axis=0)
        scaled.X[rows] = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return scaled


def lay_out(
    embeddings: AnnData,
    *,
    method: Literal["umap", "tsne"] = "umap",
    max_nuclei: int = 10_000,
    seed: int = 1234,
) -> pd.DataFrame:
    """Lay nuclei out in two dimensions by their embeddings, which are standardised within the fold.

    Parameters
    ----------
    embeddings : AnnData
        Of one fold.
    method : str
        UMAP with its default parameters as in the paper, or t-SNE, which starts at once: UMAP
        compiles for ten seconds.
    max_nuclei : int
        Above this many, a random part is drawn with `seed`; nuclei keep their order.
    seed : int
        Of the draw and of the layout (paper: 1234). A fixed seed makes UMAP run on one thread.

    Returns
    -------
    DataFrame
        `nucleus_id`, `gene_symbol`, `x`, `y`.

    Raises
    ------
    InputError
        For fewer than three nuclei.

    References
    ----------
    Image2Reg, Fig 2D.
    """
    scaled = standardise(embeddings)
    rows = np.arange(scaled.n_obs)
    if len(rows) > max_nuclei:
        # nuclei keep their order
        rows = np.sort(np.random.default_rng(seed).choice(rows, max_nuclei, replace=False))
    if len(rows) < 3:
        raise InputError(f"a layout of {len(rows)} nuclei shows nothing; three or more are needed")
    places = (_umap if method == "umap" else _tsne)(scaled.X[rows], seed).astype(float)  # (n, 2)
    table = scaled.obs[["nucleus_id", "gene_symbol"]].iloc[rows].astype(str).reset_index(drop=True)
    return table.assign(x=places[:, 0], y=places[:, 1])


def _umap(values: np.ndarray, seed: int) -> np.ndarray:
    from umap import UMAP

    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "n_jobs value"
        )  # one thread is what a fixed seed asks for
        warnings.filterwarnings("ignore", "n_neighbors is larger")
        warnings.filterwarnings("ignore", "k >= N")
        return UMAP(random_state=seed).fit_transform(values)


def _tsne(values: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    with threadpool_limits(1):  # sums of threads have no fixed order
        return TSNE(
            perplexity=min(30, (len(values) - 1) / 3), init="pca", random_state=seed
        ).fit_transform(values)


def confusion(truth, predicted, classes: Collection[str] | None = None) -> pd.DataFrame:
    """Return the shares of each true class (rows) that were taken for each class (columns); rows
    sum to 1.

    Parameters
    ----------
    truth, predicted : (N,) arrays of str
    classes : collection of str, optional
        Rows and columns in order; by default all that occur, sorted. A class without nuclei has a
        row of NaN.

    Returns
    -------
    DataFrame, (C, C)
        Index `truth`, columns `predicted`.

    Raises
    ------
    InputError
        If a class occurs that is not among `classes`.
    """
    truth, predicted = np.asarray(truth, object), np.asarray(predicted, object)
    names = pd.Index(
        list(classes) if classes is not None else sorted({*truth, *predicted}), name="truth"
    )
    rows, columns = names.get_indexer(truth), names.get_indexer(predicted)
    if (rows < 0).any() or (columns < 0).any():
        stray = (truth[rows < 0].tolist() + predicted[columns < 0].tolist())[0]
        raise InputError(f"class {stray!r} is not among the {len(names)} given")
    # (C, C) counts from the flat index of the cell
    counts = np.bincount(rows * len(names) + columns, minlength=len(names) ** 2).reshape(
        len(names), -1
    )
    totals = counts.sum(axis=1, keepdims=True)  # (C, 1)
    # NaN for a class without nuclei
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    return pd.DataFrame(shares, index=names, columns=names.rename("predicted"))


def balanced_accuracy(shares: pd.DataFrame) -> float:
    """Return the mean over the classes that have nuclei of the share that is recognised.

    Parameters
    ----------
    shares : DataFrame, (C, C)
        From `confusion`.

    Returns
    -------
    float
        0 to 1; the mean of the diagonal.
    """
    return float(np.nanmean(np.diag(shares)))
