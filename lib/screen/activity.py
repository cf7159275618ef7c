"""Phenotypic activity without training: do the wells of a gene retrieve each other before EMPTY
wells?

Wells are averaged, put on the scale of their plate's EMPTY wells, and ranked by similarity to every
well of a gene; the average precision says how early its sister wells come among the EMPTY wells
(Kalinin et al. 2025, copairs).
"""

import tempfile
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.stats.multiple_testing import benjamini_hochberg


def mean_average_precision(
    profiles: pd.DataFrame,
    *,
    control: str = "EMPTY",
    fdr: float = 0.05,
    n_null: int = 10_000,
    seed: int = 1234,
    across_plates: bool = True,
) -> pd.DataFrame:
    """Call the genes active whose wells are closer (cosine) to each other than to control wells.

    Parameters
    ----------
    profiles : DataFrame, (wells, F)
        From `scale_to_controls`; the index has the levels `gene_symbol` and `plate`.
    control : str
        Symbol of the control wells.
    fdr : float
        Largest Benjamini-Hochberg q-value of an active gene.
    n_null : int
        Random rankings behind each p-value; the smallest p is 1 / (n_null + 1).
    seed : int
        Of the random rankings.
    across_plates : bool
        Only wells on different plates count as sisters, so that a plate effect is no activity.

    Returns
    -------
    DataFrame
        Sorted by gene: `gene_symbol`, `n_wells`, `map` (0 to 1), `normalised_map` (0 = random, 1 =
        perfect), `p`, `q`, `is_active`. A gene whose wells have no sister keeps its row with
        missing values and is not active.

    Raises
    ------
    InputError
        If no well, or every well, is a control.

    Notes
    -----
    Copairs takes for a gene whose wells have equally many sisters and controls the null of one
    well's average precision, which is wider than that of the mean over its wells: on inert genes
    the test is conservative in the tail (simulated inert genes: 0 to 2 % at p ≤ 0.05).

    References
    ----------
    Kalinin et al. 2025, the package copairs.
    """
    meta = profiles.index.to_frame(index=False)  # one row per well
    is_control = meta["gene_symbol"] == control
    if not is_control.any() or is_control.all():
        raise InputError(
            f"{int(is_control.sum())} of {len(meta)} wells are {control}; need some, and some genes"
        )
    table = (
        meta[~is_control]
        .groupby("gene_symbol", observed=True)
        .size()
        .rename("n_wells")
        .reset_index()
    )
    # without any two sister wells there is nothing to rank
    if _has_sisters(meta[~is_control], across_plates):
        scores = _by_gene(_precisions(profiles, meta, is_control, across_plates), fdr, n_null, seed)
        table = table.merge(scores, on="gene_symbol", how="left")
    names = {
        "mean_average_precision": "map",
        "mean_normalized_average_precision": "normalised_map",
        "p_value": "p",
    }
    table = table.rename(columns=names).reindex(
        columns=["gene_symbol", "n_wells", "map", "normalised_map", "p"]
    )
    table["q"] = benjamini_hochberg(table["p"])  # a gene without a p is no test
    return table.assign(is_active=table["q"] <= fdr)


def agreement(calls: Mapping[str, Collection[str]], genes: Collection[str]) -> pd.DataFrame:
    """Return which method calls which gene.

    Parameters
    ----------
    calls : mapping of str to collection of str
        Method → genes it calls.
    genes : collection of str
        All screened genes, in the order of the rows.

    Returns
    -------
    DataFrame
        One row per gene: `gene_symbol`, one bool column per method, `n_methods`.

    Raises
    ------
    InputError
        If a method calls a gene that was not screened.
    """
    genes = list(genes)
    for method, called in calls.items():
        stray = sorted(set(called) - set(genes))
        if stray:
            raise InputError(
                f"{method} calls {stray[0]}, which is not among the {len(genes)} screened genes"
            )
    table = pd.DataFrame(
        {"gene_symbol": genes} | {m: [g in set(c) for g in genes] for m, c in calls.items()}
    )
    return table.assign(n_methods=table[list(calls)].sum(axis=1).astype(int))


def pairwise_agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Compare every two methods of an agreement table.

    Parameters
    ----------
    table : DataFrame
        From `agreement`.

    Returns
    -------
    DataFrame
        One row per pair of methods: `first`, `second`, the numbers of genes `both`, `only_first`,
        `only_second`, `neither`, then `jaccard` (missing without any call) and Cohen's `kappa` (1 =
        the same calls; missing where chance alone agrees fully).
    """
    methods = [name for name in table.columns if name not in ("gene_symbol", "n_methods")]
    rows = []
    for i, first in enumerate(methods):
        for second in methods[i + 1 :]:
            a, b = table[first].to_numpy(bool), table[second].to_numpy(bool)
            both, either = int((a & b).sum()), int((a | b).sum())
            # expected agreement of independent calls
            chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
            rows.append(
                {
                    "first": first,
                    "second": second,
                    "both": both,
                    "only_first": int((a & ~b).sum()),
                    "only_second": int((b & ~a).sum()),
                    "neither": int((~a & ~b).sum()),
                    "jaccard": both / either if either else np.nan,
                    "kappa": ((a == b).mean() - chance) / (1 - chance) if chance < 1 else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _precisions(
    profiles: pd.DataFrame, meta: pd.DataFrame, is_control: pd.Series, across_plates: bool
) -> pd.DataFrame:
    """Return the average precision of every treated well."""
    from copairs.map import average_precision

    # each control is its own perturbation: wells are compared with controls, but no control is
    # looked for
    perturbation = (
        meta["gene_symbol"].astype(str).where(~is_control, "control " + meta.index.astype(str))
    )
    # positives: wells of the same gene on other plates; negatives: control wells
    precisions = average_precision(
        meta.assign(perturbation=perturbation, is_control=is_control),
        profiles.to_numpy(float),
        pos_sameby=["perturbation"],
        pos_diffby=["plate"] if across_plates else [],
        neg_sameby=[],
        neg_diffby=["is_control"],
        progress_bar=False,
    )
    return precisions[~precisions["is_control"].astype(bool)]


def _by_gene(precisions: pd.DataFrame, fdr: float, n_null: int, seed: int) -> pd.DataFrame:
    """Return mean average precision and p of every gene."""
    from copairs.map import mean_average_precision as copairs_mean

    with (
        tempfile.TemporaryDirectory() as folder
    ):  # copairs keeps its null in the user's home otherwise
        return copairs_mean(
            precisions,
            sameby=["gene_symbol"],
            null_size=n_null,
            threshold=fdr,
            seed=seed,
            progress_bar=False,
            max_workers=1,
            cache_dir=folder,
        )


def _has_sisters(wells: pd.DataFrame, across_plates: bool) -> bool:
    by_gene = wells.groupby("gene_symbol", observed=True)["plate"]
    return bool(((by_gene.nunique() if across_plates else by_gene.size()) > 1).any())
