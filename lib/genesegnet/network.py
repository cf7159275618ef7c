"""The residual U-Net of GeneSegNet: stain and location map in, flow and cell logit out.

Parameter names are those of Cellpose 2 and 3, so that a published state dict fits; upsampling is
bilinear, as in the reference, and the style vector is switched by one setting that travels with the
weights.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 8  # sides of an input must be multiples of it
FLOW_Y, FLOW_X, CELL, CENTRE = range(4)  # channels of the output


@dataclass(frozen=True)
class Architecture:
    """What must be the same where weights are trained and where they are used.

    Parameters
    ----------
    n_channels : int
        Input channels, the location map last: 2 for a grey stain, 4 for a colour image, 1 for an
        ablation.
    widths : tuple of int
        Channels of the stages; the paper's are 32, 64, 128, 256.
    residual, style, concatenation : bool
        The published switches: residual blocks, style vector, skips that are concatenated instead
        of added.
    centre : bool
        A fourth output, the map of cell centres of the early public design.
    """

    n_channels: int = 2
    widths: tuple[int, ...] = (32, 64, 128, 256)
    residual: bool = True
    style: bool = False
    concatenation: bool = False
    centre: bool = False

    @property
    def n_outputs(self) -> int:
        """Number of output channels: flow-y, flow-x, cell and, where asked for, centre."""
        return 4 if self.centre else 3


class SegmentationNetwork(nn.Module):
    """Encoder and decoder with skips; a style vector is taken from the deepest stage.

    Shapes: input (B, C, H, W) with H and W multiples of 8 → output (B, 3 or 4, H, W): flow-y and
    flow-x, both five times the unit vector, then the logit of being in a cell, then the centre map.
    Source: specification of the released code; Wang et al., Genome Biology 24:235 (2023).

    Examples
    --------
    >>> network = SegmentationNetwork(Architecture(widths=(4, 8)))
    >>> network(torch.zeros(1, 2, 16, 16)).shape
    torch.Size([1, 3, 16, 16])
    """

    def __init__(
        self, architecture: Architecture | None = None, *, diameter_mean: float = 34.0
    ) -> None:
        super().__init__()
        self.architecture = a = architecture or Architecture()
        down = (a.n_channels, *a.widths)
        up = (*a.widths, a.widths[-1])
        self.downsample = _Encoder(down, residual=a.residual)
        self.upsample = _Decoder(up, residual=a.residual, concatenation=a.concatenation)
        self.output = _convolution(up[0], a.n_outputs, size=1)
        self.diam_mean = _constant(diameter_mean)  # diameter that training scales cells to
        self.diam_labels = _constant(diameter_mean)  # mean diameter of the training images

    def forward(self, x: Tensor) -> Tensor:
        """Return flow, cell logit and, where there is one, the centre map."""
        stages = self.downsample(x)
        style = stages[-1].mean(dim=(2, 3))  # (B, widths[-1])
        style = style / (style.square().sum(dim=1, keepdim=True).double().sqrt().to(style) + 1e-12)
        style = style * float(self.architecture.style)
        return self.output(self.upsample(style, stages))


class _Encoder(nn.Module):
    def __init__(self, widths: tuple[int, ...], *, residual: bool) -> None:
        super().__init__()
        self.down = nn.Sequential()
        for n, (width, wider) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            self.down.add_module(f"res_down_{n}", _Down(width, wider, residual=residual))

    def forward(self, x: Tensor) -> list[Tensor]:
        stages = []
        for n, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if n else x)
            stages.append(x)
        return stages


class _Decoder(nn.Module):
    def __init__(self, widths: tuple[int, ...], *, residual: bool, concatenation: bool) -> None:
        super().__init__()
        self.up = nn.Sequential()
        n_style = widths[-1]
        for n, (narrow, width) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            block = _Up(width, narrow, n_style, residual=residual, concatenation=concatenation)
            self.up.add_module(f"res_up_{n}", block)

    def forward(self, style: Tensor, stages: list[Tensor]) -> Tensor:
        x = stages[-1]
        for n in reversed(range(len(self.up))):
            if n < len(self.up) - 1:
                x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = self.up[n](x, stages[n], style)
        return x


class _Down(nn.Module):
    """Four convolutions in two residual steps, or two convolutions in a row."""

    def __init__(self, width: int, wider: int, *, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.conv = nn.Sequential()
        for n in range(4 if residual else 2):
            self.conv.add_module(f"conv_{n}", _convolution(wider if n else width, wider))
        if residual:
            self.proj = _projection(width, wider)

    def forward(self, x: Tensor) -> Tensor:
        if not self.residual:
            return self.conv(x)
        x = self.proj(x) + self.conv[1](self.conv[0](x))
        return x + self.conv[3](self.conv[2](x))


class _Up(nn.Module):
    """A convolution, one that takes skip and style, and two more with style."""

    def __init__(
        self, width: int, narrow: int, n_style: int, *, residual: bool, concatenation: bool
    ) -> None:
        super().__init__()
        self.residual = residual
        self.conv = nn.Sequential()
        self.conv.add_module("conv_0", _convolution(width, narrow))
        for n in range(1, 4 if residual else 2):
            block = _StyledConvolution(narrow, n_style, concatenation=concatenation and n == 1)
            self.conv.add_module(f"conv_{n}", block)
        if residual:
            self.proj = _projection(width, narrow)

    def forward(self, x: Tensor, skip: Tensor, style: Tensor) -> Tensor:
        y = self.conv[1](self.conv[0](x), style, skip)
        if not self.residual:
            return y
        y = self.proj(x) + y
        return y + self.conv[3](self.conv[2](y, style), style)


class _StyledConvolution(nn.Module):
    """A convolution after the style, through a linear layer of its own, is added to every pixel."""

    def __init__(self, width: int, n_style: int, *, concatenation: bool) -> None:
        super().__init__()
        self.concatenation = concatenation
        n_in = 2 * width if concatenation else width
        self.conv = _convolution(n_in, width)
        self.full = nn.Linear(n_style, n_in)

    def forward(self, x: Tensor, style: Tensor, skip: Tensor | None = None) -> Tensor:
        if skip is not None:
            x = torch.cat([skip, x], dim=1) if self.concatenation else x + skip
        return self.conv(x + self.full(style)[:, :, None, None])


def _convolution(n_in: int, n_out: int, *, size: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(n_in, n_out, size, padding=size // 2)
    return nn.Sequential(nn.BatchNorm2d(n_in, eps=1e-5), nn.ReLU(), convolution)


def _projection(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(n_in, eps=1e-5), nn.Conv2d(n_in, n_out, 1))


def _constant(value: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor([float(value)]), requires_grad=False)
