"""Join the plates of a run: the table of nuclei, what was lost in which field, and counts per
stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lib.images import nuclei
from lib.images.metadata_schema import INHERITED
from lib.images.nuclei_store import NucleiStore


def collect(stores: Mapping[str, Path], *, seed: int = 1234) -> pd.DataFrame:
    """Return the nuclei of a run, ordered by plate, field and label.

    As published, the elongation clusters and the nuclei counted in a field include nuclei that pass
    the filters but do not fit the padded square; these have no row of their own here.

    Parameters
    ----------
    stores : mapping of str to Path
        Plate → store, from `lib.images.extraction.extract_screen`.
    seed : int
        As in `lib.images.nuclei.elongation_clusters`.

    Returns
    -------
    DataFrame
        One row per stored nucleus, with the columns of `lib.images.nuclei.COLUMNS`; `row` is its
        row in the plate's store.

    References
    ----------
    Image2Reg's table of nuclei, one row per padded nucleus.
    """
    tables = [
        NucleiStore(stores[plate]).table("nuclei") for plate in sorted(stores, key=_plate_order)
    ]
    every = nuclei.add_field_columns(
        pd.concat([table for table in tables if len(table)] or tables), seed=seed
    )
    order = [name for name in (*INHERITED, *nuclei.GEOMETRY, *nuclei.EXTRA) if name in every]
    return every.loc[every["row"] >= 0, order].reset_index(drop=True)


def read_report(stores: Mapping[str, Path]) -> pd.DataFrame:
    """Return what became of every field.

    Parameters
    ----------
    stores : mapping of str to Path
        Plate → store, from `lib.images.extraction.extract_screen`.

    Returns
    -------
    DataFrame
        One row per field: `plate`, `well`, `gene_symbol`, `slide_image_name`, `n_objects` in its
        mask, `lost_<rule>` for each rule, `n_nuclei` kept, `problem` (empty if none).
    """
    reports = [
        NucleiStore(stores[plate]).table("report") for plate in sorted(stores, key=_plate_order)
    ]
    return pd.concat(reports, ignore_index=True)


def stage_counts(report: pd.DataFrame) -> pd.DataFrame:
    """Count fields, wells, symbols and nuclei after each step, and say why the others went.

    Parameters
    ----------
    report : DataFrame
        From `read_report`.

    Returns
    -------
    DataFrame
        One row per stage: `stage`, `n_fields`, `n_wells`, `n_symbols`, `n_nuclei`, `n_excluded`
        (fields, then nuclei), `reason`.
    """
    lost = report[[f"lost_{rule}" for rule in nuclei.LOSSES]]
    filtered = report["n_objects"] - lost[[f"lost_{rule}" for rule in nuclei.RULES]].sum(axis=1)
    problems = report["problem"][report["problem"] != ""]
    # the words before the colon name the kind, those after it the file
    kinds = problems.str.split(":", n=1).str[0].value_counts().sort_index()
    rows = [
        _stage("objects in fields", report, report["n_objects"], len(problems), kinds),
        _stage(
            "nuclei within the limits",
            report,
            filtered,
            None,
            lost.iloc[:, : len(nuclei.RULES)].sum(),
        ),
        _stage(
            "nuclei padded",
            report,
            report["n_nuclei"],
            None,
            lost.iloc[:, len(nuclei.RULES) :].sum(),
        ),
    ]
    return pd.DataFrame(rows)


def _stage(
    stage: str,
    report: pd.DataFrame,
    n_nuclei: pd.Series,
    n_excluded: int | None,
    reasons: pd.Series,
) -> dict[str, Any]:
    there = report[n_nuclei > 0]  # fields that have a nucleus left
    return {
        "stage": stage,
        "n_fields": len(there),
        "n_wells": there.groupby(["plate", "well"]).ngroups,
        "n_symbols": there["gene_symbol"].nunique(),
        "n_nuclei": int(n_nuclei.sum()),
        "n_excluded": int(reasons.sum()) if n_excluded is None else n_excluded,
        "reason": ", ".join(
            f"{str(name).removeprefix('lost_')}: {n}" for name, n in reasons.items() if n
        ),
    }


def _plate_order(plate: str) -> tuple[int, str]:
    return (int(plate), "") if plate.isdigit() else (0, plate)  # 2 before 10
