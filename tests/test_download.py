"""One file from a server: interrupted, resumed, refused; never a half file taken for a whole."""

import errno
import hashlib
import random
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest
from toy_server import Manners, Server

from lib.data import download as downloads
from lib.data import download_check as checks
from lib.data import download_web as web
from lib.data.download import download
from lib.data.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
CONTENT = random.Random(7).randbytes(1_000_000)
SHA = hashlib.sha256(CONTENT).hexdigest()
EXPECTED = checks.Expected(len(CONTENT), {"sha256": SHA})
FAST = web.Patience(connect=2, read=2, attempts=3, pause=0.0, sleep=lambda seconds: None)
Usage = namedtuple("Usage", "total used free")


def left(folder: Path) -> list[str]:
    """Names of what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "data.bin"


def test_a_file_arrives_whole_and_nothing_else_is_left(target):
    with Server({"/a": CONTENT}) as server:
        assert download(f"{server.url}/a", target, expected=EXPECTED, patience=FAST) == target
    assert target.read_bytes() == CONTENT
    assert left(target.parent) == ["data.bin"]


def test_interrupted_at_ten_places_and_resumed_to_the_right_hash(target):
    places = sorted(random.Random(1).sample(range(1, len(CONTENT)), 10))
    breaks = [end - start for start, end in zip([0, *places], places, strict=False)]
    with Server({"/a": CONTENT}, Manners(break_after=breaks)) as server:
        download(f"{server.url}/a", target, expected=EXPECTED, patience=FAST)
        asked = [headers.get("Range") for _, _, headers in server.asked]
    assert hashlib.sha256(target.read_bytes()).hexdigest() == SHA
    # each goes on exactly where the one before ended, so that nothing comes twice
    assert asked == [None, *(f"bytes={place}-" for place in places)]
    assert server.sent == len(CONTENT)


@pytest.mark.parametrize("place", sorted(random.Random(2).sample(range(1, len(CONTENT)), 10)))
def test_a_part_left_by_another_process_is_continued(target, place):
    with Server({"/a": CONTENT}, Manners(break_after=[place])) as server:
        once = web.Patience(attempts=1)
        with pytest.raises(InputError, match="what has come is kept"):
            download(f"{server.url}/a", target, expected=EXPECTED, patience=once)
        assert not target.exists()
        before = server.sent
        download(f"{server.url}/a", target, expected=EXPECTED, patience=FAST)
        assert server.sent - before == len(CONTENT) - place
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_anew_and_doubles_nothing(target):
    content = b"ABCDEFGHIJ"
    manners = Manners(ranges=False, break_after=[3])
    with Server({"/a": content}, manners) as server:
        download(f"{server.url}/a", target, patience=FAST)
    assert target.read_bytes() == content  # 10 bytes, not 13


def test_a_server_that_sends_pieces_is_whole_only_at_its_end(target):
    with Server({"/a": CONTENT}, Manners(chunked=True, break_after=[400_000])) as server:
        with pytest.raises(InputError, match="broke off|hung up"):
            download(f"{server.url}/a", target, patience=web.Patience(attempts=1))
        assert not target.exists()
        download(f"{server.url}/a", target, patience=FAST)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("etag", ['W/"weak"', ""])
def test_a_server_that_names_no_version_is_continued_and_the_hash_decides(target, etag):
    with Server({"/a": CONTENT}, Manners(etag=etag, break_after=[1000])) as server:
        download(f"{server.url}/a", target, expected=EXPECTED, patience=FAST)
        assert "If-Range" not in server.asked[1][2]
    assert target.read_bytes() == CONTENT


def test_a_file_that_changed_in_between_is_fetched_anew(target):
    with Server({"/a": CONTENT}, Manners(break_after=[1000])) as server:
        with pytest.raises(InputError):
            download(f"{server.url}/a", target, patience=web.Patience(attempts=1))
        server.files["/a"] = CONTENT[::-1]
        download(f"{server.url}/a", target, patience=FAST)
    assert target.read_bytes() == CONTENT[::-1]


def test_a_changed_file_without_a_version_is_found_by_its_size(target):
    with Server({"/a": CONTENT}, Manners(etag="", break_after=[1000])) as server:
        with pytest.raises(InputError):
            download(f"{server.url}/a", target, patience=web.Patience(attempts=1))
        server.files["/a"] = CONTENT[::-1] + b"more"
        download(f"{server.url}/a", target, patience=FAST)
    assert target.read_bytes() == CONTENT[::-1] + b"more"


def test_a_part_of_another_address_is_not_continued(target):
    with Server({"/a": CONTENT, "/b": CONTENT[::-1]}, Manners(break_after=[1000])) as server:
        with pytest.raises(InputError):
            download(f"{server.url}/a", target, patience=web.Patience(attempts=1))
        download(f"{server.url}/b", target, patience=FAST)
    assert target.read_bytes() == CONTENT[::-1]


def test_a_part_that_is_whole_already_gets_its_name(target):
    with Server({"/a": CONTENT}, Manners(break_after=[len(CONTENT) - 1])) as server:
        with pytest.raises(InputError):
            download(f"{server.url}/a", target, patience=web.Patience(attempts=1))
        with (target.parent / ".data.bin.part").open("ab") as part:
            part.write(CONTENT[-1:])  # killed after the last byte, before the name
        download(f"{server.url}/a", target, expected=EXPECTED, patience=FAST)
    assert target.read_bytes() == CONTENT


def test_a_file_that_is_there_is_left_alone(target):
    target.write_bytes(b"mine")
    with Server({"/a": CONTENT}) as server:
        download(f"{server.url}/a", target, patience=FAST)
        assert server.asked == []
    assert target.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (checks.Expected(hashes={"sha256": "0" * 64}), f"its sha256 is {SHA}, expected 000"),
        (checks.Expected(hashes={"md5": "0" * 32}), "its md5 is"),
        (checks.Expected(size=5), "it has 1,000,000 bytes, expected 5"),
    ],
)
def test_a_wrong_file_is_refused_and_not_kept(target, expected, words):
    with (
        Server({"/a": CONTENT}) as server,
        pytest.raises(InputError, match=words) as refused,
    ):
        download(f"{server.url}/a", target, expected=expected, patience=FAST)
    assert str(refused.value).startswith("data.bin: ")
    assert left(target.parent) == []  # else the next try would go on with wrong bytes


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("demo.zip", b"<!DOCTYPE html><p>Please log in</p>", "the server sent a web page"),
        ("table.csv", b"\n <HTML><body>moved", "the server sent a web page"),
        ("a.gctx", b"not HDF5 at all", "does not begin as a .gctx file does"),
        ("a.csv.gz", b"id,x\n1,2\n", "does not begin as a .gz file does"),
        ("a.txt", b"", "it is empty"),
    ],
)
def test_another_kind_of_file_under_the_name_is_refused(tmp_path, name, content, words):
    with Server({"/a": content}) as server, pytest.raises(InputError, match=words):
        download(f"{server.url}/a", tmp_path / name, patience=FAST)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "wants a login"),
        (403, "there is no such file or prefix, or it is not public"),
        (404, "does not have it"),
        (410, "does not have it any more"),
    ],
)
def test_a_refusal_is_told_at_once_with_what_to_do(target, status, words):
    with (
        Server({"/a": CONTENT}, Manners(status=[(status, {})])) as server,
        pytest.raises(InputError, match=words) as refused,
    ):
        download(f"{server.url}/a", target, patience=FAST)
    assert len(server.asked) == 1
    assert server.url in str(refused.value)
    assert "--have NAME=PATH" in str(refused.value)
    assert left(target.parent) == []


def test_a_server_that_asks_for_a_pause_gets_it(target):
    slept = []
    patience = web.Patience(pause=0.5, sleep=slept.append)
    busy = [(429, {"Retry-After": "7"}), (503, {})]
    with Server({"/a": CONTENT}, Manners(status=busy)) as server:
        download(f"{server.url}/a", target, patience=patience)
    assert slept == [7.0, 1.0]


def test_a_reset_in_seven_seconds_is_waited_for_once(target):
    slept = []
    reset = [(429, {"X-RateLimit-Reset": str(int(time.time()) + 7)})]
    with Server({"/a": CONTENT}, Manners(status=reset)) as server:
        download(f"{server.url}/a", target, patience=web.Patience(sleep=slept.append))
    assert len(slept) == 1
    assert 6.5 < slept[0] < 8.5  # a clock of whole seconds, so one more


def test_a_pause_of_an_hour_is_not_waited_for(target):
    hour = Manners(status=[(429, {"Retry-After": "3600"})])
    words = "asks for a pause of 60 min; run the same command after"
    with Server({"/a": CONTENT}, hour) as server, pytest.raises(InputError, match=words):
        download(f"{server.url}/a", target, patience=FAST)


def test_a_server_that_stays_busy_is_given_up(target):
    busy = Manners(status=[(503, {})] * 9)
    words = "the server answered 503, 3 times; what has come is kept"
    with Server({"/a": CONTENT}, busy) as server, pytest.raises(InputError, match=words):
        download(f"{server.url}/a", target, patience=FAST)
    assert len(server.asked) == 3


def test_a_silent_server_is_told_and_what_came_is_kept(target):
    patience = web.Patience(read=1.5, attempts=1)
    with Server({"/a": CONTENT}, Manners(silent_s=60.0)) as server:
        with pytest.raises(InputError, match="the server sent nothing for 1.5 s, 1 times"):
            download(f"{server.url}/a", target, patience=patience)
        assert not target.exists()
        came = (target.parent / ".data.bin.part").stat().st_size
        assert len(CONTENT) // 2 - downloads.CHUNK < came <= len(CONTENT) // 2
        server.manners.silent_s = 0.0
        download(f"{server.url}/a", target, expected=EXPECTED, patience=FAST)
    assert target.read_bytes() == CONTENT


def test_nobody_at_the_address(target):
    with Server({}) as server:
        url = f"{server.url}/a"
    with pytest.raises(
        InputError, match=r"could not be reached, or hung up \(Connection refused\)"
    ):
        download(url, target, patience=FAST)
    assert left(target.parent) == []


def test_a_server_that_promises_more_than_it_sends_is_no_whole_file(target):
    with (
        Server({"/a": CONTENT}, Manners(lies_length=5, ranges=False)) as server,
        pytest.raises(InputError, match="connection|hung up"),
    ):
        download(f"{server.url}/a", target, patience=FAST)
    assert not target.exists()
    assert len(server.asked) == 3  # it is not asked for ever, however much it sends


def test_too_little_room_is_said_before_the_first_byte(target, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: Usage(9, 9, 400_000))
    with (
        Server({"/a": CONTENT}) as server,
        pytest.raises(InputError, match="1.0 MB are needed, 400.0 kB are free; free some space"),
    ):
        download(f"{server.url}/a", target, patience=FAST)
    assert left(target.parent) == []


def test_a_disk_that_fills_up_keeps_what_came_and_says_so(target, monkeypatch):
    write, room = downloads.Transfer._write, [500_000]

    class Full:
        def __init__(self, file):
            self.file = file

        def tell(self):
            return self.file.tell()

        def write(self, chunk):
            if len(chunk) > room[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            room[0] -= len(chunk)
            self.file.write(chunk)

        def flush(self):
            self.file.flush()

    monkeypatch.setattr(
        downloads.Transfer, "_write", lambda self, file, chunk: write(self, Full(file), chunk)
    )
    with Server({"/a": CONTENT}) as server:
        with pytest.raises(OSError, match="what has come is kept: free some space") as full:
            download(f"{server.url}/a", target, expected=EXPECTED, patience=FAST)
        assert full.value.errno == errno.ENOSPC
        assert not target.exists()
        room[0] = 10**9
        download(f"{server.url}/a", target, expected=EXPECTED, patience=FAST)
    assert target.read_bytes() == CONTENT


def test_two_processes_do_not_write_the_same_part(target):
    with Server({"/a": CONTENT}) as server, downloads._own_part(target):
        with pytest.raises(InputError, match="another process is downloading it"):
            download(f"{server.url}/a", target, patience=FAST)
        assert server.asked == []


def test_a_killed_process_is_continued_by_the_next(target):
    command = f"from lib.data.download import download; download({{!r}}, {str(target)!r})"
    with Server({"/a": CONTENT}, Manners(silent_s=30.0)) as server:
        url = f"{server.url}/a"
        process = subprocess.Popen([sys.executable, "-c", command.format(url)], cwd=ROOT)
        part = target.parent / ".data.bin.part"
        until = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size > 400_000):
            assert time.monotonic() < until, "the process did not begin"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not target.exists()
        came = part.stat().st_size
        server.manners.silent_s = 0.0
        before = server.sent
        download(url, target, expected=EXPECTED, patience=FAST)
        assert server.sent - before == len(CONTENT) - came
    assert target.read_bytes() == CONTENT


def test_progress_counts_every_byte_once(target):
    counted = []
    with Server({"/a": CONTENT}, Manners(ranges=False, break_after=[1000])) as server:
        download(f"{server.url}/a", target, patience=FAST, said=counted.append)
    assert sum(counted) == len(CONTENT)


def test_columns_are_read_through_gzip_and_told_when_absent(tmp_path):
    plain, packed = tmp_path / "a.tsv", tmp_path / "b.csv"
    plain.write_text("sig_id\tcell\n1\tA\n")
    packed.write_text("id,x\n1,2\n")
    checks.check(plain, checks.Expected(columns=("cell", "sig_id")))
    with pytest.raises(InputError, match="b.csv: the columns sig_id are missing; its first line"):
        checks.check(packed, checks.Expected(columns=("sig_id", "x")))


def test_the_first_digits_of_a_hash_are_enough(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"abc")
    checks.check(path, checks.Expected(hashes={"sha256": "ba7816bf"}))  # FIPS 180: SHA-256 of abc
    with pytest.raises(InputError, match="expected ba7816be"):
        checks.check(path, checks.Expected(hashes={"sha256": "ba7816be"}))
