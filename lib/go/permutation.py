"""A permutation null for `compare_clusters`: how good the best term of a random cluster is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib.go.annotation import Annotation, load
from lib.go.enrichgo import Cutoffs, check_clusters, cluster_universe
from lib.go.tails import upper_tail

BLOCK = 256  # draws counted at once


def permutation_null(
    annotation: Annotation,
    clusters: Mapping[str, Sequence[str]],
    background: Sequence[str],
    *,
    rng: np.random.Generator,
    n_draws: int = 1000,
    cutoffs: Cutoffs | None = None,
    by: str = "symbol",
    tail: str = "auto",
) -> pd.DataFrame:
    """Compare each cluster's smallest p-value with those of random gene sets of the same size.

    Only annotated background genes take part, in the cluster as in the draws. This tests whether a
    cluster has any theme at all, and unlike an adjusted p-value it allows for the overlap between
    terms.

    Parameters
    ----------
    annotation : Annotation
        One release and ontology.
    clusters : mapping of name to sequence of str
        Genes of every cluster.
    background : sequence of str
        The universe.
    rng : numpy Generator
        Source of the draws.
    n_draws : int
        Random sets per cluster.
    cutoffs : Cutoffs, optional
        Only the size limits are used.
    by : str
        `symbol` or `entrez`: what the annotation is read by; nothing is mapped.
    tail : str
        See `lib.go.tails.upper_tail`.

    Returns
    -------
    DataFrame
        One row per cluster: `Cluster`, `n_genes` (annotated ones in the background), `min_pvalue`,
        `permutation_p` = (1 + draws at least as good) / (1 + n_draws).

    Raises
    ------
    InputError
        If a cluster is empty, or no background gene is annotated.
    """
    cutoffs = cutoffs or Cutoffs()
    clusters = check_clusters(clusters)
    universe = cluster_universe(annotation, clusters, background, by=by)
    sets, inside = (
        universe.sets,
        np.unpackbits(universe.inside, count=len(universe.sets.genes)).astype(bool),
    )
    tested = (universe.sizes >= cutoffs.min_size) & (universe.sizes <= cutoffs.max_size)
    member = np.unpackbits(sets.bits[tested], axis=1, count=len(inside))[:, inside].astype(
        np.float32
    )  # (T, G)
    rows = []
    for name, genes in clusters.items():
        drawn = np.unpackbits(sets.pack(genes), count=len(inside)).astype(bool)[inside]  # (G,)
        # p depends on a term's hits alone, so all values are computed once per cluster
        tails = _tail_table(universe.sizes[tested], int(inside.sum()), int(drawn.sum()), tail)
        observed = _smallest_p(member, drawn[:, None], tails)[0]
        # (n_draws,)
        null = _null_smallest_p(member, int(drawn.sum()), tails, rng=rng, n_draws=n_draws)
        rows.append(
            (name, int(drawn.sum()), observed, (1 + int((null <= observed).sum())) / (1 + n_draws))
        )
    return pd.DataFrame(rows, columns=["Cluster", "n_genes", "min_pvalue", "permutation_p"])


def _tail_table(sizes: np.ndarray, n_universe: int, n_drawn: int, tail: str) -> np.ndarray:
    """Return (T, n_drawn + 1) p-values of every term by its number of hits."""
    size, hits = sizes[:, None], np.arange(n_drawn + 1)[None, :]
    flat = upper_tail(*np.broadcast_arrays(hits, size, n_universe - size, n_drawn), tail=tail)
    return flat.reshape(len(sizes), n_drawn + 1)


def _null_smallest_p(
    member: np.ndarray, n_drawn: int, tails: np.ndarray, *, rng, n_draws: int
) -> np.ndarray:
    """Return (n_draws,) smallest p-values of random sets of annotated background genes."""
    blocks = []
    for start in range(0, n_draws, BLOCK):
        # ranks of random numbers: n_drawn genes per column without replacement
        scores = rng.random((member.shape[1], min(BLOCK, n_draws - start)))
        drawn = (
            np.argsort(np.argsort(scores, axis=0), axis=0) < n_drawn
        )  # (G, block), n_drawn true per column
        blocks.append(_smallest_p(member, drawn, tails))
    return np.concatenate(blocks)


def _smallest_p(member: np.ndarray, drawn: np.ndarray, tails: np.ndarray) -> np.ndarray:
    """Return (B,) smallest p-values over T terms, 1 without any, for (G, B) drawn genes."""
    # a product of 0s and 1s counts shared genes; float32 is exact below 2²⁴
    hits = (member @ drawn.astype(np.float32)).astype(np.intp)  # (T, B)
    return np.take_along_axis(tails, hits, axis=1).min(axis=0, initial=1.0)


def permute_cluster(
    part: Path,
    *,
    seed: int,
    annotation_dir: Path,
    genes: list[str],
    background: list[str],
    n_draws: int,
    min_size: int,
    max_size: int,
) -> None:
    """Write the permutation test of one cluster: a unit of `lib.run.compute.run_units`.

    Parameters
    ----------
    part : Path
        Parquet file to write: one row, the columns of `permutation_null` without `Cluster`.
    seed : int
        Of the draws.
    annotation_dir : Path
        Folder that `lib.go.save` wrote.
    genes, background : list of str
        Symbols of the cluster and of the universe.
    n_draws : int
        Random sets.
    min_size, max_size : int
        Fewest and most genes of a tested term.

    Raises
    ------
    InputError
        If the folder holds no annotation, or no background gene is annotated.
    """
    table = permutation_null(
        load(annotation_dir),
        {"cluster": genes},
        background,
        rng=np.random.default_rng(seed),
        n_draws=n_draws,
        cutoffs=Cutoffs(min_size=min_size, max_size=max_size),
    )
    table.drop(columns="Cluster").to_parquet(part, index=False)
