"""Weights of a trained network with their card: one safetensors file, or the same as bytes.

The card lies in the file's header, so the two cannot part, and a unit that writes one file can keep
a network inside it. A sha256 over card and tensors tells a file that was changed or cut short.

>>> weights.save("net.safetensors", model, Card(architecture, settings, origin))  # doctest: +SKIP
>>> card = weights.read_card("net.safetensors")                                   # doctest: +SKIP
>>> weights.load("net.safetensors", build(**card.architecture))                   # doctest: +SKIP
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lib.data.errors import InputError
from lib.run import store

UNS = "network"  # entry of uns that holds a network in an .h5ad
PACKAGES = ("torch", "numpy", "safetensors")
Source = str | os.PathLike | bytes


def _versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


@dataclass(frozen=True)
class Card:
    """What a network is and where it comes from; all of it JSON-able.

    Parameters
    ----------
    architecture : mapping
        Arguments that build the network, sizes included.
    settings : mapping
        Of its training, as `Settings.as_dict` gives them.
    origin : str or mapping
        Where its data come from: a sentence, or name of each file → sha256.
    classes : sequence of str
        Names of the classes in the order of the logits; empty without.
    inputs : mapping
        What the network looks at, such as names and side of images, or the order of genes.
    history : mapping
        Summary of the training, as `Fitted.summary` gives it.
    versions : mapping
        Package → version by which it was trained.
    """

    architecture: Mapping[str, Any]
    settings: Mapping[str, Any]
    origin: str | Mapping[str, str]
    classes: Sequence[str] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    history: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=_versions)

    def as_json(self) -> str:
        """Return the card as one line of JSON with sorted keys.

        Returns
        -------
        str
            What `read_card` builds the card from again.

        Raises
        ------
        InputError
            If a value is none that JSON has, NaN and infinity included.
        """
        values = {**asdict(self), "classes": list(self.classes)}
        try:
            return json.dumps(values, sort_keys=True, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InputError(f"the card of a network must be JSON-able: {error}") from None


def pack(model: nn.Module, card: Card) -> bytes:
    """Return weights and card as the bytes of a safetensors file.

    Parameters
    ----------
    model : Module
        Its parameters and buffers are taken, from any device.
    card : Card
        Goes into the file's header.

    Returns
    -------
    bytes
        Equal weights and cards give equal bytes.

    Raises
    ------
    InputError
        If the card is not JSON-able.
    """
    from safetensors.torch import save as serialise

    state = model.state_dict()
    # a clone of each, since safetensors refuses tensors that share memory (tied weights)
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    text = card.as_json()
    header, body = _split(serialise(tensors))
    # one key only: safetensors does not keep the order of several
    about = json.dumps({"sha256": _digest(text, header, body), "card": text})
    return serialise(tensors, metadata={"card": about})


def save(path: str | os.PathLike, model: nn.Module, card: Card) -> Path:
    """Write weights and card as one `.safetensors` file, whole or not at all.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.
    model : Module
        Its parameters and buffers are written, from any device.
    card : Card
        Goes into the file's header.

    Returns
    -------
    Path
        The absolute path.

    Raises
    ------
    InputError
        If the card is not JSON-able.
    """
    data = pack(model, card)
    with store.atomic(path) as part:
        part.write_bytes(data)
    return store.resolve(path)


def as_uns(data: bytes) -> dict[str, np.ndarray]:
    """Return packed weights as an entry of an AnnData's `uns`, where `from_h5ad` finds them again.

    Parameters
    ----------
    data : bytes
        As `pack` returns them.

    Returns
    -------
    dict
        One entry: `UNS` → (bytes,) array of uint8.
    """
    return {UNS: np.frombuffer(data, dtype=np.uint8)}


def from_h5ad(path: str | os.PathLike) -> bytes:
    """Return the packed weights inside an `.h5ad`, without reading the rest of it.

    Parameters
    ----------
    path : path
        An `.h5ad` into whose `uns` the entry of `as_uns` was put.

    Returns
    -------
    bytes
        For `load` and `read_card`.

    Raises
    ------
    InputError
        If there is no such file, or it holds no network.
    """
    import h5py

    path = store.resolve(path)
    if not path.is_file():
        raise InputError(f"{path} is not there")
    with h5py.File(path) as file:
        if f"uns/{UNS}" not in file:
            raise InputError(f"{path.name} holds no network; make it again with keep_weights")
        return file[f"uns/{UNS}"][:].tobytes()


def take_out(path: str | os.PathLike, target: str | os.PathLike) -> Path:
    """Write the network inside an `.h5ad` as a file of its own.

    Parameters
    ----------
    path : path
        As in `from_h5ad`.
    target : path
        A `.safetensors` file, for `load` and `read_card`.

    Returns
    -------
    Path
        The absolute path of the target.

    Raises
    ------
    InputError
        As `from_h5ad`.
    """
    data = from_h5ad(path)
    with store.atomic(target) as part:
        part.write_bytes(data)
    return store.resolve(target)


def read_card(source: Source) -> Card:
    """Return the card of a file, or of its bytes, after its sha256 was checked.

    Parameters
    ----------
    source : path or bytes
        As `save` and `pack` give them.

    Returns
    -------
    Card

    Raises
    ------
    InputError
        If there is no such file, it has no card, or it is not what its card describes.
    """
    # the whole file is read, as the sha256 is over all of it
    return _checked(*_bytes_of(source))


def load(source: Source, model: nn.Module) -> Card:
    """Put the weights of a file, or of the bytes of one, into a model and return their card.

    Parameters
    ----------
    source : path or bytes
        As `save` and `pack` give them.
    model : Module
        Names and shapes of its weights must be those of the file; it is left in evaluation mode.

    Returns
    -------
    Card

    Raises
    ------
    InputError
        If the file is absent, changed, or of another network; the message names the tensor.
    """
    from safetensors.torch import load as deserialise

    data, name = _bytes_of(source)
    card = _checked(data, name)
    put(model, deserialise(data), name)
    model.eval()
    return card


def read_state(path: str | os.PathLike) -> dict[str, Tensor]:
    """Read weights from elsewhere, without a card; the code in a `.pth` is not run.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root; every suffix but `.safetensors` is read by
        torch.

    Returns
    -------
    dict of str to Tensor
        On the CPU, by name.

    Raises
    ------
    InputError
        If there is no such file, or it holds something other than named tensors.
    """
    path = store.resolve(path)
    if not path.is_file():
        raise InputError(f"weights file {path} is not there")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        # weights_only: no pickled code runs
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zip, pickle and header errors alike
        message = f"{path.name} holds no readable weights ({type(error).__name__})"
        raise InputError(message) from None
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise InputError(f"{path.name} is no state dict: expected names with tensors")
    return state


def load_state(path: str | os.PathLike, model: nn.Module) -> None:
    """Put weights from elsewhere, without a card, into a model; see `read_state` and `put`.

    Parameters
    ----------
    path : path
        As in `read_state`.
    model : Module
        Names and shapes of its weights must be those of the file.

    Raises
    ------
    InputError
        If the file is absent, not readable, or of another network.
    """
    put(model, read_state(path), Path(path).name)


def put(model: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a model; names and shapes must be the model's own.

    Parameters
    ----------
    model : Module
        It receives the weights; its mode stays.
    state : mapping of str to Tensor
        Name → weights. Counters of batch normalisation may be absent.
    source : str
        Where the weights come from, for messages.

    Raises
    ------
    InputError
        If a tensor is missing, unknown or of another shape.
    """
    own = model.state_dict()
    # counters of batch normalisation are absent from files of old versions
    counters = {name for name in own if name.endswith("num_batches_tracked")}
    missing = sorted(own.keys() - state.keys() - counters)
    unknown = sorted(state.keys() - own.keys())
    if missing or unknown:
        name = (missing or unknown)[0]
        what = "lacks" if missing else "has, unknown to the network,"
        counts = f"{len(missing)} missing, {len(unknown)} unknown"
        raise InputError(f"{source} {what} {name} ({counts}): another network?")
    for name, value in state.items():
        if value.shape != own[name].shape:
            shapes = f"{tuple(value.shape)}, expected {tuple(own[name].shape)}"
            raise InputError(f"{source}: {name} has shape {shapes}: another network?")
    model.load_state_dict(state, strict=False)


