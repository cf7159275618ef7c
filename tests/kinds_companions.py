"""The kinds of the companions, see `kinds.py`: small units of GeneSegNet and of the epigenome, and
the trainings of LINCS."""

import dataclasses
from pathlib import Path

import numpy as np

SEED = 3
MARKS = ["H3K27ac", "H3K4me3"]
FOLD, CUT = "1", ["chr5", "chr8", "chrY"]
MASKS: dict = {}
PLAN = {"window": 48, "step": 32, "tile": 48, "halo": 16, "batch_size": 4}


def prepare(folder: Path) -> None:
    """Write slides, crops, signals, tracks, and a trained network of either companion."""
    prepare_slides(folder / "slides")
    prepare_cells(folder / "cells")
    prepare_jump(folder / "jump")
    prepare_signatures(folder / "lincs")


def prepare_slides(folder: Path) -> None:
    from lib.genesegnet import crops, samples
    from lib.simulate import genesegnet as simulated

    simulated.write_all(folder, simulated.Tissue(side=96), 1, seed=SEED)
    (sample,) = samples.read_all(folder)
    corners = crops.draw_corners(sample.shape, 8, 48)
    crops.write(folder / "crops.zip", crops.cut(sample, corners, 48, sigma=3.5))
    train_slides(folder.parent, folder / "network.zip")


def prepare_cells(folder: Path) -> None:
    import toy_epigenome as toy

    from lib.epigenome import signals
    from lib.simulate import epigenome_files

    folder.mkdir(parents=True)
    world, known = toy.world(60), toy.signals(n_genes=60)
    known.genes.to_parquet(folder / "genes.parquet", index=False)
    signals.write(folder / "signals.npz", known)
    for mark in MARKS:
        track = epigenome_files.track(world, "E003", mark)
        epigenome_files.write_bigwig(folder / f"{mark}.bigWig", world.sizes, *track)
    write_windows(folder.parent, folder / "windows.npz")
    fit_cell(folder.parent, folder / "network.npz")


def prepare_jump(folder: Path) -> None:
    """Write a field with its light function, and a network with the nuclei of two plates."""
    import pandas as pd
    import tifffile
    import toy_screen

    from lib.screen import runs

    rng = np.random.default_rng(SEED)
    (folder / "stores").mkdir(parents=True)
    tifffile.imwrite(folder / "1.tif", rng.integers(0, 60_000, (40, 40), np.uint16))
    np.save(folder / "light.npy", 1 + rng.random((40, 40)))
    field = {"plate": "p1", "field": "1.tif", "image": "jump/1.tif", "function": "jump/light.npy"}
    pd.DataFrame([field]).to_parquet(folder / "fields.parquet")
    sizes = {"wells": 5, "fields": 2, "per_field": 2, "side": 32, "region": 32}
    toy_screen.write_screen(folder / "stores", genes=["BRAF", "JUN"], **sizes)
    (folder / "stores/nuclei.parquet").rename(folder / "nuclei.parquet")
    nuclei = pd.read_parquet(folder / "nuclei.parquet")
    nuclei.assign(batch="b", reagent="r", source="s").to_parquet(folder / "nuclei.parquet")
    runs.class_run(
        folder / "network.h5ad",
        seed=SEED,
        nuclei_path=folder / "nuclei.parquet",
        stores_dir=folder / "stores",
        genes=["BRAF", "JUN"],
        fold=0,
        network={"kind": "small", "embedding_size": 8, "size": 16},
        settings={"learning_rate": 5e-3, "max_epochs": 1, "patience": 1, "device": "cpu"},
    )


def prepare_signatures(folder: Path) -> None:
    import toy_lincs

    from lib.data import h5ad

    folder.mkdir(parents=True)
    known = toy_lincs.toy()
    small = known.small.copy()
    small.obs["pcl"] = known.classified.obs["pcl"].astype(object).reindex(small.obs_names)
    h5ad.write(folder / "smp.h5ad", small)
    h5ad.write(folder / "gp.h5ad", known.genetic)


# JUMP
# ------------------------------------------------------------------------------------------


