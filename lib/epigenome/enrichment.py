"""Enrichment of eQTL in chosen stretches, beyond that of random stretches at the same distances."""

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.stats.multiple_testing import benjamini_hochberg


def enrichment(
    chosen: np.ndarray,
    has_eqtl: np.ndarray,
    stratum: np.ndarray,
    rng: np.random.Generator,
    *,
    n: int = 10_000,
) -> dict[str, float]:
    """Compare the eQTLs in chosen bins with random bins at the same distances.

    Parameters
    ----------
    chosen, has_eqtl : (B,) bool arrays
    stratum : (B,) array
        Distance bin; a draw takes as many bins of each stratum as are chosen there.

    Returns
    -------
    dict
        n, share (of the chosen bins that hold an eQTL), expected, enrichment, p (share of draws,
        and the observed, that reach the observed), `unmatched`: the expectation if distance were
        ignored.

    Examples
    --------
    >>> stratum = np.repeat(np.arange(17), 100)
    >>> rate = np.where(stratum == 7, 20, 2)
    >>> eqtl = np.arange(1700) % 100 < rate
    >>> chosen = (stratum == 7) & (np.arange(1700) % 10 == 5)
    >>> found = enrichment(chosen, eqtl, stratum, np.random.default_rng(0), n=100)
    >>> round(found["expected"], 4), round(found["unmatched"], 4)
    (0.2, 0.0306)
    """
    chosen, has_eqtl = np.asarray(chosen, bool), np.asarray(has_eqtl, bool)
    names, code = np.unique(stratum, return_inverse=True)
    total, hits = (
        np.bincount(code, minlength=len(names)),
        np.bincount(code[has_eqtl], minlength=len(names)),
    )
    taken = np.bincount(code[chosen], minlength=len(names))
    n_chosen, observed = int(chosen.sum()), int((chosen & has_eqtl).sum())
    if not n_chosen:
        raise InputError("no bin is chosen")
    expected = float((taken * hits / total).sum() / n_chosen)
    draws = np.zeros(n, int)
    for good, all_, k in zip(hits, total, taken, strict=True):
        draws += rng.hypergeometric(good, all_ - good, k, size=n)
    return {
        "n": n_chosen,
        "share": observed / n_chosen,
        "expected": expected,
        "enrichment": observed / n_chosen / expected if expected else float("nan"),
        "p": float((1 + (draws >= observed).sum()) / (n + 1)),
        "unmatched": float(has_eqtl.mean()),
    }


CHOICES = ("largest effect", "largest activity", "nearest", "in contact")


def by_choice(bins: pd.DataFrame, rng: np.random.Generator, *, n: int = 10_000) -> pd.DataFrame:
    """Return the enrichment of one stretch per gene and side, chosen in four ways, by tissue.

    Parameters
    ----------
    bins : DataFrame
        tissue, cell, gene, start (bp from the start site), n_eqtl, `predicted effect`,
        `mark activity`, in_contact (whether a contact region of the gene shares bases with it).

    Returns
    -------
    DataFrame
        choice, tissue, the values of `enrichment`, `over_all` (share over that of all stretches,
        which a comparison that ignores distance finds), q (Benjamini-Hochberg over tissues and
        choices). A choice that no stretch meets is left out.
    """
    side = [bins["cell"], bins["gene"], np.sign(bins["start"])]
    middle = (bins["start"] + 1_000).abs()
    ranked = (bins["predicted effect"], bins["mark activity"], -middle)
    masks = [values.groupby(side).rank(method="first", ascending=False) == 1 for values in ranked]
    rows = []
    for choice, mask in zip(CHOICES, [*masks, bins["in_contact"]], strict=True):
        for tissue, group in bins[["n_eqtl", "start"]].groupby(bins["tissue"], sort=False):
            chosen = mask[group.index].to_numpy()
            if chosen.any():
                has = group["n_eqtl"].to_numpy() > 0
                found = enrichment(chosen, has, group["start"].to_numpy(), rng, n=n)
                rows.append({"choice": choice, "tissue": tissue, **found})
    table = pd.DataFrame(rows)
    over_all = table["share"] / table["unmatched"]
    return table.assign(over_all=over_all, q=benjamini_hochberg(table["p"]))


def by_decile(
    bins: pd.DataFrame,
    column: str,
    rng: np.random.Generator,
    *,
    n: int = 10_000,
    n_groups: int = 10,
) -> pd.DataFrame:
    """Return the enrichment of each group of bins ranked by a column, upstream and downstream
    ranked apart.

    Parameters
    ----------
    bins : DataFrame
        tissue, start (bp from the start site), n_eqtl and the column.

    Returns
    -------
    DataFrame
        tissue, decile (10 = largest), the values of `enrichment`, q (Benjamini-Hochberg over the
        tissues).
    """
    rows = []
    for tissue, group in bins.groupby("tissue", sort=False):
        side = group.groupby(np.sign(group["start"]))[column]
        rank = side.rank(method="first") - 1
        decile = (rank * n_groups // side.transform("size")).astype(int) + 1
        has, stratum = group["n_eqtl"].to_numpy() > 0, group["start"].to_numpy()
        for number in range(1, n_groups + 1):
            found = enrichment(decile.to_numpy() == number, has, stratum, rng, n=n)
            rows.append({"tissue": tissue, "decile": number, "score": column, **found})
    table = pd.DataFrame(rows)
    return table.assign(q=table.groupby("decile")["p"].transform(benjamini_hochberg))
