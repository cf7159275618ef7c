"""A small simulated network for tests: gene ids without R, sources on disk, what the notebooks make
of them."""

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from lib.interactome import sources
from lib.report import published
from lib.run import store
from lib.simulate import network, states

SMALL = network.NetworkDesign(
    n_genes=320,
    module_size=12,
    n_cells=90,
    n_poor_cells=5,
    n_edges=1600,
    n_lines=30,
    n_landmarks=60,
    n_measured=150,
    n_signatures=40,
)
SEED = 5


@functools.cache
def gene_ids() -> pd.DataFrame:
    """Return made-up Ensembl and Entrez ids: every published gene, some more; every tenth symbol
    has two."""
    lists = published.gene_lists()
    known = [*lists["over_expression_targets"], *lists["regulatory_clusters"], *network.HUBS]
    symbols = list(dict.fromkeys([*known, *(f"GENE{i}A" for i in range(800))]))
    first = pd.DataFrame(
        {"ensembl": [f"ENSG{i:011d}" for i in range(len(symbols))], "symbol": symbols}
    )
    second = first.iloc[::10].assign(
        ensembl=[f"ENSG{i:011d}" for i in range(5000, 5000 + len(symbols[::10]))]
    )
    table = pd.concat([first, second], ignore_index=True)
    entrez = {symbol: str(i + 1) for i, symbol in enumerate(symbols)}
    return table.assign(entrez=table["symbol"].map(entrez))[["ensembl", "entrez", "symbol"]]


@functools.cache
def screened() -> pd.DataFrame:
    """Return 20 screened genes, 12 of them active in 3 groups; MOS and CXXC4 are among them."""
    genes = states.choose_genes(20, n_active=14)
    return states.states(genes, n_groups=3, n_active=14, rng=np.random.default_rng(SEED))


@functools.cache
def genes(design: network.NetworkDesign = SMALL) -> pd.DataFrame:
    """Return the genes of the network with their states."""
    return network.network_genes(
        screened(), gene_ids(), design=design, rng=np.random.default_rng([SEED, 0])
    )


def write(
    folder: Path, design: network.NetworkDesign = SMALL, **own: str
) -> dict[str, sources.Source]:
    """Write all sources below `folder` and return them as read."""
    made = network.write_sources(folder, screened(), gene_ids(), design=design, seed=SEED)
    sources.write(folder, made, own)
    return sources.read(folder)


def listed(folder, *, own=()):
    """Write a folder of sources, empty files all, of which some are the user's; one gene has a
    planted state."""
    made = {name: f"{name}.txt" for name in sources.NAMES}
    for name in made.values():
        store.write_text(folder / name, "")
    store.write_text(folder / sources.TRUTH, "gene,module,is_screened,s1\nJUN,m1,True,0.5\n")
    sources.write(folder, made, {name: str(folder / made[name]) for name in own})
