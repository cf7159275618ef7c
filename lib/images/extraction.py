"""Extract the nuclei of a whole screen: blocks of fields on all workers, joined to one store per
plate, never a screen in memory."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.images import fields as fields_of_view
from lib.images import nuclei, nuclei_store, segmentation
from lib.images.fields import EmptyMask, Field, ImageError, Scaling
from lib.images.metadata_schema import INHERITED
from lib.images.nuclei_store import NucleiStore
from lib.run import compute, store

BLOCK = 48
"""Fields in a unit."""


@dataclass(frozen=True)
class Settings:
    """Choices of the extraction.

    Parameters
    ----------
    size : int
        Side of a padded nucleus in pixels (paper: 64).
    window : int
        Side of the region around a nucleus in pixels of the field (paper: 448).
    region_size : int
        Side to which a region is resized (paper: 224).
    scaling : str
        As in `fields.eight_bit`.
    unreadable : str
        `fail`, or `exclude` to leave out fields that cannot be read and report them.
    filters : Filters
        Limits of a nucleus.
    segment : segmentation.Settings
        Used where there are no masks.
    """

    size: int = nuclei.SIZE
    window: int = 448
    region_size: int = 224
    scaling: Scaling = "percentile_range"
    unreadable: str = "fail"
    filters: nuclei.Filters = nuclei.Filters()
    segment: segmentation.Settings = segmentation.Settings()

    @classmethod
    def of(cls, values: Mapping[str, Any] | None) -> "Settings":
        """Return settings from plain JSON values, as they are passed to a unit.

        Parameters
        ----------
        values : mapping, optional
            Names of the parameters → values; `filters` and `segment` are mappings themselves.

        Returns
        -------
        Settings

        Raises
        ------
        ValueError
            If `unreadable` is neither fail nor exclude.
        TypeError
            For a name that is no parameter.
        """
        values = dict(values or {})
        filters, segment = values.pop("filters", {}), values.pop("segment", {})
        if values.get("unreadable", "fail") not in ("fail", "exclude"):
            raise ValueError(
                f"unreadable {values['unreadable']!r} is unknown; choose fail or exclude"
            )
        return cls(
            **values, filters=nuclei.Filters(**filters), segment=segmentation.Settings(**segment)
        )


def extract_screen(
    fields: str | os.PathLike,
    *,
    images: str | os.PathLike,
    masks: str | os.PathLike | None,
    directory: str | os.PathLike,
    settings: Settings | None = None,
    block: int = BLOCK,
    executor: str | None = None,
) -> dict[str, Path]:
    """Extract the nuclei of every plate of a table of fields to one store per plate.

    The plates' fields are shared out in blocks, so that all workers are busy even with one plate.
    The blocks of a plate are joined to its store and removed. Started again, it goes on with what
    is missing.

    Parameters
    ----------
    fields : path
        Parquet, one row per field: `plate`, `well`, `gene_symbol`, `field` and what else nuclei
        inherit from it.
    images, masks : path
        Folders with `<plate>/<field>`; `masks=None` segments the images here. Their contents count
        as inputs.
    directory : path
        Folder of the stores.
    settings : Settings
        By default the published sizes and limits.
    block : int
        Fields in a unit.
    executor : str, optional
        As in `compute.run_units`.

    Returns
    -------
    dict of str to Path
        Plate → its store.

    Raises
    ------
    ValueError
        If the table lacks a column or holds a field twice.
    UnitsFailed
        If fields cannot be read and the settings do not exclude them; names file and fix.

    References
    ----------
    Image2Reg's preprocessing of idr0033: 1,063,641 padded nuclei.
    """
    directory, suffix = store.resolve(directory), nuclei_store.SUFFIX
    folder = directory / "blocks"
    blocks = _blocks(store.resolve(fields), images, masks, settings or Settings(), block)
    # plate → files of its blocks, known before anything is run
    parts = {
        plate: [
            compute.unit_path(
                extract_plate, name, arguments, directory=folder, suffix=suffix, seed=0
            )
            for name, arguments in units.items()
        ]
        for plate, units in blocks.items()
    }
    below = (
        folder.relative_to(store.ROOT) if folder.is_relative_to(store.ROOT) else folder
    )  # as the project may move
    joins = {
        plate: {"folder": str(below), "blocks": [path.name for path in paths]}
        for plate, paths in parts.items()
    }
    # blocks are removed once joined: only plates without a store need theirs
    waiting = [
        plate
        for plate, arguments in joins.items()
        if not compute.unit_path(
            join_blocks, plate, arguments, directory=directory, suffix=suffix, seed=0
        ).exists()
    ]
    units = {name: arguments for plate in waiting for name, arguments in blocks[plate].items()}
    compute.run_units(extract_plate, units, directory=folder, suffix=suffix, executor=executor)
    # copying chunks takes a disk, not processors
    made = compute.run_units(
        join_blocks, joins, directory=directory, suffix=suffix, executor="inline"
    )
    for path in (path for paths in parts.values() for path in paths):
        path.unlink(missing_ok=True)
    return made


def _blocks(
    fields: Path,
    images: str | os.PathLike,
    masks: str | os.PathLike | None,
    settings: Settings,
    block: int,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return plate → unit's name → arguments of `extract_plate`."""
    return {
        str(plate): {
            f"{plate}_{start:05d}": {
                "fields": fields,
                "images": store.resolve(images) / str(plate),
                "masks": store.resolve(masks) / str(plate) if masks else None,
                "plate": str(plate),
                "start": start,
                "stop": min(start + block, n_fields),
                "settings": asdict(settings),
            }
            for start in range(0, n_fields, block)
        }
        for plate, n_fields in _read_fields(fields).groupby("plate").size().items()
    }


