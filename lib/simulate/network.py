"""Choose the genes of a simulated network with their latent states, and write all network sources
as the real files arrive."""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.interactome.sources import NO_MODULE, TRUTH
from lib.report import published
from lib.run import store
from lib.simulate.sources import ccle, cmap, fucci, hallmark, ppi
from lib.simulate.states import DIMENSIONS, INERT, states

STATES = "truth/genes.csv"
GENE_IDS = "gene_ids.tsv"
HUBS = tuple(ppi.HUB_REACH)
WRITERS = {
    fucci.write: ("fucci_counts",),
    cmap.write: ("cmap_siginfo", "cmap_geneinfo", "cmap_level5"),
    ccle.write: ("ccle_expression", "ccle_sample_info"),
    ppi.write: ("ppi",),
    hallmark.write: ("hallmark",),
}
NAMES = tuple(name for names in WRITERS.values() for name in names)
# what names no protein: RNA genes, pseudogenes, open reading frames, receptors of smell
_NO_PROTEIN = (
    r".*([a-z]|-AS\d|-DT|-IT\d|-OT\d|P\d+)$"
    r"|(LOC|LINC|MIR|SNOR|SCARNA|RNU|RNY|RN7|TR[A-Z]-|OR\d).*|.*[a-z].*"
)


@dataclass(frozen=True)
class NetworkDesign:
    """Sizes, effects and noise of the simulated sources.

    Attributes
    ----------
    n_genes : int
        Genes of the interactome file, screened ones and module members included.
    module_size : int
        Genes beside the screened ones in every module.
    within_module : float
        Deviation of such a gene from its module's centre, as a share of the centre's length.
    state_scale : float
        Distance of two states at which their expression correlation has fallen to exp(−1/2) of its
        largest value.
    expression_share : float
        Share of the variance of a module gene's log expression over cells that follows its state, 0
        to 1.
    marker_effect : float
        Mean |log2 fold change| of module genes in U2OS against other lines.
    signature_effect : float
        Size of over-expression signatures, in SD of the noise of one signature.
    module_degree : float
        Mean number of interaction partners within the own module.
    crosstalk : float
        Mean number of interaction partners in other modules.
    hallmark_share : float
        Share of a module's genes in each of its gene sets.
    n_cells, n_poor_cells, n_edges, n_lines, n_landmarks, n_measured, n_signatures : int
        Cells (poor ones beside them), interactions, cell lines, landmark and all measured genes and
        signatures.
    """

    n_genes: int = 1500
    module_size: int = 18
    within_module: float = 0.3
    state_scale: float = 1.5
    expression_share: float = 0.8
    marker_effect: float = 4.0
    signature_effect: float = 2.0
    module_degree: float = 8.0
    crosstalk: float = 1.0
    hallmark_share: float = 0.6
    n_cells: int = 300
    n_poor_cells: int = 12
    n_edges: int = 8000
    n_lines: int = 80
    n_landmarks: int = 150
    n_measured: int = 500
    n_signatures: int = 120


def screened_genes(
    screen_dir: str | Path, impact: pd.DataFrame, *, n_groups: int = 5, seed: int
) -> pd.DataFrame:
    """Return the screened genes with their groups and latent states.

    A simulated screen brings its own. For a real one states are drawn, so that a network can be
    simulated beside it; images and network then have nothing to do with each other, and only the
    machinery can be tried.

    Parameters
    ----------
    screen_dir : path
        Folder of the screen.
    impact : DataFrame
        `gene_symbol`, `is_selected`: the impact screen.
    n_groups : int
        Groups beside a real screen; no more than selected genes.
    seed : int
        Of the states beside a real screen.

    Returns
    -------
    DataFrame
        One row per screened gene: `gene`, `group`, `is_active`, `s1` … `s6` (SD of single control
        nuclei).
    """
    own = store.resolve(screen_dir) / STATES
    if own.exists():
        return pd.read_csv(own)
    # selected genes first: these are the active ones
    ranked = impact.sort_values(
        ["is_selected", "gene_symbol"], ascending=[False, True], kind="stable"
    )
    n_active = int(impact["is_selected"].sum())
    rng = np.random.default_rng([seed, len(WRITERS) + 1])
    genes = ranked["gene_symbol"].tolist()
    return states(genes, n_groups=min(n_groups, n_active), n_active=n_active, rng=rng)


