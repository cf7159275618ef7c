"""The top hidden layer of the VAE: its live dimensions, and signatures of a chosen class made from
them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.lincs import search, vae
from lib.lincs.vae import VAE

THRESHOLD = 0.5  # of the mean |μ| of a signature node, in the paper
LEAST_KL = 0.05  # nats, of a dimension that is not collapsed to its prior
PATTERNS: Mapping[str, Mapping[int, float]] = {
    "CP_PROTEASOME_INHIBITOR": {
        4: -4,
        56: 3,
        87: 4,
        51: 3,
        35: 1,
        97: 1,
        21: -1,
        81: -2,
        76: -1,
        85: -1,
    },
    "CP_TUBULIN_INHIBITOR": {4: -4, 56: 2, 87: 3, 35: 2, 81: 2, 50: 2, 54: 3},
    "CP_PI3K_INHIBITOR": {87: 2, 51: -2, 97: 2, 76: 2, 85: 2},
    "CP_MTOR_INHIBITOR": {56: 2, 87: 2, 51: -3, 35: 3, 97: 3, 81: 3, 76: 3, 85: 2},
    "CP_MEK_INHIBITOR": {4: 3, 56: 1, 87: 3, 35: 2, 81: -1},
    "CP_TOPOISOMERASE_INHIBITOR": {56: 3, 87: 3, 35: -2, 97: -2, 21: -1, 81: 1, 85: 2},
    "CP_RIBONUCLEOTIDE_REDUCTASE_INHIBITOR": {87: 2, 35: -3, 85: 2, 54: 2},
    "CP_HDAC_INHIBITOR": {56: 3, 87: 4, 51: -3, 35: -3, 85: -2, 50: 3},
    "CP_BROMODOMAIN_INHIBITOR": {4: -2, 87: 3, 97: 2, 50: 4, 54: 2},
}
"""Values of signature nodes by which the paper makes signatures of a class; they hold for its
weights only.
"""


def signature_nodes(mu: np.ndarray, *, threshold: float = THRESHOLD) -> list[int]:
    """Return the latent dimensions whose mean |μ| over signatures (n, L) is above the threshold.

    Parameters
    ----------
    mu : (n, L) array
    threshold : float
        In SDs of the prior; 0.5 in the paper.
    """
    return np.flatnonzero(np.abs(mu).mean(axis=0) > threshold).tolist()


def nodes_of_weights(weight: np.ndarray, *, threshold: float | None = None) -> list[int]:
    """Return the dimensions whose rows of the weights W_μ (L, H) are long.

    Parameters
    ----------
    weight : (L, H) array
    threshold : float, optional
        Least length; by default the middle of the widest gap between the sorted lengths, on a
        logarithmic scale. In the published weights anything between 0.15 and 0.7 gives the same.
    """
    length = np.linalg.norm(weight.astype(np.float64), axis=1)
    if threshold is None:
        ordered = np.log(np.sort(length))
        widest = int(np.argmax(np.diff(ordered)))
        threshold = float(np.exp((ordered[widest] + ordered[widest + 1]) / 2))
    return np.flatnonzero(length > threshold).tolist()


def node_table(model: VAE, signatures: np.ndarray) -> pd.DataFrame:
    """Return one row per latent dimension: `node`, `mean_abs_mu`, `variance`, `kl` (nats),
    `weight_norm`, `is_live`.

    The KL divergence from the prior says how much a dimension tells, whatever its scale.

    Parameters
    ----------
    model : VAE
    signatures : (n, G) array
    """
    mu = vae.represent(model, signatures, ["mu"])["mu"]
    kl = vae.dimension_kl(model, signatures)
    norm = np.linalg.norm(model.mu.weight.detach().cpu().double().numpy(), axis=1)
    return pd.DataFrame(
        {
            "node": np.arange(mu.shape[1]),
            "mean_abs_mu": np.abs(mu).mean(axis=0),
            "variance": mu.var(axis=0),
            "kl": kl,
            "weight_norm": norm,
            "is_live": kl > LEAST_KL,
        }
    )


def class_means(mu: np.ndarray, labels: Sequence[str], nodes: Sequence[int]) -> pd.DataFrame:
    """Return the mean μ of each class over some nodes.

    Parameters
    ----------
    mu : (n, L) array
    labels : (n,) sequence of str
    nodes : sequence of int
        Latent dimensions.

    Returns
    -------
    DataFrame
        Classes (sorted) × nodes, in SDs of the prior.
    """
    return search.class_means(mu[:, list(nodes)], labels).set_axis(list(nodes), axis=1)


def draw(
    model: VAE,
    n: int,
    *,
    rng: np.random.Generator,
    fixed: Mapping[int, float] | None = None,
    noise: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Draw signatures (n, G): z ~ N(0, I), some nodes set to fixed values, decoded.

    Parameters
    ----------
    fixed : mapping, optional
        Node → value.
    noise : (G,) array or float
        SD of observation noise that is added; the paper adds none, so its samples are smoother than
        any measurement.

    Raises
    ------
    InputError
        If a node is not one of the latent dimensions.
    """
    latent = model.architecture.latent
    z = rng.normal(size=(n, latent)).astype(np.float32)
    for node, value in (fixed or {}).items():
        if not 0 <= node < latent:
            raise InputError(
                f"node {node}; the latent has dimensions 0 to {latent - 1}",
                fix="use its own patterns",
            )
        z[:, node] = value
    made = vae.decode(model, z)
    return (made + noise * rng.normal(size=made.shape)).astype(np.float32)


