"""The environment: a complete lock, conda equal to pip, and a set-up that says what it lacks before
it starts."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11.2", "3.12.1", "3.13.0")
CONDA_NAMES = {"torch": "pytorch", "torch-geometric": "pytorch_geometric"}
COMMANDS = [
    "sh",
    "dirname",
    "cat",
    "sha256sum",
    "tail",
    "sed",
    "tr",
    "awk",
    "mkdir",
    "rm",
    "mv",
    "date",
    "readlink",
    "cp",
    "chmod",
    "grep",
]
ROOMY = "echo Filesystem; echo disk 1 1 99999999 1% /"
ONLY_CONDA = {"python", "pip", "cxx-compiler", "r-base"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


PROJECT = tomllib.loads(read("pyproject.toml"))
DECLARED = [
    Requirement(line)
    for line in PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
]


def locked_blocks() -> list[str]:
    """One block a package: its requirement line, then its hashes and comments."""
    return re.split(r"^(?=[a-z0-9])", read("requirements.lock"), flags=re.MULTILINE)[1:]


def locked(python: str) -> dict[str, Requirement]:
    """The locked packages of one Python on Linux, by name."""
    target = {
        "python_full_version": python,
        "python_version": python[:4],
        "sys_platform": "linux",
        "os_name": "posix",
    }
    target |= {"platform_machine": "x86_64", "implementation_name": "cpython"}
    packages = [Requirement(block.partition("\\")[0].strip()) for block in locked_blocks()]
    wanted = [
        package for package in packages if package.marker is None or package.marker.evaluate(target)
    ]
    assert len({package.name for package in wanted}) == len(wanted)
    return {canonicalize_name(package.name): package for package in wanted}


def test_every_locked_package_has_hashes():
    for block in locked_blocks():
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==[^ ]+ ", block), block[:80]
        assert re.search(
            r"--hash=sha256:[0-9a-f]{64}$", block.replace(" \\", ""), flags=re.MULTILINE
        ), block[:80]


def test_the_lock_names_no_address():
    assert not re.search(
        r"://|--index|--extra-index|--find-links|--trusted-host|@ ", read("requirements.lock")
    )


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_pyproject_on_each_python(python):
    versions = {
        name: next(iter(package.specifier)).version for name, package in locked(python).items()
    }
    assert python in supported_pythons()
    for wanted in DECLARED:
        assert versions[canonicalize_name(wanted.name)] in wanted.specifier, wanted


def supported_pythons():
    return Requirement(f"python{PROJECT['project']['requires-python']}").specifier


def test_torch_and_torchvision_are_the_locked_pair():
    packages = locked(PYTHONS[0])
    for name in ("torch", "torchvision"):
        assert metadata.version(name).partition("+")[0] in packages[name].specifier
    (needed,) = [r for r in map(Requirement, metadata.requires("torchvision")) if r.name == "torch"]
    assert next(iter(packages["torch"].specifier)).version in needed.specifier


def test_the_torch_of_the_lock_brings_what_a_gpu_needs():
    assert {"triton", "nvidia-cublas"} <= locked(PYTHONS[0]).keys()


def test_pins_with_a_reason():
    pins = {requirement.name: str(requirement.specifier) for requirement in DECLARED}
    assert pins["rpy2"] == "==3.5.17"  # the last that works with the R 4.2 of Debian 12
    assert PROJECT["tool"]["uv"]["no-binary-package"] == ["pcst-fast"]
    assert "--no-binary pcst-fast" in read("setup.sh")


def conda_requirements() -> tuple[dict[str, str], dict[str, str]]:
    """Bounds by name of the conda packages and of those that conda leaves to pip."""
    environment = yaml.safe_load(read("environment.yml"))
    by_conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (by_pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert by_pip[0] == "--no-binary=pcst-fast"
    return tuple(
        {r.name: str(r.specifier) for r in map(Requirement, entries)}
        for entries in (by_conda, by_pip[1:])
    )


def test_environment_yml_is_pyproject_in_conda_words():
    by_conda, by_pip = conda_requirements()
    assert by_conda["python"] == str(supported_pythons())
    own = {name for name in by_conda if name in ONLY_CONDA or name.startswith("bioconductor-")}
    found = {name: bounds for name, bounds in by_conda.items() if name not in own} | by_pip
    assert found == {CONDA_NAMES.get(r.name, r.name): str(r.specifier) for r in DECLARED}


def test_environment_yml_brings_the_annotation_that_apt_lacks():
    by_conda, _ = conda_requirements()
    names = ("org.hs.eg.db", "go.db", "gosemsim", "topgo", "clusterprofiler")
    assert {f"bioconductor-{name}" for name in names} <= by_conda.keys()
    assert "://" not in read("environment.yml")


def test_make_help_lists_every_target():
    (phony,) = re.findall(r"^\.PHONY: (.*)$", read("Makefile"), flags=re.MULTILINE)
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert set(phony.split()) == set(re.findall(r"^  make ([a-z-]+)", shown, flags=re.MULTILINE))


def test_make_test_uses_all_cores_and_keeps_a_file_of_tests_together():
    shown = subprocess.run(
        ["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "-n auto --dist loadfile" in shown


def test_ci_runs_the_command_of_the_readme():
    assert read(".ci/run").splitlines()[-1] == "make test"
    assert "set -euo pipefail" in read(".ci/run")


@pytest.fixture
def bare_machine(tmp_path):
    """Copy the set-up and give it a PATH with a few commands only; return a function that runs it
    there."""
    project, commands = tmp_path / "project", tmp_path / "commands"
    project.mkdir()
    commands.mkdir()
    for name in ("setup.sh", "requirements.lock", "pyproject.toml"):
        (project / name).write_text(read(name), encoding="utf-8")
    for name in COMMANDS:
        (commands / name).symlink_to(shutil.which(name))

    def run(**scripts: str) -> subprocess.CompletedProcess:
        for name, script in ({"df": ROOMY} | scripts).items():
            path = commands / name.replace("_", "-")
            path.unlink(missing_ok=True)  # never write through a link to the machine's own command
            path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            path.chmod(0o755)
        environment = {"PATH": str(commands), "HOME": str(tmp_path)}
        return subprocess.run(
            ["sh", "setup.sh"], cwd=project, env=environment, capture_output=True, text=True
        )

    run.project = project
    return run


def test_what_is_lacking_is_said_once_with_the_command_that_brings_it(bare_machine):
    done = bare_machine(id="echo 1000", apt_get="echo used >>touched")
    assert done.returncode == 1
    for lacking in ("Python 3.11", "C++ compiler", "R 4.2", "org.Hs.eg.db"):
        assert done.stderr.count(lacking) == 1
    assert re.search(
        r"^  apt-get update && apt-get install .* python3 .*g\+\+ .*r-bioc-gosemsim$",
        done.stderr,
        re.M,
    )
    assert "environment.yml" in done.stderr
    assert (
        not (bare_machine.project / "touched").exists()
        and not (bare_machine.project / ".venv").exists()
    )


def test_a_sudo_that_wants_a_password_is_no_permission(bare_machine):
    done = bare_machine(id="echo 1000", apt_get="echo used >>touched", sudo="exit 1")
    assert done.returncode == 1 and "this machine lacks" in done.stderr
    assert not (bare_machine.project / "touched").exists()


def test_without_apt_the_list_stays_and_the_command_goes(bare_machine):
    done = bare_machine(id="echo 0")
    assert done.returncode == 1
    assert (
        "C++ compiler" in done.stderr
        and "your package manager" in done.stderr
        and "apt-get" not in done.stderr
    )


def test_root_installs_and_a_package_that_is_still_lacking_is_named(bare_machine):
    done = bare_machine(
        id="echo 0", apt_get='echo "$@" >>touched', dpkg=":", env='shift; exec "$@"'
    )
    assert done.returncode == 1 and "does not bring:\n  - Python 3.11" in done.stderr
    calls = (bare_machine.project / "touched").read_text().splitlines()
    assert (
        calls[0].endswith("update")
        and " install --yes --no-install-recommends python3 " in calls[1]
    )


def test_an_old_r_is_named_with_its_version(bare_machine):
    old_r = {"R": "echo 'R version 4.0.4 (2021-02-15)'", "Rscript": "echo R; echo GO.db"}
    done = bare_machine(id="echo 1000", **old_r)
    assert "R 4.2 or later" in done.stderr and "is 4.0.4" in done.stderr
    assert 'BiocManager::install("GO.db")' in done.stderr and "GOSemSim" not in done.stderr


def test_a_full_disk_is_said_before_anything_else(bare_machine):
    done = bare_machine(df="echo Filesystem; echo disk 1 1 2097152 1% /")
    assert done.returncode == 1
    assert "8 GB of free disk are needed" in done.stderr and "2 are there" in done.stderr


def test_an_unsupported_interpreter_is_refused(bare_machine):
    done = bare_machine(python3="echo 3.9", id="echo 1000")
    assert "python3 here: 3.9" in done.stderr


@pytest.fixture
def two_checkouts(bare_machine):
    """Let `bare_machine` go through on a machine that lacks nothing; its `uv` writes down how it
    was called."""
    project = bare_machine.project
    include = project / "include"
    include.mkdir()
    (include / "Python.h").touch()
    python = f"""case "$*" in
