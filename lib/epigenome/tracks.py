"""Tracks: signal along a genome, from a bigWig, from aligned reads, or from depth per base; and
windows cut from it.

A base that a bigWig does not cover counts as zero in every mean; how many bases are covered is told
apart.
"""

import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.epigenome import genes
from lib.epigenome.reads import Depth, read_depth, stored_depth
from lib.run import store

BLOCK = 2_000_000  # bases read at once
GAP = 10_000  # bases that are cheaper to read than to skip
BIGWIG = (".bw", ".bigwig")


@dataclass(frozen=True)
class Windows:
    """Means of bins of windows of one width, in genomic order.

    Parameters
    ----------
    sums, covered, inside : (G, n) arrays
        Sum over the bases of each bin; bases with data; bases within the chromosome.
    size : int
        Bases a bin.
    """

    sums: np.ndarray
    covered: np.ndarray
    inside: np.ndarray
    size: int

    @property
    def means(self) -> np.ndarray:
        """Zero-filled means (G, n); padding counts as zero."""
        return self.sums / self.size

    @property
    def is_padding(self) -> np.ndarray:
        """(G, n) bool: bins that lie outside the chromosome altogether."""
        return self.inside == 0


@dataclass(frozen=True)
class BigWig:
    """An open bigWig; the handle belongs to this process."""

    handle: object = field(repr=False)
    file: str = ""

    @property
    def sizes(self) -> dict[str, int]:
        """Chromosome → length."""
        return dict(self.handle.chroms())

    def values(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Return signal (end - start,) as float64, NaN where nothing is stored."""
        found = self.handle.values(chrom, int(start), int(end), numpy=True)
        return np.asarray(found, np.float64)


@contextmanager
def opened(path: str | os.PathLike, *, sizes: Mapping[str, int] | None = None):
    """Open a track: `.bw`, `.bigWig`; `.tagAlign`, `.bed` (with `.gz`); or `.npz` of depth per
    chromosome.

    Parameters
    ----------
    sizes : mapping, optional
        Chromosome → length; needed for reads.

    Raises
    ------
    InputError
        For a missing or unreadable file.
    """
    path = store.resolve(path)
    if not path.is_file():
        raise InputError("there is no such track", file=path, fix="check the path")
    if path.suffix.lower() in BIGWIG:
        handle = _open_bigwig(path)
        try:
            yield BigWig(handle, path.name)
        finally:
            handle.close()
    elif path.suffix == ".npz":
        yield stored_depth(path)
    else:
        yield read_depth(path, sizes or genes.BUILDS["hg19"])


def cut(
    track: BigWig | Depth,
    windows: pd.DataFrame,
    *,
    size: int,
    outside: Literal["pad", "error"] = "pad",
) -> Windows:
    """Cut windows of one width into bins of `size` bases, all windows of a block at once.

    Parameters
    ----------
    track : BigWig or Depth
    windows : DataFrame
        chrom, start, end; half-open; all of one width, a multiple of `size`.
    outside : str
        What is done with a window that overhangs its chromosome: `pad` with zeros, or `error`.

    Raises
    ------
    InputError
        For a chromosome that the track lacks, or a window that shares no base with its chromosome.

    Examples
    --------
    >>> one = pd.DataFrame({"chrom": ["c"], "start": [-2], "end": [4]})
    >>> found = cut(Depth({"c": np.ones(10)}), one, size=2)
    >>> found.means.tolist(), found.is_padding.tolist()
    ([[0.0, 1.0, 1.0]], [[True, False, False]])
    """
    widths = (windows["end"] - windows["start"]).unique()
    if len(widths) != 1 or widths[0] % size or widths[0] <= 0:
        raise InputError(f"windows of {listed(widths)} bases cannot be cut into bins of {size}")
    borders = windows["start"].to_numpy()[:, None] + np.arange(0, widths[0] + 1, size)  # (G, n + 1)
    at, _ = check_regions(track, windows, outside=outside)
    borders = np.clip(borders, 0, at[:, None])
    sums, covered = sums_between(track, windows["chrom"].to_numpy(), borders)
    return Windows(sums, covered, np.diff(borders, axis=1), size)


def check_regions(
    track, regions: pd.DataFrame, *, outside: str = "pad"
) -> tuple[np.ndarray, np.ndarray]:
    """Return each region's chromosome length and whether it overhangs, or name those that cannot be
    read.

    Parameters
    ----------
    track : BigWig or Depth
    regions : DataFrame
        chrom, start, end.
    outside : str
        As of `cut`.

    Returns
    -------
    (R,) array
        Bases of each region's chromosome.
    (R,) bool array

    Raises
    ------
    InputError
        For a chromosome that is not there, or a region off it.
    """
    sizes = track.sizes
    absent = sorted(set(regions["chrom"]) - set(sizes))
    if absent:
        renamed = [
            name.removeprefix("chr") if name.startswith("chr") else f"chr{name}" for name in absent
        ]
        twin = " (it names them without 'chr' or with it)" if set(renamed) & set(sizes) else ""
        raise InputError(
            f"the chromosome {listed(absent)} is not there{twin}",
            file=track.file,
            fix=f"it has {listed(sizes)}",
        )
    length = regions["chrom"].map(sizes).to_numpy()
    off = (regions["start"] >= length) | (regions["end"] <= 0)
    over = ((regions["start"] < 0) | (regions["end"] > length)).to_numpy()
    bad = np.flatnonzero(off if outside == "pad" else over)
    if len(bad):
        chrom, start, end = regions[["chrom", "start", "end"]].iloc[bad[0]]
        raise InputError(
            f"{chrom}:{start}-{end} lies off {chrom}, which has {length[bad[0]]:,} bases "
            f"({len(bad)} such regions)",
            file=track.file,
            fix="check the build of genes and track",
        )
    return length, over


def sums_between(track, chrom: np.ndarray, borders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sums and covered bases (G, n) between borders (G, n + 1) that ascend along each row.

    Regions are read in blocks; within one, a sum is a difference of two cumulative sums in float64.

    Parameters
    ----------
    track : BigWig or Depth
    chrom : (G,) array of str
    borders : (G, n + 1) int array
    """
    sums = np.zeros((len(borders), borders.shape[1] - 1))
    covered = np.zeros(sums.shape, np.int64)
    for name, start, end, rows in _blocks(chrom, borders):
        values = track.values(name, start, end)
        is_known = ~np.isnan(values)
        total = np.concatenate([[0.0], np.cumsum(np.where(is_known, values, 0.0))])
        known = np.concatenate([[0], np.cumsum(is_known)])
        at = borders[rows] - start
        sums[rows], covered[rows] = np.diff(total[at], axis=1), np.diff(known[at], axis=1)
    return sums, covered


def _blocks(chrom: np.ndarray, borders: np.ndarray):
    """Yield (chromosome, start, end, rows) of stretches of at most about `BLOCK` bases that hold
    whole regions."""
    order = np.lexsort((borders[:, 0], chrom))
    first = 0
    while first < len(order):
        name, start = chrom[order[first]], borders[order[first], 0]
        end, last = borders[order[first], -1], first + 1
        while last < len(order) and chrom[order[last]] == name:
            low, high = borders[order[last], [0, -1]]
            if low > end + GAP or max(high, end) - start > BLOCK:
                break
            end, last = max(end, high), last + 1
        if end > start:
            yield name, int(start), int(end), order[first:last]
        first = last


def _open_bigwig(path: Path):
    import pyBigWig

    try:
        handle = pyBigWig.open(str(path))
    except RuntimeError as error:
        raise InputError(f"not readable as a bigWig ({error})", file=path) from None
    if not handle.isBigWig():
        handle.close()
        raise InputError("this is a bigBed, not a bigWig", file=path)
    return handle
