"""A simulated JUMP screen, written as its files arrive: raw images of the DNA stain, illumination
functions, load_data tables and metadata."""

import dataclasses
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.data import origin
from lib.jump.load_data import CORRECTED, NAME, ROOT
from lib.jump.metadata import BFP, CONTROL
from lib.run import compute, store
from lib.simulate import jump_layout
from lib.simulate.jump_layout import EMPTY_ID, OTHER_CONTROLS, SOURCE, JumpDesign
from lib.simulate.phenotypes import Looks
from lib.simulate.rendering import Optics
from lib.simulate.screen import ScreenDesign, simulate_field

STAINS = {"AGP": 2, "DNA": 5, "ER": 4, "Mito": 1, "RNA": 3}
"""Stain → number of its channel at source_4."""

PLAN = "truth/layout.parquet"  # also the sign that a folder is a simulated screen
MASKS = "masks"
CONTROL_ROWS = {
    BFP: ("ccsbBroad304_99985", "BFP", "negcon"),
    "JCP2022_915129": ("ccsbBroad304_99988", "HcRed", "negcon"),
    "JCP2022_915130": ("ccsbBroad304_99991", "LUCIFERASE", "negcon"),
    "JCP2022_915131": ("ccsbBroad304_99994", "LacZ", "negcon"),
    "JCP2022_915132": ("ccsbBroad304_99997", "eGFP", "poscon"),
}
NAMELESS = "JCP2022_909999"  # an ORF without symbol and id, as JUMP has 34
AGED = "-OLD"  # end of a symbol that has aged; its NCBI id is right


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
    return _write_tables(folder, fields, orfs)


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
    image = _folder(fields) + _file_names(fields, STAINS["DNA"])
    function = _illum(fields) + "/" + fields["plate"] + "_IllumDNA.npy"
    # masks have the names of the corrected images
    parts = fields[["batch", "plate", "well", "site"]].astype(str).agg("_".join, axis=1)
    symbol = fields["gene"].where(fields["gene"] != "", CONTROL)
    mask = f"{MASKS}/" + fields["plate"] + f"/{SOURCE}_" + parts + "_" + symbol + CORRECTED
    return pd.DataFrame({"image": image, "function": function, "mask": mask})


def _folder(fields: pd.DataFrame) -> pd.Series:
    plate = fields["plate"] + "__2021-09-01T12_00_00-Measurement1/Images/"
    return SOURCE + "/images/" + fields["batch"] + "/images/" + plate


def _illum(fields: pd.DataFrame) -> pd.Series:
    return SOURCE + "/images/" + fields["batch"] + "/illum/" + fields["plate"]


def _file_names(fields: pd.DataFrame, channel: int) -> pd.Series:
    rows = fields["well"].str[0].map(ord) - ord("A") + 1
    columns = fields["well"].str[1:].astype(int)
    names = [
        f"r{row:02d}c{column:02d}f{site:02d}p01-ch{channel}sk1fk1fl1.tiff"
        for row, column, site in zip(rows, columns, fields["site"], strict=True)
    ]
    return pd.Series(names, index=fields.index)


def _screen_design(values: dict[str, Any]) -> ScreenDesign:
    rebuilt = {"looks": Looks(**values["looks"]), "optics": Optics(**values["optics"])}
    return ScreenDesign(**values | rebuilt)


def _write_tiff(path: Path, image: np.ndarray, **options) -> None:
    import tifffile  # slow to import, and workers need it only here

    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {"photometric": "minisblack", "metadata": None, "software": False}
    tifffile.imwrite(path, image, **plain, **options)


def _write_tables(folder: Path, fields: pd.DataFrame, orfs: pd.DataFrame) -> Path:
    for plate, rows in fields.groupby("plate"):
        below = folder / SOURCE / "workspace/load_data_csv" / rows["batch"].iloc[0] / str(plate)
        store.write_table(below / NAME, _load_data(rows.reset_index(drop=True)))
    metadata = folder / "metadata"
    microscopes = {
        "Metadata_Source": ["4"],  # this table writes numbers, the others source_4
        "Metadata_Microscope_Name": ["Opera Phenix"],
        "Metadata_Pixel_Size_Microns": [0.597976],
    }
    store.write_table(metadata / "microscope_config.csv", pd.DataFrame(microscopes))
    store.write_table(metadata / "perturbation_control.csv", _controls())
    _write_gz(metadata / "plate.csv.gz", _plates(fields))
    _write_gz(metadata / "orf.csv.gz", _orfs(orfs))
    _write_gz(metadata / "well.csv.gz", _wells(fields))
    return metadata


