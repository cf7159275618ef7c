"""Plans: which network is fitted on what, its sizes, and its training as published."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from lib.learning.settings import Settings

Kind = Literal["promoter", "chromoformer", "profile"]
Task = Literal["regression", "classification"]
WIDE, NARROW = "chromoformer", "promoter"

_KERAS = Settings(
    learning_rate=1e-3,
    weight_decay=0,
    batch_size=64,
    patience=11,
    max_epochs=100,
    optimiser={"kind": "adam", "eps": 1e-7},
    schedule="plateau",
    score="loss",
)
PAPER = {
    "promoter": _KERAS,
    "profile": replace(_KERAS, batch_size=128),
    "chromoformer": replace(
        _KERAS,
        weight_decay=0.01,
        optimiser="adamw",
        schedule={"kind": "plateau", "floor": 1e-6},
    ),
    "authors": replace(
        _KERAS,
        learning_rate=3e-5,
        weight_decay=0.01,
        patience=None,
        max_epochs=10,
        optimiser="adamw",
        schedule={"kind": "decay", "gamma": 0.87},
        score="last_epoch",
    ),
}
"""Training as published: the promoter network, the profile network of the first approach,
Chromoformer in the screen, and Chromoformer by its authors.

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

    @property
    def model(self) -> str:
        """Name in tables of predictions; classifiers are told apart."""
        return self.kind if self.task == "regression" else f"{self.kind} classes"


def as_dict(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON-able values."""
    return {**asdict(plan), "marks": list(plan.marks), "options": dict(plan.options or {})}


def sizes(width: int, pair_layers: int, regulation_layers: int) -> dict[str, int]:
    """Return Chromoformer's sizes from its width; 128, 2 and 6 are the published ones.

    Parameters
    ----------
    width : int
        Of tokens; hidden layers of regulation and pairs are twice as wide.
    pair_layers, regulation_layers : int

    Examples
    --------
    >>> from lib.epigenome.chromoformer import Sizes
    >>> Sizes(**sizes(128, 2, 6)) == Sizes()
    True
    """
    return {
        "width": width,
        "embed_hidden": width,
        "pair_layers": pair_layers,
        "pair_hidden": 2 * width,
        "regulation_layers": regulation_layers,
        "regulation_width": 2 * width,
        "regulation_hidden": 2 * width,
        "head_hidden": width,
    }


def training(
    kind: str,
    *,
    generation: str,
    learning_rate: float,
    batch_size: int,
    patience: int,
    max_epochs: int,
) -> dict:
    """Return the settings of a training as JSON-able values.

    Parameters
    ----------
    generation : str
        `paper`, or `authors` for Chromoformer as its authors trained it: rate times 0.87 an epoch,
        last epoch kept.
    patience : int
        Epochs without a lower validation loss after which training stops, as Keras counts.
    """
    name = "authors" if generation == "authors" and kind == WIDE else kind
    base = PAPER[name]
    waits = None if base.patience is None else patience - 1
    return replace(
        base,
        learning_rate=learning_rate,
        batch_size=batch_size,
        patience=waits,
        max_epochs=max_epochs,
    ).as_dict()
