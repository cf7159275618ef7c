"""Edge costs from expression: 1 − |correlation| of two genes over single cells, for every edge.

Genes are ranked and standardised once; an edge is then one inner product. The plain form ranks both
genes anew for every edge.
"""

import logging
from typing import Literal

import numpy as np
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats

from lib.data.errors import InputError
from lib.interactome.network import Network

log = logging.getLogger(__name__)

Kind = Literal["spearman", "pearson"]
BLOCK = (
    512  # edges or genes handled at once: (512, cells) of float64 stays in the processor's cache
)


def correlation_costs(
    values: ArrayLike,
    ends: NDArray[np.int64],
    *,
    kind: Kind = "spearman",
    genes: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute 1 − |r| of the two genes of every edge.

    Parameters
    ----------
    values : (C, N) array_like
        Expression of N genes in C cells.
    ends : (E, 2) ndarray of int
        Columns of `values` that each edge joins.
    kind : {"spearman", "pearson"}
        Rank correlation, ties at their mean rank (paper), or linear correlation.
    genes : (N,) array_like of str, optional
        Names for messages.

    Returns
    -------
    (E,) ndarray of float
        From 0 (tightly bound) to 1 (unrelated).

    Raises
    ------
    InputError
        If there are fewer than three cells, `kind` is unknown, or a gene has a missing value or the
        same value in all cells: it has no correlation. See `usable`.

    References
    ----------
    Paysan et al., Image2Reg, Methods of the interactome: 1 − |ρ| over 1126 cells
    """
    if kind not in ("spearman", "pearson"):
        raise InputError(f"kind {kind!r} is unknown; choose spearman or pearson")
    values = np.asarray(values)
    _check(values, np.arange(values.shape[1]) if genes is None else np.asarray(genes))
    scores = _standardised(values, ranked=kind == "spearman")  # (N, C)
    costs = np.empty(len(ends))
    for start in range(0, len(ends), BLOCK):
        first, second = ends[start : start + BLOCK].T  # (block,) each
        # rows have mean 0 and length 1, so their product is r
        costs[start : start + BLOCK] = np.einsum("ec,ec->e", scores[first], scores[second])
    return 1 - np.minimum(np.abs(costs), 1)  # rounding may lift |r| above 1


def of_network(
    expression: AnnData, network: Network, *, kind: Kind = "spearman"
) -> NDArray[np.float64]:
    """Compute the cost of every edge of a network from expression.

    Parameters
    ----------
    expression : AnnData
        Cells × genes, log expression; holds every gene of the network.
    network : Network
        Its edges get a cost.
    kind : {"spearman", "pearson"}
        As in `correlation_costs`.

    Returns
    -------
    (E,) ndarray of float
        In the order of `network.ends`, from 0 to 1.

    Raises
    ------
    InputError
        If expression lacks a gene of the network, or a gene has no correlation.
    """
    missing = network.genes[~np.isin(network.genes, expression.var_names.to_numpy(str))]
    if len(missing):
        raise InputError(
            f"expression lacks {len(missing)} genes of the network, such as {missing[0]}; prune it "
            "first"
        )
    values = _dense(expression[:, network.genes.tolist()].X)
    return correlation_costs(values, network.ends, kind=kind, genes=network.genes)


def varying_genes(expression: AnnData) -> set[str]:
    """Return the genes of an expression table that have a correlation; logs how many have none.

    Parameters
    ----------
    expression : AnnData
        Cells × genes.

    Returns
    -------
    set of str
        Symbols.

    Raises
    ------
    InputError
        If a symbol stands for two columns.
    """
    names = expression.var_names.astype(str)
    if not names.is_unique:
        raise InputError(
            f"expression has {names[names.duplicated()][0]} twice; make symbols unique"
        )
    good = usable(_dense(expression.X))
    log.info(
        "%d of %d genes have a missing value or the same value in all cells",
        int((~good).sum()),
        len(good),
    )
    return set(names[good])


def usable(values: ArrayLike) -> NDArray[np.bool_]:
    """Return which genes have a correlation: no value is missing, and not all are the same.

    Parameters
    ----------
    values : (C, N) array_like
        Expression of N genes in C cells.

    Returns
    -------
    (N,) ndarray of bool
    """
    values = np.asarray(values)
    with np.errstate(invalid="ignore"):
        # a constant gene has no standard deviation to divide by
        return np.isfinite(values).all(axis=0) & (values.max(axis=0) > values.min(axis=0))


def _dense(values) -> np.ndarray:
    return values.toarray() if sparse.issparse(values) else np.asarray(values)


def _check(values: np.ndarray, genes: np.ndarray) -> None:
    if len(values) < 3:
        raise InputError(
            f"{len(values)} cells are too few for a correlation; three or more are needed"
        )
    good = usable(values)
    if not good.all():
        first = int(np.argmin(good))
        problem = (
            "the same value in all cells"
            if np.isfinite(values[:, first]).all()
            else "a missing value"
        )
        raise InputError(
            f"expression of {genes[first]}: {problem}, so it has no correlation; leave it out of "
            f"the network ({int((~good).sum())} such genes of {len(good)})"
        )


def _standardised(values: np.ndarray, *, ranked: bool) -> np.ndarray:
    """Return genes × cells, each gene with mean 0 and length 1, of ranks or of the values."""
    scores = np.empty(values.shape[::-1])  # (N, C): one gene's cells lie side by side
    for start in range(0, values.shape[1], BLOCK):
        block = np.ascontiguousarray(
            values[:, start : start + BLOCK].T, dtype=np.float64
        )  # (genes, cells)
        # Spearman's ρ is Pearson's r of the ranks
        block = stats.rankdata(block, axis=1) if ranked else block
        block -= block.mean(axis=1, keepdims=True)
        scores[start : start + BLOCK] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return scores
