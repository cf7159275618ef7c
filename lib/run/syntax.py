"""The meaning of a Python source apart from its writing: syntax of definitions, and references.

Comments, docstrings, layout and the order of definitions do not count, nor under which path a
module is imported.
"""

import ast
import copy
import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

PROJECT = "lib"
ALWAYS = ""  # name of what a module does whenever it is imported
MAGIC = re.compile(
    r"^(\s*)(?:[%!?].*|[\w, ]+=\s*[!%].*|.*\?\s*)$", re.MULTILINE
)  # lines that are IPython's, not Python's
FILE_NAME = re.compile(r"[\w-]+(\.[\w-]+)*\.[A-Za-z]\w*")
SYNTAX = 1  # version of this module's findings, which are remembered


@dataclass
class Definition:
    """One name of a module: hash of its syntax, and what it refers to.

    Attributes
    ----------
    syntax : str
        Hash of the syntax tree, in which a reference into the project is its last name alone.
    own : list of str
        Names of the same module.
    bound : list of list of str
        Imported names with the attributes that follow: `["store", "write_table"]`.
    texts : list of str
        Texts that could be the name of a file or of a module.
    """

    syntax: str = ""
    own: list[str] = field(default_factory=list)
    bound: list[list[str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


@dataclass
class Source:
    """A source's definitions and imports.

    Parameters
    ----------
    definitions : dict of str to Definition
        Name → definition.
    imports : dict of str to str
        Local name → dotted name.
    """

    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return this as JSON-able values."""
        return asdict(self)

    @classmethod
    def of_plain(cls, values: dict[str, Any]) -> "Source":
        definitions = {name: Definition(**entry) for name, entry in values["definitions"].items()}
        return cls(definitions, values["imports"])


def parse(text: str) -> ast.Module:
    """Parse Python, with or without lines of IPython's.

    Of what does not parse, such as a cell of another language, only the imports are kept.

    Parameters
    ----------
    text : str
        Source of a module or a cell.

    Returns
    -------
    ast.Module
    """
    # lines of IPython count as `pass`
    for source in (text, MAGIC.sub(r"\1pass", text)):
        with suppress(SyntaxError):
            return ast.parse(source)
    # a cell of R or of shell: imports are all that a key can know
    body: list[ast.stmt] = []
    for line in text.splitlines():
        if line.strip().startswith(("import ", "from ")):
            with suppress(SyntaxError):
                body += ast.parse(line.strip()).body
    return ast.Module(body, [])


def parses(text: str) -> bool:
    """Return whether a text is Python throughout, without any line of IPython's.

    Parameters
    ----------
    text : str
        Source of a module or a cell.

    Returns
    -------
    bool
    """
    with suppress(SyntaxError):
        ast.parse(text)
        return True
    return False


@cache
def imported(text: str, *, package: str = "") -> frozenset[str]:
    """Return the dotted names that Python source imports, candidates for submodules included.

    Parameters
    ----------
    text : str
        Python source.
    package : str
        Package of the source, for relative imports.

    Returns
    -------
    frozenset of str
        Of `from a import b` both `a` and `a.b`, as `b` may be a module.
    """
    return _imported(parse(text), package)


def _imported(tree: ast.AST, package: str) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def analyse(text: str, *, package: str = "") -> Source:
    """Return the definitions of a module and what its imports bind.

    Parameters
    ----------
    text : str
        Python source of a module.
    package : str
        Package of the source, for relative imports.

    Returns
    -------
    Source
    """
    tree = parse(text)
    source = Source(imports=bindings(tree, package))
    named = [(names_of(node), node) for node in tree.body if not _says_nothing(node)]
    # names that this module defines
    own = {name for names, _ in named for name in names}
    grouped: dict[str, list[ast.stmt]] = {}
    for names, node in named:
        for name in names or [ALWAYS]:
            grouped.setdefault(name, []).append(node)
        # a copy, as the reader changes the tree
        if names and _acts(node):
            grouped.setdefault(ALWAYS, []).append(copy.deepcopy(node))
    for name, nodes in grouped.items():
        source.definitions[name] = definition(nodes, own=own - {name}, imports=source.imports)
    return source


def definition(nodes: Iterable[ast.stmt], *, own: set[str], imports: dict[str, str]) -> Definition:
    """Return the syntax of statements and what they refer to.

    Parameters
    ----------
    nodes : iterable of statements
        What makes one name, or one cell.
    own : set of str
        Names that the same source defines elsewhere.
    imports : dict of str to str
        What the source's imports bind.

    Returns
    -------
    Definition
    """
    reader = _Reader(own, imports)
    dumped = [reader.read(node) for node in nodes]
    syntax = hashlib.sha256("\n".join(dumped).encode()).hexdigest()
    return Definition(
        syntax,
        sorted(reader.own_found),
        sorted(map(list, reader.bound_found)),
        sorted(reader.texts),
    )


def bindings(tree: ast.AST, package: str = "") -> dict[str, str]:
    """Return what the imports in a tree bind, those within functions too.

    Parameters
    ----------
    tree : ast.AST
        Of a module or a cell.
    package : str
        Package of the source, for relative imports.

    Returns
    -------
    dict of str to str
        Local name → dotted name.
    """
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{base}.{alias.name}"
    return bound


def names_of(node: ast.stmt) -> list[str]:
    """Return the names that a top-level statement defines.

    Parameters
    ----------
    node : ast.stmt
        One statement.

    Returns
    -------
    list of str
        Empty for one that only acts.
    """
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [
            leaf.id for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)
        ]
    if isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
        return sorted({name for inner in _statements(node) for name in names_of(inner)})
    return []


def _statements(node: ast.stmt) -> list[ast.stmt]:
    found = []
    for part in ("body", "orelse", "finalbody"):
        found += getattr(node, part, [])
    for handler in getattr(node, "handlers", []):
        found += handler.body
    return found


def _says_nothing(node: ast.stmt) -> bool:
    """Return whether a statement is an import or a docstring.

    Imported names are resolved where they are used.
    """
    return isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _acts(node: ast.stmt) -> bool:
    """Return whether a statement that defines a name does something at import too.

    It may, in a block or in a target.
    """
    if isinstance(node, ast.Assign):
        return any(not isinstance(target, ast.Name | ast.Tuple) for target in node.targets)
    return isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While)


def _base(node: ast.ImportFrom, package: str) -> str:
    parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*parents, *([node.module] if node.module else [])])


class _Reader(ast.NodeTransformer):
    """Takes docstrings and imports out of a statement, and notes and shortens references."""

    def __init__(self, own: set[str], imports: dict[str, str]) -> None:
        self.own, self.imports = own, imports
        self.own_found: set[str] = set()
        self.bound_found: set[tuple[str, ...]] = set()
        self.texts: set[str] = set()
        self.local: list[set[str]] = []

    def read(self, node: ast.stmt) -> str:
        return ast.dump(self.visit(node))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.local.append(_local_names(node))
        node.body = self._without_texts(node.body)
        self.generic_visit(node)
        self.local.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = self._without_texts(node.body)
        return self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> ast.AST:
        return ast.Pass()

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        return ast.Pass()

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str) and FILE_NAME.fullmatch(node.value):
            self.texts.add(node.value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        chain = _chain(node)
        return self._reference(chain, node) if chain else self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._reference([node.id], node)

    def _without_texts(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [node for node in body if not _is_text(node)] or [ast.Pass()]

    def _reference(self, chain: list[str], node: ast.AST) -> ast.AST:
        root = chain[0]
        if root in self.imports and not self._is_local(root):
            self.bound_found.add(tuple(chain))
            if self.imports[root].split(".")[0] == PROJECT:
                # a module that moves leaves the syntax of its users alone
                last = chain[-1] if len(chain) > 1 else self.imports[root].rpartition(".")[2]
                return ast.Name(last, ast.Load())
        elif root in self.own and not self._is_local(root):
            self.own_found.add(root)
        return node

    def _is_local(self, name: str) -> bool:
        return any(name in names for names in self.local)


def _chain(node: ast.expr) -> list[str]:
    """Return the names of `a.b.c`, or nothing for an attribute of anything but a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def _local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return the names that a function binds itself: arguments and what it assigns, not imports."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    names = {argument.arg for argument in [*every, arguments.vararg, arguments.kwarg] if argument}
    shared: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            # global and nonlocal names are not the function's own
            shared |= set(node.names)
    return names - shared - set(bindings(function))
