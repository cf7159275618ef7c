"""The protein-protein interactome as a table of edges, checked for what would be misread."""

import logging
import os
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.interactome.network import Network
from lib.run import store

log = logging.getLogger(__name__)
COLUMNS = ("protein1", "protein2", "cost")

ThirdColumn = Literal["cost", "confidence"]


def read(path: str | os.PathLike, *, third_column: ThirdColumn = "cost") -> Network:
    """Read an interactome: tab-separated, two symbols and a number in each row.

    Symbols are turned to upper case, self-loops are left out, repeated pairs with one cost count
    once. iRefIndex 14 has 15,759 genes and 181,955 edges.

    Parameters
    ----------
    path : path
        With `third_column="cost"`, a table with the header `protein1 protein2 cost`, low =
        confident, as OmicsIntegrator 2 brings iRefIndex. With `"confidence"`, a table without
        header whose third column is high where the interaction is certain, as in OmicsIntegrator 1;
        cost = 1 − confidence, and 0 for those above 1.
    third_column : str
        `cost` or `confidence`. Nothing in the numbers tells them apart, so it is never guessed.

    Returns
    -------
    Network
        Every gene has an edge; `n_loops` says how many self-loops were left out.

    Raises
    ------
    InputError
        If the file has another header than stated, a column is missing, a name is empty, a number
        is no number, negative or infinite, or a pair has two costs; names file and row.
    """
    path = Path(path)
    table = rows(path, third_column=third_column)
    return _simple(table, path, first_row=_first_row(third_column))


def rows(path: str | os.PathLike, *, third_column: ThirdColumn) -> pd.DataFrame:
    """Read the rows of an interactome as they are, checked one by one.

    Loops and repeated pairs stay.

    Parameters
    ----------
    path : path
        As in `read`.
    third_column : str
        `cost` or `confidence`.

    Returns
    -------
    DataFrame
        One row per row of the file: `protein1`, `protein2` in capitals, `cost`.

    Raises
    ------
    InputError
        As in `read`, but for pairs with two costs.
    """
    path = Path(path)
    if third_column not in ("cost", "confidence"):
        raise InputError(f"third_column {third_column!r} is unknown; choose cost or confidence")
    lines = _read_text(path, has_header=_check_header(path, third_column))
    costs = _numbers(lines.iloc[:, 2], path, _first_row(third_column))
    _check_names(lines, path, _first_row(third_column))
    if third_column == "confidence":
        log.info("%s: %d confidences above 1 count as 1", path.name, int((costs > 1).sum()))
        costs = 1 - np.minimum(costs, 1)
    first, second = (lines.iloc[:, column].str.strip().str.upper() for column in (0, 1))
    return pd.DataFrame({"protein1": first, "protein2": second, "cost": costs})


def form(path: str | os.PathLike) -> ThirdColumn:
    """Guess from its first row which form a file has.

    Good enough to look at a file and name its genes; what is computed from it takes the form as
    stated.

    Parameters
    ----------
    path : path
        As in `read`.

    Returns
    -------
    str
        `confidence` for an edge without header, `cost` for anything else.

    Raises
    ------
    InputError
        If the file is not readable as text, or empty.
    """
    first = _first_lines(Path(path))[0]
    return "confidence" if len(first) >= 3 and _is_number(first[2]) else "cost"


def _first_row(third_column: ThirdColumn) -> int:
    return 2 if third_column == "cost" else 1


def _first_lines(path: Path) -> list[list[str]]:
    """Return the fields of the first two lines."""
    try:
        with store.resolve(path).open(encoding="utf-8") as file:
            found = [file.readline().rstrip("\r\n").split("\t") for _ in range(2)]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not readable as text ({type(error).__name__}); expected a table of edges"
        ) from None
    if found == [[""], [""]]:
        raise InputError(
            f"{path.name}: the file is empty; expected tab-separated {', '.join(COLUMNS)}"
        )
    return found


