"""What was published is read strictly; what was measured is put beside it and judged."""

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from lib.data import origin
from lib.data.errors import InputError
from lib.report import figures, paper_figures, published, scorecard, scorecard_plot
from lib.report.published import Published
from lib.run import pipeline

SIMULATED = origin.simulated("images")

BASE = {
    "id": "go.x",
    "analysis": "GO",
    "what": "terms",
    "value": 10,
    "source": "paper",
    "certainty": "printed",
    "tolerance": "exact",
}


def entry(**changes) -> Published:
    return Published.model_validate(BASE | changes)


def status(measured, **changes) -> str:
    return scorecard.compare([entry(**changes)], {} if measured is None else {"go.x": measured})[
        "status"
    ].item()


def write(folder, text, name="go.yaml"):
    (folder / name).write_text(text)
    return folder


# the committed files
# ------------------------------------------------------------------------------------------


def test_gene_lists_have_the_published_sizes():
    lists = published.gene_lists()
    assert {name: len(genes) for name, genes in lists.items()} == {
        "over_expression_targets": 190,
        "impactful_genes": 41,
        "gene_perturbation_clusters": 39,
        "gene_perturbation_singletons": 2,
        "regulatory_clusters": 249,
    }
    assert set(lists["impactful_genes"]) < set(lists["over_expression_targets"])
    clustered = lists["gene_perturbation_clusters"] + lists["gene_perturbation_singletons"]
    assert sorted(clustered) == sorted(lists["impactful_genes"])


def test_clusters_have_the_published_sizes():
    sizes = {
        name: len(genes)
        for name, genes in published.gene_clusters("gene_perturbation_clusters").items()
    }
    assert sizes == dict(zip("123456789", [7, 7, 5, 2, 4, 6, 3, 2, 3], strict=True))
    sizes = [len(genes) for genes in published.gene_clusters("regulatory_clusters").values()]
    assert sizes == [57, 26, 40, 24, 21, 17, 37, 27]
    with pytest.raises(InputError, match="no clustering 'impactful_genes'"):
        published.gene_clusters("impactful_genes")


def test_published_numbers_of_the_go_chapter():
    values = {name: item.value for name, item in published.load().items()}
    assert values["go.physical.n_terms"] == 1235 and values["go.clusters.n_terms"] == 331
    assert [values[f"go.regulatory.annotated.{k}"] for k in (0, 1, 2, 3, 6, 7)] == [
        56,
        26,
        40,
        24,
        37,
        27,
    ]
    assert [k for k in range(8) if not values[f"go.regulatory.significant.{k}"]] == [4, 5]


@pytest.mark.real
def test_numbers_and_lists_agree_with_the_stored_tables(real):
    go = real / "reference/go/topgo_bioc312"
    values = {name: item.value for name, item in published.load().items()}
    physical = pd.read_csv(go / "physical_regulators/result.csv", dtype={"pval": str})
    assert len(physical) == values["go.physical.n_terms"]
    assert (physical["p_weight01"] < 0.05).sum() == values["go.physical.n_raw"]
    assert physical["term"][0] == values["go.physical.leading_term"]
    for k in range(1, 6):
        table = pd.read_csv(go / f"clusters/cluster{k}_result.csv")
        assert (len(table), table["term"][0], table["pval"][0], (table["pval"] < 0.05).sum()) == (
            values["go.clusters.n_terms"],
            values[f"go.clusters.leading_term.{k}"],
            values[f"go.clusters.leading_p.{k}"],
            values[f"go.clusters.n_raw.{k}"],
        )
    table = pd.read_csv(real / "reference/image2reg/regulatory_clusters_249.csv")
    stored = {str(k): list(genes) for k, genes in table.groupby("cluster")["gene"]}
    assert stored == published.gene_clusters("regulatory_clusters")


# malformed files
# ------------------------------------------------------------------------------------------

