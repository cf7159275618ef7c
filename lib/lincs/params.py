"""Parameters of the models of LINCS signatures, each declared once (see `lib.run.declaration`)."""

from typing import Annotated, Literal

from lib.run.declaration import InputPath, Section, meaning, parameter

Hidden = Annotated[int, meaning("width of the hidden layers", ge=2, le=10_000)]
Latent = Annotated[int, meaning("latent dimensions", ge=2, le=10_000)]
MaxEpochs = Annotated[int, meaning("epochs", ge=1, le=10_000)]
Seed = Annotated[int, meaning("base seed of splits, training and draws", ge=0)]


class LincsNetwork(Section):
    """Sizes of the VAE and how it is trained."""

    hidden: Hidden = parameter(128, smoke=48, paper=1000)
    latent: Latent = parameter(30, smoke=12, paper=100)
    max_epochs: MaxEpochs = parameter(40, smoke=25, paper=300)
    batch_size: int = parameter(128, "signatures per step", smoke=64, paper=512, ge=2, le=100_000)
    learning_rate: float = parameter(0.001, "of Adam", paper=0.001, gt=0, lt=1)
    seed: Seed = parameter(1)


class LincsData(Section):
    """Signatures of LINCS: simulated, or the published files."""

    smp_matrix_path: InputPath = parameter(
        "", "GCTX of small molecules (GSE70138, level 5); empty = simulated"
    )
    smp_signatures_path: InputPath = parameter("", "table of its signatures; empty = simulated")
    gene_info_path: InputPath = parameter("", "table of genes of GSE70138; empty = simulated")
    gp_matrix_path: InputPath = parameter(
        "", "GCTX of genetic perturbations (GSE106127); empty = simulated"
    )
    gp_signatures_path: InputPath = parameter("", "table of its signatures; empty = simulated")
    classes_path: InputPath = parameter("", "CSV of pert_id, class; empty = simulated")
    targets_path: InputPath = parameter("", "CSV of drug, BRD number, gene; empty = simulated")
    n_landmarks: int = parameter(
        300, "landmark genes; 978 in LINCS", smoke=120, paper=978, ge=20, le=978
    )
    drugs_per_class: int = parameter(
        4, "simulated drugs of each class but one", smoke=3, ge=2, le=50
    )
    n_unclassified: int = parameter(16, "simulated drugs without a class", smoke=8, ge=6, le=500)
    n_genes: int = parameter(140, "simulated genes that are knocked down", smoke=60, ge=30, le=5000)
    n_hairpins: int = parameter(
        2, "simulated signatures per gene and cell line", smoke=1, ge=1, le=20
    )
    effect: float = parameter(
        2.2, "length of a strong class's state; noise is 1", smoke=3.0, ge=0, le=20
    )
    spread: float = parameter(
        0.12, "SD of a drug within its class, share of the effect", ge=0, le=2
    )
    likeness: float = parameter(
        0.6, "share of a class's effect that a target's knock-down has", ge=0, le=1
    )
    seed: int = parameter(1, "base seed of the simulation", ge=0)


class LincsVae(LincsNetwork):
    """The VAE of small molecules and genetic perturbations, and its signature nodes."""

    training_set: Literal["SMGP", "SMP", "GP"] = parameter(
        "SMGP", "signatures it learns from: both kinds, small molecules, or genetic perturbations"
    )
    kl_weight: float = parameter(1.0, "weight of the KL term", paper=1.0, ge=0, le=100)
    grouping: Literal["perturbagen", "none"] = parameter(
        "perturbagen", "what is held out whole", paper="none"
    )
    share: float = parameter(0.1, "held-out share of the signatures", paper=0.1, gt=0, lt=1)
    n_shown: int = parameter(
        500, "signatures in the heat map of the latent", smoke=100, paper=500, ge=2, le=5000
    )
    weights_dir: InputPath = parameter("", "folder of the published weights; empty = none")


class LincsSvqvae(Section):
    """The S-VQ-VAE: one code per class."""

    size: int = parameter(64, "dimensions of a code", smoke=32, paper=1000, ge=2, le=10_000)
    max_epochs: int = parameter(120, "epochs", smoke=40, paper=900, ge=1, le=10_000)
    batch_size: int = parameter(128, "signatures per step", smoke=64, paper=256, ge=2, le=100_000)
    learning_rate: float = parameter(0.001, "of Adam with AMSGrad", paper=0.0001, gt=0, lt=1)
    n_folds: int = parameter(
        4, "one of as many folds is held out", smoke=3, paper=10, published="none", ge=2, le=20
    )
    weights_dir: InputPath = parameter("", "folder of the published weights; empty = none")
    seed: int = parameter(1, "base seed of the split and of training", ge=0)


class LincsGeneration(Section):
    """Signatures made by the VAE."""

    gains: list[float] = parameter(
        [1.0, 2.0, 3.0],
        "multiples of a class's mean latent",
        published="tuned by hand, 1 to 3",
        min_length=1,
    )
    n_samples: int = parameter(
        50, "made signatures per class and gain", smoke=20, paper=500, ge=2, le=100_000
    )
    n_compared: int = parameter(
        400, "signatures of each set that are compared", smoke=150, paper=10_000, ge=50, le=100_000
    )
    least: int = parameter(
        60, "signatures a class needs to be drawn", smoke=20, paper=150, ge=1, le=10_000
    )
    seed: int = parameter(1, "base seed of the draws", ge=0)