def residual_sd(model: VAE, signatures: np.ndarray) -> np.ndarray:
    """Return the SD of each gene around its reconstruction, (G,): the observation noise the model
    leaves.

    Parameters
    ----------
    model : VAE
    signatures : (n, G) array
        Best those that it was trained on.
    """
    return (signatures - vae.reconstruct(model, signatures)).std(axis=0)


def nearest_rows(made: np.ndarray, real: np.ndarray, *, block: int = 1024) -> np.ndarray:
    """Return the row of the nearest real signature (Euclidean) of each made one, (n,); the first of
    equals.

    Parameters
    ----------
    made, real : (n, G), (N, G) arrays
    block : int
        Rows of `made` compared at once.
    """
    real = np.asarray(real, np.float64)
    squares = (real**2).sum(axis=1)
    parts = [
        np.argmin((squares - 2 * part @ real.T).round(6), axis=1) for part in _blocks(made, block)
    ]
    return np.concatenate(parts)


def hit_rates(
    model: VAE,
    means: pd.DataFrame,
    real: np.ndarray,
    labels: Sequence[str],
    *,
    gains: Sequence[float],
    n: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Make signatures of each class from its mean μ times a gain, and see of which class their
    nearest real ones are.

    Parameters
    ----------
    means : DataFrame
        Classes × nodes, from `class_means`.
    real, labels : (N, G), (N,)
        Real signatures and their classes.
    gains : sequence of float
        The paper's patterns are hand-tuned, class means times 1 to 3.
    n : int
        Samples per class and gain.

    Returns
    -------
    DataFrame
        `pcl`, `gain`, `hits` (share of samples whose nearest real signature is of the class),
        `expected` (share of the class among the real ones).
    """
    labels = np.asarray(labels, str)
    share = pd.Series(labels).value_counts(normalize=True)
    rows = []
    for pcl, pattern in means.iterrows():
        for gain in gains:
            made = draw(
                model,
                n,
                rng=rng,
                fixed=dict(zip(pattern.index, gain * pattern.to_numpy(), strict=True)),
            )
            hits = float(np.mean(labels[nearest_rows(made, real)] == pcl))
            rows.append({"pcl": pcl, "gain": gain, "hits": hits, "expected": share[pcl]})
    return pd.DataFrame(rows)


def nearest_counts(made: np.ndarray, real: np.ndarray, table: pd.DataFrame) -> pd.DataFrame:
    """Return how often each class and drug is that of the nearest real signature: `pcl`,
    `pert_iname`, `n`.
    """
    found = table.iloc[nearest_rows(made, real)][["pcl", "pert_iname"]]
    return found.value_counts().rename("n").reset_index()


def traverse(model: VAE, start: np.ndarray, node: int, values: Sequence[float]) -> np.ndarray:
    """Return the signatures (values, G) when one dimension of a latent (L,) takes each value.

    Parameters
    ----------
    model : VAE
    start : (L,) array
        Where the other dimensions stay.
    node : int
        Dimension that moves.
    values : sequence of float
        In SDs of the prior.
    """
    z = np.repeat(np.asarray(start, np.float32)[None], len(values), axis=0)
    z[:, node] = values
    return vae.decode(model, z)


def interpolate(model: VAE, first: np.ndarray, last: np.ndarray, *, n: int) -> np.ndarray:
    """Return the signatures (n, G) along the straight line between two latents (L,), both included.

    Parameters
    ----------
    model : VAE
    first, last : (L,) arrays
    n : int
        Points of the line.
    """
    share = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    return vae.decode(model, (1 - share) * first + share * last)


def share_within(directions: np.ndarray, programmes: np.ndarray) -> np.ndarray:
    """Return how much of each direction lies in the span of known programmes.

    Parameters
    ----------
    directions : (n, G) array
        Such as the change of a signature along one latent dimension.
    programmes : (P, G) array
        Loadings; their span has P dimensions.

    Returns
    -------
    (n,) array
        Share of the squared length, 0 to 1; a random direction has P / G.

    Examples
    --------
    >>> share_within(np.array([[3.0, 4.0, 0.0]]), np.array([[1.0, 0, 0], [0, 0, 1]])).round(2)
    array([0.36])
    """
    basis = np.linalg.svd(programmes, full_matrices=False)[2]  # (P, G), orthonormal rows
    squares = (directions.astype(np.float64) ** 2).sum(axis=1)
    return ((directions @ basis.T) ** 2).sum(axis=1) / squares


def _blocks(values: np.ndarray, size: int) -> list[np.ndarray]:
    values = np.asarray(values, np.float64)
    return [values[start : start + size] for start in range(0, len(values), size)]
