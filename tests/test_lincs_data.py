"""LINCS tables, matrices and data sets: joined by id, checked, and the traps people fall into."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from lib.data import gctx
from lib.data.errors import InputError
from lib.lincs import lists, own_signatures, replicates, sets, signatures, tables
from lib.simulate import lincs_files
from tests.toy_lincs import DESIGN, toy

LANDMARKS = pd.Series(["A", "B", "TMEM2"], index=["780", "10929", "23670"])


def own(names, values=None):
    values = (
        np.zeros((2, len(names)), np.float32) if values is None else np.asarray(values, np.float32)
    )
    return AnnData(
        values, obs=pd.DataFrame(index=["s1", "s2"][: len(values)]), var=pd.DataFrame(index=names)
    )


def write(path, text):
    path.write_text(text)
    return path


def test_integer_ids_are_ids_and_not_positions(tmp_path):
    path = gctx.write_gctx(
        tmp_path / "toy.gctx", np.array([[1.0, 2, 3]]), ["s"], ["780", "2", "23"]
    )
    assert gctx.read_gctx(path, genes=[2]).X.tolist() == [[2.0]]


def test_blocks_of_rows_give_what_one_read_gives(tmp_path, monkeypatch):
    values = np.arange(35.0).reshape(7, 5)
    path = gctx.write_gctx(
        tmp_path / "toy.gctx", values, [f"s{i}" for i in range(7)], list("abcde")
    )
    wanted = {"signatures": ["s6", "s0", "s3", "s3", "s1"], "genes": ["e", "b"]}
    whole = gctx.read_gctx(path, **wanted).X
    monkeypatch.setattr(gctx, "BLOCK_BYTES", 2 * 5 * 4)  # two rows at once
    np.testing.assert_array_equal(gctx.read_gctx(path, **wanted).X, whole)
    np.testing.assert_array_equal(whole, values[[6, 0, 3, 3, 1]][:, [4, 1]])


def test_a_matrix_is_cut_to_landmarks_within_a_bounded_memory(tmp_path, monkeypatch):
    """The way of the 118,050 × 12,328 file (see benchmarks/lincs.py), on one of 8 MB."""
    values = np.tile(np.linspace(-9, 9, 1_000, dtype=np.float32), (2_000, 1))
    names = [f"s{i}" for i in range(2_000)]
    path = gctx.write_gctx(tmp_path / "a.gctx", values, names, [str(i) for i in range(1_000)])
    monkeypatch.setattr(gctx, "BLOCK_BYTES", 2**18)
    table = pd.DataFrame({"sig_id": names[::-2]})
    landmarks = pd.Series("x", index=["999", "0", "7"])
    tracemalloc.start()
    found = signatures.load(path, table, landmarks, simulated=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(found.X, values[:1_000, [999, 0, 7]])
    assert found.obs["sig_id"].iloc[0] == "s1999" and peak < values.nbytes / 4


def test_a_text_gct_under_the_name_of_a_gctx_is_told(tmp_path):
    path = write(tmp_path / "text.gctx", "#1.2\n1\t1\nid\td\ts\ng\td\t1\n")
    with pytest.raises(
        InputError, match=r"text\.gctx: this is a text GCT .*rename it to end in \.gct"
    ):
        gctx.read(path)
    with pytest.raises(InputError, match="a matrix of signatures is a .gct or a .gctx"):
        gctx.read(write(tmp_path / "matrix.csv", "a,b\n"))


def test_wrong_sizes_and_repeated_ids_of_a_gct_are_told(tmp_path):
    path = write(tmp_path / "toy.gct", "#1.2\n2\t3\nid\td\tx\ty\ng\td\t1\t2\nh\td\t1\t2\n")
    with pytest.raises(
        InputError, match="2 rows and 3 columns below the header, its second line promises 2 and 4"
    ):
        gctx.read(path)
    path = write(tmp_path / "twice.gct", "#1.2\n2\t2\nid\td\tx\ty\ng\td\t1\t2\ng\td\t1\t2\n")
    with pytest.raises(InputError, match="the row id g is there 2 times"):
        gctx.read(path)
    path = write(tmp_path / "columns.gct", "#1.2\n1\t2\nid\td\tx\tx\ng\td\t1\t2\n")
    with pytest.raises(InputError, match=r"columns\.gct, line 3: the column id x is there 2 times"):
        gctx.read(path)


def test_missing_codes_are_for_metadata(tmp_path):
    rows = ["sig_id pert_id pert_iname pert_type cell_id cc unit", "a P p trt_cp PC3 -666 -666"]
    rows += ["b P p trt_cp PC3 .3 um", "c P p trt_cp PC3 .5 um"]
    path = write(tmp_path / "sig.txt", "\n".join(rows).replace(" ", "\t"))
    found = tables.read_signatures(path)
    assert found["cc"].mean() == pytest.approx(0.4) and found["cc"].isna().sum() == 1
    assert found["unit"].isna().tolist() == [True, False, False]
    with pytest.raises(InputError, match="a, gene g is 666, the code of a missing value"):
        signatures.check(np.array([[666.0]]), ["a"], ["g"])
    for bad in (np.nan, np.inf, 10.1):
        with pytest.raises(InputError, match="not a z-score between -10 and 10; 1 such"):
            signatures.check(np.array([[bad, 0.0]]), ["a"], ["g", "h"])
    signatures.check(np.array([[10.0000019, -10.0000019]]), ["a"], ["g", "h"])


def test_faults_of_a_table_are_told_at_once(tmp_path):
    path = write(
        tmp_path / "sig.txt", "sig_id\tpert_iname\tpert_type\tcell_id\na\tp\tt\tc\na\t\tt\tc\n"
    )
    with pytest.raises(
        InputError, match="sig_id 'a' is there more than once.*pert_iname.*is empty"
    ):
        tables.read_signatures(path)
    with pytest.raises(InputError, match="the column cell_id is missing"):
        tables.read_signatures(
            write(tmp_path / "less.txt", "sig_id\tpert_iname\tpert_type\na\tp\tt\n")
        )


def test_genetic_perturbations_without_an_id_take_the_gene(tmp_path):
    path = write(
        tmp_path / "sig.txt", "sig_id\tpert_iname\tpert_type\tcell_id\na\tTP53\ttrt_sh\tPC3\n"
    )
    assert tables.read_signatures(path)["pert_id"].tolist() == ["TP53"]


def test_the_number_of_landmarks_is_checked(tmp_path):
    path = write(
        tmp_path / "genes.txt", "pr_gene_id\tpr_gene_symbol\tpr_is_lm\n1\tA\t1\n2\tB\t0\n3\tC\t1\n"
    )
    assert tables.read_landmarks(path, n_expected=2).to_dict() == {"1": "A", "3": "C"}
    with pytest.raises(InputError, match=r"2 genes with pr_is_lm = 1; expected 978"):
        tables.read_landmarks(path)


def test_missing_landmarks_are_named_refused_or_imputed():
    with pytest.raises(InputError, match=r"1 of 3 landmark genes are missing: 10929 \(B\)"):
        own_signatures.align(own(["780", "23670"]), LANDMARKS)
    with pytest.raises(InputError, match="1 of 3 landmark genes"):  # more than a tenth
        own_signatures.align(own(["780", "23670"]), LANDMARKS, missing="zero")
    many = pd.Series([f"S{i}" for i in range(12)], index=[str(i) for i in range(12)])
    values = np.tile(np.arange(11.0) / 2, (2, 1))
    for rule, expected in (("zero", 0.0), ("mean", 2.5)):
        found = own_signatures.align(own([str(i) for i in range(11)], values), many, missing=rule)
        assert found.X[0].tolist() == [*values[0], expected] and found.uns["imputed"] == ["11"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_table_is_read_whichever_way_its_genes_go(tmp_path, turned):
    table = pd.DataFrame([[1.0, 2, 3], [4, 5, 6]], ["s1", "s2"], ["B", "780", "CEMIP2"])
    (table.T if turned else table).to_csv(tmp_path / "own.csv")
    found = own_signatures.align(
        own_signatures.read_own(tmp_path / "own.csv", LANDMARKS), LANDMARKS
    )
    assert found.X.tolist() == [[2, 1, 3], [5, 4, 6]] and found.obs_names.tolist() == ["s1", "s2"]


def test_a_table_that_is_no_matrix_of_numbers_is_told(tmp_path):
    path = write(tmp_path / "own.tsv", "name\t780\tB\ns1\t1\t2\ns2\thigh\t3\n")
    with pytest.raises(InputError, match=r"own\.tsv, row 3: s2, 780 is 'high'; expected a number"):
        own_signatures.read_own(path, LANDMARKS)
    path = write(tmp_path / "twice.csv", "name,A,A\ns1,1,2\n")
    with pytest.raises(InputError, match="A is there twice"):
        own_signatures.read_own(path, LANDMARKS)
    path = write(tmp_path / "hole.csv", "name,A,B,TMEM2\ns1,1,,2\n")
    with pytest.raises(InputError, match="s1, gene 10929 is nan, not a z-score"):
        own_signatures.align(own_signatures.read_own(path, LANDMARKS), LANDMARKS)
    with pytest.raises(InputError, match=r"give a \.gct, \.gctx, \.csv, \.tsv or \.txt"):
        own_signatures.read_own(write(tmp_path / "own.rds", "x"), LANDMARKS)


def test_genes_of_a_gct_are_found_by_its_columns():
    probes = own(["200814_at", "218597_s_at", "x_at"], [[1.0, 2, 3]])
    probes.var["pr_gene_id"] = ["23670", "780", "10929"]
    assert own_signatures.align(probes, LANDMARKS).X.tolist() == [[2.0, 3.0, 1.0]]
    assert own_signatures.to_landmarks(probes, LANDMARKS).var_names.tolist() == list(
        LANDMARKS.index
    )
    with pytest.raises(InputError, match="2 of 3 landmark genes are missing: 780, 10929"):
        own_signatures.to_landmarks(own(["23670"], [[1.0]]), LANDMARKS)


def test_genes_are_matched_by_id_symbol_or_new_symbol_in_any_order():
    values = np.array([[1.0, 2, 3]])
    for names in (["23670", "780", "10929"], ["tmem2", "A", "B"], ["CEMIP2", "780", "B"]):
        assert own_signatures.align(own(names, values), LANDMARKS).X.tolist() == [[2.0, 3.0, 1.0]]
    with pytest.raises(InputError, match="genes are there twice: 23670"):
        own_signatures.align(own(["CEMIP2", "TMEM2", "A"]), LANDMARKS)


def test_ids_of_another_column_are_recognised():
    columns = ["sig_id", "pert_id", "pert_iname", "pert_type", "cell_id"]
    table = pd.DataFrame([["S1", "B1", "neratinib", "trt_cp", "PC3"]], columns=columns)
    with pytest.raises(
        InputError, match=r"0 of 1 found in sig_id \(neratinib\); looks like pert_iname"
    ):
        tables.select(table, sig_id=["neratinib"])
    with pytest.raises(InputError, match="no column dose"):
        tables.select(table, dose="1")
    assert len(tables.select(table, cell_id="PC3", pert_type="trt_cp")) == 1


def test_an_id_in_two_classes_follows_the_rule_and_is_reported(tmp_path):
    path = write(tmp_path / "pcl.csv", "B1,CP_A\nB2,CP_A\nB1,CP_B\n")
    kept, conflicts = lists.read_classes(path)
    assert dict(kept.to_numpy()) == {"B1": "CP_B", "B2": "CP_A"} and conflicts["pcl"].tolist() == [
        "CP_A|CP_B"
    ]
    assert len(lists.read_classes(path, repeated="all")[0]) == 3
    with pytest.raises(InputError, match="1 ids have several classes, such as B1"):
        lists.read_classes(path, repeated="refuse")
    with pytest.raises(InputError, match="pcl 'A' does not start with CP_"):
        lists.read_classes(write(tmp_path / "bad.csv", "B1,A\n"))


def test_data_sets_follow_the_rules_of_the_paper():
    small = pd.DataFrame(
        {
            "sig_id": list("abcdef"),
            "pert_id": ["P1", "P2", "P3", "P1", "D", "P1"],
            "pert_iname": ["MG-132", "bortezomib", "x", "MG-132", "DMSO", "MG-132"],
            "pert_type": ["trt_cp"] * 4 + ["ctl_vehicle", "trt_cp"],
            "cell_id": ["PC3", "PC3", "HELA", "VCAP", "PC3", "A375"],
        }
    )
    genetic = small.assign(sig_id=list("ghijkl"))
    classes = pd.DataFrame({"pert_id": ["P1", "P3"], "pcl": ["CP_A", "CP_B"]})
    found = sets.derive(small, genetic, classes)
    assert {name: "".join(table["sig_id"]) for name, table in found.items()} == {
        "SMP": "abcef",
        "GP": "ghjkl",
        "SMNP": "ce",
        "SMGP": "ceghjkl",
        "SMC": "acf",
        "SMCNP": "c",
    }
    assert sets.is_control(found["SMP"]).tolist() == [False, False, False, True, False]
    assert sets.major_classes(found["SMC"], least=2)["pcl"].unique().tolist() == ["CP_A"]
    assert sets.counts(found).set_index("set").loc[
        "SMC", ["signatures", "pert_ids", "classes"]
    ].tolist() == [3, 2, 2]


def test_signatures_are_joined_by_id_whatever_the_order_of_the_table():
    one = toy()
    landmarks = one.small.var["symbol"]
    table = one.small.obs.sample(frac=1, random_state=0)
    again = signatures.load(one.files["smp_matrix"], table, landmarks, simulated=True)
    position = pd.Series(range(one.small.n_obs), index=one.small.obs["sig_id"])
    np.testing.assert_array_equal(again.X, one.small.X[position[again.obs["sig_id"]]])
    joined = signatures.join([one.small, one.genetic])
    assert (
        joined.shape == (one.small.n_obs + one.genetic.n_obs, DESIGN.n_landmarks)
        and joined.uns["simulated"]
    )
    with pytest.raises(InputError, match="the same genes in the same order"):
        signatures.join([one.small, one.genetic[:, ::-1]])


def test_weights_of_replicates_by_hand():
    np.testing.assert_allclose(
        replicates.weights(np.array([[1, 0.8, -0.2], [0.8, 1, -0.4], [-0.2, -0.4, 1]])).round(3),
        [0.494, 0.494, 0.012],
    )
    assert replicates.weights(np.array([[1, -0.7], [-0.7, 1]])).tolist() == [0.5, 0.5]
    values = np.array([[1.0, 2, 3, 4], [2, 3, 4, 9], [4, 3, 2, 1], [0, 1, 0, 1]])
    found, report = replicates.collapse(values, np.array(["a", "a", "a", "b"]))
    np.testing.assert_allclose(
        found[0], (0.5 * values[0] + 0.5 * values[1] + 0.01 * values[2]) / 1.01, rtol=1e-6
    )
    np.testing.assert_allclose(found[1], values[3])
    assert report["weight"].round(3).tolist() == [0.495, 0.495, 0.01, 1.0] and np.isnan(
        report["mean_correlation"].iloc[-1]
    )


def test_plates_of_their_own_hide_cell_lines_from_z_scores():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(50, 1))
    level3 = np.vstack([5 + noise, 9 + noise])
    z = replicates.robust_z(level3, np.repeat([0, 1], 50))
    np.testing.assert_allclose(z[:50], z[50:], atol=1e-9)  # as if there were one line


def plate_of(wells, rng, effect=0.0):
    """Return a plate of level 3: DMSO, and one drug in as many wells."""
    drug = np.repeat(["DMSO", "x"], wells)
    values = 8 + rng.normal(size=(2 * wells, 40)) + np.where(drug[:, None] == "x", effect, 0)
    obs = {"pert_iname": drug, "cell_id": "PC3", "plate": "P1"}
    return AnnData(values, obs=pd.DataFrame(obs, index=[f"w{i}" for i in range(2 * wells)]))


def test_wells_become_signatures_with_their_weights():
    rng = np.random.default_rng(0)
    plate = plate_of(12, rng, effect=np.linspace(-6, 6, 40))
    plate.X[12] = 8 + rng.normal(size=40)  # a well of the drug that failed
    found, report = replicates.signatures(
        plate, by=["pert_iname", "cell_id"], plate="plate", level=3, without=["DMSO"]
    )
    assert found.obs_names.tolist() == ["x:PC3"] and found.obs["n_replicates"].tolist() == [12]
    weight = report.set_index("well")["weight"]
    assert weight.idxmin() == "w12" and weight["w12"] < 0.3 * weight.median()
    assert weight.sum() == pytest.approx(1) and "w0" not in weight
    assert np.corrcoef(found.X[0], np.linspace(-6, 6, 40))[0, 1] > 0.9


def test_wells_that_cannot_be_used_are_told():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="plate P1 has 4 wells; a robust z-score needs 8"):
        replicates.signatures(plate_of(2, rng), by=["pert_iname"], plate="plate", level=3)
    plate = plate_of(6, rng)
    with pytest.raises(InputError, match="no column dose of the wells"):
        replicates.signatures(plate, by=["dose"], plate="plate", level=3)
    assert len(replicates.signatures(plate, by=["pert_iname"], plate="?", level=4)[0]) == 2
    plate.X[3, 2] = np.nan
    with pytest.raises(InputError, match="well w3 has values that are not finite"):
        replicates.signatures(plate, by=["pert_iname"], plate="plate", level=3)
    plate.obs["cell_id"] = ["PC3", None] * 6
    with pytest.raises(InputError, match="well w1 has an empty"):
        replicates.signatures(plate, by=["cell_id"], plate="plate", level=3)


def test_weights_give_planted_effects_back_better_than_a_plain_mean(tmp_path):
    one = toy()
    landmarks = one.small.var["symbol"]
    world = lincs_files.truth(one.files["classes"].parent, landmarks.index)[0]
    path = tmp_path / "plates.gct"
    planted = lincs_files.write_plates(path, world, landmarks, n_treatments=40, n_plates=5, seed=0)
    wells = own_signatures.to_landmarks(gctx.read(path), landmarks)
    found, _ = replicates.signatures(
        wells, by=["pert_iname", "cell_id"], plate="det_plate", level=3, without=["DMSO"]
    )
    z = replicates.robust_z(wells.X, wells.obs["det_plate"].to_numpy(str))
    names = wells.obs["pert_iname"] + ":" + wells.obs["cell_id"]
    plain = pd.DataFrame(z).groupby(names.to_numpy()).mean().loc[planted.index].to_numpy()
    ways = {"weighted": found[planted.index].X, "plain": plain}
    table = replicates.recovered(ways, planted.to_numpy(), n=200, rng=np.random.default_rng(0))
    assert table["r"][0] > 0.5 and table["difference"][1] < 0


def test_an_id_with_two_names_is_reported():
    rows = pd.DataFrame(
        {
            "pert_id": ["B1", "B1", "B2", "B1"],
            "pert_iname": ["aspirin", "salicylate", "x", "aspirin"],
        }
    )
    found = lists.conflicts(rows, by="pert_id", of="pert_iname")
    assert found.to_numpy().tolist() == [["B1", "aspirin|salicylate"]]


def test_classes_are_made_from_the_table_of_the_supplement(tmp_path):
    text = "Table S7 PCL Statistics,,,,\nPCL id,name,n,score,members\n"
    text += "CP_A,a,2,1,B1|B2\nCP_B,b,2,1,B3 | B1\n"
    kept, conflicts = lists.read_classes(write(tmp_path / "s7.csv", text))
    assert dict(kept.to_numpy()) == {"B1": "CP_B", "B2": "CP_A", "B3": "CP_B"}
    assert conflicts.to_numpy().tolist() == [["B1", "CP_A|CP_B"]]
    with pytest.raises(InputError, match="'A' does not start with CP_"):
        lists.read_classes(write(tmp_path / "bad.csv", text.replace("CP_A", "A")))


def test_targets_are_read_from_a_table_of_compounds_too(tmp_path):
    path = write(tmp_path / "a.csv", "Drug,BRD,Target\nMG-132,K1,PSMB5\nMG-132,K1,PSMB5\n")
    assert lists.read_targets(path).to_numpy().tolist() == [["mg-132", "PSMB5"]]
    text = "pert_iname\tmoa\ttarget\nBortezomib\tx\tPSMB1|PSMB5\nwater\t\t\n"
    found = lists.read_targets(write(tmp_path / "b.tsv", text))
    assert found.to_numpy().tolist() == [["bortezomib", "PSMB1"], ["bortezomib", "PSMB5"]]


@pytest.mark.real
def test_a_real_compound_counts_in_each_of_its_mechanisms(real):
    path = real / "data/expression/repurposing_simple.tsv"
    moa = lists.explode(pd.read_csv(path, sep="\t", dtype=str), "moa")
    dasatinib = moa.loc[moa["pert_iname"] == "dasatinib", "moa"].unique()
    assert len(dasatinib) >= 4 and "src inhibitor" in {name.lower() for name in dasatinib}
    found = lists.read_targets(path)
    assert not found["gene"].str.contains("|", regex=False).any()
    assert {"PSMB5"} <= set(found.loc[found["drug"] == "bortezomib", "gene"])
