"""The marker screen of one cell line: by hand, against SciPy, on real tables; pictures and claims
of the chapter."""

import numpy as np
import pandas as pd
import pytest
import toy_network
from anndata import AnnData
from scipy import stats
from sight import seen_by_deuteranopes

from lib.data.errors import InputError
from lib.interactome import (
    claims,
    cmap,
    expression_plots,
    markers,
    planted,
    source_plots,
    sources,
    universes,
)
from lib.interactome.sources import Source
from lib.report import figures, published
from lib.report import planted as truths

LINES = pd.DataFrame(
    {
        "UP": [9.0, 1, 2, 3],
        "SAME": [2.0, 1, 2, 3],
        "DOWN": [0.0, 4, 5, 6],
        "OFF": [0.0, 0, 0, 0],
        "FLAT": [5.0, 1, 1, 1],
    },
    index=["U2OS", "A549", "MCF7", "PC3"],
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return toy_network.write(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def lines(found):
    return markers.read_ccle(found["ccle_expression"].path, found["ccle_sample_info"].path)


def test_screen_by_hand():
    """Genes without any change are dropped; largest change first; t = −7 / (1 / √3) of UP."""
    table = markers.screen(LINES).set_index("gene")
    assert table.index.tolist() == ["UP", "DOWN", "FLAT"]
    assert table["log_fc"].tolist() == [7, -5, 4] and table["abs_log_fc"].tolist() == [7, 5, 4]
    assert table.loc["UP", ["log_expr_target", "avg_log_expr_other"]].tolist() == [9, 2]
    assert table.loc["UP", "pval"] == pytest.approx(2 * stats.t.sf(7 * np.sqrt(3), 2))
    assert table.loc["FLAT", "pval"] == 0  # the others do not vary
    np.testing.assert_allclose(table["fdr"], stats.false_discovery_control(table["pval"]))


def test_false_discovery_rate_is_that_of_the_genes_asked_for():
    some = markers.screen(LINES, ["UP", "DOWN", "ELSEWHERE"])
    assert some["gene"].tolist() == ["UP", "DOWN"] and some["fdr"].iloc[1] == some["pval"].max()


def test_cut_offs_of_change_and_of_expression():
    assert markers.screen(LINES, min_log_fc=4.0)["gene"].tolist() == [
        "UP",
        "DOWN",
    ]  # strictly above
    rare = LINES.assign(RARE=[0.0, 0, 0, 3])
    assert "RARE" in set(markers.screen(rare, min_pct=1 / 3)["gene"])
    assert "RARE" not in set(markers.screen(rare, min_pct=0.5)["gene"])
    assert "UP" in set(
        markers.screen(LINES.assign(UP=[9.0, 0, 0, 0]), min_pct=0.5)["gene"]
    )  # the target has it


def test_against_scipy_and_whatever_the_order(lines):
    table = markers.screen(lines).set_index("gene")
    own, others = lines.loc["U2OS"], lines.drop("U2OS")
    plain = stats.ttest_1samp(others[table.index], own[table.index])
    np.testing.assert_allclose(table["pval"], plain.pvalue, rtol=1e-9)
    shuffled = lines.sample(frac=1, random_state=1).sample(frac=1, axis=1, random_state=1)
    again = markers.screen(shuffled).set_index("gene").loc[table.index]
    np.testing.assert_allclose(again, table, rtol=1e-9)
    assert table["abs_log_fc"].max() == pytest.approx(8.65, abs=0.5)


def test_labels():
    table = pd.DataFrame({"fdr": [1e-5, 1e-5, 1e-3, 1e-4], "log_fc": [1, -0.1, 3, 2.0]})
    table["abs_log_fc"] = table["log_fc"].abs()
    assert markers.label(table).tolist() == ["up", "down", "not DEG", "up"]
    assert markers.label(table, fdr=0.01, min_log_fc=0.25).tolist() == ["up", "not DEG", "up", "up"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            LINES.rename({"U2OS": "U2-OS"}),
            "cell line 'U2OS' is not among the 4 lines; did you mean 'U2-OS'?",
        ),
        (LINES.rename({"A549": "U2OS"}), "cell line 'U2OS' is 2 times among the 4 lines"),
        (LINES.head(2), "1 lines beside U2OS; two or more are needed"),
    ],
)
def test_screens_that_are_refused(table, message):
    with pytest.raises(InputError) as error:
        markers.screen(table)
    assert message in str(error.value)


