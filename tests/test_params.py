"""Parameters: every mistake is one line that names file, key, value and what is allowed."""

import re
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from lib import sections
from lib.run import keys, params, pipeline, store


class Training(sections.Section):
    n_folds: int = Field(ge=2, le=20, description="cross-validation folds")
    learning_rate: float = Field(gt=0, description="step size")
    genes: list[str] = Field(description="genes")
    is_paired: bool = Field(description="paired")
    table_path: sections.InputPath = Field(description="a table")


MINI = "training: {n_folds: 4, learning_rate: 0.1, genes: [MYC], is_paired: true, table_path: ''}\n"


@pytest.fixture
def profiles(tmp_path, monkeypatch):
    monkeypatch.setattr(params, "SECTIONS", {"training": Training})
    (tmp_path / "mini.yaml").write_text(MINI)
    (tmp_path / "smoke.yaml").write_text("training:\n  n_folds: 2\n")
    return tmp_path


def resolve(profiles, *assignments, profile="mini"):
    return params.resolve(profile, assignments=assignments, directory=profiles)["training"]


def refusal(profiles, *assignments, profile="mini"):
    with pytest.raises(params.ParamsError) as refused:
        resolve(profiles, *assignments, profile=profile)
    return str(refused.value)


def test_later_layers_win_and_the_rest_stays(profiles):
    section = resolve(profiles, "training.learning_rate=0.5", profile="smoke")
    assert (section.n_folds, section.learning_rate, section.genes) == (2, 0.5, ["MYC"])
    assert (section.run_dir, section.figures_dir) == ("runs/smoke", "figures/smoke")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("training.n_fold=3", "--set: training.n_fold: unknown key; did you mean 'n_folds'?"),
        (
            "training.n_folds=1",
            "--set: training.n_folds = 1: should be greater than or equal to 2 (cross-validation folds)",
        ),
        ("training.n_folds=21", "--set: training.n_folds = 21: should be less than or equal to 20"),
        ("training.n_folds=3.0", "--set: training.n_folds = 3.0: should be a valid integer"),
        ("training.n_folds=true", "--set: training.n_folds = True: should be a valid integer"),
        ("training.n_folds=", "--set: training.n_folds = '': should be a valid integer"),
        ("training.learning_rate=fast", "--set: training.learning_rate = 'fast': should be a valid number"),
        ("training.learning_rate=.nan", "--set: training.learning_rate = nan: should be a finite number"),
        ("training.is_paired=1", "--set: training.is_paired = 1: should be a valid boolean"),
        ("training.genes=MYC", "--set: training.genes = 'MYC': should be a valid list"),
        ("training.run_dir=/tmp", "--set: training.run_dir follows from --profile; remove it"),
        ("trainin.n_folds=3", "--set trainin.n_folds=3: no section 'trainin'; did you mean 'training'?"),
        ("n_folds=3", "--set n_folds=3: expected SECTION.KEY=VALUE, such as training.KEY=VALUE"),
        ("training.n_folds", "--set training.n_folds: expected SECTION.KEY=VALUE"),
        ("training.genes=[MYC", "--set training.genes=[MYC: value is not readable as YAML"),
        ("training.genes=!!python/object/apply:os.system [ls]", "value is not readable as YAML"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_is_allowed(profiles, assignment, message):
    assert message in refusal(profiles, assignment)


def test_all_mistakes_are_told_at_once(profiles):
    lines = refusal(profiles, "training.n_folds=1", "training.learning_rate=-1").splitlines()
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainin: {n_folds: 3}", "params/smoke.yaml: no notebook 'trainin'; did you mean 'training'?"),
        ("training: {n_folds: 300}", "params/smoke.yaml: training.n_folds = 300"),
        ("training: 3", "smoke.yaml: expected one section a notebook"),
        ("- 1", "smoke.yaml: expected one section a notebook"),
        ("training: {n_folds: [", "smoke.yaml: not readable as YAML"),
        ("training: {n_folds: 2, n_folds: 3}", "'n_folds' is given twice"),
        ("training: {n_folds: 2}\ntraining: {n_folds: 3}", "'training' is given twice"),
        ("training: {3: 2}", "params/smoke.yaml: training.3: unknown key"),
        ("training: {? [a, b] : 2}", "smoke.yaml: not readable as YAML"),
    ],
)
def test_a_mistake_in_a_file_names_the_file(profiles, text, message):
    (profiles / "smoke.yaml").write_text(text)
    assert message in refusal(profiles, profile="smoke")


def test_a_missing_value_says_what_it_means(profiles):
    (profiles / "mini.yaml").write_text(MINI.replace("n_folds: 4, ", ""))
    assert refusal(profiles) == "params/mini.yaml: training.n_folds: missing (cross-validation folds)"


