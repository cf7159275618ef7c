"""Gene symbols to Entrez ids, with a report of what found no id."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from lib.data.errors import listed
from lib.go.annotation import Annotation

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SymbolMapping:
    """What became of a list of symbols.

    Attributes
    ----------
    table : DataFrame
        `symbol`, `entrez`, `by_alias`; a symbol shared by several genes has several rows.
    unmapped : tuple of str
        Symbols without an Entrez id, in input order.
    """

    table: pd.DataFrame
    unmapped: tuple[str, ...]

    @property
    def entrez(self) -> list[str]:
        """Distinct Entrez ids in input order."""
        return list(dict.fromkeys(self.table["entrez"]))


def to_entrez(
    annotation: Annotation, symbols: Sequence[str], *, rescue_aliases: bool = False
) -> SymbolMapping:
    """Map symbols to Entrez ids through the official symbol, as clusterProfiler's `bitr` does.

    Parameters
    ----------
    annotation : Annotation
        Its `genes` name the ids.
    symbols : sequence of str
        Gene symbols; repeats count once.
    rescue_aliases : bool
        Also try the aliases (former symbols such as ARNTL, synonyms such as MEK1) of those without
        an official match. An alias that several genes share is left unmapped. Published results
        were made without this.

    Returns
    -------
    SymbolMapping
        The pairs found and the symbols not found, which are logged as a warning too.
    """
    wanted = pd.DataFrame({"symbol": list(dict.fromkeys(symbols))})
    known = annotation.genes[annotation.genes["name"].isin(wanted["symbol"])]
    table = _matches(wanted, known[~known["is_alias"]])
    if rescue_aliases:
        lost = wanted[~wanted["symbol"].isin(table["symbol"])]
        # keep=False: an alias of two genes names neither
        aliases = known[known["is_alias"]].drop_duplicates("name", keep=False)
        table = pd.concat([table, _matches(lost, aliases)], ignore_index=True)
        table = wanted.merge(table, on="symbol")  # back in input order
    unmapped = tuple(wanted.loc[~wanted["symbol"].isin(table["symbol"]), "symbol"])
    if unmapped:
        log.warning(
            "no Entrez id for %d of %d symbols, left out: %s",
            len(unmapped),
            len(wanted),
            listed(unmapped),
        )
    return SymbolMapping(table, unmapped)


def _matches(wanted: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return symbol, entrez and by_alias of wanted symbols that are known, in the order wanted."""
    found = wanted.merge(known, left_on="symbol", right_on="name")
    return found[["symbol", "entrez", "is_alias"]].rename(columns={"is_alias": "by_alias"})
