"""Pictures of signatures, training and generation. Each function returns the figure and every drawn
mark.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.cluster import hierarchy

from lib.lincs.codes import PREFIX
from lib.report import figures

DIVERGING = "RdBu_r"
REAL, MADE = "#D55E00", "#0072B2"  # real and simulated signatures, red and blue in the paper
WORDS = {"BILE", "ACID", "CELL", "WALL", "TYPE", "BETA", "RICH"}  # short, but no abbreviations
SMALL_SHARE = 0.05  # classes below it are merged in the pie


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
        pd.DataFrame(values[:, :2], columns=["pc1", "pc2"]).assign(set=name)
        for name, values in scores.items()
    ]
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 3.0))
        ax = figure.add_subplot()
        for (name, values), colour in zip(scores.items(), colours, strict=False):
            ax.scatter(
                *values[:, :2].T,
                s=size,
                color=colour,
                alpha=0.6,
                linewidth=0,
                label=f"{name} (n = {len(values)})",
            )
        ax.set_xlabel(f"PC1 ({shares[0]:.0%} of variance)")
        ax.set_ylabel(f"PC2 ({shares[1]:.0%})")
        ax.legend(markerscale=2, loc="best")
    return figure, pd.concat(parts, ignore_index=True)


def densities(
    scores: Mapping[str, np.ndarray], shares: np.ndarray, *, bins: int = 30
) -> tuple[Figure, pd.DataFrame]:
    """Draw the joint density of two principal components, one panel per set, on common axes, with
    marginals.
    """
    stacked = np.vstack([values[:, :2] for values in scores.values()])
    edges = [
        np.linspace(low, high, bins + 1)
        for low, high in np.quantile(stacked, [0.001, 0.999], axis=0).T
    ]
    rows = []
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 3.2))
        for part, (name, values), colour in zip(
            figure.subfigures(1, len(scores)), scores.items(), (REAL, MADE), strict=False
        ):
            counts, _, _ = np.histogram2d(*values[:, :2].T, bins=edges, density=True)
            _joint(
                part,
                counts,
                edges,
                values,
                name=f"{name} (n = {len(values)})",
                colour=colour,
                shares=shares,
            )
            centres = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
            grid = pd.MultiIndex.from_product(centres, names=["pc1", "pc2"]).to_frame(index=False)
            rows.append(grid.assign(density=counts.ravel(), set=name))
    return figure, pd.concat(rows, ignore_index=True)


def losses(
    history: pd.DataFrame, baselines: Mapping[str, float], *, column: str = "mse"
) -> tuple[Figure, pd.DataFrame]:
    """Draw the error per epoch in training and validation, and of trivial reconstructions as lines."""
    curves = {"training": history[f"train_{column}"], "validation": history[f"val_{column}"]}
    rows = [
        pd.DataFrame({"epoch": history["epoch"], "value": curve, "line": name})
        for name, curve in curves.items()
    ]
    rows.append(pd.DataFrame({"line": list(baselines), "value": list(baselines.values())}))
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 2.6))
        ax = figure.add_subplot()
        for name, curve in curves.items():
            ax.plot(history["epoch"], curve, label=name)
        for (name, value), colour in zip(baselines.items(), figures.PALETTE[3:], strict=False):
            ax.axhline(value, color=colour, linestyle="--", linewidth=0.8, label=name)
        ax.set_xlabel("epoch")
        ax.set_ylabel("mean squared error (z²)")
        ax.set_ylim(
            bottom=min(
                0.95 * min(c.min() for c in curves.values()),
                0.95 * min(baselines.values(), default=9),
            )
        )
        ax.legend(ncols=1)
    return figure, pd.concat(rows, ignore_index=True)


def latent_heat(mu: np.ndarray, live: Sequence[int]) -> tuple[Figure, pd.DataFrame]:
    """Draw the means of the latent of some signatures (rows) over all dimensions (columns); live
    ones are named.
    """
    bound = float(np.abs(mu).max())
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 3.0))
        ax = figure.add_subplot()
        image = ax.imshow(
            mu, aspect="auto", cmap=DIVERGING, vmin=-bound, vmax=bound, interpolation="nearest"
        )
        ax.set_xticks(list(live), [str(node) for node in live], rotation=90, fontsize=6)
        ax.set_xlabel(f"latent dimension (live ones named, {len(live)} of {mu.shape[1]})")
        ax.set_ylabel(f"signatures (n = {len(mu)})")
        figure.colorbar(image, ax=ax, label="mean μ")
    rows, nodes = np.indices(mu.shape)
    return figure, pd.DataFrame(
        {"signature": rows.ravel(), "node": nodes.ravel(), "mu": mu.ravel()}
    )


def class_heat(means: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the mean of the latent of each class over the signature nodes, both clustered (average,
    Euclidean).
    """
    rows, columns = (_leaves(values) for values in (means.to_numpy(), means.to_numpy().T))
    shown = means.iloc[rows, columns]
    bound = float(np.abs(shown.to_numpy()).max())
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 0.6 + 0.2 * len(shown)))
        ax = figure.add_subplot()
        image = ax.imshow(shown, aspect="auto", cmap=DIVERGING, vmin=-bound, vmax=bound)
        for (row, column), value in np.ndenumerate(shown.to_numpy()):
            dark = abs(value) > 0.6 * bound
            ax.text(
                column,
                row,
                f"{value:.1f}",
                ha="center",
                va="center",
                fontsize=6,
                color="white" if dark else "black",
            )
        ax.set_xticks(range(shown.shape[1]), shown.columns)
        ax.set_yticks(range(len(shown)), [short(name) for name in shown.index])
        ax.set_xlabel("signature node")
        figure.colorbar(image, ax=ax, label="mean μ of the class")
    return figure, shown.rename_axis("pcl").reset_index().melt(
        "pcl", var_name="node", value_name="mu"
    )


