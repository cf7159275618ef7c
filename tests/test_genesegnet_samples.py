"""The raw layout, crops and pictures: what goes in, and every bad input with the message it
gets."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.genesegnet import alternatives, crops, layouts, outputs, pictures, samples
from lib.simulate import genesegnet as simulated

TISSUE = simulated.Tissue(side=72)


@pytest.fixture(scope="module")
def slide():
    return simulated.slide(TISSUE, np.random.default_rng(4))


@pytest.fixture
def raw(tmp_path, slide):
    for name in ("s1", "s2", "s10"):
        simulated.write(tmp_path, name, slide)
    return tmp_path


def test_a_simulated_slide_comes_back_as_it_was_planted(raw, slide):
    found = samples.read_all(raw)
    assert [sample.name for sample in found] == ["s1", "s10", "s2"]
    assert np.array_equal(found[0].stain, slide.stain)
    assert np.array_equal(found[0].labels > 0, slide.noisy_labels > 0)
    assert np.abs(found[0].spots["x"] - slide.spots["x"]).max() <= 5e-4
    assert len(found[0].rows) == len(slide.spots)


def test_names_and_not_places_make_pairs(raw):
    (raw / "spots" / "s2.csv").unlink()
    with pytest.raises(InputError, match="1 of 3 samples are incomplete: s2 has no file in spots"):
        samples.find(raw)


def test_labels_are_not_needed_for_inference(raw):
    for path in (raw / "labels").iterdir():
        path.unlink()
    assert samples.read_all(raw, labelled=False)[0].labels is None
    with pytest.raises(InputError, match="labels: the folder has no file"):
        samples.read_all(raw)


def test_published_names_of_crops_are_paired(raw):
    for folder, suffix in (
        ("images", "_image.tif"),
        ("labels", "_label.png"),
        ("spots", "_spot.csv"),
    ):
        for path in list((raw / folder).iterdir()):
            path.rename(path.with_name(path.stem + suffix))
    assert list(samples.find(raw)) == ["s1", "s10", "s2"]


def test_two_files_of_one_name_are_named(raw, slide):
    pictures.write_image(raw / "images" / "s1.png", slide.stain)
    with pytest.raises(InputError, match=r"s1.png and s1.tif are both of sample 's1'"):
        samples.find(raw)


def test_all_bad_files_of_a_folder_are_counted_and_named(raw):
    (raw / "images" / "s1.tif").write_bytes(b"no image")
    pictures.write_labels(raw / "labels" / "s10.png", np.ones((5, 5), int))
    with pytest.raises(
        InputError,
        match=r"2 of 3 samples cannot be used: s1.tif: no whole image.*s10.png: labels of",
    ):
        samples.read_all(raw)


def test_an_empty_label_image_is_refused(raw):
    pictures.write_labels(raw / "labels" / "s1.png", np.zeros((72, 72), int))
    with pytest.raises(InputError, match="s1.png: the label image has no cell"):
        samples.read_all(raw)


def test_colour_where_grey_is_expected(tmp_path, slide):
    colour = np.stack([slide.stain // 256] * 3, axis=-1).astype(np.uint8)
    grey = pictures.write_image(tmp_path / "grey.png", colour)
    assert pictures.read_stain(grey).shape == (72, 72)  # three equal channels are grey
    colour[0, 0, 0] += 1
    path = pictures.write_image(tmp_path / "colour.png", colour)
    with pytest.raises(InputError, match=r"shape \(72, 72, 3\), expected one grey channel"):
        pictures.read_stain(path)
    assert pictures.read_stain(path, n_channels=3).shape == (72, 72, 3)


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_eight_and_sixteen_bits_are_read_as_they_are(tmp_path, suffix, kind):
    image = np.arange(48).reshape(6, 8).astype(kind) * (5 if kind is np.uint8 else 1300)
    path = pictures.write_image(tmp_path / f"a{suffix}", image)
    assert (
        np.array_equal(pictures.read_stain(path), image) and pictures.read_stain(path).dtype == kind
    )


def test_stacks_floats_and_missing_files_are_refused(tmp_path):
    stack = pictures.write_image(tmp_path / "stack.tif", np.zeros((5, 6, 7), np.uint16))
    with pytest.raises(InputError, match="project or split the stack"):
        pictures.read_stain(stack)
    fractions = pictures.write_image(tmp_path / "f.tif", np.zeros((5, 6), np.float32))
    with pytest.raises(InputError, match="type float32, expected 8 or 16 bits"):
        pictures.read_stain(fractions)
    with pytest.raises(InputError, match="there is no such file"):
        pictures.read_stain(tmp_path / "none.tif")
    with pytest.raises(InputError, match="labels in a JPEG"):
        pictures.read_labels(tmp_path / "a.jpg")


def test_spots_of_another_image_are_refused(raw):
    path = raw / "spots" / "s1.csv"
    table = pd.read_csv(path)
    table[["spotX", "spotY"]] += 500
    table.to_csv(path, index=False)
    with pytest.raises(InputError, match="s1.csv: spots from x .* lie inside"):
        samples.read_all(raw)


def test_corners_are_the_published_ones():
    import random

    random.seed(1)
    expected = [[random.randint(0, 44), random.randint(0, 144)] for _ in range(5)]
    assert crops.draw_corners((300, 400), 5).tolist() == expected
    with pytest.raises(InputError, match="for crops of 256"):
        crops.draw_corners((200, 400))


def test_a_crop_knows_the_spots_beside_it(slide):
    sample = samples.assemble("a", slide.stain, slide.cells, slide.spots)
    whole = crops.channels(sample)
    cut = crops.cut(sample, np.array([[3, 8], [20, 30]]), 40)
    assert np.array_equal(cut.inputs[1], whole[:, 20:60, 30:70])
    assert np.array_equal(cut.labels[0], slide.cells[3:43, 8:48])
    published = crops.cut(sample, np.array([[3, 8]]), 40, per_crop=True).inputs[0]
    assert np.percentile(published, [1, 99], axis=(1, 2)).ravel() == pytest.approx(
        [0, 0, 1, 1], abs=1e-5
    )


def test_few_bright_pixels_do_not_explode():
    """Pain 15: 50 nuclear pixels of 10100 on a background of 99 to 101."""
    image = np.resize([99, 100, 101], (100, 100)).astype(float)
    image[:5, :10] = 10100
    low, high = np.percentile(image, [1, 99])
    assert (10100 - low) / (high - low) == 5000.5  # what the window's own percentiles do
    assert crops.normalise(image, *crops.levels(image)).max() == pytest.approx(1, abs=0.01)
    flat = np.full((100, 100), 100.0)
    flat[:5, :10] = 10100
    assert crops.normalise(flat, *crops.levels(flat)).max() == pytest.approx(1)
    assert not crops.normalise(np.full((4, 4), 7), 7, 7).any()


def test_a_sample_never_falls_into_two_splits():
    names = [f"s{k}" for k in range(10)]
    parts = crops.split(names, (0.6, 0.2, 0.2), np.random.default_rng(0))
    assert sorted(sum(parts.values(), [])) == sorted(names)
    assert [len(parts[name]) for name in ("train", "val", "test")] == [6, 2, 2]
    with pytest.raises(InputError, match="2 different samples of 2; a split needs three"):
        crops.split(names[:2], (1, 1, 1), np.random.default_rng(0))


def test_a_store_of_crops_comes_back(tmp_path, slide):
    sample = samples.assemble("a", slide.stain, slide.cells, slide.spots)
    cut = crops.cut(sample, crops.draw_corners(sample.shape, 5, 40), 40)
    back = crops.read(crops.write(tmp_path / "train.zarr.zip", cut))
    assert all(np.array_equal(getattr(cut, name), getattr(back, name)) for name in crops.ARRAYS)
    (tmp_path / "no.zarr.zip").write_bytes(b"x")
    with pytest.raises(InputError, match="no store of crops"):
        crops.read(tmp_path / "no.zarr.zip")


def test_crops_without_cells_are_left_out(slide):
    sample = samples.assemble("a", slide.stain, slide.cells, slide.spots)
    cut = crops.cut(sample, np.array([[0, 0], [5, 5]]), 40)
    emptied = cut.with_labels(np.where(np.array([0, 1])[:, None, None] > 0, cut.labels, 0))
    assert crops.with_cells(emptied).corners.tolist() == [[5, 5]]
    n_cells = len(np.unique(cut.labels[1])) - 1
    assert len(crops.with_cells(cut, n_cells + 1)) <= 1


def test_published_files_of_labels_read_back(tmp_path, slide):
    paths = outputs.write_published(tmp_path, "s1", slide.cells)
    assert [path.name for path in paths] == ["label_s1.png", "label_s1.mat", "label_plt_s1.jpg"]
    assert np.array_equal(pictures.read_labels(paths[0]), slide.cells)
    assert np.array_equal(pictures.read_labels(paths[1]), slide.cells)


def test_many_cells_are_written_in_32_bits(tmp_path):
    image = np.arange(65_536 + 64).reshape(-1, 64)
    paths = outputs.write_published(tmp_path, "many", image)
    assert paths[0].name == "label_many.tif" and np.array_equal(
        pictures.read_labels(paths[0]), image
    )
    assert np.array_equal(pictures.read_labels(paths[1]), image)


def test_labels_as_ngff_have_a_pyramid_of_true_ids(tmp_path, slide):
    import zarr

    cells = np.kron(slide.cells, np.ones((3, 3), int))
    stain = np.kron(slide.stain, np.ones((3, 3), slide.stain.dtype))
    path = outputs.write_ngff(tmp_path / "s1.zarr", stain, cells, pixel_size=0.108)
    group = zarr.open_group(path, mode="r")
    meta = group["labels/cells"].attrs["multiscales"][0]
    assert [part["path"] for part in meta["datasets"]] == ["0", "1"]
    assert meta["datasets"][1]["coordinateTransformations"][0]["scale"] == [0.216, 0.216]
    assert np.array_equal(group["labels/cells/0"][:], cells)
    assert set(np.unique(group["labels/cells/1"][:])) <= set(np.unique(cells))
    assert group["labels"].attrs["labels"] == ["cells"]


def test_the_simulation_is_what_it_says(slide):
    again = simulated.slide(TISSUE, np.random.default_rng(4))
    assert np.array_equal(slide.stain, again.stain) and slide.spots.equals(again.spots)
    assert ((slide.nuclei == slide.cells) | (slide.nuclei == 0)).all()
    placed = slide.cells[slide.spots["y"].astype(int), slide.spots["x"].astype(int)]
    own = slide.spots["cell"] > 0
    assert np.array_equal(placed[own], slide.spots["cell"][own]) and 0.01 < (~own).mean() < 0.1
    marker = slide.spots["gene"].str[4:].astype(int).to_numpy() - 1
    kinds = slide.types[slide.spots["cell"].to_numpy()]
    share = (marker // 6 == kinds)[own].mean()
    assert 0.75 < share < 0.95  # 0.8, and a quarter of the rest by chance
    assert 0 < len(np.unique(slide.noisy_labels)) < len(np.unique(slide.cells))


def test_ome_tiff_has_ids_and_size_and_the_same_bytes_twice(tmp_path):
    from lib.genesegnet import instruments

    image = np.array([[0, 7], [70_000, 0]])
    paths = [
        outputs.write_ome(tmp_path / f"{k}.ome.tif", image, pixel_size=0.108) for k in range(2)
    ]
    assert np.array_equal(pictures.read_labels(paths[0]), image)
    assert instruments.pixel_size(paths[0]) == pytest.approx(0.108)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    plain = outputs.write_ome(tmp_path / "plain.ome.tif", image)
    with pytest.raises(InputError, match="without PhysicalSizeX"):
        instruments.pixel_size(plain)


def test_the_pixel_size_of_a_folder_is_that_of_its_images(tmp_path, slide):
    from lib.genesegnet import instruments

    sample = samples.assemble("a", slide.stain, slide.cells, slide.spots)
    layouts.write(tmp_path / "known", sample, pixel_size=0.5)
    layouts.write(tmp_path / "unknown", sample)
    assert instruments.known_pixel_size(tmp_path / "known") == 0.5
    assert instruments.known_pixel_size(tmp_path / "unknown") == 0


def test_spots_that_would_lie_better_after_a_turn_are_noted(slide):
    turned = slide.spots.assign(y=slide.stain.shape[0] - slide.spots["y"])
    notes = samples.assemble("a", slide.stain, slide.cells, turned).notes
    assert any("would after flip_y: look at image and spots together" in note for note in notes)
    assert samples.assemble("a", slide.stain, slide.cells, slide.spots).notes == ()
    assert samples.assemble("a", slide.stain, None, slide.spots).notes == ()


def test_folders_of_pciseq_are_taken_in_without_an_image(tmp_path, slide):
    source = tmp_path / "ca1"
    source.mkdir()
    row, column = np.nonzero(slide.cells)
    np.savez(
        source / "label_image.coo.npz",
        row=row,
        col=column,
        data=slide.cells[row, column],
        shape=np.array(slide.cells.shape),
    )
    table = slide.spots.rename(columns={"gene": "Gene"})[["Gene", "x", "y"]]
    table.to_csv(source / "spots.csv", index=False)
    raw = layouts.take_in(source, tmp_path / "raw")
    (files,) = samples.find(raw, kinds=("labels", "spots")).values()
    assert np.array_equal(pictures.read_labels(files["labels"]), slide.cells)
    with pytest.raises(InputError, match="there is no such folder"):
        samples.find(raw)
    (source / "spots.csv").unlink()
    with pytest.raises(InputError, match="no layout that is known.*expected folders images"):
        layouts.take_in(source, tmp_path / "raw")


def test_a_raw_folder_is_taken_in_by_links(tmp_path, raw):
    taken = layouts.take_in(raw, tmp_path / "taken")
    assert (taken / "images").is_symlink() and list(samples.find(taken)) == ["s1", "s10", "s2"]
    pictures.write_labels(tmp_path / "other" / "labels" / "s1_label.png", np.ones((72, 72), int))
    (sample, *_), reading = samples.read_all(taken), tmp_path / "other"
    assert alternatives.of_another_tool(reading, sample)["other"].all()
    with pytest.raises(InputError, match="no labels of s10; there are s1"):
        alternatives.of_another_tool(reading, samples.read_all(taken)[1])


def test_cells_that_came_with_the_spots_are_counted_beside_ours(slide):
    delivered = slide.spots.assign(
        cell=["UNASSIGNED", "7"] * (len(slide.spots) // 2) + ["9"] * (len(slide.spots) % 2)
    )
    sample = samples.assemble("a", slide.stain, None, delivered)
    table = alternatives.count({"ours": slide.cells}, sample).set_index("method")
    n_odd = len(slide.spots) % 2
    assert table.loc["as delivered", "n_cells"] == 1 + n_odd
    assert table.loc["as delivered", "assigned"] == pytest.approx(0.5, abs=0.01)


def test_labels_of_a_slide_are_found_whatever_their_width(tmp_path, slide):
    outputs.write_published(tmp_path, "a", slide.cells)
    assert outputs.labels_path(tmp_path, "a").name == "label_a.png"
    with pytest.raises(InputError, match="no labels of b; segment the slide first"):
        outputs.labels_path(tmp_path, "b")
    with pytest.raises(InputError, match="no labels of a"):
        outputs.labels_path(outputs.emptied(tmp_path), "a")
