"""How well predicted cells agree with true ones: all from one table of overlaps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.genesegnet import labels as label_images

THRESHOLDS = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))  # 0.5 … 0.95


@dataclass(frozen=True)
class Overlaps:
    """Areas of the cells of two label images, and the pairs of cells that share pixels.

    Attributes
    ----------
    true_areas : (n,), predicted_areas : (m,) int
        Pixels per cell, in the order of the ids.
    true, predicted : (pairs,) int
        Ranks of the two cells, from 0.
    shared : (pairs,) int
        Pixels in both.
    """

    true_areas: np.ndarray
    predicted_areas: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    shared: np.ndarray

    @property
    def union(self) -> np.ndarray:
        """Pixels in either cell of each pair."""
        both = self.true_areas[self.true] + self.predicted_areas[self.predicted]
        return both - self.shared

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union of each pair."""
        return self.shared / self.union


def overlaps(truth: np.ndarray, predicted: np.ndarray) -> Overlaps:
    """Count the pixels that cells of two label images share, in one pass.

    Parameters
    ----------
    truth, predicted : (rows, columns) int

    Returns
    -------
    Overlaps

    Raises
    ------
    ValueError
        For images of different sizes.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"images of different sizes, {truth.shape} and {predicted.shape}")
    (true_ids, a), (predicted_ids, b) = label_images.dense(truth), label_images.dense(predicted)
    a, b = a.ravel(), b.ravel()
    areas = [np.bincount(c, minlength=len(k))[1:] for c, k in ((a, true_ids), (b, predicted_ids))]
    both = (a > 0) & (b > 0)
    # one number per pair of cells; 64 bits hold any two ids
    codes = a[both].astype(np.int64) * len(predicted_ids) + b[both]
    pairs, counts = np.unique(codes, return_counts=True)
    first, second = np.divmod(pairs, len(predicted_ids))
    return Overlaps(*areas, first - 1, second - 1, counts)


def match(table: Overlaps, threshold: float) -> np.ndarray:
    """Return which pairs make up the best one-to-one pairing at an overlap.

    Parameters
    ----------
    threshold : float
        Least IoU of a pair. Above 0.5 no cell has two partners; below, the pairing with most
        pairs, then with the largest sum of IoU, is taken.
    """
    from scipy.optimize import linear_sum_assignment

    enough = np.flatnonzero(table.iou >= threshold)
    rows, columns = table.true[enough], table.predicted[enough]
    # above an IoU of 0.5 this is always so, and nothing is to be chosen
    if len(np.unique(rows)) == len(rows) and len(np.unique(columns)) == len(columns):
        return enough
    size = len(table.true_areas), len(table.predicted_areas)
    gain, which = np.zeros(size), np.zeros(size, np.int64)
    # one more pair is worth more than any sum of overlaps
    gain[rows, columns] = 1 + table.iou[enough] / (2 * min(size))
    which[rows, columns] = enough
    a, b = linear_sum_assignment(-gain)
    return which[a, b][gain[a, b] > 0]


def scores(
    truth: np.ndarray, predicted: np.ndarray, thresholds: Sequence[float] = THRESHOLDS
) -> pd.DataFrame:
    """Return precision, recall, F1, AP and panoptic quality at several overlaps.

    Parameters
    ----------
    truth, predicted : (rows, columns) int
    thresholds : sequence of float
        Least IoU of a match. The published script prints the value at 0.25 under the name 0.5.

    Returns
    -------
    DataFrame
        One row per threshold: `iou`, `n_matched`, `n_true`, `n_predicted`, `precision`, `recall`,
        `f1`, `ap` = TP / (TP + FP + FN), `pq` = sum of matched IoU / (TP + FP/2 + FN/2). NaN where
        both are empty.

    Examples
    --------
    >>> scores(np.array([[1, 1, 0, 2]]), np.array([[7, 7, 0, 0]]), [0.5])["ap"].tolist()
    [0.5]
    """
    table = overlaps(truth, predicted)
    n_true, n_predicted = len(table.true_areas), len(table.predicted_areas)
    rows = []
    for threshold in thresholds:
        iou = table.iou[match(table, threshold)]
        hit, half = len(iou), (n_true + n_predicted) / 2
        rows.append(
            {
                "iou": threshold,
                "n_matched": hit,
                "n_true": n_true,
                "n_predicted": n_predicted,
                "precision": _share(hit, n_predicted),
                "recall": _share(hit, n_true),
                "f1": _share(hit, half),
                "ap": _share(hit, n_true + n_predicted - hit),
                "pq": _share(iou.sum(), half),
            }
        )
    return pd.DataFrame(rows)


def aggregated_jaccard(
    truth: np.ndarray, predicted: np.ndarray, *, published: bool = False
) -> float:
    """Return the aggregated Jaccard index (Kumar et al., IEEE TMI 36:1550, 2017).

    Each true cell is paired with the prediction of highest IoU; intersections are divided by unions
    plus the area of predictions that no true cell took.

    Parameters
    ----------
    truth, predicted : (rows, columns) int
    published : bool
        Take the form of the released code, which divides matched intersections by the area of all
        foreground, so that what is wrong within the foreground costs less.

    Returns
    -------
    float
        From 0 to 1; NaN where both are empty.
    """
    table = overlaps(truth, predicted)
    if published:
        shared = table.shared[match(table, 0.5)].sum()
        return _share(shared, int(((truth > 0) | (predicted > 0)).sum()))
    best = _first_best(table.true, table.iou)
    unpaired = np.delete(table.true_areas, table.true[best]).sum()
    spare = np.delete(table.predicted_areas, np.unique(table.predicted[best])).sum()
    return _share(table.shared[best].sum(), table.union[best].sum() + unpaired + spare)


def cell_iou(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return for every true cell its highest IoU with a prediction.

    Parameters
    ----------
    truth, predicted : (rows, columns) int

    Returns
    -------
    (true cells,) float
        In the order of the ids; 0 where no prediction overlaps.
    """
    table = overlaps(truth, predicted)
    best = np.zeros(len(table.true_areas))
    np.maximum.at(best, table.true, table.iou)
    return best


