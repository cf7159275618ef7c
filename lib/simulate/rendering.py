"""Render nuclei to pixels: elliptical nuclei with chromatin texture, seen through a microscope."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import fft, ndimage

from lib.stats import order

PATCH = 72  # side of the square in which one nucleus is drawn, pixels
LONGEST = 34.0  # largest half axis, pixels
MAX_SPOTS = 40
CANDIDATES = 40  # places tried for a nucleus
SOFT_EDGE = 2.0  # width of a nucleus's rim, pixels
NUCLEOLUS = (2.2, 0.45)  # radius in pixels, depth
SPOT_RADIUS = 1.3  # pixels


@dataclass(frozen=True)
class Optics:
    """The microscope; counts are those of the 16-bit image."""

    psf: float = 1.1  # blur in pixels (SD), 0.5 to 3
    psf_outlier: float = 3.5  # of a well that is out of focus
    psf_blurry: float = 5.0  # of a field flagged as blurry
    brightness: float = 4000.0  # counts of a control nucleus above background
    background: float = 350.0  # counts
    electrons: float = 0.3  # per count: fewer is noisier
    read_noise: float = 10.0  # counts
    saturating_gain: float = 25.0  # of a field flagged as saturated
    ceiling: int = 65535  # largest count


def place_nuclei(
    nuclei: pd.DataFrame, *, side: int, clumping: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Give every nucleus a place where it touches no other; those that find none in 40 trials are
    left out.

    Parameters
    ----------
    nuclei : DataFrame
        With `area` (pixels) and `axis_ratio`.
    side : int
        Side of the field, pixels.
    clumping : float
        0 to 1: which of the free places is taken, from the loneliest (0) to the one nearest to
        other nuclei (1).
    rng : Generator

    Returns
    -------
    DataFrame
        The placed nuclei with `row`, `column` (pixels), `half_major`, `half_minor` (pixels),
        `angle` (radians).
    """
    major, minor = half_axes(nuclei["area"].to_numpy(), nuclei["axis_ratio"].to_numpy())
    reach = 0.7 * major + 0.3 * minor + 1  # between the half axes, and a pixel of gap
    trials = rng.uniform(2, side - 2, (len(nuclei), CANDIDATES, 2))  # (n, candidates, 2)
    places, kept = np.empty((0, 2)), []
    for number in range(len(nuclei)):
        gap = _gaps(trials[number], places) - reach[number] - reach[kept]  # (candidates, placed)
        nearest = gap.min(axis=1, initial=side)
        free = np.flatnonzero(order.rounded(nearest, scale=side) > 0)
        if len(free):
            ranked = free[order.ascending(nearest[free])]
            place = ranked[int((1 - clumping) * (len(ranked) - 1) + 0.5)]
            places, kept = np.vstack([places, trials[number, place]]), [*kept, number]
    placed = nuclei.iloc[kept].reset_index(drop=True)
    return placed.assign(
        row=places[:, 0],
        column=places[:, 1],
        half_major=major[kept],
        half_minor=minor[kept],
        angle=rng.uniform(0, np.pi, len(kept)),
    )


