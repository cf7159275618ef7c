"""Parameters of expression from histone marks, each declared once (see `lib.run.declaration`)."""

from typing import Annotated, Literal

from pydantic import Field

from lib.run.declaration import InputPath, Section, meaning, parameter

# written out here: declarations are read before any library of science is loaded
_MARKS = ["H3K4me1", "H3K4me3", "H3K9me3", "H3K27me3", "H3K36me3", "H3K27ac", "H3K9ac"]
_ASSAYS = [*_MARKS, "DNase", "H3K4me2", "H2A.Z", "H3K79me2", "H4K20me1"]
_CELLS = [
    "E003",
    "E016",
    "E004",
    "E005",
    "E006",
    "E007",
    "E066",
    "E087",
    "E116",
    "E114",
    "E118",
]

Mark = Annotated[str, Field(min_length=1)]
Fold = Annotated[int, Field(ge=1, le=4)]
Factor = Annotated[float, Field(ge=0, le=1)]
LearningRate = Annotated[float, meaning("first learning rate", gt=0)]
BatchSize = Annotated[int, meaning("genes per step", ge=2)]
Patience = Annotated[
    int, meaning("epochs without a lower validation loss after which training stops", ge=1)
]


class EpigenomeTraining(Section):
    """How networks of the epigenome chapter are trained."""

    learning_rate: LearningRate = parameter(0.004, paper=0.001)
    batch_size: BatchSize = parameter(16, paper=128)
    patience: Patience = parameter(8, paper=12)
    max_epochs: int = parameter(8, "largest number of epochs", smoke=2, paper=100, ge=1)
    seed: int = parameter(101, "base seed", paper=101, ge=0)


class EpigenomeData(Section):
    """Marks, expression, genes and contacts of every cell: given, or simulated."""

    expression_path: InputPath = parameter(
        "",
        "RPKM matrix, genes × epigenomes; empty = simulated",
        paper="data/roadmap/57epigenomes.RPKM.pc.gz",
        published="Roadmap's 57 epigenomes",
    )
    genes_path: InputPath = parameter(
        "",
        "gene model, GTF or table of transcripts; empty = simulated",
        paper="data/roadmap/refgene_hg19.parquet",
        published="RefGene",
    )
    fragments_path: InputPath = parameter(
        "",
        "start site → fragment of the contact map; empty = simulated",
        paper="data/roadmap/tss2fragment.tsv",
        published="promoter-capture Hi-C",
    )
    contacts_path: InputPath = parameter(
        "",
        "contact table, or folder of TISSUE.parquet; empty = simulated",
        paper="data/roadmap/contacts",
    )
    tracks_path: InputPath = parameter(
        "",
        "folder of CELL-MARK.bigWig or .tagAlign.gz; empty = simulated",
        paper="data/roadmap/reads",
    )
    eqtl_path: InputPath = parameter(
        "", "fine-mapped variants; empty = simulated", paper="data/roadmap/eqtl.csv"
    )
    families_path: InputPath = parameter(
        "",
        "gene_id and family of paralogs; empty = simulated with simulated genes, else not known",
        published="not used",
    )
    train_table_path: InputPath = parameter(
        "", "published table of genes; goes with arrays_path; empty = none"
    )
    arrays_path: InputPath = parameter(
        "", "published region arrays, a folder or .npz; empty = none"
    )
    cells: list[str] = parameter(
        ["E003", "E004", "E118"],
        "epigenomes to learn from",
        smoke=["E003", "E118"],
        paper=_CELLS,
        published="11",
        min_length=1,
    )
    extra_cells: list[str] = parameter(
        ["E116"], "epigenomes that are simulated too, but never learned from", paper=[]
    )
    marks: list[Mark] = parameter(
        _MARKS,
        "marks that are read",
        published="these",
        min_length=1,
    )
    build: Literal["", "hg19", "hg38"] = parameter(
        "", "build that tracks must have; empty = not compared", paper="hg19"
    )
    tss_rule: Literal["longest", "commonest", "five_prime"] = parameter(
        "longest", "which start site stands for a gene", paper="longest"
    )
    score_type: Literal["normalised", "chicago"] = parameter(
        "normalised", "what contact scores are", paper="normalised"
    )
    score_cutoff: float = parameter(
        1.5, "scores must be above it; 0 = the usual one of the type", paper=1.5, ge=0
    )
    max_partners: int = parameter(8, "contact regions of a gene at most", paper=8, ge=0, le=8)
    cis_only: bool = parameter(
        True, "leave out contacts with another chromosome", published="no such rule"
    )
    direction: Literal["max", "directed"] = parameter(
        "directed", "whether a contact counts from both ends", paper="directed"
    )
    folds: list[Fold] = parameter(
        [1, 3],
        "folds that are held out in turn",
        smoke=[1],
        paper=[1, 2, 3, 4],
        published="1 to 4",
        min_length=1,
    )
    n_genes: int = parameter(
        260, "simulated genes", smoke=120, published="none: all 18,955 are real", ge=100, le=380
    )
    seed: int = parameter(1234, "base seed of the simulation", ge=0)


