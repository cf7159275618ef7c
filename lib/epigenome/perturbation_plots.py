"""Pictures of perturbations, eQTL, the first approach and your own cell."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.epigenome.marks import COLOURS
from lib.epigenome.perturbation import PROMOTER
from lib.report import figures


def dose(found: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the mean difference of the prediction against the factor on the mark at the promoter, by
    mark and cell.

    Parameters
    ----------
    found : DataFrame
        From `perturbation.effects`.
    """
    some = found[(found["start"] == PROMOTER[0]) & (found["end"] == PROMOTER[1])]
    drawn = (
        some.groupby(["assay", "cell", "factor"])["difference"]
        .agg(change_log2_rpkm="mean", sem_log2_rpkm="sem", n="count")
        .reset_index()
    )
    drawn["change_log2_rpkm"] *= -1  # what is lost is a change below zero
    nothing = {"factor": 1.0, "change_log2_rpkm": 0.0, "sem_log2_rpkm": 0.0}
    whole = drawn.drop_duplicates(["assay", "cell"]).assign(**nothing)
    drawn = pd.concat([drawn, whole]).sort_values(["assay", "cell", "factor"], ignore_index=True)
    marks = list(dict.fromkeys(some["assay"]))
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.4))
        for ax, mark in zip(figure.subplots(1, len(marks), squeeze=False)[0], marks, strict=True):
            for number, (cell, group) in enumerate(drawn[drawn["assay"] == mark].groupby("cell")):
                ax.errorbar(
                    group["factor"],
                    group["change_log2_rpkm"],
                    yerr=group["sem_log2_rpkm"],
                    fmt="o-",
                    markersize=3,
                    color=figures.PALETTE[number % 8],
                    label=cell if mark == marks[0] else None,
                )
            ax.set_title(mark)
            ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
            ax.set_xlabel("factor on the mark, ±3 kbp")
        figure.axes[0].set_ylabel("change of expectation,\nlog2 units")
        figure.legend(loc="outside right center")
    return figure, drawn


def positions(
    table: pd.DataFrame, planted: Mapping[str, np.ndarray] | None = None
) -> tuple[Figure, pd.DataFrame]:
    """Draw the mean change when the mark is taken away in a 2-kbp stretch, by position, mark and
    cell.

    Parameters
    ----------
    table : DataFrame
        From `perturbation.by_position`.
    planted : mapping, optional
        Mark → planted effect of each 2-kbp bin of the window, drawn scaled to the largest change.
    """
    drawn = _changes(table, planted or {})
    marks = list(dict.fromkeys(table["assay"]))
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.5))
        for ax, mark in zip(figure.subplots(1, len(marks), squeeze=False)[0], marks, strict=True):
            mine = drawn[drawn["assay"] == mark].sort_values("start_bp")
            for number, (cell, group) in enumerate(mine.groupby("cell")):
                ax.plot(
                    group["middle_bp"] / 1_000,
                    group["change_log2_rpkm"],
                    "o-",
                    markersize=2.5,
                    linewidth=0.8,
                    color=figures.PALETTE[number % 8],
                    label=cell if mark == marks[0] else None,
                )
            known = mine.drop_duplicates("start_bp").dropna(subset=["planted_log2_rpkm"])
            if len(known):
                ax.step(
                    known["middle_bp"] / 1_000,
                    known["planted_log2_rpkm"],
                    where="mid",
                    color="black",
                    linewidth=0.8,
                    linestyle=":",
                    label="planted, scaled" if mark == marks[0] else None,
                )
            ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
            ax.set_title(mark)
        figure.supxlabel(
            "kbp from the start site, along transcription; ±3 kbp is not perturbed here", fontsize=8
        )
        figure.axes[0].set_ylabel("change of expectation,\nlog2 units")
        figure.legend(loc="outside right center")
    return figure, drawn


def _changes(table: pd.DataFrame, planted: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return changes by position, and the planted ones of marks that have any, scaled to the
    largest change of their mark."""
    names = {name: f"{name}_bp" for name in ("start", "end", "middle")}
    drawn = table.rename(columns=names).reset_index(drop=True)
    drawn["change_log2_rpkm"] = 0.0 - drawn.pop("difference")
    drawn["planted_log2_rpkm"] = np.nan
    for mark, mine in drawn.groupby("assay"):
        number = (mine["start_bp"].to_numpy() + 20_000) // 2_000
        effect = planted[mark][number] if mark in planted else np.zeros(len(mine))
        if np.any(effect):
            scale = mine["change_log2_rpkm"].abs().max() / np.abs(effect).max()
            drawn.loc[mine.index, "planted_log2_rpkm"] = -scale * effect
    return drawn


def deciles(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the enrichment of eQTL by decile of each score and tissue; filled where q ≤ 0.05.

    Parameters
    ----------
    table : DataFrame
        score, tissue, decile, enrichment, p, q; from `enrichment.by_decile`.
    """
    scores = list(dict.fromkeys(table["score"]))
    tissues = list(dict.fromkeys(table["tissue"]))
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.5))
        for ax, score in zip(
            figure.subplots(1, len(scores), sharey=True, squeeze=False)[0], scores, strict=True
        ):
            for number, tissue in enumerate(tissues):
                mine = table[(table["score"] == score) & (table["tissue"] == tissue)]
                colour = figures.PALETTE[number % 8]
                ax.plot(mine["decile"], mine["enrichment"], color=colour, linewidth=0.8)
                filled = (mine["q"] <= 0.05).to_numpy()
                ax.scatter(
                    mine["decile"],
                    mine["enrichment"],
                    s=18,
                    edgecolors=colour,
                    linewidths=0.9,
                    zorder=3,
                    facecolors=[colour if is_filled else "white" for is_filled in filled],
                    label=tissue.replace("_", " ") if score == scores[0] else None,
                )
            ax.axhline(1, color="0.8", linewidth=0.6, zorder=0)
            ax.set_title(score.replace("_", " "))
            ax.set_xticks([1, 4, 7, 10])
            ax.set_xlabel("decile")
        figure.axes[0].set_ylabel("eQTL against bins\nat the same distance")
        figure.legend(loc="outside upper center", ncols=3)
    shares = {"expected": "expected_share", "unmatched": "unmatched_share"}
    return figure, table.rename(columns=shares)


