"""One spelling for the wells, sources and identifiers of public screens."""

import re

import pandas as pd

from lib.data.errors import InputError

_LETTERS = re.compile(r"([A-Pa-p])(\d{1,2})")
_NUMBERS = re.compile(r"r(\d{1,2})c(\d{1,2})(f\d+.*)?")
N_ROWS, N_COLUMNS = 16, 24  # of a plate of 384 wells


def well_name(text: str) -> str:
    """Return the name of a well of a 384-well plate as letter and two digits.

    Parameters
    ----------
    text : str
        Letter and number in either case (`k21`, `K21`, `A1`), or row and column as the microscopes
        of JUMP name their files (`r11c21f07…`).

    Returns
    -------
    str
        `A01` to `P24`.

    Raises
    ------
    InputError
        For any other text.

    Examples
    --------
    >>> well_name("r08c14"), well_name("k21"), well_name("r11c21f07")
    ('H14', 'K21', 'K21')
    """
    text = str(text).strip()
    if found := _LETTERS.fullmatch(text):
        row, column = ord(found[1].upper()) - ord("A") + 1, int(found[2])
    elif found := _NUMBERS.fullmatch(text):
        row, column = int(found[1]), int(found[2])
    else:
        row, column = 0, 0
    if not (1 <= row <= N_ROWS and 1 <= column <= N_COLUMNS):
        raise InputError(f"{text!r} is no well of a 384-well plate; write A01 to P24, or r01c01")
    return f"{chr(ord('A') + row - 1)}{column:02d}"


def source_name(text: str) -> str:
    """Return the name of a JUMP partner as the tables of plates and wells write it.

    Parameters
    ----------
    text : str
        `source_4`, or the number alone, as some tables have it.

    Returns
    -------
    str

    Raises
    ------
    InputError
        For any other text.

    Examples
    --------
    >>> source_name("4"), source_name("source_13")
    ('source_4', 'source_13')
    """
    found = re.fullmatch(r"(?:source_)?(\d{1,2})", str(text).strip())
    if not found:
        raise InputError(f"{text!r} is no source of JUMP; write source_4, or 4")
    return f"source_{int(found[1])}"


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with one spelling of wells and sources, and every `Metadata_` column as text.

    Parameters
    ----------
    table : DataFrame
        With any of `Metadata_Source`, `Metadata_Well`, `Metadata_Plate`, ….

    Returns
    -------
    DataFrame
        A copy; plates with numbers for names keep their digits, missing values stay missing.

    Raises
    ------
    InputError
        As `well_name` and `source_name`.

    Examples
    --------
    >>> tidy(pd.DataFrame({"Metadata_Plate": [1053597806]}))["Metadata_Plate"].item()
    '1053597806'
    """
    table = table.copy()
    for name in table.columns[table.columns.str.startswith("Metadata_")]:
        table[name] = table[name].astype("string").str.removesuffix(".0").astype(object)
        table[name] = table[name].where(table[name].notna(), None)
    for name, spell in {"Metadata_Source": source_name, "Metadata_Well": well_name}.items():
        if name in table:
            known = {text: spell(text) for text in table[name].dropna().unique()}
            table[name] = table[name].map(known)
    return table
