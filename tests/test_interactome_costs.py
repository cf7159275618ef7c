"""Edge costs against SciPy pair by pair, prizes by hand, and expression or prizes that cannot be
used."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from lib.data.errors import InputError
from lib.interactome import edge_costs, prizes
from tests.test_interactome_network import small
from tests.test_interactome_pruning import drawn


def counts(seed=0, n_cells=80, n_genes=30):
    """Expression with many ties, as counts have."""
    rng = np.random.default_rng(seed)
    return np.log1p(rng.poisson(rng.exponential(2, n_genes), (n_cells, n_genes))).astype(np.float32)


def as_table(values, genes):
    return anndata.AnnData(values, var=pd.DataFrame(index=list(genes)))


@pytest.mark.parametrize(
    ("kind", "plain"), [("spearman", stats.spearmanr), ("pearson", stats.pearsonr)]
)
def test_costs_are_those_of_scipy_pair_by_pair(kind, plain, monkeypatch):
    values = counts()
    values = values[:, edge_costs.usable(values)]
    first, second = np.triu_indices(values.shape[1], 1)
    expected = [
        1 - abs(plain(values[:, a], values[:, b]).statistic)
        for a, b in zip(first, second, strict=True)
    ]
    for block in (512, 7):
        monkeypatch.setattr(edge_costs, "BLOCK", block)
        found = edge_costs.correlation_costs(values, np.stack([first, second]).T, kind=kind)
        np.testing.assert_allclose(found, expected, atol=2e-6 if kind == "pearson" else 1e-12)


def test_by_hand_and_between_0_and_1():
    values = np.array([[1, 10, 4, 1], [2, 20, 3, -1], [3, 25, 2, 1], [4, 99, 1, -1]], float)
    ends = np.array([[0, 1], [0, 2], [0, 3]])
    assert edge_costs.correlation_costs(values, ends).tolist()[:2] == pytest.approx(
        [0, 0], abs=1e-12
    )
    assert edge_costs.correlation_costs(values, ends)[2] == pytest.approx(1 - 1 / np.sqrt(5))
    assert (edge_costs.correlation_costs(values, ends) >= 0).all(), (
        "rounding never makes a cost negative"
    )
    assert edge_costs.correlation_costs(values, np.empty((0, 2), int)).shape == (0,)


def test_a_monotone_change_of_scale_changes_no_spearman_cost():
    values, ends = counts(1)[:, :10], np.array([[0, 5], [1, 2], [8, 9]])
    first = edge_costs.correlation_costs(values, ends)
    np.testing.assert_allclose(
        first, edge_costs.correlation_costs(np.exp(values), ends), atol=1e-12
    )


def test_costs_of_a_network_take_genes_by_name_whatever_their_order():
    network = small()
    values = counts(2, n_genes=8) + np.random.default_rng(0).normal(size=(80, 8)).astype(np.float32)
    table = as_table(values, "ABCDEFGH")
    shuffled = table[:, list("HGFEDCBA")].copy()
    found = edge_costs.of_network(table, network)
    np.testing.assert_array_equal(found, edge_costs.of_network(shuffled, network))
    shuffled.X = sparse.csr_matrix(shuffled.X)
    np.testing.assert_allclose(found, edge_costs.of_network(shuffled, network), atol=1e-12)
    with pytest.raises(
        InputError, match="expression lacks 1 genes of the network, such as D; prune it first"
    ):
        edge_costs.of_network(table[:, list("ABCEF")], network)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"row": slice(None), "value": 2.0},
            "expression of C: the same value in all cells, .*leave it out",
        ),
        ({"row": 3, "value": np.nan}, "expression of C: a missing value"),
        ({"row": 3, "value": np.inf}, "expression of C: a missing value"),
    ],
)
def test_a_gene_without_correlation_is_named(change, message):
    values = np.random.default_rng(0).normal(size=(20, 6))
    values[change["row"], 2] = change["value"]
    with pytest.raises(InputError, match=message):
        edge_costs.of_network(as_table(values, "ABCDEF"), small())
    assert edge_costs.varying_genes(as_table(values, "ABCDEF")) == set("ABDEF")


def test_wrong_options_cells_and_symbols_are_told():
    values = np.random.default_rng(0).normal(size=(20, 6))
    with pytest.raises(InputError, match="kind 'kendall' is unknown; choose spearman or pearson"):
        edge_costs.correlation_costs(values, np.array([[0, 1]]), kind="kendall")
    with pytest.raises(InputError, match="2 cells are too few"):
        edge_costs.correlation_costs(values[:2], np.array([[0, 1]]))
    with pytest.warns(UserWarning), pytest.raises(InputError, match="expression has A twice"):
        edge_costs.varying_genes(as_table(values, "ABCDEA"))


# prizes
# ------------------------------------------------------------------------------------------


def test_prizes_by_hand():
    own = pd.Series({"A": 0.5, "B": 2.0, "Z": 8.0})
    found = prizes.node_prizes(own, np.array(["A", "B", "C", "D"]), ["B", "D"])
    assert found.tolist() == [0.5, 8.0, 0.0, 8.0], (
        "regulators get the best prize of all, unknown genes none"
    )
    assert prizes.scaled(found).tolist() == [0.0625, 1.0, 0.0, 1.0]
    assert prizes.scaled(np.array([3.0, 3.0])).tolist() == [0, 0]


def test_scaled_prizes_of_regulators_are_exactly_1():
    network = drawn(0)
    own = pd.Series(np.random.default_rng(0).exponential(size=network.n_nodes), index=network.genes)
    found = prizes.scaled(prizes.node_prizes(own, network.genes, network.genes[:5]))
    assert (found[:5] == 1).all() and found.min() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene\tprize\nJUN\t1\nFOS\t2\njun\t3\n", "p.tsv: JUN has 2 prizes; keep one"),
        ("gene\tprize\nJUN\t1\n\t2\n", "p.tsv: row 3: the gene has no name"),
        (
            "gene\tprize\nJUN\t-1\n",
            "p.tsv: the prize of JUN is -1.0; a prize is a finite number of 0 or more",
        ),
        ("gene\tprize\nJUN\thigh\n", "p.tsv: the prize of JUN is nan"),
        (
            "gene\tvalue\nJUN\t1\n",
            "p.tsv: expected a first column of genes and a column 'prize', got gene, value",
        ),
        ("prize\tgene\n1\tJUN\n", "p.tsv: expected a first column of genes"),
        ("gene\tprize\n", "p.tsv: no gene has a prize"),
    ],
)
def test_prizes_that_cannot_be_used_are_told(tmp_path, text, message):
    (tmp_path / "p.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        prizes.read(tmp_path / "p.tsv")
    assert str(refused.value).startswith(message)


def test_prizes_are_read_by_the_name_of_their_column(tmp_path):
    (tmp_path / "markers.csv").write_text(
        "gene,log_fc,abs_log_fc\nJun,-2,2\nNA,1,1\n", encoding="utf-8"
    )
    assert prizes.read(tmp_path / "markers.csv", value="abs_log_fc").to_dict() == {
        "JUN": 2.0,
        "NA": 1.0,
    }
    with pytest.raises(
        InputError, match="no such file; expected a table of genes with a column 'prize'"
    ):
        prizes.read(tmp_path / "none.csv")


@pytest.mark.real
def test_real_prize_tables(real):
    """One of the two names a gene twice (TGFB1); the other is clean."""
    folder = real / "data/ppi/OmicsIntegrator2"
    with pytest.raises(InputError, match="example_prizes.tsv: TGFB1 has 2 prizes; keep one"):
        prizes.read(folder / "example_prizes.tsv")
    found = prizes.read(folder / "protein_TF_prizes.tsv")
    assert len(found) == 391 and found["SEPT7"] == 1.03705
