"""Pictures of the translation: Fig 4B and what belongs beside it."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from lib.report import figures
from lib.translation import metrics

LABELS = {
    "physical": "Image2Reg",
    "cmap_full_all_nodes": "Image2Reg using CMap",
    "physical_full": "Image2Reg incl. test",
    "no_cluster_loss": "no cluster loss",
    "cmap": "CMap without the target",
    "cmap_full": "CMap of the regulators",
}
"""Setting → its name in the paper's figure."""

TONES = ("#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#882255", "#999933", "#332288", "#44AA99")
"""Colours of the lines; the baselines are black and grey."""
LINES = [(colour, style) for style in ("-", "-.") for colour in TONES]
BASELINE = "black"
_NUMBERED = 45  # bars up to which a number of 6 pt fits above each


def label(setting: str) -> str:
    """Return the name of a setting in the paper's figure, or itself."""
    return LABELS.get(setting, setting)


def accuracy_curves(
    curves: Mapping[str, np.ndarray],
    *,
    n_genes: int,
    mean: np.ndarray | None = None,
    random: np.ndarray | None = None,
    confidence: pd.DataFrame | None = None,
    null: pd.DataFrame | None = None,
) -> tuple[Figure, pd.DataFrame]:
    """Draw the share of targets among the k nearest genes, as Fig 4B.

    Parameters
    ----------
    curves : mapping of str to (T,) array of int
        Line → places of the targets, 0 = nearest.
    n_genes : int
        Genes of the network; k ends there, or at 50.
    mean : (T,) array, optional
        Places by the mean baseline, black and dashed.
    random : (draws, T) array, optional
        Places by the random baseline: its mean, grey and dashed, and 95 % of the draws.
    confidence : DataFrame, optional
        Band of the first line, from `permutation.bootstrap`.
    null : DataFrame, optional
        Band of re-paired embeddings, from `permutation.band`; its upper bounds are drawn.

    Returns
    -------
    Figure
    DataFrame
        `line`, `k`, `accuracy`, `low`, `high`.

    References
    ----------
    Image2Reg, Fig 4B.
    """
    k_max = min(50, n_genes)
    k = np.arange(1, k_max + 1)
    # (k_max,)
    rows = {name: metrics.accuracy(places, k_max=k_max) for name, places in curves.items()}
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 4.2))
        ax = figure.add_subplot()
        for (name, values), (colour, style) in zip(
            rows.items(), itertools.cycle(LINES), strict=False
        ):
            ax.plot(k, values, color=colour, linestyle=style, alpha=0.9, linewidth=1.4, label=name)
        drawn = [_long(name, k, values) for name, values in rows.items()]
        if confidence is not None:
            drawn += [
                _shade(
                    ax,
                    confidence,
                    k_max,
                    TONES[0],
                    f"95 % of targets drawn anew, {next(iter(rows))}",
                )
            ]
        if mean is not None:
            rows["mean baseline"] = metrics.accuracy(mean, k_max=k_max)
            ax.plot(k, rows["mean baseline"], color=BASELINE, linestyle="--", label="mean baseline")
            drawn += [_long("mean baseline", k, rows["mean baseline"])]
        if random is not None:
            drawn += [_random(ax, metrics.accuracy(random, k_max=k_max), k)]
        if null is not None:
            drawn += [_upper_bounds(ax, null, k_max)]
        _finish(ax, k_max)
        figure.legend(loc="outside lower center", ncols=3)
    return figure, pd.concat(drawn, ignore_index=True)


def hit_bars(
    places: Mapping[str, np.ndarray], targets: Sequence[str], *, n_genes: int
) -> tuple[Figure, pd.DataFrame]:
    """Draw the place of every target, one panel per line; a bar of no height is a first place.

    Parameters
    ----------
    places : mapping of str to (T,) array of int
        Line → places of the targets, 0 = nearest.
    targets : sequence of str
        Their names.
    n_genes : int
        Genes of the network.

    Returns
    -------
    Figure
    DataFrame
        `line`, `target`, `n_nearer` (0 = nearest).
    """
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 1.7 * len(places) + 0.4))
        panels = figure.subplots(len(places), 1, squeeze=False, sharex=True)[:, 0]
        for ax, (name, values), colour in zip(panels, places.items(), TONES, strict=False):
            ax.bar(range(len(targets)), values, color=colour, width=0.7)
            ax.axhline((n_genes - 1) / 2, color="dimgrey", linestyle="--", linewidth=0.8)
            for x, value in enumerate(values if len(values) <= _NUMBERED else ()):
                ax.text(x, value, f"{value}", ha="center", va="bottom", fontsize=6)
            ax.set_title(name, loc="left")
            ax.set_ylabel(f"genes nearer\n(of {n_genes - 1})")
            ax.set_ylim(0, n_genes)
        panels[-1].set_xticks(range(len(targets)), targets, rotation=90)
        panels[-1].set_xlim(-0.6, len(targets) - 0.4)
        panels[0].text(
            1,
            (n_genes - 1) / 2 + 1,
            "chance",
            transform=panels[0].get_yaxis_transform(),
            ha="right",
            va="bottom",
            fontsize=6.5,
            color="dimgrey",
        )
    drawn = pd.DataFrame(dict(places), index=pd.Index(targets, name="target")).reset_index()
    return figure, drawn.melt("target", var_name="line", value_name="n_nearer")[
        ["line", "target", "n_nearer"]
    ]


