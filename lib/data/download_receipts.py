"""What was fetched is noted, so that it can be compared later, here or with another machine."""

import json
import threading
from pathlib import Path

from lib.data import download_check as checks
from lib.data.errors import InputError
from lib.run import store

FOLDER = "resources/.fetched"
_ONE_AT_A_TIME = threading.Lock()


def note(source: str, to: str, url: str) -> None:
    """Note a file that has arrived: size, SHA-256 and where it came from.

    Parameters
    ----------
    source : str
        Name of the source.
    to : str
        Where the file lies, relative to the project; a folder is noted without its hash.
    url : str
        Its address, or the name of the file that it was given from.
    """
    path = store.resolve(to)
    entry: dict[str, str | int] = {"to": to, "from": url}
    if path.is_file():
        entry |= {"size": path.stat().st_size, "sha256": checks.hash_of(path)}
    book = _book(source)
    with _ONE_AT_A_TIME:
        book.parent.mkdir(parents=True, exist_ok=True)
        with book.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def read(source: str) -> dict[str, dict]:
    """Return what was noted of a source; the last note of a file counts.

    Parameters
    ----------
    source : str
        Name of the source.

    Returns
    -------
    dict of str to dict
        Place → `from`, and of files `size` in bytes and `sha256`.
    """
    try:
        lines = _book(source).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    entries = [entry for entry in map(_entry, lines) if entry]
    return {entry["to"]: entry for entry in entries}


def changed(source: str) -> list[str]:
    """Return what is not as it was when it arrived.

    Parameters
    ----------
    source : str
        Name of the source.

    Returns
    -------
    list of str
        A sentence for each file that is gone or has other bytes.
    """
    said = []
    for to, entry in read(source).items():
        path = store.resolve(to)
        if not path.exists():
            said.append(f"{to} was fetched and is gone")
        elif "sha256" in entry:
            expected = checks.Expected(entry["size"], {"sha256": entry["sha256"]})
            try:
                checks.check(path, expected)
            except InputError as error:
                said.append(str(error))
    return said


def _book(source: str) -> Path:
    return store.resolve(FOLDER) / f"{source}.jsonl"


def _entry(line: str) -> dict | None:
    try:
        return json.loads(line)
    except ValueError:  # a killed process left half a line
        return None
