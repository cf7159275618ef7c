"""The ablation table and its picture."""

import numpy as np
import pandas as pd
import pytest

from lib.data import origin
from lib.data.errors import InputError
from lib.report import figures, published
from lib.screen import ablations

SIMULATED = origin.simulated("images")


def results(inputs=("region", "nucleus", "nucleus_region")):
    rng = np.random.default_rng(0)
    rows = [
        (name, fold, 0.1 + 0.05 * i + 0.01 * rng.random())
        for i, name in enumerate(inputs)
        for fold in range(4)
    ]
    return pd.DataFrame(rows, columns=["input", "fold", "test_bacc"])


def test_mean_and_sample_sd_in_the_papers_order():
    table = ablations.summarise(results(("unet", *ablations.INPUTS, "mask_only")))
    assert list(table["input"]) == [*ablations.INPUTS, "unet", "mask_only"]
    by_hand = results(("unet",))["test_bacc"]
    row = table.set_index("input").loc["unet"]
    assert row["balanced_accuracy"] == pytest.approx(by_hand.mean()) and row["sd"] == pytest.approx(
        by_hand.std(ddof=1)
    )
    assert row["words"] == "unet" and table["words"].iloc[8] == "nucleus + region (paper's model)"


def test_every_published_input_has_its_number():
    entries = published.load()
    assert {f"imaging.ablation.{name}" for name in ablations.INPUTS} <= set(entries)
    assert entries["imaging.ablation.nucleus_region"].value == 0.2694


def test_picture(tmp_path):
    table = ablations.summarise(results(tuple(ablations.INPUTS)))
    figure, drawn = ablations.bars(table, n_classes=42, published={"region": 0.2857})
    ax = figure.axes[0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list(ablations.INPUTS.values())
    assert len(figure.axes) == 2 and len(figure.axes[1].collections) == 1, (
        "published values on axes of their own"
    )
    assert (
        ax.get_xlim()[0] == 0
        and drawn["published"].notna().sum() == 1
        and (drawn["chance"] == 1 / 42).all()
    )
    figures.show(
        figure,
        drawn,
        "ablations",
        "bars",
        figures_dir=tmp_path,
        caption="Simulated.",
        said="s",
        origin=SIMULATED,
    )
    one_fold = ablations.summarise(results().query("fold == 0"))
    assert one_fold["sd"].isna().all() and len(ablations.bars(one_fold, n_classes=5)[0].axes) == 1


def test_refusals():
    with pytest.raises(InputError, match="lack column 'input'"):
        ablations.summarise(results().drop(columns="input"))
    with pytest.raises(InputError, match="an input and fold twice"):
        ablations.summarise(pd.concat([results(), results()]))
