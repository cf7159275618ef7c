"""The site's words on published numbers and the planted truth, from what this run measured."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from lib.report import claims, published, scorecard
from lib.report.claims import HOLDS, SHORT
from lib.report.scorecard import (
    DEFINED,
    DIFFERS,
    EXPLAINED,
    NEEDS_DATA,
    NOT_RUN,
    REPRODUCED,
    WITHIN,
)

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


def words(measured_dir: Path, profile: str, *, ran: Collection[str]) -> dict:
    """Return what the pages show, by the names that the templates use.

    Parameters
    ----------
    measured_dir : Path
        Folder of the `*__measured.json` of this run.
    profile : str
        Planted claims have their bounds by profile.
    ran : collection of str
        Slugs of the notebooks that this run made.

    Returns
    -------
    dict
        `classes`, `overview`, `counts`, `n_defined` and `groups` of the scorecard; `planted` and
        `planted_counts` of the planted truth.

    Raises
    ------
    ValueError
        If two notebooks measured one claim.
    """
    entries = published.load()
    every, notes = claims.collect(measured_dir)
    # planted claims have a page of their own
    measured = {name: value for name, value in every.items() if name in entries}
    values = scorecard.compare(entries.values(), measured, notes, ran=ran)
    table = claims.table(measured_dir, profile)
    planted = table[table["kind"] == "planted"]
    # definitions that are read back would flatter the counts
    is_measured = values["basis"] == "measured"
    return {
        "classes": CLASSES,
        "overview": scorecard.overview(values).to_dict("records"),
        "counts": scorecard.summary(values[is_measured]),
        "n_defined": int(values.loc[~is_measured, "status"].isin([REPRODUCED, WITHIN]).sum()),
        "groups": [(name, _parts(rows)) for name, rows in values.groupby("figure", sort=False)],
        "planted": [
            (name, rows.to_dict("records"))
            for name, rows in planted.groupby("analysis", sort=False)
        ],
        "planted_counts": {
            status: int(n) for status, n in planted["status"].value_counts(sort=False).items()
        },
    }


def _parts(rows: pd.DataFrame) -> dict[str, list[dict]]:
    """Return the values of a figure as measured here, missing, and defined or read back."""
    # each row falls into exactly one part
    is_defined, is_absent = rows["basis"] == DEFINED, rows["status"].isin([NEEDS_DATA, NOT_RUN])
    parts = {
        "Measured": rows[~is_defined & ~is_absent],
        "Not measured here": rows[~is_defined & is_absent],
        "Defined or read back": rows[is_defined],
    }
    return {name: part.to_dict("records") for name, part in parts.items() if len(part)}
