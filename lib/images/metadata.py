"""Read and check the image table of a screen, filter it by quality and outliers, and count stage by
stage."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.images import metadata_schema as schema
from lib.images.metadata_schema import INHERITED, NAMES, OPTIONAL, WELL
from lib.run import store

__all__ = ["INHERITED", "NAMES", "OPTIONAL"]  # the callers of this module need them too

CONTROLS = ("EMPTY", "eGFP", "LacZ", "Luciferase")
OUTLIER_PLATES = (41749,)
# b01 and e17 as published with the screen, the other four out of focus (added by the Image2Reg
# authors)
OUTLIER_WELLS: Mapping[int, tuple[str, ...]] = {
    41754: ("b01", "c01", "d01", "e01", "f01"),
    41757: ("e17",),
}
DERIVED = ("stem", "field", "allele_symbol", "is_control")


def read_metadata(path: str | os.PathLike, *, suffix: str = schema.CORRECTED) -> pd.DataFrame:
    """Read and check an image table, one row per field of view, with this project's column names.

    Parameters
    ----------
    path : path
        CSV with the columns of the published screen (`Image_Metadata_Plate`, …). Further columns
        are kept as text.
    suffix : str
        What the corrected image's name has after the stem.

    Returns
    -------
    DataFrame
        Columns of `NAMES`, then `stem`, `field` (corrected file name), `allele_symbol`,
        `is_control`, then the further columns; in the order of the file, index 0 … n − 1.

    Raises
    ------
    InputError
        For a missing file or column, a wrong type, an empty cell, a bad well name, a
        plate/well/site or file given twice, a name that contradicts its row, or two conditions in
        one well.

    References
    ----------
    Image table of Rohban et al. (2017), IDR idr0033.
    """
    fields = schema.checked(path, schema.read_text(path))
    # the screen inserts suffixes at the first dot
    fields["stem"] = fields["image_file"].str.split(".", n=1).str[0]
    fields["field"] = corrected_names(fields["image_file"], suffix=suffix)
    fields["allele_symbol"] = fields["gene_symbol"] + "_" + fields["allele"].fillna("nan")
    fields["is_control"] = fields["gene_symbol"].isin(CONTROLS)
    extra = [name for name in fields if name not in NAMES.values() and name not in DERIVED]
    return fields[[*NAMES.values(), *DERIVED, *extra]]


def corrected_names(names: pd.Series, *, suffix: str = schema.CORRECTED) -> pd.Series:
    """Insert `suffix` before the first dot of each file name.

    Parameters
    ----------
    names : Series of str
    suffix : str

    Returns
    -------
    Series of str

    Examples
    --------
    >>> corrected_names(pd.Series(["a_s1_w1.x.tif"])).item()
    'a_s1_w1_illum_corrected.x.tif'
    """
    parts = names.str.partition(".")
    return parts[0] + suffix + parts[1] + parts[2]


def quality_filter(fields: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Keep fields flagged neither blurry nor saturated.

    Parameters
    ----------
    fields : DataFrame
        From `read_metadata`.

    Returns
    -------
    kept : DataFrame
    row : dict
        From `stage_row`, for the table of stages.

    References
    ----------
    Flags of Rohban et al. (2017), IDR idr0033.
    """
    blurry, saturated = fields["is_blurry"] == 1, fields["is_saturated"] == 1
    flags = {
        "blurry": blurry & ~saturated,
        "saturated": saturated & ~blurry,
        "both": blurry & saturated,
    }
    # a field with both flags is counted once, as both
    kept = fields[~(blurry | saturated)]
    return kept, stage_row("quality flags", kept, before=fields, reason=_counts(flags))