def _load_data(fields: pd.DataFrame) -> pd.DataFrame:
    """Return the load_data table of a plate, all five stains; one more well than the metadata
    know."""
    names = {"Metadata_Plate": "plate", "Metadata_Well": "well", "Metadata_Site": "site"}
    stray = fields.iloc[[0]].assign(well="A24" if fields["well"].iloc[0] != "A24" else "B24")
    fields = pd.concat([fields, stray], ignore_index=True)
    table = pd.DataFrame({name: fields[column] for name, column in names.items()})
    table = table.assign(Metadata_Source=SOURCE, Metadata_Batch=fields["batch"])
    for stain, channel in STAINS.items():
        table[f"FileName_Illum{stain}"] = fields["plate"] + f"_Illum{stain}.npy"
        table[f"PathName_Illum{stain}"] = ROOT + _illum(fields)
        table[f"FileName_Orig{stain}"] = _file_names(fields, channel)
        table[f"PathName_Orig{stain}"] = ROOT + _folder(fields)
    return table


def _plates(fields: pd.DataFrame) -> pd.DataFrame:
    """Return the table of plates, with one plate per batch that has no images here."""
    plates = fields[["batch", "plate"]].drop_duplicates()
    target = fields.groupby("batch")["plate"].max().str[:-2].add("99").reset_index()
    table = pd.concat([plates.assign(kind="ORF"), target.assign(kind="TARGET2")])
    return pd.DataFrame(
        {
            "Metadata_Source": SOURCE,
            "Metadata_Batch": table["batch"],
            "Metadata_Plate": table["plate"],
            "Metadata_PlateType": table["kind"],
        }
    )


def _orfs(orfs: pd.DataFrame) -> pd.DataFrame:
    """Return the table of ORFs with the control reagents; one symbol has aged, one ORF has none."""
    symbols = orfs["gene"].where(orfs.index != orfs.index[-1], orfs["gene"] + AGED)
    table = pd.DataFrame(
        {
            "Metadata_JCP2022": orfs["jcp2022"],
            "Metadata_broad_sample": orfs["reagent"],
            "Metadata_Symbol": symbols,
            "Metadata_NCBI_Gene_ID": orfs["gene_id"],
            "Metadata_pert_type": "trt",
        }
    )
    rows = [
        [name, reagent, symbol, symbol, kind]
        for name, (reagent, symbol, kind) in CONTROL_ROWS.items()
    ]
    rows.append([NAMELESS, "ccsbBroad304_99001", None, None, "trt"])
    return pd.concat([table, pd.DataFrame(rows, columns=table.columns)], ignore_index=True)


def _controls() -> pd.DataFrame:
    rows = [[EMPTY_ID, "empty", "Empty", "any"]]
    rows += [[name, kind, symbol, "orf"] for name, (_, symbol, kind) in CONTROL_ROWS.items()]
    columns = ["Metadata_JCP2022", "Metadata_pert_type", "Metadata_Name", "Metadata_modality"]
    return pd.DataFrame(rows, columns=columns)


def _wells(fields: pd.DataFrame) -> pd.DataFrame:
    """Return the table of wells: those with images, other controls, empty wells, nameless ORFs."""
    known = fields[["plate", "well", "jcp2022"]].drop_duplicates(["plate", "well"])
    free = ("P22", "P21", "P20", "P19", "P18", "P17")  # no ORF of a gene is ever put there
    others = dict(zip(free, (*OTHER_CONTROLS, EMPTY_ID, NAMELESS), strict=True))
    more = pd.DataFrame({"well": list(others), "jcp2022": list(others.values())})
    more = known[["plate"]].drop_duplicates().merge(more, how="cross")
    table = pd.concat([known, more]).sort_values(["plate", "well"])
    return pd.DataFrame(
        {
            "Metadata_Source": SOURCE,
            "Metadata_Plate": table["plate"],
            "Metadata_Well": table["well"],
            "Metadata_JCP2022": table["jcp2022"],
        }
    )


def _write_gz(path: Path, table: pd.DataFrame) -> None:
    """Write a compressed CSV without the date: equal tables, equal bytes."""
    with store.atomic(path) as part:
        content = table.to_csv(index=False, lineterminator="\n").encode()
        part.write_bytes(gzip.compress(content, mtime=0))
