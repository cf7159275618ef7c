"""The training loop: early stopping as the paper's, resumed after a kill to the same bytes, and
what is refused."""

import math
import random
import signal
import time

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from torch.nn import functional
from toy_screen import processes

from lib.learning import training
from lib.learning.metrics import Metrics, Outcome, cross_entropy
from lib.learning.scores import Score
from lib.learning.training import Settings, fit, row_batches

torch.set_num_threads(1)


def rng(seed=0):
    return np.random.default_rng(seed)


def table(n=60, n_classes=3, seed=0):
    """Features that tell the class, with some noise."""
    source = rng(seed)
    targets = source.integers(n_classes, size=n)
    features = source.normal(size=(n, 5)) + np.eye(5)[targets] * 2
    return torch.tensor(features, dtype=torch.float32), torch.tensor(targets)


def batches(n=60, *, size=16, seed=0):
    features, targets = table(n, seed=seed)
    return lambda source: ((features[rows], targets[rows]) for rows in row_batches(n, size, source))


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3)
    )


def scripted(values):
    """A score that follows a script, whatever the metrics."""
    left = iter(values)
    return Score("scripted", lambda metrics: next(left))


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("scores", "n_epochs", "best"),
    [
        ([0.5, 0.6, 0.6, 0.6, 0.7], 5, 5),  # a tie is no improvement, one more epoch is forgiven
        (
            [0.6, 0.5, 0.5, 0.5, 0.9],
            4,
            1,
        ),  # patience 2 stops after three epochs without a better score
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 6, 6),
        ([math.nan, 0.1, math.nan, 0.1, 0.1, 0.9], 5, 2),
    ],
)
def test_stops_after_patience_and_one_epochs_without_a_strictly_better_score(
    scores, n_epochs, best
):
    settings = Settings(learning_rate=1e-3, patience=2, max_epochs=len(scores))
    fitted = fit(
        network(),
        batches(),
        batches(seed=1),
        loss=cross_entropy(),
        rng=rng(),
        score=scripted(scores),
        settings=settings,
    )
    assert (len(fitted.history), fitted.best_epoch) == (n_epochs, best)


def test_model_is_left_with_the_weights_of_the_best_epoch():
    model, validation = network(), batches(seed=1)
    settings = Settings(learning_rate=0.05, patience=6, max_epochs=40)
    fitted = fit(model, batches(), validation, loss=cross_entropy(), rng=rng(), settings=settings)
    found = training.evaluate(model, validation, cross_entropy())
    assert found.balanced_accuracy == fitted.best_score == fitted.history["val_bacc"].max()
    assert fitted.best_row()["val_loss"] == found.loss and not model.training


def test_without_a_score_the_last_epoch_is_kept_and_nothing_stops_early():
    settings = Settings(learning_rate=0.5, patience=0, max_epochs=7, score="last_epoch")
    fitted = fit(network(), batches(), loss=cross_entropy(), rng=rng(), settings=settings)
    assert len(fitted.history) == fitted.best_epoch == 7


def test_history_has_the_columns_that_are_read_later():
    fitted = fit(
        network(),
        batches(),
        batches(),
        loss=cross_entropy(),
        rng=rng(),
        settings=Settings(max_epochs=2),
    )
    assert list(fitted.history) == [
        "epoch",
        "train_loss",
        "train_acc",
        "train_bacc",
        "val_loss",
        "val_acc",
        "val_bacc",
    ]
    assert fitted.history["epoch"].tolist() == [1, 2]


def test_metrics_are_those_of_scikit_learn_over_every_sample():
    model = network().eval()
    features, targets = table()
    found = training.evaluate(model, batches(size=7), cross_entropy([0.2, 0.3, 0.5]))
    predicted = model(features).argmax(dim=1)
    assert found.n == 60 and found.confusion.sum() == 60
    assert found.accuracy == pytest.approx((predicted == targets).float().mean().item())
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(targets, predicted))


def test_metrics_by_hand():
    found = Metrics(loss=0.5, n=10, confusion=np.array([[6, 2, 0], [1, 1, 0], [0, 0, 0]]))
    assert (
        found.accuracy == 0.7 and found.balanced_accuracy == (6 / 8 + 1 / 2) / 2
    )  # a class without samples is out
    assert found.row("test") == {"test_loss": 0.5, "test_acc": 0.7, "test_bacc": 0.625}


