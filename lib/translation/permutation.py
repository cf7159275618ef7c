"""How good a translation without any relation between images and regulatory embeddings would look.

The null pairs every image with the regulatory embedding of another gene: gene g becomes π(g).
Target t then has the image that its encoder never saw, and the place to find is that of u = π(t) in
the network trained without u. So the left-out gene is left out on both sides, as in the data. Only
the weights of training images and inner products of embeddings are needed; a pairing gathers them
anew. The observed pairing counts as one of the pairings.

Training pairs are wrong here, too, so predictions are less sharp than those of a model that has
learnt something; `lib.translation.exchange` has the null that keeps the training pairs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.translation import grid, metrics
from lib.translation.grid import Axes, Reduced


def pairings(reduced: Sequence[Reduced], n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw pairings of the shared genes: targets among targets, others among others.

    Parameters
    ----------
    reduced : sequence of Reduced
        One per target, with the same shared genes, S.
    n : int
        Pairings.
    rng : Generator

    Returns
    -------
    (1 + n, S) array of int
        Row b sends shared gene g to gene [b, g]; the first row leaves all as they are.

    Raises
    ------
    InputError
        If `n` is below 1.
    """
    n_shared = len(reduced[0].rows)
    if n < 1:
        raise InputError(f"{n} permutations give no null; 1 or more are needed")
    found = np.tile(np.arange(n_shared), (n + 1, 1))
    targets = np.array([one.own for one in reduced])  # (T,)
    # targets stay targets, so that each has an encoder that never saw it
    for part in (targets, np.setdiff1d(np.arange(n_shared), targets)):
        found[1:, part] = rng.permuted(np.tile(part, (n, 1)), axis=1)
    return found


def places(
    reduced: Sequence[Reduced], orders: np.ndarray, *, ridge: float = 1.0, use_mean: bool = False
) -> np.ndarray:
    """Return the places of all targets under every pairing, by a model without neighbours.

    Parameters
    ----------
    reduced : sequence of Reduced
        One per target.
    orders : (1 + B, S) array
        From `pairings`.
    ridge : float
        λ.
    use_mean : bool
        Whether the mean training target is a feature; its length then is that of the network looked
        in.

    Returns
    -------
    (1 + B, T) array of int
        0 = nearest.
    """
    axes = Axes(ridges=(ridge,), means=(use_mean,), neighbours=((0,),))
    found = np.empty((len(orders), len(reduced)), int)
    for t, image in enumerate(reduced):
        for network in reduced:
            # pairings that look for image t in this network
            here = np.flatnonzero(orders[:, image.own] == network.own)
            length = network.mean_length() if use_mean else 0.0  # of the mean training target
            weights = grid.model_weights(image, axes, mean_length=length)[0]  # (S,)
            found[here, t] = _places(weights, network, orders[here])
    return found


def p_value(values) -> float:
    """Return the p-value (1 + #{null ≥ observed}) / (1 + B).

    Parameters
    ----------
    values : (1 + B,) array
        The observed value comes first.

    Returns
    -------
    float

    Examples
    --------
    >>> p_value([3.0, 1.0, 2.0, 3.0])
    0.5
    """
    values = np.asarray(values)
    return float((values >= values[0] - 1e-12).mean())


def summary(areas: dict[str, np.ndarray], *, row: int = 0) -> pd.DataFrame:
    """Summarise areas under a null.

    Parameters
    ----------
    areas : dict of str to (1 + B,) or (n, 1 + B) array
        The observed value first.
    row : int
        Row that is taken of arrays with two axes.

    Returns
    -------
    DataFrame
        One row per area: `statistic`, `observed`, `null_mean`, `null_95`, `null_999` (quantiles),
        `p`, `n_permutations`.
    """
    rows = []
    for name, values in areas.items():
        values = values[row] if values.ndim > 1 else values
        # the observed value is no draw of the null
        level = [values[1:].mean(), *np.quantile(values[1:], [0.95, 0.999])]
        rows.append([name, values[0], *level, p_value(values), len(values) - 1])
    columns = ["statistic", "observed", "null_mean", "null_95", "null_999", "p", "n_permutations"]
    return pd.DataFrame(rows, columns=columns)


def band(curves, *, level: float = 0.95) -> pd.DataFrame:
    """Return pointwise and simultaneous bands of curves.

    A pointwise band holds `level` of the curves at each k by itself, the simultaneous one at all k
    at once: the mean and so many SD (at that k) that `level` of the curves never leave it.

    Parameters
    ----------
    curves : (B, k_max) array
    level : float
        Share of the curves.

    Returns
    -------
    DataFrame
        One row per k, from 1: `k`, `mean`, pointwise `low` and `high`, simultaneous `low_all` and
        `high_all`.
    """
    curves = np.asarray(curves, float)
    mean, spread = curves.mean(axis=0), curves.std(axis=0)
    low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)  # (k_max,) each
    away = np.abs(curves - mean) / np.where(spread > 0, spread, np.inf)  # (B, k_max), in SD
    width = np.quantile(away.max(axis=1), level) * spread  # (k_max,)
    k = np.arange(1, curves.shape[1] + 1)
    return pd.DataFrame(
        {
            "k": k,
            "mean": mean,
            "low": low,
            "high": high,
            "low_all": mean - width,
            "high_all": mean + width,
        }
    )


def bootstrap(places, *, n: int = 2000, k_max: int = 50, rng: np.random.Generator) -> pd.DataFrame:
    """Return the confidence bands of the accuracy curve, targets drawn with replacement.

    Targets share training genes, so this tells of the draw of targets, not of encoders and networks
    trained anew. Where all targets are found, or none, no draw differs and the band has no width.

    Parameters
    ----------
    places : (T,) array of int
        0 = nearest.
    n : int
        Draws of all targets.
    k_max : int
        Length of the curve.
    rng : Generator

    Returns
    -------
    DataFrame
        Columns as `band`.
    """
    places = np.asarray(places)
    drawn = places[rng.integers(0, len(places), (n, len(places)))]  # (n, T)
    found = band(metrics.accuracy(drawn, k_max=k_max))
    return found.assign(
        low_all=found["low_all"].clip(lower=0), high_all=found["high_all"].clip(upper=1)
    )


def _places(weights: np.ndarray, network: Reduced, orders: np.ndarray) -> np.ndarray:
    """Return the places (P,) of a network's target when shared image g stands for gene orders[p,
    g]."""
    paired = np.zeros(orders.shape)
    np.put_along_axis(paired, orders, weights[None], axis=1)  # (P, S), weights of the genes
    row = int(network.positions[network.own])
    return metrics.hits(paired @ network.gram, row, scale=np.abs(paired).sum(axis=1))
