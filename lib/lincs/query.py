"""Your own signatures: their nearest classes, perturbations and likely target genes, each beside
chance.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.lincs import targets
from lib.lincs.targets import Pool


def nearest_classes(
    own: np.ndarray, centres: pd.DataFrame, background: np.ndarray, *, n: int, names: Sequence[str]
) -> pd.DataFrame:
    """Return the classes most alike to each signature, by correlation with the class's code or
    mean.

    Parameters
    ----------
    own : (q, width) array
        Signatures in the representation of the centres.
    centres : DataFrame
        Classes × width: codes of an S-VQ-VAE, or class means.
    background : (N, width) array
        Other signatures in the same representation, such as those of drugs without a class.
    n : int
        Classes per signature.
    names : sequence of str
        Names of the q signatures.

    Returns
    -------
    DataFrame
        `signature`, `rank` (from 1), `pcl`, `correlation`, `null_rank` (place from 0 of the
        signature among the background, ordered by likeness to that class), `p` (share of the
        background at least as alike).
    """
    _same_width(own, centres.to_numpy(), background)
    units, constant = targets.standardise(own)
    codes, _ = targets.standardise(centres.to_numpy())
    others, _ = targets.standardise(background)
    found, null = units @ codes.T, np.sort(others @ codes.T, axis=0)  # (q, K), (N, K)
    above = np.stack(
        [
            len(null) - np.searchsorted(null[:, k], found[:, k] - targets.TIE)
            for k in range(len(codes))
        ],
        1,
    )
    order = np.argsort(-found.round(6), axis=1, kind="stable")[:, :n]
    table = _long(order, names)
    rows, columns = np.repeat(np.arange(len(own)), order.shape[1]), order.ravel()
    table["pcl"] = centres.index.to_numpy(object)[columns]
    table["correlation"] = found[rows, columns]
    table["null_rank"] = above[rows, columns]
    table["p"] = (above[rows, columns] + 1) / (len(null) + 1)
    return table[~constant[rows]].reset_index(drop=True)


def nearest_perturbations(
    own: np.ndarray, reference: np.ndarray, table: pd.DataFrame, *, n: int, names: Sequence[str]
) -> pd.DataFrame:
    """Return the reference signatures most alike to each signature: drugs and knock-downs in one
    search.

    Returns
    -------
    DataFrame
        `signature`, `rank` (from 1), `correlation`, and of the reference `sig_id`,
        `pert_iname`, `pert_type`, `cell_id`.
    """
    _same_width(own, reference)
    units, constant = targets.standardise(own)
    others, _ = targets.standardise(reference)
    similarity = units @ others.T
    order = np.argsort(-similarity.round(6), axis=1, kind="stable")[:, :n]
    found = _long(order, names)
    rows, columns = np.repeat(np.arange(len(own)), order.shape[1]), order.ravel()
    found["correlation"] = similarity[rows, columns]
    shown = table.iloc[columns][["sig_id", "pert_iname", "pert_type", "cell_id"]].reset_index(
        drop=True
    )
    return pd.concat([found, shown], axis=1)[~constant[rows]].reset_index(drop=True)


def ranked_genes(own: np.ndarray, pool: Pool, *, n: int, names: Sequence[str]) -> pd.DataFrame:
    """Rank genes by their most alike knock-down, for each signature.

    Returns
    -------
    DataFrame
        `signature`, `rank` (from 1), `gene`, `correlation`, `n_signatures` of the gene, and `p`:
        the chance that the best of as many signatures, drawn from the pool, is as alike. A gene
        with many signatures needs more.
    """
    _same_width(own, pool.units)
    units, constant = targets.standardise(own)
    parts = []
    for part, similarity in targets.similarities(units, pool):
        best = np.maximum.reduceat(similarity, pool.starts, axis=1)  # (rows, genes)
        order = np.argsort(-best.round(6), axis=1, kind="stable")[:, :n]
        table = _long(order, list(names)[part])
        rows, columns = np.repeat(np.arange(len(best)), order.shape[1]), order.ravel()
        tail = (similarity[rows] >= (best[rows, columns] - targets.TIE)[:, None]).mean(axis=1)
        sizes = pool.sizes[columns]
        table = table.assign(
            gene=pool.genes[columns], correlation=best[rows, columns], n_signatures=sizes
        )
        table["p"] = 1 - (1 - tail) ** sizes
        parts.append(table[~constant[part][rows]])
    return pd.concat(parts, ignore_index=True)


def undefined(own: np.ndarray, names: Sequence[str]) -> list[str]:
    """Return the names of signatures that are constant in a representation and so have no
    neighbours.
    """
    return np.asarray(names, object)[targets.standardise(own)[1]].tolist()


def _long(order: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Return `signature`, `rank` for each entry of an order (q, n)."""
    q, n = order.shape
    return pd.DataFrame(
        {
            "signature": np.repeat(np.asarray(names, object), n),
            "rank": np.tile(np.arange(1, n + 1), q),
        }
    )


def _same_width(own: np.ndarray, *others: np.ndarray) -> None:
    for other in others:
        if own.shape[1] != other.shape[1]:
            raise InputError(
                f"signatures have {own.shape[1]} values and the reference {other.shape[1]}",
                fix="bring both into one representation",
            )
