"""Time the planner on a synthetic pipeline, and what a unit costs on each engine.

    python benchmarks/planner.py             # 60 notebooks, 400 files, 400 MB, half a minute
    python benchmarks/planner.py --megabytes 2000      # as large as the files of a small screen

The plain form of the plan hashes every file anew; that of units is a loop that writes the files.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.run import compute, keys, params, pipeline, runner, store  # noqa: E402

CELL = '{"cell_type": "code", "metadata": {}, "source": "from lib import compute, figures, store"}'
UNIT_BYTES = 1000


def build(root: Path, *, n_notebooks: int, n_files: int, megabytes: int) -> runner.Run:
    """Write a chain of notebooks, each needing what the one before makes, with stamps that say that
    all is done."""
    (root / "notebooks").mkdir()
    os.symlink(store.ROOT / "lib", root / "lib")
    content = os.urandom(megabytes * 1_000_000 // n_files)
    made: list[list[str]] = [
        [f"data/{n}/{i}.bin" for i in range(n, n_files, n_notebooks)] for n in range(n_notebooks)
    ]
    lines = []
    for number, files in enumerate(made):
        (root / "notebooks" / f"{number}.ipynb").write_text(f'{{"cells": [{CELL}]}}')
        needs = made[number - 1] if number else []
        lines += [
            f"[step_{number}]",
            f'notebook = "{number}.ipynb"',
            f"needs = {needs}",
            f"makes = {files}",
        ]
        for file in files:
            (root / "runs/mini" / file).parent.mkdir(parents=True, exist_ok=True)
            (root / "runs/mini" / file).write_bytes(content)
    (root / "pipeline.toml").write_text("\n".join(lines))
    run = load(root)
    for step in run.pipeline.steps:
        run._write_stamp(step, run.parts(step), 0.0)
    return run


def load(root: Path) -> runner.Run:
    """Read the pipeline as a new process would."""
    plan = pipeline.load("mini", root=root)
    return runner.Run(plan, {step.slug: params.Section() for step in plan.steps})


def seconds(function, *args) -> float:
    """Return how long one call takes."""
    started = time.perf_counter()
    function(*args)
    return time.perf_counter() - started


def plan_all(root: Path) -> None:
    """Plan everything in a new process's state, and check that all is done, as a run with nothing
    to do does."""
    run = load(root)
    decisions = run.plan([step.slug for step in run.pipeline.steps])
    assert not any(decision.run for decision in decisions)


def compare_plans(options: argparse.Namespace) -> None:
    """Print the time of a plan with and without the memory of hashes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build(
            root, n_notebooks=options.notebooks, n_files=options.files, megabytes=options.megabytes
        )
        time.sleep(2 * keys.TICK_NS / 1e9)
        plain = seconds(plan_all, root)  # leaves the memory
        fast = min(seconds(plan_all, root) for _ in range(3))
    print(
        f"plan of {options.notebooks} notebooks and {options.files} files, {options.megabytes} MB, "
        "nothing to do"
    )
    print(f"  every file hashed    {plain:8.3f} s")
    print(f"  hashes remembered    {fast:8.3f} s   {plain / fast:6.1f} times as fast")


def write(part: Path, *, seed: int) -> None:
    """Write a small file: a unit with nothing but its overhead."""
    part.write_bytes(bytes(UNIT_BYTES))


def compare_units(n_units: int) -> None:
    """Print the time a unit that does nothing takes on each engine, and the time to start the
    engine."""
    os.environ[compute.PROGRESS_VARIABLE] = os.devnull
    with tempfile.TemporaryDirectory() as folder:

        def loop() -> None:
            for number in range(n_units):
                (Path(folder) / str(number)).write_bytes(bytes(UNIT_BYTES))

        def units(engine: str, number: int) -> float:
            names = {f"u{i}": {} for i in range(number)}
            where = Path(folder) / f"{engine}-{number}"
            return seconds(
                lambda: compute.run_units(write, names, directory=where, executor=engine)
            )

        plain = seconds(loop) / n_units
        print(
            f"{n_units} units that write {UNIT_BYTES} bytes\n  a plain loop         "
            f"{plain * 1e3:8.3f} ms a unit"
        )
        for engine in ("inline", "local:2"):
            start = units(engine, 2)
            each = max(units(engine, n_units) - start, 0.0) / n_units
            print(
                f"  {engine:20} {each * 1e3:8.3f} ms a unit, after {start:.2f} s to start   "
                f"{each / plain:6.0f} times"
            )


def main() -> None:
    """Read the command line and print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--notebooks", type=int, default=60)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--units", type=int, default=300)
    options = parser.parse_args()
    compare_plans(options)
    compare_units(options.units)


if __name__ == "__main__":
    main()
