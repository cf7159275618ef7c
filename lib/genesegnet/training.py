"""Train a network on crops, and again on its own refined predictions."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lib.genesegnet import augmentation, prediction, refine
from lib.genesegnet.crops import Crops, with_cells
from lib.genesegnet.dynamics import Settings as MaskSettings
from lib.genesegnet.flows import FLOW_SCALE
from lib.genesegnet.network import CELL, CENTRE, Architecture, SegmentationNetwork
from lib.learning import training
from lib.learning.metrics import Outcome
from lib.learning.schedules import WarmUp
from lib.learning.training import Batches, Fitted, Settings


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters of one training; the defaults are the published ones.

    Parameters
    ----------
    learning_rate, weight_decay : float
    n_epochs, batch_size : int
    tile : int
        Side of the training windows in pixels.
    diameter_mean : float
        Size in pixels that cells are scaled to.
    min_cells : int
        Crops with fewer cells are left out.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    n_epochs: int = 500
    batch_size: int = 8
    tile: int = 224
    diameter_mean: float = 34.0
    min_cells: int = 1
    n_warm_up: int = 10

    def settings(self) -> Settings:
        """Return the settings of the training loop: AdamW, warm-up, and from 250 epochs on halvings
        at the end.
        """
        # ten blocks of ten epochs, the last of which the published list never reaches
        halve_from = self.n_epochs - 90 if self.n_epochs > 250 else None
        return Settings(
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
            max_epochs=self.n_epochs,
            patience=None,
            optimiser="adamw",
            schedule=WarmUp(self.n_warm_up, halve_from),
            score="last_epoch",
        )


def build(
    architecture: Architecture, rng: np.random.Generator, *, diameter_mean: float = 34.0
) -> SegmentationNetwork:
    """Return a network with weights drawn by `rng` alone; torch's own random state stays.

    Parameters
    ----------
    architecture : Architecture
    rng : Generator
    diameter_mean : float
        Size in pixels that training scales cells to.

    Returns
    -------
    SegmentationNetwork
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(rng.integers(2**63)))
        return SegmentationNetwork(architecture, diameter_mean=diameter_mean)


def loss(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Outcome:
    """Return mean squared error of five times the flow plus cross-entropy of the cell map, over all
    pixels.

    Shapes: inputs (n, channels, H, W), fields (n, 2 or 3, H, W), cells (n, 1, H, W). Where the
    network has a centre map, its mean squared error is a third term.
    """
    device = next(model.parameters()).device
    inputs, fields, cells = (part.to(device) for part in batch)
    output = model(inputs).float()
    flow = functional.mse_loss(output[:, :CELL], FLOW_SCALE * fields[:, :2])
    cell = functional.binary_cross_entropy_with_logits(output[:, CELL : CELL + 1], cells)
    parts = {"flow": flow, "cell": cell}
    if output.shape[1] > CENTRE:
        parts["centre"] = functional.mse_loss(output[:, CENTRE], fields[:, 2])
    return Outcome(sum(parts.values()), len(inputs), parts=parts)


def train(
    train_crops: Crops,
    val_crops: Crops | None,
    *,
    architecture: Architecture | None = None,
    recipe: Recipe | None = None,
    rng: np.random.Generator,
    progress: str = "",
) -> tuple[SegmentationNetwork, Fitted]:
    """Train a new network; the last epoch's weights are kept, as published.

    Parameters
    ----------
    train_crops, val_crops : Crops
        Validation is watched and decides nothing.
    rng : Generator
        Draws weights, order and augmentation.

    Raises
    ------
    ValueError
        If no crop has enough cells.
    """
    architecture, recipe = architecture or Architecture(), recipe or Recipe()
    network = build(architecture, rng, diameter_mean=recipe.diameter_mean)
    kept = with_cells(train_crops, recipe.min_cells)
    if not len(kept):
        raise ValueError(f"none of {len(train_crops)} crops has {recipe.min_cells} cells or more")
    data, run = _epochs(kept, architecture, recipe)
    validation = None
    if val_crops is not None:
        shown = with_cells(val_crops, recipe.min_cells)
        validation = _epochs(shown if len(shown) else val_crops, architecture, recipe)[1]
    with torch.no_grad():
        network.diam_labels.fill_(float(data.diameters.mean()))
    network.to(memory_format=torch.channels_last)  # a fifth less time on a CPU
    fitted = training.fit(
        network, run, validation, loss=loss, rng=rng, settings=recipe.settings(), progress=progress
    )
    return network.to(memory_format=torch.contiguous_format), fitted


def relabel(
    network: SegmentationNetwork,
    crops: Crops,
    *,
    round_number: int,
    min_area: int = refine.MIN_AREA,
    masks: MaskSettings | None = None,
    look_at_image: bool = False,
    n_passes: int = 2,
) -> Crops:
    """Return crops whose labels are the network's own predictions, refined; for training and
    validation only.

    Test labels are never replaced: the published code does, after which its scores compare
    predictions with predictions. A network that finds no cell at all has nothing to teach: labels
    stay.

    Parameters
    ----------
    round_number : int
        The round that has ended, from 1; the published refinement depends on it.
    min_area : int
        Smallest label in pixels.
    look_at_image : bool
        Move outlines to edges of stain and spots instead of growing them as published.
    n_passes : int
        Pixels by which the published refinement makes a cell larger.
    """
    found = []
    for crop, labels in zip(
        crops.inputs, prediction.segment(network, crops.inputs, masks), strict=True
    ):
        labels = refine.tidy(labels, min_area=min_area)
        if look_at_image:
            labels = refine.follow_image(labels, crop[0], crop[-1])
        else:
            labels = refine.grow_as_published(labels, round_number=round_number, n_passes=n_passes)
        found.append(refine.tidy(labels, min_area=min_area))
    labels = np.stack(found)
    return crops.with_labels(labels) if labels.any() else crops


def _epochs(
    crops: Crops, architecture: Architecture, recipe: Recipe
) -> tuple[augmentation.Targets, Batches]:
    """Return the targets of crops, and their epochs."""
    data = augmentation.targets(
        crops, centre=architecture.centre, diameter_mean=recipe.diameter_mean
    )
    run = augmentation.batches(
        data, batch_size=recipe.batch_size, tile=recipe.tile, diameter_mean=recipe.diameter_mean
    )
    return data, run
