"""The neural tangent kernel of a two-layer ReLU network with bias, and ridge regression with it.

With x̃ = (x, 1) and θ the angle between x̃ and z̃,

    K(x, z) = |x̃| |z̃| / π · [sin θ + 2 cos θ (π − θ)]          so that K(x, x) = 2 |x̃|².

The published form takes θ from arccos of a rounded cosine, which loses half of the digits where
rows are nearly parallel. Here θ comes from the sine: of the part of x̃ that is perpendicular to z̃,
or of squared distances.

References
----------
Jacot, Gabriel and Hongler (2018), Neural tangent kernel, https://arxiv.org/abs/1806.07572;
Image2Reg, Methods.
"""

import numpy as np

from lib.data.errors import InputError

NARROW = 0.1  # below this sine the angle is computed from the perpendicular part


class SingularKernel(InputError):
    """A kernel without ridge has no inverse."""


def ntk(x, z=None) -> np.ndarray:
    """Return the kernel of rows, to some 1e-15 of the product of their lengths, whatever the angle.

    Parameters
    ----------
    x : (N, D) array
    z : (M, D) array, optional
        By default `x` itself; the result is then exactly symmetric.

    Returns
    -------
    (N, M) array

    Raises
    ------
    InputError
        For NaN, infinity, or rows of different lengths.

    Examples
    --------
    >>> ntk([[0.0, 0.0]], [[0.0, 0.0]]).tolist()  # a row of zeros still has the bias
    [[2.0]]
    """
    x, x_size = _scaled(x, "x")
    z, z_size = (x, x_size) if z is None else _scaled(z, "z")
    if x.shape[1] != z.shape[1]:
        raise InputError(
            f"rows of {x.shape[1] - 1} and {z.shape[1] - 1} dimensions have no common kernel"
        )
    x_norms, z_norms = np.linalg.norm(x, axis=1), np.linalg.norm(z, axis=1)
    cosine = np.clip(x @ z.T / np.outer(x_norms, z_norms), -1, 1)  # (N, M)
    # nearly parallel pairs are corrected below
    sine = np.sqrt((1 - cosine) * (1 + cosine))
    for rows, columns in _chunks(*np.nonzero(sine < NARROW), width=x.shape[1]):
        sine[rows, columns] = _perpendicular(x[rows], z[columns]) / x_norms[rows]
        cosine[rows, columns] = np.sign(cosine[rows, columns]) * np.sqrt(
            1 - sine[rows, columns] ** 2
        )
    kernel = _arc(sine, cosine) * np.outer(x_norms, z_norms)  # (N, M)
    if z is x:
        np.fill_diagonal(kernel, 2 * np.einsum("nd,nd->n", x, x))  # K(x, x) = 2 |x̃|², exactly
        kernel = (kernel + kernel.T) / 2
    return np.ldexp(kernel, x_size[:, None] + z_size[None, :])


def from_geometry(norms_x, norms_z, dots, distances) -> np.ndarray:
    """Return the kernel from inner products alone, for features that are sums over blocks and never
    written out.

    All three add up when blocks of features are put beside each other; the bias adds 1 to norms and
    products. The result is as exact as that of `ntk` but for pairs that are nearly parallel and yet
    of different length, or nearly antiparallel, where θ is known to 1e-8.

    Parameters
    ----------
    norms_x, norms_z : (..., N), (..., M) arrays
        Squared norms with the bias.
    dots, distances : (..., N, M) arrays
        Inner products with the bias; squared distances.

    Returns
    -------
    (..., N, M) array
    """
    x, z = np.sqrt(norms_x)[..., :, None], np.sqrt(norms_z)[..., None, :]
    size, step = x * z, (norms_x[..., :, None] - norms_z[..., None, :]) / (x + z)
    gap = np.where(distances < size, (distances - step**2) / 2, size - dots)  # size · (1 − cos θ)
    gap = np.clip(gap, 0, 2 * size)  # rounding may leave it just outside
    return _arc(np.sqrt(gap * (2 * size - gap)), size - gap)


