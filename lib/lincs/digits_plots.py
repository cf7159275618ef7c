"""Pictures of the tutorial on digits. Each function returns the figure and every drawn mark."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report import figures


def digit_codes(prototypes: np.ndarray, distances: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the images decoded from the codes of the digits, and the distances between the codes."""
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.9))
        left, right = figure.subfigures(1, 2)
        for ax, image, name in zip(
            left.subplots(2, 5).ravel(), prototypes[:, 0], distances.index, strict=True
        ):
            ax.imshow(image, cmap="gray_r", vmin=-1, vmax=1)
            ax.set_title(f"code of {name}", fontsize=7)
            ax.set_axis_off()
        ax = right.subplots()
        apart = distances.to_numpy()[~np.eye(len(distances), dtype=bool)]
        others = distances.mask(np.eye(len(distances), dtype=bool))  # none to itself
        shown = ax.imshow(others, cmap="viridis", vmin=apart.min(), vmax=apart.max())
        ax.set_xticks(range(10), distances.columns)
        ax.set_yticks(range(10), distances.index)
        ax.set_xlabel("digit")
        right.colorbar(shown, ax=ax, label="Euclidean distance of codes")
    return figure, distances.rename_axis("digit").reset_index().melt(
        "digit", var_name="other", value_name="distance_au"
    )


def chosen_codes(
    labels: np.ndarray, chosen: np.ndarray, classes: Sequence[str]
) -> tuple[Figure, pd.DataFrame]:
    """Draw, for the samples of each class (rows), which code is nearest (columns)."""
    counts = pd.crosstab(labels, chosen).reindex(
        index=range(len(classes)), columns=range(len(classes)), fill_value=0
    )
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 3.0))
        ax = figure.add_subplot()
        image = ax.imshow(counts, cmap="viridis")
        ax.set_xticks(range(len(classes)), classes)
        ax.set_yticks(range(len(classes)), classes)
        ax.set_xlabel("nearest code")
        ax.set_ylabel("class")
        figure.colorbar(image, ax=ax, label=f"samples (n = {len(labels)})")
    table = (
        counts.set_axis(list(classes), axis=1)
        .set_axis(list(classes), axis=0)
        .rename_axis("class")
        .reset_index()
    )
    return figure, table.melt("class", var_name="code", value_name="n")
