"""One warm pool of workers per run: a process that the runner starts and that notebooks ask.

The runner holds a `Pool`; the first notebook that runs starts its process, the first one with units
to compute its workers. Workers stay warm from notebook to notebook, with their libraries loaded,
and die with the run, whatever ends it; notebooks that run at the same time share them. While no
notebook uses them they are replaced if code was edited since they started, or if they still compute
for a notebook that is gone.

A notebook sends one line, the number of workers it can use, over a socket in a private folder and
gets one line back: the address of a Dask scheduler. It holds the connection for as long as it uses
the workers. Without a pool, as in JupyterLab, a notebook starts workers of its own.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from lib.run import machine, store

POOL_VARIABLE = "COMPENDIUM_POOL"
ANSWER_SECONDS = 120.0  # a loaded machine starts workers slowly
ADDRESS = "tcp://"  # how the address of a scheduler begins


class Pool:
    """The runner's side: it starts the pool's process when needed, and ends it with the run.

    Parameters
    ----------
    folder : Path
        Empty private folder for the socket.
    environment : mapping of str to str
        Environment of the workers.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Keep an empty private folder for the socket, and the environment of the workers."""
        self.folder, self.environment = folder, dict(environment)
        self.process: subprocess.Popen | None = None

    def variables(self) -> dict[str, str]:
        """Start the pool if it does not run, and return what a notebook needs to find it.

        Returns
        -------
        dict of str to str
            Variables for the notebook's environment.
        """
        path = self.folder / "pool"
        if self.process is None or self.process.poll() is not None:
            path.unlink(missing_ok=True)
            with socket.socket(
                socket.AF_UNIX
            ) as listener:  # bound here: a notebook never comes too early
                listener.bind(str(path))
                listener.listen()
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "lib.run.pool", str(listener.fileno())],
                    cwd=store.ROOT,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[listener.fileno()],
                    start_new_session=True,
                    preexec_fn=partial(machine.die_with_parent, os.getpid()),
                )
        return {POOL_VARIABLE: str(path)}

    def close(self) -> None:
        """End the process and with it the workers."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def workers(n: int) -> Iterator[str]:
    """Ask the run's pool for workers, and keep them for the time of the block.

    A pool that does not answer is reported on stderr; the caller then starts workers of its own,
    with the same results.

    Parameters
    ----------
    n : int
        How many the caller can use.

    Yields
    ------
    str
        Address of a scheduler that has them; empty where there is no pool.
    """
    path = os.environ.get(POOL_VARIABLE)
    with socket.socket(socket.AF_UNIX) as connection:
        yield _ask(connection, path, n) if path else ""


def _ask(connection: socket.socket, path: str, n: int) -> str:
    """Return the address that the pool answers; empty, with a word on stderr, if it does not."""
    try:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(path)
        with connection.makefile("rw", encoding="utf-8") as talk:
            print(n, file=talk, flush=True)
            answer = talk.readline().strip()
    except OSError as error:
        answer = str(error)
    # anything else is the text of an error
    if answer.startswith(ADDRESS):
        return answer
    print(
        f"the run's pool of workers does not answer ({answer or 'it has ended'}); starting others",
        file=sys.stderr,
    )
    return ""


class Workers:
    """The pool's side: the workers, started when first asked for, more when more are asked for."""

    def __init__(self) -> None:
        self.stack, self.cluster, self.started = ExitStack(), None, 0.0
        self.users: list[socket.socket] = []  # a notebook each

    def are_used(self) -> bool:
        """Return whether a notebook still holds its connection."""
        for user in [user for user in self.users if _is_closed(user)]:
            self.users.remove(user)
            user.close()
        return bool(self.users)

    def ready(self, n_workers: int) -> str:
        """Provide idle workers that have today's code.

        Parameters
        ----------
        n_workers : int
            How many are needed at least.

        Returns
        -------
        str
            Address of their scheduler.
        """
        # workers may have modules loaded that are no longer what the files say
        if (
            self.cluster is not None
            and not self.are_used()
            and (_edited_since(self.started) or self._busy())
        ):
            self.close()
        if self.cluster is None:
            self.started = time.time()
            self.cluster = self.stack.enter_context(machine.workers(n_workers))
        elif len(self.cluster.workers) < n_workers:
            self.cluster.scale(n_workers)
            self.cluster.wait_for_workers(n_workers, timeout=ANSWER_SECONDS)
        return self.cluster.scheduler_address

    def close(self) -> None:
        self.stack.close()
        self.cluster = None

    def _busy(self) -> bool:
        """Return whether a worker still computes; only a notebook that is gone can leave that."""
        from distributed import Client

        def executing(dask_worker: Any) -> int:
            return dask_worker.state.executing_count

        executing.__module__ = "__main__"  # sent by value: workers load no module of ours for it
        with Client(self.cluster) as client:
            return any(client.run(executing).values())


def _edited_since(moment: float) -> bool:
    return any(file.stat().st_mtime > moment for file in (store.ROOT / "lib").rglob("*.py"))


def _is_closed(connection: socket.socket) -> bool:
    """Return whether the other side has closed a connection, over which nothing more is sent."""
    with suppress(BlockingIOError):
        return not connection.recv(1, socket.MSG_DONTWAIT)
    return False


def main() -> None:
    """Answer notebooks, one after the other, on the socket whose number is on the command line."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    workers = Workers()
    while True:
        connection, _ = listener.accept()
        with connection.makefile("rw", encoding="utf-8") as talk:
            try:
                answer = workers.ready(int(talk.readline()))
            except Exception as error:  # told to the notebook, which starts workers of its own
                workers.close()
                answer = f"{type(error).__name__}: {' '.join(str(error).split())}"
            try:
                print(answer, file=talk, flush=True)
            except OSError:  # the notebook was killed while it waited
                connection.close()
                continue
        workers.users.append(connection)


if __name__ == "__main__":
    main()
