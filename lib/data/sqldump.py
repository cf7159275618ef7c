"""Tables out of a MySQL dump, read as a stream and without a MySQL server."""

import gzip
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from lib.data.errors import InputError, listed
from lib.run import store

GZIP = b"\x1f\x8b"
_NAME = r"(?:`[^`]+`|\w+)"
_CREATE = re.compile(rf"CREATE TABLE (?:IF NOT EXISTS )?(?:{_NAME}\.)?({_NAME})\s*\(", re.I)
_FILL = rf"(?:INSERT|REPLACE)\s+(?:IGNORE\s+)?INTO\s+(?:{_NAME}\.)?({_NAME})\s*"
_FILLS = re.compile(_FILL, re.I)
_INSERT = re.compile(rf"{_FILL}(?:\(([^)]*)\)\s*)?VALUES\s*", re.I)
_VALUE = re.compile(
    r"\s*(?:_binary\s*)?(?:'((?:[^'\\]|\\.|'')*+)'|(NULL)|([^\s'(),;]+))\s*([,)])",
    re.I | re.S,
)
_ESCAPE = re.compile(r"\\(.)|''", re.S)
_CONTROL = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
START = 400  # bytes of a line that are looked at to tell what it is
LONGEST_ROW = 2**26  # characters; a longer one means that a quote is not closed
AGAIN = "download the dump again"


