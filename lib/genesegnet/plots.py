"""Pictures of the chapter; each returns the figure and a table of what is drawn."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, MaxNLocator

from lib.genesegnet.mapping import CLASSES, cell_table
from lib.genesegnet.samples import Sample
from lib.report import figures

RASTER = {"rasterized": True}  # thousands of marks as pixels: an SVG of a tenth of the size
BLUE, ORANGE, _, OUTLINE, PINK, CYAN, YELLOW, BLACK = figures.PALETTE
COLOURS = BLUE, ORANGE, PINK, CYAN, BLACK  # of lines: no green beside the orange
WORDS = {
    "cell": "in a cell",
    "background": "in no cell",
    "outside": "off the slide",
    "low": "low quality",
    "control": "control",
}
BAR = 20  # pixels, the length of the bar that tells the scale


@figures.style()
def slides(
    sample: Sample, outlines: Mapping[str, np.ndarray], *, window: int = 128, spots: bool = True
) -> tuple[Figure, pd.DataFrame]:
    """Draw a window of a slide once per label image: stain, outlines, spots inside (cyan) and
    outside (yellow), and a bar of 20 pixels.

    Parameters
    ----------
    sample : Sample
    outlines : mapping
        Title → (rows, columns) int.
    window : int
        Side of the part that is drawn, from the middle of the slide, in pixels.
    """
    top, left = (max(0, (length - window) // 2) for length in sample.shape)
    part = slice(top, top + window), slice(left, left + window)
    width = figures.PAGE if len(outlines) > 1 else figures.MIDDLE
    height = width / len(outlines) + (0.34 if spots else 0.16)  # of titles and key, in inches
    figure = Figure(figsize=(width, height))
    axes = np.atleast_1d(figure.subplots(1, len(outlines)))
    drawn = []
    for axis, (title, labels) in zip(axes, outlines.items(), strict=True):
        grey(axis, sample.stain[part])
        axis.contourf(*_edges(labels[part]), levels=[0.5, 1.5], colors=[OUTLINE]).set(**RASTER)
        axis.set_title(title)
        drawn.append(cell_table(labels[part]).assign(panel=title, mark="cell"))
        if spots:
            drawn.append(_draw_spots(axis, sample, labels, part).assign(panel=title, mark="spot"))
    _scale_bar(axes[0])
    if spots:
        _name_spots(figure)
    table = pd.concat(drawn, ignore_index=True)
    return figure, table.rename(columns={"area": "area_px2", "x": "x_px", "y": "y_px"})


@figures.style()
def location_maps(
    sample: Sample, maps: Mapping[str, np.ndarray], *, window: int = 128
) -> tuple[Figure, pd.DataFrame]:
    """Draw the stain and location maps of several widths, with one colour scale from 0 to 1.

    The table has the share of each map's pixels above one half.
    """
    figure = Figure(figsize=(figures.PAGE, 0.3 + figures.PAGE / (len(maps) + 1)))
    axes = figure.subplots(1, len(maps) + 1)
    part = slice(0, window), slice(0, window)
    grey(axes[0], sample.stain[part])
    axes[0].set_title("stain")
    _scale_bar(axes[0])
    rows = []
    for axis, (title, values) in zip(axes[1:], maps.items(), strict=True):
        shown = axis.imshow(values[part], cmap="viridis", vmin=0, vmax=1)
        axis.set(title=title, xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        rows.append({"map": title, "share": (values[part] > 0.5).mean()})
    figure.colorbar(shown, ax=axes[-1], shrink=0.7, label="location map")
    return figure, pd.DataFrame(rows)


@figures.style()
def losses(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> tuple[Figure, pd.DataFrame]:
    """Draw training (line) and validation loss (dashes) by epoch, one colour per network."""
    figure = Figure(figsize=(figures.COLUMN, 2.6))
    axis = figure.subplots()
    rows = []
    for colour, (name, history) in zip(cycle(COLOURS), histories.items(), strict=False):
        for split, dash in (("train", "-"), ("val", "--")):
            values = history[f"{split}_loss"]
            epochs = np.arange(1, len(values) + 1)
            label = name if split == "train" else None
            axis.plot(epochs, values, dash, color=colour, label=label)
            rows.append(
                pd.DataFrame({"network": name, "split": split, "epoch": epochs, "loss": values})
            )
    axis.set(xlabel="epoch", ylabel="loss (dashed: validation)", yscale="log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    figures.plain_numbers(axis.yaxis)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="lower left")
    return figure, pd.concat(rows, ignore_index=True)


@figures.style()
def precision(scores: pd.DataFrame, by: str) -> tuple[Figure, pd.DataFrame]:
    """Draw average precision against the least overlap: mean of the slides, and each slide faintly.

    Parameters
    ----------
    scores : DataFrame
        `iou`, `ap`, `sample` and the column `by`.
    """
    figure = Figure(figsize=(figures.COLUMN, 2.8))
    axis = figure.subplots()
    for colour, (name, group) in zip(cycle(COLOURS), scores.groupby(by, sort=False), strict=False):
        table = group.pivot_table(index="iou", columns="sample", values="ap")
        axis.plot(table.index, table.to_numpy(), color=colour, alpha=0.25, linewidth=0.7)
        axis.plot(
            table.index, table.mean(axis=1), color=colour, marker="o", markersize=3, label=name
        )
    axis.set(xlabel="least overlap of a match (IoU)", ylabel="average precision", ylim=(0, 1.02))
    axis.legend(title=by, loc="upper right")
    return figure, scores[[by, "sample", "iou", "ap"]].reset_index(drop=True)


@figures.style()
def dots(
    scores: pd.DataFrame, by: str, values: Mapping[str, str], *, label: str = ""
) -> tuple[Figure, pd.DataFrame]:
    """Draw one panel per share from 0 to 1: a dot per slide, a bar for the mean.

    Parameters
    ----------
    scores : DataFrame
        One row per slide and value of `by`.
    values : mapping
        Column → label of its axis.
    label : str
        Of the axis with the values of `by`.
    """
    figure = Figure(figsize=(figures.PAGE, 0.9 + 0.26 * scores[by].nunique()))
    axes = np.atleast_1d(figure.subplots(1, len(values), sharey=True))
    names = list(dict.fromkeys(scores[by]))
    place = scores[by].map(names.index)
    for axis, (column, quantity) in zip(axes, values.items(), strict=True):
        axis.scatter(scores[column], place, s=12, color=BLUE, alpha=0.7, linewidths=0)
        means = scores.groupby(by)[column].mean().reindex(names)
        axis.scatter(means, range(len(names)), marker="|", s=120, color="black")
        axis.set(xlabel=quantity, xlim=(-0.02, 1.02))
    axes[0].set_yticks(range(len(names)), [f"{name}" for name in names])
    axes[0].set(ylabel=label, ylim=(len(names) - 0.5, -0.5))
    return figure, scores[[by, "sample", *values]].reset_index(drop=True)


@figures.style()
def mapping_quality(
    accounts: Mapping[str, Mapping[str, int]], cells: pd.DataFrame
) -> tuple[Figure, pd.DataFrame]:
    """Draw where the spots of every slide went, and the transcripts and areas of its cells.

    Parameters
    ----------
    accounts : mapping
        Slide → counts by class.
    cells : DataFrame
        One row per cell: `n_transcripts`, `area`.
    """
    figure = Figure(figsize=(figures.PAGE, 2.6))
    left, middle, right = figure.subplots(1, 3)
    table = pd.DataFrame(accounts).T[list(CLASSES)]
    start = np.zeros(len(table))
    for name, colour in zip(CLASSES, (BLUE, "0.75", ORANGE, PINK, BLACK), strict=True):
        label = f"{WORDS[name]} ({table[name].sum():,})"
        left.barh(table.index, table[name], left=start, color=colour, label=label)
        start += table[name].to_numpy()
    left.invert_yaxis()
    left.set(xlabel="transcripts")
    left.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.4, 1.0), columnspacing=1)
    middle.hist(cells["n_transcripts"], bins=20, color=BLUE)
    middle.set(xlabel="transcripts per cell", ylabel="cells")
    right.scatter(cells["area"], cells["n_transcripts"], s=4, color=BLUE, alpha=0.5, linewidths=0)
    right.set(xlabel="area (pixels)", ylabel="transcripts per cell")
    counts = table.rename_axis("slide").reset_index().melt("slide", var_name="mark", value_name="n")
    marks = cells[["slide", "area", "n_transcripts"]].rename(columns={"area": "area_px2"})
    return figure, pd.concat([counts, marks.assign(mark="one cell")], ignore_index=True)


def grey(axis: Axes, image: np.ndarray) -> None:
    """Draw a stain between its 1st and 99.8th percentile, without ticks."""
    low, high = np.percentile(image, [1, 99.8])
    axis.imshow(image, cmap="gray", vmin=low, vmax=high)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def _scale_bar(axis: Axes) -> None:
    """Draw how long 20 pixels are, in the lower left corner of a picture of a slide."""
    bottom = axis.get_ylim()[0]  # rows grow downwards
    ends = [4, 4 + BAR]
    bar = axis.plot(ends, [bottom - 5] * 2, color="white", linewidth=2, solid_capstyle="butt")
    words = axis.text(4, bottom - 7, f"{BAR} pixels", color="white", fontsize=figures.LEAST)
    for part in (*bar, words):
        part.set_path_effects([withStroke(linewidth=3 if part in bar else 1.5, foreground="black")])


def _name_spots(figure: Figure) -> None:
    names = {"transcript in a cell": CYAN, "transcript in none": YELLOW}
    dots = [
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            color=colour,
            label=name,
            markersize=3,
            mec="0.4",
            mew=0.3,
        )
        for name, colour in names.items()
    ]
    line = Line2D([], [], color=OUTLINE, label="outline of a cell")
    figure.legend(handles=[line, *dots], loc="outside lower center", ncols=3)


def _edges(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coordinates and a map that crosses 0.5 at every border between two labels."""
    from skimage.segmentation import find_boundaries

    edges = find_boundaries(np.repeat(np.repeat(labels, 3, 0), 3, 1), mode="inner")
    rows, columns = ((np.arange(size) - 1) / 3 for size in edges.shape)
    return columns, rows, edges.astype(float)


def _draw_spots(
    axis: Axes, sample: Sample, labels: np.ndarray, part: tuple[slice, slice]
) -> pd.DataFrame:
    rows, columns = sample.rows - part[0].start, sample.columns - part[1].start
    height, width = labels[part].shape
    shown = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    cells = labels[sample.rows[shown], sample.columns[shown]]
    table = pd.DataFrame({"x": columns[shown], "y": rows[shown], "cell_id": cells})
    for inside, colour in ((cells > 0, CYAN), (cells == 0, YELLOW)):
        axis.scatter(
            table["x"][inside], table["y"][inside], s=1.5, color=colour, linewidths=0, **RASTER
        )
    return table
