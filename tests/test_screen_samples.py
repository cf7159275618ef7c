"""Samples and batches: pixels as torchvision prepares them, every nucleus evaluated, from disk as
from memory."""

import numpy as np
import pytest
import torch
from toy_screen import write_screen

from lib.data.errors import InputError
from lib.screen import loaders, samples
from lib.screen.loaders import Loader, prepare
from lib.screen.samples import open_samples


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    return folder, write_screen(folder)


def pixels(n=5, side=64, seed=0):
    return torch.from_numpy(
        np.random.default_rng(seed).integers(0, 256, (n, side, side), dtype=np.uint8)
    )


def reference(image, size, *, left_right=False, top_bottom=False):
    """One image as torchvision does it by Pillow: resize, flips, [0, 1], three channels,
    normalise."""
    from torchvision.transforms import functional as F

    grey = F.resize(F.to_pil_image(image), [size, size])
    grey = F.hflip(grey) if left_right else grey
    grey = F.vflip(grey) if top_bottom else grey
    return F.normalize(F.to_tensor(grey).repeat(3, 1, 1), loaders.MEAN, loaders.SD)


@pytest.mark.parametrize(("side", "size"), [(64, 224), (64, 32), (48, 48), (96, 32)])
def test_preparation_is_that_of_torchvision_to_a_grey_level(side, size):
    images = pixels(4, side)
    flips = torch.tensor([[False, False], [True, False], [False, True], [True, True]])
    expected = [
        reference(image, size, left_right=bool(a), top_bottom=bool(b))
        for image, (a, b) in zip(images, flips, strict=False)
    ]
    found = prepare(images, size, flips)
    assert found.shape == (4, 3, size, size) and found.dtype == torch.float32
    grey_level = 1 / 255 / min(loaders.SD)
    assert (found - torch.stack(expected)).abs().max() <= 1.001 * grey_level


def test_preparation_without_resizing_by_hand():
    image = torch.zeros(1, 8, 8, dtype=torch.uint8)
    image[0, 0, 0] = 255
    found = prepare(image, 8)
    assert found[0, :, 0, 0].tolist() == pytest.approx(
        [(1 - m) / s for m, s in zip(loaders.MEAN, loaders.SD, strict=False)]
    )
    assert found[0, :, 3, 3].tolist() == pytest.approx(
        [-m / s for m, s in zip(loaders.MEAN, loaders.SD, strict=False)]
    )
    assert prepare(image, 8, torch.tensor([[True, False]]))[0, 0, 0, 7] > 0
    assert prepare(image, 8, torch.tensor([[False, True]]))[0, 0, 7, 0] > 0


def test_pixels_are_those_of_the_table_in_any_order(screen):
    from lib.images.nuclei_store import open_store

    folder, table = screen
    shuffled = table.sample(frac=1, random_state=1).reset_index(drop=True)
    opened = open_samples(shuffled, folder, size=64)
    found = opened.fetch(np.array([7, 0, 11]))
    for position, (_, nucleus) in enumerate(shuffled.loc[[7, 0, 11]].iterrows()):
        plate = open_store(folder / f"{nucleus['plate']}.zarr.zip")
        assert np.array_equal(found[0][position], plate.read("nuclei", [nucleus["row"]])[0])
        assert np.array_equal(found[1][position], plate.read("regions", [nucleus["row"]])[0])


