"""The tables of LINCS: signatures, genes, perturbagen classes (PCL), drug targets; each checked as
it is read.
"""

import os
from typing import Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed

MISSING = ("-666", "-666.0", "")  # how the metadata of LINCS say that a value is missing
N_LANDMARKS = 978
SEPARATOR = "|"  # between the mechanisms or targets of one compound

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
CLASSES = pa.DataFrameSchema(
    {
        "pert_id": pa.Column(str, coerce=True),
        "pcl": pa.Column(
            str, pa.Check.str_startswith("CP_", error="does not start with CP_"), coerce=True
        ),
    }
)
TARGETS = pa.DataFrameSchema(
    {"drug": pa.Column(str, coerce=True), "gene": pa.Column(str, coerce=True)}
)
COMPOUNDS = pa.DataFrameSchema(
    {
        name: pa.Column(str, coerce=True, nullable=name in ("moa", "target"))
        for name in ("pert_id", "pert_iname", "moa", "target")
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


def read_classes(
    path: str | os.PathLike, *, repeated: Literal["last", "all", "refuse"] = "last"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the table of perturbagen classes: no header, `pert_id`, `CP_<CLASS>`.

    Parameters
    ----------
    path : path
    repeated : str
        What becomes of a `pert_id` in two classes: the last one read counts, as published; all
        count; or an error.

    Returns
    -------
    classes : DataFrame
        `pert_id`, `pcl`.
    conflicts : DataFrame
        `pert_id`, `pcl` (all of them, joined by `|`) of the repeated ones.
    """
    table = tables.read(path, CLASSES, header=None, names=["pert_id", "pcl"]).drop_duplicates()
    found = conflicts(table, by="pert_id", of="pcl")
    if repeated == "refuse" and len(found):
        raise InputError(
            f"{len(found)} ids have several classes, such as {found['pert_id'].iloc[0]}: "
            f"{found['pcl'].iloc[0]}",
            file=path,
            fix="choose what becomes of them: last or all",
        )
    kept = table.drop_duplicates("pert_id", keep="last") if repeated == "last" else table
    return kept.reset_index(drop=True), found


def read_targets(path: str | os.PathLike) -> pd.DataFrame:
    """Read known targets: a header, then drug, its BRD number, gene; returns distinct `drug` (lower
    case), `gene`.
    """
    table = tables.read(path, TARGETS, header=0, names=["drug", "brd", "gene"], usecols=[0, 1, 2])
    table = table.assign(drug=table["drug"].str.strip().str.lower(), gene=table["gene"].str.strip())
    return table[["drug", "gene"]].drop_duplicates().reset_index(drop=True)


def read_compounds(path: str | os.PathLike) -> pd.DataFrame:
    """Read compounds with `|`-separated mechanisms and targets: `pert_id`, `pert_iname`, `moa`,
    `target`.
    """
    return tables.read(path, COMPOUNDS)


def explode(compounds: pd.DataFrame, column: Literal["moa", "target"]) -> pd.DataFrame:
    """Return one row per compound and mechanism (or target); those without one are left out.

    A compound with two mechanisms counts in both classes.

    Examples
    --------
    >>> one = pd.DataFrame(
    ...     {
    ...         "pert_id": ["B1"],
    ...         "pert_iname": ["dasatinib"],
    ...         "moa": ["KIT inhibitor|SRC inhibitor"],
    ...     }
    ... )
    >>> explode(one, "moa")["moa"].tolist()
    ['KIT inhibitor', 'SRC inhibitor']
    """
    wanted = compounds[["pert_id", "pert_iname", column]].dropna()
    return wanted.assign(**{column: wanted[column].str.split(SEPARATOR, regex=False)}).explode(
        column, ignore_index=True
    )


def conflicts(table: pd.DataFrame, *, by: str, of: str) -> pd.DataFrame:
    """Return `by` and its entries of `of`, joined, where there are several of them."""
    distinct = table[[by, of]].dropna().drop_duplicates().sort_values([by, of])
    several = distinct[distinct[by].duplicated(keep=False)]
    return several.groupby(by, sort=True)[of].agg(SEPARATOR.join).reset_index()


def select(table: pd.DataFrame, **wanted: str | list[str]) -> pd.DataFrame:
    """Return the signatures whose metadata have the wanted values, in the order of the table.

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
