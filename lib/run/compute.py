"""The one seam for parallel work: units, and the executors that run them.

A unit is a call of a function of `lib` that writes one file. Done means that the file is there. Its
name carries a hash of its arguments, of the code it calls, of versions and of its seed, so a unit
is never taken for another one. Order, worker, number of workers and of threads change no number: a
seed comes from the base seed and the unit's name alone, and a unit computes with one thread, alone
in its process.
"""

import hashlib
import inspect
import json
import os
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lib.run import engines, keys, numeric, store
from lib.run.reach import MEMORY, Code, Reach
from lib.run.syntax import PROJECT

PROGRESS_VARIABLE = "COMPENDIUM_PROGRESS"

UnitFunction = Callable[..., None]

LOADED = time.time()  # what changes on disk after this moment is not what this process runs
N_SHOWN = 10  # failed units named in one message

_hash = keys.Hashes()  # a file that many units read is hashed once
_sources = Code(memory=store.ROOT / "runs" / MEMORY)


class StaleCode(RuntimeError):
    """The files of a unit's code were edited after this process had imported them."""


class UnitsFailed(RuntimeError):
    """Some units failed; the others are done and stay.

    Parameters
    ----------
    errors : mapping of str to str
        Name of a failed unit → last line of its error.
    directory : Path
        Folder of the units' files, where the tracebacks are.
    n_units : int
        All units of the call.
    """

    def __init__(self, errors: Mapping[str, str], directory: Path, *, n_units: int) -> None:
        self.errors = dict(errors)
        shown = [f"{name}: {error}" for name, error in self.errors.items()][:N_SHOWN]
        more = [f"and {len(self.errors) - N_SHOWN} more"] if len(self.errors) > N_SHOWN else []
        listing = "; ".join(shown + more)
        super().__init__(
            f"{len(self.errors)} of {n_units} units failed ({listing}). What the others made is "
            f"kept. Tracebacks: {_relative(directory)}/*.error.txt. Mend the cause and give the "
            "same command again."
        )


def unit_seed(seed: int, name: str) -> int:
    """Derive the seed of a unit from the base seed and the unit's name.

    Parameters
    ----------
    seed : int
        Base seed.
    name : str
        Name of the unit.

    Returns
    -------
    int
        64 bits of a hash.
    """
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")


def unit_path(
    function: UnitFunction,
    name: str,
    arguments: Mapping[str, Any],
    *,
    directory: Path,
    suffix: str,
    seed: int,
) -> Path:
    """Return where a unit's result lies: `directory/name-<hash><suffix>`.

    Arguments that are paths, of files or folders, count by their content.

    Parameters
    ----------
    function : callable
        A function of `lib`, as in `run_units`.
    name : str
        Name of the unit.
    arguments : mapping
        Its keyword arguments: paths, or plain JSON values.
    directory : Path
        Folder of the units' files.
    suffix : str
        File name ending.
    seed : int
        Base seed.

    Returns
    -------
    Path
        Absolute; twelve digits of the key are in its name.

    Raises
    ------
    TypeError
        For an argument that is neither a path nor JSON.
    ValueError
        For a name that is no file name.
    StaleCode
        If the function's source was edited after this process imported it.
    """
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise ValueError(
            f"unit {name!r}: a unit's name is part of a file name: not empty, no '/', no '.' in "
            "front"
        )
    # a path counts by what lies there, so a moved file keeps its units
    inputs = {
        key: _hash(value) if isinstance(value, Path) else value for key, value in arguments.items()
    }
    try:
        key = store.digest([name, seed, inputs, *_code(function)])
    except TypeError:
        raise TypeError(
            f"unit {name}: arguments must be paths or plain numbers, texts, lists and maps; write "
            "larger inputs to a file and pass its Path"
        ) from None
    return store.resolve(directory) / f"{name}-{key[:12]}{suffix}"


