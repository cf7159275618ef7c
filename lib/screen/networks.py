"""Networks of the screen: the two-branch ResNet-18 ensemble, its single branch, a small one, a
linear one.

All but the last take a list of image batches, each (n, 3, s, s), and give logits (n, C); `embed`
gives what lies before the classifier. Names of the two-branch network's weights are those of the
published files: `models.0.*` (nucleus), `models.1.*` (region), `encoder.*`,
`output_layer.{0,1,2}.*`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.error import URLError

import numpy as np
import torch
from torch import Tensor, nn

from lib.data.errors import InputError
from lib.learning import randomness
from lib.learning.exact import square_root
from lib.learning.weights import load, put, read_card, read_state

N_POOLED = 512  # outputs of a ResNet-18 branch, pooled and after its new linear layer alike
SMALL_LAYERS = ((16, 7, 4), (32, 3, 2))  # of the small branch: channels, kernel, stride


@dataclass(frozen=True)
class Architecture:
    """Sizes and kind of a network.

    Parameters
    ----------
    n_classes : int
        C, outputs. Paper: 2 in the screen, 42 conditions, 41 with one left out, 32 in JUMP.
    embedding_size : int
        L, width of the embedding layer of a two-branch network. Paper: 512 in the screen, else
        1024.
    kind : str
        `resnet18` as in the paper, or `small` for images of about 32 pixels.
    n_inputs : int
        2 for nucleus and region, 1 for one of them (the paper's ablations).
    n_extra : int
        Further numbers per nucleus that join the embedding before the classifier.

    Raises
    ------
    ValueError
        For another kind or number of inputs, fewer than two classes, or no embedding.
    """

    n_classes: int
    embedding_size: int = 1024
    kind: Literal["resnet18", "small"] = "resnet18"
    n_inputs: int = 2
    n_extra: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("resnet18", "small") or self.n_inputs not in (1, 2):
            raise ValueError(f"{self}: expected kind resnet18 or small, and 1 or 2 inputs")
        if min(self.n_classes - 1, self.embedding_size, self.n_extra + 1) < 1:
            raise ValueError(f"{self}: expected two classes or more, and an embedding")

    @property
    def n_channels(self) -> int:
        """Channels that the network looks at: images are grey, so three say no more than one."""
        return 1 if self.kind == "small" else 3


class TwoBranch(nn.Module):
    """Nucleus and region through branches of their own, joined in one embedding layer.

    Shapes: images 2 × (n, 3, s, s), extra (n, n_extra) → embedding (n, L) → logits (n, C).

    Parameters
    ----------
    branches : sequence of Module
        One per input, each giving (n, n_features).
    n_features : int
        Outputs of a branch.
    shape : Architecture
        Sizes of the layers behind the branches.
    """

    def __init__(self, branches: Sequence[nn.Module], n_features: int, shape: Architecture) -> None:
        super().__init__()
        self.n_channels = shape.n_channels
        self.models = nn.ModuleList(branches)
        self.encoder = nn.Linear(len(self.models) * n_features, shape.embedding_size)
        width = shape.embedding_size + shape.n_extra  # L + n_extra
        self.output_layer = nn.Sequential(
            nn.BatchNorm1d(width), nn.PReLU(), nn.Linear(width, shape.n_classes)
        )

    def embed(self, images: Sequence[Tensor]) -> Tensor:
        """Return the embedding, before any non-linearity and without the extra numbers.

        Parameters
        ----------
        images : sequence of (n, c, s, s) Tensor
            One per branch, nucleus first.

        Returns
        -------
        (n, L) Tensor
        """
        # one (n, n_features) per branch, nucleus first
        features = [branch(image) for branch, image in zip(self.models, images, strict=True)]
        return self.encoder(torch.cat(features, dim=1))  # (n, L)

    def classify(self, embedding: Tensor, extra: Tensor | None = None) -> Tensor:
        """Return the logits of embeddings.

        Parameters
        ----------
        embedding : (n, L) Tensor
        extra : (n, n_extra) Tensor, optional
            Further numbers per nucleus, if the architecture has them.

        Returns
        -------
        (n, C) Tensor
        """
        return self.output_layer(
            embedding if extra is None else torch.cat([embedding, extra], dim=1)
        )  # (n, C)

    def forward(self, images: Sequence[Tensor], extra: Tensor | None = None) -> Tensor:
        return self.classify(self.embed(images), extra)


class OneBranch(nn.Module):
    """One image through one branch and a linear classifier; its embedding is the pooled features.

    Parameters
    ----------
    branch : Module
        (n, c, s, s) → (n, n_features).
    n_features : int
        512 of a ResNet-18, 96 of a small branch.
    shape : Architecture
        Its number of classes and of channels.
    """

    def __init__(self, branch: nn.Module, n_features: int, shape: Architecture) -> None:
        super().__init__()
        self.n_channels = shape.n_channels
        self.branch = branch
        self.classifier = nn.Linear(n_features, shape.n_classes)

    def embed(self, images: Sequence[Tensor]) -> Tensor:
        (image,) = images
        return self.branch(image)  # (n, pooled)

    def classify(self, embedding: Tensor) -> Tensor:
        """Return the logits of embeddings."""
        return self.classifier(embedding)

    def forward(self, images: Sequence[Tensor]) -> Tensor:
        return self.classify(self.embed(images))


class SmallBranch(nn.Module):
    """Two convolutions, the mean and spread of their maps over space: (n, c, s, s) → (n, 96).

    Means and spreads of every layer's maps tell size, condensation and texture after a few hundred
    samples, which the last maps of a deeper network do not; half of them are dropped in training.
    The channels of a grey image are one up to a constant, so the first is enough.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for n_in, (n_out, kernel, stride) in zip(
            (1, *(layer[0] for layer in SMALL_LAYERS)), SMALL_LAYERS, strict=False
        ):
            convolution = nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False)
            self.layers.append(nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU()))
        self.n_features = 2 * sum(layer[0] for layer in SMALL_LAYERS)  # mean and spread: 96
        self.pooled = nn.Sequential(nn.BatchNorm1d(self.n_features), nn.Dropout(0.5))

    def forward(self, image: Tensor) -> Tensor:
        maps, features = image[:, :1], []
        for layer in self.layers:
            # layer by layer: maps, then their mean and spread over space
            maps = layer(maps)  # (n, width, s/4, s/4)
            mean = maps.mean(dim=(2, 3), keepdim=True)  # (n, width, 1, 1)
            spread = square_root((maps - mean).square().mean(dim=(2, 3)).add(1e-5))  # (n, width)
            features += [mean[:, :, 0, 0], spread]
        return self.pooled(torch.cat(features, dim=1))


