"""Contacts: the neighbour rule on a table made by hand, and pickles that must not be trusted."""

import os
import pickle

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.epigenome import contacts
from lib.epigenome.contacts import Rule

TSS = pd.DataFrame(
    [
        ["G1", "chr1", 100, 101],
        ["G1", "chr1", 5_000, 5_001],
        ["G2", "chr1", 900, 901],
        ["G3", "chr1", 7, 8],
    ],
    columns=["gene_id", "chrom", "start", "end"],
)
FRAGMENTS = pd.DataFrame(
    [
        ["chr1:100-101", "chr1:0-1000"],
        ["chr1:5000-5001", "chr1:4000-6000"],
        ["chr1:900-901", "chr1:0-1000"],
        ["chr1:7-8", None],
    ],
    columns=["tss", "pchic_fragment"],
)


def table(*rows):
    return pd.DataFrame(rows, columns=["fragment", "neighbour", "score"])


def chosen(rows, rule=None, gene="G1"):
    found = contacts.partners(TSS, FRAGMENTS, table(*rows), rule)
    mine = found.table[found.table["gene_id"] == gene]
    return mine["neighbour"].tolist(), found


def test_the_threshold_is_strict_and_the_order_descends():
    rows = [
        ("chr1:0-1000", "chr1:20000-21000", 1.5),
        ("chr1:0-1000", "chr1:30000-31000", 1.6),
        ("chr1:0-1000", "chr1:40000-41000", 9.0),
    ]
    names, found = chosen(rows)
    assert (
        names == ["chr1:40000-41000", "chr1:30000-31000"] and found.n_weak == 2
    )  # of G1 and of G2
    assert found.share_without == pytest.approx(1 / 3)  # G3 has no fragment


def test_a_neighbour_of_two_start_sites_counts_once_with_its_larger_score():
    rows = [("chr1:0-1000", "chr1:20000-21000", 2.0), ("chr1:4000-6000", "chr1:20000-21000", 3.0)]
    names, found = chosen(rows)
    assert names == ["chr1:20000-21000"]
    assert found.table.loc[found.table["gene_id"] == "G1", "score"].tolist() == [3.0]


def test_long_fragments_go_and_at_most_eight_stay():
    rows = [
        ("chr1:0-1000", "chr1:100000-140001", 50.0),
        ("chr1:0-1000", "chr1:200000-240000", 40.0),
    ]
    rows += [("chr1:0-1000", f"chr1:{50_000 + 10 * i}-{50_005 + 10 * i}", 2.0) for i in range(10)]
    names, found = chosen(rows)
    assert names[0] == "chr1:200000-240000" and len(names) == 8 and found.n_long == 2
    assert names[1:] == sorted(names[1:])  # ties by name


def test_trans_contacts_are_left_out_and_counted_unless_asked_for():
    rows = [("chr1:0-1000", "chr2:5-500", 9.0)]
    names, found = chosen(rows)
    assert names == [] and found.n_trans == 2  # once for each gene of the fragment
    names, found = chosen(rows, Rule(cis_only=False))
    assert names == ["chr2:5-500"] and found.n_trans == 0


def test_direction_is_a_choice():
    rows = [("chr1:20000-21000", "chr1:0-1000", 6.2), ("chr1:0-1000", "chr1:20000-21000", 4.8)]
    chicago = {"score_type": "chicago"}
    assert chosen(rows, Rule(**chicago, direction="directed"))[0] == []
    assert chosen(rows, Rule(**chicago, direction="max"))[0] == ["chr1:20000-21000"]


def test_the_scale_of_the_score_is_named():
    rows = [
        ("chr1:0-1000", f"chr1:{i}0000-{i}1000", score)
        for i, score in enumerate((2, 4.9, 5.1, 7), 2)
    ]
    assert len(chosen(rows, Rule(score_type="chicago"))[0]) == 2
    assert len(chosen(rows, Rule(score_type="normalised"))[0]) == 4


def test_genes_without_partners_have_empty_cells():
    _, found = chosen([("chr1:0-1000", "chr1:20000-21000", 2.5)])
    text = contacts.joined(found, ["G3", "G1"])
    assert text.loc[1].tolist() == ["G1", "chr1:20000-21000", "2.5"]
    assert text.loc[0, ["neighbors", "scores"]].isna().all()
    _, none = chosen([("chr9:0-1000", "chr1:20000-21000", 2.5)])
    assert none.table.empty and none.share_without == 1
    assert contacts.joined(none, ["G1"])["neighbors"].isna().all()


