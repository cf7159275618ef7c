"""Semantic similarity of GO terms after Wang et al., and the removal of near-synonyms from a table.

References
----------
Wang et al. (2007), A new method to measure the semantic similarity of GO terms.
doi:10.1093/bioinformatics/btm087

References
----------
Wang et al. (2007), A new method to measure the semantic similarity of GO terms.
doi:10.1093/bioinformatics/btm087
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.go import r

# GOSemSim 2.24 looks for `is_a` and `part_of` while its table says `isa` and `part of`, so that
# every edge gets the weight meant for other relations. These are the weights that it applies, not
# those of the paper (PAPER_WEIGHTS).
INSTALLED_WEIGHTS: Mapping[str, float] = {}
PAPER_WEIGHTS: Mapping[str, float] = {"isa": 0.8, "is_a": 0.8, "part of": 0.6, "part_of": 0.6}
OTHER_WEIGHT = 0.7
SIMILAR = 0.7  # simplify's default: terms more similar than this are alike
DECIMALS = 3


def gosemsim_edges(ontology: str = "BP") -> pd.DataFrame:
    """Read the graph that the installed GOSemSim uses, an older one than that of GO.db.

    Parameters
    ----------
    ontology : str
        `BP`, `MF` or `CC`.

    Returns
    -------
    DataFrame
        One row per edge: `child`, `parent`, `relation`.

    Raises
    ------
    RNotAvailable
        If R or GOSemSim is not installed.
    """
    r.require_package("GOSemSim")
    read = r.evaluate(
        """function(ontology) {
             box <- new.env()
             utils::data("gotbl", package = "GOSemSim", envir = box)
             rows <- box$gotbl[box$gotbl$Ontology == ontology, c("go_id", "parent", "relationship")]
             lapply(rows, as.character)
           }"""
    )
    child, parent, relation = (list(column) for column in r.call(read, ontology))
    return pd.DataFrame({"child": child, "parent": parent, "relation": relation})


def wang_similarity(
    go_ids: Sequence[str], edges: pd.DataFrame, *, weights: Mapping[str, float] = INSTALLED_WEIGHTS
) -> pd.DataFrame:
    """Compute the similarity of every two terms, rounded to three decimals.

    A term gives each ancestor the product of the weights on the way up; two terms are as similar as
    the share that their common ancestors have in the sum of all these values.

    Parameters
    ----------
    go_ids : sequence of N str
        Terms; one that is not in the graph is similar to itself only.
    edges : DataFrame
        `child`, `parent`, `relation`.
    weights : dict
        Weight by relation; relations not listed get 0.7.

    Returns
    -------
    (N, N) DataFrame
        From 0 to 1, symmetric, `go_ids` in rows and columns.

    References
    ----------
    Wang et al., Bioinformatics 23 (2007), https://doi.org/10.1093/bioinformatics/btm087
    """
    values = _semantic_values(list(go_ids), edges, weights)  # (N, all terms)
    has = (values > 0).astype(float)  # (N, all terms) which ancestors a term has
    common = values @ has.T  # (N, N) what each term gives to ancestors that the other has too
    total = values.sum(axis=1)  # (N,) a term's own value and its ancestors'
    similarity = (common + common.T) / (total[:, None] + total[None, :])
    return pd.DataFrame(similarity.round(DECIMALS), index=list(go_ids), columns=list(go_ids))


def simplify(
    table: pd.DataFrame,
    edges: pd.DataFrame,
    *,
    threshold: float = SIMILAR,
    weights: Mapping[str, float] = INSTALLED_WEIGHTS,
) -> pd.DataFrame:
    """Drop terms that resemble a more significant term of the same cluster.

    This is clusterProfiler's `simplify`: among the terms more similar to a term than the
    threshold, all are dropped but those with the smallest `p.adjust`. Dropped terms still count in
    the groups of others.

    Parameters
    ----------
    table : DataFrame
        Result of `compare_clusters`; `ID` and `p.adjust` suffice for one cluster.
    edges : DataFrame
        Graph, such as `gosemsim_edges()` for the numbers of GOSemSim.
    threshold : float
        Similarity above which two terms are alike.
    weights : dict
        As in `wang_similarity`.

    Returns
    -------
    DataFrame
        The rows that stay.
    """
    similarity = wang_similarity(table["ID"].unique(), edges, weights=weights)
    groups = (
        table.groupby("Cluster", observed=True, sort=False)
        if "Cluster" in table
        else [(None, table)]
    )
    dropped = pd.Series(False, index=table.index)
    for _, part in groups:
        # (n, n) of one cluster's terms; each is alike itself
        alike = similarity.loc[part["ID"], part["ID"]].to_numpy() > threshold
        dropped[part.index] = _worse_than_alike(alike, part["p.adjust"].to_numpy())
    return table[~dropped].reset_index(drop=True)


def _worse_than_alike(alike: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return (N,) truth values: the term is not the best of some term's group of alike terms."""
    best = np.where(alike, p, np.inf).min(
        axis=1, initial=np.inf
    )  # (N,) of the group around each term
    return (alike & (p[None, :] > best[:, None])).any(axis=0)


def _semantic_values(
    go_ids: list[str], edges: pd.DataFrame, weights: Mapping[str, float]
) -> np.ndarray:
    """Return an (N, ancestors) array of the values that terms give to themselves and ancestors."""
    above = _closure(go_ids, edges)
    terms = (
        pd.Index(go_ids).append(pd.Index(above["parent"])).append(pd.Index(above["child"])).unique()
    )
    child, parent = terms.get_indexer(above["child"]), terms.get_indexer(above["parent"])
    weight = above["relation"].map(dict(weights)).fillna(OTHER_WEIGHT).to_numpy(float)
    values = np.zeros((len(go_ids), len(terms)))
    for row, start in zip(values, terms.get_indexer(go_ids), strict=True):
        _spread(row, start, child, parent, weight)
    return values


def _spread(
    row: np.ndarray, start: int, child: np.ndarray, parent: np.ndarray, weight: np.ndarray
) -> None:
    """Fill one row of semantic values breadth-first, in place; a term keeps the first value."""
    row[start] = 1.0
    wave = np.zeros(len(row), bool)
    wave[start] = True
    while len(edge := np.flatnonzero(wave[child])):
        # the first edge of a wave decides, as in GOSemSim
        reached, first = np.unique(parent[edge], return_index=True)
        new = row[reached] == 0
        row[reached[new]] = (row[child[edge]] * weight[edge])[first[new]]
        wave[:] = False
        wave[reached] = True


def _closure(go_ids: list[str], edges: pd.DataFrame) -> pd.DataFrame:
    """Return the edges above some terms."""
    reached = set(go_ids)
    while True:
        above = edges[
            edges["child"].isin(reached) & (edges["parent"] != "all")
        ]  # "all" is above every root
        parents = set(above["parent"])
        if parents <= reached:
            return above
        reached |= parents
