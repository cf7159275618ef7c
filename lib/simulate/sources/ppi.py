"""A simulated protein interactome with the costs, ties and hubs of iRefIndex."""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.run import store
from lib.simulate.sources import kernel
from lib.stats import order

FILES = {"ppi": "ppi.txt"}
TIES = (0.594442, 0.598835)  # two costs that 7.4 % and 36 % of the real edges share
SHARES = (0.371, 0.074, 0.360, 0.195)  # of edges below, at the first, at the second, above
QUANTILES = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1)
# real quantiles below the first tie
LOW_COSTS = (0.00078, 0.0399, 0.1184, 0.2216, 0.377, 0.4436, 0.493, 0.5611, 0.5895)
HIGH_COSTS = (0.63215, 0.654948, 0.765937, 0.85922)
HIGH_SHARES = (0.12, 0.53, 0.16, 0.19)
HUB_REACH = {
    "UBC": 0.45,
    "APP": 0.12,
    "SUMO2": 0.08,
    "TP53": 0.05,
    "EGFR": 0.05,
    "SUMO1": 0.05,
    "EP300": 0.04,
    "HDAC1": 0.04,
}
ONLY_UBC = "CXXC4"  # linked to UBC alone, as in the real file: lost with the hubs
N_SELF_LOOPS = 4


def write(
    folder: Path, genes: pd.DataFrame, gene_ids: pd.DataFrame, *, design, rng: np.random.Generator
) -> dict[str, str]:
    """Write the table of interactions `protein1 protein2 cost`, tab-separated.

    One connected component, no pair twice, a few self-loops. Members of a module are linked to
    those with near states, and to some of other modules, by confident (cheap) edges; every screened
    gene has a confident partner in the background.

    Parameters
    ----------
    folder : Path
        Where the file goes.
    genes : DataFrame
        `gene`, `module`, `is_screened`, `s1` … `s6`, from `lib.simulate.network.network_genes`.
    gene_ids : DataFrame
        Not used: this source names genes by symbol.
    design : NetworkDesign
        Sizes, effects and noise.
    rng : Generator

    Returns
    -------
    dict of str to str
        Name of the source → file below `folder`.
    """
    names = genes["gene"].str.upper().to_numpy(str)
    lonely = names == ONLY_UBC
    module = np.vstack(
        [draw(genes[~lonely], design=design, rng=rng) for draw in (_module_pairs, _crosstalk_pairs)]
    )
    module = np.flatnonzero(~lonely)[module]
    confident = _confident_pairs(genes, lonely, rng=rng)
    other = _background_pairs(
        names, lonely, n=design.n_edges - len(module) - len(confident), rng=rng
    )
    pairs = np.vstack([module, confident, other])
    is_planted = np.arange(len(pairs)) < len(module) + len(confident)  # (pairs,), these come first
    costs = _costs(is_planted, rng=rng)
    keys = np.sort(pairs, axis=1) @ [len(names), 1]
    kept = np.unique(keys, return_index=True)[1]  # the first of a pair drawn twice
    loops = rng.choice(np.flatnonzero(~lonely), N_SELF_LOOPS, replace=False)
    pairs = np.vstack([pairs[kept], np.column_stack([loops, loops])])
    pairs = rng.permuted(pairs, axis=1)
    costs = np.append(costs[kept], np.full(N_SELF_LOOPS, TIES[1]))
    table = pd.DataFrame(
        {"protein1": names[pairs[:, 0]], "protein2": names[pairs[:, 1]], "cost": costs}
    )
    table = table.iloc[rng.permutation(len(table))]
    store.write_text(
        folder / FILES["ppi"],
        table.to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n"),
    )
    return FILES


