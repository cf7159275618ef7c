"""Tracks: bigWigs with gaps, reads, windows at the ends of chromosomes, and builds."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.epigenome import reads, tracks

pyBigWig = pytest.importorskip("pyBigWig")


def bigwig(path, intervals, sizes=(("chr1", 1_000),)):
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes))
        chrom, start, end, value = zip(*intervals, strict=True)
        file.addEntries(list(chrom), list(start), ends=list(end), values=[float(v) for v in value])
    return path


def frame(*rows):
    return pd.DataFrame(rows, columns=["chrom", "start", "end"])


def test_uncovered_bases_count_as_zero(tmp_path):
    path = bigwig(tmp_path / "x.bw", [("chr1", 100, 120, 5)])
    with tracks.opened(path) as track:
        found = tracks.cut(track, frame(("chr1", 100, 200)), size=100)
    assert found.means.tolist() == [[1.0]] and found.covered.tolist() == [[20]]
    assert np.log1p(found.means[0, 0]) == pytest.approx(0.693, abs=1e-3)


def test_bins_that_cut_through_stored_values_count_shared_bases(tmp_path):
    """25-bp values 1, 2, 3: [40, 60) holds 10 bases of each of the last two."""
    path = bigwig(tmp_path / "x.bw", [("chr1", 25 * i, 25 * i + 25, i + 1) for i in range(3)])
    with tracks.opened(path) as track:
        assert tracks.cut(track, frame(("chr1", 40, 60)), size=20).means.tolist() == [[2.5]]
        with pytest.raises(InputError, match="windows of 10 bases cannot be cut into bins of 20"):
            tracks.cut(track, frame(("chr1", 0, 10)), size=20)


def test_a_window_that_overhangs_is_padded_and_says_so():
    track = reads.Depth({"c": np.ones(10)})
    found = tracks.cut(track, frame(("c", -2, 4), ("c", 6, 12)), size=2)
    assert found.means.tolist() == [[0, 1, 1], [1, 1, 0]]
    assert found.is_padding.tolist() == [[True, False, False], [False, False, True]]
    with pytest.raises(InputError, match="c:-2-4 lies off c, which has 10 bases"):
        tracks.cut(track, frame(("c", -2, 4)), size=2, outside="error")


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (("chr9", 0, 100), "the chromosome chr9 is not there; it has chr1"),
        (("1", 0, 100), "names them without 'chr' or with it"),
        (("chr1", 2_000, 2_100), "chr1:2000-2100 lies off chr1"),
    ],
)
def test_windows_that_cannot_be_read(tmp_path, window, words):
    path = bigwig(tmp_path / "x.bw", [("chr1", 0, 10, 1)])
    with tracks.opened(path) as track, pytest.raises(InputError, match=words):
        tracks.cut(track, frame(window), size=100)


def test_a_file_that_is_no_bigwig(tmp_path):
    path = tmp_path / "x.bw"
    path.write_bytes(b"not a bigWig" * 100)
    with pytest.raises(InputError, match="x.bw: not readable as a bigWig"), tracks.opened(path):
        pass
    with (
        pytest.raises(InputError, match="there is no such track"),
        tracks.opened(tmp_path / "y.bw"),
    ):
        pass


def test_windows_read_together_equal_windows_read_alone():
    rng = np.random.default_rng(0)
    track = reads.Depth({"a": rng.poisson(3, 90_000), "b": rng.poisson(3, 40_000)})
    rows = [("a", 1_000 * i + 7, 1_000 * i + 407) for i in (0, 3, 50, 2, 80)] + [("b", 100, 500)]
    found = tracks.cut(track, frame(*rows), size=25)
    for (chrom, start, end), sums in zip(rows, found.sums, strict=True):
        assert sums.tolist() == track.arrays[chrom][start:end].reshape(-1, 25).sum(axis=1).tolist()


def tagalign(path, reads):
    path.write_text(
        "".join(f"{chrom}\t{start}\t{end}\tN\t1000\t+\n" for chrom, start, end in reads)
    )
    return path


def test_depth_has_no_cap_and_duplicates_count(tmp_path):
    path = tagalign(tmp_path / "x.tagAlign", [("chr1", 10, 46)] * 9_000)
    depth = reads.read_depth(path, {"chr1": 100})
    assert depth.arrays["chr1"][10:46].tolist() == [9_000] * 36
    assert depth.arrays["chr1"].sum() == 9_000 * 36


def test_reads_on_other_contigs_are_counted_and_left_out(tmp_path):
    rows = [("chr1", i, i + 5) for i in range(9)] + [("chrEBV", 0, 5)]
    path = tagalign(tmp_path / "x.tagAlign", rows)
    depth = reads.read_depth(path, {"chr1": 100})
    assert (depth.n_reads, depth.n_unlisted) == (9, 1)
    with pytest.raises(
        InputError, match="1 of 10 reads lie on contigs that are not listed: chrEBV"
    ):
        reads.read_depth(path, {"chr1": 100}, max_unlisted=0.05)
    with pytest.raises(InputError, match="leave their chromosome"):
        reads.read_depth(path, {"chr1": 10})


def test_depth_that_is_not_finite_is_refused(tmp_path):
    np.savez(tmp_path / "E003-H3K4me1.npz", chr1=np.array([1, np.inf], np.float16))
    with (
        pytest.raises(InputError, match="half precision"),
        tracks.opened(tmp_path / "E003-H3K4me1.npz"),
    ):
        pass


def read_in_worker(path):
    with tracks.opened(path) as track:
        return tracks.cut(track, frame(("chr1", 0, 400)), size=100).sums.tolist()


def test_workers_open_their_own_handles(tmp_path):
    from multiprocessing import get_context

    path = bigwig(tmp_path / "x.bw", [("chr1", 0, 150, 2), ("chr1", 300, 310, 7)])
    with get_context("fork").Pool(2) as pool:
        found = pool.map(read_in_worker, [path] * 4)
    assert found == [read_in_worker(path)] * 4


@pytest.mark.real
def test_real_bigwigs_equal_the_matrices_of_their_authors(real):
    """The authors' expected matrix at base resolution, unmapped regions as zero."""
    folder = real / "data/epigenome/deeptools_bigwig"
    lines = (folder / "master_nan_to_zero.mat").read_text().splitlines()[1:]
    rows = [line.split("\t") for line in lines if line]
    with tracks.opened(folder / "test.bw") as track:
        for row in rows:
            expected = np.array(row[6:], float)
            start = int(row[1]) if row[5] == "+" else int(row[2])
            window = frame((row[0], start - 100, start + 100))
            found = tracks.cut(track, window, size=1).means[0]
            found = found if row[5] == "+" else found[::-1]
            np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len(rows) == 6