def _bytes_of(source: Source) -> tuple[bytes, str]:
    """Return the bytes and a name for messages."""
    if isinstance(source, bytes):
        return source, "weights"
    path = store.resolve(source)
    if not path.is_file():
        raise InputError(f"weights file {path} is not there")
    return path.read_bytes(), path.name


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return header and tensors of a safetensors file: eight bytes of length, JSON, numbers."""
    # the format's first eight bytes: length of the header
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def _digest(card: str, header: Mapping[str, Any], body: bytes) -> str:
    """Return the sha256 over a card, the tensors' names, types and shapes, and their numbers."""
    layout = {name: value for name, value in header.items() if name != "__metadata__"}
    about = json.dumps([card, layout], sort_keys=True).encode()
    return hashlib.sha256(about + body).hexdigest()


def _checked(data: bytes, name: str) -> Card:
    try:
        header, body = _split(data)
    except ValueError:  # of JSON and of UTF-8 alike
        raise InputError(f"{name} is no safetensors file; make it again") from None
    try:
        about = json.loads(header["__metadata__"]["card"])
        text, expected = about["card"], about["sha256"]
    except (KeyError, TypeError, ValueError):
        message = f"{name} has no card: it was not written by this project; read it with read_state"
        raise InputError(message) from None
    if _digest(text, header, body) != expected:
        raise InputError(
            f"{name} is not what its card describes (sha256 differs): it was changed or cut short; "
            "make it again"
        )
    return Card(**json.loads(text))
