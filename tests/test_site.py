"""The site is whole, offline and honest about what is missing."""

import json
import re
import subprocess
from pathlib import Path

import nbformat
import pytest
from matplotlib.figure import Figure
from nbformat import v4

from lib.report import figures, scorecard, site
from lib.report.published import Published
from lib.run import provenance, store

PIPELINE = """
[screen]
notebook = "20_screen.ipynb"
title = "Impact screen"
figures = ["fig2c", "genes"]

[translation]
notebook = "50_translation.ipynb"
figures = ["fig4b"]
"""


def notebook(root: Path) -> nbformat.NotebookNode:
    html = '<table><tr><td>42</td></tr></table><script src="https://example.org/x.js">alert(1)</script>'
    outputs = [
        v4.new_output("stream", text=f"written to {root}/runs/mini/results\n"),
        v4.new_output("display_data", data={"text/html": html}),
        v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="}),
    ]
    cells = [
        v4.new_markdown_cell("# Screen\n\nSee [the paper](https://example.org/paper)."),
        v4.new_code_cell("show()", execution_count=1, outputs=outputs),
    ]
    return v4.new_notebook(cells=cells)


def draw(root: Path, slug: str, panel: str) -> None:
    figure = Figure(figsize=(2, 1.5))
    figure.add_subplot().plot([1, 2])
    data = scorecard.compare([entry("go.n")], {"go.n": 9}, {"go.n": "another release"})
    figures.save(figure, data, slug, panel, figures_dir=root / "figures/mini", caption="Simulated <data>.")


def entry(name: str) -> Published:
    return Published(id=name, analysis="GO & more", what="terms", value=10, source="paper", certainty="printed",
                     tolerance="exact")  # fmt: skip


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def make_project(tmp_path: Path) -> Path:
    """A project in which one of two notebooks has run and made one of its two figures."""
    store.write_text(tmp_path / "pipeline.toml", PIPELINE)
    for name in ("20_screen.ipynb", "50_translation.ipynb"):
        store.write_text(tmp_path / "notebooks" / name, nbformat.writes(v4.new_notebook()))
    store.write_text(tmp_path / "requirements.lock", "numpy==2\n")
    store.write_text(tmp_path / "params/mini.yaml", "screen: {}\n")
    store.write_text(tmp_path / "runs/mini/executed/20_screen.ipynb", nbformat.writes(notebook(tmp_path)))
    stamp = {"slug": "screen", "notebook": "20_screen.ipynb", "key": "0", "parts": {}, "outputs": {}, "seconds": 3.25}
    store.write_json(tmp_path / "runs/mini/stamps/screen.json", stamp)
    draw(tmp_path, "screen", "fig2c")
    draw(tmp_path, "scorecard", "table")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "params")
    who = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
    git(tmp_path, *who, "commit", "--quiet", "-m", "Start", "--date", "2024-01-02T03:04:05+00:00")
    return tmp_path


