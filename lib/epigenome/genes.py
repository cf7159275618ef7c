"""Genes: builds, transcripts, the transcription start site that stands for a gene, and the
published train table."""

import os
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed

_NAMES = tuple(f"chr{name}" for name in (*range(1, 23), "X", "Y"))
_HG19 = (
    249250621,
    243199373,
    198022430,
    191154276,
    180915260,
    171115067,
    159138663,
    146364022,
    141213431,
    135534747,
    135006516,
    133851895,
    115169878,
    107349540,
    102531392,
    90354753,
    81195210,
    78077248,
    59128983,
    63025520,
    48129895,
    51304566,
    155270560,
    59373566,
)
_HG38 = (
    248956422,
    242193529,
    198295559,
    190214555,
    181538259,
    170805979,
    159345973,
    145138636,
    138394717,
    133797422,
    135086622,
    133275309,
    114364328,
    107043718,
    101991189,
    90338345,
    83257441,
    80373285,
    58617616,
    64444167,
    46709983,
    50818468,
    156040895,
    57227415,
)
BUILDS = {
    "hg19": dict(zip(_NAMES, _HG19, strict=True)),
    "hg38": dict(zip(_NAMES, _HG38, strict=True)),
}
AUTOSOMES = _NAMES[:22]

Rule = Literal["longest", "commonest", "five_prime"]

_STRAND = pa.Check.isin(["+", "-"], error="is no strand: expected + or -")
_POSITIVE = pa.Check.ge(0, error="is negative")
_AFTER = pa.Check(lambda table: table["start"] < table["end"], error="does not end after its start")
TRANSCRIPTS = pa.DataFrameSchema(
    {
        "gene_id": pa.Column(str),
        "transcript_id": pa.Column(str, unique=True),
        "chrom": pa.Column(str),
        "start": pa.Column(int, _POSITIVE, coerce=True),
        "end": pa.Column(int, coerce=True),
        "strand": pa.Column(str, _STRAND),
    },
    checks=_AFTER,
)
TRAIN = pa.DataFrameSchema(
    {
        "gene_id": pa.Column(str),
        "expression": pa.Column(float, pa.Check.ge(0, error="is negative"), coerce=True),
        "eid": pa.Column(str),
        "label": pa.Column(int, pa.Check.isin([0, 1], error="is neither 0 nor 1"), coerce=True),
        "chrom": pa.Column(str),
        "start": pa.Column(int, _POSITIVE, coerce=True),
        "end": pa.Column(int, coerce=True),
        "strand": pa.Column(str, _STRAND),
        "split": pa.Column(int, pa.Check.in_range(1, 4, error="is no split 1 to 4"), coerce=True),
        "neighbors": pa.Column(str, nullable=True),
        "scores": pa.Column(str, nullable=True),
    },
    checks=_AFTER,
    unique=["eid", "gene_id"],
)
"""The published train table, columns in its order."""


def check_build(sizes: Mapping[str, int], build: str, *, file=None) -> None:
    """Compare chromosome lengths with a declared build; names that the build lacks are not
    compared.

    Parameters
    ----------
    sizes : mapping
        Chromosome → bases, of a file.
    build : str
        `hg19` or `hg38`.
    file : path, optional
        Named in the error.

    Raises
    ------
    InputError
        Naming the declared build, the chromosome, both lengths, and the build that fits.
    """
    if build not in BUILDS:
        raise InputError(f"the build {build!r} is unknown", fix=f"known are {listed(BUILDS)}")
    for name, length in BUILDS[build].items():
        if name in sizes and sizes[name] != length:
            fits = [other for other in BUILDS if BUILDS[other].get(name) == sizes[name]]
            found = f"{fits[0]} has" if fits else "no known build has"
            raise InputError(
                f"{name} has {sizes[name]:,} bases; {build} has {length:,} ({found} "
                f"{sizes[name]:,})",
                file=file,
                fix="declare the build the file was made with",
            )


def read_transcripts(path: str | os.PathLike) -> pd.DataFrame:
    """Read a gene model: a GTF, or a table with columns of `TRANSCRIPTS`, zero-based and half-open.

    Returns
    -------
    DataFrame
        One row per transcript: gene_id (without version), transcript_id, chrom, start, end, strand;
        half-open. `biotype` too, missing where it is not told.

    Raises
    ------
    InputError
        For a missing column, a strand other than + and -, or an end before the start: with the row.
    """
    name = str(path).removesuffix(".gz")
    table = _read_gtf(path) if name.endswith(".gtf") else tables.read(path, TRANSCRIPTS)
    return table.assign(gene_id=table["gene_id"].str.replace(r"\.\d+$", "", regex=True))


