"""Region arrays as published: depth per base of one region, one row per mark."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lib.data.errors import InputError


class RegionArrays:
    """Opens a folder or an archive of region arrays; calling it returns one, checked.

    Parameters
    ----------
    source : Path
        Folder of `chrom:start-end.npy` or `chrom_start-end.npy`, or one `.npz` with such keys.
    n_marks : int
        Rows that every array must have.
    """

    def __init__(self, source: Path, n_marks: int) -> None:
        self.source, self.n_marks, self.archive = source, n_marks, None

    def __enter__(self):
        if self.source.is_file():
            self.archive = np.load(self.source, allow_pickle=False)
        elif not self.source.is_dir():
            raise InputError("there is no such folder of region arrays", file=self.source)
        return self

    def __exit__(self, *_) -> None:
        if self.archive is not None:
            self.archive.close()

    def __call__(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Return one region's depth, (F, bases) float64."""
        names = [f"{chrom}{mark}{start}-{end}" for mark in (":", "_")]
        array = self._find(names)
        if array is None:
            raise InputError(f"the region {names[0]} is not there", file=self.source)
        if array.shape != (self.n_marks, end - start):
            raise InputError(
                f"{array.shape[0]} rows of {array.shape[-1]} bases",
                file=self.source,
                row=names[0],
                fix=f"expected one row for each of {self.n_marks} marks, {end - start} bases",
            )
        if not np.isfinite(array).all():
            raise InputError(
                "the depth is not finite: half precision ends at 65,504",
                file=self.source,
                row=names[0],
                fix="write float32 or integers",
            )
        return array.astype(np.float64)

    def _find(self, names: Sequence[str]) -> np.ndarray | None:
        if self.archive is not None:
            keys = [name for name in names if name in self.archive.files]
            return self.archive[keys[0]] if keys else None
        files = [self.source / f"{name}.npy" for name in names]
        files = [file for file in files if file.is_file()]
        return np.load(files[0], allow_pickle=False) if files else None
