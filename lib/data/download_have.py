"""Data that lie elsewhere already are checked and taken in by links; nothing is copied."""

import os
from pathlib import Path

from lib.data import download_check as checks
from lib.data import download_listing as listing
from lib.data import download_receipts as receipts
from lib.data import download_run as runs
from lib.data.download_plan import Plan
from lib.data.download_remote import Remote, part_of
from lib.data.errors import InputError, listed
from lib.data.sources import folder
from lib.run import store

PACKED = {"gz": (".gz",), "zip": (".zip",), "tar": (".tar", ".tgz", ".gz", ".xz", ".bz2")}


def take(plan: Plan, own: str | os.PathLike) -> list[str]:
    """Take in a copy of a source that lies elsewhere.

    Parameters
    ----------
    plan : Plan
        Of the source.
    own : path
        The file, or the folder with the files under their names.

    Returns
    -------
    list of str
        A sentence for each file that was linked or unpacked, and for each that is still missing.

    Raises
    ------
    InputError
        If there is nothing there, it is not what it has to be, or the place is taken.
    """
    own = Path(own).expanduser().resolve()
    if not own.exists():
        raise InputError("there is no such file or folder", file=own)
    whole = _folder_of(plan)
    if not plan.files and not whole:
        words = f"{plan.name} has no fixed place: {plan.source.by_hand}"
        raise InputError(words, file=own)
    if own.is_dir() and whole:
        return _link_folder(plan, own, whole)
    if own.is_file():
        return [_take_file(plan, _meant(plan, own), own)]
    found = {one.to: _inside(own, one) for one in plan.files if not one.is_here}
    if not any(found.values()):
        names = [Path(to).name for to in found]
        raise InputError(f"none of {listed(names)} is in this folder", file=own)
    there = [_take_file(plan, one, found[one.to]) for one in plan.files if found.get(one.to)]
    return there + [f"{to} is still missing" for to, path in found.items() if not path]


def _folder_of(plan: Plan) -> Path | None:
    """Return the folder that a listing or table fills."""
    if plan.source.table:
        return store.resolve(listing.fixed_folder(plan.source.table))
    return folder(plan.source)


def _meant(plan: Plan, own: Path) -> Remote:
    """Return the file of a source that a copy is of: the only one, or the one of its name."""
    files = [one for one in plan.files if len(plan.files) == 1 or own in _names(own.parent, one)]
    if len(files) != 1:
        names = [Path(one.to).name for one in plan.files]
        raise InputError(f"it has the name of none of {listed(names)}", file=own, fix="rename it")
    return files[0]


def _names(parent: Path, remote: Remote) -> list[Path]:
    """Return the paths at which a copy may lie in a folder, unpacked or as it is served."""
    names = [remote.path.name, part_of(remote).name]
    return [parent / name for name in dict.fromkeys(names)]


def _inside(own: Path, remote: Remote) -> Path | None:
    return next((path for path in _names(own, remote) if path.exists()), None)


def _take_file(plan: Plan, remote: Remote, own: Path) -> str:
    if os.path.lexists(remote.path):
        raise InputError("it is there already", file=remote.path, fix="remove it first")
    remote.path.parent.mkdir(parents=True, exist_ok=True)
    if own.is_file() and own.suffix.lower() in PACKED.get(remote.unpack, ()):
        checks.check(own, remote.served)
        runs.unpacked(remote, own)
        words = f"{remote.to} is unpacked from {own}"
    else:
        if own.is_file():
            checks.check(own, remote.arrived, name=remote.path.name)
        remote.path.symlink_to(own)
        words = f"{remote.to} is a link to {own}{_certainty(remote)}"
    receipts.note(plan.name, remote.to, own.name)
    return words


def _certainty(remote: Remote) -> str:
    known = remote.arrived
    if known.hashes or known.size:
        return ""
    return " (no size or hash is known to compare it with)"


def _link_folder(plan: Plan, own: Path, whole: Path) -> list[str]:
    if os.path.lexists(whole):
        raise InputError("it is there already", file=whole, fix="remove it first")
    inside = {one.to: own / one.path.relative_to(whole) for one in plan.files}
    missing = [to for to, path in inside.items() if not path.exists()]
    if not any(own.iterdir()) or (inside and len(missing) == len(inside)):
        raise InputError("none of its files is in this folder", file=own)
    whole.parent.mkdir(parents=True, exist_ok=True)
    whole.symlink_to(own, target_is_directory=True)
    receipts.note(plan.name, str(whole.relative_to(store.ROOT)), own.name)
    words = f"{whole.relative_to(store.ROOT)} is a link to {own}"
    counted = f": {len(inside) - len(missing)} of {len(inside)} files are there" if inside else ""
    return [words + (counted or " (not compared with a listing)")]
