"""Reader of the published weights: modules pickled by PyTorch 0.4.1 under Python 2, read without
running their code.

A file is five pickles (magic number, protocol, system, module, keys of the storages), then every
storage in the order of its key: the number of elements as int64 and the raw numbers. Of the pickles
only plain containers and the listed names are understood; each name stands for an inert stub here,
so nothing a file says is ever called.
"""

import hashlib
import os
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from lib.data.errors import InputError, listed
from lib.run import store

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": PROTOCOL, "little_endian": True}
KINDS = {"FloatStorage": "<f4", "DoubleStorage": "<f8"}
MODULES = {
    "torch.nn.modules.container": ("Sequential",),
    "torch.nn.modules.linear": ("Linear",),
    "torch.nn.modules.activation": ("Tanh",),
    "torch.nn.modules.sparse": ("Embedding",),
}
BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,  # a size in the file that no file has
)
FIX = "use the files of the paper's repository, or read this one with the program that wrote it"


FILES: Mapping[str, str] = {
    "S_VQ_VAE_decode.pth": "0fb266a4943f3c8834a927bf0a6ad6c836640fe32acc67258b34055516b2c70e",
    "S_VQ_VAE_embedding.pth": "64d67f29cc87c8a4502558680ec3c005ec057c1ad1f8173fb8e384f9d478c7f8",
    "S_VQ_VAE_encode.pth": "25163f0071260615dfa531d38655a1ad460f28776724eee7b27671242f65b0b9",
    "VAE_logvar_GP.pth": "287a98e4d8b3a8615722c67aa1128a876cd6e47bbe8c667674988909cdcc822c",
    "VAE_logvar_SMGP.pth": "0d38210e593e0cb9323315f4d846319f48ec6048640b525371f32e4699fbfc10",
    "VAE_logvar_SMP.pth": "cf38d3a1ad393e066be990709ec90c180459a7623cd1a49aa7f5655caf7987d6",
    "VAE_mu_GP.pth": "794c54d6de71cc6aceedd153413a28a4062119dcc1170a688bbd74cbd7c38ef1",
    "VAE_mu_SMGP.pth": "3b90f537cba75933b4f2fdfd18d2a35deff67edb477be93f3c4922bbfe2dddc1",
    "VAE_mu_SMP.pth": "9173fbb275e9410d73323242223bc3b8e4991d980b1721fac91e9d124f66af8b",
}  # sha256 of the files of the paper's repository


INVENTORY = (
    *(
        f"VAE_{part}_{data}"
        for data in ("SMP", "GP", "SMGP")
        for part in ("encode", "mu", "logvar", "decode")
    ),
    *(f"S_VQ_VAE_{part}" for part in ("encode", "decode", "embedding")),
)


@dataclass(frozen=True)
class Weights:
    """Arrays of a published module by name, such as `0.weight`, and the sha256 of the file they
    came from.
    """

    arrays: Mapping[str, np.ndarray]
    sha256: str
    kind: str


class Module:
    """Inert stand-in of a torch module: it holds the state of the file, and does nothing."""

    def __setstate__(self, state: dict) -> None:
        self.state = state


STUBS = {name: type(name, (Module,), {}) for names in MODULES.values() for name in names}


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: str
    n: int


