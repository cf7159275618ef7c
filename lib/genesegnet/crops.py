"""Samples → crops: the training set as one Zarr store per split, with all crops of a sample in the
same split.
"""

import os
import random
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.data.errors import InputError
from lib.genesegnet.location import SIGMA, location_map
from lib.genesegnet.samples import Sample
from lib.run import store

SEED = 1  # of the published crops, the same for every sample


@dataclass(frozen=True)
class Crops:
    """Crops of one split, all of one size.

    Attributes
    ----------
    inputs : (n, channels, side, side) float32
        Normalised stain and, last, location map.
    labels : (n, side, side) int32
    samples : (n,) str
        Sample that each crop was cut from.
    corners : (n, 2) int
        Its first row and column.
    """

    inputs: np.ndarray
    labels: np.ndarray
    samples: np.ndarray
    corners: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, which: np.ndarray) -> "Crops":
        """Return some of the crops."""
        return Crops(*(getattr(self, name)[which] for name in ARRAYS))

    def with_labels(self, labels: np.ndarray) -> "Crops":
        """Return the same crops with other labels."""
        return Crops(self.inputs, labels, self.samples, self.corners)


ARRAYS = ("inputs", "labels", "samples", "corners")


def draw_corners(
    shape: tuple[int, int], n_crops: int = 100, side: int = 256, *, seed: int = SEED
) -> np.ndarray:
    """Return where crops start, as the published script draws them: rows first, both ends included.

    Returns
    -------
    (n_crops, 2) int

    Raises
    ------
    InputError
        If the sample is smaller than a crop.

    Examples
    --------
    >>> draw_corners((300, 400), 2).tolist()
    [[8, 16], [16, 30]]
    """
    if min(shape) < side:
        raise InputError(f"a sample of {shape} pixels for crops of {side}", fix="use smaller crops")
    draw = random.Random(seed)
    rows_first = (
        (draw.randint(0, shape[0] - side), draw.randint(0, shape[1] - side)) for _ in range(n_crops)
    )
    return np.array(list(rows_first))


