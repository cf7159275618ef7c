"""The tables of a simulated JUMP, as published: load_data, plates, wells, ORFs, controls."""

import gzip
from pathlib import Path

import pandas as pd

from lib.jump.load_data import NAME, ROOT
from lib.jump.metadata import BFP
from lib.run import store
from lib.simulate.jump_layout import EMPTY_ID, OTHER_CONTROLS, SOURCE

STAINS = {"AGP": 2, "DNA": 5, "ER": 4, "Mito": 1, "RNA": 3}
"""Stain → number of its channel at source_4."""

CONTROL_ROWS = {
    BFP: ("ccsbBroad304_99985", "BFP", "negcon"),
    "JCP2022_915129": ("ccsbBroad304_99988", "HcRed", "negcon"),
    "JCP2022_915130": ("ccsbBroad304_99991", "LUCIFERASE", "negcon"),
    "JCP2022_915131": ("ccsbBroad304_99994", "LacZ", "negcon"),
    "JCP2022_915132": ("ccsbBroad304_99997", "eGFP", "poscon"),
}
NAMELESS = "JCP2022_909999"  # an ORF without symbol and id, as JUMP has 34
AGED = "-OLD"  # end of a symbol that has aged; its NCBI id is right


def write(folder: Path, fields: pd.DataFrame, orfs: pd.DataFrame) -> Path:
    """Write load_data tables and metadata; the table of wells comes last.

    Parameters
    ----------
    folder : Path
        Root of the copy.
    fields, orfs : DataFrame
        From `jump_layout.layout` and `jump_layout.reagents`.

    Returns
    -------
    Path
        The folder of the metadata tables.
    """
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
        table[f"PathName_Illum{stain}"] = ROOT + light_folder(fields)
        table[f"FileName_Orig{stain}"] = file_names(fields, channel)
        table[f"PathName_Orig{stain}"] = ROOT + image_folder(fields)
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


def image_folder(fields: pd.DataFrame) -> pd.Series:
    """Return the folder of every field's image, below the root.

    Parameters
    ----------
    fields : DataFrame
        `batch`, `plate`.

    Returns
    -------
    Series of str
    """
    plate = fields["plate"] + "__2021-09-01T12_00_00-Measurement1/Images/"
    return SOURCE + "/images/" + fields["batch"] + "/images/" + plate


def light_folder(fields: pd.DataFrame) -> pd.Series:
    """Return the folder of every plate's illumination functions, below the root.

    Parameters
    ----------
    fields : DataFrame
        `batch`, `plate`.

    Returns
    -------
    Series of str
    """
    return SOURCE + "/images/" + fields["batch"] + "/illum/" + fields["plate"]


def file_names(fields: pd.DataFrame, channel: int) -> pd.Series:
    """Return the names of the images of a channel, as the microscope gives them.

    Parameters
    ----------
    fields : DataFrame
        `well`, `site`.
    channel : int

    Returns
    -------
    Series of str
    """
    rows = fields["well"].str[0].map(ord) - ord("A") + 1
    columns = fields["well"].str[1:].astype(int)
    names = [
        f"r{row:02d}c{column:02d}f{site:02d}p01-ch{channel}sk1fk1fl1.tiff"
        for row, column, site in zip(rows, columns, fields["site"], strict=True)
    ]
    return pd.Series(names, index=fields.index)
