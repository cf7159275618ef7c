"""Parameters: every mistake is one line that names file, key, value and what is allowed."""

import re
import subprocess
import sys
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from lib.run import params, pipeline, store, write_params
from lib.run.declaration import InputPath, Section, declarations, meaning, parameter

Rate = Annotated[float, meaning("step size", gt=0)]


class Training(Section):
    n_folds: int = parameter(4, "cross-validation folds", smoke=2, paper=10, ge=2, le=20)
    learning_rate: Rate = parameter(0.1, paper=1e-5)
    genes: list[str] = parameter(["MYC"], "genes", published="all 41")
    is_paired: bool = parameter(True, "paired", paper=True)
    table_path: InputPath = parameter("", "a table")
    window: int = parameter(8, "side of a window; 0 = whole", unit="pixels", ge=0)
    kind: Literal["small", "large"] = parameter("small", "size of the network", smoke="large")


@pytest.fixture
def profiles(tmp_path, monkeypatch):
    monkeypatch.setattr(params, "SECTIONS", {"training": Training})
    return tmp_path


def resolve(profiles, *assignments, profile="mini", own=None):
    return params.resolve(profile, assignments=assignments, own=own)["training"]


def refusal(profiles, *assignments, own=None):
    with pytest.raises(params.ParamsError) as refused:
        resolve(profiles, *assignments, own=own)
    return str(refused.value)


def test_later_layers_win_and_the_rest_stays(profiles):
    section = resolve(profiles, "training.learning_rate=0.5", profile="smoke")
    assert (section.n_folds, section.learning_rate, section.genes) == (2, 0.5, ["MYC"])
    assert (section.run_dir, section.figures_dir) == ("runs/smoke", "figures/smoke")
    own = profiles / "my_screen.yaml"
    own.write_text("training: {n_folds: 3, learning_rate: 1e-3, window: 9}")
    section = resolve(profiles, "training.window=7", profile="smoke", own=own)
    assert (section.n_folds, section.learning_rate, section.window, section.kind) == (
        3,
        0.001,
        7,
        "large",
    )
    assert (section.run_dir, section.figures_dir) == ("runs/my_screen", "figures/my_screen")


def test_a_declaration_gives_every_profile_its_values_and_the_comment():
    told = {
        one.name: (one.values["smoke"], one.values["paper"], one.comment)
        for one in declarations(Training)
    }
    assert told == {
        "n_folds": (2, 10, "cross-validation folds (paper: 10)"),
        "learning_rate": (0.1, 1e-5, "step size (paper: 1e-5)"),
        "genes": (["MYC"], ["MYC"], "genes (paper: all 41)"),
        "is_paired": (True, True, "paired (paper: true)"),
        "table_path": ("", "", "a table"),
        "window": (8, 8, "side of a window, in pixels; 0 = whole"),
        "kind": ("large", "small", "size of the network: small or large"),
    }


CELL = """\
run_dir: str = "runs/mini"         # data and results of this profile
figures_dir: str = "figures/mini"  # figures of this profile
n_folds: int = 4                   # cross-validation folds (paper: 10)
learning_rate: float = 0.1         # step size (paper: 1e-5)
genes: list[str] = ["MYC"]         # genes (paper: all 41)
is_paired: bool = True             # paired (paper: true)
table_path: str = ""               # a table
window: int = 8                    # side of a window, in pixels; 0 = whole
kind: str = "small"                # size of the network: small or large"""

SMOKE = """
training:
  n_folds: 2   # cross-validation folds (paper: 10)
  kind: large  # size of the network: small or large
"""


def test_cells_and_profiles_are_written_typed_aligned_and_commented():
    assert write_params.cell(Training) == CELL
    assert write_params.profile_text("smoke", {"training": Training}).endswith(SMOKE)
    mini = write_params.profile_text("mini", {"training": Training})
    assert params.read_yaml(mini)["training"] == {
        one.name: one.values["mini"] for one in declarations(Training)
    }
    assert "- paper" not in mini and 'table_path: ""' in mini


