"""The typed parameters of every notebook: names, types, ranges and units. `lib.run.params` reads and checks them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class InputFile:
    """Marks a parameter that names a file or folder: its content, not its name, is part of a notebook's key."""


InputPath = Annotated[str, InputFile()]


class Section(BaseModel):
    """Parameters of one notebook. The two folders are filled in by the runner, and by nobody else."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    run_dir: str = Field("runs/mini", description="folder of this profile's data and results")
    figures_dir: str = Field("figures/mini", description="folder of this profile's figures")


Ontology = Literal["BP", "MF", "CC"]
TopGoEngine = Literal["auto", "builtin", "topgo"]
EnrichGoEngine = Literal["auto", "builtin", "clusterprofiler"]
Probability = Annotated[float, Field(gt=0, le=1)]


class GoAnnotation(Section):
    """Where gene annotation comes from."""

    ontology: Ontology = Field(description="GO branch; the paper uses BP, biological process")
    source: InputPath = Field(description="folder of annotation tables; empty = the installed org.Hs.eg.db and GO.db")


class TopGo(Section):
    """A topGO analysis: weight01 with Fisher's exact test."""

    engine: TopGoEngine = Field(description="auto = topGO where R has it, else the built-in engine")
    algorithm: Literal["weight01", "classic", "elim"] = Field(description="how the graph decorrelates terms")
    node_size: int = Field(ge=1, le=1000, description="genes a term needs to be tested")
    n_terms: int = Field(ge=1, le=50, description="terms drawn a panel")
    genes_path: InputPath = Field(description="CSV of your own foreground (and clusters); empty = the published lists")
    background_path: InputPath = Field(description="CSV with a column gene; empty = the published background")


class RegulatoryClusterGo(Section):
    """Over-representation of GO terms in the clusters of regulatory gene embeddings."""

    engine: EnrichGoEngine = Field(description="auto = clusterProfiler where R has it, else the built-in engine")
    p_cutoff: Probability = Field(description="largest raw and adjusted p of the dot plot")
    min_size: int = Field(ge=1, le=10_000, description="genes of the background a term needs")
    max_size: int = Field(ge=1, le=10_000, description="genes of the background a term may have")
    n_dot_terms: int = Field(ge=1, le=20, description="terms a cluster in the dot plot")
    n_bar_terms: int = Field(ge=1, le=20, description="terms a cluster in the bar plots")
    n_permutations: int = Field(ge=0, le=1_000_000, description="random gene sets a cluster; 0 = no permutation test")
    seed: int = Field(ge=0, description="base seed of the permutations")
    clusters_path: InputPath = Field(description="CSV with columns gene, cluster; empty = the published clusters")


class ScreenData(Section):
    """The screen: a simulated one with a planted truth, or a folder with a real one."""

    source: InputPath = Field(description="folder of a screen in the published layout; empty = simulate one")
    n_genes: int = Field(ge=4, le=190, description="over-expressed genes, real symbols")
    n_active: int = Field(ge=2, le=190, description="genes with an effect")
    n_groups: int = Field(ge=1, le=50, description="groups of genes with alike effects")
    effect: float = Field(ge=0, le=20, description="distance of a group from control, in SD of single nuclei")
    within_group: float = Field(ge=0, le=2, description="deviation of a gene from its group, share of the effect")
    plates: list[int] = Field(min_length=1, description="plate numbers; 41749 is the outlier plate")
    wells_per_gene: int = Field(ge=1, le=8, description="wells a gene and plate")
    empty_share: float = Field(ge=0, le=0.5, description="share of wells with the control EMPTY")
    sites: int = Field(ge=1, le=9, description="fields a well")
    side: int = Field(ge=128, le=2160, description="side of a field in pixels")
    nuclei_per_field: float = Field(ge=2, le=500, description="mean number of nuclei a field")
    seed: int = Field(ge=0, description="base seed of the simulation")


class Cutting(Section):
    """Where the outlines of nuclei come from."""

    masks: Literal["unet_masks", ""] = Field(description="folder of the masks; empty = segment here")


class Nuclei(Cutting):
    """From fields of view to nuclei and region windows."""

    unreadable: Literal["fail", "exclude"] = Field(description="what to do with a field that cannot be read")
    outlier_plates: list[int] = Field(description="plates left out")
    outlier_wells: dict[str, list[str]] = Field(description="plate → wells left out")
    min_area: float = Field(ge=0, description="pixels")
    max_area: float = Field(gt=0, description="pixels")
    max_bounding_box: float = Field(gt=0, description="rows × columns of the bounding box, pixels")
    min_solidity: float = Field(ge=0, le=1, description="area over convex area")
    min_aspect_ratio: float = Field(ge=0, le=1, description="minor over major axis")
    nucleus_size: int = Field(ge=16, le=256, description="side of a padded nucleus in pixels")
    window: int = Field(ge=32, le=2048, description="side of the region cut around a nucleus in pixels")
    region_size: int = Field(ge=16, le=512, description="side that the region is resized to, in pixels")
    scaling: Literal["percentile_range", "reference"] = Field(description="8-bit rule of a field")
    seed: int = Field(ge=0, description="seed of the aspect-ratio mixture")


