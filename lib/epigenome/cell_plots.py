"""Pictures of the state of cells: groups, activity, levels of expression, other cells. Each returns
the figure and a table of drawn marks."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.epigenome import promoters
from lib.epigenome.evaluation import pearson
from lib.epigenome.marks import COLOURS, GROUPS, MARKS, OWN_GROUP
from lib.epigenome.signals import WINDOW, Signals
from lib.report import figures

ACTIVITY = ["activity_ln_depth", "expressed_ln_depth", "other_ln_depth"]
"""Mean ln(1 + depth) of all genes, of expressed ones and of the others."""

GROUP_COLOURS = dict(
    zip((*GROUPS, OWN_GROUP), ("#D55E00", "#E69F00", "#009E73", "#0072B2", "#CC79A7"), strict=True)
)


def correlation(units: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw how the performance of two marks goes together over cells and folds: clustered lower
    triangle.

    Parameters
    ----------
    units : DataFrame
        assay, cell, fold, r.
    """
    from scipy.cluster import hierarchy

    wide = units[units["assay"].isin(MARKS)].pivot_table(
        index=["cell", "fold"], columns="assay", values="r"
    )
    r = wide.corr().fillna(0.0)
    order = (
        hierarchy.leaves_list(hierarchy.linkage(np.round(r.to_numpy(), 6), "average"))
        if len(r) > 2
        else range(len(r))
    )
    r = r.iloc[list(order), list(order)]
    shown = r.where(np.tril(np.ones(r.shape, bool)))
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 3.4))
        ax = figure.add_subplot()
        picture = ax.imshow(shown, vmin=-1, vmax=1, cmap="RdBu_r")
        for i, j in np.argwhere(shown.notna().to_numpy()):
            value = shown.iat[i, j]
            ax.text(
                j,
                i,
                f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=6.5,
                color="white" if abs(value) > 0.6 else "black",
            )
        ax.set_xticks(range(len(r)), r.columns, rotation=45, ha="right")
        ax.set_yticks(range(len(r)), r.index)
        figure.colorbar(picture, ax=ax, shrink=0.7, label="Pearson r over cells and folds")
    drawn = shown.rename_axis(index="first", columns="second").stack().rename("r").reset_index()
    return figure, drawn.assign(n=len(wide))


def by_group(
    table: pd.DataFrame, *, value: str, label: str, marks: Sequence[str] = MARKS
) -> tuple[Figure, pd.DataFrame]:
    """Draw a value by mark and group of cells: points, and a line at each mean.

    Parameters
    ----------
    table : DataFrame
        assay, group and the value; one row per network, or per cell and mark.
    """
    groups = [name for name in (*GROUPS, OWN_GROUP) if name in set(table["group"])]
    drawn = table[table["assay"].isin(marks)][["assay", "group", "cell", value]]
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.8))
        ax = figure.add_subplot()
        for number, group in enumerate(groups):
            shift = 0.75 * ((number + 0.5) / len(groups) - 0.5)
            for x, mark in enumerate(marks):
                y = drawn.loc[
                    (drawn["group"] == group) & (drawn["assay"] == mark), value
                ].to_numpy()
                spread = np.linspace(-0.05, 0.05, len(y)) if len(y) > 1 else np.zeros(len(y))
                ax.scatter(
                    x + shift + spread,
                    y,
                    s=8,
                    color=GROUP_COLOURS[group],
                    alpha=0.7,
                    linewidths=0,
                    label=group if x == 0 else None,
                )
                if len(y):
                    ax.plot(
                        [x + shift - 0.07, x + shift + 0.07],
                        [y.mean()] * 2,
                        color="black",
                        linewidth=1,
                    )
        ax.set_xticks(range(len(marks)), marks)
        ax.set_ylabel(label)
        figure.legend(loc="outside upper center", ncols=len(groups), markerscale=2)
    return figure, drawn.reset_index(drop=True)


