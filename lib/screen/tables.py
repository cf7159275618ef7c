"""What the notebooks of the screen hand from one step to the next: gene lists, units' inputs,
joined results."""

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
    """Return the over-expressed genes of a table of nuclei, sorted; controls left out."""
    return sorted(set(nuclei["gene_symbol"]) - set(CONTROLS))


def write_null_tables(
    nuclei: pd.DataFrame, null: pd.DataFrame, directory: str | os.PathLike
) -> dict[str, Path]:
    """Write a table of nuclei for every null gene, in which its wells carry its name, and return
    name → file."""
    needed = ["nucleus_id", "gene_symbol", "plate", "well", "site", "slide_image_name", "row"]
    return {
        name: store.write_table(
            f"{directory}/{name}.parquet", significance.relabel(nuclei[needed], null, name)
        )
        for name in null["gene_symbol"].unique()
    }


def write_ablation_tables(nuclei: pd.DataFrame, directory: str | os.PathLike) -> pd.DataFrame:
    """Write the nuclei of every ablation and return `input`, `sees`, `nuclei` (file),
    `n_nuclei`."""
    rows = []
    for name, sees in SEES.items():
        kept = nuclei[_in_the_middle(nuclei[FILTERED[name]])] if name in FILTERED else nuclei
        path = f"{directory}/{name if name in FILTERED else 'all'}.parquet"
        store.write_table(path, kept.reset_index(drop=True))
        rows.append({"input": name, "sees": sees, "nuclei": path, "n_nuclei": len(kept)})
    return pd.DataFrame(rows)


def _in_the_middle(values: pd.Series) -> pd.Series:
    low, middle, high = values.quantile([0.25, 0.5, 0.75])
    return (values - middle).abs() <= 0.5 * (high - low)


def join_embeddings(paths: Iterable[Path]) -> AnnData:
    """Return the embeddings of all folds below each other."""
    parts = [anndata.read_h5ad(path) for path in paths]
    joined = anndata.concat(parts, merge="same")
    joined.obs_names = [
        f"{name}/{fold}"
        for name, fold in zip(joined.obs["nucleus_id"], joined.obs["fold"], strict=True)
    ]
    return joined


def fold_metrics(paths: Iterable[Path]) -> pd.DataFrame:
    """Return one row a fold: `fold` and the metrics of its run."""
    rows = [
        {"fold": found.obs["fold"].iloc[0], **_metrics(found)}
        for found in map(anndata.read_h5ad, paths)
    ]
    return pd.DataFrame(rows).sort_values("fold", ignore_index=True)


def ablation_metrics(paths: Mapping[str, Path]) -> pd.DataFrame:
    """Return one row an input and fold: `input`, `fold`, metrics; the units are named
    `input_fold`."""
    rows = []
    for name, path in paths.items():
        variant, _, fold = name.rpartition("_")
        rows.append({"input": variant, "fold": int(fold), **_metrics(anndata.read_h5ad(path))})
    return pd.DataFrame(rows)


def target_metrics(paths: Mapping[str, Path]) -> pd.DataFrame:
    """Return one row a left-out target: `target`, the metrics of its run, `n_out` nuclei of the
    target."""
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
    """Return the share of each left-out target's nuclei taken for each known condition: targets ×
    conditions."""
    rows = {}
    for target, path in paths.items():
        obs = anndata.read_h5ad(path).obs
        rows[target] = (
            obs.loc[_is_left_out(obs, target), "predicted"].astype(str).value_counts(normalize=True)
        )
    return pd.DataFrame(rows).T.fillna(0.0).rename_axis("target")


def _is_left_out(obs: pd.DataFrame, target: str) -> pd.Series:
    """Return which nuclei are the target's: other conditions may have been left out of the same
    training."""
    return (obs["split"] == "out") & (obs["gene_symbol"] == target)


def place_targets(paths: Mapping[str, Path], directory: str | os.PathLike) -> None:
    """Write the embeddings of every target as `directory/<target>.h5ad`; files of other targets
    go."""
    folder = store.resolve(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.h5ad"):
        if file.stem not in paths:
            file.unlink()
    for target, path in paths.items():
        with store.atomic(folder / f"{target}.h5ad") as part:
            part.write_bytes(Path(path).read_bytes())


def best_recognised(shares: pd.DataFrame, *, n: int) -> list[str]:
    """Return the `n` conditions, controls left out, with the largest share of nuclei taken for what
    they are."""
    own = pd.Series(np.diag(shares), index=shares.index).drop(list(CONTROLS), errors="ignore")
    return own.index[order.descending(own)[:n]].tolist()


def calls(
    scores: pd.DataFrame, called: Mapping[str, pd.DataFrame], *, fdr: float
) -> dict[str, list[str]]:
    """Return method → genes it calls: the paper's rule, the FDR selection if made, and each table
    of activity."""
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
    selection."""
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
    """Measure how well mean average precision on profiles tells active from inert genes."""
    known = _with_truth(table, truth).dropna(subset=["map"])
    if not len(known):
        return {}
    return {
        "imaging.planted.activity_auroc": round(
            float(roc_auc_score(known["planted"], known["map"])), 4
        )
    }


def planted_clusters(table: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Measure the clusters against the planted groups of active genes (adjusted Rand index)."""
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
