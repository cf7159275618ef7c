"""One file from a server: it goes on where it was stopped, and is whole or not there."""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import requests

from lib.data import download_check as checks
from lib.data import download_web as web
from lib.data.errors import InputError
from lib.run import store

CHUNK = 2**16  # bytes held in memory, and lost when a server falls silent
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def download(
    url: str,
    path: str | os.PathLike,
    *,
    expected: checks.Expected | None = None,
    patience: web.Patience | None = None,
    said: Callable[[int], None] = lambda n_bytes: None,
) -> Path:
    """Download a file, or the rest of it.

    What has come lies in `.<name>.part` beside the target, with `.<name>.part.note`, which says of
    which version of the file it is a part. Only a whole and checked file gets its name.

    Parameters
    ----------
    url : str
        `https:` address of the file.
    path : path
        Where it goes; a relative one is taken from the project root. What is there stays.
    expected : Expected, optional
        Size, hashes and columns, as far as they are known.
    patience : Patience, optional
        How long the server is waited for.
    said : callable
        Called with the number of new bytes; a negative one when they have to be dropped.

    Returns
    -------
    Path
        The absolute path.

    Raises
    ------
    InputError
        If the server refuses, stays silent or sends something else, there is too little room, or
        another process downloads the same file.
    OSError
        If the disk is full; what has come is kept.
    """
    path, expected = store.resolve(path), expected or checks.Expected()
    patience = patience or web.Patience()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _own_part(path) as part:
        if path.exists():  # another process was faster
            return path
        transfer = Transfer(url, part, patience=patience, said=said)
        web.patiently(transfer.go_on, patience=patience, progress=lambda: transfer.furthest)
        try:
            checks.check(part, expected, name=path.name)
        except InputError:
            part.unlink()  # a wrong start would never become right
            transfer.note.unlink(missing_ok=True)
            raise
        transfer.note.unlink(missing_ok=True)
        with part.open("rb") as written:
            os.fsync(written.fileno())  # on disk before its name
        os.replace(part, path)
    return path


@contextmanager
def _own_part(path: Path) -> Iterator[Path]:
    """Yield the part beside a target, which no other process writes meanwhile."""
    part = path.with_name(f".{path.name}.part")
    with part.open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            words = "another process is downloading it"
            raise InputError(words, file=path, fix="wait for it, or stop it") from None
        try:
            yield part
        finally:
            # nothing has come: leave nothing behind
            if part.exists() and not part.stat().st_size:
                part.unlink()
                part.with_name(f"{part.name}.note").unlink(missing_ok=True)


class Transfer:
    """The way of one file from a server into its part.

    Parameters
    ----------
    url : str
        Address of the file.
    part : Path
        What has come of it.
    patience : Patience
        How long the server is waited for.
    said : callable
        Called with the number of new bytes.

    Attributes
    ----------
    furthest : int
        Longest that the part has been in this process: a server that gives no rests and always
        breaks off brings nothing new, however much it sends.
    note : Path
        Says of which version of which address the part is.
    """

    def __init__(
        self, url: str, part: Path, *, patience: web.Patience, said: Callable[[int], None]
    ) -> None:
        self.url, self.part, self.patience, self.said = url, part, patience, said
        self.note = part.with_name(f"{part.name}.note")
        self.furthest = part.stat().st_size

    def go_on(self) -> None:
        """Make one try to bring the rest.

        Raises
        ------
        Transient, requests.RequestException
            If another try may help.
        InputError
            If it will not.
        """
        start, known = self._start()
        headers = {"Range": f"bytes={start}-"} if start else {}
        if start and known.get("version"):
            headers["If-Range"] = known["version"]  # another version comes whole, not as a rest
        with (
            web.session() as session,
            session.get(
                self.url, headers=headers, stream=True, timeout=self.patience.timeout
            ) as answer,
        ):
            if answer.status_code == 416:
                self._past_the_end(answer, start)
                return
            web.refuse(answer)
            start, total = self._agree(answer, start, known)
            _check_room(self.part, total, start)
            self._take(answer, start)
        self._check_end(total)

    def _start(self) -> tuple[int, dict]:
        """Return how much has come, and of what; nothing counts if it is not known of what."""
        try:
            known = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        if known.get("url") != self.url or not self.part.exists():
            return 0, {}
        return self.part.stat().st_size, known

    def _agree(self, answer: requests.Response, start: int, known: dict) -> tuple[int, int | None]:
        """Return from which byte the answer goes, and the size of the file if it says so."""
        if answer.status_code == 206:
            place = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            total = int(place[2]) if place and place[2] != "*" else None
            if not place or int(place[1]) != start or known.get("total") not in (None, total):
                self._drop()
                raise web.Transient("the file on the server has changed, or its answer is no rest")
            return start, total
        # 200: all of it, whatever was asked for; to append it would double the start
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
        note = {"url": self.url, "version": _version(answer.headers), "total": total}
        self.said(-start)
        # half a note is no note, and the part is then fetched anew
        self.note.write_text(json.dumps(note), encoding="utf-8")
        return 0, total

    def _past_the_end(self, answer: requests.Response, start: int) -> None:
        """Keep a part that is as long as the file; start anew otherwise."""
        if answer.headers.get("Content-Range", "") != f"bytes */{start}":
            self._drop()
            raise web.Transient("what has come is longer than the file on the server")

    def _take(self, answer: requests.Response, start: int) -> None:
        with self.part.open("r+b") as file:
            file.truncate(start)
            file.seek(start)
            # as stored: a server that compresses on the way is not undone here
            for chunk in answer.raw.stream(CHUNK, decode_content=False):
                self._write(file, chunk)

    def _write(self, file: BinaryIO, chunk: bytes) -> None:
        try:
            file.write(chunk)
            file.flush()
        except OSError as error:
            if error.errno not in store.NO_ROOM:
                raise
            words = (
                f"{error.strerror}; what has come is kept: free some space and run the same "
                "command again"
            )
            raise OSError(error.errno, words, str(self.part)) from error
        self.furthest = max(self.furthest, file.tell())
        self.said(len(chunk))

    def _check_end(self, total: int | None) -> None:
        size = self.part.stat().st_size
        if total is not None and size < total:
            raise web.Transient(f"the connection ended after {size:,} of {total:,} bytes")
        if total is not None and size > total:
            self._drop()
            raise web.Transient(f"{size:,} bytes came instead of {total:,}")

    def _drop(self) -> None:
        self.said(-self.part.stat().st_size)
        os.truncate(self.part, 0)
        self.note.unlink(missing_ok=True)


def _version(headers: Mapping[str, str]) -> str:
    """Return what names this version of the file; a weak ETag may stand for other bytes."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _check_room(part: Path, total: int | None, start: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - start > free:
        words = f"{readable(total - start)} are needed, {readable(free)} are free"
        name = part.name.removeprefix(".").removesuffix(".part")
        raise InputError(words, file=name, fix="free some space")


def readable(n_bytes: int) -> str:
    """Return a number of bytes in decimal units, as archives give them.

    Parameters
    ----------
    n_bytes : int
        Not negative.

    Returns
    -------
    str

    Examples
    --------
    >>> readable(3_814_660), readable(999), readable(795 * 10**9)
    ('3.8 MB', '999 B', '795.0 GB')
    """
    for power, unit in ((12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if n_bytes >= 10**power:
            return f"{n_bytes / 10**power:.1f} {unit}"
    return f"{n_bytes} B"
