"""Segmentation: scores by hand, masks of other tools, uneven light, and the published images with
manual truth."""

import numpy as np
import pandas as pd
import pytest
import tifffile
import toy_fields
from PIL import Image

from lib.images import plots, segmentation
from lib.images.fields import EmptyMask, ImageError, read_field
from lib.images.segmentation import Settings, accept_masks, f1_at_iou, segment
from lib.report import figures

SHAPES = {(520, 696): 0.92, (256, 256): 0.80, (360, 360): 0.80}
"""Size of an image → F1 it must reach."""


def test_f1_by_hand():
    truth = np.zeros((10, 30), int)
    truth[:, 0:10], truth[:, 12:20], truth[:, 24:28] = 1, 9, 4
    found = np.zeros((10, 30), int)
    found[:, 0:6], found[:, 12:16], found[:, 22:24] = (
        3,
        2,
        8,
    )  # overlaps 6/10, 4/8 (not above one half), 0
    scores = f1_at_iou(truth, found)
    assert (scores["n_matched"], scores["n_truth"], scores["n_predicted"]) == (1, 3, 3)
    assert scores["f1"] == scores["precision"] == scores["recall"] == pytest.approx(1 / 3)
    assert f1_at_iou(truth, truth)["f1"] == 1 and f1_at_iou(truth, truth * 0)["f1"] == 0
    assert (
        f1_at_iou(truth * 0, truth * 0)["f1"] == 1
        and f1_at_iou(truth, found, iou=0.7)["n_matched"] == 0
    )
    with pytest.raises(ValueError, match="one size"):
        f1_at_iou(truth, found[:5])


def test_labels_do_not_matter_only_objects():
    rng, labels = np.random.default_rng(0), toy_fields.field()[1].astype(int)
    renumbered = np.append(0, rng.permutation(1000) + 1)[labels]
    assert f1_at_iou(labels, renumbered)["f1"] == 1


def test_ellipses_are_found_with_their_outlines():
    image, labels = toy_fields.field(seed=2)
    found = segment(image)
    assert found.dtype == np.int32 and sorted(np.unique(found)) == list(range(17))
    assert f1_at_iou(labels, found, iou=0.85)["f1"] == 1


def test_uneven_light_and_gain_change_nothing_to_speak_of():
    image, labels = toy_fields.field(seed=2)
    row, column = np.mgrid[: image.shape[0], : image.shape[1]]
    tilted = image + 10.0 * row + 6.0 * column  # the tilt is larger than the nuclei are bright
    assert f1_at_iou(labels, segment(tilted), iou=0.8)["f1"] == 1
    np.testing.assert_array_equal(segment(image * 3), segment(image))


def test_scale_is_that_of_the_image():
    image, labels = toy_fields.field(seed=2)
    twice = [np.kron(plane, np.ones((2, 2), plane.dtype)) for plane in (image, labels)]
    assert f1_at_iou(twice[1], segment(twice[0]), iou=0.8)["f1"] == 1


def test_touching_nuclei_are_split_and_the_dim_one_keeps_its_outline():
    bright, dim = (
        toy_fields.ellipse((80, 120), (40, 40), (18, 18)),
        toy_fields.ellipse((80, 120), (40, 75), (18, 18)),
    )
    image = (
        300
        + 4000 * bright
        + 900 * (dim & ~bright)
        + np.random.default_rng(0).normal(0, 20, bright.shape)
    )
    assert f1_at_iou(bright + 2 * (dim & ~bright), segment(image), iou=0.75)["f1"] == 1


def test_border_and_empty_images():
    image, labels = toy_fields.field(seed=2)
    cut = image[30:]
    assert segment(cut).max() - segment(cut, Settings(keep_border=False)).max() == 4
    assert not segment(np.full((40, 40), 7, np.uint16)).any()


@pytest.mark.parametrize("kind", ["uint16", "int64", "float32"])
def test_masks_of_other_tools_are_renumbered(tmp_path, kind):
    labels = toy_fields.field()[1].astype(kind)
    assert sorted(np.unique(accept_masks(labels))) == list(range(17))
    if kind != "int64":
        tifffile.imwrite(tmp_path / "x_cp_masks.tif", labels)
        np.testing.assert_array_equal(
            accept_masks(tmp_path / "x_cp_masks.tif"), accept_masks(labels)
        )
    np.save(tmp_path / "labels.npy", labels)
    np.testing.assert_array_equal(
        accept_masks(tmp_path / "labels.npy", shape=(240, 240)), accept_masks(labels)
    )


