"""The site of a profile: gallery, executed notebooks, scorecard and provenance of one run.

It is static and loads nothing from the network.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import jinja2
import nbformat
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

from lib.report import figures, site_scorecard, this_run
from lib.report.figures import Saved
from lib.report.this_run import Result
from lib.run import pipeline, provenance, store
from lib.run.pipeline import Pipeline, Step

TEMPLATES = Path(__file__).parent / "templates"
CHAPTERS = {
    "0": "Data and annotation",
    "1": "Images and nuclei",
    "2": "The screen",
    "3": "Interactome",
    "4": "Gene regulation",
    "5": "From images to regulation",
    "6": "Signatures of perturbations",
    "7": "Segmentation with transcripts",
    "8": "From histone marks to expression",
    "9": "Scorecard",
}
"""Tens of a notebook's number → chapter."""

_EXTERNAL = re.compile(
    r"""<(?:script|link|img|iframe|source|video|audio|embed|object)\b[^>]*?\s(?:src|href|data)\s*=\s*["']?
    (?:https?:)?//[^"'\s>]+ | @import\s+[^;]*//[^;]+ | url\(\s*["']?(?:https?:)?//[^)]+\)""",
    re.IGNORECASE | re.VERBOSE,
)
_WAY_BACK = """<nav aria-label="Way back"
style="padding: 0.4rem 1rem; font: 15px/1.4 system-ui, sans-serif">
<a href="../index.html">Compendium</a> › <a href="../index.html#{slug}">{title}</a> ›
{page}</nav>"""


@dataclass
class Section:
    """A notebook on the site: what this run made of it, or why there is nothing.

    Parameters
    ----------
    slug, title, chapter : str
        Identity, one line, and the heading under which it is listed.
    result : Result
        What came of it.
    figures : list of Saved
        Its figures; empty if this run did not make them.
    missing : tuple of str
        Panels that the run did not make.
    interactive : list of Path
        HTML pages that it made.
    """

    slug: str
    title: str
    chapter: str
    result: Result
    figures: list[Saved] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    interactive: list[Path] = field(default_factory=list)

    @property
    def page(self) -> str:
        """Address of the notebook's page, nothing if this run has not made it."""
        return f"notebooks/{self.slug}.html" if self.result.executed else ""


def build(
    profile: str, *, root: Path = store.ROOT, again: Mapping[str, Sequence[str]] | None = None
) -> Path:
    """Build `runs/<profile>/site` and `ro-crate-metadata.json` from what this run made.

    What the run did not make is named with the reason. The site is put together beside the old one
    and takes its place when it is whole.

    Parameters
    ----------
    profile : str
        For example `mini`.
    root : Path
        The project; a test passes another.
    again : mapping of str to sequence of str, optional
        Slug → why its notebook has to run again, as `lib.run.runner.Run.plan` says.

    Returns
    -------
    Path
        The first page, `index.html`.

    Raises
    ------
    ValueError
        If a page would load something from the network.
    PipelineError
        If `pipeline.toml` is malformed.
    """
    run_dir = root / "runs" / profile
    new = run_dir / ".site.new"
    # left over by a build that was killed
    shutil.rmtree(new, ignore_errors=True)
    (new / "notebooks").mkdir(parents=True)
    # a test's root may hold no pipeline
    plan = (
        pipeline.load(profile, root=root)
        if (root / "pipeline.toml").exists()
        else Pipeline((), profile, root)
    )
    sections = collect(plan, again)
    _copy_files(plan, sections, new)
    _copy_interactive(sections, new)
    write = partial(_write_page, new, profile)
    scores = site_scorecard.words(
        new / "measured", profile, ran=[s.slug for s in sections if s.result.is_made]
    )
    write("index.html", "gallery.html", title="Figures", **_gallery_words(plan, sections), **scores)
    write("scorecard.html", "scorecard.html", title="Scorecard", **scores)
    write("planted.html", "planted.html", title="Planted truth", **scores)
    write(
        "provenance.html",
        "provenance.html",
        title="Provenance",
        **_provenance_words(plan, sections),
    )
    _write_notebooks(sections, write, root)
    _swap(new, run_dir / "site")
    _write_crate(sections, profile, run_dir, root)
    return run_dir / "site" / "index.html"


