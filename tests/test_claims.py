"""What a notebook measured is recorded with its claim, judged by its bound, and told; it stops
nothing."""

import json
import math

import numpy as np
import pytest

from lib.data.errors import InputError
from lib.report import claims, planted, published
from lib.report.planted import Bound, Planted, Spread
from lib.report.published import Published
from lib.run import params, pipeline
from lib.stats.intervals import mean_interval

AUC, FDR, PERMUTED = (
    "regulation.planted.link_auc",
    "imaging.planted.fdr",
    "translation.planted.permuted",
)
LEADING = "go.physical.leading_term"
ROW = "mini,a.b,10,0.5,0.1,0.3,0.7\n"
ENTRY = (
    "  - {id: a.b, analysis: A, what: w, best: 1.0, direction: higher, limits: [0.0, 1.0], source: "
    "s}\n"
)


@pytest.fixture
def results(tmp_path):
    return tmp_path / "mini" / "results"


@pytest.fixture
def spread(monkeypatch):
    """Bounds of the link AUC and of the false discovery rate under mini, as if 10 seeds had been
    run."""
    rows = {
        AUC: Spread(profile="mini", id=AUC, n_seeds=10, mean=0.85, sd=0.01, min=0.83, max=0.87),
        FDR: Spread(profile="mini", id=FDR, n_seeds=10, mean=0.02, sd=0.02, min=0.0, max=0.05),
        PERMUTED: Spread(
            profile="mini", id=PERMUTED, n_seeds=9, mean=0.9, sd=0.1, min=0.7, max=1.0
        ),
    }
    monkeypatch.setattr(planted, "spreads", lambda profile: rows if profile == "mini" else {})


# the committed files
# ------------------------------------------------------------------------------------------


def test_every_committed_claim_is_known_once_and_every_spread_is_of_a_claim():
    found = claims.known()
    assert len(found) == len(published.load()) + len(planted.load())
    assert not [name for name in published.load() if ".planted." in name]
    for row in planted.all_spreads():
        assert row.id in planted.load() and row.profile in params.PROFILES
        low, high = planted.load()[row.id].limits
        assert low <= row.min <= row.max <= high


def test_what_notebooks_record_is_what_the_scorecard_needs():
    steps = pipeline.load("mini")
    made = {name for step in steps.steps for name in step.makes if name.endswith(claims.SUFFIX)}
    assert (
        made <= set(steps["scorecard"].needs)
        and "params/planted_spread.csv" in steps["scorecard"].needs
    )
    assert all(
        name == f"results/{step.slug}{claims.SUFFIX}"
        for step in steps.steps
        for name in step.makes
        if name.endswith(claims.SUFFIX)
    )


# recording
# ------------------------------------------------------------------------------------------


def test_a_record_is_written_and_its_rows_are_returned(results, spread):
    path = results / f"x{claims.SUFFIX}"
    rows = claims.record(
        path,
        {AUC: np.float64(0.79), FDR: 0.0, PERMUTED: 1.0, LEADING: "growth"},
        intervals={AUC: (0.7, 0.88)},
        notes={LEADING: "another release"},
    ).set_index("id")
    assert rows.loc[AUC, ["value", "interval", "bound", "status"]].tolist() == [
        0.79,
        "0.7 to 0.88",
        "≥ 0.82",
        "falls short",
    ]
    assert rows.loc[FDR, ["bound", "status"]].tolist() == ["≤ 0.08", "holds"]
    assert rows.loc[PERMUTED, ["bound", "status"]].tolist() == [
        "none yet: 9 of 10 seeds",
        "no bound yet",
    ]
    assert rows.loc[LEADING, "status"] == "differs, as explained", "it needs another release"
    assert json.loads(path.read_text()) == {
        "measured": {AUC: 0.79, FDR: 0.0, PERMUTED: 1.0, LEADING: "growth"},
        "intervals": {AUC: [0.7, 0.88]},
        "notes": {LEADING: "another release"},
    }
    before = path.read_bytes()
    claims.record(
        path,
        {LEADING: "growth", PERMUTED: 1.0, FDR: 0.0, AUC: 0.79},
        intervals={AUC: (0.7, 0.88)},
        notes={LEADING: "another release"},
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("measured", "more", "message"),
    [
        (
            {"regulation.planted.link_acu": 1.0},
            {},
            r"link_acu is measured but not in .*; did you mean .*link_auc\?",
        ),
        ({AUC: math.nan}, {}, "link_auc: the measured value is nan"),
        ({AUC: [1]}, {}, "link_auc: a measured value is a number, a boolean or a text, not list"),
        (
            {AUC: 1.0},
            {"notes": {FDR: "why"}},
            "notes without a measured value: imaging.planted.fdr",
        ),
        (
            {AUC: 1.0},
            {"intervals": {FDR: (0, 1)}},
            "intervals without a measured value: imaging.planted.fdr",
        ),
        ({AUC: 1.0}, {"intervals": {AUC: (0.9, 0.8)}}, "the interval 0.9 to 0.8 is upside down"),
        ({AUC: 1.0}, {"intervals": {AUC: (math.nan, 0.8)}}, "link_auc: the measured value is nan"),
        ({FDR: True}, {}, "fdr: a planted claim is a number, not True"),
    ],
)
def test_record_refuses(results, measured, more, message):
    with pytest.raises(ValueError, match=message):
        claims.record(results / f"x{claims.SUFFIX}", measured, **more)
    assert not results.exists()