def _check_header(path: Path, third_column: ThirdColumn) -> bool:
    """Refuse a file that is not what the option says; return whether it has a header."""
    fields, row = _first_lines(path)
    if third_column == "cost":
        if len(fields) >= 3 and _is_number(fields[2]):
            raise InputError(
                f"{path.name}: row 1 is no header but an edge ({' '.join(fields[:3])}); tables "
                "without header hold confidences, where high is certain, and would be read with "
                "the sign turned. Use --set ppi_pruning.third_column=confidence, or add the header "
                "protein1, protein2, cost if they are costs"
            )
        missing = [name for name in COLUMNS if name not in fields]
        if missing:
            raise InputError(
                f"{path.name}: column {missing[0]!r} is missing; expected tab-separated "
                f"{', '.join(COLUMNS)}, got {', '.join(fields)[:100]!r}"
            )
        if len(row) > len(
            fields
        ):  # pandas would take the first column for row names, and shift the others
            raise InputError(
                f"{path.name}: row 2 has {len(row)} tab-separated columns, the header "
                f"{len(fields)}; make them equal"
            )
    elif len(fields) != 3 or not _is_number(fields[2]):
        raise InputError(
            f"{path.name}: row 1 is {' '.join(fields)[:80]!r}; a table of confidences has no "
            "header and three tab-separated columns. Use --set ppi_pruning.third_column=cost if "
            "the header says cost"
        )
    return third_column == "cost"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_text(path: Path, *, has_header: bool) -> pd.DataFrame:
    try:
        lines = pd.read_csv(
            store.resolve(path),
            sep="\t",
            dtype=str,
            na_filter=False,
            quoting=3,  # none: a quote in a name is part of the name
            header=0 if has_header else None,
        )
    except pd.errors.ParserError as error:
        raise InputError(
            f"{path.name}: {str(error).strip()}; expected three tab-separated columns"
        ) from None
    if lines.empty:
        raise InputError(f"{path.name}: no edges")
    return lines[list(COLUMNS)] if has_header else lines


def _numbers(texts: pd.Series, path: Path, first_row: int) -> np.ndarray:
    # NaN where the text is no number
    values = pd.to_numeric(texts, errors="coerce").to_numpy(float)
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{path.name}: row {row + first_row}, column 3: {texts.iloc[row]!r} is no finite "
            f"number of 0 or more; correct or remove it ({int(wrong.sum())} such rows)"
        )
    return values


def _check_names(lines: pd.DataFrame, path: Path, first_row: int) -> None:
    for column in (0, 1):
        blank = (lines.iloc[:, column].str.strip() == "").to_numpy()
        if blank.any():
            row = int(np.argmax(blank))
            raise InputError(
                f"{path.name}: row {row + first_row}, column {column + 1}: the gene has no name"
            )


def _simple(table: pd.DataFrame, path: Path, *, first_row: int) -> Network:
    """Return the simple graph of rows of symbols and costs."""
    names = np.concatenate([table["protein1"], table["protein2"]]).astype(str)
    # codes (2 · rows,): all first ends, then all second ones
    genes, codes = np.unique(names, return_inverse=True)
    costs = table["cost"].to_numpy()
    ends = np.sort(codes.reshape(2, -1).T, axis=1)  # (rows, 2)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    ends, costs = ends[order], costs[order]
    # (rows,) the same pair as the row before, in sorted order
    again = np.r_[False, (ends[1:] == ends[:-1]).all(axis=1)]
    # which of two costs is right cannot be known
    differs = again & np.r_[False, costs[1:] != costs[:-1]]
    if differs.any():
        place = int(np.argmax(differs))
        rows = sorted(order[[place - 1, place]] + first_row)
        raise InputError(
            f"{path.name}: rows {rows[0]} and {rows[1]}: the pair "
            f"{' and '.join(genes[ends[place]])} has the costs {costs[place - 1]:g} and "
            f"{costs[place]:g}; keep one ({int(differs.sum())} such pairs)"
        )
    loops = ends[:, 0] == ends[:, 1]
    kept = ~(again | loops)
    log.info(
        "%s: %d self-loops and %d repeated pairs left out",
        path.name,
        loops.sum(),
        (again & ~loops).sum(),
    )
    every = Network(genes, ends[kept].astype(np.int64), costs[kept], int(loops.sum()))
    # genes with nothing but self-loops go
    return every.induced(every.degrees > 0)
