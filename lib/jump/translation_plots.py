"""Pictures of the translation of JUMP: Fig 4C, its bars, and its null."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from lib.report import figures
from lib.translation import metrics

TRAIN, TEST = "#0072B2", "#D55E00"

LINES = {
    "mean (train)": ("mean baseline (train)", "#D55E00", ":"),
    "mean (all)": ("mean baseline", "#D55E00", "--"),
}
"""Baseline → its name in the figure, colour and line."""


@figures.style()
def fig4c(
    curves: Mapping[str, np.ndarray],
    baselines: Mapping[str, np.ndarray],
    *,
    n_genes: int,
    random: np.ndarray,
    null: pd.DataFrame | None = None,
) -> tuple[Figure, pd.DataFrame]:
    """Draw the share of test genes among the k nearest genes, as Fig 4C.

    Parameters
    ----------
    curves : mapping of str to (T,) array of int
        Line → places, 0 = nearest; the first is drawn as Image2Reg in the paper.
    baselines : mapping of str to (T,) array of int
        Places by the baselines of `LINES`.
    n_genes : int
        Genes of the network; k ends there, or at 50.
    random : (draws, T) array
        Places by the random baseline: its mean, and 95 % of the draws.
    null : DataFrame, optional
        Band of exchanged test genes, from `permutation.band`; its upper bound is drawn.

    Returns
    -------
    Figure
    DataFrame
        `line`, `k`, `accuracy`, `low`, `high`.

    References
    ----------
    Image2Reg, Fig 4C.
    """
    k_max = min(50, n_genes)
    k = np.arange(1, k_max + 1)
    figure = Figure(figsize=(figures.MIDDLE, 3.4))
    ax = figure.add_subplot()
    looks = zip(("#0072B2", "#56B4E9", "#009E73"), ("-", "-.", (0, (5, 1))), strict=True)
    lines = [(name, name, *look) for name, look in zip(curves, looks, strict=False)]
    lines += [(name, *LINES[name]) for name in baselines]
    drawn = []
    for name, words, colour, style in lines:
        values = metrics.accuracy({**curves, **baselines}[name], k_max=k_max)
        ax.plot(k, values, color=colour, linestyle=style, label=words)
        drawn.append(pd.DataFrame({"line": words, "k": k, "accuracy": values}))
    drawn.append(_random(ax, metrics.accuracy(random, k_max=k_max), k))
    if null is not None:
        ax.plot(
            null["k"],
            null["high"],
            color="0.35",
            linestyle=(0, (1, 2)),
            linewidth=0.9,
            label="97.5 % of exchanged test genes",
        )
        drawn.append(
            null[["k", "mean", "low", "high"]]
            .rename(columns={"mean": "accuracy"})
            .assign(line="exchanged test genes")
        )
    ax.set(xlabel="k nearest genes", ylabel="kNN accuracy", xlim=(0, k_max), ylim=(0, None))
    ax.xaxis.set_major_locator(MultipleLocator(5))
    ax.yaxis.set_major_locator(MultipleLocator(0.05 if ax.get_ylim()[1] < 0.6 else 0.1))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    columns = ["line", "k", "accuracy", "low", "high"]
    return figure, pd.concat(drawn, ignore_index=True)[columns]


@figures.style()
def cluster_bars(counts: pd.DataFrame, *, dropped: Sequence = ()) -> tuple[Figure, pd.DataFrame]:
    """Draw training and test genes of every regulatory cluster, as beside Fig 4C.

    Parameters
    ----------
    counts : DataFrame
        From `evaluation.cluster_counts`.
    dropped : sequence
        Clusters that are not reported; their test bars are pale.

    Returns
    -------
    Figure
    DataFrame
        `cluster`, `n_train`, `n_test` (genes), `is_reported`.
    """
    figure = Figure(figsize=(figures.MIDDLE, 2.2))
    ax = figure.add_subplot()
    places = np.arange(len(counts))
    reported = ~counts["cluster"].isin(list(dropped))
    for name, colour, shift in (("train", TRAIN, -0.2), ("test", TEST, 0.2)):
        bars = ax.bar(places + shift, counts[name], width=0.38, color=colour, label=name)
        ax.bar_label(bars, fontsize=6)
        for bar, kept in zip(bars, reported, strict=True):
            bar.set_alpha(1.0 if kept or name == "train" else 0.35)
    ax.set_xticks(places, counts["cluster"])
    ax.set(xlabel="regulatory cluster", ylabel="genes with images of JUMP")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    drawn = counts.rename(columns={"train": "n_train", "test": "n_test"})
    return figure, drawn[["cluster", "n_train", "n_test"]].assign(is_reported=reported)


@figures.style()
def null_histograms(
    exchanges: Mapping[str, np.ndarray], means: Mapping[str, float]
) -> tuple[Figure, pd.DataFrame]:
    """Draw the score under exchanged test genes beside the observed one, per way of choosing.

    Parameters
    ----------
    exchanges : mapping of str to (1 + n,) array
        From `evaluation.exchanged`.
    means : mapping of str to float
        Scores of the mean baselines.

    Returns
    -------
    Figure
    DataFrame
        `model`, `low`, `high`, `n_exchanges` of every bar, `observed`, `p`.
    """
    top = max([*means.values(), *(values.max() for values in exchanges.values())])
    edges = np.linspace(0, 1.05 * top, 31)
    figure = Figure(figsize=(figures.PAGE, 2.2))
    rows = []
    panels = figure.subplots(1, len(exchanges), sharey=True, squeeze=False)[0]
    for ax, (name, values) in zip(panels, exchanges.items(), strict=True):
        counts, _, _ = ax.hist(values[1:], edges, color="0.75", label="test genes exchanged")
        p = float((values >= values[0] - 1e-12).mean())  # the observed value counts, too
        ax.axvline(values[0], color=figures.PALETTE[0], linewidth=1.8, label="observed")
        for baseline, value in means.items():
            words, colour, style = LINES[baseline]
            ax.axvline(value, color=colour, linestyle=style, linewidth=0.9, label=words)
        ax.set_title(f"{name}, p = {p:.2g}")
        ax.set_xlabel("sum of areas")
        table = {"model": name, "low": edges[:-1], "high": edges[1:], "n_exchanges": counts}
        rows.append(pd.DataFrame(table).assign(observed=values[0], p=p))
    panels[0].set_ylabel("exchanges")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure, pd.concat(rows, ignore_index=True)


def _random(ax: Axes, curves: np.ndarray, k: np.ndarray) -> pd.DataFrame:
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    mean = curves.mean(axis=0)
    ax.plot(k, mean, color="dimgrey", linestyle="--", label="random baseline")
    ax.fill_between(k, low, high, color="dimgrey", alpha=0.2, linewidth=0)
    return pd.DataFrame(
        {"line": "random baseline", "k": k, "accuracy": mean, "low": low, "high": high}
    )
