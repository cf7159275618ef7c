"""The committed pictures: as wide as a journal prints them, legible, with origin on them, units in their tables."""

import pytest
from pictures import faults

from lib.run import pipeline, store

FOLDER = store.ROOT / "figures/mini"
PLANNED = [f"{step.slug}__{panel}" for step in pipeline.load("mini").steps for panel in step.figures]


@pytest.mark.parametrize("name", PLANNED)
def test_a_committed_picture_has_no_fault(name):
    assert not faults(FOLDER, name)


def test_no_other_picture_is_committed():
    assert {path.stem for path in FOLDER.glob("*__*.svg")} == set(PLANNED)
