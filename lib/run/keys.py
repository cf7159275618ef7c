"""Content keys: a notebook is done if nothing that it was made from has changed.

A key is kept in parts (code, params, inputs, modules, versions), so that a re-run can say what changed.
"""

import ast
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from lib.run import store

VERSIONS = ("numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "pyarrow", "torch")

MAGIC = re.compile(
    r"^(\s*)(?:[%!?].*|[\w, ]+=\s*[!%].*|.*\?\s*)$", re.MULTILINE
)  # lines that are IPython's, not Python's
TICK_NS = 50_000_000  # coarser than the clock of any file system in use on Linux and macOS

Parts = dict[str, dict[str, str]]


class NotebookError(ValueError):
    """A file that is no notebook: half-merged, cut off, or of another kind."""


def notebook_cells(path: Path) -> list[dict]:
    """Return a notebook's code cells as `{source, tags}`, in order.

    Raises
    ------
    NotebookError
        If the file is not a notebook.
    """
    try:
        return [
            {"source": "".join(cell["source"]), "tags": cell.get("metadata", {}).get("tags", [])}
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
            if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotebookError(f"{path.name} is not a readable notebook ({type(error).__name__}: {error})") from None


def parameters_source(path: Path) -> str:
    """Return the source of the cell tagged `parameters`, or nothing if there is none."""
    return next((cell["source"] for cell in notebook_cells(path) if "parameters" in cell["tags"]), "")


def module_file(name: str, root: Path) -> Path | None:
    """Return the file of a project module such as `lib.go.topgo`, or None if there is no such module."""
    base = root.joinpath(*name.split("."))
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


@cache
def imported(source: str, *, package: str = "") -> frozenset[str]:
    """Return the dotted names that Python source imports, candidates for submodules included.

    Parameters
    ----------
    source : str
        Python source; in what does not parse, such as IPython magic, the lines that are imports count.
    package : str
        Package of the source, for relative imports.
    """
    names: set[str] = set()
    for node in ast.walk(_parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def _parse(source: str) -> ast.Module:
    for text in (source, MAGIC.sub(r"\1pass", source)):
        with suppress(SyntaxError):
            return ast.parse(text)
    body: list[ast.stmt] = []
    for line in source.splitlines():
        if line.strip().startswith(("import ", "from ")):
            with suppress(SyntaxError):
                body += ast.parse(line.strip()).body
    return ast.Module(body, [])


def module_files(sources: Iterable[str], *, root: Path = store.ROOT) -> dict[str, Path]:
    """Return every project file that the sources reach by imports, transitively, as name → path.

    Packages bring their `__init__.py`; files that are no Python but lie beside a reached module (templates, R code)
    belong to it.
    """
    found: dict[str, Path] = {}
    queue = [name for source in sources for name in imported(source)]
    while queue:
        name = queue.pop()
        if name.split(".")[0] != "lib" or name in found or (file := module_file(name, root)) is None:
            continue
        found[name] = file
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        queue += [package.rsplit(".", depth)[0] for depth in range(package.count(".") + 1)]
        queue += imported(file.read_text(encoding="utf-8"), package=package)
    beside = {
        str(file.relative_to(root)): file
        for folder in {path.parent for path in found.values()}
        for file in folder.iterdir()
        if file.is_file() and file.suffix not in (".py", ".pyc") and not file.name.startswith(".")
    }
    return dict(sorted({**found, **beside}.items()))


@cache
def python_versions() -> dict[str, str]:
    """Return the versions that belong to every key: Python's minor release and the numeric packages."""
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for package in VERSIONS:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "absent"
    return versions


@cache
def r_versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of R and of R packages as `R:name` → version, or `absent`; nothing is attached."""
    names = {f"R:{name}": "absent" for name in ("R", *packages)}
    code = (
        'cat("R", as.character(getRversion()), "\\n"); for (p in commandArgs(TRUE)) '
        'if (nzchar(system.file(package = p))) cat(p, as.character(packageVersion(p)), "\\n")'
    )
    try:
        run = subprocess.run(
            ["Rscript", "--vanilla", "-e", code, *packages], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return names
    return names | {f"R:{line.split()[0]}": line.split()[1] for line in run.stdout.splitlines() if line.strip()}


class Hashes:
    """sha256 of files, remembered by size, times and inode, so that a plan over large files stays fast.

    What was written a moment ago is not remembered: it could be written again within one tick of the clock.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self.memory = memory
        self.known: dict[str, list] = {}
        self.changed = False
        if memory is not None:
            with suppress(OSError, ValueError):
                self.known = json.loads(memory.read_text(encoding="utf-8"))

    def __call__(self, path: Path) -> str:
        """Return the sha256 of a file, of a folder (all files below it), or `missing`."""
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            return store.digest({str(file.relative_to(path)): self(file) for file in files})
        try:
            stat = path.stat()
        except OSError:
            return "missing"
        state = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        known = self.known.get(str(path))
        if known is None or known[:-1] != state:
            known = [*state, store.sha256(path)]
            if time.time_ns() - stat.st_ctime_ns > TICK_NS:
                self.known[str(path)] = known
                self.changed = True
        return known[-1]

    def save(self) -> None:
        """Remember for the next run what still exists."""
        if self.changed:
            store.write_text(
                self.memory, json.dumps({path: known for path, known in self.known.items() if os.path.exists(path)})
            )
            self.changed = False


def parts(
    notebook: Path,
    *,
    params: Mapping[str, object],
    inputs: Mapping[str, Path],
    r_packages: Sequence[str] = (),
    hashes: Hashes,
    root: Path = store.ROOT,
) -> Parts:
    """Return the parts of a notebook's key.

    Parameters
    ----------
    notebook : Path
        The stored notebook; only code cells count, numbered as a person counts them, and not the `parameters` cell.
    params : mapping
        Resolved parameters, which replace the cell's; those that name input files belong to `inputs` instead.
    inputs : mapping
        Name → path of each file it needs, files named by parameters included.
    r_packages : sequence of str
        R packages whose versions count.
    hashes : Hashes
        Memory of file hashes.
    """
    cells = {
        f"cell {number}": cell["source"]
        for number, cell in enumerate(notebook_cells(notebook), start=1)
        if "parameters" not in cell["tags"]
    }
    return {
        "code": {name: store.digest(source) for name, source in cells.items()},
        "params": {key: json.dumps(value) for key, value in params.items()},
        "inputs": {name: hashes(path) for name, path in inputs.items()},
        "modules": {name: hashes(path) for name, path in module_files(cells.values(), root=root).items()},
        "versions": python_versions() | (r_versions(tuple(r_packages)) if r_packages else {}),
    }


def changes(old: Parts | None, new: Parts) -> list[str]:
    """Say in words what differs between two keys' parts, one line a difference."""
    if old is None:
        return ["it has not been run"]
    lines = []
    for part, values in new.items():
        before = old.get(part, {})
        for name in dict.fromkeys([*values, *before]):
            if before.get(name) != values.get(name):
                lines.append(f"{part}: {name} {_difference(part, before.get(name), values.get(name))}")
    return lines


def _difference(part: str, before: str | None, after: str | None) -> str:
    if before is None or after is None:
        return "is new" if before is None else "is gone"
    return f"was {before}, is {after}" if part in ("params", "versions") else "changed"
