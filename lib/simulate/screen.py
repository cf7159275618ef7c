"""A planted-truth over-expression screen, written exactly as the real one arrives."""

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.data import origin
from lib.images.metadata import corrected_names
from lib.images.metadata_schema import NAMES
from lib.images.screens import TABLE
from lib.run import compute, store
from lib.simulate.layout import LOOK_SHIFTS, ScreenDesign, layout
from lib.simulate.phenotypes import PARAMETERS, Looks, looks_of_states, nuclei_looks
from lib.simulate.rendering import Optics, place_nuclei, render_field
from lib.simulate.states import DIMENSIONS

__all__ = [
    "Looks",
    "Optics",
    "ScreenDesign",
    "planted",
    "read_truth",
    "simulate_field",
    "write_screen",
]

IMAGES, MASKS = "illum_corrected", "unet_masks"
PLAN = "truth/layout.parquet"  # also the sign that a folder is a simulated screen
TRUTH = ["gene", "group", "is_active", "effect"]
CROWDING = PARAMETERS.index("crowding")


def write_screen(
    screen_dir: str | Path,
    design: ScreenDesign,
    states: pd.DataFrame,
    *,
    seed: int,
    executor: str | None = None,
) -> Path:
    """Write fields, masks, image table and planted truth of a screen; a plate is a unit of work.

    The image table comes last. Killed anywhere, the same call goes on and ends in the same bytes;
    called again, it writes only what is missing. A folder with another simulated screen is made to
    hold this one.

    Parameters
    ----------
    screen_dir : path
        Folder of the screen.
    design : ScreenDesign
        Sizes, effects and noise.
    states : DataFrame
        From `states.states`.
    seed : int
        Base seed.
    executor : str, optional
        As in `lib.run.compute.run_units`.

    Returns
    -------
    Path
        The image table.

    Raises
    ------
    FileExistsError
        If the folder holds images that no simulation wrote.
    """
    screen_dir = store.resolve(screen_dir)
    if (screen_dir / IMAGES).exists() and not (screen_dir / PLAN).exists():
        raise FileExistsError(
            f"{screen_dir} holds images that were not simulated; choose another folder"
        )
    fields = layout(design, states, seed=seed)
    store.write_table(screen_dir / PLAN, fields)
    origin.write(screen_dir, origin.simulated("images"))
    units = {
        str(plate): {
            "plan": screen_dir / PLAN,
            "plate": int(plate),
            "design": dataclasses.asdict(design)
            | {"outlier_wells": {}, "outlier_plates": ()},  # both in the plan
        }
        for plate in sorted(design.plates)
    }
    options = {"directory": screen_dir / "truth/plates", "seed": seed}
    paths = {
        name: compute.unit_path(write_plate, name, arguments, suffix=".parquet", **options)
        for name, arguments in units.items()
    }
    _forget_incomplete(screen_dir, fields, paths)
    paths = compute.run_units(write_plate, units, executor=executor, **options)
    _remove_others(screen_dir, fields, paths)
    return _write_tables(screen_dir, fields, states, [paths[name] for name in sorted(paths)])


def write_plate(part: Path, *, seed: int, plan: Path, plate: int, design: dict[str, Any]) -> None:
    """Write images and masks of one plate beside its plan, then the table of its nuclei.

    A unit of `lib.run.compute`, whose seed is not used: every field has its own in the plan, made
    from the base seed and the field's name.

    Parameters
    ----------
    part : Path
        Parquet file of the nuclei: `plate`, `field`, then as `simulate_field`.
    seed : int
        Not used.
    plan : Path
        Layout of the screen, from `lib.simulate.layout.layout`.
    plate : int
    design : dict
        Arguments of `ScreenDesign`, `looks` and `optics` as dicts.
    """
    fields = pd.read_parquet(plan)
    fields = fields[fields["Image_Metadata_Plate"] == plate]
    rebuilt = ScreenDesign(
        **design | {"looks": Looks(**design["looks"]), "optics": Optics(**design["optics"])}
    )
    folders = [plan.parent.parent / kind / str(plate) for kind in (IMAGES, MASKS)]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    tables = []
    for row, name in zip(
        fields.to_dict("records"), corrected_names(fields["stem"] + ".tif"), strict=True
    ):
        image, mask, nuclei = simulate_field(row, rebuilt)
        _write_tiff(folders[0] / name, image)
        _write_tiff(folders[1] / name, mask, compression="zlib")
        tables.append(nuclei.assign(plate=plate, field=name))
    nuclei = pd.concat(tables, ignore_index=True)
    nuclei[
        ["plate", "field", *(name for name in nuclei if name not in ("plate", "field"))]
    ].to_parquet(part)


