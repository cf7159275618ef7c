"""Gene lists and clusters: the published ones, or a user's own from a CSV."""

import os
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from lib.data import origin
from lib.data.origin import Origin
from lib.report import published
from lib.run import store

SYMBOL = pa.Column(str, pa.Check.str_matches(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", error="is no gene symbol"), unique=True)
CLUSTER = pa.Column(str, pa.Check.str_length(1, 20, error="is no cluster label of 1 to 20 characters"))


class GeneListError(ValueError):
    """A gene list cannot be used; the message names file, row and what to do."""


def genes(path: str | os.PathLike, *, default: str) -> list[str]:
    """Return the genes of a CSV with a column `gene`, or a published list where `path` is empty.

    Parameters
    ----------
    path : path
        CSV file, one row a gene, or an empty text.
    default : str
        Name of a list in `params/published/gene_lists.yaml`.

    Raises
    ------
    GeneListError
        For a missing file or column, an empty file, a blank or repeated gene.
    """
    if not str(path):
        return published.gene_lists()[default]
    return _read(path, {"gene": SYMBOL})["gene"].tolist()


def clusters(path: str | os.PathLike, *, default: str) -> dict[str, list[str]]:
    """Return cluster → genes from a CSV with columns `gene` and `cluster`, or published clusters.

    Clusters come in the order of their first row, genes in the order of the file. Raises like `genes`.
    """
    if not str(path):
        return published.gene_clusters(default)
    table = _read(path, {"gene": SYMBOL, "cluster": CLUSTER})
    return {name: rows["gene"].tolist() for name, rows in table.groupby("cluster", sort=False)}


def come_from(path: str | os.PathLike, *, what: str = "gene lists") -> Origin:
    """Return the origin of genes or clusters read from `path`: published where it is empty.

    A file that this run made has the origin of what it was made from; any other is the user's own.

    Parameters
    ----------
    path : path
        As for `genes` and `clusters`.
    what : str
        What a caption calls them.
    """
    if not str(path):
        return origin.published(what, "Image2Reg")
    return origin.read(path) if origin.is_known(path) else origin.own(what, path)


def _read(path: str | os.PathLike, columns: dict[str, pa.Column]) -> pd.DataFrame:
    """Read a CSV as text and check it; other columns are ignored."""
    file = store.resolve(path)
    try:
        table = pd.read_csv(file, dtype=str, skipinitialspace=True)
    except FileNotFoundError:
        raise GeneListError(f"{path}: no such file; expected a CSV with columns {', '.join(columns)}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise GeneListError(f"{path}: not readable as CSV ({error}); columns {', '.join(columns)} expected") from None
    if table.empty:
        raise GeneListError(f"{path}: no rows; expected one row a gene with columns {', '.join(columns)}")
    try:
        return pa.DataFrameSchema(columns, strict="filter").validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        raise GeneListError(f"{Path(path).name}: {_first(errors.failure_cases, columns)}") from None


def _first(cases: pd.DataFrame, columns: dict[str, pa.Column]) -> str:
    """Say the first problem of a table in one line: row, value, what is wrong, what to do."""
    case = cases.iloc[0]
    if case["check"] == "column_in_dataframe":
        return f"column {case['failure_case']!r} is missing; expected columns {', '.join(columns)}"
    problem = {"not_nullable": "is blank", "field_uniqueness": "is there twice; keep one"}.get(
        case["check"], case["check"]
    )
    row = f"row {int(case['index']) + 2}, " if pd.notna(case["index"]) else ""
    return f"{row}column {case['column']}: {'' if problem == 'is blank' else repr(case['failure_case']) + ' '}{problem}"
