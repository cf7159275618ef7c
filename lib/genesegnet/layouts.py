"""Folders of slides: a lab's own brought into the raw layout, and samples written in it."""

import os
import shutil
from pathlib import Path

from lib.data.errors import InputError, listed
from lib.genesegnet import instruments, pictures
from lib.genesegnet.samples import FOLDERS, Sample, find
from lib.run import store

PCISEQ = {"labels": "label_image.coo.npz", "spots": "spots.csv"}


def take_in(source: str | os.PathLike, folder: str | os.PathLike) -> Path:
    """Bring a lab's own folder into the raw layout, whatever known layout it has.

    Parameters
    ----------
    source : path
        With `images`, `labels` and `spots` (linked); a MERSCOPE region (read and written, its
        outlines as labels); or pciSeq's `label_image.coo.npz` and `spots.csv`, which have no stain
        and are enough to map transcripts.
    folder : path

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If no layout is known, or the readers refuse what is there.
    """
    source, folder = Path(store.resolve(source)), Path(store.resolve(folder))
    if any((source / name).is_dir() for name in FOLDERS):
        return link(source, folder)
    shutil.rmtree(folder, ignore_errors=True)
    if (source / instruments.TRANSFORM).exists():
        size = instruments.pixel_size(source / instruments.TRANSFORM)
        return write(folder, instruments.read_merscope(source), pixel_size=size)
    if all((source / name).exists() for name in PCISEQ.values()):
        for kind, name in PCISEQ.items():
            (folder / kind).mkdir(parents=True)
            place = folder / kind / f"{source.name}{Path(name).suffix}"
            place.symlink_to(source / name)
        return folder
    raise InputError(
        "no layout that is known",
        file=source,
        fix="expected folders images, labels and spots, a MERSCOPE region with its transform, or "
        f"pciSeq's {listed(PCISEQ.values())}",
    )


def write(folder: str | os.PathLike, sample: Sample, *, pixel_size: float | None = None) -> Path:
    """Write a sample in the raw layout, such as one read from an instrument's files.

    Parameters
    ----------
    folder : path
    sample : Sample
    pixel_size : float, optional
        µm per pixel, kept in the image.

    Returns
    -------
    Path
        The folder.
    """
    folder = Path(store.resolve(folder))
    image = folder / "images" / f"{sample.name}.tif"
    pictures.write_image(image, sample.stain, pixel_size=pixel_size)
    if sample.labels is not None:
        pictures.write_labels(folder / "labels" / f"{sample.name}.png", sample.labels)
    table = sample.spots.rename(columns={"x": "spotX", "y": "spotY"})
    store.write_table(folder / "spots" / f"{sample.name}.csv", table)
    return folder


def link(source: str | os.PathLike, folder: str | os.PathLike) -> Path:
    """Take a lab's own folder in by links, after its files were paired; nothing is copied.

    Parameters
    ----------
    source : path
        In the raw layout; `images`, `labels` or `truth` may be absent.
    folder : path
        What was linked there before is taken away.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If files cannot be paired, see `find`.
    """
    source, folder = Path(store.resolve(source)), Path(store.resolve(folder))
    find(source, kinds=[name for name in FOLDERS if (source / name).is_dir()] or FOLDERS)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*FOLDERS, "truth"):
        place = folder / name
        if place.is_symlink():
            place.unlink()
        elif place.exists():
            shutil.rmtree(place)
        if (source / name).is_dir():
            place.symlink_to(source / name, target_is_directory=True)
    return folder
