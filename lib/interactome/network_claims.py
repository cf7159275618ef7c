"""Values of the published numbers of the pruned network and the interactome.

Their ids are those of `params/published/interactome.yaml`.
"""

import os
from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import pandas as pd

from lib.data import origin
from lib.data.errors import InputError
from lib.interactome.network import Network
from lib.interactome.pruning import propose_cutoff, remove_hubs
from lib.report import published
from lib.run import store

Measured = dict[str, float | str]
TIE = 0.598835  # the cost of 36 % of all edges
STATISTICS = {
    "nodes": "n_nodes",
    "edges": "n_edges",
    "mean_degree": "avg_node_degree",
    "sd_degree": "std_node_degree",
    "leaves": "n_leaf_nodes",
    "screened": "n_target_nodes",
    "regulators": "n_spec_target_nodes",
    "regulator_leaves": "n_spec_target_leafs",
    "regulator_mean_degree": "avg_spec_target_degree",
    "regulator_sd_degree": "std_spec_target_degree",
}
"""End of an id → column of `lib.interactome.sweep.statistics`."""

USED = ("network", "single cells", "cell lines")
"""Parts of the sources that the interactome rests on, as `lib.interactome.sources.PARTS` calls
them."""

TRUTH = ["gene", "module"]

FURTHER = {
    "mi": (0.7, 0.8),
    "spearman": (2.7, 2.8, 3.0, 9.9),
}  # β of which nodes and edges are published
NAMES = {"mi": "mi_score", "spearman": "cost_spearman"}


def planted_modules(sources_dir: str | os.PathLike) -> pd.DataFrame:
    """Read the planted module of each gene.

    No row unless network, single cells and cell lines are all simulated: beside real ones nothing
    is planted.

    Parameters
    ----------
    sources_dir : path
        Folder of the network sources.

    Returns
    -------
    DataFrame
        `gene`, `module` ("none" for genes of no module).
    """
    path = store.resolve(sources_dir) / "truth" / "network_genes.csv"
    if not path.exists() or not origin.read(sources_dir).only(*USED).is_planted:
        return pd.DataFrame(columns=TRUTH)
    return pd.read_csv(path, keep_default_na=False)[TRUTH].astype(str)


def network(whole: Network) -> Measured:
    """Measure what the file of the network alone determines, also of the 249 published genes.

    Parameters
    ----------
    whole : Network
        The interactome as read, before any filter.

    Returns
    -------
    dict
        Id of a published number → its value here.
    """
    # strictly below: the tie itself stays out
    certain = whole.below(TIE)
    giant = certain.largest()
    lists, genes = published.gene_lists(), _published_genes()
    found = {
        "ppi.nodes": whole.n_nodes,
        "ppi.edges": whole.n_edges,
        "ppi.mean_degree": float(whole.degrees.mean()),
        "ppi.self_loops": whole.n_loops,
        "ppi.components": whole.n_components,
        "ppi.below_tie.edges": certain.n_edges,
        "ppi.below_tie.nodes": certain.n_nodes,
        "ppi.below_tie.components": certain.n_components,
        "ppi.below_tie.giant_nodes": giant.n_nodes,
        "ppi.below_tie.giant_edges": giant.n_edges,
    }
    # all regulators survive from 0.562; 0.594 is the paper's; 0.598 an earlier one
    for name, cutoff in {"0562": 0.562, "0594": 0.594, "0598": 0.598}.items():
        found[f"published.edges_{name}"] = _among(whole.below(cutoff), genes).n_edges
    part = _among(whole.below(0.594), genes)
    degrees = part.degrees[part.has(lists["impactful_genes"])]  # of the regulators
    found |= {
        "published.mean_degree": _rounded(part.degrees.mean()),
        "published.sd_degree": _rounded(part.degrees.std()),
        "published.leaves": int((part.degrees == 1).sum()),
        "published.regulators": len(degrees),
        "published.screened": int(part.has(lists["over_expression_targets"]).sum()),
        "published.regulator_leaves": int((degrees == 1).sum()),
        "published.regulator_mean_degree": _rounded(degrees.mean()),
        "published.regulator_sd_degree": _rounded(degrees.std()),
    }
    return _with_prefix(found)


def pruning(
    universe: Network, sweep: pd.DataFrame, certain: Network, lost: pd.DataFrame, *, jump: float
) -> Measured:
    """Measure the pruning: universe, confidence sweep, graph below the cut-off, lost regulators.

    Parameters
    ----------
    universe : Network
        The network on the genes that every source has.
    sweep : DataFrame
        From `pruning.confidence_sweep` on the universe.
    certain : Network
        Edges below the cut-off, all components.
    lost : DataFrame
        `gene`, `lost_in`, from `pruning.coverage`.
    jump : float
        As for `pruning.propose_cutoff`; the cut-off is missing where the rule finds none.

    Returns
    -------
    dict
        Id of a published number → its value here.
    """
    complete = sweep["n_targets"] == sweep["n_targets"].max()
    found = {
        "universe.nodes": universe.n_nodes,
        "universe.edges": universe.n_edges,
        "universe.components": universe.n_components,
        **{f"universe.giant_{name}": value for name, value in _giant(universe).items()},
        "confidence.all_regulators": float(sweep.loc[complete, "cutoff"].min()),
        "confidence.components": certain.n_components,
        **{f"confidence.giant_{name}": value for name, value in _giant(certain).items()},
        "lost.hubs": _listed(lost[lost["lost_in"] == "hubs"]),
        "lost.sets": _listed(lost[~lost["lost_in"].isin(["", "hubs", "confidence"])]),
        "regulators": int((lost["lost_in"] == "").sum()),
        **_other_hubs(universe),
    }
    with suppress(InputError):
        found["confidence.cutoff"] = propose_cutoff(sweep, jump=jump)
    return _with_prefix(found)


