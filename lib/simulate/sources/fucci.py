"""Simulated FUCCI single-cell counts: cells × Ensembl ids, raw, as in the real CSV."""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.run import store
from lib.simulate.sources import kernel

FILES = {"fucci_counts": "fucci_counts.csv"}
UNDETECTED = ("MOS",)  # the regulator that the paper loses between expression and interactome
MISSING_SHARE = 0.03  # of background genes that the counts lack
EXTRA_SHARE = 4 / 15  # genes outside the interactome, as a share of those in it
N_UNNAMED = 40  # Ensembl ids that have no symbol
CYCLE_SHARE = 0.15  # of background genes that follow one common factor


def write(
    folder: Path, genes: pd.DataFrame, gene_ids: pd.DataFrame, *, design, rng: np.random.Generator
) -> dict[str, str]:
    """Write raw counts, cells × Ensembl ids.

    The log expression of module genes over cells is a Gaussian process over their states: genes
    with near states are correlated. Some cells are poor, some genes hardly detected, some symbols
    have several Ensembl ids.

    Parameters
    ----------
    folder : Path
        Where the file goes.
    genes : DataFrame
        `gene`, `module`, `is_screened`, `s1` … `s6`, from `lib.simulate.network.network_genes`.
    gene_ids : DataFrame
        `ensembl`, `entrez`, `symbol`.
    design : NetworkDesign
        Sizes, effects and noise.
    rng : Generator

    Returns
    -------
    dict of str to str
        Name of the source → file below `folder`.
    """
    columns = _columns(genes, gene_ids, rng=rng)
    log_mean = _log_mean(columns, design=design, rng=rng)
    n_cells = design.n_cells + design.n_poor_cells
    depth = rng.normal(0, 0.25, n_cells)  # log of a cell's sequencing depth
    depth[rng.choice(n_cells, design.n_poor_cells, replace=False)] -= np.log(400)
    log_rate = (
        log_mean + depth[:, None] + 0.7 * _programme(columns, n_cells, design=design, rng=rng)
    )
    counts = rng.poisson(np.exp(np.minimum(log_rate, 12)))  # (cells, columns)
    names = [
        f"{row}{well}_{355 + plate}"
        for plate in range(3)
        for row in "ABCDEFGHIJKLMNOP"
        for well in range(1, 25)
    ]
    cells = [
        names[i % len(names)] + ("" if i < len(names) else f"-{i // len(names)}")
        for i in range(n_cells)
    ]
    order = rng.permutation(len(columns))
    order = order[
        np.argsort((columns["kind"] == "twin").to_numpy()[order], kind="stable")
    ]  # the first id counts
    table = pd.DataFrame(
        counts[:, order], index=cells, columns=columns["ensembl"].to_numpy()[order]
    )
    store.write_table(folder / FILES["fucci_counts"], table, index=True)
    return FILES


def _columns(
    genes: pd.DataFrame, gene_ids: pd.DataFrame, *, rng: np.random.Generator
) -> pd.DataFrame:
    """Return one row a column of the counts: `ensembl`, `symbol`, `kind` and, for genes of the
    network, the state."""
    is_background = (genes["module"] == "none") & ~genes["is_screened"]
    lost = is_background & (rng.random(len(genes)) < MISSING_SHARE)
    known = genes[~lost].merge(
        gene_ids.drop_duplicates("ensembl"), left_on="gene", right_on="symbol"
    )
    twins = known["symbol"].duplicated()  # later Ensembl ids of a symbol
    known["kind"] = np.select([twins, known["module"] != "none"], ["twin", "module"], "background")
    known.loc[known["symbol"].isin(UNDETECTED) & ~twins, "kind"] = "undetected"
    free = (
        gene_ids[~gene_ids["symbol"].isin(genes["gene"])]
        .drop_duplicates("symbol")
        .drop_duplicates("ensembl")
    )
    extra = free.iloc[
        np.sort(rng.choice(len(free), round(EXTRA_SHARE * len(genes)), replace=False))
    ].assign(kind="extra")
    unnamed = pd.DataFrame(
        {"ensembl": [f"ENSG00009{i:06d}" for i in range(N_UNNAMED)], "kind": "extra"}
    )
    return pd.concat([known, extra, unnamed], ignore_index=True)


def _log_mean(columns: pd.DataFrame, *, design, rng: np.random.Generator) -> np.ndarray:
    """Return the natural log of the mean count of every column, (columns,)."""
    kind = columns["kind"].to_numpy()
    drawn = rng.normal(size=len(columns))
    return np.select(
        [kind == "module", kind == "background", kind == "extra", kind == "twin"],
        [
            np.log(60) + 0.5 * drawn,
            np.log(15) + 1.5 * drawn,
            np.log(2) + 2.5 * drawn,
            np.log(0.05) + drawn,
        ],
        np.log(0.1 / design.n_cells),
    )


def _programme(
    columns: pd.DataFrame, n_cells: int, *, design, rng: np.random.Generator
) -> np.ndarray:
    """Return standardised log expression over cells, (cells, columns): states for modules, noise
    for all others."""
    values = rng.normal(size=(n_cells, len(columns)))
    module = np.flatnonzero(columns["kind"] == "module")
    # (cells, module genes)
    follows = kernel.correlated(columns.iloc[module], n_cells, scale=design.state_scale, rng=rng)
    share = design.expression_share
    values[:, module] = np.sqrt(share) * follows + np.sqrt(1 - share) * values[:, module]
    # a factor that has nothing to do with the modules, such as the cell cycle
    cycle = np.flatnonzero(
        (columns["kind"] == "background") & (rng.random(len(columns)) < CYCLE_SHARE)
    )
    values[:, cycle] = np.sqrt(0.8) * values[:, cycle] + np.sqrt(0.2) * rng.normal(
        size=(n_cells, 1)
    )
    return values