def first_approach(units: pd.DataFrame, baseline: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw r and error relative to the mean predictor, by assay, of the first approach: a dot per
    cell and blind set.

    Parameters
    ----------
    units : DataFrame
        assay, cell, fold, r, mse.
    baseline : DataFrame
        assay, cell, fold, mse of the mean of the training genes.
    """
    drawn = units.merge(baseline, on=["assay", "cell", "fold"], suffixes=("", "_mean"))
    drawn = drawn.assign(mse_ratio=drawn["mse"] / drawn["mse_mean"])
    assays = list(dict.fromkeys(drawn["assay"]))
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.6))
        panels = (
            ("r", "Pearson r, blind genes"),
            ("mse_ratio", "squared error / that of the mean"),
        )
        for ax, (value, label) in zip(figure.subplots(1, 2), panels, strict=True):
            for x, assay in enumerate(assays):
                y = drawn.loc[drawn["assay"] == assay, value].to_numpy()
                ax.scatter(
                    x + np.linspace(-0.15, 0.15, len(y)),
                    y,
                    s=12,
                    color=COLOURS.get(assay, "C0"),
                    edgecolors="0.3",
                    linewidths=0.3,
                )
                ax.plot([x - 0.25, x + 0.25], [np.nanmean(y)] * 2, color="black", linewidth=1)
            ax.axhline(
                0 if value == "r" else 1, color="0.7", linewidth=0.6, linestyle="--", zorder=0
            )
            ax.set_xticks(range(len(assays)), assays, rotation=35, ha="right")
            ax.set_ylabel(label)
    return figure, drawn[["assay", "cell", "fold", "r", "mse_ratio"]]


def own_cell(
    table: pd.DataFrame, importance: pd.DataFrame, positions_: pd.DataFrame
) -> tuple[Figure, pd.DataFrame]:
    """Draw what is expected of a cell of your own: against what was observed, and which marks and
    positions matter.

    Parameters
    ----------
    table : DataFrame
        From `own.predict`.
    importance : DataFrame
        From `own.marks_that_matter`.
    positions_ : DataFrame
        From `own.positions_that_matter`.
    """
    known = table.dropna(subset=["observed"])
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.6))
        first, second, third = figure.subplots(1, 3)
        _expected_genes(first, table, known)
        rows = importance.iloc[::-1]
        colours = [COLOURS.get(mark, "C0") for mark in rows["mark"]]
        second.barh(rows["mark"], rows["change"], color=colours)
        second.set_xlabel("change if shuffled, log2 units")
        middle = (positions_["start"] + positions_["end"]) / 2_000
        third.step(middle, positions_["difference"], where="mid", color="black")
        third.axhline(0, color="0.8", linewidth=0.6, zorder=0)
        third.set_xlabel("kbp from the start site")
        third.set_ylabel("loss without the marks, log2 units")
        if len(known):
            figure.legend(loc="outside upper left", ncols=2, markerscale=1.5)
    parts = {"gene": table, "mark": importance, "position": positions_}
    drawn = pd.concat(parts, names=["what"]).reset_index(level=0)
    expression = ("expected", "spread", "observed", "change", "difference")
    units = dict.fromkeys(expression, "log2_rpkm") | dict.fromkeys(("start", "end"), "bp")
    return figure, drawn.rename(columns={name: f"{name}_{unit}" for name, unit in units.items()})


def _expected_genes(ax, table: pd.DataFrame, known: pd.DataFrame) -> None:
    """Draw expected against observed expression; without any observed, how it is distributed."""
    ax.set_xlabel("observed log2(RPKM + 1)" if len(known) else "expected log2(RPKM + 1)")
    ax.set_ylabel("expected log2(RPKM + 1)" if len(known) else "genes")
    if known.empty:
        ax.hist(table["expected"], bins=30, color="#0072B2")
        return
    inside = known["n_outside"] == 0
    kinds = (("within the range", "#0072B2", inside), ("a mark outside it", "#D55E00", ~inside))
    for name, colour, mask in kinds:
        x, y = known.loc[mask, "observed"], known.loc[mask, "expected"]
        ax.scatter(x, y, s=7, color=colour, alpha=0.7, linewidths=0, label=name)
