"""Pictures of the embeddings for left-out targets."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.regulation.settings import SETTINGS
from lib.report import figures

CHANCE = 0.5  # AUC of a guess


def settings(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw test AUC and number of labelled genes by setting, one dot per run.

    Parameters
    ----------
    table : DataFrame
        From `lib.regulation.targets.table`.

    Returns
    -------
    Figure
    DataFrame
        `setting`, `target`, `link_split`, `is_leaky`, `test_auc`, `test_ap`, `n_labelled`,
        `n_classes`.
    """
    names = list(dict.fromkeys(table["setting"]))  # in the order of the table
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 0.45 * len(names) + 1.0))
        axes = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        for y, name in enumerate(names):
            rows = table[table["setting"] == name]
            # colour tells whether the target's own label was learnt
            colour = "#D55E00" if rows["is_leaky"].any() else "#0072B2"
            for ax, column in zip(axes, ("test_auc", "n_labelled"), strict=True):
                _dots(ax, rows[column].to_numpy(float), y, colour)
        axes[0].axvline(CHANCE, color="0.4", linestyle="--", linewidth=0.8, label="chance")
        axes[0].set_yticks(range(len(names)), [_title(table, name) for name in names])
        axes[0].set_xlabel("AUC of held-out links")
        axes[1].set_xlabel("genes with a cluster label")
        axes[1].set_xlim(left=-1)
        axes[0].set_ylim(len(names) - 0.5, -0.5)
        for colour, label in {
            "#0072B2": "target has no label",
            "#D55E00": "target is labelled (not blind)",
        }.items():
            axes[0].plot([], [], "o", color=colour, label=label, markersize=4)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    columns = [
        "setting",
        "target",
        "link_split",
        "is_leaky",
        "test_auc",
        "test_ap",
        "n_labelled",
        "n_classes",
    ]
    return figure, table[columns]


def _dots(ax: Axes, values: np.ndarray, y: int, colour: str) -> None:
    # dots of one setting side by side
    spread = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1)
    ax.plot(values, y + spread, "o", color=colour, markersize=3.5, alpha=0.7, markeredgewidth=0)
    ax.plot([values.mean()] * 2, [y - 0.32, y + 0.32], color="black", linewidth=1.2)


def _title(table: pd.DataFrame, name: str) -> str:
    rows = table[table["setting"] == name]
    weights = ", ".join(f"{value:g}" for value in rows.iloc[0][["alpha", "beta", "gamma"]])
    return f"{name} ({weights})\n{SETTINGS[name].source.what}"
