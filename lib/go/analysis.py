"""The two GO analyses, each behind one function whatever engine computes it."""

import importlib.metadata
import logging
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from lib.data.errors import InputError, listed
from lib.go import enrichment, r, r_engines, tails, topgo
from lib.go.annotation import Annotation
from lib.go.enrichgo import Cutoffs, check_clusters, compare_builtin
from lib.go.errors import RNotAvailable
from lib.go.installed import installed_release
from lib.go.symbols import to_entrez
from lib.stats import order

log = logging.getLogger(__name__)
PACKAGES = {"topgo": "topGO", "clusterprofiler": "clusterProfiler"}


def enrich(
    annotation: Annotation,
    foreground: Sequence[str],
    background: Sequence[str],
    *,
    algorithm: str = "weight01",
    node_size: int = 10,
    engine: str = "auto",
    tie_order: str = "topgo",
    tail: str = "auto",
) -> pd.DataFrame:
    """Find GO terms with more foreground genes than expected: topGO with Fisher's exact test.

    Parameters
    ----------
    annotation : Annotation
        From `load`, `read_installed` or `read_tables`.
    foreground, background : sequence of str
        Distinct gene symbols. Foreground genes outside the background are left out and reported.
    algorithm : str
        `weight01`, `elim` or `classic`. weight01 is what topGO computes, not what its name says:
        see `lib.go.topgo`.
    node_size : int
        Fewest annotated background genes of a tested term.
    engine : str
        `topgo` is the R package, `builtin` gives the same numbers without it; `auto` is the package
        where it is installed and `annotation` is the installed release.
    tie_order : str
        `topgo` lists terms of equal p as topGO does, `go_id` by GO id.
    tail : str
        How the built-in engine computes p: see `lib.go.tails.upper_tail`.

    Returns
    -------
    DataFrame
        One row per term, by ascending p: `GO.ID`, `Term`, `Annotated`, `Significant`, `Expected`,
        `pval` (text as topGO prints it), `qval` (Benjamini-Hochberg on the printed values, as
        published), `p_raw`, `q_raw`. The three counts are those before an algorithm removes genes.
        `attrs` records the engine, versions, annotation release, options, and the genes left out.

    Raises
    ------
    InputError
        If the genes or options cannot be analysed.
    RNotAvailable
        If `engine="topgo"` and the package is not installed.

    References
    ----------
    Alexa, Rahnenführer and Lengauer, Bioinformatics 22 (2006),
    https://doi.org/10.1093/bioinformatics/btl140
    """
    _check_option("algorithm", algorithm, topgo.ALGORITHMS)
    _check_option("tie_order", tie_order, enrichment.TIE_ORDERS)
    # checked before R starts, which takes seconds
    inside, outside = enrichment.check_genes(list(foreground), list(background))
    unannotated = _unannotated(annotation, background)
    engine = _choose(engine, "topgo", annotation)
    options = {"algorithm": algorithm, "node_size": node_size}
    if engine == "topgo":
        table = r_engines.run_topgo(inside, background, ontology=annotation.ontology, **options)
        table = enrichment.with_adjusted(table)
        # R has sorted already, in the order of topGO
        if tie_order == "go_id":
            table = table.sort_values("GO.ID")
            table = table.iloc[order.by_p_value(table["p_raw"])].reset_index(drop=True)
    else:
        table = enrichment.run_builtin(
            annotation, inside, list(background), tie_order=tie_order, tail=tail, **options
        )
    # attrs travel with the table, so that what was left out can be shown
    left_out = {"outside_background": outside, "unannotated": unannotated}
    table.attrs = _record(engine, annotation, tail) | options | {"tie_order": tie_order} | left_out
    return table


