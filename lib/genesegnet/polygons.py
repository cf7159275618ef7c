"""Outlines of cells: from labels without losing a hole or a corner, from vendors' files, and out
for viewers.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.genesegnet.labels import dense
from lib.run import store

AT_ONCE = 2**20  # pixels that are looked up at one time


def from_labels(labels: np.ndarray) -> pd.DataFrame:
    """Return the outline of every cell along the edges of its pixels: holes are kept, areas are
    those of the pixels.

    Parts that touch at a corner only are parts of one MultiPolygon.

    Returns
    -------
    DataFrame
        `cell_id`, `area` in pixels and `geometry` (shapely): x along columns, y along rows,
        the corner of the first pixel at (0, 0).
    """
    import shapely

    ids, ranks = dense(labels)
    row, start, stop, rank = _runs(ranks)
    # runs of pixels instead of pixels: a tenth of the boxes to unite
    strips = shapely.box(start, row, stop, row + 1)
    order = np.argsort(rank, kind="stable")
    ends = np.searchsorted(rank[order], np.arange(1, len(ids) + 1))
    pieces = np.split(strips[order], ends[:-1])[1:] if len(ids) > 1 else []
    outlines = [shapely.union_all(piece) for piece in pieces]  # one union per cell, in C
    area = shapely.area(np.array(outlines, object))
    return pd.DataFrame({"cell_id": ids[1:], "area": area, "geometry": outlines})


def read_merscope(path: str | os.PathLike, *, z: int | None = None) -> pd.DataFrame:
    """Read the outlines of a MERSCOPE file.

    Parameters
    ----------
    path : path
        Parquet with WKB in µm.
    z : int, optional
        Plane; default: the middle one.

    Returns
    -------
    DataFrame
        One row per cell: `cell_id` and `geometry` in µm.

    Raises
    ------
    InputError
        If the file has no `Geometry` of outlines.
    """
    import shapely

    path = Path(store.resolve(path))
    try:
        table = pd.read_parquet(path, columns=["EntityID", "ZIndex", "Geometry"])
        table["Geometry"] = shapely.from_wkb(table["Geometry"].to_numpy())
    except (OSError, ValueError, shapely.errors.ShapelyError) as error:
        raise InputError(f"no outlines of cells ({type(error).__name__})", file=path) from None
    planes = np.sort(table["ZIndex"].unique())
    plane = planes[len(planes) // 2] if z is None else z
    table = table[table["ZIndex"] == plane].drop_duplicates("EntityID")
    table = table.rename(columns={"EntityID": "cell_id", "Geometry": "geometry"})
    return table[["cell_id", "geometry"]].reset_index(drop=True)


def transform(outlines: pd.DataFrame, matrix: np.ndarray) -> pd.DataFrame:
    """Move outlines by a matrix, such as that from µm to pixels.

    Parameters
    ----------
    outlines : DataFrame
        `geometry`.
    matrix : (3, 3)

    Returns
    -------
    DataFrame
        With moved geometries.
    """
    import shapely

    def move(points: np.ndarray) -> np.ndarray:
        return points @ matrix[:2, :2].T + matrix[:2, 2]

    moved = shapely.transform(outlines["geometry"].to_numpy(), move)
    return outlines.assign(geometry=list(moved))


def to_labels(outlines: pd.DataFrame, shape: tuple[int, int]) -> np.ndarray:
    """Return the label image of outlines: a pixel is of the cell around its middle.

    Parameters
    ----------
    outlines : DataFrame
        `geometry` in pixels.
    shape : (int, int)

    Returns
    -------
    (rows, columns) int32
        1 … n by row of the table; where outlines overlap, see `owners`.
    """
    labels = np.zeros(shape, np.int32)
    height = max(1, AT_ONCE // shape[1])
    for top in range(0, shape[0], height):  # in bands, as each pixel is a point of some 100 bytes
        band = labels[top : top + height]
        rows, columns = np.indices(band.shape)
        owner = owners(outlines, columns.ravel() + 0.5, rows.ravel() + top + 0.5)
        band[:] = owner.reshape(band.shape)
    return labels


def owners(outlines: pd.DataFrame, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the one outline that owns each point.

    Parameters
    ----------
    outlines : DataFrame
        `geometry`.
    x, y : (n,) float
        In the unit of the outlines.

    Returns
    -------
    (n,) int
        Row of the outline from 1, 0 for none; of several the one with the nearest centroid.
    """
    import shapely

    shapes = outlines["geometry"].to_numpy()
    if not len(shapes):
        return np.zeros(len(x), np.int64)
    # the tree holds the points, as there are many more of them than outlines
    tree = shapely.STRtree(shapely.points(x, y))
    cell, point = tree.query(shapes, predicate="intersects")
    inside = np.split(point, np.searchsorted(cell, np.arange(1, len(shapes))))
    centroids = shapely.get_coordinates(shapely.centroid(shapes))
    return owner_of_overlaps(inside, centroids, np.asarray(x, float), np.asarray(y, float))


def owner_of_overlaps(
    inside: list[np.ndarray], centroids: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Return for every spot the one cell that owns it where outlines overlap: the one with the
    nearest centroid.

    Parameters
    ----------
    inside : list of (k,) int
        Spots within each outline.
    centroids : (cells, 2) float
        x and y.
    x, y : (n,) float

    Returns
    -------
    (n,) int
        Rank of the cell from 1, 0 for none; equals go to the first cell.
    """
    spot = np.concatenate([np.asarray(part, np.int64) for part in inside])
    cell = np.repeat(np.arange(len(inside)), [len(part) for part in inside])
    distance = np.hypot(x[spot] - centroids[cell, 0], y[spot] - centroids[cell, 1])
    order = np.lexsort((cell, np.round(distance, 9), spot))
    first = order[np.r_[True, np.diff(spot[order]) != 0]] if len(order) else order
    owner = np.zeros(len(x), np.int64)
    owner[spot[first]] = cell[first] + 1
    return owner


def write_geojson(
    path: str | os.PathLike, outlines: pd.DataFrame, *, pixel_size: float | None = None
) -> Path:
    """Write outlines as GeoJSON for viewers such as QuPath.

    Parameters
    ----------
    path : path
    outlines : DataFrame
        `cell_id` and `geometry` in pixels.
    pixel_size : float, optional
        µm per pixel; the file is then in µm.

    Returns
    -------
    Path
    """
    import shapely

    shapes = outlines["geometry"].to_numpy()
    if pixel_size is not None:
        shapes = shapely.transform(shapes, lambda points: points * pixel_size)
    features = [
        {
            "type": "Feature",
            "id": str(cell),
            "properties": {"cell_id": int(cell), "objectType": "cell"},
            "geometry": json.loads(text),
        }
        for cell, text in zip(outlines["cell_id"], shapely.to_geojson(shapes), strict=True)
    ]
    return store.write_json(path, {"type": "FeatureCollection", "features": features})


def _runs(ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return horizontal runs of one cell: row, first column, column after the last, rank."""
    padded = np.pad(ranks, ((0, 0), (1, 1)))
    row, column = np.nonzero(np.diff(padded, axis=1))
    after = padded[row, column + 1]
    begins = after > 0
    ends = padded[row, column] > 0
    return row[begins], column[begins], column[ends], after[begins]
