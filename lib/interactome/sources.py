"""Where the network sources lie: simulated ones, or a user's real files, in one small table of contents."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lib.data.errors import InputError
from lib.run import store

LISTING = "sources.json"
TRUTH = "truth/network_genes.csv"
NO_MODULE = "none"  # module of the genes that belong to none, in the truth
PLANTED = "Simulated data, planted truth."
NAMES = (
    "fucci_counts",
    "gene_ids",
    "cmap_siginfo",
    "cmap_geneinfo",
    "cmap_level5",
    "ccle_expression",
    "ccle_sample_info",
    "ppi",
    "hallmark",
)
REAL = ("gene_ids",)  # made here, but from the installed annotation


@dataclass(frozen=True)
class Source:
    """One file: where it lies and whether it was simulated."""

    path: Path
    simulated: bool


def check(own: Mapping[str, str], folder: str | os.PathLike) -> None:
    """Refuse a user's files that are not there, or that lie where sources are about to be made.

    Raises
    ------
    InputError
        Naming the source and its file, before anything is written or removed.
    """
    inside = store.resolve(folder).resolve()
    for name, path in own.items():
        if name not in NAMES:
            raise InputError(f"no source is called {name!r}; the sources are {', '.join(NAMES)}")
        if not path:
            continue
        file = store.resolve(path)
        if not file.is_file():
            raise InputError(f"{name}: no file {path}; set its path to a file, or leave it empty to simulate it")
        if file.resolve().is_relative_to(inside):
            raise InputError(f"{name}: {path} lies among the sources that are made here, which are removed first; "
                              "copy it elsewhere")  # fmt: skip


def write(folder: str | os.PathLike, made: Mapping[str, str], own: Mapping[str, str]) -> Path:
    """Write the table of contents of a folder of sources, last of all its files.

    The sha256 of every file is part of it, so that a real file that changes is noticed downstream.

    Parameters
    ----------
    folder : path
    made : mapping of str to str
        Name of a source → file below `folder`; all but the gene ids are simulated.
    own : mapping of str to str
        Name of a source → a user's file, which comes before one that was made; empty = none.

    Raises
    ------
    InputError
        If a name is unknown, a source has neither, or a file is missing.
    """
    folder = store.resolve(folder)
    if stray := [name for name in {**made, **own} if name not in NAMES]:
        raise InputError(f"no source is called {stray[0]!r}; the sources are {', '.join(NAMES)}")
    paths = {name: own.get(name) or made.get(name, "") for name in NAMES}
    listing = {}
    for name, path in paths.items():
        is_own = bool(own.get(name))
        file = store.resolve(path) if is_own else folder / path
        if not path or not file.is_file():
            raise InputError(f"{name}: no file {path or 'given'}; set {name}_path to a file, or leave it empty")
        listing[name] = {
            "path": str(file) if is_own else str(path),
            "sha256": store.sha256(file),
            "simulated": name not in REAL and not is_own,
        }
    return store.write_json(folder / LISTING, listing)


def read(folder: str | os.PathLike) -> dict[str, Source]:
    """Return every source by its name.

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
        raise InputError(f"{LISTING}: no entry {missing[0]!r}; make it with: python run_all.py network_sources")
    sources = {name: Source(folder / listing[name]["path"], bool(listing[name]["simulated"])) for name in NAMES}
    gone = [source.path for source in sources.values() if not source.path.is_file()]
    if gone:
        raise InputError(f"{gone[0]} is gone; make it with: python run_all.py network_sources")
    return sources


def origin(found: Mapping[str, Source], *names: str) -> str:
    """Return where the data of a picture come from, for its caption.

    Parameters
    ----------
    found : mapping of str to Source
    names : str
        Sources that the picture rests on; default all.

    Examples
    --------
    >>> origin({"ppi": Source(Path("ppi.txt"), simulated=True)}, "ppi")
    'Simulated data, planted truth.'
    """
    chosen = [name for name in names or found if name not in REAL]
    simulated = [name for name in chosen if found[name].simulated]
    if len(simulated) == len(chosen):
        return PLANTED
    return f"Partly simulated data: {', '.join(simulated)}." if simulated else "Data of the files given."


def origin_with_images(found: Mapping[str, Source], screen: str | os.PathLike) -> str:
    """Return where images and network come from, for the caption of a picture that rests on both.

    Parameters
    ----------
    found : mapping of str to Source
    screen : path
        `data/truth.csv`, without a row for a real screen.
    """
    network = origin(found)
    if is_planted_screen(screen) and network == PLANTED:
        return network
    images = "simulated" if is_planted_screen(screen) else "a real screen"
    return f"Images: {images}. Network: {network[0].lower()}{network[1:]}"


def read_truth(folder: str | os.PathLike) -> pd.DataFrame:
    """Return the planted truth: `gene`, `module`, `is_screened`, `s1` … `s6`; no row where a source is real.

    With one real source, correlations, interactions and fold changes no longer follow one truth.
    """
    path = store.resolve(folder) / TRUTH
    simulated = {name: source.simulated for name, source in read(folder).items() if name not in REAL}
    if not all(simulated.values()) or not path.exists():
        return pd.DataFrame(columns=["gene", "module", "is_screened", *(f"s{i}" for i in range(1, 7))])
    return pd.read_csv(path)


def is_planted_screen(path: str | os.PathLike) -> bool:
    """Return whether a screen is simulated: its table of planted effects, `data/truth.csv`, has rows."""
    return not pd.read_csv(store.resolve(path)).empty


def is_simulated(found: Mapping[str, Source], screen: str | os.PathLike) -> bool:
    """Return whether the screen or any source is simulated, so that no number can be compared with the paper's.

    Parameters
    ----------
    found : mapping of str to Source
    screen : path
        `data/truth.csv`, without a row for a real screen.
    """
    return is_planted_screen(screen) or any(source.simulated for name, source in found.items() if name not in REAL)


def shared_truth(folder: str | os.PathLike, screen: str | os.PathLike) -> pd.DataFrame:
    """Return `read_truth` where the screen is simulated too, else no row: only then do images and network share it."""
    truth = read_truth(folder)
    return truth if is_planted_screen(screen) else truth.head(0)


def read_columns(path: str | os.PathLike, columns: Collection[str]) -> pd.DataFrame:
    """Read some columns of a tab-separated table as text; names the columns that are missing."""
    path = store.resolve(path)
    try:
        header = pd.read_csv(path, sep="\t", nrows=0).columns
    except (FileNotFoundError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: not readable as a tab-separated table ({error})") from None
    if missing := [name for name in columns if name not in header]:
        raise InputError(f"{path.name}: no column {missing[0]!r}; it has {', '.join(list(header)[:6])}, …")
    return pd.read_csv(path, sep="\t", usecols=list(columns), dtype=str, keep_default_na=False)
