"""One store a plate: a Zarr group in one zip file, appended to while it is made, read by memory
map.

Chunks are not compressed, so a reader maps the file and copies only the rows it is asked for, in
any order; anybody else opens it with `zarr.open_group(zarr.storage.ZipStore(path, mode="r"))`. One
file can be written whole or not at all, and its members carry no date, so equal nuclei give equal
bytes. Tables travel along as Parquet under `tables/`.
"""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.run import store

SUFFIX = ".zarr.zip"
CHUNK_ROWS = 256
LOCAL_HEADER = 30  # bytes of a zip member's header before its name


class Writer:
    """Appends rows to the arrays of a store; made by `create`."""

    def __init__(
        self, archive: zipfile.ZipFile, shapes: Mapping[str, tuple[int, int]], chunk_rows: int
    ) -> None:
        self.archive, self.shapes, self.chunk_rows = archive, dict(shapes), chunk_rows
        self.waiting = {
            name: np.empty((0, *shape), np.uint8) for name, shape in self.shapes.items()
        }
        self.written = dict.fromkeys(self.shapes, 0)

    def append(self, **arrays: np.ndarray) -> None:
        """Append rows to every array of the store.

        Parameters
        ----------
        **arrays : (n, rows, columns) uint8
            One per array of the store, the same n for each.

        Raises
        ------
        ValueError
            For another set of arrays, different n, another type or shape.
        """
        lengths = {len(array) for array in arrays.values()}
        if set(arrays) != set(self.shapes) or len(lengths) != 1:
            raise ValueError(
                f"append the same number of rows to {sorted(self.shapes)}, got {_describe(arrays)}"
            )
        for name, array in arrays.items():
            if array.dtype != np.uint8 or array.shape[1:] != self.shapes[name]:
                raise ValueError(
                    f"{name}: rows are uint8 {self.shapes[name]}, got {_describe({name: array})}"
                )
            self.waiting[name] = np.concatenate([self.waiting[name], array])
        while any(
            len(rows) >= self.chunk_rows for rows in self.waiting.values()
        ):  # all are equally long
            for name in self.shapes:
                self._write_chunk(name, self.chunk_rows)

    def add_table(self, name: str, table: pd.DataFrame) -> None:
        """Store a table beside the arrays, as `tables/<name>.parquet`.

        Parameters
        ----------
        name : str
        table : DataFrame
            Its index is not kept.
        """
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        _write_member(self.archive, f"tables/{name}.parquet", buffer.getvalue())

    def close(self, attributes: Mapping[str, Any]) -> None:
        """Write the last rows and the description of the arrays.

        Parameters
        ----------
        attributes : mapping
            JSON values of the group.
        """
        for name, shape in self.shapes.items():
            n_rows = self.written[name] + len(self.waiting[name])
            chunk_rows = min(self.chunk_rows, max(n_rows, 1))  # a small store has one small chunk
            if len(self.waiting[name]):
                self._write_chunk(name, chunk_rows)
            _write_json(
                self.archive,
                f"{name}/zarr.json",
                _array_json((n_rows, *shape), (chunk_rows, *shape)),
            )
        group = {"zarr_format": 3, "node_type": "group"}
        _write_json(self.archive, "tables/zarr.json", group | {"attributes": {}})
        _write_json(self.archive, "zarr.json", group | {"attributes": dict(attributes)})

    def _write_chunk(self, name: str, n_rows: int) -> None:
        # rows wait in memory until a chunk is full
        rows, self.waiting[name] = self.waiting[name][:n_rows], self.waiting[name][n_rows:]
        member = f"{name}/c/{self.written[name] // self.chunk_rows}/0/0"
        self.written[name] += len(rows)
        missing = n_rows - len(rows)  # Zarr's last chunk is as large as the others
        _write_member(self.archive, member, rows.tobytes() + bytes(missing * rows[0].size))


