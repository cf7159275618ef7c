"""Parameters: one typed section per notebook, checked before any kernel starts.

Each chapter declares its own in `lib/<chapter>/params.py`, with their values in every profile. A
file of the user and `--set` come over them. The notebooks' `parameters` cells and `params/*.yaml`
are written from the declarations (`lib.run.write_params`), so that *Run all* in JupyterLab gives
the same result.
"""

import ast
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lib.run import store
from lib.run.declaration import PROFILES, InputFile, Section, declarations, file_of, values_of
from lib.run.own_params import ParamsError, parse_overrides, read_own, read_yaml, run_name, suggest

__all__ = ["PROFILES", "SECTIONS", "ParamsError", "read_yaml", "resolve", "run_name"]

UNDECLARED = "stands in no SECTIONS of lib/<chapter>/params.py"


def collect(package: Path) -> dict[str, type[Section]]:
    """Import the sections of all `params.py` below a package, and nothing else of it.

    Parameters
    ----------
    package : Path
        Folder with one folder per chapter.

    Returns
    -------
    dict of str to type of Section
        Slug of a notebook → its section.

    Raises
    ------
    ParamsError
        If two chapters declare one notebook.
    """
    found: dict[str, type[Section]] = {}
    for file in sorted(package.glob("*/params.py")):
        if file == Path(__file__).resolve():
            continue
        name = f"{package.name}.{file.parent.name}.params"
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        # By its file: the package would bring the chapter's science with it.
        spec.loader.exec_module(module)
        for slug, section in module.SECTIONS.items():
            if slug in found:
                raise ParamsError(
                    f"{file_of(found[slug])} and {package.name}/{file.parent.name}/params.py: both "
                    f"declare {slug!r}"
                )
            found[slug] = section
    return found


SECTIONS = collect(store.ROOT / "lib")


def sections_of(slugs: Sequence[str]) -> dict[str, type[Section]]:
    """Return the sections of some notebooks.

    Parameters
    ----------
    slugs : sequence of str
        Notebooks.

    Returns
    -------
    dict of str to type of Section
        In their order.

    Raises
    ------
    ParamsError
        Naming each notebook that no chapter declares.
    """
    if lacking := [slug for slug in slugs if slug not in SECTIONS]:
        raise ParamsError(
            "\n".join(f"{slug!r}, a notebook of pipeline.toml, {UNDECLARED}" for slug in lacking)
        )
    return {slug: SECTIONS[slug] for slug in slugs}


def resolve(
    profile: str,
    *,
    assignments: Sequence[str] = (),
    slugs: Sequence[str] | None = None,
    own: Path | None = None,
) -> dict[str, Section]:
    """Return the checked parameters of every notebook: profile, user's file, then overrides.

    Parameters
    ----------
    profile : str
        One of `PROFILES`.
    assignments : sequence of str
        `SECTION.KEY=VALUE` texts from the command line.
    slugs : sequence of str, optional
        Notebooks of the pipeline; default all that are declared.
    own : Path, optional
        YAML file of the user, with sections of keys; results go to folders of its name.

    Returns
    -------
    dict of str to Section
        Slug → section with its values.

    Raises
    ------
    ParamsError
        Listing every unknown section or key (with a hint), wrong type and value out of range.
    """
    slugs = list(slugs if slugs is not None else SECTIONS)
    sections = sections_of(slugs)
    run = run_name(profile, own)
    layers = [(own.name, read_own(own))] if own else []
    layers.append(("--set", parse_overrides(assignments, slugs)))
    problems = [
        f"{origin}: no notebook {section!r}{suggest(section, slugs)}"
        for origin, layer in layers
        for section in layer
        if section not in slugs
    ]
    resolved: dict[str, Section] = {}
    for slug, section in sections.items():
        # as a layer like the others, so that messages name its file
        below = [(file_of(section), values_of(section, profile))]
        above = [(origin, layer.get(slug, {})) for origin, layer in layers]
        try:
            resolved[slug] = check(slug, below + above, run)
        except ParamsError as error:
            # all problems of all notebooks in one message
            problems.append(str(error))
    if problems:
        raise ParamsError("\n".join(problems))
    return resolved