class ChromatinFeatures(Cutting):
    """Chromatin and shape features of every nucleus."""


class Segmentation(Section):
    """The built-in segmentation beside the screen's masks."""

    n_fields: int = Field(ge=1, le=1000, description="fields drawn for the comparison")
    seed: int = Field(ge=0, description="seed of the draw")


class Training(Section):
    """A network and how it is trained; see `lib.learning.training.Settings` and `lib.screen.runs.Network`."""

    kind: Literal["resnet18", "small"] = Field(description="branches of the network")
    embedding_size: int = Field(ge=2, le=4096, description="width of the embedding layer")
    input_size: int = Field(ge=16, le=512, description="side of the inputs in pixels")
    imagenet: InputPath = Field(description="file of ImageNet weights; empty = random start")
    learning_rate: float = Field(gt=0, lt=1, description="of Adam")
    weight_decay: float = Field(ge=0, lt=1, description="of Adam")
    batch_size: int = Field(ge=2, le=4096, description="nuclei a step")
    patience: int = Field(ge=0, le=1000, description="epochs without a better validation accuracy that are forgiven")
    max_epochs: int = Field(ge=1, le=10_000, description="largest number of epochs")
    grouping: Literal["field", "well"] = Field(description="what never falls into two splits")
    seed: int = Field(ge=0, description="base seed of splits and training")


class ImpactScreen(Training):
    """Every gene against the control."""

    n_folds: int = Field(ge=2, le=10, description="cross-validation folds")
    n_null: int = Field(ge=0, le=1000, description="null genes: sets of control wells; 0 = no significance")
    fdr: Probability = Field(description="false discovery rate of the selection")
    n_selected: int = Field(ge=1, le=190, description="genes that the paper's rule selects by hand")
    n_shown: int = Field(ge=1, le=190, description="bars of the figure")


class ImageEmbeddings(Training):
    """One network for all impactful genes and the control."""

    n_folds: int = Field(ge=2, le=10, description="cross-validation folds")
    genes_path: InputPath = Field(description="CSV with column gene; empty = the genes selected in the impact screen")
    conditions: list[str] = Field(description="panels of the figure; empty = the control and three best recognised")
    layout: Literal["umap", "tsne"] = Field(description="two-dimensional layout of the figure")


class PhenotypicActivity(Section):
    """The training-free call of active genes."""

    n_null: int = Field(ge=100, le=1_000_000, description="random rankings behind a p-value")
    fdr: Probability = Field(description="false discovery rate of the call")
    seed: int = Field(ge=0, description="seed of the rankings")


class GenePerturbationClusters(Section):
    """Clusters of gene-perturbation embeddings."""

    n_clusters: int = Field(ge=0, le=100, description="clusters; 0 = the best Calinski-Harabasz index")
    k_max: int = Field(ge=3, le=100, description="largest number of clusters looked at")


class ProfileBaseline(Section):
    """Classical profiles instead of a network."""

    genes_path: InputPath = Field(description="CSV with column gene; empty = the genes selected in the impact screen")
    n_folds: int = Field(ge=2, le=10, description="cross-validation folds")
    grouping: Literal["field", "well"] = Field(description="what never falls into two splits")
    seed: int = Field(ge=0, description="seed of the splits")


class Ablations(Training):
    """What the network sees, piece by piece."""

    n_folds: int = Field(ge=1, le=10, description="folds that are run")
    n_splits: int = Field(ge=2, le=10, description="cross-validation folds of the splits")


class LeaveOneTargetOut(Training):
    """Encoders that never saw one condition."""

    n_targets: int = Field(ge=0, le=190, description="targets left out; 0 = all")
    targets_per_encoder: int = Field(ge=1, le=190, description="targets left out of the same encoder")


