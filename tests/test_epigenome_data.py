"""Inputs of the chapter: which file stands for which, and what is told when one is missing or
unknown."""

import numpy as np
import pandas as pd
import pytest
import toy_epigenome as toy

from lib.data.errors import InputError
from lib.epigenome import (
    claims,
    comparisons,
    contacts,
    data,
    fitting,
    inputs,
    plans,
    screen,
    signals,
)
from lib.epigenome.marks import MARKS, PAIRS
from lib.run import store
from lib.simulate import epigenome_files


def test_a_given_path_replaces_one_simulated_file(tmp_path):
    mine = tmp_path / "rpkm.tsv"
    mine.write_text("gene_id\tE003\nG\t1\n")
    found = inputs.sources(tmp_path, {"expression": str(mine), "genes": ""})
    assert found.files["expression"] == mine and found.files["genes"] == tmp_path / "genes.gtf"
    assert not found.is_simulated and "User's own: expression (rpkm.tsv)" in found.origin.words
    assert "contacts" in found.origin.simulated and inputs.sources(tmp_path, {}).is_simulated
    with pytest.raises(InputError, match="other.tsv: the expression is not there"):
        inputs.sources(tmp_path, {"expression": str(tmp_path / "other.tsv")})
    with pytest.raises(InputError, match="a train table goes with its region arrays"):
        inputs.sources(tmp_path, {}, train_table=str(mine))


@pytest.mark.parametrize(
    ("cell", "mark", "words"),
    [
        ("E999", "H3K4me3", "the epigenome E999 has no track; known are E003"),
        ("E003", "H3K9ac", "E003: the mark H3K9ac has no track; there are H3K27me3, H3K4me3"),
        ("E003", "H3K27me3", "the mark H3K27me3 has two tracks"),
    ],
)
def test_tracks_are_found_by_cell_and_mark(tmp_path, cell, mark, words):
    names = [
        "E003-H3K4me3.pval.signal.bigwig",
        "E003-H3K27me3.bigWig",
        "E003-H3K27me3.tagAlign.gz",
        "E003-notes.txt",
    ]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    assert inputs.track_paths(tmp_path, "E003", ["H3K4me3"]) == {"H3K4me3": tmp_path / names[0]}
    with pytest.raises(InputError, match=words):
        inputs.track_paths(tmp_path, cell, [mark])


def test_contacts_are_those_of_the_tissue(tmp_path):
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / "H1.parquet").write_bytes(b"")
    found = inputs.sources(tmp_path, {})
    assert inputs.contact_path(found, "E016").name == "H1.parquet"
    with pytest.raises(InputError, match="there are no contacts of E118; add LI11, E118.parquet"):
        inputs.contact_path(found, "E118")


def test_expression_and_gene_model_must_speak_of_the_same_genes():
    tss = pd.DataFrame({"gene_id": ["ENSG1", "ENSG2"], "chrom": ["chr1", "chrUn"]})
    kept, lost = data.known_genes(tss, pd.DataFrame(index=["ENSG1", "ENSG2", "ENSG9"]))
    assert kept["gene_id"].tolist() == ["ENSG1"] and lost == 2
    with pytest.raises(
        InputError, match=r"no gene of the expression matrix \(MYC\) is in the gene model \(ENSG1"
    ):
        data.known_genes(tss, pd.DataFrame(index=["MYC"]))


def test_the_published_grid_has_its_published_size():
    sets = screen.mark_sets(MARKS, ["paper"])
    assert (
        len(sets) == 7 + 15 + 1 and claims.grid()["epigenome.grid.pairs"] == len(PAIRS) * 44 == 660
    )
    with pytest.raises(InputError, match="H3K4me3 is no pair of marks"):
        screen.mark_sets(MARKS, ["H3K4me3"])


def test_gaps_are_counted_in_points():
    """One mark 0.6 and 0.8, their pair 0.85, all 0.9: gaps 20 and 5 points, three quarters
    closed."""
    rows = [("a", "c", 0.6), ("b", "c", 0.8), ("a-b", "c", 0.85), ("a-b-c", "c", 0.9)]
    cells = pd.DataFrame(rows, columns=["assay", "cell", "r"])
    assert comparisons.gap_to_all(cells, ["a", "b"], "a-b-c") == pytest.approx(20)
    assert comparisons.gap_to_all(cells, ["a-b"], "a-b-c") == pytest.approx(5)
    assert comparisons.share_closed(cells, ["a-b"], ["a", "b"], "a-b-c") == pytest.approx(0.75)
    gains = comparisons.pair_gains(cells)
    assert gains.values.tolist() == [["a", "b", "a-b", "c", pytest.approx(0.25)]]