def null_histograms(
    areas: Mapping[str, np.ndarray], *, means: Mapping[str, float]
) -> tuple[Figure, pd.DataFrame]:
    """Draw AUC_20 under exchanged embeddings beside the observed one.

    One panel per null and way of choosing the model.

    Parameters
    ----------
    areas : mapping of str to (1 + B,) array
        Title of the panel → areas, the observed one first.
    means : mapping of str to float
        Further baselines, drawn as dashed lines.

    Returns
    -------
    Figure
    DataFrame
        `model`, `low`, `high`, `n_exchanges` of every bar, `observed`, `p`.
    """
    # one scale for all panels
    top = max([*means.values(), *(values.max() for values in areas.values())])
    edges = np.linspace(0, 1.05 * top, 41)  # the same bins in every panel
    rows = []
    with figures.style():
        n_rows = -(-len(areas) // 2)
        figure = Figure(figsize=(figures.PAGE, 1.7 * n_rows + 0.5))
        panels = figure.subplots(n_rows, 2, squeeze=False, sharex=True).ravel()
        for ax, (name, values) in zip(panels, areas.items(), strict=False):
            counts, _, _ = ax.hist(values[1:], bins=edges, color="0.75", label="null")
            p = float((values >= values[0] - 1e-12).mean())  # the observed value counts, too
            ax.axvline(
                np.quantile(values[1:], 0.999),
                color="black",
                linewidth=0.8,
                label="99.9 % of the null",
            )
            for (baseline, value), style in zip(means.items(), ("--", ":"), strict=False):
                ax.axvline(value, color=BASELINE, linestyle=style, linewidth=0.9, label=baseline)
            ax.axvline(values[0], color=TONES[0], linewidth=2, label="observed")
            ax.set_title(f"{name}\np = {p:.2g}, {len(values) - 1} exchanges", fontsize=7)
            rows.append(
                pd.DataFrame(
                    {
                        "model": name,
                        "low": edges[:-1],
                        "high": edges[1:],
                        "n_exchanges": counts,
                        "observed": values[0],
                        "p": p,
                    }
                )
            )
        for ax in panels[len(areas) :]:
            ax.set_visible(False)
        for ax in panels[-2:]:
            ax.set_xlabel("AUC20")
        for ax in panels[::2]:
            ax.set_ylabel("exchanges")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure, pd.concat(rows, ignore_index=True)


def choice(
    curves: Mapping[str, np.ndarray], table: pd.DataFrame, *, n_genes: int
) -> tuple[Figure, pd.DataFrame]:
    """Draw the curves of the ways of choosing a model, and where their AUC_20 lies among all
    configurations.

    Parameters
    ----------
    curves : mapping of str to (T,) array
        Way of choosing → places of the targets.
    table : DataFrame
        The grid, from `grid.evaluate`.
    n_genes : int
        Genes of the network; k ends there, or at 50.

    Returns
    -------
    Figure
    DataFrame
        `line`, `k`, `accuracy`.
    """
    k_max = min(50, n_genes)
    k = np.arange(1, k_max + 1)
    kept = table.loc[~table["is_excluded"], "auc_20"]  # configurations that could be chosen
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.8))
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        right.hist(kept, bins=30, color="0.8")
        styles = ((0, ()), (0, (4, 1.5)), (0, (1, 1.5)))  # several ways may take the same model
        for (name, places), colour, style in zip(curves.items(), TONES, styles, strict=False):
            look = {"color": colour, "linewidth": 1.8, "linestyle": style}
            left.plot(k, metrics.accuracy(places, k_max=k_max), label=name, **look)
            right.axvline(float(metrics.area(places, 20)), **look)
        left.set(xlabel="k nearest genes", ylabel="kNN accuracy", xlim=(0, k_max), ylim=(0, None))
        right.set(xlabel="AUC20", ylabel=f"of {len(kept)} configurations")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    drawn = [
        _long(name, k, metrics.accuracy(places, k_max=k_max)) for name, places in curves.items()
    ]
    return figure, pd.concat(drawn, ignore_index=True)[["line", "k", "accuracy"]]