def activity_and_performance(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw r against mean activity, one panel per group, with the fitted line, r, p and n.

    Parameters
    ----------
    table : DataFrame
        assay, cell, fold, group, activity_ln_depth, r.
    """
    from scipy import stats

    groups = [name for name in (*GROUPS, OWN_GROUP) if name in set(table["group"])]
    rows = []
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.5))
        for ax, group in zip(
            figure.subplots(1, len(groups), sharey=True, squeeze=False)[0], groups, strict=True
        ):
            mine = table[table["group"] == group].dropna(subset=["r"])
            for mark in MARKS:
                one = mine[mine["assay"] == mark]
                ax.scatter(
                    one[ACTIVITY[0]],
                    one["r"],
                    s=12,
                    color=COLOURS[mark],
                    edgecolors="0.3",
                    linewidths=0.3,
                    label=mark if group == groups[0] else None,
                )
            fit = stats.linregress(mine[ACTIVITY[0]], mine["r"])
            x = np.array([mine[ACTIVITY[0]].min(), mine[ACTIVITY[0]].max()])
            ax.plot(x, fit.intercept + fit.slope * x, color="black", linewidth=0.8)
            ax.set_title(
                f"{group}\nr {fit.rvalue:.2f}, p {fit.pvalue:.1g}, n {len(mine)}",
                fontsize=7.5,
                fontweight="normal",
            )
            columns = ["assay", "cell", "fold", "group", ACTIVITY[0], "r"]
            rows.append(mine[columns].assign(line_r=fit.rvalue, line_p=fit.pvalue))
        figure.supxlabel("mean ln(1 + depth) over 40 kbp, test genes", fontsize=8)
        figure.axes[0].set_ylabel("Pearson r, test genes")
        figure.legend(loc="outside right center", markerscale=1.5)
    return figure, pd.concat(rows, ignore_index=True)


def matrix(
    table: pd.DataFrame,
    *,
    rows: str,
    columns: str,
    value: str,
    label: str,
    size: float = figures.COLUMN,
):
    """Draw a table as a heat map with its numbers written in.

    Parameters
    ----------
    table : DataFrame
        Long: one row per cell of the map.
    """
    wide = table.pivot(index=rows, columns=columns, values=value)
    wide = wide.loc[list(dict.fromkeys(table[rows])), list(dict.fromkeys(table[columns]))]
    low, high = np.nanmin(wide), np.nanmax(wide)
    with figures.style():
        figure = Figure(figsize=(size, 0.75 * size))
        ax = figure.add_subplot()
        picture = ax.imshow(
            wide, cmap="viridis", vmin=min(low, 0), vmax=max(high, 1e-9), aspect="auto"
        )
        for i, j in np.argwhere(wide.notna().to_numpy()):
            share = (wide.iat[i, j] - min(low, 0)) / max(high - min(low, 0), 1e-9)
            ax.text(
                j,
                i,
                f"{wide.iat[i, j]:.2f}",
                ha="center",
                va="center",
                fontsize=7,
                color="black" if share > 0.6 else "white",
            )
        ax.set_xticks(range(wide.shape[1]), wide.columns, rotation=45, ha="right")
        ax.set_yticks(range(len(wide)), wide.index)
        ax.set_xlabel(columns.replace("_", " "))
        ax.set_ylabel(rows.replace("_", " "))
        figure.colorbar(picture, ax=ax, shrink=0.8, label=label)
    return figure, table[[rows, columns, value]].reset_index(drop=True)


def lines(table: pd.DataFrame, *, x: str, y: str, hue: str) -> tuple[Figure, pd.DataFrame]:
    """Draw a line per mark over windows `x`, in bp, on a logarithmic axis in kbp.

    Parameters
    ----------
    table : DataFrame
        The columns `x` (bp), `y` and `hue` (mark); one row per point.
    """
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 2.6))
        ax = figure.add_subplot()
        for name in dict.fromkeys(table[hue]):
            mine = table[table[hue] == name]
            ax.plot(
                mine[x] / 1_000,
                mine[y],
                "o-",
                markersize=4,
                color=COLOURS.get(name, "C0"),
                markeredgecolor="0.3",
                markeredgewidth=0.4,
                label=name,
            )
        ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
        ax.set_xscale("log")
        ticks = sorted(table[x].unique() / 1_000)
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        ax.set_xlabel("window around the start site, kbp")
        ax.set_ylabel("Pearson r")
        figure.legend(loc="outside right center")
    drawn = table.rename(columns={x: f"{x}_bp"})
    return figure, drawn.reset_index(drop=True)


def activity_table(known: Mapping[str, Signals], parts: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return the mean activity over 40 kbp of the test genes of each cell, mark and fold, all and
    by label.

    Parameters
    ----------
    parts : mapping
        Fold, as text → part of every gene.
    """
    rows = []
    for cell, one in known.items():
        values = promoters.activity(one, one.marks, window=WINDOW)
        label = one.genes["label"].to_numpy()
        for fold, part in parts.items():
            test = (part == "test").to_numpy()
            for i, mark in enumerate(one.marks):
                means = [
                    values[test & (label == k), i].mean() if (test & (label == k)).any() else np.nan
                    for k in (1, 0)
                ]
                rows.append((cell, mark, int(fold), values[test, i].mean(), *means))
    return pd.DataFrame(rows, columns=["cell", "assay", "fold", *ACTIVITY])


def strata(
    predictions: pd.DataFrame, levels: Mapping[str, pd.Series]
) -> tuple[Figure, pd.DataFrame]:
    """Draw the error and the correlation within levels of expression, by network.

    Parameters
    ----------
    levels : mapping
        Cell → level of each gene (index: gene), 0 = not expressed.
    """
    drawn = _by_level(predictions, levels)
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.5))
        for ax, (value, label) in zip(
            figure.subplots(1, 2),
            (("bias_log2_rpkm", "mean error, log2 units"), ("r", "Pearson r within")),
            strict=True,
        ):
            for model, group in drawn.groupby("model"):
                ax.plot(
                    group["level"],
                    group[value],
                    "o-",
                    markersize=4,
                    label=None if value == "r" else model,
                )
            ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
            ax.set_xticks(
                sorted(drawn["level"].unique()),
                ["none", *(str(k) for k in sorted(drawn["level"].unique())[1:])],
            )
            ax.set_xlabel("level of expression")
            ax.set_ylabel(label)
        figure.legend(loc="outside upper center", ncols=4)
    return figure, drawn


def _by_level(predictions: pd.DataFrame, levels: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return error, mean error and r of the test genes within each level, by model."""
    test = predictions[predictions["part"] == "test"]
    level = pd.concat(
        {cell: values for cell, values in levels.items()}, names=["cell", "gene"]
    ).rename("level")
    test = test.merge(level.reset_index(), on=["cell", "gene"])
    rows = []
    for (model, number), group in test.groupby(["model", "level"]):
        error = np.sqrt(np.mean((group["act"] - group["pred"]) ** 2))
        bias = (group["pred"] - group["act"]).mean()
        r = pearson(group["act"], group["pred"]) if len(group) > 2 else np.nan
        rows.append((model, int(number), error, bias, r, len(group)))
    return pd.DataFrame(
        rows, columns=["model", "level", "rmse_log2_rpkm", "bias_log2_rpkm", "r", "n"]
    )
