"""Which gene does a drug hit? Knock-downs ranked by how alike their signatures are to the drug's.

The rank of a query is the number of signatures that are more alike to it than the best signature of
its targets: counted, never sorted. Ranks start at 0.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaln

from lib.data.errors import InputError, listed

BLOCK = 2**24  # similarities held at once, 64 MB in float32
TIE = 1e-6  # similarities nearer than this are equal: they come from products in single precision
BEST = 10


@dataclass(frozen=True)
class Pool:
    """Reference signatures: unit vectors (N, width) sorted by gene, the genes in that order, and
    where each starts.
    """

    units: np.ndarray
    genes: np.ndarray
    starts: np.ndarray
    n_constant: int

    @property
    def sizes(self) -> np.ndarray:
        """Signatures of each gene, (genes,)."""
        return np.diff(np.append(self.starts, len(self.units)))


def standardise(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return centred rows of length 1, and which rows are constant and so have no correlation.

    Parameters
    ----------
    values : (n, width) array

    Returns
    -------
    units : (n, width) float32 array
        Products of them are Pearson correlations; 0 for constant rows.
    constant : (n,) array of bool

    Examples
    --------
    >>> standardise(np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]))[1].tolist()
    [True, False]
    """
    values = np.asarray(values, np.float64)
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    constant = length[:, 0] <= 1e-9 * np.maximum(np.abs(values).max(axis=1), 1e-12) * np.sqrt(
        values.shape[1]
    )
    return np.where(constant[:, None], 0, centred / np.where(length > 0, length, 1)).astype(
        np.float32
    ), constant


def pool(values: np.ndarray, genes: np.ndarray) -> Pool:
    """Return reference signatures (N, width) of knocked-down genes (N,) in the form that is
    searched.

    Constant ones correlate with nothing; they are left out and counted.

    Parameters
    ----------
    values : (N, width) array
    genes : (N,) array of str

    Returns
    -------
    Pool
    """
    units, constant = standardise(values)
    kept = np.flatnonzero(~constant)
    order = kept[np.argsort(np.asarray(genes, str)[kept], kind="stable")]
    names, starts = np.unique(np.asarray(genes, str)[order], return_index=True)
    return Pool(units[order], names, starts, int(constant.sum()))


def match(
    targets: pd.DataFrame, drugs: np.ndarray, genes: np.ndarray, *, exact: bool = False
) -> tuple[dict[str, list[str]], pd.DataFrame]:
    """Keep the targets that can be evaluated, and say what became of the others.

    Parameters
    ----------
    targets : DataFrame
        `drug`, `gene`; from `lists.read_targets`, drugs in lower case.
    drugs, genes : array of str
        Names among the queries and the references.
    exact : bool
        Compare drug names with capitals, as published: one that has some among the queries, such as
        MG-132, is then lost.

    Returns
    -------
    known : dict
        Drug, as the queries write it → its targets in the pool.
    report : DataFrame
        Per drug of the table: `n_targets`, `n_in_pool`, `status` ("evaluated", "no signature of
        the drug", "no signature of a target").

    Raises
    ------
    InputError
        If nothing is left.
    """
    written = {name if exact else name.lower(): name for name in sorted(set(drugs))}
    rows = targets.assign(
        name=targets["drug"].map(written), has_gene=targets["gene"].isin(set(genes))
    )
    report = rows.groupby("drug", sort=True).agg(
        n_targets=("gene", "size"), n_in_pool=("has_gene", "sum"), name=("name", "first")
    )
    report["status"] = np.select(
        [report["name"].isna(), report["n_in_pool"] == 0],
        ["no signature of the drug", "no signature of a target"],
        "evaluated",
    )
    usable = rows[rows["name"].notna() & rows["has_gene"]]
    if usable.empty:
        raise InputError(
            f"none of the drugs {listed(report.index, limit=5)} has signatures and a target with "
            "any",
            fix="drug names must be those of pert_iname, targets gene symbols",
        )
    known = usable.groupby("name", sort=True)["gene"].agg(list).to_dict()
    return known, report.drop(columns="name").reset_index()


def rank(
    queries: np.ndarray, drugs: np.ndarray, pool: Pool, known: Mapping[str, list[str]]
) -> pd.DataFrame:
    """Rank the targets of each query among all reference signatures, and among genes by their best
    signature.

    Parameters
    ----------
    queries : (n, width) array
        Signatures of drugs, in the representation of the pool.
    drugs : (n,) array of str
        Drug of each query; queries of drugs without known targets are left out.
    pool : Pool
    known : mapping
        Drug → target genes, all of them in the pool.

    Returns
    -------
    DataFrame
        Per query: `query` (its row), `drug`, `rank` (mean of `optimistic`: ties in favour of the
        target, and `pessimistic`), `gene_rank`, and `is_defined`: a constant representation has no
        rank, not rank 0.
    """
    rows = np.flatnonzero(np.isin(drugs, list(known)))
    units, constant = standardise(queries[rows])
    wanted = target_masks(drugs[rows], pool, known)  # (rows, genes)
    parts = [_ranks(s, pool, wanted[part]) for part, s in similarities(units, pool)]
    table = pd.DataFrame(np.vstack(parts), columns=["optimistic", "pessimistic", "gene_rank"])
    table = table.assign(rank=table[["optimistic", "pessimistic"]].mean(axis=1))
    table.loc[constant] = np.nan
    table.insert(0, "query", rows)
    table.insert(1, "drug", drugs[rows])
    return table.assign(is_defined=~constant)


