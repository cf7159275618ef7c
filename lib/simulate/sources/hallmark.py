"""Simulated gene sets in the GMT format: 50 sets as in Hallmark, some of them enriched in the
planted modules."""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.run import store

FILES = {"hallmark": "hallmark.gmt"}
N_SETS = 50
SETS_A_MODULE = 3
SIZE = 60  # genes of a set drawn at random


def write(
    folder: Path, genes: pd.DataFrame, gene_ids: pd.DataFrame, *, design, rng: np.random.Generator
) -> dict[str, str]:
    """Write one gene set per line: name, description, genes.

    Each module has three sets with the wanted share of its genes, topped up at random; the other
    sets are random.

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
    names = genes["gene"].to_numpy(str)
    modules = [module for module in genes["module"].unique() if module != "none"]
    planted = [module for module in modules for _ in range(SETS_A_MODULE)][:N_SETS]
    lines = []
    for i in range(N_SETS):
        drawn = rng.random(len(names)) < SIZE / len(names)
        if i < len(planted):
            in_module = (genes["module"] == planted[i]).to_numpy()  # (genes,)
            drawn = np.where(
                in_module,
                rng.random(len(names)) < design.hallmark_share,
                drawn & (rng.random() < 0.5),
            )
        if not drawn.any():
            drawn[rng.integers(len(names))] = True
        title = planted[i].upper().replace(" ", "_") if i < len(planted) else "RANDOM"
        lines.append(
            "\t".join(
                [f"HALLMARK_SIMULATED_{i + 1:02d}_{title}", "simulated", *sorted(names[drawn])]
            )
        )
    store.write_text(folder / FILES["hallmark"], "\n".join(lines) + "\n")
    return FILES
