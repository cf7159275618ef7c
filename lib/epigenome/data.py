"""Data of the chapter: where inputs come from, the table of genes of each cell, the units that read
tracks."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lib.data import origin as origins
from lib.data import tables as checked
from lib.data.errors import InputError, listed
from lib.data.origin import Origin
from lib.epigenome import contacts, expression, first_approach, genes, signals, splits
from lib.epigenome.marks import CELLS, MARKS
from lib.run import compute, store

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


def gene_tables(
    given: Sources, cells: Sequence[str], *, rule: contacts.Rule, tss_rule: genes.Rule
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Return the table of genes of each cell in the published columns, and a report.

    Returns
    -------
    dict
        Cell → gene_id, chrom, start, end, strand, expression, label, neighbors, scores.
    DataFrame
        One row per cell: genes, those left out, contacts left out, share of genes without partner.
    """
    if given.train_table is not None:
        found = {cell: genes.read_train_table(given.train_table, cell) for cell in cells}
        rows = [(cell, len(t), 0, 0, 0, t["neighbors"].isna().mean()) for cell, t in found.items()]
        return found, _report(rows)
    rpkm = expression.read_rpkm(given.files["expression"], cells)
    tss, n_lost = known_genes(
        genes.choose_tss(genes.read_transcripts(given.files["genes"]), tss_rule), rpkm
    )
    fragments = checked.read(given.files["fragments"], contacts.TSS_FRAGMENTS)
    found, rows = {}, []
    for cell in cells:
        chosen = contacts.partners(
            tss, fragments, contacts.read_contacts(contact_path(given, cell)), rule
        )
        table = tss.merge(
            contacts.joined(chosen, tss["gene_id"]), on="gene_id", validate="one_to_one"
        )
        values = rpkm[cell].reindex(table["gene_id"]).to_numpy()
        found[cell] = table.assign(expression=values, label=expression.is_expressed(values))
        rows.append((cell, len(table), n_lost, chosen.n_trans, chosen.n_weak, chosen.share_without))
    return found, _report(rows)


