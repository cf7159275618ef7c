"""Ways to search with a signature: in a latent, and beside it what needs no network."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.lincs import targets
from lib.stats import resampling


def class_means(values: np.ndarray, labels: Sequence[str]) -> pd.DataFrame:
    """Return the mean of each class, in whatever space the signatures are.

    Parameters
    ----------
    values : (n, width) array
        Signatures, or representations of them.
    labels : (n,) sequence of str
        Their classes.

    Returns
    -------
    (K, width) DataFrame
        One row per class, sorted by name.
    """
    return pd.DataFrame(values).groupby(np.asarray(labels, str)).mean().rename_axis("pcl")


def by_correlation(own: np.ndarray, centres: pd.DataFrame) -> pd.DataFrame:
    """Score classes for each signature by its correlation with their centres.

    Parameters
    ----------
    own : (q, width) array
    centres : (K, width) DataFrame
        Class means or codes in the same space.

    Returns
    -------
    (q, K) DataFrame
        Pearson r; NaN for a signature that is constant in that space.
    """
    units, constant = targets.standardise(own)
    found = units @ targets.standardise(centres.to_numpy())[0].T
    found[constant] = np.nan
    return pd.DataFrame(found, columns=centres.index)


def by_connectivity(scores: np.ndarray, labels: Sequence[str]) -> pd.DataFrame:
    """Score classes for each signature by the mean connectivity with their signatures.

    Parameters
    ----------
    scores : (q, N) array
        Connectivity, best normalised, of q queries against N references.
    labels : (N,) sequence of str
        Class of each reference, empty where it has none.

    Returns
    -------
    (q, K) DataFrame
        Mean score per class.
    """
    labels = np.asarray(labels, str)
    known = labels != ""
    return class_means(scores[:, known].T, labels[known]).T.reset_index(drop=True)


def without_network(
    spaces: Mapping[str, tuple[np.ndarray, np.ndarray]], labels: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Score classes by correlation with their means, in spaces that no network made.

    Parameters
    ----------
    spaces : mapping
        Name → queries (q, width) and references (N, width), such as the landmarks or a PCA.
    labels : (N,) sequence of str
        Class of each reference, empty where it has none.

    Returns
    -------
    dict
        Name → scores of classes (q, K).
    """
    labels = np.asarray(labels, str)
    known = labels != ""
    means = {
        name: class_means(values[known], labels[known]) for name, (_, values) in spaces.items()
    }
    return {name: by_correlation(own, means[name]) for name, (own, _) in spaces.items()}


def places(scores: pd.DataFrame, truth: Sequence[str]) -> np.ndarray:
    """Return the place of each query's true class among all classes, from 0; equals share places.

    Parameters
    ----------
    scores : (q, K) DataFrame
        Larger is better.
    truth : (q,) sequence of str
        True classes.

    Returns
    -------
    (q,) array of float
        NaN where the query has no scores.

    Raises
    ------
    InputError
        If a true class is not among those that are searched.

    Examples
    --------
    >>> places(pd.DataFrame({"CP_A": [0.9, 0.1], "CP_B": [0.2, 0.8]}), ["CP_A", "CP_A"]).tolist()
    [0.0, 1.0]
    """
    columns = scores.columns.get_indexer(np.asarray(truth, object))
    if (columns < 0).any():
        raise InputError(
            f"class {np.asarray(truth)[columns < 0][0]} has no signature in the reference",
            fix="leave its signatures out, or add some of the class to the reference",
        )
    values = scores.to_numpy().round(6)
    own = np.take_along_axis(values, columns[:, None], axis=1)  # (q, 1)
    ties = (values == own).sum(axis=1) - 1
    found = (values > own).sum(axis=1) + ties / 2
    return np.where(np.isnan(own[:, 0]), np.nan, found)


def compare(
    found: Mapping[str, pd.DataFrame],
    truth: Sequence[str],
    units: Sequence[str],
    *,
    against: str,
    n: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare ways to search by how often the true class comes first, unit by unit.

    Parameters
    ----------
    found : mapping
        Name of a way → scores of classes (q, K).
    truth, units : (q,) sequences of str
        True class of each query, and the perturbagen it is of: queries of one are not independent.
    against : str
        Name of the way that the others are compared with.
    n : int
        Draws behind intervals and p-values.
    rng : Generator

    Returns
    -------
    DataFrame
        Per way: `search`, `share` of queries whose class comes first, with its interval `low`,
        `high` over units; `mean_place` (from 0), `chance` of the share; `difference` to the other
        way and its `p` from a sign-flip test; `n` units.
    """
    place = {name: places(scores, truth) for name, scores in found.items()}
    first = pd.DataFrame({name: place[name] == 0 for name in place}, dtype=float)
    hits = first.groupby(np.asarray(units, str)).mean()  # (units, ways)
    rows = []
    for name, own in hits.items():
        low, high = resampling.bootstrap_mean(own.to_numpy(), n=n, rng=rng)
        off = (own - hits[against]).to_numpy()
        p = np.nan if name == against else resampling.sign_flip(off, n=n, rng=rng)
        rows.append(
            {
                "search": name,
                "share": own.mean(),
                "low": low,
                "high": high,
                "mean_place": np.nanmean(place[name]),
                "chance": 1 / found[name].shape[1],
                "difference": off.mean(),
                "p": p,
                "n": len(own),
            }
        )
    return pd.DataFrame(rows)
