"""Nuclei: geometry by hand, inclusive filters, padding pixel by pixel, elongation, and the
extraction of a screen."""

import numpy as np
import pandas as pd
import pytest
import tifffile
import toy_fields

from lib.images import extraction, nuclei, nuclei_store, plates
from lib.images.extraction import Settings
from lib.images.metadata_schema import INHERITED
from lib.images.nuclei import Filters
from lib.run import compute

SMALL = Settings(window=96, region_size=24)


def rectangle(rows, columns, shape=(100, 120), at=(10, 20), value=2000):
    """Return image and labels with one rectangle of label 5."""
    labels = np.zeros(shape, np.int32)
    labels[at[0] : at[0] + rows, at[1] : at[1] + columns] = 5
    return np.where(labels, value, 300).astype(np.uint16), labels


def extract(folder, **options):
    """Extract a written screen in this process."""
    options = {
        "settings": SMALL,
        "executor": "inline",
        "block": 3,
        "masks": folder / "unet_masks",
    } | options
    return extraction.extract_screen(
        folder / "fields.parquet",
        images=folder / "illum_corrected",
        directory=folder / "stores",
        **options,
    )


def test_geometry_of_a_rectangle_by_hand():
    image, labels = rectangle(20, 40)
    found = nuclei.measure(labels, image).iloc[0]
    assert found["label"] == 5 and found["area"] == 800 and found["mean_intensity"] == 2000
    assert (found["bb_width"], found["bb_height"]) == (20, 40)  # rows, columns, as published
    assert (found["centroid_0"], found["centroid_1"]) == (10 + 9.5, 20 + 19.5)
    axes = 4 * np.sqrt(
        (np.array([20, 40]) ** 2 - 1) / 12
    )  # of the ellipse with the same second moments
    np.testing.assert_allclose(
        found[["minor_axis_length", "major_axis_length"]].astype(float), axes
    )
    np.testing.assert_allclose(found["aspect_ratio"], axes[0] / axes[1])
    assert found["solidity"] == 1


def test_published_first_row_is_consistent():
    assert round(15.474579 / 35.755476, 6) == 0.432789 and round(28 / 53, 6) == 0.528302


@pytest.mark.parametrize(
    ("size", "rule"),
    [
        ((20, 20), None),
        ((19, 21), "area"),
        ((50, 80), None),
        ((50, 81), "area"),
        ((4, 100), "aspect_ratio"),
    ],
)
def test_limits_are_inclusive(size, rule):
    image, labels = rectangle(*size)
    kept, lost = nuclei.select(nuclei.measure(labels, image))
    assert len(kept) == (rule is None)
    assert {name: n for name, n in lost.items() if n} == ({rule: 1} if rule else {})


def test_bounding_box_is_a_limit_of_its_own():
    labels = np.zeros((90, 90), np.int32)
    labels[np.arange(80), np.arange(80)] = labels[np.arange(79), np.arange(1, 80)] = 1
    labels[:20, :20] = 1
    kept, lost = nuclei.select(nuclei.measure(labels, labels.astype(np.uint16)))
    assert kept.empty and lost["bounding_box"] == 1 and sum(lost.values()) == 1


def plain_padding(image, labels, row, size=64):
    """Cut, pad and scale one nucleus in the published order."""
    rows, columns = row["bb_width"], row["bb_height"]
    box = (
        slice(row["first_row"], row["first_row"] + rows),
        slice(row["first_column"], row["first_column"] + columns),
    )
    crop = np.where(labels[box] == row["label"], image[box], 0)
    padded = np.zeros((size, size))
    top, left = size // 2 - rows // 2, size // 2 - columns // 2
    padded[top : top + rows, left : left + columns] = crop
    padded = padded - padded.min()
    return (np.clip(padded / padded.max(), 0, 1) * 255).astype(np.uint8)


