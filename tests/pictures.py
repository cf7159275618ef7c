"""What is wrong with a saved picture: its width, letters, words, or the columns of its table."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd

from lib.report import figures
from lib.run import pipeline, store

SVG = "{http://www.w3.org/2000/svg}"
SIMULATED = {
    "data/screen.origin.json",
    "data/sources.origin.json",
    "data/jump.origin.json",
    "data/epigenome",
    "data/epigenome_source",
    "data/genesegnet/raw.origin.json",
    "data/genesegnet/labels.origin.json",
    "data/lincs.origin.json",
}
UNITS = (
    "abs_log2_fc au sd mm px px2 um um2 s pct log2_tpm log2_fc log10_p map_heights of_planted "
    "control_sd bp kbp log2_rpkm ln_depth z z2 grey2 1_minus_r"
)
"""Units that end a column's name; `au` stands for the arbitrary units of an embedding or a
layout, `log2_rpkm` for log2(RPKM + 1), `ln_depth` for ln(1 + depth)."""

NO_UNIT = {
    "accuracy",
    "ap",
    "assigned",
    "gene_iou",
    "loss",
    "purity",
    "ami",
    "ari",
    "auc",
    "auc_20",
    "auroc",
    "balanced_accuracy",
    "calinski_harabasz",
    "chance",
    "distortion",
    "f1",
    "gene_ratio",
    "high",
    "iou",
    "low",
    "null_high",
    "null_low",
    "null_median",
    "observed",
    "p",
    "p.adjust",
    "p_rank",
    "p_raw",
    "power",
    "precision",
    "published",
    "published_chance",
    "pval",
    "pvalue",
    "q",
    "q_raw",
    "qval",
    "qvalue",
    "recall",
    "reproduced",
    "score",
    "sd",
    "share",
    "silhouette",
    "test_ap",
    "test_auc",
    "z_score",
    "cost_1_minus_abs_rho",
    "Annotated",
    "Significant",
    "Expected",
    "Count",
    "avg_degree",
    "avg_degree_largest_comp",
    "avg_node_degree",
    "std_node_degree",
    "avg_spec_target_degree",
    "std_spec_target_degree",
    "degree",
    "n",
    "difference",
    "tolerance",
    "r",
    "mean_r",
    "planted_r",
    "all_marks_r",
    "line_r",
    "line_p",
    "r_kept",
    "factor",
    "mse_ratio",
    "enrichment",
    "expected_share",
    "unmatched_share",
    "ks",
    "gain",
    "gene_rank",
    "mean_rank",
    "null_mean",
}
"""Ratios, probabilities, indices and counts: quantities without a unit."""

LABELS = {
    "Cluster",
    "cell_id",
    "epoch",
    "round",
    "beta",
    "beta_mi",
    "beta_spearman",
    "chromosome",
    "cluster",
    "column",
    "cutoff",
    "field",
    "fold",
    "index",
    "k",
    "knee_index",
    "link_split",
    "module",
    "perturbation_cluster",
    "plate",
    "rank",
    "row",
    "site",
    "x",
    "y",
    "decile",
    "level",
    "first",
    "second",
    "class",
    "code",
    "digit",
    "gene",
    "node",
    "other",
    "signature",
    "step",
}
"""Numbers that name or place something; `x` and `y` have words and units in `x_is` and `y_is`."""


def planned() -> list[str]:
    """Return `slug__panel` of every picture of the notebooks that call `figures.show`."""
    steps = [
        step for step in pipeline.load("mini").steps if "figures.show(" in _source(step.notebook)
    ]
    return [f"{step.slug}__{panel}" for step in steps for panel in step.figures]


def _source(notebook: str) -> str:
    return (store.ROOT / "notebooks" / notebook).read_text(encoding="utf-8")


def rests_on_simulated(name: str) -> bool:
    """Return whether the notebook of a picture reads or writes the origin of the screen or of the
    sources."""
    step = _step(name)
    return bool(SIMULATED & {*step.needs, *step.makes})


def _step(name: str) -> pipeline.Step:
    return pipeline.load("mini")[name.split("__")[0]]


def faults(folder: Path, name: str) -> list[str]:
    """Return what is wrong with one picture of simulated profiles, each fault in words; none if all
    is well."""
    missing = [
        kind for kind in pipeline.FIGURE_SUFFIXES if not (folder / f"{name}{kind}").is_file()
    ]
    if missing:
        return [f"{name}: no {', '.join(missing)}"]
    found = [*_of_drawing(folder / f"{name}.svg"), *_of_words(folder, name)]
    found += _of_table(folder / f"{name}.csv")
    if b"CreationDate" in (folder / f"{name}.pdf").read_bytes():
        found.append("the PDF has a date")
    return [f"{name}: {fault}" for fault in found]


def _of_drawing(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    width = float(ElementTree.fromstring(text).get("width").removesuffix("pt")) / 72 * 25.4
    sizes = [
        float(size) for size in re.findall(r"font(?:-size)?: ?(?:[a-z]+ |\d{3} )*([\d.]+)px", text)
    ]
    found = []
    if min(abs(width - mm) for mm in figures.WIDTHS) > 0.1:
        found.append(f"{width:.1f} mm wide")
    if not sizes or min(sizes) < figures.LEAST:
        found.append(f"letters of {min(sizes, default=0):g} points")
    if "Liberation Sans" not in text:
        found.append("not in Liberation Sans")
    return found


def _of_words(folder: Path, name: str) -> list[str]:
    texts = ElementTree.parse(folder / f"{name}.svg").getroot().iter(f"{SVG}text")
    on_picture = any("simulated data" in "".join(text.itertext()) for text in texts)
    [caption] = [one.caption for one in figures.saved(folder) if one.png.stem == name]
    found = []
    if on_picture != rests_on_simulated(name):
        found.append(f"the picture {'says' if on_picture else 'does not say'} simulated")
    if ("imulated" in caption) != on_picture:
        found.append(f"picture and caption differ in whether data are simulated: {caption}")
    if not re.search(r"\d|Nothing is planted", caption[:200]):
        found.append(f"the first sentence has no number: {caption[:200]}")
    return found


def _of_table(path: Path) -> list[str]:
    """Return the columns of quantities that name no unit; a table with a column `unit` has one per
    row."""
    table = pd.read_csv(path)
    numbers = [] if "unit" in table else list(table.select_dtypes("number").columns)
    ends = tuple(f"_{unit}" for unit in UNITS.split())
    known = NO_UNIT | LABELS
    bare = [
        name
        for name in numbers
        if name not in known and not name.startswith("n_") and not name.endswith(ends)
    ]
    found = (
        [f"columns {bare} without unit: name it, or list them among ratios and counts"]
        if bare
        else []
    )
    return found + [
        f"{axis} without {axis}_is"
        for axis in "xy"
        if axis in numbers and f"{axis}_is" not in table
    ]
