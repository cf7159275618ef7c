"""Tissue with planted cells: whole-cell truth, a nuclear stain, transcripts of cell types, and
labels that are wrong.

Cells touch and are irregular; nuclei lie off the middle and some are out of focus, so that a stain
alone does not tell where a cell ends. Transcripts fill the whole cell. Labels for training are what
another tool might give: outlines that are off, cells that are missed, neighbours that are taken for
one.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.genesegnet import labels as label_images
from lib.genesegnet import pictures
from lib.run import store

N_NEAREST = 6  # cells that may claim a pixel


@dataclass(frozen=True)
class Tissue:
    """What is planted.

    Parameters
    ----------
    side : int
        Rows and columns of a slide in pixels.
    diameter : float
        Typical cell in pixels.
    crowding : float
        Share of a hexagonal packing that is filled with cells, in (0, 1].
    nucleus : float
        Diameter of nuclei, in cells.
    dim : float
        Share of nuclei that are out of focus.
    spots_per_cell : float
        Mean number of transcripts in a cell.
    stray : float
        Share of transcripts that lie anywhere.
    n_types, n_genes : int
        Cell types, and genes of the panel; each type has markers of its own.
    purity : float
        Share of a cell's transcripts that are of its type's markers.
    missed, merged : float
        Shares of cells that the noisy labels lack, or join to a neighbour.
    outline_noise : float
        Spread of the noisy outlines, in radii.
    """

    side: int = 256
    diameter: float = 18.0
    crowding: float = 0.75
    nucleus: float = 0.55
    dim: float = 0.15
    spots_per_cell: float = 30.0
    stray: float = 0.05
    n_types: int = 4
    n_genes: int = 24
    purity: float = 0.8
    missed: float = 0.1
    merged: float = 0.05
    outline_noise: float = 0.15


@dataclass(frozen=True)
class Slide:
    """One simulated slide.

    Attributes
    ----------
    stain : (rows, columns) uint16
    cells, nuclei, noisy_labels : (rows, columns) int32
        True cells, their nuclei with the same ids, and the labels for training.
    spots : DataFrame
        `x`, `y` in pixels, `gene`, and the planted `cell` (0: stray).
    types : (cells + 1,) int
        Type of each cell by id; −1 for background.
    """

    stain: np.ndarray
    cells: np.ndarray
    nuclei: np.ndarray
    noisy_labels: np.ndarray
    spots: pd.DataFrame
    types: np.ndarray


def slide(tissue: Tissue, rng: np.random.Generator) -> Slide:
    """Simulate one slide."""
    centres = _centres(tissue, rng)
    shapes = _Shapes.draw(centres, tissue, rng)
    cells = shapes.render(tissue.side)
    nuclei = np.where(_nuclei(shapes, tissue, rng) == cells, cells, 0)
    types = np.append(-1, rng.integers(tissue.n_types, size=len(centres)))
    stain = _stain(nuclei, tissue, rng)
    spots = _transcripts(cells, types, tissue, rng)
    noisy = _noisy(shapes, tissue, rng)
    return Slide(stain, cells, nuclei, noisy, spots, types)


def write(folder: str | os.PathLike, name: str, planted: Slide) -> Path:
    """Write a slide in the raw layout, its truth beside it (`truth`), and return the folder."""
    folder = Path(store.resolve(folder))
    pictures.write_image(folder / "images" / f"{name}.tif", planted.stain)
    pictures.write_labels(folder / "labels" / f"{name}.png", planted.noisy_labels)
    published = planted.spots.rename(columns={"x": "spotX", "y": "spotY"})
    columns = ["spotX", "spotY", "gene"]
    store.write_table(folder / "spots" / f"{name}.csv", published[columns].round(3))
    pictures.write_labels(folder / "truth" / f"{name}_cells.png", planted.cells)
    pictures.write_labels(folder / "truth" / f"{name}_nuclei.png", planted.nuclei)
    store.write_table(folder / "truth" / f"{name}_spots.csv", planted.spots.round(3))
    ids = np.arange(1, len(planted.types))
    table = pd.DataFrame({"cell": ids, "type": planted.types[1:]})
    store.write_table(folder / "truth" / f"{name}_types.csv", table)
    return folder


def write_all(folder: str | os.PathLike, tissue: Tissue, n_slides: int, *, seed: int) -> Path:
    """Simulate slides `slide_01` … into an emptied raw folder; each has its own random stream."""
    folder = Path(store.resolve(folder))
    for name in ("images", "labels", "spots", "truth"):
        place = folder / name
        place.unlink() if place.is_symlink() else shutil.rmtree(place, ignore_errors=True)
    for number in range(1, n_slides + 1):
        planted = slide(tissue, np.random.default_rng([seed, number]))
        write(folder, f"slide_{number:02d}", planted)
    return folder


def read_truth(folder: str | os.PathLike, name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the spots of a written slide with their planted `cell`, and the planted type by cell
    id (−1 for 0).
    """
    folder = Path(store.resolve(folder)) / "truth"
    types = pd.read_csv(folder / f"{name}_types.csv")["type"].to_numpy()
    return pd.read_csv(folder / f"{name}_spots.csv"), np.append(-1, types)


