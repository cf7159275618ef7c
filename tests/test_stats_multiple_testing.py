"""P-values of the GO tests: exact tails, adjustment, R's number format, and R's listing order."""

import numpy as np
import pytest
from scipy import stats

from lib.data.errors import InputError
from lib.go import r
from lib.go.tails import upper_tail
from lib.go.tie_order import listing_order
from lib.stats.multiple_testing import benjamini_hochberg, format_p, storey_q

needs_r = pytest.mark.skipif(not r.is_available(), reason="R is not installed")
TAILS = ["scipy", pytest.param("r", marks=needs_r)]


@pytest.mark.parametrize("tail", TAILS)
def test_tail_of_an_urn_small_enough_to_count(tail):
    # two of three white balls in two draws from three white and two black: 3 of 10 pairs; at least
    # one: 9 of 10
    assert upper_tail([2, 1], 3, 2, 2, tail=tail) == pytest.approx([0.3, 0.9], abs=1e-15)


@pytest.mark.parametrize("tail", TAILS)
def test_degenerate_cases_are_one_not_missing(tail):
    hits, white, black, drawn = np.array([(0, 5, 5, 3), (0, 0, 0, 0), (0, 5, 5, 0), (0, 0, 4, 2)]).T
    assert upper_tail(hits, white, black, drawn, tail=tail).tolist() == [1, 1, 1, 1]


@needs_r
def test_both_tails_agree_from_small_to_genome_size():
    rng = np.random.default_rng(1)
    n = rng.integers(20, 20_000, 500)
    white, drawn = rng.integers(1, n), rng.integers(1, n)
    hits = np.maximum(1, (white * drawn / n).astype(int))
    both = [
        np.log10(upper_tail(hits, white, n - white, drawn, tail=tail)) for tail in ("r", "scipy")
    ]
    np.testing.assert_allclose(*both, atol=1e-11)


def test_huge_urns_are_not_mixed_up():
    cases = np.array([[1, 2], [30_000, 70_000], [10**6, 10**6], [2000, 2000]])
    expected = stats.hypergeom.sf(cases[0] - 1, cases[1] + cases[2], cases[1], cases[3])
    np.testing.assert_allclose(upper_tail(*cases, tail="scipy"), expected)


def test_unknown_tail_is_refused():
    with pytest.raises(InputError, match="tail 'exact' is unknown"):
        upper_tail([1], 1, 1, 1, tail="exact")


def test_adjustment_agrees_with_scipy_and_skips_missing_values():
    p = np.random.default_rng(0).random(50)
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p), rtol=1e-13)
    assert benjamini_hochberg([0.02, np.nan, 0.01])[[0, 2]].tolist() == [0.02, 0.02]
    assert np.isnan(benjamini_hochberg([0.02, np.nan])[1])


def test_q_values_scale_by_the_share_of_large_p():
    p = np.array([0.01, 0.02, 0.5, 0.9])
    np.testing.assert_allclose(storey_q(p), 0.5 / 0.95 * benjamini_hochberg(p))


def test_q_values_are_missing_without_large_p_and_empty_for_no_p():
    assert np.isnan(storey_q([0.01, 0.02])).all()
    assert len(storey_q([])) == len(benjamini_hochberg([])) == 0


@pytest.mark.parametrize(
    ("p", "text"),
    [
        ([0.05, 1.0], ["0.05", "1.00"]),
        ([0.0048, 1.0], ["0.0048", "1.0000"]),
        ([0.00012, 0.5], ["0.00012", "0.50000"]),
        ([0.5, 2.34e-7], ["0.5", "2.3e-07"]),
        ([1.0, 1e-5, 2.5e-8], ["1", "1.0e-05", "2.5e-08"]),
        ([1.0, 1e-40], ["1", "<1e-30"]),
        ([0.5, 1.2e-20, 1e-40], ["0.5", "1.2e-20", "< 1e-30"]),
        ([1e-40], ["<1e-30"]),
        ([], []),
    ],
)
def test_format_of_whole_columns(p, text):
    assert format_p(p) == text


@needs_r
def test_format_equals_that_of_r():
    rng = np.random.default_rng(3)
    printed = r.evaluate("function(p) base::format.pval(p, digits = 2, eps = 1e-30)")
    for _ in range(300):
        exponents = rng.uniform(-rng.choice([1, 3, 5, 8, 34, 150]), 0, rng.integers(1, 12))
        p = 10.0**exponents if rng.random() < 0.5 else np.round(10.0**exponents, rng.integers(1, 6))
        assert format_p(p) == list(r.call(printed, p)), p.tolist()


@needs_r
@pytest.mark.parametrize("n", [1, 24, 25, 26, 300, 5000])
def test_listing_order_is_that_of_an_r_environment(n):
    rng = np.random.default_rng(n)
    keys = [f"GO:{number:07d}" for number in rng.permutation(10**5)[:n]]
    listed = r.evaluate(
        "function(keys) { e <- new.env(hash = TRUE); for (k in keys) assign(k, 0, envir = e); "
        "ls(e, sorted = FALSE) }"
    )
    assert listing_order(keys) == list(r.call(listed, keys))


def test_listing_order_ignores_repeats():
    assert listing_order(["b", "a", "b"]) == listing_order(["b", "a"])
