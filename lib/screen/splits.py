"""Who trains, who validates, who is tested: the splits of the impact screen, of 42 classes, and
leaving a target out.

Two groupings are offered. `field` is the paper's: no field of view is in two splits, but the fields
of one well are, so what a well looks like leaks from training to test. `well` keeps wells (plate
and well) whole and leaks nothing.

A split is a table with one row per nucleus used, index `nucleus_id`, and one column per fold
whose values are train, val or test. It depends on the set of nuclei and the seed, not on the order
of rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, StratifiedGroupKFold

from lib.data.errors import InputError

CONTROL = "EMPTY"
VALIDATION = 0.2  # of the groups that are not test, as in the paper
N_DRAWS = 100  # of validation fields, until one holds both classes
Grouping = Literal["field", "well"]


def screen_splits(
    nuclei: pd.DataFrame,
    gene: str,
    *,
    control: str = CONTROL,
    n_folds: int = 4,
    grouping: Grouping = "field",
    seed: int = 1234,
) -> pd.DataFrame:
    """Split one gene against the control; the larger class is undersampled to parity.

    By field as in the paper: `GroupKFold` gives the test sets, and a fifth of the other fields,
    drawn whatever their class, validates. By well the groups of each class are dealt out on their
    own, so that every split of every fold holds both classes, few as the wells are.

    Parameters
    ----------
    nuclei : DataFrame
        One row per nucleus: `nucleus_id`, `gene_symbol`, `slide_image_name`, `plate`, `well`.
    gene, control : str
        Symbols of the two classes.
    n_folds : int
        Cross-validation folds (paper: 4).
    grouping : str
        `field` as in the paper, or `well`, which keeps wells whole.
    seed : int
        Of the undersampling and the validation draws (paper: 1234).

    Returns
    -------
    DataFrame
        Index `nucleus_id`, columns `fold_0` …; values train, val, test.

    Raises
    ------
    InputError
        For an unknown gene or control, or fewer groups of a class than folds.

    References
    ----------
    Image2Reg, splits of the impact screen behind Fig 2C.
    """
    check_symbols(nuclei, [gene, control])
    chosen = _canonical(nuclei, [gene, control], grouping)  # nuclei with their groups, by id
    _check_groups(chosen, n_folds)
    rng = np.random.default_rng(seed)
    size = int(chosen["gene_symbol"].value_counts().min())  # nuclei per class after undersampling
    # parity of the classes, before the folds are made
    chosen = pd.concat(
        [_undersample(chosen, symbol, size, rng) for symbol in sorted({gene, control})]
    )
    _check_groups(chosen, n_folds)
    if grouping == "well":
        return _checked(_deal(chosen, n_folds, rng))
    return _checked(_group_k_fold(chosen, n_folds, seed))


def class_splits(
    nuclei: pd.DataFrame,
    genes: Iterable[str],
    *,
    control: str = CONTROL,
    n_folds: int = 4,
    grouping: Grouping = "field",
    seed: int = 1234,
) -> pd.DataFrame:
    """Split many genes and the control, stratified; the control is undersampled to the largest
    gene.

    By field as in the paper: `StratifiedGroupKFold(n_folds)` gives the test sets, the first fold of
    `StratifiedGroupKFold(5)` on the rest validates; both unshuffled. By well as in `screen_splits`.

    Parameters
    ----------
    nuclei : DataFrame
        As for `screen_splits`.
    genes : iterable of str
        Symbols of the conditions; the control is added.
    control, n_folds, grouping, seed
        As for `screen_splits`.

    Returns
    -------
    DataFrame
        Index `nucleus_id`, columns `fold_0` …; values train, val, test.

    Raises
    ------
    InputError
        As `screen_splits`, and if the control has fewer nuclei than the largest gene.

    References
    ----------
    Image2Reg, splits of the 42-class networks behind Fig 2D.
    """
    genes = sorted(set(genes) - {control})
    check_symbols(nuclei, [*genes, control])
    chosen = _undersample_control(_canonical(nuclei, [*genes, control], grouping), control, seed)
    if grouping == "well":
        _check_groups(chosen, n_folds)
        return _checked(_deal(chosen, n_folds, np.random.default_rng(seed)))
    _check_groups(chosen, max(n_folds, 5))  # the validation set is a fifth of the rest
    folds = {}
    for fold, (rest, test) in enumerate(_stratified(chosen, n_folds)):
        folds[f"fold_{fold}"] = _stratified_fold(chosen, rest, test, 5)  # a fifth of the rest
    return _checked(_table(chosen, folds))


def target_split(
    nuclei: pd.DataFrame,
    targets: Sequence[str],
    genes: Iterable[str],
    *,
    control: str = CONTROL,
    grouping: Grouping = "field",
    seed: int = 1234,
) -> pd.DataFrame:
    """Split all conditions but the targets 60 : 20 : 20; the nuclei of those left out are marked
    `out`.

    The paper leaves out one target at a time, which may be the control, too. By field as in the
    paper: the first fold of `StratifiedGroupKFold(5)` is the test set, the first of
    `StratifiedGroupKFold(4)` on the rest validates. By well: a fifth of each condition's wells.

    Parameters
    ----------
    nuclei : DataFrame
        As for `screen_splits`.
    targets : sequence of str
        Conditions left out together, see `target_groups`.
    genes : iterable of str
        Symbols of all conditions, the targets too; the control is added.
    control, grouping, seed
        As for `screen_splits`. The control is undersampled unless it is a target.

    Returns
    -------
    DataFrame
        Index `nucleus_id`, one column `fold_0`; values train, val, test, out.

    Raises
    ------
    InputError
        As `class_splits`, if a target is not among the conditions, or if fewer than two conditions
        are left.

    References
    ----------
    Image2Reg, splits of the networks that leave one target out.
    """
    conditions = sorted({*genes, control})
    for target in targets:
        if target not in conditions:
            raise InputError(
                f"target {target} is not among the {len(conditions)} conditions; "
                f"{_near(target, conditions)}"
            )
    known = [symbol for symbol in conditions if symbol not in targets]
    if len(known) < 2:
        raise InputError(
            f"{len(conditions)} conditions less {len(targets)} targets leave {len(known)} to train "
            "on"
        )
    check_symbols(nuclei, conditions)
    held_out = _canonical(nuclei, sorted(targets), grouping)  # every nucleus of the targets
    chosen = _canonical(nuclei, known, grouping)
    if control not in targets:
        chosen = _undersample_control(chosen, control, seed)
    if grouping == "well":
        _check_groups(chosen, 3)  # train, val and test need a group each
        # a quarter of the other four fifths validates: 60 : 20 : 20
        table = _deal(chosen, 5, np.random.default_rng(seed), share=0.25)[
            ["fold_0", "_class", "_group"]
        ]
    else:
        _check_groups(chosen, 5)
        rest, test = next(_stratified(chosen, 5))
        table = _table(chosen, {"fold_0": _stratified_fold(chosen, rest, test, 4)})  # 60 : 20 : 20
    out = pd.DataFrame({"fold_0": "out"}, index=pd.Index(held_out["nucleus_id"], name="nucleus_id"))
    return pd.concat([_checked(table), out])


def target_groups(targets: Sequence[str], *, size: int) -> list[list[str]]:
    """Deal targets to the fewest groups of at most `size`; the targets of a group are left out
    together.

    Parameters
    ----------
    targets : sequence of str
        Dealt in turn: group i takes every n-th target from the i-th on.
    size : int
        Largest number of targets per group (paper: 1).

    Returns
    -------
    list of list of str

    Examples
    --------
    >>> target_groups(["JUN", "MOS", "SRC"], size=2)
    [['JUN', 'SRC'], ['MOS']]
    """
    n_groups = -(-len(targets) // size)
    return [list(targets[first::n_groups]) for first in range(n_groups)]


def check_symbols(nuclei: pd.DataFrame, symbols: Sequence[str]) -> None:
    """Check that a table of nuclei has the columns of a split, distinct ids and nuclei of every
    symbol.

    Parameters
    ----------
    nuclei : DataFrame
        One row per nucleus.
    symbols : sequence of str
        Conditions that must have a nucleus each.

    Raises
    ------
    InputError
        For a missing column, a symbol without nuclei (with the symbols that come near it), or a
        nucleus that occurs twice.
    """
    needed = ["nucleus_id", "gene_symbol", "slide_image_name", "plate", "well"]
    if missing := [column for column in needed if column not in nuclei]:
        raise InputError(
            f"nuclei table lacks column {', '.join(missing)}; expected {', '.join(needed)}"
        )
    known = nuclei["gene_symbol"].dropna().unique().tolist()
    for symbol in symbols:
        if symbol not in known:
            raise InputError(
                f"no nucleus of {symbol} in the table of {len(nuclei)}; {_near(symbol, known)}"
            )
    if nuclei["nucleus_id"].duplicated().any():
        twice = nuclei.loc[nuclei["nucleus_id"].duplicated(), "nucleus_id"].iloc[0]
        raise InputError(
            f"nucleus {twice} is in the table twice; it could be trained on and tested"
        )


def _near(symbol: str, known: Sequence[str]) -> str:
    close = get_close_matches(symbol, known, n=3)
    return (
        f"did you mean {' or '.join(close)}?"
        if close
        else "check the gene symbol and the filters before"
    )


def _canonical(nuclei: pd.DataFrame, symbols: Sequence[str], grouping: str) -> pd.DataFrame:
    """Return the nuclei of the symbols, ordered by id, with their group: what comes after cannot
    see row order."""
    if grouping not in ("field", "well"):
        raise InputError(
            f"grouping {grouping!r}: expected field (as in the paper) or well (leaks no well)"
        )
    chosen = nuclei.loc[
        nuclei["gene_symbol"].isin(symbols), ["nucleus_id", "gene_symbol", "slide_image_name"]
    ]
    well = (
        nuclei.loc[chosen.index, "plate"].astype(str)
        + "/"
        + nuclei.loc[chosen.index, "well"].astype(str)
    )
    group = chosen["slide_image_name"].astype(str) if grouping == "field" else well
    # sorted by id: the folds do not depend on the order of the rows
    return chosen.assign(group=group.to_numpy(), grouping=grouping).sort_values(
        "nucleus_id", ignore_index=True
    )


def _check_groups(chosen: pd.DataFrame, least: int) -> None:
    """Refuse a class with fewer groups than splits need."""
    counts = chosen.groupby("gene_symbol")["group"].nunique()
    if (short := counts[counts < least]).empty:
        return
    kind = chosen["grouping"].iloc[0]
    advice = (
        "group by field, or leave it out" if kind == "well" else "take fewer folds, or leave it out"
    )
    more = f" (and {len(short) - 1} more classes)" if len(short) > 1 else ""
    raise InputError(
        f"{short.index[0]} has nuclei in {short.iloc[0]} {kind}{'s' if short.iloc[0] > 1 else ''}, "
        f"fewer than the {least} that the splits need{more}; {advice}"
    )


def _undersample(
    chosen: pd.DataFrame, symbol: str, size: int, rng: np.random.Generator
) -> pd.DataFrame:
    rows = chosen[chosen["gene_symbol"] == symbol]
    return rows.iloc[np.sort(rng.choice(len(rows), size, replace=False))]


def _undersample_control(chosen: pd.DataFrame, control: str, seed: int) -> pd.DataFrame:
    """Undersample the control to the largest of the other classes."""
    counts = chosen["gene_symbol"].value_counts()  # nuclei per class
    others = counts.drop(control)  # nuclei per gene
    if others.empty:
        raise InputError(f"no condition but {control} is left; expected genes to compare it with")
    if counts[control] < others.max():
        raise InputError(
            f"{control} has {counts[control]} nuclei, fewer than the {others.max()} of "
            f"{others.idxmax()} that it is undersampled to; add control wells, or leave that gene "
            "out"
        )
    kept = _undersample(chosen, control, int(others.max()), np.random.default_rng(seed))
    kept = pd.concat([chosen[chosen["gene_symbol"] != control], kept])
    return kept.sort_values("nucleus_id", ignore_index=True)


def _group_k_fold(chosen: pd.DataFrame, n_folds: int, seed: int) -> pd.DataFrame:
    """Test sets by `GroupKFold`, validation by `GroupShuffleSplit` on the rest.

    The paper takes the first draw; on a small screen that may miss a class, then the next that
    holds both counts.
    """
    groups = chosen["group"].to_numpy()
    folds = {}
    for fold, (rest, test) in enumerate(GroupKFold(n_folds).split(groups, groups=groups)):
        draws = GroupShuffleSplit(N_DRAWS, test_size=VALIDATION, random_state=seed).split(
            rest, groups=groups[rest]
        )
        validation = _first_complete(chosen["gene_symbol"].to_numpy()[rest], draws)
        folds[f"fold_{fold}"] = _labels(len(chosen), test, rest[validation])
    return _table(chosen, folds)


def _stratified_fold(
    chosen: pd.DataFrame, rest: np.ndarray, test: np.ndarray, n_splits: int
) -> np.ndarray:
    """Return the labels of a fold whose validation set is the first of `n_splits` stratified parts
    of the rest."""
    validation = _first_complete(
        chosen["gene_symbol"].to_numpy()[rest], _stratified(chosen.iloc[rest], n_splits)
    )
    return _labels(len(chosen), test, rest[validation])


def _first_complete(
    classes: np.ndarray, draws: Iterator[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Return the rows of the first validation set for which it and the training set hold every
    class."""
    n_classes = len(np.unique(classes))
    first = None
    for train, validation in draws:
        first = validation if first is None else first
        if min(len(np.unique(classes[train])), len(np.unique(classes[validation]))) == n_classes:
            return validation
    return first  # `_checked` then names the class that is missing


