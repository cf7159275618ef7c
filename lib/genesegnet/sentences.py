"""What came out, in one sentence per picture, from the table of what is drawn."""

import pandas as pd

MEAN = "mean AP over IoU 0.5 to 0.95"


def outlines(drawn: pd.DataFrame) -> str:
    """Say how many cells each panel of `plots.slides` has and, where spots are drawn, which share
    lies in them.
    """
    parts = []
    for panel, table in drawn.groupby("panel", sort=False):
        spots = table[table["mark"] == "spot"]
        inside = (
            f" with {(spots['cell_id'] > 0).mean():.0%} of the transcripts" if len(spots) else ""
        )
        parts.append(f"{(table['mark'] == 'cell').sum()} ({panel}){inside}")
    return f"Cells: {'; '.join(parts)}."


def maps(drawn: pd.DataFrame) -> str:
    """Say which share of a window each location map fills."""
    shares = [f"{row.share:.0%} ({row.map})" for row in drawn.itertuples()]
    return f"The map lies above one half on {', '.join(shares)} of the pixels."


def losses(drawn: pd.DataFrame) -> str:
    """Say where the losses of every network end."""
    last = drawn.groupby(["network", "split"], sort=False)["loss"].last().unstack("split")
    parts = [f"{row.train:.2f} and {row.val:.2f} ({name})" for name, row in last.iterrows()]
    return f"After {drawn['epoch'].max()} epochs, training and validation loss: {', '.join(parts)}."


def precision(drawn: pd.DataFrame, by: str) -> str:
    """Say the AP at the least overlap, and its mean over all overlaps, by `by`."""
    rows = drawn.groupby([by, "iou"], sort=False)["ap"].mean().unstack("iou")
    parts = [
        f"{row.iloc[0]:.2f} and {row.mean():.2f} ({by} {name})" for name, row in rows.iterrows()
    ]
    return f"AP at an IoU of {rows.columns[0]:g} and {MEAN}: {', '.join(parts)}."


def widths(drawn: pd.DataFrame) -> str:
    """Say the mean AP by width of the location map."""
    means = drawn.groupby("sigma_px", sort=False)[["ap", "gene_iou"]].mean()
    parts = [
        f"{row.ap:.2f} and {row.gene_iou:.2f} (σ {sigma:g})" for sigma, row in means.iterrows()
    ]
    return f"M{MEAN[1:]} and gene IoU: {', '.join(parts)}."


def mapping(drawn: pd.DataFrame) -> str:
    """Say how many transcripts lie in cells, and how many a cell has."""
    cells = drawn[drawn["mark"] == "one cell"]
    counts = drawn[drawn["n"].notna()].groupby("mark")["n"].sum()
    return (
        f"{counts['cell']:,.0f} of {counts.sum():,.0f} transcripts "
        f"({counts['cell'] / counts.sum():.0%}) lie in one of {len(cells)} cells, "
        f"{cells['n_transcripts'].median():g} in the median cell."
    )


def methods(drawn: pd.DataFrame) -> str:
    """Say how GeneSegNet stands beside the best of the other ways."""
    means = drawn.groupby("method").mean(numeric_only=True)
    if "ap" not in means:
        parts = [f"{value:.0%} ({name})" for name, value in means["assigned"].items()]
        return f"Transcripts in cells: {', '.join(parts)}."
    ours, others = means.loc["GeneSegNet"], means.drop("GeneSegNet")
    best = others["ap"].idxmax()
    return (
        f"GeneSegNet has a {MEAN} of {ours['ap']:.2f} with {ours['assigned']:.0%} of the "
        f"transcripts in cells and a purity of {ours['purity']:.2f}; the best other way, {best}, "
        f"{others.loc[best, 'ap']:.2f}, {others.loc[best, 'assigned']:.0%} and "
        f"{others.loc[best, 'purity']:.2f}."
    )
