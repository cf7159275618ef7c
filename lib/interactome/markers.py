"""Genes that one cell line expresses unlike all others: the screen of CCLE behind the prizes."""

import difflib
import logging
import os
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from lib.data.errors import InputError
from lib.run import store
from lib.stats import order
from lib.stats.multiple_testing import benjamini_hochberg

log = logging.getLogger(__name__)
NAME = "stripped_cell_line_name"
UP, DOWN, UNCHANGED = "up", "down", "not DEG"


def read_ccle(path: str | os.PathLike, sample_info: str | os.PathLike) -> pd.DataFrame:
    """Read CCLE expression by cell line and symbol.

    Lines that the sample table does not list are left out, the others take its stripped name. A
    symbol is the part of the column's name before the first space, in capitals; of columns with the
    same symbol the first is kept.

    Parameters
    ----------
    path : path
        CSV of log2(TPM + 1), one row per DepMap id and one column per gene, named `SYMBOL
        (ENTREZ)`.
    sample_info : path
        DepMap's `sample_info.csv`: `DepMap_ID`, `stripped_cell_line_name`.

    Returns
    -------
    (lines, genes) DataFrame
        log2(TPM + 1) by name of the line and symbol.

    Raises
    ------
    InputError
        If a column is missing, no line is listed, or a value is not a number.
    """
    path, info_path = store.resolve(path), store.resolve(sample_info)
    info = _read_csv(info_path, dtype=str)
    if missing := [name for name in ("DepMap_ID", NAME) if name not in info]:
        raise InputError(
            f"{info_path.name}: no column {missing[0]!r}; expected DepMap's sample_info.csv"
        )
    # the first row of an id, should it be there twice
    names = info.drop_duplicates("DepMap_ID").set_index("DepMap_ID")[NAME]
    table = _read_csv(path, index_col=0, low_memory=False)
    listed = table.index.isin(names.index)
    if not listed.any():
        raise InputError(
            f"{path.name}: none of its {len(table)} lines is listed in {info_path.name}"
        )
    # the two files of DepMap may be of two releases
    if not listed.all():
        log.warning(
            "%d of %d lines are not in %s, left out", (~listed).sum(), len(table), info_path.name
        )
    table = table[listed]
    table.index = pd.Index(names.loc[table.index].to_numpy(), name="line")
    table.columns = table.columns.str.split(" ").str[0].str.upper()
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        log.warning(
            "%d symbols of %s have several columns, the first is taken: %s",
            len(repeated),
            path.name,
            ", ".join(sorted(set(repeated))[:5]),
        )
    return check_finite(table.loc[:, ~table.columns.duplicated()], path.name)