def gains(hits: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the share of made signatures whose nearest real one is of the wanted class, by the gain
    of the pattern.
    """
    order = hits.groupby("pcl")["hits"].mean().sort_values(kind="stable").index
    table = hits.pivot(index="pcl", columns="gain", values="hits").loc[order]
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN + 1, 0.8 + 0.18 * len(table)))
        ax = figure.add_subplot()
        for gain, colour in zip(table.columns, figures.PALETTE, strict=False):
            ax.scatter(
                table[gain],
                range(len(table)),
                color=colour,
                s=18,
                label=f"gain {gain:g}",
                alpha=0.8,
            )
        expected = hits.drop_duplicates("pcl").set_index("pcl").loc[order, "expected"]
        ax.plot(
            expected,
            range(len(table)),
            color="0.4",
            marker="|",
            linestyle="none",
            label="by chance",
        )
        ax.set_yticks(range(len(table)), [short(name) for name in table.index])
        ax.set_xlabel("share of samples nearest to the class")
        ax.set_xlim(-0.03, 1.03)
        figure.legend(loc="outside upper center", ncols=4)
    return figure, hits


def pattern(
    values: Mapping[int, float], counts: pd.DataFrame, *, pcl: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the pattern of a class over its nodes, and of which classes the nearest real signatures
    are.
    """
    shares = counts.groupby("pcl")["n"].sum() / counts["n"].sum()
    large = shares[(shares >= SMALL_SHARE) | (shares.index == pcl)].sort_values(
        ascending=False, kind="stable"
    )
    parts = {short(name): share for name, share in large.items()} | {"other": 1 - large.sum()}
    parts = {name: share for name, share in parts.items() if share > 1e-9}
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.8))
        heat, pie = figure.subplots(1, 2, width_ratios=[1.3, 1])
        row = np.array([list(values.values())])
        image = heat.imshow(row, cmap=DIVERGING, vmin=-4, vmax=4)
        heat.set_xticks(range(row.shape[1]), list(values))
        heat.set_yticks([])
        heat.set_xlabel("signature node")
        heat.set_title(f"Pattern: {short(pcl)}")
        figure.colorbar(image, ax=heat, orientation="horizontal", label="fixed value", shrink=0.6)
        explode = [0.1 if name == short(pcl) else 0 for name in parts]
        pie.pie(list(parts.values()), labels=list(parts), explode=explode, autopct="%.0f %%", colors=figures.PALETTE,
                textprops={"fontsize": 7})  # fmt: skip
        pie.set_title(f"Nearest real signatures (n = {counts['n'].sum()})")
    first = pd.DataFrame(
        {"part": "pattern", "name": [str(node) for node in values], "value": list(values.values())}
    )
    return figure, pd.concat(
        [
            first,
            pd.DataFrame({"part": "nearest", "name": list(parts), "value": list(parts.values())}),
        ]
    )


