"""How a parameter is declared: once, beside its chapter, in `lib/<chapter>/params.py`.

Type, range, unit, meaning and the value of every profile stand in one place. The notebooks'
`parameters` cells and the files in `params/` are written from there by `make params`.
"""

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

PROFILES = ("smoke", "mini", "paper")
MOST_CHOICES = 4  # more are not listed in a comment

SAME = object()  # marks a value that is not given


class InputFile:
    """Marks a parameter that names a file or folder, whose content is part of a key."""


InputPath = Annotated[str, InputFile()]


def meaning(text: str, *, unit: str = "", **bounds: Any) -> Any:
    """Say what a parameter means, for a type that several notebooks share.

    Parameters
    ----------
    text : str
        A few words; what a special value stands for comes after a semicolon, as in
        `clusters; 0 = best silhouette`.
    unit : str
        Unit in the plural: `pixels`, `SD of single nuclei`. Empty for counts, shares and texts.
    **bounds
        Range of a number (`ge`, `gt`, `le`, `lt`) or length of a list (`min_length`, `max_length`).

    Returns
    -------
    object
        A pydantic field to put into `Annotated`.

    Examples
    --------
    >>> Folds = Annotated[int, meaning("cross-validation folds", ge=2, le=10)]
    """
    return Field(description=text, json_schema_extra={"unit": unit}, **bounds)


def parameter(
    mini: Any,
    text: str | None = None,
    *,
    unit: str = "",
    smoke: Any = SAME,
    paper: Any = SAME,
    published: str = "",
    **bounds: Any,
) -> Any:
    """Declare a parameter with its value in every profile.

    Parameters
    ----------
    mini : object
        Value in the profile `mini`, and in the others where they give none of their own.
    text, unit, **bounds
        As in `meaning`; left out where the type says it already.
    smoke, paper : object
        Values in these profiles. A `paper` value that equals `mini` says that both are the same.
    published : str
        What the paper says, where the profile `paper` differs or a number needs words.

    Returns
    -------
    object
        A pydantic field, for a class that derives from `Section`.

    Examples
    --------
    >>> class Nuclei(Section):
    ...     window: int = parameter(128, "side of the region", unit="pixels", ge=32, paper=448)
    >>> Nuclei().window
    128
    """
    extra: dict[str, Any] = {"published": published} if published else {}
    extra |= {"unit": unit} if unit else {}
    extra |= {
        name: value for name, value in (("smoke", smoke), ("paper", paper)) if value is not SAME
    }
    described = {} if text is None else {"description": text}
    # profiles travel with the field, so that one declaration is all
    return Field(default=mini, json_schema_extra=extra, **described, **bounds)


class Section(BaseModel):
    """Parameters of one notebook. The two folders are filled in by the runner alone."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    run_dir: str = parameter("runs/mini", "data and results of this profile")
    figures_dir: str = parameter("figures/mini", "figures of this profile")


FOLDERS = tuple(Section.model_fields)


@dataclass(frozen=True)
class Declared:
    """One parameter of a section, as it is told to people.

    Attributes
    ----------
    name : str
        Key in its section.
    type : str
        Type as a notebook writes it, such as `list[str]`.
    meaning : str
        Meaning with unit and, where they are few, the choices.
    values : dict
        Profile → value.
    published : str
        What the paper says; empty if it says nothing.
    """

    name: str
    type: str
    meaning: str
    values: dict[str, Any]
    published: str

    @property
    def comment(self) -> str:
        """Meaning, unit and the paper's value in one line."""
        return f"{self.meaning} (paper: {self.published})" if self.published else self.meaning


def declarations(section: type[Section], *, folders: bool = False) -> list[Declared]:
    """Return the parameters of a section in their order.

    Parameters
    ----------
    section : type of Section
        Class of the section.
    folders : bool
        Whether the two folders, which the runner fills in, are among them.

    Returns
    -------
    list of Declared
    """
    fields = section.model_fields.items()
    return [_declared(name, field) for name, field in fields if folders or name not in FOLDERS]


def values_of(section: type[Section], profile: str) -> dict[str, Any]:
    """Return the declared values of a section in one profile.

    Parameters
    ----------
    section : type of Section
        Class of the section.
    profile : str
        One of `PROFILES`.

    Returns
    -------
    dict
        Key → value, without the two folders.
    """
    return {one.name: one.values[profile] for one in declarations(section)}


def file_of(section: type[Section]) -> str:
    """Return the file that declares a section.

    Parameters
    ----------
    section : type of Section
        Class of the section.

    Returns
    -------
    str
        Such as `lib/images/params.py`.
    """
    return section.__module__.replace(".", "/") + ".py"


def _declared(name: str, field: FieldInfo) -> Declared:
    extra = dict(field.json_schema_extra or {})
    values = {profile: extra.get(profile, field.default) for profile in PROFILES}
    # words win over the value of the profile `paper`
    published = extra.get("published", "")
    if not published and "paper" in extra:
        published = plain_text(extra["paper"])
    text = told(field.description or "", extra.get("unit", ""), field.annotation)
    return Declared(name, type_name(field.annotation), text, values, published)


def told(text: str, unit: str, annotation: Any) -> str:
    """Return meaning, choices and unit in one line.

    Parameters
    ----------
    text : str
        Meaning, with special values after a semicolon.
    unit : str
        Unit in the plural; empty for none.
    annotation : type
        Type of the parameter; a `Literal` of two to four texts adds its choices.

    Returns
    -------
    str

    Examples
    --------
    >>> told("diameter of a cell; 0 = that of training", "pixels", float)
    'diameter of a cell, in pixels; 0 = that of training'
    >>> told("what is held out whole", "", Literal["field", "well"])
    'what is held out whole: field or well'
    """
    what, semicolon, special = text.partition(";")
    choices = [str(one) for one in get_args(annotation) if get_origin(annotation) is Literal]
    if all(choices) and 1 < len(choices) <= MOST_CHOICES:  # what empty means stands in the text
        what = f"{what}: {', '.join(choices[:-1])} or {choices[-1]}"
    if unit:
        what = f"{what}, in {unit}"
    return what + semicolon + special


def type_name(annotation: Any) -> str:
    """Return a type as a notebook writes it.

    Parameters
    ----------
    annotation : type
        Plain type, list of one, `Literal` or `Annotated`.

    Returns
    -------
    str

    Examples
    --------
    >>> type_name(list[Literal["umap", "tsne"]]), type_name(InputPath)
    ('list[str]', 'str')
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(inner[0])
    # all choices of one parameter have one type
    if origin is Literal:
        return type(inner[0]).__name__
    if isinstance(annotation, types.GenericAlias):
        return f"{origin.__name__}[{', '.join(type_name(one) for one in inner)}]"
    return annotation.__name__


def plain_text(value: Any) -> str:
    """Return a value as a comment says it.

    Parameters
    ----------
    value : bool, number, str or list
        Value of a parameter.

    Returns
    -------
    str

    Examples
    --------
    >>> plain_text(1e-5), plain_text(400.0), plain_text(True), plain_text(["JUN", "RAF1"])
    ('1e-5', '400', 'true', 'JUN, RAF1')
    """
    if isinstance(value, bool):  # before numbers: a bool is an int in Python
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.12g}".replace("e-0", "e-").replace("e+0", "e")
    if isinstance(value, list):
        return ", ".join(plain_text(one) for one in value)
    return str(value)
