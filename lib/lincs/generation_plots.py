"""Pictures of the signatures that the VAE makes. Each function returns the figure and every drawn
mark.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from scipy.cluster import hierarchy

from lib.lincs.plots import LATENT, MADE, REAL, short
from lib.report import figures

SMALL_SHARE = 0.05  # classes below it are merged


def densities(
    scores: Mapping[str, np.ndarray], shares: np.ndarray, *, bins: int = 20
) -> tuple[Figure, pd.DataFrame]:
    """Draw the joint density of two principal components, one panel per set, on common axes and
    one scale of colours, with marginals.
    """
    stacked = np.vstack([values[:, :2] for values in scores.values()])
    edges = [
        np.linspace(low, high, bins + 1)
        for low, high in np.quantile(stacked, [0.001, 0.999], axis=0).T
    ]
    found = {
        name: np.histogram2d(*values[:, :2].T, bins=edges, density=True)[0]
        for name, values in scores.items()
    }
    norm = PowerNorm(0.5, 0, max(density.max() for density in found.values()))
    grid = pd.MultiIndex.from_product(
        [(edge[1:] + edge[:-1]) / 2 for edge in edges], names=["pc1_z", "pc2_z"]
    ).to_frame(index=False)
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 3.0))
        axes = figure.subplots(
            2,
            2 * len(found),
            sharex="col",
            sharey="row",
            width_ratios=[4, 1] * len(found),
            height_ratios=[1, 4],
        )
        for i, (name, colour) in enumerate(zip(found, (REAL, MADE), strict=False)):
            mine = axes[:, 2 * i : 2 * i + 2].ravel()
            image = _joint(mine, found[name], edges, scores[name], colour=colour, norm=norm)
            mine[0].set_title(f"{name} (n = {len(scores[name])})")
            mine[2].set_xlabel(f"PC1 ({shares[0]:.0%} of variance)")
        axes[1, 0].set_ylabel(f"PC2 ({shares[1]:.0%})")
        figure.colorbar(image, ax=axes, label="density (per z²)", shrink=0.8)
    rows = [grid.assign(density_per_z2=found[name].ravel(), set=name) for name in found]
    return figure, pd.concat(rows, ignore_index=True)


def class_heat(means: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the mean of the latent of each class over the signature nodes, both clustered (average,
    Euclidean).

    Parameters
    ----------
    means : DataFrame
        From `generation.class_means`.
    """
    rows, columns = (_leaves(values) for values in (means.to_numpy(), means.to_numpy().T))
    shown = means.iloc[rows, columns]
    bound = float(np.abs(shown.to_numpy()).max())
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 0.6 + 0.2 * len(shown)))
        ax = figure.add_subplot()
        image = ax.imshow(shown, aspect="auto", cmap=figures.DIVERGING, vmin=-bound, vmax=bound)
        for (row, column), value in np.ndenumerate(shown.to_numpy()):
            _number(ax, column, row, value, bound=bound)
        ax.set_xticks(range(shown.shape[1]), shown.columns)
        ax.set_yticks(range(len(shown)), [short(name) for name in shown.index])
        ax.set_xlabel("signature node")
        figure.colorbar(image, ax=ax, label="mean μ (SD of the prior)")
    return figure, shown.rename_axis("pcl").reset_index().melt(
        "pcl", var_name="node", value_name=LATENT
    )


def gains(hits: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the share of made signatures whose nearest real one is of the wanted class, by the gain
    of the pattern.

    Parameters
    ----------
    hits : DataFrame
        `pcl`, `gain`, `hits`, `expected`, from `generation.hit_rates`.
    """
    order = hits.groupby("pcl")["hits"].mean().sort_values(kind="stable").index
    table = hits.pivot(index="pcl", columns="gain", values="hits").loc[order]
    at = np.arange(len(table))
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 0.8 + 0.23 * len(table)))
        ax = figure.add_subplot()
        for i, (gain, colour) in enumerate(zip(table.columns, figures.PALETTE, strict=False)):
            shift = 0.22 * (i - (table.shape[1] - 1) / 2)  # equal shares side by side
            ax.scatter(table[gain], at + shift, color=colour, s=9, label=f"gain {gain:g}")
        expected = hits.drop_duplicates("pcl").set_index("pcl").loc[order, "expected"]
        ax.plot(expected, at, color="0.4", marker="|", linestyle="none", label="by chance")
        ax.set_yticks(at, [short(name) for name in table.index])
        ax.set_xlabel("share of samples nearest to the class")
        ax.set_xlim(-0.03, 1.03)
        figure.legend(loc="outside upper center", ncols=4)
    return figure, hits.rename(columns={"hits": "share", "expected": "chance"})


def pattern(
    values: Mapping[int, float], counts: pd.DataFrame, *, pcl: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the pattern of a class over its nodes, and of which classes the nearest real signatures
    are.
    """
    shares = counts.groupby("pcl", observed=True)["n"].sum() / counts["n"].sum()
    large = shares[(shares >= SMALL_SHARE) | (shares.index == pcl)].sort_values(
        ascending=False, kind="stable"
    )
    parts = {short(name): share for name, share in large.items()} | {"other": 1 - large.sum()}
    parts = {name: share for name, share in parts.items() if share > 1e-9}
    bound = max(abs(value) for value in values.values())
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 1.7))
        heat, bars = figure.subplots(1, 2, width_ratios=[1.6, 1])
        row = np.array([list(values.values())])
        image = heat.imshow(row, cmap=figures.DIVERGING, vmin=-bound, vmax=bound)
        for at, value in enumerate(values.values()):
            _number(heat, at, 0, value, bound=bound)
        heat.set_xticks(range(row.shape[1]), list(values))
        heat.set_yticks([])
        heat.set_xlabel("signature node")
        heat.set_title(f"Pattern: {short(pcl)}")
        figure.colorbar(
            image, ax=heat, orientation="horizontal", shrink=0.6, label="value (SD of the prior)"
        )
        colours = [figures.PALETTE[0] if name == short(pcl) else "0.7" for name in parts]
        bars.barh(list(parts), list(parts.values()), color=colours, height=0.6)
        bars.set_xlim(0, 1)
        bars.set_ylim(max(len(parts), 3) - 0.5, -0.5)
        bars.set_xlabel("share of the samples")
        bars.set_title(f"Nearest real signatures (n = {counts['n'].sum()})")
    drawn = [
        pd.DataFrame({"part": "pattern", "name": list(values), LATENT: list(values.values())}),
        pd.DataFrame({"part": "nearest", "name": list(parts), "share": list(parts.values())}),
    ]
    return figure, pd.concat(drawn, ignore_index=True)


