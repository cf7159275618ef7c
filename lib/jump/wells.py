"""Choose the wells of JUMP that are used: by a shared list of bad ones, by batch, by gene."""

import os
from collections.abc import Collection

import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed
from lib.jump import names
from lib.jump.metadata import BFP, CONTROL

LEFT_OUT = pa.DataFrameSchema({"reason": pa.Column(str, nullable=False)})


def leave_out(wells: pd.DataFrame, path: str | os.PathLike) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drop the batches, plates or wells of a list, as shared by whoever found them bad.

    Parameters
    ----------
    wells : DataFrame
        From `join`.
    path : path
        CSV with `reason` and any of `source`, `batch`, `plate`, `well`; an empty cell means all.
        An empty path drops nothing.

    Returns
    -------
    DataFrame
        The wells that are left.
    DataFrame
        The list with `n_wells`, how many each line took away.

    Raises
    ------
    InputError
        If the list names a batch, plate or source that is not there, or has none of the columns.
    """
    if not path:
        return wells, pd.DataFrame(columns=["batch", "plate", "well", "reason", "n_wells"])
    rules = tables.read(path, LEFT_OUT, dtype=str)
    keys = [name for name in ("source", "batch", "plate", "well") if name in rules]
    if not keys:
        raise InputError("none of source, batch, plate, well is a column", file=path)
    dropped, counts = pd.Series(False, index=wells.index), []
    for number, rule in enumerate(rules[keys].to_dict("records")):
        hit = pd.Series(True, index=wells.index)
        for key, value in rule.items():
            if pd.isna(value):
                continue
            value = names.well_name(value) if key == "well" else value
            if key != "well" and value not in set(wells[key]):
                known = listed(sorted(set(wells[key])))
                raise InputError(
                    f"{key} {value} is unknown; there are {known}", file=path, row=number + 2
                )
            hit &= wells[key] == value
        dropped |= hit
        counts.append(int(hit.sum()))
    return wells[~dropped].reset_index(drop=True), rules.assign(n_wells=counts)


def choose_batches(wells: pd.DataFrame, batches: Collection[str]) -> pd.DataFrame:
    """Keep the wells of some batches.

    Parameters
    ----------
    wells : DataFrame
        From `join`.
    batches : collection of str
        Empty = all.

    Returns
    -------
    DataFrame

    Raises
    ------
    InputError
        For a batch that is not there.
    """
    known = sorted(set(wells["batch"]))
    if unknown := [name for name in batches if name not in known]:
        raise InputError(f"batch {unknown[0]} is unknown; there are {listed(known)}")
    return wells[wells["batch"].isin(batches or known)].reset_index(drop=True)


def conditions(wells: pd.DataFrame, genes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the wells of some genes and of the paper's control, and name their condition.

    Parameters
    ----------
    wells : DataFrame
        From `join`.
    genes : DataFrame
        `symbol`, `gene_id`: the genes of the network; see `lib.jump.symbols.resolve`.

    Returns
    -------
    DataFrame
        `wells` with `gene_symbol`: the network's symbol, EMPTY for BFP.
    DataFrame
        One row per stage: `stage`, `n_wells`, `n_plates`, `n_batches`, `n_conditions`.

    Raises
    ------
    InputError
        If no well holds one of the genes, or none the control.

    References
    ----------
    Image2Reg, JUMP validation: 1,332 wells of 175 genes and 973 of BFP, 13 batches.
    """
    by_id = dict(zip(genes["gene_id"], genes["symbol"], strict=True))
    symbol = wells["gene_id"].map(by_id).where(wells["pert_type"] == "trt")
    symbol = symbol.mask(wells["jcp2022"] == BFP, CONTROL)
    kept = wells.assign(gene_symbol=symbol)[symbol.notna()].reset_index(drop=True)
    for what, there in {
        "of the network's genes": (kept["gene_symbol"] != CONTROL).any(),
        f"the control {BFP} (BFP)": (kept["gene_symbol"] == CONTROL).any(),
    }.items():
        if not there:
            raise InputError(f"no well holds any {what}; check well.csv.gz and orf.csv.gz")
    is_gene = kept["gene_symbol"] != CONTROL
    rows = {
        "wells with a reagent": wells.assign(gene_symbol=wells["jcp2022"]),
        "genes of the network and EMPTY": kept,
        "genes": kept[is_gene],
        "EMPTY (BFP)": kept[~is_gene],
    }
    return kept, pd.DataFrame([_stage(name, table) for name, table in rows.items()])


def _stage(name: str, table: pd.DataFrame) -> dict:
    return {
        "stage": name,
        "n_wells": len(table),
        "n_plates": table["plate"].nunique(),
        "n_batches": table["batch"].nunique(),
        "n_conditions": table["gene_symbol"].nunique(),
    }
