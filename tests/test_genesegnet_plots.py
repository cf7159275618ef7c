"""Pictures of the chapter: every mark drawn is in the table beside it, widths are a journal's, and
sentences say what came out."""

import numpy as np
import pandas as pd
import pytest

from lib.genesegnet import plots, sentences
from lib.genesegnet.samples import Sample
from lib.report import figures


def is_of_a_journal(figure):
    return any(abs(figure.get_figwidth() - inches) < 1e-6 for inches in figures.WIDTHS.values())


def squares(*corners):
    labels = np.zeros((40, 60), np.int32)
    for number, (row, column) in enumerate(corners, start=1):
        labels[row : row + 10, column : column + 10] = number
    return labels


@pytest.fixture
def sample():
    rows, columns = np.array([5, 6, 20, 39]), np.array([5, 12, 30, 59])
    spots = pd.DataFrame({"x": columns, "y": rows, "gene": "a"})
    stain = np.arange(40 * 60, dtype=np.float32).reshape(40, 60)
    return Sample("one", stain, None, spots, rows, columns, np.ones(4, bool))


def test_cells_and_spots_of_a_slide_are_in_the_table(sample):
    shown = {"truth": squares((0, 0), (15, 25)), "found": squares((0, 0))}
    figure, drawn = plots.slides(sample, shown, window=60)
    assert is_of_a_journal(figure)
    assert drawn.groupby(["panel", "mark"], sort=False).size().tolist() == [2, 4, 1, 4]
    first = drawn.iloc[0]  # pixels 0 to 9 have their middle at 5
    assert (first["x_px"], first["y_px"], first["area_px2"]) == (5, 5, 100)
    words = "Cells: 2 (truth) with 50% of the transcripts; 1 (found) with 25% of the transcripts."
    assert sentences.outlines(drawn) == words
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["outline of a cell", "transcript in a cell", "transcript in none"]


def test_one_label_image_has_a_column_and_a_half(sample):
    figure, drawn = plots.slides(sample, {"one": squares((0, 0))}, spots=False)
    assert figure.get_figwidth() == figures.MIDDLE and not figure.legends
    assert sentences.outlines(drawn) == "Cells: 1 (one)."


def test_share_of_a_location_map(sample):
    half = np.zeros((40, 60))
    half[:, :30] = 1
    figure, drawn = plots.location_maps(sample, {"σ = 2 pixels": half}, window=60)
    assert is_of_a_journal(figure) and drawn["share"].tolist() == [0.5]
    assert (
        sentences.maps(drawn) == "The map lies above one half on 50% (σ = 2 pixels) of the pixels."
    )


def test_losses_end_where_the_sentence_says():
    history = {"train_loss": [9.0, 3.0], "val_loss": [8.0, 4.0]}
    figure, drawn = plots.losses({"round 1": history, "round 2": history})
    assert is_of_a_journal(figure) and len(drawn) == 8
    words = "After 2 epochs, training and validation loss: 3.00 and 4.00 (round 1), 3.00 and 4.00"
    assert sentences.losses(drawn).startswith(words)


def test_precision_by_overlap():
    grid = [("both", 0.5, 1.0), ("both", 0.75, 0.5), ("stain", 0.5, 0.6), ("stain", 0.75, 0.0)]
    scores = pd.DataFrame(grid, columns=["inputs", "iou", "ap"]).assign(sample="one")
    figure, drawn = plots.precision(scores, "inputs")
    assert is_of_a_journal(figure) and len(drawn) == 4
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["both", "stain"]
    said = sentences.precision(drawn, "inputs")
    assert said.endswith("0.95: 1.00 and 0.75 (inputs both), 0.60 and 0.30 (inputs stain).")


def test_shares_are_drawn_from_0_to_1():
    table = pd.DataFrame({"sigma_px": [2.0, 2, 7], "sample": list("aba"), "ap": [0.4, 0.6, 0.7]})
    table["gene_iou"] = 0.8
    figure, drawn = plots.dots(table, "sigma_px", {"ap": "AP", "gene_iou": "gene IoU"}, label="σ")
    assert is_of_a_journal(figure) and len(drawn) == 3
    assert all(axis.get_xlim() == (-0.02, 1.02) for axis in figure.axes)
    assert figure.axes[0].get_ylabel() == "σ"
    said = sentences.widths(drawn)
    assert said.endswith("gene IoU: 0.50 and 0.80 (σ 2), 0.70 and 0.80 (σ 7).")


def test_every_class_of_transcripts_is_counted_in_the_legend():
    account = {"cell": 8, "background": 2, "outside": 0, "low": 0, "control": 0, "input": 10}
    cells = pd.DataFrame({"slide": "one", "area": [90, 110, 100], "n_transcripts": [2, 5, 1]})
    figure, drawn = plots.mapping_quality({"one": account}, cells)
    assert is_of_a_journal(figure) and len(drawn) == 8
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names[:3] == ["in a cell (8)", "in no cell (2)", "off the slide (0)"]
    assert names[3:] == ["low quality (0)", "control (0)"]
    words = "8 of 10 transcripts (80%) lie in one of 3 cells, 2 in the median cell."
    assert sentences.mapping(drawn) == words


def test_the_best_of_the_other_ways_is_named():
    rows = [("GeneSegNet", 0.5, 0.9, 0.95), ("nuclei", 0.1, 0.3, 0.97), ("Voronoi", 0.3, 1.0, 0.9)]
    scores = pd.DataFrame(rows, columns=["method", "ap", "assigned", "purity"])
    said = sentences.methods(scores)
    assert "of 0.50 with 90% of the transcripts in cells and a purity of 0.95" in said
    assert said.endswith("the best other way, Voronoi, 0.30, 100% and 0.90.")
    without_truth = sentences.methods(scores[["method", "assigned"]])
    assert without_truth.startswith("Transcripts in cells: 90% (GeneSegNet), 100% (Voronoi)")