class FirstApproach(EpigenomeTraining):
    """The first approach: profile network on signal tracks."""

    signal_path: InputPath = parameter(
        "", "folder of p-value tracks; empty = the same tracks", paper="data/roadmap/pval"
    )
    assays: list[Mark] = parameter(
        ["H3K4me3", "H3K36me3", "H3K9me3"],
        "assays, one network each",
        smoke=["H3K4me3", "H3K9me3"],
        paper=_ASSAYS,
        published="12",
        min_length=1,
    )
    window: int = parameter(
        10_000, "window around the start site", unit="bp", published="10,000", ge=3200, le=1_000_000
    )
    bin_size: int = parameter(25, "bin", unit="bp", paper=25, ge=1, le=1000)
    n_blind_sets: int = parameter(
        2, "blind sets of three chromosomes", smoke=1, paper=5, ge=1, le=20
    )
    scaling: Literal["min_max", "z_score", "log"] = parameter(
        "log", "target: RPKM scaled, or log2(RPKM + 1)", paper="min_max"
    )
    is_positive: bool = parameter(
        False,
        "softplus output, as in the second plan (20,000 bp, bins of 100 bp, log target)",
        published="no; yes in the second plan",
    )
    width: float = parameter(
        0.125, "channels as a share of the published network", paper=1.0, gt=0, le=1
    )
    momentum: float = parameter(
        0.1, "of running means in batch normalisation, per batch", paper=0.01, gt=0, le=1
    )


class MarkScreen(EpigenomeTraining):
    """One network per cell, mark set and fold."""

    learning_rate: LearningRate = parameter(0.006, "first learning rate", paper=0.001)
    batch_size: BatchSize = parameter(48, paper=64)
    patience: Patience = parameter(4, paper=12)
    max_epochs: int = parameter(10, "largest number of epochs", smoke=2, paper=100, ge=1)
    singles: list[Mark] = parameter(
        _MARKS,
        "single marks",
        smoke=["H3K4me3", "H3K36me3", "H3K9me3", "H3K27ac"],
        published="all seven",
        min_length=1,
    )
    pairs: list[str] = parameter(
        ["H3K4me3-H3K27ac", "H3K4me3-H3K36me3", "H3K4me3-H3K9me3"],
        "pairs, joined by -; the one word paper = its 15",
        smoke=["H3K4me3-H3K36me3"],
        paper=["paper"],
    )
    with_all: bool = parameter(True, "all seven marks as well", published="yes")
    narrow_window: int = parameter(
        6000, "window of the promoter network", unit="bp", published="6,000", ge=1600, le=40_000
    )
    wide_window: int = parameter(
        40_000, "promoter window of Chromoformer", unit="bp", published="40,000", ge=4000, le=40_000
    )
    channels: list[int] = parameter(
        [12, 24, 48],
        "channels of the promoter network",
        paper=[175, 350, 700],
        min_length=3,
        max_length=3,
    )
    hidden: list[int] = parameter(
        [48, 24],
        "dense layers of the promoter network",
        paper=[625, 125],
        min_length=2,
        max_length=2,
    )
    width: int = parameter(24, "width of Chromoformer", paper=128, ge=8, le=512)
    pair_layers: int = parameter(1, "layers of its pairwise transformer", paper=2, ge=1, le=8)
    regulation_layers: int = parameter(
        1, "layers of its regulation transformer", paper=6, ge=1, le=12
    )
    generation: Literal["paper", "authors"] = parameter(
        "paper",
        "training of Chromoformer: ours, or its authors'",
        published="plateau and early stop",
    )
    keep: list[str] = parameter(
        ["H3K27ac", "H3K4me3", "H3K36me3", "H3K27me3", "all"],
        "mark sets whose networks are kept; all = all seven marks",
        smoke=["H3K27ac", "all"],
        paper=["H3K27ac", "H3K4me3", "H3K27me3", "all"],
    )
    windows: list[int] = parameter(
        [10_000, 40_000],
        "more windows of the promoter network",
        unit="bp",
        smoke=[10_000],
        paper=[2_000, 10_000, 20_000, 40_000],
        published="10,000 in the first plan",
        min_length=1,
    )
    window_marks: list[Mark] = parameter(
        ["H3K4me3", "H3K36me3"],
        "single marks that are fitted at more windows",
        smoke=["H3K36me3"],
        paper=_MARKS,
        min_length=1,
    )
    classify: list[str] = parameter(
        ["all"],
        "mark sets of Chromoformer's classification; all = all seven marks",
        paper=["all"],
        published="all, by Chromoformer's authors",
        min_length=1,
    )
    leave_out_relatives: bool = parameter(
        False,
        "leave out training genes with a held-out paralog, where families are known",
        published="no such rule",
    )
    simple_models: list[str] = parameter(
        [
            "mean",
            "activity 6 kbp",
            "activity 40 kbp",
            "gene score",
            "ridge 6 kbp",
            "ridge 10 kbp",
            "ridge 40 kbp",
            "ridge 40 kbp + contacts",
        ],
        "simple models on the same genes",
        smoke=["mean", "activity 6 kbp", "ridge 6 kbp", "ridge 40 kbp + contacts"],
        published="none",
        min_length=1,
    )
    all_mark_models: list[str] = parameter(
        ["boosting 6 kbp", "boosting 10 kbp", "boosting 40 kbp + contacts"],
        "simple models on all seven marks only",
        smoke=[],
        published="none",
    )
    n_bootstrap: int = parameter(
        1000, "draws of genes behind an interval", smoke=100, paper=10_000, published="none", ge=100
    )


