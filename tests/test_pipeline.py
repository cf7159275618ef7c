"""The order follows from files; every mistake in `pipeline.toml` names its notebooks."""

import random

import pytest

from lib.run import pipeline


def toml(**steps):
    return "\n".join(
        f"[{slug}]\n" + "\n".join(f"{key} = {value!r}" for key, value in entry.items())
        for slug, entry in steps.items()
    )


def load(folder, text):
    (folder / "pipeline.toml").write_text(text)
    (folder / "notebooks").mkdir(exist_ok=True)
    for number in range(10):
        (folder / "notebooks" / f"{number}.ipynb").touch()
    return pipeline.load("mini", root=folder)


def order(plan):
    return [step.slug for step in plan.steps]


def refusal(folder, text):
    with pytest.raises(pipeline.PipelineError) as refused:
        load(folder, text)
    return str(refused.value)


DIAMOND = {
    "paint": {"notebook": "1.ipynb", "needs": ["l", "r"], "figures": ["fig1"]},
    "left": {"notebook": "3.ipynb", "needs": ["s"], "makes": ["l"], "figures": ["fig2"]},
    "right": {"notebook": "2.ipynb", "needs": ["s"], "makes": ["r"], "figures": ["fig2", "fig3"]},
    "start": {"notebook": "4.ipynb", "makes": ["s"]},
}


def test_the_order_is_that_of_the_files_and_then_of_the_numbers(tmp_path):
    assert order(load(tmp_path, toml(**DIAMOND))) == ["start", "right", "left", "paint"]


def test_the_order_does_not_depend_on_that_of_the_file(tmp_path):
    entries = list(DIAMOND.items())
    for seed in range(10):
        random.Random(seed).shuffle(entries)
        assert order(load(tmp_path, toml(**dict(entries)))) == ["start", "right", "left", "paint"]


def test_needs_and_outputs_lie_where_they_belong(tmp_path):
    (tmp_path / "genes.csv").touch()
    plan = load(
        tmp_path,
        toml(
            a={"notebook": "1.ipynb", "makes": ["s"]},
            b={"notebook": "2.ipynb", "needs": ["s", "genes.csv"], "figures": ["fig1"]},
        ),
    )
    assert plan.inputs(plan["b"]) == {
        "s": tmp_path / "runs/mini/s",
        "genes.csv": tmp_path / "genes.csv",
    }
    kinds = ("svg", "png", "pdf", "csv")
    assert list(plan.outputs(plan["b"])) == [f"figures/mini/b__fig1.{kind}" for kind in kinds]
    assert plan.outputs(plan["a"]) == {"s": tmp_path / "runs/mini/s"}


A, B = {"notebook": "1.ipynb"}, {"notebook": "2.ipynb"}


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            {"a": A | {"makes": ["x"]}, "b": B | {"makes": ["x"]}},
            "both a and b make x; rename one of them",
        ),
        ({"a": A, "b": A}, "both a and b run notebooks/1.ipynb"),
        (
            {"a": A | {"makes": ["x"], "needs": ["y"]}, "b": B | {"makes": ["y"], "needs": ["x"]}},
            "a cycle: a needs b needs a",
        ),
        ({"a": A | {"makes": ["x"], "needs": ["x"]}}, "a cycle: a needs a"),
        (
            {"a": A | {"makes": ["scores.csv"]}, "b": B | {"needs": ["score.csv"]}},
            "[b] needs score.csv, which no notebook makes and which is no file here; did you mean "
            "'scores.csv'?",
        ),
        ({"a": {"notebook": "99.ipynb"}}, "[a]: notebooks/99.ipynb does not exist"),
        ({"a": A | {"need": ["x"]}}, "[a]: unknown key 'need'; did you mean 'needs'?"),
        ({"a": {"makes": ["x"]}}, '[a]: needs the line: notebook = "NN_a.ipynb"'),
        ({"a": A | {"makes": "x.csv"}}, "[a]: makes is 'x.csv', and should be a list of texts"),
        ({"a": A | {"makes": [3]}}, "[a]: makes is [3], and should be a list of texts"),
        ({"a": {"notebook": ["1.ipynb"]}}, "[a]: notebook is ['1.ipynb'], and should be one text"),
        ({"a": A | {"makes": ["../../x"]}}, "[a]: ../../x leaves the folder runs/<profile>/"),
        ({"a": A | {"makes": ["/etc/x"]}}, "[a]: /etc/x leaves the folder runs/<profile>/"),
    ],
)
def test_a_mistake_names_its_notebooks(tmp_path, steps, message):
    assert message in refusal(tmp_path, toml(**steps))


def test_what_is_no_table_of_notebooks_is_told(tmp_path):
    assert "pipeline.toml: " in refusal(tmp_path, "[a\nnotebook=")
    assert "[a]: needs the line" in refusal(tmp_path, "a = 3")


@pytest.mark.parametrize(
    "target",
    [
        "right",
        "RIGHT",
        "2.ipynb",
        "notebooks/2.ipynb",
        "fig3",
        "Fig3",
        "right__fig2",
        "figures/mini/right__fig2.svg",
    ],
)
def test_a_target_is_a_slug_a_notebook_or_a_figure(tmp_path, target):
    assert pipeline.find(load(tmp_path, toml(**DIAMOND)), target) == "right"


def test_an_unknown_or_shared_target_is_told(tmp_path):
    plan = load(tmp_path, toml(**DIAMOND))
    for target, message in [
        (
            "rigth",
            "no notebook or figure 'rigth'; did you mean 'right'? (run_all.py --list shows all)",
        ),
        ("fig2", "'fig2' is drawn by right and left; name one of these"),
    ]:
        with pytest.raises(pipeline.PipelineError) as refused:
            pipeline.find(plan, target)
        assert str(refused.value) == message


@pytest.mark.parametrize(
    ("targets", "options", "selected"),
    [
        ([], {}, ["start", "right", "left", "paint"]),
        (["left"], {}, ["start", "left"]),
        (["fig1"], {}, ["start", "right", "left", "paint"]),
        (["left", "paint"], {"only": True}, ["left", "paint"]),
        ([], {"start": "left"}, ["left", "paint"]),
        ([], {"until": "right"}, ["start", "right"]),
        ([], {"start": "right", "until": "left"}, ["right", "left"]),
        (["paint"], {"start": "left"}, ["left", "paint"]),
    ],
)
def test_select_takes_what_is_asked_and_what_it_needs(tmp_path, targets, options, selected):
    assert pipeline.select(load(tmp_path, toml(**DIAMOND)), targets, **options) == selected


def test_a_selection_of_nothing_is_refused(tmp_path):
    with pytest.raises(
        pipeline.PipelineError, match="nothing to do: the order is start, right, left, paint"
    ):
        pipeline.select(load(tmp_path, toml(**DIAMOND)), start="paint", until="left")


def test_a_parameter_that_points_to_what_another_makes_is_a_need(tmp_path):
    plan = load(tmp_path, toml(**DIAMOND))
    followed = pipeline.follow(plan, {"right": ["runs/mini/l", "elsewhere.csv"], "left": [""]})
    assert order(followed) == ["start", "left", "right", "paint"]
    assert followed.upstream(followed["right"]) == {"start", "left"}
    assert pipeline.follow(plan, {}) == plan


def test_a_parameter_that_points_behind_itself_is_a_cycle(tmp_path):
    plan = load(tmp_path, toml(**DIAMOND))
    with pytest.raises(pipeline.PipelineError, match="a cycle"):
        pipeline.follow(plan, {"start": ["runs/mini/r"]})
