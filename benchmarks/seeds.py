"""Run a profile under several seeds, and write how every planted claim spreads: `python -m
benchmarks seeds`.

    python -m benchmarks seeds --profile mini --n 10      # hours; the bounds of mini follow from it
    python -m benchmarks seeds --n 10 segmentation        # what these notebooks claim, and no more

A seed sets the worlds and the trainings of every notebook. Each runs in a scratch copy of this
project, so that its runs/ and figures/ are never touched; started again with the same command, what
is up to date there is not run again.
"""

import argparse
import csv
import hashlib
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.report import claims, planted  # noqa: E402
from lib.report.planted import SPREAD_COLUMNS, Spread  # noqa: E402
from lib.run import params, store  # noqa: E402

TARGETS = (
    *("segmentation", "phenotypic_activity", "profile_baseline", "translation"),
    *("demo", "jump_translation"),
    *(
        "lincs_generation",
        "lincs_classes",
        "lincs_targets",
        "lincs_svqvae",
        "lincs_own",
        "lincs_digits",
    ),
    *("genesegnet_test", "genesegnet_map", "genesegnet_ablations", "genesegnet_alternatives"),
    *("first_approach", "cell_states", "perturbation", "own_cell"),
)
"""Notebooks that, with what they need, make every planted claim."""

STEP = 100  # seeds are 100, 200, …: notebooks count on from theirs, so neighbours would share draws
DIGITS = 6
Values = dict[str, list[float]]


def scratch_folder(root: Path) -> Path:
    """Return where the copies of a project lie: the same folder each time, so that a later command
    goes on."""
    label = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:10]
    return Path(tempfile.gettempdir()) / f"compendium-seeds-{os.getuid()}-{label}"


def copy_project(root: Path, folder: Path) -> None:
    """Bring a copy of the project's files up to date, figures apart; what it has run there
    stays."""
    listing = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    names = {
        name
        for name in listing
        if name and not name.startswith("figures/") and (root / name).is_file()
    }
    for part in ("lib", "notebooks", "params"):
        for old in (folder / part).rglob("*"):
            if old.is_file() and str(old.relative_to(folder)) not in names:
                old.unlink()
    for name in sorted(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, folder / name)


def run_seed(
    folder: Path, profile: str, seed: int, targets: Sequence[str], options: Sequence[str] = ()
) -> int:
    """Run the targets in a copy with one seed for every notebook; return the exit status of the
    run."""
    sections = params.resolve(profile)
    assigned = [
        f"{slug}.seed={seed}" for slug, section in sections.items() if hasattr(section, "seed")
    ]
    command = [sys.executable, str(folder / "run_all.py"), *targets, "--profile", profile, *options]
    command += [word for one in assigned for word in ("--set", one)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (folder / "seed.log").open("w", encoding="utf-8") as log:
        return subprocess.run(
            command, cwd=folder, env=environment, stdout=log, stderr=log
        ).returncode


def planted_values(results_dirs: Iterable[Path], known: Iterable[str]) -> Values:
    """Return the values of each planted claim over folders of results, by id."""
    found: Values = {name: [] for name in known}
    for folder in results_dirs:
        measured, _ = claims.collect(folder)
        for name in found:
            if name in measured:
                found[name].append(float(measured[name]))
    return found


def spread_of(profile: str, values: Mapping[str, Sequence[float]]) -> list[Spread]:
    """Return mean, sample SD and range of every claim that was measured.

    Examples
    --------
    >>> [row] = spread_of("mini", {"a.b": [0.5, 0.7]})
    >>> row.mean, row.sd, row.min, row.max, row.n_seeds
    (0.6, 0.141421, 0.5, 0.7, 2)
    """
    rows = []
    for name, found in values.items():
        if found:
            sd = statistics.stdev(found) if len(found) > 1 else 0.0
            numbers = {
                "mean": statistics.fmean(found),
                "sd": sd,
                "min": min(found),
                "max": max(found),
            }
            rounded = {key: round(number, DIGITS) for key, number in numbers.items()}
            rows.append(Spread(profile=profile, id=name, n_seeds=len(found), **rounded))
    return rows


def write_spreads(path: Path, rows: Iterable[Spread]) -> None:
    """Put rows into the table of spreads, in place of those of the same profile and claim; all
    others stay."""
    table = {(row.profile, row.id): row for row in [*planted.all_spreads(path), *rows]}
    text = io.StringIO()
    writer = csv.DictWriter(text, SPREAD_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table[key].model_dump() for key in sorted(table))
    store.write_text(path, text.getvalue())


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks seeds", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "targets", nargs="*", default=list(TARGETS), help="notebooks (default: all that claim)"
    )
    parser.add_argument("--profile", default="mini", choices=params.PROFILES)
    parser.add_argument(
        "--n", type=int, default=planted.LEAST_SEEDS, help="number of seeds (default %(default)s)"
    )
    parser.add_argument(
        "--first", type=int, default=1, help="number of the first seed (default %(default)s)"
    )
    parser.add_argument("--workers", type=int, help="processes for the units of a run")
    parser.add_argument(
        "--scratch",
        type=Path,
        help="folder of the copies (default: one below the temporary folder)",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str], *, root: Path = store.ROOT) -> int:
    """Run the seeds one after the other, write the table, and print it."""
    options = parse(arguments)
    workers = ["--workers", str(options.workers)] if options.workers else []
    place = (options.scratch or scratch_folder(root)) / options.profile
    folders, failed = [], 0
    for seed in (STEP * number for number in range(options.first, options.first + options.n)):
        folders.append(place / f"seed_{seed}")
        copy_project(root, folders[-1])
        code = run_seed(folders[-1], options.profile, seed, options.targets, workers)
        failed += code != 0
        print(
            f"seed {seed}: "
            f"{'done' if code == 0 else f'exit status {code}, see {folders[-1]}/seed.log'}",
            flush=True,
        )
    results = [folder / "runs" / options.profile / "results" for folder in folders]
    rows = spread_of(options.profile, planted_values(results, planted.load(root / planted.CLAIMS)))
    write_spreads(root / planted.SPREAD, rows)
    print(f"{'id':40} {'n':>3} {'mean':>9} {'sd':>9} {'min':>9} {'max':>9}")
    for row in rows:
        print(
            f"{row.id:40} {row.n_seeds:3} {row.mean:9.4f} {row.sd:9.4f} {row.min:9.4f} "
            f"{row.max:9.4f}"
        )
    print(
        f"written to {planted.SPREAD}"
        + (f"; {failed} seeds ended with a failure, see their logs" if failed else "")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
