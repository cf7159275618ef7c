"""Pictures of the screen: marks, models, groups of cells, pairs. Each returns the figure and a table of drawn marks."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.epigenome import features, simple
from lib.epigenome.evaluation import pearson
from lib.epigenome.marks import COLOURS, GROUPS, MARKS, OWN_GROUP
from lib.epigenome.signals import WINDOW, Signals
from lib.report import figures

GREY = "0.55"
ACTIVITY = ["activity_ln_depth", "expressed_ln_depth", "other_ln_depth"]
"""Mean ln(1 + depth) of all genes, of expressed ones and of the others."""

GROUP_COLOURS = dict(
    zip((*GROUPS, OWN_GROUP), ("#D55E00", "#E69F00", "#009E73", "#0072B2", "#CC79A7"), strict=True)
)


def profiles(
    known: Signals, marks: Sequence[str], *, bin_size: int = 500
) -> tuple[Figure, pd.DataFrame]:
    """Draw the mean ln(1 + depth) around the start sites, by mark, of expressed and other genes."""
    made = features.features(known, marks, resolutions=(bin_size,)).promoters[bin_size]  # (G, L, F)
    position = (-WINDOW / 2 + bin_size * (np.arange(made.shape[1]) + 0.5)) / 1_000
    label = known.genes["label"].to_numpy()
    rows = []
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.6))
        axes = figure.subplots(1, len(marks), sharey=True, squeeze=False)[0]
        for i, (ax, mark) in enumerate(zip(axes, marks, strict=True)):
            for value, name, colour in (
                (1, "expressed", COLOURS.get(mark, "C0")),
                (0, "not expressed", GREY),
            ):
                mean = made[label == value, :, i].mean(axis=0)
                ax.plot(position, mean, color=colour, label=name)
                rows.append(
                    pd.DataFrame(
                        {
                            "mark": mark,
                            "genes": name,
                            "position_kbp": position,
                            "signal_ln_depth": mean,
                        }
                    )
                )
            ax.set_title(mark)
            ax.set_xticks([-15, 0, 15])
        axes[0].set_ylabel("mean ln(1 + depth)")
        figure.supxlabel("kbp from the start site, along transcription", fontsize=8)
        axes[-1].plot([], [], color="0.2", label="expressed (colour)")
        handles = axes[-1].get_legend_handles_labels()[0]
        figure.legend(
            [handles[2], handles[1]],
            ["expressed (coloured)", "not expressed"],
            loc="outside upper right",
            ncols=2,
        )
    return figure, pd.concat(rows, ignore_index=True)


def by_mark(
    units: pd.DataFrame, *, marks: Sequence[str] = MARKS, reference: float | None = None,
    expected: Mapping[str, float] | None = None, by_cell: bool = False,
) -> tuple[Figure, pd.DataFrame]:  # fmt: skip
    """Draw Pearson's r by mark: a point at the mean over cells and folds, a bar of one SD.

    Parameters
    ----------
    units : DataFrame
        assay, cell, fold, r; one row per network.
    reference : float, optional
        Mean r with all marks, dotted.
    expected : mapping, optional
        Mark → planted correlation, drawn as a cross.
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
            shift = 0.7 * ((number + 0.5) / len(cells) - 0.5)
            rows = drawn if cell is None else drawn[drawn["cell"] == cell]
            rows = rows.set_index("assay").reindex(list(marks))
            colours = [COLOURS.get(mark, "C0") for mark in marks]
            x = np.arange(len(marks)) + shift
            colour = "0.35" if cell is None else figures.PALETTE[number % 8]
            ax.errorbar(
                x,
                rows["mean_r"],
                yerr=rows["sd"],
                fmt="none",
                ecolor=colour,
                elinewidth=1,
                capsize=2,
            )
            ax.scatter(x, rows["mean_r"], s=22, c=colours if cell is None else colour, edgecolors="0.2",
                       linewidths=0.4, zorder=3, label=cell)  # fmt: skip
        if expected is not None:
            ax.scatter(
                range(len(marks)),
                [expected[m] for m in marks],
                marker="x",
                s=24,
                c="black",
                label="planted",
            )
        if reference is not None:
            ax.axhline(reference, color="black", linestyle=":", linewidth=1, label="all marks")
        ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
        ax.set_xticks(range(len(marks)), marks, rotation=35, ha="right")
        ax.set_ylabel("Pearson r, test genes")
        if expected is not None or reference is not None or by_cell:
            figure.legend(loc="outside upper center", ncols=4)
    if expected is not None:
        drawn = drawn.assign(planted_r=drawn["assay"].map(expected))
    return figure, drawn.assign(all_marks_r=np.nan if reference is None else reference)


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
    names = {
        "promoter": "6 kbp, promoter network",
        "chromoformer": "40 kbp and contacts, Chromoformer",
    }
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 3.0))
        ax = figure.add_subplot()
        for number, (model, name) in enumerate(names.items()):
            rows = drawn[drawn["model"] == model].set_index("assay").reindex(marks)
            x = np.arange(len(marks)) + (number - 0.5) * 0.3
            ax.errorbar(x, rows["mean_r"], yerr=rows["sd"], fmt="os"[number], markersize=5, capsize=2, label=name,
                        color=("#E69F00", "#0072B2")[number])  # fmt: skip
            if expected is not None:
                known = expected[expected["model"] == model].set_index("assay")["r"].reindex(marks)
                ax.scatter(
                    x,
                    known,
                    marker="x",
                    color="black",
                    zorder=4,
                    label="planted" if number else None,
                )
        ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
        ax.set_xticks(range(len(marks)), marks, rotation=35, ha="right")
        ax.set_xlim(-0.5, len(marks) - 0.5)
        ax.set_ylabel("Pearson r, test genes")
        figure.legend(loc="outside upper center", ncols=3)
    if expected is not None:
        drawn = drawn.merge(
            expected.rename(columns={"r": "planted_r"}), on=["model", "assay"], how="left"
        )
    return figure, drawn


