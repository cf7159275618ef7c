"""Time the hot paths of the LINCS chapter beside plain forms of the same work, in one run.

    python benchmarks/lincs.py            # sizes of the paper where memory allows, some minutes
    python benchmarks/lincs.py --small    # a tenth of that

Each ratio is plain / ours, of the same work in the same process; where the plain form would take
hours, a part of it is timed and scaled, which the table says.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.data import gctx  # noqa: E402
from lib.lincs import connectivity, fitting, targets  # noqa: E402

N_POOL, N_QUERIES, WIDTH, N_GENES = 116_782, 4_000, 100, 4_314


def seconds(function, *args, repeat=3):
    """Return the shortest of some runs."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


def peak():
    """Return the peak memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def epochs(n):
    """Compare an epoch of batches cut from tensors in memory with one of a DataLoader of rows."""
    x = torch.randn(n, 978)
    loader = DataLoader(TensorDataset(x), batch_size=512, shuffle=True)
    ours = seconds(
        lambda: [len(batch) for batch in fitting.Batches(x, size=512)(np.random.default_rng(0))]
    )
    return ours, seconds(lambda: [len(batch) for (batch,) in loader]), "one epoch, no network"


def plain_ranks(queries, references, genes, wanted):
    """Rank as the published code does: distances of each query, a full sort, then walk to the first
    target."""
    for query in queries:
        distance = [1 - np.corrcoef(query, reference)[0, 1] for reference in references]
        order = np.argsort(distance)
        next(place for place, row in enumerate(order) if genes[row] in wanted)


def ranks(n_pool, n_queries):
    rng = np.random.default_rng(0)
    pool_values = rng.normal(size=(n_pool, WIDTH)).astype(np.float32)
    genes = rng.choice([f"g{i}" for i in range(N_GENES)], n_pool)
    queries = rng.normal(size=(n_queries, WIDTH)).astype(np.float32)
    drugs = np.repeat("x", n_queries)
    pool = targets.pool(pool_values, genes)
    known = {"x": [pool.genes[0]]}
    ours = seconds(targets.rank, queries, drugs, pool, known, repeat=1)
    part, few = 2, min(20_000, n_pool)
    plain = seconds(
        plain_ranks, queries[:part], pool_values[:few], genes[:few], set(genes[:1]), repeat=1
    )
    scaled = plain * (n_queries / part) * (n_pool / few)
    return (
        ours,
        scaled,
        f"{n_queries} queries, {n_pool} signatures; plain: {part} queries, scaled; peak "
        f"{peak():.2f} GB",
    )


def blocks(n_rows, n_columns, folder):
    """Compare reading scattered rows of a GCTX in blocks with reading a list of row numbers."""
    path = folder / "big.gctx"
    values = np.random.default_rng(0).normal(size=(n_rows, n_columns)).astype(np.float32)
    names = [f"s{i}" for i in range(n_rows)]
    gctx.write_gctx(path, values, names, [str(i) for i in range(n_columns)])
    wanted = sorted(np.random.default_rng(1).choice(n_rows, int(0.7 * n_rows), replace=False))
    chosen, genes = [names[i] for i in wanted], [str(i) for i in range(0, n_columns, 12)]
    ours = seconds(lambda: gctx.read_gctx(path, signatures=chosen, genes=genes), repeat=1)
    with h5py.File(path) as file:
        plain = seconds(lambda: file[gctx.MATRIX][wanted][:, ::12], repeat=1)
    return (
        ours,
        plain,
        f"{len(wanted)} of {n_rows} rows, {len(genes)} of {n_columns} columns; peak {peak():.2f} "
        "GB",
    )


def plain_enrichment(values, genes):
    for row in values:
        order = np.argsort(-row)
        hits = np.isin(order, genes)
        step = np.where(hits, np.abs(row[order]) / np.abs(row[genes]).sum(), -1 / (~hits).sum())
        np.cumsum(step)


def enrichment(n):
    values = np.random.default_rng(0).normal(size=(n, 978)).astype(np.float32)
    names = [str(i) for i in range(978)]
    sorted_once = connectivity.reference(values, names)
    genes = np.arange(0, 978, 20)
    ours = seconds(connectivity.enrichment, sorted_once, [str(i) for i in genes])
    return (
        ours,
        seconds(plain_enrichment, values, genes, repeat=1),
        f"one set of 49 genes, {n} signatures",
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="a tenth of the sizes")
    share = 0.1 if parser.parse_args().small else 1.0
    torch.set_num_threads(1)
    print(f"{'':22} {'ours, s':>9} {'plain, s':>9} {'ratio':>7}")
    with tempfile.TemporaryDirectory() as folder:
        cases = {
            "batches of an epoch": lambda: epochs(int(80_000 * share)),
            "target ranks": lambda: ranks(int(N_POOL * share), int(N_QUERIES * share)),
            "rows of a GCTX": lambda: blocks(int(20_000 * share), 3_000, Path(folder)),
            "enrichment": lambda: enrichment(int(20_000 * share)),
        }
        for name, case in cases.items():
            ours, plain, note = case()
            print(f"{name:22} {ours:9.3f} {plain:9.3f} {plain / ours:7.1f}  {note}", flush=True)


if __name__ == "__main__":
    main()
