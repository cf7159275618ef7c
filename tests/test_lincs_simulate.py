"""The simulated LINCS: the files of the real one, a truth that can be found, and not too easily."""

import numpy as np
import pytest

from lib.data import gctx
from lib.lincs import lists, sets, tables
from lib.simulate import lincs, lincs_files
from lib.simulate.lincs import CLASSES, TWINS, Design
from lib.stats import groups
from tests.toy_lincs import DESIGN, toy


def test_files_have_the_columns_and_orders_of_the_real_ones():
    one = toy()
    small, genetic = (
        tables.read_signatures(one.files[f"{name}_signatures"]) for name in ("smp", "gp")
    )
    assert len(small.columns) == 8 and len(genetic.columns) == 11
    assert set(small["cell_id"]) > set(sets.SMP_CELLS) and set(genetic["cell_id"]) > set(
        sets.GP_CELLS
    )
    assert genetic["distil_cc_q75"].isna().sum() == len(genetic) // 20
    matrix = gctx.read_gctx(one.files["smp_matrix"])
    assert (
        matrix.shape == (len(small), 80)
        and matrix.X.dtype == np.float32
        and np.abs(matrix.X).max() <= 10
    )
    assert (
        set(matrix.obs_names) == set(small["sig_id"])
        and matrix.obs_names.tolist() != small["sig_id"].tolist()
    )
    other = gctx.read_gctx(one.files["gp_matrix"])
    assert set(other.var_names) < set(matrix.var_names) and other.shape[1] == DESIGN.n_landmarks
    landmarks = tables.read_landmarks(one.files["gene_info"], n_expected=60)
    assert (
        set(landmarks.index) == set(other.var_names)
        and landmarks.index.tolist() != other.var_names.tolist()
    )


def test_traps_of_the_real_tables_are_there():
    one = toy()
    small = tables.read_signatures(one.files["smp_signatures"])
    twice = small.groupby("pert_iname")["pert_id"].nunique()
    assert (twice == 2).sum() == 1  # a drug with two ids
    units = groups.connected(small, ["pert_id", "pert_iname"])
    assert len(set(units)) == small["pert_iname"].nunique()
    classes, conflicts = lists.read_classes(one.files["classes"])
    assert conflicts.empty and set(classes["pcl"]) == set(CLASSES)
    targets = lists.read_targets(one.files["targets"])
    assert (~targets["drug"].isin(small["pert_iname"].str.lower())).sum() == 1


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path):
    tiny = Design(
        n_landmarks=20, n_others=4, drugs_per_class=2, n_unclassified=2, n_genes=30, n_hairpins=1
    )
    runs = [
        lincs_files.write(tmp_path / str(i), tiny, seed=seed)[0] for i, seed in enumerate((1, 1, 2))
    ]
    first, again, other = (
        {name: path.read_bytes() for name, path in files.items()} for files in runs
    )
    assert first == again and first["smp_matrix"] != other["smp_matrix"]


def test_twins_are_the_nearest_classes_and_noise_is_as_designed():
    world = toy().world
    correlation = np.corrcoef(world.classes.to_numpy())
    first, second = (list(world.classes.index).index(name) for name in TWINS)
    np.fill_diagonal(correlation, -1)
    assert correlation[first].argmax() == second and correlation[first, second] > 0.8
    clean = lincs.expected(world, np.zeros((400, 10)), np.repeat("PC3", 400))
    assert not clean.any()
    assert lincs.measured(clean, noise=1.0, rng=np.random.default_rng(0)).std() == pytest.approx(
        1, rel=0.02
    )


def test_classes_can_be_found_by_who_knows_the_world_but_not_perfectly():
    one = toy()
    folder = one.files["classes"].parent
    everything = np.ones(one.classified.n_obs, bool)
    assert 0.6 < lincs_files.best_accuracy(folder, one.classified, everything) < 0.95
    world, design, strengths = lincs_files.truth(folder, one.classified.var_names)
    assert design == DESIGN and set(strengths) <= set(DESIGN.doses) | {1.0}
    np.testing.assert_allclose(world.classes, one.world.classes)
    states = world.drugs.loc[[0], list(world.classes)].to_numpy()
    clean = lincs.expected(world, states, np.array(["PC3"]))
    rows = one.classified.obs.eval("pert_iname == 'MG-132' and cell_id == 'PC3'").to_numpy()
    full = strengths[one.classified.obs["sig_id"]].to_numpy() == 1.0
    mean = one.classified.X[rows & full].mean(axis=0)
    assert np.corrcoef(mean, clean[0])[0, 1] > 0.8  # genes are in the order of the data
