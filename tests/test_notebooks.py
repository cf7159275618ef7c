"""The notebooks: stored clean, telling not defining, and with the same result through every
door."""

import ast
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from pictures import faults, planned

from lib.report import claims, planted
from lib.run import keys, params, pipeline
from lib.run.declaration import file_of

ROOT = Path(__file__).resolve().parent.parent
STEPS = pipeline.load("mini").steps
ALL = tuple(step.slug for step in STEPS)
GO_CHAPTER = (
    "go_annotation",
    "impactful_genes_go",
    "gene_perturbation_cluster_go",
    "regulatory_cluster_go",
)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code_cells(path):
    return keys.notebook_cells(path)


def test_the_pipeline_lists_every_notebook_once():
    assert sorted(step.notebook for step in STEPS) == [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_without_outputs_or_counts(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs") and not cell.get("execution_count")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_tells_and_defines_nothing(path):
    first, *rest = nbformat.read(path, as_version=4).cells
    assert (
        first.cell_type == "markdown"
        and first.source.startswith("# ")
        and "**Question.**" in first.source
    )
    for cell in code_cells(path):
        nodes = list(ast.walk(ast.parse(cell["source"])))
        assert not any(
            isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda) for node in nodes
        )
        assert (
            len(cell["source"].splitlines()) <= 25 or "parameters" in cell["tags"]
        )  # those are written


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_check_hangs_on_a_measured_value(path):
    """What was measured is recorded as a claim: no assertion reads it, and no default hides a
    misspelt id."""
    for cell in code_cells(path):
        for node in ast.walk(ast.parse(cell["source"])):
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            assert not (isinstance(node, ast.Assert) and "measured" in names), ast.unparse(node)
            assert not (isinstance(node, ast.Name) and node.id.startswith("least_"))
            assert "measured.get(" not in cell["source"]


BEHIND = {
    "data/epigenome": "data/epigenome_source"
}  # its list of files names those of the other folder


def reads(step, makers: dict[str, str]) -> dict[str, str]:
    """Return what other notebooks make and this one names, as file → the `made_by` beside it, or
    nothing.

    `origin.read(folder)` reads the note beside the folder, not the folder; so does what a folder is
    only named for.
    """
    found = {}
    for cell in code_cells(ROOT / "notebooks" / step.notebook):
        nodes = list(ast.walk(ast.parse(cell["source"])))
        for call in (node for node in nodes if isinstance(node, ast.Call | ast.Assign)):
            is_call = isinstance(call, ast.Call)
            for argument in call.args if is_call else [call.value]:
                path = re.match(r"f['\"]\{run_dir\}/([^{}'\"]+)", ast.unparse(argument))
                above = [path[1], *map(str, Path(path[1]).parents)] if path else []
                made = next(
                    (file for file in above if makers.get(file, step.slug) != step.slug), None
                )
                if made:
                    is_origin = not is_call or ast.unparse(call.func) == "origin.read"
                    name = (
                        f"{made}.origin.json"
                        if is_origin and f"{made}.origin.json" in makers
                        else made
                    )
                    words = {
                        word.arg: ast.unparse(word.value).strip("'")
                        for word in getattr(call, "keywords", ())
                    }
                    found[name] = words.get("made_by", found.get(name, ""))
    return found


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.slug)
def test_a_notebook_reads_what_pipeline_toml_says_it_needs(step):
    """A need that is not read would re-run in vain; one that is not listed would be read when it is
    stale."""
    makers = pipeline.load("mini").makers()
    measured = {file for file in makers if file.endswith("__measured.json")}
    needs, found = {file for file in step.needs if file in makers}, reads(step, makers)
    if step.slug == "scorecard":  # it collects every file of its kind
        found |= dict.fromkeys(measured, "")
    found |= {BEHIND[file]: "" for file in set(found) & set(BEHIND) if BEHIND[file] in needs}
    assert not set(found) - needs, "needs of pipeline.toml lack this"
    beside = {
        file for file in needs if file.removesuffix(".origin.json") in found
    }  # read with what they speak of
    assert not needs - set(found) - beside, "needs of pipeline.toml that the notebook does not read"
    assert {file: maker for file, maker in found.items() if maker not in ("", makers[file])} == {}


