"""Figures are saved whole, with their words, and to the same bytes every time."""

import re
import subprocess
import sys

import matplotlib
import pandas as pd
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from lib.data import origin
from lib.report import figures
from lib.run import store

KINDS = ("csv", "pdf", "png", "svg")
DATA = pd.DataFrame({"x": [1, 2], "y": [0.1 + 0.2, 1 / 3]})


def draw() -> Figure:
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 2))
        figure.add_subplot().plot(DATA["x"], DATA["y"], marker="o")
    return figure


def save(folder, figure=None, **words):
    words = {
        "slug": "screen",
        "panel": "fig2c",
        "caption": "Bars,\n mean (µ = 1).",
        "said": "Two of 3 rise.",
        "origin": origin.simulated("images"),
        "data": DATA,
    } | words
    data, slug, panel = (words.pop(name) for name in ("data", "slug", "panel"))
    return figures.show(figure or draw(), data, slug, panel, figures_dir=folder, **words).png


def test_four_files_and_nothing_else(tmp_path):
    png = save(tmp_path)
    assert png == tmp_path / "screen__fig2c.png"
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"screen__fig2c.{kind}" for kind in KINDS]


def test_csv_hides_the_last_bits(tmp_path):
    assert save(tmp_path).with_suffix(".csv").read_text() == "x,y\n1,0.3\n2,0.3333333333\n"


def test_named_index_is_written(tmp_path):
    png = save(tmp_path, data=DATA.set_index(pd.Index(["A", "B"], name="gene")))
    assert png.with_suffix(".csv").read_text().startswith("gene,x,y\nA,")


def test_caption_and_title_travel_with_the_picture(tmp_path):
    png = save(tmp_path, title="Fig 2C")
    [found] = figures.saved(tmp_path)
    words = ("Fig 2C", "Two of 3 rise. Bars, mean (µ = 1). Simulated data, planted truth.")
    assert found == figures.Saved("screen", "fig2c", png, *words, size=found.size)
    assert abs(found.size[0] - 89 / 25.4 * 300) <= 1, "89 mm at 300 dots per inch"
    svg = png.with_suffix(".svg").read_text()
    assert "mean (µ = 1)" in svg and "<dc:date>" not in svg


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
    for kind in KINDS:
        assert (
            len({store.sha256(tmp_path / folder / f"screen__fig2c.{kind}") for folder in "abc"})
            == 1
        ), kind


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
        ({"caption": " "}, "screen__fig2c: caption is blank"),
        ({"said": ""}, "screen__fig2c: said is blank"),
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
    assert store.sha256(png) == old and len(list(tmp_path.iterdir())) == len(KINDS)


def test_a_picture_without_origin_is_refused(tmp_path):
    with pytest.raises(
        TypeError, match="screen__fig2c: the origin is None; pass what lib.data.origin.read returns"
    ):
        save(tmp_path, origin=None)


def test_a_picture_as_a_journal_does_not_print_it_is_refused(tmp_path):
    with figures.style():
        wide, small = Figure(figsize=(8, 2)), Figure(figsize=(figures.COLUMN, 2))
    small.text(0.5, 0.5, "tiny", fontsize=5)
    with pytest.raises(ValueError, match=r"203\.2 mm wide; a journal prints 89, 120, 183 mm"):
        save(tmp_path, wide)
    with pytest.raises(ValueError, match=r"'tiny' has 5\.0 points; at least 6"):
        save(tmp_path, small)
    assert not list(tmp_path.glob("*.csv"))


def test_what_does_not_fit_is_warned_of_and_the_width_stays(tmp_path):
    figure = draw()
    figure.text(0.9, 0.5, "a name that is far too long for this picture")
    with pytest.warns(
        UserWarning, match="screen__fig2c: what is drawn is .* mm wider than the picture"
    ):
        png = save(tmp_path, figure)
    assert (
        figures.saved(tmp_path)[0].size[0] == pytest.approx(89 / 25.4 * 300, abs=1) and png.exists()
    )


def test_the_origin_stands_on_the_picture_once_however_often_it_is_saved(tmp_path):
    figure = draw()
    save(tmp_path, figure)
    svg = save(tmp_path, figure).with_suffix(".svg").read_text()
    assert len(re.findall(r">simulated data</text>", svg)) == 1


def test_a_notebook_shows_picture_and_words(tmp_path):
    words = {
        "figures_dir": tmp_path,
        "origin": origin.simulated("images"),
        "caption": "p < 0.05.",
        "said": "1 > 0.",
    }
    html = figures.show(draw(), DATA, "screen", "fig2c", **words)._repr_html_()
    assert (
        "data:image/png;base64," in html
        and "1 &gt; 0. p &lt; 0.05. <i>Simulated data, planted truth.</i>" in html
    )


def test_letters_are_those_of_the_repository():
    found = font_manager.findfont(
        font_manager.FontProperties(family="Liberation Sans", weight="bold")
    )
    assert found == str(store.ROOT / "lib/report/fonts/LiberationSans-Bold.ttf")


def test_a_cluster_has_one_colour_whatever_stands_beside_it():
    few, many = figures.cluster_colours([2, "none"]), figures.cluster_colours(map(str, range(12)))
    assert (
        few["2"] == many["2"]
        and few["none"] == figures.NO_CLUSTER
        and len(set(many.values())) == 12
    )
    assert figures.cluster_colours(["cluster 2"]) == {"cluster 2": many["2"]}
    assert len(set(figures.cluster_colours(["alpha", "beta"]).values())) == 2
