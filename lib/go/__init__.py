"""GO enrichment: topGO's tests, clusterProfiler's cluster comparison, and the annotation both read.

>>> from lib import go
>>> annotation = go.load("runs/mini/data/go")  # doctest: +SKIP
>>> table = go.enrich(annotation, foreground, background)  # doctest: +SKIP
>>> table = go.compare_clusters(annotation, clusters, background)  # doctest: +SKIP

R is started only when something needs it.
"""

from lib.go.analysis import compare_clusters, enrich
from lib.go.annotation import Annotation, load, save, spell_out
from lib.go.enrichgo import Cutoffs
from lib.go.errors import RNotAvailable
from lib.go.installed import installed_release, read_gene_ids, read_installed
from lib.go.permutation import permutation_null
from lib.go.semantic import (
    INSTALLED_WEIGHTS,
    PAPER_WEIGHTS,
    gosemsim_edges,
    simplify,
    wang_similarity,
)
from lib.go.symbols import SymbolMapping, to_entrez
from lib.go.tables import read_gene_id_table, read_tables

__all__ = [
    "INSTALLED_WEIGHTS",
    "PAPER_WEIGHTS",
    "Annotation",
    "Cutoffs",
    "RNotAvailable",
    "SymbolMapping",
    "compare_clusters",
    "enrich",
    "gosemsim_edges",
    "installed_release",
    "load",
    "permutation_null",
    "read_gene_id_table",
    "read_gene_ids",
    "read_installed",
    "read_tables",
    "save",
    "simplify",
    "spell_out",
    "to_entrez",
    "wang_similarity",
]