def correct_jump(folder: Path, part: Path) -> None:
    from lib.jump import illumination

    illumination.correct_plate(
        part,
        seed=SEED,
        fields=folder / "jump/fields.parquet",
        raw=folder / "jump",
        light=folder / "jump",
        images=str(part.parent / "images"),
        plate="p1",
        rounding="nearest",
    )


def encode_jump(folder: Path, part: Path) -> None:
    import pandas as pd

    from lib.jump import encoding

    nuclei = folder / "jump/nuclei.parquet"
    encoding.encode_plate(
        part,
        seed=SEED,
        nuclei_path=nuclei,
        stores_dir=folder / "jump/stores",
        network_path=folder / "jump/network.h5ad",
        plate=str(pd.read_parquet(nuclei)["plate"].iloc[0]),
    )


# GeneSegNet
# ------------------------------------------------------------------------------------------


def train_slides(folder: Path, part: Path) -> None:
    from lib.genesegnet import runs, training
    from lib.genesegnet.network import Architecture

    recipe = training.Recipe(n_epochs=2, batch_size=4, tile=32, diameter_mean=18, n_warm_up=1)
    runs.train_unit(
        part,
        seed=SEED,
        train=folder / "slides/crops.zip",
        val=folder / "slides/crops.zip",
        architecture=dataclasses.asdict(Architecture(widths=(4, 8))),
        recipe=dataclasses.asdict(recipe),
    )


def relabel_crops(folder: Path, part: Path) -> None:
    from lib.genesegnet import runs

    trained = {"network": folder / "slides/network.zip", "source": folder / "slides/crops.zip"}
    runs.relabel_unit(part, seed=SEED, **trained, round_number=1, min_area=5, masks=MASKS)


def of_slide(folder: Path) -> dict:
    return {
        "seed": SEED,
        "network": folder / "slides/network.zip",
        "raw": folder / "slides",
        "sigma": 3.5,
        "plan": PLAN,
        "masks": MASKS,
    }


def score_slide(folder: Path, part: Path) -> None:
    from lib.genesegnet import runs

    runs.score_unit(part, names=["slide_01"], **of_slide(folder))


def segment_tile(folder: Path, part: Path) -> None:
    from lib.genesegnet import runs

    runs.tile_unit(part, name="slide_01", number=0, **of_slide(folder))


def map_slide(folder: Path, part: Path) -> None:
    from lib.genesegnet import runs

    slide = {
        kind: folder / "slides" / kind / f"slide_01.{suffix}"
        for kind, suffix in (("labels", "png"), ("spots", "csv"))
    }
    runs.map_unit(part, seed=SEED, **slide, options={"max_distance": 2.0})


# the epigenome
# ------------------------------------------------------------------------------------------


def write_track(folder: Path, part: Path) -> None:
    import toy_epigenome as toy

    from lib.simulate import epigenome, epigenome_files

    plan = epigenome.as_dict(toy.world(60).plan)
    epigenome_files.write_track(part, seed=SEED, plan=plan, cell="E003", mark="H3K27ac")


def of_tracks(folder: Path) -> dict:
    tracks = {f"track_{mark}": folder / f"cells/{mark}.bigWig" for mark in MARKS}
    return {"seed": SEED, "table": folder / "cells/genes.parquet", "cell": "E003", **tracks}


def write_windows(folder: Path, part: Path) -> None:
    from lib.epigenome import first_approach

    first_approach.windows_unit(part, window=10_000, size=25, **of_tracks(folder))


def fit_profile(folder: Path, part: Path) -> None:
    import toy_epigenome as toy

    from lib.epigenome import first_approach

    first_approach.fit_unit(
        part,
        seed=SEED,
        data=folder / "cells/windows.npz",
        assay=MARKS[0],
        blind=CUT,
        number=0,
        settings=toy.settings("promoter", max_epochs=2),
        options={"width": 0.1},
    )


def fit_cell(folder: Path, part: Path) -> None:
    import toy_epigenome as toy

    from lib.epigenome import fitting, plans

    plan = plans.Plan("chromoformer", MARKS, int(FOLD), options=toy.SMALL)
    fitting.fit_unit(
        part,
        seed=SEED,
        data=folder / "cells/signals.npz",
        plan=plans.as_dict(plan),
        settings=toy.settings("chromoformer", max_epochs=2),
        test=CUT,
        keep=True,
    )


