"""What the person at the terminal reads while a run goes on."""

import io
import json
import subprocess

import pytest

from lib.run import progress


@pytest.fixture
def told(monkeypatch):
    """A run of two notebooks, written to a file, that says how it is every moment instead of every
    30 s."""
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.0)
    monkeypatch.setattr(progress, "POLL_INTERVAL", 0.05)
    return progress.Progress(2, stream=io.StringIO())


def test_plain_lines_where_there_is_no_terminal(told, tmp_path):
    units_file = tmp_path / "units.json"
    units_file.write_text(json.dumps({"name": "folds", "total": 8, "done": 3, "failed": 1}))
    told.begin("train", units_file, subprocess.Popen(["sleep", "0.3"]))
    told.begin("draw", tmp_path / "none", subprocess.Popen(["sleep", "9"]))
    assert told.wait() == "train"
    told.end("train", "done in 0.3 s")
    told.running["draw"].process.kill()
    assert told.wait() == "draw"
    told.close()
    lines = told.stream.getvalue().splitlines()
    assert lines[:2] == ["[1/2] train …", "[2/2] draw …"]
    assert lines[2:4] == ["    train: 0 s, 3 of 8 units of folds, 1 failed", "    draw: 0 s"]
    assert "[1/2] train: done in 0.3 s" in lines


@pytest.mark.parametrize("text", [None, "", '{"name": "fo'])
def test_units_that_are_not_told_yet_are_left_out(told, tmp_path, text):
    if text is not None:
        (tmp_path / "units.json").write_text(text)
    told.begin("train", tmp_path / "units.json", subprocess.Popen(["sleep", "0.2"]))
    told.wait()
    assert told.stream.getvalue().splitlines()[1] == "    train: 0 s"


class Terminal(io.StringIO):
    """A terminal in memory."""

    def isatty(self):
        return True

    def fileno(self):
        return 1


@pytest.mark.parametrize(
    ("size", "term", "draws"),
    [
        ((100, 30), "xterm", True),
        ((100, 0), "xterm", False),
        ((0, 0), "xterm", False),
        ((100, 30), "dumb", False),
    ],
)
def test_bars_only_where_they_can_be_drawn(monkeypatch, size, term, draws):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(progress.os, "get_terminal_size", lambda descriptor: size)
    assert progress.can_draw(Terminal()) is draws
    assert not progress.can_draw(io.StringIO())


def test_each_set_of_units_has_a_bar_with_the_time_left(monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "can_draw", lambda stream: True)
    drawn = progress.Progress(2, stream=io.StringIO())
    drawn.begin("train", tmp_path / "units.json", subprocess.Popen(["true"]))
    first = drawn._draw_units(None, {"name": "folds", "total": 8, "done": 3, "failed": 0})
    assert first.initial == first.n == 3, "what was done before does not make the rest seem fast"
    assert drawn._draw_units(first, {"name": "folds", "total": 8, "done": 5, "failed": 2}) is first
    assert first.n == 5 and first.postfix == "2 failed"
    second = drawn._draw_units(first, {"name": "genes", "total": 8, "done": 0, "failed": 0})
    assert second is not first and second.n == 0
    assert drawn._draw_units(second, None) is second
    second.close()
    drawn.close()
    text = drawn.stream.getvalue()
    assert "notebooks       0% |" in text and "0/2  00:00, train" in text
    assert "  folds        38% |" in text and "3/8  ? left" in text
