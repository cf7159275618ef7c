"""The real topGO and clusterProfiler, called through R as the published notebooks call them.

The R code is text in this module, so that whatever depends on the module notices when it changes.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lib.go import r
from lib.go.enrichgo import COLUMNS, Cutoffs

log = logging.getLogger(__name__)

# Runs code, keeps what it prints and says, and passes its value on.
QUIETLY = """
quietly <- function(code) {
  said <- character(0)
  keep <- function(restart) function(condition) {
    said <<- c(said, sub("\\n$", "", conditionMessage(condition)))
    invokeRestart(restart)
  }
  printed <- utils::capture.output(
    value <- withCallingHandlers(
        code, message = keep("muffleMessage"), warning = keep("muffleWarning"))
  )
  c(value, list(log = c(printed, said)))
}
"""

# topGO looks up its own data and the annotation package on the search path: it has to be attached.
TOPGO = """
function(universe, chosen, ontology, algorithm, node_size) quietly({
  library(topGO)
  genes <- factor(as.integer(universe %in% chosen), levels = c(0, 1))
  names(genes) <- universe
  data <- new("topGOdata", ontology = ontology, allGenes = genes, annot = annFUN.org,
              mapping = "org.Hs.eg.db", ID = "SYMBOL", nodeSize = node_size)
  result <- runTest(data, algorithm = algorithm, statistic = "fisher")
  table <- GenTable(data, pval = result, topNodes = length(usedGO(data)), numChar = 70)
  text <- lapply(table[c("GO.ID", "Term", "pval")], as.character)
  numbers <- lapply(table[c("Annotated", "Significant", "Expected")], as.numeric)
  c(text, numbers, list(p_raw = as.numeric(score(result)[text$GO.ID])))
})
"""

# Without any row, 3.18 stops and newer releases return NULL; both come back as a list of empty
# columns.
CLUSTERPROFILER = """
function(clusters, universe, ontology, p_cutoff, q_cutoff, min_size, max_size) quietly({
  given <- list(geneClusters = clusters, fun = "enrichGO", OrgDb = "org.Hs.eg.db", ont = ontology,
                pAdjustMethod = "BH", pvalueCutoff = p_cutoff, qvalueCutoff = q_cutoff,
                minGSSize = min_size, maxGSSize = max_size)
  if (length(universe)) given$universe <- universe
  none <- function(condition) {
    if (!grepl("No enrichment found", conditionMessage(condition))) stop(condition)
    NULL
  }
  result <- tryCatch(do.call(clusterProfiler::compareCluster, given), error = none)
  table <- if (is.null(result)) NULL else methods::slot(result, "compareClusterResult")
  text <- c("Cluster", "ID", "Description", "GeneRatio", "BgRatio", "geneID")
  numbers <- c("pvalue", "p.adjust", "qvalue", "Count")
  c(sapply(text, function(name) as.character(table[[name]]), simplify = FALSE),
    sapply(numbers, function(name) as.numeric(table[[name]]), simplify = FALSE))
})
"""


def run_topgo(
    foreground: Sequence[str],
    background: Sequence[str],
    *,
    ontology: str,
    algorithm: str,
    node_size: int,
) -> pd.DataFrame:
    """Test one foreground with topGO.

    Parameters
    ----------
    foreground, background : sequence of str
        Distinct gene symbols.
    ontology : str
        `BP`, `MF` or `CC`.
    algorithm : str
        Name that topGO's `runTest` knows.
    node_size : int
        Fewest annotated background genes of a tested term.

    Returns
    -------
    DataFrame
        One row per term in topGO's order: `GO.ID`, `Term`, `pval` as printed, `Annotated`,
        `Significant`, `Expected`, `p_raw` as computed.

    Raises
    ------
    RNotAvailable
        If R, topGO or the annotation package is not installed.
    """
    for package in ("topGO", "org.Hs.eg.db"):
        r.require_package(package)
    columns = _run(TOPGO, list(background), list(foreground), ontology, algorithm, node_size)
    return pd.DataFrame(columns).astype({"Annotated": np.int64, "Significant": np.int64})


def run_clusterprofiler(
    clusters: Mapping[str, Sequence[str]],
    background: Sequence[str] | None,
    *,
    ontology: str,
    cutoffs: Cutoffs,
) -> pd.DataFrame:
    """Test clusters of Entrez ids with clusterProfiler's compareCluster(enrichGO).

    Parameters
    ----------
    clusters : mapping of str to sequence of str
        Entrez ids of every cluster.
    background : sequence of str or None
        Entrez ids of the universe; None stands for every annotated gene.
    ontology : str
        `BP`, `MF` or `CC`.
    cutoffs : Cutoffs
        Which terms are tested and which rows kept.

    Returns
    -------
    DataFrame
        The columns of `lib.go.enrichgo`; newer releases make more, which are left out.

    Raises
    ------
    RNotAvailable
        If R, clusterProfiler or the annotation package is not installed.
    """
    for package in ("clusterProfiler", "org.Hs.eg.db"):
        r.require_package(package)
    # in the order of the R function's arguments
    limits = (cutoffs.p, cutoffs.q, cutoffs.min_size, cutoffs.max_size)
    columns = _run(CLUSTERPROFILER, dict(clusters), list(background or []), ontology, *limits)
    # counts come back as doubles
    table = pd.DataFrame(columns).astype({"Count": np.int64})[COLUMNS]
    return table.assign(Cluster=pd.Categorical(table["Cluster"], categories=list(clusters)))


def _run(code: str, *args: Any) -> dict[str, Any]:
    """Call an R function that returns named columns, log what it said, and return the columns."""
    # local: nothing is left in R's global environment
    result = r.call(r.evaluate(f"local({{ {QUIETLY}\n{code} }})"), *args)
    columns = {name: _column(column) for name, column in zip(result.names, result, strict=True)}
    for line in columns.pop("log"):
        log.info("R: %s", line)
    return columns


def _column(vector: Any) -> Any:
    """Return an R column as an array of numbers or a list of text."""
    return r.floats(vector) if isinstance(vector, r.session().FloatSexpVector) else list(vector)
