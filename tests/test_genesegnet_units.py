"""Units of the chapter as a run makes them, and networks as files."""

import dataclasses

import numpy as np
import pytest
import torch

from lib.data.errors import InputError
from lib.genesegnet import crops, networks, runs, samples, slides, tiling
from lib.genesegnet.network import Architecture, SegmentationNetwork
from lib.run import compute
from lib.simulate import genesegnet as simulated

PLAN = {"window": 48, "step": 32, "tile": 56, "halo": 40}
RECIPE = {"n_epochs": 16, "batch_size": 8, "tile": 32, "diameter_mean": 18, "n_warm_up": 1}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    planted = simulated.slide(simulated.Tissue(side=96), np.random.default_rng(2))
    return simulated.write(folder, "a", dataclasses.replace(planted, noisy_labels=planted.cells))


@pytest.fixture(scope="module")
def trained(raw):
    """Weights of a unit that learned its one slide by heart."""
    (sample,) = samples.read_all(raw)
    cut = crops.cut(sample, crops.draw_corners(sample.shape, 32, 48), 48, sigma=3.5)
    store = crops.write(raw / "train.zip", cut)
    unit = {
        "train": store,
        "val": store,
        "architecture": {"widths": [6, 12, 12]},
        "recipe": {**RECIPE, "learning_rate": 1e-2},
    }
    made = compute.run_units(
        runs.train_unit,
        {"one": unit},
        directory=raw / "units",
        suffix=".safetensors",
        executor="inline",
    )
    return made["one"]


@pytest.fixture(scope="module")
def in_one_piece(raw, trained):
    (sample,) = samples.read_all(raw)
    plan = tiling.Plan(**{**PLAN, "tile": 96})
    return slides.segment(
        networks.open_network(trained)[0], slides.from_sample(sample, sigma=3.5), plan
    )


@pytest.mark.parametrize("engine", ["inline", "local:2"])
def test_tiles_as_units_give_the_labels_of_one_piece(
    raw, trained, in_one_piece, engine, tmp_path, monkeypatch
):
    options = {"network": trained, "raw": raw, "sigma": 3.5, "plan": PLAN, "masks": {}}
    monkeypatch.setenv("COMPENDIUM_EXECUTOR", engine)
    labels, confidence = runs.segment_slide((96, 96), directory=tmp_path, name="a", **options)
    assert len(list(tmp_path.glob("a_*.npz"))) == 4 and labels.max() >= 8
    assert np.array_equal(labels, in_one_piece[0]) and np.allclose(confidence, in_one_piece[1])


def test_a_slide_is_read_once_for_its_tiles_and_again_when_it_changes(raw, trained, monkeypatch):
    reads = []
    monkeypatch.setattr(
        samples,
        "read_some",
        lambda *args, read=samples.read_some, **kw: reads.append(1) or read(*args, **kw),
    )
    runs._opened.cache_clear()
    options = {"network": trained, "raw": raw, "name": "a", "sigma": 3.5, "plan": PLAN, "masks": {}}
    for number in (0, 1):
        runs.tile_unit(raw / f"{number}.npz", seed=0, number=number, **options)
    assert len(reads) == 1
    spots = raw / "spots" / "a.csv"
    spots.write_text(spots.read_text() + "1,1,gene1\n")
    runs.tile_unit(raw / "0.npz", seed=0, number=0, **options)
    assert len(reads) == 2


def test_the_diameter_of_a_slide_is_estimated_for_a_run(raw, trained):
    options = {"network": trained, "raw": raw, "name": "a", "sigma": 3.5, "plan": PLAN, "masks": {}}
    assert 12 < runs.estimate_diameter(**options) < 24


@pytest.mark.parametrize("style", [True, False])
@pytest.mark.parametrize(
    "kind",
    [
        Architecture(widths=(4, 8)),
        Architecture(4, (4, 8, 8), residual=False, concatenation=True),
        Architecture(widths=(6, 6), centre=True),
    ],
)
def test_a_published_checkpoint_is_built_as_it_was_trained(tmp_path, kind, style):
    kind = dataclasses.replace(kind, style=style)
    network = SegmentationNetwork(kind).eval()
    path = tmp_path / f"GeneSegNet_residual_on_style_{'on' if style else 'off'}_epoch_499"
    torch.save(network.state_dict(), path)
    again, card = networks.open_network(path)
    assert again.architecture == kind and networks.architecture(card.architecture) == kind
    image = torch.rand(1, kind.n_channels, 16, 16)
    with torch.inference_mode():
        assert torch.equal(again(image), network(image))


def test_a_checkpoint_that_does_not_tell_its_style_is_refused(tmp_path):
    torch.save(SegmentationNetwork(Architecture(widths=(4, 8))).state_dict(), tmp_path / "net.pth")
    with pytest.raises(InputError, match="net.pth: the name does not say .*style_on or style_off"):
        networks.open_network(tmp_path / "net.pth")
    torch.save({"other": torch.zeros(1)}, tmp_path / "style_on.pth")
    with pytest.raises(InputError, match="no weights of a GeneSegNet or Cellpose network"):
        networks.open_network(tmp_path / "style_on.pth")
