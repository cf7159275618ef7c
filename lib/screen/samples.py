"""The pixels behind a table of nuclei: 8-bit until a step needs them, in memory where they fit,
else in the stores.

`lib.screen.loaders` makes batches of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from lib.data.errors import InputError
from lib.images.nuclei_store import SUFFIX, NucleiStore, open_store
from lib.run import store

INPUTS = {
    "nucleus": "nuclei",
    "region": "regions",
    "binary_nucleus": "nuclei",
    "binary_region": "regions",
}
"""Input of a network → array of the stores. A binary input is 255 wherever the 8-bit pixel is not
0; the paper binarises a region before it is resized, the stores hold it resized."""

SHARE_OF_MEMORY = 0.25  # of what is free, that pixels may take
READ_ROWS = 1024  # rows of a store in memory at one time


@dataclass(frozen=True)
class Samples:
    """Pixels of `n` nuclei, each input (n, side, side) uint8, in memory or in the stores of their
    plates.

    Parameters
    ----------
    inputs : tuple of str
        What a network sees, in order: nucleus, region, binary_nucleus, binary_region.
    size : int
        Side of the network's input in pixels (paper: 224).
    stores : tuple of NucleiStore
        Open stores, one per plate.
    plate, row : (n,) int
        Number of the nucleus's store, and its row there.
    pixels : mapping
        Input → (n, side, side) uint8 tensor; empty if they stay on disk.
    """

    inputs: tuple[str, ...]
    size: int
    stores: tuple[NucleiStore, ...]
    plate: np.ndarray
    row: np.ndarray
    pixels: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.row)

    def n_bytes(self) -> int:
        """Return the bytes that all pixels take in memory."""
        sides = [min(self.size, self.stores[0].shape(INPUTS[name])[1]) for name in self.inputs]
        return len(self) * sum(side**2 for side in sides)

    def subset(self, rows: np.ndarray) -> "Samples":
        """Return some of the nuclei, in the order of `rows`.

        Parameters
        ----------
        rows : (k,) int array
            Positions among the samples.

        Returns
        -------
        Samples
        """
        pixels = {
            name: values[torch.as_tensor(rows, device=values.device)]
            for name, values in self.pixels.items()
        }
        return replace(self, plate=self.plate[rows], row=self.row[rows], pixels=pixels)

    def loaded(self, *, limit: int | None = None) -> "Samples":
        """Return these samples with their pixels in memory if they take at most `limit` bytes, else
        as they are.

        By default a quarter of the free memory is allowed. Where the pixels lie changes no number.

        Parameters
        ----------
        limit : int, optional
            Bytes allowed.

        Returns
        -------
        Samples
        """
        # read once where there is room, else anew in every epoch
        if self.pixels or self.n_bytes() > (
            _free_memory() * SHARE_OF_MEMORY if limit is None else limit
        ):
            return self
        pixels = {name: self._load(name) for name in self.inputs}
        return replace(self, pixels=pixels)

    def to(self, device: torch.device) -> "Samples":
        """Return these samples with their pixels on a GPU, if they are in memory and take at most
        half of the GPU's free memory.

        Parameters
        ----------
        device : torch.device
            Any but a GPU leaves the samples as they are.

        Returns
        -------
        Samples
        """
        if (
            device.type != "cuda"
            or not self.pixels
            or self.n_bytes() > torch.cuda.mem_get_info(device)[0] / 2
        ):
            return self
        pixels = {name: values.to(device) for name, values in self.pixels.items()}
        return replace(self, pixels=pixels)

    def fetch(self, rows: np.ndarray) -> list[Tensor]:
        """Return the pixels of some nuclei, from memory or read from their stores.

        Parameters
        ----------
        rows : (k,) int array
            Positions among the samples.

        Returns
        -------
        list of Tensor
            One (k, side, side) uint8 tensor per input; side is `size`, or that of the stores where
            smaller.
        """
        if self.pixels:
            return [
                self.pixels[name][torch.from_numpy(rows).to(self.pixels[name].device)]
                for name in self.inputs
            ]
        return [self._read(name, rows) for name in self.inputs]

    def _read(self, name: str, rows: np.ndarray) -> Tensor:
        """Read rows from the stores, binarise them, and shrink them if the network wants less."""
        side = self.stores[0].shape(INPUTS[name])[1]
        found = np.empty((len(rows), side, side), np.uint8)  # (k, side, side)
        for plate in np.unique(self.plate[rows]):
            here = np.flatnonzero(self.plate[rows] == plate)  # one read per plate
            found[here] = self.stores[plate].read(INPUTS[name], self.row[rows[here]])
        return as_input(found, name, self.size)

    def _load(self, name: str) -> Tensor:
        """Read all rows in pieces: never more than a piece at its full size."""
        order = np.lexsort((self.row, self.plate))  # as they lie on disk
        pieces = [order[start : start + READ_ROWS] for start in range(0, len(order), READ_ROWS)]
        pixels = torch.empty((len(self), *self._read(name, order[:1]).shape[1:]), dtype=torch.uint8)
        for rows in pieces:
            pixels[torch.from_numpy(rows)] = self._read(name, rows)
        return pixels


def in_memory(arrays: Mapping[str, np.ndarray], *, inputs: Sequence[str], size: int) -> Samples:
    """Return samples of nuclei that lie in no store, such as those of new images.

    Parameters
    ----------
    arrays : mapping of str to (n, side, side) uint8 array
        `nuclei` and `regions`, as far as the inputs need them.
    inputs, size
        As in `Samples`.

    Returns
    -------
    Samples
        With the pixels that the same nuclei would have in a store.
    """
    pixels = {name: as_input(arrays[INPUTS[name]], name, size) for name in inputs}
    n_nuclei = len(pixels[inputs[0]])
    rows = np.arange(n_nuclei)
    return Samples(tuple(inputs), size, (), np.zeros(n_nuclei, np.int64), rows, pixels)


def as_input(pixels: np.ndarray, name: str, size: int) -> Tensor:
    """Turn cut-out images into one input of a network: binarised if so named, shrunk if larger.

    Parameters
    ----------
    pixels : (n, side, side) uint8 array
    name : str
        One of `INPUTS`.
    size : int
        Side that the network wants; smaller images stay as they are.

    Returns
    -------
    (n, s, s) uint8 tensor
        s is the smaller of `size` and side.
    """
    found = torch.from_numpy(np.ascontiguousarray(pixels))  # (n, side, side)
    if name.startswith("binary_"):
        found = (found > 0).to(torch.uint8) * 255  # as the 8-bit pixels of the other inputs
    return resize(found, size) if size < found.shape[-1] else found


def open_samples(
    nuclei: pd.DataFrame,
    stores_dir: str | Path,
    *,
    inputs: Sequence[str] = ("nucleus", "region"),
    size: int = 224,
) -> Samples:
    """Find the pixels of the nuclei of a table; nothing is read yet.

    Parameters
    ----------
    nuclei : DataFrame
        Columns plate and row; sample i is row i of the table.
    stores_dir : path
        Folder of the stores, `<plate>.zarr.zip`.
    inputs, size
        As in `Samples`.

    Returns
    -------
    Samples

    Raises
    ------
    InputError
        For an unknown input, no nuclei, a plate without store, or a row that its store does not
        have.
    """
    if unknown := [name for name in inputs if name not in INPUTS]:
        raise InputError(f"input {unknown[0]!r}: expected {', '.join(INPUTS)}")
    if nuclei.empty or not 0 < len(inputs) < 3 or size < 8:
        raise InputError(
            f"{len(nuclei)} nuclei, inputs {list(inputs)}, size {size}: expected some, 1 or 2, 8 "
            "or more"
        )
    folder = store.resolve(stores_dir)
    codes, plates = pd.factorize(nuclei["plate"], sort=True)  # (n,) number of the store
    rows = nuclei["row"].to_numpy(np.int64)
    stores = []
    for code, plate in enumerate(plates):
        path = folder / f"{plate}{SUFFIX}"
        if not path.is_file():
            raise InputError(
                f"plate {plate} has nuclei in the table but no store {path}; make the stores again"
            )
        stores.append(open_store(path))
        # a table of another run is found here, before the training
        last = int(rows[codes == code].max())
        for array in {INPUTS[name] for name in inputs}:
            if array not in stores[-1].names or last >= stores[-1].shape(array)[0]:
                raise InputError(
                    f"{path.name} has no {array} of row {last}: table and stores are of different "
                    "runs"
                )
    return Samples(tuple(inputs), size, tuple(stores), codes, rows)


def resize(pixels: Tensor, size: int) -> Tensor:
    """Resize images as Pillow's bilinear filter does, to within one grey level.

    Parameters
    ----------
    pixels : (n, side, side) uint8 tensor
    size : int
        Side of the result in pixels.

    Returns
    -------
    (n, size, size) uint8 tensor
    """
    if pixels.shape[-1] == size and pixels.shape[-2] == size:
        return pixels
    shrinks = size < max(
        pixels.shape[1:]
    )  # only then does Pillow's filter reach further than the neighbours
    scaled = functional.interpolate(
        pixels[:, None].float(), (size, size), mode="bilinear", antialias=shrinks
    )
    return scaled[:, 0].round_().clamp_(0, 255).to(torch.uint8)  # (n, size, size)


def class_weights(targets: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the weight of each class, inverse to its size and summing to 1.

    Parameters
    ----------
    targets : (n,) int array
        Class of every training sample, 0 … n_classes − 1.
    n_classes : int
        C.

    Returns
    -------
    (C,) float array

    Raises
    ------
    InputError
        If a class has no training sample.

    References
    ----------
    Image2Reg weighs the cross-entropy by the sizes of the classes in the training table.

    Examples
    --------
    >>> class_weights(np.array([0, 0, 0, 1]), 2).tolist()
    [0.25, 0.75]
    """
    counts = np.bincount(targets, minlength=n_classes)
    if len(counts) > n_classes or not counts.all():
        raise InputError(
            f"{int((counts == 0).sum())} of {n_classes} classes have no training sample: "
            f"{counts.tolist()}"
        )
    weights = len(targets) / counts  # (C,)
    return weights / weights.sum()


def _free_memory() -> int:
    import psutil

    return psutil.virtual_memory().available
