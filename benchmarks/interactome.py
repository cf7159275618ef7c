"""How long the interactome takes, against the plain form of the same thing in the same run.

Edge costs at the published size are compared with SciPy's spearmanr called for every edge, on a
sample of edges; the confidence sweep with one graph a cut-off, on a sample of cut-offs; the sweep
over β by the share of its time that is the solver's own. All data are random, with the sizes, ties
and degrees of the published network.

    python benchmarks/interactome.py                              # about a minute
    python benchmarks/interactome.py --genes 3000 --edges 30000
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.interactome import edge_costs, pruning, sweep  # noqa: E402
from lib.interactome.network import of_table  # noqa: E402


def seconds(function, *args, **options):
    """Return the time of a call and what it gave."""
    start = time.perf_counter()
    result = function(*args, **options)
    return time.perf_counter() - start, result


def draw_network(n_genes, n_edges, rng):
    """Return a network with a few hubs and many tied costs, connected."""
    weights = rng.pareto(1.2, n_genes) + 1
    ends = rng.choice(n_genes, (int(1.3 * n_edges), 2), p=weights / weights.sum())
    path = np.stack([np.arange(n_genes - 1), np.arange(1, n_genes)]).T
    ends = np.unique(np.sort(np.concatenate([path, ends]), axis=1), axis=0)
    ends = ends[ends[:, 0] != ends[:, 1]]
    ends = ends[np.sort(rng.permutation(len(ends))[:n_edges])]
    costs = np.where(rng.random(len(ends)) < 0.4, 0.598835, rng.uniform(0, 0.9, len(ends)))
    names = np.array([f"G{i:05d}" for i in range(n_genes)])
    table = pd.DataFrame({"gene_a": names[ends[:, 0]], "gene_b": names[ends[:, 1]], "cost": costs})
    return of_table(table, cost="cost", nodes=names)


def draw_expression(n_cells, n_genes, rng):
    """Return log counts with many zeros and ties, (cells, genes) float32."""
    rates = rng.lognormal(0.5, 1.5, n_genes)[None] * rng.lognormal(0, 0.5, (n_cells, 1))
    values = np.log1p(rng.poisson(rates)).astype(np.float32)
    values[0] += 1e-3  # no gene is the same in all cells
    return values


def compare_costs(network, values, n_sample, rng):
    """Print edge costs against spearmanr edge by edge."""
    ours, costs = seconds(edge_costs.correlation_costs, values, network.ends)
    sample = rng.choice(network.n_edges, n_sample, replace=False)
    plain, expected = seconds(plain_costs, values, network.ends[sample])
    assert np.allclose(costs[sample], expected, atol=1e-10)
    ratio("Spearman costs (plain: on a sample)", ours, plain * network.n_edges / n_sample)
    half, _ = seconds(edge_costs.correlation_costs, values, network.ends, kind="pearson")
    line("  of which ranks", f"{max(ours - half, 0):.2f}")
    ratio(
        "Pearson costs",
        half,
        seconds(plain_costs, values, network.ends[sample], stats.pearsonr)[0]
        * network.n_edges
        / n_sample,
    )


def plain_costs(values, ends, correlate=stats.spearmanr):
    """Return costs edge by edge."""
    return [1 - abs(correlate(values[:, a], values[:, b]).statistic) for a, b in ends]


def compare_sweeps(network, n_sample):
    """Print the confidence sweep against one graph a cut-off."""
    targets = network.genes[:40]
    ours, table = seconds(pruning.confidence_sweep, network, targets)
    chosen = table.iloc[:: len(table) // n_sample]
    plain, counted = seconds(plain_sweep, network, chosen["cutoff"])
    assert counted == chosen[["n_nodes", "n_edges"]].to_numpy().tolist()
    ratio("confidence sweep, 1,000 cut-offs", ours, plain * len(table) / len(chosen))


def plain_sweep(network, cutoffs):
    """Build the graph of every cut-off and count."""
    counted = []
    for cutoff in cutoffs:
        graph = nx.Graph(
            [
                tuple(pair)
                for pair, cost in zip(network.ends, network.costs, strict=True)
                if cost < cutoff
            ]
        )
        counted.append([len(graph), graph.number_of_edges()])
    return counted


def share_of_solver(network, n_betas, rng):
    """Print how much of the sweep over β is the solver's own time."""
    prizes = np.where(
        rng.random(network.n_nodes) < 0.004, 8.0, rng.exponential(0.7, network.n_nodes)
    )
    regulators = network.genes[prizes == 8.0]
    betas = np.arange(1, n_betas + 1) / 10
    total, found = seconds(sweep.run, network, prizes, network.costs, betas)
    counting, _ = seconds(
        sweep.statistics, network, found, regulators=regulators, orf_targets=regulators
    )
    line(f"sweep over {n_betas} β, trees", f"{total:.2f}")
    line("  and statistics of the augmented solutions", f"{counting:.2f}")
    line("  overlap of all pairs", f"{seconds(sweep.node_iou, found, found)[0]:.3f}")
    line("share of time in the solver", f"{100 * found.solver_seconds / (total + counting):.1f} %")


def line(*values):
    """Print one row of the table."""
    print(f"{values[0]:46}" + "".join(f"{value:>12}" for value in values[1:]), flush=True)


def ratio(name, ours, plain):
    """Print a case: seconds of both forms and their ratio."""
    line(name, f"{ours:.2f}", f"{plain:.1f}", f"{plain / ours:.1f}")


def main():
    """Print one row a case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--genes", type=int, default=13_000, help="genes of the network")
    parser.add_argument("--edges", type=int, default=150_000, help="interactions")
    parser.add_argument("--cells", type=int, default=1126, help="single cells")
    parser.add_argument("--betas", type=int, default=99, help="prize weights")
    parser.add_argument("--sample", type=int, default=400, help="edges of the plain form")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    network = draw_network(options.genes, options.edges, rng)
    values = draw_expression(options.cells, options.genes, rng)
    print(f"{network.n_nodes} genes, {network.n_edges} edges, {options.cells} cells")
    line("case", "s", "plain s", "ratio")
    compare_costs(network, values, options.sample, rng)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line("  peak memory of this process, MB", f"{peak:.0f}")
    compare_sweeps(network, 10)
    share_of_solver(network.below(0.594).largest(), options.betas, rng)


if __name__ == "__main__":
    main()