def test_a_missing_or_binary_profile_is_told(profiles):
    assert "paper.yaml: no such profile" in refusal(profiles, profile="paper")
    (profiles / "paper.yaml").write_bytes(b"\xff\xfe")
    assert "paper.yaml: not readable as YAML" in refusal(profiles, profile="paper")


@pytest.mark.parametrize(("text", "value"), [("1e-5", 1e-5), ("1E5", 1e5), ("-2.5e+3", -2500.0), (".5", 0.5), ("1", 1)])
def test_numbers_are_read_as_people_write_them(text, value):
    assert params.read_yaml(text) == value
    assert params.read_yaml(f"[{text}]") == [value]


@pytest.mark.parametrize("text", ["e5", "1e", "1e5x", "abc1e5", "'1e-5'"])
def test_what_only_looks_like_a_number_stays_text(text):
    assert isinstance(params.read_yaml(text), str)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_prints_is_read_back(number):
    assert params.read_yaml(repr(number)) == number


def test_declared_reads_literals_and_runs_nothing():
    assert params.declared("a: int = 3  # folds\nb = [1, -2]\nc: str = ''") == {"a": 3, "b": [1, -2], "c": ""}
    for source in ("import os", "a = open('x')", "a: int", "a, b = 1, 2", "f()"):
        with pytest.raises(params.ParamsError, match="line 1 is not 'name: type = literal'"):
            params.declared(source)
    with pytest.raises(params.ParamsError, match="parameters cell: line 2 is not Python"):
        params.declared("a = 1\n<<<<<<< HEAD")


def test_a_cell_declares_exactly_the_keys_of_its_section(profiles):
    section = resolve(profiles)
    cell = "\n".join(f"{key} = {value!r}" for key, value in section.model_dump().items())
    params.check_declared("10_training.ipynb", cell, section)
    for source, message in [
        (
            cell.replace("n_folds", "folds"),
            "10_training.ipynb: declares 'folds', which its section in lib/sections.py lacks",
        ),
        (cell.replace("n_folds", "folds"), "10_training.ipynb: does not declare the parameter 'n_folds'"),
        (cell.replace("n_folds = 4", "n_folds = 'four'"), "10_training.ipynb: parameters cell: n_folds"),
        ("import os", "10_training.ipynb: parameters cell: line 1"),
        ("", "does not declare the parameter 'n_folds'"),
    ]:
        with pytest.raises(params.ParamsError) as refused:
            params.check_declared("10_training.ipynb", source, section)
        assert message in str(refused.value)


def test_only_marked_parameters_that_are_not_empty_are_inputs(profiles):
    assert params.input_paths(resolve(profiles)) == {}
    assert params.input_paths(resolve(profiles, "training.table_path=a.csv")) == {"table_path": "a.csv"}
    assert params.input_paths(resolve(profiles, "training.table_path=a.csv", "training.table_path=")) == {}


def test_an_annotated_list_can_have_bounds():
    class Bounded(sections.Section):
        sizes: list[Annotated[int, Field(ge=1)]] = Field(description="sizes")

    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Bounded(sizes=[1, 0])


@pytest.mark.parametrize("profile", params.PROFILES)
def test_the_profiles_of_this_project_are_right(profile):
    steps = pipeline.load(profile).steps
    sections = params.resolve(profile, slugs=[step.slug for step in steps])
    assert set(sections) == {step.slug for step in steps}
    assert all(field.description for section in sections.values() for field in type(section).model_fields.values()), (
        "each parameter says what it means, with its unit"
    )


def test_a_notebook_opened_by_hand_has_the_values_of_the_default_profile():
    steps = pipeline.load("mini").steps
    sections = params.resolve("mini", slugs=[step.slug for step in steps])
    for step in steps:
        cell = params.declared(keys.parameters_source(store.ROOT / "notebooks" / step.notebook))
        assert cell == sections[step.slug].model_dump(), step.notebook


def test_the_paper_profile_has_the_values_that_mini_says_are_the_papers():
    """Sections that simulate have no such value; repeated runs and averaged draws are this project's own."""
    own = {("regulatory_embeddings", "n_runs"), ("translation", "n_draws"), ("interactome", "beta")}
    paper, section, compared = params.resolve("paper"), "", 0
    for line in store.resolve("params/mini.yaml").read_text(encoding="utf-8").splitlines():
        section = found[1] if (found := re.match(r"(\w+):", line)) else section
        stated = re.match(r"  (\w+):.*\(paper: (-?[\d.]+(?:e-?\d+)?)[);]", line)
        if not stated or section in ("screen_data", "network_sources", "nuclei") or (section, stated[1]) in own:
            continue
        value = getattr(paper[section], stated[1])
        if isinstance(value, int | float):
            assert value == float(stated[2]), f"{section}.{stated[1]}"
            compared += 1
    assert compared > 50