class NetworkSources(Section):
    """The sources of the network: simulated, or a user's real files."""

    fucci_path: InputPath = Field(description="CSV of raw counts, cells x Ensembl ids; empty = simulated")
    gene_ids_path: InputPath = Field(
        description="TSV with columns ensembl and symbol; empty = the installed annotation"
    )
    cmap_siginfo_path: InputPath = Field(description="table of CMap signatures; empty = simulated")
    cmap_geneinfo_path: InputPath = Field(description="table of CMap genes; empty = simulated")
    cmap_level5_path: InputPath = Field(description="GCTX of level-5 over-expression signatures; empty = simulated")
    ccle_path: InputPath = Field(description="CSV of CCLE expression, log2(TPM + 1); empty = simulated")
    ccle_sample_info_path: InputPath = Field(description="CSV of DepMap's cell lines; empty = simulated")
    ppi_path: InputPath = Field(description="interactome, protein1 protein2 cost; empty = simulated")
    hallmark_path: InputPath = Field(description="GMT of gene sets; empty = simulated")
    n_genes: int = Field(ge=20, le=20_000, description="genes of the interactome")
    module_size: int = Field(ge=1, le=500, description="genes beside the screened ones in every planted module")
    within_module: float = Field(
        ge=0, le=2, description="deviation of such a gene from its module, share of the module's effect"
    )
    state_scale: float = Field(
        ge=0.05, le=20, description="distance of states over which correlation falls to 0.61, SD of control nuclei"
    )
    expression_share: float = Field(
        ge=0, le=1, description="share of a module gene's variance over cells that follows its state"
    )
    marker_effect: float = Field(ge=0, le=8, description="mean |log2 fold change| of module genes in U2OS")
    signature_effect: float = Field(ge=0, le=20, description="size of signatures in SD of one signature's noise")
    module_degree: float = Field(ge=0.5, le=100, description="mean number of partners within the own module")
    n_cells: int = Field(ge=20, le=5000, description="good cells")
    n_edges: int = Field(ge=100, le=500_000, description="interactions")
    n_lines: int = Field(ge=5, le=2000, description="cell lines, U2OS among them")
    n_landmarks: int = Field(ge=5, le=978, description="landmark genes of CMap")
    n_measured: int = Field(ge=10, le=12_328, description="genes in the CMap file")
    seed: int = Field(ge=0, description="base seed of the simulation")


class Expression(Section):
    """Single-cell expression, CMap signatures and markers of a cell line."""

    min_genes: int = Field(ge=1, le=100_000, description="detected genes a cell needs")
    min_cells: int = Field(ge=1, le=10_000, description="cells a gene must be detected in")
    target_sum: float = Field(ge=1, le=1e9, description="counts every cell is scaled to")
    project: str = Field(min_length=1, description="project of the CMap signatures")
    perturbation: str = Field(min_length=1, description="type of perturbation of the CMap signatures")
    cell_line: str = Field(min_length=1, description="cell line of the screen, in CMap and CCLE")
    min_log_fc: float = Field(ge=0, le=20, description="a gene has a prize above this |log2 fold change|")
    min_pct: float = Field(ge=0, le=1, description="share of lines that must express a gene with a prize")
    deg_fdr: Probability = Field(description="largest false discovery rate of a coloured marker")
    n_clusters: int = Field(ge=2, le=100, description="clusters of the regulators' signatures")


class PpiPruning(Section):
    """From the protein network to the part of it that the screen's cells can use."""

    third_column: Literal["cost", "confidence"] = Field(description="what the network's third column is")
    cutoff: float = Field(ge=0, le=10, description="edges below this cost stay; 0 = as the paper's rule proposes")
    jump: float = Field(gt=0, le=1, description="steep rise of the rule, share of all edges")
    hub_quantile: float = Field(gt=0, le=1, description="nodes with a degree of this quantile or more go")
    prizes_path: InputPath = Field(description="your own prizes, columns gene and prize; empty = the marker screen")


class Interactome(Section):
    """Prize-collecting Steiner trees over the prize weight β, and the one that is kept."""

    n_betas: int = Field(ge=1, le=1000, description="prize weights 0.1, 0.2, …")
    beta: float = Field(ge=0, le=100, description="prize weight that is kept; 0 = chosen by the rule")
    plateau: int = Field(
        ge=0, le=1000, description="fewest β of like solutions whose middle is taken; 0 = the smallest β"
    )
    louvain_up_to: int = Field(ge=0, le=100_000, description="nodes up to which Louvain clusters are counted")
    seed: int = Field(ge=0, description="seed of the Louvain method and of the layout")


class InteractomeGo(Section):
    """GO of the interactome against the pruned network."""

    engine: TopGoEngine = Field(description="auto = topGO where R has it, else the built-in engine")
    algorithm: Literal["weight01", "classic", "elim"] = Field(description="how the graph decorrelates terms")
    node_size: int = Field(ge=1, le=1000, description="genes a term needs to be tested")
    n_terms: int = Field(ge=1, le=50, description="terms drawn")


class RegulatoryTraining(Section):
    """What a graph-convolutional autoencoder needs."""

    size: int = Field(ge=2, le=4096, description="width of hidden layers and latent space")
    learning_rate: float = Field(gt=0, lt=1, description="of Adam, without weight decay")
    patience: int = Field(ge=0, le=10_000, description="epochs without a better validation loss that are forgiven")
    max_epochs: int = Field(ge=1, le=100_000, description="largest number of epochs")
    seed: int = Field(ge=0, description="base seed of splits and training")
    in_kernel: bool = Field(description="train in the notebook's process, which saves the start of workers")


