"""Parameters of the translation, each declared once (see `lib.run.declaration`)."""

from typing import Literal, get_args

from lib.regulation.params import RegulatorySetting
from lib.run.declaration import Section, parameter


class Translation(Section):
    """From gene-perturbation embeddings to regulatory embeddings."""

    settings: list[RegulatorySetting] = parameter(
        ["physical", "cmap_full_all_nodes", "physical_full", "no_cluster_loss"],
        "regulatory settings; Fig 4B: the first two",
        smoke=["physical", "cmap_full_all_nodes"],
        paper=list(get_args(RegulatorySetting)),
        published="all 12",
        min_length=1,
    )
    ridges: list[float] = parameter(
        [1.0, 5.0, 10.0, 50.0, 100.0],
        "λ of kernel ridge regression",
        published="the same",
        min_length=1,
    )
    n_neighbours: list[int] = parameter(
        [0, 10, 38],
        "neighbours whose weights are features; 0 = none, too many = all",
        published="the same",
        min_length=1,
    )
    n_draws: int = parameter(
        5,
        "draws of a gauss encoding that are averaged",
        smoke=1,
        published="1, unseeded",
        ge=1,
        le=1000,
    )
    n_random: int = parameter(
        100, "draws of the random baseline and of permuted embeddings", paper=100, ge=2, le=100_000
    )
    n_permutations: int = parameter(
        5000,
        "re-paired embeddings behind a p-value",
        smoke=200,
        paper=20_000,
        published="none",
        ge=100,
        le=1_000_000,
    )
    n_choice_permutations: int = parameter(
        2000,
        "exchanged left-out targets, the model chosen anew",
        smoke=50,
        paper=5000,
        published="none",
        ge=20,
        le=1_000_000,
    )
    n_bootstrap: int = parameter(
        2000,
        "draws of targets behind the confidence band",
        smoke=200,
        published="none",
        ge=100,
        le=1_000_000,
    )
    effects: list[float] = parameter(
        [0.0, 0.0625, 0.125, 0.1875, 0.25, 0.375, 0.5, 1.0],
        "sizes of effect in the power figure; 1 = as planted",
        smoke=[0.0, 1.0],
        min_length=1,
    )
    n_worlds: int = parameter(40, "worlds per effect in the power figure", smoke=3, ge=2, le=10_000)
    seed: int = parameter(1234, "base seed of draws and permutations", ge=0)


class Demo(Section):
    """One left-out condition: which genes does its image name?"""

    condition: Literal["BRAF", "JUN", "RAF1", "SMAD4", "SREBF1"] = parameter(
        "BRAF", "condition that no encoder saw", published="BRAF"
    )
    random: bool = parameter(
        False, "put both embeddings in random order first, as a control", published="False"
    )
    setting: RegulatorySetting = parameter(
        "physical", "regulatory setting", published="cmap_full_all_nodes, which knows the target"
    )
    n_nearest: int = parameter(10, "nearest genes shown", published="10", ge=1, le=40)
    n_draws: int = parameter(
        1000,
        "draws of nuclei, and of embeddings in random order",
        smoke=100,
        published="none",
        ge=100,
        le=100_000,
    )
    seed: int = parameter(1234, "seed of the draws", published="none", ge=0)


SECTIONS = {
    "translation": Translation,
    "demo": Demo,
}
