"""Simulated sources: real formats, the planted structure in each, the same bytes from the same
seed."""

import dataclasses

import h5py
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import toy_network
from toy_network import SMALL

from lib.data import gmt
from lib.interactome import sources, universes
from lib.simulate import network
from lib.simulate.sources import kernel


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("sources")
    toy_network.write(path)
    return path


@pytest.fixture(scope="module")
def truth(folder):
    return sources.read_truth(folder)


@pytest.fixture(scope="module")
def edges(folder):
    return universes.read_edges(folder / "ppi.txt")


def modules_of(table, truth):
    return table.map(truth.set_index("gene")["module"]).fillna("none").to_numpy()


def test_genes_are_real_symbols_once_and_modules_are_the_groups_of_the_screen(truth):
    assert len(truth) == SMALL.n_genes and truth["gene"].is_unique
    assert truth["is_screened"].sum() == 20
    sizes = truth[~truth["is_screened"]].groupby("module").size().drop("none")
    assert (sizes == SMALL.module_size).all() and len(sizes) == 3
    screened = toy_network.screened().set_index("gene")
    inner = truth[truth["is_screened"]].set_index("gene")
    assert (inner["module"] == screened["group"].replace("inert", "none")).all()
    np.testing.assert_allclose(inner[["s1", "s6"]], screened[["s1", "s6"]])
    outside = truth[~truth["is_screened"] & (truth["module"] == "none")]
    assert (outside[["s1", "s2", "s3", "s4", "s5", "s6"]] == 0).all(axis=None)


def test_members_that_were_not_screened_come_from_the_published_interactome(truth):
    from lib.report import published

    members = truth[(truth["module"] != "none") & ~truth["is_screened"]]["gene"]
    assert set(members) <= set(published.gene_lists()["regulatory_clusters"])


def test_too_few_genes_are_refused():
    small = dataclasses.replace(SMALL, n_genes=60)
    with pytest.raises(
        ValueError, match="n_genes = 60 leaves 4 genes beside 20 screened ones and 36 members"
    ):
        network.network_genes(
            toy_network.screened(),
            toy_network.gene_ids(),
            design=small,
            rng=np.random.default_rng(),
        )


def test_too_few_symbols_are_told_with_the_way_to_bring_them():
    ids = toy_network.gene_ids().head(0)
    with pytest.raises(
        ValueError, match=r"0 free symbols with an Ensembl id for 300 genes; .* add gene_ids\.csv"
    ):
        network.network_genes(
            toy_network.screened(), ids, design=SMALL, rng=np.random.default_rng()
        )


def test_the_same_seed_gives_the_same_bytes(folder, tmp_path):
    toy_network.write(tmp_path)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(files) == 11  # nine sources, the truth, the table of contents
    assert all((folder / name).read_bytes() == (tmp_path / name).read_bytes() for name in files)


def test_one_source_does_not_depend_on_another(folder, tmp_path):
    design = dataclasses.replace(SMALL, n_cells=40, n_lines=12)
    network.write_sources(
        tmp_path,
        toy_network.screened(),
        toy_network.gene_ids(),
        design=design,
        seed=toy_network.SEED,
    )
    assert (tmp_path / "ppi.txt").read_bytes() == (folder / "ppi.txt").read_bytes()
    assert (tmp_path / "fucci_counts.csv").read_bytes() != (
        folder / "fucci_counts.csv"
    ).read_bytes()


def test_only_the_wanted_sources_are_written_and_old_ones_go(tmp_path):
    (tmp_path / "old.txt").write_text("old")
    made = network.write_sources(
        tmp_path,
        toy_network.screened(),
        toy_network.gene_ids(),
        design=SMALL,
        seed=1,
        wanted=["ppi"],
    )
    assert (
        made == {"gene_ids": "gene_ids.tsv", "ppi": "ppi.txt"}
        and not (tmp_path / "old.txt").exists()
    )
    nothing = network.write_sources(
        tmp_path, toy_network.screened(), toy_network.gene_ids(), design=SMALL, seed=1, wanted=[]
    )
    assert list(nothing) == ["gene_ids"] and not (tmp_path / "truth").exists()


