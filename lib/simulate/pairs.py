"""Draw paired image and regulatory embeddings of genes from their latent states: a translation with
a planted truth.

Both embeddings of a gene are linear images of its latent state with noise. Without an effect the
images carry no state, so nothing can be translated and every method is at chance.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import h5ad
from lib.run import store
from lib.simulate.states import DIMENSIONS


@dataclass(frozen=True)
class Pairs:
    """Embeddings of one world.

    Parameters
    ----------
    images : DataFrame, (screened genes, D)
        Index = gene, sorted.
    regulatory : DataFrame, (genes, R)
        Index = gene.
    """

    images: pd.DataFrame
    regulatory: pd.DataFrame


def draw(
    states: pd.DataFrame,
    screened: Sequence[str],
    *,
    rng: np.random.Generator,
    effect: float = 1.0,
    sizes: tuple[int, int] = (64, 64),
    noise: tuple[float, float] = (0.5, 0.5),
) -> Pairs:
    """Draw the embeddings of one world.

    Parameters
    ----------
    states : DataFrame
        `gene`, `s1` … `s6`, one row per gene of the network.
    screened : sequence of str
        Genes that have images.
    rng : Generator
    effect : float
        Factor of the states in the images; 0 = images without information.
    sizes : pair of int
        Dimensions of image and regulatory embeddings.
    noise : pair of float
        SD of the noise in every dimension of either; one unit of a state moves an embedding by a
        length of about 2.4.

    Returns
    -------
    Pairs

    Raises
    ------
    ValueError
        For a screened gene without a state.
    """
    table = states.set_index("gene")[list(DIMENSIONS)].astype(float)
    unknown = sorted(set(screened) - set(table.index))
    if unknown:
        raise ValueError(
            f"{unknown[0]} has no latent state; screened genes must be among the {len(table)} given"
        )
    shown = table.loc[sorted(screened)]  # (screened genes, 6)
    images = effect * shown.to_numpy() @ _loadings(sizes[0], rng)
    images += rng.normal(size=sizes[0]) + noise[0] * rng.normal(
        size=images.shape
    )  # a common place, then noise
    regulatory = table.to_numpy() @ _loadings(sizes[1], rng)  # (genes, R)
    regulatory += noise[1] * rng.normal(size=regulatory.shape)
    return Pairs(
        pd.DataFrame(images, index=shown.index), pd.DataFrame(regulatory, index=table.index)
    )


def write(
    pairs: Pairs,
    directory: str | os.PathLike,
    *,
    settings: Sequence[str] = ("physical",),
    nuclei: int = 3,
) -> Path:
    """Write a world in the layout of a run.

    Every gene with both embeddings is a target. Nuclei of a condition have its embedding as their
    mean.

    Parameters
    ----------
    pairs : Pairs
    directory : path
        Gets `leave_one_target_out/<target>.h5ad` and `regulatory_targets/<setting>/<target>.h5ad`.
    settings : sequence of str
        Regulatory settings, all with the same embeddings.
    nuclei : int
        Nuclei per condition.

    Returns
    -------
    Path
        The absolute path of the folder.
    """
    import anndata

    folder = store.resolve(directory)
    targets = [gene for gene in pairs.images.index if gene in pairs.regulatory.index]
    names = np.repeat([*pairs.images.index, "EMPTY"], nuclei)  # condition of each nucleus
    values = np.vstack([pairs.images, np.zeros((1, pairs.images.shape[1]))]).repeat(nuclei, axis=0)
    # nuclei spread evenly about the mean of their condition, which stays
    values += np.tile(np.linspace(-1, 1, nuclei), len(names) // nuclei)[:, None]
    ids = [f"n{i}" for i in range(len(names))]
    dimensions = pd.DataFrame(index=[f"zs_{i}" for i in range(values.shape[1])])
    network = anndata.AnnData(
        pairs.regulatory.to_numpy(np.float32), obs=pd.DataFrame(index=pairs.regulatory.index)
    )
    for target in targets:
        obs = pd.DataFrame(
            {
                "nucleus_id": ids,
                "labels": names,
                "split": np.where(names == target, "out", "train"),
            },
            ids,
        )
        found = anndata.AnnData(values.astype(np.float32), obs=obs, var=dimensions)
        h5ad.write(folder / f"leave_one_target_out/{target}.h5ad", found)
        for setting in settings:
            h5ad.write(folder / f"regulatory_targets/{setting}/{target}.h5ad", network)
    return folder


def _loadings(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return directions of the state dimensions in an embedding, (6, size)."""
    return rng.normal(size=(len(DIMENSIONS), size)) / np.sqrt(size) * np.sqrt(len(DIMENSIONS))
