"""GO annotation: the installed packages, the cache, tables from outside, and symbols."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from test_go_gene_sets import DIRECT, installed_annotation, make, members

from lib import go
from lib.data.errors import InputError
from lib.go import r
from lib.go.gene_sets import gene_sets
from lib.report import published
from lib.run import store


@pytest.fixture
def installed():
    """Annotation of the installed packages."""
    return installed_annotation()


def test_installed_annotation_is_one_ontology(installed):
    assert installed.pairs.columns.tolist() == ["symbol", "entrez", "go_id"]
    assert not installed.pairs.duplicated().any() and len(installed.pairs) > 100_000
    assert "all" not in set(installed.edges["parent"])
    assert set(installed.edges["parent"]) - set(installed.edges["child"]) == {"GO:0008150"}
    assert {"org.Hs.eg.db", "GO.db", "GOSOURCEDATE", "GOEGSOURCEDATE"} <= set(installed.release)
    assert installed.term_names["GO:0008150"] == "biological_process"


def test_own_propagation_is_that_of_the_installed_package(installed):
    from lib.go.installed import _database

    with _database("org.Hs.eg.db", "org.Hs.eg.sqlite") as human:
        n_pairs = human.execute(
            "SELECT count(*) FROM (SELECT DISTINCT _id, go_id FROM go_bp_all)"
        ).fetchone()[0]
    sets = gene_sets(installed, installed.codes.entrez, by="entrez")
    assert sets.sizes.sum() == n_pairs


@pytest.mark.parametrize(("ontology", "root"), [("MF", "GO:0003674"), ("CC", "GO:0005575")])
def test_the_other_ontologies_have_their_root(installed, ontology, root):
    annotation = go.read_installed(ontology)
    assert set(annotation.edges["parent"]) - set(annotation.edges["child"]) == {root}
    assert annotation.ontology == ontology


def test_unknown_ontology_is_refused():
    with pytest.raises(InputError, match="ontology 'XX' is unknown; choose one of BP, MF, CC"):
        go.read_installed("XX")


def test_cache_gives_back_what_was_saved_in_equal_bytes(tmp_path):
    annotation = make()
    for name in "ab":
        go.save(annotation, tmp_path / name)
    loaded = go.load(tmp_path / "a")
    for table in ("pairs", "edges", "terms", "genes"):
        pd.testing.assert_frame_equal(
            getattr(loaded, table), getattr(annotation, table), check_dtype=False
        )
        assert store.sha256(tmp_path / "a" / f"{table}.parquet") == store.sha256(
            tmp_path / "b" / f"{table}.parquet"
        )
    assert (loaded.release, loaded.ontology) == (annotation.release, "BP")
    assert members(gene_sets(loaded, list("abcde"))) == members(
        gene_sets(annotation, list("abcde"))
    )


def test_cache_of_the_installed_packages_is_the_same_annotation(installed, tmp_path):
    go.save(installed, tmp_path)
    loaded, universe = go.load(tmp_path), installed.codes.symbols[:300]
    np.testing.assert_array_equal(
        gene_sets(loaded, universe).bits, gene_sets(installed, universe).bits
    )
    assert loaded.release == installed.release


def test_an_incomplete_cache_is_refused(tmp_path):
    go.save(make(), tmp_path)
    (tmp_path / "edges.parquet").unlink()
    with pytest.raises(
        InputError, match="no complete GO annotation: edges.parquet missing; make it with"
    ):
        go.load(tmp_path)


def test_genes_without_a_symbol_are_read_by_entrez_id_only(tmp_path):
    annotation = make()
    annotation.pairs.loc[0, "symbol"] = None
    go.save(annotation, tmp_path)
    loaded = go.load(tmp_path)
    assert gene_sets(loaded, list("abcde")).feasible.tolist() == [0b01111000]
    assert members(gene_sets(loaded, ["Ea"], by="entrez"))[5] == {"Ea"}


DAG = "child,parent,relation\nGO:0000002,GO:0000001,isa\nGO:0000003,GO:0000001,part of\n"
PAIRS = "symbol,go_id\na,GO:0000002\nb,GO:0000003\n"
SETS = "go_id,n_genes,genes\nGO:0000001,2,a b\nGO:0000002,1,a\nGO:0000003,1,b\n"


def write(folder, **files):
    """Write CSV files into a folder and return it."""
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def test_direct_pairs_and_complete_sets_give_the_same_gene_sets(tmp_path):
    both = []
    for name, text in (("direct_annotations", PAIRS), ("annotations", SETS)):
        (tmp_path / name).mkdir()
        annotation = go.read_tables(write(tmp_path / name, dag_edges=DAG, **{name: text}))
        both.append(members(gene_sets(annotation, ["a", "b"])))
    assert both[0] == both[1] == {1: {"a", "b"}, 2: {"a"}, 3: {"b"}}


def test_names_and_entrez_ids_are_optional(tmp_path):
    plain = go.read_tables(write(tmp_path, dag_edges=DAG, direct_annotations=PAIRS))
    assert plain.term_names == {} and not len(plain.codes.entrez)
    full = go.read_tables(
        write(tmp_path, terms="go_id,term\nGO:0000002,two\n", genes="symbol,entrez\na,11\nb,12\n")
    )
    assert full.term_names == {"GO:0000002": "two"}
    assert full.pairs["entrez"].tolist() == ["11", "12"]
    assert plain.release != full.release


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"direct_annotations": PAIRS}, r"dag_edges.csv: this file is needed"),
        ({"dag_edges": DAG}, "needs direct_annotations.csv or annotations.csv"),
        (
            {"dag_edges": DAG, "direct_annotations": "gene,go_id\na,GO:0000002\n"},
            r"direct_annotations.csv: column 'symbol' is missing; the columns are gene, go_id. "
            r"Rename or add it",
        ),
        (
            {"dag_edges": DAG, "direct_annotations": PAIRS + "c,GO:2\n"},
            r"direct_annotations.csv, row 4: go_id is 'GO:2', expected like GO:0008150. Correct "
            r"or remove the row",
        ),
        (
            {"dag_edges": DAG, "direct_annotations": PAIRS + ",GO:0000002\n"},
            r"row 4: symbol is .*expected not empty",
        ),
        (
            {"dag_edges": DAG, "direct_annotations": PAIRS + "a,GO:0000002\n"},
            r"direct_annotations.csv, row 4: 'a GO:0000002' is there more than once. Keep one",
        ),
        (
            {"dag_edges": DAG, "annotations": SETS + "GO:0000003,1,b\n"},
            r"annotations.csv, row 5: 'GO:0000003' is there",
        ),
        (
            {"dag_edges": DAG + "GO:0000002,GO:0000001,isa\n", "direct_annotations": PAIRS},
            r"dag_edges.csv, row 4: 'GO:0000002 GO:0000001' is there more than once",
        ),
        (
            {"dag_edges": DAG + "GO:0000001,GO:0000003,isa\n", "direct_annotations": PAIRS},
            r"dag_edges.csv, row 3: the edge GO:0000003 to GO:0000001 is part of a cycle",
        ),
        (
            {"dag_edges": DAG + "GO:0000005,GO:0000004,isa\n", "direct_annotations": PAIRS},
            r"has 2 roots \(GO:0000001, GO:0000004\); keep the edges of one",
        ),
        (
            {"dag_edges": DAG, "direct_annotations": PAIRS + "c,GO:0000009\n"},
            r"annotated terms are not in the graph: GO:0000009. Add their edges",
        ),
    ],
)
def test_tables_that_are_refused(tmp_path, files, message):
    with pytest.raises(InputError, match=message):
        go.read_tables(write(tmp_path, **files))


def test_gene_ids_of_a_folder_are_optional_and_checked(tmp_path):
    assert go.read_gene_id_table(tmp_path).columns.tolist() == ["ensembl", "entrez", "symbol"]
    assert go.read_gene_id_table(tmp_path).empty
    rows = "symbol,ensembl,entrez\nA,ENSG1,1\nA,ENSG2,1\n"
    table = go.read_gene_id_table(write(tmp_path, gene_ids=rows))
    assert table["ensembl"].tolist() == ["ENSG1", "ENSG2"] and table["entrez"].tolist() == [
        "1",
        "1",
    ]
    with pytest.raises(InputError, match=r"gene_ids.csv, row 3: entrez is .*expected not empty"):
        go.read_gene_id_table(write(tmp_path, gene_ids=rows.replace("ENSG2,1", "ENSG2,")))


def test_installed_gene_ids_are_in_order_and_know_the_published_genes():
    if not r.is_available():
        pytest.skip("R is not installed")
    table = go.read_gene_ids()
    assert (
        table.columns.tolist() == ["ensembl", "entrez", "symbol"] and not table.duplicated().any()
    )
    assert (
        table["ensembl"].is_monotonic_increasing and table["ensembl"].str.startswith("ENSG").all()
    )
    assert table["symbol"].duplicated().any() and table["ensembl"].duplicated().any()  # both ways
    lists = published.gene_lists()
    assert set(lists["regulatory_clusters"]) <= set(table["symbol"])
    assert set(lists["over_expression_targets"]) - set(table["symbol"]) <= {
        "ARNTL",
        "MEK1",
    }  # former symbols


def named():
    """Return an annotation whose genes have aliases: `old` of b alone, `shared` of c and d."""
    annotation = make(pairs=[*DIRECT, ("twin", "2")])
    genes = pd.DataFrame(
        [
            ("a", "1", False),
            ("b", "2", False),
            ("c", "3", False),
            ("d", "4", False),
            ("twin", "5", False),
            ("twin", "6", False),
            ("old", "2", True),
            ("a", "9", True),
            ("shared", "3", True),
            ("shared", "4", True),
        ],
        columns=["name", "entrez", "is_alias"],
    )
    return go.Annotation(
        annotation.pairs, annotation.edges, annotation.terms, genes, annotation.release
    )


def test_only_official_symbols_map_and_the_rest_is_reported(caplog):
    mapping = go.to_entrez(named(), ["b", "old", "a", "lost", "b"])
    assert mapping.table[["symbol", "entrez"]].to_numpy().tolist() == [["b", "2"], ["a", "1"]]
    assert mapping.unmapped == ("old", "lost")
    assert "no Entrez id for 2 of 4 symbols, left out: old, lost" in caplog.text


def test_one_symbol_may_have_several_ids():
    assert go.to_entrez(named(), ["twin", "a"]).entrez == ["5", "6", "1"]


def test_aliases_are_rescued_on_request_unless_ambiguous():
    mapping = go.to_entrez(named(), ["old", "a", "shared"], rescue_aliases=True)
    assert mapping.table.to_numpy().tolist() == [["old", "2", True], ["a", "1", False]]
    assert mapping.unmapped == ("shared",)


@pytest.mark.real
def test_stored_entrez_ids(real, installed):
    if installed.release["org.Hs.eg.db"] != "3.16.0":
        pytest.skip(f"the stored ids are of release 3.16, installed is {installed.release}")
    stored = pd.read_csv(
        real / "reference" / "go" / "enrichgo_bioc316" / "symbol_to_entrez.csv", dtype=str
    )
    mapping = go.to_entrez(installed, stored["symbol"])
    found = stored.dropna()
    assert mapping.table["symbol"].tolist() == found["symbol"].tolist()
    assert mapping.table["entrez"].tolist() == found["entrez"].tolist()
    assert set(mapping.unmapped) == {"ARNTL", "MEK1"}
    rescued = go.to_entrez(installed, ["ARNTL", "MEK1"], rescue_aliases=True)
    assert rescued.table["entrez"].tolist() == ["406", "5604"] and not rescued.unmapped


def test_importing_the_package_starts_no_r():
    code = "import sys, lib.go; sys.exit(bool({'rpy2', 'scipy', 'pandera'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=store.ROOT).returncode == 0


WITHOUT_R = """
import sys
sys.modules["rpy2"] = None
from lib import go
from lib.go.tails import upper_tail
assert upper_tail([1], 1, 1, 1).tolist() == [0.5]
try:
    go.read_installed()
except go.RNotAvailable as error:
    print(error)
"""


def test_without_r_the_message_says_what_to_install_and_tests_still_run():
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_R], cwd=store.ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert (
        "R cannot be started" in run.stdout
        and "apt install r-base" in run.stdout
        and "conda install" in run.stdout
    )


@pytest.mark.skipif(not r.is_available(), reason="R is not installed")
@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("org.Hs.eg.db", "apt install r-bioc-org.hs.eg.db"),
        ("topGO", "conda install -c bioconda bioconductor-topgo"),
    ],
)
def test_an_absent_package_is_named_with_the_way_to_install_it(monkeypatch, package, words):
    monkeypatch.setattr(r, "package_dir", lambda name: None)
    with pytest.raises(go.RNotAvailable, match=f"R package {package} is not installed.*{words}"):
        r.require_package(package)
