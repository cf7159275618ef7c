"""The first approach: windows from bigWigs, scaling without the test genes, the blind sets."""

import numpy as np
import pandas as pd
import pytest
import toy_epigenome as toy

from lib.data.errors import InputError
from lib.epigenome import evaluation, first_approach, unit_files
from lib.simulate import epigenome_files

pyBigWig = pytest.importorskip("pyBigWig")


def test_targets_are_scaled_by_the_training_genes():
    rpkm, train = np.array([0, 10, 40.0]), np.array([True, True, False])
    assert first_approach.scaled(rpkm, train, "min_max").tolist() == [0, 1, 4]
    assert first_approach.scaled(rpkm, train, "z_score").tolist() == [-1, 1, 7]
    assert first_approach.scaled(rpkm, train, "log")[0] == 0
    with pytest.raises(InputError, match="scaling 'x' is unknown"):
        first_approach.scaled(rpkm, train, "x")


def test_windows_and_one_unit(tmp_path):
    world = toy.world()
    path = tmp_path / "E003-H3K4me3.bigWig"
    epigenome_files.write_bigwig(
        path, world.sizes, *epigenome_files.track(world, "E003", "H3K4me3")
    )
    table = toy.signals().genes
    first_approach.write_windows(tmp_path / "cell.npz", table, {"H3K4me3": path}, cell="E003")
    with np.load(tmp_path / "cell.npz", allow_pickle=False) as file:
        values, chroms = file["values"], file["chrom"]
    assert values.shape[1:] == (400, 1) and not set(chroms) & {"chrX", "chrY"}
    drawn = toy.signals().promoters[0, 1, 150:250] / 100  # depth of the 10 kbp
    np.testing.assert_allclose(values[0, :, 0], np.arcsinh(np.repeat(drawn, 4)), rtol=1e-6)
    blind = ("chr1", "chr8", "chr17")
    first_approach.fit_unit(
        tmp_path / "unit.npz",
        seed=1,
        data=tmp_path / "cell.npz",
        assay="H3K4me3",
        blind=blind,
        number=0,
        settings=toy.settings("profile", max_epochs=12),
        options={"width": 0.1, "momentum": 0.3},
        scaling="log",
    )
    found = unit_files.read_predictions([tmp_path / "unit.npz"])
    where = pd.Series(chroms, found.index)
    assert set(where[found["part"] == "test"]) == set(blind)
    assert evaluation.pearson(found["act"], found["pred"]) > 0.2
    with pytest.raises(InputError, match="mark H3K4me4 is not there"):
        first_approach.fit_unit(
            tmp_path / "x.npz",
            seed=1,
            data=tmp_path / "cell.npz",
            assay="H3K4me4",
            blind=blind,
            number=0,
            settings={},
            options={},
        )
