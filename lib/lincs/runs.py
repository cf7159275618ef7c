"""What several notebooks do: split by perturbagen, represent, refit per fold, score."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.decomposition import PCA

from lib.data import h5ad
from lib.data.errors import InputError
from lib.lincs import classification, connectivity, fitting, generation, inputs, search, vae
from lib.lincs.fitting import Split
from lib.lincs.vae import VAE, Architecture
from lib.stats import groups
from lib.stats.groups import Folds

IDENTITY = ("pert_id", "pert_iname")  # rows that share one of them are of one perturbagen


def perturbagens(data: AnnData) -> np.ndarray:
    """Return each signature's perturbagen as a number, (n,): rows that share an id or a name.

    Parameters
    ----------
    data : AnnData
        Its obs have `pert_id` and `pert_iname`.
    """
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


def live(model: VAE, values: np.ndarray) -> list[int]:
    """Return the live latent dimensions by what they tell of signatures (n, G); see
    `generation.node_table`.
    """
    nodes = generation.node_table(model, values)
    return nodes.loc[nodes["is_live"], "node"].tolist()


def representations(
    model: VAE, values: np.ndarray, nodes: Sequence[int], layers: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return representations by name: the layers asked, `sig` for the live dimensions, `pca` with
    as many.

    The PCA is fitted on the same rows, without their labels.

    Parameters
    ----------
    model : VAE
    values : (n, G) array
    nodes : sequence of int
        Live latent dimensions.
    layers : sequence of str
        Of `vae.LAYERS`, `sig`, `pca`.

    Returns
    -------
    dict
        Name → (n, width).

    Raises
    ------
    InputError
        If a layer is unknown.
    """
    found = vae.represent(model, values)
    found["sig"] = found["mu"][:, list(nodes)]
    found["pca"] = fit_pca(values, len(nodes)).transform(values)
    if lost := [name for name in layers if name not in found]:
        raise InputError(f"no representation {lost[0]}; there are {', '.join(found)}")
    return {name: found[name] for name in layers}


def refit_unit(
    part: Path,
    *,
    seed: int,
    small: Path,
    genetic: Path,
    fold: Sequence[int],
    number: int,
    base: int,
    architecture: Mapping[str, int],
    training: Mapping[str, float],
) -> None:
    """Write μ of the classified signatures from a VAE that has seen no perturbagen of one fold's
    test: a unit of `compute.run_units`.

    Parameters
    ----------
    part : Path
        `.npy` that is written, (n, L) float32.
    seed : int
        Of the unit; not used, so that a fold has the same draws whatever its name.
    small, genetic : Path
        Signatures as the data notebook writes them.
    fold : sequence of int
        Fold of each classified signature, −1 for those that are never tested.
    number : int
        The fold that is held out.
    base : int
        Seed of first weights, order and noise.
    architecture, training
        `hidden` and `latent`; what differs from `fitting.VAE_SETTINGS`.
    """
    drugs = h5ad.read(small)
    joint, classified = inputs.joint(drugs, h5ad.read(genetic)), inputs.classified(drugs)
    tested = classified.obs.iloc[np.flatnonzero(np.asarray(fold) == number)]
    # the whole perturbagen is hidden, with those signatures of it that have no class
    hidden = np.logical_or.reduce([joint.obs[name].isin(tested[name]) for name in IDENTITY])
    rng = np.random.default_rng([base, number])
    shown = rng.permutation(np.flatnonzero(~hidden))
    parts = Split(np.sort(shown[len(shown) // 10 :]), np.sort(shown[: len(shown) // 10]))
    sizes = Architecture(joint.n_vars, **architecture)
    settings = replace(fitting.VAE_SETTINGS, **training)
    model, _ = fitting.fit_vae(joint.X, parts, architecture=sizes, rng=rng, settings=settings)
    with part.open("wb") as file:
        np.save(file, vae.represent(model, classified.X, ["mu"])["mu"])


def predict_all(
    found: Mapping[str, np.ndarray], labels: Sequence[str], folds: Folds, *, classifier: str
) -> dict[str, np.ndarray]:
    """Return the predicted classes by representation.

    Parameters
    ----------
    found : mapping
        Name → representation (n, width), or a callable; see `classification.predict`.
    labels : (n,) sequence of str
    folds : Folds
    classifier : str
        One of `classification.CLASSIFIERS`.

    Returns
    -------
    dict
        Name → predicted class (n,), empty for rows that are never tested.
    """
    return {
        name: classification.predict(values, labels, folds, classifier=classifier).labels
        for name, values in found.items()
    }


def baselines(
    values: np.ndarray, genes: Sequence[str], labels: Sequence[str], folds: Folds, *, size: int
) -> dict[str, np.ndarray]:
    """Return the predicted classes of what learns nothing, or next to nothing.

    Parameters
    ----------
    values : (n, G) array
        Signatures.
    genes : (G,) sequence of str
    labels : (n,) sequence of str
    folds : Folds
    size : int
        Genes each way of a connectivity query.

    Returns
    -------
    dict
        `class mean` (nearest mean of the training rows, Euclidean), `connectivity` (the class whose
        mean signature, as a query of CMap, scores most), `majority`: (n,) each.
    """
    found = {
        name: classification.predict(values, labels, folds, classifier=name).labels
        for name in ("class mean", "majority")
    }
    labels, best = np.asarray(labels, str), np.full(len(labels), "", dtype=object)
    for number in folds.numbers:
        train, test = folds.rows(number)
        means = search.class_means(values[train], labels[train])
        tested = connectivity.reference(values[test], genes)
        scores = connectivity.scores(means.to_numpy(), tested, size=size)  # (K, test)
        best[test] = means.index.to_numpy(object)[scores.round(6).argmax(axis=0)]
    return found | {"connectivity": best}


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

    Parameters
    ----------
    predictions : mapping
        Representation → predicted classes (n,); has `raw`.
    labels, units : (n,) sequence of str, array
        Classes and perturbagens.
    n, seed : int
        Draws, and their seed.
    """
    return classification.compare(
        labels, predictions, units, against="raw", n=n, rng=np.random.default_rng(seed)
    )


def published_accuracies(values: np.ndarray, labels: Sequence[str]) -> dict[str, float]:
    """Return the accuracies of the paper's table that need no published encoder, by their ids.

    Parameters
    ----------
    values : (n, G) array
        Signatures with a class (SMC).
    labels : (n,) sequence of str

    Returns
    -------
    dict
        Mean accuracy of the raw signatures in the published folds, training and test. The published
        "LR" column is no linear model's (0.998 in training), so it will not come out.
    """
    folds, found = classification.published_folds(len(labels)), {}
    for name, classifier in (("lr", "logistic"), ("svm", "svm")):
        predicted = classification.predict(values, labels, folds, classifier=classifier)
        test = classification.scores(labels, predicted.labels)["accuracy"]
        found[f"lincs.classification.raw_{name}_train"] = round(predicted.train_accuracy, 4)
        found[f"lincs.classification.raw_{name}_test"] = round(test, 4)
    return found
