"""Optimisers, schedules and scores as data: by hand, beside other sources, and resumed to the same
bytes."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from test_training import batches, network, rng, same
from torch import nn
from torch.nn import functional

from lib.learning import scores, training
from lib.learning.metrics import Metrics, Outcome, cross_entropy, mean_squared_error
from lib.learning.optimisers import SGD, Adam, AdamW
from lib.learning.schedules import Constant, Decay, Plateau, WarmUp
from lib.learning.settings import Settings
from lib.learning.training import fit

torch.set_num_threads(1)
CROSS_ENTROPY = cross_entropy()


def moved(optimiser, gradients, *, learning_rate=0.1, weight_decay=0.0):
    """Return a weight that begins at 1 after steps with these gradients."""
    weight = nn.Parameter(torch.ones(1))
    stepper = optimiser.build([weight], learning_rate, weight_decay)
    for gradient in gradients:
        weight.grad = torch.tensor([gradient])
        stepper.step()
    return weight.item()


@pytest.mark.parametrize(
    ("optimiser", "gradients", "decay", "expected"),
    [
        (SGD(), [0.5, 0.5], 0.0, 1 - 0.05 - 0.05),
        (SGD(momentum=0.9), [0.5, 0.5], 0.0, 1 - 0.05 - 0.095),
        (SGD(momentum=0.9, nesterov=True), [0.5], 0.0, 1 - 0.1 * (0.5 + 0.9 * 0.5)),
        (SGD(), [0.0], 0.5, 1 - 0.1 * 0.5),
        (Adam(), [0.5], 0.0, 1 - 0.1),  # the first step is the rate, whatever the gradient
        (Adam(), [0.0], 0.5, 1 - 0.1),  # decay joins the gradient
        (AdamW(), [0.0], 0.5, 1 - 0.1 * 0.5),  # decay acts on the weight
        (Adam(eps=1.0), [0.5], 0.0, 1 - 0.1 * 0.5 / 1.5),
    ],
)
def test_one_step_by_hand(optimiser, gradients, decay, expected):
    assert moved(optimiser, gradients, weight_decay=decay) == pytest.approx(expected, abs=1e-6)


def test_amsgrad_remembers_the_largest_gradient():
    gradients = [4.0] + [0.1] * 60
    options = {"betas": (0.0, 0.5)}
    assert moved(Adam(amsgrad=True, **options), gradients) > moved(Adam(**options), gradients)


@pytest.mark.parametrize("kind", [Adam, AdamW, SGD])
def test_every_optimiser_is_the_fused_form(kind):
    """The plain forms take torch.sqrt, whose last digit depends on the processor."""
    stepper = kind().build([nn.Parameter(torch.ones(1))], 0.1, 0.0)
    assert all(group["fused"] for group in stepper.param_groups)


def rates(schedule, n_epochs, losses=None, learning_rate=1e-3):
    """Return the learning rate of every epoch, as the loop records it, after scripted losses."""
    left = iter(losses or [1.0] * n_epochs)
    data, model = [torch.zeros(2)], nn.Linear(1, 1)

    def loss(model, batch):
        value = model.weight.sum() * 0
        return Outcome(value if model.training else value + next(left), len(batch))

    settings = Settings(
        learning_rate, 0.0, max_epochs=n_epochs, patience=None, schedule=schedule, score="loss"
    )
    history = fit(
        model, lambda _: [data], lambda _: [data], loss=loss, rng=rng(), settings=settings
    ).history
    return history["learning_rate"].to_numpy() if "learning_rate" in history else None


def test_warm_up_and_halving_is_the_list_of_genesegnet():
    """Spec, section 7: of 500 epochs 10 of warm-up, 400 at the full rate, then nine blocks of
    halves."""
    blocks = [np.linspace(0, 1e-3, 10), np.full(400, 1e-3)]
    blocks += [np.full(10, 1e-3 / 2**number) for number in range(1, 11)]
    expected = np.concatenate(blocks)[:500]
    schedule = WarmUp(10, halve_from=500 - 90, halve_every=10)
    found = [1e-3 * schedule.factor(epoch) for epoch in range(500)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[0] == 0 and found[409] == 1e-3 and found[-1] == 1e-3 / 2**9
    assert {WarmUp(10).factor(epoch) for epoch in range(9, 250)} == {1.0}  # 250 epochs or fewer
    np.testing.assert_allclose(
        rates(WarmUp(3, halve_from=4, halve_every=1), 6), [0, 5e-4, 1e-3, 1e-3, 5e-4, 2.5e-4]
    )


def test_an_epoch_of_rate_0_changes_no_weight():
    model = nn.Linear(5, 3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    settings = Settings(
        0.1, max_epochs=1, schedule=WarmUp(5), optimiser="adamw", score="last_epoch"
    )
    fit(model, batches(), loss=CROSS_ENTROPY, rng=rng(), settings=settings)
    assert same(before, model.state_dict())


def test_decay_multiplies_after_every_epoch():
    np.testing.assert_allclose(
        rates(Decay(0.87), 4, learning_rate=3e-5), 3e-5 * 0.87 ** np.arange(4)
    )


def test_a_constant_rate_is_not_in_the_history():
    assert rates(Constant(), 2) is None


def test_plateau_cuts_as_keras_does():
    """Keras, patience 3: the third epoch in a row not lower by 1e-4 cuts; a cut starts the count
    anew."""
    losses = [1.0, 0.9, 0.9, 0.89995, 0.8999, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    found = rates(Plateau(factor=0.2, patience=2, floor=1e-4), len(losses), losses)
    steps = [1e-3] * 5 + [2e-4] * 4 + [1e-4] * 4
    np.testing.assert_allclose(found, steps, rtol=1e-12)


def test_keras_patience_of_12_stops_after_12_epochs_without_a_lower_loss():
    left = iter([2.0] + [3.0] * 30)

    def loss(model, batch):
        value = model.weight.sum() * 0
        return Outcome(value if model.training else value + next(left), len(batch))

    data = [[torch.zeros(2)]]
    settings = Settings(patience=11, score="loss")
    fitted = fit(
        nn.Linear(1, 1), lambda _: data, lambda _: data, loss=loss, rng=rng(), settings=settings
    )
    assert (len(fitted.history), fitted.best_epoch) == (13, 1)


OPTIMISERS = (Adam(eps=1e-7), Adam(amsgrad=True), AdamW(), SGD(), SGD(0.9), SGD(0.9, nesterov=True))
SCHEDULES = (
    Constant(),
    Decay(0.8),
    WarmUp(3, halve_from=3, halve_every=1),
    Plateau(0.5, patience=0, min_delta=0.1),
)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.kind)
def test_resumed_after_a_stop_is_the_whole_run(tmp_path, schedule, precision):
    """Every optimiser under every schedule: stopped in epoch 4, gone on with a network of other
    weights."""
    for number, optimiser in enumerate(OPTIMISERS):
        path = tmp_path / f"{number}.checkpoint"
        settings = Settings(
            0.02,
            max_epochs=6,
            patience=None,
            optimiser=optimiser,
            schedule=schedule,
            precision=precision,
            checkpoint_seconds=0,
        )
        options = {"loss": CROSS_ENTROPY, "settings": settings}
        whole, stopped, resumed = network(), network(), network(seed=9)
        expected = fit(whole, batches(), batches(seed=1), rng=rng(2), **options)
        epochs = itertools.count(1)

        def interrupted(source, epochs=epochs):
            if next(epochs) == 4:
                raise KeyboardInterrupt
            return batches()(source)

        with pytest.raises(KeyboardInterrupt):
            fit(stopped, interrupted, batches(seed=1), rng=rng(2), checkpoint=path, **options)
        fitted = fit(resumed, batches(), batches(seed=1), rng=rng(2), checkpoint=path, **options)
        assert same(whole.state_dict(), resumed.state_dict()), optimiser
        assert fitted.history.equals(expected.history) and fitted.best_score == expected.best_score
        assert not same(whole.state_dict(), network().state_dict())


def test_settings_are_json_and_come_back():
    for optimiser, schedule in itertools.product(OPTIMISERS, SCHEDULES):
        settings = Settings(optimiser=optimiser, schedule=schedule, score="r2", precision="bf16")
        assert Settings(**json.loads(json.dumps(settings.as_dict()))) == settings
    assert Settings(optimiser="adamw", schedule={"kind": "decay", "gamma": 0.5}) == Settings(
        optimiser=AdamW(), schedule=Decay(0.5)
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optimiser": "adm"}, "optimiser 'adm' is unknown: .* one of adam, adamw, sgd"),
        (
            {"optimiser": {"kind": "sgd", "eps": 1}},
            "optimiser sgd has no option 'eps': expected momentum, nesterov",
        ),
        ({"optimiser": {"kind": "sgd", "nesterov": True}}, "nesterov of sgd needs momentum > 0"),
        (
            {"optimiser": {"kind": "adamw", "betas": [0.9, 1.0]}},
            r"betas \(0.9, 1.0\) of adamw: expected two numbers",
        ),
        ({"schedule": {"gamma": 0.5}}, "schedule None is unknown"),
        ({"schedule": {"kind": "decay", "gamma": 1.5}}, "gamma 1.5 of decay: expected a number in"),
        ({"schedule": {"kind": "plateau", "factor": 1}}, "factor 1 of plateau"),
        (
            {"schedule": {"kind": "warm_up", "halve_from": 5}},
            "halve_from 5: expected no less than n_warm_up, 10",
        ),
        (
            {"score": "auc"},
            "score 'auc' is unknown: expected one of balanced_accuracy, .*last_epoch",
        ),
        ({"precision": "auto"}, "precision 'auto': expected fp32 or bf16"),
    ],
)
def test_what_is_unknown_or_out_of_range_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        Settings(**wrong)


def test_scores_by_hand():
    outputs, targets = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])
    found = Metrics(0.5, 4, outputs=outputs, targets=targets)
    assert scores.pearson_r(found) == pytest.approx(0.8)
    assert scores.r2(found) == pytest.approx(1 - 2 / 5)
    assert (
        scores.r2(Metrics(0, 4, outputs=np.full(4, 2.5), targets=targets)) == 0
    )  # the mean predictor
    assert math.isnan(scores.pearson_r(Metrics(0, 4, outputs=np.ones(4), targets=targets)))
    logits = np.array([0.9, 0.8, 0.7, 0.1])
    ranked = Metrics(0, 4, outputs=logits, targets=np.array([1, 0, 1, 0]))
    assert scores.average_precision(ranked) == pytest.approx((1 + 2 / 3) / 2)
    both = Metrics(
        0, 4, outputs=np.column_stack([5 - logits, 5 + logits]), targets=np.array([1, 0, 1, 0])
    )
    assert scores.average_precision(both) == scores.average_precision(ranked)


@pytest.mark.parametrize(
    ("score", "outputs", "targets", "message"),
    [
        (
            scores.pearson_r,
            np.ones((3, 1)),
            np.ones(3),
            r"\(3, 1\) and targets \(3,\): expected one number",
        ),
        (scores.r2, np.ones((3, 2)), np.ones((3, 2)), "expected one number per sample"),
        (
            scores.average_precision,
            np.ones((3, 4)),
            np.array([0, 1, 0]),
            r"the outputs are \(3, 4\)",
        ),
        (scores.pearson_r, None, None, "needs outputs and targets, and the loss gives none"),
    ],
)
def test_shapes_that_would_broadcast_are_refused(score, outputs, targets, message):
    with pytest.raises(ValueError, match=message):
        score(Metrics(0, 3, outputs=outputs, targets=targets))


def line(n=40, seed=0):
    """Batches of a regression: y = 2 x₀ − x₁ with little noise."""
    source = rng(seed)
    inputs = torch.tensor(source.normal(size=(n, 2)), dtype=torch.float32)
    targets = inputs @ torch.tensor([2.0, -1.0]) + 0.1 * torch.tensor(
        source.normal(size=n), dtype=torch.float32
    )
    return lambda rows_rng: (
        (inputs[rows], targets[rows]) for rows in training.row_batches(n, 16, rows_rng)
    )


@pytest.mark.parametrize("has_validation", [True, False])
def test_a_regression_is_chosen_by_pearson_r_of_a_whole_pass(has_validation):
    model = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
    settings = Settings(0.05, max_epochs=8, patience=None, score="pearson_r")
    validation = line(seed=1) if has_validation else None
    fitted = fit(model, line(), validation, loss=mean_squared_error(), rng=rng(), settings=settings)
    prefix = "val" if has_validation else "train"
    assert fitted.best_score == fitted.history[f"{prefix}_pearson_r"].max() > 0.95
    if has_validation:
        found = training.evaluate(model, validation, mean_squared_error(), keep_outputs=True)
        assert scores.pearson_r(found) == fitted.best_score and found.outputs.shape == (40,)
        whole = torch.cat([batch[1] for batch in line(seed=1)(None)])
        np.testing.assert_array_equal(found.targets, whole)  # in the order of the pass


def test_an_output_per_row_in_a_column_is_refused():
    with pytest.raises(
        ValueError, match=r"outputs \(16, 1\) and targets \(16,\): expected one shape"
    ):
        fit(
            nn.Linear(2, 1),
            line(),
            loss=mean_squared_error(),
            rng=rng(),
            settings=Settings(score="loss"),
        )


@pytest.mark.parametrize(
    ("score", "kept"), [("loss", 0), ("balanced_accuracy", 0), ("average_precision", 60)]
)
def test_outputs_are_kept_only_for_a_score_that_sees_them(monkeypatch, score, kept):
    found = []

    class Watched(training.Total):
        def metrics(self):
            found.append(sum(len(part) for part in self.kept["outputs"]))
            return super().metrics()

    monkeypatch.setattr(training, "Total", Watched)
    binary = lambda source: ((x, (y > 0).long()) for x, y in batches()(source))  # noqa: E731
    settings = Settings(max_epochs=1, score=score, precision="bf16")
    model = nn.Linear(5, 2)
    fit(model, binary, binary, loss=CROSS_ENTROPY, rng=rng(), settings=settings)
    assert found == [0, kept]  # training, validation


class Autoencoder(nn.Module):
    """A variational autoencoder of 5 numbers, with a code for each of 3 classes."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(5, 4), nn.Linear(2, 5)
        self.codes = nn.Parameter(torch.zeros(3, 2))

    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, dim=1)  # (n, 2) each
        noise = torch.randn_like(mean) if self.training else torch.zeros_like(mean)
        return self.decoder(mean + (log_variance / 2).exp() * noise), mean, log_variance


