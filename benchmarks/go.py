"""Time the GO engine beside plain forms of the same work, in one run.

    python benchmarks/go.py            # all cases, about a minute
    python benchmarks/go.py --repeat 5 # medians of five

Needs R with org.Hs.eg.db, GO.db and GOSemSim. The plain forms are R's own `select` for the
annotation, and Python sets with one test a term for the engine. Starting Python and R is not
counted; everything else is, from a cold cache.
"""

import argparse
import multiprocessing
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib import go  # noqa: E402
from lib.go import enrichment, r  # noqa: E402
from lib.report import published  # noqa: E402

SELECT = """
suppressPackageStartupMessages({library(org.Hs.eg.db); library(GO.db)})
pairs <- suppressMessages(AnnotationDbi::select(
  org.Hs.eg.db, AnnotationDbi::keys(org.Hs.eg.db, "ENTREZID"),
  c("SYMBOL", "GO", "ONTOLOGY"), "ENTREZID"))
pairs <- unique(pairs[which(pairs$ONTOLOGY == "BP"), c("SYMBOL", "ENTREZID", "GO")])
edges <- AnnotationDbi::toTable(GOBPPARENTS)
terms <- suppressMessages(AnnotationDbi::select(GO.db, AnnotationDbi::keys(GO.db), "TERM", "GOID"))
lapply(list(pairs, edges, terms), as.list)
"""


def timed(function, *args):
    """Return seconds and growth of the peak memory in MB of one call."""
    enrichment.universe.cache_clear()
    before, start = _peak(), time.perf_counter()
    function(*args)
    return time.perf_counter() - start, _peak() - before


def fresh(function, *args):
    """Time a call in a new process that has started R and read nothing else."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_with_r, function, *args).result()


def cold(function, folder, *args):
    """Load the cache, then call."""
    function(go.load(folder), *args)


def _with_r(function, *args):
    """Start R, then time a call."""
    r.session()
    return timed(function, *args)


def _peak():
    """Return the peak memory of this process in MB; `getrusage` would give that of the parent
    too."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024


def annotation_by_select():
    """Read pairs, edges and names as an R user would, into pandas."""
    return [
        pd.DataFrame({name: list(column) for name, column in zip(table.names, table, strict=True)})
        for table in r.evaluate(SELECT)
    ]


def plain_sets(annotation, universe):
    """Return term → genes and child → parents with Python's sets and dicts."""
    parents, sets = defaultdict(set), defaultdict(set)
    for child, parent in zip(annotation.edges["child"], annotation.edges["parent"], strict=True):
        parents[child].add(parent)
    above = {}

    def ancestors(term):
        if term not in above:
            above[term] = {term}.union(*(ancestors(parent) for parent in parents[term]))
        return above[term]

    known = set(universe)
    for symbol, term in zip(annotation.pairs["symbol"], annotation.pairs["go_id"], strict=True):
        if symbol in known:
            for above_term in ancestors(term):
                sets[above_term].add(symbol)
    return sets, parents


def plain_weight01(annotation, analyses, node_size=10):
    """Test (foreground, background) pairs as `go.enrich` does, on sets, one test a term; returns
    the last p-values."""
    from scipy.stats import hypergeom

    for foreground, universe in analyses:
        sets, parents = plain_sets(annotation, universe)
        feasible = set().union(*sets.values())
        sets = {term: genes for term, genes in sets.items() if len(genes) >= node_size}
        chosen, removed, p = set(foreground) & feasible, defaultdict(set), {}
        for term, genes in sets.items():
            if genes & chosen:
                for parent in parents[term]:
                    removed[parent] |= genes
        for term, genes in sets.items():
            rest, gone = genes - removed[term], removed[term]
            hits = len(rest & chosen)
            n_genes, n_chosen = len(feasible) - len(gone), len(chosen - gone)
            p[term] = hypergeom.sf(hits - 1, n_genes, n_chosen, len(rest)) if hits else 1.0
    return p


def plain_clusters(annotation, clusters, universe, min_size=10, max_size=500):
    """Test clusters as `go.compare_clusters` does, on sets, the annotation rebuilt for every
    cluster as in R."""
    from scipy.stats import hypergeom

    p = {}
    for name, cluster in clusters.items():
        sets, _ = plain_sets(annotation, universe)
        n_genes = len(set().union(*sets.values()))
        for term, genes in sets.items():
            hits = len(genes & set(cluster))
            if hits and min_size <= len(genes) <= max_size:
                p[name, term] = hypergeom.sf(hits - 1, n_genes, len(genes), len(cluster))
    return p


def plain_similarity(terms, edges):
    """Compare terms pair by pair on dicts of semantic values."""
    parents = defaultdict(list)
    for child, parent in zip(edges["child"], edges["parent"], strict=True):
        parents[child].append(parent)

    def values(term):
        found, wave = {term: 1.0}, [term]
        while wave:
            up = {
                parent: 0.7 * found[child] for child in reversed(wave) for parent in parents[child]
            }
            found = up | found
            wave = [parent for parent in up if parent != "all"]
        return {term: value for term, value in found.items() if term != "all"}

    every = {term: values(term) for term in terms}
    return {
        (a, b): sum(every[a][t] + every[b][t] for t in every[a].keys() & every[b].keys())
        / (sum(every[a].values()) + sum(every[b].values()))
        for a in terms
        for b in terms
    }