class RegulatoryEmbeddings(RegulatoryTraining):
    """Regulatory embeddings of the genes of the network, and their clusters."""

    alpha: float = Field(ge=0, le=100, description="weight of the links in the loss")
    beta: float = Field(ge=0, le=100, description="weight of the node features in the loss")
    gamma: float = Field(ge=0, le=100, description="weight of the gene-perturbation clusters in the loss")
    n_runs: int = Field(ge=2, le=50, description="runs with seeds of their own; the first is that of the figures")
    n_clusters: int = Field(ge=0, le=100, description="clusters; 0 = the best silhouette")
    k_max: int = Field(ge=3, le=100, description="largest number of clusters looked at")
    tsne_learning_rate: float = Field(ge=1, le=1000, description="of the layout; too high throws genes far out")


RegulatorySetting = Literal[
    "physical", "cmap_full_all_nodes", "physical_full", "no_cluster_loss", "cmap", "cmap_full", "a0_b0_g1", "a1_b1_g1",
    "a1_b0_g2", "a1_b0_g5", "a1_b2_g1", "a1_b5_g1",
]  # fmt: skip


class RegulatoryTargets(RegulatoryTraining):
    """Regulatory embeddings for every left-out target."""

    settings: list[RegulatorySetting] = Field(min_length=1, description="loss weights and label sources by name")
    n_link_splits: int = Field(ge=1, le=50, description="splits of the links; left-out targets take turns with them")
    n_image_clusters: int = Field(ge=2, le=100, description="clusters of image embeddings")
    n_cmap_clusters: int = Field(ge=2, le=100, description="clusters of CMap signatures")


class Translation(Section):
    """From gene-perturbation embeddings to regulatory embeddings."""

    settings: list[RegulatorySetting] = Field(min_length=1, description="regulatory settings; Fig 4B: the first two")
    ridges: list[float] = Field(min_length=1, description="λ of kernel ridge regression")
    n_neighbours: list[int] = Field(min_length=1, description="neighbours whose weights are features; 0 = none")
    n_draws: int = Field(ge=1, le=1000, description="draws of a gauss encoding that are averaged")
    n_random: int = Field(ge=2, le=100_000, description="draws of the random baseline and of permuted embeddings")
    n_permutations: int = Field(ge=100, le=1_000_000, description="re-paired embeddings behind a p-value")
    n_choice_permutations: int = Field(ge=20, le=1_000_000, description="exchanged left-out targets behind a p-value")
    n_bootstrap: int = Field(ge=100, le=1_000_000, description="draws of targets behind the confidence band")
    effects: list[float] = Field(min_length=1, description="sizes of effect in the power figure, 1 = as planted")
    n_worlds: int = Field(ge=2, le=10_000, description="worlds an effect in the power figure")
    seed: int = Field(ge=0, description="base seed of draws and permutations")


class LincsData(Section):
    """Signatures of LINCS: simulated, or the published files."""

    smp_matrix_path: InputPath = Field(description="GCTX of small molecules (GSE70138, level 5); empty = simulated")
    smp_signatures_path: InputPath = Field(description="table of its signatures; empty = simulated")
    gene_info_path: InputPath = Field(description="table of genes of GSE70138; empty = simulated")
    gp_matrix_path: InputPath = Field(description="GCTX of genetic perturbations (GSE106127); empty = simulated")
    gp_signatures_path: InputPath = Field(description="table of its signatures; empty = simulated")
    classes_path: InputPath = Field(description="CSV of pert_id, class; empty = simulated")
    targets_path: InputPath = Field(description="CSV of drug, BRD number, gene; empty = simulated")
    n_landmarks: int = Field(ge=20, le=978, description="landmark genes; 978 in LINCS")
    drugs_per_class: int = Field(ge=2, le=50, description="simulated drugs of each class but one")
    n_unclassified: int = Field(ge=6, le=500, description="simulated drugs without a class")
    n_genes: int = Field(ge=30, le=5000, description="simulated genes that are knocked down")
    n_hairpins: int = Field(ge=1, le=20, description="simulated signatures per gene and cell line")
    effect: float = Field(ge=0, le=20, description="length of a strong class's state; noise is 1")
    spread: float = Field(ge=0, le=2, description="SD of a drug within its class, share of the effect")
    likeness: float = Field(ge=0, le=1, description="share of a class's effect that a target's knock-down has")
    seed: int = Field(ge=0, description="base seed of the simulation")


class LincsNetwork(Section):
    """Sizes of the VAE and how it is trained."""

    hidden: int = Field(ge=2, le=10_000, description="width of the hidden layers")
    latent: int = Field(ge=2, le=10_000, description="latent dimensions")
    max_epochs: int = Field(ge=1, le=10_000, description="epochs")
    batch_size: int = Field(ge=2, le=100_000, description="signatures a step")
    learning_rate: float = Field(gt=0, lt=1, description="of Adam")
    seed: int = Field(ge=0, description="base seed of splits, training and draws")


