"""The numeric setting: which variables, that libraries obey them, and every way in which it does
not hold."""

import os
import subprocess
import sys

import pytest

from lib.run import notebook_process, numeric, store

CAPABILITY = """
import json, numpy, torch
from numpy._core._multiarray_umath import __cpu_features__ as found
print(json.dumps([torch.backends.cpu.get_cpu_capability(), found.get("X86_V4", False), torch.get_num_threads()]))
"""


@pytest.fixture
def fresh(monkeypatch):
    """An environment without the setting."""
    for variable in (
        *numeric.environment(),
        numeric.NUMPY_VARIABLE,
        *numeric.INSTRUCTIONS,
        numeric.VARIABLE,
    ):
        monkeypatch.delenv(variable, raising=False)
    numeric.is_possible.cache_clear()
    yield monkeypatch
    numeric.is_possible.cache_clear()


def python(code, **variables):
    environment = {**os.environ, "PYTHONPATH": str(store.ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )


def pretend(monkeypatch, tmp_path, flags, machine="x86_64"):
    """Let this processor be another one."""
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr(numeric, "Path", lambda _: tmp_path / "cpuinfo")
    monkeypatch.setattr(numeric.platform, "machine", lambda: machine)


def test_these_tests_run_under_the_setting():
    assert numeric.in_force() == numeric.name()


@pytest.mark.skipif(not numeric.is_possible(), reason="this processor has no x86-64-v3")
def test_libraries_obey_the_setting_and_it_reaches_children():
    code = "from lib.run import numeric; numeric.apply(); print(numeric.in_force())"
    assert python(code, **dict.fromkeys(numeric.environment(), "")).stdout.strip() == numeric.COMMON
    command = [sys.executable, "-m", "lib.run.numeric", sys.executable, "-c", CAPABILITY]
    bare = {name: value for name, value in os.environ.items() if name not in numeric.environment()}
    ran = subprocess.run(command, env=bare, cwd=store.ROOT, capture_output=True, text=True)
    assert ran.stdout.strip() == '["AVX2", false, 1]'


def test_too_late_is_refused_and_says_what_to_do():
    code = "import numpy\nfrom lib.run import numeric\nnumeric.apply()"
    ran = python(code, **dict.fromkeys(numeric.environment(), ""))
    if numeric.is_possible():
        assert "numpy loaded before the numeric setting (ARROW_USER_SIMD_LEVEL" in ran.stderr
    else:
        assert ran.returncode == 0
    assert python(code, **numeric.environment()).returncode == 0, (
        "it was set before: nothing is late"
    )
    assert (
        python(
            code, **{**dict.fromkeys(numeric.environment(), ""), numeric.VARIABLE: "native"}
        ).returncode
        == 0
    )


@pytest.mark.parametrize(
    ("flags", "machine", "expected"),
    [
        ("avx2 fma bmi1 bmi2 f16c abm movbe avx512f", "x86_64", "x86-64-v3"),
        ("sse4_2 avx", "x86_64", "native-x86_64"),
        ("fp asimd", "aarch64", "native-aarch64"),
    ],
)
def test_other_processors_are_native_and_say_so(fresh, tmp_path, flags, machine, expected):
    pretend(fresh, tmp_path, flags, machine)
    assert numeric.name() == expected
    assert bool(numeric.why_native()) == expected.startswith("native")
    if expected != numeric.COMMON:
        assert numeric.environment() == dict.fromkeys(numeric.THREADS, "1")
        assert f"({machine}) has no x86-64-v3" in numeric.why_native()


def test_it_can_be_switched_off_and_a_wrong_word_is_refused(fresh):
    fresh.setenv(numeric.VARIABLE, "native")
    assert numeric.name().startswith("native-") and set(numeric.environment()) == set(
        numeric.THREADS
    )
    fresh.setenv(numeric.VARIABLE, "nativ")
    with pytest.raises(
        numeric.NumericError, match="COMPENDIUM_NUMERIC='nativ' is unknown; leave it out"
    ):
        numeric.environment()


def test_a_process_that_was_started_without_it_says_so(fresh):
    assert numeric.in_force().startswith("unset: OMP_NUM_THREADS, ")
    for variable, value in numeric.environment().items():
        fresh.setenv(variable, value)
    assert numeric.in_force() == numeric.name()


def test_kernels_get_the_setting_and_nothing_of_the_users_that_changes_results(fresh, tmp_path):
    fresh.setenv("OMP_NUM_THREADS", "7")
    fresh.setenv("PYTHONOPTIMIZE", "1")
    fresh.setenv("MATPLOTLIBRC", str(tmp_path))
    environment = notebook_process.clean_environment(tmp_path)
    assert (
        environment.items() >= numeric.environment().items()
        and environment["OMP_NUM_THREADS"] == "1"
    )
    assert "PYTHONOPTIMIZE" not in environment, "assertions guard the results"
    (tmp_path / "matplotlibrc").write_text("axes.grid: True\n")
    code = (
        "import matplotlib; print(matplotlib.rcParams['axes.grid'], matplotlib.matplotlib_fname())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "MPLBACKEND": "agg", "MPLCONFIGDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ran.stdout.split() == ["False", os.devnull], ran.stderr
