"""Libraries that a kernel loads before it has a notebook: an extension of IPython.

Most notebooks need them, and loading takes longer than many a notebook. Nothing of the project is
loaded here: a kernel runs the project's code as it is when its notebook begins.
"""

import importlib
from contextlib import suppress
from typing import Any

LIBRARIES = (
    "pandas",
    "matplotlib.figure",
    "scipy.stats",
    "sklearn.metrics",
    "pandera.pandas",
    "anndata",
    "torch",
)


def load_ipython_extension(shell: Any) -> None:
    """Load the libraries; one that fails does so again, and tells, where a notebook needs it."""
    for name in LIBRARIES:
        with suppress(Exception):
            importlib.import_module(name)