def test_binary_masks_are_split_in_pieces(tmp_path):
    binary = ((toy_fields.field()[1] > 0) * 255).astype(np.uint8)
    Image.fromarray(binary).save(tmp_path / "mask.png")
    for mask in (binary, binary > 0, tmp_path / "mask.png"):
        assert accept_masks(mask).max() == 16


def test_pickles_and_other_things_are_refused(tmp_path):
    np.save(tmp_path / "field_seg.npy", {"masks": np.ones((3, 3), int)}, allow_pickle=True)
    with pytest.raises(
        ImageError, match=r"field_seg\.npy: holds a pickle, as Cellpose's _seg\.npy .*save_tif"
    ):
        accept_masks(tmp_path / "field_seg.npy")
    with pytest.raises(ImageError, match="missing"):
        accept_masks(tmp_path / "none.tif")
    with pytest.raises(ImageError, match="type float64"):
        accept_masks(np.random.default_rng(0).random((5, 5)))
    with pytest.raises(ImageError, match="stack"):
        accept_masks(np.ones((2, 5, 5), int))
    with pytest.raises(ImageError, match="its field"):
        accept_masks(np.arange(25).reshape(5, 5), shape=(5, 6))
    with pytest.raises(EmptyMask):
        accept_masks(np.zeros((5, 5), np.uint8))


def test_pictures_carry_the_data_behind_them():
    image, labels = toy_fields.field()
    with figures.style():
        figure, data = plots.overlay(image, labels, title="toy")
        assert figure.axes[0].get_title() == "toy: 16 nuclei" and len(data) == 16
        stages = pd.DataFrame(
            {"stage": ["all", "kept"], "n_fields": [3, 2], "n_nuclei": [np.nan, 16]}
        )
        rng = np.random.default_rng(0)
        nuclei = pd.DataFrame(rng.random((50, 3)), columns=["area", "solidity", "aspect_ratio"])
        figure, data = plots.qc_figure(stages, nuclei, examples=np.zeros((5, 8, 8), np.uint8))
        assert data.loc[data["panel"] == "area", "n"].sum() == 50
        assert data.loc[data["panel"] == "n_nuclei", "n"].dropna().tolist() == [16]
        figure, data = plots.gallery(np.full((9, 8, 8), 51, np.uint8))
        assert len(data) == 9 and (data["mean"] == 51).all()
        with pytest.raises(ValueError, match="no nucleus"):
            plots.gallery(np.empty((0, 8, 8), np.uint8))


@pytest.mark.real
def test_real_nuclei_with_manual_truth(real):
    rows = []
    for path in sorted((real / "data/nuclei/dsb2018/images").glob("*.png")):
        image = np.asarray(Image.open(path))
        truth = tifffile.imread(path.parent.parent / "labels" / f"{path.stem}.tif")
        rows.append({"shape": image.shape} | f1_at_iou(truth, segment(image)))
    table = pd.DataFrame(rows)
    groups = table.groupby("shape")[["n_matched", "n_truth", "n_predicted"]].sum()
    groups["f1"] = 2 * groups["n_matched"] / (groups["n_truth"] + groups["n_predicted"])
    groups["mean_f1"] = table.groupby("shape")["f1"].mean()
    print(groups)
    for shape, least in SHAPES.items():
        assert groups.loc[[shape], ["f1", "mean_f1"]].to_numpy().min() >= least, groups


@pytest.mark.real
def test_real_masks_and_other_sources(real):
    nuclei = real / "data/nuclei"
    truth = accept_masks(nuclei / "stardist/mask2d.tif", shape=(512, 512))
    assert (
        truth.max() == 125
        and f1_at_iou(truth, segment(read_field(nuclei / "stardist/img2d.tif").image))["f1"] > 0.75
    )
    for path in sorted((nuclei / "nf1_cellpainting").glob("*DAPI_001.tif"))[:2]:
        given = accept_masks(
            path.with_name(f"{path.stem}_MaskNuclei.tiff")
        )  # without nuclei at the border
        found = segment(read_field(path).image)
        assert f1_at_iou(given, found)["recall"] >= 0.95
    for name, least, most in (
        ("pediatric_atlas_BR00143976/r03c03f03p01-ch5sk1fk1fl1.tiff", 30, 60),
        ("cellprofiler_examples/ExampleHuman/images/AS_09125_050116030001_D03f00d0.tif", 250, 400),
    ):
        assert least <= segment(read_field(nuclei / name).image).max() <= most
    assert segmentation.typical_diameter(truth) == pytest.approx(27, abs=4)
