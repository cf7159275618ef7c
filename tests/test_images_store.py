"""Stores of nuclei: rows in any order, equal bytes, opened by Zarr itself, and bounded memory."""

import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest

from lib.images import nuclei_store


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "nuclei": rng.integers(0, 256, (23, 8, 8), np.uint8),
        "regions": rng.integers(0, 256, (23, 12, 12), np.uint8),
    }


def write(path, arrays, *, pieces=(5, 0, 11, 7), chunk_rows=4):
    """Write arrays in pieces."""
    shapes = {name: array.shape[1:] for name, array in arrays.items()}
    with nuclei_store.create(
        path, shapes, attributes={"plate": 1}, chunk_rows=chunk_rows
    ) as writer:
        start = 0
        for n in pieces:
            writer.append(**{name: array[start : start + n] for name, array in arrays.items()})
            start += n
        writer.add_table("nuclei", pd.DataFrame({"row": range(start)}))
    return nuclei_store.open_store(path)


def test_rows_come_back_in_any_order_and_repeated(tmp_path, arrays):
    store = write(tmp_path / "a.zarr.zip", arrays)
    assert (
        len(store) == 23
        and store.names == ["nuclei", "regions"]
        and store.shape("regions") == (23, 12, 12)
    )
    rows = np.random.default_rng(1).integers(0, 23, 50)
    for name, array in arrays.items():
        np.testing.assert_array_equal(store.read(name), array)
        np.testing.assert_array_equal(store.read(name, rows), array[rows])
    assert store.read("nuclei", []).shape == (0, 8, 8)
    assert store.table()["row"].tolist() == list(range(23)) and store.attributes == {"plate": 1}


@pytest.mark.parametrize("rows", [[23], [-1, 3]])
def test_rows_that_are_not_there_are_refused(tmp_path, arrays, rows):
    with pytest.raises(IndexError, match="rows are 0 to 22"):
        write(tmp_path / "a.zarr.zip", arrays).read("nuclei", rows)


def test_bytes_do_not_depend_on_pieces_nor_on_the_hour(tmp_path, arrays, monkeypatch):
    first = write(tmp_path / "a.zarr.zip", arrays).path.read_bytes()
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert write(tmp_path / "b.zarr.zip", arrays, pieces=(23,)).path.read_bytes() == first


def test_zarr_itself_reads_the_store(tmp_path, arrays):
    zarr = pytest.importorskip("zarr")
    path = write(tmp_path / "a.zarr.zip", arrays).path
    group = zarr.open_group(zarr.storage.ZipStore(path, mode="r"), mode="r")
    for name, array in arrays.items():
        np.testing.assert_array_equal(group[name][:], array)
    assert dict(group.attrs) == {"plate": 1} and set(dict(group.members())) == {
        "nuclei",
        "regions",
        "tables",
    }


def test_small_and_empty_stores_have_no_padding(tmp_path, arrays):
    few = {name: array[:3] for name, array in arrays.items()}
    assert (
        write(tmp_path / "a.zarr.zip", few, pieces=(3,), chunk_rows=256).path.stat().st_size < 6000
    )
    none = {name: array[:0] for name, array in arrays.items()}
    assert write(tmp_path / "b.zarr.zip", none, pieces=()).read("regions").shape == (0, 12, 12)


def test_store_can_be_sent_to_a_worker_before_and_after_reading(tmp_path, arrays):
    store = write(tmp_path / "a.zarr.zip", arrays)
    store.read("nuclei", [0])
    sent = pickle.dumps(store)
    assert len(sent) < 500
    np.testing.assert_array_equal(pickle.loads(sent).read("nuclei", [22]), arrays["nuclei"][[22]])


def test_wrong_rows_are_refused(tmp_path, arrays):
    with nuclei_store.create(tmp_path / "a.zarr.zip", {"nuclei": (8, 8)}, attributes={}) as writer:
        with pytest.raises(ValueError, match="same number of rows"):
            writer.append(regions=arrays["regions"])
        with pytest.raises(ValueError, match=r"uint8 \(8, 8\), got nuclei float64"):
            writer.append(nuclei=arrays["nuclei"].astype(float))


def test_broken_stores_are_named(tmp_path, arrays):
    path = write(tmp_path / "a.zarr.zip", arrays).path
    path.write_bytes(path.read_bytes()[:-50])
    for broken in (path, tmp_path / "none.zarr.zip"):
        with pytest.raises(
            ValueError, match=rf"{broken.name} is not a store of nuclei .*make it again"
        ):
            nuclei_store.open_store(broken)


def test_place_gives_a_store_a_second_name(tmp_path, arrays):
    path = write(tmp_path / "a.zarr.zip", arrays).path
    placed = nuclei_store.place(path, tmp_path / "data" / "41744.zarr.zip")
    assert placed.read_bytes() == path.read_bytes() and nuclei_store.place(path, placed) == placed
    assert [file.name for file in placed.parent.iterdir()] == ["41744.zarr.zip"]


def test_only_chunks_wait_in_memory(tmp_path):
    writer = nuclei_store.Writer(zipfile.ZipFile(tmp_path / "a.zip", "w"), {"nuclei": (8, 8)}, 4)
    for _ in range(50):
        writer.append(nuclei=np.zeros((3, 8, 8), np.uint8))
        assert len(writer.waiting["nuclei"]) < 4
