"""Where the network sources lie, simulated ones or a user's real files: one table of contents."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lib.data import origin
from lib.data.errors import InputError
from lib.data.origin import Origin
from lib.run import store

LISTING = "sources.json"
TRUTH = "truth/network_genes.csv"
NO_MODULE = "none"  # module of the genes that belong to none, in the truth
PARTS = {
    "fucci_counts": "single cells",
    "cmap_siginfo": "list of CMap signatures",
    "cmap_geneinfo": "list of CMap genes",
    "cmap_level5": "CMap signatures",
    "ccle_expression": "cell lines",
    "ccle_sample_info": "list of cell lines",
    "ppi": "network",
    "hallmark": "gene sets",
}
"""Name of a source → what a caption calls it."""

GENE_IDS = "gene_ids"  # made here from the installed annotation: names of genes, not data
NAMES = (*PARTS, GENE_IDS)


@dataclass(frozen=True)
class Source:
    """One file: where it lies and whether it was simulated.

    Parameters
    ----------
    path : Path
        The file.
    simulated : bool
        Whether it was simulated here; gene ids never count as simulated.
    """

    path: Path
    simulated: bool


def check(own: Mapping[str, str], folder: str | os.PathLike) -> None:
    """Refuse a user's files that are absent, or that lie where sources are about to be made.

    Parameters
    ----------
    own : mapping of str to str
        Name of a source → a user's file; empty = none.
    folder : path
        Folder in which sources are made, and which is emptied first.

    Raises
    ------
    InputError
        Naming the source and its file, before anything is written or removed.
    """
    # links are followed: a file may lie inside by another name
    inside = store.resolve(folder).resolve()
    for name, path in own.items():
        if name not in NAMES:
            raise InputError(f"no source is called {name!r}; the sources are {', '.join(NAMES)}")
        if not path:
            continue
        file = store.resolve(path)
        if not file.is_file():
            raise InputError(
                f"{name}: no file {path}; set its path to a file, or leave it empty to simulate it"
            )
        if file.resolve().is_relative_to(inside):
            raise InputError(
                f"{name}: {path} lies among the sources that are made here, which are removed "
                "first; copy it elsewhere"
            )


def write(folder: str | os.PathLike, made: Mapping[str, str], own: Mapping[str, str]) -> Path:
    """Write the table of contents of a folder of sources, last of all its files.

    The sha256 of every file is part of it, so that a real file that changes is noticed downstream.
    Where each comes from is written beside the folder.

    Parameters
    ----------
    folder : path
        Folder of the sources.
    made : mapping of str to str
        Name of a source → file below `folder`; all but the gene ids are simulated.
    own : mapping of str to str
        Name of a source → a user's file, which comes before one that was made; empty = none.

    Returns
    -------
    Path
        The table of contents.

    Raises
    ------
    InputError
        If a name is unknown, a source has neither, or a file is missing.
    """
    folder = store.resolve(folder)
    if stray := [name for name in {**made, **own} if name not in NAMES]:
        raise InputError(f"no source is called {stray[0]!r}; the sources are {', '.join(NAMES)}")
    # a user's own file comes first
    paths = {name: own.get(name) or made.get(name, "") for name in NAMES}
    listing = {}
    for name, path in paths.items():
        is_own = bool(own.get(name))
        file = store.resolve(path) if is_own else folder / path
        if not path or not file.is_file():
            raise InputError(
                f"{name}: no file {path or 'given'}; set {name}_path to a file, or leave it empty"
            )
        listing[name] = {
            "path": str(file) if is_own else str(path),
            "sha256": store.sha256(file),  # part of the key of what is made from it
        }
    origin.write(folder, _origin(own))
    return store.write_json(folder / LISTING, listing)


def read(folder: str | os.PathLike) -> dict[str, Source]:
    """Read the table of contents of a folder of sources.

    Parameters
    ----------
    folder : path
        As `write` left it.

    Returns
    -------
    dict of str to Source
        One entry per name of `NAMES`.

    Raises
    ------
    FileNotFoundError
        If the folder has no table of contents.
    InputError
        If a source is not listed or its file is gone.
    """
    folder = store.require(folder, made_by="network_sources")
    listing = store.read_json(store.require(folder / LISTING, made_by="network_sources"))
    if missing := [name for name in NAMES if name not in listing]:
        raise InputError(
            f"{LISTING}: no entry {missing[0]!r}; make it with: python run_all.py network_sources"
        )
    simulated = origin.read(folder).simulated
    sources = {
        name: Source(folder / listing[name]["path"], PARTS.get(name) in simulated) for name in NAMES
    }
    gone = [source.path for source in sources.values() if not source.path.is_file()]
    if gone:
        raise InputError(f"{gone[0]} is gone; make it with: python run_all.py network_sources")
    return sources


def _origin(own: Mapping[str, str]) -> Origin:
    """Return where the sources come from: what is no file of the user's is simulated."""
    chosen = {name: own.get(name) for name in PARTS}
    return origin.combine(
        origin.own(PARTS[name], path) if path else origin.simulated(PARTS[name])
        for name, path in chosen.items()
    )


def read_truth(folder: str | os.PathLike, *beside: str | os.PathLike) -> pd.DataFrame:
    """Read the planted truth; no row where anything is real.

    With one real source, correlations, interactions and fold changes no longer follow one truth.
    Beside a real screen a simulated network has a truth of its own, which the images know nothing
    of.

    Parameters
    ----------
    folder : path
        Folder of the sources.
    *beside : path
        Data that must share the truth, such as the screen.

    Returns
    -------
    DataFrame
        One row per gene: `gene`, `module`, `is_screened`, and the latent state `s1` … `s6`.
    """
    path = store.resolve(folder) / TRUTH
    # one real source breaks the truth of all
    if not origin.read(folder, *beside).is_planted or not path.exists():
        return pd.DataFrame(
            columns=["gene", "module", "is_screened", *(f"s{i}" for i in range(1, 7))]
        )
    return pd.read_csv(path)


def read_columns(path: str | os.PathLike, columns: Collection[str]) -> pd.DataFrame:
    """Read some columns of a tab-separated table as text.

    Parameters
    ----------
    path : path
        With a header.
    columns : collection of str
        Columns wanted.

    Returns
    -------
    DataFrame of str
        One row per line; empty cells are empty texts.

    Raises
    ------
    InputError
        If the file is not readable, or a column is missing.
    """
    path = store.resolve(path)
    try:
        header = pd.read_csv(path, sep="\t", nrows=0).columns
    except (FileNotFoundError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: not readable as a tab-separated table ({error})") from None
    if missing := [name for name in columns if name not in header]:
        raise InputError(
            f"{path.name}: no column {missing[0]!r}; it has {', '.join(list(header)[:6])}, …"
        )
    return pd.read_csv(path, sep="\t", usecols=list(columns), dtype=str, keep_default_na=False)