class LincsClasses(LincsNetwork):
    """Classification of perturbagen classes from representations."""

    hidden: Hidden = parameter(
        128, "width of the hidden layers of refitted VAEs", smoke=48, paper=1000
    )
    latent: Latent = parameter(30, "their latent dimensions", smoke=12, paper=100)
    max_epochs: MaxEpochs = parameter(20, "their epochs", smoke=10, paper=300)
    seed: Seed = parameter(1, "base seed of folds, training and draws")
    layers: list[str] = parameter(
        ["raw", "pca", "e1", "mu", "sig"],
        "representations: raw, e1, e2, mu, sig, dec_h1, dec_h2, pca",
        smoke=["raw", "pca", "mu"],
        paper=["raw", "pca", "e1", "e2", "mu", "sig", "dec_h1", "dec_h2"],
        published="raw, e1, e2, e3 = mu, sig, decoder",
        min_length=1,
    )
    classifier: Literal["logistic", "svm", "lda", "class mean"] = parameter(
        "lda", "classifier of all of them", paper="logistic", published="logistic and svm"
    )
    n_folds: int = parameter(4, "cross-validation folds", smoke=3, paper=10, ge=2, le=20)
    random_folds: Literal["stratified", "published"] = parameter(
        "stratified",
        "folds that split perturbagens: stratified, or the published permutation",
        paper="published",
    )
    n_bootstrap: int = parameter(
        2000,
        "draws behind intervals and p-values",
        smoke=200,
        paper=2000,
        published="none",
        ge=100,
        le=1_000_000,
    )


class LincsTargets(Section):
    """Drug targets from the likeness of drugs to knock-downs."""

    layers: list[str] = parameter(
        ["mu", "raw", "pca"],
        "representations that are compared; the first is drawn",
        published="e3 = mu",
        min_length=1,
    )
    exact_names: bool = parameter(
        False, "compare drug names with capitals, by which MG-132 is lost", published="True"
    )
    controls: bool = parameter(
        True, "keep signatures of empty vectors in the pool, as published", published="kept"
    )
    n_permutations: int = parameter(
        1000,
        "random gene sets behind a p-value, and draws behind an interval",
        smoke=200,
        paper=10_000,
        published="none",
        ge=20,
        le=1_000_000,
    )
    seed: int = parameter(1, "seed of the random gene sets", ge=0)


class LincsOwn(Section):
    """Your own signatures: nearest classes, perturbations and genes."""

    signatures_path: InputPath = parameter(
        "", "GCT, GCTX or table of level-5 signatures; empty = held-out simulated ones"
    )
    missing: Literal["refuse", "zero", "mean"] = parameter(
        "refuse", "what becomes of missing landmarks"
    )
    up: list[str] = parameter(
        [], "genes that go up, by symbol or Entrez id; empty = of signature 1"
    )
    down: list[str] = parameter([], "genes that go down")
    cell_lines: list[str] = parameter([], "cell lines that are searched; empty = all")
    weights_dir: InputPath = parameter(
        "", "folder of the published weights, whose codes are then searched; empty = own VAE"
    )
    n_shown: int = parameter(10, "classes, perturbations and genes per signature", ge=1, le=1000)
    n_examples: int = parameter(
        24, "simulated signatures that stand in", smoke=12, paper=24, ge=1, le=1000
    )
    n_background: int = parameter(
        40, "signatures that are the background of tau", smoke=10, paper=200, ge=2, le=10_000
    )
    n_bootstrap: int = parameter(
        2000, "draws behind intervals and p-values", smoke=200, paper=2000, ge=100, le=1_000_000
    )
    seed: int = parameter(1, "seed of their choice", ge=0)


class LincsReplicates(Section):
    """From wells of plates to one signature per treatment."""

    plates_path: InputPath = parameter(
        "", "GCT or GCTX of level 3 or 4, wells with metadata; empty = simulated"
    )
    level: Literal[3, 4] = parameter(3, "3: log2 expression of whole plates; 4: z-scores")
    by: list[str] = parameter(
        ["pert_iname", "cell_id"], "columns of the wells that say the treatment", min_length=1
    )
    plate: str = parameter("det_plate", "column that says the plate")
    controls: list[str] = parameter(["DMSO"], "treatments without a signature, such as vehicles")
    n_treatments: int = parameter(40, "simulated treatments", smoke=12, ge=4, le=300)
    n_plates: int = parameter(4, "simulated replicates of each", smoke=3, ge=2, le=20)
    n_bootstrap: int = parameter(
        2000, "draws behind intervals and p-values", smoke=200, paper=2000, ge=100, le=1_000_000
    )
    seed: int = parameter(1, "seed of the simulated plates", ge=0)


class LincsDigits(Section):
    """The tutorial of the S-VQ-VAE on digits."""

    images_path: InputPath = parameter(
        "", "IDX file of MNIST training images; empty = scikit-learn's digits"
    )
    labels_path: InputPath = parameter("", "IDX file of their labels")
    test_images_path: InputPath = parameter("", "IDX file of MNIST test images")
    test_labels_path: InputPath = parameter("", "IDX file of their labels")
    max_epochs: int = parameter(6, "epochs", smoke=3, paper=25, ge=1, le=1000)
    batch_size: int = parameter(128, "images per step", paper=256, ge=2, le=100_000)
    seed: int = parameter(1, "base seed of split and training", ge=0)


SECTIONS = {
    "lincs_data": LincsData,
    "lincs_vae": LincsVae,
    "lincs_svqvae": LincsSvqvae,
    "lincs_generation": LincsGeneration,
    "lincs_classes": LincsClasses,
    "lincs_targets": LincsTargets,
    "lincs_own": LincsOwn,
    "lincs_replicates": LincsReplicates,
    "lincs_digits": LincsDigits,
}
