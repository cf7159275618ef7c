"""Splits by chromosome: four folds with a test half, the five blind sets of the first approach, and
what leaks.

A split keeps chromosomes apart, hence promoters and cis partners. It does not keep apart trans
contacts, of which `shared_bases` lists what two parts share, nor paralogs, see
`lib.epigenome.relatives`.
"""

import itertools
import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.epigenome import contacts, genes, relatives
from lib.epigenome.genes import AUTOSOMES

FOLDS = {
    1: ("chr1", "chr5", "chr6", "chr8", "chr14", "chrY"),
    2: ("chr7", "chr10", "chr11", "chr12", "chr15", "chr21"),
    3: ("chr2", "chr3", "chr4", "chr16", "chr18", "chr20"),
    4: ("chr9", "chr13", "chr17", "chr19", "chr22", "chrX"),
}
PARTS = ("train", "validation", "test")


def test_chromosomes(gene_chroms: pd.Series, fold: int) -> tuple[str, ...]:
    """Return the half of a fold's chromosomes that is the blind test; the other half is validation.

    Chromosomes are sorted by their number of genes, ties by name, and dealt alternately, so that
    the cut depends on the genes alone. The paper's followed the order of a set, which changes from
    process to process.

    Parameters
    ----------
    gene_chroms : Series
        Chromosome of every gene.
    fold : int

    Examples
    --------
    >>> chroms = pd.Series(["chr1"] * 5 + ["chr5"] * 3 + ["chr6"] * 2 + ["chr8"])
    >>> test_chromosomes(chroms, 1)
    ('chr5', 'chr8')
    """
    if fold not in FOLDS:
        raise InputError(f"there is no fold {fold}", fix="folds are 1 to 4")
    counts = gene_chroms[gene_chroms.isin(FOLDS[fold])].value_counts()
    ranked = sorted(counts.index, key=lambda name: (-counts[name], name))
    return tuple(ranked[1::2])


def assign(gene_chroms: pd.Series, fold: int, test: Sequence[str] | None = None) -> pd.Series:
    """Return each gene's part of a fold: train, validation or test.

    Parameters
    ----------
    gene_chroms : Series
        Chromosome of every gene.
    test : sequence of str, optional
        A recorded cut; by default `test_chromosomes`.

    Raises
    ------
    InputError
        For a chromosome in no fold, a cut that leaves the fold, or a part without a gene.
    """
    known = set(itertools.chain.from_iterable(FOLDS.values()))
    strange = sorted(set(gene_chroms) - known)
    if strange:
        raise InputError(
            f"no fold has {listed(strange)}",
            fix="leave out genes off the chromosomes 1 to 22, X, Y",
        )
    test = test_chromosomes(gene_chroms, fold) if test is None else tuple(test)
    outside = sorted(set(test) - set(FOLDS[fold]))
    if outside:
        raise InputError(
            f"the cut of fold {fold} names {listed(outside)}, which the fold does not hold out"
        )
    part = pd.Series("train", index=gene_chroms.index)
    part[gene_chroms.isin(FOLDS[fold])] = "validation"
    part[gene_chroms.isin(test)] = "test"
    return _whole(part, gene_chroms, f"fold {fold}")


def parts_of(
    table: pd.DataFrame,
    fold: int,
    test: Sequence[str] | None = None,
    families: str | os.PathLike | None = None,
) -> pd.Series:
    """Return each gene's part of a fold, training genes with a held-out relative left out.

    Parameters
    ----------
    table : DataFrame
        gene_id, chrom; one row per gene.
    test : sequence of str, optional
        As of `assign`.
    families : path, optional
        As of `relatives.read_families`; without it no gene is left out.
    """
    part = assign(table["chrom"], fold, test)
    if families is None:
        return part
    return relatives.leave_out(part, table["gene_id"], relatives.read_families(families))


def blind_sets(lengths: Mapping[str, int], *, n: int = 5, size: int = 3) -> list[tuple[str, ...]]:
    """Return the sets of autosomes whose total length is nearest to `size` mean lengths; ties by
    order.

    Parameters
    ----------
    lengths : mapping
        Chromosome → bases.
    """
    names = [name for name in AUTOSOMES if name in lengths]
    if len(names) < size:
        raise InputError(f"{len(names)} autosomes are too few for sets of {size}")
    total = sum(lengths[name] for name in names)
    sets = list(itertools.combinations(names, size))
    away = [abs(sum(lengths[name] for name in group) * len(names) - size * total) for group in sets]
    return [sets[i] for i in np.argsort(away, kind="stable")[:n]]


