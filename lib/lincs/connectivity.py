"""The connectivity score of CMap: does a query's up set sit on top of a signature, and its down set
at the bottom?

Subramanian et al., Cell 171 (2017), https://doi.org/10.1016/j.cell.2017.10.049. The reference is
sorted once, so that each query costs as much as its sets are large, not as many genes as there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed


@dataclass(frozen=True)
class Reference:
    """Reference signatures, sorted once.

    Shapes: `places` (N, G) of each gene from the top, `sizes` (N, G) = |z|, `genes` (G,) names.
    """

    places: np.ndarray
    sizes: np.ndarray
    genes: tuple[str, ...]


def reference(values: np.ndarray, genes: Sequence[str]) -> Reference:
    """Sort signatures (N, G) from the largest value down; equals by their gene's order.

    Parameters
    ----------
    values : (N, G) array
        z-scores.
    genes : (G,) sequence of str

    Returns
    -------
    Reference
    """
    order = np.argsort(-values, axis=1, kind="stable")
    places = np.empty(values.shape, np.int32)
    np.put_along_axis(
        places,
        order,
        np.broadcast_to(np.arange(values.shape[1], dtype=np.int32), values.shape),
        axis=1,
    )
    return Reference(places, np.abs(values).astype(np.float32), tuple(map(str, genes)))


def known_genes(wanted: Sequence[str], genes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split a set of genes into those that are measured and the others, which must not count.

    Parameters
    ----------
    wanted, genes : sequence of str
        The set, and the genes that are measured.

    Returns
    -------
    known, lost : list of str
    """
    there = set(map(str, genes))
    distinct = list(dict.fromkeys(map(str, wanted)))
    return [gene for gene in distinct if gene in there], [
        gene for gene in distinct if gene not in there
    ]


def enrichment(reference: Reference, genes: Sequence[str]) -> np.ndarray:
    """Return the weighted Kolmogorov-Smirnov enrichment of a set of genes in every signature, (N,),
    from −1 to 1.

    Walking down a signature, a gene of the set adds its share of the set's |z|, another one takes 1
    / (G − m); the value is the largest deviation, with its sign.

    Parameters
    ----------
    reference : Reference
    genes : sequence of str
        The set; genes that are not measured do not count.

    Returns
    -------
    (N,) array

    Raises
    ------
    InputError
        If no gene of the set is measured, or all are.
    """
    inside, _ = known_genes(genes, reference.genes)
    n_genes = len(reference.genes)
    if not inside or len(inside) == n_genes:
        raise InputError(
            f"{len(inside)} genes of the set are among the {n_genes} measured; expected some, not "
            "all"
        )
    columns = pd.Index(reference.genes).get_indexer(inside)
    order = np.argsort(reference.places[:, columns], axis=1)
    places = np.take_along_axis(reference.places[:, columns], order, axis=1)  # (N, m) ascending
    weights = np.take_along_axis(reference.sizes[:, columns].astype(np.float64), order, axis=1)
    total = weights.sum(axis=1, keepdims=True)
    weights = np.where(total > 0, weights / np.where(total > 0, total, 1), 1 / len(inside))
    hits = np.cumsum(weights, axis=1)
    misses = (places - np.arange(len(inside))) / (n_genes - len(inside))
    highest, lowest = (hits - misses).max(axis=1), (hits - weights - misses).min(axis=1)
    return np.where(highest.round(9) >= -lowest.round(9), highest, lowest)


def weighted_connectivity(
    reference: Reference, up: Sequence[str], down: Sequence[str]
) -> np.ndarray:
    """Return WTCS of a query against every signature, (N,): (ES up − ES down) / 2, or 0 where both
    have one sign.

    With one of the sets empty, half of the other's enrichment would be all; it counts whole then.

    Parameters
    ----------
    reference : Reference
    up, down : sequence of str
        Genes that go up and down in the query; one of them may be empty.

    Returns
    -------
    (N,) array
        From −1 to 1.

    Raises
    ------
    InputError
        If both sets are empty, or no gene of one is measured.

    Examples
    --------
    >>> one = reference(np.array([[3.0, 2, 1, -1, -2, -3]]), "123456")
    >>> weighted_connectivity(one, up=["1", "2"], down=["5", "6"]).tolist()
    [1.0]
    >>> weighted_connectivity(one, up=["1"], down=["2"]).tolist()  # ES 1 and 0.8
    [0.0]
    """
    if not len(up) and not len(down):
        raise InputError(
            "both sets of the query are empty", fix="give genes that go up, down or both"
        )
    if not len(up):
        return -enrichment(reference, down)
    if not len(down):
        return enrichment(reference, up)
    top, bottom = enrichment(reference, up), enrichment(reference, down)
    return np.where(np.sign(top) != np.sign(bottom), (top - bottom) / 2, 0.0)


