"""Pictures of the impact screen: Fig 2C and what stands beside it; those of embeddings and clusters
are passed on."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats
from sklearn.metrics import roc_curve

from lib.report import figures
from lib.screen import impact
from lib.screen.cluster_plots import co_clustering_grid, distance_heatmap, index_curves
from lib.screen.embedding_plots import confusion_heatmap, layout_panels
from lib.stats import order

__all__ = [
    "agreement",
    "co_clustering_grid",
    "confusion_heatmap",
    "distance_heatmap",
    "index_curves",
    "planted_truth",
    "score_bars",
    "score_curve",
    "set_densities",
    "layout_panels",
]

SELECTED, BAR, OTHER = figures.ACCENT, "#D3D3D3", "#777777"
_METHODS = (*figures.PALETTE[:6], "#000000")  # without yellow, which is too pale for a mark
_ROW = 72  # genes in a row across a page, symbols of 6.5 pt upright


def score_bars(
    table: pd.DataFrame,
    *,
    is_selected: Collection[bool],
    threshold: float,
    n_shown: int = 140,
    floor: float = 0.55,
    marks: Mapping[str, Collection[str]] | None = None,
) -> tuple[Figure, pd.DataFrame]:
    """Draw Fig 2C: specificity scores in descending order, population SD over folds, selected genes
    in orange.

    Parameters
    ----------
    table : DataFrame
        From `lib.screen.impact.specificity`.
    is_selected : (M,) bool
        Genes named in orange, row by row.
    threshold : float
        Height of the dashed line.
    n_shown : int
        Genes from the top (paper: 140).
    floor : float
        Lower end of the axis (paper: 0.55), lowered where a bar or its SD would fall below.
    marks : mapping of str to collection of str, optional
        Another method that calls genes → its genes, drawn as a row of marks above the bars.

    Returns
    -------
    Figure
    DataFrame
        The bars: `rank`, `gene_symbol`, `score`, `sd`, `is_selected`, and one bool column per row
        of marks.
    """
    drawn = (
        table.assign(is_selected=np.asarray(is_selected, bool)).head(n_shown).reset_index(drop=True)
    )
    drawn = drawn.assign(
        **{name: drawn["gene_symbol"].isin(set(genes)) for name, genes in (marks or {}).items()}
    )
    low = min(floor, np.floor((drawn["score"] - drawn["sd"]).min() * 20) / 20)  # a multiple of 0.05
    methods = list(marks or {})
    with figures.style():
        rows = _rows_of(drawn)  # one table per row of bars
        figure = Figure(figsize=(figures.PAGE, (1.75 + 0.16 * len(methods)) * len(rows) + 0.2))
        heights = [0.16 * len(methods), 1.5] if methods else [1.5]  # inches of marks and bars
        axes = figure.subplots(
            len(heights) * len(rows), 1, height_ratios=heights * len(rows), squeeze=False
        )[:, 0]
        for number, part in enumerate(rows):
            *strip, ax = axes[number * len(heights) : (number + 1) * len(heights)]
            _score_row(ax, part, low, threshold)
            for above in strip:
                _rows(above, part, methods)
                above.set(xlim=ax.get_xlim(), xticks=[])
        if np.isfinite(threshold):
            axes[len(heights) - 1].legend(loc="upper right", frameon=True)
    return figure, drawn


def score_curve(
    table: pd.DataFrame,
    *,
    n_selected: int,
    knee: impact.Knee | None = None,
    null_scores: Collection[float] = (),
) -> tuple[Figure, pd.DataFrame]:
    """Draw the scores by rank, with the last selected gene, the knee, and the spread of null genes.

    Parameters
    ----------
    table : DataFrame
        From `lib.screen.impact.specificity`.
    n_selected : int
        Genes selected from the top; a line marks the last one (paper: index 40).
    knee : Knee, optional
        From `lib.screen.impact.knee`.
    null_scores : collection of float
        Scores of null genes; their central 90 % is shaded.

    Returns
    -------
    Figure
    DataFrame
        `index` (from 0), `gene_symbol`, `score`, and the same number in every row for `knee_index`,
        `null_median`, `null_low`, `null_high`.
    """
    null = np.asarray(list(null_scores), float)
    drawn = table[["gene_symbol", "score"]].rename_axis("index").reset_index()
    drawn = drawn.assign(
        knee_index=knee.index if knee else np.nan,
        null_median=np.median(null) if len(null) else np.nan,
    )
    # the central 90 % of null genes
    low, high = np.quantile(null, [0.05, 0.95]) if len(null) else (np.nan, np.nan)
    drawn = drawn.assign(null_low=low, null_high=high)
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 2.6))
        ax = figure.add_subplot()
        if len(null):
            ax.axhspan(low, high, color="0.9", label=f"{len(null)} null genes, central 90 %")
        ax.plot(
            drawn["index"], drawn["score"], color="black", marker=".", markersize=4, linewidth=1
        )
        ax.axhline(0.5, color=OTHER, linestyle=":", linewidth=0.8, label="chance")
        ax.axvline(
            n_selected - 1,
            color=SELECTED,
            linestyle="--",
            linewidth=1,
            label=f"{n_selected} selected",
        )
        if knee:
            ax.plot(
                knee.index,
                knee.score,
                "o",
                color=figures.PALETTE[0],
                label=f"knee, index {knee.index}",
            )
        ax.set(xlabel="gene, by descending score (index from 0)", ylabel="balanced accuracy")
        ax.legend(loc="upper right")
    return figure, drawn


def set_densities(
    table: pd.DataFrame, sets: Mapping[str, Collection[str]], *, adjust: float = 0.5
) -> tuple[Figure, pd.DataFrame]:
    """Draw how the scores of gene sets and of the other genes are distributed, each normalised by
    itself.

    Parameters
    ----------
    table : DataFrame
        From `lib.screen.impact.specificity`.
    sets : mapping of str to collection of str
        Name → genes; one panel each.
    adjust : float
        Factor of Scott's bandwidth (paper: 0.5).

    Returns
    -------
    Figure
    DataFrame
        One row per gene and set: `set`, `gene_symbol`, `score`, `is_in`, and the one-sided
        Mann-Whitney `p`.

    Raises
    ------
    InputError
        If a set holds none or all of the screened genes.
    """
    rows = []
    with figures.style():
        figure = Figure(figsize=(figures.PAGE if len(sets) > 1 else figures.COLUMN, 2.6))
        for ax, (name, genes) in zip(
            figure.subplots(1, len(sets), squeeze=False)[0], sets.items(), strict=True
        ):
            test = impact.compare_set(table, genes)
            inside = table["gene_symbol"].isin(set(genes))  # (M,)
            _density(ax, table.loc[inside, "score"], SELECTED, f"{name} ({test.n_in})", adjust)
            _density(ax, table.loc[~inside, "score"], OTHER, f"other ({test.n_out})", adjust)
            ax.set_title(f"p = {test.p:.2g}", fontweight="normal", loc="right")
            ax.set(xlabel="balanced accuracy", ylabel="density", ylim=(0, None))
            ax.legend(loc="upper left", bbox_to_anchor=(0, -0.22), ncols=1)
            rows.append(table[["gene_symbol", "score"]].assign(set=name, is_in=inside, p=test.p))
    return figure, pd.concat(rows, ignore_index=True)[["set", "gene_symbol", "score", "is_in", "p"]]


def agreement(calls: pd.DataFrame, scores: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw which method calls which gene, under the specificity scores.

    Genes that no method calls are counted in the title and not drawn.

    Parameters
    ----------
    calls : DataFrame
        From `lib.screen.activity.agreement`.
    scores : DataFrame
        `gene_symbol`, `score`; gives the order of the genes.

    Returns
    -------
    Figure
    DataFrame
        The genes drawn, in order: `gene_symbol`, `score`, one bool column per method, `n_methods`.
    """
    methods = [name for name in calls.columns if name not in ("gene_symbol", "n_methods")]
    ranked = scores[["gene_symbol", "score"]].merge(calls, on="gene_symbol")
    ranked = order.sort_table(ranked, "score", ties="gene_symbol", largest_first=True)
    # genes that no method calls would only widen the picture
    drawn = ranked[ranked["n_methods"] > 0].reset_index(drop=True)
    n_silent, rows = len(ranked) - len(drawn), _rows_of(drawn) if len(drawn) else [drawn]
    heights = [0.8, 0.16 * len(methods)]
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, (1.5 + heights[1]) * len(rows) + 0.2))
        axes = figure.subplots(2 * len(rows), 1, height_ratios=heights * len(rows))
        for top, grid, part in zip(axes[::2], axes[1::2], rows, strict=True):
            # bars start at chance
            top.bar(range(len(part)), part["score"] - 0.5, bottom=0.5, color=BAR)
            low = min(0.5, part["score"].min()) if len(part) else 0.5
            top.set(
                ylabel="balanced\naccuracy",
                ylim=(low, 1),
                xticks=[],
                xlim=(-0.8, max(len(part), 1) - 0.2),
            )
            grid.set(xlim=top.get_xlim())
            _rows(grid, part, methods)
            grid.set_yticks(
                range(len(methods)), [f"{name} ({int(drawn[name].sum())})" for name in methods]
            )
            _symbols(grid, part["gene_symbol"], part["n_methods"] == len(methods))
        words = (
            f"{len(drawn)} of {len(ranked)} genes called by a method (orange: by all), "
            f"{n_silent} by none"
        )
        axes[0].set_title(words, loc="left")
    return figure, drawn