def test_epoch_loss_is_the_sum_of_batch_means_by_size():
    model = network().eval()
    features, targets = table()
    parts = [(features[:40], targets[:40]), (features[40:], targets[40:])]
    means = [functional.cross_entropy(model(x), y).item() for x, y in parts]
    found = training.evaluate(model, lambda _: parts, cross_entropy())
    assert found.loss == pytest.approx((40 * means[0] + 20 * means[1]) / 60)


def test_class_weights_enter_the_loss():
    model = network().eval()
    features, targets = table()
    expected = functional.cross_entropy(
        model(features), targets, weight=torch.tensor([1.0, 5.0, 0.1])
    )
    assert cross_entropy([1.0, 5.0, 0.1])(model, (features, targets)).loss == expected


def test_same_seed_same_weights_and_torchs_global_state_is_left_alone():
    models = [network(), network(), network()]
    settings = Settings(learning_rate=0.01, max_epochs=3)
    for model, seed in zip(models, (1, 1, 2), strict=True):
        before = torch.random.get_rng_state()
        fit(
            model,
            batches(),
            batches(seed=1),
            loss=cross_entropy(),
            rng=rng(seed),
            settings=settings,
        )
        assert torch.equal(before, torch.random.get_rng_state())
    one, again, other = (model.state_dict() for model in models)
    assert same(one, again) and not same(one, other)


def test_any_network_trains_a_graph_or_an_autoencoder_with_a_loss_of_its_own():
    """Full batch, no classes, two terms, selected by the lowest loss: the shape of the graph
    auto-encoder."""
    features, _ = table()
    model = nn.Sequential(nn.Linear(5, 2), nn.Linear(2, 5))

    def loss(model, batch):
        error = functional.mse_loss(model(batch), batch)
        size = sum(value.square().sum() for value in model.parameters())
        return Outcome(error + 1e-4 * size, len(batch), parts={"error": error})

    settings = Settings(
        learning_rate=0.02, patience=100, max_epochs=60, weight_decay=0, score="loss"
    )
    data = lambda _: [features]  # noqa: E731
    fitted = fit(model, data, data, loss=loss, rng=rng(), settings=settings)
    assert list(fitted.history) == ["epoch", "train_loss", "train_error", "val_loss", "val_error"]
    assert (
        fitted.best_score == -fitted.history["val_loss"].min() > -fitted.history["val_loss"].iloc[0]
    )


def test_mixed_precision_is_off_unless_asked_for():
    seen = []

    class Watch(nn.Linear):
        def forward(self, x):
            result = super().forward(x)
            seen.append(result.dtype)
            return result

    for given in ({}, {"precision": "bf16"}, {"precision": "fp32"}):
        settings = Settings(max_epochs=1, **given)
        fit(Watch(5, 3), batches(), loss=cross_entropy(), rng=rng(), settings=settings)
    assert seen[0] == torch.float32 and torch.bfloat16 in seen and seen[-1] == torch.float32


def test_row_batches():
    assert [len(rows) for rows in row_batches(9, 4, rng())] == [4, 5]  # no training batch of one
    assert [len(rows) for rows in row_batches(9, 4, None)] == [4, 4, 1]
    assert [len(rows) for rows in row_batches(1, 4, rng())] == [1] and row_batches(0, 4, None) == []


def run(folder, name, pause):
    """Train 25 epochs with a checkpoint after each, as a process of its own; write weights and
    history."""

    def slow(source):
        for batch in batches()(source):
            time.sleep(pause)
            yield batch

    model = network()
    settings = Settings(learning_rate=0.01, patience=25, max_epochs=25, checkpoint_seconds=0)
    fitted = fit(
        model,
        slow,
        batches(seed=1),
        loss=cross_entropy([0.2, 0.5, 0.3]),
        rng=rng(7),
        settings=settings,
        checkpoint=folder / f"{name}.ckpt",
    )
    save_file(model.state_dict(), folder / f"{name}.safetensors")
    fitted.history.to_csv(folder / f"{name}.csv")