def outlier_filter(
    fields: pd.DataFrame,
    *,
    plates: Iterable[int] = OUTLIER_PLATES,
    wells: Mapping[int, Iterable[str]] = OUTLIER_WELLS,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Drop whole plates and wells of plates.

    Parameters
    ----------
    fields : DataFrame
        From `read_metadata`.
    plates : iterable of int
        Plates to drop; the paper's by default.
    wells : mapping of int to iterable of str
        Plate → wells to drop; the paper's by default.

    Returns
    -------
    kept : DataFrame
    row : dict
        From `stage_row`, for the table of stages.

    Raises
    ------
    InputError
        For a malformed well name.

    References
    ----------
    Plate 41749 and wells b01 of 41754 and e17 of 41757 follow Rohban et al. (2017); the authors of
    Image2Reg added four out-of-focus wells of 41754.
    """
    reasons = {f"plate {plate}": fields["plate"] == plate for plate in plates}
    for plate, names in wells.items():
        for name in names:
            if not re.fullmatch(WELL, name):
                raise InputError(
                    f"outlier wells of plate {plate}: {name!r} is no well name; expected "
                    f"{schema.RULES['well'][3]}"
                )
            reasons[f"{plate}/{name}"] = (fields["plate"] == plate) & (fields["well"] == name)
    # the zeros stand for no outlier at all
    dropped = np.logical_or.reduce([np.zeros(len(fields), bool), *reasons.values()])
    kept = fields[~dropped]
    return kept, stage_row("outliers", kept, before=fields, reason=_counts(reasons))


def check_files(
    fields: pd.DataFrame,
    screen_dir: str | os.PathLike,
    *,
    images: str = "illum_corrected",
    masks: str | None = "unet_masks",
    drop: bool = False,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Check that image and mask of every field are there before any work starts.

    Parameters
    ----------
    fields : DataFrame
        From `read_metadata`.
    screen_dir : path
        Folder with `<images>/<plate>/<field>` and `<masks>/<plate>/<field>`.
    images, masks : str
        Names of the two folders; `masks=None` where the screen comes without.
    drop : bool
        Leave out fields without image or mask, and count them, instead of refusing.

    Returns
    -------
    kept : DataFrame
    row : dict
        From `stage_row`, for the table of stages.

    Raises
    ------
    InputError
        If a plate has no folder, or files are missing and `drop` is off: the first ten and their
        number.
    """
    screen_dir = store.resolve(screen_dir)
    # folder → (fields,) bool
    absent = {kind: _absent(fields, screen_dir / kind) for kind in (images, masks) if kind}
    if not drop and any(missing.any() for missing in absent.values()):
        names = [
            f"{kind}/{row.plate}/{row.field}"
            for kind, missing in absent.items()
            for row in fields[missing].itertuples()
        ]
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        raise InputError(
            f"{screen_dir}: {len(names)} files of the image table are missing: "
            f"{', '.join(names[:10])}{more}. Complete the download, or allow missing files to "
            "leave these fields out"
        )
    kept = fields[~np.logical_or.reduce(list(absent.values()))]
    reason = _counts({f"no file in {kind}": missing for kind, missing in absent.items()})
    return kept, stage_row("files present", kept, before=fields, reason=reason)


def stage_row(
    stage: str, fields: pd.DataFrame, *, before: pd.DataFrame | None = None, reason: str = ""
) -> dict[str, Any]:
    """Return one row of the table of stages: what is left after `stage`, and why the rest went.

    Parameters
    ----------
    stage : str
        Name of the step.
    fields : DataFrame
        What is left: `plate`, `well`, `gene_symbol`, `n_cellprofiler`.
    before : DataFrame, optional
        What there was, so that excluded fields are counted.
    reason : str
        Reasons with their numbers.

    Returns
    -------
    dict
        `stage`, `n_fields`, `n_wells` (plate and well), `n_symbols`, `n_cellprofiler` (nuclei
        counted by CellProfiler), `n_excluded` (fields), `reason`.
    """
    return {
        "stage": stage,
        "n_fields": len(fields),
        "n_wells": int(fields.groupby(["plate", "well"]).ngroups),
        "n_symbols": int(fields["gene_symbol"].nunique()),
        "n_cellprofiler": int(fields["n_cellprofiler"].sum()),
        "n_excluded": len(before) - len(fields) if before is not None else 0,
        "reason": reason,
    }


def stage_counts(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the table of stages.

    Parameters
    ----------
    rows : iterable of mapping
        From `stage_row`, in order.

    Returns
    -------
    DataFrame
        One row per stage, with the columns of `stage_row`.
    """
    return pd.DataFrame(list(rows))


def _counts(reasons: Mapping[str, pd.Series]) -> str:
    """Say how many rows each reason holds for, those that hold for none left out."""
    return ", ".join(f"{name}: {int(rows.sum())}" for name, rows in reasons.items() if rows.any())


def _absent(fields: pd.DataFrame, folder: Path) -> pd.Series:
    """Tell which fields have no file in `folder`; one listing a plate, however many fields."""
    found = pd.Series(False, index=fields.index)
    for plate, rows in fields.groupby("plate"):
        if not (folder / str(plate)).is_dir():
            there = (
                ", ".join(sorted(path.name for path in folder.glob("*") if path.is_dir())) or "none"
            )
            raise InputError(
                f"{folder}: no folder for plate {plate} of the image table; there are {there}. "
                "Complete the download, or leave the plate out"
            )
        # one listing per plate
        names = {entry.name for entry in os.scandir(folder / str(plate)) if entry.is_file()}
        found[rows.index] = rows["field"].isin(names)
    return ~found