def test_lines_are_named_and_unlisted_ones_left_out(found, lines, caplog):
    table = pd.read_csv(found["ccle_expression"].path, index_col=0)
    assert len(lines) == len(table) - 2 and "U2OS" in lines.index
    assert set(lines.columns) == universes.cell_line_genes(found["ccle_expression"].path)
    info = pd.read_csv(found["ccle_sample_info"].path).set_index("stripped_cell_line_name")[
        "DepMap_ID"
    ]
    np.testing.assert_array_equal(lines.loc["U2OS"], table.loc[info["U2OS"]])
    markers.read_ccle(found["ccle_expression"].path, found["ccle_sample_info"].path)
    assert "2 of 30 lines are not in ccle_sample_info.csv, left out" in caplog.text


def test_a_symbol_with_two_columns_keeps_the_first(tmp_path, caplog):
    info, table = write_tables(
        tmp_path, pd.DataFrame({"tp53 (1)": [1.0, 2], "TP53 (2)": [3.0, 4], "MYC (5)": [5, 6]})
    )
    read = markers.read_ccle(table, info)
    assert read.columns.tolist() == ["TP53", "MYC"] and read["TP53"].tolist() == [1, 2]
    assert "1 symbols of ccle.csv have several columns, the first is taken: TP53" in caplog.text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, np.nan], r"ccle\.csv: line A549, gene TP53 has no finite value"),
        (["a", "b"], r"ccle\.csv: expected numbers, log2\(TPM \+ 1\)"),
    ],
)
def test_values_that_are_no_numbers_are_named(tmp_path, values, message):
    info, table = write_tables(tmp_path, pd.DataFrame({"TP53 (1)": values}))
    with pytest.raises(InputError, match=message):
        markers.read_ccle(table, info)


def test_sample_tables_that_do_not_fit_are_told(tmp_path):
    info, table = write_tables(
        tmp_path, pd.DataFrame({"TP53 (1)": [1.0, 2]}), ids=["ACH-8", "ACH-9"]
    )
    with pytest.raises(InputError, match="none of its 2 lines is listed in info.csv"):
        markers.read_ccle(table, info)
    info.write_text("DepMap_ID,name\nACH-1,U2OS\n")
    with pytest.raises(
        InputError, match="no column 'stripped_cell_line_name'; expected DepMap's sample_info.csv"
    ):
        markers.read_ccle(table, info)


def write_tables(folder, values, ids=("ACH-1", "ACH-2")):
    info, table = folder / "info.csv", folder / "ccle.csv"
    info.write_text("DepMap_ID,stripped_cell_line_name\nACH-1,U2OS\nACH-2,A549\n")
    values.set_axis(list(ids)).to_csv(table)
    return info, table


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "shape"), [("rna_50x1036", (1036, 50)), ("rnaseq_50x935", (935, 50))]
)
def test_real_cell_lines_against_scipy(real, name, shape):
    """Real log2 expression of 50 genes; the computation beside it is SciPy's, gene by gene."""
    table = pd.read_csv(real / f"data/expression/CCLEsmall_{name}.csv.gz", index_col=0).T
    assert table.shape == shape
    found = markers.screen(table, target="U-2-OS").set_index("gene")
    changed = table.columns[table.loc["U-2-OS"] != table.drop("U-2-OS").mean()]
    assert set(found.index) == set(changed)
    for gene, row in found.iterrows():
        others, own = table.drop("U-2-OS")[gene], table.loc["U-2-OS", gene]
        assert row["log_fc"] == pytest.approx(own - others.mean(), rel=1e-9)
        assert row["pval"] == pytest.approx(
            stats.ttest_1samp(others, own).pvalue, rel=1e-6, abs=1e-300
        )
    np.testing.assert_allclose(
        found["fdr"], stats.false_discovery_control(found["pval"]), rtol=1e-9
    )


def test_what_is_up_and_down_is_told_apart_without_red_and_green():
    assert (
        seen_by_deuteranopes("forestgreen", "tab:red")
        < seen_by_deuteranopes("tab:orange", "tab:blue") / 3
    )


def test_scatter_of_figure_3a(lines):
    table = markers.screen(lines)
    figure, drawn = expression_plots.marker_scatter(table, markers.label(table))
    ax = figure.axes[0]
    assert figure.get_figwidth() == figures.MIDDLE and len(drawn) == len(table)
    assert ax.get_xlabel() == "mean of the other lines, log2(TPM + 1)"
    assert ax.get_ylabel() == "U2OS, log2(TPM + 1)"
    assert (
        seen_by_deuteranopes(expression_plots.COLOURS["up"], expression_plots.COLOURS["down"]) > 20
    )
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words[1].startswith("up (") and sum(
        len(points.get_offsets()) for points in ax.collections
    ) == len(table)


