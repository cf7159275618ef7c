"""A small simulated epigenome for tests, made once per process, and sizes of networks that train in
seconds."""

from dataclasses import replace
from functools import cache

from lib.epigenome.plans import PAPER
from lib.simulate import epigenome, epigenome_files

CELLS = ("E003", "E118")
SMALL = {
    "width": 16,
    "embed_hidden": 16,
    "pair_hidden": 16,
    "pair_layers": 1,
    "regulation_layers": 1,
    "regulation_heads": 2,
    "regulation_width": 16,
    "regulation_hidden": 16,
    "head_hidden": 16,
}
NARROW = {"channels": [8, 16, 32], "hidden": [32, 16]}


@cache
def world(n_genes: int = 200, seed: int = 0) -> epigenome.World:
    """Return the drawn world."""
    return epigenome.draw(epigenome.Plan(n_genes=n_genes, cells=CELLS, seed=seed))


@cache
def one_mark(mark: str, n_genes: int = 320):
    """Return the signals of a cell where one mark alone tells of expression."""
    plan = epigenome.Plan(n_genes=n_genes, cells=("E003",), seed=5, only=(mark,))
    return epigenome_files.signals_of(epigenome.draw(plan), "E003")


@cache
def signals(cell: str = "E003", n_genes: int = 200, seed: int = 0):
    """Return the signals of one of its cells."""
    return epigenome_files.signals_of(world(n_genes, seed), cell)


def settings(kind: str, **changes):
    """Return the paper's settings with fewer epochs."""
    return replace(
        PAPER[kind], **{"max_epochs": 15, "batch_size": 32, "learning_rate": 3e-3} | changes
    ).as_dict()
