"""Embeddings from files: what is read, what is missing, what is refused, and the notebook's
pictures."""

from types import SimpleNamespace

import anndata
import numpy as np
import pandas as pd
import pytest
import toy_network
from toy_pairs import problems, world

from lib.data import origin
from lib.data.errors import InputError
from lib.report import figures
from lib.simulate import pairs
from lib.translation import claims, inputs, metrics, plots

SIMULATED = origin.simulated("images")


@pytest.fixture
def folder(tmp_path):
    return pairs.write(world(n_genes=20, n_screened=6), tmp_path)


def read(folder, setting="physical"):
    return inputs.read(
        inputs.read_images(folder / "leave_one_target_out"),
        folder / f"regulatory_targets/{setting}",
    )


def test_a_written_world_is_read_back(folder):
    made, coverage = read(folder)
    original = world(n_genes=20, n_screened=6)
    assert [one.target for one in made] == list(original.images.index) and coverage[
        "is_target"
    ].all()
    for one in made:
        assert one.shared == tuple(original.images.index) and "EMPTY" not in one.shared
        assert np.allclose(one.images, original.images, atol=1e-5)
        assert np.allclose(np.linalg.norm(one.regulatory, axis=1), 1)
        assert one.shared[one.own] == one.target
        x, y, new = one.split()
        assert (len(x), len(y), len(new)) == (5, 5, 1) and np.allclose(new, one.images[[one.own]])


def test_validation_nuclei_take_no_part(folder):
    path = folder / "leave_one_target_out/G000.h5ad"
    found = anndata.read_h5ad(path)
    before = inputs.condition_means(path)
    extra = found[:1].copy()
    extra.obs_names, extra.X[:] = ["other"], 1e6
    extra.obs["split"] = "val"
    anndata.concat([found, extra]).write_h5ad(path)
    assert inputs.condition_means(path).equals(before)


def test_what_is_missing_is_reported(folder):
    (folder / "regulatory_targets/physical/G001.h5ad").unlink()
    (folder / "leave_one_target_out/G002.h5ad").unlink()
    for path in (folder / "regulatory_targets/physical").glob("*.h5ad"):
        found = anndata.read_h5ad(path)
        found[found.obs_names != "G003"].copy().write_h5ad(path)
    made, coverage = read(folder)
    notes = coverage.set_index("gene")["note"]
    assert [one.target for one in made] == ["G000", "G004", "G005"]
    assert made[0].shared == ("G000", "G001", "G002", "G004", "G005")  # still learnt from
    assert notes["G001"] == "no regulatory file" and notes["G002"] == "no image file"
    assert notes["G003"] == "no regulatory embedding" and notes["G000"] == ""
    assert claims.missing(coverage)["gene"].tolist() == ["G001", "G002", "G003"]


def test_nothing_to_translate(folder):
    for path in (folder / "regulatory_targets/physical").glob("*.h5ad"):
        path.unlink()
    with pytest.raises(InputError, match="no gene has an image file and one in"):
        read(folder)


def test_networks_of_different_genes_are_told(folder):
    path = folder / "regulatory_targets/physical/G004.h5ad"
    found = anndata.read_h5ad(path)
    found[found.obs_names != "G019"].copy().write_h5ad(path)
    with pytest.raises(
        InputError, match=r"without G000 and without G004 hold different genes \(20 and 19\)"
    ):
        read(folder)


def test_broken_images_are_told(folder):
    path = folder / "leave_one_target_out/G000.h5ad"
    found = anndata.read_h5ad(path)
    found.X[2, 3] = np.nan
    found.write_h5ad(path)
    with pytest.raises(InputError, match="G000.h5ad: an image embedding has NaN"):
        read(folder)


def broken(which, change):
    made = world(n_genes=20, n_screened=6)
    tables = {"images": made.images.copy(), "regulatory": made.regulatory.copy()}
    tables[which] = change(tables[which])
    return tables


def with_value(gene, value):
    def change(table):
        table.loc[gene] = value
        return table

    return change


@pytest.mark.parametrize(
    ("which", "change", "message"),
    [
        (
            "regulatory",
            with_value("G007", np.nan),
            "regulatory embeddings without G001: the row of G007 has NaN",
        ),
        (
            "regulatory",
            with_value("G007", 0.0),
            "regulatory embedding of G007 is zero and has no direction",
        ),
        (
            "images",
            with_value("G002", np.inf),
            "image embeddings without G001: the row of G002 has NaN or infinity",
        ),
        (
            "images",
            lambda t: pd.concat([t, t.iloc[:1]]),
            "image embeddings without G001: G000 is given twice",
        ),
        ("regulatory", lambda t: t.drop(index="G001"), "target G001 has no regulatory embedding"),
        ("images", lambda t: t.drop(index="G001"), "target G001 has no image embedding"),
        (
            "images",
            lambda t: t.loc[["G001", "G002"]],
            "2 genes have both embeddings; a target needs two others",
        ),
    ],
)
def test_embeddings_that_cannot_be_used(which, change, message):
    with pytest.raises(InputError, match=message):
        inputs.problem("G001", **broken(which, change))


