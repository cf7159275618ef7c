"""Files: where they live, how they are hashed, and how they are written whole or not at all."""

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def resolve(path: str | os.PathLike) -> Path:
    """Return an absolute path.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root, whatever the working directory.

    Returns
    -------
    Path
    """
    return ROOT / path


@contextmanager
def atomic(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` when the block ends without an error.

    The temporary name starts with a dot and keeps the suffix, so a killed process leaves no file
    that could be taken for a finished one. It lies in the same folder and has the permissions of
    any new file of this user.

    Parameters
    ----------
    path : path
        File to write; its folder is made if it is not there.

    Yields
    ------
    Path
        File to write to, beside `path`.

    Raises
    ------
    OSError
        If there is no room; the message says that what is done is kept.

    Examples
    --------
    >>> with atomic("runs/mini/results/table.csv") as part:  # doctest: +SKIP
    ...     table.to_csv(part)
    """
    path = resolve(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem[:200]}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        part.open("xb").close()  # made by `open`, so it has the permissions of any new file
        yield part
        with part.open("rb") as written:
            # on disk before its name: a crash must not leave a whole name with half a file
            os.fsync(written.fileno())
        os.replace(part, path)
    except OSError as error:
        # a full disk or quota is the one failure with a cure that we know
        if error.errno not in NO_ROOM:
            raise
        hint = (
            f"{error.strerror}; what is done is kept: free some space and run the same command "
            "again"
        )
        raise OSError(error.errno, hint, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> Path:
    """Write a text as UTF-8, whole or not at all.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.
    text : str
        Lines end as they do in it.

    Returns
    -------
    Path
        The absolute path.

    Raises
    ------
    OSError
        If there is no room.
    """
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    return resolve(path)


def write_json(path: str | os.PathLike, value: Any) -> Path:
    """Write a value as indented JSON with sorted keys, so that equal values give equal bytes.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.
    value : object
        Anything that JSON can hold.

    Returns
    -------
    Path
        The absolute path.

    Raises
    ------
    OSError
        If there is no room.
    TypeError
        If JSON cannot hold the value.
    """
    return write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: str | os.PathLike) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.

    Returns
    -------
    object
    """
    return json.loads(resolve(path).read_text(encoding="utf-8"))


def write_table(path: str | os.PathLike, table: "pd.DataFrame", *, index: bool = False) -> Path:
    """Write a table as Parquet or CSV, whole or not at all.

    Parameters
    ----------
    path : path
        Its suffix says the format.
    table : DataFrame
        One row per row.
    index : bool
        Whether the index is written.

    Returns
    -------
    Path
        The absolute path.

    Raises
    ------
    ValueError
        If the suffix is neither `.parquet` nor `.csv`.
    """
    path = resolve(path)
    with atomic(path) as part:
        if path.suffix == ".parquet":
            table.to_parquet(part, index=index)
        elif path.suffix == ".csv":
            table.to_csv(part, index=index, lineterminator="\n")
        else:
            raise ValueError(
                f"{path.name}: tables are written as .parquet or .csv, not "
                f"{path.suffix or 'no suffix'}"
            )
    return path


def sha256(path: str | os.PathLike) -> str:
    """Return the sha256 of a file's content.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with resolve(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Return the sha256 of a value, whatever the order of its keys.

    Parameters
    ----------
    value : object
        Anything that JSON can hold.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def require(path: str | os.PathLike, *, made_by: str) -> Path:
    """Return the absolute path of an input, or say which notebook makes it.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.
    made_by : str
        Slug of the notebook that makes it.

    Returns
    -------
    Path
        The absolute path.

    Raises
    ------
    FileNotFoundError
        If the file is absent; the message carries the command that makes it.
    """
    path = resolve(path)
    if not path.exists():
        raise FileNotFoundError(
            f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path} is not there yet; "
            f"make it with: python run_all.py {made_by}"
        )
    return path
