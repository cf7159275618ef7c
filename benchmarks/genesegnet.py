"""Time the chapter's hot paths beside their plain forms, in one run: `python
benchmarks/genesegnet.py [--quick]`.

The plain forms are those of the published code: a Gaussian per spot, a loop over spots for every
window and for every transcript, a loop over cells for every mask. Cellpose's dynamics are timed as
well where the package is installed. Ratios hold on a busy machine too, times do not.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.genesegnet import (  # noqa: E402
    alternatives,
    crops,
    dynamics,
    flows,
    location,
    mapping,
    metrics,
    refine,
    samples,
    slides,
    tiling,
    training,
)
from lib.genesegnet import labels as label_images  # noqa: E402
from lib.genesegnet.network import Architecture  # noqa: E402
from lib.simulate import genesegnet as simulated  # noqa: E402


def timed(function, *args, repeat=3):
    """Return the shortest processor time of some calls, and the last result."""
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        result = function(*args)
        seconds.append(time.process_time() - start)
    return min(seconds), result


def plain_map(rows, columns, side, sigma=7.0):
    """Return the location map as a maximum over one Gaussian per spot."""
    y, x = np.mgrid[:side, :side]
    total = np.zeros((side, side))
    for row, column in zip(rows, columns, strict=True):
        exponent = ((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2)
        total = np.maximum(total, np.where(exponent > location.CUT, 0, np.exp(-exponent)))
    return total


def plain_select(rows, columns, boxes):
    """Return the spots of every window by looking at every spot for each."""
    return [
        [
            (r - b.top, c - b.left)
            for r, c in zip(rows, columns, strict=True)
            if b.top <= r < b.bottom and b.left <= c < b.right
        ]
        for b in boxes
    ]


def plain_assign(labels, spots):
    """Return rows of the published table, spot by spot and cell by cell."""
    owners = [labels[int(y), int(x)] for x, y in zip(spots["x"], spots["y"], strict=True)]
    rows = []
    for cell in sorted(set(owners)):
        rows += [
            (cell, *spot)
            for spot, own in zip(spots.itertuples(), owners, strict=True)
            if own == cell
        ]
    return rows


def plain_iou(truth, found):
    """Return the IoU of every pair of cells, from their masks."""
    ids, others = (np.unique(labels[labels > 0]) for labels in (truth, found))
    table = np.zeros((len(ids), len(others)))
    for i, cell in enumerate(ids[:20]):  # a part of the cells; the caller scales up
        for j, other in enumerate(others):
            a, b = truth == cell, found == other
            table[i, j] = (a & b).sum() / (a | b).sum()
    return table


def plain_growth(labels):
    """Return labels grown as published, cell by cell over the whole crop; the level set is far
    slower still."""
    from scipy.ndimage import binary_dilation, binary_erosion

    box = np.ones((3, 3), bool)
    for _ in range(2):
        old, labels = labels, labels.copy()
        for cell in np.unique(old[old > 0]):
            grown = binary_dilation(binary_erosion(old == cell, box), box, iterations=2)
            labels[grown & (old == 0)] = cell
    return labels


def level_set(labels):
    """Return one cell's published update: 149 steps on the whole crop; times the number of cells
    and of passes."""
    inside = (labels == 1).astype(float)
    u, phi = 255 * inside, inside.copy()
    for _ in range(149):
        delta = 1 / np.pi / (1 + phi**2)
        heaviside = 0.5 * (1 + 2 / np.pi * np.arctan(phi))
        c1, c2 = (
            (u * heaviside).sum() / heaviside.sum(),
            (u * (1 - heaviside)).sum() / (1 - heaviside).sum(),
        )
        dy, dx = np.gradient(phi)
        length = np.sqrt(dy**2 + dx**2) + 1e-9
        kappa = np.gradient(dy / length)[0] + np.gradient(dx / length)[1]
        phi = phi + 0.01 * (
            195.075 * delta * kappa - kappa + delta * ((u - c2) ** 2 - (u - c1) ** 2)
        )
    return phi >= 0


def row(name, fast, plain, size):
    """Print one line: time of ours, time of the plain form, and how many times faster."""
    print(
        f"{name:<34}{size:>26}{fast * 1e3:>12.2f}{plain * 1e3:>14.1f}{plain / fast:>10.0f} ×",
        flush=True,
    )


def maps_and_selection(rng):
    """Time the location map and the selection of spots."""
    rows, columns = rng.integers(0, 256, (2, 4000))
    fast, ours = timed(location.location_map, rows, columns, (256, 256))
    plain, theirs = timed(plain_map, rows, columns, 256, repeat=1)
    assert np.abs(ours - theirs).max() < 1e-6
    row("location map", fast, plain, "4,000 spots, 256²")
    many = rng.integers(0, 4096, (2, 250_000))
    slide = slides.Slide(np.zeros((4096, 4096)), many[0], many[1], 0, 1)
    boxes = [
        tiling.Box(r, r + 256, c, c + 256) for r in range(0, 3840, 960) for c in range(0, 3840, 960)
    ][:16]
    fast, _ = timed(lambda: [slides.select(slide, box) for box in boxes])
    plain, _ = timed(plain_select, many[0].tolist(), many[1].tolist(), boxes, repeat=1)
    row("spots of windows", fast, plain, "250,000 spots, 16 windows")


def plain_size(labels):
    """Return the number of cells."""
    return len(label_images.areas(labels)[0])


def mapping_metrics_refinement(planted):
    """Time the mapping, the overlaps and the refinement on a simulated slide."""
    spots, cells, found = planted.spots, planted.cells, planted.noisy_labels
    fast, _ = timed(lambda: mapping.published_table(mapping.assign(cells, spots)))
    plain, _ = timed(plain_assign, cells, spots, repeat=1)
    row("transcripts to cells", fast, plain, f"{len(spots):,} spots, {cells.max()} cells")
    cells, found = cells[:256, :256], label_images.renumber(found[:256, :256])
    fast, table = timed(metrics.overlaps, cells, found)
    plain, theirs = timed(plain_iou, cells, found, repeat=1)
    part = table.true < 20
    assert np.allclose(theirs[table.true, table.predicted][part], table.iou[part])
    plain *= len(theirs) / 20
    row("overlaps of all cells", fast, plain, f"{plain_size(cells)} × {plain_size(found)} cells")
    found = planted.noisy_labels
    fast, ours = timed(refine.grow_as_published, found)
    plain, theirs = timed(plain_growth, found, repeat=1)
    assert np.array_equal(ours, theirs)
    row("refinement, as morphology", fast, plain, f"{found.max()} cells")
    once, _ = timed(level_set, found, repeat=1)
    row("refinement, as level set", fast, once * 2 * found.max(), f"{found.max()} cells, from one")


def flows_and_masks(planted):
    """Time flows and masks, beside Cellpose's where it is installed."""
    cells = planted.cells
    field = 5 * flows.label_flows(cells)
    logits = np.where(cells > 0, 5.0, -5.0).astype(np.float32)
    fast_flows, _ = timed(flows.label_flows, cells)
    dynamics.find_masks(field, logits)
    fast_masks, _ = timed(dynamics.find_masks, field, logits)
    print(f"{'labels to flows':<34}{cells.max():>20} cells{fast_flows * 1e3:>12.1f}")
    print(f"{'flows to masks, with check':<34}{cells.max():>20} cells{fast_masks * 1e3:>12.1f}")
    try:
        from cellpose import dynamics as cellpose
    except ImportError:
        print("cellpose is not installed: not compared")
        return
    plain, _ = timed(cellpose.masks_to_flows_gpu, cells, repeat=1)
    row("labels to flows, beside Cellpose", fast_flows, plain, f"{cells.max()} cells")
    plain, _ = timed(lambda: cellpose.compute_masks(field, logits, flow_threshold=0.4), repeat=1)
    row("flows to masks, beside Cellpose", fast_masks, plain, f"{cells.max()} cells")


