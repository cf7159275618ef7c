"""Pictures of the validation on JUMP: plates, illumination and batches."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.jump import names
from lib.jump.metadata import CONTROL
from lib.jump.translation_plots import TEST, TRAIN
from lib.report import figures

KINDS = {
    "train": (TRAIN, "regulator of the network"),
    "test": (TEST, "other gene of the network"),
    "EMPTY": ("#000000", "EMPTY (BFP)"),
    "negcon": ("#8C8C8C", "other negative control"),
    "poscon": ("#F0E442", "positive control"),
    "empty": ("#E0E0E0", "no reagent"),
    "other": ("#CC79A7", "other ORF"),
}
"""What is in a well → colour, words."""


def well_kinds(wells: pd.DataFrame, regulators: Sequence[str]) -> pd.Series:
    """Say what is in every well, for `plate_maps`.

    Parameters
    ----------
    wells : DataFrame
        `pert_type` and, where the well is used, `gene_symbol`.
    regulators : sequence of str

    Returns
    -------
    Series of str
        Keys of `KINDS`.
    """
    kind = wells["pert_type"].where(wells["pert_type"].isin(KINDS), "other")
    used = wells["gene_symbol"]
    kind = kind.mask(used.notna(), "test").mask(used.isin(list(regulators)), "train")
    return kind.mask(used == CONTROL, "EMPTY")


@figures.style()
def plate_maps(wells: pd.DataFrame, kinds: pd.Series) -> tuple[Figure, pd.DataFrame]:
    """Draw one plate of every batch: what is in which well.

    Parameters
    ----------
    wells : DataFrame
        `batch`, `plate`, `well`.
    kinds : Series
        From `well_kinds`, for the same rows.

    Returns
    -------
    Figure
    DataFrame
        One row per well drawn: `batch`, `plate`, `well`, `kind`.
    """
    first = wells.groupby("batch")["plate"].transform("min") == wells["plate"]
    drawn = wells.loc[first, ["batch", "plate", "well"]].assign(kind=kinds[first])
    batches = sorted(drawn["batch"].unique())
    n_rows = -(-len(batches) // 2)
    figure = Figure(figsize=(figures.PAGE, 1.75 * n_rows + 0.5))
    panels = figure.subplots(n_rows, 2, squeeze=False).ravel()
    for ax, batch in zip(panels, batches, strict=False):
        _plate(ax, drawn[drawn["batch"] == batch])
        ax.set_title(f"{batch}, plate {drawn.loc[drawn['batch'] == batch, 'plate'].iloc[0]}")
    for ax in panels[len(batches) :]:
        ax.set_visible(False)
    handles, words = panels[0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=4)
    return figure, drawn.reset_index(drop=True)


@figures.style()
def illumination(
    raw: np.ndarray, function: np.ndarray, corrected: np.ndarray
) -> tuple[Figure, pd.DataFrame]:
    """Draw a field before and after the correction, its function, and their mean profiles.

    Parameters
    ----------
    raw, function, corrected : (rows, columns) arrays

    Returns
    -------
    Figure
    DataFrame
        One row per column of the field: `position_px`, `raw_median_au`, `corrected_median_au`
        (background counts, each over its own mean), `function_au`.
    """
    figure = Figure(figsize=(figures.PAGE, 2.1))
    panels = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.25))
    top = np.percentile(raw, 99.5)
    for ax, (title, image, high) in zip(
        panels,
        (("raw", raw, top), ("function", function, None), ("corrected", corrected, top)),
        strict=False,
    ):
        ax.imshow(image, cmap="gray", vmin=0 if high else None, vmax=high)
        ax.set_title(title)
        ax.set(xticks=[], yticks=[])
    # the median of a column of pixels is background
    profiles = {
        "raw_median_au": np.median(raw, axis=0),
        "corrected_median_au": np.median(corrected, axis=0),
        "function_au": function.mean(axis=0),
    }
    drawn = pd.DataFrame({name: values / values.mean() for name, values in profiles.items()})
    for name, style in zip(drawn, ("-", "-", "--"), strict=True):
        panels[3].plot(drawn[name], style, label=name.split("_")[0], linewidth=1)
    panels[3].set(xlabel="column of pixels", ylabel="over its mean")
    panels[3].legend()
    return figure, drawn.rename_axis("position_px").reset_index()


@figures.style()
def batch_bars(
    compared: pd.DataFrame, scores: Mapping[str, float], *, chance: float, best: str = ""
) -> tuple[Figure, pd.DataFrame]:
    """Draw how well batches are told apart after every correction, and how well genes are found.

    Parameters
    ----------
    compared : DataFrame
        From `batches.compare`.
    scores : mapping of str to float
        Correction → score of the translation, model fixed in advance.
    chance : float
        Score of a guess.
    best : str
        Correction that goes on; drawn in the accent's colour.

    Returns
    -------
    Figure
    DataFrame
        One row per bar: `panel`, `correction`, `share` (balanced accuracy, or score), `sd`.
    """
    figure = Figure(figsize=(figures.MIDDLE, 2.3))
    left, right = figure.subplots(1, 2, sharey=True)
    rows = np.arange(len(compared))[::-1]
    colours = [
        figures.ACCENT if name == best else figures.NO_CLUSTER for name in compared["correction"]
    ]
    left.barh(rows, compared["accuracy"], xerr=compared["sd"], color=colours, height=0.7)
    left.axvline(compared["chance"].iloc[0], color=figures.GUIDE, linestyle="--", linewidth=0.8)
    left.set_yticks(rows, compared["correction"])
    left.set(xlabel="batch told from control wells,\nbalanced accuracy", xlim=(0, 1.05))
    values = [scores[name] for name in compared["correction"]]
    right.barh(rows, values, color=colours, height=0.7)
    right.axvline(chance, color=figures.GUIDE, linestyle="--", linewidth=0.8)
    right.set(xlabel="test genes found,\nsum of areas")
    right.xaxis.set_major_locator(MaxNLocator(5))
    drawn = [
        compared[["correction", "accuracy", "sd"]]
        .rename(columns={"accuracy": "share"})
        .assign(panel="batch accuracy"),
        pd.DataFrame({"correction": compared["correction"], "share": values}).assign(
            panel="translation"
        ),
    ]
    columns = ["panel", "correction", "share", "sd"]
    return figure, pd.concat(drawn, ignore_index=True)[columns]


@figures.style()
def control_scatter(before: pd.DataFrame, after: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the control wells on two principal components, before and after the correction.

    Parameters
    ----------
    before, after : DataFrame, (wells, L)
        Index with `batch`, `plate`, `well`.

    Returns
    -------
    Figure
    DataFrame
        `when`, `batch`, `plate`, `well`, `pc_1_au`, `pc_2_au`.
    """
    figure = Figure(figsize=(figures.MIDDLE, 2.5))
    drawn = []
    for ax, (when, wells) in zip(
        figure.subplots(1, 2), {"before": before, "after": after}.items(), strict=True
    ):
        centred = wells.to_numpy() - wells.to_numpy().mean(axis=0)
        axes = np.linalg.svd(centred, full_matrices=False)[2][:2]  # (2, L)
        # the sign of a component is arbitrary: its largest entry is positive
        axes *= np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
        keys = wells.index.to_frame(index=False)[["batch", "plate", "well"]]
        places = keys.assign(**dict(zip(("pc_1_au", "pc_2_au"), (centred @ axes.T).T, strict=True)))
        groups = places.groupby("batch")
        for number, (batch, rows) in enumerate(groups):
            colour = figures.CLUSTERS[number % len(figures.CLUSTERS)]
            ax.scatter(rows["pc_1_au"], rows["pc_2_au"], s=10, color=colour, label=batch)
        ax.set(title=f"{when} correction", xlabel="PC 1", ylabel="PC 2")
        drawn.append(places.assign(when=when))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    columns = ["when", "batch", "plate", "well", "pc_1_au", "pc_2_au"]
    return figure, pd.concat(drawn, ignore_index=True)[columns]


def _plate(ax: Axes, wells: pd.DataFrame) -> None:
    rows = wells["well"].str[0].map(ord) - ord("A")
    columns = wells["well"].str[1:].astype(int)
    for kind, (colour, words) in KINDS.items():
        here = wells["kind"] == kind
        # an empty group still has its entry in the legend
        ax.scatter(
            columns[here], rows[here], s=9, marker="s", color=colour, label=words, linewidth=0
        )
    ax.set(xlim=(0.3, names.N_COLUMNS + 0.7), ylim=(names.N_ROWS - 0.5, -0.5))
    ax.set_xticks([1, 6, 12, 18, 24])
    ax.set_yticks([0, 5, 10, 15], list("AFKP"))
    ax.set(xlabel="column of the plate", ylabel="row")
