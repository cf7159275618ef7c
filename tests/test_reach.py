"""What a change of code reaches: nothing for another way of writing the same, only its users for
another meaning."""

import textwrap

import pytest

from lib.run import reach, syntax

FILES = {
    "lib/__init__.py": '"""All."""\n',
    "lib/top.py": """
        import numpy as np
        from lib import tools
        from lib.deep import inner as alias
        from lib.deep.inner import helper as aid

        FACTOR = 2
        UNUSED = 1

        def main(x):
            "Docstring."
            return aid(x) * FACTOR + np.sum(tools.add(x))

        def other(x):
            return alias.far(x)

        def by_text():
            return "lib.alone", "table.txt"

        def local(tools):
            return tools.add(1)
        """,
    "lib/table.txt": "1\n",
    "lib/tools.py": """
        import pandas
        def add(x):
            return x + 1

        def subtract(x):
            return pandas.DataFrame(x)
        """,
    "lib/deep/__init__.py": "from lib.deep.inner import far\n",
    "lib/deep/inner.py": """
        import warnings
        warnings.simplefilter("ignore")
        DEPTH = 3

        def helper(x):
            return x + DEPTH

        def far(x):
            from scipy import stats
            return stats.norm(x)
        """,
    "lib/alone.py": "VALUE = 1\n",
    "lib/whole.py": "from lib import tools\nTABLE = {'tools': tools}\n\ndef f():\n    return "
    "TABLE\n",
}


def write(root, files=FILES):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))


@pytest.fixture
def root(tmp_path):
    write(tmp_path)
    return tmp_path


def of(root, name="main", module="lib.top"):
    return reach.Code(root).of_function(module, name)


def edit(root, name, old, new):
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new))


def test_a_function_reaches_what_it_calls_and_the_packages_that_these_use(root):
    found = of(root)
    assert set(found.hashes) == {
        "lib.top.main",
        "lib.top.FACTOR",
        "lib.tools.add",
        "lib.deep.inner",  # what it does whenever it is imported
        "lib.deep.inner.helper",
        "lib.deep.inner.DEPTH",
    }
    assert found.external == {"numpy", "warnings"}
    assert of(root, "other").external == {"scipy", "warnings"}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("lib/top.py", '"Docstring."', '"Other words."'),
        ("lib/top.py", '"Docstring."\n    ', ""),
        ("lib/top.py", "FACTOR = 2", "FACTOR  =  2  # the paper's"),
        ("lib/top.py", "UNUSED = 1", "UNUSED = 2"),
        ("lib/top.py", "import numpy as np", "import os\nimport numpy as np"),
        ("lib/deep/inner.py", "DEPTH = 3\n", '"""About depth."""\nDEPTH = 3\n"""In metres."""\n'),
        ("lib/tools.py", "pandas.DataFrame(x)", "pandas.Series(x)"),
        ("lib/top.py", "tools.add(x))", "tools.add(\n        x,\n    ))"),
        (
            "lib/top.py",
            "from lib.deep.inner import helper as aid",
            "from lib.deep import inner as aid_of",
        ),
    ],
)
def test_another_way_of_writing_changes_nothing(root, file, old, new):
    before = of(root).hashes
    edit(root, file, old, new)
    if "aid_of" in new:
        edit(root, file, "aid(x)", "aid_of.helper(x)")
    assert of(root).hashes == before


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("lib/top.py", "FACTOR = 2", "FACTOR = 3", {"lib.top.FACTOR", "lib.top.main"}),
        (
            "lib/deep/inner.py",
            "DEPTH = 3",
            "DEPTH = 4",
            {"lib.deep.inner.DEPTH", "lib.deep.inner.helper"},
        ),
        ("lib/tools.py", "x + 1", "x + 2", {"lib.tools.add", "lib.top.main"}),
        ("lib/deep/inner.py", '("ignore")', '("error")', {"lib.deep.inner"}),
        ("lib/top.py", "tools.add(x)", "tools.subtract(x)", {"lib.top.main"}),
    ],
)
def test_another_meaning_is_seen_by_those_who_use_it(root, file, old, new, changed):
    before = of(root).hashes
    edit(root, file, old, new)
    after = of(root).hashes
    assert {name for name in before if before[name] != after.get(name)} >= changed - {
        "lib.tools.add"
    }
    if new.startswith(("FACTOR", "DEPTH", '("error")')):
        assert of(root, "local").hashes == reach.Code(root).of_function("lib.top", "local").hashes
        assert {name for name in before if before[name] != after[name]} == changed


