"""Images → maps → cells, for pieces that fit into memory."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lib.genesegnet.dynamics import Masks, Settings, find_masks
from lib.genesegnet.network import CELL, CENTRE, SegmentationNetwork

MARGIN = 8  # pixels of zeros around what the network sees, as published


@torch.inference_mode()
def maps(
    network: SegmentationNetwork,
    inputs: np.ndarray,
    *,
    diameter: float | None = None,
    batch_size: int = 8,
) -> np.ndarray:
    """Return the network's maps of images of one size.

    Parameters
    ----------
    network : SegmentationNetwork
    inputs : (n, channels, rows, columns) float32
        Normalised stain and location map.
    diameter : float, optional
        Size of the cells in pixels; images are scaled so that cells have the size of training.
        Default: the mean of the training images, which the weights carry.
    batch_size : int

    Returns
    -------
    (n, 3 or 4, rows, columns) float32
        Flow along rows and columns, five times the unit vector; cell logit; centre map where there
        is one.
    """
    network.eval()
    # cells are brought to the size of training
    factor = _factor(network, diameter)
    device = next(network.parameters()).device
    found = []
    for start in range(0, len(inputs), batch_size):
        batch = torch.from_numpy(np.ascontiguousarray(inputs[start : start + batch_size]))
        found.append(_pass(network, batch.to(device), factor).cpu().numpy())
    return np.concatenate(found)


def segment(
    network: SegmentationNetwork,
    inputs: np.ndarray,
    settings: Settings | None = None,
    *,
    diameter: float | None = None,
) -> Iterable[np.ndarray]:
    """Yield the labels of one image after the other.

    Parameters
    ----------
    network : SegmentationNetwork
    inputs : (n, channels, rows, columns) float32
    settings : Settings, optional
    diameter : float, optional
        As in `maps`.

    Yields
    ------
    (rows, columns) int32
    """
    for image in inputs:
        yield cells(maps(network, image[None], diameter=diameter)[0], settings).labels


def cells(found: np.ndarray, settings: Settings | None = None) -> Masks:
    """Return the cells of a network's maps.

    Parameters
    ----------
    found : (3 or 4, rows, columns) float
        Flow along rows and columns, logit and, where the network has one, centre map.
    settings : Settings, optional

    Returns
    -------
    Masks
    """
    centres = found[CENTRE] if len(found) > CENTRE else None
    return find_masks(found[:CELL], found[CELL], settings, centres=centres)


def _pass(network: SegmentationNetwork, images: Tensor, factor: float) -> Tensor:
    """Scale, surround with zeros so that sides suit the network, predict, and undo both."""
    rows, columns = images.shape[-2:]
    height, width = max(8, round(rows * factor)), max(8, round(columns * factor))
    scaled = _resize(images, height, width)
    down, across = (-size % 16 + 2 * MARGIN for size in (height, width))
    top, left = down // 2, across // 2
    padded = functional.pad(scaled, (left, across - left, top, down - top))
    output = network(padded)[..., top : top + height, left : left + width]
    return _resize(output, rows, columns)


def _resize(images: Tensor, rows: int, columns: int) -> Tensor:
    if images.shape[-2:] == (rows, columns):
        return images
    return functional.interpolate(images, (rows, columns), mode="bilinear", align_corners=False)


def _factor(network: SegmentationNetwork, diameter: float | None) -> float:
    size = float(network.diam_labels) if diameter is None else float(diameter)
    if not size > 0:
        raise ValueError(f"a cell diameter of {size} pixels; expected more than 0")
    return float(network.diam_mean) / size
