"""Time the hot paths of the LINCS chapter beside plain forms of the same work, in one run.

    python benchmarks/lincs.py            # sizes of the paper, some minutes
    python benchmarks/lincs.py --small    # a tenth of them

Each ratio is plain / ours, of the same work in the same process; where the plain form would take
hours, a part of it is timed and scaled, which the table says. Every case has a process of its own,
so that its peak of memory, taken before the plain form runs, is its own.
"""

import argparse
import resource
import sys
import tempfile
import time
import zlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.data import gctx  # noqa: E402
from lib.lincs import connectivity, fitting, signatures, targets  # noqa: E402

N_POOL, N_QUERIES, WIDTH, N_GENES = 116_782, 4_000, 100, 4_314
N_SIGNATURES, N_WANTED, N_COLUMNS, N_LANDMARKS = 118_050, 85_183, 12_328, 978  # of GSE70138, SMP
PERIOD = 500  # rows of a chunk of the large file; all chunks are the same


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


def epochs(share):
    """Compare an epoch of batches cut from tensors in memory with one of a DataLoader of rows."""
    n = int(80_000 * share)
    x = torch.randn(n, 978)
    loader = DataLoader(TensorDataset(x), batch_size=512, shuffle=True)
    batches = fitting.Batches(x, size=512)
    ours = seconds(lambda: sum(map(len, batches(np.random.default_rng(0)))), repeat=5)
    most = peak()
    plain = seconds(lambda: sum(len(batch) for (batch,) in loader), repeat=5)
    return ours, plain, most, f"one epoch of {n} rows, no network"


def plain_ranks(queries, references, genes, wanted):
    """Rank as the published code does: distances of each query, a full sort, then walk to the first
    target."""
    for query in queries:
        distance = [1 - np.corrcoef(query, reference)[0, 1] for reference in references]
        order = np.argsort(distance)
        next(place for place, row in enumerate(order) if genes[row] in wanted)


def ranks(share):
    """Compare target ranks from blocked products with a loop over pairs and a sort per query."""
    n_pool, n_queries = int(N_POOL * share), int(N_QUERIES * share)
    rng = np.random.default_rng(0)
    pool_values = rng.normal(size=(n_pool, WIDTH)).astype(np.float32)
    genes = rng.choice([f"g{i}" for i in range(N_GENES)], n_pool)
    queries = rng.normal(size=(n_queries, WIDTH)).astype(np.float32)
    drugs = np.repeat("x", n_queries)
    pool = targets.pool(pool_values, genes)
    known = {"x": [pool.genes[0]]}
    ours = seconds(targets.rank, queries, drugs, pool, known, repeat=1)
    most, part, few = peak(), 2, min(20_000, n_pool)
    plain = seconds(
        plain_ranks, queries[:part], pool_values[:few], genes[:few], set(genes[:1]), repeat=1
    )
    scaled = plain * (n_queries / part) * (n_pool / few)
    note = f"{n_queries} queries, {n_pool} signatures; plain: {part} × {few}, scaled"
    return ours, scaled, most, note


def scattered_rows(share, chunks=None):
    """Compare reading scattered rows and columns of a GCTX with h5py's lists of positions."""
    n_rows, n_columns = int(20_000 * share), 3_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.gctx"
        values = np.random.default_rng(0).normal(size=(n_rows, n_columns)).astype(np.float32)
        names = [f"s{i}" for i in range(n_rows)]
        write(path, names, n_columns, data=values, chunks=chunks, compression=chunks and "gzip")
        del values
        wanted = np.sort(np.random.default_rng(1).choice(n_rows, int(0.7 * n_rows), replace=False))
        columns = np.arange(0, n_columns, 12)
        chosen, genes = [names[i] for i in wanted], [str(i) for i in columns]
        ours = seconds(lambda: gctx.read_gctx(path, signatures=chosen, genes=genes))
        most = peak()
        with h5py.File(path) as file:
            plain = seconds(lambda: file[gctx.MATRIX][wanted][:, columns])
    how = f"gzip in chunks of {chunks[0]} rows" if chunks else "contiguous"
    note = f"{len(wanted)} of {n_rows} rows, {len(genes)} of {n_columns} columns, {how}"
    return ours, plain, most, note


def compressed_rows(share):
    """Do the same with a compressed file, of which whole chunks must be read."""
    return scattered_rows(share, chunks=(100, 3_000))


