"""One reader for every table that enters from outside; it reports all faults of a table at once."""

import os
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from lib.data.errors import InputError, listed
from lib.run import store

HEADER = 2  # a file's first data row is line 2
N_SHOWN = 8  # faults named in one message


def read(path: str | os.PathLike, schema: pa.DataFrameSchema, **options) -> pd.DataFrame:
    """Read a CSV, TSV or Parquet table and check it against a schema.

    Text stays text: nothing is taken for a missing value but an empty cell.

    Parameters
    ----------
    path : path
        Relative to the project, or absolute; the suffix says the format (`.parquet`, `.tsv`,
        `.txt`, else CSV), `.gz` after it is allowed.
    schema : DataFrameSchema
        Columns that must be there, their types and checks; each check's `error` says what is wrong.
    options
        Passed to `pandas.read_csv`.

    Returns
    -------
    DataFrame
        One row per line of the file, types as the schema has them.

    Raises
    ------
    InputError
        If the file is missing, is no table, has no row, or breaks the schema: every fault with its
        row.
    """
    path = store.resolve(path)
    table = _read(path, schema, options)
    if table.empty:  # a header alone passes most checks
        raise InputError(
            "the table has no row", file=path, fix="give at least one row below the header"
        )
    return check(table, schema, file=path)


def check(
    table: pd.DataFrame, schema: pa.DataFrameSchema, *, file: str | os.PathLike | None = None
) -> pd.DataFrame:
    """Check a table against a schema, and report every fault at once.

    Parameters
    ----------
    table : DataFrame
        One row per line of a file whose first data row is line 2.
    schema : DataFrameSchema
        Columns that must be there, their types and checks.
    file : path, optional
        File that the table was read from, for the message.

    Returns
    -------
    DataFrame
        The same rows and columns, types coerced to those of the schema.

    Raises
    ------
    InputError
        If columns are missing, or checks fail: the message names the row and value of each.
    """
    missing = [
        name for name, column in schema.columns.items() if column.required and name not in table
    ]
    if missing:
        raise InputError(
            f"the column{'s' if len(missing) > 1 else ''} {listed(missing)} "
            f"{'are' if len(missing) > 1 else 'is'} missing; found "
            f"{listed(table.columns, limit=12)}",
            file=file,
            fix="rename or add it",
        )
    try:
        return schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        # one value may fail several checks with the same words
        faults = [_fault(case) for case in error.failure_cases.to_dict("records")]
        raise InputError(_sentence(list(dict.fromkeys(faults))), file=file) from None


def _read(path: Path, schema: pa.DataFrameSchema, options: dict) -> pd.DataFrame:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = suffixes[-1] if suffixes else ""
    try:
        if kind == ".parquet":
            return pd.read_parquet(path)
        # else pandas reads a gene such as NAN or an id such as 007 as a number
        text = {name: str for name, column in schema.columns.items() if str(column.dtype) == "str"}
        defaults = {
            "sep": "\t" if kind in (".tsv", ".txt") else ",",
            "dtype": text,
            "na_values": [""],
        }
        return pd.read_csv(path, **{**defaults, "keep_default_na": False, **options})
    except FileNotFoundError:
        raise InputError("there is no such file", file=path, fix="check the path") from None
    except (ValueError, OSError) as error:  # pandas' parser and Arrow's errors are ValueErrors
        raise InputError(f"not readable as a table ({error})", file=path) from None


def _fault(case: dict) -> str:
    """Say one failed check: column, row and value, what is wrong."""
    column = case["column"] if case["schema_context"] == "Column" else "the table"
    if case["check"].startswith(("coerce_dtype", "dtype")):
        kind = case["check"].partition("(")[2].strip("')") or "another type"
        words = f"is not of type {kind}"
    elif case["check"] == "field_uniqueness":
        words = "is there more than once"
    elif case["check"] == "not_nullable":
        words = "is empty"
    else:
        words = str(case["check"])
    row = "" if pd.isna(case["index"]) else f"row {int(case['index']) + HEADER}, "
    return f"{row}{column} {case['failure_case']!r} {words}"


def _sentence(faults: list[str]) -> str:
    rest = f" and {len(faults) - N_SHOWN} more faults" if len(faults) > N_SHOWN else ""
    return "; ".join(faults[:N_SHOWN]) + rest
