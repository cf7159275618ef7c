"""eQTL: whether fine-mapped variants lie where a perturbation is expected to matter, beyond where
they lie anyway."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError
from lib.epigenome import genes
from lib.run import store
from lib.stats.multiple_testing import benjamini_hochberg

SUFFIXES = {"hg19": ("b37", "hg19"), "hg38": ("b38", "hg38")}
TISSUES = {
    "E007": ("Brain_Cerebellum", "Brain_Hippocampus"),
    "E116": ("Cells_EBV-transformed_lymphocytes",),
    "E066": ("Liver",),
    "E118": ("Liver",),
    "E114": ("Lung",),
    "E087": ("Pancreas",),
}
"""Cell → GTEx tissues that it is compared with."""

VARIANTS = pa.DataFrameSchema(
    {
        "variant": pa.Column(
            str,
            pa.Check.str_matches(
                r"^[^_]+_\d+_[ACGT]+_[ACGT]+_\w+$",
                error="is no variant: expected chrom_pos_ref_alt_build",
            ),
        ),
        "gene_id": pa.Column(str),
        "tissue": pa.Column(str),
        "pip": pa.Column(float, pa.Check.in_range(0, 1, error="is no probability"), coerce=True),
    }
)


def read_eqtls(
    path: str | os.PathLike, *, build: str = "hg19", min_pip: float = 0.9, sheet: str = ""
) -> pd.DataFrame:
    """Read fine-mapped variants: CSV, TSV, Parquet, or a sheet of an Excel file.

    Returns
    -------
    DataFrame
        variant, gene_id (without version), tissue, pip (> min_pip), chrom, position (1-based), ref,
        alt.

    Raises
    ------
    InputError
        For a variant of another build, which its suffix says.
    """
    if str(path).endswith(".xlsx"):
        table = tables.check(
            pd.read_excel(store.resolve(path), sheet_name=sheet or 0), VARIANTS, file=path
        )
    else:
        table = tables.read(path, VARIANTS)
    parts = table["variant"].str.split("_", n=4, expand=True)
    wrong = ~parts[4].isin(SUFFIXES[build])
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"the variant {table['variant'].iloc[first]} is not of {build} ({int(wrong.sum())} "
            "such)",
            file=path,
            row=first + 2,
            fix=f"lift them over; expected the suffix _{SUFFIXES[build][0]}",
        )
    off = parts.assign(length=parts[0].map(genes.BUILDS[build])).dropna()
    past = off[1].astype(int) > off["length"]
    if past.any():
        raise InputError(
            f"{int(past.sum())} variants lie past their chromosome's end in {build}", file=path
        )
    table = table.assign(
        gene_id=table["gene_id"].str.replace(r"\.\d+$", "", regex=True),
        chrom=parts[0],
        position=parts[1].astype(int),
        ref=parts[2],
        alt=parts[3],
    )
    return (
        table[table["pip"] > min_pip]
        .drop_duplicates(["variant", "gene_id", "tissue"])
        .reset_index(drop=True)
    )


def is_inside(position, start, end) -> np.ndarray:
    """Return whether one-based positions lie in half-open intervals.

    Examples
    --------
    >>> is_inside(np.array([1000, 1001, 3000, 3001]), 1000, 3000).tolist()
    [False, True, True, False]
    """
    return (np.asarray(start) < position) & (position <= np.asarray(end))


def mark_hits(bins: pd.DataFrame, variants: pd.DataFrame) -> pd.DataFrame:
    """Count the eQTLs of a gene in each of its bins.

    Parameters
    ----------
    bins : DataFrame
        gene, low, high (genomic, half-open); one row per gene and stretch.
    variants : DataFrame
        From `read_eqtls`, of the tissue.

    Returns
    -------
    DataFrame
        `bins` with `n_eqtl`.
    """
    index = bins.reset_index(drop=True)
    pairs = (
        index[["gene", "low", "high"]]
        .reset_index()
        .merge(variants[["gene_id", "position"]], left_on="gene", right_on="gene_id")
    )
    inside = is_inside(pairs["position"].to_numpy(), pairs["low"], pairs["high"])
    counts = pairs.loc[inside, "index"].value_counts()
    return index.assign(n_eqtl=counts.reindex(index.index, fill_value=0).to_numpy())


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


def mismatch_rate(variants: pd.DataFrame, bases: Mapping[str, str] | Sequence[str]) -> float:
    """Return the share of variants whose reference allele is not the genome's base; to be printed
    before a join.

    Parameters
    ----------
    bases : mapping
        Variant → reference base of the genome.
    """
    known = variants["variant"].map(bases)
    return float((known.dropna() != variants.loc[known.notna(), "ref"].str[0]).mean())