def test_nothing_measured_is_an_empty_table(results):
    assert claims.record(results / f"x{claims.SUFFIX}", {}).empty
    assert claims.collect(results) == ({}, {})


def test_a_claim_is_measured_by_one_notebook(results):
    claims.record(results / f"a{claims.SUFFIX}", {AUC: 0.9}, notes={AUC: "why"})
    claims.record(results / f"b{claims.SUFFIX}", {FDR: 0.1})
    assert claims.collect(results) == ({AUC: 0.9, FDR: 0.1}, {AUC: "why"})
    claims.record(results / f"c{claims.SUFFIX}", {AUC: 0.9})
    with pytest.raises(
        ValueError, match="link_auc is measured twice, in a__measured.json and c__measured.json"
    ):
        claims.collect(results)
    assert claims.collect(results / "absent") == ({}, {})


# judging
# ------------------------------------------------------------------------------------------


def test_the_table_has_every_claim_with_its_spread(results, spread):
    claims.record(
        results / f"runs{claims.SUFFIX}",
        {AUC: 0.9},
        intervals={AUC: (0.8, 0.95)},
        notes={AUC: "why"},
    )
    table = claims.table(results, "mini").set_index("id")
    assert list(table.index) == list(claims.known()) and list(table.reset_index()) == claims.COLUMNS
    row = table.loc[AUC]
    numbers = ["value", "low", "high", "expected", "mean", "sd", "n_seeds"]
    assert row[numbers].tolist() == [0.9, 0.8, 0.95, 1.0, 0.85, 0.01, 10]
    assert row[["kind", "notebook", "status"]].tolist() == ["planted", "runs", "holds"]
    assert (
        row["bound_low"] == pytest.approx(0.82)
        and row["bound_high"] == math.inf
        and row["note"] == "why"
    )
    assert table.loc[FDR, "status"] == claims.NOT_MEASURED and table.loc[FDR, "n_seeds"] == 10
    assert claims.table(results, "smoke").set_index("id").loc[AUC, "status"] == claims.NO_BOUND
    assert table.loc[LEADING, "kind"] == "published" and table.loc[LEADING, "n_seeds"] == 0


def test_what_falls_short_is_told_in_a_line_and_only_of_the_notebooks_asked_for(results, spread):
    claims.record(results / f"runs{claims.SUFFIX}", {AUC: 0.79}, intervals={AUC: (0.7, 0.88)})
    assert claims.shortfalls(results, "mini", ["runs", "other"]) == [
        "AUC of held-out links, mean over runs with link splits of their own: 0.79 [0.7 to 0.88] "
        "here, expected ≥ 0.82 (from 10 seeds, mean 0.85); simulated network, lib.simulate; "
        "measured by runs"
    ]
    assert claims.shortfalls(results, "mini", ["other"]) == []
    claims.record(results / f"runs{claims.SUFFIX}", {AUC: 0.82})
    assert claims.shortfalls(results, "mini", ["runs"]) == [], "the bound itself holds"


BASE = {"id": "go.x", "analysis": "GO", "what": "terms", "source": "paper", "certainty": "printed"}


