"""Outlines from labels and from files; nearest middle where they overlap."""

import json

import numpy as np
import pytest

shapely = pytest.importorskip("shapely")

from lib.data.errors import InputError  # noqa: E402
from lib.genesegnet import alternatives, instruments, mapping, metrics, polygons  # noqa: E402
from lib.genesegnet.samples import assemble  # noqa: E402
from lib.simulate import genesegnet as simulated  # noqa: E402


def test_a_hole_and_a_corner_are_kept():
    """Pain 18: 5 × 5 without its middle; two pixels that touch at a corner."""
    ring = np.full((5, 5), 3)
    ring[2, 2] = 0
    shape = polygons.from_labels(ring)["geometry"][0]
    assert shape.area == 24 and len(shape.interiors) == 1
    corner = polygons.from_labels(np.array([[1, 0], [0, 1]]))["geometry"][0]
    assert corner.area == 2 and len(corner.geoms) == 2 and corner.is_valid


def test_outlines_have_the_area_of_their_pixels_and_give_the_labels_back():
    planted = simulated.slide(simulated.Tissue(side=80), np.random.default_rng(3))
    outlines = polygons.from_labels(planted.cells)
    ids, areas = np.unique(planted.cells[planted.cells > 0], return_counts=True)
    assert outlines["cell_id"].tolist() == ids.tolist()
    assert shapely.area(outlines["geometry"].to_numpy()).tolist() == areas.tolist()
    again = polygons.to_labels(outlines, planted.cells.shape)
    assert np.array_equal(np.append(0, ids)[again], planted.cells)


def test_overlapping_outlines_share_no_spot():
    """Pain 12, with shapes: A = [0,4]², B = [3,7] × [0,4], spot (3.2, 2)."""
    import pandas as pd

    outlines = pd.DataFrame(
        {"cell_id": [1, 2], "geometry": [shapely.box(0, 0, 4, 4), shapely.box(3, 0, 7, 4)]}
    )
    assert polygons.owners(
        outlines, np.array([3.2, 3.9, 9.0]), np.array([2.0, 2.0, 2.0])
    ).tolist() == [1, 2, 0]


def test_a_pixel_is_of_the_outline_around_its_middle(monkeypatch):
    """Pain 5: from x 2.3 on, with middles at i + 0.5, the first column is 2 and not 3."""
    import pandas as pd

    outlines = pd.DataFrame({"cell_id": [1], "geometry": [shapely.box(2.3, 0, 9, 3)]})
    monkeypatch.setattr(polygons, "AT_ONCE", 8)  # one row at a time
    assert polygons.to_labels(outlines, (3, 5)).tolist() == [[0, 0, 1, 1, 1]] * 3


def test_geojson_for_viewers(tmp_path):
    outlines = polygons.from_labels(np.array([[0, 9, 9]]))
    path = polygons.write_geojson(tmp_path / "cells.geojson", outlines, pixel_size=0.5)
    feature = json.loads(path.read_text())["features"][0]
    assert feature["id"] == "9" and feature["properties"]["cell_id"] == 9
    assert shapely.from_geojson(json.dumps(feature["geometry"])).bounds == (0.5, 0, 1.5, 0.5)


def test_no_cell_gives_no_outline(tmp_path):
    outlines = polygons.from_labels(np.zeros((3, 3), int))
    assert len(outlines) == 0 and not polygons.to_labels(outlines, (3, 3)).any()
    (tmp_path / "x.parquet").write_bytes(b"x")
    with pytest.raises(InputError, match="no outlines of cells"):
        polygons.read_merscope(tmp_path / "x.parquet")


@pytest.mark.real
def test_real_merscope_runs_through_to_cells_by_genes(real):
    folder = real / "data" / "spatial" / "vizgen"
    sample = instruments.read_merscope(folder)
    outlines = polygons.read_merscope(folder / "cells_cellpose.parquet")
    matrix = instruments.read_transform(folder / instruments.TRANSFORM)
    vendor = polygons.to_labels(polygons.transform(outlines, matrix), sample.shape)
    assigned = mapping.assign(vendor, sample.spots)
    counts = mapping.account(assigned)
    table = mapping.cells_by_genes(
        assigned, vendor, pixel_size=instruments.pixel_size(folder / instruments.TRANSFORM)
    )
    assert (
        counts["input"] == 5936
        and counts["control"] == 22
        and counts["cell"] == table.X.sum() > 1000
    )
    density = counts["cell"] / (vendor > 0).mean() / (counts["background"] / (vendor == 0).mean())
    assert density > 1.5  # the vendor's cells are richer in transcripts than what lies around them


@pytest.mark.real
def test_real_nuclei_of_merscope_lie_in_the_vendors_cells(real):
    folder = real / "data" / "spatial" / "vizgen"
    sample = instruments.read_merscope(folder)
    outlines = polygons.read_merscope(folder / "cells_cellpose.parquet")
    matrix = instruments.read_transform(folder / instruments.TRANSFORM)
    vendor = polygons.to_labels(polygons.transform(outlines, matrix), sample.shape)
    nuclei = alternatives.nuclei(sample)
    assert nuclei.max() >= 3
    assert (vendor[nuclei > 0] > 0).mean() > 1.2 * (vendor > 0).mean()


def test_alternatives_are_cells_around_nuclei_and_are_compared():
    planted = simulated.slide(simulated.Tissue(side=128), np.random.default_rng(6))
    sample = assemble("a", planted.stain, None, planted.spots)
    nuclei = alternatives.nuclei(sample)
    ways = {
        "nuclei": nuclei,
        "expanded": alternatives.expanded(nuclei, 4),
        "voronoi": alternatives.voronoi(nuclei, sample, sigma=3, distance=9),
        "watershed": alternatives.watershed(nuclei, sample, sigma=2),
        "truth": planted.cells,
    }
    for labels in ways.values():
        assert ((labels == nuclei) | (nuclei == 0) | (labels is planted.cells)).mean() > 0.99
    table = alternatives.compare(ways, planted.cells, planted.spots, planted.types).set_index(
        "method"
    )
    assert table.loc["truth", ["ap50", "ap75", "ap", "aji", "pq"]].eq(1).all()
    assert table.loc["nuclei", "ap50"] < table.loc["expanded", "ap50"] < 1
    assert table.loc["nuclei", "assigned"] < table.loc["voronoi", "assigned"] <= 1
    assert (table.loc["truth", "purity"] >= table["purity"] - 0.05).all()
    assert metrics.scores(planted.cells, ways["watershed"], [0.5])["ap"].item() > 0.3
