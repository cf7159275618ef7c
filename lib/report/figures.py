"""One way to draw and one way to save: journal style, three files a figure, the same bytes on every run."""

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from lib.run import store

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
"""Okabe and Ito's eight colours, distinct for colour-blind readers (https://jfly.uni-koeln.de/color/)."""

COLUMN, PAGE = 3.5, 7.2
"""Widths of a journal column and page, in inches."""

STYLE = {
    "font.family": "sans-serif",
    # metric-compatible names follow, for a viewer of the SVG without DejaVu
    "font.sans-serif": ["DejaVu Sans", "Bitstream Vera Sans", "Verdana", "sans-serif"],
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.title_fontsize": 7.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": matplotlib.cycler(color=PALETTE),
    "image.cmap": "viridis",
    "figure.constrained_layout.use": True,
}
_SAVING = {"svg.hashsalt": "compendium", "svg.fonttype": "none", "savefig.bbox": "tight", "savefig.pad_inches": 0.05}
_NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")


@dataclass(frozen=True)
class Saved:
    """A figure found on disk: `slug`, `panel`, its PNG with its size in pixels, and the words stored in it."""

    slug: str
    panel: str
    png: Path
    title: str
    caption: str
    size: tuple[int, int]


def style() -> AbstractContextManager:
    """Draw in the style of the papers inside this block; nothing changes outside it.

    Examples
    --------
    >>> with style():
    ...     figure = Figure(figsize=(COLUMN, 2.5))
    """
    return matplotlib.rc_context(STYLE)


def save(
    figure: Figure, data: pd.DataFrame, slug: str, panel: str, *, figures_dir: Path | str, caption: str, title: str = ""
) -> Path:
    """Write `<slug>__<panel>` as SVG, PNG and the CSV behind the picture, and return the path of the PNG.

    Floats in the CSV carry ten significant digits, which hides the last bits that differ between processors.

    Parameters
    ----------
    figure : Figure
    data : DataFrame
        What the picture shows, one row a mark; the index is written only if it has a name.
    slug, panel : str
        The notebook and the part of it: small letters, digits, single `_` or `-`.
    figures_dir : path
        For example `figures/mini`, relative to the project root.
    caption : str
        What a reader needs beside the picture; a simulated figure says so here. Stored in the SVG and the PNG.
    title : str
        Short name of the figure; by default the panel in words, `fig3c` as "Fig 3C".

    Raises
    ------
    ValueError
        If a name is malformed, the caption is blank or the data have no row.
    """
    _check(data, slug, panel, caption)
    base = store.resolve(figures_dir) / f"{slug}__{panel}"
    words = {"Title": title or _title(panel), "Description": " ".join(caption.split())}
    with store.atomic(base.with_suffix(".csv")) as part:
        data.to_csv(part, index=any(data.index.names), float_format="%.10g", lineterminator="\n")
    with matplotlib.rc_context(_SAVING):
        with store.atomic(base.with_suffix(".svg")) as part:
            figure.savefig(part, metadata=words | {"Date": None, "Creator": None})
        with store.atomic(base.with_suffix(".png")) as part:
            figure.savefig(part, dpi=300, metadata=words | {"Software": None})
    return base.with_suffix(".png")


def saved(figures_dir: Path | str) -> list[Saved]:
    """List the figures of a folder by name, with the title and caption each carries."""
    found = []
    for png in sorted(store.resolve(figures_dir).glob("[!.]*__*.png")):
        slug, panel = png.stem.split("__", 1)
        with Image.open(png) as image:
            words, size = image.info, image.size
        found.append(Saved(slug, panel, png, words.get("Title", png.stem), words.get("Description", ""), size))
    return found


def _title(panel: str) -> str:
    """Return a panel's name in words: `fig2e_go` → "Fig 2E, go", `top_terms` → "Top terms"."""
    words = re.sub(r"[_-]", " ", panel)
    number = re.match(r"fig ?(\d+[a-z]?)\b ?", words)
    if not number:
        return words.capitalize()
    return ", ".join(filter(None, [f"Fig {number[1].upper()}", words[number.end() :]]))


def absent(reason: str) -> tuple[Figure, pd.DataFrame]:
    """Return a picture that says why there is nothing to draw, and a table that says the same."""
    with style():
        figure = Figure(figsize=(COLUMN, 1.2))
        figure.text(0.5, 0.5, reason, ha="center", va="center", color="0.35", wrap=True)
    return figure, pd.DataFrame({"absent": [reason]})


def _check(data: pd.DataFrame, slug: str, panel: str, caption: str) -> None:
    for what, name in {"slug": slug, "panel": panel}.items():
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{what} {name!r}: use small letters and digits joined by single '_' or '-', such as 'fig3c'"
            )
    if not caption.strip():
        raise ValueError(f"{slug}__{panel}: the caption is blank; say what is drawn and whether the data are simulated")
    if data.empty:
        raise ValueError(f"{slug}__{panel}: no data behind the picture; pass the table that was drawn")
