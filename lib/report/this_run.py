"""The results of a profile that this run made, by provenance, and why the rest is missing.

A file counts if a stamp lists it with the sha256 that it has now, and if nothing has to run again.
What merely lies in `figures/<profile>`, such as the committed pictures of another machine, does not
count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lib.run import runner
from lib.run.pipeline import Pipeline, Step

MADE, FAILED, WAITS, NOT_RUN, AGAIN = "made", "failed", "waits", "not run", "to run again"


@dataclass(frozen=True)
class Result:
    """What came of one notebook.

    Parameters
    ----------
    slug : str
        The notebook.
    state : str
        `made`, `failed`, `waits`, `not run` or `to run again`.
    why : str
        Why it is not `made`, in words.
    files : mapping of str to Path
        Its output files by name.
    seconds : float, optional
        Its run time.
    executed : Path, optional
        The executed copy.
    cause : str
        Slug of the notebook that failed, of one that waits.
    """

    slug: str
    state: str
    why: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    seconds: float | None = None
    executed: Path | None = None
    cause: str = ""  # the notebook that failed, of one that waits

    @property
    def is_made(self) -> bool:
        """Whether this run made the notebook's results."""
        return self.state == MADE


def results(
    pipeline: Pipeline, again: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Result]:
    """Judge every notebook of a pipeline.

    Parameters
    ----------
    pipeline : Pipeline
        Notebooks of a profile, in their order.
    again : mapping of str to sequence of str, optional
        Slug → why its notebook has to run again, from `lib.run.runner.Run.plan`; whatever the
        parameters and the code say. Without it only stamps and files are looked at.

    Returns
    -------
    dict of str to Result
        One per notebook, in the order of the pipeline.
    """
    run = runner.Run(pipeline, {})
    found: dict[str, Result] = {}
    for step in pipeline.steps:
        broken = [
            found[up]
            for up in sorted(pipeline.upstream(step))
            if found[up].state in (FAILED, WAITS)
        ]
        found[step.slug] = _result(run, step, list((again or {}).get(step.slug, ())), broken)
    return found


def others(figures_dir: Path, made: Iterable[Path]) -> list[str]:
    """Return the names of the pictures in a folder that this run did not make.

    Parameters
    ----------
    figures_dir : Path
        Folder of a profile's figures.
    made : iterable of Path
        Pictures that it made.

    Returns
    -------
    list of str
        File names, sorted.
    """
    known = {path.name for path in made}
    return sorted(path.name for path in figures_dir.glob("[!.]*__*.png") if path.name not in known)


def _result(run: runner.Run, step: Step, reasons: list[str], broken: Sequence[Result]) -> Result:
    stamp = run.stamp(step)
    # what the runner says comes first, as it knows parameters and code
    reasons = reasons or _changed(run, step, stamp)
    if stamp and not reasons and not broken:
        executed = run.executed_path(step)
        files = run.pipeline.outputs(step)
        return Result(
            step.slug, MADE, "", files, stamp["seconds"], executed if executed.exists() else None
        )
    if run.failed_path(step).exists():
        log = run.log_path(step).relative_to(run.pipeline.root)
        return Result(step.slug, FAILED, f"It failed; {log} says where.")
    if broken:
        # the notebook that failed, not one that waits for it
        cause = broken[0].cause or broken[0].slug
        return Result(step.slug, WAITS, f"It waits for {cause}, which failed.", cause=cause)
    command = f"python run_all.py {step.slug} --profile {run.pipeline.profile}"
    if stamp is None:
        return Result(step.slug, NOT_RUN, f"Not run: {command}")
    return Result(step.slug, AGAIN, f"To run again ({_short(reasons)}): {command}")


def _changed(run: runner.Run, step: Step, stamp: dict | None) -> list[str]:
    """Return the outputs that are not the files that the stamp lists."""
    if stamp is None:
        return []
    paths = run.pipeline.outputs(step).items()
    return [
        f"{name} is not as it was made"
        for name, path in paths
        if run.hashes(path) != stamp["outputs"].get(name)
    ]


def _short(reasons: Sequence[str]) -> str:
    more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return f"{reasons[0]}{more}"