@pytest.mark.real
def test_real_bigwig_with_gaps_averages_over_all_bases(real):
    """Two tracks that cover half of a chromosome: 1 on [100, 200) of 200, so 0.5 over all."""
    with tracks.opened(real / "data/epigenome/deeptools_bigwig/testA_skipNAs.bw") as track:
        found = tracks.cut(track, frame(("3R", 0, 200), ("3R", 50, 250)), size=200)
    assert found.means.tolist() == [[0.5], [0.5]]
    assert found.covered.tolist() == [[100], [100]] and found.inside.tolist() == [[200], [150]]


@pytest.mark.real
def test_real_summary_of_bigwigs(real):
    """Means of 10-base bins of the summary file."""
    folder = real / "data/epigenome/deeptools_bigwig"
    with np.load(folder / "multiBigwigSummary_result1.npz", allow_pickle=False) as file:
        expected = file["matrix"][:, 0]
    with tracks.opened(folder / "test.bw") as track:
        rows = [
            (chrom, start, start + 10)
            for chrom in ("ch1", "ch2", "ch3")
            for start in range(0, 400, 10)
        ]
        found = tracks.cut(track, frame(*rows), size=10).means[:, 0]
    np.testing.assert_allclose(found[: len(expected)], expected, atol=1e-6)