def test_interactome_is_one_component_with_ties_hubs_and_a_few_self_loops(edges):
    assert list(edges.columns) == ["protein1", "protein2", "cost"]
    loops = edges["protein1"] == edges["protein2"]
    assert loops.sum() == 4
    apart = edges[~loops]
    assert len(
        {frozenset(pair) for pair in zip(apart["protein1"], apart["protein2"], strict=True)}
    ) == len(apart)
    graph = nx.from_pandas_edgelist(apart, "protein1", "protein2")
    assert len(graph) == SMALL.n_genes and nx.is_connected(graph)
    assert abs(len(edges) - SMALL.n_edges) < 0.1 * SMALL.n_edges
    degree = dict(graph.degree())
    assert max(degree, key=degree.get) == "UBC" and degree["UBC"] > 0.4 * SMALL.n_genes
    shares = edges["cost"].value_counts(normalize=True)
    assert (
        shares.index[0] == 0.598835 and 0.2 < shares.iloc[0] < 0.4 and 0.03 < shares[0.594442] < 0.1
    )
    assert edges["cost"].between(0.0006, 0.8593).all()


def test_members_of_a_module_interact_more_and_cheaper(edges, truth):
    first, second = (modules_of(edges[name], truth) for name in ("protein1", "protein2"))
    within = (first == second) & (first != "none")
    assert within.sum() > 0.7 * SMALL.module_degree * (truth["module"] != "none").sum() / 2
    assert (
        (edges["cost"][within] < 0.594).mean() > 0.9 > 0.6 > (edges["cost"][~within] < 0.594).mean()
    )


def test_the_papers_two_losses_are_planted(edges, folder, truth):
    assert {"MOS", "CXXC4"} <= set(truth["gene"][truth["is_screened"]])
    partners = edges[(edges["protein1"] == "CXXC4") | (edges["protein2"] == "CXXC4")]
    assert (
        set(partners["protein1"]) | set(partners["protein2"]) == {"CXXC4", "UBC"}
        and (partners["cost"] < 0.594).all()
    )
    counts = pd.read_csv(folder / "fucci_counts.csv", index_col=0)
    ids = toy_network.gene_ids()
    mos = counts[[name for name in ids.loc[ids["symbol"] == "MOS", "ensembl"] if name in counts]]
    assert mos.shape[1] >= 1 and ((mos > 0).sum() < 10).all()


def test_every_screened_gene_keeps_a_confident_partner_without_the_hubs(edges, truth):
    from lib.simulate.sources.ppi import HUB_REACH

    sure = edges[edges["cost"] < 0.594]
    sure = sure[~sure["protein1"].isin(HUB_REACH) & ~sure["protein2"].isin(HUB_REACH)]
    giant = max(
        nx.connected_components(nx.from_pandas_edgelist(sure, "protein1", "protein2")), key=len
    )
    assert set(truth["gene"][truth["is_screened"]]) - giant == {"CXXC4"}


def test_counts_are_raw_with_poor_cells_shared_symbols_and_ids_without_one(folder):
    counts = pd.read_csv(folder / "fucci_counts.csv", index_col=0)
    assert (counts.dtypes == np.int64).all() and (counts >= 0).all(axis=None)
    assert (
        counts.shape[0] == 95
        and counts.index.is_unique
        and counts.columns.str.startswith("ENSG").all()
    )
    detected = (counts > 0).sum(axis=1)
    assert (detected < 0.5 * detected.median()).sum() == SMALL.n_poor_cells
    symbol = toy_network.gene_ids().set_index("ensembl")["symbol"].reindex(counts.columns)
    assert symbol.isna().sum() == 40 and symbol.dropna().duplicated().sum() > 10
    assert ((counts > 0).sum() < 10).any()