*sys.version_info*) echo 3.11 ;;
*_base_executable*) echo python3 ;;
*include*) echo {include} ;;
*purelib*) echo .venv/lib/python3.11/site-packages ;;
esac"""
    uv = f"""case "$*" in
--version) echo "uv 0.13.8" ;;
"venv --clear"*) rm -rf .venv; mkdir -p .venv/bin .venv/lib/python3.11/site-packages
    cp {bare_machine.project.parent}/commands/python3 .venv/bin/python ;;
esac
echo "$*" >>{project.parent}/calls"""
    tools = project / ".tools/bin"
    tools.mkdir(parents=True)
    (tools / "uv").write_text(f"#!/bin/sh\n{uv}\n", encoding="utf-8")
    (tools / "uv").chmod(0o755)
    there = {
        "python3": python,
        "cc": ":",
        "c++": ":",
        "R": "echo 'R version 4.2.2'",
        "Rscript": ":",
    }

    def run() -> subprocess.CompletedProcess:
        return bare_machine(**there)

    run.project, run.other = project, project.parent / "other"
    return run


def pth(checkout: Path) -> Path:
    return checkout / ".venv/lib/python3.11/site-packages/compendium.pth"


def make_venv_of(checkout: Path) -> Path:
    """Write what setup.sh leaves of a finished environment in another checkout; return its
    `.venv`."""
    pth(checkout).parent.mkdir(parents=True)
    pth(checkout).write_text(f"{checkout}\n", encoding="utf-8")
    return checkout / ".venv"


def test_a_machine_that_lacks_nothing_gets_an_environment_that_knows_its_folder(two_checkouts):
    done = two_checkouts()
    assert done.returncode == 0, done.stderr
    assert pth(two_checkouts.project).read_text() == f"{two_checkouts.project}\n"
    assert "made for" not in done.stdout
    assert two_checkouts().stdout == ""  # nothing is left to do


@pytest.mark.parametrize("folder", [".venv", ".tools"])
def test_a_linked_environment_is_refused_and_nothing_is_written_through_it(two_checkouts, folder):
    make_venv_of(two_checkouts.other)
    (two_checkouts.other / ".tools").mkdir()
    here = two_checkouts.project / folder
    shutil.rmtree(here, ignore_errors=True)
    here.symlink_to(two_checkouts.other / folder)
    before = sorted(two_checkouts.other.rglob("*"))
    done = two_checkouts()
    assert (
        done.returncode == 1
        and f"{folder} is a link to {two_checkouts.other / folder}" in done.stderr
    )
    assert "remove the link" in done.stderr
    assert sorted(two_checkouts.other.rglob("*")) == before
    assert pth(two_checkouts.other).read_text() == f"{two_checkouts.other}\n"
    assert not (two_checkouts.project.parent / "calls").exists()


def test_a_copied_environment_is_made_anew_even_if_its_files_are_hard_links(two_checkouts):
    shutil.copytree(
        make_venv_of(two_checkouts.other), two_checkouts.project / ".venv", copy_function=os.link
    )
    done = two_checkouts()
    assert done.returncode == 0, done.stderr
    assert f".venv was made for {two_checkouts.other} and leads there" in done.stdout
    assert "venv --clear" in (two_checkouts.project.parent / "calls").read_text()
    assert pth(two_checkouts.project).read_text() == f"{two_checkouts.project}\n"
    assert pth(two_checkouts.other).read_text() == f"{two_checkouts.other}\n"


@pytest.mark.parametrize(("uid", "allowed"), [(0, True), (1000, False)])
def test_make_lab_works_as_root_too(tmp_path, uid, allowed):
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {uid}\n", encoding="utf-8")
    (tmp_path / "id").chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    own = {"cwd": ROOT, "env": {**os.environ, "PATH": path}}
    shown = subprocess.run(
        ["make", "-n", "lab"], **own, capture_output=True, text=True, check=True
    ).stdout
    assert "jupyter lab" in shown and ("--allow-root" in shown) == allowed


OLD_PYTHON = """import runpy, sys
sys.version_info = ({minor})
sys.argv = ["run_all.py", "fig3c", "--list"]
runpy.run_path("run_all.py", run_name="__main__")
"""


def with_handover(folder: Path) -> None:
    """Put a `.venv` there whose Python says with what it was called."""
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho handed "$@"\n', encoding="utf-8")
    python.chmod(0o755)


@pytest.mark.parametrize("minor", ["3, 8, 1", "3, 10, 0"])
def test_an_older_python_hands_over_to_the_environment(tmp_path, minor):
    shutil.copy(
        ROOT / "run_all.py", tmp_path
    )  # no lib beside it: the hand-over comes before any import of ours
    code = OLD_PYTHON.format(minor=minor)
    alone = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (
        alone.returncode == 1 and "Python 3.11 or later is needed, and this is 3." in alone.stderr
    )
    with_handover(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.endswith("run_all.py fig3c --list\n"), done.stderr


@pytest.mark.parametrize(
    "broken", ["raise ModuleNotFoundError('no', name='dask')", "from json import nothing"]
)
def test_a_python_without_the_packages_hands_over_too(tmp_path, broken):
    shutil.copy(ROOT / "run_all.py", tmp_path)
    (tmp_path / "lib/run").mkdir(parents=True)
    (tmp_path / "lib/__init__.py").touch()
    (tmp_path / "lib/run/__init__.py").write_text(broken, encoding="utf-8")
    command = [sys.executable, "run_all.py", "--list"]
    alone = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (
        alone.returncode == 1
        and "lacks what is needed" in alone.stderr
        and "make figures" in alone.stderr
    )
    with_handover(tmp_path)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "handed run_all.py --list\n", done.stderr


def test_run_all_can_be_read_by_older_pythons():
    ast.parse(read("run_all.py"), feature_version=(3, 8))


def test_licence_and_citation_say_what_pyproject_says():
    cited = yaml.safe_load(read("CITATION.cff"))
    assert (
        cited["license"]
        == PROJECT["project"]["license"]["text"]
        == read("LICENSE").split()[0]
        == "MIT"
    )
    assert (cited["title"], cited["version"]) == (
        PROJECT["project"]["name"],
        PROJECT["project"]["version"],
    )
    assert f"## {cited['version']}" in read("CHANGELOG.md")


def test_the_readme_opens_with_the_papers_that_the_citation_names():
    opening = " ".join(read("README.md").partition("\n## ")[0].split())
    references = yaml.safe_load(read("CITATION.cff"))["references"]
    assert len(references) == 4
    for paper in references:
        assert paper["title"] in opening and all(
            author["family-names"] in opening for author in paper["authors"]
        )
        assert paper.get("doi", "") in opening
