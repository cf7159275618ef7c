"""Content keys: a notebook is done if nothing that it was made from has changed.

A key is kept in parts (code, params, inputs, modules, versions), so that a re-run can say what
changed.
"""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from lib.run import numeric, store
from lib.run.reach import Code

DISTRIBUTIONS = {
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "yaml": "PyYAML",
}
"""Packages of another name than their distribution; one that is missing here is looked up, which
takes a second."""

TICK_NS = 50_000_000  # coarser than the clock of any file system in use on Linux and macOS

Parts = dict[str, dict[str, str]]


class NotebookError(ValueError):
    """A file that is no notebook: half-merged, cut off, or of another kind."""


def notebook_cells(path: Path) -> list[dict]:
    """Read a notebook's code cells, in order.

    Parameters
    ----------
    path : Path
        The stored notebook.

    Returns
    -------
    list of dict
        `source` and `tags` of each.

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
        raise NotebookError(
            f"{path.name} is not a readable notebook ({type(error).__name__}: {error})"
        ) from None


def parameters_source(path: Path) -> str:
    """Return the source of the cell tagged `parameters`.

    Parameters
    ----------
    path : Path
        The stored notebook.

    Returns
    -------
    str
        Empty if there is no such cell.

    Raises
    ------
    NotebookError
        If the file is not a notebook.
    """
    return next(
        (cell["source"] for cell in notebook_cells(path) if "parameters" in cell["tags"]), ""
    )


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return Python's minor release, the numeric setting, and the versions of distributions.

    Parameters
    ----------
    packages : iterable of str
        Top-level names as they are imported: `sklearn` gives the version of scikit-learn. Names of
        the standard library are left out.

    Returns
    -------
    dict of str to str
        Distribution → version, or "absent".

    Examples
    --------
    >>> sorted(versions(["os", "yaml"]))
    ['PyYAML', 'numeric setting', 'python']
    """
    # Python's minor release: patch releases count as the same
    found = {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numeric setting": numeric.name(),
    }
    # the standard library comes with Python's release
    for package in sorted(set(packages) - sys.stdlib_module_names):
        for distribution in _distributions(package):
            found[distribution] = _version(distribution) or "absent"
    return found


@cache
def _distributions(package: str) -> tuple[str, ...]:
    """Return the distributions that bring a top-level package; itself where none says so."""
    name = DISTRIBUTIONS.get(package, package)
    if _version(name) is not None:
        return (name,)
    return tuple(sorted(set(_all_distributions().get(package, [package]))))


@cache
def _all_distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


@cache
def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def r_versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of R and of some R packages; nothing is attached.

    Parameters
    ----------
    packages : tuple of str
        Names of packages.

    Returns
    -------
    dict of str to str
        `R:name` → version, or "absent"; "R:R" is R itself.
    """
    names = {f"R:{name}": "absent" for name in ("R", *packages)}
    code = (
        'cat("R", as.character(getRversion()), "\\n"); for (p in commandArgs(TRUE)) '
        'if (nzchar(system.file(package = p))) cat(p, as.character(packageVersion(p)), "\\n")'
    )
    try:
        run = subprocess.run(
            ["Rscript", "--vanilla", "-e", code, *packages],
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return names
    return names | {
        f"R:{line.split()[0]}": line.split()[1] for line in run.stdout.splitlines() if line.strip()
    }


def files_below(folder: Path) -> list[tuple[str, Path]]:
    """Return the files below a folder, through links to folders.

    A link that leads nowhere is listed as a file that is not there. A folder that is reached again
    from within itself is not entered a second time.

    Parameters
    ----------
    folder : Path
        Where to start.

    Returns
    -------
    list of (str, Path)
        Relative name and path, in order of the names.
    """
    found: list[tuple[str, Path]] = []
    for here, folders, names in os.walk(folder, followlinks=True):
        # a link to a folder above would never end
        above = {os.path.realpath(here)} | {os.path.realpath(part) for part in Path(here).parents}
        folders[:] = sorted(
            name for name in folders if os.path.realpath(os.path.join(here, name)) not in above
        )
        found += [
            (os.path.relpath(os.path.join(here, name), folder), Path(here, name)) for name in names
        ]
    return sorted(found)


def broken_links(folder: Path) -> list[Path]:
    """Return the links below a folder that lead nowhere.

    Parameters
    ----------
    folder : Path
        Where to start.

    Returns
    -------
    list of Path
    """
    return [path for _, path in files_below(folder) if not path.exists()]


class Hashes:
    """sha256 of files, remembered by size, times and inode.

    So a plan over large files stays fast. What was written a moment ago is not remembered: it could
    be written again within one tick of the clock.

    Parameters
    ----------
    memory : Path, optional
        JSON file in which hashes are kept from run to run.
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
            return store.digest({name: self(file) for name, file in files_below(path)})
        try:
            stat = path.stat()
        except OSError:
            return "missing"
        # an edit that keeps size and time still changes ctime
        state = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        known = self.known.get(str(path))
        if known is None or known[:-1] != state:
            known = [*state, store.sha256(path)]
            # a file may be written twice within one tick
            if time.time_ns() - stat.st_ctime_ns > TICK_NS:
                self.known[str(path)] = known
                self.changed = True
        return known[-1]

    def save(self) -> None:
        """Remember for the next run what still exists."""
        if self.changed:
            store.write_text(
                self.memory,
                json.dumps(
                    {path: known for path, known in self.known.items() if os.path.exists(path)}
                ),
            )
            self.changed = False


