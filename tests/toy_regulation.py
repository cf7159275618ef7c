"""A small network with planted modules, and expression that follows them."""

import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data import h5ad


def network(
    n_modules: int = 5,
    size: int = 24,
    *,
    inside: float = 0.16,
    between: float = 0.006,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return nodes (gene, is_regulator, module) and links (gene_a, gene_b); four regulators a
    module."""
    rng = np.random.default_rng(seed)
    modules = np.repeat(np.arange(n_modules), size)
    genes = [f"G{module}{chr(65 + i % size)}" for i, module in enumerate(modules)]
    chance = np.where(modules[:, None] == modules, inside, between)
    chance[np.arange(len(genes) - 1), np.arange(1, len(genes))] = 1.0  # one component
    a, b = np.nonzero(np.triu(rng.random(chance.shape) < chance, k=1))
    nodes = pd.DataFrame(
        {"gene": genes, "is_regulator": np.arange(len(genes)) % size < 4, "module": modules}
    )
    return nodes, pd.DataFrame({"gene_a": np.array(genes)[a], "gene_b": np.array(genes)[b]})


def expression(nodes: pd.DataFrame, *, n_cells: int = 200, seed: int = 0) -> AnnData:
    """Return log-expression (cells, genes); genes of a module share what changes from cell to
    cell."""
    rng = np.random.default_rng(seed)
    programs = rng.normal(size=(n_cells, nodes["module"].max() + 1))
    values = 3 + rng.normal(0, 1, len(nodes)) + 0.8 * programs[:, nodes["module"]]
    values = np.maximum(values + rng.normal(0, 0.8, values.shape), 0)
    return AnnData(
        values.astype(np.float32),
        obs=pd.DataFrame(index=[f"c{i}" for i in range(n_cells)]),
        var=pd.DataFrame(index=nodes["gene"].to_numpy(object)),
    )


def gene_sets(nodes: pd.DataFrame) -> dict[str, list[str]]:
    """Return a set for each module: half its genes."""
    return {f"SET_{number}": rows["gene"].tolist()[::2] for number, rows in nodes.groupby("module")}


def labels(nodes: pd.DataFrame) -> dict[str, str]:
    """Return the module of every regulator as its cluster."""
    regulators = nodes[nodes["is_regulator"]]
    return dict(zip(regulators["gene"], regulators["module"].astype(str), strict=True))


def image_embeddings(
    nodes: pd.DataFrame, path, *, out: list[str], n_nuclei: int = 12, seed: int = 0
) -> None:
    """Write embeddings of nuclei of all regulators and the control, as a network trained without
    `out` gives them."""
    rng = np.random.default_rng(seed)
    regulators = nodes[nodes["is_regulator"]]
    centres = np.vstack(
        [np.zeros(8), 5 * np.random.default_rng(1).normal(size=(nodes["module"].max() + 1, 8))]
    )
    conditions = {"EMPTY": 0} | dict(zip(regulators["gene"], regulators["module"] + 1, strict=True))
    symbols = np.repeat(list(conditions), n_nuclei)
    values = centres[np.repeat(list(conditions.values()), n_nuclei)] + rng.normal(
        size=(len(symbols), 8)
    )
    parts = np.tile(
        np.repeat(["train", "val", "test"], [n_nuclei - 4, 2, 2]), len(conditions)
    ).astype(object)
    obs = pd.DataFrame(
        {
            "nucleus_id": [f"n{i}" for i in range(len(symbols))],
            "gene_symbol": symbols.astype(object),
            "labels": symbols.astype(object),
            "fold": 0,
            "split": np.where(np.isin(symbols, out), "out", parts).astype(object),
        }
    )
    var = pd.DataFrame(index=[f"zs_{i}" for i in range(8)])
    h5ad.write(
        path,
        AnnData(values.astype(np.float32), obs=obs.set_index("nucleus_id", drop=False), var=var),
    )
