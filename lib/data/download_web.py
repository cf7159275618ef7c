"""How servers are asked: who asks, how long it waits, which answers are worth another try."""

import email.utils
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from lib.data.errors import InputError

Result = TypeVar("Result")
AGENT = "image2reg-compendium (research software; fetches published data)"
BUSY = (408, 425, 429, 500, 502, 503, 504)  # another try may help
BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError, TimeoutError)
EPOCH = 1_000_000  # a reset above this is a time since 1970, below it seconds from now
_REASON = re.compile(r"\[Errno -?\d+\] ([^()'\"]+)")  # the system's words, deep in the error
HAVE = "or give your own copy with --have NAME=PATH"


@dataclass(frozen=True)
class Patience:
    """How long servers are waited for.

    Parameters
    ----------
    connect, read : float
        Seconds until a server must have answered, and between two of its bytes.
    attempts : int
        Tries in a row that bring nothing new, before it is given up.
    pause : float
        Seconds before the second try; doubled before each further one.
    longest : float
        Longest pause that a server may ask for, in seconds.
    sleep : callable, optional
        Takes seconds; default `time.sleep`.
    """

    connect: float = 15.0
    read: float = 60.0
    attempts: int = 5
    pause: float = 2.0
    longest: float = 900.0
    sleep: Callable[[float], None] | None = None

    @property
    def timeout(self) -> tuple[float, float]:
        """Both limits, as `requests` takes them."""
        return self.connect, self.read


class Transient(Exception):
    """An answer after which another try may help.

    Parameters
    ----------
    what : str
        What happened.
    wait : float, optional
        Seconds that the server asks for.
    """

    def __init__(self, what: str, wait: float | None = None) -> None:
        self.what, self.wait = what, wait
        super().__init__(what)


def session() -> requests.Session:
    """Return a session that says who asks and wants bytes as they are stored.

    Returns
    -------
    requests.Session
        One per thread; no login, and no compression on the way: sizes and ranges are of the file.
    """
    made = requests.Session()
    made.headers.update({"User-Agent": AGENT, "Accept-Encoding": "identity"})
    return made


def refuse(answer: requests.Response) -> None:
    """Raise for an answer that is no success.

    Parameters
    ----------
    answer : Response
        What the server said.

    Raises
    ------
    Transient
        If another try may help.
    InputError
        If it will not: 401, 403, 404 and the like, in words.
    """
    status, url = answer.status_code, answer.url
    if status < 400:
        return
    if status in BUSY:
        raise Transient(f"the server answered {status}", pause_of(answer.headers, time.time()))
    host = urlsplit(url).hostname
    words = {
        401: f"{host} wants a login (401)",
        403: f"{host} refuses it (403): there is no such file or prefix, or it is not public",
        404: f"{host} does not have it (404)",
        410: f"{host} does not have it any more (410)",
    }
    fix = f"check the address on the source's page, {HAVE}"
    raise InputError(f"{words.get(status, f'{host} answered {status}')}: {url}", fix=fix)


def pause_of(headers: Mapping[str, str], now: float) -> float | None:
    """Return how long a server asks to be left alone.

    Parameters
    ----------
    headers : mapping of str to str
        Of its answer: `Retry-After` (seconds or a date) or `X-RateLimit-Reset` (seconds, or a
        time since 1970).
    now : float
        Seconds since 1970.

    Returns
    -------
    float or None
        Seconds from now; None if it says nothing.

    Examples
    --------
    >>> pause_of({"Retry-After": "7"}, now=0.0), pause_of({}, now=0.0)
    (7.0, None)
    >>> pause_of({"X-RateLimit-Reset": "1700000007"}, now=1700000000.5)  # the server rounds
    7.5
    """
    text = headers.get("Retry-After") or headers.get("X-RateLimit-Reset") or ""
    try:
        seconds = float(text)
    except ValueError:
        date = email.utils.parsedate_tz(text)
        seconds = email.utils.mktime_tz(date) if date else math.nan
    if not math.isfinite(seconds):
        return None
    # a server's clock tells whole seconds: one more, or the first try comes too early
    return max(0.0, seconds if seconds < EPOCH else seconds + 1 - now)


def patiently(
    once: Callable[[], Result], *, patience: Patience, progress: Callable[[], int] = lambda: 0
) -> Result:
    """Call a function until it succeeds, with growing pauses.

    Parameters
    ----------
    once : callable
        Makes one try.
    patience : Patience
        How often and how long.
    progress : callable
        Returns how far it has come; tries that bring something new are not counted.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    InputError
        If the tries are used up, or the server asks for too long a pause.
    """
    failures, reached = 0, progress()
    while True:
        try:
            return once()
        except (Transient, *BROKEN) as error:
            failures = 1 if progress() > reached else failures + 1
            reached, words = progress(), in_words(error, patience)
            wait = getattr(error, "wait", None)
        if failures >= patience.attempts:
            fix = f"what has come is kept: run the same command again later, {HAVE}"
            raise InputError(f"{words}, {failures} times", fix=fix)
        if wait is not None and wait > patience.longest:
            later = datetime.fromtimestamp(time.time() + wait, UTC)
            fix = f"run the same command after {later:%H:%M} UTC"
            raise InputError(f"{words} and asks for a pause of {wait / 60:.0f} min", fix=fix)
        pause = max(wait or 0.0, patience.pause * 2 ** (failures - 1))
        (patience.sleep or time.sleep)(pause)


def in_words(error: Exception, patience: Patience) -> str:
    """Say what went wrong on the way, for people.

    Parameters
    ----------
    error : Exception
        From `requests`, from below it, or `Transient`.
    patience : Patience
        Its limits are named.

    Returns
    -------
    str
    """
    if isinstance(error, Transient):
        return error.what
    if isinstance(error, requests.ConnectTimeout):
        return f"the server could not be reached within {patience.connect:g} s"
    late = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    if isinstance(error, late):
        return f"the server sent nothing for {patience.read:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return f"the server's certificate is not accepted ({error})"
    if isinstance(error, requests.ConnectionError):
        reason = _REASON.search(str(error))
        because = f" ({reason[1].strip()})" if reason else ""
        return f"the server could not be reached, or hung up{because}"
    return f"the connection broke off ({type(error).__name__})"


def ask(
    url: str, *, params: Mapping[str, str] | None = None, patience: Patience | None = None
) -> requests.Response:
    """Ask for a page that is read as a whole, such as a listing.

    Parameters
    ----------
    url : str
        Its address.
    params : mapping of str to str, optional
        Put behind the `?`.
    patience : Patience, optional
        How long to wait.

    Returns
    -------
    Response

    Raises
    ------
    InputError
        If the server refuses or stays silent.
    """
    patience = patience or Patience()

    def once() -> requests.Response:
        with session() as asking:
            answer = asking.get(url, params=params, timeout=patience.timeout)
        refuse(answer)
        return answer

    return patiently(once, patience=patience)


def size_of(url: str, *, patience: Patience | None = None) -> int | None:
    """Ask a server how large a file is.

    Parameters
    ----------
    url : str
        Address of the file.
    patience : Patience, optional
        How long to wait; one try is made.

    Returns
    -------
    int or None
        Bytes; None if it does not say.
    """
    patience = patience or Patience()
    try:
        with session() as asking:
            answer = asking.head(url, timeout=patience.timeout, allow_redirects=True)
    except BROKEN:
        return None
    length = answer.headers.get("Content-Length", "")
    return int(length) if answer.status_code == 200 and length.isdigit() else None
