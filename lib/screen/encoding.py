"""Embeddings of nuclei: encoded by a trained network, written as `.h5ad`, read in the published
layout."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

from lib.data import h5ad
from lib.learning import weights
from lib.learning.weights import Card
from lib.screen import networks
from lib.screen.loaders import Loader
from lib.screen.samples import Samples

OBSERVED = ["nucleus_id", "gene_symbol", "plate", "well", "site", "slide_image_name"]
BATCH = 256  # nuclei encoded at once


@torch.inference_mode()
def encode(
    model: torch.nn.Module, samples: Samples, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings and predicted classes of nuclei, unflipped, in full precision and in order.

    Parameters
    ----------
    model : Module
        From `networks.build`; set to evaluation mode.
    samples : Samples
        Pixels of n nuclei.
    rows : (k,) int array
        Nuclei that are encoded.

    Returns
    -------
    embeddings : (k, L) float32 array
    classes : (k,) int array
        Class with the largest logit.
    """
    device = next(model.parameters()).device
    model.eval()
    options = {"batch_size": BATCH, "device": device, "n_channels": getattr(model, "n_channels", 3)}
    embeddings, classes = [], []
    for images, _ in Loader(samples, rows, np.zeros(len(samples)), **options)(None):
        embedding = model.embed(images)  # (batch, L)
        embeddings.append(embedding.float().cpu())
        classes.append(model.classify(embedding).argmax(dim=1).cpu())
    return torch.cat(embeddings).numpy(), torch.cat(classes).numpy()


def write_embeddings(
    path: Path,
    table: pd.DataFrame,
    samples: Samples,
    labels: pd.Series,
    model: torch.nn.Module,
    classes: Sequence[str],
    *,
    fold: int,
    about: Mapping[str, Any],
) -> None:
    """Encode the labelled nuclei and write them in the order of the table.

    Parameters
    ----------
    path : Path
        An `.h5ad` file: X (k, L) float32, var `zs_0` …, obs the columns `OBSERVED`, fold, split,
        predicted, and `labels`, the gene symbol once more under the published name.
    table : DataFrame
        Row i is sample i.
    samples : Samples
        Pixels of the nuclei.
    labels : Series
        nucleus_id → split.
    model : Module
        From `networks.build`, trained.
    classes : sequence of str
        Names of the network's classes, in order.
    fold : int
        Number kept in obs.
    about : mapping
        Goes to uns, beside `classes`.
    """
    part_of = table["nucleus_id"].map(labels)  # NaN for nuclei without a label
    rows = np.flatnonzero(part_of.notna())  # (k,)
    embeddings, predicted = encode(model, samples, rows)
    observed = table.loc[rows, [column for column in OBSERVED if column in table]]
    observed = observed.assign(
        fold=fold, split=part_of[rows], predicted=np.array(classes)[predicted]
    )
    observed = observed.assign(labels=observed["gene_symbol"])
    texts = observed.select_dtypes(exclude="number").columns
    observed = observed.astype(dict.fromkeys(texts, object))  # categories too
    observed.index = pd.Index(observed["nucleus_id"].to_numpy(object))
    dimensions = pd.DataFrame(index=[f"zs_{i}" for i in range(embeddings.shape[1])])
    # the classes give meaning to the order of confusion and logits
    uns = {"classes": np.array(classes, dtype=object), **about}
    h5ad.write(path, AnnData(embeddings, obs=observed, var=dimensions, uns=uns))


def read_network(path: Path) -> tuple[torch.nn.Module, Card]:
    """Return the trained network inside the `.h5ad` of a `class_run` or `target_run`, and its card.

    Parameters
    ----------
    path : Path
        An `.h5ad` with weights.

    Returns
    -------
    TwoBranch or OneBranch
    Card
        Architecture, settings, origin, classes and inputs of the training.

    Raises
    ------
    InputError
        If the file holds no network, or one that was changed.
    """
    data = weights.from_h5ad(path)
    return networks.unpack(data), weights.read_card(data)


def read_target_embeddings(
    path: Path, *, use: Sequence[str] = ("train", "val", "test", "out")
) -> pd.DataFrame:
    """Return the embeddings of a `target_run` in the published layout.

    Parameters
    ----------
    path : Path
        An `.h5ad` of `target_run`.
    use : sequence of str
        Splits whose nuclei are wanted. In the published files those of the training conditions are,
        as far as can be told, the training set's alone: ("train", "out").

    Returns
    -------
    DataFrame
        Index `nucleus_id`, columns `zs_0` … (L) and `labels`, the gene symbols.

    Raises
    ------
    InputError
        If the file cannot be read as AnnData.

    References
    ----------
    Layout of Image2Reg's published embeddings: columns `zs_*` and `labels`.
    """
    found = h5ad.read(path)
    found = found[found.obs["split"].isin(use).to_numpy()]
    table = pd.DataFrame(
        found.X, index=found.obs["nucleus_id"].astype(str), columns=found.var_names
    )
    return table.assign(labels=found.obs["labels"].astype(str).to_numpy())