def query_sets(
    values: np.ndarray, genes: Sequence[str], *, size: int
) -> tuple[list[str], list[str]]:
    """Return the `size` genes with the largest and the `size` with the smallest z-scores of a
    signature (G,).

    Parameters
    ----------
    values : (G,) array
        z-scores of the query.
    genes : (G,) sequence of str
    size : int
        Genes each way.

    Returns
    -------
    up, down : list of str

    Raises
    ------
    InputError
        If they would be more than half of the genes each.
    """
    if not 0 < 2 * size <= len(genes):
        raise InputError(f"{size} genes each way of {len(genes)}; expected at most half of them")
    order = np.argsort(-np.asarray(values).round(6), kind="stable")
    names = np.asarray(genes, str)[order]
    return names[:size].tolist(), names[::-1][:size].tolist()


def normalise(scores: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """Divide scores by the mean size of those of their sign within each group (NCS of CMap).

    Parameters
    ----------
    scores : (Q, N) or (N,) array
        WTCS of one or more queries.
    groups : (N,) sequence of str
        Cell line and type of perturbation, within which signatures are comparable.

    Returns
    -------
    array of the shape of `scores`
        In mean scores of the group; 0 stays 0.

    Examples
    --------
    >>> normalise(np.array([1.0, 3.0, -2.0, 5.0]), ["a", "a", "a", "b"]).tolist()
    [0.5, 1.5, -1.0, 1.0]
    """
    _, codes = np.unique(np.asarray(groups, str), return_inverse=True)
    rows = np.atleast_2d(scores)
    found = np.zeros(rows.shape)
    member = np.eye(codes.max() + 1)[codes]  # (N, groups)
    for side in (np.maximum(rows, 0), np.minimum(rows, 0)):
        n = (side != 0).astype(float) @ member  # (Q, groups)
        mean = np.divide(np.abs(side) @ member, n, out=np.ones(n.shape), where=n > 0)
        found += side / mean[:, codes]
    return found.reshape(np.shape(scores))


def tau(scores: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Say which share of a background of other queries scores less against the same reference.

    CMap's own background is online and of its own queries; this one is any set of signatures at
    hand, so it works offline, and on signatures that CMap has never seen.

    Parameters
    ----------
    scores : (N,) array
        Scores of one query against N references.
    background : (Q, N) array
        Scores of Q other queries against the same references.

    Returns
    -------
    (N,) array
        In percent, with the sign of the score: 95 means that 95 % of the background scores of that
        sign are smaller. 0 where the background has none of that sign.

    References
    ----------
    Subramanian et al., Cell 171 (2017), https://doi.org/10.1016/j.cell.2017.10.049

    Examples
    --------
    >>> null = np.array([[0.1, -0.5], [0.2, -0.1], [0.9, 0.4]])
    >>> tau(np.array([0.5, -0.3]), null).round(1).tolist()
    [66.7, -50.0]
    """
    same = np.sign(background) == np.sign(scores)
    smaller = (np.abs(background) < np.abs(scores)) & same
    n = same.sum(axis=0)
    return (
        np.sign(scores)
        * 100
        * np.divide(smaller.sum(axis=0), n, out=np.zeros(len(scores)), where=n > 0)
    )


def scores(queries: np.ndarray, reference: Reference, *, size: int) -> np.ndarray:
    """Score signatures as queries, each by its extreme genes, against every reference signature.

    Parameters
    ----------
    queries : (Q, G) array
        z-scores over the genes of the reference, in its order.
    reference : Reference
        N signatures, sorted once.
    size : int
        Genes each way of a query.

    Returns
    -------
    (Q, N) array
        WTCS, from −1 to 1. To compare all signatures with each other, give them twice.

    Raises
    ------
    InputError
        If a query would take more than half of the genes each way.
    """
    sets = [query_sets(row, reference.genes, size=size) for row in queries]
    return np.stack([weighted_connectivity(reference, up, down) for up, down in sets])


def report_unknown(wanted: Sequence[str], genes: Sequence[str]) -> str:
    """Return a sentence on the genes of a set that are not measured, or an empty text."""
    _, lost = known_genes(wanted, genes)
    return (
        f"{len(lost)} of {len(set(wanted))} genes are not measured and do not count: {listed(lost)}"
        if lost
        else ""
    )
