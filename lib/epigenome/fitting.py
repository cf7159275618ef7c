"""Fitting: one network per cell, mark set and fold; its predictions, and its weights where they are
wanted.

A unit's file is an `.npz`: columns of the prediction table, and the packed network if it is kept.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from lib.data.errors import InputError, listed
from lib.epigenome import expression, features, signals, splits
from lib.epigenome.chromoformer import Chromoformer, Inputs, Sizes
from lib.epigenome.evaluation import PREDICTION_COLUMNS
from lib.epigenome.promoter_networks import ProfileNetwork, PromoterNetwork
from lib.epigenome.signals import Signals
from lib.learning import training, weights
from lib.learning.metrics import Outcome
from lib.learning.settings import Settings
from lib.run import store

Kind = Literal["promoter", "chromoformer", "profile"]
Task = Literal["regression", "classification"]
Batch = Callable[[np.ndarray], Any]  # rows of genes → what a network takes

PAPER = {
    "promoter": Settings(
        learning_rate=1e-3,
        weight_decay=0,
        batch_size=64,
        patience=11,
        max_epochs=100,
        optimiser={"kind": "adam", "eps": 1e-7},
        schedule="plateau",
        score="loss",
    ),
    "chromoformer": Settings(
        learning_rate=1e-3,
        weight_decay=0.01,
        batch_size=64,
        patience=11,
        max_epochs=100,
        optimiser="adamw",
        schedule={"kind": "plateau", "floor": 1e-6},
        score="loss",
    ),
    "authors": Settings(
        learning_rate=3e-5,
        weight_decay=0.01,
        batch_size=64,
        patience=None,
        max_epochs=10,
        optimiser="adamw",
        schedule={"kind": "decay", "gamma": 0.87},
        score="last_epoch",
    ),
    "profile": Settings(
        learning_rate=1e-3,
        weight_decay=0,
        batch_size=128,
        patience=11,
        max_epochs=100,
        optimiser={"kind": "adam", "eps": 1e-7},
        schedule="plateau",
        score="loss",
    ),
}
"""Training as published; the promoter network, Chromoformer here and by its authors, the first
approach.

