"""Figures: one call shows and saves them, as wide as a journal prints, with their origin.

Saved twice, a figure has the same bytes.
"""

import base64
import html
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from lib.data.origin import Origin
from lib.report.style import (
    ACCENT,
    CLUSTERS,
    COLUMN,
    DIVERGING,
    DOWN,
    FLAT,
    GUIDE,
    LEAST,
    MIDDLE,
    MM,
    NO_CLUSTER,
    PAGE,
    PALETTE,
    STYLE,
    UP,
    cluster_colours,
    on,
    plain_numbers,
    style,
)
from lib.run import store

__all__ = [
    "ACCENT",
    "CLUSTERS",
    "COLUMN",
    "DIVERGING",
    "DOWN",
    "FLAT",
    "GUIDE",
    "LEAST",
    "MIDDLE",
    "MM",
    "NO_CLUSTER",
    "PAGE",
    "PALETTE",
    "STYLE",
    "UP",
    "Saved",
    "Shown",
    "absent",
    "cluster_colours",
    "on",
    "plain_numbers",
    "saved",
    "show",
    "style",
]

WIDTHS = {89: COLUMN, 120: MIDDLE, 183: PAGE}
"""Width in millimetres → in inches; a picture has one of them."""

# no clock and no random id in a file: the same figure has the same bytes
_SAVING = {
    "svg.hashsalt": "compendium",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "pdf.compression": 6,
    "savefig.bbox": None,
    "figure.constrained_layout.use": False,
}
_MARGIN, _LINE = (
    0.6 * MM,
    3.2 * MM,
)  # above and below what is drawn; height of the line that says the origin
_DPI = 300
_ZOOM = 4.9  # screen pixels per printed millimetre in a notebook, a little larger than in print
# lower case only: some file systems do not tell capitals apart
_NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")


@dataclass(frozen=True)
class Shown:
    """A figure and its words, as a notebook shows them when it is the last line of a cell.

    Parameters
    ----------
    png : Path
        The picture.
    title : str
        Short name of the figure.
    said : str
        What came out, in one sentence.
    caption : str
        What is drawn.
    origin : Origin
        Where the data come from.
    width : int
        In print, in millimetres: 89, 120 or 183.
    """

    png: Path
    title: str
    said: str
    caption: str
    origin: Origin
    width: int = field(default=89)  # in print, in millimetres

    @property
    def description(self) -> str:
        """What stands under the picture: what came out, what is drawn, where the data come from."""
        return " ".join([self.said, self.caption, self.origin.words])

    def _repr_html_(self) -> str:
        picture = base64.b64encode(self.png.read_bytes()).decode("ascii")
        title, said, caption, words = map(
            html.escape, (self.title, self.said, self.caption, self.origin.words)
        )
        return (
            f'<figure style="margin: 0; max-width: {round(183 * _ZOOM)}px">'
            f'<img alt="{title}" width="{round(self.width * _ZOOM)}" '
            f'src="data:image/png;base64,{picture}">'
            f"<figcaption><b>{title}.</b> {said} {caption} <i>{words}</i></figcaption></figure>"
        )


@dataclass(frozen=True)
class Saved:
    """A figure found on disk.

    Parameters
    ----------
    slug, panel : str
        The notebook and the part of it.
    png : Path
        The picture.
    title, caption : str
        Words stored in it.
    size : (int, int)
        Width and height in pixels.
    """

    slug: str
    panel: str
    png: Path
    title: str
    caption: str
    size: tuple[int, int]


def show(
    figure: Figure,
    data: pd.DataFrame,
    slug: str,
    panel: str,
    *,
    figures_dir: Path | str,
    origin: Origin,
    caption: str,
    said: str,
    title: str = "",
) -> Shown:
    """Write a figure as SVG, PNG, PDF and CSV, and return it with its words for the notebook.

    The files are called `<slug>__<panel>`. The width is that of the figure, to the dot; the height
    follows what is drawn. The origin stands in the lower left corner. Floats in the CSV carry ten
    significant digits, which hides the last bits that differ between processors.

    Parameters
    ----------
    figure : Figure
        89, 120 or 183 mm wide (`COLUMN`, `MIDDLE`, `PAGE`), no letter below 6 points.
    data : DataFrame
        Every mark and edge drawn, one row per mark, units in the names of the columns. The index is
        written only if it has a name.
    slug, panel : str
        The notebook and the part of it: small letters, digits, single `_` or `-`.
    figures_dir : path
        For example `figures/mini`, relative to the project root.
    origin : Origin
        Where the data come from, from `lib.data.origin.read`.
    caption : str
        What is drawn: marks, error bars (SD or confidence interval), n.
    said : str
        One sentence: what came out, with its numbers.
    title : str
        Short name of the figure; by default the panel in words, `fig3c` as "Fig 3C".

    Returns
    -------
    Shown
        What a notebook shows as the last line of a cell.

    Raises
    ------
    ValueError
        If a name is malformed, words are blank, the data have no row, or width or letters are not
        as a journal prints them.
    TypeError
        If the origin is none.
    """
    _check(data, slug, panel, {"caption": caption, "said": said}, origin)
    base = store.resolve(figures_dir) / f"{slug}__{panel}"
    shown = Shown(
        base.with_suffix(".png"),
        title or _title(panel),
        " ".join(said.split()),
        " ".join(caption.split()),
        origin,
        _width(figure, base.name),
    )
    with matplotlib.rc_context(STYLE | _SAVING):
        _save(figure, base, shown)
    with store.atomic(base.with_suffix(".csv")) as part:
        data.to_csv(part, index=any(data.index.names), float_format="%.10g", lineterminator="\n")
    return shown


