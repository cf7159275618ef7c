"""What is here, what is missing, how much that is, and whether there is room for it."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lib.data import download_listing as listing
from lib.data import download_receipts as receipts
from lib.data import download_web as web
from lib.data.download import readable
from lib.data.download_remote import Remote, begun, part_of
from lib.data.errors import InputError
from lib.data.sources import Source, folder

MOST_ASKED = 20  # files whose sizes are asked for one by one


@dataclass(frozen=True)
class Plan:
    """What has to be done for a source.

    Parameters
    ----------
    name : str
        Of the source.
    source : Source
        Its entry in the registry.
    files : tuple of Remote
        All files of it that are known.
    to_come : int or None
        Bytes still to download; None if nobody says.
    """

    name: str
    source: Source
    files: tuple[Remote, ...]
    to_come: int | None

    @property
    def missing(self) -> list[Remote]:
        """Files that are not there and have an address."""
        return [one for one in self.files if one.url and not one.is_here]

    @property
    def by_hand(self) -> list[Remote]:
        """Files that are not there and have to be brought by a person."""
        return [one for one in self.files if not one.url and not one.is_here]

    @property
    def state(self) -> str:
        """In a word or two: present, begun, partly present, missing, by hand."""
        n_here = sum(one.is_here for one in self.files)
        if (whole := folder(self.source)) and not self.files:
            noted = self.source.filled.to in receipts.read(self.name)
            return ("present" if noted else "partly present") if whole.exists() else "missing"
        if n_here:
            return "present" if n_here == len(self.files) else "partly present"
        if any(begun(one) for one in self.files):
            return "begun"
        automatic = self.source.table or any(one.url for one in self.files)
        return "missing" if automatic else "by hand"


def look(name: str, source: Source) -> Plan:
    """Return what is here of a source, without asking a server.

    Parameters
    ----------
    name : str
        Of the source.
    source : Source
        Its entry.

    Returns
    -------
    Plan
    """
    files = tuple(listing.known(source))
    return Plan(name, source, files, _from_registry(source, files))


def ask(name: str, source: Source, *, patience: web.Patience | None = None) -> Plan:
    """Return what is to be fetched of a source, with its files as the servers list them.

    Parameters
    ----------
    name : str
        Of the source.
    source : Source
        Its entry.
    patience : Patience, optional
        How long servers are waited for.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If a listing is refused, or the table of files is not there.
    """
    files = tuple(listing.remotes(source, patience=patience))
    missing = [one for one in files if one.url and not one.is_here]
    sizes = [one.served.size for one in missing]
    if None in sizes and len(missing) <= MOST_ASKED:
        pairs = zip(sizes, missing, strict=True)
        sizes = [size or web.size_of(one.url, patience=patience) for size, one in pairs]
    if None in sizes:
        return Plan(name, source, files, _from_registry(source, files))
    return Plan(name, source, files, sum(sizes) - sum(map(begun, missing)))


def _from_registry(source: Source, files: Iterable[Remote]) -> int | None:
    """Return the bytes to come, from sizes that the registry knows or its rough figure."""
    files = list(files)
    missing = [one for one in files if one.url and not one.is_here]
    sizes = [one.served.size for one in missing]
    if files and None not in sizes:
        return sum(sizes) - sum(map(begun, missing))
    # of many files of like size, as large a part as is missing
    share = len(missing) / len(files) if files else 1.0
    return None if source.size is None else round(source.size * share)


def needed(plans: Iterable[Plan]) -> dict[Path, int]:
    """Return how much room is needed on which disk, archives and what comes out of them together.

    Parameters
    ----------
    plans : iterable of Plan
        What is to be fetched.

    Returns
    -------
    dict of Path to int
        A folder on the disk → bytes.
    """
    room: dict[Path, int] = {}
    disks: dict[int, Path] = {}
    for plan in plans:
        if not plan.missing:
            continue
        where = _existing(part_of(plan.missing[0]).parent)
        where = disks.setdefault(os.stat(where).st_dev, where)
        unpacked = sum(one.arrived.size or 0 for one in plan.missing if one.unpack)
        room[where] = room.get(where, 0) + (plan.to_come or 0) + unpacked
    return room


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def check_room(plans: Iterable[Plan]) -> None:
    """Refuse to begin what does not fit on the disk.

    Parameters
    ----------
    plans : iterable of Plan
        What is to be fetched.

    Raises
    ------
    InputError
        If a disk has less room than is needed: both figures.
    """
    for where, n_bytes in needed(plans).items():
        free = shutil.disk_usage(where).free
        if n_bytes > free:
            words = f"{readable(n_bytes)} are needed in {where.name}, {readable(free)} are free"
            fix = "free some space, or make `resources` a link to a larger disk"
            raise InputError(words, fix=fix)


def overview(sources: Mapping[str, Source]) -> pd.DataFrame:
    """Return the registry as a table, with what is here; no server is asked.

    Parameters
    ----------
    sources : mapping of str to Source
        From `lib.data.sources.read`.

    Returns
    -------
    DataFrame
        One row per source: `source`, `state`, `bytes` and `to_come` (missing where nobody says),
        `hash` (whether one is known), `licence`, `needed_by`, `title`.
    """
    rows = []
    for name, source in sources.items():
        plan = look(name, source)
        row = {"source": name, "state": plan.state, "bytes": source.size}
        row["to_come"] = {"present": 0, "by hand": None}.get(plan.state, plan.to_come)
        row["hash"] = _hash_words(source)
        row |= {"licence": source.licence or "not stated", "title": source.title}
        rows.append(row | {"needed_by": ", ".join(source.needed_by)})
    table = pd.DataFrame(rows)
    return table.astype({"bytes": "Int64", "to_come": "Int64"})


def certainty(sources: Mapping[str, Source]) -> pd.DataFrame:
    """Return how certain address, size, hash and licence of each source are.

    Parameters
    ----------
    sources : mapping of str to Source
        From `lib.data.sources.read`.

    Returns
    -------
    DataFrame
        One row per source, one column per fact; a word of `lib.data.sources.CERTAINTY`.
    """
    words = {
        name: {fact: text.partition(":")[0] for fact, text in source.facts.items()}
        for name, source in sources.items()
    }
    return pd.DataFrame.from_dict(words, orient="index").rename_axis("source")


def _hash_words(source: Source) -> str:
    if source.record or source.bucket:
        return "listed by the server"
    n_known = sum(bool(one.sha256 or one.md5) for one in source.files)
    return f"{n_known} of {len(source.files)}" if source.files else "none"


def in_words(table: pd.DataFrame) -> str:
    """Return how much of the registry is here and how much there is to come, in a sentence.

    Parameters
    ----------
    table : DataFrame
        From `overview`.

    Returns
    -------
    str
    """
    present = int((table["state"] == "present").sum())
    unknown = int(table["bytes"].isna().sum())
    total = readable(int(table["bytes"].sum()))
    rest = f", and {unknown} of unknown size" if unknown else ""
    return f"{present} of {len(table)} sources are here; all of them are {total}{rest}."