Keras stops, and cuts the rate, when its patience of 12, or 3, is reached: one epoch earlier than
torch counts.
"""


@dataclass(frozen=True)
class Plan:
    """One network to fit.

    Parameters
    ----------
    kind : str
        `promoter` sees `window` bp; `chromoformer` sees that and the contact regions.
    marks : sequence of str
    fold : int
    task : str
    window : int
        bp around the start site.
    options : mapping
        Sizes of the network, see `PromoterNetwork` and `chromoformer.Sizes`.
    """

    kind: Kind
    marks: Sequence[str]
    fold: int
    task: Task = "regression"
    window: int = 40_000
    options: Mapping[str, Any] | None = None

    @property
    def assay(self) -> str:
        """Names of the marks, joined."""
        return "-".join(self.marks)


def fit_unit(
    part: Path,
    *,
    seed: int,
    data: Path,
    plan: dict,
    settings: dict,
    test: Sequence[str] | None = None,
    keep: bool = False,
) -> None:
    """Fit one network and write its predictions for every gene; a unit of `lib.run.compute`.

    Parameters
    ----------
    data : Path
        File of `signals.write`.
    plan : dict
        Of `Plan`.
    settings : dict
        Of `lib.learning.settings.Settings`.
    test : sequence of str, optional
        The recorded cut of the fold.
    keep : bool
        Whether the weights are kept.
    """
    known, what = signals.read(data), Plan(**plan)
    chosen = known.genes["expression"].notna().to_numpy()
    if not chosen.all():
        raise InputError(f"{(~chosen).sum()} genes have no expression", file=data)
    parts = splits.assign(known.genes["chrom"], what.fold, test)
    y = target(known, what.task)
    network, batch = build(known, what, seed=seed)
    fitted = fit(network, batch, y, parts, settings=Settings(**settings), task=what.task, seed=seed)
    table = pd.DataFrame(
        {
            "fold": what.fold,
            "model": what.kind,
            "assay": what.assay,
            "cell": known.cell,
            "gene": known.genes["gene_id"],
            "part": parts,
            "label": known.genes["label"],
            "act": y,
            "pred": predict(network, batch, len(y), task=what.task),
        }
    )
    card = weights.Card(
        {**plan, "marks": list(what.marks), "seed": seed % 2**63},
        settings,
        known.origin,
        inputs={
            "cell": known.cell,
            "chromosomes": chromosomes(known.genes["chrom"], parts),
            "ranges": activity_ranges(known, what.marks, parts == "train"),
        },
        history=fitted.summary(),
    )
    write(part, table, weights.pack(network, card) if keep else b"")


def build(known: Signals, plan: Plan, *, seed: int) -> tuple[nn.Module, Batch]:
    """Return an untrained network and the function that gives its inputs."""
    options = dict(plan.options or {})
    if plan.kind == "chromoformer":
        n_outputs = 2 if plan.task == "classification" else 1
        sizes = Sizes(n_marks=len(plan.marks), n_outputs=n_outputs, **options)
        made = features.features(known, plan.marks, window=plan.window)
        return Chromoformer(sizes, seed=seed % 2**63), made.inputs
    if plan.task != "regression":
        raise InputError(f"the {plan.kind} network has no {plan.task}")
    values = features.narrow(known, plan.marks, window=plan.window)
    network = plain_network(plan.kind, values.shape[1:], options, seed=seed)
    return network, lambda rows: torch.from_numpy(values[rows])


def plain_network(
    kind: str, shape: tuple[int, int], options: Mapping[str, Any], *, seed: int
) -> nn.Module:
    """Return an untrained network on bins (L, F)."""
    rng = torch.Generator().manual_seed(seed % 2**63)
    makers = {"promoter": PromoterNetwork, "profile": ProfileNetwork}
    if kind not in makers:
        raise InputError(
            f"the network {kind!r} is unknown", fix=f"known are chromoformer, {listed(makers)}"
        )
    return makers[kind](*shape, rng=rng, **options)


def fit(
    network: nn.Module,
    batch: Batch,
    y: np.ndarray,
    parts: pd.Series,
    *,
    settings: Settings,
    task: Task,
    seed: int,
) -> training.Fitted:
    """Fit a network in place on the training genes; validation genes alone choose rate and
    epoch."""
    target = torch.as_tensor(y, dtype=torch.long if task == "classification" else torch.float32)
    device = training.pick_device(settings.device)

    def batches(part: str) -> training.Batches:
        rows = np.flatnonzero(parts == part)

        def one_epoch(rng):
            for some in training.row_batches(len(rows), settings.batch_size, rng):
                chosen = rows[some]
                yield moved(batch(chosen), device), target[chosen].to(device)

        return one_epoch

    loss = class_loss if task == "classification" else squared_loss
    return training.fit(
        network,
        batches("train"),
        batches("validation"),
        loss=loss,
        rng=np.random.default_rng(seed),
        settings=settings,
    )


@torch.inference_mode()
def predict(
    network: nn.Module, batch: Batch, n: int, *, task: Task = "regression", size: int = 256
) -> np.ndarray:
    """Return predictions (n,): expression, or the probability of being expressed."""
    network.eval()
    device = next(network.parameters()).device
    outputs = []
    for start in range(0, n, size):
        rows = np.arange(start, min(start + size, n))
        outputs.append(network(moved(batch(rows), device)))
    found = torch.cat(outputs).double()
    found = found.softmax(dim=1)[:, 1] if task == "classification" else found[:, 0]
    return found.cpu().numpy()


def squared_loss(network: nn.Module, batch: tuple[Any, Tensor]) -> Outcome:
    """Return the mean squared error; outputs (n, 1) never meet targets (n,)."""
    inputs, targets = batch
    outputs = network(inputs)[:, 0]
    if outputs.shape != targets.shape:
        raise ValueError(f"outputs {tuple(outputs.shape)} against targets {tuple(targets.shape)}")
    return Outcome(
        functional.mse_loss(outputs, targets),
        len(targets),
        outputs=outputs.detach(),
        targets=targets,
    )


def class_loss(network: nn.Module, batch: tuple[Any, Tensor]) -> Outcome:
    """Return the cross-entropy of two logits."""
    inputs, targets = batch
    logits = network(inputs)
    return Outcome(
        functional.cross_entropy(logits, targets), len(targets), logits=logits, targets=targets
    )


def moved(inputs: Any, device: torch.device) -> Any:
    """Return inputs on a device."""
    if isinstance(inputs, Tensor):
        return inputs.to(device)
    parts = {}
    for name, value in vars(inputs).items():
        is_map = isinstance(value, Mapping)
        parts[name] = (
            {size: one.to(device) for size, one in value.items()} if is_map else value.to(device)
        )
    return Inputs(**parts)


def target(known: Signals, task: Task) -> np.ndarray:
    """Return log2(RPKM + 1), or the label of expressed genes."""
    if task == "classification":
        return known.genes["label"].to_numpy()
    return expression.log_target(known.genes["expression"])


def chromosomes(chroms: pd.Series, parts: pd.Series) -> dict[str, list[str]]:
    """Return part → chromosomes, for the card."""
    return {part: sorted(chroms[parts == part].unique()) for part in splits.PARTS}


def activity_ranges(known: Signals, marks: Sequence[str], chosen) -> dict[str, list[float]]:
    """Return the 1st and 99th percentile of each mark's mean activity over some genes: what the
    network has seen."""
    activity = features.narrow(known, marks, window=signals.WINDOW)[np.asarray(chosen)].mean(axis=1)
    low, high = np.percentile(activity, [1, 99], axis=0)
    return {
        mark: [round(float(a), 6), round(float(b), 6)]
        for mark, a, b in zip(marks, low, high, strict=True)
    }


def write(part: Path, table: pd.DataFrame, network: bytes = b"") -> None:
    """Write predictions, and a network if there is one."""
    columns = {}
    for name in PREDICTION_COLUMNS:
        values = table[name].to_numpy()
        columns[name] = values.astype(str) if values.dtype == object else values
    with open(part, "wb") as file:
        np.savez_compressed(file, **columns, network=np.frombuffer(network, np.uint8))


def read_predictions(paths: Sequence[str | os.PathLike]) -> pd.DataFrame:
    """Return the prediction tables of units, one below the other."""
    tables = []
    for path in paths:
        with np.load(store.resolve(path), allow_pickle=False) as file:
            tables.append(pd.DataFrame({name: file[name] for name in PREDICTION_COLUMNS}))
    return pd.concat(tables, ignore_index=True)


def read_network(path: str | os.PathLike) -> bytes:
    """Return the packed network of a unit.

    Raises
    ------
    InputError
        If the unit kept none.
    """
    with np.load(store.resolve(path), allow_pickle=False) as file:
        data = file["network"].tobytes()
    if not data:
        raise InputError("this unit kept no network", file=path, fix="fit it with keep")
    return data


def load(data: bytes) -> tuple[nn.Module, Plan, weights.Card]:
    """Return a trained network, its plan and its card."""
    card = weights.read_card(data)
    known = dict(card.architecture)
    known.pop("seed", None)
    plan = Plan(**known)
    if plan.kind == "chromoformer":
        n_outputs = 2 if plan.task == "classification" else 1
        sizes = Sizes(n_marks=len(plan.marks), n_outputs=n_outputs, **dict(plan.options or {}))
        network = Chromoformer(sizes)
    else:
        shape = (plan.window // signals.SIZE, len(plan.marks))
        network = plain_network(plan.kind, shape, dict(plan.options or {}), seed=0)
    weights.load(data, network)
    return network, plan, card


def inputs_of(known: Signals, plan: Plan) -> Batch:
    """Return the function that gives a trained network's inputs from the signals of any cell."""
    if plan.kind == "chromoformer":
        return features.features(known, plan.marks, window=plan.window).inputs
    values = features.narrow(known, plan.marks, window=plan.window)
    return lambda rows: torch.from_numpy(values[rows])


def cross_unit(part: Path, *, seed: int, network: Path, data: Path) -> None:
    """Predict the test genes of another cell with a trained network; a unit of
    `lib.run.compute`."""
    known = signals.read(data)
    model, plan, card = load(read_network(network))
    held = set(card.inputs["chromosomes"]["test"])
    pred = predict(model, inputs_of(known, plan), len(known.genes), task=plan.task)
    is_test = known.genes["chrom"].isin(held).to_numpy()
    table = pd.DataFrame(
        {
            "fold": plan.fold,
            "model": f"{plan.kind} of {card.inputs['cell']}",
            "assay": plan.assay,
            "cell": known.cell,
            "gene": known.genes["gene_id"],
            "part": np.where(is_test, "test", "train"),
            "label": known.genes["label"],
            "act": target(known, plan.task),
            "pred": pred,
        }
    )
    write(part, table[is_test])


def as_dict(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON-able values."""
    return {**asdict(plan), "marks": list(plan.marks), "options": dict(plan.options or {})}
