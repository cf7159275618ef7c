"""Inputs of the chapter: where each lies, given or simulated, and which file is whose."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.data import origin as origins
from lib.data.errors import InputError, listed
from lib.data.origin import Origin
from lib.epigenome.marks import CELLS
from lib.run import store

NAMES = {
    "expression": "expression.tsv.gz",
    "genes": "genes.gtf",
    "fragments": "tss2fragment.tsv",
    "contacts": "contacts",
    "tracks": "tracks",
    "eqtl": "eqtl.csv",
}
"""Input → its name in a folder of sources; each can be a file of your own."""

TRACK_SUFFIXES = (".bigwig", ".bw", ".tagalign.gz", ".tagalign", ".bed.gz", ".bed", ".npz")


@dataclass(frozen=True)
class Sources:
    """Where the inputs are.

    Parameters
    ----------
    files : mapping
        Input, see `NAMES`, → path.
    own : frozenset
        Inputs that a person gave; the others are simulated.
    train_table, arrays : Path, optional
        The published way in: the table of genes and the folder of region arrays.
    """

    files: Mapping[str, Path]
    own: frozenset
    train_table: Path | None = None
    arrays: Path | None = None

    @property
    def origin(self) -> Origin:
        """Where each input comes from."""
        if self.train_table is not None:
            return origins.own("train table", self.train_table) | origins.own(
                "region arrays", self.arrays
            )
        own = [origins.own(name, self.files[name]) for name in self.files if name in self.own]
        rest = [name for name in self.files if name not in self.own]
        return origins.combine([*own, *([origins.simulated(*rest)] if rest else [])])

    @property
    def is_simulated(self) -> bool:
        """Whether all inputs are simulated, so that the planted truth holds."""
        return self.origin.is_planted


def sources(
    folder: str | os.PathLike, given: Mapping[str, str], *, train_table: str = "", arrays: str = ""
) -> Sources:
    """Return where each input is: the given path, else the simulated file of a folder.

    Parameters
    ----------
    folder : path
        Of simulated files, see `NAMES`.
    given : mapping
        Input → path; empty = simulated.
    train_table, arrays : str
        The published pair; empty = none.

    Raises
    ------
    InputError
        For a given path that is not there, or only one half of the published pair.
    """
    folder = store.resolve(folder)
    own = {name: store.resolve(path) for name, path in given.items() if path}
    if bool(train_table) != bool(arrays):
        raise InputError(
            "a train table goes with its region arrays", fix="give train_table_path and arrays_dir"
        )
    pair = (
        {"train table": store.resolve(train_table), "region arrays": store.resolve(arrays)}
        if arrays
        else {}
    )
    for name, path in {**own, **pair}.items():
        if not path.exists():
            raise InputError(f"the {name} is not there", file=path, fix="check the path")
    files = {name: own.get(name, folder / file) for name, file in NAMES.items()}
    return Sources(files, frozenset(own), *pair.values())


def own_sources(about: Mapping, given: Mapping[str, str]) -> Sources:
    """Return the sources of a cell of your own: given paths, else those of the chapter.

    Parameters
    ----------
    about : mapping
        As the data notebook wrote it.
    """
    own = {name: store.resolve(path) for name, path in given.items() if path}
    for name, path in own.items():
        if not path.exists():
            raise InputError(f"the {name} is not there", file=path, fix="check the path")
    files = {name: own.get(name, Path(path)) for name, path in about["sources"].items()}
    chapters = frozenset() if about["is_simulated"] else frozenset(files)
    return Sources(files, frozenset(own) | chapters)


def contact_path(given: Sources, cell: str) -> Path:
    """Return the contact table of a cell: one file for all, or TISSUE.parquet (else CELL.parquet)
    of a folder.

    Parameters
    ----------
    given : Sources
    cell : str

    Raises
    ------
    InputError
        If the folder has none.
    """
    path = given.files["contacts"]
    if path.is_file():
        return path
    names = [CELLS[cell].tissue] if cell in CELLS else []
    for name in [cell, *names]:
        for suffix in (".parquet", ".tsv", ".csv"):
            if (path / f"{name}{suffix}").is_file():
                return path / f"{name}{suffix}"
    raise InputError(
        f"there are no contacts of {cell}", file=path, fix=f"add {listed([*names, cell])}.parquet"
    )


def track_paths(folder: str | os.PathLike, cell: str, marks: Sequence[str]) -> dict[str, Path]:
    """Return the track of each mark of a cell: the file that starts with CELL-MARK and a dot.

    Parameters
    ----------
    folder : path
    cell : str
    marks : sequence of str

    Returns
    -------
    dict
        Mark → file.

    Raises
    ------
    InputError
        For marks without a track, or with two.
    """
    folder = store.resolve(folder)
    files = sorted(
        path for path in folder.glob(f"{cell}-*") if path.name.lower().endswith(TRACK_SUFFIXES)
    )
    if not files:
        known = sorted({path.name.split("-")[0] for path in folder.glob("*-*")})
        raise InputError(
            f"the epigenome {cell} has no track", file=folder, fix=f"known are {listed(known)}"
        )
    found = {
        mark: [path for path in files if path.name.startswith(f"{cell}-{mark}.")] for mark in marks
    }
    absent = [mark for mark, paths in found.items() if not paths]
    if absent:
        named = dict.fromkeys(path.name.split("-", 1)[1].split(".")[0] for path in files)
        raise InputError(
            f"{cell}: the mark {listed(absent)} has no track",
            file=folder,
            fix=f"there are {listed(named)}",
        )
    twice = [mark for mark, paths in found.items() if len(paths) > 1]
    if twice:
        raise InputError(
            f"{cell}: the mark {listed(twice)} has two tracks", file=folder, fix="keep one"
        )
    return {mark: paths[0] for mark, paths in found.items()}
