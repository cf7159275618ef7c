"""Pictures of many fields or genes at once: fields with their masks, segmentations, features by
gene."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from lib.images import segmentation, well_profiles
from lib.images.extraction import read_or_segment
from lib.images.fields import Field, eight_bit
from lib.report import figures
from lib.run import store
from lib.stats import order

MASKS = "unet_masks"
_MASK, _FOUND = "#E69F00", "#56B4E9"


def fields(
    table: pd.DataFrame, screen_dir: str | os.PathLike, *, n_columns: int = 3
) -> tuple[Figure, pd.DataFrame]:
    """Draw fields with the outlines of their masks.

    Parameters
    ----------
    table : DataFrame
        `plate`, `well`, `site`, `field`, `gene_symbol`; one row per panel.
    screen_dir : path
        Folder of the screen.
    n_columns : int
        Panels side by side.

    Returns
    -------
    Figure
    DataFrame
        The rows drawn.

    Raises
    ------
    ImageError
        As `lib.images.fields.read_field`.
    """
    shown = table[["plate", "well", "site", "gene_symbol", "field"]].reset_index(drop=True)
    with figures.style():
        figure, axes = _panels(len(shown), n_columns, ratio=1.08)
        for ax, row in zip(axes, shown.itertuples(), strict=False):
            field = _read(screen_dir, row.plate, row.field)
            _draw(
                ax,
                eight_bit(field.image),
                {_MASK: field.labels},
                f"{row.gene_symbol}  {row.plate} {row.well} {row.site}",
            )
    return figure, shown


def segmentations(
    scores: pd.DataFrame, screen_dir: str | os.PathLike, *, n_shown: int = 6
) -> tuple[Figure, pd.DataFrame]:
    """Draw masks and built-in segmentation of fields from the best to the worst score.

    Parameters
    ----------
    scores : DataFrame
        From `compare`.
    screen_dir : path
        Folder of the screen.
    n_shown : int
        Fields, evenly spread over the ranking.

    Returns
    -------
    Figure
    DataFrame
        The rows of `scores` that are drawn; or `absent`, the reason, for a screen without masks.
    """
    if scores.empty:
        return figures.absent("The screen has no masks to compare with.")
    # stable: equal scores keep their order
    ranked = scores.sort_values("f1", ascending=False, kind="stable")
    shown = ranked.iloc[
        np.unique(np.linspace(0, len(ranked) - 1, n_shown).astype(int))
    ].reset_index(drop=True)
    with figures.style():
        figure, axes = _panels(len(shown), 3, ratio=1.12)
        for ax, row in zip(axes, shown.itertuples(), strict=False):
            field = _read(screen_dir, row.plate, row.field)
            found = segmentation.segment(field.image)
            _draw(
                ax,
                eight_bit(field.image),
                {_MASK: field.labels, _FOUND: found},
                f"F1 {row.f1:.2f}  {row.gene_symbol}",
            )
        lines = [axes[0].plot([], [], color=colour)[0] for colour in (_MASK, _FOUND)]
        figure.legend(
            lines,
            ["mask of the screen", "built-in segmentation"],
            loc="outside lower center",
            ncols=2,
        )
    return figure, shown


def compare(table: pd.DataFrame, screen_dir: str | os.PathLike) -> pd.DataFrame:
    """Segment fields and compare the result with their masks.

    Parameters
    ----------
    table : DataFrame
        `plate`, `field`, `gene_symbol`; one row per field.
    screen_dir : path
        Folder of the screen.

    Returns
    -------
    DataFrame
        One row per field: `plate`, `field`, `gene_symbol`, then as
        `lib.images.segmentation.f1_at_iou`; empty for a screen without masks.

    Raises
    ------
    ImageError
        As `lib.images.fields.read_field`.
    """
    rows = []
    for row in table.itertuples() if (store.resolve(screen_dir) / MASKS).exists() else ():
        field = _read(screen_dir, row.plate, row.field)
        found = segmentation.segment(field.image)
        about = {"plate": row.plate, "field": row.field, "gene_symbol": row.gene_symbol}
        rows.append(about | segmentation.f1_at_iou(field.labels, found))
    return pd.DataFrame(rows)


def pooled_f1(scores: pd.DataFrame) -> float:
    """Return the F1 over all objects of all fields.

    Parameters
    ----------
    scores : DataFrame
        From `compare`: `n_matched`, `n_truth`, `n_predicted`.

    Returns
    -------
    float
        NaN without any field.
    """
    if scores.empty:
        return float("nan")
    return float(
        2 * scores["n_matched"].sum() / (scores["n_truth"].sum() + scores["n_predicted"].sum())
    )


def planted_segmentation(scores: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Measure the segmentation of a simulated screen.

    Parameters
    ----------
    scores : DataFrame
        From `compare`.
    truth : DataFrame
        From `lib.simulate.screen.planted`, without a row for a real screen.

    Returns
    -------
    dict of str to float
        `imaging.planted.segmentation_f1`; empty where no truth is planted or no field has masks.
    """
    if scores.empty or truth.empty:
        return {}
    return {"imaging.planted.segmentation_f1": round(pooled_f1(scores), 4)}


