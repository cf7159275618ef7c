"""The one training loop: any network, any loss, early stopping, mixed precision, checkpoint and resume.

>>> fitted = fit(model, train, validation, loss=metrics.cross_entropy(weights), rng=rng)  # doctest: +SKIP

A run that was killed and started again ends, on a CPU, in the same bytes as one that was not: every epoch draws from
its own random stream, which the run's seed and the epoch's number give.
"""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lib.learning.metrics import Batch, Loss, Metrics, Total, balanced_accuracy
from lib.run import store
from lib.stats.order import rounded

Batches = Callable[[np.random.Generator | None], Iterable[Batch]]
"""One epoch: with a generator shuffled and augmented, with None every sample once, in order, as it is."""


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters of a run; the defaults are those of the paper's impact screen.

    | experiment              | learning rate | weight decay | batch size | patience | epochs |
    |-------------------------|---------------|--------------|------------|----------|--------|
    | screen, gene vs control | 1e-5          | 5e-4         | 32         | 5        | 300    |
    | 42 classes, 4 folds     | 1e-5          | 5e-4         | 32         | 5        | 300    |
    | leave one target out    | 1e-5          | 1e-3         | 64         | 5        | 300    |
    | JUMP, 32 classes        | 1e-5          | 5e-4         | 64         | 5        | 300    |
    | ablation, one input     | 1e-5          | 5e-4         | 32         | 10       | 300    |
    | profiles, screen        | 1e-5          | 5e-4         | 64         | 5        | 300    |
    | profiles, 42 classes    | 1e-5          | 5e-4         | 64         | 10       | 2000   |

    The optimiser is Adam throughout and the learning rate stays as it is.

    Parameters
    ----------
    patience : int, optional
        Epochs without a better score that are forgiven: the run stops after `patience + 1` of them. None: never.
    precision : str
        `bf16` computes in bfloat16 where that is safe, `fp32` never does, `auto` does on a GPU.
    device : str
        `cpu`, `cuda`, `cuda:1`; `auto` takes the first GPU, else the CPU.
    checkpoint_seconds : float
        Least time between two checkpoints; 0 writes one after every epoch.
    """

    learning_rate: float = 1e-5
    weight_decay: float = 5e-4
    batch_size: int = 32
    patience: int | None = 5
    max_epochs: int = 300
    amsgrad: bool = False
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    device: str = "auto"
    checkpoint_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise ValueError(f"learning rate {self.learning_rate} must be > 0, weight decay {self.weight_decay} >= 0")
        if self.batch_size < 2 or self.max_epochs < 1 or (self.patience is not None and self.patience < 0):
            raise ValueError("expected batch_size >= 2 (batch normalisation), max_epochs >= 1, patience >= 0 or null")


@dataclass(frozen=True)
class Fitted:
    """A finished run; the model carries the weights of `best_epoch` (counted from 1)."""

    history: pd.DataFrame
    best_epoch: int
    best_score: float

    def best_row(self) -> dict[str, float]:
        """Return the history's row of the best epoch."""
        return self.history.iloc[self.best_epoch - 1].drop("epoch").to_dict()


def row_batches(n: int, size: int, rng: np.random.Generator | None) -> list[np.ndarray]:
    """Cut `n` row numbers into batches, shuffled if there is a generator; nothing is dropped.

    With a generator the batches are for training: batch normalisation needs two samples, so a single last one joins
    the batch before.

    Examples
    --------
    >>> [len(rows) for rows in row_batches(7, 3, np.random.default_rng(0))]
    [3, 4]
    >>> row_batches(4, 3, None)
    [array([0, 1, 2]), array([3])]
    """
    order = np.arange(n) if rng is None else rng.permutation(n)
    batches = [order[start : start + size] for start in range(0, n, size)]
    if rng is not None and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of that name; `auto` is the first GPU, else the CPU."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def fit(
    model: nn.Module,
    train: Batches,
    validation: Batches | None = None,
    *,
    loss: Loss,
    rng: np.random.Generator,
    score: Callable[[Metrics], float] | None = balanced_accuracy,
    settings: Settings | None = None,
    checkpoint: Path | None = None,
    progress: str = "",
) -> Fitted:
    """Train a model in place and leave it with the weights of its best epoch.

    Parameters
    ----------
    model : Module
        Already initialised; it is moved to the device of the settings.
    train, validation : callable
        Give the batches of an epoch. Without validation, the score is taken on the training pass.
    loss : callable
        `loss(model, batch)` → `Outcome`.
    rng : Generator
        One draw from it seeds the run.
    score : callable, optional
        Metrics → number, higher is better; the best epoch is the first with the highest, to nine digits. None keeps
        the last epoch.
    checkpoint : Path, optional
        File for the state of the run; if it is there, the run goes on from it. The caller removes it in the end.
    progress : str
        Label of a progress bar, which is drawn on a terminal only; empty for none.

    Raises
    ------
    ValueError
        For a checkpoint of another run, or no batches.
    FloatingPointError
        If the training loss is no longer a number.
    """
    settings = settings or Settings()
    run = _Run(model.to(pick_device(settings.device)), settings, seed=int(rng.integers(2**63)), keep_best=bool(score))
    if checkpoint is not None and checkpoint.exists():
        run.load(checkpoint)
    written = time.monotonic()
    with _private_random(run.device), _bar(progress, settings.max_epochs, run.epoch) as bar:
        while run.epoch < settings.max_epochs and not run.out_of_patience():
            epoch_rng = run.start_epoch()
            metrics = _train_epoch(run, train(epoch_rng), loss)
            row = metrics.row("train")
            if validation is not None:
                metrics = evaluate(model, validation, loss, settings=settings)
                row |= metrics.row("val")
            run.finish_epoch(row, score(metrics) if score else math.nan)
            if checkpoint is not None and time.monotonic() - written >= settings.checkpoint_seconds:
                run.save(checkpoint)
                written = time.monotonic()
            bar.set_postfix({name: f"{value:.3g}" for name, value in row.items()}, refresh=False)
            bar.update()
    return run.finish()


