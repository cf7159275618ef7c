"""The only door to R, which starts at the first call; importing this module works without R.

Only the low-level interface of rpy2 is used: it needs no conversion rules, which a notebook's
kernel sets up for one context only, and it lets numbers pass as buffers.
"""

import contextlib
import functools
import os
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lib.go.errors import RNotAvailable

INSTALL = {
    "org.Hs.eg.db": ("r-bioc-org.hs.eg.db", "bioconductor-org.hs.eg.db"),
    "GO.db": ("r-bioc-go.db", "bioconductor-go.db"),
    "GOSemSim": ("r-bioc-gosemsim", "bioconductor-gosemsim"),
    "topGO": (None, "bioconductor-topgo"),
    "clusterProfiler": (None, "bioconductor-clusterprofiler"),
}
_starting = threading.Lock()


def session():
    """Start R inside this process, once, and return rpy2's low-level interface.

    Raises
    ------
    RNotAvailable
        If rpy2 or R cannot be loaded.
    """
    with _starting:  # threads of one process share its R
        return _started()


def is_available() -> bool:
    """Return whether R can be started in this process."""
    try:
        session()
    except RNotAvailable:
        return False
    return True


def evaluate(code: str) -> Any:
    """Evaluate R code.

    Parameters
    ----------
    code : str
        One or several R expressions.

    Returns
    -------
    object
        Value of the last expression, as an rpy2 low-level object.

    Raises
    ------
    RNotAvailable
        If R cannot be started.
    """
    interface = session()
    with _lock():
        return interface.evalr(code)


def call(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call an R function on Python values.

    Parameters
    ----------
    function : rpy2 low-level function
        From `evaluate`.
    args, kwargs
        Arguments, converted by `to_r`.

    Returns
    -------
    object
        An rpy2 low-level object.

    Raises
    ------
    RNotAvailable
        If R cannot be started.
    """
    session()
    with _lock():
        return function(*map(to_r, args), **{name: to_r(value) for name, value in kwargs.items()})


def to_r(value: Any) -> Any:
    """Convert a Python value to an R vector.

    Parameters
    ----------
    value : array, str, number, bool, sequence of str, or dict of these
        A dict becomes a named list; integers become doubles.

    Returns
    -------
    object
        An rpy2 low-level vector; any other value as it is.

    Raises
    ------
    RNotAvailable
        If R cannot be started.
    """
    interface = session()
    if isinstance(value, dict):
        vector = interface.ListSexpVector([to_r(item) for item in value.values()])
        vector.names = interface.StrSexpVector(list(value))
        return vector
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        # one copy of memory, not one call per number
        return interface.FloatSexpVector.from_memoryview(
            memoryview(np.ascontiguousarray(value, dtype=float))
        )
    if isinstance(value, np.ndarray) and value.dtype.kind == "b":
        return interface.BoolSexpVector(value.tolist())
    # before numbers: a bool is an int in Python
    if isinstance(value, bool):
        return interface.BoolSexpVector([value])
    if isinstance(value, int | float):
        return interface.FloatSexpVector([float(value)])
    if isinstance(value, str):
        return interface.StrSexpVector([value])
    if isinstance(value, Sequence | np.ndarray):
        return interface.StrSexpVector([str(item) for item in value])
    return value


def floats(vector: Any) -> np.ndarray:
    """Copy an R vector of doubles.

    Parameters
    ----------
    vector : rpy2 low-level vector of doubles
        N numbers.

    Returns
    -------
    (N,) float64 array
        Of its own memory, which R may not free.
    """
    return np.array(
        vector.memoryview() if len(vector) else [], dtype=float
    )  # rpy2 cannot view an empty vector


def package_dir(package: str) -> Path | None:
    """Find the folder of an installed R package; nothing is attached.

    Parameters
    ----------
    package : str
        Name of the package.

    Returns
    -------
    Path or None
        None if it is not installed.

    Raises
    ------
    RNotAvailable
        If R cannot be started.
    """
    path = call(evaluate("base::system.file"), package=package)[0]
    return Path(path) if path else None


def require_package(package: str) -> Path:
    """Return the folder of an installed R package.

    Parameters
    ----------
    package : str
        Name of the package.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    RNotAvailable
        If it is not installed; the message names the Debian and the conda package.
    """
    path = package_dir(package)
    if path is None:
        apt, conda = INSTALL.get(package, (None, f"bioconductor-{package.lower()}"))
        debian = f"'apt install {apt}', " if apt else ""
        raise RNotAvailable(
            f"the R package {package} is not installed. Install it with {debian}'conda install -c "
            f"bioconda {conda}' "
            f'or, inside R, BiocManager::install("{package}")'
        )
    return path


def package_version(package: str) -> str:
    """Return the version of an installed R package, such as `3.16.0`.

    Parameters
    ----------
    package : str
        Name of the package.

    Returns
    -------
    str

    Raises
    ------
    RNotAvailable
        If it is not installed.
    """
    require_package(package)
    return call(evaluate("function(p) as.character(utils::packageVersion(p))"), package)[0]


def version() -> str:
    """Return the version of R, such as `4.2.2`.

    Raises
    ------
    RNotAvailable
        If R cannot be started.
    """
    return evaluate("as.character(getRversion())")[0]


def _lock():
    """Return rpy2's lock: R runs one call at a time, whatever thread asks."""
    from rpy2.rinterface_lib import openrlib

    return openrlib.rlock


@functools.cache
def _started():
    """Start R and return rpy2's low-level interface."""
    try:
        with _same_library_path(), warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # R sets variables such as R_LIBS_SITE again, which is of no interest
            import rpy2.rinterface as interface

            interface.initr()
    except (
        Exception
    ) as error:  # rpy2 raises ValueError, OSError, ImportError or its own, by what is missing
        raise RNotAvailable(
            f"R cannot be started ({type(error).__name__}: {error}). Install R and rpy2: 'apt "
            "install r-base' and 'pip install rpy2==3.5.17', or 'conda install r-base rpy2'; if R "
            "is installed, set R_HOME to what 'R RHOME' prints"
        ) from error
    return interface


@contextlib.contextmanager
def _same_library_path():
    """Keep LD_LIBRARY_PATH as it is.

    R puts the system's libraries first, and child processes must not load another Python's.
    """
    before = os.environ.get("LD_LIBRARY_PATH")
    try:
        yield
    finally:
        # restored exactly: absent is not the same as empty
        os.environ.pop("LD_LIBRARY_PATH", None)
        if before is not None:
            os.environ["LD_LIBRARY_PATH"] = before