GOOD = (
    "entries:\n  - {id: go.x, analysis: GO, what: n, value: 1, source: p, certainty: printed, "
    "tolerance: exact}\n"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GOOD.replace("printed", "sure"),
            r"go.yaml, entry 1 \(go.x\): certainty: .*'printed'.*got 'sure'",
        ),
        (
            GOOD.replace("exact", "{abs: -1}"),
            r"go.yaml, entry 1 \(go.x\): tolerance.*greater than 0",
        ),
        (GOOD.replace("exact", "{abs: 1, rel: 1}"), "give one of abs, rel, .* not abs, rel"),
        (GOOD.replace("value", "vaule"), r"go.yaml, entry 1 \(go.x\): va"),
        (GOOD.replace("go.x", "x"), r"go.yaml, entry 1 \(x\): id"),
        (GOOD + GOOD.removeprefix("entries:\n"), "entry 2: the id go.x is given twice"),
        ("entries: [", "go.yaml is not valid YAML"),
        ("numbers: []", "go.yaml: expected one key 'entries' holding a list"),
        ("entries: [1]", r"go.yaml, entry 1 \(not a mapping\)"),
    ],
)
def test_a_malformed_file_names_itself_and_the_entry(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        published.load(write(tmp_path, text))


@pytest.mark.parametrize(
    ("genes", "message"),
    [
        ("genes: []", "list mine: genes: .*at least 1"),
        ("genes: [JUN, ERG, JUN]", "list mine: entry: repeated genes: JUN"),
        ('clusters: {"1": [JUN], "2": [JUN]}', "repeated genes: JUN"),
        ("genes: [JUN, 1]", "list mine: genes.1: .*string"),
        ("note: x", "give either genes or clusters"),
    ],
)
def test_a_malformed_gene_list_is_refused(tmp_path, genes, message):
    text = f"lists:\n  mine: {{what: w, source: s, certainty: printed, {genes}}}\n"
    with pytest.raises(InputError, match=message):
        published.gene_lists(write(tmp_path, text, "gene_lists.yaml") / "gene_lists.yaml")


# judging
# ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published_value", "tolerance", "value", "expected"),
    [
        (10, "exact", 10, scorecard.REPRODUCED),
        (10, "exact", 10.0, scorecard.REPRODUCED),
        (10, "exact", 11, scorecard.DIFFERS),
        (
            11.9,
            {"abs": 0.05},
            11.95,
            scorecard.WITHIN,
        ),  # 11.95 − 11.9 is a little over 0.05 in binary
        (11.9, {"abs": 0.05}, 11.96, scorecard.DIFFERS),
        (200.0, {"rel": 0.1}, 220.0, scorecard.WITHIN),
        (-200.0, {"rel": 0.1}, -221.0, scorecard.DIFFERS),
        (0.85, {"at_least": 0.8}, 0.8, scorecard.WITHIN),
        (0.85, {"at_least": 0.8}, 0.79, scorecard.DIFFERS),
        (0.1, {"at_most": 0.2}, 0.15, scorecard.WITHIN),
        (True, "exact", True, scorecard.REPRODUCED),
        (True, "exact", 1, scorecard.DIFFERS),
        (
            "cell cycle",
            {"one_of": ["cell cycle", "nuclear division"]},
            "nuclear division",
            scorecard.WITHIN,
        ),
        ("cell cycle", "exact", "growth", scorecard.DIFFERS),
        ("cell cycle", {"one_of": ["cell cycle"]}, 3, scorecard.DIFFERS),
    ],
)
def test_status(published_value, tolerance, value, expected):
    assert status(value, value=published_value, tolerance=tolerance) == expected


def test_missing_values():
    assert status(None) == scorecard.NEEDS_DATA
    assert status(None, basis="defined") == scorecard.NOT_RUN, "a definition needs no data"


def test_what_belongs_to_a_notebook_that_has_not_run_is_not_said_to_need_data():
    entries = [
        entry(analysis="JUMP images"),
        entry(id="go.y", analysis="GO of the impactful genes"),
    ]
    table = scorecard.compare(entries, {}, ran=["impactful_genes_go"]).set_index("id")
    assert table["status"].to_dict() == {"go.y": scorecard.NEEDS_DATA, "go.x": scorecard.NOT_RUN}
    assert list(table["figure"]) == ["Fig 2C", "Fig 4C"], "reading order"


def test_a_difference_with_a_reason_says_it():
    entries = [entry(needs="org.Hs.eg.db 3.12"), entry(id="go.y", note="printed once")]
    table = scorecard.compare(entries, {"go.x": 7, "go.y": 9}, {"go.y": "simulated data"})
    assert list(table["status"]) == [scorecard.EXPLAINED] * 2
    assert list(table["note"]) == [
        "published with org.Hs.eg.db 3.12",
        "simulated data; printed once",
    ]
    assert list(table["difference"]) == [-3, -1]


