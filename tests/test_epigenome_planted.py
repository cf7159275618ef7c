"""Planted truth: the simulated files, and what simple models and networks find in them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import toy_epigenome as toy
from scipy import stats

from lib.data.errors import InputError
from lib.epigenome import (
    contacts,
    eqtl,
    evaluation,
    expression,
    features,
    fitting,
    genes,
    own,
    plans,
    promoters,
    signals,
    simple,
    splits,
    trained,
    unit_files,
)
from lib.epigenome.marks import MARKS
from lib.simulate import epigenome, epigenome_files

pyBigWig = pytest.importorskip("pyBigWig")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One simulated folder with the tracks of one cell."""
    where = tmp_path_factory.mktemp("epigenome")
    world = toy.world()
    epigenome_files.write_tables(where, world)
    (where / "tracks").mkdir()
    for mark in MARKS:
        path = where / "tracks" / f"E003-{mark}.bigWig"
        epigenome_files.write_bigwig(path, world.sizes, *epigenome_files.track(world, "E003", mark))
    return where


def read_table(folder):
    """Go the way of a real folder: transcripts, start sites, contacts, expression."""
    tss = genes.choose_tss(genes.read_transcripts(folder / "genes.gtf"))
    fragments = pd.read_csv(folder / "tss2fragment.tsv", sep="\t")
    found = contacts.partners(
        tss, fragments, contacts.read_contacts(folder / "contacts" / "H1.parquet")
    )
    table = tss.merge(contacts.joined(found, tss["gene_id"]), on="gene_id")
    rpkm = expression.read_rpkm(folder / "expression.tsv.gz", ["E003"])["E003"]
    table["expression"] = rpkm.reindex(table["gene_id"]).to_numpy()
    return table.assign(label=expression.is_expressed(table["expression"])), found


def test_files_give_back_what_was_drawn(folder):
    world = toy.world()
    table, found = read_table(folder)
    assert table["start"].tolist() == world.genes["start"].tolist()
    assert len(found.table) == len(world.contacts) and found.n_trans > 0 and found.n_weak > 0
    paths = {mark: folder / "tracks" / f"E003-{mark}.bigWig" for mark in MARKS}
    known = signals.from_tracks(table, paths, cell="E003", origin="simulated")
    drawn = toy.signals()
    rpkm = known.genes["expression"]
    np.testing.assert_allclose(rpkm, drawn.genes["expression"], atol=1e-9)
    inside = np.arange(400) >= known.inside[:, :1]
    np.testing.assert_array_equal(
        known.promoters.swapaxes(1, 2)[inside], drawn.promoters.swapaxes(1, 2)[inside]
    )
    ours, theirs = (features.features(one, MARKS) for one in (known, drawn))
    for row in range(len(table)):
        a, b = ours.inputs(np.array([row])), theirs.inputs(np.array([row]))
        np.testing.assert_array_equal(a.partners[500], b.partners[500])


def test_region_arrays_are_in_the_published_form(folder, tmp_path):
    world = toy.world()
    table, _ = read_table(folder)
    rows = np.flatnonzero(table["neighbors"].notna())[:3]
    arrays = epigenome_files.write_region_arrays(tmp_path / "arrays", world, "E003", rows=rows)
    known = signals.from_arrays(table.iloc[rows], arrays, cell="E003", origin="simulated")
    np.testing.assert_array_equal(known.promoters, toy.signals().promoters[rows])
    assert np.load(next(Path(arrays).glob("*.npy"))).dtype == np.float16


def test_simulated_variants_are_readable_and_near_their_genes(folder):
    found = eqtl.read_eqtls(folder / "eqtl.csv")
    place = toy.world().genes.set_index("gene_id")["start"].reindex(found["gene_id"]).to_numpy()
    assert len(found) > 50 and (np.abs(found["position"] - place) <= 20_001).all()


