"""A user's gene lists: read as they are, refused with file, row and value when wrong."""

import pytest

from lib.data.errors import InputError
from lib.report import gene_lists


def write(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    return path


def test_published_lists_are_the_default():
    assert len(gene_lists.genes("", default="impactful_genes")) == 41
    assert [
        len(genes) for genes in gene_lists.clusters("", default="regulatory_clusters").values()
    ] == [
        57,
        26,
        40,
        24,
        21,
        17,
        37,
        27,
    ]


def test_clusters_keep_the_order_of_the_file(tmp_path):
    path = write(tmp_path, "gene,cluster,note\nJUN,b,x\nFOS,a,y\nMYC,b,z\n")
    assert gene_lists.clusters(path, default="") == {"b": ["JUN", "MYC"], "a": ["FOS"]}
    assert gene_lists.genes(path, default="") == ["JUN", "FOS", "MYC"]


def test_gene_names_that_look_like_missing_values_or_numbers_stay_text(tmp_path):
    assert gene_lists.genes(write(tmp_path, "gene\nSEPTIN1\n1433B\n"), default="") == [
        "SEPTIN1",
        "1433B",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("symbol\nJUN\n", "the columns gene, cluster are missing; found symbol"),
        ("gene,cluster\nJUN,1\nJUN,2\n", "row 2, gene 'JUN' is there more than once"),
        ("gene,cluster\nJUN,1\nFOS,\n", "row 3, cluster nan is empty"),
        ("gene,cluster\nJUN,1\nF OS,1\n", "row 3, gene 'F OS' is no gene symbol"),
        ("gene,cluster\n", "the table has no row"),
        ("", "not readable as a table"),
        ('gene,cluster\n"JUN,1\n', "not readable as a table"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=r"mine\.csv") as error:
        gene_lists.clusters(write(tmp_path, text), default="")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere.csv: there is no such file"):
        gene_lists.genes("nowhere.csv", default="")
