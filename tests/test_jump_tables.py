"""Joins of JUMP's tables: cases small enough to check by hand, the real tables, and bad input."""

from pathlib import Path

import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.jump import load_data, metadata, names, optics, symbols
from lib.jump import wells as choice
from lib.jump.metadata import BFP, Tables
from lib.report import published

REAL = Path(__file__).resolve().parents[2] / "shared/data/jump"
NETWORK = {
    gene for genes in published.gene_clusters("regulatory_clusters").values() for gene in genes
}
real = [
    pytest.mark.real,
    pytest.mark.skipif(not REAL.is_dir(), reason="the real tables of JUMP are absent"),
]


def tables(wells, plates=(("4", "B1", "P1", "ORF"), ("4", "B2", "P2", "ORF"))) -> Tables:
    """Return four small tables from rows of (plate, well, reagent)."""
    orfs = [
        ["JCP2022_900001", "ccsb_1", "BRAF", "673", "trt"],
        ["JCP2022_900002", "ccsb_2", "BRAF", "673", "trt"],
        ["JCP2022_900003", "ccsb_3", "QARS", "5859", "trt"],
        [BFP, "ccsb_9", "BFP", "BFP", "negcon"],
        ["JCP2022_915132", "ccsb_8", "eGFP", "eGFP", "trt"],  # the row errs, its id does not
    ]
    controls = [
        ["JCP2022_999999", "empty", "Empty"],
        [BFP, "negcon", "BFP"],
        ["JCP2022_915129", "negcon", "HcRed"],
        ["JCP2022_915132", "poscon", "eGFP"],
    ]
    columns = ["JCP2022", "broad_sample", "Symbol", "NCBI_Gene_ID", "pert_type"]
    made = {
        "plates": (plates, ["Source", "Batch", "Plate", "PlateType"]),
        "wells": ([["source_4", *row] for row in wells], ["Source", "Plate", "Well", "JCP2022"]),
        "orfs": (orfs, columns),
        "controls": (controls, ["JCP2022", "pert_type", "Name"]),
    }
    return Tables(
        **{
            name: names.tidy(pd.DataFrame(rows, columns=[f"Metadata_{one}" for one in heads]))
            for name, (rows, heads) in made.items()
        }
    )


WELLS = [
    ["P1", "A01", "JCP2022_900001"],
    ["P1", "O23", BFP],
    ["P1", "A02", "JCP2022_999999"],
    ["P2", "A01", "JCP2022_900002"],
    ["P2", "b1", "JCP2022_900003"],
    ["P2", "A03", "JCP2022_915132"],
]
GENES = pd.DataFrame({"symbol": ["BRAF", "QARS1"], "gene_id": ["673", "5859"]})


@pytest.mark.parametrize(
    ("text", "well"),
    [("r11c21f07", "K21"), ("k21", "K21"), ("K21", "K21"), ("r08c14", "H14"), ("A1", "A01")],
)
def test_one_spelling_of_wells(text, well):
    assert names.well_name(text) == well


@pytest.mark.parametrize("text", ["Q01", "A25", "r17c01", "A00", "", "well"])
def test_no_well_is_guessed(text):
    with pytest.raises(InputError, match="no well of a 384-well plate"):
        names.well_name(text)


def test_identifiers_stay_text_and_sources_have_one_name():
    """A plate named by a number is not read as one, nor source 4 as another than source_4."""
    left = names.tidy(
        pd.DataFrame({"Metadata_Plate": [1053597806], "Metadata_Source": [4]})
    ).assign(Metadata_Plate=lambda table: table["Metadata_Plate"])
    left = pd.concat(
        [
            left,
            names.tidy(
                pd.DataFrame({"Metadata_Plate": ["BR00121426"], "Metadata_Source": ["source_4"]})
            ),
        ]
    )
    right = names.tidy(
        pd.DataFrame(
            {"Metadata_Plate": ["1053597806", "BR00121426"], "Metadata_Source": ["source_4", "4"]}
        )
    )
    keys = ["Metadata_Plate", "Metadata_Source"]
    assert metadata.match(left, right, keys, sides=("a", "b"))[1]["n_matched"] == 2


