"""The autoencoder: a graph convolution and a loss by hand, the paper's sizes, learning, kill and
resume."""

import numpy as np
import pandas as pd
import pytest
import torch
import toy_regulation as toy
from torch import nn

from lib.data.errors import InputError
from lib.learning import training
from lib.learning.training import Settings
from lib.regulation import autoencoder, features, fitting, links
from lib.regulation.autoencoder import EPS, Architecture, Batch, GraphAutoencoder, Weights

SETTINGS = Settings(
    learning_rate=5e-3, weight_decay=0, patience=30, max_epochs=120, precision="fp32", device="cpu"
)


@pytest.fixture(scope="module")
def problem():
    nodes, table = toy.network(4, 14, inside=0.25)
    genes = nodes["gene"].tolist()
    found = features.node_features(toy.expression(nodes, n_cells=40), toy.gene_sets(nodes), genes)
    return fitting.Problem(
        found.X, links.from_table(table, genes), fitting.class_numbers(toy.labels(nodes), genes)
    )


def embed(problem, *, weights=None, seed=3, settings=SETTINGS, checkpoint=None):
    return fitting.embed(
        problem,
        weights=weights or Weights(),
        size=16,
        settings=settings,
        split_rng=np.random.default_rng(1),
        rng=np.random.default_rng(seed),
        checkpoint=checkpoint,
    )


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def test_the_papers_network_has_the_papers_sizes():
    with torch.device("meta"):
        model, figure = (GraphAutoencoder(Architecture(n_classes=n)) for n in (10, 11))
    assert [count(layer) for layer in model.convolutions] == [1_205_248, 1_049_600]
    assert [count(layer) for layer in model.activations] == [1, 1]
    assert count(model.latent) == 1_049_600 and count(model.features) == 2_257_049
    assert (count(model.clusters), count(figure.clusters)) == (10_250, 11_275)


def test_a_graph_convolution_by_hand():
    """Path 0 – 1 – 2: degrees with self-loops 2, 3, 2."""
    graph = autoencoder.graph(np.array([[0, 1], [1, 2]]), 3)
    layer = autoencoder._convolution(1, 1)
    with torch.no_grad():
        layer.lin.weight.fill_(2.0)
        layer.bias.fill_(0.5)
        found = layer(torch.tensor([[1.0], [10.0], [100.0]]), graph.links, graph.weights)
    root = 6**0.5
    expected = [
        2 * (1 / 2 + 10 / root),
        2 * (10 / 3 + 1 / root + 100 / root),
        2 * (100 / 2 + 10 / root),
    ]
    np.testing.assert_allclose(found[:, 0], np.array(expected) + 0.5, rtol=1e-6)


def test_the_normalisation_is_that_of_the_library():
    from torch_geometric.nn import GCNConv

    _, table = toy.network(2, 10)
    nodes, _ = toy.network(2, 10)
    pairs = links.from_table(table, nodes["gene"])
    ours, library = autoencoder._convolution(4, 3), GCNConv(4, 3)
    library.load_state_dict(ours.state_dict())
    inputs = torch.from_numpy(np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32))
    graph = autoencoder.graph(pairs, 20)
    expected = library(inputs, torch.from_numpy(np.hstack([pairs, pairs[::-1]])))
    torch.testing.assert_close(ours(inputs, graph.links, graph.weights), expected)


class Fixed(nn.Module):
    """Gives latents, reconstruction and logits that are known."""

    def __init__(self):
        super().__init__()
        self.z = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])

    def forward(self, features, graph):
        return self.z

    def features(self, latents):
        return torch.full((3, 2), 0.5)

    def clusters(self, latents):
        return latents


