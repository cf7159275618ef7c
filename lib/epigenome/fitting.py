"""Fitting: one network per cell, mark set and fold; its predictions, and its weights where they are
wanted."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from lib.data.errors import InputError, listed
from lib.epigenome import expression, features, promoters, signals, splits, unit_files
from lib.epigenome.chromoformer import Chromoformer, Inputs, Sizes
from lib.epigenome.plans import Plan, Task
from lib.epigenome.promoter_networks import ProfileNetwork, PromoterNetwork
from lib.epigenome.signals import Signals
from lib.learning import training, weights
from lib.learning.metrics import Outcome
from lib.learning.settings import Settings

Batch = Callable[[np.ndarray], Any]  # rows of genes → what a network takes


def fit_unit(
    part: Path,
    *,
    seed: int,
    data: Path,
    plan: dict,
    settings: dict,
    test: Sequence[str] | None = None,
    keep: bool = False,
    families: Path | None = None,
) -> None:
    """Fit one network and write its predictions for every gene; a unit of `lib.run.compute`.

    Parameters
    ----------
    data : Path
        File of `signals.write`.
    plan : dict
        Of `plans.Plan`.
    settings : dict
        Of `lib.learning.settings.Settings`.
    test : sequence of str, optional
        The recorded cut of the fold.
    keep : bool
        Whether the weights are kept.
    families : Path, optional
        Of genes; training genes with a held-out relative are then left out.
    """
    known, what = signals.read(data), Plan(**plan)
    unknown = known.genes["expression"].isna().sum()
    if unknown:
        raise InputError(f"{unknown} genes have no expression", file=data)
    parts = splits.parts_of(known.genes, what.fold, test, families)
    y = target(known, what.task)
    network, batch = network_of(what, seed=seed), inputs_of(known, what)
    fitted = fit(network, batch, y, parts, settings=Settings(**settings), task=what.task, seed=seed)
    pred = predict(network, batch, len(y), task=what.task)
    table = unit_files.table(
        known.genes,
        fold=what.fold,
        model=what.model,
        assay=what.assay,
        cell=known.cell,
        part=parts,
        act=y,
        pred=pred,
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
    unit_files.write(part, table, weights.pack(network, card) if keep else b"")


def network_of(plan: Plan, *, seed: int) -> nn.Module:
    """Return the untrained network of a plan.

    Raises
    ------
    InputError
        For a kind that is unknown, or a classification that it has not.
    """
    options = dict(plan.options or {})
    if plan.kind == "chromoformer":
        n_outputs = 2 if plan.task == "classification" else 1
        sizes = Sizes(n_marks=len(plan.marks), n_outputs=n_outputs, **options)
        return Chromoformer(sizes, seed=seed % 2**63)
    if plan.task != "regression":
        raise InputError(f"the {plan.kind} network has no {plan.task}")
    shape = (plan.window // signals.SIZE, len(plan.marks))
    return plain_network(plan.kind, shape, options, seed=seed)


def inputs_of(known: Signals, plan: Plan) -> Batch:
    """Return the function that gives a network's inputs from the signals of any cell.

    Parameters
    ----------
    known : Signals
    plan : Plan

    Returns
    -------
    callable
        Rows of genes → a batch, on the CPU.
    """
    if plan.kind == "chromoformer":
        return features.features(known, plan.marks, window=plan.window).inputs
    values = promoters.narrow(known, plan.marks, window=plan.window)
    return lambda rows: torch.from_numpy(values[rows])


def plain_network(
    kind: str, shape: tuple[int, int], options: Mapping[str, Any], *, seed: int
) -> nn.Module:
    """Return an untrained network on bins (L, F).

    Parameters
    ----------
    kind : str
        `promoter` or `profile`.
    shape : (int, int)
        L bins, F marks.
    options : mapping
        Of the network's class.
    """
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
    epoch.

    Parameters
    ----------
    network : Module
    batch : callable
        From `inputs_of`.
    y : (G,) array
        From `target`.
    parts : (G,) Series
        `train`, `validation`; other genes are not touched.
    settings : Settings
    task : str
    seed : int
        Of the order of genes and of dropout.
    """
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
    """Return predictions (n,): expression, or the probability of being expressed.

    Parameters
    ----------
    network : Module
    batch : callable
        From `inputs_of`.
    n : int
        Genes.
    task : str
    size : int
        Genes at once; changes no number.

    Returns
    -------
    (n,) float64 array
    """
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
    """Return the mean squared error; outputs (n, 1) never meet targets (n,).

    Parameters
    ----------
    network : Module
    batch : (inputs, (B,) tensor)
    """
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
    """Return the cross-entropy of two logits.

    Parameters
    ----------
    network : Module
    batch : (inputs, (B,) long tensor)
    """
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
    """Return log2(RPKM + 1), or the label of expressed genes.

    Parameters
    ----------
    known : Signals
    task : str

    Returns
    -------
    (G,) array
    """
    if task == "classification":
        return known.genes["label"].to_numpy()
    return expression.log_target(known.genes["expression"])


def chromosomes(chroms: pd.Series, parts: pd.Series) -> dict[str, list[str]]:
    """Return part → chromosomes, for the card."""
    return {part: sorted(chroms[parts == part].unique()) for part in splits.PARTS}


def activity_ranges(known: Signals, marks: Sequence[str], chosen) -> dict[str, list[float]]:
    """Return the 1st and 99th percentile of each mark's mean activity over some genes: what the
    network has seen.

    Parameters
    ----------
    known : Signals
    marks : sequence of str
    chosen : (G,) bool array
        The training genes.

    Returns
    -------
    dict
        Mark → [low, high], in ln(1 + depth).
    """
    activity = promoters.narrow(known, marks, window=signals.WINDOW)[np.asarray(chosen)].mean(
        axis=1
    )
    low, high = np.percentile(activity, [1, 99], axis=0)
    return {
        mark: [round(float(a), 6), round(float(b), 6)]
        for mark, a, b in zip(marks, low, high, strict=True)
    }