def _stratified(chosen: pd.DataFrame, n_splits: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Return the splits of an unshuffled `StratifiedGroupKFold` as (rest, test) row numbers."""
    return StratifiedGroupKFold(n_splits).split(chosen, chosen["gene_symbol"], chosen["group"])


def _deal(
    chosen: pd.DataFrame, n_folds: int, rng: np.random.Generator, *, share: float = VALIDATION
) -> pd.DataFrame:
    """Deal the groups of every class to the folds, largest first, so that each split holds each
    class.

    Of the class's groups outside the test set that share, at least one, validates.
    """
    chosen = chosen.reset_index(drop=True)  # the labels below are set by position
    names = [f"fold_{fold}" for fold in range(n_folds)]
    folds = {name: np.full(len(chosen), "train", dtype=object) for name in names}
    for _, rows in chosen.groupby("gene_symbol"):
        sizes = (
            rows["group"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        )
        fold_of = _lightest_first(sizes, n_folds)  # group → fold in which it is tested
        for fold, name in enumerate(names):
            rest = sorted(fold_of.index[fold_of != fold])
            n_validation = max(1, round(share * len(rest)))  # groups
            validation = rng.choice(rest, n_validation, replace=False)  # whole groups
            folds[name][rows.index[rows["group"].isin(validation)]] = "val"
            folds[name][rows.index[rows["group"].map(fold_of) == fold]] = "test"
    return _table(chosen, folds)


def _lightest_first(sizes: pd.Series, n_folds: int) -> pd.Series:
    """Give each group, in the order of `sizes`, to the fold that has the fewest nuclei yet."""
    loads = np.zeros(n_folds)  # nuclei per fold
    fold_of = {}
    for group, size in sizes.items():
        fold_of[group] = int(loads.argmin())
        loads[fold_of[group]] += size
    return pd.Series(fold_of)


def _labels(n: int, test: np.ndarray, validation: np.ndarray) -> np.ndarray:
    labels = np.full(n, "train", dtype=object)
    labels[test] = "test"
    labels[validation] = "val"
    return labels


def _table(chosen: pd.DataFrame, folds: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame(folds, index=pd.Index(chosen["nucleus_id"], name="nucleus_id")).assign(
        _class=chosen["gene_symbol"].to_numpy(), _group=chosen["group"].to_numpy()
    )


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    """Return the folds, after a look that no group is in two splits and each split holds each
    class."""
    classes, groups = table.pop("_class"), table.pop("_group")
    for fold in table:
        if (table.groupby(groups)[fold].nunique() > 1).any():
            raise AssertionError(f"{fold}: a group is in two splits")
        # nuclei by split (rows) and class (columns)
        held = pd.crosstab(table[fold], classes).reindex(["train", "val", "test"], fill_value=0)
        if (held == 0).any(axis=None):
            split, symbol = held[held == 0].stack().index[0]
            raise InputError(
                f"{fold}: no nucleus of {symbol} in {split}, its groups are too few; group by "
                "field or well"
            )
    return table
