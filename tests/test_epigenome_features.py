"""Features: bins and tensors equal their definition, on hand-made signals and on the real regions
of E003."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.epigenome import evaluation, features, fitting, genes, promoters, signals, simple
from lib.epigenome.chromoformer import RESOLUTIONS
from lib.epigenome.marks import MARKS


def hand_made(strand="+"):
    """One gene, one mark: depth 1 in the first stored bin, 7 in the bin of the start site."""
    sums = np.zeros((1, 1, 400), np.float32)
    sums[0, 0, 0], sums[0, 0, 200] = 100, 700
    table = pd.DataFrame(
        [["G", "chr1", 30_000, 30_001, strand, 3.0, 1]], columns=list(signals.GENE_COLUMNS)
    )
    return signals.Signals(
        "E003",
        ("H3K4me3",),
        table,
        sums,
        np.array([[0, 400]]),
        pd.DataFrame({"chrom": ["chr1"], "start": [90_000], "end": [90_250]}),
        np.array([[100], [200], [150]], np.float32),
        np.array([0, 3]),
        np.array([[0, -1]]),
        np.array([[2.5, 0]], np.float32),
        "simulated",
    )


def test_a_gene_on_minus_is_reversed_and_its_partners_are_not():
    plus, minus = (features.features(hand_made(strand), ["H3K4me3"]) for strand in "+-")
    for size in RESOLUTIONS:
        np.testing.assert_array_equal(plus.promoters[size], minus.promoters[size][:, ::-1])
        np.testing.assert_array_equal(plus.partners[size], minus.partners[size])
    assert plus.promoters[100][0, 0, 0] == pytest.approx(np.log(2))
    assert plus.promoters[100][0, 200, 0] == pytest.approx(np.log(8))
    assert minus.promoters[100][0, 199, 0] == pytest.approx(
        np.log(8)
    )  # one bin off: the published frame


def test_a_short_last_bin_is_averaged_over_its_own_bases():
    made = features.features(hand_made(), ["H3K4me3"])
    left, n = made.partner_spans[100][0]
    assert (left, n) == (199, 3)
    np.testing.assert_allclose(
        np.expm1(made.partners[100][0, left : left + n, 0]), [1, 2, 3], rtol=1e-6
    )
    left, n = made.partner_spans[500][0]
    assert n == 1 and np.expm1(made.partners[500][0, left, 0]) == pytest.approx(450 / 250)


def test_a_narrow_window_is_centred():
    narrow = promoters.narrow(hand_made(), ["H3K4me3"], window=6_000)
    assert narrow.shape == (1, 60, 1) and narrow[0, 30, 0] == pytest.approx(np.log(8))
    made = features.features(hand_made(), ["H3K4me3"], window=8_000)
    assert made.promoter_spans[100].tolist() == [[160, 80]] and made.promoters[100].shape == (
        1,
        400,
        1,
    )
    assert (
        made.promoters[100][0, 200, 0] == pytest.approx(np.log(8))
        and not made.promoters[100][0, :160].any()
    )
    with pytest.raises(InputError, match="a window of 5 bp"):
        promoters.narrow(hand_made(), ["H3K4me3"], window=5)


def test_bins_off_the_chromosome_are_masked():
    known = hand_made("-")
    known = signals.Signals(**{**vars(known), "inside": np.array([[10, 390]])})
    made = features.features(known, ["H3K4me3"])
    assert made.promoter_spans[100].tolist() == [[0, 390]]  # reversed: the missing bins come last
    assert made.promoter_spans[2_000].tolist() == [[0, 20]]  # the last bin is partly there


def test_a_mark_that_is_not_there_is_named():
    with pytest.raises(InputError, match="H3K9ac is not there"):
        features.features(hand_made(), ["H3K9ac"])


def test_half_shuffled_batches_hold_the_right_partners():
    known = hand_made()
    inputs = features.features(known, ["H3K4me3"]).inputs(np.array([0, 0]))
    assert inputs.owners.tolist() == [0, 1] and inputs.slots.tolist() == [0, 0]
    assert inputs.n_partners.tolist() == [1, 1] and inputs.scores.tolist() == [[2.5, 0], [2.5, 0]]


@pytest.fixture(scope="module")
def e003(real):
    folder = real / "data/epigenome/chromoformer_demo"
    table = genes.read_train_table(folder / "demo_meta.csv", "E003")
    return signals.from_arrays(
        table, folder / "demo_data_E003_readdepth.npz", cell="E003", origin="real"
    )


@pytest.mark.real
def test_real_bins_equal_their_definition(real, e003):
    """Every bin again, one by one, from the stored depth per base."""
    made = features.features(e003, MARKS)
    folder = real / "data/epigenome/chromoformer_demo"
    table = genes.read_train_table(folder / "demo_meta.csv", "E003")
    with np.load(folder / "demo_data_E003_readdepth.npz", allow_pickle=False) as stored:
        for row in (0, 1, 7):
            gene = table.iloc[row]
            depth = stored[f"{gene['chrom']}:{gene['start'] - 20_000}-{gene['start'] + 20_000}"]
            for size in RESOLUTIONS:
                expected = by_definition(depth, size)
                expected = expected[::-1] if gene["strand"] == "-" else expected
                np.testing.assert_allclose(made.promoters[size][row], expected, atol=1e-6)
                for slot, name in enumerate(genes.split_list(gene["neighbors"])):
                    found = made.partners[size][e003.slots[row, slot]]
                    np.testing.assert_allclose(found, by_definition(stored[name], size), atol=1e-6)


def by_definition(depth, size):
    """Return padded bins (L, F) of depth (F, bases), written out."""
    total, n = 40_000 // size, int(np.ceil(depth.shape[1] / size))
    left = int(np.ceil((total - n) / 2))
    out = np.zeros((total, len(depth)))
    for i in range(n):
        out[left + i] = np.log(1 + depth[:, i * size : (i + 1) * size].mean(axis=1))
    return out


@pytest.mark.real
def test_real_activity_has_the_signs_and_order_of_the_paper(e003):
    """Active promoter marks strongly positive, repressive ones not; H3K36me3 gains with the
    window."""
    table = simple.activity_correlations(e003, windows=(6_000, 40_000))
    r = table.pivot(index="mark", columns="window", values="r")
    active = r.loc[["H3K4me3", "H3K27ac", "H3K9ac"]]
    assert (active[6_000] > 0.5).all() and (active[40_000] > 0.3).all()
    assert (r.loc[["H3K9me3", "H3K27me3"]] < 0.05).all(axis=None)
    assert r.loc["H3K36me3", 40_000] > r.loc["H3K36me3", 6_000] > 0.3
    assert set(r[6_000].nlargest(3).index) == set(active.index)


@pytest.mark.real
def test_real_labels_are_those_of_the_table(e003):
    y = fitting.target(e003, "regression")
    label = e003.genes["label"].to_numpy()
    assert y[label == 1].min() > y[label == 0].max()
    assert evaluation.pearson(y, promoters.activity(e003, ["H3K9ac"], window=6_000)[:, 0]) > 0.6