def assign_blind(
    gene_chroms: pd.Series, blind: Sequence[str], rng: np.random.Generator, *, share: float = 0.3
) -> pd.Series:
    """Return each gene's part in the first approach: blind chromosomes, then validation chromosomes
    at random.

    Parameters
    ----------
    share : float
        Of the remaining chromosomes that are validation; the number of training ones is rounded
        down.
    """
    rest = [name for name in AUTOSOMES if name in set(gene_chroms) - set(blind)]
    n_train = int((1 - share) * len(rest))
    validation = [rest[i] for i in np.sort(rng.permutation(len(rest))[n_train:])]
    part = pd.Series("train", index=gene_chroms.index)
    part[gene_chroms.isin(validation)] = "validation"
    part[gene_chroms.isin(blind)] = "test"
    return _whole(part, gene_chroms, f"the blind set {listed(blind)}")


def shared_bases(regions: pd.DataFrame, part: Sequence[str]) -> pd.DataFrame:
    """Return the pairs of regions of two parts that share bases.

    Parameters
    ----------
    regions : DataFrame
        chrom, start, end; the index names them.
    part : sequence of str
        Part of each region.

    Returns
    -------
    DataFrame
        One row per pair: first, second, parts, n_bases, share (of the shorter region).

    Examples
    --------
    >>> two = pd.DataFrame({"chrom": "chr1", "start": [80_000, 110_000], "end": [120_000, 150_000]})
    >>> shared_bases(two, ["train", "test"])[["n_bases", "share"]].values.tolist()
    [[10000.0, 0.25]]
    """
    table = regions.assign(part=list(part), name=regions.index)
    rows = []
    for _, group in table.groupby("chrom", sort=False):
        if group["part"].nunique() > 1:
            rows.append(_shared(group.sort_values("start", kind="stable")))
    columns = ["first", "second", "parts", "n_bases", "share"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def shared_between(table: pd.DataFrame, part: pd.Series, *, width: int = 40_000) -> pd.DataFrame:
    """Return what two parts share of the windows around start sites and the contact regions.

    Parameters
    ----------
    table : DataFrame
        chrom, start, strand, and `neighbors` where known; one row per gene.
    part : Series
        Part of each gene; a contact region is in that of its gene.
    width : int
        Of the windows, in bp.

    Returns
    -------
    DataFrame
        As of `shared_bases`.
    """
    windows = genes.window(table, width)
    named = table.reindex(columns=["neighbors"])["neighbors"].astype(object)
    names = named.map(genes.split_list).explode().dropna()
    regions = pd.concat([windows, contacts.regions(names)])
    return shared_bases(regions, [*part, *part.reindex(names.index)])


def _shared(group: pd.DataFrame) -> pd.DataFrame:
    """Return the sharing pairs of one chromosome, regions sorted by start."""
    start, end = group["start"].to_numpy(), group["end"].to_numpy()
    last = np.searchsorted(start, end, side="left")  # regions after i that start before i ends
    n_after = np.maximum(last - np.arange(len(start)) - 1, 0)
    i = np.repeat(np.arange(len(start)), n_after)
    j = i + 1 + np.arange(len(i)) - np.repeat(np.cumsum(n_after) - n_after, n_after)
    parts = group["part"].to_numpy()
    other = parts[i] != parts[j]
    i, j = i[other], j[other]
    n_bases = np.minimum(end[i], end[j]) - start[j]
    names = group["name"].to_numpy()
    short = np.minimum(end[i] - start[i], end[j] - start[j])
    return pd.DataFrame(
        {
            "first": names[i],
            "second": names[j],
            "parts": parts[i] + "/" + parts[j],
            "n_bases": n_bases,
            "share": n_bases / short,
        }
    )


def _whole(part: pd.Series, gene_chroms: pd.Series, name: str) -> pd.Series:
    """Check that no part is empty and no chromosome is in two."""
    empty = [one for one in PARTS if not (part == one).any()]
    if empty:
        raise InputError(
            f"{name} has no gene for {listed(empty)}", fix="give genes on more chromosomes"
        )
    assert gene_chroms.groupby(part).unique().explode().is_unique, "a chromosome is in two parts"
    return part
