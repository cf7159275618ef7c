"""What a user would take instead: cells from nuclei, with and without transcripts, and how they
compare.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.genesegnet import labels as label_images
from lib.genesegnet import metrics, morphology, pictures
from lib.genesegnet.location import location_map, spot_density
from lib.genesegnet.samples import Sample, find
from lib.genesegnet.spots import cell_keys
from lib.images import segmentation


def nuclei(sample: Sample) -> np.ndarray:
    """Label the nuclei of a sample by the built-in segmentation, without training.

    Parameters
    ----------
    sample : Sample

    Returns
    -------
    (rows, columns) int
    """
    return segmentation.segment(sample.stain)


def expanded(found: np.ndarray, distance: float) -> np.ndarray:
    """Grow nuclei without overlap.

    Parameters
    ----------
    found : (rows, columns) int
    distance : float
        In pixels.

    Returns
    -------
    (rows, columns) int
    """
    return morphology.grow(found, distance)[0]


def voronoi(found: np.ndarray, sample: Sample, *, sigma: float, distance: float) -> np.ndarray:
    """Grow nuclei into all that is nearer to them than to another, as far as there are transcripts.

    Parameters
    ----------
    sigma : float
        A pixel is kept if a transcript lies within twice as many pixels.
    distance : float
        No cell reaches further than this from its nucleus, in pixels.
    """
    # e^-2 is a distance of two sigma
    near = location_map(sample.rows, sample.columns, sample.shape, sigma=sigma) > np.exp(-2)
    grown = morphology.grow(found, distance)[0]
    return label_images.largest_pieces(np.where(near | (found > 0), grown, 0))[0]


def watershed(found: np.ndarray, sample: Sample, *, sigma: float) -> np.ndarray:
    """Flood the sum of stain and density of transcripts from the nuclei.

    Parameters
    ----------
    found : (rows, columns) int
        Nuclei.
    sample : Sample
    sigma : float
        Smoothing of both in pixels.

    Returns
    -------
    (rows, columns) int32
        Down to half of Otsu's threshold of the density.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.filters import threshold_otsu
    from skimage.segmentation import watershed as flood

    density = spot_density(sample.rows, sample.columns, sample.shape, sigma=sigma)
    stain = gaussian_filter(sample.stain.astype(np.float64), sigma)
    height = density / density.max() + stain / stain.max()
    mask = (density > threshold_otsu(density) / 2) | (found > 0)
    return label_images.largest_pieces(flood(-height, found, mask=mask))[0].astype(np.int32)


def every(sample: Sample, *, expansion: float, reach: float, sigma: float) -> dict[str, np.ndarray]:
    """Return the cells of all ways.

    Parameters
    ----------
    sample : Sample
    expansion, reach, sigma : float
        In pixels, see `expanded`, `voronoi` and `watershed`.

    Returns
    -------
    dict
        Name → (rows, columns) int.
    """
    found = nuclei(sample)
    return {
        "nuclei": found,
        "nuclei, grown": expanded(found, expansion),
        "Voronoi": voronoi(found, sample, sigma=sigma, distance=reach),
        "watershed": watershed(found, sample, sigma=sigma),
    }


def of_another_tool(folder: str | os.PathLike, sample: Sample) -> dict[str, np.ndarray]:
    """Read the cells that another tool, such as Cellpose or StarDist, drew on a slide.

    Parameters
    ----------
    folder : path
        With `labels`, one label image per slide and of its name.
    sample : Sample

    Returns
    -------
    dict
        The folder's name → (rows, columns) int.

    Raises
    ------
    InputError
        If there is no label image of that name, or of another size.
    """
    files = find(folder, kinds=("labels",))
    if sample.name not in files:
        raise InputError(f"no labels of {sample.name}; there are {listed(files)}", file=folder)
    labels = pictures.read_labels(files[sample.name]["labels"], shape=sample.shape)
    return {Path(folder).name: labels}


def count(predictions: dict[str, np.ndarray], sample: Sample) -> pd.DataFrame:
    """Count what needs no truth.

    Parameters
    ----------
    predictions : mapping
        Name → (rows, columns) int.
    sample : Sample

    Returns
    -------
    DataFrame
        One row per name: `assigned`, the share of spots in a cell, and `n_cells`. Where the spots
        came with cells of their own, these are the last row.
    """
    rows = [
        {
            "method": name,
            "assigned": float((labels[sample.rows, sample.columns] > 0).mean()),
            "n_cells": len(label_images.areas(labels)[0]),
        }
        for name, labels in predictions.items()
    ]
    if "cell" in sample.spots:
        keys = cell_keys(sample.spots)
        own = {"assigned": float((keys != "").mean()), "n_cells": keys[keys != ""].nunique()}
        rows.append({"method": "as delivered", **own})
    return pd.DataFrame(rows)


def compare(
    predictions: dict[str, np.ndarray],
    truth: np.ndarray,
    spots: pd.DataFrame,
    types: np.ndarray,
) -> pd.DataFrame:
    """Score several segmentations of one slide against planted cells.

    Parameters
    ----------
    predictions : mapping
        Name → (rows, columns) int.
    truth : (rows, columns) int
    spots : DataFrame
        `x`, `y` in pixels and the planted `cell` of each (0: stray).
    types : (cells + 1,) int
        Planted type by cell id.

    Returns
    -------
    DataFrame
        One row per name: AP at 0.5 and 0.75, mean AP over 0.5 to 0.95, AJI, PQ, share of spots
        assigned, purity (see `purity`), share of assigned spots that are in the cell matching their
        own.
    """
    rows, columns = spots["y"].to_numpy(np.int64), spots["x"].to_numpy(np.int64)
    scored = []
    for name, predicted in predictions.items():
        table = metrics.scores(truth, predicted).set_index("iou")
        owner = predicted[rows, columns]
        scored.append(
            {
                "method": name,
                "ap50": table["ap"].iloc[0],
                "ap75": table["ap"].loc[0.75],
                "ap": table["ap"].mean(),
                "aji": metrics.aggregated_jaccard(truth, predicted),
                "pq": table["pq"].iloc[0],
                "assigned": float((owner > 0).mean()),
                "purity": purity(owner, types[spots["cell"].to_numpy()]),
                "n_cells": int(table["n_predicted"].iloc[0]),
            }
        )
    return pd.DataFrame(scored)


def purity(owner: np.ndarray, types: np.ndarray) -> float:
    """Return the share of assigned spots that are of the most frequent planted type in their cell.

    Parameters
    ----------
    owner : (n,) int
        Predicted cell of each spot, 0 for none.
    types : (n,) int
        Planted type of the cell that each spot came from; −1, for a stray one, counts as impure.

    Examples
    --------
    >>> purity(np.array([1, 1, 1, 2]), np.array([0, 0, 1, 1]))
    0.75
    """
    inside = owner > 0
    cells = np.unique(owner[inside], return_inverse=True)[1]
    table = np.zeros((int(cells.max(initial=-1)) + 1, int(types.max(initial=0)) + 1), np.int64)
    known = types[inside] >= 0
    np.add.at(table, (cells[known], types[inside][known]), 1)
    return float(table.max(axis=1).sum() / inside.sum()) if inside.any() else float("nan")
