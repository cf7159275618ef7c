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
    >>> [float(start_site_distance(one, model, coding_only=only)[0]) for only in (False, True)]
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

    Parameters
    ----------
    position, start, end : (n,) arrays
        Start and end are those of half-open intervals.

    Returns
    -------
    (n,) bool array

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