def test_planted_correlations_come_back_without_a_model():
    """Mean activity within the planted band against expression, at many genes: within sampling
    error of the plan."""
    plan = epigenome.Plan(n_genes=350, cells=("E003",), seed=3)
    known = epigenome_files.signals_of(epigenome.draw(plan), "E003")
    y = expression.log_target(known.genes["expression"])
    for mark in MARKS:
        row = MARKS.index(mark)
        low, high = (np.array(epigenome.BANDS[mark]) + 20_000) // 100
        sums = promoters.oriented(known, np.array([row]))[:, 0, low:high].mean(axis=1)
        r = evaluation.pearson(y, np.log1p(sums / 100))
        alone = epigenome.expected_r(
            [mark], "E003", window=2 * max(map(abs, epigenome.BANDS[mark])), with_contacts=False
        )
        if mark == "H3K27ac":
            continue  # shows three states
        assert abs(r) == pytest.approx(alone, abs=0.17), mark
        assert (r < 0) == (mark == "H3K27me3") or alone == 0


def test_distance_decides_what_a_mark_can_tell():
    assert epigenome.expected_r(["H3K36me3"], "E003", window=6_000, with_contacts=False) == 0
    assert epigenome.expected_r(["H3K36me3"], "E003") > 0.45
    assert epigenome.expected_r(["H3K9me3"], "E003") == 0
    weak, strong = (epigenome.expected_r(["H3K27ac"], cell) for cell in ("E004", "E003"))
    assert weak < strong - 0.05
    profile = epigenome.profile("H3K36me3")
    assert profile[:12].sum() == 0 and profile.sum() == pytest.approx(epigenome.WEIGHTS["H3K36me3"])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    where = tmp_path_factory.mktemp("signals")
    return {cell: signals.write(where / f"{cell}.npz", toy.signals(cell)) for cell in toy.CELLS}


def fitted(data, tmp_path, kind, marks, **changes):
    """Fit one small network on fold 1 and return its file."""
    options = toy.SMALL if kind == "chromoformer" else toy.NARROW
    window = changes.pop("window", 40_000 if kind == "chromoformer" else 6_000)
    plan = plans.Plan(
        kind, marks, 1, window=window, options=options, task=changes.pop("task", "regression")
    )
    path = tmp_path / f"{kind}-{'-'.join(marks)}.npz"
    fitting.fit_unit(
        path,
        seed=changes.pop("seed", 1),
        data=data["E003"],
        plan=plans.as_dict(plan),
        settings=toy.settings(kind, **changes),
        keep=True,
    )
    return path


def held_out_r(path):
    table = unit_files.read_predictions([path])
    held = table[table["part"] != "train"]
    return evaluation.pearson(held["act"], held["pred"])


def test_the_wide_model_finds_what_the_narrow_one_cannot(tmp_path):
    """H3K36me3 alone tells of expression, from 4 to 16 kbp downstream; H3K9me3 and the promoter do
    not."""
    one = {"E003": signals.write(tmp_path / "one.npz", toy.one_mark("H3K36me3"))}
    path = fitted(one, tmp_path, "chromoformer", ["H3K36me3"], max_epochs=12)
    narrow = held_out_r(fitted(one, tmp_path, "promoter", ["H3K36me3"]))
    none = held_out_r(fitted(one, tmp_path, "promoter", ["H3K9me3"]))
    assert held_out_r(path) > 0.6 and abs(narrow) < 0.35 and abs(none) < 0.35
    positions = own.positions_that_matter(
        [trained.load(unit_files.read_network(path))], toy.one_mark("H3K36me3")
    )
    planted = epigenome.profile("H3K36me3")
    assert planted[positions["difference"].idxmax()] > 0
    assert stats.spearmanr(positions["difference"], planted).statistic > 0.6


