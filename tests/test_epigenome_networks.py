"""Networks: shapes and parameters as published, the two forms of Chromoformer, and what cannot
reach the output."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from lib.epigenome import attention, chromoformer_full
from lib.epigenome.chromoformer import RESOLUTIONS, Chromoformer, Inputs, Sizes
from lib.epigenome.fitting import squared_loss
from lib.epigenome.plans import PAPER
from lib.epigenome.promoter_networks import ProfileNetwork, PromoterNetwork, SameConv
from lib.learning import schedules, training
from lib.learning.metrics import Outcome

SMALL = Sizes(
    n_marks=3,
    width=16,
    embed_hidden=16,
    pair_hidden=24,
    regulation_layers=2,
    regulation_heads=4,
    regulation_width=32,
    regulation_hidden=24,
    head_hidden=8,
)


def batch(counts=(0, 3, 8), n_marks=3, seed=0):
    """Return genes with so many partners, promoters that are padded on either side."""
    rng = torch.Generator().manual_seed(seed)
    counts = torch.tensor(counts)
    owners = torch.repeat_interleave(torch.arange(len(counts)), counts)
    slots = torch.cat([torch.arange(n) for n in counts]).long()
    promoters, partners, own, other = {}, {}, {}, {}
    for size in RESOLUTIONS:
        length = 40_000 // size
        promoters[size] = torch.rand(len(counts), length, n_marks, generator=rng)
        own[size] = torch.tensor([[0, length], [2, length - 2], [0, length - 1]])[: len(counts)]
        n = torch.randint(1, length + 1, (len(owners),), generator=rng)
        left = (length - n + 1) // 2
        other[size] = torch.stack([left, n], dim=1)
        partners[size] = torch.rand(len(owners), length, n_marks, generator=rng)
    scores = torch.zeros(len(counts), 8)
    scores[owners, slots] = 1.5 + 3 * torch.rand(len(owners), generator=rng)
    return Inputs(promoters, partners, own, other, owners, slots, scores, counts)


def gradients(model, output):
    model.zero_grad()
    output.square().sum().backward()
    return {name: p.grad for name, p in model.named_parameters()}


def test_centre_query_form_equals_the_full_form_in_output_and_gradient():
    model, inputs = Chromoformer(SMALL, seed=3), batch()
    fast, full = model(inputs), chromoformer_full.forward(model, inputs)
    torch.testing.assert_close(fast, full, atol=1e-5, rtol=0)
    ours, theirs = (
        gradients(model, model(inputs)),
        gradients(model, chromoformer_full.forward(model, inputs)),
    )
    for name, gradient in theirs.items():
        assert (gradient is None) == (ours[name] is None), name
        if gradient is not None:
            torch.testing.assert_close(ours[name], gradient, atol=1e-5, rtol=1e-3)


def test_gradients_reach_every_parameter_but_the_published_unused_ones():
    model = Chromoformer(SMALL)
    unused = {
        name for name, gradient in gradients(model, model(batch())).items() if gradient is None
    }
    documented = [name for name, _ in model.named_parameters() if name.endswith("w_bias.weight")]
    documented += [f"embed.{size}.transformer.layers.0.self_att.gamma_f" for size in RESOLUTIONS]
    for size in RESOLUTIONS:
        documented += [f"pairwise_interaction.{size}.ln.{part}" for part in ("weight", "bias")]
        documented += [
            f"pairwise_interaction.{size}.transformer.layers.{i}.self_att.gamma_f" for i in (0, 1)
        ]
    assert unused == set(documented)


def test_published_number_of_parameters():
    count = sum(p.numel() for p in Chromoformer(Sizes(n_outputs=2)).parameters())
    per_resolution = (
        128 * 7
        + 384 * 128
        + 128 * 128
        + 128
        + 256
        + 2 * (128 * 128 + 128)
        + 256
        + 2
        + 4  # embed
        + 128 * 128
        + 128 * 7
        + 256
        + 2 * (3 * 128**2 + 128**2 + 128 + 256 + 2 * 128 * 256 + 384 + 256 + 2)
        + 6 * (1024 * 128 + 128 * 256 + 128 + 256 + 8 + 16 + 2 * 128 * 256 + 384 + 256)
    )
    assert count == 3 * per_resolution + 384 * 128 + 128 + 2 * 128 + 2


def test_permuting_partners_with_their_scores_changes_nothing():
    model, inputs = Chromoformer(SMALL, seed=1).eval(), batch((4,))
    order = torch.tensor([2, 0, 3, 1])
    scores = inputs.scores.clone()
    scores[0, :4] = inputs.scores[0, order]
    turned = replace(
        inputs,
        scores=scores,
        partners={size: x[order] for size, x in inputs.partners.items()},
        partner_spans={size: x[order] for size, x in inputs.partner_spans.items()},
    )
    torch.testing.assert_close(model(inputs), model(turned), atol=1e-5, rtol=0)


def test_what_is_padded_or_unused_reaches_neither_output_nor_gradient():
    model, inputs = Chromoformer(SMALL, seed=1).eval(), batch((0, 3, 8))
    plain = model(inputs)
    changed, watched = {}, []
    for size, values in inputs.partners.items():
        hidden = attention.outside(inputs.partner_spans[size], values.shape[1])
        values = torch.where(hidden[..., None], torch.tensor(1e3), values).requires_grad_()
        changed[size] = values
        watched.append((values, hidden))
    scores = inputs.scores.clone()
    scores[attention.unused_tokens(inputs.n_partners, 9)[:, 1:]] = 50.0  # of slots without partner
    output = model(replace(inputs, partners=changed, scores=scores))
    torch.testing.assert_close(output, plain, atol=1e-5, rtol=0)
    output.sum().backward()
    for values, hidden in watched:
        assert torch.isfinite(values.grad).all() and not values.grad[hidden].any()


def test_masked_keys_have_no_share():
    x = torch.tensor([[[1.0], [2.0], [3.0]]])
    share = (torch.tensor([1.0, 2.0, 3.0]) + attention.penalty(torch.tensor([0, 2]), 3)).softmax(-1)
    torch.testing.assert_close(share, torch.tensor([0.2689, 0.7311, 0.0]), atol=1e-4, rtol=0)
    assert not torch.isnan(attention.penalty(torch.tensor([0, 0]), 3).softmax(-1)).any() and x.any()


def test_a_score_matters_only_through_the_promoters_token():
    model, inputs = Chromoformer(SMALL, seed=1).eval(), batch((2,))
    raised = inputs.scores.clone()
    raised[0, 0] += 2
    assert not torch.equal(model(inputs), model(replace(inputs, scores=raised)))
    for block in (b for r in model.regulation.values() for b in r.transformer.layers):
        block.self_att.gamma_f.data.zero_()  # without its weight the bias is gone
    torch.testing.assert_close(model(inputs), model(replace(inputs, scores=raised)))


def test_position_code_is_the_published_one():
    code = attention.position_code(400, 128)
    p, i = 37, 5
    angle = p * 10_000 ** (-2 * i / 128)
    assert code[p, 2 * i].item() == pytest.approx(np.sin(angle), abs=1e-6)
    assert code[p, 2 * i + 1].item() == pytest.approx(np.cos(angle), abs=1e-6)


def test_drawing_a_network_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, second = Chromoformer(SMALL, seed=5), Chromoformer(SMALL, seed=5)
    assert torch.equal(before, torch.get_rng_state())
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )


def test_promoter_network_has_the_published_layers():
    network = PromoterNetwork(60, 1, rng=torch.Generator().manual_seed(0))
    assert network(torch.zeros(2, 60, 1)).shape == (2, 1)
    parts = (1, 175, 8), (175, 350, 4), (350, 700, 4)
    convolutions = sum(a * b * k + b for a, b, k in parts)
    dense = 2_100 * 625 + 625 + 625 * 125 + 125 + 125 + 1
    assert sum(p.numel() for p in network.parameters()) == convolutions + dense
    assert PromoterNetwork(100, 7, rng=torch.Generator())(torch.zeros(3, 100, 7)).shape == (3, 1)
    with pytest.raises(ValueError, match="8 bins are too few"):
        PromoterNetwork(8, 1, rng=torch.Generator())


@pytest.mark.parametrize(("kernel", "left", "right"), [(8, 3, 4), (4, 1, 2), (7, 3, 3)])
def test_an_even_kernel_pads_one_more_on_the_right(kernel, left, right):
    layer = SameConv(1, 1, kernel)
    assert layer.padding == (left, right)
    assert layer(torch.zeros(1, 1, 60)).shape == (1, 1, 60)


def test_profile_network_has_the_published_flatten():
    network = ProfileNetwork(400, 12, rng=torch.Generator().manual_seed(0))
    assert network.dense[0].in_features == 1_536
    network.eval()
    assert network(torch.randn(2, 400, 12)).shape == (2, 1)
    positive = ProfileNetwork(400, 1, rng=torch.Generator(), is_positive=True).eval()
    assert (positive(torch.randn(5, 400, 1)) > 0).all()


def test_outputs_never_broadcast_against_targets():
    model = torch.nn.Linear(2, 1)
    with pytest.raises(ValueError, match="outputs"):
        squared_loss(model, (torch.zeros(4, 2), torch.zeros(4, 1)))


def test_training_is_cut_and_stopped_when_keras_would():
    """Patience 3 cuts after the third epoch that is no better by 1e-4, patience 12 stops after the
    twelfth."""
    settings = PAPER["promoter"]
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], settings.learning_rate)
    schedule, rates = settings.schedule.build(optimiser), []
    for loss in [1.0, 0.99995, 1.0, 1.0, 1.0, 0.5]:
        schedules.step(schedule, loss)
        rates.append(optimiser.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3, 1e-3, 1e-3, 2e-4, 2e-4, 2e-4])
    assert settings.patience == 11 and settings.optimiser.eps == 1e-7


def test_the_best_epoch_is_kept_though_training_never_stops_early():
    """Validation losses 3, 2, 1, 1.5 in four epochs, patience 12: the weights of epoch 3."""
    model, losses, kept = torch.nn.Linear(1, 1), iter([3.0, 2.0, 1.0, 1.5]), []

    def loss(network, batch):
        if network.training:
            return Outcome(network(torch.ones(2, 1)).square().mean(), 2)
        kept.append(network.weight.detach().clone())
        return Outcome(torch.tensor(next(losses)), 2)

    settings = replace(PAPER["promoter"], max_epochs=4)
    batches = [None]
    fitted = training.fit(
        model,
        lambda rng: batches,
        lambda rng: batches,
        loss=loss,
        rng=np.random.default_rng(0),
        settings=settings,
    )
    assert fitted.best_epoch == 3 and len(fitted.history) == 4
    assert torch.equal(model.weight, kept[2]) and not torch.equal(kept[2], kept[3])


@pytest.mark.real
def test_untrained_network_reproduces_the_stored_predictions(real, e003):
    folder = real / "data/epigenome/chromoformer_demo"
    stored = pd.read_csv(folder / "untrained_prediction.csv")
    inputs = e003.inputs(np.arange(50))
    model = Chromoformer(Sizes(n_outputs=2), seed=123).eval()
    with torch.no_grad():
        ours = model(inputs)[:, 1].sigmoid().numpy()
    np.testing.assert_allclose(ours, stored["prediction"], atol=1e-5)


@pytest.mark.real
def test_both_forms_agree_on_real_genes_at_published_size(e003):
    inputs = e003.inputs(np.array([0, 1]))
    model = Chromoformer(seed=123).eval()
    ours = gradients(model, model(inputs))
    theirs = gradients(model, chromoformer_full.forward(model, inputs))
    with torch.no_grad():
        torch.testing.assert_close(
            model(inputs), chromoformer_full.forward(model, inputs), atol=1e-5, rtol=0
        )
    for name, gradient in theirs.items():
        if gradient is not None:
            torch.testing.assert_close(ours[name], gradient, atol=1e-5, rtol=1e-3)


@pytest.fixture(scope="module")
def e003(real):
    from lib.epigenome import features, genes, signals
    from lib.epigenome.marks import MARKS

    folder = real / "data/epigenome/chromoformer_demo"
    table = genes.read_train_table(folder / "demo_meta.csv", "E003")
    known = signals.from_arrays(
        table, folder / "demo_data_E003_readdepth.npz", cell="E003", origin="real"
    )
    return features.features(known, MARKS)


def test_a_position_code_that_was_first_asked_for_without_gradients_serves_training():
    attention.position_code.cache_clear()
    with torch.inference_mode():
        attention.position_code(7, 4)
    assert not attention.position_code(7, 4).is_inference()