def feature_map(
    features: pd.DataFrame, nuclei: pd.DataFrame, *, limit: float = 4.0
) -> tuple[Figure, pd.DataFrame]:
    """Draw the mean features of every gene in SD of the control wells, rows and columns by linkage.

    Parameters
    ----------
    features : DataFrame
        `nucleus_id` and features.
    nuclei : DataFrame
        `nucleus_id`, `plate`, `well`, `gene_symbol`, in the same order.
    limit : float
        End of the colour scale, SD.

    Returns
    -------
    Figure
    DataFrame
        `gene_symbol`, `feature`, `mean_in_control_sd`, in the order drawn.

    Raises
    ------
    InputError
        As `lib.images.well_profiles.scale_to_controls`.
    """
    values = features.drop(columns="nucleus_id")  # (nuclei, features)
    profiles = well_profiles.well_means(values, nuclei, names=values.columns)  # wells × features
    means = well_profiles.scale_to_controls(profiles).groupby(level="gene_symbol").mean()
    # similar genes and features side by side
    means = means.iloc[_order(means.to_numpy()), _order(means.to_numpy().T)]
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, max(2.5, 0.1 * len(means) + 1.0)))
        ax = figure.add_subplot()
        image = ax.imshow(
            means,
            aspect="auto",
            cmap=figures.DIVERGING,
            vmin=-limit,
            vmax=limit,
            interpolation="none",
        )
        ax.set_yticks(range(len(means)), means.index, fontsize=6)
        ax.set_xticks([])
        ax.set_xlabel(
            f"{means.shape[1]} chromatin and shape features, by name in the table of this picture"
        )
        figure.colorbar(image, ax=ax, label="mean, SD of control wells", shrink=0.5, extend="both")
    long = means.melt(var_name="feature", value_name="mean_in_control_sd", ignore_index=False)
    return figure, long.reset_index()


def _order(values: np.ndarray) -> Sequence[int]:
    if len(values) < 3:
        return range(len(values))
    return hierarchy.leaves_list(
        hierarchy.linkage(order.rounded(pdist(np.clip(values, -10, 10))), "average")
    )


def _read(screen_dir: str | os.PathLike, plate: int, name: str) -> Field:
    """Read a field with its mask, or segment it in a screen without masks."""
    folder = store.resolve(screen_dir)
    mask = folder / MASKS / str(plate) / name if (folder / MASKS).exists() else None
    return read_or_segment(
        folder / "illum_corrected" / str(plate) / name, mask, segmentation.Settings()
    )


def _panels(n: int, n_columns: int, *, ratio: float) -> tuple[Figure, list[Axes]]:
    n_columns = min(n, n_columns)
    n_rows = -(-n // n_columns)
    side = figures.PAGE / n_columns
    figure = Figure(figsize=(figures.PAGE, side * ratio * n_rows), layout="constrained")
    axes = list(figure.subplots(n_rows, n_columns, squeeze=False).ravel())
    for ax in axes:
        ax.set_axis_off()
    return figure, axes


def _draw(ax: Axes, image: np.ndarray, outlines: dict[str, np.ndarray], title: str) -> None:
    ax.imshow(image, cmap="gray", interpolation="none")
    for colour, labels in outlines.items():
        edge = (labels > 0) & (_eroded(labels) != labels)  # (rows, columns)
        shade = np.zeros((*edge.shape, 4))  # RGBA, transparent but for the outlines
        shade[edge] = [*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)), 1]
        ax.imshow(shade, interpolation="none")
    ax.set_title(title, fontsize=7, loc="left")


def _eroded(labels: np.ndarray) -> np.ndarray:
    """Return labels with 0 at every pixel that has another label above, below, left or right of
    it."""
    padded = np.pad(labels, 1)
    around = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    return np.where(np.logical_and.reduce([side == labels for side in around]), labels, 0)
