"""The layout of `lib`: who may import whom. The test names the module, the line and what it may not
import."""

import ast
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GROUND = [{"run"}, {"data"}, {"stats"}, {"learning", "report"}]  # nothing of a chapter here
CHAPTERS = tomllib.loads((ROOT / "pipeline.toml").read_text(encoding="utf-8"))["chapters"]
ORDER = [*GROUND, *({name} for name in CHAPTERS), {"simulate"}]
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}


def modules(root: Path) -> dict[str, Path]:
    """Return dotted name → file of every module below `lib`; a package goes by its own name."""
    found = {}
    for path in sorted((root / "lib").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(root: Path) -> list[tuple[str, str, int]]:
    """Return (importer, imported module of `lib`, line) of every import, wherever in the module it
    stands."""
    files, found = modules(root), []
    for name, path in files.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for target in targets(node, package, files):
                if target.split(".")[0] == "lib" and target != name:
                    found.append((name, target, node.lineno))
    return found


def targets(node: ast.AST, package: str, files: dict[str, Path]) -> list[str]:
    """Return the modules that a node imports; `from package import module` means the module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*above, *filter(None, [node.module])])
    names = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in files else base for name in names]


def part(module: str) -> str:
    """Return the package below `lib` that a module belongs to, or the name of a module beside the
    packages."""
    return module.split(".")[1] if "." in module else ""


def offenders(root: Path) -> list[str]:
    """Return a sentence for each import that goes against the order."""
    said = []
    for importer, imported, line in imports(root):
        own, other = part(importer), part(imported)
        if own == other:
            continue
        if LEVEL.get(own, -1) <= LEVEL.get(other, len(ORDER)):
            said.append(
                f"{importer}, line {line}, imports {imported}: {other or 'lib'} is not left of "
                f"{own}"
            )
    return said


def cycle(root: Path) -> list[str]:
    """Return the modules of a cycle of imports, or nothing."""
    graph = {name: set() for name in modules(root)}
    for importer, imported, _ in imports(root):
        graph[importer].add(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_every_package_has_its_place():
    assert {part(name) for name in modules(ROOT)} - {""} <= LEVEL.keys()


def test_imports_run_one_way():
    assert not offenders(ROOT), "\n".join(offenders(ROOT))


def test_no_module_imports_itself_through_others():
    assert not cycle(ROOT), " → ".join(cycle(ROOT))


@pytest.fixture
def small(tmp_path):
    """Make a `lib` of a few modules from their sources, and return its root."""

    def make(**sources: str) -> Path:
        for name, source in sources.items():
            path = tmp_path / "lib" / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
            (path.parent / "__init__.py").touch()
        (tmp_path / "lib/__init__.py").touch()
        return tmp_path

    return make


@pytest.mark.parametrize("chapter", ["go", "images"])
@pytest.mark.parametrize("ground", ["run", "stats", "data", "learning", "report"])
def test_a_chapter_in_the_ground_is_named(small, ground, chapter):
    root = small(
        **{
            f"{ground}__a": f"from lib.{chapter} import b\n",
            f"{chapter}__b": f"from lib.{ground} import c\n",
        }
    )
    (one,) = offenders(root)
    assert (
        one == f"lib.{ground}.a, line 1, imports lib.{chapter}.b: {chapter} is not left of {ground}"
    )


@pytest.mark.parametrize(
    "source",
    [
        "import lib.simulate.network",
        "from lib.simulate import network",
        "from lib.simulate.network import N",
        "from ..simulate import network",
        "def later():\n    from lib.simulate import network",
    ],
)
def test_no_way_to_import_the_simulation_is_overlooked(small, source):
    (one,) = offenders(small(interactome__a=source, simulate__network="N = 1"))
    assert one.endswith("imports lib.simulate.network: simulate is not left of interactome")


def test_siblings_do_not_import_each_other_and_chapters_only_to_the_left(small):
    root = small(
        report__a="import lib.learning.b",
        learning__b="",
        screen__c="import lib.interactome.d",
        interactome__d="",
    )
    assert [line.split(",")[0] for line in offenders(root)] == ["lib.report.a", "lib.screen.c"]
    assert not offenders(
        small(interactome__d="import lib.screen.c", screen__c="import lib.report.a", report__a="")
    )


def test_a_cycle_within_a_package_is_found(small):
    assert set(
        cycle(
            small(
                go__a="from lib.go import b",
                go__b="from lib.go.c import x",
                go__c="import lib.go.a",
            )
        )
    ) == {
        "lib.go.a",
        "lib.go.b",
        "lib.go.c",
    }