def simulate_field(
    row: dict[str, Any], design: ScreenDesign
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Simulate one field of the layout.

    Hidden or lost nuclei are not in the table; labels run from 1 without gaps.

    Parameters
    ----------
    row : dict
        A row of `lib.simulate.layout.layout`.
    design : ScreenDesign

    Returns
    -------
    image : (side, side) uint16 array
    mask : (side, side) uint16 array
        Labels, 0 = background.
    nuclei : DataFrame
        One row per label: `label`, `kind` (interphase, mitotic, debris), `is_infected`, `n_pixels`
        (of the label), the drawn looks and the place.
    """
    rng = np.random.default_rng(int(row["seed"]))
    effect = looks_of_states(np.array([[row[name] for name in DIMENSIONS]]))[0]  # (6,)
    shift = np.array([row[name] for name in LOOK_SHIFTS]) + rng.normal(
        0, design.field_effect, len(PARAMETERS)
    )
    crowding = (
        row["infected"] * effect[CROWDING]
        + shift[CROWDING]
        + rng.normal(0, 2 * design.field_effect)
    )
    nuclei = _draw_nuclei(row, design, effect, shift, crowding, rng)
    nuclei = place_nuclei(
        nuclei, side=design.side, clumping=1 / (1 + np.exp(-0.7 * crowding)), rng=rng
    )
    image, mask = render_field(
        nuclei,
        side=design.side,
        optics=design.optics,
        psf=row["psf"],
        gain=row["gain"],
        offset=row["offset"],
        rng=rng,
    )
    n_pixels = np.bincount(mask.ravel(), minlength=len(nuclei) + 1)  # (1 + placed nuclei,)
    seen = np.flatnonzero(n_pixels[1:])
    relabel = np.zeros(len(n_pixels), np.uint16)  # old label → new, without gaps
    relabel[seen + 1] = np.arange(1, len(seen) + 1)
    nuclei = nuclei.iloc[seen].reset_index(drop=True)
    nuclei.insert(0, "label", np.arange(1, len(seen) + 1))
    return image, relabel[mask], nuclei.assign(n_pixels=n_pixels[1:][seen])


def read_truth(screen_dir: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the planted truth of a simulated screen.

    Parameters
    ----------
    screen_dir : path

    Returns
    -------
    genes : DataFrame
        One row per gene, with group and state.
    nuclei : DataFrame
        One row per nucleus, with its drawn looks.

    Raises
    ------
    FileNotFoundError
        If the screen has no truth.
    """
    folder = store.require(Path(screen_dir) / "truth/genes.csv", made_by="screen_data").parent
    return pd.read_csv(folder / "genes.csv"), pd.read_csv(folder / "nuclei.csv")


def planted(screen_dir: str | os.PathLike) -> pd.DataFrame:
    """Return the planted truth of a screen.

    Parameters
    ----------
    screen_dir : path

    Returns
    -------
    DataFrame
        One row per gene: `gene`, `group`, `is_active`, `effect`, the length of the latent state in
        SD of single control nuclei. A real screen has no row.
    """
    if not (store.resolve(screen_dir) / PLAN).exists():
        return pd.DataFrame(columns=TRUTH)
    genes, _ = read_truth(store.resolve(screen_dir))
    states = genes[[name for name in genes if name in DIMENSIONS]]  # (genes, 6)
    effect = (states**2).sum(axis=1) ** 0.5
    return genes.assign(effect=effect)[TRUTH]


def _draw_nuclei(
    row: dict[str, Any],
    design: ScreenDesign,
    effect: np.ndarray,
    shift: np.ndarray,
    crowding: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw the looks of a field's nuclei; debris comes last, so that it finds room where nuclei
    leave some."""
    expected = design.nuclei_per_field * np.exp(design.looks.neighbours_sd * crowding)
    n_nuclei, n_debris = (
        max(rng.poisson(expected * 0.75) + int(expected * 0.25), 1),
        rng.poisson(design.debris),
    )
    # (nuclei, looks)
    z = shift + rng.normal(0, design.nucleus_noise, (n_nuclei + n_debris, len(PARAMETERS)))
    kind = np.where(rng.random(len(z)) < design.mitotic, "mitotic", "interphase").astype(object)
    kind[n_nuclei:] = "debris"
    infected = (kind == "interphase") & (rng.random(len(z)) < row["infected"]) & (effect != 0).any()
    nuclei = nuclei_looks(z + infected[:, None] * effect, design.looks, rng=rng)
    mitotic, debris = kind == "mitotic", kind == "debris"
    nuclei["area"] = np.where(
        debris, rng.uniform(40, 250, len(z)), nuclei["area"] * np.where(mitotic, 0.6, 1)
    )
    nuclei["intensity"] *= np.where(debris, 2.0, np.where(mitotic, 2.2, 1))
    nuclei["n_spots"] *= kind == "interphase"
    return nuclei.assign(kind=kind, is_infected=infected)[["kind", "is_infected", *nuclei]]


def _write_tiff(path: Path, image: np.ndarray, *, compression: str | None = None) -> None:
    """Write a single-channel TIFF without date or software name: equal pixels, equal bytes."""
    import tifffile  # slow to import, and workers need it only here

    tifffile.imwrite(
        path,
        image,
        photometric="minisblack",
        metadata=None,
        software=False,
        compression=compression,
    )


def _forget_incomplete(screen_dir: Path, fields: pd.DataFrame, paths: dict[str, Path]) -> None:
    """Take the image table away unless the screen is whole, and the record of any plate with
    missing files."""
    for plate, rows in fields.groupby("Image_Metadata_Plate"):
        names = set(corrected_names(rows["stem"] + ".tif"))
        folders = [screen_dir / kind / str(plate) for kind in (IMAGES, MASKS)]
        if any(names - {path.name for path in folder.glob("*.tif")} for folder in folders):
            paths[str(plate)].unlink(missing_ok=True)
    if not all(path.exists() for path in paths.values()):
        (screen_dir / TABLE).unlink(missing_ok=True)


def _remove_others(screen_dir: Path, fields: pd.DataFrame, paths: dict[str, Path]) -> None:
    """Remove what an earlier simulation with another design left in this folder."""
    names = set(corrected_names(fields["stem"] + ".tif"))
    for kind in (IMAGES, MASKS):
        for folder in (screen_dir / kind).iterdir():
            if folder.name not in paths:
                shutil.rmtree(folder)
                continue
            for path in folder.iterdir():
                if path.name not in names:
                    path.unlink()
    for path in (screen_dir / "truth/plates").iterdir():
        if path not in paths.values():
            path.unlink()


def _write_tables(
    screen_dir: Path, fields: pd.DataFrame, states: pd.DataFrame, plates: list[Path]
) -> Path:
    """Write the truth, then the image table with the number of nuclei in each field."""
    nuclei = pd.concat([pd.read_parquet(path) for path in plates], ignore_index=True)
    store.write_table(screen_dir / "truth/genes.csv", states)
    store.write_table(screen_dir / "truth/nuclei.csv", nuclei.round(4))
    # specks are no nuclei
    counts = nuclei[nuclei["kind"] != "debris"].groupby("field").size()
    names = corrected_names(fields["stem"] + ".tif")
    table = fields.assign(Image_Count_Nuclei=names.map(counts).fillna(0).astype(int))
    return store.write_table(screen_dir / TABLE, table[[name for name in table if name in NAMES]])
