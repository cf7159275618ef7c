"""Where data come from is written beside them, follows them, and is combined without losing a
part."""

import pytest

from lib.data import origin
from lib.data.errors import InputError
from lib.data.origin import Origin
from lib.report import gene_lists

IMAGES, LISTS = origin.simulated("images"), origin.published("gene lists", "Image2Reg")


def test_simulated_data_say_so_in_caption_and_corner():
    both = IMAGES | origin.simulated("network")
    assert (both.kind, both.words, both.mark) == (
        "simulated",
        "Simulated data, planted truth.",
        "simulated data",
    )
    assert both.is_planted and both.is_simulated


def test_one_real_part_among_simulated_ones_ends_the_planted_truth():
    both = IMAGES | LISTS
    assert both.kind == "mixed" and both.is_simulated and not both.is_planted
    assert both.words == "Simulated, planted truth: images. Published: gene lists (Image2Reg)."
    assert both.mark == "partly simulated data: images"
    assert both.only("gene lists") == LISTS and LISTS.mark == "published data"


def test_many_parts_still_fit_in_the_corner():
    every = origin.simulated(*(f"source number {i}" for i in range(9))) | LISTS
    assert every.mark == "partly simulated data" and "source number 8" in every.words


def test_a_users_file_is_named_but_not_where_it_lies():
    mine = origin.own("network", "/home/someone/ppi.txt")
    assert mine.words == "User's own: network (ppi.txt)." and "home" not in mine.mark
    assert (mine | LISTS).mark == "published and user's own data"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "at least one part"),
        ({"images": ("made up", "")}, "images: 'made up' is no kind of origin; use simulated"),
        ({"images": ("published", " ")}, "images: published data have a source"),
    ],
)
def test_an_origin_that_says_nothing_is_refused(parts, message):
    with pytest.raises(InputError, match=message):
        Origin(parts)


def test_two_origins_of_one_part_are_refused():
    with pytest.raises(InputError, match="images comes from"):
        IMAGES | origin.own("images", "plates")
    with pytest.raises(InputError, match="no part 'cells'; the parts are images"):
        IMAGES.only("cells")


def test_it_is_read_back_from_beside_the_data(tmp_path):
    for name, found in {"screen": IMAGES, "lists.csv": LISTS}.items():
        origin.write(tmp_path / name, found)
    assert (tmp_path / "lists.csv.origin.json").exists()
    assert origin.read(tmp_path / "screen", tmp_path / "lists.csv") == IMAGES | LISTS


def test_data_without_origin_are_refused(tmp_path):
    with pytest.raises(
        InputError, match="nothing says where nuclei.parquet comes from; run the notebook"
    ):
        origin.read(tmp_path / "nuclei.parquet")
    (tmp_path / "screen.origin.json").write_text('{"parts": [{"name": "images"}]}')
    with pytest.raises(InputError, match="screen.origin.json: 'kind'"):
        origin.read(tmp_path / "screen")


def test_a_list_made_by_a_run_keeps_the_origin_of_the_run(tmp_path):
    made = tmp_path / "clusters.csv"
    assert gene_lists.come_from("").kind == "published"
    assert gene_lists.come_from(made).kind == "own"
    origin.write(made, IMAGES)
    assert gene_lists.come_from(made) == IMAGES
