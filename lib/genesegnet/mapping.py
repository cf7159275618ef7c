"""Transcripts → cells: every spot has one class, and the numbers add up."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data.errors import InputError
from lib.genesegnet import coordinates, metrics, morphology
from lib.genesegnet import labels as label_images
from lib.genesegnet import spots as spot_tables
from lib.run import store

CLASSES = ("cell", "background", "outside", "low", "control")
CHUNK = 1_000_000  # spots of a Parquet file held at one time
N_JUDGED = 10_000  # of each piece, spots by which it is judged whether they belong to the labels


def assign(
    labels: np.ndarray,
    spots: pd.DataFrame,
    *,
    origin: coordinates.Origin = "corner",
    min_qv: float = 20.0,
    max_distance: float = 0.0,
) -> pd.DataFrame:
    """Give every spot the cell on whose pixel it lies, or the nearest one within a distance.

    Parameters
    ----------
    labels : (rows, columns) int
        Any tool's cells; ids are kept.
    spots : DataFrame
        `x`, `y` in pixels, `gene`, and `qv` where there is one.
    origin : `corner` or `centre`
        What coordinate 0 is.
    min_qv : float
        Spots below it are `low` and in no cell.
    max_distance : float
        How far from a cell a spot may lie, in pixels; 0 as published.

    Returns
    -------
    DataFrame
        The spots in their order with `cell_id` (0: none), `status` (cell, background, outside, low,
        control) and `distance` in pixels to its cell.

    Examples
    --------
    >>> spots = pd.DataFrame({"x": [-0.4, 0.5], "y": [0.2, 0.5], "gene": ["A", "B"]})
    >>> assign(np.array([[7]]), spots)["cell_id"].tolist()
    [0, 7]
    """
    rows, columns, inside = coordinates.pixels(spots, labels.shape, origin=origin)
    ids, distance = np.zeros(len(spots), np.int64), np.full(len(spots), np.nan, np.float32)
    places = rows[inside], columns[inside]
    if max_distance > 0:
        grown, distances = morphology.grow(labels, max_distance)
        ids[inside], distance[inside] = grown[places], distances[places]
    else:
        ids[inside] = labels[places]
        distance[inside] = np.where(ids[inside] > 0, 0, np.nan)
    status = np.where(inside, np.where(ids > 0, "cell", "background"), "outside").astype(object)
    kind = spot_tables.quality(spots, min_qv=min_qv)
    # controls and low quality are no transcripts of a cell, wherever they lie
    status[kind != "gene"] = kind[kind != "gene"]
    counted = status == "cell"
    return spots.assign(
        cell_id=np.where(counted, ids, 0),
        status=pd.Categorical(status, CLASSES),
        distance=np.where(counted, distance, np.nan),
    )


def account(assigned: pd.DataFrame) -> dict[str, int]:
    """Return how many spots are of each class.

    Parameters
    ----------
    assigned : DataFrame
        From `assign`.

    Returns
    -------
    dict
        Class → spots, and `input`, their sum. Where the file has cells of its own, such as the
        instrument's, `given` is the number of spots that it puts into one.

    Raises
    ------
    AssertionError
        If a spot has no class.
    """
    counts = {name: int((assigned["status"] == name).sum()) for name in CLASSES}
    assert sum(counts.values()) == len(assigned), "every spot has one class"
    counts["input"] = len(assigned)
    if "cell" in assigned:
        counts["given"] = int((spot_tables.cell_keys(assigned) != "").sum())
    return counts


def published_table(assigned: pd.DataFrame) -> pd.DataFrame:
    """Return the published table.

    Parameters
    ----------
    assigned : DataFrame
        From `assign`.

    Returns
    -------
    DataFrame
        `cell_id`, `spotX`, `spotY`, `gene`, by id and then in the order of the input. Every spot is
        kept, those in no cell under id 0.
    """
    table = assigned.sort_values("cell_id", kind="stable")
    columns = {
        "cell_id": table["cell_id"],
        "spotX": table["x"],
        "spotY": table["y"],
        "gene": table["gene"],
    }
    whole = {
        name: values.astype(np.int64)
        for name, values in columns.items()
        if name in ("spotX", "spotY") and (values == np.floor(values)).all()
    }
    return pd.DataFrame({**columns, **whole}).reset_index(drop=True)


def cells_by_genes(
    assigned: pd.DataFrame,
    labels: np.ndarray,
    *,
    nuclei: np.ndarray | None = None,
    origin: coordinates.Origin = "corner",
    pixel_size: float | None = None,
    confidence: np.ndarray | None = None,
    shapes: bool = False,
) -> AnnData:
    """Count transcripts per cell and gene; cells without a transcript are kept.

    Parameters
    ----------
    assigned : DataFrame
        From `assign` with the same labels.
    labels : (rows, columns) int
    nuclei : (rows, columns) int, optional
        Where nuclei are; gives the layers `nuclear` and `cytoplasmic`.
    pixel_size : float, optional
        µm per pixel; adds the area in µm².
    confidence : (cells, 2) float, optional
        Mean probability and flow error per cell, in the order of the ids.
    shapes : bool
        Add what `metrics.shape_statistics` tells of each cell, by which odd ones are found.

    Returns
    -------
    AnnData
        Cells × genes counts; obs: id, area, middle, transcripts, genes; obsm: `spatial` (x, y in
        pixels) and, where spots have a z, `counts_per_z`; uns: `account`.
    """
    from scipy.sparse import csr_matrix

    cells = cell_table(labels, pixel_size=pixel_size)
    inside = assigned[assigned["status"] == "cell"]
    genes, columns = np.unique(inside["gene"].to_numpy(str), return_inverse=True)
    # ids ascend, so a search gives the row
    rows = np.searchsorted(cells["cell_id"].to_numpy(), inside["cell_id"].to_numpy())
    shape = (len(cells), len(genes))

    def count(which: np.ndarray | slice) -> csr_matrix:
        ones = np.ones(len(rows[which]), np.int32)
        return csr_matrix((ones, (rows[which], columns[which])), shape=shape)

    table = AnnData(count(slice(None)))
    table.obs = _observed(cells, table.X, confidence)
    if shapes:
        found = metrics.shape_statistics(labels).set_index("label").drop(columns="area")
        table.obs[list(found)] = found.loc[cells["cell_id"]].to_numpy()
    table.var_names = genes
    table.obsm["spatial"] = cells[["x", "y"]].to_numpy()
    table.uns["account"] = account(assigned)
    if nuclei is not None:
        row, column, _ = coordinates.pixels(inside, labels.shape, origin=origin)
        within = nuclei[row.clip(0, labels.shape[0] - 1), column.clip(0, labels.shape[1] - 1)] > 0
        table.layers["nuclear"], table.layers["cytoplasmic"] = count(within), count(~within)
    if "z" in inside:
        table.obsm["counts_per_z"] = _per_plane(rows, inside["z"].to_numpy(), len(cells))
    assert int(table.X.sum()) == table.uns["account"]["cell"], (
        "the matrix holds every spot in a cell"
    )
    return table


def cell_table(labels: np.ndarray, *, pixel_size: float | None = None) -> pd.DataFrame:
    """Measure every cell.

    Parameters
    ----------
    labels : (rows, columns) int
    pixel_size : float, optional
        µm per pixel.

    Returns
    -------
    DataFrame
        One row per cell by id: `cell_id`, `area` in pixels, middle `x` and `y` in pixels, and with
        a pixel size `area_um2`.
    """
    ids, ranks = label_images.dense(labels)
    places = np.nonzero(ranks)  # most of a slide is background
    cells = ranks[places]
    area = np.bincount(cells, minlength=len(ids))[1:]
    y, x = (
        np.bincount(cells, weights=place, minlength=len(ids))[1:] / area + 0.5 for place in places
    )
    table = pd.DataFrame({"cell_id": ids[1:], "area": area, "x": x, "y": y})
    return table if pixel_size is None else table.assign(area_um2=area * pixel_size**2)


def assign_file(
    path: str | os.PathLike,
    labels: np.ndarray,
    target: str | os.PathLike,
    *,
    pixel_size: float | None = None,
    **options: Any,
) -> dict[str, int]:
    """Assign the spots of a file and write them, a Parquet file in memory that does not grow with
    it.

    Parameters
    ----------
    path : path
        Parquet, read piece by piece, or CSV, read at once.
    labels : (rows, columns) int
    target : path
        Parquet with the columns of `assign`.
    pixel_size : float, optional
        µm per pixel of spots in µm.
    options
        Further arguments of `assign`.

    Returns
    -------
    dict
        The account of all pieces together, see `account`.

    Raises
    ------
    InputError
        If the file is no table of spots, or they cannot belong to the labels; then nothing is
        written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    total, seen, writer = Counter(), [], None
    with store.atomic(target) as part:
        for spots in _pieces(path):
            placed = coordinates.to_pixels(spots, pixel_size=pixel_size)
            seen.append(placed[["x", "y"]].iloc[:: 1 + len(placed) // N_JUDGED])
            assigned = assign(labels, placed, **options)
            total.update(account(assigned))
            piece = pa.Table.from_pandas(assigned.astype({"status": str}), preserve_index=False)
            # the first piece says the types of all
            writer = writer or pq.ParquetWriter(part, piece.schema)
            writer.write_table(piece.cast(writer.schema))
        if writer is None:
            raise InputError("the table has no row", file=path)
        writer.close()
        # judged before the file gets its name
        coordinates.check_extent(pd.concat(seen), labels.shape, file=path)
    return dict(total)


def _observed(cells: pd.DataFrame, counts: "object", confidence: np.ndarray | None) -> pd.DataFrame:
    obs = cells.set_index(cells["cell_id"].astype(str)).rename_axis(None)
    obs["n_transcripts"] = np.asarray(counts.sum(axis=1)).ravel().astype(np.int64)
    obs["n_genes"] = np.asarray((counts > 0).sum(axis=1)).ravel().astype(np.int64)
    if confidence is not None:
        obs["probability"], obs["flow_error"] = confidence[:, 0], confidence[:, 1]
    return obs


def _per_plane(rows: np.ndarray, z: np.ndarray, n_cells: int) -> pd.DataFrame:
    planes, column = np.unique(z, return_inverse=True)
    counts = np.zeros((n_cells, len(planes)), np.int64)
    np.add.at(counts, (rows, column), 1)
    index = pd.RangeIndex(n_cells).astype(str)
    return pd.DataFrame(counts, index=index, columns=[f"z{plane:g}" for plane in planes]).to_numpy()


def _pieces(path: str | os.PathLike) -> Iterator[pd.DataFrame]:
    """Yield the spots of a Parquet file in pieces, those of any other at once."""
    import pyarrow.parquet as pq

    path = Path(store.resolve(path))
    if path.suffix != ".parquet":
        yield spot_tables.read(path)
        return
    try:
        file = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise InputError(f"no Parquet file ({type(error).__name__})", file=path) from None
    for batch in file.iter_batches(batch_size=CHUNK):
        yield spot_tables.named(batch.to_pandas(), file=path)
