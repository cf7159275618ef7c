"""The annotation of R's Bioconductor packages: R gives the path, SQLite the tables."""

import contextlib
import sqlite3
from pathlib import Path

import pandas as pd

from lib.go import r
from lib.go.annotation import Annotation, check_ontology

PAIRS = """
    SELECT DISTINCT symbol, gene_id AS entrez, go_id
    FROM go_{ontology} JOIN genes USING (_id) LEFT JOIN gene_info USING (_id)
    ORDER BY go_id, CAST(gene_id AS INTEGER)
"""
# The one edge above the root leads to a node named "all" that belongs to no ontology.
EDGES = """
    SELECT child.go_id AS child, parent.go_id AS parent, relationship_type AS relation
    FROM go_{ontology}_parents AS edge
    JOIN go_term AS child ON child._id = edge._id
    JOIN go_term AS parent ON parent._id = edge._parent_id
    WHERE parent.go_id != 'all' ORDER BY child, parent, relation
"""
TERMS = "SELECT go_id, term FROM go_term WHERE ontology = '{upper}' ORDER BY go_id"
GENES = """
    SELECT symbol AS name, gene_id AS entrez, 0 AS is_alias FROM gene_info JOIN genes USING (_id)
    UNION ALL
    SELECT DISTINCT alias_symbol, gene_id, 1
    FROM alias JOIN genes USING (_id) JOIN gene_info USING (_id)
    WHERE alias_symbol != symbol
"""
IDS = """
    SELECT ensembl_id AS ensembl, gene_id AS entrez, symbol
    FROM ensembl JOIN genes USING (_id) JOIN gene_info USING (_id)
    ORDER BY ensembl, CAST(gene_id AS INTEGER)
"""
REPEATED = {"pairs": ("symbol", "entrez", "go_id"), "edges": ("child", "parent", "relation")}


def read_installed(ontology: str = "BP") -> Annotation:
    """Read one ontology from the installed org.Hs.eg.db and GO.db; neither package is attached.

    Parameters
    ----------
    ontology : str
        `BP`, `MF` or `CC`.

    Returns
    -------
    Annotation
        All evidence codes, symbols and Entrez ids.

    Raises
    ------
    InputError
        If the ontology is unknown.
    RNotAvailable
        If R or one of the two packages is not installed.
    """
    check_ontology(ontology)
    names = {"ontology": ontology.lower(), "upper": ontology}
    with (
        _database("org.Hs.eg.db", "org.Hs.eg.sqlite") as human,
        _database("GO.db", "GO.sqlite") as go,
    ):
        tables = {
            "pairs": pd.read_sql_query(PAIRS.format(**names), human),
            "genes": pd.read_sql_query(GENES, human).astype({"is_alias": bool}),
            "edges": pd.read_sql_query(EDGES.format(**names), go),
            "terms": pd.read_sql_query(TERMS.format(**names), go),
        }
    for name, columns in REPEATED.items():  # few distinct values in many rows
        tables[name] = tables[name].astype(dict.fromkeys(columns, "category"))
    return Annotation(**tables, release=installed_release(), ontology=ontology)


def read_gene_ids() -> pd.DataFrame:
    """Read which symbols an Ensembl id has, from the installed org.Hs.eg.db.

    The paper asked a live service (MyGene), whose answers change from year to year; this table
    changes only with the installed release. An Ensembl id of several genes has several rows, lowest
    Entrez id first; a symbol may have several Ensembl ids. `lib.interactome.expression` takes the
    first Ensembl id of each symbol, as the paper does.

    Returns
    -------
    DataFrame
        `ensembl`, `entrez`, `symbol`, all text, sorted by Ensembl and Entrez id.

    Raises
    ------
    RNotAvailable
        If R or the package is not installed.
    """
    with _database("org.Hs.eg.db", "org.Hs.eg.sqlite") as human:
        return pd.read_sql_query(IDS, human)


def installed_release() -> dict[str, str]:
    """Return the versions and source dates of the installed annotation packages.

    Returns
    -------
    dict of str to str
        `source`, the versions `org.Hs.eg.db` and `GO.db`, and the dates `GOSOURCEDATE` and
        `GOEGSOURCEDATE`.

    Raises
    ------
    RNotAvailable
        If R or one of the two packages is not installed.
    """
    with _database("org.Hs.eg.db", "org.Hs.eg.sqlite") as human:
        stamps = dict(human.execute("SELECT name, value FROM metadata"))
    return {
        "source": "Bioconductor packages",
        "org.Hs.eg.db": r.package_version("org.Hs.eg.db"),
        "GO.db": r.package_version("GO.db"),
        "GOSOURCEDATE": stamps["GOSOURCEDATE"],
        "GOEGSOURCEDATE": stamps["GOEGSOURCEDATE"],
    }


@contextlib.contextmanager
def _database(package: str, file: str):
    """Open the database file of an R package, read-only."""
    path: Path = r.require_package(package) / "extdata" / file
    # read-only, so that a shared library folder needs no right to write
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        yield connection
