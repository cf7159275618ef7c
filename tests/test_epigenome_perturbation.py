"""Perturbation and eQTL: identities, intervals, and enrichment beyond distance."""

import numpy as np
import pandas as pd
import pytest
import torch
import toy_epigenome as toy

from lib.data.errors import InputError
from lib.epigenome import enrichment, eqtl, eqtl_bins, features, genome, perturbation
from lib.epigenome.chromoformer import RESOLUTIONS, Chromoformer, Sizes

ALL = (-20_000, 20_000)


@pytest.fixture(scope="module")
def made():
    return features.features(toy.signals(), ["H3K27ac"])


@pytest.mark.parametrize("how", ["log", "depth"])
def test_factor_one_changes_nothing_and_zero_everywhere_is_an_empty_promoter(made, how):
    rows = np.arange(5)
    same = perturbation.scaled(made, rows, (-3_000, 3_000), 1.0, how=how)
    empty = perturbation.scaled(made, rows, ALL, 0.0, how=how)
    for size in RESOLUTIONS:
        np.testing.assert_array_equal(same[size], made.promoters[size][rows])
        assert not empty[size].any()


def test_one_interval_is_the_same_region_at_all_resolutions(made):
    rows = np.arange(3)
    for stretch in [(-3_000, 3_000), *perturbation.distal_stretches()]:
        for size in RESOLUTIONS:
            covered = perturbation.shares(stretch, size) * size
            assert covered.sum() == stretch[1] - stretch[0]
            low = -20_000 + size * np.arange(len(covered))
            assert (
                low[covered > 0].min() >= stretch[0] - size and low[covered > 0].max() < stretch[1]
            )
    changed = perturbation.scaled(made, rows, (4_000, 6_000), 0.0)
    for size in RESOLUTIONS:  # 24 to 26 kbp from the window's start
        first, last = 24_000 // size, 26_000 // size
        assert not changed[size][:, first:last].any()
        np.testing.assert_array_equal(
            changed[size][:, :first], made.promoters[size][rows][:, :first]
        )


def test_perturbations_leave_the_partners_alone_and_go_through_in_batches(made):
    model = Chromoformer(Sizes(n_marks=1, **toy.SMALL), seed=1)
    rows = np.arange(30)
    runs = perturbation.variants([1, 0.5, 0], [0.0])
    assert len(runs) == 1 + 2 + 17
    whole = perturbation.predictions(model, made, rows, runs[:4])
    parts = perturbation.predictions(model, made, rows, runs[:4], size=7)
    np.testing.assert_allclose(whole, parts, atol=1e-6)
    with torch.no_grad():
        np.testing.assert_allclose(whole[0], model(made.inputs(rows))[:, 0].numpy(), atol=1e-6)


def test_a_perturbation_off_the_window_is_refused(made):
    with pytest.raises(InputError, match="is no perturbation within"):
        perturbation.scaled(made, np.arange(2), (19_000, 21_000), 0.5)


def test_effects_average_the_folds_first_and_do_not_multiply_rows():
    rows = []
    for fold, base in ((1, 4.0), (2, 2.0)):
        for start, end, factor, pred in (
            (-3_000, 3_000, 1.0, base),
            (-3_000, 3_000, 0.0, base - 1),
            (2_000, 4_000, 0.0, base),
        ):
            rows.append((fold, "m", "E003", "G", "test", start, end, factor, pred))
    table = pd.DataFrame(
        rows, columns=["fold", "assay", "cell", "gene", "part", "start", "end", "factor", "pred"]
    )
    found = perturbation.effects(table)
    assert len(found) == 2
    assert found["difference"].tolist() == [1, 0] and found["effect"].tolist() == [0.5, 0]
    again = perturbation.effects(pd.concat([table, table[table["factor"] == 1]]))
    pd.testing.assert_frame_equal(found, again)


def test_the_published_promoter_moves_at_the_coarsest_bins_only(made):
    rows = np.arange(3)
    ours = perturbation.scaled(made, rows, perturbation.PROMOTER, 0.0)
    theirs = perturbation.scaled(made, rows, perturbation.PROMOTER, 0.0, promoter_bins="published")
    for size in (100, 500):
        np.testing.assert_array_equal(ours[size], theirs[size])
    plain = made.promoters[2000][rows]  # 20 bins of 2 kbp: 8, 9, 10 are -4 to +2 kbp
    assert not theirs[2000][:, 8:11].any()
    np.testing.assert_array_equal(theirs[2000][:, [7, 11]], plain[:, [7, 11]])
    np.testing.assert_allclose(ours[2000][:, [8, 11]], plain[:, [8, 11]] / 2, rtol=1e-6)


