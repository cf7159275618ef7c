"""Batch systems that start Dask workers as jobs: Slurm and PBS, each described by a YAML file."""

import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from lib.run import machine, numeric, store

SUBMIT = {"slurm": "sbatch", "pbs": "qsub"}  # the command by which jobs of each kind are sent
MAXIMUM_JOBS = 16
NO_LIMIT = (
    "--memory-limit",
    "0",
)  # Dask would pause a worker at 80 % for ever; the batch system limits memory itself
PATIENCE = 300.0  # seconds without any worker after which a run ends


class QueueError(ValueError):
    """A file that describes no jobs, or a batch system that is not here."""


@dataclass(frozen=True)
class Jobs:
    """What a file says of the jobs of a run.

    Parameters
    ----------
    kind, file : str
        `slurm` or `pbs`; the YAML file.
    options : dict
        Keyword arguments of `dask_jobqueue.SLURMCluster` or `PBSCluster`.
    maximum : int
        Most jobs at the same time.
    patience : float
        Seconds to wait while no job runs.
    """

    kind: str
    file: str
    options: dict[str, Any]
    maximum: int = MAXIMUM_JOBS
    patience: float = PATIENCE

    def advice(self) -> str:
        """Say what a person can do when no worker comes."""
        look = {"slurm": "squeue --me", "pbs": "qstat"}[self.kind]
        return (
            f"`{look}` tells whether jobs wait, the files of jobs that ended (log_directory) why "
            f"they did. Where a long wait is usual, raise worker_timeout_seconds in {self.file} "
            f"(now {self.patience:g}). "
        )


def read(kind: str, file: str) -> Jobs:
    """Read a YAML file of dask-jobqueue options.

    `maximum_jobs` and `worker_timeout_seconds` may stand beside them. Jobs compute with the code of
    this folder and under the numeric setting of this process.

    Parameters
    ----------
    kind : str
        `slurm` or `pbs`.
    file : str
        Path relative to the project root, or absolute; holds at least `cores` and `memory`.

    Returns
    -------
    Jobs

    Raises
    ------
    QueueError
        If the file cannot be read, lacks what a job needs, or holds a value that makes no sense.
    """
    try:
        options = yaml.safe_load(store.resolve(file).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise QueueError(f"{kind}:{file}: {error}") from None
    if not isinstance(options, dict) or not {"cores", "memory"} <= set(options):
        raise QueueError(
            f"{kind}:{file}: expected options of dask_jobqueue, at least cores and memory"
        )
    maximum = _positive(
        options.pop("maximum_jobs", MAXIMUM_JOBS), "maximum_jobs", f"{kind}:{file}", int
    )
    patience = _positive(
        options.pop("worker_timeout_seconds", PATIENCE),
        "worker_timeout_seconds",
        f"{kind}:{file}",
        (int, float),
    )
    prologue = [f"export {name}={shlex.quote(value)}" for name, value in _environment().items()]
    defaults = {
        "processes": options["cores"],  # one process per core, as a process runs one unit at a time
        "scheduler_options": {"dashboard_address": "127.0.0.1:0"},
    }
    # before Python starts, as libraries read the setting when they load
    options["job_script_prologue"] = prologue + (options.get("job_script_prologue") or [])
    options["worker_extra_args"] = [*NO_LIMIT, *(options.get("worker_extra_args") or [])]
    return Jobs(kind, file, {**defaults, **options}, maximum, patience)


def check_installed(kind: str) -> None:
    """Check that jobs can be sent from this machine.

    Parameters
    ----------
    kind : str
        `slurm` or `pbs`.

    Raises
    ------
    QueueError
        If the command for it is missing.
    """
    if not shutil.which(SUBMIT[kind]):
        raise QueueError(
            f"{kind}: the command {SUBMIT[kind]} is not here; start the run where jobs are sent"
        )


@contextmanager
def cluster(jobs: Jobs, n_units: int, refused: list[str]) -> Iterator[Any]:
    """Yield a Dask cluster that adapts between no job and the most allowed.

    Lost jobs are replaced, idle ones end.

    Parameters
    ----------
    jobs : Jobs
        From `read`.
    n_units : int
        No more jobs than units are sent.
    refused : list of str
        What the batch system says when it refuses a job is added to it.

    Yields
    ------
    dask_jobqueue.JobQueueCluster
    """
    import dask_jobqueue

    start = {"slurm": dask_jobqueue.SLURMCluster, "pbs": dask_jobqueue.PBSCluster}[jobs.kind]

    class Told(start):  # type: ignore[misc, valid-type]
        job_cls = _telling(start.job_cls, refused)

    with Told(**jobs.options) as running:
        running.adapt(minimum_jobs=0, maximum_jobs=min(jobs.maximum, n_units))
        yield running


def _telling(job: type, refused: list[str]) -> type:
    """Return a kind of job that notes why it could not be sent, which dask-jobqueue only logs."""

    class Job(job):  # type: ignore[misc, valid-type]
        async def _submit_job(self, script_filename: str) -> str:
            try:
                return await super()._submit_job(script_filename)
            except RuntimeError as error:
                refused.append(" ".join(str(error).partition("stderr:")[2].split()) or str(error))
                raise

    return Job


def _environment() -> dict[str, str]:
    """Return the variables that a job needs before its Python starts."""
    asked = {name: os.environ[name] for name in (numeric.VARIABLE,) if name in os.environ}
    return {"PYTHONPATH": str(store.ROOT), **machine.HASHING, **asked, **numeric.environment()}


def _positive(value: Any, name: str, where: str, kind: Any) -> Any:
    # YAML's `yes` is a bool, which is an int
    if isinstance(value, bool) or not isinstance(value, kind) or not value > 0:
        raise QueueError(f"{where}: {name} is {value!r}; expected a number > 0")
    return value
