"""topGO's tests: a graph to check by hand, stored results of topGO itself, and what is refused."""

import json
from math import comb

import numpy as np
import pandas as pd
import pytest
from test_go_gene_sets import installed_annotation, make

from lib import go
from lib.data.errors import InputError
from lib.go import r

needs_r = pytest.mark.skipif(not r.is_available(), reason="R is not installed")
TAILS = ["scipy", pytest.param("r", marks=needs_r)]
GENES = [f"g{i}" for i in range(12)]
# term 3 (g0..g3) is below term 2 (g0..g6), below the root 1 (all)
NESTED = make(
    pairs=[(gene, "3") for gene in GENES[:4]]
    + [(gene, "2") for gene in GENES[4:7]]
    + [(gene, "1") for gene in GENES],
    edges=[("2", "1"), ("3", "2")],
)
RELEASES = {"bioc312": "topgo_bioc312", "bioc316": "topgo_bioc316"}
ANALYSES = ["physical_regulators", *(f"cluster{k}" for k in range(1, 6))]


def fisher(hits, size, n_chosen, n_genes):
    """Return the upper tail of the hypergeometric distribution by counting."""
    ways = sum(
        comb(n_chosen, k) * comb(n_genes - n_chosen, size - k)
        for k in range(hits, min(size, n_chosen) + 1)
    )
    return ways / comb(n_genes, size)


def by_term(table):
    """Return exact p by the number of the term."""
    return {int(term[3:]): p for term, p in zip(table["GO.ID"], table["p_raw"], strict=True)}


def run(foreground, **options):
    """Run the nested case with small terms."""
    return go.enrich(
        NESTED,
        foreground,
        GENES,
        **{"node_size": 1, "engine": "builtin", "tail": "scipy"} | options,
    )


def test_classic_tests_every_term_by_itself():
    p = by_term(run(["g0", "g1", "g5"], algorithm="classic"))
    assert p == pytest.approx({1: 1, 2: fisher(3, 7, 3, 12), 3: fisher(2, 4, 3, 12)})


def test_weight01_takes_the_genes_of_children_away_whatever_their_p():
    p = by_term(run(["g0", "g4", "g5"]))
    # term 2 keeps g4..g6 of a universe of 8, term 1 keeps the five genes outside term 2, none of
    # them chosen
    assert p == pytest.approx({1: 1, 2: fisher(2, 3, 2, 8), 3: fisher(1, 4, 3, 12)})


def test_weight01_keeps_the_genes_of_children_without_a_foreground_gene():
    assert by_term(run(["g4", "g5"]))[2] == pytest.approx(fisher(2, 7, 2, 12))


def test_elim_removes_all_genes_of_good_terms_from_those_above():
    p = by_term(run(GENES[:4], algorithm="elim"))
    assert p == pytest.approx({1: 1, 2: 1, 3: fisher(4, 4, 4, 12)}) and p[3] <= 0.01


def test_elim_leaves_terms_above_a_poorer_term_alone():
    p = by_term(run([*GENES[:4], "g5"], algorithm="elim"))
    assert (
        p == pytest.approx({1: 1, 2: fisher(5, 7, 5, 12), 3: fisher(4, 4, 5, 12)})
        and 0.01 < p[3] < 0.0102
    )


def test_elim_cutoff_includes_its_value():
    genes = [f"g{i}" for i in range(100)]
    annotation = make(
        pairs=[("g0", "3"), ("g1", "2")] + [(gene, "1") for gene in genes],
        edges=[("2", "1"), ("3", "2")],
    )
    p = by_term(
        go.enrich(
            annotation, ["g0"], genes, algorithm="elim", node_size=1, engine="builtin", tail="scipy"
        )
    )
    assert p == {1: 1, 2: 1, 3: 0.01}


def test_a_term_without_genes_left_has_p_one():
    annotation = make(
        pairs=[(gene, "2") for gene in GENES[:4]] + [(gene, "1") for gene in GENES[:4]],
        edges=[("2", "1")],
    )
    table = go.enrich(annotation, GENES[:2], GENES[:4], node_size=1, engine="builtin", tail="scipy")
    assert by_term(table) == {1: 1, 2: 1}


