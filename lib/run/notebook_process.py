"""Run one notebook with papermill in its own process, its kernel on private IPC sockets.

A `Process` starts `python -m lib.run.notebook_process`, which starts a kernel and loads libraries
until it is handed a notebook; then it runs the notebook and reports by a small JSON file. If the
caller dies, the child and its kernel die with it, whatever killed it.
"""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lib.run import numeric, store, warm
from lib.run.machine import HASHING, die_with_parent

NOT_OURS = (
    "PYTHONSTARTUP",
    "JUPYTER_PATH",
    "PYTHONOPTIMIZE",
)  # the last would drop every assertion
REPORT = "report.json"  # in the folder of the sockets
LONGEST_PLACE = 60  # bytes; the path of a socket below it has to fit in 104


@dataclass(frozen=True)
class Failure:
    """Where and why a notebook stopped.

    Parameters
    ----------
    cell : int
        Number of the code cell as a person counts them; 0 if it stopped outside of any.
    first_line : str
        First line of the cell.
    error : str
        Last line of the error.
    """

    cell: int
    first_line: str
    error: str


def private_folder(name: str) -> Path:
    """Make an empty folder for sockets that only this user can enter.

    Its path is short enough for them. The same `name` gives the same folder, so that one left over
    by a killed run is used again.

    Parameters
    ----------
    name : str
        Whom the folder is for, such as the path of a notebook.

    Returns
    -------
    Path
    """
    label = hashlib.sha256(name.encode()).hexdigest()[:10]
    # the shortest-lived place first
    places = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]
    usable = [
        place
        for place in places
        if 0 < len(os.fsencode(place)) <= LONGEST_PLACE and os.access(place, os.W_OK)
    ]
    place = Path(usable[0] if usable else tempfile.gettempdir())
    folder = place / f"compendium-{os.getuid()}-{label}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        if (
            # in a folder that all may write to, somebody else could have put a link there
            not stat.S_ISDIR(status.st_mode)
            or status.st_uid != os.getuid()
            or status.st_mode & 0o077
        ):
            return Path(tempfile.mkdtemp(prefix="compendium-", dir=place))
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    return folder


class Process:
    """A process for one notebook: it starts a kernel, loads libraries and waits to `begin`.

    Parameters
    ----------
    name : str
        Of the private folder of its sockets, see `private_folder`.
    log : Path
        Receives everything the process, the notebook and its libraries print.
    environment : mapping, optional
        Variables added to the kernel's environment.
    """

    def __init__(
        self, name: str, *, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.sockets, self.log = private_folder(name), log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lib.run.notebook_process", str(self.sockets)],
                cwd=store.ROOT,
                env={**clean_environment(self.sockets), **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid()),
            )

    def is_usable(self) -> bool:
        """Return whether the process still waits."""
        return self.process.poll() is None

    def begin(
        self, notebook: Path, executed: Path, *, params: Mapping[str, Any], log: Path
    ) -> None:
        """Hand the process its notebook; it has ended when `process` has.

        Parameters
        ----------
        notebook, executed : Path
            The stored notebook; where the executed copy goes, complete or as far as it came.
        params : mapping
            Injected after the `parameters` cell.
        log : Path
            What the process prints, and has printed, is there from now on.
        """
        executed.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.log, log)  # the file stays open: only its name changes
        job = {"notebook": str(notebook), "executed": str(executed), "params": dict(params)}
        with suppress(BrokenPipeError), self.process.stdin as stdin:  # its end is told by its exit
            stdin.write(json.dumps(job).encode() + b"\n")

    def close(self) -> Failure | None:
        """End the process and its kernel.

        Returns
        -------
        Failure or None
            How its notebook ended; None if every cell ran.
        """
        self.process.kill()
        self.process.wait()
        ended = _read_report(self.sockets / REPORT, self.process.returncode)
        shutil.rmtree(self.sockets, ignore_errors=True)
        return ended


def _read_report(report: Path, code: int) -> Failure | None:
    try:
        ended = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Failure(0, "", f"the notebook process {describe_exit(code)} before it could report")
    return Failure(**ended) if ended else None


