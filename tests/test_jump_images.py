"""Illumination, the simulated JUMP and its way to nuclei, and what batches do to profiles."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.jump import batches, correction, illumination, load_data, metadata, profiles, symbols
from lib.jump import wells as choice
from lib.report import published
from lib.simulate import jump, jump_layout, jump_tables
from lib.simulate.states import DIMENSIONS

GENES = ("BRAF", "JUN", "RELB", "SRC", "AURKA", "ACAN")


@pytest.mark.parametrize(
    ("value", "function", "nearest", "paper"),
    [(65535, 0.9999, 65535, 5), (100, 1.5, 67, 66), (0, 2.0, 0, 0), (300, 1.0, 300, 300)],
)
def test_correction_clips_and_rounds_where_the_paper_wraps_and_truncates(
    value, function, nearest, paper
):
    image, light = np.array([[value]], np.uint16), np.array([[function]])
    assert illumination.correct(image, light).item() == nearest
    assert illumination.correct(image, light, rounding="paper").item() == paper


def test_a_correction_undoes_the_light():
    rng = np.random.default_rng(0)
    image = rng.integers(200, 5000, (64, 64)).astype(np.uint16)
    light = jump.illumination(64, 0.4, rng)
    assert light.min() == 1 and np.ptp(light) == pytest.approx(0.4, abs=1e-6)
    again = illumination.correct(np.rint(image * light).astype(np.uint16), light)
    assert np.abs(again.astype(int) - image).max() <= 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (np.ones((2, 3)), "its illumination function"),
        (np.zeros((2, 2)), "not positive everywhere"),
        (np.full((2, 2), np.nan), "not positive everywhere"),
    ],
)
def test_a_function_that_cannot_be_used_is_refused(function, message):
    with pytest.raises(InputError, match=message):
        illumination.correct(np.ones((2, 2), np.uint16), function)


def test_a_file_that_is_no_function_is_refused(tmp_path):
    path = tmp_path / "BR1_IllumDNA.npy"
    with pytest.raises(InputError, match=r"BR1_IllumDNA.npy: not readable as .npy"):
        illumination.read_function(path)
    np.save(path, np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match=r"not readable as .npy"):
        illumination.read_function(path)
    np.save(path, np.ones((2, 2, 2)))
    with pytest.raises(InputError, match="no image of numbers"):
        illumination.read_function(path)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A simulated JUMP of two batches, and its wells and fields."""
    folder = tmp_path_factory.mktemp("jump") / "jump"
    nodes = pd.DataFrame({"gene": GENES, "is_regulator": [True] * 4 + [False] * 2})
    states = pd.DataFrame({"gene": GENES} | dict.fromkeys(DIMENSIONS, 0.5))
    ids = pd.DataFrame({"symbol": GENES, "gene_id": [f"{i + 1}" for i in range(len(GENES))]})
    genes = jump_layout.choose_genes(nodes, states, ids, n_train=3, n_test=2, seed=1)
    design = jump_layout.design(
        n_batches=2, n_replicates=1, second_reagent=0.4, sites=1, side=128, nuclei_per_field=4.0
    )
    made = jump.write_jump(folder, genes, design, seed=1, executor="inline")
    every, joins = metadata.join(metadata.read(made))
    wells, _ = choice.conditions(every, ids)
    fields, images = load_data.fields(load_data.read(folder), wells)
    return (
        folder,
        genes,
        design,
        every,
        wells,
        fields,
        pd.DataFrame([*joins.to_dict("records"), images]),
    )


def test_a_simulated_jump_joins_as_the_real_one(small):
    _, genes, design, every, wells, fields, joins = small
    assert set(wells["gene_symbol"]) == {*genes["gene"], "EMPTY"} and len(genes) == 5
    assert wells.groupby("batch").ngroups == design.n_batches
    controls = wells[wells["gene_symbol"] == "EMPTY"]
    assert set(controls["well"]) == set(jump_layout.CONTROL_WELLS)
    assert set(every["pert_type"]) == {"trt", "negcon", "poscon", "empty"}
    assert wells.groupby("gene_symbol")["reagent"].nunique().max() == 2
    assert fields["channel"].unique().tolist() == ["ch5"] and len(fields) == len(wells)
    # one well of every plate has images and no row in the metadata
    assert joins["n_left_only"].iloc[-1] == 2 and joins["n_right_only"].iloc[1] == 2