@pytest.mark.parametrize(
    ("value", "tolerance", "expectation", "bound", "inside", "outside"),
    [
        (10, "exact", "10", (10, 10), 10.0, 11),
        (11.9, {"abs": 0.05}, "11.9 (±0.05)", (11.85, 11.95), 11.95, 11.96),
        (-200.0, {"rel": 0.1}, "-200.0 (±0.1 of the value)", (-220, -180), -220.0, -221.0),
        (0.85, {"at_least": 0.8}, "≥ 0.8", (0.8, math.inf), 0.8, 0.79),
        (0.1, {"at_most": 0.2}, "≤ 0.2", (-math.inf, 0.2), 0.15, 0.21),
        (True, "exact", "yes", (-math.inf, math.inf), True, False),
        ("a", {"one_of": ["a", "b"]}, "one of a; b", (-math.inf, math.inf), "b", "c"),
    ],
)
def test_bounds_of_published_claims(value, tolerance, expectation, bound, inside, outside):
    entry = Published.model_validate(BASE | {"value": value, "tolerance": tolerance})
    assert entry.expectation == expectation and entry.bound == pytest.approx(bound)
    assert entry.agrees(inside) and not entry.agrees(outside)


@pytest.mark.parametrize(
    ("direction", "limits", "mean", "sd", "n_seeds", "expected"),
    [
        ("higher", [0.0, 1.0], 0.9, 0.02, 10, Bound(low=0.84)),
        ("higher", [0.0, 1.0], 0.1, 0.2, 10, Bound(low=0.0)),  # never beyond the possible range
        ("lower", [0.0, 1.0], 0.05, 0.01, 10, Bound(high=0.08)),
        ("lower", [0.0, 1.0], 0.9, 0.1, 10, Bound(high=1.0)),
        ("near", [0.0, 9.0], 1.0, 0.1, 12, Bound(low=0.7, high=1.3)),
        ("near", [0.0, 9.0], 1.0, 0.1, 9, None),  # too few seeds
    ],
)
def test_bounds_of_planted_claims(direction, limits, mean, sd, n_seeds, expected):
    claim = Planted(
        id="a.b",
        analysis="A",
        what="w",
        best=limits[0],
        direction=direction,
        limits=limits,
        source="s",
    )
    spread = Spread(profile="mini", id="a.b", n_seeds=n_seeds, mean=mean, sd=sd, min=mean, max=mean)
    bound = planted.bound(claim, spread)
    assert bound == expected or (bound.low, bound.high) == pytest.approx(
        (expected.low, expected.high)
    )
    assert planted.bound(claim, None) is None


def test_the_last_digit_decides_nothing():
    assert Bound(low=0.3).holds(0.1 * 3 - 1e-12) and not Bound(low=0.3).holds(0.2999)


# malformed files
# ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTRY.replace("higher", "up"), r"planted.yaml, entry 1 \(a.b\): direction: .*got 'up'"),
        (
            ENTRY.replace("best: 1.0", "best: 2.0"),
            r"best = 2.0 has to lie within limits = \[0.0, 1.0\]",
        ),
        (ENTRY.replace("source", "sauce"), r"planted.yaml, entry 1 \(a.b\): s"),
        (ENTRY * 2, "entry 2: the id a.b is given twice"),
    ],
)
def test_a_malformed_file_of_claims_names_the_entry(tmp_path, text, message):
    (tmp_path / "planted.yaml").write_text("claims:\n" + text)
    with pytest.raises(InputError, match=message):
        planted.load(tmp_path / "planted.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,mean\n",
            "planted_spread.csv: expected the columns profile, id, n_seeds, mean, sd, min, max",
        ),
        (ROW.replace("0.1", "-1"), "row 2: sd: Input should be greater than or equal to 0"),
        (ROW.replace("0.5", "nan"), "row 2: mean: Input should be a finite number"),
        (ROW.replace("0.5", "0.9"), "row 2: row: min, mean, max = 0.3, 0.9, 0.7 are not in order"),
        (ROW * 2, "mini a.b is there twice; keep one row"),
    ],
)
def test_a_malformed_table_of_spreads_names_the_row(tmp_path, text, message):
    header = "" if text.startswith("id") else ",".join(planted.SPREAD_COLUMNS) + "\n"
    (tmp_path / "planted_spread.csv").write_text(header + text)
    with pytest.raises(InputError, match=message):
        planted.all_spreads(tmp_path / "planted_spread.csv")
    assert planted.all_spreads(tmp_path / "absent.csv") == []


# intervals of means
# ------------------------------------------------------------------------------------------


def test_an_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [mean_interval(rng.normal(1, 2, 4)) for _ in range(2000)]
    covered = np.mean([low <= 1 <= high for low, high in found])
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 2000)
    assert mean_interval([0.5]) is None and mean_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
