"""GCT and GCTX by id and never by position, mean signatures over landmarks, their clusters; real
files of cmapPy."""

import shutil
import zipfile
from xml.etree import ElementTree

import h5py
import numpy as np
import pandas as pd
import pytest
import toy_network
from anndata import AnnData
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from lib.data import gctx
from lib.data.errors import InputError
from lib.interactome import cmap, sources

VALUES = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]])
SIGNATURES, GENES = ["s1", "s2", "s3", "s4"], ["10", "20", "30"]


@pytest.fixture
def file(tmp_path):
    gctx.write_gctx(tmp_path / "toy.gctx", VALUES, np.array(SIGNATURES), np.array(GENES))
    return tmp_path / "toy.gctx"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return toy_network.write(tmp_path_factory.mktemp("sources"))


def test_rows_and_columns_come_in_the_order_asked(file):
    read = gctx.read_gctx(file, signatures=["s3", "s1"], genes=["30", "10"])
    np.testing.assert_array_equal(read.X, [[9, 7], [3, 1]])
    assert read.obs_names.tolist() == ["s3", "s1"] and read.var_names.tolist() == ["30", "10"]
    np.testing.assert_array_equal(gctx.read_gctx(file).X, VALUES)


@pytest.mark.parametrize("rows", [[3, 1, 0, 2], [0, 2, 3, 1]])
def test_the_order_in_the_file_does_not_matter(file, tmp_path, rows):
    columns = [2, 0, 1]
    other = tmp_path / "other.gctx"
    gctx.write_gctx(
        other, VALUES[rows][:, columns], np.array(SIGNATURES)[rows], np.array(GENES)[columns]
    )
    wanted = {"signatures": ["s2", "s4"], "genes": ["20", "30"]}
    np.testing.assert_array_equal(
        gctx.read_gctx(other, **wanted).X, gctx.read_gctx(file, **wanted).X
    )


def test_ids_that_are_absent_or_repeated_are_named(file, tmp_path):
    told = r"toy\.gctx: 1 of 2 signatures are not in it, such as s9; its signatures read s1.*are the tables"
    with pytest.raises(InputError, match=told):
        gctx.read_gctx(file, signatures=["s1", "s9"])
    with pytest.raises(InputError, match="1 of 1 genes are not in it, such as 99"):
        gctx.read_gctx(file, genes=["99"])
    gctx.write_gctx(
        tmp_path / "twice.gctx", VALUES, np.array(["s1", "s2", "s1", "s4"]), np.array(GENES)
    )
    with pytest.raises(
        InputError, match="signature s1 is there twice; ids must be unique to be joined"
    ):
        gctx.read_gctx(tmp_path / "twice.gctx")


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.97])
def test_a_truncated_file_is_told(file, tmp_path, share):
    data = file.read_bytes()
    (tmp_path / "cut.gctx").write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"cut\.gctx: no whole GCTX .*; download the file again"):
        gctx.read_gctx(tmp_path / "cut.gctx")


def test_a_matrix_that_does_not_fit_its_ids_or_is_missing_is_told(file):
    with h5py.File(file, "r+") as opened:
        del opened["0/META/COL/id"]
        opened["0/META/COL/id"] = np.array(["s1", "s2"], "S")
    with pytest.raises(
        InputError, match="the matrix is 4 × 3, but there are 2 signature ids and 3 gene ids"
    ):
        gctx.read_gctx(file)
    with h5py.File(file, "r+") as opened:
        del opened["0/DATA/0/matrix"]
    with pytest.raises(InputError, match="no whole GCTX"):
        gctx.read_gctx(file)


def test_gct_by_hand(tmp_path):
    path = tmp_path / "toy.gct"
    path.write_text(
        "#1.3\n2\t2\t1\t1\nid\tsymbol\tx\ty\ncell\tna\tA549\tU2OS\ng1\tTP53\t1.5\tna\ng2\tMYC\t-2\t3e-1\n"
    )
    read = gctx.read_gct(path)
    np.testing.assert_array_equal(read.X, [[1.5, -2], [np.nan, 0.3]])
    assert read.obs["cell"].tolist() == ["A549", "U2OS"] and read.var["symbol"].tolist() == [
        "TP53",
        "MYC",
    ]
    path.write_text("#1.3\n3\t2\t1\t1\nid\tsymbol\tx\ty\ncell\tna\tA549\tU2OS\ng1\tTP53\t1.5\t2\n")
    with pytest.raises(
        InputError, match="2 rows and 3 columns below the header, its second line promises 4 and 3"
    ):
        gctx.read_gct(path)
    path.write_text("id\tx\n")
    with pytest.raises(InputError, match=r"toy\.gct: first line .* expected '#1\.2' or '#1\.3'"):
        gctx.read_gct(path)


