"""The committed pictures: as wide as a journal prints them, legible, with origin on them, units in their tables."""

import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from lib.report import figures
from lib.run import pipeline, store

FOLDER = store.ROOT / "figures/mini"
PICTURES = sorted(path.stem for path in FOLDER.glob("*__*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
SIMULATED = {"data/screen.origin.json", "data/sources.origin.json"}

UNITS = "abs_log2_fc au sd mm px px2 um um2 s pct log2_tpm log2_fc log10_p map_heights of_planted control_sd"
"""Units that end a column's name; `au` stands for the arbitrary units of an embedding or a layout."""

NO_UNIT = {
    "accuracy", "ami", "ari", "auc", "auc_20", "auroc", "balanced_accuracy",
    "calinski_harabasz", "chance", "distortion", "f1", "gene_ratio", "high", "iou", "low",
    "null_high", "null_low", "null_median", "observed", "p", "p.adjust", "p_raw", "power",
    "precision", "published", "published_chance", "pval", "pvalue", "q", "q_raw", "qval",
    "qvalue", "recall", "reproduced", "score", "sd", "share", "silhouette", "test_ap",
    "test_auc", "z_score", "cost_1_minus_abs_rho", "Annotated", "Significant", "Expected",
    "Count", "avg_degree", "avg_degree_largest_comp", "avg_node_degree", "std_node_degree",
    "avg_spec_target_degree", "std_spec_target_degree", "degree", "n", "difference",
    "tolerance",
}  # fmt: skip
"""Ratios, probabilities, indices and counts: quantities without a unit."""

LABELS = {
    "beta", "beta_mi", "beta_spearman", "chromosome", "cluster", "column", "cutoff", "field",
    "fold", "index", "k", "knee_index", "link_split", "module", "plate", "rank", "row", "site",
    "x", "y",
}  # fmt: skip
"""Numbers that name or place something; `x` and `y` have words and units in `x_is` and `y_is`."""


@pytest.fixture(params=PICTURES)
def picture(request):
    return request.param


def drawing(name):
    return ElementTree.parse(FOLDER / f"{name}.svg").getroot()


def words(name):
    return [" ".join("".join(text.itertext()).split()) for text in drawing(name).iter(f"{SVG}text")]


def rests_on_simulated(name):
    """Return whether the notebook reads the origin of the screen or of the sources, or writes it."""
    step = next(step for step in pipeline.load("mini").steps if step.slug == name.split("__")[0])
    return bool(SIMULATED & {*step.needs, *step.makes})


def test_there_are_pictures():
    assert len(PICTURES) > 40


def test_a_picture_has_one_of_the_three_widths(picture):
    width = float(drawing(picture).get("width").removesuffix("pt")) / 72 * 25.4
    assert min(abs(width - mm) for mm in figures.WIDTHS) < 0.1, f"{width:.1f} mm"


def test_no_letter_is_below_six_points(picture):
    text = (FOLDER / f"{picture}.svg").read_text(encoding="utf-8")
    sizes = re.findall(r"font(?:-size)?: ?(?:[a-z]+ |\d{3} )*([\d.]+)px", text)
    assert sizes and min(map(float, sizes)) >= figures.LEAST
    assert "Liberation Sans" in text


def test_simulated_data_are_said_to_be_simulated_in_picture_and_caption(picture):
    [found] = [one for one in figures.saved(FOLDER) if one.png.stem == picture]
    in_picture = any("simulated data" in text for text in words(picture))
    assert in_picture == rests_on_simulated(picture), words(picture)[-3:]
    assert ("imulated" in found.caption) == in_picture, found.caption


def test_every_picture_says_what_came_out_with_a_number(picture):
    [found] = [one for one in figures.saved(FOLDER) if one.png.stem == picture]
    assert re.search(r"\d|Nothing is planted", found.caption.split(". ")[0]), found.caption


def test_every_quantity_of_a_table_has_a_unit_or_none_to_have(picture):
    table = pd.read_csv(FOLDER / f"{picture}.csv")
    if "unit" in table:
        return  # a unit per row
    numbers = table.select_dtypes("number").columns
    known = NO_UNIT | LABELS
    ends = tuple(f"_{unit}" for unit in UNITS.split())
    bare = [name for name in numbers if name not in known and not name.startswith("n_") and not name.endswith(ends)]
    assert not bare, f"{bare}: name the unit, or list it among the ratios and counts"
    assert all(f"{axis}_is" in table or axis not in numbers for axis in "xy"), "x and y say what they are"


def test_the_four_files_of_a_picture_stand_side_by_side(picture):
    assert all((FOLDER / f"{picture}{suffix}").is_file() for suffix in pipeline.FIGURE_SUFFIXES)
    assert b"CreationDate" not in (FOLDER / f"{picture}.pdf").read_bytes()
