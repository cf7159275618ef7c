"""Time the hot paths of the epigenome chapter beside their plain forms, in one run and on one
thread.

    python benchmarks/epigenome.py              # published sizes, about two minutes
    python benchmarks/epigenome.py --genes 100  # more windows

Chromoformer: a training step in the centre-query form against the full form, same genes, same
weights; outputs are compared. Windows: all bins of many genes at once against one exact mean per
gene and bin, asked of the bigWig.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.epigenome import chromoformer_full, features, signals, tracks  # noqa: E402
from lib.epigenome.chromoformer import Chromoformer  # noqa: E402
from lib.epigenome.genes import window  # noqa: E402
from lib.epigenome.marks import MARKS  # noqa: E402
from lib.simulate import epigenome, epigenome_files  # noqa: E402


def seconds(function, repeats=1):
    """Return the result and the CPU time of the fastest of some calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        times.append(time.process_time() - start)
    return result, min(times)


def row(case, ours, plain):
    """Print one line of the table."""
    print(f"{case:60}{ours:>10.3f}{plain:>11.3f}{plain / ours:>9.0f}", flush=True)


def training_step(model, forward, inputs):
    """Return the outputs (B, 1) of one step, gradients computed."""
    model.zero_grad(set_to_none=True)
    output = forward(inputs)
    output.square().mean().backward()
    return output.detach()


def chromoformer(world, n_genes):
    """Compare a training step of both forms at published size."""
    known = epigenome_files.signals_of(world, "E003")
    inputs = features.features(known, MARKS).inputs(np.arange(n_genes))
    model = Chromoformer(seed=1)
    training_step(model, model, inputs)
    fast, ours = seconds(lambda: training_step(model, model, inputs), repeats=3)
    full, plain = seconds(
        lambda: training_step(model, lambda x: chromoformer_full.forward(model, x), inputs)
    )
    assert (fast - full).abs().max() < 1e-5, "the two forms differ"
    row(f"Chromoformer training step, {n_genes} genes, 7 marks", ours, plain)


def windows(world, n_genes, size):
    """Compare windows cut together with one exact mean per gene and bin."""
    import pyBigWig

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "E003-H3K27ac.bigWig"
        epigenome_files.write_bigwig(
            path, world.sizes, *epigenome_files.track(world, "E003", "H3K27ac")
        )
        wide = window(world.genes, signals.WINDOW)
        wide = wide[wide["start"] >= 0].iloc[:n_genes]
        with tracks.opened(path) as track:
            found, ours = seconds(lambda: tracks.cut(track, wide, size=size).means, repeats=3)

        def one_by_one():
            with pyBigWig.open(str(path)) as file:
                return np.array(
                    [
                        [bin_mean(file, chrom, start, size) for start in range(first, last, size)]
                        for chrom, first, last in wide.itertuples(index=False)
                    ]
                )

        plain_means, plain = seconds(one_by_one)
        np.testing.assert_allclose(found, plain_means, atol=1e-9)
    row(f"{len(wide)} windows of 40 kbp in bins of {size} bp from a bigWig", ours, plain)


def bin_mean(file, chrom, start, size):
    """Return the mean over all bases of a bin, uncovered ones as zero."""
    return float(np.nan_to_num(file.values(chrom, start, start + size, numpy=True)).mean())


def main():
    """Print one row per case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--genes", type=int, default=60, help="windows cut")
    parser.add_argument("--batch", type=int, default=16, help="genes of the training step")
    options = parser.parse_args()
    torch.set_num_threads(1)
    world = epigenome.draw(epigenome.Plan(n_genes=200, cells=("E003",), max_partners=8))
    print(f"{'case':60}{'s':>10}{'plain s':>11}{'ratio':>9}")
    chromoformer(world, options.batch)
    windows(world, options.genes, 100)
    windows(world, options.genes, 25)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
