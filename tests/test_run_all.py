"""The whole runner on a toy compendium: what runs and why, what it says, and what killing it
changes: nothing."""

import json
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest
import toy

from lib.run import keys

ROOT = toy.ROOT


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A toy that has run once, to be copied."""
    folder = toy.build(tmp_path_factory.mktemp("finished") / "toy")
    run = toy.run(folder, "--cluster", "inline")
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture
def done(finished, tmp_path):
    """A copy of the toy that has run, with the same file times."""
    return shutil.copytree(finished, tmp_path / "toy")


def call(folder, *arguments, code=0):
    """Run the toy to its end, check the exit status, and return all it said."""
    run = toy.run(folder, "--cluster", "inline", *arguments)
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout + run.stderr


def ran(text):
    return re.findall(r"\] (\w+): done in", text)


def dry(folder, *arguments):
    """Return slug → reason of what would run."""
    lines = toy.run(folder, "--dry-run", *arguments).stdout.splitlines()
    return {line.split()[1]: line.split(None, 2)[2] for line in lines if line.startswith("run ")}


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def edit_cell(folder, notebook, old, new):
    edit(folder / "notebooks" / notebook, json.dumps(old)[1:-1], json.dumps(new)[1:-1])


def test_a_finished_run_is_whole_and_says_so(done):
    files = set(toy.contents(done))
    assert {
        "runs/mini/data/number.txt",
        "runs/mini/results/doubles.txt",
        "figures/mini/draw__panel.svg",
    } <= files
    assert not [path for path in done.rglob(".*.part*")]
    assert sorted(path.name for path in (done / "runs/mini/executed").iterdir()) == sorted(
        toy.NOTEBOOKS
    )
    assert re.findall(r"^(done|to run) +(\w+)", call(done, "--list"), re.M) == [
        ("done", "source"),
        ("done", "double"),
        ("done", "draw"),
    ]
    text = call(done)
    assert ran(text) == [] and "0 run, 3 already done in 0." in text
    assert "Figures: figures/mini, notebooks: runs/mini/executed" in text


def test_explain_names_exactly_what_changed(done):
    """Each change on its own, from the command line to the module that a module imports."""

    def explain(slug, *arguments):
        return call(done, "--explain", slug, *arguments).splitlines()[1:]

    assert call(done, "--explain", "draw").strip() == "draw: is done: nothing it depends on changed"
    assert explain("source", "--set", "source.number=4") == ["  params: number was 3, is 4"]
    genes = done / "genes.csv"
    genes.write_text("MYC")
    assert explain("source", "--set", f"source.input_path={genes}") == [
        "  inputs: source.input_path is new"
    ]
    edit_cell(done, "20_double.ipynb", "seed=7", "seed=8")
    assert explain("double") == ["  code: cell 3 changed"]
    edit(done / "lib/doubling.py", "number * 2", "number + number")
    assert explain("double") == ["  code: cell 3 changed", "  modules: lib.doubling.double changed"]
    edit(done / "lib/run/store.py", "import hashlib", "import hashlib  # the same")
    assert explain("draw") == []
    edit(done / "lib/run/store.py", "indent=1", "indent=2")
    assert explain("draw") == [], "it writes no JSON"
    edit(done / "lib/run/store.py", "return ROOT / path", "return ROOT.joinpath(path)")
    assert explain("draw") == ["  modules: lib.run.store.resolve changed"]
    (done / "figures/mini/draw__panel.csv").write_text("edited")
    (done / "figures/mini/draw__panel.svg").unlink()
    assert explain("panel")[1:] == [
        "  output: figures/mini/draw__panel.svg is missing",
        "  output: figures/mini/draw__panel.csv changed",
    ]
    edit(done / "runs/mini/stamps/source.json", '"python": "', '"python": "1.')
    assert re.fullmatch(r"  versions: python was 1\.(\S+), is \1", explain("source")[-1])
    (done / "runs/mini/stamps/source.json").write_text("{}")
    assert explain("source") == ["  it has not been run"]


def test_the_dry_run_says_what_runs_and_what_may(done):
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*") if "stamps" in path.parts}
    assert dry(done) == {}
    assert dry(done, "--set", "source.number=4") == {
        "source": "params: number was 3, is 4",
        "double": "if source changes what it makes",
        "draw": "if double changes what it makes",
    }
    assert dry(done, "draw", "--only", "--force") == {"draw": "--force"}
    assert dry(done, "--profile", "smoke")["draw"] == "it has not been run"
    assert not (done / "runs/smoke").exists(), "it leaves no trace"
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_what_makes_the_same_bytes_cuts_off_what_follows(done):
    edit_cell(done, "10_source.ipynb", "str(number))", "str(int(number)))")
    assert ran(call(done)) == ["source"]
    first = toy.contents(done)
    (done / "runs/mini/results/doubles.txt").unlink()
    (done / "figures/mini/draw__panel.svg").write_text("edited by hand")
    assert ran(call(done)) == ["double", "draw"]
    assert toy.contents(done) == first


def test_words_and_outputs_in_a_notebook_run_nothing(done):
    path = done / "notebooks/10_source.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("A better title"))
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="seen in JupyterLab")]
    nbformat.write(notebook, path)
    assert dry(done) == {}


def test_the_content_of_an_input_counts_and_not_its_name(done):
    (done / "genes.csv").write_text("MYC")
    assert ran(call(done, "--set", "source.input_path=genes.csv")) == ["source"]
    shutil.copy(done / "genes.csv", done / "moved.csv")
    assert dry(done, "--set", "source.input_path=moved.csv") == {}
    (done / "genes.csv").write_text("TP53")
    assert (
        dry(done, "--set", "source.input_path=genes.csv")["source"]
        == "inputs: source.input_path changed"
    )
    assert dry(done)["source"] == "inputs: source.input_path is gone"


def test_a_set_value_reaches_every_figure_and_goes_again(done):
    first = toy.contents(done)
    assert ran(call(done, "--set", "source.number=4", "--set", "draw.word=red")) == [
        "source",
        "double",
        "draw",
    ]
    assert b"red svg\n8 " in toy.contents(done)["figures/mini/draw__panel.svg"]
    assert ran(call(done)) == ["source", "double", "draw"]
    again = toy.contents(done)
    assert {name: again[name] for name in first} == first


def test_a_file_of_the_user_makes_a_run_of_its_own_name(done):
    before = toy.contents(done)
    (done / "my_screen.yaml").write_text("source: {number: 5}\ndraw: {word: red}\n")
    call(done, "--params", "my_screen.yaml", "--set", "draw.word=green")
    after = toy.contents(done)
    assert {name: after[name] for name in before} == before, "nothing of the profile's is touched"
    assert b"green svg\n10 " in after["figures/my_screen/draw__panel.svg"]
    (done / "my_screen.yaml").rename(done / "paper.yaml")
    refused = toy.run(done, "--params", "paper.yaml")
    assert refused.returncode == 2 and "name the file after your screen" in refused.stderr


def test_an_edit_of_a_written_profile_is_refused_not_ignored(done):
    written = [sys.executable, "-m", "lib.run.write_params"]
    told = subprocess.run(
        written, cwd=done, env=toy.environment(), capture_output=True, text=True, check=True
    ).stdout
    assert "written: params/mini.yaml" in told and "written: notebooks/10_source.ipynb" in told
    assert ran(call(done)) == [], "comments and layout of a parameters cell are in no key"
    edit(done / "params/mini.yaml", "number: 3 ", "number: 4 ")
    run = toy.run(done)
    assert (
        run.returncode == 2
        and "params/mini.yaml, line " in run.stderr
        and "--set or --params" in run.stderr
    )
    subprocess.run(written, cwd=done, env=toy.environment(), check=True)
    assert ran(call(done)) == []


def test_a_window_of_the_order_and_force(done):
    edit(done / toy.DECLARED, "blue", "red")
    edit_cell(done, "10_source.ipynb", "str(number))", "str(number + 1))")
    assert ran(call(done, "--until", "source")) == ["source"]
    assert ran(call(done, "draw", "--only")) == ["draw"]
    assert ran(call(done, "--from", "double")) == ["double", "draw"]
    assert ran(call(done, "figures/mini/draw__panel.png", "--only", "--force")) == ["draw"]


WRONG = [
    (["--set", "source.nubmer=3"], "--set: source.nubmer: unknown key; did you mean 'number'?"),
    (
        ["--set", "source.number=101"],
        "--set: source.number = 101: should be less than or equal to 100 (a number)",
    ),
    (["--set", "source.number=three"], "--set: source.number = 'three': should be a valid integer"),
    (["--set", "sauce.number=3"], "no section 'sauce'; did you mean 'source'?"),
    (
        ["--set", "source.input_path=no.csv"],
        "source.input_path = 'no.csv': no such file or folder (relative to",
    ),
    (["drawn"], "no notebook or figure 'drawn'; did you mean 'draw'?"),
    (["--profile", "huge"], "invalid choice: 'huge'"),
    (
        ["--only", "draw", "--profile", "smoke"],
        "draw needs results/doubles.txt, which double makes; add double",
    ),
    (["--from", "draw", "--until", "source"], "nothing to do: the order is source, double, draw"),
    (["--cluster", "locl:2"], "executor 'locl:2': expected inline, local:N"),
    (["--cluster", "slurm:no.yaml"], "slurm:no.yaml: [Errno 2] No such file"),
    (["--workers", "0"], "--workers: a number from 1"),
    (["--wrokers", "2"], "unrecognized arguments: --wrokers"),
]


def test_wrong_usage_exits_2_before_anything_runs(done):
    """Whatever is wrong: status 2, one line that says what, no traceback, no kernel."""
    for arguments, message in WRONG:
        run = toy.run(done, *arguments)
        assert (run.returncode, message in run.stderr) == (2, True), (arguments, run.stderr)
        assert "Traceback" not in run.stderr
    assert ran(call(done)) == []
    assert not list(done.glob("runs/smoke/*"))


def test_a_broken_project_exits_2_and_names_the_file(done):
    def said():
        run = toy.run(done)
        assert run.returncode == 2 and "Traceback" not in run.stderr, run.stderr
        return run.stderr

    edit_cell(done, "30_draw.ipynb", 'word: str = "blue"', 'words: str = "blue"')
    assert "30_draw.ipynb: declares 'words', which lib/toy/params.py lacks" in said()
    assert "30_draw.ipynb: does not declare the parameter 'word'" in said()
    (done / "notebooks/30_draw.ipynb").write_text("<<<<<<< HEAD\n{}")
    assert "30_draw.ipynb is not a readable notebook" in said()
    edit(done / toy.DECLARED, 'parameter(0.0, "pause"', 'parameter(-1.0, "pause"')
    assert (
        "lib/toy/params.py: source.pause = -1.0: should be greater than or equal to 0 (pause, in "
        "seconds)" in said()
    )
    edit(done / "pipeline.toml", "[double]\n", '[double]\nfigures = ["panel"\n')
    assert "pipeline.toml: " in said()


def test_a_failing_cell_is_reported_with_all_that_helps(done):
    before = toy.contents(done)
    edit_cell(
        done, "20_double.ipynb", "for i in range(n_units)}", "for i in range(n_units)}; 1 / 0"
    )
    text = call(done, "double", "draw", "--force", code=1)
    for line in (
        "FAILED  double",
        "  cell 3, which begins: units = {f'unit_{i}': {'number': number + i, 'pause': pause}",
        "  ZeroDivisionError: division by zero",
        "  notebook  notebooks/20_double.ipynb",
        "  executed  runs/mini/executed/20_double.failed.ipynb",
        "  log       runs/mini/logs/double.log",
        "run_all.py --cluster inline double draw\n",
        "1 run, 0 already done, 1 failed, 1 skipped",
    ):
        assert line in text
    assert toy.contents(done) == before, "what was there stays"
    assert "skipped draw: it needs double, which failed" in text
    listing = call(done, "--list")
    assert re.findall(r"^(done|to run|failed) +(\w+)", listing, re.M) == [
        ("done", "source"),
        ("failed", "double"),
        ("to run", "draw"),
    ]
    assert "\n        ZeroDivisionError: division by zero\n" in listing
    explained = call(done, "--explain", "double").splitlines()
    assert explained[:2] == [
        "double: failed when it last ran: ZeroDivisionError: division by zero",
        "double: has to run, because",
    ]
    assert ran(call(done, "--set", "draw.word=red", code=1)) == [], (
        "draw waits for double, also with new parameters"
    )
    edit_cell(done, "20_double.ipynb", "; 1 / 0", "")
    assert "3 already done" in call(done)


def test_every_way_to_fail_keeps_going_as_asked(done):
    """Three notebooks that depend on nothing: one is killed by signal 9, one forgets an output, one
    is well."""
    cells = {
        "40_killed.ipynb": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "50_forgets.ipynb": "store.write_text(f'{run_dir}/one.txt', '1')",
        "60_well.ipynb": "store.write_text(f'{run_dir}/well.txt', '1')",
    }
    for name, cell in cells.items():
        toy.write_notebook(
            done / "notebooks" / name, [toy.FOLDERS, "from lib.run import store", cell]
        )
    with (done / "pipeline.toml").open("a") as file:
        file.write('[killed]\nnotebook = "40_killed.ipynb"\n')
        file.write('[forgets]\nnotebook = "50_forgets.ipynb"\nmakes = ["one.txt", "two.txt"]\n')
        file.write('[well]\nnotebook = "60_well.ipynb"\nmakes = ["well.txt"]\n')
    with (done / toy.DECLARED).open("a") as file:
        file.write("SECTIONS |= dict.fromkeys(['killed', 'forgets', 'well'], Section)\n")
    (done / "runs/mini/two.txt").write_text("from an earlier version")
    text = call(done, "--fail-fast", "--at-once", "1", code=1)
    assert "  cell 3, which begins: import os, signal; os.kill" in text
    assert "skipped well: stopped by --fail-fast" in text
    assert "  the kernel was killed by signal 9 (SIGKILL; out of memory is the usual cause)" in text
    assert "0 run, 3 already done, 1 failed, 2 skipped" in text
    text = call(done, code=1)
    assert (
        "  outside its cells\n  every cell ran, but pipeline.toml promises what was not written: "
        "two.txt" in text
    )
    assert ran(text) == ["well"] and "1 run, 3 already done, 2 failed" in text
    assert not (done / "runs/mini/stamps/forgets.json").exists()


def test_a_claim_that_falls_short_is_told_last_and_stops_nothing(done):
    toy.add_claim(done, bound=5)  # the number is 3
    run = toy.run(done, "--cluster", "inline")
    assert run.returncode == 0, run.stderr
    *_, header, claim, about = run.stdout.splitlines()
    assert header == "1 claim falls short of what is expected:"
    assert claim == (
        "  the number that was planted: 3 [2 to 4] here, expected ≥ 4.7 (from 12 seeds, mean 5); a "
        "toy; measured by measure"
    )
    assert about.startswith("The figures are made all the same")
    assert (
        done / "figures/mini/draw__panel.svg"
    ).exists() and "1 run, 3 already done" in run.stdout
    assert "1 claim falls short" in call(done, "--strict", code=1)
    assert "falls short" not in call(done, "draw", "--strict"), "only claims of what was asked for"
    assert "falls short" not in call(done, "--set", "source.number=5", "--strict")


def test_after_a_crash_all_that_does_not_need_it_runs_and_old_claims_are_not_told(done):
    toy.add_claim(done, bound=5)
    edit_cell(done, "20_double.ipynb", "from lib import doubling", "assert 1 == 2, 'sums differ'")
    text = call(done, code=1)
    assert ran(text) == ["measure"] and "1 claim falls short" in text
    assert "AssertionError: sums differ\n  This check holds for any data and any draw" in text
    assert (
        "skipped draw: it needs double, which failed\n1 run, 1 already done, 1 failed, 1 skipped"
        in text
    )
    edit_cell(done, "40_measure.ipynb", "number + 1)})", "number + 2)}); 1 / 0")
    text = call(done, code=1)
    assert "2 failed" in text and "falls short" not in text, (
        "what it measured before is not of this run"
    )


def test_a_folder_can_be_an_output(done):
    """It counts by all that is in it, half-written files of a killed run excepted, which are
    removed."""
    edit(
        done / "pipeline.toml",
        'makes = ["data/number.txt"]',
        'makes = ["data/number.txt", "data/plate.zarr"]',
    )
    edit_cell(
        done,
        "10_source.ipynb",
        "time.sleep(pause)",
        "store.write_text(f'{run_dir}/data/plate.zarr/0/.zarray', '1')",
    )
    assert ran(call(done)) == ["source"]
    plate = done / "runs/mini/data/plate.zarr"
    (plate / "0/.zarray").write_text("2")
    assert dry(done)["source"] == "output: data/plate.zarr changed"
    (plate / "0/.zarray.a1b2c3d4.part").mkdir()
    (plate / "0/.zarray.e5f6a7b8.part.zarr").write_text("half")
    assert ran(call(done)) == ["source"], "also when only a file deep in the folder was written"
    assert [path.name for path in plate.rglob("*")] == ["0", ".zarray"]
    assert dry(done) == {}


def test_a_failed_unit_fails_the_run_and_alone_runs_again(done):
    edit_cell(done, "20_double.ipynb", "doubling.double", "doubling.fail_on")
    edit_cell(done, "20_double.ipynb", "'pause': pause", "'bad': 4")
    text = call(done, code=1)
    assert "UnitsFailed: 1 of 4 units failed (unit_1: ValueError: cannot double 4)" in text
    assert "Tracebacks: runs/mini/units/double/*.error.txt" in text
    assert "cannot double 4" in (done / "runs/mini/units/double/unit_1.error.txt").read_text()
    times = {path: path.stat().st_mtime_ns for path in done.glob("runs/mini/units/double/unit_?-*")}
    edit_cell(done, "20_double.ipynb", "'bad': 4", "'bad': 4 if i != 1 else 99")
    assert ran(call(done)) == ["double", "draw"]
    assert {path: path.stat().st_mtime_ns for path in times} == times, (
        "what was done was not done again"
    )
    assert not (done / "runs/mini/units/double/unit_1.error.txt").exists()


def test_a_full_disk_is_told_and_leaves_what_was_there(done):
    """As a limit on the size of a file, below that of the executed notebook."""
    before = toy.contents(done)
    edit(done / toy.DECLARED, "parameter(3,", "parameter(4,")
    limit = (
        "import resource, runpy, signal, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, "
        "1000));"
    )
    limit += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); sys.argv = ['run_all.py', '--cluster', 'inline'];"
    limit += "runpy.run_path('run_all.py', run_name='__main__')"
    run = subprocess.run(
        [sys.executable, "-c", limit],
        cwd=done,
        env=toy.environment(),
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1, run.stderr
    assert (
        "File too large" in run.stderr
        and "o on with: " in run.stderr
        and "Traceback" not in run.stderr
    )
    after = toy.contents(done)
    assert {name: after[name] for name in before if "units" in name} == {
        n: b for n, b in before.items() if "units" in n
    }
    assert not (done / "figures/mini/draw__panel.svg").read_text().startswith("half")
    assert ran(call(done)) == ["source", "double", "draw"]


def wait_for(condition, seconds=30.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def kernels_of(folder):
    return [
        int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and is_kernel(p, folder)
    ]


def is_kernel(process, folder):
    try:
        return b"ipykernel_launcher" in (process / "cmdline").read_bytes() and os.readlink(
            process / "cwd"
        ) == str(folder)
    except OSError:
        return False


def test_two_runs_and_every_way_to_interrupt_one(tmp_path):
    folder = toy.build(tmp_path / "toy")
    slow = ["--set", "source.pause=60", "--cluster", "inline"]
    heed = lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)  # noqa: E731  the tests may run under nohup
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        run = toy.start(folder, *slow, preexec_fn=heed)
        assert wait_for(lambda: kernels_of(folder))
        if number == signal.SIGINT:
            second = toy.run(folder)
            assert second.returncode == 75
            assert re.match(
                rf"runs/mini is held by process {run.pid} since \d\d:\d\d:\d\d: .*run_all.py --set",
                second.stderr,
            )
            assert (
                toy.run(folder, "--list").returncode == toy.run(folder, "--dry-run").returncode == 0
            )
        run.send_signal(number)
        _, err = run.communicate(timeout=60)
        assert run.returncode == 130
        assert (
            "Interrupted; what is finished is kept. Go on with: " in err and "Traceback" not in err
        )
        assert wait_for(lambda: not toy.processes_of(folder), 3), toy.processes_of(folder)
    assert not list(folder.glob("runs/mini/stamps/*"))
    assert toy.run(folder, "--until", "source", "--cluster", "inline").returncode == 0


def test_under_nohup_the_end_of_the_terminal_ends_nothing(tmp_path):
    folder = toy.build(tmp_path / "toy")
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    run = toy.start(folder, "--until", "source", "--set", "source.pause=2", preexec_fn=ignore)
    assert wait_for(lambda: kernels_of(folder))
    run.send_signal(signal.SIGHUP)
    run.communicate(timeout=60)
    assert run.returncode == 0


def test_ctrl_c_in_a_terminal_and_the_bars(tmp_path):
    """In a pseudo-terminal: a bar for notebooks, one for units, and Ctrl-C as a person types it."""
    folder = toy.build(tmp_path / "toy")
    try:
        terminal, theirs = pty.openpty()
    except OSError as error:  # a container without /dev/pts
        pytest.skip(f"no terminal to be had here: {error}")
    termios.tcsetwinsize(theirs, (30, 100))
    command = [
        sys.executable,
        "run_all.py",
        "--set",
        "double.pause=1",
        "--set",
        "double.n_units=40",
        "--workers",
        "2",
    ]
    take = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    take += "; os.execv(sys.argv[1], sys.argv[1:])"
    variables = toy.environment() | {"TERM": "xterm", "COLUMNS": "100"}
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    run = subprocess.Popen(
        [sys.executable, "-c", take, *command], cwd=folder, env=variables, **streams
    )
    os.close(theirs)
    seen = b""
    until = time.monotonic() + 60
    while b"/40" not in seen and time.monotonic() < until:
        seen += os.read(terminal, 4096)
    time.sleep(1)
    os.write(terminal, b"\x03")
    try:
        while chunk := os.read(terminal, 4096):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    text = seen.decode()
    assert run.wait(60) == 130
    assert re.search(r"notebooks      33% \|█+ +\| 1/3  00:\d\d, double", text), text
    assert re.search(r"  double +\d+% \|█* +\| \d+/40  (00:\d\d|\?) left", text), text
    assert "[1/3] source: done in" in text
    assert "Interrupted; what is finished is kept." in text and "Traceback" not in text
    assert wait_for(lambda: not toy.processes_of(folder), 3), toy.processes_of(folder)


def test_a_notebook_alone_gives_the_same_as_the_runner(done):
    """With plain papermill from another folder, as with *Run all* in JupyterLab."""
    first = toy.contents(done)
    shutil.rmtree(done / "runs")
    shutil.rmtree(done / "figures")
    code = (
        "import sys, papermill\nfor name in sys.argv[1:]: papermill.execute_notebook(name, None, "
        "progress_bar=False)"
    )
    notebooks = sorted(str(path) for path in (done / "notebooks").iterdir())
    environment = toy.environment() | {"PYTHONPATH": str(done)}
    subprocess.run(
        [sys.executable, "-c", code, *notebooks],
        cwd=done / "notebooks",
        env=environment,
        check=True,
        capture_output=True,
    )
    assert toy.contents(done) == first


SLOWLY = [
    "--set",
    "source.pause=0.2",
    "--set",
    "double.pause=0.2",
    "--set",
    "double.n_units=6",
    "--workers",
    "2",
]


def processes_below(pid):
    """Return the pids of a process and of all that it started, itself first."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:  # it came to its end before
        return [pid]


