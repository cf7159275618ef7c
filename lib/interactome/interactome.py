"""The interactome that a Steiner tree stands for: its tables, and GraphML for Cytoscape."""

import os

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.interactome.network import Network, of_table
from lib.interactome.sweep import Sweep, louvain
from lib.run import store


def read_pruned(
    nodes_path: str | os.PathLike, edges_path: str | os.PathLike
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read nodes and edges of the pruned network; a gene called NAN or NA stays a gene.

    Parameters
    ----------
    nodes_path, edges_path : path
        CSV files that ppi_pruning wrote.

    Returns
    -------
    nodes, edges : DataFrame
        As written: `gene`, `prize`, …; `gene_a`, `gene_b`, costs.
    """
    return tuple(
        pd.read_csv(store.resolve(path), keep_default_na=False) for path in (nodes_path, edges_path)
    )


def read_selection(path: str | os.PathLike) -> tuple[list[str], list[str]]:
    """Read which genes of the pruned network the interactome holds.

    Parameters
    ----------
    path : path
        CSV with `gene`, `selected_in_ggi`, as `selection` makes it.

    Returns
    -------
    chosen, all : list of str
        Genes of the interactome, and all genes of the pruned network.
    """
    table = pd.read_csv(store.resolve(path), keep_default_na=False)
    return table.loc[table["selected_in_ggi"] == 1, "gene"].tolist(), table["gene"].tolist()


def as_network(nodes: pd.DataFrame, edges: pd.DataFrame, *, cost: str = "mi_score") -> Network:
    """Build the network of two tables, whose rows keep their order.

    Parameters
    ----------
    nodes : DataFrame
        `gene`, sorted.
    edges : DataFrame
        `gene_a`, `gene_b`, sorted by both, and the column of costs.
    cost : str
        Column of the edges' costs.

    Returns
    -------
    Network
        Its `genes` and `ends` are in the order of the rows.

    Raises
    ------
    InputError
        If the rows are not in the order of a network: genes sorted, edges by their first and second
        gene.
    """
    network = of_table(edges, cost=cost, nodes=nodes["gene"])
    first, second = network.genes[network.ends].T
    # costs and prizes are joined by position later
    in_order = list(network.genes) == list(nodes["gene"]) and (edges["gene_a"] == first).all()
    if not (in_order and (edges["gene_b"] == second).all()):
        raise InputError(
            "the tables of the pruned network are not sorted by gene; make them with ppi_pruning"
        )
    return network


def tables(
    network: Network,
    found: Sweep,
    beta: float,
    *,
    nodes: pd.DataFrame,
    edges: pd.DataFrame,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return nodes and edges of the augmented solution at one β.

    Parameters
    ----------
    network : Network
        The pruned network.
    found : Sweep
        Its trees.
    beta : float
        Prize weight, one of the sweep's.
    nodes, edges : DataFrame
        Tables of the pruned network: one row per node in the order of `network.genes` (`gene`,
        `prize`, …), one row per edge in the order of `network.ends` (`gene_a`, `gene_b`, costs).
    seed : int
        Of the Louvain modules.

    Returns
    -------
    nodes : DataFrame
        Those of the solution, with `degree` in it and `module` (Louvain, from 1, largest first).
    edges : DataFrame
        All edges of the network between these nodes, with `in_tree`: whether the edge is one of the
        tree's.

    Raises
    ------
    InputError
        If the sweep has no such β, or its tree has no edge.
    """
    rows = np.flatnonzero(np.isclose(found.betas, beta))  # 0.1 · 3 is not 0.3
    if not len(rows):
        raise InputError(
            f"β = {beta:g} is not among the {len(found.betas)} of the sweep, which ends at "
            f"{found.betas[-1]:g}"
        )
    row = int(rows[0])
    kept = found.nodes[row]
    if not kept.any():
        raise InputError(
            f"the tree at β = {beta:g} has no edge, so there is no interactome; choose a larger β"
        )
    inside = kept[network.ends].all(axis=1)  # (E,) both ends are nodes of the tree
    in_tree = np.isin(np.arange(network.n_edges), found.trees[row])
    # the augmented solution: all edges between the tree's nodes
    part = network.induced(kept)
    chosen = nodes[kept].assign(degree=part.degrees, module=louvain(part, seed=seed))
    return chosen.reset_index(drop=True), edges[inside].assign(in_tree=in_tree[inside]).reset_index(
        drop=True
    )


def selection(network: Network, nodes: pd.DataFrame) -> pd.DataFrame:
    """Return which nodes of the pruned network the interactome holds.

    Parameters
    ----------
    network : Network
        The pruned network.
    nodes : DataFrame
        Nodes of the interactome: `gene`.

    Returns
    -------
    DataFrame
        One row per node of the pruned network, sorted: `gene`, `selected_in_ggi` (0 or 1).
    """
    return pd.DataFrame(
        {"gene": network.genes, "selected_in_ggi": network.has(nodes["gene"]).astype(int)}
    )


def as_graph(nodes: pd.DataFrame, edges: pd.DataFrame):
    """Return the interactome as a NetworkX graph.

    Parameters
    ----------
    nodes : DataFrame
        `gene`; all columns become attributes.
    edges : DataFrame
        `gene_a`, `gene_b`; the other columns become attributes.

    Returns
    -------
    networkx.Graph
    """
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from((row["gene"], row) for row in nodes.to_dict("records"))
    graph.add_edges_from(
        (row.pop("gene_a"), row.pop("gene_b"), row) for row in edges.to_dict("records")
    )
    return graph


def write_graphml(path: str | os.PathLike, nodes: pd.DataFrame, edges: pd.DataFrame) -> None:
    """Write nodes and edges with all their columns as GraphML, which Cytoscape opens.

    Parameters
    ----------
    path : path
        Written whole or not at all.
    nodes, edges : DataFrame
        As in `as_graph`.
    """
    import networkx as nx

    # Cytoscape labels nodes by `name`
    graph = as_graph(nodes.assign(name=nodes["gene"]), edges)
    with store.atomic(path) as part:
        nx.write_graphml_xml(graph, part)


def read_graphml(path: str | os.PathLike) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read nodes and edges of a GraphML file, the inverse of `write_graphml`.

    Parameters
    ----------
    path : path
        A file of `write_graphml`.

    Returns
    -------
    nodes, edges : DataFrame
        `gene` and attributes; `gene_a`, `gene_b` and attributes.
    """
    import networkx as nx

    graph = nx.read_graphml(store.resolve(path))
    # `name` was added for Cytoscape
    nodes = pd.DataFrame([row for _, row in graph.nodes(data=True)]).drop(columns="name")
    edges = pd.DataFrame(
        [{"gene_a": a, "gene_b": b, **row} for a, b, row in graph.edges(data=True)]
    )
    return nodes, edges


def recovery(nodes: pd.DataFrame, network: Network, truth: pd.DataFrame) -> dict[str, float]:
    """Measure how well the interactome picks the genes of planted modules.

    Parameters
    ----------
    nodes : DataFrame
        Nodes of the interactome: `gene`, `module`.
    network : Network
        The pruned network that it was cut from; planted genes that it lost cannot be picked.
    truth : DataFrame
        `gene`, `module`, "none" for genes of no module.

    Returns
    -------
    dict of str to float
        `precision` (share of the nodes that belong to a module), `recall` (share of the modules'
        genes in the pruned network that are nodes), `chance` (share of planted genes that the
        pruned network has), `ari` (Louvain modules against planted ones, over shared genes). Empty
        where no truth is planted.
    """
    from sklearn.metrics import adjusted_rand_score

    if truth.empty:
        return {}
    planted = truth.set_index("gene")["module"]
    # genes of no module are the background
    planted = planted[planted != "none"]
    reachable = network.has(planted.index)
    chosen = nodes[nodes["gene"].isin(planted.index)]
    return {
        "precision": len(chosen) / len(nodes),
        "recall": len(chosen) / max(int(reachable.sum()), 1),
        "chance": float(reachable.mean()),
        "ari": float(adjusted_rand_score(planted[chosen["gene"]], chosen["module"]))
        if len(chosen) > 1
        else 0.0,
    }