def number(annotation):
    """Number terms and genes, as the first analysis does."""
    return annotation.codes


def enrich_all(annotation, analyses):
    """Run topGO's analyses: (foreground, background) pairs."""
    for foreground, background in analyses:
        go.enrich(annotation, foreground, background, engine="builtin")


def compare(annotation, clusters, background):
    """Compare clusters."""
    go.compare_clusters(annotation, clusters, background, p_cutoff=1, q_cutoff=10, engine="builtin")


def simplify(annotation, table, edges):
    """Drop near-synonyms."""
    go.simplify(table, edges)


def published_cases():
    """Return the ten analyses of the paper: impactful genes in all targets, nine clusters in the
    impactful genes."""
    lists = published.gene_lists()
    impactful, targets = lists["impactful_genes"], lists["over_expression_targets"]
    clusters = published.gene_clusters("gene_perturbation_clusters").values()
    return [(impactful, targets), *((cluster, impactful) for cluster in clusters)]


def cases(annotation):
    """Yield name, budget in s, engine call on an annotation, and plain call."""
    rng = np.random.default_rng(0)
    genes = sorted(annotation.codes.symbols)
    ten = published_cases()
    medium = [str(gene) for gene in rng.choice(genes, 5000, replace=False)]
    few = [str(gene) for gene in rng.choice(genes, 200, replace=False)]
    for name, budget, analyses in (
        ("topGO, one cluster of 41 genes", 0.5, ten[1:2]),
        ("topGO, ten analyses of the paper", 1.0, ten),
        ("topGO, 249 in 5,000 genes", 1.5, [(medium[:249], medium)]),
        ("topGO, 200 in the whole genome", 3.0, [(few, genes)]),
    ):
        yield name, budget, (enrich_all, analyses), (plain_weight01, annotation, analyses)
    clusters = published.gene_clusters("regulatory_clusters")
    universe = [gene for cluster in clusters.values() for gene in cluster]
    plain = (plain_clusters, annotation, clusters, universe)
    yield "enrichGO, eight clusters (Fig. 3C)", 1.0, (compare, clusters, universe), plain
    top = go.compare_clusters(annotation, {"x": ten[0][0]}, None, engine="builtin").head(120)
    edges = go.gosemsim_edges()
    yield (
        "simplify, 120 terms",
        0.5,
        (simplify, top, edges),
        (plain_similarity, list(top["ID"]), edges),
    )


def check(annotation):
    """Stop unless the plain form and the engine agree."""
    foreground, background = published_cases()[0]
    plain = plain_weight01(annotation, [(foreground, background)])
    table = enrichment.run_builtin(
        annotation,
        foreground,
        background,
        algorithm="weight01",
        node_size=10,
        tie_order="go_id",
        tail="scipy",
    ).set_index("GO.ID")["p_raw"]
    np.testing.assert_allclose(table.sort_index(), pd.Series(plain).sort_index(), rtol=1e-12)


def line(*values):
    """Print one row of the table."""
    print(f"{values[0]:38}" + "".join(f"{value:>10}" for value in values[1:]), flush=True)


def main():
    """Print one row a case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repeat", type=int, default=3, help="runs of the engine; medians are printed"
    )
    repeat = parser.parse_args().repeat
    annotation = go.read_installed()
    check(annotation)
    line("case", "cold s", "warm s", "plain s", "plain/warm", "budget s", "peak +MB")
    with tempfile.TemporaryDirectory() as folder:
        go.save(annotation, folder)
        seconds = statistics.median(fresh(cold, number, folder)[0] for _ in range(repeat))
        for name, plain in (
            ("select in R", annotation_by_select),
            ("read_installed", go.read_installed),
        ):
            plain_seconds = fresh(plain)[0]
            line(
                f"annotation: cache, {name}",
                f"{seconds:.3f}",
                "",
                f"{plain_seconds:.3f}",
                f"{plain_seconds / seconds:.1f} c",
                "",
                "",
            )
        for name, budget, (engine, *args), plain in cases(annotation):
            colds = [fresh(cold, engine, folder, *args) for _ in range(repeat)]
            warm = statistics.median(timed(engine, annotation, *args)[0] for _ in range(repeat))
            plain_seconds = timed(*plain)[0]
            line(
                name,
                f"{statistics.median(run[0] for run in colds):.3f}",
                f"{warm:.3f}",
                f"{plain_seconds:.3f}",
                f"{plain_seconds / warm:.1f}",
                budget,
                f"{max(run[1] for run in colds):.0f}",
            )
    print("cold: new process, annotation from the cache; warm: annotation in memory; c: plain/cold")


if __name__ == "__main__":
    main()
