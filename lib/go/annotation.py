"""One release of GO annotation as plain tables, and its cache on disk."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.data import origin
from lib.data.errors import InputError
from lib.run import store

ONTOLOGIES = ("BP", "MF", "CC")
PART = "GO annotation"
TABLES = ("pairs", "edges", "terms", "genes")


class Codes(NamedTuple):
    """An annotation in numbers: positions in `terms`, `symbols` and `entrez`; −1 for none.

    Parameters
    ----------
    terms : (T,) Index of str
        GO ids, ascending.
    symbols, entrez : Index of str
        Official symbols and Entrez ids of the annotated genes.
    pair_term, pair_symbol, pair_entrez : (P,) int array
        Positions of each pair's term and gene.
    child, parent : (E,) int array
        Positions of each edge's terms.
    """

    terms: pd.Index  # (T,) GO ids, ascending
    symbols: pd.Index
    entrez: pd.Index
    pair_term: np.ndarray  # (P,) position in terms
    pair_symbol: np.ndarray  # (P,) position in symbols
    pair_entrez: np.ndarray  # (P,) position in entrez
    child: np.ndarray  # (E,) position in terms
    parent: np.ndarray  # (E,) position in terms


@dataclass(frozen=True, eq=False)
class Annotation:
    """Direct annotations of genes to the terms of one ontology, and the ontology's graph.

    Attributes
    ----------
    pairs : DataFrame
        One row a gene and term it is annotated to, all evidence codes: `symbol`, `entrez`, `go_id`.
        A gene without an official symbol, or without an Entrez id, has a missing value there.
    edges : DataFrame
        One row an edge of the graph: `child`, `parent`, `relation`. All relations count alike.
    terms : DataFrame
        Names of the terms: `go_id`, `term`.
    genes : DataFrame
        Names of the genes, annotated or not: `name`, `entrez`, `is_alias`.
    release : dict
        Where the annotation comes from: `source`, package versions and dates.
    ontology : str
        `BP`, `MF` or `CC`.
    """

    pairs: pd.DataFrame
    edges: pd.DataFrame
    terms: pd.DataFrame
    genes: pd.DataFrame
    release: dict
    ontology: str = "BP"

    @cached_property
    def codes(self) -> Codes:
        """The tables as integer positions, made once and shared by every universe."""
        # terms of genes and of the graph: a table may name either alone
        ids = (self.pairs["go_id"], self.edges["child"], self.edges["parent"])
        terms = pd.Index(sorted(set().union(*(column.unique() for column in ids))), dtype=object)
        symbols, entrez = (
            pd.Index(self.pairs[name].dropna().unique(), dtype=object)
            for name in ("symbol", "entrez")
        )
        return Codes(
            terms=terms,
            symbols=symbols,
            entrez=entrez,
            pair_term=_positions(ids[0], terms),
            pair_symbol=_positions(self.pairs["symbol"], symbols),
            pair_entrez=_positions(self.pairs["entrez"], entrez),
            child=_positions(ids[1], terms),
            parent=_positions(ids[2], terms),
        )

    @cached_property
    def term_names(self) -> dict[str, str]:
        """Name of every term; a term that a newer release dropped is missing."""
        return dict(zip(self.terms["go_id"], self.terms["term"], strict=True))


def names_of(annotation: Annotation, go_ids) -> list[str]:
    """Return the names of GO terms, or the id itself where this release has no name for it.

    Parameters
    ----------
    annotation : Annotation
        Release that names the terms.
    go_ids : iterable of str
        T GO ids.

    Returns
    -------
    list of str
        T names, in the order given.
    """
    return [annotation.term_names.get(go_id, go_id) for go_id in go_ids]


def check_ontology(ontology: str) -> None:
    """Refuse an ontology that GO does not have.

    Parameters
    ----------
    ontology : str
        Should be `BP`, `MF` or `CC`.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if ontology not in ONTOLOGIES:
        raise InputError(f"ontology '{ontology}' is unknown; choose one of {', '.join(ONTOLOGIES)}")


def spell_out(annotation: Annotation, table: pd.DataFrame) -> pd.DataFrame:
    """Return a topGO table with whole names in `Term`, which topGO cuts at 70 letters.

    Parameters
    ----------
    annotation : Annotation
        Release that names the terms.
    table : DataFrame
        `GO.ID`, `Term`; a term that this release does not name keeps its name.

    Returns
    -------
    DataFrame
        The same rows and columns.
    """
    return table.assign(Term=table["GO.ID"].map(annotation.term_names).fillna(table["Term"]))


def save(annotation: Annotation, directory: str | os.PathLike) -> None:
    """Write an annotation as four Parquet tables and `release.json`.

    Equal annotations give equal bytes. The release file is written last: a folder that has one is
    complete. The origin is written beside the folder.

    Parameters
    ----------
    annotation : Annotation
        As `read_installed` and `read_tables` return it.
    directory : path
        Folder of the files; a relative one is taken from the project root.

    Raises
    ------
    OSError
        If there is no room.
    """
    # tables of a user have no release of Bioconductor
    release = annotation.release.get("org.Hs.eg.db")
    words = f"org.Hs.eg.db {release}" if release else annotation.release["source"]
    origin.write(directory, origin.published(PART, words) if release else origin.own(PART, words))
    for name in TABLES:
        store.write_table(f"{os.fspath(directory)}/{name}.parquet", getattr(annotation, name))
    store.write_json(
        f"{os.fspath(directory)}/release.json",
        {"ontology": annotation.ontology, "release": annotation.release},
    )


def load(directory: str | os.PathLike) -> Annotation:
    """Read an annotation that `save` wrote.

    Parameters
    ----------
    directory : path
        Folder that `save` wrote; a relative one is taken from the project root.

    Returns
    -------
    Annotation
        Equal to the one that was saved.

    Raises
    ------
    InputError
        If the folder holds no complete annotation.
    """
    folder = store.resolve(directory)
    # release.json is written last: a folder without it was cut short
    absent = [
        name
        for name in (*(f"{t}.parquet" for t in TABLES), "release.json")
        if not (folder / name).exists()
    ]
    if absent:
        raise InputError(
            f"{folder} is no complete GO annotation: {', '.join(absent)} missing; make it with "
            "lib.go.save"
        )
    card = store.read_json(folder / "release.json")
    return Annotation(
        **{name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}, **card
    )


def _positions(values: pd.Series, index: pd.Index) -> np.ndarray:
    """Return the position of every value in `index`, −1 where it is missing.

    Each distinct value is looked up once.
    """
    codes, distinct = (
        pd.factorize(values)
        if values.dtype != "category"
        else (values.cat.codes, values.cat.categories)
    )
    # code −1 finds the last
    lookup = np.append(index.get_indexer(pd.Index(distinct, dtype=object)), -1)
    return lookup[np.asarray(codes)].astype(np.int32)
