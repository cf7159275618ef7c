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
from lib.epigenome import features, fitting, promoters, screen, signals, trained, unit_files
from lib.epigenome.features import Features
from lib.epigenome.signals import SIZE, WINDOW
from lib.run import compute

How = Literal["log", "depth"]
PromoterBins = Literal["agree", "published"]
PROMOTER = (-3_000, 3_000)
PUBLISHED_COARSE = (-4_000, 2_000)  # what the reference scaled at 2,000 bp in place of ±3 kbp
STEP = 2_000  # bp of a distal stretch


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

    Parameters
    ----------
    stretch : (int, int)
        bp from the start site, along transcription.
    size : int
        bp of a bin.

    Examples
    --------
    >>> shares((-3000, 3000), 2000)[7:13].tolist()
    [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]
    """
    low = -WINDOW // 2 + size * np.arange(WINDOW // size)
    return np.clip(np.minimum(low + size, stretch[1]) - np.maximum(low, stretch[0]), 0, None) / size


def covered(stretch: tuple[int, int], size: int, promoter_bins: PromoterBins) -> np.ndarray:
    """Return the share of each bin that is scaled when a stretch is, (L,).

    Parameters
    ----------
    promoter_bins : str
        `agree`: the same base pairs at all resolutions. `published`: at 2,000 bp the promoter is
        -4 to +2 kbp, three whole bins, as in the reference; at 100 and 500 bp it is ±3 kbp.

    Examples
    --------
    >>> covered(PROMOTER, 2000, "published")[7:13].tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    is_moved = promoter_bins == "published" and size == STEP and tuple(stretch) == PROMOTER
    return shares(PUBLISHED_COARSE if is_moved else stretch, size)


def scaled(
    made: Features,
    rows: np.ndarray,
    stretch: tuple[int, int],
    factor: float,
    *,
    how: How = "log",
    promoter_bins: PromoterBins = "agree",
) -> dict[int, np.ndarray]:
    """Return promoter bins (B, L, F) by bin size, with the mark scaled within a stretch.

    Parameters
    ----------
    factor : float
        1 changes nothing, 0 takes the mark away.
    how : str
        `log` scales ln(1 + depth), the network's input, as the paper; `depth` scales the depth
        itself, of which all resolutions are made, so that their bins agree.
    promoter_bins : str
        As of `covered`.

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
        return {size: promoters.promoter_bins(sums, size) for size in made.promoters}
    changed = {}
    for size, values in made.promoters.items():
        keep = (1 - covered(stretch, size, promoter_bins) * (1 - factor)).astype(np.float32)
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
    promoter_bins: PromoterBins = "agree",
    size: int = 256,
) -> np.ndarray:
    """Return predictions (V, B) of the genes `rows` under each variant (stretch, factor).

    Parameters
    ----------
    network : Chromoformer
    made : Features
    rows : (B,) array
    variants : sequence of ((int, int), float)
        Stretch and factor.
    how, promoter_bins
        As of `scaled`.
    size : int
        Genes at once.

    Returns
    -------
    (V, B) float array
    """
    network.eval()
    device = next(network.parameters()).device
    found = np.empty((len(variants), len(rows)))
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        plain = made.inputs(some)
        for i, (stretch, factor) in enumerate(variants):
            changed = scaled(made, some, stretch, factor, how=how, promoter_bins=promoter_bins)
            tensors = {b: torch.from_numpy(values) for b, values in changed.items()}
            inputs = fitting.moved(plain.with_promoters(tensors), device)
            found[i, start : start + size] = network(inputs)[:, 0].cpu().numpy()
    return found


def variants(
    factors: Sequence[float], distal_factors: Sequence[float]
) -> list[tuple[tuple[int, int], float]]:
    """Return the perturbations of a run; the first changes nothing.

    Parameters
    ----------
    factors, distal_factors : sequences of float
        On the promoter, and on each distal stretch.

    Returns
    -------
    list of ((int, int), float)
        Stretch and factor.
    """
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
    promoter_bins: PromoterBins = "agree",
) -> None:
    """Score the expressed (label 1) or silent (0) genes of a cell under all perturbations; a unit.

    Writes one row per gene and perturbation: fold, assay, cell, gene, part, start, end, factor,
    pred.

    Parameters
    ----------
    network, data : Path
        Unit that kept its network; signals of the cell.
    label : int
        1 for expressed genes, 0 for the others.
    factors, distal_factors
        As of `variants`.
    how, promoter_bins
        As of `scaled`.
    """
    known = signals.read(data)
    model, plan, card = trained.load(unit_files.read_network(network))
    if plan.kind != "chromoformer" or plan.task != "regression":
        raise InputError("only Chromoformer's regression is perturbed", file=network)
    made = features.features(known, plan.marks, window=plan.window)
    rows = np.flatnonzero(known.genes["label"].to_numpy() == label)
    runs = variants(factors, distal_factors)
    found = predictions(model, made, rows, runs, how=how, promoter_bins=promoter_bins)
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
    promoter_bins: PromoterBins,
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
                    "promoter_bins": promoter_bins,
                }
    paths = compute.run_units(perturb_unit, units, directory=directory)
    return pd.concat([pd.read_parquet(path) for path in paths.values()], ignore_index=True)


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


def strongest_distal(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `effects` that are distal stretches at the strongest perturbation."""
    is_distal = found["end"] - found["start"] == STEP
    return found[is_distal & (found["factor"] == found["factor"].min())]


def by_position(found: pd.DataFrame) -> pd.DataFrame:
    """Return the mean difference of each distal stretch at the strongest perturbation, by assay and
    cell.

    Parameters
    ----------
    found : DataFrame
        From `effects`.

    Returns
    -------
    DataFrame
        assay, cell, start, end, difference, n genes, middle; bp and log2 units.
    """
    distal = strongest_distal(found)
    keys = ["assay", "cell", "start", "end"]
    grouped = distal.groupby(keys, as_index=False)["difference"]
    return grouped.mean().assign(
        n=grouped.size()["size"], middle=lambda t: (t["start"] + t["end"]) / 2
    )


def fold_correlation(table: pd.DataFrame) -> pd.DataFrame:
    """Return Pearson's r between the folds' perturbed predictions, by assay: folds × folds,
    long.

    Parameters
    ----------
    table : DataFrame
        From `run`.

    Returns
    -------
    DataFrame
        first, second (folds), r, assay.
    """
    keys = ["assay", "cell", "gene", "start", "end", "factor"]
    wide = table.pivot_table(index=keys, columns="fold", values="pred")
    parts = []
    for assay, group in wide.groupby(level="assay"):
        r = group.corr().rename_axis(index="first", columns="second").stack().rename("r")
        parts.append(r.reset_index().assign(assay=assay))
    return pd.concat(parts, ignore_index=True)
