"""Single-cell counts: read, named, filtered and normalised; facts by hand, a plain form beside,
real counts."""

import gzip

import anndata
import numpy as np
import pandas as pd
import pytest
import toy_network
from anndata import AnnData
from scipy import sparse

from lib.data import h5ad
from lib.data.errors import InputError
from lib.interactome import counts, expression, expression_plots, planted, sources
from lib.report import figures

IDS = pd.DataFrame(
    {
        "ensembl": ["E1", "E2", "E3", "E3", "E4"],
        "entrez": ["1", "2", "3", "4", "1"],
        "symbol": ["A", "b", "C", "B2", "A"],
    }
)


def write(path, text):
    path.write_text(text)
    return path


def toy_counts(values, genes=None, cells=None) -> AnnData:
    values = np.asarray(values, np.float32)
    genes = genes or [f"G{i}" for i in range(values.shape[1])]
    cells = cells or [f"c{i}" for i in range(values.shape[0])]
    return AnnData(
        sparse.csr_matrix(values), obs=pd.DataFrame(index=cells), var=pd.DataFrame(index=genes)
    )


def test_counts_by_hand_plain_quoted_and_compressed(tmp_path):
    text = '"","E1","E2","E3"\n"A1_355",0,3,1\nA2_355,2.0,0,0\n'
    for path in (write(tmp_path / "counts.csv", text), tmp_path / "counts.csv.gz"):
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(text.encode()))
        read = counts.read_counts(path)
        assert read.obs_names.tolist() == ["A1_355", "A2_355"] and read.var_names.tolist() == [
            "E1",
            "E2",
            "E3",
        ]
        np.testing.assert_array_equal(read.X.toarray(), [[0, 3, 1], [2, 0, 0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ",E1,E2\nc1,1,-2\n",
            "cell c1, gene E2: -2 is no count; raw counts are whole numbers from 0",
        ),
        (",E1,E2\nc1,1,2\nc2,0.5,1\n", "cell c2, gene E1: 0.5 is no count"),
        (",E1,E2\nc1,1,nan\n", "cell c1, gene E2: nan is no count"),
        (",E1,E2\nc1,1,inf\n", "cell c1, gene E2: inf is no count"),
        (",E1,E2\nc1,1,x\n", "cell c1 has a count that is no number"),
        (",E1,E2\nc1,1,\n", "cell c1 has a count that is no number"),
        (",E1,E2\nc1,1,2\nc2,1\n", "cell c2 has 1 counts for 2 genes; is the file cut off"),
        (",E1,E2\nc1,1,2\nc1,3,4\n", "cell c1 is there twice; keep one"),
        (",E1,E1\nc1,1,2\n", "gene E1 is there twice; keep one"),
        (",E1,E2\n", "no cells; expected a header of Ensembl ids"),
        (
            "\tE1\tE2\nc1\t1\t2\n",
            "no gene ids in its first line; expected names separated by commas",
        ),
    ],
)
def test_counts_that_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        counts.read_counts(write(tmp_path / "counts.csv", text))


def test_the_first_id_of_each_symbol_counts_and_an_id_may_have_several():
    named = counts.to_symbols(
        toy_counts([[1, 2, 3, 4, 5]], genes=["E4.7", "E9", "E3", "E1", "E2"]), IDS
    )
    assert named.var_names.tolist() == ["A", "C", "B2", "b"]
    assert named.var["ens_ids"].tolist() == ["E4", "E3", "E3", "E2"]
    np.testing.assert_array_equal(named.X.toarray(), [[1, 3, 3, 5]])
    assert (named.uns["n_missing"], named.uns["n_repeated"]) == (1, 1)


def test_ids_that_no_one_knows_are_refused():
    with pytest.raises(
        InputError, match="none of 2 gene ids has a symbol, such as TSPAN6; expected Ensembl ids"
    ):
        counts.to_symbols(toy_counts([[1, 2]], genes=["TSPAN6", "DPM1"]), IDS)


