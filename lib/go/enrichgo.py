"""Over-representation of GO terms in clusters of genes, as compareCluster(enrichGO) defines it.

Three definitions differ from a textbook test: cluster genes outside the universe still count as
drawn, only terms that a cluster hits are tests of that cluster, and term sizes are limited inside
the universe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.go.annotation import Annotation, names_of
from lib.go.gene_sets import GeneSets, count, gene_sets
from lib.go.tails import upper_tail
from lib.stats import order
from lib.stats.multiple_testing import benjamini_hochberg, storey_q

COLUMNS = [
    "Cluster",
    "ID",
    "Description",
    "GeneRatio",
    "BgRatio",
    "pvalue",
    "p.adjust",
    "qvalue",
    "geneID",
    "Count",
]


@dataclass(frozen=True)
class Cutoffs:
    """Which terms are tested and which rows are kept.

    Attributes
    ----------
    p : float
        Largest p-value, and largest adjusted p-value, of a row that is kept.
    q : float
        Largest q-value of a row that is kept; 1 or more keeps all.
    min_size, max_size : int
        Fewest and most genes of a tested term inside the universe.
    """

    p: float = 0.05
    q: float = 0.2
    min_size: int = 10
    max_size: int = 500


@dataclass(frozen=True, eq=False)
class Universe:
    """Gene sets of all genes in play, with the part of them that is the universe.

    Attributes
    ----------
    sets : GeneSets
        Sets over the universe and all cluster genes.
    inside : (ceil(G / 8),) uint8 array
        Annotated genes of the universe, packed.
    sizes : (T,) int array
        Genes of every term inside the universe.
    """

    sets: GeneSets
    inside: np.ndarray
    sizes: np.ndarray


def check_clusters(clusters: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the clusters under text names, each gene once.

    Parameters
    ----------
    clusters : mapping of name to sequence of str
        Genes of every cluster.

    Returns
    -------
    dict of str to list of str
        Clusters and genes in the order given.

    Raises
    ------
    InputError
        If there is no cluster, or one is empty.
    """
    if not clusters:
        raise InputError("there is no cluster to test")
    empty = [str(name) for name, genes in clusters.items() if not len(genes)]
    if empty:
        raise InputError(f"cluster {', '.join(empty)} has no gene; leave it out")
    return {str(name): list(dict.fromkeys(genes)) for name, genes in clusters.items()}


def cluster_universe(
    annotation: Annotation,
    clusters: Mapping[str, Sequence[str]],
    background: Sequence[str] | None,
    *,
    by: str,
) -> Universe:
    """Build the gene sets for some clusters against a background.

    Parameters
    ----------
    annotation : Annotation
        Its terms become gene sets.
    clusters : mapping of str to sequence of str
        Genes of every cluster.
    background : sequence of str or None
        The universe; None stands for every annotated gene.
    by : str
        `symbol` or `entrez`: what clusters and background list.

    Returns
    -------
    Universe
        Sets over the background and the clusters' genes.

    Raises
    ------
    InputError
        If no background gene is annotated.
    """
    codes = annotation.codes
    # without a background, every gene with an annotation
    chosen = (
        (codes.symbols if by == "symbol" else codes.entrez) if background is None else background
    )
    genes = dict.fromkeys([*chosen, *(gene for members in clusters.values() for gene in members)])
    # cluster genes outside the background count as drawn, so they need sets too
    sets = gene_sets(annotation, list(genes), by=by)
    inside = sets.feasible & sets.pack(chosen)
    if not inside.any():
        raise InputError(
            f"none of the {len(chosen)} background genes has a GO {annotation.ontology} annotation"
        )
    return Universe(sets, inside, count(sets.bits & inside))


def compare_builtin(
    annotation: Annotation,
    clusters: Mapping[str, Sequence[str]],
    background: Sequence[str] | None,
    *,
    cutoffs: Cutoffs,
    by: str = "entrez",
    tail: str = "auto",
) -> pd.DataFrame:
    """Test every cluster with the built-in engine; see `lib.go.compare_clusters`.

    Parameters
    ----------
    annotation : Annotation
        One release and ontology.
    clusters : mapping of str to sequence of str
        Distinct genes of every cluster.
    background : sequence of str or None
        The universe; None stands for every annotated gene.
    cutoffs : Cutoffs
        Which terms are tested and which rows kept.
    by : str
        `symbol` or `entrez`: what clusters and background list.
    tail : str
        See `lib.go.tails.upper_tail`.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row per cluster and term that is kept.

    Raises
    ------
    InputError
        If no background gene is annotated.
    """
    universe = cluster_universe(annotation, clusters, background, by=by)
    parts = []
    for name, genes in clusters.items():
        part = test_cluster(annotation, universe, genes, cutoffs=cutoffs, tail=tail)
        parts.append(part.assign(Cluster=name))
    table = pd.concat(parts, ignore_index=True)[COLUMNS]
    return table.assign(Cluster=pd.Categorical(table["Cluster"], categories=list(clusters)))