def ridge_weights(kernel, cross, ridges) -> np.ndarray:
    """Return the weights that ridge regression gives to the training rows: cross · (kernel + λ)⁻¹,
    for every λ.

    A prediction is weights @ targets. One eigendecomposition serves every λ and every set of
    targets.

    Parameters
    ----------
    kernel : (..., N, N) array
        Of the training rows.
    cross : (..., M, N) array
        Of new rows with the training rows.
    ridges : (L,) array
        λ, 0 or more.

    Returns
    -------
    (..., L, M, N) array

    Raises
    ------
    SingularKernel
        If the kernel with the smallest λ has no inverse in double precision.
    InputError
        For a negative λ.
    """
    values, vectors = np.linalg.eigh(kernel)  # (..., N), (..., N, N)
    ridges = np.asarray(ridges, float)
    _check_regular(values, ridges.min())
    projected = np.asarray(cross) @ vectors  # (..., M, N)
    shrunk = projected[..., None, :, :] / (
        values[..., None, None, :] + ridges[:, None, None]
    )  # (..., L, M, N)
    return shrunk @ np.swapaxes(vectors, -1, -2)[..., None, :, :]


def leave_one_out_weights(kernel, ridges) -> np.ndarray:
    """Return the weights with which each training row is predicted from the others, without
    refitting.

    With A = (kernel + λ)⁻¹ the weight of row j for row i is −A_ij / A_ii, and none for itself.

    Parameters
    ----------
    kernel : (N, N) array
    ridges : (L,) array
        λ, 0 or more.

    Returns
    -------
    (L, N, N) array
        Row i predicts row i.

    Raises
    ------
    SingularKernel
        If the kernel with the smallest λ has no inverse in double precision.
    """
    n = len(kernel)
    # the weights for unit rows are the inverse itself
    inverse = ridge_weights(kernel, np.eye(n), ridges)  # (L, N, N)
    weights = -inverse / np.diagonal(inverse, axis1=1, axis2=2)[:, :, None]  # −A_ij / A_ii
    weights[:, np.arange(n), np.arange(n)] = 0
    return weights


def _scaled(rows, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Append the bias and divide each row by a power of two, which is exact; return (N, D + 1) rows
    and exponents."""
    rows = np.atleast_2d(np.asarray(rows, float))
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(broken):
        raise InputError(
            f"row {broken[0]} of {name} has NaN or infinity; leave it out or mend its embedding"
        )
    rows = np.hstack([rows, np.ones((len(rows), 1))])
    _, exponents = np.frexp(np.abs(rows).max(axis=1))  # so that no square overflows
    return np.ldexp(rows, -exponents[:, None]), exponents


def _arc(sine: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    """Return [sin θ + 2 cos θ (π − θ)] / π of sines and cosines with a common factor, which
    stays."""
    return (sine + 2 * cosine * np.arctan2(sine, -cosine)) / np.pi


def _perpendicular(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the length (P,) of the part of x that is perpendicular to z, for pairs of rows (P,
    D)."""
    squared = np.einsum("pd,pd->p", z, z)  # (P,)
    rest = x
    for _ in range(2):  # the second time takes away what rounding left along z
        rest = rest - (np.einsum("pd,pd->p", rest, z) / squared)[:, None] * z
    return np.linalg.norm(rest, axis=1)


def _chunks(rows: np.ndarray, columns: np.ndarray, *, width: int):
    """Yield index pairs in portions of some 16 MB."""
    step = max(1, 2_000_000 // width)
    for start in range(0, len(rows), step):
        yield rows[start : start + step], columns[start : start + step]


def _check_regular(values: np.ndarray, ridge: float) -> None:
    if ridge < 0:
        raise InputError(f"a ridge of {ridge:g} is negative; give 0 or more")
    n, largest = values.shape[-1], np.abs(values[..., -1])
    short = (values <= n * np.finfo(float).eps * largest[..., None] - ridge).sum(axis=-1)
    if short.max() > 0:
        raise SingularKernel(
            f"the kernel of {n} rows has rank {n - int(short.max())} and a ridge of {ridge:g} does "
            "not mend it; two rows are probably equal: leave one out, or take a larger ridge"
        )