def judge(folder: str | os.PathLike, name: str) -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    """Return true cells, spots with their planted cell, and types of a written slide."""
    folder = Path(store.resolve(folder))
    cells = pictures.read_labels(folder / "truth" / f"{name}_cells.png")
    return (cells, *read_truth(folder, name))


@dataclass(frozen=True)
class _Shapes:
    """Irregular outlines: a radius that varies with the angle."""

    centres: np.ndarray  # (n, 2)
    radii: np.ndarray  # (n,)
    waves: np.ndarray  # (n, 3, 2): share of the radius and phase of 2, 3 and 4 waves

    @classmethod
    def draw(cls, centres: np.ndarray, tissue: Tissue, rng: np.random.Generator) -> "_Shapes":
        n = len(centres)
        waves = np.stack([rng.normal(0, 0.06, (n, 3)), rng.uniform(0, 2 * np.pi, (n, 3))], axis=-1)
        return cls(centres, tissue.diameter / 2 * rng.lognormal(0, 0.12, n), waves)

    def render(self, side: int) -> np.ndarray:
        """Return labels: a pixel is of the cell in which it lies deepest; borders are shared."""
        from scipy.spatial import cKDTree

        places = np.stack(np.mgrid[:side, :side], axis=-1).reshape(-1, 2)  # (pixels, 2)
        near = cKDTree(self.centres).query(places, k=min(N_NEAREST, len(self.centres)))[1]
        offset = places[:, None] - self.centres[near]  # (pixels, nearest, 2)
        angle = np.arctan2(offset[..., 0], offset[..., 1])
        share, phase = np.moveaxis(self.waves[near], -1, 0)  # (pixels, nearest, 3)
        waves = share * np.cos(np.arange(2, 5) * angle[..., None] + phase)
        radius = self.radii[near] * (1 + waves.sum(axis=-1))
        depth = np.round(np.hypot(offset[..., 0], offset[..., 1]) / radius, 9)
        best = depth.argmin(axis=1)
        inside = depth.min(axis=1) < 1
        owners = np.where(inside, near[np.arange(len(near)), best] + 1, 0)
        labels = owners.reshape(side, side).astype(np.int32)
        return label_images.largest_pieces(labels)[0]


def _centres(tissue: Tissue, rng: np.random.Generator) -> np.ndarray:
    """Return a jittered hexagonal packing from which some cells were taken."""
    step = 1.02 * tissue.diameter
    rows = np.arange(-step, tissue.side + step, step * np.sqrt(3) / 2)
    columns = np.arange(-step, tissue.side + step, step)
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    grid[1::2, :, 1] += step / 2
    places = grid.reshape(-1, 2) + rng.normal(0, 0.1 * step, (grid.shape[0] * grid.shape[1], 2))
    places = places[rng.random(len(places)) < tissue.crowding]
    return places[((places > 0) & (places < tissue.side)).all(axis=1)]


def _nuclei(shapes: _Shapes, tissue: Tissue, rng: np.random.Generator) -> np.ndarray:
    """Return labels of nuclei: smaller, rounder, off the middle of their cells."""
    room = shapes.radii * (1 - tissue.nucleus) * 0.9
    angle = rng.uniform(0, 2 * np.pi, len(room))
    away = room * np.sqrt(rng.random(len(room)))
    offset = np.stack([np.sin(angle), np.cos(angle)], axis=1) * away[:, None]
    nuclei = _Shapes(shapes.centres + offset, tissue.nucleus * shapes.radii, 0.5 * shapes.waves)
    return nuclei.render(tissue.side)


