"""A screen as a folder: taken in by links or simulated, and drawn."""

import numpy as np
import pandas as pd
import pytest

from lib.images import galleries, metadata, screens
from lib.simulate import screen, states

DESIGN = screen.ScreenDesign(
    plates=(41754,), sites=2, wells_per_gene=2, nuclei_per_field=6, side=160
)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen") / "screen"
    genes = states.choose_genes(4, n_active=2)
    latent = states.states(genes, n_groups=1, n_active=2, rng=np.random.default_rng(1))
    screen.write_screen(folder, DESIGN, latent, seed=1, executor="inline")
    return folder


def test_planted_truth_has_effects(simulated):
    truth = screen.planted(simulated)
    assert list(truth) == screen.TRUTH and len(truth) == 4
    assert (truth["effect"] > 0).equals(truth["is_active"].astype(bool))


def test_a_linked_screen_reads_like_the_original_and_has_no_truth(simulated, tmp_path):
    table = screens.link(simulated, tmp_path / "linked")
    pd.testing.assert_frame_equal(
        metadata.read_metadata(table),
        metadata.read_metadata(simulated / "metadata/metadata_images.csv"),
    )
    assert screen.planted(tmp_path / "linked").empty
    listing = (tmp_path / "linked/contents.json").read_text()
    screens.link(simulated, tmp_path / "linked")
    assert (tmp_path / "linked/contents.json").read_text() == listing


def test_the_listing_follows_the_images(simulated, tmp_path):
    source = tmp_path / "source"
    (source / "illum_corrected/1").mkdir(parents=True)
    (source / "metadata").mkdir()
    (source / "metadata/metadata_images.csv").write_text("x\n")
    image = source / "illum_corrected/1/a.tif"
    image.write_bytes(b"one")
    screens.link(source, tmp_path / "linked")
    before = (tmp_path / "linked/contents.json").read_text()
    image.write_bytes(b"two!")
    screens.link(source, tmp_path / "linked")
    assert (tmp_path / "linked/contents.json").read_text() != before


def test_a_folder_that_is_no_screen_is_refused(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(FileNotFoundError, match="no illum_corrected; a screen has"):
        screens.link(tmp_path / "source", tmp_path / "linked")


def test_segmentation_is_compared_and_drawn(simulated):
    fields = screens.usable_fields(simulated / "metadata/metadata_images.csv").head(3)
    scores = galleries.compare(fields, simulated)
    assert galleries.pooled_f1(scores) > 0.85
    for figure, drawn in (
        galleries.fields(fields, simulated),
        galleries.segmentations(scores, simulated, n_shown=2),
    ):
        assert len(drawn) and len(figure.axes) >= len(drawn)


def test_pooled_f1_weighs_objects_not_fields():
    scores = pd.DataFrame({"n_matched": [1, 0], "n_truth": [1, 3], "n_predicted": [1, 3]})
    assert galleries.pooled_f1(scores) == pytest.approx(0.25)


def test_a_screen_without_masks_is_segmented_for_its_pictures(simulated, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for part in ("illum_corrected", "metadata"):
        (source / part).symlink_to(simulated / part)
    fields = screens.usable_fields(screens.link(source, tmp_path / "linked")).head(2)
    assert (
        screens.masks_of(tmp_path / "linked") is None
        and screens.masks_of(simulated) == "unet_masks"
    )
    assert len(galleries.fields(fields, tmp_path / "linked")[1]) == 2
    scores = galleries.compare(fields, tmp_path / "linked")
    assert scores.empty and np.isnan(galleries.pooled_f1(scores))
    assert "absent" in galleries.segmentations(scores, tmp_path / "linked")[1]
