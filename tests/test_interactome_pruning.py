"""Pruning: sweeps against graphs built cut-off by cut-off, the rules, and where a regulator is
lost."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.interactome import ppi, pruning
from lib.interactome.network import of_table
from tests.test_interactome_network import IREFINDEX, small


def drawn(seed, n_genes=60, n_edges=150, ties=7):
    """A random network with tied costs; some costs are 0."""
    rng = np.random.default_rng(seed)
    pairs = np.unique(np.sort(rng.integers(0, n_genes, (n_edges, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    table = pd.DataFrame(
        {"gene_a": [f"G{a:02d}" for a, _ in pairs], "gene_b": [f"G{b:02d}" for _, b in pairs]}
    )
    return of_table(table.assign(cost=rng.integers(0, ties, len(pairs)) / ties), cost="cost")


@pytest.mark.parametrize("seed", range(5))
def test_the_confidence_sweep_is_that_of_one_graph_a_cutoff(seed):
    network, cutoffs = drawn(seed), np.arange(0, 1.1, 0.05)
    targets = network.genes[::7].tolist()
    table = pruning.confidence_sweep(network, targets, cutoffs)
    for row in table.itertuples():
        graph = nx.Graph()
        graph.add_edges_from(network.ends[network.costs < row.cutoff].tolist())
        kept = {network.genes[node] for node in graph}
        degrees = [degree for _, degree in graph.degree]
        found = (
            len(graph),
            graph.number_of_edges(),
            len(kept & set(targets)),
            nx.number_connected_components(graph),
        )
        assert (row.n_nodes, row.n_edges, row.n_targets, row.n_components) == found
        assert row.avg_degree == pytest.approx(np.mean(degrees) if degrees else 0)


def test_the_rule_cuts_before_the_first_jump_with_all_targets():
    table = pd.DataFrame(
        {
            "cutoff": [0.1, 0.2, 0.3, 0.4, 0.5],
            "n_edges": [10, 50, 55, 58, 100],
            "n_targets": [1, 2, 3, 3, 3],
        }
    )
    assert pruning.propose_cutoff(table, jump=0.1) == 0.4
    assert pruning.propose_cutoff(table.assign(n_targets=3), jump=0.1) == 0.1, (
        "the first jump of all"
    )
    assert pruning.propose_cutoff(table, jump=0.03) == 0.4, "3 % of 100 is not exceeded by 3"
    with pytest.raises(InputError, match=r"no jump of 0.9 of the edges follows the cut-off 0.300"):
        pruning.propose_cutoff(table, jump=0.9)


@pytest.mark.parametrize("seed", range(3))
def test_the_hub_sweep_is_that_of_one_graph_a_quantile(seed):
    network, quantiles = drawn(seed), [0.5, 0.8, 0.9, 0.99]
    targets = network.genes[::5].tolist()
    for row in pruning.hub_sweep(network, targets, quantiles).itertuples():
        graph = nx.Graph(network.ends.tolist())
        degrees = dict(graph.degree)
        graph.add_nodes_from(range(network.n_nodes))
        bound = np.quantile(network.degrees, row.cutoff)
        graph = graph.subgraph([node for node in graph if degrees.get(node, 0) <= bound])
        parts = sorted(nx.connected_components(graph), key=lambda part: (-len(part), min(part)))
        largest = graph.subgraph(parts[0])
        names = {network.genes[node] for node in largest}
        found = (len(parts), len(largest), largest.number_of_edges(), len(names & set(targets)))
        assert found == (
            row.n_connected_components,
            row.n_nodes_largest_comp,
            row.n_edges_largest_comp,
            row.n_targets_largest_comp,
        )


def star():
    """A hub H of A to E, of which A and B also bind each other; F and G are a pair."""
    rows = [("H", name) for name in "ABCDE"] + [("A", "B"), ("F", "G")]
    return of_table(pd.DataFrame(rows, columns=["gene_a", "gene_b"]).assign(cost=0.5), cost="cost")


def test_the_filter_removes_what_reaches_the_quantile_the_sweep_keeps_it():
    network = star()  # degrees: A 2, B 2, C D E F G 1, H 5
    assert pruning.degree_threshold(network, 0.9) == pytest.approx(2.9)
    without, hubs = pruning.remove_hubs(network, 0.9)
    assert hubs.to_numpy().tolist() == [["H", 5]] and without.genes.tolist() == list("ABCDEFG")
    assert pruning.degree_threshold(network, 0.8) == 2
    assert pruning.remove_hubs(network, 0.8)[1]["gene"].tolist() == ["H", "A", "B"]
    assert pruning.hub_sweep(network, [], [0.8])["n_nodes_largest_comp"].tolist() == [2], (
        "A and B stay"
    )


def test_the_component_with_most_targets_is_kept_not_the_first():
    network = small()  # A B C D, and E F
    assert pruning.richest_component(network, ["A"]).genes.tolist() == ["A", "B", "C", "D"]
    assert pruning.richest_component(network, ["A", "E", "F"]).genes.tolist() == ["E", "F"]
    assert pruning.richest_component(network, ["A", "E"]).genes.tolist() == ["A", "B", "C", "D"], (
        "equals: the largest"
    )
    assert pruning.richest_component(network, []).n_nodes == 4


def test_a_target_that_only_a_hub_holds_is_reported_as_lost():
    network = star()
    known = {
        "expression": set("ABCFGH"),
        "network": set(network.genes),
        "cell lines": set("ABCEFGH"),
    }
    inside = pruning.universe(network, known)
    assert inside.genes.tolist() == list("ABCFGH")
    giant = pruning.richest_component(inside.below(0.6), "AC")
    final = pruning.richest_component(pruning.remove_hubs(giant, 0.9)[0], "A")
    table = pruning.coverage("ACDEFZ", known, {"confidence": giant, "hubs": final}).set_index(
        "gene"
    )
    assert table["lost_in"].to_dict() == {
        "A": "",
        "C": "hubs",
        "D": "expression and cell lines",
        "E": "expression",
        "F": "confidence",
        "Z": "expression and network and cell lines",
    }
    assert table.loc[
        "C", ["expression", "network", "cell lines", "confidence", "hubs"]
    ].tolist() == [True] * 4 + [False]


def test_sources_without_a_common_gene_are_told():
    with pytest.raises(
        InputError, match=r"no gene .* \(expression 1, network 6\); are all symbols, in upper case"
    ):
        pruning.universe(small(), {"expression": {"a"}, "network": set("ABCDEF")})


# the real file
# ------------------------------------------------------------------------------------------


@pytest.mark.real
def test_the_papers_rule_gives_its_cutoff_on_the_real_network(real):
    from lib.report import published

    regulators = published.gene_lists()["impactful_genes"]
    whole = ppi.read(real / IREFINDEX)
    table = pruning.confidence_sweep(whole, regulators)
    complete = table.loc[table["n_targets"] == 41, "cutoff"]
    assert complete.min() == 0.562 and pruning.propose_cutoff(table) == 0.594
    rises = table.set_index(table["cutoff"].round(3))["n_edges"].diff()
    assert rises.nlargest(1).index.tolist() == [0.599], "the main jump lies between 0.598 and 0.599"
    rows = table.iloc[[594, 598, 999]][["n_nodes", "n_edges", "n_components"]].to_numpy().tolist()
    assert rows == [[13_047, 67_538, 27], [13_614, 80_934, 18], [15_759, 181_955, 1]]

    giant = pruning.richest_component(whole.below(0.594), regulators)
    without, hubs = pruning.remove_hubs(giant, 0.999)
    assert hubs["gene"].tolist()[:5] == ["UBC", "APP", "SUMO2", "TP53", "EGFR"]
    assert without.degrees[without.genes == "CXXC4"].tolist() == [0], "bound to UBC alone"
    table = pruning.coverage(
        regulators,
        {},
        {"confidence": giant, "hubs": pruning.richest_component(without, regulators)},
    )
    assert table.loc[table["lost_in"] != "", ["gene", "lost_in"]].to_numpy().tolist() == [
        ["CXXC4", "hubs"]
    ]