def choose_tss(transcripts: pd.DataFrame, rule: Rule = "longest") -> pd.DataFrame:
    """Choose the transcription start site that stands for each gene.

    Parameters
    ----------
    transcripts : DataFrame
        From `read_transcripts`.
    rule : str
        `longest`: of the longest transcript, as the paper. `commonest`: the base where most
        transcripts start. `five_prime`: the base furthest upstream. Ties go to the longer
        transcript, then to the smaller id.

    Returns
    -------
    DataFrame
        One row per gene, in the order of first occurrence: gene_id, transcript_id, chrom, start,
        end = start + 1, strand. The base is `start` on +, `end - 1` on -.

    Examples
    --------
    >>> places = [(100, 500), (100, 480), (120, 480)]
    >>> rows = [["g", f"t{i}", "chr1", s, e, "-"] for i, (s, e) in enumerate(places)]
    >>> table = pd.DataFrame(rows, columns=list(TRANSCRIPTS.columns))
    >>> [int(choose_tss(table, rule)["start"].iloc[0]) for rule in ("longest", "commonest")]
    [499, 479]
    """
    table = transcripts.assign(length=transcripts["end"] - transcripts["start"])
    table["tss"] = np.where(table["strand"] == "+", table["start"], table["end"] - 1)
    one_place = table.groupby("gene_id")[["chrom", "strand"]].transform("nunique").max(axis=1)
    if (one_place > 1).any():
        genes = table.loc[one_place > 1, "gene_id"].unique()
        raise InputError(f"genes lie on two chromosomes or strands: {listed(genes)}")
    table["common"] = table.groupby(["gene_id", "tss"])["tss"].transform("size")
    table["upstream"] = np.where(table["strand"] == "+", -table["tss"], table["tss"])
    first = {"longest": [], "commonest": ["common"], "five_prime": ["upstream"]}[rule]
    by = [*first, "length", "transcript_id"]
    best = table.sort_values(by, ascending=[False] * (len(by) - 1) + [True], kind="stable")
    best = best.drop_duplicates("gene_id").set_index("gene_id")
    best = best.loc[table["gene_id"].drop_duplicates()].reset_index()
    best = best.assign(start=best["tss"], end=best["tss"] + 1)
    return best[["gene_id", "transcript_id", "chrom", "start", "end", "strand"]]


def read_train_table(path: str | os.PathLike, cell: str | None = None) -> pd.DataFrame:
    """Read the published train table; its partners are checked, not parsed.

    Parameters
    ----------
    path : path
    cell : str, optional
        Epigenome whose rows are returned; all by default.

    Returns
    -------
    DataFrame
        Columns of `TRAIN`.

    Raises
    ------
    InputError
        For a broken column, lists of partners and scores of two lengths, or an epigenome that is
        not there.
    """
    table = tables.read(path, TRAIN)
    counts = [
        table[name].map(lambda text: len(split_list(text))) for name in ("neighbors", "scores")
    ]
    uneven = np.flatnonzero(counts[0] != counts[1])
    if len(uneven):
        row = uneven[0]
        raise InputError(
            f"{counts[0][row]} neighbors but {counts[1][row]} scores", file=path, row=int(row) + 2
        )
    if cell is None:
        return table
    if cell not in set(table["eid"]):
        known = ", ".join(table["eid"].unique()[:12])
        raise InputError(f"the epigenome {cell} is not there", file=path, fix=f"it has {known}")
    return table[table["eid"] == cell].reset_index(drop=True)


def split_list(text) -> list[str]:
    """Split a `;`-joined cell; an empty one gives no item."""
    return text.split(";") if isinstance(text, str) and text else []


def window(genes: pd.DataFrame, width: int, *, exact: bool = False) -> pd.DataFrame:
    """Return windows of `width` bases around the start sites: chrom, start, end, half-open, genomic
    order.

    Parameters
    ----------
    exact : bool
        Shift windows on - by one base, so that the start site is at `width // 2` after reversal on
        both strands; published arrays are not shifted.
    """
    shift = (genes["strand"] == "-").astype(int) if exact else 0
    start = genes["start"] - width // 2 + shift
    return pd.DataFrame({"chrom": genes["chrom"], "start": start, "end": start + width})


def _read_gtf(path) -> pd.DataFrame:
    """Read the transcripts of a GTF; closed one-based intervals become half-open."""
    columns = [
        "chrom",
        "source",
        "feature",
        "start",
        "end",
        "score",
        "strand",
        "frame",
        "attributes",
    ]
    raw = pa.DataFrameSchema({"chrom": pa.Column(str), "attributes": pa.Column(str)})
    table = tables.read(path, raw, sep="\t", comment="#", header=None, names=columns)
    table = table[table["feature"] == "transcript"].copy()
    if table.empty:
        raise InputError(
            "there is no transcript", file=path, fix="give a GTF with transcript lines"
        )
    for key in ("gene_id", "transcript_id"):
        table[key] = table["attributes"].str.extract(rf'{key} "([^"]+)"', expand=False)
    biotype = r'transcript_(?:bio)?type "([^"]+)"'  # Ensembl's and GENCODE's name for it
    found = table["attributes"].str.extract(biotype, expand=False)
    table = table.assign(start=table["start"] - 1)
    checked = tables.check(table[list(TRANSCRIPTS.columns)], TRANSCRIPTS, file=path)
    return checked.assign(biotype=found)
