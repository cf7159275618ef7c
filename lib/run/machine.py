"""Cores and GPUs of this machine, and Dask workers that end with the process that starts them."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lib.run import numeric

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
HASHING = {
    "PYTHONHASHSEED": "1"
}  # the same in kernels and workers; Dask takes 0 for unset and puts its own number
BEFORE_PYTHON = "distributed.nanny.pre-spawn-environ"
DASK_SETTINGS = {
    # a long training step answers nobody, and is not lost
    "distributed.scheduler.worker-ttl": None,
    # a unit that kills its worker takes no other unit along
    "distributed.scheduler.worker-saturation": 1.0,
}


@contextmanager
def workers(n: int) -> Iterator[Any]:
    """Yield a Dask cluster of processes on this machine, each with a GPU where there are any.

    They compute under the numeric setting even where the process that starts them does not.

    Parameters
    ----------
    n : int
        Number of processes, of one thread each.

    Yields
    ------
    distributed.LocalCluster
    """
    import dask
    from distributed import Client, LocalCluster

    # set before Python starts: hashing and threads are read once
    environment = {**dask.config.get(BEFORE_PYTHON, {}), **numeric.environment(), **HASHING}
    with (
        dask.config.set({**DASK_SETTINGS, BEFORE_PYTHON: environment}),
        LocalCluster(
            n_workers=n,
            threads_per_worker=1,
            memory_limit=0,  # what one unit does not use, another may
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        ) as cluster,
    ):
        with Client(cluster) as client:
            _prepare_workers(client)
        yield cluster


def n_cores() -> int:
    """Return the number of cores that this process may use.

    On a cluster these are not all of the machine's.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[str]:
    """Return the names of the GPUs that this process may use, without starting any GPU library."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = [name.strip() for name in visible.split(",")]
        return [name for name in names if name not in ("", "-1")]
    try:
        # a GPU library would take its share of GPU memory
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [
        str(number)
        for number in range(sum(line.startswith("GPU ") for line in listing.stdout.splitlines()))
    ]


def n_gpus() -> int:
    """Return the number of GPUs that this process may use."""
    return len(gpus())


def die_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when its parent, process `parent`, ends; elsewhere do nothing.

    Meant as `preexec_fn`: it runs between fork and exec, and also ends this process if the parent
    is gone already.

    Parameters
    ----------
    parent : int
        Id of the parent process.
    """
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # the parent may have ended between fork and prctl
        if os.getppid() != parent:
            os._exit(1)


def _prepare_workers(client: Any) -> None:
    """Give each worker of this machine a GPU of its own, and let it die with this process.

    This holds for restarted workers too.
    """
    from distributed import WorkerPlugin

    devices = gpus()

    class Prepare(WorkerPlugin):
        def setup(self, worker: Any) -> None:
            die_with_parent(os.getppid())
            if devices:
                os.environ["CUDA_VISIBLE_DEVICES"] = devices[int(worker.name) % len(devices)]

    client.register_plugin(Prepare())
