"""Networks: the published sizes and names, embeddings that a batch does not change, and weights
from files."""

import numpy as np
import pytest
import torch

from lib.data.errors import InputError
from lib.learning.weights import load_state, read_state
from lib.screen.networks import Architecture, build

SMALL = Architecture(n_classes=3, embedding_size=16, kind="small")


def n_parameters(model: torch.nn.Module) -> int:
    return sum(values.numel() for values in model.parameters())


def rng(seed=0):
    return np.random.default_rng(seed)


def images(n=6, size=32, n_inputs=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, 3, size, size, generator=generator) for _ in range(n_inputs)]


@pytest.mark.parametrize(
    ("n_classes", "embedding_size", "total"),
    [(2, 512, 23_405_187), (42, 1024, 23_973_035), (41, 1024, 23_972_010), (32, 1024, 23_962_785)],
)
def test_published_number_of_parameters(n_classes, embedding_size, total):
    model = build(Architecture(n_classes, embedding_size), rng())
    assert n_parameters(model) == total
    assert [n_parameters(branch) for branch in model.models] == [11_439_168, 11_439_168]


def test_names_are_those_of_the_published_weights():
    names = set(build(Architecture(42), rng()).state_dict())
    assert {
        "models.0.conv1.weight",
        "models.1.layer4.1.bn2.running_var",
        "models.0.fc.bias",
    } <= names
    assert {
        "encoder.weight",
        "encoder.bias",
        "output_layer.0.running_mean",
        "output_layer.1.weight",
    } <= names
    assert {"output_layer.2.weight", "output_layer.2.bias"} <= names
    assert {name.split(".")[0] for name in names} == {"models", "encoder", "output_layer"}


def test_published_weights_load_from_a_pth_file(tmp_path):
    theirs = build(Architecture(41), rng(1))
    weights = {
        name: value for name, value in theirs.state_dict().items() if "num_batches" not in name
    }
    torch.save(weights, tmp_path / "image_encoder_weights.pth")
    ours = build(Architecture(41), rng(2))
    load_state(tmp_path / "image_encoder_weights.pth", ours)
    assert all(
        torch.equal(weights[name], value)
        for name, value in ours.state_dict().items()
        if name in weights
    )


def test_shapes_of_the_resnet_stages():
    branch = build(Architecture(2, 512), rng()).models[0].eval()
    hooks = {}
    for name in ("conv1", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool"):
        layer = getattr(branch, name)
        layer.register_forward_hook(
            lambda _m, _i, out, name=name: hooks.update({name: tuple(out.shape[1:])})
        )
    with torch.inference_mode():
        assert branch(torch.zeros(1, 3, 224, 224)).shape == (1, 512)
    assert hooks["conv1"] == (64, 112, 112) and hooks["maxpool"] == hooks["layer1"] == (64, 56, 56)
    assert [hooks[f"layer{n}"] for n in (2, 3, 4)] == [(128, 28, 28), (256, 14, 14), (512, 7, 7)]
    assert hooks["avgpool"] == (512, 1, 1)


def test_single_input_resnet_embeds_the_pooled_features():
    model = build(Architecture(42, kind="resnet18", n_inputs=1), rng()).eval()
    assert n_parameters(model) == 11_176_512 + 512 * 42 + 42
    with torch.inference_mode():
        assert model.embed(images(2, n_inputs=1)).shape == (2, 512) and model(
            images(2, n_inputs=1)
        ).shape == (2, 42)


def test_small_network_has_the_same_interface():
    model = build(SMALL, rng()).eval()
    assert 3_000 < n_parameters(model) < 100_000
    assert {name.split(".")[0] for name in model.state_dict()} == {
        "models",
        "encoder",
        "output_layer",
    }
    for size in (32, 48):
        with torch.inference_mode():
            assert model.embed(images(size=size)).shape == (6, 16) and model(
                images(size=size)
            ).shape == (6, 3)


@pytest.mark.parametrize("shape", [SMALL, Architecture(2, 64)])
def test_batch_size_changes_no_embedding_and_order_of_rows_follows(shape):
    model = build(shape, rng()).eval()
    pair = images()
    with torch.inference_mode():
        whole = model.embed(pair)
        parts = torch.cat([model.embed([image[i : i + 2] for image in pair]) for i in (0, 2, 4)])
        order = torch.tensor([3, 1, 0, 5, 4, 2])
        torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            whole[order], model.embed([image[order] for image in pair]), rtol=1e-4, atol=1e-5
        )


