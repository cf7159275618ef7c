"""Network, augmentation, training, rounds and slides."""

import dataclasses

import numpy as np
import pytest
import torch

from lib.genesegnet import augmentation, crops, flows, metrics, samples, slides, tiling, training
from lib.genesegnet import labels as label_images
from lib.genesegnet.dynamics import Settings
from lib.genesegnet.network import Architecture, SegmentationNetwork
from lib.simulate import genesegnet as simulated

TINY = Architecture(widths=(4, 8))
RECIPE = training.Recipe(n_epochs=2, batch_size=4, tile=32, diameter_mean=18, n_warm_up=1)


@pytest.fixture(scope="module")
def sample():
    planted = simulated.slide(simulated.Tissue(side=96), np.random.default_rng(2))
    return samples.assemble("a", planted.stain, planted.cells, planted.spots)


@pytest.fixture(scope="module")
def cut(sample):
    return crops.cut(sample, crops.draw_corners(sample.shape, 6, 48), 48, sigma=3.5)


@pytest.fixture(scope="module")
def network(sample):
    """A network that knows its one slide by heart, after a hundred steps."""
    many = crops.cut(sample, crops.draw_corners(sample.shape, 32, 48), 48, sigma=3.5)
    recipe = dataclasses.replace(RECIPE, n_epochs=16, batch_size=8, learning_rate=1e-2)
    kind = Architecture(widths=(6, 12, 12))
    return training.train(
        many, None, architecture=kind, recipe=recipe, rng=np.random.default_rng(0)
    )[0]


def test_the_published_network_has_the_published_weights():
    state = SegmentationNetwork().state_dict()
    assert len(state) == 313
    assert state["downsample.down.res_down_0.conv.conv_0.2.weight"].shape == (32, 2, 3, 3)
    assert state["upsample.up.res_up_3.conv.conv_1.full.weight"].shape == (256, 256)
    assert state["output.2.weight"].shape == (3, 32, 1, 1)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("concatenation", [True, False])
def test_every_switch_builds_and_keeps_the_size(residual, concatenation):
    kind = Architecture(4, (4, 8, 8), residual, True, concatenation, centre=True)
    with torch.inference_mode():
        assert SegmentationNetwork(kind).eval()(torch.zeros(2, 4, 16, 24)).shape == (2, 4, 16, 24)


def test_style_switched_off_leaves_its_weights_without_effect():
    image = torch.rand(1, 2, 16, 16)
    for style, same in ((False, True), (True, False)):
        torch.manual_seed(0)
        network = SegmentationNetwork(dataclasses.replace(TINY, style=style)).eval()
        with torch.inference_mode():
            before = network(image)
            network.upsample.up[0].conv.conv_1.full.weight.add_(1.0)
            assert torch.equal(before, network(image)) == same


def test_turned_flows_are_those_of_the_turned_cells(cut):
    data = augmentation.targets(cut, diameter_mean=18)
    rng = np.random.default_rng(5)
    warps = augmentation.draw(data.diameters, 48, 40, rng, diameter_mean=24)
    turned = augmentation.turn_flows(augmentation.warp(data.fields, warps, 40), warps).numpy()
    labels = torch.from_numpy(cut.labels[:, None].astype(np.float32))
    again = augmentation.warp(labels, warps, 40, nearest=True).numpy()[:, 0].astype(int)
    for field, image in zip(turned, again, strict=True):
        image = label_images.largest_pieces(label_images.drop_small(image, 60))[0]
        rim = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        whole = label_images.keep(image, np.setdiff1d(image, rim))  # cut cells have another source
        inner = label_images.core(whole) > 0
        lengths = np.hypot(*field)[inner]
        cosine = (field * flows.label_flows(whole)).sum(0)[inner] / np.maximum(lengths, 1e-6)
        if inner.any():
            assert cosine[lengths > 0.5].mean() > 0.93


def test_a_quarter_turn_moves_pixels_where_it_says():
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 7] = 1  # right of the middle
    quarter = augmentation.Warps(
        np.array([False]), np.array([np.pi / 2]), np.ones(1), np.zeros((1, 2))
    )
    assert augmentation.warp(image, quarter, 9)[0, 0, 7, 4] == pytest.approx(
        1, abs=1e-5
    )  # below it
    right = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    assert augmentation.turn_flows(right, quarter).ravel().tolist() == pytest.approx(
        [1, 0], abs=1e-6
    )
    flipped = dataclasses.replace(quarter, flip=np.array([True]), angle=np.zeros(1))
    assert augmentation.warp(image, flipped, 9)[0, 0, 4, 1] == pytest.approx(1, abs=1e-5)
    assert augmentation.turn_flows(right, flipped).ravel().tolist() == [0, -1]


