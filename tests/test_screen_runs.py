"""Runs of the screen: what they write, that they learn, and that nothing but seed and arguments
makes their numbers."""

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_screen import processes, write_screen

from lib.data.errors import InputError
from lib.learning import weights
from lib.run import compute, store
from lib.screen import encoding, runs, splits

NETWORK = {"kind": "small", "embedding_size": 8, "size": 16}
SETTINGS = {"learning_rate": 5e-3, "max_epochs": 15, "patience": 15, "device": "cpu"}


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    stores = folder / "stores"
    stores.mkdir()
    table = write_screen(stores, genes=("BRAF", "JUN", "MOS"), side=32, region=32)
    (stores / "nuclei.parquet").rename(folder / "nuclei.parquet")
    return {"nuclei_path": folder / "nuclei.parquet", "stores_dir": stores}, table


train = runs.train_fold


def arguments(screen, **more):
    return {**screen[0], "network": NETWORK, "settings": SETTINGS, **more}


def test_screen_run_writes_a_row_a_fold_and_tells_active_from_inert(screen, tmp_path):
    scores = {}
    for gene in ("JUN", "MOS"):
        runs.screen_run(tmp_path / f"{gene}.parquet", seed=3, **arguments(screen, gene=gene))
        table = pd.read_parquet(tmp_path / f"{gene}.parquet")
        metrics = [
            f"{part}_{name}"
            for part in ("train", "val", "test")
            for name in ("loss", "acc", "bacc")
        ]
        sizes = ["best_epoch", "n_epochs", "n_train", "n_val", "n_test"]
        assert list(table) == ["gene", "fold", *metrics, *sizes]
        assert table["fold"].tolist() == [0, 1, 2, 3] and (table["gene"] == gene).all()
        assert (table[["n_train", "n_val", "n_test"]].sum(axis=1) == 2 * 60).all()
        assert (table["best_epoch"] <= table["n_epochs"]).all() and table[metrics].notna().all(
            axis=None
        )
        scores[gene] = table["test_bacc"].mean()
    assert scores["JUN"] > 0.85 > 0.7 > scores["MOS"]
    assert not list(tmp_path.glob(".*checkpoint"))


def test_a_fold_is_the_same_alone_and_among_others(screen, tmp_path):
    runs.screen_run(tmp_path / "all.parquet", seed=3, **arguments(screen, gene="BRAF"))
    runs.screen_run(tmp_path / "one.parquet", seed=3, **arguments(screen, gene="BRAF", folds=[2]))
    whole, one = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("all", "one"))
    pd.testing.assert_frame_equal(whole.iloc[[2]].reset_index(drop=True), one)


@pytest.mark.parametrize("share", [0.0, 0.8])
def test_memory_changes_no_number(screen, tmp_path, monkeypatch, share):
    """All pixels fit; none; those of the gene and the control do, and are then read once."""
    runs.screen_run(tmp_path / "memory.parquet", seed=3, **arguments(screen, gene="JUN", folds=[0]))
    everything = runs.open_screen(**screen[0], network=runs.Network(**NETWORK))[1].n_bytes()
    monkeypatch.setattr("lib.screen.samples.SHARE_OF_MEMORY", share)
    monkeypatch.setattr("lib.screen.samples._free_memory", lambda: everything)
    fetched = []
    monkeypatch.setattr(
        runs, "train_fold", lambda *given, **more: fetched.append(given[1]) or train(*given, **more)
    )
    runs._load_pixels.cache_clear()
    runs.screen_run(tmp_path / "part.parquet", seed=3, **arguments(screen, gene="JUN", folds=[0]))
    runs._load_pixels.cache_clear()
    assert bool(fetched[0].pixels) == (share > 0) and len(fetched[0]) < len(screen[1])
    assert store.sha256(tmp_path / "memory.parquet") == store.sha256(tmp_path / "part.parquet")


def test_wells_can_be_the_groups(screen, tmp_path):
    split = {"grouping": "well", "seed": 7}
    runs.screen_run(
        tmp_path / "x.parquet", seed=3, **arguments(screen, gene="JUN", folds=[0], split=split)
    )
    assert pd.read_parquet(tmp_path / "x.parquet")["n_test"].item() > 0
    with pytest.raises(InputError, match="did you mean"):
        runs.screen_run(tmp_path / "x.parquet", seed=3, **arguments(screen, gene="JNU"))


