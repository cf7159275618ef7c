"""The raw layout: a folder with images, labels and spots, one file of each per sample, paired by
name.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.genesegnet import coordinates, pictures
from lib.genesegnet import labels as label_images
from lib.genesegnet import spots as spot_tables
from lib.run import store

FOLDERS = {
    "images": pictures.SUFFIXES,
    "labels": (".png", ".tif", ".tiff", ".mat", ".npz"),
    "spots": (".csv", ".parquet", ".tsv", ".gz"),
}
WORDS = ("_image", "_label", "_labels", "_spots", "_spot", "_gaumap_all", "label_")


@dataclass(frozen=True)
class Sample:
    """One slide or field of view.

    Attributes
    ----------
    name : str
    stain : (rows, columns[, 3]) uint8 or uint16
    labels : (rows, columns) int32, or None
    spots : DataFrame
        `x`, `y` in pixels, `gene`, and more where the file has it.
    rows, columns : (n,) int
        Pixels of the spots inside the image.
    inside : (spots,) bool
        Which rows of the table these are.
    notes : tuple of str
        What was found on the way in and did not stop it: counts of spots outside, of cells in
        pieces.
    """

    name: str
    stain: np.ndarray
    labels: np.ndarray | None
    spots: pd.DataFrame
    rows: np.ndarray
    columns: np.ndarray
    inside: np.ndarray
    notes: tuple[str, ...] = field(default=())

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the image."""
        return self.stain.shape[:2]


@dataclass(frozen=True)
class Reading:
    """How raw files are to be understood.

    Parameters
    ----------
    pixel_size : float, optional
        µm per pixel of spots in µm; None for spots in pixels.
    origin : `corner` or `centre`
        What coordinate 0 is: the corner of the first pixel or its centre.
    min_qv : float
        Quality below which a transcript is left out, where the file has it.
    n_channels : int
        1 for a grey stain, 3 for a colour image.
    split_masks : bool
        Number the pieces of a mask instead of refusing it.
    """

    pixel_size: float | None = None
    origin: coordinates.Origin = "corner"
    min_qv: float = 20.0
    n_channels: int = 1
    split_masks: bool = False


def find(
    folder: str | os.PathLike, *, labelled: bool = True, kinds: Sequence[str] = tuple(FOLDERS)
) -> dict[str, dict[str, Path]]:
    """Pair the files of a raw folder by name.

    The published script pairs files by their place in a sorted list, which pairs wrongly without a
    word when one is missing. Here the names must agree, but for a word such as `_image` or
    `_label`.

    Parameters
    ----------
    folder : path
    labelled : bool
        Whether labels are wanted.
    kinds : sequence of str
        Folders that are looked at, of `images`, `labels` and `spots`.

    Returns
    -------
    dict
        Name → kind → file; every sample has a file of each kind.

    Raises
    ------
    InputError
        If a folder is missing or empty, a name occurs twice, or a file has no partner: all of them
        named.
    """
    folder = Path(store.resolve(folder))
    wanted = [name for name in kinds if labelled or name != "labels"]
    found = {name: _by_name(folder / name, FOLDERS[name]) for name in wanted}
    every = sorted(set().union(*found.values()))
    faults = [
        f"{name} has no file in {listed(kind for kind in wanted if name not in found[kind])}"
        for name in every
        if any(name not in found[kind] for kind in wanted)
    ]
    if faults:
        raise InputError(
            f"{len(faults)} of {len(every)} samples are incomplete: {listed(faults)}",
            file=folder,
            fix="give the files of one sample the same name",
        )
    return {name: {kind: found[kind][name] for kind in wanted} for name in every}


def read_all(
    folder: str | os.PathLike, reading: Reading | None = None, *, labelled: bool = True
) -> list[Sample]:
    """Read every sample of a folder, or name every file that cannot be used.

    Parameters
    ----------
    folder : path
    reading : Reading, optional
    labelled : bool
        Whether labels are wanted.

    Returns
    -------
    list of Sample
        By name.

    Raises
    ------
    InputError
        With the faults of all samples in one message.
    """
    samples, faults = [], []
    for name, files in find(folder, labelled=labelled).items():
        try:
            samples.append(read(name, files, reading))
        except InputError as error:
            faults.append(str(error))
    if faults:
        n_samples = len(samples) + len(faults)
        raise InputError(f"{len(faults)} of {n_samples} samples cannot be used: {listed(faults)}")
    return samples