def test_killed_at_random_and_resumed_ends_in_the_bytes_of_an_uninterrupted_run(tmp_path):
    """The network has dropout, batch normalisation and Adam's state; kill -9 falls anywhere, into a
    write, too."""
    start = processes()
    checkpoint = tmp_path / "killed.ckpt"
    epochs = [0]
    for attempt in range(4):
        process = start(target=run, args=(tmp_path, "killed", 0.005))
        process.start()
        enough = random.Random(attempt).randrange(1, 5)
        while process.is_alive() and epoch_of(checkpoint) < epochs[-1] + enough:
            time.sleep(0.01)
        time.sleep(random.Random(attempt).uniform(0, 0.03))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "the run was over before it could be killed"
        epochs.append(epoch_of(checkpoint))
    assert 0 < epochs[1] < epochs[2] < epochs[3] < epochs[4] < 25
    for name in ("whole", "killed"):
        process = start(target=run, args=(tmp_path, name, 0))
        process.start()
        process.join()
        assert process.exitcode == 0
    for suffix in ("safetensors", "csv"):
        assert (tmp_path / f"killed.{suffix}").read_bytes() == (
            tmp_path / f"whole.{suffix}"
        ).read_bytes()


def epoch_of(checkpoint):
    return torch.load(checkpoint, weights_only=True)["epoch"] if checkpoint.exists() else 0


def test_resumed_at_every_epoch_is_the_whole_run(tmp_path):
    """In one process: stop after each epoch in turn, go on from the checkpoint with a network of
    other weights."""
    settings = Settings(learning_rate=0.02, patience=3, max_epochs=12, checkpoint_seconds=0)
    whole = network()
    expected = fit(
        whole, batches(), batches(seed=1), loss=cross_entropy(), rng=rng(2), settings=settings
    )
    for stop in range(1, len(expected.history)):
        path = tmp_path / f"{stop}.ckpt"

        def interrupted(source, calls=[], stop=stop):  # noqa: B006
            calls.append(stop)
            if calls.count(stop) > stop:
                raise KeyboardInterrupt
            return batches()(source)

        with pytest.raises(KeyboardInterrupt):
            fit(
                network(),
                interrupted,
                batches(seed=1),
                loss=cross_entropy(),
                rng=rng(2),
                settings=settings,
                checkpoint=path,
            )
        resumed = network(seed=9)
        fitted = fit(
            resumed,
            batches(),
            batches(seed=1),
            loss=cross_entropy(),
            rng=rng(2),
            settings=settings,
            checkpoint=path,
        )
        assert same(whole.state_dict(), resumed.state_dict()) and fitted.history.equals(
            expected.history
        )
        assert (fitted.best_epoch, fitted.best_score) == (expected.best_epoch, expected.best_score)


def test_a_checkpoint_of_another_run_or_a_broken_one_is_refused(tmp_path):
    path = tmp_path / "run.ckpt"
    settings = Settings(max_epochs=1, checkpoint_seconds=0)
    arguments = {"loss": cross_entropy(), "settings": settings, "checkpoint": path}
    fit(network(), batches(), rng=rng(), **arguments)
    with pytest.raises(
        ValueError, match="run.ckpt is of a run with other settings, seed or network"
    ):
        fit(network(), batches(), rng=rng(1), **arguments)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="run.ckpt is no readable checkpoint"):
        fit(network(), batches(), rng=rng(), **arguments)


def test_a_loss_that_is_no_number_stops_the_run():
    broken = [(torch.full((4, 5), math.nan), torch.zeros(4, dtype=torch.int64))]
    with pytest.raises(
        FloatingPointError, match="training loss is nan in epoch 1: lower the learning rate"
    ):
        fit(network(), lambda _: broken, loss=cross_entropy(), rng=rng())


@pytest.mark.parametrize(
    "wrong", [{"learning_rate": 0}, {"batch_size": 1}, {"max_epochs": 0}, {"patience": -1}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="must be|expected"):
        Settings(**wrong)


def test_an_empty_split_is_named():
    with pytest.raises(ValueError, match="a split is empty"):
        fit(
            network(),
            batches(),
            lambda _: [],
            loss=cross_entropy(),
            rng=rng(),
            settings=Settings(max_epochs=1),
        )
