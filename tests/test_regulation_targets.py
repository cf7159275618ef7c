"""Left-out targets: labels never tell of the target unless the setting says so; units, their files,
their seeds."""

import re
from typing import get_args

import anndata
import numpy as np
import pandas as pd
import pytest
import toy_regulation as toy
from anndata import AnnData

from lib.data import h5ad
from lib.data.errors import InputError
from lib.regulation import features, labels, links, params, runs, settings, targets
from lib.run import compute

TRAINING = {"learning_rate": 5e-3, "patience": 30, "max_epochs": 15, "device": "cpu"}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Three modules of 12 genes, four regulators each, image embeddings without the first two
    targets together."""
    folder = tmp_path_factory.mktemp("network")
    nodes, table = toy.network(3, 12, inside=0.3)
    found = features.node_features(
        toy.expression(nodes, n_cells=20), toy.gene_sets(nodes), nodes["gene"].tolist()
    )
    h5ad.write(folder / "features.h5ad", found)
    table.to_csv(folder / "links.csv", index=False)
    (folder / "left_out").mkdir()
    for target in ("G0A", "G1A", "LOST"):  # LOST: a target that is not in the network
        toy.image_embeddings(nodes, folder / "left_out" / f"{target}.h5ad", out=["G0A", "G1A"])
    return folder, nodes


@pytest.fixture(scope="module")
def signatures(network):
    """Signatures of the regulators and six other genes; a direction a module."""
    nodes = network[1]
    covered = nodes[nodes["is_regulator"] | (nodes.index % 6 == 5)]
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 20))[covered["module"]] + rng.normal(0, 0.2, (len(covered), 20))
    return AnnData(
        values.astype(np.float32), obs=pd.DataFrame(index=covered["gene"].to_numpy(object))
    )


def target_labels(source, target, network, signatures):
    folder, nodes = network
    means = labels.image_means(folder / "left_out" / f"{target}.h5ad")
    return labels.target_labels(
        source, target, means=means, signatures=signatures, nodes=nodes, k_image=3, k_signature=3
    )


def units(network, signatures, names, n_splits=1, **common):
    folder, nodes = network
    common = {
        "features_path": folder / "features.h5ad",
        "links_path": folder / "links.csv",
        "size": 8,
        "settings": TRAINING,
        **common,
    }
    found = targets.found(folder / "left_out", nodes)
    return targets.units(
        settings.chosen(names),
        found,
        signatures=signatures,
        nodes=nodes,
        k_image=3,
        k_signature=3,
        seed=1,
        n_splits=n_splits,
        common=common,
    )


@pytest.mark.parametrize("source", settings.SOURCES)
def test_the_target_is_labelled_only_where_the_setting_says_so(network, signatures, source):
    for target in ("G0A", "G1A"):
        found = target_labels(source, target, network, signatures)
        assert (target in found) == settings.SOURCES[source].is_leaky
        assert not {"EMPTY", "LOST"} & set(found)


def test_image_clusters_are_the_planted_groups_and_built_without_the_target(network, signatures):
    nodes = network[1]
    module = nodes.set_index("gene")["module"]
    found = target_labels("physical", "G0A", network, signatures)
    assert (
        len(found) == 11 and "G1A" in found
    )  # left out together with the target, but not the target
    pairs = {(module[gene], name) for gene, name in found.items()}
    assert len(pairs) == 3 and len(set(found.values())) == 3
    assert len(target_labels("physical_full", "G0A", network, signatures)) == 12


def test_only_nuclei_that_were_trained_on_or_left_out_make_the_means(network):
    path = network[0] / "left_out" / "G0A.h5ad"
    means, found = labels.image_means(path), anndata.read_h5ad(path)
    assert means.obs.loc["G2A", "n_nuclei"] == 8 and means.obs.loc["G0A", "n_nuclei"] == 12
    rows = (found.obs["gene_symbol"] == "G2A") & (found.obs["split"] == "train")
    np.testing.assert_allclose(means["G2A"].X[0], found[rows].X.mean(axis=0), rtol=1e-5)


def test_cmap_labels_cover_regulators_or_all_genes_with_a_signature(network, signatures):
    n_regulators = int(network[1]["is_regulator"].sum())
    assert len(target_labels("cmap_full", "G0A", network, signatures)) == n_regulators
    assert len(target_labels("cmap", "G0A", network, signatures)) == n_regulators - 1
    assert (
        len(target_labels("cmap_full_all_nodes", "G0A", network, signatures))
        == signatures.n_obs
        > n_regulators
    )


def test_labels_that_cannot_be_made_are_told(network, signatures):
    means = labels.image_means(network[0] / "left_out" / "G0A.h5ad")
    with pytest.raises(InputError, match="no image embedding of the target MOS"):
        labels.image_clusters(means, k=3, without="MOS")
    with pytest.raises(InputError, match="no condition is left without G0A; give two or more"):
        labels.image_clusters(means[["G0A"]], k=2, without="G0A")
    with pytest.raises(InputError, match="1 of 2 genes have a CMap signature; 3 or more"):
        labels.signature_clusters(signatures, ["G0A", "MOS"], k=2)
    assert (
        len(set(labels.image_clusters(means[["G0A", "G0B", "G0C"]], k=10).values())) == 3
    )  # as many as there are


def test_of_two_conditions_each_is_a_cluster(network):
    """A screen of three genes has two beside a left-out target."""
    means = labels.image_means(network[0] / "left_out" / "G0A.h5ad")[["G0A", "G0B", "G0C"]]
    assert labels.image_clusters(means, k=5, without="G0A") == {"G0B": "1", "G0C": "2"}


def test_a_table_of_clusters_with_a_repeated_gene_is_told(tmp_path):
    path = tmp_path / "clusters.csv"
    path.write_text("gene,cluster\nJUN,1\nSRC,1\nJUN,2\n")
    with pytest.raises(ValueError, match="clusters.csv: row 2, gene 'JUN' is there more than once"):
        labels.perturbation_clusters(path)
    path.write_text("gene,cluster\nJUN,1\nSRC,2\n")
    assert labels.perturbation_clusters(path) == {"JUN": "1", "SRC": "2"}


def test_settings_are_those_of_the_parameters():
    assert (
        get_args(params.RegulatorySetting) == tuple(settings.SETTINGS)
        and len(settings.SETTINGS) == 12
    )
    assert settings.MAIN["physical"].weights == {"alpha": 1, "beta": 0, "gamma": 1}
    for names, message in [
        (["physic"], "'physic' is unknown"),
        ([], "none is given"),
        (["cmap"] * 2, "given twice"),
    ]:
        with pytest.raises(InputError, match=f"settings: .*{message}.*; choose from physical, "):
            settings.chosen(names)


def test_units_that_do_not_hang_on_the_target_are_trained_once(network, signatures):
    made = units(network, signatures, ["physical", "cmap_full_all_nodes", "no_cluster_loss"])
    assert list(made) == [
        "physical__G0A",
        "physical__G1A",
        "cmap_full_all_nodes__every_1",
        "no_cluster_loss__every_1",
    ]
    assert "G0A" not in made["physical__G0A"]["labels"] and "G0A" in made["physical__G1A"]["labels"]
    assert made["no_cluster_loss__every_1"]["labels"] == {}
    assert made["no_cluster_loss__every_1"]["weights"] == {"alpha": 1, "beta": 0, "gamma": 0}


def test_targets_take_turns_with_the_splits_in_every_setting(network, signatures, tmp_path):
    names = ["physical", "no_cluster_loss"]
    made = units(network, signatures, names, n_splits=2)
    assert {name: arguments["split_seed"] for name, arguments in made.items()} == {
        "physical__G0A": 1,
        "physical__G1A": 2,
        "no_cluster_loss__every_1": 1,
        "no_cluster_loss__every_2": 2,
    }
    for name in made:
        (tmp_path / name).write_text(name)
    targets.place({name: tmp_path / name for name in made}, ["G0A", "G1A"], tmp_path / "placed")
    placed = {
        file.parent.name + " " + file.stem: file.read_text()
        for file in (tmp_path / "placed").rglob("*.h5ad")
    }
    assert placed["no_cluster_loss G0A"] == "no_cluster_loss__every_1"
    assert (
        placed["no_cluster_loss G1A"] == "no_cluster_loss__every_2"
        and placed["physical G1A"] == "physical__G1A"
    )
    many = units(network, signatures, names, n_splits=50)
    assert len(many) == 4, "never more splits than targets"
    metrics = pd.DataFrame({"run": list(made), "test_auc": 0.5})
    assert targets.table(metrics, settings.chosen(names), made)["link_split"].tolist() == [
        1,
        2,
        1,
        2,
    ]


def test_units_run_are_placed_and_read_and_other_workers_change_no_number(
    network, signatures, tmp_path
):
    names = ["physical", "no_cluster_loss"]
    made = units(network, signatures, names)
    paths = compute.run_units(
        runs.embedding_run,
        made,
        directory=tmp_path / "units",
        suffix=".h5ad",
        seed=5,
        executor="inline",
    )
    place = tmp_path / "placed"
    (place / "stale").mkdir(parents=True)
    targets.place(paths, ["G0A", "G1A"], place)
    assert sorted(str(file.relative_to(place)) for file in place.rglob("*.h5ad")) == [
        "no_cluster_loss/G0A.h5ad",
        "no_cluster_loss/G1A.h5ad",
        "physical/G0A.h5ad",
        "physical/G1A.h5ad",
    ]
    assert not (place / "stale").exists()
    found = targets.read(place, "physical", "G0A")
    assert found.shape == (36, 8) and found.obs_names.tolist() == network[1]["gene"].tolist()
    assert found.obs.loc["G0A", "label"] == "" and (found.obs["label"] != "").sum() == 11
    assert np.linalg.norm(found.X, axis=1).std() > 0  # not normalised
    table = targets.table(runs.metrics(paths), settings.chosen(names), made)
    assert table[["setting", "target"]].to_numpy().tolist() == [
        ["physical", "G0A"],
        ["physical", "G1A"],
        ["no_cluster_loss", "every_1"],
    ]
    assert table["n_labelled"].tolist() == [11, 11, 0] and not table["is_leaky"].any()
    again = compute.run_units(
        runs.embedding_run,
        {"physical__G0A": made["physical__G0A"]},
        directory=tmp_path / "alone",
        suffix=".h5ad",
        seed=5,
        executor="inline",
    )
    assert again["physical__G0A"].read_bytes() == paths["physical__G0A"].read_bytes()


def test_the_split_of_the_links_is_shared_if_asked_for(network, signatures, tmp_path):
    arguments = units(network, signatures, ["physical"])["physical__G0A"]
    scores = {}
    for seed in (1, 2):
        runs.embedding_run(tmp_path / "a.h5ad", seed=seed, **{**arguments, "split_seed": 7})
        runs.embedding_run(tmp_path / "b.h5ad", seed=seed, **{**arguments, "split_seed": None})
        scores[seed] = [anndata.read_h5ad(tmp_path / f"{name}.h5ad").X for name in "ab"]
    assert not np.allclose(
        scores[1][0], scores[2][0]
    )  # first weights and negatives differ all the same
    assert not np.allclose(scores[1][0], scores[1][1])


def test_the_network_of_a_unit_lies_in_its_file(network, signatures, tmp_path):
    import torch

    from lib.regulation import autoencoder

    arguments = units(network, signatures, ["physical"])["physical__G0A"]
    runs.embedding_run(tmp_path / "a.h5ad", seed=1, **arguments)
    runs.embedding_run(tmp_path / "b.h5ad", seed=1, **arguments, keep_weights=False)
    found, bare = (anndata.read_h5ad(tmp_path / f"{name}.h5ad") for name in "ab")
    np.testing.assert_array_equal(found.X, bare.X)
    model, card = runs.read_network(tmp_path / "a.h5ad")
    nodes = h5ad.read(arguments["features_path"])
    every = links.from_table(pd.read_csv(arguments["links_path"]), nodes.obs_names)
    graph = autoencoder.graph(every, len(nodes))
    with torch.inference_mode():
        latents = model(torch.as_tensor(nodes.X, dtype=torch.float32), graph)
    np.testing.assert_allclose(latents.numpy(), found.X, rtol=1e-5, atol=1e-6)
    assert card.settings["score"] == "loss" and len(card.origin) == 2
    assert card.history["val_loss"] == found.uns["metrics"]["val_loss"]


def test_a_killed_unit_leaves_a_checkpoint_and_the_next_one_removes_it(
    network, signatures, tmp_path, monkeypatch
):
    from lib.learning import training

    arguments = units(network, signatures, ["physical"])["physical__G0A"]
    arguments["settings"] = {**TRAINING, "checkpoint_seconds": 0}
    runs.embedding_run(tmp_path / "whole-aaaa.h5ad", seed=1, **arguments)
    assert [file.name for file in tmp_path.iterdir()] == ["whole-aaaa.h5ad"]
    train_epoch = training._train_epoch

    def killed(run, *rest):
        if run.epoch == 9:
            raise KeyboardInterrupt
        return train_epoch(run, *rest)

    monkeypatch.setattr(training, "_train_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        runs.embedding_run(tmp_path / ".unit-bbbb.01234567.part.h5ad", seed=1, **arguments)
    assert (tmp_path / ".unit-bbbb.checkpoint").exists()
    monkeypatch.setattr(training, "_train_epoch", train_epoch)
    runs.embedding_run(tmp_path / ".unit-bbbb.89abcdef.part.h5ad", seed=1, **arguments)
    assert not list(tmp_path.glob(".*checkpoint"))
    assert (tmp_path / ".unit-bbbb.89abcdef.part.h5ad").read_bytes() == (
        tmp_path / "whole-aaaa.h5ad"
    ).read_bytes()


def test_no_target_in_the_network_is_told(tmp_path, network):
    (tmp_path / "MOS.h5ad").touch()
    with pytest.raises(
        InputError, match=re.escape("none of the 1 left-out targets (MOS) is among the 36 genes")
    ):
        targets.found(tmp_path, network[1])


def test_labels_in_one_cluster_are_refused_before_training(network, signatures):
    folder, nodes = network
    found = targets.found(folder / "left_out", nodes)
    message = r"setting physical, left-out target G0A: .* are in 1 cluster.*raise regulatory_targets\.n_image_clusters"
    with pytest.raises(InputError, match=message):
        targets.units(
            settings.chosen(["physical"]),
            found,
            signatures=signatures,
            nodes=nodes,
            k_image=1,
            k_signature=3,
            seed=1,
            n_splits=1,
            common={},
        )
