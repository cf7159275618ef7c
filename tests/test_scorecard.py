"""What was published is read strictly; what was measured is put beside it and judged."""

import pandas as pd
import pytest

from lib.report import figures, published, scorecard
from lib.report.published import Published, PublishedError

BASE = {"id": "go.x", "analysis": "GO", "what": "terms", "value": 10, "source": "paper", "certainty": "printed",
        "tolerance": "exact"}  # fmt: skip


def entry(**changes) -> Published:
    return Published.model_validate(BASE | changes)


def status(measured, **changes) -> str:
    return scorecard.compare([entry(**changes)], {} if measured is None else {"go.x": measured})["status"].item()


def write(folder, text, name="go.yaml"):
    (folder / name).write_text(text)
    return folder


# the committed files ---------------------------------------------------------------------------------------------


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
    sizes = {name: len(genes) for name, genes in published.gene_clusters("gene_perturbation_clusters").items()}
    assert sizes == dict(zip("123456789", [7, 7, 5, 2, 4, 6, 3, 2, 3], strict=True))
    sizes = [len(genes) for genes in published.gene_clusters("regulatory_clusters").values()]
    assert sizes == [57, 26, 40, 24, 21, 17, 37, 27]
    with pytest.raises(PublishedError, match="no clustering 'impactful_genes'"):
        published.gene_clusters("impactful_genes")


def test_published_numbers_of_the_go_chapter():
    values = {name: item.value for name, item in published.load().items()}
    assert values["go.physical.n_terms"] == 1235 and values["go.clusters.n_terms"] == 331
    assert [values[f"go.regulatory.annotated.{k}"] for k in (0, 1, 2, 3, 6, 7)] == [56, 26, 40, 24, 37, 27]
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


# malformed files -------------------------------------------------------------------------------------------------

GOOD = "entries:\n  - {id: go.x, analysis: GO, what: n, value: 1, source: p, certainty: printed, tolerance: exact}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("printed", "sure"), r"go.yaml, entry 1 \(go.x\): certainty: .*'printed'.*got 'sure'"),
        (GOOD.replace("exact", "{abs: -1}"), r"go.yaml, entry 1 \(go.x\): tolerance.*greater than 0"),
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
    with pytest.raises(PublishedError, match=message):
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
    with pytest.raises(PublishedError, match=message):
        published.gene_lists(write(tmp_path, text, "gene_lists.yaml") / "gene_lists.yaml")


# judging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published_value", "tolerance", "value", "expected"),
    [
        (10, "exact", 10, scorecard.REPRODUCED),
        (10, "exact", 10.0, scorecard.REPRODUCED),
        (10, "exact", 11, scorecard.DIFFERS),
        (11.9, {"abs": 0.05}, 11.95, scorecard.WITHIN),  # 11.95 − 11.9 is a little over 0.05 in binary
        (11.9, {"abs": 0.05}, 11.96, scorecard.DIFFERS),
        (200.0, {"rel": 0.1}, 220.0, scorecard.WITHIN),
        (-200.0, {"rel": 0.1}, -221.0, scorecard.DIFFERS),
        (0.85, {"at_least": 0.8}, 0.8, scorecard.WITHIN),
        (0.85, {"at_least": 0.8}, 0.79, scorecard.DIFFERS),
        (0.1, {"at_most": 0.2}, 0.15, scorecard.WITHIN),
        (True, "exact", True, scorecard.REPRODUCED),
        (True, "exact", 1, scorecard.DIFFERS),
        ("cell cycle", {"one_of": ["cell cycle", "nuclear division"]}, "nuclear division", scorecard.WITHIN),
        ("cell cycle", "exact", "growth", scorecard.DIFFERS),
        ("cell cycle", {"one_of": ["cell cycle"]}, 3, scorecard.DIFFERS),
    ],
)
def test_status(published_value, tolerance, value, expected):
    assert status(value, value=published_value, tolerance=tolerance) == expected


def test_missing_values():
    assert status(None) == scorecard.NEEDS_DATA


def test_a_difference_with_a_reason_says_it():
    entries = [entry(needs="org.Hs.eg.db 3.12"), entry(id="go.y", note="printed once")]
    table = scorecard.compare(entries, {"go.x": 7, "go.y": 9}, {"go.y": "simulated data"})
    assert list(table["status"]) == [scorecard.EXPLAINED] * 2
    assert list(table["note"]) == ["published with org.Hs.eg.db 3.12", "simulated data; printed once"]
    assert list(table["difference"]) == [-3, -1]


def test_a_misspelt_id_is_refused():
    with pytest.raises(ValueError, match="go.xx is measured but not in params/published or .*; did you mean go.x"):
        scorecard.compare([entry()], {"go.xx": 1})


# the picture -----------------------------------------------------------------------------------------------------


def test_the_picture_has_every_row_and_saves_the_same_bytes(tmp_path):
    entries = [entry(id=f"go.x{i}", what=f"quantity {i}", analysis=f"analysis {i // 20}") for i in range(130)]
    table = scorecard.compare(entries, {f"go.x{i}": 10 + i % 2 for i in range(100)})
    assert scorecard.summary(table) == {
        "reproduced": 50, "within tolerance": 0, "differs, as explained": 0, "differs": 50,
        "needs the paper's data": 30,
    }  # fmt: skip
    for name in "ab":
        figure, data = scorecard.figure(table, title="Scorecard")
        figures.save(figure, data, "scorecard", "table", figures_dir=tmp_path / name, caption="Scorecard.")
    drawn = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert {f"quantity {i}" for i in range(130)} <= set(drawn) and len(figure.axes) > 1
    assert (tmp_path / "a/scorecard__table.svg").read_bytes() == (tmp_path / "b/scorecard__table.svg").read_bytes()
    with pytest.raises(ValueError, match="scorecard is empty"):
        scorecard.figure(table.iloc[:0])
