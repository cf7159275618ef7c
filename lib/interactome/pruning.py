"""Pruning of the interactome: gene universe, confidence cut-off, hub filter, lost regulators.

Paper, methods of the interactome; the cut-offs are read off two sweeps, which are made here in
closed form: edges are sorted by cost once, and every count at every cut-off is a position in a
sorted list.
"""

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

from lib.data.errors import InputError
from lib.interactome.network import Network

CUTOFFS = np.arange(1000) / 1000
"""Cut-offs of the confidence sweep, 0.000 … 0.999, as in the paper."""

QUANTILES = np.arange(1600, 2000) / 2000
"""Degree quantiles of the hub sweep, 0.8000, 0.8005 … 0.9995, as in the paper."""


def universe(network: Network, sets: Mapping[str, Collection[str]]) -> Network:
    """Return the subgraph on the genes that every source has.

    Parameters
    ----------
    network : Network
        The interactome.
    sets : mapping of str to collection of str
        Source → its genes, in upper case.

    Returns
    -------
    Network
        Isolated genes stay. In the paper 13,068 genes and 153,980 edges.

    Raises
    ------
    InputError
        If no gene is left; the message says how many each source has.
    """
    kept = np.logical_and.reduce([network.has(genes) for genes in sets.values()])
    if not kept.any():
        sizes = ", ".join(f"{name} {len(genes)}" for name, genes in sets.items())
        raise InputError(
            f"no gene of the network is in all sources ({sizes}); are all symbols, in upper case?"
        )
    # no edge is lost but those of the genes that go
    return network.induced(kept)


def confidence_sweep(
    network: Network, targets: Iterable[str], cutoffs: Iterable[float] = CUTOFFS
) -> pd.DataFrame:
    """Count what is left of a network below each confidence cut-off.

    Edges with a cost strictly below the cut-off stay; nodes without an edge vanish.

    Parameters
    ----------
    network : Network
        The universe.
    targets : iterable of str
        Genes that should survive: the regulators.
    cutoffs : iterable of float
        C costs; default those of the paper.

    Returns
    -------
    DataFrame
        One row per cut-off: `cutoff`, `n_nodes`, `n_targets`, `n_edges`, `avg_degree` (2 edges /
        nodes; 0 without nodes), `n_components`.

    References
    ----------
    Paysan et al., Image2Reg, Fig 3A; code `uhlerlab/image2reg`,
    `notebooks/rohban/ppi/preprocesssing`
    """
    cutoffs = np.asarray(list(cutoffs), float)
    cheapest = np.full(network.n_nodes, np.inf)  # (N,) the cut-off above which a node is there
    # a node is there as soon as its cheapest edge is
    np.minimum.at(cheapest, network.ends.ravel(), np.repeat(network.costs, 2))
    n_nodes = _count_below(cheapest, cutoffs)
    n_edges = _count_below(network.costs, cutoffs)
    degree = np.divide(2 * n_edges, n_nodes, out=np.zeros(len(cutoffs)), where=n_nodes > 0)
    return pd.DataFrame(
        {
            "cutoff": cutoffs,
            "n_nodes": n_nodes,
            "n_targets": _count_below(cheapest[network.has(targets)], cutoffs),
            "n_edges": n_edges,
            "avg_degree": degree,
            # each edge of a spanning forest joins two components
            "n_components": n_nodes - _count_below(_joining_costs(network), cutoffs),
        }
    )


def propose_cutoff(sweep: pd.DataFrame, *, jump: float = 0.05) -> float:
    """Return the cut-off that the paper's rule gives.

    All targets survive below it, and the next step of the sweep brings a steep jump of edges. Costs
    are heavily tied, so the number of edges leaps where a cut-off passes a tie (13,396 edges at
    0.594442 and 65,585 at 0.598835 in iRefIndex 14). The paper does not say how steep is steep;
    here it is a share of the edges.

    Parameters
    ----------
    sweep : DataFrame
        From `confidence_sweep`, cut-offs ascending.
    jump : float
        Least rise from one cut-off to the next that counts, as a share of the edges at the last
        cut-off.

    Returns
    -------
    float
        The first such cut-off; the paper chose 0.594.

    Raises
    ------
    InputError
        If no such jump follows; the message says what to do.
    """
    edges = sweep["n_edges"].to_numpy()
    # the first condition: no target is lost to confidence
    complete = (sweep["n_targets"] == sweep["n_targets"].max()).to_numpy()
    rises = np.r_[np.diff(edges), 0] > jump * edges[-1]  # (C,) from each cut-off to the next
    if not (complete & rises).any():
        raise InputError(
            f"no jump of {jump:g} of the edges follows the cut-off "
            f"{sweep['cutoff'][np.argmax(complete)]:.3f}, at which all targets are there; choose "
            "the cut-off yourself, from the curve"
        )
    return float(sweep["cutoff"][np.argmax(complete & rises)])


