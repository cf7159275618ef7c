"""Embeddings in and out, means of conditions, layout, confusion."""

import numpy as np
import pandas as pd
import pytest

from lib.data import h5ad
from lib.data.errors import InputError
from lib.screen import embeddings


def obs(symbols, fold=0, split="test"):
    n = len(symbols)
    return pd.DataFrame(
        {
            "nucleus_id": [f"n{i}" for i in range(n)],
            "gene_symbol": symbols,
            "plate": 41744,
            "well": "a01",
            "site": np.arange(n) % 9 + 1,
            "slide_image_name": [f"f{i % 9}.tif" for i in range(n)],
            "fold": fold,
            "split": split,
        }
    )


def test_written_and_read_back(tmp_path):
    made = embeddings.make(np.arange(6).reshape(3, 2), obs(["JUN", "EMPTY", "JUN"]))
    h5ad.write(tmp_path / "e.h5ad", made)
    read = embeddings.read(tmp_path / "e.h5ad")
    assert read.X.dtype == np.float32 and (read.X == made.X).all()
    assert read.obs["gene_symbol"].astype(str).tolist() == ["JUN", "EMPTY", "JUN"]
    assert read.obs["site"].tolist() == [1, 2, 3] and list(tmp_path.iterdir()) == [
        tmp_path / "e.h5ad"
    ]


def test_refusals(tmp_path):
    with pytest.raises(InputError, match="lack the column 'fold'"):
        embeddings.make(np.ones((1, 2)), obs(["JUN"]).drop(columns="fold"))
    with pytest.raises(InputError, match="2 embeddings for 1 nuclei"):
        embeddings.make(np.ones((2, 2)), obs(["JUN"]))
    with pytest.raises(InputError, match="1 embeddings are not finite, such as that of n1"):
        embeddings.make([[1.0], [np.nan]], obs(["JUN", "JUN"]))
    (tmp_path / "e.h5ad").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match="e.h5ad: not readable as .h5ad"):
        embeddings.read(tmp_path / "e.h5ad")


def test_subset_by_fold_and_split():
    both = pd.concat([obs(["JUN", "SRC"]), obs(["JUN"], fold=1), obs(["SRC"], split="train")])
    made = embeddings.make(np.arange(4)[:, None], both)
    assert embeddings.subset(made).X.ravel().tolist() == [0, 1]
    assert embeddings.subset(made, fold=1, split=None).X.ravel().tolist() == [2]
    with pytest.raises(InputError, match="no nucleus in fold 7, split 'test'"):
        embeddings.subset(made, fold=7)


def test_condition_means_by_hand():
    made = embeddings.make([[1, 0], [9, 9], [3, 2], [5, 5]], obs(["SRC", "EMPTY", "SRC", "JUN"]))
    means = embeddings.condition_means(made)
    assert means.obs_names.tolist() == ["JUN", "SRC"] and means.obs.index.name == "gene_symbol"
    assert means.X.tolist() == [[5, 5], [2, 1]] and means.obs["n_nuclei"].tolist() == [1, 2]
    assert "EMPTY" in embeddings.condition_means(made, exclude=()).obs_names


def test_permuting_nuclei_changes_no_mean():
    rng = np.random.default_rng(0)
    made = embeddings.make(rng.normal(size=(200, 8)), obs(rng.choice(["A", "B", "EMPTY"], 200)))
    shuffled = made[rng.permutation(200)].copy()
    assert np.allclose(
        embeddings.condition_means(made).X, embeddings.condition_means(shuffled).X, atol=1e-6
    )


def test_means_over_folds_are_refused():
    made = embeddings.make(np.ones((2, 1)), pd.concat([obs(["JUN"]), obs(["JUN"], fold=1)]))
    with pytest.raises(InputError, match="2 folds do not share a space"):
        embeddings.condition_means(made)
    with pytest.raises(InputError, match="no condition is left without EMPTY"):
        embeddings.condition_means(embeddings.make(np.ones((1, 1)), obs(["EMPTY"])))


def test_standardised_within_each_fold():
    values = np.r_[[[1, 5], [3, 5]], [[10, 7], [30, 9]]]
    made = embeddings.make(values, pd.concat([obs(["JUN"] * 2), obs(["JUN"] * 2, fold=1)]))
    assert embeddings.standardise(made).X.tolist() == [[-1, 0], [1, 0], [-1, -1], [1, 1]]
    assert made.X[0, 0] == 1  # a copy


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_a_layout_separates_groups_and_draws_reproducibly(method):
    rng = np.random.default_rng(0)
    symbols = np.repeat(["JUN", "RAF1"], 60)
    made = embeddings.make(
        rng.normal(size=(120, 10)) + 8 * (symbols == "JUN")[:, None], obs(symbols)
    )
    layout = embeddings.lay_out(made, method=method, max_nuclei=100)
    assert len(layout) == 100 and layout["nucleus_id"].is_unique
    jun = layout["gene_symbol"] == "JUN"
    points = layout[["x", "y"]].to_numpy()
    gap = np.linalg.norm(points[jun].mean(axis=0) - points[~jun].mean(axis=0))
    assert gap > 2 * points[jun].std() or gap > 5
    pd.testing.assert_frame_equal(layout, embeddings.lay_out(made, method=method, max_nuclei=100))
    with pytest.raises(InputError, match="a layout of 2 nuclei"):
        embeddings.lay_out(made[:2].copy(), method=method)


def test_confusion_by_hand():
    shares = embeddings.confusion(
        ["A", "A", "B", "B", "B"], ["A", "B", "B", "B", "A"], classes=["A", "B", "C"]
    )
    assert np.allclose(shares.loc["A"], [0.5, 0.5, 0]) and np.allclose(
        shares.loc["B"], [1 / 3, 2 / 3, 0]
    )
    assert shares.loc["C"].isna().all()
    assert embeddings.balanced_accuracy(shares) == pytest.approx((0.5 + 2 / 3) / 2)
    with pytest.raises(InputError, match="class 'D' is not among the 2 given"):
        embeddings.confusion(["A"], ["D"], classes=["A", "B"])
