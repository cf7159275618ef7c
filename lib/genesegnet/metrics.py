"""How well predicted cells agree with true ones: all from one table of overlaps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.genesegnet import labels as label_images

THRESHOLDS = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))  # 0.5 … 0.95


@dataclass(frozen=True)
class Overlaps:
    """Areas of two label images and of what their cells share.

    Attributes
    ----------
    true_areas : (n,), predicted_areas : (m,)
        Pixels per cell, in the order of the ids.
    shared : (n, m) sparse
        Pixels that a true and a predicted cell share.
    """

    true_areas: np.ndarray
    predicted_areas: np.ndarray
    shared: "object"

    def iou(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the pairs that overlap: true rank, predicted rank, intersection over union."""
        pairs = self.shared.tocoo()
        union = self.true_areas[pairs.row] + self.predicted_areas[pairs.col] - pairs.data
        return pairs.row, pairs.col, pairs.data / union


def overlaps(truth: np.ndarray, predicted: np.ndarray) -> Overlaps:
    """Count the pixels that cells of two label images share, in one pass.

    Raises
    ------
    ValueError
        For images of different sizes.
    """
    from scipy.sparse import coo_array

    if truth.shape != predicted.shape:
        raise ValueError(f"images of different sizes, {truth.shape} and {predicted.shape}")
    (true_ids, a), (predicted_ids, b) = label_images.dense(truth), label_images.dense(predicted)
    ones = np.ones(truth.size, np.int64)
    size = (len(true_ids), len(predicted_ids))
    table = coo_array((ones, (a.ravel(), b.ravel())), shape=size).tocsr()
    return Overlaps(table.sum(axis=1)[1:], table.sum(axis=0)[1:], table[1:, 1:])


def match(table: Overlaps, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the best pairing at an overlap: true ranks, predicted ranks, and their IoU.

    Parameters
    ----------
    threshold : float
        Least IoU of a pair. From just above 0.5 on no cell has two partners; below, the pairing with most pairs, then
        with the largest sum of IoU, is taken.
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns, iou = table.iou()
    enough = iou >= threshold
    rows, columns, iou = rows[enough], columns[enough], iou[enough]
    if len(np.unique(rows)) == len(rows) and len(np.unique(columns)) == len(columns):
        return rows, columns, iou
    gain = np.zeros(table.shared.shape)
    gain[rows, columns] = 1 + iou / (2 * min(gain.shape))
    a, b = linear_sum_assignment(-gain)
    paired = gain[a, b] > 0
    overlap = (gain[a, b] - 1) * 2 * min(gain.shape)
    return a[paired], b[paired], overlap[paired]


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
        One row per threshold: `iou`, `n_matched`, `n_true`, `n_predicted`, `precision`, `recall`, `f1`,
        `ap` = TP / (TP + FP + FN), `pq` = sum of matched IoU / (TP + FP/2 + FN/2). NaN where both are empty.

    Examples
    --------
    >>> scores(np.array([[1, 1, 0, 2]]), np.array([[7, 7, 0, 0]]), [0.5])["ap"].tolist()
    [0.5]
    """
    table = overlaps(truth, predicted)
    n_true, n_predicted = table.shared.shape
    rows = []
    for threshold in thresholds:
        iou = match(table, threshold)[2]
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


def aggregated_jaccard(truth: np.ndarray, predicted: np.ndarray, *, published: bool = False) -> float:
    """Return the aggregated Jaccard index (Kumar et al., IEEE TMI 36:1550, 2017).

    Each true cell is paired with the prediction of highest IoU; intersections are divided by unions plus the area of
    predictions that no true cell took. The form of the released code, `published`, divides matched intersections by
    the area of all foreground, so what is wrong within the foreground costs less.
    """
    table = overlaps(truth, predicted)
    if published:
        rows, columns, _ = match(table, 0.5)
        shared = np.asarray(table.shared[rows, columns]).sum()
        return _share(shared, int(((truth > 0) | (predicted > 0)).sum()))
    rows, columns, iou = table.iou()
    best = _first_best(rows, iou)
    rows, columns = rows[best], columns[best]
    shared = np.asarray(table.shared[rows, columns]).ravel()
    union = table.true_areas[rows] + table.predicted_areas[columns] - shared
    unpaired = np.delete(table.true_areas, rows).sum()
    spare = np.delete(table.predicted_areas, np.unique(columns)).sum()
    return _share(shared.sum(), union.sum() + unpaired + spare)


def cell_iou(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return for every true cell its highest IoU with a prediction; 0 where none overlaps."""
    table = overlaps(truth, predicted)
    rows, _, iou = table.iou()
    best = np.zeros(len(table.true_areas))
    np.maximum.at(best, rows, iou)
    return best


def gene_iou(
    truth: np.ndarray, predicted: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Return for every true cell with spots the IoU of its spots and those of its best-overlapping prediction.

    Spots are sets of distinct pixels, as published; cells without spots are left out.

    Parameters
    ----------
    truth, predicted : (rows, columns) int
    rows, columns : (n,) int
        Pixels of spots inside the image.
    """
    pixels = np.unique(np.ravel_multi_index((rows, columns), truth.shape))
    a, b = label_images.dense(truth)[1].ravel(), label_images.dense(predicted)[1].ravel()
    n_true, n_predicted = int(a.max()), int(b.max(initial=0))
    table = overlaps(truth, predicted)
    first, second, iou = table.iou()
    partner = np.zeros(n_true + 1, np.int64)
    best = _first_best(first, iou)
    partner[first[best] + 1] = second[best] + 1
    in_true = np.bincount(a[pixels], minlength=n_true + 1)
    in_predicted = np.append(0, np.bincount(b[pixels], minlength=n_predicted + 1)[1:])[partner]
    both = pixels[(b[pixels] > 0) & (partner[a[pixels]] == b[pixels])]
    shared = np.bincount(a[both], minlength=n_true + 1)
    counted = in_true[1:] > 0
    return (shared / np.maximum(in_true + in_predicted - shared, 1))[1:][counted]


def boundary_scores(
    truth: np.ndarray, predicted: np.ndarray, *, scale: float = 0.1
) -> dict[str, float]:
    """Return precision, recall and F of outline pixels that lie near an outline of the other image.

    Near is within `scale` times the diameter of the true cells.
    """
    from scipy.ndimage import distance_transform_edt
    from skimage.segmentation import find_boundaries

    reach = scale * label_images.diameter(truth)
    a, b = (find_boundaries(labels, mode="inner") for labels in (truth, predicted))
    recall = _share(int((distance_transform_edt(~b)[a] <= reach).sum()), int(a.sum()))
    precision = _share(int((distance_transform_edt(~a)[b] <= reach).sum()), int(b.sum()))
    return {"precision": precision, "recall": recall, "f": _harmonic(precision, recall)}


def shape_statistics(labels: np.ndarray) -> pd.DataFrame:
    """Return one row per cell: `area` in pixels, `solidity`, `elongation` and `compactness` (1 for a disk)."""
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
