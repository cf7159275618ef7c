"""Archives: whole or not at all, and nothing outside the folder."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from lib.data import download_archive as archives
from lib.data.errors import InputError

MEMBERS = {"demo/a.txt": b"first", "demo/deep/b.txt": b"second" * 1000}
Usage = namedtuple("Usage", "total used free")


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write(path: Path, members: dict[str, bytes]) -> Path:
    return (write_zip if path.suffix == ".zip" else write_tar)(path, members)


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_the_one_folder_that_holds_all_is_the_folder(tmp_path, name):
    archives.unpack(write(tmp_path / name, MEMBERS), tmp_path / "out")
    assert contents(tmp_path / "out") == {
        "a.txt": b"first",
        "deep/b.txt": b"second" * 1000,
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "out"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tars_of_every_compression_and_several_roots(tmp_path, mode):
    members = {"a.txt": b"first", "b/c.txt": b""}
    archives.unpack(write_tar(tmp_path / "a.tar", members, mode), tmp_path / "out")
    assert contents(tmp_path / "out") == members


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
@pytest.mark.parametrize("bad", ["../c", "/etc/c", "demo/../../c", "..", "C:/c", "..\\c"])
def test_a_member_that_leads_out_is_refused_before_anything_is_written(tmp_path, suffix, bad):
    inner = tmp_path / "inner"
    inner.mkdir()
    archive = write(inner / f"a{suffix}", {"a": b"1", "b": b"2", bad: b"3"})
    with pytest.raises(InputError, match="lies outside the folder; do not use this archive"):
        archives.unpack(archive, inner / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["inner", archive.name]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_of_a_tar_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("a/link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(InputError, match="'a/link' is a link or a device"):
        archives.unpack(tmp_path / "a.tar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_links_of_a_zip_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(InputError, match="'link' is a link or a device"):
        archives.unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    with pytest.raises(InputError, match="'a' is there twice"):
        archives.unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_archive_leaves_no_folder(tmp_path, name, share):
    members = {f"demo/{i}.bin": bytes([i]) * 3000 for i in range(40)}
    path = tmp_path / name
    write_tar(path, members, "w") if name == "a.tar" else write(path, members)
    whole = path.read_bytes()
    # a tar ends in zeros, which may be cut without a loss
    end = len(whole.rstrip(b"\0")) if name == "a.tar" else len(whole)
    path.write_bytes(whole[: int(end * share)])
    with pytest.raises(InputError, match="damaged or cut off"):
        archives.unpack(path, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_tar_cut_between_two_members_is_not_a_whole_one(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"a": b"1" * 512, "b": b"2" * 512}, "w")
    path.write_bytes(path.read_bytes()[:1024])  # header and content of the first
    with pytest.raises(InputError, match="its end is missing"):
        archives.unpack(path, tmp_path / "out")


def test_a_damaged_byte_is_found(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.bin": bytes(range(256)) * 100})
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged or cut off"):
        archives.unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_does_not_fit_is_said_before_it_is_unpacked(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "a.zip", {"a": bytes(30_000)})
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda folder: Usage(9, 9, 20_000))
    with pytest.raises(InputError, match="30.0 kB are needed to unpack it, 20.0 kB are free"):
        archives.unpack(path, tmp_path / "out")


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="it is there already"):
        archives.unpack(write_zip(tmp_path / "a.zip", MEMBERS), tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_one_gzip_file_is_unpacked_whole_or_not_at_all(tmp_path):
    text = "".join(f"{i}\n" for i in range(10)).encode()
    packed = gzip.compress(text)
    (tmp_path / "a.gz").write_bytes(packed)
    assert archives.unpack_gz(tmp_path / "a.gz", tmp_path / "a").read_bytes() == text
    (tmp_path / "b.gz").write_bytes(packed[:-9])
    with pytest.raises(InputError, match="b.gz: the file is damaged or cut off"):
        archives.unpack_gz(tmp_path / "b.gz", tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.gz", "b.gz"]
