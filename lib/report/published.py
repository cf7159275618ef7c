"""What the papers published: gene lists and numbers, each with its source and how certain it is."""

import math
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from lib.data.errors import InputError
from lib.run import store

FOLDER = "params/published"
GENE_LISTS, PAPER_FIGURES = "gene_lists.yaml", "paper_figures.yaml"
LOADER = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # ten times as fast, where PyYAML has libyaml

Value = StrictBool | StrictInt | StrictFloat | StrictStr
Certainty = Literal["printed", "read from an output", "digitised", "recomputed", "archived"]
Text = Annotated[str, Field(min_length=1)]
Genes = Annotated[list[Text], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Tolerance(_Strict):
    """How far a reproduced value may be from the published one; exactly one field is given."""

    abs: float | None = Field(
        None, gt=0, description="largest absolute difference, in the unit of the value"
    )
    rel: float | None = Field(
        None, gt=0, description="largest difference as a share of the published value"
    )
    at_least: float | None = Field(
        None, description="a bound instead of a distance: agreement is this or more"
    )
    at_most: float | None = Field(None, description="as at_least, the other way")
    one_of: list[Text] | None = Field(None, description="texts that count as agreement")

    @model_validator(mode="after")
    def _exactly_one(self):
        given = self.model_dump(exclude_none=True)
        if len(given) != 1:
            raise ValueError(
                f"give one of {', '.join(type(self).model_fields)}, not "
                f"{', '.join(given) or 'none'}"
            )
        return self

    def __str__(self) -> str:
        [(name, value)] = self.model_dump(exclude_none=True).items()
        signs = {"abs": "±{}", "rel": "±{:.3g} of the value", "at_least": "≥ {}", "at_most": "≤ {}"}
        return signs[name].format(value) if name in signs else "one of " + "; ".join(value)


class Published(_Strict):
    """One number, claim or text of a paper."""

    id: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", description="for example go.physical.n_terms"
        ),
    ]
    analysis: Annotated[
        Text, Field(description="figure or analysis under which the scorecard shows it")
    ]
    what: Annotated[Text, Field(description="the quantity in words")]
    value: Value
    unit: str = ""
    source: Text
    certainty: Certainty
    tolerance: Tolerance | Literal["exact"]
    basis: Annotated[
        Literal["measured", "defined"],
        Field(
            description="defined: follows from a definition or is read back (sizes of networks, "
            "grids and lists)"
        ),
    ] = "measured"
    needs: Annotated[
        str, Field(description="data or release without which the value cannot come out")
    ] = ""
    note: str = ""

    def equals(self, value: Value) -> bool:
        """Return whether a value is the published one.

        Parameters
        ----------
        value : bool, int, float or str
            In the unit of the published one.

        Returns
        -------
        bool
            Numbers are compared to 1 part in 10⁹.
        """
        if _is_number(self.value) and _is_number(value):
            return math.isclose(self.value, value, rel_tol=1e-9, abs_tol=1e-12)
        # True is not 1 here
        return type(self.value) is type(value) and self.value == value

    def agrees(self, value: Value) -> bool:
        """Return whether a value is the published one, or as close to it as the tolerance says.

        Parameters
        ----------
        value : bool, int, float or str
            In the unit of the published one.

        Returns
        -------
        bool
        """
        # equality first: texts and booleans have no distance
        if self.equals(value) or self.tolerance == "exact":
            return self.equals(value)
        if self.tolerance.one_of is not None:
            return value in self.tolerance.one_of
        if not (_is_number(self.value) and _is_number(value)):
            return False
        low, high = self.bound
        slack = 1e-9 * max(abs(low), abs(high)) if math.isfinite(low + high) else 0.0
        return (
            low - slack <= value <= high + slack
        )  # exactly the tolerance agrees, whatever the last bit

    @property
    def bound(self) -> tuple[float, float]:
        """Smallest and largest number that agrees; infinite where there is none, or for a text."""
        if not _is_number(self.value):
            return -math.inf, math.inf
        if self.tolerance == "exact":
            return float(self.value), float(self.value)
        given = self.tolerance
        # a distance from the value; else a bound of its own
        if given.abs is not None or given.rel is not None:
            reach = given.abs if given.abs is not None else given.rel * abs(self.value)
            return self.value - reach, self.value + reach
        low = -math.inf if given.at_least is None else given.at_least
        return low, math.inf if given.at_most is None else given.at_most

    @property
    def expectation(self) -> str:
        """What is expected of a reproduced value, in words: `11.9 (±0.05)`, `≥ 0.8`, `yes`."""
        value = ("yes" if self.value else "no") if isinstance(self.value, bool) else str(self.value)
        if self.tolerance == "exact":
            return value
        is_bound = self.tolerance.at_least is not None or self.tolerance.at_most is not None
        return (
            str(self.tolerance)
            if is_bound or self.tolerance.one_of
            else f"{value} ({self.tolerance})"
        )


