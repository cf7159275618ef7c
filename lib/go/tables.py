"""Annotation from CSV files: other releases, other species, or one's own."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.go.annotation import Annotation, check_ontology
from lib.run import store

GO_ID = r"GO:\d{7}"
NO_NAMES = {"go_id": [], "term": []}


def read_tables(directory: str | os.PathLike, *, ontology: str = "BP") -> Annotation:
    """Read an annotation from a folder of CSV files, checked before use.

    Parameters
    ----------
    directory : path
        Holds `dag_edges.csv` (`child`, `parent`, optional `relation`) and one of
        `direct_annotations.csv` (`symbol`, `go_id`, optional `entrez`) and `annotations.csv`
        (`go_id`, `genes`: symbols separated by spaces; direct or complete sets). Optional:
        `terms.csv` (`go_id`, `term`), without which terms are called by their ids, and `genes.csv`
        (`symbol`, `entrez`). Other columns are ignored.
    ontology : str
        `BP`, `MF` or `CC`; the tables hold one ontology.

    Returns
    -------
    Annotation
        Its `release` names the folder and a sha256 over its tables.

    Raises
    ------
    InputError
        If a file or column is missing, a GO id malformed, a row repeated, an annotated term not in
        the graph, or the graph has a cycle or several roots. The message names the file, the row
        and the value.
    """
    check_ontology(ontology)
    folder = store.resolve(directory)
    edges = _read_edges(folder / "dag_edges.csv")
    pairs = _read_pairs(folder)
    _check_graph(folder / "dag_edges.csv", edges, pairs)
    genes = _read_genes(folder / "genes.csv", pairs)
    # the pairs' own Entrez ids come first
    if pairs["entrez"].isna().all():
        pairs["entrez"] = pairs["symbol"].map(
            dict(zip(genes["name"], genes["entrez"], strict=True))
        )
    release = {"source": f"tables of {folder.name}", "digest": _digest(folder)}
    return Annotation(pairs, edges, _read_terms(folder / "terms.csv"), genes, release, ontology)


def read_gene_id_table(directory: str | os.PathLike) -> pd.DataFrame:
    """Read the Ensembl ids of the genes from `gene_ids.csv` of a folder of tables.

    Parameters
    ----------
    directory : path
        Folder of the tables.

    Returns
    -------
    DataFrame
        `ensembl`, `entrez`, `symbol`, as `lib.go.read_gene_ids` gives them, in the order of the
        file; no row without the file.

    Raises
    ------
    InputError
        If a column is missing, a cell empty or a row repeated.
    """
    path = store.resolve(directory) / "gene_ids.csv"
    columns = ["ensembl", "entrez", "symbol"]
    if not path.exists():
        return pd.DataFrame(columns=columns, dtype=str)
    return _checked(path, dict.fromkeys(columns, r"\S+"), unique=columns)[columns]


def _read_edges(path: Path) -> pd.DataFrame:
    """Read child, parent and relation."""
    edges = _checked(path, {"child": GO_ID, "parent": GO_ID}, unique=None)
    relation = edges.get("relation", "unknown")
    edges = edges.assign(relation=relation)[["child", "parent", "relation"]]
    _refuse_repeats(path, edges)
    return edges


def _read_pairs(folder: Path) -> pd.DataFrame:
    """Read symbol, entrez and go_id from either layout."""
    path = folder / "direct_annotations.csv"
    if path.exists():
        pairs = _checked(path, {"symbol": r"\S+", "go_id": GO_ID}, unique=["symbol", "go_id"])
        return pairs.reindex(columns=["symbol", "entrez", "go_id"])
    path = folder / "annotations.csv"
    if not path.exists():
        raise InputError(f"{folder}: needs direct_annotations.csv or annotations.csv")
    sets = _checked(path, {"go_id": GO_ID, "genes": r".*\S.*"}, unique=["go_id"])
    pairs = sets.assign(symbol=sets["genes"].str.split()).explode("symbol", ignore_index=True)
    # a set may list a gene twice
    return pairs.drop_duplicates(["symbol", "go_id"]).reindex(columns=["symbol", "entrez", "go_id"])


def _read_terms(path: Path) -> pd.DataFrame:
    """Read the names of the terms, if there are any."""
    if not path.exists():
        return pd.DataFrame(NO_NAMES, dtype=str)
    return _checked(path, {"go_id": GO_ID, "term": r".*\S.*"}, unique=["go_id"])[["go_id", "term"]]


def _read_genes(path: Path, pairs: pd.DataFrame) -> pd.DataFrame:
    """Read the Entrez ids of symbols, or take those of the annotation."""
    if path.exists():
        genes = _checked(path, {"symbol": r"\S+"}, unique=["symbol", "entrez"])
    else:
        genes = pairs[["symbol", "entrez"]].drop_duplicates()
    genes = genes.dropna(subset="entrez").rename(columns={"symbol": "name"})
    return genes.assign(is_alias=False)[["name", "entrez", "is_alias"]]


def _checked(path: Path, patterns: dict[str, str], *, unique: list[str] | None) -> pd.DataFrame:
    """Read a CSV as text; check that columns are there, match a pattern, and do not repeat."""
    import pandera.pandas as pa  # half a second, and only needed for outside tables

    if not path.exists():
        raise InputError(f"{path}: this file is needed and is not there")
    table = pd.read_csv(path, dtype=str, na_filter=True, keep_default_na=False, na_values=[""])
    columns = {
        name: pa.Column(str, pa.Check.str_matches(f"^(?:{pattern})$"))
        for name, pattern in patterns.items()
    }
    if unique:
        columns |= {name: pa.Column(str, nullable=True) for name in unique if name not in columns}
    try:
        pa.DataFrameSchema(columns, unique=unique, report_duplicates="exclude_first").validate(
            table, lazy=True
        )
    except pa.errors.SchemaErrors as errors:
        raise InputError(_in_words(path, table, errors.failure_cases, unique)) from None
    return table


def _in_words(
    path: Path, table: pd.DataFrame, failures: pd.DataFrame, unique: list[str] | None
) -> str:
    """Return one message for the first failed check of a table."""
    missing = failures[failures["check"] == "column_in_dataframe"]
    if len(missing):
        return (
            f"{path}: column '{missing['failure_case'].iloc[0]}' is missing; the columns are "
            f"{listed(table.columns)}. Rename or add it"
        )
    repeated = failures["check"].astype(str).str.contains("unique")
    failure = failures[~repeated].iloc[0] if (~repeated).any() else failures[repeated].iloc[0]
    row, value = int(failure["index"]) + 2, failure["failure_case"]  # the header is row 1
    if (~repeated).all() or not repeated.loc[failure.name]:
        expected = (
            "like GO:0008150" if failure["column"] in ("go_id", "child", "parent") else "not empty"
        )
        place = f"{path}, row {row}: {failure['column']}"
        return f"{place} is '{value}', expected {expected}. Correct or remove the row"
    values = " ".join(str(table[name].iloc[row - 2]) for name in unique)
    return f"{path}, row {row}: '{values}' is there more than once. Keep one of the rows"


def _refuse_repeats(path: Path, edges: pd.DataFrame) -> None:
    """Refuse an edge that is listed twice with the same relation."""
    repeated = np.flatnonzero(edges.duplicated())
    if len(repeated):
        edge = f"{edges['child'].iloc[repeated[0]]} {edges['parent'].iloc[repeated[0]]}"
        raise InputError(
            f"{path}, row {repeated[0] + 2}: '{edge}' is there more than once. Keep one of the rows"
        )


def _check_graph(path: Path, edges: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Refuse a graph with a cycle or several roots, and annotated terms outside the graph."""
    cyclic = _in_or_above_cycle(edges)
    if len(cyclic):
        edge = f"{cyclic['child'].iloc[0]} to {cyclic['parent'].iloc[0]}"
        raise InputError(
            f"{path}, row {cyclic.index[0] + 2}: the edge {edge} is part of a cycle, or lies "
            "between two. Remove the edge that points down"
        )
    roots = sorted(set(edges["parent"]) - set(edges["child"]))
    if len(roots) > 1:
        raise InputError(
            f"{path}: the graph has {len(roots)} roots ({listed(roots)}); keep the edges of one "
            "ontology"
        )
    # an annotation outside the graph would be lost in propagation
    absent = ~pairs["go_id"].isin(pd.concat([edges["child"], edges["parent"]]))
    if absent.any():
        raise InputError(
            f"{path}: annotated terms are not in the graph: "
            f"{listed(pairs['go_id'][absent].unique())}. Add their edges, or remove their "
            "annotations"
        )


def _in_or_above_cycle(edges: pd.DataFrame) -> pd.DataFrame:
    """Return the edges left when leaves, then roots, are peeled off again and again.

    None are left without a cycle.
    """
    for end, other in (("child", "parent"), ("parent", "child")):
        # peeling leaves removes what lies below a cycle, peeling roots what lies above it
        n_before = -1
        while n_before != len(edges):
            n_before = len(edges)
            edges = edges[edges[end].isin(edges[other])]
    return edges


def _digest(folder: Path) -> str:
    """Return one sha256 for the CSV files of a folder."""
    return store.digest({path.name: store.sha256(path) for path in sorted(folder.glob("*.csv"))})
