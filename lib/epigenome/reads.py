"""Reads: depth per base of a whole genome, counted from aligned reads or stored."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.run import store


@dataclass(frozen=True)
class Depth:
    """Depth per base of a whole genome, and what was left out on the way.

    Parameters
    ----------
    arrays : mapping
        Chromosome → (length,) integers or floats.
    n_reads, n_unlisted : int
        Reads counted, and reads on contigs that are not listed.
    """

    arrays: Mapping[str, np.ndarray]
    n_reads: int = 0
    n_unlisted: int = 0
    file: str = ""

    @property
    def sizes(self) -> dict[str, int]:
        """Chromosome → length."""
        return {name: len(values) for name, values in self.arrays.items()}

    def values(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Return depth (end - start,) as float64; every base is covered."""
        return np.asarray(self.arrays[chrom][start:end], np.float64)


def stored_depth(path: Path) -> Depth:
    """Return depth from an `.npz` with one array per chromosome.

    Parameters
    ----------
    path : Path
        Chromosome → (length,) array.

    Raises
    ------
    InputError
        For an array that is no depth per base, or depth that is not finite.
    """
    with np.load(path, allow_pickle=False) as arrays:
        found = {name: _finite(arrays[name], path, name) for name in arrays}
    return Depth(found, file=path.name)


def read_depth(
    path: str | os.PathLike, sizes: Mapping[str, int], *, max_unlisted: float = 0.2
) -> Depth:
    """Count reads per base from a tagAlign or BED: no cap, no extension, duplicates count.

    Parameters
    ----------
    sizes : mapping
        Chromosome → length.
    max_unlisted : float
        Largest share of reads on contigs that `sizes` lacks; they are counted and left out.

    Raises
    ------
    InputError
        For reads past a chromosome's end, or too many on contigs that are not listed.

    Notes
    -----
    Each read adds one where it starts and takes one where it ends; the cumulative sum is the depth.
    """
    path = store.resolve(path)
    reads = _table(path)
    is_listed = reads["chrom"].isin(list(sizes))
    n_unlisted = int((~is_listed).sum())
    if n_unlisted > max_unlisted * len(reads):
        others = reads.loc[~is_listed, "chrom"].unique()
        raise InputError(
            f"{n_unlisted} of {len(reads)} reads lie on contigs that are not listed: "
            f"{listed(others)}",
            file=path,
            fix=f"at most {max_unlisted:.0%} may; name the chromosomes as in the build",
        )
    reads = reads[is_listed]
    lengths = reads["chrom"].map(sizes)
    off = np.flatnonzero(
        (reads["end"] > lengths) | (reads["start"] < 0) | (reads["start"] >= reads["end"])
    )
    if len(off):
        chrom, start, end = reads.iloc[off[0]]
        raise InputError(
            f"{len(off)} reads leave their chromosome, the first {chrom}:{start}-{end}",
            file=path,
            fix="check the build",
        )
    arrays = {name: np.zeros(length, np.int32) for name, length in sizes.items()}
    for name, part in reads.groupby("chrom"):
        steps = np.bincount(part["start"], minlength=sizes[name] + 1).astype(np.int32)
        steps -= np.bincount(part["end"], minlength=sizes[name] + 1).astype(np.int32)
        arrays[name] = np.cumsum(steps[:-1], dtype=np.int32)
    return Depth(arrays, len(reads), n_unlisted, path.name)


def _table(path: Path) -> pd.DataFrame:
    """Return chrom, start and end of every read."""
    try:
        return pd.read_csv(
            path,
            sep="\t",
            header=None,
            usecols=[0, 1, 2],
            names=["chrom", "start", "end"],
            dtype={"chrom": str, "start": np.int64, "end": np.int64},
        )
    except (ValueError, OSError) as error:
        raise InputError(f"not readable as reads ({error})", file=path) from None


def _finite(values: np.ndarray, path: Path, key: str) -> np.ndarray:
    if values.dtype.kind not in "iuf" or values.ndim != 1:
        raise InputError(
            f"{values.dtype} of shape {values.shape} is no depth per base", file=path, row=key
        )
    if not np.isfinite(values).all():
        raise InputError(
            "the depth is not finite: half precision ends at 65,504",
            file=path,
            row=key,
            fix="write float32 or integers",
        )
    return values