@given(st.lists(st.text("ab c-", min_size=1, max_size=12).map(str.strip), max_size=30))
def test_a_long_list_is_broken_between_its_elements(words):
    class Long(Section):
        words_of_mine: list[str] = parameter(words, "words")

    text = write_params.cell(Long)
    assert params.declared(text)["words_of_mine"] == words
    assert all(len(line) <= write_params.WIDTH for line in text.splitlines())
    assert params.read_yaml(write_params.profile_text("mini", {"long": Long})) == {
        "long": {"words_of_mine": words}
    }


def test_a_notebook_that_two_chapters_declare_is_refused(tmp_path):
    for chapter in ("one", "two"):
        (tmp_path / chapter).mkdir()
        text = "from lib.run.declaration import Section\n\nSECTIONS = {'screen': Section}\n"
        (tmp_path / chapter / "params.py").write_text(text)
    with pytest.raises(params.ParamsError, match="two/params.py: both declare 'screen'"):
        params.collect(tmp_path)


def test_a_notebook_that_no_chapter_declares_is_named():
    with pytest.raises(
        params.ParamsError, match="'nucleii', a notebook of pipeline.toml, stands in no SECTIONS"
    ):
        params.sections_of(["nuclei", "nucleii"])


def test_collecting_parameters_imports_no_science():
    """A plan, `--help` and `--list` start at once."""
    code = (
        "import sys; from lib.run import params; print(len(params.SECTIONS), *sorted(sys.modules))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=store.ROOT, capture_output=True, text=True, check=True
    )
    n_sections, *modules = told.stdout.split()
    assert int(n_sections) == len(params.SECTIONS)
    # the package lib.screen is empty: JUMP shares the declaration of its training
    assert not {"numpy", "pandas", "torch", "lib.go", "lib.screen.runs"} & set(modules)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("training.n_fold=3", "--set: training.n_fold: unknown key; did you mean 'n_folds'?"),
        (
            "training.n_folds=1",
            "--set: training.n_folds = 1: should be greater than or equal to 2 (cross-validation "
            "folds)",
        ),
        ("training.n_folds=21", "--set: training.n_folds = 21: should be less than or equal to 20"),
        ("training.n_folds=3.0", "--set: training.n_folds = 3.0: should be a valid integer"),
        ("training.n_folds=true", "--set: training.n_folds = True: should be a valid integer"),
        ("training.n_folds=", "--set: training.n_folds = '': should be a valid integer"),
        (
            "training.learning_rate=fast",
            "--set: training.learning_rate = 'fast': should be a valid number",
        ),
        (
            "training.learning_rate=.nan",
            "--set: training.learning_rate = nan: should be a finite number",
        ),
        ("training.is_paired=1", "--set: training.is_paired = 1: should be a valid boolean"),
        ("training.genes=MYC", "--set: training.genes = 'MYC': should be a valid list"),
        ("training.run_dir=/tmp", "--set: training.run_dir follows from --profile; remove it"),
        (
            "trainin.n_folds=3",
            "--set trainin.n_folds=3: no section 'trainin'; did you mean 'training'?",
        ),
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
        ("trainin: {n_folds: 3}", "mine.yaml: no notebook 'trainin'; did you mean 'training'?"),
        ("training: {n_folds: 300}", "mine.yaml: training.n_folds = 300"),
        ("training: 3", "mine.yaml: expected one section per notebook"),
        ("- 1", "mine.yaml: expected one section per notebook"),
        ("training: {n_folds: [", "mine.yaml: not readable as YAML"),
        ("training: {n_folds: 2, n_folds: 3}", "'n_folds' is given twice"),
        ("training: {n_folds: 2}\ntraining: {n_folds: 3}", "'training' is given twice"),
        ("training: {3: 2}", "mine.yaml: training.3: unknown key"),
        ("training: {? [a, b] : 2}", "mine.yaml: not readable as YAML"),
    ],
)
def test_a_mistake_in_a_file_names_the_file(profiles, text, message):
    own = profiles / "mine.yaml"
    own.write_text(text)
    assert message in refusal(profiles, own=own)


def test_a_missing_or_binary_file_is_told(profiles):
    assert "mine.yaml: no such file" in refusal(profiles, own=profiles / "mine.yaml")
    (profiles / "mine.yaml").write_bytes(b"\xff\xfe")
    assert "mine.yaml: not readable as YAML" in refusal(profiles, own=profiles / "mine.yaml")