def gene_iou(
    truth: np.ndarray, predicted: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Return for every true cell with spots the IoU of its spots and those of its best-overlapping
    prediction.

    Spots are sets of distinct pixels, as published; cells without spots are left out.

    Parameters
    ----------
    truth, predicted : (rows, columns) int
    rows, columns : (n,) int
        Pixels of spots inside the image.
    """
    pixels = np.unique(np.ravel_multi_index((rows, columns), truth.shape))
    a, b = label_images.dense(truth)[1].ravel(), label_images.dense(predicted)[1].ravel()
    table = overlaps(truth, predicted)
    n_true, n_predicted = len(table.true_areas), len(table.predicted_areas)
    partner = np.zeros(n_true + 1, np.int64)
    best = _first_best(table.true, table.iou)
    partner[table.true[best] + 1] = table.predicted[best] + 1
    in_true = np.bincount(a[pixels], minlength=n_true + 1)
    in_predicted = np.append(0, np.bincount(b[pixels], minlength=n_predicted + 1)[1:])[partner]
    both = pixels[(b[pixels] > 0) & (partner[a[pixels]] == b[pixels])]
    shared = np.bincount(a[both], minlength=n_true + 1)
    counted = in_true[1:] > 0
    return (shared / np.maximum(in_true + in_predicted - shared, 1))[1:][counted]


def boundary_scores(
    truth: np.ndarray, predicted: np.ndarray, *, scale: float = 0.1
) -> dict[str, float]:
    """Compare outlines: pixels count if they lie near an outline of the other image.

    Parameters
    ----------
    truth, predicted : (rows, columns) int
    scale : float
        What is near, in diameters of the true cells.

    Returns
    -------
    dict
        `precision`, `recall` and `f`, their harmonic mean.
    """
    from scipy.ndimage import distance_transform_edt
    from skimage.segmentation import find_boundaries

    reach = scale * label_images.diameter(truth)
    a, b = (find_boundaries(labels, mode="inner") for labels in (truth, predicted))
    recall = _share(int((distance_transform_edt(~b)[a] <= reach).sum()), int(a.sum()))
    precision = _share(int((distance_transform_edt(~a)[b] <= reach).sum()), int(b.sum()))
    return {"precision": precision, "recall": recall, "f": _harmonic(precision, recall)}


def shape_statistics(labels: np.ndarray) -> pd.DataFrame:
    """Measure the shape of every cell.

    Parameters
    ----------
    labels : (rows, columns) int

    Returns
    -------
    DataFrame
        One row per cell: `label`, `area` in pixels, `solidity` (share of the convex hull),
        `elongation` (long over short axis) and `compactness` (4π area / perimeter², 1 for a disk).
    """
    from skimage.measure import regionprops_table

    names = ("label", "area", "solidity", "axis_major_length", "axis_minor_length", "perimeter")
    table = pd.DataFrame(regionprops_table(labels, properties=names))
    table["elongation"] = table["axis_major_length"] / table["axis_minor_length"].clip(lower=1)
    perimeter = table["perimeter"].clip(lower=1)
    table["compactness"] = (4 * np.pi * table["area"] / perimeter**2).clip(upper=1)
    return table.drop(columns=["axis_major_length", "axis_minor_length", "perimeter"])


def _first_best(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return for each group the index of its largest value, the first of equals."""
    order = np.lexsort((np.arange(len(values)), -np.round(values, 12), groups))
    return order[np.r_[True, np.diff(groups[order]) != 0]] if len(order) else order


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b > 0 else 0.0
