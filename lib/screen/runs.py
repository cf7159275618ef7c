"""Units of the screen, for `lib.run.compute.run_units`: gene against control, many classes, one
target left out.

Each trains what it is asked for from a table of nuclei and the stores of their plates, and writes
one file. A killed unit goes on from the checkpoint that lies beside its file. The numbers depend on
the unit's seed and arguments only. The trained network lies inside the unit's file, as the bytes of
a safetensors file with its card: one file is whole or not there. `encoding.read_network` gives the
network of an `.h5ad`.
"""

import glob
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from lib.learning import training, weights
from lib.learning.metrics import Metrics, cross_entropy
from lib.learning.training import Fitted, Settings
from lib.run import store
from lib.screen import networks, splits
from lib.screen.encoding import write_embeddings
from lib.screen.loaders import Loader
from lib.screen.samples import Samples, class_weights, open_samples


@dataclass(frozen=True)
class Network:
    """Describe what is trained: the architecture but for the classes, and what it looks at.

    Paper: `resnet18` from ImageNet weights on nucleus and region of 224 pixels; embedding 512 in
    the screen, else 1024.

    Parameters
    ----------
    kind, embedding_size
        As in `networks.Architecture`.
    inputs : sequence of str
        One or two of nucleus, region, binary_nucleus, binary_region.
    size : int
        Side of the inputs in pixels.
    """

    kind: str = "resnet18"
    embedding_size: int = 1024
    inputs: Sequence[str] = ("nucleus", "region")
    size: int = 224

    def architecture(self, n_classes: int) -> networks.Architecture:
        """Return the architecture for that many classes."""
        return networks.Architecture(n_classes, self.embedding_size, self.kind, len(self.inputs))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Trained:
    """A trained fold.

    Parameters
    ----------
    model : Module
        The network with the weights of its best epoch.
    fitted : Fitted
        Best epoch and history.
    test : Metrics
        Over the test nuclei.
    n_samples : dict of str to int
        Nuclei of train, val and test.
    classes : sequence of str
        Gene symbols in the order of the outputs.
    """

    model: torch.nn.Module
    fitted: Fitted
    test: Metrics
    n_samples: dict[str, int]
    classes: Sequence[str]

    def row(self) -> dict[str, float]:
        """Return loss, accuracy and balanced accuracy of the splits, best epoch and sizes as the
        columns of a table.

        Train and val are those of the best epoch; train is taken while the epoch trains, on flipped
        images.

        Returns
        -------
        dict of str to float
            `{train,val,test}_{loss,acc,bacc}`, `best_epoch` (from 1), `n_epochs`, `n_train`,
            `n_val`, `n_test`.
        """
        epochs = {"best_epoch": self.fitted.best_epoch, "n_epochs": len(self.fitted.history)}
        sizes = {f"n_{split}": count for split, count in self.n_samples.items()}
        return {**self.fitted.best_row(), **self.test.row("test"), **epochs, **sizes}

    def about(self) -> dict[str, Any]:
        """Return what a file of embeddings keeps of the training.

        Returns
        -------
        dict
            `confusion` (C, C) counts of the test nuclei, `metrics` (see `row`), `history` (column →
            values by epoch).
        """
        history = {column: values.to_numpy() for column, values in self.fitted.history.items()}
        metrics = {name: float(value) for name, value in self.row().items()}
        return {"confusion": self.test.confusion, "metrics": metrics, "history": history}

    def packed(self, network: Network, settings: Settings, nuclei_path: Path) -> bytes:
        """Return the network's weights with their card, as `weights.load` reads them.

        Parameters
        ----------
        network : Network
        settings : Settings
            Both are kept in the card.
        nuclei_path : Path
            Table of nuclei that was trained on; the card keeps its name and sha256.

        Returns
        -------
        bytes
            A safetensors file.
        """
        return weights.pack(
            self.model,
            weights.Card(
                architecture=asdict(network.architecture(len(self.classes))),
                settings=settings.as_dict(),
                origin={Path(nuclei_path).name: store.sha256(nuclei_path)},
                classes=list(self.classes),
                inputs={"images": list(network.inputs), "size": network.size},
                history=self.fitted.summary(),
            ),
        )


