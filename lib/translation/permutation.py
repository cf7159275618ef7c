"""How good a translation without any relation between images and regulatory embeddings would look.

The null pairs every image with the regulatory embedding of another gene: gene g becomes π(g). Target t then has the
image that its encoder never saw, and the place to find is that of u = π(t) in the network trained without u. So the
left-out gene is left out on both sides, as in the data. Only the weights of training images and inner products of
embeddings are needed; a pairing gathers them anew. The observed pairing counts as one of the pairings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib.translation import grid, metrics, selection
from lib.translation.errors import TranslationError
from lib.translation.grid import Axes, Reduced


@dataclass(frozen=True)
class Null:
    """Areas under re-paired embeddings; the first pairing is the observed one.

    Parameters
    ----------
    areas : dict of str to (M, 1 + B) array
        `auc_<k>` by model and pairing.
    accuracy : (M, 1 + B, k_max) array or None
        The curves, where asked for.
    """

    areas: dict[str, np.ndarray]
    accuracy: np.ndarray | None = None


def pairings(reduced: Sequence[Reduced], n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw pairings of the shared genes, (1 + n, S): targets among targets, others among others; the first is none."""
    n_shared = len(reduced[0].rows)
    if n < 1:
        raise TranslationError(f"{n} permutations give no null; 1 or more are needed")
    found = np.tile(np.arange(n_shared), (n + 1, 1))
    targets = np.array([one.own for one in reduced])
    for part in (targets, np.setdiff1d(np.arange(n_shared), targets)):
        found[1:, part] = rng.permuted(np.tile(part, (n, 1)), axis=1)
    return found


def null(
    reduced: Sequence[Reduced],
    orders: np.ndarray,
    axes: Axes,
    *,
    chosen: Sequence[int] | None = None,
    k_max: int = 0,
) -> Null:
    """Compute the areas of models under every pairing.

    Parameters
    ----------
    reduced : sequence of Reduced
        One a target.
    orders : (1 + B, S) array
        From `pairings`.
    axes : Axes
        The models.
    chosen : (T,) sequence of int, optional
        One model a target, taken together as one procedure; by default every model by itself.
    k_max : int
        Length of the curves; 0 = no curves, which saves memory.

    Raises
    ------
    TranslationError
        For models with neighbours' regulatory embeddings among their features: their weights change with each pairing.
    """
    if "genes" in axes.appended and max(axes.counts) > 0:
        raise TranslationError(
            "models that append genes have no null of re-paired embeddings; leave `genes` out of the axes"
        )
    n_train = len(reduced[0].train)
    n_models = 1 if chosen is not None else len(grid.models(axes, n_train))
    totals = {k: np.zeros((n_models, len(orders))) for k in metrics.KS}
    counts = np.zeros((n_models, len(orders), k_max)) if k_max else None
    for t, u, weights in _weights(reduced, axes):
        weights = weights if chosen is None else weights[[chosen[t]]]
        here = np.flatnonzero(orders[:, reduced[t].own] == reduced[u].own)
        places = _places(weights, reduced[u], orders[here])  # (M, P)
        for k, total in totals.items():
            total[:, here] += np.maximum(k - places, 0)
        if counts is not None:
            counts[:, here] += places[..., None] < np.arange(1, k_max + 1)
    areas = {f"auc_{k}": total / len(reduced) / (k + 1) for k, total in totals.items()}
    return Null(areas, None if counts is None else counts / len(reduced))


def selected(found: Null, configs: pd.DataFrame, model: np.ndarray) -> dict[str, np.ndarray]:
    """Return `auc_<k>` (1 + B,) of the configuration that the published rule takes under each pairing.

    The choice is made anew for every pairing on the areas that are then reported, as it was for the observed one: the
    optimism of the choice is in the null too.

    Parameters
    ----------
    configs : DataFrame
        As from `grid.configurations`; excluded configurations take no part.
    model : (C,) array of int
        From `grid.model_of`, for the axes of the null.
    """
    model = model[~configs["is_excluded"].to_numpy()]
    areas = {name: values[model] for name, values in found.areas.items()}
    best = selection.choose(areas["auc_20"], areas["auc_50"])  # (1 + B,)
    return {name: values[best, np.arange(len(best))] for name, values in areas.items()}


