"""The engines that call the real R packages, tested with small stand-ins of the same names.

The stand-ins answer with what they were asked, so that arguments, columns, chatter and empty
results are tested where the packages cannot be installed. Each runs in a process of its own: a
package once attached stays.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
from test_go_topgo import GENES, NESTED

from lib import go
from lib.data.errors import InputError
from lib.go import r
from lib.run import store

pytestmark = pytest.mark.skipif(
    not r.is_available() or not shutil.which("R") or r.package_dir("org.Hs.eg.db") is None,
    reason="R with org.Hs.eg.db is not installed",
)

TOPGO = """
setClass("topGOdata", representation(asked = "list"))
setMethod("initialize", "topGOdata", function(.Object, ontology, allGenes, annotationFun, nodeSize, ...) {
  message("Building most specific GOs .....")
  cat("to the console\\n")
  warning("a warning")
  stopifnot(identical(levels(allGenes), c("0", "1")), identical(annotationFun(), "annFUN.org"))
  .Object@asked <- c(list(ontology = ontology, nodeSize = nodeSize, genes = allGenes), list(...))
  .Object
})
setClass("topGOresult", representation(score = "numeric", how = "character"))
annFUN.org <- function() "annFUN.org"
usedGO <- function(object) c("GO:0000001", "GO:0000002")
runTest <- function(object, algorithm, statistic)
  new("topGOresult", score = c("GO:0000001" = 1, "GO:0000002" = 0.012345), how = paste(algorithm, statistic))
score <- function(object) object@score
GenTable <- function(object, ..., topNodes, numChar) {
  asked <- object@asked
  term <- paste(asked$ontology, asked$nodeSize, asked$mapping, asked$ID, list(...)$pval@how, topNodes, numChar,
                paste(names(asked$genes), asked$genes, sep = "=", collapse = " "))
  data.frame(GO.ID = c("GO:0000002", "GO:0000001"), Term = c(term, "root"), Annotated = c(10L, 20L),
             Significant = 1:2, Expected = c(0.5, 2), pval = c("0.012", "1.000"))
}
"""
CLUSTERPROFILER = """
setClass("compareClusterResult", representation(compareClusterResult = "data.frame"))
compareCluster <- function(geneClusters, fun, universe = NULL, ...) {
  message("a message")
  asked <- list(...)
  if (asked$pvalueCutoff == 0) stop("No enrichment found in any of gene cluster, please check your input...")
  if (asked$pvalueCutoff < 0.01) return(NULL)
  if (asked$minGSSize == 3) stop("something else")
  term <- paste(fun, length(universe), asked$OrgDb, asked$ont, asked$pAdjustMethod, asked$pvalueCutoff,
                asked$qvalueCutoff, asked$minGSSize, asked$maxGSSize)
  rows <- data.frame(Cluster = factor(names(geneClusters)[2], levels = names(geneClusters)), ID = "GO:0000002",
                     Description = term, GeneRatio = "1/2", BgRatio = "3/4", RichFactor = 9, pvalue = 0.01,
                     p.adjust = 0.02, qvalue = NA, geneID = paste(geneClusters[[2]], collapse = "/"), Count = 1L)
  new("compareClusterResult", compareClusterResult = rows)
}
"""
SCRIPT = """
import json, logging, sys
from dataclasses import replace
sys.path[:0] = ["tests"]
from test_go_topgo import GENES, NESTED
from lib import go
logging.basicConfig(level=logging.INFO, format="%(message)s")
installed = replace(NESTED, release=go.installed_release())
case = json.loads(sys.argv[1])
try:
    table = getattr(go, case.pop("call"))(installed, case.pop("genes"), case.pop("background"), **case)
    print(json.dumps({"rows": table.to_dict("records"), "attrs": table.attrs, "columns": list(table)}))
except Exception as error:
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
"""


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Install the stand-ins and return a function that calls an analysis in a fresh process."""
    folder = tmp_path_factory.mktemp("stand_ins")
    (folder / "library").mkdir()
    for name, code in (("topGO", TOPGO), ("clusterProfiler", CLUSTERPROFILER)):
        (folder / name / "R").mkdir(parents=True)
        (folder / name / "DESCRIPTION").write_text(
            f"Package: {name}\nVersion: 9.9.9\nTitle: T\nDescription: D.\nLicense: MIT\nAuthor: A\n"
            "Maintainer: A <a@example.org>\nDepends: methods\n"
        )
        exports = (
            'exportClasses("topGOdata")\nexportMethods("initialize")\n' if name == "topGO" else ""
        )
        (folder / name / "NAMESPACE").write_text(
            f'import(methods)\nexportPattern("^[a-zA-Z]")\n{exports}'
        )
        (folder / name / "R" / "all.R").write_text(code)
    install = [
        "R",
        "CMD",
        "INSTALL",
        "--no-docs",
        "--no-test-load",
        f"--library={folder / 'library'}",
    ]
    subprocess.run(
        [*install, folder / "topGO", folder / "clusterProfiler"], check=True, capture_output=True
    )

    def call(analysis, genes, background=GENES, **options):
        case = json.dumps({"call": analysis, "genes": genes, "background": background, **options})
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, case],
            cwd=store.ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, "R_LIBS": str(folder / "library")},
        )
        assert run.returncode == 0, run.stderr
        assert len(run.stdout.splitlines()) == 1, "R printed to the console"
        return json.loads(run.stdout), run.stderr

    return call