def test_gctx_has_the_real_layout_in_an_order_of_its_own(folder):
    info = pd.read_csv(folder / "cmap_siginfo.txt", sep="\t")
    with h5py.File(folder / "cmap_level5.gctx") as file:
        rows, columns = file["0/META/ROW/id"][:].astype(str), file["0/META/COL/id"][:].astype(str)
        assert file["0/DATA/0/matrix"].shape == (len(columns), len(rows))  # signatures × genes
    listed = info["sig_id"][info["pert_type"] == "trt_oe"]
    assert set(columns) == set(listed) and list(columns) != list(listed)
    assert list(rows) != list(
        pd.read_csv(folder / "cmap_geneinfo.txt", sep="\t", dtype=str)["gene_id"]
    )
    assert (
        len(set(info["project_code"])) > 1
        and len(set(info["cell_iname"])) > 1
        and len(set(info["pert_type"])) > 1
    )


def test_cell_lines_carry_the_real_names_and_columns(folder):
    table = pd.read_csv(folder / "ccle_expression.csv", index_col=0)
    info = pd.read_csv(folder / "ccle_sample_info.csv", index_col="DepMap_ID")
    assert table.columns.str.fullmatch(r"\S+ \(\d+\)").all() and (table >= 0).all(axis=None)
    assert len(table) == SMALL.n_lines and len(set(table.index) - set(info.index)) == 2
    assert (info["stripped_cell_line_name"] == "U2OS").sum() == 1


def test_fifty_gene_sets_of_which_some_follow_the_modules(folder, truth):
    sets = gmt.read(folder / "hallmark.gmt")
    assert len(sets) == 50
    members = {
        module: set(rows) for module, rows in truth.groupby("module")["gene"] if module != "none"
    }
    for genes in members.values():
        shares = sorted(len(genes & set(names)) / len(genes) for names in sets.values())
        assert np.mean(shares[-3:]) > 0.4 > 0.35 > np.mean(shares[:-3])


@pytest.mark.parametrize("share", [0.0, 0.8])
def test_correlation_over_cells_follows_the_states_as_strongly_as_asked(tmp_path, share):
    from lib.interactome import counts, expression, planted

    found = toy_network.write(tmp_path, dataclasses.replace(SMALL, expression_share=share))
    named = counts.to_symbols(
        counts.read_counts(found["fucci_counts"].path), toy_network.gene_ids()
    )
    cells = expression.log_normalise(expression.filter_counts(named, min_genes=150, min_cells=10))
    pairs = planted.gene_pairs(cells, sources.read_truth(tmp_path))
    middle = pairs.groupby("kind")["abs_spearman"].median()
    contrast = middle[planted.SAME] - middle[planted.BACKGROUND]
    assert contrast > 0.3 if share else abs(contrast) < 0.05
    assert middle[planted.OTHER] < middle[planted.BACKGROUND] + 0.1


def test_similarity_falls_with_the_distance_of_states():
    genes = pd.DataFrame(
        np.array([[0, 0], [3, 0], [0, 4]]) @ np.eye(2, 6), columns=[f"s{i}" for i in range(1, 7)]
    )
    expected = np.exp(-np.array([[0, 9, 16], [9, 0, 25], [16, 25, 0]]) / (2 * 25))
    np.testing.assert_allclose(kernel.similarity(genes, scale=5), expected)
    drawn = kernel.correlated(genes, 20_000, scale=5, rng=np.random.default_rng(0))
    np.testing.assert_allclose(np.corrcoef(drawn, rowvar=False), expected, atol=0.03)
    np.testing.assert_allclose(kernel.strength(genes), [0, 3 / 3.5, 4 / 3.5])


def test_a_real_screen_gets_states_of_its_own(tmp_path):
    impact = pd.DataFrame(
        {"gene_symbol": ["RAF1", "JUN", "AKT1", "SRC"], "is_selected": [True, False, True, False]}
    )
    drawn = network.screened_genes(tmp_path, impact, seed=1)
    assert drawn["gene"].tolist() == ["AKT1", "RAF1", "JUN", "SRC"]
    assert drawn["is_active"].tolist() == [True, True, False, False]
    (tmp_path / "truth").mkdir()
    toy_network.screened().to_csv(tmp_path / "truth/genes.csv", index=False)
    assert network.screened_genes(tmp_path, impact, seed=1)["gene"].tolist() == list(
        toy_network.screened()["gene"]
    )
