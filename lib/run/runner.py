"""Run what has to be run: decide by keys, execute, check, stamp last.

A notebook is done if its stamp carries the key of today and its outputs are the files that the
stamp lists. Killed anywhere, the same command goes on; two runs of one profile never mix.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from lib.run import compute, engines, keys, notebook_process, outcomes, params, pool, store
from lib.run.declaration import Section
from lib.run.outcomes import Decision, Outcome
from lib.run.pipeline import Pipeline, Step
from lib.run.progress import Progress
from lib.run.reach import MEMORY, Code

UNITS_FILE = "units.json"  # below logs/: how many units of the notebook that runs are done


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
        self.waiting: notebook_process.Waiting | None = None
        self.places = cycle("ab")

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
            self._drop_waiting()
            if self.pool is not None:
                self.pool.close()
                self.pool = None

    def remember(self) -> None:
        """Keep for the next run what was hashed and read."""
        self.hashes.save()
        self.code.save()

    def executed_path(self, step: Step) -> Path:
        return self.pipeline.run_dir / "executed" / step.notebook

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

    def execute(
        self, step: Step, *, executor: str, progress: Progress, is_last: bool = True
    ) -> Outcome:
        """Execute one notebook; on success check its outputs and stamp last.

        Unless it is the last, the process of the next one starts and loads its libraries meanwhile.

        Parameters
        ----------
        step : Step
            One of the pipeline's.
        executor : str
            As in `lib.run.engines.open_executor`.
        progress : Progress
            Draws it.
        is_last : bool
            Whether no other notebook may follow.

        Returns
        -------
        Outcome
            `ran` or `failed`.

        Raises
        ------
        NotebookError
            If the notebook cannot be read.
        OSError
            If there is no room.
        """
        # taken first: an edit during the run makes the stamp stale, not wrong
        parts = self.parts(step)
        before = self._states(step)  # to see afterwards which outputs were written
        started = time.monotonic()
        executed = self.executed_path(step)
        part = executed.with_name(f".{step.slug}.part.ipynb")
        units_file = self.pipeline.run_dir / "logs" / UNITS_FILE
        units_file.unlink(missing_ok=True)
        environment = {
            engines.EXECUTOR_VARIABLE: executor,
            compute.PROGRESS_VARIABLE: str(units_file),
            **(self.pool.variables() if self.pool else {}),
        }
        if self.waiting and not self.waiting.is_usable():
            self._drop_waiting()
        waiting, self.waiting = self.waiting, None
        if not is_last:
            self.waiting = self._start_next(environment)
        progress.begin(step.slug, units_file)
        failure = notebook_process.execute(
            self.pipeline.notebook_path(step),
            part,
            params=self.sections[step.slug].model_dump(),
            log=self.log_path(step),
            environment=environment,
            waiting=waiting,
            wait=progress.watch,
        )
        units_file.unlink(missing_ok=True)
        failure = failure or self._unmade(step, before)
        seconds = time.monotonic() - started
        if failure:
            self.failed_path(step).unlink(missing_ok=True)
            if part.exists():
                os.replace(part, self.failed_path(step))
            outcomes.keep_failure(self.failure_path(step), failure)
            return Outcome(step.slug, "failed", seconds, failure)
        # the stamp comes last, so a run that is killed before it counts for nothing
        os.replace(part, executed)
        self.failed_path(step).unlink(missing_ok=True)
        self._write_stamp(step, parts, seconds)
        self.failure_path(step).unlink(missing_ok=True)
        return Outcome(step.slug, "ran", seconds)

    def _start_next(self, environment: Mapping[str, str]) -> notebook_process.Waiting:
        """Start the process of the next notebook, in another place than the one that now runs."""
        place = next(self.places)
        return notebook_process.Waiting(
            f"{self.pipeline.run_dir}/notebook/{place}",
            log=self.pipeline.run_dir / "logs" / f".waiting_{place}.log",
            environment=environment,
        )

    def _drop_waiting(self) -> None:
        """End the process that waits for a notebook, if there is one."""
        if self.waiting is not None:
            self.waiting.close()
            self.waiting.log.unlink(missing_ok=True)
            self.waiting = None

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
        for told in self.pipeline.run_dir.glob(f"logs/{UNITS_FILE}"):
            told.unlink(missing_ok=True)

    def _states(self, step: Step) -> dict[str, tuple[int, int] | None]:
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

    def _unmade(
        self, step: Step, before: Mapping[str, tuple[int, int] | None]
    ) -> notebook_process.Failure | None:
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
        force: bool = False,
        fail_fast: bool = False,
        progress: Progress,
    ) -> list[Outcome]:
        """Bring the selected notebooks up to date, in order.

        After a failure everything that does not need the failed notebook still runs, unless
        `fail_fast`.

        Parameters
        ----------
        selected : sequence of str
            Slugs, in order.
        executor : str
            As in `lib.run.engines.open_executor`.
        force : bool
            Run them in any case.
        fail_fast : bool
            Skip everything after a failure.
        progress : Progress
            Draws the run.

        Returns
        -------
        list of Outcome
            One per notebook.

        Raises
        ------
        NotebookError
            If a notebook cannot be read.
        OSError
            If there is no room.
        """
        self._sweep()
        ended: dict[str, Outcome] = {}
        last = ""
        for slug in selected:
            step = self.pipeline[slug]
            failed = [name for name, outcome in ended.items() if outcome.state == "failed"]
            # asked anew for each: a notebook may wait for one that failed a moment ago
            broken = outcomes.failed_before(self.pipeline.upstream(step), ended)
            # what it needs is missing, or no more shall run
            if broken or (fail_fast and failed):
                ended[slug] = Outcome(slug, "skipped", waits_for=broken)
                continue
            if not self.decide(step, force=force).run:
                ended[slug] = Outcome(slug, "done")
                progress.end(f"{slug}: already done")
                continue
            last = last or [one.slug for one in self.plan(selected, force=force) if one.run][-1]
            ended[slug] = outcome = self.execute(
                step, executor=executor, progress=progress, is_last=slug == last
            )
            self.remember()
            progress.end(
                f"{slug}: {'done in' if outcome.state == 'ran' else 'FAILED after'} "
                f"{outcome.seconds:.1f} s"
            )
        self.remember()
        return list(ended.values())
