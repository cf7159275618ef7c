"""Files are written whole or not at all, and their hashes are those of `sha256sum`."""

import errno
import os
import subprocess
import sys

import pandas as pd
import pytest

from lib.run import store


def left_over(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = store.write_text(tmp_path / "table.csv", "old")
    with pytest.raises(RuntimeError), store.atomic(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert left_over(tmp_path) == ["table.csv"]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = store.write_text(tmp_path / "table.csv", "old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError,
        match="No space left .* free some space and run the same command again: .*table.csv",
    ):
        store.write_text(path, "new")
    assert path.read_text() == "old"
    assert left_over(tmp_path) == ["table.csv"]


def test_a_file_size_limit_leaves_the_old_file(tmp_path):
    """The real thing, in a process that may write 1000 bytes a file."""
    store.write_text(tmp_path / "table.csv", "old")
    code = (
        "import resource, signal; from lib.run import store\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, "
        "(1000, 1000))\n"
        f"store.write_text({str(tmp_path / 'table.csv')!r}, 'x' * 100_000)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=store.ROOT, capture_output=True, text=True
    )
    assert "File too large" in run.stderr
    assert (tmp_path / "table.csv").read_text() == "old"
    assert left_over(tmp_path) == ["table.csv"]


def test_an_unfinished_file_is_hidden_and_keeps_the_suffix(tmp_path):
    with store.atomic(tmp_path / "new" / "table.csv") as part:
        assert part.parent == tmp_path / "new"
        assert part.name.startswith(".") and ".part" in part.name and part.suffix == ".csv"
        assert not (tmp_path / "new" / "table.csv").exists()
    assert left_over(tmp_path / "new") == ["table.csv"]


def test_a_new_file_has_the_permissions_that_the_user_wants(tmp_path):
    before = os.umask(0o027)
    try:
        path = store.write_text(tmp_path / "a.txt", "a")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path):
    assert store.write_text(tmp_path / ("x" * 251 + ".csv"), "a").read_text() == "a"


def test_relative_paths_start_at_the_project_wherever_we_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert store.resolve("params/mini.yaml") == store.ROOT / "params" / "mini.yaml"
    assert store.resolve(tmp_path / "a") == tmp_path / "a"


def test_equal_values_give_equal_bytes(tmp_path):
    first = store.write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, "é"]}).read_bytes()
    second = store.write_json(tmp_path / "b.json", {"a": [1.5, "é"], "b": 1}).read_bytes()
    assert first == second
    assert "é".encode() in first
    assert store.read_json(tmp_path / "a.json") == {"a": [1.5, "é"], "b": 1}


def test_sha256_is_the_known_one(tmp_path):
    path = store.write_text(tmp_path / "abc", "abc")
    assert store.sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_digest_ignores_the_order_of_keys_and_nothing_else():
    assert store.digest({"a": 1, "b": 2}) == store.digest({"b": 2, "a": 1})
    assert store.digest([1, 2]) != store.digest([2, 1])
    assert store.digest(1) != store.digest("1") != store.digest([1])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_comes_back_and_has_the_same_bytes_each_time(tmp_path, suffix):
    table = pd.DataFrame({"gene": ["TP53", "MYC"], "score": [0.1, 1 / 3]})
    read = {".csv": pd.read_csv, ".parquet": pd.read_parquet}[suffix]
    first, second = (store.write_table(tmp_path / f"{name}{suffix}", table) for name in "ab")
    pd.testing.assert_frame_equal(read(first), table)
    assert first.read_bytes() == second.read_bytes()


def test_a_table_of_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"t\.xls: tables are written as \.parquet or \.csv, not \.xls"
    ):
        store.write_table(tmp_path / "t.xls", pd.DataFrame())
    assert left_over(tmp_path) == []


def test_a_missing_input_names_the_command_that_makes_it():
    with pytest.raises(
        FileNotFoundError, match=r"runs/mini/no\.csv is not there yet; .*run_all\.py some_slug"
    ):
        store.require("runs/mini/no.csv", made_by="some_slug")
    assert store.require("pyproject.toml", made_by="x") == store.ROOT / "pyproject.toml"
