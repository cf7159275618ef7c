"""A local copy of JUMP, taken in by links."""

import os
import shutil
from pathlib import Path

from lib.data import origin
from lib.data.errors import InputError
from lib.jump.metadata import FILES
from lib.run import keys, store

PARTS = ("metadata", "masks")
LISTING = "contents.json"  # hashes of what is linked: its change is a change of the screen


def link(source: str | os.PathLike, folder: str | os.PathLike) -> Path:
    """Take a local copy in by links to its folders; nothing is copied.

    Parameters
    ----------
    source : path
        Folder with `metadata/` (the tables), `source_*/images/`, `source_*/workspace/` and, if
        there are masks, `masks/<plate>/`.
    folder : path
        Folder of this profile's JUMP; what is in it is replaced.

    Returns
    -------
    Path
        The folder of the tables below `folder`.

    Raises
    ------
    InputError
        If a table is missing, or there is no source.
    """
    source, folder = store.resolve(source), store.resolve(folder)
    tables = [f"metadata/{file}" for file, _ in FILES.values()]
    for needed in (*tables, "metadata/microscope_config.csv"):
        if not (source / needed).is_file():
            raise InputError(f"{source.name} has no {needed}", fix="fetch the tables of JUMP")
    names = sorted(path.name for path in source.glob("source_*"))
    if not names:
        raise InputError(f"{source.name} has no folder source_*", fix="fetch images of a source")
    # kept between runs, so that an unchanged copy is not hashed again
    hashes = keys.Hashes(folder.with_suffix(".hashes.json"))
    parts = [part for part in (*PARTS, *names) if (source / part).exists()]
    listing = {part: hashes(source / part) for part in parts}
    shutil.rmtree(folder, ignore_errors=True)  # removes links, never what they lead to
    folder.mkdir(parents=True)
    for part in listing:
        (folder / part).symlink_to(source / part, target_is_directory=True)
    hashes.save()
    store.write_json(folder / LISTING, listing)
    origin.write(folder, origin.own("JUMP images", source))
    return folder / "metadata"
