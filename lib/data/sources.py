"""The registry of published data: what each chapter needs, where it comes from, where it goes."""

import os
from pathlib import Path, PurePosixPath
from string import Formatter
from typing import Annotated, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from lib.data.errors import InputError, listed
from lib.run import store

REGISTRY = "params/sources.yaml"
FILLED = "only {Column}, {Column.stem} and {Column.inner}"
CERTAINTY = r"(?:computed|read|reported|built|unknown): \S.*"
"""computed = from a copy of the file; read = stands on the page or in the code named; reported =
by others; built = after the archive's pattern, never tried; unknown = stands nowhere we looked."""


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts or "\\" in path:
        raise ValueError("a path inside the project, without ..")
    return path


Place = Annotated[str, AfterValidator(_inside)]
Address = Annotated[str, Field(pattern=r"(?:https?|s3)://\S+|(?:zenodo|figshare):[0-9]+/\S+")]
Bytes = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class File(_Strict):
    """One file: its address, or none if it arrives by hand, and where it goes.

    `zenodo:RECORD/NAME` and `figshare:RECORD/NAME` stand for what the archive lists under the name,
    with its size and hash. Size and hashes are those of what the address serves, still packed.
    """

    url: Address | Literal[""] = ""
    to: Place
    size: Bytes | None = None
    sha256: Annotated[str, Field(pattern="[0-9a-f]{8,64}")] = ""  # or its first digits
    md5: Annotated[str, Field(pattern="[0-9a-f]{32}")] = ""
    unpack: Literal["", "gz", "zip", "tar"] = ""
    unpacked_size: Bytes | None = None
    columns: list[str] = []


class Record(_Strict):
    """A record of an archive that lists its files, sizes and hashes itself."""

    host: Literal["zenodo", "figshare"]
    id: Annotated[str, Field(pattern="[0-9]+")]
    pick: list[str] = ["*"]  # patterns of file names
    unpack: Literal["", "zip"] = ""
    to: Place


class Bucket(_Strict):
    """A prefix of a public bucket that answers without a login."""

    endpoint: Address = "https://s3.amazonaws.com"
    bucket: str
    prefix: str
    pick: list[str] = ["*"]  # patterns of names below the prefix
    to: Place


class Table(_Strict):
    """Many files, one per row of a table, whose texts stand in the patterns.

    `{Column}` is a text, `{Column.stem}` the same without its suffix, and `{Column.inner}` what
    follows bucket and project in an `s3:` address.
    """

    path: Place
    url: Annotated[str, Field(pattern=r"(?:https?://|s3://|\{)\S+")]
    to: Place

    @model_validator(mode="after")
    def _fields(self) -> "Table":
        for text in (self.url, self.to):
            for _, name, spec, conversion in Formatter().parse(text):
                if name is not None and not _plain(name, spec, conversion):
                    raise ValueError(f"{{{name}}}: {FILLED} are filled")
        return self


def _plain(name: str, spec: str | None, conversion: str | None) -> bool:
    column = name.removesuffix(".stem").removesuffix(".inner")
    return column.isidentifier() and not spec and conversion is None


class Grid(_Strict):
    """A file for every combination of some values, which stand in braces in both patterns."""

    over: Annotated[dict[str, list[str]], Field(min_length=1)]
    url: Address
    to: Place


class Dump(_Strict):
    """A table to be read from a MySQL dump after its arrival, and written as CSV."""

    path: Place
    table: str
    columns: list[str]
    to: Place


