"""The graph-convolutional autoencoder of Image2Reg: encoder, three decoders, and their loss.

A gene's latent z should tell which genes it is linked with (inner product), what is known of it
(its features) and the cluster of its perturbation. The graph autoencoder is that of Kipf and
Welling (https://arxiv.org/abs/1611.07308).
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lib.learning import randomness
from lib.learning.metrics import Loss, Outcome

EPS = 1e-15  # keeps the logarithm of a probability of 0 finite, as in the published loss


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network; the defaults are the paper's.

    Parameters
    ----------
    n_features : int
        F, columns of the node features.
    n_classes : int
        C, clusters to be told apart; 0 = no cluster head.
    size : int
        L, width of the hidden layers and of the latent space.
    """

    n_features: int = 1176
    n_classes: int = 10
    size: int = 1024


@dataclass(frozen=True)
class Weights:
    """Weights of the three terms of the loss: links, features, clusters. Paper: (1, 0, 1)."""

    alpha: float = 1.0
    beta: float = 0.0
    gamma: float = 1.0

    def __post_init__(self) -> None:
        values = (self.alpha, self.beta, self.gamma)
        if min(values) < 0 or not max(values) > 0:
            raise ValueError(
                f"weights of the loss {values}: expected three numbers >= 0, one of them > 0"
            )


@dataclass(frozen=True)
class Graph:
    """Links along which messages pass, self-loops added, with their symmetric normalisation.

    Shapes: `links` (2, 2 E + N), `weights` (2 E + N,) = 1 / √(deg_i · deg_j), self-loops counted in
    the degrees.
    """

    links: Tensor
    weights: Tensor

    def to(self, device: torch.device) -> "Graph":
        return Graph(self.links.to(device), self.weights.to(device))


@dataclass(frozen=True)
class Batch:
    """All nodes of the network and what is asked of them in one step.

    Shapes: `features` (N, F); `positives`, `negatives` (2, n) pairs; `labelled` (M,) nodes,
    `classes` (M,) theirs.
    """

    features: Tensor
    graph: Graph
    positives: Tensor
    negatives: Tensor
    labelled: Tensor
    classes: Tensor


class GraphAutoencoder(nn.Module):
    """Encoder of two graph convolutions and a linear layer; decoders of links, features and
    clusters.

    Shapes
    ------
    features : (N, F) → latents z : (N, L) → features (N, F), logits (N, C)
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        n_features, size = architecture.n_features, architecture.size
        self.convolutions = nn.ModuleList(
            [_convolution(n_features, size), _convolution(size, size)]
        )
        self.activations = nn.ModuleList([nn.PReLU(), nn.PReLU()])
        self.latent = nn.Linear(size, size)
        self.features = nn.Sequential(
            nn.Linear(size, size), nn.BatchNorm1d(size), nn.PReLU(), nn.Linear(size, n_features)
        )
        self.clusters = nn.Linear(size, architecture.n_classes) if architecture.n_classes else None

    def forward(self, features: Tensor, graph: Graph) -> Tensor:
        """Return the latents of all nodes."""
        hidden = features
        for convolution, activation in zip(self.convolutions, self.activations, strict=True):
            hidden = activation(convolution(hidden, graph.links, graph.weights))  # (N, L)
        return self.latent(hidden)


def build(architecture: Architecture, rng: np.random.Generator) -> GraphAutoencoder:
    """Return an initialised network whose every weight comes from `rng`.

    The published code seeds after it has drawn the first weights, so that its runs cannot be
    repeated.
    """
    with randomness.own_weights(int(rng.integers(2**63))):
        return GraphAutoencoder(architecture)


def graph(links: np.ndarray, n_nodes: int) -> Graph:
    """Return the normalised graph of undirected links (2, E), each given once, over N nodes.

    Examples
    --------
    >>> graph(np.array([[0], [1]]), 3).weights.tolist()  # 0–1, 1–0 and the three self-loops
    [0.5, 0.5, 0.5, 0.5, 1.0]
    """
    loops = np.tile(np.arange(n_nodes), (2, 1))
    every = np.hstack([links, links[::-1], loops])  # (2, 2 E + N)
    degrees = np.bincount(every[0], minlength=n_nodes)
    weights = 1 / np.sqrt(degrees[every[0]] * degrees[every[1]])
    return Graph(torch.from_numpy(every), torch.from_numpy(weights.astype(np.float32)))


def link_probabilities(latents: Tensor, pairs: Tensor) -> Tensor:
    """Return σ(z_i · z_j) of pairs (2, n) of nodes, (n,)."""
    return torch.sigmoid((latents[pairs[0]] * latents[pairs[1]]).sum(dim=1))


def link_loss(latents: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """Return −mean log σ(z_i · z_j) over the links −mean log(1 − σ(z_i · z_j)) over pairs without a
    link."""
    linked = torch.log(link_probabilities(latents, positives) + EPS).mean()
    free = torch.log(1 - link_probabilities(latents, negatives) + EPS).mean()
    return -linked - free


def loss(weights: Weights) -> Loss:
    """Return α · links + β · mean |x − x̂| + γ · cross-entropy of the labelled nodes.

    A term of weight 0 is left out. The labelled nodes are the same in training, validation and
    test, as published, so the cluster term of the "validation loss", by which training stops, is
    one of training.
    """

    def outcome(model: GraphAutoencoder, batch: Batch) -> Outcome:
        latents = model(batch.features, batch.graph)
        terms, logits, classes = {}, None, None
        if weights.alpha:
            terms["links"] = weights.alpha * link_loss(latents, batch.positives, batch.negatives)
        if weights.beta:
            terms["features"] = weights.beta * functional.l1_loss(
                model.features(latents), batch.features
            )
        if weights.gamma:
            logits, classes = model.clusters(latents[batch.labelled]), batch.classes
            terms["clusters"] = weights.gamma * functional.cross_entropy(logits, classes)
        return Outcome(sum(terms.values()), len(latents), logits, classes, terms)

    return outcome


def _convolution(n_in: int, n_out: int) -> nn.Module:
    """Return x → Â x Θ + b; Â is computed once by `graph`, not in every step."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # torch's, of what torch_geometric calls while it is imported
        from torch_geometric.nn import GCNConv
    return GCNConv(n_in, n_out, normalize=False)