def test_a_gene_and_its_first_batch_go_together_but_a_second_orf_is_elsewhere(small):
    _, _, _, _, wells, _, _ = small
    genes = wells[wells["gene_symbol"] != "EMPTY"]
    assert (genes.groupby("reagent")["batch"].nunique() == 1).all()
    two = genes.groupby("gene_symbol").filter(lambda rows: rows["reagent"].nunique() == 2)
    assert (two.groupby("gene_symbol")["batch"].nunique() == 2).all()


def test_an_aged_symbol_is_joined_by_its_id(small):
    _, genes, _, every, wells, _, _ = small
    aged = every[every["symbol"].fillna("").str.endswith(jump_tables.AGED)]
    symbol = aged["symbol"].iloc[0].removesuffix(jump_tables.AGED)
    assert symbol in set(wells["gene_symbol"])
    ids = genes.rename(columns={"gene": "symbol"})[["symbol", "gene_id"]]
    status = symbols.compare(every, ids).set_index("given")["status"]
    assert status[symbol + jump_tables.AGED] == "renamed"


def test_the_same_seed_gives_the_same_bytes_and_nothing_is_done_twice(small):
    folder, genes, design, *_ = small
    files = [*folder.rglob("*.tiff"), *folder.rglob("*.gz"), *folder.rglob("*.npy")]
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    lost = next(path for path in files if path.suffix == ".tiff")
    lost.unlink()
    jump.write_jump(folder, genes, design, seed=1, executor="inline")
    assert lost.read_bytes() == before[lost][1]
    untouched = next(
        path for path in files if path.suffix == ".tiff" and path.parents[1] != lost.parents[1]
    )
    assert untouched.stat().st_mtime_ns == before[untouched][0]
    assert all(path.read_bytes() == content for path, (_, content) in before.items())


def test_plates_are_corrected_once_and_again_where_a_file_is_lost(small, tmp_path):
    folder, _, _, _, _, fields, _ = small
    path = tmp_path / "fields.parquet"
    fields.to_parquet(path)
    options = {"root": folder, "images": tmp_path / "images", "directory": tmp_path / "units"}
    report = illumination.correct_plates(path, **options, executor="inline")
    assert report["field"].tolist() == fields["field"].tolist() and (report["highest"] > 1).all()
    raw, function, after = illumination.example(fields.iloc[0], folder, tmp_path / "images")
    assert (after == illumination.correct(raw, function)).all() and (after <= raw).all()
    one = tmp_path / "images" / fields["plate"].iloc[0] / fields["field"].iloc[0]
    one.unlink()
    illumination.correct_plates(path, **options, executor="inline")
    assert one.exists()


def wells_of(values, *, batch, gene, plate=None, reagent=None) -> pd.DataFrame:
    n = len(values)
    index = pd.MultiIndex.from_arrays(
        [
            batch,
            plate or [f"{one}p" for one in batch],
            [f"A{i + 1:02d}" for i in range(n)],
            reagent or ["r"] * n,
            gene,
        ],
        names=list(profiles.WELL),
    )
    return pd.DataFrame(np.asarray(values, float).reshape(n, -1), index=index)


def test_scores_name_their_degrees_of_freedom():
    wells = wells_of([4, 6, 8], batch=["b"] * 3, gene=["EMPTY", "EMPTY", "JUN"])
    for ddof, expected in ((1, 2.12), (0, 3.0)):
        scaling = correction.fit_scaling(wells, min_controls=2, ddof=ddof)
        assert correction.scale(wells, scaling)[0].iloc[2] == pytest.approx(expected, abs=0.005)


def test_too_few_controls_are_pooled_or_not_scaled_and_never_infinite():
    wells = wells_of(
        [4, 6, 8, 1, 9, 5, 7, 3],
        batch=["b1"] * 3 + ["b2"] * 3 + ["b3"] * 2,
        gene=["EMPTY", "EMPTY", "JUN", "EMPTY", "JUN", "LacZ", "EMPTY", "JUN"],
    )
    scaling = correction.fit_scaling(wells, others=("LacZ",), min_controls=2)
    assert scaling.report["status"].tolist() == [
        correction.OWN,
        correction.POOLED,
        correction.NOT_SCALED,
    ]
    scaled = correction.scale(wells, scaling)
    assert np.isfinite(scaled.to_numpy()).all()
    assert set(scaled.index.get_level_values("batch")) == {"b1", "b2"}
    with pytest.raises(InputError, match="no batch has 9 wells of EMPTY"):
        correction.fit_scaling(wells, min_controls=9)
    with pytest.raises(InputError, match="one well has no spread"):
        correction.fit_scaling(wells, min_controls=1)