def network_genes(
    screened: pd.DataFrame,
    gene_ids: pd.DataFrame,
    *,
    design: NetworkDesign,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Choose the genes of the network and give each a latent state: that of its module, or zero.

    The modules are the groups of the screen. Members that were not screened come from the 249 genes
    of the published interactome first; the background from the other genes that have an Ensembl id.

    Parameters
    ----------
    screened : DataFrame
        `gene`, `group`, `s1` … `s6`, from `lib.simulate.states.states`.
    gene_ids : DataFrame
        `ensembl`, `entrez`, `symbol`.
    design : NetworkDesign
        Sizes and spread.
    rng : Generator

    Returns
    -------
    DataFrame
        `gene`, `module` (name of the group, or `none`), `is_screened`, `s1` … `s6`; screened genes
        first, then the other members, then the background with the hubs.

    Raises
    ------
    ValueError
        If `n_genes` leaves no room for the background, or there are fewer symbols than that.
    """
    centres = (
        screened[screened["group"] != INERT].groupby("group")[list(DIMENSIONS)].mean()
    )  # (modules, d)
    # regulatory genes of the paper first
    names = _free_symbols(screened["gene"], gene_ids, rng=rng)
    n_members = design.module_size * len(centres)  # genes beside the screened ones
    n_background = design.n_genes - len(screened) - n_members
    if n_background < len(HUBS):
        raise ValueError(
            f"n_genes = {design.n_genes} leaves {n_background} genes beside {len(screened)} "
            f"screened ones and {n_members} members of modules; expected {len(HUBS)} or more"
        )
    if len(names) < n_members + n_background:
        raise ValueError(
            f"{len(names)} free symbols with an Ensembl id for {n_members + n_background} genes; "
            "lower n_genes, or add gene_ids.csv (ensembl, entrez, symbol) to the folder of the GO "
            "annotation"
        )
    values = np.repeat(centres.to_numpy(), design.module_size, axis=0)  # (members, d)
    spread = (  # (members, 1), shorter for modules near zero
        design.within_module
        * np.linalg.norm(values, axis=1, keepdims=True)
        / np.sqrt(len(DIMENSIONS))
    )
    values = np.vstack(
        [values + spread * rng.normal(size=values.shape), np.zeros((n_background, len(DIMENSIONS)))]
    )
    members, background = (
        names[:n_members],
        [*HUBS, *(name for name in names[n_members:] if name not in HUBS)],
    )
    others = pd.DataFrame(values, columns=list(DIMENSIONS))
    others.insert(0, "gene", [*members, *background[:n_background]])
    others.insert(
        1, "module", [*np.repeat(centres.index, design.module_size), *[NO_MODULE] * n_background]
    )
    # a group of the screen is a module
    own = screened.assign(module=screened["group"].replace(INERT, NO_MODULE))
    genes = pd.concat(
        [own.assign(is_screened=True), others.assign(is_screened=False)], ignore_index=True
    )
    return genes[["gene", "module", "is_screened", *DIMENSIONS]]


def write_sources(
    folder: str | Path,
    screened: pd.DataFrame,
    gene_ids: pd.DataFrame,
    *,
    design: NetworkDesign,
    seed: int,
    wanted: Collection[str] = NAMES,
) -> dict[str, str]:
    """Write the wanted sources, the gene ids and the planted truth to an empty folder.

    The same seed gives the same bytes. Each source has a random stream of its own, so that changing
    one leaves the others as they are. What another run left in the folder is removed.

    Parameters
    ----------
    folder : path
        Emptied before anything is written.
    screened : DataFrame
        `gene`, `group`, `s1` … `s6`, from `screened_genes`.
    gene_ids : DataFrame
        `ensembl`, `entrez`, `symbol`, from `lib.go.read_gene_ids`.
    design : NetworkDesign
        Sizes, effects and noise.
    seed : int
        Base seed of the streams.
    wanted : collection of str
        Names of sources; none simulates nothing.

    Returns
    -------
    dict of str to str
        Name of the source → file below `folder`, as `lib.interactome.sources.write` takes it.

    Raises
    ------
    ValueError
        As `network_genes`.
    """
    folder = store.resolve(folder)
    shutil.rmtree(folder, ignore_errors=True)
    text = gene_ids.to_csv(sep="\t", index=False, lineterminator="\n")
    store.write_text(folder / GENE_IDS, text)
    files = {"gene_ids": GENE_IDS}
    if not set(wanted) & set(NAMES):
        return files
    genes = network_genes(screened, gene_ids, design=design, rng=np.random.default_rng([seed, 0]))
    for stream, (write, names) in enumerate(WRITERS.items(), start=1):
        if set(names) & set(wanted):
            files |= write(
                folder, genes, gene_ids, design=design, rng=np.random.default_rng([seed, stream])
            )
    store.write_table(folder / TRUTH, genes)
    return files


def _free_symbols(
    taken: Collection[str], gene_ids: pd.DataFrame, *, rng: np.random.Generator
) -> Sequence[str]:
    """Return symbols with an Ensembl id that are no hubs and not taken: published regulatory genes,
    then others."""
    symbols = gene_ids["symbol"].drop_duplicates()
    plain = symbols[~symbols.str.match(_NO_PROTEIN)]
    regulatory = [
        gene for gene in published.gene_lists()["regulatory_clusters"] if gene in set(plain)
    ]
    used = {*taken, *HUBS, *published.gene_lists()["over_expression_targets"]}
    others = [
        gene
        for gene in rng.permutation(np.sort(plain.to_numpy(str))).tolist()
        if gene not in regulatory
    ]
    return [gene for gene in [*rng.permutation(regulatory).tolist(), *others] if gene not in used]
