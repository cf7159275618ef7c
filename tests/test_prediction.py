"""New images: the same nuclei give the same embeddings, nulls and ranks by hand, clear refusals."""

import dataclasses
import itertools
import re

import numpy as np
import pandas as pd
import pytest
import tifffile
import toy_bundle
from toy_bundle import PIXEL, RADII, SIDE

from lib.data.errors import InputError
from lib.images import image_folders
from lib.translation import bundle, distance, new_nuclei, prediction, prediction_plots, regressors
from lib.translation import encoded as encoded_module
from lib.translation.prediction import ALL


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A bundle, read from disk, and the nuclei of its screen."""
    root = tmp_path_factory.mktemp("kept")
    bundle.save(root / "bundle", toy_bundle.make(root))
    return bundle.load(root / "bundle"), toy_bundle.encoded(root)


@pytest.fixture(scope="module")
def predicted(kept, tmp_path_factory):
    images, masks = toy_bundle.write_images(tmp_path_factory.mktemp("new"), seed=9)
    nuclei = new_nuclei.encode(kept[0], image_folders.find(images, masks=masks))
    return nuclei, prediction.predict(kept[0], nuclei, n_draws=100, seed=1)


def test_the_same_images_give_the_embeddings_of_the_training(kept, tmp_path):
    images, masks = toy_bundle.write_images(tmp_path, n=8, seed=1)
    found = new_nuclei.encode(kept[0], image_folders.find(images, masks=masks))
    assert np.array_equal(found.features, kept[1].features)


def test_every_condition_and_image_has_every_gene_once(kept, predicted):
    nuclei, found = predicted
    assert found.units["condition"].nunique() == len(RADII)
    assert (found.units["image"] == ALL).sum() == 5 and len(found.units) == 15
    for _, part in found.genes.groupby(["condition", "image"]):
        assert part["rank"].tolist() == list(range(1, 9))
        assert sorted(part["gene"]) == kept[0].card.genes
        assert (np.diff(part["cosine"]) <= 1e-9).all()
    assert found.genes[["p_control", "p_permuted"]].to_numpy().min() >= 1 / 101
    whole = found.units[found.units["image"] == ALL]
    assert (whole["n_images"] == 2).all() and whole["n_nuclei"].sum() == len(nuclei.table)
    # ranks 1, 2, 3 of the three other targets: 80 % takes a fourth, so the set is all genes
    assert (whole["set_80"] == 8).all()


def test_a_condition_is_the_mean_of_its_nuclei(kept, predicted):
    nuclei, found = predicted
    own = nuclei.table["condition"] == "JUN"
    row = kept[0].predict(nuclei.embeddings[own].mean(axis=0))[0]
    place = found.units.query("condition == 'JUN' and image == @ALL").index[0]
    assert np.allclose(found.predicted[place], row / np.linalg.norm(row))


def test_predictions_do_not_depend_on_other_conditions_or_the_order_of_images(kept, tmp_path):
    images, masks = toy_bundle.write_images(tmp_path, seed=9)
    found = image_folders.find(images, masks=masks)
    every = prediction.predict(kept[0], new_nuclei.encode(kept[0], found), n_draws=30)
    one = found[found["condition"] == "RAF1"].iloc[::-1]
    alone = prediction.predict(kept[0], new_nuclei.encode(kept[0], one), n_draws=30)
    expected = every.genes[every.genes["condition"] == "RAF1"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.genes, expected)


def test_the_nearest_condition_is_the_one_that_looks_alike(predicted):
    units = predicted[1].units.query("image == @ALL").set_index("condition")
    first = units["nearest_conditions"].str.split(", ").str[0]
    assert first["BRAF"] == "BRAF" and first["JUN"] == "JUN" and first["EMPTY"] == "EMPTY"
    assert units.loc["EMPTY", "warning"] == prediction.AS_CONTROL


def test_images_of_another_size_of_nucleus_lie_outside(kept, tmp_path):
    images, masks = toy_bundle.write_images(tmp_path, {"HUGE": 24.0, "EMPTY": 14.0}, n=2, seed=4)
    nuclei = new_nuclei.encode(kept[0], image_folders.find(images, masks=masks))
    units = prediction.predict(kept[0], nuclei, n_draws=20).units.set_index(["condition", "image"])
    assert units.loc[("HUGE", ALL), "is_outside"]
    assert prediction.OUTSIDE in units.loc[("HUGE", ALL), "warning"]
    assert not units.loc[("EMPTY", ALL), "is_outside"]


def test_the_distance_of_training_nuclei_is_about_one():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 6)) @ rng.normal(size=(6, 6)) + 5
    far = distance.of_nuclei(features, *distance.fit(features))
    assert abs(np.sqrt((far**2).mean()) - 1) < 0.02
    fields = np.linspace(0.5, 1.5, 199)
    assert distance.share_as_far(1.0, fields) == 101 / 200
    assert distance.is_outside(distance.share_as_far(1.6, fields), 199)
    assert not distance.is_outside(distance.share_as_far(1.48, fields), 199)


def test_ranks_under_permuted_pairs_are_those_of_a_refit(kept):
    """Three training genes have six pairings; each draw is one of them, refitted."""
    found = dataclasses.replace(kept[0], images=10 * np.eye(8)[:3])
    image = np.array([9.0, 2, 0, 0, 0, 0, 0, 0])
    ranks = prediction.ranks_by_permutation(found, image, n=300, rng=np.random.default_rng(0))
    rows = [found.card.genes.index(gene) for gene in found.card.train_genes]
    refits = set()
    for order in itertools.permutations(rows):
        [row] = regressors.ntk_ridge(found.images, found.embeddings[list(order)], image[None])
        refits.add(tuple(prediction.ranks_of(row[None] @ found.embeddings.T)[0].tolist()))
    assert {tuple(row) for row in ranks.tolist()} == refits
    # the image is that of the first gene, so each training gene comes first in a third of the draws
    first = (ranks[:, rows] == 1).mean(axis=0)
    assert (abs(first - 1 / 3) < 4 * np.sqrt(2 / 9 / 300)).all()


def test_held_out_fields_never_trained_and_conditions_never_seen_are_marked(kept):
    table = kept[1].table
    fields = table.drop_duplicates("slide_image_name")[["gene_symbol", "plate", "slide_image_name"]]
    fields = fields.rename(columns={"slide_image_name": "field"}).reset_index(drop=True)
    held = encoded_module.held_out_fields(kept[1], fields, never_seen=1)
    assert held.groupby("gene_symbol").size().to_dict() == {
        "BRAF": 2, "EMPTY": 2, "JUN": 2, "RAF1": 2, "SMAD4": 8,
    }  # fmt: skip
    trained = set(table.loc[table["use"] == "train", "slide_image_name"])
    assert not trained & set(held["field"])
    assert held.set_index("gene_symbol")["is_known"].groupby(level=0).first().to_dict() == {
        "BRAF": True, "EMPTY": True, "JUN": True, "RAF1": True, "SMAD4": False,
    }  # fmt: skip


def test_a_bundle_from_elsewhere_is_not_tried_on_fields_that_may_have_trained_it(tmp_path):
    fields = pd.DataFrame({"gene_symbol": ["A"], "is_known": [True], "plate": [1], "field": ["f"]})
    with pytest.raises(InputError, match="no test of other"):
        new_nuclei.held_out(fields, tmp_path, bundle_dir="other")
    with pytest.raises(InputError, match="TP53 has no held-out field; there are A"):
        new_nuclei.held_out(fields, tmp_path, conditions=["TP53"])


def test_pictures_show_every_condition(kept, predicted):
    nuclei, found = predicted
    _, drawn = prediction_plots.ranked_genes(found, n=3)
    assert drawn.groupby("condition").size().tolist() == [3] * 5
    _, drawn = prediction_plots.gene_map(kept[0], found)
    assert drawn["kind"].value_counts().to_dict() == {
        "image": 10, "gene": 5, "condition": 5, "trained gene": 3,
    }  # fmt: skip
    _, drawn = prediction_plots.distances(kept[0], found)
    assert len(drawn) == 10 + len(kept[0].field_distances)
    _, drawn = prediction_plots.example_nuclei(nuclei, ["BRAF", "JUN"], n=3)
    assert len(drawn) == 6


# --- what cannot be used ------------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    return toy_bundle.write_images(tmp_path, {"BRAF": 17.0, "JUN": 12.0}, n=2)


def _truncate(images, masks):
    path = images / "JUN/1.tif"
    path.write_bytes(path.read_bytes()[:1000])


def _blank(images, masks):
    for i in range(2):
        tifffile.imwrite(masks / f"JUN/{i}.tif", np.zeros((SIDE, SIDE), np.uint16))


def _nan(images, masks):
    tifffile.imwrite(images / "JUN/1.tif", np.full((SIDE, SIDE), np.nan, np.float32))


def _larger(images, masks):
    for folder in (images, masks):
        tifffile.imwrite(folder / "JUN/1.tif", np.ones((SIDE, SIDE + 8), np.uint16))


def _colour(images, masks):
    tifffile.imwrite(images / "JUN/1.tif", np.zeros((SIDE, SIDE, 3), np.uint8), photometric="rgb")


BROKEN = {
    "truncated": (_truncate, r"JUN/1.tif: field is not a whole TIFF"),
    "no nucleus": (_blank, r"condition JUN has no nucleus within the limits: 2 images, 0 objects"),
    "nan": (_nan, r"field has type float32, expected uint8 or uint16"),
    "size": (_larger, r"field is 128 × 136 pixels, the encoder was trained on 128 × 128"),
    "colour": (_colour, r"JUN/1.tif: field is an RGB image"),
    "mask": (lambda images, masks: (masks / "JUN/0.tif").unlink(), r"1 of 4 masks are not there"),
    "loose": (
        lambda images, masks: (images / "JUN/0.tif").rename(images / "0.tif"),
        r"1 images lie in the folder itself \(0.tif\) and 3 in its subfolders",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_images_that_cannot_be_used_are_told(kept, folders, how):
    spoil, message = BROKEN[how]
    spoil(*folders)
    with pytest.raises(InputError, match=message):
        new_nuclei.encode(kept[0], image_folders.find(folders[0], masks=folders[1]))


def test_all_faults_are_told_at_once(kept, folders):
    for name in ("BRAF/0.tif", "JUN/1.tif"):
        (folders[0] / name).write_bytes(b"II*\0")
    with pytest.raises(InputError, match=r"BRAF/0.tif.*JUN/1.tif"):
        new_nuclei.encode(kept[0], image_folders.find(folders[0], masks=folders[1]))


def test_another_field_size_can_be_allowed(kept, tmp_path):
    images, masks = toy_bundle.write_images(tmp_path, {"BRAF": 17.0}, n=1, side=160)
    found = image_folders.find(images, masks=masks)
    with pytest.raises(InputError, match="160 × 160"):
        new_nuclei.encode(kept[0], found)
    assert len(new_nuclei.encode(kept[0], found, any_field_size=True).table) == 4


def test_no_image_no_folder_no_table(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        image_folders.find(tmp_path / "absent")
    with pytest.raises(InputError, match=r"no image \(.tif, .tiff\)"):
        image_folders.find(tmp_path)


def test_without_masks_nuclei_are_segmented(kept, folders):
    nuclei = new_nuclei.encode(kept[0], image_folders.find(folders[0]))
    assert nuclei.table.groupby("condition").size().to_dict() == {"BRAF": 8, "JUN": 8}


def test_a_table_says_which_image_shows_which_condition(folders, tmp_path):
    table = tmp_path / "images.csv"
    table.write_text("image,condition\nBRAF/1.tif,X\nJUN/0.tif,Y\n")
    found = image_folders.find(folders[0], table=table, masks=folders[1])
    assert found["condition"].tolist() == ["X", "Y"] and found["image"][0] == "BRAF/1.tif"
    assert found["mask_path"][1] == folders[1] / "JUN/0.tif"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,condition\nBRAF/1.tif,\n", "row 2, condition"),
        ("image\nBRAF/1.tif\n", "column condition is missing"),
        ("image,condition\n../BRAF/1.tif,X\n", "is not a path below the folder"),
        ("image,condition\nBRAF/1.tif,X\nBRAF/1.tif,Y\n", "more than once"),
        ("image,condition\nBRAF/7.tif,X\n", "1 of 1 images are not there"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(folders, tmp_path, text, message):
    (tmp_path / "images.csv").write_text(text)
    with pytest.raises(InputError, match=re.escape(message)):
        image_folders.find(folders[0], table=tmp_path / "images.csv")


def test_images_right_in_the_folder_are_one_condition(folders):
    found = image_folders.find(folders[0] / "BRAF")
    assert found["condition"].tolist() == ["BRAF", "BRAF"]


# --- size of a pixel ----------------------------------------------------------


def test_pixels_of_another_size_are_refused_with_the_factor(folders):
    found = image_folders.find(folders[0])
    image_folders.check_pixel_size(found, PIXEL)  # as the files say
    with pytest.raises(InputError, match=r"pixels of 0.65 µm.*trained on 0.598.*by 1.087"):
        image_folders.check_pixel_size(found, 0.598)
    with pytest.raises(InputError, match=r"pixels of 1.3 µm.*scale the images by 2 first"):
        image_folders.check_pixel_size(found, PIXEL, given=1.3)


STATED = {
    "ome": ({"ome": True, "metadata": {"PhysicalSizeX": 325, "PhysicalSizeXUnit": "nm"}}, 0.325),
    "imagej": ({"imagej": True, "resolution": (4, 4), "metadata": {"unit": "um"}}, 0.25),
    "centimetre": ({"resolution": (2e4, 2e4), "resolutionunit": 3}, 0.5),
    "screen": ({"resolution": (72, 72), "resolutionunit": 2}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("kind", STATED)
def test_the_size_of_a_pixel_is_read_from_the_file(tmp_path, kind):
    options, expected = STATED[kind]
    tifffile.imwrite(tmp_path / "0.tif", np.zeros((16, 16), np.uint16), **options)
    found = image_folders.pixel_size(tmp_path / "0.tif")
    assert found == expected or found == pytest.approx(expected)
    if expected is None:
        table = image_folders.find(tmp_path)
        with pytest.raises(InputError, match="does not say how large its pixels are"):
            image_folders.check_pixel_size(table, PIXEL)
        image_folders.check_pixel_size(table, PIXEL, given=PIXEL)
