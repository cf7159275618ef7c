"""Data of the chapter: the table of genes of each cell, and the units that read tracks."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from lib.data import tables as checked
from lib.data.errors import InputError, listed
from lib.epigenome import contacts, expression, genes, relatives, signals, splits
from lib.epigenome.inputs import Sources, contact_path, track_paths
from lib.epigenome.marks import MARKS
from lib.run import compute, store


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

    Parameters
    ----------
    tss : DataFrame
        From `genes.choose_tss`.
    rpkm : DataFrame
        From `expression.read_rpkm`.

    Returns
    -------
    DataFrame
        Rows of `tss`.
    int
        Genes of the matrix that are lost.

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
    CELL.npz.

    Parameters
    ----------
    found : mapping
        Cell → table of genes; from `gene_tables`.
    given : Sources
    folder : path
    marks : sequence of str
    build : str
        Build that tracks must have; empty = not compared.

    Returns
    -------
    dict
        Cell → file of `signals.write`.
    """
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
    each is hashed.

    Parameters
    ----------
    table : Path
        Table of genes, Parquet.
    cell, origin, build
        As of `signals.from_tracks`.
    arrays : Path, optional
        Region arrays in place of tracks.
    marks : sequence of str
        Rows of the arrays.
    paths : Path
        `track_MARK` → track.
    """
    read = pd.read_parquet(table)
    if arrays is not None:
        known = signals.from_arrays(read, arrays, cell=cell, origin=origin, marks=marks)
    else:
        named = {name.removeprefix("track_"): path for name, path in paths.items()}
        known = signals.from_tracks(read, named, cell=cell, origin=origin, build=build)
    signals.write(part, known)


def cuts_of(chroms: pd.Series, folds: Sequence[int]) -> dict[str, list[str]]:
    """Return the recorded cut: fold, as text → test chromosomes.

    Parameters
    ----------
    chroms : Series
        Chromosome of every gene.
    folds : sequence of int
    """
    return {str(fold): list(splits.test_chromosomes(chroms, fold)) for fold in folds}


def shared_bases(tables: Mapping[str, pd.DataFrame], cuts: Mapping[str, Sequence[str]]):
    """Return what training and held-out genes see of the same bases: windows and contact regions.

    Returns
    -------
    DataFrame
        One row per cell and fold: cell, fold, n_pairs of regions in two parts, n_bases they share.
        Both are 0 if contacts with other chromosomes are left out.
    """
    rows = []
    for cell, table in tables.items():
        for fold, test in cuts.items():
            found = splits.shared_between(table, splits.assign(table["chrom"], int(fold), test))
            rows.append((cell, int(fold), len(found), int(found["n_bases"].sum())))
    return pd.DataFrame(rows, columns=["cell", "fold", "n_pairs", "n_bases"])


def families_of(given: Sources, path: str) -> str:
    """Return the checked table of families as an absolute path; empty where none is known.

    Parameters
    ----------
    path : str
        A given one; empty = that of simulated genes.
    """
    simulated = given.files["genes"].parent / "families.csv"
    found = store.resolve(path) if path else simulated
    if not path and not given.is_simulated:
        return ""
    relatives.read_families(found)
    return str(found)


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
