"""The optional input features of the published grid, written out, and as inner products.

Written out (`explicit`) an input grows to tens of thousands of dimensions. The kernel asks only for
inner products and squared distances, and both add up over blocks of features, so that

* the mean training target is one constant: it adds to every product and to no distance;
* a training row is its own nearest neighbour, so its neighbour weights are (1, 0, …, 0) exactly and
  their encoding is a constant too; only the new row carries information, in one number: its
  distance from that constant;
* appended neighbour rows are sums of gathers of matrices that are there already.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from lib.data.errors import InputError
from lib.stats import order

APPENDED = ("none", "images", "genes")
ENCODINGS = ("positional", "gauss")


@dataclass(frozen=True)
class Geometry:
    """Inner products and squared distances of rows of features; blocks of features add up.

    Parameters
    ----------
    dots, distances : (..., N, N) array
    """

    dots: np.ndarray
    distances: np.ndarray

    def __add__(self, other: "Geometry") -> "Geometry":
        return Geometry(self.dots + other.dots, self.distances + other.distances)

    def shifted(self, constant) -> "Geometry":
        """Return the geometry with a constant block beside every row.

        Parameters
        ----------
        constant : float or array
            Squared length of the block.

        Returns
        -------
        Geometry
            Distances do not change.
        """
        return Geometry(self.dots + constant, self.distances)

    def gathered(self, neighbours: np.ndarray) -> "Geometry":
        """Return the geometry of rows that put the rows of their neighbours side by side.

        Parameters
        ----------
        neighbours : (M, k) array of int
            Neighbours of M rows.

        Returns
        -------
        Geometry, (M, M)
            Sums over the k places in the lists.
        """
        picks = [np.ix_(column, column) for column in neighbours.T]
        return Geometry(
            sum(self.dots[pick] for pick in picks), sum(self.distances[pick] for pick in picks)
        )


def geometry(rows) -> Geometry:
    """Return inner products and squared distances of rows.

    Parameters
    ----------
    rows : (N, D) array

    Returns
    -------
    Geometry, (N, N)
        Distances come from differences, so that nothing cancels.

    Examples
    --------
    >>> geometry([[3.0, 0.0], [0.0, 4.0]]).distances.tolist()
    [[0.0, 25.0], [25.0, 0.0]]
    """
    rows = np.asarray(rows, float)
    dots = rows @ rows.T  # (N, N)
    np.fill_diagonal(dots, np.einsum("nd,nd->n", rows, rows))
    return Geometry(dots, cdist(rows, rows, "sqeuclidean"))


def neighbour_lists(distances: np.ndarray, n_neighbours: int) -> np.ndarray:
    """Return the nearest training rows of every row, nearest first, equal ones by number.

    A training row is its own nearest neighbour.

    Parameters
    ----------
    distances : (N + 1, N + 1) array
        Of N training rows and a new row, which comes last and is nobody's neighbour.
    n_neighbours : int
        k; more than N means all.

    Returns
    -------
    (N + 1, min(k, N)) array of int
    """
    ranked = distances[:, :-1].copy()  # the new row is nobody's neighbour
    np.fill_diagonal(ranked, -1)  # a row is its own nearest neighbour
    return order.ascending(ranked)[:, :n_neighbours]


def check_independent(rows: np.ndarray) -> None:
    """Refuse training rows whose neighbour weights are not unique, which the reductions rest on.

    Parameters
    ----------
    rows : (N, D) array

    Raises
    ------
    InputError
        If the rows span fewer than N dimensions.
    """
    values = np.linalg.svd(rows, compute_uv=False)  # singular values, largest first
    rank = int((values > 1e-10 * values[0]).sum())
    if rank < len(rows):
        raise InputError(
            f"{len(rows)} training rows span {rank} dimensions, so their neighbour weights are not "
            "unique; use wider image embeddings, remove equal rows, or take n_neighbours: [0]"
        )


def phases(
    weights: np.ndarray, encoding: str, n_encodings: int, sigma: float, normal: np.ndarray | None
) -> np.ndarray:
    """Return the phases whose cosines and sines are the encoding of neighbour weights.

    Parameters
    ----------
    weights : (..., k) array
        Neighbour weights w.
    encoding : str
        `positional`: 2π σ^(j/m) w_i for all i and j = 0 … m − 1; `gauss`: 2π σ B w.
    n_encodings : int
        m.
    sigma : float
        σ, the scale.
    normal : (..., m, k) array or None
        Standard normal draws B of `gauss`.

    Returns
    -------
    (..., m · k) or (..., m) array

    Raises
    ------
    InputError
        For another encoding.
    """
    if encoding == "positional":
        powers = 2 * np.pi * sigma ** (np.arange(n_encodings) / n_encodings)  # (m,)
        return (weights[..., :, None] * powers).reshape(*weights.shape[:-1], -1)
    if encoding == "gauss":
        return 2 * np.pi * sigma * (weights @ np.swapaxes(normal, -1, -2))
    raise InputError(f"encoding {encoding!r} is unknown; choose positional or gauss")


def explicit(
    images, genes, new, config: Mapping[str, Any], *, normal: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Write out the features of training rows and of a new row: the definition of the grid.

    Blocks come in the published order: images, mean training target, encoded neighbour weights,
    rows of the neighbours.

    Parameters
    ----------
    images : (N, D) array
        Training rows.
    genes : (N, R) array
        Training targets.
    new : (1, D) array
    config : mapping
        `use_mean`, `n_neighbours`, `append`, `encoding`, `n_encodings`, `sigma`, see
        `lib.translation.grid`.
    normal : (m, k) array, optional
        A draw of the `gauss` encoding.

    Returns
    -------
    (N, F), (1, F) arrays

    Raises
    ------
    InputError
        For an unknown encoding.

    References
    ----------
    Image2Reg, grid behind Fig 4B.
    """
    rows = np.vstack([images, new])  # (N + 1, D), the new row last
    if config["use_mean"]:
        rows = np.hstack([rows, np.tile(np.mean(genes, axis=0), (len(rows), 1))])
    if config["n_neighbours"] == 0:
        return rows[:-1], rows[-1:]
    lists = neighbour_lists(cdist(rows, rows, "sqeuclidean"), config["n_neighbours"])
    weights = np.array(  # (N + 1, k)
        [row @ np.linalg.pinv(rows[:-1][near]) for row, near in zip(rows, lists, strict=True)]
    )
    angles = phases(weights, config["encoding"], config["n_encodings"], config["sigma"], normal)
    rows = np.hstack([rows, np.cos(angles), np.sin(angles)])  # cosines and sines side by side
    if config["append"] != "none":
        # images: the rows as they are by now, with mean and encoding
        source = {"images": rows[:-1], "genes": np.asarray(genes)}[config["append"]]
        rows = np.hstack([rows, source[lists].reshape(len(rows), -1)])
    return rows[:-1], rows[-1:]