@pytest.fixture(scope="module")
def seen(found, lines):
    truth = sources.read_truth(found["ppi"].path.parent)
    rng = np.random.default_rng(0)
    names = truth["gene"].tolist()
    cells = AnnData(rng.normal(size=(40, len(names))), var=pd.DataFrame(index=names))
    means = cmap.mean_signatures(
        found["cmap_level5"].path,
        cmap.select_signatures(found["cmap_siginfo"].path),
        cmap.landmarks(found["cmap_geneinfo"].path),
    )
    return planted.observed(cells, markers.screen(lines), means, truth)


def test_planted_numbers_see_what_is_there_and_not_what_is_absent(found, seen):
    """Markers and signatures are planted; the cells of this test are noise."""
    truth = sources.read_truth(found["ppi"].path.parent)
    active = truth[truth["is_screened"] & (truth["module"] != "none")]
    perfect = pd.DataFrame({"gene": active["gene"], "cluster": pd.factorize(active["module"])[0]})
    measured = planted.measured(seen, perfect, truth)
    assert (
        measured["expression.planted.cmap_ari"] == 1
        and measured["expression.planted.marker_auroc"] > 0.95
    )
    assert abs(measured["expression.planted.contrast"]) < 0.05
    assert set(measured) == {name for name in truths.load() if name.startswith("expression.")}
    middle = seen.signatures.groupby("kind")["cosine"].median()
    assert middle[planted.SAME] > 0.5 > abs(middle[planted.BACKGROUND])


def test_without_a_truth_nothing_is_measured_and_the_picture_says_so(seen):
    nothing = planted.observed(None, pd.DataFrame(), None, pd.DataFrame(columns=["gene"]))
    assert planted.measured(nothing, pd.DataFrame(), pd.DataFrame()) == {}
    figure, drawn = expression_plots.planted_truth(nothing)
    assert "no planted truth" in figure.texts[0].get_text() and len(drawn) == 1
    full, drawn = expression_plots.planted_truth(seen)
    assert len(full.axes) == 4 and set(drawn["panel"]) == {
        "correlation",
        "distance",
        "fold_change",
        "signatures",
    }


def test_overview_counts_what_it_draws(found):
    edges = universes.read_edges(found["ppi"].path)
    known = universes.universes(found)
    truth = sources.read_truth(found["ppi"].path.parent)
    figure, drawn = source_plots.overview(edges, known, truth)
    values = drawn[drawn["panel"] == "genes"].set_index("name")["y"]
    assert values["in all"] == len(set.intersection(*known.values())) and values[
        "interactome"
    ] == len(truth)
    costs = drawn[drawn["panel"] == "costs"].groupby("name")["y"].sum()
    assert costs["all edges"] == len(edges) > costs["within modules"] > 0
    assert (
        drawn.loc[drawn["panel"] == "partners", "name"].iloc[0] == "UBC" and len(figure.axes) == 3
    )
    plain, drawn = source_plots.overview(edges, known, truth.head(0))
    assert "within modules" not in set(drawn["name"])


def test_published_numbers_are_measured_on_real_sources_alone(found, lines):
    chosen = cmap.select_signatures(found["cmap_siginfo"].path)
    genes = cmap.landmarks(found["cmap_geneinfo"].path)
    means = cmap.mean_signatures(found["cmap_level5"].path, chosen, genes)
    given = {
        "steps": pd.DataFrame({"n_cells": [9, 9, 8], "n_genes": [7, 6, 5]}),
        "signatures": chosen,
        "means": means,
        "ccle": lines,
        "markers": markers.screen(lines),
        "universe": 123,
        "n_dropped": 4,
    }
    assert claims.measured(found, **given) == {}
    real = {name: Source(source.path, simulated=False) for name, source in found.items()}
    measured = claims.measured(real, **given)
    assert (
        measured["expression.fucci.kept_cells"] == 8 and measured["expression.fucci.dropped"] == 4
    )
    assert measured["expression.universe"] == 123
    assert (
        measured["expression.cmap.genes"] == 20
        and measured["expression.cmap.regulators_absent"] != ""
    )
    assert "expression.markers.cebpa" in measured and set(measured) <= set(published.load())


def test_published_entries_agree_with_each_other():
    values = {
        name: entry for name, entry in published.load().items() if name.startswith("expression.")
    }
    assert all(entry.needs for entry in values.values())
    sizes = [int(size) for size in values["expression.cmap.cluster_sizes"].value.split(",")]
    assert sum(sizes) == values["expression.cmap.covered"].value == 47
    assert len(sizes) == values["expression.cmap.clusters"].value == 10
    changes = [values[f"expression.markers.{gene.lower()}"].value for gene in claims.MARKERS]
    assert (
        max(changes)
        == values["expression.markers.dhrs2"].value
        == pytest.approx(10.913937 - 2.265074, abs=2e-6)
    )
    assert values["expression.markers.cebpa"].value == pytest.approx(0.8318772 - 1.598519, abs=1e-6)
