"""Figures of the expression sources: quality of cells, markers of U2OS (Fig 3A), planted truth."""

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import sparse

from lib.interactome import markers, planted
from lib.report import figures
from lib.report.point_names import name_points

COLOURS = {markers.UNCHANGED: figures.FLAT, markers.UP: figures.UP, markers.DOWN: figures.DOWN}
KINDS = {planted.SAME: "#D55E00", planted.OTHER: "#0072B2", planted.BACKGROUND: "0.55"}
_N_BINS = 12


def qc(counts: AnnData, *, min_genes: int, min_cells: int) -> tuple[Figure, pd.DataFrame]:
    """Draw how many genes each cell has and in how many cells each gene is, with the two cut-offs.

    Parameters
    ----------
    counts : AnnData
        Cells × symbols before the filters.
    min_genes, min_cells : int
        The two cut-offs, as in `lib.interactome.expression.filter_counts`.

    Returns
    -------
    Figure
    DataFrame
        One row per cell and per gene: `what` ("genes per cell" or "cells per gene"), `name`, `n`.
    """
    detected = sparse.csr_matrix(counts.X > 0, dtype=np.int32)  # (cells, genes) of 0 and 1
    panels = {
        "genes per cell": (
            counts.obs_names,
            np.asarray(detected.sum(axis=1)).ravel(),
            min_genes,
            "cells",
        ),
        "cells per gene": (
            counts.var_names,
            np.asarray(detected.sum(axis=0)).ravel(),
            min_cells,
            "genes",
        ),
    }
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.2))
        for ax, (what, (_, values, least, of)) in zip(
            figure.subplots(1, 2), panels.items(), strict=True
        ):
            ax.hist(values, bins=60, color="#0072B2")
            ax.axvline(
                least,
                color=figures.ACCENT,
                linestyle="--",
                linewidth=1,
                label=f"kept from {least:,}",
            )
            ax.set(
                xlabel=f"detected {what}" if of == "cells" else "cells in which a gene is detected",
                ylabel=of,
            )
            ax.legend(loc="upper left" if of == "cells" else "upper center")
    drawn = [
        pd.DataFrame({"what": what, "name": names, "n": values})
        for what, (names, values, _, _) in panels.items()
    ]
    return figure, pd.concat(drawn, ignore_index=True)


def marker_scatter(
    table: pd.DataFrame, labels: pd.Series, *, target: str = "U2OS", n_named: int = 5
) -> tuple[Figure, pd.DataFrame]:
    """Draw the scatter of Fig 3A: each gene in one cell line and on average in the others.

    Parameters
    ----------
    table : DataFrame
        From `lib.interactome.markers.screen`, largest change first.
    labels : Series
        Of its rows, from `lib.interactome.markers.label`.
    target : str
        Cell line, for the axis.
    n_named : int
        How many genes with the largest changes are named.

    Returns
    -------
    Figure
    DataFrame
        One row per gene: `gene`, `mean_of_others_log2_tpm`, `target_log2_tpm`, both in
        log2(TPM + 1), `label`.
    """
    names = {"avg_log_expr_other": "mean_of_others_log2_tpm", "log_expr_target": "target_log2_tpm"}
    drawn = table[["gene", *names]].rename(columns=names).assign(label=labels)
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 3.4))
        ax = figure.add_subplot()
        for name, colour in COLOURS.items():
            rows = drawn[drawn["label"] == name]
            ax.scatter(
                rows["mean_of_others_log2_tpm"],
                rows["target_log2_tpm"],
                s=6,
                color=colour,
                alpha=0.6,
                linewidths=0,
                label=f"{name} ({len(rows):,})",
                rasterized=True,
            )
        # the diagonal: no change
        ends = [0, drawn[["mean_of_others_log2_tpm", "target_log2_tpm"]].max(axis=None)]
        ax.plot(ends, ends, color="0.6", linewidth=0.7, zorder=0)
        ax.set(xlabel="mean of the other lines, log2(TPM + 1)", ylabel=f"{target}, log2(TPM + 1)")
        ax.legend(loc="lower right", markerscale=2)
        named = drawn.head(n_named)  # the largest changes come first
        points = named[["mean_of_others_log2_tpm", "target_log2_tpm"]].to_numpy()
        name_points(ax, points, named["gene"].tolist(), ["black"] * len(named), size=6.5)
    return figure, drawn


