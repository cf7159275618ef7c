"""Contacts: which distal regions touch a promoter, from neighbour tables; and the way out of
published pickles."""

import io
import os
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data import tables
from lib.data.errors import InputError, listed
from lib.run import store

REGION = r"^[^:\s]+:\d+-\d+$"
CUTOFFS = {"normalised": 1.5, "chicago": 5.0}
"""Kinds of contact score and the usual cut-off of each: normalised interaction frequency, or
CHiCAGO."""

_REGION = pa.Check.str_matches(REGION, error="is no region: expected chrom:start-end")
CONTACTS = pa.DataFrameSchema(
    {
        "fragment": pa.Column(str, _REGION),
        "neighbour": pa.Column(str, _REGION),
        "score": pa.Column(float, coerce=True),
    }
)
TSS_FRAGMENTS = pa.DataFrameSchema(
    {"tss": pa.Column(str, _REGION), "pchic_fragment": pa.Column(str, nullable=True)}
)
_PLAIN = {
    ("builtins", name): value
    for name, value in {
        "dict": dict,
        "list": list,
        "tuple": tuple,
        "set": set,
        "frozenset": frozenset,
        "str": str,
        "float": float,
        "int": int,
    }.items()
}


@dataclass(frozen=True)
class Rule:
    """Which neighbours of a promoter's fragments count, and how many.

    Parameters
    ----------
    score_type : str
        What the scores are: `normalised` or `chicago`; the two have other scales.
    cutoff : float, optional
        A score must be above it; by default the usual one of its type.
    max_length : int
        Longest partner, in bp.
    max_partners : int
        Highest scores that are kept.
    cis_only : bool
        Leave out partners on another chromosome: they would carry bases across the split. The paper
        has no such rule.
    direction : str
        `max`: a contact counts from both ends, with the larger score. `directed`: only as it is
        listed, as the paper.
    """

    score_type: Literal["normalised", "chicago"] = "normalised"
    cutoff: float | None = None
    max_length: int = 40_000
    max_partners: int = 8
    cis_only: bool = True
    direction: Literal["max", "directed"] = "directed"

    @property
    def least(self) -> float:
        """The cut-off in use."""
        return CUTOFFS[self.score_type] if self.cutoff is None else self.cutoff


@dataclass(frozen=True)
class Partners:
    """Partners of genes, best first, and what was left out.

    Parameters
    ----------
    table : DataFrame
        gene_id, neighbour, score.
    n_trans, n_long, n_weak : int
        Contacts left out: on another chromosome, too long, or at or below the cut-off.
    share_without : float
        Share of the genes that have no partner.
    """

    table: pd.DataFrame
    n_trans: int
    n_long: int
    n_weak: int
    share_without: float


def partners(
    tss: pd.DataFrame, tss_fragments: pd.DataFrame, contacts: pd.DataFrame, rule: Rule | None = None
) -> Partners:
    """Choose the partners of every gene from the neighbours of the fragments of all its start
    sites.

    Parameters
    ----------
    tss : DataFrame
        gene_id, chrom, start, end; one row per start site, several per gene are allowed.
    tss_fragments : DataFrame
        tss (`chrom:start-end`), pchic_fragment.
    contacts : DataFrame
        fragment, neighbour, score.
    rule : Rule

    Returns
    -------
    Partners
        Ties in score are ordered by the neighbour's name.
    """
    rule = rule or Rule()
    key = tss["chrom"] + ":" + tss["start"].astype(str) + "-" + tss["end"].astype(str)
    fragment = key.map(tss_fragments.dropna().set_index("tss")["pchic_fragment"])
    own = pd.DataFrame({"gene_id": tss["gene_id"], "fragment": fragment}).dropna()
    found = own.drop_duplicates().merge(directed(contacts, rule.direction), on="fragment")
    found = found.sort_values(["gene_id", "neighbour", "score"], kind="stable")
    found = found.drop_duplicates(["gene_id", "neighbour"], keep="last")
    place = regions(found["neighbour"])
    is_trans = place["chrom"].to_numpy() != regions(found["fragment"])["chrom"].to_numpy()
    is_long = (place["end"] - place["start"]).to_numpy() > rule.max_length
    is_weak = (found["score"] <= rule.least).to_numpy()
    is_trans = is_trans & rule.cis_only
    kept = found[~(is_trans | is_long | is_weak)]
    kept = kept.sort_values(
        ["gene_id", "score", "neighbour"], ascending=[True, False, True], kind="stable"
    )
    kept = kept.groupby("gene_id", sort=False).head(rule.max_partners).reset_index(drop=True)
    names = tss["gene_id"].unique()
    without = 1 - len(set(kept["gene_id"])) / max(len(names), 1)
    counts = (int((is_trans & ~is_weak).sum()), int((is_long & ~is_weak).sum()), int(is_weak.sum()))
    return Partners(kept[["gene_id", "neighbour", "score"]], *counts, without)


def directed(contacts: pd.DataFrame, direction: str) -> pd.DataFrame:
    """Return contacts as they count from each end; `max` takes the larger of both directions.

    Parameters
    ----------
    contacts : DataFrame
        fragment, neighbour, score.
    direction : str
        As of `Rule`.

    Examples
    --------
    >>> names = ["fragment", "neighbour", "score"]
    >>> ab = pd.DataFrame([["c:0-1", "c:5-6", 6.2], ["c:5-6", "c:0-1", 4.8]], columns=names)
    >>> [int((directed(ab, way)["score"] > 5).sum()) for way in ("max", "directed")]
    [2, 1]
    """
    if direction == "max":
        turned = contacts.rename(columns={"fragment": "neighbour", "neighbour": "fragment"})
        contacts = pd.concat([contacts, turned])
    return contacts.groupby(["fragment", "neighbour"], as_index=False, sort=False)["score"].max()


