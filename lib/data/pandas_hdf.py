"""A pandas table in HDF5, as `DataFrame.to_hdf` writes it in its fixed format, read without running
what it holds.

Columns of text are a pickled array in such a file. It is read by an unpickler that knows NumPy's
arrays and nothing else, so a file from the network cannot run code.

References
----------
PyTables, user's guide, format of `ObjectAtom`; pandas, `HDFStore`, fixed format.
"""

import io
import os
import pickle

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.run import store

ALLOWED = {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"}
MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric",
           "numpy._core.numeric")  # fmt: skip


class _ArraysOnly(pickle.Unpickler):
    """Rebuilds arrays of text and numbers, and refuses every other name."""

    def find_class(self, module: str, name: str):
        if module in MODULES and name in ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no part of an array")


def read(path: str | os.PathLike) -> pd.DataFrame:
    """Read the one table of an HDF5 file that pandas wrote in its fixed format.

    Parameters
    ----------
    path : path
        `.h5`.

    Returns
    -------
    DataFrame
        Columns in the order of the file, index as it is there.

    Raises
    ------
    InputError
        If the file is absent or no HDF5, holds no table or several, or one of another format.
    """
    import h5py

    path = store.resolve(path)
    if not path.is_file():
        raise InputError("there is no such file", file=path, fix="check the path")
    try:
        with h5py.File(path) as file:
            groups = [file[name] for name in file if isinstance(file[name], h5py.Group)]
            tables = [group for group in groups if "block0_values" in group]
            if len(tables) != 1:
                names = ", ".join(file) or "nothing"
                raise InputError(
                    f"expected one table in pandas' fixed format, found {names}",
                    file=path,
                    fix='write it with DataFrame.to_hdf(path, key="data")',
                )
            return _table(tables[0])
    except (OSError, KeyError, ValueError, pickle.UnpicklingError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"not readable as a pandas table ({error})", file=path) from None


def _table(group) -> pd.DataFrame:
    blocks = [name.removesuffix("_items") for name in group if name.endswith("_items")]
    parts = []
    for block in sorted(blocks):
        items = _texts(group[f"{block}_items"])
        values = _values(group[f"{block}_values"]).reshape(-1, len(items))
        parts.append(pd.DataFrame(values, columns=items))
    table = pd.concat(parts, axis=1)[_texts(group["axis0"])]
    return table.set_axis(_texts(group["axis1"]), axis=0)


def _values(found) -> np.ndarray:
    """Return the values of a block; text is one pickled array, as bytes of variable length."""
    if found.dtype.kind == "O":
        return np.asarray(_ArraysOnly(io.BytesIO(bytes(found[0]))).load())
    return found[:]


def _texts(found) -> list:
    if found.dtype.kind == "S":
        return [text.decode("utf-8") for text in found[:]]
    if found.dtype.kind == "O":
        return list(_ArraysOnly(io.BytesIO(bytes(found[0]))).load())
    return found[:].tolist()
