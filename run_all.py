"""Run the compendium: parse the command line, check, plan, hand over, print the summary."""

import argparse
import os
import shlex
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

VENV = HERE / ".venv" / "bin" / "python"


def hand_over():
    """Go on in the project's environment, if there is one and this Python is another."""
    if VENV.exists() and Path(sys.prefix) != VENV.parent.parent:
        os.execv(str(VENV), [str(VENV), *sys.argv])


if sys.version_info < (3, 11):  # noqa: UP036 (older ones get here, and could not read the modules below)
    hand_over()
    version = ".".join(map(str, sys.version_info[:2]))
    sys.exit(
        f"Python 3.11 or later is needed, and this is {version}. `make figures` sets everything up."
    )
try:
    from lib.run import engines, holding, machine, numeric, params, pipeline, runner, write_params
    from lib.run.progress import Progress
except ImportError as missing:  # not there, or too old to hold what is asked of it
    hand_over()
    sys.exit(f"{missing}: this Python lacks what is needed. `make figures` sets everything up.")

DONE, FAILED, WRONG_USAGE, BUSY, INTERRUPTED = 0, 1, 2, 75, 130

INVARIANT = (
    "This check holds for any data and any draw: look for a fault in the input or the code, not "
    "for bad luck."
)

EXAMPLES = """examples:
  python run_all.py                        every figure with the default profile, mini
  python run_all.py fig3c --set regulatory_cluster_go.n_dot_terms=5
  python run_all.py fig2c --params my_screen.yaml       your own values, into figures/my_screen

exit status: 0 done, 1 something failed (with --strict: or a claim falls short), 2 wrong usage
or parameters, 75 another run is active, 130 interrupted"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="run_all.py",
        usage="run_all.py [TARGET ...] [options]",
        description=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="notebook slug or figure (fig3c); none = everything",
    )
    add("--profile", default="mini", choices=params.PROFILES, help="size of the run (default mini)")
    add(
        "--params",
        type=Path,
        metavar="FILE",
        help="YAML file of your own values; the run has its name",
    )
    add("--list", action="store_true", help="list notebooks with their figures and state")
    add("--dry-run", action="store_true", help="say what would run and why; run nothing")
    add("--explain", metavar="TARGET", help="say what changed since a notebook last ran")
    add("--from", dest="start", metavar="TARGET", help="first notebook of the order to consider")
    add("--until", metavar="TARGET", help="last notebook of the order to consider")
    add("--only", action="store_true", help="the targets alone, not what they need")
    add("--force", action="store_true", help="run even what is done")
    add(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override a parameter; repeatable",
    )
    add(
        "--workers",
        type=int,
        metavar="N",
        help="processes for units on this machine (default: all cores; smoke: none)",
    )
    add(
        "--at-once",
        type=int,
        metavar="N",
        default=min(2, machine.n_cores()),
        help="notebooks that run at the same time (default 2)",
    )
    add(
        "--cluster",
        metavar="ENGINE",
        help="inline, local:N, slurm:FILE.yaml, pbs:FILE.yaml or tcp://HOST:PORT",
    )
    add(
        "--fail-fast",
        action="store_true",
        help="stop at the first failure (default: run all that does not need it)",
    )
    add("--strict", action="store_true", help="exit 1 if a claim falls short of its bound")
    add("--keep-going", action="store_true", help=argparse.SUPPRESS)  # the default, once an option
    add("--report", action="store_true", help="build the site in runs/<profile>/site when done")
    return parser.parse_args(arguments)


def executor_of(options: argparse.Namespace) -> str:
    """Return the engine that the options ask for, checked."""
    if options.workers is not None and (options.workers < 1 or options.cluster):
        raise engines.ExecutorError("--workers: a number from 1, and not together with --cluster")
    if options.at_once < 1:
        raise engines.ExecutorError("--at-once: a number from 1")
    by_default = (
        "inline" if options.profile == "smoke" else f"local:{machine.n_cores()}"
    )  # smoke: less than a start
    executor = options.cluster or (f"local:{options.workers}" if options.workers else by_default)
    engines.check_executor(executor)
    return executor


def print_list(run: runner.Run) -> None:
    """Print a table of notebooks: state, figures, title."""
    for decision in run.plan([step.slug for step in run.pipeline.steps]):
        step = run.pipeline[decision.slug]
        state = "failed" if decision.failed else "to run" if decision.run else "done"
        print(f"{state:7} {step.slug:30} {', '.join(step.figures):42} {step.title}")
        if decision.failed:
            print(f"{'':8}{decision.failed}")


def print_plan(run: runner.Run, selected: list[str], *, force: bool) -> None:
    """Print what would run, and the first reason."""
    for decision in run.plan(selected, force=force):
        print(
            f"{'run ' if decision.run else 'done'} {decision.slug:30} "
            f"{decision.reasons[0] if decision.run else ''}"
        )


def print_explanation(run: runner.Run, target: str) -> None:
    """Print everything that changed since a notebook last ran."""
    decision = run.decide(run.pipeline[pipeline.find(run.pipeline, target)])
    if decision.failed:
        print(f"{decision.slug}: failed when it last ran: {decision.failed}")
    print(
        f"{decision.slug}: "
        f"{'has to run, because' if decision.run else 'is done: nothing it depends on changed'}"
    )
    for reason in decision.reasons:
        print(f"  {reason}")


def print_failure(run: runner.Run, outcome: runner.Outcome, again: str) -> None:
    """Print notebook, cell, error, where to look, and the command to go on."""
    step, failure = run.pipeline[outcome.slug], outcome.failure
    where = (
        f"cell {failure.cell}, which begins: {failure.first_line}"
        if failure.cell
        else "outside its cells"
    )
    paths = {
        "notebook": run.pipeline.notebook_path(step),
        "executed": run.failed_path(step),
        "log": run.log_path(step),
    }
    print(f"\nFAILED  {step.slug}\n  {where}\n  {failure.error}", file=sys.stderr)
    if failure.error.startswith("AssertionError"):
        print(f"  {INVARIANT}", file=sys.stderr)
    for name, path in paths.items():
        if path.exists():
            print(f"  {name:9} {path.relative_to(run.pipeline.root)}", file=sys.stderr)
    print(f"  go on with: {again}", file=sys.stderr)


def summarise(run: runner.Run, outcomes: list[runner.Outcome], seconds: float) -> None:
    """Print what was skipped and why, one line of counts, and where the results are."""
    count = {
        state: sum(outcome.state == state for outcome in outcomes)
        for state in ("ran", "done", "failed", "skipped")
    }
    told = [f"{count['ran']} run", f"{count['done']} already done"]
    told += [f"{count[state]} {state}" for state in ("failed", "skipped") if count[state]]
    profile = run.pipeline.profile
    for outcome in (outcome for outcome in outcomes if outcome.state == "skipped"):
        failed = " and ".join(outcome.waits_for)
        print(
            f"skipped {outcome.slug}: "
            f"{f'it needs {failed}, which failed' if failed else 'stopped by --fail-fast'}"
        )
    print(
        f"{', '.join(told)} in {seconds:.1f} s. Figures: figures/{profile}, notebooks: "
        f"runs/{profile}/executed"
    )


def claims_that_fall_short(run: runner.Run, outcomes: list[runner.Outcome]) -> list[str]:
    """Return a line for each claim off its bound, of the notebooks of this run that are up to
    date."""
    current = [
        run.pipeline[outcome.slug] for outcome in outcomes if outcome.state in ("ran", "done")
    ]
    slugs = [
        step.slug
        for step in current
        if any(name.endswith("__measured.json") for name in step.makes)
    ]
    if not slugs:
        return []
    from lib.report import claims

    return claims.shortfalls(run.pipeline.run_dir / "results", run.pipeline.profile, slugs)


def print_claims(short: list[str], *, changed: bool) -> None:
    """Print the claims that fall short, as the last lines of a run."""
    if not short:
        return
    print(
        f"\n{'1 claim falls' if len(short) == 1 else f'{len(short)} claims fall'} short of what is "
        "expected:"
    )
    for line in short:
        print(f"  {line}")
    print(
        "The figures are made all the same: a claim is a result of this run to look at, not an "
        "error.",
        end=" ",
    )
    print("Bounds are of the profile alone." if changed else "")


def work(options: argparse.Namespace, again: str) -> int:
    """Do what the options ask for and return the exit status."""
    write_params.check_profile(options.profile, HERE)
    plan = pipeline.load(params.run_name(options.profile, options.params), root=HERE)
    slugs = [step.slug for step in plan.steps]
    sections = params.resolve(
        options.profile, assignments=options.set, slugs=slugs, own=options.params
    )
    plan = pipeline.follow(
        plan, {slug: params.input_paths(section).values() for slug, section in sections.items()}
    )
    run = runner.Run(plan, sections)
    run.check_notebooks()
    selected = pipeline.select(
        plan, options.targets, start=options.start, until=options.until, only=options.only
    )
    if options.list or options.explain or options.dry_run:
        if options.list:
            print_list(run)
        elif options.explain:
            print_explanation(run, options.explain)
        else:
            print_plan(run, selected, force=options.force)
        return DONE
    executor = executor_of(options)
    run.check_inputs(selected)
    locked = holding.locked(plan.run_dir, command=again)
    with locked, holding.interruptible(), run.warm_workers(executor):
        started = time.monotonic()
        progress = Progress(len(selected))
        try:
            outcomes = run.run(
                selected,
                executor=executor,
                at_once=options.at_once,
                force=options.force,
                fail_fast=options.fail_fast,
                progress=progress,
            )
        finally:
            progress.close()
        for outcome in outcomes:
            if outcome.state == "failed":
                print_failure(run, outcome, again)
        summarise(run, outcomes, time.monotonic() - started)
        if note := numeric.why_native():
            print(note)
        if options.report:
            from lib.report import site

            again = {
                one.slug: one.reasons
                for one in run.plan([step.slug for step in plan.steps])
                if one.run
            }
            print(f"Site: {site.build(plan.profile, again=again).relative_to(HERE)}")
    short = claims_that_fall_short(run, outcomes)
    print_claims(short, changed=bool(options.set or options.params))
    failed = any(outcome.state in ("failed", "skipped") for outcome in outcomes)
    return FAILED if failed or (options.strict and short) else DONE


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    python = Path(sys.executable)
    command = [
        str(python.relative_to(HERE)) if python.is_relative_to(HERE) else "python",
        "run_all.py",
    ]
    again = shlex.join([*command, *(argument for argument in arguments if argument != "--force")])
    try:
        options = parse(arguments)
        numeric.apply()
        return work(options, again)
    except (
        params.ParamsError,
        pipeline.PipelineError,
        runner.MissingInput,
        engines.ExecutorError,
        numeric.NumericError,
    ) as error:
        print(f"{error}", file=sys.stderr)
        return WRONG_USAGE
    except holding.Busy as error:
        print(f"{error}", file=sys.stderr)
        return BUSY
    except OSError as error:
        print(f"{error}\nWhat is finished is kept. Go on with: {again}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"\nInterrupted; what is finished is kept. Go on with: {again}", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