def collect(plan: Pipeline, again: Mapping[str, Sequence[str]] | None = None) -> list[Section]:
    """List the notebooks in reading order, each with what this run made of it.

    Parameters
    ----------
    plan : Pipeline
        All notebooks of a profile.
    again : mapping of str to sequence of str, optional
        Slug → why its notebook has to run again.

    Returns
    -------
    list of Section
        One per notebook.
    """
    found = this_run.results(plan, again)
    pictures = {
        f"{one.slug}__{one.panel}": one
        for one in figures.saved(plan.root / "figures" / plan.profile)
    }
    sections = []
    for step in sorted(plan.steps, key=lambda step: step.notebook):
        result = found[step.slug]
        chapter = CHAPTERS.get(step.notebook[0], "Further notebooks")
        section = Section(step.slug, step.title or step.slug, chapter, result, missing=step.figures)
        if result.is_made:
            _add_files(section, step, pictures)
        sections.append(section)
    return sections


def external(html: str) -> list[str]:
    """Return every place where a page would load something from the network.

    Parameters
    ----------
    html : str
        The page.

    Returns
    -------
    list of str
        Text of each place; links to follow are no such places.
    """
    return [" ".join(match.group().split()) for match in _EXTERNAL.finditer(html)]


def _add_files(section: Section, step: Step, pictures: Mapping[str, Saved]) -> None:
    section.figures = [pictures[f"{step.slug}__{panel}"] for panel in step.figures]
    section.interactive = [
        section.result.files[name] for name in step.makes if name.endswith(".html")
    ]
    section.missing = ()


def _copy_files(plan: Pipeline, sections: Sequence[Section], site: Path) -> None:
    """Copy figures, measured values and what the run was made from.

    So the folder can be sent as it is.
    """
    for folder in ("figures", "measured", "source"):
        (site / folder).mkdir()
    for name, path in (item for section in sections for item in section.result.files.items()):
        if name.startswith("figures/"):
            shutil.copyfile(path, site / "figures" / path.name)
        elif name.endswith("__measured.json"):
            shutil.copyfile(path, site / "measured" / path.name)
    root = plan.root
    for path in (
        root / "requirements.lock",
        root / "params" / f"{plan.profile}.yaml",
        root / "pipeline.toml",
    ):
        if path.exists():
            shutil.copyfile(path, site / "source" / path.name)
    shutil.copyfile(TEMPLATES / "style.css", site / "style.css")


def _copy_interactive(sections: Sequence[Section], site: Path) -> None:
    """Copy the pages that notebooks made, with a way back.

    One that would load from the network is refused.
    """
    for section in sections:
        for path in section.interactive:
            html = path.read_text(encoding="utf-8")
            # the site has to work without a network, and years from now
            if loads := external(html):
                raise ValueError(
                    f"{path.name} loads from the network: {loads[0]}; embed it instead"
                )
            words = {
                "slug": section.slug,
                "title": section.title,
                "page": path.stem.replace("_", " "),
            }
            way_back = _WAY_BACK.format(
                **{key: str(jinja2.filters.escape(word)) for key, word in words.items()}
            )
            # a page without body gets the way back in front
            body = re.search(r"<body\b[^>]*>", html)
            start = body.end() if body else 0
            store.write_text(
                site / "interactive" / path.name, f"{html[:start]}{way_back}{html[start:]}"
            )


def _write_page(site: Path, profile: str, path: str, template: str, **words: object) -> None:
    up = "../" * path.count("/")
    # `up` leads from a page back to the site's root
    html = _templates().get_template(template).render(profile=profile, here=path, up=up, **words)
    store.write_text(site / path, html)


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(TEMPLATES)
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)


@cache
def _exporter() -> HTMLExporter:
    return HTMLExporter(template_name="basic")