def test_counts_are_those_before_removal():
    table = run(["g0", "g4", "g5"]).set_index("GO.ID")
    row = table.loc["GO:0000002"]
    assert (row["Annotated"], row["Significant"], row["Expected"]) == (7, 3, 1.75)


def test_unannotated_genes_leave_the_universe_and_are_named(caplog):
    table = go.enrich(
        NESTED, ["g0", "x"], [*GENES, "x", "y"], node_size=1, engine="builtin", tail="scipy"
    )
    assert table.attrs["unannotated"] == ["x", "y"]
    assert "2 of 14 background genes have no GO BP annotation and are left out: x, y" in caplog.text
    assert table.loc[table["GO.ID"] == "GO:0000003", "Expected"].item() == round(4 * 1 / 12, 2)


def test_long_names_are_cut_and_unknown_ones_replaced_by_the_id():
    annotation = make()
    names = pd.DataFrame({"go_id": ["GO:0000001", "GO:0000002"], "term": ["x" * 70, "y" * 71]})
    annotation = go.Annotation(
        annotation.pairs, annotation.edges, names, annotation.genes, annotation.release
    )
    table = go.enrich(annotation, ["a"], list("abcde"), node_size=3, engine="builtin", tail="scipy")
    assert dict(zip(table["GO.ID"], table["Term"], strict=True)) == {
        "GO:0000001": "x" * 70,
        "GO:0000002": "y" * 70 + "...",
        "GO:0000003": "GO:0000003",
    }


def test_tiny_p_values_keep_an_adjusted_value(caplog):
    genes = [f"g{i}" for i in range(200)]
    annotation = make(
        pairs=[(g, "2") for g in genes[:60]] + [(g, "1") for g in genes], edges=[("2", "1")]
    )
    table = go.enrich(annotation, genes[:60], genes, engine="builtin", tail="scipy")
    assert table["pval"].tolist() == ["<1e-30", "1"]
    assert table["qval"].tolist() == table["q_raw"].tolist()
    assert "printed as <1e-30" in caplog.text


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", ["topgo", "go_id"])
def test_the_order_of_genes_changes_nothing(order, seed):
    rng = np.random.default_rng(seed)
    given = ["g0", "g4", "g5"]
    shuffled = go.enrich(
        NESTED,
        list(rng.permutation(given)),
        list(rng.permutation(GENES)),
        node_size=1,
        engine="builtin",
        tail="scipy",
        tie_order=order,
    )
    pd.testing.assert_frame_equal(shuffled, run(given, tie_order=order))


def test_the_result_says_what_ran():
    attrs = run(["g0", "x"]).attrs
    assert (attrs["engine"], attrs["tail"], attrs["algorithm"]) == ("builtin", "scipy", "weight01")
    assert attrs["release"] == {"source": "test"} and attrs["outside_background"] == ["x"]
    assert "scipy" in attrs["versions"]
    json.dumps(attrs)


@pytest.mark.parametrize(
    ("foreground", "background", "message"),
    [
        (
            ["x", "y"],
            GENES,
            "none of the 2 foreground genes is in the background of 12 genes: x, y",
        ),
        ([], GENES, "none of the 0 foreground genes"),
        (GENES, GENES, "foreground is the whole background"),
        (["g0", "g0"], GENES, "foreground lists genes more than once.*: g0"),
        (["g0"], [*GENES, "g3"], "background lists genes more than once.*: g3"),
        (["x"], [*GENES, "x"], "none of the 1 foreground genes has a GO BP annotation: x"),
        (["x"], ["x", "y"], "none of the 2 background genes"),
    ],
)
def test_genes_that_cannot_be_tested(foreground, background, message):
    with pytest.raises(InputError, match=message):
        go.enrich(NESTED, foreground, background, node_size=1, engine="builtin")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"algorithm": "weight"},
            "algorithm 'weight' is unknown here; choose one of classic, elim, weight01",
        ),
        ({"tie_order": "p"}, "tie_order 'p' is unknown"),
        (
            {"engine": "clusterprofiler"},
            "engine 'clusterprofiler' is unknown here; choose one of auto, builtin, topgo",
        ),
        ({"node_size": 13}, "no term has 13 of the 12"),
        ({"node_size": 0}, "node_size is 0"),
    ],
)
def test_options_that_do_not_exist(options, message):
    with pytest.raises(InputError, match=message):
        run(["g0"], **options)


