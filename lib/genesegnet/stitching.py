"""Cells of tiles, in memory and in files, and how those of all tiles become one label image."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lib.run import store


@dataclass(frozen=True)
class TileCells:
    """The cells of one tile, by pixel.

    Attributes
    ----------
    rows, columns, ids : (pixels,) int
        Pixels of the slide, and the cell 1 … n of the tile.
    peaks : (n, 2) int
        Where each cell's pixels met.
    confidence : (n, 2) float
        Mean probability of the cell's pixels, and error of its flow.
    """

    rows: np.ndarray
    columns: np.ndarray
    ids: np.ndarray
    peaks: np.ndarray
    confidence: np.ndarray


def stitch(parts: list[TileCells], labels: Any) -> tuple[Any, np.ndarray]:
    """Write the cells of all tiles into one label image, numbered in reading order of their peaks.

    Parameters
    ----------
    parts : list of TileCells
        In any order; sparse, so that all of a slide's fit where its maps would not.
    labels : (rows, columns) int array of zeros
        Filled in place; of NumPy, or of Zarr for slides beyond memory.

    Returns
    -------
    labels, confidence : see `segment`
    """
    peaks = np.concatenate([part.peaks for part in parts])
    order = np.lexsort((peaks[:, 1], peaks[:, 0]))
    ids = np.empty(len(peaks), np.int64)
    ids[order] = np.arange(1, len(peaks) + 1)
    first = 0
    for part in parts:
        own = np.append(0, ids[first : first + len(part.peaks)])
        first += len(part.peaks)
        if len(part.rows):
            # one block is read, filled and written, as a store on disk has no scattered writes
            box = (
                slice(part.rows.min(), part.rows.max() + 1),
                slice(part.columns.min(), part.columns.max() + 1),
            )
            block = np.asarray(labels[box])
            block[part.rows - box[0].start, part.columns - box[1].start] = own[part.ids]
            labels[box] = block
    return labels, np.concatenate([part.confidence for part in parts])[order]


def write_tile(path: str | os.PathLike, cells: TileCells) -> None:
    """Write the cells of a tile.

    Parameters
    ----------
    path : path
        Of a unit, `.npz`.
    cells : TileCells
    """
    with Path(path).open("wb") as file:
        np.savez_compressed(file, **vars(cells))


def read_tile(path: str | os.PathLike) -> TileCells:
    """Read what `write_tile` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    TileCells
    """
    with np.load(store.resolve(path), allow_pickle=False) as file:
        return TileCells(**{name: file[name] for name in TileCells.__dataclass_fields__})
