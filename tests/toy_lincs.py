"""A tiny simulated LINCS for tests, made once per session, and files in the format of PyTorch
0.4."""

import os
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from anndata import AnnData

from lib.lincs import lists, sets, signatures, tables
from lib.simulate import lincs_files
from lib.simulate.lincs import Design, World

DESIGN = Design(
    n_landmarks=60, n_others=20, drugs_per_class=3, n_unclassified=6, n_genes=50, n_hairpins=1
)


@dataclass(frozen=True)
class Toy:
    files: dict[str, Path]
    world: World
    small: AnnData
    classified: AnnData
    genetic: AnnData


@cache
def toy(seed: int = 3) -> Toy:
    files, world = lincs_files.write(Path(mkdtemp(prefix="toy_lincs_")), DESIGN, seed=seed)
    landmarks = tables.read_landmarks(files["gene_info"], n_expected=DESIGN.n_landmarks)
    small, genetic = (tables.read_signatures(files[f"{name}_signatures"]) for name in ("smp", "gp"))
    found = sets.derive(small, genetic, lists.read_classes(files["classes"])[0])
    loaded = [
        signatures.load(files[f"{matrix}_matrix"], found[name], landmarks, simulated=True)
        for matrix, name in (("smp", "SMP"), ("smp", "SMC"), ("gp", "GP"))
    ]
    return Toy(files, world, *loaded)


@dataclass(frozen=True)
class Storage:
    values: np.ndarray
    key: str


class _Tensor:
    def __init__(self, storage: Storage, shape: tuple[int, ...]) -> None:
        self.storage, self.shape = storage, shape

    def __reduce__(self):
        strides = tuple(np.cumprod((1, *self.shape[:0:-1]))[::-1].tolist())
        arguments = (self.storage, 0, self.shape, strides, False, OrderedDict())
        return torch._utils._rebuild_tensor_v2, arguments


def _linear(parameters: dict, extra: object) -> torch.nn.Linear:
    module = torch.nn.Linear.__new__(torch.nn.Linear)
    module.__dict__.update(_parameters=OrderedDict(parameters), _modules=OrderedDict(), extra=extra)
    return module


class _System:
    def __reduce__(self):
        return os.system, ("true",)


class _Pickler(pickle.Pickler):
    def persistent_id(self, thing: object):
        if isinstance(thing, Storage):
            return ("storage", torch.FloatStorage, thing.key, "cpu", len(thing.values), None)
        return None


def legacy_linear(
    path: Path, weight: np.ndarray, *, executable: bool = False, cut: int = 0, rest: bytes = b""
) -> Path:
    """Write a linear layer as PyTorch 0.4 did; optionally with a call in it, cut short, or with
    more at its end."""
    storage = Storage(weight.astype("<f4").ravel(), "140")
    module = _linear({"weight": _Tensor(storage, weight.shape)}, _System() if executable else None)
    with path.open("wb") as file:
        for header in (
            0x1950A86A20F9469CFC6C,
            1001,
            {"protocol_version": 1001, "little_endian": True},
        ):
            pickle.dump(header, file, protocol=2)
        _Pickler(file, protocol=2).dump(module)
        pickle.dump([storage.key], file, protocol=2)
        raw = storage.values.tobytes()
        file.write(struct.pack("<q", len(storage.values)) + raw[: len(raw) - cut] + rest)
    return path