def path_heat(
    signatures: np.ndarray, labels: Sequence[str], genes: Sequence[str], *, n: int = 40, what: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the genes that change most along a path through the latent, ordered by how they change."""
    change = signatures[-1] - signatures[0]
    chosen = np.argsort(-np.abs(change).round(6), kind="stable")[:n]
    chosen = chosen[np.argsort(change[chosen].round(6), kind="stable")]
    shown = signatures[:, chosen]
    bound = float(np.abs(shown).max())
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.6))
        ax = figure.add_subplot()
        image = ax.imshow(shown, aspect="auto", cmap=DIVERGING, vmin=-bound, vmax=bound)
        ax.set_xticks(range(len(chosen)), [genes[i] for i in chosen], rotation=90, fontsize=6)
        ax.set_yticks(range(len(labels)), labels)
        ax.set_ylabel(what)
        figure.colorbar(image, ax=ax, label="z-score")
    table = pd.DataFrame(shown, columns=[genes[i] for i in chosen]).assign(step=list(labels))
    return figure, table.melt("step", var_name="gene", value_name="z")


def by_gene(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw mean and SD of each gene in real signatures against made ones."""
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.8))
        for ax, what in zip(figure.subplots(1, 2), ("mean", "sd"), strict=True):
            x, y = table[f"real_{what}"], table[f"made_{what}"]
            ax.scatter(x, y, s=5, linewidth=0, color=figures.PALETTE[0], alpha=0.6)
            ends = [min(x.min(), y.min()), max(x.max(), y.max())]
            ax.plot(ends, ends, color="0.5", linewidth=0.8)
            ax.set_xlabel(f"real, {what} of z")
            ax.set_ylabel(f"made, {what} of z")
    return figure, table


def _joint(
    part,
    counts: np.ndarray,
    edges: list,
    values: np.ndarray,
    *,
    name: str,
    colour: str,
    shares: np.ndarray,
):
    """Draw one joint density with its two marginals."""
    axes = part.subplots(
        2, 2, width_ratios=[4, 1], height_ratios=[1, 4], sharex="col", sharey="row"
    )
    top, corner, ax, side = axes.ravel()
    corner.set_axis_off()
    ax.pcolormesh(*edges, np.log1p(counts.T * 1e3), cmap="magma_r")
    top.hist(values[:, 0], bins=edges[0], color=colour)
    side.hist(values[:, 1], bins=edges[1], color=colour, orientation="horizontal")
    for margin in (top, side):
        margin.set_axis_off()
    ax.set_xlabel(f"PC1 ({shares[0]:.0%})")
    ax.set_ylabel(f"PC2 ({shares[1]:.0%})")
    top.set_title(name)


def _leaves(values: np.ndarray) -> np.ndarray:
    """Return the order of rows along the dendrogram of average linkage."""
    if len(values) < 3:
        return np.arange(len(values))
    return hierarchy.leaves_list(hierarchy.linkage(values.round(6), "average"))
