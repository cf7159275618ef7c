"""Engines behind the seam of `lib.run.compute`: this process, this machine, a Slurm or any Dask cluster."""

import ctypes
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Protocol

import yaml

from lib.run import store

EXECUTOR_VARIABLE = "COMPENDIUM_EXECUTOR"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
DASK_SETTINGS = {
    "distributed.scheduler.worker-ttl": None,  # a long training step answers nobody, and is not lost
    "distributed.scheduler.worker-saturation": 1.0,  # a unit that kills its worker takes no other unit along
}


class ExecutorError(ValueError):
    """A description of an engine that cannot be understood."""


class Executor(Protocol):
    """What an engine must offer: submit a call, hand out finished futures."""

    def submit(self, function: Callable[..., Any], *args: Any) -> Any: ...

    def completed(self, futures: list[Any]) -> Iterator[Any]: ...


class Inline:
    """Run units one after the other in this process."""

    def submit(self, function: Callable[..., Any], *args: Any) -> Future:
        future: Future = Future()
        future.set_running_or_notify_cancel()
        future.work = (function, args)  # type: ignore[attr-defined]
        return future

    def completed(self, futures: list[Future]) -> Iterator[Future]:
        for future in futures:
            function, args = future.work  # type: ignore[attr-defined]
            try:
                future.set_result(function(*args))
            except Exception as error:  # reported as a failed unit by the caller
                future.set_exception(error)
            yield future


def _call(payload: bytes) -> Any:
    import pickle

    function, args = pickle.loads(payload)
    return function(*args)


_call.__module__ = "__main__"  # sent by value: a worker that cannot import `lib` then says so, and is not lost for ever


class Dask:
    """Run units on any Dask cluster."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        import cloudpickle

        return self.client.submit(_call, cloudpickle.dumps((function, args)), pure=False)

    def completed(self, futures: list[Any]) -> Iterator[Any]:
        from distributed import as_completed

        yield from as_completed(futures)


@contextmanager
def open_executor(name: str | None = None, *, n_units: int = 2) -> Iterator[Executor]:
    """Yield the engine that `name` describes; it is closed with the block.

    No engine is started for no unit, nor on this machine for a single one.

    Raises
    ------
    ExecutorError
        If `name` describes no engine.
    """
    name = name or os.environ.get(EXECUTOR_VARIABLE) or "local"
    check_executor(name)
    if name == "inline" or n_units < 1 or (n_units == 1 and name.startswith("local")):
        yield Inline()
        return
    import dask
    from distributed import Client

    with dask.config.set(DASK_SETTINGS), _cluster(name, n_units) as cluster, Client(cluster) as client:
        if name.startswith("local"):
            _prepare_workers(client)
        yield Dask(client)


def check_executor(name: str) -> None:
    """Check the description of an engine without starting it.

    Raises
    ------
    ExecutorError
        Naming what is allowed; for `slurm:FILE`, also if the file is missing or lacks what a job needs.
    """
    kind, _, rest = name.partition(":")
    if name in ("inline", "local") or re.fullmatch(r"local:0*[1-9]\d*|(tcp|tls)://.+:\d+", name):
        return
    if kind != "slurm" or not rest:
        raise ExecutorError(f"executor {name!r}: expected inline, local:N, slurm:FILE.yaml or tcp://HOST:PORT")
    _slurm_options(rest)


@contextmanager
def _cluster(name: str, n_units: int) -> Iterator[Any]:
    """Yield a Dask cluster, or the address of one that runs already."""
    kind, _, rest = name.partition(":")
    if kind in ("tcp", "tls"):
        yield name
    elif kind == "slurm":
        with _slurm(rest, n_units) as cluster:
            yield cluster
    else:
        from distributed import LocalCluster

        n_workers = min(int(rest or n_cores()), n_units, n_gpus() or n_units)
        with LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            memory_limit=0,  # what one unit does not use, another may
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        ) as cluster:
            yield cluster


def _slurm_options(file: str) -> dict[str, Any]:
    """Read a YAML file of `dask_jobqueue.SLURMCluster` options, with defaults that the units need."""
    path = store.resolve(file)
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ExecutorError(f"slurm:{file}: {error}") from None
    if not isinstance(options, dict) or not {"cores", "memory"} <= set(options):
        raise ExecutorError(f"slurm:{file}: expected options of dask_jobqueue.SLURMCluster, at least cores and memory")
    prologue = [f"export PYTHONPATH={shlex.quote(str(store.ROOT))}", *options.pop("job_script_prologue", [])]
    defaults = {
        "processes": options["cores"],
        "maximum_jobs": 16,
        "scheduler_options": {"dashboard_address": "127.0.0.1:0"},
    }
    return {**defaults, **options, "job_script_prologue": prologue}


def _slurm(file: str, n_units: int) -> Any:
    """Start a Slurm cluster that adapts between no job and `maximum_jobs` (in the file, default 16).

    A lost job is replaced, an idle one ends.
    """
    from dask_jobqueue import SLURMCluster

    options = _slurm_options(file)
    maximum = min(options.pop("maximum_jobs"), n_units)
    cluster = SLURMCluster(**options)
    cluster.adapt(minimum_jobs=0, maximum_jobs=maximum)
    return cluster


def n_cores() -> int:
    """Return the number of cores that this process may use, which on a cluster is not all of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[str]:
    """Return the names of the GPUs that this process may use, without starting any GPU library."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = [name.strip() for name in visible.split(",")]
        return [name for name in names if name not in ("", "-1")]
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [str(number) for number in range(sum(line.startswith("GPU ") for line in listing.stdout.splitlines()))]


def n_gpus() -> int:
    """Return the number of GPUs that this process may use."""
    return len(gpus())


def die_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when its parent, process `parent`, ends; elsewhere do nothing.

    Meant as `preexec_fn`: it runs between fork and exec, and also ends this process if the parent is gone already.
    """
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _prepare_workers(client: Any) -> None:
    """Give each worker of this machine a GPU of its own, and let it die with this process; restarted ones too."""
    from distributed import WorkerPlugin

    devices = gpus()

    class Prepare(WorkerPlugin):
        def setup(self, worker: Any) -> None:
            die_with_parent(os.getppid())
            if devices:
                os.environ["CUDA_VISIBLE_DEVICES"] = devices[int(worker.name) % len(devices)]

    client.register_plugin(Prepare())
