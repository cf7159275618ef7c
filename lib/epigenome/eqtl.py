"""eQTL: whether fine-mapped variants lie where a perturbation is expected to matter, beyond where
they lie anyway."""

import os

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError
from lib.epigenome import genes, genome
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


def checked(
    variants: pd.DataFrame,
    *,
    genes_path: str | os.PathLike = "",
    genome_path: str | os.PathLike = "",
    min_distance: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return variants fit for a comparison with distal stretches, and what was found about them.

    Parameters
    ----------
    variants : DataFrame
        From `read_eqtls`.
    genes_path : path
        Gene model; without one, distances from start sites are not known.
    genome_path : path
        Indexed FASTA; without one, reference alleles are not compared.
    min_distance : int
        Variants nearer than this, in bp, to the start site of any transcript are left out: they may
        act as part of a promoter, another one than the gene's.

    Returns
    -------
    DataFrame
        `variants` that are far enough.
    DataFrame
        One row: n_variants, within_1kb_of_coding, within_1kb_of_any, n_left_out, n_compared,
        mismatch_rate.

    Raises
    ------
    InputError
        If a distance is asked for without a gene model.
    """
    report = {"n_variants": len(variants)}
    is_near = np.zeros(len(variants), bool)
    if genes_path:
        transcripts = genes.read_transcripts(genes_path)
        of_any = start_site_distance(variants, transcripts)
        of_coding = start_site_distance(variants, transcripts, coding_only=True)
        report["within_1kb_of_coding"] = int((of_coding <= 1_000).sum())
        report["within_1kb_of_any"] = int((of_any <= 1_000).sum())
        is_near = of_any < min_distance
    elif min_distance:
        raise InputError("a distance from start sites needs a gene model", fix="give genes_path")
    report["n_left_out"] = int(is_near.sum())
    if genome_path:
        report["mismatch_rate"], report["n_compared"] = genome.mismatch_rate(variants, genome_path)
    return variants[~is_near].reset_index(drop=True), pd.DataFrame([report])


def start_site_distance(
    variants: pd.DataFrame, transcripts: pd.DataFrame, *, coding_only: bool = False
) -> np.ndarray:
    """Return how far each variant lies from the nearest start site, in bp; infinite without any.

    Parameters
    ----------
    variants : DataFrame
        chrom, position (one-based).
    transcripts : DataFrame
        From `genes.read_transcripts`; all count, those without a protein too.
    coding_only : bool
        Count transcripts of the biotype `protein_coding`, and those of unknown biotype, only.

    Examples
    --------
    >>> rows = [["chr1", 99, 900, "+", "protein_coding"], ["chr1", 604, 900, "+", "lncRNA"]]
    >>> model = pd.DataFrame(rows, columns=["chrom", "start", "end", "strand", "biotype"])
    >>> one = pd.DataFrame({"chrom": ["chr1"], "position": [700]})
    >>> [start_site_distance(one, model, coding_only=only)[0] for only in (False, True)]
    [95.0, 600.0]
    """
    if coding_only and "biotype" in transcripts:
        is_coding = transcripts["biotype"].fillna("protein_coding") == "protein_coding"
        transcripts = transcripts[is_coding]
    is_plus = transcripts["strand"] == "+"
    site = np.where(is_plus, transcripts["start"], transcripts["end"] - 1)
    distance = np.full(len(variants), np.inf)
    place = variants["position"].to_numpy() - 1
    for chrom, sites in pd.Series(site).groupby(transcripts["chrom"].to_numpy()):
        here = np.flatnonzero(variants["chrom"] == chrom)
        known = np.concatenate([[-np.inf], np.sort(sites.to_numpy(float)), [np.inf]])
        after = np.searchsorted(known, place[here])
        nearest = np.minimum(known[after] - place[here], place[here] - known[after - 1])
        distance[here] = nearest
    return distance


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