def test_a_plate_number_in_a_file_keeps_its_digits(tmp_path):
    path = tmp_path / "plate.csv"
    path.write_text(
        "Metadata_Source,Metadata_Batch,Metadata_Plate,Metadata_PlateType\n4,B1,0053597806,ORF\n"
    )
    assert metadata.read_table(path, "plates")["Metadata_Plate"].item() == "0053597806"


def test_both_sides_of_a_join_are_reported():
    images = pd.DataFrame({"well": ["A01", "A02", "A03"]})
    wells = pd.DataFrame({"well": ["A02", "A03", "A04"]})
    table, row = metadata.match(images, wells, ["well"], sides=("images", "wells"))
    assert table["well"].tolist() == ["A02", "A03"]
    assert (row["n_left_only"], row["left_only"]) == (1, "A01")
    assert (row["n_right_only"], row["right_only"]) == (1, "A04")


def test_a_join_without_match_or_key_is_an_error():
    left, right = pd.DataFrame({"plate": ["1"]}), pd.DataFrame({"plate": ["BR1"]})
    with pytest.raises(InputError, match="none of 1 a matches one of 1 b by plate"):
        metadata.match(left, right, ["plate"], sides=("a", "b"))
    with pytest.raises(InputError, match="table of b lacks the join key well"):
        metadata.match(left.assign(well="A01"), right, ["plate", "well"], sides=("a", "b"))
    twice = pd.DataFrame({"plate": ["1", "1"]})
    with pytest.raises(InputError, match="the table of b has 1 twice"):
        metadata.match(left, twice, ["plate"], sides=("a", "b"))


def test_controls_are_told_by_their_id():
    wells, _ = metadata.join(tables(WELLS))
    kinds = dict(zip(wells["jcp2022"], wells["pert_type"], strict=True))
    assert kinds[BFP] == "negcon" and kinds["JCP2022_915132"] == "poscon"
    assert kinds["JCP2022_999999"] == "empty" and kinds["JCP2022_900001"] == "trt"


def test_only_bfp_is_the_papers_empty_and_reagents_stay_apart():
    wells, joins = metadata.join(tables(WELLS))
    kept, stages = choice.conditions(wells, GENES)
    found = kept.set_index(["plate", "well"])["gene_symbol"].to_dict()
    assert found == {
        ("P1", "A01"): "BRAF",
        ("P1", "O23"): "EMPTY",
        ("P2", "A01"): "BRAF",
        ("P2", "B01"): "QARS1",  # joined by id, whatever the old symbol
    }
    assert kept.loc[kept["gene_symbol"] == "BRAF", "reagent"].tolist() == ["ccsb_1", "ccsb_2"]
    assert stages.set_index("stage").loc["genes", "n_wells"] == 3
    assert joins["n_matched"].tolist() == [6, 6]


def test_wells_of_unknown_plates_are_counted():
    wells, joins = metadata.join(tables([*WELLS, ["P9", "A01", BFP]]))
    assert len(wells) == 6 and joins["left_only"].iloc[1] == "source_4/P9"


def test_an_unknown_batch_is_an_error():
    wells, _ = metadata.join(tables(WELLS))
    assert set(choice.choose_batches(wells, ["B2"])["plate"]) == {"P2"}
    with pytest.raises(InputError, match="batch B7 is unknown; there are B1, B2"):
        choice.choose_batches(wells, ["B7"])


def test_a_list_of_bad_plates_is_applied_and_counted(tmp_path):
    wells, _ = metadata.join(tables(WELLS))
    path = tmp_path / "bad.csv"
    path.write_text("plate,well,reason\nP1,a2,dust\nP2,,out of focus\n")
    kept, counted = choice.leave_out(wells, path)
    assert kept["well"].tolist() == ["A01", "O23"] and counted["n_wells"].tolist() == [1, 3]
    path.write_text("plate,reason\nP3,dust\n")
    with pytest.raises(InputError, match=r"bad.csv, row 2: plate P3 is unknown"):
        choice.leave_out(wells, path)


def test_a_missing_join_key_names_file_and_column(tmp_path):
    path = tmp_path / "well.csv"
    path.write_text("Metadata_Source,Metadata_Plate,Metadata_JCP2022\nsource_4,P1,JCP2022_900001\n")
    with pytest.raises(InputError, match=r"well.csv: the column Metadata_Well is missing"):
        metadata.read_table(path, "wells")
    path.write_text(
        "Metadata_Source,Metadata_Plate,Metadata_Well,Metadata_JCP2022\nsource_4,P1,A01,\n"
    )
    with pytest.raises(InputError, match=r"row 2, Metadata_JCP2022 nan is empty"):
        metadata.read_table(path, "wells")