def test_cluster(
    annotation: Annotation,
    universe: Universe,
    genes: Sequence[str],
    *,
    cutoffs: Cutoffs,
    tail: str = "auto",
) -> pd.DataFrame:
    """Test the terms that one list of genes hits.

    Parameters
    ----------
    annotation : Annotation
        Names the terms.
    universe : Universe
        Gene sets over the background and these genes.
    genes : sequence of str
        Distinct genes; those without any annotation do not count.
    cutoffs : Cutoffs
        Which terms are tested and which rows kept.
    tail : str
        See `lib.go.tails.upper_tail`.

    Returns
    -------
    DataFrame
        One row per term that is kept, by ascending p: `COLUMNS` of enrichGO without `Cluster`.

    Raises
    ------
    InputError
        If the tail is unknown.
    """
    sets = universe.sets
    drawn = sets.pack(genes) & sets.feasible  # n counts annotated genes, in the universe or not
    # (tested,) only terms that the cluster hits are tests of it, and BH counts no others
    candidate = np.flatnonzero(
        (count(sets.bits & drawn) > 0)
        & (universe.sizes >= cutoffs.min_size)
        & (universe.sizes <= cutoffs.max_size)
    )
    # hits count in the universe alone
    hits, sizes = count(sets.bits[candidate] & drawn & universe.inside), universe.sizes[candidate]
    n_drawn, n_universe = int(count(drawn)), int(count(universe.inside))
    # white balls are the term's genes, as enrichGO calls phyper; topGO swaps the roles
    p = upper_tail(hits, sizes, n_universe - sizes, n_drawn, tail=tail)
    tests = pd.DataFrame({"row": candidate, "Count": hits, "size": sizes, "pvalue": p})
    tests = tests.assign(**{"p.adjust": benjamini_hochberg(p), "qvalue": storey_q(p)})
    tests = _within_cutoffs(
        tests.iloc[order.by_p_value(tests["pvalue"])].reset_index(drop=True), cutoffs
    )
    ids = sets.terms[tests["row"]]
    text = {
        "ID": ids,
        "Description": names_of(annotation, ids),
        "GeneRatio": [f"{k}/{n_drawn}" for k in tests["Count"]],
        "BgRatio": [f"{size}/{n_universe}" for size in tests["size"]],
        "geneID": _hit_genes(universe, tests["row"].to_numpy(), genes),
    }
    return pd.concat([tests, pd.DataFrame(text, dtype=object)], axis=1)[COLUMNS[1:]]


test_cluster.__test__ = False  # a verb, not a test for pytest


def _within_cutoffs(tests: pd.DataFrame, cutoffs: Cutoffs) -> pd.DataFrame:
    """Keep the rows below the cut-offs; missing q-values switch the q cut-off off."""
    kept = (order.rounded(tests[["pvalue", "p.adjust"]]) <= cutoffs.p).all(axis=1)
    # clusterProfiler drops this cut-off where qvalue fails
    if not tests.loc[kept, "qvalue"].isna().any():
        kept &= order.rounded(tests["qvalue"]) <= cutoffs.q
    return tests[kept].reset_index(drop=True)


def _hit_genes(universe: Universe, rows: np.ndarray, genes: Sequence[str]) -> list[str]:
    """Return the genes of a list that are in each term and in the universe, joined by '/'.

    They are in the order of the list.
    """
    position = universe.sets.genes.get_indexer(pd.Index(genes, dtype=object))
    bits = universe.sets.bits[rows] & universe.inside
    member = (bits[:, position >> 3] >> (7 - (position & 7)).astype(np.uint8)) & 1  # (rows, genes)
    names = np.array(genes, dtype=object)
    return ["/".join(names[hit]) for hit in member.astype(bool)]
