"""Splits: nothing is in two parts, the cut is the same in every process, and leaks are found."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.epigenome import genes, splits


def chroms(n=3):
    return pd.Series(np.repeat([*genes.AUTOSOMES, "chrX", "chrY"], n))


@pytest.mark.parametrize("fold", [1, 2, 3, 4])
def test_no_chromosome_is_in_two_parts(fold):
    where = chroms()
    part = splits.assign(where, fold)
    parts = {name: set(where[part == name]) for name in splits.PARTS}
    assert not parts["train"] & parts["validation"] and not parts["train"] & parts["test"]
    assert not parts["validation"] & parts["test"]
    assert parts["validation"] | parts["test"] == set(splits.FOLDS[fold])
    assert len(parts["test"]) == 3


def test_every_chromosome_is_held_out_once():
    held = sum(splits.FOLDS.values(), ())
    assert len(held) == len(set(held)) == 24


def test_the_cut_is_the_same_in_processes_with_other_hash_seeds():
    code = (
        "import pandas as pd; from lib.epigenome import splits; "
        "print(splits.test_chromosomes(pd.Series(['chr1', 'chr5', 'chr6', 'chr8', 'chr14', 'chrY'] "
        "* 2), 1))"
    )
    found = set()
    for seed in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1 and "chr" in found.pop()


def test_a_recorded_cut_is_used_and_checked():
    part = splits.assign(chroms(), 1, ["chr1"])
    assert set(chroms()[part == "test"]) == {"chr1"}
    with pytest.raises(InputError, match="names chr2, which the fold does not hold out"):
        splits.assign(chroms(), 1, ["chr2"])
    with pytest.raises(InputError, match="no fold has chrEBV"):
        splits.assign(pd.Series(["chrEBV"]), 1)
    with pytest.raises(InputError, match="fold 1 has no gene for"):
        splits.assign(pd.Series(["chr2", "chr3"]), 1)
    with pytest.raises(InputError, match="no fold 7"):
        splits.test_chromosomes(chroms(), 7)


def test_blind_sets_of_hg19_are_nearest_to_three_mean_lengths():
    lengths = genes.BUILDS["hg19"]
    sets = splits.blind_sets(lengths)
    mean = sum(lengths[name] for name in genes.AUTOSOMES) / 22
    away = [abs(sum(lengths[name] for name in one) - 3 * mean) for one in sets]
    assert away == sorted(away) and len(sets) == 5 and all(len(set(one)) == 3 for one in sets)
    rng = np.random.default_rng(0)
    for _ in range(200):  # no random triple is nearer than the fifth, unless it is one of the five
        one = tuple(sorted(rng.choice(22, 3, replace=False)))
        names = tuple(genes.AUTOSOMES[i] for i in one)
        assert names in sets or abs(sum(lengths[name] for name in names) - 3 * mean) >= away[-1]


def test_blind_chromosomes_never_reach_training():
    """The reference applied positions among 19 chromosomes to the list of 22, so blind ones were
    trained on."""
    where = pd.Series(np.repeat(genes.AUTOSOMES, 2))
    blind = ("chr2", "chr7", "chr20")
    part = splits.assign_blind(where, blind, np.random.default_rng(101))
    assert set(where[part == "test"]) == set(blind)
    assert (where[part == "train"].nunique(), where[part == "validation"].nunique()) == (13, 6)


def test_shared_bases_between_parts_are_found():
    start = np.array([100_000, 130_000, 400_000]) - 20_000
    regions = pd.DataFrame({"chrom": ["chr1"] * 3, "start": start, "end": start + 40_000})
    found = splits.shared_bases(regions, ["train", "test", "test"])
    assert found[["first", "second", "n_bases", "share"]].values.tolist() == [[0, 1, 10_000, 0.25]]
    assert splits.shared_bases(regions, ["train", "train", "test"]).empty
    assert splits.shared_bases(
        regions.assign(chrom=["chr1", "chr2", "chr3"]), ["train", "test", "test"]
    ).empty


@pytest.mark.real
def test_real_demo_genes_are_all_of_split_one(real):
    table = genes.read_train_table(real / "data/epigenome/chromoformer_demo/demo_meta.csv", "E003")
    assert set(table["chrom"]) <= set(splits.FOLDS[1]) and set(table["split"]) == {1}


@pytest.mark.real
def test_real_chromosome_lengths_are_those_of_hg19(real):
    sizes = pd.read_csv(
        real / "data/epigenome/chromoformer_demo/hg19.fa.sizes", sep=r"\s+", header=None
    )
    assert dict(zip(sizes[0], sizes[1], strict=True)) == genes.BUILDS["hg19"]
