"""A simulated JUMP screen, written as its files arrive: raw images of the DNA stain, illumination
functions, load_data tables and metadata."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.data import origin
from lib.jump.load_data import CORRECTED
from lib.jump.metadata import CONTROL
from lib.run import compute, store
from lib.simulate import jump_layout, jump_tables
from lib.simulate.jump_layout import SOURCE, JumpDesign
from lib.simulate.phenotypes import Looks
from lib.simulate.rendering import Optics
from lib.simulate.screen import ScreenDesign, simulate_field

PLAN = "truth/layout.parquet"  # also the sign that a folder is a simulated screen
MASKS = "masks"


def write_jump(
    folder: str | os.PathLike,
    genes: pd.DataFrame,
    design: JumpDesign,
    *,
    seed: int,
    executor: str | None = None,
) -> Path:
    """Write images and tables of a simulated JUMP screen; a plate is a unit of work.

    The tables come last. Called again, only what is missing is written.

    Parameters
    ----------
    folder : path
        Root of what would be a local copy of `cpg0016-jump`.
    genes : DataFrame
        From `jump_layout.choose_genes`, with `gene_id`.
    design : JumpDesign
    seed : int
    executor : str, optional
        As in `lib.run.compute.run_units`.

    Returns
    -------
    Path
        The folder of the metadata tables.

    Raises
    ------
    FileExistsError
        If the folder holds images that no simulation wrote.
    """
    root, folder = os.fspath(folder), store.resolve(folder)
    if (folder / SOURCE).exists() and not (folder / PLAN).exists():
        raise FileExistsError(
            f"{folder} holds images that were not simulated; choose another folder"
        )
    orfs = jump_layout.reagents(genes, design, seed=seed)
    fields = jump_layout.layout(orfs, design, seed=seed)
    store.write_table(folder / PLAN, fields)
    store.write_table(folder / "truth/genes.csv", genes)
    origin.write(folder, origin.simulated("JUMP images"))
    units = {
        plate: {
            "plan": folder / PLAN,
            "plate": plate,
            "root": root,
            "design": dataclasses.asdict(design),
        }
        for plate in sorted(fields["plate"].unique())
    }
    options: dict[str, Any] = {"directory": folder / "truth/plates", "suffix": ".parquet"}
    options["seed"] = seed
    for plate, rows in fields.groupby("plate"):
        whole = all((folder / path).exists() for path in _paths(rows)["image"])
        if not whole:
            path = compute.unit_path(write_plate, str(plate), units[str(plate)], **options)
            path.unlink(missing_ok=True)
    compute.run_units(write_plate, units, executor=executor, **options)
    return jump_tables.write(folder, fields, orfs)


def write_plate(
    part: Path, *, seed: int, plan: Path, plate: str, root: str, design: dict[str, Any]
) -> None:
    """Write raw images, masks and the illumination function of a plate, then its nuclei.

    A unit of `lib.run.compute`. Its seed draws the illumination function; fields have their own.

    Parameters
    ----------
    part : Path
        Parquet of the nuclei: `plate`, `field` (name of the raw image), as `simulate_field`.
    seed : int
    plan : Path
        Layout, from `jump_layout.layout`.
    plate : str
    root : str
        Root of the copy.
    design : dict
        Arguments of `JumpDesign`.
    """
    folder, screen = store.resolve(root), _screen_design(design["screen"])
    fields = pd.read_parquet(plan)
    fields = fields[fields["plate"] == plate].reset_index(drop=True)
    paths = _paths(fields)
    light = illumination(screen.side, design["vignette"], np.random.default_rng(seed))
    for path in paths["function"].unique():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / path, light)
    tables = []
    for row, image_path, mask_path in zip(
        fields.to_dict("records"), paths["image"], paths["mask"], strict=True
    ):
        image, mask, nuclei = simulate_field(row, screen)
        raw = np.clip(np.rint(image * light), 0, screen.optics.ceiling).astype(np.uint16)
        _write_tiff(folder / image_path, raw)
        _write_tiff(folder / mask_path, mask, compression="zlib")
        tables.append(nuclei.assign(plate=plate, field=Path(image_path).name))
    pd.concat(tables, ignore_index=True).round(4).to_parquet(part)


def illumination(side: int, vignette: float, rng: np.random.Generator) -> np.ndarray:
    """Return an illumination function: brightest near the middle, 1 at its least.

    Parameters
    ----------
    side : int
        Pixels.
    vignette : float
        How much brighter the brightest place is than the darkest.
    rng : Generator
        Of the place.

    Returns
    -------
    (side, side) float32 array
    """
    across = np.linspace(-1, 1, side)
    row, column = rng.normal(0, 0.2, 2)
    hill = np.exp(-((across[:, None] - row) ** 2 + (across[None] - column) ** 2) / 2)
    return (1 + vignette * (hill - hill.min()) / np.ptp(hill)).astype(np.float32)


def _paths(fields: pd.DataFrame) -> pd.DataFrame:
    """Return image, function and mask of every field, below the root."""
    image = jump_tables.image_folder(fields) + jump_tables.file_names(
        fields, jump_tables.STAINS["DNA"]
    )
    function = jump_tables.light_folder(fields) + "/" + fields["plate"] + "_IllumDNA.npy"
    # masks have the names of the corrected images
    parts = fields[["batch", "plate", "well", "site"]].astype(str).agg("_".join, axis=1)
    symbol = fields["gene"].where(fields["gene"] != "", CONTROL)
    mask = f"{MASKS}/" + fields["plate"] + f"/{SOURCE}_" + parts + "_" + symbol + CORRECTED
    return pd.DataFrame({"image": image, "function": function, "mask": mask})


def _screen_design(values: dict[str, Any]) -> ScreenDesign:
    rebuilt = {"looks": Looks(**values["looks"]), "optics": Optics(**values["optics"])}
    return ScreenDesign(**values | rebuilt)


def _write_tiff(path: Path, image: np.ndarray, **options) -> None:
    import tifffile  # slow to import, and workers need it only here

    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {"photometric": "minisblack", "metadata": None, "software": False}
    tifffile.imwrite(path, image, **plain, **options)
