"""Schedules of the learning rate as data; every one changes it between epochs only.

Rates are products and halves of the first rate, never powers: another processor's `pow` may end in
another digit.
"""

import math
from dataclasses import dataclass, field

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR, LRScheduler, ReduceLROnPlateau

from lib.learning.declared import require


@dataclass(frozen=True)
class Constant:
    """The learning rate stays as it is."""

    kind: str = field(default="constant", init=False)

    def build(self, optimiser: Optimizer) -> LRScheduler:
        """Return torch's scheduler of this optimiser.

        Parameters
        ----------
        optimiser : Optimizer
            Its parameter groups hold the first learning rate.

        Returns
        -------
        LRScheduler
            Multiplies the first rate by 1.
        """
        return LambdaLR(optimiser, lambda epoch: 1.0)


@dataclass(frozen=True)
class Decay:
    """The learning rate is multiplied by `gamma` after every epoch, as in Chromoformer.

    Parameters
    ----------
    gamma : float
        Factor, in (0, 1]; Chromoformer's is 0.87.

    Raises
    ------
    ValueError
        If gamma is out of its range.
    """

    kind: str = field(default="decay", init=False)
    gamma: float = 0.87

    def __post_init__(self) -> None:
        require(0 < self.gamma <= 1, f"gamma {self.gamma} of decay: expected a number in (0, 1]")

    def build(self, optimiser: Optimizer) -> LRScheduler:
        """Return torch's scheduler of this optimiser.

        Parameters
        ----------
        optimiser : Optimizer
            Its parameter groups hold the first learning rate.

        Returns
        -------
        LRScheduler
            Multiplies the rate by `gamma` at each step.
        """
        return ExponentialLR(optimiser, self.gamma)


@dataclass(frozen=True)
class WarmUp:
    """The learning rate grows linearly from 0, stays, and is halved again and again at the end.

    GeneSegNet, as Cellpose before it: 10 epochs of warm-up; of n epochs, if n > 250, halved every
    10 from epoch n − 90 on, counted from 0: the last of them have 1/2⁹ of the rate.

    Parameters
    ----------
    n_warm_up : int
        Epoch i of these, counted from 0, has i / (n − 1) of the rate: the first learns nothing and
        the last has all of it. 0 and 1: no warm-up.
    halve_from : int, optional
        First epoch with half the rate, counted from 0. None: never.
    halve_every : int
        Epochs from one halving to the next, >= 1.

    Raises
    ------
    ValueError
        If a number is out of its range, or halving begins before the warm-up is over.

    References
    ----------
    Wang et al., Genome Biology 24:235 (2023), of which the schedule is Cellpose's

    Examples
    --------
    >>> schedule = WarmUp(n_warm_up=3, halve_from=4, halve_every=2)
    >>> [schedule.factor(epoch) for epoch in range(8)]
    [0.0, 0.5, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    kind: str = field(default="warm_up", init=False)
    n_warm_up: int = 10
    halve_from: int | None = None
    halve_every: int = 10

    def __post_init__(self) -> None:
        require(self.n_warm_up >= 0, f"n_warm_up {self.n_warm_up}: expected 0 epochs or more")
        require(self.halve_every >= 1, f"halve_every {self.halve_every}: expected 1 epoch or more")
        if self.halve_from is not None:
            message = f"halve_from {self.halve_from}: expected no less than n_warm_up"
            require(self.halve_from >= self.n_warm_up, f"{message}, {self.n_warm_up}")

    def factor(self, epoch: int) -> float:
        """Return the share of the first learning rate that an epoch has.

        Parameters
        ----------
        epoch : int
            Counted from 0.

        Returns
        -------
        float
            In [0, 1].
        """
        if epoch < self.n_warm_up - 1:
            return epoch / (self.n_warm_up - 1)
        if self.halve_from is None or epoch < self.halve_from:
            return 1.0
        # halves exactly, unlike a power of 0.5
        return math.ldexp(1.0, -1 - (epoch - self.halve_from) // self.halve_every)

    def build(self, optimiser: Optimizer) -> LRScheduler:
        """Return torch's scheduler of this optimiser.

        Parameters
        ----------
        optimiser : Optimizer
            Its parameter groups hold the first learning rate.

        Returns
        -------
        LRScheduler
            Multiplies the first rate by `factor` of the epoch.
        """
        return LambdaLR(optimiser, self.factor)


@dataclass(frozen=True)
class Plateau:
    """The learning rate is cut where the validation loss, else the training loss, falls no more.

    Parameters
    ----------
    factor : float
        The rate is multiplied by it; in (0, 1).
    patience : int
        Epochs without a lower loss that are forgiven: the cut comes after `patience + 1` of them.
        Keras' patience 3 is 2 here.
    min_delta : float
        A loss counts as lower if it is by more than this; absolute, as in Keras.
    floor : float
        Rate below which nothing is cut.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    kind: str = field(default="plateau", init=False)
    factor: float = 0.2
    patience: int = 2
    min_delta: float = 1e-4
    floor: float = 0.0

    def __post_init__(self) -> None:
        require(0 < self.factor < 1, f"factor {self.factor} of plateau: expected one in (0, 1)")
        require(self.patience >= 0, f"patience {self.patience} of plateau: expected 0 or more")
        least = min(self.min_delta, self.floor)
        require(least >= 0, "min_delta and floor of plateau: expected numbers >= 0")

    def build(self, optimiser: Optimizer) -> LRScheduler:
        """Return torch's scheduler of this optimiser.

        Parameters
        ----------
        optimiser : Optimizer
            Its parameter groups hold the first learning rate.

        Returns
        -------
        LRScheduler
            Its `step` takes the loss.
        """
        return ReduceLROnPlateau(
            optimiser,
            factor=self.factor,
            patience=self.patience,
            threshold=self.min_delta,
            threshold_mode="abs",  # as Keras; torch's own default is relative
            min_lr=self.floor,
            eps=0.0,  # torch would skip cuts smaller than this
        )


Schedule = Constant | Decay | WarmUp | Plateau
SCHEDULES = {kind.kind: kind for kind in (Constant, Decay, WarmUp, Plateau)}


def step(scheduler: LRScheduler, loss: float) -> None:
    """Set the learning rate of the next epoch.

    Parameters
    ----------
    scheduler : LRScheduler
        As a schedule's `build` returns it.
    loss : float
        Loss of the epoch that is over: that of validation, else that of training.
    """
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(loss)
    else:
        scheduler.step()
