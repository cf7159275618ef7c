"""What the chapter measured, by the ids of the published values and of the planted truth."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.lincs import codes, target_tests
from lib.lincs.codes import PREFIX

PAPER_DRUGS = (
    "bortezomib",
    "pitavastatin",
    "vemurafenib",
    "dasatinib",
    "digoxin",
    "paclitaxel",
    "flutamide",
)
TWINS = ("CP_PI3K_INHIBITOR", "CP_MTOR_INHIBITOR")


def set_counts(counts: pd.DataFrame) -> dict[str, int]:
    """Return the published counts of the data sets."""
    table = counts.set_index("set")
    measured = {
        f"lincs.sets.{name.lower()}.signatures": int(n) for name, n in table["signatures"].items()
    }
    wanted = (
        ("SMP", "pert_ids"),
        ("SMP", "names"),
        ("GP", "names"),
        ("SMC", "pert_ids"),
        ("SMC", "classes"),
    )
    return measured | {
        f"lincs.sets.{name.lower()}.{what}": int(table.loc[name, what]) for name, what in wanted
    }


def codebook(distances: np.ndarray, published: pd.DataFrame) -> dict[str, float | int | str]:
    """Return what the published codebook gives, beside the published table of neighbours."""
    found = codes.neighbours(distances, published["pcl"])
    closest = found.sort_values(["distance", "code"]).iloc[0]
    pair = sorted([closest["pcl"].removeprefix(PREFIX), closest["nearest"].removeprefix(PREFIX)])
    bounds = {
        f"lincs.codes.{name}_distance": round(value, 6)
        for name, value in codes.summary(distances).items()
    }
    return bounds | {
        "lincs.codes.neighbours": int((found["nearest_code"] == published["nearest_code"]).sum()),
        "lincs.codes.closest": ", ".join(pair),
        "lincs.codes.closest_distance": float(closest["distance"]),
    }


def svqvae(history: pd.DataFrame) -> dict[str, float]:
    """Return the reconstruction error of the last epoch in training, as the paper prints it."""
    return {"lincs.svqvae.train_mse": float(history["train_mse"].iloc[-1])}


def vae(history: pd.DataFrame, *, sampled_mse: float) -> dict[str, float]:
    """Return the errors of the VAE of genetic perturbations, both with drawn latents as published.

    Parameters
    ----------
    history : DataFrame
        Of the training.
    sampled_mse : float
        Error of the held-out rows with drawn latents.
    """
    last = float(history["train_mse"].iloc[-1])
    return {"lincs.vae.gp_train_mse": last, "lincs.vae.gp_validation_mse": sampled_mse}


def nodes(found: Sequence[int]) -> dict[str, int | str]:
    """Return the signature nodes of the published weights."""
    return {"lincs.nodes.n": len(found), "lincs.nodes.list": ", ".join(map(str, found))}


def target_ranks(summary: pd.DataFrame) -> dict[str, float | int | str]:
    """Return the published quantities of the drugs that the paper prints."""
    measured: dict[str, float | int | str] = {}
    for row in summary[summary["drug"].isin(PAPER_DRUGS)].to_dict("records"):
        name = f"lincs.targets.{row['drug']}"
        measured[f"{name}_mean_rank"] = float(row["mean_rank"])
        if row["drug"] in PAPER_DRUGS[:2]:
            measured |= {f"{name}_queries": int(row["n_queries"]), f"{name}_best": row["best"]}
    return measured


def reconstruction(
    mse: float, baselines: Mapping[str, float], *, noise: float, n_live: int
) -> dict[str, float]:
    """Return how much of what can be explained the VAE does, and against a PCA of the same size.

    Parameters
    ----------
    mse : float
        Of held-out signatures, in z².
    baselines : mapping
        From `fitting.baselines`.
    noise : float
        SD that was planted.
    n_live : int
    """
    return {
        "lincs.planted.explained": round(
            (baselines["zero"] - mse) / (baselines["zero"] - noise**2), 4
        ),
        "lincs.planted.over_pca": round(mse / baselines["pca"], 4),
        "lincs.planted.live_nodes": float(n_live),
    }


def codes_found(usage: pd.DataFrame, neighbours: pd.DataFrame) -> dict[str, float]:
    """Return codes that collapsed, and whether the planted twins are each other's nearest class.

    Parameters
    ----------
    usage, neighbours : DataFrame
        From `codebook.usage` and `codes.neighbours`.
    """
    nearest = neighbours.set_index("pcl")["nearest"]
    met = [nearest.get(one) == other for one, other in (TWINS, TWINS[::-1])]
    return {
        "lincs.planted.lost_codes": float((usage["is_dead"] | usage["is_double"]).sum()),
        "lincs.planted.twins": float(np.mean(met)),
    }


def classes(table: pd.DataFrame, *, best: float) -> dict[str, float]:
    """Return balanced accuracies of honest folds over the best that can be known, and what random
    folds add.

    Parameters
    ----------
    table : DataFrame
        From `runs.score_table`.
    best : float
        Balanced accuracy of who knows the simulated world.
    """
    scores = table.set_index(["folds", "representation"])["balanced_accuracy"]
    return {
        "lincs.planted.raw_accuracy": round(scores["by perturbagen", "raw"] / best, 4),
        "lincs.planted.mu_accuracy": round(scores["by perturbagen", "mu, refitted"] / best, 4),
        "lincs.planted.leak": round(
            scores["at random", "raw"] - scores["by perturbagen", "raw"], 4
        ),
    }


def planted_targets(tests: pd.DataFrame, n_genes: int) -> dict[str, float]:
    """Return the mean place of planted targets among genes, and its p-value."""
    overall = tests[tests["drug"] == target_tests.ALL_DRUGS].iloc[0]
    return {
        "lincs.planted.target_percentile": round(overall["gene_rank"] / n_genes, 4),
        "lincs.planted.target_p": round(float(overall["p"]), 5),
    }


def made(comparisons: pd.DataFrame, hits: pd.DataFrame) -> dict[str, float]:
    """Return how far made signatures can be told from held-out ones beyond what training rows can,
    and hits.

    Parameters
    ----------
    comparisons : DataFrame
        `set`, `auc_forest`.
    hits : DataFrame
        From `generation.hit_rates`.
    """
    auc = comparisons.set_index("set")["auc_forest"]
    best = hits.groupby("gain")["hits"].mean().max()
    return {
        "lincs.planted.auc_excess": round(auc["made, with noise"] - auc["training rows"], 4),
        "lincs.planted.hits": round(float(best), 4),
    }


def own(
    nearest: pd.DataFrame, truth: pd.Series, genes: pd.DataFrame, targets: pd.DataFrame
) -> dict[str, float]:
    """Return how often the class of a signature is its nearest one, and a target among its ten
    nearest genes.

    Parameters
    ----------
    nearest, genes : DataFrame
        From `query.nearest_classes` and `query.ranked_genes`.
    truth : Series
        Signature → class.
    targets : DataFrame
        `signature`, `gene`.
    """
    first = nearest[nearest["rank"] == 1].set_index("signature")["pcl"]
    pairs = set(map(tuple, targets[["signature", "gene"]].to_numpy()))
    top = genes[genes["rank"] <= 10]
    found = top[[pair in pairs for pair in map(tuple, top[["signature", "gene"]].to_numpy())]]
    return {
        "lincs.planted.own_class": round(float((first == truth[first.index]).mean()), 4),
        "lincs.planted.own_target": round(
            found["signature"].nunique() / targets["signature"].nunique(), 4
        ),
    }


def digits(history: pd.DataFrame, extremes: Mapping[str, str]) -> dict[str, float | str]:
    """Return the published quantities of the tutorial, from MNIST."""
    last = history.iloc[-1]
    names = {
        "train_mse": "train_mse",
        "test_mse": "val_mse",
        "train_accuracy": "train_acc",
        "test_accuracy": "val_acc",
    }
    measured = {f"lincs.digits.{name}": float(last[column]) for name, column in names.items()}
    return measured | {
        f"lincs.digits.{name.replace(' ', '_')}": pair for name, pair in extremes.items()
    }
