"""The one error for input that cannot be used."""

import os
from pathlib import Path


class InputError(ValueError):
    """Input that cannot be used: which file and row, what is wrong, and what to do.

    Parameters
    ----------
    what : str
        What is wrong, with the value and what was expected.
    file : path, optional
        File the input came from; only its name is shown.
    row : int or str, optional
        Row, line, page or key within the file, counted as a person counts them (from 1, header
        included).
    fix : str, optional
        What the reader can do about it.

    Examples
    --------
    >>> str(InputError("the well 'Q99' is unknown", file="plates.csv", row=7, fix="use A01 to P24"))
    "plates.csv, row 7: the well 'Q99' is unknown; use A01 to P24"
    """

    def __init__(
        self,
        what: str,
        *,
        file: str | os.PathLike | None = None,
        row: int | str | None = None,
        fix: str = "",
    ) -> None:
        self.what, self.file, self.row, self.fix = what, file, row, fix
        row_words = f"row {row}" if isinstance(row, int) else row
        # as a person looks it up: file, then row
        place = ", ".join(filter(None, [file and Path(file).name, row_words]))
        super().__init__(f"{f'{place}: ' if place else ''}{what}{f'; {fix}' if fix else ''}")


def listed(values, *, limit: int = 8) -> str:
    """Return values as text for a message: the first few of them, and how many more there are.

    Parameters
    ----------
    values : iterable
        Values to name, in the order wanted.
    limit : int
        How many are named.

    Returns
    -------
    str
        Names separated by commas.

    Examples
    --------
    >>> listed("abcd", limit=2)
    'a, b and 2 more'
    """
    texts = [str(value) for value in values]
    rest = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + rest