@torch.inference_mode()
def evaluate(model: nn.Module, batches: Batches, loss: Loss, *, settings: Settings | None = None) -> Metrics:
    """Return the metrics of a model in evaluation mode over every sample of `batches(None)`."""
    settings = settings or Settings()
    device = next(model.parameters()).device
    model.eval()
    total = Total()
    for batch in batches(None):
        with autocast(settings, device):
            total.add(loss(model, batch))
    return total.metrics()


def autocast(settings: Settings, device: torch.device) -> Any:
    """Return the context in which forward passes run: bfloat16 if the settings say so."""
    enabled = settings.precision == "bf16" or (settings.precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def _train_epoch(run: "_Run", batches: Iterable[Batch], loss: Loss) -> Metrics:
    run.model.train()
    total = Total()
    for batch in batches:
        run.optimiser.zero_grad(set_to_none=True)
        with autocast(run.settings, run.device):
            outcome = loss(run.model, batch)
        outcome.loss.backward()
        run.optimiser.step()
        total.add(outcome)
    metrics = total.metrics()
    if not math.isfinite(metrics.loss):
        raise FloatingPointError(
            f"training loss is {metrics.loss} in epoch {run.epoch}: lower the learning rate "
            f"({run.settings.learning_rate}) or look for inputs that are not finite"
        )
    return metrics


class _Run:
    """The state of a run, all that a checkpoint holds."""

    def __init__(self, model: nn.Module, settings: Settings, *, seed: int, keep_best: bool) -> None:
        self.model, self.settings, self.seed, self.keep_best = model, settings, seed, keep_best
        self.device = next(model.parameters()).device
        self.optimiser = torch.optim.Adam(
            model.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            amsgrad=settings.amsgrad,
            fused=True,  # one call a step instead of some a weight, which is what small networks wait for
        )
        self.epoch = self.best_epoch = 0
        self.best_score = -math.inf
        self.best_weights: dict[str, Tensor] = {}
        self.history: list[dict[str, float]] = []

    def out_of_patience(self) -> bool:
        patience = self.settings.patience
        return patience is not None and self.epoch - self.best_epoch > patience

    def start_epoch(self) -> np.random.Generator:
        """Count the epoch and give it its random streams: the returned one, and torch's own for layers that draw."""
        self.epoch += 1
        rng = np.random.default_rng([self.seed, self.epoch])
        seed = int(rng.integers(2**63))
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":  # torch.manual_seed would, where there is no GPU, queue a call for later
            torch.cuda.manual_seed(seed)
        return rng

    def finish_epoch(self, row: dict[str, float], score: float) -> None:
        """Note the epoch; keep its weights if the score is better in nine digits, or if the last epoch is wanted."""
        self.history.append({"epoch": self.epoch, **row})
        if rounded(score) > rounded(self.best_score) or not self.keep_best:
            self.best_epoch, self.best_score = self.epoch, score
            if self.keep_best:
                self.best_weights = {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    def finish(self) -> Fitted:
        if self.best_weights:
            self.model.load_state_dict(self.best_weights)
        self.model.eval()
        return Fitted(pd.DataFrame(self.history), self.best_epoch or self.epoch, self.best_score)

    def fingerprint(self) -> str:
        """Return what tells this run from another one; how often it is saved, and where it runs, do not matter."""
        settings = {key: value for key, value in asdict(self.settings).items() if key != "checkpoint_seconds"}
        shapes = {name: list(value.shape) for name, value in self.model.state_dict().items()}
        return store.digest([settings, shapes, self.seed, self.keep_best])

    def save(self, path: Path) -> None:
        scalars = {name: getattr(self, name) for name in ("epoch", "best_epoch", "best_score", "seed")}
        state = {
            **scalars,
            "fingerprint": self.fingerprint(),
            "history": self.history,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best_weights": self.best_weights,
        }
        with store.atomic(path) as part:
            torch.save(state, part)

    def load(self, path: Path) -> None:
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            same = state["fingerprint"] == self.fingerprint()
        except Exception as error:  # zip, pickle and key errors alike: not a checkpoint of ours
            raise ValueError(f"{path.name} is no readable checkpoint ({type(error).__name__}); delete it") from None
        if not same:
            raise ValueError(f"{path.name} is of a run with other settings, seed or network; delete it to start anew")
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name in ("epoch", "best_epoch", "best_score", "history", "best_weights"):
            setattr(self, name, state[name])


@contextmanager
def _private_random(device: torch.device) -> Iterator[None]:
    """Leave torch's global random state as it was; convolutions on a GPU choose algorithms that repeat."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        yield


def _bar(label: str, total: int, done: int) -> Any:
    from tqdm.auto import tqdm

    return tqdm(desc=label, total=total, initial=done, unit="epoch", disable=not (label and sys.stderr.isatty()))