def test_stretches_are_mapped_by_strand():
    sites, strands = np.full(3, 1_000_000), np.array(["+", "-", "-"])
    stretches = np.array([[2_000, 4_000], [2_000, 4_000], [-20_000, -18_000]])
    low, high = eqtl_bins.interval(sites, strands, stretches)
    assert low.tolist() == [1_002_000, 996_000, 1_018_000]
    assert high.tolist() == [1_004_000, 998_000, 1_020_000]


def test_one_based_positions_in_half_open_intervals():
    assert eqtl.is_inside(np.array([1000, 1001, 3000, 3001]), 1000, 3000).tolist() == [
        False,
        True,
        True,
        False,
    ]


def variants_file(path, name):
    pd.DataFrame(
        [[name, "G1.3", "Liver", 0.95], ["chr1_2000_A_G_b37", "G1", "Liver", 0.5]],
        columns=["variant", "gene_id", "tissue", "pip"],
    ).to_csv(path, index=False)
    return path


def test_variants_of_another_build_are_refused(tmp_path):
    good = eqtl.read_eqtls(variants_file(tmp_path / "v.csv", "chr1_1001_A_G_b37"))
    assert good[["gene_id", "position", "ref"]].values.tolist() == [["G1", 1001, "A"]]
    with pytest.raises(
        InputError, match="v.csv, row 2: the variant chr1_1001_A_G_b38 is not of hg19"
    ):
        eqtl.read_eqtls(variants_file(tmp_path / "v.csv", "chr1_1001_A_G_b38"))
    with pytest.raises(InputError, match="past their chromosome's end"):
        eqtl.read_eqtls(variants_file(tmp_path / "v.csv", "chr21_49000000_A_G_b37"))
    with pytest.raises(InputError, match="is no variant"):
        eqtl.read_eqtls(variants_file(tmp_path / "v.csv", "rs12345"))


def test_reference_mismatches_are_counted(tmp_path):
    """Lines of 4 bases: chr1 has C at 6, chr2 has a small g at 1; nothing is known of chr3."""
    path = tmp_path / "genome.fa"
    path.write_text(">chr1\nAAAA\nACAA\n>chr2\ngTT\n")
    table = pd.DataFrame(
        {"chrom": ["chr1", "chr1", "chr2", "chr3"], "position": [6, 5, 1, 1], "ref": list("CGGA")}
    )
    with pytest.raises(InputError, match=r"genome.fa.fai: there is no such file; make it with"):
        genome.bases_at(path, table["chrom"], table["position"])
    path.with_name("genome.fa.fai").write_text("chr1\t8\t6\t4\t5\nchr2\t3\t22\t3\t4\n")
    bases = genome.bases_at(path, table["chrom"], table["position"])
    assert bases.fillna("").tolist() == ["C", "A", "G", ""]
    assert genome.mismatch_rate(table, path) == (pytest.approx(1 / 3), 3)


def gene_model(path):
    """Write a coding start site at base 100,000 and one without a protein at 105,000, one-based."""
    line = 'chr1\tx\ttranscript\t{}\t{}\t.\t+\t.\tgene_id "G{}"; transcript_id "T{}"; {}\n'
    rows = [(100_000, 110_000, 1, 1, "coding"), (105_000, 120_000, 2, 2, "none")]
    kinds = {"coding": 'transcript_type "protein_coding";', "none": 'transcript_type "lncRNA";'}
    path.write_text("".join(line.format(*row[:4], kinds[row[4]]) for row in rows))
    return path


