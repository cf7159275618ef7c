"""A file to fetch: its address, its place, and what of it has come already."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from lib.data.download_check import Expected
from lib.data.errors import InputError
from lib.run import store

S3 = "https://s3.amazonaws.com"


@dataclass(frozen=True)
class Remote:
    """A file to fetch.

    Parameters
    ----------
    url : str
        Where it comes from; empty if it arrives by hand.
    to : str
        Where it goes, relative to the project.
    served : Expected
        Size and hashes of what the address serves.
    unpack : str
        What is done with it then: nothing, "gz", "zip" or "tar".
    arrived : Expected
        What the file at `to` must be.
    """

    url: str
    to: str
    served: Expected = field(default_factory=Expected)
    unpack: str = ""
    arrived: Expected = field(default_factory=Expected)

    @property
    def path(self) -> Path:
        """Where it goes, absolute."""
        return store.resolve(self.to)

    @property
    def is_here(self) -> bool:
        """Whether it is there; its name means that it is whole."""
        return self.path.exists()


def address(url: str) -> str:
    """Return the `https:` address of an `s3:` one; others stay as they are.

    Parameters
    ----------
    url : str
        Address.

    Returns
    -------
    str

    Examples
    --------
    >>> address("s3://cellpainting-gallery/cpg0016-jump/a b.tiff")
    'https://s3.amazonaws.com/cellpainting-gallery/cpg0016-jump/a%20b.tiff'
    """
    if not url.startswith("s3://"):
        return url
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return f"{S3}/{bucket}/{quote(re.sub('/+', '/', key))}"


def below(folder: str, name: str) -> str:
    """Return the place of a listed file in its folder.

    Parameters
    ----------
    folder : str
        Relative to the project.
    name : str
        As a server or a table has it.

    Returns
    -------
    str
        Relative to the project.

    Raises
    ------
    InputError
        If the name leads out of the folder.

    Examples
    --------
    >>> below("resources/demo", "BRAF/a.tif")
    'resources/demo/BRAF/a.tif'
    """
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts or "\\" in name:
        raise InputError(f"the name {name!r} lies outside {folder}")
    return f"{folder}/{'/'.join(parts)}"


def part_of(remote: Remote) -> Path:
    """Return where what the address serves is put before it is unpacked.

    Parameters
    ----------
    remote : Remote
        File to fetch.

    Returns
    -------
    Path
        Absolute; the target itself if nothing is unpacked.
    """
    suffix = {"gz": ".gz", "zip": ".zip", "tar": ".tar"}.get(remote.unpack, "")
    return remote.path.with_name(remote.path.name + suffix) if suffix else remote.path


def begun(remote: Remote) -> int:
    """Return how many bytes of a file have come already.

    Parameters
    ----------
    remote : Remote
        File to fetch.

    Returns
    -------
    int
    """
    path = part_of(remote)
    for one in (path, path.with_name(f".{path.name}.part")):
        if one.is_file():
            return os.path.getsize(one)
    return 0
