"""How notebooks end: decisions, outcomes, what a failure leaves behind, and what waits for it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lib.run import store
from lib.run.notebook_process import Failure


@dataclass(frozen=True)
class Decision:
    """Whether a notebook has to run, and why.

    Parameters
    ----------
    slug : str
        The notebook.
    run : bool
        Whether it has to run.
    reasons : tuple of str
        Why, one line each.
    failed : str
        Error with which its last run ended; empty if it ended well.
    """

    slug: str
    run: bool
    reasons: tuple[str, ...] = ()
    failed: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a notebook ended.

    Parameters
    ----------
    slug : str
        The notebook.
    state : str
        `done` (nothing to do), `ran`, `failed` or `skipped`.
    seconds : float
        Its run time.
    failure : Failure, optional
        Of one that failed.
    waits_for : tuple of str
        Failed notebooks that a skipped one needs.
    """

    slug: str
    state: str
    seconds: float = 0.0
    failure: Failure | None = None
    waits_for: tuple[str, ...] = ()


def keep_failure(path: Path, failure: Failure) -> None:
    """Write how a notebook failed, for `--list` and `--explain`.

    The next run that ends well removes it.

    Parameters
    ----------
    path : Path
        JSON file beside its log.
    failure : Failure
        Where and why it stopped.
    """
    store.write_json(path, asdict(failure))


def last_error(path: Path) -> str:
    """Return the error with which a notebook's last run ended.

    Parameters
    ----------
    path : Path
        JSON file of `keep_failure`.

    Returns
    -------
    str
        Empty if it ended well or never ran.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))["error"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def failed_before(needs: Collection[str], outcomes: Mapping[str, Outcome]) -> tuple[str, ...]:
    """Return the failed notebooks that one needs, directly or behind skipped ones.

    Parameters
    ----------
    needs : collection of str
        Slugs of the notebooks whose files it reads.
    outcomes : mapping of str to Outcome
        Notebooks that have ended, in order.

    Returns
    -------
    tuple of str
        Slugs, in that order, each once.

    Examples
    --------
    >>> failed, ran = Outcome("a", "failed"), Outcome("c", "ran")
    >>> ended = {"a": failed, "b": Outcome("b", "skipped", waits_for=("a",)), "c": ran}
    >>> failed_before({"b", "c"}, ended)
    ('a',)
    """
    needed = [outcome for slug, outcome in outcomes.items() if slug in needs]
    roots = [(one.slug,) if one.state == "failed" else one.waits_for for one in needed]
    return tuple(dict.fromkeys(slug for found in roots for slug in found))
