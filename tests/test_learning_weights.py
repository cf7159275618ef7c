"""Weights with their card: what was saved comes back, and nothing that was changed is taken."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from lib.data.errors import InputError
from lib.learning import weights
from lib.learning.settings import Settings
from lib.learning.weights import Card

CARD = Card(
    architecture={"n_in": 3, "n_out": 2},
    settings=Settings(schedule="plateau").as_dict(),
    origin={"table.csv": "ab" * 32},
    classes=["JUN", "µ"],
    inputs={"genes": ["A", "B", "C"]},
    history={"best_epoch": 2, "best_score": None},
)


def network(n_in=3, n_out=2, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out))


@pytest.fixture
def saved(tmp_path):
    return weights.save(tmp_path / "net.safetensors", network(), CARD)


def test_weights_and_card_come_back(saved):
    assert [file.name for file in saved.parent.iterdir()] == ["net.safetensors"]
    card = weights.read_card(saved)
    model = network(**card.architecture, seed=9)
    assert weights.load(saved, model) == card and not model.training
    for name, value in network().state_dict().items():
        assert torch.equal(model.state_dict()[name], value)
    assert json.loads(card.as_json()) == json.loads(CARD.as_json())
    assert Settings(**card.settings) == Settings(schedule="plateau")
    assert torch.__version__.startswith(card.versions["torch"])


def test_equal_weights_and_cards_give_equal_bytes(saved):
    data = weights.pack(network(), CARD)
    assert data == saved.read_bytes() and weights.read_card(data) == weights.read_card(saved)
    assert weights.pack(network(seed=1), CARD) != data
    assert weights.pack(network(), replace(CARD, origin="simulated")) != data


def test_other_programs_read_the_file(saved):
    from safetensors.torch import load_file

    assert set(load_file(saved)) == set(network().state_dict())


def test_tied_weights_are_saved():
    model = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    model[1].weight = model[0].weight
    other = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    weights.load(weights.pack(model, CARD), other)
    assert torch.equal(other[1].weight, model[0].weight)


def test_one_changed_byte_anywhere_is_told(saved):
    """In the card and in the numbers; whatever the byte, no file that was changed is loaded."""
    whole = saved.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 60).astype(int):
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises(InputError):
            weights.load(bytes(changed), network())
    last = bytearray(whole)
    last[-1] ^= 1
    with pytest.raises(InputError, match=r"is not what its card describes \(sha256 differs\)"):
        weights.load(bytes(last), network())
    saved.write_bytes(whole[:-4])
    with pytest.raises(InputError, match=r"net\.safetensors .* cut short"):
        weights.read_card(saved)


def test_a_card_of_other_words_is_told(saved):
    whole = saved.read_bytes()
    assert whole.count(b"JUN") == 1
    with pytest.raises(InputError, match="sha256 differs"):
        weights.read_card(whole.replace(b"JUN", b"MYC"))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (network(n_in=4), r"0\.weight has shape \(2, 3\), expected \(2, 4\): another network\?"),
        (nn.Linear(3, 2), r"lacks bias \(2 missing, 7 unknown\)"),
        (nn.Sequential(nn.Linear(3, 2)), r"has, unknown to the network, 1\.bias"),
    ],
)
def test_the_tensor_that_does_not_fit_is_named(saved, model, message):
    with pytest.raises(InputError, match=rf"net\.safetensors:? {message}"):
        weights.load(saved, model)


def test_files_of_others_are_told(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(InputError, match="none.safetensors is not there"):
        weights.read_card(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights, but a text that is long enough")
    with pytest.raises(InputError, match="text.safetensors is no safetensors file"):
        weights.read_card(tmp_path / "text.safetensors")
    save_file(network().state_dict(), tmp_path / "bare.safetensors")
    with pytest.raises(InputError, match="bare.safetensors has no card"):
        weights.load(tmp_path / "bare.safetensors", network())
    weights.load_state(tmp_path / "bare.safetensors", network())  # which asks for none


@pytest.mark.parametrize("value", [float("nan"), np.float32(1), {1, 2}])
def test_a_card_that_json_cannot_hold_is_refused_before_anything_is_written(tmp_path, value):
    with pytest.raises(InputError, match="must be JSON-able"):
        weights.save(tmp_path / "x.safetensors", network(), replace(CARD, history={"x": value}))
    assert not list(tmp_path.iterdir())


def test_an_h5ad_keeps_a_network(tmp_path):
    import anndata

    data = weights.pack(network(), CARD)
    table = anndata.AnnData(np.zeros((2, 1), np.float32), uns=weights.as_uns(data))
    table.write_h5ad(tmp_path / "with.h5ad")
    assert weights.from_h5ad(tmp_path / "with.h5ad") == data
    anndata.AnnData(np.zeros((2, 1), np.float32)).write_h5ad(tmp_path / "without.h5ad")
    with pytest.raises(InputError, match="without.h5ad holds no network"):
        weights.from_h5ad(tmp_path / "without.h5ad")
