"""What came out, in one sentence per picture, from the table of what is drawn."""

import numpy as np
import pandas as pd


def profiles(drawn: pd.DataFrame) -> str:
    """Say which mark differs most between expressed and other genes."""
    wide = drawn.pivot(index=["mark", "position_kbp"], columns="genes", values="signal_ln_depth")
    gap = (wide["expressed"] - wide["not expressed"]).groupby("mark", sort=False).mean()
    mark = gap.abs().idxmax()
    return (
        f"Expressed and other genes differ most in {mark}: by {gap[mark]:+.2f} on average over the "
        "window."
    )


def first(drawn: pd.DataFrame) -> str:
    """Say which assay of the first approach predicts best."""
    mean = drawn.groupby("assay")["r"].mean()
    return (
        f"Mean r lies between {mean.min():.2f} ({mean.idxmin()}) and {mean.max():.2f} "
        f"({mean.idxmax()})."
    )


def marks(drawn: pd.DataFrame) -> str:
    """Say which marks alone predict best and worst."""
    mean = drawn.groupby("assay")["mean_r"].mean()
    text = (
        f"{mean.idxmax()} alone reaches a mean r of {mean.max():.2f}, {mean.idxmin()} "
        f"{mean.min():.2f}"
    )
    every = drawn["all_marks_r"].iloc[0]
    return f"{text}." if np.isnan(every) else f"{text}; all marks reach {every:.2f}."


def receptive_field(drawn: pd.DataFrame) -> str:
    """Say which mark gains most from the wider view."""
    wide = drawn.pivot(index="assay", columns="model", values="mean_r")
    gain = wide["chromoformer"] - wide["promoter"]
    return (
        f"From 6 kbp to 40 kbp and contacts {gain.idxmax()} gains most, {gain.max():+.2f} in mean "
        "r."
    )


def pairs(drawn: pd.DataFrame) -> str:
    """Say which pair is best, beside the best single mark that is drawn and all marks."""
    is_pair = drawn["assay"].str.contains("-")
    if not is_pair.any():
        return "No pair was asked for."
    best = drawn[is_pair].loc[drawn[is_pair]["mean_r"].idxmax()]
    single = drawn[~is_pair]["mean_r"].max()
    name = best["assay"].replace("-", " + ")
    return (
        f"The best pair, {name}, has a mean r of {best['mean_r']:.2f}; a first mark alone "
        f"{single:.2f}."
    )


def seen(drawn: pd.DataFrame) -> str:
    """Say which mark gains most from a wider window, by networks and by ridges."""
    texts = []
    for kind, group in drawn.groupby("kind", sort=False):
        wide = group.pivot(index="assay", columns="seen", values="mean_r").dropna()
        order = list(dict.fromkeys(group["seen"]))
        gain = wide[order[-1]] - wide[order[0]]
        texts.append(f"{gain.idxmax()} by {kind} ({gain.max():+.2f})")
    return f"From the narrowest view to the widest most is gained by {' and '.join(texts)}."


def gains(drawn: pd.DataFrame) -> str:
    """Say which second mark adds most, and how many pairs are above their first mark."""
    if drawn.empty:
        return "No pair was asked for."
    mean = drawn.groupby("assay")["gain"].mean()
    n = int((drawn.drop_duplicates("assay")["q"] <= 0.05).sum())
    name = mean.idxmax().replace("-", " + ")
    return f"{name} gains most, {mean.max():+.2f}; {n} of {len(mean)} pairs have q ≤ 0.05."


def classes(drawn: pd.DataFrame) -> str:
    """Say how well the classifier tells expressed genes, beside the best other model."""
    mean = drawn.groupby("model")["auc"].mean()
    own = mean[mean.index.str.endswith("classes")]
    other = mean.drop(own.index)
    return (
        f"The classifier's mean area is {own.max():.2f}; that of the best regression "
        f"({other.idxmax()}) {other.max():.2f}."
    )


def models(drawn: pd.DataFrame) -> str:
    """Say how networks and simple models compare."""
    mean = drawn.groupby("model")["r"].mean()
    is_network = mean.index.isin(["promoter", "chromoformer"])
    network, simple = mean[is_network], mean[~is_network]
    text = f"The best network ({network.idxmax()}) has a mean r of {network.max():.2f}"
    return (
        f"{text}."
        if simple.empty
        else f"{text}, the best simple model ({simple.idxmax()}) {simple.max():.2f}."
    )


