"""Parameters of the regulatory embeddings, each declared once (see `lib.run.declaration`)."""

from typing import Annotated, Literal, get_args

from lib.run.declaration import Section, meaning, parameter

RegulatorySetting = Literal[
    "physical",
    "cmap_full_all_nodes",
    "physical_full",
    "no_cluster_loss",
    "cmap",
    "cmap_full",
    "a0_b0_g1",
    "a1_b1_g1",
    "a1_b0_g2",
    "a1_b0_g5",
    "a1_b2_g1",
    "a1_b5_g1",
]
MaxEpochs = Annotated[int, meaning("largest number of epochs", ge=1, le=100_000)]
Seed = Annotated[int, meaning("base seed of splits and training", ge=0)]


class RegulatoryTraining(Section):
    """What a graph-convolutional autoencoder needs."""

    size: int = parameter(
        64, "width of hidden layers and latent space", smoke=16, paper=1024, ge=2, le=4096
    )
    learning_rate: float = parameter(
        0.005, "learning rate of Adam, without weight decay", paper=1e-5, gt=0, lt=1
    )
    patience: int = parameter(
        30, "epochs forgiven without a better validation loss", paper=100, ge=0, le=10_000
    )
    max_epochs: MaxEpochs = parameter(100, smoke=20, paper=10_000)
    seed: Seed = parameter(1234, published="1234, set after the first weights")


class RegulatoryEmbeddings(RegulatoryTraining):
    """Regulatory embeddings of the genes of the network, and their clusters."""

    alpha: float = parameter(1.0, "weight of the links in the loss", paper=1.0, ge=0, le=100)
    beta: float = parameter(0.0, "weight of the node features in the loss", paper=0.0, ge=0, le=100)
    gamma: float = parameter(
        1.0, "weight of the gene-perturbation clusters in the loss", paper=1.0, ge=0, le=100
    )
    n_runs: int = parameter(
        4,
        "runs with seeds of their own; the first is drawn",
        smoke=2,
        published="1",
        ge=2,
        le=50,
    )
    n_clusters: int = parameter(
        5,
        "clusters; 0 = best silhouette",
        smoke=2,
        paper=8,
        published="8, chosen from the curves",
        ge=0,
        le=100,
    )
    k_max: int = parameter(15, "largest number of clusters tried", smoke=4, paper=15, ge=3, le=100)
    tsne_learning_rate: float = parameter(
        50.0,
        "learning rate of the layout of a hundred genes",
        paper=200.0,
        published="200, for 249",
        ge=1,
        le=1000,
    )


class RegulatoryTargets(RegulatoryTraining):
    """Regulatory embeddings for every left-out target."""

    max_epochs: MaxEpochs = parameter(100, smoke=10, paper=10_000)
    seed: Seed = parameter(
        1234, "base seed of training and of the first split of the links", paper=1234
    )
    settings: list[RegulatorySetting] = parameter(
        ["physical", "cmap_full_all_nodes", "physical_full", "no_cluster_loss"],
        "loss weights and label sources by name",
        paper=list(get_args(RegulatorySetting)),
        published="all 12",
        min_length=1,
    )
    n_link_splits: int = parameter(
        4,
        "splits of the links; left-out targets take turns with them",
        smoke=2,
        paper=1,
        ge=1,
        le=50,
    )
    n_image_clusters: int = parameter(
        5, "clusters of image embeddings", smoke=2, paper=10, ge=2, le=100
    )
    n_cmap_clusters: int = parameter(
        5, "clusters of CMap signatures", smoke=2, paper=10, ge=2, le=100
    )


SECTIONS = {
    "regulatory_embeddings": RegulatoryEmbeddings,
    "regulatory_targets": RegulatoryTargets,
}
