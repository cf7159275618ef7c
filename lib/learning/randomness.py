"""Random numbers of torch that no other thread of the process can change.

torch draws from one generator per process unless it is given another. First weights are drawn from
a generator of their own (`own_weights`); layers that draw while they train, such as dropout, cannot
be given one, so one training at a time has the process's generator for itself (`alone`).
"""

import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

# the process has one torch generator: one training at a time may use it
_TURN = threading.RLock()
_DRAWS = {
    *(
        function
        for name, function in inspect.getmembers(init, inspect.isfunction)
        if "generator" in inspect.signature(function).parameters
    ),
    # what layers call outside of torch.nn.init
    *(Tensor.uniform_, Tensor.normal_, Tensor.bernoulli_, Tensor.random_, Tensor.exponential_),
    *(torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, torch.bernoulli),
}


class _From(TorchFunctionMode):
    """Give each call of this thread that draws a generator; other threads do not notice."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        options = dict(kwargs or {})
        # a generator that the caller gave stays
        if function in _DRAWS and options.get("generator") is None:
            options["generator"] = self.generator
        return function(*args, **options)


def own_weights(seed: int) -> TorchFunctionMode:
    """Return a context in which networks are built whose first weights depend on `seed` alone.

    The weights are those that `torch.manual_seed(seed)` gives.

    Parameters
    ----------
    seed : int
        Seed of the generator; equal seeds give equal first weights.

    Returns
    -------
    context manager
        Inside it, every draw of this thread comes from the generator, unless the call names
        another.

    Examples
    --------
    >>> with own_weights(7):
    ...     first = torch.nn.Linear(2, 1)
    >>> with own_weights(7):
    ...     torch.equal(first.weight, torch.nn.Linear(2, 1).weight)
    True
    """
    return _From(torch.Generator().manual_seed(seed))


@contextmanager
def alone(device: torch.device) -> Iterator[None]:
    """Give this thread torch's generators of the process, and leave them as they were.

    Another thread that asks for them waits until this one is done.

    Parameters
    ----------
    device : torch.device
        Device of the network; the generator of a GPU is kept as well as that of the CPU.
    """
    with _TURN, torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield
