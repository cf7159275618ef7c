"""Progress at the terminal: one bar for notebooks, one for units; plain lines elsewhere."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

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


class Progress:
    """Draws a run; `watch` is called with each notebook process and returns when it has ended.

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
        self.slug = ""
        self.units_file: Path | None = None
        self.notebook_bar = (
            self._bar("notebooks", NOTEBOOK_BAR, total=n_notebooks) if self.bars else None
        )

    def begin(self, slug: str, units_file: Path) -> None:
        """Say that a notebook starts.

        Parameters
        ----------
        slug : str
            The notebook.
        units_file : Path
            JSON file in which the notebook tells how many of its units are done.
        """
        self.slug, self.units_file = slug, units_file
        if self.notebook_bar is not None:
            self.notebook_bar.set_postfix_str(slug)
        else:
            self.say(f"[{self.done + 1}/{self.n_notebooks}] {slug} …")

    def end(self, message: str) -> None:
        """Say how the notebook ended.

        Parameters
        ----------
        message : str
            In one line.
        """
        self.done += 1
        if self.notebook_bar is not None:
            self.notebook_bar.update()
        self.say(f"[{self.done}/{self.n_notebooks}] {message}")

    def say(self, message: str) -> None:
        """Print a line without breaking the bars."""
        if self.bars:
            from tqdm import tqdm

            tqdm.write(message, file=self.stream)
        else:
            print(message, file=self.stream, flush=True)

    def watch(self, process: subprocess.Popen) -> None:
        """Wait for a notebook process, drawing its units."""
        started = said = time.monotonic()
        unit_bar = None
        while True:
            try:
                process.wait(timeout=POLL_INTERVAL)
                break
            except subprocess.TimeoutExpired:
                pass
            # from a file: the notebook runs in another process
            units = self._units()
            if self.bars:
                self.notebook_bar.refresh()
                unit_bar = self._draw_units(unit_bar, units)
            elif time.monotonic() - said >= PLAIN_INTERVAL:
                said = time.monotonic()
                self.say(f"    {self.slug}: {said - started:.0f} s{_in_words(units)}")
        if unit_bar is not None:
            unit_bar.close()

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

    def _units(self) -> dict | None:
        """Return the state the notebook's units last told, or None."""
        try:
            return json.loads(self.units_file.read_text(encoding="utf-8"))
        except (OSError, ValueError, AttributeError):
            return None

    def _draw_units(self, bar, units: dict | None):
        """Bring the bar up to date; another set of units gets a bar of its own in its place."""
        if units is None:
            return bar
        name = f"  {units['name']}"
        if bar is None or (bar.desc, bar.total) != (name, units["total"]):
            if bar is not None:
                bar.close()
            bar = self._bar(name, UNIT_BAR, total=units["total"], initial=units["done"], position=1)
        if units["failed"]:
            bar.set_postfix_str(f"{units['failed']} failed", refresh=False)
        bar.update(units["done"] - bar.n)
        return bar


def _in_words(units: dict | None) -> str:
    if units is None:
        return ""
    failed = f", {units['failed']} failed" if units["failed"] else ""
    return f", {units['done']} of {units['total']} units of {units['name']}{failed}"
