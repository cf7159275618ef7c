"""Chromatin features: values by hand on small shapes, and against scikit-image and SciPy nucleus by
nucleus."""

import numpy as np
import pandas as pd
import pytest
import toy_fields
from scipy import stats
from skimage.feature import graycomatrix, graycoprops
from skimage.measure import regionprops

from lib.images import boundary, extraction, features, fields, pixels, plates, texture


@pytest.fixture(scope="module")
def measured():
    image, labels = toy_fields.field(seed=1)
    return image, labels, features.measure_field(image, labels)


def test_no_feature_is_missing_or_there_twice(measured):
    table = measured[2]
    assert table.shape == (16, len(set(table.columns))) and np.isfinite(table).all(axis=None)
    assert list(table.index) == [3 * i + 2 for i in range(16)]
    kept, _ = features.tidy(table)
    repeated = set(kept.columns[kept.T.duplicated()])
    assert repeated <= {
        "curvature_positive_mean",
        "curvature_positive_sd",
    }  # of ellipses, which bulge out everywhere


def test_moments_and_intensity_equal_scikit_image_and_scipy(measured):
    image, labels, table = measured
    scaled = fields.stretched(image)
    for region in regionprops(labels.astype(int), scaled):
        row = table.loc[region.label]
        values = region.image_intensity[region.image].astype(float)
        for prefix, name in (("", "moments"), ("weighted_", "moments_weighted")):
            for kind, suffix in (
                ("raw", ""),
                ("central", "_central"),
                ("normalised", "_normalized"),
            ):
                theirs = getattr(region, name + suffix)
                ours = {
                    (p, q): row.get(f"{prefix}moment_{kind}_{p}_{q}")
                    for p in range(4)
                    for q in range(4)
                }
                for (p, q), value in ours.items():
                    if value is not None:
                        np.testing.assert_allclose(
                            value, theirs[p, q], rtol=1e-9, atol=1e-7 * np.nanmax(np.abs(theirs))
                        )
            hu = [row[f"{prefix}moment_hu_{i}"] for i in range(1, 8)]
            np.testing.assert_allclose(hu, getattr(region, name + "_hu"), rtol=1e-6, atol=1e-20)
        np.testing.assert_allclose(
            row[
                [
                    "intensity_mean",
                    "intensity_sd",
                    "intensity_q25",
                    "intensity_skewness",
                    "intensity_kurtosis",
                ]
            ],
            [
                values.mean(),
                values.std(),
                np.quantile(values, 0.25),
                stats.skew(values),
                stats.kurtosis(values),
            ],
        )
        np.testing.assert_allclose(
            row["intensity_entropy"], stats.entropy(np.bincount(values.astype(int)), base=2)
        )
        assert row["perimeter"] == region.perimeter and row["area_convex"] == region.area_convex


def test_a_bright_speck_changes_no_other_nucleus(measured):
    image, labels, before = measured
    spotted = image.copy()
    spotted[:3, :3] = np.iinfo(image.dtype).max  # outside all nuclei
    agreement = features.measure_field(spotted, labels).corrwith(before)  # over the nuclei
    assert agreement.median() > 0.99 and (agreement > 0.8).mean() > 0.95, agreement.nsmallest(9)
    assert agreement[["texture_contrast_1", "intensity_mean", "intensity_sd"]].min() > 0.95


@pytest.mark.parametrize("distance", texture.DISTANCES)
def test_texture_of_a_full_rectangle_equals_the_matrix(distance):
    image = np.random.default_rng(0).integers(0, 6, (30, 40)).astype(np.uint8) * 40
    labels = np.zeros((50, 60), int)
    field = np.full((50, 60), 99, np.uint8)
    labels[5:35, 10:50], field[5:35, 10:50] = 4, image
    found = texture.texture(field, labels, np.array([4]), [distance])
    matrix = graycomatrix(image, [distance], texture.ANGLES, 256, symmetric=True).sum(
        axis=3, keepdims=True
    )
    for name in texture.MEASURES:
        theirs = graycoprops(matrix / matrix.sum(), name.replace("asm", "ASM"))[0, 0]
        np.testing.assert_allclose(found[f"texture_{name}_{distance}"], theirs, rtol=1e-9)


def test_texture_by_hand():
    labels = np.array([[1, 1, 1, 0]])
    found = texture.texture(np.array([[10, 10, 18, 200]], np.uint8), labels, np.array([1]), [1])
    assert (
        found["texture_contrast_1"] == 32 and found["texture_dissimilarity_1"] == 4
    )  # pairs (10, 10), (10, 18)
    assert found["texture_homogeneity_1"] == (1 + 1 / 65) / 2
    assert found["texture_asm_1"] == 0.5**2 + 2 * 0.25**2


def test_neighbours_and_surroundings_do_not_change_a_nucleus(measured):
    image, labels, table = measured
    other = image.copy()
    other[labels == 5] = other[labels == 5][::-1]
    again = features.measure_field(other, np.where(labels == 2, 0, labels))
    common = [name for name in table if "background" not in name and name != "intensity_total"]
    pd.testing.assert_frame_equal(again.loc[8:, common], table.loc[8:, common])
    few = features.measure_field(image, labels, np.array([20, 8]))
    pd.testing.assert_frame_equal(few, table.loc[[20, 8]])


