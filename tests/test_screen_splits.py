"""Splits: no field or well in two of them, parity, the same whatever the order of rows, and what
cannot be split."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.screen import splits


def screen(wells=5, fields=3, per_field=6, genes=("BRAF", "JUN"), n_controls=12):
    """Nuclei of genes with one well a plate, and of many control wells; sizes differ from gene to
    gene."""
    rows = []
    for number, gene in enumerate([*genes, "EMPTY"]):
        n_wells = n_controls if gene == "EMPTY" else wells
        for well in range(n_wells):
            for site in range(fields):
                name = f"p{well % 5}_{gene}{well:02d}_s{site}_illum_corrected"
                for label in range(per_field + number):
                    rows.append(
                        [f"{name}_{label}", gene, f"{name}.tif", well % 5, f"{gene}{well:02d}"]
                    )
    return pd.DataFrame(
        rows, columns=["nucleus_id", "gene_symbol", "slide_image_name", "plate", "well"]
    )


def groups_of(nuclei, table, fold, column):
    """Split → the set of fields, or of plates and wells."""
    rows = nuclei.set_index("nucleus_id").loc[table.index]
    group = (
        rows["slide_image_name"] if column == "field" else rows["plate"].astype(str) + rows["well"]
    )
    return {name: set(part) for name, part in group.groupby(table[fold])}


def every_split(nuclei, grouping):
    yield splits.screen_splits(nuclei, "JUN", grouping=grouping)
    yield splits.class_splits(nuclei, ["BRAF", "JUN"], grouping=grouping)
    yield splits.target_split(nuclei, ["JUN"], ["BRAF", "JUN"], grouping=grouping)


@pytest.mark.parametrize("grouping", ["field", "well"])
def test_no_group_is_in_two_splits_and_each_holds_each_class(grouping):
    nuclei = screen()
    for table in every_split(nuclei, grouping):
        symbols = nuclei.set_index("nucleus_id")["gene_symbol"].loc[table.index]
        for fold in table:
            found = groups_of(nuclei, table, fold, grouping)
            assert set(found) >= {"train", "val", "test"}
            assert sum(map(len, found.values())) == len(set.union(*found.values()))
            inside = table[fold] != "out"
            per_split = symbols[inside].groupby(table.loc[inside, fold]).nunique()
            assert per_split.nunique() == 1 and per_split.iloc[0] == symbols[inside].nunique()


def wells_of(sizes, genes=("JUN", "EMPTY")):
    """Nuclei of genes with wells of these sizes, names of the wells in the order of size from the
    smallest."""
    rows = []
    for gene in genes:
        for number, size in enumerate(sorted(sizes)):
            well = f"{gene}{number:02d}"
            rows += [[f"{well}_{i}", gene, f"{well}.tif", 0, well] for i in range(size)]
    return pd.DataFrame(
        rows, columns=["nucleus_id", "gene_symbol", "slide_image_name", "plate", "well"]
    )


def test_wells_are_dealt_largest_first_to_the_fold_with_the_fewest_nuclei():
    nuclei = wells_of([1, 2, 3, 4, 5, 6, 70, 80, 90])
    table = splits.class_splits(nuclei, ["JUN"], n_folds=3, grouping="well")
    for gene in ("JUN", "EMPTY"):  # 90 6 1 | 80 5 4 | 70 3 2: the lightest fold takes the next
        sizes = nuclei[nuclei["gene_symbol"] == gene].set_index("nucleus_id")["well"]
        dealt = []
        for fold in table:
            tested = sizes[
                table.index[table[fold] == "test"].intersection(sizes.index)
            ].value_counts()
            dealt.append(tested.tolist())
        assert dealt == lightest_first([90, 80, 70, 6, 5, 4, 3, 2, 1], 3)


def lightest_first(sizes, n_folds):
    """Deal sizes by hand: each to the first of the folds whose sum is smallest."""
    folds = [[] for _ in range(n_folds)]
    for size in sizes:
        min(folds, key=sum).append(size)
    return folds


@pytest.mark.parametrize(("n_wells", "n_validation"), [(4, 1), (8, 1), (12, 2), (20, 3), (24, 4)])
def test_a_fifth_of_the_wells_outside_the_test_validates_and_at_least_one(n_wells, n_validation):
    nuclei = wells_of([5] * n_wells)
    table = splits.class_splits(nuclei, ["JUN"], grouping="well")
    well = nuclei.set_index("nucleus_id")["well"]
    drawn = set()
    for fold in table:
        for gene in ("JUN", "EMPTY"):
            own = table[fold][well[table.index].str.startswith(gene).to_numpy()]
            held = {split: set(well[own.index[own == split]]) for split in ("train", "val", "test")}
            assert len(held["test"]) == n_wells / 4 and len(held["val"]) == n_validation
            assert len(held["train"]) == n_wells - n_wells / 4 - n_validation
            drawn.add((gene[0], *sorted(name[-2:] for name in held["val"])))
    assert len(drawn) > 2  # validation wells are drawn, not the first of each fold


def test_of_a_left_out_target_a_quarter_of_the_rest_validates():
    nuclei = wells_of([5] * 20, genes=("JUN", "BRAF", "EMPTY"))
    table = splits.target_split(nuclei, ["JUN"], ["BRAF", "JUN"], grouping="well")
    count = (
        nuclei.set_index("nucleus_id").loc[table.index].groupby(table["fold_0"])["well"].nunique()
    )
    assert count.to_dict() == {"train": 24, "val": 8, "test": 8, "out": 20}


def test_the_papers_grouping_leaks_wells_and_the_other_does_not():
    nuclei = screen()
    field = groups_of(nuclei, splits.screen_splits(nuclei, "JUN"), "fold_0", "well")
    well = groups_of(nuclei, splits.screen_splits(nuclei, "JUN", grouping="well"), "fold_0", "well")
    assert field["train"] & field["test"]
    assert not well["train"] & well["test"] and not well["train"] & well["val"]


@pytest.mark.parametrize("grouping", ["field", "well"])
def test_test_sets_partition_the_table(grouping):
    nuclei = screen()
    for table in list(every_split(nuclei, grouping))[:2]:
        assert table.shape[1] == 4 and table.index.is_unique
        assert ((table == "test").sum(axis=1) == 1).all()


@pytest.mark.parametrize("grouping", ["field", "well"])
def test_screen_is_at_parity_and_keeps_the_whole_smaller_class(grouping):
    nuclei = screen()
    table = splits.screen_splits(nuclei, "JUN", grouping=grouping)
    counts = nuclei.set_index("nucleus_id")["gene_symbol"].loc[table.index].value_counts()
    n_gene = int((nuclei["gene_symbol"] == "JUN").sum())
    assert counts.to_dict() == {"JUN": n_gene, "EMPTY": n_gene}


def test_the_larger_gene_is_undersampled_to_a_rare_control():
    nuclei = screen(wells=8, n_controls=4)
    table = splits.screen_splits(nuclei, "JUN")
    counts = nuclei.set_index("nucleus_id")["gene_symbol"].loc[table.index].value_counts()
    assert counts["JUN"] == counts["EMPTY"] == (nuclei["gene_symbol"] == "EMPTY").sum()


def test_control_of_many_classes_comes_down_to_the_largest_gene():
    nuclei = screen()
    table = splits.class_splits(nuclei, ["BRAF", "JUN"])
    counts = nuclei.set_index("nucleus_id")["gene_symbol"].loc[table.index].value_counts()
    assert counts["EMPTY"] == counts["JUN"] == 5 * 3 * 7 and counts["BRAF"] == 5 * 3 * 6


@pytest.mark.parametrize("grouping", ["field", "well"])
def test_order_of_rows_changes_nothing_and_the_seed_does(grouping):
    nuclei = screen()
    shuffled = nuclei.sample(frac=1, random_state=3)
    for ours, theirs in zip(
        every_split(nuclei, grouping), every_split(shuffled, grouping), strict=True
    ):
        pd.testing.assert_frame_equal(ours.sort_index(), theirs.sort_index())
        assert ours.index.equals(theirs.index)
    other = splits.screen_splits(nuclei, "JUN", grouping=grouping, seed=1)
    assert not other.index.equals(splits.screen_splits(nuclei, "JUN", grouping=grouping).index)


def test_a_left_out_target_is_nowhere_else():
    nuclei = screen()
    for targets in (["JUN"], ["EMPTY"]):
        table = splits.target_split(nuclei, targets, ["BRAF", "JUN"])
        symbols = nuclei.set_index("nucleus_id")["gene_symbol"].loc[table.index]
        assert set(symbols[table["fold_0"] == "out"]) == set(targets)
        assert (table["fold_0"] == "out").sum() == nuclei["gene_symbol"].isin(targets).sum()
        assert not set(targets) & set(symbols[table["fold_0"] != "out"])


def test_shares_of_a_left_out_split():
    nuclei = screen(wells=20, n_controls=40)
    for grouping in ("field", "well"):
        table = splits.target_split(nuclei, ["BRAF"], ["BRAF", "JUN"], grouping=grouping)["fold_0"]
        shares = table[table != "out"].value_counts(normalize=True)
        assert np.allclose(shares[["train", "val", "test"]], [0.6, 0.2, 0.2], atol=0.03)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: splits.screen_splits(n, "JNU"), "no nucleus of JNU .* did you mean JUN"),
        (
            lambda n: splits.screen_splits(n[n["gene_symbol"] != "EMPTY"], "JUN"),
            "no nucleus of EMPTY",
        ),
        (lambda n: splits.screen_splits(n, "JUN", grouping="plate"), "expected field"),
        (lambda n: splits.screen_splits(n.drop(columns="well"), "JUN"), "lacks column well"),
        (lambda n: splits.screen_splits(pd.concat([n, n.head(1)]), "JUN"), "is in the table twice"),
        (lambda n: splits.target_split(n, ["KRAS"], ["JUN"]), "target KRAS is not among"),
        (
            lambda n: splits.target_split(n, ["JUN", "BRAF"], ["JUN", "BRAF"]),
            "3 conditions less 2 targets leave 1",
        ),
        (lambda n: splits.class_splits(n, ["JUN", "MOS"]), "no nucleus of MOS"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call(screen())


def test_too_few_groups_are_named_with_their_number():
    nuclei = screen(wells=1, fields=9)
    with pytest.raises(
        InputError, match=r"JUN has nuclei in 1 well, fewer than the 4 .* group by field"
    ):
        splits.screen_splits(nuclei, "JUN", grouping="well")
    assert len(splits.screen_splits(nuclei, "JUN"))
    few = screen(wells=1, fields=3)
    with pytest.raises(InputError, match=r"JUN has nuclei in 3 fields, fewer than the 4"):
        splits.screen_splits(few, "JUN")
    with pytest.raises(InputError, match=r"BRAF has nuclei in 3 fields.* \(and 1 more classes\)"):
        splits.class_splits(few, ["BRAF", "JUN"])


def test_control_with_too_few_nuclei():
    with pytest.raises(InputError, match=r"EMPTY has 48 nuclei, fewer than the 105 of JUN"):
        splits.class_splits(screen(n_controls=2), ["BRAF", "JUN"])


def test_a_gene_in_few_fields_still_validates():
    """Fields drawn whatever their class may miss a rare class: the first draw that holds both
    counts."""
    nuclei = screen(wells=2, fields=3, per_field=20, n_controls=40)
    table = splits.screen_splits(nuclei, "BRAF")
    symbols = nuclei.set_index("nucleus_id")["gene_symbol"].loc[table.index]
    for fold in table:
        assert (
            symbols[table[fold] == "val"].nunique()
            == symbols[table[fold] == "train"].nunique()
            == 2
        )


@pytest.mark.real
def test_published_field_counts_of_a_screen_split(real):
    """Published for MAPK9, fold 0: 930 / 233 / 387 fields, 6,392 nuclei a class.

    The real table has the fields but no nuclei, so nuclei are put into the fields in the
    proportions of its own counts, 102,376 for EMPTY and 6,392 for MAPK9. Which controls are drawn
    is chance: 1 % of each count is allowed.
    """
    table = pd.read_csv(real / "data/rohban/metadata_image_data.csv", low_memory=False)
    table.columns = table.columns.str.removeprefix("Image_Metadata_").str.removeprefix("Image_")
    plate, well = table["Plate"], table["Well"]
    dropped = (plate == 41749) | ((plate == 41754) & well.isin(["b01", "c01", "d01", "e01", "f01"]))
    dropped |= ((plate == 41757) & (well == "e17")) | (
        table[["QCFlag_isBlurry", "QCFlag_isSaturated"]].sum(axis=1) > 0
    )
    parts = []
    for gene, n_nuclei in (("MAPK9", 6392), ("EMPTY", 102376)):
        fields = table[~dropped & (table["GeneSymbol"] == gene)].reset_index(drop=True)
        share = fields["Count_Nuclei"].to_numpy() / fields["Count_Nuclei"].sum()
        field = np.repeat(
            fields.index, np.diff(np.round(np.append(0, share.cumsum()) * n_nuclei).astype(int))
        )
        parts.append(fields.iloc[field].assign(gene_symbol=gene))
    nuclei = pd.concat(parts, ignore_index=True).rename(
        columns={"Plate": "plate", "Well": "well", "FileName_OrigHoechst": "slide_image_name"}
    )
    nuclei["nucleus_id"] = [f"{name}_{n:06d}" for n, name in enumerate(nuclei["slide_image_name"])]
    split = splits.screen_splits(nuclei, "MAPK9")
    assert len(split) == 2 * 6392
    found = groups_of(nuclei, split, "fold_0", "field")
    counts = np.array([len(found[name]) for name in ("train", "val", "test")])
    print("fields", counts)
    assert np.allclose(counts, [930, 233, 387], rtol=0.01)