def _module_pairs(genes: pd.DataFrame, *, design, rng: np.random.Generator) -> np.ndarray:
    """Return pairs of members of one module, (pairs, 2) row numbers: near states first, each member
    linked."""
    module = pd.factorize(genes["module"].where(genes["module"] != "none"))[0]  # −1: no module
    near = np.triu(kernel.similarity(genes, scale=design.state_scale), 1)  # (genes, genes)
    near *= (module[:, None] == module) & (module[:, None] >= 0)
    first, second = np.nonzero(near)
    n_wanted = round(design.module_degree * (module >= 0).sum() / 2)
    chance = near[first, second] / near.sum()
    drawn = rng.choice(len(first), min(n_wanted, len(first)), replace=False, p=chance)
    best = np.maximum(near, near.T)  # symmetric again
    members = np.flatnonzero(module >= 0)
    nearest = np.column_stack([members, order.rounded(best[members]).argmax(axis=1)])
    return np.vstack([np.column_stack([first, second])[drawn], nearest])


def _crosstalk_pairs(genes: pd.DataFrame, *, design, rng: np.random.Generator) -> np.ndarray:
    """Return pairs of members of two modules, (pairs, 2) row numbers, whatever their states."""
    module = pd.factorize(genes["module"].where(genes["module"] != "none"))[0]  # −1: no module
    first, second = np.nonzero(
        np.triu((module[:, None] != module) & (module[:, None] >= 0) & (module >= 0))
    )
    n_wanted = round(design.crosstalk * (module >= 0).sum() / 2)
    drawn = rng.choice(len(first), min(n_wanted, len(first)), replace=False)
    return np.column_stack([first, second])[drawn]


def _confident_pairs(
    genes: pd.DataFrame, lonely: np.ndarray, *, rng: np.random.Generator
) -> np.ndarray:
    """Link every gene with a module and every screened one to one or two genes of the background's
    core."""
    linked = np.flatnonzero((genes["is_screened"] | (genes["module"] != "none")) & ~lonely)
    names = genes["gene"].to_numpy(str)
    core = np.flatnonzero(
        (genes["module"] == "none") & ~genes["is_screened"] & ~np.isin(names, list(HUB_REACH))
    )[:60]
    ring = np.column_stack([core, np.roll(core, 1)])  # the core hangs together
    first = np.column_stack([linked, rng.choice(core, len(linked))])
    only = np.column_stack(
        [np.flatnonzero(lonely), np.flatnonzero(names == "UBC")[[0] * lonely.sum()]]
    )
    return np.vstack([first, ring, only])


def _background_pairs(
    names: np.ndarray, lonely: np.ndarray, *, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Return pairs at random, (pairs, 2): each gene once, the hubs' share, the rest by a
    heavy-tailed weight."""
    free = np.flatnonzero(~lonely)
    weight = rng.pareto(2.2, len(free)) + 0.3
    weight /= weight.sum()
    every = np.column_stack(
        [free[1:], free[(rng.random(len(free) - 1) * np.arange(1, len(free))).astype(int)]]
    )
    hubs = [(hub, share) for hub, share in HUB_REACH.items() if hub in names]
    stars = [
        np.column_stack(
            [np.full(k, np.flatnonzero(names == hub)[0]), rng.choice(free, k, replace=False)]
        )
        for hub, share in hubs
        for k in [round(share * len(free))]
    ]
    spanned = np.vstack([every, *stars])
    rest = rng.choice(free, (max(0, n - len(spanned)) * 2, 2), p=weight)
    pairs = np.vstack([spanned, rest])
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    keys = np.sort(pairs, axis=1) @ [len(names), 1]
    kept = np.sort(np.unique(keys, return_index=True)[1])
    return pairs[kept][:n]


def _costs(is_planted: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Draw costs, (edges,): the real distribution with its ties for the background, confident ones
    for the planted."""
    n = len(is_planted)
    low = np.interp(rng.random(n), QUANTILES, LOW_COSTS)
    kind = rng.choice(4, n, p=SHARES)
    high = rng.choice(HIGH_COSTS, n, p=HIGH_SHARES)
    background = np.select([kind == 0, kind == 1, kind == 2], [low, TIES[0], TIES[1]], high)
    return np.where(is_planted, low * 0.8, background)