def kill_one(folder, arguments, *, moment, rng):
    """Start a run; at the moment kill it, mostly itself, else something that it started; wait until
    all is gone."""
    run = toy.start(folder, *arguments)
    with suppress(subprocess.TimeoutExpired):
        run.wait(moment)
    family = processes_below(run.pid)
    victim = run.pid if rng.random() < 0.6 else rng.choice(family)
    with suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    run.communicate(timeout=600)
    assert wait_for(lambda: not toy.processes_of(folder), 3), toy.processes_of(folder)
    assert_stamps_tell_the_truth(folder)
    return run.returncode


def assert_stamps_tell_the_truth(folder):
    """Nothing half-written counts as done."""
    for stamp in folder.glob("runs/*/stamps/[!.]*.json"):
        for name, content in json.loads(stamp.read_text())["outputs"].items():
            path = folder / name if name.startswith("figures/") else stamp.parent.parent / name
            assert keys.Hashes()(path) == content, f"{stamp.name} counts {name} as done"


def kill_again_and_again(folder, arguments, *, n_kills, longest, rng):
    """Kill runs that go on from each other; return the results of each that came to its end, the
    last included."""
    results, codes = [], []
    for _ in range(n_kills):
        codes.append(kill_one(folder, arguments, moment=rng.uniform(0, longest), rng=rng))
        if not dry(folder, *arguments):
            results.append(toy.contents(folder))
            for part in ("runs", "figures"):
                shutil.rmtree(folder / part)
    assert codes.count(-signal.SIGKILL) >= n_kills // 4, codes
    run = toy.run(folder, *arguments)
    assert run.returncode == 0, run.stderr
    assert not list(folder.rglob(".*.part*"))
    return [*results, toy.contents(folder)]


