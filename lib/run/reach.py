"""The definitions of `lib` that code reaches, through calls, constants, classes and imports.

>>> code = Code()  # doctest: +SKIP
>>> code.of_function("lib.screen.runs", "screen_run").hashes  # doctest: +SKIP
{'lib.screen.runs.screen_run': '3f…', 'lib.run.store.write_table': '81…', …}

A function that is not reached may change, move or go without a trace. What is looked up by a name
that is only known at run time (`getattr` on a module) counts as reaching the whole module.
"""

import ast
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lib.run import store, syntax
from lib.run.syntax import ALWAYS, PROJECT, Definition, Source

MACHINERY = tuple(
    f"lib.run.{name}"
    for name in ("compute", "engines", "job_queues", "machine", "pool", "progress")
)
"""Where and when units run, which changes no number: these modules are in no key."""

MEMORY = ".code.json"  # below runs/

Symbol = tuple[str, str]  # module, name in it


@dataclass
class Reach:
    """What a piece of code reaches.

    Parameters
    ----------
    hashes : dict of str to str
        Definition or file → hash. That of a definition is the hash of its own syntax, a dot, and
        that of the definitions that its names mean.
    external : set of str
        Top-level names of the packages from elsewhere.
    files : set of Path
        Source files.
    """

    hashes: dict[str, str] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)


