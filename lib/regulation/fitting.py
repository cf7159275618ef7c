"""Train one autoencoder on one network: split the links, fit, score the held-out links, embed all
genes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from lib.data.errors import InputError
from lib.learning import training
from lib.learning.metrics import Metrics
from lib.learning.training import Fitted, Settings
from lib.regulation import autoencoder, links
from lib.regulation.autoencoder import Architecture, Batch, GraphAutoencoder, Weights


@dataclass(frozen=True)
class Embedded:
    """A trained network and what it gives.

    Parameters
    ----------
    model : GraphAutoencoder
        With the weights of its best epoch.
    latents : (N, L) float32 array
        With messages over the full graph.
    fitted : Fitted
        Best epoch and history.
    test : Metrics
        Losses on the held-out links.
    auc, average_precision : float
        Of held-out links against as many pairs without a link, 0 to 1.
    """

    model: GraphAutoencoder
    latents: np.ndarray
    fitted: Fitted
    test: Metrics
    auc: float
    average_precision: float

    def row(self) -> dict[str, float]:
        """Return what a table of runs shows.

        Returns
        -------
        dict of str to float
            `train_*` and `val_*` of the best epoch, `test_*` of the held-out links, `test_auc`,
            `test_ap`, `best_epoch` (from 1), `n_epochs`.
        """
        scores = {"test_auc": self.auc, "test_ap": self.average_precision}
        epochs = {"best_epoch": self.fitted.best_epoch, "n_epochs": len(self.fitted.history)}
        return {**self.fitted.best_row(), **self.test.row("test"), **scores, **epochs}


@dataclass(frozen=True)
class Problem:
    """A network to embed.

    Parameters
    ----------
    features : (N, F) array
    links : (2, E) int array
        Undirected, each given once.
    classes : (N,) int array
        Class of each gene, −1 for none.
    """

    features: np.ndarray
    links: np.ndarray
    classes: np.ndarray

    @property
    def n_nodes(self) -> int:
        return len(self.features)

    @property
    def n_classes(self) -> int:
        return int(self.classes.max(initial=-1)) + 1


def class_numbers(labels: Mapping[str, str], genes: Sequence[str]) -> np.ndarray:
    """Return the number of each gene's class: labels that occur, in alphabetical order.

    Labels of genes outside the network count for nothing.

    Parameters
    ----------
    labels : mapping of str to str
        Gene → label.
    genes : sequence of str
        Genes of the network, N.

    Returns
    -------
    (N,) int array
        −1 for genes without a label.

    Examples
    --------
    >>> class_numbers({"JUN": "b", "SRC": "a", "MOS": "c"}, ["JUN", "UBC", "SRC"]).tolist()
    [1, -1, 0]
    """
    found = [labels.get(gene) for gene in genes]
    names = {
        name: number
        for number, name in enumerate(sorted({name for name in found if name is not None}))
    }
    return np.array([-1 if name is None else names[name] for name in found])


def embed(
    problem: Problem,
    *,
    weights: Weights,
    size: int,
    settings: Settings,
    split_rng: np.random.Generator,
    rng: np.random.Generator,
    checkpoint: Path | None = None,
) -> Embedded:
    """Train an autoencoder on a part of the links and return the latents over all of them.

    Training stops by the total loss on the validation links; the weights of its best epoch are
    kept. Every epoch trains all parts of the network; the published code leaves the decoders in
    evaluation mode after the first one.

    Parameters
    ----------
    problem : Problem
    weights : Weights
        Of the three terms of the loss.
    size : int
        L, width of hidden layers and latent space (paper: 1024).
    settings : Settings
        Of the training loop; its score is the loss. Paper: Adam, 1e-5, no weight decay, 10,000
        epochs, patience 100.
    split_rng, rng : Generator
        Of the split of the links; of first weights and training negatives.
    checkpoint : Path, optional
        See `training.fit`.

    Returns
    -------
    Embedded

    Raises
    ------
    InputError
        If clusters are to be learnt from fewer than two, or the links cannot be split.

    References
    ----------
    Image2Reg, regulatory gene embeddings behind Fig 3B.
    """
    if weights.gamma and problem.n_classes < 2:
        raise InputError(
            f"the labelled genes of the network are in {problem.n_classes} cluster, and the "
            "cluster term needs two: give other labels, or the term no weight (gamma = 0 of "
            "regulatory_embeddings)"
        )
    parts = links.split(problem.links, problem.n_nodes, rng=split_rng)  # 70 : 10 : 20
    # the total loss of the validation links, as published
    settings = replace(settings, score="loss")
    device = training.pick_device(settings.device)
    # not the split's generator
    model = autoencoder.build(Architecture(problem.features.shape[1], problem.n_classes, size), rng)
    batches = _Batches(problem, parts, device)
    loss = autoencoder.loss(weights)
    fitted = training.fit(
        model,
        batches.train,
        batches.validation,
        loss=loss,
        rng=rng,
        settings=settings,
        checkpoint=checkpoint,
    )
    test = training.evaluate(model, batches.test, loss, settings=settings)
    auc, precision = _score(model, batches.fixed["test"])
    return Embedded(model, _latents(model, batches), fitted, test, auc, precision)


class _Batches:
    """One batch an epoch, the whole network; what changes from epoch to epoch are the training
    negatives."""

    def __init__(self, problem: Problem, parts: links.LinkSplit, device: torch.device) -> None:
        self.problem, self.parts, self.device = problem, parts, device
        self.features = torch.as_tensor(problem.features, dtype=torch.float32, device=device)
        self.labelled = torch.from_numpy(np.flatnonzero(problem.classes >= 0)).to(device)  # (M,)
        self.classes = torch.from_numpy(problem.classes[problem.classes >= 0]).to(device)
        self.fixed = {
            # its negatives are drawn anew in every epoch
            "train": self.batch(parts.train, parts.train, parts.train[:, :0]),
            "validation": self.batch(parts.train, parts.validation, parts.validation_negatives),
            # messages pass over train and validation links when the test links are scored
            "test": self.batch(parts.known, parts.test, parts.test_negatives),
        }

    def batch(self, messages: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> Batch:
        graph = autoencoder.graph(messages, self.problem.n_nodes).to(self.device)
        return Batch(
            self.features,
            graph,
            self._tensor(positives),
            self._tensor(negatives),
            self.labelled,
            self.classes,
        )

    def train(self, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Give the training links with as many negatives as links and nodes together, as
        published."""
        n = self.parts.train.shape[1] + self.problem.n_nodes  # how torch_geometric's sampler counts
        negatives = links.draw_negatives(self.parts.train, self.problem.n_nodes, n, rng=rng)
        yield replace(self.fixed["train"], negatives=self._tensor(negatives))

    def validation(self, rng: None) -> Iterator[Batch]:
        yield self.fixed["validation"]

    def test(self, rng: None) -> Iterator[Batch]:
        yield self.fixed["test"]

    def _tensor(self, pairs: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(pairs)).to(self.device)


@torch.inference_mode()
def _score(model: GraphAutoencoder, batch: Batch) -> tuple[float, float]:
    """Return AUC and average precision of links against pairs that are not linked."""
    model.eval()
    latents = model(batch.features, batch.graph)
    pairs = torch.cat([batch.positives, batch.negatives], dim=1)  # (2, 2 E_test)
    scores = autoencoder.link_probabilities(latents, pairs).cpu().numpy()
    truth = np.arange(pairs.shape[1]) < batch.positives.shape[1]  # positives come first
    return float(roc_auc_score(truth, scores)), float(average_precision_score(truth, scores))


@torch.inference_mode()
def _latents(model: GraphAutoencoder, batches: _Batches) -> np.ndarray:
    """Return the latents (N, L) float32 with messages over all links."""
    model.eval()
    problem = batches.problem
    # held-out links too: the embedding is for use, not for scoring
    every = autoencoder.graph(problem.links, problem.n_nodes).to(batches.device)
    return model(batches.features, every).float().cpu().numpy()
