"""Measure what the scorecard compares: definitions, numbers of the paper's own run, and the planted
truth."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

from lib.interactome.sources import NO_MODULE
from lib.regulation import autoencoder, clusters, labels, links
from lib.regulation.autoencoder import Architecture
from lib.regulation.layout import normalised
from lib.report import published
from lib.stats import order
from lib.stats.intervals import mean_interval

N_GENES, N_LINKS = 249, 526  # the published interactome
K = 8  # clusters of Fig 3C

Measured = dict[str, float | int | str]
Intervals = dict[str, tuple[float, float]]


def definitions() -> Measured:
    """Measure what follows from the definitions of split and network, and from the published
    clusters.

    Returns
    -------
    dict of str to int or str
        `regulation.links.<part>` of 526 links, `regulation.parameters.<part>` of the paper's
        network, and `regulation.clusters.sizes`.
    """
    rng = np.random.default_rng(0)
    # sizes of a split depend on the numbers of genes and links alone
    pairs = np.vstack(np.triu_indices(N_GENES, k=1))
    split = links.split(
        pairs[:, rng.choice(pairs.shape[1], N_LINKS, replace=False)], N_GENES, rng=rng
    )
    with torch.device("meta"):  # sizes without numbers
        model = autoencoder.GraphAutoencoder(Architecture())
    parts = {
        "encoder": [model.convolutions, model.activations, model.latent],
        "features": [model.features],  # decoder, without weight in the main setting
        "clusters": [model.clusters],
    }
    counts = {
        f"regulation.parameters.{name}": sum(
            p.numel() for module in modules for p in module.parameters()
        )
        for name, modules in parts.items()
    }
    sizes = {
        f"regulation.links.{name}": getattr(split, name).shape[1]
        for name in ("train", "validation", "test")
    }
    lists = published.gene_clusters("regulatory_clusters").values()
    return {
        **sizes,
        **counts,
        "regulation.clusters.sizes": " ".join(str(len(genes)) for genes in lists),
    }


def figure_model(row: Mapping[str, float], curves: pd.DataFrame, table: pd.DataFrame) -> Measured:
    """Measure what the paper gives for its figure model; for the paper's sources only.

    Parameters
    ----------
    row : mapping
        Of `runs.metrics`, the run of the figures.
    curves, table : DataFrame
        From `clusters.curves` and `clusters.assign` with k = 8.

    Returns
    -------
    dict of str to float
        `regulation.run.*` (AUC, average precision, epochs, losses), silhouette and
        Calinski-Harabasz index by k, agreement with the published clusters
        (`regulation.published.*`).

    Raises
    ------
    InputError
        If fewer than two genes are in the published clusters, too.

    References
    ----------
    Image2Reg, Figs 3B and 3C.
    """
    names = {"auc": "test_auc", "ap": "test_ap", "n_epochs": "n_epochs", "best_epoch": "best_epoch"}
    names |= {f"{part}_loss": f"{part}_loss" for part in ("train", "val", "test")}
    measured: Measured = {f"regulation.run.{name}": row[column] for name, column in names.items()}
    by_k = curves.set_index("k")  # small networks may lack the larger k
    measured |= {
        f"regulation.silhouette.k{k}": float(by_k["silhouette"][k])
        for k in range(2, 11)
        if k in by_k.index
    }
    measured |= {
        f"regulation.calinski_harabasz.k{k}": float(by_k["calinski_harabasz"][k])
        for k in (7, K)
        if k in by_k.index
    }
    lists = published.gene_clusters("regulatory_clusters")
    known = pd.DataFrame(
        [(gene, name) for name, genes in lists.items() for gene in genes],
        columns=["gene", "cluster"],
    )
    # the two published solutions agree at an ARI of 0.46 with each other
    compared = clusters.agreement({"ours": table, "published": known}).iloc[0]
    return measured | {
        "regulation.published.ari": compared["ari"],
        "regulation.published.ami": compared["ami"],
    }


def with_planted(
    tables: Mapping[str, pd.DataFrame], modules: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Add the planted modules to the clusterings, if there are any.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Name → `gene`, `cluster`.
    modules : DataFrame
        `gene`, `module`; genes of no module are left out.

    Returns
    -------
    dict of str to DataFrame
        `tables` and, where modules are planted, `planted`.
    """
    known = modules[modules["module"] != NO_MODULE].rename(columns={"module": "cluster"})
    return {**tables, **({"planted": known[["gene", "cluster"]]} if len(known) else {})}


