"""Hand gene lists, the inputs of units and joined results from one notebook of the screen to the
next."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.metrics import roc_auc_score

from lib.images.metadata import CONTROLS
from lib.run import store
from lib.screen import clusters, significance
from lib.stats import order

SEES = {
    "binary_nucleus": "binary_nucleus",
    "nucleus_area_filtered": "nucleus",
    "nucleus_intensity_filtered": "nucleus",
    "nucleus": "nucleus",
    "binary_nucleus_binary_region": "binary_nucleus binary_region",
    "binary_region": "binary_region",
    "nucleus_binary_region": "nucleus binary_region",
    "binary_nucleus_region": "binary_nucleus region",
    "nucleus_region": "nucleus region",
    "region": "region",
}
"""Variant of the ablations → what the network sees."""

FILTERED = {"nucleus_area_filtered": "area", "nucleus_intensity_filtered": "mean_intensity"}
"""Variant → the column whose middle half its nuclei come from (median ± 0.5 interquartile
ranges)."""


def genes_of(nuclei: pd.DataFrame) -> list[str]:
    """Return the over-expressed genes of a table of nuclei, sorted; controls left out.

    Parameters
    ----------
    nuclei : DataFrame
        One row per nucleus; the column `gene_symbol` is read.

    Returns
    -------
    list of str
        Symbols without those of `lib.images.metadata.CONTROLS`.
    """
    return sorted(set(nuclei["gene_symbol"]) - set(CONTROLS))


def write_null_tables(
    nuclei: pd.DataFrame, null: pd.DataFrame, directory: str | os.PathLike
) -> dict[str, Path]:
    """Write one table of nuclei per null gene, in which the wells of that null gene carry its name.

    Parameters
    ----------
    nuclei : DataFrame
        One row per nucleus: `nucleus_id`, `gene_symbol`, `plate`, `well`, `site`,
        `slide_image_name`, `row`; only these are written.
    null : DataFrame
        From `lib.screen.significance.null_genes`.
    directory : path
        Folder of the Parquet files.

    Returns
    -------
    dict of str to Path
        Name of the null gene → its file `<name>.parquet`.
    """
    needed = ["nucleus_id", "gene_symbol", "plate", "well", "site", "slide_image_name", "row"]
    return {
        name: store.write_table(
            f"{directory}/{name}.parquet", significance.relabel(nuclei[needed], null, name)
        )
        for name in null["gene_symbol"].unique()
    }


def write_ablation_tables(nuclei: pd.DataFrame, directory: str | os.PathLike) -> pd.DataFrame:
    """Write the nuclei that every ablation is trained on, and list the variants.

    Parameters
    ----------
    nuclei : DataFrame
        One row per nucleus, with `area` (pixels) and `mean_intensity` (grey levels).
    directory : path
        Folder of the Parquet files; variants without a filter share `all.parquet`.

    Returns
    -------
    DataFrame
        One row per variant of `SEES`: `input`, `sees` (inputs of the network, separated by blanks),
        `nuclei` (path of the file), `n_nuclei`.

    References
    ----------
    Image2Reg's ablation study: area or mean intensity within median ± 0.5 interquartile ranges.
    """
    rows = []
    for name, sees in SEES.items():
        # the filters keep nuclei of usual size or brightness, as the paper does
        kept = nuclei[_in_the_middle(nuclei[FILTERED[name]])] if name in FILTERED else nuclei
        path = f"{directory}/{name if name in FILTERED else 'all'}.parquet"
        store.write_table(path, kept.reset_index(drop=True))
        rows.append({"input": name, "sees": sees, "nuclei": path, "n_nuclei": len(kept)})
    return pd.DataFrame(rows)


def _in_the_middle(values: pd.Series) -> pd.Series:
    low, middle, high = values.quantile([0.25, 0.5, 0.75])  # the whole table, controls too
    return (values - middle).abs() <= 0.5 * (high - low)


def join_embeddings(paths: Iterable[Path]) -> AnnData:
    """Concatenate the embeddings of all folds, one row per nucleus and fold.

    Parameters
    ----------
    paths : iterable of Path
        Files of `lib.screen.runs.class_run`.

    Returns
    -------
    AnnData
        X (N, L), obs as in the files; names of the observations are `<nucleus_id>/<fold>`.
    """
    parts = [anndata.read_h5ad(path) for path in paths]  # one (n, L) per fold
    joined = anndata.concat(parts, merge="same")
    joined.obs_names = [
        f"{name}/{fold}"
        for name, fold in zip(joined.obs["nucleus_id"], joined.obs["fold"], strict=True)
    ]
    return joined


def fold_metrics(paths: Iterable[Path]) -> pd.DataFrame:
    """Return the metrics of every fold.

    Parameters
    ----------
    paths : iterable of Path
        Files of `lib.screen.runs.class_run`, one per fold.

    Returns
    -------
    DataFrame
        One row per fold, sorted: `fold` and the columns of `lib.screen.runs.Trained.row`.
    """
    rows = [
        {"fold": found.obs["fold"].iloc[0], **_metrics(found)}
        for found in map(anndata.read_h5ad, paths)
    ]
    return pd.DataFrame(rows).sort_values("fold", ignore_index=True)


def ablation_metrics(paths: Mapping[str, Path]) -> pd.DataFrame:
    """Return the metrics of every input variant and fold.

    Parameters
    ----------
    paths : mapping of str to Path
        `<input>_<fold>` → file of `lib.screen.runs.class_run`.

    Returns
    -------
    DataFrame
        One row per variant and fold: `input`, `fold` and the columns of
        `lib.screen.runs.Trained.row`.
    """
    rows = []
    for name, path in paths.items():
        variant, _, fold = name.rpartition("_")  # names of variants hold underscores themselves
        rows.append({"input": variant, "fold": int(fold), **_metrics(anndata.read_h5ad(path))})
    return pd.DataFrame(rows)


def target_metrics(paths: Mapping[str, Path]) -> pd.DataFrame:
    """Return the metrics of every encoder that did not see its target.

    Parameters
    ----------
    paths : mapping of str to Path
        Left-out target → file of `lib.screen.runs.target_run`.

    Returns
    -------
    DataFrame
        One row per target: `target`, the columns of `lib.screen.runs.Trained.row` (of the known
        conditions), and `n_out`, the number of nuclei of the target.
    """
    rows = []
    for target, path in paths.items():
        found = anndata.read_h5ad(path)
        rows.append(
            {
                "target": target,
                **_metrics(found),
                "n_out": int(_is_left_out(found.obs, target).sum()),
            }
        )
    return pd.DataFrame(rows)


def target_predictions(paths: Mapping[str, Path]) -> pd.DataFrame:
    """Return the share of each left-out target's nuclei that is predicted as each known condition.

    Parameters
    ----------
    paths : mapping of str to Path
        Left-out target → file of `lib.screen.runs.target_run`.

    Returns
    -------
    DataFrame, (targets, conditions)
        Rows sum to 1; 0 where no nucleus was predicted as the condition.
    """
    rows = {}
    for target, path in paths.items():
        obs = anndata.read_h5ad(path).obs
        # shares of the conditions among the target's nuclei
        rows[target] = (
            obs.loc[_is_left_out(obs, target), "predicted"].astype(str).value_counts(normalize=True)
        )
    return pd.DataFrame(rows).T.fillna(0.0).rename_axis("target")


def _is_left_out(obs: pd.DataFrame, target: str) -> pd.Series:
    """Return which nuclei are the target's: other conditions may have been left out of the same
    training."""
    return (obs["split"] == "out") & (obs["gene_symbol"] == target)


def place_targets(paths: Mapping[str, Path], directory: str | os.PathLike) -> None:
    """Copy the embeddings of every target to `<directory>/<target>.h5ad` and remove other `.h5ad`
    files.

    Parameters
    ----------
    paths : mapping of str to Path
        Left-out target → file of `lib.screen.runs.target_run`.
    directory : path
        Made where it is absent; each file is written whole or not at all.
    """
    folder = store.resolve(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.h5ad"):
        if file.stem not in paths:  # left by an earlier run with other targets
            file.unlink()
    for target, path in paths.items():
        with store.atomic(folder / f"{target}.h5ad") as part:
            part.write_bytes(Path(path).read_bytes())


def best_recognised(shares: pd.DataFrame, *, n: int) -> list[str]:
    """Return the conditions whose nuclei are recognised most often, controls left out.

    Parameters
    ----------
    shares : DataFrame, (C, C)
        From `lib.screen.embeddings.confusion`.
    n : int
        Conditions wanted.

    Returns
    -------
    list of str
        At most `n` symbols, best first.
    """
    # (C,) share of each condition's nuclei that is recognised
    own = pd.Series(np.diag(shares), index=shares.index).drop(list(CONTROLS), errors="ignore")
    return own.index[order.descending(own)[:n]].tolist()


def calls(
    scores: pd.DataFrame, called: Mapping[str, pd.DataFrame], *, fdr: float
) -> dict[str, list[str]]:
    """Return which genes each method calls active.

    Parameters
    ----------
    scores : DataFrame
        One row per gene: `gene_symbol`, `is_selected` (the paper's rule) and, where the
        significance was computed, `is_active`.
    called : mapping of str to DataFrame
        Kind of profile → table of `lib.screen.activity.mean_average_precision`.
    fdr : float
        False discovery rate of the selection, for its name.

    Returns
    -------
    dict of str to list of str
        Method → genes that it calls; only screened genes count.
    """
    # the mAP calls cover every gene of the profiles, the screen may hold fewer
    found = {"paper's rule": scores.loc[scores["is_selected"], "gene_symbol"].tolist()}
    if "is_active" in scores:
        found[f"screen, FDR {fdr:g}"] = scores.loc[scores["is_active"], "gene_symbol"].tolist()
    screened = set(scores["gene_symbol"])
    for name, table in called.items():
        active = table.loc[table["is_active"], "gene_symbol"]
        found[f"mAP, {name}"] = [gene for gene in active if gene in screened]
    return found


def planted_screen(table: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Measure how well scores tell active from inert genes, and the error and power of the FDR
    selection.

    Parameters
    ----------
    table : DataFrame
        One row per gene: `gene_symbol`, `score` and, where the significance was computed,
        `is_active`.
    truth : DataFrame
        Planted genes of a simulated screen: `gene`, `is_active`.

    Returns
    -------
    dict of str to float
        `imaging.planted.screen_auroc`, and with `is_active` also `imaging.planted.fdr` and
        `imaging.planted.power`; empty where no gene has a planted truth.
    """
    known = _with_truth(table, truth)
    if not len(known):
        return {}
    measured = {
        "imaging.planted.screen_auroc": round(
            float(roc_auc_score(known["planted"], known["score"])), 4
        )
    }
    if "is_active" in known:
        called = known["is_active"].astype(bool)
        measured["imaging.planted.fdr"] = round(
            float((called & ~known["planted"]).sum() / max(called.sum(), 1)), 4
        )
        measured["imaging.planted.power"] = round(float(called[known["planted"]].mean()), 4)
    return measured


def planted_activity(table: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Measure how well mean average precision on profiles tells active from inert genes.

    Parameters
    ----------
    table : DataFrame
        From `lib.screen.activity.mean_average_precision`; genes without a `map` are left out.
    truth : DataFrame
        Planted genes of a simulated screen: `gene`, `is_active`.

    Returns
    -------
    dict of str to float
        `imaging.planted.activity_auroc`; empty where no gene has a planted truth.
    """
    # a gene whose wells have no sister has no mAP
    known = _with_truth(table, truth).dropna(subset=["map"])
    if not len(known):
        return {}
    return {
        "imaging.planted.activity_auroc": round(
            float(roc_auc_score(known["planted"], known["map"])), 4
        )
    }


def planted_clusters(table: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Measure the clusters against the planted groups of active genes (adjusted Rand index).

    Parameters
    ----------
    table : DataFrame
        From `lib.screen.clusters.assign`: `gene`, `cluster`.
    truth : DataFrame
        Planted genes of a simulated screen: `gene`, `is_active`, `group`.

    Returns
    -------
    dict of str to float
        `imaging.planted.cluster_ari`; empty where fewer than two clustered genes have a group.
    """
    active = truth[truth["is_active"].astype(bool)] if len(truth) else truth
    groups = dict(zip(active["gene"], active["group"], strict=True))
    if len(set(table["gene"]) & set(groups)) < 2:
        return {}
    return {"imaging.planted.cluster_ari": round(clusters.agreement(table, groups), 4)}


def _with_truth(table: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose gene has a planted truth, with `planted`: is it active?"""
    planted = truth.set_index("gene")["is_active"].astype(bool)
    known = table[table["gene_symbol"].isin(planted.index)]
    return known.assign(planted=known["gene_symbol"].map(planted).astype(bool))


def planted_accuracy(
    accuracies: Mapping[str, pd.Series], truth: pd.DataFrame, *, n_classes: int
) -> dict[str, float]:
    """Measure how far balanced accuracies lie above chance, mean over folds; nothing where no truth
    is planted.

    Parameters
    ----------
    accuracies : mapping of str to Series
        `embedding`, or `network` and `profiles` on the same folds → balanced accuracy of each fold.
    truth : DataFrame
        Planted genes, without a row for a real screen.
    n_classes : int
        Conditions that are told apart.

    Returns
    -------
    dict of str to float
        `imaging.planted.embedding_margin` and `imaging.planted.profile_margin` (mean accuracy minus
        1 / n_classes), `imaging.planted.network_over_profiles` (difference of the means), as far as
        their accuracies are given.

    Examples
    --------
    >>> folds = {"network": pd.Series([0.5, 0.7]), "profiles": pd.Series([0.75])}
    >>> planted_accuracy(folds, pd.DataFrame({"gene": ["JUN"]}), n_classes=4)
    {'imaging.planted.profile_margin': 0.5, 'imaging.planted.network_over_profiles': -0.15}
    """
    if truth.empty:
        return {}
    means = {name: float(values.mean()) for name, values in accuracies.items()}
    found = {
        f"{name}_margin": means[key] - 1 / n_classes
        for name, key in (("embedding", "embedding"), ("profile", "profiles"))
        if key in means
    }
    if {"network", "profiles"} <= set(means):
        found["network_over_profiles"] = means["network"] - means["profiles"]
    return {f"imaging.planted.{name}": round(value, 4) for name, value in found.items()}


def _metrics(found: AnnData) -> dict[str, float]:
    return {name: float(value) for name, value in found.uns["metrics"].items()}
