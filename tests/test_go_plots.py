"""Enrichment pictures: which terms are drawn, in which order, how long."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lib.data import origin
from lib.go import plots
from lib.report import figures

SIMULATED = origin.simulated("images")

TOPGO = pd.DataFrame(
    {
        "GO.ID": [f"GO:000000{i}" for i in range(7)],
        "Term": [
            "wound healing",
            "DNA repair",
            "cell cycle",
            "apoptosis",
            "zinc transport",
            "vision",
            "aging",
        ],
        "pval": ["<1e-30", "0.01", "0.05", "0.10", "1.00", "1.00", "1.00"],
    }
)


def compare(rows) -> pd.DataFrame:
    names = ["Cluster", "ID", "Description", "GeneRatio", "pvalue", "p.adjust"]
    return pd.DataFrame(rows, columns=names)


CLUSTERS = compare(
    [
        ["0", "GO:1", "adhesion", "8/10", 0.0001, 0.001],
        ["0", "GO:2", "motility", "5/10", 0.0010, 0.010],
        ["0", "GO:3", "growth", "4/10", 0.0020, 0.020],
        ["0", "GO:4", "mitosis", "3/10", 0.0030, 0.030],
        ["4", "GO:9", "vision", "1/5", 0.2, 0.9],
        ["6", "GO:4", "mitosis", "2/4", 0.0001, 0.004],
        ["6", "GO:3", "growth", "1/4", 0.0400, 0.060],
    ]
)


def texts(figure) -> list[str]:
    return [text.get_text() for ax in figure.axes for text in [*ax.texts, ax.title]]


def test_bars_are_the_first_rows_alphabetical_from_the_bottom():
    figure, drawn = plots.bars(TOPGO, title="Cluster 1")
    assert list(drawn["term"]) == [
        "apoptosis",
        "cell cycle",
        "DNA repair",
        "wound healing",
        "zinc transport",
    ]
    assert np.allclose(drawn["minus_log10_p"], [1, -np.log10(0.05), 2, 30, 0])
    bars = figure.axes[0].patches
    assert [bar.get_width() for bar in bars] == list(drawn["minus_log10_p"])
    assert [bar.get_y() for bar in bars] == sorted(bar.get_y() for bar in bars)


def test_bars_have_the_colour_and_the_line_of_the_paper():
    figure, _ = plots.bars(TOPGO, title="Cluster 1")
    ax = figure.axes[0]
    assert np.allclose(ax.patches[0].get_facecolor(), np.array([255, 102, 102, 255]) / 255)
    [line] = ax.lines
    assert line.get_linestyle() == "--" and np.allclose(line.get_xdata(), -np.log10(0.05))
    assert not plots.bars(TOPGO, title="x", threshold=None)[0].axes[0].lines


def test_axis_says_which_p():
    assert plots.bars(TOPGO, title="x")[0].axes[0].get_xlabel() == "−log₁₀(raw p value)"
    assert (
        plots.bars(CLUSTERS, title="x", value="p.adjust")[0].axes[0].get_xlabel() == "−log₁₀(FDR)"
    )


def test_long_lists_keep_the_order_of_the_table_best_on_top():
    _, drawn = plots.bars(TOPGO, title="x", alphabetical=False, n_terms=30)
    assert list(drawn["go_id"]) == list(TOPGO["GO.ID"])[::-1], "the first bar is the lowest"


def test_long_terms_stay_on_the_page():
    long = TOPGO.assign(
        Term="positive regulation of a very long process with a name beyond any reason " * 3
    )
    figure, _ = plots.bars(long, title="x")
    FigureCanvasAgg(figure).draw()
    width, height = figure.get_size_inches() * figure.dpi
    for label in figure.axes[0].get_yticklabels():
        box = label.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height


def test_no_row_says_so():
    figure, drawn = plots.bars(TOPGO.iloc[:0], title="x")
    assert "no term to test" in texts(figure) and drawn.empty


def test_missing_column_is_named():
    with pytest.raises(
        ValueError, match="no column 'qval' to draw; the table has GO.ID, Term, pval"
    ):
        plots.bars(TOPGO, title="x", value="qval")


def test_grid_has_a_panel_a_cluster_and_a_common_axis():
    tables = {f"Cluster {i}": TOPGO.iloc[i:] for i in range(3)} | {"Cluster 9": TOPGO.iloc[:0]}
    figure, drawn = plots.bar_grid(tables, subtitles={"Cluster 1": "JUN, ERG"})
    assert [ax.get_title(loc="left") for ax in figure.axes] == list(tables)
    assert "JUN, ERG" in texts(figure) and "no term to test" in texts(figure)
    assert len({ax.get_xlim() for ax in figure.axes[:3]}) == 1
    assert len({ax.get_xlim() for ax in plots.bar_grid(tables, common_axis=False)[0].axes[:3]}) > 1
    assert drawn.groupby("panel").size().to_dict() == {
        "Cluster 0": 5,
        "Cluster 1": 5,
        "Cluster 2": 5,
    }
    with pytest.raises(ValueError, match="no tables"):
        plots.bar_grid({})


def test_dots_are_all_significant_rows_of_the_leading_terms():
    dots = plots.dot_table(CLUSTERS)
    # GO:4 is fourth in cluster 0 but leads cluster 6, so it is drawn in both; cluster 4 has nothing
    # significant
    assert list(zip(dots["Cluster"], dots["ID"], strict=True)) == [
        ("0", "GO:1"),
        ("0", "GO:2"),
        ("0", "GO:3"),
        ("0", "GO:4"),
        ("6", "GO:4"),
    ]
    assert list(dots["gene_ratio"]) == [0.8, 0.5, 0.4, 0.3, 0.5]


def test_first_term_is_on_top_and_labels_carry_the_annotated_genes():
    figure, dots = plots.dot_plot(CLUSTERS)
    ax = figure.axes[0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [
        "mitosis",
        "growth",
        "motility",
        "adhesion",
    ]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0\n(10)", "6\n(4)"]
    assert dots["row"].max() == dots.loc[dots["ID"] == "GO:1", "row"].item() == 3


def test_bigger_ratio_bigger_dot_smaller_p_redder():
    figure, dots = plots.dot_plot(CLUSTERS)
    dot = figure.axes[0].collections[0]
    FigureCanvasAgg(figure).draw()
    assert list(np.argsort(dot.get_sizes(), kind="stable")) == list(
        np.argsort(dots["gene_ratio"], kind="stable")
    )
    red, blue = dot.get_facecolors()[:, 0], dot.get_facecolors()[:, 2]
    assert (red - blue)[0] > (red - blue)[3]


def test_a_single_dot_and_none(tmp_path):
    figure, dots = plots.dot_plot(CLUSTERS.iloc[:1])
    figures.show(
        figure,
        dots,
        "go",
        "one",
        figures_dir=tmp_path,
        caption="One dot.",
        said="s",
        origin=SIMULATED,
    )
    figure, dots = plots.dot_plot(CLUSTERS.assign(**{"p.adjust": 1.0}))
    assert "no term with adjusted p ≤ 0.05" in texts(figure)
    figures.show(
        figure,
        dots,
        "go",
        "none",
        figures_dir=tmp_path,
        caption="No dot.",
        said="s",
        origin=SIMULATED,
    )  # the CSV says so too
    assert plots.dot_plot(CLUSTERS.iloc[:0])[1].shape == (1, 1)


@pytest.mark.real
def test_published_table_gives_the_published_bars(real):
    """Cluster 1 of the image embeddings, first five rows as printed by topGO."""
    path = real / "reference/go/topgo_bioc312/clusters/cluster1_result.csv"
    table = pd.read_csv(path, dtype={"pval": str}).rename(
        columns={"go_id": "GO.ID", "term": "Term"}
    )
    _, drawn = plots.bars(table, title="GO terms for cluster 1")
    assert drawn["term"].iloc[0] == "cellular response to lipid"
    assert np.isclose(drawn["minus_log10_p"].iloc[0], -np.log10(0.0096))
