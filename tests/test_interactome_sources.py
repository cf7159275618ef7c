"""The table of contents of the sources, the readers of gene sets and of genes, and what they
refuse."""

import pandas as pd
import pytest
import toy_network

from lib.data import gmt, origin
from lib.data.errors import InputError
from lib.interactome import markers, sources, universes
from lib.regulation import tables
from lib.run import store


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return toy_network.write(tmp_path_factory.mktemp("sources"))


def test_sources_are_listed_with_their_origin_and_content(found):
    folder = found["ppi"].path.parent
    assert set(found) == set(sources.NAMES) and not found["gene_ids"].simulated
    assert all(source.simulated for name, source in found.items() if name != "gene_ids")
    listing = store.read_json(folder / sources.LISTING)
    assert listing["ppi"]["path"] == "ppi.txt" and listing["ppi"]["sha256"] == store.sha256(
        folder / "ppi.txt"
    )


def test_a_users_file_comes_before_the_simulated_one_and_ends_the_planted_truth(found, tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text(found["ppi"].path.read_text())
    mixed = toy_network.write(tmp_path / "mixed", ppi=str(mine))
    assert mixed["ppi"].path == mine and not mixed["ppi"].simulated and mixed["hallmark"].simulated
    both = origin.read(tmp_path / "mixed")
    assert both.only("network").words == "User's own: network (mine.txt)."
    assert both.only("network", "gene sets").mark == "partly simulated data: gene sets"
    assert origin.read(found["ppi"].path.parent).is_planted
    assert sources.read_truth(tmp_path / "mixed").empty and len(
        sources.read_truth(found["ppi"].path.parent)
    )
    mine.unlink()
    with pytest.raises(
        InputError, match=r"mine\.txt is gone; make it with: python run_all.py network_sources"
    ):
        sources.read(tmp_path / "mixed")


@pytest.mark.parametrize(
    ("made", "own", "message"),
    [
        ({}, {}, "fucci_counts: no file given; set fucci_counts_path to a file"),
        ({}, {"fucci_counts": "nowhere.csv"}, "fucci_counts: no file nowhere.csv"),
        ({"proteins": "a"}, {}, "no source is called 'proteins'; the sources are fucci_counts"),
    ],
)
def test_sources_that_are_not_there_are_named(tmp_path, made, own, message):
    with pytest.raises(InputError, match=message):
        sources.write(tmp_path, made, own)


def test_a_folder_without_a_table_of_contents_names_the_notebook(tmp_path):
    with pytest.raises(FileNotFoundError, match="python run_all.py network_sources"):
        sources.read(tmp_path)


def test_genes_of_each_source(found):
    known = universes.universes(found)
    truth = sources.read_truth(found["ppi"].path.parent)
    assert known["interactome"] == set(truth["gene"])
    assert set(truth["gene"]) - known["cell lines"] == set(truth["gene"]) - set(
        pd.read_csv(found["ccle_expression"].path, index_col=0).columns.str.split(" ").str[0]
    )
    assert known["single cells"] - set(truth["gene"]) and "AKT1S1" not in known["signatures"]
    planted = set(truth["gene"][truth["module"] != "none"])
    assert planted <= known["cell lines"] and planted <= known["single cells"]


def test_an_interactome_is_checked_when_it_is_first_looked_at(tmp_path):
    path = tmp_path / "ppi.txt"
    for row, message in (
        ("b\tc\thigh", r"ppi\.txt: row 3, column 3: 'high' is no finite number"),
        ("b\tc\t-1", r"row 3, column 3: '-1'"),
        ("\tc\t1", "row 3, column 1: the gene has no name"),
    ):
        path.write_text(f"protein1\tprotein2\tcost\nA\tB\t0.5\n{row}\n")
        with pytest.raises(InputError, match=message):
            universes.read_edges(path)
    path.write_text("protein1\tprotein2\tcost\n")
    with pytest.raises(InputError, match=r"ppi\.txt: no edges"):
        universes.interactome_genes(path)
    path.write_text("")
    with pytest.raises(
        InputError, match=r"ppi\.txt: the file is empty; expected tab-separated protein1"
    ):
        universes.interactome_genes(path)


def test_an_interactome_without_header_can_be_looked_at(tmp_path):
    path = tmp_path / "ppi.txt"
    path.write_text("A\tb\t0.9\nB\tC\t1.5\n")
    assert universes.interactome_genes(path) == {"A", "B", "C"}
    assert universes.read_edges(path)["cost"].tolist() == pytest.approx([0.1, 0])


def test_a_users_file_is_refused_before_anything_is_removed(tmp_path):
    (tmp_path / "sources").mkdir()
    inside, outside = tmp_path / "sources/ppi.txt", tmp_path / "ppi.txt"
    for file in (inside, outside):
        file.write_text("A\tB\t1\n")
    with pytest.raises(
        InputError, match=r"ppi: .*ppi\.txt lies among the sources that are made here"
    ):
        sources.check({"ppi": str(inside), "hallmark": ""}, tmp_path / "sources")
    with pytest.raises(InputError, match="hallmark: no file nowhere.gmt"):
        sources.check({"hallmark": "nowhere.gmt"}, tmp_path / "sources")
    sources.check({"ppi": str(outside)}, tmp_path / "sources")


def test_beside_a_real_screen_the_networks_truth_is_not_that_of_the_images(tmp_path):
    simulated, real = tmp_path / "simulated", tmp_path / "real"
    origin.write(simulated, origin.simulated("images"))
    origin.write(real, origin.own("images", "plates"))
    toy_network.write(tmp_path / "network")
    alone = sources.read_truth(tmp_path / "network")
    assert len(sources.read_truth(tmp_path / "network", simulated)) == len(alone) > 0
    assert sources.read_truth(tmp_path / "network", real).empty
    assert list(tables.planted_modules(tmp_path / "network", simulated)) == ["gene", "module"]
    assert origin.read(real, tmp_path / "network").words.startswith(
        "Simulated, planted truth: single cells, list of"
    )


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "names no genes"), (b"\x89HDF", "not readable as text")]
)
def test_a_table_of_genes_that_is_none_is_named(tmp_path, content, message):
    (tmp_path / "ccle.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"ccle\.csv: .*{message}"):
        universes.cell_line_genes(tmp_path / "ccle.csv")


def test_a_sample_table_that_is_empty_is_named(found, tmp_path):
    (tmp_path / "info.csv").touch()
    with pytest.raises(InputError, match=r"info\.csv: not readable as a CSV"):
        markers.read_ccle(found["ccle_expression"].path, tmp_path / "info.csv")


def test_gmt_by_hand(tmp_path):
    path = tmp_path / "sets.gmt"
    path.write_text("one\tlink\tA\tb\tA\t\ntwo words (GO:1)\t\tC\n\n")
    assert gmt.read(path) == {"one": ["A", "B"], "two words (GO:1)": ["C"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "one\tlink\tA\ntwo\tlink\n",
            "line 2, set 'two' has no genes; expected name, description and genes",
        ),
        ("one\tlink\t\t\n", "line 1, set 'one' has no genes"),
        ("one\tlink\tA\none\tlink\tB\n", "line 2, set 'one' is there twice; keep one"),
        ("A,B,C\n", "line 1, set 'A,B,C' has no genes"),
        ("\n", "no gene set; expected one a line"),
    ],
)
def test_gmt_that_is_refused(tmp_path, text, message):
    (tmp_path / "sets.gmt").write_text(text)
    with pytest.raises(InputError, match=rf"sets\.gmt: {message}"):
        gmt.read(tmp_path / "sets.gmt")