def test_disk_has_its_radius_and_curvature():
    labels = toy_fields.ellipse((90, 90), (44, 45), (25, 25)).astype(int)
    row = features.measure_field((labels * 1000 + 100).astype(np.uint16), labels).iloc[0]
    np.testing.assert_allclose(row["radius_mean"], 25, atol=0.1)
    np.testing.assert_allclose([row["caliper_min"], row["caliper_max"]], 50.5, atol=0.8)
    np.testing.assert_allclose(row["curvature_mean"], 1 / 25, rtol=0.05)
    assert row["curvature_positive_share"] == 1 and row["curvature_negative_sum"] == 0
    assert row["curvature_sign_changes"] == row["curvature_positive_peaks"] == 0
    assert (
        row["concavity"] < 0.03
        and abs(row["shape_factor"] - 1) < 0.12
        and row["centre_mismatch"] < 1e-6
    )
    assert (
        row["intensity_total"] == 1000 * row["area"]
        and row["intensity_mean_above_background"] == 1000
    )


def test_notch_curves_inwards_and_ellipse_has_two_calipers():
    bean = toy_fields.ellipse((100, 100), (50, 50), (30, 30)) & ~toy_fields.ellipse(
        (100, 100), (50, 82), (10, 14)
    )
    row = features.measure_field(bean.astype(np.uint16), bean.astype(int)).iloc[0]
    assert (
        row["curvature_negative_peaks"] >= 1
        and row["curvature_sign_changes"] >= 2
        and row["concavity"] > 0.02
    )
    oval = toy_fields.ellipse((100, 100), (50, 50), (15, 30)).astype(int)
    row = features.measure_field(oval.astype(np.uint16), oval).iloc[0]
    np.testing.assert_allclose(
        [row["caliper_min"], row["caliper_max"], row["caliper_ratio"]], [30, 60, 0.5], rtol=0.04
    )


def test_outlines_of_many_nuclei_equal_those_of_one(measured):
    _, labels, table = measured
    alone = np.where(labels == 11, labels, 0)
    corners = np.array([[*np.argwhere(alone).min(axis=0), *(np.argwhere(alone).max(axis=0) + 1)]])
    found = boundary.curvature_features(boundary.trace(alone, np.array([11]), corners))
    for name, value in found.items():
        np.testing.assert_allclose(value, table.loc[11, name], err_msg=name)


def test_heterochromatin_by_hand():
    labels, image = np.zeros((30, 30), int), np.zeros((30, 30), np.uint8)
    labels[5:25, 5:25], image[5:25, 5:25] = 1, 51
    image[5:9, 5:25] = 255  # 80 of 400 pixels; mean 91.8, sd 81.6: brighter than 173.4
    row = features.measure_field(image, labels).iloc[0]
    assert row["heterochromatin_area_share"] == 0.2 and row["hetero_euchromatin_area"] == 0.25
    np.testing.assert_allclose(row["hetero_euchromatin_content"], 80 * 255 / (320 * 51))


def test_quantiles_by_group_equal_numpy():
    rng = np.random.default_rng(0)
    groups, values = np.sort(rng.integers(0, 5, 200)), rng.normal(size=200)
    found = pixels.quantiles(groups, values, 6, (0, 0.3, 1))
    for group in range(5):
        np.testing.assert_allclose(
            found[:, group], np.quantile(values[groups == group], (0, 0.3, 1))
        )
    assert not found[:, 5].any() and not pixels.quantiles(groups[:0], values[:0], 2, (0.5,)).any()


def test_missing_and_constant_features_are_dropped_and_named():
    table = pd.DataFrame(
        {
            "nucleus_id": ["a", "b"],
            "x": [1.0, 2],
            "y": [1.0, np.nan],
            "z": [3.0, 3],
            "w": [np.inf, 1],
        }
    )
    kept, dropped = features.tidy(table)
    assert list(kept) == ["nucleus_id", "x"]
    assert dict(zip(dropped["feature"], dropped["reason"], strict=True)) == {
        "y": "missing values",
        "w": "missing values",
        "z": "constant",
    }


def test_label_of_another_mask_is_refused(measured):
    with pytest.raises(ValueError, match="label 4 is not in the mask"):
        features.measure_field(measured[0], measured[1], np.array([2, 4]))


def test_features_of_a_screen_are_rows_of_its_nuclei(tmp_path, monkeypatch):
    toy_fields.write_screen(tmp_path, n_sites=1)
    folders = {
        "images": tmp_path / "illum_corrected",
        "masks": tmp_path / "unet_masks",
        "executor": "inline",
    }
    stores = extraction.extract_screen(
        tmp_path / "fields.parquet", directory=tmp_path / "stores", **folders
    )
    nuclei = plates.collect(stores)
    nuclei.to_parquet(tmp_path / "nuclei.parquet")
    monkeypatch.setattr(features, "BLOCK", 1)
    table, dropped = features.measure_screen(
        tmp_path / "nuclei.parquet", directory=tmp_path / "features", **folders
    )
    assert table["nucleus_id"].tolist() == nuclei["nucleus_id"].tolist()
    np.testing.assert_array_equal(table["area"], nuclei["area"])
    assert 150 < table.shape[1] < 185 and set(dropped["reason"]) <= {"constant"}
