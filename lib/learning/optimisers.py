"""Optimisers as data: their names, their options, and torch's fused form of each.

Fused is fast, since a step is one call for all weights, and it is exact: its square root is that of
IEEE 754, where `torch.sqrt`, by which the plain forms step, differs between processors.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from lib.learning.declared import require


@dataclass(frozen=True)
class Adam:
    """Adam; weight decay joins the gradient, as in torch.

    Parameters
    ----------
    betas : (float, float)
        Decay per step of the means of the gradient and of its square, each in [0, 1).
    eps : float
        Added to the root of the mean square; > 0. Keras has 1e-7 where torch has 1e-8.
    amsgrad : bool
        Whether to divide by the largest mean square so far.

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    Kingma and Ba, Adam: a method for stochastic optimization, https://arxiv.org/abs/1412.6980
    """

    kind: str = field(default="adam", init=False)
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    amsgrad: bool = False
    _class: ClassVar[type[torch.optim.Optimizer]] = torch.optim.Adam

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas))  # JSON and YAML give a list
        inside = len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)
        require(inside, f"betas {self.betas} of {self.kind}: expected two numbers in [0, 1)")
        require(self.eps > 0, f"eps {self.eps} of {self.kind}: expected a number > 0")

    def build(
        self, parameters: Iterable[Tensor], learning_rate: float, weight_decay: float
    ) -> torch.optim.Optimizer:
        """Return torch's optimiser of these parameters.

        Parameters
        ----------
        parameters : iterable of Tensor
            Weights to train.
        learning_rate : float
            Rate of the first epoch; a schedule changes it.
        weight_decay : float
            Factor of the L2 penalty, ≥ 0.

        Returns
        -------
        torch.optim.Optimizer
        """
        options = {"betas": self.betas, "eps": self.eps, "amsgrad": self.amsgrad}
        # fused: one call for all weights, and IEEE's square root
        return self._class(
            parameters, learning_rate, weight_decay=weight_decay, fused=True, **options
        )


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam whose weight decay acts on the weights alone; options as those of `Adam`.

    References
    ----------
    Loshchilov and Hutter, Decoupled weight decay regularization, https://arxiv.org/abs/1711.05101
    """

    kind: str = field(default="adamw", init=False)
    _class: ClassVar[type[torch.optim.Optimizer]] = torch.optim.AdamW


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, with momentum and Nesterov's look-ahead if asked for.

    Parameters
    ----------
    momentum : float
        Share of the last step that is kept, in [0, 1).
    nesterov : bool
        Needs momentum.

    Raises
    ------
    ValueError
        If momentum is out of its range, or Nesterov's has none.
    """

    # the name that JSON and YAML give
    kind: str = field(default="sgd", init=False)
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        inside = 0 <= self.momentum < 1
        require(inside, f"momentum {self.momentum} of sgd: expected a number in [0, 1)")
        require(self.momentum > 0 or not self.nesterov, "nesterov of sgd needs momentum > 0")

    def build(
        self, parameters: Iterable[Tensor], learning_rate: float, weight_decay: float
    ) -> torch.optim.Optimizer:
        """Return torch's optimiser of these parameters.

        Parameters
        ----------
        parameters : iterable of Tensor
            Weights to train.
        learning_rate : float
            Rate of the first epoch; a schedule changes it.
        weight_decay : float
            Factor of the L2 penalty, ≥ 0.

        Returns
        -------
        torch.optim.Optimizer
        """
        options = {"momentum": self.momentum, "nesterov": self.nesterov}
        return torch.optim.SGD(
            parameters, learning_rate, weight_decay=weight_decay, fused=True, **options
        )


Optimiser = Adam | AdamW | SGD
OPTIMISERS = {kind.kind: kind for kind in (Adam, AdamW, SGD)}