def compare_clusters(
    annotation: Annotation,
    clusters: Mapping[str, Sequence[str]],
    background: Sequence[str] | None,
    *,
    p_cutoff: float = 0.05,
    q_cutoff: float = 0.2,
    min_size: int = 10,
    max_size: int = 500,
    by: str = "symbol",
    engine: str = "auto",
    tail: str = "auto",
) -> pd.DataFrame:
    """Find the GO terms over-represented in each cluster of genes.

    The numbers are those of clusterProfiler's compareCluster(enrichGO), with which Fig 3C of
    Image2Reg was made.

    Parameters
    ----------
    annotation : Annotation
        From `load`, `read_installed` or `read_tables`.
    clusters : dict of name to sequence of str
        Genes of every cluster; a repeated gene counts once. Genes outside the background still
        count as drawn.
    background : sequence of str or None
        The universe; None stands for every annotated gene.
    p_cutoff, q_cutoff : float
        A row is kept if its p and adjusted p are at most `p_cutoff` and its q-value is at most
        `q_cutoff`. The published figures use 0.05 (dots) and 1 (bars), with q_cutoff 10, which
        keeps all.
    min_size, max_size : int
        Fewest and most genes of a tested term inside the background.
    by : str
        `symbol` or `entrez`: what `clusters` and `background` list. Symbols are mapped to Entrez
        ids through the official symbol, and those without one are left out and reported.
    engine : str
        `clusterprofiler` is the R package, `builtin` gives the same numbers without it; `auto` as
        in `enrich`.
    tail : str
        How the built-in engine computes p: see `lib.go.tails.upper_tail`.

    Returns
    -------
    DataFrame
        One row per cluster and term that is kept, clusters in the order given, each by ascending p:
        `Cluster`, `ID`, `Description`, `GeneRatio` (hits / annotated genes of the cluster),
        `BgRatio` (size of the term / universe), `pvalue`, `p.adjust` (Benjamini-Hochberg over the
        terms that the cluster hits), `qvalue`, `geneID` (Entrez ids joined by "/"), `Count` (hits).
        Clusters without rows stay categories of `Cluster`; without any row the table is empty.
        `attrs` records what ran and which genes were left out.

    Raises
    ------
    InputError
        If a cluster is empty or no background gene is annotated.
    RNotAvailable
        If `engine="clusterprofiler"` and the package is not installed.

    References
    ---------- Wu et al., clusterProfiler 4.0, The Innovation 2 (2021),
    https://doi.org/10.1016/j.xinn.2021.100141

    References
    ----------
    Wu et al., clusterProfiler 4.0, The Innovation 2 (2021),
    https://doi.org/10.1016/j.xinn.2021.100141
    """
    _check_option("by", by, ("symbol", "entrez"))
    clusters, background, unmapped, by = _as_entrez(
        annotation, check_clusters(clusters), background, by
    )
    outside = _outside(clusters, background)
    cutoffs = Cutoffs(p_cutoff, q_cutoff, min_size, max_size)
    engine = _choose(engine, "clusterprofiler", annotation)
    if engine == "clusterprofiler":
        # R knows its own release alone, so the annotation is not handed over
        table = r_engines.run_clusterprofiler(
            clusters, background, ontology=annotation.ontology, cutoffs=cutoffs
        )
    else:
        table = compare_builtin(annotation, clusters, background, cutoffs=cutoffs, by=by, tail=tail)
    options = {
        "p_cutoff": p_cutoff,
        "q_cutoff": q_cutoff,
        "min_size": min_size,
        "max_size": max_size,
    }
    table.attrs = (
        _record(engine, annotation, tail)
        | options
        | {"unmapped": unmapped, "outside_background": outside}
    )
    return table


def _check_option(name: str, value: str, known: Iterable[str]) -> None:
    """Refuse a value that an option does not have, and say which it has."""
    if value not in known:
        raise InputError(f"{name} '{value}' is unknown here; choose one of {', '.join(known)}")


