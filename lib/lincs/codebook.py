"""Which codes are in use: nearest codes, perplexity, and a codebook that collapsed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from lib.data.errors import listed
from lib.lincs.svqvae import squared_distances

SAME = 1e-3  # codes nearer than this share of the typical distance are one code


def nearest(latents: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """Return the number of the nearest code of each encoding, (n,); the first of equals.

    Parameters
    ----------
    latents, codebook : (n, D), (K, D) arrays
    """
    distances = squared_distances(torch.as_tensor(latents), torch.as_tensor(codebook)).numpy()
    return distances.round(6).argmin(axis=1)


def perplexity(numbers: np.ndarray, n_codes: int) -> float:
    """Return exp of the entropy of how often each code occurs: the number of codes in use, if used
    equally.

    Of the nearest codes it tells of the model; of the labels, as the published code takes it, only
    of the data.

    Parameters
    ----------
    numbers : (n,) array of int
        Codes, or labels.
    n_codes : int

    Examples
    --------
    >>> perplexity(np.array([0, 0, 1, 1]), 5)
    2.0
    """
    share = np.bincount(numbers, minlength=n_codes) / len(numbers)
    used = share[share > 0]
    return float(np.exp(-(used * np.log(used)).sum()).round(12))


def usage(
    latents: np.ndarray, codebook: np.ndarray, labels: np.ndarray, classes: Sequence[str]
) -> pd.DataFrame:
    """Report how each code is used, so that a collapsed codebook is seen.

    Parameters
    ----------
    latents : (n, D) array
        Encodings before quantisation.
    codebook : (K, D) array
    labels : (n,) array of int
        Class number of each encoding.
    classes : (K,) sequence of str

    Returns
    -------
    DataFrame
        Per class: `n` rows of it, `chosen` (rows, of any class, whose nearest code it is),
        `accuracy` (share of its own rows that are nearest to it), `distance` to the nearest other
        code, `is_dead` (nobody's nearest, though there are rows of the class), `is_double` (as good
        as equal to another code).
    """
    found = nearest(latents, codebook)
    n_codes = len(codebook)
    n = np.bincount(labels, minlength=n_codes)
    hits = np.bincount(labels[found == labels], minlength=n_codes)
    between = np.sqrt(
        np.maximum(squared_distances(*(2 * [torch.as_tensor(codebook)])).double().numpy(), 0)
    )
    typical = np.median(np.linalg.norm(latents - latents.mean(axis=0), axis=1))
    np.fill_diagonal(between, np.inf)
    chosen = np.bincount(found, minlength=n_codes)
    return pd.DataFrame(
        {
            "pcl": list(classes),
            "n": n,
            "chosen": chosen,
            "accuracy": np.divide(hits, n, out=np.full(n_codes, np.nan), where=n > 0),
            "distance": between.min(axis=1),
            "is_dead": (chosen == 0) & (n > 0),
            "is_double": between.min(axis=1) < SAME * typical,
        }
    )


def collapse(usage: pd.DataFrame) -> str:
    """Say how far a codebook collapsed, or nothing if every code is in use and its own.

    Parameters
    ----------
    usage : DataFrame
        From `usage`.

    Examples
    --------
    >>> rows = {"pcl": ["A", "B"], "chosen": [9, 0], "is_dead": [False, True], "is_double": False}
    >>> collapse(pd.DataFrame(rows))
    'collapsed: 1 of 2 codes are used by nobody (B), 0 equal another; 1.0 in use by perplexity'
    """
    dead, double = usage["pcl"][usage["is_dead"]], usage["pcl"][usage["is_double"]]
    if dead.empty and double.empty:
        return ""
    in_use = perplexity(np.repeat(np.arange(len(usage)), usage["chosen"]), len(usage))
    named = f" ({listed(dead)})" if len(dead) else ""
    return (
        f"collapsed: {len(dead)} of {len(usage)} codes are used by nobody{named}, {len(double)} "
        f"equal another; {in_use:.1f} in use by perplexity"
    )
