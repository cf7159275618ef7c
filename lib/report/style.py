"""How every picture looks: widths, fonts, line widths and colours, in one place."""

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.ticker import FuncFormatter, NullFormatter

MM = 1 / 25.4
"""Inches in a millimetre; Matplotlib measures figures in inches."""

COLUMN, MIDDLE, PAGE = 89 * MM, 120 * MM, 183 * MM
"""The three widths a journal prints, in inches: a column, one and a half, and the page."""

LEAST = 6
"""The smallest size of a letter in print, in points."""

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
"""Okabe and Ito's eight colours, distinct for colour-blind readers
(https://jfly.uni-koeln.de/color/)."""

CLUSTERS = (
    "#0072B2",
    "#E69F00",
    "#CC79A7",
    "#56B4E9",
    "#882255",
    "#999933",
    "#000080",
    "#FFB6A3",
    "#5C2D0C",
    "#9C755F",
    "#FABFD2",
    "#DDCC77",
)
"""Colours of clusters in the order of their numbers; any two differ by 20 or more in CIELAB, for
deuteranopes too."""

NO_CLUSTER = "#D9D9D9"
"""Colour of what belongs to no cluster."""

UP, DOWN, FLAT = "#B35806", "#542788", "#8C8C8C"
"""More, less and unchanged: the ends of `DIVERGING`, apart for readers who do not tell red from
green."""

DIVERGING = "PuOr_r"
"""Colour map of values with a middle: purple below it, orange above."""

ACCENT, GUIDE = "#D55E00", "#595959"
"""What the eye shall find, and lines of comparison: thresholds, chance, cut-offs."""

STYLE = {
    "font.family": "sans-serif",
    # Arial has the same metrics; a viewer of the SVG falls back to it, then to DejaVu's symbols
    "font.sans-serif": ["Liberation Sans", "Arial", "Helvetica", "DejaVu Sans", "sans-serif"],
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.title_fontsize": 6.5,
    "legend.frameon": False,
    "figure.titlesize": 8,
    "figure.labelsize": 7,
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
_FONTS = Path(__file__).parent / "fonts"


def style() -> AbstractContextManager:
    """Draw in the style of the papers inside this block; nothing changes outside it.

    Examples
    --------
    >>> with style():
    ...     figure = matplotlib.figure.Figure(figsize=(COLUMN, 60 * MM))
    """
    return matplotlib.rc_context(STYLE)


def cluster_colours(labels: Iterable) -> dict[str, str]:
    """Give the same cluster the same colour in every figure.

    A label that is or ends with a number has the colour of that number; others follow in the order
    of their names. The empty label and "none" are no cluster.

    Parameters
    ----------
    labels : iterable
        Labels of clusters; repeated ones count once.

    Returns
    -------
    dict of str to str
        Label → colour, labels in natural order.

    Examples
    --------
    >>> colours = {"1": CLUSTERS[1], "2": CLUSTERS[2], "none": NO_CLUSTER}
    >>> cluster_colours(["2", "1", "none"]) == colours
    True
    """
    names = sorted({str(label) for label in labels}, key=_natural)
    # labels without a number take colours in their own order
    named = [name for name in names if name not in ("", "none") and _number(name) is None]
    places = {name: place for place, name in enumerate(named)}
    return {name: _colour(name, places) for name in names}


def on(colour: str) -> str:
    """Return black or white, whichever is easier to read on a colour.

    Parameters
    ----------
    colour : str
        Any colour that Matplotlib knows.

    Returns
    -------
    str
    """
    red, green, blue = to_rgb(colour)
    # luma of Rec. 601, 0 to 1
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def plain_numbers(*axes: Axis) -> None:
    """Write 1,000 in place of 10³ at the ticks of logarithmic axes.

    The exponents would have letters below the least size.

    Parameters
    ----------
    axes : Axis
        For example `ax.xaxis`.
    """
    for axis in axes:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())


def _colour(name: str, places: dict[str, int]) -> str:
    if name in ("", "none"):
        return NO_CLUSTER
    number = _number(name)
    return CLUSTERS[(places[name] if number is None else number) % len(CLUSTERS)]


def _number(name: str) -> int | None:
    # `.0`: pandas makes floats of numbers with gaps
    found = re.search(r"(\d+)(?:\.0)?$", name)
    return int(found[1]) if found else None


def _natural(name: str) -> tuple[str, int]:
    number = _number(name)
    return re.sub(r"\d+(\.0)?$", "", name), -1 if number is None else number


def _use_own_fonts() -> None:
    """Take Liberation Sans from this repository.

    What a machine has installed then does not change the letters.
    """
    manager = font_manager.fontManager
    # a system's Liberation Sans may be of another version
    manager.ttflist = [font for font in manager.ttflist if font.name != "Liberation Sans"]
    for path in sorted(_FONTS.glob("*.ttf")):
        manager.addfont(path)


_use_own_fonts()
