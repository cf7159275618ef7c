"""What the person at the terminal sees: one bar for notebooks, one for units; plain lines when not a terminal."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

PLAIN_INTERVAL = 30.0  # seconds between lines when output is no terminal
POLL_INTERVAL = 0.1  # seconds


class Progress:
    """Draws a run. `watch` is called with each running notebook process and returns when it has ended."""

    def __init__(self, n_notebooks: int, *, stream: TextIO = sys.stderr) -> None:
        self.stream = stream
        self.bars = stream.isatty()
        self.n_notebooks = n_notebooks
        self.done = 0
        self.slug = ""
        self.units_file: Path | None = None
        self.notebook_bar = self._bar(n_notebooks, "notebooks", position=0) if self.bars else None

    def begin(self, slug: str, units_file: Path) -> None:
        """Say that a notebook starts; the number of units done is read from `units_file`."""
        self.slug, self.units_file = slug, units_file
        if self.notebook_bar is not None:
            self.notebook_bar.set_postfix_str(slug)
        else:
            self.say(f"[{self.done + 1}/{self.n_notebooks}] {slug} …")

    def end(self, message: str) -> None:
        """Say how the notebook ended."""
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

    def _bar(self, total: int, name: str, *, position: int):
        from tqdm import tqdm

        return tqdm(total=total, desc=name, position=position, file=self.stream, leave=False, dynamic_ncols=True)

    def _units(self) -> dict | None:
        """Return the state the notebook's units last told, or None."""
        try:
            return json.loads(self.units_file.read_text(encoding="utf-8"))
        except (OSError, ValueError, AttributeError):
            return None

    def _draw_units(self, bar, units: dict | None):
        if units is None or units["total"] == units["done"]:
            return bar
        if bar is None or bar.total != units["total"]:
            bar = self._bar(units["total"], f"  {units['name']}", position=1)
        bar.update(units["done"] - bar.n)
        return bar


def _in_words(units: dict | None) -> str:
    if units is None:
        return ""
    failed = f", {units['failed']} failed" if units["failed"] else ""
    return f", {units['done']} of {units['total']} units of {units['name']}{failed}"
