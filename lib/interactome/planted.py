"""The planted truth's predictions for the sources, and how far they come true.

They are about correlation, fold change and signatures.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.spatial.distance import pdist
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from lib.interactome import cmap
from lib.interactome.sources import NO_MODULE

STATES = r"^s\d+$"  # columns of the latent state in the truth
SAME, OTHER, BACKGROUND = "same module", "other modules", "background"


@dataclass(frozen=True)
class Observed:
    """The planted truth as the sources show it; tables without rows where nothing is planted.

    Parameters
    ----------
    pairs : DataFrame
        From `gene_pairs`: `kind`, `distance`, `abs_spearman`.
    changes : DataFrame
        From `fold_changes`: `gene`, `abs_log_fc`, `in_module`.
    signatures : DataFrame
        From `signature_pairs`: `kind`, `cosine`.
    """

    pairs: pd.DataFrame  # kind, distance, abs_spearman
    changes: pd.DataFrame  # gene, abs_log_fc, in_module
    signatures: pd.DataFrame  # kind, cosine


def observed(
    expression: AnnData, markers: pd.DataFrame, signatures: AnnData, truth: pd.DataFrame
) -> Observed:
    """Compare log expression, marker screen and mean signatures with the planted truth.

    Parameters
    ----------
    expression : AnnData
        Cells × genes, log expression.
    markers : DataFrame
        From `lib.interactome.markers.screen`.
    signatures : AnnData
        From `lib.interactome.cmap.mean_signatures`.
    truth : DataFrame
        From `lib.interactome.sources.read_truth`.

    Returns
    -------
    Observed
        Tables without rows where nothing is planted.

    Raises
    ------
    InputError
        If a signature is zero everywhere.
    """
    if truth.empty:
        return Observed(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    return Observed(
        gene_pairs(expression, truth),
        fold_changes(markers, truth),
        signature_pairs(signatures, truth),
    )


def medians(seen: Observed) -> dict[str, float]:
    """Return the median correlation of each kind of pair of genes.

    Parameters
    ----------
    seen : Observed
        From `observed`.

    Returns
    -------
    dict of str to float
        Kind of pair → median of |Spearman|; empty where nothing is planted.
    """
    if seen.pairs.empty:
        return {}
    return seen.pairs.groupby("kind", sort=False)["abs_spearman"].median().to_dict()


def gene_pairs(expression: AnnData, truth: pd.DataFrame) -> pd.DataFrame:
    """Correlate every two genes of modules over cells, and as many genes of the background.

    Parameters
    ----------
    expression : AnnData
        Cells × genes, log expression, dense.
    truth : DataFrame
        `gene`, `module`, `is_screened` and the state `s1`, `s2`, …

    Returns
    -------
    DataFrame
        One row per pair of genes: `kind` (`SAME`, `OTHER` or `BACKGROUND`), `distance` of the two
        states in SD of control nuclei (0 in the background), `abs_spearman`.
    """
    known = truth[truth["gene"].isin(expression.var_names)]
    planted = known[known["module"] != NO_MODULE]
    # as many as genes of modules: pairs grow with the square
    background = known[(known["module"] == NO_MODULE) & ~known["is_screened"]].head(len(planted))
    tables = []
    for rows in (planted, background):
        # (cells, genes)
        ranks = pd.DataFrame(expression[:, rows["gene"].to_numpy()].X).rank().to_numpy()
        first, second = np.triu_indices(len(rows), 1)  # every pair once, in the order of pdist
        rho = np.atleast_2d(np.corrcoef(ranks, rowvar=False))[first, second]
        module = rows["module"].to_numpy()
        kind = np.where(
            module[first] != module[second],
            OTHER,
            np.where(module[first] == NO_MODULE, BACKGROUND, SAME),
        )
        distance = pdist(rows.filter(regex=STATES).to_numpy())
        tables.append(
            pd.DataFrame({"kind": kind, "distance": distance, "abs_spearman": np.abs(rho)})
        )
    return pd.concat(tables, ignore_index=True)


def fold_changes(markers: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Return the fold changes of the genes of a marker screen that the truth knows.

    Parameters
    ----------
    markers : DataFrame
        `gene`, `abs_log_fc`.
    truth : DataFrame
        `gene`, `module`.

    Returns
    -------
    DataFrame
        One row per gene: `gene`, `abs_log_fc` (log2), `in_module`.
    """
    table = markers.merge(truth[["gene", "module"]], on="gene")
    return table.assign(in_module=table["module"] != NO_MODULE)[["gene", "abs_log_fc", "in_module"]]


def signature_pairs(signatures: AnnData, truth: pd.DataFrame) -> pd.DataFrame:
    """Compare the signatures of every two genes.

    Parameters
    ----------
    signatures : AnnData
        Genes × landmarks.
    truth : DataFrame
        `gene`, `module`.

    Returns
    -------
    DataFrame
        One row per pair: `kind` (`SAME`, `OTHER`, or `BACKGROUND` where a gene has no module),
        `cosine` (−1 to 1).

    Raises
    ------
    InputError
        If a signature is zero everywhere.
    """
    module = (
        truth.set_index("gene")["module"]
        .reindex(signatures.obs_names)
        .fillna(NO_MODULE)
        .to_numpy(str)
    )
    first, second = np.triu_indices(len(module), 1)
    none = (module[first] == NO_MODULE) | (module[second] == NO_MODULE)  # (pairs,)
    kind = np.where(none, BACKGROUND, np.where(module[first] == module[second], SAME, OTHER))
    unit = cmap.unit_length(signatures).X
    return pd.DataFrame({"kind": kind, "cosine": (unit @ unit.T)[first, second]})


def measured(seen: Observed, clusters: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Measure how clearly the planted truth is seen.

    Parameters
    ----------
    seen : Observed
        From `observed`.
    clusters : DataFrame
        `gene`, `cluster`, from `lib.interactome.cmap.cluster`.
    truth : DataFrame
        `gene`, `module`.

    Returns
    -------
    dict of str to float
        Id of a planted number → its value, four decimals; empty for real sources.
    """
    if seen.pairs.empty:
        return {}
    middle = seen.pairs.groupby("kind")["abs_spearman"].median()
    module = truth.set_index("gene")["module"]
    # genes of no module have no planted cluster to agree with
    known = clusters[clusters["gene"].map(module).fillna(NO_MODULE) != NO_MODULE]
    # within a module correlation falls with the distance of states
    near = seen.pairs[seen.pairs["kind"] == SAME]
    found = {
        "expression.planted.contrast": middle[SAME] - middle[BACKGROUND],
        "expression.planted.distance_spearman": near["distance"].corr(
            near["abs_spearman"], method="spearman"
        ),
        "expression.planted.marker_auroc": roc_auc_score(
            seen.changes["in_module"], seen.changes["abs_log_fc"]
        ),
        "expression.planted.cmap_ari": adjusted_rand_score(
            known["gene"].map(module), known["cluster"]
        ),
    }
    return {name: round(float(value), 4) for name, value in found.items()}