def test_cells_are_filtered_before_genes():
    """The poor cell is the only one with gene 3: gone with it."""
    values = [[1, 1, 2, 0], [5, 0, 1, 0], [0, 0, 0, 9], [1, 3, 1, 0]]
    kept = expression.filter_counts(toy_counts(values), min_genes=2, min_cells=2)
    assert kept.obs_names.tolist() == ["c0", "c1", "c3"] and kept.var_names.tolist() == [
        "G0",
        "G1",
        "G2",
    ]
    assert kept.var["n_cells"].tolist() == [3, 2, 3] and kept.obs["n_genes"].tolist() == [3, 2, 3]
    assert expression.filter_counts(toy_counts(values), min_genes=1, min_cells=1).shape == (4, 4)


def test_thresholds_are_inclusive_and_nothing_left_is_told():
    values = [[1, 1, 0], [1, 0, 0]]
    assert expression.filter_counts(toy_counts(values), min_genes=2, min_cells=1).shape == (1, 2)
    with pytest.raises(
        InputError, match="no cell has 3 detected genes or more, the best has 2; lower min_genes"
    ):
        expression.filter_counts(toy_counts(values), min_genes=3)
    with pytest.raises(
        InputError, match="no gene is detected in 3 of 2 cells or more; lower min_cells"
    ):
        expression.filter_counts(toy_counts(values), min_genes=1, min_cells=3)


def test_normalisation_by_hand():
    cells = expression.log_normalise(toy_counts([[1, 3], [0, 5]], genes=["a", "A"]), target_sum=8)
    np.testing.assert_allclose(cells.X, np.log([[3, 7], [1, 9]]), rtol=1e-6)
    assert cells.var_names.tolist() == ["A", "A-1"] and cells.X.dtype == np.float32
    with pytest.raises(InputError, match="cell c1 has no counts; filter the cells first"):
        expression.log_normalise(toy_counts([[1, 3], [0, 0]]))


def test_depth_of_a_cell_does_not_matter():
    values = np.random.default_rng(0).poisson(4, (6, 9)) + 1
    deep = values * np.array([1, 2, 3, 4, 5, 6])[:, None]
    plain, scaled = (expression.log_normalise(toy_counts(x)).X for x in (values, deep))
    np.testing.assert_allclose(plain, scaled, rtol=1e-6)


def test_constant_genes_are_found():
    cells = AnnData(
        np.array([[1.0, 2, 0], [1, 3, 0]], np.float32), var=pd.DataFrame(index=["A", "B", "C"])
    )
    assert expression.constant_genes(cells) == ["A", "C"]


def test_written_whole_and_with_equal_bytes(tmp_path):
    cells = expression.log_normalise(toy_counts([[1, 3], [2, 5]]))
    first, second = (
        h5ad.write(tmp_path / name, cells).read_bytes() for name in ("a.h5ad", "b.h5ad")
    )
    assert first == second and anndata.read_h5ad(tmp_path / "a.h5ad").shape == (2, 2)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    return folder, toy_network.write(folder)


def test_the_way_through_the_simulated_file(simulated):
    folder, found = simulated
    raw = counts.read_counts(found["fucci_counts"].path)
    table = pd.read_csv(found["fucci_counts"].path, index_col=0)
    np.testing.assert_array_equal(raw.X.toarray(), table)
    ids = counts.read_gene_ids(found["gene_ids"].path)
    pd.testing.assert_frame_equal(
        ids, toy_network.gene_ids()[["ensembl", "symbol"]], check_dtype=False
    )
    named = counts.to_symbols(raw, ids)
    cells = expression.log_normalise(expression.filter_counts(named, min_genes=150, min_cells=10))
    assert (
        cells.n_obs == toy_network.SMALL.n_cells
        and "MOS" not in cells.var_names
        and "CXXC4" in cells.var_names
    )
    np.testing.assert_allclose(np.expm1(cells.X.astype(float)).sum(axis=1), 1e6, rtol=1e-4)
    members = sources.read_truth(folder).query("module != 'none'")["gene"]
    assert set(members) - set(cells.var_names) == {"MOS"}
    steps = expression.steps({"raw": raw, "kept": cells})
    assert steps["n_cells"].tolist() == [95, 90] and steps["n_genes"].is_monotonic_decreasing
    figure, drawn = expression_plots.qc(named, min_genes=150, min_cells=10)
    assert figure.get_figwidth() == figures.PAGE and len(drawn) == named.n_obs + named.n_vars


