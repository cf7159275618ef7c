"""Order by rounded values: last digits decide nothing, named rules do."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.stats import order

NOISY = [0.1 + 0.2, 0.3, 0.3 * (1 + 2e-16), 0.2]


def test_values_that_differ_in_last_digits_are_equal():
    assert len(set(order.rounded(NOISY).tolist())) == 2
    assert order.largest(NOISY) == 0 and order.smallest([0.3, 0.1 + 0.2]) == 0
    assert order.descending(NOISY).tolist() == [0, 1, 2, 3] and order.ascending(NOISY).tolist() == [
        3,
        0,
        1,
        2,
    ]


def test_true_differences_stay():
    assert order.largest([1.0, 1.00000001]) == 1
    assert order.ascending([1e-40, 1e-41]).tolist() == [1, 0], "p-values far apart keep their order"
    assert order.ascending([1e-17, -1e-17], scale=1).tolist() == [0, 1], (
        "of terms near 1 both are 0"
    )


def test_what_is_no_number_stays_and_comes_last():
    values = [np.nan, 2.0, np.inf, -np.inf, 0.0]
    np.testing.assert_array_equal(order.rounded(values), values)
    assert order.ascending(values).tolist() == [3, 4, 1, 2, 0] and order.descending(
        values
    ).tolist() == [2, 1, 4, 3, 0]
    assert order.largest([np.nan, 1.0]) == 1
    with pytest.raises(ValueError):
        order.largest([np.nan])


@given(st.lists(st.floats(-1e300, 1e300), min_size=1), st.integers(0, 2**32 - 1))
def test_noise_in_the_last_digits_moves_no_value_by_more_than_a_step(values, seed):
    values = np.array(values)
    found = order.rounded(values)
    np.testing.assert_allclose(found, values, rtol=1e-9, atol=1e-320)
    np.testing.assert_array_equal(order.rounded(found), found, "rounding twice changes nothing")


def test_p_values_near_one_keep_their_order_and_small_ones_are_rounded():
    assert order.by_p_value([1.0, 1 - 1e-13, 0.01 * (1 + 1e-15), 0.01]).tolist() == [2, 3, 1, 0]


def test_tables_are_sorted_with_a_named_rule():
    table = pd.DataFrame({"gene": list("DCBA"), "score": [0.3, 0.1 + 0.2, 0.9, np.nan]})
    assert (
        "".join(order.sort_table(table, "score", ties="gene", largest_first=True)["gene"]) == "BCDA"
    )
    assert "".join(order.sort_table(table, "score")["gene"]) == "DCBA"
    assert order.sort_table(table, "score")["score"].iloc[1] == 0.1 + 0.2, "values are not rounded"