@pytest.mark.real
def test_real_gctx_is_the_transpose_of_its_gct(real):
    folder = real / "data/expression/cmapPy"
    binary, text = (
        read(folder / f"mini_gctoo_for_testing.{kind}")
        for read, kind in ((gctx.read_gctx, "gctx"), (gctx.read_gct, "gct"))
    )
    assert set(binary.obs_names) == set(text.obs_names) and set(binary.var_names) == set(
        text.var_names
    )
    np.testing.assert_allclose(binary.X, text[binary.obs_names, binary.var_names].X, rtol=1e-6)
    with h5py.File(folder / "mini_gctoo_for_testing.gctx") as file:
        stored = file["0/DATA/0/matrix"][:]
    np.testing.assert_array_equal(binary.X, stored)
    assert not np.allclose(stored, stored.T)
    assert (
        binary.obs["distil_nsample"].astype(int).tolist()
        == text[binary.obs_names].obs["distil_nsample"].astype(int).tolist()
    )


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "shape", "first"),
    [
        ("test_v1point2_n5x10.gct", (5, 10), 11.3819),
        ("test_l1000.gct", (377, 978), None),
        ("test_p100.gct", (96, 96), None),
    ],
)
def test_real_gct_files(real, name, shape, first):
    read = gctx.read_gct(real / "data/expression/cmapPy" / name)
    assert read.shape == shape and read.obs_names.is_unique and np.isfinite(read.X).mean() > 0.5
    assert first is None or read.X[0, 0] == first
    if name == "test_l1000.gct":
        assert read.var["pr_is_lmark"].eq("1").all() and read.obs["cell_id"].eq("A375").all()


@pytest.mark.real
def test_real_landmark_genes(real, tmp_path):
    """The published list, set in a table of genes, gives 978 landmarks; those of the real GCT are
    among them."""
    table = read_sheet(real / "data/expression/landmarks/Landmark_Genes_n978.xlsx")
    ids = next(name for name in table if "entrez" in name.lower())
    symbols = next(name for name in table if "symbol" in name.lower())
    info = pd.DataFrame(
        {"gene_id": table[ids], "gene_symbol": table[symbols], "feature_space": "landmark"}
    )
    info.to_csv(tmp_path / "geneinfo.txt", sep="\t", index=False)
    found = cmap.landmarks(tmp_path / "geneinfo.txt")
    assert len(found) == 978 and found.is_unique and found.is_monotonic_increasing
    measured = gctx.read_gct(real / "data/expression/cmapPy/test_l1000.gct").var["pr_gene_id"]
    assert set(measured) == set(found.index)
    regulators = [
        "BAX",
        "CDC42",
        "CDKN1A",
        "CEBPA",
        "CREB1",
        "JUN",
        "PRKACA",
        "RELB",
        "RHOA",
        "SRC",
    ]
    from lib.report import published

    assert sorted(set(published.gene_lists()["impactful_genes"]) & set(found)) == regulators


def read_sheet(path) -> pd.DataFrame:
    """Read the first sheet of an .xlsx, which is XML in a zip."""
    tag = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(path) as archive:
        strings = [
            "".join(part.text or "" for part in entry.iter(f"{tag}t"))
            for entry in ElementTree.fromstring(archive.read("xl/sharedStrings.xml")).iter(
                f"{tag}si"
            )
        ]
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    rows = [
        {
            "".join(filter(str.isalpha, cell.get("r"))): strings[int(cell.find(f"{tag}v").text)]
            if cell.get("t") == "s"
            else cell.find(f"{tag}v").text
            for cell in row.iter(f"{tag}c")
            if cell.find(f"{tag}v") is not None
        }
        for row in sheet.iter(f"{tag}row")
    ]
    table = pd.DataFrame(rows[1:])
    return table.rename(columns=rows[0])


def test_signatures_of_the_screen_alone(found):
    info = pd.read_csv(found["cmap_siginfo"].path, sep="\t")
    chosen = cmap.select_signatures(found["cmap_siginfo"].path)
    mask = (
        (info["project_code"] == "TA")
        & (info["cell_iname"] == "U2OS")
        & (info["pert_type"] == "trt_oe")
    )
    assert chosen["sig_id"].tolist() == info["sig_id"][mask].tolist() and 0 < mask.sum() < len(info)
    assert set(chosen["cmap_name"]) == set(toy_network.screened()["gene"])


def test_mean_signatures_against_pandas(found):
    chosen = cmap.select_signatures(found["cmap_siginfo"].path)
    genes = cmap.landmarks(found["cmap_geneinfo"].path)
    means = cmap.mean_signatures(found["cmap_level5"].path, chosen, genes)
    with h5py.File(found["cmap_level5"].path) as file:
        table = pd.DataFrame(
            file["0/DATA/0/matrix"][:],
            index=file["0/META/COL/id"][:].astype(str),
            columns=file["0/META/ROW/id"][:].astype(str),
        )
    plain = table.loc[chosen["sig_id"], genes.index].groupby(chosen["cmap_name"].to_numpy()).mean()
    np.testing.assert_allclose(means.X, plain, rtol=1e-5, atol=1e-6)
    assert (
        means.obs_names.tolist() == plain.index.tolist()
        and means.var_names.tolist() == genes.tolist()
    )
    assert means.var_names.is_monotonic_increasing and means.n_vars == toy_network.SMALL.n_landmarks
    assert (
        means.obs["n_signatures"] == chosen["cmap_name"].value_counts().loc[means.obs_names]
    ).all()