def parts(
    notebook: Path,
    *,
    params: Mapping[str, object],
    inputs: Mapping[str, Path],
    r_versions: Mapping[str, str] | None = None,
    hashes: Hashes,
    code: Code,
) -> Parts:
    """Return the parts of a notebook's key.

    Parameters
    ----------
    notebook : Path
        The stored notebook; only code cells count, numbered as a person counts them, and not the
        `parameters` cell.
    params : mapping
        Resolved parameters, which replace the cell's; those that name input files belong to
        `inputs` instead.
    inputs : mapping
        Name → path of each file it needs, files named by parameters included.
    r_versions : mapping of str to str, optional
        Versions of R and its packages, from `r_versions`.
    hashes : Hashes
        Memory of file hashes.
    code : Code
        The project's sources: of `lib` count the definitions that the cells reach, by their syntax.

    Returns
    -------
    dict of str to dict
        `code`, `params`, `inputs`, `modules` and `versions`, each name → text or hash.

    Raises
    ------
    NotebookError
        If the file is not a notebook.
    """
    cells = {
        f"cell {number}": cell["source"]
        # as Jupyter counts them after a run of all
        for number, cell in enumerate(notebook_cells(notebook), start=1)
        if "parameters" not in cell["tags"]
    }
    syntax, reach = code.of_cells(list(cells.values()))
    return {
        "code": dict(zip(cells, syntax, strict=True)),
        "params": {key: json.dumps(value) for key, value in params.items()},
        "inputs": {name: hashes(path) for name, path in inputs.items()},
        "modules": reach.hashes,
        "versions": versions(reach.external) | dict(r_versions or {}),
    }


def changes(old: Parts | None, new: Parts) -> list[str]:
    """Say in words what differs between two keys' parts.

    Parameters
    ----------
    old : dict or None
        Parts of the last run; None if there was none.
    new : dict
        Parts as they are now.

    Returns
    -------
    list of str
        One line per difference; empty if the notebook is done.
    """
    # no stamp: nothing to compare with
    if old is None:
        return ["it has not been run"]
    lines = []
    for part, values in new.items():
        before = old.get(part, {})
        names = [
            name
            for name in dict.fromkeys([*values, *before])
            if before.get(name) != values.get(name)
        ]
        # of many changed definitions, those that caused the change
        for name in _causes(names, before, values) if part == "modules" else names:
            lines.append(f"{part}: {name} {_difference(part, before.get(name), values.get(name))}")
    return lines


def _causes(names: Sequence[str], before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the definitions that changed themselves, not those that only refer to them."""
    moved = _moved(before, after)
    left = [name for name in names if name not in moved]
    own = [
        name
        for name in left
        if before.get(name, "").split(".")[0] != after.get(name, "").split(".")[0]
    ]
    return own or left


def _moved(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Return the names of moved definitions: there before and after, under other names."""
    came = {name: after[name] for name in after if name not in before}
    gone = {name: before[name] for name in before if name not in after}
    # same hash, other name: moved
    both = Counter(came.values()) & Counter(gone.values())
    moved = set()
    for names in (came, gone):
        left = both.copy()
        for name, value in names.items():
            if left[value] > 0:
                left[value] -= 1
                moved.add(name)
    return moved


def _difference(part: str, before: str | None, after: str | None) -> str:
    if before is None or after is None:
        return "is new" if before is None else "is gone"
    return f"was {before}, is {after}" if part in ("params", "versions") else "changed"
