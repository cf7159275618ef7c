"""A notebook runs in a process of its own, apart from the user's Jupyter, and every end of it is
told in words."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
import toy

from lib.run import notebook_process


@pytest.fixture
def execute(tmp_path):
    """Execute cells in a fresh kernel; the second of them follows the parameters cell, as in our
    notebooks."""

    def run(*cells, wait=subprocess.Popen.wait):
        toy.write_notebook(tmp_path / "1.ipynb", ["n: int = 1", *cells])
        running = notebook_process.Process(str(tmp_path), log=tmp_path / "started.log")
        places = tmp_path / "1.ipynb", tmp_path / "out" / "1.ipynb"
        running.begin(*places, params={"n": 5}, log=tmp_path / "1.log")
        try:
            wait(running.process)
        finally:
            ended = running.close()
        return ended

    return run


def result(tmp_path, name):
    return (tmp_path / name).read_text()


LOOK = """
import json, os, stat, subprocess, sys
from pathlib import Path
from ipykernel.connect import get_connection_file
connection = json.loads(Path(get_connection_file()).read_text())
folder = Path(get_connection_file()).parent
inodes = {os.readlink(fd) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()}
tcp = [line.split() for file in ("tcp", "tcp6") for line in Path(f"/proc/net/{file}").read_text().splitlines()[1:]]
listening = [int(row[1].split(":")[1], 16) for row in tcp if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]
from ipykernel.kernelapp import IPKernelApp
listening.remove(IPKernelApp.instance().iopub_thread._pipe_port)  # carries output of child processes, with a password
sockets = [stat.S_ISSOCK(path.stat().st_mode) for path in folder.iterdir()]
told = {
    "n": n, "transport": connection["transport"], "mode": oct(folder.stat().st_mode & 0o777), "sockets": sum(sockets),
    "listening": listening, "python": sys.executable, "folder": str(folder), "hash": hash("a"), "cwd": os.getcwd(),
    "start-up": "FROM_STARTUP" in globals() or "FROM_IPYTHON" in globals(),
}
print("printed", "by the cell")
"""


def test_a_kernel_is_private_and_apart_from_the_users_own(tmp_path, execute, monkeypatch):
    """One kernel, many facts: sockets, interpreter, start-up files, another kernelspec of the same
    name, the log."""
    (tmp_path / "startup.py").write_text("FROM_STARTUP = 1")
    (tmp_path / "ipython/profile_default/startup").mkdir(parents=True)
    (tmp_path / "ipython/profile_default/startup/0.py").write_text("FROM_IPYTHON = 1")
    spec = tmp_path / "share/kernels/python3/kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text('{"argv": ["false"], "display_name": "hostile", "language": "python"}')
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "startup.py"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "share"))
    monkeypatch.chdir(tmp_path)
    save = f"from lib.run import store\nstore.write_json({str(tmp_path / 'told.json')!r}, told)"
    assert execute(LOOK, save) is None
    told = notebook_process.json.loads(result(tmp_path, "told.json"))
    folder = Path(told.pop("folder"))
    assert isinstance(told.pop("hash"), int)
    assert told == {
        "n": 5,
        "transport": "ipc",
        "mode": "0o700",
        "sockets": 5,
        "listening": [],
        "python": sys.executable,
        "cwd": str(toy.ROOT),
        "start-up": False,
    }
    assert not folder.exists(), "sockets are removed"
    assert "printed by the cell" in result(tmp_path, "1.log")
    assert any(
        "injected-parameters" in c.metadata.get("tags", [])
        for c in nbformat.read(tmp_path / "out/1.ipynb", 4).cells
    )


def test_a_failing_cell_is_told_with_its_number_first_line_and_error(tmp_path, execute):
    failure = execute("x = 1", "\n# why\ny = x / 0", "never = 1")
    assert failure == notebook_process.Failure(3, "# why", "ZeroDivisionError: division by zero")
    assert "ZeroDivisionError" in (tmp_path / "out" / "1.ipynb").read_text()


def test_a_long_error_is_told_by_its_first_and_last_line(execute):
    failure = execute("raise ValueError('first\\nmiddle\\nlast')")
    assert failure == notebook_process.Failure(
        2, "raise ValueError('first\\nmiddle\\nlast')", "ValueError: first … last"
    )


def test_a_kernel_killed_by_signal_9_is_told_with_the_cell(execute):
    failure = execute("import os, signal", "os.kill(os.getpid(), signal.SIGKILL)")
    assert (failure.cell, failure.first_line) == (3, "os.kill(os.getpid(), signal.SIGKILL)")
    assert failure.error.startswith(
        "the kernel was killed by signal 9 (SIGKILL; out of memory is the usual cause"
    )


def test_a_kernel_that_exits_is_told(execute):
    assert execute("import os; os._exit(3)").error == "the kernel exited with status 3"


def test_a_notebook_process_that_is_killed_is_told_and_its_kernel_ends(tmp_path, execute):
    def kill(process):
        while not (tmp_path / "pid").exists():
            time.sleep(0.05)
        process.kill()
        process.wait()

    cell = (
        f"import os, time\nfrom lib.run import store\nstore.write_text({str(tmp_path / 'pid')!r}, "
        "str(os.getpid()))\n"
    )
    failure = execute(cell + "time.sleep(60)", wait=kill)
    assert failure.error.startswith("the notebook process was killed by signal 9 (SIGKILL")
    assert ends(int(result(tmp_path, "pid")))


def test_a_kernel_that_cannot_start_is_told(tmp_path, execute, monkeypatch):
    (tmp_path / "broken" / "ipykernel_launcher.py").parent.mkdir()
    (tmp_path / "broken" / "ipykernel_launcher.py").write_text(
        "raise SystemExit('no kernel today')"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    failure = execute("1")
    assert failure.cell == 0
    assert "died" in failure.error.lower()
    assert "no kernel today" in result(tmp_path, "1.log")


def ends(pid, seconds=3.0):
    """Return whether a process is gone, or only waits to be reaped, within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_a_child_dies_with_its_parent_and_never_starts_without_one(tmp_path):
    code = (
        "import os, subprocess, sys, time; from lib.run.notebook_process import die_with_parent\n"
        "parent = int(sys.argv[1]) or os.getpid()\n"
        "child = subprocess.Popen(['sleep', '60'], preexec_fn=lambda: die_with_parent(parent))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60) if parent == os.getpid() else child.wait()"
    )
    start = [sys.executable, "-c", code]
    with subprocess.Popen([*start, "0"], cwd=toy.ROOT, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert not ends(child, 0.3)
        parent.send_signal(signal.SIGKILL)
    assert ends(child)
    with subprocess.Popen([*start, "1"], cwd=toy.ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert ends(int(parent.stdout.readline()), 1.0), (
            "another parent than the expected one: it must not run"
        )


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    folder = Path(notebook_process.tempfile.mkdtemp())
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    notebook_process.shutil.rmtree(folder)


def test_a_socket_folder_is_private_empty_and_the_same_for_the_same_name(runtime):
    folder = notebook_process.private_folder("a")
    (folder / "left over").touch()
    (folder / "link").symlink_to(runtime)
    (folder / "deep" / "er").mkdir(parents=True)
    assert folder.parent == runtime
    assert folder.stat().st_mode & 0o777 == 0o700
    assert notebook_process.private_folder("a") == folder
    assert list(folder.iterdir()) == []
    assert notebook_process.private_folder("b") != folder


@pytest.mark.parametrize("trap", ["open to others", "link", "file"])
def test_a_folder_that_somebody_laid_out_for_us_is_not_used(runtime, trap):
    mine = notebook_process.private_folder("a")
    mine.rmdir()
    target = runtime / "target"
    target.mkdir()
    {
        "open to others": lambda: mine.mkdir() or mine.chmod(0o755),
        "link": lambda: mine.symlink_to(target),
        "file": mine.touch,
    }[trap]()
    folder = notebook_process.private_folder("a")
    assert folder != mine and folder.parent == runtime
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.is_symlink() and list(target.iterdir()) == []


def test_a_folder_of_another_user_is_not_used(runtime, monkeypatch):
    mine = notebook_process.private_folder("a")
    real = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: real + 1)
    (runtime / mine.name.replace(str(real), str(real + 1), 1)).mkdir(mode=0o700)
    assert re.fullmatch(r"compendium-[a-z0-9_]{8}", notebook_process.private_folder("a").name)


@pytest.mark.parametrize("place", ["/nowhere/at/all", "", "x" * 80])
def test_a_runtime_folder_that_is_missing_or_too_long_is_passed_over(tmp_path, monkeypatch, place):
    long = tmp_path / place if place.startswith("x") else Path(place)
    if place.startswith("x"):
        long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long) if place else "")
    monkeypatch.setattr(
        notebook_process.tempfile, "tempdir", str(long) if place.startswith("x") else None
    )
    folder = notebook_process.private_folder(str(tmp_path))
    assert len(os.fsencode(folder / "kernel.json-5")) < 104
    folder.rmdir()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "stopped answering"),
        (1, "exited with status 1"),
        (-11, "was killed by signal 11 (SIGSEGV)"),
        (-9, "was killed by signal 9 (SIGKILL; out of memory is the usual cause)"),
        (-99, "was killed by signal 99 (unknown)"),
    ],
)
def test_an_exit_code_is_told_in_words(code, words):
    assert notebook_process.describe_exit(code) == words
