"""Cells, histone marks and their groups, as the paper has them."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lib.data.errors import InputError, listed

MARKS = ("H3K4me1", "H3K4me3", "H3K9me3", "H3K27me3", "H3K36me3", "H3K27ac", "H3K9ac")
"""Row order of every published array; our own arrays carry their names with them."""

COLOURS = dict(
    zip(
        MARKS,
        ("#9A8822", "#F5CDB4", "#F8AFA8", "#FDDDA0", "#74A089", "#85D4E3", "#78A2CC"),
        strict=True,
    )
)
FUNCTIONS = {
    "active promoter": ("H3K27ac", "H3K4me3", "H3K9ac"),
    "repressive": ("H3K27me3", "H3K9me3"),
    "other": ("H3K36me3", "H3K4me1"),
}
GROUPS = ("Cancer line", "ESC derived", "ESC", "Primary tissue")
OWN_GROUP = "your own"


@dataclass(frozen=True)
class Cell:
    """An epigenome: its group in the analysis and the tissue of its contact map."""

    name: str
    description: str
    group: str
    tissue: str


_CELLS = (
    Cell("E003", "H1 ESC", "ESC", "H1"),
    Cell("E016", "HUES64 ESC", "ESC", "H1"),
    Cell("E004", "H1 mesendoderm", "ESC derived", "ME"),
    Cell("E005", "H1 trophoblast", "ESC derived", "TB"),
    Cell("E006", "H1 mesenchymal stem cells", "ESC derived", "MSC"),
    Cell("E007", "H1 neuronal progenitors", "ESC derived", "NPC"),
    Cell("E066", "adult liver", "Primary tissue", "LI11"),
    Cell("E087", "pancreatic islets", "Primary tissue", "PA"),
    Cell("E116", "GM12878 lymphoblastoid", "Primary tissue", "GM"),
    Cell("E114", "A549 lung carcinoma", "Cancer line", "LG"),
    Cell("E118", "HepG2", "Cancer line", "LI11"),
)
CELLS = {cell.name: cell for cell in _CELLS}
FIRST_CELLS = ("E003", "E114", "E116", "E117", "E118", "E119", "E120", "E122", "E123", "E127")
FIRST_ASSAYS = (*MARKS, "DNase", "H3K4me2", "H2A.Z", "H3K79me2", "H4K20me1")

PAIRS = tuple(
    (first, second)
    for first, seconds in {
        "H3K4me3": ("H3K27ac", "H3K36me3", "H3K4me1", "H3K27me3", "H3K9me3", "H3K9ac"),
        "H3K9ac": ("H3K27ac", "H3K36me3", "H3K4me1", "H3K27me3", "H3K9me3"),
        "H3K27ac": ("H3K36me3", "H3K4me1", "H3K27me3", "H3K9me3"),
    }.items()
    for second in seconds
)
"""The 15 pairs of the paper, in its order."""


def group_of(cell: str) -> str:
    """Return a cell's group; a cell that the paper does not have is a group of its own."""
    return CELLS[cell].group if cell in CELLS else OWN_GROUP


def rows_of(wanted: Sequence[str], stored: Iterable[str], *, file=None) -> np.ndarray:
    """Return the rows of marks, by name, in an array whose rows are named.

    Parameters
    ----------
    wanted : sequence of str
    stored : iterable of str
        Names of the rows, in their order.
    file : path, optional
        Named in the error.

    Raises
    ------
    InputError
        Naming what is absent, and what there is.

    Examples
    --------
    >>> rows_of(["H3K4me1", "H3K4me3"], ["H3K4me3", "H3K4me1"]).tolist()
    [1, 0]
    """
    stored = list(stored)
    absent = [name for name in wanted if name not in stored]
    if absent:
        raise unknown("mark", absent, stored, file=file)
    if len(set(wanted)) < len(wanted):
        raise InputError(f"a mark is named twice in {listed(wanted)}", file=file)
    return np.array([stored.index(name) for name in wanted])


def unknown(kind: str, absent: Sequence[str], known: Sequence[str], *, file=None) -> InputError:
    """Return the error for names that are not there, with the nearest name that is.

    Parameters
    ----------
    kind : str
        What the names are of.
    absent, known : sequences of str
    file : path, optional
    """
    near = difflib.get_close_matches(str(absent[0]), [str(name) for name in known], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    words = f"the {kind} {listed(absent)} is not there"
    return InputError(words, file=file, fix=f"{hint}known are {listed(known, limit=12)}")
