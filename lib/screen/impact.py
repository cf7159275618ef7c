"""Specificity scores of the impact screen, the cut-off, and tests of the ranking against gene
sets."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from lib.data.errors import InputError
from lib.stats import order

SCORE = "test_bacc"


@dataclass(frozen=True)
class Knee:
    """Knee of a descending curve.

    Parameters
    ----------
    index : int
        Rank, counted from 0.
    score : float
        Score at that rank.
    """

    index: int
    score: float


@dataclass(frozen=True)
class SetTest:
    """One-sided Mann-Whitney test of whether a gene set scores higher than the other genes.

    Parameters
    ----------
    n_in, n_out : int
        Genes of the set, and the others.
    u : float
        U of the genes outside, as the paper prints it.
    p : float
    auroc : float
        Probability that a gene of the set scores higher than one outside.
    """

    n_in: int
    n_out: int
    u: float
    p: float
    auroc: float


@dataclass(frozen=True)
class Overlap:
    """Two selections from one universe of genes, and the two-sided Fisher test of their overlap.

    Parameters
    ----------
    both, only_first, only_second, neither : int
        Genes.
    odds_ratio, p : float
        Of the two-sided test.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    odds_ratio: float
    p: float


def specificity(results: pd.DataFrame, *, score: str = SCORE) -> pd.DataFrame:
    """Return the specificity score of every gene, best first: the mean over folds of the test
    balanced accuracy.

    Parameters
    ----------
    results : DataFrame
        One row per gene and fold, as `lib.screen.runs.screen_run` writes them: `gene`, `fold` and
        the column `score`.
    score : str
        Column with a share between 0 and 1; by default the test balanced accuracy.

    Returns
    -------
    DataFrame
        `rank` (1 = best), `gene_symbol`, `score`, `sd` (population SD over folds, as in Fig 2C),
        `n_folds`. Equal scores, to nine digits, are in alphabetical order.

    Raises
    ------
    InputError
        For a missing column, no row, a score that is missing or outside 0 to 1, a gene and fold
        given twice, or a gene with fewer folds than the others.

    References
    ----------
    Image2Reg, Fig 2C.
    """
    _check_results(results, score)  # before anything is averaged
    # population SD over folds, as in Fig 2C
    folds = results.rename(columns={"gene": "gene_symbol"}).groupby("gene_symbol", observed=True)[
        score
    ]
    table = pd.DataFrame(
        {"score": folds.mean(), "sd": folds.std(ddof=0), "n_folds": folds.size()}
    ).reset_index()
    short = table[table["n_folds"] < table["n_folds"].max()]
    if len(short):
        raise InputError(
            f"{len(short)} genes have fewer than {table['n_folds'].max()} folds, such as "
            f"{short['gene_symbol'].iloc[0]} ({short['n_folds'].iloc[0]}); run the missing folds "
            "or leave it out"
        )
    table = order.sort_table(table, "score", ties="gene_symbol", largest_first=True).reset_index(
        drop=True
    )
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table.astype({"gene_symbol": str})


def knee(scores, *, sensitivity: float = 2.0) -> Knee | None:
    """Find the knee of a descending convex curve of scores; None where the curve has none.

    Both axes are scaled to 0…1 and the curve is turned upside down, so that a knee is a local
    maximum of height over the diagonal. The first maximum is the knee from which the difference
    falls by `sensitivity` mean steps of the rank axis before it rises to another maximum.

    Parameters
    ----------
    scores : (M,) array
        In any order; sorted here, largest first.
    sensitivity : float
        Kneedle's S (paper: 2). Larger asks for a clearer bend.

    Returns
    -------
    Knee or None

    References
    ----------
    Satopää et al. 2011, Finding a "Kneedle" in a Haystack, https://doi.org/10.1109/ICDCSW.2011.20

    Examples
    --------
    >>> knee([10, 5, 2, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4], sensitivity=1)
    Knee(index=2, score=2.0)
    """
    ordered = np.sort(order.rounded(scores))[::-1]  # (M,)
    if len(ordered) < 3 or ordered[0] == ordered[-1]:
        return None
    x = np.linspace(0, 1, len(ordered))  # (M,) rank axis
    difference = order.rounded(
        (ordered[0] - ordered) / (ordered[0] - ordered[-1]) - x, scale=1
    )  # (M,)
    rising, falling = np.diff(difference) > 0, np.diff(difference) < 0
    is_peak = np.r_[False, ~falling[:-1] & ~rising[1:], False]  # the ends of the curve are no knees
    is_valley = np.r_[False, ~rising[:-1] & ~falling[1:], False]
    best, limit = None, -np.inf
    for i in range(len(ordered) - 1):
        if is_peak[i]:
            best, limit = i, difference[i] - sensitivity * x[1]  # x[1] is one step of the rank axis
        if is_valley[i] and best is not None:
            limit = 0.0  # Kneedle starts again after a valley
        if best is not None and difference[i + 1] < limit:
            return Knee(best, float(ordered[best]))
    return None


