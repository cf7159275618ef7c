"""Screen files of the archive: every field's image, by stain."""

from pathlib import Path

import pandas as pd
import pytest

from lib.data import screen_file
from lib.data.errors import InputError

REAL = Path(__file__).resolve().parent.parent.parent / "shared/data/rohban"
SCREENS = REAL / "IDR_idr0033-rohban-pathways"
SMALL = """[Plate]
Name = 41744
Rows = 1
Columns = 2
Fields = 2

[Well 0]
Row = 0
Column = 0
ChannelNames = Hoechst,Mito
Field_0 = /uod/x/41744/p_a01_s1_w<10ab,20cd>.tif
Field_1 = /uod/x/41744/p_a01_s2_w<11ab,21cd>.tif

[Well 1]
Row = 0
Column = 1
ChannelNames = Mito,Hoechst
Field_0 = /uod/x/41744/p_a02_s1_w<22cd,12ab>.tif
Field_1 = /uod/x/41744/p_a02_s2_w<23cd,13ab>.tif
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_the_stain_is_found_by_its_name_and_not_by_its_place(tmp_path):
    table = screen_file.read(write(tmp_path / "41744.screen", SMALL), "Hoechst")
    assert table.values.tolist() == [
        ["41744", "a01", 1, "p_a01_s1_w10ab.tif"],
        ["41744", "a01", 2, "p_a01_s2_w11ab.tif"],
        ["41744", "a02", 1, "p_a02_s1_w12ab.tif"],
        ["41744", "a02", 2, "p_a02_s2_w13ab.tif"],
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Fields = 2", "Fields = 3", "4 fields are listed, the plate declares 6"),
        ("Mito,Hoechst", "Mito,DNA", r"\[Well 1\]: the stain 'Hoechst' is not among Mito, DNA"),
        ("[Plate]", "[Screen]", "not a screen file"),
        ("<11ab,21cd>", "11ab", "lists no channels"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, old, new, words):
    path = write(tmp_path / "41744.screen", SMALL.replace(old, new))
    with pytest.raises(InputError, match=words):
        screen_file.read(path, "Hoechst")


@pytest.mark.real
@pytest.mark.parametrize("path", sorted(SCREENS.glob("*.screen")) or [None], ids=str)
def test_every_image_name_of_the_real_plates_is_in_the_published_table(path):
    """All of 3,456 fields of each plate whose screen file is present, and none besides."""
    if path is None:
        pytest.skip(f"no screen files in {SCREENS}")
    table = screen_file.read(path, "Hoechst")
    plate = path.stem.removesuffix("_illum_corrected")
    published = pd.read_csv(REAL / "metadata_image_data.csv", dtype=str)
    published = published.loc[published["Image_Metadata_Plate"] == plate]
    images = table["file"].str.replace("_illum_corrected.tif", ".tif")
    assert len(images) == 3456 == images.nunique()
    assert set(images) == set(published["Image_FileName_OrigHoechst"])
    named = images.str.extract(r"_(?P<well>[a-p]\d\d)_s(?P<site>\d)_w1")
    assert (named["well"] == table["well"]).all()
    assert (named["site"].astype(int) == table["site"]).all()