def test_a_gene_without_a_state_is_refused():
    with pytest.raises(ValueError, match="X has no latent state"):
        pairs.draw(
            pd.DataFrame(columns=["gene", *pairs.DIMENSIONS]), ["X"], rng=np.random.default_rng(0)
        )


def test_states_are_read_only_where_images_and_network_share_a_truth(tmp_path):
    simulated, real = tmp_path / "simulated", tmp_path / "real"
    origin.write(simulated, origin.simulated("images"))
    origin.write(real, origin.own("images", "plates"))
    for name, own in {"all": [], "network": ["ppi"]}.items():  # sources of the user
        toy_network.listed(tmp_path / name, own=own)
    assert inputs.planted_states(tmp_path / "all", simulated)["gene"].tolist() == ["JUN"]
    assert len(inputs.planted_states(tmp_path / "all", real)) == 0
    assert len(inputs.planted_states(tmp_path / "network", simulated)) == 0, (
        "states of a network that is not there"
    )
    found = [origin.read(screen, tmp_path / "all").is_simulated for screen in (simulated, real)]
    assert found == [True, True], "a number is the paper's only if screen and sources are real"


# pictures
# ------------------------------------------------------------------------------------------


def test_fig_4b_has_the_papers_axes():
    rng = np.random.default_rng(0)
    places = {f"line {i}": rng.integers(0, 249, 39) for i in range(12)}
    figure, drawn = plots.accuracy_curves(
        places, n_genes=249, mean=places["line 0"], random=rng.integers(0, 249, (9, 39))
    )
    ax = figure.axes[0]
    assert figure.get_figwidth() == figures.PAGE and ax.get_xlim() == (0, 50)
    assert np.allclose(np.diff(ax.get_xticks()), 5) and np.allclose(np.diff(ax.get_yticks()), 0.05)
    assert len(drawn["line"].unique()) == 14 and len(ax.lines) == 14
    looks = [(line.get_color(), line.get_linestyle()) for line in ax.lines]
    assert len(set(looks)) == 14  # twelve settings can be told apart


def test_few_genes_limit_k():
    figure, drawn = plots.accuracy_curves({"a": np.array([0, 7])}, n_genes=8)
    assert drawn["k"].max() == 8 and figure.axes[0].get_xlim() == (0, 8)


def test_pictures_are_the_same_bytes_twice(tmp_path):
    for name in ("a", "b"):
        figure, drawn = plots.hit_bars(
            {"x": np.array([0, 5, 9])}, ["JUN", "MOS", "SRC"], n_genes=12
        )
        figures.show(
            figure,
            drawn,
            "translation",
            "per_target",
            figures_dir=tmp_path / name,
            caption="c",
            said="s",
            origin=SIMULATED,
        )
    first, second = (
        (tmp_path / name / "translation__per_target.svg").read_bytes() for name in ("a", "b")
    )
    assert first == second


def test_claims_of_a_real_screen_have_published_ids():
    from lib.report import published
    from lib.translation import results
    from lib.translation.grid import Axes

    found = results.translate("physical", problems(), Axes(neighbours=((0,),)))
    measured = claims.published([found], np.arange(24).reshape(2, 12))
    assert set(measured) <= set(published.load()) and measured[
        "translation.physical.auc_20"
    ] == pytest.approx(float(metrics.area(found.places[results.PUBLISHED], 20)))


def test_the_demos_ranks_are_those_of_the_plain_model_with_cmap():
    from lib.translation import results

    targets = ["BRAF", "TSC2", "JUN"]
    made = [SimpleNamespace(target=name, names=targets) for name in targets]
    places = {results.PUBLISHED: np.zeros(3, int), results.PLAIN: np.array([1, 5, 7])}
    places["mean (all)"] = np.zeros(3, int)
    for setting, expected in {"physical": {}, "cmap_full_all_nodes": {"braf": 2, "jun": 8}}.items():
        found = results.Translation(setting, made, pd.DataFrame(), 0, places, np.zeros(3, int))
        measured = claims.published([found], np.zeros((2, 3), int))
        demo = {
            name.rpartition(".")[2]: rank for name, rank in measured.items() if ".demo." in name
        }
        assert demo == expected
