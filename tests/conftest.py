"""Shared fixtures. Tests marked `real` read public data beside the project and are skipped where it
is absent."""

import os
from pathlib import Path

from lib.run import machine, numeric

numeric.apply()  # before anything that computes is imported

import pytest  # noqa: E402
import toy_slurm  # noqa: E402

MOST_PROCESSES = 8  # each holds torch and its data, some 1.5 GB
ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("COMPENDIUM_REAL_DATA", ROOT.parent / "shared"))


def pytest_collection_modifyitems(items):
    lacking = toy_slurm.missing()
    for item in items:
        if "slurm" in item.keywords and lacking:
            reason = (
                f"no real Slurm: {', '.join(lacking)} not installed; `make test-slurm` installs it "
                "where it may"
            )
            item.add_marker(pytest.mark.skip(reason=reason))
    if REAL.is_dir():
        return
    for item in items:
        if "real" in item.keywords:
            item.add_marker(
                pytest.mark.skip(reason=f"real data not found at {REAL}; set COMPENDIUM_REAL_DATA")
            )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` takes: the cores of this job, and no more than memory has
    room for."""
    return min(machine.n_cores(), MOST_PROCESSES)


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of the real public data: `data/` and `reference/`."""
    return REAL
