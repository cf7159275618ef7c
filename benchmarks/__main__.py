"""Run every benchmark of this folder, or those named on the command line: `python -m benchmarks go
planner`.

What follows the name of a single one are its options: `python -m benchmarks seeds --profile smoke`.
`seeds` takes hours and runs only if it is named.
"""

import runpy
import sys
from pathlib import Path

from lib.run import numeric

numeric.apply()  # a benchmark computes as the notebooks do
FOLDER = Path(__file__).resolve().parent
ON_REQUEST = {"seeds"}
known = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
named, options = sys.argv[1:] or [name for name in known if name not in ON_REQUEST], []
if named[0] in ON_REQUEST:
    named, options = named[:1], named[1:]
if unknown := [name for name in named if name not in known]:
    sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
for name in named:
    print(f"\n== {name} ==", flush=True)
    sys.argv = [name, *options]
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
