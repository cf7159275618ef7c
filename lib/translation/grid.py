"""The published grid of 2,160 configurations, each distinct model computed once and from inner
products.

Degeneracies: without neighbours only λ and the mean matter, so 72 configurations are one model; the
size of an encoding shifts the kernel by a constant whatever σ is, so one eigendecomposition serves
all σ and λ; `normalize_prediction` moves no gene in any list. See `lib.translation.features` for
the rest.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd

from lib.translation import features, kernel, metrics
from lib.translation.features import Geometry
from lib.translation.inputs import Problem

CHOICES = ["ridge", "use_mean", "n_neighbours", "n_encodings", "append", "encoding", "sigma"]
"""Columns that make a configuration, in the published loop order but for `n_neighbours`, see
`configurations`."""

PLAIN = (
    "positional",
    0,
    0.0,
)  # encoding, m and σ of a model without neighbours, where they mean nothing


@dataclass(frozen=True)
class Axes:
    """Values of the grid; the defaults are the published ones.

    Parameters
    ----------
    ridges : sequence of float
        λ.
    neighbours : sequence of sequence of int
        Numbers of neighbours whose weights are features, 0 = none, more than the training rows =
        all. The paper ran the blocks one after the other.
    means : sequence of bool
        With and without the mean training target as a feature.
    appended : sequence of str
        Rows of neighbours that are appended: none, images, genes.
    encodings, sigmas : sequences
        Sizes m and scales σ of the encodings.
    n_draws : int
        Draws of the gauss encoding over which weights are averaged. The paper has one, unseeded, a
        call; 1 gives one seeded draw.
    seed : int
        Of these draws.
    """

    ridges: Sequence[float] = (1, 5, 10, 50, 100)
    means: Sequence[bool] = (False, True)
    neighbours: Sequence[Sequence[int]] = ((0, 10), (38,))
    encodings: Sequence[int] = (2, 5, 10, 20)
    appended: Sequence[str] = features.APPENDED
    sigmas: Sequence[float] = (1, 5, 10)
    n_draws: int = 5
    seed: int = 0

    @property
    def counts(self) -> list[int]:
        """Numbers of neighbours of all blocks."""
        return [n for block in self.neighbours for n in block]


@dataclass(frozen=True)
class Reduced:
    """A problem as far as the kernel sees it.

    Parameters
    ----------
    target : str
    rows : (S, C) array
        Images rotated into at most S dimensions.
    own : int
        Shared gene to predict.
    train : (N,) array
        Shared genes to learn from.
    positions : (S,) array
        Rows of the shared genes among all genes.
    gram : (S, G) array
        Inner products of the regulatory embeddings of shared genes and all genes.
    genes : Geometry
        Of the regulatory embeddings of the shared genes, (S, S).
    """

    target: str
    rows: np.ndarray
    own: int
    train: np.ndarray
    positions: np.ndarray
    gram: np.ndarray
    genes: Geometry = field(repr=False)

    def mean_length(self, train: np.ndarray | None = None) -> float:
        """Return the squared length of the mean regulatory embedding of training genes.

        Parameters
        ----------
        train : (N,) array of int, optional
            Shared genes to average; by default the problem's own training genes.

        Returns
        -------
        float
        """
        train = self.train if train is None else train
        return float(self.genes.dots[np.ix_(train, train)].mean())

    def predicting(self, row: int) -> "Reduced":
        """Return the problem of predicting one of the training genes from the others.

        Parameters
        ----------
        row : int
            Shared gene to predict; the target takes no part.

        Returns
        -------
        Reduced
        """
        name = f"{self.target}, {row}"
        return Reduced(
            name,
            self.rows,
            row,
            self.train[self.train != row],
            self.positions,
            self.gram,
            self.genes,
        )


def reduce(problem: Problem) -> Reduced:
    """Rotate the images of a problem into few dimensions and take the products of its embeddings.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Reduced
    """
    # R of a QR decomposition has the inner products of the images in at most S dimensions
    triangle = np.linalg.qr(
        problem.images.T, mode="r"
    )  # (min(D, S), S); columns keep products and distances
    shared = problem.regulatory[problem.positions]  # (S, R)
    train = np.flatnonzero(np.arange(len(problem.shared)) != problem.own)
    return Reduced(
        problem.target,
        triangle.T,
        problem.own,
        train,
        problem.positions,
        shared @ problem.regulatory.T,
        features.geometry(shared),
    )


def configurations(axes: Axes = Axes()) -> pd.DataFrame:  # noqa: B008
    """Return the grid in the published order.

    Parameters
    ----------
    axes : Axes
        By default the published ones.

    Returns
    -------
    DataFrame
        Index `config`, from 0; columns `CHOICES` and `is_excluded`: some neighbours, but none
        appended.

    References
    ----------
    Image2Reg, grid behind Fig 4B; the numbers of the published configurations are those of this
    index.
    """
    sets = (axes.encodings, axes.appended, features.ENCODINGS, axes.sigmas)
    rows = [
        row
        for block in axes.neighbours  # blocks were run one after the other
        for row in itertools.product(axes.ridges, axes.means, block, *sets)
    ]
    table = pd.DataFrame(rows, columns=CHOICES).rename_axis("config")
    table = table.astype({"ridge": float, "sigma": float})
    # the paper leaves out some neighbours without appended rows
    some = table["n_neighbours"].between(1, max(axes.counts) - 1)
    return table.assign(is_excluded=some & (table["append"] == "none"))


def models(axes: Axes, n_train: int) -> pd.DataFrame:
    """Return the distinct models of a grid, in the order of `model_weights`.

    Parameters
    ----------
    axes : Axes
    n_train : int
        Training genes; more neighbours than these are all of them.

    Returns
    -------
    DataFrame
        Index `model`, from 0; columns `CHOICES`.
    """
    rows = []
    for use_mean, count in _inputs(axes, n_train):
        encodings = [(*size, sigma) for size, sigma in itertools.product(_sizes(axes), axes.sigmas)]
        for append in axes.appended if count else ["none"]:
            rows += [
                (ridge, use_mean, count, m, append, name, sigma)
                for (name, m, sigma), ridge in itertools.product(
                    encodings if count else [PLAIN], axes.ridges
                )
            ]
    return (
        pd.DataFrame(rows, columns=CHOICES)
        .astype({"ridge": float, "sigma": float})
        .rename_axis("model")
    )


def model_of(configs: pd.DataFrame, axes: Axes, n_train: int) -> np.ndarray:
    """Return the number of the distinct model of every configuration.

    Parameters
    ----------
    configs : DataFrame
        From `configurations` with the same axes.
    axes : Axes
    n_train : int
        Training genes.

    Returns
    -------
    (C,) array of int
    """
    # configuration → number of its model
    known = {
        row: i for i, row in enumerate(models(axes, n_train).itertuples(index=False, name=None))
    }
    # more neighbours than training rows are all of them
    found = configs[CHOICES].assign(n_neighbours=configs["n_neighbours"].clip(upper=n_train))
    plain = found["n_neighbours"] == 0
    for name, value in zip(
        ["encoding", "n_encodings", "sigma", "append"], [*PLAIN, "none"], strict=True
    ):
        found[name] = found[name].where(~plain, value)
    return np.array([known[row] for row in found.itertuples(index=False, name=None)])


def model_weights(reduced: Reduced, axes: Axes, *, mean_length: float | None = None) -> np.ndarray:
    """Return the weights of the shared genes in the prediction of every distinct model.

    Parameters
    ----------
    reduced : Reduced
    axes : Axes
    mean_length : float, optional
        Squared length of the mean training target, where targets are paired anew; by default the
        problem's own.

    Returns
    -------
    (M, S) array
        Zero for genes that are not trained on. A prediction is weights @ embeddings.

    Raises
    ------
    InputError
        If a grid has neighbours and the training images are linearly dependent.
    SingularKernel
        If a kernel without ridge has no inverse.
    """
    order = np.append(reduced.train, reduced.own)  # the new row last
    rows, genes = reduced.rows[order], _subset(reduced.genes, order)
    plain = features.geometry(rows)  # (N + 1, N + 1)
    length = reduced.mean_length() if mean_length is None else mean_length
    if max(axes.counts) > 0:
        features.check_independent(rows[:-1])
    parts = []  # one block of models per choice of mean and neighbours
    for use_mean, count in _inputs(axes, len(reduced.train)):
        base = plain.shifted(length if use_mean else 0.0)  # the mean adds a constant block
        if count == 0:
            parts.append(_plain_weights(base, axes.ridges))
            continue
        lists = features.neighbour_lists(plain.distances, count)  # (N + 1, k)
        gaps = _gaps(rows, length if use_mean else 0.0, lists[-1], axes, reduced.target)
        sources = {"none": None, "images": base, "genes": genes}
        parts += [
            _encoded_weights(base, gaps, sources[append], lists, append, axes)
            for append in axes.appended
        ]
    weights = np.zeros((sum(map(len, parts)), len(reduced.rows)))  # (M, S)
    weights[:, reduced.train] = np.concatenate(parts)
    return weights


def evaluate(problems: Sequence[Problem], axes: Axes = Axes()) -> tuple[pd.DataFrame, np.ndarray]:  # noqa: B008
    """Return the grid with the areas of every configuration, and the places of the targets.

    Parameters
    ----------
    problems : sequence of Problem
        One per target, T, with the same genes.
    axes : Axes
        By default the published ones.

    Returns
    -------
    DataFrame
        As `configurations`, with `model` and `auc_5` … `auc_50` (published denominator k + 1).
    (C, T) array of int
        Place of every target, 0 = nearest, by configuration.

    Raises
    ------
    InputError
        As `model_weights`.

    References
    ----------
    Image2Reg, grid behind Fig 4B.
    """
    n_train = len(problems[0].shared) - 1
    configs = configurations(axes)
    places = np.stack(
        [places_of(reduced, model_weights(reduced, axes)) for reduced in map(reduce, problems)],
        axis=1,
    )
    model = model_of(configs, axes, n_train)  # (C,)
    table = configs.assign(model=model, **metrics.areas(places[model]))
    return table, places[model]


def places_of(reduced: Reduced, weights: np.ndarray) -> np.ndarray:
    """Return the place of the gene to predict.

    Parameters
    ----------
    reduced : Reduced
    weights : (..., S) array
        Of the shared genes in the prediction.

    Returns
    -------
    (...) array of int
        0 = nearest.
    """
    scale = np.abs(weights).sum(axis=-1)  # how large rounding errors of the scores may be
    return metrics.hits(weights @ reduced.gram, int(reduced.positions[reduced.own]), scale=scale)


def _inputs(axes: Axes, n_train: int):
    """Return (use_mean, number of neighbours) without repetition."""
    return list(itertools.product(axes.means, dict.fromkeys(min(n, n_train) for n in axes.counts)))


def _sizes(axes: Axes) -> list[tuple[str, int]]:
    """Return (encoding, m) in order."""
    return list(itertools.product(features.ENCODINGS, axes.encodings))


def _plain_weights(base: Geometry, ridges: Sequence[float]) -> np.ndarray:
    """Return the weights (L, N) of the model without neighbours; the new row is the last of the
    geometry."""
    norms = np.diagonal(base.dots) + 1  # the bias
    full = kernel.from_geometry(norms, norms, base.dots + 1, base.distances)
    return kernel.ridge_weights(full[:-1, :-1], full[-1:, :-1], ridges)[:, 0]


def _encoded_weights(
    base: Geometry,
    gaps: np.ndarray,
    source: Geometry | None,
    lists: np.ndarray,
    append: str,
    axes: Axes,
) -> np.ndarray:
    """Return the weights (E · σ · L, N) of the models with encodings, E = encodings × sizes m.

    Parameters
    ----------
    base : Geometry, (N + 1, N + 1)
        Of the rows before the encodings; the new row is the last.
    gaps : (E, σ, draws) array
        Squared distance of the new row's encoding from the constant one of the training rows.
    source : Geometry or None
        Of the rows of which neighbours, `lists`, are appended. Those of images carry the constant
        encoding too.
    """
    n_neighbours = lists.shape[1]
    total = base + source.gathered(lists) if source else base  # (N + 1, N + 1)
    # each appended image row carries the encoding once more
    copies = 1 + (n_neighbours if append == "images" else 0)
    squared = np.array(
        [m * n_neighbours if name == "positional" else m for name, m in _sizes(axes)], float
    )
    constant = 1 + copies * squared[:, None]  # (E, 1), with the bias
    norms = np.diagonal(total.dots) + constant  # (E, N + 1)
    train, dots = norms[:, :-1], total.dots[:-1, :-1] + constant[..., None]
    square = kernel.from_geometry(train, train, dots, total.distances[:-1, :-1])  # (E, N, N)
    gap = gaps.reshape(len(squared), -1, 1)  # (E, σ · draws, 1)
    dots, distances = (
        total.dots[-1, :-1] + constant[..., None] - gap / 2,
        total.distances[-1, :-1] + gap,
    )
    new = np.repeat(norms[:, -1:], gap.shape[1], axis=1)
    weights = kernel.ridge_weights(
        square, kernel.from_geometry(new, train, dots, distances), axes.ridges
    )
    weights = weights.reshape(*weights.shape[:2], *gaps.shape[1:], -1).mean(axis=3)  # (E, L, σ, N)
    return weights.swapaxes(1, 2).reshape(-1, weights.shape[-1])


def _gaps(
    rows: np.ndarray, constant: float, near: np.ndarray, axes: Axes, target: str
) -> np.ndarray:
    """Return the squared distance (E, σ, draws) of the new row's encodings from those of the
    training rows."""
    rows = np.hstack([rows, np.full((len(rows), 1), np.sqrt(constant))])
    step = rows[-1] @ np.linalg.pinv(rows[near])  # (k,)
    step[0] -= 1  # from (1, 0, …, 0), the weights of every training row
    gaps = np.empty((len(_sizes(axes)), len(axes.sigmas), axes.n_draws))
    for i, (name, m) in enumerate(_sizes(axes)):
        # a draw depends on target and size only, so that σ and λ are compared on the same draws
        normal = (
            gauss_draws(axes.n_draws, m, len(near), axes.seed, target) if name == "gauss" else None
        )
        for j, sigma in enumerate(axes.sigmas):
            phases = features.phases(step, name, m, sigma, normal)  # (draws, F) or (F,)
            gaps[i, j] = (4 * np.sin(phases / 2) ** 2).sum(axis=-1)  # |e^{iφ} − 1|² = 4 sin²(φ/2)
    return gaps


@lru_cache(maxsize=4096)
def gauss_draws(n_draws: int, m: int, n_neighbours: int, seed: int, target: str) -> np.ndarray:
    """Return the draws of the gauss encoding of a target; the same for every σ and λ.

    Parameters
    ----------
    n_draws, m, n_neighbours : int
        Draws, size of the encoding, neighbours k.
    seed : int
    target : str
        Each target has draws of its own.

    Returns
    -------
    (n_draws, m, k) array
        Standard normal, read-only.
    """
    rng = np.random.default_rng([seed, n_neighbours, m, *target.encode()])
    draws = rng.normal(size=(n_draws, m, n_neighbours))
    draws.setflags(write=False)
    return draws


def _subset(geometry: Geometry, order: np.ndarray) -> Geometry:
    return Geometry(geometry.dots[np.ix_(order, order)], geometry.distances[np.ix_(order, order)])
