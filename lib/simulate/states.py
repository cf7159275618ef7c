"""Draw latent regulatory states of genes: the planted truth that images, networks and expression
all follow."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.report import published
from lib.stats import order

DIMENSIONS = ("s1", "s2", "s3", "s4", "s5", "s6")
INERT = "inert"
N_CANDIDATES = 2000  # random directions among which the group centres are spread

# shown by name in the paper's figures and demo, so they are the first to be active
FIRST = ("JUN", "MAP3K9", "RAF1", "BRAF", "SMAD4", "SREBF1")


def choose_genes(n_genes: int, *, n_active: int) -> list[str]:
    """Return real screened symbols, those to be active first.

    The first `n_active` come from the paper's 41 impactful genes, then from the other screened
    ones; the rest is taken from the other screened genes first, so that inert genes are none of the
    41 as long as there are others.

    Parameters
    ----------
    n_genes : int
        At most 190.
    n_active : int
        Genes with an effect.

    Returns
    -------
    list of str
        Active genes first.

    Raises
    ------
    ValueError
        If more genes are wanted than were screened (190), or more active ones than genes.

    Examples
    --------
    >>> choose_genes(4, n_active=2)
    ['JUN', 'MAP3K9', 'ACVR1B', 'ADAM17']
    """
    lists = published.gene_lists()
    screened, impactful = lists["over_expression_targets"], lists["impactful_genes"]
    if not 0 <= n_active <= n_genes <= len(screened):
        raise ValueError(
            f"{n_active} active of {n_genes} genes: expected 0 ≤ active ≤ genes ≤ {len(screened)}"
        )
    others = [gene for gene in screened if gene not in impactful]
    ranked = [*FIRST, *(gene for gene in impactful if gene not in FIRST), *others]
    active = ranked[:n_active]
    inert = [gene for gene in [*others, *ranked] if gene not in active]
    return active + list(dict.fromkeys(inert))[: n_genes - n_active]


def states(
    genes: Sequence[str],
    *,
    n_groups: int,
    n_active: int,
    effect: float = 2.5,
    within_group: float = 0.3,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw a latent state for every gene: group centre plus the gene's own deviation; zero for
    inert genes.

    A state is a point in six dimensions, zero = unperturbed control. One unit is the spread of
    single control nuclei along a dimension, so `effect` reads as the separation (d′) of a gene's
    nuclei from controls to an ideal observer.

    Parameters
    ----------
    genes : sequence of str
        Symbols; the first `n_active` are active and are dealt to the groups at random, in equal
        numbers.
    n_groups : int
        Number of planted groups, 1 to `n_active`.
    n_active : int
        Number of active genes.
    effect : float
        Distance of a group's centre from the control state.
    within_group : float
        Size of a gene's deviation from its centre, as a share of `effect` (0 = identical genes).
    rng : Generator
        Source of randomness.

    Returns
    -------
    DataFrame
        One row per gene, in the given order: `gene`, `group` (`group 1` … or `inert`), `is_active`,
        `s1` … `s6`.

    Raises
    ------
    ValueError
        For repeated genes, or numbers that do not fit.
    """
    if len(set(genes)) < len(genes):
        raise ValueError("a gene is given twice")
    if not 0 <= n_active <= len(genes) or not (1 <= n_groups <= n_active or n_active == 0):
        raise ValueError(
            f"{n_groups} groups of {n_active} active of {len(genes)} genes do not fit; lower the "
            "first two"
        )
    # groups of equal size
    group = rng.permutation(np.arange(n_active) % n_groups) if n_active else np.zeros(0, int)
    values = np.zeros((len(genes), len(DIMENSIONS)))  # inert genes stay at zero
    values[:n_active] = effect * _spread(n_groups, rng)[group]
    values[:n_active] += rng.normal(
        0, effect * within_group / np.sqrt(len(DIMENSIONS)), (n_active, len(DIMENSIONS))
    )
    return pd.DataFrame(
        {
            "gene": list(genes),
            "group": [f"group {number + 1}" for number in group]
            + [INERT] * (len(genes) - n_active),
            "is_active": np.arange(len(genes)) < n_active,
            **dict(zip(DIMENSIONS, values.T, strict=True)),
        }
    )


def _spread(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` unit vectors far from each other: each the candidate farthest from those chosen
    before, (n, d)."""
    candidates = rng.normal(size=(N_CANDIDATES, len(DIMENSIONS)))
    candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
    chosen = candidates[:1]
    while len(chosen) < n:
        cosine = (candidates @ chosen.T).max(axis=1)  # (candidates,), to the nearest chosen one
        chosen = np.vstack([chosen, candidates[order.smallest(cosine, scale=1)]])
    return chosen