def path_heat(
    signatures: np.ndarray, labels: Sequence[str], genes: Sequence[str], *, n: int = 40, what: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the genes that change most along a path through the latent, in the order of change.

    Parameters
    ----------
    signatures : (steps, G) array
    labels : (steps,) sequence of str
    genes : (G,) sequence of str
    n : int
        Genes that are drawn.
    what : str
        Of the axis of steps.
    """
    change = signatures[-1] - signatures[0]
    chosen = np.argsort(-np.abs(change).round(6), kind="stable")[:n]
    chosen = chosen[np.argsort(change[chosen].round(6), kind="stable")]
    shown = signatures[:, chosen]
    bound = float(np.abs(shown).max())
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.6))
        ax = figure.add_subplot()
        image = ax.imshow(shown, aspect="auto", cmap=figures.DIVERGING, vmin=-bound, vmax=bound)
        ax.set_xticks(range(len(chosen)), [genes[i] for i in chosen], rotation=90, fontsize=6)
        ax.set_yticks(range(len(labels)), labels)
        ax.set_ylabel(what)
        figure.colorbar(image, ax=ax, label="z-score")
    table = pd.DataFrame(shown, columns=[genes[i] for i in chosen]).assign(step=list(labels))
    return figure, table.melt("step", var_name="gene", value_name="z_score")


def by_gene(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw mean and SD of each gene in real signatures against made ones.

    Parameters
    ----------
    table : DataFrame
        From `distributions.by_gene`.
    """
    names = {"mean": "mean", "sd": "SD"}
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 2.8))
        for ax, what in zip(figure.subplots(1, 2), names, strict=True):
            x, y = table[f"real_{what}"], table[f"made_{what}"]
            ax.scatter(x, y, s=5, linewidth=0, color=figures.PALETTE[0], alpha=0.6)
            ends = [min(x.min(), y.min()), max(x.max(), y.max())]
            ax.plot(ends, ends, color="0.5", linewidth=0.8)
            ax.set_xlabel(f"real, {names[what]} of z")
            ax.set_ylabel(f"made, {names[what]} of z")
    moments = [f"{kind}_{what}" for kind in ("real", "made") for what in names]
    return figure, table.rename(columns={name: f"{name}_z" for name in moments})


def _joint(axes, density: np.ndarray, edges: list, values: np.ndarray, *, colour: str, norm):
    """Draw one joint density (third of four axes) with its two marginals; return the image."""
    top, corner, ax, side = axes
    image = ax.pcolormesh(
        *edges, np.where(density > 0, density, np.nan).T, cmap="viridis_r", norm=norm
    )
    top.hist(values[:, 0], bins=edges[0], color=colour)
    side.hist(values[:, 1], bins=edges[1], color=colour, orientation="horizontal")
    for margin in (top, corner, side):
        margin.set_axis_off()
    return image


def _number(ax, x: float, y: float, value: float, *, bound: float) -> None:
    """Write a number into a field of a heat map of −bound … bound."""
    ax.text(
        x,
        y,
        f"{round(value, 1) + 0.0:.1f}".replace("-", "−"),
        ha="center",
        va="center",
        fontsize=figures.LEAST,
        color="white" if abs(value) > 0.6 * bound else "black",
    )


def _leaves(values: np.ndarray) -> np.ndarray:
    """Return the order of rows along the dendrogram of average linkage."""
    if len(values) < 3:
        return np.arange(len(values))
    return hierarchy.leaves_list(hierarchy.linkage(values.round(6), "average"))