def p_value(values) -> float:
    """Return (1 + #{null ≥ observed}) / (1 + B); the observed value comes first."""
    values = np.asarray(values)
    return float((values >= values[0] - 1e-12).mean())


def summary(areas: dict[str, np.ndarray], *, row: int = 0) -> pd.DataFrame:
    """Return one row an area: `statistic`, `observed`, `null_mean`, `null_95`, `null_999`, `p`, `n_permutations`."""
    rows = []
    for name, values in areas.items():
        values = values[row] if values.ndim > 1 else values
        level = [values[1:].mean(), *np.quantile(values[1:], [0.95, 0.999])]
        rows.append([name, values[0], *level, p_value(values), len(values) - 1])
    columns = ["statistic", "observed", "null_mean", "null_95", "null_999", "p", "n_permutations"]
    return pd.DataFrame(rows, columns=columns)


def band(curves, *, level: float = 0.95) -> pd.DataFrame:
    """Return bands of curves (B, k_max): `k`, `mean`, pointwise `low` and `high`, simultaneous `low_all`, `high_all`.

    A pointwise band holds `level` of the curves at each k by itself, the simultaneous one at all k at once: the mean
    and so many SD (at that k) that `level` of the curves never leave it.
    """
    curves = np.asarray(curves, float)
    mean, spread = curves.mean(axis=0), curves.std(axis=0)
    low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
    away = np.abs(curves - mean) / np.where(spread > 0, spread, np.inf)
    width = np.quantile(away.max(axis=1), level) * spread
    k = np.arange(1, curves.shape[1] + 1)
    return pd.DataFrame(
        {"k": k, "mean": mean, "low": low, "high": high, "low_all": mean - width, "high_all": mean + width}
    )


def bootstrap(places, *, n: int = 2000, k_max: int = 50, rng: np.random.Generator) -> pd.DataFrame:
    """Return the confidence bands of the accuracy curve, targets (T,) drawn with replacement; columns as `band`.

    Targets share training genes, so this tells of the draw of targets, not of encoders and networks trained anew.
    """
    places = np.asarray(places)
    drawn = places[rng.integers(0, len(places), (n, len(places)))]
    found = band(metrics.accuracy(drawn, k_max=k_max))
    return found.assign(low_all=found["low_all"].clip(lower=0), high_all=found["high_all"].clip(upper=1))


def _weights(reduced: Sequence[Reduced], axes: Axes) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield image target t, network target u, and the weights (M, S) of t's images with u's mean training target."""
    lengths = [one.mean_length() for one in reduced]
    parts = [replace(axes, means=(flag,)) for flag in axes.means]
    for t, one in enumerate(reduced):
        fixed = [None if part.means[0] else grid.model_weights(one, part) for part in parts]
        for u, length in enumerate(lengths):
            weights = [
                grid.model_weights(one, part, mean_length=length) if known is None else known
                for part, known in zip(parts, fixed, strict=True)
            ]
            yield t, u, np.concatenate(weights)


def _places(weights: np.ndarray, network: Reduced, orders: np.ndarray) -> np.ndarray:
    """Return the places (M, P) of a network's target when shared image g stands for gene orders[p, g]."""
    if not len(orders):
        return np.zeros((len(weights), 0), int)
    gathered = network.gram[orders]  # (P, S, G)
    scores = weights @ gathered  # (P, M, G)
    scale = np.abs(weights).sum(axis=-1)
    return metrics.hits(scores, int(network.positions[network.own]), scale=np.broadcast_to(scale, scores.shape[:2])).T
