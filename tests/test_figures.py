"""Figures are saved whole, with their words, and to the same bytes every time."""

import subprocess
import sys

import matplotlib
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lib.report import figures
from lib.run import store

DATA = pd.DataFrame({"x": [1, 2], "y": [0.1 + 0.2, 1 / 3]})


def draw() -> Figure:
    with figures.style():
        figure = Figure(figsize=(2, 2))
        figure.add_subplot().plot(DATA["x"], DATA["y"], marker="o")
    return figure


def save(folder, figure=None, **words):
    words = {"slug": "screen", "panel": "fig2c", "caption": "Simulated data,\n planted truth (µ = 1)."} | words
    return figures.save(figure or draw(), words.pop("data", DATA), words.pop("slug"), words.pop("panel"),
                        figures_dir=folder, **words)  # fmt: skip


def test_three_files_and_nothing_else(tmp_path):
    png = save(tmp_path)
    assert png == tmp_path / "screen__fig2c.png"
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"screen__fig2c.{kind}" for kind in ("csv", "png", "svg")]


def test_csv_hides_the_last_bits(tmp_path):
    assert save(tmp_path).with_suffix(".csv").read_text() == "x,y\n1,0.3\n2,0.3333333333\n"


def test_named_index_is_written(tmp_path):
    png = save(tmp_path, data=DATA.set_index(pd.Index(["A", "B"], name="gene")))
    assert png.with_suffix(".csv").read_text().startswith("gene,x,y\nA,")


def test_caption_and_title_travel_with_the_picture(tmp_path):
    png = save(tmp_path, title="Fig 2C")
    [found] = figures.saved(tmp_path)
    words = ("Fig 2C", "Simulated data, planted truth (µ = 1).")
    assert found == figures.Saved("screen", "fig2c", png, *words, size=found.size)
    assert abs(found.size[0] - 600) < 60  # about two inches at 300 dots an inch
    svg = png.with_suffix(".svg").read_text()
    assert "planted truth (µ = 1)" in svg and "<dc:date>" not in svg


@pytest.mark.parametrize(
    ("panel", "title"),
    [
        ("fig2c", "Fig 2C"),
        ("fig2e_go", "Fig 2E, go"),
        ("fig4", "Fig 4"),
        ("figures", "Figures"),
        ("top_terms", "Top terms"),
    ],
)
def test_a_panel_without_title_is_named_in_words(tmp_path, panel, title):
    save(tmp_path, panel=panel)
    assert figures.saved(tmp_path)[0].title == title


def test_same_bytes_in_the_same_and_in_another_process(tmp_path):
    save(tmp_path / "a")
    save(tmp_path / "b")
    code = "import sys; from tests import test_figures as t; t.save(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "c")], check=True, cwd=store.ROOT)
    for kind in ("csv", "png", "svg"):
        assert len({store.sha256(tmp_path / folder / f"screen__fig2c.{kind}") for folder in "abc"}) == 1, kind


def test_style_ends_with_its_block():
    before = dict(matplotlib.rcParams)
    with figures.style():
        assert matplotlib.rcParams["axes.linewidth"] == 0.6
    assert dict(matplotlib.rcParams) == before


def test_no_font_is_reported_missing(tmp_path, caplog):
    save(tmp_path)
    assert "findfont" not in caplog.text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"panel": "Fig 2C"}, "panel 'Fig 2C': use small letters"),
        ({"panel": "a__b"}, "panel 'a__b'"),
        ({"slug": "../up"}, "slug '../up'"),
        ({"caption": " "}, "screen__fig2c: the caption is blank"),
        ({"data": DATA.iloc[:0]}, "screen__fig2c: no data behind the picture"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(tmp_path, words, message):
    with pytest.raises(ValueError, match=message):
        save(tmp_path / "out", **words)
    assert not (tmp_path / "out").exists()


def test_a_broken_save_leaves_the_old_picture(tmp_path, monkeypatch):
    png = save(tmp_path)
    old = store.sha256(png)
    figure = draw()
    monkeypatch.setattr(figure, "savefig", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(tmp_path, figure)
    assert store.sha256(png) == old and len(list(tmp_path.iterdir())) == 3
