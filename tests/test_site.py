"""The site is whole, offline and honest about what is missing."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure
from nbformat import v4

from lib.data import origin
from lib.report import claims, figures, planted, published, scorecard, site
from lib.report.planted import Spread
from lib.run import pipeline, provenance, store

SIMULATED = origin.simulated("images")

R_SESSION = provenance.r_session

PIPELINE = """
[screen]
notebook = "20_screen.ipynb"
title = "Impact screen"
makes = ["results/screen.csv", "results/map.html", "results/screen__measured.json"]
figures = ["fig2c", "genes"]

[regulatory_cluster_go]
notebook = "42_regulatory_cluster_go.ipynb"
makes = ["results/regulatory_cluster_go__measured.json"]
figures = ["fig3c"]

[translation]
notebook = "50_translation.ipynb"
needs = ["results/screen.csv"]
makes = ["results/translation__measured.json"]
figures = ["fig4b"]
"""
MAP = "<html><body><p>All here, and <a href='https://example.org'>the paper</a></p></body></html>"
MEASURED = {
    "screen": {"imaging.planted.screen_auroc": 0.97},
    "regulatory_cluster_go": {"go.regulatory.n_background": 247, "go.regulatory.annotated.0": 56},
    "translation": {"translation.grid.n_configurations": 2160},
}
NOTES = {"regulatory_cluster_go": {"go.regulatory.n_background": "another release"}}


def notebook(root: Path) -> nbformat.NotebookNode:
    table = '<table><tr><td>42</td></tr></table><script src="https://example.org/x.js">alert(1)</script>'
    outputs = [
        v4.new_output("stream", text=f"written to {root}/runs/mini/results\n"),
        v4.new_output("display_data", data={"text/html": table}),
        v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="}),
    ]
    cells = [
        v4.new_markdown_cell("# Screen\n\nSee [the paper](https://example.org/paper)."),
        v4.new_code_cell("show()", execution_count=1, outputs=outputs),
    ]
    return v4.new_notebook(cells=cells)


def draw(root: Path, slug: str, panel: str) -> None:
    figure = Figure(figsize=(figures.COLUMN, 1.5))
    figure.add_subplot().plot([1, 2])
    data = pd.DataFrame({"x": [1, 2]})
    figures.show(
        figure,
        data,
        slug,
        panel,
        figures_dir=root / "figures/mini",
        caption="Simulated <data>.",
        said="s",
        origin=SIMULATED,
    )


def make(root: Path, slug: str) -> None:
    """Write what a notebook makes, as a run that ends well does: outputs, executed copy, stamp."""
    plan = pipeline.load("mini", root=root)
    step = plan[slug]
    for panel in step.figures:
        draw(root, slug, panel)
    for name, path in plan.outputs(step).items():
        if name.endswith("__measured.json"):
            claims.record(path, MEASURED[slug], notes=NOTES.get(slug))
        elif not path.exists():
            store.write_text(path, MAP if name.endswith(".html") else f"made by {slug}")
    store.write_text(root / "runs/mini/executed" / step.notebook, nbformat.writes(notebook(root)))
    outputs = {name: store.sha256(path) for name, path in plan.outputs(step).items()}
    stamp = {
        "slug": slug,
        "notebook": step.notebook,
        "key": "0",
        "parts": {},
        "outputs": outputs,
        "seconds": 3.25,
    }
    store.write_json(root / f"runs/mini/stamps/{slug}.json", stamp)


def fail(root: Path, slug: str) -> None:
    """Leave what a notebook that failed leaves."""
    step = pipeline.load("mini", root=root)[slug]
    store.write_text(
        root / "runs/mini/executed" / step.notebook.replace(".ipynb", ".failed.ipynb"), "{}"
    )


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def make_project(tmp_path: Path) -> Path:
    """A clone with the committed pictures of every notebook, of which this run has made one: the
    screen."""
    store.write_text(tmp_path / "pipeline.toml", PIPELINE)
    for name in ("20_screen.ipynb", "42_regulatory_cluster_go.ipynb", "50_translation.ipynb"):
        store.write_text(tmp_path / "notebooks" / name, nbformat.writes(v4.new_notebook()))
    store.write_text(tmp_path / "requirements.lock", "numpy==2\n")
    store.write_text(tmp_path / "params/mini.yaml", "screen: {}\n")
    for slug, panel in (
        ("regulatory_cluster_go", "fig3c"),
        ("translation", "fig4b"),
        ("scorecard", "table"),
    ):
        draw(tmp_path, slug, panel)
    make(tmp_path, "screen")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "params")
    who = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
    git(tmp_path, *who, "commit", "--quiet", "-m", "Start", "--date", "2024-01-02T03:04:05+00:00")
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def without_r():
    """R takes a second to say its version; that has a test of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "r_session", lambda packages=(): "R version 4.2.2")
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The project that the others are copies of."""
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def root(project, tmp_path) -> Path:
    return shutil.copytree(project, tmp_path, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def built(project, tmp_path_factory) -> Path:
    """A project with its site, for tests that only read."""
    root = shutil.copytree(project, tmp_path_factory.mktemp("built"), dirs_exist_ok=True)
    make(root, "screen")  # its notebook tells where it ran
    site.build("mini", root=root)
    return root


def pages(root: Path) -> dict[str, str]:
    folder = root / "runs/mini/site"
    return {
        str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.html"))
    }


def figures_of(root: Path) -> set[str]:
    return {path.stem for path in (root / "runs/mini/site/figures").glob("*.png")}


def test_every_page_is_there_and_every_local_link_leads_somewhere(built):
    site_dir = built / "runs/mini/site"
    assert list(pages(built)) == [
        "index.html",
        "interactive/map.html",
        "notebooks/screen.html",
        "planted.html",
        "provenance.html",
        "scorecard.html",
    ]
    for name, html in pages(built).items():
        for link, _, place in (
            link.partition("#") for link in re.findall(r'(?:href|src)="([^"]+)', html)
        ):
            if not link.startswith(("http", "data:")):
                target = (site_dir / name).parent / link if link else site_dir / name
                assert target.exists(), f"{name}: {link}"
                assert not place or f'id="{place}"' in target.read_text(), f"{name}: {link}#{place}"


def test_nothing_is_loaded_from_the_network_and_nothing_tells_where_it_ran(built):
    for name, html in pages(built).items():
        assert not site.external(html), name
        assert "<script src" not in html and str(built) not in html and "Someone" not in html, name
        assert ("<script" in html) == (name == "scorecard.html"), (
            f"{name}: only the search is a script"
        )
    assert not re.search(
        r"fetch|XMLHttpRequest|import\(|https?:", (site.TEMPLATES / "find.js").read_text()
    )
    assert "written to runs/mini/results" in pages(built)["notebooks/screen.html"]
    assert (
        'href="https://example.org/paper"' in pages(built)["notebooks/screen.html"]
    )  # a link to follow may stay


def test_gallery_shows_caption_alt_text_and_reads_in_order(built):
    html = pages(built)["index.html"]
    assert 'alt="Fig 2C. s Simulated &lt;data&gt;. Simulated data, planted truth."' in html
    assert "3.2 s" in html
    assert all(
        'alt="' in tag for html in pages(built).values() for tag in re.findall("<img[^>]*>", html)
    )
    assert (
        html.index("How to read")
        < html.index("The screen</h2>")
        < html.index("Gene regulation</h2>")
    )


# what this run made
# ------------------------------------------------------------------------------------------


def test_pictures_that_merely_lie_there_are_not_shown(built):
    """The committed figures of a clone in which one notebook ran."""
    html = pages(built)["index.html"]
    assert figures_of(built) == {"screen__fig2c", "screen__genes"}
    assert (
        "<b>1 of 3</b> notebooks" in html
        and "holds 3 more pictures that this run did not make" in html
    )
    assert "Not run: python run_all.py translation --profile mini" in html
    assert "fig4b.png" not in html and "fig3c.png" not in html


def test_a_picture_that_is_not_the_one_the_notebook_wrote_is_not_shown(root):
    (root / "figures/mini/screen__genes.png").write_bytes(
        (root / "figures/mini/scorecard__table.png").read_bytes()
    )
    draw(root, "scorecard", "table")
    (root / "figures/mini/screen__genes.svg").write_text("<svg>another</svg>")
    site.build("mini", root=root)
    assert not figures_of(root)
    assert (
        "To run again (figures/mini/screen__genes.svg is not as it was made"
        in pages(root)["index.html"]
    )


def test_what_has_to_run_again_says_why(root):
    site.build(
        "mini", root=root, again={"screen": ("code: cell 3 changed", "params: seed was 1, is 2")}
    )
    assert not figures_of(root)
    assert (
        "To run again (code: cell 3 changed, and 1 more): python run_all.py screen"
        in pages(root)["index.html"]
    )
    assert not list((root / "runs/mini/site/notebooks").iterdir())


def test_a_failed_notebook_says_so_and_what_waits_names_it(root):
    make(root, "translation")
    fail(root, "screen")
    site.build("mini", root=root, again={"screen": ["--force"]})
    html = pages(root)["index.html"]
    assert "It failed; runs/mini/logs/screen.log says where." in html and 'class="alarm"' in html
    assert "It waits for screen, which failed." in html and not figures_of(root)
    assert "failed" not in (root / "runs/mini/ro-crate-metadata.json").read_text()


def test_a_failure_of_earlier_does_not_hide_what_was_made_since(root):
    fail(root, "screen")
    site.build("mini", root=root)
    assert figures_of(root) == {"screen__fig2c", "screen__genes"}


def test_a_broken_stamp_counts_for_nothing(root):
    (root / "runs/mini/stamps/screen.json").write_text('{"slug": ')
    site.build("mini", root=root)
    assert not figures_of(root) and "Not run: python run_all.py screen" in pages(root)["index.html"]


# the scorecard
# ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scored(project, tmp_path_factory) -> str:
    """Scorecard of a run of Fig 3C in a clone that has values of another run lying about."""
    root = shutil.copytree(project, tmp_path_factory.mktemp("scored"), dirs_exist_ok=True)
    make(root, "regulatory_cluster_go")
    claims.record(root / "runs/mini/results/translation__measured.json", MEASURED["translation"])
    site.build("mini", root=root)
    assert {path.name for path in (root / "runs/mini/site/measured").iterdir()} == {
        "screen__measured.json",
        "regulatory_cluster_go__measured.json",
    }
    return pages(root)["scorecard.html"]


def test_only_values_of_this_run_are_compared(scored):
    headline = " ".join(
        re.sub("<[^>]*>", "", scored[scored.index("headline") :].split("</p>")[0]).split()
    )
    n_here = (
        "this run measured 2: 1 reproduced, 0 within tolerance, 1 differ as explained, 0 differ"
    )
    assert n_here in headline and "0 more are defined or read back" in headline
    row = scored[scored.index('id="go.regulatory.n_background"') :].split("</tr>")[0]
    assert (
        '<span class="status explained">differs, as explained</span>' in row
        and "another release" in row
    )
    row = scored[scored.index('id="translation.grid.n_configurations"') :].split("</tr>")[0]
    assert "not run" in row and ">2160</td>" in row


def test_every_value_can_be_found_and_filtered(scored):
    rows = re.findall(
        r'<tr id="([^"]+)" data-figure="([^"]+)" data-status="([^"]+)" data-text="([^"]+)"', scored
    )
    known = published.load()
    assert {name for name, *_ in rows} == set(known) and len(rows) == len(known)
    texts = {name: unescape(text) for name, _, _, text in rows}
    assert all(name in text and known[name].what.lower() in text for name, text in texts.items())
    assert {unescape(status) for _, _, status, _ in rows} <= set(scorecard.MARKS)
    assert 'id="find"' in scored and "hidden>" in scored[scored.index('id="find"') :][:80], (
        "shown by the script"
    )


def test_planted_truth_is_on_its_own_page_with_bound_and_spread(root, monkeypatch):
    name = "imaging.planted.screen_auroc"
    spread = Spread(profile="mini", id=name, n_seeds=12, mean=0.95, sd=0.01, min=0.93, max=0.97)
    monkeypatch.setattr(planted, "spreads", lambda profile: {name: spread})
    site.build("mini", root=root)
    html = pages(root)["planted.html"]
    row = html[html.index(f'id="{name}"') :].split("</tr>")[0]
    cells = [" ".join(re.sub("<[^>]*>", "", cell).split()) for cell in row.split("<td")[1:]]
    assert [cell.partition(">")[2] for cell in cells[:5]] == [
        "0.97",
        "≥ 0.92",
        "0.95 ± 0.01",
        "12",
        "holds",
    ]
    assert "<b>1 of 1</b> planted truths within their bound" in pages(root)["index.html"]
    assert "planted." not in " ".join(re.findall('<tr id="[^"]*"', pages(root)["scorecard.html"]))


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_search_finds_and_hides_in_a_browser(scored, tmp_path):
    page = tmp_path / "scorecard.html"
    page.write_text(scored)
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/profile",
        "--dump-dom",
        f"file://{page}?words=annotated+axis&status=reproduced",
    ]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    shown = [
        row
        for row in re.findall("<tr id=[^>]*>", dom)
        if "hidden" not in row.replace("data-text", "")
    ]
    assert [re.search('id="([^"]+)', row)[1] for row in shown] == ["go.regulatory.annotated.0"]


def test_an_empty_project_has_a_site_too(tmp_path):
    site.build("mini", root=tmp_path)
    html = pages(tmp_path)
    assert (
        "Nothing here yet" in html["index.html"]
        and "measured no published value yet" in html["scorecard.html"]
    )
    assert "unknown" in html["provenance.html"] and "missing" in html["provenance.html"]


# building
# ------------------------------------------------------------------------------------------


def test_the_site_is_the_same_twice_and_old_pages_go(root):
    assert site.build("mini", root=root) == root / "runs/mini/site/index.html"
    before = {path: path.read_bytes() for path in (root / "runs/mini").rglob("*") if path.is_file()}
    (root / "runs/mini/site/stale.html").write_text("old")
    site.build("mini", root=root)
    assert {
        path: path.read_bytes() for path in (root / "runs/mini").rglob("*") if path.is_file()
    } == before


def test_a_failed_build_leaves_the_old_site(root):
    site.build("mini", root=root)
    before = pages(root)
    store.write_text(root / "runs/mini/executed/20_screen.ipynb", "no notebook")
    with pytest.raises(nbformat.reader.NotJSONError):
        site.build("mini", root=root)
    assert pages(root) == before


def test_an_output_that_loads_from_the_network_is_refused(root):
    path = root / "runs/mini/executed/20_screen.ipynb"
    content = nbformat.read(path, as_version=4)
    content.cells[0].source = "![logo](https://example.org/logo.png)"
    store.write_text(path, nbformat.writes(content))
    with pytest.raises(ValueError, match="20_screen.ipynb loads from the network: .*logo.png"):
        site.build("mini", root=root)


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<script src="https://a.b/c.js">', True),
        ("<link rel=stylesheet href=//a.b/c.css>", True),
        ('<style>@import "https://a.b/c.css";</style>', True),
        ("<style>b { background: url(http://a.b/c.png) }</style>", True),
        ('<a href="https://a.b">', False),
        ('<svg xmlns="http://www.w3.org/2000/svg">', False),
        ('<img src="figures/x.png" alt="see http://a.b">', False),
    ],
)
def test_external(html, found):
    assert bool(site.external(html)) is found


def test_crate_describes_what_is_there_with_the_date_of_the_commit(built):
    graph = json.loads((built / "runs/mini/ro-crate-metadata.json").read_text())["@graph"]
    items = {item["@id"]: item for item in graph}
    files = [item["@id"] for item in items["./"]["hasPart"]]
    assert {
        "executed/20_screen.ipynb",
        "site/figures/screen__fig2c.csv",
        "site/source/requirements.lock",
    } <= set(files)
    assert all((built / "runs/mini" / file).exists() for file in files)
    assert items["./"]["datePublished"] == provenance.commit(built)["date"]
    assert items["site/figures/screen__fig2c.csv"]["sha256"] == store.sha256(
        built / "figures/mini/screen__fig2c.csv"
    )


def test_commit_says_whether_anything_changed(root):
    assert provenance.commit(root)["changed since"] == "no"
    store.write_text(root / "params/mini.yaml", "screen: {n: 1}\n")
    assert provenance.commit(root)["changed since"] == "yes"


def test_hardware_and_environment_are_told():
    assert set(provenance.hardware()) == {"system", "processor", "cores", "memory", "graphics card"}
    told = provenance.environment()
    assert told["requirements.lock"].startswith("sha256 ") and re.match(r"\d+\.\d+", told["numpy"])


def test_r_session_has_no_folders(monkeypatch):
    monkeypatch.setattr(
        provenance,
        "_output",
        lambda *a, **k: "BLAS:   /usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11",
    )
    assert R_SESSION() == "BLAS:   libblas.so.3.11"


def test_an_interactive_page_has_a_way_back_and_must_be_whole(built, root):
    html = pages(built)["interactive/map.html"]
    assert html.startswith("<html><body><nav") and "All here" in html
    assert 'href="../index.html#screen">Impact screen</a>' in html
    assert 'href="interactive/map.html"' in pages(built)["index.html"]
    assert "site/interactive/map.html" in (built / "runs/mini/ro-crate-metadata.json").read_text(
        encoding="utf-8"
    )
    assert (built / "runs/mini/results/map.html").read_text() == MAP, (
        "the notebook's own file stays as it is"
    )
    store.write_text(
        root / "runs/mini/results/map.html", '<script src="https://example.org/d3.js"></script>'
    )
    make(root, "screen")
    with pytest.raises(
        ValueError, match="map.html loads from the network: .*d3.js; embed it instead"
    ):
        site.build("mini", root=root)
