"""Parameters of the translation, each declared once (see `lib.run.declaration`)."""

from typing import Literal, get_args

from lib.regulation.params import RegulatorySetting
from lib.run.declaration import InputPath, Section, parameter


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
    assets: InputPath = parameter(
        "", "folder of the published demo; empty = the bundle of this run", published="demo/"
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


class BundleSection(Section):
    """Encoder, regression and embeddings of this run, kept together."""

    setting: RegulatorySetting = parameter(
        "physical", "regulatory setting of the left-out targets; none of them knows its target"
    )
    pixel_size: float = parameter(
        0.65, "side of a pixel of the screen", unit="µm", paper=0.65, gt=0, le=20
    )
    licence: str = parameter(
        "CC0-1.0",
        "licence under which the bundle may be passed on",
        paper="none stated: ask the owners of the images and of the network's sources",
        min_length=1,
    )
    never_seen: int = parameter(
        2, "conditions unknown to the encoder that predict shows", smoke=1, ge=0, le=100
    )


class Predict(Section):
    """New images: which genes do they name?"""

    images: InputPath = parameter(
        "", "folder of images, one subfolder per condition; empty = held-out fields of this run"
    )
    masks: InputPath = parameter("", "folder of their masks, same names; empty = segment here")
    table: InputPath = parameter("", "CSV of image and condition; empty = subfolders")
    bundle_dir: InputPath = parameter("", "folder of a bundle; empty = the one of this run")
    pixel_size: float = parameter(
        0.0, "side of a pixel; 0 = as the files say", unit="µm", ge=0, le=20
    )
    any_field_size: bool = parameter(
        False, "take images of another size than the training fields", published="none"
    )
    conditions: list[str] = parameter(
        [], "conditions of this run's screen to show; empty = some known, the control, some unseen"
    )
    n_images: int = parameter(4, "images per condition, of this run's screen", ge=1, le=100)
    n_nearest: int = parameter(10, "nearest genes drawn", ge=1, le=40)
    n_draws: int = parameter(
        500, "draws of control cells and of permuted pairs", smoke=100, ge=20, le=100_000
    )
    seed: int = parameter(1234, "seed of the draws", ge=0)


SECTIONS = {
    "translation": Translation,
    "bundle": BundleSection,
    "demo": Demo,
    "predict": Predict,
}