def half_axes(area: np.ndarray, axis_ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the half axes of ellipses.

    Parameters
    ----------
    area : (n,) array
        In pixels.
    axis_ratio : (n,) array
        Major by minor axis, 1 or more.

    Returns
    -------
    major, minor : (n,) array
        In pixels; the major one is cut at what a patch holds, and the minor one keeps the area
        where it can.
    """
    major = np.minimum(np.sqrt(area * axis_ratio / np.pi), LONGEST)
    return major, np.minimum(major, area / (np.pi * major))


def render_field(
    nuclei: pd.DataFrame,
    *,
    side: int,
    optics: Optics,
    psf: float,
    gain: float = 1.0,
    offset: float = 0.0,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw placed nuclei and photograph them.

    Parameters
    ----------
    nuclei : DataFrame
        From `place_nuclei`, with the columns of `phenotypes.nuclei_looks`.
    side : int
        Side of the field, pixels.
    optics : Optics
        Background, noise, brightness.
    psf : float
        Blur of this field, pixels (SD).
    gain, offset : float
        Multiplies the signal; adds counts.
    rng : Generator
        Of chromatin, uneven light and noise.

    Returns
    -------
    image : (side, side) ndarray of uint16
        The field.
    mask : (side, side) ndarray of uint16
        Label k + 1 where row k of `nuclei` lies, 0 elsewhere; unblurred outlines.
    """
    signal, mask = _compose(*_patches(nuclei, rng), nuclei, side)
    # what the microscope makes of it
    signal = ndimage.gaussian_filter(signal, psf, mode="reflect", truncate=3)
    slope = rng.normal(0, 0.03, (2, 1)).astype(
        np.float32
    )  # what illumination correction leaves over
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    background = (optics.background + offset) * (1 + slope[0] * ramp + (slope[1] * ramp)[:, None])
    counts = background + gain * optics.brightness * signal  # (side, side)
    noise = rng.standard_normal((side, side), dtype=np.float32)
    counts += noise * np.sqrt(
        counts / optics.electrons + optics.read_noise**2
    )  # shot and read noise together
    return np.clip(np.rint(counts), 0, optics.ceiling).astype(np.uint16), mask


def _gaps(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the distances between points (n, 2) and places (m, 2), (n, m)."""
    return np.hypot(*(points[:, None] - places[None]).transpose(2, 0, 1))


def _patches(nuclei: pd.DataFrame, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return brightness (float32) and inside (bool) of every nucleus in its own square, each (n,
    PATCH, PATCH)."""
    if nuclei.empty:
        return np.zeros((0, PATCH, PATCH), np.float32), np.zeros((0, PATCH, PATCH), bool)
    x, y = _ellipse_coordinates(nuclei)
    y = y + _column(rng.normal(0, 0.1, len(nuclei))) * (x**2 - 0.3)  # bent like a bean
    radius = np.sqrt(x**2 + y**2) + np.float32(1e-6)
    u, v = x / radius, y / radius
    lobes = [_column(rng.normal(0, sd, len(nuclei))) for sd in (0.03, 0.03, 0.02)]
    outline = (
        1
        + lobes[0] * u * (u**2 - 3 * v**2)
        + lobes[1] * v * (3 * u**2 - v**2)
        + lobes[2] * u * v * (u**2 - v**2)
    )
    depth = (outline - radius) * _column(
        np.sqrt(nuclei["half_major"] * nuclei["half_minor"])
    )  # pixels from the rim
    dome = 0.75 + 0.25 * np.sqrt(np.clip(1 - radius**2, 0, 1))  # dimmer towards the rim
    chromatin = np.clip(1 + _texture(nuclei, rng) + _spots(nuclei, rng), 0.15, None)
    weight = np.clip(depth / SOFT_EDGE + 0.5, 0, 1)  # 0 outside, 1 inside, a ramp at the rim
    return weight * dome * chromatin * _column(nuclei["intensity"]), depth > 0


def _ellipse_coordinates(nuclei: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return pixel positions in units of the half axes: 1 is the rim; two arrays (n, PATCH,
    PATCH)."""
    grid = np.arange(PATCH, dtype=np.float32) - PATCH // 2
    down = grid[None, :, None] - _column(nuclei["row"] % 1)
    right = grid[None, None, :] - _column(nuclei["column"] % 1)
    cosine, sine = _column(np.cos(nuclei["angle"])), _column(np.sin(nuclei["angle"]))
    along, across = right * cosine + down * sine, down * cosine - right * sine
    return along / _column(nuclei["half_major"]), across / _column(nuclei["half_minor"])


def _texture(nuclei: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return smooth noise with each nucleus's correlation length and contrast, (n, PATCH,
    PATCH)."""
    noise = rng.standard_normal((len(nuclei), PATCH, PATCH), dtype=np.float32)
    frequency = (
        fft.fftfreq(PATCH)[:, None] ** 2 + fft.rfftfreq(PATCH)[None] ** 2
    )  # (PATCH, PATCH // 2 + 1)
    blur = np.exp(
        -2 * np.pi**2 * nuclei["texture"].to_numpy()[:, None, None] ** 2 * frequency
    ).astype(np.float32)
    smooth = fft.irfft2(fft.rfft2(noise) * blur, s=(PATCH, PATCH))
    smooth /= smooth.std(axis=(1, 2), keepdims=True)
    return smooth * _column(0.25 * np.sqrt(nuclei["spot_contrast"]))


def _spots(nuclei: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return bright chromatin spots and dark nucleoli, as sums of Gaussians, (n, PATCH, PATCH)."""
    n, count = len(nuclei), np.minimum(nuclei["n_spots"].to_numpy(), MAX_SPOTS)
    n_dark = np.minimum(rng.poisson(1.5, n), 4)
    turn, far = (
        rng.uniform(0, 2 * np.pi, (n, MAX_SPOTS + 4)),
        np.sqrt(rng.uniform(0, 1, (n, MAX_SPOTS + 4))),
    )
    far *= np.where(np.arange(MAX_SPOTS + 4) < MAX_SPOTS, 0.85, 0.55)
    along = far * np.cos(turn) * nuclei[["half_major"]].to_numpy()
    across = far * np.sin(turn) * nuclei[["half_minor"]].to_numpy()
    cosine, sine = np.cos(nuclei[["angle"]].to_numpy()), np.sin(nuclei[["angle"]].to_numpy())
    bright = np.arange(MAX_SPOTS) < count[:, None]
    heights = np.hstack(
        [
            bright * nuclei[["spot_contrast"]].to_numpy() * rng.uniform(0.6, 1.4, (n, MAX_SPOTS)),
            -NUCLEOLUS[1] * (np.arange(4) < n_dark[:, None]),
        ]
    )
    radii = np.repeat([SPOT_RADIUS, NUCLEOLUS[0]], [MAX_SPOTS, 4])
    used = np.flatnonzero(heights.any(axis=0))  # spots that any nucleus has
    rows = _bumps((across * cosine + along * sine)[:, used], radii[used])
    columns = _bumps((along * cosine - across * sine)[:, used], radii[used])
    # (n, PATCH, spots) @ (n, spots, PATCH)
    return (rows * heights[:, used, None].astype(np.float32)).transpose(0, 2, 1) @ columns


def _bumps(centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return one-dimensional Gaussians along a patch's side, (n, spots, PATCH)."""
    grid = np.arange(PATCH, dtype=np.float32) - PATCH // 2
    return np.exp(
        -(((grid - centres[..., None].astype(np.float32)) / radii[:, None].astype(np.float32)) ** 2)
        / 2
    )


def _compose(
    light: np.ndarray, inside: np.ndarray, nuclei: pd.DataFrame, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Add the squares of all nuclei up in a field, and label their pixels; the first nucleus keeps
    a shared pixel."""
    margin = PATCH
    signal = np.zeros((side + 2 * margin,) * 2, np.float32)
    mask = np.zeros(signal.shape, np.uint16)
    corners = nuclei[["row", "column"]].to_numpy().astype(int) + margin - PATCH // 2
    for number, (row, column) in enumerate(corners):
        window = np.s_[row : row + PATCH, column : column + PATCH]
        signal[window] += light[number]
        mask[window][inside[number] & (mask[window] == 0)] = number + 1
    field = np.s_[margin : margin + side, margin : margin + side]
    return signal[field], mask[field]


def _column(values) -> np.ndarray:
    """Return one number a nucleus as float32, (n, 1, 1)."""
    return np.asarray(values, dtype=np.float32)[:, None, None]
