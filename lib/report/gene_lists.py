"""Gene lists and clusters: the published ones, or a user's own from a CSV."""

import os

import pandera.pandas as pa

from lib.data import origin, tables
from lib.data.origin import Origin
from lib.report import published

SYMBOL = pa.Column(
    str,
    pa.Check.str_matches(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", error="is no gene symbol"),
    unique=True,
)
CLUSTER = pa.Column(
    str, pa.Check.str_length(1, 20, error="is no cluster label of 1 to 20 characters")
)


def genes(path: str | os.PathLike, *, default: str) -> list[str]:
    """Read the genes of a CSV with a column `gene`, or a published list where no path is given.

    Parameters
    ----------
    path : path
        CSV file, one row per gene, or an empty text.
    default : str
        Name of a list in `params/published/gene_lists.yaml`.

    Returns
    -------
    list of str
        Symbols in the order of the file.

    Raises
    ------
    InputError
        For a missing file or column, an empty file, a blank or repeated gene.
    """
    if not str(path):
        return published.gene_lists()[default]
    return tables.read(path, pa.DataFrameSchema({"gene": SYMBOL}), skipinitialspace=True)[
        "gene"
    ].tolist()


def clusters(path: str | os.PathLike, *, default: str) -> dict[str, list[str]]:
    """Read clusters from a CSV with columns `gene` and `cluster`, or published ones without a path.

    Parameters
    ----------
    path : path
        CSV file, one row per gene, or an empty text.
    default : str
        Name of a clustering in `params/published/gene_lists.yaml`.

    Returns
    -------
    dict of str to list of str
        Cluster → genes; clusters in the order of their first row, genes in the order of the file.

    Raises
    ------
    InputError
        For a missing file or column, an empty file, a blank or repeated gene, or an unknown
        default.
    """
    if not str(path):
        return published.gene_clusters(default)
    schema = pa.DataFrameSchema({"gene": SYMBOL, "cluster": CLUSTER})
    table = tables.read(path, schema, skipinitialspace=True)
    return {name: rows["gene"].tolist() for name, rows in table.groupby("cluster", sort=False)}


def come_from(path: str | os.PathLike, *, what: str = "gene lists") -> Origin:
    """Return the origin of genes or clusters read from a path: published where it is empty.

    A file that this run made has the origin of what it was made from; any other is the user's own.

    Parameters
    ----------
    path : path
        As for `genes` and `clusters`.
    what : str
        What a caption calls them.

    Returns
    -------
    Origin
        Of one part, or of all parts that a file made here rests on.
    """
    if not str(path):
        return origin.published(what, "Image2Reg")
    # whatever this project makes has its origin beside it
    return origin.read(path) if origin.is_known(path) else origin.own(what, path)
