"""What the chapter measured, by the ids of `params/planted.yaml` and
`params/published/genesegnet.yaml`.
"""

import numpy as np
import pandas as pd

from lib.genesegnet import location, refine, training
from lib.genesegnet.network import SegmentationNetwork

Interval = tuple[float, float]


def definitions() -> dict[str, float]:
    """Return what follows from the definitions: numbers that hold for any data.

    Returns
    -------
    dict
        Id → value.
    """
    factor = training.Recipe().settings().schedule.factor
    square = np.zeros((40, 40), int)
    square[10:30, 10:30] = 1
    grown = [refine.grow_as_published(square, round_number=k).sum() for k in (1, 3)]
    return {
        "genesegnet.network.state_entries": len(SegmentationNetwork().state_dict()),
        "genesegnet.map.reach_in_sigmas": float(np.sqrt(2 * location.CUT)),
        "genesegnet.training.last_rate": training.Recipe().learning_rate * factor(499),
        "genesegnet.refinement.growth": float((np.sqrt(grown[0]) - 20) / 2),
        "genesegnet.refinement.growth_third_round": float((np.sqrt(grown[1]) - 20) / 2),
    }


def held_out(scores: pd.DataFrame) -> dict[str, float]:
    """Score the first round on held-out slides against the planted cells.

    Parameters
    ----------
    scores : DataFrame
        One row per slide, overlap, round and reference.

    Returns
    -------
    dict
        Id → value.
    """
    first = scores[(scores["round"] == 1) & (scores["reference"] == "truth")]
    table = first.groupby("iou")[["ap", "pq"]].mean()
    once = first.drop_duplicates("sample")
    return {
        "genesegnet.planted.ap50": float(table.loc[0.5, "ap"]),
        "genesegnet.planted.ap75": float(table.loc[0.75, "ap"]),
        "genesegnet.planted.pq": float(table.loc[0.5, "pq"]),
        "genesegnet.planted.aji": float(once["aji"].mean()),
        "genesegnet.planted.gene_iou": float(once["gene_iou"].mean()),
    }


def recursion(scores: pd.DataFrame) -> dict[str, float]:
    """Measure what rounds after the first change in mean AP, against the planted cells.

    Parameters
    ----------
    scores : DataFrame
        As in `held_out`.

    Returns
    -------
    dict
        Id → value.
    """
    per_round = mean_ap(scores[scores["reference"] == "truth"], "round").mean(axis=1)
    return {"genesegnet.planted.recursion_gain": float(per_round.iloc[-1] - per_round.iloc[0])}


def ablation(scores: pd.DataFrame) -> tuple[dict[str, float], dict[str, Interval]]:
    """Measure how much both inputs gain over each alone in mean AP, slide by slide.

    Parameters
    ----------
    scores : DataFrame
        One row per slide, overlap and `inputs`.

    Returns
    -------
    values : dict
        Id → mean of the paired differences.
    intervals : dict
        Id → its 95 % interval over slides.
    """
    from lib.stats.intervals import mean_interval

    per_slide = mean_ap(scores, "inputs")
    values, intervals = {}, {}
    for other in per_slide.index.intersection(["stain", "rna"]):
        name, gain = (
            f"genesegnet.planted.gain_over_{other}",
            per_slide.loc["both"] - per_slide.loc[other],
        )
        values[name] = float(gain.mean())
        if interval := mean_interval(gain.to_numpy(), limits=(-1, 1)):
            intervals[name] = interval
    return values, intervals


def mean_ap(scores: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the mean AP over overlaps of 0.5 to 0.95.

    Parameters
    ----------
    scores : DataFrame
    by : str
        Column.

    Returns
    -------
    DataFrame
        One row per value of `by`, one column per slide.
    """
    return scores.groupby([by, "sample"])["ap"].mean().unstack()


def mapping(account: dict[str, int], purity: float) -> dict[str, float]:
    """Measure which share of the transcripts lies in a cell, and how pure the cells are.

    Parameters
    ----------
    account : dict
        From `lib.genesegnet.mapping.account`, of all slides.
    purity : float
        NaN where no types were planted.

    Returns
    -------
    dict
        Id → value.
    """
    usable = account["input"] - account["low"] - account["control"]
    found = {"genesegnet.planted.assigned": account["cell"] / usable}
    return found | ({"genesegnet.planted.purity": purity} if np.isfinite(purity) else {})


def alternatives(scores: pd.DataFrame) -> dict[str, float]:
    """Measure the lead in mean AP over the best of the other ways.

    Parameters
    ----------
    scores : DataFrame
        One row per slide and `method`.

    Returns
    -------
    dict
        Id → value.
    """
    means = scores.groupby("method")["ap"].mean()
    return {"genesegnet.planted.lead": float(means["GeneSegNet"] - means.drop("GeneSegNet").max())}
