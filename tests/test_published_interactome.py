"""The published numbers of the interactome agree with each other, and each claim has its place
among them."""

import numpy as np
import pandas as pd
import pytest

from lib.data import origin
from lib.interactome import network_claims, pruning, sweep
from lib.report import planted, published, scorecard
from lib.run import store
from tests.test_interactome_sweep import BETAS, chosen

ENTRIES = {
    name: entry for name, entry in published.load().items() if name.startswith("interactome.")
}
VALUES = {name.removeprefix("interactome."): entry.value for name, entry in ENTRIES.items()}


def test_mean_degrees_follow_from_the_counts():
    for name in ("universe.giant", "confidence.giant"):
        nodes, edges, mean = (VALUES[f"{name}_{end}"] for end in ("nodes", "edges", "mean_degree"))
        assert mean == pytest.approx(2 * edges / nodes, abs=0.01), name
    for name in ("mi", "spearman"):
        assert VALUES[f"{name}.mean_degree"] == pytest.approx(
            2 * VALUES[f"{name}.edges"] / VALUES[f"{name}.nodes"], abs=5e-7
        )
    assert VALUES["ppi.mean_degree"] == pytest.approx(
        2 * VALUES["ppi.edges"] / VALUES["ppi.nodes"], abs=5e-5
    )


def test_the_published_solution_is_that_of_the_249_genes():
    assert VALUES["spearman.nodes"] == len(published.gene_lists()["regulatory_clusters"]) == 249
    assert VALUES["spearman.edges"] == VALUES["published.edges_0594"] == 526
    for end in (
        "mean_degree",
        "sd_degree",
        "leaves",
        "regulators",
        "screened",
        "regulator_leaves",
        "regulator_mean_degree",
        "regulator_sd_degree",
    ):
        assert VALUES[f"spearman.{end}"] == VALUES[f"published.{end}"]
    lost = [VALUES["lost.sets"], VALUES["lost.hubs"]]
    assert (
        VALUES["regulators"]
        == len(set(published.gene_lists()["impactful_genes"]) - set(lost))
        == 39
    )


def test_what_needs_the_papers_data_says_so():
    assert all(entry.needs for entry in ENTRIES.values())


def test_modules_are_planted_only_where_everything_is_simulated(tmp_path):
    truth = "gene,module,is_screened,s1\nNA,none,False,0\nJUN,m1,True,1\n"
    store.write_text(tmp_path / "truth/network_genes.csv", truth)
    origin.write(tmp_path, origin.simulated(*network_claims.USED))
    found = network_claims.planted_modules(tmp_path)
    assert found.to_numpy().tolist() == [["NA", "none"], ["JUN", "m1"]], (
        "NA is a name like any other"
    )
    origin.write(
        tmp_path, origin.simulated("single cells", "cell lines") | origin.own("network", "ppi.txt")
    )
    assert network_claims.planted_modules(tmp_path).empty


def test_every_claim_is_measured_under_a_published_id():
    network, found, beta, nodes, edges = chosen()
    regulators = nodes.loc[nodes["is_regulator"], "gene"].tolist()
    table = pruning.confidence_sweep(network, regulators)
    lost = pruning.coverage(
        [*regulators, "ZZZ"], {"network": network.genes}, {"confidence": network, "hubs": network}
    )
    measured = network_claims.pruning(network, table, network.below(0.5), lost, jump=0.05)
    assert "interactome.confidence.cutoff" not in network_claims.pruning(
        network, table, network, lost, jump=1
    )
    hubs = pruning.remove_hubs(network.below(0.562).largest(), 0.999)[1]
    assert (
        measured["interactome.hubs_0562.genes"].split(", ")[0]
        == f"{hubs['gene'][0]} {hubs['degree'][0]}"
    )
    assert (
        measured["interactome.lost.sets"] == "ZZZ" and measured["interactome.lost.hubs"] == "none"
    )
    assert measured["interactome.regulators"] == len(regulators)

    statistics = sweep.statistics(network, found, regulators=regulators, orf_targets=[])
    both = pd.concat(
        {name: statistics for name in network_claims.NAMES.values()}, names=["cost"]
    ).reset_index("cost")
    overlap = np.zeros((len(BETAS), len(BETAS)))
    overlap[9, 3] = 0.25
    measured |= network_claims.trees(
        both, {"mi_score": beta, "cost_spearman": beta}, overlap, BETAS, nodes["gene"]
    )
    assert (
        measured["interactome.iou.beta_mi"] == 1.0 and measured["interactome.iou.largest"] == 0.25
    )
    assert measured["interactome.spearman.nodes_27"] == statistics.loc[26, "n_nodes"]
    assert measured["interactome.jaccard"] == 0
    recovery = {"precision": 0.9, "recall": 0.8, "chance": 0.1, "ari": 1.0}
    assert set(network_claims.planted(recovery, nodes, nodes)) == {
        name for name in planted.load() if name.startswith("interactome.")
    }
    rows = scorecard.compare(ENTRIES.values(), measured)
    by_file = set(rows.loc[rows["id"].str.contains("ppi.|published."), "id"])
    assert set(ENTRIES) == set(measured) | by_file | {
        "interactome.spearman.nodes_99",
        "interactome.spearman.edges_99",
    }
    assert (rows.loc[rows["id"].isin(by_file), "status"] == scorecard.NEEDS_DATA).all()
    assert network_claims.planted({}, nodes, nodes) == {}
