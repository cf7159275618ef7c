"""Progress at the terminal: one bar for notebooks, one for units; plain lines elsewhere."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

PLAIN_INTERVAL = 30.0  # seconds between lines when output is no terminal
POLL_INTERVAL = 0.1  # seconds
NOTEBOOK_BAR = "{desc:<14}{percentage:3.0f}% |{bar:30}| {n_fmt}/{total_fmt}  {elapsed}{postfix}"
UNIT_BAR = "{desc:<14}{percentage:3.0f}% |{bar:30}| {n_fmt}/{total_fmt}  {remaining} left{postfix}"


def can_draw(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that knows its size and can move its cursor.

    Parameters
    ----------
    stream : TextIO
        Where progress goes.

    Returns
    -------
    bool
    """
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        return False
    return min(os.get_terminal_size(stream.fileno())) > 0  # a pseudo-terminal may have no size


@dataclass
class Running:
    """A notebook at work, as it is drawn.

    Parameters
    ----------
    units_file : Path
        JSON file in which the notebook tells how many of its units are done.
    process : Popen
        Ends with the notebook.
    started, said : float
        Clock at its start and at its last line, in seconds.
    bar : tqdm, optional
        Of its units.
    """

    units_file: Path
    process: subprocess.Popen
    started: float
    said: float
    bar: Any = None

    def units(self) -> dict | None:
        """Return the state that the notebook last told of its units, or None."""
        try:
            return json.loads(self.units_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None


class Progress:
    """Draws a run, and waits for its notebooks.

    Parameters
    ----------
    n_notebooks : int
        Notebooks of the run.
    stream : TextIO
        Where progress goes.
    """

    def __init__(self, n_notebooks: int, *, stream: TextIO = sys.stderr) -> None:
        self.stream = stream
        self.bars = can_draw(stream)
        self.n_notebooks = n_notebooks
        self.done = 0
        self.running: dict[str, Running] = {}
        self.notebook_bar = (
            self._bar("notebooks", NOTEBOOK_BAR, total=n_notebooks) if self.bars else None
        )

    def begin(self, slug: str, units_file: Path, process: subprocess.Popen) -> None:
        """Say that a notebook starts.

        Parameters
        ----------
        slug : str
            The notebook.
        units_file : Path
            JSON file in which the notebook tells how many of its units are done.
        process : Popen
            Ends with the notebook.
        """
        now = time.monotonic()
        self.running[slug] = Running(units_file, process, now, now)
        if self.notebook_bar is not None:
            self.notebook_bar.set_postfix_str(", ".join(self.running))
        else:
            self.say(f"[{self.done + len(self.running)}/{self.n_notebooks}] {slug} …")

    def end(self, slug: str, message: str) -> None:
        """Say how a notebook ended.

        Parameters
        ----------
        slug : str
            The notebook.
        message : str
            In one line.
        """
        self.done += 1
        one = self.running.pop(slug, None)
        if one is not None and one.bar is not None:
            one.bar.close()
        if self.notebook_bar is not None:
            self.notebook_bar.set_postfix_str(", ".join(self.running), refresh=False)
            self.notebook_bar.update()
        self.say(f"[{self.done}/{self.n_notebooks}] {slug}: {message}")

    def say(self, message: str) -> None:
        """Print a line without breaking the bars."""
        if self.bars:
            from tqdm import tqdm

            tqdm.write(message, file=self.stream)
        else:
            print(message, file=self.stream, flush=True)

    def wait(self) -> str:
        """Wait until one of the running notebooks has ended, drawing their units.

        Returns
        -------
        str
            Its slug.
        """
        while True:
            for slug, one in self.running.items():
                if one.process.poll() is not None:
                    return slug
            time.sleep(POLL_INTERVAL)
            for slug, one in self.running.items():
                self._draw(slug, one)

    def _draw(self, slug: str, one: Running) -> None:
        """Draw how far a notebook is, or say it from time to time."""
        if self.bars:
            self.notebook_bar.refresh()
            one.bar = self._draw_units(one.bar, one.units())
        elif time.monotonic() - one.said >= PLAIN_INTERVAL:
            one.said = time.monotonic()
            self.say(f"    {slug}: {one.said - one.started:.0f} s{_in_words(one.units())}")

    def close(self) -> None:
        if self.notebook_bar is not None:
            self.notebook_bar.close()

    def _bar(self, name: str, bar_format: str, **options):
        from tqdm import tqdm

        return tqdm(
            desc=name,
            bar_format=bar_format,
            file=self.stream,
            leave=False,
            dynamic_ncols=True,
            **options,
        )

    def _draw_units(self, bar, units: dict | None):
        """Bring the bar up to date; another set of units gets a bar of its own in its place."""
        if units is None:
            return bar
        name = f"  {units['name']}"
        if bar is None or (bar.desc, bar.total) != (name, units["total"]):
            if bar is not None:
                bar.close()
            bar = self._bar(name, UNIT_BAR, total=units["total"], initial=units["done"])
        if units["failed"]:
            bar.set_postfix_str(f"{units['failed']} failed", refresh=False)
        bar.update(units["done"] - bar.n)
        return bar


def _in_words(units: dict | None) -> str:
    if units is None:
        return ""
    failed = f", {units['failed']} failed" if units["failed"] else ""
    return f", {units['done']} of {units['total']} units of {units['name']}{failed}"
