"""Parameters of the image networks, each declared once (see `lib.run.declaration`)."""

from typing import Annotated, Literal

from pydantic import Field

from lib.run.declaration import InputPath, Section, meaning, parameter

Probability = Annotated[float, Field(gt=0, le=1)]
EmbeddingSize = Annotated[int, meaning("width of the embedding layer", ge=2, le=4096)]
LearningRate = Annotated[float, meaning("learning rate of Adam", gt=0, lt=1)]
WeightDecay = Annotated[float, meaning("weight decay of Adam", ge=0, lt=1)]
BatchSize = Annotated[int, meaning("nuclei per step", ge=2, le=4096)]
Patience = Annotated[
    int, meaning("epochs forgiven without a better validation accuracy", ge=0, le=1000)
]
MaxEpochs = Annotated[int, meaning("largest number of epochs", ge=1, le=10_000)]


class Training(Section):
    """A network and how it is trained; see `lib.screen.runs.Network`."""

    kind: Literal["small", "resnet18"] = parameter("small", "kind of branches", paper="resnet18")
    embedding_size: EmbeddingSize = parameter(64, paper=1024)
    input_size: int = parameter(32, "side of the inputs", unit="pixels", paper=224, ge=16, le=512)
    imagenet: InputPath = parameter(
        "",
        "file of ImageNet weights; empty = random start",
        paper="resources/resnet18.pth",  # torchvision's ResNet18_Weights.IMAGENET1K_V1
        published="ImageNet",
    )
    learning_rate: LearningRate = parameter(0.002, paper=1e-5)
    weight_decay: WeightDecay = parameter(0.0005, paper=0.0005)
    batch_size: BatchSize = parameter(32, paper=32)
    patience: Patience = parameter(4, paper=5)
    max_epochs: MaxEpochs = parameter(12, smoke=8, paper=300)
    grouping: Literal["field", "well"] = parameter(
        "field", "unit kept whole within one split", paper="field"
    )
    seed: int = parameter(1234, "base seed of splits and training", paper=1234, ge=0)


class ImpactScreen(Training):
    """Every gene against the control."""

    embedding_size: EmbeddingSize = parameter(32, paper=512)
    n_folds: int = parameter(4, "cross-validation folds", smoke=2, paper=4, ge=2, le=10)
    n_null: int = parameter(
        12,
        "null genes: sets of control wells; 0 = no significance",
        smoke=3,
        paper=100,
        published="none",
        ge=0,
        le=1000,
    )
    fdr: Probability = parameter(0.05, "false discovery rate of the selection")
    n_selected: int = parameter(
        20, "genes that the paper's rule selects by hand", smoke=4, paper=41, ge=1, le=190
    )
    n_shown: int = parameter(140, "bars of the figure", paper=140, ge=1, le=190)


class ImageEmbeddings(Training):
    """One network for all impactful genes and the control."""

    learning_rate: LearningRate = parameter(0.003, paper=1e-5)
    batch_size: BatchSize = parameter(64, paper=32)
    patience: Patience = parameter(20, paper=5)
    max_epochs: MaxEpochs = parameter(20, smoke=10, paper=300)
    n_folds: int = parameter(4, "cross-validation folds", smoke=2, paper=4, ge=2, le=10)
    genes_path: InputPath = parameter(
        "", "CSV with column gene; empty = the genes selected in the impact screen"
    )
    conditions: list[str] = parameter(
        [],
        "panels of the figure; empty = the control and three best",
        paper=["EMPTY", "JUN", "MAP3K9", "RAF1"],
    )
    layout: Literal["umap", "tsne"] = parameter(
        "tsne", "layout of the figure", paper="umap"
    )  # UMAP compiles for ten seconds in every run


class PhenotypicActivity(Section):
    """The training-free call of active genes."""

    n_null: int = parameter(
        10_000, "random rankings behind a p-value", smoke=1000, ge=100, le=1_000_000
    )
    fdr: Probability = parameter(0.05, "false discovery rate of the call")
    seed: int = parameter(1234, "seed of the rankings", ge=0)


class GenePerturbationClusters(Section):
    """Clusters of gene-perturbation embeddings."""

    n_clusters: int = parameter(
        5,
        "clusters; 0 = best Calinski-Harabasz index",
        smoke=2,
        paper=11,
        published="11, chosen from the curves",
        ge=0,
        le=100,
    )
    k_max: int = parameter(
        15,
        "largest number of clusters tried",
        smoke=3,
        paper=20,
        published="20, later 15",
        ge=3,
        le=100,
    )


class ProfileBaseline(Section):
    """Classical profiles instead of a network."""

    genes_path: InputPath = parameter(
        "", "CSV with column gene; empty = the genes selected in the impact screen"
    )
    n_folds: int = parameter(4, "cross-validation folds", smoke=2, paper=4, ge=2, le=10)
    grouping: Literal["field", "well"] = parameter(
        "field", "unit kept whole within one split", paper="field"
    )
    seed: int = parameter(1234, "seed of the splits, that of the network", paper=1234, ge=0)


class Ablations(Training):
    """What the network sees, piece by piece."""

    embedding_size: EmbeddingSize = parameter(64, paper=1024, published="none")
    patience: Patience = parameter(5, paper=10)
    max_epochs: MaxEpochs = parameter(4, smoke=1, paper=300)
    n_folds: int = parameter(1, "folds that are run", paper=4, ge=1, le=10)
    n_splits: int = parameter(
        4, "cross-validation folds of the splits", smoke=2, paper=4, ge=2, le=10
    )


class LeaveOneTargetOut(Training):
    """Encoders that never saw one condition."""

    weight_decay: WeightDecay = parameter(0.0005, paper=0.001)
    batch_size: BatchSize = parameter(32, paper=64)
    max_epochs: MaxEpochs = parameter(8, smoke=2, paper=300)
    n_targets: int = parameter(0, "targets left out; 0 = all", published="all 41", ge=0, le=190)
    targets_per_encoder: int = parameter(
        5, "targets left out of the same encoder", smoke=2, paper=1, ge=1, le=190
    )


SECTIONS = {
    "impact_screen": ImpactScreen,
    "image_embeddings": ImageEmbeddings,
    "phenotypic_activity": PhenotypicActivity,
    "gene_perturbation_clusters": GenePerturbationClusters,
    "profile_baseline": ProfileBaseline,
    "ablations": Ablations,
    "leave_one_target_out": LeaveOneTargetOut,
}