def hub_sweep(
    network: Network, targets: Iterable[str], quantiles: Iterable[float] = QUANTILES
) -> pd.DataFrame:
    """Describe the largest component of the nodes with a degree up to each quantile of the degrees.

    The sweep of the paper keeps a degree equal to the quantile, its filter (`remove_hubs`) does
    not.

    Parameters
    ----------
    network : Network
        What the confidence cut-off left.
    targets : iterable of str
        Genes that are counted: the regulators.
    quantiles : iterable of float
        Shares of the nodes, in [0, 1]; default those of the paper.

    Returns
    -------
    DataFrame
        One row per quantile: `cutoff` (quantile), `n_connected_components`, and of the largest
        component `n_nodes_largest_comp`, `n_targets_largest_comp`, `n_edges_largest_comp`,
        `avg_degree_largest_comp`.
    """
    quantiles = np.asarray(list(quantiles), float)
    bounds = np.floor(np.quantile(network.degrees, quantiles)).astype(int)  # a degree is whole
    is_target = network.has(targets)
    rows = {
        bound: _largest_component(network, network.degrees <= bound, is_target)
        # degrees are whole, so most quantiles share a bound
        for bound in np.unique(bounds)
    }
    return pd.DataFrame(
        [{"cutoff": q} | rows[bound] for q, bound in zip(quantiles, bounds, strict=True)]
    )


def degree_threshold(network: Network, quantile: float) -> float:
    """Return the degree at a quantile of the nodes, interpolated linearly.

    Parameters
    ----------
    network : Network
        Of one node at least.
    quantile : float
        In [0, 1].

    Returns
    -------
    float
    """
    return float(np.quantile(network.degrees, quantile))


def remove_hubs(network: Network, quantile: float) -> tuple[Network, pd.DataFrame]:
    """Remove the nodes whose degree reaches the quantile (≥), targets too.

    Parameters
    ----------
    network : Network
        What the confidence cut-off left.
    quantile : float
        Share of the nodes that a hub's degree reaches, in [0, 1]; 0.999 in the paper.

    Returns
    -------
    Network
        Without the hubs; what only they connected is isolated.
    DataFrame
        `gene`, `degree` of the hubs, highest first.

    References
    ----------
    Paysan et al., Image2Reg, Methods of the interactome
    """
    is_hub = network.degrees >= degree_threshold(network, quantile)
    hubs = pd.DataFrame({"gene": network.genes[is_hub], "degree": network.degrees[is_hub]})
    return network.induced(~is_hub), hubs.sort_values(
        "degree", ascending=False, kind="stable", ignore_index=True
    )


def richest_component(network: Network, targets: Iterable[str]) -> Network:
    """Return the connected component with the most targets, of equals the largest.

    The reference takes the first component it meets, which is the largest there; here the choice is
    explicit.

    Parameters
    ----------
    network : Network
        What the hub filter left.
    targets : iterable of str
        The regulators.

    Returns
    -------
    Network
    """
    n_targets = np.bincount(
        network.components[network.has(targets)], minlength=network.n_components
    )
    return network.induced(
        network.components == np.argmax(n_targets)
    )  # of equals, the first = the largest


def coverage(
    genes: Iterable[str], sets: Mapping[str, Collection[str]], networks: Mapping[str, Network]
) -> pd.DataFrame:
    """Report gene by gene which source has it and which step of the pruning keeps it.

    Parameters
    ----------
    genes : iterable of str
        Regulators, for example.
    sets : mapping of str to collection of str
        Source → its genes.
    networks : mapping of str to Network
        Step → what is left after it, in order.

    Returns
    -------
    DataFrame
        One row per gene, sorted: `gene`, one column of bool per source and per step, and `lost_in`:
        the sources that lack the gene, else the first step without it, else nothing.
    """
    table = pd.DataFrame({"gene": sorted(genes)}, dtype=object)
    for name, known in sets.items():
        table[name] = table["gene"].isin(list(known))
    for name, network in networks.items():
        table[name] = table["gene"].isin(network.genes.tolist())
    table["lost_in"] = [
        _lost_in(row, list(sets), list(networks)) for row in table.to_dict("records")
    ]
    return table


def _lost_in(row: dict, sets: list[str], steps: list[str]) -> str:
    lacking = [name for name in sets if not row[name]]
    return " and ".join(lacking) or next((step for step in steps if not row[step]), "")


def _count_below(values: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.sort(values), cutoffs, side="left")  # left: strictly below


def _joining_costs(network: Network) -> np.ndarray:
    """Return the costs at which two components become one, as edges are added by rising cost.

    They are the costs of a minimum spanning forest.
    """
    costs, ranks = np.unique(network.costs, return_inverse=True)
    size = (network.n_nodes, network.n_nodes)
    graph = sparse.coo_array(
        (ranks + 1.0, network.ends.T), shape=size
    )  # + 1: a weight of 0 would be no edge
    # Kruskal adds edges by rising cost, and keeps those that join
    forest = csgraph.minimum_spanning_tree(graph.tocsr())
    return costs[forest.data.astype(int) - 1]


def _largest_component(
    network: Network, kept: np.ndarray, is_target: np.ndarray
) -> dict[str, float]:
    part = network.induced(kept)
    largest = part.largest()
    return {
        "n_connected_components": part.n_components,
        "n_nodes_largest_comp": largest.n_nodes,
        "n_targets_largest_comp": int((is_target[kept] & (part.components == 0)).sum()),
        "n_edges_largest_comp": largest.n_edges,
        "avg_degree_largest_comp": 2 * largest.n_edges / max(largest.n_nodes, 1),
    }
