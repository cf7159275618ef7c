"""Figures of enrichment tables: bars of the leading terms, and the dot plot of several clusters."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.report import figures
from lib.stats import order

BAR = "#FF6666"
LOW_TO_HIGH = LinearSegmentedColormap.from_list("red_to_blue", ["#e06663", "#e9e2e4", "#327eba"])
"""Small p red, large p blue, as in enrichplot; it reads in grey only through the printed scale."""

_NAMES = {
    "pval": "raw p value",
    "p_raw": "raw p value",
    "pvalue": "raw p value",
    "p.adjust": "FDR",
    "q_raw": "FDR",
}
_LINE, _GAP = 0.115, 0.5  # height of a line of term text, in inches; space between terms, in lines


_TERM_WIDTH = 46  # characters
# column → heading, place as a share of the width, side on which its text is aligned
_TABLE_COLUMNS = {
    "GO.ID": ("GO id", 0.0, "left"),
    "Term": ("term", 0.14, "left"),
    "Annotated": ("annotated", 0.61, "right"),
    "Significant": ("significant", 0.72, "right"),
    "Expected": ("expected", 0.82, "right"),
    "pval": ("raw p", 0.90, "right"),
    "qval": ("adjusted p", 1.0, "right"),
}


def bars(
    table: pd.DataFrame,
    *,
    title: str,
    subtitle: str = "",
    value: str = "pval",
    n_terms: int = 5,
    threshold: float | None = 0.05,
    wrap: int = 25,
    alphabetical: bool = True,
) -> tuple[Figure, pd.DataFrame]:
    """Draw −log10 p of the first rows of an enrichment table.

    Parameters
    ----------
    table : DataFrame
        A topGO (`GO.ID`, `Term`) or clusterProfiler (`ID`, `Description`) table, best term first.
    title, subtitle : str
        For example the cluster and its genes.
    value : str
        Column of p or q values, numbers or text as printed; `<1e-30` is drawn as 1e-30.
    n_terms : int
        How many rows, from the top.
    threshold : float or None
        Where to draw the dashed line, None for no line.
    wrap : int
        Characters per line of a term.
    alphabetical : bool
        Terms alphabetical from the bottom, as in the papers; otherwise the best on top, for long
        lists.

    Returns
    -------
    Figure
    DataFrame
        The bars: `go_id`, `term`, the value column and `minus_log10_p`, in the order drawn.

    Raises
    ------
    ValueError
        If the table has no column `value`.
    """
    drawn = _leading(table, value, n_terms, alphabetical=alphabetical)
    drawn = (
        drawn if alphabetical else drawn.iloc[::-1].reset_index(drop=True)
    )  # the first bar is the lowest
    with figures.style():
        figure = Figure(figsize=(figures.MIDDLE, 0.9 + _height(drawn, wrap)))
        _bars(figure.add_subplot(), drawn, threshold, wrap)
        figure.axes[0].set_xlabel(_axis_name(value))
        _heading(figure.axes[0], title, subtitle, 60)
    return figure, drawn


def bar_grid(
    tables: Mapping[str, pd.DataFrame],
    *,
    subtitles: Mapping[str, str] | None = None,
    value: str = "pval",
    n_terms: int = 5,
    threshold: float | None = 0.05,
    wrap: int = 30,
    n_columns: int = 2,
    common_axis: bool = True,
    note: str = "",
) -> tuple[Figure, pd.DataFrame]:
    """Draw `bars` of several clusters on one page.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Title of a panel → its enrichment table, in reading order.
    subtitles : mapping of str to str, optional
        Title of a panel → a line below it, such as the genes of the cluster.
    value, n_terms, threshold, wrap
        As for `bars`.
    n_columns : int
        Panels side by side.
    common_axis : bool
        One scale for all panels; otherwise each its own, as in the papers.
    note : str
        Words after the name of the axis.

    Returns
    -------
    Figure
    DataFrame
        As from `bars`, with the title in a first column `panel`.

    Raises
    ------
    ValueError
        If there is no table, or one has no column `value`.
    """
    if not tables:
        raise ValueError("bar_grid: no tables to draw")
    drawn = {
        title: _leading(table, value, n_terms, alphabetical=True) for title, table in tables.items()
    }
    grid = [list(drawn)[start : start + n_columns] for start in range(0, len(drawn), n_columns)]
    heights = [max(_height(drawn[title], wrap) for title in row) for row in grid]
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, sum(heights) + 0.6 * len(grid) + 0.3))
        axes = figure.subplots(len(grid), n_columns, height_ratios=heights, squeeze=False)
        # 0 leaves each panel its own scale
        longest = (
            max((table["minus_log10_p"].max() for table in drawn.values() if len(table)), default=0)
            * common_axis
        )
        for ax, title in zip(axes.flat, drawn, strict=False):
            _bars(ax, drawn[title], threshold, wrap, longest)
            _heading(ax, title, (subtitles or {}).get(title, ""), 34)
        # the last row may be short
        for ax in axes.flat[len(drawn) :]:
            ax.remove()
        figure.supxlabel(_axis_name(value) + note)
    return figure, pd.concat(drawn, names=["panel"]).reset_index(level="panel").reset_index(
        drop=True
    )


def table_figure(
    table: pd.DataFrame, *, n_terms: int = 20, title: str = ""
) -> tuple[Figure, pd.DataFrame]:
    """Draw the first rows of a topGO table as a table.

    Parameters
    ----------
    table : DataFrame
        From `lib.go.enrich`; its counts are those before weight01 removes genes.
    n_terms : int
        How many rows, from the top.
    title : str
        Heading of the figure.

    Returns
    -------
    Figure
    DataFrame
        The rows drawn.
    """
    drawn = table.head(n_terms).reset_index(drop=True)
    cells = drawn.assign(
        Term=[textwrap.fill(term, _TERM_WIDTH) for term in drawn["Term"]],
        Expected=drawn["Expected"].map("{:.2f}".format),
        qval=drawn["qval"].map("{:.2g}".format),
    )
    tops = np.cumsum(
        [0, *(0.55 + 0.75 * _lines(term, _TERM_WIDTH) for term in drawn["Term"])]
    )  # (rows + 1,), in lines
    with figures.style():
        figure = Figure(figsize=(figures.PAGE, 0.75 + 0.17 * tops[-1]))
        ax = figure.add_subplot()
        ax.set(xlim=(0, 1), ylim=(tops[-1], -1.4))
        ax.axis("off")
        ax.set_title(title, loc="left")
        ax.hlines([-0.2, tops[-1]], 0, 1, color="black", linewidth=0.8)
        ax.hlines(tops[1:-1], 0, 1, color="0.9", linewidth=0.5)
        for name, (heading, x, side) in _TABLE_COLUMNS.items():
            ax.text(x, -0.5, heading, ha=side, va="bottom", fontweight="bold")
            for middle, cell in zip((tops[1:] + tops[:-1]) / 2, cells[name], strict=True):
                ax.text(x, middle, cell, ha=side, va="center", linespacing=1.05)
    return figure, drawn


def dot_plot(
    table: pd.DataFrame,
    *,
    n_terms: int = 3,
    threshold: float = 0.05,
    wrap: int = 60,
    title: str = "",
) -> tuple[Figure, pd.DataFrame]:
    """Draw the leading terms of every cluster as dots, size = gene ratio and colour = adjusted p.

    A term that leads one cluster is drawn in every cluster in which it is significant.

    Parameters
    ----------
    table : DataFrame
        A compareCluster table; rows with `p.adjust` above `threshold` are not drawn.
    n_terms : int
        Terms with the smallest p taken from each cluster.
    threshold : float
        Largest adjusted p, and largest raw p.
    wrap : int
        Characters per line of a term.
    title : str
        Heading of the figure.

    Returns
    -------
    Figure
    DataFrame
        The dots, with the numbers `gene_ratio`, `column` (cluster) and `row` (term, 0 = bottom); a
        single `note` where no term is significant.
    """
    dots = dot_table(table, n_terms=n_terms, threshold=threshold)
    with figures.style():
        if dots.empty:
            figure = Figure(figsize=(figures.MIDDLE, 1.2))
            _nothing(figure.add_subplot(), f"no term with adjusted p ≤ {threshold:g}")
        else:
            figure = _dots(dots, wrap)
        figure.axes[0].set_title(title)
    dots = dots.rename(columns={"x": "column", "y": "row"})
    return figure, dots if len(dots) else pd.DataFrame(
        [{"note": f"no term with adjusted p <= {threshold:g}"}]
    )


def dot_table(table: pd.DataFrame, *, n_terms: int = 3, threshold: float = 0.05) -> pd.DataFrame:
    """Choose the rows that `dot_plot` draws, as enrichplot does.

    Parameters
    ----------
    table : DataFrame
        A compareCluster table.
    n_terms : int
        Terms with the smallest p taken from each cluster.
    threshold : float
        Largest adjusted p, and largest raw p.

    Returns
    -------
    DataFrame
        Rows of `table` with `label` (cluster and number of annotated genes), `gene_ratio` (hits /
        genes), `x` (cluster, from 0) and `y` (term, 0 = bottom).
    """
    significant = table[(order.rounded(table[["p.adjust", "pvalue"]]) <= threshold).all(axis=1)]
    leading = (
        order.sort_table(significant, "pvalue", ties="ID")
        .groupby("Cluster", sort=False, observed=True)
        .head(n_terms)
    )
    # a term that leads one cluster shows wherever it is significant
    dots = significant[significant["ID"].isin(leading["ID"])].copy()
    hits, sizes = (  # (rows,) each, of k/n
        dots["GeneRatio"]
        .str.split("/", expand=True)
        .reindex(columns=[0, 1])
        .astype(float)
        .T.to_numpy()
    )
    dots["label"] = [
        f"{cluster}\n({size:.0f})" for cluster, size in zip(dots["Cluster"], sizes, strict=True)
    ]
    dots["gene_ratio"] = hits / sizes
    dots["x"] = pd.factorize(dots["label"])[0]  # columns in the order of clusters
    terms = pd.factorize(dots["ID"])[0]  # rows in the order of first appearance
    return dots.assign(y=terms.max(initial=0) - terms)  # first term on top


def _leading(table: pd.DataFrame, value: str, n_terms: int, *, alphabetical: bool) -> pd.DataFrame:
    """Return the first rows as `go_id`, `term`, value and `minus_log10_p`."""
    names = {"GO.ID": "go_id", "ID": "go_id", "Term": "term", "Description": "term"}
    if value not in table:
        raise ValueError(
            f"no column {value!r} to draw; the table has {', '.join(map(str, table.columns))}"
        )
    drawn = table.head(n_terms).rename(columns=names)[["go_id", "term", value]]
    numbers = drawn[value].astype(str).str.replace(r"^<\s*", "", regex=True).astype(float)
    drawn["minus_log10_p"] = -np.log10(numbers.clip(lower=1e-300)) + 0.0  # + 0.0 turns −0 into 0
    if alphabetical:
        drawn = drawn.sort_values("term", key=lambda terms: terms.str.casefold())
    return drawn.reset_index(drop=True)


def _bars(
    ax: Axes, drawn: pd.DataFrame, threshold: float | None, wrap: int, longest: float = 0
) -> None:
    """Lie bars down, alphabetical from the bottom; a taller slot for a term of more lines."""
    if drawn.empty:
        return _nothing(ax, "no term to test")
    slots = np.array([_lines(term, wrap) for term in drawn["term"]]) + _GAP  # (terms,)
    centres = np.cumsum(slots) - slots / 2  # (terms,), in lines of text
    ax.barh(centres, drawn["minus_log10_p"], height=1.1, color=BAR)
    ax.set_yticks(centres, [textwrap.fill(term, wrap) for term in drawn["term"]], linespacing=1.05)
    ax.set_ylim(0, slots.sum())
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="0.9", linewidth=0.5)
    limit = -np.log10(threshold) if threshold else 0  # the line is always in sight
    ax.set_xlim(0, 1.08 * max(longest, drawn["minus_log10_p"].max(), limit) or 1)
    if threshold:
        ax.axvline(limit, color="black", linestyle="--", linewidth=0.8)


def _dots(dots: pd.DataFrame, wrap: int) -> Figure:
    labels = dots.drop_duplicates("x").sort_values("x")["label"]
    terms = [
        textwrap.fill(term, wrap)
        for term in dots.drop_duplicates("y").sort_values("y")["Description"]
    ]
    figure = Figure(figsize=(figures.PAGE, 0.8 + max(0.22 * len(terms), 2)))
    ax, keys = figure.subplots(1, 2, width_ratios=[4 + 0.5 * len(labels), 1])
    # the scale begins at the best possible p
    colours = Normalize(0, dots["p.adjust"].max())
    areas = _areas(dots["gene_ratio"], dots["gene_ratio"])
    ax.scatter(
        dots["x"],
        dots["y"],
        areas,
        dots["p.adjust"],
        cmap=LOW_TO_HIGH,
        norm=colours,
        ec="0.25",
        lw=0.4,
    )
    ax.set_xticks(range(len(labels)), labels)
    ax.set_yticks(range(len(terms)), terms, linespacing=1.05)
    ax.set_xlim(-0.6, len(labels) - 0.4)
    ax.set_ylim(-0.7, len(terms) - 0.3)
    ax.set_xlabel("Cluster (number of annotated genes)")
    ax.grid(color="0.9", linewidth=0.5)
    ax.spines[["top", "right"]].set_visible(True)
    keys.set_axis_off()
    _size_key(keys, dots["gene_ratio"])
    _colour_key(figure, keys, ScalarMappable(colours, LOW_TO_HIGH))
    return figure


def _areas(
    ratios: pd.Series | np.ndarray, among: pd.Series, low: float = 25, high: float = 160
) -> np.ndarray:
    """Return areas in square points, linear between the smallest and largest gene ratio drawn."""
    return np.interp(ratios, [among.min(), max(among.max(), among.min() + 1e-9)], [low, high])


def _size_key(ax: Axes, ratios: pd.Series) -> None:
    """Explain the sizes with a few round ratios, or with the only one there is."""
    steps = MaxNLocator(4).tick_values(ratios.min(), ratios.max())
    steps = (
        steps[(steps >= ratios.min()) & (steps <= ratios.max())]
        if ratios.nunique() > 1
        else ratios.unique()
    )
    handles = [
        ax.scatter([], [], s=_areas(step, ratios), color="0.45", label=f"{step:.3g}")
        for step in steps
    ]
    ax.legend(
        handles=handles,
        title="Gene ratio",
        loc="upper left",
        bbox_to_anchor=(0, 1),
        labelspacing=1.1,
        handletextpad=0.8,
        alignment="left",
        borderaxespad=0,
    )


def _colour_key(figure: Figure, ax: Axes, colours: ScalarMappable) -> None:
    """Explain the colours, small p on top."""
    bar = figure.colorbar(colours, cax=ax.inset_axes([0.05, 0.02, 0.18, 0.34]))
    bar.ax.set_title("adjusted p", fontsize=7, fontweight="normal", loc="left")
    bar.ax.invert_yaxis()
    bar.outline.set_linewidth(0.4)


def _nothing(ax: Axes, message: str) -> None:
    """Say in the middle of an empty panel why it is empty."""
    ax.text(
        0.5,
        0.5,
        message,
        ha="center",
        va="center",
        color="0.35",
        style="italic",
        transform=ax.transAxes,
    )
    ax.set_axis_off()


def _axis_name(value: str) -> str:
    return f"−log₁₀({_NAMES.get(value, 'FDR' if value.startswith('q') else value)})"


def _lines(term: str, wrap: int) -> int:
    return max(1, len(textwrap.wrap(term, wrap)))


def _height(drawn: pd.DataFrame, wrap: int) -> float:
    """Return the height that a panel of bars needs, in inches."""
    return max(0.6, _LINE * sum(_lines(term, wrap) + _GAP for term in drawn["term"]))


def _heading(ax: Axes, title: str, subtitle: str, width: int) -> None:
    """Put a bold title over a plain subtitle, both from the left edge of the axes."""
    below = textwrap.fill(subtitle, width)
    at = {"xycoords": "axes fraction", "textcoords": "offset points"}
    # the title above it reserves the height; its width must not squeeze the axes
    ax.annotate(below, (0, 1), (0, 4), **at, fontsize=7, va="bottom").set_in_layout(False)
    ax.set_title(title, loc="left", pad=5 + (3 + 9 * (below.count("\n") + 1) if below else 0))
