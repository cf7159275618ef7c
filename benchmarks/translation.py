"""Time the translation grid beside the plain form of the same work, in one run.

    python benchmarks/translation.py              # the paper's size, about a minute
    python benchmarks/translation.py --sample 60  # more configurations the plain way

The plain form writes out the features of every configuration and solves its kernel by itself, as
the definition reads; it runs on a sample of configurations and targets and is extrapolated. Both
give the same predictions, which is checked. Embeddings are random, 39 targets, 249 genes and 1,024
dimensions; everything runs on one thread, which suits matrices of this size. The published kernel
takes its angle from a rounded cosine, hence the small difference.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.translation import exchange, features, grid, inputs, permutation, selection  # noqa: E402

N_TARGETS, N_GENES, N_DIMENSIONS = 39, 249, 1024


def problems(rng):
    """Return one problem a target; encoders and networks differ from target to target."""
    names = [f"G{i:03d}" for i in range(N_GENES)]
    images, genes = (
        rng.normal(size=(N_TARGETS, N_DIMENSIONS)),
        rng.normal(size=(N_GENES, N_DIMENSIONS)),
    )
    made = []
    for i in range(N_TARGETS):
        networks = genes + 0.3 * rng.normal(size=genes.shape)
        networks /= np.linalg.norm(networks, axis=1, keepdims=True)
        shown = images + 0.3 * rng.normal(size=images.shape)
        made.append(
            inputs.Problem(names[i], tuple(names[:N_TARGETS]), shown, tuple(names), networks)
        )
    return made


def plain_kernel(x, z):
    """Return the kernel as it is published, from a rounded cosine."""
    norms = np.sqrt(np.outer((x**2).sum(axis=1) + 1, (z**2).sum(axis=1) + 1))
    cosine = np.clip((x @ z.T + 1) / norms, -1, 1)
    return norms / np.pi * (np.sqrt(1 - cosine**2) + 2 * cosine * (np.pi - np.arccos(cosine)))


def plain_configuration(one, config, axes):
    """Predict one target with one configuration, features written out, and rank all genes."""
    images, genes, new = one.split()
    count = min(config["n_neighbours"], len(images))
    normal = (
        grid.gauss_draws(1, config["n_encodings"], count, axes.seed, one.target)[0]
        if count
        else None
    )
    x, z = features.explicit(images, genes, new, config, normal=normal)
    predicted = plain_kernel(z, x) @ np.linalg.solve(
        plain_kernel(x, x) + config["ridge"] * np.eye(len(x)), genes
    )
    np.argsort(np.linalg.norm(one.regulatory - predicted, axis=1))
    return predicted[0]


def seconds(function, *args):
    """Return the result and the time of a call."""
    start = time.perf_counter()
    result = function(*args)
    return result, time.perf_counter() - start


def compare(made, axes, n_sample, rng):
    """Run a sample the plain way, check it against the reduced grid, return seconds a configuration
    and target."""
    configs = grid.configurations(axes)
    model = grid.model_of(configs, axes, N_TARGETS - 1)
    worst = spent = 0.0
    for number in rng.choice(len(configs), n_sample, replace=False):
        one = made[rng.integers(len(made))]
        expected, took = seconds(plain_configuration, one, configs.loc[number], axes)
        weights = grid.model_weights(grid.reduce(one), axes)[model[number]]
        found = weights @ one.regulatory[one.positions]
        worst, spent = (
            max(worst, np.abs(found - expected).max() / np.abs(expected).max()),
            spent + took,
        )
    assert worst < 1e-6, f"the two forms differ by {worst:.1e}"
    print(
        f"largest difference of predictions on {n_sample} configurations: {worst:.1e} of the "
        "largest entry"
    )
    return spent / n_sample


def peak():
    """Return the peak memory of this process in MB."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024


def main():
    """Print one row a case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sample", type=int, default=40, help="configurations that run the plain way"
    )
    options = parser.parse_args()
    rng, axes = np.random.default_rng(0), grid.Axes(n_draws=1)
    made = problems(rng)
    with threadpool_limits(1):
        (table, _), ours = seconds(grid.evaluate, made, axes)
        plain = compare(made, axes, options.sample, rng) * len(table) * len(made)
        print(f"{'case':52}{'s':>10}{'plain s':>12}{'ratio':>9}")
        size = f"{len(table):,} configurations, {len(made)} targets"
        print(f"{size:52}{ours:>10.2f}{plain:>12.0f}{plain / ours:>9.0f}", flush=True)
        reduced = [grid.reduce(one) for one in made]
        orders = permutation.pairings(reduced, 5000, rng)
        _, took = seconds(permutation.places, reduced, orders)
        print(f"{'5,000 re-paired embeddings, one model':52}{took:>10.2f}")
        found, took = seconds(exchange.places, reduced, axes)
        print(f"{'every image in every network, the whole grid':52}{took:>10.2f}")
        orders = exchange.orders(len(made), 2000, rng)
        _, took = seconds(exchange.areas_of_choice, found[~table["is_excluded"].to_numpy()], orders)
        print(f"{'2,000 exchanges, the choice made anew in each':52}{took:>10.2f}")
        _, took = seconds(selection.nested, reduced[:4], axes, table)
        print(
            f"{'nested choice on the whole grid (4 targets × 9.75)':52}"
            f"{took * len(made) / 4:>10.2f}"
        )
    print(f"peak memory {peak():.0f} MB; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
