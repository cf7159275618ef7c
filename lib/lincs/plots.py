"""Pictures of signatures, training and the latent. Each function returns the figure and every drawn
mark.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.lincs.codes import PREFIX
from lib.report import figures

REAL, MADE = figures.PALETTE[3], figures.PALETTE[0]  # red and blue in the paper
UNITS = {"z": "z²", "grey": "grey level²"}
"""Unit of a value, as it ends a column's name → its square in words."""

WORDS = {"BILE", "ACID", "CELL", "WALL", "TYPE", "BETA", "RICH"}  # short, but no abbreviations
LATENT = "mu_prior_sd"
"""Column of means of the latent, in SDs of its prior."""


def short(pcl: str) -> str:
    """Return a class as people read it.

    Examples
    --------
    >>> short("CP_PI3K_INHIBITOR")
    'PI3K inhibitor'
    """
    words = pcl.removeprefix(PREFIX).split("_")
    kept = {
        word for word in words if len(word) <= 4 or any(sign.isdigit() for sign in word)
    } - WORDS
    return " ".join(word if word in kept else word.lower() for word in words)


def scatter(
    scores: Mapping[str, np.ndarray],
    shares: np.ndarray,
    *,
    colours: Sequence[str] = figures.PALETTE,
    size: float = 4,
) -> tuple[Figure, pd.DataFrame]:
    """Draw the two first principal components of several sets of signatures over each other.

    Parameters
    ----------
    scores : mapping
        Name of a set → scores (n, 2); drawn in this order.
    shares : (2,) array
        Share of the variance of each component.
    """
    parts = [
        pd.DataFrame(values[:, :2], columns=["pc1_z", "pc2_z"]).assign(set=name)
        for name, values in scores.items()
    ]
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 2.9))
        ax = figure.add_subplot()
        for (name, values), colour in zip(scores.items(), colours, strict=False):
            ax.scatter(
                *values[:, :2].T,
                s=size,
                color=colour,
                alpha=0.6,
                linewidth=0,
                label=f"{name} (n = {len(values):,})",
            )
        ax.set_xlabel(f"PC1 ({shares[0]:.0%} of variance)")
        ax.set_ylabel(f"PC2 ({shares[1]:.0%})")
        figure.legend(loc="outside upper center", ncols=2, markerscale=2)
    return figure, pd.concat(parts, ignore_index=True)


def losses(
    history: pd.DataFrame, baselines: Mapping[str, float], *, unit: str = "z"
) -> tuple[Figure, pd.DataFrame]:
    """Draw the squared error per epoch in training and validation, and of trivial reconstructions
    as lines.

    Parameters
    ----------
    history : DataFrame
        `epoch`, `train_mse`, `val_mse`.
    baselines : mapping
        Name of a line → its error.
    unit : str
        Of the values, one of `UNITS`.
    """
    value = f"error_{unit}2"
    curves = {"training": history["train_mse"], "validation": history["val_mse"]}
    rows = [
        pd.DataFrame({"epoch": history["epoch"], value: curve, "line": name})
        for name, curve in curves.items()
    ]
    rows.append(pd.DataFrame({"line": list(baselines), value: list(baselines.values())}))
    drawn = pd.concat(rows, ignore_index=True)
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 2.5))
        ax = figure.add_subplot()
        for name, curve in curves.items():
            ax.plot(history["epoch"], curve, label=name)
        for (name, at), colour in zip(baselines.items(), figures.PALETTE[3:], strict=False):
            ax.axhline(at, color=colour, linestyle="--", linewidth=0.8, label=name)
        ax.set_xlabel("epoch")
        ax.set_ylabel(f"mean squared error ({UNITS[unit]})")
        ax.set_ylim(bottom=0.95 * drawn[value].min())
        figure.legend(loc="outside upper center", ncols=2)
    return figure, drawn


def latent_heat(mu: np.ndarray, live: Sequence[int]) -> tuple[Figure, pd.DataFrame]:
    """Draw the means of the latent of some signatures (rows) over all dimensions (columns); live
    ones are named.

    Parameters
    ----------
    mu : (n, L) array
    live : sequence of int
    """
    bound = float(np.abs(mu).max())
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 3.0))
        ax = figure.add_subplot()
        image = ax.imshow(
            mu,
            aspect="auto",
            cmap=figures.DIVERGING,
            vmin=-bound,
            vmax=bound,
            interpolation="nearest",
        )
        rows = _label_rows(live, least=0.055 * mu.shape[1])
        ax.set_xticks(
            list(live), ["\n" * row + str(node) for node, row in zip(live, rows, strict=True)]
        )
        ax.set_xlabel(f"latent dimension (live ones named, {len(live)} of {mu.shape[1]})")
        ax.set_ylabel(f"signatures (n = {len(mu)})")
        figure.colorbar(image, ax=ax, label="mean μ (SD of the prior)")
    rows, nodes = np.indices(mu.shape)
    return figure, pd.DataFrame(
        {"signature": rows.ravel(), "node": nodes.ravel(), LATENT: mu.ravel()}
    )


def _label_rows(places: Sequence[float], *, least: float) -> list[int]:
    """Return the row of each label so that two in a row are at least `least` apart.

    Examples
    --------
    >>> _label_rows([0, 5, 6, 7, 8], least=2)
    [0, 0, 1, 0, 1]
    """
    ends, rows = [], []
    for place in places:
        free = [row for row, end in enumerate(ends) if place - end >= least]
        row = free[0] if free else len(ends)
        ends = [*ends[:row], place, *ends[row + 1 :]]
        rows.append(row)
    return rows
