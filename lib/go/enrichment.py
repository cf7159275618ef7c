"""The table that topGO prints, from the built-in engine."""

import functools
import logging

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.go import topgo
from lib.go.annotation import Annotation, names_of
from lib.go.gene_sets import GeneSets, count, gene_sets, prune
from lib.go.tie_order import topgo_order
from lib.stats import order
from lib.stats.multiple_testing import benjamini_hochberg, format_p

log = logging.getLogger(__name__)
NAME_WIDTH = 70  # letters of a term's name that topGO is asked to print
TIE_ORDERS = ("topgo", "go_id")
COLUMNS = [
    "GO.ID",
    "Term",
    "Annotated",
    "Significant",
    "Expected",
    "pval",
    "qval",
    "p_raw",
    "q_raw",
]


def check_genes(foreground, background) -> tuple[list[str], list[str]]:
    """Split the foreground into genes inside and outside the background.

    Parameters
    ----------
    foreground, background : list of str
        Gene symbols, each once.

    Returns
    -------
    inside, outside : list of str
        Foreground genes in the order given; those outside are logged as a warning.

    Raises
    ------
    InputError
        If a list repeats a gene, no foreground gene is in the background, or every background gene
        is in the foreground.
    """
    _refuse_repeats("foreground", foreground)
    _refuse_repeats("background", background)
    known = set(background)
    # topGO drops the others without a word
    inside = [gene for gene in foreground if gene in known]
    outside = [gene for gene in foreground if gene not in known]
    if not inside:
        raise InputError(
            f"none of the {len(outside)} foreground genes is in the background of {len(known)} "
            "genes" + (f": {listed(outside)}" if outside else "")
        )
    if len(inside) == len(known):
        raise InputError(
            "the foreground is the whole background, so there is nothing to compare it with"
        )
    if outside:
        log.warning(
            "%d foreground genes are not in the background and are left out: %s",
            len(outside),
            listed(outside),
        )
    return inside, outside


@functools.lru_cache(maxsize=2)
def universe(annotation: Annotation, background: tuple[str, ...], node_size: int) -> GeneSets:
    """Return the pruned gene sets of a background.

    The last two are kept, so that several foregrounds of one background share the work.

    Parameters
    ----------
    annotation : Annotation
        One release and ontology.
    background : tuple of str
        Distinct symbols.
    node_size : int
        Fewest annotated background genes of a term, 1 or more.

    Returns
    -------
    GeneSets

    Raises
    ------
    InputError
        If no gene is annotated, or no term is that large.
    """
    return prune(gene_sets(annotation, background), node_size=node_size)


def run_builtin(
    annotation: Annotation,
    foreground: list[str],
    background: list[str],
    *,
    algorithm: str,
    node_size: int,
    tie_order: str,
    tail: str,
) -> pd.DataFrame:
    """Test one foreground with the built-in engine; see `lib.go.enrich`.

    Parameters
    ----------
    annotation : Annotation
        One release and ontology.
    foreground, background : list of str
        Distinct symbols, the foreground inside the background.
    algorithm, node_size, tie_order, tail
        As in `lib.go.enrich`.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row per term, by ascending p.

    Raises
    ------
    InputError
        If no foreground gene is annotated, or no term has `node_size` genes.
    """
    sets = universe(annotation, tuple(background), node_size)
    if not count(sets.pack(foreground) & sets.feasible):
        raise InputError(
            f"none of the {len(foreground)} foreground genes has a GO {annotation.ontology} "
            f"annotation: {listed(foreground)}"
        )
    tests = topgo.test_terms(sets, foreground, algorithm=algorithm, tail=tail)
    rows = _row_order(sets, tests, tie_order)
    return _table(annotation, sets, tests, rows)


def with_adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Add Benjamini-Hochberg columns to a table of printed and exact p-values.

    The published tables adjust the printed values. R turns the text `<1e-30` into a missing value;
    here such a column falls back to the exact values, with a warning.

    Parameters
    ----------
    table : DataFrame
        topGO's columns, `pval` as text and `p_raw`.

    Returns
    -------
    DataFrame
        `COLUMNS`; `qval` of the printed values, `q_raw` of the exact ones.
    """
    q_raw = benjamini_hochberg(table["p_raw"])
    # `as.numeric` of R makes NA of these
    too_small = table["pval"].str.startswith("<")
    if too_small.any():
        log.warning(
            "%d p-values are printed as %s; qval is computed from the exact values instead",
            too_small.sum(),
            table["pval"][too_small].iloc[0],
        )
    qval = q_raw if too_small.any() else benjamini_hochberg(table["pval"].astype(float))
    return table.assign(qval=qval, q_raw=q_raw)[COLUMNS]


def _refuse_repeats(name: str, genes: list[str]) -> None:
    """Refuse a list that repeats a gene; topGO would count it twice."""
    genes = pd.Series(genes, dtype=object)
    repeated = genes[genes.duplicated()].unique()
    if len(repeated):
        raise InputError(
            f"the {name} lists genes more than once, which would count twice: {listed(repeated)}"
        )


def _row_order(sets: GeneSets, tests: topgo.TermTests, tie_order: str) -> np.ndarray:
    """Return the positions of the terms by ascending p, ties as topGO lists them or by GO id."""
    base = np.arange(len(sets.terms))
    if tie_order == "topgo":
        base = _listed_by_topgo(sets, tests.significant > 0)
        return base[np.argsort(tests.p[base], kind="stable")]  # as topGO has it, to the last bit
    return base[order.by_p_value(tests.p[base])]


def _listed_by_topgo(sets: GeneSets, hit: np.ndarray) -> np.ndarray:
    """Return the hit terms in topGO's listing order, then the others by GO id."""
    child, parent = topgo.restricted_edges(sets, hit)
    hits = np.flatnonzero(hit)
    # position of a hit term among the hit terms
    row = np.cumsum(hit) - 1
    restricted = topgo_order(sets.terms[hits].to_numpy(), row[child], row[parent])
    return np.concatenate([hits[restricted], np.flatnonzero(~hit)])


def _table(
    annotation: Annotation, sets: GeneSets, tests: topgo.TermTests, rows: np.ndarray
) -> pd.DataFrame:
    """Return the rows in their order, with printed p-values and adjusted ones."""
    names = names_of(annotation, sets.terms[rows])
    table = pd.DataFrame(
        {
            "GO.ID": sets.terms[rows],
            "Term": [
                name[:NAME_WIDTH] + "..." if len(name) > NAME_WIDTH else name for name in names
            ],
            "Annotated": tests.annotated[rows],
            "Significant": tests.significant[rows],
            "Expected": tests.expected[rows],
            "pval": format_p(tests.p[rows]),
            "p_raw": tests.p[rows],
        }
    )
    return with_adjusted(table)
