"""The image table: the published screen's counts, and every refusal in one line."""

import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.images import metadata

NAME = (
    "taoe005-u2os-72h-cp-a-au00044859_{well}_s{site}_w1{plate:08x}-e9f1-4dfa-a301-4d8a19b91d40.tif"
)


def table(rows):
    """Return an image table with the published columns; rows are (plate, well, site, gene, blurry,
    saturated)."""
    known = {"Image_Metadata_ExpressionVector": "pLX304", "Image_Count_Nuclei": 60}
    frame = pd.DataFrame(
        [
            {
                "Image_Metadata_Plate": plate,
                "Image_Metadata_Well": well,
                "Image_Metadata_Site": site,
                "Image_FileName_OrigHoechst": NAME.format(well=well, site=site, plate=plate),
                "Image_Metadata_GeneSymbol": gene,
                "Image_Metadata_AlleleDesc": None if gene == "EMPTY" else "WT",
                "Image_Metadata_QCFlag_isBlurry": blurry,
                "Image_Metadata_QCFlag_isSaturated": saturated,
            }
            | known
            for plate, well, site, gene, blurry, saturated in rows
        ]
    )
    others = [name for name, ours in metadata.NAMES.items() if ours not in metadata.OPTIONAL]
    return frame.reindex(columns=others)


@pytest.fixture
def small():
    return table(
        [
            (41744, "k21", 1, "JUN", 0, 0),
            (41744, "k21", 2, "JUN", 1, 0),
            (41744, "b01", 1, "EMPTY", 0, 0),
            (41754, "b01", 1, "EMPTY", 0, 0),
            (41754, "k21", 1, "JUN", 1, 1),
            (41749, "k21", 1, "JUN", 0, 0),
        ]
    )


@pytest.fixture
def read(tmp_path):
    def read(frame):
        frame.to_csv(tmp_path / "metadata_images.csv", index=False)
        return metadata.read_metadata(tmp_path / "metadata_images.csv")

    return read


def test_names_types_and_derived_columns(small, read):
    fields = read(small.assign(Mine="x"))
    assert tuple(fields)[:18] == metadata.INHERITED and fields.columns[-1] == "Mine"
    first = fields.iloc[0]
    assert first["stem"] == NAME.format(well="k21", site=1, plate=41744).removesuffix(".tif")
    assert first["field"] == first["stem"] + "_illum_corrected.tif"
    assert (first["allele_symbol"], fields["allele_symbol"][2]) == ("JUN_WT", "EMPTY_nan")
    assert fields["is_control"].tolist() == [False, False, True, True, False, False]
    assert fields["plate"].dtype == "int64" and fields["is_landmark"].dtype == "float64"


def test_only_the_first_dot_of_a_name_matters():
    names = metadata.corrected_names(pd.Series(["a_s1.ome.tif", "plain"]))
    assert names.tolist() == ["a_s1_illum_corrected.ome.tif", "plain_illum_corrected"]


def test_filters_count_what_they_drop(small, read):
    fields = read(small)
    kept, row = metadata.quality_filter(fields)
    assert (row["n_fields"], row["n_excluded"], row["reason"]) == (4, 2, "blurry: 1, both: 1")
    kept, row = metadata.outlier_filter(kept)
    assert kept.index.tolist() == [0, 2] and row["reason"] == "plate 41749: 1, 41754/b01: 1"
    assert metadata.outlier_filter(fields, plates=(), wells={})[1]["n_excluded"] == 0
    counts = metadata.stage_counts([metadata.stage_row("all", fields), row])
    assert counts["n_fields"].tolist() == [6, 2] and counts["n_cellprofiler"].tolist() == [360, 120]


def test_a_malformed_outlier_well_is_refused(small, read):
    with pytest.raises(InputError, match="plate 41754: 'B1' is no well name; expected a01 to p24"):
        metadata.outlier_filter(read(small), wells={41754: ["B1"]})


def cell(column, value, row=1):
    return lambda frame: frame.astype(object).assign(
        **{column: [value if number == row else old for number, old in enumerate(frame[column])]}
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: f.drop(columns="Image_Metadata_AlleleDesc"),
            "column Image_Metadata_AlleleDesc missing",
        ),
        (lambda f: f.iloc[:0], "no rows"),
        (
            cell("Image_Metadata_Plate", "P1"),
            "row 3: Image_Metadata_Plate is 'P1'; expected a whole number",
        ),
        (
            cell("Image_Metadata_Well", "K21"),
            "row 3: Image_Metadata_Well is 'K21'; expected a01 to p24",
        ),
        (cell("Image_Metadata_Well", "q01"), "expected a01 to p24"),
        (
            cell("Image_Metadata_Site", 1.5),
            "row 3: Image_Metadata_Site is '1.5'; expected a whole number",
        ),
        (cell("Image_Metadata_GeneSymbol", None), "row 3: Image_Metadata_GeneSymbol is empty"),
        (cell("Image_Metadata_QCFlag_isBlurry", 2), "is '2'; expected 0 or 1"),
        (cell("Image_Metadata_QCFlag_isSaturated", None), "is empty; expected 0 or 1"),
        (
            cell("Image_Metadata_GeneID", "many"),
            "Image_Metadata_GeneID is 'many'; expected a number",
        ),
        (cell("Image_FileName_OrigHoechst", "../x.tif"), "expected a file name without folders"),
        (cell("Image_FileName_OrigHoechst", ".."), "expected a file name without folders"),
        (
            cell("Image_Metadata_Site", 1),
            "row 3: plate 41744, well k21, site 1 is already in row 2",
        ),
        (cell("Image_Metadata_Site", 3), "site 3; correct the name or the columns"),
        (
            cell("Image_FileName_OrigHoechst", NAME.format(well="k21", site=1, plate=41744)),
            "is already in row 2; keep one",
        ),
        (
            cell("Image_Metadata_GeneSymbol", "FOS"),
            "well k21 of plate 41744 holds FOS_WT here and JUN_WT before",
        ),
    ],
)
def test_a_bad_table_is_refused_in_one_line(small, read, change, message):
    with pytest.raises(InputError, match="metadata_images.csv") as error:
        read(change(small))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_column_given_twice_is_refused(small, tmp_path):
    path = tmp_path / "metadata_images.csv"
    pd.concat([small, small[["Image_Metadata_Site"]]], axis=1).to_csv(path, index=False)
    with pytest.raises(InputError, match="column Image_Metadata_Site is there twice"):
        metadata.read_metadata(path)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        metadata.read_metadata(tmp_path / "nowhere.csv")
    (tmp_path / "field.tif").write_bytes(b"II*\x00\xff\xfe")
    with pytest.raises(InputError, match="field.tif: not a text file"):
        metadata.read_metadata(tmp_path / "field.tif")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputError, match="empty.csv: not readable as CSV"):
        metadata.read_metadata(tmp_path / "empty.csv")


