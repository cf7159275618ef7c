"""Mean average precision: a case by hand, its level on inert genes, and the agreement of
methods."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.images import well_profiles
from lib.screen import activity


def wells(rng, *, n_inert, n_active, n_plates=5, n_controls=12, n_features=20, effect=2.0):
    rows = [
        (plate, f"w{number:03d}", gene)
        for plate in range(n_plates)
        for number, gene in enumerate(
            ["EMPTY"] * n_controls
            + [f"inert{i}" for i in range(n_inert)]
            + [f"active{i}" for i in range(n_active)]
        )
    ]
    index = pd.MultiIndex.from_tuples(rows, names=well_profiles.WELL)
    values = (
        rng.normal(size=(len(rows), n_features))
        + 3 * rng.normal(size=(n_plates, n_features))[[r[0] for r in rows]]
    )
    directions = {f"active{i}": effect * rng.normal(size=n_features) for i in range(n_active)}
    values += [directions.get(gene, np.zeros(n_features)) for _, _, gene in rows]
    return pd.DataFrame(values, index=index, columns=[f"f{i}" for i in range(n_features)])


def test_wells_are_averages_of_their_nuclei():
    obs = pd.DataFrame(
        {"plate": [1, 1, 2], "well": ["a01"] * 3, "gene_symbol": ["JUN", "JUN", "JUN"]}
    )
    profiles = well_profiles.well_means(np.array([[1, 2], [3, 4], [5, 6]]), obs, names=["x", "y"])
    assert profiles.loc[(1, "a01", "JUN")].tolist() == [2, 3] and profiles.loc[
        (2, "a01", "JUN")
    ].tolist() == [5, 6]
    with pytest.raises(InputError, match="2 rows of values for 3 nuclei"):
        well_profiles.well_means(np.ones((2, 2)), obs)


def test_controls_of_every_plate_come_to_mean_nought_and_pooled_sd_one():
    profiles = wells(np.random.default_rng(0), n_inert=2, n_active=0).assign(constant=1.0)
    scaled = well_profiles.scale_to_controls(profiles)
    controls = scaled.xs("EMPTY", level="gene_symbol")
    assert np.allclose(controls.groupby(level="plate").mean(), 0)
    assert np.allclose((controls**2).sum() / (len(controls) - 5), 1) and "constant" not in scaled


def test_scaling_needs_controls():
    profiles = wells(np.random.default_rng(0), n_inert=2, n_active=0, n_controls=1)
    with pytest.raises(InputError, match="no plate has two EMPTY wells"):
        well_profiles.scale_to_controls(profiles)
    with pytest.raises(InputError, match="plate 0 has no EMPTY well"):
        well_profiles.scale_to_controls(profiles.drop("EMPTY", level="gene_symbol"))


def test_average_precision_by_hand():
    """Sisters of A are first among 4 wells (AP 1); of B last (1/3 from each well, two controls
    before)."""
    plates = [1, 2, 1, 2, 1, 2]
    angles = np.deg2rad(
        [0, 10, 90, 170, 120, 140]
    )  # A A B B EMPTY EMPTY; the controls lie between the wells of B
    genes = ["A", "A", "B", "B", "EMPTY", "EMPTY"]
    index = pd.MultiIndex.from_arrays([plates, list("abcdef"), genes], names=well_profiles.WELL)
    table = activity.mean_average_precision(
        pd.DataFrame(np.c_[np.cos(angles), np.sin(angles)], index=index), n_null=99
    )
    assert table["map"].tolist() == pytest.approx([1, 1 / 3]) and table["n_wells"].tolist() == [
        2,
        2,
    ]
    assert table["normalised_map"].iloc[0] == pytest.approx(1)


def test_level_on_inert_genes_and_power_on_active_ones():
    rng = np.random.default_rng(3)
    tables = [
        activity.mean_average_precision(
            well_profiles.scale_to_controls(wells(rng, n_inert=40, n_active=10)),
            n_null=2000,
            fdr=0.1,
        )
        for _ in range(4)
    ]
    table = pd.concat(tables)
    inert = table["gene_symbol"].str.startswith("inert")
    assert (table["p"][inert] <= 0.05).mean() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / inert.sum())
    assert table["is_active"][~inert].mean() >= 0.9
    assert (table["is_active"] & inert).sum() / table["is_active"].sum() <= 0.15


def test_a_gene_on_one_plate_is_kept_and_not_called():
    profiles = wells(np.random.default_rng(0), n_inert=2, n_active=1, n_plates=2)
    lonely = (profiles.index.get_level_values("gene_symbol") == "inert1") & (
        profiles.index.get_level_values("plate") == 1
    )
    table = activity.mean_average_precision(
        well_profiles.scale_to_controls(profiles[~lonely]), n_null=99
    )
    row = table.set_index("gene_symbol").loc["inert1"]
    assert np.isnan(row["map"]) and not row["is_active"] and row["n_wells"] == 1
    single = well_profiles.scale_to_controls(
        wells(np.random.default_rng(0), n_inert=2, n_active=1, n_plates=1)
    )
    assert activity.mean_average_precision(single)["map"].isna().all()
    with pytest.raises(InputError, match="0 of 3 wells are EMPTY"):
        activity.mean_average_precision(single.drop("EMPTY", level="gene_symbol"))


def test_same_seed_same_table_whatever_the_order_of_wells():
    profiles = well_profiles.scale_to_controls(
        wells(np.random.default_rng(0), n_inert=4, n_active=2)
    )
    first = activity.mean_average_precision(profiles, n_null=200)
    second = activity.mean_average_precision(profiles.sample(frac=1, random_state=1), n_null=200)
    pd.testing.assert_frame_equal(first, second, rtol=1e-6)


def test_agreement_by_hand():
    table = activity.agreement(
        {"screen": ["JUN", "SRC"], "mAP": {"JUN", "ERG"}}, ["ERG", "JUN", "SRC", "TP53"]
    )
    assert table["n_methods"].tolist() == [1, 2, 1, 0] and table["mAP"].tolist() == [
        True,
        True,
        False,
        False,
    ]
    [pair] = activity.pairwise_agreement(table).to_dict("records")
    assert (pair["both"], pair["only_first"], pair["only_second"], pair["neither"]) == (1, 1, 1, 1)
    assert pair["jaccard"] == pytest.approx(1 / 3) and pair["kappa"] == pytest.approx(0)
    nothing = activity.pairwise_agreement(activity.agreement({"a": [], "b": []}, ["JUN"]))
    assert nothing[["jaccard", "kappa"]].isna().all(axis=None)
    with pytest.raises(InputError, match="mAP calls X1, which is not among the 1 screened genes"):
        activity.agreement({"mAP": ["X1"]}, ["JUN"])