def _write_notebooks(sections: Sequence[Section], write: Callable, root: Path) -> None:
    light, dark = (
        HtmlFormatter(style=style).get_style_defs(".highlight")
        for style in ("default", "github-dark")
    )
    colours = f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    for section in (section for section in sections if section.page):
        body = notebook_body(_exporter(), section, root)
        write(
            section.page,
            "notebook.html",
            title=section.title,
            section=section,
            body=body,
            colours=colours,
        )


def notebook_body(exporter: HTMLExporter, section: Section, root: Path) -> str:
    """Return an executed notebook as HTML that depends on nothing outside it.

    Scripts and the folders of this machine are taken out.

    Parameters
    ----------
    exporter : HTMLExporter
        Of nbconvert.
    section : Section
        A notebook that was executed.
    root : Path
        The project, whose path is taken out of the text.

    Returns
    -------
    str
        Body of a page.

    Raises
    ------
    ValueError
        If an output still loads something from the network.
    """
    executed = section.result.executed
    notebook = nbformat.read(executed, as_version=4)
    body, _ = exporter.from_notebook_node(notebook)
    # scripts of nbconvert and of outputs may load from the network
    body = re.sub(r"<script\b.*?</script>", "", body, flags=re.DOTALL | re.IGNORECASE)
    body = body.replace(
        "No description has been provided for this image",
        f"Output of the notebook: {section.title}",
    )
    # tracebacks and warnings name files with their folders
    for folder in (root, Path.home()):
        body = body.replace(f"{folder}/", "")
    if external(body):
        raise ValueError(
            f"{executed.name} loads from the network: {external(body)[0]}; embed it instead"
        )
    return body


def _gallery_words(plan: Pipeline, sections: Sequence[Section]) -> dict:
    chapters: dict[str, list[Section]] = {}
    for section in sections:
        chapters.setdefault(section.chapter, []).append(section)
    folder = plan.root / "figures" / plan.profile
    made = [figure.png for section in sections for figure in section.figures]
    return {
        "sections": sections,
        "chapters": chapters,
        "n_made": sum(section.result.is_made for section in sections),
        "failed": [section for section in sections if section.result.state == this_run.FAILED],
        "others": len(this_run.others(folder, made)),
    }


def _provenance_words(plan: Pipeline, sections: Sequence[Section]) -> dict:
    # R is asked once for all notebooks
    packages = sorted({package for step in plan.steps for package in step.r_packages})
    return {
        "tables": {
            "Code": provenance.commit(plan.root),
            "Hardware": provenance.hardware(),
            "Python environment": provenance.environment(plan.root),
        },
        "r_session": provenance.r_session(packages),
        "sections": sections,
    }


def _swap(new: Path, site: Path) -> None:
    """Put a finished folder in the place of the old one."""
    old = site.with_name(".site.old")
    shutil.rmtree(old, ignore_errors=True)
    # two renames: the old site is away for a moment only
    if site.exists():
        site.rename(old)
    new.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def _write_crate(sections: Sequence[Section], profile: str, run_dir: Path, root: Path) -> None:
    files = {}
    # the same title for all files of a figure
    captions = {figure.png.stem: figure.title for section in sections for figure in section.figures}
    for section in (section for section in sections if section.page):
        files[f"executed/{section.result.executed.name}"] = f"executed notebook: {section.title}"
    for path in sorted(run_dir.glob("site/figures/*")):
        files[f"site/figures/{path.name}"] = (
            f"{captions.get(path.stem, path.stem)} ({path.suffix[1:].upper()})"
        )
    for path in sorted(run_dir.glob("site/measured/*")):
        files[f"site/measured/{path.name}"] = (
            f"measured values: {path.stem.removesuffix('__measured')}"
        )
    for path in sorted(run_dir.glob("site/source/*")):
        files[f"site/source/{path.name}"] = {".lock": "Python environment, with hashes"}.get(
            path.suffix, path.name
        )
    for path in sorted(run_dir.glob("site/interactive/*")):
        files[f"site/interactive/{path.name}"] = f"interactive page: {path.stem}"
    files["site/index.html"] = "gallery of the figures"
    provenance.write_crate(
        run_dir,
        files,
        name=f"Image2Reg compendium, profile {profile}",
        root=root,
        description="Figures, executed notebooks, parameters and environment of one run of the "
        "compendium.",
    )
