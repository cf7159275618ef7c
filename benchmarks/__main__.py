"""Run every benchmark of this folder, or those named on the command line: `python -m benchmarks go planner`."""

import runpy
import sys
from pathlib import Path

from lib.run import numeric

numeric.apply()  # a benchmark computes as the notebooks do
FOLDER = Path(__file__).resolve().parent
known = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
named = sys.argv[1:] or known
if unknown := [name for name in named if name not in known]:
    sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
for name in named:
    print(f"\n== {name} ==", flush=True)
    sys.argv = [name]
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