def generative(*, has_classes):
    def loss(model, batch):
        x, y = batch
        output, mean, log_variance = model(x)
        error = functional.mse_loss(output, x)
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).mean()
        parts = {"mse": error, "kl": divergence}
        if not has_classes:
            return Outcome(error + divergence, len(x), parts=parts)
        pull = (model.codes[y] - mean).square().mean()
        logits = -(mean[:, None] - model.codes).square().sum(dim=2)  # (n, 3): the nearest code wins
        return Outcome(error + divergence + pull, len(x), logits, y, parts | {"pull": pull})

    return loss


def test_a_generative_model_has_named_terms_and_may_tell_classes():
    torch.manual_seed(0)
    for has_classes, columns in (
        (False, ["loss", "mse", "kl"]),
        (True, ["loss", "acc", "bacc", "mse", "kl", "pull"]),
    ):
        settings = Settings(
            0.02, 0.0, max_epochs=12, patience=None, score="loss", optimiser=Adam(amsgrad=True)
        )
        fitted = fit(
            Autoencoder(),
            batches(),
            batches(seed=1),
            loss=generative(has_classes=has_classes),
            rng=rng(),
            settings=settings,
        )
        assert list(fitted.history)[1:] == [
            f"{part}_{name}" for part in ("train", "val") for name in columns
        ]
        terms = fitted.history[
            [f"val_{name}" for name in columns if name not in ("loss", "acc", "bacc")]
        ]
        np.testing.assert_allclose(terms.sum(axis=1), fitted.history["val_loss"], rtol=1e-6)
        assert fitted.history["val_loss"].iloc[-1] < fitted.history["val_loss"].iloc[0]


def test_the_summary_of_a_run_is_json():
    settings = Settings(max_epochs=2, score="last_epoch")
    fitted = fit(network(), batches(), loss=CROSS_ENTROPY, rng=rng(), settings=settings)
    found = json.loads(json.dumps(fitted.summary(), allow_nan=False))
    assert found["best_score"] is None and found["n_epochs"] == found["best_epoch"] == 2
    assert found["train_loss"] == fitted.history["train_loss"].iloc[-1]
