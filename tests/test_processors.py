"""The same bytes on a real processor and on two emulated ones, for every kind of unit and every
other computation.

Marked slow: emulation takes some fifty times as long. Needs Linux on x86-64 and QEMU's user mode,
`qemu-x86_64`, as in Debian 13: that of Debian 12 sorts wrongly.
"""

import ast
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import kinds
import pytest

from lib.run import keys, numeric, store

PROCESSORS = ("Haswell", "EPYC-Rome")
"""An Intel of 2013 and an AMD of 2019; neither has AVX-512."""

NOT_EMULATED = {"umap"}
"""Its compiler takes half an hour there, see
`test_compiled_code_is_for_the_common_processor`."""

SORTS = """
import numpy as np
values = np.random.default_rng(0).integers(0, 40, 1000)
assert (np.sort(values) == values[np.argsort(values)]).all()
"""
"""Fails in QEMU 7.2, which takes an instruction of NumPy's sort for another."""

pytestmark = pytest.mark.skipif(
    not numeric.is_possible(), reason="this processor has no x86-64-v3 (AVX2 and FMA)"
)


def environment() -> dict[str, str]:
    """Return that of a kernel; an emulated Python finds its packages by path, as it does not see
    its .venv."""
    ours = {
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join([str(store.ROOT), sysconfig.get_path("purelib")]),
    }
    return {**os.environ, **numeric.environment(), **ours}


def python_on(processor: str) -> list[str]:
    """Return the command of Python on an emulated processor, or on this one if it has no name."""
    emulated = ["qemu-x86_64", "-cpu", processor] if processor else []
    return [*emulated, str(Path(sys.executable).resolve())]


def start(folder: Path, processor: str, names: list[str]) -> subprocess.Popen:
    places = [str(folder / "in"), str(folder / (processor or "real"))]
    command = [*python_on(processor), kinds.__file__, "run", *places, *names]
    log = (folder / f"{processor or 'real'}.log").open("w")
    return subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=log, text=True
    )


def told(process: subprocess.Popen) -> dict[str, str]:
    """Return kind → hash, or the last line of its error."""
    output, _ = process.communicate()
    rows = [line.split("\t") for line in output.splitlines()]
    return {name: found for name, found, _ in rows}


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("qemu-x86_64"), reason="qemu-x86_64 is missing; apt-get install qemu-user"
)
def test_every_kind_gives_the_same_bytes_on_three_processors(tmp_path):
    probe = [*python_on(PROCESSORS[0]), "-c", SORTS]
    if subprocess.run(probe, env=environment(), stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this qemu-x86_64 sorts wrongly; that of QEMU 10 does not")
    prepare = [sys.executable, kinds.__file__, "prepare", str(tmp_path / "in")]
    subprocess.run(prepare, env=environment(), check=True)
    names = [name for name in (*kinds.UNITS, *kinds.COMPUTATIONS) if name not in NOT_EMULATED]
    running = {processor: start(tmp_path, processor, names) for processor in ("", *PROCESSORS)}
    found = {processor: told(process) for processor, process in running.items()}
    real = found.pop("")
    assert list(real) == names and all(len(value) == 64 for value in real.values()), real
    different = {
        processor: {
            name: hashes.get(name, "no answer") for name in names if hashes.get(name) != real[name]
        }
        for processor, hashes in found.items()
    }
    assert different == dict.fromkeys(PROCESSORS, {})


def test_every_function_that_runs_as_a_unit_has_a_kind():
    """Looks at every call of `run_units` in `lib` and in the notebooks."""
    lib, notebooks = (
        Path(store.ROOT, "lib").rglob("*.py"),
        Path(store.ROOT, "notebooks").glob("*.ipynb"),
    )
    sources = [file.read_text(encoding="utf-8") for file in lib]
    sources += [cell["source"] for file in notebooks for cell in keys.notebook_cells(file)]
    called = set()
    for source in sources:
        if "run_units(" in source:
            calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
            called |= {
                ast.unparse(node.args[0]).rpartition(".")[2] for node in calls if _runs_units(node)
            }
    named = {name.partition(",")[0].rpartition(" ")[2] for name in kinds.UNITS}
    assert len(called) >= 20 and called <= named


def _runs_units(node: ast.Call) -> bool:
    return bool(node.args) and ast.unparse(node.func).rpartition(".")[2] == "run_units"


def test_compiled_code_is_for_the_common_processor():
    """Numba compiles UMAP for the processor that the setting names, not for the one it runs on."""
    code = (
        "import numba\n"
        "root = numba.njit('f8(f8[:])', fastmath=True)(lambda x: (x * x).sum())\n"
        "asm = ''.join(root.inspect_asm().values())\n"
        "print(numba.config.CPU_NAME, repr(numba.config.CPU_FEATURES), 'zmm' in asm)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True
    )
    assert ran.stdout.split() == [numeric.COMMON, "''", "False"], ran.stderr
