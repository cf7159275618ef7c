"""Between two rounds of training: predicted cells become labels."""

import numpy as np

from lib.genesegnet import labels as label_images
from lib.genesegnet import morphology

MIN_AREA = 300  # pixels; smaller predictions are no labels, as published
SMOOTHING = 1.5  # pixels, of the location map before it is compared with the stain
CORE = 0.8  # share of the median evidence of cores that a pixel near an outline must reach
GROWING_ROUNDS = 2  # rounds after which the published refinement changes nothing


def tidy(labels: np.ndarray, *, min_area: int = MIN_AREA) -> np.ndarray:
    """Fill holes, drop small cells, and number the rest.

    Parameters
    ----------
    labels : (rows, columns) int
    min_area : int
        Pixels of the smallest cell that stays.

    Returns
    -------
    (rows, columns) int32
        1 … n.
    """
    filled = label_images.fill_holes(labels)
    return label_images.renumber(label_images.drop_small(filled, min_area))


def grow_as_published(
    labels: np.ndarray, *, round_number: int = 1, n_passes: int = 2
) -> np.ndarray:
    """Return what the published "level set" makes of labels: every cell two pixels larger, twice
    one.

    The published step evolves a level set whose only evidence is the mask itself; what comes out
    is, pixel for pixel, two passes of a 3 × 3 erosion and two 3 × 3 dilations of every cell. Cells
    grow into background only; where two meet, the higher id wins. From the third round on nothing
    changes.

    Parameters
    ----------
    labels : (rows, columns) int
    round_number : int
        Round of training that has ended, from 1.
    n_passes : int
        Each makes a cell one pixel larger; the published two are meant for cells of 34 pixels.
    """
    from scipy.ndimage import maximum_filter

    for _ in range(n_passes if round_number <= GROWING_ROUNDS else 0):
        around = maximum_filter(morphology.core(labels), size=5, mode="constant", cval=0)
        labels = np.where(labels > 0, labels, around)
    return labels


def follow_image(
    labels: np.ndarray, stain: np.ndarray, density: np.ndarray, *, reach: int = 2
) -> np.ndarray:
    """Move the outlines of cells to where stain and transcripts end; the cells' cores are markers.

    Evidence is the stronger of stain and transcripts, smoothed. Within `reach` of an outline a
    pixel belongs to the nearest cell if its evidence is nearly that of a core (80 % of the median),
    else to the background; cores stay, and so do borders between touching cells.
    Unlike the published step this looks at the image, and it can shrink a cell.

    Parameters
    ----------
    labels : (rows, columns) int
    stain, density : (rows, columns) float
        The image, and the location map or the smoothed number of spots, in any unit; each is scaled
        by its own percentiles.
    reach : int
        How far an outline may move, in pixels, to either side.
    """
    from scipy.ndimage import gaussian_filter

    evidence = np.maximum(_scaled(stain), _scaled(gaussian_filter(density, SMOOTHING)))
    core = _depth(labels) > reach
    if not core.any() or evidence.min() == evidence.max():
        return labels
    strong = evidence >= CORE * np.median(evidence[core])
    grown = morphology.grow(labels, reach)[0]
    moved = np.where(strong | core, grown, 0)
    return label_images.fill_holes(label_images.largest_pieces(moved)[0])


def _depth(labels: np.ndarray) -> np.ndarray:
    """Return each cell pixel's distance to the nearest pixel that is not of its cell."""
    from scipy.ndimage import distance_transform_edt
    from skimage.segmentation import find_boundaries

    return distance_transform_edt(~find_boundaries(labels, mode="inner")) * (labels > 0)


def _scaled(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, [1, 99])
    if high <= low:
        return np.zeros(image.shape)
    return np.clip((image - low) / (high - low), 0, 1)
