"""The sweep over β: trees by hand, statistics against NetworkX, and the interactome that is handed
on."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.interactome import interactome, ppi, prizes, pruning, sweep
from lib.interactome.network import of_table
from lib.report import published
from lib.run import store
from tests.test_interactome_network import IREFINDEX
from tests.test_interactome_pruning import drawn

BETAS = np.arange(1, 41) / 10


def chain():
    """A to E in a row: A and E are worth 10, C is worth 1; the last edge is dear."""
    rows = [("A", "B", 1.0), ("B", "C", 1.0), ("C", "D", 1.0), ("D", "E", 4.0)]
    network = of_table(pd.DataFrame(rows, columns=["gene_a", "gene_b", "cost"]), cost="cost")
    return network, np.array([10.0, 0.0, 1.0, 0.0, 10.0])


def problem(seed=0):
    """A connected random network with prizes; every tenth gene is a regulator."""
    network = drawn(seed, n_genes=80, n_edges=240).largest()
    regulators = network.genes[::10].tolist()
    own = pd.Series(
        np.random.default_rng(seed).exponential(size=network.n_nodes), index=network.genes
    )
    return network, prizes.node_prizes(own, network.genes, regulators), regulators


def test_trees_of_a_chain_by_hand():
    """Prizes are scaled to 1, 0, 0.1, 0, 1: reaching E from A costs 7 and brings 1.1 β (C lies
    between)."""
    network, worth = chain()
    found = sweep.run(network, worth, network.costs, [1.0, 6.3, 6.5])
    assert found.nodes.tolist() == [[False] * 5, [False] * 5, [True] * 5]
    assert [len(tree) for tree in found.trees] == [0, 0, 4]


def test_a_tree_without_an_edge_counts_no_node_and_none_makes_an_interactome():
    network, worth = chain()
    found = sweep.run(network, worth, network.costs, [0.5])
    table = sweep.statistics(network, found, regulators=["A", "E"], orf_targets=["A"])
    (row,) = table.to_dict("records")
    assert (
        row["n_nodes"],
        row["n_edges"],
        row["n_connected_components"],
        row["n_spec_target_nodes"],
    ) == (0, 0, 0, 0)
    assert np.isnan(row["avg_node_degree"]) and np.isnan(row["n_louvain_clusters"])
    with pytest.raises(
        InputError, match="no tree up to β = 0.5 holds a structural regulator; raise β"
    ):
        sweep.choose(table)
    nodes, edges = pd.DataFrame({"gene": network.genes}), network.edge_table()
    with pytest.raises(InputError, match="the tree at β = 0.5 has no edge, .* choose a larger β"):
        interactome.tables(network, found, 0.5, nodes=nodes, edges=edges, seed=0)
    with pytest.raises(
        InputError, match="β = 0.7 is not among the 1 of the sweep, which ends at 0.5"
    ):
        interactome.tables(network, found, 0.7, nodes=nodes, edges=edges, seed=0)
    assert (sweep.node_iou(found, found) == 0).all(), "two empty solutions have nothing in common"


def test_a_disconnected_target_is_left_out_and_the_rest_is_chosen():
    rows = [("A", "B", 0.1), ("B", "C", 0.1), ("X", "Y", 0.1)]
    network = of_table(pd.DataFrame(rows, columns=["gene_a", "gene_b", "cost"]), cost="cost")
    worth = prizes.node_prizes(pd.Series({"B": 1.0, "A": 2.0}), network.genes, ["A", "C", "X"])
    found = sweep.run(network, worth, network.costs, [0.5, 1.0])
    table = sweep.statistics(network, found, regulators=["A", "C", "X"], orf_targets=[])
    assert table["n_spec_target_nodes"].tolist() == [2, 2] and sweep.choose(table) == 0.5
    assert network.genes[found.nodes[0]].tolist() == ["A", "B", "C"]


@pytest.mark.parametrize("seed", range(3))
def test_statistics_are_those_of_networkx(seed):
    network, worth, regulators = problem(seed)
    screened = network.genes[::4].tolist()
    found = sweep.run(network, worth, network.costs, BETAS)
    options = {"regulators": regulators, "orf_targets": screened, "louvain_up_to": 1000}
    table = sweep.statistics(network, found, **options)
    whole = nx.Graph(network.ends.tolist())
    for row, kept, tree in zip(table.itertuples(), found.nodes, found.trees, strict=True):
        graph = whole.subgraph(np.flatnonzero(kept))
        degrees = np.array([degree for _, degree in graph.degree])
        own = np.array(
            [degree for node, degree in graph.degree if network.genes[node] in regulators]
        )
        assert (row.n_nodes, row.n_edges) == (len(graph), graph.number_of_edges())
        if not len(graph):
            continue
        assert row.n_connected_components == 1 and len(tree) == len(graph) - 1
        assert set(network.ends[tree].ravel()) == set(graph), "the tree spans its nodes"
        assert (row.avg_node_degree, row.std_node_degree) == pytest.approx(
            (degrees.mean(), degrees.std())
        )
        assert row.n_leaf_nodes == (degrees == 1).sum() and row.n_spec_target_nodes == len(own)
        assert row.n_target_nodes == len({network.genes[node] for node in graph} & set(screened))
        if len(own):
            assert (row.avg_spec_target_degree, row.std_spec_target_degree) == pytest.approx(
                (own.mean(), own.std())
            )
            assert row.n_spec_target_leafs == (own == 1).sum()
        assert 1 <= row.n_louvain_clusters <= len(graph)
    pd.testing.assert_frame_equal(table, sweep.statistics(network, found, **options))


def test_louvain_is_counted_up_to_a_size_and_seeded():
    network, worth, regulators = problem()
    found = sweep.run(network, worth, network.costs, BETAS)
    table = sweep.statistics(
        network, found, regulators=regulators, orf_targets=[], louvain_up_to=30
    )
    assert (table["n_louvain_clusters"].notna() == table["n_nodes"].between(1, 30)).all()
    labels = sweep.louvain(network, seed=3)
    assert (labels == sweep.louvain(network, seed=3)).all()
    sizes = np.bincount(labels)[1:]
    assert sizes.min() > 0 and (np.diff(sizes) <= 0).all(), "numbered from 1, the largest first"


def test_the_rule_takes_the_smallest_beta_with_most_regulators():
    table = pd.DataFrame({"beta": [0.1, 0.2, 0.3, 0.4], "n_spec_target_nodes": [0, 5, 5, 4]})
    assert sweep.choose(table) == 0.2


def test_the_middle_of_a_plateau_is_taken_where_many_solutions_are_alike():
    """Genes over β: none of the tie, then 10, 20, 20, 20, 20, 21, 40; equal solutions from 0.3 to
    0.7."""
    sizes = [5, 10, 20, 20, 20, 20, 21, 40]
    nodes = np.arange(40)[None] < np.array(sizes)[:, None]
    found = sweep.Sweep(np.arange(1, 9) / 10, nodes, ((),) * 8, 0.0)
    table = pd.DataFrame({"beta": found.betas, "n_spec_target_nodes": [3, 4, 4, 4, 4, 4, 4, 4]})
    overlap = sweep.node_iou(found, found)
    assert sweep.first_plateau(overlap, np.arange(8) > 0, 5) == (2, 5), (
        "20 of 21 genes are more than 95 %"
    )
    assert sweep.choose(table, overlap, plateau=5) == 0.5
    assert sweep.choose(table, overlap, plateau=6) == 0.2, "too short: the paper's rule"
    assert sweep.choose(table, overlap) == 0.2 and sweep.choose(table, plateau=5) == 0.2
    one_lost = table.assign(n_spec_target_nodes=[3, 4, 4, 4, 3, 4, 4, 4])
    assert sweep.first_plateau(overlap, (one_lost["n_spec_target_nodes"] == 4).to_numpy(), 2) == (
        2,
        2,
    )


def test_the_first_plateau_counts_not_a_longer_one_of_large_solutions():
    sizes = [10, 20, 20, 20, 40, 80, 80, 80, 80, 80]
    found = sweep.Sweep(
        np.arange(1, 11) / 10, np.arange(80)[None] < np.array(sizes)[:, None], ((),) * 10, 0.0
    )
    table = pd.DataFrame({"beta": found.betas, "n_spec_target_nodes": 4})
    overlap = sweep.node_iou(found, found)
    assert (
        sweep.choose(table, overlap, plateau=3) == 0.3
        and sweep.choose(table, overlap, plateau=4) == 0.8
    )


def test_published_sizes_have_no_plateau_so_both_rules_give_the_published_beta():
    """Genes of the published Spearman solutions: 249 at 2.6, 269, 310, some 330, 346 at 3.0, 3,506
    at 9.9."""
    betas = np.arange(26, 100) / 10
    sizes = np.interp(betas, [2.6, 2.7, 2.8, 3.0, 9.9], [249, 269, 310, 346, 3506]).astype(int)
    found = sweep.Sweep(betas, np.arange(3506)[None] < sizes[:, None], ((),) * len(betas), 0.0)
    table = pd.DataFrame({"beta": betas, "n_spec_target_nodes": 39})
    assert (
        sweep.choose(table) == 2.6 == sweep.choose(table, sweep.node_iou(found, found), plateau=10)
    )


def test_overlap_is_that_of_sets():
    network, worth, _ = problem()
    first = sweep.run(network, worth, network.costs, BETAS[::8])
    second = sweep.run(network, worth, 1 - network.costs, BETAS[::5])
    found = sweep.node_iou(first, second)
    assert found.shape == (len(BETAS[::8]), len(BETAS[::5]))
    for i, one in enumerate(first.nodes):
        for j, other in enumerate(second.nodes):
            either = (one | other).sum()
            assert found[i, j] == pytest.approx((one & other).sum() / either if either else 0)


# what is handed on
# ------------------------------------------------------------------------------------------


def chosen(seed=0):
    network, worth, regulators = problem(seed)
    found = sweep.run(network, worth, network.costs, BETAS)
    nodes = pd.DataFrame(
        {"gene": network.genes, "prize": worth, "is_regulator": network.has(regulators)}
    )
    nodes["is_orf_target"] = network.has(network.genes[::4])
    edges = (
        network.edge_table()
        .rename(columns={"cost": "mi_score"})
        .assign(cost_spearman=1 - network.costs)
    )
    beta = sweep.choose(sweep.statistics(network, found, regulators=regulators, orf_targets=[]))
    return network, found, beta, nodes, edges


def test_tables_are_the_induced_subgraph_and_the_tree_in_it():
    network, found, beta, nodes, edges = chosen()
    genes, links = interactome.tables(network, found, beta, nodes=nodes, edges=edges, seed=0)
    inside = edges["gene_a"].isin(genes["gene"]) & edges["gene_b"].isin(genes["gene"])
    assert len(links) == inside.sum() and links["in_tree"].sum() == len(genes) - 1
    degree = pd.concat([links["gene_a"], links["gene_b"]]).value_counts()
    assert genes.set_index("gene")["degree"].to_dict() == degree.to_dict()
    assert (
        genes.loc[genes["is_regulator"], "gene"].tolist()
        == nodes.loc[nodes["is_regulator"], "gene"].tolist()
    )
    selection = interactome.selection(network, genes)
    assert selection["gene"].is_monotonic_increasing and len(selection) == network.n_nodes
    assert (
        selection.loc[selection["selected_in_ggi"] == 1, "gene"].tolist() == genes["gene"].tolist()
    )


def test_tables_of_the_pruned_network_are_read_back_as_it_was(tmp_path):
    network, _, _, nodes, edges = chosen()
    for name, table in {"nodes": nodes, "edges": edges}.items():
        store.write_table(tmp_path / f"{name}.csv", table)
    read = interactome.read_pruned(tmp_path / "nodes.csv", tmp_path / "edges.csv")
    again = interactome.as_network(*read)
    assert (again.ends == network.ends).all() and (again.genes == network.genes).all()
    with pytest.raises(InputError, match="not sorted by gene; make them with ppi_pruning"):
        interactome.as_network(read[0], read[1].iloc[::-1])


def test_graphml_is_read_back_and_the_same_on_every_write(tmp_path):
    network, found, beta, nodes, edges = chosen()
    genes, links = interactome.tables(network, found, beta, nodes=nodes, edges=edges, seed=0)
    for name in ("one", "two"):
        interactome.write_graphml(tmp_path / f"{name}.graphml", genes, links)
    assert (tmp_path / "one.graphml").read_bytes() == (tmp_path / "two.graphml").read_bytes()
    read_genes, read_links = interactome.read_graphml(tmp_path / "one.graphml")
    pd.testing.assert_frame_equal(read_genes, genes, check_dtype=False)
    pd.testing.assert_frame_equal(read_links, links, check_dtype=False)
    assert list(nx.read_graphml(tmp_path / "one.graphml")) == genes["gene"].tolist(), (
        "Cytoscape names nodes by gene"
    )


def test_recovery_by_hand():
    network, _ = chain()
    truth = pd.DataFrame({"gene": list("ABCZ"), "module": ["one", "one", "two", "two"]})
    nodes = pd.DataFrame({"gene": ["A", "B", "D"], "module": [1, 1, 2]})
    found = interactome.recovery(nodes, network, truth)
    assert found == {"precision": 2 / 3, "recall": 2 / 3, "chance": 3 / 5, "ari": 1.0}, (
        "Z cannot be reached"
    )
    assert interactome.recovery(nodes, network, truth.iloc[:0]) == {}


# the real network
# ------------------------------------------------------------------------------------------


def real_prizes(real):
    """|log2 fold change| of U-2 OS against the other lines, of the 50 genes of the real CCLE
    table."""
    table = pd.read_csv(real / "data/expression/CCLEsmall_rna_50x1036.csv.gz", index_col=0)
    return (table["U-2-OS"] - table.drop(columns="U-2-OS").mean(axis=1)).abs().rename_axis("gene")


@pytest.mark.real
@pytest.mark.slow
def test_the_sweep_on_the_real_network(real):
    """Real costs, prizes of the real CCLE genes, the published regulators: all 99 β are consistent
    with themselves."""
    lists = published.gene_lists()
    regulators = [gene for gene in lists["impactful_genes"] if gene not in ("MOS", "CXXC4")]
    giant = pruning.richest_component(ppi.read(real / IREFINDEX).below(0.594), regulators)
    network = pruning.richest_component(pruning.remove_hubs(giant, 0.999)[0], regulators)
    assert (network.n_nodes, network.n_edges, network.has(regulators).sum()) == (11_173, 54_967, 39)
    worth = prizes.node_prizes(real_prizes(real), network.genes, regulators)
    assert (worth[network.has(regulators)] == worth.max()).all()

    found = sweep.run(network, worth, network.costs)
    options = {"regulators": regulators, "orf_targets": lists["over_expression_targets"]}
    table = sweep.statistics(network, found, **options, louvain_up_to=300)
    assert len(table) == 99 and sweep.choose(table) <= 1
    filled = table[table["n_nodes"] > 0]
    assert (filled["n_connected_components"] == 1).all()
    assert filled["avg_node_degree"].to_numpy() == pytest.approx(
        2 * filled["n_edges"] / filled["n_nodes"]
    )
    assert all(
        len(tree) == n - 1 for tree, n in zip(found.trees, table["n_nodes"], strict=True) if n
    )
    assert (table["n_spec_target_nodes"] <= table["n_target_nodes"]).all() and (
        table["n_target_nodes"] <= 190
    ).all()
    assert table["n_spec_target_nodes"].max() == 39 and table["n_spec_target_nodes"].iloc[-1] == 39
    weights = prizes.scaled(worth)
    for beta, kept, tree in zip(found.betas, found.nodes, found.trees, strict=True):
        paid = network.costs[tree].sum() + beta * weights[~kept].sum()
        assert paid <= beta * (weights.sum() - weights.max()) + 1e-9, (
            "no dearer than the best single node"
        )
    np.testing.assert_allclose(np.diag(sweep.node_iou(found, found))[table["n_nodes"] > 0], 1)
