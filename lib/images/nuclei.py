"""Measure the nuclei of a field, filter them, and pad them to one size in 8 bits, all nuclei of the
field at once."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.images.metadata_schema import INHERITED
from lib.stats import order

SIZE = 64
"""Side in pixels of a padded nucleus."""

GEOMETRY = (
    "bb_width",
    "bb_height",
    "minor_axis_length",
    "major_axis_length",
    "aspect_ratio",
    "aspect_ratio_cluster",
    "nuclei_count_image",
    "slide_image_name",
    "aspect_ratio_cluster_ratio",
    "centroid_0",
    "centroid_1",
)
"""Published columns after those of the field. `bb_width` counts rows and `bb_height` columns, as
published."""

EXTRA = ("row", "nucleus_id", "label", "area", "eccentricity", "solidity", "mean_intensity")
"""Columns after the published ones: row in the plate's store (-1 = none), name, and what filters
and ablations use."""

COLUMNS = (*INHERITED, *GEOMETRY, *EXTRA)

_PROPERTIES = (
    "label",
    "bbox",
    "axis_minor_length",
    "axis_major_length",
    "centroid",
    "area",
    "eccentricity",
    "solidity",
    "intensity_mean",
)


@dataclass(frozen=True)
class Filters:
    """Limits of a nucleus, inclusive; the published ones by default.

    Parameters
    ----------
    min_area, max_area : float
        In square pixels.
    max_bounding_box : float
        Rows times columns of the bounding box.
    max_eccentricity, min_solidity, min_aspect_ratio : float
        0 to 1; the aspect ratio is minor by major axis.
    """

    min_area: float = 400
    max_area: float = 4000
    max_bounding_box: float = 4000
    max_eccentricity: float = 1.0
    min_solidity: float = 0.1
    min_aspect_ratio: float = 0.1


RULES = ("area", "bounding_box", "eccentricity", "solidity", "aspect_ratio")
"""Filter rules in the order in which a lost nucleus is counted."""

LOSSES = (*RULES, "too_large", "blank")
"""All reasons for which an object of a mask is left out; the last two belong to padding."""


def measure(labels: np.ndarray, image: np.ndarray) -> pd.DataFrame:
    """Return the geometry of every object, one row per label in ascending order.

    Parameters
    ----------
    labels : (rows, columns) int32
    image : (rows, columns) uint8 or uint16

    Returns
    -------
    DataFrame
        `label`, `first_row`, `first_column`, the measured columns of `GEOMETRY` and `EXTRA`;
        lengths in pixels, areas in square pixels, `mean_intensity` in grey values of the image.
    """
    from skimage.measure import regionprops_table

    found = pd.DataFrame(regionprops_table(labels, image, properties=_PROPERTIES))
    found["bb_width"] = found["bbox-2"] - found["bbox-0"]  # rows: the published names are swapped
    found["bb_height"] = found["bbox-3"] - found["bbox-1"]
    found["aspect_ratio"] = found["axis_minor_length"] / found["axis_major_length"].where(
        lambda axis: axis > 0
    )
    found["aspect_ratio"] = found["aspect_ratio"].fillna(1.0)  # a single pixel
    return found.drop(columns=["bbox-2", "bbox-3"]).rename(
        columns={
            "bbox-0": "first_row",
            "bbox-1": "first_column",
            "axis_minor_length": "minor_axis_length",
            "axis_major_length": "major_axis_length",
            "centroid-0": "centroid_0",
            "centroid-1": "centroid_1",
            "intensity_mean": "mean_intensity",
        }
    )


def select(
    objects: pd.DataFrame, filters: Filters | None = None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Keep the objects inside all limits.

    Parameters
    ----------
    objects : DataFrame
        From `measure`.
    filters : Filters
        By default the published limits.

    Returns
    -------
    kept : DataFrame
    lost : dict of str to int
        Rule → objects lost, each counted at the first rule it breaks.

    References
    ----------
    Image2Reg keeps areas of 400 to 4000 pixels, bounding boxes of at most 4000, solidity and axis
    ratio of at least 0.1.
    """
    filters = filters or Filters()
    # limits are inclusive
    passes = {
        "area": objects["area"].between(filters.min_area, filters.max_area),
        "bounding_box": objects["bb_width"] * objects["bb_height"] <= filters.max_bounding_box,
        "eccentricity": objects["eccentricity"] <= filters.max_eccentricity,
        "solidity": objects["solidity"] >= filters.min_solidity,
        "aspect_ratio": objects["aspect_ratio"] >= filters.min_aspect_ratio,
    }
    # each object counts at the first rule it breaks
    kept, lost = np.ones(len(objects), bool), {}
    for rule in RULES:
        lost[rule] = int((kept & ~passes[rule]).sum())
        kept &= passes[rule].to_numpy()
    return objects[kept].reset_index(drop=True), lost


