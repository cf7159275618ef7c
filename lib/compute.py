"""The one seam for parallel work: units, and the executors that run them.

A unit is a call of a function of `lib` that writes one file. Done means that the file is there. Its name carries a hash
of its arguments, of the code it calls and of its seed, so a unit is never taken for another one. Order, worker and
number of workers change no number: a seed comes from the base seed and the unit's name alone.
"""

import hashlib
import inspect
import json
import logging
import os
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from lib import keys, store

EXECUTOR_VARIABLE = "COMPENDIUM_EXECUTOR"
PROGRESS_VARIABLE = "COMPENDIUM_PROGRESS"

UnitFunction = Callable[..., None]


class ExecutorError(ValueError):
    """A description of an engine that cannot be understood."""


class UnitsFailed(RuntimeError):
    """Some units failed; the others are done and stay. Carries name → last line of the error."""

    def __init__(self, errors: Mapping[str, str], directory: Path) -> None:
        self.errors = dict(errors)
        listing = "; ".join(f"{name}: {error}" for name, error in self.errors.items())
        super().__init__(
            f"{len(self.errors)} of the units failed ({listing}). What the others made is kept; tracebacks lie in "
            f"{_relative(directory)}/*.error.txt. Mend the cause and give the same command again."
        )


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


class Dask:
    """Run units on any Dask cluster."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        return self.client.submit(function, *args, pure=False)

    def completed(self, futures: list[Any]) -> Iterator[Any]:
        from distributed import as_completed

        yield from as_completed(futures)


def unit_seed(seed: int, name: str) -> int:
    """Return the seed of a unit: 64 bits of a hash of the base seed and the unit's name."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")


def unit_path(
    function: UnitFunction, name: str, arguments: Mapping[str, Any], *, directory: Path, suffix: str, seed: int
) -> Path:
    """Return where a unit's result lies: `directory/name-<hash><suffix>`.

    Arguments that are paths, of files or folders, count by their content. Raises TypeError for an argument that is neither a path nor JSON.
    """
    inputs = {key: _content(value) if isinstance(value, Path) else value for key, value in arguments.items()}
    try:
        key = store.digest([name, seed, inputs, _code(function)])
    except TypeError:
        raise TypeError(
            f"unit {name}: arguments must be paths or plain numbers, texts, lists and maps; write larger "
            "inputs to a file and pass its Path"
        ) from None
    return store.resolve(directory) / f"{name}-{key[:12]}{suffix}"


def _content(path: Path) -> Any:
    """Return the hash of a file, or name → hash of every file below a folder."""
    if path.is_file():
        return store.sha256(path)
    return {str(file.relative_to(path)): store.sha256(file) for file in sorted(path.rglob("*")) if file.is_file()}


def run_units(
    function: UnitFunction,
    units: Mapping[str, Mapping[str, Any]],
    *,
    directory: str | Path,
    suffix: str = ".parquet",
    seed: int = 0,
    executor: str | None = None,
) -> dict[str, Path]:
    """Run `function(part, seed=…, **arguments)` for every unit that is not done, and return name → file.

    Parameters
    ----------
    function : callable
        A function of `lib`; writes its result to the path `part`, which becomes the unit's file when it returns.
    units : mapping
        Unit name → keyword arguments: paths, or plain JSON values.
    directory : path
        Folder of the units' files.
    suffix : str
        File name ending.
    seed : int
        Base seed; each unit gets its own, derived from its name.
    executor : str, optional
        `inline`, `local:N`, `slurm:FILE.yaml` or `tcp://HOST:PORT`; default from the runner, else `local` on all cores.

    Raises
    ------
    UnitsFailed
        After all units have been tried; results of the others are kept.
    """
    directory = store.resolve(directory)
    paths = {
        name: unit_path(function, name, arguments, directory=directory, suffix=suffix, seed=seed)
        for name, arguments in units.items()
    }
    waiting = [name for name, path in paths.items() if not path.exists()]
    progress = _Progress(directory.name, total=len(units), done=len(units) - len(waiting))
    errors: dict[str, str] = {}
    with open_executor(executor, n_units=len(waiting)) as engine:
        futures = {
            engine.submit(_run_unit, function, str(paths[name]), unit_seed(seed, name), dict(units[name])): name
            for name in waiting
        }
        for future in engine.completed(list(futures)):
            name = futures[future]
            error = _outcome(future)
            if error:
                errors[name] = error.strip().splitlines()[-1]
                store.write_text(directory / f"{name}.error.txt", error)
            else:
                (directory / f"{name}.error.txt").unlink(missing_ok=True)
            progress.step(failed=len(errors))
    progress.close()
    if errors:
        raise UnitsFailed({name: errors[name] for name in sorted(errors)}, directory)
    return paths


