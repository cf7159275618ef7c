"""A MySQL dump is read without a server: escapes, NULL, many rows per statement, other tables."""

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.data import sources, sqldump
from lib.data.errors import InputError

REAL = Path(__file__).resolve().parent.parent.parent / "shared/data/rohban/metadata_image_data.csv"
DUMP = r"""-- MySQL dump 10.13  Distrib 5.5.62
/*!40101 SET NAMES utf8 */;
DROP TABLE IF EXISTS `Per_Object`;
CREATE TABLE `Per_Object` (
  `ImageNumber` int(11) NOT NULL,
  `Area` double DEFAULT NULL
) ENGINE=MyISAM;
LOCK TABLES `Per_Object` WRITE;
INSERT INTO `Per_Object` VALUES (1,2.5),(1,NULL);
INSERT INTO `Per_Object` VALUES (2,'INSERT INTO `Per_Image` VALUES (9)');
UNLOCK TABLES;
CREATE TABLE `Per_Image` (
  `ImageNumber` int(11) NOT NULL,
  `Name` varchar(255) DEFAULT NULL,
  `Score` double DEFAULT NULL,
  PRIMARY KEY (`ImageNumber`),
  KEY `by_name` (`Name`)
) ENGINE=MyISAM DEFAULT CHARSET=utf8;
INSERT INTO `Per_Image` VALUES (1,'it\'s (a), \"b\";',NULL),(2,'',-1.5e-03),(3,'it''s','NULL');
INSERT INTO `Per_Image` VALUES (4,'tab\tline\nback\\slash',0),
(5,'two
lines, µ',1);
INSERT INTO `Per_Image` (`Score`,`ImageNumber`) VALUES (7,6);
"""
ROWS = [
    ("1", 'it\'s (a), "b";', None),
    ("2", "", "-1.5e-03"),
    ("3", "it's", "NULL"),
    ("4", "tab\tline\nback\\slash", "0"),
    ("5", "two\nlines, µ", "1"),
]


@pytest.fixture(params=["plain", "gzip"])
def dump(request, tmp_path) -> Path:
    path = tmp_path / "dump.sql"
    content = DUMP.encode()
    path.write_bytes(gzip.compress(content) if request.param == "gzip" else content)
    return path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_every_row_of_the_table_and_no_other(dump):
    names = ["ImageNumber", "Name", "Score"]
    found = sqldump.rows(dump, "Per_Image", names[:1])
    assert [row[0] for row in found] == ["1", "2", "3", "4", "5", "6"]
    assert sqldump.columns_of(dump, "Per_Image") == names


def test_escapes_null_and_line_breaks(tmp_path):
    path = write(tmp_path / "dump.sql", DUMP.partition("INSERT INTO `Per_Image` (")[0])
    table = sqldump.read(path, "Per_Image")
    assert list(table.itertuples(index=False, name=None)) == ROWS
    assert list(table.columns) == ["ImageNumber", "Name", "Score"]


def test_columns_come_in_the_order_asked_for_and_in_that_of_the_statement(dump):
    found = list(sqldump.rows(dump, "Per_Image", ["Score", "ImageNumber"]))
    assert found[1] == ("-1.5e-03", "2")
    assert found[-1] == ("7", "6")


def test_what_is_not_in_the_dump_is_told(dump, tmp_path):
    with pytest.raises(InputError, match="has no table 'Per_Well'; it has Per_Object, Per_Image"):
        sqldump.read(dump, "Per_Well")
    with pytest.raises(InputError, match="Per_Image has no column Nam; it has ImageNumber, Name"):
        sqldump.read(dump, "Per_Image", ["Nam"])
    with pytest.raises(InputError, match="there is no such dump"):
        sqldump.read(tmp_path / "none.sql", "Per_Image")


@pytest.mark.parametrize("cut", ["(2,'',-1.5", "(4,'tab", "INSERT INTO `Per_Image` VALUES (4"])
def test_a_dump_that_is_cut_off_is_refused(tmp_path, cut):
    path = write(tmp_path / "dump.sql", DUMP[: DUMP.index(cut) + len(cut)])
    with pytest.raises(InputError, match="line [0-9]+: the dump is cut off"):
        sqldump.read(path, "Per_Image", ["Name"])


def test_a_gzip_that_is_cut_off_is_refused(tmp_path):
    packed = gzip.compress(DUMP.encode())
    (tmp_path / "dump.sql.gz").write_bytes(packed[:-20])
    with pytest.raises(InputError, match="damaged or cut off"):
        sqldump.read(tmp_path / "dump.sql.gz", "Per_Image", ["Name"])


def test_a_row_of_the_wrong_length_is_refused(tmp_path):
    path = write(tmp_path / "dump.sql", DUMP.replace("(2,'',-1.5e-03)", "(2,'')"))
    with pytest.raises(InputError, match="a row has 2 values, the table 3 columns"):
        sqldump.read(path, "Per_Image", ["Name"])


def test_a_cut_row_that_swallows_the_next_is_refused(tmp_path):
    path = write(tmp_path / "dump.sql", DUMP.replace("(2,'',-1.5e-03),(3", "2,'',-1.5e-03),(3"))
    with pytest.raises(InputError, match="where a row should begin"):
        sqldump.read(path, "Per_Image", ["Name"])


def quoted(value: str | None) -> str:
    """Write a value as mysqldump does."""
    if value is None:
        return "NULL"
    for sign, escape in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\0", "\\0"), ("\r", "\\r")):
        value = value.replace(sign, escape)
    return f"'{value}'"


VALUES = st.one_of(st.none(), st.text(st.characters(blacklist_categories=["Cs"]), max_size=12))


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8))
def test_any_text_comes_back_as_it_was(tmp_path_factory, values):
    rows = ",".join(f"({quoted(one)},{quoted(other)})" for one, other in values)
    text = f"CREATE TABLE `t` (\n  `a` text,\n  `b` text\n);\nINSERT INTO `t` VALUES {rows};\n"
    path = tmp_path_factory.mktemp("any") / "dump.sql"
    path.write_bytes(text.encode())
    assert list(sqldump.rows(path, "t")) == values


@pytest.mark.real
def test_the_real_image_table_comes_back_from_a_dump_of_it(tmp_path):
    """The published table, written as the archive's dump would hold it, beside a table of nuclei."""
    if not REAL.exists():
        pytest.skip(f"no {REAL.name} beside the project")
    dump = sources.read()["rohban_database"].dump
    with REAL.open(encoding="utf-8", newline="") as file:
        published = list(csv.DictReader(file))
    wanted = ("Plate", "Well", "OrigHoechst", "AlleleDesc", "FlaggedForToxicity", "isBlurry")
    names = [name for name in dump.columns if name.endswith(wanted)]
    lines = [f"CREATE TABLE `{dump.table}` (", *(f"  `{name}` text," for name in names), ");"]
    for start in range(0, len(published), 500):
        rows = [
            f"({','.join(quoted(row[name] or None) for name in names)})"
            for row in published[start : start + 500]
        ]
        lines += [f"INSERT INTO `{dump.table}` VALUES {','.join(rows)};"]
    path = write(tmp_path / "dump.sql", "\n".join(lines) + "\n")
    table = sqldump.read(path, dump.table, names)
    assert len(table) == 20_736
    images = table["Image_FileName_OrigHoechst"].tolist()
    assert images == [row["Image_FileName_OrigHoechst"] for row in published]
    assert len(set(images)) == 20_736