class Source(_Strict):
    """One source: what it is, who needs it, under which terms, and its files.

    `needed_by` names parameters (`section.key`) or notebooks. `facts` says of address, size, hash
    and licence how certain they are (`CERTAINTY`).
    """

    title: str
    needed_by: Annotated[list[str], Field(min_length=1)]
    page: Address
    licence: str
    facts: dict[
        Literal["address", "size", "hash", "licence"], Annotated[str, Field(pattern=CERTAINTY)]
    ]
    about_bytes: Bytes | None = None  # of all files, where single sizes are not known
    by_hand: str = ""  # what a person has to do, in sentences
    note: str = ""
    files: list[File] = []
    record: Record | None = None
    bucket: Bucket | None = None
    table: Table | None = None
    grid: Grid | None = None
    dump: Dump | None = None

    @model_validator(mode="after")
    def _whole(self) -> "Source":
        kinds = (self.files, self.record, self.bucket, self.table, self.grid)
        n_kinds = sum(map(bool, kinds))
        if n_kinds > 1 or not (n_kinds or self.by_hand):
            raise ValueError("files, record, bucket, table, grid: one of them, or by_hand alone")
        if missing := {"address", "size", "hash", "licence"} - self.facts.keys():
            raise ValueError(f"facts: say how certain {listed(sorted(missing))} is")
        if any(not one.url for one in self.files) and not self.by_hand:
            raise ValueError("a file without address needs by_hand, which says how to get it")
        for name, known in (("size", self._any("size")), ("hash", self._any("sha256", "md5"))):
            if known and self.facts[name].startswith("unknown"):
                raise ValueError(f"facts: a {name} is given, so it is not unknown")
        return self

    def _any(self, *names: str) -> bool:
        return any(getattr(one, name) for one in self.files for name in names)

    @property
    def filled(self) -> Record | Bucket | None:
        """The record or bucket whose files fill a folder."""
        return self.record or self.bucket

    @property
    def size(self) -> int | None:
        """Bytes to download: the sum where all sizes are known, else the rough figure, or None."""
        sizes = [one.size for one in self.files]
        if sizes and None not in sizes:
            return sum(sizes)
        return self.about_bytes


class _Registry(_Strict):
    sources: dict[Annotated[str, Field(pattern="[a-z][a-z0-9_]*")], Source]


def read(path: str | os.PathLike = REGISTRY) -> dict[str, Source]:
    """Read the registry of sources and check it.

    Parameters
    ----------
    path : path
        YAML file; a relative one is taken from the project root.

    Returns
    -------
    dict of str to Source
        Name of a source → source, in the order of the file.

    Raises
    ------
    InputError
        If the file is absent or not YAML, or an entry is not as it has to be: all faults at once.

    Examples
    --------
    >>> read()["interactome"].files[0].size
    3814660
    """
    path = store.resolve(path)
    try:
        return _Registry(**yaml.safe_load(path.read_text(encoding="utf-8"))).sources
    except FileNotFoundError:
        raise InputError("there is no such registry of sources", file=path) from None
    except ValidationError as error:
        faults = [_fault(one) for one in error.errors()]
        raise InputError("; ".join(faults), file=path) from None
    except (yaml.YAMLError, TypeError) as error:
        raise InputError(f"not a registry of sources ({error})", file=path) from None


def _fault(error: dict) -> str:
    place = ".".join(map(str, error["loc"][1:]))
    return f"{place or 'the file'}: {error['msg'].removeprefix('Value error, ')}"


def choose(sources: dict[str, Source], names: list[str]) -> dict[str, Source]:
    """Return the sources that some names mean; a name is of a source, a notebook or a parameter.

    Parameters
    ----------
    sources : dict of str to Source
        From `read`.
    names : list of str
        Names of sources, of notebooks (`network_sources`) or of parameters
        (`network_sources.ppi_path`); none = all.

    Returns
    -------
    dict of str to Source
        In the order of the registry.

    Raises
    ------
    InputError
        If a name means nothing; lists the sources.

    Examples
    --------
    >>> list(choose(read(), ["network_sources.ppi_path"]))
    ['interactome']
    """
    wanted = set()
    for name in names or sources:
        found = {one for one, source in sources.items() if name == one or _needs(source, name)}
        if not found:
            raise InputError(f"there is no source {name!r}; there are {listed(sources, limit=99)}")
        wanted |= found
    return {name: source for name, source in sources.items() if name in wanted}


def _needs(source: Source, name: str) -> bool:
    return any(one == name or one.partition(".")[0] == name for one in source.needed_by)


def folder(source: Source) -> Path | None:
    """Return the folder that a record or bucket fills, absolute; None for others."""
    return store.resolve(source.filled.to) if source.filled else None
