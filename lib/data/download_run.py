"""Many files at once: download, check, unpack, note; what fails does not stop the others."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from lib.data import download_archive as archives
from lib.data import download_check as checks
from lib.data import download_receipts as receipts
from lib.data import download_web as web
from lib.data import sqldump
from lib.data.download import download
from lib.data.download_plan import Plan
from lib.data.download_remote import Remote, part_of
from lib.data.errors import InputError
from lib.data.sources import Dump, folder
from lib.run import store

PARALLEL = 4
MOST_TOLD = 50  # files that get a line each
AT_ONCE = {"zenodo.org": 2}  # more are slowed down or refused there
Job = tuple[Plan, Remote]


class Stopped(Exception):
    """Raised in the threads when a person stops the command."""


def run(
    plans: Iterable[Plan],
    *,
    workers: int = PARALLEL,
    patience: web.Patience | None = None,
    said: Callable[[int], None] = lambda n_bytes: None,
    done: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """Fetch all that is missing of some sources.

    Parameters
    ----------
    plans : iterable of Plan
        From `lib.data.download_plan.ask`.
    workers : int
        Files that are downloaded at the same time.
    patience : Patience, optional
        How long servers are waited for.
    said : callable
        Called with the number of new bytes, from any thread.
    done : callable
        Called with a line for each file that has failed or, if they are few, arrived.

    Returns
    -------
    list of str
        A sentence for each file that did not arrive.
    """
    plans, stop = list(plans), threading.Event()
    jobs = [(plan, one) for plan in plans for one in plan.missing]
    gates = {_host(one): threading.Semaphore(AT_ONCE.get(_host(one), workers)) for _, one in jobs}
    patience = patience or web.Patience()
    patience = replace(patience, sleep=patience.sleep or partial(_rest, stop))

    def count(n_bytes: int) -> None:
        if stop.is_set():
            raise Stopped
        said(n_bytes)

    def work(job: Job) -> None:
        plan, one = job
        count(0)  # nothing begins after a stop
        with gates[_host(one)]:
            fetch(plan.name, one, patience=patience, said=count)

    failed = _all(jobs, work, workers, stop, done)
    return failed + [words for plan in plans if (words := finish(plan))]


def _host(remote: Remote) -> str:
    return urlsplit(remote.url).hostname or ""


def _rest(stop: threading.Event, seconds: float) -> None:
    if stop.wait(seconds):
        raise Stopped


def _all(
    jobs: list[Job],
    work: Callable[[Job], None],
    workers: int,
    stop: threading.Event,
    done: Callable[[str], None],
) -> list[str]:
    """Do all jobs and return what failed; after a fault of this machine no further one begins."""
    failed, left = [], 0
    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(work, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                name = f"{futures[future][0].name}: {futures[future][1].to}"
                error = future.exception()
                if isinstance(error, Stopped):
                    left += 1
                elif isinstance(error, (InputError, OSError)):
                    failed.append(f"{name}: {error}")
                    done(f"FAILED {failed[-1]}")
                elif error is not None:
                    raise error
                elif len(jobs) <= MOST_TOLD:
                    done(name)
                if isinstance(error, OSError) and not isinstance(error, ConnectionError):
                    stop.set()  # a full disk stays full
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed + ([f"{left} further files are left for the next time"] if left else [])


def fetch(
    source: str,
    remote: Remote,
    *,
    patience: web.Patience | None = None,
    said: Callable[[int], None] = lambda n_bytes: None,
) -> Path:
    """Bring one file to its place: downloaded, checked, unpacked, checked again, noted.

    Parameters
    ----------
    source : str
        Name of its source.
    remote : Remote
        The file.
    patience : Patience, optional
        How long the server is waited for.
    said : callable
        Called with the number of new bytes.

    Returns
    -------
    Path
        Where it lies.

    Raises
    ------
    InputError, OSError
        As `lib.data.download.download`, and if what is inside an archive is not what it has to be.
    """
    if remote.is_here:
        return remote.path
    served = part_of(remote)
    download(remote.url, served, expected=remote.served, patience=patience, said=said)
    if remote.unpack:
        unpacked(remote, served)
        served.unlink()
    receipts.note(source, remote.to, remote.url)
    return remote.path


def unpacked(remote: Remote, archive: Path) -> Path:
    """Unpack what was served, and check what came out.

    Parameters
    ----------
    remote : Remote
        The file.
    archive : Path
        What was served.

    Returns
    -------
    Path
        Where it lies.

    Raises
    ------
    InputError
        If the archive or what is inside is not what it has to be; nothing is left at its place.
    """
    if remote.unpack != "gz":
        return archives.unpack(archive, remote.path)
    aside = remote.path.with_name(f".unpacked.{remote.path.name}")
    try:
        archives.unpack_gz(archive, aside)
        checks.check(aside, remote.arrived, name=remote.path.name)
        os.replace(aside, remote.path)
    finally:
        aside.unlink(missing_ok=True)
    return remote.path


def finish(plan: Plan) -> str:
    """Check what a person brought, and read a table out of a dump that has arrived.

    Parameters
    ----------
    plan : Plan
        Of one source.

    Returns
    -------
    str
        What is wrong, or what a person has to do; empty if nothing.
    """
    by_hand = [one for one in plan.files if not one.url and one.is_here]
    whole = folder(plan.source)
    if whole and not plan.missing and whole.exists():
        receipts.note(plan.name, plan.source.filled.to, plan.source.page)
    try:
        for one in by_hand:
            checks.check(one.path, one.arrived)
        if plan.source.dump:
            _read_dump(plan.source.dump)
    except InputError as error:
        return f"{plan.name}: {error}"
    if plan.by_hand or (plan.source.by_hand and plan.state == "by hand"):
        places = ", ".join(one.to for one in plan.by_hand)
        return f"{plan.name}: {plan.source.by_hand}{f' Put it to {places}.' if places else ''}"
    return ""


def _read_dump(dump: Dump) -> None:
    """Write the table of a dump as CSV, if the dump is there and the table is not."""
    paths = [store.resolve(dump.path), store.resolve(f"{dump.path}.gz")]
    there = [path for path in paths if path.exists()]
    if there and not store.resolve(dump.to).exists():
        table = sqldump.read(there[0], dump.table, dump.columns)
        with store.atomic(dump.to) as part:
            table.to_csv(part, index=False)
