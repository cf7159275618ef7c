"""Write what follows from the declarations: `params/*.yaml` and the `parameters` cells.

$ python -m lib.run.write_params            # or: make params
$ python -m lib.run.write_params --check    # exit 1 if a file is not what this would write
"""

import argparse
import itertools
import json
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lib.run import params, pipeline, store
from lib.run.declaration import PROFILES, Declared, Section, declarations

WIDTH = 100
CODE_WIDTH = 36  # comments start in one column behind code up to this length

HEAD = """\
# Profile {profile}: {about}
# Written by `make params` from lib/<chapter>/params.py; a value is changed there, and only there.
# Your own values: --set SECTION.KEY=VALUE, or a file such as this with --params my_screen.yaml.
"""
ABOUT = {
    "mini": "small simulated data with a planted truth, and all that is real and small.",
    "smoke": "the test suite's, as small as can be. Only what differs from mini.yaml.",
    "paper": "the published data and hyper-parameters. Only what differs from mini.yaml.",
}

Sections = Mapping[str, type[Section]]


def cell(section: type[Section]) -> str:
    """Return a notebook's `parameters` cell, with the mini values.

    Parameters
    ----------
    section : type of Section
        Class of its section.

    Returns
    -------
    str
        One typed line per parameter.
    """
    return "\n".join(
        _commented(
            (_filled(f"{one.name}: {one.type} = {python_text(one.values['mini'])}"), one.comment)
            for one in declarations(section, folders=True)
        )
    )


def profile_text(profile: str, sections: Sections) -> str:
    """Return a profile's file: in mini every value, in the others what differs from it.

    Parameters
    ----------
    profile : str
        One of `PROFILES`.
    sections : mapping of str to type of Section
        Slug → section.

    Returns
    -------
    str
        YAML.
    """
    blocks = [HEAD.format(profile=profile, about=ABOUT[profile])]
    for chapter, slugs in itertools.groupby(sections, key=lambda slug: _chapter(sections[slug])):
        texts = [_section_text(slug, sections[slug], profile) for slug in slugs]
        told = [text for text in texts if text]
        blocks += [f"# {chapter}\n", *told] if told else []
    return "\n".join(blocks)


def _chapter(section: type[Section]) -> str:
    return section.__module__.split(".")[-2:][0]


def _section_text(slug: str, section: type[Section], profile: str) -> str:
    """Return the lines of one section, or nothing where a profile changes none of its values."""
    chosen = [one for one in declarations(section) if profile == "mini" or _differs(one, profile)]
    if not chosen:
        return f"{slug}: {{}}\n" if profile == "mini" else ""
    rows = [
        (_filled(f"  {one.name}: {yaml_text(one.values[profile])}"), one.comment) for one in chosen
    ]
    return "\n".join([f"{slug}:", *_commented(rows)]) + "\n"


def _differs(one: Declared, profile: str) -> bool:
    return one.values[profile] != one.values["mini"]


def _commented(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Join code and comments: in one column, else two spaces behind the code, else above it."""
    rows = list(rows)
    # long code must not push all comments to the right
    column = max((len(code) for code, _ in rows if len(code) <= CODE_WIDTH), default=0)
    lines = []
    for code, comment in rows:
        indent = code[: len(code) - len(code.lstrip())]
        if max(len(code), column) + len(comment) + 4 <= WIDTH and "\n" not in code:
            lines.append(f"{code:{column}}  # {comment}")
        elif len(code) + len(comment) + 4 <= WIDTH and "\n" not in code:
            lines.append(f"{code}  # {comment}")
        else:
            words = textwrap.wrap(comment, WIDTH - len(indent) - 2)
            lines += [*(f"{indent}# {line}" for line in words), code]
    return lines


def _filled(code: str) -> str:
    """Break an assignment that is too long between two elements of its list."""
    # blanks within texts are no place to break
    whole = re.sub(r'"(?:[^"\\]|\\.)*"', lambda text: text[0].replace(" ", "\0"), code)
    indent = code[: len(code) - len(code.lstrip())] + "    "
    options = {"break_long_words": False, "break_on_hyphens": False}
    filled = textwrap.fill(whole, WIDTH, subsequent_indent=indent, **options)
    return filled.replace("\0", " ")


def python_text(value: Any) -> str:
    """Return a value as a literal of Python.

    Parameters
    ----------
    value : object
        Value of a parameter.

    Returns
    -------
    str

    Examples
    --------
    >>> python_text({"41757": ["e17"]}), python_text(True)
    ('{"41757": ["e17"]}', 'True')
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(python_text, value))}]"
    if isinstance(value, dict):
        pairs = [f"{python_text(key)}: {python_text(one)}" for key, one in value.items()]
        return f"{{{', '.join(pairs)}}}"
    return repr(value)


