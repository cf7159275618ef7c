"""What the archives and buckets themselves say of their files: names, sizes, hashes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from glob import escape
from pathlib import PurePosixPath
from urllib.parse import quote
from xml.etree import ElementTree

from lib.data import download_web as web
from lib.data.download_check import Expected
from lib.data.download_remote import Remote, below
from lib.data.errors import InputError, listed
from lib.data.sources import Bucket, Record

HOSTS = {
    "zenodo": "https://zenodo.org/api/records",
    "figshare": "https://api.figshare.com/v2/articles",
}
"""Addresses of the archives' listings."""

_IN_RECORD = re.compile("(?P<host>zenodo|figshare):(?P<number>[0-9]+)/(?P<name>.+)")
Listed = dict[str, tuple[str, Expected]]


def _listed(host: str, number: str, patience: web.Patience | None) -> Listed:
    """Return name → address, size and hash of the files of an archive's record."""
    answer = web.ask(f"{HOSTS[host]}/{number}", patience=patience)
    read = _zenodo if host == "zenodo" else _figshare
    try:
        return {name: (url, expected) for name, url, expected in map(read, answer.json()["files"])}
    except (KeyError, TypeError, ValueError) as error:
        words = f"{host} lists record {number} in a form that is not known ({error!r})"
        raise InputError(words, fix=f"look at its page, {web.HAVE}") from None


def resolved(
    remote: Remote, records: dict[tuple[str, str], Listed], patience: web.Patience | None
) -> Remote:
    """Return a file with its address, size and hash from an archive, if it names one.

    Parameters
    ----------
    remote : Remote
        File whose address may be `zenodo:RECORD/NAME`.
    records : dict
        (archive, record) → its listing; filled here, so that each is asked once.
    patience : Patience, optional
        How long the archive is waited for.

    Returns
    -------
    Remote

    Raises
    ------
    InputError
        If the archive refuses, or has no such file.
    """
    named = _IN_RECORD.fullmatch(remote.url)
    if not named or remote.is_here:
        return remote
    key, name = (named["host"], named["number"]), named["name"]
    if key not in records:
        records[key] = _listed(*key, patience)
    picked(records[key], [escape(name)], f"{key[0]} record {key[1]}")
    url, listed = records[key][name]
    hashes = {**listed.hashes, **remote.served.hashes}
    served = replace(remote.served, size=remote.served.size or listed.size, hashes=hashes)
    return replace(remote, url=url, served=served)


def in_record(record: Record, patience: web.Patience | None) -> list[Remote]:
    """Return the files of an archive's record.

    Parameters
    ----------
    record : Record
        Archive, number, and patterns of the names wanted.
    patience : Patience, optional
        How long the archive is waited for.

    Returns
    -------
    list of Remote
        In the order of the listing.

    Raises
    ------
    InputError
        If the archive refuses, or a pattern fits nothing.
    """
    files = _listed(record.host, record.id, patience)
    return [
        _of_record(files[name], name, record)
        for name in picked(files, record.pick, f"record {record.id}")
    ]


def _of_record(file: tuple[str, Expected], name: str, record: Record) -> Remote:
    place = below(record.to, PurePosixPath(name).stem if record.unpack else name)
    return Remote(file[0], place, file[1], record.unpack)


def _zenodo(entry: dict) -> tuple[str, str, Expected]:
    algorithm, _, digits = entry["checksum"].partition(":")
    return entry["key"], entry["links"]["self"], Expected(entry["size"], {algorithm: digits})


def _figshare(entry: dict) -> tuple[str, str, Expected]:
    md5 = entry.get("computed_md5") or entry.get("supplied_md5")
    hashes = {"md5": md5} if md5 else {}
    return entry["name"], entry["download_url"], Expected(entry["size"], hashes)


def picked(names: Iterable[str], patterns: list[str], where: str) -> list[str]:
    """Return the names that any pattern fits, in their order.

    Parameters
    ----------
    names : iterable of str
        Names of files.
    patterns : list of str
        With `*`, `?` and `[…]`; every one has to fit a name.
    where : str
        What is searched, for the message.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If a pattern fits nothing: what there is.
    """
    names = list(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(f"{where} has no file {pattern!r}; it has {listed(names) or 'none'}")
    return [name for name in names if any(fnmatchcase(name, one) for one in patterns)]


def in_bucket(bucket: Bucket, patience: web.Patience | None) -> list[Remote]:
    """Return the files below a prefix of a public bucket, without a login.

    Parameters
    ----------
    bucket : Bucket
        Endpoint, name, prefix, and patterns of the names wanted.
    patience : Patience, optional
        How long the server is waited for.

    Returns
    -------
    list of Remote
        In the order of the listing.

    Raises
    ------
    InputError
        If the server refuses, or has nothing there.
    """
    base = f"{bucket.endpoint}/{bucket.bucket}"
    objects = {
        key[len(bucket.prefix) :]: (key, one) for key, one in _objects(base, bucket, patience)
    }
    objects.pop("", None)  # the prefix itself, as a folder
    if not objects:
        words = f"{bucket.bucket} has nothing below {bucket.prefix!r}, or it is not public"
        raise InputError(words, fix="look for the prefix in the bucket's browser")
    wanted = picked(objects, bucket.pick, f"{bucket.bucket}/{bucket.prefix}")
    return [
        Remote(f"{base}/{quote(objects[name][0])}", below(bucket.to, name), objects[name][1])
        for name in wanted
    ]


def _objects(
    base: str, bucket: Bucket, patience: web.Patience | None
) -> Iterator[tuple[str, Expected]]:
    """Yield key, size and hash of every object below a prefix, a thousand per question."""
    params = {"list-type": "2", "prefix": bucket.prefix}
    while True:
        page = ElementTree.fromstring(web.ask(base, params=params, patience=patience).content)
        for entry in page.iterfind("{*}Contents"):
            tag = entry.findtext("{*}ETag", "").strip('"')
            # the MD5 of its bytes, unless it was uploaded in parts
            hashes = {"md5": tag} if re.fullmatch("[0-9a-f]{32}", tag) else {}
            yield entry.findtext("{*}Key"), Expected(int(entry.findtext("{*}Size")), hashes)
        token = page.findtext("{*}NextContinuationToken")
        if not token:
            return
        params["continuation-token"] = token
