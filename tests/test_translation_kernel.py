"""The kernel against fifty digits, closed forms against refits, and kernels that have no
inverse."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data.errors import InputError
from lib.translation import kernel, regressors


def exact(x, z):
    """K(x, z) and |x̃| |z̃| in fifty digits, from doubles."""
    with mpmath.workdps(50):
        x, z = ([mpmath.mpf(float(value)) for value in row] + [mpmath.mpf(1)] for row in (x, z))
        a, b = mpmath.fsum(v * v for v in x), mpmath.fsum(v * v for v in z)
        c = mpmath.fsum(u * v for u, v in zip(x, z, strict=True))
        size = mpmath.sqrt(a * b)
        cosine = max(mpmath.mpf(-1), min(mpmath.mpf(1), c / size))
        arc = mpmath.sqrt(1 - cosine**2) + 2 * cosine * (mpmath.pi - mpmath.acos(cosine))
        return size / mpmath.pi * arc, size


def worst(x, z):
    """Largest error of the kernel, in units of |x̃| |z̃|: of opposite rows it is a small difference
    of such terms."""
    found = kernel.ntk(x, z)
    errors = []
    with mpmath.workdps(50):
        for i, j in np.ndindex(found.shape):
            value, size = exact(x[i], z[j])
            errors.append(float(abs(mpmath.mpf(float(found[i, j])) - value) / size))
    return max(errors)


ROWS = np.random.default_rng(0).normal(size=(4, 17))
NOISE = np.random.default_rng(1).normal(size=(4, 17))


@pytest.mark.parametrize(
    "other",
    [
        NOISE,
        ROWS,
        2 * ROWS,
        ROWS + 1e-5 * NOISE,
        ROWS + 1e-9 * NOISE,
        3 * ROWS + 1e-7 * NOISE,
        -ROWS,
        -1e6 * ROWS + NOISE,
        -1e9 * ROWS,
        1e150 * ROWS,
        1e-200 * ROWS,
        0 * ROWS,
    ],
    ids=[
        "random",
        "equal",
        "parallel",
        "near 1e-5",
        "near 1e-9",
        "near parallel",
        "opposite",
        "near opposite",
        "opposite, long",
        "huge",
        "tiny",
        "zero",
    ],
)
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_kernel_to_twelve_digits(other, size):
    assert worst(size * ROWS, other) < 1e-12


def test_hand_made_values():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert np.diagonal(kernel.ntk(x)).tolist() == [52.0, 2.0]  # 2 |x̃|²
    assert kernel.ntk([[1.0]], [[-1.0]])[0, 0] == pytest.approx(
        2 / np.pi
    )  # at a right angle, |x̃|² = 2


def test_a_kernel_is_symmetric_and_positive():
    rows = np.vstack([ROWS, 2 * ROWS, ROWS + 1e-9 * NOISE])
    found = kernel.ntk(rows)
    assert (found == found.T).all() and np.linalg.eigvalsh(found).min() > -1e-12 * found.max()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(2, 12), st.floats(1e-3, 1e3))
def test_from_inner_products_as_from_rows(width, n, size):
    rows = size * np.random.default_rng(width).normal(size=(n, width))
    norms = (rows**2).sum(axis=1) + 1
    distances = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    found = kernel.from_geometry(norms, norms, rows @ rows.T + 1, distances)
    assert np.allclose(found, kernel.ntk(rows), rtol=1e-6, atol=1e-13 * norms.max())


def test_from_inner_products_nearly_equal_rows_keep_their_digits():
    rows = np.vstack([ROWS, ROWS + 1e-6 * NOISE])
    norms = (rows**2).sum(axis=1) + 1
    distances = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    found = kernel.from_geometry(norms, norms, rows @ rows.T + 1, distances)
    assert np.allclose(found, kernel.ntk(rows), rtol=1e-13)


# ridge
# ------------------------------------------------------------------------------------------


def test_one_decomposition_serves_every_ridge():
    square, cross = kernel.ntk(ROWS), kernel.ntk(NOISE, ROWS)
    ridges = [0.0, 0.5, 7.0]
    found = kernel.ridge_weights(square, cross, ridges)
    for weights, ridge in zip(found, ridges, strict=True):
        assert np.allclose(
            weights, np.linalg.solve(square + ridge * np.eye(4), cross.T).T, atol=1e-10
        )


@pytest.mark.parametrize("ridge", [1e-3, 1.0, 100.0])
def test_closed_leave_one_out_is_refitting(ridge):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(15, 6)), rng.normal(size=(15, 4))
    weights = kernel.leave_one_out_weights(kernel.ntk(x), [ridge])[0]
    for i in range(15):
        others = np.arange(15) != i
        refitted = regressors.ntk_ridge(x[others], y[others], x[[i]], ridge=ridge)[0]
        assert np.abs(weights[i] @ y - refitted).max() <= 1e-8 and weights[i, i] == 0


def test_equal_rows_without_a_ridge_are_told_and_a_ridge_mends_them():
    rows = np.vstack([ROWS, ROWS[:1]])
    with pytest.raises(
        kernel.SingularKernel, match="kernel of 5 rows has rank 4 and a ridge of 0 does not mend it"
    ):
        regressors.ntk_ridge(rows, rows, NOISE, ridge=0.0)
    assert np.isfinite(regressors.ntk_ridge(rows, rows, NOISE, ridge=1.0)).all()
    with pytest.raises(InputError, match="a ridge of -1 is negative"):
        regressors.ntk_ridge(ROWS, ROWS, NOISE, ridge=-1.0)


def test_broken_rows_are_named():
    with pytest.raises(InputError, match="row 2 of x has NaN or infinity"):
        kernel.ntk([[0.0], [1.0], [np.nan]])
    with pytest.raises(InputError, match="rows of 17 and 3 dimensions"):
        kernel.ntk(ROWS, np.zeros((2, 3)))


# regressors
# ------------------------------------------------------------------------------------------


def test_without_a_ridge_training_rows_are_met():
    y = np.random.default_rng(4).normal(size=(4, 3))
    assert np.allclose(regressors.ntk_ridge(ROWS, y, ROWS, ridge=0.0), y)
    assert np.allclose(regressors.synthetic_intervention(ROWS, y, ROWS), y)


def test_synthetic_intervention_and_means_by_hand():
    x, y = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.allclose(regressors.synthetic_intervention(x, y, [[3.0, 4.0]]), [[3.0, 2.0]])
    assert regressors.mean_train(x, y, np.zeros((2, 2))).tolist() == [[0.5, 0.5]] * 2


def test_nearest_names_the_true_gene_of_a_training_image():
    regulatory = np.eye(5)
    found = regressors.nearest(
        1e3 * np.eye(3)[1], 1e3 * np.eye(3), regulatory, list("ABCDE"), rows=[4, 2, 0], k=2
    )
    assert found[0][0] == "C" and len(found[0]) == 2
