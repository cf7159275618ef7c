"""Pictures of predictions from new images: ranked genes, the map, distances, nuclei, coverage."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report import figures
from lib.report.point_names import name_points
from lib.translation.bundle import Bundle
from lib.translation.new_nuclei import Nuclei
from lib.translation.prediction import ALL, Prediction

N_SHOWN = 8  # conditions in one picture
TRAINED, OTHER = figures.PALETTE[0], "#BBBBBB"


def shown_conditions(prediction: Prediction) -> list[str]:
    """Return the conditions that the pictures show: the first eight by name.

    Parameters
    ----------
    prediction : Prediction

    Returns
    -------
    list of str
    """
    return sorted(prediction.units["condition"].unique())[:N_SHOWN]


@figures.style()
def ranked_genes(prediction: Prediction, *, n: int = 10) -> tuple[Figure, pd.DataFrame]:
    """Draw the nearest genes of every condition, with the median rank that they have for controls.

    Parameters
    ----------
    prediction : Prediction
    n : int
        Genes per condition.

    Returns
    -------
    Figure
    DataFrame
        The genes drawn: `condition`, `rank`, `gene`, `cosine_au`, `null_median`, `p`, `in_set_80`,
        `is_trained`.
    """
    names = shown_conditions(prediction)
    n_rows = -(-len(names) // 4)
    figure = Figure(figsize=(figures.PAGE, 0.3 + (0.4 + 0.125 * n) * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, 4, squeeze=False).ravel()
    drawn = []
    for ax, name in zip(axes, names, strict=False):
        own = prediction.genes.query("condition == @name and image == @ALL").head(n)
        rows = np.arange(len(own))[::-1]
        colours = np.where(own["is_trained"], TRAINED, OTHER)
        ax.barh(rows, own["cosine"], color=colours, height=0.75)
        ax.set_yticks(rows, own["gene"], fontsize=6)
        ax.set(title=name, xlim=(0, 1.35), xticks=[0, 0.5, 1])
        for row, null in zip(rows, own["control_rank"], strict=True):
            ax.text(1.33, row, f"{null:.0f}", fontsize=6, ha="right", va="center", color="0.35")
        drawn.append(own)
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    figure.supxlabel("cosine of prediction and gene; right: median rank of the gene for controls")
    table = pd.concat(drawn, ignore_index=True)
    columns = ["condition", "rank", "gene", "cosine", "control_rank", "p_control", "in_set_80"]
    renamed = {"cosine": "cosine_au", "control_rank": "null_median", "p_control": "p"}
    return figure, table[[*columns, "is_trained"]].rename(columns=renamed)


@figures.style()
def gene_map(bundle: Bundle, prediction: Prediction) -> tuple[Figure, pd.DataFrame]:
    """Draw where predictions lie among the regulatory embeddings, on two principal components.

    Parameters
    ----------
    bundle : Bundle
    prediction : Prediction

    Returns
    -------
    Figure
    DataFrame
        One row per mark: `name`, `kind` (gene, trained gene, condition, image), `x`, `y` and what
        they are.
    """
    centre = bundle.embeddings.mean(axis=0)
    axes = np.linalg.svd(bundle.embeddings - centre, full_matrices=False)[2][:2]  # (2, R)
    # the sign of a component is arbitrary: its largest entry is positive
    axes *= np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
    genes, units = ((rows - centre) @ axes.T for rows in (bundle.embeddings, prediction.predicted))
    trained = np.isin(bundle.card.genes, bundle.card.train_genes)
    figure = Figure(figsize=(figures.MIDDLE, 3.7), layout="constrained")
    ax = figure.subplots()
    for kind, mask, colour in (
        ("other genes", ~trained, OTHER),
        ("trained genes", trained, TRAINED),
    ):
        ax.scatter(*genes[mask].T, s=10, color=colour, label=kind, linewidth=0)
    names = shown_conditions(prediction)
    is_whole = (prediction.units["image"] == ALL).to_numpy()
    colour_of = dict(zip(names, figures.CLUSTERS[3:] + figures.CLUSTERS[:3], strict=False))
    for name, colour in colour_of.items():
        own = (prediction.units["condition"] == name).to_numpy()
        ax.scatter(*units[own & ~is_whole].T, s=14, color=colour, marker="x", linewidth=0.8)
        ax.scatter(*units[own & is_whole].T, s=70, color=colour, marker="*", edgecolor="black",
                   linewidth=0.5)  # fmt: skip
    ax.set(xlabel="PC 1 of the regulatory embeddings", ylabel="PC 2")
    ax.scatter([], [], s=70, color="white", edgecolor="black", marker="*", label="condition")
    ax.scatter([], [], s=14, color="0.3", marker="x", linewidth=0.8, label="one image")
    figure.legend(loc="outside lower center", ncols=4, handletextpad=0.2)
    shown = is_whole & prediction.units["condition"].isin(names).to_numpy()
    labels = prediction.units.loc[shown, "condition"].tolist()
    name_points(ax, units[shown], labels, [colour_of[name] for name in labels], size=7)
    return figure, _map_table(bundle, prediction, genes, units, trained)


def _map_table(bundle, prediction, genes, units, trained) -> pd.DataFrame:
    whole = prediction.units["image"] == ALL
    names = np.where(whole, prediction.units["condition"], prediction.units["image"])
    return pd.DataFrame(
        {
            "name": [*bundle.card.genes, *names],
            "kind": [
                *np.where(trained, "trained gene", "gene"),
                *np.where(whole, "condition", "image"),
            ],
            "x": [*genes[:, 0], *units[:, 0]],
            "y": [*genes[:, 1], *units[:, 1]],
            "x_is": "pc_1_au",
            "y_is": "pc_2_au",
        }
    )


@figures.style()
def distances(bundle: Bundle, prediction: Prediction) -> tuple[Figure, pd.DataFrame]:
    """Draw the distance of every image from the training images beside that of held-out fields.

    Parameters
    ----------
    bundle : Bundle
    prediction : Prediction

    Returns
    -------
    Figure
    DataFrame
        `name`, `image`, `distance_sd`, `is_outside`; held-out fields first.
    """
    held = "held-out fields"
    images = prediction.units[prediction.units["image"] != ALL]
    table = pd.DataFrame(
        {
            "name": [held] * len(bundle.field_distances) + images["condition"].tolist(),
            "image": [""] * len(bundle.field_distances) + images["image"].tolist(),
            "distance_sd": [*bundle.field_distances, *images["distance_sd"]],
            "is_outside": [False] * len(bundle.field_distances) + images["is_outside"].tolist(),
        }
    )
    names = [held, *shown_conditions(prediction)]
    figure = Figure(figsize=(figures.COLUMN, 0.7 + 0.2 * len(names)), layout="constrained")
    ax = figure.subplots()
    for row, name in enumerate(reversed(names)):
        own = table[table["name"] == name]
        colours = np.where(own["is_outside"], figures.ACCENT, "0.55" if name == held else TRAINED)
        ax.scatter(own["distance_sd"], np.full(len(own), row), s=14, color=colours, alpha=0.7,
                   linewidth=0)  # fmt: skip
    ax.axvline(bundle.field_distances.max(), color=figures.GUIDE, linewidth=0.8, linestyle="--")
    ax.set_yticks(range(len(names)), reversed(names))
    ax.set_xlabel("distance from the training nuclei (SD), one dot per image")
    return figure, table


@figures.style()
def example_nuclei(
    nuclei: Nuclei, conditions: Sequence[str], *, n: int = 8
) -> tuple[Figure, pd.DataFrame]:
    """Draw the nuclei of each condition that lie nearest to its mean, with the regions around them.

    Parameters
    ----------
    nuclei : Nuclei
    conditions : sequence of str
    n : int
        Nuclei per condition.

    Returns
    -------
    Figure
    DataFrame
        The nuclei drawn: `condition`, `image`, `nucleus_id`, `distance_sd` from the training
        nuclei.
    """
    figure = Figure(figsize=(figures.PAGE, 0.2 + 0.46 * len(conditions)), layout="constrained")
    axes = figure.subplots(len(conditions), 1, squeeze=False).ravel()
    drawn = []
    for ax, name in zip(axes, conditions, strict=True):
        own = np.flatnonzero(nuclei.table["condition"] == name)
        far = np.linalg.norm(nuclei.embeddings[own] - nuclei.embeddings[own].mean(axis=0), axis=1)
        chosen = own[np.argsort(far, kind="stable")[:n]]
        _strip(ax, nuclei, chosen, n)
        ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7)
        table = nuclei.table.iloc[chosen]
        drawn.append(table[["condition", "image", "nucleus_id", "distance_sd"]])
    return figure, pd.concat(drawn, ignore_index=True)


def _strip(ax: Axes, nuclei: Nuclei, chosen: np.ndarray, n: int) -> None:
    """Draw nuclei on the left and their regions on the right of one axis."""
    side = nuclei.arrays["regions"].shape[1]
    cut = nuclei.arrays["nuclei"].shape[1]
    canvas = np.full((side, 2 * n * side), 255, np.uint8)
    start = max((side - cut) // 2, 0)
    for i, row in enumerate(chosen):
        nucleus = nuclei.arrays["nuclei"][row]
        trim = max((cut - side) // 2, 0)
        nucleus = nucleus[trim : trim + side, trim : trim + side]
        canvas[start : start + len(nucleus), i * side + start :][:, : len(nucleus)] = nucleus
        canvas[:, (n + i) * side : (n + i + 1) * side] = nuclei.arrays["regions"][row]
    ax.imshow(canvas, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="equal")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


@figures.style()
def coverage(tables: dict[str, pd.DataFrame], n_genes: int) -> tuple[Figure, pd.DataFrame]:
    """Draw how often the sets of candidates hold the true gene, and how large they are.

    Parameters
    ----------
    tables : dict of str to DataFrame
        What is predicted from → `lib.translation.conformal.coverage`.
    n_genes : int
        Genes of the network.

    Returns
    -------
    Figure
    DataFrame
        The tables in one: `kind`, `wanted_share`, `share`, `low`, `high`, `n_set`, `n_targets`.
    """
    figure = Figure(figsize=(figures.COLUMN, 2.3), layout="constrained")
    ax = figure.subplots()
    names = []
    rows = [(kind, row) for kind, table in tables.items() for row in table.itertuples()]
    for place, (kind, row) in enumerate(reversed(rows)):
        ax.plot([row.low, row.high], [place, place], color="0.6", linewidth=2)
        ax.plot(row.coverage, place, "o", color=TRAINED, markersize=5)
        ax.plot([row.level, row.level], [place - 0.35, place + 0.35], color=figures.ACCENT)
        size = f"{row.set_size} genes" if row.is_informative else f"all {n_genes} genes"
        names.append(f"{row.level:.0%}, {kind}\n{size}")
    ax.set_yticks(range(len(rows)), names, fontsize=6.5)
    ax.set(xlabel="share of left-out targets whose gene is in the set", xlim=(0, 1.03))
    every = pd.concat([table.assign(kind=kind) for kind, table in tables.items()])
    renamed = {"coverage": "share", "set_size": "n_set"}
    columns = ["kind", "level", "share", "low", "high", "n_set", "n_targets"]
    return figure, every.rename(columns=renamed)[columns].reset_index(drop=True)
