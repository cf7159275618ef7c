"""Pictures of the screen: marks, pairs, ranges. Each returns the figure and a table of drawn
marks."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.epigenome import promoters
from lib.epigenome.marks import COLOURS, MARKS, rows_of
from lib.epigenome.signals import WINDOW, Signals
from lib.report import figures

GREY = "0.55"
RANGE_NAMES = {
    "promoter": "6 kbp, promoter network",
    "chromoformer": "40 kbp and contacts, Chromoformer",
}


def profiles(
    known: Signals, marks: Sequence[str], *, bin_size: int = 500
) -> tuple[Figure, pd.DataFrame]:
    """Draw the mean ln(1 + depth) around the start sites, by mark, of expressed and other genes."""
    sums = promoters.oriented(known, rows_of(marks, known.marks))
    made = promoters.promoter_bins(sums, bin_size)  # (G, L, F)
    position = (-WINDOW / 2 + bin_size * (np.arange(made.shape[1]) + 0.5)) / 1_000
    label = known.genes["label"].to_numpy()
    rows = []
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.6))
        axes = figure.subplots(1, len(marks), sharey=True, squeeze=False)[0]
        for i, (ax, mark) in enumerate(zip(axes, marks, strict=True)):
            kinds = ((1, "expressed", COLOURS.get(mark, "C0")), (0, "not expressed", GREY))
            for value, name, colour in kinds:
                mean = made[label == value, :, i].mean(axis=0)
                ax.plot(position, mean, color=colour, label=name)
                part = pd.DataFrame({"position_kbp": position, "signal_ln_depth": mean})
                part.insert(0, "mark", mark)
                part.insert(1, "genes", name)
                rows.append(part)
            ax.set_title(mark)
            ax.set_xticks([-15, 0, 15])
        axes[0].set_ylabel("mean ln(1 + depth)")
        figure.supxlabel("kbp from the start site, along transcription", fontsize=8)
        _one_legend_for_all_colours(figure)
    return figure, pd.concat(rows, ignore_index=True)


def _one_legend_for_all_colours(figure: Figure) -> None:
    """Show expressed genes as a dark line: each mark has a colour of its own."""
    last = figure.axes[-1]
    last.plot([], [], color="0.2", label="expressed (colour)")
    handles = last.get_legend_handles_labels()[0]
    names = ["expressed (coloured)", "not expressed"]
    figure.legend([handles[2], handles[1]], names, loc="outside upper right", ncols=2)


def by_mark(
    units: pd.DataFrame,
    *,
    marks: Sequence[str] = MARKS,
    reference: float | None = None,
    by_cell: bool = False,
) -> tuple[Figure, pd.DataFrame]:
    """Draw Pearson's r by mark: a point at the mean over cells and folds, a bar of one SD.

    Parameters
    ----------
    units : DataFrame
        assay, cell, fold, r; one row per network.
    reference : float, optional
        Mean r with all marks, dotted.
    by_cell : bool
        One point per cell, side by side.
    """
    chosen = units[units["assay"].isin(marks)]
    keys = ["assay", "cell"] if by_cell else ["assay"]
    drawn = chosen.groupby(keys)["r"].agg(mean_r="mean", sd="std", n="count").reset_index()
    cells = list(dict.fromkeys(chosen["cell"])) if by_cell else [None]
    with figures.style():
        figure = Figure(figsize=(figures.PAGE if by_cell else figures.COLUMN, 2.8))
        ax = figure.add_subplot()
        for number, cell in enumerate(cells):
            rows = drawn if cell is None else drawn[drawn["cell"] == cell]
            rows = rows.set_index("assay").reindex(list(marks))
            shift = 0.7 * ((number + 0.5) / len(cells) - 0.5)
            _marks_of_a_cell(ax, rows, np.arange(len(marks)) + shift, cell, number)
        if reference is not None:
            ax.axhline(reference, color="black", linestyle=":", linewidth=1, label="all marks")
        ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
        ax.set_xticks(range(len(marks)), marks, rotation=35, ha="right")
        ax.set_ylabel("Pearson r, test genes")
        if reference is not None or by_cell:
            figure.legend(loc="outside upper center", ncols=4)
    return figure, drawn.assign(all_marks_r=np.nan if reference is None else reference)


def _marks_of_a_cell(ax, rows: pd.DataFrame, x: np.ndarray, cell: str | None, number: int) -> None:
    """Draw one point per mark: in the mark's colour, or in the cell's if there are cells."""
    bars = "0.35" if cell is None else figures.PALETTE[number % 8]
    colours = [COLOURS.get(mark, "C0") for mark in rows.index] if cell is None else bars
    line = {"fmt": "none", "elinewidth": 1, "capsize": 2}
    ax.errorbar(x, rows["mean_r"], yerr=rows["sd"], ecolor=bars, **line)
    edge = {"edgecolors": "0.2", "linewidths": 0.4, "zorder": 3}
    ax.scatter(x, rows["mean_r"], s=22, c=colours, label=cell, **edge)


def receptive_field(
    units: pd.DataFrame, expected: pd.DataFrame | None = None
) -> tuple[Figure, pd.DataFrame]:
    """Draw r by mark of the narrow and the wide network side by side.

    Parameters
    ----------
    units : DataFrame
        model, assay, cell, fold, r of the two kinds.
    expected : DataFrame, optional
        model, assay, r: planted.
    """
    marks = [mark for mark in MARKS if mark in set(units["assay"])]
    drawn = units[units["assay"].isin(marks)].groupby(["model", "assay"])["r"]
    drawn = drawn.agg(mean_r="mean", sd="std", n="count").reset_index()
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 3.0))
        ax = figure.add_subplot()
        for number, (model, name) in enumerate(RANGE_NAMES.items()):
            rows = drawn[drawn["model"] == model].set_index("assay").reindex(marks)
            x = np.arange(len(marks)) + (number - 0.5) * 0.3
            look = {"fmt": "os"[number], "color": ("#E69F00", "#0072B2")[number]}
            size = {"markersize": 5, "capsize": 2}
            ax.errorbar(x, rows["mean_r"], yerr=rows["sd"], label=name, **size, **look)
            if expected is not None:
                known = expected[expected["model"] == model].set_index("assay")["r"].reindex(marks)
                label = "planted" if number else None
                ax.scatter(x, known, marker="x", color="black", zorder=4, label=label)
        ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
        ax.set_xticks(range(len(marks)), marks, rotation=35, ha="right")
        ax.set_xlim(-0.5, len(marks) - 0.5)
        ax.set_ylabel("Pearson r, test genes")
        figure.legend(loc="outside upper center", ncols=3)
    if expected is not None:
        planted = expected.rename(columns={"r": "planted_r"})
        drawn = drawn.merge(planted, on=["model", "assay"], how="left")
    return figure, drawn


def second_mark(units: pd.DataFrame, every: str, expected: Mapping[str, float] | None = None):
    """Draw single marks (grey) and their pairs, with the mean of all marks as a dotted line.

    Parameters
    ----------
    units : DataFrame
        assay, r; one row per network of one model.
    every : str
        Assay of all marks.
    expected : mapping, optional
        Assay → planted correlation, drawn as a cross.
    """
    order = _firsts_and_pairs(units["assay"].unique())
    drawn = units[units["assay"].isin(order)].groupby("assay")["r"]
    drawn = drawn.agg(mean_r="mean", sd="std", n="count").reindex(order).reset_index()
    reference = units.loc[units["assay"] == every, "r"].mean()
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 3.2))
        ax = figure.add_subplot()
        look = {"fmt": "o", "markeredgecolor": "0.2", "markeredgewidth": 0.4, "markersize": 5}
        for x, row in enumerate(drawn.itertuples()):
            colour = COLOURS[row.assay.split("-")[-1]] if "-" in row.assay else GREY
            ax.errorbar(x, row.mean_r, yerr=row.sd, color=colour, capsize=2, **look)
        if expected is not None:
            known = [expected[name] for name in order]
            ax.scatter(range(len(order)), known, marker="x", color="black", label="planted")
        ax.axhline(reference, color="black", linestyle=":", label="all marks")
        labels = [name.replace("-", " +\n") for name in order]
        ax.set_xticks(range(len(order)), labels, rotation=60, ha="right")
        ax.set_xlim(-0.5, len(order) - 0.5)
        ax.set_ylabel("Pearson r, test genes")
        figure.legend(loc="outside upper center", ncols=2)
    planted = drawn["assay"].map(expected) if expected is not None else np.nan
    return figure, drawn.assign(all_marks_r=reference, planted_r=planted)


def _firsts_and_pairs(assays: Sequence[str]) -> list[str]:
    """Return each first mark of a pair, followed by its pairs."""
    pairs = [name for name in assays if name.count("-") == 1]
    order = []
    for first in sorted({name.split("-")[0] for name in pairs}, key=MARKS.index):
        order += [first, *(name for name in pairs if name.split("-")[0] == first)]
    return order