def known_genes(tss: pd.DataFrame, rpkm: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the genes that have expression and lie on a chromosome of a fold, and how many of the
    matrix are lost.

    Raises
    ------
    InputError
        If none is left.
    """
    chroms = {name for fold in splits.FOLDS.values() for name in fold}
    kept = tss[tss["gene_id"].isin(rpkm.index) & tss["chrom"].isin(chroms)].reset_index(drop=True)
    if kept.empty:
        raise InputError(
            f"no gene of the expression matrix ({listed(rpkm.index[:3])}) is in the gene model "
            f"({listed(tss['gene_id'][:3])})",
            fix="give Ensembl gene ids in both",
        )
    return kept, len(rpkm) - len(kept)


def contact_path(given: Sources, cell: str) -> Path:
    """Return the contact table of a cell: one file for all, or TISSUE.parquet (else CELL.parquet)
    of a folder.

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


def one_cell(
    given: Sources,
    cell: str,
    marks: Sequence[str],
    *,
    rule: contacts.Rule,
    tss_rule: genes.Rule = "longest",
    with_contacts: bool = True,
    build: str = "",
) -> signals.Signals:
    """Read a cell that is not learned from: expression is optional, contacts can be left out.

    Parameters
    ----------
    marks : sequence of str
        Those that the networks need.
    """
    tss = genes.choose_tss(genes.read_transcripts(given.files["genes"]), tss_rule)
    rpkm = pd.DataFrame(index=tss["gene_id"])
    if given.files["expression"].is_file():
        rpkm = expression.read_rpkm(given.files["expression"])
        tss, _ = known_genes(tss, rpkm)
    table = tss.assign(
        expression=rpkm[cell].reindex(tss["gene_id"]).to_numpy() if cell in rpkm else float("nan")
    )
    if with_contacts:
        fragments = checked.read(given.files["fragments"], contacts.TSS_FRAGMENTS)
        chosen = contacts.partners(
            tss, fragments, contacts.read_contacts(contact_path(given, cell)), rule
        )
        table = table.merge(
            contacts.joined(chosen, tss["gene_id"]), on="gene_id", validate="one_to_one"
        )
    origin = "simulated" if given.is_simulated else "real"
    paths = track_paths(given.files["tracks"], cell, marks)
    return signals.from_tracks(table, paths, cell=cell, origin=origin, build=build)


def track_paths(folder: str | os.PathLike, cell: str, marks: Sequence[str]) -> dict[str, Path]:
    """Return the track of each mark of a cell: the file that starts with CELL-MARK and a dot.

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


def write_signals(
    found: Mapping[str, pd.DataFrame],
    given: Sources,
    folder: str | os.PathLike,
    *,
    marks: Sequence[str] = MARKS,
    build: str = "",
    units_dir: str | os.PathLike,
) -> dict[str, Path]:
    """Read the marks of every cell, one unit per cell, and put the files into a folder as
    CELL.npz."""
    units = {}
    for cell, table in found.items():
        path = store.write_table(store.resolve(units_dir) / "tables" / f"{cell}.parquet", table)
        options = {
            "table": path,
            "cell": cell,
            "origin": "simulated" if given.is_simulated else "real",
        }
        if given.arrays is not None:
            units[cell] = {**options, "arrays": given.arrays, "marks": list(marks)}
        else:
            paths = track_paths(given.files["tracks"], cell, marks)
            units[cell] = {
                **options,
                "build": build,
                **{f"track_{mark}": one for mark, one in paths.items()},
            }
    made = compute.run_units(signals_unit, units, directory=units_dir, suffix=".npz")
    return {
        cell: _copied(path, store.resolve(folder) / f"{cell}.npz") for cell, path in made.items()
    }


def write_windows(
    found: Mapping[str, pd.DataFrame],
    tracks: str | os.PathLike,
    *,
    assays: Sequence[str],
    window: int,
    size: int,
    units_dir: str | os.PathLike,
    build: str = "",
) -> dict[str, Path]:
    """Cut the windows of the first approach for every cell, one unit per cell; return cell → file.

    Parameters
    ----------
    found : mapping
        Cell → table of genes.
    tracks : path
        Folder of tracks, such as p-value signal.
    """
    units = {}
    for cell, table in found.items():
        path = store.write_table(store.resolve(units_dir) / "tables" / f"{cell}.parquet", table)
        named = {f"track_{assay}": one for assay, one in track_paths(tracks, cell, assays).items()}
        units[cell] = {
            "table": path,
            "cell": cell,
            "window": window,
            "size": size,
            "build": build,
            **named,
        }
    return compute.run_units(windows_unit, units, directory=units_dir, suffix=".npz")


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


def signals_unit(
    part: Path,
    *,
    seed: int,
    table: Path,
    cell: str,
    origin: str,
    build: str = "",
    arrays: Path | None = None,
    marks: Sequence[str] = (),
    **paths: Path,
) -> None:
    """Write the signals of one cell; a unit of `lib.run.compute`. Tracks are `track_MARK`, so that
    each is hashed."""
    read = pd.read_parquet(table)
    if arrays is not None:
        known = signals.from_arrays(read, arrays, cell=cell, origin=origin, marks=marks)
    else:
        named = {name.removeprefix("track_"): path for name, path in paths.items()}
        known = signals.from_tracks(read, named, cell=cell, origin=origin, build=build)
    signals.write(part, known)


def windows_unit(
    part: Path,
    *,
    seed: int,
    table: Path,
    cell: str,
    window: int,
    size: int,
    build: str = "",
    **paths: Path,
) -> None:
    """Write the windows of the first approach for one cell; a unit of `lib.run.compute`."""
    named = {name.removeprefix("track_"): path for name, path in paths.items()}
    first_approach.write_windows(
        part, pd.read_parquet(table), named, cell=cell, window=window, size=size, build=build
    )


def cuts_of(chroms: pd.Series, folds: Sequence[int]) -> dict[str, list[str]]:
    """Return the recorded cut: fold, as text → test chromosomes."""
    return {str(fold): list(splits.test_chromosomes(chroms, fold)) for fold in folds}


def _report(rows: list[tuple]) -> pd.DataFrame:
    columns = [
        "cell",
        "n_genes",
        "n_without_start_site",
        "n_trans_contacts",
        "n_weak_contacts",
        "share_without_partner",
    ]
    return pd.DataFrame(rows, columns=columns)


def _copied(source: Path, target: Path) -> Path:
    with store.atomic(target) as part:
        part.write_bytes(source.read_bytes())
    return target
