"""Get the published data: `python -m lib.data.fetch`."""

import argparse
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from lib.data import download_have as have
from lib.data import download_plan as plans
from lib.data import download_receipts as receipts
from lib.data import download_run as runs
from lib.data import sources
from lib.data.download import readable
from lib.data.errors import InputError
from lib.run.progress import PLAIN_INTERVAL, can_draw

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
EXAMPLES = """examples:
  python -m lib.data.fetch --list                       all sources: state, size, title
  python -m lib.data.fetch network_sources --dry-run    what would be fetched for a notebook
  python -m lib.data.fetch interactome fucci            fetch two sources; stopped, they go on
  python -m lib.data.fetch --have interactome=/data/iRefIndex.txt      take a copy in by a link

exit status: 0 done, 1 something is missing or failed, 2 wrong usage, 130 interrupted"""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.data.fetch",
        description=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="source, notebook or parameter that needs it")
    add("--list", action="store_true", help="list the sources; no server is asked (the default)")
    add("--dry-run", action="store_true", help="ask the servers what would come; fetch nothing")
    add("--verify", action="store_true", help="compare what was fetched with what was noted then")
    add("--have", action="append", default=[], metavar="NAME=PATH", help="link your own copy")
    add("--workers", type=int, default=runs.PARALLEL, metavar="N", help="files at the same time")
    options = parser.parse_args(arguments)
    if options.workers < 1:
        parser.error("--workers: a number from 1")
    return options


def print_list(chosen: dict[str, sources.Source]) -> None:
    """Print one line per source and one sentence about all."""
    table = plans.overview(chosen)
    for row in table.itertuples():
        size = "unknown" if row.bytes is pd.NA else readable(row.bytes)
        print(f"{row.state:15} {size:>9}  {row.source:24} {row.title}")
    print(plans.in_words(table))


def print_details(chosen: dict[str, sources.Source]) -> None:
    """Print of each source where it comes from, its terms and how certain that is."""
    for name, source in chosen.items():
        print(f"\n{name}: {source.title}\n  page     {source.page}")
        print(
            f"  terms    {source.licence or 'not stated'}\n  for      {', '.join(source.needed_by)}"
        )
        for fact, words in source.facts.items():
            print(f"  {fact:8} {words}")
        for words in filter(None, (source.note, source.by_hand)):
            print(f"  {words}")


def print_plan(asked: list[plans.Plan]) -> None:
    """Print what would be fetched, how much that is, and how much room there is."""
    for plan in asked:
        size = "of unknown size" if plan.to_come is None else readable(plan.to_come)
        print(f"{plan.name:24} {len(plan.missing)} of {len(plan.files)} files to come, {size}")
        if plan.source.by_hand and plan.state == "by hand":
            print(f"{'':24} by hand: {plan.source.by_hand}")
    for where, n_bytes in plans.needed(asked).items():
        free = shutil.disk_usage(where).free
        print(f"{readable(n_bytes)} are needed in {where}, {readable(free)} are free")


class Told:
    """Says how far it has come: a bar on a terminal, a line every 30 s elsewhere.

    Parameters
    ----------
    total : int or None
        Bytes to come.
    """

    def __init__(self, total: int | None) -> None:
        from tqdm import tqdm

        self.total, self.n_bytes, self.last = total, 0, time.monotonic()
        self.lock = threading.Lock()
        drawn = can_draw(sys.stderr)
        self.bar = tqdm(total=total, unit="B", unit_scale=True, leave=False) if drawn else None

    def said(self, n_bytes: int) -> None:
        """Count new bytes, from any thread."""
        with self.lock:
            self.n_bytes += n_bytes
            if self.bar is not None:
                self.bar.update(n_bytes)
            elif time.monotonic() - self.last >= PLAIN_INTERVAL:
                self.last = time.monotonic()
                of = f" of {readable(self.total)}" if self.total else ""
                print(f"    {readable(self.n_bytes)}{of}", file=sys.stderr, flush=True)

    def line(self, words: str) -> None:
        """Print a line without breaking the bar."""
        print(words, flush=True) if self.bar is None else self.bar.write(words)


@contextmanager
def told(total: int | None) -> Iterator[Told]:
    """Yield what says how far it has come, and take the bar away in the end."""
    teller = Told(total)
    try:
        yield teller
    finally:
        if teller.bar is not None:
            teller.bar.close()


def no_room(asked: list[plans.Plan]) -> str:
    """Return what is said if it does not fit on the disk; empty if it does."""
    try:
        plans.check_room(asked)
    except InputError as error:
        return str(error)
    return ""


def fetch(chosen: dict[str, sources.Source], options: argparse.Namespace) -> int:
    """Fetch what is missing of some sources, or say what that would be."""
    asked, failed = [], []
    for name, source in chosen.items():
        try:
            asked.append(plans.ask(name, source))
        except InputError as error:
            failed.append(f"{name}: {error}")
    if options.dry_run:
        print_plan(asked)
    elif failed_room := no_room(asked):
        failed.append(failed_room)
    else:
        sizes = [plan.to_come for plan in asked]
        with told(None if None in sizes else sum(sizes)) as teller:
            failed += runs.run(asked, workers=options.workers, said=teller.said, done=teller.line)
    for words in failed:
        print(words, file=sys.stderr)
    return FAILED if failed else DONE


def take(registry: dict[str, sources.Source], pairs: list[str]) -> None:
    """Take in copies that lie elsewhere."""
    for pair in pairs:
        name, _, path = pair.partition("=")
        if name not in registry or not path:
            raise InputError(f"--have {pair}: expected NAME=PATH", fix="--list shows the names")
        for words in have.take(plans.look(name, registry[name]), path):
            print(words)


def work(options: argparse.Namespace) -> int:
    """Do what the options ask for and return the exit status."""
    registry = sources.read()
    chosen = sources.choose(registry, options.names)
    if options.have:
        take(registry, options.have)
        return DONE
    if options.verify:
        wrong = [words for name in chosen for words in receipts.changed(name)]
        print("\n".join(wrong) or "Everything is as it was when it arrived.")
        return FAILED if wrong else DONE
    if options.list or not options.names:
        print_list(chosen)
        if options.names:
            print_details(chosen)
        return DONE
    return fetch(chosen, options)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = parse(arguments)
    try:
        return work(options)
    except InputError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except OSError as error:
        print(f"{error}\nWhat has come is kept: run the same command again.", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nInterrupted. What has come is kept: run the same command again.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