class LincsVae(LincsNetwork):
    """The VAE of small molecules and genetic perturbations, and its signature nodes."""

    kl_weight: float = Field(ge=0, le=100, description="weight of the KL term")
    grouping: Literal["perturbagen", "none"] = Field(description="what is held out whole")
    share: float = Field(gt=0, lt=1, description="held-out share of the signatures")
    n_shown: int = Field(ge=2, le=5000, description="signatures in the heat map of the latent")
    weights_dir: InputPath = Field(description="folder of the published weights; empty = none")


class LincsSvqvae(Section):
    """The S-VQ-VAE: one code per class."""

    size: int = Field(ge=2, le=10_000, description="dimensions of a code")
    max_epochs: int = Field(ge=1, le=10_000, description="epochs")
    batch_size: int = Field(ge=2, le=100_000, description="signatures a step")
    learning_rate: float = Field(gt=0, lt=1, description="of Adam with AMSGrad")
    n_folds: int = Field(ge=2, le=20, description="one of as many folds is held out")
    weights_dir: InputPath = Field(description="folder of the published weights; empty = none")
    seed: int = Field(ge=0, description="base seed of the split and of training")


class LincsGeneration(Section):
    """Signatures made by the VAE."""

    gains: list[float] = Field(min_length=1, description="multiples of a class's mean latent")
    n_samples: int = Field(ge=2, le=100_000, description="made signatures per class and gain")
    n_compared: int = Field(ge=50, le=100_000, description="signatures of each set that are compared")
    least: int = Field(ge=1, le=10_000, description="signatures a class needs to be drawn")
    seed: int = Field(ge=0, description="base seed of the draws")


class LincsClasses(LincsNetwork):
    """Classification of perturbagen classes from representations."""

    layers: list[str] = Field(min_length=1, description="representations: raw, e1, e2, mu, sig, dec_h1, dec_h2, pca")
    classifier: Literal["logistic", "svm", "lda", "class mean"] = Field(description="classifier of all of them")
    n_folds: int = Field(ge=2, le=20, description="cross-validation folds")
    n_bootstrap: int = Field(ge=100, le=1_000_000, description="draws behind intervals and p-values")


class LincsTargets(Section):
    """Drug targets from the likeness of drugs to knock-downs."""

    layers: list[str] = Field(min_length=1, description="representations that are compared; the first is drawn")
    controls: bool = Field(description="keep signatures of empty vectors in the pool, as published")
    n_permutations: int = Field(ge=20, le=1_000_000, description="random gene sets behind a p-value")
    seed: int = Field(ge=0, description="seed of the random gene sets")


class LincsOwn(Section):
    """Your own signatures: nearest classes, perturbations and genes."""

    signatures_path: InputPath = Field(description="GCT or GCTX of level-5 signatures; empty = held-out simulated ones")
    missing: Literal["refuse", "zero", "mean"] = Field(description="what becomes of missing landmarks")
    n_shown: int = Field(ge=1, le=1000, description="classes, perturbations and genes per signature")
    n_examples: int = Field(ge=1, le=1000, description="simulated signatures that stand in")
    seed: int = Field(ge=0, description="seed of their choice")


class LincsDigits(Section):
    """The tutorial of the S-VQ-VAE on digits."""

    images_path: InputPath = Field(description="IDX file of MNIST training images; empty = scikit-learn's digits")
    labels_path: InputPath = Field(description="IDX file of their labels")
    test_images_path: InputPath = Field(description="IDX file of MNIST test images")
    test_labels_path: InputPath = Field(description="IDX file of their labels")
    max_epochs: int = Field(ge=1, le=1000, description="epochs")
    batch_size: int = Field(ge=2, le=100_000, description="images a step")
    seed: int = Field(ge=0, description="base seed of split and training")
class GeneSegNetData(Section):
    """Slides with stain, labels and transcripts: simulated with a planted truth, or a folder with real ones."""

    source: InputPath = Field(description="folder with images, labels and spots; empty = simulate")
    n_slides: int = Field(ge=3, le=1000, description="simulated slides")
    side: int = Field(ge=64, le=20_000, description="side of a slide in pixels")
    cell_diameter: float = Field(ge=6, le=200, description="typical cell in pixels")
    crowding: float = Field(gt=0, le=1, description="share of a hexagonal packing that holds cells")
    dim: float = Field(ge=0, le=1, description="share of nuclei that are out of focus")
    spots_per_cell: float = Field(gt=0, le=10_000, description="mean number of transcripts in a cell")
    stray: float = Field(ge=0, le=10, description="transcripts anywhere, per transcript in a cell")
    missed: float = Field(ge=0, lt=1, description="share of cells that the noisy labels lack")
    merged: float = Field(ge=0, lt=1, description="share of cells that the noisy labels join to a neighbour")
    outline_noise: float = Field(ge=0, le=0.5, description="spread of the noisy outlines, in radii")
    seed: int = Field(ge=0, description="base seed of the simulation")


