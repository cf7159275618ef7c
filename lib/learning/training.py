"""The one training loop: any network, any loss, early stopping, mixed precision, checkpoints.

>>> loss = metrics.cross_entropy(weights)  # doctest: +SKIP
>>> fitted = fit(model, train, validation, loss=loss, rng=rng)  # doctest: +SKIP

A run that was killed and started again ends, on a CPU, in the same bytes as one that was not: every
epoch draws from its own random stream, which the run's seed and the epoch's number give.
"""

import math
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lib.learning import randomness, schedules, scores
from lib.learning.batches import Batches, pick_device, row_batches
from lib.learning.fitted import Fitted
from lib.learning.metrics import Batch, Loss, Metrics, Total
from lib.learning.scores import Score
from lib.learning.settings import Settings
from lib.run import store
from lib.stats.order import rounded

__all__ = ["Batches", "Fitted", "Settings", "evaluate", "fit", "pick_device", "row_batches"]


def fit(
    model: nn.Module,
    train: Batches,
    validation: Batches | None = None,
    *,
    loss: Loss,
    rng: np.random.Generator,
    settings: Settings | None = None,
    score: Score | None = None,
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
    settings : Settings, optional
        Default: those of Image2Reg's impact screen.
    score : Score, optional
        One of your own in place of that which the settings name. The best epoch is the first with
        the highest, to nine digits.
    checkpoint : Path, optional
        File for the state of the run; if it is there, the run goes on from it. The caller removes
        it in the end.
    progress : str
        Label of a progress bar, which is drawn on a terminal only; empty for none.

    Returns
    -------
    Fitted
        History, best epoch and its score.

    Raises
    ------
    ValueError
        For a checkpoint of another run, or no batches.
    FloatingPointError
        If the training loss is no longer a number.

    References
    ----------
    The defaults are those of Image2Reg (Paysan et al., Cell Systems), code `uhlerlab/image2reg`
    """
    settings = settings or Settings()
    score = score or scores.named(settings.score)
    run = _Run(
        model.to(pick_device(settings.device)),
        settings,
        seed=int(rng.integers(2**63)),  # the run's only draw; each epoch derives its own stream
        score=score,
        validates=validation is not None,
    )
    # a run that was killed goes on from its last checkpoint
    if checkpoint is not None and checkpoint.exists():
        run.load(checkpoint)
    written = time.monotonic()
    with _private_random(run.device), _bar(progress, settings.max_epochs, run.epoch) as bar:
        # one turn per epoch: train, score, note, now and then a checkpoint
        while run.epoch < settings.max_epochs and not run.out_of_patience():
            epoch_rng = run.start_epoch()
            row, value = _epoch(run, train(epoch_rng), validation, loss)
            run.finish_epoch(row, value)
            if checkpoint is not None and time.monotonic() - written >= settings.checkpoint_seconds:
                run.save(checkpoint)
                written = time.monotonic()
            bar.set_postfix({name: f"{value:.3g}" for name, value in row.items()}, refresh=False)
            bar.update()
    return run.finish()


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    batches: Batches,
    loss: Loss,
    *,
    settings: Settings | None = None,
    keep_outputs: bool = False,
) -> Metrics:
    """Compute the metrics of a model in evaluation mode over every sample of `batches(None)`.

    Parameters
    ----------
    model : Module
        It is left in evaluation mode.
    batches : callable
        As `train` of `fit`; it is called with None, so that every sample comes once, in order.
    loss : callable
        `loss(model, batch)` → `Outcome`.
    settings : Settings, optional
        Only its precision counts.
    keep_outputs : bool
        Whether the metrics hold outputs and targets of all samples, which takes their memory.

    Returns
    -------
    Metrics
        Means over all samples.

    Raises
    ------
    ValueError
        If there is no sample.
    """
    settings = settings or Settings()
    device = next(model.parameters()).device
    model.eval()
    total = Total(keeps_outputs=keep_outputs)
    for batch in batches(None):
        with autocast(settings, device):
            total.add(loss(model, batch))
    return total.metrics()


def autocast(settings: Settings, device: torch.device) -> Any:
    """Return the context in which forward passes run.

    Parameters
    ----------
    settings : Settings
        Says the precision: in `bf16`, torch computes in bfloat16 where it holds that to be safe.
    device : torch.device
        Where the network is.

    Returns
    -------
    context manager
    """
    is_on = settings.precision == "bf16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_on)


def _epoch(
    run: "_Run", batches: Iterable[Batch], validation: Batches | None, loss: Loss
) -> tuple[dict[str, float], float]:
    """Train and validate once; return the history's row, and the score or NaN."""
    metrics, prefix, score = _train_epoch(run, batches, loss), "train", run.score
    row = metrics.row("train")
    if validation is not None:
        keep = score is not None and score.sees_outputs
        # outputs of all samples take memory, so only a score that needs them has them kept
        metrics = evaluate(run.model, validation, loss, settings=run.settings, keep_outputs=keep)
        prefix = "val"
        row |= metrics.row("val")
    value = math.nan if score is None else score.of(metrics)
    if score is not None and score.sees_outputs:  # else the row has it already
        row[f"{prefix}_{score.name}"] = value
    return row, value


def _train_epoch(run: "_Run", batches: Iterable[Batch], loss: Loss) -> Metrics:
    run.model.train()
    is_scored = run.score is not None and not run.validates
    total = Total(keeps_outputs=is_scored and run.score.sees_outputs)
    for batch in batches:
        run.optimiser.zero_grad(set_to_none=True)  # saves a pass over the weights
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

    def __init__(
        self,
        model: nn.Module,
        settings: Settings,
        *,
        seed: int,
        score: Score | None = None,
        validates: bool = True,
    ) -> None:
        self.model, self.settings, self.seed = model, settings, seed
        self.score, self.validates = score, validates
        self.device = next(model.parameters()).device
        rates = (settings.learning_rate, settings.weight_decay)
        self.optimiser = settings.optimiser.build(model.parameters(), *rates)
        self.schedule = settings.schedule.build(self.optimiser)
        # epochs count from 1; 0 is before the first
        self.epoch = self.best_epoch = 0
        self.best_score = -math.inf
        self.best_weights: dict[str, Tensor] = {}
        self.history: list[dict[str, float]] = []

    def out_of_patience(self) -> bool:
        patience = self.settings.patience
        return patience is not None and self.epoch - self.best_epoch > patience

    def start_epoch(self) -> np.random.Generator:
        """Count the epoch and give it its random streams.

        They are the returned one, and torch's own for layers that draw.
        """
        self.epoch += 1
        rng = np.random.default_rng([self.seed, self.epoch])
        seed = int(rng.integers(2**63))
        # dropout draws from here; each epoch's stream stands alone, so a resumed run is the same
        torch.default_generator.manual_seed(seed)
        if (
            self.device.type == "cuda"
        ):  # torch.manual_seed would, where there is no GPU, queue a call for later
            torch.cuda.manual_seed(seed)
        return rng

    def finish_epoch(self, row: dict[str, float], score: float) -> None:
        """Note the epoch, keep its weights if it is the best, and set the next learning rate.

        The best has a score higher, to nine digits, than all before; without a score it is the
        last.
        """
        self.history.append({"epoch": self.epoch, **row})
        # a rate that never changes needs no column
        if not isinstance(self.settings.schedule, schedules.Constant):
            self.history[-1]["learning_rate"] = self.optimiser.param_groups[0]["lr"]
        # the first of equals, and a NaN never wins
        if self.score is None or rounded(score) > rounded(self.best_score):
            self.best_epoch, self.best_score = self.epoch, score
            if self.score is not None:
                weights = self.model.state_dict()
                # a copy, since the optimiser changes the weights in place
                self.best_weights = {
                    name: value.detach().clone() for name, value in weights.items()
                }
        schedules.step(self.schedule, row.get("val_loss", row["train_loss"]))

    def finish(self) -> Fitted:
        # none without a score: then the last epoch's stay
        if self.best_weights:
            self.model.load_state_dict(self.best_weights)
        self.model.eval()
        return Fitted(pd.DataFrame(self.history), self.best_epoch or self.epoch, self.best_score)

    def fingerprint(self) -> str:
        """Return what tells this run from another one.

        How often it is saved, and where it runs, do not matter.
        """
        settings = self.settings.as_dict()
        # neither changes a number of the run
        del settings["checkpoint_seconds"], settings["device"]
        shapes = {name: list(value.shape) for name, value in self.model.state_dict().items()}
        return store.digest([settings, shapes, self.seed, self.score and self.score.name])

    def save(self, path: Path) -> None:
        scalars = {
            name: getattr(self, name) for name in ("epoch", "best_epoch", "best_score", "seed")
        }
        state = {
            **scalars,
            "fingerprint": self.fingerprint(),
            "history": self.history,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "best_weights": self.best_weights,
        }
        with store.atomic(path) as part:
            torch.save(state, part)

    def load(self, path: Path) -> None:
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            same = state["fingerprint"] == self.fingerprint()
        except Exception as error:  # zip, pickle and key errors alike: not a checkpoint of ours
            raise ValueError(
                f"{path.name} is no readable checkpoint ({type(error).__name__}); delete it"
            ) from None
        if not same:
            raise ValueError(
                f"{path.name} is of a run with other settings, seed or network; delete it to start "
                "anew"
            )
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        for name in ("epoch", "best_epoch", "best_score", "history", "best_weights"):
            setattr(self, name, state[name])


@contextmanager
def _private_random(device: torch.device) -> Iterator[None]:
    """Draw from torch's generators alone and leave them as they were.

    On a GPU, algorithms are chosen that repeat.
    """
    exact = {"benchmark": False, "deterministic": True, "allow_tf32": False}
    with randomness.alone(device), torch.backends.cudnn.flags(enabled=True, **exact):
        yield


def _bar(label: str, total: int, done: int) -> Any:
    from tqdm.auto import tqdm

    return tqdm(
        desc=label,
        total=total,
        initial=done,
        unit="epoch",
        disable=not (label and sys.stderr.isatty()),
    )