def landmarks(share):
    """Cut a GCTX of the size of GSE70138 to landmarks and wanted cell lines, as the chapter does.

    Its chunks are compressed once and written many times, so that the file is small, but every
    reader must inflate all 5.8 GB of it.
    """
    n, n_wanted = int(N_SIGNATURES * share), int(N_WANTED * share)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.gctx"
        names = [f"s{i:06d}" for i in range(n)]
        write(path, names, N_COLUMNS, shape=(n, N_COLUMNS), dtype="f4", chunks=(PERIOD, N_COLUMNS),
              compression="gzip")  # fmt: skip
        fill(path, pattern(np.arange(PERIOD), np.arange(N_COLUMNS)))
        rng = np.random.default_rng(0)
        rows, columns = (rng.permutation(m)[:k] for m, k in ((n, n_wanted), (N_COLUMNS, 978)))
        table = pd.DataFrame({"sig_id": np.array(names, object)[rows]})
        genes = pd.Series("x", index=columns.astype(str))
        before, start = peak(), time.perf_counter()
        found = signatures.load(path, table, genes, simulated=True)
        ours = time.perf_counter() - start
        most, size = peak(), path.stat().st_size / 1e6
    assert (found.X[::97] == pattern(rows[::97] % PERIOD, columns)).all(), "other values"
    gigabytes = n * N_COLUMNS * 4 / 1e9
    note = (
        f"{n_wanted} × {N_LANDMARKS} of {n} × {N_COLUMNS} ({gigabytes:.1f} GB, {size:.0f} MB on "
        f"disk); peak before {before:.2f} GB"
    )
    return ours, float("nan"), most, note


def pattern(rows, columns):
    """Return z-scores (rows, columns) that say where they are."""
    return ((31 * rows[:, None] + 17 * columns) % 199 / 10 - 9.9).astype(np.float32)


def write(path, names, n_columns, **matrix):
    """Write a GCTX whose matrix is stored as asked."""
    with h5py.File(path, "w") as file:
        file.create_dataset(gctx.MATRIX, **matrix)
        file[f"{gctx.ROWS}/id"] = np.arange(n_columns).astype("S")
        file[f"{gctx.COLUMNS}/id"] = np.array(names).astype("S")


def fill(path, chunk):
    """Write the same compressed chunk into every place of a matrix."""
    packed = zlib.compress(chunk.tobytes(), 1)
    with h5py.File(path, "r+") as file:
        matrix = file[gctx.MATRIX]
        for start in range(0, len(matrix), len(chunk)):
            matrix.id.write_direct_chunk((start, 0), packed)


def plain_enrichment(values, genes):
    """Walk down every signature, sorted anew."""
    for row in values:
        order = np.argsort(-row)
        hits = np.isin(order, genes)
        step = np.where(hits, np.abs(row[order]) / np.abs(row[genes]).sum(), -1 / (~hits).sum())
        np.cumsum(step)


def enrichment(share):
    """Compare the enrichment of a set in sorted references with a walk down each."""
    n = int(20_000 * share)
    values = np.random.default_rng(0).normal(size=(n, 978)).astype(np.float32)
    sorted_once = connectivity.reference(values, [str(i) for i in range(978)])
    genes = np.arange(0, 978, 20)
    ours = seconds(connectivity.enrichment, sorted_once, [str(i) for i in genes])
    most = peak()
    plain = seconds(plain_enrichment, values, genes, repeat=1)
    return ours, plain, most, f"one set of {len(genes)} genes, {n} signatures"


CASES = {
    "batches of an epoch": epochs,
    "target ranks": ranks,
    "rows of a GCTX": scattered_rows,
    "rows, compressed": compressed_rows,
    "cut to landmarks": landmarks,
    "enrichment": enrichment,
}


def measured(name, share):
    """Run a case; what a fresh process calls."""
    torch.set_num_threads(1)
    return CASES[name](share)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--only", choices=CASES, help="one case")
    options = parser.parse_args()
    print(f"{'':20} {'ours, s':>9} {'plain, s':>9} {'ratio':>7} {'peak, GB':>9}")
    for name in [options.only] if options.only else CASES:
        with ProcessPoolExecutor(1, get_context("spawn")) as processes:
            job = processes.submit(measured, name, 0.1 if options.small else 1.0)
            ours, plain, most, note = job.result()
        print(
            f"{name:20} {ours:9.3f} {plain:9.3f} {plain / ours:7.1f} {most:9.2f}  {note}",
            flush=True,
        )


if __name__ == "__main__":
    main()