class GeneSegNetPreprocess(Section):
    """From slides to crops in splits that share no slide."""

    pixel_size: float = Field(ge=0, le=50, description="µm per pixel of spots in µm; 0 = spots are in pixels")
    origin: Literal["corner", "centre"] = Field(description="what coordinate 0 is: corner or centre of a pixel")
    min_qv: float = Field(ge=0, le=100, description="quality below which a transcript is left out")
    split_masks: bool = Field(description="number the pieces of a mask instead of refusing it")
    chan: Literal[2, 4] = Field(description="2 = grey stain and location map, 4 = colour and map")
    n_crops: int = Field(ge=1, le=100_000, description="crops per slide")
    crop_size: int = Field(ge=16, le=4096, description="side of a crop in pixels")
    sigma: float = Field(gt=0, le=100, description="width of the location map in pixels")
    per_crop: bool = Field(description="scale every crop by its own percentiles, as published")
    val_share: float = Field(gt=0, lt=1, description="share of slides for validation")
    test_share: float = Field(gt=0, lt=1, description="share of slides that are held out")
    seed: int = Field(ge=0, description="seed of crops and splits")


class GeneSegNetMasks(Section):
    """From predicted maps to cells."""

    diameter: float = Field(ge=0, le=1000, description="cell diameter in pixels; 0 = that of training")
    flow_threshold: float = Field(ge=0, le=10, description="largest error of a mask's flow; 0 = no check")
    confidence_threshold: float = Field(ge=-20, le=20, description="logit above which a pixel is in a cell")
    min_size: int = Field(ge=0, le=100_000, description="smallest cell in pixels")
    window: int = Field(ge=16, le=4096, description="side of a window of the network in pixels")
    step: int = Field(ge=1, le=4096, description="distance between windows in pixels")
    tile: int = Field(ge=32, le=100_000, description="side of a tile of the dynamics in pixels")
    halo: int = Field(ge=0, le=10_000, description="pixels around a tile, two diameters or more")


class GeneSegNetTrain(Section):
    """Training with recursion; names are those of the published flags."""

    learning_rate: float = Field(gt=0, le=1, description="of AdamW")
    weight_decay: float = Field(ge=0, le=1, description="of AdamW")
    n_epochs: int = Field(ge=1, le=100_000, description="epochs; the last one is kept")
    n_warm_up: int = Field(ge=0, le=1000, description="epochs of rising learning rate")
    batch_size: int = Field(ge=2, le=4096, description="crops a step")
    tile: int = Field(ge=16, le=2048, description="side of a training window in pixels")
    diam_mean: float = Field(ge=5, le=500, description="diameter that cells are scaled to, in pixels")
    min_train_masks: int = Field(ge=1, le=10_000, description="cells a crop needs")
    widths: list[int] = Field(min_length=2, max_length=6, description="channels of the stages")
    residual_on: bool = Field(description="residual blocks")
    style_on: bool = Field(description="style vector, in training and inference alike")
    concatenation: bool = Field(description="concatenate skips instead of adding them")
    centre_map: bool = Field(description="fourth output of the early design")
    recursive_num: int = Field(ge=1, le=20, description="rounds of training")
    refinement: Literal["published", "image"] = Field(description="refinement of predicted labels")
    refine_passes: int = Field(ge=0, le=20, description="growth of a cell per published refinement, pixels")
    relabel_min_size: int = Field(ge=0, le=100_000, description="smallest predicted label in pixels")
    seed: int = Field(ge=0, description="base seed of training")


class GeneSegNetTest(GeneSegNetMasks):
    """Held-out slides, round by round."""


class GeneSegNetInfer(GeneSegNetMasks):
    """Slides of any size through the network."""

    source: InputPath = Field(description="folder of slides with images and spots; empty = the held-out ones")
    weights: InputPath = Field(description="file of weights with their card; empty = those trained here")
    round: int = Field(ge=0, le=20, description="round of training whose network is used; 0 = the last")
    pixel_size: float = Field(ge=0, le=50, description="µm per pixel; 0 = not known")
    diameter_um: float = Field(ge=0, le=1000, description="cell diameter in µm; 0 = take the one in pixels")
    opening: int = Field(ge=0, le=51, description="side of the box of the final opening in pixels; 0 = none")


class GeneSegNetMap(Section):
    """From transcripts to cells."""

    origin: Literal["corner", "centre"] = Field(description="what coordinate 0 is: corner or centre of a pixel")
    min_qv: float = Field(ge=0, le=100, description="quality below which a transcript is left out")
    max_distance: float = Field(ge=0, le=1000, description="how far from its cell a transcript may lie, in pixels")


