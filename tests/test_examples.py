"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = sorted(
    path.name for path in (ROOT / "lib").iterdir() if (path / "__init__.py").is_file()
)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_example_gives_what_it_shows(package):
    n_tried = 0
    for path in sorted((ROOT / "lib" / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found = doctest.testmod(importlib.import_module(name))
        assert found.failed == 0, f"{name}: see the captured output"
        n_tried += found.attempted
    assert n_tried > 0, f"lib/{package} shows no example"
