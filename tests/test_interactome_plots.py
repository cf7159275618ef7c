"""Pictures of the interactome: what is drawn, the same on every run, nothing outside the page,
nothing loaded."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from lib.data import origin
from lib.interactome import (
    interactive,
    interactome,
    layout,
    network_plots,
    pruning,
    pruning_plots,
    sweep,
    sweep_plots,
)
from lib.interactome.network import of_table
from lib.report import figures, site
from tests.test_interactome_sweep import BETAS, chosen

SIMULATED = origin.simulated("images")


@pytest.fixture(scope="module")
def solution():
    network, found, beta, nodes, edges = chosen()
    genes, links = interactome.tables(network, found, beta, nodes=nodes, edges=edges, seed=0)
    return network, found, genes, links


def test_positions_are_inside_apart_and_the_same_again(solution):
    _, _, genes, links = solution
    placed = network_plots.place(genes, links, seed=3)
    points = placed[["x", "y"]].to_numpy()
    assert points.min() >= 0 and points[:, 0].max() <= 1.3 and points[:, 1].max() <= 1
    away = np.linalg.norm(points[:, None] - points[None], axis=2) + np.eye(len(points))
    assert away.min() > 0.7 * layout.GAP, "no node lies on another"
    pd.testing.assert_frame_equal(placed, network_plots.place(genes, links, seed=3))
    one = of_table(pd.DataFrame(columns=["gene_a", "gene_b", "cost"]), cost="cost", nodes=["A"])
    assert layout.positions(one, np.array([1]), seed=0).shape == (1, 2)


def test_names_keep_clear_of_each_other():
    rng = np.random.default_rng(0)
    points = rng.uniform(size=(60, 2))
    texts = pd.Series([f"GENE{i}" for i in range(20)], index=range(0, 60, 3))
    spots = layout.labels(points, texts, sizes=np.full(60, 0.008), height=0.02, width=0.012)
    assert set(spots["text"]) == set(texts)
    half = np.stack([0.5 * 0.012 * spots["text"].str.len() + 0.004, np.full(20, 0.01)], axis=1)
    centre = spots[["x", "y"]].to_numpy()
    shared = half[:, None] + half[None] - np.abs(centre[:, None] - centre[None])
    covered = np.prod(np.clip(shared, 0, None), axis=2)
    np.fill_diagonal(covered, 0)
    assert (covered > 1e-6).sum() <= 4, "at most two of 190 pairs touch"


def test_figure_3a_shows_every_gene_regulators_by_name(solution):
    _, _, genes, links = solution
    figure, drawn = network_plots.fig3a(network_plots.place(genes, links, seed=0), links)
    regulators = set(genes.loc[genes["is_regulator"], "gene"])
    assert {text.get_text() for text in figure.axes[0].texts} == regulators
    assert drawn["mark"].value_counts().to_dict() == {"edge": len(links), "node": len(genes)}
    assert set(drawn.loc[drawn["kind"] == "regulator", "gene"]) == regulators
    lines, dots = figure.axes[0].collections
    assert len(lines.get_segments()) == len(links)
    assert len(dots.get_offsets()) == len(genes) and np.ptp(dots.get_sizes()) > 0
    legend = " ".join(text.get_text() for part in figure.legends for text in part.get_texts())
    assert (
        f"Steiner tree ({len(genes) - 1} edges)" in legend
        and f"regulator ({len(regulators)})" in legend
    )


def test_planted_modules_are_coloured_or_said_to_be_absent(solution):
    _, _, genes, links = solution
    placed = network_plots.place(genes, links, seed=0)
    truth = pd.DataFrame({"gene": genes["gene"][::2], "module": "group 1"})
    _, drawn = network_plots.planted(placed, links, truth)
    assert drawn["planted"].value_counts().to_dict() == {
        "group 1": len(truth),
        "none": len(genes) - len(truth),
    }
    _, nothing = network_plots.planted(placed, links, truth.iloc[:0])
    assert list(nothing) == ["absent"]


def test_sweep_and_overlap_are_drawn_with_their_axes_right(solution):
    network, found, genes, _ = solution
    table = sweep.statistics(network, found, regulators=genes["gene"], orf_targets=[])
    both = pd.concat({name: table for name in sweep_plots.COSTS}, names=["cost"]).reset_index(
        "cost"
    )
    figure, drawn = sweep_plots.sweep(both, {"mi_score": 0.5, "cost_spearman": 2.0})
    assert [ax.get_ylabel() for ax in figure.axes] == list(sweep_plots.PANELS.values()) and len(
        drawn
    ) == 2 * len(BETAS)
    values = np.zeros((len(BETAS), len(BETAS)))
    values[3, 20] = 0.5  # β 0.4 of the MI cost, β 2.1 of the Spearman cost
    figure, drawn = sweep_plots.iou(values, BETAS, {"mi_score": 0.5, "cost_spearman": 2.0})
    best = drawn.loc[drawn["iou"].idxmax()]
    assert (best["beta_mi"], best["beta_spearman"]) == pytest.approx((0.4, 2.1))
    heat, curves = figure.axes[:2]
    assert "MI" in heat.get_ylabel() and "Spearman" in heat.get_xlabel(), "rows are the MI cost"
    by_name = {line.get_label(): line.get_ydata() for line in curves.lines}
    assert [int(np.argmax(line)) for line in by_name.values()] == [3, 20]


def test_pruning_pictures_carry_the_numbers_they_show(solution):
    network, _, genes, links = solution
    table = pruning.confidence_sweep(network, genes["gene"][:5])
    figure, drawn = pruning_plots.confidence(table, cutoff=0.5, n_regulators=6)
    assert figure.axes[0].get_ylabel() == "number of edges in 1 000" and len(drawn) == 1000
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), table["n_edges"] / 1000)
    hubs = pd.DataFrame({"gene": [f"H{i}" for i in range(9)], "degree": range(9, 0, -1)})
    figure, drawn = pruning_plots.hubs(pruning.hub_sweep(network, []), quantile=0.99, removed=hubs)
    assert (
        "H0 (9)" in figure.get_suptitle()
        and "and 3 more" in figure.get_suptitle()
        and len(drawn) == 400
    )
    _, drawn = pruning_plots.prizes_and_costs(genes, links)
    sums = drawn.groupby("quantity")["n"].sum().to_dict()
    assert sums == {"prize_abs_log2_fc": len(genes), "cost_1_minus_abs_rho": len(links)}


def test_pictures_have_the_same_bytes_on_every_run(solution, tmp_path):
    _, _, genes, links = solution
    for name in ("a", "b"):
        drawn = network_plots.fig3a(network_plots.place(genes, links, seed=0), links)
        figures.show(
            *drawn,
            "interactome",
            "fig3a",
            figures_dir=tmp_path / name,
            caption="Simulated.",
            said="s",
            origin=SIMULATED,
        )
    for suffix in ("svg", "csv"):
        one, two = (
            (tmp_path / name / f"interactome__fig3a.{suffix}").read_bytes() for name in ("a", "b")
        )
        assert one == two


def test_the_page_is_whole_and_safe(solution, tmp_path):
    _, _, genes, links = solution
    placed = network_plots.place(
        genes.assign(gene=genes["gene"].replace("G00", "</script><b>")),
        links.replace("G00", "</script><b>"),
        seed=0,
    )
    links = links.replace("G00", "</script><b>")
    path = interactive.write_page(
        tmp_path / "page.html", placed, links, title="A <title>", caption="Simulated & so"
    )
    html = path.read_text(encoding="utf-8")
    assert site.external(html) == [] and "http" not in html
    assert (
        html.count("</script>") == 2 and "A &lt;title&gt;" in html and "Simulated &amp; so" in html
    )
    data = json.loads(re.search(r'id="data">(.*?)</script>', html).group(1))
    assert [node["gene"] for node in data["nodes"]] == placed["gene"].tolist()
    pairs = [
        (data["nodes"][edge["a"]]["gene"], data["nodes"][edge["b"]]["gene"])
        for edge in data["edges"]
    ]
    assert pairs == list(zip(links["gene_a"], links["gene_b"], strict=True))
    assert sum(edge["tree"] for edge in data["edges"]) == links["in_tree"].sum()
    assert (
        interactive.write_page(
            tmp_path / "page.html", placed, links, title="A <title>", caption="Simulated & so"
        ).read_text(encoding="utf-8")
        == html
    )
