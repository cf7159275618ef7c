"""The plan: which notebook needs and makes which files, and the order that follows from it."""

import graphlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from lib.run import store
from lib.run.own_params import suggest

CHAPTERS = "chapters"  # key of the packages of lib, the only one that is no notebook
FIGURE_SUFFIXES = (".svg", ".png", ".pdf", ".csv")


class PipelineError(ValueError):
    """A mistake in `pipeline.toml`, or a target that it does not have."""


@dataclass(frozen=True)
class Step:
    """One notebook of the pipeline.

    Attributes
    ----------
    slug : str
        Identity of the notebook: params, results and figures use it.
    notebook : str
        File below `notebooks/`.
    needs, makes : tuple of str
        Files; what another notebook makes is relative to the profile's run folder, anything else to
        the repository.
    figures : tuple of str
        Panels; each is three files, `figures/<profile>/<slug>__<panel>.{svg,png,csv}`.
    r_packages : tuple of str
        R packages whose versions belong to the key.
    title : str
        One line for `--list` and the site.
    """

    slug: str
    notebook: str
    needs: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    r_packages: tuple[str, ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Pipeline:
    """All steps of one profile, in an order in which every need comes before its use.

    Parameters
    ----------
    steps : tuple of Step
        In that order.
    profile : str
        Name of the run's folders.
    root : Path
        The project.
    """

    steps: tuple[Step, ...]
    profile: str
    root: Path = store.ROOT

    @property
    def run_dir(self) -> Path:
        return self.root / "runs" / self.profile

    def __getitem__(self, slug: str) -> Step:
        return next(step for step in self.steps if step.slug == slug)

    def makers(self) -> dict[str, str]:
        """Return file → slug of the notebook that makes it."""
        return {file: step.slug for step in self.steps for file in step.makes}

    def upstream(self, step: Step) -> set[str]:
        """Return the notebooks whose files one reads directly.

        Parameters
        ----------
        step : Step
            One of the steps.

        Returns
        -------
        set of str
            Their slugs.
        """
        makers = self.makers()
        return {makers[file] for file in step.needs if file in makers}

    def inputs(self, step: Step) -> dict[str, Path]:
        """Return the files that a notebook needs.

        Parameters
        ----------
        step : Step
            One of the steps.

        Returns
        -------
        dict of str to Path
            Name → absolute path.
        """
        makers = self.makers()
        return {file: (self.run_dir if file in makers else self.root) / file for file in step.needs}

    def outputs(self, step: Step) -> dict[str, Path]:
        """Return the files that a notebook makes, figures included.

        Parameters
        ----------
        step : Step
            One of the steps.

        Returns
        -------
        dict of str to Path
            Name → absolute path.
        """
        files = {file: self.run_dir / file for file in step.makes}
        for panel in step.figures:
            for suffix in FIGURE_SUFFIXES:
                name = f"figures/{self.profile}/{step.slug}__{panel}{suffix}"
                files[name] = self.root / name
        return files

    def notebook_path(self, step: Step) -> Path:
        return self.root / "notebooks" / step.notebook


def load(profile: str, *, root: Path = store.ROOT) -> Pipeline:
    """Read `pipeline.toml`, check it, and derive the order.

    Parameters
    ----------
    profile : str
        Name of the run's folders.
    root : Path
        The project.

    Returns
    -------
    Pipeline

    Raises
    ------
    PipelineError
        For an unknown key, a missing notebook, two notebooks that make one file, a need that nobody
        makes and that is no file of the repository, or a cycle; the message names the notebooks.
    """
    steps = listed(root)
    _check_makers(steps)
    pipeline = Pipeline(_in_order(steps), profile, root)
    _check_files(pipeline)
    return pipeline


def listed(root: Path = store.ROOT) -> list[Step]:
    """Read the notebooks of `pipeline.toml`, in the order in which they stand there.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    list of Step

    Raises
    ------
    PipelineError
        For a file that is not TOML, or an unknown key.
    """
    with (root / "pipeline.toml").open("rb") as file:
        try:
            content = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise PipelineError(f"pipeline.toml: {error}") from None
    content.pop(CHAPTERS, None)
    return [_step(slug, entry) for slug, entry in content.items()]


def _step(slug: str, entry: object) -> Step:
    if not isinstance(entry, dict) or "notebook" not in entry:
        raise PipelineError(
            f'pipeline.toml: [{slug}]: needs the line: notebook = "NN_{slug}.ipynb"'
        )
    # the slug is the table's name
    known = [field.name for field in fields(Step) if field.name != "slug"]
    values = {}
    for key, value in entry.items():
        if key not in known:
            raise PipelineError(
                f"pipeline.toml: [{slug}]: unknown key {key!r}{suggest(key, known)}"
            )
        texts = [value] if key in ("notebook", "title") else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            kind = (
                "one text"
                if key in ("notebook", "title")
                else 'a list of texts, such as ["results/scores.csv"]'
            )
            raise PipelineError(
                f"pipeline.toml: [{slug}]: {key} is {value!r}, and should be {kind}"
            )
        values[key] = tuple(value) if isinstance(value, list) else value
    return Step(slug, **values)


def _check_makers(steps: Iterable[Step]) -> None:
    maker: dict[str, str] = {}
    for step in steps:
        # two writers of a file: the last one would win
        for file in (*step.makes, f"notebooks/{step.notebook}"):
            if file in maker:
                does = "run" if file.startswith("notebooks/") else "make"
                raise PipelineError(
                    f"pipeline.toml: both {maker[file]} and {step.slug} {does} {file}; rename one "
                    "of them"
                )
            # a profile writes below its own folders alone
            if Path(file).is_absolute() or ".." in Path(file).parts:
                raise PipelineError(
                    f"pipeline.toml: [{step.slug}]: {file} leaves the folder runs/<profile>/"
                )
            maker[file] = step.slug


def _in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Order steps topologically; among those that are free, the notebook's number decides."""
    makers = {file: step.slug for step in steps for file in step.makes}
    by_slug = {step.slug: step for step in steps}
    sorter = graphlib.TopologicalSorter(
        {step.slug: {makers[file] for file in step.needs if file in makers} for step in steps}
    )
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        raise PipelineError(
            f"pipeline.toml: a cycle: {' needs '.join(reversed(error.args[1]))}"
        ) from None
    ordered: list[str] = []
    free: list[str] = []
    while sorter.is_active():
        free = sorted([*free, *sorter.get_ready()], key=lambda slug: by_slug[slug].notebook)
        ordered.append(free.pop(0))
        sorter.done(ordered[-1])
    return tuple(by_slug[slug] for slug in ordered)


def _check_files(pipeline: Pipeline) -> None:
    makers = pipeline.makers()
    for step in pipeline.steps:
        if not pipeline.notebook_path(step).is_file():
            raise PipelineError(
                f"pipeline.toml: [{step.slug}]: notebooks/{step.notebook} does not exist"
            )
        for file in step.needs:
            # data of the repository need no maker
            if file not in makers and not (pipeline.root / file).exists():
                raise PipelineError(
                    f"pipeline.toml: [{step.slug}] needs {file}, which no notebook makes and which "
                    f"is no file here{suggest(file, list(makers))}"
                )


def follow(pipeline: Pipeline, paths: Mapping[str, Iterable[str]]) -> Pipeline:
    """Add to what notebooks need the files that their parameters name and other notebooks make.

    Parameters
    ----------
    pipeline : Pipeline
        As `load` returns it.
    paths : mapping of str to iterable of str
        Slug → values of its parameters that name input files, relative to the project.

    Returns
    -------
    Pipeline
        In an order that suits.

    Raises
    ------
    PipelineError
        If that makes a cycle.
    """
    makers, here = pipeline.makers(), f"runs/{pipeline.profile}/"
    steps = []
    for step in pipeline.steps:
        named = [
            path.removeprefix(here) for path in paths.get(step.slug, ()) if path.startswith(here)
        ]
        steps.append(
            replace(
                step,
                needs=tuple(
                    dict.fromkeys([*step.needs, *(name for name in named if name in makers)])
                ),
            )
        )
    return replace(pipeline, steps=_in_order(steps))


def find(pipeline: Pipeline, target: str) -> str:
    """Return the slug of a target.

    Parameters
    ----------
    pipeline : Pipeline
        As `load` returns it.
    target : str
        A slug, a notebook or figure file, or a figure panel such as `fig3c`.

    Returns
    -------
    str

    Raises
    ------
    PipelineError
        If nothing, or more than one notebook, has that name; with a hint.
    """
    name = Path(target).name
    # a target may be pasted as a path
    name = Path(name).stem if name.endswith((".ipynb", *FIGURE_SUFFIXES)) else name
    owners = {
        step.slug: [
            step.slug,
            Path(step.notebook).stem,
            *step.figures,
            *(f"{step.slug}__{p}" for p in step.figures),
        ]
        for step in pipeline.steps
    }
    # forgiving: hyphens and capitals are not told apart
    asked = _plain(name)
    found = [slug for slug, names in owners.items() if asked in map(_plain, names)]
    if len(found) == 1:
        return found[0]
    known = sorted({known for names in owners.values() for known in names})
    if found:
        raise PipelineError(f"{target!r} is drawn by {' and '.join(found)}; name one of these")
    raise PipelineError(
        f"no notebook or figure {target!r}{suggest(name, known)} (run_all.py --list shows all)"
    )


def _plain(name: str) -> str:
    """Return a name as it is compared: `GeneSegNet-train` is `genesegnet_train`."""
    return name.lower().replace("-", "_")


def select(
    pipeline: Pipeline,
    targets: Sequence[str] = (),
    *,
    start: str | None = None,
    until: str | None = None,
    only: bool = False,
) -> list[str]:
    """Choose the notebooks to consider.

    Parameters
    ----------
    pipeline : Pipeline
        As `load` returns it.
    targets : sequence of str
        Slugs or figures; none = all. What they need is included unless `only`.
    start, until : str, optional
        First and last notebook of the derived order to consider.
    only : bool
        Take the targets alone, not what they need.

    Returns
    -------
    list of str
        Slugs, in order.

    Raises
    ------
    PipelineError
        For an unknown target, or if `start` and `until` leave nothing.
    """
    order = [step.slug for step in pipeline.steps]
    wanted = {find(pipeline, target) for target in targets} or set(order)
    if not only:
        # backwards: what a needed notebook needs is met later
        for slug in reversed(order):
            if slug in wanted:
                wanted |= pipeline.upstream(pipeline[slug])
    first = order.index(find(pipeline, start)) if start else 0
    last = order.index(find(pipeline, until)) if until else len(order) - 1
    selected = [slug for slug in order[first : last + 1] if slug in wanted]
    if not selected:
        raise PipelineError(
            f"nothing to do: the order is {', '.join(order)}, and --from and --until leave none of "
            "it"
        )
    return selected
