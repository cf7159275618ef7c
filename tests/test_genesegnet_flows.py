"""Location map, flows, dynamics and refinement: definitions, shapes whose answer is known, real
labels.
"""

import numpy as np
import pytest

from lib.genesegnet import dynamics, flows, labels, location, metrics, morphology, refine

SIDE = 64


def disk(row, column, radius, side=SIDE):
    y, x = np.mgrid[:side, :side]
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


def predicted(image, **settings):
    """Return the cells found when the network predicts the labels' own flow."""
    logits = np.where(image > 0, 5.0, -5.0)
    field = 5 * flows.label_flows(image)
    return dynamics.find_masks(field, logits, dynamics.Settings(**settings)).labels


def test_location_map_equals_the_maximum_over_spots():
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(0, 50, (2, 40))
    y, x = np.mgrid[:50, :60]
    exponent = ((y[None] - rows[:, None, None]) ** 2 + (x[None] - columns[:, None, None]) ** 2) / 98
    brute = np.where(exponent > 4.6052, 0, np.exp(-exponent)).max(axis=0)
    assert np.abs(location.location_map(rows, columns, (50, 60)) - brute).max() <= 1e-6


def test_location_map_reaches_as_far_as_its_halo_and_no_further():
    alone = location.location_map(np.array([30]), np.array([30]), (61, 61), sigma=7)
    distance = np.hypot(*(np.mgrid[:61, :61] - 30))
    assert (alone[distance > location.reach(7)] == 0).all() and alone[30, 30 + 21] > 0.01


def test_no_spot_gives_an_empty_map_and_a_width_of_zero_is_refused():
    nothing = np.zeros(0, int)
    assert not location.location_map(nothing, nothing, (4, 5)).any()
    with pytest.raises(ValueError, match="sigma is 0"):
        location.location_map(nothing, nothing, (4, 5), sigma=0)


def test_density_counts_what_the_map_does_not():
    two = location.spot_density(np.array([20, 20]), np.array([20, 20]), (41, 41), sigma=2)
    assert two.sum() == pytest.approx(2, rel=1e-4)


def test_flow_points_at_the_source_and_has_unit_length():
    image = disk(30, 28, 12).astype(int)
    field = flows.label_flows(image).astype(float)
    assert flows.sources(image).tolist() == [[30, 28]]
    away = np.stack([30 - np.mgrid[:SIDE, :SIDE][0], 28 - np.mgrid[:SIDE, :SIDE][1]])
    outer = (image > 0) & (np.hypot(*away) > 2)
    cosine = (field * away).sum(0)[outer] / np.hypot(*away)[outer]
    assert cosine.min() > 0.9 and np.allclose(np.hypot(*field)[outer], 1, atol=1e-6)
    assert not field[:, image == 0].any()


def test_a_cells_flow_does_not_depend_on_its_neighbours_or_its_place():
    one, other = disk(20, 20, 9), disk(20, 38, 9) & ~disk(20, 20, 9)
    alone = flows.label_flows(one.astype(int))
    both = flows.label_flows(one + 2 * other)
    assert np.array_equal(both[:, one], alone[:, one])
    moved = flows.label_flows(np.roll(one, (7, 11), (0, 1)).astype(int))
    assert np.array_equal(np.roll(moved, (-7, -11), (1, 2)), alone)


def test_ids_need_not_be_consecutive():
    image = disk(20, 20, 9) + 2 * disk(50, 50, 9)
    assert np.array_equal(
        flows.label_flows(image), flows.label_flows(np.where(image == 2, 70000, image))
    )


def test_a_steep_symmetric_disk_is_one_mask_and_not_two():
    image = disk(32, 32, 14).astype(int)
    assert np.array_equal(predicted(image), image)


def test_touching_cells_stay_two():
    image = np.where(disk(32, 22, 10), 1, np.where(disk(32, 42, 10), 2, 0))
    assert metrics.scores(image, predicted(image), [0.95])["ap"].item() == 1


def test_a_cell_that_fills_most_of_the_image_is_kept_unless_the_published_rule_is_asked_for():
    image = disk(32, 32, 28).astype(int)
    assert image.mean() > 0.55 and np.array_equal(predicted(image), image)
    assert not predicted(image, max_share=0.4).any()


def test_a_mask_whose_flow_disagrees_is_dropped_and_kept_without_the_check():
    image = disk(32, 32, 12).astype(int)
    field = 5 * flows.label_flows(image)
    field[0] *= -0.2  # along rows, the flow leads away
    logits = np.where(image > 0, 5.0, -5.0)
    found = dynamics.find_masks(field, logits, dynamics.Settings(flow_threshold=0)).labels
    ids, errors = dynamics.flow_errors(found, field / 5)
    assert (errors > 0.4).any() and len(ids)
    assert dynamics.find_masks(field, logits).labels.max() == (errors <= 0.4).sum()


