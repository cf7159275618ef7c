"""Values of the published numbers of the GO chapter, by the ids of `params/published/go.yaml`."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.report import published

ALPHA = 0.05  # the threshold of every published claim

# Terms that lead a cluster of Fig 3C as published; GO ids, because names change from release to
# release.
THEMES = {
    "0": (
        "GO:0030198",
        "GO:0043062",
        "GO:0001501",
        "GO:0001568",
    ),  # extracellular matrix, skeleton, blood vessels
    "1": (
        "GO:0099536",
        "GO:0007268",
        "GO:0098916",
        "GO:0099537",
        "GO:0019932",
    ),  # synapses, second messengers
    "2": ("GO:0007010", "GO:0030029", "GO:0030036"),  # cytoskeleton, actin
    "3": (
        "GO:0030522",
        "GO:0031324",
        "GO:0006355",
    ),  # intracellular receptors, regulation of transcription
    "6": (
        "GO:0007049",
        "GO:0000280",
        "GO:0048285",
    ),  # cell cycle, nuclear division, organelle fission
    "7": (
        "GO:0006261",
        "GO:0006259",
        "GO:0044843",
        "GO:0000082",
    ),  # DNA replication, G1/S transition
}

# Bars of the companion plots whose height was read off: id → cluster, GO id.
BARS = {
    "skeletal": ("0", "GO:0001501"),
    "pkb": ("0", "GO:0051897"),
    "vessel": ("0", "GO:0001568"),
    "metabolic": ("3", "GO:0031324"),
    "g1s": ("7", "GO:0044843"),
    "dna": ("7", "GO:0006259"),
    "g1s_mitotic": ("7", "GO:0000082"),
}


def impactful_genes(table: pd.DataFrame, *, n_feasible: int) -> dict[str, float | str]:
    """Measure the analysis of the 41 impactful genes against the 190 screened.

    Parameters
    ----------
    table : DataFrame
        From `lib.go.enrich`.
    n_feasible : int
        Background genes with any annotation; 189 in release 3.12.

    Returns
    -------
    dict
        Id of a published number → its value here.
    """
    p = _printed(table)
    return {
        "go.physical.n_terms": len(table),
        "go.physical.n_feasible": n_feasible,
        "go.physical.n_raw": int((p < ALPHA).sum()),
        "go.physical.n_adjusted": int((table["qval"] < ALPHA).sum()),
        "go.physical.leading_term": table["Term"].iloc[0],
        "go.physical.leading_p": float(p.iloc[0]),
    }


def gene_perturbation_clusters(tables: Mapping[str, pd.DataFrame]) -> dict[str, float | str]:
    """Measure the analyses of the clusters of Fig 2E.

    Clusters 1 to 5 have archived tables to compare with.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Cluster → its table from `lib.go.enrich`; "1" to "5" must be there.

    Returns
    -------
    dict
        Id of a published number → its value here.
    """
    measured: dict[str, float | str] = {
        "go.clusters.n_terms": max(len(table) for table in tables.values()),
        "go.clusters.n_adjusted": sum(
            int((table["qval"] < ALPHA).sum()) for table in tables.values()
        ),
    }
    for name in ("1", "2", "3", "4", "5"):
        table, p = tables[name], _printed(tables[name])
        measured |= {
            f"go.clusters.n_raw.{name}": int((p < ALPHA).sum()),
            f"go.clusters.leading_term.{name}": table["Term"].iloc[0],
            f"go.clusters.leading_p.{name}": float(p.iloc[0]),
        }
    return measured


def regulatory_clusters(table: pd.DataFrame) -> dict[str, float | str | bool]:
    """Measure Fig 3C on the table of all tested terms of the eight published clusters.

    Parameters
    ----------
    table : DataFrame
        From `lib.go.compare_clusters` without cut-offs.

    Returns
    -------
    dict
        Id of a published number → its value here.
    """
    measured: dict[str, float | str | bool] = {
        "go.regulatory.n_background": int(table["BgRatio"].iloc[0].split("/")[1])
    }
    for name, rows in table.groupby("Cluster", observed=True, sort=False):
        # enrichGO applies its cut-off to raw and adjusted p alike
        significant = rows[(rows["p.adjust"] <= ALPHA) & (rows["pvalue"] <= ALPHA)]
        measured[f"go.regulatory.annotated.{name}"] = int(rows["GeneRatio"].iloc[0].split("/")[1])
        measured[f"go.regulatory.significant.{name}"] = len(significant) > 0
        measured[f"go.regulatory.top.{name}"] = _height(rows["p.adjust"].iloc[0])
        measured[f"go.regulatory.leading_term.{name}"] = rows["Description"].iloc[0]
        measured[f"go.regulatory.theme.{name}"] = bool(
            significant["ID"].isin(THEMES.get(name, ())).any()
        )
    # a term that another release lacks has no bar
    heights = table.set_index(["Cluster", "ID"])["p.adjust"]
    measured |= {
        f"go.regulatory.bar.{bar}": _height(heights[key])
        for bar, key in BARS.items()
        if key in heights.index
    }
    known = published.load()
    return {name: value for name, value in measured.items() if name in known}


def _printed(table: pd.DataFrame) -> pd.Series:
    """Return the printed p-values of a topGO table as numbers; `<1e-30` becomes its bound."""
    return table["pval"].str.lstrip("< ").astype(float)


def _height(p: float) -> float:
    """Return the height of a bar, −log10 p, to the two decimals that can be read off a figure."""
    return round(float(-np.log10(p)), 2) + 0.0  # + 0.0 turns −0 into 0