def threshold(table: pd.DataFrame, *, n_genes: int = 41) -> float:
    """Return the score of the gene after the first `n_genes`: the paper's line in Fig 2C.

    The paper chose the number by hand; no p-value is involved.

    Parameters
    ----------
    table : DataFrame
        From `specificity`.
    n_genes : int
        Genes that are to pass (paper: 41).

    Returns
    -------
    float
        −inf where there is no further gene, so that every gene passes.

    Raises
    ------
    InputError
        If `n_genes` is below 1.
    """
    if n_genes < 1:
        raise InputError(f"n_genes is {n_genes}; select at least one gene")
    ordered = np.sort(order.rounded(table["score"]))[::-1]  # (M,)
    return float(ordered[n_genes]) if n_genes < len(ordered) else -np.inf


def select_top(table: pd.DataFrame, *, n_genes: int = 41) -> pd.Series:
    """Return which genes score strictly above the `n_genes + 1`-th score.

    Parameters
    ----------
    table : DataFrame
        From `specificity`.
    n_genes : int
        Genes wanted (paper: 41).

    Returns
    -------
    Series of bool
        `selected`, with the index of the table; fewer than `n_genes` are true where scores tie.

    Raises
    ------
    InputError
        If `n_genes` is below 1.

    Examples
    --------
    >>> scores = pd.DataFrame({"score": [0.9, 0.7, 0.7, 0.5]})
    >>> select_top(scores, n_genes=2).tolist()
    [True, False, False, False]
    """
    passes = order.rounded(table["score"]) > threshold(table, n_genes=n_genes)
    return pd.Series(passes, index=table.index, name="selected")


def compare_set(table: pd.DataFrame, genes: Collection[str]) -> SetTest:
    """Test whether a gene set scores higher than the other genes of the screen (one-sided
    Mann-Whitney).

    Genes of the set that were not screened do not count. `u` is that of the genes outside, as the
    paper prints it.

    Parameters
    ----------
    table : DataFrame
        From `specificity`: `gene_symbol`, `score`.
    genes : collection of str
        The set.

    Returns
    -------
    SetTest

    Raises
    ------
    InputError
        If the set holds none or all of the screened genes.

    References
    ----------
    Image2Reg tests the screen's scores against Rohban et al.'s active genes and a set of
    mechanotransduction genes in this way.
    """
    inside = table["gene_symbol"].isin(set(genes))  # (M,)
    if inside.all() or not inside.any():
        raise InputError(
            f"the gene set holds {int(inside.sum())} of {len(table)} screened genes; a comparison "
            "needs some in and out"
        )
    test = stats.mannwhitneyu(
        table.loc[~inside, "score"],
        table.loc[inside, "score"],
        alternative="less",
        method="asymptotic",
    )
    n_in, n_out = int(inside.sum()), int((~inside).sum())
    return SetTest(
        n_in,
        n_out,
        float(test.statistic),
        float(test.pvalue),
        1 - float(test.statistic) / (n_in * n_out),  # U is that of the genes outside
    )


def overlap(first: Collection[str], second: Collection[str], universe: Collection[str]) -> Overlap:
    """Count how two selections overlap among the genes of `universe`, with Fisher's two-sided test.

    Parameters
    ----------
    first, second : collection of str
        Selected genes.
    universe : collection of str
        All genes that could have been selected.

    Returns
    -------
    Overlap

    Raises
    ------
    InputError
        If a selected gene is not in the universe.

    Examples
    --------
    >>> overlap({"JUN"}, {"JUN", "SRC"}, {"JUN", "SRC", "MOS", "BAX"}).both
    1
    """
    first, second, universe = set(first), set(second), set(universe)
    stray = sorted((first | second) - universe)
    if stray:
        raise InputError(f"{len(stray)} selected genes were not screened, such as {stray[0]}")
    both = len(first & second)  # cells of the 2 × 2 table
    # both, one, the other, neither
    cells = [both, len(first) - both, len(second) - both, len(universe) - len(first | second)]
    test = stats.fisher_exact(np.reshape(cells, (2, 2)))
    return Overlap(*cells, odds_ratio=float(test.statistic), p=float(test.pvalue))


def _check_results(results: pd.DataFrame, score: str) -> None:
    missing = [name for name in ("gene", "fold", score) if name not in results]
    if missing:
        raise InputError(
            f"the screen's results lack column {missing[0]!r}; they have {', '.join(results)}"
        )
    if results.empty:
        raise InputError("the screen's results have no row; run the screen first")
    bad = results[~results[score].between(0, 1)]
    if len(bad):
        gene, fold, value = bad.iloc[0][["gene", "fold", score]]
        raise InputError(
            f"{gene}, fold {fold}: {score} is {value}, not a share between 0 and 1; run it again"
        )
    twice = results[results.duplicated(["gene", "fold"])]
    if len(twice):
        gene, fold = twice.iloc[0][["gene", "fold"]]
        raise InputError(f"{gene}, fold {fold} is there twice; keep one row a gene and fold")
