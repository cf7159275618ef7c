"""The reader of the published weights: exact, and deaf to anything but weights."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open

from lib.data.errors import InputError
from lib.lincs import claims, codes, generation, published_models, published_weights, svqvae
from lib.report import published
from tests.toy_lincs import legacy_linear

WEIGHT = np.arange(6.0).reshape(2, 3)
NODES = [4, 21, 35, 50, 51, 54, 56, 76, 81, 85, 87, 97]


def test_a_layer_is_read_as_it_was_written(tmp_path):
    found = published_weights.read(legacy_linear(tmp_path / "layer.pth", WEIGHT))
    assert found.kind == "Linear" and list(found.arrays) == ["weight"]
    assert found.arrays["weight"].dtype == np.float32
    np.testing.assert_array_equal(found.arrays["weight"], WEIGHT)


def test_a_call_in_a_file_is_refused_by_its_name_and_not_made(tmp_path, monkeypatch):
    path = legacy_linear(tmp_path / "evil.pth", WEIGHT, executable=True)
    monkeypatch.setattr("os.system", lambda command: pytest.fail("the call was made"))
    with pytest.raises(
        InputError, match=r"evil\.pth: it asks for \w+\.system, which no published file does"
    ):
        published_weights.read(path)


def test_storages_must_have_the_declared_bytes_and_be_last(tmp_path):
    with pytest.raises(
        InputError, match="6 elements and 20 bytes; 6 elements and 24 bytes are declared"
    ):
        published_weights.read(legacy_linear(tmp_path / "short.pth", WEIGHT, cut=4))
    with pytest.raises(InputError, match="3 bytes follow the last storage"):
        published_weights.read(legacy_linear(tmp_path / "long.pth", WEIGHT, rest=b"abc"))


def test_the_hash_is_looked_at_first(tmp_path):
    path = legacy_linear(tmp_path / "evil.pth", WEIGHT, executable=True)
    with pytest.raises(InputError, match="sha256 .* expected 000000000000"):
        published_weights.read(path, sha256="0" * 64)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_a_file_cut_short_or_of_another_kind_is_told(tmp_path, share):
    data = legacy_linear(tmp_path / "whole.pth", WEIGHT).read_bytes()
    (tmp_path / "cut.pth").write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"cut\.pth: (no weights|its module|it asks for torch)"):
        published_weights.read(tmp_path / "cut.pth")
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "new.pth")
    with pytest.raises(InputError, match=r"new\.pth: no weights"):
        published_weights.read(tmp_path / "new.pth")


def test_every_changed_byte_of_a_file_is_read_or_refused_but_never_crashes(tmp_path):
    data = bytearray(legacy_linear(tmp_path / "whole.pth", WEIGHT).read_bytes())
    rng = np.random.default_rng(0)
    for position in range(0, len(data), 2):
        changed = bytearray(data)
        changed[position] ^= int(rng.integers(1, 256))
        (tmp_path / "changed.pth").write_bytes(changed)
        try:
            published_weights.read(tmp_path / "changed.pth")
        except InputError:
            continue


def test_a_part_of_the_set_is_accepted_and_the_rest_named(tmp_path):
    found, missing = published_weights.read_folder(tmp_path)
    assert not found and len(missing) == 15 and "VAE_encode_SMGP" in missing


def test_the_order_of_the_landmarks_is_that_of_the_matrix_or_refused():
    between = [str(i) for i in range(10**6, 10**6 + 978 - 16)]
    genes = [*published_models.FIRST, *between, *published_models.LAST]
    shuffled = pd.Series(range(978), index=genes).sample(frac=1, random_state=0)
    assert published_models.landmark_order(shuffled) == genes
    for wrong in (shuffled.iloc[:-1], pd.Series(range(978), index=genes[::-1])):
        with pytest.raises(
            InputError, match="the published weights expect 978 that begin with 780"
        ):
            published_models.landmark_order(wrong)


def test_weights_are_written_with_their_origin(tmp_path):
    found = {"VAE_mu_SMGP": published_weights.read(legacy_linear(tmp_path / "a.pth", WEIGHT))}
    [path] = published_models.export(found, tmp_path / "out")
    with safe_open(path, "np") as file:
        card = json.loads(file.metadata()["card"])
        np.testing.assert_array_equal(file.get_tensor("weight"), WEIGHT)
    assert card["module"] == "Linear" and card["sha256"] == found["VAE_mu_SMGP"].sha256


@pytest.mark.real
def test_the_published_files_are_read_bit_by_bit_as_torch_reads_them(real):
    found, missing = published_weights.read_folder(real / "data/lincs_weights")
    assert len(found) == 9
    assert sorted(missing) == sorted(
        f"VAE_{part}_{data}" for part in ("encode", "decode") for data in ("SMP", "GP", "SMGP")
    )
    for name, weights in found.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the source of torch's layers has changed since
            module = torch.load(
                real / f"data/lincs_weights/{name}.pth", weights_only=False
            )  # sha256 is known
        assert list(module.state_dict()) == list(weights.arrays)
        for key, value in module.state_dict().items():
            np.testing.assert_array_equal(
                value.numpy().view(np.int32), weights.arrays[key].view(np.int32)
            )


@pytest.mark.real
def test_the_twelve_signature_nodes_are_in_the_weights(real):
    for layer in ("mu", "logvar"):
        file = real / f"data/lincs_weights/VAE_{layer}_SMGP.pth"
        weight = published_weights.read(file).arrays["weight"]
        assert generation.nodes_of_weights(weight) == NODES
        for threshold in (0.15, 0.3, 0.65):
            assert generation.nodes_of_weights(weight, threshold=threshold) == NODES


@pytest.mark.real
def test_all_nearest_classes_of_the_published_codebook(real):
    model = published_models.svqvae_of(
        published_weights.read_folder(real / "data/lincs_weights")[0]
    )
    published = codes.published_classes()
    assert (
        model.classes == tuple(published["pcl"])
        and sum(p.numel() for p in model.parameters()) == 2_032_978
    )
    distances = codes.correlation_distances(svqvae.codes(model))
    found = codes.neighbours(distances, model.classes)
    assert (found["nearest_code"] == published["nearest_code"]).all()
    np.testing.assert_allclose(found["distance"], published["distance"], atol=1e-14, rtol=0)
    assert {name: round(value, 3) for name, value in codes.summary(distances).items()} == {
        "min": 0.264,
        "median": 0.684,
        "max": 1.145,
    }
    table = codes.extremes(found)
    assert table.iloc[0][["pcl", "nearest"]].tolist() == ["CP_MTOR_INHIBITOR", "CP_PI3K_INHIBITOR"]
    isolated = table.loc[table["kind"] == "isolated", "pcl"].tolist()[:3]
    assert isolated == [
        "CP_ATPASE_INHIBITOR",
        "CP_GLUCOCORTICOID_RECEPTOR_AGONIST",
        "CP_PROTEIN_SYNTHESIS_INHIBITOR",
    ]
    assert svqvae.prototypes(model).shape == (75, 978)


@pytest.mark.real
def test_what_the_published_weights_give_agrees_with_the_published_numbers(real):
    found, _ = published_weights.read_folder(real / "data/lincs_weights")
    distances = codes.correlation_distances(svqvae.codes(published_models.svqvae_of(found)))
    measured = claims.codebook(distances, codes.published_classes())
    measured |= claims.nodes(generation.nodes_of_weights(found["VAE_mu_SMGP"].arrays["weight"]))
    known = published.load()
    assert len(measured) == 8 and not any(known[name].needs for name in measured)
    for name, value in measured.items():
        assert known[name].agrees(value), name
