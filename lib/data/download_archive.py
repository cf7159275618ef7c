"""Archives are unpacked beside their place and moved in whole; what would leave it is refused."""

import gzip
import os
import secrets
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lib.data.download import CHUNK, readable
from lib.data.errors import InputError
from lib.run import store

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)
END_OF_TAR = 1024  # bytes of zeros
AGAIN = "download the archive again"
UNSAFE = "do not use this archive; it may be unsafe"


def unpack(archive: str | os.PathLike, folder: str | os.PathLike) -> Path:
    """Unpack a zip or a (compressed) tar into a new folder.

    Parameters
    ----------
    archive : path
        The archive; it stays.
    folder : path
        Folder to make, with all members of the archive or not at all. If one folder of the archive
        holds all the others, this is it.

    Returns
    -------
    Path
        The absolute path of the folder.

    Raises
    ------
    InputError
        If the folder is there, the archive is damaged or cut off, there is too little room, or a
        member has an absolute name, one with `..`, the name of another one, or is a link or device.
    """
    archive, folder = store.resolve(archive), store.resolve(folder)
    if folder.exists():
        raise InputError("it is there already", file=folder, fix="remove it, or keep it as it is")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        with _opened(archive) as members:
            _check_members(members, archive)
            _check_room(members, folder.parent, archive)
            for name, size, read in members.files():
                _write(aside / name, read, size, archive)
            members.check_end()
        aside.mkdir(exist_ok=True)
        os.replace(_root(aside), folder)
    except DAMAGED as error:
        words = f"the archive is damaged or cut off ({error})"
        raise InputError(words, file=archive, fix=AGAIN) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _root(aside: Path) -> Path:
    """Return the one folder that holds everything, as many archives have it, or all there is."""
    inside = list(aside.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else aside


def unpack_gz(archive: str | os.PathLike, path: str | os.PathLike) -> Path:
    """Unpack one gzip file.

    Parameters
    ----------
    archive : path
        The file; it stays.
    path : path
        File to write, whole or not at all.

    Returns
    -------
    Path
        The absolute path.

    Raises
    ------
    InputError
        If the file is damaged or cut off.
    """
    archive = store.resolve(archive)
    try:
        with gzip.open(archive) as packed, store.atomic(path) as part, part.open("wb") as file:
            shutil.copyfileobj(packed, file, CHUNK)
    except DAMAGED as error:
        words = f"the file is damaged or cut off ({error})"
        raise InputError(words, file=archive, fix=AGAIN) from None
    return store.resolve(path)


class _Zip:
    """Members of a zip."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive, self.infos = archive, archive.infolist()

    def described(self) -> Iterator[tuple[str, str, int]]:
        """Yield name, kind ("file", "folder" or "special") and size in bytes."""
        for info in self.infos:
            # the upper half holds the mode where a Unix program made the archive
            mode = stat.S_IFMT(info.external_attr >> 16)
            plain = mode in (0, stat.S_IFREG, stat.S_IFDIR)
            kind = ("folder" if info.is_dir() else "file") if plain else "special"
            yield info.filename, kind, info.file_size

    def files(self) -> Iterator[tuple[str, int, BinaryIO]]:
        for info in self.infos:
            if not info.is_dir():
                with self.archive.open(info) as read:
                    yield info.filename, info.file_size, read

    def check_end(self) -> None:
        """Nothing to do: reading a member compares its checksum."""


class _Tar:
    """Members of a tar, compressed or not."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self.archive, self.infos = archive, archive.getmembers()

    def described(self) -> Iterator[tuple[str, str, int]]:
        for info in self.infos:
            plain = info.isfile() and not info.issparse()
            yield info.name, "folder" if info.isdir() else "file" if plain else "special", info.size

    def files(self) -> Iterator[tuple[str, int, BinaryIO]]:
        for info in self.infos:
            if info.isfile():
                with self.archive.extractfile(info) as read:
                    yield info.name, info.size, read

    def check_end(self) -> None:
        """Refuse a tar that is cut off between two members, which tarfile takes for a whole one."""
        file = self.archive.fileobj
        last = self.infos[-1] if self.infos else None
        file.seek(last.offset_data + -(-last.size // 512) * 512 if last else 0)
        end = file.read(END_OF_TAR)
        while file.read(CHUNK):  # to the end, where gzip keeps its checksum
            pass
        if end != bytes(END_OF_TAR):
            raise tarfile.ReadError("its end is missing")


@contextmanager
def _opened(archive: Path) -> Iterator[_Zip | _Tar]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            yield _Zip(opened)
    else:
        with tarfile.open(archive, "r:*") as opened:
            yield _Tar(opened)


def _check_members(members: _Zip | _Tar, archive: Path) -> None:
    """Refuse before anything is written what could end elsewhere than in the new folder."""
    seen = set()
    for name, kind, _ in members.described():
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts or ".." in parts or parts[0].startswith("/") or ":" in parts[0]:
            words = f"its member {name!r} lies outside the folder"
            raise InputError(words, file=archive, fix=UNSAFE)
        if kind == "special":
            words = f"its member {name!r} is a link or a device, not a file or a folder"
            raise InputError(words, file=archive, fix=UNSAFE)
        if kind == "file" and parts in seen:
            raise InputError(f"its member {name!r} is there twice", file=archive, fix=UNSAFE)
        seen.add(parts)


def _check_room(members: _Zip | _Tar, folder: Path, archive: Path) -> None:
    needed = sum(size for _, kind, size in members.described() if kind == "file")
    free = shutil.disk_usage(folder).free
    if needed > free:
        words = f"{readable(needed)} are needed to unpack it, {readable(free)} are free"
        raise InputError(words, file=archive, fix="free some space and run the command again")


def _write(path: Path, read: BinaryIO, size: int, archive: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("xb") as file:
        while chunk := read.read(CHUNK):
            written += len(chunk)
            if written > size:  # a bomb says little and unpacks much
                break
            file.write(chunk)
    if written != size:
        words = f"its member {path.name!r} has not the {size:,} bytes that the archive names"
        raise InputError(words, file=archive, fix=AGAIN)
