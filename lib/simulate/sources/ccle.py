"""Simulated CCLE expression: cell lines × `SYMBOL (ENTREZ)`, log2(TPM + 1), and the table of the
lines."""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.run import store
from lib.simulate.sources import kernel
from lib.simulate.sources.ppi import HUB_REACH

FILES = {"ccle_expression": "ccle_expression.csv", "ccle_sample_info": "ccle_sample_info.csv"}
TARGET = "U2OS"
MISSING_SHARE = 0.02  # of background genes that the table lacks
MARKERS = (
    8.65,
    7.44,
    6.98,
)  # the largest log2 fold changes of the real screen, planted in the background
N_UNLISTED = 2  # lines that the sample table lacks


def write(
    folder: Path, genes: pd.DataFrame, gene_ids: pd.DataFrame, *, design, rng: np.random.Generator
) -> dict[str, str]:
    """Write expression and sample table of cell lines.

    Module genes differ more between U2OS and the other lines, by the length of their state; the
    members of a module go the same way.

    Parameters
    ----------
    folder : Path
        Where the files go.
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
    ids = gene_ids.drop_duplicates("symbol").set_index("symbol")["entrez"]
    is_background = ((genes["module"] == "none") & ~genes["is_screened"]).to_numpy()
    genes = genes[~(is_background & (rng.random(len(genes)) < MISSING_SHARE))].reset_index(
        drop=True
    )
    has_module = (genes["module"] != "none").to_numpy()
    level = np.where(has_module, rng.normal(4.5, 0.8, len(genes)), rng.normal(2.5, 2.5, len(genes)))
    spread = rng.uniform(0.5, 1.5, len(genes))
    values = level + spread * rng.normal(size=(design.n_lines, len(genes)))  # (lines, genes)
    values[0] = level + _shift(genes, level, design=design, rng=rng)  # U2OS
    lines = _lines(design.n_lines, rng=rng)
    columns = [f"{gene} ({ids.get(gene, 900_000 + i)})" for i, gene in enumerate(genes["gene"])]
    # no reader may rely on the order of genes or lines
    order, rows = rng.permutation(len(genes)), rng.permutation(design.n_lines)
    table = pd.DataFrame(
        np.maximum(values, 0).round(6)[rows][:, order], index=lines["DepMap_ID"].to_numpy()[rows]
    )
    table.columns = [columns[i] for i in order]
    store.write_table(folder / FILES["ccle_expression"], table, index=True)
    store.write_table(
        folder / FILES["ccle_sample_info"], lines.drop(index=range(1, 1 + N_UNLISTED))
    )
    return FILES


def _shift(
    genes: pd.DataFrame, level: np.ndarray, *, design, rng: np.random.Generator
) -> np.ndarray:
    """Return the log2 fold change of U2OS for every gene, (genes,)."""
    module = pd.factorize(genes["module"])[0]
    sign = rng.choice([-1.0, 1.0], module.max() + 1)[module]
    size = design.marker_effect * kernel.strength(genes) * rng.uniform(0.75, 1.25, len(genes))
    background = rng.laplace(0, 0.35, len(genes))
    shift = np.where(genes["module"] != "none", sign * size, background)
    is_quiet = (
        (genes["module"] == "none") & ~genes["is_screened"] & ~genes["gene"].isin(list(HUB_REACH))
    )
    quiet = np.flatnonzero(is_quiet & (level > 0.5) & (level < 3))
    shift[quiet[: len(MARKERS)]] = MARKERS
    return shift


def _lines(n: int, *, rng: np.random.Generator) -> pd.DataFrame:
    """Return the table of cell lines, U2OS first; names other than U2OS's are invented."""
    names = [TARGET, *(f"SIM{i:03d}" for i in range(1, n))]
    return pd.DataFrame(
        {
            "DepMap_ID": [
                f"ACH-{i:06d}" for i in np.sort(rng.choice(np.arange(1, 3000), n, replace=False))
            ],
            "cell_line_name": ["U-2 OS", *(f"SIM-{i:03d}" for i in range(1, n))],
            "stripped_cell_line_name": names,
            "CCLE_Name": [f"{names[0]}_BONE", *(f"{name}_SIMULATED" for name in names[1:])],
            "lineage": ["bone", *["simulated"] * (n - 1)],
        }
    )
