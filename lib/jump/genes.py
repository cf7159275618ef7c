"""Which genes the translation learns from, which it looks for, and which of these are reported."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.data import h5ad
from lib.data.errors import InputError
from lib.jump.metadata import CONTROL
from lib.regulation import tables
from lib.stats import order
from lib.translation import inputs
from lib.translation.inputs import Problem


def read_network(
    path: str | os.PathLike, nodes_path: str | os.PathLike
) -> tuple[pd.DataFrame, pd.Series, list[str]]:
    """Read the regulatory embeddings, their clusters, and which genes are regulators.

    Parameters
    ----------
    path : path
        `.h5ad`, obs_names = genes, obs `cluster`.
    nodes_path : path
        CSV with `gene` and `is_regulator`.

    Returns
    -------
    DataFrame, (G, R)
        Index = gene.
    Series
        Gene → cluster.
    list of str
        Genes whose images train a network.

    Raises
    ------
    InputError
        If a file cannot be read, or the embeddings have no clusters.
    """
    found = h5ad.read(path)
    if "cluster" not in found.obs:
        raise InputError("the regulatory embeddings have no clusters", file=path)
    values = pd.DataFrame(np.asarray(found.X, float), index=found.obs_names.astype(str))
    nodes = tables.read_nodes(nodes_path)
    regulators = nodes.loc[nodes["is_regulator"], "gene"].tolist()
    return values, found.obs["cluster"].set_axis(values.index), regulators


def split_genes(
    images: pd.DataFrame, regulatory: pd.DataFrame, regulators: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the genes to learn from and those to look for.

    Parameters
    ----------
    images : DataFrame
        Index = condition; the control takes no part.
    regulatory : DataFrame
        Index = gene.
    regulators : sequence of str
        Genes whose images the network was trained on, and whose pairs are known.

    Returns
    -------
    list of str, list of str
        Training and test genes with both embeddings, sorted.

    Raises
    ------
    InputError
        For fewer than three training genes, or no test gene.
    """
    both = sorted(set(images.index) & set(regulatory.index) - {CONTROL})
    train = [gene for gene in both if gene in set(regulators)]
    test = [gene for gene in both if gene not in set(regulators)]
    if len(train) < 3 or not test:
        raise InputError(
            f"{len(train)} training and {len(test)} test genes have both embeddings; three to "
            "learn from and one to look for are needed"
        )
    return train, test


def problems(
    images: pd.DataFrame, regulatory: pd.DataFrame, train: Sequence[str], test: Sequence[str]
) -> list[Problem]:
    """Return one problem per test gene, all with the same genes to learn from.

    Parameters
    ----------
    images, regulatory : DataFrame
        Index = gene.
    train, test : sequence of str
        From `split_genes`.

    Returns
    -------
    list of Problem

    Raises
    ------
    InputError
        As `lib.translation.inputs.problem`.
    """
    return [inputs.problem(gene, images, regulatory, shared=[*train, gene]) for gene in test]


def evaluation_sets(
    clusters: pd.Series, train: Sequence[str], test: Sequence[str], *, n_sets: int = 4
) -> pd.DataFrame:
    """Return nested sets of test genes, those of poorly trained clusters dropped first.

    All clusters without a training gene go first, then one by one those with the fewest training
    genes per test gene.

    Parameters
    ----------
    clusters : Series
        Gene → regulatory cluster.
    train, test : sequence of str
    n_sets : int
        Sets, the first of which drops nothing.

    Returns
    -------
    DataFrame
        One row per set: `set`, `dropped` (clusters), `n_test`, `test` (genes).

    References
    ----------
    Image2Reg, Fig 4C: none, {0, 3}, {0, 3, 7}, {0, 3, 7, 1}; the third is reported, 76 genes.
    """
    counts = cluster_counts(clusters, train, test).set_index("cluster")
    ratio = counts["train"] / counts["test"].clip(lower=1)
    # equal ratios by their number; a ratio is a fraction of small numbers, so it is exact enough
    ranked = [counts.index[i] for i in order.ascending(ratio.to_numpy()[None])[0]]
    bare = [one for one in ranked if counts.at[one, "train"] == 0]
    steps = ([bare] if bare else []) + [[one] for one in ranked if one not in bare]
    rows, dropped = [], []
    for number in range(min(n_sets, len(steps))):
        dropped = dropped + (steps[number - 1] if number else [])
        kept = [gene for gene in test if clusters[gene] not in dropped]
        rows.append([number, dropped, len(kept), kept])
    table = pd.DataFrame(rows, columns=["set", "dropped", "n_test", "test"])
    return table[table["n_test"] > 0]


def cluster_counts(clusters: pd.Series, train: Sequence[str], test: Sequence[str]) -> pd.DataFrame:
    """Count training and test genes of every regulatory cluster.

    Parameters
    ----------
    clusters : Series
        Gene → cluster.
    train, test : sequence of str

    Returns
    -------
    DataFrame
        One row per cluster: `cluster`, `genes`, `train`, `test`.

    Raises
    ------
    InputError
        If a gene has no cluster.
    """
    absent = [gene for gene in (*train, *test) if gene not in clusters.index]
    if absent:
        raise InputError(f"{absent[0]} has no regulatory cluster; make the clusters anew")
    names = sorted(clusters.unique())
    parts = {"genes": clusters, "train": clusters[list(train)], "test": clusters[list(test)]}
    counted = {
        name: part.value_counts().reindex(names, fill_value=0) for name, part in parts.items()
    }
    return pd.DataFrame(counted).rename_axis("cluster").reset_index()
