"""Parameters of the GO analyses, each declared once (see `lib.run.declaration`)."""

from typing import Annotated, Literal

from pydantic import Field

from lib.run.declaration import InputPath, Section, meaning, parameter

Ontology = Literal["BP", "MF", "CC"]
TopGoEngine = Literal["auto", "builtin", "topgo"]
EnrichGoEngine = Literal["auto", "builtin", "clusterprofiler"]
Probability = Annotated[float, Field(gt=0, le=1)]
NTerms = Annotated[int, meaning("terms per panel", ge=1, le=50)]


class TopGo(Section):
    """A topGO analysis: weight01 with Fisher's exact test."""

    engine: TopGoEngine = parameter(
        "auto", "program; auto = topGO where R has it", published="topGO 2.42"
    )
    algorithm: Literal["weight01", "classic", "elim"] = parameter(
        "weight01", "how the graph decorrelates terms", paper="weight01"
    )
    node_size: int = parameter(10, "genes that a term needs to be tested", paper=10, ge=1, le=1000)
    n_terms: NTerms = parameter(20, paper=20)


class GoAnnotation(Section):
    """Where gene annotation comes from."""

    ontology: Ontology = parameter("BP", "branch of GO", paper="BP")
    source: InputPath = parameter(
        "",
        "folder of annotation tables; empty = R's org.Hs.eg.db and GO.db",
        published="release 3.12",
    )


class ImpactfulGenesGo(TopGo):
    """GO of the impactful genes against the screened ones."""

    genes_path: InputPath = parameter(
        "",
        "CSV with column gene; empty = the 41 published impactful genes",
        paper="runs/paper/data/impactful_genes.csv",
        published="those selected here",
    )
    background_path: InputPath = parameter(
        "", "CSV with column gene; empty = the 190 published targets"
    )


class GenePerturbationClusterGo(TopGo):
    """GO of the clusters of gene perturbations against the impactful genes."""

    n_terms: NTerms = parameter(5, "terms per cluster", paper=5)
    genes_path: InputPath = parameter(
        "",
        "CSV with columns gene, cluster; empty = published ones of two genes or more",
        paper="runs/paper/data/gene_perturbation_clusters.csv",
        published="those found here",
    )
    background_path: InputPath = parameter(
        "",
        "CSV with column gene; empty = the 41 published impactful genes",
        paper="runs/paper/data/impactful_genes.csv",
        published="those selected here",
    )


class InteractomeGo(TopGo):
    """GO of the interactome against the pruned network."""

    n_terms: NTerms = parameter(30, paper=30)


class RegulatoryClusterGo(Section):
    """Over-representation of GO terms in the clusters of regulatory gene embeddings."""

    engine: EnrichGoEngine = parameter(
        "auto",
        "program; auto = R's where it is installed",
        published="clusterProfiler 3.18",
    )
    p_cutoff: Probability = parameter(
        0.05, "largest raw and adjusted p of the dot plot", paper=0.05
    )
    min_size: int = parameter(
        10, "genes of the background that a term needs", paper=10, ge=1, le=10_000
    )
    max_size: int = parameter(
        500, "genes of the background that a term may have", paper=500, ge=1, le=10_000
    )
    n_dot_terms: int = parameter(3, "terms per cluster in the dot plot", paper=3, ge=1, le=20)
    n_bar_terms: int = parameter(5, "terms per cluster in the bar plots", paper=5, ge=1, le=20)
    n_permutations: int = parameter(
        2000,
        "random gene sets per cluster; 0 = no permutation test",
        smoke=200,
        paper=10_000,
        published="none",
        ge=0,
        le=1_000_000,
    )
    seed: int = parameter(1234, "base seed of the permutations", ge=0)
    clusters_path: InputPath = parameter(
        "",
        "CSV with columns gene, cluster; empty = the published clusters of Fig 3C",
        paper="runs/paper/data/regulatory_clusters.csv",
        published="those found here",
    )


SECTIONS = {
    "go_annotation": GoAnnotation,
    "impactful_genes_go": ImpactfulGenesGo,
    "gene_perturbation_cluster_go": GenePerturbationClusterGo,
    "interactome_go": InteractomeGo,
    "regulatory_cluster_go": RegulatoryClusterGo,
}