def test_the_loss_by_hand():
    """z0·z1 = 2, z0·z2 = 0; |x − x̂| = 0.5; node 1 with logits (2, 0) is of class 1, node 2 with
    (0, 3) too."""
    batch = Batch(
        torch.tensor([[0.0, 1.0]] * 3),
        None,
        torch.tensor([[0], [1]]),
        torch.tensor([[0], [2]]),
        torch.tensor([1, 2]),
        torch.tensor([1, 1]),
    )
    outcome = autoencoder.loss(Weights(2, 3, 5))(Fixed(), batch)
    sigmoid = 1 / (1 + np.exp(-2))
    linked, clusters = (
        -np.log(sigmoid) - np.log(0.5),
        (np.log(1 + np.exp(2)) + np.log(1 + np.exp(-3))) / 2,
    )
    assert float(outcome.loss) == pytest.approx(2 * linked + 3 * 0.5 + 5 * clusters, rel=1e-6)
    assert float(outcome.parts["links"]) == pytest.approx(2 * linked, rel=1e-6) and outcome.n == 3
    assert set(autoencoder.loss(Weights(1, 0, 0))(Fixed(), batch).parts) == {"links"}


def test_a_certain_mistake_costs_a_finite_loss():
    latents = torch.tensor([[100.0], [100.0], [-100.0]])
    lost = autoencoder.link_loss(latents, torch.tensor([[0], [2]]), torch.tensor([[0], [1]]))
    assert float(lost) == pytest.approx(-2 * np.log(EPS), rel=1e-6)


@pytest.mark.parametrize("values", [(0, 0, 0), (1, -1, 0)])
def test_weights_of_the_loss_must_make_sense(values):
    with pytest.raises(ValueError, match="three numbers >= 0, one of them > 0"):
        Weights(*values)


def test_first_weights_come_from_the_seed_alone():
    """The published code seeds only after it has drawn them."""
    torch.manual_seed(0)
    first = autoencoder.build(Architecture(6, 2, 4), np.random.default_rng(5))
    torch.manual_seed(1)
    state = torch.get_rng_state()
    second = autoencoder.build(Architecture(6, 2, 4), np.random.default_rng(5))
    assert torch.equal(torch.get_rng_state(), state)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_it_learns_links_and_clusters_and_repeats_itself(problem):
    embedded = embed(problem)
    row = embedded.row()
    assert embedded.latents.shape == (56, 16) and embedded.latents.dtype == np.float32
    assert embedded.auc > 0.75 and embedded.average_precision > 0.7 and row["train_acc"] == 1.0
    assert (
        row["best_epoch"] <= row["n_epochs"]
        and row["val_loss"] == embedded.fitted.history["val_loss"].min()
    )
    again, other = embed(problem), embed(problem, seed=4)
    np.testing.assert_array_equal(again.latents, embedded.latents)
    assert not np.allclose(other.latents, embedded.latents)


def test_all_three_terms_are_learnt(problem):
    history = embed(problem, weights=Weights(1, 5, 1)).fitted.history
    for term in ("train_links", "train_features", "train_clusters"):
        assert history[term].iloc[-1] < history[term].iloc[0]
    alone = embed(problem, weights=Weights(0, 0, 1))
    assert "train_links" not in alone.fitted.history and alone.row()["train_acc"] == 1.0


def test_without_cluster_loss_there_is_no_head_and_labels_change_nothing(problem):
    bare = fitting.Problem(problem.features, problem.links, np.full(problem.n_nodes, -1))
    embedded = embed(bare, weights=Weights(1, 0, 0))
    assert "train_clusters" not in embedded.fitted.history and embedded.auc > 0.7
    with pytest.raises(InputError, match="in 0 cluster, and the cluster term needs two"):
        embed(bare)
    one = fitting.Problem(problem.features, problem.links, np.where(problem.classes == 0, 0, -1))
    with pytest.raises(InputError, match="in 1 cluster"):
        embed(one)


def test_batch_normalisation_trains_in_every_epoch(problem, monkeypatch):
    """In the published code the decoders stay in evaluation mode after the first validation
    pass."""
    modes = []
    forward = GraphAutoencoder.forward

    def watched(self, *arguments):
        modes.append((self.training, self.features[1].training))
        return forward(self, *arguments)

    monkeypatch.setattr(GraphAutoencoder, "forward", watched)
    embed(
        problem,
        weights=Weights(1, 1, 1),
        settings=Settings(max_epochs=3, precision="fp32", device="cpu"),
    )
    assert modes[:6] == [(True, True), (False, False)] * 3


