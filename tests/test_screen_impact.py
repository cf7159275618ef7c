"""Scores, cut-off, gene-set tests: facts of the paper's screen, small cases by hand, and
refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import PchipInterpolator

from lib.data.errors import InputError
from lib.screen import impact


def results(scores, n_folds=4):
    return pd.DataFrame(
        [
            {"gene": gene, "fold": fold, "test_bacc": score + 0.01 * (fold - 1.5)}
            for gene, score in scores.items()
            for fold in range(n_folds)
        ]
    )


def table(scores):
    return impact.specificity(
        results(dict(enumerate(scores)) if not isinstance(scores, dict) else scores)
    )


def published_curve():
    """190 scores through what the paper prints or shows: best, 10 > .8, 30 > .7, 41st, 42nd, 118 >
    .6, worst."""
    known = {
        0: 0.937,
        9: 0.801,
        10: 0.799,
        29: 0.7005,
        30: 0.6995,
        40: 0.6738,
        41: 0.6705,
        45: 0.66479,
        117: 0.6005,
        118: 0.5995,
        189: 0.534,
    }
    return PchipInterpolator(list(known), list(known.values()))(np.arange(190))


# scores
# ------------------------------------------------------------------------------------------


def test_score_is_the_mean_and_sd_that_of_the_population():
    ranked = impact.specificity(results({"SRC": 0.6, "JUN": 0.9}).sample(frac=1, random_state=0))
    assert list(ranked["gene_symbol"]) == ["JUN", "SRC"] and list(ranked["rank"]) == [1, 2]
    assert np.allclose(ranked["score"], [0.9, 0.6])
    assert np.allclose(ranked["sd"], np.std([-0.015, -0.005, 0.005, 0.015]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="fold"), "lack column 'fold'; they have gene, test_bacc"),
        (lambda t: t.iloc[:0], "no row; run the screen first"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "JUN, fold 0 is there twice"),
        (lambda t: t.assign(test_bacc=67.0), "JUN, fold 0: test_bacc is 67.0, not a share"),
        (lambda t: t.assign(test_bacc=np.nan), "is nan, not a share"),
        (lambda t: t.iloc[1:], r"1 genes have fewer than 4 folds, such as JUN \(3\)"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(change, message):
    with pytest.raises(InputError, match=message):
        impact.specificity(change(results({"JUN": 0.9, "SRC": 0.6})))


# the cut-off
# ------------------------------------------------------------------------------------------


def test_the_papers_rule_takes_41_of_its_curve():
    curve = table(published_curve())
    assert impact.threshold(curve) == pytest.approx(0.6705)
    assert impact.select_top(curve).sum() == 41
    assert impact.select_top(curve, n_genes=190).all() and impact.select_top(curve.head(3)).all()
    with pytest.raises(InputError, match="at least one gene"):
        impact.threshold(curve, n_genes=0)


def test_ties_at_the_threshold_are_not_selected():
    assert (
        list(impact.select_top(table([0.9, 0.7, 0.7, 0.7, 0.6]), n_genes=2)) == [True] + [False] * 4
    )


def test_knee_of_the_published_curve_lies_near_the_published_rank():
    """The paper's detector gave index 45; the curve is known only at eleven points."""
    found = impact.knee(published_curve())
    assert 35 <= found.index <= 55 and abs(found.score - 0.66479) < 0.02


def test_knee_by_hand():
    """Scaled heights over the diagonal of a fall by 8, 1, 1, … peak at the second point."""
    found = impact.knee([20, *range(12, 1, -1)], sensitivity=1)
    assert (found.index, found.score) == (1, 12.0)
    # the same in any order and on any scale
    assert (
        impact.knee([0.2 * v + 3 for v in range(2, 13)] + [0.2 * 20 + 3], sensitivity=1).index == 1
    )


def test_a_line_or_a_constant_has_no_knee():
    assert impact.knee(np.linspace(1, 0, 8)) is None
    assert impact.knee([0.5] * 9) is None and impact.knee([1, 0]) is None


def test_a_small_bump_is_a_knee_only_for_a_small_sensitivity():
    scores = np.r_[np.linspace(10, 9, 8), 8.0, np.linspace(7.9, 7, 8), np.linspace(6, 0, 8)]
    first, second = impact.knee(scores, sensitivity=0), impact.knee(scores, sensitivity=5)
    assert first is not None and (second is None or second.index >= first.index)


# gene sets
# ------------------------------------------------------------------------------------------


def test_published_mann_whitney_numbers():
    """79 genes that Rohban et al. call active against 111: U 2857, p 2.18e-5. The mechano set has
    79 or 111 as well."""
    for u, p in ((2857, 2.18e-5), (3165, 5.51e-4)):
        counts = np.sort(np.random.default_rng(0).multinomial(u, np.ones(111) / 111))
        assert counts.max() <= 79
        # outside gene j lies above counts[j] inside genes
        inside = pd.DataFrame(
            {"gene_symbol": [f"in{i}" for i in range(79)], "score": np.arange(79) + 0.5}
        )
        outside = pd.DataFrame(
            {
                "gene_symbol": [f"out{j}" for j in range(111)],
                "score": counts + np.arange(111) * 1e-3,
            }
        )
        test = impact.compare_set(
            pd.concat([inside, outside], ignore_index=True), set(inside["gene_symbol"])
        )
        assert (test.n_in, test.n_out, test.u) == (79, 111, u)
        assert test.p == pytest.approx(p, rel=3e-3)
        assert test.auroc == pytest.approx(1 - u / (79 * 111))


def test_set_must_split_the_screen():
    screened = table({"JUN": 0.9, "SRC": 0.6})
    with pytest.raises(InputError, match="holds 0 of 2 screened genes"):
        impact.compare_set(screened, ["TP53"])
    with pytest.raises(InputError, match="holds 2 of 2"):
        impact.compare_set(screened, ["JUN", "SRC"])


def test_published_overlap_with_rohban():
    """26 shared, 15 only here, 53 only there, 96 in neither: p about 0.0021."""
    genes = [f"g{i}" for i in range(190)]
    found = impact.overlap(genes[:41], genes[:26] + genes[41:94], genes)
    assert (found.both, found.only_first, found.only_second, found.neither) == (26, 15, 53, 96)
    assert found.p == pytest.approx(0.0021, abs=5e-5)
    with pytest.raises(InputError, match="1 selected genes were not screened, such as X1"):
        impact.overlap(["X1"], [], genes)
