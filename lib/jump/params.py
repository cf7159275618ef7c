"""Parameters of the validation on JUMP, each declared once (see `lib.run.declaration`)."""

from typing import Literal

from lib.run.declaration import InputPath, Section, parameter
from lib.screen.params import (
    BatchSize,
    EmbeddingSize,
    LearningRate,
    MaxEpochs,
    Patience,
    Training,
)


class JumpData(Section):
    """The tables of JUMP, and its images as they arrive."""

    source: InputPath = parameter(
        "",
        "folder with a local copy of cpg0016-jump and its metadata; empty = simulate one",
        paper="resources/cpg0016-jump",
        published="cpg0016, source_4",
    )
    left_out_path: InputPath = parameter(
        "", "CSV of batches, plates or wells to leave out, with the reason; empty = none"
    )
    batches: list[str] = parameter([], "batches used; empty = all", published="13")
    n_train: int = parameter(
        13, "simulated regulators of the network", smoke=4, published="31", ge=3, le=1000
    )
    n_test: int = parameter(
        30, "simulated other genes of the network", smoke=8, published="144", ge=1, le=1000
    )
    n_batches: int = parameter(4, "simulated batches", smoke=2, published="13", ge=2, le=13)
    n_replicates: int = parameter(2, "simulated plates per plate map", published="5", ge=1, le=20)
    batch_effect: float = parameter(
        0.6, "spread of batches", unit="SD of single nuclei", ge=0, le=10
    )
    position_effect: float = parameter(
        0.1, "spread of well positions", unit="SD of single nuclei", ge=0, le=10
    )
    sites: int = parameter(4, "simulated fields per well", published="9", ge=1, le=9)
    side: int = parameter(
        288,
        "side of a simulated field",
        unit="pixels",
        smoke=160,
        published="1080",
        ge=128,
        le=2160,
    )
    nuclei_per_field: float = parameter(
        17.0, "mean number of nuclei per simulated field", smoke=6.0, ge=2, le=500
    )
    seed: int = parameter(1234, "base seed of the simulation", ge=0)


class JumpNuclei(Section):
    """Illumination, nuclei and regions."""

    rounding: Literal["nearest", "paper"] = parameter(
        "nearest",
        "what becomes of fractions after the division; paper = truncated",
        paper="paper",
    )
    masks: str = parameter(
        "masks", "folder of the masks; empty = segment here", published="masks of a U-Net"
    )
    unreadable: Literal["fail", "exclude"] = parameter(
        "fail", "what becomes of a field that cannot be read"
    )
    window: int = parameter(
        128, "side of the region around a nucleus", unit="pixels", paper=448, ge=32, le=2048
    )
    region_size: int = parameter(
        64, "side that the region is resized to", unit="pixels", paper=224, ge=16, le=512
    )
    scaling: Literal["percentile_range", "reference"] = parameter(
        "percentile_range",
        "8-bit rule of a field; reference = over the upper percentile",
        paper="reference",
    )
    seed: int = parameter(1234, "seed of the aspect-ratio mixture", paper=1234, ge=0)


class JumpEmbeddings(Training):
    """One network for the regulators, embeddings of all conditions, and their batches."""

    embedding_size: EmbeddingSize = parameter(64, smoke=32, paper=1024)
    learning_rate: LearningRate = parameter(0.003, paper=1e-5)
    batch_size: BatchSize = parameter(64, paper=64)
    patience: Patience = parameter(20, paper=5)
    max_epochs: MaxEpochs = parameter(20, smoke=8, paper=300)
    n_folds: int = parameter(
        4, "folds of the splits, of which the first is trained", smoke=2, paper=4, ge=2, le=10
    )
    kept_correction: Literal["none", "scaled", "projected", "projected and scaled"] = parameter(
        "scaled",
        "correction of the wells that goes on to the translation",
        paper="projected and scaled",
    )
    n_rounds: int = parameter(
        2, "rounds of the null-space projection", smoke=1, paper=5, ge=1, le=100
    )
    min_controls: int = parameter(
        3, "control wells below which a batch is not scaled", published="none", ge=2, le=1000
    )
    weighting: Literal["well", "reagent"] = parameter(
        "well", "what weighs the same in the mean of a gene", paper="well"
    )
    subtract_positions: bool = parameter(
        False, "subtract the mean of every well position over plates first", published="False"
    )
    n_batch_folds: int = parameter(
        4, "folds of the control wells in the batch accuracy", smoke=2, ge=2, le=20
    )
    n_trees: int = parameter(100, "trees of the random forest", smoke=20, ge=10, le=10_000)


class JumpTranslation(Section):
    """From JUMP's images to the network, Fig 4C."""

    ridges: list[float] = parameter(
        [0.0, 1.0, 5.0, 10.0, 50.0],
        "λ of kernel ridge regression",
        smoke=[1.0, 10.0],
        published="the same",
        min_length=1,
    )
    n_neighbours: list[int] = parameter(
        [0, 10, 31],
        "neighbours whose weights are features; 0 = none, too many = all",
        smoke=[0, 3, 31],
        published="the same",
        min_length=1,
    )
    n_draws: int = parameter(
        1, "draws of a gauss encoding that are averaged", published="1, unseeded", ge=1, le=1000
    )
    reported_set: int = parameter(
        0,
        "evaluation set of the figure; 0 = all test genes, each next one drops clusters",
        paper=2,
        ge=0,
        le=20,
    )
    n_random: int = parameter(100, "draws of the random baseline", paper=100, ge=2, le=100_000)
    n_permutations: int = parameter(
        2000, "exchanged test genes", smoke=100, paper=5000, published="none", ge=20, le=1_000_000
    )
    seed: int = parameter(1234, "base seed of draws and exchanges", ge=0)


SECTIONS = {
    "jump_data": JumpData,
    "jump_nuclei": JumpNuclei,
    "jump_embeddings": JumpEmbeddings,
    "jump_translation": JumpTranslation,
}
