"""Parameters of the network and its sources, each declared once (see `lib.run.declaration`)."""

from typing import Annotated, Literal

from pydantic import Field

from lib.run.declaration import InputPath, Section, parameter

Probability = Annotated[float, Field(gt=0, le=1)]


class NetworkSources(Section):
    """The sources of the network: simulated, or a user's real files."""

    fucci_path: InputPath = parameter(
        "",
        "CSV of raw counts, cells x Ensembl ids; empty = simulated",
        paper="resources/GSE146773_Counts.csv",
        published="GEO GSE146773",
    )
    gene_ids_path: InputPath = parameter(
        "",
        "TSV with ensembl, symbol; empty = the installed annotation",
        published="MyGene, live",
    )
    cmap_siginfo_path: InputPath = parameter(
        "",
        "table of CMap signatures; empty = simulated",
        paper="resources/siginfo_beta.txt",
        published="CMap 2020",
    )
    cmap_geneinfo_path: InputPath = parameter(
        "",
        "table of CMap genes; empty = simulated",
        paper="resources/geneinfo_beta.txt",
        published="CMap 2020",
    )
    cmap_level5_path: InputPath = parameter(
        "",
        "GCTX of level-5 signatures; empty = simulated",
        paper="resources/level5_beta_trt_oe_n34171x12328.gctx",
        published="CMap 2020",
    )
    ccle_path: InputPath = parameter(
        "",
        "CSV of CCLE expression, log2(TPM + 1); empty = simulated",
        paper="resources/CCLE_expression.csv",
        published="DepMap 21Q2",
    )
    ccle_sample_info_path: InputPath = parameter(
        "",
        "CSV of DepMap's cell lines; empty = simulated",
        paper="resources/CCLE_expression_sample_info.csv",
        published="DepMap 21Q2",
    )
    ppi_path: InputPath = parameter(
        "",
        "interactome, protein1 protein2 cost; empty = simulated",
        paper="resources/iRefIndex_v14_MIScore_interactome_C9.costs.txt",
        published="iRefIndex 14 of OmicsIntegrator 2",
    )
    hallmark_path: InputPath = parameter(
        "",
        "GMT of gene sets; empty = simulated",
        paper="resources/h.all.v7.4.symbols.gmt",
        published="MSigDB Hallmark 7.4",
    )
    n_genes: int = parameter(
        1500, "genes of the interactome", smoke=250, published="15759", ge=20, le=20_000
    )
    module_size: int = parameter(
        18, "genes beside the screened ones in every planted module", smoke=10, ge=1, le=500
    )
    within_module: float = parameter(
        0.3, "deviation of such a gene from its module, share of the effect", ge=0, le=2
    )
    state_scale: float = parameter(
        1.5,
        "distance of states at which correlation is 0.61",
        unit="SD of control nuclei",
        smoke=2.4,  # the effect of the screen is larger too
        ge=0.05,
        le=20,
    )
    expression_share: float = parameter(
        0.8, "share of a module gene's variance over cells that follows its state", ge=0, le=1
    )
    marker_effect: float = parameter(
        4.0, "mean |log2 fold change| of module genes in U2OS", ge=0, le=8
    )
    signature_effect: float = parameter(
        2.0, "size of signatures", unit="SD of one signature's noise", ge=0, le=20
    )
    module_degree: float = parameter(
        8.0, "mean number of partners within the own module", ge=0.5, le=100
    )
    n_cells: int = parameter(300, "good cells", smoke=80, published="1126", ge=20, le=5000)
    n_edges: int = parameter(
        8000, "interactions", smoke=1200, published="182002", ge=100, le=500_000
    )
    n_lines: int = parameter(
        80, "cell lines, U2OS among them", smoke=30, published="1378", ge=5, le=2000
    )
    n_landmarks: int = parameter(
        150, "landmark genes of CMap", smoke=50, published="978", ge=5, le=978
    )
    n_measured: int = parameter(
        500, "genes in the CMap file", smoke=120, published="12328", ge=10, le=12_328
    )
    seed: int = parameter(1234, "base seed of the simulation", ge=0)


class Expression(Section):
    """Single-cell expression, CMap signatures and markers of a cell line."""

    min_genes: int = parameter(
        1000, "detected genes that a cell needs", smoke=150, paper=8000, ge=1, le=100_000
    )
    min_cells: int = parameter(10, "cells a gene must be detected in", paper=10, ge=1, le=10_000)
    target_sum: float = parameter(1e6, "counts every cell is scaled to", paper=1e6, ge=1, le=1e9)
    project: str = parameter("TA", "project of the CMap signatures", paper="TA", min_length=1)
    perturbation: str = parameter(
        "trt_oe", "type of perturbation of the CMap signatures", paper="trt_oe", min_length=1
    )
    cell_line: str = parameter(
        "U2OS", "cell line of the screen, in CMap and CCLE", paper="U2OS", min_length=1
    )
    min_log_fc: float = parameter(
        0.0, "a gene has a prize above this |log2 fold change|", paper=0.0, ge=0, le=20
    )
    min_pct: float = parameter(
        0.0, "share of lines that must express a gene with a prize", paper=0.0, ge=0, le=1
    )
    deg_fdr: Probability = parameter(
        1e-4, "largest false discovery rate of a coloured marker", paper=1e-4
    )
    n_clusters: int = parameter(
        5, "clusters of the regulators' signatures", smoke=2, paper=10, ge=2, le=100
    )


class PpiPruning(Section):
    """From the protein network to the part of it that the screen's cells can use."""

    third_column: Literal["cost", "confidence"] = parameter(
        "cost", "what the network's third column is", paper="cost"
    )
    cutoff: float = parameter(
        0.594,
        "edges below this cost stay; 0 = as the paper's rule proposes",
        paper=0.594,
        ge=0,
        le=10,
    )
    jump: float = parameter(
        0.05, "steep rise of the rule, share of all edges", published="not stated", gt=0, le=1
    )
    hub_quantile: float = parameter(
        0.999, "nodes with a degree of this quantile or more go", paper=0.999, gt=0, le=1
    )
    prizes_path: InputPath = parameter(
        "", "your own prizes, columns gene and prize; empty = the marker screen"
    )


class Interactome(Section):
    """Prize-collecting Steiner trees over the prize weight β, and the one that is kept."""

    n_betas: int = parameter(99, "prize weights 0.1, 0.2, ...", paper=99, ge=1, le=1000)
    beta: float = parameter(
        0.0,
        "prize weight that is kept; 0 = chosen by the rule",
        published="2.6, by the rule",
        ge=0,
        le=100,
    )
    plateau: int = parameter(
        10,
        "fewest β of like solutions whose middle is taken; 0 = smallest β",
        paper=0,
        ge=0,
        le=1000,
    )
    louvain_up_to: int = parameter(
        500,
        "nodes up to which Louvain clusters are counted",
        paper=100_000,
        published="no limit",
        ge=0,
        le=100_000,
    )
    seed: int = parameter(1234, "seed of the Louvain method and of the layout", ge=0)


SECTIONS = {
    "network_sources": NetworkSources,
    "expression": Expression,
    "ppi_pruning": PpiPruning,
    "interactome": Interactome,
}
