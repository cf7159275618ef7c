"""Which files a source has: from the registry, or as its archive, bucket or table lists them."""

from itertools import product
from pathlib import Path, PurePosixPath
from string import Formatter

import pandas as pd

from lib.data import download_servers as servers
from lib.data import download_web as web
from lib.data.download_check import Expected
from lib.data.download_remote import Remote, address, below
from lib.data.errors import InputError, listed
from lib.data.sources import File, Grid, Source, Table
from lib.run import store


def remotes(source: Source, *, patience: web.Patience | None = None) -> list[Remote]:
    """Return all files of a source; archives and buckets are asked.

    Parameters
    ----------
    source : Source
        From the registry.
    patience : Patience, optional
        How long servers are waited for.

    Returns
    -------
    list of Remote
        In the order of the registry, then of the listing.

    Raises
    ------
    InputError
        If a server refuses, lists nothing that is wanted, or the table is not there.
    """
    records: dict[tuple[str, str], servers.Listed] = {}
    found = [servers.resolved(_named(one), records, patience) for one in source.files]
    if source.grid:
        found += in_grid(source.grid)
    if source.record:
        found += servers.in_record(source.record, patience)
    if source.bucket:
        found += servers.in_bucket(source.bucket, patience)
    if source.table:
        found += in_table(source.table)
    return found


def known(source: Source) -> list[Remote]:
    """Return the files of a source that are known without asking anyone.

    Parameters
    ----------
    source : Source
        From the registry.

    Returns
    -------
    list of Remote
        Those of the registry, and of the table if it is there. Addresses in an archive's record
        are as the registry has them.
    """
    found = [_named(one) for one in source.files]
    if source.grid:
        found += in_grid(source.grid)
    if source.table and store.resolve(source.table.path).exists():
        found += in_table(source.table)
    return found


def _named(one: File) -> Remote:
    pairs = {"sha256": one.sha256, "md5": one.md5}
    hashes = {algorithm: digits for algorithm, digits in pairs.items() if digits}
    served = Expected(one.size, hashes, () if one.unpack else tuple(one.columns))
    arrived = Expected(one.unpacked_size, {}, tuple(one.columns)) if one.unpack else served
    return Remote(address(one.url), one.to, served, one.unpack, arrived)


def in_grid(grid: Grid) -> list[Remote]:
    """Return a file for every combination of values.

    Parameters
    ----------
    grid : Grid
        Values, and the patterns of address and place.

    Returns
    -------
    list of Remote
        The last value changes first.

    Examples
    --------
    >>> from lib.data.sources import Grid
    >>> one = Grid(over={"cell": ["E003"]}, url="https://a.org/{cell}", to="data/{cell}.txt")
    >>> in_grid(one)[0].to
    'data/E003.txt'
    """
    chosen = [dict(zip(grid.over, values, strict=True)) for values in product(*grid.over.values())]
    return [Remote(grid.url.format(**one), grid.to.format(**one)) for one in chosen]


def in_table(table: Table) -> list[Remote]:
    """Return a file for each row of a table; rows that mean the same file are one.

    Parameters
    ----------
    table : Table
        Path, and the patterns of address and place.

    Returns
    -------
    list of Remote
        In the order of the rows.

    Raises
    ------
    InputError
        If the table is not there, lacks a column, or a name leads elsewhere.
    """
    path = store.resolve(table.path)
    if not path.exists():
        words = "this table names the files to fetch, and it is not there"
        raise InputError(words, file=path, fix="fetch or make it first; the registry says how")
    rows = _texts(path)
    wanted = sorted(_columns(table.url) | _columns(table.to))
    if missing := [name for name in wanted if name not in rows]:
        words = f"the column {listed(missing)} is missing; found {listed(rows.columns)}"
        raise InputError(words, file=path)
    found = [_row(table, row) for row in rows[wanted].to_dict("records")]
    return list({one.to: one for one in found}.values())


def _columns(pattern: str) -> set[str]:
    fields = [name for _, name, _, _ in Formatter().parse(pattern) if name]
    return {name.removesuffix(".stem").removesuffix(".inner") for name in fields}


def _texts(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path).astype(str)
    separator = "\t" if path.suffix in (".tsv", ".txt") else ","
    return pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator)


class _Text(str):
    """A text of a cell, and what a pattern may ask of it."""

    @property
    def stem(self) -> str:
        return PurePosixPath(self).stem

    @property
    def inner(self) -> str:
        # s3://bucket/project/folder → folder
        return "/".join(self.rstrip("/").split("/")[4:])


def _row(table: Table, row: dict[str, str]) -> Remote:
    texts = {name: _Text(value) for name, value in row.items()}
    to, folder = table.to.format(**texts), fixed_folder(table)
    return Remote(address(table.url.format(**texts)), below(folder, to[len(folder) + 1 :]))


def fixed_folder(table: Table) -> str:
    """Return the folder below which all files of a table lie.

    Parameters
    ----------
    table : Table
        Its pattern of places.

    Returns
    -------
    str
        Relative to the project.
    """
    return table.to.partition("{")[0].rpartition("/")[0]