def extract_plate(
    part: Path,
    *,
    seed: int,
    fields: Path,
    images: Path,
    masks: Path | None,
    plate: str,
    start: int = 0,
    stop: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write the nuclei of a plate, or of its fields `start` to `stop`, to a store: a unit of
    `compute.run_units`.

    Fields are read one after the other, in the order of their names; memory stays at one field and
    one chunk.

    Parameters
    ----------
    part : Path
        The store to write.
    seed : int
        Not used: nothing here is drawn.
    fields, images, masks, settings
        As in `extract_screen`, `images` and `masks` being the plate's own folders; settings as
        plain values.
    plate : str
        Plate whose fields are taken.
    start, stop : int, optional
        Places of the fields in the order of their names; by default all.

    Raises
    ------
    ImageError
        If a field cannot be read and the settings do not exclude it.
    """
    options = Settings.of(settings)
    table = _read_fields(fields)
    table = table[table["plate"].astype(str) == plate].sort_values("field").iloc[start:stop]
    # of one nucleus
    shapes = {"nuclei": (options.size,) * 2, "regions": (options.region_size,) * 2}
    tables, reports, n_rows = [], [], 0
    with nuclei_store.create(
        part, shapes, attributes={"plate": plate, "settings": asdict(options)}
    ) as writer:
        for row in table.to_dict("records"):
            report, found = extract_field(row, images, masks, options)
            reports.append(report)
            if found is None:
                continue
            rows, arrays = found
            # a row counts from the plate's first nucleus
            rows["row"] = np.where(rows["row"] >= 0, rows["row"] + n_rows, -1)
            n_rows += len(arrays["nuclei"])
            writer.append(**arrays)
            tables.append(rows)
        writer.add_table(
            "nuclei", _inherit(pd.concat(tables), table) if tables else _no_nuclei(table)
        )
        writer.add_table("report", pd.DataFrame(reports))


def join_blocks(part: Path, *, seed: int, folder: str, blocks: list[str]) -> None:
    """Join the stores of a plate's blocks to one, chunk by chunk: a unit of `compute.run_units`.

    Parameters
    ----------
    part : Path
        The store to write.
    seed : int
        Not used: nothing here is drawn.
    folder : str
        Folder of the blocks, relative to the project where they lie below it.
    blocks : list of str
        File names, in the order of their fields.
    """
    # in the order of fields
    stores = [NucleiStore(store.resolve(folder) / name) for name in blocks]
    shapes = {name: stores[0].shape(name)[1:] for name in stores[0].names}
    tables, n_rows = [], 0
    with nuclei_store.create(part, shapes, attributes=stores[0].attributes) as writer:
        for block in stores:
            for start in range(0, len(block), nuclei_store.CHUNK_ROWS):
                # one chunk
                rows = np.arange(start, min(start + nuclei_store.CHUNK_ROWS, len(block)))
                writer.append(**{name: block.read(name, rows) for name in shapes})
            rows = block.table("nuclei")
            tables.append(rows.assign(row=rows["row"].where(rows["row"] < 0, rows["row"] + n_rows)))
            n_rows += len(block)
        # an empty block would turn the types of the joined columns into objects
        filled = [table for table in tables if len(table)] or tables[:1]
        writer.add_table("nuclei", pd.concat(filled))
        writer.add_table("report", pd.concat([block.table("report") for block in stores]))


def read_or_segment(
    image_path: Path, mask_path: Path | None, options: segmentation.Settings
) -> Field:
    """Read a field with its mask, or segment it where there are no masks.

    Parameters
    ----------
    image_path : Path
    mask_path : Path, optional
        None segments the image.
    options : segmentation.Settings

    Returns
    -------
    Field
        With labels.

    Raises
    ------
    ImageError
        As `fields.read_field`.
    EmptyMask
        If the mask or the segmentation has no object.
    """
    found = fields_of_view.read_field(image_path, mask_path)
    if mask_path is not None:
        return found
    labels = segmentation.segment(found.image, options)
    return Field(found.path, found.image, fields_of_view.check_labels(labels, name=str(image_path)))


def extract_field(
    row: Mapping[str, Any], images: Path, masks: Path | None, options: Settings
) -> tuple[dict[str, Any], tuple[pd.DataFrame, dict[str, np.ndarray]] | None]:
    """Cut the nuclei and regions of one field.

    Parameters
    ----------
    row : mapping
        `plate`, `well`, `gene_symbol` and `field`, the name of the file.
    images, masks : Path
        Folders of the file and of its mask; `masks=None` segments the image.
    options : Settings

    Returns
    -------
    report : dict
        One row per field, as in `lib.images.plates.read_report`.
    found : (DataFrame, dict of str to array) or None
        One row per nucleus within the limits, with `row` its place in the arrays (−1 = not stored);
        `nuclei` (m, size, size) and `regions` (m, region_size, region_size) uint8. None for a field
        that is left out.

    Raises
    ------
    ImageError
        If the field cannot be read and the settings do not exclude it.
    """
    name = row["field"]
    report = {
        "plate": row["plate"],
        "well": row["well"],
        "gene_symbol": row["gene_symbol"],
        "slide_image_name": name,
    }
    report |= {
        "n_objects": 0,
        **{f"lost_{rule}": 0 for rule in nuclei.LOSSES},
        "n_nuclei": 0,
        "problem": "",
    }
    try:
        found = read_or_segment(Path(images) / name, masks and Path(masks) / name, options.segment)
    except EmptyMask:
        return report | {"problem": "no nucleus in the mask"}, None
    except ImageError as error:
        if options.unreadable == "fail":
            raise
        return report | {"problem": f"unreadable: {error}"}, None
    # measure, filter, pad, then cut the region around each nucleus that is stored
    objects = nuclei.measure(found.labels, found.image)
    kept, lost = nuclei.select(objects, options.filters)  # n objects within the limits
    padded, too_large, blank = nuclei.pad(found.image, found.labels, kept, size=options.size)
    lost |= {"too_large": int(too_large.sum()), "blank": int(blank.sum())}
    stored = ~(too_large | blank)  # (n,)
    # once per field, not once per nucleus
    eight_bit = fields_of_view.eight_bit(found.image, scaling=options.scaling)
    regions = fields_of_view.region_windows(  # (m, region_size, region_size)
        eight_bit,
        kept.loc[stored, ["centroid_0", "centroid_1"]].to_numpy(),
        window=options.window,
        size=options.region_size,
    )
    report |= {"n_objects": len(objects), "n_nuclei": len(padded)} | {
        f"lost_{k}": n for k, n in lost.items()
    }
    return report, (_name_rows(kept, name, stored), {"nuclei": padded, "regions": regions})


def _name_rows(kept: pd.DataFrame, field: str, stored: np.ndarray) -> pd.DataFrame:
    """Add the names of nuclei and their place among those stored."""
    identity = [f"{field.rsplit('.', 1)[0]}_{label}" for label in kept["label"]]
    return kept.drop(columns=["first_row", "first_column"]).assign(
        slide_image_name=field,
        nucleus_id=identity,
        image_file=[f"{name}.tif" for name in identity],
        row=np.where(stored, np.cumsum(stored) - 1, -1),  # −1: not in the store
    )


def _inherit(rows: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of its field to every nucleus, types unchanged."""
    inherited = [name for name in INHERITED if name in fields and name != "image_file"]
    every = (
        fields.set_index("field").loc[rows["slide_image_name"], inherited].reset_index(drop=True)
    )
    return pd.concat([every, rows.reset_index(drop=True)], axis=1)


def _no_nuclei(fields: pd.DataFrame) -> pd.DataFrame:
    """Return the table of a plate without nuclei."""
    derived = ("aspect_ratio_cluster", "nuclei_count_image", "aspect_ratio_cluster_ratio")
    names = [
        name
        for name in nuclei.COLUMNS
        if name not in derived and (name in fields or name not in INHERITED)
    ]
    return pd.DataFrame(columns=names)


def _read_fields(path: Path) -> pd.DataFrame:
    """Read the table of fields and check what the extraction needs of it."""
    table = pd.read_parquet(path)
    if missing := [name for name in ("plate", "well", "gene_symbol", "field") if name not in table]:
        raise ValueError(
            f"{path.name}: column {', '.join(missing)} missing; make it with lib.images.metadata"
        )
    if (repeated := table.duplicated(["plate", "field"])).any():
        raise ValueError(
            f"{path.name}: field {table.loc[repeated, 'field'].iloc[0]} is there twice; keep one "
            "row"
        )
    return table