def test_aged_symbols_are_told_and_ambiguous_ones_not_guessed():
    aliases = pd.DataFrame(
        {"alias": ["QARS", "QARS", "MLL"], "symbol": ["QARS1", "EPRS1", "KMT2A"]}
    )
    found = symbols.resolve(["QARS", "MLL", "QARS1", "NOSUCH"], aliases).set_index("given")
    assert found["status"].tolist() == ["ambiguous", "renamed", "current symbol", "not found"]
    assert found.at["QARS", "symbol"] == "" and found.at["QARS", "candidates"] == "EPRS1, QARS1"
    wells, _ = metadata.join(tables(WELLS))
    (row,) = symbols.compare(wells, GENES).to_dict("records")
    assert (row["given"], row["symbol"], row["n_wells"]) == ("QARS", "QARS1", 1)


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("r01c01f01p01-ch5sk1fk1fl1.tiff", "ch5"),  # source_4
        ("1053597806_A01_T0001F001L01A01Z01C01.tif", "ch1"),  # source_2
        ("taoe005-u2os-72h-cp-a-au00044859_k21_s7_w1d4c1.tif", "w1"),  # the screen
    ],
)
def test_the_channel_of_dna_differs_between_microscopes(name, channel):
    assert load_data.channel([name, name]) == channel


def test_a_stain_is_found_by_name_or_refused():
    table = pd.DataFrame(columns=["FileName_OrigDNA", "FileName_OrigER"])
    assert load_data.stain_columns(table, "DNA") == ("OrigDNA", "IllumDNA")
    assert load_data.stain_columns(table.set_axis(["FileName_OrigHoechst", "x"], axis=1), "DNA")[
        0
    ] == ("OrigHoechst")
    with pytest.raises(InputError, match="no column holds the stain Mito; the table has DNA, ER"):
        load_data.stain_columns(table, "Mito")
    with pytest.raises(InputError, match="name different channels"):
        load_data.channel(["r01c01f01p01-ch5sk1.tiff", "r01c01f01p01-ch4sk1.tiff"])
    with pytest.raises(InputError, match="no channel"):
        load_data.channel(["image.tiff"])


def rows_of_images(plate="BR1", function="BR1") -> pd.DataFrame:
    root = f"{load_data.ROOT}source_4/images/B1"
    return pd.DataFrame(
        {
            "Metadata_Source": "source_4",
            "Metadata_Batch": "B1",
            "Metadata_Plate": plate,
            "Metadata_Well": ["A01", "A02"],
            "Metadata_Site": "1",
            "FileName_OrigDNA": ["r01c01f01p01-ch5sk1.tiff", "r01c02f01p01-ch5sk1.tiff"],
            "PathName_OrigDNA": f"{root}/images/{plate}__x/Images/",
            "FileName_IllumDNA": f"{function}_IllumDNA.npy",
            "PathName_IllumDNA": f"{root}/illum/{function}",
        }
    )


def wells_of_images() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": "source_4",
            "batch": "B1",
            "plate": "BR1",
            "well": ["A02", "A03"],
            "gene_symbol": ["JUN", "EMPTY"],
        }
    )


def test_fields_have_published_names_and_local_paths():
    found, row = load_data.fields(rows_of_images(), wells_of_images())
    (one,) = found.to_dict("records")
    assert one["field"] == "source_4_B1_BR1_A02_1_JUN_orig_illumcor.tif"
    assert one["image"] == "source_4/images/B1/images/BR1__x/Images/r01c02f01p01-ch5sk1.tiff"
    assert one["function"] == "source_4/images/B1/illum/BR1/BR1_IllumDNA.npy"
    assert one["channel"] == "ch5" and (row["n_left_only"], row["n_right_only"]) == (1, 1)


def test_the_function_of_another_plate_is_refused():
    with pytest.raises(
        InputError, match=r"plate BR1, well A01: its illumination function .*2 rows"
    ):
        load_data.fields(rows_of_images(function="BR2"), wells_of_images())