def test_nothing_in_gives_nothing_out():
    empty = np.zeros((16, 16))
    masks = dynamics.find_masks(np.zeros((2, 16, 16)), empty - 1)
    assert not masks.labels.any() and masks.peaks.shape == (0, 2)
    assert not flows.label_flows(empty.astype(int)).any()


def test_small_masks_go_by_their_own_id():
    """Pain 11: with position taken for id, id 2 of 100 pixels would go in place of id 3 of 5
    pixels.
    """
    image = np.zeros((20, 20), int)
    image[:10, :10], image[15, :5] = 2, 3
    assert np.unique(labels.drop_small(image, 15)).tolist() == [0, 2]


def test_peaks_number_the_cells_in_reading_order():
    image = np.where(disk(45, 15, 8), 1, np.where(disk(15, 45, 8), 2, 0))
    masks = dynamics.find_masks(5 * flows.label_flows(image), np.where(image > 0, 5.0, -5.0))
    assert (np.diff(masks.peaks[:, 0]) > 0).all() and masks.labels[15, 45] == 1


def test_a_centre_map_says_which_pixels_are_one_cell():
    image = np.where(disk(32, 22, 10), 1, np.where(disk(32, 42, 10), 2, 0))
    centres = flows.centre_map(image)
    assert centres[32, 22] == 1 and centres[32, 42] == 1
    field, logits = 5 * flows.label_flows(image), np.where(image > 0, 5.0, -5.0)
    masks = dynamics.find_masks(field, logits, centres=centres)
    assert metrics.scores(image, masks.labels, [0.95])["ap"].item() == 1
    assert masks.peaks.tolist() == [[32, 22], [32, 42]]
    # where the map has one centre, the two are one; the flow alone would keep them apart
    joined = flows.centre_map(np.minimum(image, 1))
    whole = dynamics.Settings(flow_threshold=0)
    assert dynamics.find_masks(field, logits, whole, centres=joined).labels.max() == 1
    assert not dynamics.find_masks(field, logits, centres=0 * centres).labels.any()


def test_a_flat_top_of_the_centre_map_is_one_centre():
    image = disk(32, 32, 10).astype(int)
    flat = np.zeros((SIDE, SIDE))
    flat[28:37, 28:37] = 1
    field, logits = 5 * flows.label_flows(image), np.where(image > 0, 5.0, -5.0)
    assert dynamics.find_masks(field, logits, centres=flat).labels.max() == 1


def looped_growth(image, round_number):
    """Return the published effect cell by cell: erode once, dilate twice, two passes, the higher id
    wins.
    """
    from scipy.ndimage import binary_dilation, binary_erosion

    box = np.ones((3, 3), bool)
    for _ in range(2 if round_number < 3 else 0):
        old, new = image, image.copy()
        for cell in np.unique(old[old > 0]):
            grown = binary_dilation(binary_erosion(old == cell, box), box, iterations=2)
            new[grown & (old == 0)] = cell
        image = new
    return image


@pytest.mark.parametrize("round_number", [1, 2, 3])
def test_refinement_is_the_published_effect_pixel_for_pixel(round_number):
    rng = np.random.default_rng(3)
    image = np.zeros((80, 80), int)
    for cell, (row, column) in enumerate(rng.integers(0, 80, (14, 2)), start=1):
        image[disk(row, column, int(rng.integers(2, 9)), 80)] = cell
    grown = refine.grow_as_published(image, round_number=round_number)
    assert np.array_equal(grown, looped_growth(image, round_number))
    assert np.array_equal(grown[image > 0], image[image > 0])  # nothing is ever lost


def test_refinement_grows_a_square_by_two_pixels():
    image = np.zeros((30, 30), int)
    image[10:20, 10:20] = 1
    grown = refine.grow_as_published(image)
    assert grown.sum() == 14**2 and refine.grow_as_published(image, round_number=3).sum() == 100


def test_the_refinement_that_looks_moves_an_outline_to_the_edge():
    truth = disk(32, 32, 14)
    density, nucleus = truth * 1.0, disk(30, 33, 7) * 1.0  # whose edge is no edge of the cell
    for radius in (11, 17):  # too small and too large alike
        image = disk(32, 32, radius).astype(int)
        moved = refine.follow_image(image, nucleus, density, reach=5)
        before, after = (
            metrics.cell_iou(truth.astype(int), part).item() for part in (image, moved)
        )
        assert after > before + 0.1


