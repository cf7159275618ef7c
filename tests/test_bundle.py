"""Bundles: what is written is read again, and what was changed, cut short or is another's is told."""

import json
import shutil

import numpy as np
import pytest
import toy_bundle

from lib.data.errors import InputError
from lib.translation import bundle, bundle_card, bundling, calibration, regressors


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return toy_bundle.make(tmp_path_factory.mktemp("screen"))


@pytest.fixture
def folder(made, tmp_path):
    bundle.save(tmp_path / "kept", made)
    return tmp_path / "kept"


def test_what_is_read_is_what_was_written_whatever_the_order_of_its_memory(made, folder):
    found = bundle.load(folder)
    for names in bundle.ARRAYS.values():
        for name in names:
            assert np.array_equal(getattr(found, name), getattr(made, name)), name
    assert found.network == made.network and not found.encoder().training
    # a slice of a larger array, as the means of conditions are
    assert not made.images.flags["C_CONTIGUOUS"]


def test_the_prediction_is_that_of_the_regression(made):
    rows = [made.card.genes.index(gene) for gene in made.card.train_genes]
    new = made.images + 0.1
    expected = regressors.ntk_ridge(made.images, made.embeddings[rows], new)
    assert np.allclose(made.predict(new), expected, rtol=1e-9)
    assert np.allclose(np.linalg.norm(made.embeddings, axis=1), 1)


def test_the_card_says_what_the_bundle_is(folder):
    card = bundle.read_card(folder)
    assert card.conditions == ["BRAF", "EMPTY", "JUN", "RAF1"]
    assert card.train_genes == ["BRAF", "JUN", "RAF1"]  # the control is no gene, SMAD4 left out
    assert card.targets == ["BRAF", "JUN", "RAF1"] and card.left_out == ["SMAD4"]
    assert (card.imaging.pixel_size, card.imaging.field_size) == (0.65, [128, 128])
    assert set(card.parts) == {"encoder", *bundle.ARRAYS} and card.licence == "CC0-1.0"
    assert card.origins.is_planted


def test_equal_bundles_have_equal_bytes(made, tmp_path):
    first, second = (bundle.save(tmp_path / name, made) for name in "ab")
    assert first == second
    assert (tmp_path / "a/card.json").read_bytes() == (tmp_path / "b/card.json").read_bytes()


def _change_byte(folder):
    path = folder / "regression.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _edit(folder, **values):
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


BROKEN = {
    "byte": (_change_byte, "regression.safetensors is not the one that its card describes"),
    "cut": (
        lambda folder: (folder / "encoder.safetensors").write_bytes(b"{}"),
        "encoder.safetensors is not the one",
    ),
    "part": (lambda folder: (folder / "training.safetensors").unlink(), "training.* is missing"),
    "card": (lambda folder: (folder / "card.json").unlink(), "is no bundle: there is no card"),
    "json": (lambda folder: (folder / "card.json").write_text("{"), "is no JSON"),
    "format": (lambda folder: _edit(folder, format=99), "has format 99, this version reads 1"),
    "pixel": (lambda folder: _edit(folder, licence="mine"), "the card is not as it was written"),
    "key": (lambda folder: _edit(folder, extra=1), "extra"),
    "folder": (shutil.rmtree, "there is no such folder"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_bundle_that_was_changed_is_refused(folder, how):
    change, message = BROKEN[how]
    change(folder)
    with pytest.raises(InputError, match=message):
        bundle.load(folder)


def test_a_part_of_another_bundle_of_another_size_is_refused(made, folder):
    """Even with a card that describes it: sizes must go together."""
    wrong = bundle.Bundle(**{**vars(made), "dual": made.dual[:, :-1]})
    with pytest.raises(InputError, match="dual is .* its card says"):
        bundle.save(folder.parent / "other", wrong)
    hurt = bundle.Bundle(**{**vars(made), "centre": made.centre * np.nan})
    with pytest.raises(InputError, match="centre has NaN"):
        bundle.save(folder.parent / "other", hurt)
    assert not (folder.parent / "other").exists()


def test_a_target_that_the_encoder_was_trained_on_is_no_left_out_one(tmp_path):
    with pytest.raises(InputError, match="was trained on BRAF"):
        toy_bundle.make(tmp_path, left_out=["BRAF"])


def test_ranks_of_other_targets_keep_their_fields():
    left = toy_bundle.calibration().without("JUN")
    assert left.targets == ("BRAF", "RAF1", "SMAD4") and left.ranks.tolist() == [1, 3, 4]
    assert left.image_ranks.tolist() == [1, 1, 3, 3, 4, 4]
    assert left.image_target.tolist() == [0, 0, 1, 1, 2, 2]
    table = left.table(8)
    assert table["image_rank"].tolist() == [1, 3, 4] and (table["n_images"] == 2).all()


def test_no_target_no_calibration(tmp_path):
    with pytest.raises(InputError, match="no left-out target"):
        calibration.calibrate([], tmp_path)


def test_the_settings_of_the_cut_come_back(made):
    assert bundling.cut_settings(made.card.imaging) == toy_bundle.CUT
    assert made.card.format == bundle_card.FORMAT