class GeneList(_Strict):
    """A list of gene symbols, or several disjoint ones, in the order of the source."""

    what: Text
    source: Text
    certainty: Certainty
    genes: Genes | None = None
    clusters: Annotated[dict[Text, Genes], Field(min_length=1)] | None = None
    note: str = ""

    @field_validator("source")
    @classmethod
    def _one_line(cls, source: str) -> str:
        return " ".join(source.split())

    @model_validator(mode="after")
    def _unique(self):
        if (self.genes is None) == (self.clusters is None):
            raise ValueError("give either genes or clusters")
        repeated = sorted({gene for gene in self.all() if self.all().count(gene) > 1})
        if repeated:
            raise ValueError(f"repeated genes: {', '.join(repeated)}")
        return self

    def all(self) -> list[str]:
        """Return every gene, cluster after cluster."""
        return [gene for genes in (self.clusters or {"": self.genes}).values() for gene in genes]


def load(folder: Path | str = FOLDER) -> dict[str, Published]:
    """Read every published value of a folder.

    Parameters
    ----------
    folder : path
        YAML files of `entries`; default that of the project.

    Returns
    -------
    dict of str to Published
        By id, in the order of the files.

    Raises
    ------
    InputError
        If a file or an entry is malformed, or an id is given twice; names the file and the entry.
    """
    found: dict[str, Published] = {}
    for path in sorted(store.resolve(folder).glob("*.yaml")):
        # files of another form in the same folder
        if path.name in (GENE_LISTS, PAPER_FIGURES):
            continue
        for number, entry in enumerate(_read(path, "entries", list), start=1):
            name = entry.get("id", "no id") if isinstance(entry, dict) else "not a mapping"
            published = _parse(Published, entry, f"{path.name}, entry {number} ({name})")
            if published.id in found:
                raise InputError(
                    f"{path.name}, entry {number}: the id {published.id} is given twice"
                )
            found[published.id] = published
    return found


def gene_lists(path: Path | str = f"{FOLDER}/{GENE_LISTS}") -> dict[str, list[str]]:
    """Read the published gene lists.

    Parameters
    ----------
    path : path
        YAML file of `lists`; default that of the project.

    Returns
    -------
    dict of str to list of str
        Name → genes; a clustering is one list here, cluster after cluster.

    Raises
    ------
    InputError
        If the file or an entry is malformed.

    Examples
    --------
    >>> len(gene_lists()["impactful_genes"])
    41
    """
    return {name: entry.all() for name, entry in gene_list_entries(path).items()}


def gene_clusters(name: str, path: Path | str = f"{FOLDER}/{GENE_LISTS}") -> dict[str, list[str]]:
    """Read the genes of each cluster of a published clustering.

    Parameters
    ----------
    name : str
        Name of the clustering.
    path : path
        YAML file of `lists`; default that of the project.

    Returns
    -------
    dict of str to list of str
        Cluster → genes.

    Raises
    ------
    InputError
        If there is no such clustering, or the file is malformed.

    Examples
    --------
    >>> gene_clusters("gene_perturbation_clusters")["4"]
    ['BCL2L11', 'CASP8']
    """
    clusterings = {
        key: entry.clusters for key, entry in gene_list_entries(path).items() if entry.clusters
    }
    if name not in clusterings:
        raise InputError(
            f"no clustering {name!r} in {GENE_LISTS}; there are {', '.join(clusterings)}"
        )
    return clusterings[name]


def gene_list_entries(path: Path | str = f"{FOLDER}/{GENE_LISTS}") -> dict[str, GeneList]:
    """Read the gene lists with their sources and certainty.

    Parameters
    ----------
    path : path
        YAML file of `lists`; default that of the project.

    Returns
    -------
    dict of str to GeneList
        By name.

    Raises
    ------
    InputError
        If the file or an entry is malformed; names the file and the entry.
    """
    path = store.resolve(path)
    entries = _read(path, "lists", dict)
    return {
        name: _parse(GeneList, entry, f"{path.name}, list {name}")
        for name, entry in entries.items()
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read(path: Path, key: str, kind: type) -> list | dict:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
    except yaml.YAMLError as error:
        raise InputError(f"{path.name} is not valid YAML: {error}") from error
    if (
        not isinstance(content, dict)
        or list(content) != [key]
        or not isinstance(content[key], kind)
    ):
        raise InputError(
            f"{path.name}: expected one key {key!r} holding a "
            f"{'list' if kind is list else 'mapping'}"
        )
    return content[key]


def _parse(model: type[_Strict], entry: object, where: str):
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        # of the ways to fail a union, show the one that came furthest
        first = max(error.errors(), key=lambda e: (e["type"] != "model_type", len(e["loc"])))
        # the path to the field, as the file has it
        field = ".".join(map(str, first["loc"])) or "entry"
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}: {field}: {message} (got {first['input']!r:.80})") from None