def test_the_refinement_that_looks_brings_noisy_labels_closer_to_the_truth():
    from lib.genesegnet import crops, samples
    from lib.simulate import genesegnet as simulated

    gains = []
    for seed in range(4):
        planted = simulated.slide(simulated.Tissue(side=128), np.random.default_rng(seed))
        noisy = planted.noisy_labels
        sample = samples.assemble("a", planted.stain, noisy, planted.spots)
        stain, density = crops.channels(sample, sigma=3.5)
        better = refine.follow_image(noisy, stain, density)
        before, after = (metrics.cell_iou(planted.cells, part).mean() for part in (noisy, better))
        gains.append(after - before)
    assert np.mean(gains) > 0.01


def test_holes_are_filled_unless_two_cells_share_them():
    ring = (disk(20, 20, 9) & ~disk(20, 20, 4)).astype(int)
    assert np.array_equal(labels.fill_holes(ring) > 0, disk(20, 20, 9))
    halves = np.where(ring > 0, 1 + (np.mgrid[:SIDE, :SIDE][1] > 20), 0)
    assert np.array_equal(labels.fill_holes(halves), halves)
    bay = ring.copy()
    bay[20, 20:] = 0  # open to the outside
    assert np.array_equal(labels.fill_holes(bay), bay)


def test_opening_takes_spurs_and_moves_no_border():
    image = np.zeros((30, 30), int)
    image[5:15, 5:15], image[5:15, 15:25], image[10, 25:29] = 9, 3, 3
    opened = morphology.open_labels(image)
    assert not opened[10, 25:].any()
    assert np.array_equal(opened[:, :25], image[:, :25])


def test_largest_pieces_keeps_one_piece_and_counts_the_rest():
    """Pain 17."""
    image = np.zeros((6, 6), int)
    image[:2, :2], image[5, 5] = 4, 4
    kept, n_lost = labels.largest_pieces(image)
    assert (
        (kept == 4).sum() == 4
        and n_lost == 1
        and "1 cells lie in pieces (4)" in labels.describe_pieces(image)
    )


def test_growth_stops_at_a_distance_and_tells_it():
    """Wish 2: [1,0,0,0,2] with distance 1."""
    grown, distance = morphology.grow(np.array([[1, 0, 0, 0, 2]]), 1)
    assert grown.tolist() == [[1, 1, 0, 2, 2]]
    assert np.array_equal(distance, [[0, 1, np.nan, 1, 0]], equal_nan=True)
    assert not morphology.grow(np.zeros((2, 2), int), 3)[0].any()


def test_no_id_goes_through_a_float(tmp_path):
    """Pain 10: 16,777,217 is no 32-bit float; also in a pyramid's smaller levels."""
    import zarr

    from lib.genesegnet import outputs

    image = np.array([[65535, 65536], [65537, 16777217]])
    assert np.array_equal(labels.dense(image)[0], [0, 65535, 65536, 65537, 16777217])
    assert np.array_equal(morphology.grow(image, 1)[0], image)
    large = np.kron(image, np.ones((64, 64), int))
    path = outputs.write_ngff(tmp_path / "a.zarr", large.astype(np.uint8), large)
    smaller = zarr.open_group(path, mode="r")["labels/cells/1"][:]
    assert np.array_equal(np.unique(smaller), np.unique(image)) and smaller.shape == (64, 64)


def iou_after_a_round_trip(image):
    table = metrics.scores(image, predicted(image), [0.75])
    return table["ap"].item()


@pytest.mark.real
def test_real_labels_survive_flows_and_back(real):
    from lib.genesegnet import pictures

    folder = real / "data" / "nuclei" / "dsb2018" / "labels"
    files = sorted(folder.glob("*.tif"))[::3]
    values = [iou_after_a_round_trip(pictures.read_labels(path)) for path in files]
    assert len(files) >= 10 and np.mean(values) >= 0.99


@pytest.mark.real
def test_real_crowded_labels_survive_flows_and_back(real):
    from lib.genesegnet import pictures

    image = pictures.read_labels(real / "data/spatial/ca1_left/label_image.coo.npz")
    window = image[1500:2100, 1800:2400]
    rim = np.concatenate([window[0], window[-1], window[:, 0], window[:, -1]])
    whole = labels.keep(window, np.setdiff1d(window, rim))  # the window cuts the others
    assert len(labels.areas(whole)[0]) > 50 and iou_after_a_round_trip(whole) >= 0.99