def screen_run(
    part: Path,
    *,
    seed: int,
    nuclei_path: Path,
    stores_dir: Path,
    gene: str,
    network: Mapping[str, Any],
    settings: Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    folds: Sequence[int] | None = None,
    imagenet: str | Path = "",
    keep_weights: bool = False,
) -> None:
    """Train a gene against the control, fold by fold; write one Parquet row per fold.

    Parameters
    ----------
    part : Path
        File that is written; checkpoints lie beside it until it is done.
    seed : int
        Seed of the unit; each fold draws from `[seed, fold]`.
    nuclei_path, stores_dir : Path
        The table of nuclei; a folder that holds the plates' stores and nothing else.
    gene : str
        Condition that is compared with the control.
    network, settings, split : mapping
        Arguments of `Network`, `training.Settings` and `splits.screen_splits`.
    folds : sequence of int, optional
        Those to run; default all. A fold's numbers do not depend on which others run.
    imagenet : path, optional
        Weights to start from, see `networks.build`.
    keep_weights : bool
        Whether a column `weights` holds each fold's network, as `weights.load` reads it. The
        paper's screen trains 860 of them, 90 MB each.

    Raises
    ------
    InputError
        As `splits.screen_splits`, `open_samples` and `networks.build`.
    ValueError
        For a setting out of its range.

    References
    ----------
    Image2Reg, impact screen behind Fig 2C: 190 genes × 4 folds.
    """
    shape, chosen = Network(**network), Settings(**settings)
    table, samples = open_screen(nuclei_path, stores_dir, shape)
    columns = splits.screen_splits(table, gene, **(split or {}))  # nuclei × folds
    control = (split or {}).get("control", splits.CONTROL)
    table, samples = of_conditions(table, samples, [gene, control])
    rows = []
    for fold in range(columns.shape[1]) if folds is None else folds:
        labels = columns[f"fold_{fold}"]
        trained = train_fold(
            table,
            samples,
            labels,
            [gene, control],
            network=shape,
            settings=chosen,
            rng=np.random.default_rng([seed, fold]),  # the same whichever folds run
            checkpoint=_checkpoint(part, fold),
            imagenet=imagenet,
        )
        rows.append({"gene": gene, "fold": fold, **trained.row()})
        if keep_weights:
            rows[-1]["weights"] = trained.packed(shape, chosen, nuclei_path)
    store.write_table(part, pd.DataFrame(rows))
    _forget_checkpoints(part)


def class_run(
    part: Path,
    *,
    seed: int,
    nuclei_path: Path,
    stores_dir: Path,
    genes: Sequence[str],
    fold: int,
    network: Mapping[str, Any],
    settings: Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    imagenet: str | Path = "",
    keep_weights: bool = True,
) -> None:
    """Train one fold of the many-class network; write the embeddings of its test nuclei as `.h5ad`.

    obs as in `encoding.write_embeddings`; uns: classes, confusion (rows = true classes), metrics,
    history, and unless told otherwise the network, see `encoding.read_network`.

    Parameters
    ----------
    part, seed, nuclei_path, stores_dir, network, settings, imagenet
        As in `screen_run`.
    genes : sequence of str
        Conditions; the control is added (paper: 41 genes and EMPTY).
    fold : int
        Fold that is tested.
    split : mapping, optional
        Arguments of `splits.class_splits`.
    keep_weights : bool
        Whether the file holds the network, too.

    Raises
    ------
    InputError
        As `splits.class_splits`, `open_samples` and `networks.build`.
    ValueError
        For a setting out of its range.

    References
    ----------
    Image2Reg, image embeddings behind Fig 2D.
    """
    shape, chosen = Network(**network), Settings(**settings)
    control = (split or {}).get("control", splits.CONTROL)
    classes = sorted({*genes, control})
    table, samples = open_screen(nuclei_path, stores_dir, shape, symbols=classes)
    labels = splits.class_splits(table, genes, **(split or {}))[f"fold_{fold}"]  # by nucleus_id
    trained = train_fold(
        table,
        samples,
        labels,
        classes,
        network=shape,
        settings=chosen,
        rng=np.random.default_rng(seed),
        checkpoint=_checkpoint(part, fold),
        imagenet=imagenet,
    )
    # the test sets of the folds together cover every nucleus once
    test = labels[labels == "test"]
    about = trained.about()
    if keep_weights:
        about |= weights.as_uns(trained.packed(shape, chosen, nuclei_path))
    write_embeddings(part, table, samples, test, trained.model, classes, fold=fold, about=about)
    _forget_checkpoints(part)


