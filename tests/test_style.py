"""Colours that all readers tell apart."""

import itertools

from sight import difference, seen_by_deuteranopes

from lib.report import figures


def test_any_two_clusters_are_told_apart():
    pairs = list(itertools.combinations(figures.CLUSTERS, 2))
    assert min(difference(*pair) for pair in pairs) > 20
    assert min(seen_by_deuteranopes(*pair) for pair in pairs) > 20