@pytest.mark.parametrize("name", ["mini.yaml", "paper.yml", "my screen.yaml", ".yaml"])
def test_a_file_whose_name_is_no_folder_of_its_own_is_refused(profiles, name):
    assert "name the file after your screen" in refusal(profiles, own=profiles / name)


@pytest.mark.parametrize(
    ("text", "value"), [("1e-5", 1e-5), ("1E5", 1e5), ("-2.5e+3", -2500.0), (".5", 0.5), ("1", 1)]
)
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
    assert params.declared("a: int = 3  # folds\nb = [1, -2]\nc: str = ''") == {
        "a": 3,
        "b": [1, -2],
        "c": "",
    }
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
            "10_training.ipynb: declares 'folds', which test_params.py lacks",
        ),
        (
            cell.replace("n_folds", "folds"),
            "10_training.ipynb: does not declare the parameter 'n_folds'",
        ),
        (
            cell.replace("n_folds = 4", "n_folds = 'four'"),
            "10_training.ipynb: parameters cell: n_folds",
        ),
        ("import os", "10_training.ipynb: parameters cell: line 1"),
        ("", "does not declare the parameter 'n_folds'"),
    ]:
        with pytest.raises(params.ParamsError) as refused:
            params.check_declared("10_training.ipynb", source, section)
        assert message in str(refused.value)


def test_only_marked_parameters_that_are_not_empty_are_inputs(profiles):
    assert params.input_paths(resolve(profiles)) == {}
    assert params.input_paths(resolve(profiles, "training.table_path=a.csv")) == {
        "table_path": "a.csv"
    }
    assert (
        params.input_paths(resolve(profiles, "training.table_path=a.csv", "training.table_path="))
        == {}
    )


def test_an_annotated_list_can_have_bounds():
    class Bounded(Section):
        sizes: list[Annotated[int, Field(ge=1)]] = parameter([1], "sizes")

    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Bounded(sizes=[1, 0])


@pytest.mark.parametrize("profile", params.PROFILES)
def test_the_profiles_of_this_project_are_right(profile):
    steps = pipeline.load(profile).steps
    sections = params.resolve(profile, slugs=[step.slug for step in steps])
    assert set(sections) == {step.slug for step in steps} == set(params.SECTIONS)
    for section in sections.values():
        assert all(one.meaning for one in declarations(type(section))), (
            "each parameter says what it means"
        )


def test_what_is_written_from_the_declarations_is_up_to_date():
    """Every profile and every `parameters` cell; `make params` writes them."""
    assert not write_params.stale()


@pytest.mark.parametrize("profile", params.PROFILES)
def test_a_profile_is_narrow_and_holds_what_is_declared(profile):
    text = write_params.profile_text(profile, params.SECTIONS)
    assert max(map(len, text.splitlines())) <= write_params.WIDTH
    changed = params.read_yaml(text)
    for slug, section in params.SECTIONS.items():
        mini = {one.name: one.values["mini"] for one in declarations(section)}
        wanted = {one.name: one.values[profile] for one in declarations(section)}
        assert (mini if profile != "mini" else {}) | changed.get(slug, {}) == wanted


@pytest.mark.parametrize("slug", params.SECTIONS)
def test_a_cell_is_narrow_and_carries_the_mini_values(slug):
    text = write_params.cell(params.SECTIONS[slug])
    assert max(map(len, text.splitlines())) <= write_params.WIDTH
    assert params.declared(text) == params.resolve("mini")[slug].model_dump()


SIMULATING = (
    "screen_data",
    "network_sources",
    "jump_data",
    "lincs_data",
    "genesegnet_data",
    "epigenome_data",
)


def test_the_paper_profile_has_the_values_that_are_said_to_be_the_papers():
    """Sections that simulate have no such value; the others that differ are this project's own
    choice."""
    own = {("regulatory_embeddings", "n_runs"), ("translation", "n_draws"), ("interactome", "beta")}
    compared = 0
    for slug, section in params.SECTIONS.items():
        for one in declarations(section):
            number = re.match(r"-?\d[\d,]*(\.\d+)?(e-?\d+)?", one.published)
            if not number or slug in SIMULATING or (slug, one.name) in own:
                continue
            value = one.values["paper"]
            if isinstance(value, int | float):
                assert value == float(number[0].replace(",", "")), f"{slug}.{one.name}"
                compared += 1
    assert compared > 50
