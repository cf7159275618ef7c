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
    """Weights of the three terms of the loss. Paper: (1, 0, 1).

    Parameters
    ----------
    alpha, beta, gamma : float
        Of links, features and clusters; at least 0, one of them above.

    Raises
    ------
    ValueError
        If one is negative, or all are 0.
    """

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

    Parameters
    ----------
    links : (2, 2 E + N) Tensor
        Each link in both directions, then the self-loops.
    weights : (2 E + N,) Tensor
        1 / √(deg_i · deg_j), self-loops counted in the degrees.
    """

    links: Tensor
    weights: Tensor

    def to(self, device: torch.device) -> "Graph":
        return Graph(self.links.to(device), self.weights.to(device))


@dataclass(frozen=True)
class Batch:
    """All nodes of the network and what is asked of them in one step.

    Parameters
    ----------
    features : (N, F) Tensor
    graph : Graph
        Over which messages pass.
    positives, negatives : (2, n) Tensor
        Pairs of nodes that are linked, and that are not.
    labelled : (M,) Tensor
        Nodes that have a class.
    classes : (M,) Tensor
        Their classes, 0 … C − 1.
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

    Shapes: features (N, F) → latents z (N, L) → features (N, F), logits (N, C).

    Parameters
    ----------
    architecture : Architecture

    References
    ----------
    Kipf and Welling (2016), https://arxiv.org/abs/1611.07308. With the paper's sizes the encoder
    has 3,304,450 parameters, the feature decoder 2,257,049 and the cluster head 10,250.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        n_features, size = architecture.n_features, architecture.size
        self.convolutions = nn.ModuleList(
            [_convolution(n_features, size), _convolution(size, size)]
        )
        self.activations = nn.ModuleList([nn.PReLU(), nn.PReLU()])
        self.latent = nn.Linear(size, size)  # no non-linearity: z may have any sign
        self.features = nn.Sequential(
            nn.Linear(size, size), nn.BatchNorm1d(size), nn.PReLU(), nn.Linear(size, n_features)
        )
        # without labelled clusters there is no head
        self.clusters = nn.Linear(size, architecture.n_classes) if architecture.n_classes else None

    def forward(self, features: Tensor, graph: Graph) -> Tensor:
        """Return the latents of all nodes.

        Parameters
        ----------
        features : (N, F) Tensor
        graph : Graph

        Returns
        -------
        (N, L) Tensor
        """
        hidden = features
        for convolution, activation in zip(self.convolutions, self.activations, strict=True):
            hidden = activation(convolution(hidden, graph.links, graph.weights))  # (N, L)
        return self.latent(hidden)


def build(architecture: Architecture, rng: np.random.Generator) -> GraphAutoencoder:
    """Return an initialised network whose every weight comes from `rng`.

    The published code seeds after it has drawn the first weights, so that its runs cannot be
    repeated.

    Parameters
    ----------
    architecture : Architecture
    rng : Generator
        One draw from it seeds the initial weights.

    Returns
    -------
    GraphAutoencoder
    """
    with randomness.own_weights(int(rng.integers(2**63))):
        return GraphAutoencoder(architecture)


def graph(links: np.ndarray, n_nodes: int) -> Graph:
    """Return the normalised graph of undirected links.

    Parameters
    ----------
    links : (2, E) int array
        Numbers of nodes, each link given once.
    n_nodes : int
        N.

    Returns
    -------
    Graph

    Examples
    --------
    >>> graph(np.array([[0], [1]]), 3).weights.tolist()  # 0–1, 1–0 and the three self-loops
    [0.5, 0.5, 0.5, 0.5, 1.0]
    """
    loops = np.tile(np.arange(n_nodes), (2, 1))
    # both directions, then the self-loops
    every = np.hstack([links, links[::-1], loops])  # (2, 2 E + N)
    degrees = np.bincount(every[0], minlength=n_nodes)  # (N,), self-loops counted
    weights = 1 / np.sqrt(degrees[every[0]] * degrees[every[1]])
    return Graph(torch.from_numpy(every), torch.from_numpy(weights.astype(np.float32)))


def link_probabilities(latents: Tensor, pairs: Tensor) -> Tensor:
    """Return σ(z_i · z_j), the probability that the inner-product decoder gives to a link.

    Parameters
    ----------
    latents : (N, L) Tensor
    pairs : (2, n) Tensor
        Numbers of nodes.

    Returns
    -------
    (n,) Tensor

    References
    ----------
    Kipf and Welling (2016), https://arxiv.org/abs/1611.07308
    """
    return torch.sigmoid((latents[pairs[0]] * latents[pairs[1]]).sum(dim=1))


def link_loss(latents: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """Return −mean log σ(z_i · z_j) over links − mean log(1 − σ(z_i · z_j)) over pairs without a
    link.

    Parameters
    ----------
    latents : (N, L) Tensor
    positives, negatives : (2, n) Tensor
        Pairs of nodes that are linked, and that are not.

    Returns
    -------
    () Tensor
    """
    linked = torch.log(link_probabilities(latents, positives) + EPS).mean()  # over (n,) pairs
    free = torch.log(1 - link_probabilities(latents, negatives) + EPS).mean()
    return -linked - free


def loss(weights: Weights) -> Loss:
    """Return the loss α · links + β · mean |x − x̂| + γ · cross-entropy of the labelled nodes.

    A term of weight 0 is left out. The labelled nodes are the same in training, validation and
    test, as published, so the cluster term of the "validation loss", by which training stops, is
    one of training.

    Parameters
    ----------
    weights : Weights

    Returns
    -------
    callable
        (model, batch) → `Outcome`, as `lib.learning.training.fit` wants it.

    References
    ----------
    Image2Reg's published code, with the weights (α, β, γ) = (1, 0, 1) in its main setting.
    """

    def outcome(model: GraphAutoencoder, batch: Batch) -> Outcome:
        latents = model(batch.features, batch.graph)  # (N, L)
        terms, logits, classes = {}, None, None
        if weights.alpha:
            terms["links"] = weights.alpha * link_loss(latents, batch.positives, batch.negatives)
        if weights.beta:
            # L1, as in the published code
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
    return GCNConv(n_in, n_out, normalize=False)  # edge weights of the network are not used
