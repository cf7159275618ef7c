"""Measure the translation, by the ids of the published values and of the planted truth."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.translation import grid, metrics, permutation
from lib.translation.calibration import Calibration
from lib.translation.grid import Axes
from lib.translation.results import NESTED, PLAIN, PUBLISHED, Translation

KS = (1, 5, 10, 20, 30, 50)
CURVES = ("physical", "cmap_full_all_nodes", "physical_full", "no_cluster_loss")
"""Settings whose accuracies are published, beside the areas."""
AREAS = (*CURVES, "a0_b0_g1", "a1_b1_g1", "a1_b0_g2", "a1_b0_g5", "a1_b2_g1", "a1_b5_g1")
RANKED, PLAIN_TOO = ("physical", "cmap_full_all_nodes"), ("physical", "physical_full")
"""Settings whose mean rank, and whose plain model, is published."""
DEMO_SETTING, DEMO_TARGETS = "cmap_full_all_nodes", ("BRAF", "JUN", "RAF1", "SMAD4", "SREBF1")


def published(translations: Sequence[Translation], random: np.ndarray) -> dict[str, float]:
    """Return the published quantities of a real screen.

    Parameters
    ----------
    translations : sequence of Translation
        The main setting first.
    random : (n, T) array
        Places by the random baseline.

    Returns
    -------
    dict of str to float
        `translation.n_targets`, `.n_genes`; `translation.<setting>.auc_<k>`, `.acc_<k>`,
        `.mean_rank` (from 1), `.plain.*` as far as published; accuracies of the random and mean
        baselines; ranks of the demo's targets (`translation.demo.*`).

    References
    ----------
    Image2Reg, Fig 4B.
    """
    main = translations[0]  # sizes are those of the main setting
    measured: dict[str, float] = {
        "translation.n_targets": len(main.problems),
        "translation.n_genes": main.n_genes,
    }
    for found in translations:
        measured |= _setting(found)
    measured |= _accuracies("translation.random", metrics.accuracy(random).mean(axis=0))
    return measured | _accuracies(
        "translation.mean_all", metrics.accuracy(main.places["mean (all)"])
    )


def _setting(found: Translation) -> dict[str, float]:
    """Return what is published of a setting: areas, and of some accuracies, mean rank, the plain
    model, the demo."""
    setting, places, name = found.setting, found.places[PUBLISHED], f"translation.{found.setting}"
    measured = _areas(name, places) if setting in AREAS else {}
    if setting in CURVES:
        measured |= _accuracies(name, metrics.accuracy(places))
    if setting in RANKED:
        measured[f"{name}.mean_rank"] = float(places.mean() + 1)  # ranks count from 1
    if setting in PLAIN_TOO:
        plain = found.plain
        measured |= _areas(f"{name}.plain", plain) | _accuracies(
            f"{name}.plain", metrics.accuracy(plain)
        )
    return measured | (_demo(found) if setting == DEMO_SETTING else {})


def _areas(name: str, places: np.ndarray) -> dict[str, float]:
    return {f"{name}.auc_{k}": float(metrics.area(places, k)) for k in (20, 50)}


def _demo(found: Translation) -> dict[str, float]:
    """Return the ranks, from 1, of the targets of the published demo: λ = 1, no further
    features."""
    ranks = {
        one.target: int(place) + 1
        for one, place in zip(found.problems, found.places[PLAIN], strict=True)
    }
    return {
        f"translation.demo.{name.lower()}": ranks[name] for name in DEMO_TARGETS if name in ranks
    }


def _accuracies(name: str, curve: np.ndarray) -> dict[str, float]:
    return {f"{name}.acc_{k}": float(curve[k - 1]) for k in KS}


def planted(
    found: Translation,
    paired: np.ndarray,
    exchanges: Mapping[str, Mapping[str, np.ndarray]],
    permuted: np.ndarray,
) -> dict[str, float]:
    """Measure the translation of a simulated screen.

    Parameters
    ----------
    found : Translation
        Of the main setting.
    paired : (1 + B, T) array
        Places under re-paired embeddings, the observed first, from `results.repaired`.
    exchanges : mapping
        Way of choosing → areas under exchanged targets, from `results.exchanged`.
    permuted : (n, T) array
        Places after both embeddings were put in random order.

    Returns
    -------
    dict of str to float
        `translation.planted.*`: `above_null` and `above_means` (AUC_20 above the 99.9 % quantile of
        the null and above the mean baselines), `p_nested`, `p_published`, `permuted` (mean AUC_20
        over chance).
    """
    fixed = metrics.area(paired, 20)  # (1 + B,)
    # the two mean baselines
    means = [metrics.area(found.places[name], 20) for name in ("mean (train)", "mean (all)")]
    values = {
        "above_null": fixed[0] - np.quantile(fixed[1:], 0.999),
        "above_means": fixed[0] - max(means),
        "p_nested": permutation.p_value(exchanges[NESTED]["auc_20"]),
        "p_published": permutation.p_value(exchanges[PUBLISHED]["auc_20"]),
        "permuted": metrics.area(permuted, 20).mean() / chance_area(found.n_genes),
    }
    return {f"translation.planted.{name}": round(float(value), 4) for name, value in values.items()}


def planted_demo(ranks: Calibration, n_genes: int) -> dict[str, float]:
    """Measure the demo's conditions on a simulated screen.

    Parameters
    ----------
    ranks : Calibration
        Of left-out targets.
    n_genes : int
        Genes among which a target is looked for.

    Returns
    -------
    dict of str to float
        `translation.planted.demo_<gene>`, the rank from 1, for those that this run left out, and
        `translation.planted.demo_share`, the mean share of the other genes that come before the
        true one; empty where none of them was left out.
    """
    own = dict(zip(ranks.targets, ranks.ranks.tolist(), strict=True))
    found = {target: own[target] for target in DEMO_TARGETS if target in own}
    if not found:
        return {}
    share = float(np.mean([(rank - 1) / (n_genes - 1) for rank in found.values()]))
    values = {f"demo_{target.lower()}": rank for target, rank in found.items()}
    values["demo_share"] = round(share, 4)
    return {f"translation.planted.{name}": value for name, value in values.items()}


def demo_assets(condition: str, rank: int) -> dict[str, float]:
    """Return the rank of a condition by the published demo's own embeddings, by its id.

    Parameters
    ----------
    condition : str
        One of `DEMO_TARGETS`.
    rank : int
        From 1.

    Returns
    -------
    dict of str to float
        `translation.demo_assets.<gene>`.
    """
    return {f"translation.demo_assets.{condition.lower()}": rank}


def chance_area(n_genes: int, k: int = 20) -> float:
    """Return the expected AUC_k of places that are uniform among the genes.

    Parameters
    ----------
    n_genes : int
    k : int

    Returns
    -------
    float
    """
    return float(metrics.area(np.arange(n_genes), k))  # every place once


def missing(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return the genes that are no target, with the reason.

    Parameters
    ----------
    coverage : DataFrame
        From `lib.translation.inputs.read`.

    Returns
    -------
    DataFrame
        `gene`, `note`.
    """
    return coverage.loc[~coverage["is_target"], ["gene", "note"]].reset_index(drop=True)


def grid_definition(axes: Axes) -> dict[str, int | str]:
    """Return what defines the grid: its size and some configurations, by the numbers of the paper.

    Parameters
    ----------
    axes : Axes

    Returns
    -------
    dict of str to int or str
        Empty where the grid has another size than the published one.
    """
    configs = grid.configurations(axes)  # one row per configuration
    if len(configs) != len(grid.configurations(Axes())):
        return {}
    shown = configs[
        ["ridge", "use_mean", "n_neighbours", "n_encodings", "append", "encoding", "sigma"]
    ]
    texts = {
        f"translation.grid.config_{number}": ", ".join(
            f"{value:g}" if isinstance(value, float) else str(value) for value in shown.loc[number]
        )
        for number in (26, 1945, 1516, 1150)
    }
    return {"translation.grid.n_configurations": len(configs), **texts}
