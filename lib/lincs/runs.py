"""What several notebooks do: split by perturbagen, represent, refit per fold, score."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.decomposition import PCA

from lib.data.errors import InputError
from lib.learning.settings import Settings
from lib.lincs import classification, fitting, vae
from lib.lincs.fitting import Split
from lib.lincs.vae import VAE, Architecture
from lib.stats import groups, resampling
from lib.stats.groups import Folds

IDENTITY = ("pert_id", "pert_iname")  # rows that share one of them are of one perturbagen


def perturbagens(data: AnnData) -> np.ndarray:
    """Return each signature's perturbagen as a number, (n,): rows that share an id or a name."""
    return groups.connected(data.obs, list(IDENTITY))


def split(data: AnnData, *, grouping: str, share: float, rng: np.random.Generator) -> Split:
    """Hold out whole perturbagens, or rows at random, as published.

    Parameters
    ----------
    grouping : str
        `perturbagen` or `none`.
    """
    if grouping == "none":
        return fitting.random_split(data.n_obs, share=share, rng=rng)
    held = groups.hold_out(perturbagens(data), share, rng=rng)
    return Split(np.flatnonzero(~held), np.flatnonzero(held))


def fit_pca(values: np.ndarray, n: int) -> PCA:
    """Fit a PCA of `n` components, or of as many as the signatures (n, G) allow."""
    return PCA(max(1, min(n, *values.shape)), svd_solver="covariance_eigh").fit(values)


def representations(
    model: VAE, values: np.ndarray, live: Sequence[int], layers: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return representations by name: the layers asked, `sig` for the live dimensions, `pca` with
    as many.

    The PCA is fitted on the same rows, without their labels.
    """
    found = vae.represent(model, values)
    found["sig"] = found["mu"][:, list(live)]
    found["pca"] = fit_pca(values, len(live)).transform(values)
    if lost := [name for name in layers if name not in found]:
        raise InputError(f"no representation {lost[0]}; there are {', '.join(found)}")
    return {name: found[name] for name in layers}


def refitted(
    joint: AnnData,
    classified: AnnData,
    folds: Folds,
    *,
    architecture: Architecture,
    settings: Settings,
    seed: int,
) -> dict[int, np.ndarray]:
    """Return μ of the classified signatures per fold, from a VAE that has seen no perturbagen of
    the fold's test.

    Parameters
    ----------
    joint : AnnData
        What the VAE is trained on.
    classified : AnnData
        What the folds are of.
    """
    found = {}
    for number in folds.numbers:
        tested = classified.obs.iloc[folds.rows(number)[1]]
        hidden = np.logical_or.reduce([joint.obs[name].isin(tested[name]) for name in IDENTITY])
        rng = np.random.default_rng([seed, number])
        shown = rng.permutation(np.flatnonzero(~hidden))
        parts = Split(np.sort(shown[len(shown) // 10 :]), np.sort(shown[: len(shown) // 10]))
        model, _ = fitting.fit_vae(
            joint.X, parts, architecture=architecture, rng=rng, settings=settings
        )
        found[number] = vae.represent(model, classified.X, ["mu"])["mu"]
    return found


def predict_all(
    found: Mapping[str, np.ndarray], labels: Sequence[str], folds: Folds, *, classifier: str
) -> dict[str, np.ndarray]:
    """Return the predicted classes by representation."""
    return {
        name: classification.predict(values, labels, folds, classifier=classifier).labels
        for name, values in found.items()
    }


def score_table(
    predictions: Mapping[str, Mapping[str, np.ndarray]],
    labels: Sequence[str],
    units: np.ndarray,
    *,
    n: int,
    seed: int,
) -> pd.DataFrame:
    """Score predictions by way of cutting folds and representation.

    Returns
    -------
    DataFrame
        `folds`, `representation`, the scores of `classification.scores`, and `low`, `high`: the
        interval of the balanced accuracy over perturbagens drawn with replacement.
    """
    rows = []
    for way, found in predictions.items():
        for name, predicted in found.items():
            low, high = _interval(labels, predicted, units, n=n, rng=np.random.default_rng(seed))
            row = classification.scores(labels, predicted)
            rows.append({"folds": way, "representation": name, **row, "low": low, "high": high})
    return pd.DataFrame(rows)


def _interval(
    labels: Sequence[str], predicted: np.ndarray, units: np.ndarray, *, n: int, rng
) -> tuple[float, float]:
    """Return the interval of the balanced accuracy: perturbagens are redrawn within each class."""
    tested = predicted != ""
    rows = pd.DataFrame(
        {"pcl": np.asarray(labels, str), "unit": units, "hit": predicted == np.asarray(labels, str)}
    )
    means = rows[tested].groupby(["pcl", "unit"])["hit"].agg(["sum", "size"]).reset_index()
    draws = []
    for _, own in means.groupby("pcl"):
        chosen = rng.integers(len(own), size=(n, len(own)))
        draws.append(
            own["sum"].to_numpy()[chosen].sum(axis=1) / own["size"].to_numpy()[chosen].sum(axis=1)
        )
    low, high = np.quantile(np.mean(draws, axis=0), [0.025, 0.975])
    return float(low), float(high)


def paired(
    predictions: Mapping[str, np.ndarray],
    labels: Sequence[str],
    units: np.ndarray,
    *,
    n: int,
    seed: int,
) -> pd.DataFrame:
    """Compare representations with the raw signatures, perturbagen by perturbagen; see
    `classification.compare`.
    """
    return classification.compare(
        labels, predictions, units, against="raw", n=n, rng=np.random.default_rng(seed)
    )


def mean_interval(values: np.ndarray, *, n: int, seed: int) -> tuple[float, float]:
    """Return the interval of a mean over independent units."""
    return resampling.bootstrap_mean(values, n=n, rng=np.random.default_rng(seed))