class CellStates(Section):
    """Mark activity, groups of cells, levels of expression, other cells."""

    windows: list[int] = parameter(
        [1600, 3000, 6000, 40000],
        "windows of mean activity",
        unit="bp",
        published="1,500, 3,000, 6,000",
        min_length=1,
    )
    n_levels: int = parameter(4, "levels of expression besides none", published="none", ge=1, le=20)


class Perturbation(Section):
    """What the networks expect if a mark is weakened."""

    expressed_marks: list[Mark] = parameter(
        ["H3K27ac", "H3K4me3", "H3K36me3"],
        "marks perturbed at expressed genes",
        smoke=["H3K27ac"],
        paper=["H3K27ac", "H3K4me3"],
        min_length=1,
    )
    silent_marks: list[Mark] = parameter(
        ["H3K27me3"],
        "marks perturbed at genes that are not expressed",
        smoke=[],
        paper=["H3K27me3"],
    )
    factors: list[Factor] = parameter(
        [1.0, 0.8, 0.6, 0.4, 0.2, 0.0],
        "factors on the mark at the promoter",
        smoke=[1.0, 0.5, 0.0],
        paper=[1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0],
        published="1, 0.9, to 0",
        min_length=1,
    )
    distal_factors: list[Factor] = parameter(
        [0.0],
        "factors on the mark in distal stretches",
        paper=[0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0],
        published="1, 0.9, to 0",
        min_length=1,
    )
    how: Literal["log", "depth"] = parameter(
        "log", "what is scaled: ln(1 + depth), or depth", paper="log"
    )
    promoter_bins: Literal["agree", "published"] = parameter(
        "agree",
        "bins of 2,000 bp that the promoter takes: those of ±3 kbp, or the published three",
        published="-4 to +2 kbp",
    )
    eqtl_mark: Mark = parameter(
        "H3K27ac", "mark whose predicted effects are compared with eQTL", paper="H3K27ac"
    )
    min_distance: int = parameter(
        0,
        "eQTL nearer to any start site, of any transcript, are left out",
        unit="bp",
        published="no such rule",
        ge=0,
        le=20_000,
    )
    genome_path: InputPath = parameter(
        "", "indexed FASTA to compare reference alleles with; empty = not compared"
    )
    n_draws: int = parameter(
        2000,
        "random draws of bins behind a p-value",
        smoke=200,
        paper=10_000,
        published="10,000",
        ge=100,
    )
    seed: int = parameter(101, "base seed of the draws", ge=0)


class OwnCell(Section):
    """Trained networks on a cell of your own."""

    cell: str = parameter(
        "E116", "your cell: tracks are named CELL-MARK", paper="E114", min_length=1
    )
    train_cell: str = parameter("E003", "cell whose networks are used", paper="E118", min_length=1)
    tracks_path: InputPath = parameter(
        "", "folder of your tracks; empty = the simulated extra cell"
    )
    genes_path: InputPath = parameter("", "your gene model; empty = that of the chapter")
    fragments_path: InputPath = parameter(
        "", "start site → fragment of your contact map; empty = the chapter's"
    )
    contacts_path: InputPath = parameter("", "your contacts; empty = the chapter's")
    with_contacts: bool = parameter(
        True, "whether contacts are used; false where no map fits your cell"
    )
    expression_path: InputPath = parameter(
        "", "your RPKM, optional; empty = the chapter's, where it has the cell"
    )
    build: Literal["", "hg19", "hg38"] = parameter(
        "", "build of your tracks; empty = not compared", paper="hg19"
    )
    seed: int = parameter(101, "base seed", ge=0)


SECTIONS = {
    "epigenome_data": EpigenomeData,
    "first_approach": FirstApproach,
    "mark_screen": MarkScreen,
    "cell_states": CellStates,
    "perturbation": Perturbation,
    "own_cell": OwnCell,
}
