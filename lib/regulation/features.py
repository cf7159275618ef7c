"""Node features of the autoencoder: expression of a gene in single cells and the Hallmark sets that
hold it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from lib.data.errors import InputError

N_SHOWN = 5  # genes named in one message


def node_features(
    expression: AnnData, gene_sets: Mapping[str, Sequence[str]], genes: Sequence[str]
) -> AnnData:
    """Put expression and gene sets of the network's genes side by side.

    Parameters
    ----------
    expression : AnnData, (cells, genes)
        Log-expression, `log1p` of counts per million; var_names are symbols.
    gene_sets : mapping of str to sequence of str
        Hallmark set → symbols, in the order of the GMT file.
    genes : sequence of str
        Genes of the network.

    Returns
    -------
    AnnData, (N, cells + sets)
        float32, all values from 0 to 1; obs index = genes in the given order; var `kind`:
        expression or gene set.

    Raises
    ------
    InputError
        For a gene that is repeated or not in the expression table, or a value that is no number.

    References
    ----------
    Image2Reg, regulatory gene embeddings: 1126 cells + 50 sets = 1176 columns.
    """
    values = scaled_expression(expression, genes).T  # (N, cells)
    member = membership(gene_sets, genes)  # (N, sets)
    # which columns are cells, which are sets
    kinds = ["expression"] * values.shape[1] + ["gene set"] * member.shape[1]
    names = [*(f"cell {name}" for name in expression.obs_names), *member.columns]
    return AnnData(
        np.hstack([values, member.to_numpy()]).astype(np.float32),
        obs=pd.DataFrame(index=list(genes)),
        var=pd.DataFrame({"kind": kinds}, index=names),
    )


def scaled_expression(expression: AnnData, genes: Sequence[str]) -> np.ndarray:
    """Return the log-expression of the genes, scaled within every cell over these genes.

    Parameters
    ----------
    expression : AnnData, (cells, genes)
        Log-expression, dense or sparse; var_names are symbols.
    genes : sequence of str
        Genes of the network, N.

    Returns
    -------
    (cells, N) array
        0 to 1. A cell in which all these genes are expressed alike tells nothing of them: it is all
        0.

    Raises
    ------
    InputError
        For no genes, a gene that is repeated or absent, or a value that is not finite.

    References
    ----------
    Image2Reg scales every cell over the genes of the network, not every gene over the cells.
    """
    _check_genes(expression.var_names, genes)
    chosen = expression[:, list(genes)].X  # (cells, N)
    values = np.asarray(chosen.toarray() if sparse.issparse(chosen) else chosen, np.float64)
    broken = np.flatnonzero(~np.isfinite(values).all(axis=0))
    if len(broken):
        raise InputError(
            f"expression of {genes[broken[0]]} (and {len(broken) - 1} other genes) is not a finite "
            "number in every cell; run the notebook expression again, or drop the gene"
        )
    # per cell, over the genes of the network, as published: not per gene
    lowest = values.min(axis=1, keepdims=True)
    spread = values.max(axis=1, keepdims=True) - lowest  # (cells, 1)
    return np.divide(values - lowest, spread, out=np.zeros_like(values), where=spread > 0)


def membership(gene_sets: Mapping[str, Sequence[str]], genes: Sequence[str]) -> pd.DataFrame:
    """Return which gene is in which set.

    Parameters
    ----------
    gene_sets : mapping of str to sequence of str
        Set → symbols.
    genes : sequence of str
        Rows of the result.

    Returns
    -------
    DataFrame, (N, sets)
        0 and 1; columns in the order of `gene_sets`.

    Examples
    --------
    >>> membership({"A": ["JUN"], "B": ["SRC", "JUN"]}, ["SRC", "JUN"]).to_numpy().tolist()
    [[0, 1], [1, 1]]
    """
    columns = {
        name: np.isin(list(genes), list(members)).astype(int) for name, members in gene_sets.items()
    }
    return pd.DataFrame(columns, index=list(genes))


def _check_genes(known: pd.Index, genes: Sequence[str]) -> None:
    wanted = pd.Index(genes)
    if not len(wanted):
        raise InputError("the network has no gene; look at the notebook interactome")
    for what, names in {"the network": wanted, "the expression table": known}.items():
        repeated = names[names.duplicated()].intersection(wanted)
        if len(repeated):
            raise InputError(f"{repeated[0]} is there twice in {what}; keep one")
    missing = wanted.difference(known, sort=False)
    if len(missing):
        shown = ", ".join(missing[:N_SHOWN]) + (" …" if len(missing) > N_SHOWN else "")
        raise InputError(
            f"{len(missing)} of {len(wanted)} genes of the network have no expression ({shown}); "
            "make network and expression from the same sources"
        )