def read(name: str, files: dict[str, Path], reading: Reading | None = None) -> Sample:
    """Read one sample.

    Parameters
    ----------
    name : str
    files : dict
        `images`, `spots` and, where there are any, `labels`: path.
    reading : Reading, optional

    Returns
    -------
    Sample

    Raises
    ------
    InputError
        For files of different sizes, spots that cannot belong to the image, an empty label, and
        what the readers of images, labels and tables refuse.
    """
    reading = reading or Reading()
    stain = pictures.read_stain(files["images"], n_channels=reading.n_channels)
    shape = stain.shape[:2]
    labels = None
    if "labels" in files:
        labels = pictures.read_labels(files["labels"], shape=shape, split=reading.split_masks)
        label_images.require_cells(labels, file=files["labels"])
    spots = coordinates.to_pixels(spot_tables.read(files["spots"]), pixel_size=reading.pixel_size)
    coordinates.check_extent(spots, shape, file=files["spots"])
    return assemble(name, stain, labels, spots, reading)


def read_some(
    raw: str | os.PathLike,
    names: Sequence[str],
    reading: Mapping[str, Any] | None = None,
    *,
    labelled: bool = True,
) -> list[Sample]:
    """Read samples of a raw folder by name.

    Parameters
    ----------
    raw : path
    names : sequence of str
    reading : mapping, optional
        Arguments of `Reading`.
    labelled : bool
        Whether labels are wanted.

    Returns
    -------
    list of Sample
        In the order of the names.

    Raises
    ------
    InputError
        If there is no sample of a name, or it cannot be used.
    """
    files = find(raw, labelled=labelled)
    missing = sorted(set(names) - set(files))
    if missing:
        raise InputError(f"no sample {', '.join(missing)}; there are {', '.join(files)}", file=raw)
    return [read(name, files[name], Reading(**(reading or {}))) for name in names]


def assemble(
    name: str,
    stain: np.ndarray,
    labels: np.ndarray | None,
    spots: pd.DataFrame,
    reading: Reading | None = None,
) -> Sample:
    """Place spots on pixels, take stray pixels of cells away, and note what was found.

    Parameters
    ----------
    name : str
    stain : (rows, columns[, 3]) uint8 or uint16
    labels : (rows, columns) int, or None
    spots : DataFrame
        `x` and `y` in pixels, `gene`.
    reading : Reading, optional

    Returns
    -------
    Sample
        Its notes also say if the spots would lie much better after a turn of the image; nothing is
        turned.
    """
    reading = reading or Reading()
    rows, columns, inside = coordinates.pixels(spots, stain.shape[:2], origin=reading.origin)
    good = spot_tables.quality(spots, min_qv=reading.min_qv) == "gene"
    # the table keeps every spot; the location map takes these
    used = inside & good
    notes = (
        [f"{(~inside).sum()} of {len(spots)} spots lie outside the image"]
        if not inside.all()
        else []
    )
    notes += [f"{(~good).sum()} spots are controls or of low quality"] if not good.all() else []
    foreground = _bright(stain) if labels is None else labels > 0
    notes += [words] if (words := coordinates.orientation_warning(spots, foreground)) else []
    if labels is not None:
        notes += [words] if (words := label_images.describe_pieces(labels)) else []
        labels = label_images.largest_pieces(labels)[0]
    return Sample(name, stain, labels, spots, rows[used], columns[used], inside, tuple(notes))


def _bright(stain: np.ndarray) -> np.ndarray:
    """Return where a stain is bright, by Otsu's threshold of every eighth pixel."""
    from skimage.filters import threshold_otsu

    grey = stain if stain.ndim == 2 else stain.max(axis=-1)
    some = grey[::8, ::8]
    return grey > (threshold_otsu(some) if some.min() < some.max() else some.max())


def _by_name(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Return name → file; the name is the file's without suffix and the word for its kind."""
    if not folder.is_dir():
        raise InputError(
            "there is no such folder", file=folder, fix="expected images, labels and spots"
        )
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in suffixes]
    if not files:
        raise InputError(f"the folder has no file of {listed(suffixes)}", file=folder)
    names: dict[str, Path] = {}
    for path in files:
        name = path.name.split(".")[0]
        for word in WORDS:
            name = name.removesuffix(word) if word.startswith("_") else name.removeprefix(word)
        if name in names:
            raise InputError(
                f"{names[name].name} and {path.name} are both of sample {name!r}", file=folder
            )
        names[name] = path
    return names