def test_negatives_change_from_epoch_to_epoch_and_are_as_many_as_links_and_genes(problem):
    parts = links.split(problem.links, problem.n_nodes, rng=np.random.default_rng(0))
    batches = fitting._Batches(problem, parts, torch.device("cpu"))
    first, second = (next(batches.train(np.random.default_rng(seed))).negatives for seed in (1, 2))
    assert first.shape == (2, parts.train.shape[1] + problem.n_nodes) and not torch.equal(
        first, second
    )
    held_out = next(batches.validation(None))
    assert (
        held_out is next(batches.validation(None))
        and held_out.graph is batches.fixed["validation"].graph
    )


def test_messages_pass_over_train_for_validation_and_over_both_for_test(problem):
    parts = links.split(problem.links, problem.n_nodes, rng=np.random.default_rng(0))
    batches = fitting._Batches(problem, parts, torch.device("cpu"))
    n_links = {name: batch.graph.links.shape[1] for name, batch in batches.fixed.items()}
    train, known = (2 * part.shape[1] + problem.n_nodes for part in (parts.train, parts.known))
    assert n_links == {"train": train, "validation": train, "test": known}


def test_killed_and_resumed_is_the_same_as_uninterrupted(problem, tmp_path, monkeypatch):
    checkpoint = tmp_path / "run.checkpoint"
    settings = Settings(
        learning_rate=5e-3,
        weight_decay=0,
        patience=9,
        max_epochs=30,
        precision="fp32",
        device="cpu",
        checkpoint_seconds=0,
    )
    whole = embed(problem, settings=settings)
    train_epoch = training._train_epoch

    def killed(run, batches, loss):
        if run.epoch == 12:
            raise KeyboardInterrupt
        return train_epoch(run, batches, loss)

    monkeypatch.setattr(training, "_train_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        embed(problem, settings=settings, checkpoint=checkpoint)
    assert checkpoint.exists()
    monkeypatch.setattr(training, "_train_epoch", train_epoch)
    resumed = embed(problem, settings=settings, checkpoint=checkpoint)
    np.testing.assert_array_equal(resumed.latents, whole.latents)
    assert resumed.row() == whole.row()


def test_class_numbers_are_of_the_labels_that_occur():
    assert fitting.class_numbers({}, ["JUN"]).tolist() == [-1]
    assert fitting.class_numbers({"MOS": "1"}, ["JUN", "SRC"]).tolist() == [-1, -1]
    assert fitting.class_numbers({"JUN": "10", "SRC": "9"}, ["SRC", "JUN"]).tolist() == [1, 0]


@pytest.mark.real
def test_the_published_network_tells_its_held_out_links_by_its_shape_alone(real):
    """249 genes, 526 links at the paper's cut-off, features without meaning: what is learnt is in
    the links."""
    file = next((real / "data" / "ppi").glob("*/*C9.costs*"), None)
    if file is None:
        pytest.skip("the interactome is not among the real data")
    ppi = pd.read_csv(file, sep="\t", names=["gene_a", "gene_b", "cost"], header=0)
    genes = pd.read_csv(real / "reference" / "image2reg" / "regulatory_clusters_249.csv")[
        "gene"
    ].tolist()
    kept = ppi[(ppi["cost"] < 0.594) & ppi["gene_a"].isin(genes) & ppi["gene_b"].isin(genes)]
    kept = kept[kept["gene_a"] != kept["gene_b"]]
    rng = np.random.default_rng(0)
    shape = fitting.Problem(
        rng.random((249, 64)).astype(np.float32), links.from_table(kept, genes), np.full(249, -1)
    )
    assert shape.links.shape == (2, 526)
    embedded = embed(shape, weights=Weights(1, 0, 0))
    assert embedded.auc > 0.6