def test_a_moved_function_keeps_its_hash(root):
    before = sorted(of(root).hashes.values())
    edit(root, "lib/tools.py", "def add(x):\n    return x + 1\n", "")
    write(
        root, {"lib/moved/__init__.py": "", "lib/moved/tools.py": "def add(x):\n    return x + 1\n"}
    )
    edit(root, "lib/top.py", "from lib import tools", "from lib.moved import tools")
    assert sorted(of(root).hashes.values()) == before


def test_a_name_that_now_means_another_function_is_another_key(root):
    """Also where both functions are reached anyway, so that the set of hashes would be the same."""
    text = (
        "from lib.{} import f\nfrom lib import a, b\n\ndef main():\n    return f() + a.f() + "
        "b.f()\n"
    )
    write(root, {"lib/a.py": "def f():\n    return 1\n", "lib/b.py": "def f():\n    return 2\n"})
    write(root, {"lib/m.py": text.format("a")})
    before = of(root, module="lib.m").hashes
    write(root, {"lib/m.py": text.format("b") + "\n"})
    assert of(root, module="lib.m").hashes != before


def test_a_module_used_as_a_value_is_reached_whole(root):
    assert {"lib.tools.add", "lib.tools.subtract"} <= set(of(root, "f", "lib.whole").hashes)


def test_a_module_named_by_a_text_and_a_file_beside_are_reached(root):
    found = of(root, "by_text").hashes
    assert {"lib.alone.VALUE", "lib/table.txt"} <= set(found)
    write(root, {"lib/table.txt": "2\n"})
    assert of(root, "by_text").hashes["lib/table.txt"] != found["lib/table.txt"]


def test_an_argument_hides_a_module_of_its_name(root):
    assert "lib.tools.add" not in of(root, "local").hashes


def test_a_name_that_a_package_passes_on_is_followed(root):
    _, found = reach.Code(root).of_cells(["import lib.deep\nlib.deep.far(1)"])
    assert "lib.deep.inner.far" in found.hashes and "lib.deep.inner.helper" not in found.hashes


def test_cells_are_hashed_by_syntax_and_magic_lines_as_they_stand(root):
    code = reach.Code(root)
    plain, _ = code.of_cells(["x = 1", "y = (2)"])
    assert code.of_cells(["x = 1  # one", "y = 2"])[0] == plain
    assert code.of_cells(["%%time\nx = 1"])[0] != code.of_cells(["%%capture\nx = 1"])[0]


def test_machinery_is_in_no_key(root):
    write(
        root, {"lib/run/__init__.py": "", "lib/run/compute.py": "def run_units():\n    return 1\n"}
    )
    _, found = reach.Code(root).of_cells(["from lib.run import compute\ncompute.run_units()"])
    assert not found.hashes


def test_sources_are_read_once_and_again_when_they_changed(root, monkeypatch):
    read = []
    real = syntax.analyse
    monkeypatch.setattr(
        syntax, "analyse", lambda text, **options: read.append(1) or real(text, **options)
    )
    code = reach.Code(root, root / "memory.json")
    first = code.of_function("lib.top", "main").hashes
    code.save()
    n_read = len(read)
    assert reach.Code(root, root / "memory.json").of_function("lib.top", "main").hashes == first
    assert len(read) == n_read
    edit(root, "lib/top.py", "FACTOR = 2", "FACTOR = 30")
    assert reach.Code(root, root / "memory.json").of_function("lib.top", "main").hashes != first
    assert len(read) == n_read + 1


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import lib.a as x, os", {"lib.a", "os"}),
        ("from lib import a, b", {"lib", "lib.a", "lib.b"}),
        ("from lib.b import deep", {"lib.b", "lib.b.deep"}),
        ("%matplotlib inline\nfrom lib import a", {"lib", "lib.a"}),
        ("%%time\nfrom lib import (\n    a,\n)", {"lib", "lib.a"}),
        ("files = !ls\nif files:\n    !rm x\nfrom lib import (\n    a,\n)", {"lib", "lib.a"}),
        ("print?\nimport lib.a", {"lib.a"}),
        ("%%bash\nfor x in *; do echo $x; done", set()),
        ("x = (\nimport lib.a", {"lib.a"}),
        ("x = ('%d'\n  % 3)\nfrom lib import (\n    a,\n)", {"lib", "lib.a"}),
    ],
)
def test_imports_are_read_in_what_jupyter_accepts(source, names):
    assert syntax.imported(source) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from . import c", {"lib.b", "lib.b.c"}),
        ("from .c import d", {"lib.b.c", "lib.b.c.d"}),
        ("from .. import a", {"lib", "lib.a"}),
    ],
)
def test_relative_imports_start_at_the_package(source, names):
    assert syntax.imported(source, package="lib.b") == names