@pytest.mark.real
def test_published_gene_sets(real):
    folder = real / "data/expression/genesets"
    hallmark = gmt.read(folder / "h.all.v7.0.symbols.gmt")
    assert len(hallmark) == 50 and all(name.startswith("HALLMARK_") for name in hallmark)
    lines = [
        line.split("\t") for line in (folder / "h.all.v7.0.symbols.gmt").read_text().splitlines()
    ]
    assert {line[0]: len(line) - 2 for line in lines} == {
        name: len(genes) for name, genes in hallmark.items()
    }
    processes = gmt.read(folder / "enrichr.GO_Biological_Process_2021.gmt")
    assert len(processes) == 6036 and all(name.endswith(")") for name in processes)


@pytest.mark.real
def test_published_interactome_as_it_is(real):
    path = real / "data/ppi/OmicsIntegrator2/iRefIndex_v14_MIScore_interactome_C9.costs.txt"
    edges = universes.read_edges(path)
    assert len(edges) == 182_002 and len(universes.interactome_genes(path)) == 15_759
    other = real / "data/ppi/OmicsIntegrator1/iref_mitab_miscore_2013_08_12_interactome.txt"
    assert len(universes.read_edges(other)) > 100_000 and "RNF14" in universes.interactome_genes(
        other
    )
