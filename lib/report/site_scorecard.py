"""What the site says of published numbers and of the planted truth, from the values that this run measured."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from lib.report import published, scorecard
from lib.report.scorecard import DEFINED, DIFFERS, EXPLAINED, NEEDS_DATA, NOT_RUN, REPRODUCED, WITHIN

HOLDS, SHORT, NOT_MEASURED = "holds", "falls short", "not measured"
CLASSES = {
    REPRODUCED: "good",
    WITHIN: "near",
    EXPLAINED: "explained",
    DIFFERS: "bad",
    NEEDS_DATA: "absent",
    NOT_RUN: "absent",
    HOLDS: "good",
    SHORT: "bad",
}
"""Status → class of the style sheet; any other status is `absent`."""

_PLANTED = {REPRODUCED: HOLDS, WITHIN: HOLDS, EXPLAINED: SHORT, DIFFERS: SHORT, NOT_RUN: NOT_MEASURED}


def words(measured_dir: Path, *, ran: Collection[str]) -> dict:
    """Return what the pages show, by the names that the templates use.

    Parameters
    ----------
    measured_dir : Path
        Folder of the `*__measured.json` of this run.
    ran : collection of str
        Slugs of the notebooks that this run made.
    """
    measured, notes = scorecard.collect(measured_dir)
    table = scorecard.compare(published.load().values(), measured, notes, ran=ran)
    values = table[table["kind"] == "published"]
    planted = _planted(table[table["kind"] == "planted"])
    is_measured = values["basis"] == "measured"
    return {
        "classes": CLASSES,
        "overview": scorecard.overview(table).to_dict("records"),
        "counts": scorecard.summary(values[is_measured]),
        "n_defined": int(values.loc[~is_measured, "status"].isin([REPRODUCED, WITHIN]).sum()),
        "groups": [(name, _parts(rows)) for name, rows in values.groupby("figure", sort=False)],
        "planted": [(name, rows.to_dict("records")) for name, rows in planted.groupby("analysis", sort=False)],
        "planted_counts": {status: int(n) for status, n in planted["status"].value_counts(sort=False).items()},
    }


def _parts(rows: pd.DataFrame) -> dict[str, list[dict]]:
    """Return the values of a figure as measured here, missing, and defined or read back."""
    is_defined, is_absent = rows["basis"] == DEFINED, rows["status"].isin([NEEDS_DATA, NOT_RUN])
    parts = {
        "Measured": rows[~is_defined & ~is_absent],
        "Not measured here": rows[~is_defined & is_absent],
        "Defined or read back": rows[is_defined],
    }
    return {name: part.to_dict("records") for name, part in parts.items() if len(part)}


def _planted(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the planted claims with value, bound, spread over seeds (where known) and status."""
    return pd.DataFrame(
        {
            "id": rows["id"],
            "analysis": rows["analysis"],
            "quantity": rows["quantity"],
            "value": rows["reproduced"],
            "interval": "",
            "bound": rows["tolerance"].where(rows["tolerance"] != "exact", rows["published"]),
            "mean": float("nan"),
            "sd": float("nan"),
            "n_seeds": 0,
            "status": rows["status"].map(_PLANTED),
            "source": rows["source"],
            "note": rows["note"],
        }
    )
