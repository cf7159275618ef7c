"""The published demo: one folder per condition with its images, encoder and embeddings.

`<condition>/images/raw/<plate>/*.tif` and `images/unet_masks/<plate>/*.tif` hold the fields and
their masks; `models/image_encoder_weights.pth` the encoder that never saw the condition;
`embeddings/train_image_embeddings.h5` the image embeddings of the other conditions' nuclei, and
`embeddings/regulatory_embeddings.csv` the genes.

References
----------
Image2Reg, code repository, `scripts/demo`; Zenodo record 8354979.
"""

import os

import numpy as np
import pandas as pd

from lib.data import origin, pandas_hdf
from lib.data.errors import InputError, listed
from lib.images import image_folders
from lib.images.extraction import Settings
from lib.learning import weights
from lib.run import store
from lib.screen import encoding, networks, samples
from lib.translation import inputs
from lib.translation.inputs import CONTROL, Problem

SETTINGS = Settings(size=64, window=448, region_size=224, scaling="reference")
"""How the paper cuts and scales nuclei."""
INPUTS, SIZE = ("nucleus", "region"), 224  # what the published encoder sees, pixels
ORIGIN = origin.published("demo", "Image2Reg, Zenodo 8354979")
FILES = {
    "images": "images/raw",
    "masks": "images/unet_masks",
    "network": "models/image_encoder_weights.pth",
    "training": "embeddings/train_image_embeddings.h5",
    "genes": "embeddings/regulatory_embeddings.csv",
}


def read(folder: str | os.PathLike, condition: str) -> tuple[Problem, np.ndarray]:
    """Cut and encode the images of a condition, and put them beside the published embeddings.

    Parameters
    ----------
    folder : path
        The demo's folder, with one folder per condition.
    condition : str
        Gene symbol.

    Returns
    -------
    Problem
    (n, L) array
        Image embeddings of the condition's nuclei.

    Raises
    ------
    InputError
        If a file is absent or cannot be used, or the condition is among those trained on.
    """
    paths = _paths(folder, condition)
    training = _training_means(paths["training"], condition)
    regulatory = _regulatory(paths["genes"])
    embeddings = _encoded(paths, condition)
    if embeddings.shape[1] != training.shape[1]:
        raise InputError(
            f"the encoder of {condition} gives {embeddings.shape[1]} numbers per nucleus, the "
            f"training embeddings have {training.shape[1]}",
            file=paths["training"],
        )
    training.loc[condition] = embeddings.mean(axis=0)
    return inputs.problem(condition, training, regulatory), embeddings


def _paths(folder: str | os.PathLike, condition: str) -> dict:
    root = store.resolve(folder)
    if not (root / condition).is_dir():
        there = sorted(path.name for path in root.glob("[!.]*") if path.is_dir())
        raise InputError(
            f"{root} has no folder {condition}; there are {listed(there) or 'none'}",
            fix="give the folder `demo` of the published archive",
        )
    paths = {name: root / condition / below for name, below in FILES.items()}
    if absent := [FILES[name] for name, path in paths.items() if not path.exists()]:
        raise InputError(
            f"{root / condition} lacks {listed(absent)}", fix="extract the archive again"
        )
    return paths


def _training_means(path, condition: str) -> pd.DataFrame:
    """Return the mean image embedding of the training conditions, control left out."""
    table = pandas_hdf.read(path)
    columns = [name for name in table if str(name).startswith("zs_")]
    if not columns or "labels" not in table:
        raise InputError("expected columns zs_0 … and labels", file=path)
    labels = table["labels"].astype(str).to_numpy()
    if condition in labels:
        raise InputError(f"{condition} is among the training nuclei", file=path, fix="leave it out")
    means = table[columns].astype(float).groupby(labels).mean()
    return means.drop(index=CONTROL, errors="ignore")


def _regulatory(path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, index_col=0).astype(float)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"not readable as genes × numbers ({error})", file=path) from None
    return table.set_axis(table.index.astype(str), axis=0)


def _encoded(paths: dict, condition: str) -> np.ndarray:
    found = image_folders.find(paths["images"], masks=paths["masks"])
    _, _, arrays = image_folders.cut(found.assign(condition=condition), SETTINGS)
    pixels = samples.in_memory(arrays, inputs=INPUTS, size=SIZE)
    embeddings, _ = encoding.encode(_encoder(paths["network"]), pixels, np.arange(len(pixels)))
    return embeddings.astype(float)


def _encoder(path):
    """Build the published network from the sizes of its weights."""
    state = weights.read_state(path)
    sizes = [state.get(name) for name in ("encoder.weight", "output_layer.2.weight")]
    if None in sizes:
        raise InputError("expected encoder.weight and output_layer.2.weight", file=path)
    shape = networks.Architecture(n_classes=len(sizes[1]), embedding_size=len(sizes[0]))
    model = networks.build(shape, np.random.default_rng(0))  # weights are replaced below
    weights.put(model, state, path.name)
    return model.eval()