def check(slug: str, layers: Sequence[tuple[str, Mapping[str, Any]]], run: str) -> Section:
    """Merge one section's layers, later over earlier, and check the result against its model.

    Parameters
    ----------
    slug : str
        The notebook.
    layers : sequence of (str, mapping)
        Where values come from, and the values.
    run : str
        Name of the folders of this run below `runs/` and `figures/`.

    Returns
    -------
    Section

    Raises
    ------
    ParamsError
        One line per problem: where the value comes from, key, value, and what is allowed.
    """
    model = SECTIONS[slug]
    # the last layer that gives a key is to blame
    origin = {key: name for name, layer in layers for key in layer}
    values = {key: value for _, layer in layers for key, value in layer.items()}  # later layers win
    folders = {"run_dir": f"runs/{run}", "figures_dir": f"figures/{run}"}
    # two runs that share a folder would overwrite each other
    if fixed := sorted(set(folders) & set(values)):
        raise ParamsError(
            "\n".join(
                f"{origin[key]}: {slug}.{key} follows from --profile; remove it" for key in fixed
            )
        )
    try:
        return model(**{**folders, **values})
    except ValidationError as error:
        raise ParamsError(
            "\n".join(_explain(slug, problem, origin, model) for problem in error.errors())
        ) from None


def _explain(
    slug: str, problem: Mapping[str, Any], origin: Mapping[str, str], model: type[Section]
) -> str:
    """Say one pydantic problem in one line: file, section.key, value, what is allowed."""
    key = str(problem["loc"][0])
    name = f"{origin[key]}: {slug}.{key}"
    meanings = {one.name: one.meaning for one in declarations(model)}
    if problem["type"] == "extra_forbidden":
        return f"{name}: unknown key{suggest(key, list(meanings))}"
    allowed = problem["msg"].removeprefix("Input should be ")
    return f"{name} = {problem['input']!r}: should be {allowed} ({meanings[key]})"


def declared(source: str) -> dict[str, Any]:
    """Read the names and literal values that a notebook's `parameters` cell assigns.

    Parameters
    ----------
    source : str
        Source of the cell.

    Returns
    -------
    dict
        Name → value.

    Raises
    ------
    ParamsError
        If the cell is not Python, or a value is not a literal: nothing in it is ever executed.
    """
    values: dict[str, Any] = {}
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise ParamsError(
            f"parameters cell: line {error.lineno} is not Python: {error.msg}"
        ) from None
    # only `name: type = literal` and `name = literal`
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        try:
            values |= {target.id: ast.literal_eval(node.value) for target in targets}
        except (ValueError, AttributeError):
            raise ParamsError(
                f"parameters cell: line {node.lineno} is not 'name: type = literal'"
            ) from None
    return values


def check_declared(notebook: str, source: str, section: Section) -> None:
    """Check a notebook's `parameters` cell against its section: the same keys, and legal values.

    Parameters
    ----------
    notebook : str
        File name, for messages.
    source : str
        Source of the cell.
    section : Section
        Of this notebook.

    Raises
    ------
    ParamsError
        Naming the notebook and each key that only one side knows, or a default that its own section
        refuses.
    """
    try:
        values = declared(source)
    except ParamsError as error:
        raise ParamsError(f"{notebook}: {error}") from None
    keys = set(type(section).model_fields)
    problems = [
        f"{notebook}: does not declare the parameter {key!r} in its parameters cell"
        for key in keys - set(values)
    ]
    problems += [
        f"{notebook}: declares {key!r}, which {file_of(type(section))} lacks"
        for key in set(values) - keys
    ]
    if not problems:
        try:
            type(section)(**values)
        except ValidationError as error:
            problems = [
                f"{notebook}: parameters cell: {p['loc'][0]}: {p['msg']}" for p in error.errors()
            ]
    if problems:
        raise ParamsError("\n".join(sorted(problems)))


def input_paths(section: Section) -> dict[str, str]:
    """Return the parameters that name an input file or folder.

    Parameters
    ----------
    section : Section
        With its values.

    Returns
    -------
    dict of str to str
        Key → path, without empty ones.
    """
    return {
        key: value
        for key, value in section.model_dump(include=_input_keys(section)).items()
        if value
    }


def plain_values(section: Section) -> dict[str, Any]:
    """Return the parameters that name no input file.

    Parameters
    ----------
    section : Section
        With its values.

    Returns
    -------
    dict
        Key → value.
    """
    return section.model_dump(exclude=_input_keys(section))


def _input_keys(section: Section) -> set[str]:
    fields = type(section).model_fields
    return {
        key
        for key, field in fields.items()
        if any(isinstance(mark, InputFile) for mark in field.metadata)
    }
