"""Clusters of the embeddings, agreement, the layout and figures, and what goes to the scorecard."""

import numpy as np
import pandas as pd
import pytest
import toy_network
import toy_regulation as toy
from anndata import AnnData
from matplotlib.text import Text
from sklearn.cluster import AgglomerativeClustering

from lib.data import h5ad, origin
from lib.data.errors import InputError
from lib.regulation import claims, clusters, layout, plots, settings, tables, target_plots
from lib.report import figures, published, scorecard


def latents(values, genes=None):
    values = np.asarray(values, np.float32)
    genes = genes or [f"G{i}" for i in range(len(values))]
    return AnnData(values, obs=pd.DataFrame(index=genes))


@pytest.fixture(scope="module")
def embedded():
    """Three directions, 8 genes around each, of any length."""
    rng = np.random.default_rng(0)
    directions = np.repeat(np.eye(3, 6), 8, axis=0) + rng.normal(0, 0.1, (24, 6))
    return latents(directions * rng.uniform(0.5, 5, (24, 1)))


def test_clusters_go_by_direction_not_by_length():
    found = clusters.assign(latents([[1, 0], [9, 0.1], [0, 1], [0.1, 7]]), k=2)
    assert found["gene"].tolist() == ["G0", "G1", "G2", "G3"]
    assert found["cluster"].tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])


def test_the_clusters_are_those_of_scikit_learn(embedded):
    for k in (2, 3, 5):
        other = AgglomerativeClustering(k, metric="cosine", linkage="complete").fit_predict(
            embedded.X
        )
        ours = clusters.assign(embedded, k=k)
        known = pd.DataFrame({"gene": ours["gene"], "cluster": other})
        assert clusters.agreement({"ours": ours, "theirs": known})["ari"].tolist() == [1.0]


def test_the_curves_find_three_directions(embedded):
    found = clusters.curves(embedded, k_max=6)
    assert found["k"].tolist() == [2, 3, 4, 5, 6] and clusters.choose_k(found) == 3
    assert found["distortion"].is_monotonic_decreasing
    assert clusters.curves(latents(np.eye(3) + 0.1), k_max=15)["k"].tolist() == [2]


def test_what_cannot_be_clustered_is_told(embedded):
    for values, message in [
        (np.eye(2), "2 genes cannot be clustered"),
        ([[1, 0], [0, 0], [0, 1]], "the vector of G1 is zero or not finite"),
        ([[1, 0], [np.nan, 0], [0, 1]], "the vector of G1 is zero or not finite"),
    ]:
        with pytest.raises(InputError, match=message):
            clusters.linkage(latents(values))
    with pytest.raises(InputError, match="k is 25; 24 genes can be cut into 1 to 24 clusters"):
        clusters.assign(embedded, k=25)


def test_agreement_of_equal_and_of_other_clusterings():
    first = pd.DataFrame({"gene": list("abcd"), "cluster": [0, 0, 1, 1]})
    renamed = pd.DataFrame({"gene": list("dcba"), "cluster": ["x", "x", "y", "y"]})
    crossed = pd.DataFrame({"gene": list("abcde"), "cluster": [0, 1, 0, 1, 1]})
    found = clusters.agreement({"a": first, "b": renamed, "c": crossed})
    assert found[["first", "second", "n_genes"]].to_numpy().tolist() == [
        ["a", "b", 4],
        ["a", "c", 4],
        ["b", "c", 4],
    ]
    assert found["ari"].tolist() == pytest.approx([1.0, -0.5, -0.5])
    assert found["ami"][0] == pytest.approx(1.0) and found["ami"][1] < 0
    with pytest.raises(InputError, match="b: a is clustered twice"):
        clusters.agreement({"a": first, "b": pd.concat([first, first])})
    with pytest.raises(InputError, match="a and b share 0 genes"):
        clusters.agreement({"a": first, "b": crossed.assign(gene=list("vwxyz"))})


