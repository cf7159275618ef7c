"""The notebook processes of a run: those at work, and one that waits, warm, for the next
notebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lib.run import compute
from lib.run.notebook_process import Failure, Process


@dataclass(frozen=True)
class Kernel:
    """A notebook process and what belongs to it.

    Parameters
    ----------
    place : int
        Tells its folder of sockets and its files from those of the others.
    process : Process
        Waits for its notebook, or runs it.
    units_file : Path
        JSON file in which its notebook tells how many of its units are done.
    """

    place: int
    process: Process
    units_file: Path


class Kernels:
    """Hands out notebook processes; starts the next one while the others work.

    Parameters
    ----------
    run_dir : Path
        Folder of the run.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.ahead: Kernel | None = None
        self.taken: set[int] = set()

    def take(self, environment: Mapping[str, str], *, start_next: bool) -> Kernel:
        """Return a process for a notebook.

        Parameters
        ----------
        environment : mapping of str to str
            Variables added to the kernel's environment, the same in the whole run.
        start_next : bool
            Whether another notebook may follow, whose process shall start meanwhile.

        Returns
        -------
        Kernel
        """
        if self.ahead and not self.ahead.process.is_usable():
            self.drop()
        kernel, self.ahead = self.ahead or self._start(environment), None
        if start_next:
            self.ahead = self._start(environment)
        return kernel

    def release(self, kernel: Kernel) -> Failure | None:
        """End a process.

        Parameters
        ----------
        kernel : Kernel
            One of `take`.

        Returns
        -------
        Failure or None
            How its notebook ended; None if every cell ran.
        """
        ended = kernel.process.close()
        kernel.units_file.unlink(missing_ok=True)
        self.taken.discard(kernel.place)
        return ended

    def drop(self) -> None:
        """End the process that waits for a notebook, if there is one."""
        if self.ahead is not None:
            self.release(self.ahead)
            self.ahead.process.log.unlink(missing_ok=True)
            self.ahead = None

    def _start(self, environment: Mapping[str, str]) -> Kernel:
        place = next(number for number in range(len(self.taken) + 1) if number not in self.taken)
        self.taken.add(place)
        logs = self.run_dir / "logs"
        units_file = logs / f"units_{place}.json"
        units_file.unlink(missing_ok=True)
        process = Process(
            f"{self.run_dir}/notebook/{place}",
            log=logs / f".waiting_{place}.log",
            environment={**environment, compute.PROGRESS_VARIABLE: str(units_file)},
        )
        return Kernel(place, process, units_file)
