"""Crops → batches: targets, and one affine warp per crop that turns the flow with the picture."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lib.genesegnet.crops import Crops
from lib.genesegnet.flows import centre_map, label_flows
from lib.genesegnet.labels import diameter
from lib.learning.training import Batches, row_batches

VALIDATION_SEED = 42  # of the published validation
MIN_DIAMETER = 5.0  # pixels, below which a crop is not enlarged further


@dataclass(frozen=True)
class Warps:
    """Drawn transforms of n crops.

    Attributes
    ----------
    flip : (n,) bool
        Mirrored left to right, before all else.
    angle : (n,) float
        Radians, from the columns' axis towards the rows'.
    scale : (n,) float
    shift : (n, 2) float
        Rows and columns, in pixels of the result.
    """

    flip: np.ndarray
    angle: np.ndarray
    scale: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class Targets:
    """Crops with what the network is to predict from them, kept on the CPU.

    Attributes
    ----------
    inputs : (n, channels, side, side) Tensor
    fields : (n, 2 or 3, side, side) Tensor
        Flow along rows and columns and, where wanted, the centre map.
    cells : (n, 1, side, side) Tensor
        1 in a cell.
    diameters : (n,) float
        Median diameter of each crop's cells in pixels.
    """

    inputs: Tensor
    fields: Tensor
    cells: Tensor
    diameters: np.ndarray


def targets(crops: Crops, *, centre: bool = False, diameter_mean: float = 34.0) -> Targets:
    """Compute flows and cell maps of labelled crops; a crop without cells counts as of the mean
    diameter.
    """
    fields = np.stack([label_flows(labels) for labels in crops.labels])
    if centre:
        maps = np.stack([centre_map(labels) for labels in crops.labels])
        fields = np.concatenate([fields, maps[:, None]], axis=1)
    sizes = np.array([diameter(labels) for labels in crops.labels])
    cells = torch.from_numpy((crops.labels > 0)[:, None].astype(np.float32))
    diameters = np.where(np.isnan(sizes), diameter_mean, sizes)
    return Targets(torch.from_numpy(crops.inputs), torch.from_numpy(fields), cells, diameters)


def draw(
    diameters: np.ndarray,
    side: int,
    tile: int,
    rng: np.random.Generator,
    *,
    diameter_mean: float = 34.0,
    jitter: float = 0.5,
) -> Warps:
    """Draw a flip, an angle, a scale that brings cells to the mean size, and a shift for every
    crop.

    Parameters
    ----------
    diameters : (n,) float
        Of each crop's cells, in pixels.
    side, tile : int
        Side of the crops and of the result.
    diameter_mean : float
        Size that cells are brought to, in pixels.
    jitter : float
        Width of the range of scales around it: 0.5 for 0.75 to 1.25.
    """
    n = len(diameters)
    flip, angle = rng.random(n) > 0.5, 2 * np.pi * rng.random(n)
    to_mean = diameter_mean / np.maximum(diameters, MIN_DIAMETER)
    scale = (1 - jitter / 2 + jitter * rng.random(n)) * to_mean
    room = np.maximum(0, side * scale - tile)
    return Warps(flip, angle, scale, room[:, None] * (rng.random((n, 2)) - 0.5))


def warp(images: Tensor, warps: Warps, tile: int, *, nearest: bool = False) -> Tensor:
    """Resample images (n, channels, side, side) to (n, channels, tile, tile); outside is 0."""
    height, width = images.shape[-2:]
    rows, columns = np.mgrid[:tile, :tile] - (tile - 1) / 2.0
    y = rows - warps.shift[:, 0, None, None]  # (n, tile, tile)
    x = columns - warps.shift[:, 1, None, None]
    cosine, sine = (f(warps.angle)[:, None, None] for f in (np.cos, np.sin))
    scale = warps.scale[:, None, None]
    x_in, y_in = (x * cosine + y * sine) / scale, (y * cosine - x * sine) / scale
    x_in = np.where(warps.flip[:, None, None], -x_in, x_in)
    grid = np.stack([x_in * 2 / (width - 1), y_in * 2 / (height - 1)], axis=-1)
    places = torch.from_numpy(grid).to(images)
    mode = "nearest" if nearest else "bilinear"
    return functional.grid_sample(images, places, mode=mode, align_corners=True)


def turn_flows(fields: Tensor, warps: Warps) -> Tensor:
    """Turn flow vectors (n, 2 or more, …), rows first, as the picture was turned."""
    sign = torch.from_numpy(np.where(warps.flip, -1.0, 1.0)).to(fields)[:, None, None]
    cosine, sine = (
        torch.from_numpy(f(warps.angle)).to(fields)[:, None, None] for f in (np.cos, np.sin)
    )
    along_rows, along_columns = fields[:, 0], fields[:, 1] * sign
    turned = [
        along_columns * sine + along_rows * cosine,
        along_columns * cosine - along_rows * sine,
    ]
    return torch.cat([torch.stack(turned, dim=1), fields[:, 2:]], dim=1)


def batches(
    data: Targets, *, batch_size: int = 8, tile: int = 224, diameter_mean: float = 34.0
) -> Batches:
    """Return the epochs of training: every crop once, warped anew; for validation the same warps
    every time.

    Batches are (inputs, fields, cells), shapes as in `Targets` with `tile` for the side.
    """

    def epoch(rng: np.random.Generator | None) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        draws = rng or np.random.default_rng(VALIDATION_SEED)
        jitter = 0.5 if rng is not None else 0.0
        side = data.inputs.shape[-1]
        for rows in row_batches(len(data.inputs), batch_size, rng):
            drawn = draw(
                data.diameters[rows], side, tile, draws, diameter_mean=diameter_mean, jitter=jitter
            )
            smooth = torch.cat([data.inputs[rows], data.fields[rows]], dim=1)
            smooth = warp(smooth, drawn, tile)
            inputs, fields = smooth.split([data.inputs.shape[1], data.fields.shape[1]], dim=1)
            yield (
                # batch normalisation of a slice rounds otherwise on another processor
                inputs.contiguous(),
                turn_flows(fields, drawn),
                warp(data.cells[rows], drawn, tile, nearest=True),
            )

    return epoch