def target_run(
    part: Path,
    *,
    seed: int,
    nuclei_path: Path,
    stores_dir: Path,
    targets: Sequence[str],
    genes: Sequence[str],
    network: Mapping[str, Any],
    settings: Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    imagenet: str | Path = "",
    keep_weights: bool = True,
) -> None:
    """Train on all conditions but the targets; write the embeddings of all nuclei as `.h5ad`.

    As in `class_run`, but obs["split"] is train, val, test, or `out` for the targets, and uns has
    the targets. `encoding.read_target_embeddings` gives the published layout.

    Parameters
    ----------
    part, seed, nuclei_path, stores_dir, network, settings, imagenet, keep_weights
        As in `class_run`.
    targets : sequence of str
        Conditions that the network never sees (paper: one).
    genes : sequence of str
        All conditions, the targets too; the control is added.
    split : mapping, optional
        Arguments of `splits.target_split`.

    Raises
    ------
    InputError
        As `splits.target_split`, `open_samples` and `networks.build`.
    ValueError
        For a setting out of its range.

    References
    ----------
    Image2Reg, leave one target out: 42 networks, one per gene and one for the control.
    """
    shape, chosen = Network(**network), Settings(**settings)
    conditions = sorted({*genes, (split or {}).get("control", splits.CONTROL)})
    table, samples = open_screen(nuclei_path, stores_dir, shape, symbols=conditions)
    labels = splits.target_split(table, targets, genes, **(split or {}))["fold_0"]
    # the network has no output for the targets
    classes = [symbol for symbol in conditions if symbol not in targets]
    trained = train_fold(
        table,
        samples,
        labels,
        classes,
        network=shape,
        settings=chosen,
        rng=np.random.default_rng(seed),
        checkpoint=_checkpoint(part, 0),
        imagenet=imagenet,
    )
    about = {**trained.about(), "targets": np.array(targets, dtype=object)}
    if keep_weights:
        about |= weights.as_uns(trained.packed(shape, chosen, nuclei_path))
    write_embeddings(part, table, samples, labels, trained.model, classes, fold=0, about=about)
    _forget_checkpoints(part)


def open_screen(
    nuclei_path: Path, stores_dir: Path, network: Network, *, symbols: Sequence[str] | None = None
) -> tuple[pd.DataFrame, Samples]:
    """Open a table of nuclei and its samples; the next unit in this process reuses them.

    Parameters
    ----------
    nuclei_path : Path
        Parquet table, one row per nucleus.
    stores_dir : Path
        A folder that holds the plates' stores and nothing else.
    network : Network
        Its inputs and their size.
    symbols : sequence of str, optional
        Conditions whose nuclei are wanted; by default all.

    Returns
    -------
    DataFrame
        The nuclei; row i is sample i.
    Samples
        With the pixels in memory if they fit.

    Raises
    ------
    InputError
        As `splits.check_symbols` and `open_samples`.
    """
    chosen = None if symbols is None else tuple(sorted(symbols))
    table = _read_nuclei(_state(store.resolve(nuclei_path)), chosen)
    codes, plates = pd.factorize(table["plate"], sort=True)
    rows = table["row"].to_numpy(np.int64)
    # size and time of each file: a store that was written anew is read anew
    stores = tuple(map(_state, sorted(store.resolve(stores_dir).iterdir())))
    shape = (tuple(network.inputs), network.size)
    return table, _load_pixels(
        stores, str(stores_dir), *shape, tuple(plates), codes.tobytes(), rows.tobytes()
    )


def of_conditions(
    table: pd.DataFrame, samples: Samples, symbols: Sequence[str]
) -> tuple[pd.DataFrame, Samples]:
    """Return the nuclei of some conditions, with their pixels in memory if they fit.

    Where the pixels of all nuclei are in memory, all are returned: the next unit shares them.

    Parameters
    ----------
    table : DataFrame
        Row i is sample i.
    samples : Samples
    symbols : sequence of str
        Conditions that are wanted.

    Returns
    -------
    DataFrame
        Row i is sample i.
    Samples
    """
    if samples.pixels:
        return table, samples
    rows = np.flatnonzero(table["gene_symbol"].isin(symbols))
    return table.iloc[rows].reset_index(drop=True), samples.subset(rows).loaded()