def saved(figures_dir: Path | str) -> list[Saved]:
    """List the figures of a folder by name.

    Parameters
    ----------
    figures_dir : path
        Relative to the project root.

    Returns
    -------
    list of Saved
        One per PNG, with the title and caption it carries.
    """
    found = []
    for png in sorted(store.resolve(figures_dir).glob("[!.]*__*.png")):
        slug, panel = png.stem.split("__", 1)
        with Image.open(png) as image:
            words, size = image.info, image.size
        found.append(
            Saved(
                slug, panel, png, words.get("Title", png.stem), words.get("Description", ""), size
            )
        )
    return found


def absent(reason: str) -> tuple[Figure, pd.DataFrame]:
    """Return a figure that says why there is nothing to draw.

    Parameters
    ----------
    reason : str
        One sentence.

    Returns
    -------
    Figure
        89 mm wide.
    DataFrame
        One row: `absent`, the reason.
    """
    with style():
        figure = Figure(figsize=(COLUMN, 1.2))
        figure.text(0.5, 0.5, reason, ha="center", va="center", color="0.35", wrap=True)
    return figure, pd.DataFrame({"absent": [reason]})


def _save(figure: Figure, base: Path, shown: Shown) -> None:
    """Write the three pictures; the line with the origin is on the figure only meanwhile."""
    figure.draw_without_rendering()  # layout and tick labels, so that sizes are known
    figure.set_layout_engine("none")  # one layout for all three files
    _check_letters(figure, base.name)
    drawn = figure.get_tightbbox()  # inches
    _warn_of_what_is_cut(drawn, figure, base.name)
    low = drawn.y0 - _MARGIN - _LINE
    frame = Bbox([[0, low], [figure.get_figwidth(), drawn.y1 + _MARGIN]])
    mark = figure.text(
        0.006,
        (low + 0.2 * _LINE) / figure.get_figheight(),
        shown.origin.mark,
        fontsize=LEAST,
        color="0.35",
        ha="left",
        va="bottom",
    )
    # the line with the origin must not move what is drawn
    mark.set_in_layout(False)
    words = {"Title": shown.title, "Description": shown.description}
    metadata = {
        ".svg": words | {"Date": None, "Creator": None},
        ".png": words | {"Software": None},
        ".pdf": {"Title": shown.title, "Subject": shown.description} | dict.fromkeys(_UNDATED),
    }
    for suffix, about in metadata.items():
        with store.atomic(base.with_suffix(suffix)) as part:
            figure.savefig(part, dpi=_DPI, bbox_inches=frame, metadata=about)
    mark.remove()


_UNDATED = ("CreationDate", "ModDate", "Creator", "Producer")


def _width(figure: Figure, name: str) -> int:
    for width, inches in WIDTHS.items():
        if abs(figure.get_figwidth() - inches) < 0.01 * MM:
            return width
    raise ValueError(
        f"{name}: {figure.get_figwidth() / MM:.1f} mm wide; a journal prints "
        f"{', '.join(map(str, WIDTHS))} mm: use figures.COLUMN, MIDDLE or PAGE"
    )


def _check_letters(figure: Figure, name: str) -> None:
    texts = [
        text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()
    ]
    for text in texts:
        # sizes are floats, and 6 must pass
        if text.get_fontsize() < LEAST - 1e-6:
            raise ValueError(
                f"{name}: {text.get_text()!r} has {text.get_fontsize():.1f} points; at least "
                f"{LEAST}"
            )


def _warn_of_what_is_cut(drawn: Bbox, figure: Figure, name: str) -> None:
    over = max(-drawn.x0, drawn.x1 - figure.get_figwidth()) / MM  # in millimetres, left and right
    if over > 0.3:
        warnings.warn(
            f"{name}: what is drawn is {over:.1f} mm wider than the picture and is cut",
            stacklevel=4,
        )


def _title(panel: str) -> str:
    """Return a panel's name in words: `fig2e_go` → "Fig 2E, go", `top_terms` → "Top terms"."""
    words = re.sub(r"[_-]", " ", panel)
    number = re.match(r"fig ?(\d+[a-z]?)\b ?", words)
    if not number:
        return words.capitalize()
    return ", ".join(filter(None, [f"Fig {number[1].upper()}", words[number.end() :]]))


def _check(
    data: pd.DataFrame, slug: str, panel: str, words: dict[str, str], origin: Origin
) -> None:
    for what, name in {"slug": slug, "panel": panel}.items():
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{what} {name!r}: use small letters and digits joined by single '_' or '-', such "
                "as 'fig3c'"
            )
    name = f"{slug}__{panel}"
    if not isinstance(origin, Origin):
        raise TypeError(f"{name}: the origin is {origin!r}; pass what lib.data.origin.read returns")
    for what, text in words.items():
        if not text.strip():
            raise ValueError(
                f"{name}: {what} is blank; say what is drawn (caption) and what came out (said)"
            )
    if data.empty:
        raise ValueError(f"{name}: no data behind the picture; pass the table that was drawn")
