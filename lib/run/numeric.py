"""The numeric setting that makes x86-64 processors agree, set before numeric libraries load.

Libraries choose their code by processor, and another code has another last digit; training turns it
into another gene. Here all of them are held to what every x86-64 processor since 2013 to 2015 has
(AVX2 and FMA, "x86-64-v3"), and to one thread. Kernels, Dask workers, tests and benchmarks take the
setting from here and from nowhere else.

    eval "$(python -m lib.run.numeric)"        # it prints the setting as shell lines
    python -m lib.run.numeric dask worker ...  # runs a command under it

Two operations of torch are not held by it, as both take MKL's square root: float32 `sqrt` itself
(and what uses it, such as Adam unless fused), and batch normalisation, while evaluating, of a slice
that is not contiguous. Tests look for the first in the code, and for both by comparing processors.

`COMPENDIUM_NUMERIC=native` switches it off: each processor at its own best, with its own last
digits. GPUs are excepted: what trains on one differs in the last digits from the processors and
from other GPUs.
"""

import os
import platform
import shlex
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

VARIABLE = "COMPENDIUM_NUMERIC"
COMMON = "x86-64-v3"
NATIVE = "native"

NEEDED = frozenset({"avx2", "fma", "bmi1", "bmi2", "f16c", "abm", "movbe"})
"""Processor flags, as Linux names them, that the common setting needs."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""One thread: sums have one order of terms, and small matrix products are not slowed down by
waiting threads."""

INSTRUCTIONS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # torch's convolutions
    "MKL_CBWR": "COMPATIBLE",  # torch's matrix products; the only value that Intel and AMD share
    "OPENBLAS_CORETYPE": "Haswell",  # NumPy, SciPy, R
    "NUMBA_CPU_NAME": COMMON,  # UMAP
    "NUMBA_CPU_FEATURES": "",  # none beside those of the name; unset would mean this processor's
    "ARROW_USER_SIMD_LEVEL": "AVX2",
}
NUMPY_VARIABLE = "NPY_DISABLE_CPU_FEATURES"
NUMPY_FEATURES = "X86_V4 AVX512_ICL AVX512_SPR"
NUMPY_FEATURES_BEFORE_2_4 = (
    "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
)

LIBRARIES = ("numpy", "torch", "numba", "pyarrow")
"""They read the setting once, when they load."""


class NumericError(RuntimeError):
    """The numeric setting cannot be put in place, or is asked for by an unknown name."""


def environment() -> dict[str, str]:
    """Return the variables of the setting that is asked for, to be set before a process starts.

    Returns
    -------
    dict of str to str
        Threads always; instruction sets unless the setting is native. Each library ignores what it
        does not know.

    Raises
    ------
    NumericError
        If `COMPENDIUM_NUMERIC` is neither empty nor a setting.
    """
    threads = dict.fromkeys(THREADS, "1")
    if name() != COMMON:
        return threads
    return threads | INSTRUCTIONS | {NUMPY_VARIABLE: _numpy_features()}


def name() -> str:
    """Return the setting for keys and captions: `x86-64-v3`, or `native-` and the processor's kind.

    Returns
    -------
    str
        Part of every key, so that numbers of different settings never mix.

    Raises
    ------
    NumericError
        If `COMPENDIUM_NUMERIC` is neither empty nor `native`.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked not in ("", NATIVE, COMMON):
        raise NumericError(
            f"{VARIABLE}={asked!r} is unknown; leave it out for {COMMON}, or set {NATIVE}"
        )
    return COMMON if asked != NATIVE and is_possible() else f"{NATIVE}-{platform.machine()}"


def why_native() -> str:
    """Say in one sentence why results may differ here from the committed ones.

    Returns
    -------
    str
        Empty where they should not differ.

    Raises
    ------
    NumericError
        If `COMPENDIUM_NUMERIC` is neither empty nor a setting.
    """
    if name() == COMMON:
        return ""
    reason = (
        f"{VARIABLE}={NATIVE}"
        if is_possible()
        else f"this processor ({platform.machine()}) has no {COMMON}"
    )
    return f"Numbers may differ from the committed ones in their last digits: {reason}."


@cache
def is_possible() -> bool:
    """Return whether this processor has all that the common setting needs."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # not Linux
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return set(flags.split()) >= NEEDED


def in_force() -> str:
    """Return the setting that this process was started with.

    A driver asks a worker that it did not start: both must say the same.

    Returns
    -------
    str
        `name()`, or `unset: ` and the variables that differ.

    Raises
    ------
    NumericError
        If `COMPENDIUM_NUMERIC` is neither empty nor a setting.
    """
    wrong = [
        variable for variable, value in environment().items() if os.environ.get(variable) != value
    ]
    return f"unset: {', '.join(wrong)}" if wrong else name()


def apply() -> None:
    """Put the setting into this process and those it starts.

    Raises
    ------
    NumericError
        If a library that reads it has been loaded without it: too late to be true.
    """
    missing = {
        variable: value
        for variable, value in environment().items()
        if os.environ.get(variable) != value
    }
    # threads can still be set when libraries are loaded
    instructions = missing.keys() - set(THREADS)
    loaded = [library for library in LIBRARIES if library in sys.modules]
    if instructions and loaded:
        raise NumericError(
            f"{', '.join(loaded)} loaded before the numeric setting "
            f"({', '.join(sorted(instructions))}); call lib.run.numeric.apply() first, or start "
            "with: python -m lib.run.numeric COMMAND"
        )
    os.environ.update(missing)


def _numpy_features() -> str:
    version = tuple(int(part) for part in metadata.version("numpy").split(".")[:2])
    return NUMPY_FEATURES if version >= (2, 4) else NUMPY_FEATURES_BEFORE_2_4


def main() -> None:
    """Run a command under the setting, or print the setting for a shell."""
    if len(sys.argv) > 1:
        # in the place of this process: signals and exit status are the command's
        os.execvpe(sys.argv[1], sys.argv[1:], {**os.environ, **environment()})
    for variable, value in environment().items():
        print(f"export {variable}={shlex.quote(value)}")


if __name__ == "__main__":
    main()
