"""Tables that enter from outside: whole, or one message that tells every fault."""

import pandas as pd
import pandera.pandas as pa
import pytest

from lib.data import tables
from lib.data.errors import InputError, listed

SCHEMA = pa.DataFrameSchema(
    {
        "gene": pa.Column(str, pa.Check.str_matches("^[A-Z]", error="is no symbol"), unique=True),
        "score": pa.Column(float, pa.Check.ge(0, error="is below 0"), coerce=True),
    }
)


def write(folder, text, name="genes.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_text_stays_text_and_numbers_become_numbers(tmp_path):
    schema = pa.DataFrameSchema({"gene": pa.Column(str), "n": pa.Column(int, coerce=True)})
    table = tables.read(write(tmp_path, "gene,n\nNA,1\n007,2\n"), schema)
    assert table.to_dict("list") == {"gene": ["NA", "007"], "n": [1, 2]}


@pytest.mark.parametrize("name", ["genes.tsv", "genes.txt"])
def test_tab_separated_by_suffix(tmp_path, name):
    assert tables.read(write(tmp_path, "gene\tscore\nA\t1\n", name), SCHEMA)["score"].tolist() == [
        1.0
    ]


def test_parquet(tmp_path):
    path = tmp_path / "genes.parquet"
    pd.DataFrame({"gene": ["A"], "score": [0.5]}).to_parquet(path)
    assert tables.read(path, SCHEMA)["gene"].tolist() == ["A"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "gene,score\na,1\nB,-1\nB,2\n",
            ["row 2, gene 'a' is no symbol", "row 3, score -1", "more than once"],
        ),
        (
            "symbol,score\nA,1\n",
            ["the column gene is missing; found symbol, score; rename or add it"],
        ),
        ("gene,score\nA,x\n", ["row 2, score 'x' is not of type float64"]),
        ("gene,score\n,1\n", ["row 2, gene nan is empty"]),
        ("gene,score\n", ["the table has no row"]),
    ],
)
def test_every_fault_of_a_table_is_told_at_once(tmp_path, text, words):
    with pytest.raises(InputError) as told:
        tables.read(write(tmp_path, text), SCHEMA)
    assert str(told.value).startswith("genes.csv: ")
    for part in words:
        assert part in str(told.value)


def test_many_faults_are_counted(tmp_path):
    text = "gene,score\n" + "".join(f"G{i},-1\n" for i in range(20))
    with pytest.raises(InputError, match="row 2, score .* and 12 more faults"):
        tables.read(write(tmp_path, text), SCHEMA)


def test_a_missing_file_and_a_file_that_is_no_table(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: there is no such file; check the path"):
        tables.read(tmp_path / "none.csv", SCHEMA)
    (tmp_path / "a.parquet").write_bytes(b"no")
    with pytest.raises(InputError, match=r"a\.parquet: not readable as a table"):
        tables.read(tmp_path / "a.parquet", SCHEMA)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "wrong"),
        ({"file": "/a/b.csv"}, "b.csv: wrong"),
        ({"file": "b.csv", "row": 3, "fix": "mend it"}, "b.csv, row 3: wrong; mend it"),
        ({"file": "b.tif", "row": "page 2"}, "b.tif, page 2: wrong"),
    ],
)
def test_an_input_error_names_file_row_and_fix(options, text):
    assert str(InputError("wrong", **options)) == text


def test_listed_counts_what_it_leaves_out():
    assert listed([1, 2, 3]) == "1, 2, 3"
    assert listed(range(10), limit=3) == "0, 1, 2 and 7 more"
