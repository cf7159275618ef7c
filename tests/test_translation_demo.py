"""The demo: ranks by hand, no answer among what was trained on, chance at chance, clear refusals."""

import numpy as np
import pandas as pd
import pytest
import toy_bundle
from matplotlib.text import Text

from lib.data.errors import InputError
from lib.run import params
from lib.translation import bundle, demo, demo_plots, inputs, regressors

GENES = [f"G{i:02d}" for i in range(12)]
CONDITIONS = GENES[:6]


@pytest.fixture
def problem():
    """Twelve genes, six with images that follow their embeddings; G00 is left out."""
    rng = np.random.default_rng(0)
    regulatory = pd.DataFrame(rng.normal(size=(12, 5)), index=GENES)
    mixing = rng.normal(size=(5, 8))
    images = regulatory.loc[CONDITIONS] @ mixing
    return inputs.problem("G00", images, regulatory)


def test_the_rank_is_that_of_the_translation(problem):
    table = demo.neighbours(problem, k=12)
    [place] = regressors.places([problem], regressors.ntk_ridge)
    assert table["rank"].tolist() == list(range(1, 13)) and set(table["gene"]) == set(GENES)
    assert table.loc[table["is_true"], "rank"].item() == place + 1
    prediction = regressors.ntk_ridge(*problem.split())[0]
    far = np.linalg.norm(problem.regulatory - prediction, axis=1)
    assert table["gene"].tolist() == [GENES[i] for i in np.argsort(far)]  # as the paper: distance


def test_the_true_gene_is_listed_wherever_it_is_and_was_not_trained_on(problem):
    table = demo.neighbours(problem, k=1)
    assert table["is_true"].sum() == 1 and len(table) in (1, 2)
    assert not (table["is_true"] & table["is_known"]).any()
    assert set(demo.neighbours(problem, k=12).query("is_known")["gene"]) == set(CONDITIONS[1:])


def test_one_nucleus_drawn_anew_is_itself(problem):
    rank = demo.neighbours(problem).query("is_true")["rank"].item()
    nucleus = problem.images[[problem.own]]
    assert demo.ranks_over_nuclei(problem, nucleus, n=5, seed=1).tolist() == [rank] * 5


def test_nuclei_that_differ_move_the_rank(problem):
    rng = np.random.default_rng(1)
    nuclei = problem.images[problem.own] + 20 * rng.normal(size=(4, 8))
    ranks = demo.ranks_over_nuclei(problem, nuclei, n=200, seed=1)
    assert len(set(ranks)) > 1 and ranks.min() >= 1 and ranks.max() <= 12


def test_in_random_order_the_true_gene_is_any_of_those_not_trained_on(problem):
    """Trained genes lie nearer to any prediction, which is made of them; among the others all
    places are alike."""
    places = []
    for seed in range(300):
        table = demo.neighbours(demo.shuffled(problem, seed=seed), k=12)
        others = table[~table["is_known"]].reset_index(drop=True)
        places.append(others.index[others["is_true"]].item() + 1)
    error = np.sqrt((7**2 - 1) / 12 / 300)  # of the mean of uniform places among seven
    assert abs(np.mean(places) - 4) < 4 * error
    ranks = demo.ranks_by_chance(problem, n=300, seed=3)
    assert ranks.min() >= 1 and ranks.max() <= 12 and 6 < ranks.mean() < 10


def test_the_picture_shows_every_gene_and_names_the_true_one(problem):
    by_chance = demo.ranks_by_chance(problem, n=100, seed=1)
    figure, drawn = demo_plots.answer(
        demo.places(problem), demo.neighbours(problem), by_chance=by_chance, n_genes=12
    )
    points = drawn[drawn["panel"] == "map"]
    assert points["kind"].value_counts().to_dict() == {
        "gene": 6,
        "known": 5,
        "true": 1,
        "prediction": 1,
    }
    assert np.isclose(drawn.loc[drawn["panel"] == "ranks", "y"].sum(), 1)
    assert "G00" in [text.get_text() for text in figure.findobj(Text)]


def test_a_condition_that_was_never_left_out_is_told_with_those_that_were(tmp_path):
    for name in ("BRAF", "all"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.json").touch()
    with pytest.raises(InputError, match="TP53 was left out of no bundle of this run.*are BRAF;"):
        demo.read(tmp_path, "TP53", fields=pd.DataFrame(), screen_dir=tmp_path)


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    """A bundle that left SMAD4 out, and a screen with new fields of SMAD4."""
    root = tmp_path_factory.mktemp("demo")
    bundle.save(root / "bundles/SMAD4", toy_bundle.make(root))
    images, masks = toy_bundle.write_images(root / "new", {"SMAD4": 13.0}, n=3, seed=5)
    for kind, folder in (("illum_corrected", images), ("unet_masks", masks)):
        (root / kind).mkdir()
        (folder / "SMAD4").rename(root / kind / "7")
    names = [f"{i}.tif" for i in range(3)]
    fields = pd.DataFrame({"plate": 7, "field": names, "gene_symbol": "SMAD4"})
    return root, fields


def test_the_demo_encodes_new_fields_by_the_bundle_that_never_saw_them(screen):
    root, fields = screen
    found, problem, nuclei = demo.read(root / "bundles", "SMAD4", fields=fields, screen_dir=root)
    assert nuclei.shape == (12, 8) and problem.target == "SMAD4"
    assert "SMAD4" not in {*found.card.conditions, *found.card.train_genes, *found.card.targets}
    assert set(problem.shared) - {"SMAD4"} == set(found.card.train_genes)
    expected = found.predict(nuclei.mean(axis=0))
    assert np.allclose(regressors.ntk_ridge(*problem.split()), expected)
    table = demo.neighbours(problem, k=8)
    assert not table.loc[table["is_true"], "is_known"].any()


@pytest.mark.parametrize("trained", ["BRAF", "EMPTY"])
def test_a_condition_that_was_trained_on_is_never_shown_as_a_test(screen, trained):
    found = bundle.load(screen[0] / "bundles/SMAD4")
    with pytest.raises(InputError, match=f"was trained on {trained}: its answer would be no test"):
        demo.problem(found, trained, np.ones((2, 8)))


def test_no_nucleus_no_answer(screen):
    found = bundle.load(screen[0] / "bundles/SMAD4")
    with pytest.raises(InputError, match="SMAD4 has no nucleus"):
        demo.problem(found, "SMAD4", np.ones((0, 8)))


def test_the_random_baseline_is_at_chance_over_a_hundred_seeds(screen):
    """The mean rank among the genes that were not trained on is that of uniform places."""
    root, fields = screen
    _, problem, _ = demo.read(root / "bundles", "SMAD4", fields=fields, screen_dir=root)
    places = []
    for seed in range(100):
        table = demo.neighbours(demo.shuffled(problem, seed=seed), k=8)
        others = table[~table["is_known"]].reset_index(drop=True)
        places.append(others.index[others["is_true"]].item() + 1)
    n_others = 8 - 3  # genes but those trained on
    error = np.sqrt((n_others**2 - 1) / 12 / 100)
    assert abs(np.mean(places) - (n_others + 1) / 2) < 4 * error


def test_an_unknown_condition_lists_the_valid_ones():
    with pytest.raises(params.ParamsError, match="BRAF.*JUN.*RAF1.*SMAD4.*SREBF1"):
        params.resolve("mini", assignments=["demo.condition=TP53"])
