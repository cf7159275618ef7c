"""Do targets rank higher than random genes, and in one representation higher than in another?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.lincs.targets import Pool, gene_scores
from lib.stats import resampling

ALL_DRUGS = "all drugs"  # row of the mean over drugs
CELLS = 2**22  # numbers held at once while random sets are drawn or looked up


def permutation_test(
    queries: np.ndarray,
    drugs: np.ndarray,
    pool: Pool,
    known: Mapping[str, list[str]],
    *,
    n: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Test whether a drug's targets rank higher among genes than random genes do, as many of them.

    Parameters
    ----------
    queries : (q, width) array
        Signatures of drugs, in the representation of the pool.
    drugs : (q,) array of str
    pool : Pool
    known : mapping
        Drug → target genes, all of them in the pool.
    n : int
        Random gene sets per drug.
    rng : Generator

    Returns
    -------
    DataFrame
        As `rank_test` returns it.
    """
    scores = {drug: gene_scores(queries[drugs == drug], pool) for drug in sorted(known)}
    return rank_test(scores, pool.genes, known, n=n, rng=rng)


def rank_test(
    scores: Mapping[str, np.ndarray],
    genes: np.ndarray,
    known: Mapping[str, list[str]],
    *,
    n: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Test whether targets rank higher than random genes by any score of genes.

    The queries of a drug depend on each other; random genes are ranked for the same queries, so the
    null has that dependence too.

    Parameters
    ----------
    scores : mapping
        Drug → score of each gene for each of its queries (queries, genes); larger is more alike.
    genes : (genes,) array of str
    known : mapping
        Drug → target genes, all of them among the genes.
    n : int
        Random gene sets per drug.
    rng : Generator

    Returns
    -------
    DataFrame
        Per drug: `gene_rank` (mean, from 0), `null_mean`, `null_low`, `null_high` (95 %), `p`; and
        a row `all drugs` of the mean over drugs.
    """
    observed, null = [], []
    for drug in sorted(known):
        places = gene_places(scores[drug])  # (queries, genes)
        targets = np.flatnonzero(np.isin(genes, known[drug]))
        sets = _random_sets(len(genes), len(targets), n=n, rng=rng)
        observed.append(places[:, targets].min(axis=1).mean())
        null.append(_best_means(places, sets))
    observed = np.append(observed, np.mean(observed))
    null = np.vstack([null, np.mean(null, axis=0)])
    as_good = (null <= observed[:, None] + 1e-9).sum(axis=1)
    low, high = np.quantile(null, [0.025, 0.975], axis=1)
    names = [*sorted(known), ALL_DRUGS]
    table = pd.DataFrame({"drug": names, "gene_rank": observed, "null_mean": null.mean(axis=1)})
    return table.assign(null_low=low, null_high=high, p=(as_good + 1) / (n + 1))


def best_of_gene(scores: np.ndarray, genes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best score among the signatures of each gene.

    Parameters
    ----------
    scores : (q, N) array
        Such as connectivity with N knock-downs.
    genes : (N,) array of str
        Gene of each knock-down.

    Returns
    -------
    best : (q, genes) array
    names : (genes,) array of str
        Sorted.
    """
    order = np.argsort(np.asarray(genes, str), kind="stable")
    names, starts = np.unique(np.asarray(genes, str)[order], return_index=True)
    return np.maximum.reduceat(scores[:, order], starts, axis=1), names


def compare(
    tests: Mapping[str, pd.DataFrame],
    n_genes: int,
    *,
    against: str,
    n: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare representations by the places of the targets, drug by drug.

    Parameters
    ----------
    tests : mapping
        Representation → result of `permutation_test` for the same drugs.
    n_genes : int
        Genes that are ranked.
    against : str
        Representation that the others are compared with.
    n : int
        Draws behind intervals and p-values.
    rng : Generator

    Returns
    -------
    DataFrame
        Per representation: `representation`; `share` of the genes that come before a drug's best
        target, mean over drugs, with its interval `low`, `high`; `chance` of it; `difference` to
        the other representation and its `p` from a sign-flip test; `n` drugs.
    """
    each = {name: one[one["drug"] != ALL_DRUGS].set_index("drug") for name, one in tests.items()}
    rows = []
    for name, own in each.items():
        share = own["gene_rank"].to_numpy() / n_genes
        off = share - each[against]["gene_rank"].to_numpy() / n_genes
        low, high = resampling.bootstrap_mean(share, n=n, rng=rng)
        p = np.nan if name == against else resampling.sign_flip(off, n=n, rng=rng)
        row = {"representation": name, "share": share.mean(), "low": low, "high": high}
        row |= {"chance": own["null_mean"].mean() / n_genes, "difference": off.mean()}
        rows.append({**row, "p": p, "n": len(own)})
    return pd.DataFrame(rows)


def gene_places(scores: np.ndarray) -> np.ndarray:
    """Return the rank from 0 of each gene within each query (queries, genes); equals share their
    mean.

    Parameters
    ----------
    scores : (queries, genes) array
        Larger is more alike.
    """
    rounded = np.sort(scores.round(6), axis=1)
    low, high = (
        np.stack(
            [
                np.searchsorted(one, own, side=side)
                for one, own in zip(rounded, scores.round(6), strict=True)
            ]
        )
        for side in ("left", "right")
    )
    return scores.shape[1] - (low + high + 1) / 2


def _random_sets(n_genes: int, size: int, *, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return sets of genes drawn without replacement, (n, size)."""
    step = max(1, CELLS // n_genes)
    parts = []
    for start in range(0, n, step):
        keys = rng.random((min(step, n - start), n_genes))
        # the genes with the smallest of random keys are a random set
        parts.append(np.argpartition(keys, size - 1, axis=1)[:, :size])
    return np.vstack(parts)


def _best_means(places: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Return the mean over queries of the best place within each set of genes, (sets,)."""
    step = max(1, CELLS // (len(places) * sets.shape[1]))
    parts = (sets[start : start + step] for start in range(0, len(sets), step))
    # (queries, sets, genes of a set) → best of a set → mean over queries
    return np.concatenate([places[:, part].min(axis=2).mean(axis=0) for part in parts])
