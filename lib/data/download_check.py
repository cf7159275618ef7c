"""What has arrived is looked at before it is used: size, hash, first bytes, names of columns."""

import csv
import gzip
import hashlib
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lib.data.errors import InputError, listed

HDF, TIFF, ZIP = (b"\x89HDF\r\n\x1a\n",), (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), (b"PK",)
MAGIC = {
    ".gz": (b"\x1f\x8b",),
    ".zip": ZIP,
    ".xlsx": ZIP,
    ".gctx": HDF,
    ".h5ad": HDF,
    ".h5": HDF,
    ".parquet": (b"PAR1",),
    ".npy": (b"\x93NUMPY",),
    ".png": (b"\x89PNG",),
    ".tif": TIFF,
    ".tiff": TIFF,
    ".bigwig": (b"\x26\xfc\x8f\x88", b"\x88\x8f\xfc\x26"),
}
"""First bytes of a file, by the suffix of its name."""

PAGE = (b"<!doctype html", b"<html", b"<?xml")  # what servers send instead of a file
AGAIN = "download it again, or look at the source's page"


@dataclass(frozen=True)
class Expected:
    """What a file has to be, as far as it is known.

    Parameters
    ----------
    size : int, optional
        Its bytes.
    hashes : mapping of str to str
        Algorithm of hashlib → hexadecimal digits, or the first of them.
    columns : tuple of str
        Names that its first line must hold.
    """

    size: int | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()


def hash_of(path: str | os.PathLike, algorithm: str = "sha256") -> str:
    """Return the hash of a file as hexadecimal digits.

    Parameters
    ----------
    path : path
        File to read.
    algorithm : str
        Name that hashlib knows.

    Returns
    -------
    str
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def check(path: str | os.PathLike, expected: Expected, *, name: str = "") -> None:
    """Refuse a file that is not what was expected.

    Parameters
    ----------
    path : path
        File to look at.
    expected : Expected
        What is known of it.
    name : str
        Name that it will have, if it still has another; its suffix says what it has to be.

    Raises
    ------
    InputError
        If size, first bytes, a hash or the names of columns differ: what was found and expected.
    """
    path = Path(path)
    name = name or path.name
    size = path.stat().st_size
    _check_start(path, name)
    if expected.size is not None and size != expected.size:
        raise InputError(f"it has {size:,} bytes, expected {expected.size:,}", file=name, fix=AGAIN)
    for algorithm, digits in expected.hashes.items():
        found = hash_of(path, algorithm)
        if not found.startswith(digits):
            words = f"its {algorithm} is {found}, expected {digits}"
            raise InputError(words, file=name, fix=f"it is damaged or another version: {AGAIN}")
    if expected.columns:
        _check_columns(path, name, expected.columns)


def _check_start(path: Path, name: str) -> None:
    with path.open("rb") as file:
        start = file.read(64)
    suffix = Path(name).suffix.lower()
    if not start:
        raise InputError("it is empty", file=name, fix=AGAIN)
    # a login or error page, stored under the name of the data
    if suffix not in (".html", ".htm", ".xml") and start.lstrip().lower().startswith(PAGE):
        raise InputError("the server sent a web page, not the file", file=name, fix=AGAIN)
    if suffix in MAGIC and not start.startswith(MAGIC[suffix]):
        raise InputError(f"it does not begin as a {suffix} file does", file=name, fix=AGAIN)


def _check_columns(path: Path, name: str, columns: tuple[str, ...]) -> None:
    try:
        with _text(path, name) as file:
            line = file.readline()
    except (EOFError, OSError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(
            f"its first line is not readable ({error})", file=name, fix=AGAIN
        ) from None
    separator = "\t" if "\t" in line else ","
    found = next(csv.reader([line.strip()], delimiter=separator), [])
    if missing := [column for column in columns if column not in found]:
        words = f"the columns {listed(missing)} are missing; its first line names {listed(found)}"
        raise InputError(words, file=name, fix="take the file named on the source's page")


def _text(path: Path, name: str):
    opener = gzip.open if Path(name).suffix.lower() == ".gz" else open
    return opener(path, "rt", encoding="utf-8-sig", newline="")