def run_units(
    function: UnitFunction,
    units: Mapping[str, Mapping[str, Any]],
    *,
    directory: str | Path,
    suffix: str = ".parquet",
    seed: int = 0,
    executor: str | None = None,
) -> dict[str, Path]:
    """Run `function(part, seed=…, **arguments)` for every unit that is not done.

    Parameters
    ----------
    function : callable
        A function of `lib`; writes its result to the path `part`, which becomes the unit's file
        when it returns.
    units : mapping
        Unit name → keyword arguments: paths, or plain JSON values.
    directory : path
        Folder of the units' files.
    suffix : str
        File name ending.
    seed : int
        Base seed; each unit gets its own, derived from its name.
    executor : str, optional
        `inline`, `local:N`, `slurm:FILE.yaml`, `pbs:FILE.yaml` or `tcp://HOST:PORT`; default from
        the runner, else `local` on all cores.

    Returns
    -------
    dict of str to Path
        Name → file, in the order of `units`.

    Raises
    ------
    UnitsFailed
        After all units have been tried; results of the others are kept.
    NoWorkers
        If units wait on a cluster and no worker comes for some minutes; what is done is kept.
    TypeError
        For an argument that is neither a path nor JSON.
    ValueError
        For a unit's name that is no file name, or an executor that is unknown.
    StaleCode
        If the function's source was edited after this process imported it.
    """
    directory = store.resolve(directory)
    paths = {
        name: unit_path(function, name, arguments, directory=directory, suffix=suffix, seed=seed)
        for name, arguments in units.items()
    }
    # the file is the only mark of what is done
    waiting = [name for name, path in paths.items() if not path.exists()]
    progress = _Progress(directory.name, total=len(units), done=len(units) - len(waiting))
    errors: dict[str, str] = {}
    with engines.open_executor(executor, n_units=len(waiting)) as engine:
        futures = {
            engine.submit(
                _run_unit, function, str(paths[name]), unit_seed(seed, name), dict(units[name])
            ): name
            for name in waiting
        }
        for future in engine.completed(list(futures)):
            name = futures[future]
            error = _outcome(future)
            if error:
                # the whole traceback is beside the units
                errors[name] = error.strip().splitlines()[-1]
                store.write_text(directory / f"{name}.error.txt", error)
            else:
                (directory / f"{name}.error.txt").unlink(missing_ok=True)
            progress.step(failed=len(errors))
    progress.close()
    if errors:
        raise UnitsFailed(
            {name: errors[name] for name in sorted(errors)}, directory, n_units=len(units)
        )
    return paths


def _run_unit(function: UnitFunction, path: str, seed: int, arguments: dict[str, Any]) -> str:
    """Run one unit, alone in its process; return the traceback of its error, or nothing."""
    try:
        # a worker of several threads still runs one unit at a time
        with engines.ALONE:
            _check_fresh(function)
            _use_one_thread()
            with store.atomic(path) as part:
                function(part, seed=seed, **arguments)
    except Exception:
        return traceback.format_exc()
    return ""


def _use_one_thread() -> None:
    """Let this process compute with one thread from now on.

    Sums then have one order of terms, whatever the engine. It stays so. Each thread of a process
    has a count of its own, so each unit sets that of the thread it runs in.
    """
    from threadpoolctl import threadpool_limits

    os.environ.update(
        dict.fromkeys(numeric.THREADS, "1")
    )  # for libraries that the unit is the first to load
    # for libraries that are loaded already
    threadpool_limits(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _outcome(future: Any) -> str:
    """Return a future's error text, that of a lost worker included, or nothing."""
    try:
        return future.result()
    except (
        Exception
    ) as error:  # the engine's own: a worker that was killed, a function that cannot be sent
        # by name: importing Dask here would load it for every engine
        if type(error).__name__ == "KilledWorker":
            return (
                f"{error}\nits process was killed each time it was tried; out of memory is the "
                "usual cause"
            )
        return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _code(function: UnitFunction) -> tuple[list[str], dict[str, str]]:
    """Return the syntax of all that a function reaches, and the versions of its packages."""
    _check_fresh(function)
    reached = _reach(function)
    return sorted(reached.hashes.values()), keys.versions(reached.external)


@cache
def _reach(function: UnitFunction) -> Reach:
    if function.__module__.split(".")[0] == PROJECT:
        return _sources.of_function(function.__module__, function.__qualname__)
    # a function outside the project, such as a test's, has its source for a key
    [own], reached = _sources.of_cells([textwrap.dedent(inspect.getsource(function))])
    reached.hashes[function.__qualname__] = own
    return reached


def _check_fresh(function: UnitFunction) -> None:
    """Refuse to run code that is no longer what the files say.

    Its result would pass for that of the new code.
    """
    edited = [file for file in sorted(_reach(function).files) if file.stat().st_mtime > LOADED]
    if edited:
        names = ", ".join(str(_relative(file)) for file in edited)
        raise StaleCode(
            f"{names} was edited after this process loaded it; restart the kernel (or the Dask "
            "workers)"
        )


class _Progress:
    """Tell how many units are done: to the runner through a file, else by a bar."""

    def __init__(self, name: str, *, total: int, done: int) -> None:
        self.state = {"name": name, "total": total, "done": done, "failed": 0}
        # set by the runner, whose terminal draws the bar
        self.file = os.environ.get(PROGRESS_VARIABLE)
        self.bar = None
        if not self.file and total > done:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=total, initial=done, desc=name, unit="unit")
        self._tell()

    def step(self, *, failed: int) -> None:
        self.state |= {"done": self.state["done"] + 1, "failed": failed}
        if self.bar is not None:
            self.bar.update()
        self._tell()

    def _tell(self) -> None:
        if self.file:
            Path(self.file).write_text(
                json.dumps({**self.state, "time": time.time()}), encoding="utf-8"
            )

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def _relative(path: Path) -> Path:
    return path.relative_to(store.ROOT) if path.is_relative_to(store.ROOT) else path