def trained_cell(folder: Path) -> dict:
    places = {"network": folder / "cells/network.npz", "data": folder / "cells/signals.npz"}
    return {"seed": SEED, **places}


def cross_cell(folder: Path, part: Path) -> None:
    from lib.epigenome import trained

    trained.cross_unit(part, **trained_cell(folder))


def perturb_cell(folder: Path, part: Path) -> None:
    from lib.epigenome import perturbation

    perturbation.perturb_unit(
        part, label=1, factors=[1, 0.5], distal_factors=[0.0], **trained_cell(folder)
    )


def fit_simple(folder: Path, part: Path) -> None:
    from lib.epigenome import simple

    signals = folder / "cells/signals.npz"
    simple.simple_unit(part, seed=SEED, data=signals, marks=MARKS, cuts={FOLD: CUT})


def read_signals(folder: Path, part: Path) -> None:
    from lib.epigenome import data

    data.signals_unit(part, origin="simulated", **of_tracks(folder))


UNITS = {
    "jump correct_plate": (correct_jump, ".parquet"),
    "jump encode_plate": (encode_jump, ".h5ad"),
    "genesegnet train_unit": (train_slides, ".zip"),
    "genesegnet relabel_unit": (relabel_crops, ".zip"),
    "genesegnet score_unit": (score_slide, ".parquet"),
    "genesegnet tile_unit": (segment_tile, ".npz"),
    "genesegnet map_unit": (map_slide, ".parquet"),
    "epigenome write_track": (write_track, ".bigWig"),
    "epigenome signals_unit": (read_signals, ".npz"),
    "epigenome windows_unit": (write_windows, ".npz"),
    "epigenome fit_unit": (fit_cell, ".npz"),
    "epigenome fit_unit, profile": (fit_profile, ".npz"),
    "epigenome cross_unit": (cross_cell, ".npz"),
    "epigenome perturb_unit": (perturb_cell, ".parquet"),
    "epigenome simple_unit": (fit_simple, ".npz"),
}


# LINCS
# ------------------------------------------------------------------------------------------


def refit_lincs(folder: Path, part: Path) -> None:
    from lib.data import h5ad
    from lib.lincs import inputs, runs

    n_classified = inputs.classified(h5ad.read(folder / "lincs/smp.h5ad")).n_obs
    runs.refit_unit(
        part,
        seed=SEED,
        small=folder / "lincs/smp.h5ad",
        genetic=folder / "lincs/gp.h5ad",
        fold=(np.arange(n_classified) % 4).tolist(),
        number=1,
        base=SEED,
        architecture={"hidden": 16, "latent": 8},
        training={"max_epochs": 2},
    )


def rows() -> np.ndarray:
    return np.random.default_rng(SEED).normal(size=(120, 60)).astype(np.float32)


def lincs_vae():
    from lib.lincs import fitting
    from lib.lincs.vae import Architecture

    split = fitting.Split(np.arange(100), np.arange(100, 120))
    settings = dataclasses.replace(fitting.VAE_SETTINGS, max_epochs=2)
    model, _ = fitting.fit_vae(
        rows(),
        split,
        architecture=Architecture(60, 16, 8),
        rng=np.random.default_rng(SEED),
        settings=settings,
    )
    return flat(model)


def lincs_svqvae():
    import torch

    from lib.lincs import fitting
    from lib.lincs.svqvae import SVQVAE

    torch.manual_seed(SEED)
    model = SVQVAE(torch.nn.Linear(60, 8), torch.nn.Linear(8, 60), ["a", "b", "c"], size=8)
    fitting.fit_svqvae(
        model,
        rows(),
        np.arange(120) % 3,
        fitting.Split(np.arange(100), np.arange(100, 120)),
        rng=np.random.default_rng(SEED),
        settings=dataclasses.replace(fitting.SVQVAE_SETTINGS, max_epochs=2),
    )
    return flat(model)


def flat(model) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])


UNITS["lincs refit_unit"] = (refit_lincs, ".npy")
COMPUTATIONS = {"lincs VAE": lincs_vae, "lincs S-VQ-VAE": lincs_svqvae}
