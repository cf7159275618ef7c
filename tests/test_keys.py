"""A key changes with what a notebook is made from, with nothing else, and says which part
changed."""

import importlib.metadata
import json
import os
import time

import pytest
import toy

from lib.run import keys
from lib.run.reach import Code


@pytest.fixture
def project(tmp_path):
    """A project of three modules: `a` imports `b.deep` inside a function, `alone` is imported by
    nobody."""
    files = {
        "lib/__init__.py": "",
        "lib/a.py": "def f():\n    from .b import deep\n    return deep.X, 'script.R'\n",
        "lib/b/__init__.py": "",
        "lib/b/deep.py": "X = '%d' % (\n    1\n    % 2)\n",
        "lib/script.R": "x <- 1\n",
        "lib/alone.py": "",
        "genes.csv": "gene\nMYC\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    toy.write_notebook(tmp_path / "1.ipynb", ["n: int = 1", "from lib import a", "print(a.f())"])
    return tmp_path


def parts(project, **options):
    options = {"params": {"n": 1}, "inputs": {"genes.csv": project / "genes.csv"}, **options}
    return keys.parts(project / "1.ipynb", hashes=keys.Hashes(), code=Code(project), **options)


def said(project, old, **options):
    return keys.changes(old, parts(project, **options))


def test_nothing_changed_says_nothing(project):
    assert said(project, parts(project)) == []
    assert said(project, json.loads(json.dumps(parts(project)))) == []


def test_each_change_is_named(project):
    old = parts(project)
    assert keys.changes(None, old) == ["it has not been run"]
    assert said(project, old, params={"n": 2, "m": 1}) == [
        "params: n was 1, is 2",
        "params: m is new",
    ]
    (project / "genes.csv").write_text("gene\nTP53\n")
    assert said(project, old) == ["inputs: genes.csv changed"]
    (project / "lib" / "b" / "deep.py").write_text("X = 2\n")
    (project / "lib" / "script.R").unlink()
    (project / "lib" / "alone.py").write_text("X = 2\n")
    assert said(project, old) == [
        "inputs: genes.csv changed",
        "modules: lib.b.deep.X changed",
        "modules: lib/script.R is gone",
    ]


def test_a_code_cell_is_named_by_the_number_that_a_person_counts(project):
    old = parts(project)
    toy.write_notebook(
        project / "1.ipynb",
        ["n: int = 5  # another default", "from lib import a", "print(a.f)", "print(3)"],
    )
    assert said(project, old) == ["code: cell 3 changed", "code: cell 4 is new"]


def test_text_and_outputs_of_a_notebook_do_not_count(project):
    old = parts(project)
    content = json.loads((project / "1.ipynb").read_text())
    content["cells"].insert(1, {"cell_type": "markdown", "metadata": {}, "source": "New words"})
    content["cells"][2] |= {
        "execution_count": 7,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
    }
    content["metadata"]["kernelspec"] = {"name": "other", "display_name": "Other"}
    (project / "1.ipynb").write_text(json.dumps(content, indent=4))
    assert said(project, old) == []


def test_versions_are_part_of_the_key(project, monkeypatch):
    old = parts(project)
    monkeypatch.setattr(keys.numeric, "name", lambda: "another")
    was = old["versions"]["numeric setting"]
    assert said(project, old) == [f"versions: numeric setting was {was}, is another"]


def test_versions_are_those_of_the_distributions_that_bring_a_package():
    found = keys.versions(["sklearn", "PIL", "torch_geometric", "os", "json", "no_such_package"])
    distributions = {"scikit-learn", "pillow", "torch_geometric", "no_such_package"}
    assert set(found) == {"python", "numeric setting"} | distributions
    assert found["scikit-learn"] == importlib.metadata.version("scikit-learn")
    assert found["no_such_package"] == "absent"


def test_r_that_is_absent_or_hangs_is_a_version_too(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert keys.r_versions(("GO.db", "no R here")) == {
        "R:R": "absent",
        "R:GO.db": "absent",
        "R:no R here": "absent",
    }


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"cells": 3}', '{"cells": [3]}', "<<<<<<< HEAD\n{}\n=======\n{}\n"]
)
def test_a_file_that_is_no_notebook_is_named(tmp_path, text):
    (tmp_path / "1.ipynb").write_text(text)
    with pytest.raises(keys.NotebookError, match=r"1\.ipynb is not a readable notebook"):
        keys.notebook_cells(tmp_path / "1.ipynb")


