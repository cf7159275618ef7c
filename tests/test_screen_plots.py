"""Figures 2C, 2D, 2E and what stands beside them: what is drawn, that it fits the page, and the
same bytes twice."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from lib.data import origin
from lib.data.errors import InputError
from lib.report import figures
from lib.screen import activity, clusters, embeddings, impact, plots

SIMULATED = origin.simulated("images")

GENES = [f"GENE{i}" for i in range(24)]


def table(n=24):
    rng = np.random.default_rng(0)
    scores = np.sort(rng.uniform(0.5, 0.95, n))[::-1]
    return pd.DataFrame(
        {
            "rank": range(1, n + 1),
            "gene_symbol": [f"GENE{i}" for i in range(n)],
            "score": scores,
            "sd": 0.02,
            "n_folds": 4,
        }
    )


def means(n=24, n_groups=5):
    rng = np.random.default_rng(1)
    groups = np.arange(n) % n_groups
    points = rng.normal(size=(n_groups, 16))[groups] + 0.2 * rng.normal(size=(n, 16))
    return AnnData(
        points.astype(np.float32), obs=pd.DataFrame(index=pd.Index(GENES[:n], name="gene_symbol"))
    )


def words(figure):
    return {text.get_text() for text in figure.findobj(Text)}


def assert_fits(figure):
    """No tick label leaves the page or covers its neighbour."""
    FigureCanvasAgg(figure).draw()
    width, height = figure.get_size_inches() * figure.dpi
    for ax in figure.axes:
        for axis, low, high in (
            ((ax.xaxis, "x0", "x1"), (ax.yaxis, "y0", "y1")) if ax.axison else ()
        ):
            ends = sorted(axis.get_view_interval())
            shown = [
                tick for tick in axis.get_major_ticks() if ends[0] <= tick.get_loc() <= ends[1]
            ]
            labels = [
                label
                for tick in shown
                for label in (tick.label1, tick.label2)
                if label.get_visible()
            ]
            boxes = [label.get_window_extent() for label in labels]
            boxes = sorted(
                (box for box in boxes if box.width), key=lambda box, low=low: getattr(box, low)
            )
            assert all(
                box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
                for box in boxes
            )
            for one, following in zip(boxes, boxes[1:], strict=False):
                assert getattr(one, high) <= getattr(following, low) + 1.5


def saved_twice(make, tmp_path):
    for name in "ab":
        figure, data = make()
        figures.show(
            figure,
            data,
            "screen",
            "panel",
            figures_dir=tmp_path / name,
            caption="Simulated data.",
            said="s",
            origin=SIMULATED,
        )
    for suffix in (".svg", ".png", ".csv"):
        first, second = (tmp_path / name / f"screen__panel{suffix}" for name in "ab")
        assert first.read_bytes() == second.read_bytes(), suffix
    return figure, data


# Fig 2C
# ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "n_shown"), [(24, 24), (190, 140)])
def test_fig_2c(n, n_shown):
    scores = table(n)
    selected = impact.select_top(scores, n_genes=10)
    figure, drawn = plots.score_bars(
        scores,
        is_selected=selected,
        threshold=impact.threshold(scores, n_genes=10),
        marks={"FDR": GENES[:12]},
    )
    assert len(drawn) == n_shown and drawn["is_selected"].sum() == 10 and drawn["FDR"].sum() == 12
    assert figure.get_figwidth() == figures.PAGE and len(figure.axes) == 2 * (
        1 if n == 24 else 2
    ), "rows of genes"
    ax = figure.axes[1]
    chosen = [
        label.get_text() for label in ax.get_xticklabels() if label.get_color() == plots.SELECTED
    ]
    assert chosen == GENES[:10] and ax.get_ylim()[1] == 1
    assert ax.get_legend().get_texts()[0].get_text().startswith("specificity threshold")
    assert_fits(figure)


def test_fig_2c_keeps_the_papers_axis_unless_a_bar_would_leave_it():
    high = table().assign(score=0.8)
    assert plots.score_bars(high, is_selected=high["score"] > 1, threshold=np.inf)[0].axes[
        0
    ].get_ylim() == (0.55, 1)
    low = table().assign(score=0.47)
    assert (
        plots.score_bars(low, is_selected=low["score"] > 1, threshold=-np.inf)[0]
        .axes[0]
        .get_ylim()[0]
        <= 0.45
    )


def test_the_curve_shows_selection_knee_and_null():
    scores = table()
    knee = impact.Knee(7, float(scores["score"][7]))
    figure, drawn = plots.score_curve(
        scores, n_selected=10, knee=knee, null_scores=[0.5, 0.55, 0.6]
    )
    assert {"10 selected", "knee, index 7", "3 null genes, central 90 %"} <= words(figure)
    assert drawn["null_median"].unique().tolist() == [0.55] and drawn[
        "knee_index"
    ].unique().tolist() == [7]
    assert_fits(figure)
    assert np.isnan(plots.score_curve(scores, n_selected=24)[1]["knee_index"]).all()


def test_densities_carry_sizes_and_p():
    scores = table()
    figure, drawn = plots.set_densities(scores, {"known": GENES[:6], "one": GENES[:1]})
    p = impact.compare_set(scores, GENES[:6]).p
    assert {"known (6)", "other (18)", "one (1)", f"p = {p:.2g}"} <= words(figure)
    assert drawn.groupby("set")["p"].first()["known"] == p and len(drawn) == 48
    assert_fits(figure)


def test_agreement_draws_called_genes_in_order_of_score():
    calls = activity.agreement({"top": GENES[:3], "mAP": [GENES[2], GENES[20]]}, GENES)
    figure, drawn = plots.agreement(calls, table())
    assert drawn["gene_symbol"].tolist() == [*GENES[:3], GENES[20]]
    assert {
        "4 of 24 genes called by a method (orange: by all), 20 by none",
        "top (3)",
        "mAP (2)",
    } <= words(figure)
    assert_fits(figure)
    nothing = activity.agreement({"top": []}, GENES)
    assert plots.agreement(nothing, table())[1].empty


def test_planted_truth_and_its_auroc():
    truth = pd.DataFrame(
        {"gene": GENES, "is_active": np.arange(24) < 10, "effect": np.linspace(1, 0, 24)}
    )
    figure, drawn = plots.planted_truth(table(), truth)
    assert drawn["auroc"].unique().tolist() == [1] and "AUROC 1.000" in words(figure)
    assert plots.planted_truth(table(), truth.drop(columns="effect"))[1]["effect_sd"].sum() == 10
    states = truth.drop(columns="effect").assign(s1=3.0, s2=4.0)
    assert (plots.planted_truth(table(), states)[1]["effect_sd"] == 5).all()
    assert_fits(figure)


# Figs 2D and 2E
# ------------------------------------------------------------------------------------------


def layout(n=400):
    rng = np.random.default_rng(0)
    symbols = rng.choice(["EMPTY", "JUN", "MAP3K9", "RAF1", "SRC"], n)
    points = rng.normal(size=(n, 2))
    return pd.DataFrame(
        {
            "nucleus_id": [f"n{i}" for i in range(n)],
            "gene_symbol": symbols,
            "x": points[:, 0],
            "y": points[:, 1],
        }
    )


def test_fig_2d(tmp_path):
    figure, _ = saved_twice(lambda: plots.layout_panels(layout()), tmp_path)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split(" ")[0] for title in titles] == ["EMPTY", "JUN", "MAP3K9", "RAF1"]
    others, own = figure.axes[1].collections
    assert len(own.get_offsets()) == (layout()["gene_symbol"] == "JUN").sum()
    assert len(own.get_offsets()) + len(others.get_offsets()) == 400
    assert len(plots.layout_panels(layout(), conditions=["SRC"])[0].axes) == 1
    with pytest.raises(
        InputError, match="TP53 has no nucleus in the layout; conditions are EMPTY, JUN"
    ):
        plots.layout_panels(layout(), conditions=["TP53"])


def test_confusion_heatmap():
    rng = np.random.default_rng(0)
    truth, predicted = rng.choice(GENES, (2, 2000))
    figure, long = plots.confusion_heatmap(
        embeddings.confusion(truth, predicted, GENES), title="fold 0"
    )
    assert list(long.columns) == ["truth", "predicted", "share"] and len(long) == 24**2
    assert long.groupby("truth")["share"].sum().to_numpy() == pytest.approx(np.ones(24))
    assert_fits(figure)


@pytest.mark.parametrize(("n", "k"), [(24, 5), (12, 8), (3, 2)])
def test_fig_2e(n, k, tmp_path):
    found = means(n)
    numbers = clusters.assign(found, k=k)
    figure, drawn = saved_twice(lambda: plots.distance_heatmap(found, numbers), tmp_path)
    first = drawn.drop_duplicates("gene_symbol")
    assert first["gene_symbol"].tolist() == numbers["gene"].tolist()
    assert first["cluster"].tolist() == numbers["cluster"].tolist()
    distances = drawn["distance_au"].to_numpy().reshape(n, n)
    assert np.allclose(distances, distances.T) and (np.diag(distances) == 0).all()
    assert np.allclose(figure.axes[0].images[0].get_array(), distances)
    assert "Euclidean distance" in words(figure)
    assert {str(label) for label, rows in numbers.groupby("cluster") if len(rows) > 1} <= words(
        figure
    )
    assert_fits(figure)


def test_curves_mark_k():
    figure, drawn = plots.index_curves(clusters.curves(means()), k=5)
    assert drawn.loc[drawn["is_chosen"], "k"].tolist() == [5] and "k = 5" in words(figure)
    assert_fits(figure)


def test_grid_of_p():
    rng = np.random.default_rng(0)
    grid = clusters.co_clustering_grid(means(), means(), range(2, 7), n_permutations=20, rng=rng)
    figure, drawn = plots.co_clustering_grid(grid, first="images", second="signatures")
    assert len(drawn) == 25 and {"clusters of images", "clusters of signatures"} <= words(figure)
    assert_fits(figure)