def planted_truth(seen: planted.Observed) -> tuple[Figure, pd.DataFrame]:
    """Draw what the planted truth predicts of the sources.

    Four panels: correlation by module and by distance, fold changes, cosines of signatures.

    Parameters
    ----------
    seen : Observed
        From `lib.interactome.planted.observed`.

    Returns
    -------
    Figure
    DataFrame
        `panel`, `kind`, `x`, `y` and what they are, with units: `x_is`, `y_is`.
    """
    if seen.pairs.empty:
        return figures.absent("Real sources have no planted truth to compare with.")
    change = seen.changes.assign(kind=np.where(seen.changes["in_module"], "in a module", "in none"))
    shades = {"in a module": KINDS[planted.SAME], "in none": KINDS[planted.BACKGROUND]}
    panels = {
        "correlation": (
            seen.pairs,
            "abs_spearman",
            KINDS,
            "|Spearman| of two genes over cells",
            "pairs of genes",
        ),
        "fold_change": (change, "abs_log_fc", shades, "|log2 fold change| of U2OS", "genes"),
        "signatures": (
            seen.signatures,
            "cosine",
            KINDS,
            "cosine of two CMap signatures",
            "pairs of genes",
        ),
    }
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 4.6))
        axes = dict(
            zip(
                ["correlation", "distance", "fold_change", "signatures"],
                figure.subplots(2, 2).ravel(),
                strict=True,
            )
        )
        drawn = [_shares(axes[name], name, *panel) for name, panel in panels.items()]
        drawn.append(_by_distance(axes["distance"], seen.pairs))
    return figure, pd.concat(drawn, ignore_index=True)


def _shares(
    ax: Axes, panel: str, table: pd.DataFrame, column: str, colours: dict, label: str, of: str
) -> pd.DataFrame:
    """Draw the distribution of a column, one outline per kind, each with area 1."""
    # one set of bins for all kinds, so that heights compare
    edges = np.linspace(table[column].min(), table[column].max(), 41)
    drawn = []
    for kind, colour in colours.items():
        values = table.loc[table["kind"] == kind, column]
        # shares: kinds differ in size
        heights = np.histogram(values, edges)[0] / max(1, len(values))
        ax.stairs(
            heights, edges, color=colour, fill=True, alpha=0.45, label=f"{kind} ({len(values):,})"
        )
        rows = {
            "panel": panel,
            "kind": kind,
            "x": edges[:-1],
            "x_is": label,
            "y": heights,
            "y_is": f"share of {of}",
        }
        drawn.append(pd.DataFrame(rows))
    ax.set(xlabel=label, ylabel=f"share of {of}")
    ax.legend()
    return pd.concat(drawn)


def _by_distance(ax: Axes, pairs: pd.DataFrame) -> pd.DataFrame:
    """Draw the correlation of module genes over the distance of their states.

    Each bin shows the median and the middle half.
    """
    # background genes have no state, so no distance
    near = pairs[pairs["kind"] != planted.BACKGROUND]
    bins = pd.cut(near["distance"], _N_BINS)
    quarters = (
        near.groupby(bins, observed=True)["abs_spearman"].quantile([0.25, 0.5, 0.75]).unstack()
    )
    middle = np.array([interval.mid for interval in quarters.index])
    ax.fill_between(
        middle, quarters[0.25], quarters[0.75], color=KINDS[planted.SAME], alpha=0.25, linewidth=0
    )
    ax.plot(
        middle,
        quarters[0.5],
        color=KINDS[planted.SAME],
        marker="o",
        markersize=3,
        label="median, middle half",
    )
    # what correlation looks like without a shared state
    level = pairs.loc[pairs["kind"] == planted.BACKGROUND, "abs_spearman"].median()
    ax.axhline(
        level,
        color=KINDS[planted.BACKGROUND],
        linestyle="--",
        linewidth=1,
        label="background, median",
    )
    ax.set(
        xlabel="distance of the two latent states (SD of control nuclei)",
        ylabel="|Spearman|",
        ylim=(0, None),
    )
    ax.legend()
    lines = {
        "lower quartile": quarters[0.25],
        "median": quarters[0.5],
        "upper quartile": quarters[0.75],
    }
    drawn = pd.DataFrame({name: line.to_numpy() for name, line in lines.items()}).assign(
        x=middle, background=level
    )
    # one row per point drawn
    long = drawn.melt("x", var_name="kind", value_name="y")
    return long.assign(
        panel="distance", x_is="distance of states (SD of control nuclei)", y_is="|Spearman|"
    )