def joined(found: Partners, gene_ids: Iterable[str]) -> pd.DataFrame:
    """Return the published columns `neighbors` and `scores` of genes; empty where there is no
    partner.

    Parameters
    ----------
    found : Partners
    gene_ids : iterable of str

    Returns
    -------
    DataFrame
        gene_id, neighbors, scores; in the order of `gene_ids`.
    """
    groups = found.table.groupby("gene_id")
    text = groups.agg({"neighbour": ";".join, "score": lambda s: ";".join(f"{x:.6g}" for x in s)})
    text = text.rename(columns={"neighbour": "neighbors", "score": "scores"})
    return text.reindex(list(gene_ids)).rename_axis("gene_id").reset_index()


def regions(names: pd.Series) -> pd.DataFrame:
    """Split `chrom:start-end`, or the underscore form `chrom_start-end`, into chrom, start, end.

    Returns
    -------
    DataFrame
        chrom, start, end; half-open, index as of `names`.

    Examples
    --------
    >>> regions(pd.Series(["chr1:5-9", "chr1_5-9"])).values.tolist()
    [['chr1', 5, 9], ['chr1', 5, 9]]
    """
    parts = names.astype(str).str.extract(r"^(?P<chrom>\S+)[:_](?P<start>\d+)-(?P<end>\d+)$")
    bad = parts["chrom"].isna().to_numpy()
    if bad.any():
        raise InputError(f"{listed(names[bad])} is no region", fix="expected chrom:start-end")
    return parts.astype({"start": int, "end": int})


def read_contacts(path: str | os.PathLike) -> pd.DataFrame:
    """Read a neighbour table: fragment, neighbour, score; Parquet, CSV or TSV.

    Returns
    -------
    DataFrame
        fragment, neighbour (`chrom:start-end`), score.

    Raises
    ------
    InputError
        For a pickle, which is converted once with `convert`, or a broken table.
    """
    if Path(path).suffix in (".pickle", ".pkl"):
        raise InputError(
            "pickles are not read as tables", file=path, fix="convert them to Parquet once"
        )
    return tables.read(path, CONTACTS)


def convert(neighbours_path: str | os.PathLike, scores_path: str | os.PathLike) -> pd.DataFrame:
    """Turn the published pair of pickles into one table, without executing anything that they
    carry.

    Parameters
    ----------
    neighbours_path : path
        Fragment → collection of neighbours.
    scores_path : path
        (fragment, neighbour) → score.

    Raises
    ------
    InputError
        If a pickle asks for anything but plain containers, texts and numbers, or lacks a score.
    """
    neighbours, scores = load_plain(neighbours_path), load_plain(scores_path)
    if not isinstance(neighbours, Mapping) or not isinstance(scores, Mapping):
        raise InputError("expected a map", file=neighbours_path)
    pairs = [(str(one), str(other)) for one in neighbours for other in sorted(neighbours[one])]
    absent = [pair for pair in pairs if pair not in scores]
    if absent:
        raise InputError(
            f"{len(absent)} pairs have no score, the first {absent[0]}", file=scores_path
        )
    table = pd.DataFrame(pairs, columns=["fragment", "neighbour"])
    table["score"] = np.array([float(scores[pair]) for pair in pairs], float)
    return tables.check(table, CONTACTS, file=neighbours_path)


def load_plain(path: str | os.PathLike):
    """Read a pickle of plain containers, texts and numbers.

    Parameters
    ----------
    path : path
        Pickle; numpy's numbers are built from their bytes.

    Returns
    -------
    dict, list, tuple, set, str, int or float

    Raises
    ------
    InputError
        Naming what else it asks for; that is not imported.
    """
    try:
        return _Plain(io.BytesIO(store.resolve(path).read_bytes())).load()
    except FileNotFoundError:
        raise InputError("there is no such file", file=path, fix="check the path") from None
    except InputError as error:
        raise InputError(error.what, file=path, fix=error.fix) from None
    except Exception as error:  # a broken pickle raises almost anything
        raise InputError(f"not readable as a pickle ({type(error).__name__})", file=path) from None


class _Plain(pickle.Unpickler):
    """Reads containers, texts and numbers; numpy's numbers are built from their bytes."""

    def find_class(self, module: str, name: str):
        if (module, name) in _PLAIN:
            return _PLAIN[module, name]
        if (module, name) == ("collections", "defaultdict"):
            return _plain_default
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "scalar":
            return _number
        if (module, name) == ("numpy", "dtype"):
            return _dtype
        raise InputError(
            f"the pickle asks for {module}.{name}", fix="do not use this file; it may be unsafe"
        )


def _plain_default(factory=None) -> dict:
    return {}


class _dtype:  # noqa: N801
    """Stands for a numeric numpy dtype while a pickle is read."""

    def __init__(self, name="f8", *_) -> None:
        if str(name).lstrip("<>=|") not in ("f8", "f4", "f2", "i8", "i4", "i2", "u8", "u4", "u2"):
            raise InputError(f"the pickle holds a numpy {name!r}", fix="expected numbers")
        self.name = str(name)

    def __setstate__(self, state) -> None:
        self.name = f"{state[1]}{self.name.lstrip('<>=|')}" if state[1] in "<>" else self.name


def _number(dtype: _dtype, data: bytes) -> float:
    return float(np.frombuffer(data, np.dtype(dtype.name))[0])