def test_padding_of_all_nuclei_equals_one_by_one():
    image, labels = toy_fields.field(seed=3)
    objects = nuclei.measure(labels.astype(np.int32), image)
    padded, too_large, blank = nuclei.pad(image, labels, objects)
    assert not too_large.any() and not blank.any()
    for nucleus, row in zip(padded, objects.to_dict("records"), strict=True):
        np.testing.assert_array_equal(nucleus, plain_padding(image, labels, row))
    assert (
        padded.dtype == np.uint8
        and padded.shape[1:] == (64, 64)
        and (padded.max(axis=(1, 2)) == 255).all()
    )
    assert not padded[:, [0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_nucleus_at_the_corner_of_the_field_and_odd_sides():
    image, labels = rectangle(21, 33, at=(0, 0))
    padded, *_ = nuclei.pad(image, labels, nuclei.measure(labels, image))
    assert np.argwhere(padded[0]).min(axis=0).tolist() == [32 - 10, 32 - 16]
    assert np.argwhere(padded[0]).max(axis=0).tolist() == [32 + 10, 32 + 16]


def test_too_large_and_blank_nuclei_are_told_apart():
    image, labels = rectangle(65, 20)
    labels[80:, 60:90], labels[:30, 90:] = 7, 9
    image[labels == 7] = 0
    padded, too_large, blank = nuclei.pad(image, labels, nuclei.measure(labels, image))
    assert too_large.tolist() == [True, False, False] and blank.tolist() == [False, True, False]
    assert len(padded) == 1 and padded[0].max() == 255


def test_full_square_keeps_its_contrast():
    image, labels = rectangle(64, 64)
    image[12, 22] = 4000
    padded, *_ = nuclei.pad(image, labels, nuclei.measure(labels, image))
    assert (
        padded.max() == 255 and padded.min() == 0
    )  # no zero around it: its own minimum is subtracted


def test_elongated_is_one_whichever_component_came_first():
    rng = np.random.default_rng(0)
    ratios = np.concatenate([rng.normal(0.45, 0.05, 300), rng.normal(0.85, 0.04, 200)])
    for order in (np.arange(500), rng.permutation(500)):
        clusters = nuclei.elongation_clusters(ratios[order])
        assert (clusters == (ratios[order] < 0.65)).mean() > 0.99


@pytest.mark.parametrize("ratios", [[], [0.5], [0.5, 0.5]])
def test_nothing_to_fit_gives_round_nuclei(ratios):
    assert nuclei.elongation_clusters(np.array(ratios)).tolist() == [0] * len(ratios)


def test_screen_gives_the_published_columns_and_rows_that_match_the_stores(tmp_path):
    fields = toy_fields.write_screen(tmp_path)
    stores = extract(tmp_path)
    table = plates.collect(stores)
    known = [name for name in INHERITED if name in fields]
    assert list(table) == [*known, *nuclei.GEOMETRY, *nuclei.EXTRA]
    assert list(table.index) == list(range(len(table))) and len(table) == 8 * 16
    key = table[["plate", "slide_image_name", "label"]]
    pd.testing.assert_frame_equal(key, key.sort_values(list(key)))
    assert (table["image_file"] == table["nucleus_id"] + ".tif").all() and table[
        "nucleus_id"
    ].is_unique
    assert (table["nuclei_count_image"] == 16).all()
    share = table.groupby("slide_image_name")["aspect_ratio_cluster"].mean()
    np.testing.assert_allclose(
        table["aspect_ratio_cluster_ratio"], share[table["slide_image_name"]]
    )
    row = table.iloc[70]
    image, labels = toy_fields.field(seed=row.name // 16)
    store = nuclei_store.open_store(stores[str(row["plate"])])
    objects = nuclei.measure(labels.astype(np.int32), image).set_index("label", drop=False)
    expected = plain_padding(image, labels, objects.loc[row["label"]].astype(int))
    np.testing.assert_array_equal(store.read("nuclei", [row["row"]])[0], expected)
    assert store.shape("regions") == (64, 24, 24)


def test_blocks_workers_and_repeats_give_the_same_bytes(tmp_path):
    toy_fields.write_screen(tmp_path, plates=(41744,))
    first = extract(tmp_path)["41744"]
    content = first.read_bytes()
    assert list((tmp_path / "stores/blocks").iterdir()) == []
    made = first.stat().st_mtime_ns
    assert extract(tmp_path)["41744"].stat().st_mtime_ns == made  # nothing to do
    first.unlink()
    assert extract(tmp_path)["41744"].read_bytes() == content
    whole = extract(tmp_path, block=100)["41744"]
    assert whole != first and whole.read_bytes() == content


def test_every_loss_is_counted(tmp_path):
    toy_fields.write_screen(tmp_path)
    masks = sorted((tmp_path / "unet_masks/41744").iterdir())
    labels = tifffile.imread(masks[0])
    labels[labels == 2] = 0
    labels[3:9, 3:9] = 2  # too small
    tifffile.imwrite(masks[0], labels)
    tifffile.imwrite(masks[1], np.zeros_like(labels))
    images = sorted((tmp_path / "illum_corrected/41744").iterdir())
    images[2].write_bytes(images[2].read_bytes()[:5000])
    dark = tifffile.imread(images[3])
    dark[tifffile.imread(masks[3]) == 5] = 0
    tifffile.imwrite(images[3], dark)
    with pytest.raises(compute.UnitsFailed, match="not a whole TIFF.*What the others made is kept"):
        extract(tmp_path)
    stores = extract(tmp_path, settings=Settings(window=96, region_size=24, unreadable="exclude"))
    report = plates.read_report(stores)
    assert len(report) == 8 and report["problem"].str.split(":").str[0].tolist()[:4] == [
        "",
        "no nucleus in the mask",
        "unreadable",
        "",
    ]
    assert report.loc[0, "lost_area"] == 1 and report.loc[3, "lost_blank"] == 1
    lost = report[[f"lost_{rule}" for rule in nuclei.LOSSES]].sum(axis=1)
    assert (report["n_objects"] - lost == report["n_nuclei"]).all()
    assert report["n_nuclei"].sum() == len(plates.collect(stores)) == 6 * 16 - 2
    stages = plates.stage_counts(report)
    assert stages["n_nuclei"].tolist() == [96, 95, 94] and stages["n_excluded"].tolist() == [
        2,
        1,
        1,
    ]
    assert stages["reason"].tolist() == [
        "no nucleus in the mask: 1, unreadable: 1",
        "area: 1",
        "blank: 1",
    ]


def test_plate_without_any_nucleus_is_an_empty_store(tmp_path):
    toy_fields.write_screen(tmp_path, n_sites=1)
    for path in (tmp_path / "unet_masks/41744").iterdir():
        tifffile.imwrite(path, np.zeros((240, 240), np.uint16))
    stores = extract(tmp_path)
    assert len(nuclei_store.open_store(stores["41744"])) == 0
    assert set(plates.collect(stores)["plate"]) == {41755}


def test_screen_without_masks_is_segmented(tmp_path):
    toy_fields.write_screen(tmp_path, plates=(41744,), wells=("b01",), n_sites=1)
    table = plates.collect(extract(tmp_path, masks=None))
    assert len(table) == 16


def test_table_of_fields_is_checked(tmp_path):
    table = toy_fields.write_screen(tmp_path, plates=(41744,), n_sites=1)
    pd.concat([table, table]).to_parquet(tmp_path / "fields.parquet")
    with pytest.raises(ValueError, match="is there twice"):
        extract(tmp_path)
    table.drop(columns="well").to_parquet(tmp_path / "fields.parquet")
    with pytest.raises(ValueError, match="column well missing"):
        extract(tmp_path)
    with pytest.raises(ValueError, match="'skip' is unknown"):
        Settings.of({"unreadable": "skip"})
    assert Settings.of({"filters": {"min_area": 100}}).filters == Filters(min_area=100)