def test_the_layout_depends_on_direction_and_seed_alone(embedded):
    found = layout.tsne(embedded)
    assert list(found) == ["gene", "tsne_1", "tsne_2"] and np.isfinite(
        found[["tsne_1", "tsne_2"]]
    ).all(axis=None)
    pd.testing.assert_frame_equal(found, layout.tsne(embedded))
    calm = layout.tsne(embedded, learning_rate=20)[["tsne_1", "tsne_2"]].to_numpy()
    far = np.linalg.norm(calm - np.median(calm, axis=0), axis=1)
    assert far.max() < 3 * np.quantile(far, 0.9)  # no gene thrown out
    np.testing.assert_allclose(np.linalg.norm(layout.normalised(embedded), axis=1), 1)
    with pytest.raises(InputError, match="2 genes are too few"):
        layout.tsne(latents(np.eye(2)))
    with pytest.raises(InputError, match="the latent of G1 is zero"):
        layout.tsne(latents(np.vstack([np.eye(5)[:1], np.zeros((1, 5)), np.eye(5)])))


def test_figure_3b_names_every_regulator_once_in_the_colour_of_its_cluster(embedded):
    regulators, known = ["G0", "G1", "G9", "G20"], {"G0": "1", "G1": "1", "G9": "10"}
    figure, drawn = plots.regulator_map(layout.tsne(embedded), regulators, known)
    assert figure.get_figwidth() == figures.PAGE
    texts = {text.get_text(): text for text in figure.axes[0].texts}
    assert (
        sorted(texts) == sorted(regulators) and texts["G0"].get_color() == texts["G1"].get_color()
    )
    assert len({texts[gene].get_color() for gene in regulators}) == 3
    assert drawn.loc[drawn["is_regulator"], "perturbation_cluster"].tolist() == [
        "1",
        "1",
        "10",
        plots.NO_CLUSTER,
    ]
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["1", "10", plots.NO_CLUSTER, "other genes (20)"]