def age(path, seconds=10):
    """Make a file old enough to be remembered; its change time cannot be set, so the clock is moved
    in its place."""
    now = time.time() - seconds
    os.utime(path, (now, now))


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr(keys, "TICK_NS", 0)


def test_a_file_is_read_once_and_again_when_it_changed(tmp_path, patient, monkeypatch):
    path, read = tmp_path / "data.bin", []
    path.write_text("abc")
    real = keys.store.sha256
    monkeypatch.setattr(keys.store, "sha256", lambda file: read.append(file) or real(file))
    hashes = keys.Hashes(tmp_path / "memory.json")
    first = hashes(path)
    hashes.save()
    assert keys.Hashes(tmp_path / "memory.json")(path) == first == real(path)
    assert len(read) == 1
    age(path)
    assert keys.Hashes(tmp_path / "memory.json")(path) == first
    assert len(read) == 2


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path, patient):
    path = tmp_path / "data.bin"
    path.write_text("abc")
    age(path)
    hashes = keys.Hashes()
    first, stat = hashes(path), path.stat()
    path.write_text("xyz")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert hashes(path) != first


def test_what_was_just_written_is_not_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "TICK_NS", 10**12)
    path = tmp_path / "data.bin"
    path.write_text("abc")
    hashes = keys.Hashes(tmp_path / "memory.json")
    hashes(path)
    assert hashes.known == {}


def test_memory_that_cannot_be_read_is_forgotten_and_gone_files_leave_it(tmp_path, patient):
    memory = tmp_path / "memory.json"
    memory.write_text("{half")
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    hashes = keys.Hashes(memory)
    assert hashes(tmp_path / "a") != hashes(tmp_path / "b")
    (tmp_path / "b").unlink()
    assert hashes(tmp_path / "b") == "missing"
    hashes.save()
    assert list(json.loads(memory.read_text())) == [str(tmp_path / "a")]


def test_a_folder_counts_by_names_and_contents(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "x").write_text("x")
    hashes = keys.Hashes()
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    (tmp_path / "two" / "deep" / "x").rename(tmp_path / "two" / "deep" / "y")
    assert hashes(tmp_path / "one") != hashes(tmp_path / "two")


def test_links_are_followed_also_nested_and_a_broken_one_is_a_missing_file(tmp_path):
    """Plate folders are often links to a store elsewhere: what lies behind them is the input."""
    for name in ("store/plate/deep", "screen"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "y").write_text("y")
    (tmp_path / "store/plate/x").write_text("x")
    (tmp_path / "store/plate/deep/further").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "screen/plate").symlink_to(tmp_path / "store/plate")
    assert [name for name, _ in keys.files_below(tmp_path / "screen")] == [
        "plate/deep/further/y",
        "plate/x",
    ]
    hashes = keys.Hashes()
    first = hashes(tmp_path / "screen")
    (tmp_path / "elsewhere" / "y").write_text("other")
    second = hashes(tmp_path / "screen")
    (tmp_path / "screen/gone").symlink_to(tmp_path / "nowhere")
    assert len({first, second, hashes(tmp_path / "screen")}) == 3
    assert keys.broken_links(tmp_path / "screen") == [tmp_path / "screen/gone"]


def test_a_folder_that_links_to_itself_ends(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/up").symlink_to(tmp_path / "a")
    (tmp_path / "a/b/x").write_text("x")
    assert [name for name, _ in keys.files_below(tmp_path / "a")] == ["b/x"]


@pytest.mark.parametrize(
    ("cell", "package", "runs"),
    [
        ("from lib import a\na.f()", "scikit-image", True),
        ("from lib import a\na.f()", "zarr", False),
        ("from lib import alone\nalone.g()", "scikit-image", False),
        ("import skimage\nskimage.data", "scikit-image", True),
    ],
)
def test_an_upgraded_package_re_runs_what_imports_it_and_nothing_else(
    project, monkeypatch, cell, package, runs
):
    (project / "lib/a.py").write_text("def f():\n    from skimage import io\n    return io\n")
    (project / "lib/alone.py").write_text("import zarr\n\ndef g():\n    return 1\n")
    toy.write_notebook(project / "1.ipynb", ["n: int = 1", cell])
    old = parts(project)
    real = keys._version
    monkeypatch.setattr(keys, "_version", lambda name: "99" if name == package else real(name))
    expected = [f"versions: {package} was {real(package)}, is 99"] if runs else []
    assert said(project, old) == expected
