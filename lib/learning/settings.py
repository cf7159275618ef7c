"""Hyper-parameters of a training run, as data that JSON and YAML can hold."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lib.learning import scores
from lib.learning.declared import choice, require
from lib.learning.optimisers import OPTIMISERS, Adam, Optimiser
from lib.learning.schedules import SCHEDULES, Constant, Schedule


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters of a run; the defaults are those of Image2Reg's impact screen.

    | experiment              | learning rate | weight decay | batch size | patience | epochs |
    |-------------------------|---------------|--------------|------------|----------|--------|
    | screen, gene vs control | 1e-5          | 5e-4         | 32         | 5        | 300    |
    | 42 classes, 4 folds     | 1e-5          | 5e-4         | 32         | 5        | 300    |
    | leave one target out    | 1e-5          | 1e-3         | 64         | 5        | 300    |
    | JUMP, 32 classes        | 1e-5          | 5e-4         | 64         | 5        | 300    |
    | ablation, one input     | 1e-5          | 5e-4         | 32         | 10       | 300    |
    | profiles, screen        | 1e-5          | 5e-4         | 64         | 5        | 300    |
    | profiles, 42 classes    | 1e-5          | 5e-4         | 64         | 10       | 2000   |

    Parameters
    ----------
    learning_rate : float
        Rate of the first epoch, > 0.
    weight_decay : float
        Factor of the L2 penalty, ≥ 0.
    batch_size : int
        Samples per step, ≥ 2, since batch normalisation needs two.
    patience : int, optional
        Epochs without a better score that are forgiven: the run stops after `patience + 1` of them
        (Keras' patience 12 is 11 here). None: all epochs are run.
    max_epochs : int
        Epochs after which the run stops in any case, ≥ 1.
    optimiser, schedule : Optimiser, Schedule
        An instance, its name, or a mapping with the name as `kind` and options:
        `{"kind": "plateau", "factor": 0.2}`. See `optimisers` and `schedules`.
    score : str
        What the best epoch is chosen by, see `scores.SCORES`; `last_epoch` keeps the last one.
    precision : str
        `fp32`, or `bf16` for bfloat16 where autocast holds that to be safe.
    device : str
        `cpu`, `cuda`, `cuda:1`; `auto` takes the first GPU, else the CPU.
    checkpoint_seconds : float
        Least time between two checkpoints, in seconds; 0 writes one after every epoch.

    Raises
    ------
    ValueError
        If a value is out of its range, or a name is unknown.

    Examples
    --------
    >>> Settings(optimiser={"kind": "sgd", "momentum": 0.9}).optimiser
    SGD(kind='sgd', momentum=0.9, nesterov=False)
    >>> Settings(**Settings(schedule="plateau").as_dict()) == Settings(schedule="plateau")
    True
    """

    learning_rate: float = 1e-5
    weight_decay: float = 5e-4
    batch_size: int = 32
    patience: int | None = 5
    max_epochs: int = 300
    optimiser: Optimiser = Adam()
    schedule: Schedule = Constant()
    score: str = "balanced_accuracy"
    precision: Literal["fp32", "bf16"] = "fp32"
    device: str = "auto"
    checkpoint_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, kinds in (("optimiser", OPTIMISERS), ("schedule", SCHEDULES)):
            # the dataclass is frozen; names and mappings become instances once, here
            object.__setattr__(self, name, choice(getattr(self, name), kinds, name))
        rates = f"learning rate {self.learning_rate} must be > 0, weight decay {self.weight_decay}"
        require(self.learning_rate > 0 and self.weight_decay >= 0, f"{rates} >= 0")
        require(
            self.batch_size >= 2 and self.max_epochs >= 1 and (self.patience or 0) >= 0,
            "expected batch_size >= 2 (batch normalisation), max_epochs >= 1, patience >= 0 or "
            "null",
        )
        known = self.precision in ("fp32", "bf16")
        require(known, f"precision {self.precision!r}: expected fp32 or bf16")
        scores.named(self.score)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as values that JSON and YAML can hold.

        Returns
        -------
        dict
            `Settings(**values)` is the same settings.
        """
        return asdict(self)