class Code:
    """The sources of a project, each read once.

    Parameters
    ----------
    root : Path
        The project.
    memory : Path, optional
        JSON file in which what was read is kept from run to run, by time and size.
    """

    def __init__(self, root: Path = store.ROOT, memory: Path | None = None) -> None:
        self.root, self.memory = root, memory
        self.sources: dict[str, Source] = {}
        self.files: dict[str, Path | None] = {}
        self.remembered: dict[str, dict] = {}
        self.changed = False
        if memory is not None:
            with suppress(OSError, ValueError):
                self.remembered = json.loads(memory.read_text(encoding="utf-8"))

    def save(self) -> None:
        """Remember for the next run what was read."""
        if self.changed and self.memory is not None:
            store.write_text(self.memory, json.dumps(self.remembered))
            self.changed = False

    def file(self, module: str) -> Path | None:
        """Return the file of a project module.

        Parameters
        ----------
        module : str
            Dotted name, such as `lib.go.topgo`.

        Returns
        -------
        Path or None
            None if there is no such module.
        """
        if module not in self.files:
            base = self.root.joinpath(*module.split("."))
            places = (base.with_suffix(".py"), base / "__init__.py")
            self.files[module] = next((place for place in places if place.is_file()), None)
        return self.files[module]

    def source(self, module: str) -> Source:
        """Return what a module defines and imports.

        Parameters
        ----------
        module : str
            Dotted name of a module that there is.

        Returns
        -------
        Source
        """
        if module not in self.sources:
            self.sources[module] = self._read(module)
        return self.sources[module]

    def _read(self, module: str) -> Source:
        file = self.file(module)
        stat = file.stat()
        state = [syntax.SYNTAX, sys.version_info[1], stat.st_size, stat.st_mtime_ns, stat.st_ino]
        known = self.remembered.get(module)
        if known and known["state"] == state:
            return Source.of_plain(known["source"])
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        source = syntax.analyse(file.read_text(encoding="utf-8"), package=package)
        self.remembered[module] = {"state": state, "source": source.plain()}
        self.changed = True
        return source

    def of_function(self, module: str, name: str) -> Reach:
        """Find what a top-level function or class of a project module reaches.

        Parameters
        ----------
        module, name : str
            Dotted name of the module, and the name in it.

        Returns
        -------
        Reach
            The function itself included.
        """
        return self._reach([(module, name)], Reach())

    def of_cells(self, cells: Sequence[str]) -> tuple[list[str], Reach]:
        """Find what the cells of a notebook reach.

        Parameters
        ----------
        cells : sequence of str
            Their sources.

        Returns
        -------
        list of str
            Hash of each cell's syntax.
        Reach
            What all cells together reach.
        """
        # cells share names: imports of one serve the others
        trees = [syntax.parse(cell) for cell in cells]
        imports = syntax.bindings(ast.Module([node for tree in trees for node in tree.body], []))
        found, reach, start = [], Reach(), []
        for cell, tree in zip(cells, trees, strict=True):
            one = syntax.definition(tree.body, own=set(), imports=imports)
            found.append(one.syntax if syntax.parses(cell) else store.digest([one.syntax, cell]))
            start += self._symbols(one, "", imports, reach)
            start += [(name, ALWAYS) for name in self._modules(syntax.imported(cell))]
        return found, self._reach(start, reach)

    def _modules(self, dotted: Iterable[str]) -> list[str]:
        """Return those dotted names that are modules of the project, and the packages above."""
        ours = (name for name in dotted if name.split(".")[0] == PROJECT)
        above = {
            ".".join(name.split(".")[:depth])
            for name in ours
            for depth in range(1, name.count(".") + 2)
        }
        return sorted(name for name in above if self.file(name))

    def _reach(self, start: Sequence[Symbol], reach: Reach) -> Reach:
        queue, seen = list(start), set()
        while queue:
            symbol = queue.pop()
            module, name = symbol
            if symbol in seen or module in MACHINERY:
                continue
            seen.add(symbol)
            source = self.source(module)
            reach.files.add(self.file(module))
            # whatever is used of a module, importing it runs its top level
            if name != ALWAYS:
                queue.append((module, ALWAYS))
            else:
                queue += [(other, ALWAYS) for other in self._modules(source.imports.values())]
            if name in source.definitions:
                queue += self._add(module, name, source, reach)
        reach.hashes = dict(sorted(reach.hashes.items()))
        return reach

    def _add(self, module: str, name: str, source: Source, reach: Reach) -> list[Symbol]:
        """Put one definition into the reach and return what it refers to."""
        found = source.definitions[name]
        symbols = self._symbols(found, module, source.imports, reach)
        # by their own syntax alone: what they refer to has entries of its own
        targets = sorted(
            [other, self.source(there).definitions[other].syntax]
            for there, other in symbols
            if other in self.source(there).definitions and there not in MACHINERY
        )
        label = f"{module}.{name}" if name != ALWAYS else module
        reach.hashes[label] = f"{found.syntax[:32]}.{store.digest(targets)[:32]}"
        for text in found.texts:
            # a text that names a file beside the module, such as a template, is part of it
            beside = self.file(module).parent / text
            if beside.suffix != ".py" and beside.is_file():
                reach.hashes[str(beside.relative_to(self.root))] = store.sha256(beside)
        return symbols

    def _symbols(
        self, found: Definition, module: str, imports: dict[str, str], reach: Reach
    ) -> list[Symbol]:
        """Return the project's symbols that a definition refers to, and note other packages."""
        symbols = [(module, name) for name in found.own]
        for root, *attributes in found.bound:
            dotted = imports[root]
            if dotted.split(".")[0] == PROJECT:
                symbols += self._resolve([*dotted.split("."), *attributes])
            else:
                reach.external.add(dotted.split(".")[0])
        for text in found.texts:
            if text.split(".")[0] == PROJECT and self.file(text):
                symbols += self._whole(text)
        return symbols

    def _resolve(self, names: Sequence[str]) -> list[Symbol]:
        """Return the symbols that a dotted name stands for.

        They are one, or all of a module that is used as a value.
        """
        # the longest part of the name that is a module
        depth = max(
            (d for d in range(1, len(names) + 1) if self.file(".".join(names[:d]))), default=0
        )
        if not depth:
            return []
        module, rest = ".".join(names[:depth]), names[depth:]
        if not rest:
            return self._whole(module)
        source = self.source(module)
        if rest[0] in source.definitions:
            return [(module, rest[0])]
        if rest[0] in source.imports:
            return self._resolve([*source.imports[rest[0]].split("."), *rest[1:]])
        return []

    def _whole(self, module: str) -> list[Symbol]:
        source = self.source(module)
        again = [symbol for dotted in source.imports.values() for symbol in self._exported(dotted)]
        return [(module, name) for name in source.definitions] + (
            again if self._is_package(module) else []
        )

    def _exported(self, dotted: str) -> list[Symbol]:
        """Return what a package's own import stands for; of a whole module nothing."""
        if dotted.split(".")[0] != PROJECT or self.file(dotted):
            return []
        return self._resolve(dotted.split("."))

    def _is_package(self, module: str) -> bool:
        return self.file(module).name == "__init__.py"