def test_the_strict_distance_counts_start_sites_without_a_protein(tmp_path):
    """A variant 500 bp from a start site that makes no protein is 5,500 bp from a coding one."""
    path = variants_file(tmp_path / "v.csv", "chr1_105500_A_G_b37")
    model = gene_model(tmp_path / "genes.gtf")
    kept, report = eqtl.checked(eqtl.read_eqtls(path), genes_path=model)
    assert len(kept) == 1
    found = report[["within_1kb_of_coding", "within_1kb_of_any", "n_left_out"]]
    assert found.values.tolist() == [[0, 1, 0]]
    kept, report = eqtl.checked(eqtl.read_eqtls(path), genes_path=model, min_distance=1_000)
    assert kept.empty and report["n_left_out"].tolist() == [1]
    with pytest.raises(InputError, match="needs a gene model"):
        eqtl.checked(eqtl.read_eqtls(path), min_distance=1_000)


def test_variants_are_counted_in_their_genes_bins():
    bins = pd.DataFrame(
        {"gene": ["G1", "G1", "G2"], "low": [1_000, 3_000, 1_000], "high": [3_000, 5_000, 3_000]}
    )
    known = pd.DataFrame({"gene_id": ["G1", "G1", "G3"], "position": [3_000, 3_001, 2_000]})
    assert eqtl.mark_hits(bins, known)["n_eqtl"].tolist() == [1, 1, 0]


def test_enrichment_is_beyond_distance():
    """All chosen bins lie in the stratum where eQTL are common: no enrichment, though 6.5-fold if
    unmatched."""
    stratum = np.repeat(np.arange(17), 100)
    has = np.arange(1700) % 100 < np.where(stratum == 7, 20, 2)
    chosen = (stratum == 7) & np.isin(np.arange(1700) % 100, [0, 1, 50, 51, 52, 53, 54, 55, 56, 57])
    found = enrichment.enrichment(chosen, has, stratum, np.random.default_rng(0))
    assert found["expected"] == pytest.approx(0.2) and found["enrichment"] == pytest.approx(1.0)
    assert found["p"] > 0.3 and found["share"] / found["unmatched"] == pytest.approx(6.5, abs=0.05)


def test_deciles_are_ranked_on_each_side_and_find_a_planted_enrichment():
    rng = np.random.default_rng(0)
    start = np.tile([-8_000, -6_000, 4_000, 6_000], 500)
    effect = rng.normal(size=2_000)
    has = rng.random(2_000) < 0.05 + 0.4 * (effect > 1.3)
    bins = pd.DataFrame(
        {"tissue": "Liver", "start": start, "effect": effect, "n_eqtl": has.astype(int)}
    )
    found = enrichment.by_decile(bins, "effect", rng, n=2_000).set_index("decile")
    assert found.loc[10, "p"] < 0.01 and found.loc[10, "enrichment"] > 2
    assert (found.loc[1:7, "p"] > 0.001).all() and found["n"].tolist() == [200] * 10


def test_the_nearest_stretch_is_enriched_only_if_distance_is_ignored():
    """Of 20 genes, half have an eQTL in the nearest stretch and none elsewhere."""
    genes, starts = np.repeat(np.arange(20), 4), np.tile([-8_000, -6_000, 2_000, 4_000], 20)
    is_near = np.isin(starts, [-6_000, 2_000])
    bins = pd.DataFrame({"tissue": "Liver", "cell": "E118", "gene": genes, "start": starts})
    hits = (is_near & (genes % 2 == 0)).astype(int)
    ranked = {"predicted effect": 1.0 * hits, "mark activity": 0.0}
    bins = bins.assign(n_eqtl=hits, in_contact=False, **ranked)
    found = enrichment.by_choice(bins, np.random.default_rng(0), n=500).set_index("choice")
    assert "in contact" not in found.index  # no stretch is
    assert found.loc["nearest", "enrichment"] == pytest.approx(1)
    assert found.loc["nearest", "over_all"] == pytest.approx(2)
    assert found.loc["nearest", "p"] == pytest.approx(1)
    assert found.loc["largest effect", "enrichment"] > 1


def test_stretches_meet_their_own_contact_regions_only():
    known = toy.signals()
    gene = int(np.flatnonzero(known.slots[:, 0] >= 0)[0])
    region = known.regions.iloc[known.slots[gene, 0]]
    inside = np.array([region["start"] - 1_999, region["start"] - 2_000])
    row = np.array([gene, gene])
    assert eqtl_bins._in_contact(known, row, inside, inside + 2_000).tolist() == [True, False]
    other = np.array([(gene + 1) % len(known.genes)] * 2)
    assert not eqtl_bins._in_contact(known, other, inside, inside + 2_000).any()
