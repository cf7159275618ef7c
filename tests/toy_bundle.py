"""A small bundle made in the tests: discs of different radius on dark fields, an encoder with
random weights, genes whose embeddings go with the radius."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
import torch

from lib.data import origin
from lib.images import extraction, image_folders
from lib.learning import weights
from lib.screen import encoding, networks, samples
from lib.translation import bundling, distance
from lib.translation.bundle_card import Imaging
from lib.translation.calibration import Calibration
from lib.translation.encoded import Encoded

torch.set_num_threads(1)  # the machine is shared, and small networks gain nothing

RADII = {"EMPTY": 14.0, "BRAF": 17.0, "JUN": 12.0, "RAF1": 15.5, "SMAD4": 13.0}
SIDE, PIXEL = 128, 0.65  # of a field in pixels, of a pixel in µm
CUT = extraction.Settings(size=64, window=64, region_size=32)
GENES = ["BRAF", "CDK6", "JUN", "MOS", "RAF1", "SMAD4", "SRC", "TUBB"]


def field(radius, rng, side=SIDE):
    """Return a field with four noisy discs, and its mask."""
    y, x = np.mgrid[:side, :side]
    image, mask = rng.normal(300, 10, (side, side)), np.zeros((side, side), np.uint16)
    for label, (row, column) in enumerate(((32, 32), (32, 96), (96, 32), (96, 96)), start=1):
        inside = np.hypot(y - row, x - column) < radius * rng.normal(1, 0.04)
        mask[inside] = label
        image += inside * rng.uniform(1500, 4000, (side, side))
    return image.clip(0).astype(np.uint16), mask


def write_images(folder: Path, radii=None, *, n=2, seed=0, side=SIDE):
    """Write `<condition>/<i>.tif` of n fields per condition, and their masks; return both folders."""
    rng = np.random.default_rng(seed)
    for condition, radius in (radii or RADII).items():
        for i in range(n):
            for kind, plane in zip(("images", "masks"), field(radius, rng, side), strict=True):
                path = folder / kind / condition / f"{i}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, plane, resolution=(1e4 / PIXEL,) * 2, resolutionunit=3)
    return folder / "images", folder / "masks"


@lru_cache(maxsize=1)
def network() -> bytes:
    """Return an encoder with random weights that knows all conditions but SMAD4."""
    shape = networks.Architecture(n_classes=4, embedding_size=8, kind="small")
    model = networks.build(shape, np.random.default_rng(0))
    card = weights.Card(
        architecture={"n_classes": 4, "embedding_size": 8, "kind": "small", "n_inputs": 2},
        settings={},
        origin="made in a test",
        classes=["BRAF", "EMPTY", "JUN", "RAF1"],
        inputs={"images": ["nucleus", "region"], "size": 32},
    )
    return weights.pack(model, card)


def encoded(folder: Path) -> Encoded:
    """Return the nuclei of a small screen: the first six fields of a condition trained, two held
    out; SMAD4 took no part."""
    images, masks = write_images(folder, n=8, seed=1)
    table, _, arrays = image_folders.cut(image_folders.find(images, masks=masks), CUT)
    pixels = samples.in_memory(arrays, inputs=("nucleus", "region"), size=32)
    rows = np.arange(len(table))
    embeddings, _ = encoding.encode(networks.unpack(network()), pixels, rows)
    number = table["image"].str.extract(r"/(\d)\.")[0].astype(int)
    use = np.where(number < 6, "train", "held_out")
    nuclei = pd.DataFrame(
        {
            "nucleus_id": [f"n{row}" for row in rows],
            "gene_symbol": table["condition"],
            "plate": 1,
            "well": "w" + table["image"].str[-5],
            "slide_image_name": table["image"],
            "use": np.where(table["condition"] == "SMAD4", "out", use),
        }
    )
    features = np.hstack([embeddings.astype(float), distance.measures(pixels, rows)])
    return Encoded(network(), nuclei, features)


def regulatory() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(rng.normal(size=(len(GENES), 5)), index=GENES)


def imaging() -> Imaging:
    return bundling.imaging_of_cut(CUT, network(), field_size=(SIDE, SIDE), pixel_size=PIXEL)


def calibration() -> Calibration:
    """Ranks 1 … 4 of four targets, each from two fields as well."""
    ranks = np.array([1, 2, 3, 4])
    return Calibration(("BRAF", "JUN", "RAF1", "SMAD4"), ranks, np.repeat(ranks, 2),
                       np.repeat(np.arange(4), 2))  # fmt: skip


def make(folder: Path, **options):
    """Return a bundle that left SMAD4 out."""
    about = {"imaging": imaging(), "origin": origin.simulated("images"), "licence": "CC0-1.0"}
    settings = {"setting": "physical", "left_out": ["SMAD4"]} | options
    return bundling.make(
        "SMAD4", encoded(folder), regulatory(), calibration().without("SMAD4"), **about | settings
    )
