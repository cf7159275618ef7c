"""Small synthetic fields for the imaging tests: ellipses of known size on a dark ground."""

from pathlib import Path

import numpy as np
import pandas as pd
import tifffile


def ellipse(shape, centre, radii):
    """Return a mask, (rows, columns) bool, of an upright ellipse."""
    row, column = np.mgrid[: shape[0], : shape[1]]
    return ((row - centre[0]) / radii[0]) ** 2 + ((column - centre[1]) / radii[1]) ** 2 <= 1


def field(seed=0, side=240, n=4):
    """Return image (uint16) and labels (uint16) of n × n ellipses; labels are not consecutive."""
    rng = np.random.default_rng(seed)
    image, labels = rng.normal(400, 15, (side, side)), np.zeros((side, side), np.uint16)
    step = side / n
    for i in range(n * n):
        centre = (np.array(divmod(i, n)) + 0.5) * step + rng.uniform(-2, 2, 2)
        inside = ellipse(labels.shape, centre, rng.uniform(12, 20, 2))
        labels[inside] = 3 * i + 2
        image[inside] += rng.uniform(800, 3000) + rng.normal(0, 90, inside.sum())
    return image.clip(0, 65535).astype(np.uint16), labels


def write_screen(folder, *, plates=(41744, 41755), wells=("b01", "b02"), n_sites=2):
    """Write images, masks and fields.parquet as a screen has them; return the table."""
    rows, folder = [], Path(folder)
    for plate in plates:
        for well in wells:
            for site in range(1, n_sites + 1):
                name = f"taoe005-u2os-au{plate}_{well}_s{site}_w1ab_illum_corrected.tif"
                for kind, plane in zip(
                    ("illum_corrected", "unet_masks"), field(seed=len(rows)), strict=True
                ):
                    path = folder / kind / str(plate) / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    tifffile.imwrite(path, plane)
                rows.append(
                    (
                        plate,
                        well,
                        site,
                        "JUN" if well == "b01" else "EMPTY",
                        "WT" if well == "b01" else None,
                        name.replace("_illum_corrected", ""),
                        name,
                    )
                )
    table = pd.DataFrame(
        rows, columns=["plate", "well", "site", "gene_symbol", "allele", "image_file", "field"]
    )
    table.to_parquet(folder / "fields.parquet")
    return table
