"""Published numbers of the expression sources, measured wherever a source is the real one."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from anndata import AnnData

from lib.interactome import cmap
from lib.interactome.sources import Source
from lib.report import published

# genes whose fold change the paper's notebooks print
MARKERS = (
    "DHRS2",
    "PAGE2",
    "HAPLN1",
    "KRT81",
    "PCLO",
    "KRT17",
    "CXCL14",
    "TNNC1",
    "MAGEA1",
    "KRT75",
    "CEBPA",
)


def measured(
    sources: Mapping[str, Source],
    *,
    steps: pd.DataFrame,
    signatures: pd.DataFrame,
    means: AnnData,
    ccle: pd.DataFrame,
    markers: pd.DataFrame,
    universe: int,
    n_dropped: int = 0,
) -> dict[str, float | int | str]:
    """Collect the values of the published numbers that a run can measure.

    Nothing is measured on sources that are simulated.

    Parameters
    ----------
    sources : mapping of str to Source
        From `lib.interactome.sources.read`; says which are simulated.
    steps : DataFrame
        `n_cells`, `n_genes`: raw counts, with a symbol, filtered; three rows.
    signatures : DataFrame
        From `lib.interactome.cmap.select_signatures`.
    means : AnnData
        From `lib.interactome.cmap.mean_signatures`.
    ccle : (lines, genes) DataFrame
        From `lib.interactome.markers.read_ccle`.
    markers : DataFrame
        From `lib.interactome.markers.screen`.
    universe : int
        Genes that cells, cell lines and interactome share.
    n_dropped : int
        Ids without a symbol, and later ids of a symbol, from `lib.interactome.counts.to_symbols`.

    Returns
    -------
    dict
        Id of a published number → its value here.

    Raises
    ------
    InputError
        If CMap's table of genes is not readable.
    """
    found: dict[str, float | int | str] = {}
    if not sources["fucci_counts"].simulated:
        names = ("raw", "named", "kept")
        for name, cells, genes in zip(names, steps["n_cells"], steps["n_genes"], strict=True):
            found |= {
                f"expression.fucci.{name}_cells": int(cells),
                f"expression.fucci.{name}_genes": int(genes),
            }
        found["expression.fucci.dropped"] = int(n_dropped)
    if not sources["cmap_level5"].simulated:
        found |= {
            "expression.cmap.signatures": len(signatures),
            "expression.cmap.genes": means.n_obs,
            "expression.cmap.landmarks": means.n_vars,
            **_regulators(sources["cmap_geneinfo"].path),
        }
    if not sources["ccle_expression"].simulated:
        found |= {"expression.ccle.lines": len(ccle), "expression.ccle.genes": ccle.shape[1]}
        # a marker that the universe lacks is not measured
        table = markers.set_index("gene")
        found |= {
            f"expression.markers.{g.lower()}": float(table["log_fc"][g])
            for g in MARKERS
            if g in table.index
        }
        if "CEBPA" in table.index:
            found["expression.markers.cebpa_p"] = float(table["pval"]["CEBPA"])
    # an intersection with one simulated source says nothing about the real ones
    if not any(sources[name].simulated for name in ("fucci_counts", "ccle_expression", "ppi")):
        found["expression.universe"] = universe
    return found


def _regulators(geneinfo: Path) -> dict[str, int | str]:
    """Return how CMap measures the 41 published regulators."""
    table = cmap.coverage(geneinfo, published.gene_lists()["impactful_genes"])
    space = table["feature_space"]
    return {
        "expression.cmap.regulators_landmark": int((space == cmap.LANDMARK).sum()),
        "expression.cmap.regulators_inferred": int((space == "best inferred").sum()),
        "expression.cmap.regulators_absent": " ".join(sorted(table.loc[space == "absent", "gene"])),
    }
