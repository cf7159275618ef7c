"""Upper tails of the hypergeometric distribution: the one-sided Fisher test."""

import numpy as np

from lib.data.errors import InputError
from lib.go import r

TAILS = ("auto", "r", "scipy")


def upper_tail(hits, white, black, drawn, *, tail: str = "auto") -> np.ndarray:
    """Compute P[X ≥ hits], X being the white balls among those drawn from an urn.

    Every distinct case is computed once. No hits, or an empty urn or draw, gives 1.

    Parameters
    ----------
    hits, white, black, drawn : (M,) int array or int
        Counts; they broadcast. The urn has `white` and `black` balls, of which `drawn` are taken.
    tail : str
        `r` calls R's `phyper`, the function behind topGO and clusterProfiler, whose last bits
        decide the order of near-ties; swapping the roles of white and drawn changes them. `scipy`
        needs no R and agrees within 3e-14 in log10 p. `auto` is `r` where R can be started.

    Returns
    -------
    (M,) float64 array
        From 0 to 1.

    Raises
    ------
    InputError
        If the tail is unknown.
    """
    if tail not in TAILS:
        raise InputError(f"tail '{tail}' is unknown; choose one of {', '.join(TAILS)}")
    cases = (
        np.stack(np.broadcast_arrays(hits, white, black, drawn), axis=-1)
        .astype(np.int64)
        .reshape(-1, 4)
    )
    # (U, 4), (M,)
    unique, inverse = _unique_rows(cases)
    # guarded here, as SciPy gives NaN for an empty urn
    p = np.ones(len(unique))
    open_cases = (unique[:, 0] > 0) & (unique[:, 3] > 0) & (unique[:, 1] + unique[:, 2] > 0)
    if open_cases.any():
        p[open_cases] = _FUNCTIONS[resolve(tail)](*unique[open_cases].T)
    return p[inverse]


def resolve(tail: str) -> str:
    """Return the tail that `auto` stands for on this machine.

    Parameters
    ----------
    tail : str
        One of `TAILS`.

    Returns
    -------
    str
        `r` or `scipy`.
    """
    if tail != "auto":
        return tail
    return "r" if r.is_available() else "scipy"


def _unique_rows(cases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows of an (M, 4) array and the position of each row among them."""
    width = cases.max(axis=0, initial=0) + 1
    if np.prod(width.astype(float)) >= 2**62:  # too many genes to number the rows
        unique, inverse = np.unique(cases, axis=0, return_inverse=True)
        return unique, inverse.ravel()
    _, first, inverse = np.unique(
        np.ravel_multi_index(cases.T, width), return_index=True, return_inverse=True
    )
    return cases[first], inverse


def _by_r(hits, white, black, drawn) -> np.ndarray:
    """Evaluate R's phyper on whole vectors."""
    # hits − 1, since phyper's upper tail is P[X > q]
    counts = [np.asarray(value, float) for value in (hits - 1, white, black, drawn)]
    return r.floats(r.call(r.evaluate("stats::phyper"), *counts, **{"lower.tail": False}))


def _by_scipy(hits, white, black, drawn) -> np.ndarray:
    """Evaluate SciPy's survival function on whole vectors."""
    from scipy import stats  # a second to import, and not needed where R is

    # SciPy: population, white in it, drawn
    return stats.hypergeom.sf(hits - 1, white + black, white, drawn)


_FUNCTIONS = {"r": _by_r, "scipy": _by_scipy}