@pytest.fixture
def root(tmp_path) -> Path:
    return make_project(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A project with its site, for tests that only read."""
    root = make_project(tmp_path_factory.mktemp("project"))
    site.build("mini", root=root)
    return root


def pages(root: Path) -> dict[str, str]:
    folder = root / "runs/mini/site"
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.html"))}


def test_every_page_is_there_and_every_local_link_leads_somewhere(built):
    index = built / "runs/mini/site/index.html"
    assert list(pages(built)) == ["index.html", "notebooks/screen.html", "provenance.html", "scorecard.html"]
    for name, html in pages(built).items():
        for link in re.findall(r'(?:href|src)="([^"#]+)', html):
            if not link.startswith(("http", "data:")):
                assert (index.parent / name).parent.joinpath(link).exists(), f"{name}: {link}"


def test_nothing_is_loaded_from_the_network_and_nothing_tells_where_it_ran(built):
    for name, html in pages(built).items():
        assert not site.external(html), name
        assert "<script" not in html and str(built) not in html and "Someone" not in html, name
    assert "written to runs/mini/results" in pages(built)["notebooks/screen.html"]
    assert 'href="https://example.org/paper"' in pages(built)["notebooks/screen.html"]  # a link to follow may stay


def test_gallery_shows_caption_alt_text_and_what_is_missing(built):
    html = pages(built)["index.html"]
    assert 'alt="Fig 2C. Simulated &lt;data&gt;."' in html
    assert "Figures not made yet: genes" in html and "Figures not made yet: fig4b" in html
    assert "python run_all.py translation --profile mini" in html and "3.2 s" in html
    assert all('alt="' in tag for html in pages(built).values() for tag in re.findall("<img[^>]*>", html))


def test_a_failed_notebook_says_so(root):
    store.write_text(root / "runs/mini/executed/50_translation.failed.ipynb", "{}")
    site.build("mini", root=root)
    html = pages(root)["index.html"]
    assert "The last run failed: <code>runs/mini/logs/translation.log</code>" in html
    assert "run_all.py translation" not in html
    assert "failed" not in (root / "runs/mini/ro-crate-metadata.json").read_text()


def test_scorecard_page_has_status_and_reason(built):
    html = pages(built)["scorecard.html"]
    assert '<span class="status judged2">differs, as explained</span>' in html
    assert "GO &amp; more" in html and "another release" in html


def test_an_empty_project_has_a_site_too(tmp_path):
    site.build("mini", root=tmp_path)
    html = pages(tmp_path)
    assert "Nothing here yet" in html["index.html"] and "Not made yet" in html["scorecard.html"]
    assert "unknown" in html["provenance.html"] and "missing" in html["provenance.html"]


def test_the_site_is_the_same_twice_and_old_pages_go(root):
    assert site.build("mini", root=root) == root / "runs/mini/site/index.html"
    before = {path: path.read_bytes() for path in (root / "runs/mini").rglob("*") if path.is_file()}
    (root / "runs/mini/site/stale.html").write_text("old")
    site.build("mini", root=root)
    assert {path: path.read_bytes() for path in (root / "runs/mini").rglob("*") if path.is_file()} == before


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
    assert {"executed/20_screen.ipynb", "site/figures/screen__fig2c.csv", "site/source/requirements.lock"} <= set(files)
    assert all((built / "runs/mini" / file).exists() for file in files)
    assert items["./"]["datePublished"] == provenance.commit(built)["date"]
    assert items["site/figures/screen__fig2c.csv"]["sha256"] == store.sha256(built / "figures/mini/screen__fig2c.csv")


def test_commit_says_whether_anything_changed(root):
    assert provenance.commit(root)["changed since"] == "no"
    store.write_text(root / "params/mini.yaml", "screen: {n: 1}\n")
    assert provenance.commit(root)["changed since"] == "yes"


def test_hardware_and_environment_are_told():
    assert set(provenance.hardware()) == {"system", "processor", "cores", "memory", "graphics card"}
    told = provenance.environment()
    assert told["requirements.lock"].startswith("sha256 ") and re.match(r"\d+\.\d+", told["numpy"])


def test_r_session_has_no_folders(monkeypatch):
    monkeypatch.setattr(provenance, "_output", lambda *a, **k: "BLAS:   /usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11")
    assert provenance.r_session() == "BLAS:   libblas.so.3.11"


def test_pages_that_a_notebook_makes_are_linked_and_must_be_whole(root):
    store.write_text(root / "pipeline.toml", PIPELINE.replace("[screen]", '[screen]\nmakes = ["results/map.html"]'))
    site.build("mini", root=root)
    assert 'class="interactive"' not in pages(root)["index.html"], "not made yet"
    store.write_text(root / "runs/mini/results/map.html", "<p>all here</p><a href='https://example.org'>paper</a>")
    folder = site.build("mini", root=root).parent
    assert 'href="interactive/map.html"' in pages(root)["index.html"]
    assert (folder / "interactive/map.html").read_text(encoding="utf-8").startswith("<p>all here")
    assert "site/interactive/map.html" in (root / "runs/mini/ro-crate-metadata.json").read_text(encoding="utf-8")
    store.write_text(root / "runs/mini/results/map.html", '<script src="https://example.org/d3.js"></script>')
    with pytest.raises(ValueError, match="map.html loads from the network: .*d3.js; embed it instead"):
        site.build("mini", root=root)
