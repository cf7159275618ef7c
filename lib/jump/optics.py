"""What a pixel measures: µm per pixel, channel and bit depth of every plate, from the tables of the
microscopes."""

import os

import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed
from lib.jump import names

CONFIG = pa.DataFrameSchema(
    {
        "Metadata_Source": pa.Column(str, nullable=False, unique=True),
        "Metadata_Microscope_Name": pa.Column(str, nullable=False),
        "Metadata_Pixel_Size_Microns": pa.Column(
            float, pa.Check.gt(0, error="is no size of a pixel"), nullable=False, coerce=True
        ),
    }
)


def read(path: str | os.PathLike) -> pd.DataFrame:
    """Read the table of the microscopes.

    Parameters
    ----------
    path : path
        `microscope_config.csv`; sources as `4` or `source_4`.

    Returns
    -------
    DataFrame
        Index `source`; `microscope`, `pixel_um`.

    Raises
    ------
    InputError
        For a missing column, a repeated source, a size that is none.
    """
    table = tables.read(path, CONFIG)
    table["Metadata_Source"] = table["Metadata_Source"].map(names.source_name)
    return table.rename(
        columns={
            "Metadata_Source": "source",
            "Metadata_Microscope_Name": "microscope",
            "Metadata_Pixel_Size_Microns": "pixel_um",
        }
    ).set_index("source")[["microscope", "pixel_um"]]


def pixel_size(config: pd.DataFrame, source: str) -> float:
    """Return the side of a pixel in µm.

    Parameters
    ----------
    config : DataFrame
        From `read`.
    source : str

    Returns
    -------
    float

    Raises
    ------
    InputError
        For a source without microscope: a size is never guessed.
    """
    if source not in config.index:
        raise InputError(
            f"the microscope of {source} is unknown; there are {listed(config.index)}",
            fix="add its line to microscope_config.csv: µm per pixel cannot be guessed",
        )
    return float(config.at[source, "pixel_um"])


def rescaled_area(area: float, *, pixel_um: float, to_um: float) -> float:
    """Return how many pixels of another size cover the same area.

    Parameters
    ----------
    area : float
        In pixels of `pixel_um`.
    pixel_um, to_um : float
        Sides of the pixels, in µm.

    Returns
    -------
    float
        In pixels of `to_um`.

    Examples
    --------
    >>> round(rescaled_area(500, pixel_um=0.597976, to_um=0.65))
    423
    """
    return area * (pixel_um / to_um) ** 2


def plate_table(fields: pd.DataFrame, config: pd.DataFrame) -> pd.DataFrame:
    """Say for every plate how its images were taken.

    Parameters
    ----------
    fields : DataFrame
        From `lib.jump.load_data.fields`.
    config : DataFrame
        From `read`.

    Returns
    -------
    DataFrame
        One row per plate: `source`, `batch`, `plate`, `microscope`, `channel`, `pixel_um`,
        `n_wells`, `n_fields`.

    Raises
    ------
    InputError
        As `pixel_size`.
    """
    sizes = {source: pixel_size(config, source) for source in fields["source"].unique()}
    by_plate = fields.groupby(["source", "batch", "plate", "channel"], sort=True)
    found = by_plate.agg(n_wells=("well", "nunique"), n_fields=("field", "size")).reset_index()
    found["microscope"] = found["source"].map(config["microscope"])
    found["pixel_um"] = found["source"].map(sizes)
    order = ["source", "batch", "plate", "microscope", "channel", "pixel_um", "n_wells", "n_fields"]
    return found[order]