def read(path: str | os.PathLike, table: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table of a MySQL dump; the other tables are passed over.

    Parameters
    ----------
    path : path
        Dump as `mysqldump` writes it, plain or gzip.
    table : str
        Name of the table.
    columns : sequence of str, optional
        Columns wanted, in the order wanted; default all.

    Returns
    -------
    DataFrame
        One row per row of the table. Texts and numbers are texts as they stand in the dump; NULL is
        None.

    Raises
    ------
    InputError
        If there is no such table or column, a row has too many or too few values, or the dump is
        cut off.
    """
    path = store.resolve(path)
    found = list(rows(path, table, columns))
    names = list(columns) if columns is not None else columns_of(path, table)
    return pd.DataFrame(found, columns=names, dtype=object)


def rows(
    path: str | os.PathLike, table: str, columns: Sequence[str] | None = None
) -> Iterator[tuple[str | None, ...]]:
    """Yield the rows of a table of a MySQL dump, one statement in memory at a time.

    Parameters
    ----------
    path, table, columns
        As in `read`.

    Yields
    ------
    tuple of str or None
        Values of the columns wanted.

    Raises
    ------
    InputError
        As in `read`.
    """
    path = store.resolve(path)
    declared: dict[str, list[str]] = {}
    with _opened(path) as file:
        lines = _Lines(file, path)
        for start in lines:
            if created := _CREATE.match(start):
                declared[_bare(created[1])] = _declared(lines)
            elif (filled := _FILLS.match(start)) and _bare(filled[1]) == table:
                columns_there, text = _begun(lines.whole())
                names = columns_there or declared.get(table, [])
                wanted = _places(names, columns, table, lines)
                for values in _values(text, lines, len(names)):
                    yield tuple(values[place] for place in wanted)
            else:
                lines.skip_statement()
    if table not in declared:
        words = f"the dump has no table {table!r}; it has {listed(declared) or 'none'}"
        raise InputError(words, file=path)


def columns_of(path: str | os.PathLike, table: str) -> list[str]:
    """Return the columns that a MySQL dump declares for a table.

    Parameters
    ----------
    path : path
        Dump, plain or gzip.
    table : str
        Name of the table.

    Returns
    -------
    list of str
        In their order.

    Raises
    ------
    InputError
        If there is no such table.
    """
    path = store.resolve(path)
    with _opened(path) as file:
        lines = _Lines(file, path)
        for start in lines:
            if (created := _CREATE.match(start)) and _bare(created[1]) == table:
                return _declared(lines)
    raise InputError(f"the dump has no table {table!r}", file=path)


class _Lines:
    """Lines of a dump, decoded only where they matter, counted for messages."""

    STARTS = (b"CREATE TABLE", b"INSERT", b"REPLACE", b"create table", b"insert", b"replace")

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path, self.number, self.raw = file, path, 0, b""

    def __iter__(self) -> Iterator[str]:
        """Yield how statements begin that create or fill a table."""
        while self._read():
            if self.raw.startswith(self.STARTS):
                # other tables may hold what is no text
                yield self.raw[:START].decode("utf-8", "replace")

    def whole(self) -> str:
        """Return the line that is being read."""
        try:
            return self.raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.error(f"not UTF-8 ({error})", fix="dump it with utf8") from None

    def next(self) -> str:
        """Return the next line of a statement that has not ended."""
        if self._read():
            return self.whole()
        raise self.error("the dump is cut off in the middle of a statement", fix=AGAIN)

    def skip_statement(self) -> None:
        """Pass over the rest of a statement; mysqldump ends each with `;` at the end of a line."""
        while not self.raw.rstrip().endswith(b";") and self._read():
            pass

    def error(self, what: str, *, fix: str = "") -> InputError:
        return InputError(what, file=self.path, row=f"line {self.number}", fix=fix)

    def _read(self) -> bytes:
        self.number += 1
        try:
            self.raw = self.file.readline()
        except (EOFError, gzip.BadGzipFile) as error:
            raise self.error(f"the dump is damaged or cut off ({error})", fix=AGAIN) from None
        return self.raw


def _opened(path: Path) -> BinaryIO:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP
    except FileNotFoundError:
        raise InputError("there is no such dump", file=path, fix="fetch it first") from None
    return gzip.open(path) if packed else path.open("rb")


def _begun(line: str) -> tuple[list[str], str]:
    """Return the columns that an `INSERT` names, and what comes behind its `VALUES`."""
    found = _INSERT.match(line)
    return (_listed(found[2]), line[found.end() :]) if found else ([], line)


def _bare(name: str) -> str:
    return name.strip().strip("`")


def _listed(text: str | None) -> list[str]:
    return [_bare(name) for name in text.split(",")] if text else []


def _declared(lines: _Lines) -> list[str]:
    """Return the columns of a `CREATE TABLE`, one per line; keys begin with another sign."""
    names = []
    while not (line := lines.next().strip()).startswith(")"):
        if line.startswith("`"):
            names.append(line[1:].partition("`")[0])
    return names


def _places(
    names: list[str], columns: Sequence[str] | None, table: str, lines: _Lines
) -> list[int]:
    if missing := [name for name in columns or () if name not in names]:
        words = f"the table {table} has no column {listed(missing)}; it has {listed(names)}"
        raise lines.error(words)
    return list(range(len(names))) if columns is None else [names.index(one) for one in columns]


def _values(text: str, lines: _Lines, n_columns: int) -> Iterator[list[str | None]]:
    """Yield the rows of one `INSERT`, which begins behind `VALUES` and ends at its `;`."""
    position = 0
    while True:
        text, position = _skip(text, position, lines)
        if text[position] == ";":
            return
        if text[position] != "(":
            raise lines.error(f"{text[position : position + 20]!r} where a row should begin")
        row, text, position = _row(text, position + 1, lines)
        if n_columns and len(row) != n_columns:
            raise lines.error(f"a row has {len(row)} values, the table {n_columns} columns")
        yield row


def _skip(text: str, position: int, lines: _Lines) -> tuple[str, int]:
    """Return the text and the place of the next sign that is no blank and no comma."""
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        if position < len(text):
            return text, position
        text, position = lines.next(), 0  # what is behind us is not kept


def _row(text: str, position: int, lines: _Lines) -> tuple[list[str | None], str, int]:
    """Return the values of a row that begins at a place, the text and where it ends."""
    values: list[str | None] = []
    while True:
        found = _VALUE.match(text, position)
        if found is None:  # a text may hold a line break: the rest is on the next line
            if len(text) - position > LONGEST_ROW:
                raise lines.error("a text that never ends", fix=AGAIN)
            text, position = text[position:] + lines.next(), 0
            continue
        quoted, null, bare, end = found.groups()
        values.append(None if null else bare if quoted is None else _ESCAPE.sub(_plain, quoted))
        position = found.end()
        if end == ")":
            return values, text, position


def _plain(escape: re.Match) -> str:
    sign = escape[1]
    return "'" if sign is None else _CONTROL.get(sign, sign)
