"""A toy compendium of three light notebooks, so that the runner's promises can be tested in
seconds.

`source` writes a number, `double` doubles it in units, `draw` depends on both; each cell is plain
Python.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
DECLARED = "lib/toy/params.py"
CORE = ("__init__.py", "run")

PARAMS = """
from lib.run.declaration import InputPath, Section, parameter


class Source(Section):
    number: int = parameter(3, "a number", paper=50, ge=0, le=100)
    pause: float = parameter(0.0, "pause", unit="seconds", ge=0)
    input_path: InputPath = parameter("", "a file, or empty")


class Double(Section):
    n_units: int = parameter(4, "units", smoke=2, ge=1)
    pause: float = parameter(0.0, "pause of a unit", unit="seconds", ge=0)


class Draw(Section):
    word: str = parameter("blue", "a word")


SECTIONS = {"source": Source, "double": Double, "draw": Draw}
"""

UNITS = """
import time


def double(part, *, seed, number, pause):
    time.sleep(pause)
    part.write_text(f"{number * 2} {seed}")


def fail_on(part, *, seed, number, bad):
    if number == bad:
        raise ValueError(f"cannot double {number}")
    part.write_text(str(number))
"""

FOLDERS = 'run_dir: str = "runs/mini"\nfigures_dir: str = "figures/mini"\n'

NOTEBOOKS = {
    "10_source.ipynb": [
        FOLDERS + 'number: int = 3\npause: float = 0.0\ninput_path: str = ""',
        "import time\n\nfrom lib.run import store\n\ntime.sleep(pause)",
        'store.write_text(f"{run_dir}/data/number.txt", str(number))',
    ],
    "20_double.ipynb": [
        FOLDERS + "n_units: int = 4\npause: float = 0.0",
        "from lib import doubling\nfrom lib.run import compute, store\n\n"
        'number = int(store.resolve(f"{run_dir}/data/number.txt").read_text())',
        "units = {f'unit_{i}': {'number': number + i, 'pause': pause} for i in range(n_units)}\n"
        "paths = compute.run_units(doubling.double, units, directory=f'{run_dir}/units/double', "
        "suffix='.txt', seed=7)",
        "store.write_text(f'{run_dir}/results/doubles.txt', '\\n'.join(paths[u].read_text() for u "
        "in units))",
    ],
    "30_draw.ipynb": [
        FOLDERS + 'word: str = "blue"',
        "from lib.run import store\n\ntext = "
        "store.resolve(f'{run_dir}/results/doubles.txt').read_text()",
        "for suffix in ('svg', 'png', 'pdf', 'csv'):\n"
        "    store.write_text(f'{figures_dir}/draw__panel.{suffix}', f'{word} {suffix}\\n{text}')",
    ],
}

PIPELINE = """
[draw]
notebook = "30_draw.ipynb"
needs = ["results/doubles.txt"]
figures = ["panel"]

[source]
notebook = "10_source.ipynb"
makes = ["data/number.txt"]

[double]
notebook = "20_double.ipynb"
needs = ["data/number.txt"]
makes = ["results/doubles.txt"]
"""


def write_notebook(path: Path, cells: list[str]) -> None:
    """Write a notebook of code cells, the first tagged `parameters`."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(cells)]
    )
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(notebook, path)


def build(folder: Path) -> Path:
    """Write the toy compendium into an empty folder and return it."""
    (folder / "lib").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    (folder / "params").mkdir()
    for name in CORE:
        core = ROOT / "lib" / name
        copy = shutil.copytree if core.is_dir() else shutil.copy
        copy(core, folder / "lib" / name)
    shutil.copy(ROOT / "run_all.py", folder)
    (folder / "lib" / "toy").mkdir()
    (folder / DECLARED).write_text(PARAMS)
    (folder / "lib" / "doubling.py").write_text(UNITS)
    for name, cells in NOTEBOOKS.items():
        write_notebook(folder / "notebooks" / name, cells)
    (folder / "pipeline.toml").write_text(PIPELINE)
    return folder


CLAIMS = """
claims:
  - id: toy.planted.number
    analysis: A toy
    what: the number that was planted
    best: 10.0
    direction: higher
    limits: [0.0, 10.0]
    source: "a toy"
"""


def add_claim(folder: Path, bound: float) -> None:
    """Add a notebook `measure` that claims the number of `source`, and the spread over seeds that
    gives its bound."""
    (folder / "lib" / "report").mkdir()
    shutil.copytree(ROOT / "lib" / "data", folder / "lib" / "data")
    for name in ("__init__.py", "claims.py", "planted.py", "published.py"):
        shutil.copy(ROOT / "lib" / "report" / name, folder / "lib" / "report")
    with (folder / DECLARED).open("a") as file:
        file.write('SECTIONS["measure"] = Section\n')
    with (folder / "pipeline.toml").open("a") as file:
        file.write('[measure]\nnotebook = "40_measure.ipynb"\nneeds = ["data/number.txt"]\n')
        file.write('makes = ["results/measure__measured.json"]\n')
    measure = (
        "from lib.report.claims import record\nfrom lib.run import store\n\n"
        "number = float(store.resolve(f'{run_dir}/data/number.txt').read_text())\n"
        "record(f'{run_dir}/results/measure__measured.json', {'toy.planted.number': number},\n"
        "       intervals={'toy.planted.number': (number - 1, number + 1)})"
    )
    write_notebook(folder / "notebooks" / "40_measure.ipynb", [FOLDERS, measure])
    (folder / "params" / "planted.yaml").write_text(CLAIMS)
    spread = f"mini,toy.planted.number,12,{bound},0,{bound},{bound}\n"
    (folder / "params" / "planted_spread.csv").write_text(
        "profile,id,n_seeds,mean,sd,min,max\n" + spread
    )


def environment() -> dict[str, str]:
    """Return this environment without what would make the toy import the real `lib`."""
    return {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHONPATH", "COMPENDIUM_EXECUTOR")
    }


def start(folder: Path, *arguments: str, **options) -> subprocess.Popen:
    """Start the toy's `run_all.py`."""
    command = [sys.executable, str(folder / "run_all.py"), *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the toy's `run_all.py` to its end."""
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=1800)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def contents(folder: Path) -> dict[str, bytes]:
    """Return path → bytes of all results that count, units included."""
    files = [
        file.relative_to(folder)
        for part in ("runs", "figures")
        for file in (folder / part).rglob("*")
    ]
    passing = ("executed", "logs", "stamps", "site")
    kept = [
        file
        for file in files
        if not any(part in passing or part.startswith(".") for part in file.parts)
    ]
    return {str(file): (folder / file).read_bytes() for file in kept if (folder / file).is_file()}


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of living processes that belong to the toy."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
                cwd = os.readlink(entry / "cwd")
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            inside = cwd.startswith(str(folder)) or ("python" in command and str(folder) in command)
            if state != "Z" and inside:
                found.append(command)
    return found
