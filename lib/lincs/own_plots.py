"""Pictures of a user's own signatures. Each function returns the figure and every drawn mark."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.lincs.class_plots import score_dots
from lib.lincs.plots import short
from lib.report import figures

MOST = 40  # signatures in one picture
LONGEST = 28  # letters of a signature's name beside it


def nearest(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw how alike each signature is to its nearest class, over what chance gives.

    Parameters
    ----------
    table : DataFrame
        From `query.nearest_classes`: one row per signature and class. The nearest class of the
        first 40 signatures is drawn.

    Returns
    -------
    figure, drawn
        Dots with 95 % of the background's correlations with the same class.
    """
    first = table[table["rank"] == 1].head(MOST)
    shown = first.sort_values(["correlation", "signature"]).reset_index(drop=True)
    at, found = np.arange(len(shown)), shown["p"] < 0.05
    names = [f"{row.signature[:LONGEST]}: {short(row.pcl)}" for row in shown.itertuples()]
    with figures.style():
        # laid out at the resolution of the file, where small letters have their true widths
        figure = Figure(figsize=(figures.MIDDLE, 0.9 + 0.115 * len(shown)), dpi=300)
        ax = figure.add_subplot()
        bars = dict(color="0.8", linewidth=3, label="signatures without a class, 95 %")
        ax.hlines(at, shown["null_low"], shown["null_high"], **bars)
        marks = ((found, figures.PALETTE[0], "p < 0.05"), (~found, figures.PALETTE[1], "p ≥ 0.05"))
        for mask, colour, label in marks:
            ax.scatter(
                shown["correlation"][mask], at[mask], color=colour, s=10, zorder=3, label=label
            )
        ax.set_yticks(at, names, fontsize=figures.LEAST)
        ax.set_ylim(-1, len(shown))
        ax.set_xlabel("Pearson r with the nearest class")
        figure.legend(loc="outside upper center", ncols=3)
    columns = ["signature", "pcl", "correlation", "null_low", "null_high", "p"]
    return figure, shown[columns].rename(columns={"correlation": "r"})


def searches(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw how often each way to search finds the true class first.

    Parameters
    ----------
    table : DataFrame
        From `search.compare`.

    Returns
    -------
    figure, drawn
        Shares with their intervals, and chance as a line.
    """
    rows = table.rename(columns={"search": "representation"}).assign(folds="unseen perturbagens")
    chance = {"chance": float(table["chance"].max())}
    return score_dots(rows, chance, value="share", label="share whose class comes first")


def weights(report: pd.DataFrame, failed: np.ndarray | None = None) -> tuple[Figure, pd.DataFrame]:
    """Draw the weight of each replicate against its agreement with the others.

    Parameters
    ----------
    report : DataFrame
        From `replicates.signatures`; single replicates, which agree with none, are left out.
    failed : (wells,) array of bool, optional
        Which wells are known to have failed.

    Returns
    -------
    figure, drawn
    """
    table = report.assign(failed=False if failed is None else failed).dropna()
    parts = {"replicates": ~table["failed"], "wells that failed": table["failed"]}
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 2.6))
        ax = figure.add_subplot()
        for (name, mask), colour in zip(parts.items(), figures.PALETTE, strict=False):
            if mask.any():
                x, y = table["mean_correlation"][mask], table["weight"][mask]
                ax.scatter(x, y, s=9, color=colour, linewidth=0, alpha=0.7, label=name)
        ax.set_xlabel("mean Spearman r with the other replicates")
        ax.set_ylabel("weight in the signature")
        ax.set_ylim(bottom=0)
        figure.legend(loc="outside upper center", ncols=2)
    columns = ["well", "signature", "mean_correlation", "weight", "failed"]
    return figure, table[columns].rename(columns={"mean_correlation": "r", "weight": "share"})


def recovery(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw how well each way to collapse replicates gives the planted effects back.

    Parameters
    ----------
    table : DataFrame
        From `replicates.recovered`.

    Returns
    -------
    figure, drawn
    """
    at = np.arange(len(table))
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 0.8 + 0.3 * len(table)))
        ax = figure.add_subplot()
        errors = [table["r"] - table["low"], table["high"] - table["r"]]
        ax.errorbar(table["r"], at, xerr=errors, fmt="o", markersize=4, linewidth=0.8)
        ax.set_yticks(at, table["way"])
        ax.set_ylim(len(table) - 0.5, -0.5)
        ax.set_xlabel("Pearson r with the planted effect")
    return figure, table[["way", "r", "low", "high"]]
