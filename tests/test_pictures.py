"""The committed pictures: as wide as a journal prints them, legible, with origin on them, units in
their tables."""

import pytest
from pictures import faults, planned

from lib.run import pipeline, store

FOLDER = store.ROOT / "figures/mini"


@pytest.mark.parametrize("name", planned())
def test_a_committed_picture_has_no_fault(name):
    assert not faults(FOLDER, name)


def test_no_picture_is_committed_that_no_notebook_makes():
    every = {
        f"{step.slug}__{panel}" for step in pipeline.load("mini").steps for panel in step.figures
    }
    assert {path.stem for path in FOLDER.glob("*__*.svg")} <= every