def test_a_network_and_its_card_come_back_and_predict_other_cells(data, tmp_path):
    path = fitted(data, tmp_path, "chromoformer", ["H3K4me3", "H3K27ac"], max_epochs=4)
    network, plan, card = trained.load(unit_files.read_network(path))
    table = unit_files.read_predictions([path])
    again = fitting.predict(network, fitting.inputs_of(toy.signals(), plan), len(table))
    np.testing.assert_allclose(again, table["pred"], atol=1e-6)
    chromosomes = card.inputs["chromosomes"]
    assert set(chromosomes["validation"] + chromosomes["test"]) == set(splits.FOLDS[1])
    assert not set(chromosomes["train"]) & set(splits.FOLDS[1]) and card.inputs["cell"] == "E003"
    trained.cross_unit(tmp_path / "cross.npz", seed=0, network=path, data=data["E118"])
    cross = unit_files.read_predictions([tmp_path / "cross.npz"])
    assert set(cross["cell"]) == {"E118"} and set(cross["part"]) == {"test"}
    where = toy.signals("E118").genes.set_index("gene_id")["chrom"]
    assert set(where[cross["gene"]]) <= set(chromosomes["test"])


def spoiled_test_genes():
    """Return signals whose test genes of fold 1 have other marks, expression and labels; and which
    genes they are."""
    known = toy.signals()
    is_test = known.genes["chrom"].isin(splits.test_chromosomes(known.genes["chrom"], 1)).to_numpy()
    promoters = np.where(is_test[:, None, None], 5 * known.promoters + 1, known.promoters)
    genes_ = known.genes.assign(
        expression=known.genes["expression"].where(~is_test, 99.0),
        label=known.genes["label"].where(~is_test, 1 - known.genes["label"]),
    )
    return replace(known, promoters=promoters, genes=genes_), is_test


@pytest.mark.parametrize(
    ("kind", "task"),
    [
        ("promoter", "regression"),
        ("chromoformer", "regression"),
        ("chromoformer", "classification"),
    ],
)
def test_what_a_test_gene_holds_reaches_no_training(data, tmp_path, kind, task):
    """Other expression, labels and marks of the test genes leave all other predictions as they
    are."""
    changed, is_test = spoiled_test_genes()
    other = {"E003": signals.write(tmp_path / "other.npz", changed)}
    plain, spoiled = (
        unit_files.read_predictions(
            [fitted(some, tmp_path, kind, ["H3K4me3"], task=task, max_epochs=2)]
        )
        for some in (data, other)
    )
    assert plain["part"].tolist() == spoiled["part"].tolist()
    np.testing.assert_array_equal(plain["pred"][~is_test], spoiled["pred"][~is_test])
    assert (plain["pred"][is_test] != spoiled["pred"][is_test]).any()


@pytest.mark.parametrize("model", ["mean", "ridge 6 kbp", "boosting 6 kbp"])
def test_what_a_test_gene_holds_reaches_no_simple_model(model):
    known, (changed, is_test) = toy.signals(), spoiled_test_genes()
    parts = splits.assign(known.genes["chrom"], 1).to_numpy()
    plain, spoiled = (
        simple.fit(
            model,
            simple.inputs(one, ["H3K4me3"], model),
            expression.log_target(one.genes["expression"]),
            parts,
            seed=0,
        )
        for one in (known, changed)
    )
    np.testing.assert_array_equal(plain[~is_test], spoiled[~is_test])


def test_classification_gives_probabilities(data, tmp_path):
    path = fitted(
        data,
        tmp_path,
        "chromoformer",
        ["H3K4me3"],
        task="classification",
        score="loss",
        max_epochs=6,
    )
    table = unit_files.read_predictions([path])
    assert table["pred"].between(0, 1).all() and set(table["act"]) == {0, 1}
    held = table[table["part"] != "train"]
    auc = stats.mannwhitneyu(
        held["pred"][held["act"] == 1], held["pred"][held["act"] == 0]
    ).statistic
    assert auc / (held["act"].sum() * (1 - held["act"]).sum()) > 0.6