def _state(file: Path) -> tuple[str, int, int]:
    return str(file), file.stat().st_size, file.stat().st_mtime_ns


@lru_cache(maxsize=1)
def _read_nuclei(file: tuple[str, int, int], symbols: tuple[str, ...] | None) -> pd.DataFrame:
    table = pd.read_parquet(file[0])
    if symbols is None:
        return table
    splits.check_symbols(table, symbols)
    return table[table["gene_symbol"].isin(symbols)].reset_index(drop=True)


@lru_cache(maxsize=1)
def _load_pixels(
    files: tuple[tuple[str, int, int], ...],
    stores_dir: str,
    inputs: tuple[str, ...],
    size: int,
    plates: tuple[str, ...],
    codes: bytes,
    rows: bytes,
) -> Samples:
    """Load the samples of rows of stores; tables of the same nuclei, such as those of null genes,
    share them."""
    plate = np.array(plates, dtype=object)[np.frombuffer(codes, np.intp)]
    nuclei = pd.DataFrame({"plate": plate, "row": np.frombuffer(rows, np.int64)})
    return open_samples(nuclei, stores_dir, inputs=inputs, size=size).loaded()


def train_fold(
    table: pd.DataFrame,
    samples: Samples,
    labels: pd.Series,
    classes: Sequence[str],
    *,
    network: Network,
    settings: Settings,
    rng: np.random.Generator,
    checkpoint: Path | None = None,
    imagenet: str | Path = "",
) -> Trained:
    """Train a network on the nuclei labelled train, select on val, evaluate on test.

    Parameters
    ----------
    table : DataFrame
        Columns nucleus_id and gene_symbol; row i is sample i.
    samples : Samples
        Pixels of the nuclei.
    labels : Series
        nucleus_id → train, val, test; others take no part.
    classes : sequence of str
        Gene symbols; a class is its number in their alphabetical order.
    network : Network
    settings : Settings
    rng : Generator
        Of initial weights, shuffling and flips.
    checkpoint : Path, optional
        File from which a killed training goes on.
    imagenet : path, optional
        Weights to start from, see `networks.build`.

    Returns
    -------
    Trained

    Raises
    ------
    InputError
        If a class has no training nucleus, or as `networks.build`.

    References
    ----------
    Image2Reg trains with class-weighted cross-entropy and keeps the epoch with the best validation
    balanced accuracy.
    """
    classes = sorted(classes)
    device = training.pick_device(settings.device)
    part_of = table["nucleus_id"].map(labels)  # NaN for nuclei that take no part
    # (N,) number of the class
    targets = pd.Index(classes).get_indexer(
        table["gene_symbol"]
    )  # -1 for symbols that take no part
    # the best epoch is chosen on val; test is seen once, at the end
    rows = {split: np.flatnonzero(part_of == split) for split in ("train", "val", "test")}
    samples = samples.to(device)  # all pixels at once where the GPU has room
    loss = cross_entropy(class_weights(targets[rows["train"]], len(classes)))
    model = networks.build(network.architecture(len(classes)), rng, imagenet=imagenet or None)
    options = {"batch_size": settings.batch_size, "device": device, "n_channels": model.n_channels}
    loaders = {split: Loader(samples, rows[split], targets, **options) for split in rows}
    fitted = training.fit(
        model,
        loaders["train"],
        loaders["val"],
        loss=loss,
        rng=rng,
        settings=settings,
        checkpoint=checkpoint,
    )
    test = training.evaluate(model, loaders["test"], loss, settings=settings)
    n_samples = {split: len(loader) for split, loader in loaders.items()}
    return Trained(model, fitted, test, n_samples, classes)


def _checkpoint(part: Path, fold: int) -> Path:
    """Return where a fold's checkpoint lies: beside the unit's file, under the name that this has
    in every attempt."""
    name = re.sub(r"^\.?(.*?)(\.[0-9a-f]{8}\.part)?(\.\w+)$", r"\1", Path(part).name)
    return Path(part).with_name(f".{name}.fold_{fold}.checkpoint")


def _forget_checkpoints(part: Path) -> None:
    """Remove the checkpoints of a finished unit, those that a kill left half-written, too."""
    name = _checkpoint(part, 0).name.removesuffix("0.checkpoint")
    for path in Path(part).parent.glob(f"*{glob.escape(name)}*.checkpoint"):
        path.unlink(missing_ok=True)
