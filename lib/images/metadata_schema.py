"""What an image table must look like: names, types and the refusals, each in one line for the
person who made it."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.run import store

# Columns of the screen's table and the names used here; the first 18 are the ones that nuclei
# inherit, in this order.
NAMES = {
    "Image_Metadata_Plate": "plate",
    "Image_Metadata_Well": "well",
    "Image_FileName_OrigHoechst": "image_file",
    "Image_Metadata_GeneID": "gene_id",
    "Image_Metadata_GeneSymbol": "gene_symbol",
    "Image_Metadata_IsLandmark": "is_landmark",
    "Image_Metadata_AlleleDesc": "allele",
    "Image_Metadata_ExpressionVector": "expr_vec",
    "Image_Metadata_FlaggedForToxicity": "toxicity",
    "Image_Metadata_IE_Blast_noBlast": "ie_blast",
    "Image_Metadata_IntendedOrfMismatch": "intended_orf_mismatch",
    "Image_Metadata_OpenOrClosed": "open_closed",
    "Image_Metadata_RNAiVirusPlateName": "rnai_plate",
    "Image_Metadata_Site": "site",
    "Image_Metadata_Type": "type",
    "Image_Metadata_Virus_Vol_ul": "virus_vol",
    "Image_Metadata_TimePoint_Hours": "timepoint",
    "Image_Metadata_ASSAY_WELL_ROLE": "assay_well_role",
    "Image_Metadata_QCFlag_isBlurry": "is_blurry",
    "Image_Metadata_QCFlag_isSaturated": "is_saturated",
    "Image_Count_Nuclei": "n_cellprofiler",
    "ImageNumber": "image_number",
    "Image_FileName_IllumHoechst": "illum_file",
    "Image_FileName_NucleiOutlines": "outlines_file",
}
OPTIONAL = (
    "image_number",
    "illum_file",
    "outlines_file",
)  # absent from the published table, used by nothing here
INHERITED = tuple(NAMES.values())[:18]
WELL = r"[a-p](?:0[1-9]|1[0-9]|2[0-4])"
FIELD_NAME = re.compile(
    rf"(?P<prefix>.+)_(?P<well>{WELL})_s(?P<site>[0-9]+)_w(?P<channel>[0-9])(?P<uuid>[0-9a-f-]+)"
)
CORRECTED = "_illum_corrected"

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
# column → (pattern of the text in the file, may be empty, type, what is expected)
RULES = {
    "plate": (r"[0-9]+(?:\.0)?", False, "int64", "a whole number, the name of the plate's folder"),
    "well": (WELL, False, "str", "a01 to p24, lower case, two digits"),
    "image_file": (r"[^/\\]*[^/\\.][^/\\]*", False, "str", "a file name without folders"),
    "gene_symbol": (r"\S+", False, "str", "a gene symbol without blanks, or a control's name"),
    "site": (r"[1-9][0-9]*(?:\.0)?", False, "int64", "a whole number from 1"),
    "is_blurry": (r"[01](?:\.0)?", False, "int64", "0 or 1"),
    "is_saturated": (r"[01](?:\.0)?", False, "int64", "0 or 1"),
    "is_landmark": (r"[01](?:\.0)?", True, "float64", "0, 1 or empty"),
} | {
    name: (NUMBER, True, "float64", "a number or empty")
    for name in ("gene_id", "ie_blast", "virus_vol", "n_cellprofiler", "image_number")
}


def read_text(path: str | os.PathLike) -> pd.DataFrame:
    """Read the image table as text.

    Parameters
    ----------
    path : path
        CSV in UTF-8.

    Returns
    -------
    DataFrame of str
        Empty cells and NaN are missing values.

    Raises
    ------
    InputError
        If the file is absent, no text, not readable as CSV, or without rows.
    """
    read_lines(path, n=1)  # refuses what is absent or binary
    try:
        table = pd.read_csv(
            store.resolve(path),
            dtype=str,
            keep_default_na=False,
            na_values=["", "NA", "NaN", "nan"],
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            f"{Path(path).name}: not readable as CSV ({' '.join(str(error).split())})"
        ) from None
    if table.empty:
        raise InputError(f"{Path(path).name}: no rows; expected one row a field of view")
    return table


def checked(path: str | os.PathLike, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of texts with this project's names and types.

    Parameters
    ----------
    path : path
        File that the table came from, for the messages.
    table : DataFrame
        From `read_text`.

    Returns
    -------
    DataFrame
        Optional columns that are absent are empty.

    Raises
    ------
    InputError
        For a missing or repeated column, a value of another form, a repeated field, a file name
        that contradicts its row, or two conditions in one well; names row and column.
    """
    _refuse_missing_columns(path, table)
    fields = table.rename(columns=NAMES)
    fields = fields.assign(**{name: None for name in OPTIONAL if name not in fields})
    _validate(path, fields)
    for name in NAMES.values():
        kind = RULES.get(name, ("", True, "str", ""))[2]
        if kind != "str":
            fields[name] = pd.to_numeric(fields[name]).astype(kind)
    _refuse_repeats(path, fields, ["plate", "well", "site"])
    _refuse_repeats(path, fields, ["plate", "image_file"])
    _refuse_contradictions(path, fields)
    _refuse_mixed_wells(path, fields)
    return fields


