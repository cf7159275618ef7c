"""Pictures of the extraction: what was kept and why, outlines on fields, and nuclei side by
side."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.images.nuclei import Filters
from lib.report import figures

TITLE = 16  # last letters of a name that fit above a nucleus
GREY, RED = "#BBBBBB", figures.PALETTE[3]


@figures.style()
def qc_figure(
    stages: pd.DataFrame,
    nuclei: pd.DataFrame,
    *,
    examples: np.ndarray | None = None,
    filters: Filters | None = None,
) -> tuple[Figure, pd.DataFrame]:
    """Draw counts per stage, the distributions that the filters act on, and some nuclei.

    Parameters
    ----------
    stages : DataFrame
        `stage`, `n_fields` and, where nuclei are counted, `n_nuclei`; one row per stage, in order.
    nuclei : DataFrame
        One row per nucleus: `area` (pixels²), `solidity`, `aspect_ratio`.
    examples : (k, side, side) uint8, optional
        Padded nuclei.
    filters : Filters
        Limits to draw as dashed lines.

    Returns
    -------
    figure : Figure
    data : DataFrame
        One row per bar: `panel`, `stage` or the lower edge `x` (`x_is` has its unit), and `n`.
    """
    filters = filters or Filters()
    panels = [
        ("area", "area (px²)", (filters.min_area, filters.max_area)),
        ("solidity", "solidity", (filters.min_solidity,)),
        ("aspect_ratio", "minor / major axis", (filters.min_aspect_ratio,)),
    ]
    figure = Figure(figsize=(figures.PAGE, 4.6 if examples is not None and len(examples) else 3.6))
    counted, measured = figure.subfigures(2, 1, height_ratios=[1, 1.3])
    data = [_draw_stages(counted, stages)]
    axes = measured.subplots(1, 3 + (examples is not None and len(examples) > 0))
    for axis, (column, label, limits) in zip(axes, panels, strict=False):
        data.append(_draw_distribution(axis, nuclei[column], label=label, limits=limits))
    axes[0].set_ylabel("nuclei")
    if len(axes) > 3:
        axes[3].imshow(_mosaic(examples[:16], 4), cmap="gray", interpolation="nearest")
        axes[3].set(title="examples", xticks=[], yticks=[])
        axes[3].spines[:].set_visible(False)
    return figure, pd.concat(data, ignore_index=True)


@figures.style()
def overlay(
    image: np.ndarray, labels: np.ndarray, *, title: str = ""
) -> tuple[Figure, pd.DataFrame]:
    """Draw a field with the outlines of its nuclei.

    Parameters
    ----------
    image : (rows, columns)
        Any grey image; shown between its 0.5 and 99.8 percentiles, square root.
    labels : (rows, columns) int
        0 = background.
    title : str
        Words before the number of nuclei.

    Returns
    -------
    figure : Figure
    data : DataFrame
        `label`, `area` in square pixels, `row`, `column` of the centroid.
    """
    from skimage.measure import regionprops_table
    from skimage.segmentation import find_boundaries

    low, high = np.percentile(image, [0.5, 99.8])  # a few bright specks do not darken the rest
    # the root shows dim nuclei beside bright ones
    grey = np.sqrt(np.clip((image - low) / max(high - low, 1e-9), 0, 1))
    colour = np.repeat(grey[..., None], 3, axis=2)  # (rows, columns, 3)
    colour[find_boundaries(labels, mode="inner")] = _rgb(figures.PALETTE[1])
    height = figures.PAGE * image.shape[0] / image.shape[1]
    figure = Figure(figsize=(figures.PAGE, height + 0.3))
    axis = figure.subplots()
    axis.imshow(colour, interpolation="nearest")
    axis.set(
        xticks=[],
        yticks=[],
        title=f"{title + ': ' if title else ''}{len(np.unique(labels[labels > 0]))} nuclei",
    )
    axis.spines[:].set_visible(False)
    found = pd.DataFrame(
        regionprops_table(labels.astype(int), properties=("label", "area", "centroid"))
    )
    return figure, found.rename(columns={"centroid-0": "row", "centroid-1": "column"})


@figures.style()
def gallery(
    nuclei: np.ndarray, names: list[str] | None = None, *, n_columns: int = 8
) -> tuple[Figure, pd.DataFrame]:
    """Draw nuclei or regions in a grid.

    Parameters
    ----------
    nuclei : (n, side, side) uint8
    names : list of n str, optional
        Written above each; by default numbers from 0.
    n_columns : int
        Pictures side by side.

    Returns
    -------
    figure : Figure
    data : DataFrame
        `name`, `mean` grey value and `share` of pixels that are not black.

    Raises
    ------
    ValueError
        If there is no nucleus.
    """
    if not len(nuclei):
        raise ValueError("no nucleus to draw; pass (n, side, side) with n of 1 or more")
    names = [str(i) for i in range(len(nuclei))] if names is None else names
    n_rows = -(-len(nuclei) // n_columns)
    side = figures.PAGE / n_columns
    figure = Figure(figsize=(figures.PAGE, n_rows * side * 1.15))
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, nucleus, name in zip(axes.flat, nuclei, names, strict=False):
        axis.imshow(nucleus, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(name[-TITLE:], fontsize=6, fontweight="normal", pad=2)
    values = {"mean": nuclei.mean(axis=(1, 2)), "share": (nuclei > 0).mean(axis=(1, 2))}
    return figure, pd.DataFrame({"name": names, **values})


def _draw_stages(figure: Figure, stages: pd.DataFrame) -> pd.DataFrame:
    """Draw fields and nuclei left after each stage as bars with their numbers."""
    counts = [name for name in ("n_fields", "n_nuclei") if name in stages]
    data = []
    for axis, name in zip(np.atleast_1d(figure.subplots(1, len(counts))), counts, strict=True):
        rows = stages[stages[name].notna()]
        place = np.arange(len(rows))[::-1]  # the first stage on top
        axis.barh(place, rows[name], color=figures.PALETTE[0], height=0.7)
        for y, value in zip(place, rows[name], strict=True):
            axis.text(value, y, f" {int(value):,}", va="center", fontsize=7)
        axis.set_yticks(place, rows["stage"])
        axis.set_xlabel(name.removeprefix("n_"))
        axis.margins(x=0.2)
        axis.xaxis.get_major_locator().set_params(integer=True, nbins=5)
        data.append(pd.DataFrame({"panel": name, "stage": rows["stage"], "n": rows[name]}))
    return pd.concat(data)


def _draw_distribution(
    axis, values: pd.Series, *, label: str, limits: tuple[float, ...]
) -> pd.DataFrame:
    """Draw a histogram with the limits of a filter."""
    ends = (*limits, *values.quantile([0, 1]))
    # (60,) heights, (61,) edges
    heights, edges = np.histogram(values, bins=60, range=(min(ends), max(ends)))
    axis.stairs(heights, edges, fill=True, color=GREY)
    for limit in limits:
        axis.axvline(limit, color=RED, linestyle="--", linewidth=0.9)
    axis.set_xlabel(label)
    return pd.DataFrame({"panel": values.name, "x": edges[:-1], "x_is": label, "n": heights})


def _mosaic(images: np.ndarray, n_columns: int) -> np.ndarray:
    """Return images (n, side, side) side by side, black where there are too few."""
    n_rows = -(-len(images) // n_columns)
    # (rows × columns, side, side)
    filled = np.zeros((n_rows * n_columns, *images.shape[1:]), images.dtype)
    filled[: len(images)] = images
    side = images.shape[1]
    return (
        filled.reshape(n_rows, n_columns, side, side)
        .swapaxes(1, 2)
        .reshape(n_rows * side, n_columns * side)
    )


def _rgb(colour: str) -> tuple[float, float, float]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