def test_a_value_that_is_not_finite_is_named(found, tmp_path):
    path = shutil.copy(found["cmap_level5"].path, tmp_path / "broken.gctx")
    chosen = cmap.select_signatures(found["cmap_siginfo"].path)
    genes = cmap.landmarks(found["cmap_geneinfo"].path)
    with h5py.File(path, "r+") as file:
        row = list(file["0/META/COL/id"][:].astype(str)).index(chosen["sig_id"].iloc[0])
        column = list(file["0/META/ROW/id"][:].astype(str)).index(genes.index[2])
        file["0/DATA/0/matrix"][row, column] = np.nan
    with pytest.raises(
        InputError,
        match=rf"{chosen['sig_id'].iloc[0]}, gene {genes.iloc[2]} is not a finite number",
    ):
        cmap.mean_signatures(path, chosen, genes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"project_code": "HOG"}, "no signature of TA, U2OS, trt_oe; project_code has HOG"),
        ({"sig_id": "one"}, "signature one is there twice"),
    ],
)
def test_signature_tables_that_are_refused(found, tmp_path, change, message):
    pd.read_csv(found["cmap_siginfo"].path, sep="\t").assign(**change).to_csv(
        tmp_path / "s.txt", sep="\t"
    )
    with pytest.raises(InputError, match=message):
        cmap.select_signatures(tmp_path / "s.txt")


def test_gene_tables_that_are_refused(found, tmp_path):
    table = pd.read_csv(found["cmap_geneinfo"].path, sep="\t", dtype=str)
    path = tmp_path / "geneinfo.txt"
    for broken, message in (
        (table.assign(feature_space="inferred"), "no gene with feature_space = 'landmark'"),
        (table.assign(gene_symbol="tp53"), "landmark gene TP53 is there twice; keep one row"),
        (
            table.drop(columns="feature_space"),
            r"geneinfo\.txt: no column 'feature_space'; it has gene_id",
        ),
    ):
        broken.to_csv(path, sep="\t", index=False)
        with pytest.raises(InputError, match=message):
            cmap.landmarks(path)
    with pytest.raises(InputError, match=r"absent\.txt: not readable as a tab-separated table"):
        cmap.landmarks(tmp_path / "absent.txt")


def test_coverage_by_feature_space(found):
    table = cmap.coverage(found["cmap_geneinfo"].path, ["JUN", "AKT1S1"]).set_index("gene")[
        "feature_space"
    ]
    assert table["AKT1S1"] == "absent" and table["JUN"] in ("landmark", "best inferred", "inferred")


def test_clusters_are_those_of_complete_linkage_by_cosine_distance():
    values = np.random.default_rng(3).normal(size=(30, 8)) * np.random.default_rng(4).uniform(
        0.1, 9, (30, 1)
    )
    means = AnnData(values, obs=pd.DataFrame(index=[f"G{i}" for i in range(30)]))
    tree = hierarchy.linkage(pdist(values, "cosine"), "complete")
    for k in (2, 5, 10):
        plain = pd.Series(hierarchy.cut_tree(tree, k).ravel(), index=means.obs_names)
        ours = cmap.cluster(means, k=k).set_index("gene")["cluster"]
        pairs = set(zip(plain[ours.index], ours, strict=True))
        assert len(pairs) == k == ours.nunique()  # one to one
    assert set(cmap.cluster(means, ["G3", "G1", "G2", "other"], k=2)["gene"]) == {"G1", "G2", "G3"}


def test_a_signature_without_a_direction_is_named():
    means = AnnData(np.array([[1.0, 2], [0, 0]]), obs=pd.DataFrame(index=["A", "B"]))
    with pytest.raises(InputError, match="the signature of B is zero everywhere"):
        cmap.unit_length(means)


def test_planted_groups_come_back_as_clusters(found):
    from sklearn.metrics import adjusted_rand_score

    means = cmap.mean_signatures(
        found["cmap_level5"].path,
        cmap.select_signatures(found["cmap_siginfo"].path),
        cmap.landmarks(found["cmap_geneinfo"].path),
    )
    truth = sources.read_truth(found["ppi"].path.parent).set_index("gene")["module"]
    active = [gene for gene in means.obs_names if truth[gene] != "none"]
    table = cmap.cluster(means, active, k=3)
    assert adjusted_rand_score(truth[table["gene"]], table["cluster"]) > 0.9