def test_patience_is_counted_as_keras_does_and_the_authors_run_to_the_end():
    options = {"learning_rate": 1e-3, "batch_size": 64, "patience": 12, "max_epochs": 100}
    ours = plans.training("chromoformer", generation="paper", **options)
    theirs = plans.training("chromoformer", generation="authors", **options)
    assert ours["patience"] == 11 and ours["schedule"]["floor"] == 1e-6
    assert (
        theirs["patience"] is None
        and theirs["schedule"]["gamma"] == 0.87
        and theirs["score"] == "last_epoch"
    )


def test_a_cell_without_expression_can_be_read_but_not_learned_from(tmp_path):
    pytest.importorskip("pyBigWig")
    world = toy.world()
    epigenome_files.write_tables(tmp_path, world)
    (tmp_path / "tracks").mkdir()
    path = tmp_path / "tracks" / "E003-H3K4me3.bigWig"
    epigenome_files.write_bigwig(
        path, world.sizes, *epigenome_files.track(world, "E003", "H3K4me3")
    )
    path.rename(tmp_path / "tracks" / "MINE-H3K4me3.bigWig")
    given = inputs.sources(tmp_path, {"contacts": str(tmp_path / "contacts" / "H1.parquet")})
    known = data.one_cell(given, "MINE", ["H3K4me3"], rule=contacts.Rule())
    assert known.genes["expression"].isna().all() and known.n_partners.sum() == len(world.contacts)
    assert (
        data.one_cell(
            given, "MINE", ["H3K4me3"], rule=contacts.Rule(), with_contacts=False
        ).n_partners.sum()
        == 0
    )
    plan = plans.Plan("promoter", ["H3K4me3"], 1, window=6_000, options=toy.NARROW)
    with pytest.raises(InputError, match="200 genes have no expression"):
        fitting.fit_unit(
            tmp_path / "u.npz",
            seed=1,
            data=signals.write(tmp_path / "mine.npz", known),
            plan=plans.as_dict(plan),
            settings=toy.settings("promoter"),
        )


def test_rank_correlation_does_not_hang_on_a_last_digit():
    planted = np.array([0.1, 0.2, 0.3])
    assert claims.rank_correlation([0.1, 0.2, 0.2 + 1e-9], planted) == claims.rank_correlation(
        [0.1, 0.2, 0.2 - 1e-9], planted
    )


def test_every_claim_is_declared():
    """Each id that the chapter measures is among the published or planted ones."""
    from lib.report.claims import known

    declared = known()
    assert set(claims.grid()) <= set(declared)
    names = [
        "first_contrast",
        "mark_order",
        "distance",
        "no_effect",
        "pair_order",
        "all_marks",
        "positions",
        "eqtl_top_decile",
        "residual",
        "cross_cell",
        "own_cell",
        "own_mark_order",
    ]
    assert {f"epigenome.planted.{name}" for name in names} <= set(declared)
    assert store.resolve("params/published/epigenome.yaml").is_file()


@pytest.mark.real
def test_the_published_way_in_gives_the_signals_of_the_real_genes(real, tmp_path):
    """A train table and its region arrays go through the same door as tracks do."""
    folder = real / "data/epigenome/chromoformer_demo"
    table, arrays = str(folder / "demo_meta.csv"), str(folder / "demo_data_E003_readdepth.npz")
    given = inputs.sources(tmp_path, {}, train_table=table, arrays=arrays)
    tables, report = data.gene_tables(given, ["E003"], rule=contacts.Rule(), tss_rule="longest")
    paths = data.write_signals(tables, given, tmp_path / "signals", units_dir=tmp_path / "units")
    known = signals.read(paths["E003"])
    assert len(known.genes) == 50 and known.origin == "real" and len(known.regions) == 304
    assert report["share_without_partner"].tolist() == [pytest.approx(3 / 50)]
