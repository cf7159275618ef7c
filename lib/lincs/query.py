"""Your own signatures: their nearest classes, perturbations and likely target genes, each beside
chance.
"""

from collections.abc import Mapping, Sequence

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
        signature among the background, ordered by likeness to that class), `null_low`, `null_high`
        (95 % of the background's correlations with that class), `p` (share of the background at
        least as alike). Signatures that are constant in the representation are left out.

    Raises
    ------
    InputError
        If the three are not of one width.
    """
    _same_width(own, centres.to_numpy(), background)
    units, constant = targets.standardise(own)
    codes, _ = targets.standardise(centres.to_numpy())
    others, flat = targets.standardise(background)
    found, null = units @ codes.T, np.sort(others[~flat] @ codes.T, axis=0)  # (q, K), (N, K)
    at_least = [
        len(null) - np.searchsorted(one, own - targets.TIE)
        for one, own in zip(null.T, found.T, strict=True)
    ]
    above = np.stack(at_least, axis=1)  # (q, K)
    order = np.argsort(-found.round(6), axis=1, kind="stable")[:, :n]
    table = _long(order, names)
    rows, columns = np.repeat(np.arange(len(own)), order.shape[1]), order.ravel()
    table["pcl"] = centres.index.to_numpy(object)[columns]
    table["correlation"] = found[rows, columns]
    table["null_rank"] = above[rows, columns]
    table["null_low"], table["null_high"] = np.quantile(null, [0.025, 0.975], axis=0)[:, columns]
    table["p"] = (above[rows, columns] + 1) / (len(null) + 1)
    return table[~constant[rows]].reset_index(drop=True)


def nearest_perturbations(
    own: np.ndarray, reference: np.ndarray, table: pd.DataFrame, *, n: int, names: Sequence[str]
) -> pd.DataFrame:
    """Return the reference signatures most alike to each signature: drugs and knock-downs in one
    search.

    Parameters
    ----------
    own, reference : (q, width), (N, width) arrays
        In one representation.
    table : DataFrame
        One row per reference signature.
    n : int
        References per signature.
    names : sequence of str
        Names of the q signatures.

    Returns
    -------
    DataFrame
        `signature`, `rank` (from 1), `correlation`, and of the reference `sig_id`,
        `pert_iname`, `pert_type`, `cell_id`.

    Raises
    ------
    InputError
        If the two are not of one width.
    """
    _same_width(own, reference)
    units, constant = targets.standardise(own)
    others, _ = targets.standardise(reference)
    similarity = units @ others.T
    order = np.argsort(-similarity.round(6), axis=1, kind="stable")[:, :n]
    found = _long(order, names)
    rows, columns = np.repeat(np.arange(len(own)), order.shape[1]), order.ravel()
    found["correlation"] = similarity[rows, columns]
    found = pd.concat([found, _of_reference(table, columns)], axis=1)
    return found[~constant[rows]].reset_index(drop=True)


def ranked_genes(own: np.ndarray, pool: Pool, *, n: int, names: Sequence[str]) -> pd.DataFrame:
    """Rank genes by their most alike knock-down, for each signature.

    Parameters
    ----------
    own : (q, width) array
        Signatures in the representation of the pool.
    pool : Pool
    n : int
        Genes per signature.
    names : sequence of str
        Names of the q signatures.

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


def connected(
    measures: Mapping[str, np.ndarray], table: pd.DataFrame, *, n: int, names: Sequence[str]
) -> pd.DataFrame:
    """Return the reference signatures with which each signature is connected most.

    Parameters
    ----------
    measures : mapping
        Name → (q, N) scores; the first one orders, the others are shown beside it.
    table : DataFrame
        `sig_id`, `pert_iname`, `pert_type`, `cell_id` of the N reference signatures.
    n : int
        References per signature.
    names : sequence of str
        Names of the q signatures.

    Returns
    -------
    DataFrame
        `signature`, `rank` (from 1), the measures, and what the table says of the reference.
    """
    leading = next(iter(measures.values()))
    order = np.argsort(-leading.round(6), axis=1, kind="stable")[:, :n]
    rows, columns = np.repeat(np.arange(len(order)), order.shape[1]), order.ravel()
    found = _long(order, names)
    for name, values in measures.items():
        found[name] = values[rows, columns]
    return pd.concat([found, _of_reference(table, columns)], axis=1)


def undefined(own: np.ndarray, names: Sequence[str]) -> list[str]:
    """Return the names of signatures that are constant in a representation (q, width) and so have
    no neighbours.
    """
    return np.asarray(names, object)[targets.standardise(own)[1]].tolist()


def _of_reference(table: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    return table.iloc[rows][["sig_id", "pert_iname", "pert_type", "cell_id"]].reset_index(drop=True)


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
