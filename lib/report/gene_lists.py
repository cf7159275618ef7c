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
    """Return the genes of a CSV with a column `gene`, or a published list where `path` is empty.

    Parameters
    ----------
    path : path
        CSV file, one row per gene, or an empty text.
    default : str
        Name of a list in `params/published/gene_lists.yaml`.

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
    """Return cluster → genes from a CSV with columns `gene` and `cluster`, or published clusters.

    Clusters come in the order of their first row, genes in the order of the file. Raises like
    `genes`.
    """
    if not str(path):
        return published.gene_clusters(default)
    schema = pa.DataFrameSchema({"gene": SYMBOL, "cluster": CLUSTER})
    table = tables.read(path, schema, skipinitialspace=True)
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
