"""What a prediction is compared with, and every score of a slide in one table."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from lib.genesegnet import labels as label_images
from lib.genesegnet import metrics, pictures
from lib.genesegnet.samples import Sample
from lib.run import store


def references(raw: str | os.PathLike, sample: Sample) -> dict[str, np.ndarray]:
    """Return what a prediction is compared with.

    Parameters
    ----------
    raw : path
        Folder that the sample was read from.
    sample : Sample

    Returns
    -------
    dict
        `truth`, the whole cells, where they were planted; `labels` where there are any; each
        (rows, columns) int.
    """
    planted = Path(store.resolve(raw)) / "truth" / f"{sample.name}_cells.png"
    found = {} if sample.labels is None else {"labels": sample.labels}
    return {"truth": pictures.read_labels(planted), **found} if planted.exists() else found


def scored(sample: Sample, truth: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Score the cells of one slide.

    Parameters
    ----------
    sample : Sample
    truth, labels : (rows, columns) int
        Cells as they are and as they were found.

    Returns
    -------
    DataFrame
        `metrics.scores` at overlaps of 0.5 to 0.95 and, the same in every row, AJI, cell IoU, gene
        IoU, F of the outlines, share of spots in a cell, and diameter in pixels.
    """
    table = metrics.scores(truth, labels).assign(sample=sample.name)
    shared = metrics.gene_iou(truth, labels, sample.rows, sample.columns)
    return table.assign(
        aji=metrics.aggregated_jaccard(truth, labels),
        cell_iou=metrics.cell_iou(truth, labels).mean(),
        gene_iou=shared.mean() if len(shared) else np.nan,
        boundary_f=metrics.boundary_scores(truth, labels)["f"],
        assigned=float((labels[sample.rows, sample.columns] > 0).mean()),
        diameter=label_images.diameter(labels),
    )
