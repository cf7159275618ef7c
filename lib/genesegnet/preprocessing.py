"""Raw slides → stores of crops, one per split, and what later steps must know of how they were
made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.genesegnet import crops
from lib.genesegnet import labels as label_images
from lib.genesegnet.samples import Reading, Sample, read_all
from lib.run import store

ABOUT = "about.json"


@dataclass(frozen=True)
class Cutting:
    """How slides become crops; the defaults are the published ones.

    Parameters
    ----------
    n_crops, side : int
        Crops per slide, and their side in pixels.
    sigma : float
        Of the location map, in pixels.
    per_crop : bool
        Scale every crop by its own percentiles, as published, instead of the slide's.
    """

    n_crops: int = 100
    side: int = 256
    sigma: float = 7.0
    per_crop: bool = False


def cut_all(samples: Sequence[Sample], cutting: Cutting, *, seed: int) -> crops.Crops:
    """Cut the crops of several slides.

    Parameters
    ----------
    samples : sequence of Sample
    cutting : Cutting
    seed : int
        Of the corners, the same for each slide, as published.

    Returns
    -------
    Crops
    """
    parts = []
    for sample in samples:
        # one seed for every slide, as published
        corners = crops.draw_corners(sample.shape, cutting.n_crops, cutting.side, seed=seed)
        cut = crops.cut(
            sample, corners, cutting.side, sigma=cutting.sigma, per_crop=cutting.per_crop
        )
        parts.append(cut)
    return crops.join(parts)


def write_splits(
    folder: Path | str,
    samples: Sequence[Sample],
    splits: Mapping[str, Sequence[str]],
    cutting: Cutting,
    *,
    reading: Reading | None = None,
    seed: int = crops.SEED,
) -> dict[str, Path]:
    """Write `train.zip` and `val.zip` and, in `about.json`, splits, reading and cutting.

    Test slides are not cut: they are segmented whole, and their labels are never rewritten.
    """
    folder = Path(store.resolve(folder))
    by_name = {sample.name: sample for sample in samples}
    written = {}
    for split in ("train", "val"):
        chosen = cut_all([by_name[name] for name in splits[split]], cutting, seed=seed)
        written[split] = crops.write(folder / f"{split}.zip", chosen)
    about = {"splits": dict(splits), "reading": asdict(reading or Reading()), "seed": seed}
    store.write_json(folder / ABOUT, about | asdict(cutting))
    return written


def cut_widths(
    raw: Path | str, about: Mapping[str, Any], sigmas: Sequence[float], folder: Path | str
) -> dict[float, Path]:
    """Cut the training and validation slides again with other widths of the location map.

    Parameters
    ----------
    raw : path
        The raw folder.
    about : mapping
        Of the first cutting: `read_about`.
    sigmas : sequence of float
        Widths in pixels.

    Returns
    -------
    dict
        Width → its folder of stores.
    """
    found = read_all(raw, Reading(**about["reading"])) if sigmas else []
    folders = {}
    for sigma in sigmas:
        folders[sigma] = Path(store.resolve(folder)) / f"{sigma:g}"
        cutting = Cutting(about["n_crops"], about["side"], sigma, about["per_crop"])
        write_splits(folders[sigma], found, about["splits"], cutting, seed=about["seed"])
    return folders


def read_about(folder: Path | str) -> dict[str, Any]:
    """Read what `write_splits` noted."""
    return store.read_json(Path(folder) / ABOUT)


def describe(samples: Sequence[Sample], splits: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Describe the slides and what was noted when they were read.

    Parameters
    ----------
    samples : sequence of Sample
    splits : mapping
        Split → names.

    Returns
    -------
    DataFrame
        One row per slide: split, size, cells and their diameter in pixels, spots used, notes.
    """
    split_of = {name: split for split, names in splits.items() for name in names}
    rows = [
        {
            "sample": sample.name,
            "split": split_of.get(sample.name, ""),
            "rows": sample.shape[0],
            "columns": sample.shape[1],
            "cells": 0
            if sample.labels is None
            else len(np.unique(sample.labels[sample.labels > 0])),
            "diameter": np.nan if sample.labels is None else label_images.diameter(sample.labels),
            "spots": len(sample.rows),
            "notes": "; ".join(sample.notes),
        }
        for sample in samples
    ]
    return pd.DataFrame(rows)