def saved(path, value):
    path.write_bytes(pickle.dumps(value))
    return path


def test_published_pickles_become_a_table(tmp_path):
    from collections import defaultdict

    neighbours = defaultdict(set, {"chr1:0-10": {"chr1:50-60", "chr1:20-30"}})
    scores = {("chr1:0-10", "chr1:20-30"): np.float64(2.5), ("chr1:0-10", "chr1:50-60"): 1.0}
    found = contacts.convert(
        saved(tmp_path / "n.pickle", neighbours), saved(tmp_path / "s.pickle", scores)
    )
    assert found.values.tolist() == [
        ["chr1:0-10", "chr1:20-30", 2.5],
        ["chr1:0-10", "chr1:50-60", 1.0],
    ]
    path = tmp_path / "contacts.parquet"
    found.to_parquet(path)
    pd.testing.assert_frame_equal(contacts.read_contacts(path), found, check_dtype=False)


class Malicious:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_malicious_pickle_is_refused_and_nothing_runs(tmp_path):
    marker = tmp_path / "ran"
    path = saved(tmp_path / "bad.pickle", {"chr1:0-10": Malicious(marker)})
    with pytest.raises(
        InputError, match="bad.pickle: the pickle asks for posix.system; do not use"
    ):
        contacts.convert(path, path)
    assert not marker.exists()
    (tmp_path / "cut.pickle").write_bytes(pickle.dumps({"a": ["b"]})[:-3])
    with pytest.raises(InputError, match="cut.pickle: not readable as a pickle"):
        contacts.load_plain(tmp_path / "cut.pickle")
    with pytest.raises(InputError, match="convert them to Parquet once"):
        contacts.read_contacts(path)


def test_a_pair_without_score_is_named(tmp_path):
    neighbours = saved(tmp_path / "n.pickle", {"chr1:0-10": ["chr1:20-30"]})
    with pytest.raises(InputError, match="s.pickle: 1 pairs have no score"):
        contacts.convert(neighbours, saved(tmp_path / "s.pickle", {}))


def test_a_name_that_is_no_region(tmp_path):
    with pytest.raises(InputError, match="chr1-5-9 is no region"):
        contacts.regions(pd.Series(["chr1-5-9"]))
    (tmp_path / "c.csv").write_text("fragment,neighbour,score\nchr1:1-2,nowhere,3\n")
    with pytest.raises(InputError, match="row 2, neighbour 'nowhere' is no region"):
        contacts.read_contacts(tmp_path / "c.csv")


@pytest.mark.real
def test_the_rule_gives_the_partners_of_the_published_table(real):
    """Contacts rebuilt from the table's own lists give them back, in order."""
    from lib.epigenome import genes

    folder = real / "data/epigenome/chromoformer_demo"
    table_ = genes.read_train_table(folder / "demo_meta.csv")
    fragments = pd.read_csv(folder / "tss2fragment.tsv.gz", sep="\t")
    known = fragments.dropna().set_index("tss")["pchic_fragment"]
    name = table_["chrom"] + ":" + table_["start"].astype(str) + "-" + table_["end"].astype(str)
    some = table_[name.isin(known.index) & table_["neighbors"].notna()]
    rows = []
    for gene, key in zip(some.itertuples(), name[some.index], strict=True):
        lists = (genes.split_list(gene.neighbors), genes.split_list(gene.scores))
        rows += [(known[key], one, float(score)) for one, score in zip(*lists, strict=True)]
    found = contacts.partners(
        some, fragments, pd.DataFrame(rows, columns=["fragment", "neighbour", "score"])
    )
    text = contacts.joined(found, some["gene_id"]).set_index("gene_id")["neighbors"]
    alone = known[name[some.index]].to_numpy()
    unique = ~pd.Series(alone, some.index).duplicated(
        keep=False
    )  # a fragment of two genes mixes them
    assert unique.sum() > 25
    for gene in some[unique].itertuples():
        ours, theirs = genes.split_list(text[gene.gene_id]), genes.split_list(gene.neighbors)
        assert sorted(ours) == sorted(theirs)
    assert (
        table_["scores"].dropna().map(lambda text: min(map(float, text.split(";")))) > 1.5
    ).all()