def test_missing_images_and_masks_are_listed_before_work_starts(small, read, tmp_path):
    fields = read(small)
    with pytest.raises(
        InputError, match="no folder for plate 41744 of the image table; there are none"
    ):
        metadata.check_files(fields, tmp_path)
    for kind in ("illum_corrected", "unet_masks"):
        for row in fields.itertuples():
            folder = tmp_path / kind / str(row.plate)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / row.field).touch()
    assert metadata.check_files(fields, tmp_path)[1]["n_excluded"] == 0
    gone = tmp_path / "unet_masks/41744" / fields["field"][2]
    gone.unlink()
    with pytest.raises(
        InputError, match=rf"1 files of the image table are missing: unet_masks/41744/{gone.name}"
    ):
        metadata.check_files(fields, tmp_path)
    kept, row = metadata.check_files(fields, tmp_path, drop=True)
    assert kept.index.tolist() == [0, 1, 3, 4, 5] and row["reason"] == "no file in unet_masks: 1"
    assert len(metadata.check_files(fields, tmp_path, masks=None)[0]) == 6


@pytest.fixture(scope="module")
def screen(real):
    return metadata.read_metadata(real / "data/rohban/metadata_image_data.csv")


@pytest.mark.real
def test_published_screen_is_six_plates_of_384_wells_and_nine_sites(screen):
    assert len(screen) == 20_736 and screen.groupby("plate").size().eq(384 * 9).all()
    assert sorted(screen["plate"].unique()) == [41744, 41749, 41754, 41755, 41756, 41757]
    assert (
        screen["gene_symbol"].nunique() == 194
        and screen.loc[screen["is_control"], "gene_symbol"].nunique() == 4
    )
    assert (
        screen["field"].is_unique
        and screen["allele"].isna().sum() == (screen["gene_symbol"] == "EMPTY").sum()
    )


@pytest.mark.real
def test_outliers_of_the_unfiltered_table_leave_the_published_counts(screen):
    fields, row = metadata.outlier_filter(screen)
    assert (row["n_fields"], row["n_wells"], row["n_cellprofiler"]) == (17_226, 1_914, 1_273_345)
    assert row["n_symbols"] == 194 and fields["plate"].nunique() == 5
    counts = fields["gene_symbol"].value_counts()
    assert counts["EMPTY"] == 1_557 and (counts[["eGFP", "LacZ", "Luciferase"]] == 360).all()
    assert (counts[["CREB1", "SMAD4"]] == 36).all() and (counts[["XIAP", "MAPK1"]] == 81).all()
    genes = counts.drop(list(metadata.CONTROLS))
    alleles = fields.groupby("gene_symbol")["allele"].nunique()
    wells = fields.groupby("gene_symbol")["well"].nunique()
    others = genes.index.drop(["CREB1", "SMAD4", "XIAP", "MAPK1"])
    assert (
        len(genes) == 190
        and (genes[others] == 45 * wells[others]).all()
        and (wells >= alleles).all()
    )


@pytest.mark.real
def test_quality_flags_then_outliers_leave_17040_fields(screen):
    """The order of the pipeline; the published count skips the flags."""
    fields, row = metadata.quality_filter(screen)
    assert (row["n_excluded"], row["reason"]) == (251, "blurry: 4, saturated: 234, both: 13")
    fields, row = metadata.outlier_filter(fields)
    assert (row["n_fields"], row["n_wells"], row["n_symbols"]) == (17_040, 1_914, 194)
    assert row["n_cellprofiler"] == 1_259_664
    assert fields["gene_symbol"].value_counts()[["EMPTY", "CREB1", "SMAD4"]].tolist() == [
        1_533,
        36,
        35,
    ]


@pytest.mark.real
def test_published_297_alleles_are_327_cut_to_ten_characters(screen):
    names = metadata.outlier_filter(screen)[0]["allele_symbol"]
    assert names.nunique() == 327 and names.str[:10].nunique() == 297
