"""Provenance of results: code, environment and hardware, without names of people or folders."""

import importlib.metadata
import platform
import re
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from rocrate.rocrate import ROCrate

from lib.run import store

NO_DATE = "1970-01-01T00:00:00+00:00"  # a crate must have one, and the clock would change its bytes
_R_CODE = """
packages <- commandArgs(TRUE)
print(sessionInfo(), locale = FALSE)
is_there <- function(p) nzchar(system.file(package = p))
for (p in packages) cat(p, if (is_there(p)) format(packageVersion(p)) else "not installed", "\n")
"""
_TYPES = {
    ".ipynb": "application/x-ipynb+json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".csv": "text/csv",
    ".pdf": "application/pdf",
    ".yaml": "application/yaml",
    ".html": "text/html",
    ".json": "application/json",
    ".lock": "text/plain",
}


def commit(root: Path = store.ROOT) -> dict[str, str]:
    """Return the commit of the project.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    dict of str to str
        `commit`, `date` (ISO 8601) and `changed since` ("yes" or "no", of tracked files); all
        "unknown" outside git.
    """
    told = _output("git", "-C", str(root), "log", "-1", "--format=%H %cI")
    if not told:
        return {"commit": "unknown", "date": "unknown", "changed since": "unknown"}
    name, date = told.split()
    changed = _output("git", "-C", str(root), "status", "--porcelain", "--untracked-files=no")
    return {"commit": name, "date": date, "changed since": "yes" if changed else "no"}


def environment(root: Path = store.ROOT) -> dict[str, str]:
    """Return the Python environment.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    dict of str to str
        `requirements.lock` (its sha256), `Python`, and the installed version of every direct
        dependency.
    """
    lock, project = root / "requirements.lock", root / "pyproject.toml"
    found = {
        "requirements.lock": f"sha256 {store.sha256(lock)}" if lock.exists() else "missing",
        "Python": platform.python_version(),
    }
    wanted = (
        tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
        if project.exists()
        else []
    )
    # direct dependencies; the lock file has the others
    for name in sorted((Requirement(line).name for line in wanted), key=str.lower):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def r_session(packages: Sequence[str] = ()) -> str:
    """Return R's session information and package versions.

    Parameters
    ----------
    packages : sequence of str
        R packages.

    Returns
    -------
    str
        Without the folders of libraries; empty if there is no R.
    """
    told = _output("Rscript", "--vanilla", "-e", _R_CODE, *packages, seconds=60)
    return re.sub(r"(?<![\w.])/[\w./+-]*/", "", told)  # folders of libraries


def hardware() -> dict[str, str]:
    """Return what this machine is.

    Returns
    -------
    dict of str to str
        `system`, `processor`, `cores`, `memory` (in GiB) and `graphics card`.
    """
    graphics = _output("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "graphics card": "; ".join(graphics.splitlines()) or "none",
    }


def write_crate(
    folder: Path, files: dict[str, str], *, name: str, description: str, root: Path = store.ROOT
) -> Path:
    """Write `ro-crate-metadata.json`, which describes a folder to other software.

    Its date is the commit's, so that the same results give the same bytes.

    Parameters
    ----------
    folder : Path
        What the crate describes.
    files : dict of str to str
        Path relative to `folder` → what it is, in words.
    name, description : str
        Of the whole.
    root : Path
        Where the git history is.

    Returns
    -------
    Path
        The file.

    References
    ----------
    https://w3id.org/ro/crate
    """
    crate, code = ROCrate(), commit(root)
    crate.name, crate.description = name, description
    # not today's: the same results give the same crate
    crate.root_dataset["datePublished"] = code["date"] if code["date"] != "unknown" else NO_DATE
    crate.root_dataset["version"] = code["commit"]
    for path, words in sorted(files.items()):
        described = {"name": words, "sha256": store.sha256(folder / path)}
        kind = _TYPES.get(Path(path).suffix)
        crate.add_file(
            dest_path=path, properties=described | ({"encodingFormat": kind} if kind else {})
        )
    return store.write_json(folder / "ro-crate-metadata.json", crate.metadata.generate())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _output(*command: str, seconds: float = 20) -> str:
    """Return what a program prints, or nothing if it is absent, fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