def _choose(engine: str, r_engine: str, annotation: Annotation) -> str:
    """Return the engine to run: the R package only knows the installed annotation."""
    _check_option("engine", engine, ("auto", "builtin", r_engine))
    if engine == "auto":
        engine = (
            r_engine
            if _has_package(PACKAGES[r_engine]) and _is_installed(annotation)
            else "builtin"
        )
    elif engine == r_engine:
        r.require_package(PACKAGES[r_engine])
        if not _is_installed(annotation):
            raise InputError(
                f"{PACKAGES[r_engine]} reads the installed annotation packages, which are not the "
                f"release of this annotation ({annotation.release}); use engine='builtin', or the "
                "annotation of read_installed()"
            )
    log.info("GO %s: engine %s, annotation %s", annotation.ontology, engine, annotation.release)
    return engine


def _has_package(package: str) -> bool:
    """Return whether R can be started and has a package."""
    return r.is_available() and r.package_dir(package) is not None


def _is_installed(annotation: Annotation) -> bool:
    """Return whether an annotation is the release that R has installed."""
    try:
        return annotation.release == installed_release()
    except RNotAvailable:
        return False


def _as_entrez(annotation: Annotation, clusters: dict, background, by: str):
    """Return clusters and background as Entrez ids, symbols without one, and what genes are now.

    An annotation without Entrez ids, such as one from outside tables, is used by symbol.
    """
    if by == "entrez" or not len(annotation.codes.entrez):
        return clusters, background, [], by
    # mapped in one go, so that a lost symbol is reported once
    symbols = [*(background or []), *(gene for genes in clusters.values() for gene in genes)]
    mapping = to_entrez(annotation, symbols)
    # a symbol that several genes share stands for all of them
    ids = mapping.table.groupby("symbol", sort=False)["entrez"].agg(list).to_dict()
    mapped = {name: _flat(ids, genes) for name, genes in clusters.items()}
    for name in (name for name, genes in mapped.items() if not genes):
        log.warning("cluster %s: none of its genes has an Entrez id; it has no row", name)
    return (
        mapped,
        None if background is None else _flat(ids, background),
        list(mapping.unmapped),
        "entrez",
    )


def _flat(ids: dict[str, list[str]], symbols: Sequence[str]) -> list[str]:
    """Return the distinct ids of symbols, in order."""
    return list(dict.fromkeys(entrez for symbol in symbols for entrez in ids.get(symbol, ())))


def _unannotated(annotation: Annotation, background: Sequence[str]) -> list[str]:
    """Return, and log, background genes without annotation, which no test counts."""
    known = set(annotation.codes.symbols)
    unknown = [gene for gene in background if gene not in known]
    if unknown:
        log.warning(
            "%d of %d background genes have no GO %s annotation and are left out: %s",
            len(unknown),
            len(background),
            annotation.ontology,
            listed(unknown),
        )
    return unknown


def _outside(clusters: dict[str, list[str]], background: Sequence[str] | None) -> list[str]:
    """Return, and log, cluster genes that the background lacks."""
    if background is None:
        return []
    known = set(background)
    outside = list(
        dict.fromkeys(gene for genes in clusters.values() for gene in genes if gene not in known)
    )
    if outside:
        log.warning(
            "%d cluster genes are not in the background; they count as drawn, never as hits: %s",
            len(outside),
            listed(outside),
        )
    return outside


def _record(engine: str, annotation: Annotation, tail: str) -> dict:
    """Return what ran, on what, in values that JSON knows."""
    record = {"engine": engine, "ontology": annotation.ontology, "release": annotation.release}
    if engine in PACKAGES:
        versions = {"R": r.version(), PACKAGES[engine]: r.package_version(PACKAGES[engine])}
    else:
        record["tail"] = tails.resolve(tail)
        versions = (
            {"R": r.version()}
            if record["tail"] == "r"
            # the last digits of p follow whichever computes the tail
            else {"scipy": importlib.metadata.version("scipy")}
        )
    return record | {"versions": versions}