@pytest.mark.parametrize("size", [32, 64, 96])
def test_from_memory_and_from_disk_are_the_same_batches(screen, size):
    folder, table = screen
    on_disk = open_samples(table, folder, size=size, inputs=("binary_nucleus", "region"))
    in_memory = on_disk.loaded()
    assert in_memory.pixels and not on_disk.loaded(limit=10).pixels
    assert sum(values.numel() for values in in_memory.pixels.values()) == in_memory.n_bytes()
    targets, rows = np.arange(len(table)), np.arange(0, len(table), 3)
    for seed in (None, 4):
        rngs = [seed if seed is None else np.random.default_rng(seed) for _ in range(2)]
        batches = [
            Loader(part, rows, targets, batch_size=7)(rng)
            for part, rng in zip((on_disk, in_memory), rngs, strict=False)
        ]
        for (ours, our_targets), (theirs, their_targets) in zip(*batches, strict=True):
            assert torch.equal(our_targets, their_targets)
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_binary_inputs_are_black_and_white(screen):
    folder, table = screen
    opened = open_samples(table, folder, size=64, inputs=("binary_nucleus", "binary_region"))
    plain = open_samples(table, folder, size=64).fetch(np.arange(4))
    for binary, grey in zip(opened.fetch(np.arange(4)), plain, strict=True):
        assert set(binary.unique().tolist()) == {0, 255} and torch.equal(binary > 0, grey > 0)


def test_evaluation_holds_every_nucleus_once_and_in_order(screen):
    folder, table = screen
    opened = open_samples(table, folder, size=16).loaded()
    loader = Loader(opened, np.arange(20, 33), np.arange(len(table)), batch_size=4)
    assert [targets.tolist() for _, targets in loader()] == [
        [20, 21, 22, 23],
        [24, 25, 26, 27],
        [28, 29, 30, 31],
        [32],
    ]


def test_training_shuffles_and_leaves_no_batch_of_one(screen):
    folder, table = screen
    opened = open_samples(table, folder, size=16).loaded()
    loader = Loader(opened, np.arange(13), np.arange(len(table)), batch_size=4)
    batches = [targets.tolist() for _, targets in loader(np.random.default_rng(0))]
    assert [len(batch) for batch in batches] == [4, 4, 5]
    assert sorted(sum(batches, [])) == list(range(13)) and sum(batches, []) != list(range(13))


def test_augmentation_repeats_and_flips_the_inputs_independently(screen):
    folder, table = screen
    opened = open_samples(table, folder, inputs=("nucleus", "nucleus"), size=64).loaded()
    loader = Loader(opened, np.arange(len(table)), np.zeros(len(table)), batch_size=64)
    (one, two), _ = next(iter(loader(np.random.default_rng(3))))
    (same, _), _ = next(iter(loader(np.random.default_rng(3))))
    assert torch.equal(one, same)
    variants = torch.stack(
        [one, one.flip(3), one.flip(2), one.flip(2, 3)]
    )  # what the second may be, seen from the first
    hits = (variants == two).flatten(2).all(dim=2)
    assert (hits.sum(dim=0) == 1).all() and (hits.sum(dim=1) > 4).all()


def test_stopping_early_or_failing_leaves_no_thread(screen):
    import threading

    folder, table = screen
    opened = open_samples(table, folder, size=64)
    before = threading.active_count()
    batches = Loader(opened, np.arange(len(table)), np.zeros(len(table)), batch_size=2)()
    next(batches)
    batches.close()
    assert threading.active_count() == before
    with pytest.raises(IndexError):
        list(Loader(opened, np.array([0, 10**6]), np.zeros(len(table)), batch_size=2)())
    assert threading.active_count() == before


def test_class_weights_by_hand():
    weights = samples.class_weights(np.array([0, 0, 0, 1, 2, 2]), 3)
    np.testing.assert_allclose(weights, np.array([2, 6, 3]) / 11)
    with pytest.raises(InputError, match=r"1 of 3 classes have no training sample: \[1, 0, 1\]"):
        samples.class_weights(np.array([0, 2]), 3)


def test_bad_input_is_named(screen, tmp_path):
    folder, table = screen
    with pytest.raises(InputError, match="input 'nuclei': expected nucleus"):
        open_samples(table, folder, inputs=("nuclei",))
    with pytest.raises(InputError, match="plate 0 has nuclei in the table but no store"):
        open_samples(table, tmp_path)
    with pytest.raises(InputError, match="0 nuclei"):
        open_samples(table.head(0), folder)
    with pytest.raises(InputError, match=r"0.zarr.zip has no (nuclei|regions) of row 999"):
        open_samples(table.assign(row=999), folder)