@dataclass(frozen=True)
class _View:
    """A tensor: part of a storage, in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(path: str | os.PathLike, *, sha256: str | None = None) -> Weights:
    """Read a published file of weights.

    Parameters
    ----------
    path : path
        `.pth` as PyTorch 0.4 wrote it.
    sha256 : str, optional
        What the file must hash to; compared before anything is read from it.

    Raises
    ------
    InputError
        If the hash is another, the file names anything but the listed modules (it is refused by
        that name), its storages do not have the declared sizes, or something follows them.
    """
    path = store.resolve(path)
    content = _content(path)
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise InputError(
            f"sha256 {found[:12]}…, expected {sha256[:12]}…",
            file=path,
            fix="download the file again",
        )
    with path.open("rb") as file:
        try:
            module, keys, seen = _pickles(file, path)
            storages = _storages(file, keys, seen, path)
            arrays = {name: _array(view, storages, path) for name, view in _named(module)}
        except InputError:
            raise
        except (*BROKEN, ValueError) as error:
            raise InputError(f"no weights of PyTorch 0.4 ({error})", file=path, fix=FIX) from None
    return Weights(arrays, found, type(module).__name__)


def read_folder(folder: str | os.PathLike) -> tuple[dict[str, Weights], list[str]]:
    """Read the published files that a folder has; the set may be a part.

    The copies known lack encoder and decoder of the three VAEs, so those names are reported as
    missing.

    Returns
    -------
    weights : dict
        File name without `.pth` → weights, each compared with its known sha256.
    missing : list of str
        Names of the paper's inventory that are not there.

    Raises
    ------
    InputError
        If a file there is not the published one.
    """
    folder = store.resolve(folder)
    there = [name for name in INVENTORY if (folder / f"{name}.pth").is_file()]
    found = {name: read(folder / f"{name}.pth", sha256=FILES.get(f"{name}.pth")) for name in there}
    return found, [name for name in INVENTORY if name not in found]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError("there is no such file", file=path, fix="check the path") from None


def _pickles(file: BufferedReader, path: Path) -> tuple[Module, list[str], dict[str, _Storage]]:
    """Read the five pickles; return the module, the keys of its storages in order, and the storages
    declared.
    """
    magic, protocol, system = (_Reader(file, path).load() for _ in range(3))
    if magic != MAGIC or protocol != PROTOCOL or not SYSTEM.items() <= dict(system).items():
        raise InputError(
            "no weights in the format of PyTorch 0.4, little-endian", file=path, fix=FIX
        )
    reader = _Reader(file, path)
    module, keys = reader.load(), _Reader(file, path).load()
    if not isinstance(module, Module) or sorted(keys) != sorted(reader.storages):
        raise InputError(
            "its module and its list of storages do not belong together", file=path, fix=FIX
        )
    return module, keys, reader.storages


def _storages(
    file: BufferedReader, keys: list[str], declared: dict[str, _Storage], path: Path
) -> dict:
    """Read the numbers of every storage in the order of the keys."""
    found = {}
    for key in keys:
        dtype, n = np.dtype(declared[key].dtype), declared[key].n
        written = int.from_bytes(file.read(8), "little", signed=True)
        raw = file.read(n * dtype.itemsize)
        if written != n or len(raw) != n * dtype.itemsize:
            raise InputError(
                f"storage {key} has {written} elements and {len(raw)} bytes; {n} elements and "
                f"{n * dtype.itemsize} bytes are declared",
                file=path,
                fix="download the file again",
            )
        found[key] = np.frombuffer(raw, dtype)
    if rest := len(file.read()):
        raise InputError(
            f"{rest} bytes follow the last storage; none are expected", file=path, fix=FIX
        )
    return found


def _array(view: _View, storages: Mapping[str, np.ndarray], path: Path) -> np.ndarray:
    values = storages[view.storage.key]
    reach = view.offset + sum(
        (size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True)
    )
    if (
        min(view.shape, default=1) < 1
        or min(view.strides, default=0) < 0
        or not 0 <= view.offset <= reach < len(values)
    ):
        raise InputError(
            f"a tensor of shape {view.shape} reaches beyond its storage", file=path, fix=FIX
        )
    bytes_ = [stride * values.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(values[view.offset :], view.shape, bytes_).copy()


def _named(module: Module, prefix: str = "") -> list[tuple[str, _View]]:
    """Return the parameters of a module and its parts, named as in a state dict."""
    own = [
        (prefix + name, view)
        for name, view in module.state["_parameters"].items()
        if view is not None
    ]
    for name, part in module.state["_modules"].items():
        own += _named(part, f"{prefix}{name}.")
    return own


def _tensor(storage: _Storage, offset: int, shape: tuple, strides: tuple, *_: Any) -> _View:
    return _View(storage, offset, tuple(shape), tuple(strides))


def _parameter(view: _View, *_: Any) -> _View:
    return view


OTHERS: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch.nn.parameter", "Parameter"): _parameter,
    ("torch.nn.backends.thnn", "_get_thnn_function_backend"): lambda: None,
}


def _allowed(module: str, name: str) -> Any:
    """Return what stands here for a name that a file uses; None if no published file uses it."""
    if name in MODULES.get(module, ()):
        return STUBS[name]
    return name if module == "torch" and name in KINDS else OTHERS.get((module, name))


class _Reader(pickle._Unpickler):  # the plain one: what it may do is overridden in two methods
    def __init__(self, file: BufferedReader, path: Path) -> None:
        super().__init__(file, encoding="latin1")
        self.path = path
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        found = _allowed(module, name)
        if found is None:
            raise InputError(
                f"it asks for {module}.{name}, which no published file does; nothing of it was run",
                file=self.path,
                fix="do not open this file with other programs either",
            )
        return found

    def persistent_load(self, identifier: tuple) -> Any:
        kind, *rest = identifier
        if kind == "module":
            return rest[0]  # the class; its source text is not looked at
        if kind != "storage" or len(rest) < 4 or rest[0] not in KINDS:
            raise InputError(
                f"it holds a {listed(map(str, identifier), limit=2)}", file=self.path, fix=FIX
            )
        storage = _Storage(str(rest[1]), KINDS[rest[0]], int(rest[3]))
        return self.storages.setdefault(storage.key, storage)