def clean_environment(sockets: Path) -> dict[str, str]:
    """Return this environment without the user's own settings of Python and Jupyter.

    The numeric setting and repeatable hashing are put in.

    Parameters
    ----------
    sockets : Path
        Folder for the files of Jupyter and IPython.

    Returns
    -------
    dict of str to str
    """
    mine = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    ours = {
        "JUPYTER_RUNTIME_DIR": str(sockets),
        "IPYTHONDIR": str(sockets / "ipython"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        **HASHING,
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(store.ROOT), os.environ.get("PYTHONPATH")])
        ),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MATPLOTLIBRC": os.devnull,  # pictures do not depend on a user's matplotlibrc
    }
    return mine | numeric.environment() | ours


def describe_exit(code: int | None) -> str:
    """Say in words how a process ended.

    Parameters
    ----------
    code : int or None
        Exit status; negative for a signal, None while the process runs.

    Returns
    -------
    str
        Such as `was killed by signal 9 (SIGKILL)` or `exited with status 1`.
    """
    if code is None:
        return "stopped answering"
    if code >= 0:
        return f"exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    hint = "; out of memory is the usual cause" if -code == signal.SIGKILL else ""
    return f"was killed by signal {-code} ({name}{hint})"


def _manager(sockets: Path) -> Any:
    """Return a kernel manager for this very Python, on IPC sockets.

    The kernel dies with this process.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class Manager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name="Python 3", language="python")

        async def start_kernel(self, **options: Any) -> None:
            await super().start_kernel(
                **{**options, "preexec_fn": partial(die_with_parent, os.getpid())}
            )

    return Manager(
        transport="ipc", ip=str(sockets / "k"), connection_file=str(sockets / "kernel.json")
    )


def _start(sockets: Path) -> Any:
    """Start a kernel that loads libraries while this process loads its own; return its manager."""
    manager = _manager(sockets)
    arguments = ["--HistoryManager.hist_file=:memory:", f"--ext={warm.__name__}"]
    asyncio.run(manager.start_kernel(extra_arguments=arguments))
    return manager


def _run(job: Mapping[str, Any], manager: Any) -> Failure | None:
    """Execute the job's notebook here, in this process."""
    import papermill
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    started: list[
        tuple[int, str]
    ] = []  # cells begun so far: their number in the stored notebook, their source

    def begin(cell: Any, cell_index: int) -> None:
        injected = "injected-parameters" in cell["metadata"].get("tags", [])
        started.append((started[-1][0] + (not injected) if started else 1, cell["source"]))

    try:
        papermill.execute_notebook(
            job["notebook"],
            job["executed"],
            parameters=job["params"],
            cwd=store.ROOT,
            progress_bar=False,
            log_output=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stdout,
            request_save_on_cell_execute=False,
            km=manager,
            on_cell_start=begin,
        )
    except (PapermillExecutionError, CellExecutionError) as error:
        # of a long message the first and the last line say most
        summary = f"{error.ename}: {error.evalue}".strip().splitlines()
        return _failure(
            started, summary[0] if len(summary) == 1 else f"{summary[0]} … {summary[-1]}"
        )
    except DeadKernelError:
        process = getattr(manager.provisioner, "process", None)
        return _failure(started, f"the kernel {describe_exit(process.poll() if process else None)}")
    except Exception as error:  # anything but a cell: the kernel did not start, the disk is full
        traceback.print_exc()
        return _failure(started, f"{type(error).__name__}: {error}")
    return None


def _failure(started: list[tuple[int, str]], error: str) -> Failure:
    number, source = started[-1] if started else (0, "")
    lines = [line for line in source.splitlines() if line.strip()]
    return Failure(number, lines[0] if lines else "", error)


def main() -> int:
    """Run the job that comes as a line of JSON, and leave a report in the folder of the sockets."""
    sockets = Path(sys.argv[1])
    manager = _start(sockets)
    sys.modules["rfc3987_syntax"] = None  # jsonschema would parse a grammar of web addresses for it
    import papermill  # noqa: F401  loaded while there is nothing to do yet

    line = sys.stdin.readline()
    if not line:  # whoever started it has no notebook for it
        return 0
    failure = _run(json.loads(line), manager)
    store.write_json(sockets / REPORT, asdict(failure) if failure else None)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