def test_cells_are_brought_to_the_mean_size():
    drawn = augmentation.draw(
        np.array([17.0, 34.0, 2.0]), 256, 224, np.random.default_rng(0), jitter=0
    )
    assert drawn.scale.tolist() == [2, 1, 34 / 5]
    many = augmentation.draw(np.full(2000, 34.0), 256, 224, np.random.default_rng(0))
    assert (
        many.scale.min() > 0.75
        and many.scale.max() < 1.25
        and np.abs(many.shift).max() <= (256 * 1.25 - 224) / 2
    )


def test_validation_sees_the_same_every_time_and_training_does_not(cut):
    epoch = augmentation.batches(augmentation.targets(cut), batch_size=4, tile=32)
    first, second = (next(iter(epoch(None)))[0] for _ in range(2))
    assert torch.equal(first, second)
    assert first.is_contiguous()  # else other bits on another processor
    rng = np.random.default_rng(0)
    assert not torch.equal(next(iter(epoch(rng)))[0], next(iter(epoch(rng)))[0])


def test_loss_by_hand():
    class Constant(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.value = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return torch.zeros(len(x), 3, 2, 2) + self.value

    fields, cells = torch.ones(1, 2, 2, 2), torch.ones(1, 1, 2, 2)
    outcome = training.loss(Constant(), (torch.zeros(1, 2, 2, 2), fields, cells))
    assert outcome.parts["flow"].item() == 25 and outcome.parts["cell"].item() == pytest.approx(
        np.log(2)
    )
    assert outcome.loss.item() == pytest.approx(25 + np.log(2))


def test_the_published_schedule():
    settings = training.Recipe().settings()
    factor = settings.schedule.factor
    assert [factor(0), factor(9), factor(409), factor(410), factor(499)] == [0, 1, 1, 1 / 2, 2**-9]
    short = training.Recipe(n_epochs=250).settings()
    assert short.schedule.factor(249) == 1 and short.optimiser.kind == "adamw"


def test_training_is_the_same_twice_and_another_with_another_seed(cut):
    def weights(seed):
        torch.manual_seed(99)  # must not matter
        net, _ = training.train(
            cut, cut, architecture=TINY, recipe=RECIPE, rng=np.random.default_rng(seed)
        )
        return net.output[2].weight.detach()

    assert torch.equal(weights(1), weights(1)) and not torch.equal(weights(1), weights(2))


def test_training_learns_and_carries_the_size_of_its_cells(network, cut):
    assert float(network.diam_mean) == 18 and 11 < float(network.diam_labels) < 22
    logits = training.prediction.maps(network, cut.inputs)[:, 2]
    inside = cut.labels > 0
    assert logits[inside].mean() > logits[~inside].mean() + 1


def test_crops_without_a_cell_cannot_train(cut):
    empty = cut.with_labels(np.zeros_like(cut.labels))
    with pytest.raises(ValueError, match="none of 6 crops has 1 cells or more"):
        training.train(empty, None, architecture=TINY, recipe=RECIPE, rng=np.random.default_rng(0))


def test_relabelling_replaces_labels_by_refined_predictions(network, cut):
    new = training.relabel(network, cut, round_number=1, min_area=30)
    looking = training.relabel(network, cut, round_number=1, min_area=30, look_at_image=True)
    assert new.labels.shape == cut.labels.shape and np.array_equal(new.inputs, cut.inputs)
    for labels in (*new.labels, *looking.labels):
        assert (label_images.areas(labels)[1] >= 30).all()
    assert (new.labels > 0).mean() > 0.1


PLAN = tiling.Plan(window=48, step=32, tile=96, halo=40, batch_size=3)


def test_windows_are_the_published_ones():
    assert tiling.starts(736, 256, 240).tolist() == [0, 240, 480]
    assert tiling.starts(600, 256, 240).tolist() == [0, 240, 344]
    assert tiling.starts(200, 256, 240).tolist() == [0]


def test_spots_of_a_box_are_those_of_the_loop(sample):
    slide = slides.from_sample(sample)
    box = tiling.Box(10, 40, 25, 70)
    rows, columns = slides.select(slide, box)
    looped = sorted(
        (r - 10, c - 25)
        for r, c in zip(sample.rows, sample.columns, strict=True)
        if 10 <= r < 40 and 25 <= c < 70
    )
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == looped


def test_the_input_of_a_window_is_a_cut_of_the_slides(sample):
    slide = slides.from_sample(sample, sigma=3.5)
    whole = slides.inputs(slide, tiling.Box(0, 96, 0, 96))
    assert np.array_equal(whole, crops.channels(sample, sigma=3.5))
    part = slides.inputs(slide, tiling.Box(20, 60, 30, 96))
    assert np.array_equal(part, whole[:, 20:60, 30:96])


@pytest.mark.parametrize("tile", [32, 40])
def test_tiles_give_the_labels_of_one_piece(network, sample, tile):
    slide = slides.from_sample(sample, sigma=3.5)
    one, confidence = slides.segment(network, slide, PLAN)
    plan = dataclasses.replace(PLAN, tile=tile)
    many, same = slides.segment(network, slide, plan)
    assert one.max() >= 8 and np.array_equal(one, many)
    assert (
        np.allclose(confidence, same) and ((confidence[:, 0] > 0.4) & (confidence[:, 0] <= 1)).all()
    )


def test_tiles_in_any_order_through_files(network, sample, tmp_path):
    slide = slides.from_sample(sample, sigma=3.5)
    plan = dataclasses.replace(PLAN, tile=40)
    parts = []
    for number, tile in enumerate(reversed(tiling.tiles(slide.shape, plan))):
        slides.write_tile(
            tmp_path / f"{number}.npz", slides.segment_tile(network, slide, tile, plan)
        )
        parts.append(slides.read_tile(tmp_path / f"{number}.npz"))
    import zarr

    store = zarr.create_array(
        tmp_path / "labels.zarr", shape=slide.shape, dtype="int32", chunks=(32, 32)
    )
    slides.stitch(parts, store)
    assert np.array_equal(store[:], slides.segment(network, slide, plan)[0])


def perfect(image):
    """Return maps of a network that knows the answer."""
    return np.stack([*(5 * flows.label_flows(image)), np.where(image > 0, 5.0, -5.0)])


def test_a_cell_on_a_seam_is_one_cell_of_the_same_area(monkeypatch):
    """Pain 14: a 20 × 20 cell centred on a seam and one in the middle of a tile."""
    image = np.zeros((128, 128), int)
    image[54:74, 54:74], image[22:42, 22:42] = 1, 2
    monkeypatch.setattr(
        slides, "maps", lambda network, slide, box, plan, diameter: perfect(image)[:, *box.slices()]
    )
    nothing = np.zeros(0, int)
    slide = slides.Slide(image, nothing, nothing, 0, 1)
    plan = dataclasses.replace(PLAN, tile=64, halo=40)
    found, _ = slides.segment(None, slide, plan)
    assert (
        label_images.areas(found)[1].tolist() == [400, 400]
        and tiling.straight_edges(found, plan) == 0
    )
    without = dataclasses.replace(plan, halo=0)
    cut_off, _ = slides.segment(None, slide, without, settings=Settings(flow_threshold=0))
    assert tiling.straight_edges(cut_off, plan) > 0  # what a halo is for


def test_a_slide_smaller_than_a_window(network):
    planted = simulated.slide(simulated.Tissue(side=40), np.random.default_rng(1))
    small = samples.assemble("small", planted.stain, None, planted.spots)
    labels, _ = slides.segment(network, slides.from_sample(small, sigma=3.5), PLAN)
    assert labels.shape == (40, 40)


def test_the_diameter_can_be_estimated(network, sample):
    slide = slides.from_sample(sample, sigma=3.5)
    assert 12 < slides.estimate_diameter(network, slide, PLAN) < 24


@pytest.mark.real
def test_a_real_merscope_slide_goes_from_its_files_to_cells_by_genes(network, real, tmp_path):
    """The network was trained on simulated cells: that it runs and that numbers add up is all."""
    from lib.genesegnet import instruments, mapping

    folder = samples.write(tmp_path, instruments.read_merscope(real / "data/spatial/vizgen"))
    (again,) = samples.read_all(folder, labelled=False)
    assert again.shape == (512, 512) and again.inside.sum() == 3334
    plan = tiling.Plan(window=256, step=192, tile=256, halo=64)
    slide = slides.from_sample(again, sigma=9)
    labels, _ = slides.segment(network, slide, plan, diameter=90)
    assigned = mapping.assign(labels, again.spots)
    table = mapping.cells_by_genes(assigned, labels)
    counts = mapping.account(assigned)
    assert counts["outside"] + counts["control"] >= 2602 and counts["input"] == 5936
    assert table.X.sum() == counts["cell"] and table.n_obs == labels.max()


def test_a_plan_with_gaps_is_refused():
    with pytest.raises(ValueError, match="expected 0 < step <= window"):
        tiling.Plan(window=64, step=80)


def test_simulated_truth_is_found_by_a_short_training(network, sample):
    """Not a score: that the parts fit together well enough to find most cells of what they were
    trained on.
    """
    labels, _ = slides.segment(network, slides.from_sample(sample, sigma=3.5), PLAN)
    assert metrics.cell_iou(sample.labels, labels).mean() > 0.3