def planted_truth(table: pd.DataFrame, truth: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the scores against what was planted, and how well they tell active from inert genes.

    Parameters
    ----------
    table : DataFrame
        From `lib.screen.impact.specificity`.
    truth : DataFrame
        `gene`, `is_active` and, if known, `effect` (strength, any unit; 0 = inert) or the latent
        state `s1`, `s2`, …, whose length is the effect. From `lib.simulate`.

    Returns
    -------
    Figure
    DataFrame
        `gene_symbol`, `score`, `sd`, `is_active`, `effect_sd`, `auroc` (the same in every row).

    Raises
    ------
    InputError
        If none or all of the genes are active.
    """
    states = truth.filter(regex=r"^s\d+$")  # (genes, S)
    # effect: as planted, else the length of the latent state, else 0 or 1
    effect = truth.get(
        "effect",
        np.linalg.norm(states, axis=1) if states.shape[1] else truth["is_active"].astype(float),
    )
    planted = pd.DataFrame(
        {"gene_symbol": truth["gene"], "is_active": truth["is_active"], "effect_sd": effect}
    )
    drawn = table[["gene_symbol", "score", "sd"]].merge(planted, on="gene_symbol")
    active = drawn["is_active"].astype(bool)
    test = impact.compare_set(drawn, set(drawn.loc[active, "gene_symbol"]))
    drawn = drawn.assign(auroc=test.auroc)
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 2.5))
        left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
        # left: score by effect; right: the ROC curve
        for mask, colour, name in ((active, SELECTED, "active"), (~active, OTHER, "inert")):
            rows = drawn[mask]
            left.errorbar(
                rows["effect_sd"],
                rows["score"],
                yerr=rows["sd"],
                fmt="o",
                markersize=4,
                color=colour,
                elinewidth=0.6,
                label=f"{name} ({len(rows)})",
            )
        left.axhline(0.5, color="0.6", linestyle=":", linewidth=0.8)
        left.set(xlabel="planted effect (SD of control nuclei)", ylabel="balanced accuracy")
        left.legend(loc="upper left", bbox_to_anchor=(0, 1.16), ncols=2)
        false, true, _ = roc_curve(active, drawn["score"])  # of active against inert genes
        right.plot(false, true, color="black", drawstyle="steps-post", clip_on=False)
        right.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=0.8)
        right.set(
            xlabel="inert genes called",
            ylabel="active genes called",
            xlim=(0, 1),
            ylim=(0, 1),
            aspect="equal",
        )
        right.text(0.95, 0.06, f"AUROC {test.auroc:.3f}", ha="right")
    return figure, drawn


def _rows_of(drawn: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the genes of each row across a page, rows of about one length."""
    n_rows = max(1, -(-len(drawn) // _ROW))  # rounded up
    length = max(1, -(-len(drawn) // n_rows))
    return [
        drawn.iloc[start : start + length].reset_index(drop=True)
        for start in range(0, len(drawn), length)
    ]


def _score_row(ax: Axes, drawn: pd.DataFrame, low: float, threshold: float) -> None:
    """Draw the bars of one row of genes, their SD over folds and the threshold."""
    x = np.arange(len(drawn))
    ax.bar(x, drawn["score"] - low, bottom=low, width=0.8, color=BAR)
    ax.errorbar(x, drawn["score"], yerr=drawn["sd"], fmt="none", ecolor="0.25", elinewidth=0.7)
    ax.set(xlim=(-0.8, len(drawn) - 0.2), ylim=(low, 1), ylabel="balanced\naccuracy")
    _symbols(ax, drawn["gene_symbol"], drawn["is_selected"])
    if np.isfinite(threshold):
        label = f"specificity threshold ({threshold:.4g})"
        ax.axhline(threshold, color=SELECTED, linestyle="--", linewidth=1, label=label)


def _rows(ax: Axes, drawn: pd.DataFrame, methods: list[str]) -> None:
    """Draw one row of squares per method, filled where it calls the gene."""
    for i, method in enumerate(methods):
        x, on = np.arange(len(drawn)), drawn[method].to_numpy(bool)
        ax.scatter(x[~on], np.full((~on).sum(), i), s=14, marker="s", color="0.93", linewidths=0)
        ax.scatter(
            x[on],
            np.full(on.sum(), i),
            s=26,
            marker="s",
            color=_METHODS[i % len(_METHODS)],
            linewidths=0,
        )
    ax.set_ylim(len(methods) - 0.4, -0.6)
    ax.set_yticks(range(len(methods)), methods)
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)


def _symbols(ax: Axes, symbols: pd.Series, is_bold: pd.Series) -> None:
    """Write gene symbols below an axis, upright, those picked out in orange."""
    ax.set_xticks(range(len(symbols)), symbols, rotation=90, fontsize=6, fontweight="bold")
    ax.tick_params(axis="x", length=0, pad=2)
    for label, bold in zip(ax.get_xticklabels(), is_bold, strict=True):
        label.set_color(SELECTED if bold else OTHER)


def _density(ax: Axes, scores: pd.Series, colour: str, label: str, adjust: float) -> None:
    """Draw a kernel density and one tick per gene; the ticks alone where a density cannot be
    estimated."""
    if scores.nunique() > 1:
        density = stats.gaussian_kde(scores, bw_method=lambda kde: adjust * kde.scotts_factor())
        # the curve ends three bandwidths beyond the outermost score
        margin = 3 * np.sqrt(density.covariance.item())
        x = np.linspace(scores.min() - margin, scores.max() + margin, 300)
        ax.fill_between(x, density(x), color=colour, alpha=0.25, linewidth=0)
        ax.plot(x, density(x), color=colour, label=label)
    else:
        ax.plot([], [], color=colour, label=label)
    ax.plot(
        scores, np.zeros(len(scores)), "|", color=colour, markersize=7, alpha=0.8, clip_on=False
    )