def gene_scores(queries: np.ndarray, pool: Pool) -> np.ndarray:
    """Return the similarity of each query to the best signature of each gene of the pool, (n,
    genes) float32.

    Parameters
    ----------
    queries : (n, width) array
    pool : Pool
    """
    units, _ = standardise(queries)
    return np.vstack(
        [np.maximum.reduceat(s, pool.starts, axis=1) for _, s in similarities(units, pool)]
    )


def similarities(units: np.ndarray, pool: Pool) -> Iterator[tuple[slice, np.ndarray]]:
    """Give the correlations of blocks of queries with the whole pool, as one matrix product each:
    rows, (rows, N).

    Parameters
    ----------
    units : (n, width) array
        From `standardise`.
    pool : Pool

    Yields
    ------
    rows : slice
    similarity : (rows, N) float32 array
        At most 64 MB of it at once.
    """
    step = max(1, BLOCK // len(pool.units))
    for start in range(0, len(units), step):
        part = slice(start, start + step)
        yield part, units[part] @ pool.units.T


def target_masks(drugs: np.ndarray, pool: Pool, known: Mapping[str, list[str]]) -> np.ndarray:
    """Return which genes of the pool are targets of each query's drug, (n, genes)."""
    names, codes = np.unique(drugs, return_inverse=True)
    return np.array([np.isin(pool.genes, known[name]) for name in names])[codes]


def null_best_rank(n_pool: int, n_targets: int, quantile: float | None = None) -> float:
    """Return the expected best rank of `n_targets` signatures placed at random among `n_pool`, or a
    quantile of it.

    The mean is (N − m) / (m + 1). The chance of a best rank of r or more is C(N − r, m) / C(N, m).

    Parameters
    ----------
    n_pool, n_targets : int
        N and m.
    quantile : float, optional
        Between 0 and 1.

    Examples
    --------
    >>> null_best_rank(116_782, 27)
    4169.821428571428
    """
    if quantile is None:
        return (n_pool - n_targets) / (n_targets + 1)
    ranks = np.arange(n_pool - n_targets + 1)
    at_least = np.exp(_log_choose(n_pool - ranks, n_targets) - _log_choose(n_pool, n_targets))
    return float(ranks[np.searchsorted(1 - np.append(at_least[1:], 0), quantile)])


def summarise(ranks: pd.DataFrame, pool: Pool, known: Mapping[str, list[str]]) -> pd.DataFrame:
    """Return one row per drug: what the paper reports, and chance beside it.

    Returns
    -------
    DataFrame
        `drug`, `n_targets`, `n_queries`, `n_undefined`, `best` (ten smallest ranks), `mean_rank`,
        `median_rank`, `hit_at_100`, `chance` (expected rank of a random order given the drug's
        number of target signatures), `chance_low`, `chance_high` (95 % of single queries),
        `gene_rank` (mean, among genes), `gene_percentile`.
    """
    sizes = pd.Series(pool.sizes, index=pool.genes)
    rows = []
    for drug, own in ranks.groupby("drug", sort=True):
        defined = own[own["is_defined"]]
        m = int(sizes[known[drug]].sum())
        bounds = [null_best_rank(len(pool.units), m, q) for q in (0.025, 0.975)]
        rows.append(
            {
                "drug": drug,
                "n_targets": len(known[drug]),
                "n_queries": len(own),
                "n_undefined": int((~own["is_defined"]).sum()),
                "best": ", ".join(f"{value:g}" for value in np.sort(defined["rank"])[:BEST]),
                "mean_rank": defined["rank"].mean(),
                "median_rank": defined["rank"].median(),
                "hit_at_100": (defined["rank"] < 100).mean(),
                "chance": null_best_rank(len(pool.units), m),
                "chance_low": bounds[0],
                "chance_high": bounds[1],
                "gene_rank": defined["gene_rank"].mean(),
                "gene_percentile": defined["gene_rank"].mean()
                / (len(pool.genes) - len(known[drug])),
            }
        )
    return pd.DataFrame(rows)


def _ranks(similarity: np.ndarray, pool: Pool, wanted: np.ndarray) -> np.ndarray:
    """Return optimistic, pessimistic and gene rank of a block of queries, (rows, 3)."""
    by_gene = np.maximum.reduceat(similarity, pool.starts, axis=1)  # (rows, genes)
    best = np.where(wanted, by_gene, -np.inf).max(axis=1, keepdims=True)
    above = (similarity > best + TIE).sum(axis=1)
    n_targets = np.where(
        wanted, np.add.reduceat(similarity >= best - TIE, pool.starts, axis=1, dtype=np.int64), 0
    )
    at_least = (similarity >= best - TIE).sum(axis=1) - n_targets.sum(axis=1)
    genes_above = ((by_gene > best + TIE) & ~wanted).sum(axis=1)
    return np.stack([above, at_least, genes_above], axis=1).astype(float)


def _log_choose(n: np.ndarray | int, k: int) -> np.ndarray:
    """Return log C(n, k); −∞ where n < k."""
    n = np.asarray(n, float)
    with np.errstate(invalid="ignore"):
        found = gammaln(n + 1) - gammaln(k + 1) - gammaln(np.maximum(n - k, -0.5) + 1)
    return np.where(n < k, -np.inf, found)
