"""Chromatin (NMCO) features: shape, outline, moments, intensity and texture of every nucleus of a
field at once.

The families follow Venkatachalapathy et al. (2020), https://doi.org/10.1091/mbc.E19-08-0420, in an
implementation of this project. No feature is there twice, labels need not be consecutive, and
texture leaves out the surroundings.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.images import boundary, pixels
from lib.images.extraction import read_or_segment
from lib.images.fields import stretched
from lib.images.pixels import Pixels
from lib.images.segmentation import Settings
from lib.images.texture import texture
from lib.run import compute, store

ORDERS = range(4)
"""Powers of row and column in the moments."""

CONDENSED = 1.0
"""Heterochromatin is brighter than the nucleus's mean by this many standard deviations."""

BLOCK = 48  # fields in a unit

_SHAPE = {
    "area": "area",
    "area_bbox": "area_bbox",
    "area_convex": "area_convex",
    "perimeter": "perimeter",
    "equivalent_diameter_area": "equivalent_diameter",
    "extent": "extent",
    "solidity": "solidity",
    "eccentricity": "eccentricity",
    "orientation": "orientation",
    "axis_minor_length": "axis_minor",
    "axis_major_length": "axis_major",
}


def measure_field(
    image: np.ndarray, labels: np.ndarray, wanted: np.ndarray | None = None
) -> pd.DataFrame:
    """Measure nuclei of a field.

    Parameters
    ----------
    image : (rows, columns) uint8 or uint16
        Texture and intensity are measured after scaling it to 0–255 between its 0.1 and 99.9
        percentiles, so that a hot pixel changes no nucleus but its own; `intensity_total` and
        `intensity_mean_above_background` in its own grey values above the background's median.
    labels : (rows, columns) int
        0 = background.
    wanted : (n,) int, optional
        Labels to measure, by default all in ascending order.

    Returns
    -------
    DataFrame
        Index `label`, n rows in the order of `wanted`; lengths in pixels, curvature in 1/pixel,
        angles in radians.

    Raises
    ------
    ValueError
        If a wanted label is not in the image.

    References
    ----------
    Families of features: Venkatachalapathy et al. (2020), https://doi.org/10.1091/mbc.E19-08-0420
    """
    from skimage.measure import regionprops_table

    wanted = np.asarray(np.unique(labels[labels > 0]) if wanted is None else wanted, np.int64)
    shape = pd.DataFrame(
        regionprops_table(labels, properties=("label", "bbox", "centroid", *_SHAPE))
    )
    shape = shape.set_index("label")
    if len(missing := wanted[~np.isin(wanted, shape.index)]):
        raise ValueError(
            f"label {missing[0]} is not in the mask; measure with the mask that the nuclei came "
            "from"
        )
    shape = shape.loc[wanted]
    corners = shape[[f"bbox-{i}" for i in range(4)]].to_numpy()  # (n, 4)
    centroids = shape[["centroid-0", "centroid-1"]].to_numpy()  # (n, 2)
    of_nuclei, scaled = pixels.list_pixels(labels, wanted), stretched(image)
    # family by family: shape, outline, ratios, moments, intensity, texture
    outlines = boundary.trace(labels, wanted, corners)
    features = {new: shape[old].to_numpy(float) for old, new in _SHAPE.items()}
    features |= boundary.radii(outlines, centroids) | boundary.calipers(outlines)
    features |= boundary.curvature_features(outlines)
    features |= ratios(features)
    features |= moments(of_nuclei, corners) | moments(
        of_nuclei, corners, of_nuclei.of(scaled), prefix="weighted_"
    )
    features |= intensity(of_nuclei, scaled, image) | content(of_nuclei, image, labels)
    features["centre_mismatch"] = np.hypot(*(_weighted_centroids(of_nuclei, scaled) - centroids).T)
    features |= texture(scaled, labels, wanted)
    return pd.DataFrame(features, index=pd.Index(wanted, name="label"))


