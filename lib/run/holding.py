"""A lock on a profile's run folder, so that two runs never mix, and the clean end of a run."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Busy(RuntimeError):
    """Another run holds the profile."""


@contextmanager
def locked(run_dir: Path, *, command: str) -> Iterator[None]:
    """Hold a profile's run folder for this process.

    Parameters
    ----------
    run_dir : Path
        Folder of the profile; made if it is not there.
    command : str
        What runs, for the message that another run gets.

    Raises
    ------
    Busy
        If another run holds it; says which process, since when and with which command.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / ".lock").open("a+", encoding="utf-8") as file:
        try:
            # the kernel frees the lock when the process ends, whatever ends it
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)  # opened for appending, so that a holder's words are not cut
            holder = file.read().strip() or "a process that has not said its name"
            raise Busy(f"runs/{run_dir.name} is held by {holder}; wait for it or stop it") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} since {time.strftime('%H:%M:%S')}: {command}")
        file.flush()
        yield


@contextmanager
def interruptible() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C, so that what runs is stopped before this process ends.

    A signal that is ignored, as SIGHUP is under `nohup`, stays ignored.
    """

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    # SIGKILL cannot be heeded; what it leaves is swept by the next run
    heeded = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) != signal.SIG_IGN
    ]
    before = {number: signal.signal(number, interrupt) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