def normalise(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale an image so that two of its levels become 0 and 1, without clipping; 0 where they are
    equal.

    Examples
    --------
    >>> normalise(np.array([100, 10100]), 100, 10100)
    array([0., 1.], dtype=float32)
    """
    if high - low <= 1e-3:
        return np.zeros(image.shape, np.float32)
    return ((image.astype(np.float32) - np.float32(low)) / np.float32(high - low)).astype(
        np.float32
    )


def levels(
    image: np.ndarray, percentiles: tuple[float, float] = (1.0, 99.0)
) -> tuple[float, float]:
    """Return the dark and the bright level of an image: the 1st and the 99th percentile.

    Where half a percent of a slide is nuclei both lie in the background, and scaling would blow up
    its noise. The bright level is then raised to the 99.9th percentile, or to the maximum.
    """
    low, high = np.percentile(image, percentiles)
    for percent in (99.9, 100.0):
        top = np.percentile(image, percent)
        if high - low > 0.1 * (top - low):
            break
        high = top
    return float(low), float(high)


def channels(sample: Sample, *, sigma: float = SIGMA, per_crop: bool = False) -> np.ndarray:
    """Return the network's input for a whole sample: normalised stain and location map.

    Levels are those of the whole sample, so that neighbouring crops and windows have one contrast;
    `per_crop` leaves the stain's raw values, for the published way of scaling each crop by itself.

    Returns
    -------
    (2 or 4, rows, columns) float32
    """
    spots = location_map(sample.rows, sample.columns, sample.shape, sigma=sigma)
    planes = sample.stain[None] if sample.stain.ndim == 2 else np.moveaxis(sample.stain, -1, 0)
    if per_crop:
        return np.stack([*planes.astype(np.float32), spots])
    return np.stack([*(normalise(plane, *levels(plane)) for plane in planes), spots])


def cut(
    sample: Sample,
    corners: np.ndarray,
    side: int = 256,
    *,
    sigma: float = SIGMA,
    per_crop: bool = False,
) -> Crops:
    """Cut a labelled sample, with one location map for the whole of it.

    So no crop lacks the spots beside it.

    Parameters
    ----------
    sample : Sample
    corners : (n, 2) int
    side : int
        Rows and columns of a crop.
    sigma : float
        Of the location map, in pixels.
    per_crop : bool
        Scale every crop by its own percentiles, location map included, as published.
    """
    if sample.labels is None:
        raise InputError(f"the sample {sample.name} has no labels", fix="training needs them")
    whole = channels(sample, sigma=sigma, per_crop=per_crop)
    windows = np.lib.stride_tricks.sliding_window_view(whole, (side, side), axis=(1, 2))
    inputs = np.moveaxis(windows[:, corners[:, 0], corners[:, 1]], 0, 1).copy()
    if per_crop:
        low, high = np.percentile(inputs, [1, 99], axis=(2, 3), keepdims=True)
        flat = high - low <= 1e-3
        inputs = np.where(flat, 0, (inputs - low) / np.where(flat, 1, high - low)).astype(
            np.float32
        )
    views = np.lib.stride_tricks.sliding_window_view(sample.labels, (side, side))
    labels = views[corners[:, 0], corners[:, 1]].astype(np.int32)
    return Crops(inputs, labels, np.repeat(sample.name, len(corners)), corners)


def split(
    names: Sequence[str], shares: tuple[float, float, float], rng: np.random.Generator
) -> dict[str, list[str]]:
    """Deal whole samples out to train, val and test.

    A sample is the unit: its crops overlap, so two splits that share a sample would share pixels.
    Every split gets at least one sample.

    Raises
    ------
    InputError
        For fewer than three samples, or a name that occurs twice.
    """
    if len(names) < 3 or len(set(names)) < len(names):
        raise InputError(
            f"{len(set(names))} different samples of {len(names)}; a split needs three"
        )
    order = [names[k] for k in rng.permutation(len(names))]
    n_val, n_test = (max(1, round(share / sum(shares) * len(names))) for share in shares[1:])
    parts = {
        "test": order[:n_test],
        "val": order[n_test : n_test + n_val],
        "train": order[n_test + n_val :],
    }
    if not parts["train"]:
        raise InputError(f"no sample of {len(names)} is left for training", fix="lower the shares")
    return {name: sorted(parts[name]) for name in ("train", "val", "test")}


def join(parts: Sequence[Crops]) -> Crops:
    """Join the crops of several samples."""
    return Crops(*(np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS))


def with_cells(crops: Crops, min_cells: int = 1) -> Crops:
    """Return the crops that show at least `min_cells` cells."""
    order = np.sort(crops.labels.reshape(len(crops), -1), axis=1)
    counts = (np.diff(order, axis=1) != 0).sum(axis=1) + (order[:, 0] > 0)
    return crops.take(counts >= min_cells)


def write(path: str | os.PathLike, crops: Crops) -> Path:
    """Write crops as one zipped Zarr store, whole or not at all.

    Its members carry no date, as Zarr's own would: equal crops give equal bytes.
    """
    import zarr

    path, members = Path(store.resolve(path)), {}
    attributes = {"samples": crops.samples.tolist()}
    group = zarr.create_group(zarr.storage.MemoryStore(members), attributes=attributes)
    for name in ("inputs", "labels", "corners"):
        values = getattr(crops, name)
        group.create_array(name, data=values, chunks=(min(8, len(values)), *values.shape[1:]))
    with store.atomic(path) as part, zipfile.ZipFile(part, "w") as archive:
        for name, content in sorted(members.items()):
            archive.writestr(zipfile.ZipInfo(name), content.to_bytes())
    return path


def read(path: str | os.PathLike) -> Crops:
    """Read what `write` wrote.

    Raises
    ------
    InputError
        If it is no store of crops.
    """
    import zarr

    path = Path(store.resolve(path))
    if not zipfile.is_zipfile(path):
        raise InputError("no store of crops", file=path, fix="make it again by the preprocessing")
    try:
        with zarr.storage.ZipStore(path, mode="r") as file:
            group = zarr.open_group(file, mode="r")
            arrays = {name: group[name][:] for name in ("inputs", "labels", "corners")}
            return Crops(samples=np.array(group.attrs["samples"], dtype=str), **arrays)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"no store of crops ({type(error).__name__})", file=path) from None
