"""Between two rounds of training: predicted cells become labels."""

import numpy as np

from lib.genesegnet import labels as label_images

MIN_AREA = 300  # pixels; smaller predictions are no labels, as published
GROWING_ROUNDS = 2  # rounds after which the published refinement changes nothing


def tidy(labels: np.ndarray, *, min_area: int = MIN_AREA) -> np.ndarray:
    """Fill holes, drop cells below `min_area` pixels, and number the rest 1 … n."""
    filled = label_images.fill_holes(labels)
    return label_images.renumber(label_images.drop_small(filled, min_area))


def grow_as_published(labels: np.ndarray, *, round_number: int = 1) -> np.ndarray:
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
    """
    from scipy.ndimage import maximum_filter

    for _ in range(2 if round_number <= GROWING_ROUNDS else 0):
        around = maximum_filter(label_images.core(labels), size=5, mode="constant", cval=0)
        labels = np.where(labels > 0, labels, around)
    return labels


def follow_image(
    labels: np.ndarray, stain: np.ndarray, density: np.ndarray, *, reach: int = 4
) -> np.ndarray:
    """Move the outlines of cells to the edges of stain and transcripts: a watershed from markers.

    Each cell's core is its marker, background far from all cells is another, and between them the
    slope of the two images decides. Unlike the published step it looks at the image, and it can
    shrink a cell.

    Parameters
    ----------
    labels : (rows, columns) int
    stain, density : (rows, columns) float
        The image and the smoothed number of spots, in any unit; each is scaled by its own spread.
    reach : int
        How far an outline may move, in pixels, to either side.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_gradient_magnitude
    from skimage.segmentation import watershed

    slope = sum(gaussian_gradient_magnitude(_scaled(image), 1.5) for image in (stain, density))
    distance = distance_transform_edt(labels == 0)
    markers = np.where(_depth(labels) > reach, labels, 0).astype(np.int32)
    lost = np.setdiff1d(labels, markers)  # cells too thin for a core keep their outline as marker
    markers = np.where(np.isin(labels, lost), labels, markers)
    outside = int(labels.max(initial=0)) + 1
    markers[distance > reach] = outside
    moved = watershed(slope, markers)
    return np.where(moved == outside, 0, moved).astype(labels.dtype)


def _depth(labels: np.ndarray) -> np.ndarray:
    """Return each cell pixel's distance to the nearest pixel that is not of its cell."""
    from scipy.ndimage import distance_transform_edt
    from skimage.segmentation import find_boundaries

    return distance_transform_edt(~find_boundaries(labels, mode="inner")) * (labels > 0)


def _scaled(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, [1, 99])
    return (image - low) / (high - low) if high > low else np.zeros(image.shape)
