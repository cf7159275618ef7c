"""The site of a profile: gallery, executed notebooks, scorecard, provenance. Static, and complete without a network."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import jinja2
import nbformat
import pandas as pd
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

from lib.report import scorecard
from lib.report.figures import Saved, saved
from lib.run import pipeline, provenance, store

TEMPLATES = Path(__file__).parent / "templates"
SCORECARD = "scorecard__table"
_EXTERNAL = re.compile(
    r"""<(?:script|link|img|iframe|source|video|audio|embed|object)\b[^>]*?\s(?:src|href|data)\s*=\s*["']?
    (?:https?:)?//[^"'\s>]+ | @import\s+[^;]*//[^;]+ | url\(\s*["']?(?:https?:)?//[^)]+\)""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass
class Section:
    """A notebook on the site: figures, panels still owed, executed copy, run time in s, and a failed later run.

    `interactive` are the pages (`.html`) that the notebook makes among its results.
    """

    slug: str
    title: str
    figures: list[Saved] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    executed: Path | None = None
    seconds: float | None = None
    failed: bool = False
    interactive: list[Path] = field(default_factory=list)

    @property
    def page(self) -> str:
        """Address of the notebook's page, nothing if it has not run."""
        return f"notebooks/{self.slug}.html" if self.executed else ""


def build(profile: str, *, root: Path = store.ROOT) -> Path:
    """Build `runs/<profile>/site` and `ro-crate-metadata.json` from what is there; what is not is listed as missing.

    The site is put together beside the old one and takes its place when it is whole.

    Parameters
    ----------
    profile : str
        For example `mini`.
    root : Path
        The project; a test passes another.

    Returns
    -------
    Path
        The first page, `index.html`.
    """
    run_dir = root / "runs" / profile
    new = run_dir / ".site.new"
    shutil.rmtree(new, ignore_errors=True)
    (new / "notebooks").mkdir(parents=True)
    sections = collect(profile, root)
    table = _scorecard_table(root / "figures" / profile)
    _copy_files(profile, root, new)
    _copy_interactive(sections, new)
    write = partial(_write_page, new, profile)
    write("index.html", "gallery.html", title="Figures", sections=sections)
    write("scorecard.html", "scorecard.html", title="Scorecard", **_scorecard_words(table))
    write("provenance.html", "provenance.html", title="Provenance", **_provenance_words(sections, profile, root))
    _write_notebooks(sections, write, root)
    _swap(new, run_dir / "site")
    _write_crate(sections, profile, run_dir, root)
    return run_dir / "site" / "index.html"


def collect(profile: str, root: Path = store.ROOT) -> list[Section]:
    """List the notebooks in the order of the pipeline with what each has made, then figures of no known notebook."""
    steps = pipeline.load(profile, root=root).steps if (root / "pipeline.toml").exists() else ()
    sections = {step.slug: Section(step.slug, step.title or step.slug) for step in steps}
    found = saved(root / "figures" / profile)
    for figure in found:
        sections.setdefault(figure.slug, Section(figure.slug, figure.slug)).figures.append(figure)
    for step in steps:
        made = {figure.panel for figure in sections[step.slug].figures}
        sections[step.slug].missing = [panel for panel in step.figures if panel not in made]
        pages = [root / "runs" / profile / file for file in step.makes if file.endswith(".html")]
        sections[step.slug].interactive = [page for page in pages if page.is_file()]
    for section in sections.values():
        _add_run(section, root / "runs" / profile)
    return list(sections.values())


def external(html: str) -> list[str]:
    """Return every place where a page would load something from the network; links to follow are no such places."""
    return [" ".join(match.group().split()) for match in _EXTERNAL.finditer(html)]


def _add_run(section: Section, run_dir: Path) -> None:
    stamp = run_dir / "stamps" / f"{section.slug}.json"
    if stamp.exists():
        content = store.read_json(stamp)
        executed = run_dir / "executed" / content["notebook"]
        section.executed = executed if executed.exists() else None
        section.seconds = content["seconds"]
    section.failed = any(run_dir.glob(f"executed/*_{section.slug}.failed.ipynb"))


def _copy_files(profile: str, root: Path, site: Path) -> None:
    """Copy figures and what the run was made from, so that the folder can be moved or sent as it is."""
    (site / "figures").mkdir()
    for path in sorted((root / "figures" / profile).glob("[!.]*__*.*")):
        shutil.copyfile(path, site / "figures" / path.name)
    (site / "source").mkdir()
    for path in (root / "requirements.lock", root / "params" / f"{profile}.yaml", root / "pipeline.toml"):
        if path.exists():
            shutil.copyfile(path, site / "source" / path.name)
    shutil.copyfile(TEMPLATES / "style.css", site / "style.css")


def _copy_interactive(sections: list[Section], site: Path) -> None:
    """Copy the pages that notebooks made; one that would load from the network is refused."""
    for path in (path for section in sections for path in section.interactive):
        if loads := external(path.read_text(encoding="utf-8")):
            raise ValueError(f"{path.name} loads from the network: {loads[0]}; embed it instead")
        (site / "interactive").mkdir(exist_ok=True)
        shutil.copyfile(path, site / "interactive" / path.name)


def _write_page(site: Path, profile: str, path: str, template: str, **words: object) -> None:
    loader = jinja2.FileSystemLoader(TEMPLATES)
    page = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    up = "../" * path.count("/")
    html = page.get_template(template).render(profile=profile, here=path, up=up, **words)
    store.write_text(site / path, html)


def _write_notebooks(sections: list[Section], write: Callable, root: Path) -> None:
    exporter = HTMLExporter(template_name="basic")
    colours = HtmlFormatter(style="default").get_style_defs(".highlight")
    for section in (section for section in sections if section.executed):
        body = notebook_body(exporter, section, root)
        write(section.page, "notebook.html", title=section.title, section=section, body=body, colours=colours)


def notebook_body(exporter: HTMLExporter, section: Section, root: Path) -> str:
    """Return an executed notebook as HTML without scripts, network addresses to load from, or folders of this machine.

    Raises
    ------
    ValueError
        If an output still loads something from the network.
    """
    notebook = nbformat.read(section.executed, as_version=4)
    body, _ = exporter.from_notebook_node(notebook)
    body = re.sub(r"<script\b.*?</script>", "", body, flags=re.DOTALL | re.IGNORECASE)
    body = body.replace("No description has been provided for this image", f"Output of the notebook: {section.title}")
    for folder in (root, Path.home()):
        body = body.replace(f"{folder}/", "")
    if external(body):
        raise ValueError(f"{section.executed.name} loads from the network: {external(body)[0]}; embed it instead")
    return body


def _scorecard_table(figures_dir: Path) -> pd.DataFrame | None:
    path = figures_dir / f"{SCORECARD}.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False) if path.exists() else None


def _scorecard_words(table: pd.DataFrame | None) -> dict:
    classes = {status: f"judged{number}" for number, status in enumerate(scorecard.MARKS)}
    if table is None:
        return {"groups": [], "counts": {}, "classes": classes}
    groups = [(name, rows.to_dict("records")) for name, rows in table.groupby("analysis", sort=False)]
    return {"groups": groups, "counts": scorecard.summary(table), "classes": classes}


def _provenance_words(sections: list[Section], profile: str, root: Path) -> dict:
    steps = pipeline.load(profile, root=root).steps if (root / "pipeline.toml").exists() else ()
    packages = sorted({package for step in steps for package in step.r_packages})
    return {
        "tables": {
            "Code": provenance.commit(root),
            "Hardware": provenance.hardware(),
            "Python environment": provenance.environment(root),
        },
        "r_session": provenance.r_session(packages),
        "sections": sections,
    }


def _swap(new: Path, site: Path) -> None:
    """Put a finished folder in the place of the old one."""
    old = site.with_name(".site.old")
    shutil.rmtree(old, ignore_errors=True)
    if site.exists():
        site.rename(old)
    new.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def _write_crate(sections: list[Section], profile: str, run_dir: Path, root: Path) -> None:
    files = {}
    captions = {figure.png.stem: figure.title for figure in saved(run_dir / "site" / "figures")}
    for section in (section for section in sections if section.executed):
        files[f"executed/{section.executed.name}"] = f"executed notebook: {section.title}"
    for path in sorted(run_dir.glob("site/figures/*")):
        files[f"site/figures/{path.name}"] = f"{captions.get(path.stem, path.stem)} ({path.suffix[1:].upper()})"
    for path in sorted(run_dir.glob("site/source/*")):
        files[f"site/source/{path.name}"] = {".lock": "Python environment, with hashes"}.get(path.suffix, path.name)
    for path in sorted(run_dir.glob("site/interactive/*")):
        files[f"site/interactive/{path.name}"] = f"interactive page: {path.stem}"
    files["site/index.html"] = "gallery of the figures"
    provenance.write_crate(
        run_dir, files, name=f"Image2Reg compendium, profile {profile}", root=root,
        description="Figures, executed notebooks, parameters and environment of one run of the compendium.",
    )  # fmt: skip
