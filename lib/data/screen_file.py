"""Screen files of the Image Data Resource: which files are the images of which field of a plate."""

import configparser
import os
import re
from pathlib import PurePosixPath

import pandas as pd

from lib.data.errors import InputError, listed
from lib.run import store

ROWS = "abcdefghijklmnop"  # of a plate with 384 wells
_ALTERNATIVES = re.compile("<([^<>]*)>")


def read(path: str | os.PathLike, stain: str) -> pd.DataFrame:
    """Read the images of one stain from a screen file.

    Parameters
    ----------
    path : path
        File `<plate>.screen`, with a section for the plate and one per well. Its names hold one
        `<…,…>` with the texts of all channels.
    stain : str
        Name of a channel, as the wells list them: the number in a file's name is another thing.

    Returns
    -------
    DataFrame
        One row per field, ordered as in the file: `plate`, `well` (a01 to p24), `site` (from 1) and
        `file`, the name without folders.

    Raises
    ------
    InputError
        If the file is not of this kind, a well does not have the stain, or there are not as many
        wells and fields as the plate declares.

    Notes
    -----
    The archive lists a plate twice, as imaged and corrected for illumination: take one of the two.
    """
    path = store.resolve(path)
    sections = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    sections.optionxform = str
    try:
        sections.read_string(path.read_text(encoding="utf-8"))
        plate = sections["Plate"]
        wells = [sections[name] for name in sections.sections() if name.startswith("Well ")]
        rows = [row for well in wells for row in _fields(well, plate["Name"], stain)]
        declared = plate.getint("Rows") * plate.getint("Columns") * plate.getint("Fields")
    except (configparser.Error, KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
        if isinstance(error, InputError):
            raise InputError(error.what, file=path, row=error.row, fix=error.fix) from None
        raise InputError(f"not a screen file ({error!r})", file=path) from None
    if len(rows) != declared:
        words = f"{len(rows)} fields are listed, the plate declares {declared}"
        raise InputError(words, file=path, fix="fetch the file again")
    return pd.DataFrame(rows, columns=["plate", "well", "site", "file"])


def _fields(
    well: configparser.SectionProxy, plate: str, stain: str
) -> list[tuple[str, str, int, str]]:
    channels = well["ChannelNames"].split(",")
    if stain not in channels:
        words = f"the stain {stain!r} is not among {listed(channels)}"
        raise InputError(words, row=f"[{well.name}]")
    name = f"{ROWS[well.getint('Row')]}{well.getint('Column') + 1:02d}"
    numbers = [int(key.removeprefix("Field_")) for key in well if key.startswith("Field_")]
    return [
        (plate, name, number + 1, _file(well[f"Field_{number}"], channels.index(stain)))
        for number in numbers
    ]


def _file(pattern: str, channel: int) -> str:
    """Return the file name of one channel from a name that stands for those of all.

    >>> _file("/uod/a_s1_w<1ab,2cd>.tif", 1)
    'a_s1_w2cd.tif'
    """
    alternatives = _ALTERNATIVES.search(pattern)
    if alternatives is None:
        raise ValueError(f"{pattern!r} lists no channels")
    chosen = alternatives[1].split(",")[channel]
    start, end = alternatives.span()
    return PurePosixPath(f"{pattern[:start]}{chosen}{pattern[end:]}").name
