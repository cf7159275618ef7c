"""Time the simulated screen's rendering beside the plain form, every nucleus drawn over the whole
field.

python benchmarks/simulate.py             # 20 fields, some ten seconds
python benchmarks/simulate.py --fields 50
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.simulate import screen, states  # noqa: E402
from lib.simulate.layout import layout  # noqa: E402


def plain(row, design):
    """Draw the same number of nuclei one by one on grids of the field's size, each with its own
    filtered noise."""
    rng = np.random.default_rng(int(row["seed"]))
    nuclei = screen.simulate_field(row, design)[2]
    down, right = np.mgrid[: design.side, : design.side]
    field = np.zeros((design.side, design.side))
    for nucleus in nuclei.itertuples():
        y, x = down - nucleus.row, right - nucleus.column
        along = (x * np.cos(nucleus.angle) + y * np.sin(nucleus.angle)) / nucleus.half_major
        across = (y * np.cos(nucleus.angle) - x * np.sin(nucleus.angle)) / nucleus.half_minor
        texture = ndimage.gaussian_filter(rng.normal(size=field.shape), nucleus.texture)
        field += (
            (np.hypot(along, across) < 1) * (1 + 0.15 * texture / texture.std()) * nucleus.intensity
        )
    return rng.poisson(
        ndimage.gaussian_filter(field, row["psf"]) * design.optics.brightness
        + design.optics.background
    )


def timed(function, rows, design):
    """Return processor seconds a field."""
    function(rows[0], design)
    start = time.process_time()
    for row in rows:
        function(row, design)
    return (time.process_time() - start) / len(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fields", type=int, default=20)
    n_fields = parser.parse_args().fields
    design = screen.ScreenDesign()
    genes = states.choose_genes(48, n_active=24)
    table = states.states(genes, n_groups=6, n_active=24, rng=np.random.default_rng(0))
    rows = layout(design, table, seed=0).head(n_fields).to_dict("records")
    ours = timed(screen.simulate_field, rows, design)
    theirs = timed(plain, rows, design) - ours  # the plain form takes its nuclei from ours
    print(f"{'form':<12}{'ms a field':>12}{'fields/s':>10}{'ratio':>8}")
    for name, seconds in (("patches", ours), ("whole field", theirs)):
        print(f"{name:<12}{1000 * seconds:>12.1f}{1 / seconds:>10.0f}{theirs / seconds:>8.1f}")