def test_blocks_of_the_pipeline_are_chapters():
    """Each block is headed by a chapter, and holds the notebooks whose parameters that chapter
    declares."""
    chapter, seen = "", []
    for line in (ROOT / "pipeline.toml").read_text(encoding="utf-8").splitlines():
        if head := re.match(r"# (\w+): ", line):
            chapter = head[1]
        elif slug := re.match(r"\[(\w+)\]", line):
            assert file_of(params.SECTIONS[slug[1]]) == f"lib/{chapter}/params.py", slug[1]
            seen.append(chapter)
    blocks = [name for name, _ in itertools.groupby(seen)]
    assert len(blocks) == len(set(blocks)) and len(seen) == len(STEPS)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Path:
    """A copy of the project in which the smoke profile has run."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("lib", "notebooks", "params"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("run_all.py", "pipeline.toml", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    result = run(folder, "--profile", "smoke")
    assert result.returncode == 0, result.stderr
    shutil.copytree(folder / "figures/smoke", folder / "figures/reference")
    return folder


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder)}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "run_all.py", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=1800
    )


def data_behind(folder: Path, profile: str) -> dict[str, bytes]:
    """Return the CSV and SVG of every figure."""
    files = (folder / "figures" / profile).glob("*.[cs][sv][vg]")
    return {file.name: file.read_bytes() for file in files}


def test_smoke_makes_every_figure_and_a_second_run_changes_no_byte(smoke):
    before = data_behind(smoke, "smoke")
    assert len(before) == 2 * sum(len(step.figures) for step in STEPS)
    again = run(smoke, "--profile", "smoke")
    assert again.returncode == 0 and f"0 run, {len(STEPS)} already done" in again.stdout


def test_the_pictures_of_smoke_are_as_a_journal_prints_them_and_say_what_is_simulated(smoke):
    found = [faults(smoke / "figures/smoke", name) for name in planned()]
    assert list(filter(None, found)) == []


NOT_IN_SMOKE = {
    "translation.planted.demo_raf1",
    "translation.planted.demo_smad4",  # four genes are selected, and these are not among them
    "translation.planted.demo_srebf1",
    "imaging.planted.activity_auroc",  # one plate: no gene has a well on another one
    "genesegnet.planted.gain_over_rna",  # no network is trained on transcripts alone
    "epigenome.planted.pair_order",  # one pair of marks has no order
}
"""Planted claims that need more than smoke simulates."""


def test_every_planted_claim_is_measured_and_every_profile_judges_by_its_own_seeds(smoke):
    results = smoke / "runs/smoke/results"
    measured, _ = claims.collect(results)
    assert set(planted.load()) - NOT_IN_SMOKE == {name for name in measured if ".planted." in name}
    judged = claims.table(results, "smoke").set_index("id")
    assert (judged.loc[list(measured), "status"] != claims.NOT_MEASURED).all()
    intervals = judged.loc[["regulation.planted.link_auc", "regulation.planted.target_auc"]]
    assert (intervals["low"] <= intervals["value"]).all() and (
        intervals["value"] <= intervals["high"]
    ).all()


def test_forced_on_other_workers_the_bytes_are_the_same(smoke):
    before = data_behind(smoke, "smoke")
    again = ["nuclei", "segmentation", "gene_perturbation_clusters", "fig3c"]
    forced = run(smoke, *again, "--only", "--profile", "smoke", "--force", "--cluster", "local:2")
    assert forced.returncode == 0 and f"{len(again)} run, 0 already done" in forced.stdout
    assert data_behind(smoke, "smoke") == before


def through_papermill(folder: Path, step, values: dict) -> None:
    command = [
        sys.executable,
        "-m",
        "papermill",
        f"notebooks/{step.notebook}",
        "runs/by_hand.ipynb",
        "-k",
        "python3",
    ]
    for key, value in values.items():
        command += (
            ["-r", key, value] if isinstance(value, str) else ["-y", json.dumps({key: value})]
        )
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stderr


def through_jupyterlab(folder: Path, step, values: dict) -> None:
    """Run all cells as JupyterLab does, in a kernel whose working directory is the notebook's
    folder.

    Sockets are files: of two programs that start kernels at once, one may take the other's port,
    and its kernel dies.
    """
    notebook = nbformat.read(folder / "notebooks" / step.notebook, as_version=4)
    cell = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    cell.source = "\n".join(f"{key} = {value!r}" for key, value in values.items())
    where = {"metadata": {"path": str(folder / "notebooks")}}
    with tempfile.TemporaryDirectory() as sockets:
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/kernel")
        NotebookClient(notebook, km=manager, timeout=600, resources=where).execute()


@pytest.mark.parametrize("door", [through_papermill, through_jupyterlab])
@pytest.mark.parametrize(
    "slugs", [GO_CHAPTER, pytest.param(ALL, marks=pytest.mark.slow)], ids=["go", "all"]
)
def test_every_door_gives_the_same_figures(smoke, monkeypatch, door, slugs):
    monkeypatch.setenv("PYTHONPATH", str(smoke))
    monkeypatch.setenv("COMPENDIUM_EXECUTOR", "inline")
    place = f"{door.__name__}_{len(slugs)}"
    folders = {"run_dir": f"runs/{place}", "figures_dir": f"figures/{place}"}
    spread = smoke / planted.SPREAD  # bounds go by the name of the run, which is another one here
    rows = spread.read_text()
    spread.write_text(
        rows
        + "".join(f"{place}{row[5:]}" for row in rows.splitlines(True) if row.startswith("smoke"))
    )
    sections = params.resolve("smoke")
    for step in (step for step in STEPS if step.slug in slugs):
        door(smoke, step, sections[step.slug].model_dump() | folders)
    spread.write_text(rows)
    expected = {
        name: data
        for name, data in data_behind(smoke, "reference").items()
        if name.split("__")[0] in slugs
    }
    assert data_behind(smoke, place) == expected


def test_a_users_own_clusters_go_through_the_whole_chapter(smoke):
    cycle = ["CDK1", "CCNB1", "BUB1", "PLK1", "AURKA", "CDC20", "MAD2L1", "NOTAGENE"]
    matrix = ["COL1A1", "COL4A1", "COL4A2", "FN1", "FBN1", "LAMA1", "SPARC", "TNC", "THBS1", "VCAN"]
    rows = [f"{gene},cycle\n" for gene in cycle] + [f"{gene},matrix\n" for gene in matrix]
    (smoke / "mine.csv").write_text("gene,cluster\n" + "".join(rows))
    own = [
        "--set",
        "regulatory_cluster_go.clusters_path=mine.csv",
        "--set",
        "regulatory_cluster_go.min_size=5",
    ]
    result = run(smoke, "regulatory_cluster_go", "--profile", "smoke", *own)
    assert result.returncode == 0, result.stderr
    assert "cell cycle" in (smoke / "figures/smoke/regulatory_cluster_go__fig3c.csv").read_text()
    bars = (smoke / "figures/smoke/regulatory_cluster_go__bars.csv").read_text()
    assert "Own cluster cycle" in bars and "Own cluster matrix" in bars
    assert "NOTAGENE" in (smoke / "runs/smoke/executed/42_regulatory_cluster_go.ipynb").read_text()


def test_bad_input_of_a_user_is_told_in_one_line(smoke):
    missing = run(
        smoke,
        "fig3c",
        "--profile",
        "smoke",
        "--set",
        "regulatory_cluster_go.clusters_path=none.csv",
    )
    assert missing.returncode == 2 and "none.csv" in missing.stderr
    (smoke / "bad.csv").write_text("gene,cluster\nJUN,1\nJUN,1\n")
    bad = run(
        smoke, "fig3c", "--profile", "smoke", "--set", "regulatory_cluster_go.clusters_path=bad.csv"
    )
    assert (
        bad.returncode == 1 and "bad.csv: row 2, gene 'JUN' is there more than once" in bad.stderr
    )


def test_without_r_one_message_says_what_to_install(smoke):
    """R cannot be found: no R on the path and no R_HOME."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(smoke / "empty")])
    command = [sys.executable, "run_all.py", "go_annotation", "--profile", "smoke"]
    bare = {**environment(smoke), "PATH": path, "R_HOME": str(smoke / "empty")}
    result = subprocess.run(
        command, cwd=smoke, env=bare, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 1
    assert "R cannot be started" in result.stderr and "apt install r-base" in result.stderr
