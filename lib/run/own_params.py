"""What a user gives beside a profile: a YAML file with `--params`, and `--set` assignments."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from lib.run.declaration import PROFILES


class ParamsError(ValueError):
    """A mistake in a parameter, told to the person who can mend it. One line per problem."""


def suggest(word: str, known: Sequence[str]) -> str:
    """Return a hint such as `; did you mean 'n_terms'?`.

    Parameters
    ----------
    word : str
        What was given.
    known : sequence of str
        What could have been meant.

    Returns
    -------
    str
        Empty if no known word is near.
    """
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


class _Loader(yaml.SafeLoader):
    """YAML as people write it: `1e-5` is a number, and a key given twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        names = [key.value for key, _ in node.value]
        for (key, _), name in zip(node.value, names, strict=True):
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{name!r} is given twice", key.start_mark
                )
        return super().construct_mapping(node, deep)


# YAML 1.1 asks for a dot in a number with an exponent, and would read 1e-5 as text
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def read_yaml(text: str) -> Any:
    """Read YAML safely: plain values only, nothing is executed.

    Parameters
    ----------
    text : str
        YAML 1.1, in which `1e-5` is a number, too.

    Returns
    -------
    object

    Raises
    ------
    yaml.YAMLError
        If the text is not YAML, or gives a key twice.
    """
    return yaml.load(text, Loader=_Loader)


def read_own(path: Path) -> dict[str, dict[str, Any]]:
    """Read a user's YAML file.

    Parameters
    ----------
    path : Path
        Sections of keys.

    Returns
    -------
    dict of str to dict
        Section → key → value.

    Raises
    ------
    ParamsError
        If the file is missing, is not YAML, or is not sections of keys.
    """
    try:
        # an empty file changes nothing
        content = read_yaml(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path.name}: not readable as YAML: {error}") from None
    if not isinstance(content, dict) or not all(
        isinstance(keys, dict | None) for keys in content.values()
    ):
        raise ParamsError(
            f"{path.name}: expected one section per notebook, each with 'key: value' lines"
        )
    return {
        str(section): {str(key): value for key, value in (keys or {}).items()}
        for section, keys in content.items()
    }


def run_name(profile: str, own: Path | None = None) -> str:
    """Return the name of a run's folders: that of the profile, or of the user's file.

    Parameters
    ----------
    profile : str
        One of `PROFILES`.
    own : Path, optional
        YAML file of the user.

    Returns
    -------
    str

    Raises
    ------
    ParamsError
        If the file has the name of a profile, whose folders it would overwrite, or no good name.
    """
    if own is None:
        return profile
    # the name becomes that of folders
    if own.stem in PROFILES or not re.fullmatch(r"\w[\w-]*", own.stem):
        raise ParamsError(
            f"--params {own}: results go to runs/{own.stem}; name the file after your screen, with "
            "letters, digits, _ and -, such as my_screen.yaml"
        )
    return own.stem


def parse_overrides(
    assignments: Sequence[str], sections: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Read the assignments of `--set`.

    Parameters
    ----------
    assignments : sequence of str
        `SECTION.KEY=VALUE` texts, values in YAML.
    sections : sequence of str
        Sections that there are.

    Returns
    -------
    dict of str to dict
        Section → key → value.

    Raises
    ------
    ParamsError
        If a text lacks the dot or the equals sign, names an unknown section, or its value is not
        YAML.
    """
    overrides: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        section, dot, key = name.partition(".")
        if not (equals and dot and key):
            raise ParamsError(
                f"--set {assignment}: expected SECTION.KEY=VALUE, such as {sections[0]}.KEY=VALUE"
            )
        if section not in sections:
            raise ParamsError(
                f"--set {assignment}: no section {section!r}{suggest(section, sections)}"
            )
        try:
            # `KEY=` is the empty text
            overrides.setdefault(section, {})[key] = read_yaml(value) if value.strip() else ""
        except yaml.YAMLError as error:
            raise ParamsError(
                f"--set {assignment}: value is not readable as YAML: {error}"
            ) from None
    return overrides
