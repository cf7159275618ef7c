"""The variational autoencoder of the paper: 978 → 1000 → 1000 → z (100) → 1000 → 1000 → 978."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lib.learning.metrics import Loss, Outcome
from lib.lincs.signatures import BOUND

LAYERS = ("raw", "e1", "e2", "mu", "dec_h1", "dec_h2")
"""Representations by name: input, the two hidden layers of the encoder, the mean of the latent (the
paper's e3 or top hidden layer), and the hidden layers of the decoder, dec_h1 nearest to the latent
(the paper names them both ways).
"""


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network; the defaults are the paper's.

    Parameters
    ----------
    n_genes : int
        G, landmark genes.
    hidden : int
        H, width of the hidden layers.
    latent : int
        L, size of the latent z.
    """

    n_genes: int = 978
    hidden: int = 1000
    latent: int = 100


class VAE(nn.Module):
    """Encoder to a Gaussian over z, decoder to signatures in (−10, 10); 4,261,178 parameters in the
    paper's sizes.

    The factor 10 is part of the decoder; the published code multiplies outside of it, and forgets
    to in one place.

    Shapes
    ------
    signatures x : (n, G) → mean μ, log-variance ℓ : (n, L) → z = μ + exp(ℓ/2) ⊙ ε : (n, L) → x̂ :
    (n, G)
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        n_genes, hidden, latent = architecture.n_genes, architecture.hidden, architecture.latent
        self.architecture = architecture
        self.encoder = _tanh_layers(n_genes, hidden, hidden)
        self.mu = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        self.decoder = _tanh_layers(latent, hidden, hidden, n_genes)

    def encode(self, signatures: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the latent, each (n, L)."""
        hidden = self.encoder(signatures)  # (n, H)
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, latents: Tensor) -> Tensor:
        """Return signatures (n, G) of latents (n, L)."""
        return BOUND * self.decoder(latents)

    def forward(self, signatures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstruction, mean and log-variance; z is drawn in training, and is the mean
        otherwise.
        """
        mu, logvar = self.encode(signatures)
        return self.decode(sample(mu, logvar) if self.training else mu), mu, logvar


def build(architecture: Architecture, rng: np.random.Generator) -> VAE:
    """Return an initialised network whose every weight comes from `rng`.

    Parameters
    ----------
    architecture : Architecture
    rng : Generator
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(rng.integers(2**63)))
        return VAE(architecture)


def sample(mu: Tensor, logvar: Tensor) -> Tensor:
    """Draw z = μ + exp(ℓ/2) ⊙ ε with ε ~ N(0, I).

    Parameters
    ----------
    mu, logvar : (n, L) tensors
    """
    return mu + torch.exp(logvar / 2) * torch.randn_like(mu)


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return −½ · mean over rows and dimensions of (1 + ℓ − μ² − exp ℓ).

    Parameters
    ----------
    mu, logvar : (n, L) tensors

    Returns
    -------
    scalar tensor
        In nats per dimension.

    Examples
    --------
    >>> kl_divergence(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2)).item()  # ½ (1 + 0) / 2
    0.25
    """
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).mean()


def loss(*, kl_weight: float = 1.0) -> Loss:
    """Return the loss of the paper: MSE over rows and genes + weight · KL over rows and latent
    dimensions.

    Both terms are means over all elements, so that against the usual sums the KL counts 978/200 =
    4.89 times: most latent dimensions are pruned.

    Parameters
    ----------
    kl_weight : float
        Paper: 1. There is no warm-up, so the weight is the same in every epoch.

    Returns
    -------
    Loss
        Of a batch (n, G), with the parts `mse` and `kl`; z is drawn in training only.
    """

    def outcome(model: VAE, batch: Tensor) -> Outcome:
        mu, logvar = model.encode(batch)
        reconstruction = model.decode(sample(mu, logvar) if model.training else mu)
        mse = (reconstruction - batch).square().mean()
        kl = kl_divergence(mu, logvar)
        return Outcome(mse + kl_weight * kl, len(batch), parts={"mse": mse, "kl": kl})

    return outcome


@torch.inference_mode()
def represent(
    model: VAE, signatures: np.ndarray, layers: Sequence[str] = LAYERS
) -> dict[str, np.ndarray]:
    """Return representations of signatures by the name of the layer, each (n, width) float32;
    nothing is drawn.

    Parameters
    ----------
    model : VAE
    signatures : (n, G) array
    layers : sequence of str
        Of `LAYERS`.
    """
    model.eval()
    x = torch.as_tensor(np.asarray(signatures, np.float32), device=next(model.parameters()).device)
    first = model.encoder[:2](x)  # (n, H)
    second = model.encoder[2:](first)  # (n, H)
    mu = model.mu(second)  # (n, L)
    dec_h1 = model.decoder[:2](mu)  # (n, H)
    found = {
        "raw": x,
        "e1": first,
        "e2": second,
        "mu": mu,
        "dec_h1": dec_h1,
        "dec_h2": model.decoder[2:4](dec_h1),
    }
    return {name: found[name].cpu().numpy() for name in layers}


@torch.inference_mode()
def reconstruct(model: VAE, signatures: np.ndarray) -> np.ndarray:
    """Return the reconstruction (n, G) from the means of the latents.

    Parameters
    ----------
    model : VAE
    signatures : (n, G) array
        z-scores.
    """
    model.eval()
    x = torch.as_tensor(np.asarray(signatures, np.float32), device=next(model.parameters()).device)
    return model.decode(model.encode(x)[0]).cpu().numpy()


@torch.inference_mode()
def sampled_mse(model: VAE, signatures: np.ndarray, rng: np.random.Generator) -> float:
    """Return the squared error with a drawn latent, which the published code calls validation.

    It is larger than that of the mean latent, which `reconstruct` gives, and differs by the draw.

    Parameters
    ----------
    model : VAE
    signatures : (n, G) array
    rng : Generator
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(rng.integers(2**63)))
        x = torch.as_tensor(np.asarray(signatures, np.float32))
        return float((model.decode(sample(*model.encode(x))) - x).square().mean())


@torch.inference_mode()
def decode(model: VAE, latents: np.ndarray) -> np.ndarray:
    """Return signatures (n, G) of latents (n, L).

    Parameters
    ----------
    model : VAE
    latents : (n, L) array
        In SDs of the prior.
    """
    model.eval()
    z = torch.as_tensor(np.asarray(latents, np.float32), device=next(model.parameters()).device)
    return model.decode(z).cpu().numpy()


@torch.inference_mode()
def dimension_kl(model: VAE, signatures: np.ndarray) -> np.ndarray:
    """Return the mean KL divergence of each latent dimension from its prior, (L,), in nats.

    Parameters
    ----------
    model : VAE
    signatures : (n, G) array
    """
    model.eval()
    x = torch.as_tensor(np.asarray(signatures, np.float32), device=next(model.parameters()).device)
    mu, logvar = model.encode(x)
    return (-0.5 * (1 + logvar - mu.square() - logvar.exp())).mean(dim=0).cpu().numpy()


def _tanh_layers(*sizes: int) -> nn.Sequential:
    """Return linear layers between the sizes, a tanh after each."""
    layers: list[nn.Module] = []
    for n_in, n_out in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(n_in, n_out), nn.Tanh()]
    return nn.Sequential(*layers)
