"""First weights and training depend on their seed alone, whatever other threads of the process
draw."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn

from lib.learning import randomness
from lib.learning.metrics import cross_entropy
from lib.learning.training import Settings, fit
from lib.regulation import autoencoder
from lib.screen import networks

SEED = 2**62 + 5


def layers():
    from torch_geometric.nn import GCNConv

    return nn.ModuleList(
        [
            nn.Linear(5, 3),
            nn.Conv2d(3, 4, 3),
            nn.Embedding(3, 2),
            nn.MultiheadAttention(4, 2),
            GCNConv(4, 3),
        ]
    )


def resnet():
    from torchvision.models import resnet18

    return resnet18()


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@contextmanager
def noise():
    """Draw from torch's global generator, and seed it, in another thread all the time."""
    stop, drawn = threading.Event(), threading.Event()

    def draw():
        while not stop.is_set():
            torch.manual_seed(0)
            torch.rand(7)
            drawn.set()

    thread = threading.Thread(target=draw)
    thread.start()
    drawn.wait()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("build", [layers, resnet])
def test_first_weights_are_those_that_torch_gives_for_the_seed(build):
    before = torch.random.get_rng_state()
    with randomness.own_weights(SEED):
        own = build()
    assert torch.equal(before, torch.random.get_rng_state()), "the global generator was drawn from"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        assert same(own, build())
    with randomness.own_weights(SEED + 1):
        assert not same(own, build())


@pytest.mark.parametrize(
    "build",
    [
        lambda rng: networks.build(networks.Architecture(4, 16, kind="small"), rng),
        lambda rng: networks.build(networks.Architecture(4, 16), rng),
        lambda rng: autoencoder.build(autoencoder.Architecture(6, 2, 4), rng),
    ],
    ids=["small", "resnet18", "autoencoder"],
)
def test_networks_of_the_project_are_built_the_same_while_another_thread_draws(build):
    quiet = build(np.random.default_rng(3))
    with noise():
        loud = [build(np.random.default_rng(3)) for _ in range(3)]
    assert all(same(quiet, model) for model in loud)


def trained(seed):
    """Train a network with dropout for some epochs and return it."""
    with randomness.own_weights(seed):
        model = nn.Sequential(nn.Linear(6, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 2))
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32))
    batch = (features, (features[:, 0] > 0).long())
    settings = Settings(learning_rate=0.01, max_epochs=30, patience=None)
    fit(
        model,
        lambda rng: [batch],
        loss=cross_entropy(),
        rng=np.random.default_rng(seed),
        settings=settings,
    )
    return model


def test_trainings_in_several_threads_give_the_bytes_of_one_after_the_other():
    expected = [trained(seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(trained, range(6)))
    assert all(same(one, other) for one, other in zip(expected, found, strict=True))