class GeneSegNetAblations(GeneSegNetMasks):
    """What stain, transcripts and the width of the map contribute, with retraining."""

    inputs: list[Literal["stain", "rna"]] = Field(description="inputs that are used alone")
    sigmas: list[float] = Field(description="widths of the location map to compare, in pixels")


class GeneSegNetAlternatives(Section):
    """What a user would take instead."""

    expansion: float = Field(ge=0, le=1000, description="growth of nuclei in pixels")
    reach: float = Field(ge=0, le=1000, description="reach of a Voronoi cell from its nucleus in pixels")
    sigma: float = Field(gt=0, le=100, description="smoothing of transcripts and stain in pixels")
Mark = Annotated[str, Field(min_length=1)]
Fold = Annotated[int, Field(ge=1, le=4)]
Factor = Annotated[float, Field(ge=0, le=1)]


class EpigenomeData(Section):
    """Marks, expression, genes and contacts of every cell: given, or simulated."""

    expression_path: InputPath = Field(description="RPKM matrix, genes × epigenomes; empty = simulated")
    genes_path: InputPath = Field(description="gene model, GTF or table of transcripts; empty = simulated")
    fragments_path: InputPath = Field(description="start site → fragment of the contact map; empty = simulated")
    contacts_path: InputPath = Field(description="contact table, or folder of TISSUE.parquet; empty = simulated")
    tracks_path: InputPath = Field(description="folder of CELL-MARK.bigWig or .tagAlign.gz; empty = simulated")
    eqtl_path: InputPath = Field(description="fine-mapped variants; empty = simulated")
    train_table_path: InputPath = Field(description="published table of genes; goes with arrays_path; empty = none")
    arrays_path: InputPath = Field(description="published region arrays, a folder or .npz; empty = none")
    cells: list[str] = Field(min_length=1, description="epigenomes to learn from")
    extra_cells: list[str] = Field(description="epigenomes that are simulated too, but never learned from")
    marks: list[Mark] = Field(min_length=1, description="marks that are read")
    build: Literal["", "hg19", "hg38"] = Field(description="build that tracks must have; empty = not compared")
    tss_rule: Literal["longest", "commonest", "five_prime"] = Field(description="which start site stands for a gene")
    score_type: Literal["normalised", "chicago"] = Field(description="what contact scores are")
    score_cutoff: float = Field(ge=0, description="scores must be above it; 0 = the usual one of the type")
    max_partners: int = Field(ge=0, le=8, description="contact regions of a gene at most")
    cis_only: bool = Field(description="leave out contacts with another chromosome")
    direction: Literal["max", "directed"] = Field(description="whether a contact counts from both ends")
    folds: list[Fold] = Field(min_length=1, description="folds that are held out in turn")
    n_genes: int = Field(ge=100, le=380, description="simulated genes")
    seed: int = Field(ge=0, description="base seed of the simulation")


class EpigenomeTraining(Section):
    """How networks of the epigenome chapter are trained."""

    learning_rate: float = Field(gt=0, description="first learning rate")
    batch_size: int = Field(ge=2, description="genes per step")
    patience: int = Field(ge=1, description="epochs without a lower validation loss after which training stops")
    max_epochs: int = Field(ge=1, description="largest number of epochs")
    seed: int = Field(ge=0, description="base seed")


class FirstApproach(EpigenomeTraining):
    """The first approach: profile network on signal tracks."""

    signal_path: InputPath = Field(description="folder of p-value tracks; empty = the same tracks")
    assays: list[Mark] = Field(min_length=1, description="assays, one network each")
    window: int = Field(ge=3200, le=1_000_000, description="window around the start site, bp")
    bin_size: int = Field(ge=1, le=1000, description="bin, bp")
    n_blind_sets: int = Field(ge=1, le=20, description="blind sets of three chromosomes")
    scaling: Literal["min_max", "z_score", "log"] = Field(description="target: RPKM scaled, or log2(RPKM + 1)")
    width: float = Field(gt=0, le=1, description="channels as a share of the published network")
    momentum: float = Field(gt=0, le=1, description="of running means in batch normalisation, per batch")


class MarkScreen(EpigenomeTraining):
    """One network per cell, mark set and fold."""

    singles: list[Mark] = Field(min_length=1, description="single marks")
    pairs: list[str] = Field(description="pairs, joined by -; the one word paper = its 15")
    with_all: bool = Field(description="all seven marks as well")
    narrow_window: int = Field(ge=1600, le=40_000, description="window of the promoter network, bp")
    wide_window: int = Field(ge=4000, le=40_000, description="promoter window of Chromoformer, bp")
    channels: list[int] = Field(min_length=3, max_length=3, description="channels of the promoter network")
    hidden: list[int] = Field(min_length=2, max_length=2, description="dense layers of the promoter network")
    width: int = Field(ge=8, le=512, description="width of Chromoformer")
    pair_layers: int = Field(ge=1, le=8, description="layers of its pairwise transformer")
    regulation_layers: int = Field(ge=1, le=12, description="layers of its regulation transformer")
    generation: Literal["paper", "authors"] = Field(description="training of Chromoformer: ours, or its authors'")
    keep: list[str] = Field(description="mark sets whose networks are kept; all = all seven marks")
    simple_models: list[str] = Field(min_length=1, description="simple models on the same genes")
    n_bootstrap: int = Field(ge=100, description="draws of genes behind an interval")


