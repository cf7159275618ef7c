"""Pictures of image embeddings: Fig 2D and the confusion of conditions."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.data.errors import InputError
from lib.report import figures

SHOWN = ("EMPTY", "JUN", "MAP3K9", "RAF1")
_COLOURS = ("#0072B2", "#D55E00", "#CC79A7", "#332288")
_NAMED = 62  # conditions up to which a page has room for their names


def layout_panels(
    layout: pd.DataFrame, *, conditions: Sequence[str] = SHOWN, method: str = "UMAP"
) -> tuple[Figure, pd.DataFrame]:
    """Draw Fig 2D: one panel per condition, its nuclei in one strong colour over all the others in
    silver.

    Parameters
    ----------
    layout : DataFrame
        From `lib.screen.embeddings.lay_out`.
    conditions : sequence of str
        Symbols, one panel each, two side by side (paper: EMPTY, JUN, MAP3K9, RAF1).
    method : str
        Name of the layout, for the axes.

    Returns
    -------
    Figure
    DataFrame
        `layout` with `x_au`, `y_au` in place of `x`, `y`.

    Raises
    ------
    InputError
        For a condition without nuclei in the layout.
    """
    absent = [name for name in conditions if name not in set(layout["gene_symbol"])]
    if absent:
        present = ", ".join(sorted(set(layout["gene_symbol"]))[:8])
        raise InputError(f"{absent[0]} has no nucleus in the layout; conditions are {present}, …")
    n_rows = -(-len(conditions) // 2)
    faint = float(np.clip(1500 / len(layout), 0.1, 0.6))  # 0.1 in the paper, whose cloud is dense
    size = float(np.clip(6000 / len(layout), 3, 10))  # 3 in the paper
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.7 * n_rows))
        axes = figure.subplots(n_rows, 2, sharex=True, sharey=True, squeeze=False).ravel()
        for i, (ax, name) in enumerate(zip(axes, conditions, strict=False)):
            own = layout["gene_symbol"] == name  # (n,)
            for rows, colour, alpha in (
                (layout[~own], "silver", faint),
                (layout[own], _COLOURS[i % 4], 1),
            ):
                # thousands of dots: as an image inside the SVG
                ax.scatter(
                    rows["x"],
                    rows["y"],
                    s=size,
                    color=colour,
                    alpha=alpha,
                    linewidths=0,
                    rasterized=True,
                )
            ax.set_title(f"{name} ({int(own.sum())} nuclei)", loc="left")
        for ax in axes[len(conditions) :]:
            ax.remove()  # an odd number leaves a place empty
        figure.supxlabel(f"{method} 1")
        figure.supylabel(f"{method} 2")
    return figure, layout.rename(columns={"x": "x_au", "y": "y_au"})


def confusion_heatmap(shares: pd.DataFrame, *, title: str = "") -> tuple[Figure, pd.DataFrame]:
    """Draw a row-normalised confusion matrix, the share of a condition's nuclei taken for each
    condition.

    Parameters
    ----------
    shares : DataFrame, (C, C)
        From `lib.screen.embeddings.confusion`.
    title : str

    Returns
    -------
    Figure
    DataFrame
        Long: `truth`, `predicted`, `share`.
    """
    n = len(shares)
    wide = n > 24  # the names of more conditions need a whole page
    with figures.style():
        width = figures.PAGE if wide else figures.MIDDLE
        figure = Figure(figsize=(width, width - (1.0 if wide else 0.9)))
        ax = figure.add_subplot()
        image = ax.imshow(
            shares.to_numpy(), cmap="Blues", vmin=0, vmax=max(np.nanmax(shares.to_numpy()), 1e-3)
        )
        if n <= _NAMED:
            ax.set_xticks(range(n), shares.columns, rotation=90, fontsize=6)
            ax.set_yticks(range(n), shares.index, fontsize=6)
        else:
            ax.set(xticks=[], yticks=[])
        ax.tick_params(length=0, pad=2)
        ax.spines[:].set_visible(False)
        ax.set(xlabel="predicted", ylabel="true condition", title=title)
        figure.colorbar(
            image, ax=ax, shrink=0.5, aspect=18, label="share of the condition's nuclei"
        )
    long = shares.rename_axis("truth").rename_axis("predicted", axis=1).stack(future_stack=True)
    return figure, long.rename("share").reset_index()
