"""What came out, in one sentence per picture, from the table of what is drawn."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.lincs.plots import LATENT, short
from lib.lincs.target_tests import ALL_DRUGS


def arm(drawn: pd.DataFrame, name: str) -> str:
    """Say how far one set of signatures lies from the centre of the others, in two components."""
    scores = ["pc1_z", "pc2_z"]
    is_arm = drawn["set"] == name
    centre = drawn.loc[~is_arm, scores].median()
    away = np.hypot(*(drawn[scores] - centre).to_numpy().T)
    return (
        f"The median distance from the centre of the other drugs is {np.median(away[is_arm]):.1f} "
        f"for {name}, {np.median(away[~is_arm]):.1f} for the others."
    )


def losses(drawn: pd.DataFrame) -> str:
    """Say the last errors, beside those of the lines."""
    value = next(name for name in drawn.columns if name.startswith("error_"))
    last = drawn.groupby("line", sort=False)[value].last()
    curves = drawn["epoch"].notna()
    lines = drawn.loc[~curves, "line"]
    beside = ", ".join(f"{name} {last[name]:.3g}" for name in lines)
    return (
        f"After {drawn['epoch'].max():.0f} epochs the error is {last['training']:.3g} in training "
        f"and {last['validation']:.3g} held out; beside it: {beside}."
    )


def latent(drawn: pd.DataFrame, live: Sequence[int]) -> str:
    """Say how much larger the live dimensions are than the others."""
    size = drawn.assign(size=drawn[LATENT].abs()).groupby("node")["size"].mean()
    is_live = size.index.isin(live)
    text = f"{len(live)} of {len(size)} dimensions are alive"
    if is_live.all() or not is_live.any():
        return f"{text}; mean |μ| is {size.mean():.2f}."
    return (
        f"{text}: mean |μ| is {size[is_live].mean():.2f} in them and {size[~is_live].mean():.2f} "
        "in the others."
    )


def codes(drawn: pd.DataFrame) -> str:
    """Say which two classes have the most alike codes, and which is far from all."""
    value = "distance_1_minus_r"
    other = drawn[drawn["pcl"] != drawn["other"]]
    first = other.sort_values([value, "pcl", "other"]).iloc[0]
    nearest = other.groupby("pcl")[value].min()
    return (
        f"The codes of {short(first['pcl'])} and {short(first['other'])} are nearest "
        f"({first[value]:.2f}); {short(nearest.idxmax())} is farthest from its nearest class "
        f"({nearest.max():.2f})."
    )


def network(drawn: pd.DataFrame) -> str:
    """Say how many classes are nearest to each other, and how alike the nearest are."""
    edges = drawn[drawn["mark"] == "edge"]
    pairs = set(zip(edges["from"], edges["to"], strict=True))
    mutual = sum((to, start) in pairs for start, to in pairs)
    return (
        f"{mutual} of {len(edges)} classes are the nearest of their own nearest class; its "
        f"correlation lies between {edges['r'].min():.2f} and {edges['r'].max():.2f}."
    )


def classes(drawn: pd.DataFrame) -> str:
    """Say which class is the strongest, and where."""
    top = drawn.loc[drawn[LATENT].abs().idxmax()]
    size = drawn.assign(size=drawn[LATENT].abs()).groupby("pcl")["size"].max()
    return (
        f"The strongest mean is {top[LATENT]:.1f}, of {short(top['pcl'])} in node {top['node']}; "
        f"the weakest class, {short(size.idxmin())}, stays within {size.min():.1f}."
    )


def made(comparisons: pd.DataFrame, name: str) -> str:
    """Say how well classifiers tell made from held-out signatures.

    Parameters
    ----------
    comparisons : DataFrame
        `set`, `auc_forest`, `auc_linear`, `mixing`; with a row `training rows`.
    name : str
        The set that is drawn.
    """
    row, base = (comparisons.set_index("set").loc[one] for one in (name, "training rows"))
    return (
        f"A forest tells made from held-out signatures with an AUC of {row['auc_forest']:.2f}, a "
        f"linear classifier with {row['auc_linear']:.2f}; real training signatures get "
        f"{base['auc_forest']:.2f} and {base['auc_linear']:.2f}."
    )


def spread(drawn: pd.DataFrame) -> str:
    """Say how far real and made signatures spread along the two components."""
    texts = []
    for name, one in drawn.groupby("set", sort=False):
        weight = one["density_per_z2"] / one["density_per_z2"].sum()
        sds = [
            np.sqrt(np.cov(one[column], aweights=weight, ddof=0)) for column in ("pc1_z", "pc2_z")
        ]
        texts.append(f"{sds[0]:.1f} and {sds[1]:.1f} ({name})")
    return f"SD along PC1 and PC2: {', '.join(texts)}."


def genes(drawn: pd.DataFrame) -> str:
    """Say how means and SDs of genes agree."""
    r = {
        what: np.corrcoef(drawn[f"real_{what}_z"], drawn[f"made_{what}_z"])[0, 1]
        for what in ("mean", "sd")
    }
    ratio = (drawn["made_sd_z"] / drawn["real_sd_z"]).median()
    return (
        f"Over {len(drawn)} genes r is {r['mean']:.2f} for means and {r['sd']:.2f} for SDs; a made "
        f"SD is {ratio:.2f} times the real one (median)."
    )


def gains(drawn: pd.DataFrame) -> str:
    """Say at which gain most samples are nearest to their class."""
    mean = drawn.groupby("gain")["share"].mean()
    chance = drawn.drop_duplicates("pcl")["chance"].mean()
    worst = drawn[drawn["gain"] == mean.idxmax()].sort_values(["share", "pcl"]).iloc[0]
    return (
        f"At gain {mean.idxmax():g} {mean.max():.0%} of the samples are nearest to their class, "
        f"{chance:.0%} by chance; fewest for {short(worst['pcl'])} ({worst['share']:.0%})."
    )


def pattern(drawn: pd.DataFrame, pcl: str) -> str:
    """Say which share of the nearest real signatures is of the class."""
    shares = drawn[drawn["part"] == "nearest"].set_index("name")["share"]
    return f"{shares.get(short(pcl), 0.0):.0%} of the nearest real signatures are of the class."


def path(drawn: pd.DataFrame) -> str:
    """Say which genes change most from one end to the other."""
    steps = drawn["step"].unique()  # in the order of the path
    wide = drawn.pivot(index="gene", columns="step", values="z_score")
    change = wide[steps[-1]] - wide[steps[0]]
    low, high = change.idxmin(), change.idxmax()
    return (
        f"{low} falls most, by {-change[low]:.1f}; {high} rises most, by {change[high]:.1f} in z."
    )


def accuracy(drawn: pd.DataFrame, value: str) -> str:
    """Say what is best with perturbagens kept together, and what random folds would claim."""
    lines = drawn[drawn["folds"] == "line"].set_index("representation")[value]
    by = drawn[drawn["folds"] != "line"].pivot(
        index="representation", columns="folds", values=value
    )
    honest = by["by perturbagen"]
    best = honest.idxmax()
    random = by.loc[best].get("at random", np.nan)
    claimed = "" if np.isnan(random) else f" ({random:.2f} in random folds)"
    beside = ", ".join(f"{name} {at:.2f}" for name, at in lines.items())
    return (
        f"{best} is best for perturbagens held out whole, {honest[best]:.2f}{claimed}; beside it: "
        f"{beside}."
    )


def confusion(drawn: pd.DataFrame) -> str:
    """Say the mean share on the diagonal and the commonest error."""
    right = drawn["pcl"] == drawn["predicted"]
    worst = drawn.loc[drawn["share"].where(~right).idxmax()]
    return (
        f"On average {drawn.loc[right, 'share'].mean():.0%} of a class's signatures are right; the "
        f"commonest error takes {worst['share']:.0%} of {short(worst['pcl'])} for "
        f"{short(worst['predicted'])}."
    )


def ranks(drawn: pd.DataFrame) -> str:
    """Say how many drugs rank their target better than chance."""
    drugs = drawn[drawn["part"] == "drug"]
    n = int((drugs["mean_rank"] < drugs["chance"]).sum())
    return (
        f"{n} of {len(drugs)} drugs rank a target better than chance; the median rank of a drug is "
        f"{drugs['mean_rank'].median():.0f}, by chance {drugs['chance'].median():.0f}."
    )


def drugs(drawn: pd.DataFrame) -> str:
    """Say how many drugs rank a target better than random genes, and all together."""
    is_all = drawn["drug"] == ALL_DRUGS
    overall, each = drawn[is_all].iloc[0], drawn[~is_all]
    n = int((each["p"] < 0.05).sum())
    return (
        f"{n} of {len(each)} drugs have p < 0.05; over all, the mean rank is "
        f"{overall['gene_rank']:.1f}, that of random genes {overall['null_mean']:.1f} (p = "
        f"{overall['p']:.2g})."
    )


def digits(drawn: pd.DataFrame) -> str:
    """Say which two digits have the nearest codes."""
    value = "distance_au"
    other = drawn[drawn["digit"] != drawn["other"]]
    order = other[other["digit"] < other["other"]].sort_values([value, "digit", "other"])
    near, far = order.iloc[0], order.iloc[-1]
    return (
        f"The codes of {near['digit']} and {near['other']} are nearest ({near[value]:.2f}), those "
        f"of {far['digit']} and {far['other']} farthest ({far[value]:.2f})."
    )


def chosen(drawn: pd.DataFrame) -> str:
    """Say how many samples choose the code of their class."""
    own = drawn.loc[drawn["class"] == drawn["code"], "n"].sum()
    return f"{own} of {drawn['n'].sum()} choose the code of their own digit."


def own(drawn: pd.DataFrame) -> str:
    """Say how many signatures are more like their nearest class than chance allows."""
    n = int((drawn["p"] < 0.05).sum())
    return (
        f"{n} of {len(drawn)} signatures are more like their nearest class than 95 % of those "
        f"without a class; the median r is {drawn['r'].median():.2f}."
    )


def searches(drawn: pd.DataFrame) -> str:
    """Say how often each search finds the class, beside chance."""
    is_line = drawn["folds"] == "line"
    ways = ", ".join(
        f"{row.representation} {row.share:.0%}" for row in drawn[~is_line].itertuples()
    )
    return f"The true class comes first by {ways}; by chance {drawn[is_line]['share'].iloc[0]:.0%}."


def usage(drawn: pd.DataFrame) -> str:
    """Say how many codes are in use in each set of signatures."""
    n = (drawn["n_chosen"] > 0).groupby(drawn["set"], sort=False).agg(["sum", "size"])
    ways = ", ".join(f"{row['sum']} of {row['size']} in {name}" for name, row in n.iterrows())
    return f"Codes that are somebody's nearest: {ways}."


def layers(drawn: pd.DataFrame) -> str:
    """Say how many genes come before the target by each representation, beside chance."""
    is_line = drawn["folds"] == "line"
    ways = ", ".join(
        f"{row.representation} {row.share:.2f}" for row in drawn[~is_line].itertuples()
    )
    chance = drawn[is_line]["share"].iloc[0]
    return f"Genes before the best target, as a share: {ways}; by chance {chance:.2f}."


def weights(drawn: pd.DataFrame) -> str:
    """Say which weights replicates have, and those of wells that failed."""
    good, bad = (drawn.loc[drawn["failed"] == is_bad, "share"] for is_bad in (False, True))
    text = f"A replicate has a weight of {good.median():.2f} (median)"
    return f"{text}; a well that failed {bad.median():.2f}." if len(bad) else f"{text}."


def recovery(drawn: pd.DataFrame) -> str:
    """Say how well each way gives the planted effects back."""
    ways = ", ".join(f"{row.way} {row.r:.3f}" for row in drawn.itertuples())
    return f"Mean correlation with the planted effect: {ways}."