def test_pairs_of_genes_against_scipy(simulated):
    from scipy.stats import spearmanr

    folder, found = simulated
    named = counts.to_symbols(
        counts.read_counts(found["fucci_counts"].path), toy_network.gene_ids()
    )
    cells = expression.log_normalise(expression.filter_counts(named, min_genes=150, min_cells=10))
    truth = sources.read_truth(folder)
    three = truth[
        truth["gene"].isin(cells.var_names) & (truth["module"] == truth["module"].iloc[0])
    ].head(3)
    pairs = planted.gene_pairs(cells, three)
    values = cells[:, three["gene"].tolist()].X
    rho = np.abs(
        [spearmanr(values[:, a], values[:, b]).statistic for a, b in ((0, 1), (0, 2), (1, 2))]
    )
    np.testing.assert_allclose(pairs["abs_spearman"], rho, atol=1e-6)
    assert (pairs["kind"] == planted.SAME).all() and (pairs["distance"] > 0).all()


@pytest.mark.real
def test_real_single_cells_against_the_plain_form(real):
    cells = anndata.read_h5ad(real / "data/expression/peco_fucci_ipsc_888x101.h5ad")
    raw = AnnData(
        sparse.csr_matrix(np.asarray(cells.X, np.float32)), obs=cells.obs[[]], var=cells.var[[]]
    )
    ids = pd.DataFrame(
        {"ensembl": cells.var["ensg"].to_numpy(), "symbol": cells.var["hgnc"].to_numpy()}
    )
    named = counts.to_symbols(raw, ids.dropna())
    kept = expression.filter_counts(named, min_genes=94, min_cells=600)
    table = pd.DataFrame(named.X.toarray(), index=named.obs_names, columns=named.var_names)
    table = table[(table > 0).sum(axis=1) >= 94]
    table = table.loc[:, (table > 0).sum() >= 600]
    assert kept.shape == table.shape and 0 < kept.n_obs < 888 and 0 < kept.n_vars < 101
    plain = np.log1p(table.div(table.sum(axis=1), axis=0) * 1e6)
    np.testing.assert_allclose(expression.log_normalise(kept).X, plain, rtol=1e-5)


def test_the_four_steps_equal_scanpy():
    """Its normalisation compiles for seconds at each start, which is why ours is used; the numbers
    are the same."""
    scanpy = pytest.importorskip("scanpy")
    rng = np.random.default_rng(0)
    detection = rng.beta(1, 1, 90) * rng.uniform(0.5, 1, (60, 1))
    counts = AnnData(
        sparse.csr_matrix(
            (rng.poisson(20, (60, 90)) * (rng.random((60, 90)) < detection)).astype("f4")
        )
    )
    theirs = counts.copy()
    scanpy.pp.filter_cells(theirs, min_genes=30)
    scanpy.pp.filter_genes(theirs, min_cells=10)
    scanpy.pp.normalize_total(theirs, target_sum=1e6)
    scanpy.pp.log1p(theirs)
    ours = expression.log_normalise(expression.filter_counts(counts, min_genes=30, min_cells=10))
    assert 20 < ours.n_obs < 60 and 20 < ours.n_vars < 90
    assert list(ours.obs_names) == list(theirs.obs_names) and list(ours.var_names) == list(
        theirs.var_names
    )
    np.testing.assert_allclose(ours.X, theirs.X.toarray(), rtol=2e-6)
    assert ours.obs["n_genes_per_cell"].tolist() == theirs.obs["n_genes"].tolist()
    assert ours.var["n_cells"].tolist() == theirs.var["n_cells"].tolist()
