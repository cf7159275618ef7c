"""The unit of the regulatory embeddings, for `lib.run.compute.run_units`: one autoencoder, one file
of latents.

A killed unit goes on from the checkpoint that lies beside its file. The numbers depend on the
unit's seed and arguments only. The trained network lies inside the unit's file; `read_network`
gives it.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data import h5ad
from lib.learning.training import Settings
from lib.learning.weights import Card, as_uns, from_h5ad, load, pack, read_card
from lib.regulation import links
from lib.regulation.autoencoder import Architecture, GraphAutoencoder, Weights, build
from lib.regulation.fitting import Embedded, Problem, class_numbers, embed
from lib.run import store

COLUMNS = (
    "n_labelled",
    "n_classes",
    "best_epoch",
    "n_epochs",
    "train_loss",
    "val_loss",
    "test_loss",
    "train_acc",
    "train_links",
    "val_links",
    "test_links",
    "test_auc",
    "test_ap",
)
"""What a table of runs shows: sizes, epochs, losses (that of links alone too), accuracy of the
clusters, AUC, AP."""


def embedding_run(
    part: Path,
    *,
    seed: int,
    features_path: Path,
    links_path: Path,
    labels: Mapping[str, str],
    weights: Mapping[str, float],
    size: int,
    settings: Mapping[str, Any],
    split_seed: int | None = None,
    keep_weights: bool = True,
) -> None:
    """Train an autoencoder; write the latents of all genes, not normalised, as `.h5ad`.

    Parameters
    ----------
    part : Path
        File that is written; a checkpoint lies beside it until it is done.
    seed : int
        Of first weights and training negatives.
    features_path, links_path : Path
        Node features (`features.node_features` as `.h5ad`); table of links.
    labels : mapping of str to str
        Gene → cluster; used only if the cluster term has a weight.
    weights, settings : mapping
        Arguments of `Weights` and `training.Settings`.
    size : int
        Width of hidden layers and latent space (paper: 1024).
    split_seed : int, optional
        Seed of the split of the links, for runs that are to be compared on the same links; default
        the unit's.
    keep_weights : bool
        Whether the file holds the trained network, too; 20 MB at the paper's width.

    Raises
    ------
    InputError
        As `links.from_table` and `fitting.embed`.
    ValueError
        For a weight or setting out of its range.
    """
    features = h5ad.read(features_path)
    genes = features.obs_names
    terms = Weights(**weights)
    used = labels if terms.gamma else {}  # without a cluster term the network has no cluster head
    problem = Problem(
        features.X, links.from_table(pd.read_csv(links_path), genes), class_numbers(used, genes)
    )
    checkpoint = _checkpoint(part)
    # the paper's, unless told otherwise
    chosen = Settings(**{"weight_decay": 0.0, "score": "loss", **settings})
    embedded = embed(
        problem,
        weights=terms,
        size=size,
        settings=chosen,
        split_rng=np.random.default_rng(seed if split_seed is None else split_seed),
        rng=np.random.default_rng(seed),
        checkpoint=checkpoint,
    )
    kept = {}
    if keep_weights:
        # the card says which inputs the network was trained on
        origin = {Path(path).name: store.sha256(path) for path in (features_path, links_path)}
        kept = as_uns(
            pack(embedded.model, _card(embedded, problem, chosen, size=size, origin=origin))
        )
    _write(part, embedded, genes, used, problem, kept)
    for file in Path(part).parent.glob(f"*{checkpoint.stem.lstrip('.')}*.checkpoint"):
        file.unlink(missing_ok=True)


def metrics(paths: Mapping[str, Path]) -> pd.DataFrame:
    """Return the metrics of every unit.

    Parameters
    ----------
    paths : mapping of str to Path
        Unit → file of `embedding_run`.

    Returns
    -------
    DataFrame
        One row per unit: `run` and the columns of `COLUMNS`; NaN where a loss has no such term.
    """
    rows = [{"run": name, **h5ad.read(path).uns["metrics"]} for name, path in paths.items()]
    table = pd.DataFrame(rows).reindex(columns=["run", *COLUMNS])
    return table.astype(dict.fromkeys(COLUMNS[:4], int))


def read_network(path: Path) -> tuple[GraphAutoencoder, Card]:
    """Return the trained autoencoder inside a unit's `.h5ad`, and its card.

    Parameters
    ----------
    path : Path
        File of `embedding_run`.

    Returns
    -------
    GraphAutoencoder
    Card

    Raises
    ------
    InputError
        If the file holds no network, or one that was changed.
    """
    data = from_h5ad(path)
    architecture = Architecture(**read_card(data).architecture)
    model = build(architecture, np.random.default_rng(0))
    return model, load(data, model)


def _card(
    embedded: Embedded,
    problem: Problem,
    settings: Settings,
    *,
    size: int,
    origin: Mapping[str, str],
) -> Card:
    """Return the card of a trained autoencoder; its clusters have numbers, not names."""
    architecture = Architecture(problem.features.shape[1], problem.n_classes, size)
    return Card(asdict(architecture), settings.as_dict(), origin, history=embedded.fitted.summary())


def _write(
    part: Path,
    embedded: Embedded,
    genes: pd.Index,
    labels: Mapping[str, str],
    problem: Problem,
    kept: Mapping[str, np.ndarray],
) -> None:
    # labels that the loss sees
    counts = {"n_labelled": int((problem.classes >= 0).sum()), "n_classes": problem.n_classes}
    history = {column: values.to_numpy() for column, values in embedded.fitted.history.items()}
    scores = {name: float(value) for name, value in (counts | embedded.row()).items()}
    # empty for genes without a label
    observed = pd.DataFrame({"label": [labels.get(gene, "") for gene in genes]}, index=genes)
    names = pd.DataFrame(index=[f"z_{i}" for i in range(embedded.latents.shape[1])])
    about = {"metrics": scores, "history": history, **kept}
    h5ad.write(part, AnnData(embedded.latents, obs=observed, var=names, uns=about))


def _checkpoint(part: Path) -> Path:
    """Return where the checkpoint lies: beside the unit's file, under the name that this has in
    every attempt."""
    name = re.sub(r"^\.?(.*?)(\.[0-9a-f]{8}\.part)?(\.\w+)$", r"\1", Path(part).name)
    return Path(part).with_name(f".{name}.checkpoint")