def test_a_misspelt_id_is_refused():
    with pytest.raises(
        ValueError, match="go.xx is measured but not in params/published or .*; did you mean go.x"
    ):
        scorecard.compare([entry()], {"go.xx": 1})


# figure by figure
# ------------------------------------------------------------------------------------------


def test_every_committed_analysis_belongs_to_one_figure_and_a_notebook():
    """A new analysis is added to params/published/paper_figures.yaml, else it is shown as a figure
    of its own."""
    shown, entries = paper_figures.load(), published.load().values()
    listed = [analysis for one in shown for analysis in one.analyses]
    assert len(listed) == len(set(listed))
    assert set(listed) == {one.analysis for one in entries}
    slugs = {step.slug for step in pipeline.load("mini").steps}
    assert {slug for one in shown for slug in one.analyses.values()} <= slugs


def many() -> pd.DataFrame:
    """A scorecard of two figures: one half measured, one with a definition and what is missing."""
    entries = [
        entry(id=f"go.x{i}", what=f"quantity {i}", analysis="JUMP images") for i in range(60)
    ]
    entries += [
        entry(id="go.n", analysis="Networks", basis="defined"),
        entry(id="go.m", analysis="Networks"),
    ]
    entries += [entry(id="go.z", analysis="Networks", needs="a newer release")]
    measured = {f"go.x{i}": 10 + i % 2 for i in range(50)} | {"go.n": 10, "go.z": 9}
    return scorecard.compare(entries, measured)


def test_the_overview_counts_what_is_measured_apart_from_what_is_defined():
    rows = scorecard.overview(many()).set_index("figure")
    assert list(rows.index) == ["Fig 4C", "Methods"]
    jump = rows.loc["Fig 4C"]
    assert (
        jump["reproduced"],
        jump["differs"],
        jump["needs the paper's data"],
        jump["defined"],
    ) == (25, 25, 10, 0)
    assert (
        jump["summary"]
        == "25 of 50 agree; 25 differ without a known reason; 10 need the paper's data"
    )
    methods = rows.loc["Methods"]
    assert (methods["reproduced"], methods["differs, as explained"], methods["defined"]) == (
        0,
        1,
        1,
    )
    assert (
        methods["summary"]
        == "0 of 1 agree; 1 differs: published with a newer release; 1 needs the paper's data"
    )


# the picture
# ------------------------------------------------------------------------------------------


def test_the_picture_fits_a_page_is_readable_and_the_table_has_every_row(tmp_path):
    for name in "ab":
        figure, data = scorecard_plot.draw(many())
        shown = figures.show(
            figure,
            data,
            "scorecard",
            "table",
            figures_dir=tmp_path / name,
            caption="Scorecard.",
            said="s",
            origin=SIMULATED,
        )
    png = shown.png
    with Image.open(png) as image:
        assert image.size[0] / 300 * 25.4 <= 183
    texts = [text for ax in figure.axes for text in ax.findobj(Text) if text.get_text()]
    assert min(text.get_fontsize() for text in texts) >= 6
    drawn = [text.get_text() for text in texts]
    assert {"Fig 4C", "Methods", "25", "10"} <= set(drawn)
    assert set(pd.read_csv(png.with_suffix(".csv"))["id"]) == set(many()["id"])
    assert (tmp_path / "a/scorecard__table.svg").read_bytes() == (
        tmp_path / "b/scorecard__table.svg"
    ).read_bytes()


def test_bars_are_as_long_as_the_counts():
    figure, _ = scorecard_plot.draw(many())
    bars = [patch for patch in figure.axes[0].patches if patch.get_width()]
    assert [(bar.get_y() < 0.5, bar.get_x(), bar.get_width()) for bar in bars] == [
        (True, 0, 25),
        (False, 0, 1),
        (True, 25, 25),
    ]


def test_no_two_words_of_the_picture_overlap():
    figure, _ = scorecard_plot.draw(scorecard.compare(published.load().values(), {}))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [text for ax in figure.axes for text in ax.texts if text.get_text()]
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    clashes = [
        (one.get_text(), other.get_text())
        for i, one in enumerate(texts)
        for j, other in enumerate(texts)
        if i < j and boxes[i].overlaps(boxes[j])
    ]
    assert not clashes


def test_an_empty_scorecard_is_refused():
    with pytest.raises(ValueError, match="scorecard is empty"):
        scorecard_plot.draw(many().iloc[:0])
