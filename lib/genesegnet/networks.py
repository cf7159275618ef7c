"""Trained networks as files: those of this chapter with their card, and the published ones."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from lib.data.errors import InputError
from lib.genesegnet.network import Architecture, SegmentationNetwork
from lib.learning import weights
from lib.learning.batches import pick_device
from lib.run import store

STYLE = re.compile(r"style_(on|off)")  # in the names that the published training gives its files


def architecture(values: Mapping[str, Any]) -> Architecture:
    """Return an architecture from plain values, such as those of a card.

    Parameters
    ----------
    values : mapping
        Arguments of `Architecture`; `widths` may be a list.

    Returns
    -------
    Architecture
    """
    return Architecture(**{**values, "widths": tuple(values["widths"])})


def open_network(path: str | os.PathLike) -> tuple[SegmentationNetwork, weights.Card]:
    """Read a network for use, on the GPU where there is one.

    Parameters
    ----------
    path : path
        Weights of this chapter, whose card says style, residual blocks and sizes of the training;
        or a published checkpoint, see `architecture_of`.

    Returns
    -------
    network : SegmentationNetwork
        In evaluation mode.
    card : Card
        For a published checkpoint only its architecture is known.

    Raises
    ------
    InputError
        If the file is absent, changed, has no card, or is of another network.
    """
    if not _is_torch_file(path):
        card = weights.read_card(path)
        network = SegmentationNetwork(architecture(card.architecture))
        weights.load(path, network)
        return network.to(pick_device()), card
    state = weights.read_state(path)
    kind = architecture_of(state, Path(path).name)
    # every weight must fit: `put` names the first that does not
    network = SegmentationNetwork(kind)
    weights.put(network, state, Path(path).name)
    card = weights.Card(vars(kind), {}, "published weights", inputs={"which": "both"})
    return network.eval().to(pick_device()), card


def architecture_of(state: Mapping[str, Tensor], name: str) -> Architecture:
    """Read from a published state dict and its file's name how the network was built.

    The released code takes the style vector for switched on whatever the name says, and loads what
    fits. Here the name is believed, and every weight must fit.

    Parameters
    ----------
    state : mapping of str to Tensor
    name : str
        Of the file, such as `GeneSegNet_residual_on_style_on_concatenation_off_…`.

    Returns
    -------
    Architecture

    Raises
    ------
    InputError
        If these are weights of another kind of network, or the name lacks `style_on` or
        `style_off`.
    """
    blocks = _first_convolutions(state)
    if not blocks:
        raise InputError("no weights of a GeneSegNet or Cellpose network", file=name)
    style = STYLE.search(name)
    if not style:
        raise InputError(
            "the name does not say whether the network was trained with its style vector",
            file=name,
            fix="put style_on or style_off into the file's name, as published",
        )
    widths = tuple(len(block) for block in blocks)
    return Architecture(
        n_channels=blocks[0].shape[1],
        widths=widths,
        residual="downsample.down.res_down_0.proj.0.weight" in state,
        style=style.group(1) == "on",
        concatenation=len(state["upsample.up.res_up_0.conv.conv_1.full.weight"]) > widths[0],
        centre=len(state["output.2.weight"]) == 4,
    )


def keep(paths: Sequence[Path], folder: Path | str) -> list[Path]:
    """Copy the weights of every round into an emptied folder.

    Parameters
    ----------
    paths : sequence of Path
        Of rounds 1, 2, … in this order.
    folder : path

    Returns
    -------
    list of Path
        `round_1.safetensors`, `round_2.safetensors`, …
    """
    folder = Path(store.resolve(folder))
    shutil.rmtree(folder, ignore_errors=True)
    kept = []
    for number, path in enumerate(paths, start=1):
        kept.append(folder / f"round_{number}.safetensors")
        with store.atomic(kept[-1]) as part:
            shutil.copyfile(path, part)
    return kept


def of_round(folder: Path | str, number: int) -> Path:
    """Return the weights of a round that `keep` kept.

    Parameters
    ----------
    folder : path
    number : int
        From 1; 0 is the last round.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If there are fewer rounds.
    """
    rounds = sorted(
        Path(folder).glob("round_*.safetensors"), key=lambda path: int(path.stem.split("_")[1])
    )
    if not 0 <= number <= len(rounds):
        raise InputError(f"round {number} of {len(rounds)}", file=folder, fix="0 is the last round")
    return rounds[number - 1]


def _is_torch_file(path: str | os.PathLike) -> bool:
    """Tell a file that torch wrote, a zip or a pickle, by its first bytes, whatever its name."""
    place = store.resolve(path)
    if not place.is_file():
        return False
    with place.open("rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02")


def _first_convolutions(state: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the first convolution of every stage of the encoder, as far as they go."""
    names = (f"downsample.down.res_down_{n}.conv.conv_0.2.weight" for n in range(len(state)))
    found = []
    for name in names:
        if name not in state:
            break
        found.append(state[name])
    return found