def test_killed_at_20_moments_the_same_command_ends_in_the_same_bytes(tmp_path):
    whole = toy.build(tmp_path / "whole")
    started = time.monotonic()
    assert toy.run(whole, *SLOWLY).returncode == 0
    longest = (time.monotonic() - started) / 2
    folder = toy.build(tmp_path / "killed")
    results = kill_again_and_again(
        folder, SLOWLY, n_kills=20, longest=longest, rng=random.Random(20)
    )
    assert all(result == toy.contents(whole) for result in results)


@pytest.mark.slow
def test_the_smoke_profile_killed_at_20_moments_ends_in_the_same_bytes(tmp_path):
    """The same with the real notebooks, in copies of this project."""
    listing = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    for copy in ("whole", "killed"):
        for name in (
            name for name in listing.stdout.split("\0") if name and not name.startswith("figures/")
        ):
            (tmp_path / copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / copy / name)
    arguments = ["--profile", "smoke", "--workers", "2"]
    started = time.monotonic()
    run = toy.run(tmp_path / "whole", *arguments)
    assert run.returncode == 0, run.stderr
    longest = (time.monotonic() - started) / 5  # in all, about two whole runs
    results = kill_again_and_again(
        tmp_path / "killed", arguments, n_kills=20, longest=longest, rng=random.Random(20)
    )
    for result in results:
        differing = {
            name
            for name, content in toy.contents(tmp_path / "whole").items()
            if result.get(name) != content
        }
        assert not differing