def ratios(features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return ratios of shape features.

    Parameters
    ----------
    features : mapping of str to (n,) array
        `area`, `area_convex`, `axis_minor`, `axis_major`, `perimeter`, `radius_min`, `radius_max`.

    Returns
    -------
    dict of str to (n,) float array
        `concavity`, 0 for a convex nucleus; `aspect_ratio` and `radius_ratio`, near 1 for a disk;
        `shape_factor`, perimeter² / (4π area), 1 for an ideal disk and some 5 to 10 % off on a grid
        of pixels.
    """
    area, convex = features["area"], features["area_convex"]
    return {
        "concavity": (convex - area) / convex,
        "aspect_ratio": features["axis_minor"] / np.maximum(features["axis_major"], 1e-9),
        "shape_factor": features["perimeter"] ** 2 / (4 * np.pi * area),
        "radius_ratio": features["radius_min"] / np.maximum(features["radius_max"], 1e-9),
    }


def moments(
    of_nuclei: Pixels, corners: np.ndarray, weights: np.ndarray | None = None, *, prefix: str = ""
) -> dict[str, np.ndarray]:
    """Return raw, central, normalised and Hu moments up to the third power of row and of column.

    As in scikit-image, raw moments count rows and columns from the corner of the bounding box.
    Central moments of power (0, 0) to (1, 0) and normalised ones below second order are constants
    or repeat others, and are left out.

    Parameters
    ----------
    of_nuclei : Pixels
        m pixels of n nuclei.
    corners : (n, 4) int
        Bounding boxes; the first two columns are read.
    weights : (m,) array, optional
        Intensity of each pixel; by default all weigh 1.
    prefix : str
        Begins every name.

    Returns
    -------
    dict of str to (n,) float array
        `moment_{raw,central,normalised}_<p>_<q>` and `moment_hu_1` … `moment_hu_7`.

    References
    ----------
    Hu (1962), https://doi.org/10.1109/TIT.1962.1057692
    """
    weights = np.ones(len(of_nuclei.row)) if weights is None else weights.astype(float)
    of, n = of_nuclei.nucleus, of_nuclei.n
    row, column = of_nuclei.row - corners[of, 0], of_nuclei.column - corners[of, 1]
    raw = _power_sums(of, row, column, weights, n)  # (p, q) → (n,)
    mass = np.maximum(raw[0, 0], 1e-9)  # (n,)
    # about the centre of mass, so that moments do not depend on the place
    central = _power_sums(
        of, row - (raw[1, 0] / mass)[of], column - (raw[0, 1] / mass)[of], weights, n
    )
    normalised = {
        (p, q): value / mass ** (1 + (p + q) / 2) for (p, q), value in central.items() if p + q >= 2
    }
    features = {
        f"{prefix}moment_raw_{p}_{q}": value for (p, q), value in raw.items() if p + q or prefix
    }
    features |= {
        f"{prefix}moment_central_{p}_{q}": value for (p, q), value in central.items() if p + q >= 2
    }
    features |= {
        f"{prefix}moment_normalised_{p}_{q}": value for (p, q), value in normalised.items()
    }
    return features | {
        f"{prefix}moment_hu_{i}": value for i, value in enumerate(_hu(normalised), start=1)
    }


def intensity(of_nuclei: Pixels, scaled: np.ndarray, image: np.ndarray) -> dict[str, np.ndarray]:
    """Return the distribution of 8-bit intensity in each nucleus, and how condensed its chromatin
    is.

    Parameters
    ----------
    of_nuclei : Pixels
        Pixels of n nuclei.
    scaled : (rows, columns) uint8
        From `fields.stretched`.
    image : (rows, columns)
        Unscaled field, in which heterochromatin is found: 256 grey values are too few where nuclei
        are dim.

    Returns
    -------
    dict of str to (n,) float array
        Grey values 0 to 255; entropy in bits; kurtosis is 0 for a normal distribution.
        Heterochromatin are the pixels above mean + `CONDENSED` SD of their nucleus.
    """
    from scipy.stats import entropy

    of, n, values = of_nuclei.nucleus, of_nuclei.n, of_nuclei.of(scaled).astype(float)
    low, q20, q25, median, q75, q80, high = pixels.quantiles(
        of, values, n, (0, 0.2, 0.25, 0.5, 0.75, 0.8, 1)
    )
    mean, deviation = pixels.means(of, values, n), pixels.deviations(of, values, n)  # (n,) each
    standard = (values - mean[of]) / np.maximum(deviation, 1e-9)[of]  # (m,)
    # (n, 256)
    histogram = np.bincount(of * 256 + values.astype(int), minlength=256 * n).reshape(n, 256)
    # relative to the nucleus's own maximum
    dark, bright = values < 0.2 * high[of], values > 0.8 * high[of]
    return {
        "intensity_min": low,
        "intensity_q25": q25,
        "intensity_median": median,
        "intensity_q75": q75,
        "intensity_max": high,
        "intensity_mean": mean,
        "intensity_mode": histogram.argmax(axis=1).astype(float),
        "intensity_sd": deviation,
        "intensity_skewness": pixels.means(of, standard**3, n),
        "intensity_kurtosis": pixels.means(of, standard**4, n) - 3 * (deviation > 0),
        "intensity_entropy": entropy(histogram, base=2, axis=1),
        "intensity_q80_q20": q80 / np.maximum(q20, 1),
        "bright_dark_ratio": (pixels.sums(of, bright, n) + 1) / (pixels.sums(of, dark, n) + 1),
    } | _condensation(of, values, _is_condensed(of_nuclei, image), n)


def content(of_nuclei: Pixels, image: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return DNA content: total and mean intensity above the field's background.

    Parameters
    ----------
    of_nuclei : Pixels
        Pixels of n nuclei.
    image : (rows, columns)
        Unscaled field.
    labels : (rows, columns) int
        Where it is 0, the median is the background.

    Returns
    -------
    dict of str to (n,) float array
        `intensity_total`, `intensity_mean_above_background`, in grey values of the field.
    """
    outside = image[labels == 0]  # background pixels of the field
    # (m,)
    above = of_nuclei.of(image).astype(float) - (np.median(outside) if outside.size else 0.0)
    return {
        "intensity_total": pixels.sums(of_nuclei.nucleus, above, of_nuclei.n),
        "intensity_mean_above_background": pixels.means(of_nuclei.nucleus, above, of_nuclei.n),
    }


def tidy(features: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drop features with a missing or infinite value and those that never vary.

    Parameters
    ----------
    features : DataFrame
        One row per nucleus; columns of texts are kept.

    Returns
    -------
    features : DataFrame
    dropped : DataFrame
        `feature`, `reason`.
    """
    values = features.select_dtypes("number")
    broken = ~np.isfinite(values).all()  # by feature
    constant = ~broken & (values.nunique() <= 1)
    reasons = {name: "missing values" for name in values.columns[broken]}
    reasons |= {name: "constant" for name in values.columns[constant]}
    dropped = pd.DataFrame({"feature": list(reasons), "reason": list(reasons.values())})
    return features.drop(columns=list(reasons)), dropped


def measure_screen(
    nuclei: str | os.PathLike,
    *,
    images: str | os.PathLike,
    masks: str | os.PathLike | None,
    directory: str | os.PathLike,
    settings: Settings | None = None,
    executor: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure all nuclei of a run on all workers.

    Parameters
    ----------
    nuclei : path
        Parquet with `plate`, `slide_image_name`, `label`, `nucleus_id`, ordered by plate and field.
    images, masks, settings, executor
        As in `extraction.extract_screen`.
    directory : path
        Folder of the units' tables.

    Returns
    -------
    features : DataFrame
        `nucleus_id`, then one column per feature; rows as in `nuclei`.
    dropped : DataFrame
        `feature`, `reason` of those left out.

    Raises
    ------
    UnitsFailed
        If a field cannot be read, or lacks a label of the table.
    """
    table = pd.read_parquet(
        store.resolve(nuclei), columns=["plate", "slide_image_name", "nucleus_id"]
    )
    units = {
        f"{plate}_{start:05d}": {
            "nuclei": store.resolve(nuclei),
            "images": store.resolve(images) / str(plate),
            "masks": store.resolve(masks) / str(plate) if masks else None,
            "plate": str(plate),
            "start": start,
            "settings": asdict(settings or Settings()),
        }
        for plate, n_fields in table.groupby("plate")["slide_image_name"].nunique().items()
        for start in range(0, n_fields, BLOCK)
    }
    paths = compute.run_units(measure_block, units, directory=directory, executor=executor)
    # units come in their own order; the rows go back to that of the table
    every = pd.concat([pd.read_parquet(path) for path in paths.values()]).set_index("nucleus_id")
    return tidy(every.loc[table["nucleus_id"]].reset_index())


def measure_block(
    part: Path,
    *,
    seed: int,
    nuclei: Path,
    images: Path,
    masks: Path | None,
    plate: str,
    start: int = 0,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write the features of the nuclei of some fields of a plate: a unit of `compute.run_units`.

    Parameters
    ----------
    part : Path
        Parquet file to write, one row per nucleus: `nucleus_id` and the features of
        `measure_field`.
    seed : int
        Not used: nothing here is drawn.
    nuclei : Path
        As in `measure_screen`.
    images, masks : Path
        The plate's own folders; `masks=None` segments the images here.
    plate : str
        Plate whose fields are taken.
    start : int
        First of `BLOCK` fields in the order of their names.
    settings : mapping, optional
        Arguments of `segmentation.Settings`.

    Raises
    ------
    ImageError
        As `fields.read_field`.
    ValueError
        If a label of the table is not in the mask.
    """
    table = pd.read_parquet(nuclei, columns=["plate", "slide_image_name", "nucleus_id", "label"])
    # field → its nuclei
    by_field = dict(list(table[table["plate"].astype(str) == plate].groupby("slide_image_name")))
    tables = []
    for name in sorted(by_field)[start : start + BLOCK]:
        mask = Path(masks) / name if masks else None
        field = read_or_segment(Path(images) / name, mask, Settings(**(settings or {})))
        found = measure_field(field.image, field.labels, by_field[name]["label"].to_numpy())
        found.insert(0, "nucleus_id", by_field[name]["nucleus_id"].to_numpy())
        tables.append(found)
    pd.concat(tables).to_parquet(part, index=False)


def _power_sums(
    of: np.ndarray, row: np.ndarray, column: np.ndarray, weights: np.ndarray, n: int
) -> dict:
    """Return (p, q) → sum over pixels of weight × row^p × column^q, each (n,)."""
    powers = [np.ones(len(column)), column, column * column, column * column * column]
    sums, weighted = {}, weights
    for p in ORDERS:
        sums |= {(p, q): np.bincount(of, weighted * powers[q], n) for q in ORDERS}
        weighted = weighted * row
    return sums


def _hu(nu: Mapping[tuple[int, int], np.ndarray]) -> list[np.ndarray]:
    """Return Hu's seven invariants, https://doi.org/10.1109/TIT.1962.1057692, of normalised
    moments."""
    a, b = nu[3, 0] + nu[1, 2], nu[2, 1] + nu[0, 3]
    c, d = nu[3, 0] - 3 * nu[1, 2], 3 * nu[2, 1] - nu[0, 3]
    spread = nu[2, 0] - nu[0, 2]
    return [
        nu[2, 0] + nu[0, 2],
        spread**2 + 4 * nu[1, 1] ** 2,
        c**2 + d**2,
        a**2 + b**2,
        c * a * (a**2 - 3 * b**2) + d * b * (3 * a**2 - b**2),
        spread * (a**2 - b**2) + 4 * nu[1, 1] * a * b,
        d * a * (a**2 - 3 * b**2) - c * b * (3 * a**2 - b**2),
    ]


def _is_condensed(of_nuclei: Pixels, image: np.ndarray) -> np.ndarray:
    """Return which pixels of the nuclei are heterochromatin, (m,)."""
    of, n, values = of_nuclei.nucleus, of_nuclei.n, of_nuclei.of(image).astype(float)
    bright = pixels.means(of, values, n) + CONDENSED * pixels.deviations(of, values, n)
    return values > bright[of]


def _condensation(
    of: np.ndarray, values: np.ndarray, condensed: np.ndarray, n: int
) -> dict[str, np.ndarray]:
    """Return area and content of heterochromatin beside those of euchromatin and of the nucleus."""
    area, dense = np.maximum(np.bincount(of, minlength=n), 1), pixels.sums(of, condensed, n)
    total, bound = np.maximum(pixels.sums(of, values, n), 1), pixels.sums(of, values * condensed, n)
    return {
        "hetero_euchromatin_area": dense / np.maximum(area - dense, 1),
        "heterochromatin_area_share": dense / area,
        "hetero_euchromatin_content": bound / np.maximum(total - bound, 1),
        "heterochromatin_content_share": bound / total,
    }


def _weighted_centroids(of_nuclei: Pixels, scaled: np.ndarray) -> np.ndarray:
    """Return the centres of intensity, (n, 2); of area where a nucleus is black."""
    weights = of_nuclei.of(scaled) + 1e-9  # (m,); never all zero
    mass = pixels.sums(of_nuclei.nucleus, weights, of_nuclei.n)
    places = (of_nuclei.row, of_nuclei.column)
    return np.stack(
        [pixels.sums(of_nuclei.nucleus, weights * place, of_nuclei.n) / mass for place in places],
        axis=1,
    )