def _run_unit(function: UnitFunction, path: str, seed: int, arguments: dict[str, Any]) -> str:
    """Run one unit on a worker; return the traceback of its error, or nothing."""
    try:
        with store.atomic(path) as part:
            function(part, seed=seed, **arguments)
    except Exception:
        return traceback.format_exc()
    return ""


def _outcome(future: Any) -> str:
    """Return a future's error text, that of a lost worker included, or nothing."""
    try:
        return future.result()
    except Exception as error:  # the engine's own: a worker that was killed, a function that cannot be sent
        return f"{type(error).__name__}: {error}"


def _code(function: UnitFunction) -> dict[str, str]:
    """Return module → hash for the project modules that a function can reach."""
    module = inspect.getmodule(function)
    source = f"import {module.__name__}" if module and module.__name__.startswith("lib.") else ""
    own = {"source": hashlib.sha256(inspect.getsource(function).encode()).hexdigest()}
    return own | {name: store.sha256(path) for name, path in keys.module_files([source]).items()}


@contextmanager
def open_executor(name: str | None = None, *, n_units: int = 2) -> Iterator[Executor]:
    """Yield the engine that `name` describes; it is closed with the block.

    One unit or none runs inline: no engine is worth starting for it.

    Raises
    ------
    ExecutorError
        If `name` describes no engine.
    """
    name = name or os.environ.get(EXECUTOR_VARIABLE) or "local"
    check_executor(name)
    if name == "inline" or n_units < 2:
        yield Inline()
        return
    from distributed import Client

    with _cluster(name, n_units) as cluster, Client(cluster) as client:
        _one_gpu_a_worker(client)
        yield Dask(client)


def check_executor(name: str) -> None:
    """Check the description of an engine without starting it.

    Raises
    ------
    ExecutorError
        Naming what is allowed; for `slurm:FILE`, also if the file is not there.
    """
    kind, _, rest = name.partition(":")
    if kind == "local" and (not rest or (rest.isdigit() and int(rest) > 0)):
        return
    if name == "inline" or (kind in ("tcp", "tls") and rest.startswith("//")):
        return
    if kind == "slurm" and rest:
        if not store.resolve(rest).is_file():
            raise ExecutorError(f"executor {name!r}: no file {rest}")
        return
    raise ExecutorError(f"executor {name!r}: expected inline, local:N, slurm:FILE.yaml or tcp://HOST:PORT")


@contextmanager
def _cluster(name: str, n_units: int) -> Iterator[Any]:
    """Yield a Dask cluster, or the address of one that runs already."""
    kind, _, rest = name.partition(":")
    if kind in ("tcp", "tls"):
        yield name
    elif kind == "slurm":
        with _slurm(store.resolve(rest), n_units) as cluster:
            yield cluster
    else:
        from distributed import LocalCluster

        n_workers = min(int(rest or os.cpu_count() or 1), n_units, n_gpus() or n_units)
        with LocalCluster(
            n_workers=n_workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=logging.ERROR
        ) as cluster:
            yield cluster


def _slurm(file: Path, n_units: int) -> Any:
    """Start a Slurm cluster from a YAML file of `dask_jobqueue.SLURMCluster` options.

    It adapts between no job and `maximum_jobs` (in the file, default 16): a lost job is replaced, an idle one ends.
    """
    import yaml
    from dask_jobqueue import SLURMCluster

    options = yaml.safe_load(file.read_text(encoding="utf-8"))
    maximum = min(options.pop("maximum_jobs", 16), n_units)
    cluster = SLURMCluster(**options)
    cluster.adapt(minimum_jobs=0, maximum_jobs=maximum)
    return cluster


def n_gpus() -> int:
    """Return the number of GPUs that this process may use, without starting any GPU library."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listing.stdout.splitlines())


def _one_gpu_a_worker(client: Any) -> None:
    """Give each local worker a GPU of its own; workers on other machines keep what their scheduler gave them."""
    count = n_gpus()
    if not count or not str(client.scheduler.address).startswith("tcp://127.0.0.1"):
        return
    for number, worker in enumerate(client.scheduler_info(n_workers=-1)["workers"]):
        client.run(os.environ.__setitem__, "CUDA_VISIBLE_DEVICES", str(number % count), workers=[worker])


class _Progress:
    """Tell how many units are done: to the runner through a file, else by a bar."""

    def __init__(self, name: str, *, total: int, done: int) -> None:
        self.state = {"name": name, "total": total, "done": done, "failed": 0}
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
            Path(self.file).write_text(json.dumps({**self.state, "time": time.time()}), encoding="utf-8")

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def _relative(path: Path) -> Path:
    return path.relative_to(store.ROOT) if path.is_relative_to(store.ROOT) else path