def test_class_run_writes_the_embeddings_of_the_test_nuclei(screen, tmp_path):
    import anndata

    for name in ("one", "two"):
        runs.class_run(
            tmp_path / f"{name}.h5ad", seed=3, **arguments(screen, genes=["JUN", "BRAF"], fold=1)
        )
    assert store.sha256(tmp_path / "one.h5ad") == store.sha256(tmp_path / "two.h5ad")
    found = anndata.read_h5ad(tmp_path / "one.h5ad")
    labels = splits.class_splits(screen[1], ["BRAF", "JUN"])["fold_1"]
    assert sorted(found.obs["nucleus_id"]) == sorted(labels.index[labels == "test"])
    assert (
        found.X.dtype == np.float32
        and found.shape[1] == 8
        and list(found.var_names[:2]) == ["zs_0", "zs_1"]
    )
    assert {*encoding.OBSERVED, "fold", "split", "predicted"} <= set(found.obs)
    confusion = pd.DataFrame(
        found.uns["confusion"], index=found.uns["classes"], columns=found.uns["classes"]
    )
    assert list(confusion) == ["BRAF", "EMPTY", "JUN"] and confusion.to_numpy().sum() == found.n_obs
    predicted = pd.crosstab(found.obs["gene_symbol"], found.obs["predicted"]).reindex(
        index=confusion.index, columns=confusion.columns, fill_value=0
    )
    assert np.array_equal(predicted, confusion)
    recall = np.diag(confusion) / confusion.sum(axis=1)
    assert found.uns["metrics"]["test_bacc"] == pytest.approx(recall.mean()) and recall.mean() > 0.6
    assert len(found.uns["history"]["val_bacc"]) == found.uns["metrics"]["n_epochs"]


def test_the_network_of_a_class_run_lies_in_its_file(screen, tmp_path):
    """The network that comes back gives the embeddings of the file; without it the file has the
    same."""
    import anndata

    path = tmp_path / "kept.h5ad"
    few = {
        **arguments(screen, genes=["JUN", "BRAF"], fold=1),
        "settings": {**SETTINGS, "max_epochs": 2},
    }
    runs.class_run(path, seed=3, **few)
    runs.class_run(tmp_path / "not.h5ad", seed=3, **few, keep_weights=False)
    found, bare = anndata.read_h5ad(path), anndata.read_h5ad(tmp_path / "not.h5ad")
    model, card = encoding.read_network(path)
    table, samples = runs.open_screen(
        **screen[0], network=runs.Network(**NETWORK), symbols=["BRAF", "EMPTY", "JUN"]
    )
    rows = np.flatnonzero(table["nucleus_id"].isin(found.obs["nucleus_id"]))
    np.testing.assert_array_equal(encoding.encode(model, samples, rows)[0], found.X)
    np.testing.assert_array_equal(bare.X, found.X)
    assert card.classes == ["BRAF", "EMPTY", "JUN"] and card.settings["max_epochs"] == 2
    assert card.inputs == {"images": ["nucleus", "region"], "size": 16}
    assert card.origin == {"nuclei.parquet": store.sha256(screen[0]["nuclei_path"])}
    assert card.history["val_bacc"] == found.uns["metrics"]["val_bacc"]
    with pytest.raises(
        InputError, match=r"not\.h5ad holds no network; make it again with keep_weights"
    ):
        encoding.read_network(tmp_path / "not.h5ad")


def test_the_screen_keeps_weights_only_on_request(screen, tmp_path):
    few = {**arguments(screen, gene="JUN", folds=[0, 2]), "settings": {**SETTINGS, "max_epochs": 2}}
    runs.screen_run(tmp_path / "not.parquet", seed=3, **few)
    runs.screen_run(tmp_path / "kept.parquet", seed=3, **few, keep_weights=True)
    without, kept = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("not", "kept"))
    pd.testing.assert_frame_equal(kept.drop(columns="weights"), without)
    cards = [weights.read_card(data) for data in kept["weights"]]
    assert [card.history["best_epoch"] for card in cards] == kept["best_epoch"].tolist()
    assert kept["weights"].nunique() == 2 and cards[0].classes == ["EMPTY", "JUN"]


