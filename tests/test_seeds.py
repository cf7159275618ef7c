"""A profile under several seeds, in copies of the project: the table of spreads, on a toy and by
hand."""

import subprocess

import pytest
import toy

from benchmarks import seeds
from lib.report import planted
from lib.report.planted import Spread
from lib.run import params, pipeline, store


def spread(profile, name, value):
    return Spread(profile=profile, id=name, n_seeds=3, mean=value, sd=0.0, min=value, max=value)


def test_rows_of_other_profiles_and_claims_stay(tmp_path):
    path = tmp_path / "planted_spread.csv"
    seeds.write_spreads(
        path, [spread("smoke", "a.b", 1.0), spread("mini", "a.b", 2.0), spread("mini", "a.c", 3.0)]
    )
    seeds.write_spreads(path, [spread("mini", "a.b", 5.0)])
    assert [(row.profile, row.id, row.mean) for row in planted.all_spreads(path)] == [
        ("mini", "a.b", 5.0),
        ("mini", "a.c", 3.0),
        ("smoke", "a.b", 1.0),
    ]
    before = path.read_bytes()
    seeds.write_spreads(path, [spread("mini", "a.b", 5.0)])
    assert path.read_bytes() == before


def test_a_claim_that_no_seed_measured_has_no_row():
    assert seeds.spread_of("mini", {"a.b": []}) == []
    [row] = seeds.spread_of("mini", {"a.b": [0.25]})
    assert (row.n_seeds, row.mean, row.sd) == (1, 0.25, 0.0)


def test_the_default_targets_reach_every_notebook_that_draws():
    """Every notebook that records claims is reached, those of the annotation and the scorecard
    apart."""
    steps = pipeline.load("mini")
    reached = set(pipeline.select(steps, seeds.TARGETS))
    left = {
        step.slug for step in steps.steps if any("__measured" in name for name in step.makes)
    } - reached
    assert left == {"impactful_genes_go", "gene_perturbation_cluster_go", "regulatory_cluster_go"}


def test_a_toy_under_two_seeds(tmp_path, capsys, monkeypatch):
    """The toy's claim is its seed, once a seed is a parameter of it; its own runs/ stay as they
    are."""
    root = toy.build(tmp_path / "toy")
    toy.add_claim(root, bound=5)
    for name in (toy.DECLARED, "notebooks/10_source.ipynb"):
        path = root / name
        text = path.read_text().replace("number: int", "seed: int").replace("le=100", "le=900")
        path.write_text(text.replace("str(number)", "str(seed / 10)"))
    edit = (root / toy.DECLARED).read_text().replace("paper=50, ", "")
    (root / toy.DECLARED).write_text(edit)
    (root / ".gitignore").write_text("runs/\nfigures/\n__pycache__/\n")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    arguments = ["measure", "--n", "2", "--workers", "1", "--scratch", str(tmp_path / "scratch")]
    resolved = params.resolve("mini")["regulatory_targets"]
    monkeypatch.setattr(
        params, "resolve", lambda profile: {"source": resolved}
    )  # has a seed, as the toy's has
    assert seeds.main(arguments, root=root) == 0, (
        tmp_path / "scratch/mini/seed_100/seed.log"
    ).read_text()
    [row] = planted.all_spreads(root / planted.SPREAD)
    assert (row.n_seeds, row.mean, row.sd, row.min, row.max) == (2, 15.0, 7.071068, 10.0, 20.0)
    assert "toy.planted.number" in capsys.readouterr().out
    assert not (root / "runs").exists() and not (root / "figures").exists()
    times = {
        path: path.stat().st_mtime_ns for path in (tmp_path / "scratch").rglob("*__measured.json")
    }
    assert seeds.main(arguments, root=root) == 0 and len(times) == 2
    assert {path: path.stat().st_mtime_ns for path in times} == times, (
        "what is there is not run again"
    )


def test_every_seed_of_a_notebook_is_set(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        seeds.subprocess, "run", lambda command, **options: said.append(command) or _Ended()
    )
    seeds.run_seed(tmp_path, "mini", 300, ["translation"])
    assigned = {word.split(".")[0] for word in said[0] if word.endswith(".seed=300")}
    assert assigned == {
        slug
        for slug, section in params.resolve("mini").items()
        if "seed" in type(section).model_fields
    }
    assert {"screen_data", "network_sources", "regulatory_targets", "translation"} <= assigned


class _Ended:
    returncode = 0


def test_the_scratch_folder_is_the_projects_own(tmp_path):
    assert (
        seeds.scratch_folder(store.ROOT)
        == seeds.scratch_folder(store.ROOT)
        != seeds.scratch_folder(tmp_path)
    )
    with pytest.raises(SystemExit):
        seeds.parse(["--profile", "none"])