def groups(drawn: pd.DataFrame, value: str) -> str:
    """Say where groups of cells differ most."""
    mean = drawn.groupby(["assay", "group"])[value].mean().unstack()
    gap = mean.max(axis=1) - mean.min(axis=1)
    mark = gap.idxmax()
    return (
        f"Groups differ most in {mark}: {mean.loc[mark].idxmax()} is highest, by {gap[mark]:.2f}."
    )


def lines(drawn: pd.DataFrame) -> str:
    """Say how performance goes with activity, by group."""
    found = drawn.drop_duplicates("group")
    texts = [
        f"{row.group} r = {row.line_r:.2f} (p = {row.line_p:.1g})" for row in found.itertuples()
    ]
    return f"Performance against activity: {'; '.join(texts)}."


def windows(drawn: pd.DataFrame) -> str:
    """Say which mark changes most with the window."""
    wide = drawn.pivot(index="mark", columns="window_bp", values="r")
    change = wide[wide.columns.max()] - wide[wide.columns.min()]
    mark = change.abs().idxmax()
    return f"From the narrowest to the widest window {mark} changes most, by {change[mark]:+.2f}."


def correlation(drawn: pd.DataFrame) -> str:
    """Say which two marks go together most."""
    other = drawn[drawn["first"] != drawn["second"]]
    if other.empty:
        return "There is only one mark."
    best = other.loc[other["r"].idxmax()]
    return (
        f"The performance of {best['first']} and {best['second']} goes together most (r = "
        f"{best['r']:.2f})."
    )


def levels(drawn: pd.DataFrame) -> str:
    """Say how silent and highest genes are missed."""
    model = drawn["model"].iloc[0]
    mine = drawn[drawn["model"] == model].set_index("level")["bias_log2_rpkm"]
    low, high = mine.iloc[0], mine.iloc[-1]
    return (
        f"The {model} network expects {low:+.2f} at the lowest level and {high:+.2f} at the "
        "highest."
    )


def cross(drawn: pd.DataFrame) -> str:
    """Say what is lost from cell to cell."""
    is_own = drawn["trained_on"] == drawn["cell"]
    own, other = drawn.loc[is_own, "r"].mean(), drawn.loc[~is_own, "r"].mean()
    return f"Mean r is {own:.2f} in the training cell and {other:.2f} in others."


def dose(drawn: pd.DataFrame) -> str:
    """Say what taking a mark away at the promoter changes."""
    least = (
        drawn[drawn["factor"] == drawn["factor"].min()]
        .groupby("assay", sort=False)["change_log2_rpkm"]
        .mean()
    )
    texts = [f"{mark} {value:+.2f}" for mark, value in least.items()]
    return (
        f"Without the mark within ±3 kbp the expectation changes by {', '.join(texts)} log2 units."
    )


def positions(table: pd.DataFrame) -> str:
    """Say where each mark matters most."""
    mean = table.groupby(["assay", "middle"], sort=False)["difference"].mean()
    texts = [
        f"{mark} {mean[mark].abs().idxmax() / 1_000:+g} kbp" for mark in mean.index.unique("assay")
    ]
    return f"The largest distal change lies at: {', '.join(texts)}."


def folds(agreement: pd.DataFrame) -> str:
    """Say how the folds agree."""
    other = agreement[agreement["first"] != agreement["second"]]["r"]
    return (
        "There is only one fold."
        if other.empty
        else f"Folds agree with r of {other.min():.2f} or more."
    )


def eqtl(table: pd.DataFrame) -> str:
    """Say how enriched the top decile is."""
    if table.empty:
        return "There is nothing to compare."
    top = (
        table[table["decile"] == table["decile"].max()]
        .groupby("score", sort=False)["enrichment"]
        .mean()
    )
    texts = [f"{score} {value:.1f}" for score, value in top.items()]
    return f"Enrichment of the top decile: {', '.join(texts)}."


def own(table: pd.DataFrame, importance: pd.DataFrame) -> str:
    """Say how well your cell is predicted, and by which mark."""
    known = table.dropna(subset=["observed"])
    mark = f"{importance['mark'].iloc[0]} matters most"
    if len(known) < 3:
        return f"{mark}; there is no expression to compare with."
    return (
        f"r = {np.corrcoef(known['observed'], known['expected'])[0, 1]:.2f} with the observed; "
        f"{mark}."
    )