def test_each_branch_sees_its_own_image():
    model = build(SMALL, rng()).eval()
    nucleus, region = images()
    with torch.inference_mode():
        swapped = model.embed([region, nucleus])
        assert not torch.allclose(model.embed([nucleus, region]), swapped)
        features = torch.cat([model.models[0](nucleus), model.models[1](region)], dim=1)
        assert torch.equal(model.embed([nucleus, region]), model.encoder(features))


def test_extra_numbers_join_after_the_embedding():
    model = build(Architecture(2, 16, kind="small", n_extra=3), rng()).eval()
    with torch.inference_mode():
        assert model(images(), torch.zeros(6, 3)).shape == (6, 2) and model.embed(
            images()
        ).shape == (6, 16)


def test_initial_weights_come_from_the_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (build(SMALL, rng(seed)).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected), "torch's global random state was touched"
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["encoder.weight"], other["encoder.weight"])


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_imagenet_weights_from_a_file_fill_both_branches_but_not_the_classifier(tmp_path, suffix):
    from safetensors.torch import save_file
    from torchvision.models import resnet18

    torch.manual_seed(0)
    pretrained = resnet18(
        weights=None
    ).state_dict()  # names and shapes of the real file, its 1000 classes too
    path = tmp_path / f"resnet18{suffix}"
    torch.save(pretrained, path) if suffix == ".pth" else save_file(pretrained, path)
    for shape in (Architecture(2, 512), Architecture(2, n_inputs=1)):
        state = build(shape, rng(), imagenet=path).state_dict()
        prefixes = ["models.0.", "models.1."] if shape.n_inputs == 2 else ["branch."]
        for name, value in pretrained.items():
            for prefix in prefixes:
                if not name.startswith("fc."):
                    assert torch.equal(state[prefix + name], value)
    assert state["classifier.weight"].shape == (2, 512)


def test_without_a_network_imagenet_weights_say_what_to_do(monkeypatch, tmp_path):
    from urllib.error import URLError

    def refuse(*args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    with pytest.raises(
        InputError, match=r"could not be fetched from https://.* download that file elsewhere"
    ):
        build(Architecture(2), rng(), imagenet="download")


def test_weights_that_do_not_fit_are_named(tmp_path):
    model = build(SMALL, rng())
    with pytest.raises(InputError, match="nowhere.pth is not there"):
        load_state(tmp_path / "nowhere.pth", model)
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(InputError, match="text.pth holds no readable weights"):
        load_state(tmp_path / "text.pth", model)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(InputError, match="no state dict"):
        load_state(tmp_path / "list.pth", model)
    wider = build(Architecture(3, 32, kind="small"), rng())
    torch.save(wider.state_dict(), tmp_path / "wider.pth")
    with pytest.raises(
        InputError,
        match=r"encoder.bias has shape \(32,\), expected \(16,\)|encoder.weight has shape",
    ):
        load_state(tmp_path / "wider.pth", model)
    torch.save({"encoder.weight": torch.zeros(1)}, tmp_path / "part.pth")
    with pytest.raises(InputError, match="part.pth lacks"):
        load_state(tmp_path / "part.pth", model)


def test_a_pickle_that_runs_code_is_not_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"weight": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(InputError):
        read_state(tmp_path / "bomb.pth")
    assert not (tmp_path / "ran").exists()


def test_impossible_architectures_are_refused():
    with pytest.raises(ValueError, match="two classes or more"):
        Architecture(1)
    with pytest.raises(ValueError, match="kind resnet18 or small"):
        Architecture(2, kind="resnet50")
