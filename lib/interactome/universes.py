"""Genes that each source knows, by symbol in capitals, read from headers and name columns alone."""

import gzip
import os
from collections.abc import Mapping

import pandas as pd

from lib.data.errors import InputError
from lib.interactome import ppi
from lib.interactome.sources import Source, read_columns
from lib.run import store


def read_edges(path: str | os.PathLike) -> pd.DataFrame:
    """Read an interactome as it is, to look at it.

    A table without header is shown as one of confidences, cost = 1 − confidence; see
    `lib.interactome.ppi.form`.

    Parameters
    ----------
    path : path
        As in `lib.interactome.ppi.read`.

    Returns
    -------
    DataFrame
        One row per row of the file: `protein1`, `protein2` in capitals, `cost`.

    Raises
    ------
    InputError
        As `lib.interactome.ppi.rows`.
    """
    return ppi.rows(path, third_column=ppi.form(path))


def interactome_genes(path: str | os.PathLike) -> set[str]:
    """Return the genes of an interactome, with header or without.

    Parameters
    ----------
    path : path
        As in `lib.interactome.ppi.read`.

    Returns
    -------
    set of str

    Raises
    ------
    InputError
        As `lib.interactome.ppi.rows`.
    """
    table = read_edges(path)
    return set(table["protein1"]) | set(table["protein2"])


def cell_line_genes(path: str | os.PathLike) -> set[str]:
    """Return the genes of a CCLE table.

    A gene is what stands before the first space in the name of a column.

    Parameters
    ----------
    path : path
        CSV, plain or `.gz`.

    Returns
    -------
    set of str

    Raises
    ------
    InputError
        If the file is not readable, or its first line names no genes.
    """
    return {name.split(" ")[0].upper() for name in _header(path)}


def single_cell_genes(path: str | os.PathLike, gene_ids: str | os.PathLike) -> set[str]:
    """Return the genes of a table of counts by Ensembl id, before any filter.

    Parameters
    ----------
    path : path
        CSV of counts, plain or `.gz`, one column per Ensembl id.
    gene_ids : path
        Tab-separated table with `ensembl`, `symbol`.

    Returns
    -------
    set of str
        Symbols of the ids that have one.

    Raises
    ------
    InputError
        If a file is not readable, or a column is missing.
    """
    known = read_columns(gene_ids, ("ensembl", "symbol"))
    # ENSG00000139618.14 → ENSG00000139618
    ids = {name.split(".")[0] for name in _header(path)}
    return set(
        known.loc[known["ensembl"].isin(ids) & (known["symbol"] != ""), "symbol"].str.upper()
    )


def signature_genes(path: str | os.PathLike) -> set[str]:
    """Return the genes of CMap's table of genes.

    Parameters
    ----------
    path : path
        Tab-separated table with `gene_symbol`.

    Returns
    -------
    set of str

    Raises
    ------
    InputError
        If the file is not readable, or the column is missing.
    """
    return set(read_columns(path, ("gene_symbol",))["gene_symbol"].str.upper())


def universes(found: Mapping[str, Source]) -> dict[str, set[str]]:
    """Return the genes of each kind of source by a short name.

    Parameters
    ----------
    found : mapping of str to Source
        From `lib.interactome.sources.read`.

    Returns
    -------
    dict of str to set of str
        Keys "single cells", "cell lines", "interactome" and "signatures".

    Raises
    ------
    InputError
        If a file is not readable, or a column is missing.
    """
    return {
        "single cells": single_cell_genes(found["fucci_counts"].path, found["gene_ids"].path),
        "cell lines": cell_line_genes(found["ccle_expression"].path),
        "interactome": interactome_genes(found["ppi"].path),
        "signatures": signature_genes(found["cmap_geneinfo"].path),
    }


def _header(path: str | os.PathLike) -> list[str]:
    """Return the names of the columns of a CSV, plain or `.gz`, without that of the index."""
    path = store.resolve(path)
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8") as file
        ):
            # the first line alone: the tables are large
            names = [name.strip('" ') for name in file.readline().rstrip("\r\n").split(",")[1:]]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name}: not readable as text ({type(error).__name__}); expected a CSV"
        ) from None
    if not names:
        raise InputError(
            f"{path.name}: its first line names no genes; expected names separated by commas"
        )
    return names