def trees(
    table: pd.DataFrame,
    chosen: Mapping[str, float],
    overlap: np.ndarray,
    betas: np.ndarray,
    genes: pd.Series,
) -> Measured:
    """Measure the sweep over β: chosen solutions, published rows, and the overlap of solutions.

    Parameters
    ----------
    table : DataFrame
        `cost` and the statistics of every β.
    chosen : mapping of str to float
        Cost → chosen β.
    overlap : (B, B) ndarray
        From `lib.interactome.sweep.node_iou`, rows = MI cost.
    betas : (B,) ndarray
        Prize weights of both axes of `overlap`.
    genes : Series of str
        Genes of the interactome.

    Returns
    -------
    dict
        Id of a published number → its value here.
    """
    found: Measured = {}
    for name, cost in NAMES.items():
        rows = table[table["cost"] == cost].set_index("beta")
        rows.index = rows.index.to_numpy().round(6)  # so that 0.7 is found, however it was computed
        found[f"{name}.beta"] = chosen[cost]
        found |= {
            f"{name}.{end}": rows.at[round(chosen[cost], 6), column]
            for end, column in STATISTICS.items()
        }
        for beta in (beta for beta in FURTHER[name] if beta in rows.index):
            # ids of published values spell β 2.7 as 27
            end = f"{beta:.1f}".replace(".", "")
            found[f"{name}.nodes_{end}"] = rows.at[beta, "n_nodes"]
            found[f"{name}.edges_{end}"] = rows.at[beta, "n_edges"]
    known, own = set(_published_genes()), set(genes)
    found["jaccard"] = len(known & own) / len(known | own)
    found["iou.largest"] = float(overlap.max())
    found["iou.beta_mi"] = float(betas[overlap.max(axis=1).argmax()])
    return _with_prefix(found)


def planted(recovery: Mapping[str, float], nodes: pd.DataFrame, pruned: pd.DataFrame) -> Measured:
    """Measure the interactome against the planted modules; nothing where no truth is planted.

    Parameters
    ----------
    recovery : mapping of str to float
        From `lib.interactome.interactome.recovery`; empty without a truth.
    nodes, pruned : DataFrame
        Nodes of the interactome and of the pruned network, with `is_regulator`.

    Returns
    -------
    dict
        Id of a planted number → its value here, four decimals.
    """
    if not recovery:
        return {}
    return _with_prefix(
        {
            # share of the regulators of the pruned network that the interactome holds
            "planted.regulators": round(
                float(nodes["is_regulator"].sum() / max(pruned["is_regulator"].sum(), 1)), 4
            ),
            "planted.precision": round(recovery["precision"], 4),
            "planted.recall": round(recovery["recall"], 4),
            "planted.louvain_ari": round(recovery["ari"], 4),
        }
    )


def _published_genes() -> list[str]:
    return published.gene_lists()["regulatory_clusters"]


def _among(whole: Network, genes: list[str]) -> Network:
    return whole.induced(whole.has(genes))


def _giant(whole: Network) -> Measured:
    giant = whole.largest()
    return {
        "nodes": giant.n_nodes,
        "edges": giant.n_edges,
        "mean_degree": float(giant.degrees.mean()),
    }


def _other_hubs(universe: Network, quantile: float = 0.999) -> Measured:
    """Return the hubs of earlier versions of the pruning: cut-off 0.562, and none."""
    _, hubs = remove_hubs(universe.below(0.562).largest(), quantile)
    left, every = remove_hubs(universe.largest(), quantile)
    left = left.largest()
    return {
        "hubs_0562.genes": ", ".join(
            f"{gene} {degree}" for gene, degree in zip(*hubs.to_numpy().T, strict=True)
        ),
        "hubs_uncut.hubs": len(every),
        "hubs_uncut.nodes": left.n_nodes,
        "hubs_uncut.edges": left.n_edges,
    }


def _listed(rows: pd.DataFrame) -> str:
    return ", ".join(rows["gene"]) or "none"


def _rounded(value: float) -> float:
    return round(float(value), 6)


def _with_prefix(found: Measured) -> Measured:
    return {
        f"interactome.{name}": value.item() if isinstance(value, np.generic) else value
        for name, value in found.items()
    }
