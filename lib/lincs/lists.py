"""Lists that people keep: perturbagen classes (PCL), drug targets, compounds and mechanisms."""

import os
from typing import Literal

import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError
from lib.run import store

SEPARATOR = "|"  # between the mechanisms or targets of one compound
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
        "pert_iname": pa.Column(str, coerce=True),
        "moa": pa.Column(str, coerce=True, nullable=True, required=False),
        "target": pa.Column(str, coerce=True, nullable=True),
    }
)
STATISTICS = pa.DataFrameSchema(
    {"pcl": pa.Column(str, coerce=True), "pert_id": pa.Column(str, coerce=True)}
)


def read_classes(
    path: str | os.PathLike, *, repeated: Literal["last", "all", "refuse"] = "last"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the table of perturbagen classes, or make it from that of CMap's supplement.

    Parameters
    ----------
    path : path
        No header, `pert_id`, `CP_<CLASS>`; or Table S7 ("PCL Statistics") of Subramanian et al.
        2017, exported as it is: a title, a header, the class first and its members, separated by
        `|`, fifth.
    repeated : str
        What becomes of a `pert_id` in two classes: the last one read counts, as published; all
        count; or an error.

    Returns
    -------
    classes : DataFrame
        `pert_id`, `pcl`. Of the whole Table S7 991 records of 171 classes are expected.
    conflicts : DataFrame
        `pert_id`, `pcl` (all of them, joined by `|`) of the repeated ones.

    Raises
    ------
    InputError
        If a class does not start with `CP_`, or an id is repeated and that is refused.
    """
    if _is_statistics(path):
        names = ["pcl", *(f"_{i}" for i in range(3)), "pert_id"]
        rows = tables.read(path, STATISTICS, header=None, skiprows=2, usecols=range(5), names=names)
        table = tables.check(_split(rows[["pert_id", "pcl"]], "pert_id"), CLASSES, file=path)
    else:
        table = tables.read(path, CLASSES, header=None, names=["pert_id", "pcl"])
    table = table.drop_duplicates()
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
    """Read known targets of drugs.

    Parameters
    ----------
    path : path
        A header, then drug, its BRD number, gene; or a table of compounds with the columns
        `pert_iname` and `target`, whose targets are separated by `|`, such as that of the Drug
        Repurposing Hub.

    Returns
    -------
    DataFrame
        Distinct `drug` (lower case), `gene`.

    Raises
    ------
    InputError
        If an entry is empty, or the file is no table.
    """
    if {"pert_iname", "target"} <= set(_header(path)):
        table = explode(tables.read(path, COMPOUNDS), "target")
        table = table.rename(columns={"pert_iname": "drug", "target": "gene"})
    else:
        columns = {"names": ["drug", "brd", "gene"], "usecols": [0, 1, 2]}
        table = tables.read(path, TARGETS, header=0, **columns)
    table = table.assign(drug=table["drug"].str.strip().str.lower(), gene=table["gene"].str.strip())
    return table[["drug", "gene"]].drop_duplicates().reset_index(drop=True)


def _header(path: str | os.PathLike) -> list[str]:
    """Return the fields of the first line of a text table; none if there is no such file."""
    path = store.resolve(path)
    if not path.is_file() or path.suffix in (".parquet", ".gz"):
        return []
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline().strip()
    return [field.strip().strip('"') for field in line.split("\t" if "\t" in line else ",")]


def _is_statistics(path: str | os.PathLike) -> bool:
    """Return whether a table of classes is that of CMap's supplement: five fields or more."""
    path = store.resolve(path)
    if not path.is_file() or path.suffix in (".parquet", ".gz"):
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = [file.readline() for _ in range(3)]
    return max(line.count("\t" if path.suffix in (".tsv", ".txt") else ",") for line in lines) >= 4


def _split(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return one row per entry of a column of entries separated by `|`."""
    entries = table[column].str.split(SEPARATOR, regex=False)
    found = table.assign(**{column: entries}).explode(column, ignore_index=True)
    return found.assign(**{column: found[column].str.strip()})


def explode(compounds: pd.DataFrame, column: Literal["moa", "target"]) -> pd.DataFrame:
    """Return one row per compound and mechanism (or target); those without one are left out.

    A compound with two mechanisms counts in both classes.

    Parameters
    ----------
    compounds : DataFrame
        `pert_iname` and the column, whose entries are separated by `|`.
    column : str

    Returns
    -------
    DataFrame
        `pert_iname`, the column.

    Examples
    --------
    >>> one = pd.DataFrame(
    ...     {"pert_iname": ["dasatinib"], "moa": ["KIT inhibitor|SRC inhibitor"]}
    ... )
    >>> explode(one, "moa")["moa"].tolist()
    ['KIT inhibitor', 'SRC inhibitor']
    """
    return _split(compounds[["pert_iname", column]].dropna(), column)


def conflicts(table: pd.DataFrame, *, by: str, of: str) -> pd.DataFrame:
    """Return `by` and its entries of `of`, joined, where there are several of them.

    Parameters
    ----------
    table : DataFrame
    by, of : str
        Columns.
    """
    distinct = table[[by, of]].dropna().drop_duplicates().sort_values([by, of])
    several = distinct[distinct[by].duplicated(keep=False)]
    return several.groupby(by, sort=True)[of].agg(SEPARATOR.join).reset_index()
