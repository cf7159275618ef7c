"""Sources: the registry, what is here, fetching many files, copies that lie elsewhere."""

import errno
import gzip
import hashlib
import io
import json
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest
import yaml
from toy_server import Manners, Server

from lib.data import download as downloads
from lib.data import download_have as have
from lib.data import download_listing as listing
from lib.data import download_plan as plans
from lib.data import download_receipts as receipts
from lib.data import download_run as runs
from lib.data import download_servers as servers
from lib.data import download_web as web
from lib.data import fetch, sources
from lib.data.errors import InputError
from lib.run import params, pipeline, store

ROOT = Path(__file__).resolve().parent.parent
FAST = web.Patience(connect=5, read=5, attempts=2, pause=0.0, sleep=lambda seconds: None)
Usage = namedtuple("Usage", "total used free")
FACTS = {
    "address": "read: a page",
    "size": "unknown: nowhere",
    "hash": "unknown: nowhere",
    "licence": "unknown: nowhere",
}


def source(**parts) -> sources.Source:
    known = {"title": "A", "needed_by": ["x.path"], "page": "https://a.org", "licence": ""}
    return sources.Source(**{**known, "facts": FACTS, **parts})


def one_file(url: str, to: str = "resources/a.txt", **parts) -> sources.Source:
    facts = {**FACTS, "size": "computed: here", "hash": "computed: here"}
    return source(files=[sources.File(url=url, to=to, **parts)], facts=facts)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty project folder, from which relative paths are taken."""
    monkeypatch.setattr(store, "ROOT", tmp_path)
    return tmp_path


def fetched(*named: sources.Source, **options) -> list[str]:
    asked = [plans.ask(f"s{i}", one, patience=FAST) for i, one in enumerate(named)]
    return runs.run(asked, patience=FAST, **options)


def zipped(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


# ---------------------------------------------------------------- the registry


def test_every_need_of_the_registry_is_a_parameter_or_a_notebook():
    steps = pipeline.load("mini", root=ROOT)
    sections = params.resolve("paper", slugs=[step.slug for step in steps.steps])
    known = set(sections) | {
        f"{slug}.{key}" for slug, section in sections.items() for key in type(section).model_fields
    }
    needs = {need for one in sources.read().values() for need in one.needed_by}
    assert needs <= known


def test_every_input_of_the_paper_comes_from_the_registry_or_from_a_notebook():
    """A path of params/paper.yaml is where a source puts a file, or what a notebook makes."""
    places = set()
    for one in sources.read().values():
        parts = [one.table, one.grid, one.dump, one.filled, *one.files]
        places |= {part.to for part in parts if part}
    values = yaml.safe_load((ROOT / "params/paper.yaml").read_text())
    steps = pipeline.load("mini", root=ROOT)
    sections = params.resolve("paper", slugs=[step.slug for step in steps.steps])
    paths = {
        value
        for slug in values
        for value in params.input_paths(sections[slug]).values()
        if not value.startswith("runs/")
    }
    assert paths, "the profile names no input"
    contacts = "data/roadmap/contacts"  # made from the published pickles, see the source's note
    for path in paths - {contacts}:
        assert any(place == path or place.startswith(path + "/") for place in places), path


def test_no_two_sources_fill_the_same_place():
    places = [one.to for source in sources.read().values() for one in listing.known(source)]
    assert len(places) == len(set(places))
    assert all(place.startswith(("resources/", "data/")) for place in places)


@pytest.mark.real
def test_the_registry_agrees_with_the_files_at_hand():
    shared = ROOT.parent / "shared/data"
    pairs = {
        "interactome": "ppi/OmicsIntegrator2",
        "jump_tables": "jump/datasets",
        "lincs_weights": "lincs_weights",
    }
    n_compared = 0
    for name, folder in pairs.items():
        for one in listing.known(sources.read()[name]):
            copy = shared / folder / one.path.name
            if copy.exists() and one.served.hashes:
                assert copy.stat().st_size == one.served.size
                assert hashlib.sha256(copy.read_bytes()).hexdigest() == one.served.hashes["sha256"]
                n_compared += 1
    if not shared.exists():
        pytest.skip("no real data beside the project")
    assert n_compared == 16


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surprise": 1}, "a.surprise: Extra inputs"),
        ({"facts": {**FACTS, "hash": "sure"}}, "a.facts.hash: String should match"),
        ({"facts": {"hash": "unknown: x"}}, "say how certain address, licence, size is"),
        ({"files": []}, "one of them, or by_hand alone"),
        ({"files": [{"to": "resources/a"}]}, "without address needs by_hand"),
        ({"files": [{"url": "https://a.org/a", "to": "../a"}]}, "a path inside the project"),
        ({"files": [{"url": "ftp://a.org/a", "to": "a"}]}, "files.0.url"),
        ({"files": [{"url": "https://a.org/a", "to": "a", "size": 3}]}, "so it is not unknown"),
        ({"files": [{"url": "https://a.org/a", "to": "a", "sha256": "xyz"}]}, "files.0.sha256"),
    ],
)
def test_faults_of_the_registry_are_told_with_their_place(tmp_path, change, words):
    entry = {"title": "A", "needed_by": ["x"], "page": "https://a.org", "licence": ""}
    entry |= {"facts": FACTS, "files": [{"url": "https://a.org/a", "to": "a"}]}
    path = tmp_path / "sources.yaml"
    path.write_text(yaml.safe_dump({"sources": {"a": entry | change}}))
    with pytest.raises(InputError, match=words) as refused:
        sources.read(path)
    assert str(refused.value).startswith("sources.yaml: ")


def test_a_pattern_asks_for_columns_alone():
    parts = {"path": "a.csv", "to": "b/{x}"}
    assert sources.Table(url="https://a.org/{x.stem}", **parts)
    for bad in ("{x.__class__}", "{x!r}", "{x:>9}", "{0[1]}"):
        with pytest.raises(ValueError, match="only {Column}, {Column.stem} and"):
            sources.Table(url=f"https://a.org/{bad}", **parts)


def test_a_name_means_a_source_a_notebook_or_a_parameter():
    known = {"a": source(by_hand="x", needed_by=["n.p", "m"]), "b": source(by_hand="x")}
    assert list(sources.choose(known, ["n"])) == ["a"]
    assert list(sources.choose(known, ["x.path"])) == ["b"]
    assert list(sources.choose(known, [])) == ["a", "b"]
    with pytest.raises(InputError, match="there is no source 'z'; there are a, b"):
        sources.choose(known, ["z"])


# ---------------------------------------------------------------- listings


def test_a_public_bucket_is_listed_page_by_page_and_fetched(project):
    content = {f"images/a/{i} µ.tiff": b"II*\0" + bytes([i]) * 9 for i in range(7)}
    files = {f"/gallery/{name}": one for name, one in content.items()}
    with Server(files | {"/gallery/other/x": b"no"}) as server:
        bucket = sources.Bucket(
            endpoint=server.url, bucket="gallery", prefix="images/", to="resources/g"
        )
        assert fetched(source(bucket=bucket)) == []
        assert not any("Authorization" in headers for _, _, headers in server.asked)
        n_pages = sum("list-type" in path for _, path, _ in server.asked)
    assert n_pages == 3
    for name, one in content.items():
        assert (project / "resources/g" / name.removeprefix("images/")).read_bytes() == one
    assert plans.look("s0", source(bucket=bucket)).state == "present"


def test_a_prefix_that_is_not_there_and_one_that_is_not_public(project):
    with Server({"/gallery/images/a": b"x"}) as server:
        bucket = {"endpoint": server.url, "bucket": "gallery", "to": "resources/g"}
        missing = source(bucket=sources.Bucket(prefix="imagse/", **bucket))
        with pytest.raises(InputError, match="nothing below 'imagse/', or it is not public"):
            plans.ask("s", missing, patience=FAST)
        server.manners.status = [(403, {})]
        with pytest.raises(InputError, match="no such file or prefix, or it is not public"):
            plans.ask("s", missing, patience=FAST)


def test_a_bucket_that_lists_a_name_outside_its_folder_is_refused(project):
    with Server({"/gallery/images/../../x": b"x"}) as server:
        bucket = sources.Bucket(endpoint=server.url, bucket="gallery", prefix="images/", to="r/g")
        with pytest.raises(InputError, match="lies outside r/g"):
            plans.ask("s", source(bucket=bucket), patience=FAST)


@pytest.mark.parametrize("host", ["zenodo", "figshare"])
def test_a_record_gives_addresses_sizes_and_hashes(project, monkeypatch, host):
    content = zipped({"demo/BRAF/a.tif": b"image"})
    md5 = hashlib.md5(content).hexdigest()
    with Server({"/demo.zip": content}) as server:
        monkeypatch.setitem(servers.HOSTS, host, f"{server.url}/records")
        url = f"{server.url}/demo.zip"
        entry = {"key": "demo.zip", "size": len(content), "checksum": f"md5:{md5}"}
        entry |= {"links": {"self": url}, "name": "demo.zip", "download_url": url}
        entry |= {"computed_md5": md5}
        server.files["/records/7"] = json.dumps({"files": [entry]}).encode()
        demo = source(files=[sources.File(url=f"{host}:7/demo.zip", to="r/demo", unpack="zip")])
        (one,) = listing.remotes(demo, patience=FAST)
        assert (one.url, one.served.size, one.served.hashes) == (url, len(content), {"md5": md5})
        assert fetched(demo) == []
        wrong = source(files=[sources.File(url=f"{host}:7/dmeo.zip", to="r/x")])
        with pytest.raises(InputError, match="record 7 has no file 'dmeo.zip'; it has demo.zip"):
            listing.remotes(wrong, patience=FAST)
        whole = source(record=sources.Record(host=host, id="7", to="r/all"))
        assert [one.to for one in listing.remotes(whole, patience=FAST)] == ["r/all/demo.zip"]
        server.files["/records/7"] = b'{"message": "moved"}'
        with pytest.raises(InputError, match=f"{host} lists record 7 in a form that is not known"):
            listing.remotes(whole, patience=FAST)
    assert (project / "r/demo/BRAF/a.tif").read_bytes() == b"image"
    assert not (project / "r/demo.zip").exists()


def test_a_table_names_one_file_per_row_and_each_once(project):
    (project / "t.csv").write_text("plate,file\n41744,a.b.tif\n41744,a.b.tif\n7,c.tif\n")
    table = sources.Table(
        path="t.csv", url="https://a.org/{plate}/{file.stem}_x.tif", to="r/{plate}/{file.stem}.tif"
    )
    found = listing.in_table(table)
    assert [one.url for one in found] == [
        "https://a.org/41744/a.b_x.tif",
        "https://a.org/7/c_x.tif",
    ]
    assert [one.to for one in found] == ["r/41744/a.b.tif", "r/7/c.tif"]
    (project / "t.csv").write_text("plate,file\n..,a.tif\n")
    with pytest.raises(InputError, match="lies outside r"):
        listing.in_table(table)
    (project / "t.csv").write_text("plate\n1\n")
    with pytest.raises(InputError, match="t.csv: the column file is missing; found plate"):
        listing.in_table(table)
    (project / "t.csv").unlink()
    with pytest.raises(InputError, match="this table names the files to fetch"):
        listing.in_table(table)


@pytest.mark.real
def test_the_real_image_table_gives_the_addresses_of_the_archive(monkeypatch, tmp_path):
    published = ROOT.parent / "shared/data/rohban/metadata_image_data.csv"
    if not published.exists():
        pytest.skip("no real data beside the project")
    monkeypatch.setattr(store, "ROOT", tmp_path)
    table = sources.read(ROOT / "params/sources.yaml")["rohban_images"].table
    (tmp_path / table.path).parent.mkdir(parents=True)
    (tmp_path / table.path).symlink_to(published)
    found = listing.in_table(table)
    assert len(found) == 20_736
    corrected = "/images_illum_corrected/41744/taoe005-u2os-72h-cp-a-au00044859_k21_s7_w1"
    (one,) = [each for each in found if "au00044859_k21_s7" in each.url]  # one variant, one stain
    assert corrected in one.url
    assert one.url.endswith("_illum_corrected.tif")
    assert one.to.startswith("resources/rohban/illum_corrected/41744/")


@pytest.mark.real
def test_the_real_load_data_table_gives_the_addresses_of_the_gallery(monkeypatch, tmp_path):
    load_data = ROOT.parent / "shared/data/jump/pycytominer"
    load_data /= "test_BR00126114_load_data_with_illum.parquet"
    if not load_data.exists():
        pytest.skip("no real data beside the project")
    monkeypatch.setattr(store, "ROOT", tmp_path)
    known = sources.read(ROOT / "params/sources.yaml")
    tables = [known[name].table for name in ("jump_images", "jump_illumination")]
    (tmp_path / tables[0].path).parent.mkdir(parents=True)
    (tmp_path / tables[0].path).symlink_to(load_data)
    images, functions = (listing.in_table(table) for table in tables)
    inner = "source_4/images/2021_08_23_Batch12"
    name = (
        "images/BR00126114__2021-09-01T15_39_48-Measurement1/Images/r01c01f01p01-ch5sk1fk1fl1.tiff"
    )
    assert images[0].to == f"resources/cpg0016-jump/{inner}/{name}"
    gallery = "https://s3.amazonaws.com/cellpainting-gallery/cpg0016-jump"
    assert images[0].url == f"{gallery}/{inner}/{name}"
    # one plate, one function
    (one,) = functions
    assert one.to.endswith(f"{inner}/illum/BR00126114/BR00126114_IllumDNA.npy")


# ---------------------------------------------------------------- fetching


def test_files_come_unpacked_noted_and_only_once(project):
    text = b"id,x\n1,2\n"
    packed = gzip.compress(text)
    with Server({"/a.gz": packed}) as server:
        one = one_file(f"{server.url}/a.gz", unpack="gz", size=len(packed), columns=["id"])
        assert plans.look("s0", one).state == "missing"
        assert fetched(one) == []
        assert plans.look("s0", one).state == "present"
        n_asked = len(server.asked)
        assert fetched(one) == []
        assert len(server.asked) == n_asked
    assert (project / "resources/a.txt").read_bytes() == text
    noted = receipts.read("s0")["resources/a.txt"]
    assert noted["sha256"] == hashlib.sha256(text).hexdigest()
    assert receipts.changed("s0") == []
    (project / "resources/a.txt").write_bytes(b"id,x\n1,3\n")
    (said,) = receipts.changed("s0")
    assert said.startswith("a.txt: its sha256 is")


def test_what_comes_out_of_an_archive_is_checked_too(project):
    with Server({"/a.gz": gzip.compress(b"name,x\n1,2\n")}) as server:
        (said,) = fetched(one_file(f"{server.url}/a.gz", unpack="gz", columns=["id"]))
    assert "the columns id are missing" in said
    assert not (project / "resources/a.txt").exists()


def test_what_fails_does_not_stop_the_others_and_is_told(project):
    with Server({"/b": b"content"}) as server:
        said = []
        bad, good = one_file(f"{server.url}/a"), one_file(f"{server.url}/b", "resources/b.txt")
        (failed,) = fetched(bad, good, done=said.append)
    assert failed.startswith("s0: resources/a.txt: 127.0.0.1 does not have it (404)")
    assert (project / "resources/b.txt").read_bytes() == b"content"
    assert sorted(line.partition(":")[0] for line in said) == ["FAILED s0", "s1"]


def test_a_full_disk_stops_what_has_not_begun(project, monkeypatch):
    def full(self, file, chunk):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(downloads.Transfer, "_write", full)
    with Server({f"/{i}": b"content" for i in range(9)}) as server:
        made = [sources.File(url=f"{server.url}/{i}", to=f"r/{i}") for i in range(9)]
        said = fetched(source(files=made), workers=1)
        n_asked = sum(method == "GET" for method, _, _ in server.asked)
    assert "No space left on device" in said[0]
    assert n_asked < 9
    assert said[-1] == f"{9 - len(said) + 1} further files are left for the next time"
    assert not list(project.glob("r/[0-9]"))


def test_a_stop_ends_the_threads_and_keeps_what_came(project):
    with Server({"/a": bytes(200_000)}, Manners(silent_s=0.5)) as server:

        def said(n_bytes):
            if n_bytes:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fetched(one_file(f"{server.url}/a"), said=said)
    assert not (project / "resources/a.txt").exists()
    assert (project / "resources/.a.txt.part").stat().st_size > 0


def test_several_files_at_the_same_time_but_few_from_a_host_that_wants_it(project, monkeypatch):
    files = {f"/{i}": bytes([i]) * 100 for i in range(1, 9)}
    with Server(files, Manners(silent_s=0.2)) as server:
        made = [sources.File(url=f"{server.url}/{i}", to=f"r/{i}") for i in range(1, 9)]
        assert fetched(source(files=made), workers=4) == []
        assert 2 <= server.most_at_once <= 4
        server.most_at_once = 0
        monkeypatch.setitem(runs.AT_ONCE, "127.0.0.1", 1)
        made = [sources.File(url=f"{server.url}/{i}", to=f"q/{i}") for i in range(1, 5)]
        assert fetched(source(files=made), workers=4) == []
        assert server.most_at_once == 1


def test_room_is_asked_for_archive_and_content_together(project, monkeypatch):
    giga = 10**9
    one = one_file("https://a.org/a", unpack="zip", size=10 * giga, unpacked_size=25 * giga)
    monkeypatch.setattr(plans.shutil, "disk_usage", lambda path: Usage(0, 0, 30 * giga))
    with pytest.raises(InputError, match=r"35.0 GB are needed in .*, 30.0 GB are free"):
        plans.check_room([plans.look("a", one)])
    monkeypatch.setattr(plans.shutil, "disk_usage", lambda path: Usage(0, 0, 36 * giga))
    plans.check_room([plans.look("a", one)])


def test_a_source_by_hand_says_what_to_put_where_and_is_checked_on_arrival(project):
    made = sources.File(to="resources/a.csv", columns=["drug"])
    one = source(files=[made], by_hand="Write to the authors.")
    assert plans.look("s0", one).state == "by hand"
    assert fetched(one) == ["s0: Write to the authors. Put it to resources/a.csv."]
    (project / "resources").mkdir(exist_ok=True)
    (project / "resources/a.csv").write_text("gene\nBRAF\n")
    (said,) = fetched(one)
    assert said.startswith("s0: a.csv: the columns drug are missing")
    (project / "resources/a.csv").write_text("drug\nx\n")
    assert fetched(one) == []


def test_a_table_is_read_out_of_a_dump_that_arrives(project):
    text = "CREATE TABLE `T` (\n  `a` int,\n  `b` text\n);\nINSERT INTO `T` VALUES (1,NULL),(2,'x,y');\n"
    dump = sources.Dump(path="r/d.sql", table="T", columns=["b", "a"], to="r/t.csv")
    with Server({"/d.sql": text.encode()}) as server:
        one = source(files=[sources.File(url=f"{server.url}/d.sql", to="r/d.sql")], dump=dump)
        assert fetched(one) == []
    assert (project / "r/t.csv").read_text() == 'b,a\n,1\n"x,y",2\n'


# ---------------------------------------------------------------- copies that lie elsewhere


def test_a_copy_is_checked_and_linked(project, tmp_path_factory):
    own = tmp_path_factory.mktemp("own") / "copy.txt"
    own.write_bytes(b"content")
    digits = hashlib.sha256(b"content").hexdigest()
    one = one_file("https://a.org/a", sha256=digits)
    (said,) = have.take(plans.look("s0", one), own)
    assert said == f"resources/a.txt is a link to {own}"
    assert (project / "resources/a.txt").resolve() == own
    with pytest.raises(InputError, match="it is there already"):
        have.take(plans.look("s0", one), own)


def test_a_copy_with_other_bytes_is_refused(project, tmp_path_factory):
    own = tmp_path_factory.mktemp("own") / "copy.txt"
    own.write_bytes(b"other")
    with pytest.raises(InputError, match="its sha256 is"):
        have.take(plans.look("s0", one_file("https://a.org/a", sha256="0" * 64)), own)
    assert not (project / "resources/a.txt").exists()
    with pytest.raises(InputError, match="there is no such file or folder"):
        have.take(plans.look("s0", one_file("https://a.org/a")), own.with_name("no"))


def test_a_packed_copy_is_unpacked(project, tmp_path_factory):
    own = tmp_path_factory.mktemp("own") / "a.txt.gz"
    own.write_bytes(gzip.compress(b"content"))
    have.take(plans.look("s0", one_file("https://a.org/a.gz", unpack="gz")), own)
    assert (project / "resources/a.txt").read_bytes() == b"content"


def test_a_folder_is_searched_for_the_files_of_a_source(project, tmp_path_factory):
    own = tmp_path_factory.mktemp("own")
    (own / "a.txt").write_bytes(b"1")
    made = [sources.File(url=f"https://a.org/{name}", to=f"r/{name}.txt") for name in "ab"]
    said = have.take(plans.look("s0", source(files=made)), own)
    assert said[0].startswith("r/a.txt is a link to")
    assert "(no size or hash is known to compare it with)" in said[0]
    assert said[1] == "r/b.txt is still missing"


def test_a_source_without_a_place_says_what_to_do(project, tmp_path_factory):
    one = source(by_hand="Put masks to resources/masks/<plate>/.")
    with pytest.raises(InputError, match="s0 has no fixed place: Put masks to"):
        have.take(plans.look("s0", one), tmp_path_factory.mktemp("own"))


def test_a_folder_of_images_becomes_a_link_if_its_files_are_there(project, tmp_path_factory):
    own = tmp_path_factory.mktemp("own")
    (project / "t.csv").write_text("plate\n1\n2\n")
    table = sources.Table(path="t.csv", url="https://a.org/{plate}", to="r/images/{plate}.tif")
    one = source(table=table)
    with pytest.raises(InputError, match="none of its files is in this folder"):
        have.take(plans.look("s0", one), own)
    (own / "1.tif").write_bytes(b"II*\0")
    (said,) = have.take(plans.look("s0", one), own)
    assert said == f"r/images is a link to {own}: 1 of 2 files are there"
    assert plans.look("s0", one).state == "partly present"


# ---------------------------------------------------------------- the command


@pytest.fixture
def command(project, monkeypatch):
    """Return a function that writes a registry and runs the command."""

    def run(known: dict[str, sources.Source], *arguments: str) -> int:
        monkeypatch.setattr(sources, "read", lambda: known)
        monkeypatch.setattr(web, "Patience", lambda: FAST)
        return fetch.main(list(arguments))

    return run


def test_the_command_lists_and_asks_no_server(command, capsys):
    with Server({"/a": b"content"}) as server:
        assert command({"a": one_file(f"{server.url}/a", size=7)}) == fetch.DONE
        assert server.asked == []
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["missing", "7", "B", "a", "A"]
    assert said[1] == "0 of 1 sources are here; all of them are 7 B."


def test_the_command_counts_before_it_fetches_and_then_fetches(command, capsys, project):
    with Server({"/a": b"content"}) as server:
        known = {"a": one_file(f"{server.url}/a")}
        assert command(known, "a", "--dry-run") == fetch.DONE
        assert [method for method, _, _ in server.asked] == ["HEAD"]
        assert "1 of 1 files to come, 7 B" in capsys.readouterr().out
        assert not (project / "resources").exists()
        assert command(known, "a") == fetch.DONE
        assert command(known, "--verify") == fetch.DONE
    assert (project / "resources/a.txt").read_bytes() == b"content"


def test_the_command_says_what_failed_and_how_it_ends(command, capsys):
    with Server({}) as server:
        assert command({"a": one_file(f"{server.url}/a")}, "a") == fetch.FAILED
    assert "does not have it (404)" in capsys.readouterr().err
    assert command({"a": source(by_hand="x")}, "b") == fetch.WRONG_USAGE
    assert capsys.readouterr().err == "there is no source 'b'; there are a\n"
    assert command({"a": source(by_hand="x")}, "--have", "a") == fetch.WRONG_USAGE
    assert "expected NAME=PATH" in capsys.readouterr().err


def test_an_interrupted_command_says_how_to_go_on(command, capsys, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "run", stopped)
    with Server({"/a": b"content"}) as server:
        assert command({"a": one_file(f"{server.url}/a")}, "a") == fetch.INTERRUPTED == 130
    assert "What has come is kept: run the same command again." in capsys.readouterr().err


def test_the_command_begins_nothing_that_does_not_fit(command, capsys, monkeypatch, project):
    monkeypatch.setattr(plans.shutil, "disk_usage", lambda path: Usage(0, 0, 5))
    with Server({"/a": b"content"}) as server:
        assert command({"a": one_file(f"{server.url}/a", size=7)}, "a") == fetch.FAILED
        assert server.sent == 0
    assert "7 B are needed" in capsys.readouterr().err