def test_topgo_is_asked_as_published_and_its_chatter_is_logged(ask):
    answer, log = ask(
        "enrich", ["g1", "g0", "lost"], node_size=5
    )  # engine="auto" finds the package
    first, second = answer["rows"]
    universe = " ".join(f"{gene}={int(gene in ('g0', 'g1'))}" for gene in GENES)
    assert first["Term"] == f"BP 5 org.Hs.eg.db SYMBOL weight01 fisher 2 70 {universe}"
    assert (first["pval"], first["p_raw"], first["qval"], first["Annotated"]) == (
        "0.012",
        0.012345,
        0.024,
        10,
    )
    assert second["GO.ID"] == "GO:0000001" and second["q_raw"] == 1
    assert answer["columns"][-4:] == ["pval", "qval", "p_raw", "q_raw"]
    assert answer["attrs"]["engine"] == "topgo" and answer["attrs"]["versions"]["topGO"] == "9.9.9"
    for line in ("R: Building most specific GOs .....", "R: to the console", "R: a warning"):
        assert line in log


def test_topgo_rows_can_be_ordered_by_go_id_and_another_algorithm_asked_for(ask):
    answer, _ = ask("enrich", ["g1"], engine="topgo", algorithm="elim", tie_order="go_id")
    assert "elim fisher" in answer["rows"][0]["Term"]


def test_builtin_can_be_forced(ask):
    answer, _ = ask("enrich", ["g1"], engine="builtin", node_size=1)
    assert answer["attrs"]["engine"] == "builtin" and len(answer["rows"]) == 3


def test_clusterprofiler_is_asked_as_published(ask):
    clusters = {"a": ["E1"], "b": ["E2", "E3"]}
    answer, log = ask("compare_clusters", clusters, ["E1", "E2"], by="entrez", q_cutoff=10)
    (row,) = answer["rows"]
    assert row["Description"] == "enrichGO 2 org.Hs.eg.db BP BH 0.05 10 10 500"
    assert (row["Cluster"], row["geneID"], row["Count"]) == ("b", "E2/E3", 1) and row[
        "qvalue"
    ] != row["qvalue"]
    assert "RichFactor" not in answer["columns"] and "R: a message" in log
    assert answer["attrs"]["engine"] == "clusterprofiler"
    whole, _ = ask("compare_clusters", clusters, None, by="entrez")
    assert whole["rows"][0]["Description"].startswith("enrichGO 0 ")


@pytest.mark.parametrize("p_cutoff", [0, 0.001])
def test_nothing_found_is_an_empty_table_whatever_the_release_does(ask, p_cutoff):
    answer, _ = ask("compare_clusters", {"a": ["E1"]}, ["E1"], by="entrez", p_cutoff=p_cutoff)
    assert answer["rows"] == [] and answer["columns"][:3] == ["Cluster", "ID", "Description"]


def test_other_errors_of_r_pass_on(ask):
    answer, _ = ask("compare_clusters", {"a": ["E1"]}, ["E1"], by="entrez", min_size=3)
    assert "something else" in answer["error"]


@pytest.mark.parametrize(
    ("engine", "package"), [("topgo", "topGO"), ("clusterprofiler", "clusterProfiler")]
)
def test_an_absent_package_is_named_when_it_is_asked_for(engine, package):
    if r.package_dir(package) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(go.RNotAvailable, match=f"R package {package} is not installed"):
        if engine == "topgo":
            go.enrich(NESTED, ["g0"], GENES, engine=engine)
        else:
            go.compare_clusters(NESTED, {"a": ["g0"]}, GENES, engine=engine)


def test_another_release_than_the_installed_one_goes_to_builtin_and_refuses_the_package(
    monkeypatch,
):
    monkeypatch.setattr(r, "package_dir", lambda name: store.ROOT)
    monkeypatch.setattr("lib.go.analysis.installed_release", lambda: {"source": "another"})
    table = go.enrich(NESTED, ["g0"], GENES, node_size=1)
    assert table.attrs["engine"] == "builtin"
    with pytest.raises(
        InputError, match="topGO reads the installed annotation packages, which are not"
    ):
        go.enrich(NESTED, ["g0"], GENES, engine="topgo")
