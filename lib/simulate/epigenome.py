"""Cells with histone marks and expression, planted: which mark tells of expression, from where, and
in which cells.

Every gene has hidden states: one per mark, one of a local enhancer, one of its contact regions.
Expression is a weighted sum of them; a mark shows its state within a band around the start site. So
the correlation that each set of marks can reach within each range is known in advance, see
`expected_r`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from lib.epigenome import genes
from lib.epigenome.marks import MARKS, group_of

SCALE = 100  # times smaller than hg19
WINDOW = 40_000
NAMES = (*MARKS, "enhancer", "contact")
"""Hidden states: H3K27ac also shows `enhancer`, at one bin per gene, and `contact`, in the contact
regions."""

BANDS = {
    "H3K4me1": (-9_000, -4_000),
    "H3K4me3": (-1_000, 1_500),
    "H3K9me3": (-20_000, 20_000),
    "H3K27me3": (-8_000, 8_000),
    "H3K36me3": (4_000, 16_000),
    "H3K27ac": (-1_500, 1_500),
    "H3K9ac": (-1_000, 1_000),
}
"""Where a mark shows its state: bp from the start site in the direction of transcription."""

WEIGHTS = {
    "H3K4me1": 0.25,
    "H3K4me3": 0.50,
    "H3K9me3": 0.0,
    "H3K27me3": -0.35,
    "H3K36me3": 0.45,
    "H3K27ac": 0.35,
    "H3K9ac": 0.40,
    "enhancer": 0.30,
    "contact": 0.35,
}
SHARED = {
    "H3K4me3": 0.6,
    "H3K9ac": 0.6,
    "H3K27ac": 0.6,
    "H3K36me3": 0.3,
    "H3K4me1": 0.2,
    "H3K27me3": -0.2,
}
"""Correlation of a state with the activity that all marks of a gene share; 0 for the others."""

NOISE = 0.35  # standard deviation of what no mark tells
COMMON = 0.5  # share of a state's variance that is the gene's in every cell
WEAK_GROUP, WEAK_STATES, WEAK_FACTOR = (
    "ESC derived",
    ("H3K27ac", "H3K9ac", "enhancer", "contact"),
    0.6,
)
ENHANCER_BINS = np.array(
    [0, 1, 2, 3, 4, 5, 6, 13, 14, 15, 16, 17, 18, 19]
)  # 2-kb bins it may lie in
ENHANCER_REACH = 8_000.0  # bp over which an enhancer's frequency falls to 1/e
MEAN, SPREAD = 2.2, 1.8  # of log2(RPKM + 1), before it is cut at 0


@dataclass(frozen=True)
class Plan:
    """What is simulated.

    Parameters
    ----------
    n_genes : int
    cells : sequence of str
    max_partners : int
        Contact regions of a gene; some have none.
    seed : int
    only : sequence of str
        The only states that count, with weight 1; empty for `WEIGHTS`.
    """

    n_genes: int = 320
    cells: Sequence[str] = ("E003", "E004", "E116", "E118")
    max_partners: int = 4
    seed: int = 0
    only: Sequence[str] = ()


def as_dict(plan: Plan) -> dict:
    """Return a plan as JSON-able values."""
    return {**asdict(plan), "cells": list(plan.cells), "only": list(plan.only)}


@dataclass(frozen=True)
class World:
    """A drawn genome and its hidden states.

    Parameters
    ----------
    sizes : dict
        Chromosome → bases.
    genes : DataFrame
        gene_id, chrom, start (of the start site), end, strand, enhancer (2-kb bin).
    contacts : DataFrame
        gene_id, neighbour, score: the true ones, best first.
    states : (C, G, K) array
        Of `NAMES`, standard normal.
    log_expression : (C, G) array
        log2(RPKM + 1).
    """

    plan: Plan
    sizes: dict[str, int]
    genes: pd.DataFrame
    contacts: pd.DataFrame
    states: np.ndarray
    log_expression: np.ndarray


def draw(plan: Plan) -> World:
    """Draw genes, contacts, hidden states and expression."""
    rng = np.random.default_rng([plan.seed, 80])
    sizes = {name: length // SCALE for name, length in genes.BUILDS["hg19"].items()}
    table = _genes(plan, sizes, rng)
    contacts = _contacts(plan, table, rng)
    has_contact = table["gene_id"].isin(contacts["gene_id"]).to_numpy()
    states = _states(plan, rng)
    states[:, ~has_contact, NAMES.index("contact")] = 0
    noise = rng.normal(size=states.shape[:2])
    parts = []
    for cell, state, extra in zip(plan.cells, states, noise, strict=True):
        w = weights(cell) if not plan.only else np.isin(NAMES, plan.only).astype(float)
        total = (state @ w + NOISE * extra) / np.sqrt(w @ _covariance() @ w + NOISE**2)
        parts.append(np.clip(MEAN + SPREAD * total, 0, None))
    return World(plan, sizes, table, contacts, states, np.stack(parts))


def weights(cell: str) -> np.ndarray:
    """Return the weights (K,) of the states in a cell; active ones count less in the weak group."""
    found = np.array([WEIGHTS[name] for name in NAMES])
    if group_of(cell) == WEAK_GROUP:
        found[[name in WEAK_STATES for name in NAMES]] *= WEAK_FACTOR
    return found


def expected_r(
    marks: Sequence[str], cell: str, *, window: int = WINDOW, with_contacts: bool = True
) -> float:
    """Return the correlation that the best linear use of some marks reaches, were their states seen
    without noise.

    Parameters
    ----------
    marks : sequence of str
    window : int
        Width seen around the start site, in bp; a band counts if half of it is within.
    with_contacts : bool
        Whether the contact regions are seen.
    """
    seen = [mark for mark in marks if _share_within(BANDS[mark], window) >= 0.5]
    if "H3K27ac" in marks:
        seen += ["enhancer"] if window >= WINDOW else []
        seen += ["contact"] if with_contacts else []
    if not seen:
        return 0.0
    rows = [NAMES.index(name) for name in seen]
    matrix, w = _covariance(), weights(cell)
    toward = (matrix @ w)[rows]
    explained = toward @ np.linalg.solve(matrix[np.ix_(rows, rows)], toward)
    return float(np.sqrt(explained / (w @ matrix @ w + NOISE**2)))


def expected_screen(
    sets: Sequence[Sequence[str]], cells: Sequence[str], *, narrow: int, wide: int = WINDOW
) -> pd.DataFrame:
    """Return the planted correlation of every mark set, mean over cells: model, assay, r."""
    rows = []
    for marks in sets:
        near = [expected_r(marks, cell, window=narrow, with_contacts=False) for cell in cells]
        far = [expected_r(marks, cell, window=wide) for cell in cells]
        name = "-".join(marks)
        rows += [
            ("promoter", name, float(np.mean(near))),
            ("chromoformer", name, float(np.mean(far))),
        ]
    return pd.DataFrame(rows, columns=["model", "assay", "r"])


def expected_singles(
    marks: Sequence[str], cells: Sequence[str], *, window: int
) -> dict[str, float]:
    """Return mark → planted correlation of the mark alone, mean over cells; contacts count in the
    full window only."""
    found = {}
    for mark in marks:
        values = [
            expected_r([mark], cell, window=window, with_contacts=window >= WINDOW)
            for cell in cells
        ]
        found[mark] = float(np.mean(values))
    return found


def profile(mark: str, bin_size: int = 2_000) -> np.ndarray:
    """Return how much of a mark's planted effect on expression lies in each bin of the window, with
    its sign."""
    n = WINDOW // bin_size
    low = -WINDOW // 2 + bin_size * np.arange(n)
    band = BANDS[mark]
    inside = np.clip(np.minimum(low + bin_size, band[1]) - np.maximum(low, band[0]), 0, None)
    total = WEIGHTS[mark] * inside / (band[1] - band[0])
    if mark == "H3K27ac" and bin_size == 2_000:
        total[ENHANCER_BINS] += WEIGHTS["enhancer"] * enhancer_shares()
    return total


def enhancer_shares() -> np.ndarray:
    """Return the probability of each of `ENHANCER_BINS`; it falls with the distance."""
    distance = np.abs((ENHANCER_BINS + 0.5) * 2_000 - WINDOW / 2)
    share = np.exp(-distance / ENHANCER_REACH)
    return share / share.sum()


def _share_within(band: tuple[int, int], window: int) -> float:
    """Return the share of a band that is seen; a band that fills the window is seen whole."""
    low, high = max(band[0], -window // 2), min(band[1], window // 2)
    return max(high - low, 0) / min(band[1] - band[0], window)


def _covariance() -> np.ndarray:
    """Return the covariance (K, K) of the states."""
    rho = np.array([SHARED.get(name, 0.0) for name in NAMES])
    return np.outer(rho, rho) + np.diag(1 - rho**2)


def _states(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """Return (C, G, K) standard normal states, partly common to the cells."""
    shape = (plan.n_genes, len(NAMES))
    rho = np.array([SHARED.get(name, 0.0) for name in NAMES])

    def one() -> np.ndarray:
        return rho * rng.normal(size=(shape[0], 1)) + np.sqrt(1 - rho**2) * rng.normal(size=shape)

    common = one()
    own = np.stack([one() for _ in plan.cells])
    return np.sqrt(COMMON) * common + np.sqrt(1 - COMMON) * own


def _genes(plan: Plan, sizes: dict[str, int], rng: np.random.Generator) -> pd.DataFrame:
    """Spread genes over the chromosomes in proportion to their lengths, windows apart from each
    other."""
    share = np.array(list(sizes.values())) / sum(sizes.values()) * plan.n_genes
    counts = np.maximum(np.floor(share).astype(int), 2)
    while counts.sum() != plan.n_genes:  # what rounding left goes to, or comes from, the longest
        counts[np.argmax(share - counts) if counts.sum() < plan.n_genes else np.argmax(counts)] += (
            np.sign(plan.n_genes - counts.sum())
        )
    rows = []
    for (name, length), n in zip(sizes.items(), counts, strict=True):
        step = length // n
        if step < 2 * WINDOW:
            raise ValueError(f"{plan.n_genes} genes are too many: {name} has {length:,} bases")
        starts = step * np.arange(n) + WINDOW // 2 + 1_000 + rng.integers(0, 2_000, n)
        rows += [(name, int(start)) for start in starts]
    table = pd.DataFrame(rows, columns=["chrom", "start"])
    table.insert(0, "gene_id", [f"ENSG{i + 1:011d}" for i in range(len(table))])
    table["end"] = table["start"] + 1
    table["strand"] = np.where(rng.random(len(table)) < 0.5, "+", "-")
    table["enhancer"] = rng.choice(ENHANCER_BINS, len(table), p=enhancer_shares())
    return table


def _contacts(plan: Plan, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Place contact regions in the gap to the right of each gene's window."""
    rows = []
    for gene in table.itertuples():
        n = int(rng.integers(0, plan.max_partners + 1))
        lengths = rng.integers(1_500, 7_500, n)
        starts = gene.start + WINDOW // 2 + 1_000 + 8_000 * np.arange(n)
        scores = np.sort(rng.uniform(1.6, 6, n))[::-1]
        for start, length, score in zip(starts, lengths, scores, strict=True):
            rows.append((gene.gene_id, f"{gene.chrom}:{start}-{start + length}", round(score, 4)))
    return pd.DataFrame(rows, columns=["gene_id", "neighbour", "score"])