def yaml_text(value: Any) -> str:
    """Return a value as YAML on one line.

    Parameters
    ----------
    value : object
        Value of a parameter.

    Returns
    -------
    str

    Examples
    --------
    >>> yaml_text(["stain", "class mean", "no"]), yaml_text(""), yaml_text(1e-5)
    ('[stain, "class mean", "no"]', '""', '1.0e-05')
    """
    if isinstance(value, list):
        return f"[{', '.join(map(yaml_text, value))}]"
    if isinstance(value, dict):
        pairs = [f"{yaml_text(key)}: {yaml_text(one)}" for key, one in value.items()]
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, str):
        # quoted where YAML would read another type, as `no` or `1e5`
        is_plain = re.fullmatch(r"[A-Za-z_][\w./-]*", value) and params.read_yaml(value) == value
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return yaml.safe_dump(value).removesuffix("\n...\n")


def notebook_text(path: Path, section: type[Section]) -> str:
    """Return a stored notebook with its `parameters` cell written anew.

    Parameters
    ----------
    path : Path
        The stored notebook.
    section : type of Section
        Class of its section.

    Returns
    -------
    str
        JSON.
    """
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for one in notebook["cells"]:
        # other cells stay as they are
        if "parameters" in one.get("metadata", {}).get("tags", []):
            one["source"] = cell(section).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def texts(root: Path = store.ROOT) -> dict[Path, str]:
    """Return all files that follow from the declarations.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    dict of Path to str
        Path → content.

    Raises
    ------
    ParamsError
        If a notebook of `pipeline.toml` has no section.
    """
    steps = pipeline.listed(root)
    sections = params.sections_of([step.slug for step in steps])
    found = {
        root / "params" / f"{profile}.yaml": profile_text(profile, sections) for profile in PROFILES
    }
    for step in steps:
        path = root / "notebooks" / step.notebook
        found[path] = notebook_text(path, sections[step.slug])
    return found


def stale(root: Path = store.ROOT) -> list[Path]:
    """Return the files that are not what their declarations say.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    list of Path

    Raises
    ------
    ParamsError
        If a notebook of `pipeline.toml` has no section.
    """
    wanted = texts(root)
    return [
        path
        for path in wanted
        if not path.exists() or path.read_text(encoding="utf-8") != wanted[path]
    ]


def check_profile(profile: str, root: Path = store.ROOT) -> None:
    """Check that nobody edited the files of a profile, which would change nothing.

    Parameters
    ----------
    profile : str
        One of `PROFILES`; the file of mini is checked as well.
    root : Path
        The project.

    Raises
    ------
    ParamsError
        Naming file and line, and where a value is changed. A file that is absent misleads nobody.
    """
    sections = params.sections_of([step.slug for step in pipeline.listed(root)])
    for name in dict.fromkeys(("mini", profile)):
        path = root / "params" / f"{name}.yaml"
        # an absent file misleads nobody
        there = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        pairs = itertools.zip_longest(
            there, profile_text(name, sections).splitlines(), fillvalue=""
        )
        for number, (line, wanted) in enumerate(pairs if there else (), start=1):
            if line != wanted:
                raise params.ParamsError(
                    f"params/{name}.yaml, line {number}: {line.strip()!r} is not what is declared, "
                    f"{wanted.strip()!r}. `make params` writes the file from "
                    "lib/<chapter>/params.py; give your own values with --set or --params"
                )


def main(arguments: Sequence[str] | None = None, root: Path = store.ROOT) -> int:
    """Write the files that are stale, or with `--check` name them.

    Parameters
    ----------
    arguments : sequence of str, optional
        Of the command line; default those of this process.
    root : Path
        The project.

    Returns
    -------
    int
        Exit status: 1 if `--check` found a stale file.
    """
    parser = argparse.ArgumentParser(
        prog="python -m lib.run.write_params", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is stale"
    )
    check = parser.parse_args(arguments).check
    wanted, old = texts(root), stale(root)
    for path in old:
        print(f"{'stale' if check else 'written'}: {path.relative_to(root)}")
        if not check:
            store.write_text(path, wanted[path])
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