def pad(
    image: np.ndarray, labels: np.ndarray, objects: pd.DataFrame, *, size: int = SIZE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut all nuclei of a field, centred in squares, with zeros around them, each scaled to its own
    brightest pixel.

    Absolute intensity is lost, as in the published screen; the region windows keep it.

    Parameters
    ----------
    image, labels : (rows, columns)
    objects : DataFrame
        n rows of `measure`.
    size : int
        Side of the squares in pixels.

    Returns
    -------
    nuclei : (m, size, size) uint8
        m ≤ n: those that neither are too large nor blank, in the order of `objects`.
    too_large : (n,) bool
        A side of the bounding box is longer than `size`.
    blank : (n,) bool
        All pixels of the nucleus have the same value as its surroundings, zero.

    References
    ----------
    Image2Reg's nucleus images: 64 × 64 pixels, 8 bits.
    """
    heights, widths = (
        objects["bb_width"].to_numpy(),
        objects["bb_height"].to_numpy(),
    )  # rows, columns
    too_large = (heights > size) | (widths > size)
    fits = ~too_large  # (n,)
    # the frame starts size // 2 - n // 2 pixels before a nucleus of n pixels, so an odd pixel is
    # added after it
    rows = objects["first_row"].to_numpy()[fits] - (size // 2 - heights[fits] // 2) + size
    columns = objects["first_column"].to_numpy()[fits] - (size // 2 - widths[fits] // 2) + size
    # (m, size, size)
    own = _windows(labels, size)[rows, columns] == objects["label"].to_numpy()[fits][:, None, None]
    nuclei = np.where(own, _windows(image, size)[rows, columns], 0)  # (m, size, size)
    nuclei = nuclei - nuclei.min(axis=(1, 2), keepdims=True, initial=np.iinfo(nuclei.dtype).max)
    brightest = nuclei.max(axis=(1, 2), initial=0)  # (m,)
    blank = np.zeros(len(objects), bool)
    blank[np.flatnonzero(fits)[brightest == 0]] = True
    nuclei, brightest = nuclei[brightest > 0], brightest[brightest > 0]
    return (nuclei / brightest[:, None, None] * 255).astype(np.uint8), too_large, blank


def elongation_clusters(aspect_ratios: np.ndarray, *, seed: int = 1234) -> np.ndarray:
    """Return 1 for elongated and 0 for round nuclei by a mixture of two normal distributions of
    aspect ratios.

    Parameters
    ----------
    aspect_ratios : (n,) float
        Minor by major axis, of all nuclei of a run.
    seed : int
        Of the start of the fit (paper: 1234).

    Returns
    -------
    (n,) int
        The component with the smaller mean is 1. All 0 where fewer than two different ratios leave
        nothing to fit.

    References
    ----------
    Image2Reg found 60.273 % elongated nuclei; which component is round follows from its mean here.
    """
    from sklearn.mixture import GaussianMixture

    ratios = np.asarray(aspect_ratios, float).reshape(-1, 1)  # (n, 1)
    if len(np.unique(ratios)) < 2:
        return np.zeros(len(ratios), np.int64)
    mixture = GaussianMixture(2, random_state=seed).fit(ratios)
    # the numbering of the components is arbitrary: elongated is the one with the smaller mean
    return (mixture.predict(ratios) == order.smallest(mixture.means_.ravel())).astype(np.int64)


def add_field_columns(nuclei: pd.DataFrame, *, seed: int = 1234) -> pd.DataFrame:
    """Add the elongation cluster of each nucleus, and count nuclei and elongated ones per field.

    Parameters
    ----------
    nuclei : DataFrame
        One row per nucleus of a whole run: `plate`, `slide_image_name`, `aspect_ratio`.
    seed : int
        As in `elongation_clusters`.

    Returns
    -------
    DataFrame
        `nuclei` with `aspect_ratio_cluster` (1 = elongated), `nuclei_count_image` and
        `aspect_ratio_cluster_ratio` (share of elongated nuclei in the field).

    References
    ----------
    Columns of Image2Reg's table of nuclei.
    """
    nuclei = nuclei.assign(
        aspect_ratio_cluster=elongation_clusters(nuclei["aspect_ratio"].to_numpy(), seed=seed)
    )
    # names of fields may repeat on another plate
    field = nuclei.groupby(["plate", "slide_image_name"], sort=False)["aspect_ratio_cluster"]
    return nuclei.assign(
        nuclei_count_image=field.transform("size"),
        aspect_ratio_cluster_ratio=field.transform("mean"),
    )


def _windows(plane: np.ndarray, size: int) -> np.ndarray:
    """Return every (size, size) window of a plane with `size` zeros around it, as a view."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(plane, size), (size, size))
