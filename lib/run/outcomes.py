"""How notebooks end: what was decided, what came of it, what a failure leaves behind, and what
waits for it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lib.run import store
from lib.run.notebook_process import Failure


@dataclass(frozen=True)
class Decision:
    """Whether a notebook has to run, and why; `failed` is the error with which its last run ended,
    if it did."""

    slug: str
    run: bool
    reasons: tuple[str, ...] = ()
    failed: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a notebook ended: `done`, `ran`, `failed` or `skipped`; `waits_for` names the failed ones
    it needs."""

    slug: str
    state: str
    seconds: float = 0.0
    failure: Failure | None = None
    waits_for: tuple[str, ...] = ()


def keep_failure(path: Path, failure: Failure) -> None:
    """Write how a notebook failed, for `--list` and `--explain`; the next run that ends well
    removes it."""
    store.write_json(path, asdict(failure))


def last_error(path: Path) -> str:
    """Return the error with which a notebook's last run ended, or nothing if it ended well or never
    ran."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["error"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def failed_before(needs: Collection[str], outcomes: Mapping[str, Outcome]) -> tuple[str, ...]:
    """Return the failed notebooks among those that one needs, or behind the skipped ones among
    them, in order.

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
