"""Where data come from: simulated with a planted truth, published, or a user's own.

What reads or simulates data writes their origin beside them once, with `write`; what draws figures
of them asks for it with `read`.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lib.data.errors import InputError
from lib.run import store

SUFFIX = ".origin.json"
Kind = Literal["simulated", "published", "own"]
KINDS = {"simulated": "Simulated, planted truth", "published": "Published", "own": "User's own"}
"""Kinds of data, and the word that opens their list in a caption."""

PLANTED = "Simulated data, planted truth."
_LONGEST = 62  # characters of 6 pt that fit in the corner of a picture 89 mm wide


@dataclass(frozen=True)
class Origin:
    """The parts of a data set or a result, and where each comes from.

    Parameters
    ----------
    parts : mapping of str to (kind, source)
        Name of a part, such as "images" → its kind, and its source in words: a file name, a
        citation, a release. The source is empty for simulated parts.

    Raises
    ------
    InputError
        If there is no part, a kind is none of `KINDS`, or a part that is not simulated has no
        source.

    Examples
    --------
    >>> both = simulated("images") | published("gene lists", "Image2Reg")
    >>> both.kind, both.mark
    ('mixed', 'partly simulated data: images')
    >>> both.words
    'Simulated, planted truth: images. Published: gene lists (Image2Reg).'
    """

    parts: Mapping[str, tuple[Kind, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.parts:
            raise InputError(
                "an origin has at least one part; say what is simulated and what is real"
            )
        for name, (kind, source) in self.parts.items():
            if kind not in KINDS:
                raise InputError(f"{name}: {kind!r} is no kind of origin; use {', '.join(KINDS)}")
            if kind != "simulated" and not source.strip():
                raise InputError(
                    f"{name}: {kind} data have a source; name the file, the paper or the release"
                )

    def __or__(self, other: "Origin") -> "Origin":
        """Return the origin of what rests on both; a part in both must come from one place."""
        for name in self.parts.keys() & other.parts.keys():
            # two sources of one part: a caption could name only one
            if self.parts[name] != other.parts[name]:
                raise InputError(
                    f"{name} comes from {self.parts[name]} and from {other.parts[name]}"
                )
        return Origin({**self.parts, **other.parts})

    def only(self, *names: str) -> "Origin":
        """Return the origin of some parts alone.

        Parameters
        ----------
        names : str
            Parts wanted.

        Returns
        -------
        Origin

        Raises
        ------
        InputError
            If a part is unknown; names the parts there are.
        """
        if unknown := [name for name in names if name not in self.parts]:
            raise InputError(f"no part {unknown[0]!r}; the parts are {', '.join(self.parts)}")
        return Origin({name: self.parts[name] for name in names})

    @property
    def kind(self) -> str:
        """One of `KINDS` if all parts are of it, else "mixed"."""
        kinds = {kind for kind, _ in self.parts.values()}
        # mixed data are neither a paper's nor planted throughout
        return kinds.pop() if len(kinds) == 1 else "mixed"

    @property
    def simulated(self) -> tuple[str, ...]:
        """Names of the simulated parts.

        No number that rests on one may be compared with a paper's.
        """
        return self._of("simulated")

    @property
    def is_simulated(self) -> bool:
        """Whether any part is simulated."""
        return bool(self.simulated)

    @property
    def is_planted(self) -> bool:
        """Whether all parts are simulated, so that they share one planted truth."""
        return self.kind == "simulated"

    @property
    def words(self) -> str:
        """The sentence for a caption."""
        if self.is_planted:
            return PLANTED
        lists = {word: self._listed(kind) for kind, word in KINDS.items()}
        return " ".join(f"{word}: {listed}." for word, listed in lists.items() if listed)

    @property
    def mark(self) -> str:
        """A few words for the corner of a picture."""
        if self.is_planted:
            return "simulated data"
        if not self.is_simulated:
            words = {"published": "published data", "own": "user's own data"}
            return words.get(self.kind, "published and user's own data")
        # the parts are named only where they fit in the corner
        long = f"partly simulated data: {', '.join(self.simulated)}"
        return long if len(long) <= _LONGEST else "partly simulated data"

    def _of(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name, (found, _) in self.parts.items() if found == kind)

    def _listed(self, kind: str) -> str:
        sources = {name: self.parts[name][1] for name in self._of(kind)}
        return ", ".join(
            f"{name} ({source})" if source else name for name, source in sources.items()
        )


def simulated(*names: str) -> Origin:
    """Return the origin of parts simulated with a planted truth.

    Parameters
    ----------
    names : str
        The parts, such as "images".

    Returns
    -------
    Origin
    """
    return Origin({name: ("simulated", "") for name in names})


def published(name: str, source: str) -> Origin:
    """Return the origin of a published part.

    Parameters
    ----------
    name : str
        The part, such as "gene lists".
    source : str
        A citation or a release; not empty.

    Returns
    -------
    Origin

    Raises
    ------
    InputError
        If the source is empty.
    """
    return Origin({name: ("published", source)})


def own(name: str, path: str | os.PathLike) -> Origin:
    """Return the origin of a user's file or folder.

    Parameters
    ----------
    name : str
        The part, such as "images".
    path : path
        Only its last name is kept, not where it lies.

    Returns
    -------
    Origin
    """
    return Origin({name: ("own", Path(path).name)})


def combine(origins: Iterable[Origin]) -> Origin:
    """Return the origin of what rests on all of several origins.

    Parameters
    ----------
    origins : iterable of Origin
        One at least.

    Returns
    -------
    Origin
        The parts of all.

    Raises
    ------
    InputError
        If two of them name a part, and it comes from different sources.
    """
    first, *others = origins
    for other in others:
        first = first | other
    return first


def write(path: str | os.PathLike, found: Origin) -> Path:
    """Write the origin of a file or folder beside it, as `<path>.origin.json`.

    Parameters
    ----------
    path : path
        The file or folder that the origin is of.
    found : Origin
        Its origin.

    Returns
    -------
    Path
        The JSON file, absolute.
    """
    # a list in the file, since write_json sorts the keys of a mapping
    parts = {name: {"kind": kind, "source": source} for name, (kind, source) in found.parts.items()}
    return store.write_json(
        _beside(path), {"parts": [{"name": name, **one} for name, one in parts.items()]}
    )


def read(*paths: str | os.PathLike) -> Origin:
    """Read the origin of what rests on some files or folders, as `write` left it.

    Parameters
    ----------
    paths : path
        One file or folder at least.

    Returns
    -------
    Origin
        The parts of all of them.

    Raises
    ------
    InputError
        If the origin of a file is absent or not in this form, or two files name different sources
        of one part.
    """
    return combine(map(_read, paths))


def is_known(path: str | os.PathLike) -> bool:
    """Return whether a file or folder says where it comes from.

    Parameters
    ----------
    path : path
        The file or folder.

    Returns
    -------
    bool
    """
    return _beside(path).exists()


def _beside(path: str | os.PathLike) -> Path:
    path = store.resolve(path)
    # beside a folder, not inside it
    return path.with_name(path.name + SUFFIX)


def _read(path: str | os.PathLike) -> Origin:
    beside = _beside(path)
    try:
        parts = store.read_json(beside)["parts"]
        return Origin({one["name"]: (one["kind"], one["source"]) for one in parts})
    except FileNotFoundError:
        hint = (
            f"nothing says where {Path(path).name} comes from; run the notebook that makes it again"
        )
        raise InputError(f"{beside.name} is not there: {hint}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{beside}: {error}; run the notebook that makes it again") from None