def test_areas_follow_the_size_of_a_pixel():
    assert round(optics.rescaled_area(500, pixel_um=0.597976, to_um=0.65)) == 423


def test_a_size_of_a_pixel_is_never_guessed(tmp_path):
    path = tmp_path / "microscope_config.csv"
    heads = "Metadata_Source,Metadata_Microscope_Name,Metadata_Pixel_Size_Microns"
    path.write_text(f"{heads}\n4,Opera Phenix,0.597976\n")
    config = optics.read(path)
    assert optics.pixel_size(config, "source_4") == 0.597976
    with pytest.raises(
        InputError, match="the microscope of source_2 is unknown; there are source_4"
    ):
        optics.pixel_size(config, "source_2")
    path.write_text(f"{heads}\n4,Opera Phenix,0\n")
    with pytest.raises(InputError, match="is no size of a pixel"):
        optics.read(path)


class TestReal:
    """The public tables; `well.csv.gz` is not among them."""

    pytestmark = real

    def test_the_batches_of_the_orf_plates_are_the_papers(self):
        plates = metadata.read_table(REAL / "datasets/plate.csv.gz", "plates")
        orf = plates[plates["Metadata_PlateType"] == "ORF"]
        assert set(orf["Metadata_Source"]) == {"source_4"}
        assert orf["Metadata_Batch"].nunique() == published.load()["jump.joins.batches"].value
        assert len(orf) == 251

    def test_reagents_and_controls(self):
        orfs = metadata.read_table(REAL / "datasets/orf.csv.gz", "orfs")
        controls = metadata.read_table(REAL / "datasets/perturbation_control.csv", "controls")
        kinds = controls.set_index("Metadata_JCP2022")["Metadata_pert_type"]
        ids = [f"JCP2022_{number}" for number in (915128, 915129, 915132, 999999)]
        assert kinds[ids].tolist() == ["negcon", "negcon", "poscon", "empty"]
        assert orfs.set_index("Metadata_JCP2022").at[BFP, "Metadata_Symbol"] == "BFP"
        assert orfs["Metadata_Symbol"].isna().sum() == 35  # written "NA"; a gene called BAD stays
        assert "BAD" in set(orfs["Metadata_Symbol"])

    def test_most_genes_of_the_interactome_have_an_orf(self):
        """175 of 249 have imaged wells; more have an ORF in the library."""
        orfs = metadata.read_table(REAL / "datasets/orf.csv.gz", "orfs")
        genes = NETWORK
        assert published.load()["jump.joins.genes"].value <= len(
            genes & set(orfs["Metadata_Symbol"])
        )

    def test_pixels_of_every_source(self):
        config = optics.read(REAL / "datasets/microscope_config.csv")
        assert optics.pixel_size(config, "source_4") == 0.597976
        assert optics.pixel_size(config, "source_2") == 0.65 and len(config) == 13

    def test_a_real_load_data_table(self):
        table = load_data.read_table(
            REAL / "pycytominer/test_BR00126114_load_data_with_illum.parquet"
        )
        wells = pd.DataFrame(
            {
                "source": ["source_4"],
                "batch": ["2021_08_23_Batch12"],
                "plate": ["BR00126114"],
                "well": ["A01"],
                "gene_symbol": ["EMPTY"],
            }
        )
        found, row = load_data.fields(table, wells)
        assert found["channel"].unique().tolist() == ["ch5"] and row["n_matched"] == 2
        assert found["function"].str.endswith("BR00126114/BR00126114_IllumDNA.npy").all()

    def test_the_target_plate_map_has_its_controls_four_times(self):
        folder = REAL / "JUMP-Target"
        wells = pd.read_csv(folder / "JUMP-Target-1_orf_platemap.tsv", sep="\t", dtype=str)
        orfs = pd.read_csv(folder / "JUMP-Target-1_orf_metadata.tsv", sep="\t", dtype=str)
        both, row = metadata.match(
            wells.rename(columns={"well_position": "well"}),
            orfs,
            ["broad_sample"],
            sides=("wells", "ORFs"),
        )
        assert (row["n_matched"], row["n_left_only"], row["n_right_only"]) == (380, 4, 0)
        negative = both[both["control_type"] == "negcon"]
        assert (negative.groupby("broad_sample").size() == 4).all()
        assert both["well"].map(names.well_name).is_unique
