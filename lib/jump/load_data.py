"""Find the images of a stain through the load_data tables: by the stain's name, never by a channel
number, which differs from partner to partner."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed
from lib.jump import metadata, names
from lib.run import store

ROOT = "s3://cellpainting-gallery/cpg0016-jump/"
"""What the path of every image starts with; a local copy keeps what comes after it."""

CORRECTED = "_orig_illumcor.tif"
"""End of the published names of corrected images."""

FOLDER = "source_*/workspace/load_data_csv/*/*"
NAME = "load_data_with_illum.parquet"
SYNONYMS = {"DNA": ("DNA", "Hoechst", "DAPI")}
CHANNELS = (
    re.compile(r"r\d+c\d+f\d+p\d+-(ch\d+)"),  # Opera Phenix, Operetta
    re.compile(r"A\d+Z\d+(C)0*(\d+)\."),  # CV7000, CV8000
    re.compile(r"_(w\d)"),  # ImageXpress, also the screen of Rohban et al.
)
"""How file names say their channel, by microscope."""

_KEY = pa.Column(str, nullable=False)
SCHEMA = pa.DataFrameSchema(
    {f"Metadata_{name}": _KEY for name in ("Source", "Batch", "Plate", "Well", "Site")}
)


def read(folder: str | os.PathLike) -> pd.DataFrame:
    """Read the load_data tables of all plates of a local copy.

    Parameters
    ----------
    folder : path
        Root of the copy, which holds `source_4/workspace/load_data_csv/<batch>/<plate>/`.

    Returns
    -------
    DataFrame
        One row per field of view, as published; identifiers as text in one spelling.

    Raises
    ------
    InputError
        If there is no table, or one lacks a key or has an empty one.
    """
    paths = sorted(store.resolve(folder).glob(f"{FOLDER}/{NAME}"))
    if not paths:
        raise InputError(
            f"no {NAME} below {Path(folder).name}/source_*/workspace/load_data_csv",
            fix="fetch the load_data tables of the plates, or correct the path",
        )
    return pd.concat([read_table(path) for path in paths], ignore_index=True)


def read_table(path: str | os.PathLike) -> pd.DataFrame:
    """Read the load_data table of one plate.

    Parameters
    ----------
    path : path
        Parquet or CSV.

    Returns
    -------
    DataFrame
        Identifiers as text in one spelling.

    Raises
    ------
    InputError
        As `read`.
    """
    table = pd.read_parquet(path) if str(path).endswith(".parquet") else tables.read(path, SCHEMA)
    lacking = [name for name in SCHEMA.columns if name not in table]
    if lacking:
        raise InputError(
            f"the join key {listed(lacking)} is missing", file=path, fix="fetch it anew"
        )
    return tables.check(names.tidy(table), SCHEMA, file=path)


def stain_columns(table: pd.DataFrame, stain: str) -> tuple[str, str]:
    """Return the columns that hold the images of a stain and their illumination functions.

    Parameters
    ----------
    table : DataFrame
        From `read`.
    stain : str
        DNA, ER, RNA, AGP or Mito.

    Returns
    -------
    (str, str)
        Ends of the column names, such as `OrigDNA` and `IllumDNA`.

    Raises
    ------
    InputError
        If no column, or more than one, is of this stain.
    """
    words = SYNONYMS.get(stain, (stain,))
    found = [word for word in words if f"FileName_Orig{word}" in table]
    if len(found) != 1:
        there = [name.removeprefix("FileName_Orig") for name in table if "FileName_Orig" in name]
        raise InputError(
            f"{'no' if not found else 'more than one'} column holds the stain {stain}; the table "
            f"has {listed(there) or 'none'}",
            fix="name a stain of the table; channel numbers differ between partners",
        )
    return f"Orig{found[0]}", f"Illum{found[0]}"


def channel(file_names: Iterable[str]) -> str:
    """Return the channel that the names of a stain's images agree on.

    Parameters
    ----------
    file_names : iterable of str
        Of one plate and stain.

    Returns
    -------
    str
        As the microscope counts: `ch5`, `ch1`, `w1`.

    Raises
    ------
    InputError
        If a name says no channel, or names disagree.

    Examples
    --------
    >>> channel(["r01c01f01p01-ch5sk1fk1fl1.tiff"]), channel(["p_B02_T0001F001L01A01Z01C01.tif"])
    ('ch5', 'ch1')
    """
    found = {_channel(name): name for name in file_names}
    if len(found) != 1 or None in found:
        said = {name: one or "no channel" for one, name in found.items()}
        words = ", ".join(f"{name} ({one})" for name, one in said.items()) or "no image"
        raise InputError(f"images of one stain and plate name different channels: {words}")
    return next(iter(found))


def fields(
    table: pd.DataFrame, wells: pd.DataFrame, *, stain: str = "DNA"
) -> tuple[pd.DataFrame, dict]:
    """Return the images of one stain in the wells of some conditions.

    Parameters
    ----------
    table : DataFrame
        From `read`.
    wells : DataFrame
        From `lib.jump.wells.conditions`.
    stain : str
        As in `stain_columns`.

    Returns
    -------
    DataFrame
        One row per field: the columns of `wells`, `site`, `image` and `function` (paths below the
        root of the copy), `channel`, `field` (the published name of the corrected image).
    dict
        One row of the report, from `lib.jump.metadata.match`.

    Raises
    ------
    InputError
        As `stain_columns`, `channel` and `match`; for an illumination function of another plate.

    References
    ----------
    Image2Reg, `notebooks/jump/eda/data_extraction.ipynb`: names of corrected images.
    """
    image, function = stain_columns(table, stain)
    keys = ["source", "batch", "plate", "well"]
    images = pd.DataFrame({key: table[f"Metadata_{key.title()}"] for key in keys})
    images = images.assign(
        site=table["Metadata_Site"].astype(int),
        image=_local(table, image),
        function=_local(table, function),
    )
    _check_functions(images)
    found, row = metadata.match(images, wells, keys, sides=("images", "wells"))
    by_plate = found.groupby("plate")["image"].agg(lambda paths: channel(map(_base, paths)))
    found["channel"] = found["plate"].map(by_plate)
    parts = ["source", "batch", "plate", "well", "site", "gene_symbol"]
    found["field"] = found[parts].astype(str).agg("_".join, axis=1) + CORRECTED
    return found.sort_values(["plate", "well", "site"], ignore_index=True), row


def _channel(name: str) -> str | None:
    found = next((hit for pattern in CHANNELS if (hit := pattern.search(name))), None)
    if found is None:
        return None
    return found[1] if found.lastindex == 1 else f"ch{found[2]}"


def _base(path: str) -> str:
    return str(path).rsplit("/", 1)[-1]


def _local(table: pd.DataFrame, end: str) -> pd.Series:
    """Return the paths of a column below the root of the copy."""
    folder = table[f"PathName_{end}"].astype(str).str.removeprefix(ROOT).str.rstrip("/")
    return folder + "/" + table[f"FileName_{end}"].astype(str)


def _check_functions(images: pd.DataFrame) -> None:
    """Refuse functions that are not of the image's own plate."""
    plates = images["function"].str.extract(r"/illum/([^/]+)/(.+?)_Illum[^/]*$")
    strange = (plates[0] != images["plate"]) | (plates[1] != images["plate"])
    if strange.any():
        row = images[strange].iloc[0]
        raise InputError(
            f"plate {row['plate']}, well {row['well']}: its illumination function is "
            f"{row['function']}, of another plate ({strange.sum()} rows)",
            fix="take the functions of its own plate, or leave the plate out",
        )
