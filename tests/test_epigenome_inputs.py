"""Expression, genes, marks and bins: cases whose answer can be computed by hand, and input that is
refused."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.epigenome import bins, expression, genes, marks, promoters, signals

RPKM = "gene_id\tE000\tE003\tE128\nG1\t1\t2\t3\t\nG2\t4\t5\t6\t\n"


def written(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def train_row(**changes):
    row = {
        "gene_id": "G1",
        "expression": 3.0,
        "eid": "E003",
        "label": 1,
        "chrom": "chr1",
        "start": 30_000,
        "end": 30_001,
        "strand": "+",
        "split": 1,
        "neighbors": "",
        "scores": "",
    }
    return pd.DataFrame([row | changes])


def test_rows_that_end_in_a_tab_keep_their_columns(tmp_path):
    table = expression.read_rpkm(written(tmp_path, "rpkm.tsv", RPKM))
    assert table.loc["G1"].to_dict() == {"E000": 1, "E003": 2, "E128": 3}
    assert not table.isna().any().any() and table.index.name == "gene_id"
    plain = expression.read_rpkm(written(tmp_path, "plain.tsv", RPKM.replace("\t\n", "\n")))
    pd.testing.assert_frame_equal(table, plain)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RPKM.replace("\t2\t", "\t-2\t"), "row 2: E003 '-2' is no RPKM"),
        (RPKM.replace("G2", "G1"), "more than once: G1"),
        (
            RPKM.replace("\t3\t\n", "\t\t\n").replace("\t6\t\n", "\t\t\n"),
            "the column E128 has no value",
        ),
        (RPKM.replace("\t3\t\n", "\t3\t4\t5\n"), "the header has 4 columns, the row has 6"),
        (RPKM.replace("\t6\t\n", "\t6\t7\t8\n"), "not readable as a table"),
        (RPKM.replace("gene_id\t", ""), "the header starts with 'E000'"),
        (RPKM.replace("E000", "E003"), "there twice"),
    ],
)
def test_a_broken_matrix_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match="rpkm.tsv.*" + words.replace("(", r"\(")):
        expression.read_rpkm(written(tmp_path, "rpkm.tsv", text))


def test_an_unknown_epigenome_is_named_with_its_neighbour(tmp_path):
    with pytest.raises(InputError, match="epigenome E030 is not there; did you mean E0.."):
        expression.read_rpkm(written(tmp_path, "rpkm.tsv", RPKM), ["E030"])


def test_targets():
    assert expression.log_target([0, 1, 3]).tolist() == [0, 1, 2]
    scaled = expression.min_max_target([0, 5, 10, 20], reference=[0, 10])
    assert scaled.tolist() == [
        0,
        0.5,
        1,
        2,
    ]  # a test gene may leave the range of the training genes
    assert expression.is_expressed([0, 1, 2, 3]).tolist() == [0, 0, 1, 1]
    with pytest.raises(InputError, match="all 2 training genes"):
        expression.min_max_target([1, 2], reference=[1, 1])


def test_marks_are_chosen_by_name():
    stored = np.array([[9], [1]])  # rows H3K4me3, H3K4me1
    rows = marks.rows_of(["H3K4me1", "H3K4me3"], ["H3K4me3", "H3K4me1"])
    assert stored[rows].tolist() == [[1], [9]]
    with pytest.raises(InputError, match="mark H3K27Ac is not there; did you mean H3K27ac"):
        marks.rows_of(["H3K27Ac"], marks.MARKS)


def test_the_papers_cells_and_pairs():
    assert len(marks.CELLS) == 11 and len(marks.PAIRS) == 15 == len(set(marks.PAIRS))
    assert {cell.group for cell in marks.CELLS.values()} == set(marks.GROUPS)
    assert sorted(sum(marks.FUNCTIONS.values(), ())) == sorted(marks.MARKS)


GTF = (
    'chr1\tx\ttranscript\t101\t200\t.\t{strand}\t.\tgene_id "G1.7"; transcript_id "T1";\n'
    'chr1\tx\texon\t101\t150\t.\t{strand}\t.\tgene_id "G1.7"; transcript_id "T1";\n'
)


@pytest.mark.parametrize(("strand", "base"), [("+", 100), ("-", 199)])
def test_a_closed_interval_becomes_half_open_and_the_strand_picks_the_end(tmp_path, strand, base):
    table = genes.read_transcripts(written(tmp_path, "model.gtf", GTF.format(strand=strand)))
    assert table[["gene_id", "start", "end"]].values.tolist() == [["G1", 100, 200]]
    assert genes.choose_tss(table)[["start", "end"]].values.tolist() == [[base, base + 1]]


def test_a_gene_without_strand_is_refused_with_its_row(tmp_path):
    with pytest.raises(InputError, match=r"row 2, strand '\.' is no strand"):
        genes.read_transcripts(written(tmp_path, "model.gtf", GTF.format(strand=".")))


def transcripts(*spans, strand="-"):
    rows = [["G", f"T{i}", "chr1", start, end, strand] for i, (start, end) in enumerate(spans)]
    return pd.DataFrame(rows, columns=list(genes.TRANSCRIPTS.columns))


@pytest.mark.parametrize(
    ("rule", "base"), [("longest", 499), ("commonest", 479), ("five_prime", 499)]
)
def test_the_start_site_follows_a_named_rule(rule, base):
    found = genes.choose_tss(transcripts((100, 500), (100, 480), (120, 480)), rule)
    assert found["start"].tolist() == [base]


def test_ties_go_to_the_longer_transcript_then_to_the_smaller_id():
    found = genes.choose_tss(transcripts((100, 500), (100, 480)), "commonest")
    assert found[["transcript_id", "start"]].values.tolist() == [["T0", 499]]
    equal = genes.choose_tss(transcripts((100, 500), (200, 600)), "longest")
    assert equal["transcript_id"].tolist() == ["T0"]


def test_builds_are_told_apart_by_their_lengths():
    with pytest.raises(
        InputError, match="chr2 has 242,193,529 bases; hg19 has 243,199,373 .*hg38 has"
    ):
        genes.check_build({"chr2": 242_193_529}, "hg19")
    genes.check_build({"chr2": 243_199_373, "chrUn": 5}, "hg19")


def test_the_window_is_centred_and_exact_if_asked():
    table = pd.DataFrame({"chrom": "chr1", "start": [50_000, 50_000], "strand": ["+", "-"]})
    assert genes.window(table, 40_000)["start"].tolist() == [30_000, 30_000]
    assert genes.window(table, 40_000, exact=True)["start"].tolist() == [30_000, 30_001]


def test_a_train_table_with_uneven_lists_is_refused(tmp_path):
    path = tmp_path / "train.csv"
    train_row(neighbors="chr1:1-5;chr1:7-9", scores="2.0").to_csv(path, index=False)
    with pytest.raises(InputError, match="train.csv, row 2: 2 neighbors but 1 scores"):
        genes.read_train_table(path)
    train_row().to_csv(path, index=False)
    with pytest.raises(InputError, match="epigenome E999 is not there"):
        genes.read_train_table(path, "E999")


def test_a_constant_depth_gives_one_value_everywhere():
    sums = np.full((1, 1, 400), 300, np.float32)  # depth 3 in 100-bp bins
    for size in (100, 500, 2_000):
        np.testing.assert_allclose(promoters.promoter_bins(sums, size), np.log(4), rtol=1e-6)


def test_the_larger_half_of_the_padding_is_in_front():
    for n in range(1, 21):
        left = bins.pad_left(n, 20)
        assert left == int(np.ceil((20 - n) / 2)) and left + n <= 20
    with pytest.raises(InputError, match="21 bins do not fit into 20"):
        bins.pad_left(21, 20)


def region_arrays(folder, separator=":", rows=2, dtype=np.float16, value=1.0):
    folder.mkdir()
    np.save(folder / f"chr1{separator}10000-50000.npy", np.full((rows, 40_000), value, dtype))
    np.save(folder / f"chr1{separator}60000-60250.npy", np.full((rows, 250), value, dtype))
    return folder


PARTNER = {"neighbors": "chr1:60000-60250", "scores": "2.5"}


@pytest.mark.parametrize("separator", [":", "_"])
def test_published_arrays_are_read_under_both_names(tmp_path, separator):
    folder = region_arrays(tmp_path / "arrays", separator)
    found = signals.from_arrays(
        train_row(**PARTNER), folder, cell="E003", origin="simulated", marks=["a", "b"]
    )
    assert found.promoters.shape == (1, 2, 400) and (found.promoters == 100).all()
    assert (
        found.partners[:, 0].tolist() == [100, 100, 50]
        and found.slots[0].tolist() == [0] + [-1] * 7
    )
    again = signals.read(signals.write(tmp_path / "cell.npz", found))
    assert again.marks == ("a", "b") and again.origin == "simulated"
    pd.testing.assert_frame_equal(again.genes, found.genes, check_dtype=False)
    np.testing.assert_array_equal(again.partners, found.partners)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rows": 3}, "3 rows of 40000 bases; expected one row for each of 2 marks"),
        ({"value": np.inf}, "half precision ends at 65,504"),
        ({"value": 0.0}, "a, b has no signal"),
    ],
)
def test_region_arrays_that_cannot_be_used(tmp_path, options, words):
    folder = region_arrays(tmp_path / "arrays", **options)
    with pytest.raises(InputError, match=words):
        signals.from_arrays(train_row(**PARTNER), folder, cell="E003", origin="x", marks=["a", "b"])


def test_half_precision_cannot_hold_depth():
    assert float(np.float16(2049)) == 2048.0  # why ours is float32
    assert float(np.finfo(np.float16).max) < 70_000
    assert np.float32(2049) == 2049


def test_a_region_that_is_absent_is_named(tmp_path):
    folder = region_arrays(tmp_path / "arrays")
    with pytest.raises(InputError, match="the region chr1:70000-70001 is not there"):
        row = train_row(neighbors="chr1:70000-70001", scores="2")
        signals.from_arrays(row, folder, cell="E003", origin="x", marks=["a", "b"])


def test_a_file_that_holds_no_signals_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.ones(3))
    with pytest.raises(InputError, match="other.npz: this is no file of signals"):
        signals.read(tmp_path / "other.npz")
