"""Pictures that set models, windows and pairs beside each other. Each returns the figure and a
table of drawn marks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.epigenome.marks import COLOURS, MARKS
from lib.epigenome.plans import NARROW, WIDE
from lib.report import figures

GREY, NETWORK = "0.55", "#0072B2"


def models(cells: pd.DataFrame, bands: pd.DataFrame, assay: str) -> tuple[Figure, pd.DataFrame]:
    """Draw r of networks and simple models on the same genes: a dot per cell, a bar for the
    bootstrap interval.

    Parameters
    ----------
    cells : DataFrame
        model, assay, cell, r.
    bands : DataFrame
        model, assay, low, high, n; from `screen.intervals`.
    """
    rows = cells[(cells["assay"] == assay) & cells["r"].notna()]
    bands = bands[bands["assay"] == assay].set_index("model")
    order = rows.groupby("model")["r"].mean().sort_values().index
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 0.5 + 0.27 * len(order)))
        ax = figure.add_subplot()
        for y, model in enumerate(order):
            mine = rows[rows["model"] == model]
            is_network = model in (NARROW, WIDE)
            ax.plot(
                bands.loc[model, ["low", "high"]],
                [y, y],
                color=NETWORK if is_network else GREY,
                linewidth=5,
                alpha=0.35,
            )
            ax.scatter(
                mine["r"],
                np.full(len(mine), y),
                s=14,
                color=NETWORK if is_network else "0.3",
                zorder=3,
            )
        ax.set_yticks(range(len(order)), order)
        ax.set_xlabel("Pearson r, test genes")
    drawn = rows[["model", "assay", "cell", "r"]].merge(
        bands.reset_index(), on=["model", "assay"], how="left"
    )
    return figure, drawn


def windows(units: pd.DataFrame, marks: Sequence[str]) -> tuple[Figure, pd.DataFrame]:
    """Draw r against what is seen, from 6 kbp to 40 kbp and contacts, for networks and ridges.

    Parameters
    ----------
    units : DataFrame
        kind (`networks` or `ridge`), seen (kbp as text, or `40 + contacts`), assay, r; one row per
        cell and fold.
    """
    chosen = units[units["assay"].isin(marks)]
    keys = ["kind", "seen", "assay"]
    drawn = chosen.groupby(keys, sort=False)["r"].agg(mean_r="mean", sd="std", n="count")
    drawn = drawn.reset_index()
    seen = sorted(set(drawn["seen"]), key=lambda text: ("contacts" in text, _kbp(text)))
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 2.6))
        panels = figure.subplots(1, 2, sharey=True)
        for ax, kind in zip(panels, ("networks", "ridge"), strict=True):
            for mark in [mark for mark in MARKS if mark in set(drawn["assay"])]:
                mine = drawn[(drawn["kind"] == kind) & (drawn["assay"] == mark)]
                mine = mine.set_index("seen").reindex(seen).dropna(subset=["mean_r"])
                x = [seen.index(name) for name in mine.index]
                label = mark if ax is panels[1] else None
                ax.plot(x, mine["mean_r"], "o-", markersize=4, color=COLOURS[mark], label=label)
            ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
            ax.set_xticks(range(len(seen)), [name.replace(" + ", "\n+ ") for name in seen])
            ax.set_title(kind)
        panels[0].set_ylabel("Pearson r, test genes")
        figure.supxlabel("seen around the start site, kbp", fontsize=8)
        figure.legend(loc="outside right center")
    return figure, drawn


def gains(found: pd.DataFrame, tests: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw what a second mark adds in every cell, the mean, and q of the paired test.

    Parameters
    ----------
    found : DataFrame
        From `comparisons.pair_gains`.
    tests : DataFrame
        From `evaluation.paired_tests`; first is the pair.
    """
    drawn = found.merge(tests[["first", "p", "q"]], left_on="assay", right_on="first")
    drawn = drawn.drop(columns="first_y").rename(columns={"first_x": "first"})
    order = drawn.groupby("assay")["gain"].mean().sort_values().index
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 0.8 + 0.24 * len(order)))
        ax = figure.add_subplot()
        for y, name in enumerate(order):
            mine = drawn[drawn["assay"] == name]
            colour = COLOURS.get(mine["second"].iloc[0], "C0")
            jitter = y + np.linspace(-0.12, 0.12, len(mine))
            ax.scatter(mine["gain"], jitter, s=16, color=colour, edgecolors="0.3", linewidths=0.3)
            ax.plot([mine["gain"].mean()] * 2, [y - 0.3, y + 0.3], color="black", linewidth=1)
        q = drawn.drop_duplicates("assay").set_index("assay")["q"]
        labels = [f"{name.replace('-', ' + ')}  (q {q[name]:.2g})" for name in order]
        ax.set_yticks(range(len(order)), labels)
        ax.set_ylim(-0.6, len(order) - 0.4)
        ax.axvline(0, color="0.7", linewidth=0.6, zorder=0)
        ax.set_xlabel("r of the pair minus r of its first mark")
    return figure, drawn


def classes(found: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw how well models tell expressed genes from the others: a dot per cell and fold.

    Parameters
    ----------
    found : DataFrame
        model, cell, fold, auc, ap; from `evaluation.classes_by_unit`.
    """
    order = found.groupby("model")["auc"].mean().sort_values().index
    panels = (("auc", "area under the ROC curve"), ("ap", "average precision"))
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 0.8 + 0.26 * len(order)))
        for ax, (value, label) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
            for y, model in enumerate(order):
                x = found.loc[found["model"] == model, value].to_numpy()
                jitter = y + np.linspace(-0.12, 0.12, len(x))
                colour = NETWORK if model.startswith((NARROW, WIDE)) else GREY
                ax.scatter(x, jitter, s=14, color=colour, linewidths=0)
                ax.plot([np.nanmean(x)] * 2, [y - 0.3, y + 0.3], color="black", linewidth=1)
            if value == "auc":  # chance; that of average precision differs from fold to fold
                ax.axvline(0.5, color="0.7", linewidth=0.6, linestyle="--", zorder=0)
            ax.set_yticks(range(len(order)), order)
            ax.set_xlabel(label)
    return figure, found.reset_index(drop=True)


def _kbp(text: str) -> float:
    return float(text.split(" ")[0])