def trained(planted):
    """Return a small network that has learned the cells of a slide: an untrained one finds masks
    of no shape, whose flows cost more than those of cells."""
    sample = samples.assemble("slide", planted.stain, planted.cells, planted.spots)
    cut = crops.cut(sample, crops.draw_corners(sample.shape, 48, 96), 96, sigma=3.5)
    recipe = training.Recipe(4e-3, n_epochs=6, batch_size=4, tile=48, diameter_mean=18, n_warm_up=1)
    kind = Architecture(widths=(8, 16, 32))
    rng = np.random.default_rng(0)
    return training.train(cut, None, architecture=kind, recipe=recipe, rng=rng)[0]


def alone(network, sample):
    """Return cells, seconds, and memory before and at its peak in MB of a slide, for a process."""

    def peak():
        # not getrusage: its value survives from the parent process
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    slide = slides.from_sample(sample, sigma=3.5)
    plan = tiling.Plan(window=256, step=192, tile=512, halo=64)
    before = peak()
    seconds, (labels, _) = timed(
        lambda: slides.segment(network, slide, plan, progress="tiles"), repeat=1
    )
    return labels.max(), seconds, before, peak()


def whole_slide(side, network):
    """Time a slide through a network, and say how much memory a process of its own needs."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    planted = simulated.slide(simulated.Tissue(side=side), np.random.default_rng(5))
    sample = samples.assemble("slide", planted.stain, None, planted.spots)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        cells, seconds, before, peak = process.submit(alone, network, sample).result()
    print(
        f"slide of {side}² pixels in tiles of 512: {seconds:.0f} s of one core, {cells} cells, "
        f"memory {before:.0f} MB before and {peak:.0f} MB at the peak"
    )


def per_square_millimetre(planted, network, pixel_size=0.5):
    """Time every way of finding cells per mm², at a pixel size of 0.5 µm."""
    sample = samples.assemble("slide", planted.stain, None, planted.spots)
    area = (planted.cells.shape[0] * pixel_size / 1000) ** 2
    nuclei = alternatives.nuclei(sample)
    slide = slides.from_sample(sample, sigma=3.5)
    ways = {
        "nuclei": lambda: alternatives.nuclei(sample),
        "nuclei, grown": lambda: alternatives.expanded(nuclei, 4),
        "Voronoi": lambda: alternatives.voronoi(nuclei, sample, sigma=2, distance=9),
        "watershed": lambda: alternatives.watershed(nuclei, sample, sigma=2),
        "GeneSegNet, small network": lambda: slides.segment(
            network, slide, tiling.Plan(128, 96, 512, 48)
        ),
    }
    seconds = {name: timed(way, repeat=1)[0] / area for name, way in ways.items()}
    table = pd.Series(seconds, name="s per mm²")
    print((table.to_frame().assign(relative=table / table.iloc[0])).round(1).to_string())


def main() -> None:
    """Print one line per hot path."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a slide of 512² instead of 2048²")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    planted = simulated.slide(simulated.Tissue(side=512), rng)
    assert label_images.areas(planted.cells)[0].size
    print(f"{'':<34}{'size':>26}{'ours, ms':>12}{'plain, ms':>14}{'faster':>12}")
    maps_and_selection(rng)
    mapping_metrics_refinement(planted)
    flows_and_masks(planted)
    network = trained(planted)
    per_square_millimetre(planted, network)
    whole_slide(512 if options.quick else 2048, network)


if __name__ == "__main__":
    main()
