"""Choices as data: one of some small dataclasses, named by its `kind`, from JSON or YAML."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def require(holds: bool, message: str) -> None:
    """Raise a ValueError with this message unless something holds.

    Parameters
    ----------
    holds : bool
        What must be true.
    message : str
        The fault, with the value and what was expected.

    Raises
    ------
    ValueError
        If `holds` is false.
    """
    if not holds:
        raise ValueError(message)


def choice(value: Any, kinds: Mapping[str, type], what: str) -> Any:
    """Return the dataclass that a name, or a mapping with the name as `kind`, stands for.

    Parameters
    ----------
    value : str, mapping or instance of one of the kinds
        An instance is returned as it is.
    kinds : mapping
        Name → dataclass.
    what : str
        What is chosen, for messages.

    Returns
    -------
    object
        Instance of one of the kinds; options that the mapping leaves out keep their defaults.

    Raises
    ------
    ValueError
        If the kind is unknown, or has no such option.
    """
    if isinstance(value, tuple(kinds.values())):
        return value
    # a copy, the kind is taken out
    options = {"kind": value} if isinstance(value, str) else dict(value)
    kind = options.pop("kind", None)
    known = ", ".join(kinds)
    require(kind in kinds, f"{what} {kind!r} is unknown: expected `kind` to be one of {known}")
    # `kind` itself is a field that the caller cannot set
    allowed = [part.name for part in fields(kinds[kind]) if part.init]
    for name in options:
        expected = ", ".join(allowed) or "none"
        require(name in allowed, f"{what} {kind} has no option {name!r}: expected {expected}")
    return kinds[kind](**options)
