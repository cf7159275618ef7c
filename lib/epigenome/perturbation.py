"""In-silico perturbation: what a network expects if a mark is weakened in one stretch around the
start site.

Stretches are intervals in bp from the start site, in the direction of transcription. A bin is
scaled by the share of it that the stretch covers, so that all resolutions agree on the region.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch

from lib.data.errors import InputError
from lib.epigenome import eqtl, features, fitting, screen, signals
from lib.epigenome.features import Features
from lib.epigenome.signals import SIZE, WINDOW
from lib.run import compute

How = Literal["log", "depth"]
PROMOTER = (-3_000, 3_000)
STEP = 2_000  # bp of a distal stretch
FACTORS = tuple(round(1 - 0.1 * i, 1) for i in range(11))


def distal_stretches() -> list[tuple[int, int]]:
    """Return the 17 distal stretches: the 2-kbp bins of the window without those at -4 to +2 kbp.

    Examples
    --------
    >>> stretches = distal_stretches()
    >>> len(stretches), stretches[0], stretches[8], stretches[-1]
    (17, (-20000, -18000), (2000, 4000), (18000, 20000))
    """
    low = [-WINDOW // 2 + STEP * i for i in range(WINDOW // STEP) if i not in (8, 9, 10)]
    return [(start, start + STEP) for start in low]


def shares(stretch: tuple[int, int], size: int) -> np.ndarray:
    """Return the share of each bin of the window that a stretch covers, (L,).

    Examples
    --------
    >>> shares((-3000, 3000), 2000)[7:13].tolist()
    [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]
    """
    low = -WINDOW // 2 + size * np.arange(WINDOW // size)
    return np.clip(np.minimum(low + size, stretch[1]) - np.maximum(low, stretch[0]), 0, None) / size


def scaled(
    made: Features, rows: np.ndarray, stretch: tuple[int, int], factor: float, how: How = "log"
) -> dict[int, np.ndarray]:
    """Return promoter bins (B, L, F) by bin size, with the mark scaled within a stretch.

    Parameters
    ----------
    factor : float
        1 changes nothing, 0 takes the mark away.
    how : str
        `log` scales ln(1 + depth), the network's input, as the paper; `depth` scales the depth
        itself.

    Raises
    ------
    InputError
        For a stretch outside the window, or a negative factor.
    """
    if not -WINDOW // 2 <= stretch[0] < stretch[1] <= WINDOW // 2 or factor < 0:
        raise InputError(f"{stretch} bp times {factor} is no perturbation within ±{WINDOW // 2} bp")
    if how == "depth":
        keep = (1 - shares(stretch, SIZE) * (1 - factor)).astype(np.float32)
        sums = made.sums[rows] * keep
        return {size: features.promoter_bins(sums, size) for size in made.promoters}
    changed = {}
    for size, values in made.promoters.items():
        keep = (1 - shares(stretch, size) * (1 - factor)).astype(np.float32)
        changed[size] = values[rows] * keep[:, None]
    return changed


@torch.inference_mode()
def predictions(
    network,
    made: Features,
    rows: np.ndarray,
    variants: Sequence[tuple[tuple[int, int], float]],
    *,
    how: How = "log",
    size: int = 256,
) -> np.ndarray:
    """Return predictions (V, B) of the genes `rows` under each variant (stretch, factor)."""
    network.eval()
    device = next(network.parameters()).device
    found = np.empty((len(variants), len(rows)))
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        plain = made.inputs(some)
        for i, (stretch, factor) in enumerate(variants):
            changed = scaled(made, some, stretch, factor, how)
            tensors = {b: torch.from_numpy(values) for b, values in changed.items()}
            inputs = fitting.moved(plain.with_promoters(tensors), device)
            found[i, start : start + size] = network(inputs)[:, 0].cpu().numpy()
    return found


def variants(
    factors: Sequence[float], distal_factors: Sequence[float]
) -> list[tuple[tuple[int, int], float]]:
    """Return the perturbations of a run; the first changes nothing."""
    promoter = [(PROMOTER, factor) for factor in factors if factor != 1]
    distal = [
        (stretch, factor)
        for stretch in distal_stretches()
        for factor in distal_factors
        if factor != 1
    ]
    return [(PROMOTER, 1.0), *promoter, *distal]


def perturb_unit(
    part: Path,
    *,
    seed: int,
    network: Path,
    data: Path,
    label: int,
    factors: Sequence[float],
    distal_factors: Sequence[float],
    how: How = "log",
) -> None:
    """Score the expressed (label 1) or silent (0) genes of a cell under all perturbations; a unit.

    Writes one row per gene and perturbation: fold, assay, cell, gene, part, start, end, factor,
    pred.
    """
    known = signals.read(data)
    model, plan, card = fitting.load(fitting.read_network(network))
    if plan.kind != "chromoformer" or plan.task != "regression":
        raise InputError("only Chromoformer's regression is perturbed", file=network)
    made = features.features(known, plan.marks, window=plan.window)
    rows = np.flatnonzero(known.genes["label"].to_numpy() == label)
    runs = variants(factors, distal_factors)
    found = predictions(model, made, rows, runs, how=how)
    seen = card.inputs["chromosomes"]
    where = {chrom: part for part, chroms in seen.items() for chrom in chroms}
    genes = known.genes.iloc[rows]
    tables = []
    for (stretch, factor), pred in zip(runs, found, strict=True):
        tables.append(
            pd.DataFrame(
                {
                    "fold": plan.fold,
                    "assay": plan.assay,
                    "cell": known.cell,
                    "gene": genes["gene_id"],
                    "part": genes["chrom"].map(where),
                    "start": stretch[0],
                    "end": stretch[1],
                    "factor": factor,
                    "pred": pred,
                }
            )
        )
    pd.concat(tables, ignore_index=True).to_parquet(part, index=False)


def run(
    folder: str | os.PathLike,
    data: Mapping[str, Path],
    labels: Mapping[str, int],
    *,
    factors: Sequence[float],
    distal_factors: Sequence[float],
    how: How,
    directory: str | os.PathLike,
) -> pd.DataFrame:
    """Perturb the kept networks of single marks in their own cells; one row per fold, gene and
    perturbation.

    Parameters
    ----------
    folder : path
        Of kept networks, see `screen.kept`.
    labels : mapping
        Mark → 1 for expressed genes, 0 for the others.
    """
    units = {}
    for cell, path in data.items():
        for mark, label in labels.items():
            for name, network in screen.networks(folder, cell=cell, assay=mark).items():
                units[name] = {
                    "network": network,
                    "data": path,
                    "label": label,
                    "factors": list(factors),
                    "distal_factors": list(distal_factors),
                    "how": how,
                }
    paths = compute.run_units(perturb_unit, units, directory=directory)
    return pd.concat([pd.read_parquet(path) for path in paths.values()], ignore_index=True)


def eqtl_bins(
    found: pd.DataFrame, known: Mapping[str, signals.Signals], variants: pd.DataFrame, mark: str
) -> pd.DataFrame:
    """Return the distal stretches of every cell that has a tissue, with their effect, activity and
    eQTL.

    Parameters
    ----------
    found : DataFrame
        From `effects`, of one mark.

    Returns
    -------
    DataFrame
        tissue, cell, gene, start, low, high, `predicted effect`, `mark activity`, n_eqtl; genes
        without any eQTL of the tissue in the window are left out, as they can hold none.
    """
    distal = found[
        (found["end"] - found["start"] == STEP) & (found["factor"] == found["factor"].min())
    ]
    parts = []
    for cell, group in distal.groupby("cell", sort=False):
        tissues = eqtl.TISSUES.get(cell, ())
        some = variants[variants["tissue"].isin(tissues)]
        if some.empty:
            continue
        genes = known[cell].genes.set_index("gene_id").loc[group["gene"]]
        sign = np.where(genes["strand"] == "+", 1, -1)
        ends = np.sort(
            genes["start"].to_numpy()[:, None] + sign[:, None] * group[["start", "end"]].to_numpy(),
            axis=1,
        )
        bins = group[["gene", "start"]].assign(
            tissue=tissues[0],
            cell=cell,
            low=ends[:, 0],
            high=ends[:, 1],
            **{
                "predicted effect": group["difference"],
                "mark activity": _activity(known[cell], mark, group),
            },
        )
        parts.append(eqtl.mark_hits(bins, some))
    if not parts:
        return pd.DataFrame()
    every = pd.concat(parts, ignore_index=True)
    return every[every.groupby(["cell", "gene"])["n_eqtl"].transform("sum") > 0].reset_index(
        drop=True
    )


def _activity(known: signals.Signals, mark: str, group: pd.DataFrame) -> np.ndarray:
    """Return the mean ln(1 + depth) of a mark in each gene's stretch."""
    values = features.narrow(known, [mark], window=WINDOW)[:, :, 0]  # (G, 400)
    means = values.reshape(len(values), -1, STEP // SIZE).mean(axis=2)
    row = pd.Series(range(len(known.genes)), known.genes["gene_id"].to_numpy())[
        group["gene"]
    ].to_numpy()
    return means[row, ((group["start"] + WINDOW // 2) // STEP).to_numpy()]


def effects(table: pd.DataFrame) -> pd.DataFrame:
    """Return the effect of every perturbation on every gene, predictions averaged over the folds
    first.

    Returns
    -------
    DataFrame
        assay, cell, gene, start, end, factor, pred, base (prediction without perturbation),
        `effect` = (base - pred) / pred, the paper's, unstable near zero, and `difference` = base -
        pred, in log2 units.
    """
    keys = ["assay", "cell", "gene", "start", "end", "factor"]
    mean = table.groupby(keys, as_index=False, sort=False)["pred"].mean()
    base = mean[mean["factor"] == 1].drop_duplicates(["assay", "cell", "gene"])
    base = base[["assay", "cell", "gene", "pred"]].rename(columns={"pred": "base"})
    found = mean[mean["factor"] != 1].merge(
        base, on=["assay", "cell", "gene"], validate="many_to_one"
    )
    difference = found["base"] - found["pred"]
    ratio = difference / found["pred"].where(found["pred"].abs() > 1e-6)
    return found.assign(difference=difference, effect=ratio)


def by_position(found: pd.DataFrame) -> pd.DataFrame:
    """Return the mean difference of each distal stretch at the strongest perturbation, by assay and
    cell."""
    distal = found[
        (found["end"] - found["start"] == STEP) & (found["factor"] == found["factor"].min())
    ]
    keys = ["assay", "cell", "start", "end"]
    grouped = distal.groupby(keys, as_index=False)["difference"]
    return grouped.mean().assign(
        n=grouped.size()["size"], middle=lambda t: (t["start"] + t["end"]) / 2
    )


def fold_correlation(table: pd.DataFrame) -> pd.DataFrame:
    """Return Pearson's r between the folds' perturbed predictions, by assay: folds × folds,
    long."""
    keys = ["assay", "cell", "gene", "start", "end", "factor"]
    wide = table.pivot_table(index=keys, columns="fold", values="pred")
    parts = []
    for assay, group in wide.groupby(level="assay"):
        r = group.corr().rename_axis(index="first", columns="second").stack().rename("r")
        parts.append(r.reset_index().assign(assay=assay))
    return pd.concat(parts, ignore_index=True)


def interval(gene: Mapping, stretch: tuple[int, int]) -> tuple[int, int]:
    """Return where a stretch lies in the genome, half-open.

    Examples
    --------
    >>> interval({"start": 100_000, "strand": "+"}, (4000, 6000))
    (104000, 106000)
    >>> interval({"start": 100_000, "strand": "-"}, (4000, 6000))
    (94000, 96000)
    """
    start, sign = int(gene["start"]), 1 if gene["strand"] == "+" else -1
    low, high = sorted((start + sign * stretch[0], start + sign * stretch[1]))
    return low, high
