"""A screen as a folder: what belongs to it, and a real one taken in by links."""

import os
import shutil
from pathlib import Path

import pandas as pd

from lib.data import origin
from lib.images import metadata
from lib.run import keys, store

TABLE = "metadata/metadata_images.csv"
PARTS = ("illum_corrected", "unet_masks", "metadata")
LISTING = "contents.json"  # hashes of what is linked: its change is a change of the screen


def link(source: str | os.PathLike, screen_dir: str | os.PathLike) -> Path:
    """Take a real screen in by links to its folders and return its image table; nothing is copied.

    Parameters
    ----------
    source : path
        Folder with `illum_corrected/<plate>/`, `metadata/metadata_images.csv` and, if there are
        masks, `unet_masks/`.
    screen_dir : path
        Folder of this profile's screen; what is in it is replaced.

    Returns
    -------
    Path
        The image table below `screen_dir`.

    Raises
    ------
    FileNotFoundError
        If the folder lacks images or the image table, or a link in it leads nowhere; says which.
    """
    source, screen_dir = store.resolve(source), store.resolve(screen_dir)
    for needed in ("illum_corrected", TABLE):
        if not (source / needed).exists():
            raise FileNotFoundError(
                f"{source}: no {needed}; a screen has {', '.join(PARTS)} below its folder"
            )
    if broken := keys.broken_links(source):
        raise FileNotFoundError(
            f"{source}: {broken[0].relative_to(source)} is a link to {os.readlink(broken[0])}, "
            "which is not there"
            f"{f', and so are {len(broken) - 1} more' if len(broken) > 1 else ''}; mend or remove "
            "it"
        )
    # kept between runs, so that an unchanged screen is not hashed again
    hashes = keys.Hashes(screen_dir.with_suffix(".hashes.json"))
    listing = {part: hashes(source / part) for part in PARTS if (source / part).exists()}
    shutil.rmtree(screen_dir, ignore_errors=True)  # removes links, never what they lead to
    screen_dir.mkdir(parents=True)
    for part in listing:
        (screen_dir / part).symlink_to(source / part, target_is_directory=True)
    hashes.save()
    store.write_json(screen_dir / LISTING, listing)
    origin.write(screen_dir, origin.own("images", source))
    return screen_dir / TABLE


def masks_of(screen_dir: str | os.PathLike) -> str | None:
    """Return the name of the folder of masks.

    Parameters
    ----------
    screen_dir : path

    Returns
    -------
    str or None
        None for a screen that comes without masks.
    """
    return "unet_masks" if (store.resolve(screen_dir) / "unet_masks").exists() else None


def usable_fields(table: str | os.PathLike) -> pd.DataFrame:
    """Return the fields of an image table that pass the quality flags and are no published
    outliers.

    Parameters
    ----------
    table : path
        CSV with the columns of the published screen.

    Returns
    -------
    DataFrame
        One row per field, as `lib.images.metadata.read_metadata`.

    Raises
    ------
    InputError
        As `lib.images.metadata.read_metadata`.
    """
    clear, _ = metadata.quality_filter(metadata.read_metadata(table))
    return metadata.outlier_filter(clear)[0]