def planted(
    metrics: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    modules: pd.DataFrame,
    regulators: AnnData,
    known: Mapping[str, str],
) -> tuple[Measured, Intervals]:
    """Measure what a simulated network must give back: links, modules, and what Fig 3B is to show.

    Parameters
    ----------
    metrics : DataFrame
        `test_auc`, one row per run.
    tables : mapping of str to DataFrame
        Run → `gene`, `cluster`.
    modules : DataFrame
        `gene`, `module`.
    regulators, known
        As in `together`.

    Returns
    -------
    dict
        Values; the first two are means over runs, each of which has a link split of its own.
    dict
        95 % intervals of these means.
    """
    compared = clusters.agreement(with_planted(tables, modules))
    repeats = {
        "regulation.planted.link_auc": metrics["test_auc"],
        "regulation.planted.cluster_ari": compared.loc[compared["second"] == "planted", "ari"],
    }
    values, intervals = _means(repeats)  # each run has a link split of its own
    share = together(regulators, known)
    return values | (
        {"regulation.planted.together": round(share, 4)} if np.isfinite(share) else {}
    ), intervals


def planted_targets(metrics: pd.DataFrame) -> tuple[Measured, Intervals]:
    """Measure the AUC of held-out links over link splits, in each the mean of the settings that
    learn links.

    Parameters
    ----------
    metrics : DataFrame
        From `targets.table`.

    Returns
    -------
    dict
        The mean over link splits.
    dict
        Its 95 % interval, where there are two splits or more.
    """
    learnt = metrics[metrics["alpha"] > 0]  # settings without the link term do not learn links
    # settings first, so that each split weighs the same
    by_setting = learnt.groupby(["link_split", "setting"])["test_auc"].mean()
    return _means({"regulation.planted.target_auc": by_setting.groupby("link_split").mean()})


def _means(repeats: Mapping[str, pd.Series]) -> tuple[Measured, Intervals]:
    """Return mean and interval of each quantity over its repeats; nothing of one without
    repeats."""
    made = {name: values for name, values in repeats.items() if len(values)}
    # lower limit of the quantity: an adjusted Rand index may be negative
    low = {name: -1.0 if name.endswith("ari") else 0.0 for name in made}
    ends = {name: mean_interval(values, limits=(low[name], 1.0)) for name, values in made.items()}
    means = {name: round(float(values.mean()), 4) for name, values in made.items()}
    return means, {name: (round(end[0], 4), round(end[1], 4)) for name, end in ends.items() if end}


def signature_clusters(signatures: AnnData, nodes: pd.DataFrame, *, k: int) -> Measured:
    """Measure number and sizes of the CMap clusters of all covered genes; for the paper's sources
    only.

    Parameters
    ----------
    signatures : AnnData
        Over-expressed genes × landmark genes.
    nodes : DataFrame
        `gene` of the network.
    k : int
        Clusters (paper: 10).

    Returns
    -------
    dict of str to int or str
        `expression.cmap.covered`, `.clusters`, `.cluster_sizes` (largest first).

    Raises
    ------
    InputError
        If fewer than three genes have a signature.
    """
    sizes = pd.Series(
        labels.signature_clusters(signatures, nodes["gene"].tolist(), k=k)
    ).value_counts()
    return {
        "expression.cmap.covered": int(sizes.sum()),
        "expression.cmap.clusters": len(sizes),
        "expression.cmap.cluster_sizes": ", ".join(str(size) for size in sizes),
    }


def together(embeddings: AnnData, known: Mapping[str, str]) -> float:
    """Return the share of regulators whose nearest regulator is of the same gene-perturbation
    cluster.

    Regulators that are alone in their cluster take no part. Fig 3B is to show this.

    Parameters
    ----------
    embeddings : AnnData
        (N, L), named by gene.
    known : mapping of str to str
        Gene → gene-perturbation cluster.

    Returns
    -------
    float
        0 to 1, nearest by cosine; NaN where no cluster has two regulators.

    Raises
    ------
    InputError
        If a latent is zero or not finite.
    """
    genes = [gene for gene in embeddings.obs_names if gene in known]
    sizes = pd.Series([known[gene] for gene in genes], dtype=object).value_counts()
    # a singleton has no neighbour to find
    genes = [gene for gene in genes if sizes[known[gene]] > 1]
    if not genes:
        return float("nan")
    values = normalised(embeddings[genes])
    cosine = order.rounded(values @ values.T, scale=1)  # (R, R)
    np.fill_diagonal(cosine, -np.inf)  # no gene is its own neighbour
    names = np.array([known[gene] for gene in genes])
    return float((names[cosine.argmax(axis=1)] == names).mean())
