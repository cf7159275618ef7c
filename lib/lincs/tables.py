"""The tables of signatures and genes, checked as they are read."""

import os

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed

MISSING = ("-666", "-666.0", "")  # how the metadata of LINCS say that a value is missing
N_LANDMARKS = 978

SIGNATURES = pa.DataFrameSchema(
    {
        "sig_id": pa.Column(str, unique=True, coerce=True),
        "pert_id": pa.Column(str, coerce=True, required=False),
        "pert_iname": pa.Column(str, coerce=True),
        "pert_type": pa.Column(str, coerce=True),
        "cell_id": pa.Column(str, coerce=True),
    }
)
GENES = pa.DataFrameSchema(
    {
        "pr_gene_id": pa.Column(str, unique=True, coerce=True),
        "pr_gene_symbol": pa.Column(str, coerce=True, required=False),
        "pr_is_lm": pa.Column(int, pa.Check.isin([0, 1], error="is neither 0 nor 1"), coerce=True),
    }
)


def read_signatures(path: str | os.PathLike) -> pd.DataFrame:
    """Read a table of signatures (`sig_info`): one row per signature, −666 of its metadata as
    missing.

    Returns
    -------
    DataFrame
        `sig_id` (unique), `pert_iname`, `pert_type`, `cell_id`, and what else the file has, in its
        order. A table of genetic perturbations without `pert_id` gets the name of the gene as one.

    Raises
    ------
    InputError
        For a missing column, an empty entry or a repeated id, all faults at once.
    """
    table = tables.read(path, SIGNATURES)
    if "pert_id" not in table:
        table = table.assign(pert_id=table["pert_iname"])
    named = table.columns.difference(list(SIGNATURES.columns), sort=False)
    return table.assign(**{name: missing_codes(table[name]) for name in named})


def missing_codes(values: pd.Series) -> pd.Series:
    """Return metadata with the code −666 as NaN; numbers as numbers.

    Only metadata use the code: in a matrix of z-scores it is an error.

    Examples
    --------
    >>> missing_codes(pd.Series([-666, 0.3, 0.5])).mean().round(3).item()
    0.4
    """
    if pd.api.types.is_numeric_dtype(values):
        return values.mask(values == -666)
    kept = values.mask(values.astype(str).isin(MISSING))
    numbers = pd.to_numeric(kept, errors="coerce")
    return numbers if numbers.notna().sum() == kept.notna().sum() else kept


def read_landmarks(path: str | os.PathLike, *, n_expected: int | None = N_LANDMARKS) -> pd.Series:
    """Return Entrez id → symbol of the landmark genes of a gene table, in its order.

    Parameters
    ----------
    path : path
        Table of genes (`gene_info`).
    n_expected : int, optional
        978; None takes any number.

    Raises
    ------
    InputError
        If a column is missing, an id is repeated, or the number of landmarks is not the expected
        one.
    """
    table = tables.read(path, GENES)
    chosen = table[table["pr_is_lm"] == 1]
    if chosen.empty or (n_expected is not None and len(chosen) != n_expected):
        raise InputError(
            f"{len(chosen)} genes with pr_is_lm = 1; expected {n_expected or 'some'}",
            file=path,
            fix="use the gene table of the release of the matrix",
        )
    symbols = chosen["pr_gene_symbol"] if "pr_gene_symbol" in chosen else chosen["pr_gene_id"]
    return pd.Series(
        symbols.to_numpy(object),
        index=pd.Index(chosen["pr_gene_id"].to_numpy(object)),
        name="symbol",
    )


def select(table: pd.DataFrame, **wanted: str | list[str]) -> pd.DataFrame:
    """Return the signatures whose metadata have the wanted values, in the order of the table.

    Parameters
    ----------
    table : DataFrame
        One row per signature.
    **wanted : str or list of str
        Column → its wanted values.

    Raises
    ------
    InputError
        If a column is unknown, or nothing is left; ids of another column are recognised.

    Examples
    --------
    >>> rows = pd.DataFrame({"sig_id": ["a", "b"], "cell_id": ["A375", "PC3"]})
    >>> select(rows, cell_id="PC3")["sig_id"].tolist()
    ['b']
    """
    kept = np.ones(len(table), bool)
    for column, values in wanted.items():
        if column not in table:
            raise InputError(f"no column {column}; there are {listed(table.columns, limit=12)}")
        values = [values] if isinstance(values, str) else list(values)
        found = table[column].isin(values).to_numpy()
        if not found.any():
            raise InputError(_nothing(table, column, values))
        kept &= found
    if not kept.any():
        raise InputError(
            f"no signature has {listed(f'{k} {v}' for k, v in wanted.items())} together"
        )
    return table[kept].reset_index(drop=True)


def _nothing(table: pd.DataFrame, column: str, values: list[str]) -> str:
    """Say that none of the values is in a column, and in which column they are."""
    others = [name for name in SIGNATURES.columns if name in table and name != column]
    looks = [name for name in others if table[name].isin(values).any()]
    hint = f"; looks like {looks[0]}" if looks else ""
    return f"0 of {len(values)} found in {column} ({listed(values, limit=5)}){hint}"