def second_mark(units: pd.DataFrame, every: str, expected: Mapping[str, float] | None = None):
    """Draw single marks (grey) and their pairs, with the mean of all marks as a dotted line."""
    names = [name for name in units["assay"].unique() if name.count("-") == 1]
    firsts = sorted({name.split("-")[0] for name in names}, key=MARKS.index)
    order = [
        name
        for first in firsts
        for name in [first, *(n for n in names if n.split("-")[0] == first)]
    ]
    drawn = (
        units[units["assay"].isin(order)]
        .groupby("assay")["r"]
        .agg(mean_r="mean", sd="std", n="count")
    )
    drawn = drawn.reindex(order).reset_index()
    reference = units.loc[units["assay"] == every, "r"].mean()
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 3.2))
        ax = figure.add_subplot()
        for x, row in enumerate(drawn.itertuples()):
            second = row.assay.split("-")[-1]
            colour = GREY if "-" not in row.assay else COLOURS[second]
            ax.errorbar(x, row.mean_r, yerr=row.sd, fmt="o", color=colour, markeredgecolor="0.2",
                        markeredgewidth=0.4, markersize=5, capsize=2)  # fmt: skip
        if expected is not None:
            ax.scatter(
                range(len(order)),
                [expected[name] for name in order],
                marker="x",
                color="black",
                label="planted",
            )
        ax.axhline(reference, color="black", linestyle=":", label="all marks")
        ax.set_xticks(
            range(len(order)),
            [name.replace("-", " +\n") for name in order],
            rotation=60,
            ha="right",
        )
        ax.set_xlim(-0.5, len(order) - 0.5)
        ax.set_ylabel("Pearson r, test genes")
        figure.legend(loc="outside upper center", ncols=2)
    planted = drawn["assay"].map(expected) if expected is not None else np.nan
    return figure, drawn.assign(all_marks_r=reference, planted_r=planted)


def models(cells: pd.DataFrame, bands: pd.DataFrame, assay: str) -> tuple[Figure, pd.DataFrame]:
    """Draw r of networks and simple models on the same genes: a dot per cell, a bar for the bootstrap interval.

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
            is_network = model in ("promoter", "chromoformer")
            ax.plot(
                bands.loc[model, ["low", "high"]],
                [y, y],
                color="#0072B2" if is_network else GREY,
                linewidth=5,
                alpha=0.35,
            )
            ax.scatter(
                mine["r"],
                np.full(len(mine), y),
                s=14,
                color="#0072B2" if is_network else "0.3",
                zorder=3,
            )
        ax.set_yticks(range(len(order)), order)
        ax.set_xlabel("Pearson r, test genes")
    drawn = rows[["model", "assay", "cell", "r"]].merge(
        bands.reset_index(), on=["model", "assay"], how="left"
    )
    return figure, drawn


def correlation(units: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw how the performance of two marks goes together over cells and folds: clustered lower triangle."""
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
                ax.scatter(x + shift + spread, y, s=8, color=GROUP_COLOURS[group], alpha=0.7, linewidths=0,
                           label=group if x == 0 else None)  # fmt: skip
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
                ax.scatter(one[ACTIVITY[0]], one["r"], s=12, color=COLOURS[mark], edgecolors="0.3", linewidths=0.3,
                           label=mark if group == groups[0] else None)  # fmt: skip
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
    """Draw a line per mark over windows `x`, in bp, on a logarithmic axis in kbp."""
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 2.6))
        ax = figure.add_subplot()
        for name in dict.fromkeys(table[hue]):
            mine = table[table[hue] == name]
            ax.plot(mine[x] / 1_000, mine[y], "o-", markersize=4, color=COLOURS.get(name, "C0"),
                    markeredgecolor="0.3", markeredgewidth=0.4, label=name)  # fmt: skip
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
    """Return the mean activity over 40 kbp of the test genes of each cell, mark and fold, all and by label.

    Parameters
    ----------
    parts : mapping
        Fold, as text → part of every gene.
    """
    rows = []
    for cell, one in known.items():
        values = simple.activity(one, one.marks, window=WINDOW)
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
    drawn = pd.DataFrame(
        rows, columns=["model", "level", "rmse_log2_rpkm", "bias_log2_rpkm", "r", "n"]
    )
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
