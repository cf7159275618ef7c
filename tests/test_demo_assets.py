"""The published demo's folder: written here in its layout, with weights that were never trained."""

import pickle

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
import torch
import toy_bundle

from lib.data import pandas_hdf
from lib.data.errors import InputError
from lib.screen import networks
from lib.translation import demo, demo_assets

LENGTH = 16  # width of the embedding; published 1024
GENES = ["BRAF", "CDK6", "JUN", "MOS", "RAF1"]


def write_table(path, table):
    """Write a table as PyTables does in pandas' fixed format: numbers, then text, pickled."""
    numbers = table.select_dtypes("number")
    texts = table.drop(columns=numbers.columns)
    with h5py.File(path, "w") as file:
        group = file.create_group("data")
        group["axis0"] = np.array(table.columns, "S")
        group["axis1"] = np.array(table.index.astype(str), "S")
        group["block0_items"], group["block0_values"] = np.array(numbers.columns, "S"), numbers
        group["block1_items"] = np.array(texts.columns, "S")
        kind = h5py.vlen_dtype(np.uint8)
        pickled = np.frombuffer(pickle.dumps(texts.to_numpy(object)), np.uint8)
        values = group.create_dataset("block1_values", (1,), dtype=kind)
        values[0] = pickled


def nuclei(labels):
    rng = np.random.default_rng(1)
    values = pd.DataFrame(
        rng.normal(size=(len(labels), LENGTH)), columns=[f"zs_{i}" for i in range(LENGTH)]
    )
    return values.assign(labels=labels)


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    image, mask = toy_bundle.field(16.0, np.random.default_rng(0))
    for kind, plane in (("raw", image), ("unet_masks", mask)):
        path = root / "BRAF/images" / kind / "41757/one.tif"
        path.parent.mkdir(parents=True)
        tifffile.imwrite(path, plane)
    for name in ("models", "embeddings"):
        (root / "BRAF" / name).mkdir()
    shape = networks.Architecture(n_classes=4, embedding_size=LENGTH)
    model = networks.build(shape, np.random.default_rng(0))
    torch.save(model.state_dict(), root / "BRAF" / demo_assets.FILES["network"])
    labels = ["JUN", "JUN", "MOS", "RAF1", "EMPTY"]
    write_table(root / "BRAF" / demo_assets.FILES["training"], nuclei(labels))
    values = np.random.default_rng(2).normal(size=(5, 6))
    pd.DataFrame(values, index=GENES).to_csv(root / "BRAF" / demo_assets.FILES["genes"])
    return root


def test_images_are_encoded_and_put_beside_the_published_embeddings(assets):
    problem, embeddings = demo_assets.read(assets, "BRAF")
    assert embeddings.shape == (4, LENGTH)
    assert problem.names == tuple(GENES)
    assert problem.shared == ("BRAF", "JUN", "MOS", "RAF1")  # the control is no gene
    assert np.allclose(problem.images[problem.own], embeddings.mean(axis=0))
    table = demo.neighbours(problem, k=5)
    assert table["is_true"].sum() == 1 and not (table["is_true"] & table["is_known"]).any()


def test_what_is_missing_is_named(assets, tmp_path):
    with pytest.raises(InputError, match="no folder JUN; there are BRAF"):
        demo_assets.read(assets, "JUN")
    (tmp_path / "JUN/images/raw").mkdir(parents=True)
    with pytest.raises(InputError, match="lacks images/unet_masks, models/image_encoder"):
        demo_assets.read(tmp_path, "JUN")


def test_training_nuclei_of_the_target_are_refused(tmp_path):
    write_table(tmp_path / "train.h5", nuclei(["JUN", "BRAF"]))
    with pytest.raises(InputError, match="BRAF is among the training nuclei"):
        demo_assets._training_means(tmp_path / "train.h5", "BRAF")


def test_a_table_comes_back_with_its_columns_in_order(tmp_path):
    table = nuclei(["A", "B"]).set_axis(["x", "y"], axis=0)
    write_table(tmp_path / "t.h5", table)
    found = pandas_hdf.read(tmp_path / "t.h5")
    assert found["labels"].tolist() == ["A", "B"] and list(found) == list(table)
    assert np.array_equal(found.iloc[:, :-1].to_numpy(float), table.iloc[:, :-1])


class _Harm:
    def __reduce__(self):
        return print, ("this must never be printed",)


def test_a_file_that_would_run_code_is_refused(tmp_path, capsys):
    path = tmp_path / "t.h5"
    write_table(path, nuclei(["A", "B"]))
    with h5py.File(path, "r+") as file:
        file["data/block1_values"][0] = np.frombuffer(pickle.dumps(_Harm()), np.uint8)
    with pytest.raises(InputError, match="print is no part of an array"):
        pandas_hdf.read(path)
    assert "printed" not in capsys.readouterr().out


def test_what_is_no_table_is_told(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        pandas_hdf.read(tmp_path / "t.h5")
    (tmp_path / "t.h5").write_bytes(b"no")
    with pytest.raises(InputError, match="not readable as a pandas table"):
        pandas_hdf.read(tmp_path / "t.h5")
    h5py.File(tmp_path / "empty.h5", "w").close()
    with pytest.raises(InputError, match="expected one table"):
        pandas_hdf.read(tmp_path / "empty.h5")