def test_simple_models_on_the_same_genes(data, tmp_path):
    simple.simple_unit(
        tmp_path / "simple.npz",
        seed=0,
        data=data["E003"],
        marks=list(MARKS),
        cuts={"1": None},
        models=["mean", "activity 6 kbp", "ridge 40 kbp + contacts", "gene score"],
    )
    table = unit_files.read_predictions([tmp_path / "simple.npz"])
    found = evaluation.by_unit(table).set_index("model")
    assert np.isnan(found.loc["mean", "r"]) and found.loc["activity 6 kbp", "r"] > 0.5
    assert found["n"].nunique() == 1 and found.loc["ridge 40 kbp + contacts", "r"] > 0.6
    network = unit_files.read_predictions(
        [fitted(data, tmp_path, "promoter", ["H3K4me3"], max_epochs=1)]
    )
    same = table[table["model"] == "mean"]
    assert (
        same["part"].tolist() == network["part"].tolist()
        and same["gene"].tolist() == network["gene"].tolist()
    )


@pytest.mark.parametrize("n_bins", [3, 40])
def test_the_ridge_is_scikit_learns_with_few_and_with_many_bins(n_bins):
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, n_bins))
    y, parts = values[:, 0] + rng.normal(size=30), np.repeat(["train", "validation", "test"], 10)
    x = (values - values[:10].mean(axis=0)) / values[:10].std(axis=0)
    found = [Ridge(alpha=ridge).fit(x[:10], y[:10]).predict(x) for ridge in simple.RIDGES]
    best = min(found, key=lambda pred: np.mean((pred[10:20] - y[10:20]) ** 2))
    np.testing.assert_allclose(simple.fit("ridge", values, y, parts, seed=0), best, atol=1e-8)


def test_unrelated_expression_stays_at_chance():
    """Expression in random order: over 10 orders the ridge's correlation averages about zero."""
    known = toy.signals()
    parts = splits.assign(known.genes["chrom"], 1).to_numpy()
    values = simple.inputs(known, MARKS, "ridge 40 kbp")
    y, found = fitting.target(known, "regression"), []
    for seed in range(10):
        mixed = np.random.default_rng(seed).permutation(y)
        pred = simple.fit("ridge 40 kbp", values, mixed, parts, seed=0)
        if np.ptp(pred) > 1e-9:
            found.append(evaluation.pearson(mixed[parts == "test"], pred[parts == "test"]))
    assert abs(np.mean(found)) < 0.25


def test_your_own_cell_is_told_where_the_networks_have_not_been(data, tmp_path):
    path = fitted(data, tmp_path, "chromoformer", ["H3K4me3", "H3K9me3"], max_epochs=10)
    networks = [trained.load(unit_files.read_network(path))]
    known = toy.signals("E118")
    table = own.predict(networks, known)
    assert (
        len(table) == len(known.genes)
        and evaluation.pearson(table["observed"], table["expected"]) > 0.3
    )
    assert own.range_report(networks, known)["warning"].tolist() == ["", ""]
    deep = signals.Signals(**{**vars(known), "promoters": 8 * known.promoters})
    report = own.range_report(networks, deep)
    assert report["warning"].str.contains("outside the training cell's range").all()
    assert (own.predict(networks, deep)["n_outside"] > 0).mean() > 0.5
    assert own.marks_that_matter(networks, known, np.random.default_rng(0))["mark"][0] == "H3K4me3"
    positions = own.positions_that_matter(networks, known)
    assert abs(positions.loc[positions["difference"].abs().idxmax(), "start"]) <= 2_000


def test_a_unit_without_network_says_so(data, tmp_path):
    plan = plans.Plan("promoter", ["H3K4me3"], 1, window=6_000, options=toy.NARROW)
    fitting.fit_unit(
        tmp_path / "x.npz",
        seed=1,
        data=data["E003"],
        plan=plans.as_dict(plan),
        settings=toy.settings("promoter", max_epochs=1),
    )
    with pytest.raises(InputError, match="x.npz: this unit kept no network"):
        unit_files.read_network(tmp_path / "x.npz")
