"""Trained networks: read with their plan and card, and asked about the genes of any cell."""

from pathlib import Path

import numpy as np
from torch import nn

from lib.epigenome import fitting, signals, unit_files
from lib.epigenome.plans import Plan
from lib.learning import weights

Network = tuple[nn.Module, Plan, weights.Card]


def load(data: bytes) -> Network:
    """Return a trained network, its plan and its card.

    Parameters
    ----------
    data : bytes
        From `unit_files.read_network`.
    """
    card = weights.read_card(data)
    known = dict(card.architecture)
    known.pop("seed", None)
    plan = Plan(**known)
    network = fitting.network_of(plan, seed=0)
    weights.load(data, network)
    return network, plan, card


def cross_unit(part: Path, *, seed: int, network: Path, data: Path) -> None:
    """Predict the test genes of a cell with a network of another; a unit of `lib.run.compute`.

    Parameters
    ----------
    network : Path
        Unit that kept its network.
    data : Path
        Signals of the cell that is predicted.
    """
    known = signals.read(data)
    model, plan, card = load(unit_files.read_network(network))
    batch = fitting.inputs_of(known, plan)
    pred = fitting.predict(model, batch, len(known.genes), task=plan.task)
    is_test = known.genes["chrom"].isin(card.inputs["chromosomes"]["test"]).to_numpy()
    table = unit_files.table(
        known.genes,
        fold=plan.fold,
        model=f"{plan.kind} of {card.inputs['cell']}",
        assay=plan.assay,
        cell=known.cell,
        part=np.where(is_test, "test", "train"),
        act=fitting.target(known, plan.task),
        pred=pred,
    )
    unit_files.write(part, table[is_test])
