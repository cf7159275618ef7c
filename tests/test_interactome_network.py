"""The protein network: graph algebra by hand, what a table must be, and the real file's counts to
the last edge."""

import numpy as np
import pandas as pd
import pytest

from lib.data.errors import InputError
from lib.interactome import network_claims, ppi
from lib.interactome.network import Network, of_table
from lib.report import published

HEADER = "protein1\tprotein2\tcost\n"
IREFINDEX = "data/ppi/OmicsIntegrator2/iRefIndex_v14_MIScore_interactome_C9.costs.txt"
OTHER = "data/ppi/OmicsIntegrator1/iref_mitab_miscore_2013_08_12_interactome.txt"


def write(tmp_path, text, name="ppi.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path, **options):
    with pytest.raises(InputError) as refused:
        ppi.read(path, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def small():
    """A triangle A B C with a tail D, and a pair E F."""
    rows = [("A", "B", 0.1), ("B", "C", 0.2), ("A", "C", 0.3), ("C", "D", 0.4), ("E", "F", 0.5)]
    return of_table(pd.DataFrame(rows, columns=["gene_a", "gene_b", "cost"]), cost="cost")


# the graph
# ------------------------------------------------------------------------------------------


def test_degrees_components_and_subgraphs_by_hand():
    network = small()
    assert (network.n_nodes, network.n_edges, network.n_components) == (6, 5, 2)
    assert network.degrees.tolist() == [2, 2, 3, 1, 1, 1]
    assert network.components.tolist() == [0, 0, 0, 0, 1, 1]
    assert network.largest().genes.tolist() == ["A", "B", "C", "D"]
    below = network.below(0.3)
    assert below.genes.tolist() == ["A", "B", "C"] and below.costs.tolist() == [0.1, 0.2], (
        "strictly below"
    )
    without = network.induced(~network.has(["C", "Z"]))
    assert without.genes.tolist() == ["A", "B", "D", "E", "F"] and without.n_components == 3
    assert without.edge_table().to_numpy().tolist() == [["A", "B", 0.1], ["E", "F", 0.5]]


def test_a_network_without_edges_or_nodes_has_no_component_to_fear():
    nothing = small().below(0)
    assert (nothing.n_nodes, nothing.n_edges, nothing.n_components) == (0, 0, 0)
    assert nothing.largest().n_nodes == 0
    lonely = Network(np.array(["A"]), np.empty((0, 2), np.int64), np.empty(0))
    assert lonely.n_components == 1 and lonely.degrees.tolist() == [0]


def test_the_order_of_rows_and_ends_changes_nothing(tmp_path):
    rows = ["B\tA\t0.5", "C\tB\t0.25", "A\tC\t0.75"]
    one = ppi.read(write(tmp_path, HEADER + "\n".join(rows) + "\n"))
    other = ppi.read(
        write(
            tmp_path,
            HEADER
            + "\n".join(reversed([f"{r.split()[1]}\t{r.split()[0]}\t{r.split()[2]}" for r in rows]))
            + "\n",
        )
    )
    pd.testing.assert_frame_equal(one.edge_table(), other.edge_table())
    again = of_table(one.edge_table(), cost="cost")
    assert (again.ends == one.ends).all() and (again.genes == one.genes).all()


# the table
# ------------------------------------------------------------------------------------------


def test_loops_repeats_and_case_are_cleaned(tmp_path):
    network = ppi.read(
        write(tmp_path, HEADER + "jun\tFos\t0.5\nFOS\tJUN\t0.5\nJUN\tJUN\t0.1\nMYC\tMYC\t0.2\n")
    )
    assert network.genes.tolist() == ["FOS", "JUN"] and network.n_edges == 1
    assert network.n_loops == 2, "MYC binds nothing but itself, and goes"


def test_genes_called_na_or_nan_are_genes(tmp_path):
    assert ppi.read(write(tmp_path, HEADER + "NA\tNAN\t0.5\n")).genes.tolist() == ["NA", "NAN"]


def test_columns_are_found_by_name(tmp_path):
    text = "cost\tprotein2\tprotein1\tsource\n0.5\tJUN\tFOS\tx\n"
    assert ppi.read(write(tmp_path, text)).edge_table().to_numpy().tolist() == [["FOS", "JUN", 0.5]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("JUN\tFOS\t0.9\n", "row 1 is no header but an edge (JUN FOS 0.9)"),
        (
            "protein1\tprotein2\tweight\nJUN\tFOS\t1\n",
            "column 'cost' is missing; expected tab-separated protein1",
        ),
        ("protein1,protein2,cost\nJUN,FOS,1\n", "column 'protein1' is missing"),
        (HEADER, "no edges"),
        (
            HEADER + "JUN\tFOS\t0.5\nJUN\tMYC\t-0.1\n",
            "row 3, column 3: '-0.1' is no finite number of 0 or more",
        ),
        (HEADER + "JUN\tFOS\tnan\n", "row 2, column 3: 'nan'"),
        (HEADER + "JUN\tFOS\tinf\n", "row 2, column 3: 'inf'"),
        (HEADER + "JUN\tFOS\t\n", "row 2, column 3: ''"),
        (HEADER + "JUN\tFOS\tlow\nA\tB\tlow\n", "correct or remove it (2 such rows)"),
        (HEADER + "JUN\t \t0.5\n", "row 2, column 2: the gene has no name"),
        (
            HEADER + "JUN\tFOS\t0.5\nA\tB\t0.1\nfos\tjun\t0.6\n",
            "rows 2 and 4: the pair FOS and JUN has the costs",
        ),
        (HEADER + "JUN\tFOS\t0.5\t7\n", "row 2 has 4 tab-separated columns, the header 3"),
        (HEADER + "JUN\tFOS\t0.5\nA\tB\t0.5\t7\n", "expected three tab-separated columns"),
        (HEADER + "JUN\tFOS\t0.5\nA\tB\n", "row 3, column 3"),
    ],
)
def test_a_wrong_table_is_told_in_one_line(tmp_path, text, message):
    found = refusal(write(tmp_path, text))
    assert message in found and "ppi.txt" in found


def test_a_missing_or_binary_file_is_told(tmp_path):
    assert "FileNotFoundError" in refusal(tmp_path / "none.txt")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    assert "not readable as text" in refusal(tmp_path / "bad.txt")


def test_confidences_are_turned_only_when_asked(tmp_path):
    path = write(tmp_path, "JUN\tFOS\t0.9\nJUN\tMYC\t1.02\n")
    assert ppi.read(path, third_column="confidence").costs.tolist() == pytest.approx([0.1, 0.0])
    costs = write(tmp_path, HEADER + "JUN\tFOS\t0.9\n", "costs.txt")
    assert "a table of confidences has no header" in refusal(costs, third_column="confidence")
    assert "choose cost or confidence" in refusal(path, third_column="score")


# the real files
# ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def irefindex(real):
    return ppi.read(real / IREFINDEX)


@pytest.mark.real
def test_every_published_count_of_the_file_alone(irefindex):
    """Sections 5.1 and 5.3, and the 249 published genes in the network: every number as
    published."""
    measured, entries = network_claims.network(irefindex), published.load()
    assert len(measured) == 21
    for name, value in measured.items():
        expected = entries[name].value
        assert value == pytest.approx(expected, abs=5e-5 if isinstance(expected, float) else 0), (
            name
        )


@pytest.mark.real
def test_ties_of_the_real_file(real, irefindex):
    rows = pd.read_csv(real / IREFINDEX, sep="\t", na_filter=False)
    assert len(rows) == 182_002 and (rows["protein1"] == rows["protein2"]).sum() == 47
    assert (rows["cost"] == 0.594442).sum() == 13_396 and (rows["cost"] == 0.598835).sum() == 65_585
    assert (rows["cost"].min(), rows["cost"].max()) == pytest.approx((0.00078, 0.85922), abs=1e-6)
    assert irefindex.n_edges == len(rows) - 47, "no pair is there twice"


@pytest.mark.real
def test_the_other_interactome_is_refused_or_turned(real, irefindex):
    assert "row 1 is no header but an edge (RNF14 VDR 0.40555844)" in refusal(real / OTHER)
    turned = ppi.read(real / OTHER, third_column="confidence")
    assert (turned.n_nodes, turned.n_edges, turned.n_loops) == (15_403, 175_820, 33)
    costs = turned.edge_table().set_index(["gene_a", "gene_b"])["cost"]
    assert costs[("RNF14", "VDR")] == pytest.approx(1 - 0.40555844)
    both = (
        irefindex.edge_table()
        .set_index(["gene_a", "gene_b"])["cost"]
        .to_frame("a")
        .join(costs.rename("b"), how="inner")
    )
    assert both.corr(method="spearman").loc["a", "b"] > 0.3, (
        "low is certain in both, once one is turned"
    )