def test_target_run_never_trains_on_its_targets_and_reads_as_published(screen, tmp_path):
    import anndata

    path = tmp_path / "JUN.h5ad"
    runs.target_run(
        path, seed=3, **arguments(screen, targets=["JUN", "MOS"], genes=["JUN", "BRAF", "MOS"])
    )
    found = anndata.read_h5ad(path)
    assert list(found.uns["classes"]) == ["BRAF", "EMPTY"] and list(found.uns["targets"]) == [
        "JUN",
        "MOS",
    ]
    assert set(found.obs.loc[found.obs["split"] == "out", "labels"]) == {"JUN", "MOS"}
    assert set(found.obs.loc[found.obs["split"] != "out", "labels"]) == {"BRAF", "EMPTY"}
    table = encoding.read_target_embeddings(path)
    assert (
        list(table)[:2] == ["zs_0", "zs_1"]
        and list(table)[-1] == "labels"
        and len(table) == found.n_obs
    )
    assert table.index.name == "nucleus_id" and table.index.is_unique
    train = encoding.read_target_embeddings(path, use=("train", "out"))
    assert len(train) == found.obs["split"].isin(["train", "out"]).sum() < len(table)
    means = table.groupby("labels").mean()
    assert means.shape == (4, 8)


def test_one_input_embeds_pooled_features(screen, tmp_path):
    import anndata

    network = {**NETWORK, "inputs": ["binary_region"]}
    arguments_ = {**arguments(screen, genes=["JUN", "BRAF"], fold=0), "network": network}
    runs.class_run(tmp_path / "x.h5ad", seed=3, **arguments_)
    assert anndata.read_h5ad(tmp_path / "x.h5ad").shape[1] == 96


def test_the_next_unit_finds_the_pixels_loaded_until_a_store_changes(screen, tmp_path):
    network = runs.Network(**NETWORK)
    paths = screen[0]
    first = runs.open_screen(**paths, network=network)
    assert runs.open_screen(**paths, network=network)[1] is first[1]
    renamed = pd.read_parquet(paths["nuclei_path"]).assign(gene_symbol="EMPTY")
    renamed.to_parquet(tmp_path / "null.parquet")
    table, samples = runs.open_screen(tmp_path / "null.parquet", paths["stores_dir"], network)
    assert set(table["gene_symbol"]) == {"EMPTY"} and samples is first[1]  # the same nuclei
    renamed.iloc[1:].to_parquet(tmp_path / "null.parquet")
    assert (
        len(runs.open_screen(tmp_path / "null.parquet", paths["stores_dir"], network)[1])
        == len(renamed) - 1
    )
    runs.open_screen(**paths, network=network)
    a_store = next(Path(paths["stores_dir"]).iterdir())
    os.utime(a_store, (time.time(), time.time() + 5))
    assert runs.open_screen(**paths, network=network)[1] is not first[1]


def _unit(directory, gene, screen_arguments):
    compute.run_units(
        runs.screen_run, {gene: screen_arguments}, directory=directory, seed=5, executor="inline"
    )


def test_a_killed_unit_goes_on_and_ends_in_the_same_bytes(screen, tmp_path):
    settings = {**SETTINGS, "max_epochs": 12, "patience": 12, "checkpoint_seconds": 0}
    unit = {**arguments(screen, gene="JUN", folds=[0, 1]), "settings": settings}
    start = processes()
    process = start(target=_unit, args=(tmp_path / "killed", "JUN", unit))
    process.start()
    while process.is_alive() and not list((tmp_path / "killed").glob(".*fold_1.checkpoint")):
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -9 and not list((tmp_path / "killed").glob("[!.]*.parquet"))
    half = next((tmp_path / "killed").glob(".*fold_1.checkpoint"))
    half.with_name(f".{half.stem}.0123abcd.part.checkpoint").write_bytes(
        b"half"
    )  # as a kill may leave it
    for name in ("killed", "whole"):
        _unit(tmp_path / name, "JUN", unit)
    (killed,), (whole,) = (
        list((tmp_path / name).glob("[!.]*.parquet")) for name in ("killed", "whole")
    )
    assert killed.name == whole.name and killed.read_bytes() == whole.read_bytes()
    assert not list((tmp_path / "killed").glob(".*.checkpoint"))


@pytest.mark.slow
def test_inline_and_two_workers_give_the_same_bytes(screen, tmp_path):
    units = {gene: arguments(screen, gene=gene) for gene in ("BRAF", "JUN", "MOS")}
    made = {
        executor: compute.run_units(
            runs.screen_run, units, directory=tmp_path / executor[:5], seed=5, executor=executor
        )
        for executor in ("inline", "local:2")
    }
    for gene in units:
        assert made["inline"][gene].name == made["local:2"][gene].name
        assert store.sha256(made["inline"][gene]) == store.sha256(made["local:2"][gene])