def check_finite(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table as floats, after a check that every value is finite.

    Parameters
    ----------
    table : (lines, genes) DataFrame
        log2(TPM + 1).
    name : str
        Name of the file, for the message.

    Returns
    -------
    (lines, genes) DataFrame of float

    Raises
    ------
    InputError
        If a value is no number or not finite; names the first line and gene without one.
    """
    try:
        values = table.to_numpy(np.float64)
    except ValueError as error:
        raise InputError(f"{name}: expected numbers, log2(TPM + 1) ({error})") from None
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise InputError(
            f"{name}: line {table.index[row]}, gene {table.columns[column]} has no finite value"
        )
    return pd.DataFrame(values, index=table.index, columns=table.columns)


def screen(
    expression: pd.DataFrame,
    genes: Collection[str] | None = None,
    *,
    target: str = "U2OS",
    min_log_fc: float = 0.0,
    min_pct: float = 0.0,
) -> pd.DataFrame:
    """Compare every gene in one cell line with its mean over all others.

    This gives genes their prizes. The p-value is that of a two-sided one-sample t-test of the other
    lines against the value in the target; it says how far the target is from their mean, not how
    unusual such a line is. In the paper the largest change is that of DHRS2, 8.65.

    Parameters
    ----------
    expression : (lines, genes) DataFrame
        log2(TPM + 1).
    genes : collection of str, optional
        Genes to test, over which the false discovery rate is taken; default all.
    target : str
        The cell line that is compared.
    min_log_fc : float
        Genes are kept with |log2 fold change| above this (paper: 0, which drops equal values
        alone).
    min_pct : float
        Share of lines with any expression that target or others must have (paper: 0).

    Returns
    -------
    DataFrame
        One row per gene that is kept, largest change first: `gene`, `log_expr_target` and
        `avg_log_expr_other` in log2(TPM + 1), `log_fc` (target less others, log2), `abs_log_fc`,
        `pval`, `fdr` (Benjamini-Hochberg over the rows).

    Raises
    ------
    InputError
        If the target is not among the lines or there twice, or fewer than two others are left.

    References
    ----------
    Paysan et al., Image2Reg, Fig 3A; code `uhlerlab/image2reg`,
    `src/utils/notebooks/ppi/preprocessing.py`
    """
    row = _target_row(expression, target)
    table = expression if genes is None else expression.loc[:, expression.columns.isin(list(genes))]
    values = table.to_numpy(np.float64)
    own, others = values[row], np.delete(values, row, axis=0)  # (G,), (lines − 1, G)
    if len(others) < 2:
        raise InputError(f"{len(others)} lines beside {target}; two or more are needed for a test")
    mean = others.mean(axis=0)
    change = own - mean
    # (G,) share of the others, or 1 if the target itself expresses the gene
    detected = np.maximum((others > 0).mean(axis=0), own > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # mean of the others less the target, in standard errors
        t = -change / (others.std(axis=0, ddof=1) / np.sqrt(len(others)))
    found = pd.DataFrame(
        {
            "gene": table.columns.to_numpy(),
            "log_expr_target": own,
            "avg_log_expr_other": mean,
            "log_fc": change,
            "abs_log_fc": np.abs(change),
            "pval": 2 * stats.t.sf(np.abs(t), len(others) - 1),
        }
    )
    kept = found[(found["abs_log_fc"] > min_log_fc) & (detected >= min_pct)]
    # the paper adjusts over the genes that are kept
    kept = kept.assign(fdr=benjamini_hochberg(kept["pval"].to_numpy()))
    return order.sort_table(kept, "abs_log_fc", ties="gene", largest_first=True).reset_index(
        drop=True
    )


def label(table: pd.DataFrame, *, fdr: float = 1e-4, min_log_fc: float = 0.0) -> pd.Series:
    """Return `up`, `down` or `not DEG` for every gene of a marker screen.

    The paper's last version asks for an FDR of 1e-4 alone, an earlier one for 0.01 and |log2 fold
    change| ≥ 0.25.

    Parameters
    ----------
    table : DataFrame
        From `screen`: `fdr`, `log_fc`, `abs_log_fc`.
    fdr : float
        Largest false discovery rate of a changed gene.
    min_log_fc : float
        Least |log2 fold change| of a changed gene.

    Returns
    -------
    Series of str
        In the index of `table`.
    """
    changed = (table["fdr"] <= fdr) & (table["abs_log_fc"] >= min_log_fc)
    labels = np.select(
        [changed & (table["log_fc"] > 0), changed & (table["log_fc"] < 0)], [UP, DOWN], UNCHANGED
    )
    return pd.Series(labels, index=table.index, name="label")


def _read_csv(path: Path, **options) -> pd.DataFrame:
    try:
        return pd.read_csv(path, **options)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name}: not readable as a CSV ({str(error).strip()}); is the file whole?"
        ) from None


def _target_row(expression: pd.DataFrame, target: str) -> int:
    """Return the row of the target line."""
    rows = np.flatnonzero(expression.index == target)
    if len(rows) != 1:
        near = difflib.get_close_matches(target, expression.index.astype(str), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near and not len(rows) else ""
        count = "is not among" if not len(rows) else f"is {len(rows)} times among"
        raise InputError(f"cell line {target!r} {count} the {len(expression)} lines{hint}")
    return int(rows[0])