class CellStates(Section):
    """Mark activity, groups of cells, levels of expression, other cells."""

    windows: list[int] = Field(min_length=1, description="windows of mean activity, bp")
    n_levels: int = Field(ge=1, le=20, description="levels of expression besides none")


class Perturbation(Section):
    """What the networks expect if a mark is weakened."""

    expressed_marks: list[Mark] = Field(min_length=1, description="marks perturbed at expressed genes")
    silent_marks: list[Mark] = Field(description="marks perturbed at genes that are not expressed")
    factors: list[Factor] = Field(min_length=1, description="factors on the mark at the promoter")
    distal_factors: list[Factor] = Field(min_length=1, description="factors on the mark in distal stretches")
    how: Literal["log", "depth"] = Field(description="what is scaled: ln(1 + depth), or depth")
    eqtl_mark: Mark = Field(description="mark whose predicted effects are compared with eQTL")
    n_draws: int = Field(ge=100, description="random draws of bins behind a p-value")
    seed: int = Field(ge=0, description="base seed of the draws")


class OwnCell(Section):
    """Trained networks on a cell of your own."""

    cell: str = Field(min_length=1, description="your cell: tracks are named CELL-MARK")
    train_cell: str = Field(min_length=1, description="cell whose networks are used")
    tracks_path: InputPath = Field(description="folder of your tracks; empty = the simulated extra cell")
    genes_path: InputPath = Field(description="your gene model; empty = that of the chapter")
    fragments_path: InputPath = Field(description="start site → fragment of your contact map; empty = the chapter's")
    contacts_path: InputPath = Field(description="your contacts; empty = the chapter's")
    with_contacts: bool = Field(description="whether contacts are used; false where no map fits your cell")
    expression_path: InputPath = Field(description="your RPKM, optional; empty = the chapter's, where it has the cell")
    build: Literal["", "hg19", "hg38"] = Field(description="build of your tracks; empty = not compared")
    seed: int = Field(ge=0, description="base seed")


class Scorecard(Section):
    """Every published number beside ours."""


SECTIONS: dict[str, type[Section]] = {
    "screen_data": ScreenData,
    "nuclei": Nuclei,
    "chromatin_features": ChromatinFeatures,
    "segmentation": Segmentation,
    "impact_screen": ImpactScreen,
    "image_embeddings": ImageEmbeddings,
    "phenotypic_activity": PhenotypicActivity,
    "gene_perturbation_clusters": GenePerturbationClusters,
    "profile_baseline": ProfileBaseline,
    "ablations": Ablations,
    "leave_one_target_out": LeaveOneTargetOut,
    "go_annotation": GoAnnotation,
    "impactful_genes_go": TopGo,
    "gene_perturbation_cluster_go": TopGo,
    "network_sources": NetworkSources,
    "expression": Expression,
    "ppi_pruning": PpiPruning,
    "interactome": Interactome,
    "interactome_go": InteractomeGo,
    "regulatory_embeddings": RegulatoryEmbeddings,
    "regulatory_targets": RegulatoryTargets,
    "regulatory_cluster_go": RegulatoryClusterGo,
    "translation": Translation,
    "lincs_data": LincsData,
    "lincs_vae": LincsVae,
    "lincs_svqvae": LincsSvqvae,
    "lincs_generation": LincsGeneration,
    "lincs_classes": LincsClasses,
    "lincs_targets": LincsTargets,
    "lincs_own": LincsOwn,
    "lincs_digits": LincsDigits,
    "genesegnet_data": GeneSegNetData,
    "genesegnet_preprocess": GeneSegNetPreprocess,
    "genesegnet_train": GeneSegNetTrain,
    "genesegnet_test": GeneSegNetTest,
    "genesegnet_infer": GeneSegNetInfer,
    "genesegnet_map": GeneSegNetMap,
    "genesegnet_ablations": GeneSegNetAblations,
    "genesegnet_alternatives": GeneSegNetAlternatives,
    "epigenome_data": EpigenomeData,
    "first_approach": FirstApproach,
    "mark_screen": MarkScreen,
    "cell_states": CellStates,
    "perturbation": Perturbation,
    "own_cell": OwnCell,
    "scorecard": Scorecard,
}
