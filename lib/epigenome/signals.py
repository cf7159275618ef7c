"""Signals: the marks around the genes of one cell and in their contact regions, as sums over 100-bp
bins.

One file per cell holds names, sums and genes; everything a model sees is made from it. Sums stay in
genomic order; orientation, coarser bins and logarithms come later.

Shapes: G genes, F marks, W bins of the promoter window, R contact regions, T bins of all of them, P
partner slots.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.epigenome import bins, contacts, genes, tracks
from lib.epigenome.marks import MARKS
from lib.epigenome.region_arrays import RegionArrays
from lib.run import store

SIZE = 100  # bp a stored bin
WINDOW = 40_000  # bp of the promoter window, and the longest contact region
GENE_COLUMNS = ("gene_id", "chrom", "start", "end", "strand", "expression", "label")

Read = Callable[[pd.DataFrame], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Signals:
    """Marks of one cell.

    Parameters
    ----------
    cell : str
    marks : tuple of str
        Names of the rows, in the order of the arrays.
    genes : DataFrame
        `GENE_COLUMNS`, one row per gene; expression is RPKM, NaN where it is not known.
    promoters : (G, F, W) float32 array
    inside : (G, 2) array
        First bin within the chromosome, and how many are.
    regions : DataFrame
        chrom, start, end of the contact regions.
    partners : (T, F) float32 array
        Sums of the bins of all regions, one region after the other; `offsets`, (R + 1,), says
        where.
    slots, scores : (G, P) arrays
        Region of each partner, best first, -1 for none; its score.
    origin : str
        Where the data come from: `real` or `simulated`.
    """

    cell: str
    marks: tuple[str, ...]
    genes: pd.DataFrame
    promoters: np.ndarray
    inside: np.ndarray
    regions: pd.DataFrame
    partners: np.ndarray
    offsets: np.ndarray
    slots: np.ndarray
    scores: np.ndarray
    origin: str

    @property
    def n_partners(self) -> np.ndarray:
        """Number of partners of each gene, (G,)."""
        return (self.slots >= 0).sum(axis=1)

    @property
    def lengths(self) -> np.ndarray:
        """Bases of each region, (R,)."""
        return (self.regions["end"] - self.regions["start"]).to_numpy()


def from_tracks(
    table: pd.DataFrame,
    paths: Mapping[str, str | os.PathLike],
    *,
    cell: str,
    origin: str,
    build: str = "",
    sizes: Mapping[str, int] | None = None,
    max_partners: int = 8,
    exact: bool = False,
) -> Signals:
    """Read the marks of a cell from whole-genome tracks.

    Parameters
    ----------
    table : DataFrame
        gene_id, chrom, start, end, strand; `expression`, `neighbors` and `scores` where known.
    paths : mapping
        Mark → bigWig, reads or depth; a mark may be any name.
    build : str
        Build that the tracks must have, `hg19` or `hg38`; empty = not compared.
    sizes : mapping, optional
        Chromosome lengths, for reads.

    Raises
    ------
    InputError
        For a track of another build, without a chromosome, or a gene that lies off it.
    """
    promoters, inside, partners = [], None, []
    slots, scores, names = _slots(table, max_partners)
    regions = contacts.regions(names)
    windows = genes.window(table, WINDOW, exact=exact)
    for path in paths.values():
        with tracks.opened(path, sizes=sizes) as track:
            if build:
                genes.check_build(track.sizes, build, file=path)
            found = tracks.cut(track, windows, size=SIZE)
            promoters.append(found.sums)
            inside = _inside(found.is_padding)
            partners.append(_region_sums(track, regions))
    return _checked(
        table,
        tuple(paths),
        cell,
        origin,
        np.stack(promoters, axis=1),
        inside,
        regions,
        np.stack(partners, axis=1),
        slots,
        scores,
    )


def from_arrays(
    table: pd.DataFrame,
    source: str | os.PathLike,
    *,
    cell: str,
    origin: str,
    marks: Sequence[str] = MARKS,
    max_partners: int = 8,
) -> Signals:
    """Read the marks of a cell from published region arrays: depth per base, one row per mark.

    Parameters
    ----------
    table : DataFrame
        As of `genes.read_train_table`.
    source : path
        Folder of `chrom:start-end.npy` or `chrom_start-end.npy`, or one `.npz` with such keys.
    marks : sequence of str
        Names of the rows.

    Raises
    ------
    InputError
        For a region that is absent, has other rows or columns, or depth that is not finite.
    """
    slots, scores, names = _slots(table, max_partners)
    regions = contacts.regions(names)
    windows = genes.window(table, WINDOW)
    with RegionArrays(store.resolve(source), len(marks)) as read:
        promoters = [bins.coarsen(read(*one), SIZE) for one in windows.itertuples(index=False)]
        partners = [bins.coarsen(read(*one), SIZE).T for one in regions.itertuples(index=False)]
    inside = np.tile([0, WINDOW // SIZE], (len(table), 1))
    flat = np.concatenate(partners) if partners else np.zeros((0, len(marks)))
    return _checked(
        table, tuple(marks), cell, origin, np.stack(promoters), inside, regions, flat, slots, scores
    )


def write(path: str | os.PathLike, signals: Signals) -> Path:
    """Write the signals of a cell as one `.npz` without pickled objects.

    Parameters
    ----------
    path : path
    signals : Signals
    """
    path = store.resolve(path)
    table = {f"gene.{name}": signals.genes[name].to_numpy() for name in GENE_COLUMNS}
    for name in ("gene_id", "chrom", "strand"):
        table[f"gene.{name}"] = table[f"gene.{name}"].astype(str)
    region = {
        f"region.{name}": signals.regions[name].to_numpy() for name in ("chrom", "start", "end")
    }
    region["region.chrom"] = region["region.chrom"].astype(str)
    arrays = {
        name: getattr(signals, name)
        for name in ("promoters", "inside", "partners", "offsets", "slots", "scores")
    }
    named = {name: np.array(getattr(signals, name)) for name in ("cell", "marks", "origin")}
    with store.atomic(path) as part, part.open("wb") as file:
        np.savez(file, **named, **table, **region, **arrays)
    return path


def read(path: str | os.PathLike) -> Signals:
    """Read what `write` wrote.

    Parameters
    ----------
    path : path
        From `write`.

    Raises
    ------
    InputError
        If the file is no file of signals.
    """
    try:
        with np.load(store.resolve(path), allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        table = {name: found.pop(f"gene.{name}") for name in GENE_COLUMNS}
        region = {name: found.pop(f"region.{name}") for name in ("chrom", "start", "end")}
        found |= {"cell": str(found["cell"]), "origin": str(found["origin"])}
        found["marks"] = tuple(found["marks"].tolist())
        return Signals(genes=pd.DataFrame(table), regions=pd.DataFrame(region), **found)
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(
            f"this is no file of signals ({type(error).__name__}: {error})", file=path
        ) from None


def _slots(table: pd.DataFrame, n: int) -> tuple[np.ndarray, np.ndarray, pd.Series]:
    """Return region numbers and scores (G, n) of the partners, and the names of the distinct
    regions."""
    slots = np.full((len(table), n), -1, np.int32)
    scores = np.zeros((len(table), n), np.float32)
    if "neighbors" not in table:
        return slots, scores, pd.Series([], dtype=str)
    lists = table[["neighbors", "scores"]].map(genes.split_list)
    count = lists["neighbors"].map(len).to_numpy()
    flat = lists["neighbors"].explode().dropna().astype(str)
    values = pd.to_numeric(lists["scores"].explode().dropna(), errors="coerce").to_numpy(float)
    if np.isnan(values).any() or len(values) != len(flat):
        raise InputError("the partners' scores are no numbers, or not as many as partners")
    number, names = pd.factorize(flat)
    row = np.repeat(np.arange(len(table)), count)
    slot = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    kept = slot < n
    slots[row[kept], slot[kept]] = number[kept]
    scores[row[kept], slot[kept]] = values[kept]
    return slots, scores, pd.Series(names, dtype=str)


def _inside(is_padding: np.ndarray) -> np.ndarray:
    """Return first inside bin and number of inside bins, (G, 2)."""
    return np.stack([(~is_padding).argmax(axis=1), (~is_padding).sum(axis=1)], axis=1)


def _region_sums(track, regions: pd.DataFrame) -> np.ndarray:
    """Return the sums (T,) of the 100-bp bins of regions of any length."""
    if regions.empty:
        return np.zeros(0)
    tracks.check_regions(track, regions, outside="error")
    lengths = (regions["end"] - regions["start"]).to_numpy()
    n = -(-lengths // SIZE)
    steps = np.minimum(np.arange(n.max() + 1) * SIZE, lengths[:, None])  # (R, n + 1)
    borders = regions["start"].to_numpy()[:, None] + steps
    sums, _ = tracks.sums_between(track, regions["chrom"].to_numpy(), borders)
    return sums[np.arange(n.max()) < n[:, None]]


def _checked(
    table, marks, cell, origin, promoters, inside, regions, partners, slots, scores
) -> Signals:
    """Complete the table of genes and the offsets, and check what no model can use."""
    lengths = (regions["end"] - regions["start"]).to_numpy()
    if (lengths > WINDOW).any() or (lengths < 1).any():
        bad = regions[(lengths > WINDOW) | (lengths < 1)].iloc[0]
        raise InputError(
            f"the contact region {bad['chrom']}:{bad['start']}-{bad['end']} has "
            f"{bad['end'] - bad['start']} bases",
            fix=f"expected 1 to {WINDOW}",
        )
    silent = [
        name for name, rows in zip(marks, promoters.swapaxes(0, 1), strict=True) if not rows.any()
    ]
    if silent:
        raise InputError(
            f"{cell}: {listed(silent)} has no signal at any gene", fix="check the track"
        )
    table = table.reindex(columns=list(GENE_COLUMNS)).reset_index(drop=True)
    table["label"] = table["label"].fillna(-1).astype(int)
    table["expression"] = table["expression"].astype(float)
    offsets = np.concatenate([[0], np.cumsum(-(-lengths // SIZE))]).astype(np.int64)
    return Signals(
        cell,
        marks,
        table,
        promoters.astype(np.float32),
        inside.astype(np.int32),
        regions.reset_index(drop=True),
        partners.astype(np.float32),
        offsets,
        slots,
        scores,
        origin,
    )
