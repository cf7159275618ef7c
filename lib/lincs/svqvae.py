"""The supervised vector-quantised autoencoder (S-VQ-VAE): one code per class
(https://arxiv.org/abs/1909.11124).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lib.learning.metrics import Loss, Outcome
from lib.lincs.signatures import BOUND


@dataclass(frozen=True)
class Weights:
    """Weights of the terms of the loss beside the reconstruction; the defaults are the paper's.

    Parameters
    ----------
    commitment : float
        β, holds the encoding at the code of its class.
    divergence : float
        γ, pushes the encoding away from a wrong code that is nearer.
    repulsion : float
        Pushes that wrong code away from the encoding; 1 in the published code, not γ.
    """

    commitment: float = 0.25
    divergence: float = 0.1
    repulsion: float = 1.0


class SVQVAE(nn.Module):
    """Encoder, a codebook with one code per class, decoder.

    Shapes
    ------
    inputs x : (n, …) → encodings z : (n, D); codes e : (K, D) → x̂ : (n, …)

    Parameters
    ----------
    encoder, decoder : Module
        Inputs to (n, D) and back.
    classes : sequence of str
        K names; the order is that of the codes.
    scale : float
        Factor of the decoder's output: 10 for signatures, 1 for images.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        classes: Sequence[str],
        *,
        size: int,
        scale: float = BOUND,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.scale, self.classes = (
            encoder,
            decoder,
            scale,
            tuple(classes),
        )
        self.codebook = nn.Parameter(torch.empty(len(classes), size))
        nn.init.uniform_(self.codebook, -1 / len(classes), 1 / len(classes))

    def decode(self, latents: Tensor) -> Tensor:
        """Return outputs of latents or codes (n, D)."""
        return self.scale * self.decoder(latents)


def linear(n_genes: int, size: int, classes: Sequence[str], rng: np.random.Generator) -> SVQVAE:
    """Return the network of the paper, weights from `rng`: one tanh layer each way (paper: 978,
    1000, 75 classes).

    Parameters
    ----------
    n_genes, size : int
        G, and the dimensions D of a code.
    classes : sequence of str
    rng : Generator
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(rng.integers(2**63)))
        encoder = nn.Sequential(nn.Linear(n_genes, size), nn.Tanh())
        decoder = nn.Sequential(nn.Linear(size, n_genes), nn.Tanh())
        return SVQVAE(encoder, decoder, classes, size=size)


def squared_distances(latents: Tensor, codes: Tensor) -> Tensor:
    """Return ‖z_i − e_k‖², (n, K), as one matrix product.

    Parameters
    ----------
    latents, codes : (n, D), (K, D) tensors
    """
    return latents.square().sum(1, keepdim=True) - 2 * latents @ codes.T + codes.square().sum(1)


def terms(latents: Tensor, codes: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Return the terms that pull and push, unweighted: `codebook`, `commitment`, `repulsion`,
    `divergence`.

    With e_y the code of the class, k* the nearest code, m = 1 where k* ≠ y, and sg stopping
    gradients:

    - codebook ⟨(e_y − sg z)²⟩ moves codes, commitment ⟨(sg e_y − z)²⟩ moves encodings;
    - repulsion ⟨m (e_k* − sg z)²⟩ and divergence ⟨m (sg e_k* − z)²⟩ likewise; they are subtracted
    in the loss.

    ⟨⟩ is the mean over all rows, those with m = 0 too, and dimensions. The terms see the codes
    themselves, never the straight-through vector, or codes would not move.

    Parameters
    ----------
    latents, codes : (n, D), (K, D) tensors
    labels : (n,) tensor of int

    Returns
    -------
    dict
        Name → scalar.

    References
    ----------
    Xue, Ding and Lu, https://arxiv.org/abs/1909.11124; the means and weights are of their code.

    Examples
    --------
    >>> found = terms(torch.tensor([[0.2]]), torch.tensor([[0.6]]), torch.tensor([0]))
    >>> round(found["codebook"].item(), 4), found["repulsion"].item()
    (0.16, 0.0)
    """
    nearest = squared_distances(latents.detach(), codes.detach()).argmin(dim=1)
    wrong = (nearest != labels).unsqueeze(1).to(latents.dtype)  # (n, 1)
    own, near = codes[labels], codes[nearest]  # (n, D)
    return {
        "codebook": (own - latents.detach()).square().mean(),
        "commitment": (own.detach() - latents).square().mean(),
        "repulsion": (wrong * (near - latents.detach()).square()).mean(),
        "divergence": (wrong * (near.detach() - latents).square()).mean(),
    }


def loss(weights: Weights | None = None, *, supervised: bool = True) -> Loss:
    """Return MSE + codebook + β commitment − repulsion − γ divergence; the decoder gets the code of
    the true class.

    Parameters
    ----------
    weights : Weights, optional
    supervised : bool
        False: a plain VQ-VAE. The decoder gets the nearest code, and nothing is pushed away; labels
        only count for the accuracy.
    """
    weights = weights or Weights()

    def outcome(model: SVQVAE, batch: tuple[Tensor, Tensor]) -> Outcome:
        inputs, labels = batch
        latents = model.encoder(inputs)  # (n, D)
        distances = squared_distances(latents, model.codebook)  # (n, K)
        wanted = labels if supervised else distances.detach().argmin(dim=1)
        found = terms(latents, model.codebook, wanted)
        quantised = latents + (model.codebook[wanted] - latents).detach()  # straight-through
        mse = functional.mse_loss(model.decode(quantised), inputs)
        total = mse + found["codebook"] + weights.commitment * found["commitment"]
        total = (
            total
            - weights.repulsion * found["repulsion"]
            - weights.divergence * found["divergence"]
        )
        return Outcome(total, len(inputs), -distances.detach(), labels, parts={"mse": mse, **found})

    return outcome


@torch.inference_mode()
def encode(model: SVQVAE, inputs: np.ndarray) -> np.ndarray:
    """Return encodings (n, D) of inputs, before quantisation."""
    model.eval()
    return model.encoder(torch.as_tensor(np.asarray(inputs, np.float32))).numpy()


def codes(model: SVQVAE) -> np.ndarray:
    """Return the codebook (K, D)."""
    return model.codebook.detach().cpu().numpy()


@torch.inference_mode()
def prototypes(model: SVQVAE) -> np.ndarray:
    """Return the decoded code of each class, (K, …)."""
    model.eval()
    return model.decode(model.codebook).cpu().numpy()
