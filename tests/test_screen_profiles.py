"""The feature baseline: which columns it takes, what it learns from, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.screen import profiles


def case(rng=None, n=200):
    rng = rng or np.random.default_rng(0)
    ids = [f"n{i}" for i in range(n)]
    truth = rng.choice(["EMPTY", "JUN"], n)
    features = pd.DataFrame(
        {
            "nucleus_id": ids,
            "area": rng.normal(size=n) + 3 * (truth == "JUN"),
            "noise": rng.normal(size=n),
        }
    )
    roles = np.where(np.arange(n) % 4 == 0, "test", "train")
    splits = pd.DataFrame(
        {"fold_0": roles, "fold_1": np.roll(roles, 1)}, index=pd.Index(ids, name="nucleus_id")
    )
    return features, pd.Series(truth, index=ids), splits


def test_columns_of_a_cellprofiler_table():
    names = {
        "ImageNumber": "key",
        "Nuclei_AreaShape_BoundingBoxArea": "",
        "Nuclei_AreaShape_BoundingBoxMaximum_X": "position",
        "Nuclei_AreaShape_Area": "",
        "Nuclei_AreaShape_Center_X": "position",
        "Nuclei_AreaShape_Orientation": "position",
        "Nuclei_Location_MaxIntensity_X_DNA": "position",
        "Nuclei_Location_MaxIntensity_Y_DNA": "position",
        "Nuclei_Intensity_MeanIntensity_DNA": "",
        "Nuclei_Intensity_MeanIntensity_Mito": "other stain",
        "Nuclei_Correlation_Correlation_DNA_ER": "other stain",
        "Nuclei_Texture_Entropy_DNA_3_0": "",
        "Nuclei_Neighbors_NumberOfNeighbors_5": "position",
        "Nuclei_Number_Object_Number": "position",
        "Nuclei_Granularity_1_Ph_golgi": "other stain",
        "labels": "key",
        "Nuclei_RadialDistribution_FracAtD_DNA_1of4": "",
    }
    table = pd.DataFrame([[1.0] * len(names)], columns=list(names)).assign(note="text")
    found = profiles.choose_columns(table).set_index("column")
    for name, reason in names.items():
        assert found.loc[name, "reason"].startswith(reason) and found.loc[name, "is_used"] == (
            not reason
        ), name
    assert found.loc["note", "reason"] == "not numeric"


@pytest.mark.real
def test_columns_of_a_real_cellprofiler_table(real):
    table = pd.read_csv(real / "data/nuclei/nf1_cellpainting/cellprofiler_features_5_nuclei.csv")
    found = profiles.choose_columns(table)
    used = found.loc[found["is_used"], "column"].tolist()
    assert len(used) > 20 and not [
        name for name in used if "Location" in name or "Center" in name or "_ER" in name
    ]


def test_scaling_uses_the_training_rows_only():
    train, test = profiles.scale(np.array([[0.0], [2.0]]), np.array([[3.0], [1000.0]]))
    assert train.ravel().tolist() == [-1, 1] and test.ravel().tolist() == [2, 15]


def test_a_feature_with_signal_is_found_and_noise_stays_at_chance():
    features, labels, splits = case()
    found = profiles.baseline(features, labels, splits)
    assert found.accuracy["fold"].tolist() == [0, 1] and found.accuracy["n_train"].tolist() == [
        150,
        150,
    ]
    assert (found.accuracy["balanced_accuracy"] > 0.85).all()
    assert found.predictions.groupby("fold").size().tolist() == [50, 50]
    noise = profiles.baseline(features.drop(columns="area"), labels, splits)
    assert (noise.accuracy["balanced_accuracy"] - 0.5).abs().max() < 0.2


def test_a_shift_of_the_test_set_is_not_scaled_away():
    """Scaled by itself, a shifted test set would look like the training set."""
    features, labels, splits = case()
    is_test = (splits["fold_0"] == "test").to_numpy()
    shifted = features.assign(area=features["area"] + 20 * is_test)
    found = profiles.baseline(shifted, labels, splits[["fold_0"]])
    assert found.accuracy["balanced_accuracy"].item() == pytest.approx(0.5)


def test_rows_may_come_in_any_order():
    features, labels, splits = case()
    first = profiles.baseline(features, labels, splits)
    second = profiles.baseline(
        features.sample(frac=1, random_state=1), labels.sample(frac=1, random_state=2), splits
    )
    pd.testing.assert_frame_equal(first.accuracy, second.accuracy)


def test_useless_columns_are_dropped_and_reported():
    features, labels, splits = case()
    features = features.assign(constant=7.0, broken=features["noise"].where(features.index != 3))
    # constant in the training nuclei of fold 0
    features["once"] = ((splits["fold_0"] == "test") & (splits["fold_1"] != "test")).to_numpy(float)
    found = profiles.baseline(features, labels, splits)
    columns = found.columns.set_index("column")
    assert columns.loc["constant", "reason"] == "constant in fold_0; constant in fold_1"
    assert columns.loc["broken", "reason"].startswith("missing values in fold_0")
    assert columns.loc["once", "reason"] == "constant in fold_0"
    assert columns["is_used"].to_dict() == {
        "nucleus_id": False,
        "area": True,
        "noise": True,
        "constant": False,
        "broken": False,
        "once": True,
    }
    assert found.accuracy["n_features"].tolist() == [2, 3]


def test_refusals():
    features, labels, splits = case()
    with pytest.raises(InputError, match="1 nuclei of the splits have no features, such as n0"):
        profiles.baseline(features.iloc[1:], labels, splits)
    with pytest.raises(InputError, match="features hold nucleus n0 twice"):
        profiles.baseline(pd.concat([features, features.iloc[:1]]), labels, splits)
    with pytest.raises(InputError, match="nucleus n5 has no label"):
        profiles.baseline(features, labels.drop("n5"), splits)
    with pytest.raises(InputError, match="fold_0 has no training nucleus"):
        profiles.baseline(features, labels, splits.assign(fold_0="test"))
    with pytest.raises(InputError, match="none of 1 feature columns is complete and varies"):
        profiles.baseline(features[["nucleus_id"]].assign(x=1.0), labels, splits)
    with pytest.raises(InputError, match="the features lack the column 'nucleus_id'"):
        profiles.baseline(features.drop(columns="nucleus_id"), labels, splits)
