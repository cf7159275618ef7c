"""Read and join the tables of JUMP: which reagent is in which well of which plate and batch.

Wells are joined to their reagents by `Metadata_JCP2022` and to their plates by source and plate.
What finds no partner on either side is counted and named, never dropped in silence.

References
----------
JUMP Cell Painting, https://github.com/jump-cellpainting/datasets: `plate.csv.gz`, `well.csv.gz`,
`orf.csv.gz`, `perturbation_control.csv`. Image2Reg, JUMP validation: 2,305 wells.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed
from lib.jump import names

CONTROL = "EMPTY"
BFP = "JCP2022_915128"
"""The control reagent that the paper calls EMPTY. JUMP's own "Empty" (JCP2022_999999) is a well
without any reagent and is another thing."""

_KEY = pa.Column(str, nullable=False)
_TEXT = pa.Column(str, nullable=True)
PLATES = pa.DataFrameSchema(
    {f"Metadata_{name}": _KEY for name in ("Source", "Batch", "Plate", "PlateType")},
    unique=["Metadata_Source", "Metadata_Plate"],
)
WELLS = pa.DataFrameSchema(
    {f"Metadata_{name}": _KEY for name in ("Source", "Plate", "Well", "JCP2022")},
    unique=["Metadata_Source", "Metadata_Plate", "Metadata_Well"],
)
ORFS = pa.DataFrameSchema(
    {
        "Metadata_JCP2022": pa.Column(str, nullable=False, unique=True),
        "Metadata_broad_sample": _TEXT,
        "Metadata_Symbol": _TEXT,
        "Metadata_NCBI_Gene_ID": _TEXT,
        "Metadata_pert_type": _TEXT,
    }
)
CONTROLS = pa.DataFrameSchema(
    {
        "Metadata_JCP2022": pa.Column(str, nullable=False, unique=True),
        "Metadata_pert_type": _KEY,
        "Metadata_Name": _KEY,
    }
)
FILES = {
    "plates": ("plate.csv.gz", PLATES),
    "wells": ("well.csv.gz", WELLS),
    "orfs": ("orf.csv.gz", ORFS),
    "controls": ("perturbation_control.csv", CONTROLS),
}


@dataclass(frozen=True)
class Tables:
    """The tables of JUMP that are joined.

    Parameters
    ----------
    plates, wells, orfs, controls : DataFrame
        As published, every identifier as text.
    """

    plates: pd.DataFrame
    wells: pd.DataFrame
    orfs: pd.DataFrame
    controls: pd.DataFrame


def read(folder: str | os.PathLike) -> Tables:
    """Read the four tables of a folder.

    Parameters
    ----------
    folder : path
        Holds `plate.csv.gz`, `well.csv.gz`, `orf.csv.gz`, `perturbation_control.csv`.

    Returns
    -------
    Tables

    Raises
    ------
    InputError
        For an absent file, a missing column or join key, or a key given twice.
    """
    return Tables(
        **{name: read_table(Path(folder) / file, name) for name, (file, _) in FILES.items()}
    )


def read_table(path: str | os.PathLike, name: str) -> pd.DataFrame:
    """Read one table with every identifier as text, in one spelling.

    Parameters
    ----------
    path : path
    name : str
        plates, wells, orfs or controls.

    Returns
    -------
    DataFrame

    Raises
    ------
    InputError
        As `read`.
    """
    table = names.tidy(tables.read(path, FILES[name][1], dtype=str))
    if name == "orfs":
        # "NA" is how this table says that it does not know; a gene id is never "NA"
        unknown = table["Metadata_NCBI_Gene_ID"] == "NA"
        table.loc[unknown, ["Metadata_Symbol", "Metadata_NCBI_Gene_ID"]] = None
    return table


def match(
    left: pd.DataFrame, right: pd.DataFrame, keys: Sequence[str], *, sides: tuple[str, str]
) -> tuple[pd.DataFrame, dict]:
    """Join two tables and say what each side lacks in the other.

    Parameters
    ----------
    left, right : DataFrame
        `right` has each key once.
    keys : sequence of str
        Columns of both.
    sides : (str, str)
        What the rows of either side are.

    Returns
    -------
    DataFrame
        The matched rows, in the order of `left`.
    dict
        One row of the report: `join`, `n_left`, `n_right`, `n_matched`, `n_left_only`,
        `n_right_only`, `left_only`, `right_only` (some keys).

    Raises
    ------
    InputError
        If a key column is absent, `right` has a key twice, or nothing matches.

    Examples
    --------
    >>> left = pd.DataFrame({"well": ["A01", "A02", "A03"]})
    >>> right = pd.DataFrame({"well": ["A02", "A03", "A04"]})
    >>> row = match(left, right, ["well"], sides=("images", "wells"))[1]
    >>> row["n_matched"], row["left_only"], row["right_only"]
    (2, 'A01', 'A04')
    """
    keys = list(keys)
    for side, table in zip(sides, (left, right), strict=True):
        if lacking := [key for key in keys if key not in table]:
            raise InputError(f"the table of {side} lacks the join key {listed(lacking)}")
    if (repeated := right.duplicated(keys)).any():
        what = "/".join(map(str, right.loc[repeated, keys].iloc[0]))
        raise InputError(f"the table of {sides[1]} has {what} twice; keep one row")
    both = left.merge(right, on=keys, how="left", indicator="_side")
    matched = both["_side"] == "both"
    stray = right.merge(left[keys].drop_duplicates(), on=keys, how="left", indicator="_side")
    others = stray.loc[stray["_side"] == "left_only", keys]
    if not matched.any():
        shown = [_shown(table[keys], limit=2) for table in (left, right)]
        raise InputError(
            f"none of {len(left)} {sides[0]} matches one of {len(right)} {sides[1]} by "
            f"{listed(keys)}; such as {shown[0]} against {shown[1]}; check how they are spelt"
        )
    return both[matched].drop(columns="_side").reset_index(drop=True), {
        "join": f"{sides[0]} and {sides[1]}",
        "n_left": len(left),
        "n_right": len(right),
        "n_matched": int(matched.sum()),
        "n_left_only": int((~matched).sum()),
        "n_right_only": len(others),
        "left_only": _shown(both.loc[~matched, keys]),
        "right_only": _shown(others),
    }


def join(found: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join wells with their reagents and plates.

    Parameters
    ----------
    found : Tables

    Returns
    -------
    DataFrame
        One row per well with an ORF, a control or nothing: `source`, `batch`, `plate`,
        `plate_type`, `well`, `jcp2022`, `reagent`, `symbol`, `gene_id` (NCBI), `pert_type` (trt,
        negcon, poscon, empty).
    DataFrame
        One row per join, from `match`.

    Raises
    ------
    InputError
        As `match`.
    """
    reagents = _reagents(found)
    wells, by_reagent = match(
        found.wells, reagents, ["Metadata_JCP2022"], sides=("wells", "reagents")
    )
    wells, by_plate = match(
        wells, found.plates, ["Metadata_Source", "Metadata_Plate"], sides=("wells", "plates")
    )
    columns = {
        "source": "Source",
        "batch": "Batch",
        "plate": "Plate",
        "plate_type": "PlateType",
        "well": "Well",
        "jcp2022": "JCP2022",
        "reagent": "broad_sample",
        "symbol": "Symbol",
        "gene_id": "NCBI_Gene_ID",
        "pert_type": "pert_type",
    }
    table = pd.DataFrame({ours: wells[f"Metadata_{theirs}"] for ours, theirs in columns.items()})
    order = ["source", "batch", "plate", "well"]
    return table.sort_values(order, ignore_index=True), pd.DataFrame([by_reagent, by_plate])


def _reagents(found: Tables) -> pd.DataFrame:
    """Return ORFs and the wells' other contents, with the type of every control by its id."""
    types = found.controls.set_index("Metadata_JCP2022")
    orfs = found.orfs.copy()
    by_id = orfs["Metadata_JCP2022"].map(types["Metadata_pert_type"])
    orfs["Metadata_pert_type"] = by_id.fillna("trt")  # by id, whatever the row itself says
    others = types[~types.index.isin(orfs["Metadata_JCP2022"])].reset_index()
    # only "Empty" stands in ORF plates; controls of other screens have rows of their own
    others = others[others["Metadata_pert_type"] == "empty"]
    others = others.assign(Metadata_Symbol=others["Metadata_Name"])
    return pd.concat([orfs, others.drop(columns="Metadata_Name")], ignore_index=True)


def _shown(keys: pd.DataFrame, *, limit: int = 4) -> str:
    rows = keys.drop_duplicates().astype(str).itertuples(index=False)
    return listed(map("/".join, rows), limit=limit)