def power_curves(
    table: pd.DataFrame, *, chance: float, level: float = 0.05
) -> tuple[Figure, pd.DataFrame]:
    """Draw AUC_20 and power against the size of the effect.

    Parameters
    ----------
    table : DataFrame
        From `lib.simulate.power.summarise`.
    chance : float
        AUC_20 of a guess.
    level : float
        Of the test.

    Returns
    -------
    Figure
    DataFrame
        `table` with `effect_of_planted` in place of `effect`, and `chance`.
    """
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.6))
        left, right = figure.subplots(1, 2)
        left.fill_between(
            table["effect"], table["low"], table["high"], color=TONES[0], alpha=0.15, linewidth=0
        )
        left.plot(table["effect"], table["auc_20"], "o-", color=TONES[0], markersize=3)
        left.axhline(chance, color="dimgrey", linestyle="--", linewidth=0.8)
        left.text(
            table["effect"].max(),
            chance,
            "chance",
            ha="right",
            va="bottom",
            fontsize=6.5,
            color="dimgrey",
        )
        left.set(ylabel="AUC20, mean and 90 % of worlds", ylim=(0, None))
        right.plot(table["effect"], table["power"], "o-", color=TONES[0], markersize=3)
        right.axhline(level, color="dimgrey", linestyle="--", linewidth=0.8)
        right.text(
            table["effect"].max(),
            level,
            f"level {level:g}",
            ha="right",
            va="bottom",
            fontsize=6.5,
            color="dimgrey",
        )
        right.set(ylabel=f"share of worlds with p ≤ {level:g}", ylim=(0, 1.03))
        for ax in (left, right):
            ax.set_xlabel("effect in images, 1 = as planted")
    return figure, table.rename(columns={"effect": "effect_of_planted"}).assign(chance=chance)


def _random(ax: Axes, curves: np.ndarray, k: np.ndarray) -> pd.DataFrame:
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)  # 95 % of the draws, at each k
    ax.plot(k, curves.mean(axis=0), color="dimgrey", linestyle="--", label="random baseline")
    ax.fill_between(k, low, high, color="dimgrey", alpha=0.2, linewidth=0)
    return _long("random baseline", k, curves.mean(axis=0), low, high)


def _shade(ax: Axes, band: pd.DataFrame, k_max: int, colour: str, name: str) -> pd.DataFrame:
    band = band[band["k"] <= k_max]
    ax.fill_between(
        band["k"], band["low"], band["high"], color=colour, alpha=0.1, linewidth=0, label=name
    )
    return _long(name, band["k"], band["mean"], band["low"], band["high"])


def _upper_bounds(ax: Axes, band: pd.DataFrame, k_max: int) -> pd.DataFrame:
    band = band[band["k"] <= k_max]
    band = band.assign(
        low_all=band["low_all"].clip(lower=0), high_all=band["high_all"].clip(upper=1)
    )
    label = "97.5 % of re-paired embeddings, at each k"
    ax.plot(band["k"], band["high"], color="0.35", linestyle=":", linewidth=1, label=label)
    ax.plot(
        band["k"],
        band["high_all"],
        color="0.35",
        linestyle="-.",
        linewidth=0.7,
        label="the same at all k at once",
    )
    return pd.concat(
        [
            _long(
                "re-paired embeddings, pointwise",
                band["k"],
                band["mean"],
                band["low"],
                band["high"],
            ),
            _long(
                "re-paired embeddings, simultaneous",
                band["k"],
                band["mean"],
                band["low_all"],
                band["high_all"],
            ),
        ]
    )


def _finish(ax: Axes, k_max: int) -> None:
    ax.set_xlabel("k nearest genes")
    ax.set_ylabel("kNN accuracy")
    ax.set_xlim(0, k_max)
    ax.set_ylim(0, min(1.01, ax.get_ylim()[1]))
    ax.xaxis.set_major_locator(MultipleLocator(5))
    ax.yaxis.set_major_locator(MultipleLocator(0.05))


def _long(name: str, k, values, low=np.nan, high=np.nan) -> pd.DataFrame:
    return pd.DataFrame(
        {"line": name, "k": np.asarray(k), "accuracy": np.asarray(values), "low": low, "high": high}
    )