def build(
    architecture: Architecture, rng: np.random.Generator, *, imagenet: str | Path | None = None
) -> TwoBranch | OneBranch:
    """Return an initialised network.

    Parameters
    ----------
    architecture : Architecture
    rng : Generator
        One draw from it seeds the initial weights; torch's global random state stays as it is.
    imagenet : str or Path, optional
        Weights that ResNet-18 branches start from: a file with torchvision's names, or `download`
        for torchvision's own. The classifier layers are always new.

    Returns
    -------
    TwoBranch or OneBranch
        By the number of inputs. The paper's two-branch networks have 23,405,187 parameters in the
        screen and 23,973,035 for 42 classes.

    Raises
    ------
    InputError
        If the weights cannot be read or fetched, or are not those of a ResNet-18.
    """
    # so that two networks built in one process do not depend on each other
    with randomness.own_weights(int(rng.integers(2**63))):
        branches, n_features = _branches(architecture)
        if architecture.n_inputs == 2:
            model: TwoBranch | OneBranch = TwoBranch(branches, n_features, architecture)
        else:
            model = OneBranch(branches[0], n_features, architecture)
    if imagenet and architecture.kind == "resnet18":
        weights = imagenet_weights(imagenet)
        for branch in branches:
            put(branch, {**weights, **_own_classifier(branch)}, Path(imagenet).name)
    return model


def unpack(source: bytes | str | Path) -> TwoBranch | OneBranch:
    """Return the network that a file of weights describes, with its weights, on the CPU.

    Parameters
    ----------
    source : bytes or path
        As `lib.learning.weights.pack` and `save` give them.

    Returns
    -------
    TwoBranch or OneBranch
        In evaluation mode.

    Raises
    ------
    InputError
        If the file is absent, changed, or of another network.
    """
    architecture = Architecture(**read_card(source).architecture)
    model = build(architecture, np.random.default_rng(0))  # weights are replaced below
    load(source, model)
    return model


def _branches(architecture: Architecture) -> tuple[list[nn.Module], int]:
    if architecture.kind == "small":
        small = [SmallBranch() for _ in range(architecture.n_inputs)]
        return list(small), small[0].n_features
    return [
        _resnet18(last_layer=architecture.n_inputs == 2) for _ in range(architecture.n_inputs)
    ], N_POOLED


def _resnet18(*, last_layer: bool) -> nn.Module:
    """Return a ResNet-18 whose last layer is a new linear 512 → 512, or that ends with its pooled
    features."""
    from torchvision.models import resnet18

    branch = resnet18(weights=None)
    # the published two-branch weights keep a 512 → 512 layer in place of ImageNet's classifier
    branch.fc = nn.Linear(N_POOLED, N_POOLED) if last_layer else nn.Identity()
    return branch


def _own_classifier(branch: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in branch.state_dict().items() if name.startswith("fc.")}


def imagenet_weights(source: str | Path) -> dict[str, Tensor]:
    """Return ImageNet weights of a ResNet-18 without its classifier.

    Parameters
    ----------
    source : str or Path
        A file with torchvision's names, or `download` for torchvision's `IMAGENET1K_V1`.

    Returns
    -------
    dict of str to Tensor

    Raises
    ------
    InputError
        If the file is absent or no state dict, or the download fails.
    """
    if str(source) != "download":
        weights = read_state(source)
    else:
        from torchvision.models import ResNet18_Weights

        enum = ResNet18_Weights.IMAGENET1K_V1
        try:
            weights = enum.get_state_dict(progress=False, check_hash=True)
        except (URLError, OSError, RuntimeError) as error:
            raise InputError(
                f"ImageNet weights of ResNet-18 could not be fetched from {enum.url} ({error}); "
                "where there is no network, download that file elsewhere and give its path instead "
                "of `download`"
            ) from None
    return {name: value for name, value in weights.items() if not name.startswith("fc.")}