def test_left_out_foreground_genes_are_named(caplog):
    run(["g0", "lost"])
    assert "1 foreground genes are not in the background and are left out: lost" in caplog.text


@pytest.fixture
def installed():
    """Annotation of the installed packages."""
    return installed_annotation()


def stored(real, release, analysis):
    """Return folder, universe, foreground and stored result of one analysis."""
    sub, prefix = ("clusters", f"{analysis}_") if analysis.startswith("cluster") else (analysis, "")
    folder = real / "reference" / "go" / RELEASES[release] / sub
    universe = json.loads((folder / "universe.json").read_text())["universe"]
    foreground = json.loads((folder / f"{prefix}foreground.json").read_text())["foreground"]
    return (
        folder,
        universe,
        foreground,
        pd.read_csv(
            folder / f"{prefix}result.csv", dtype={"pval": str}, float_precision="round_trip"
        ),
    )


def assert_same(table, expected, *, exact):
    """Assert the printed columns and, with R's tail, the row order are those of topGO."""
    if not exact:  # near-ties that differ in the last bit may swap
        table, expected = table.sort_values("GO.ID"), expected.sort_values("go_id")
    for ours, theirs in (
        ("GO.ID", "go_id"),
        ("Annotated", "annotated"),
        ("Significant", "significant"),
        ("Expected", "expected"),
        ("pval", "pval"),
    ):
        assert table[ours].tolist() == expected[theirs].tolist(), ours
    if "qval" in expected:
        np.testing.assert_allclose(table["qval"], expected["qval"], rtol=0, atol=1e-12)


@pytest.mark.real
@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize("release", RELEASES)
def test_stored_tables_of_topgo(real, release, analysis, tail):
    folder, universe, foreground, expected = stored(real, release, analysis)
    annotation = go.read_tables(folder)
    table = go.enrich(annotation, foreground, universe, engine="builtin", tail=tail)
    assert_same(table, expected, exact=tail == "r")
    if release == "bioc316":
        assert sorted(table["Term"]) == sorted(expected["term"])
    for algorithm in ("weight01", "classic", "elim"):
        table = go.enrich(
            annotation, foreground, universe, algorithm=algorithm, engine="builtin", tail=tail
        )
        ours = table.set_index("GO.ID")["p_raw"].loc[expected["go_id"]].to_numpy()
        theirs = expected[f"p_{algorithm}"].to_numpy()
        np.testing.assert_allclose(
            np.log10(ours), np.log10(theirs), rtol=0, atol=0 if tail == "r" else 1e-12
        )


@pytest.mark.real
@pytest.mark.parametrize("analysis", ANALYSES)
def test_installed_packages_give_the_stored_tables(real, installed, analysis):
    if (
        installed.release["GOSOURCEDATE"] != "2022-07-01"
        or installed.release["org.Hs.eg.db"] != "3.16.0"
    ):
        pytest.skip(f"the stored tables are of release 3.16, installed is {installed.release}")
    _, universe, foreground, expected = stored(real, "bioc316", analysis)
    table = go.enrich(installed, foreground, universe, engine="builtin", tail="r")
    assert_same(table, expected, exact=True)
    assert table["Term"].tolist() == expected["term"].tolist()


@pytest.mark.real
@pytest.mark.parametrize("analysis", ANALYSES)
def test_real_topgo_gives_the_same_table(real, installed, analysis):
    if r.package_dir("topGO") is None:
        pytest.skip("topGO is not installed")
    _, universe, foreground, _ = stored(real, "bioc316", analysis)
    theirs = go.enrich(installed, foreground, universe, engine="topgo")
    ours = go.enrich(installed, foreground, universe, engine="builtin", tail="r")
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
