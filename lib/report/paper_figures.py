"""The figures of the papers in reading order, and which published analyses belong to each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lib.report.published import FOLDER, PAPER_FIGURES, Text, _parse, _read, _Strict
from lib.run import store


class PaperFigure(_Strict):
    """One figure of a paper, what it shows, and each of its analyses with its notebook."""

    figure: Text
    title: Text
    analyses: Annotated[
        dict[Text, Text], Field(min_length=1, description="analysis → slug of its notebook")
    ]


@dataclass(frozen=True)
class Place:
    """Where an analysis belongs.

    Parameters
    ----------
    figure, title : str
        Label of the figure, and what it shows.
    number : int
        Its position in reading order, from 0.
    notebook : str
        Slug of the notebook that measures the analysis.
    """

    figure: str
    title: str
    number: int
    notebook: str


def load(path: Path | str = f"{FOLDER}/{PAPER_FIGURES}") -> list[PaperFigure]:
    """Read the figures in reading order.

    Parameters
    ----------
    path : path
        YAML file; default that of the project.

    Returns
    -------
    list of PaperFigure
        In reading order.

    Raises
    ------
    InputError
        If the file or an entry is malformed; names the file and the entry.

    Examples
    --------
    >>> load()[0].figure
    'Fig 2C'
    """
    path = store.resolve(path)
    entries = _read(path, "figures", list)
    return [
        _parse(PaperFigure, entry, f"{path.name}, figure {n}")
        for n, entry in enumerate(entries, start=1)
    ]


def places(shown: list[PaperFigure] | None = None) -> dict[str, Place]:
    """Return the figure that each published analysis belongs to.

    Parameters
    ----------
    shown : list of PaperFigure, optional
        Figures; default those of the project.

    Returns
    -------
    dict of str to Place
        By the name of the analysis.

    Raises
    ------
    InputError
        If the file or an entry is malformed.

    Examples
    --------
    >>> places()["JUMP images"].figure
    'Fig 4C'
    """
    return {
        analysis: Place(entry.figure, entry.title, number, notebook)
        for number, entry in enumerate(load() if shown is None else shown)
        for analysis, notebook in entry.analyses.items()
    }
