"""Run what has to be run: decide by keys, execute, check, stamp last.

A notebook is done if its stamp carries the key of today and its outputs are the files that the
stamp lists. Killed anywhere, the same command goes on; two runs of one profile never mix.
"""

import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lib.run import engines, keys, notebook_process, outcomes, params, pool, store
from lib.run.declaration import Section
from lib.run.kernels import Kernel, Kernels
from lib.run.outcomes import Decision, Outcome
from lib.run.pipeline import Pipeline, Step
from lib.run.progress import Progress
from lib.run.reach import MEMORY, Code

States = Mapping[str, tuple[int, int] | None]  # which file each output is, by time and inode


@dataclass(frozen=True)
class Running:
    """A notebook at work.

    Parameters
    ----------
    step : Step
        The notebook.
    kernel : Kernel
        Its process.
    parts : dict
        Of its key, as they were when it began.
    before : States
        Its outputs when it began.
    started : float
        Clock at its start, in seconds.
    """

    step: Step
    kernel: Kernel
    parts: keys.Parts
    before: States
    started: float


class MissingInput(RuntimeError):
    """A selected notebook needs a file that is not there and that no selected notebook makes."""


class Run:
    """One profile's pipeline with its checked parameters, ready to decide and to execute.

    Parameters
    ----------
    pipeline : Pipeline
        All notebooks, in order.
    sections : mapping of str to Section
        Slug → parameters, from `lib.run.params.resolve`.
    """

    def __init__(self, pipeline: Pipeline, sections: Mapping[str, Section]) -> None:
        self.pipeline = pipeline
        self.sections = sections
        self.hashes = keys.Hashes(pipeline.run_dir / ".hashes.json")
        self.code = Code(pipeline.root, pipeline.run_dir.parent / MEMORY)
        self.pool: pool.Pool | None = None
        self.kernels = Kernels(pipeline.run_dir)

    @contextmanager
    def warm_workers(self, executor: str) -> Iterator[None]:
        """Let all notebooks that run within the block share one pool of workers.

        Parameters
        ----------
        executor : str
            As in `lib.run.engines.open_executor`; a pool is made where units run in several
            processes here.
        """
        if executor.startswith("local") and executor != "local:1":
            # a socket's path must be short
            folder = notebook_process.private_folder(f"{self.pipeline.run_dir}/pool")
            self.pool = pool.Pool(folder, notebook_process.clean_environment(folder))
        try:
            yield
        finally:
            self.kernels.drop()
            if self.pool is not None:
                self.pool.close()
                self.pool = None

    def remember(self) -> None:
        """Keep for the next run what was hashed and read."""
        self.hashes.save()
        self.code.save()

    def executed_path(self, step: Step) -> Path:
        return self.pipeline.run_dir / "executed" / step.notebook

    def _part_path(self, step: Step) -> Path:
        return self.executed_path(step).with_name(f".{step.slug}.part.ipynb")

    def failed_path(self, step: Step) -> Path:
        return self.executed_path(step).with_suffix(".failed.ipynb")

    def log_path(self, step: Step) -> Path:
        return self.pipeline.run_dir / "logs" / f"{step.slug}.log"

    def stamp_path(self, step: Step) -> Path:
        return self.pipeline.run_dir / "stamps" / f"{step.slug}.json"

    def failure_path(self, step: Step) -> Path:
        return self.log_path(step).with_suffix(".failure.json")

    def stamp(self, step: Step) -> dict | None:
        """Return a notebook's stamp.

        Parameters
        ----------
        step : Step
            One of the pipeline's.

        Returns
        -------
        dict or None
            `slug`, `notebook`, `key`, `parts`, `outputs` (name → sha256) and `seconds`; None if it
            has none that can be read.
        """
        try:
            stamp = json.loads(self.stamp_path(step).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return stamp if isinstance(stamp, dict) and {"parts", "outputs"} <= set(stamp) else None

    def check_notebooks(self) -> None:
        """Check that every notebook can be read, and its section against its `parameters` cell.

        Raises
        ------
        ParamsError
            Listing every key that only one side knows, and every file that is no notebook.
        """
        problems = []
        for step in self.pipeline.steps:
            try:
                source = keys.parameters_source(self.pipeline.notebook_path(step))
                params.check_declared(step.notebook, source, self.sections[step.slug])
            except (params.ParamsError, keys.NotebookError) as error:
                problems.append(str(error))
        if problems:
            raise params.ParamsError("\n".join(problems))

    def check_inputs(self, selected: Sequence[str]) -> None:
        """Check that what the selected notebooks need is there or will be made.

        Parameters
        ----------
        selected : sequence of str
            Slugs.

        Raises
        ------
        MissingInput
            Naming file, notebook and what to do.
        """
        makers = self.pipeline.makers()
        for slug in selected:
            step = self.pipeline[slug]
            for name, path in self.pipeline.inputs(step).items():
                if makers.get(name) not in selected and not path.exists():
                    raise MissingInput(
                        f"{slug} needs {name}, which {makers[name]} makes; add {makers[name]} to "
                        "the targets"
                    )
            for key, value in params.input_paths(self.sections[slug]).items():
                if (
                    not store.resolve(value).exists()
                    and store.resolve(value) not in self.pipeline.inputs(step).values()
                ):
                    raise MissingInput(
                        f"{slug}.{key} = {value!r}: no such file or folder (relative to the "
                        "project)"
                    )

    def parts(self, step: Step) -> keys.Parts:
        """Return the parts of a notebook's key as things are now.

        Parameters
        ----------
        step : Step
            One of the pipeline's.

        Returns
        -------
        dict of str to dict
            As `lib.run.keys.parts` returns them.

        Raises
        ------
        NotebookError
            If the notebook cannot be read.
        """
        section = self.sections[step.slug]
        named = {
            f"{step.slug}.{key}": store.resolve(value)
            for key, value in params.input_paths(section).items()
        }
        return keys.parts(
            self.pipeline.notebook_path(step),
            params=params.plain_values(section),
            inputs={**self.pipeline.inputs(step), **named},
            r_versions=self._r_versions(step.r_packages),
            hashes=self.hashes,
            code=self.code,
        )

    def _r_versions(self, packages: Sequence[str]) -> dict[str, str]:
        """Return the versions of R and of some packages.

        R is asked once for those of all notebooks.
        """
        if not packages:
            return {}
        # one start of R for all notebooks
        every = {package for step in self.pipeline.steps for package in step.r_packages}
        found = keys.r_versions(tuple(sorted(every)))
        return {name: found[name] for name in ("R:R", *(f"R:{package}" for package in packages))}

    def decide(self, step: Step, *, force: bool = False) -> Decision:
        """Decide whether a notebook has to run now, with what it needs as it is now.

        Parameters
        ----------
        step : Step
            One of the pipeline's.
        force : bool
            Run it in any case.

        Returns
        -------
        Decision

        Raises
        ------
        NotebookError
            If the notebook cannot be read.
        """
        stamp = self.stamp(step)
        reasons = keys.changes(stamp["parts"] if stamp else None, self.parts(step))
        # a file that somebody edited or removed is made again
        for name, path in self.pipeline.outputs(step).items() if stamp else ():
            if name not in stamp["outputs"]:
                reasons.append(f"output: {name} is new in pipeline.toml")
            elif self.hashes(path) != stamp["outputs"][name]:
                reasons.append(f"output: {name} {'changed' if path.exists() else 'is missing'}")
        if force:
            reasons.append("--force")
        failed = outcomes.last_error(self.failure_path(step)) if reasons else ""
        return Decision(step.slug, bool(reasons), tuple(reasons), failed)

    def plan(self, selected: Sequence[str], *, force: bool = False) -> list[Decision]:
        """Decide for all selected notebooks without running any.

        Behind one that runs, others only may have to.

        Parameters
        ----------
        selected : sequence of str
            Slugs, in order.
        force : bool
            Run them in any case.

        Returns
        -------
        list of Decision
            One per notebook.

        Raises
        ------
        NotebookError
            If a notebook cannot be read.
        """
        decisions: dict[str, Decision] = {}
        for slug in selected:
            step = self.pipeline[slug]
            decision = self.decide(step, force=force)
            waits = [
                up for up in self.pipeline.upstream(step) if up in decisions and decisions[up].run
            ]
            # what it reads may come out the same, and then it does not run
            if waits and not decision.run:
                reasons = tuple(f"if {up} changes what it makes" for up in sorted(waits))
                decision = Decision(
                    slug, True, reasons, outcomes.last_error(self.failure_path(step))
                )
            decisions[slug] = decision
        if self.pipeline.run_dir.is_dir():
            self.remember()
        return list(decisions.values())

    def _begin(self, step: Step, *, executor: str, progress: Progress, start_next: bool) -> Running:
        """Start one notebook; unless it is the last, the process of the next loads its libraries
        meanwhile."""
        # taken first: an edit during the run makes the stamp stale, not wrong
        parts = self.parts(step)
        before = self._states(step)  # to see afterwards which outputs were written
        variables = self.pool.variables() if self.pool else {}
        kernel = self.kernels.take(
            {engines.EXECUTOR_VARIABLE: executor, **variables}, start_next=start_next
        )
        kernel.process.begin(
            self.pipeline.notebook_path(step),
            self._part_path(step),
            params=self.sections[step.slug].model_dump(),
            log=self.log_path(step),
        )
        progress.begin(step.slug, kernel.units_file, kernel.process.process)
        return Running(step, kernel, parts, before, time.monotonic())

    def _finish(self, one: Running) -> Outcome:
        """Take in a notebook that has ended; if it ended well, check its outputs and stamp last."""
        step, part = one.step, self._part_path(one.step)
        failure = self.kernels.release(one.kernel) or self._unmade(step, one.before)
        seconds = time.monotonic() - one.started
        self.failed_path(step).unlink(missing_ok=True)
        if failure:
            if part.exists():
                os.replace(part, self.failed_path(step))
            outcomes.keep_failure(self.failure_path(step), failure)
            return Outcome(step.slug, "failed", seconds, failure)
        # the stamp comes last, so a run that is killed before it counts for nothing
        os.replace(part, self.executed_path(step))
        self._write_stamp(step, one.parts, seconds)
        self.failure_path(step).unlink(missing_ok=True)
        return Outcome(step.slug, "ran", seconds)

    def _sweep(self) -> None:
        """Remove what a killed run left half-written; nothing of it was ever counted."""
        outputs = [
            path for step in self.pipeline.steps for path in self.pipeline.outputs(step).values()
        ]
        # half-written files have a dot in front and lie beside their target
        folders = {path.parent for path in outputs} | set(self.pipeline.run_dir.glob("*/"))
        for folder in [path for path in outputs if path.is_dir()] + [
            self.pipeline.run_dir / "units"
        ]:
            folders |= {folder, *folder.glob("**/")}
        for folder in folders:
            for part in folder.glob(".*.part*"):
                shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink(
                    missing_ok=True
                )
        for told in self.pipeline.run_dir.glob("logs/units_*.json"):
            told.unlink(missing_ok=True)

    def _states(self, step: Step) -> States:
        """Return which file each output is, by time and inode, or None where it is missing.

        Of a folder it is the newest file.
        """
        states = {}
        for name, path in self.pipeline.outputs(step).items():
            below = path.rglob("*") if path.is_dir() else ()
            # of a folder the newest file below it counts
            stats = [file.stat() for file in (path, *below) if file.exists()]
            states[name] = max(((stat.st_mtime_ns, stat.st_ino) for stat in stats), default=None)
        return states

    def _unmade(self, step: Step, before: States) -> notebook_process.Failure | None:
        """Return a failure if a declared output was not written since it had the state `before`."""
        stale = [
            name
            for name, state in self._states(step).items()
            if state is None or state == before[name]
        ]
        if not stale:
            return None
        return notebook_process.Failure(
            0,
            "",
            f"every cell ran, but pipeline.toml promises what was not written: {', '.join(stale)}",
        )

    def _write_stamp(self, step: Step, parts: keys.Parts, seconds: float) -> None:
        outputs = {name: self.hashes(path) for name, path in self.pipeline.outputs(step).items()}
        # parts are kept, not only the key, so that a re-run can say why
        stamp = {
            "slug": step.slug,
            "notebook": step.notebook,
            "key": store.digest(parts),
            "parts": parts,
            "outputs": outputs,
            "seconds": round(seconds, 2),
        }
        store.write_json(self.stamp_path(step), stamp)

    def run(
        self,
        selected: Sequence[str],
        *,
        executor: str,
        at_once: int = 1,
        force: bool = False,
        fail_fast: bool = False,
        progress: Progress,
    ) -> list[Outcome]:
        """Bring the selected notebooks up to date, each when what it needs is.

        After a failure everything that does not need the failed notebook still runs, unless
        `fail_fast`.

        Parameters
        ----------
        selected : sequence of str
            Slugs, in order; of several that could run, the first does.
        executor : str
            As in `lib.run.engines.open_executor`.
        at_once : int
            How many notebooks may run at the same time.
        force : bool
            Run them in any case.
        fail_fast : bool
            Skip everything after a failure.
        progress : Progress
            Draws the run.

        Returns
        -------
        list of Outcome
            One per notebook, in the order of `selected`.

        Raises
        ------
        NotebookError
            If a notebook cannot be read.
        OSError
            If there is no room.
        """
        self._sweep()
        left, ended = list(selected), {}
        running: dict[str, Running] = {}
        to_run: set[str] = set()  # all that may run, asked for when the first does
        try:
            while left or running:
                ready = self._ready(left, running) if len(running) < at_once else ""
                if not ready:
                    slug = progress.wait()
                    self._note(ended, self._finish(running.pop(slug)), progress)
                    continue
                left.remove(ready)
                outcome = self._outcome_without_running(ready, ended, force, fail_fast)
                if outcome:
                    self._note(ended, outcome, progress)
                    continue
                to_run = to_run or {one.slug for one in self.plan(selected, force=force) if one.run}
                running[ready] = self._begin(
                    self.pipeline[ready],
                    executor=executor,
                    progress=progress,
                    start_next=not to_run.isdisjoint(left),
                )
        finally:  # empty, unless something broke
            for one in running.values():
                self.kernels.release(one.kernel)
        self.remember()
        return [ended[slug] for slug in selected]

    def _ready(self, left: Sequence[str], running: Collection[str]) -> str:
        """Return the first notebook that waits for no other one; empty if there is none."""
        open_ = {*left, *running}
        ready = (
            slug for slug in left if open_.isdisjoint(self.pipeline.upstream(self.pipeline[slug]))
        )
        return next(ready, "")

    def _outcome_without_running(
        self, slug: str, ended: Mapping[str, Outcome], force: bool, fail_fast: bool
    ) -> Outcome | None:
        """Return the outcome of a notebook that is skipped or done; None if it has to run."""
        step = self.pipeline[slug]
        failed = any(outcome.state == "failed" for outcome in ended.values())
        broken = outcomes.failed_before(self.pipeline.upstream(step), ended)
        # what it needs is missing, or no more shall run
        if broken or (fail_fast and failed):
            return Outcome(slug, "skipped", waits_for=broken)
        # asked anew for each: what it needs may have come out the same
        return None if self.decide(step, force=force).run else Outcome(slug, "done")

    def _note(self, ended: dict[str, Outcome], outcome: Outcome, progress: Progress) -> None:
        """Keep how a notebook ended, and say it."""
        ended[outcome.slug] = outcome
        if outcome.state in ("ran", "failed"):
            self.remember()
        told = {
            "done": "already done",
            "ran": f"done in {outcome.seconds:.1f} s",
            "failed": f"FAILED after {outcome.seconds:.1f} s",
            "skipped": "",  # told with its reason at the end of the run
        }[outcome.state]
        if told:
            progress.end(outcome.slug, told)
