"""Engines behind `lib.run.compute`: this process, this machine, Slurm or PBS, any Dask cluster.

Whatever the engine, a process runs one unit at a time: torch's random generators, the number of its
threads and the import of modules belong to a process, not to a thread. A worker with more threads
lets them wait.
"""

import os
import pickle
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from lib.run import job_queues, machine, numeric, pool

EXECUTOR_VARIABLE = "COMPENDIUM_EXECUTOR"
LOOK_SECONDS = 5.0  # between two looks at whether there are workers
ALONE = threading.RLock()
"""Held while a unit is loaded and runs."""


class ExecutorError(ValueError):
    """A description of an engine that cannot be understood."""


class NoWorkers(RuntimeError):
    """Units wait, and no worker has come for too long."""


class Executor(Protocol):
    """What an engine offers: it takes calls and hands out finished futures with a `result()`."""

    def submit(self, function: Callable[..., Any], *args: Any) -> Any: ...

    def completed(self, futures: list[Any]) -> Iterator[Any]: ...


@dataclass(frozen=True, eq=False)
class Call:
    """A call that is made when its result is asked for."""

    function: Callable[..., Any]
    args: tuple[Any, ...]

    def result(self) -> Any:
        return self.function(*self.args)


class Inline:
    """Run units one after the other in this process, each when its result is asked for."""

    def submit(self, function: Callable[..., Any], *args: Any) -> Call:
        return Call(function, args)

    def completed(self, futures: list[Call]) -> Iterator[Call]:
        yield from futures


def run_alone(payload: bytes, setting: str) -> Any:
    """Load a pickled call and make it, with no other one at the same time in this process.

    Loading imports modules, which two threads cannot do at once where modules import each other, as
    torch's do.

    Parameters
    ----------
    payload : bytes
        Function and arguments, pickled by cloudpickle.
    setting : str
        Numeric setting of the driver, from `lib.run.numeric.name`.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    NumericError
        If this worker does not compute under the driver's numeric setting: its numbers would be
        others.
    """
    with ALONE:
        numeric.apply()
        if numeric.in_force() != setting:
            raise numeric.NumericError(
                f"this worker computes under {numeric.in_force()}, the run under {setting}: give "
                f"both the same {numeric.VARIABLE} and processors of one kind"
            )
        function, args = pickle.loads(payload)
        return function(*args)


def _call(payload: bytes, setting: str) -> Any:
    from lib.run import engines

    return engines.run_alone(payload, setting)


# sent by value: a worker that cannot import `lib` then says so, and is not lost for ever
_call.__module__ = "__main__"


class Dask:
    """Run units on any Dask cluster.

    It gives up after `patience` seconds without any worker and says `advice`; at once where there
    is no worker and the batch system has `refused` a job.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.
    patience : float
        Seconds without any worker after which it gives up.
    advice : str
        What a person can do then; part of the error.
    refused : sequence of str
        What the batch system said when it refused jobs; with one, and no worker, it gives up at
        once.
    """

    def __init__(
        self, client: Any, *, patience: float, advice: str, refused: Sequence[str] = ()
    ) -> None:
        self.client, self.patience, self.advice, self.refused = client, patience, advice, refused

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        import cloudpickle

        return self.client.submit(
            _call, cloudpickle.dumps((function, args)), numeric.name(), pure=False
        )

    def completed(self, futures: list[Any]) -> Iterator[Any]:
        """Give the futures in the order in which they end.

        Parameters
        ----------
        futures : list of Future
            From `submit`.

        Yields
        ------
        Future
            In the order in which they end.

        Raises
        ------
        NoWorkers
            Naming how long none was there and what to do, or why jobs are refused.
        """
        # callbacks come from a thread of the client, so futures arrive by a queue
        ended: queue.SimpleQueue = queue.SimpleQueue()
        for future in futures:
            future.add_done_callback(ended.put)
        for _ in futures:
            yield self._next(ended)

    def _next(self, ended: queue.SimpleQueue) -> Any:
        seen = time.monotonic()
        while True:
            try:
                return ended.get(timeout=min(LOOK_SECONDS, self.patience))
            except queue.Empty:
                waited = time.monotonic() - seen
            # as long as a worker is there, the wait may be a long unit
            if self.client.nthreads():
                seen = time.monotonic()
            elif self.refused:
                raise NoWorkers(
                    f"the batch system refuses the jobs: {self.refused[-1]}. What is done is kept."
                )
            elif waited >= self.patience:
                raise NoWorkers(
                    f"no worker came for {waited:.0f} s. {self.advice}What is done is kept."
                )


@contextmanager
def open_executor(name: str | None = None, *, n_units: int = 2) -> Iterator[Executor]:
    """Yield the engine that `name` describes; it is closed with the block.

    No engine is started for no unit, nor on this machine for a single one.

    Parameters
    ----------
    name : str, optional
        `inline`, `local`, `local:N`, `slurm:FILE.yaml`, `pbs:FILE.yaml` or `tcp://HOST:PORT`;
        default from the runner, else `local` on all cores.
    n_units : int
        How many units there are to run; no more workers than that are started.

    Yields
    ------
    Executor

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

    kind, _, rest = name.partition(":")
    # for a cluster of someone else's, whose workers nobody here can start
    options: dict[str, Any] = {
        "patience": job_queues.PATIENCE,
        "advice": "Do its workers run? Do they find it? ",
    }
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(machine.DASK_SETTINGS))
        if kind in job_queues.SUBMIT:
            jobs = job_queues.read(kind, rest)
            options = {"patience": jobs.patience, "advice": jobs.advice(), "refused": []}
            cluster = stack.enter_context(job_queues.cluster(jobs, n_units, options["refused"]))
        elif kind == "local":
            # one worker per GPU: two units would share its memory
            n_workers = min(int(rest or machine.n_cores()), n_units, machine.n_gpus() or n_units)
            shared = stack.enter_context(pool.workers(n_workers))
            cluster = shared or stack.enter_context(machine.workers(n_workers))
        else:
            cluster = name
        yield Dask(stack.enter_context(Client(cluster)), **options)


def check_executor(name: str) -> None:
    """Check the description of an engine without starting it.

    Parameters
    ----------
    name : str
        As in `open_executor`.

    Raises
    ------
    ExecutorError
        Naming what is allowed; for jobs, also if the file or the command that sends them is
        missing.
    """
    kind, _, rest = name.partition(":")
    if name in ("inline", "local") or re.fullmatch(r"local:0*[1-9]\d*|(tcp|tls)://.+:\d+", name):
        return
    if kind not in job_queues.SUBMIT or not rest:
        raise ExecutorError(
            f"executor {name!r}: expected inline, local:N, slurm:FILE.yaml, pbs:FILE.yaml or "
            "tcp://HOST:PORT"
        )
    try:
        job_queues.read(kind, rest)
        job_queues.check_installed(kind)
    except job_queues.QueueError as error:
        raise ExecutorError(str(error)) from None
