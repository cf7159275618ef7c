"""Units of the chapter, for `lib.run.compute.run_units`: train, relabel, score, segment, map.

Each writes one file, whole or not at all; weights carry their card, so that a network is built for
use as it was built for training.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.genesegnet import (
    crops,
    mapping,
    networks,
    pictures,
    samples,
    scoring,
    slides,
    stitching,
    tiling,
    training,
)
from lib.genesegnet.dynamics import Settings
from lib.genesegnet.network import SegmentationNetwork
from lib.learning import weights
from lib.run import compute, store


def train_unit(
    part: Path,
    *,
    seed: int,
    train: Path,
    val: Path,
    architecture: Mapping[str, Any],
    recipe: Mapping[str, Any],
    inputs: crops.Inputs = "both",
    about: Mapping[str, Any] | None = None,
) -> None:
    """Train one network on a store of crops; write its weights with their card.

    Parameters
    ----------
    train, val : Path
        Stores of crops.
    architecture, recipe : mapping
        Arguments of `Architecture` and `training.Recipe`.
    inputs : both, stain or rna
        What the network may look at.
    about : mapping, optional
        What the card says of the inputs besides, such as sigma.
    """
    kind, plan = networks.architecture(architecture), training.Recipe(**recipe)
    splits = [crops.read(path) for path in (train, val)]
    shown = [
        crops.Crops(crops.only(split.inputs, inputs), split.labels, split.samples, split.corners)
        for split in splits
    ]
    rng = np.random.default_rng(seed)
    network, fitted = training.train(*shown, architecture=kind, recipe=plan, rng=rng)
    card = weights.Card(
        architecture=asdict(kind),
        settings=plan.settings().as_dict(),
        origin={path.name: store.sha256(path) for path in (train, val)},
        inputs={"which": inputs, "recipe": asdict(plan), **(about or {})},
        history={
            **fitted.summary(),
            "train_loss": fitted.history["train_loss"].tolist(),
            "val_loss": fitted.history["val_loss"].tolist(),
        },
    )
    weights.save(part, network, card)


def relabel_unit(
    part: Path,
    *,
    seed: int,
    network: Path,
    source: Path,
    round_number: int,
    min_area: int,
    look_at_image: bool = False,
    n_passes: int = 2,
    masks: Mapping[str, Any] | None = None,
) -> None:
    """Replace the labels of a store of crops by refined predictions; nothing is drawn by chance."""
    trained, _ = networks.open_network(network)
    new = training.relabel(
        trained,
        crops.read(source),
        round_number=round_number,
        min_area=min_area,
        masks=Settings(**(masks or {})),
        look_at_image=look_at_image,
        n_passes=n_passes,
    )
    crops.write(part, new)


def train_rounds(
    train: Path,
    val: Path,
    *,
    n_rounds: int,
    directory: Path | str,
    seed: int,
    options: Mapping[str, Any],
    relabel: Mapping[str, Any],
) -> list[Path]:
    """Train, relabel training and validation crops, and train anew; return the weights of every
    round.

    Parameters
    ----------
    n_rounds : int
        The published number is 3.
    directory : path
        Folder of the units' files.
    options, relabel : mapping
        Further arguments of `train_unit` and of `relabel_unit`.
    """
    found = []
    for number in range(1, n_rounds + 1):
        name = f"round_{number}"
        unit = {name: {"train": train, "val": val, **options}}
        made = compute.run_units(
            train_unit, unit, directory=directory, suffix=".safetensors", seed=seed
        )
        found.append(made[name])
        # the last round's predictions would teach nobody
        if number < n_rounds:
            common = {"network": made[name], "round_number": number, **relabel}
            parts = {
                f"{k}_{number + 1}": {"source": v, **common}
                for k, v in (("train", train), ("val", val))
            }
            new = compute.run_units(
                relabel_unit, parts, directory=directory, suffix=".zip", seed=seed
            )
            train, val = new[f"train_{number + 1}"], new[f"val_{number + 1}"]
    return found


def score_unit(
    part: Path,
    *,
    seed: int,
    network: Path,
    raw: Path,
    names: Sequence[str],
    sigma: float,
    plan: Mapping[str, Any],
    masks: Mapping[str, Any],
    reading: Mapping[str, Any] | None = None,
    diameter: float | None = None,
) -> None:
    """Segment held-out slides as the network was trained and write their scores, one row per slide
    and overlap.
    """
    trained, card = networks.open_network(network)
    found = []
    for sample in samples.read_some(raw, names, reading):
        slide = slides.from_sample(sample, sigma=sigma, inputs=card.inputs["which"])
        labels, _ = slides.segment(
            trained, slide, tiling.Plan(**plan), settings=Settings(**masks), diameter=diameter
        )
        for reference, truth in scoring.references(raw, sample).items():
            found.append(scoring.scored(sample, truth, labels).assign(reference=reference))
    pd.concat(found, ignore_index=True).to_parquet(part)


def tile_unit(
    part: Path,
    *,
    seed: int,
    network: Path,
    raw: Path,
    name: str,
    number: int,
    sigma: float,
    plan: Mapping[str, Any],
    masks: Mapping[str, Any],
    reading: Mapping[str, Any] | None = None,
    diameter: float | None = None,
) -> None:
    """Segment one tile of a slide and write its cells; tiles go to any machine in any order.

    Parameters
    ----------
    network : Path
        Weights, see `networks.open_network`.
    raw : Path
        Folder of slides; of the slide `name` the image and the spots are read, once per worker.
    number : int
        Of the tile, as `tiling.tiles` orders them.
    sigma : float
        Of the location map, in pixels.
    plan, masks, reading : mapping
        Arguments of `tiling.Plan`, `dynamics.Settings` and `samples.Reading`.
    diameter : float, optional
        Size of the cells in pixels; default: that of training.
    """
    text = json.dumps(reading or {}, sort_keys=True)
    trained, slide = _opened(str(network), str(raw), name, text, sigma, _state(network, raw, name))
    cut = tiling.Plan(**plan)
    tile = tiling.tiles(slide.shape, cut)[number]
    cells = slides.segment_tile(
        trained, slide, tile, cut, settings=Settings(**masks), diameter=diameter
    )
    stitching.write_tile(part, cells)


def estimate_diameter(
    *,
    network: Path,
    raw: Path,
    name: str,
    sigma: float,
    plan: Mapping[str, Any],
    masks: Mapping[str, Any],
    reading: Mapping[str, Any] | None = None,
    **_: Any,
) -> float:
    """Estimate the diameter of a slide's cells; arguments are those of `tile_unit`.

    Returns
    -------
    float
        In pixels, see `slides.estimate_diameter`.
    """
    text = json.dumps(reading or {}, sort_keys=True)
    trained, slide = _opened(str(network), str(raw), name, text, sigma, _state(network, raw, name))
    return slides.estimate_diameter(trained, slide, tiling.Plan(**plan), settings=Settings(**masks))


@lru_cache(maxsize=1)
def _opened(
    network: str, raw: str, name: str, reading: str, sigma: float, state: tuple
) -> tuple[SegmentationNetwork, slides.Slide]:
    """Read network and slide once for all tiles that a process segments; `state` tells old files
    from new ones.
    """
    trained, card = networks.open_network(network)
    (sample,) = samples.read_some(raw, [name], json.loads(reading), labelled=False)
    return trained, slides.from_sample(sample, sigma=sigma, inputs=card.inputs["which"])


def _state(network: Path, raw: Path, name: str) -> tuple:
    """Return time and size of the files that a tile is made from."""
    files = [Path(network), *samples.find(raw, labelled=False)[name].values()]
    found = [store.resolve(path).stat() for path in files]
    return tuple((entry.st_mtime_ns, entry.st_size) for entry in found)


def segment_slide(
    shape: tuple[int, int], *, directory: Path | str, **arguments: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Run `tile_unit` for every tile of a slide and join them; arguments are those of `tile_unit`.

    Returns
    -------
    labels, confidence : see `slides.segment`
    """
    n_tiles = len(tiling.tiles(shape, tiling.Plan(**arguments["plan"])))
    units = {f"{arguments['name']}_{k}": {**arguments, "number": k} for k in range(n_tiles)}
    paths = compute.run_units(tile_unit, units, directory=directory, suffix=".npz")
    parts = [stitching.read_tile(path) for path in paths.values()]
    return stitching.stitch(parts, np.zeros(shape, np.int32))


def map_unit(
    part: Path, *, seed: int, labels: Path, spots: Path, options: Mapping[str, Any]
) -> None:
    """Assign the spots of one slide to its cells and write them.

    Parameters
    ----------
    labels, spots : Path
        Labels of any tool, and a table of spots.
    options : mapping
        Further arguments of `mapping.assign_file`.
    """
    mapping.assign_file(spots, pictures.read_labels(labels), part, **options)
