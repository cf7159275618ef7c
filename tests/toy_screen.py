"""A small screen made in the tests: a table of nuclei and the stores of its plates, with genes that
look different."""

import multiprocessing

import numpy as np
import pandas as pd
import torch

from lib.images import nuclei_store
from lib.run import store

torch.set_num_threads(1)  # the machine is shared, and small networks gain nothing

RADIUS = {"EMPTY": 14.0, "BRAF": 18.0, "JUN": 10.0, "MOS": 14.0}  # of the nucleus; MOS does nothing


def processes():
    """Return what starts child processes from a clean server: a fork of the tests could inherit a
    held lock."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["torch", "lib.learning.training", "lib.screen.runs"]
    )  # seconds to import, once
    return context.Process


def write_screen(
    folder, *, genes=("BRAF", "JUN"), wells=5, fields=2, per_field=6, side=64, region=64, seed=0
):
    """Write `nuclei.parquet` and the stores and return the table; one well a plate and gene, two
    for EMPTY."""
    rng = np.random.default_rng(seed)
    rows = []
    for gene in [*genes, "EMPTY"]:
        for plate in range(wells):
            for well in range(2 if gene == "EMPTY" else 1):
                for site in range(fields):
                    stem = f"p{plate}_{gene.lower()}{well}_s{site}_illum_corrected"
                    rows += [
                        [plate, f"{gene}{well}", gene, site, f"{stem}.tif", f"{stem}_{i}"]
                        for i in range(per_field)
                    ]
    table = pd.DataFrame(
        rows, columns=["plate", "well", "gene_symbol", "site", "slide_image_name", "nucleus_id"]
    )
    table = table.sort_values(["plate", "nucleus_id"], ignore_index=True)
    table["row"] = table.groupby("plate").cumcount()
    for plate, part in table.groupby("plate"):
        nuclei = np.stack(
            [draw(side, RADIUS[gene] * side / 64, rng) for gene in part["gene_symbol"]]
        )
        regions = np.stack(
            [draw(region, RADIUS[gene] * region / 96, rng) for gene in part["gene_symbol"]]
        )
        path = folder / f"{plate}{nuclei_store.SUFFIX}"
        shapes = {"nuclei": (side, side), "regions": (region, region)}
        with (
            store.atomic(path) as partial,
            nuclei_store.create(partial, shapes, attributes={"plate": plate}) as writer,
        ):
            writer.append(nuclei=nuclei, regions=regions)
    store.write_table(folder / "nuclei.parquet", table)
    return table


def draw(side, radius, rng):
    """A noisy disc of about that radius on black, off centre by a pixel or so."""
    y, x = np.mgrid[:side, :side] - side / 2 - rng.normal(0, 1, (2, 1, 1))
    inside = np.hypot(y, x) < radius * rng.normal(1, 0.08)
    return (inside * rng.uniform(120, 255, (side, side))).astype(np.uint8)
