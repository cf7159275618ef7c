"""Are made signatures like real ones? A picture (PCA), and numbers that a picture cannot give."""

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, norm
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import NearestNeighbors

N_COMPONENTS = 20  # of the PCA in which forests and neighbours look


def principal_components(*sets: np.ndarray, n: int = 2) -> tuple[list[np.ndarray], np.ndarray]:
    """Fit a PCA on all sets stacked and return each one's scores (rows, n) and the shares of
    variance (n,).

    The sign of a component is such that its largest loading is positive.

    Parameters
    ----------
    *sets : (rows, G) arrays
    n : int
        Components.

    Returns
    -------
    scores : list of (rows, n) array
    shares : (n,) array
    """
    stacked = np.vstack(sets).astype(np.float64)
    fitted = PCA(min(n, *stacked.shape), svd_solver="covariance_eigh").fit(stacked)
    largest = np.abs(fitted.components_).round(9).argmax(axis=1)
    signs = np.sign(fitted.components_[np.arange(len(largest)), largest])
    scores = fitted.transform(stacked) * signs
    return np.split(
        scores, np.cumsum([len(part) for part in sets])[:-1]
    ), fitted.explained_variance_ratio_


def discriminate(real: np.ndarray, made: np.ndarray, *, seed: int) -> dict[str, float]:
    """Return the AUC with which classifiers tell made from real signatures in folds they were not
    trained on.

    0.5: cannot be told apart. `linear` sees differences of means, `forest` (on principal
    components) of shapes too.

    Parameters
    ----------
    real, made : (n, G), (m, G) arrays
        Best as many of each, and real ones that the generator was not trained on.
    """
    values = np.vstack([real, made])
    truth = np.repeat([0, 1], [len(real), len(made)])
    (scores,), _ = principal_components(values, n=N_COMPONENTS)
    linear, forest = np.empty(len(truth)), np.empty(len(truth))
    for train, test in StratifiedKFold(4, shuffle=True, random_state=seed).split(values, truth):
        plain = LogisticRegression(C=0.01, max_iter=200).fit(values[train], truth[train])
        linear[test] = plain.decision_function(values[test])
        trees = RandomForestClassifier(100, min_samples_leaf=5, random_state=seed, n_jobs=2).fit(
            scores[train], truth[train]
        )
        forest[test] = trees.predict_proba(scores[test])[:, 1]
    return {
        "linear": float(roc_auc_score(truth, linear)),
        "forest": float(roc_auc_score(truth, forest)),
    }


def mixing(real: np.ndarray, made: np.ndarray, *, k: int = 10) -> float:
    """Return how well the sets mix: the share of made ones among the k neighbours of real ones,
    over the expected.

    1: mixed as if they were one set; 0: apart. Both are looked at in the principal components of
    all.

    Parameters
    ----------
    real, made : (n, G), (m, G) arrays
    k : int
        Neighbours that are looked at.
    """
    (scores,), _ = principal_components(np.vstack([real, made]), n=N_COMPONENTS)
    is_made = np.arange(len(scores)) >= len(real)
    neighbours = (
        NearestNeighbors(n_neighbors=k + 1)
        .fit(scores)
        .kneighbors(scores[: len(real)], return_distance=False)
    )
    share = is_made[neighbours[:, 1:]].mean()  # the first neighbour is the row itself
    return float(share / (len(made) / (len(scores) - 1)))


def by_gene(real: np.ndarray, made: np.ndarray, genes: np.ndarray) -> pd.DataFrame:
    """Return means, SDs and the Kolmogorov-Smirnov distance of each gene: `gene`, `real_mean`,
    `made_mean`, …, `ks`.

    Parameters
    ----------
    real, made : (n, G), (m, G) arrays
        z-scores.
    genes : (G,) array of str
    """
    ks = [ks_2samp(a, b, method="asymp").statistic for a, b in zip(real.T, made.T, strict=True)]
    return pd.DataFrame(
        {
            "gene": np.asarray(genes, str),
            "real_mean": real.mean(axis=0),
            "made_mean": made.mean(axis=0),
            "real_sd": real.std(axis=0),
            "made_sd": made.std(axis=0),
            "ks": ks,
        }
    )


def gene_correlations(real: np.ndarray, made: np.ndarray) -> float:
    """Return the correlation between the gene–gene correlations of the real and of the made
    signatures.

    Parameters
    ----------
    real, made : (n, G), (m, G) arrays
        Genes that are constant in one of them do not count.

    Returns
    -------
    float
        1 if every pair of genes goes together in both alike.
    """
    pairs = np.triu_indices(real.shape[1], 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = (np.corrcoef(values, rowvar=False)[pairs] for values in (real, made))
    finite = np.isfinite(first) & np.isfinite(second)
    return float(np.corrcoef(first[finite], second[finite])[0, 1])


def auc_interval(auc: float, n: int, m: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return where an AUC of two samples that are alike lies, if scores are independent.

    Parameters
    ----------
    auc : float
        Centre: 0.5 for samples of one distribution, or the AUC that a reference has.
    n, m : int
        Rows of the two samples.
    level : float
        Share of such AUCs inside.

    Returns
    -------
    low, high : float
        Normal approximation of the Mann-Whitney statistic.

    Examples
    --------
    >>> [round(bound, 3) for bound in auc_interval(0.5, 100, 100)]
    [0.42, 0.58]
    """
    half = norm.ppf((1 + level) / 2) * np.sqrt((n + m + 1) / (12 * n * m))
    return float(max(0.0, auc - half)), float(min(1.0, auc + half))


def compare(
    real: np.ndarray, made: np.ndarray, genes: np.ndarray, *, seed: int
) -> dict[str, float]:
    """Return every number of this module: `auc_linear`, `auc_forest`, `mixing`, `mean_ks`,
    `correlations`.
    """
    auc = discriminate(real, made, seed=seed)
    return {
        "auc_linear": auc["linear"],
        "auc_forest": auc["forest"],
        "mixing": mixing(real, made),
        "mean_ks": float(by_gene(real, made, genes)["ks"].mean()),
        "correlations": gene_correlations(real, made),
    }