def test_an_unknown_batch_is_not_scaled_in_silence():
    wells = wells_of([4, 6, 8], batch=["b1"] * 3, gene=["EMPTY", "EMPTY", "JUN"])
    other = wells_of([4], batch=["b7"], gene=["JUN"])
    with pytest.raises(InputError, match="batch b7 is unknown; it was not among b1"):
        correction.scale(other, correction.fit_scaling(wells, min_controls=2))


def test_the_mean_of_a_position_is_subtracted_over_plates():
    index = pd.MultiIndex.from_product([["p1", "p2", "p3"], ["O23"]], names=["plate", "well"])
    assert (correction.subtract_positions(pd.DataFrame({"x": 2.0}, index=index)) == 0).all(None)


def test_a_gene_of_two_orfs_has_two_means():
    wells = wells_of([0, 0, 0, 0, 10], batch=["b"] * 5, gene=["G"] * 5, reagent=["r1"] * 4 + ["r2"])
    assert profiles.by_gene(wells)[0].item() == 2
    assert profiles.by_gene(wells, weighting="reagent")[0].item() == 5
    with pytest.raises(InputError, match="choose well or reagent"):
        profiles.by_gene(wells, weighting="plate")


def shifted(n_batches=4, n_wells=12, width=24, shift=1.0, seed=0) -> pd.DataFrame:
    """Control wells whose batches differ along a few directions."""
    rng = np.random.default_rng(seed)
    batch = np.repeat([f"b{i}" for i in range(n_batches)], n_wells)
    centres = shift * rng.normal(size=(n_batches, width))
    values = rng.normal(size=(len(batch), width)) + np.repeat(centres, n_wells, axis=0)
    plate = [f"{one}p{i % 2}" for i, one in enumerate(batch)]
    return wells_of(values, batch=batch, gene=["EMPTY"] * len(batch), plate=plate)


def test_a_projection_leaves_the_published_number_of_dimensions():
    rng = np.random.default_rng(0)
    names = np.repeat([f"b{i}" for i in range(13)], 20)
    values = rng.normal(size=(260, 100)) + rng.normal(size=(13, 100)).repeat(20, axis=0)
    basis = correction.null_space(values, names, n_rounds=2)
    assert basis.shape == (100, 74) and np.allclose(basis.T @ basis, np.eye(74), atol=1e-10)
    assert correction.n_left(1024, 13, 5) == published.load()["jump.batches.dimensions"].value


def test_a_projection_takes_the_batches_away_and_little_else():
    wells = shifted(n_wells=60)
    names = wells.index.get_level_values("batch")
    basis = correction.null_space(wells, names, n_rounds=2)
    means = pd.DataFrame(wells.to_numpy() @ basis).groupby(names.to_numpy()).mean()
    before = wells.groupby(level="batch").mean()
    assert means.std().mean() < 0.4 * before.std().mean()
    with pytest.raises(InputError, match="9 rounds of 4 batches take 36 of 24 dimensions"):
        correction.null_space(wells, names, n_rounds=9)
    with pytest.raises(InputError, match="one batch cannot be told"):
        correction.null_space(wells.iloc[:5], names[:5])


@pytest.mark.parametrize("grouping", ["well", "plate"])
def test_corrections_bring_the_batch_accuracy_towards_chance(grouping):
    wells = shifted(shift=2.0)
    index = wells.index.repeat(20)
    rng = np.random.default_rng(1)
    nuclei = np.repeat(wells.to_numpy(), 20, axis=0) + rng.normal(size=(len(index), 24))
    steps = batches.corrections(nuclei, index.to_frame(index=False), n_rounds=1, min_controls=3)
    found = batches.compare(wells, steps, n_folds=2, grouping=grouping, n_trees=30)
    by_name = found.set_index("correction")["accuracy"]
    assert by_name["none"] > 0.9 and (found["chance"] == 0.25).all()
    assert by_name["scaled"] < 0.65 and by_name["projected and scaled"] < 0.65


def test_without_batch_effects_the_accuracy_is_at_chance():
    found = [
        batches.accuracy(shifted(shift=0, seed=seed), batches.raw, n_trees=20, n_folds=3).mean()
        for seed in range(3)
    ]
    assert np.mean(found) == pytest.approx(0.25, abs=0.15)


def test_more_folds_than_controls_are_refused():
    with pytest.raises(InputError, match="batch b0 has 2 control plates for 3 folds"):
        batches.accuracy(shifted(), batches.raw, n_folds=3, grouping="plate")
