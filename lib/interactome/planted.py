"""What the planted truth predicts of the sources, and how far it comes true: correlation, fold
change, signatures."""

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
    """What the sources show of the planted truth; tables without rows where nothing is planted."""

    pairs: pd.DataFrame  # kind, distance, abs_spearman
    changes: pd.DataFrame  # gene, abs_log_fc, in_module
    signatures: pd.DataFrame  # kind, cosine


def observed(
    expression: AnnData, markers: pd.DataFrame, signatures: AnnData, truth: pd.DataFrame
) -> Observed:
    """Set log expression, marker screen and mean signatures beside the truth, a real source's
    having no row."""
    if truth.empty:
        return Observed(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    return Observed(
        gene_pairs(expression, truth),
        fold_changes(markers, truth),
        signature_pairs(signatures, truth),
    )


def medians(seen: Observed) -> dict[str, float]:
    """Return kind of pair of genes → median of |Spearman|; empty where nothing is planted."""
    if seen.pairs.empty:
        return {}
    return seen.pairs.groupby("kind", sort=False)["abs_spearman"].median().to_dict()


def gene_pairs(expression: AnnData, truth: pd.DataFrame) -> pd.DataFrame:
    """Correlate every two genes of modules over cells, and as many genes of the background.

    Returns
    -------
    DataFrame
        One row a pair: `kind`, `distance` of the two states (0 in the background), `abs_spearman`.
    """
    known = truth[truth["gene"].isin(expression.var_names)]
    planted = known[known["module"] != NO_MODULE]
    background = known[(known["module"] == NO_MODULE) & ~known["is_screened"]].head(len(planted))
    tables = []
    for rows in (planted, background):
        ranks = pd.DataFrame(expression[:, rows["gene"].to_numpy()].X).rank().to_numpy()
        first, second = np.triu_indices(len(rows), 1)
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
    """Return `gene`, `abs_log_fc`, `in_module` of the genes of a marker screen that the truth
    knows."""
    table = markers.merge(truth[["gene", "module"]], on="gene")
    return table.assign(in_module=table["module"] != NO_MODULE)[["gene", "abs_log_fc", "in_module"]]


def signature_pairs(signatures: AnnData, truth: pd.DataFrame) -> pd.DataFrame:
    """Return `kind`, `cosine` of the signatures of every two genes: in one module, in two, or one
    without."""
    module = (
        truth.set_index("gene")["module"]
        .reindex(signatures.obs_names)
        .fillna(NO_MODULE)
        .to_numpy(str)
    )
    first, second = np.triu_indices(len(module), 1)
    none = (module[first] == NO_MODULE) | (module[second] == NO_MODULE)
    kind = np.where(none, BACKGROUND, np.where(module[first] == module[second], SAME, OTHER))
    unit = cmap.unit_length(signatures).X
    return pd.DataFrame({"kind": kind, "cosine": (unit @ unit.T)[first, second]})


def measured(seen: Observed, clusters: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Return how clearly the planted truth is seen, by the id of its line in the scorecard; nothing
    of real sources.

    Parameters
    ----------
    clusters : DataFrame
        `gene`, `cluster`, from `lib.interactome.cmap.cluster`.
    """
    if seen.pairs.empty:
        return {}
    middle = seen.pairs.groupby("kind")["abs_spearman"].median()
    module = truth.set_index("gene")["module"]
    known = clusters[clusters["gene"].map(module).fillna(NO_MODULE) != NO_MODULE]
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