def _stain(nuclei: np.ndarray, tissue: Tissue, rng: np.random.Generator) -> np.ndarray:
    """Return 16-bit counts: nuclei of varied brightness and texture, some out of focus, uneven
    light, noise.
    """
    from scipy.ndimage import gaussian_filter

    n = int(nuclei.max(initial=0))
    brightness = np.append(0, rng.lognormal(0, 0.25, n))
    blurred = np.append(False, rng.random(n) < tissue.dim)
    texture = 1 + 0.25 * _smooth_noise(nuclei.shape, 0.08 * tissue.diameter, rng)
    sharp = gaussian_filter(np.where(blurred[nuclei], 0, brightness[nuclei] * texture), 0.8)
    faint = gaussian_filter(
        np.where(blurred[nuclei], 0.45 * brightness[nuclei], 0), 0.2 * tissue.diameter
    )
    light = 1 + 0.15 * _smooth_noise(nuclei.shape, tissue.side / 6, rng)
    photons = 400 * light * (0.12 + sharp + faint)
    return np.clip(8 * rng.poisson(photons) + rng.normal(200, 20, nuclei.shape), 0, 65535).astype(
        np.uint16
    )


def _transcripts(
    cells: np.ndarray, types: np.ndarray, tissue: Tissue, rng: np.random.Generator
) -> pd.DataFrame:
    """Return transcripts: in proportion to area and a cell's own rate, genes by type, a few
    anywhere.
    """
    n_cells = len(types) - 1
    rate = np.append(0, rng.lognormal(0, 0.3, n_cells)) * tissue.spots_per_cell
    per_pixel = rate / (np.pi / 4 * tissue.diameter**2)
    counts = rng.poisson(per_pixel[cells])
    rows, columns = (np.repeat(place.ravel(), counts.ravel()) for place in np.indices(cells.shape))
    n_stray = rng.poisson(tissue.stray * max(len(rows), 1))
    rows = np.append(rows, rng.integers(tissue.side, size=n_stray))
    columns = np.append(columns, rng.integers(tissue.side, size=n_stray))
    owners = np.append(np.repeat(cells.ravel(), counts.ravel()), np.zeros(n_stray, np.int64))
    within = rng.random((2, len(rows)))  # where in the pixel
    genes = _genes(types[owners], tissue, rng)
    order = rng.permutation(len(rows))
    table = {"x": columns + within[0], "y": rows + within[1], "gene": genes, "cell": owners}
    return pd.DataFrame(table).iloc[order].reset_index(drop=True)


def _genes(types: np.ndarray, tissue: Tissue, rng: np.random.Generator) -> np.ndarray:
    """Return a gene per transcript: a marker of the type, or any gene."""
    names = np.array([f"Gene{k + 1:02d}" for k in range(tissue.n_genes)])
    n_markers = tissue.n_genes // tissue.n_types
    marker = types * n_markers + rng.integers(n_markers, size=len(types))
    anything = rng.integers(tissue.n_genes, size=len(types))
    own = (rng.random(len(types)) < tissue.purity) & (types >= 0)
    return names[np.where(own, marker, anything)]


def _noisy(shapes: _Shapes, tissue: Tissue, rng: np.random.Generator) -> np.ndarray:
    """Return the labels of a tool that errs: outlines off, cells missed, neighbours merged."""
    n = len(shapes.centres)
    spread = tissue.outline_noise
    shift = rng.normal(0, spread, (n, 2)) * shapes.radii[:, None]
    radii = shapes.radii * np.clip(rng.normal(0.95, spread, n), 0.5, 1.4)
    waves = shapes.waves.copy()
    waves[..., 0] += rng.normal(0, spread / 3, (n, 3))
    labels = _Shapes(shapes.centres + shift, radii, waves).render(tissue.side)
    names = _merge(labels, n, tissue.merged, rng)
    names[1:][rng.random(n) < tissue.missed] = 0
    return label_images.renumber(label_images.largest_pieces(names[labels])[0])


def _merge(labels: np.ndarray, n: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return the new name of every id: some have that of a neighbour they touch."""
    names = np.arange(n + 1, dtype=np.int32)
    pairs = np.concatenate(
        [
            np.stack([labels[1:].ravel(), labels[:-1].ravel()], axis=1),
            np.stack([labels[:, 1:].ravel(), labels[:, :-1].ravel()], axis=1),
        ]
    )
    pairs = np.unique(
        np.sort(pairs[(pairs[:, 0] != pairs[:, 1]) & (pairs > 0).all(axis=1)]), axis=0
    )
    chosen = pairs[rng.permutation(len(pairs))[: round(share * n / 2)]]
    names[chosen[:, 1]] = chosen[:, 0]
    return names


def _smooth_noise(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Return noise of mean 0 and standard deviation 1 that varies over `sigma` pixels."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(rng.normal(size=shape), sigma, mode="wrap")
    return noise / noise.std()