@contextmanager
def create(
    path: str | os.PathLike,
    shapes: Mapping[str, tuple[int, int]],
    *,
    attributes: Mapping[str, Any],
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[Writer]:
    """Write a store to `path`; memory stays at a chunk of each array, however many rows are
    appended.

    Parameters
    ----------
    path : path
        Written in place: inside a unit this is its `part`, elsewhere wrap it in `store.atomic`.
    shapes : mapping
        Array → (rows, columns) of one nucleus, such as `{"nuclei": (64, 64), "regions": (224,
        224)}`.
    attributes : mapping
        JSON: plate, sizes and settings.
    chunk_rows : int
        Rows of a chunk, the smallest part that is written.

    Yields
    ------
    Writer

    Examples
    --------
    >>> shapes = {"nuclei": (64, 64)}
    >>> with create(part, shapes, attributes={"plate": 41744}) as writer:  # doctest: +SKIP
    ...     writer.append(nuclei=nuclei)
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        writer = Writer(archive, shapes, chunk_rows)
        yield writer
        writer.close(attributes)


class NucleiStore:
    """A plate's nuclei on disk; rows are read as they are asked for. Can be sent to other
    processes.

    Parameters
    ----------
    path : path
        File of `create`.

    Attributes
    ----------
    path : Path
    attributes : dict
    names : list of str
        The arrays, such as `nuclei` and `regions`.

    Raises
    ------
    ValueError
        If the file is absent or no store.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = store.resolve(path)
        try:
            with zipfile.ZipFile(self.path) as archive:
                self._members = {info.filename: info.header_offset for info in archive.infolist()}
                self.attributes = json.loads(archive.read("zarr.json"))["attributes"]
                self._arrays = {
                    name.removesuffix("/zarr.json"): json.loads(archive.read(name))
                    for name in sorted(self._members)
                    if name.endswith("/zarr.json") and name != "tables/zarr.json"
                }
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValueError(
                f"{self.path} is not a store of nuclei ({reason}); make it again"
            ) from None
        self.names = list(self._arrays)

    def __len__(self) -> int:
        return max((array["shape"][0] for array in self._arrays.values()), default=0)

    def __reduce__(self) -> tuple:
        return NucleiStore, (self.path,)

    def shape(self, name: str) -> tuple[int, int, int]:
        """Return (n, rows, columns) of an array, such as `nuclei`."""
        return tuple(self._arrays[name]["shape"])

    def read(self, name: str, rows: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Return rows of an array, in the order asked for; all of them by default.

        Parameters
        ----------
        name : str
            `nuclei` or `regions`.
        rows : (k,) int, optional
            In any order, repeats allowed.

        Returns
        -------
        (k, side, side) uint8

        Raises
        ------
        IndexError
            For a row that the store does not have.
        """
        n_rows, *shape = self.shape(name)
        rows = np.arange(n_rows) if rows is None else np.asarray(rows, dtype=np.int64)
        if len(rows) and (rows.min() < 0 or rows.max() >= n_rows):
            raise IndexError(
                f"{self.path.name}: rows are 0 to {n_rows - 1}, asked for {rows.min()} to "
                f"{rows.max()}"
            )
        chunk_rows = self._arrays[name]["chunk_grid"]["configuration"]["chunk_shape"][0]
        chunks, within = np.divmod(rows, chunk_rows)  # (k,) each
        found = np.empty((len(rows), *shape), np.uint8)  # (k, side, side)
        for chunk in np.unique(chunks):
            here = np.flatnonzero(chunks == chunk)  # each chunk is visited once
            found[here] = self._chunk(name, chunk, (chunk_rows, *shape))[within[here]]
        return found

    def table(self, name: str = "nuclei") -> pd.DataFrame:
        """Return a table stored beside the arrays.

        Parameters
        ----------
        name : str
            `nuclei`, one row per nucleus, or `report`, one row per field.

        Returns
        -------
        DataFrame

        Raises
        ------
        KeyError
            If the store has no such table.
        """
        with zipfile.ZipFile(self.path) as archive:
            return pd.read_parquet(io.BytesIO(archive.read(f"tables/{name}.parquet")))

    @cached_property
    def _bytes(self) -> np.ndarray:
        return np.memmap(self.path, np.uint8, mode="r")

    def _chunk(self, name: str, chunk: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return a chunk as a view of the mapped file."""
        header = self._members[f"{name}/c/{chunk}/0/0"]
        lengths = self._bytes[header + 26 : header + LOCAL_HEADER].view(
            "<u2"
        )  # of the member's name and extra field
        start = header + LOCAL_HEADER + int(lengths.sum())
        return self._bytes[start : start + int(np.prod(shape))].reshape(shape)


def open_store(path: str | os.PathLike) -> NucleiStore:
    """Open a plate's store.

    Parameters
    ----------
    path : path

    Returns
    -------
    NucleiStore

    Raises
    ------
    ValueError
        If the file is absent or no store.
    """
    return NucleiStore(path)


def place(path: str | os.PathLike, target: str | os.PathLike) -> Path:
    """Give a finished store the name `target`, without a second copy of its bytes where the disk
    allows it.

    Parameters
    ----------
    path, target : path

    Returns
    -------
    Path
        The absolute path of the target.
    """
    with store.atomic(target) as part:
        part.unlink()
        try:
            os.link(store.resolve(path), part)
        except OSError:  # another disk, or one without hard links
            shutil.copyfile(store.resolve(path), part)
    return store.resolve(target)


def _array_json(shape: tuple[int, ...], chunk_shape: tuple[int, ...]) -> dict[str, Any]:
    """Describe an uncompressed array as Zarr 3 does
    (https://zarr-specs.readthedocs.io/en/latest/v3/core/)."""
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": "uint8",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk_shape)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [{"name": "bytes"}],
        "attributes": {},
        "dimension_names": ["nucleus", "row", "column"],
    }


def _write_json(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    _write_member(archive, name, json.dumps(value, indent=1, sort_keys=True).encode())


def _write_member(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name)  # dated 1980, so that equal contents make equal files
    member.create_system, member.external_attr = 3, 0o644 << 16
    archive.writestr(member, content)


def _describe(arrays: Mapping[str, np.ndarray]) -> str:
    return ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items())
