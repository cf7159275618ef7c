"""Units through a real Slurm of one node: cancelled jobs and a killed driver change no byte, no run
waits for ever."""

import os
import shutil
import signal
import subprocess
import time

import pytest
import toy
import toy_slurm
import yaml

from lib.run import engines

pytestmark = pytest.mark.slurm

UNITS = ("--set", "double.n_units=8", "--set", "double.pause=1.0")
COPIED = ("lib", "notebooks", "params", "pipeline.toml", "run_all.py")
WAIT_SECONDS = 900  # loaded machines are slow


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """The environment of a Slurm that runs; its commands are found by the tests and by what they
    start."""
    with toy_slurm.slurm(tmp_path_factory.mktemp("slurm") / "slurm") as environment:
        before = dict(os.environ)
        os.environ.update(environment)
        yield environment
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Path → bytes of what the toy makes without Slurm."""
    folder = toy.build(tmp_path_factory.mktemp("expected") / "toy")
    assert toy.run(folder, *UNITS, "--cluster", "inline").returncode == 0
    return toy.contents(folder)


@pytest.fixture
def folder(tmp_path, slurm):
    yield describe(toy.build(tmp_path / "toy"))
    if left := toy_slurm.jobs(slurm):
        subprocess.run(["scancel", *left], env=slurm)


def results(folder):
    """Return path → bytes of what counts; what jobs print does not."""
    return {
        name: content
        for name, content in toy.contents(folder).items()
        if not name.startswith("runs/jobs")
    }


def describe(folder, **options):
    """Write the example file for Slurm, with what a single small machine needs, into a
    compendium."""
    example = yaml.safe_load((toy.ROOT / "params" / "clusters" / "slurm.yaml").read_text())
    small = {"interface": "lo", "memory": "1GB", "walltime": "00:30:00", "maximum_jobs": 2}
    (folder / "cluster.yaml").write_text(
        yaml.safe_dump({**example, **small, "worker_timeout_seconds": 120, **options})
    )
    return folder


def start(folder, *arguments):
    return toy.start(folder, *arguments, "--cluster", "slurm:cluster.yaml")


def ended(process, code=0):
    """Wait for a run, check its exit status and return all it said."""
    told = "\n".join(process.communicate(timeout=WAIT_SECONDS))
    assert process.returncode == code, told
    return told


def wait_for_units(folder, process, n, name="double"):
    """Wait until `n` units are done, and say that the run still goes on."""
    until = time.monotonic() + WAIT_SECONDS
    while len(list(folder.glob(f"runs/*/units/{name}/[!.]*"))) < n:
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.1)


def test_units_in_jobs_give_the_bytes_of_this_process(folder, expected):
    ended(start(folder, *UNITS))
    assert results(folder) == expected
    assert list((folder / "runs" / "jobs").iterdir()), "what jobs print is kept where the file says"


@pytest.mark.parametrize("how_many", ["one", "all"])
def test_cancelled_jobs_are_replaced(folder, slurm, expected, how_many):
    process = start(folder, *UNITS)
    wait_for_units(folder, process, 1)
    jobs = toy_slurm.jobs(slurm, "RUNNING")
    subprocess.run(["scancel", *(jobs[:1] if how_many == "one" else jobs)], env=slurm, check=True)
    ended(process)
    assert results(folder) == expected


def test_a_killed_driver_goes_on_with_the_same_command(folder, slurm, expected):
    process = start(folder, *UNITS)
    wait_for_units(folder, process, 2)
    process.kill()
    process.communicate()
    done = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/units/double/[!.]*")}
    ended(start(folder, *UNITS))
    assert results(folder) == expected
    assert all(path.stat().st_mtime_ns == written for path, written in done.items()), (
        "what was done ran again"
    )


def test_where_no_worker_comes_the_run_ends_and_says_what_to_do(folder, slurm, expected):
    describe(folder, worker_timeout_seconds=8)
    node = toy_slurm.told(["sinfo", "-h", "-o", "%n"], slurm).strip()
    subprocess.run(
        ["scontrol", "update", f"nodename={node}", "state=drain", "reason=test"],
        env=slurm,
        check=True,
    )
    try:
        told = ended(start(folder, *UNITS), code=1)
    finally:
        subprocess.run(
            ["scontrol", "update", f"nodename={node}", "state=resume"], env=slurm, check=True
        )
    assert (
        "NoWorkers: no worker came for " in told and "`squeue --me` tells whether jobs wait" in told
    )
    assert (
        "raise worker_timeout_seconds in cluster.yaml (now 8)" in told
        and "What is done is kept." in told
    )
    assert "--cluster slurm:cluster.yaml" in told, "the command to go on"
    until = time.monotonic() + 60
    while toy_slurm.jobs(slurm, "PENDING") and time.monotonic() < until:
        time.sleep(0.2)
    assert not toy_slurm.jobs(slurm, "PENDING"), "jobs nobody waits for are withdrawn"
    ended(start(describe(folder), *UNITS))
    assert results(folder) == expected


def test_a_job_that_slurm_refuses_ends_the_run_with_its_reason(folder):
    began = time.monotonic()
    told = ended(start(describe(folder, queue="nope"), *UNITS), code=1)
    assert (
        "NoWorkers: the batch system refuses the jobs: sbatch: error: invalid partition specified: "
        "nope" in told
    )
    assert time.monotonic() - began < 100, "before the 120 s in which no worker came are over"


def test_slurm_is_named_when_it_is_not_here(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(engines.ExecutorError, match="slurm: the command sbatch is not here"):
        engines.check_executor(f"slurm:{folder / 'cluster.yaml'}")


def test_the_screen_of_smoke_with_jobs_cancelled_and_the_driver_killed(tmp_path, slurm):
    """Three notebooks, simulated plates to the impact screen, against the same run in this
    process."""
    arguments = ("impact_screen", "--profile", "smoke")
    folders = [tmp_path / "local", tmp_path / "slurm"]
    for folder in folders:
        folder.mkdir()
        for name in COPIED:
            copy = shutil.copytree if (toy.ROOT / name).is_dir() else shutil.copy
            copy(toy.ROOT / name, folder / name)
    local, there = folders
    ended(toy.start(local, *arguments, "--cluster", "inline"))
    process = start(describe(there), *arguments)
    wait_for_units(there, process, 1, "impact_screen")
    subprocess.run(["scancel", *toy_slurm.jobs(slurm, "RUNNING")[:1]], env=slurm, check=True)
    wait_for_units(there, process, 2, "impact_screen")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    process = start(there, *arguments)
    wait_for_units(there, process, 3, "impact_screen")
    subprocess.run(["scancel", *toy_slurm.jobs(slurm)], env=slurm, check=True)
    ended(process)
    found, wanted = results(there), toy.contents(local)
    assert any("units/impact_screen" in name for name in wanted) and set(found) == set(wanted)
    assert not [name for name in wanted if found[name] != wanted[name]]