def test_names_cover_neither_each_other_nor_points():
    rng = np.random.default_rng(1)
    places = pd.DataFrame(rng.normal(size=(249, 2)), columns=["tsne_1", "tsne_2"])
    places.insert(0, "gene", [f"GENE{i}" for i in range(249)])
    figure, _ = plots.regulator_map(places, places["gene"][:41].tolist(), {})  # the paper's numbers
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in figure.axes[0].texts]  # without their lines
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_the_cluster_map_has_a_column_a_regulator_with_mean_0(embedded):
    chosen = embedded[["G0", "G1", "G9", "G20"]]
    _, drawn = plots.cluster_map(chosen, {"G0": "1", "G1": "1", "G9": "2"})
    assert (
        list(drawn) == ["latent", "gene", "z_score", "perturbation_cluster"] and len(drawn) == 6 * 4
    )
    scores = drawn.groupby("gene")["z_score"]
    np.testing.assert_allclose(scores.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(scores.std(ddof=0), 1, rtol=1e-6)
    order = drawn["gene"].unique().tolist()
    assert abs(order.index("G0") - order.index("G1")) == 1


def test_curves_agreement_and_settings_are_drawn(embedded):
    curves = clusters.curves(embedded, k_max=5)
    figure, drawn = plots.index_curves(curves, k=3)
    assert len(figure.axes) == 3 and drawn["is_chosen"].tolist() == [False, True, False, False]
    runs = {"run_1": embedded, "run_2": latents(embedded.X + 0.3, list(embedded.obs_names))}
    modules = {
        "planted": pd.DataFrame(
            {"gene": embedded.obs_names[:16], "cluster": np.repeat(["a", "b"], 8)}
        )
    }
    compared = clusters.agreement_by_k(runs, modules, k_max=4)
    assert compared["k"].tolist() == [2, 2, 2, 3, 3, 3, 4, 4, 4] and compared["n_genes"].max() == 24
    assert compared.query("k == 3 and second == 'planted' and first == 'run_1'")[
        "ari"
    ].tolist() == [1.0]
    figure, drawn = plots.agreement(compared, k=3, others=["planted"])
    assert len(figure.axes[0].texts) == 6 and len(figure.axes[1].lines) == 4 and len(drawn) == 9
    alone = clusters.agreement_by_k({"run_1": embedded}, modules, k_max=3)
    assert len(plots.agreement(alone, k=3, others=["planted"])[1]) == 2
    table = pd.DataFrame(
        {"setting": ["physical"] * 2 + ["cmap_full"], "target": ["A", "B", "C"], "test_auc": 0.9}
    )
    table = table.assign(
        is_leaky=table["setting"] == "cmap_full", test_ap=0.9, n_labelled=5, n_classes=2
    )
    table = table.assign(alpha=1.0, beta=0.0, gamma=1.0, link_split=1)
    figure, drawn = target_plots.settings(table)
    assert [text.get_text().split("\n")[0] for text in figure.axes[0].get_yticklabels()] == [
        "physical (1, 0, 1)",
        "cmap_full (1, 0, 1)",
    ]
    assert len(drawn) == 3


def test_definitions_are_as_published():
    measured = claims.definitions()
    entries = [entry for name, entry in published.load().items() if name in measured]
    assert (scorecard.compare(entries, measured)["status"] == scorecard.REPRODUCED).all() and len(
        measured
    ) == 7


def test_what_definitions_alone_give_is_not_called_measured():
    entries = published.load()
    assert {entries[name].basis for name in claims.definitions()} == {"defined"}
    others = [
        one
        for one in entries.values()
        if one.id.startswith("regulation.") and one.id not in claims.definitions()
    ]
    assert {one.basis for one in others} == {"measured"}


def test_every_published_number_is_measured_somewhere_with_the_papers_data(embedded):
    lists = published.gene_clusters("regulatory_clusters")
    genes = [gene for members in lists.values() for gene in members]
    names = [name for name, members in lists.items() for _ in members]
    table = pd.DataFrame({"gene": genes, "cluster": names})
    curves = pd.DataFrame({"k": range(2, 16), "silhouette": 0.1, "calinski_harabasz": 30.0})
    columns = [
        "test_auc",
        "test_ap",
        "n_epochs",
        "best_epoch",
        "train_loss",
        "val_loss",
        "test_loss",
    ]
    measured = claims.figure_model(dict.fromkeys(columns, 1.0), curves, table)
    assert measured["regulation.published.ari"] == 1.0
    signatures = latents(np.random.default_rng(0).normal(size=(5, 8)))
    nodes = pd.DataFrame({"gene": signatures.obs_names, "is_regulator": True})
    measured |= claims.signature_clusters(signatures, nodes, k=2)
    sizes = [
        measured.pop(f"expression.cmap.{name}") for name in ("covered", "clusters", "cluster_sizes")
    ]
    assert sizes[:2] == [5, 2] and sum(map(int, sizes[2].split(", "))) == 5
    measured |= claims.definitions()
    assert set(measured) == {name for name in published.load() if name.startswith("regulation.")}


def test_planted_claims_are_means_with_an_interval_by_hand(embedded):
    modules = pd.DataFrame({"gene": embedded.obs_names, "module": np.repeat(["a", "b", "none"], 8)})
    metrics = pd.DataFrame({"test_auc": [0.8, 0.81, 0.82]})
    runs = {f"run_{i}": clusters.assign(embedded, k=3) for i in (1, 2, 3)}
    known = {f"G{i}": str(i // 8) for i in range(24)}
    measured, intervals = claims.planted(metrics, runs, modules, embedded, known)
    assert measured == {
        "regulation.planted.link_auc": 0.81,
        "regulation.planted.cluster_ari": 1.0,
        "regulation.planted.together": 1.0,
    }
    assert intervals == {  # 0.81 ± t(0.975, 2) × 0.01 / √3, t = 4.303
        "regulation.planted.link_auc": (0.7852, 0.8348),
        "regulation.planted.cluster_ari": (1.0, 1.0),
    }
    alone, none = claims.planted(metrics[:1], {"run_1": runs["run_1"]}, modules, embedded, known)
    assert alone["regulation.planted.link_auc"] == 0.8 and none == {}, "one run has no interval"


def test_target_auc_is_a_mean_over_link_splits_and_then_settings():
    rows = [
        ("physical", 1, 1.0, 0.9),
        ("physical", 1, 1.0, 0.7),
        ("physical", 2, 1.0, 0.6),
        ("none", 1, 1.0, 0.6),
        ("none", 2, 1.0, 0.6),
        ("a0_b0_g1", 1, 0.0, 0.1),
    ]
    metrics = pd.DataFrame(rows, columns=["setting", "link_split", "alpha", "test_auc"])
    measured, intervals = claims.planted_targets(metrics)  # splits: (0.8 + 0.6) / 2 and 0.6
    assert measured == {"regulation.planted.target_auc": 0.65}
    [(low, high)] = intervals.values()
    assert (low, high) == (0.0147, 1.0), "0.65 ± 12.71 × 0.05, not above 1"
    assert claims.planted_targets(metrics[metrics["link_split"] == 1])[1] == {}
    assert claims.planted_targets(metrics[metrics["alpha"] == 0]) == ({}, {})


def test_how_often_regulators_of_a_cluster_sit_together():
    found = latents([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 1]])
    assert claims.together(found, {"G0": "1", "G1": "1", "G2": "2", "G3": "2", "G4": "3"}) == 1.0
    assert claims.together(found, {"G0": "1", "G2": "1", "G1": "2", "G3": "2"}) == 0.0
    assert np.isnan(claims.together(found, {"G0": "1", "G1": "2"}))


def test_modules_are_planted_only_where_screen_and_all_sources_are_simulated(tmp_path):
    simulated, real = tmp_path / "simulated", tmp_path / "real"
    origin.write(simulated, origin.simulated("images"))
    origin.write(real, origin.own("images", "plates"))
    for name, own in {"all": [], "network": ["ppi"]}.items():
        toy_network.listed(tmp_path / name, own=own)
    assert tables.planted_modules(tmp_path / "all", simulated).to_numpy().tolist() == [
        ["JUN", "m1"]
    ]
    assert tables.planted_modules(tmp_path / "all", real).empty
    assert tables.planted_modules(tmp_path / "network", simulated).empty, (
        "only gene sets and others are simulated"
    )


@pytest.mark.real
def test_the_published_clusters_have_the_published_sizes(real):
    table = pd.read_csv(real / "reference" / "image2reg" / "regulatory_clusters_249.csv")
    assert table["cluster"].value_counts().sort_index().tolist() == [57, 26, 40, 24, 21, 17, 37, 27]
    own = pd.DataFrame(
        [
            (gene, int(name))
            for name, genes in published.gene_clusters("regulatory_clusters").items()
            for gene in genes
        ],
        columns=["gene", "cluster"],
    )
    assert clusters.agreement({"file": table, "list": own})["ari"].tolist() == [1.0]


def test_tables_of_nodes_that_cannot_be_used_are_told(tmp_path):
    path = tmp_path / "nodes.csv"
    for text, message in [
        ("gene\nJUN\n", "nodes.csv: the column is_regulator is missing"),
        ("gene,is_regulator\n", "nodes.csv: the table has no row.* a larger beta"),
        (
            "gene,is_regulator\nJUN,True\nJUN,False\n",
            "nodes.csv: row 2, gene 'JUN' is there more than once",
        ),
    ]:
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            tables.read_nodes(path)


def test_annotated_embeddings_are_written_and_read(tmp_path):
    nodes, _ = toy.network(2, 4)
    found = latents(np.random.default_rng(0).normal(size=(8, 3)), nodes["gene"].tolist())
    assigned = clusters.assign(found, k=2).sample(frac=1, random_state=0)
    made = tables.annotate(found, nodes.sample(frac=1, random_state=0), {"G0A": "4"}, assigned)
    h5ad.write(tmp_path / "a.h5ad", made)
    again = h5ad.read(tmp_path / "a.h5ad")
    assert again.obs["is_regulator"].tolist() == nodes["is_regulator"].tolist()
    assert again.obs["perturbation_cluster"].tolist() == ["4"] + [""] * 7
    assert (
        again.obs["cluster"].tolist()
        == assigned.set_index("gene")["cluster"][nodes["gene"]].tolist()
    )
    assert list(settings.MAIN) == [
        "physical",
        "cmap_full_all_nodes",
        "physical_full",
        "no_cluster_loss",
    ]
