"""The unit of the regulatory embeddings, for `lib.run.compute.run_units`: one autoencoder, one file of latents.

A killed unit goes on from the checkpoint that lies beside its file. The numbers depend on the unit's seed and
arguments only.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from lib.learning.training import Settings
from lib.regulation import h5ad, links
from lib.regulation.autoencoder import Weights
from lib.regulation.fitting import Embedded, Problem, class_numbers, embed

COLUMNS = (
    "n_labelled", "n_classes", "best_epoch", "n_epochs", "train_loss", "val_loss", "test_loss", "train_acc",
    "train_links", "val_links", "test_links", "test_auc", "test_ap",
)  # fmt: skip
"""What a table of runs shows: sizes, epochs, losses (that of links alone too), accuracy of the clusters, AUC, AP."""


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
) -> None:
    """Train an autoencoder; write the latents of all genes, not normalised, as `.h5ad`.

    Parameters
    ----------
    features_path, links_path : Path
        Node features (`features.node_features` as `.h5ad`); table of links.
    labels : mapping of str to str
        Gene → cluster; used only if the cluster term has a weight.
    weights, settings : mapping
        Arguments of `Weights` and `training.Settings`.
    size : int
        Width of hidden layers and latent space (paper: 1024).
    split_seed : int, optional
        Seed of the split of the links, for runs that are to be compared on the same links; default the unit's.
    """
    features = h5ad.read(features_path)
    genes = features.obs_names
    terms = Weights(**weights)
    used = labels if terms.gamma else {}
    problem = Problem(features.X, links.from_table(pd.read_csv(links_path), genes), class_numbers(used, genes))
    checkpoint = _checkpoint(part)
    embedded = embed(
        problem, weights=terms, size=size, settings=Settings(**{"weight_decay": 0.0, **settings}),
        split_rng=np.random.default_rng(seed if split_seed is None else split_seed),
        rng=np.random.default_rng(seed), checkpoint=checkpoint,
    )  # fmt: skip
    _write(part, embedded, genes, used, problem)
    for file in Path(part).parent.glob(f"*{checkpoint.stem.lstrip('.')}*.checkpoint"):
        file.unlink(missing_ok=True)


def metrics(paths: Mapping[str, Path]) -> pd.DataFrame:
    """Return one row a unit: `run` and those of `COLUMNS`; NaN where a loss has no such term."""
    rows = [{"run": name, **h5ad.read(path).uns["metrics"]} for name, path in paths.items()]
    table = pd.DataFrame(rows).reindex(columns=["run", *COLUMNS])
    return table.astype(dict.fromkeys(COLUMNS[:4], int))


def _write(part: Path, embedded: Embedded, genes: pd.Index, labels: Mapping[str, str], problem: Problem) -> None:
    counts = {"n_labelled": int((problem.classes >= 0).sum()), "n_classes": problem.n_classes}
    history = {column: values.to_numpy() for column, values in embedded.fitted.history.items()}
    scores = {name: float(value) for name, value in (counts | embedded.row()).items()}
    observed = pd.DataFrame({"label": [labels.get(gene, "") for gene in genes]}, index=genes)
    names = pd.DataFrame(index=[f"z_{i}" for i in range(embedded.latents.shape[1])])
    about = {"metrics": scores, "history": history}
    h5ad.write(part, AnnData(embedded.latents, obs=observed, var=names, uns=about))


def _checkpoint(part: Path) -> Path:
    """Return where the checkpoint lies: beside the unit's file, under the name that this has in every attempt."""
    name = re.sub(r"^\.?(.*?)(\.[0-9a-f]{8}\.part)?(\.\w+)$", r"\1", Path(part).name)
    return Path(part).with_name(f".{name}.checkpoint")
