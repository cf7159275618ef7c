"""Genome: bases of an indexed FASTA at single positions, to see whether variants speak of it."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.run import store

_INDEX = ["chrom", "length", "offset", "line_bases", "line_bytes"]


def bases_at(path: str | os.PathLike, chrom: pd.Series, position: pd.Series) -> pd.Series:
    """Return the bases at one-based positions, in capitals; missing where the FASTA has none.

    Only the bytes that are asked for are read, so a whole genome costs no memory.

    Parameters
    ----------
    path : path
        Uncompressed FASTA with its `.fai` index beside it.
    chrom, position : (n,) Series
        Names as in the FASTA; one-based positions.

    Returns
    -------
    (n,) Series of str

    Raises
    ------
    InputError
        For a missing FASTA or index.
    """
    path = store.resolve(path)
    index = _index(path).reindex(chrom)
    at = position.to_numpy() - 1
    has_base = index["length"].notna().to_numpy() & (at >= 0) & (at < index["length"].to_numpy())
    found = pd.Series(None, index=chrom.index, dtype=object)
    if has_base.any():
        rows = index[has_base].astype(int)
        line, column = np.divmod(at[has_base], rows["line_bases"].to_numpy())
        byte = rows["offset"].to_numpy() + line * rows["line_bytes"].to_numpy() + column
        letters = np.memmap(path, np.uint8, mode="r")[byte]
        found[has_base] = [chr(letter).upper() for letter in letters]
    return found


def mismatch_rate(variants: pd.DataFrame, path: str | os.PathLike) -> tuple[float, int]:
    """Return the share of variants whose reference allele is not the genome's base.

    Parameters
    ----------
    variants : DataFrame
        chrom, position, ref; from `eqtl.read_eqtls`.
    path : path
        As of `bases_at`.

    Returns
    -------
    float
        NaN if no variant could be compared.
    int
        Variants that were compared.
    """
    bases = bases_at(path, variants["chrom"], variants["position"])
    known = bases.notna()
    wrong = bases[known] != variants.loc[known, "ref"].str[0]
    return float(wrong.mean()) if len(wrong) else float("nan"), int(known.sum())


def _index(path: Path) -> pd.DataFrame:
    """Return the table of a `.fai`, one row per sequence."""
    beside = path.with_name(f"{path.name}.fai")
    for file, fix in ((path, "check the path"), (beside, "make it with `samtools faidx`")):
        if not file.is_file():
            raise InputError("there is no such file", file=file, fix=fix)
    try:
        table = pd.read_csv(beside, sep="\t", header=None, names=_INDEX, dtype={"chrom": str})
        return table.set_index("chrom").astype(int)
    except ValueError as error:
        raise InputError(f"this is no FASTA index ({error})", file=beside) from None