def _refuse_missing_columns(path: str | os.PathLike, table: pd.DataFrame) -> None:
    missing = [
        theirs for theirs, ours in NAMES.items() if theirs not in table and ours not in OPTIONAL
    ]
    if missing:
        raise InputError(
            f"{Path(path).name}: column {', '.join(missing)} missing; there are "
            f"{', '.join(table.columns[:8])}, … Rename the column that holds it, or add it, empty "
            "where nothing is known"
        )
    for theirs in NAMES:
        if f"{theirs}.1" in table:  # how pandas names the second of two equal columns
            raise InputError(f"{Path(path).name}: column {theirs} is there twice; remove one")


def _validate(path: str | os.PathLike, fields: pd.DataFrame) -> None:
    """Refuse empty cells and values of the wrong form."""
    import pandera.pandas as pa  # half a second, and only needed for outside tables

    columns = {
        name: pa.Column(
            None, pa.Check.str_matches(rf"^(?:{pattern})$", error="form"), nullable=nullable
        )
        for name, (pattern, nullable, _, _) in RULES.items()
        if fields[name].notna().any() or not nullable
    }
    try:
        pa.DataFrameSchema(columns).validate(fields, lazy=True)
    except pa.errors.SchemaErrors as errors:
        # the first row that is wrong
        case = errors.failure_cases.sort_values("index", kind="stable").iloc[0]
        value = "empty" if pd.isna(case["failure_case"]) else repr(case["failure_case"])
        raise InputError(
            f"{Path(path).name}, row {int(case['index']) + 2}: {_theirs(case['column'])} is "
            f"{value}; expected {RULES[case['column']][3]}. Correct or remove the row"
        ) from None


def _refuse_repeats(path: str | os.PathLike, fields: pd.DataFrame, key: list[str]) -> None:
    repeated = np.flatnonzero(fields.duplicated(key))
    if len(repeated):
        values = fields[key].iloc[repeated[0]]
        first = np.flatnonzero((fields[key] == values).all(axis=1))[0]  # +2: header, and from 1
        named = ", ".join(
            f"{name.replace('image_file', 'file')} {value}" for name, value in values.items()
        )
        raise InputError(
            f"{Path(path).name}, row {repeated[0] + 2}: {named} is already in row {first + 2}; "
            "keep one of the rows"
        )


def _refuse_contradictions(path: str | os.PathLike, fields: pd.DataFrame) -> None:
    """Refuse a file name of the screen's form whose well or site is not that of its row."""
    parsed = fields["image_file"].str.extract(FIELD_NAME)  # NaN for names of another form
    told = parsed["well"].notna() & (
        (parsed["well"] != fields["well"]) | (pd.to_numeric(parsed["site"]) != fields["site"])
    )
    if told.any():
        row = fields[told].iloc[0]
        raise InputError(
            f"{Path(path).name}, row {row.name + 2}: file {row['image_file']} is not of well "
            f"{row['well']}, site {row['site']}; correct the name or the columns"
        )


def _refuse_mixed_wells(path: str | os.PathLike, fields: pd.DataFrame) -> None:
    """Refuse a well of a plate with two genes or alleles."""
    condition = fields["gene_symbol"] + "_" + fields["allele"].fillna("nan")
    # the condition that the well began with
    first = condition.groupby([fields["plate"], fields["well"]]).transform("first")
    if (condition != first).any():
        row = fields[condition != first].iloc[0]
        raise InputError(
            f"{Path(path).name}, row {row.name + 2}: well {row['well']} of plate {row['plate']} "
            f"holds {condition[row.name]} here and {first[row.name]} before; a well has one "
            "condition, correct the rows"
        )


def _theirs(name: str) -> str:
    return next(theirs for theirs, ours in NAMES.items() if ours == name)


def read_lines(path: str | os.PathLike, n: int | None = None) -> list[str]:
    """Return the lines of a text file, or only its first.

    Parameters
    ----------
    path : path
        UTF-8.
    n : int, optional
        Any number reads the first line alone; by default all are read.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If the file is absent or no text.
    """
    try:
        with store.resolve(path).open(encoding="utf-8") as file:
            return [next(file, "")] if n else file.readlines()
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"{path}: no such file; expected the screen's table") from None
    except UnicodeDecodeError:
        raise InputError(f"{Path(path).name}: not a text file") from None
